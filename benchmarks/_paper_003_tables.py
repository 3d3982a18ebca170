"""Figure 2 and tables 1 and 2 of paper 003 in Markdown, from the cells that paper_003.py wrote."""

from __future__ import annotations

import numpy as np
from scipy.stats import spearmanr


def summary(cells: list[dict]) -> dict:
    """Return the means of each part."""
    out: dict = {"figure 2": {}, "table 1": {}, "table 2": {}}
    for cell in cells:
        if cell["part"] == "figure 2":
            values = np.mean(cell["accuracy"], axis=1).tolist()
            out["figure 2"][cell["classifier"]] = {
                "real only": float(np.mean(cell["real_only"])),
                **dict(zip(map(str, cell["sizes"]), values, strict=True)),
            }
        if cell["part"] == "table 1":
            means = {name: float(np.mean(v)) for name, v in cell["accuracy"].items()}
            out["table 1"][cell["classifier"]] = means | {"best": cell["best"]}
    made = [c for c in cells if c["part"] == "table 2"]
    for way in dict.fromkeys(c["way"] for c in made):
        mine = [c for c in made if c["way"] == way]
        for kind in ("regular", "filtered"):
            fids = {key: [c[kind]["fid"][key] for c in mine] for key in mine[0][kind]["fid"]}
            out["table 2"].setdefault(way, {})[kind] = {
                **{key: np.mean(values, axis=0).tolist() for key, values in fids.items()},
                "inception_score": np.mean([c[kind]["inception_score"] for c in mine], 0).tolist(),
                "recognised": float(np.mean([c[kind]["recognised"] for c in mine])),
            }
    return out


def figure_2(results: dict, published: dict) -> list[str]:
    cells = [c for c in results["cells"] if c["part"] == "figure 2"]
    if not cells:
        return ["Figure 2 has not been run at this size yet."]
    sizes = cells[0]["sizes"]
    choices = plural(len(cells[0]["real_only"]), "choice")
    lines = [
        f"Figure 2: accuracy in %, mean (standard deviation over {choices}), by augmented images "
        "per class, without real ones; strategy 1. “Enough” is the smallest number within one "
        "standard error of the best.",
        "",
        f"| classifier | real only | {' | '.join(map(str, sizes))} | enough |",
        "| --- " * (3 + len(sizes)) + "|",
    ]
    for cell in cells:
        row = [cell["classifier"], _percent(cell["real_only"]), *map(_percent, cell["accuracy"])]
        lines.append(f"| {' | '.join([*row, str(cell['sufficient_size'])])} |")
    seconds = np.mean([c["seconds"] for c in cells], axis=0)
    lines.append(f"| *seconds, mean of all* | | {' | '.join(f'{s:.1f}' for s in seconds)} | |")
    for name, values in published.items():
        told = [f"{values[str(n)]['accuracy']:g}" if str(n) in values else "" for n in sizes]
        lines.append(f"| published: {name} | | {' | '.join(told)} | 50 |")
    return lines


def table_1(results: dict, published: dict) -> list[str]:
    cells = [c for c in results["cells"] if c["part"] == "table 1"]
    if not cells:
        return ["Table 1 has not been run at this size yet."]
    heads = [
        f"{c['classifier']}, {plural(len(next(iter(c['accuracy'].values()))), 'choice')}"
        for c in cells
    ]
    lines = [
        "Table 1: accuracy in %, mean (standard deviation), classes filled up to 50 "
        "images. Numbers are the base strategies of the paper: 1 flip and shift, 2 distortion and "
        "rotation, 3 zoom and rotation, 4 masks.",
        "",
        f"| training images | {' | '.join(heads)} | published |",
        "| --- " * (2 + len(cells)) + "|",
    ]
    own = [n for c in cells for n in c["accuracy"] if n not in published]
    for name in dict.fromkeys((*published, *own)):
        row = [_percent(c["accuracy"][name]) if name in c["accuracy"] else "" for c in cells]
        told = f"{published[name]:.1f}" if name in published else ""
        lines.append(f"| {name} | {' | '.join(row)} | {told} |")
    lines.append("")
    for cell in cells:
        lines.append(f"Aug* of {cell['classifier']}: {cell['best']}. {cell['verdict']}\n")
    ranks = [_rank_correlation(c["accuracy"], published) for c in cells]
    told = ", ".join(f"{r:+.2f} ({c['classifier']})" for r, c in zip(ranks, cells, strict=True))
    lines.append(f"Rank correlation of the fifteen composites with the published ones: {told}.")
    return lines


