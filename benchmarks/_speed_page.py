"""The sections of ``docs/benchmarks.md`` about speed and memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Table = Callable[[Sequence[str], Sequence[Sequence[object]]], str]


def updates_table(results: Mapping[str, Any], table: Table) -> str:
    """Seconds per update beside the transcription, and the two floors."""
    floors = results["summary"]["floors"]
    rows = []
    for name, part in results["parts"].items():
        if not name.startswith("update-") or "median_seconds_per_update" not in part:
            continue
        method, spent = name.removeprefix("update-"), part["median_seconds_per_update"]
        floor = floors.get(method, {})
        seconds = [
            f"{spent[who]['adversarial']:.3f}" if who in spent else "–"
            for who in ("package", "package, float32", "reference")
        ]
        least = [
            f"{floor[kind] * 1000:.0f}" if kind in floor else "–"
            for kind in ("arithmetic_seconds", "memory_seconds")
        ]
        faster = part["times_faster_than_reference"]["package"]["adversarial"]
        shape = "(" + ", ".join(map(str, part["shape"])) + ")"
        rows.append([f"`{method}`", shape, part["precision"], *seconds, f"{faster:.1f}", *least])
    head = [
        "method", "rows", "precision", "s", "s in float32", "s of the transcription",
        "times faster", "arithmetic floor, ms", "memory floor, ms",
    ]  # fmt: skip
    return table(head, rows) if rows else ""


def use_table(results: Mapping[str, Any], table: Table) -> str:
    """What users wait for besides: SMOTE, label maps, samples, an epoch of DAG."""
    rows: list[list[object]] = []
    for name, part in results["parts"].items():
        if name.startswith("augment-") and "ratio" in part:
            shape = tuple(part["shape"])
            seconds = part["median_seconds"]["augment"]
            rows.append(
                [f'`s.augment("smote")`, {shape}', f"{seconds:.3f} s",
                 f"{part['ratio']:.2f} times imbalanced-learn"]
            )  # fmt: skip
        elif name == "prediction" and "per_second" in part:
            for way, share in part["share_of_bare_loop"].items():
                if way != "bare loop":
                    rate = part["per_second"][way]
                    rows.append(
                        [f"label map, {way}", f"{rate:.0f} spectra/s",
                         f"{share:.2f} of a bare loop"]
                    )  # fmt: skip
        elif name.startswith("sampling-") and "samples_per_second" in part:
            rates, method = part["samples_per_second"], name.split("-", 1)[1].rsplit("-", 1)[0]
            what = (
                f"samples of `{method}`, {part['channels']} channels, {part['threads']} thread(s)"
            )
            rows.append(
                [what, f"{rates['package']:.0f}/s",
                 f"{rates['package'] / rates['reference']:.1f} times the transcription"]
            )  # fmt: skip
        elif name == "dag-epoch" and "package" in part:
            for who in ("package", "package, no stopping rule"):
                faster = f"{part['reference'] / part[who]:.1f} times as fast as the transcription"
                what = f"an epoch of `dag` at (125, 700), {who}"
                rows.append([what, f"{part[who]:.2f} s", faster])
    return table(["what", "measured", "compared"], rows) if rows else ""


def fits_text(results: Mapping[str, Any]) -> str:
    """Say how long a whole fit takes, and what its rows are worth."""
    fits = results["summary"]["fits"]
    words = []
    if "package" in fits:
        words.append(
            f"A three-player fit at the settings of paper 000 on (156, 800) took "
            f"{fits['package']['fit_seconds']:.0f} s"
        )
    if "reference_seconds_extrapolated" in fits:
        words.append(
            f"the transcription needs {fits['reference_seconds_extrapolated']:.0f} s by its updates"
        )
    for who in ("none", "package", "reference"):
        if who in fits:
            scores = ", ".join(f"{v:.3f} ({k})" for k, v in fits[who]["macro_f"].items())
            words.append(f"macro F on rows held out, {who}: {scores}")
    half = results["summary"]["bfloat16_less_float32"]
    for name, value in half.items():
        values = ", ".join(f"{v:+.3f}" if "ratio" not in name else f"{v:.2f}" for v in value["all"])
        words.append(f"bfloat16 against float32 on polymers, {name}: {values}")
    return "; ".join(words) + "." if words else ""


def memory_table(results: Mapping[str, Any], table: Table) -> str:
    """Peak memory of labelling a virtual spectrum image, by its size."""
    rows = [
        [name, f"{m['gigabytes']:g}", f"{m['positions']}", f"{m['before_MiB']:.0f}",
         f"{m['peak_MiB']:.0f}", f"{m['positions_per_second']:.0f}"]
        for name, measured in results["memory"].items()
        for m in measured
    ]  # fmt: skip
    head = ["classifier", "GB", "positions", "MiB before", "peak MiB", "positions/s"]
    shares = ", ".join(
        f"{kind} {share:.2f}" for kind, share in results["rate"]["of_memory"].items()
    )
    return (
        f"{table(head, rows)}\nChunks of {results['chunk_MiB']:g} MiB, {results['workers']} "
        "workers. Rate of the convolutional network as a share of that on an array in memory: "
        f"{shares}.\n"
    )
