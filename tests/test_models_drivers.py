"""Drivers against the laws they claim, linear algebra, a plain recursion and a Kalman smoother."""

from __future__ import annotations

import numpy as np
import pytest
from durability.models import drivers
from scipy import stats

R = np.array(
    [
        [1.0, 0.55, -0.30, 0.10],
        [0.55, 1.0, 0.20, -0.45],
        [-0.30, 0.20, 1.0, 0.25],
        [0.10, -0.45, 0.25, 1.0],
    ]
)
L = np.linalg.cholesky(R)
RHO2, HALF_LIFE = 0.7, 5.0
PHI = 2.0 ** (-1.0 / HALF_LIFE)


def correlations(eta: float, n: int, seed: int) -> np.ndarray:
    """Correlation matrices drawn as the model draws them."""
    shapes = drivers.lkj_shapes(eta)
    beta = np.random.default_rng(seed).beta(shapes, shapes, (n, shapes.size))
    cholesky = drivers.correlation_cholesky(np, 2.0 * beta - 1.0)
    return np.asarray(cholesky @ np.swapaxes(cholesky, -1, -2))


def by_rejection(eta: float, n: int, seed: int) -> np.ndarray:
    """Correlation matrices of density det(R)^(η-1) from the definition: draw, keep or drop."""
    rng = np.random.default_rng(seed)
    row, column = np.tril_indices(4, k=-1)
    kept: list[np.ndarray] = []
    while sum(map(len, kept)) < n:
        batch = np.tile(np.eye(4), (20_000, 1, 1))
        batch[:, row, column] = batch[:, column, row] = rng.uniform(-1, 1, (20_000, 6))
        batch = batch[np.linalg.eigvalsh(batch)[:, 0] > 0]
        # A correlation matrix has determinant at most one: its power is a chance.
        kept.append(batch[rng.uniform(size=len(batch)) < np.linalg.det(batch) ** (eta - 1.0)])
    return np.concatenate(kept)[:n]


def path_map(months: int, rho2: float = RHO2, phi: float = PHI) -> np.ndarray:
    """Matrix from whitened (standing, months) to paths: the library pushed over a basis."""
    basis = np.eye(4 + 4 * months)
    mu = drivers.standing(np.full(len(basis), rho2), L, basis[:, :4], np)
    raw = basis[:, 4:].reshape(-1, months, 4)
    each = np.full(len(basis), rho2), np.full(len(basis), phi)
    y = drivers.deviations(*each, L, raw, np, months=months)
    return np.asarray((mu[:, None, :] + y).reshape(len(basis), -1).T)


# ---- correlation ------------------------------------------------------------------------------


@pytest.mark.parametrize("eta", [1.0, 2.0, 3.5])
def test_every_correlation_of_lkj_has_the_scaled_beta_law(eta: float) -> None:
    drawn = correlations(eta, 6000, seed=11)
    shape = eta - 1.0 + 4 / 2
    for i, j in zip(*np.tril_indices(4, k=-1), strict=True):
        test = stats.kstest((drawn[:, i, j] + 1.0) / 2.0, stats.beta(shape, shape).cdf)
        assert test.pvalue > 1e-3, (i, j)


def test_lkj_correlations_hang_together_as_the_density_says() -> None:
    ours, plain = correlations(2.0, 5000, seed=3), by_rejection(2.0, 5000, seed=4)
    for statistic in (
        np.linalg.det,
        lambda m: m[:, 1, 0] * m[:, 2, 1] * m[:, 2, 0],
        lambda m: m[:, 3, 0] * m[:, 3, 1],
        lambda m: np.linalg.eigvalsh(m)[:, -1],
    ):
        assert stats.ks_2samp(statistic(ours), statistic(plain)).pvalue > 1e-3


def test_the_factor_of_a_correlation_is_lower_triangular_with_rows_of_length_one() -> None:
    partial = np.random.default_rng(5).uniform(-0.99, 0.99, (50, 6))
    factor = drivers.correlation_cholesky(np, partial)
    assert np.all(np.triu(factor, k=1) == 0.0)
    assert np.all(np.diagonal(factor, axis1=-2, axis2=-1) > 0.0)
    np.testing.assert_allclose((factor**2).sum(-1), 1.0, rtol=1e-14)


