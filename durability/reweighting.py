r"""Reweighting: what draws of one posterior say of another. NumPy alone.

Draws :math:`\theta_s` of a density :math:`q` stand for a density :math:`p` by the ratios
:math:`r_s = p(\theta_s)/q(\theta_s)`. Their largest values are replaced by quantiles of a
generalized Pareto distribution fitted to them, whose shape :math:`\hat k` says whether the ratios
can be trusted: below :func:`khat_most` they can (Vehtari, Simpson, Gelman, Yao & Gabry 2024,
*Pareto Smoothed Importance Sampling*, Journal of Machine Learning Research 25(72)).

ArviZ has the same, and tests hold this module to it; importing ArviZ takes seconds, and a revised
forecast is wanted at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

PRIOR_DRAWS = 10
"""The prior of k̂ is a normal around one half, as good as ten more draws in the tail."""

FEWEST_IN_TAIL = 5
"""A tail of fewer ratios says nothing of its shape: k̂ is then infinite."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    r"""Smoothed weights of draws.

    Parameters
    ----------
    values : ndarray (draw,)
        They add up to one.
    khat : float
        Shape of the fitted tail: plus infinity where none can be fitted, minus infinity where
        there is no tail.
    effective_size : float
        :math:`1 / \sum w^2`, draws of the other density that these are as good as.
    """

    values: np.ndarray
    khat: float
    effective_size: float


def khat_most(n: int) -> float:
    r"""Largest :math:`\hat k` at which `n` draws can be trusted, :math:`1 - 1/\log_{10} n`.

    At most 0.7, beyond which more draws than anybody has would be needed (doi as above, §3.2.4).
    """
    return float(min(0.7, 1.0 - 1.0 / np.log10(max(n, 2))))


def smooth(log_ratios: np.ndarray) -> Weights:
    r"""Smooth importance ratios.

    Parameters
    ----------
    log_ratios : ndarray (draw,)
        :math:`\log r_s` up to a constant; :math:`-\infty` for a draw of no weight.

    Returns
    -------
    Weights
        Equal ones, with a :math:`\hat k` of minus infinity, where all ratios are equal.

    Raises
    ------
    ValueError
        A ratio is not a number, or infinite, or all are zero.
    """
    if np.isnan(log_ratios).any() or not np.isfinite(log_ratios.max()):
        raise ValueError("importance ratios must be numbers, and one at least above zero")
    n = log_ratios.size
    shifted = log_ratios - log_ratios.max()
    if not shifted.any():
        return Weights(values=np.full(n, 1.0 / n), khat=-np.inf, effective_size=float(n))
    log_weights, khat = _smoothed_tail(shifted)
    values = np.exp(log_weights - log_weights.max())
    values /= values.sum()
    return Weights(values=values, khat=khat, effective_size=float(1.0 / (values**2).sum()))


def _smoothed_tail(log_ratios: np.ndarray) -> tuple[np.ndarray, float]:
    n = log_ratios.size
    in_tail = int(min(n / 5.0, 3.0 * np.sqrt(n)))
    order = np.argsort(log_ratios, kind="stable")
    tail = order[n - in_tail :]
    if in_tail < FEWEST_IN_TAIL:
        return log_ratios, np.inf
    if log_ratios[tail[0]] == log_ratios[tail[-1]]:
        return log_ratios, -np.inf  # as many draws as a tail holds share the largest ratio
    edge = np.exp(log_ratios[order[n - in_tail - 1]])
    excess = np.exp(log_ratios[tail]) - edge
    khat, scale = pareto_fit(excess)
    if not np.isfinite(khat):
        return log_ratios, np.inf
    places = (np.arange(in_tail) + 0.5) / in_tail
    smoothed = log_ratios.copy()
    smoothed[tail] = np.log(pareto_quantiles(places, khat, scale) + edge)
    return np.minimum(smoothed, 0.0), khat


def pareto_fit(excess: np.ndarray) -> tuple[float, float]:
    r"""Fit a generalized Pareto distribution by empirical Bayes.

    Zhang & Stephens 2009, doi:10.1198/tech.2009.08017, with the prior of Vehtari et al. (2024).

    Parameters
    ----------
    excess : ndarray
        Sorted, above zero.

    Returns
    -------
    khat, scale : float
        Infinite and not a number where the excesses are nothing like a tail.
    """
    n = excess.size
    candidates = 30 + int(np.sqrt(n))
    quartile = excess[int(n / 4 + 0.5) - 1]
    if quartile <= excess[0]:
        return np.inf, np.nan
    b = 1.0 - np.sqrt(candidates / (np.arange(1, candidates + 1) - 0.5))
    b = b / (3.0 * quartile) + 1.0 / excess[-1]
    k = np.log1p(-b[:, None] * excess).mean(axis=1)
    profile = n * (np.log(-b / k) - k - 1.0)
    weight = np.exp(profile - profile.max())
    weight /= weight.sum()
    kept = weight >= 10.0 * np.finfo(float).eps
    mean = (b[kept] * weight[kept]).sum() / weight[kept].sum()
    khat = np.log1p(-mean * excess).mean()
    scale = -khat / mean
    khat = (n * khat + PRIOR_DRAWS * 0.5) / (n + PRIOR_DRAWS)
    return (float(khat), float(scale)) if np.isfinite(khat) else (np.inf, np.nan)


def pareto_quantiles(probabilities: np.ndarray, khat: float, scale: float) -> np.ndarray:
    """Quantiles of a generalized Pareto distribution that begins at zero."""
    logs = -np.log1p(-probabilities)
    return np.asarray(scale * (logs if khat == 0.0 else np.expm1(khat * logs) / khat))


def weighted_mean(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean of values (draw, …) under weights (draw,)."""
    return np.asarray(np.tensordot(weights, values, axes=(0, 0)))