def _rank_correlation(accuracy: dict, published: dict) -> float:
    names = [name for name in published if name[0].isdigit()]
    pairs = [(np.mean(accuracy[name]), published[name]) for name in names]
    return float(spearmanr(*zip(*pairs, strict=True)).statistic)


def table_2(results: dict, found: dict, published: dict) -> list[str]:
    if not found:
        return ["Table 2 has not been run at this size yet."]
    settings = results["settings"]
    cells = [c for c in results["cells"] if c["part"] == "table 2"]
    chosen = [c["best"] for c in results["cells"] if c["part"] == "table 1"][:1]
    sources = [key for key in next(iter(found.values()))["regular"] if key.startswith("fid-")]
    epochs = plural(settings["gan_epochs"], "epoch")
    names = " and ".join(key.removeprefix("fid-") for key in sources)
    lines = [
        f"Table 2: MPcGAN, {epochs} (published: 150; 80/150 of that for Aug 1 and Aug 7 in both), "
        f"{plural(len(settings['gan_seeds']), 'seed')}. Aug* is "
        f"{', '.join(chosen)}. FID in features of: {names} (published: Inception), from a third of "
        "the real images and as many generated ones; Inception score with the classifier that was "
        "trained on the real images, so that only figures of one column compare. Regular → after "
        f"the filter, the best of {settings['draws_per_row']} images each. In brackets what the "
        "paper has. An Inception score of 1.00 means that all images look like one class to the "
        "classifier: nothing was learned in so few epochs, and FIDs do not compare the ways then.",
        "",
        f"| trained on | {' | '.join(f'FID ({key[4:]})' for key in sources)} | IS mean | IS sd "
        "| recognised | kept epoch |",
        "| --- " * (5 + len(sources)) + "|",
    ]
    for way, kinds in found.items():
        theirs = published[way]
        a, b = kinds["regular"], kinds["filtered"]
        row = [way]
        told = f"({theirs[0]} → {theirs[1]})"
        row += [f"{_short(a[k][0])} → {_short(b[k][0])} {told}" for k in sources]
        row += [
            f"{a['inception_score'][i]:.{2 + i}f} → {b['inception_score'][i]:.{2 + i}f} "
            f"({theirs[2 + 2 * i]} → {theirs[3 + 2 * i]})"
            for i in (0, 1)
        ]
        row.append(f"{a['recognised']:.0%} → {b['recognised']:.0%}")
        row.append(", ".join(str(c["best_epoch"]) for c in cells if c["way"] == way))
        lines.append(f"| {' | '.join(row)} |")
    real = [_short(np.mean([w["regular"][k][1] for w in found.values()])) for k in sources]
    own = results["real_images"]
    mean, spread = own["inception_score"]
    lines.append(
        f"| *real images* | {' | '.join(real)} | {mean:.2f} | {spread:.3f} "
        f"| {own['recognised']:.0%} | |"
    )
    return lines


def plural(n: int, what: str) -> str:
    return f"{n} {what}" + ("s" if n != 1 else "")


def _percent(values: list[float]) -> str:
    spread = f" ({100 * np.std(values, ddof=1):.0f})" if len(values) > 1 else ""
    return f"{100 * np.mean(values):.1f}{spread}"


def _short(value: float) -> str:
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"
