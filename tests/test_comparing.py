"""Scenarios: the same where they must be, paired where they are compared, honest where few paths
are left."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from conditioned import CONDITIONS, changed, conditioned, conditioned_fit
from fitted import narrow_fit
from worlds import flagship, item

from durability.branches import Tree
from durability.comparing import Answer, Comparison, scenarios
from durability.errors import InputError
from durability.life_cycle import reached_by
from durability.paths import (
    MONTHS,
    Weighted,
    base_weights,
    begin,
    follow,
    lengthened,
    observed_weights,
    plain_chance,
    time_quantiles,
)
from durability.reweighting import smooth
from durability.simulation import monthly_normals, onward, simulate
from durability.statements import Scenario, state
from durability.vocabulary import HORIZONS_MONTHS, LIFE_CYCLE, RUNGS
from durability.weighing import Base, prepare

STRONG = '{ "0.05" = 1.5, "0.95" = 4.0 }'
ROOTED = changed(changed(CONDITIONS, "corridor", effect=STRONG), "called", effect=STRONG)
DRAWS = 600


@pytest.fixture(scope="module")
def base() -> Base:
    return prepare(conditioned_fit(DRAWS // 4, ROOTED))


def one(*settings: str, **how: Any) -> Scenario:
    name = how.pop("name", f"{settings} {how}")
    return Scenario(name=name, settings=settings, **how)


def compared(base: Base, *told: Scenario, text: str = ROOTED, **how: Any) -> Comparison:
    return scenarios(base, told, case=conditioned(text), **how)


def answered(base: Base, *settings: str, text: str = ROOTED, **how: Any) -> Answer:
    return compared(base, one(*settings, **how), text=text).answers[0]


def headline(answer: Answer) -> float:
    return answer.table["breakdown"]["60"]["mean"]


# ---- where two things must be one ---------------------------------------------------------------


def test_as_things_come_is_the_forecast(base: Base) -> None:
    assert compared(base).table == base.table


def test_stages_are_reached_as_the_report_says_before_any_breakdown(base: Base) -> None:
    fit = conditioned_fit(DRAWS // 4, ROOTED)
    future = simulate(fit, months=MONTHS, seed=fit.settings.seed)
    reached = reached_by(future, HORIZONS_MONTHS).mean(axis=0)
    found = compared(base).stages["signed"]
    place = LIFE_CYCLE.index("signed")
    for h, months in enumerate(HORIZONS_MONTHS):
        told = found["chance"][str(months)]["mean"]  # type: ignore[index]
        assert told == pytest.approx(reached[h, place], rel=1e-12)
    whether = (future.ahead.reached[:, place] <= MONTHS).mean()
    assert reached[-1, place] < whether - 0.001
    # The month by which it is reached passes 5% where the report's chance does.
    month = found["months"]["0.05"]  # type: ignore[index]
    by_then = reached_by(future, [int(month), int(month) + 1]).mean(axis=0)[:, place]
    assert by_then[0] <= 0.05 <= by_then[1]


def test_what_is_known_already_changes_nothing_to_the_bit(base: Base) -> None:
    for verb in ("observing", "intervening"):
        found = compared(base, one("talks=met", verb=verb))
        assert found.answers[0].table == found.table == base.table
        moved = found.answers[0].difference["breakdown"]["24"]
        assert (moved["mean"], moved["mcse"]) == (0.0, 0.0)


@pytest.mark.parametrize(
    "setting",
    [
        *("corridor=open@2028-01", "corridor=abandoned@2026-07", "corridor=pending@2029-12"),
        *("summit=met@2026-10", "vote=met@2027-03", "vote=failed"),
    ],
)
def test_of_a_root_both_verbs_say_the_same_to_the_bit(base: Base, setting: str) -> None:
    seen, done = compared(base, one(setting), one(setting, verb="intervening")).answers
    assert seen.table == done.table
    assert seen.difference == done.difference
    assert seen.stages == done.stages
    assert seen.chance is not None
    assert 0.0 < seen.chance["mean"] < 1.0
    assert done.chance is None


def test_of_a_root_that_opens_inside_the_month_too(base: Base) -> None:
    text = changed(ROOTED, "corridor", not_before="2026-07-20")
    told = [one("corridor=open@2026-07", verb=verb) for verb in ("observing", "intervening")]
    seen, done = compared(base, *told, text=text).answers
    assert seen.table == done.table
    when = done.conditions["corridor"]["met"]["months"]["0.5"]  # type: ignore[index]
    assert when == pytest.approx((19.0 / 31.0 + 1.0) / 2.0)


def test_elsewhere_the_two_verbs_differ(base: Base) -> None:
    """What is learned of a step tells of the pressure that decides it; what is done does not."""
    setting = "called=called@2027-06"
    seen, done = compared(base, one(setting), one(setting, verb="intervening")).answers
    assert seen.table != done.table
    assert seen.weights.parents.effective_size < DRAWS == done.weights.parents.effective_size


def test_a_scenario_leaves_the_random_numbers_of_others(base: Base) -> None:
    plain, told = compared(base), answered(base, "summit=met@2027-01", verb="intervening")
    # What moves nothing and is required by nothing changes nothing else.
    assert told.table == plain.table
    for name in ("called", "signature", "corridor"):
        assert told.conditions[name] == plain.conditions[name]


# ---- what they say ------------------------------------------------------------------------------


def test_good_news_of_a_condition_lowers_what_its_driver_raises(base: Base) -> None:
    opened = answered(base, "corridor=open@2026-09", verb="intervening")
    dropped = answered(base, "corridor=abandoned@2026-09", verb="intervening")
    effect = base.seen.latent["effects"][:, 2, 2].mean()  # of the corridor on war
    assert abs(effect) > 0.1
    for answer, sign in ((opened, -1.0), (dropped, 1.0)):
        moved = answer.difference["war"]["24"]
        assert abs(moved["mean"]) > 4.0 * moved["mcse"]
        assert np.sign(moved["mean"]) == sign * np.sign(effect)


def test_a_pinned_driver_is_held_whatever_happens(base: Base) -> None:
    """By hand: paths with the driver replaced, and no condition that moves it."""
    present = lengthened(begin(base, case=conditioned(ROOTED)), 1)
    start = present.outsets[0]
    from durability.simulation import Statement

    told = Statement(forced={}, observing=False, pins={2: 0.75}, shifts={0: -0.25})
    found = onward(start, told)
    assert (found.pressure[..., 2] == 0.75).all()
    untouched = onward(start, replace(told, pins={}, shifts={}))
    assert not np.array_equal(untouched.pressure[..., 2], found.pressure[..., 2])
    np.testing.assert_allclose(found.pressure[:, 0, 0], untouched.pressure[:, 0, 0] - 0.25)


def test_trust_is_pinned_as_it_is_reported(base: Base) -> None:
    more = answered(base, verb="intervening", pins={"trust": 3.0})
    less = answered(base, verb="intervening", pins={"trust": -3.0})
    effects = base.seen.latent["effects"][:, [2, 3], 0].mean()
    assert np.sign(headline(less) - headline(more)) == np.sign(effects)


def test_a_stage_is_reached_sooner_where_its_condition_is_met(base: Base) -> None:
    found = compared(base, one("signature=signed@2026-12", verb="intervening"))
    mine = found.answers[0].stages["signed"]
    # Signed on every path, but for those on which it has broken down before.
    lost = found.answers[0].table["breakdown"]["6"]["mean"]
    assert 1.0 - lost < mine["chance"]["6"]["mean"] < 1.0  # type: ignore[index]
    assert mine["months"]["0.5"] == 5.5  # type: ignore[index]
    assert found.stages["signed"]["chance"]["6"]["mean"] < 0.2  # type: ignore[index]
    signed = answered(base, "signature=signed@2026-12", verb="intervening")
    assert signed.conditions["signature"]["met"]["months"]["0.5"] == 5.5  # type: ignore[index]


# ---- weights ------------------------------------------------------------------------------------


def test_observing_weighs_by_the_chance_along_each_path(base: Base) -> None:
    """By hand, one continuation: smoothed weights of the log chances that the engine gives."""
    answer = answered(base, "called=called@2027-06")
    present = lengthened(begin(base, case=conditioned(ROOTED)), 1)
    from durability.catalogue import conditions_law
    from durability.particles import ahead_of
    from durability.simulation import Statement

    rule = conditions_law().Forced(result="met", month=11)
    place = present.plan.place("called")
    told = Statement(forced={place: rule}, observing=True, pins={}, shifts={})
    future = onward(present.outsets[0], told)
    weights = smooth(future.ahead.course.log_weight).values
    chances = ahead_of(future).chances
    for r, rung in enumerate(RUNGS):
        for h, months in enumerate(HORIZONS_MONTHS):
            expected = weights @ chances[:, r, h]
            assert answer.table[rung][str(months)]["mean"] == pytest.approx(expected, rel=1e-12)
    assert answer.chance is not None
    mean = np.exp(future.ahead.course.log_weight).mean()
    assert answer.chance["mean"] == pytest.approx(mean, rel=1e-12)


def test_where_few_paths_agree_draws_are_continued_again(base: Base) -> None:
    answer = answered(base, "signature=signed@2027-06")
    assert answer.continuations > 1
    assert answer.weights.shares.shape == (DRAWS, answer.continuations)
    np.testing.assert_allclose(answer.weights.shares.sum(axis=1), 1.0)
    assert answer.baseline != base.table  # on the same continuations
    moved = answer.difference["breakdown"]["24"]["mean"]
    apart = answer.table["breakdown"]["24"]["mean"] - answer.baseline["breakdown"]["24"]["mean"]
    assert moved == pytest.approx(apart, abs=1e-14)


def test_too_few_paths_are_flagged() -> None:
    """Three hundred draws are too few, however often they are continued."""
    found = compared(prepare(conditioned_fit(75, ROOTED)), one("called=called@2027-06"))
    assert not found.ok
    assert "effective draws are fewer than 400" in found.answers[0].reasons[-1]
    assert found.answers[0].continuations == 16


def test_no_path_at_all_is_an_error(base: Base) -> None:
    """Nothing can be called before December, and a vote needs the call."""
    text = changed(ROOTED, "called", not_before="2026-12-01")
    with pytest.raises(InputError, match="none of 9,600 simulated paths agrees"):
        compared(base, one("referendum=by:passed@2026-10"), text=text)


def test_a_vote_on_the_last_day_of_a_month_has_come_by_that_month(base: Base) -> None:
    on, by = compared(base, one("vote=met@2027-03"), one("vote=by:met@2027-03")).answers
    assert on.chance is not None
    assert by.chance is not None
    assert by.chance["mean"] == pytest.approx(on.chance["mean"], rel=1e-3)
    assert by.conditions["vote"] == on.conditions["vote"]


def test_an_impossible_draw_gains_no_weight_by_smoothing() -> None:
    rng = np.random.default_rng(3)
    logs = rng.normal(size=(400, 1))
    logs[50:] = -np.inf
    from durability.paths import Followed

    nothing = np.zeros((400, 0))
    path = Followed(
        chances=nothing, time=nothing, met=nothing, reached=nothing, held=nothing,
        log_weight=logs[:, 0], first=nothing,
    )  # fmt: skip
    even = Weighted(
        parents=smooth(np.zeros(400)),
        shares=np.ones((400, 1)),
    )
    found = observed_weights(even, [path])
    assert found is not None
    assert not found.parents.values[50:].any()
    assert found.parents.values.sum() == pytest.approx(1.0)
    np.testing.assert_allclose(found.parents.values[:50], smooth(logs[:50, 0]).values)


def test_the_paired_error_is_much_smaller_than_the_independent_one(base: Base) -> None:
    answer = answered(base, "corridor=open@2028-01", verb="intervening", text=CONDITIONS)
    for months in ("24", "36", "60"):
        moved = answer.difference["breakdown"][months]
        apart = math.hypot(
            answer.table["breakdown"][months]["mcse"], answer.baseline["breakdown"][months]["mcse"]
        )
        assert 0.0 < moved["mcse"] < 0.25 * apart
        assert moved["high"] - moved["mean"] == pytest.approx(1.6449 * moved["mcse"], rel=1e-4)


def test_the_paired_error_is_that_of_other_seeds() -> None:
    """Differences of fits with other draws of the same world scatter as their errors say."""
    moved = []
    for seed in range(6):
        fit = conditioned_fit(DRAWS // 4, ROOTED)
        fit = replace(fit, settings=replace(fit.settings, seed=40 + seed), key=f"seed{seed}")
        answer = answered(prepare(fit), "corridor=open@2028-01", verb="intervening")
        moved.append(answer.difference["breakdown"]["60"])
    scatter = np.std([each["mean"] for each in moved], ddof=1)
    told = np.mean([each["mcse"] for each in moved])
    # The same draws with other random numbers: part of the error that is told, never more.
    assert 0.0 < scatter < 2.0 * told


# ---- the law of total probability ---------------------------------------------------------------


def test_branches_average_back_to_the_forecast(base: Base) -> None:
    trees = [
        Tree(conditions=("called", "corridor"), by="2028-12"),
        Tree(conditions=("referendum", "signature", "vote"), by="2027-03"),
    ]
    found = compared(base, trees=trees)
    for tree in found.trees:
        assert sum(b.chance["mean"] for b in tree.branches) == pytest.approx(1.0, abs=1e-12)
        for rung in RUNGS:
            for months in map(str, HORIZONS_MONTHS):
                mean = sum(b.chance["mean"] * b.table[rung][months]["mean"] for b in tree.branches)
                assert mean == pytest.approx(tree.total[rung][months], abs=1e-12)
    states = [tuple(b.states.values()) for b in found.trees[1].branches]
    assert all("blocked" not in s or s[0] == "blocked" or s[1] == "blocked" for s in states)
    assert {s[2] for s in states} == {"met", "failed"}  # the vote is held in that month
    near = found.trees[0].total["breakdown"]["60"]
    assert near == pytest.approx(
        found.table["breakdown"]["60"]["mean"], abs=5 * found.table["breakdown"]["60"]["mcse"]
    )


def test_a_branch_is_what_observing_it_says(base: Base) -> None:
    """Sorted paths and weighted ones estimate the same."""
    tree = Tree(conditions=("corridor",), by="2028-12")
    found = compared(base, one("corridor=by:open@2028-12"), trees=[tree])
    branch = next(b for b in found.trees[0].branches if b.states["corridor"] == "met")
    answer, mine = found.answers[0], branch.table["breakdown"]["60"]
    error = math.hypot(mine["mcse"], answer.table["breakdown"]["60"]["mcse"])
    assert abs(mine["mean"] - headline(answer)) < 4.0 * error


@pytest.mark.parametrize("name", ["corridor", "called"])
def test_months_learned_one_by_one_average_back_to_the_forecast(base: Base, name: str) -> None:
    """Met or failed in each month, or pending throughout: a partition of what can be."""
    case = conditioned(ROOTED)
    first = begin(base, case=case).data.cutoff
    assert str(first) == "2026-06-30"
    months = [f"{2026 + (6 + m) // 12}-{(6 + m) % 12 + 1:02d}" for m in range(MONTHS)]
    told = [one(f"{name}={word}@{month}") for word in ("met", "failed") for month in months[:8]]
    told.append(one(f"{name}=pending@{months[7]}"))
    found = compared(base, *told)
    assert all(answer.continuations == 1 for answer in found.answers[:-1])
    chances = [answer.chance["mean"] for answer in found.answers if answer.chance]
    assert sum(chances) == pytest.approx(1.0, abs=1e-3)
    mean = sum(c * headline(a) for c, a in zip(chances, found.answers, strict=True))
    as_it_comes = found.table["breakdown"]["60"]
    assert abs(mean - as_it_comes["mean"]) < 2.0 * as_it_comes["mcse"]
    moved = [a.difference["war"]["60"] for a in found.answers]
    assert any(abs(each["mean"]) > 4.0 * each["mcse"] for each in moved)


def test_what_becomes_of_a_step_late_in_its_chain_averages_back_to_the_forecast(base: Base) -> None:
    """Signed by a month, failed by it, or pending to its end: a partition, each drawn otherwise."""
    ways = ("by:signed", "by:failed", "pending")
    found = compared(base, *(one(f"signature={way}@2028-12") for way in ways))
    chances = [answer.chance for answer in found.answers if answer.chance]
    error = math.sqrt(sum(each["mcse"] ** 2 for each in chances))
    assert abs(sum(each["mean"] for each in chances) - 1.0) < 4.0 * error
    assert min(each["mean"] for each in chances) > 0.01
    for rung in ("breakdown", "force"):
        told = [answer.table[rung]["36"] for answer in found.answers]
        mean = sum(c["mean"] * each["mean"] for c, each in zip(chances, told, strict=True))
        spread = math.sqrt(
            sum(
                (c["mcse"] * each["mean"]) ** 2 + (c["mean"] * each["mcse"]) ** 2
                for c, each in zip(chances, told, strict=True)
            )
        )
        assert abs(mean - found.table[rung]["36"]["mean"]) < 4.0 * spread


@pytest.mark.parametrize(
    "settings",
    [
        ("signature=signed@2027-06",),
        ("signature=by:failed@2028-01", "relents=pending@2028-06"),
        ("referendum=rejected@2027-11", "corridor=by:open@2028-11", "vote=failed"),
    ],
)
def test_drawn_for_it_paths_say_what_they_say_by_themselves(
    base: Base, settings: tuple[str, ...]
) -> None:
    """And far more of them do: the same answer as from sixteen continuations left to themselves."""
    case = conditioned(ROOTED)
    present = lengthened(begin(base, case=case), 16)
    (said,) = state([one(*settings)], present.data, present.plan, months=MONTHS)
    assert said.guide is not None
    plain = follow(present, replace(said, guide=None), 16)
    before = base_weights(present, 16)
    weights = observed_weights(before, plain)
    assert weights is not None
    answer = answered(base, *settings)
    assert answer.continuations <= 2
    assert answer.chance is not None
    chance = plain_chance(
        np.exp(np.stack([path.log_weight for path in plain], axis=1)), before, present.chains
    )
    error = math.hypot(chance["mcse"], answer.chance["mcse"])
    assert abs(chance["mean"] - answer.chance["mean"]) < 4.0 * error
    assert answer.chance["mcse"] < chance["mcse"]
    for r, rung in enumerate(RUNGS):
        values = np.stack([path.chances[:, r, -1] for path in plain], axis=1)
        mine, theirs = answer.table[rung]["60"], plain_chance(values, weights, present.chains)
        error = math.hypot(mine["mcse"], theirs["mcse"])
        assert abs(mine["mean"] - theirs["mean"]) < 4.0 * error
    once = observed_weights(base_weights(present, 1), plain[:1])
    assert once is not None
    assert answer.weights.parents.effective_size > 2.0 * once.parents.effective_size


def test_nothing_is_drawn_otherwise_where_nothing_has_to_be(base: Base) -> None:
    """Of roots, of what is pending, and of whatever is brought about."""
    present = begin(base, case=conditioned(ROOTED))
    told = [
        one("corridor=open@2028-01", "called=called@2027-01"),
        one("signature=pending@2029-01"),
        one("talks=met"),
        one("signature=signed@2027-06", verb="intervening"),
        one(),
    ]
    found = state(told, present.data, present.plan, months=MONTHS)
    assert [each.guide for each in found] == [None] * 5


# ---- where the case has moved on ----------------------------------------------------------------


def test_scenarios_start_from_what_is_known_now(base: Base) -> None:
    case = conditioned(ROOTED)
    from datetime import date

    news = item("N1", date(2026, 8, 20), driver="corridor", ratings=(("a", 3), ("b", 2)))
    later = replace(case, news=(*case.news, news))
    found = scenarios(base, [one("corridor=open@2028-01")], case=later)
    assert found.update.weighed.months == 2
    assert found.update.weighed.data.cutoff == date(2026, 8, 20)
    assert found.table == found.update.table
    assert found.answers[0].weights.shares.shape == (DRAWS, 4)
    assert found.answers[0].weights.parents is found.update.weighed.parents


def test_further_continuations_share_the_months_that_have_passed(base: Base) -> None:
    from datetime import date

    case = conditioned(ROOTED)
    news = item("N1", date(2026, 8, 20), driver="corridor", ratings=(("a", 3), ("b", 2)))
    present = begin(base, case=replace(case, news=(*case.news, news)))
    present = lengthened(present, 8)
    for child in range(4):
        mine, other = present.outsets[child], present.outsets[child + 4]
        np.testing.assert_array_equal(mine.latent["pressure"], other.latent["pressure"])
        assert not np.array_equal(mine.pressure, other.pressure)
    weights = base_weights(present, 8)
    assert weights.each.sum() == pytest.approx(1.0)


def test_a_case_without_conditions_still_takes_interventions() -> None:
    bare = replace(flagship(), conditions=())
    fit = narrow_fit(bare, draws=60, chains=2)
    found = scenarios(fit, [one(verb="intervening", shifts={"corridor": 1.0})])
    future = simulate(fit, months=MONTHS, seed=fit.settings.seed)
    assert monthly_normals(2, months=1, seed=1).shape == (2, 1, 4)
    assert future.pressure.shape[1] == MONTHS
    assert found.answers[0].difference["breakdown"]["24"]["mean"] != 0.0


def test_quantiles_of_times_count_what_never_comes() -> None:
    times = np.array([1.0, 2.0, 3.0, np.inf])
    assert time_quantiles(times, np.full(4, 0.25), (0.25, 0.5, 0.75, 0.9)) == (1.0, 2.0, 3.0, None)
    heavy = np.array([0.7, 0.1, 0.1, 0.1])
    assert time_quantiles(times, heavy, (0.05, 0.5, 0.95)) == (1.0, 1.0, None)
