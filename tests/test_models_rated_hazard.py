"""The Weibull hazard with fixed covariates: its mode, its curvature, and truths it must find."""

from __future__ import annotations

import numpy as np
import pytest
from durability.models import baselines, hazard, rated_hazard
from scipy import optimize
from test_models_baselines import simulated, small

DAY = 1.0 / 365.25


def rows(n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw ages, events and covariates of one stream with effects of 0.5 and −0.3."""
    rng = np.random.default_rng(seed)
    covariates = rng.normal(0.0, 1.0, (n, 2))
    scale = np.exp(-1.6 + covariates @ [0.5, -0.3])
    age = (rng.exponential(size=n) / scale) ** (1.0 / 0.7)
    limit = rng.uniform(2.0, 40.0, n)
    event = (age < limit).astype(float)
    stop = np.where(event > 0.0, np.floor(age / DAY) * DAY, limit)
    return hazard.log_years([0.0 * stop, stop, stop + DAY * event]), event, covariates


def objective(at: np.ndarray, log_ages: np.ndarray, event: np.ndarray, x: np.ndarray) -> float:
    """Minus the log posterior, written as the docstring has it."""
    start, stop, end = np.exp(np.exp(at[1]) * log_ages)
    scale = np.exp(at[0] + x @ at[2:])
    told = -scale * (stop - start)
    happened = event > 0.0
    told[happened] += np.log(-np.expm1(-(scale * (end - stop))[happened]))
    means, sds = zip(baselines.INTERCEPT_PRIOR, baselines.LOG_SHAPE_PRIOR, strict=True)
    spreads = np.array([*sds, *[0.35] * x.shape[1]])
    centred = (at - np.array([*means, *[0.0] * x.shape[1]])) / spreads
    return float(0.5 * (centred**2).sum() - told.sum())


def test_the_mode_and_curvature_are_those_of_the_posterior_as_it_is_written() -> None:
    log_ages, event, x = rows(60, 1)
    found, covariance = rated_hazard.mode(log_ages, event, np.ones(60), x)
    start = np.array([-2.0, -0.2, 0.0, 0.0])
    best = optimize.minimize(objective, start, args=(log_ages, event, x), tol=1e-10)
    np.testing.assert_allclose(found, best.x, atol=2e-4)
    step = 1e-3
    eye = np.eye(4) * step

    def at(move: np.ndarray) -> float:
        return objective(found + move, log_ages, event, x)

    hessian = [
        [(at(a + b) - at(a - b) - at(b - a) + at(-a - b)) / (4.0 * step**2) for b in eye]
        for a in eye
    ]
    np.testing.assert_allclose(np.linalg.inv(covariance), hessian, rtol=2e-3, atol=2e-2)


def test_asymmetric_effects_are_found_in_many_rows() -> None:
    log_ages, event, x = rows(6000, 2)
    found, covariance = rated_hazard.mode(log_ages, event, np.ones(6000), x, effect_sd=5.0)
    truth = np.array([-1.6, np.log(0.7), 0.5, -0.3])
    assert (np.abs(found - truth) < 3.5 * np.sqrt(np.diag(covariance))).all()
    assert np.sqrt(np.diag(covariance)).max() < 0.05


def test_a_stream_without_events_keeps_its_prior_effects() -> None:
    log_ages = hazard.log_years(np.array([[0.0] * 8, [20.0] * 8, [20.0] * 8]))
    found, _ = rated_hazard.mode(log_ages, np.zeros(8), np.ones(8), np.zeros((8, 1)))
    assert found[2] == pytest.approx(0.0)
    assert found[0] < -3.0


@pytest.mark.parametrize("scale", [1e-4, 1e4])
def test_times_far_from_any_real_ones_still_have_a_mode(scale: float) -> None:
    log_ages, event, x = rows(40, 3)
    shifted = np.where(log_ages > -60.0, log_ages + np.log(scale), log_ages)
    found, covariance = rated_hazard.mode(shifted, event, np.ones(40), x)
    slope = optimize.approx_fprime(found, objective, 1e-6, shifted, event, x)
    assert np.abs(slope).max() < 1e-2
    assert (np.linalg.eigvalsh(covariance) > 0.0).all()


def test_without_covariates_draws_are_those_of_the_grid() -> None:
    world = simulated(80, 4)
    arrays = world.arrays
    intercept, shape, effect = rated_hazard.draws(
        arrays["history_log_ages"],
        arrays["history_event"],
        arrays["history_weight"],
        np.zeros((80, 0)),
        draws=8000,
        seed=1,
    )
    grid = baselines.weibull_draws(world, draws=8000, seed=2)
    assert effect.shape == (8000, 4, 0)
    for mine, exact in zip((intercept, np.log(shape)), (grid[0], np.log(grid[1])), strict=True):
        # A normal law about the mode: within a fifth of the spread, and of the spread itself.
        assert (np.abs(mine.mean(0) - exact.mean(0)) < 0.2 * exact.std(0)).all()
        np.testing.assert_allclose(mine.std(0), exact.std(0), rtol=0.2)


def test_increments_by_hand() -> None:
    found = rated_hazard.increments(
        np.array([[np.log(0.2), 0.0]]),
        np.array([[0.5, 2.0]]),
        np.array([[[1.0], [0.0]]]),
        np.array([[0.0], [np.log(3.0)]]),
        [0.0, 1.0, 4.0],
    )
    np.testing.assert_allclose(found[0, 0], [[0.2, 1.0], [0.2, 15.0]])
    np.testing.assert_allclose(found[1, 0], [[0.6, 1.0], [0.6, 15.0]])


def test_a_row_of_weight_one_third_three_times_is_one_row() -> None:
    arrays = small(weight=np.ones(11)).arrays
    log_ages, event = arrays["history_log_ages"][:, :, 0], arrays["history_event"][:, 0]
    x = np.random.default_rng(6).normal(size=(11, 2))
    parts = np.repeat(np.arange(11), np.where(np.arange(11) == 4, 3, 1))
    weight = np.where(parts == 4, 1.0 / 3.0, 1.0)
    whole = rated_hazard.mode(log_ages, event, np.ones(11), x)
    split = rated_hazard.mode(log_ages[:, parts], event[parts], weight, x[parts])
    for one, other in zip(whole, split, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)
