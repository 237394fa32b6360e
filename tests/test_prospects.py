"""What is forecast of conditions and stages: what draws believe, errors, dates, the record."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date
from typing import Any

import jsonschema
import numpy as np
import pytest
from fitted import Fit, drawn_fit, made_fit, narrow_fit
from scipy import stats
from waiting import TOY, waiting
from worlds import flagship

from durability import checks, prospects
from durability.assembly import assemble
from durability.cases import Case
from durability.forecasts import Forecast, forecast, to_xarray
from durability.life_cycle import STATES, occupancy
from durability.report import SCHEMA_PATH, record_text
from durability.simulation import incidences, simulate
from durability.vocabulary import RUNGS

HORIZONS = [12, 60]
VOTE = """
[life_cycle]
stage = "signed"
why = "Made up."

[[condition]]
name = "vote"
meaning = "A vote"
driver = "trust"
elicited = 2026-06-30
met_by = { 2027-06-30 = 0.2, 2031-06-30 = 0.4 }
fails = { "0.1" = 0.2, "0.9" = 0.6 }
depends_on = []
why = "Made up."
"""


def with_priors(fit: Fit, **changes: dict[str, Any]) -> Fit:
    """Change numbers of forward parameters."""
    priors = fit.model.priors
    changed = {
        name: replace(priors.parameters[name], values={**priors.parameters[name].values, **values})
        for name, values in changes.items()
    }
    new = replace(priors, parameters={**priors.parameters, **changed})
    return made_fit(replace(fit.model, priors=new), fit.theta(), fit.settings)


@pytest.fixture(scope="module")
def made() -> Forecast:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checks, "PRIOR_DRAWS", 100)
        return forecast(narrow_fit(waiting(), draws=150, seed=3))


@pytest.fixture(scope="module")
def record(made: Forecast) -> dict[str, Any]:
    """The record as it is written, having been checked against the schema."""
    found: dict[str, Any] = json.loads(record_text(made.record))
    jsonschema.Draft202012Validator(json.loads(SCHEMA_PATH.read_text())).validate(found)
    return found


# What draws believe -----------------------------------------------------------------------------


def test_the_interval_is_that_of_the_chances_and_not_of_their_outcomes() -> None:
    """Nothing but the chance of failing in doubt: (1 - f) F, f from its beta distribution."""
    fit = drawn_fit(waiting(VOTE), draws=500, chains=2, seed=2)
    believed = prospects.beliefs(fit, HORIZONS, seed=2, draws=1000)
    (vote,) = fit.model.data.case.conditions
    assert vote.fails_shapes is not None
    for place, chance in enumerate((0.2, 0.4)):
        whole = chance / (1.0 - vote.fails)
        wanted = whole * (1.0 - stats.beta(*vote.fails_shapes).ppf([0.95, 0.5, 0.05]))
        width = (wanted[2] - wanted[0]) * 0.08
        assert believed.low["met"][place, 0] == pytest.approx(wanted[0] - chance, abs=width)
        assert believed.high["met"][place, 0] == pytest.approx(wanted[2] - chance, abs=width)


def test_draws_that_believe_the_same_leave_no_interval() -> None:
    certain = VOTE.replace('{ "0.1" = 0.2, "0.9" = 0.6 }', "0.4")
    fit = drawn_fit(waiting(certain), draws=200, seed=2)
    believed = prospects.beliefs(fit, HORIZONS, seed=2)
    assert not believed.low["met"].any()
    assert not believed.high["failed"].any()


def test_pressure_that_draws_disagree_on_widens_what_they_believe() -> None:
    dependent = VOTE.replace('{ "0.1" = 0.2, "0.9" = 0.6 }', "0.4").replace(
        "depends_on = []", 'depends_on = ["trust"]'
    )
    fit = drawn_fit(waiting(dependent), draws=300, seed=2)
    (weak, strong) = (
        prospects.beliefs(with_priors(fit, condition_dependence={"sd": sd}), HORIZONS, seed=2)
        for sd in (0.05, 0.8)
    )
    width = [each.high["met"][1, 0] - each.low["met"][1, 0] for each in (weak, strong)]
    assert 0.0 < 3.0 * width[0] < width[1]


def test_noise_of_few_continuations_is_taken_out() -> None:
    """Eight continuations say what sixty-four do, but for the noise of the quantiles."""
    fit = drawn_fit(waiting(VOTE), draws=500, seed=4)
    few, many = (
        prospects.beliefs(fit, HORIZONS, seed=4, draws=1000, continuations=n) for n in (8, 64)
    )
    for name in ("met", "failed"):
        wide = many.high[name] - many.low[name]
        assert np.allclose(few.high[name] - few.low[name], wide, rtol=0.25)


@pytest.mark.parametrize(("mean", "error"), [(3.0, 1.0), (0.0, 0.5), (-2.0, 1.0), (-7.0, 0.5)])
def test_a_variance_is_the_mean_of_what_is_above_zero(mean: float, error: float) -> None:
    found = prospects._not_below_zero(np.array([mean]), np.array([error]))
    wanted = stats.truncnorm(-mean / error, np.inf, loc=mean, scale=error).mean()
    assert found == pytest.approx(wanted, rel=1e-6)


def test_luck_that_hides_disagreement_leaves_the_interval_open() -> None:
    """Draws of one chance or of chances this near: 32 coins each cannot tell them apart."""
    rng = np.random.default_rng(5)
    widths = []
    for _ in range(40):
        coins = (rng.random((32, 400, 1)) < 0.05).astype(float)
        sums = prospects._Sums()
        sums.add(coins, np.zeros_like(coins))
        low, high = sums.ends(32)
        widths.append((high - low).item())
    luck = 2.0 * stats.norm.ppf(0.95) * np.sqrt(0.05 * 0.95 / 32)
    assert min(widths) > 0.0
    assert max(widths) < 0.6 * luck
    assert np.mean(widths) < 0.35 * luck


# The record -------------------------------------------------------------------------------------


def test_means_are_those_of_the_paths_and_errors_those_of_the_chains(
    record: dict[str, Any],
) -> None:
    fit = narrow_fit(waiting(), draws=150, seed=3)
    future = simulate(fit, months=60, seed=fit.settings.seed)
    states = occupancy(future)
    cycle = record["life_cycle"]
    for place, state in enumerate(STATES):
        assert np.allclose(cycle["occupancy"][state], states[..., place].mean(axis=0))
    for told in record["conditions"]:
        place = future.ahead.plan.place(told["name"])
        course = future.ahead.course
        for months, chance in told["chances"]["met"].items():
            came = (course.time[:, place] <= int(months)) & course.met[:, place]
            assert chance["mean"] == pytest.approx(came.mean())
            plain = np.sqrt(came.mean() * (1.0 - came.mean()) / came.size)
            if "none_of" in chance:
                assert not came.any()
                plain = 1.0 / came.size
            assert chance["mcse"] == pytest.approx(plain, rel=0.5, abs=1e-6)
            assert 0.0 <= chance["low"] <= chance["high"] <= 1.0


def test_the_record_adds_up(record: dict[str, Any]) -> None:
    cycle = record["life_cycle"]
    for months in record["breakdown"]["war"]:
        stands = sum(by[months]["mean"] for by in cycle["stands"].values())
        assert stands == pytest.approx(1.0, abs=1e-12)
        for rung in RUNGS:
            split = sum(by[rung][months]["mean"] for by in cycle["breakdown"].values())
            assert split == pytest.approx(record["breakdown"][rung][months]["mean"], abs=1e-12)
        chances = [cycle["reached"][stage][months]["mean"] for stage in ("signed", "ratified")]
        assert chances[0] >= chances[1]


def test_the_record_says_what_each_condition_is(record: dict[str, Any]) -> None:
    told = {each["name"]: each for each in record["conditions"]}
    assert list(told) == [each.name for each in waiting().conditions]
    called = told["called"]
    assert called["words"] == {"met": "called", "failed": "dropped"}
    assert (called["status"], called["actor"]) == ("pending", "Armenia")
    assert called["effect"]["driver"] == "constitution"
    assert called["effect"]["low"] == pytest.approx(0.1, rel=0.01)
    assert called["effect"]["high"] == pytest.approx(1.0, rel=0.01)
    assert called["effect"]["own"] is False
    assert called["depends_on"] == ["constitution"]
    assert told["referendum"]["waits_for"] == ["called"]
    assert told["signature"]["waits_for"] == ["referendum", "relents"]
    assert told["signature"]["stage"] == "signed"
    assert record["life_cycle"]["stage"] == "initialled"
    assert list(record["life_cycle"]["reached"]) == ["ratified", "signed"]


def test_dates_lie_within_the_horizon_and_in_order(record: dict[str, Any]) -> None:
    dated = [each["dates"] for each in record["conditions"] if each["dates"]]
    assert dated
    for each in dated:
        assert "2026-07-01" <= each["low"] <= each["expected"] <= each["high"] <= "2031-06-30"
    corridor = next(each for each in record["conditions"] if each["name"] == "corridor")
    assert corridor["dates"]["median"] is not None
    relents = next(each for each in record["conditions"] if each["name"] == "relents")
    assert relents["dates"] is None or relents["dates"]["median"] is None


def test_a_date_is_the_mean_of_what_comes_in_time() -> None:
    """A constant hazard, truncated at the horizon: its mean and quantiles are known."""
    steady = VOTE.replace("2027-06-30 = 0.2, 2031-06-30 = 0.4", "2027-06-30 = 0.5").replace(
        '{ "0.1" = 0.2, "0.9" = 0.6 }', "0.0"
    )
    fit = drawn_fit(waiting(steady), draws=2000, seed=2)
    future = simulate(fit, months=24, seed=1)
    dates = prospects.prospects(fit, future, [24])["conditions"][0]["dates"]
    law = stats.truncexpon(b=2.0 * np.log(2.0), scale=12.0 / np.log(2.0))

    def month(day: str) -> float:
        return (date.fromisoformat(day) - date(2026, 6, 30)).days / 30.4375

    assert month(dates["expected"]) == pytest.approx(law.mean(), abs=0.5)
    assert month(dates["low"]) == pytest.approx(law.ppf(0.05), abs=0.3)
    assert month(dates["high"]) == pytest.approx(law.ppf(0.95), abs=0.6)
    assert month(dates["median"]) == pytest.approx(12.0, abs=0.6)


def test_a_known_outcome_is_told_and_has_no_chances() -> None:
    met = TOY.read_text().replace(
        'why = "70 of 105 are needed and 64 were won."',
        'why = "Won."\noutcome = { result = "dropped", date = 2026-06-10, known = 2026-06-12, '
        'why = "It said so." }',
    )
    fit = narrow_fit(waiting(met), draws=40, seed=3)
    told = prospects.prospects(fit, simulate(fit, months=12, seed=3), [12])["conditions"]
    called = next(each for each in told if each["name"] == "called")
    assert called["status"] == "failed"
    assert called["chances"] is None
    assert called["outcome"]["result"] == "failed"
    assert called["outcome"]["known"] == "2026-06-12"
    referendum = next(each for each in told if each["name"] == "referendum")
    assert (referendum["status"], referendum["waits_for"]) == ("blocked", ["called"])
    signature = next(each for each in told if each["name"] == "signature")
    assert signature["status"] == "pending"
    assert signature["waits_for"] == ["relents"]


def test_a_case_without_conditions_has_no_life_cycle() -> None:
    fit = narrow_fit(replace(waiting(), conditions=()), draws=20)
    assert prospects.prospects(fit, simulate(fit, months=6, seed=1), [6]) == {
        "conditions": [],
        "life_cycle": None,
    }


def test_occupancy_is_in_the_dataset(made: Forecast, record: dict[str, Any]) -> None:
    found = to_xarray(made)["occupancy"]
    assert found.dims == ("stage", "month")
    assert list(found["stage"].values) == list(STATES)
    assert np.allclose(found.sum("stage"), 1.0)
    broken = [1.0 - each for each in record["survival"]["breakdown"]["mean"]]
    assert np.allclose(found.sel(stage="breakdown"), broken)


def test_what_nobody_can_learn_is_listed_as_assumed(record: dict[str, Any]) -> None:
    told = {each["name"]: each["value"] for each in record["assumptions"]}
    forward = ("condition_effect", "condition_dependence", "stage_signed", "stage_in_force")
    assert set(forward) <= set(told)
    assert re.match(r"0\.32 \(90% within 0\.1 to 1\)", told["condition_effect"])
    assert not {each["name"] for each in record["parameters"]} & set(forward)


def test_the_headline_of_the_record_has_the_conditions_in_it(record: dict[str, Any]) -> None:
    fit = narrow_fit(waiting(), draws=150, seed=3)
    future = simulate(fit, months=60, seed=fit.settings.seed)
    rungs = incidences(future.increments, future.happened)
    told = record["breakdown"]["breakdown"]["60"]["mean"]
    assert told == pytest.approx(rungs["breakdown"][:, 59].mean(), rel=1e-12)


def test_conditions_do_not_touch_the_likelihood() -> None:
    """The same fit serves whatever a case waits for."""
    bare: Case = replace(flagship(), conditions=(), stage="signed")
    with_them = replace(bare, conditions=waiting().conditions, stage="initialled")
    one, other = (assemble(case).arrays for case in (bare, with_them))
    assert all(np.array_equal(one[name], other[name]) for name in one)
