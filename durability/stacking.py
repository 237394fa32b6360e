r"""Rival forecasters compared by what they said of outcomes they had not seen, and stacked.

A forecaster :math:`k` gave outcome :math:`i` the density :math:`p_{ik}`. **Stacking** [1]_ mixes
the forecasters with the weights that would have predicted best,

.. math:: \max_w \sum_i c_i \log \sum_k w_k\,p_{ik}, \qquad w_k \ge 0,\ \sum_k w_k = 1,

with :math:`c_i` the row's count, one as a rule. The problem is concave; it is solved by an
interior-point method, many problems at once. The answer carries its own proof: with
:math:`g_k = \sum_i c_i\,p_{ik} / \sum_l w_l p_{il}` and :math:`\sum_i c_i = 1`, no weights at all
do better by more than :math:`\max_k g_k - 1`.

How sure the weights are is asked of the Bayesian bootstrap [2]_: each cluster's count is drawn from
a flat Dirichlet law, since agreements of one family of wars share causes, and the weights are found
again. Few clusters leave them wide open, and then they say little about who is right.

References
----------
.. [1] Y. Yao, A. Vehtari, D. Simpson and A. Gelman (2018), doi:10.1214/17-BA1091.
.. [2] D. B. Rubin (1981), doi:10.1214/aos/1176345338.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np

from durability.skill import MeanScore, mean_score

RESAMPLES: Final = 2000
"""Of the Bayesian bootstrap."""

GAP_MOST: Final = 1e-8
"""Mean log score by which the best weights may beat those found."""

STEPS_MOST: Final = 200
SHORTEN: Final = 0.995
"""Share of the way to the boundary that a step may go."""

CENTRE: Final = 0.1
"""Each step aims at a tenth of the complementarity of the one before."""

Unit = Literal["agreement", "cluster"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stacked:
    """Weights of forecasters.

    Parameters
    ----------
    names : tuple of str
    weights : ndarray (set,)
        They add up to one.
    resampled : ndarray (resample, set)
        Weights under the Bayesian bootstrap over clusters.
    low, high : ndarray (set,)
        Interval of each weight under it, equal tails.
    interval_probability : float
    gap : float
        No weights have a mean log score higher by more.
    rows, clusters : int
        Units that are mixed, and clusters that are resampled.
    """

    names: tuple[str, ...]
    weights: np.ndarray
    resampled: np.ndarray
    low: np.ndarray
    high: np.ndarray
    interval_probability: float
    gap: float
    rows: int
    clusters: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DensityComparison:
    """What forecasters' log predictive densities say of each other.

    Parameters
    ----------
    names : tuple of str
        The first is the one that the others are held against.
    elpd : tuple of float
        Sum of each one's log predictive densities.
    gains : tuple of MeanScore
        By how much each one's log density exceeds the first's, in the mean over rows, with what
        clusters leave open. Of the first all zero.
    rows, clusters : int
    """

    names: tuple[str, ...]
    elpd: tuple[float, ...]
    gains: tuple[MeanScore, ...]
    rows: int
    clusters: int


def compare_densities(
    log_densities: Any,
    names: Sequence[str],
    clusters: Sequence[str],
    *,
    interval_probability: float = 0.9,
) -> DensityComparison:
    """Hold forecasters against the first by their log predictive densities.

    Parameters
    ----------
    log_densities : array (set, row)
        Of the same outcomes, each left out when it was predicted: one at a time, or with all of its
        cluster.
    names : sequence of str
        Of the sets.
    clusters : sequence of str
        Which rows belong together.
    interval_probability : float

    Returns
    -------
    DensityComparison

    Raises
    ------
    ValueError
        Lengths differ, or a density is not finite.

    Examples
    --------
    >>> told = [[-0.7, -0.2, -1.1], [-0.5, -0.3, -0.8]]
    >>> found = compare_densities(told, ["default", "rival"], ["a", "a", "b"])
    >>> round(found.gains[1].mean, 3), found.clusters
    (0.133, 2)
    """
    values = _checked(log_densities, names, clusters)
    gains = tuple(
        mean_score(each - values[0], clusters, interval_probability=interval_probability)
        for each in values
    )
    return DensityComparison(
        names=tuple(names),
        elpd=tuple(float(each) for each in values.sum(axis=1)),
        gains=gains,
        rows=values.shape[1],
        clusters=len(set(clusters)),
    )


def stack_densities(
    log_densities: Any,
    names: Sequence[str],
    clusters: Sequence[str],
    *,
    unit: Unit = "agreement",
    interval_probability: float = 0.9,
    resamples: int = RESAMPLES,
    seed: int = 1,
) -> Stacked:
    """Find the weights with which a mixture of forecasters would have predicted best.

    Parameters
    ----------
    log_densities : array (set, row)
        As for :func:`compare_densities`.
    names : sequence of str
    clusters : sequence of str
        Which rows belong together: they are resampled together.
    unit : {"agreement", "cluster"}
        Whether each row is mixed by itself, or all of a cluster as one outcome. The second suits
        densities of clusters that were left out whole.
    interval_probability : float
    resamples : int
    seed : int

    Returns
    -------
    Stacked

    Raises
    ------
    ValueError
        Lengths differ, or a density is not finite.

    Examples
    --------
    >>> told = [[-0.1, -0.1, -2.0], [-2.0, -2.0, -0.1]]
    >>> stack_densities(told, ["one", "two"], ["a", "b", "c"]).weights.round(2).tolist()
    [0.73, 0.27]
    """
    values = _checked(log_densities, names, clusters)
    groups, place = np.unique(np.asarray(clusters, dtype=str), return_inverse=True)
    if unit == "cluster":
        values = np.array([np.bincount(place, each) for each in values])
        place = np.arange(len(groups))
    drawn = np.random.default_rng(seed).dirichlet(np.ones(len(groups)), resamples)[:, place]
    counts = np.concatenate([np.ones((1, values.shape[1])), drawn])
    counts /= counts.sum(axis=1, keepdims=True)
    weights, gaps = solve_stacking(values.T, counts)
    tails = ((1.0 - interval_probability) / 2.0, (1.0 + interval_probability) / 2.0)
    low, high = np.quantile(weights[1:], tails, axis=0)
    return Stacked(
        names=tuple(names),
        weights=weights[0],
        resampled=weights[1:],
        low=low,
        high=high,
        interval_probability=interval_probability,
        gap=float(gaps.max()),
        rows=values.shape[1],
        clusters=len(groups),
    )


def held_out_weights(
    log_densities: Any, names: Sequence[str], clusters: Sequence[str], *, unit: Unit = "agreement"
) -> dict[str, np.ndarray]:
    """Find for every cluster the weights that the other clusters alone would choose.

    A mixture with them is scored on a cluster that had no part in choosing it.

    Parameters
    ----------
    log_densities : array (set, row)
    names : sequence of str
    clusters : sequence of str
    unit : {"agreement", "cluster"}
        As :func:`stack_densities` takes them.

    Returns
    -------
    dict of str to ndarray (set,)
        By cluster; each adds up to one.

    Raises
    ------
    ValueError
        Lengths differ, a density is not finite, or there is one cluster alone.

    Examples
    --------
    >>> told = [[-0.1, -0.1, -2.0], [-2.0, -2.0, -0.1]]
    >>> found = held_out_weights(told, ["one", "two"], ["a", "b", "c"])
    >>> {cluster: weights.round(2).tolist() for cluster, weights in found.items()}
    {'a': [0.5, 0.5], 'b': [0.5, 0.5], 'c': [1.0, 0.0]}
    """
    values = _checked(log_densities, names, clusters)
    groups, place = np.unique(np.asarray(clusters, dtype=str), return_inverse=True)
    if len(groups) < 2:
        raise ValueError("two clusters or more are needed: one alone leaves nothing to learn from")
    if unit == "cluster":
        values = np.array([np.bincount(place, each) for each in values])
        place = np.arange(len(groups))
    counts = 1.0 - np.eye(len(groups))[:, place]
    weights, _ = solve_stacking(values.T, counts / counts.sum(axis=1, keepdims=True))
    return {str(group): each for group, each in zip(groups, weights, strict=True)}


def solve_stacking(log_densities: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    r"""Solve many stacking problems over the same densities, each with counts of its own.

    The problem with :math:`\sum_i c_i = 1` is that of :math:`\sum_i c_i \log (Pw)_i - \sum_k w_k`
    over :math:`w \ge 0` alone: at its maximum the weights add up to one by themselves. With slacks
    :math:`s = 1 - g(w) \ge 0` the optimum has :math:`w_k s_k = 0`; Newton's method goes there along
    :math:`w_k s_k = \mu` with :math:`\mu \to 0`.

    Parameters
    ----------
    log_densities : ndarray (row, set)
    counts : ndarray (problem, row)
        At least 0; each problem's add up to one.

    Returns
    -------
    weights : ndarray (problem, set)
    gaps : ndarray (problem,)
        No weights of a problem score better by more.

    Raises
    ------
    ValueError
        A problem could not be solved to :data:`GAP_MOST`.
    """
    density = np.exp(log_densities - log_densities.max(axis=1, keepdims=True))
    sets = density.shape[1]
    weights = np.full((len(counts), sets), 1.0 / sets)
    slack = np.full_like(weights, 0.5)
    for _ in range(STEPS_MOST):
        shares, gradient = _gradient(density, counts, weights)
        if _gap(gradient, weights).max() < GAP_MOST:
            break
        weights, slack = _step(density, counts, weights, slack, shares, gradient)
    weights = weights / weights.sum(axis=1, keepdims=True)
    gaps = _gap(_gradient(density, counts, weights)[1], weights)
    if gaps.max() > 10.0 * GAP_MOST:
        raise ValueError(f"stacking weights are {gaps.max():.1e} from the best, not {GAP_MOST:g}")
    return weights, gaps


def _gradient(
    density: np.ndarray, counts: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Give the counts over each row's mixture, (problem, row), and the gradient, (problem, set)."""
    shares = 1.0 / (weights @ density.T)
    return shares, (counts * shares) @ density


