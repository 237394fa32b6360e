"""Power scaling: a conjugate normal in closed form, ArviZ's distance, and the parts of a fit."""

from __future__ import annotations

from typing import Any

import arviz as az
import numpy as np
import pytest
import xarray as xr
from arviz_stats.base import array_stats
from fitted import narrow_fit, with_a_heavier_condition
from scipy import stats
from worlds import bare

from durability import cache
from durability.power_scaling import (
    ALL_DATA,
    ALL_PRIORS,
    POWER,
    PRIOR_GROUPS,
    cumulative_distance,
    data_components,
    kept_power_scaling,
    power_scale,
    power_scaling_rows,
    prior_components,
)
from durability.units import holding

PRIOR_SD, ERROR_SD, SEEN = 1.5, 0.8, 2.1


def conjugate(power_of_prior: float = 1.0, power_of_data: float = 1.0) -> Any:
    """Posterior of a normal mean with a normal prior about zero, both raised to powers."""
    prior, told = power_of_prior / PRIOR_SD**2, power_of_data / ERROR_SD**2
    return stats.norm(told * SEEN / (prior + told), (prior + told) ** -0.5)


def components_of(theta: np.ndarray) -> dict[str, np.ndarray]:
    return {
        "prior": stats.norm(0.0, PRIOR_SD).logpdf(theta),
        "data": stats.norm(SEEN, ERROR_SD).logpdf(theta),
    }


@pytest.fixture(scope="module")
def even() -> np.ndarray:
    """Draws of the posterior without chance: its quantiles."""
    return np.asarray(conjugate().ppf((np.arange(20_000) + 0.5) / 20_000))


# ---- closed form --------------------------------------------------------------------------------


@pytest.mark.parametrize("component", ["prior", "data"])
def test_the_slope_of_a_conjugate_mean_is_its_derivative(even: np.ndarray, component: str) -> None:
    found = power_scale(even, components_of(even)[component], chains=4)
    prior, told = PRIOR_SD**-2, ERROR_SD**-2
    slope = np.log(2.0) * SEEN * prior * told / (prior + told) ** 2
    assert found.slope == pytest.approx(slope if component == "data" else -slope, rel=0.01)


@pytest.mark.parametrize("component", ["prior", "data"])
def test_the_leaning_of_a_conjugate_mean_is_that_of_its_law(
    even: np.ndarray, component: str
) -> None:
    found = power_scale(even, components_of(even)[component], chains=4)
    low, high = even.min(), even.max()
    wanted = sum(
        _distance(conjugate(), conjugate(**{f"power_of_{component}": power}), low, high)
        for power in (POWER, 1.0 / POWER)
    ) / (2.0 * np.log2(POWER))
    assert found.leaning == pytest.approx(wanted, rel=0.03)
    assert found.leaning > 0.05


def _distance(first: Any, second: Any, low: float, high: float) -> float:
    """Cumulative Jensen-Shannon distance of two laws, by the trapezoid rule."""
    x = np.linspace(low, high, 40_001)[1:-1]
    sides = []
    for one, other in ((first.cdf(x), second.cdf(x)), (first.sf(x), second.sf(x))):
        middle = (one + other) / 2.0
        total = one * np.log2(one / middle) + other * np.log2(other / middle)
        sides.append(total.sum() / (one + other).sum())
    return float(np.sqrt(max(sides)))


@pytest.mark.parametrize("component", ["prior", "data"])
def test_the_leaning_is_what_arviz_calls_sensitivity(component: str) -> None:
    # ArviZ smooths both tails of the weights and takes 0.99 where we take 1/1.01.
    drawn = conjugate().rvs((4, 2000), random_state=np.random.default_rng(12))
    told = xr.Dataset({"mean": (("chain", "draw"), components_of(drawn)[component])})
    group = {"prior": "prior", "data": "likelihood"}[component]
    tree = xr.DataTree.from_dict(
        {"posterior": xr.Dataset({"mean": (("chain", "draw"), drawn)}), f"log_{group}": told}
    )
    theirs = float(az.psense(tree, group=group)["mean"])
    ours = power_scale(drawn.ravel(), told["mean"].values.ravel(), chains=4)
    assert ours.leaning == pytest.approx(theirs, rel=0.01)


def test_a_flat_component_moves_nothing(even: np.ndarray) -> None:
    found = power_scale(even, np.full(even.size, -3.0), chains=4)
    assert (found.slope, found.slope_mcse) == (0.0, 0.0)
    assert found.leaning == pytest.approx(0.0, abs=1e-5)
    assert found.pareto_k == -np.inf


def test_a_quantity_that_is_certain_has_no_leaning(even: np.ndarray) -> None:
    found = power_scale(np.ones(even.size), components_of(even)["prior"], chains=4)
    assert (found.leaning, found.slope_mcse) == (0.0, 0.0)
    assert found.slope == pytest.approx(0.0, abs=1e-10)


