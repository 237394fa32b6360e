"""Smoothed weights, weighted summaries and their errors, against ArviZ, SciPy and closed forms."""

from __future__ import annotations

import arviz as az
import numpy as np
import pytest
from arviz_stats.base import array_stats
from scipy import stats

from durability.reweighting import (
    effective_draws,
    khat_most,
    mcse,
    pareto_fit,
    pareto_quantiles,
    smooth,
    weighted_mean,
    weighted_quantiles,
)

LAWS = {
    "light": lambda rng, n: rng.normal(0.0, 0.4, n),
    "bounded": lambda rng, n: -rng.exponential(0.5, n),
    "heavy": lambda rng, n: 0.9 * rng.exponential(1.0, n),
    "hopeless": lambda rng, n: rng.normal(0.0, 4.0, n),
}


def arviz_smoothed(log_ratios: np.ndarray) -> tuple[np.ndarray, float]:
    # ArviZ takes the negative of log ratios, as leave-one-out needs them.
    log_weights, khat = array_stats.psislw(-log_ratios)
    return np.exp(np.asarray(log_weights)), float(khat)


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("n", [100, 400, 4000])
def test_smoothed_weights_are_those_of_arviz(law: str, n: int) -> None:
    log_ratios = LAWS[law](np.random.default_rng([7, n]), n)
    expected, khat = arviz_smoothed(log_ratios)
    found = smooth(log_ratios)
    assert found.khat == pytest.approx(khat, rel=1e-9)
    np.testing.assert_allclose(found.values, expected, rtol=1e-9, atol=1e-300)
    assert found.effective_size == pytest.approx(1.0 / (expected**2).sum(), rel=1e-9)


def test_a_constant_does_not_change_weights() -> None:
    log_ratios = np.random.default_rng(3).normal(0.0, 1.0, 1000)
    one, other = smooth(log_ratios), smooth(log_ratios + 900.0)
    np.testing.assert_allclose(one.values, other.values, rtol=1e-9)


def test_equal_ratios_give_equal_weights_and_no_tail() -> None:
    found = smooth(np.full(1000, -3.0))
    assert found.khat == -np.inf
    assert found.effective_size == 1000.0
    assert np.ptp(found.values) == 0.0


def test_a_ratio_that_many_draws_share_has_no_tail() -> None:
    log_ratios = np.where(np.arange(1000) % 2 == 0, 0.0, -5.0)
    found = smooth(log_ratios)
    assert found.khat == -np.inf
    assert found.values.sum() == pytest.approx(1.0)


def test_too_few_draws_cannot_be_trusted() -> None:
    assert smooth(np.arange(20.0)).khat == np.inf


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_ratios_that_are_no_numbers_are_refused(broken: float) -> None:
    with pytest.raises(ValueError, match="importance ratios"):
        smooth(np.array([0.0, broken, 1.0]))


def test_draws_of_no_weight_are_borne() -> None:
    log_ratios = np.random.default_rng(5).normal(0.0, 0.3, 1000)
    log_ratios[::3] = -np.inf
    found = smooth(log_ratios)
    assert (found.values[::3] == 0.0).all()
    assert found.values.sum() == pytest.approx(1.0)


@pytest.mark.parametrize("shape", [-0.4, 0.2, 0.6, 0.9])
def test_the_shape_of_a_pareto_tail_is_found(shape: float) -> None:
    drawn = stats.genpareto(shape, scale=2.5).rvs(20_000, random_state=11)
    khat, scale = pareto_fit(np.sort(drawn))
    assert khat == pytest.approx(shape, abs=0.03)
    assert scale == pytest.approx(2.5, rel=0.05)


@pytest.mark.parametrize("shape", [-0.4, 0.0, 0.7])
def test_pareto_quantiles_are_those_of_scipy(shape: float) -> None:
    places = np.array([0.01, 0.3, 0.99])
    expected = stats.genpareto(shape, scale=1.7).ppf(places)
    np.testing.assert_allclose(pareto_quantiles(places, shape, 1.7), expected, rtol=1e-12)


