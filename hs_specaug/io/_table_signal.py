"""Text tables as labelled signals."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .._axes import SignalAxis
from ._spectra import Spectrum, checked_paths, signal_of
from ._tables import Line, Table, check_axis, name_and_units, read_cells

if TYPE_CHECKING:
    from hyperspy.signals import BaseSignal

Names = str | bool | Sequence[Any] | None


def read_table(
    path: str | os.PathLike,
    *,
    orientation: str = "columns",
    labels: Names = None,
    groups: Names = None,
    axis_name: str | None = None,
    units: str | None = None,
    quantity: str = "",
    signal_type: str = "spectrum_specaug",
    delimiter: str | None = None,
    decimal: str | None = None,
    comment: str = "#",
    encoding: str | None = None,
) -> BaseSignal:
    r"""Read spectra from a text table.

    Delimiter (tab, semicolon, comma, bar or blanks), decimal sign and headings are found out.

    ``orientation="columns"``: the first column is the axis, every other one a spectrum. Lines of
    text above the numbers are headings; each is named by its first cell::

        polymer;            PE;    PE;    PP
        Wavenumber (1/cm);  a1;    a2;    b1
        400,0;              0,12;  0,11;  0,31
        400,5;              0,13;  0,11;  0,29

    ``orientation="rows"``: the first line holds the axis, every other one a spectrum. A column
    whose heading is no number is none of the spectrum; it is named by its heading::

        polymer  session  400.0  400.5
        PE       mon      0.12   0.13
        PP       tue      0.31   0.29

    Parameters
    ----------
    path : str or path-like
        The file.
    orientation : {"columns", "rows"}
        What a spectrum is.
    labels : str, True, sequence or None
        Class of each spectrum: name of the heading that holds them (``"polymer"`` above), True for
        the only one, or the classes themselves. Empty means unlabelled.
    groups : str, True, sequence or None
        Specimen or session of each spectrum, in the same way.
    axis_name, units : str or None
        Of the axis. None takes them from the heading of the axis: ``Wavenumber (1/cm)``,
        ``Energy [eV]`` or ``Energy / eV``. In rows, no heading holds them.
    quantity : str
        What the values are, with units: ``"Absorbance"``.
    signal_type : str, default "spectrum_specaug"
        Such as ``"EELS_specaug"``.
    delimiter : str or None
        One character; None finds it.
    decimal : {".", ","} or None
        None finds it.
    comment : str, default "#"
        Lines that begin with it are left out.
    encoding : str or None
        None takes UTF-8, or Windows-1252 if the file is none.

    Returns
    -------
    AugmentableSpectrum
        Or what `signal_type` says. The axis rises; a table with a falling one is turned.

    Raises
    ------
    ValueError
        If a cell is no number, a line too short or the axis not ordered, with line and column; or
        if no heading has the name given.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from hs_specaug.io import read_table
    >>> path = Path(tempfile.mkdtemp()) / "spectra.csv"
    >>> _ = path.write_text("Energy / eV;Fe;Mn\n700,0;0,1;0,4\n700,5;0,2;0,3\n")
    >>> s = read_table(path, labels=True, quantity="Counts")
    >>> s
    <AugmentableSpectrum, title: spectra, dimensions: (2|2)>
    >>> s.axes_manager.signal_axes[0].units, s.class_counts()
    ('eV', {'Fe': 1, 'Mn': 1})
    """
    if orientation not in ("columns", "rows"):
        raise ValueError(f"orientation must be 'columns' or 'rows', got {orientation!r}")
    (file,) = checked_paths(path)
    table = read_cells(
        file, delimiter=delimiter, decimal=decimal, comment=comment, encoding=encoding
    )
    read = _read_columns if orientation == "columns" else _read_rows
    axis, rows, headings, names = read(table)
    axis = SignalAxis(
        axis.name if axis_name is None else axis_name,
        axis.units if units is None else units,
        axis.values,
    )
    spectra = [
        Spectrum(file, name, axis, row, quantity)
        for name, row in zip(names or [file.stem] * len(rows), rows, strict=True)
    ]
    signal = signal_of(
        spectra,
        signal_type=signal_type,
        labels=_named(table, headings, labels, "labels"),
        groups=_named(table, headings, groups, "groups"),
    )
    signal.metadata.General.title = file.stem
    return signal


Read = tuple[SignalAxis, np.ndarray, dict[str, list[str]], list[str] | None]


def _read_columns(table: Table) -> Read:
    """Return axis, spectra, what the headings hold, and the names of the spectra."""
    start = next(
        (
            i
            for i, line in enumerate(table.lines)
            if len(line.cells) > 1 and all(map(table.is_number, line.cells))
        ),
        None,
    )
    if start is None:
        # No line is whole: let the widest one say what is wrong with it.
        widest = max(table.lines, key=lambda line: sum(map(table.is_number, line.cells)))
        table.numbers(widest, range(len(widest.cells)))
        raise ValueError(f"{table.path.name} holds no line of two or more numbers")
    first = table.lines[start]
    width = len(first.cells)
    # A number in front of it makes a line a part of the table, whatever follows.
    while start and len(table.lines[start - 1].cells) == width:
        if not table.is_number(table.lines[start - 1].cells[0]):
            break
        start -= 1
    rows = []
    body = table.lines[start:]
    for line in body:
        table.check_width(line, width, first)
        rows.append(table.numbers(line, range(width)))
    values = np.array(rows)
    above = [line.cells for line in table.lines[:start] if len(line.cells) == width]
    headings = {cells[0]: cells[1:] for cells in above}
    names = above[-1][1:] if above else None
    axis = SignalAxis(*name_and_units(above[-1][0] if above else ""), values[:, 0])
    check_axis(table, axis, [(line, 0) for line in body])
    return axis, np.ascontiguousarray(values[:, 1:].T), headings, names


def _read_rows(table: Table) -> Read:
    """Return axis, spectra, what the other columns hold, and no names."""
    head = _axis_line(table)
    width = len(head.cells)
    channels = [i for i, cell in enumerate(head.cells) if table.is_number(cell)]
    others = [i for i in range(width) if i not in channels]
    axis = SignalAxis("", "", np.array(table.numbers(head, channels)))
    check_axis(table, axis, [(head, i) for i in channels])
    body = table.lines[table.lines.index(head) + 1 :]
    if not body:
        raise ValueError(f"{table.path.name}: no line follows the axis in line {head.number}")
    for line in body:
        table.check_width(line, width, head)
    rows = np.array([table.numbers(line, channels) for line in body])
    headings = {head.cells[i]: [line.cells[i] for line in body] for i in others}
    return axis, rows, headings, None


def _axis_line(table: Table) -> Line:
    """Return the line of the axis: the first one with two or more numbers."""
    for line in table.lines:
        if sum(map(table.is_number, line.cells)) > 1:
            return line
    raise ValueError(
        f"{table.path.name} holds no line with two or more numbers ({table.described()})"
    )


def _named(
    table: Table, headings: dict[str, list[str]], wanted: Names, what: str
) -> Sequence[Any] | None:
    """Return what `wanted` names, one entry for each spectrum."""
    if wanted is None or wanted is False:
        return None
    if not isinstance(wanted, str | bool):
        return wanted
    if isinstance(wanted, str) and wanted in headings:
        return headings[wanted]
    if wanted is True and len(headings) == 1:
        return next(iter(headings.values()))
    reason = "no heading has this name" if isinstance(wanted, str) else "there is not just one"
    raise ValueError(
        f"{table.path.name}: {what}={wanted!r}, but {reason}; headings are "
        f"{list(headings) or 'none'}"
    )