def test_the_error_of_the_slope_is_its_spread_over_repetitions() -> None:
    rng = np.random.default_rng(4)
    found = [
        power_scale(theta, components_of(theta)["data"], chains=4)
        for theta in conjugate().rvs((300, 1000), random_state=rng)
    ]
    spread = np.std([each.slope for each in found])
    assert np.mean([each.slope_mcse for each in found]) == pytest.approx(spread, rel=0.15)


def test_pareto_k_is_that_of_the_ratios() -> None:
    # exp(0.6 E) with E exponential has a Pareto tail of shape 0.6.
    drawn = np.random.default_rng(5).exponential(size=200_000)
    found = power_scale(drawn, 0.6 * drawn / (POWER - 1.0), chains=4)
    assert found.pareto_k == pytest.approx(0.6, abs=0.08)


# ---- the distance -------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_the_distance_is_that_of_arviz(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.gamma(1.5, size=400) - 1.0
    weights = rng.dirichlet(np.full(400, 0.4))
    theirs = max(array_stats._cjs_dist(sign * values, weights) for sign in (1, -1))
    assert cumulative_distance(values, weights) == pytest.approx(theirs, rel=1e-6)


def test_the_distance_lies_between_nothing_and_one() -> None:
    values = np.linspace(0.0, 1.0, 1001)
    assert cumulative_distance(values, np.full(1001, 1.0 / 1001)) == pytest.approx(0.0, abs=1e-7)
    far = np.zeros(1001)
    far[-1] = 1.0
    assert 0.5 < cumulative_distance(values, far) <= 1.0


def test_the_distance_ignores_place_and_unit() -> None:
    rng = np.random.default_rng(1)
    values, weights = rng.standard_normal(200), rng.dirichlet(np.ones(200))
    plain = cumulative_distance(values, weights)
    assert cumulative_distance(-7.0 * values + 3.0, weights) == pytest.approx(plain, rel=1e-9)


# ---- a fit --------------------------------------------------------------------------------------


def test_the_parts_of_the_priors_and_the_data_add_up() -> None:
    fit = narrow_fit(draws=12)
    theta = fit.theta()
    for found, whole in (
        (prior_components(fit, theta), ALL_PRIORS),
        (data_components(fit, theta), ALL_DATA),
    ):
        parts = [values for name, values in found.items() if name != whole]
        np.testing.assert_allclose(sum(parts), found[whole], rtol=1e-12)


def test_every_parameter_of_a_prior_set_is_in_one_part() -> None:
    module = narrow_fit(draws=4).model.module
    every = [name for names in PRIOR_GROUPS.values() for name in names]
    assert sorted(every) == sorted(["partial_correlation", *module.GROUPS])


def test_the_data_are_all_there_and_apart() -> None:
    fit = narrow_fit(draws=6)
    found = data_components(fit, fit.theta())
    assert list(found) == [
        "history’s outcomes",
        "history’s ratings",
        "ratings of the agreement",
        "news",
        "counts",
        "that the case has held",
        ALL_DATA,
    ]
    latent = fit.model.module.latents(fit.theta(), fit.model.arrays, np)
    outcomes = fit.model.module.outcomes(fit.theta(), latent, fit.model.arrays, np).sum(-1)
    np.testing.assert_allclose(found["history’s outcomes"], outcomes)


def test_a_case_without_news_has_no_part_for_it() -> None:
    fit = narrow_fit(bare(), draws=6)
    told = data_components(fit, fit.theta())
    assert {"news", "counts", "ratings of the agreement"}.isdisjoint(told)


def test_rows_hold_every_part_at_every_horizon() -> None:
    fit = narrow_fit(draws=40)
    rng = np.random.default_rng(2)
    rows = power_scaling_rows(fit, {"12": rng.random(len(fit)), "24": rng.random(len(fit))})
    assert [row["kind"] for row in rows] == ["prior"] * 9 + ["data"] * 7
    for row in rows:
        assert set(row["breakdown"]) == {"12", "24"}
        assert row["pareto_k"] is None or np.isfinite(row["pareto_k"])


def test_that_the_case_has_held_is_a_likelihood_of_its_own() -> None:
    fit = narrow_fit(draws=6)
    theta, module, arrays = fit.theta(), fit.model.module, fit.model.arrays
    from durability.units import Seen

    latent = module.latents(theta, arrays, np)
    seen = Seen(
        model="breakdown", arrays=arrays, coords=fit.model.data.coords, theta=theta, latent=latent
    )
    wanted = sum(holding(seen).values())
    np.testing.assert_allclose(data_components(fit, theta)["that the case has held"], wanted)


def test_rows_are_kept_by_fit_and_horizons(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: dict[str, Any] = {}
    monkeypatch.setattr(cache, "read_json", kept.get)
    monkeypatch.setattr(cache, "write_json", kept.__setitem__)
    fit = narrow_fit(draws=20)
    values = np.random.default_rng(1).random(len(fit))
    first = kept_power_scaling(fit, {"12": values})
    assert kept_power_scaling(fit, {"12": 1.0 - values}) == first
    assert kept_power_scaling(fit, {"24": 1.0 - values}) != first
    other = with_a_heavier_condition(fit)
    assert kept_power_scaling(other, {"12": 1.0 - values}) != first
    assert len(kept) == 3
