"""Typed reading of CSV files: every problem of a file is noted with its line, none stops it.

A reader calls :func:`read_rows`, turns cells into values with the converters below, and raises
at the end what :class:`~durability.errors.Problems` collected. A converter that meets a bad cell
notes the problem and gives a placeholder of the right type; the placeholder never leaves the
reader, because the reader raises.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from durability.errors import InputError, Problems, one_of, quoted
from durability.files import read_text, text_of

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INTEGER = re.compile(r"[+-]?[0-9]{1,15}")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
# What a spreadsheet would run: "=1+1", "@SUM(A1)", "+cmd|' /C calc'!A0"; not "-2" or "-".
_FORMULA_STARTS = ("=", "@", "+", "-")
_FORMULA = re.compile(r"[=@]|[+-](?=.*[(|!])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One record of a table.

    Parameters
    ----------
    path : Path
    line : int
        Line of the file on which the record begins, the header being on line 1.
    cells : mapping of str to str
        Column to text, blanks at both ends removed; optional columns that the file lacks are
        empty.
    problems : Problems
        Where the converters note what is wrong.
    place : str
        What messages call the row where it stands in no table: ``the new item``.
    """

    path: Path
    line: int
    cells: Mapping[str, str]
    problems: Problems
    place: str = ""

    def __getitem__(self, column: str) -> str:
        return self.cells[column]

    def where(self, column: str = "") -> str:
        """Name the row, or one cell of it, for a message."""
        place = self.place or f"{self.path} line {self.line}"
        return f"{place}, {column}" if column else place

    def problem(self, column: str, allowed: str) -> None:
        """Note that the cell does not hold what is allowed."""
        found = quoted(self[column]) if self[column] else "empty"
        self.problems.add(self.where(column), found, allowed)


def read_rows(
    path: Path,
    *,
    required: Sequence[str],
    optional: Sequence[str] = (),
    problems: Problems,
    data: bytes | None = None,
) -> list[Row]:
    """Read a CSV file with a header.

    Parameters
    ----------
    path : Path
    required : sequence of str
        Columns that the header must have, in any order.
    optional : sequence of str
        Columns that it may have.
    problems : Problems
        Receives what is wrong with file, header, quoting or the number of cells.
    data : bytes, optional
        What the file holds or is about to hold; read from `path` where it is not given.

    Returns
    -------
    list of Row
        In the order of the file, blank lines left out; empty where the file cannot be read or
        its header lacks or repeats a column.
    """
    try:
        text = read_text(path) if data is None else text_of(path, data)
    except InputError as error:
        problems.extend(error.problems)
        return []
    records = _records(path, text, problems)
    if not records:
        problems.add(str(path), "no header", f"the first line names {', '.join(required)}")
        return []
    line, header = records[0]
    if not _header_serves(f"{path} line {line}", header, required, optional, problems):
        return []
    rows = []
    for line, cells in records[1:]:
        if len(cells) != len(header):
            problems.add(
                f"{path} line {line}",
                f"{len(cells)} cells",
                f"the header has {len(header)}; quote a cell that holds a comma or a quote mark",
            )
            continue
        filled = dict.fromkeys(optional, "") | dict(zip(header, cells, strict=True))
        row = Row(path=path, line=line, cells=filled, problems=problems)
        check_characters(row)
        rows.append(row)
    return rows


