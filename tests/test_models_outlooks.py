"""Outlooks and the paths that they steer, against closed forms of chains with constant hazards."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from durability.models import conditions, outlooks
from scipy.integrate import quad
from test_models_conditions import a_step, drawn, followed
from test_models_steering import within

DRAWS = 20_000
FIRST, SECOND, THIRD = 0.1, 0.25, 0.06
"""Hazards a month of the steps of a chain."""


def step(name: str, hazard: float, fails: float = 0.0, **how: object) -> conditions.Step:
    return a_step(name, cumulative=np.array([0.0, 10.0 * hazard]), fails=fails, **how)


def told(
    *steps: conditions.Step, said: dict[int, conditions.Forced], months: int = 40, seed: int = 1
) -> conditions.Course:
    """Steered paths, each step failing as often as it says."""
    fails = np.tile([each.fails for each in steps], (DRAWS, 1))
    chances = replace(drawn(len(steps), draws=DRAWS, seed=seed), fails=fails)
    guide = outlooks.guide(steps, said)
    return followed(
        *steps, chances=chances, months=months, forced=said, observing=True, guide=guide
    )


def met(month: int, **how: bool) -> conditions.Forced:
    return conditions.Forced(result="met", month=month, **how)


def in_month(hazard: float, begun: float, month: int) -> float:
    """Chance that a step with a constant hazard, begun then, is decided in a month."""
    start = max(begun, float(month))
    return math.exp(-hazard * (start - begun)) * -math.expm1(-hazard * (month + 1.0 - start))


def over(function: Callable[[float], float], start: float, month: int) -> float:
    """Integrate to the end of a month, at whose beginning the integrand has a corner."""
    parts = [start, float(month), month + 1.0] if start < month else [start, month + 1.0]
    return sum(quad(function, a, b)[0] for a, b in pairwise(parts))


def effective(course: conditions.Course) -> float:
    weight = np.exp(course.log_weight)
    return float(weight.sum() ** 2 / (weight**2).sum() / len(weight))


def assert_mean(course: conditions.Course, values: np.ndarray, expected: float) -> None:
    """Weighted mean of what the paths say, within four errors of a ratio."""
    weight = np.exp(course.log_weight)
    weight, values = weight[weight > 0.0], values[weight > 0.0]
    found = (weight * values).sum() / weight.sum()
    error = math.sqrt((weight**2 * (values - found) ** 2).sum()) / weight.sum()
    assert abs(found - expected) < 4.0 * error


def test_a_chain_of_two_has_its_closed_form() -> None:
    month = 12
    course = told(
        step("first", FIRST, 0.7), step("second", SECOND, 0.2, requires=(0,), elapsed=True),
        said={1: met(month)},
    )  # fmt: skip

    def density(begun: float) -> float:
        rate = FIRST * math.exp(-FIRST * begun) * 0.3
        return rate * in_month(SECOND, begun, month) * 0.8

    chance = over(density, 0.0, month)
    assert within(np.exp(course.log_weight), chance)
    for by in (4.0, 9.5, 12.4):
        assert_mean(course, course.time[:, 0] <= by, quad(density, 0.0, by)[0] / chance)
    assert_mean(course, course.time[:, 0], over(lambda b: b * density(b), 0.0, month) / chance)
    possible = np.isfinite(course.log_weight)
    assert course.met[possible].all()
    assert effective(course) > 0.8


def test_a_chain_of_three_has_its_closed_form() -> None:
    month = 21
    course = told(
        step("first", FIRST, 0.5),
        step("second", SECOND, 0.1, requires=(0,), elapsed=True),
        step("third", THIRD, 0.9, requires=(1,), elapsed=True),
        said={2: conditions.Forced(result="failed", month=month)},
    )

    def density(time: float) -> float:
        both = FIRST * SECOND / (SECOND - FIRST)
        both *= math.exp(-FIRST * time) - math.exp(-SECOND * time)
        return 0.5 * 0.9 * both * in_month(THIRD, time, month) * 0.9

    chance = over(density, 0.0, month)
    assert within(np.exp(course.log_weight), chance)
    for by in (5.0, 14.0):
        assert_mean(course, course.time[:, 1] <= by, quad(density, 0.0, by)[0] / chance)
    assert effective(course) > 0.7


def test_the_outlook_of_a_chain_is_its_chance() -> None:
    """Of a first step that is met in month 3, fails, or waits to the end of it."""
    month, steps = 12, (step("first", FIRST, 0.7), step("second", SECOND, 0.2, requires=(0,)))
    steps = steps[0], replace(steps[1], elapsed=True)
    guide = outlooks.guide(steps, {1: met(month)})
    assert guide is not None
    assert set(guide.outlooks) == {0}
    assert guide.months == 13
    table = guide.outlooks[0]

    def after(begun: float) -> float:
        return 0.8 * in_month(SECOND, begun, month)

    def density(begun: float) -> float:
        return 0.3 * FIRST * math.exp(-FIRST * (begun - 4.0)) * after(begun)

    # As tables leave out the last step's own chance of coming out so: 0.8.
    assert table.met[0, 3] * 0.8 == pytest.approx(quad(after, 3.0, 4.0)[0], rel=3e-3)
    assert table.waiting[0, 0, 3] * 0.8 == pytest.approx(over(density, 4.0, month), rel=0.02)
    assert not table.failed.any()
    assert table.waiting[0, 0, 12] == 0.0


def test_alternatives_have_their_closed_form() -> None:
    month = 15
    course = told(
        step("one", 0.03, 0.8), step("other", 0.05, 0.4),
        step("third", SECOND, 0.2, requires_any=(0, 1), elapsed=True),
        said={2: met(month)},
    )  # fmt: skip

    def not_met(time: float) -> tuple[float, float]:
        return 1.0 + 0.2 * math.expm1(-0.03 * time), 1.0 + 0.6 * math.expm1(-0.05 * time)

    def density(time: float, way: int) -> float:
        rate = (0.2 * 0.03 * math.exp(-0.03 * time), 0.6 * 0.05 * math.exp(-0.05 * time))[way]
        return rate * not_met(time)[1 - way] * in_month(SECOND, time, month) * 0.8

    ways = [over(lambda t, way=way: density(t, way), 0.0, month) for way in (0, 1)]  # type: ignore[misc]
    assert within(np.exp(course.log_weight), sum(ways))
    when = np.where(course.met[:, :2], course.time[:, :2], np.inf)
    assert_mean(course, when[:, 0] < when[:, 1], ways[0] / sum(ways))
    assert effective(course) > 0.7


def test_two_requirements_have_their_closed_form() -> None:
    month = 10
    course = told(
        step("one", 0.04, 0.5), step("other", 0.2, 0.1),
        step("third", 0.5, 0.2, requires=(0, 1), elapsed=True),
        said={2: met(month)},
    )  # fmt: skip

    def density(time: float) -> float:
        one, other = 0.5 * -math.expm1(-0.04 * time), 0.9 * -math.expm1(-0.2 * time)
        rates = 0.5 * 0.04 * math.exp(-0.04 * time), 0.9 * 0.2 * math.exp(-0.2 * time)
        return (rates[0] * other + rates[1] * one) * in_month(0.5, time, month) * 0.8

    chance = over(density, 0.0, month)
    assert within(np.exp(course.log_weight), chance)
    latest = course.time[:, :2].max(axis=1)
    assert_mean(course, latest <= 7.0, quad(density, 0.0, 7.0)[0] / chance)
    assert effective(course) > 0.7


@pytest.mark.parametrize("result", ["met", "failed"])
def test_a_root_that_came_by_a_month_has_its_chance(result: str) -> None:
    rule = conditions.Forced(result=result, month=11, by=True)
    course = told(step("root", FIRST, 1.0 / 3.0), said={0: rule})
    share = 2.0 / 3.0 if result == "met" else 1.0 / 3.0
    chance = share * -math.expm1(-12.0 * FIRST)
    assert within(np.exp(course.log_weight), chance)
    assert effective(course) > 0.97
    assert (course.met[:, 0] == (result == "met")).all()
    assert course.time.max() <= 12.0
    by_six = -math.expm1(-6.0 * FIRST) / -math.expm1(-12.0 * FIRST)
    assert_mean(course, course.time[:, 0] <= 6.0, by_six)


def test_a_vote_that_came_out_as_said_weighs_all_paths_alike() -> None:
    """Also on the last day of the month."""
    for day in (5.25, 6.0):
        course = told(a_step("vote", decided_at=day), said={0: met(5, by=True)})
        np.testing.assert_allclose(course.log_weight, math.log(2.0 / 3.0))


def test_a_vote_before_a_step_is_drawn_won() -> None:
    course = told(
        a_step("vote", decided_at=4.5, fails=0.9),
        step("second", SECOND, requires=(0,), elapsed=True),
        said={1: met(6)},
    )
    chance = 0.1 * in_month(SECOND, 4.5, 6)
    assert within(np.exp(course.log_weight), chance)
    assert effective(course) > 0.95 * (1.0 - 0.045)


def test_learning_that_it_came_late_and_not_before_its_day_has_its_chance() -> None:
    """First not before 3.6; second on a clock of the calendar, itself not before 7.2."""
    course = told(
        step("first", FIRST, 0.5, not_before=3.6),
        step("second", SECOND, 0.5, requires=(0,), not_before=7.2),
        said={1: met(9)},
    )

    def density(begun: float) -> float:
        rate = 0.5 * FIRST * math.exp(-FIRST * (begun - 3.6))
        return rate * in_month(SECOND, max(begun, 7.2), 9) * 0.5

    parts = [quad(density, a, b)[0] for a, b in ((3.6, 7.2), (7.2, 9.0), (9.0, 10.0))]
    assert within(np.exp(course.log_weight), sum(parts))
    assert_mean(course, course.time[:, 0] <= 7.2, parts[0] / sum(parts))


def test_a_clock_that_runs_already_has_its_chance() -> None:
    """Hazard a fifth for eight months since it could begin, then a twentieth; five are over."""
    clock = a_step(
        "first", times=np.array([0.0, 8.0, 28.0]), cumulative=np.array([0.0, 1.6, 2.6]),
        elapsed=True, start=-5.0, fails=0.4,
    )  # fmt: skip
    course = told(clock, step("second", SECOND, requires=(0,), elapsed=True), said={1: met(8)})

    def density(begun: float) -> float:
        early = begun < 3.0
        rate = 0.2 * math.exp(-0.2 * begun) if early else 0.05 * math.exp(-0.45 - 0.05 * begun)
        return 0.6 * rate * in_month(SECOND, begun, 8)

    chance = quad(density, 0.0, 3.0)[0] + over(density, 3.0, 8)
    assert within(np.exp(course.log_weight), chance)
    assert_mean(course, course.time[:, 0] <= 3.0, quad(density, 0.0, 3.0)[0] / chance)


def test_what_comes_out_adds_up_to_certainty() -> None:
    """Met or failed by a month, or pending to its end: a partition of what can become of it."""
    steps = (
        step("first", FIRST, 0.5), step("second", SECOND, 0.3, requires=(0,), elapsed=True),
    )  # fmt: skip
    ways = [
        conditions.Forced(result="met", month=17, by=True),
        conditions.Forced(result="failed", month=17, by=True),
        conditions.Forced(result="pending", month=17),
    ]
    courses = [told(*steps, said={1: way}, seed=seed) for seed, way in enumerate(ways)]
    weights = [np.exp(course.log_weight) for course in courses]
    error = math.sqrt(sum(weight.var() / DRAWS for weight in weights))
    assert abs(sum(weight.mean() for weight in weights) - 1.0) < 4.0 * error
    # And so does what is said of the first step.
    early = sum(
        (weight * (course.time[:, 0] <= 8.0)).mean()
        for weight, course in zip(weights, courses, strict=True)
    )
    assert abs(early - -math.expm1(-8.0 * FIRST)) < 4.0 * math.sqrt(3.0 / DRAWS)


@pytest.mark.parametrize(
    "said",
    [
        {},
        {0: met(5)},
        {0: conditions.Forced(result="pending", month=5)},
        {0: met(5), 1: met(9)},
        {1: conditions.Forced(result="pending", month=5)},
    ],
)
def test_nothing_is_steered_where_nothing_is_hoped_for(said: dict[int, conditions.Forced]) -> None:
    steps = step("first", FIRST), step("second", SECOND, requires=(0,), elapsed=True)
    assert outlooks.guide(steps, said) is None


def test_what_cannot_be_weighs_nothing_however_it_is_drawn() -> None:
    course = told(
        step("first", FIRST, not_before=12.5),
        step("second", SECOND, requires=(0,), elapsed=True),
        said={1: met(9)},
    )
    assert np.isneginf(course.log_weight).all()


def test_more_requirements_than_are_told_apart_are_exact_too() -> None:
    steps = [step(f"n{place}", 0.05 + 0.05 * place, 0.1) for place in range(7)]
    last = step("last", 0.4, requires=tuple(range(7)), elapsed=True)
    assert len(steps) > outlooks.OTHERS_MOST
    course = told(*steps, last, said={7: met(14)}, months=16)

    def begun(time: float) -> float:
        return math.prod(-0.9 * math.expm1(-(0.05 + 0.05 * n) * time) for n in range(7))

    def density(time: float) -> float:
        return (begun(time + 1e-5) - begun(time - 1e-5)) / 2e-5 * in_month(0.4, time, 14)

    assert within(np.exp(course.log_weight), over(density, 1e-5, 14))


def test_weights_are_nearly_even_where_drivers_do_nothing() -> None:
    """Of a tree with a vote, two ways and a chain: what is left is the tables' coarseness."""
    steps = (
        a_step("vote", decided_at=4.3, fails=0.4),
        step("one", 0.02, 0.6, not_before=2.4),
        step("other", 0.03, 0.5),
        step("text", 0.2, 0.1, requires=(0,)),
        step("call", 0.3, 0.2, requires=(3,), requires_any=(1, 2), elapsed=True),
        step("wait", 0.01, 0.5),
        step("sign", 0.2, 0.3, requires_any=(4, 5), elapsed=True),
    )
    even = [effective(told(*steps, said={6: met(month)})) for month in (14, 24)]
    assert min(even) > 0.7, even
