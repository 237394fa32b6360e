"""``case.toml``: the clock, the coverage, the covariates and the ratings of the deal itself."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from durability import toml_tables as toml
from durability.conditions import Condition, collect_conditions
from durability.errors import InputError, Problems, quoted
from durability.files import read_text
from durability.toml_files import TomlFile, read_toml
from durability.toml_tables import TomlTable
from durability.vocabulary import DRIVERS, LIFE_CYCLE, MARKS, RATING_MAX, RATING_MIN, STREAMS

FORMAT: Final = 1

MAX_GRID_MONTHS: Final = 600
"""Fifty years: a longer grid is a slip of the pen."""

MAX_BYTES: Final = 2**20

_TOP: Final = ("format", "title", "parties", "clock", "grid", "coverage", "observed_to")
_TOP_OPTIONAL: Final = ("history", "happened", "standing", "life_cycle", "condition")

COVARIATE_KEYS: Final = (
    *("contiguous", "war_outcome", "third_party", "territorial_unresolved", "earlier_wars"),
)
"""Keys of ``[covariates]``: three flags 0 or 1, an outcome, and a count."""

SIGNED: Final = "signed"
"""Where a deal stands whose file does not say."""

OUTCOMES: Final = ("tie", "decisive")
MAX_EARLIER_WARS: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """A rung that did happen after the deal."""

    rung: str
    date: dt.date
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One coder's ratings of the agreement itself on one day, on history's scale.

    Parameters
    ----------
    date : datetime.date
    coder : str
    ratings : mapping of str to int
        Driver to rating, from -3 to +3, positive toward breakdown; all four drivers.
    reasons : mapping of str to str
    """

    date: dt.date
    coder: str
    ratings: Mapping[str, int]
    reasons: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseSettings:
    """What ``case.toml`` says; the fields are those of :class:`durability.cases.Case`."""

    title: str
    parties: tuple[str, ...]
    clock_start: dt.date
    deal: dt.date
    grid_start: dt.date
    covered_until: dt.date
    observed_to: Mapping[str, dt.date]
    happened: tuple[Happened, ...]
    dyad: str
    cluster: str
    excluded: tuple[str, ...]
    covariates: Mapping[str, int | str]
    standings: tuple[Standing, ...]
    stage: str
    conditions: tuple[Condition, ...]
    reasons: Mapping[str, str]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Days:
    """The days against which others are checked; None where the file does not give them well."""

    start: dt.date | None
    deal: dt.date | None
    grid: dt.date | None
    covered: dt.date | None


def collect_settings(path: Path, problems: Problems) -> CaseSettings | None:
    """Read ``case.toml``, noting what is wrong; None where anything is."""
    before = len(problems)
    try:
        content = read_text(path, max_bytes=MAX_BYTES)
        file = read_toml(path)
    except InputError as error:
        problems.extend(error.problems)
        return None
    top = toml.top(file, problems)
    toml.check_keys(top, (*_TOP, "covariates"), _TOP_OPTIONAL)
    toml.integer(top, "format", low=FORMAT, high=FORMAT)
    title = toml.text(top, "title", limit=200)
    parties = toml.texts(top, "parties", count=2)
    reasons: dict[str, str] = {}
    days = _days(file, top, reasons)
    observed_to = _observed_to(file, top, days, reasons)
    happened = _happened(toml.subtables(top, "happened", content), days, observed_to)
    history = toml.subtable(file, top, "history")
    toml.check_keys(history, (), ("dyad", "cluster", "exclude"))
    covariates = _covariates(file, top, reasons)
    standings = _standings(toml.subtables(top, "standing", content), days)
    stage = _stage(file, top, reasons)
    conditions = collect_conditions(
        toml.subtables(top, "condition", content), deal=days.deal, stage=stage
    )
    excluded = toml.texts(history, "exclude")
    dyad, cluster = toml.name(history, "dyad"), toml.name(history, "cluster")
    if len(problems) > before or None in (days.start, days.deal, days.grid, days.covered):
        return None
    return CaseSettings(
        title=title,
        parties=parties,
        clock_start=days.start or dt.date.min,
        deal=days.deal or dt.date.min,
        grid_start=days.grid or dt.date.min,
        covered_until=days.covered or dt.date.min,
        observed_to=MappingProxyType(observed_to),
        happened=happened,
        dyad=dyad or "-".join(parties),
        cluster=cluster or "-".join(parties),
        excluded=excluded,
        covariates=covariates,
        standings=standings,
        stage=stage,
        conditions=conditions,
        reasons=MappingProxyType(reasons),
        text=content,
    )


def _days(file: TomlFile, top: TomlTable, reasons: dict[str, str]) -> _Days:
    """Read the days of clock, grid and coverage, and check their order."""
    clock = _table(file, top, "clock", ("start", "deal", "why"))
    grid = _table(file, top, "grid", ("start", "why"))
    coverage = _table(file, top, "coverage", ("covered_until",))
    reasons["clock"], reasons["grid"] = toml.text(clock, "why"), toml.text(grid, "why")
    days = _Days(
        start=toml.day(clock, "start"),
        deal=toml.day(clock, "deal"),
        grid=_month(grid, "start"),
        covered=toml.day(coverage, "covered_until"),
    )
    if days.start and days.deal and days.start > days.deal:
        clock.refuse("start", f"= {days.start}", f"must not be after the deal, {days.deal}")
    if days.deal and days.covered and days.deal > days.covered:
        allowed = f"must not be before the deal, {days.deal}"
        coverage.refuse("covered_until", f"= {days.covered}", allowed)
    if days.grid and days.deal and days.grid > days.deal:
        allowed = f"must not be after the month of the deal, {days.deal:%Y-%m}"
        grid.refuse("start", f"= {days.grid:%Y-%m}", allowed)
    if days.grid and days.covered and _months(days.grid, days.covered) > MAX_GRID_MONTHS:
        found = f"= {days.grid:%Y-%m}, {_months(days.grid, days.covered)} months before the end"
        grid.refuse("start", found, f"at most {MAX_GRID_MONTHS} months are followed")
    return days


