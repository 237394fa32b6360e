"""Where a deal stands along its paths: what adds up, and simulation with coins for breakdown."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pytest
from fitted import drawn_fit
from waiting import waiting
from worlds import flagship

from durability import life_cycle, simulation
from durability.conditions import months_after
from durability.inference import Fit
from durability.life_cycle import STATES
from durability.simulation import Future, incidences, simulate
from durability.vocabulary import LIFE_CYCLE, RUNGS, STREAMS

MONTHS = 60
SIGNED, RATIFIED = LIFE_CYCLE.index("signed"), LIFE_CYCLE.index("ratified")


@pytest.fixture(scope="module")
def fit() -> Fit:
    """Draws from the priors, far apart: hazards of every size."""
    return drawn_fit(waiting(), draws=300, chains=2, seed=5)


@pytest.fixture(scope="module")
def future(fit: Fit) -> Future:
    return simulate(fit, months=MONTHS, seed=5)


def lively(future: Future, hazard: float = 0.02) -> Future:
    """The same conditions with hazards that matter, and stages that change them much."""
    rng = np.random.default_rng(8)
    factors = future.ahead.factors * np.array([1.0, 0.3, 2.5, 1.0])
    base = hazard * rng.gamma(2.0, 0.5, (*future.increments.shape[:2], len(STREAMS)))
    base *= np.array([3.0, 2.0, 1.0, 0.4])
    increments = base * factors.sum(axis=-1, keepdims=True)
    return replace(future, increments=increments, ahead=replace(future.ahead, factors=factors))


# What adds up -----------------------------------------------------------------------------------


def test_states_add_up_to_one_in_every_draw_and_month(future: Future) -> None:
    for each in (future, lively(future)):
        states = life_cycle.occupancy(each)
        assert states.shape == (600, MONTHS + 1, len(STATES))
        assert np.abs(states.sum(axis=-1) - 1.0).max() < 1e-12
        assert states.min() >= 0.0


def test_breakdown_of_the_states_is_that_of_the_forecast(future: Future) -> None:
    rungs = incidences(future.increments, future.happened)
    broken = life_cycle.occupancy(future)[:, 1:, -1]
    assert np.abs(broken - rungs["breakdown"]).max() < 1e-12


def test_every_rung_is_the_sum_over_the_stages_in_which_it_comes(future: Future) -> None:
    for each in (future, lively(future)):
        split = life_cycle.breakdown_by_stage(each)
        rungs = incidences(each.increments, each.happened)
        assert list(split) == list(RUNGS)
        for rung in RUNGS:
            assert np.abs(split[rung].sum(axis=-1) - rungs[rung]).max() < 1e-12


def test_a_deal_cannot_leave_a_stage_before_it_reaches_it(future: Future) -> None:
    """Reached by a month: standing there or later, or broken down there or later."""
    for each in (future, lively(future)):
        states, split = life_cycle.occupancy(each), life_cycle.breakdown_by_stage(each)["breakdown"]
        for months in (1, 7, 60):
            (reached,) = np.moveaxis(life_cycle.reached_by(each, [months]), 1, 0)
            for stage in range(len(LIFE_CYCLE)):
                later = states[:, months, stage:-1].sum(-1) + split[:, months - 1, stage:].sum(-1)
                assert np.abs(reached[:, stage] - later).max() < 1e-12


# Coins ----------------------------------------------------------------------------------------


def coins(future: Future, repeats: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """When the deal breaks down, and in which stage, by flipping coins in pieces of a month.

    Written from what it means, not from the formulas: each month is cut where stages change, and
    each piece has the hazard of its stage for its length.
    """
    rng = np.random.default_rng(seed)
    reached, months = future.ahead.reached, future.increments.shape[1]
    ending = [STREAMS.index("war"), STREAMS.index("abrogation")]
    total = future.increments[..., ending].sum(-1)
    times = np.full((len(reached), repeats), np.inf)
    stages = np.full((len(reached), repeats), -1)
    for draw in range(len(reached)):
        rates = future.ahead.factors[draw]
        for month in range(months):
            cuts = sorted({float(month), month + 1.0, *np.clip(reached[draw], month, month + 1.0)})
            for start, stop in pairwise(cuts):
                stage = int((reached[draw] <= start).sum()) - 1
                # The part of the month's hazard that this stage has, all of it in this piece.
                chance = -math.expm1(-total[draw, month] * rates[month, stage] / rates[month].sum())
                falls = np.isinf(times[draw]) & (rng.random(repeats) < chance)
                times[draw, falls], stages[draw, falls] = (start + stop) / 2.0, stage
    return times, stages


def agrees(found: float, coins_say: np.ndarray) -> None:
    error = 4.0 * math.sqrt(max(found * (1.0 - found), 1e-4) / coins_say.size)
    assert abs(found - coins_say.mean()) < error


@pytest.mark.parametrize("hazard", [0.004, 0.03])
def test_simulation_with_coins_says_the_same(future: Future, hazard: float) -> None:
    few = replace(
        lively(future, hazard),
        increments=lively(future, hazard).increments[:150],
        ahead=replace(
            future.ahead,
            reached=future.ahead.reached[:150],
            factors=lively(future, hazard).ahead.factors[:150],
        ),
    )
    times, stages = coins(few, 60, 3)
    reached = few.ahead.reached
    states, split = life_cycle.occupancy(few), life_cycle.breakdown_by_stage(few)["breakdown"]
    for months in (6, 24, 60):
        holds = times > months
        now = (reached <= months).sum(axis=1) - 1
        (by_then,) = np.moveaxis(life_cycle.reached_by(few, [months]), 1, 0)
        for stage in range(len(LIFE_CYCLE)):
            agrees(states[:, months, stage].mean(), holds & (now == stage)[:, None])
            agrees(split[:, months - 1, stage].mean(), ~holds & (stages == stage))
            came = (reached[:, [stage]] <= months) & (times > reached[:, [stage]])
            agrees(by_then[:, stage].mean(), came)
    assert (stages == SIGNED).any()
    assert (stages == RATIFIED).any()


# Conditions -----------------------------------------------------------------------------------


def test_conditions_run_on_whether_or_not_the_deal_broke_down(future: Future) -> None:
    doomed = lively(future, 50.0)
    assert np.array_equal(
        life_cycle.decided_by(doomed, [60], met=True), life_cycle.decided_by(future, [60], met=True)
    )
    assert life_cycle.reached_by(doomed, [60])[..., SIGNED].max() < 1e-6


def test_what_is_decided_by_a_month_is_met_or_failed(future: Future) -> None:
    met, failed = (life_cycle.decided_by(future, [6, 60], met=m) for m in (True, False))
    assert not (met * failed).any()
    time = future.ahead.course.time
    assert np.array_equal(met[:, 0] + failed[:, 0], (time <= 6).astype(float))
    assert (met[:, 1] >= met[:, 0]).all()


# What had happened ----------------------------------------------------------------------------


def test_a_deal_that_has_broken_down_stands_nowhere(future: Future) -> None:
    broken = replace(future, happened=frozenset({"war", "fatal", "force"}))
    states = life_cycle.occupancy(broken)
    assert (states[..., -1] == 1.0).all()
    assert not states[..., :-1].any()
    assert not life_cycle.reached_by(broken, [60]).any()
    assert list(life_cycle.breakdown_by_stage(broken)) == ["abrogation"]


def test_a_lower_rung_that_happened_leaves_the_others(future: Future) -> None:
    shots = replace(future, happened=frozenset({"force"}))
    split = life_cycle.breakdown_by_stage(shots)
    assert list(split) == ["fatal", "war", "abrogation", "breakdown"]


# Without conditions ---------------------------------------------------------------------------


def test_without_conditions_the_forecast_is_that_of_the_model_to_the_bit() -> None:
    """Drivers and hazards straight from the model, nothing of conditions between."""
    fit = drawn_fit(replace(waiting(), conditions=()), draws=40, seed=6)
    future = simulate(fit, months=24, seed=6)
    theta = fit.theta()
    latent = fit.model.module.latents(theta, fit.model.arrays, np)
    normals = simulation.monthly_normals(80, months=24, seed=6)
    pressure = fit.model.module.extended(theta, latent, normals)
    data = fit.model.data
    ages = simulation.edge_ages(data.cutoff, data.clock_start, 24)
    edges = np.repeat(simulation.log_years([ages[:-1], ages[1:]])[:, :, None], 4, axis=2)
    plain = fit.model.module.case_increments(theta, latent, fit.model.arrays, pressure, edges)
    assert np.array_equal(future.pressure, pressure)
    assert np.array_equal(future.increments, plain)
    never = drawn_fit(replace(flagship(), conditions=()), draws=40, seed=6)
    assert np.array_equal(simulate(never, months=24, seed=6).increments, plain)


def test_conditions_change_the_forecast(fit: Fit, future: Future) -> None:
    """The guard of the test above: with conditions the paths are others."""
    plain = simulate(
        drawn_fit(replace(waiting(), conditions=()), draws=300, seed=5), months=60, seed=5
    )
    assert not np.array_equal(plain.increments, future.increments)


# Dates ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("cutoff", [date(2026, 6, 30), date(2024, 1, 31), date(2023, 2, 14)])
def test_days_and_months_after_the_cutoff_are_each_others_inverse(cutoff: date) -> None:
    for days in range(1, 800):
        day = cutoff + timedelta(days=days)
        assert life_cycle.day_after(cutoff, months_after(cutoff, day)) == day
        assert life_cycle.day_after(cutoff, months_after(cutoff, day) - 0.01) == day
