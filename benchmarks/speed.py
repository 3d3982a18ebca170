"""How fast the package is: against plain transcriptions, imbalanced-learn, and bare loops.

Parts (``--only``, by the start of a name):

check        loss terms and gradients of package and transcription agree on the same weights
peaks        matrix products and copies per second of this machine
update       seconds per update of the generator, with all that belongs to it, per method
dag-epoch    an epoch of DAG at (125, 700), with and without the look at its stopping rule
fit          a three-player GAN at the settings of paper 000 on (156, 800), and macro F of what it
             makes on rows held out; the transcription is trained with ``--full``, and extrapolated
             from its updates in any case
precision    macro F and Fréchet distance in float32 and bfloat16, infrared spectra of polymers
augment      ``s.augment("smote")`` and imbalanced-learn; (100 000, 1000) with ``--full``
prediction   a label map and a bare loop over the same network
sampling     spectra per second, one thread and all
memory       peak of an epoch, in a process of its own

Every part runs in a fresh process and is written as it comes; started again, the benchmark goes on
from there, and ``--only`` measures its parts anew. Package and reference take turns within a part,
medians of five. Run alone: two busy processes on two cores slow each other.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import traceback
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from _machine import machine, parser, write

MARK = "result: "
Part = Callable[[], dict[str, Any]]


# --- what there is to measure ----------------------------------------------------------------


def plan(threads: int, full: bool, seeds: int, quick: bool) -> dict[str, Part]:
    """Return the parts by name, in the order in which they are measured."""
    import _speed_check
    import _speed_costs
    import _speed_training as training
    import _speed_use as use

    parts: dict[str, Part] = {
        "check": _speed_check.check_all,
        "peaks": partial(_speed_costs.measure_peaks, quick),
    }
    for name in training.METHODS:
        parts[f"update-{name}"] = partial(training.measure_updates, name, quick)
    parts["dag-epoch"] = partial(training.measure_dag_epoch, quick)
    for seed in range(seeds):
        for who in ("none", "package", "reference") if full else ("none", "package"):
            parts[f"fit-{who}-{seed}"] = partial(training.measure_fit, who, seed, quick)
    for seed in range(seeds):
        parts[f"precision-{seed}"] = partial(training.measure_precision, seed, quick)
    for shape in ((156, 800), (100_000, 1000)) if full else ((156, 800),):
        parts[f"augment-{shape[0]}x{shape[1]}"] = partial(use.measure_augment, shape, quick)
    parts["prediction"] = partial(use.measure_prediction, threads, quick)
    for n in sorted({1, threads}):
        parts[f"sampling-three-player-{n}"] = partial(use.measure_sampling, n, quick)
        parts[f"sampling-diffusion-{n}"] = partial(use.measure_diffusion_sampling, n, quick)
    for name in training.METHODS:
        for who in ("package", "reference"):
            parts[f"memory-{name}-{who}"] = partial(training.measure_memory, name, who, quick)
    return parts


def measure(part: Part, threads: int) -> dict[str, Any]:
    """Return what a part finds, in this process."""
    import torch

    from hs_specaug.exceptions import SpecAugWarning

    torch.set_num_threads(threads)
    load = os.getloadavg()[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SpecAugWarning)
        found = part()
    return {**found, "load_before": load}


def measured_here(part: Part, threads: int) -> dict[str, Any]:
    """Return what a part finds, or that it failed, without ending the others."""
    try:
        return measure(part, threads)
    except (Exception, SystemExit) as error:  # a file of data that is missing exits
        traceback.print_exc()
        return {"failed": repr(error)}


def in_fresh_process(name: str, options: Any) -> dict[str, Any]:
    """Return what a part finds in a process of its own."""
    # Threads of Dask inherit what the environment says; the main thread is told by torch.
    threads = "1" if name == "prediction" else str(options.threads)
    command = [sys.executable, __file__, "--part", name, "--threads", str(options.threads)]
    command += ["--seeds", str(options.seeds), *(["--full"] if options.full else [])]
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": threads},
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith(MARK)]
    if done.returncode or not lines:
        return {"failed": f"exit code {done.returncode}"}
    return json.loads(lines[-1].removeprefix(MARK))


# --- what it says ----------------------------------------------------------------------------


def floors(parts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the least time of an update: its operations, and its bytes, at the best rates."""
    peaks, out = parts.get("peaks"), {}
    for name, found in parts.items():
        if not name.startswith("update-") or peaks is None or "needs" not in found:
            continue
        needs, precision = found["needs"]["package"], found["precision"]
        arithmetic = needs["flop"] / peaks[f"{precision}_flop_per_second"]
        memory = needs["bytes"] / peaks["copied_bytes_per_second"]
        measured = found["median_seconds_per_update"]["package"]["adversarial"]
        out[name.removeprefix("update-")] = {
            "arithmetic_seconds": arithmetic,
            "memory_seconds": memory,
            "measured_seconds": measured,
            "times_the_higher_floor": measured / max(arithmetic, memory),
            "operations_of_reference": found["needs"]["reference"]["flop"] / needs["flop"],
        }
    return out


