"""Steering: whatever the outlooks say, weighed paths have the law of the model."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from durability.models import conditions, outlooks, steering
from test_models_conditions import MONTHS, a_step, drawn, followed

DRAWS = 40_000


def within(values: np.ndarray, expected: float, errors: float = 4.0) -> bool:
    """Whether a mean is as expected but for its Monte Carlo error."""
    return bool(
        abs(values.mean() - expected) < errors * values.std() / math.sqrt(len(values)) + 1e-12
    )


@pytest.mark.parametrize(("hazard", "decided"), [(0.05, 0.6), (1.3, 0.1), (0.4, 0.33), (2.0, 1.0)])
def test_a_month_drawn_otherwise_has_its_own_law_when_weighed(
    hazard: float, decided: float
) -> None:
    """Decided with its own chance, at moments of an exponential cut off at the month's end."""
    left = np.random.default_rng(1).standard_exponential(DRAWS)
    now, share, _, log_weight = steering.drawn(
        left, np.full(DRAWS, hazard), np.full(DRAWS, decided)
    )
    weight, own = np.exp(log_weight), -math.expm1(-hazard)
    assert within(weight * now, own)
    assert abs(now.mean() - decided) < 4.0 * math.sqrt(decided * (1.0 - decided) / DRAWS) + 1e-12
    for point in (0.2, 0.7):
        assert within(weight * (now & (share <= point)), -math.expm1(-hazard * point))
    if decided < 1.0:
        assert within(weight * ~now, 1.0 - own)


def test_what_is_left_of_patience_is_exponential_again() -> None:
    left = np.random.default_rng(2).standard_exponential(DRAWS)
    now, _, spent, _ = steering.drawn(left, np.full(DRAWS, 0.1), np.full(DRAWS, 0.5))
    after = (left - spent)[~now]
    assert within(after, 1.0)
    assert within(np.exp(-after), 0.5)


def test_drawn_with_its_own_chance_it_is_as_if_it_were_not_steered() -> None:
    left = np.random.default_rng(3).standard_exponential(DRAWS)
    hazard = np.full(DRAWS, 0.37)
    now, share, spent, log_weight = steering.drawn(left, hazard, -np.expm1(-hazard))
    np.testing.assert_array_equal(now, left <= 0.37)
    np.testing.assert_allclose(share[now], left[now] / 0.37, atol=1e-12)
    np.testing.assert_allclose(spent, 0.37)
    np.testing.assert_allclose(log_weight, 0.0, atol=1e-12)


def test_chances_lean_toward_the_better_outlook_and_never_all_the_way() -> None:
    hazard, likely = np.full(3, 0.2), np.full(3, 0.3)
    hopes = (np.array([0.5, 0.2, 0.0]), np.array([0.5, 0.0, 0.0]), np.array([0.5, 0.1, 0.7]))
    decided, met = steering.leaning(hazard, likely, hopes)
    own, kept = -math.expm1(-0.2), steering.OWN_SHARE
    gain = 0.3 * 0.2
    expected = own * gain / (own * gain + (1.0 - own) * 0.1)
    assert decided[0] == pytest.approx(own)
    assert met[0] == pytest.approx(0.3)
    assert decided[1] == pytest.approx((1.0 - kept) * expected + kept * own)
    assert met[1] == pytest.approx(1.0 - kept + kept * 0.3)
    assert decided[2] == pytest.approx(kept * own)
    assert met[2] == pytest.approx(0.3)  # nothing to choose between: its own


def scrambled(guide: steering.Guide, seed: int) -> steering.Guide:
    """The same guide with outlooks that have nothing to do with anything."""
    rng = np.random.default_rng(seed)

    def noise(array: np.ndarray) -> np.ndarray:
        return rng.uniform(0.5, 1.0, size=array.shape)

    return replace(
        guide,
        outlooks={
            place: replace(
                each, met=noise(each.met), failed=noise(each.failed), waiting=noise(each.waiting)
            )
            for place, each in guide.outlooks.items()
        },
    )


def world(seed: int = 4, draws: int = DRAWS, months: int = MONTHS) -> dict[str, Any]:
    """Six steps of every kind, drivers that wander, outcomes that move them."""
    steps = (
        a_step("vote", decided_at=4.3, fails=0.4, driver=1),
        a_step("one", depends_on=(1,), driver=1, not_before=2.4, fails=0.6),
        a_step("other", cumulative=np.array([0.0, 0.5]), depends_on=(0, 1), driver=0),
        a_step("text", requires=(0,), start=-2.0, fails=0.1, driver=1),
        a_step(
            "call", requires=(3,), requires_any=(1, 2), elapsed=True, fails=0.2,
            times=np.array([0.0, 3.0, 8.0]), cumulative=np.array([0.0, 0.4, 2.4]),
            depends_on=(1,), driver=1, permanent=True,
        ),
        a_step("sign", requires=(4,), elapsed=True, cumulative=np.array([0.0, 3.0]), fails=0.3),
    )  # fmt: skip
    rng = np.random.default_rng(seed)
    pressure = 0.5 * rng.normal(size=(draws, 1, 4)) + np.cumsum(
        0.15 * rng.normal(size=(draws, months, 4)), axis=1
    )
    chances = drawn(6, draws=draws, seed=seed, dependence=rng.uniform(0.2, 0.7, size=draws))
    fails = np.tile([step.fails for step in steps], (draws, 1))
    return {
        "steps": steps,
        "chances": replace(chances, fails=fails),
        "pressure": pressure,
        "months": months,
    }


