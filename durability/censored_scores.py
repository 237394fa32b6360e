r"""Scores of survival forecasts where some outcomes were not watched to the end.

Row :math:`i` was watched from its entry age :math:`L_i` to :math:`X_i`, where watching ended: by
the event, by another end that rules the event out for ever (an abrogation, where the event is a
war), or by censoring. A forecast gives :math:`F_i(t)`, the chance of the event by age :math:`t`
given none by the entry; left truncation is thereby conditioned on, and a row counts at age
:math:`t` only where :math:`L_i<t`. What a censored row showed in the end is not known. Two ways
around that, each a pair of weights for "had happened by :math:`t`" and "had not":

* :func:`ipcw_weights`: rows whose outcome is known stand for those whose is not. With
  :math:`G(u^-)=P(C\ge u)`, the chance of being watched to :math:`u`, by Kaplan–Meier with delayed
  entry, a row that ended at :math:`X_i\le t` weighs :math:`G(L_i)/G(X_i^-)`, one that was watched
  to :math:`t` weighs :math:`G(L_i)/G(t^-)`, and one censored before weighs nothing. Where
  censoring tells nothing of the outcome, the mean is that of outcomes seen whole, whatever the
  forecast: the score stays proper [1]_ [2]_.
* :func:`model_weights`: a censored row counts as having happened with the chance that a forecast
  gives it from its censoring on [3]_. With the *same* such chances for all forecasters the score is
  proper as far as these are right. With each forecaster's own it is **not**: who is sure of
  himself where nobody can look is rewarded for it. Use it to see whether weights move a result,
  never to rank.

References
----------
.. [1] E. Graf, C. Schmoor, W. Sauerbrei and M. Schumacher (1999),
   doi:10.1002/(SICI)1097-0258(19990915/30)18:17/18<2529::AID-SIM274>3.0.CO;2-5.
.. [2] T. A. Gerds and M. Schumacher (2006), doi:10.1002/bimj.200610301.
.. [3] E. L. Korn and R. Simon (1990), doi:10.1002/sim.4780090503.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from durability.scores import brier

CENSORED: Final = 0
HAPPENED: Final = 1
RULED_OUT: Final = 2
"""How watching ended: not known further, the event, another end that rules the event out."""

Score = Callable[[Any, Any], np.ndarray]
"""A score of a binary event: :func:`~durability.scores.brier`, for one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What was seen of each row, in one unit of age.

    Parameters
    ----------
    entry : ndarray (row,)
        Age from which it was watched.
    stop : ndarray (row,)
        Age at which watching ended, after its entry.
    ended : ndarray of int (row,)
        :data:`CENSORED`, :data:`HAPPENED` or :data:`RULED_OUT`.
    weight : ndarray (row,)
        What it counts; above 0.

    Raises
    ------
    ValueError
        Lengths differ, a row ends before it begins, or has another end or no weight.
    """

    entry: np.ndarray
    stop: np.ndarray
    ended: np.ndarray
    weight: np.ndarray

    def __post_init__(self) -> None:
        if len({len(each) for each in (self.entry, self.stop, self.ended, self.weight)}) > 1:
            raise ValueError("entry, stop, ended and weight must be of one length")
        if not (self.stop > self.entry).all() or not np.isfinite(self.stop).all():
            raise ValueError("every row must be watched for some time, and not for ever")
        if not np.isin(self.ended, (CENSORED, HAPPENED, RULED_OUT)).all():
            raise ValueError("ended must be 0 (censored), 1 (happened) or 2 (ruled out)")
        if not (self.weight > 0.0).all():
            raise ValueError("every weight must be above 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """What each row counts at each age, for either outcome.

    Parameters
    ----------
    happened, held : ndarray (row, age)
        Weight of "it had happened by then" and of "it had not".
    entered : ndarray (row, age)
        The row's own weight where it had entered, else 0: the mean is over these.
    """

    happened: np.ndarray
    held: np.ndarray
    entered: np.ndarray


def watch(stop: Any, ended: Any, *, entry: Any = 0.0, weight: Any = 1.0) -> Watched:
    """Make a :class:`Watched` of anything that NumPy takes; entry 0 and weight 1 if not given.

    Examples
    --------
    >>> watch([2.0, 5.0], [1, 0]).entry
    array([0., 0.])
    """
    stops = np.asarray(stop, dtype=float)
    return Watched(
        entry=np.broadcast_to(np.asarray(entry, dtype=float), stops.shape),
        stop=stops,
        ended=np.asarray(ended, dtype=int),
        weight=np.broadcast_to(np.asarray(weight, dtype=float), stops.shape),
    )


def status(watched: Watched, ages: Any) -> np.ndarray:
    """Say whether it had happened by each age.

    Parameters
    ----------
    watched : Watched
    ages : array (age,)

    Returns
    -------
    ndarray (row, age)
        1, 0, or ``nan`` where it is not known, or the row had not entered.

    Examples
    --------
    >>> status(watch([2.0, 5.0, 3.0], [1, 0, 2]), [1.0, 4.0, 6.0])
    array([[ 0.,  1.,  1.],
           [ 0.,  0., nan],
           [ 0.,  0.,  0.]])
    """
    at, stop = np.asarray(ages, dtype=float), watched.stop[:, None]
    ended, entered = watched.ended[:, None], watched.entry[:, None] < at
    over = stop <= at
    found = np.where(over, np.where(ended == HAPPENED, 1.0, 0.0), 0.0)
    unknown = (stop < at) & (ended == CENSORED)
    return np.where(unknown | ~entered, np.nan, found)


def watched_to(watched: Watched, ages: Any, *, before: bool = True) -> np.ndarray:
    """Estimate the chance of being watched to an age: Kaplan–Meier of censoring, delayed entry.

    Events come before censorings of the same age.

    Parameters
    ----------
    watched : Watched
    ages : array (...)
    before : bool
        Whether censoring *at* the age still counts as watched to it, :math:`P(C\\ge u)`; else
        :math:`P(C>u)`.

    Returns
    -------
    ndarray (...)

    Examples
    --------
    >>> watched_to(watch([1.0, 2.0, 3.0, 4.0], [1, 0, 1, 0]), [2.0, 2.5, 4.5]).round(3)
    array([1.   , 0.667, 0.   ])
    """
    times = np.unique(watched.stop[watched.ended == CENSORED])
    stop, entry = watched.stop[:, None], watched.entry[:, None]
    censored = watched.ended[:, None] == CENSORED
    left = (watched.weight[:, None] * (censored & (stop == times))).sum(0)
    there = (entry < times) & ((stop > times) | (censored & (stop == times)))
    factors = 1.0 - left / (watched.weight[:, None] * there).sum(0)
    # Sums of thirds miss 0 by a rounding error; the last one watched does leave.
    steps = np.concatenate([[1.0], np.cumprod(np.where(factors < 1e-12, 0.0, factors))])
    at = np.asarray(ages, dtype=float)
    place = np.searchsorted(times, at, side="left" if before else "right")
    return np.asarray(steps[place])


def ipcw_weights(watched: Watched, ages: Any) -> Weights:
    """Weigh rows whose outcome is known by the inverse of their chance of being known.

    Parameters
    ----------
    watched : Watched
    ages : array (age,)
        At which the forecasts are scored.

    Returns
    -------
    Weights
        ``nan`` at ages to which nobody could be watched: no score there.
    """
    at, seen = np.asarray(ages, dtype=float), status(watched, ages)
    base = (watched.weight * watched_to(watched, watched.entry, before=False))[:, None]
    last = np.minimum(watched.stop[:, None], at)
    with np.errstate(divide="ignore", invalid="ignore"):
        weight = np.where(np.isnan(seen), 0.0, base / watched_to(watched, last))
    entered = watched.weight[:, None] * (watched.entry[:, None] < at)
    # Where nobody was ever watched so long, no weights can stand for those who were not.
    hopeless = (watched_to(watched, at) <= 0.0) | (entered.sum(0) <= 0.0)
    weight = np.where(hopeless, np.nan, weight)
    happened = seen == 1.0
    return Weights(
        happened=np.where(happened | hopeless, weight, 0.0),
        held=np.where(~happened | hopeless, weight, 0.0),
        entered=entered,
    )


def model_weights(watched: Watched, ages: Any, since: Any) -> Weights:
    """Weigh a censored row by the chance that a forecast gives it from its censoring on.

    Not proper with a forecaster's own chances; see the head of this module.

    Parameters
    ----------
    watched : Watched
    ages : array (age,)
    since : array (row, age)
        Chance that it had happened by each age, given that it had not when watching ended; read
        only where the outcome is not known. :func:`chance_since` makes it of a curve.

    Returns
    -------
    Weights
    """
    at, seen = np.asarray(ages, dtype=float), status(watched, ages)
    chance = np.where(np.isnan(seen), np.asarray(since, dtype=float), seen)
    entered = watched.weight[:, None] * (watched.entry[:, None] < at)
    chance = np.where(entered > 0.0, chance, 0.0)
    if not ((chance >= 0.0) & (chance <= 1.0)).all():
        raise ValueError("a chance since censoring must be a number in [0, 1] where it is read")
    return Weights(happened=entered * chance, held=entered * (1.0 - chance), entered=entered)


def chance_since(cumulative: Any, at_stop: Any, gone: Any = 0.0) -> np.ndarray:
    r"""Chance of the event by each age given none when watching ended.

    .. math:: \frac{F(t)-F(X)}{1-F(X)-Q(X)},

    with :math:`Q` the chance of another end by then.

    Parameters
    ----------
    cumulative : array (row, age)
        :math:`F(t)`.
    at_stop : array (row,)
        :math:`F(X)`.
    gone : array (row,)
        :math:`Q(X)`.

    Returns
    -------
    ndarray (row, age)
        0 before watching ended.

    Examples
    --------
    >>> chance_since([[0.2, 0.6]], [0.5]).round(3)
    array([[0. , 0.2]])
    """
    by, stop = np.asarray(cumulative, float), np.asarray(at_stop, float)[:, None]
    left = np.maximum(1.0 - stop - np.broadcast_to(gone, stop.shape[:1])[:, None], 1e-300)
    return np.asarray(np.clip((by - stop) / left, 0.0, 1.0))


def contributions(weights: Weights, forecast: Any, score: Score = brier) -> np.ndarray:
    """Weighted scores of rows: their sum over the weight that had entered is the mean score.

    Parameters
    ----------
    weights : Weights
    forecast : array (row, age)
        Chance of the event by each age, given none by the entry.
    score : callable

    Returns
    -------
    ndarray (row, age)
        0 where an outcome is not known.
    """
    pairs = ((weights.happened, 1.0), (weights.held, 0.0))
    # What did not happen weighs nothing, however impossible it was called.
    with np.errstate(invalid="ignore"):
        parts = [np.where(each == 0.0, 0.0, each * score(seen, forecast)) for each, seen in pairs]
    return np.asarray(parts[0] + parts[1])


def score_by_age(weights: Weights, forecast: Any, score: Score = brier) -> np.ndarray:
    r"""Mean score of forecasts at each age.

    .. math::

        \overline{S}(t) = \frac{\sum_i w^1_i(t)\,S(1, F_i(t)) + w^0_i(t)\,S(0, F_i(t))}
            {\sum_i w_i 1\{L_i<t\}}.

    Parameters
    ----------
    weights : Weights
        Of :func:`ipcw_weights` or :func:`model_weights`.
    forecast : array (row, age)
    score : callable
        Default the Brier score; the logarithmic one does as well.

    Returns
    -------
    ndarray (age,)
        ``nan`` where nobody had entered, or nobody could be watched so long.

    Examples
    --------
    >>> seen = watch([1.0, 2.0, 3.0, 4.0], [1, 0, 1, 0])
    >>> score_by_age(ipcw_weights(seen, [2.5]), np.full((4, 1), 0.4)).round(4)
    array([0.21])

    One of four had happened, one is unknown, and two that had not stand for three:
    (0.36 + 3 × 0.16) / 4.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(
            contributions(weights, forecast, score).sum(0) / weights.entered.sum(0), dtype=float
        )