def test_the_limit_of_khat_follows_the_number_of_draws() -> None:
    assert khat_most(100) == pytest.approx(0.5)
    assert khat_most(4000) == 0.7


def test_reweighting_a_normal_gives_the_moments_of_another() -> None:
    """Conjugate: prior N(0, 1), one observation 1.2 with variance 0.5."""
    drawn = np.random.default_rng(1).normal(size=40_000)
    found = smooth(-0.5 * (1.2 - drawn) ** 2 / 0.5)
    mean, variance = 1.2 / 1.5, 0.5 / 1.5
    assert found.khat < 0.7
    assert weighted_mean(drawn, found.values) == pytest.approx(mean, abs=0.02)
    spread = weighted_mean((drawn - mean) ** 2, found.values)
    assert spread == pytest.approx(variance, abs=0.02)
    low, high = weighted_quantiles(drawn, found.values, (0.05, 0.95))
    expected = stats.norm(mean, np.sqrt(variance)).ppf([0.05, 0.95])
    np.testing.assert_allclose([low, high], expected, atol=0.04)


def test_quantiles_under_equal_weights_are_those_of_numpy() -> None:
    values = np.random.default_rng(2).normal(size=501)
    found = weighted_quantiles(values, np.full(501, 1.0 / 501), (0.05, 0.5, 0.95))
    np.testing.assert_allclose(found, np.quantile(values, [0.05, 0.5, 0.95]), rtol=1e-12)


def test_a_weight_of_two_counts_a_draw_twice() -> None:
    values = np.random.default_rng(4).normal(size=2000)
    weights = np.where(np.arange(2000) < 700, 2.0, 1.0)
    found = weighted_quantiles(values, weights / weights.sum(), (0.1, 0.8))
    doubled = np.concatenate([values, values[:700]])
    np.testing.assert_allclose(found, np.quantile(doubled, [0.1, 0.8]), atol=0.005)


@pytest.mark.parametrize("coefficient", [-0.3, 0.0, 0.8])
def test_effective_draws_are_those_of_arviz(coefficient: float) -> None:
    chains = autoregressive(coefficient, seed=9)
    expected = float(az.ess(chains, method="mean"))
    assert effective_draws(chains) == pytest.approx(expected, rel=0.03)


def test_the_error_of_a_plain_mean_is_that_of_arviz() -> None:
    chains = autoregressive(0.6, seed=2)
    equal = np.full(chains.size, 1.0 / chains.size)
    found = mcse(chains.ravel(), equal, chains=4)
    assert found == pytest.approx(float(az.mcse(chains, method="mean")), rel=0.03)


def test_the_error_of_a_weighted_mean_is_its_spread_over_repetitions() -> None:
    """Correlated draws, uneven weights: the error told is the error made."""
    means, errors = [], []
    for seed in range(300):
        chains = autoregressive(0.7, seed=seed, draws=500)
        values = chains.ravel()
        found = smooth(0.8 * values)
        means.append(weighted_mean(values, found.values))
        errors.append(mcse(values, found.values, chains=4))
    assert np.mean(errors) == pytest.approx(np.std(means, ddof=1), rel=0.15)


def test_a_constant_has_no_error() -> None:
    assert mcse(np.full(400, 0.2), np.full(400, 1.0 / 400), chains=4) == 0.0


def autoregressive(coefficient: float, *, seed: int, draws: int = 1000) -> np.ndarray:
    rng = np.random.default_rng(seed)
    scale = np.sqrt(1.0 - coefficient**2)
    values = np.empty((4, draws))
    values[:, 0] = rng.normal(size=4)
    for t in range(1, draws):
        values[:, t] = coefficient * values[:, t - 1] + scale * rng.normal(size=4)
    return values
