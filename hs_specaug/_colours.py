"""Colours of classes, the same in every figure."""

from __future__ import annotations

# Okabe and Ito's colours (without black and grey), then Paul Tol's muted ones: both stay apart for
# every common form of colour blindness. The order is fixed, so a class keeps its colour.
CLASS_COLOURS = (
    "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442",
    "#332288", "#882255", "#117733", "#999933", "#88CCEE", "#AA4499", "#DDCC77",
)  # fmt: skip
#: Lines of real and of synthetic rows, where both are in one figure.
REAL_COLOURS = ("tab:blue", "tab:cyan")
SYNTHETIC_COLOURS = ("tab:orange", "tab:red")


def class_colours(n_classes: int) -> list[str]:
    """Return one colour for each class code; they repeat after fourteen."""
    return [CLASS_COLOURS[code % len(CLASS_COLOURS)] for code in range(n_classes)]