def integrated_score(weights: Weights, forecast: Any, ages: Any, score: Score = brier) -> float:
    r"""Mean score over a span of ages: the integrated Brier score, for one.

    .. math:: \frac{1}{t_K-t_1}\int_{t_1}^{t_K}\overline{S}(t)\,dt,

    by the trapezoid rule on the ages given.

    Parameters
    ----------
    weights : Weights
        At these ages.
    forecast : array (row, age)
    ages : array (age,)
        Rising, two or more.
    score : callable

    Returns
    -------
    float
    """
    at = np.asarray(ages, dtype=float)
    if at.size < 2 or (np.diff(at) <= 0.0).any():
        raise ValueError("two or more rising ages are needed to integrate over")
    return float(np.trapezoid(score_by_age(weights, forecast, score), at) / (at[-1] - at[0]))


def auc_by_age(weights: Weights, forecast: Any) -> np.ndarray:
    r"""Time-dependent area under the curve: how often the one that broke had the higher chance.

    Cumulative cases against dynamic controls [1]_: of a row that had broken down by :math:`t` and
    one that had not,

    .. math::

        \mathrm{AUC}(t) = \frac{\sum_{i,j} w^1_i(t)\,w^0_j(t)
            \bigl(1\{F_i(t)>F_j(t)\} + \tfrac12 1\{F_i(t)=F_j(t)\}\bigr)}
            {\sum_i w^1_i(t)\sum_j w^0_j(t)},\quad i\ne j.

    It says nothing of calibration: any rising function of the chances has the same.

    Parameters
    ----------
    weights : Weights
    forecast : array (row, age)

    Returns
    -------
    ndarray (age,)
        One half for a forecast that cannot tell them apart; ``nan`` where only one outcome was
        seen.

    References
    ----------
    .. [1] H. Uno, T. Cai, L. Tian and L. J. Wei (2007), doi:10.1198/016214507000000149.

    Examples
    --------
    >>> seen = watch([1.0, 2.0, 5.0, 5.0], [1, 1, 0, 0])
    >>> auc_by_age(ipcw_weights(seen, [3.0]), [[0.9], [0.2], [0.3], [0.1]])
    array([0.75])
    """
    chance = np.asarray(forecast, dtype=float)
    above = (chance[:, None] > chance) + 0.5 * (chance[:, None] == chance)
    pairs = weights.happened[:, None] * weights.held * ~np.eye(len(chance), dtype=bool)[:, :, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((pairs * above).sum((0, 1)) / pairs.sum((0, 1)))
