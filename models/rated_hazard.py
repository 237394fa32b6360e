r"""A Weibull hazard with fixed covariates, fitted in milliseconds.

Stream :math:`k` of agreement :math:`j`, with covariates :math:`x_j` that are taken as they stand,
has

.. math:: \Lambda_{jk}(t) = \exp(\alpha_k + \gamma_k^\top x_j)\,t^{s_k}.

Unlike the model's drivers, a rating used so has no error, no memory and no shared law: it is what
the coders' ratings alone can do. Without covariates it is
:func:`durability.models.baselines.weibull`, whose likelihood and priors of :math:`\alpha_k` and
:math:`\log s_k` it has;

.. math:: \gamma_{kd} \sim N(0, 0.35^2)

keeps one step of a rating within a factor 2 of the hazard (95 %). The posterior is taken as normal
about its mode (Laplace): found by Newton's method on the gradient in closed form, its curvature by
central differences of that gradient. Streams are independent.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from durability.models.baselines import INTERCEPT_PRIOR, LOG_SHAPE_PRIOR

EFFECT_SD: Final = 0.35
"""Standard deviation of an effect: exp(1.96 × 0.35) is 2."""

STEPS_MOST: Final = 60
CLOSE: Final = 1e-8
"""Newton stops where no unknown moves by more."""

DIFFERENCE: Final = 1e-5
LARGEST: Final = 300.0
"""Powers of ages stop here: no data support such shapes."""


def mode(
    log_ages: Any, event: Any, weight: Any, covariates: Any, *, effect_sd: float = EFFECT_SD
) -> tuple[np.ndarray, np.ndarray]:
    """Find the posterior mode of one stream, and the covariance about it.

    Parameters
    ----------
    log_ages : array (edge, row)
        Logarithms of ages in years: watched from the first to the second, the event between the
        second and the third.
    event, weight : array (row,)
    covariates : array (row, covariate)
        May have no columns.
    effect_sd : float
        Of the prior of each effect.

    Returns
    -------
    mode : ndarray (unknown,)
        :math:`\\alpha`, :math:`\\log s`, then an effect a covariate.
    covariance : ndarray (unknown, unknown)
    """
    rows = np.asarray(covariates, dtype=float)
    means = np.array([INTERCEPT_PRIOR[0], LOG_SHAPE_PRIOR[0], *np.zeros(rows.shape[1])])
    spreads = np.array([INTERCEPT_PRIOR[1], LOG_SHAPE_PRIOR[1], *[effect_sd] * rows.shape[1]])
    at = means
    ages, happened, counts = (np.asarray(each, dtype=float) for each in (log_ages, event, weight))

    def slope(place: np.ndarray) -> np.ndarray:
        told = _gradient(place, ages, happened, counts, rows)
        return np.asarray(told - (place - means) / spreads**2)

    for _ in range(STEPS_MOST):
        step = np.linalg.solve(_curvature(slope, at), slope(at))
        # A long step leaves the region where the curvature holds.
        step *= min(1.0, 1.0 / max(np.abs(step / spreads).max(), 1e-300))
        at = at + step
        if np.abs(step).max() < CLOSE:
            break
    return at, np.linalg.inv(_curvature(slope, at))


def draws(
    log_ages: Any, event: Any, weight: Any, covariates: Any, *, draws: int, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw the parameters of every stream.

    Parameters
    ----------
    log_ages : array (edge, row, stream)
    event : array (row, stream)
    weight : array (row,)
    covariates : array (row, covariate)
    draws, seed : int

    Returns
    -------
    intercept, shape : ndarray (draw, stream)
    effect : ndarray (draw, stream, covariate)
    """
    rng = np.random.default_rng(seed)
    ages, happened = np.asarray(log_ages), np.asarray(event)
    found = []
    for k in range(happened.shape[1]):
        peak, covariance = mode(ages[:, :, k], happened[:, k], weight, covariates)
        normals = rng.standard_normal((draws, peak.size))
        found.append(peak + normals @ np.linalg.cholesky(covariance).T)
    drawn = np.stack(found, axis=1)
    return drawn[..., 0], np.exp(drawn[..., 1]), drawn[..., 2:]


def increments(intercept: Any, shape: Any, effect: Any, covariates: Any, years: Any) -> np.ndarray:
    """Hazard that agreements accumulate between ages.

    Parameters
    ----------
    intercept, shape : array (draw, stream)
    effect : array (draw, stream, covariate)
    covariates : array (row, covariate)
    years : array (age + 1,)

    Returns
    -------
    ndarray (row, draw, age, stream)
    """
    edges = np.asarray(years, dtype=float)[:, None]
    spans = np.diff(edges ** np.asarray(shape)[:, None, :], axis=1)
    scale = np.exp(intercept + np.einsum("rc,dsc->rds", covariates, effect))
    return np.asarray(scale[:, :, None, :] * spans)


def _gradient(
    at: np.ndarray, log_ages: np.ndarray, event: np.ndarray, weight: np.ndarray, rows: np.ndarray
) -> np.ndarray:
    """Gradient of the log-likelihood in α, log s and the effects."""
    shape = np.exp(at[1])
    scale = np.exp(np.minimum(at[0] + rows @ at[2:], LARGEST))
    logs = np.minimum(shape * log_ages, LARGEST)
    powers = np.exp(logs)
    # d t^s / d log s = t^s s log t.
    first, stop, end = powers
    moved_first, moved_stop, moved_end = powers * logs
    inside = scale * (end - stop)
    happened = event > 0.0
    # d log(1 − e^−m) / dm, where m is small the reciprocal of m.
    rate = np.zeros_like(inside)
    rate[happened] = 1.0 / np.expm1(np.minimum(inside[happened], LARGEST))
    by_log_scale = weight * (rate * inside - scale * (stop - first))
    by_log_shape = weight * scale * (rate * (moved_end - moved_stop) - (moved_stop - moved_first))
    return np.array([by_log_scale.sum(), by_log_shape.sum(), *(by_log_scale @ rows)])


def _curvature(slope: Any, at: np.ndarray) -> np.ndarray:
    """Minus the Hessian, symmetric and made positive definite where it is not."""
    steps = DIFFERENCE * np.eye(at.size)
    found = np.array([(slope(at - step) - slope(at + step)) / (2.0 * DIFFERENCE) for step in steps])
    values, vectors = np.linalg.eigh((found + found.T) / 2.0)
    return np.asarray((vectors * np.maximum(np.abs(values), 1e-6)) @ vectors.T)