def run(made: dict[str, Any], **how: Any) -> conditions.Course:
    return followed(
        *made["steps"], chances=made["chances"], pressure=made["pressure"], months=made["months"],
        **how,
    )  # fmt: skip


SAID = {
    "a month": {5: conditions.Forced(result="met", month=19)},
    "a failure": {4: conditions.Forced(result="failed", month=11)},
    "by a month": {5: conditions.Forced(result="met", month=14, by=True)},
    "failed by": {
        5: conditions.Forced(result="failed", month=17, by=True),
        1: conditions.Forced(result="met", month=12, by=True),
    },
    "one pending": {
        5: conditions.Forced(result="met", month=19),
        1: conditions.Forced(result="pending", month=14),
        2: conditions.Forced(result="pending", month=6),
    },
    "another way": {
        4: conditions.Forced(result="met", month=13),
        2: conditions.Forced(result="failed", month=5),
    },
    "a vote": {0: conditions.Forced(result="met", month=4, by=True)},
}


@pytest.mark.parametrize("said", SAID.values(), ids=SAID)
def test_steered_paths_say_what_very_many_plain_ones_say(
    said: dict[int, conditions.Forced],
) -> None:
    """Chance, times of ancestors, moved drivers: against four times as many, not steered."""
    plain_world, made = world(5, 160_000, 24), world(6, 40_000, 24)
    plain = run(plain_world, forced=said, observing=True)
    guide = outlooks.guide(made["steps"], said)
    told = run(made, forced=said, observing=True, guide=guide)
    compare(told, plain)
    weight = np.exp(told.log_weight)
    before = np.exp(plain.log_weight)
    effective = [x.sum() ** 2 / (x**2).sum() / len(x) for x in (weight, before)]
    assert effective[0] > 0.25
    assert effective[0] > effective[1]


def compare(told: conditions.Course, plain: conditions.Course, errors: float = 4.5) -> None:
    """Every weighted mean of one agrees with that of the other."""
    a, b = np.exp(told.log_weight), np.exp(plain.log_weight)
    apart = math.hypot(a.std() / math.sqrt(len(a)), b.std() / math.sqrt(len(b)))
    assert abs(a.mean() - b.mean()) < errors * apart + 1e-12
    for of in (
        lambda course: (course.time <= 6.5).T,
        lambda course: (course.met & (course.time <= 12.0)).T,
        lambda course: course.shift[:, -1, :2].T,
        lambda course: course.shift[:, 9, :2].T ** 2,
    ):
        for x, y in zip(of(told), of(plain), strict=True):
            means, error = [], 0.0
            for values, weights in ((x, a), (y, b)):
                mean = (values * weights).sum() / weights.sum()
                error = math.hypot(
                    error, float(np.sqrt((weights**2 * (values - mean) ** 2).sum()) / weights.sum())
                )
                means.append(mean)
            assert abs(means[0] - means[1]) < errors * error + 1e-9


@pytest.mark.parametrize("said", [SAID["a month"], SAID["failed by"]], ids=["month", "by"])
def test_weights_are_exact_whatever_the_outlooks_say(said: dict[int, conditions.Forced]) -> None:
    made = world(7, 60_000, 24)
    guide = outlooks.guide(made["steps"], said)
    assert guide is not None
    plain = run(world(8, 120_000, 24), forced=said, observing=True)
    wild = run(made, forced=said, observing=True, guide=scrambled(guide, 9))
    compare(wild, plain)
    assert not np.array_equal(wild.time, run(made, forced=said, observing=True).time)


def test_a_step_that_nothing_hangs_on_is_not_touched() -> None:
    """To the bit, and so is everything once the last month of the statement is over."""
    made = world(10, 4000)
    steps = (*made["steps"], a_step("aside", depends_on=(2,)))
    chances = drawn(7, draws=4000, seed=10, dependence=np.full(4000, 0.4))
    said = {5: conditions.Forced(result="met", month=19)}
    how: dict[str, Any] = {"chances": chances, "pressure": made["pressure"]}
    plain = followed(*steps, **how)
    told = followed(*steps, **how, forced=said, observing=True, guide=outlooks.guide(steps, said))
    assert np.array_equal(plain.time[:, 6], told.time[:, 6])
    assert np.array_equal(plain.met[:, 6], told.met[:, 6])
    assert not np.array_equal(plain.time[:, 4], told.time[:, 4])