def _records(path: Path, text: str, problems: Problems) -> list[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    records = []
    line = 1
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if any(stripped):
                records.append((line, stripped))
            line = reader.line_num + 1
    except csv.Error as error:
        problems.add(f"{path} line {line}", f"broken CSV ({error})", "check the quote marks")
    return records


def _header_serves(
    where: str,
    header: Sequence[str],
    required: Sequence[str],
    optional: Sequence[str],
    problems: Problems,
) -> bool:
    known = (*required, *optional)
    for column in dict.fromkeys(header):
        if column not in known:
            problems.add(where, f"unknown column {quoted(column)}", one_of(known, column))
        elif header.count(column) > 1:
            problems.add(where, f"column {quoted(column)} stands twice", "name it once")
    missing = [column for column in required if column not in header]
    if missing:
        problems.add(where, f"no column {', '.join(missing)}", "add it to the header")
    return not missing and len(set(header)) == len(header)


def check_characters(row: Row) -> None:
    """Note cells with control characters, and those that a spreadsheet would run."""
    for column, cell in row.cells.items():
        # Printable cells, nearly all, hold no control character.
        if not cell.isprintable() and _CONTROL.search(cell):
            row.problem(column, "must not hold control characters")
        elif cell[:1] in _FORMULA_STARTS and _FORMULA.match(cell):
            row.problem(column, "looks like a spreadsheet formula; put a word before it")


def require_unique(rows: Iterable[Row], column: str) -> None:
    """Note every row whose cell repeats that of an earlier row."""
    first: dict[str, int] = {}
    for row in rows:
        earlier = first.setdefault(row[column], row.line)
        if earlier != row.line:
            row.problem(column, f"must be unique; line {earlier} has it already")


def text(row: Row, column: str) -> str:
    """Give a cell that must not be empty."""
    if not row[column]:
        row.problem(column, "must not be empty")
    return row[column]


def day(row: Row, column: str) -> date:
    """Give a day written ``2025-08-08``."""
    if _DAY.fullmatch(row[column]):
        try:
            return date.fromisoformat(row[column])
        except ValueError:
            row.problem(column, "no such day in the calendar")
            return date.min
    row.problem(column, "must be a day written YYYY-MM-DD")
    return date.min


def optional_day(row: Row, column: str) -> date | None:
    """Give a day, or None for an empty cell."""
    return day(row, column) if row[column] else None


def integer(row: Row, column: str, *, low: int, high: int) -> int:
    """Give a whole number in [`low`, `high`]."""
    if _INTEGER.fullmatch(row[column]) and low <= int(row[column]) <= high:
        return int(row[column])
    row.problem(column, f"must be a whole number from {low} to {high}")
    return low


def optional_integer(row: Row, column: str, *, low: int, high: int) -> int | None:
    """Give a whole number in [`low`, `high`], or None for an empty cell."""
    return integer(row, column, low=low, high=high) if row[column] else None


def number(row: Row, column: str, *, low: float = -math.inf, high: float = math.inf) -> float:
    """Give a finite number in [`low`, `high`]."""
    if _NUMBER.fullmatch(row[column]):
        value = float(row[column])
        if math.isfinite(value) and low <= value <= high:
            return value
    bounds = "" if (low, high) == (-math.inf, math.inf) else f" from {low:g} to {high:g}"
    row.problem(column, f"must be a number{bounds}")
    return low if math.isfinite(low) else 0.0


def optional_number(
    row: Row, column: str, *, low: float = -math.inf, high: float = math.inf
) -> float | None:
    """Give a finite number in [`low`, `high`], or None for an empty cell."""
    return number(row, column, low=low, high=high) if row[column] else None


def flag(row: Row, column: str) -> bool:
    """Give a truth value written 0 or 1."""
    if row[column] not in ("0", "1"):
        row.problem(column, "must be 0 or 1")
    return row[column] == "1"


def optional_flag(row: Row, column: str) -> bool | None:
    """Give a truth value written 0 or 1, or None for an empty cell."""
    return flag(row, column) if row[column] else None


def choice(row: Row, column: str, allowed: Sequence[str]) -> str:
    """Give a word that is one of `allowed`."""
    if row[column] not in allowed:
        row.problem(column, one_of(allowed, row[column]))
    return row[column]


def words(row: Row, column: str, *, separator: str = "|") -> tuple[str, ...]:
    """Give the words of a list cell; an empty cell has none, an empty word is a problem."""
    if not row[column]:
        return ()
    found = tuple(word.strip() for word in row[column].split(separator))
    if not all(found):
        row.problem(column, f"has an empty word; words are separated by {quoted(separator)}")
    return found