def whole_fits(parts: Mapping[str, Any]) -> dict[str, Any]:
    """Return seconds of whole fits, ratios, and mean macro F by who made the rows."""
    out: dict[str, Any] = {}
    for who in ("none", "package", "reference"):
        found = [v for k, v in parts.items() if k.startswith(f"fit-{who}-") and "macro_f" in v]
        if not found:
            continue
        out[who] = {
            "seeds": len(found),
            "macro_f": {
                name: statistics.mean(f["macro_f"][name] for f in found)
                for name in found[0]["macro_f"]
            },
        }
        if who != "none":
            out[who]["fit_seconds"] = statistics.median(f["fit_seconds"] for f in found)
    updates = parts.get("update-three-player", {})
    if "median_seconds_per_update" in updates:
        from _speed_training import EPOCHS, PRETRAIN_EPOCHS

        spent = updates["median_seconds_per_update"]["reference"]
        epochs = EPOCHS * spent["adversarial"] + PRETRAIN_EPOCHS * spent["pre-training"]
        out["reference_seconds_extrapolated"] = updates["updates_per_epoch"] * epochs
    if "package" in out:
        own = out["package"]["fit_seconds"]
        for key, seconds in (
            ("times_faster", out.get("reference", {}).get("fit_seconds")),
            ("times_faster_extrapolated", out.get("reference_seconds_extrapolated")),
        ):
            if seconds is not None:
                out[key] = seconds / own
    return out


def precisions(parts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the mean and the range over the seeds of bfloat16 less float32."""
    found = [v for k, v in parts.items() if k.startswith("precision-") and "bfloat16" in v]
    if not found:
        return {}
    values: dict[str, list[float]] = {}
    for f in found:
        half, single = f["bfloat16"], f["float32"]
        for name, value in half["macro_f"].items():
            values.setdefault(name, []).append(value - single["macro_f"][name])
        share = half["frechet_to_held_out"] / single["frechet_to_held_out"]
        values.setdefault("frechet, ratio", []).append(share)
    return {n: {"mean": statistics.mean(v), "all": v} for n, v in values.items()}


def summarise(parts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the parts say together."""
    return {
        "times_faster_than_reference": {
            name.removeprefix("update-"): found["times_faster_than_reference"]
            for name, found in parts.items()
            if "times_faster_than_reference" in found
        },
        "floors": floors(parts),
        "fits": whole_fits(parts),
        "bfloat16_less_float32": precisions(parts),
    }


# --- the command -----------------------------------------------------------------------------


def read_options() -> Any:
    read = parser(__doc__ or "")
    read.formatter_class = argparse.RawDescriptionHelpFormatter
    read.add_argument("--threads", type=int, default=os.cpu_count(), help="of torch and of Dask")
    read.add_argument("--only", default="", help="parts whose names start so, measured anew")
    read.add_argument("--check", action="store_true", help="only the check; fails if it does")
    read.add_argument("--full", action="store_true", help="also what takes the transcription long")
    read.add_argument("--seeds", type=int, default=3, help="of whole fits")
    read.add_argument("--part", help="used within: measure one part in this process")
    options = read.parse_args()
    if options.check:
        options.only = "check"
    if options.quick:
        options.seeds = 1
        options.full = options.full or not options.only
        options.output = options.output.with_stem(f"{options.output.stem}_quick")
    return options


def wanted(parts: Mapping[str, Part], done: Mapping[str, Any], options: Any) -> list[str]:
    """Return the names of the parts that are to be measured."""
    names = [name for name in parts if name.startswith(options.only)]
    if options.quick and not options.only:
        left_out = ("memory-", "augment-100")  # a process each; gigabytes
        return [n for n in names if not n.startswith(left_out)]
    return names if options.only else [n for n in names if "failed" in done.get(n, {"failed": ""})]


def main() -> int:
    options = read_options()
    parts = plan(options.threads, options.full, options.seeds, options.quick)
    if options.part:
        print(MARK + json.dumps(measure(parts[options.part], options.threads)))
        return 0
    path: Path = options.output
    old = json.loads(path.read_text()) if path.is_file() and not options.quick else {}
    results = {"machine": machine(), "parts": old.get("parts", {})}
    for name in wanted(parts, results["parts"], options):
        if options.quick or name == "check":
            found = measured_here(parts[name], options.threads)
        else:
            found = in_fresh_process(name, options)
        results["parts"][name] = found
        results["summary"] = summarise(results["parts"])
        print(name, json.dumps(found), flush=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(results, indent=1) + "\n")
    if not options.check:
        write(path, results)
    disagree = not results["parts"].get("check", {"all_agree": True}).get("all_agree")
    failed = [name for name, found in results["parts"].items() if "failed" in found]
    print("failed:", ", ".join(failed) or "nothing", *["; the check"] * disagree)
    return int(bool(failed) or disagree)


if __name__ == "__main__":
    sys.exit(main())
