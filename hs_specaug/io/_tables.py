"""Text tables of numbers: find out how one is written, and read it with errors that say where."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .._axes import SignalAxis

NUMBER = {
    ".": re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eEdD][+-]?\d+)?$|[+-]?(nan|inf)$", re.IGNORECASE),
    ",": re.compile(r"[+-]?(\d+(,\d+)?|,\d+)([eEdD][+-]?\d+)?$|[+-]?(nan|inf)$", re.IGNORECASE),
}
#: In the order in which they win where several fit; None is any run of blanks.
DELIMITERS: tuple[str | None, ...] = ("\t", ";", ",", "|", None)
LINES_LOOKED_AT = 200


@dataclass(frozen=True)
class Line:
    """Cells of one line of a file."""

    number: int
    cells: list[str]


@dataclass(frozen=True)
class Table:
    """A text file, cut into cells.

    Attributes
    ----------
    path : Path
    lines : list of Line
        Without empty lines and comments.
    delimiter : str or None
        None is any run of blanks.
    decimal : {".", ","}
    """

    path: Path
    lines: list[Line]
    delimiter: str | None
    decimal: str

    def is_number(self, cell: str) -> bool:
        """Whether a cell holds a number as this file writes them."""
        return NUMBER[self.decimal].match(cell) is not None

    def numbers(self, line: Line, columns: Sequence[int]) -> list[float]:
        """Return some cells of a line as numbers.

        Raises
        ------
        ValueError
            Naming line and column of the first cell that is none.
        """
        out = []
        for column in columns:
            cell = line.cells[column]
            if not self.is_number(cell):
                raise self.error(line, column, f"expected a number, got {cell!r}")
            text = cell.replace(",", ".") if self.decimal == "," else cell
            out.append(float(text.lower().replace("d", "e")))
        return out

    def check_width(self, line: Line, width: int, like: Line) -> None:
        """Raise unless a line has as many cells as the table."""
        if len(line.cells) != width:
            raise ValueError(
                f"{self.path.name}, line {line.number}: {len(line.cells)} cells, but line "
                f"{like.number} has {width} ({self.described()}); a cell that is empty on purpose "
                "is written nan"
            )

    def error(self, line: Line, column: int, text: str) -> ValueError:
        """Return an error that says where."""
        return ValueError(
            f"{self.path.name}, line {line.number}, column {column + 1}: {text} "
            f"({self.described()}; set delimiter= or decimal= if that is wrong)"
        )

    def described(self) -> str:
        """Say how the file was taken to be written."""
        names = {"\t": "tab", None: "blanks"}
        delimiter = names.get(self.delimiter, repr(self.delimiter))
        return f"delimiter: {delimiter}, decimal sign: {self.decimal!r}"


def read_cells(
    path: Path,
    *,
    delimiter: str | None = None,
    decimal: str | None = None,
    comment: str = "#",
    encoding: str | None = None,
) -> Table:
    """Cut a text file into cells.

    Parameters
    ----------
    path : Path
    delimiter : str or None
        None finds it: tab, semicolon, comma, bar, or any run of blanks.
    decimal : {".", ","} or None
        None finds it.
    comment : str
        Lines that begin with it are left out; empty for none.
    encoding : str or None
        None takes UTF-8, or Windows-1252 if the file is none.

    Raises
    ------
    ValueError
        If the file holds no table of numbers.
    """
    if decimal not in (None, ".", ","):
        raise ValueError(f"decimal must be '.', ',' or None, got {decimal!r}")
    if delimiter is not None and (len(delimiter) != 1 or delimiter == decimal):
        raise ValueError(
            "delimiter must be one character other than the decimal sign, or None, got "
            f"{delimiter!r}"
        )
    numbered = [
        (number, text)
        for number, text in enumerate(_text(path, encoding).splitlines(), start=1)
        if text.strip() and not (comment and text.lstrip().startswith(comment))
    ]
    if not numbered:
        raise ValueError(f"{path.name} is empty: it holds nothing but comments and empty lines")
    sample = [text for _, text in numbered[:LINES_LOOKED_AT]]
    if delimiter is None or decimal is None:
        found = _find_dialect(sample, delimiter, decimal)
        if found is None:
            raise ValueError(
                f"{path.name} holds no table of numbers: no delimiter gives lines with two or "
                "more numbers; set delimiter= and decimal="
            )
        delimiter, decimal = found
    lines = [Line(number, split_line(text, delimiter)) for number, text in numbered]
    return Table(path, _without_last_empty(lines), delimiter, decimal)


def split_line(text: str, delimiter: str | None) -> list[str]:
    """Cut one line into cells without blanks around them; quotes hold a cell together."""
    if delimiter is None:
        cells = next(csv.reader([" ".join(text.split())], delimiter=" "))
    else:
        cells = next(csv.reader([text], delimiter=delimiter, skipinitialspace=delimiter != "\t"))
    return [cell.strip() for cell in cells]


def _text(path: Path, encoding: str | None) -> str:
    content = path.read_bytes()
    if encoding is not None:
        return content.decode(encoding)
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def _find_dialect(
    lines: Sequence[str], delimiter: str | None, decimal: str | None
) -> tuple[str | None, str] | None:
    """Return the delimiter and the decimal sign that make the most cells numbers."""
    best, chosen = 0, None
    for sign in DELIMITERS if delimiter is None else (delimiter,):
        cells = [split_line(text, sign) for text in lines]
        # Headings may have any number of cells; the table has one.
        width = Counter(len(row) for row in cells if len(row) > 1).most_common(1)
        if not width:
            continue
        table = [row for row in cells if len(row) == width[0][0]]
        for point in (".", ",") if decimal is None else (decimal,):
            score = None if point == sign else _score(table, NUMBER[point])
            if score is not None and (chosen is None or score > best):
                best, chosen = score, (sign, point)
    return chosen


def _score(table: Sequence[Sequence[str]], number: re.Pattern) -> int | None:
    """Return numbers less words, in lines with any number: no headings. None without any."""
    score = None
    for row in table:
        numbers = sum(number.match(cell) is not None for cell in row)
        if numbers:
            score = (score or 0) + 2 * numbers - sum(map(bool, row))
    return score


def _without_last_empty(lines: list[Line]) -> list[Line]:
    """Drop the last cell of every line where a delimiter ends all of them."""
    wide = [line for line in lines if len(line.cells) > 1]
    if wide and all(not line.cells[-1] for line in wide):
        return [
            Line(line.number, line.cells[:-1] if len(line.cells) > 1 else line.cells)
            for line in lines
        ]
    return lines


def name_and_units(heading: str) -> tuple[str, str]:
    """Split a heading such as ``Wavenumber (1/cm)``, ``Energy [eV]`` or ``Energy / eV``.

    Examples
    --------
    >>> name_and_units("Wavenumber (1/cm)"), name_and_units("Energy / eV")
    (('Wavenumber', '1/cm'), ('Energy', 'eV'))
    """
    match = re.match(r"(.*?)\s*[(\[]([^()\[\]]*)[)\]]\s*$", heading)
    match = match or re.match(r"(.*?)\s+/\s*(\S+)\s*$", heading)
    if match:
        return match[1].strip(), match[2].strip()
    return heading.strip(), ""


def check_axis(table: Table, axis: SignalAxis, places: Sequence[tuple[Line, int]]) -> None:
    """Raise, naming the cell, unless the axis values rise or fall throughout.

    Parameters
    ----------
    table : Table
    axis : SignalAxis
    places : sequence of (Line, int)
        Where each value stands.
    """
    values = axis.values
    if len(values) < 2:
        raise ValueError(
            f"{table.path.name}: the axis has {len(values)} value, a spectrum needs two or more "
            f"({table.described()}); is it orientation='rows' or 'columns'?"
        )
    bad = ~np.isfinite(values)
    steps = np.diff(values) * np.sign(values[1] - values[0])
    bad[1:] |= ~(steps > 0)
    if bad.any():
        first = int(np.argmax(bad))
        before = f" after {values[first - 1]:g}" if first else ""
        raise table.error(
            *places[first], f"axis values must rise or fall throughout, got {values[first]:g}"
            f"{before}; sort the file, or take out what repeats",
        )  # fmt: skip
