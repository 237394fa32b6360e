"""Results of past elections: ``elections.csv`` of a case, a row a list."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from durability import tables
from durability.errors import Problems
from durability.news import name
from durability.tables import Row

TYPES: Final = ("parliamentary", "municipal", "referendum")

KNOWN_AFTER: Final = dt.timedelta(days=14)
"""Until a result counts as known where the file does not say: final results come within two
weeks."""

_REQUIRED: Final = ("election", "date", "type", "list", "key", "kind", "votes", "share", "seats")
_OPTIONAL: Final = (
    *("known", "basis", "seats_total", "register", "ballots", "valid", "invalid", "turnout"),
    *("source", "publisher", "url", "grade", "confidence", "note"),
)
_WHOLE: Final = ("seats_total", "register", "ballots", "valid", "invalid")
_MANY: Final = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class ListResult:
    """What one list got.

    Parameters
    ----------
    key, name, kind : str
        Lower-case identifier, name, and ``party`` or a kind of alliance.
    votes : int or None
    share : float
        In [0, 1], of what the file calls its basis.
    seats : int or None
    """

    key: str
    name: str
    kind: str
    votes: int | None
    share: float
    seats: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The result of one election.

    Parameters
    ----------
    id : str
    date, known : datetime.date
        Election day; the day on which the result was known.
    type : str
        One of :data:`TYPES`.
    lists : mapping of str to ListResult
        By key, in the order of the file.
    seats_total, register, ballots, valid, invalid : int or None
    """

    id: str
    date: dt.date
    known: dt.date
    type: str
    lists: Mapping[str, ListResult]
    seats_total: int | None
    register: int | None
    ballots: int | None
    valid: int | None
    invalid: int | None

    @property
    def legal_base(self) -> float:
        """Ballots for lists plus inaccuracies: what the thresholds are percent of.

        Where the ballots are not told, the votes that the largest list's share is of.
        """
        if self.ballots is not None and self.invalid is not None:
            return float(self.ballots - self.invalid)
        first = max(self.lists.values(), key=lambda each: each.share)
        return (first.votes or 0) / first.share

    @property
    def inaccuracies(self) -> int | None:
        """Ballots that are neither valid nor invalid; None where they are not told."""
        if self.ballots is None or self.invalid is None or self.valid is None:
            return None
        return self.ballots - self.invalid - self.valid


def read_results(path: Path) -> Mapping[str, Result]:
    """Read and check ``elections.csv``.

    Parameters
    ----------
    path : Path

    Returns
    -------
    mapping of str to Result
        By the id of the election.

    Raises
    ------
    InputError
        With everything that is wrong in the file, each problem with its line.
    """
    problems = Problems()
    results = collect_results(path, problems)
    problems.raise_any()
    return results


def collect_results(path: Path, problems: Problems) -> Mapping[str, Result]:
    """Read ``elections.csv``, noting what is wrong instead of raising it."""
    rows = tables.read_rows(path, required=_REQUIRED, optional=_OPTIONAL, problems=problems)
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(name(row, "election"), []).append(row)
    return {election: _result(election, members) for election, members in groups.items()}


def _result(election: str, rows: Sequence[Row]) -> Result:
    first = rows[0]
    for row in rows[1:]:
        for column in ("date", "known", "type", *_WHOLE):
            if row[column] != first[column]:
                row.problem(column, f"must be as on line {first.line}: one election")
    tables.require_unique(rows, "key")
    date = tables.day(first, "date")
    known = tables.optional_day(first, "known")
    if known is not None and known < date:
        first.problem("known", f"is before election day, {date}")
    whole = {c: tables.optional_integer(first, c, low=0, high=_MANY) for c in _WHOLE}
    lists = {row["key"]: _list(row) for row in rows}
    result = Result(
        id=election,
        date=date,
        known=known or min(date, dt.date.max - KNOWN_AFTER) + KNOWN_AFTER,
        type=tables.choice(first, "type", TYPES),
        lists=lists,
        **whole,
    )
    _check_sums(first, result)
    return result


def _check_sums(row: Row, result: Result) -> None:
    votes = sum(each.votes or 0 for each in result.lists.values())
    seats = sum(each.seats or 0 for each in result.lists.values())
    if result.valid is not None and votes > result.valid and result.type != "referendum":
        row.problem("valid", f"must be at least the votes of all lists, {votes}")
    if result.inaccuracies is not None and result.inaccuracies < 0:
        row.problem("ballots", "must be at least valid and invalid together")
    if result.seats_total is not None and seats > result.seats_total:
        row.problem("seats_total", f"must be at least the seats of all lists, {seats}")


def _list(row: Row) -> ListResult:
    return ListResult(
        key=name(row, "key"),
        name=tables.text(row, "list"),
        kind=row["kind"],
        votes=tables.optional_integer(row, "votes", low=0, high=_MANY),
        share=tables.number(row, "share", low=0.0, high=100.0) / 100.0,
        seats=tables.optional_integer(row, "seats", low=0, high=10_000),
    )