def _table(file: TomlFile, top: TomlTable, key: str, required: Sequence[str]) -> TomlTable:
    table = toml.subtable(file, top, key)
    if isinstance(top.content.get(key), dict):
        toml.check_keys(table, required)
    return table


def _month(table: TomlTable, key: str) -> dt.date | None:
    value = table.content.get(key)
    if value is None:
        return None
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}", value, re.ASCII):
        try:
            return dt.date.fromisoformat(f"{value}-01")
        except ValueError:
            pass
    table.refuse(key, f"= {quoted(value)}", 'must be a month in quotation marks, "2020-11"')
    return None


def _months(first: dt.date, last: dt.date) -> int:
    return 12 * (last.year - first.year) + last.month - first.month + 1


def _observed_to(
    file: TomlFile, top: TomlTable, days: _Days, reasons: dict[str, str]
) -> dict[str, dt.date]:
    table = _table(file, top, "observed_to", (*STREAMS, "why"))
    reasons["observed_to"] = toml.text(table, "why")
    observed = {}
    for rung in STREAMS:
        day = toml.day(table, rung)
        if day and days.deal and day < days.deal:
            table.refuse(rung, f"= {day}", f"must not be before the deal, {days.deal}")
        observed[rung] = day or dt.date.min
    return observed


def _happened(
    tables: Sequence[TomlTable], days: _Days, observed_to: Mapping[str, dt.date]
) -> tuple[Happened, ...]:
    happened: list[Happened] = []
    for table in tables:
        toml.check_keys(table, ("rung", "date", "why"))
        rung = toml.choice(table, "rung", STREAMS)
        day = toml.day(table, "date")
        if day is None:
            continue
        if days.deal and day <= days.deal:
            table.refuse("date", f"= {day}", f"must be after the deal, {days.deal}")
        if day > observed_to[rung] > dt.date.min:
            allowed = f"must not be after observed_to.{rung}, {observed_to[rung]}"
            table.refuse("date", f"= {day}", allowed)
        for other in happened:
            if other.rung == rung:
                table.refuse("rung", f"{rung} stands twice", "only its first time counts")
            elif other.date == day and {rung, other.rung} <= set(MARKS):
                allowed = f"{other.rung} has that day too; one confrontation has its highest mark"
                table.refuse("date", f"= {day}", allowed)
        happened.append(Happened(rung=rung, date=day, why=toml.text(table, "why")))
    return tuple(happened)


def _covariates(file: TomlFile, top: TomlTable, reasons: dict[str, str]) -> Mapping[str, int | str]:
    table = _table(file, top, "covariates", COVARIATE_KEYS)
    values: dict[str, int | str] = {}
    for key in COVARIATE_KEYS:
        cell = toml.inner(table, key)
        if cell is None:
            continue
        toml.check_keys(cell, ("value", "why"))
        reasons[key] = toml.text(cell, "why")
        if key == "war_outcome":
            values[key] = toml.choice(cell, "value", OUTCOMES)
        else:
            high = MAX_EARLIER_WARS if key == "earlier_wars" else 1
            values[key] = toml.integer(cell, "value", low=0, high=high)
    return MappingProxyType(values)


def _stage(file: TomlFile, top: TomlTable, reasons: dict[str, str]) -> str:
    """Read where the deal stood in its life cycle on its day: signed, where nothing is said."""
    if "life_cycle" not in top.content:
        return SIGNED
    table = _table(file, top, "life_cycle", ("stage", "why"))
    reasons["life_cycle"] = toml.text(table, "why")
    return toml.choice(table, "stage", LIFE_CYCLE)


def _standings(tables: Sequence[TomlTable], days: _Days) -> tuple[Standing, ...]:
    standings: list[Standing] = []
    for table in tables:
        toml.check_keys(table, ("date", "coder", *DRIVERS))
        day, coder = toml.day(table, "date"), toml.name(table, "coder")
        if day and days.grid and days.covered and not days.grid <= day <= days.covered:
            allowed = f"must lie on the grid, {days.grid} to {days.covered}"
            table.refuse("date", f"= {day}", allowed)
        if any((other.date, other.coder) == (day, coder) for other in standings):
            table.refuse("coder", f"= {quoted(coder)} rates that day twice", "rate it once")
        cells = {driver: toml.inner(table, driver) for driver in DRIVERS}
        ratings, reasons = {}, {}
        for driver, cell in cells.items():
            if cell is None:
                continue
            toml.check_keys(cell, ("rating", "reason"))
            if "rating" in cell.content:
                ratings[driver] = toml.integer(cell, "rating", low=RATING_MIN, high=RATING_MAX)
            reasons[driver] = toml.text(cell, "reason")
        standings.append(
            Standing(
                date=day or dt.date.min,
                coder=coder,
                ratings=MappingProxyType(ratings),
                reasons=MappingProxyType(reasons),
            )
        )
    return tuple(standings)
