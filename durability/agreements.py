"""The reference class: historical agreements between states, and what became of them.

``data/agreements_codebook.md`` says what every column means; this module gives each row a type
and refuses a file in which any cell, or any two cells together, make no sense.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from durability import tables
from durability.errors import Problems
from durability.tables import Row
from durability.vocabulary import DRIVERS, MARKS, RATING_MAX, RATING_MIN

SHIPPED: Final = Path(__file__).parent / "data" / "agreements.csv"
"""The file that comes with the library."""

SETS: Final = ("core", "subthreshold", "followup", "ww2treaty", "samewar", "target")
"""Classes of agreement. ``core`` trains the default model; ``target`` never trains."""

WAR_SETS: Final = ("core", "samewar", "ww2treaty")
"""Classes whose agreements ended a war."""

CODERS: Final = ("a", "b")
WAR_OUTCOMES: Final = ("tie", "decisive")
HELD: Final = ("holding", "breakdown")
ABROGATION_TYPES: Final = ("denunciation", "suspension", "unilateral declaration")
CONFIDENCES: Final = (
    "verified-dates",
    "data-dates",
    "background-high",
    "background-medium",
    "background-low",
)
SOURCES: Final = ("lhr", "fortna", "cow", "ucdp", "mid", "page", "background")
WAR_BASES: Final = (*SOURCES, "cow+mie", "mie_only")
BREAKDOWN_TYPES: Final = (
    "war>=1000",
    "war>=1000 (MIE only, disputed)",
    "war (COW participant; dyad deaths <1000)",
    "serious fighting <1000 or unclear",
    "formal abrogation/suspension",
)
FIRST_DAY: Final = date(1945, 9, 2)
"""No agreement is older than the end of the Second World War."""

_ID = re.compile(r"R[0-9]{3}")
_ISO = re.compile(r"[A-Z]{3}")
_CODE = re.compile(r"[0-9]{1,3}")
_LADDER = ("first_force", "first_fatal", "first_war", "abrogated")
_KNOWN = ("known_to_force", "known_to_fatal", "known_to_war", "known_to_abrogated")
_FLAGS = (
    "contiguous",
    "third_party",
    "territorial_unresolved",
    "dmz",
    "foreign_imposed_regime_change",
    "leadership_constitutional_dispute",
)
_DATED = ("start", *_LADDER, "breakdown")

COLUMNS: Final = (
    *("id", "name", "set", "set_original", "set_reason"),
    *("state_a", "state_b", "iso_a", "iso_b", "ccode_a", "ccode_b", "dyad", "cluster", "war"),
    *("start", "state_end"),
    *(f"{event}{part}" for event in _LADDER for part in ("", "_last")),
    *(f"{event}_source" for event in _DATED),
    *(f"first_{mark}{part}" for mark in ("force", "fatal") for part in ("_residual", "_new")),
    *("first_war_basis", "abrogation_type", "abrogation_ended"),
    *_KNOWN,
    *("breakdown", "breakdown_type", "breakdown_strict", "censor_date", "status"),
    *_FLAGS,
    *("war_outcome", "followup_of", "overlaps_with", "confidence", "ladder_note", "note"),
    *(
        f"coder_{coder}_{part}"
        for coder in CODERS
        for part in (*DRIVERS, "confidence", "rationale")
    ),
)
"""Columns that the file has, all of them needed, in any order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayRange:
    """A day known to lie in [`first`, `last`]; the two are equal for a known day."""

    first: date
    last: date


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementRating:
    """One coder's reading of the four drivers on the day an agreement began.

    Ratings run from −3 to +3, positive values pushing toward breakdown.
    """

    coder: str
    trust: int
    constitution: int
    corridor: int
    interference: int
    confidence: float
    rationale: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """One row of the reference class, as ``data/agreements_codebook.md`` describes it."""

    id: str
    name: str
    set: str
    set_original: str
    set_reason: str
    state_a: str
    state_b: str
    iso_a: tuple[str, ...]
    iso_b: tuple[str, ...]
    ccode_a: tuple[str, ...]
    ccode_b: tuple[str, ...]
    dyad: str
    cluster: str
    war: str
    start: date
    state_end: date | None
    first_force: DayRange | None
    first_force_residual: bool | None
    first_force_new: date | None
    first_fatal: DayRange | None
    first_fatal_residual: bool | None
    first_fatal_new: date | None
    first_war: DayRange | None
    first_war_basis: str
    abrogated: DayRange | None
    abrogation_type: str
    abrogation_ended: bool | None
    known_to_force: date
    known_to_fatal: date
    known_to_war: date
    known_to_abrogated: date
    breakdown: date | None
    breakdown_type: str
    breakdown_strict: bool | None
    censor_date: date | None
    status: str
    contiguous: bool
    war_outcome: str
    third_party: bool
    territorial_unresolved: bool
    dmz: bool
    foreign_imposed_regime_change: bool
    leadership_constitutional_dispute: bool
    followup_of: str
    overlaps_with: tuple[str, ...]
    confidence: str
    notes: tuple[str, ...]
    sources: tuple[tuple[str, tuple[str, ...]], ...]
    ratings: tuple[AgreementRating, ...]


