"""What can come at all: never said to be impossible where a path has it, nor possible too early."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from conditioned import CONDITIONS, changed, conditioned
from fitted import narrow_fit
from schemas import part

from durability import prospects
from durability.life_cycle import STATES, quantities
from durability.possible import Possible, possible
from durability.simulation import simulate
from durability.vocabulary import LIFE_CYCLE
from durability.wording import likely

MONTHS = [1, 3, 6, 9, 12, 24, 36, 60]
RARE = changed(
    CONDITIONS,
    "relents",
    not_before="2028-01-01",
    met_by="{ 2028-06-30 = 0.00001, 2031-06-30 = 0.00002 }",
    fails="0.0",
)


def possible_of(text: str) -> tuple[Possible, dict[str, int]]:
    fit = narrow_fit(conditioned(text), draws=4)
    future = simulate(fit, months=60, seed=1)
    return possible(future), {each.name: p for p, each in enumerate(future.ahead.plan.pending)}


def test_what_a_path_does_is_possible() -> None:
    fit = narrow_fit(conditioned(), draws=1500, seed=3)
    future = simulate(fit, months=60, seed=3)
    told, seen = possible(future), 0
    for name, values in quantities(future, MONTHS).items():
        for (h, place), came in np.ndenumerate((values > 0.0).any(axis=0)):
            can = told.can(name, place, MONTHS[h])
            assert can or not came, (name, place, MONTHS[h])
            seen += can and came
    assert seen > 100


@pytest.mark.parametrize(
    ("text", "name", "what", "months", "can"),
    [
        (CONDITIONS, "vote", "met", 8, False),
        (CONDITIONS, "vote", "met", 9, True),
        (CONDITIONS, "summit", "met", 3, False),
        (CONDITIONS, "summit", "failed", 4, True),
        (CONDITIONS, "referendum", "met", 1, True),
        (changed(CONDITIONS, "called", not_before="2027-01-01"), "referendum", "met", 6, False),
        (changed(CONDITIONS, "called", not_before="2027-01-01"), "referendum", "met", 7, True),
        (changed(CONDITIONS, "called", not_before="2027-01-01"), "signature", "met", 6, True),
        (changed(CONDITIONS, "vote", fails="0.0"), "vote", "failed", 60, False),
        (changed(CONDITIONS, "vote", fails="0.0"), "vote", "met", 9, True),
    ],
)
def test_dates_and_requirements_say_from_when_on(
    text: str, name: str, what: str, months: int, can: bool
) -> None:
    told, places = possible_of(text)
    assert told.can(what, places[name], months) is can


@pytest.mark.parametrize(
    ("change", "what", "months", "must"),
    [
        ({}, "met", 60, False),
        ({"fails": "0.0"}, "met", 8, False),
        ({"fails": "0.0"}, "met", 9, True),
        ({"fails": "0.0"}, "failed", 60, False),
    ],
)
def test_only_what_a_day_decides_without_doubt_must_be(
    change: dict[str, str], what: str, months: int, must: bool
) -> None:
    told, places = possible_of(changed(CONDITIONS, "vote", **change))
    assert told.must(what, places["vote"], months) is must
    assert not told.must(what, places["referendum"], 60)


def test_what_must_be_is_what_every_path_does() -> None:
    text = changed(CONDITIONS, "vote", fails="0.0")
    future = simulate(narrow_fit(conditioned(text), draws=600, seed=3), months=60, seed=3)
    told, found, seen = possible(future), quantities(future, MONTHS), 0
    for name in ("met", "failed"):
        for (h, place), every in np.ndenumerate(found[name].all(axis=0)):
            must = told.must(name, place, MONTHS[h])
            assert every or not must, (name, place, MONTHS[h])
            seen += must
    assert seen > 2


def test_what_need_not_be_and_every_path_did_has_a_bound_and_not_a_certainty() -> None:
    """By hand: with chance p all of n paths do it with chance p^n, 5% at the bound."""
    often = changed(CONDITIONS, "vote", fails="0.00001")
    fit = narrow_fit(conditioned(often), draws=40, chains=2, seed=3)
    future = simulate(fit, months=60, seed=fit.settings.seed)
    found = prospects.prospects(fit, future, [6, 12])
    chances = next(e for e in found["conditions"] if e["name"] == "vote")["chances"]
    often_met: dict[str, Any] = chances["met"]["12"]
    assert (often_met["mean"], often_met["all_of"]) == (1.0, 80)
    assert often_met["low"] ** 80 == pytest.approx(0.05)
    assert often_met["mcse"] == pytest.approx(1.0 / 80)
    assert likely(often_met) == ">96%"
    assert "all_of" not in chances["met"]["6"]
    part("by_months").validate(chances["met"])
    sure = changed(CONDITIONS, "vote", fails="0.0")
    fit = narrow_fit(conditioned(sure), draws=40, chains=2, seed=3)
    future = simulate(fit, months=60, seed=fit.settings.seed)
    certain = prospects.prospects(fit, future, [12])
    chances = next(e for e in certain["conditions"] if e["name"] == "vote")["chances"]
    assert (chances["met"]["12"]["mean"], chances["met"]["12"]["low"]) == (1.0, 1.0)
    assert "all_of" not in chances["met"]["12"]


def test_stages_come_with_their_conditions() -> None:
    both = {"requires_any": '["referendum", "relents"]', "not_before": "2028-01-01"}
    told, _ = possible_of(changed(CONDITIONS, "signature", **both))
    signed, in_force = LIFE_CYCLE.index("signed"), LIFE_CYCLE.index("in_force")
    for months, can in ((18, False), (19, True)):
        assert told.can("reached", signed, months) is can
        assert told.can("stands", signed, months) is can
        assert told.can("broken war", signed, months) is can
    assert not told.can("reached", in_force, 60)
    assert told.can("stands", STATES.index("breakdown"), 1)
    # A day that must come leaves nothing in the stage before it.
    sure = changed(CONDITIONS, "vote", fails="0.0", stage='"signed"')
    told, _ = possible_of(sure)
    before = LIFE_CYCLE.index("initialled")
    assert [told.can("stands", before, months) for months in (8, 9)] == [True, False]
    assert told.can("broken war", before, 60)


def test_what_can_be_and_no_path_did_has_a_bound_and_not_a_zero() -> None:
    """By hand: with chance p none of n paths does it with chance (1 - p)^n, 5% at the bound."""
    fit = narrow_fit(conditioned(RARE), draws=40, chains=2, seed=3)
    future = simulate(fit, months=60, seed=fit.settings.seed)
    found = prospects.prospects(fit, future, [12, 36, 60])
    chances = next(e for e in found["conditions"] if e["name"] == "relents")["chances"]
    rare: dict[str, Any] = chances["met"]["60"]
    assert (rare["mean"], rare["none_of"]) == (0.0, 80)
    assert (1.0 - rare["high"]) ** 80 == pytest.approx(0.05)
    assert rare["mcse"] == pytest.approx(1.0 / 80)
    for impossible in (chances["met"]["12"], chances["failed"]["60"]):
        assert (impossible["mean"], impossible["high"], impossible["mcse"]) == (0.0, 0.0, 0.0)
        assert "none_of" not in impossible
    part("by_months").validate(chances["met"])
