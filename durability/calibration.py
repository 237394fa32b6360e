r"""Calibration: whether what was called one in four happened one time in four.

:func:`assess_calibration` is CORP [1]_: the observed frequency is the isotonic regression of
outcomes on probabilities, which needs no bins, and the mean score falls into

.. math:: \overline{S} = \mathrm{MCB} - \mathrm{DSC} + \mathrm{UNC},

miscalibration (what recalibrating would gain), discrimination (what recalibrated probabilities gain
over their mean), uncertainty (the score of that mean). :func:`pit` and :func:`pit_histogram` look
at a whole distribution of the time to breakdown.

References
----------
.. [1] T. Dimitriadis, T. Gneiting and A. I. Jordan, Stable reliability diagrams for probabilistic
   classifiers, PNAS 118 (2021), doi:10.1073/pnas.2016191118.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from durability.scores import brier

NARROW: Final = 1e-9
"""Narrower spans of probability are points."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """A calibration curve with its consistency band, and the parts of the mean Brier score.

    Parameters
    ----------
    probability : ndarray (level,)
        The different probabilities that were forecast, rising.
    weight : ndarray (level,)
        What each counts.
    frequency : ndarray (level,)
        Observed frequency of each after recalibration; does not fall.
    low, high : ndarray (level,)
        Where `frequency` would lie with `interval_probability`, were the forecasts calibrated.
    interval_probability : float
        Pointwise; equal tails.
    score, miscalibration, discrimination, uncertainty : float
        ``score = miscalibration - discrimination + uncertainty``; each at least 0.
    """

    probability: np.ndarray
    weight: np.ndarray
    frequency: np.ndarray
    low: np.ndarray
    high: np.ndarray
    interval_probability: float
    score: float
    miscalibration: float
    discrimination: float
    uncertainty: float


def assess_calibration(
    happened: Any,
    probability: Any,
    *,
    weight: Any = 1.0,
    resamples: int = 1000,
    interval_probability: float = 0.9,
    seed: int = 1,
) -> Calibration:
    r"""Set forecast probabilities beside observed frequencies, without bins.

    Outcomes are regressed on probabilities by pool-adjacent-violators
    (``scipy.optimize.isotonic_regression``), rows of one probability taken together first. The
    band resamples outcomes from the forecasts themselves, row by row, and regresses each resample:
    it shows what calibrated forecasts of these probabilities would look like. Rows that share
    their fate (a cluster) make it too narrow.

    Parameters
    ----------
    happened : array (row,)
        1, 0, or ``nan`` where it is not known: such rows are left out.
    probability : array (row,)
    weight : array (row,)
        What each row counts, at least 0; for censored outcomes the inverse of the chance of being
        known, as :func:`~durability.censored_scores.ipcw_weights` gives it.
    resamples : int
    interval_probability : float
    seed : int

    Returns
    -------
    Calibration

    Raises
    ------
    ValueError
        No outcome is known, or a value is not allowed.

    Examples
    --------
    >>> found = assess_calibration([0, 1, 0, 1], [0.1, 0.3, 0.6, 0.8], resamples=100)
    >>> found.frequency
    array([0. , 0.5, 0.5, 1. ])
    >>> parts = found.miscalibration, found.discrimination, found.uncertainty
    >>> [round(part, 3) for part in (found.score, *parts)]
    [0.225, 0.1, 0.125, 0.25]
    """
    observed, chance, counts = (
        np.ravel(each).astype(float)
        for each in np.broadcast_arrays(
            np.asarray(happened, float), np.asarray(probability, float), np.asarray(weight, float)
        )
    )
    if not (counts >= 0.0).all():
        raise ValueError("every weight must be a number, 0 or more")
    losses = brier(observed, chance)
    known = ~np.isnan(observed) & (counts > 0.0)
    if not known.any():
        raise ValueError("no outcome is known: there is nothing to hold the forecasts against")
    observed, chance, counts, losses = (each[known] for each in (observed, chance, counts, losses))
    levels, place = np.unique(chance, return_inverse=True)
    total = np.bincount(place, counts)
    frequency = _isotonic(observed, place, counts, total)
    band = _band(chance, place, counts, total, resamples, seed)
    tail = (1.0 - interval_probability) / 2.0
    low, high = np.quantile(band, [tail, 1.0 - tail], axis=0)
    score = float(np.average(losses, weights=counts))
    recalibrated = float(np.average(brier(observed, frequency[place]), weights=counts))
    mean = float(np.average(observed, weights=counts))
    uncertainty = mean * (1.0 - mean)
    return Calibration(
        probability=levels,
        weight=total,
        frequency=frequency,
        low=low,
        high=high,
        interval_probability=interval_probability,
        score=score,
        miscalibration=score - recalibrated,
        discrimination=uncertainty - recalibrated,
        uncertainty=uncertainty,
    )


def _isotonic(
    observed: np.ndarray, place: np.ndarray, counts: np.ndarray, total: np.ndarray
) -> np.ndarray:
    """Regress outcomes on the levels of probability, not falling: ndarray (level,)."""
    from scipy.optimize import isotonic_regression

    means = np.bincount(place, counts * observed) / total
    # Weighted means of zeros and ones may miss [0, 1] by a rounding error.
    return np.asarray(np.clip(isotonic_regression(means, weights=total).x, 0.0, 1.0))


def _band(
    chance: np.ndarray,
    place: np.ndarray,
    counts: np.ndarray,
    total: np.ndarray,
    resamples: int,
    seed: int,
) -> np.ndarray:
    """Regress outcomes drawn from the forecasts: ndarray (resample, level)."""
    rng = np.random.default_rng(seed)
    drawn = rng.uniform(size=(resamples, chance.size)) < chance
    return np.array([_isotonic(each.astype(float), place, counts, total) for each in drawn])


def pit(low: Any, high: Any, *, seed: int) -> np.ndarray:
    r"""Randomised probability integral transform of outcomes that are known to an interval.

    An outcome in :math:`(a, b]` gives :math:`u = F(a) + v\,[F(b) - F(a)]`, :math:`v` uniform. One
    that was censored at :math:`a` has :math:`F(b)=1`. Were the forecasts calibrated, and did
    censoring tell nothing of the outcome, :math:`u` would be uniform, censored rows included.

    Parameters
    ----------
    low, high : array (...)
        :math:`F` at both ends of what is known, given none by the entry; `high` is 1 where an
        outcome was censored, and equals `low` where it is known exactly. ``nan`` where nothing is.
    seed : int

    Returns
    -------
    ndarray (...)
        In [0, 1].

    Raises
    ------
    ValueError
        An end is not in [0, 1], or `low` lies above `high`.

    References
    ----------
    A. P. Dawid (1984), doi:10.2307/2981683; C. Czado, T. Gneiting and L. Held (2009),
    doi:10.1111/j.1541-0420.2009.01191.x, for discrete outcomes.

    Examples
    --------
    >>> pit([0.3, 0.9], [0.3, 1.0], seed=1).round(3)
    array([0.3  , 0.995])
    """
    first, last = _ends(low, high)
    share = np.random.default_rng(seed).uniform(size=first.shape)
    return np.asarray(first + share * (last - first))


def pit_histogram(low: Any, high: Any, *, bins: int = 10) -> np.ndarray:
    r"""Histogram of the probability integral transform, without randomising.

    Each outcome spreads its unit of mass evenly over :math:`[F(a), F(b)]` [1]_: the histogram that
    :func:`pit` has on average.

    Parameters
    ----------
    low, high : array (...)
        As for :func:`pit`; rows of ``nan`` are left out.
    bins : int
        Of equal width over [0, 1].

    Returns
    -------
    ndarray (bin,)
        Density: 1 everywhere for calibrated forecasts, high at the left where breakdown came
        sooner than forecast, at the right where later.

    References
    ----------
    .. [1] C. Czado, T. Gneiting and L. Held (2009), doi:10.1111/j.1541-0420.2009.01191.x.

    Examples
    --------
    >>> pit_histogram([0.0, 0.5], [0.5, 1.0], bins=4)
    array([1., 1., 1., 1.])
    """
    first, last = (np.ravel(each) for each in _ends(low, high))
    known = ~(np.isnan(first) | np.isnan(last))
    if not known.any():
        raise ValueError("nothing is known of any outcome")
    first, last = first[known, None], last[known, None]
    edges = np.linspace(0.0, 1.0, bins + 1)
    # A point is a span too narrow to matter, on its left: it belongs to the bin there.
    is_point = last - first < NARROW
    start = np.where(is_point, np.maximum(last - NARROW, 0.0), first)
    width = np.where(is_point, NARROW, last - first)
    below = np.clip((edges - start) / width, 0.0, 1.0)
    return np.asarray(np.diff(below, axis=1).mean(0) * bins)


def _ends(low: Any, high: Any) -> tuple[np.ndarray, np.ndarray]:
    first, last = np.broadcast_arrays(np.asarray(low, float), np.asarray(high, float))
    if ((first < 0.0) | (last > 1.0) | (first > last)).any():
        raise ValueError("both ends must lie in [0, 1], the lower one first")
    return first, last