def test_partial_correlations_are_those_of_the_textbook() -> None:
    # The first column holds correlations, the second partial ones given the first variable, the
    # third given the first two: from the inverse of the leading block.
    partial = np.array([0.6, -0.2, 0.5, 0.1, -0.7, 0.3])
    factor = drivers.correlation_cholesky(np, partial)
    matrix = factor @ factor.T
    found = []
    for i in range(1, 4):
        for j in range(i):
            block = [*range(j), j, i]
            precision = np.linalg.inv(matrix[np.ix_(block, block)])
            found.append(-precision[-1, -2] / np.sqrt(precision[-1, -1] * precision[-2, -2]))
    np.testing.assert_allclose(found, partial, atol=1e-13)


def test_rows_get_the_correlation_of_the_factor() -> None:
    raw = np.random.default_rng(6).standard_normal((3, 7, 4))
    np.testing.assert_allclose(drivers.correlated(L, raw), raw @ L.T, rtol=1e-13)


# ---- paths ------------------------------------------------------------------------------------


def test_half_of_a_deviation_is_left_after_its_half_life() -> None:
    assert drivers.autoregression(9.0) ** 9 == pytest.approx(0.5)


def test_the_standing_has_its_share_of_the_covariance() -> None:
    basis = np.eye(4)
    loading = drivers.standing(np.full(4, RHO2), L, basis, np)
    np.testing.assert_allclose(loading.T @ loading, RHO2 * R, atol=1e-14)


def test_deviations_have_the_covariance_of_a_stationary_autoregression() -> None:
    months = 9
    basis = np.eye(4 * months).reshape(-1, months, 4)
    each = np.full(len(basis), RHO2), np.full(len(basis), PHI)
    paths = drivers.deviations(*each, L, basis, np, months=months).reshape(len(basis), -1)
    lags = np.abs(np.subtract.outer(np.arange(months), np.arange(months)))
    expected = (1.0 - RHO2) * np.kron(PHI**lags, R)
    np.testing.assert_allclose(paths.T @ paths, expected, atol=1e-13)


def test_a_driver_has_the_same_law_in_every_month() -> None:
    paths = path_map(24)
    covariance = paths @ paths.T
    for month in (0, 1, 7, 23):
        block = slice(4 * month, 4 * month + 4)
        np.testing.assert_allclose(covariance[block, block], R, atol=1e-12)


def test_deviations_follow_the_recursion_for_fifty_years_of_fast_forgetting() -> None:
    months = 600
    raw = np.random.default_rng(7).standard_normal((months, 4))
    for half_life in (1.0, 40.0):
        phi = drivers.autoregression(np.array(half_life))
        paths = drivers.deviations(np.array(0.3), phi, L, raw, np, months=months)
        y = np.sqrt(0.7) * L @ raw[0]
        np.testing.assert_allclose(paths[0], y, rtol=1e-12)
        for t in range(1, months):
            y = phi * y + np.sqrt(1 - phi**2) * np.sqrt(0.7) * L @ raw[t]
            np.testing.assert_allclose(paths[t], y, rtol=1e-9, atol=1e-11)


def test_draws_do_not_touch_each_other() -> None:
    rng = np.random.default_rng(8)
    raw, rho2, phi = rng.standard_normal((2, 3, 12, 4)), rng.uniform(size=(2, 3)), PHI
    phi = rng.uniform(0.5, 0.99, (2, 3))
    factor = np.linalg.cholesky(correlations(2.0, 6, seed=9)).reshape(2, 3, 4, 4)
    together = drivers.deviations(rho2, phi, factor, raw, np, months=12)
    alone = drivers.deviations(rho2[1, 2], phi[1, 2], factor[1, 2], raw[1, 2], np, months=12)
    np.testing.assert_array_equal(together[1, 2], alone)


# ---- what a start value tells of later months ---------------------------------------------------


