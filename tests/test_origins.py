"""Forecasts from days in the past: nothing later is seen, and only what was open is scored."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import cache
from typing import Any

import numpy as np
import pytest
from worlds import history

from durability.agreements import Agreement, DayRange
from durability.assembly import ModelData
from durability.backtests import Backtest
from durability.errors import InputError
from durability.history_data import assemble_history
from durability.origins import (
    Origin,
    baseline_by_year,
    from_origins,
    make_origins,
    origin_question,
)
from durability.predictors import constant
from durability.vocabulary import DAYS_PER_YEAR, RUNGS

DAY = date(1980, 1, 1)


@cache
def whole() -> ModelData:
    return assemble_history()


@cache
def origins() -> tuple[Origin, ...]:
    return make_origins(whole())


def at(data: ModelData, day: date = DAY) -> Origin:
    return next(each for each in make_origins(data) if each.day == day)


def starts() -> dict[str, date]:
    return {row.id: row.start for row in whole().agreements}


# ---- the future ---------------------------------------------------------------------------------


def other_future(row: Agreement) -> Agreement:
    """Let everything after the day come out another way: what broke holds, what held breaks."""
    if row.start >= DAY:
        return row
    if row.first_war is None or row.first_war.first >= DAY:
        war = None if row.first_war else DayRange(first=date(1983, 5, 1), last=date(1983, 5, 1))
        row = replace(row, first_war=war)
    if row.abrogated is not None and row.abrogated.first >= DAY:
        row = replace(row, abrogated=None, abrogation_ended=None)
    return row


def test_what_comes_later_reaches_no_array() -> None:
    """To the bit, for every agreement of the origin that had begun."""
    rows = tuple(other_future(row) for row in history())
    other = assemble_history(rows)
    assert sum(a != b for a, b in zip(other.spells, whole().spells, strict=True)) > 10
    one, two = at(whole()), at(other)
    assert one.spells == two.spells
    assert one.asked != two.asked
    first, second = origin_question(whole(), one), origin_question(other, two)
    assert first.places == second.places
    assert first.entry_years == second.entry_years
    for name in first.shown:
        assert first.shown[name].tobytes() == second.shown[name].tobytes(), name


def test_what_begins_after_the_next_origin_could_be_anything() -> None:
    def changed(row: Agreement) -> Agreement:
        if row.start < date(1985, 1, 1) or row.set != "core":
            return row
        ratings = tuple(replace(each, trust=-each.trust, corridor=3) for each in row.ratings)
        return replace(row, ratings=ratings, contiguous=not row.contiguous, first_war=None)

    other = assemble_history(tuple(changed(row) for row in history()))
    first, second = (origin_question(data, at(data)) for data in (whole(), other))
    for name in first.shown:
        assert first.shown[name].tobytes() == second.shown[name].tobytes(), name


# ---- what is forecast ---------------------------------------------------------------------------


def test_forecast_is_what_stands_and_what_begins_next() -> None:
    origin, began = at(whole()), starts()
    asked = {
        spell.agreement: days for spell, days in zip(origin.asked, origin.entry_days, strict=True)
    }
    for row in whole().agreements:
        ends = [row.first_war.first] if row.first_war else []
        ends += [row.abrogated.first] if row.abrogated else []
        broken = any(day < DAY for day in ends)
        replaced = any(
            other.dyad == row.dyad and row.start < other.start <= DAY for other in history()
        )
        gone = row.state_end is not None and row.state_end < DAY
        stands = row.start < DAY and not (broken or replaced or gone)
        begins = DAY <= row.start < date(1985, 1, 1)
        assert (row.id in asked) == (stands or begins), row.id
        if row.id in asked:
            assert asked[row.id] == max((DAY - began[row.id]).days, 0)
    assert {days > 0.0 for days in asked.values()} == {True, False}


def test_an_outcome_is_counted_from_the_origin_and_only_if_it_came_after() -> None:
    origin = at(whole())
    n = len(origin.asked)
    row = [[0.5, 0.6, 0.7]] * len(RUNGS)
    found = from_origins([origin], [{"mean": [row] * n}], whole(), years=(1.0, 5.0, 10.0), name="x")
    force = RUNGS.index("force")
    seen = 0
    for j, (spell, days) in enumerate(zip(origin.asked, origin.entry_days, strict=True)):
        war = spell.rung("war")
        if war.event and days > 0.0:
            later = (war.stop_days - days) / DAYS_PER_YEAR
            assert found.happened[j, RUNGS.index("war"), 2] == float(later <= 10.0)
            seen += 1
        if spell.rung("force").event and spell.rung("force").stop_days < days:
            assert np.isnan(found.happened[j, force]).all()
            seen += 1
    assert seen > 5
    assert found.by == "year"


def test_each_origin_keeps_the_densities_of_its_own_answers() -> None:
    some = origins()[3:6]
    answers = tuple(
        {
            "agreements": [spell.agreement for spell in each.asked],
            "counted_log_density": [-float(place)] * len(each.asked),
            "mean": [[[0.1, 0.2]] * len(RUNGS)] * len(each.asked),
        }
        for place, each in enumerate(some)
    )
    left = from_origins(some, answers, whole(), years=(1.0, 5.0), name="x")
    test = Backtest(
        name="x", by="year", ratings="seen", priors="default", answers=answers, left_out=left
    )
    wanted = [-float(place) for place, each in enumerate(some) for _ in each.asked]
    assert list(test.log_densities) == wanted
    assert len(set(left.agreements)) < len(left.agreements)


def test_a_baseline_is_told_the_age_of_what_stands() -> None:
    def aged(_spells: Any, _rows: Any, targets: Any, years: Any, ages: Any) -> np.ndarray:
        assert len(ages) == len(targets)
        said = np.minimum(np.asarray(ages)[:, None] / 100.0 + np.asarray(years) / 1000.0, 1.0)
        return np.repeat(said[:, None], len(RUNGS), axis=1)

    origin = at(whole())
    found = baseline_by_year(aged, [origin], whole(), years=(1.0, 5.0), name="aged")
    wanted = np.array(origin.entry_days) / DAYS_PER_YEAR / 100.0
    np.testing.assert_allclose(found.probability[:, 2, 1], wanted + 0.005)


def test_a_baseline_is_fitted_to_what_was_known() -> None:
    calls: list[tuple[Any, ...]] = []

    def watched(spells: Any, rows: Any, targets: Any, years: Any, ages: Any) -> np.ndarray:
        calls.append((spells, [row.id for row in rows]))
        return constant(spells, rows, targets, years, ages)

    baseline_by_year(watched, [at(whole())], whole(), name="watched")
    ((spells, names),) = calls
    assert spells == at(whole()).spells
    assert names == [spell.agreement for spell in spells]


def test_origins_follow_the_calendar_to_the_end() -> None:
    days = [each.day for each in origins()]
    assert days[0] == date(1965, 1, 1)
    assert days == [date(year, 1, 1) for year in range(1965, days[-1].year + 1, 5)]
    every = {spell.agreement for each in origins() for spell in each.asked}
    assert every >= {name for name, day in starts().items() if day >= date(1965, 1, 1)}
    few = make_origins(whole(), first=1990, last=2000, every=2)
    assert [each.day.year for each in few] == [1990, 1992, 1994, 1996, 1998, 2000]
    for origin in few:
        asked = zip(origin.asked, origin.entry_days, strict=True)
        end = date(origin.day.year + 2, 1, 1)
        new = {name for name, day in starts().items() if origin.day <= day < end}
        assert {spell.agreement for spell, age in asked if not age} == new


def test_no_origin_is_an_error() -> None:
    with pytest.raises(InputError, match="no origin from 1940 to 1945"):
        make_origins(whole(), first=1940, last=1945)
    with pytest.raises(InputError, match="begin earlier or later"):
        make_origins(whole(), first=2030)
