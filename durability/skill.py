r"""How sure a mean score is, and what difference between forecasters could have been found.

Agreements of one family of wars share causes and parties, so their scores are not independent: what
counts is the number of clusters. The standard error is the jackknife's over clusters [1]_: with
:math:`\bar s_{(g)}` the mean without cluster :math:`g`,

.. math:: \mathrm{se}^2 = \frac{G-1}{G}\sum_g \bigl(\bar s_{(g)} - \bar s_{(\cdot)}\bigr)^2,

which errs toward caution where clusters are few [2]_, and the interval is Student's with
:math:`G^*-1` degrees of freedom. :math:`G^*=(\sum_g n_g)^2/\sum_g n_g^2` is the number of equal
clusters that the clusters' weights :math:`n_g` are worth: one large cluster among many small ones
is nearly alone.

References
----------
.. [1] R. G. Miller, The jackknife: a review (1974), doi:10.1093/biomet/61.1.1.
.. [2] J. G. MacKinnon, M. Ø. Nielsen and M. D. Webb (2023), doi:10.1016/j.jeconom.2022.04.001.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

POWER: Final = 0.8
"""Chance of finding the smallest difference that is called detectable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanScore:
    """A mean with its uncertainty between clusters.

    Parameters
    ----------
    mean : float
    low, high : float
        Interval; ``nan`` with fewer than two clusters.
    interval_probability : float
    standard_error : float
    rows, clusters : int
        That have a score.
    worth : float
        Number of equal clusters that they are worth.
    detectable : float
        The smallest true value other than 0 that would have been told from 0, at the level of the
        interval, with chance `power`.
    power : float
    """

    mean: float
    low: float
    high: float
    interval_probability: float
    standard_error: float
    rows: int
    clusters: int
    worth: float
    detectable: float
    power: float


def mean_score(
    scores: Any,
    clusters: Sequence[str],
    *,
    weight: Any = 1.0,
    interval_probability: float = 0.9,
    power: float = POWER,
) -> MeanScore:
    """Average scores, with an interval that respects clusters.

    Parameters
    ----------
    scores : array (row,)
        ``nan`` where there is none: such rows are left out.
    clusters : sequence of str
        Which rows belong together.
    weight : array (row,)
        What each row counts.
    interval_probability : float
    power : float

    Returns
    -------
    MeanScore

    Raises
    ------
    ValueError
        Lengths differ, a score is infinite, or none is known.

    Examples
    --------
    >>> found = mean_score([0.1, 0.3, 0.2, 0.6], ["a", "a", "b", "c"])
    >>> round(found.mean, 4), found.clusters, round(found.standard_error, 4)
    (0.3, 3, 0.1176)
    """
    values = np.asarray(scores, dtype=float)
    counts = np.broadcast_to(np.asarray(weight, dtype=float), values.shape)
    if values.ndim != 1 or len(clusters) != values.size:
        raise ValueError(f"{values.shape} scores and {len(clusters)} clusters; one a row is needed")
    if np.isinf(values).any():
        raise ValueError("a score is infinite: what was called impossible happened; no mean then")
    known = ~np.isnan(values)
    if not known.any():
        raise ValueError("no score is known")
    names, place = np.unique(np.asarray(clusters, dtype=str)[known], return_inverse=True)
    total = np.bincount(place, counts[known] * values[known])
    size = np.bincount(place, counts[known])
    mean = float(total.sum() / size.sum())
    error, worth = _jackknife(total, size)
    half = _t_quantile(worth, 0.5 + interval_probability / 2.0) * error
    return MeanScore(
        mean=mean,
        low=mean - half,
        high=mean + half,
        interval_probability=interval_probability,
        standard_error=error,
        rows=int(known.sum()),
        clusters=len(names),
        worth=worth,
        detectable=_detectable(error, worth, interval_probability, power),
        power=power,
    )


def score_gain(
    reference: Any,
    scores: Any,
    clusters: Sequence[str],
    *,
    weight: Any = 1.0,
    interval_probability: float = 0.9,
    power: float = POWER,
) -> MeanScore:
    """Say how much lower the scores of one forecaster are than those of another, row by row.

    Parameters
    ----------
    reference : array (row,)
        Scores of the forecaster to beat.
    scores : array (row,)
        Scores of the other, of the same rows; lower is better.
    clusters : sequence of str
        Which rows belong together.
    weight : array (row,)
        What each row counts.
    interval_probability, power : float
        As for :func:`mean_score`.

    Returns
    -------
    MeanScore
        Of ``reference - scores``: positive where the other is better. Rows that lack either are
        left out.

    Examples
    --------
    >>> found = score_gain([0.3, 0.2, 0.4], [0.2, 0.2, 0.1], ["a", "b", "c"])
    >>> round(found.mean, 3)
    0.133
    """
    first, second = np.asarray(reference, dtype=float), np.asarray(scores, dtype=float)
    if first.shape != second.shape:
        raise ValueError(f"{first.shape} and {second.shape} scores; both must score the same rows")
    if (np.isinf(first) | np.isinf(second)).any():
        raise ValueError("a score is infinite: what was called impossible happened; no mean then")
    return mean_score(
        first - second,
        clusters,
        weight=weight,
        interval_probability=interval_probability,
        power=power,
    )


def gain_words(gain: MeanScore) -> str:
    """Say in a sentence what a gain is and what could not have been found.

    Examples
    --------
    >>> gain_words(score_gain([0.3, 0.2, 0.4], [0.2, 0.2, 0.1], ["a", "b", "c"]))
    '0.133 (90% interval -0.124 to 0.391, 3 clusters); a gain under 0.351 would not be detectable'
    """
    if not math.isfinite(gain.detectable):
        return f"{gain.mean:.3f} (1 cluster: no interval); no gain would be detectable"
    return (
        f"{gain.mean:.3f} ({100 * gain.interval_probability:.0f}% interval {gain.low:.3f} to "
        f"{gain.high:.3f}, {gain.clusters} clusters); a gain under {gain.detectable:.3f} would "
        "not be detectable"
    )


def _jackknife(total: np.ndarray, size: np.ndarray) -> tuple[float, float]:
    """Give the standard error of a mean between clusters, and how many equal ones they are."""
    worth = float(size.sum() ** 2 / (size**2).sum())
    count = len(size)
    if count < 2:
        return float("nan"), worth
    without = (total.sum() - total) / (size.sum() - size)
    return float(np.sqrt((count - 1.0) / count * ((without - without.mean()) ** 2).sum())), worth


def _t_quantile(worth: float, probability: float) -> float:
    """Quantile of Student's law with the degrees of freedom of so many clusters."""
    from scipy.special import stdtrit

    # A cluster that outweighs all others leaves less than one degree of freedom: too little to say.
    return float(stdtrit(max(worth - 1.0, 1.0), probability))


def _detectable(error: float, worth: float, interval_probability: float, power: float) -> float:
    r"""Smallest true mean whose interval lies above 0 with a given chance.

    Under it the statistic is non-central Student's; its non-centrality is solved for.
    """
    from scipy.special import nctdtrinc

    if not math.isfinite(error):
        return float("inf")
    if error == 0.0:
        return 0.0
    freedom = max(worth - 1.0, 1.0)
    beyond = _t_quantile(worth, 0.5 + interval_probability / 2.0)
    return float(error * nctdtrinc(freedom, 1.0 - power, beyond))