def read_agreements(path: Path | None = None) -> tuple[Agreement, ...]:
    """Read the reference class.

    Parameters
    ----------
    path : Path, optional
        A file with the columns of the shipped one; default the shipped one.

    Returns
    -------
    tuple of Agreement
        In the order of the file.

    Raises
    ------
    InputError
        With every problem of the file, each with its line.

    Examples
    --------
    >>> from durability.agreements import read_agreements
    >>> agreements = read_agreements()
    >>> len(agreements), sum(agreement.set == "core" for agreement in agreements)
    (116, 66)
    """
    path = path or SHIPPED
    problems = Problems()
    rows = tables.read_rows(path, required=COLUMNS, problems=problems)
    if not rows and not problems:
        problems.add(str(path), "no rows", "at least one agreement is needed")
    tables.require_unique(rows, "id")
    agreements = []
    for row in rows:
        before = len(problems)
        agreement = _agreement(row)
        if len(problems) == before:
            _check(agreement, row)
        agreements.append(agreement)
    _check_links(rows)
    problems.raise_any()
    return tuple(agreements)


def earlier_wars(agreement: Agreement, agreements: Iterable[Agreement]) -> int:
    """Count the wars that the dyad had before an agreement, other than the one it ended.

    Parameters
    ----------
    agreement : Agreement
    agreements : iterable of Agreement
        The file; it may hold the agreement itself, later ones and other dyads.

    Returns
    -------
    int
        Distinct wars of the dyad's agreements that ended a war (sets core, samewar, ww2treaty)
        and began strictly before this one.
    """
    wars = {
        other.war
        for other in agreements
        if other.dyad == agreement.dyad and other.start < agreement.start and other.set in WAR_SETS
    }
    return len(wars - {agreement.war})