def _gap(gradient: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Bound what any weights gain over these, once they are made to add up to one."""
    # Weights that add up to t have the gradient of their normalised selves over t.
    return np.asarray(gradient.max(axis=1) * weights.sum(axis=1) - 1.0)


def _step(
    density: np.ndarray,
    counts: np.ndarray,
    weights: np.ndarray,
    slack: np.ndarray,
    shares: np.ndarray,
    gradient: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Take a primal-dual Newton step, as long as both sides of the path allow."""
    curvature = np.einsum("bi,ik,il->bkl", counts * shares**2, density, density, optimize=True)
    aim = CENTRE * (weights * slack).mean(axis=1, keepdims=True)
    residual = 1.0 - gradient - slack
    system = curvature + (slack / weights)[:, :, None] * np.eye(weights.shape[1])
    right = -residual + aim / weights - slack
    move = np.linalg.solve(system, right[..., None])[..., 0]
    slack_move = aim / weights - slack - slack / weights * move
    both = np.concatenate([weights, slack], axis=1)
    moves = np.concatenate([move, slack_move], axis=1)
    with np.errstate(divide="ignore"):
        reach = np.where(moves < 0.0, -both / moves, np.inf).min(axis=1, keepdims=True)
    length = np.minimum(1.0, SHORTEN * reach)
    return weights + length * move, slack + length * slack_move


def _checked(log_densities: Any, names: Sequence[str], clusters: Sequence[str]) -> np.ndarray:
    values = np.asarray(log_densities, dtype=float)
    if values.shape != (len(names), len(clusters)):
        raise ValueError(
            f"{values.shape} log densities for {len(names)} names and {len(clusters)} clusters"
        )
    if not np.isfinite(values).all():
        raise ValueError("a log density is not finite; leave that outcome out of every set")
    return values
