"""What one prior set says of a case: weights between sets, and when they are not to be had."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from fitted import drawn_fit, narrow_fit
from test_rival_fits import changed, shipped

from durability.inference import Fit
from durability.reweighting import mcse, weighted_mean
from durability.rival_forecasts import (
    MISSING,
    WEIGHED,
    SetForecast,
    forecast_of,
    judged,
    shipped_sets,
    weighed,
)
from durability.simulation import incidences, simulate


@pytest.fixture(scope="module")
def wide() -> Fit:
    """A fit whose draws are those of the default priors: what no data would have left."""
    return drawn_fit(draws=1000, chains=2, seed=4)


@pytest.fixture(scope="module")
def narrow() -> Fit:
    return narrow_fit(draws=40)


def test_weighed_draws_of_one_prior_set_have_the_mean_of_the_other(wide: Fit) -> None:
    rival = shipped("agreements_work")
    found = weighed(wide, rival, months=12)
    assert found.method == WEIGHED
    for place, driver in enumerate(("trust", "constitution", "corridor", "interference")):
        effect = wide.draws_of("effect_mean")[:, place]
        wanted = rival.parameters[f"effect_{driver}"].values["mean"]
        error = mcse(effect, found.weights, chains=2)
        assert weighted_mean(effect, found.weights) == pytest.approx(wanted, abs=4.0 * error)
    assert abs(wide.draws_of("effect_mean")[:, 0].mean() - 0.4) > 4.0 * error


def test_a_set_that_differs_in_nothing_is_the_forecast_itself(narrow: Fit) -> None:
    found = weighed(narrow, narrow.model.priors, months=24)
    own = forecast_of(narrow, months=24)
    assert found.pareto_k == -np.inf
    assert found.effective_size == len(narrow)
    for rung, values in own.rungs.items():
        np.testing.assert_array_equal(found.rungs[rung], values)


def test_what_a_set_says_of_conditions_is_simulated_not_weighed(narrow: Fit) -> None:
    own = narrow.model.priors
    calm = changed(own, "stage_signed", values=MappingProxyType({"mean": -2.0, "sd": 0.1}))
    found = weighed(narrow, calm, months=24)
    np.testing.assert_allclose(found.weights, 1.0 / len(narrow))
    future = simulate(
        replace(narrow, model=replace(narrow.model, priors=calm)),
        months=24,
        seed=narrow.settings.seed,
    )
    wanted = incidences(future.increments, future.happened)["breakdown"]
    np.testing.assert_array_equal(found.rungs["breakdown"], wanted)
    assert not np.array_equal(wanted, forecast_of(narrow, months=24).rungs["breakdown"])


@pytest.mark.parametrize(
    ("name", "how", "said"),
    [
        ("hindsight", {"values": MappingProxyType({"value": 0.5})}, "it fixes hindsight otherwise"),
        (
            "effect_trust",
            {"values": MappingProxyType({"mean": 5.0, "sd": 0.01})},
            "Pareto k above 0.7",
        ),
    ],
)
def test_a_set_that_weights_cannot_reach_is_not_computed(
    wide: Fit, name: str, how: Any, said: str
) -> None:
    found = weighed(wide, changed(wide.model.priors, name, **how), months=12)
    assert (found.method, dict(found.rungs)) == (MISSING, {})
    assert said in found.note
    assert "durability rivals" in found.note


def test_the_shipped_rivals_leave_out_the_set_itself() -> None:
    names = ["default", "agreements_work", "bargaining_power", "sceptical"]
    for name in names:
        found = [each.name for each in shipped_sets(shipped(name))]
        assert found == [each for each in names if each != name]


def test_a_fit_that_failed_its_checks_says_so(narrow: Fit) -> None:
    assert "limit" in judged(narrow, months=12).note
    assert forecast_of(narrow, months=12).note == ""


def test_a_fitted_set_speaks_through_all_its_draws_alike(narrow: Fit) -> None:
    found: SetForecast = forecast_of(narrow, months=12)
    assert found.weights.sum() == pytest.approx(1.0)
    assert found.effective_size == len(narrow)