def _agreement(row: Row) -> Agreement:
    return Agreement(
        id=_matching(row, "id", _ID, "R and three digits, such as R001"),
        name=tables.text(row, "name"),
        set=tables.choice(row, "set", SETS),
        set_original=tables.choice(row, "set_original", SETS),
        set_reason=row["set_reason"],
        state_a=tables.text(row, "state_a"),
        state_b=tables.text(row, "state_b"),
        iso_a=_codes(row, "iso_a", _ISO, "three capital letters"),
        iso_b=_codes(row, "iso_b", _ISO, "three capital letters"),
        ccode_a=_codes(row, "ccode_a", _CODE, "Correlates of War numbers"),
        ccode_b=_codes(row, "ccode_b", _CODE, "Correlates of War numbers"),
        dyad=tables.text(row, "dyad"),
        cluster=tables.text(row, "cluster"),
        war=tables.text(row, "war"),
        start=tables.day(row, "start"),
        state_end=tables.optional_day(row, "state_end"),
        first_force=_day_range(row, "first_force"),
        first_force_residual=tables.optional_flag(row, "first_force_residual"),
        first_force_new=tables.optional_day(row, "first_force_new"),
        first_fatal=_day_range(row, "first_fatal"),
        first_fatal_residual=tables.optional_flag(row, "first_fatal_residual"),
        first_fatal_new=tables.optional_day(row, "first_fatal_new"),
        first_war=_day_range(row, "first_war"),
        first_war_basis=_optional_choice(row, "first_war_basis", WAR_BASES),
        abrogated=_day_range(row, "abrogated"),
        abrogation_type=_optional_choice(row, "abrogation_type", ABROGATION_TYPES),
        abrogation_ended=tables.optional_flag(row, "abrogation_ended"),
        known_to_force=tables.day(row, "known_to_force"),
        known_to_fatal=tables.day(row, "known_to_fatal"),
        known_to_war=tables.day(row, "known_to_war"),
        known_to_abrogated=tables.day(row, "known_to_abrogated"),
        breakdown=tables.optional_day(row, "breakdown"),
        breakdown_type=_optional_choice(row, "breakdown_type", BREAKDOWN_TYPES),
        breakdown_strict=tables.optional_flag(row, "breakdown_strict"),
        censor_date=tables.optional_day(row, "censor_date"),
        status=tables.choice(row, "status", HELD),
        contiguous=tables.flag(row, "contiguous"),
        war_outcome=tables.choice(row, "war_outcome", WAR_OUTCOMES),
        third_party=tables.flag(row, "third_party"),
        territorial_unresolved=tables.flag(row, "territorial_unresolved"),
        dmz=tables.flag(row, "dmz"),
        foreign_imposed_regime_change=tables.flag(row, "foreign_imposed_regime_change"),
        leadership_constitutional_dispute=tables.flag(row, "leadership_constitutional_dispute"),
        followup_of=row["followup_of"],
        overlaps_with=tables.words(row, "overlaps_with"),
        confidence=tables.choice(row, "confidence", CONFIDENCES),
        notes=tuple(row[column] for column in ("ladder_note", "note") if row[column]),
        sources=tuple((event, _source_words(row, event)) for event in _DATED if row[event]),
        ratings=tuple(_rating(row, coder) for coder in CODERS),
    )


def _rating(row: Row, coder: str) -> AgreementRating:
    trust, constitution, corridor, interference = (
        tables.integer(row, f"coder_{coder}_{driver}", low=RATING_MIN, high=RATING_MAX)
        for driver in DRIVERS
    )
    return AgreementRating(
        coder=coder,
        trust=trust,
        constitution=constitution,
        corridor=corridor,
        interference=interference,
        confidence=tables.number(row, f"coder_{coder}_confidence", low=0, high=1),
        rationale=tables.text(row, f"coder_{coder}_rationale"),
    )


def _day_range(row: Row, column: str) -> DayRange | None:
    first = tables.optional_day(row, column)
    last = tables.optional_day(row, f"{column}_last")
    if first is None:
        if last is not None:
            row.problem(f"{column}_last", f"must be empty where {column} is")
        return None
    if last is not None and last < first:
        row.problem(f"{column}_last", f"must not be before {column}, {first}")
    return DayRange(first=first, last=last or first)


def _matching(row: Row, column: str, pattern: re.Pattern[str], allowed: str) -> str:
    if not pattern.fullmatch(row[column]):
        row.problem(column, f"must be {allowed}")
    return row[column]


def _codes(row: Row, column: str, pattern: re.Pattern[str], allowed: str) -> tuple[str, ...]:
    codes = tables.words(row, column)
    if not codes or not all(pattern.fullmatch(code) for code in codes):
        row.problem(column, f"must be {allowed}, separated by |")
    return codes


def _optional_choice(row: Row, column: str, allowed: Sequence[str]) -> str:
    return tables.choice(row, column, allowed) if row[column] else ""


def _source_words(row: Row, event: str) -> tuple[str, ...]:
    column = f"{event}_source"
    found = tables.words(row, column)
    if not found or not set(found) <= set(SOURCES):
        row.problem(column, f"must be of {', '.join(SOURCES)}, separated by |")
    return found


def _check(agreement: Agreement, row: Row) -> None:
    """Note what no single cell shows: cells that contradict each other."""
    for column, allowed in (
        *_misdated(agreement),
        *_broken_ladder(agreement),
        *_known_otherwise(agreement),
        *_misfits(agreement),
    ):
        row.problem(column, allowed)
    for event in _DATED:
        if not row[event] and row[f"{event}_source"]:
            row.problem(f"{event}_source", f"must be empty where {event} is")


