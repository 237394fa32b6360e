r"""Ratings: what a coder writes down of a driver, on seven levels from −3 to +3.

A rating is an ordered logistic reading of a signal :math:`\theta`,

.. math:: P(r \le k) = \operatorname{logit}^{-1}(c_k - \kappa\theta),

with the coder's discrimination :math:`\kappa` and cutpoints of common spacing whose location
depends on driver and source class (history or news).

* *History and anchors*: :math:`\theta = z + \delta + h\,1[\text{broke within 10 years}]`, where
  :math:`\delta \sim N(0,\tau_\delta^2)` is shared by the coders of one agreement and driver.
* *News*: :math:`\theta = x_t - \rho_\Delta x_{t-1} + \xi`, where
  :math:`\xi \sim N(0, \sigma_{\text{grade}}^2)` is shared by all ratings of one event; with chance
  :math:`\epsilon_{\text{grade}}` the event is noise, :math:`\theta \sim N(0, 1+\sigma^2)` whatever
  the driver does.

The shared errors are one-dimensional and are integrated out by Gauss–Hermite quadrature, so that
an event's log-likelihood is already marginal and no latent error a copy is sampled.
"""

from __future__ import annotations

from typing import Any

import numpy as np

LEVELS = 7
BEYOND = 1e3
"""Stands for the infinite outer cutpoints; its logistic tail is zero in double precision."""


def hermite_rule(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and log weights that integrate against a standard normal.

    Returns
    -------
    nodes, log_weights : ndarray, shape (n,)
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(n)
    return nodes, np.log(weights / weights.sum())


def offsets(gaps: Any, xp: Any) -> Any:
    """Cutpoints around a location of zero, with an outer one far away on either side.

    Parameters
    ----------
    gaps : array (..., 5)
        Positive distances between neighbouring cutpoints.

    Returns
    -------
    array (..., 8)
        ``[-BEYOND, c_1 … c_6, BEYOND]``, the inner six with mean zero.
    """
    zero = gaps[..., :1] * 0.0
    inner = xp.concatenate([zero, xp.cumsum(gaps, axis=-1)], axis=-1)
    inner = inner - inner.mean(-1, keepdims=True)
    return xp.concatenate([zero - BEYOND, inner, zero + BEYOND], axis=-1)


def log_probability(predictor: Any, lower: Any, upper: Any, xp: Any) -> Any:
    r"""Log probability of the level between two cutpoints.

    :math:`\sigma(u)-\sigma(l) = \sigma(u)\,\sigma(-l)\,(1-e^{-(u-l)})`: no difference of nearly
    equal numbers, at any distance.

    Parameters
    ----------
    predictor : array
        :math:`\kappa\theta`.
    lower, upper : array
        Cutpoints either side of the rating, lower < upper.
    """
    gap = upper - lower
    return (
        -softplus(predictor - upper, xp)
        - softplus(lower - predictor, xp)
        + xp.log(-xp.expm1(-gap))
    )


def softplus(value: Any, xp: Any) -> Any:
    """``log(1 + exp(value))`` without overflow, in either namespace."""
    return xp.maximum(value, 0.0) + xp.log1p(xp.exp(-xp.abs(value)))


def log_sum_exp(values: Any, xp: Any) -> Any:
    """Logarithm of the sum of exponentials along the last axis."""
    top = values.max(-1, keepdims=True)
    return xp.log(xp.exp(values - top).sum(-1)) + top[..., 0]


def shared_error_likelihood(
    signal: Any,
    error_sd: Any,
    discrimination: Any,
    lower: Any,
    upper: Any,
    mask: Any,
    *,
    rule: tuple[np.ndarray, np.ndarray],
    xp: Any,
) -> Any:
    """Log-likelihood of several ratings of one thing whose readers share an error.

    Parameters
    ----------
    signal, error_sd : array (..., thing)
    discrimination, lower, upper : array (..., thing, rating)
        The coder's discrimination and the cutpoints either side of what they wrote.
    mask : array (thing, rating)
        1 where there is a rating, 0 where the place is empty.
    rule : tuple of ndarray
        Nodes and log weights of :func:`hermite_rule`.

    Returns
    -------
    array (..., thing)
    """
    nodes, log_weights = rule
    theta = signal[..., None] + error_sd[..., None] * nodes
    each = log_probability(
        discrimination[..., None] * theta[..., None, :],
        lower[..., None],
        upper[..., None],
        xp,
    )
    return log_sum_exp((each * mask[..., None]).sum(-2) + log_weights, xp)


def event_likelihood(
    signal: Any,
    error_sd: Any,
    noise: Any,
    discrimination: Any,
    lower: Any,
    upper: Any,
    mask: Any,
    *,
    rule: tuple[np.ndarray, np.ndarray],
    xp: Any,
) -> Any:
    r"""Log-likelihood of the ratings of each event, allowing that the event is noise.

    :math:`\log[(1-\epsilon)\,p(r\mid x) + \epsilon\,q(r)]`, where under :math:`q` the signal is a
    draw of its own from :math:`N(0, 1+\sigma^2)`.

    Parameters
    ----------
    noise : array (..., event)
        Chance of the event's grade to be noise.

    Returns
    -------
    array (..., event)
    """
    ratings = (discrimination, lower, upper, mask)
    told = shared_error_likelihood(signal, error_sd, *ratings, rule=rule, xp=xp)
    noise_sd = xp.sqrt(1.0 + error_sd**2)
    unrelated = shared_error_likelihood(signal * 0.0, noise_sd, *ratings, rule=rule, xp=xp)
    return xp.logaddexp(xp.log1p(-noise) + told, xp.log(noise) + unrelated)
