"""What became of a case that was forecast, as far as it is known now.

It stands in the case's own ``case.toml`` (``[[happened]]``, ``[observed_to]``, ``covered_until``),
or in a file of outcomes that has the same tables. A rung is resolved as the ladder of history is:
an abrogation so close to a war that the two are one is that war.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from durability import toml_tables as toml
from durability.agreements import DayRange
from durability.case_settings import FORMAT
from durability.cases import Case
from durability.errors import Problems
from durability.files import read_text
from durability.ladder import standing_abrogation
from durability.toml_files import toml_of
from durability.vocabulary import MARKS, STREAMS

HAPPENED: Final = "happened"
HELD: Final = "held"
PENDING: Final = "pending"
CENSORED: Final = "censored"
BEFORE: Final = "before"
STATES: Final = (HAPPENED, HELD, PENDING, CENSORED, BEFORE)
"""What a horizon has come to: it happened by then; it did not, or another end ruled it out; it is
not reached; it is reached and nobody watched so long; it had happened before the cutoff."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseOutcome:
    """What is known of a case.

    Parameters
    ----------
    case : str
        Its name, as a ledger has it.
    where : str
        The file that says so.
    deal : datetime.date or None
        The deal that it is the outcome of; None where the file does not say.
    covered_until : datetime.date
        Until when news was looked for: a horizon after it is not reached.
    observed_to : mapping of str to datetime.date
        By stream.
    happened : mapping of str to datetime.date
        By stream, the first day.
    """

    case: str
    where: str
    deal: dt.date | None
    covered_until: dt.date
    observed_to: Mapping[str, dt.date]
    happened: Mapping[str, dt.date]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """What one rung has come to by one day.

    Parameters
    ----------
    state : str
        One of :data:`STATES`.
    is_due : bool
        Whether the horizon is reached. What happened is known before that; what held is not, so a
        mean over horizons that are not due would count breakdowns alone.
    why : str
        The day that decided it, in a few words.
    """

    state: str
    is_due: bool
    why: str


def outcome_of(case: Case) -> CaseOutcome:
    """Give what a case says of itself as it stands now.

    Parameters
    ----------
    case : Case

    Returns
    -------
    CaseOutcome
        For :func:`durability.score_ledger`.
    """
    return CaseOutcome(
        case=case.name,
        where=str(case.folder / "case.toml"),
        deal=case.deal,
        covered_until=case.covered_until,
        observed_to=case.observed_to,
        happened=MappingProxyType({each.rung: each.date for each in case.happened}),
    )


def read_outcome(path: str | Path) -> CaseOutcome:
    """Read a file of outcomes.

    Parameters
    ----------
    path : str or Path
        TOML: ``format = 1``, ``case``, ``covered_until``, a table ``[observed_to]`` with a day for
        each stream, and ``[[happened]]`` with ``rung``, ``date`` and ``why`` where something did.

    Returns
    -------
    CaseOutcome

    Raises
    ------
    InputError
        With all that is wrong in it.
    """
    problems, place = Problems(), Path(path)
    content = read_text(place)
    file = toml_of(place, content)
    top = toml.top(file, problems)
    toml.check_keys(top, ("format", "case", "covered_until", "observed_to"), ("happened",))
    toml.integer(top, "format", low=FORMAT, high=FORMAT)
    case, covered = toml.text(top, "case"), toml.day(top, "covered_until")
    watched = toml.subtable(file, top, "observed_to")
    toml.check_keys(watched, STREAMS)
    observed = {stream: toml.day(watched, stream) or dt.date.min for stream in STREAMS}
    happened: dict[str, dt.date] = {}
    for table in toml.subtables(top, "happened", content):
        toml.check_keys(table, ("rung", "date", "why"))
        rung, day = toml.choice(table, "rung", STREAMS), toml.day(table, "date")
        toml.text(table, "why")
        if rung in happened:
            table.refuse("rung", f"{rung} stands twice", "only its first time counts")
        if day and day > observed[rung] > dt.date.min:
            allowed = f"must not be after observed_to.{rung}, {observed[rung]}"
            table.refuse("date", f"= {day}", allowed)
        happened.setdefault(rung, day or dt.date.min)
    problems.raise_any()
    return CaseOutcome(
        case=case,
        where=str(path),
        deal=None,
        covered_until=covered or dt.date.min,
        observed_to=MappingProxyType(observed),
        happened=MappingProxyType(happened),
    )


def resolve(outcome: CaseOutcome, rung: str, *, cutoff: dt.date, end: dt.date) -> Resolved:
    """Say what a rung has come to by the end of a horizon.

    Parameters
    ----------
    outcome : CaseOutcome
    rung : str
        ``force``, ``fatal``, ``war`` (at least so bad), ``abrogation`` or ``breakdown``.
    cutoff : datetime.date
        Of the forecast: what happened on it or before was not to be forecast.
    end : datetime.date
        Last day of the horizon.

    Returns
    -------
    Resolved
    """
    streams, others = _streams(rung)
    days = _standing_days(outcome)
    first = min((days[s] for s in streams if s in days), default=dt.date.max)
    other = min((days[s] for s in others if s in days), default=dt.date.max)
    known = min(outcome.observed_to[stream] for stream in streams)
    is_due = end <= max(outcome.covered_until, known)
    if min(first, other) <= cutoff:
        return Resolved(state=BEFORE, is_due=is_due, why=f"{min(first, other)}")
    if first <= min(end, other):
        return Resolved(state=HAPPENED, is_due=is_due, why=f"{first}")
    if other <= end:
        return Resolved(state=HELD, is_due=is_due, why=f"ruled out {other}")
    if known >= end:
        return Resolved(state=HELD, is_due=is_due, why=f"observed to {known}")
    state = CENSORED if is_due else PENDING
    return Resolved(state=state, is_due=is_due, why=f"observed to {known}")


def _streams(rung: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Give the streams that a rung counts, and those that rule it out."""
    if rung == "breakdown":
        return ("war", "abrogation"), ()
    if rung == "abrogation":
        return ("abrogation",), ("war",)
    return MARKS[MARKS.index(rung) :], ("abrogation",)


def _standing_days(outcome: CaseOutcome) -> dict[str, dt.date]:
    """Give the first day of each stream, an abrogation that is part of a war left out."""
    days = dict(outcome.happened)
    shots = [(DayRange(first=day, last=day), stream) for stream, day in days.items()]
    if standing_abrogation(shots) is None:
        days.pop("abrogation", None)
    return days
