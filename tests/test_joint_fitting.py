"""Fitting a joint law: it finds laws that it can hold, and says when it cannot."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from durability.catalogue import joint_law
from durability.joint_fitting import _margin, fit_law, fitted_bends, khat_of_law, no_bends
from durability.reweighting import smooth


def correlated(n: int, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    matrix = np.array([[1.0, 0.7, -0.2], [0.7, 1.0, 0.1], [-0.2, 0.1, 1.0]])
    return rng.standard_normal((n, 3)) @ np.linalg.cholesky(matrix).T, matrix


def test_a_normal_posterior_is_found_with_its_moments() -> None:
    z, matrix = correlated(6000, seed=1)
    draws = np.array([1.0, -2.0, 0.5]) + z * np.array([0.2, 3.0, 1.0])
    law = fit_law(draws)
    again = joint_law().pushed(np.random.default_rng(2).standard_normal((40_000, 3)), law, np)
    assert again.mean(0) == pytest.approx(draws.mean(0), abs=0.08)
    assert again.std(0) == pytest.approx(draws.std(0), rel=0.03)
    assert law["joint_correlation"] == pytest.approx(matrix, abs=0.03)
    assert law["joint_tail"] == pytest.approx(1.0, abs=0.08)
    assert law["joint_skewness"] == pytest.approx(0.0, abs=0.06)


def test_heavy_tails_and_skewness_are_found() -> None:
    heavy = stats.t(4).rvs(8000, random_state=np.random.default_rng(3))
    skewed = np.log(stats.gamma(0.7).rvs(8000, random_state=np.random.default_rng(4)))
    law = fit_law(np.column_stack([heavy, skewed]))
    assert law["joint_tail"][0] < 0.85
    assert law["joint_skewness"][1] < -0.2
    again = joint_law().pushed(np.random.default_rng(5).standard_normal((200_000, 2)), law, np)
    for column, oracle in ((again[:, 0], stats.t(4)), (np.exp(again[:, 1]), stats.gamma(0.7))):
        probabilities = [0.02, 0.1, 0.5, 0.9, 0.98]
        found = [np.mean(column < value) for value in oracle.ppf(probabilities)]
        assert found == pytest.approx(probabilities, abs=0.02)


def test_the_likeliest_margin_is_found_whatever_the_unit() -> None:
    rng = np.random.default_rng(6)
    z = rng.standard_normal(20_000)
    x = 1e4 + 1e-3 * np.sinh((np.arcsinh(z) + 0.4) / 0.8)
    a, b, g, d = _margin(x)
    assert (a - 1e4) / 1e-3 == pytest.approx(0.0, abs=0.05)
    assert b == pytest.approx(1e-3, rel=0.05)
    assert (g, d) == pytest.approx((0.4, 0.8), abs=0.05)


def test_draws_of_the_law_itself_are_told_to_be_faithful() -> None:
    z, _ = correlated(3000, seed=7)
    assert khat_of_law(z, fit_law(z), seed=1) < 0.5


def straight(law: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The same law without its bends."""
    return {**law, **no_bends(len(law["joint_location"]))}


@pytest.mark.parametrize(("variance", "khat"), [(2.0, 0.5), (4.0, 0.75), (0.5, -1.0)])
def test_the_k_of_a_known_ratio_is_found(variance: float, khat: float) -> None:
    """Closed form: of two normals with other variances under two standard normals.

    The log ratio is a chi-squared of two degrees times half of 1 - 1/variance, so the ratio is
    Pareto with that k: heavy where the posterior is wider than its law, bounded where narrower.
    """
    rng = np.random.default_rng(14)
    law = fit_law(rng.standard_normal((4000, 4)))
    spread = np.sqrt([variance, 1.0, variance, 1.0])
    posterior = joint_law().pushed(spread * rng.standard_normal((4000, 4)), law, np)
    assert khat_of_law(posterior, law, seed=1) == pytest.approx(khat, abs=0.12)


def funnel(x: np.ndarray) -> np.ndarray:
    return np.column_stack([x[:, 0], x[:, 1] * np.exp(0.5 * x[:, 0] - 0.25), x[:, 2:]])


def log_funnel(x: np.ndarray) -> np.ndarray:
    spread = np.exp(0.5 * x[:, 0] - 0.25)
    density: np.ndarray = stats.norm.logpdf(x[:, [0, 2, 3]]).sum(1)
    return density + stats.norm.logpdf(x[:, 1], scale=spread)


def banana(x: np.ndarray) -> np.ndarray:
    return np.column_stack([x[:, 0], x[:, 1] + 0.4 * (x[:, 0] ** 2 - 1.0), x[:, 2:]])


def log_banana(x: np.ndarray) -> np.ndarray:
    straightened = np.column_stack([x[:, 0], x[:, 1] - 0.4 * (x[:, 0] ** 2 - 1.0), x[:, 2:]])
    density: np.ndarray = stats.norm.logpdf(straightened).sum(1)
    return density


def heavy(x: np.ndarray) -> np.ndarray:
    """Student's t in all unknowns together: their tails come at once."""
    shared = np.random.default_rng(18).chisquare(HEAVY_DF, len(x))
    return x / np.sqrt(shared / HEAVY_DF)[:, None]


def log_heavy(x: np.ndarray) -> np.ndarray:
    density: np.ndarray = stats.multivariate_t(np.zeros(4), np.eye(4), df=HEAVY_DF).logpdf(x)
    return density


