"""Forecasts under rival prior sets held against each other by what they say of history.

The densities may come from wherever outcomes were left out: one at a time by weights, or a family
of wars at a time by refits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from durability.reweighting import weighted_mean, weighted_quantiles
from durability.rival_forecasts import SetForecast
from durability.skill import MeanScore
from durability.stacking import Stacked, Unit, compare_densities, stack_densities
from durability.summaries import INTERVAL, TAILS
from durability.vocabulary import RUNGS


def compare_forecasts(
    log_densities: np.ndarray,
    forecasts: Sequence[SetForecast],
    clusters: Sequence[str],
    horizons: Sequence[int],
    *,
    over: Sequence[Sequence[str]] | None = None,
    unit: Unit = "agreement",
) -> dict[str, Any]:
    """Compare prior sets by their densities of left-out outcomes, and mix what they forecast.

    Parameters
    ----------
    log_densities : ndarray (set, agreement)
        The first set is the one that the others are held against.
    forecasts : sequence of SetForecast
        Of the same sets, each computed.
    clusters : sequence of str
        Of the agreements.
    horizons : sequence of int
        In months after the cutoff.
    over : sequence of sequence of str, optional
        Of each set the outcomes whose density is not to be trusted; none if not given.
    unit : {"agreement", "cluster"}
        What stacking mixes; see :func:`durability.stacking.stack_densities`.

    Returns
    -------
    dict
        ``outcomes, clusters, sets, stacked``, as ``rivals.comparison`` of ``forecast.json``.

    Raises
    ------
    ValueError
        Lengths differ, or a density is not finite.
    """
    names = [each.priors.name for each in forecasts]
    doubtful = [[] for _ in names] if over is None else [list(each) for each in over]
    compared = compare_densities(log_densities, names, clusters, interval_probability=INTERVAL)
    stacked = stack_densities(
        log_densities, names, clusters, unit=unit, interval_probability=INTERVAL
    )
    best = stacked.resampled.argmax(axis=1)
    return {
        "outcomes": compared.rows,
        "clusters": compared.clusters,
        "sets": [
            {
                "name": name,
                "elpd": compared.elpd[k],
                **_difference(compared.gains[k], compared.rows),
                "over_0_7": doubtful[k],
                "weight": float(stacked.weights[k]),
                "weight_low": float(stacked.low[k]),
                "weight_high": float(stacked.high[k]),
                "largest": float((best == k).mean()),
            }
            for k, name in enumerate(names)
        ],
        "stacked": _stacked_forecast(stacked, forecasts, horizons),
    }


def _difference(gain: MeanScore, rows: int) -> dict[str, Any]:
    """Give a mean gain a row as a difference between sums."""
    finite = np.isfinite(gain.standard_error)
    return {
        "difference": gain.mean * rows,
        "difference_se": gain.standard_error * rows if finite else None,
        "difference_low": gain.low * rows if finite else None,
        "difference_high": gain.high * rows if finite else None,
        "detectable": gain.detectable * rows if np.isfinite(gain.detectable) else None,
    }


def _stacked_forecast(
    stacked: Stacked, forecasts: Sequence[SetForecast], horizons: Sequence[int]
) -> dict[str, Any]:
    return {
        rung: {
            str(h): mixture(
                [each.rungs[rung][:, h - 1] for each in forecasts],
                [each.weights for each in forecasts],
                stacked,
            )
            for h in horizons
        }
        for rung in RUNGS
    }


def mixture(
    values: Sequence[np.ndarray], weights: Sequence[np.ndarray], stacked: Stacked
) -> dict[str, float]:
    """Mix the draws of several sets by their stacking weights.

    Parameters
    ----------
    values, weights : sequence of ndarray (draw,)
        A probability along the draws of every set, and the draws' weights.
    stacked : Stacked

    Returns
    -------
    dict
        ``mean, low, high, interval_probability`` of the mixture of draws, and ``mean_low,
        mean_high``: between what the mean lies as the stacking weights are resampled.
    """
    means = np.array([average(v, w) for v, w in zip(values, weights, strict=True)])
    shares = np.concatenate([s * w for s, w in zip(stacked.weights, weights, strict=True)])
    low, high = weighted_quantiles(np.concatenate(values), shares, TAILS)
    mean_low, mean_high = np.minimum(np.quantile(stacked.resampled @ means, TAILS), 1.0)
    return {
        "mean": min(float(stacked.weights @ means), 1.0),
        "low": float(low),
        "high": float(high),
        "interval_probability": INTERVAL,
        "mean_low": float(mean_low),
        "mean_high": float(mean_high),
    }


def average(values: np.ndarray, weights: np.ndarray) -> float:
    """Average probabilities: weights add up to one only as far as rounding lets them."""
    return min(float(weighted_mean(values, weights)), 1.0)
