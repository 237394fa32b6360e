"""Weighing where a deal waits for steps: their outcomes reach the forecast, each once."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from fitted import narrow_fit
from stepped import condition, outcome, treaty, vote, waiting
from worlds import CUTOFF, flagship, history, item

from durability import election_forecast
from durability.assembly import assemble
from durability.attribution import attribute
from durability.cases import Case
from durability.inference import Fit
from durability.particles import keep, particles_of, read_particles
from durability.simulation import incidences, simulate
from durability.updating import Update, update
from durability.vocabulary import HORIZONS_MONTHS, RUNGS, STREAMS
from durability.weighing import Base, prepare

PASSED = date(2026, 6, 28)
LATER = date(2026, 8, 31)
KNOWN = outcome(PASSED, known=date(2026, 7, 2))


@pytest.fixture(scope="module")
def fit() -> Fit:
    return narrow_fit(waiting(vote(), treaty()), draws=150, chains=4, seed=5)


@pytest.fixture(scope="module")
def base(fit: Fit) -> Base:
    return prepare(fit)


def held(case: Case) -> Case:
    return replace(case, observed_to=dict.fromkeys(STREAMS, LATER))


def gap(update: Update) -> np.ndarray:
    told = attribute(update)
    parts = sum(
        np.array([[p.changes[r][str(h)]["mean"] for h in HORIZONS_MONTHS] for r in RUNGS])
        for p in told.parts
    )
    before, after = (
        np.array([[t[r][str(h)]["mean"] for h in HORIZONS_MONTHS] for r in RUNGS])
        for t in (told.before, told.after)
    )
    return np.abs(parts - (after - before))


def test_conditions_that_have_not_changed_change_nothing(base: Base) -> None:
    found = update(base, case=waiting(vote(), treaty()))
    assert found.method == "unchanged"
    assert found.table == base.table
    assert found.weighed.conditions == ()


def test_an_outcome_moves_the_forecast_as_a_new_forecast_from_the_same_draws(
    fit: Fit, base: Base
) -> None:
    case = waiting(vote(outcome=replace(KNOWN, known=PASSED)), treaty())
    found = update(base, case=case, cutoff=CUTOFF)
    assert found.weighed.conditions == ("vote",)
    data = assemble(case, history(), cutoff=CUTOFF)
    again = replace(fit, model=replace(fit.model, data=data))
    rungs = incidences(simulate(again, months=60, seed=fit.settings.seed).increments)
    for months in HORIZONS_MONTHS:
        mean = rungs["breakdown"][:, months - 1].mean()
        assert found.table["breakdown"][str(months)]["mean"] == pytest.approx(mean, rel=1e-9)
    assert found.table["breakdown"]["24"]["mean"] != base.table["breakdown"]["24"]["mean"]


def test_what_a_condition_did_is_a_part_of_its_own_and_parts_add_up(base: Base) -> None:
    case = held(waiting(vote(outcome=KNOWN), treaty()))
    news = item("N1", PASSED, driver="corridor", ratings=(("a", 2), ("b", 3)))
    found = update(base, [news], case=case, cutoff=LATER)
    told = attribute(found)
    assert {part.kind for part in told.parts} == {"conditions", "event", "months"}
    part = next(part for part in told.parts if part.kind == "conditions")
    assert part.label == "vote"
    assert part.changes["breakdown"]["24"]["mean"] != 0.0
    assert gap(found).max() < 1e-10


def test_time_that_passes_is_no_part_of_the_conditions(base: Base) -> None:
    found = update(base, case=held(waiting(vote(), treaty())), cutoff=LATER)
    assert found.weighed.conditions == ()
    assert {part.kind for part in attribute(found).parts} == {"months"}


def test_an_outcome_that_a_rated_item_reports_moves_nothing_twice(base: Base) -> None:
    """The rating carries it: what is left is that what waits for it may begin."""
    told = item("N1", PASSED, driver="constitution", ratings=(("a", -2), ("b", -2)))
    reported = replace(KNOWN, known=PASSED, reported_by=("N1",))
    alone = condition("vote", permanent=True, outcome=reported)
    with_news = update(base, [told], case=waiting(alone), cutoff=CUTOFF)
    gone = update(base, [told], case=waiting(), cutoff=CUTOFF)
    assert with_news.table == gone.table
    silent = update(base, case=waiting(alone), cutoff=CUTOFF)
    assert silent.table != update(base, case=waiting(), cutoff=CUTOFF).table


def test_an_outcome_that_is_not_known_yet_changes_nothing_to_the_bit(base: Base) -> None:
    case = waiting(vote(outcome=KNOWN), treaty())
    found = update(base, case=case, cutoff=CUTOFF)
    assert found.table == base.table


def test_a_changed_judgement_is_a_change(base: Base) -> None:
    case = waiting(vote(fails=0.5), treaty())
    found = update(base, case=case)
    assert found.weighed.conditions == ("vote",)
    assert found.weighed.terms == {}
    assert gap(found).max() < 1e-10


def test_a_poll_alone_reaches_the_forecast(monkeypatch: pytest.MonkeyPatch) -> None:
    """The chance that the fit took is kept with it, whatever polls say of that day later."""
    government = {date(2026, 6, 30): 0.9, date(2026, 7, 2): 0.6}

    def chance(name: str, folder: object, *, cutoff: date) -> float:
        assert name == "government"
        return government[cutoff]

    monkeypatch.setattr(election_forecast, "election_chance", chance)
    case = waiting(vote(chance_from="election:government"), treaty())
    fit = narrow_fit(case, draws=150, chains=4, seed=5)
    keep(particles_of(fit))
    kept = read_particles(fit.key)
    assert kept is not None
    assert kept.chances == {"election:government": pytest.approx(0.9)}
    base = prepare(kept, rows=fit.model.data.rows)
    government[CUTOFF] = 0.7
    again = update(base, case=case, cutoff=CUTOFF)
    assert again.weighed.conditions == ("vote",)
    government[CUTOFF] = 0.9
    assert update(base, case=case, cutoff=CUTOFF).method == "unchanged"
    later = update(base, case=case, cutoff=date(2026, 7, 2))
    assert later.weighed.conditions == ("vote",)
    lower, higher = (each.table["breakdown"]["24"]["mean"] for each in (again, later))
    assert base.table["breakdown"]["24"]["mean"] < lower < higher
    assert gap(later).max() < 1e-10


def test_another_reason_is_none(base: Base) -> None:
    found = update(base, case=waiting(vote(why="said better"), treaty()))
    assert found.method == "unchanged"


def test_conditions_are_kept_with_the_draws(fit: Fit) -> None:
    full = condition(
        "vote",
        fails_shapes=(2.0, 3.0),
        not_before=date(2026, 9, 1),
        requires_any=(),
        outcome=KNOWN,
    )
    made = particles_of(narrow_fit(waiting(full, treaty(stage="in_force")), draws=20, chains=2))
    keep(made)
    found = read_particles(made.key)
    assert found is not None
    assert found.conditions == made.conditions
    assert found.stage == "initialled"


def test_without_conditions_the_forecast_is_the_model_without_them() -> None:
    plain = narrow_fit(replace(flagship(), conditions=()), draws=40, chains=2, seed=5)
    waits = narrow_fit(waiting(vote(), treaty()), draws=40, chains=2, seed=5)
    none = replace(
        waits, model=replace(waits.model, data=assemble(waiting(), history(), cutoff=CUTOFF))
    )
    one, other = (simulate(each, months=36, seed=4) for each in (plain, none))
    assert np.array_equal(one.increments, other.increments)
    assert np.array_equal(one.pressure, other.pressure)
