"""Baselines as predictors: closed forms, truths they must find, and what they may not look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from functools import cache
from typing import Any

import numpy as np
import pytest

from durability import catalogue
from durability.agreements import Agreement, read_agreements
from durability.ladder import Observed, Spell, derive_spells
from durability.outcomes import watched_rung
from durability.predictors import (
    PREDICTORS,
    Predictor,
    _Arrays,
    _chances,
    _edges,
    mean_ratings,
)
from durability.vocabulary import DAYS_PER_YEAR, MARKS, RUNGS

YEARS = (1.0, 5.0, 10.0)
NAMES = tuple(PREDICTORS)


@cache
def history() -> tuple[tuple[Spell, ...], tuple[Agreement, ...]]:
    agreements = read_agreements()
    spells = derive_spells(agreements, cutoff=date(2026, 6, 30))
    by_id = {row.id: row for row in agreements}
    return spells, tuple(by_id[spell.agreement] for spell in spells)


@cache
def forecasts(name: str) -> np.ndarray:
    spells, rows = history()
    return PREDICTORS[name](spells, rows, rows, YEARS)


def made(
    n: int, seed: int, *, rates: Sequence[float] = (0.3, 0.1, 0.05, 0.02), effect: float = 0.0
) -> tuple[list[Spell], list[Agreement]]:
    """Make agreements whose streams have constant hazards, moved by the trust they were rated."""
    rng = np.random.default_rng(seed)
    _, rows = history()
    spells, agreements = [], []
    for i in range(n):
        trust = int(rng.integers(-3, 4))
        row = rows[i % len(rows)]
        ratings = tuple(
            replace(each, trust=trust, constitution=0, corridor=0, interference=0)
            for each in row.ratings
        )
        changed = replace(
            row,
            id=f"R{i:05d}",
            ratings=ratings,
            contiguous=bool(i % 2),
            war_outcome=("tie", "decisive")[i // 2 % 2],
        )
        pull = np.exp(effect * trust)
        times = rng.exponential(1.0 / (np.array(rates) * pull)) * DAYS_PER_YEAR
        spells.append(spelled(changed.id, times, rng.uniform(2.0, 30.0) * DAYS_PER_YEAR))
        agreements.append(changed)
    return spells, agreements


def spelled(name: str, times: np.ndarray, limit: float) -> Spell:
    """Make a spell of the first time of each exclusive mark and of abrogation, in days."""
    end = min(limit, times[3])
    streams, rungs = [], []
    for rank in range(3):
        first = times[rank:3].min()
        rung = observed(first, end)
        streams.append(
            rung if rung.event and first == times[rank] else observed(np.inf, rung.stop_days)
        )
        rungs.append(rung)
    denounced = observed(times[3], min(limit, times[2]))
    breakdown = rungs[2] if rungs[2].event else denounced
    return Spell(
        agreement=name,
        entry_days=0.0,
        streams=(*streams, denounced),
        rungs=(*rungs, denounced, breakdown),
        limit_days=(limit,) * 4,
        weight=1.0,
    )


def observed(time: float, limit: float) -> Observed:
    if time >= limit:
        return Observed(stop_days=float(limit), event=False, event_end_days=float(limit))
    return Observed(stop_days=float(time), event=True, event_end_days=float(time) + 1.0)


def true_incidence(rates: Sequence[float]) -> np.ndarray:
    """Closed form of the incidences of constant hazards: ndarray (rung, horizon)."""
    force, fatal, war, denounced = rates
    pairs = {
        "force": (force + fatal + war, denounced),
        "fatal": (fatal + war, denounced),
        "war": (war, denounced),
        "abrogation": (denounced, war),
        "breakdown": (war + denounced, 0.0),
    }
    at = np.array(YEARS)
    return np.array(
        [own / (own + other) * -np.expm1(-(own + other) * at) for own, other in pairs.values()]
    )


# ---- every predictor ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_chances_are_chances_and_rise_with_horizons_and_fall_with_rungs(name: str) -> None:
    found = forecasts(name)
    assert found.shape == (66, len(RUNGS), 3)
    assert ((found > 0.0) & (found < 1.0)).all()
    assert (np.diff(found, axis=-1) >= -1e-12).all()
    force, fatal, war = (found[:, RUNGS.index(mark)] for mark in MARKS)
    assert (force >= fatal).all()
    assert (fatal >= war - 1e-12).all()
    breakdown = found[:, RUNGS.index("breakdown")]
    if name != "climatology":  # each of whose rungs is drawn to one half by itself
        np.testing.assert_allclose(war + found[:, RUNGS.index("abrogation")], breakdown, atol=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_agreements_give_the_same_chances_in_any_order(name: str) -> None:
    spells, rows = history()
    order = np.random.default_rng(1).permutation(66)
    mixed = PREDICTORS[name]([spells[i] for i in order], [rows[i] for i in order], rows[:5], YEARS)
    np.testing.assert_allclose(mixed, forecasts(name)[:5], rtol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_a_target_is_forecast_by_what_it_is_not_by_what_became_of_it(name: str) -> None:
    spells, rows = history()
    blind = replace(
        rows[0],
        first_war=None,
        breakdown=None,
        status="holding",
        first_force=None,
        abrogated=None,
        first_fatal=None,
        notes=("broke down at once",),
        censor_date=None,
    )
    pair = PREDICTORS[name](spells, rows, [rows[0], blind], YEARS)
    np.testing.assert_array_equal(pair[0], pair[1])


@pytest.mark.parametrize("name", NAMES)
def test_a_horizon_does_not_depend_on_the_others_asked_for(name: str) -> None:
    spells, rows = history()
    found = PREDICTORS[name](spells, rows, rows[:2], [5.0, 10.0])
    np.testing.assert_allclose(found, forecasts(name)[:2, :, 1:], rtol=2e-2)


@pytest.mark.parametrize("name", NAMES)
def test_constant_hazards_are_found_in_many_agreements(name: str) -> None:
    rates = (0.3, 0.1, 0.05, 0.02)
    # The table learns each of its cells from a quarter of the rows.
    spells, rows = made(10_000 if name == "table" else 2500, 2, rates=rates)
    found = PREDICTORS[name](spells, rows, rows[:4], YEARS)
    np.testing.assert_allclose(found, np.tile(true_incidence(rates), (4, 1, 1)), atol=0.03)


@pytest.mark.parametrize("name", NAMES)
def test_constant_hazards_forecast_the_same_from_every_age(name: str) -> None:
    """Force too, though what stands may have ended otherwise: of rates nothing wears off."""
    rates = (0.05, 0.03, 0.02, 0.04)
    spells, rows = made(10_000 if name == "table" else 4000, 7, rates=rates)
    ages = [0.0, 3.0, 12.0]
    found = PREDICTORS[name](spells, rows, [rows[0]] * 3, YEARS, ages)
    np.testing.assert_allclose(found, np.tile(true_incidence(rates), (3, 1, 1)), atol=0.04)


def test_a_weibull_goes_on_from_the_age_by_its_law_draw_by_draw() -> None:
    spells, rows = history()
    age, years = 7.0, np.array([2.0, 9.0])
    found = PREDICTORS["weibull"](spells, rows, rows[:2], years, [0.0, age])
    both = PREDICTORS["weibull"](spells, rows, rows[:1], [age, *(age + years)])
    breakdown = RUNGS.index("breakdown")
    np.testing.assert_allclose(found[0], PREDICTORS["weibull"](spells, rows, rows[:1], years)[0])
    # Draws under which it would hardly have stood count in full: their posterior knows it already.
    divided = (both[0, breakdown, 1:] - both[0, breakdown, 0]) / (1.0 - both[0, breakdown, 0])
    assert (found[1, breakdown] > divided).all()
    np.testing.assert_allclose(found[1, breakdown], divided, atol=0.02)


def test_climatology_from_an_age_counts_what_was_watched_beyond_it() -> None:
    spells, rows = history()
    found = PREDICTORS["climatology"](spells, rows, rows[:2], [5.0], [0.0, 8.0])
    seen = watched_rung(spells, "breakdown")
    later = seen.stop > 8.0
    times = np.unique(seen.stop[later & (seen.ended == 1) & (seen.stop <= 13.0)])
    left = 1.0
    for time in times:
        watched = seen.weight[(seen.stop >= time) & (seen.entry < time)].sum()
        left *= 1.0 - seen.weight[(seen.stop == time) & (seen.ended == 1)].sum() / watched
    n = seen.weight[later].sum()
    wanted = (n * (1.0 - left) + 0.5) / (n + 1.0)
    assert 0.0 < 1.0 - left < 1.0
    np.testing.assert_allclose(found[1, RUNGS.index("breakdown"), 0], wanted)


# ---- one by one ---------------------------------------------------------------------------------


def spread(found: np.ndarray) -> np.ndarray:
    """Range over targets of the chance of breakdown in ten years."""
    return np.ptp(found[:, RUNGS.index("breakdown"), 2])


@pytest.mark.parametrize(
    ("name", "differs"),
    [("climatology", 1), ("constant", 1), ("weibull", 1), ("table", 4), ("ratings", 20)],
)
def test_each_predictor_tells_agreements_apart_as_far_as_it_can(name: str, differs: int) -> None:
    values = np.unique(forecasts(name)[:, RUNGS.index("breakdown"), 2].round(9))
    assert values.size >= differs
    assert values.size <= 4 or name == "ratings"


def test_ratings_are_found_to_matter_where_they_do() -> None:
    spells, rows = made(1500, 3, effect=0.4)
    trust = mean_ratings(rows)[:, 0]
    worst, best = rows[int(trust.argmax())], rows[int(trust.argmin())]
    found = PREDICTORS["ratings"](spells, rows, [worst, best], YEARS)
    high, low = (
        true_incidence(np.array((0.3, 0.1, 0.05, 0.02)) * np.exp(0.4 * t)) for t in (3, -3)
    )
    # The prior of an effect draws it in a little.
    np.testing.assert_allclose(found, [high, low], atol=0.06)


def test_the_table_finds_what_differs_between_its_cells() -> None:
    tie, rows_a = made(800, 4, rates=(0.3, 0.1, 0.15, 0.02))
    decisive, rows_b = made(800, 5, rates=(0.3, 0.1, 0.03, 0.02))
    rows_a = [replace(row, war_outcome="tie") for row in rows_a]
    rows_b = [replace(row, war_outcome="decisive", id=f"S{row.id}") for row in rows_b]
    targets = [rows_a[0], rows_b[0]]
    found = PREDICTORS["table"]([*tie, *decisive], [*rows_a, *rows_b], targets, YEARS)
    war = found[:, RUNGS.index("war"), 1]
    wanted = [true_incidence((0.3, 0.1, rate, 0.02))[2, 1] for rate in (0.15, 0.03)]
    np.testing.assert_allclose(war, wanted, atol=0.04)


def test_the_weibull_is_the_baseline_that_stands_beside_forecasts() -> None:
    """The same model by a grid instead of about its mode."""
    spells, rows = history()
    edges = _edges(YEARS)
    grid = catalogue.baselines()["weibull"].cumulative(
        _Arrays.of(spells, rows, None), edges, draws=4000, seed=1
    )
    np.testing.assert_allclose(forecasts("weibull")[0], _chances(grid, edges, YEARS), atol=0.015)


def test_a_weibull_sees_a_falling_hazard_where_a_constant_cannot() -> None:
    constant, weibull = (
        forecasts(name)[0, RUNGS.index("force")] for name in ("constant", "weibull")
    )
    assert weibull[0] > 2.0 * constant[0]


def test_any_function_of_the_same_signature_is_a_predictor() -> None:
    def coin(spells: Any, agreements: Any, targets: Any, years: Any, ages: Any = 0.0) -> np.ndarray:
        return np.full((len(targets), len(RUNGS), len(years)), 0.5)

    predictor: Predictor = coin
    assert predictor([], [], [], YEARS).shape == (0, 5, 3)
