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
_SHARE_OFF: Final = 0.5
"""Points by which a share may differ from its votes: rounding, and votes of before a recount."""
_FRACTIONS: Final = 1.01
"""Shares of all lists that come to no more are fractions."""


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
    line : int
        Where it stands in the file.
    """

    key: str
    name: str
    kind: str
    votes: int | None
    share: float
    seats: int | None
    line: int


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
    def legal_base(self) -> float | None:
        """Ballots for lists plus inaccuracies: what the thresholds are percent of.

        Where the ballots are not told, the votes that the largest list's share is of; None where
        no list has both.
        """
        if self.ballots is not None and self.invalid is not None:
            return float(self.ballots - self.invalid)
        told = [each for each in self.lists.values() if each.votes and each.share > 0.0]
        first = max(told, key=lambda each: each.share, default=None)
        return None if first is None else (first.votes or 0) / first.share

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
    before = len(first.problems)
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
    if len(first.problems) == before:
        _check_shares(rows, result)
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
    if None not in (result.ballots, result.invalid) and not result.legal_base:
        row.problem("invalid", "must be fewer than the ballots")


def _check_shares(rows: Sequence[Row], result: Result) -> None:
    """Note shares that are fractions, that come to more than all, or that the votes do not give."""
    together = 100.0 * sum(each.share for each in result.lists.values())
    if 0.0 < together <= _FRACTIONS:
        told = f"must be percent, 53.91 and not 0.5391; all of {result.id} come to {together:g}"
        rows[0].problem("share", told)
        return
    if result.type == "referendum":
        return
    if together > 100.0 + _SHARE_OFF:
        rows[0].problem("share", f"is of {result.id}, whose shares come to {together:g} percent")
    least = result.valid or sum(each.votes or 0 for each in result.lists.values())
    most = result.ballots or result.valid or result.register
    for row, each in zip(rows, result.lists.values(), strict=True):
        if each.votes is None or not least:
            continue
        low, high = 100.0 * each.votes / most if most else 0.0, 100.0 * each.votes / least
        if not low - _SHARE_OFF <= 100.0 * each.share <= high + _SHARE_OFF:
            row.problem("share", f"must be that of the {each.votes} votes, {_range(low, high)}")


def _range(low: float, high: float) -> str:
    return f"{high:.2f}" if f"{low:.2f}" == f"{high:.2f}" else f"from {low:.2f} to {high:.2f}"


def _list(row: Row) -> ListResult:
    return ListResult(
        key=name(row, "key"),
        name=tables.text(row, "list"),
        kind=row["kind"],
        votes=tables.optional_integer(row, "votes", low=0, high=_MANY),
        share=tables.number(row, "share", low=0.0, high=100.0) / 100.0,
        seats=tables.optional_integer(row, "seats", low=0, high=10_000),
        line=row.line,
    )