def weighted_quantiles(
    values: np.ndarray, weights: np.ndarray, probabilities: tuple[float, ...]
) -> np.ndarray:
    """Quantiles of values under weights; with equal weights those of NumPy.

    Linear between draws, each standing at the middle of its weight, stretched so that the smallest
    draw is quantile 0 and the largest quantile 1.

    Parameters
    ----------
    values : ndarray (draw,)
    weights : ndarray (draw,)
        They add up to one.
    probabilities : tuple of float

    Returns
    -------
    ndarray (probability,)
    """
    order = np.argsort(values, kind="stable")
    held = weights[order]
    middle = np.cumsum(held) - 0.5 * held
    first, last = middle[0], middle[-1]
    if not last > first:
        return np.full(len(probabilities), values[order[-1]])
    return np.asarray(np.interp(probabilities, (middle - first) / (last - first), values[order]))


def mcse(values: np.ndarray, weights: np.ndarray, *, chains: int) -> float:
    r"""Monte Carlo standard error of a weighted mean over draws correlated within chains.

    Of the estimate's linear part :math:`n w_s (f_s - \bar f)`, as for a plain mean; with equal
    weights it is the error of the mean.

    Parameters
    ----------
    values, weights : ndarray (draw,)
        Chains one after another.
    chains : int
    """
    influence = weights * values.size * (values - (weights * values).sum())
    shaped = influence.reshape((chains, -1))
    if np.ptp(shaped) == 0.0:
        return 0.0
    return float(shaped.std(ddof=1) / np.sqrt(effective_draws(shaped)))


def effective_draws(values: np.ndarray) -> float:
    """Effective number of draws for the mean, over split chains.

    Geyer's initial monotone sequence, as in Vehtari, Gelman, Simpson, Carpenter & Bürkner 2021
    (doi:10.1214/20-BA1221), without rank normalisation.

    Parameters
    ----------
    values : ndarray (chain, draw)
    """
    half = values.shape[1] // 2
    split = np.concatenate([values[:, :half], values[:, -half:]])
    length = split.shape[1]
    covariance = _autocovariance(split).mean(axis=0)
    within = covariance[0] * length / (length - 1.0)
    between = split.mean(axis=1).var(ddof=1)
    total = within * (length - 1.0) / length + between
    correlation = 1.0 - (within - covariance) / total
    correlation[0] = 1.0
    pairs = correlation[: 2 * (length // 2)].reshape((-1, 2)).sum(axis=1)
    negative = np.flatnonzero(pairs < 0.0)
    positive = pairs[: negative[0]] if negative.size else pairs[:-1]
    monotone = np.minimum.accumulate(positive)
    time = max(2.0 * monotone.sum() - 1.0, 1.0 / np.log10(split.size))
    return float(split.size / time)


def _autocovariance(values: np.ndarray) -> np.ndarray:
    """Autocovariance of each row at every lag."""
    length = values.shape[1]
    size = 2 ** int(np.ceil(np.log2(2 * length)))
    spectrum = np.fft.rfft(values - values.mean(axis=1, keepdims=True), n=size)
    power = np.fft.irfft(np.abs(spectrum) ** 2, n=size)
    return np.asarray(power[:, :length] / length)