def _misdated(agreement: Agreement) -> Iterator[tuple[str, str]]:
    if agreement.start < FIRST_DAY:
        yield "start", f"must not be before {FIRST_DAY}"
    for column in (*_LADDER, *_KNOWN, "breakdown", "censor_date"):
        value = getattr(agreement, column)
        first = value.first if isinstance(value, DayRange) else value
        if first is not None and first < agreement.start:
            yield column, f"must not be before the start, {agreement.start}"
    if agreement.state_end is not None and agreement.state_end <= agreement.start:
        yield "state_end", f"must be after the start, {agreement.start}"


def _broken_ladder(agreement: Agreement) -> Iterator[tuple[str, str]]:
    for lower, higher in itertools.pairwise(MARKS):
        low, high = getattr(agreement, f"first_{lower}"), getattr(agreement, f"first_{higher}")
        if high is not None and (low is None or low.first > high.first):
            yield f"first_{lower}", f"must not be after or without first_{higher}, {high.first}"
    for mark in ("force", "fatal"):
        first = getattr(agreement, f"first_{mark}")
        residual = getattr(agreement, f"first_{mark}_residual")
        new = getattr(agreement, f"first_{mark}_new")
        if first is None and (residual is not None or new is not None):
            yield f"first_{mark}", "must be given where its residual or its new date is"
        elif new is not None and new < first.first:
            yield f"first_{mark}_new", f"must not be before first_{mark}, {first.first}"
        elif residual is False and new != first.first:
            yield (
                f"first_{mark}_new",
                f"must be {first.first} where nothing is residual",
            )
    if agreement.first_fatal_new and not agreement.first_force_new:
        yield "first_force_new", "must be given where first_fatal_new is"


def _known_otherwise(agreement: Agreement) -> Iterator[tuple[str, str]]:
    for event, known in zip(_LADDER, _KNOWN, strict=True):
        value = getattr(agreement, event)
        if value is not None and getattr(agreement, known) != value.first:
            yield known, f"must be the day of {event}, {value.first}"


def _misfits(agreement: Agreement) -> Iterator[tuple[str, str]]:
    present = "must be given exactly where {} is"
    if bool(agreement.first_war_basis) != (agreement.first_war is not None):
        yield "first_war_basis", present.format("first_war")
    if bool(agreement.abrogation_type) != (agreement.abrogated is not None):
        yield "abrogation_type", present.format("abrogated")
    if (agreement.abrogation_ended is None) != (agreement.abrogated is None):
        yield "abrogation_ended", present.format("abrogated")
    broke = agreement.breakdown is not None
    if (agreement.status == "breakdown") != broke:
        yield "status", 'must be "breakdown" exactly where breakdown has a date'
    if bool(agreement.breakdown_type) != broke:
        yield "breakdown_type", present.format("breakdown")
    if (agreement.breakdown_strict is not None) != broke:
        yield "breakdown_strict", present.format("breakdown")
    if (agreement.censor_date is None) != broke:
        yield "censor_date", "must be given exactly where breakdown is empty"
    if agreement.set != agreement.set_original and not agreement.set_reason:
        yield "set_reason", "must say why the set is not the original one"
    if (agreement.set == "target") != (agreement.set_original == "target"):
        yield "set", "a target stays a target, and nothing else becomes one"
    if len(set(agreement.ccode_a) & set(agreement.ccode_b)):
        yield "ccode_b", "a state cannot stand on both sides"
    codes = sorted({*agreement.ccode_a, *agreement.ccode_b}, key=int)
    ends = agreement.dyad.split("-")
    if len(ends) != 2 or not set(ends) <= set(codes) or int(ends[0]) >= int(ends[1]):
        yield "dyad", "must be two of the row's state numbers, the lower first, such as 371-373"


def _check_links(rows: Sequence[Row]) -> None:
    ids = {row["id"] for row in rows}
    for row in rows:
        for column in ("followup_of", "overlaps_with"):
            for link in filter(None, row[column].split("|")):
                if link not in ids or link == row["id"]:
                    row.problem(column, "must name another agreement of the file")