@pytest.mark.parametrize("month", [0, 1, 6, 30])
def test_memory_is_the_conditional_law_given_the_start(month: int) -> None:
    paths = path_map(31)
    covariance = paths @ paths.T
    later = slice(4 * month, 4 * month + 4)
    start_to_later = covariance[later, :4]
    gain = start_to_later @ np.linalg.inv(covariance[:4, :4])
    left = covariance[later, later] - gain @ start_to_later.T
    g = drivers.memory(RHO2, PHI, month / 12.0, np)
    np.testing.assert_allclose(gain, g * np.eye(4), atol=1e-12)
    np.testing.assert_allclose(left, (1.0 - g**2) * R, atol=1e-12)


def test_memory_falls_from_one_to_the_share_that_persists() -> None:
    ages = np.array([0.0, 0.1, 1.0, 10.0, 1000.0])
    g = drivers.memory(RHO2, PHI, ages, np)
    assert g[0] == 1.0
    assert np.all(np.diff(g) < 0.0)
    assert g[-1] == pytest.approx(RHO2, rel=1e-15)
    np.testing.assert_array_equal(drivers.memory(1.0, PHI, ages, np), 1.0)


# ---- a Kalman smoother --------------------------------------------------------------------------


def smoothed(
    months: int, seen: list[tuple[int, np.ndarray, float, float]]
) -> tuple[np.ndarray, np.ndarray]:
    """Rauch-Tung-Striebel on the state (standing, deviation): mean and covariance of their sum."""
    zero, eye = np.zeros((4, 4)), np.eye(4)
    move = np.block([[eye, zero], [zero, PHI * eye]])
    noise = np.block([[zero, zero], [zero, (1 - PHI**2) * (1 - RHO2) * R]])
    mean, cov = np.zeros(8), np.block([[RHO2 * R, zero], [zero, (1 - RHO2) * R]])
    ahead, filtered = [], []
    for month in range(months):
        if month:
            mean, cov = move @ mean, move @ cov @ move.T + noise
        ahead.append((mean, cov))
        for when, loading, value, sd in seen:
            if when == month:
                h = np.concatenate([loading, loading])
                gain = cov @ h / (h @ cov @ h + sd**2)
                mean, cov = mean + gain * (value - h @ mean), cov - np.outer(gain, h @ cov)
        filtered.append((mean, cov))
    both = np.hstack([eye, eye])
    means, covs = [both @ mean], [both @ cov @ both.T]
    for month in range(months - 2, -1, -1):
        at, around = filtered[month]
        back = around @ move.T @ np.linalg.inv(ahead[month + 1][1])
        mean = at + back @ (mean - ahead[month + 1][0])
        cov = around + back @ (cov - ahead[month + 1][1]) @ back.T
        means.append(both @ mean)
        covs.append(both @ cov @ both.T)
    return np.array(means[::-1]), np.array(covs[::-1])


def test_paths_given_gaussian_readings_are_those_of_a_kalman_smoother() -> None:
    months = 18
    unit = np.eye(4)
    seen = [
        (0, unit[0], 1.3, 0.4),
        (3, unit[1], -0.7, 0.9),
        (3, unit[1], 0.2, 0.5),
        (8, np.array([0.2, 0.0, 1.0, -0.5]), 2.1, 0.3),
        (17, unit[3], -1.6, 0.7),
    ]
    paths = path_map(months)
    reading = np.array([h @ paths[4 * m : 4 * m + 4] for m, h, _, _ in seen])
    value, sd = (np.array([row[i] for row in seen]) for i in (2, 3))
    # Whitened unknowns are independent standard normals: exact conditioning.
    gain = reading.T @ np.linalg.inv(reading @ reading.T + np.diag(sd**2))
    mean = (paths @ gain @ value).reshape(months, 4)
    left = paths @ (np.eye(paths.shape[1]) - gain @ reading) @ paths.T
    means, covs = smoothed(months, seen)
    np.testing.assert_allclose(mean, means, atol=1e-10)
    for month in range(months):
        block = slice(4 * month, 4 * month + 4)
        np.testing.assert_allclose(left[block, block], covs[month], atol=1e-10)