HEAVY_DF = 3
SHAPES = {"funnel": (funnel, log_funnel), "banana": (banana, log_banana)}
SHAPES["heavy"] = (heavy, log_heavy)


def khat_exact(law: dict[str, np.ndarray], log_posterior: Any, *, seed: int) -> float:
    """Pareto k of posterior over law, both densities known, under draws of the law.

    A plain law's map from standard normals is triangular: each unknown reads only those before it,
    so its Jacobian is the product of its diagonal's derivatives.
    """
    raw = np.random.default_rng(seed).standard_normal((4000, 4))
    log_law = stats.norm.logpdf(raw).sum(1)
    for i in range(raw.shape[1]):
        near = np.zeros(raw.shape[1])
        near[i] = 1e-5
        up, down = (joint_law().pushed(raw + side * near, law, np)[:, i] for side in (1.0, -1.0))
        log_law -= np.log(np.abs(up - down) / 2e-5)
    return smooth(log_posterior(joint_law().pushed(raw, law, np)) - log_law).khat


@pytest.mark.parametrize("shape", SHAPES)
def test_a_law_that_bends_holds_what_a_copula_does_not(shape: str) -> None:
    """Moments up to the second do not show it. Both densities known, nothing is estimated."""
    made, density = SHAPES[shape]
    law = fit_law(made(np.random.default_rng(8).standard_normal((4000, 4))))
    bent = khat_exact(law, density, seed=1)
    assert bent < 0.6
    assert bent < khat_exact(straight(law), density, seed=1) - 0.2


@pytest.mark.parametrize("shape", SHAPES)
def test_what_a_copula_does_not_hold_is_seen_in_draws(shape: str) -> None:
    made, _ = SHAPES[shape]
    draws = made(np.random.default_rng(8).standard_normal((4000, 4)))
    law = fit_law(draws)
    assert khat_of_law(draws, straight(law), seed=1) > 0.8
    if shape != "banana":  # a cubic term is left, whose k is told too high
        assert khat_of_law(draws, law, seed=1) < 0.6


def test_the_bends_that_made_draws_are_found() -> None:
    """Truth known: two bends of the third unknown, of other kinds, and none of any other."""
    raw = np.random.default_rng(15).standard_normal((6000, 4))
    truth = no_bends(4)
    truth["joint_bow"][2, 0], truth["joint_tilt"][2, 1], truth["joint_flare"][3, 0] = 0.3, 0.4, 0.5
    truth["joint_width"][2] = -0.2
    found = fitted_bends(joint_law().bent(raw, truth, np))
    for name, values in truth.items():
        assert found[name] == pytest.approx(values, abs=0.06), name


def test_what_no_law_here_holds_is_told_not_to_be_faithful() -> None:
    """A rare hump cannot be hidden."""
    rng = np.random.default_rng(16)
    x = rng.standard_normal((4000, 4))
    rare = x + 4.0 * (rng.random(4000) < 0.05)[:, None] * np.array([1.0, -1.0, 1.0, 0.0])
    assert khat_of_law(rare, fit_law(rare), seed=1) > 0.7


def test_two_unknowns_that_are_one_another_still_have_a_law() -> None:
    x = np.random.default_rng(9).standard_normal(2000)
    law = fit_law(np.column_stack([x, 2.0 * x + 1.0]))
    assert law["joint_correlation"][0, 1] > 0.99
    assert np.isfinite(law["joint_cholesky"]).all()


def two_humps(n: int, *, seed: int) -> np.ndarray:
    """Three in ten draws lie around one place, the others around another, in a plane askew."""
    rng = np.random.default_rng(seed)
    which = rng.random(n) < 0.3
    near, far = np.array([2.0, 2.0, 0.0]), np.array([-0.9, -0.9, 0.0])
    return rng.standard_normal((n, 3)) * np.array([0.5, 0.5, 1.0]) + np.where(
        which[:, None], near, far
    )


def test_a_mixture_holds_two_humps_that_a_copula_does_not() -> None:
    draws = two_humps(4000, seed=10)
    plain, mixed = fit_law(draws), fit_law(draws, components=2)
    assert khat_of_law(draws, mixed, seed=1) < min(0.7, khat_of_law(draws, plain, seed=1))
    assert sorted(mixed["joint_weights"]) == pytest.approx([0.3, 0.7], abs=0.04)
    rng = np.random.default_rng(11)
    raw = joint_law().drawn(rng.standard_normal((40_000, 3)), rng.random(40_000), mixed)
    again = joint_law().pushed(raw, mixed, np)
    assert again.mean(0) == pytest.approx(draws.mean(0), abs=0.08)
    assert np.cov(again, rowvar=False) == pytest.approx(np.cov(draws, rowvar=False), abs=0.25)
    between = (np.abs(again[:, 0] - 0.55) < 0.3).mean()
    assert between == pytest.approx((np.abs(draws[:, 0] - 0.55) < 0.3).mean(), abs=0.02)


def test_a_mixture_of_one_is_the_plain_law() -> None:
    z, _ = correlated(1000, seed=12)
    plain, same = fit_law(z), fit_law(z, components=1, seed=9)
    assert {name: values.tolist() for name, values in plain.items()} == {
        name: values.tolist() for name, values in same.items()
    }
    assert plain["joint_centres"].tolist() == [[0.0, 0.0, 0.0]]
