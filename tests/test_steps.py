"""Conditions as of a cutoff: what is settled, what is pending, and the chances drawn for it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from durability.models import conditions as law
from fitted import drawn_fit
from scipy import stats
from test_conditions import read, table
from waiting import TOY, waiting
from worlds import CUTOFF, item, priors

from durability import simulation
from durability.cases import Case
from durability.simulation import simulate
from durability.steps import STAGE_PARAMETERS, draw_chances, plan, statuses

DEAL = dt.date(2025, 8, 8)
DRAWS = 40_000


def planned(text: str, cutoff: dt.date = CUTOFF, **how: Any) -> Any:
    return plan(read(text), deal=DEAL, stage="initialled", cutoff=cutoff, **how)


def outcome(result: str, day: str, known: str = "") -> str:
    told = f", known = {known}" if known else ""
    return f'{{ result = "{result}", date = {day}{told}, why = "So" }}'


def followed(made: Any, *, months: int, draws: int = DRAWS, **how: Any) -> Any:
    """What becomes of the steps with drivers at rest."""
    still = {**priors(), "condition_dependence": replace_values(sd=1e-9)}
    chances = draw_chances(made, still, draws=draws, seed=3, **how)
    pressure = np.zeros((draws, months, 4))
    reference = np.zeros((draws, len(made.steps)))
    phi = np.full(draws, 0.9)
    return law.follow(made.steps, made.past, pressure, reference, phi, chances)


def replace_values(**values: float) -> Any:
    return replace(priors()["condition_dependence"], values=values)


def by(course: Any, months: float, place: int = 0, *, met: bool = True) -> float:
    return float(((course.time[:, place] <= months) & (course.met[:, place] == met)).mean())


def near(chance: float, draws: int = DRAWS) -> Any:
    return pytest.approx(chance, abs=4.0 * np.sqrt(chance * (1.0 - chance) / draws))


# What is settled ----------------------------------------------------------------------------------


def test_a_condition_is_met_failed_pending_or_blocked() -> None:
    text = (
        table(name='"done"', outcome=outcome("met", "2026-03-01"))
        + table(name='"lost"', outcome=outcome("failed", "2026-03-01"))
        + table(name='"open"')
        + table(name='"after_done"', requires='["done"]')
        + table(name='"after_lost"', requires='["lost"]')
        + table(name='"after_both"', requires='["done", "lost"]')
        + table(name='"either"', requires_any='["lost", "open"]')
        + table(name='"neither"', requires_any='["lost", "after_lost"]')
        + table(name='"grandchild"', requires='["neither"]')
    )
    found = statuses(read(text), CUTOFF)
    assert found == {
        "done": "met",
        "lost": "failed",
        "open": "pending",
        "after_done": "pending",
        "after_lost": "blocked",
        "after_both": "blocked",
        "either": "pending",
        "neither": "blocked",
        "grandchild": "blocked",
    }
    made = planned(text)
    assert [each.name for each in made.pending] == ["open", "after_done", "either"]
    assert made.steps[2].requires_any == (0,)
    assert made.steps[1].requires == ()
    assert made.place("either") == 2


def test_an_outcome_counts_from_the_day_it_was_known() -> None:
    text = table(driver='"trust"', outcome=outcome("met", "2026-06-07", "2026-06-20"))
    assert statuses(read(text), dt.date(2026, 6, 19)) == {"vote": "pending"}
    assert statuses(read(text), dt.date(2026, 6, 20)) == {"vote": "met"}
    (past,) = planned(text).past
    # It happened on the seventh, whenever it was known: 23 of June's 30 days lie after it.
    assert past.months == pytest.approx(23 / 30)
    assert past.share == pytest.approx(-0.4)


def test_what_was_met_decides_the_stage() -> None:
    text = table(stage='"signed"', outcome=outcome("met", "2026-06-07"))
    assert planned(text).stage == 1
    assert planned(text, dt.date(2026, 6, 6)).stage == 0
    lost = table(stage='"signed"', outcome=outcome("failed", "2026-06-07"))
    assert planned(lost).stage == 0


def test_a_rated_item_that_reports_an_outcome_carries_its_effect() -> None:
    told = '{ result = "failed", date = 2026-06-07, reported_by = ["T1"], why = "So" }'
    text = table(driver='"trust"', outcome=told)
    assert planned(text, rated=frozenset({"T1"})).past == ()
    (past,) = planned(text, rated=frozenset({"T2"})).past
    assert past.share == pytest.approx(0.6)
    assert planned(table(outcome=told)).past == ()


def test_a_blocked_condition_moves_nothing() -> None:
    lost = table(name='"lost"', driver='"trust"', outcome=outcome("failed", "2026-06-07"))
    child = table(driver='"trust"', requires='["lost"]')
    assert [each.name for each in planned(lost + child).past] == ["lost"]


# Nothing of the future ----------------------------------------------------------------------------


def same(one: simulation.Future, other: simulation.Future) -> bool:
    return np.array_equal(one.increments, other.increments) and np.array_equal(
        one.pressure, other.pressure
    )


def future_of(case: Case, cutoff: dt.date = CUTOFF) -> simulation.Future:
    return simulate(drawn_fit(case, draws=30, seed=4, cutoff=cutoff), months=24, seed=4)


def with_outcome(known: str, **more: str) -> Case:
    told = outcome("called", "2026-06-05", known)
    for key, value in more.items():
        told = told.replace("why =", f"{key} = {value}, why =")
    first = 'why = "70 of 105 are needed and 64 were won."'
    return waiting(TOY.read_text().replace(first, f"{first}\noutcome = {told}"))


def test_an_outcome_known_later_changes_nothing_to_the_bit() -> None:
    plain = future_of(waiting())
    assert same(plain, future_of(with_outcome("2026-07-01")))
    assert not same(plain, future_of(with_outcome("2026-06-30")))
    assert same(
        future_of(waiting(), dt.date(2026, 6, 15)),
        future_of(with_outcome("2026-06-16"), dt.date(2026, 6, 15)),
    )


def test_a_corrected_item_still_reports_what_it_did() -> None:
    """One fact counts once, under whichever id the item that tells of it stands."""
    report = item("M1", dt.date(2026, 6, 6), driver="constitution")
    corrected = replace(report, id="M1.c1", corrects="M1", known=dt.date(2026, 6, 8), why="Typo")
    case = with_outcome("2026-06-05")
    for rows in ((report,), (report, corrected)):
        for named in ("M1", "M1.c1"):
            of_case = replace(case, news=(*case.news, *rows), conditions=reported(case, named))
            fit = drawn_fit(of_case, draws=5)
            if named in {row.id for row in rows}:
                assert simulation.plan_of(fit.model.data).past == ()
    without = replace(case, conditions=reported(case, "M1"))
    assert len(simulation.plan_of(drawn_fit(without, draws=5).model.data).past) == 1


def reported(case: Case, name: str) -> tuple[Any, ...]:
    return tuple(
        replace(each, outcome=replace(each.outcome, reported_by=(name,)))
        if each.outcome is not None
        else each
        for each in case.conditions
    )


# Numbers come back --------------------------------------------------------------------------------


def test_chances_by_a_day_come_back() -> None:
    text = table(elicited="2026-06-30", met_by="{ 2027-01-15 = 0.1, 2028-12-31 = 0.35 }")
    course = followed(planned(text), months=60)
    assert by(course, 6 + 15 / 31) == near(0.1)
    assert by(course, 30) == near(0.35)
    # The hazard between the two days goes on, and the ratio of outcomes stays.
    assert by(course, 30, met=False) == near(0.35 * 0.4 / 0.6)


def test_chances_from_not_before_come_back() -> None:
    text = table(
        elicited="2026-06-30", not_before="2027-07-01", met_by="{ 2028-06-30 = 0.3 }", fails="0.0"
    )
    course = followed(planned(text), months=36)
    assert course.time.min() >= 12.0
    assert by(course, 24) == near(0.3)


def test_chances_within_months_count_from_what_they_require() -> None:
    done = table(name='"done"', outcome=outcome("met", "2026-03-31"))
    text = done + table(
        requires='["done"]', met_by=None, met_within_months="{ 3 = 0.5, 12 = 0.55 }", fails="0.0"
    )
    course = followed(planned(text), months=24)
    # Three months of waiting lie behind it: what is left is (1 - 0.55) / (1 - 0.5) of survival.
    assert by(course, 9) == near(1.0 - 0.45 / 0.5)
    fresh = table(name='"open"', met_by="{ 2026-12-31 = 0.9 }", elicited="2026-06-30", fails="0.0")
    child = table(
        requires='["open"]', met_by=None, met_within_months="{ 3 = 0.5, 12 = 0.55 }", fails="0.0"
    )
    course = followed(planned(fresh + child), months=48)
    wait = course.time[:, 1] - course.time[:, 0]
    begun = course.time[:, 0] <= 24.0
    assert float((wait[begun] <= 3.0).mean()) == near(0.5, int(begun.sum()))
    assert float((wait[begun] <= 12.0).mean()) == near(0.55, int(begun.sum()))


def test_what_is_still_pending_has_used_up_its_time() -> None:
    """At a cutoff half way the chances are those given that it has not been decided."""
    text = table(elicited="2026-06-30", met_by="{ 2027-06-30 = 0.3, 2028-06-30 = 0.5 }", fails="0")
    course = followed(planned(text, dt.date(2027, 6, 30)), months=24)
    assert by(course, 12) == near((0.5 - 0.3) / 0.7)


def test_a_cutoff_before_the_elicitation_begins_at_the_cutoff() -> None:
    text = table(elicited="2026-11-22", met_by="{ 2027-12-31 = 0.3 }", fails="0.0")
    course = followed(planned(text), months=24)
    assert by(course, 18) == near(0.3)
    assert planned(text).reference_months == ("2026-06",)
    assert planned(text, dt.date(2027, 3, 31)).reference_months == ("2026-11",)


def test_a_vote_is_held_on_its_day() -> None:
    text = table(met_by=None, decided_on="2026-12-31", fails="0.25")
    course = followed(planned(text), months=6)
    assert (course.time == 6.0).all()
    assert by(course, 6) == near(0.75)


def test_a_chance_from_elsewhere_is_asked_for() -> None:
    text = table(
        met_by=None, decided_on="2026-12-31", fails=None, chance_from='"election:government"'
    )
    made = planned(text, chance_of={"election:government": 0.7}.__getitem__)
    assert made.steps[0].fails == pytest.approx(0.3)
    with pytest.raises(ValueError, match="election:government"):
        planned(text)


@pytest.mark.parametrize("day", ["1900-01-01", "2199-12-31"])
def test_days_at_the_ends_of_the_calendar_are_planned(day: str) -> None:
    """A day before the elicitation that it cannot begin before, and one that never comes."""
    text = table(not_before=day, met_by="{ 2200-01-01 = 0.2 }")
    made = planned(text)
    assert np.isfinite(made.steps[0].cumulative).all()
    assert followed(made, months=3, draws=10).time.shape == (10, 1)


# Random numbers -----------------------------------------------------------------------------------


def drawn(text: str, draws: int, **how: Any) -> Any:
    return draw_chances(planned(text), priors(), draws=draws, seed=9, **how)


ARRAYS = ("patience", "mark", "fails", "size", "past_size", "dependence", "stages")
TWO = table(name='"done"', driver='"trust"', outcome=outcome("met", "2026-06-07")) + table(
    fails='{ "0.1" = 0.2, "0.9" = 0.6 }'
)


@pytest.mark.parametrize("uncertain", [True, False])
def test_the_first_draws_are_the_same_however_many_there_are(uncertain: bool) -> None:
    few, many = (drawn(TWO, draws, uncertain=uncertain) for draws in (7, 500))
    for name in ARRAYS:
        assert np.array_equal(getattr(few, name), getattr(many, name)[:7]), name


def test_the_first_months_are_the_same_however_many_there_are() -> None:
    fit = drawn_fit(waiting(), draws=30, seed=4)
    short, long = (simulate(fit, months=months, seed=4) for months in (12, 36))
    assert np.array_equal(short.increments, long.increments[:, :12])
    assert np.array_equal(short.pressure, long.pressure[:, :12])
    early = long.ahead.course.time <= 12.0
    assert early.any()
    assert np.array_equal(short.ahead.course.time[early], long.ahead.course.time[early])


def test_another_condition_has_no_say_in_a_conditions_random_numbers() -> None:
    alone = drawn(table(), 50)
    beside = drawn(table(name='"another"') + table(), 50)
    place = planned(table(name='"another"') + table()).place("vote")
    for name in ("patience", "mark", "fails", "size"):
        assert np.array_equal(getattr(alone, name)[:, 0], getattr(beside, name)[:, place])
        # Unless it is what its own chances are, another's numbers are others.
        if name in ("patience", "mark", "size"):
            assert not np.array_equal(getattr(beside, name)[:, 0], getattr(beside, name)[:, 1])


def test_continuations_have_waits_of_their_own_and_share_what_priors_leave_open() -> None:
    first, second = (drawn(table(), 50, child=child) for child in (0, 1))
    assert not np.array_equal(first.patience, second.patience)
    assert not np.array_equal(first.mark, second.mark)
    assert np.array_equal(first.dependence, second.dependence)
    assert np.array_equal(first.stages, second.stages)


def test_what_is_drawn_has_the_distributions_that_were_said() -> None:
    text = table(
        fails='{ "0.1" = 0.2, "0.9" = 0.6 }',
        driver='"trust"',
        effect='{ "0.05" = 0.1, "0.95" = 0.8 }',
    )
    chances = drawn(text, DRAWS, uncertain=True)
    shapes = read(text)[0].fails_shapes
    assert shapes is not None
    laws: Mapping[str, tuple[np.ndarray, Any]] = {
        "patience": (chances.patience[:, 0], stats.expon()),
        "mark": (chances.mark[:, 0], stats.uniform()),
        "fails": (chances.fails[:, 0], stats.beta(*shapes)),
        "dependence": (chances.dependence, stats.halfnorm(scale=0.3)),
        "signed": (chances.stages[:, 1], stats.norm(0.0, 0.25)),
        "in force": (chances.stages[:, 3], stats.norm(0.0, 0.25 * np.sqrt(3.0))),
    }
    for name, (values, wanted) in laws.items():
        assert stats.kstest(values, wanted.cdf).pvalue > 1e-4, name
    assert np.quantile(chances.size, [0.05, 0.95]) == pytest.approx([0.1, 0.8], rel=0.03)
    assert not chances.stages[:, 0].any()
    assert len(STAGE_PARAMETERS) == 3
    assert (drawn(text, 5).fails == read(text)[0].fails).all()


@pytest.mark.parametrize("shapes", [(0.3, 4.0), (2.0, 2.0), (60.0, 3.0), (0.2, 0.2)])
def test_quantiles_of_a_beta_are_those_of_scipy(shapes: tuple[float, float]) -> None:
    from durability.steps import _beta

    chances = np.array([0.01, 0.05, 0.3, 0.5, 0.9, 0.99])
    wanted = stats.beta(*shapes).ppf(chances)
    assert _beta(shapes, chances) == pytest.approx(wanted, abs=2e-3)
