r"""Proper scores: what a probability was worth once it is known what happened.

Every function takes the observation first and gives one score for each forecast; lower is better.
A score is *proper* when nobody does better on average than by saying what they believe; all here
are [1]_. An observation that is not known (``nan``) has the score ``nan``; a forecast that is not
a number is refused, for a forecaster could otherwise leave out what is hard.

Means over censored outcomes are :mod:`durability.censored_scores`', their uncertainty
:mod:`durability.skill`'s.

References
----------
.. [1] T. Gneiting and A. E. Raftery, Strictly proper scoring rules, prediction, and estimation,
   Journal of the American Statistical Association 102 (2007), doi:10.1198/016214506000001437.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def brier(happened: Any, probability: Any) -> np.ndarray:
    r"""Brier score: the squared distance between a probability and what happened.

    .. math:: \mathrm{BS}(o, p) = (p - o)^2.

    Parameters
    ----------
    happened : array (...)
        1 where it happened, 0 where not, ``nan`` where it is not known.
    probability : array (...)
        In [0, 1]; the shapes broadcast.

    Returns
    -------
    ndarray (...)
        0 for a sure forecast that was right, 1 for a sure one that was wrong.

    Raises
    ------
    ValueError
        A probability is not in [0, 1], or an observation is none of 0, 1 and ``nan``.

    References
    ----------
    G. W. Brier (1950), doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2.

    Examples
    --------
    >>> brier([1, 0, float("nan")], [0.75, 0.25, 0.9])
    array([0.0625, 0.0625,    nan])
    """
    observed, forecast = _checked(happened, probability)
    return np.asarray((forecast - observed) ** 2)


def logarithmic(happened: Any, probability: Any) -> np.ndarray:
    r"""Logarithmic score: minus the log of the probability given to what happened.

    .. math:: \mathrm{LS}(o, p) = -o \log p - (1 - o)\log(1 - p),

    in natural units; infinite where what had been called impossible happened.

    Parameters
    ----------
    happened, probability
        As for :func:`brier`.

    Returns
    -------
    ndarray (...)
        At least 0; :math:`\log 2 \approx 0.693` for a forecast of one half.

    Raises
    ------
    ValueError
        As for :func:`brier`.

    References
    ----------
    I. J. Good (1952), doi:10.1111/j.2517-6161.1952.tb00104.x.

    Examples
    --------
    >>> logarithmic([1, 0, 1], [0.5, 0.5, 0.0])
    array([0.69314718, 0.69314718,        inf])
    """
    observed, forecast = _checked(happened, probability)
    given = np.where(observed == 1.0, forecast, 1.0 - forecast)
    with np.errstate(divide="ignore"):
        score = -np.log(given)
    return np.where(np.isnan(observed), np.nan, np.maximum(score, 0.0))


def ranked_probability(happened: Any, probability: Any) -> np.ndarray:
    r"""Ranked probability score over horizons: Brier scores of one forecast, summed.

    With :math:`F_k` the chance of breakdown by horizon :math:`k` and :math:`o_k` whether it had
    broken down by then,

    .. math:: \mathrm{RPS} = \sum_{k=1}^{K} (F_k - o_k)^2.

    A forecast that misses by one horizon loses less than one that misses by three.

    Parameters
    ----------
    happened : array (..., horizon)
        0 up to the horizon at which it had happened, 1 from there on; ``nan`` where not known.
    probability : array (..., horizon)
        Not falling along horizons.

    Returns
    -------
    ndarray (...)
        ``nan`` where any horizon is not known: a sum over fewer horizons is another score.

    Raises
    ------
    ValueError
        As for :func:`brier`; or chances fall along horizons, or what had happened had not
        happened later.

    References
    ----------
    E. S. Epstein (1969), doi:10.1175/1520-0450(1969)008<0985:ASSFPF>2.0.CO;2.

    Examples
    --------
    >>> ranked_probability([[0, 0, 1]], [[0.1, 0.2, 0.6]]).round(2)
    array([0.21])
    """
    observed, forecast = _checked(happened, probability)
    if (np.diff(forecast, axis=-1) < -1e-12).any():
        raise ValueError("probabilities fall along horizons; a chance of breakdown by then cannot")
    if (np.diff(observed, axis=-1) < 0.0).any():
        raise ValueError("what had happened by one horizon has happened by the next")
    return np.asarray(((forecast - observed) ** 2).sum(-1))


def crps_draws(time: Any, draws: Any, *, limit: Any) -> np.ndarray:
    r"""Censored CRPS of the time to breakdown, of a forecast given as draws.

    The threshold-weighted continuous ranked probability score with weight one up to the
    `limit` and none after it [1]_,

    .. math::

        \int_0^{c} (F(t) - 1\{y \le t\})^2\,dt
            = \mathrm{E}|X' - y'| - \tfrac12 \mathrm{E}|X' - X''|,
            \qquad x' = \min(x, c),

    with :math:`F` the distribution of the draws. It is known whatever happened after `limit`, and
    proper as long as the limit was set by design, not by what happened. (The score that runs on
    after an event and stops at a censoring [2]_ is not.)

    Parameters
    ----------
    time : array (...)
        When it broke down; ``inf``, or anything beyond `limit`, where it had not by then; ``nan``
        where it is not known.
    draws : array (..., draw)
        Draws of the time, ``inf`` allowed; in the unit of `time`, which is the score's.
    limit : array (...)
        Until when it is watched, event or not; above 0 and finite.

    Returns
    -------
    ndarray (...)

    Raises
    ------
    ValueError
        A draw is not a number or negative, or a limit is not positive and finite.

    References
    ----------
    .. [1] T. Gneiting and R. Ranjan (2011), doi:10.1198/jbes.2010.08110.
    .. [2] A. Avati et al., Countdown regression, 2020, PMLR 115.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> crps_draws([2.0, np.inf], rng.exponential(5.0, (2, 4000)), limit=10.0).round(2)
    array([1.16, 3.72])
    """
    observed, values, limits = np.asarray(time, float), np.asarray(draws, float), _limits(limit)
    if np.isnan(values).any() or (values < 0.0).any():
        raise ValueError("draws of a time must be numbers, 0 or more")
    x = np.sort(np.minimum(values, limits[..., None]), axis=-1)
    y = np.minimum(observed, limits)
    n = x.shape[-1]
    # Half the mean distance between two draws, from their order.
    order = (2.0 * np.arange(1, n + 1) - n - 1.0) / n**2
    return np.asarray(np.abs(x - y[..., None]).mean(-1) - (x * order).sum(-1))


def crps_curve(time: Any, ages: Any, cumulative: Any, *, limit: Any) -> np.ndarray:
    r"""Censored CRPS of the time to breakdown, of a forecast given as a curve.

    As :func:`crps_draws`, with :math:`F` linear between the `ages`; the integral is then exact. It
    runs from the first age, where watching began, to `limit`.

    Parameters
    ----------
    time : array (row,)
        As for :func:`crps_draws`.
    ages : array (age,)
        Rising.
    cumulative : array (row, age) or (age,)
        Chance of breakdown by each age, given none by the first: one less survival.
    limit : array (row,)
        After the first of the ages and at most the last.

    Returns
    -------
    ndarray (row,)

    Raises
    ------
    ValueError
        The curve is none of a cumulative distribution, or does not reach `limit`.

    Examples
    --------
    A chance that rises evenly to one at age 4, of something that happens at age 1:
    (1/16) ∫₀¹ t² dt + ∫₁⁴ (1 − t/4)² dt = 1/48 + 9/16.

    >>> crps_curve([1.0], [0.0, 4.0], [[0.0, 1.0]], limit=4.0).round(6)
    array([0.583333])
    """
    observed, knots, limits = np.atleast_1d(np.asarray(time, float)), np.asarray(ages, float), limit
    limits = np.broadcast_to(_limits(limits), observed.shape)
    curves = np.broadcast_to(np.asarray(cumulative, float), (observed.size, knots.size))
    if (np.diff(knots) <= 0.0).any() or (limits > knots[-1]).any() or (limits <= knots[0]).any():
        raise ValueError("ages must rise, and a limit lies after the first and not after the last")
    if not ((curves >= 0.0) & (curves <= 1.0)).all() or (np.diff(curves) < -1e-12).any():
        raise ValueError("a cumulative distribution rises, from 0 at the least to 1 at the most")
    rows = zip(observed, curves, limits, strict=True)
    return np.array([_area(y, knots, curve, float(end)) for y, curve, end in rows])


def _area(time: float, ages: np.ndarray, curve: np.ndarray, limit: float) -> float:
    """Integrate the squared distance between a curve and the step at `time`, to `limit`."""
    if np.isnan(time):
        return float("nan")
    inside = [min(max(time, ages[0]), limit), limit]
    knots = np.unique(np.concatenate([ages[ages < limit], inside]))
    chance = np.interp(knots, ages, curve)
    step = ((knots[1:] + knots[:-1]) / 2.0 > time).astype(float)
    first, last = chance[:-1] - step, chance[1:] - step
    return float((np.diff(knots) * (first**2 + first * last + last**2)).sum() / 3.0)


def _checked(happened: Any, probability: Any) -> tuple[np.ndarray, np.ndarray]:
    observed, forecast = np.broadcast_arrays(
        np.asarray(happened, dtype=float), np.asarray(probability, dtype=float)
    )
    if not ((forecast >= 0.0) & (forecast <= 1.0)).all():
        raise ValueError("every probability must be a number in [0, 1]")
    if not (np.isnan(observed) | (observed == 0.0) | (observed == 1.0)).all():
        raise ValueError("what happened must be 0, 1, or nan where it is not known")
    return observed, forecast


def _limits(limit: Any) -> np.ndarray:
    found = np.asarray(limit, dtype=float)
    if not (np.isfinite(found) & (found > 0.0)).all():
        raise ValueError("a limit must be finite and above 0")
    return found
