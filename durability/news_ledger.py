"""The rows of ``news.csv`` together: what corrects or retracts what, and what stands on a day.

Nothing in the file is ever rewritten. A correction is a whole row that points at the row it
replaces (``corrects``), a retraction a short one that points at the row it takes back
(``retracts``). A row is pointed at at most once and only from below, so that the rows about one
item form a line, its history: the item as it was first written, then what was said of it.

A row counts from the day on which it was ``known``. On any day, then, an item's history has a
beginning that was known by then, and the last row of it decides: an item or a correction stands,
a retraction leaves nothing, a retraction of a retraction lets the item stand again.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from durability import tables
from durability.errors import Problems, quoted
from durability.news import NewsItem, NewsRow, Retraction, record_of, rows_of
from durability.tables import Row
from durability.vocabulary import DRIVERS


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """All that was written about one item.

    Parameters
    ----------
    rows : tuple of NewsItem or Retraction
        The item as it was first written, then what corrected or retracted it, in that order.
    """

    rows: tuple[NewsRow, ...]

    @property
    def id(self) -> str:
        """The id under which the item was first written."""
        return self.rows[0].id


def read_news(path: Path) -> tuple[NewsItem, ...]:
    """Read and check ``news.csv``.

    Parameters
    ----------
    path : Path

    Returns
    -------
    tuple of NewsItem
        In the order of the file, with those that were corrected or retracted.

    Raises
    ------
    InputError
        With everything that is wrong in the file, each problem with its line.
    """
    problems = Problems()
    rows = collect_news(path, problems)
    problems.raise_any()
    return items_of(rows)


def collect_news(path: Path, problems: Problems, data: bytes | None = None) -> tuple[NewsRow, ...]:
    """Read ``news.csv``, or `data` that is about to become it, noting what is wrong."""
    rows = rows_of(path, problems, data)
    records = tuple(record_of(row) for row in rows)
    before = len(problems)
    tables.require_unique(rows, "id")
    _check_pointers(rows, records)
    if len(problems) == before:
        _check_events(rows, records)
    return records


def items_of(rows: Iterable[NewsRow]) -> tuple[NewsItem, ...]:
    """Give the items and corrections among rows."""
    return tuple(row for row in rows if isinstance(row, NewsItem))


def retractions_of(rows: Iterable[NewsRow]) -> tuple[Retraction, ...]:
    """Give the retractions among rows."""
    return tuple(row for row in rows if isinstance(row, Retraction))


def pointed_at(row: NewsRow) -> str:
    """Give the id of the row that a row corrects or retracts; empty for an item of its own."""
    return row.retracts if isinstance(row, Retraction) else row.corrects


def histories(rows: Iterable[NewsRow]) -> tuple[History, ...]:
    """Put together what was written about each item.

    Parameters
    ----------
    rows : iterable of NewsItem or Retraction
        In any order.

    Returns
    -------
    tuple of History
        Sorted by id, whatever the order of the rows.
    """
    every = tuple(rows)
    following = {pointed_at(row): row for row in every if pointed_at(row)}
    found = []
    for first in every:
        if isinstance(first, NewsItem) and not first.corrects:
            line: list[NewsRow] = [first]
            while (after := following.get(line[-1].id)) is not None:
                line.append(after)
            found.append(History(rows=tuple(line)))
    return tuple(sorted(found, key=lambda history: history.id))


def as_known(history: History, cutoff: dt.date) -> History:
    """Give the part of a history that was known by a cutoff; it may have no rows."""
    return History(rows=tuple(row for row in history.rows if row.known <= cutoff))


def standing(history: History) -> NewsItem | None:
    """Give the item as its last row leaves it, or None where it was retracted."""
    places = [place for place, row in enumerate(history.rows) if isinstance(row, NewsItem)]
    if not places:
        return None
    # Each retraction takes back the row before it: an even number of them undoes itself.
    retracted = (len(history.rows) - 1 - places[-1]) % 2 == 1
    return None if retracted else items_of(history.rows)[-1]


def superseded(history: History) -> Iterator[tuple[NewsItem, str]]:
    """Give the items of a history that do not stand, each with the reason."""
    items, stands = items_of(history.rows), standing(history)
    for item, after in pairwise(items):
        yield item, f"corrected by {after.id}"
    last = history.rows[-1] if history.rows else None
    if stands is None and isinstance(last, Retraction):
        day = last.known if last.recorded is None else last.recorded.date()
        yield items[-1], f"retracted on {day}: {quoted(last.why, limit=200)}"


def _check_pointers(rows: Sequence[Row], records: Sequence[NewsRow]) -> None:
    """Refuse rows that point nowhere, forward, at themselves, or where another points already."""
    place: dict[str, int] = {}
    for index, record in enumerate(records):
        place.setdefault(record.id, index)
    taken: dict[str, NewsRow] = {}
    for index, (row, record) in enumerate(zip(rows, records, strict=True)):
        target = pointed_at(record)
        if not target:
            continue
        column = "retracts" if isinstance(record, Retraction) else "corrects"
        at = place.get(target)
        earlier = taken.setdefault(target, record)
        if at is None:
            row.problem(column, "no row has this id")
        elif at == index:
            row.problem(column, "a row cannot point at itself")
        elif at > index:
            row.problem(
                column,
                f"points forward, to line {records[at].line}; put the row below the one it names",
            )
        elif earlier is not record:
            row.problem(
                column,
                f"line {earlier.line} points at it already; point at {quoted(earlier.id)} instead",
            )
        elif dt.date.min < record.known < records[at].known:
            row.problem(
                "known",
                f"is before {records[at].known}, when line {records[at].line} was known; a row "
                "cannot be corrected or retracted before it was known",
            )


def _check_events(rows: Iterable[Row], records: Sequence[NewsRow]) -> None:
    """Refuse an event told of two drivers: it would enter the model as two facts.

    Items that no longer stand may differ; a correction of the driver is how that is mended.
    """
    standings = (standing(history) for history in histories(records))
    stands = {item.id for item in standings if item is not None}
    first: dict[str, NewsItem] = {}
    for row, item in zip(rows, records, strict=True):
        if isinstance(item, Retraction) or item.id not in stands:
            continue
        if not item.event or item.driver not in DRIVERS:
            continue
        earlier = first.setdefault(item.event, item)
        if earlier.driver != item.driver:
            row.problem(
                "driver",
                f"event {quoted(item.event)} has driver {quoted(earlier.driver)} on line "
                f"{earlier.line}; one event has one driver",
            )
