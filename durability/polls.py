"""Polls: ``polls.csv`` of a case, a row a poll, with the day on which each was known."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from durability import tables
from durability.errors import Problems, quoted
from durability.news import name
from durability.tables import Row
from durability.vocabulary import GRADES

BASES: Final = ("all", "likely", "voters", "decided", "projection", "closeness")
"""Whom the percentages are of: all who were asked, likely voters, those leaving the polling
station, those who named a list, a pollster's own projection; or no vote intention at all."""

WITH_UNDECIDED: Final = ("all", "likely")
"""Bases that hold people who named no list."""

_REQUIRED: Final = (
    *("poll", "election", "pollster", "house", "field_start", "field_end", "published"),
    *("respondents", "basis", "exit", "shares", "undecided", "whole", "left_out"),
    *("source", "url", "grade"),
)
_OPTIONAL: Final = ("precision", "published_how", "mode", "publisher", "confidence", "note")
_HOW: Final = ("stated", "read", "assumed")
_SHARE = re.compile(r"([a-z][a-z0-9_]*)=([0-9]+\.?[0-9]*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """One row of ``polls.csv``.

    Parameters
    ----------
    id : str
    election : str
        The election it asks about; empty where it asks about none.
    pollster, house : str
        As published, and the name under which its polls share an effect.
    field_start, field_end : datetime.date
    published : datetime.date
        The day on which it was known.
    respondents : int or None
        None where no source gives the number.
    basis : str
        One of :data:`BASES`.
    exit : bool
        Whether people were asked as they left the polling station.
    shares : mapping of str to float
        Percent of the basis by list.
    undecided : mapping of str to float
        Percent by answer that names no list: would not vote, do not know, refused.
    whole : bool
        Whether what `shares` and `undecided` leave is all for other lists; else some of it named
        none.
    left_out : str
        Why the poll is not used; empty for one that is.
    grade : str
    source, url : str
    line : int
        Where it stands in the file.
    """

    id: str
    election: str
    pollster: str
    house: str
    field_start: dt.date
    field_end: dt.date
    published: dt.date
    respondents: int | None
    basis: str
    exit: bool
    shares: Mapping[str, float]
    undecided: Mapping[str, float]
    whole: bool
    left_out: str
    grade: str
    source: str
    url: str
    line: int

    @property
    def middle(self) -> dt.date:
        """The middle day of the field work."""
        return self.field_start + (self.field_end - self.field_start) // 2

    @property
    def unnamed(self) -> float | None:
        """Share of the basis that named no list, in [0, 1]; None where it is not told."""
        if self.basis not in WITH_UNDECIDED:
            return 0.0
        return sum(self.undecided.values()) / 100.0 if self.whole else None

    def among_named(self, key: str) -> float:
        """Share of a list among those who named one, in [0, 1].

        Where it is not told who named none, among those who named one of `shares`: too high where
        a report lists few.
        """
        told = self.whole or self.basis not in WITH_UNDECIDED
        named = 100.0 - sum(self.undecided.values()) if told else sum(self.shares.values())
        return self.shares[key] / named


def read_polls(path: Path) -> tuple[Poll, ...]:
    """Read and check ``polls.csv``.

    Parameters
    ----------
    path : Path

    Returns
    -------
    tuple of Poll
        In the order of the file.

    Raises
    ------
    InputError
        With everything that is wrong in the file, each problem with its line.
    """
    problems = Problems()
    polls = collect_polls(path, problems)
    problems.raise_any()
    return polls


def collect_polls(path: Path, problems: Problems) -> tuple[Poll, ...]:
    """Read ``polls.csv``, noting what is wrong instead of raising it."""
    rows = tables.read_rows(path, required=_REQUIRED, optional=_OPTIONAL, problems=problems)
    tables.require_unique(rows, "poll")
    return tuple(_poll(row) for row in rows)


def _poll(row: Row) -> Poll:
    before = len(row.problems)
    days = [tables.day(row, column) for column in ("field_start", "field_end", "published")]
    if len(row.problems) == before:
        if days[1] < days[0]:
            row.problem("field_end", f"is before field_start, {days[0]}")
        if days[2] < days[1]:
            row.problem("published", f"is before the field work ended, {days[1]}")
    if row["published_how"]:
        tables.choice(row, "published_how", _HOW)
    poll = Poll(
        id=name(row, "poll"),
        election=name(row, "election") if row["election"] else "",
        pollster=tables.text(row, "pollster"),
        house=name(row, "house"),
        field_start=days[0],
        field_end=days[1],
        published=days[2],
        respondents=tables.optional_integer(row, "respondents", low=50, high=1_000_000),
        basis=tables.choice(row, "basis", BASES),
        exit=tables.flag(row, "exit"),
        shares=_percentages(row, "shares"),
        undecided=_percentages(row, "undecided"),
        whole=tables.flag(row, "whole"),
        left_out=row["left_out"],
        grade=tables.choice(row, "grade", GRADES),
        source=tables.text(row, "source"),
        url=tables.text(row, "url"),
        line=row.line,
    )
    _check(row, poll)
    return poll


def _check(row: Row, poll: Poll) -> None:
    if sum(poll.shares.values()) + sum(poll.undecided.values()) > 100.5:
        row.problem("shares", "must not come to more than 100 together with undecided")
    if poll.left_out:
        return
    if not poll.shares:
        row.problem("shares", "must not be empty, or left_out says why the poll is not used")
    if not poll.election:
        row.problem("election", "must not be empty, or left_out says why the poll is not used")
    if poll.basis == "closeness":
        row.problem("basis", "is no vote intention; left_out must say so")
    if poll.undecided and poll.basis not in WITH_UNDECIDED:
        row.problem("undecided", f"must be empty where the basis is {quoted(poll.basis)}")


def _percentages(row: Row, column: str) -> Mapping[str, float]:
    """Read ``name=percent`` words separated by ``|``."""
    found: dict[str, float] = {}
    for word in tables.words(row, column):
        match = _SHARE.fullmatch(word)
        if match is None or float(match[2]) > 100.0:
            row.problem(column, f"has {quoted(word)}; write name=percent|name=percent")
        elif match[1] in found:
            row.problem(column, f"has {match[1]} twice")
        else:
            found[match[1]] = float(match[2])
    return found
