"""Prior sets held against each other by densities from anywhere, and what they say mixed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from fitted import narrow_fit
from test_rival_fits import shipped

from durability.rival_comparison import average, compare_forecasts, mixture
from durability.rival_forecasts import SetForecast, forecast_of
from durability.stacking import stack_densities


def test_the_mixture_is_that_of_the_draws() -> None:
    rng = np.random.default_rng(6)
    values = [rng.beta(2, 20, 4000), rng.beta(8, 8, 2000)]
    weights = [np.full(4000, 1 / 4000), rng.dirichlet(np.full(2000, 50.0))]
    stacked = stack_densities(
        np.log([[0.9] * 5 + [0.2] * 3, [0.2] * 5 + [0.9] * 3]), ["a", "b"], list("abcdefgh")
    )
    found = mixture(values, weights, stacked)
    first = stacked.weights[0]
    assert 0.6 < first < 0.8
    means = values[0].mean(), weights[1] @ values[1]
    assert found["mean"] == pytest.approx(first * means[0] + (1 - first) * means[1])
    take = rng.random(200_000) < first
    drawn = np.where(
        take, rng.choice(values[0], 200_000), rng.choice(values[1], 200_000, p=weights[1])
    )
    wanted = np.quantile(drawn, [0.05, 0.95])
    np.testing.assert_allclose([found["low"], found["high"]], wanted, atol=0.01)
    assert found["mean_low"] <= found["mean"] <= found["mean_high"]


@pytest.fixture(scope="module")
def forecasts() -> list[SetForecast]:
    """Two sets, the second of which gives every probability half of the first's."""
    own = forecast_of(narrow_fit(draws=30), months=24)
    halved = {rung: values / 2.0 for rung, values in own.rungs.items()}
    return [own, replace(own, priors=shipped("sceptical"), rungs=halved)]


def test_densities_of_wars_that_were_left_out_whole_serve_as_well(
    forecasts: list[SetForecast],
) -> None:
    rng = np.random.default_rng(8)
    clusters = [f"w{i // 3}" for i in range(30)]
    told = -rng.exponential(1.0, (2, 30))
    found = compare_forecasts(told, forecasts, clusters, [12, 24], unit="cluster")
    sums = told.reshape((2, 10, 3)).sum(axis=2)
    wanted = stack_densities(sums, ["a", "b"], [f"w{i}" for i in range(10)]).weights
    assert [each["weight"] for each in found["sets"]] == pytest.approx(list(wanted))
    assert (found["outcomes"], found["clusters"]) == (30, 10)
    assert [each["over_0_7"] for each in found["sets"]] == [[], []]
    own = average(forecasts[0].rungs["breakdown"][:, 23], forecasts[0].weights)
    mixed = found["stacked"]["breakdown"]["24"]["mean"]
    assert mixed == pytest.approx(own * (wanted[0] + wanted[1] / 2.0))


def test_one_cluster_leaves_no_interval(forecasts: list[SetForecast]) -> None:
    told = -np.random.default_rng(9).exponential(1.0, (2, 5))
    found: dict[str, Any] = compare_forecasts(told, forecasts, ["w"] * 5, [12])
    other = found["sets"][1]
    assert other["difference"] == pytest.approx(told[1].sum() - told[0].sum())
    assert (other["difference_se"], other["detectable"]) == (None, None)


def test_densities_of_other_sets_are_refused(forecasts: list[SetForecast]) -> None:
    with pytest.raises(ValueError, match="2 names"):
        compare_forecasts(np.zeros((3, 5)), forecasts, ["w"] * 5, [12])
