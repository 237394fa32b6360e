"""Conditions against closed forms: competing risks, chains, surprises, the life cycle."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from durability.models import conditions

DRAWS = 40_000
MONTHS = 60


def a_step(name: str = "vote", **changes: Any) -> conditions.Step:
    """A step with a constant hazard of a tenth a month, that fails a third of the time."""
    plain = conditions.Step(
        name=name,
        times=np.array([0.0, 10.0]),
        cumulative=np.array([0.0, 1.0]),
        elapsed=False,
        start=-math.inf,
        not_before=-math.inf,
        decided_at=math.nan,
        fails=1.0 / 3.0,
        fails_shapes=None,
        requires=(),
        requires_any=(),
        driver=-1,
        depends_on=(),
        effect=None,
        permanent=False,
        stage=-1,
    )
    return replace(plain, **changes)


def drawn(steps: int, *, draws: int = DRAWS, seed: int = 1, **changes: Any) -> conditions.Chances:
    rng = np.random.default_rng(seed)
    plain = conditions.Chances(
        patience=rng.standard_exponential((draws, steps)),
        mark=rng.random((draws, steps)),
        fails=np.full((draws, steps), 1.0 / 3.0),
        size=np.full((draws, steps), 0.7),
        past_size=np.full((draws, 3), 0.5),
        dependence=np.zeros(draws),
        stages=np.zeros((draws, 4)),
    )
    return replace(plain, **changes)


def followed(
    *steps: conditions.Step,
    chances: conditions.Chances | None = None,
    pressure: np.ndarray | None = None,
    months: int = MONTHS,
    past: tuple[conditions.Past, ...] = (),
    **rest: Any,
) -> conditions.Course:
    chances = drawn(len(steps)) if chances is None else chances
    draws = len(chances.mark)
    if pressure is None:
        pressure = np.zeros((draws, months, 4))
    reference = np.zeros((draws, len(steps)))
    phi = np.full(draws, 0.9)
    return conditions.follow(steps, past, pressure, reference, phi, chances, **rest)


def share(values: np.ndarray) -> tuple[float, float]:
    """Mean and four standard errors."""
    mean = float(values.mean())
    return mean, 4.0 * math.sqrt(max(mean * (1.0 - mean), 1e-6) / len(values))


@pytest.mark.parametrize("month", [1, 7.5, 12, 40])
def test_competing_risks_have_their_closed_form(month: float) -> None:
    course = followed(a_step())
    by = course.time[:, 0] <= month
    whole = -math.expm1(-0.1 * month)
    for met, part in ((True, 2.0 / 3.0), (False, 1.0 / 3.0)):
        found, error = share(by & (course.met[:, 0] == met))
        assert abs(found - part * whole) < error


@pytest.mark.parametrize(
    "points", [{6.0: 0.1, 18.0: 0.35, 48.0: 0.5}, {3.0: 0.02}, {1.0: 0.3, 2.0: 0.3, 30.0: 0.59}]
)
def test_elicited_chances_come_back(points: dict[float, float]) -> None:
    times, cumulative = conditions.knots(points, start=0.0, fails=0.4)
    step = a_step(times=times, cumulative=cumulative, fails=0.4)
    course = followed(step, chances=drawn(1, fails=np.full((DRAWS, 1), 0.4)))
    for time, chance in points.items():
        found, error = share((course.time[:, 0] <= time) & course.met[:, 0])
        assert abs(found - chance) < error


def test_a_chain_is_a_convolution() -> None:
    """Two exponential waits, at rates 0.1 and 0.25: the hypoexponential distribution."""
    second = a_step("second", cumulative=np.array([0.0, 2.5]), requires=(0,), elapsed=True)
    course = followed(a_step("first"), second)
    a, b, t = 0.1, 0.25, 21.3
    both = 1.0 - (b * math.exp(-a * t) - a * math.exp(-b * t)) / (b - a)
    found, error = share((course.time[:, 1] <= t) & course.met[:, 1])
    assert abs(found - both * (2.0 / 3.0) ** 2) < error
    assert (course.time[:, 1] > course.time[:, 0])[course.met[:, 1]].all()


def test_what_follows_a_failure_never_comes() -> None:
    course = followed(a_step("first"), a_step("second", requires=(0,), elapsed=True))
    failed = np.isfinite(course.time[:, 0]) & ~course.met[:, 0]
    assert failed.any()
    assert np.isinf(course.time[failed, 1]).all()


def test_one_of_several_ways_is_enough() -> None:
    third = a_step("third", requires_any=(0, 1), elapsed=True, fails=0.0)
    course = followed(a_step("one"), a_step("other"), third)
    when = np.where(course.met[:, :2], course.time[:, :2], np.inf).min(axis=1)
    reached = np.isfinite(course.time[:, 2])
    assert (course.time[reached, 2] > when[reached]).all()
    assert np.isinf(course.time[np.isinf(when), 2]).all()
    # As long as either is met the third goes on: 1 - (1 - 2/3)² in the end.
    late = followed(a_step("one"), a_step("other"), third, months=400, chances=drawn(3, draws=4000))
    found, error = share(np.isfinite(late.time[:, 2]))
    assert abs(found - 8.0 / 9.0) < error


def test_nothing_comes_before_its_day() -> None:
    course = followed(a_step(not_before=7.4))
    assert course.time.min() > 7.4
    found, error = share(course.time[:, 0] <= 17.4)
    assert abs(found - -math.expm1(-1.0)) < error


def test_waiting_counts_from_when_it_could_begin() -> None:
    """Pending for eight months already: what is left of a decreasing hazard."""
    times, cumulative = conditions.knots({4.0: 0.5, 20.0: 0.6}, start=0.0, fails=0.0)
    step = a_step(times=times, cumulative=cumulative, elapsed=True, start=-8.0, fails=0.0)
    course = followed(step, chances=drawn(1, fails=np.zeros((DRAWS, 1))))
    left = (0.5 * (0.4 / 0.5) ** 0.25, 0.4)  # survival at 8 months, log-linear between, and at 20
    found, error = share(course.time[:, 0] <= 12.0)
    assert abs(found - (1.0 - left[1] / left[0])) < error


def test_a_vote_is_decided_on_its_day() -> None:
    course = followed(a_step(decided_at=5.25))
    assert (course.time[:, 0] == 5.25).all()
    found, error = share(course.met[:, 0])
    assert abs(found - 2.0 / 3.0) < error


@pytest.mark.parametrize("months", [6, 7, 60])
def test_a_vote_at_a_months_end_is_in_every_forecast_that_reaches_it(months: int) -> None:
    course = followed(a_step(decided_at=6.0, driver=1), months=months)
    assert (course.time[:, 0] == 6.0).all()
    assert not course.shift[:, :6].any()


def test_a_vote_is_not_held_where_what_it_needs_is_missing() -> None:
    course = followed(a_step("first"), a_step("vote", decided_at=9.0, requires=(0,)))
    held = np.isfinite(course.time[:, 1])
    in_time = course.met[:, 0] & (course.time[:, 0] <= 9.0)
    assert (held == in_time).all()


def test_pressure_delays_a_step_and_makes_it_likelier_to_fail() -> None:
    """x = 1.5 above the reference, θ = 0.4: proportional hazards in closed form."""
    pressure = np.zeros((DRAWS, MONTHS, 4))
    pressure[..., 2] = 1.5
    step = a_step(depends_on=(2,))
    course = followed(step, chances=drawn(1, dependence=np.full(DRAWS, 0.4)), pressure=pressure)
    met, failed = (2.0 / 3.0) * math.exp(-0.6) * 0.1, (1.0 / 3.0) * math.exp(0.6) * 0.1
    whole = -math.expm1(-(met + failed) * 12.0)
    for is_met, rate in ((True, met), (False, failed)):
        found, error = share((course.time[:, 0] <= 12.0) & (course.met[:, 0] == is_met))
        assert abs(found - whole * rate / (met + failed)) < error


def test_surprises_move_the_driver_and_cancel_on_average() -> None:
    """Met −Δ(1−p), failed +Δp, with p = 2/3 and Δ = 0.7; fading by 0.9 a month."""
    course = followed(a_step(driver=1, decided_at=3.0 + 1e-9))
    met = course.met[:, 0]
    assert np.allclose(course.shift[met, 3, 1], -0.7 / 3.0)
    assert np.allclose(course.shift[~met, 3, 1], 0.7 * 2.0 / 3.0)
    assert np.allclose(course.shift[met, 5, 1], -0.7 / 3.0 * 0.81)
    assert not course.shift[:, :3].any()
    assert not course.shift[..., [0, 2, 3]].any()
    mean = course.shift[:, 3, 1]
    assert abs(mean.mean()) < 4.0 * mean.std() / math.sqrt(DRAWS)


def test_the_expected_move_is_zero_under_pressure_too() -> None:
    pressure = np.zeros((DRAWS, MONTHS, 4))
    pressure[..., 1] = -2.0
    step = a_step(driver=1, depends_on=(1,), permanent=True)
    course = followed(step, chances=drawn(1, dependence=np.full(DRAWS, 0.3)), pressure=pressure)
    moved = course.shift[:, -1, 1]
    assert moved.std() > 0.05
    assert abs(moved.mean()) < 4.0 * moved.std() / math.sqrt(DRAWS)


def test_a_month_has_its_share_of_a_move() -> None:
    course = followed(a_step(driver=0, decided_at=2.75, permanent=True), months=5)
    met = course.met[:, 0]
    assert np.allclose(course.shift[met, 2, 0], -0.7 / 3.0 * 0.25)
    assert np.allclose(course.shift[met, 3:, 0], -0.7 / 3.0)


def test_what_is_past_fades_from_its_day() -> None:
    past = conditions.Past(
        name="done", driver=2, share=-0.25, months=4.0, effect=None, permanent=False
    )
    lasting = replace(past, driver=3, permanent=True)
    course = followed(past=(past, lasting), chances=drawn(0, draws=10), months=3)
    assert np.allclose(course.shift[:, 0, 2], -0.25 * 0.5 * 0.9**5)
    assert np.allclose(course.shift[:, 2, 2], -0.25 * 0.5 * 0.9**7)
    assert np.allclose(course.shift[..., 3], -0.125)


# Scenarios -----------------------------------------------------------------------------------


def test_what_is_brought_about_comes_whatever_it_needs() -> None:
    never = a_step("never", cumulative=np.array([0.0, 0.0]))
    course = followed(
        never,
        a_step("vote", requires=(0,)),
        forced={1: conditions.Forced(result="met", month=6)},
    )
    assert course.met[:, 1].all()
    assert (course.time[:, 1] == 6.5).all()
    assert not course.log_weight.any()


def test_what_is_learned_weighs_paths_by_its_chance() -> None:
    rule = conditions.Forced(result="met", month=6)
    course = followed(a_step(), forced={0: rule}, observing=True)
    chance = math.exp(-0.6) * -math.expm1(-0.1) * 2.0 / 3.0
    assert np.allclose(np.exp(course.log_weight), chance)
    assert ((course.time[:, 0] > 6.0) & (course.time[:, 0] < 7.0)).all()


def test_what_cannot_be_has_no_weight() -> None:
    second = a_step("second", requires=(0,), elapsed=True)
    rule = conditions.Forced(result="met", month=6)
    course = followed(a_step("first"), second, forced={1: rule}, observing=True)
    ready = course.met[:, 0] & (course.time[:, 0] < 7.0)
    assert (np.isfinite(course.log_weight) == ready).all()
    weight = np.exp(course.log_weight)
    # The chance of a first step at rate 0.1·2/3 and a second in month 6, within Monte Carlo error.
    natural = followed(a_step("first"), second)
    there = (natural.time[:, 1] > 6.0) & (natural.time[:, 1] <= 7.0) & natural.met[:, 1]
    found, error = share(there)
    assert abs(weight.mean() - found) < error + 4.0 * weight.std() / math.sqrt(DRAWS)


def test_learning_that_it_is_pending_leaves_what_comes_after() -> None:
    rule = conditions.Forced(result="pending", month=11)
    course = followed(a_step(), forced={0: rule}, observing=True)
    assert np.allclose(course.log_weight, -1.2)
    assert course.time.min() > 12.0
    found, error = share(course.time[:, 0] <= 22.0)
    assert abs(found - -math.expm1(-1.0)) < error


def test_learning_that_it_came_by_a_month_keeps_those_paths() -> None:
    rule = conditions.Forced(result="failed", month=11, by=True)
    course = followed(a_step(), forced={0: rule}, observing=True)
    kept = np.isfinite(course.log_weight)
    assert (kept == ((course.time[:, 0] < 12.0) & ~course.met[:, 0])).all()


def test_scenarios_share_what_they_do_not_speak_of() -> None:
    steps = a_step("one"), a_step("other")
    plain = followed(*steps)
    told = followed(*steps, forced={0: conditions.Forced(result="met", month=3)})
    assert np.array_equal(plain.time[:, 1], told.time[:, 1])
    assert np.array_equal(plain.met[:, 1], told.met[:, 1])


# The life cycle -------------------------------------------------------------------------------


def test_shares_of_stages_add_up_and_follow_their_times() -> None:
    signed = a_step("signed", stage=1)
    force = a_step("force", requires=(0,), elapsed=True, stage=3)
    course = followed(signed, force)
    reached = conditions.stage_times((signed, force), course, stages=4, now=0)
    shares = conditions.stage_shares(reached, MONTHS)
    assert np.allclose(shares.sum(axis=-1), 1.0)
    assert shares.min() >= 0.0
    # No step ratifies: a deal in force counts as ratified from the same moment.
    assert np.array_equal(reached[:, 2], reached[:, 3])
    assert not shares[..., 2].any()
    where = np.flatnonzero(course.met[:, 0] & (course.time[:, 0] < 50.0))[0]
    month = int(course.time[where, 0])
    assert shares[where, month, 0] == pytest.approx(course.time[where, 0] - month)


def test_a_stage_changes_the_hazard_from_its_moment() -> None:
    reached = np.array([[-np.inf, 1.25, np.inf, np.inf]])
    shares = conditions.stage_shares(reached, 3)
    logs = np.array([[0.0, math.log(0.5), 0.0, 0.0]])
    total = conditions.stage_factors(shares, logs, 0).sum(axis=-1)
    assert np.allclose(total, [[1.0, 0.25 + 0.75 * 0.5, 0.5]])
    # Beside a deal that is signed already, being only initialled would double it.
    assert np.allclose(conditions.stage_factors(shares, logs, 1).sum(axis=-1), 2.0 * total)


@pytest.mark.parametrize(
    ("points", "fails"), [({3.0: 0.5, 6.0: 0.4}, 0.1), ({3.0: 0.7}, 0.3), ({-1.0: 0.2}, 0.0)]
)
def test_chances_that_cannot_be_are_refused(points: dict[float, float], fails: float) -> None:
    with pytest.raises(ValueError, match="must rise"):
        conditions.knots(points, start=0.0, fails=fails)
