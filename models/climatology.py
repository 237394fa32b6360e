r"""Climatology: how often it happened, by age, and nothing else.

The cumulative incidence of an event beside another end that rules it out is Aalen and Johansen's:
with :math:`d_i` the weight of events at age :math:`t_i`, :math:`q_i` that of other ends,
:math:`n_i` the weight watched just before, and :math:`S` the Kaplan–Meier survival of either,

.. math:: \hat F(t) = \sum_{t_i\le t} S(t_i^-)\,\frac{d_i}{n_i},

which is one less Kaplan–Meier's survival where there is no other end. It can be 0 or 1, and a
forecast that calls something impossible has an infinite logarithmic score when it happens. So
:math:`\hat F` is drawn to one half by one more agreement of that chance,

.. math:: F(t) = \frac{n\hat F(t) + \tfrac12\,\min(t, 1)}{n + 1},

with :math:`n` the weight of all; it counts as a half only from the first year on, so that nothing
has happened at age 0.

References
----------
O. O. Aalen and S. Johansen (1978), Scandinavian Journal of Statistics 5, 141-150; Kalbfleisch and
Prentice (2002), doi:10.1002/9781118032985.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def incidence(
    stop: Any, happened: Any, other: Any, weight: Any, ages: Any, *, entry: Any = 0.0
) -> np.ndarray:
    """Aalen–Johansen cumulative incidence.

    Parameters
    ----------
    stop : array (row,)
        Age at which watching ended.
    happened, other : array of bool (row,)
        Whether it ended with the event, or with another that rules it out; else it is censored.
    weight : array (row,)
    ages : array (age,)
    entry : array (row,)
        Age from which it was watched.

    Returns
    -------
    ndarray (age,)
        Constant after the last age watched.
    """
    stop, weight = np.asarray(stop, dtype=float), np.asarray(weight, dtype=float)
    happened, other = np.asarray(happened, dtype=bool), np.asarray(other, dtype=bool)
    times = np.unique(stop[happened | other])
    at = stop[:, None] == times
    watched = (weight[:, None] * ((stop[:, None] >= times) & (_rows(entry, stop) < times))).sum(0)
    died = ((weight * happened)[:, None] * at).sum(0)
    left = died + ((weight * other)[:, None] * at).sum(0)
    before = np.concatenate([[1.0], np.cumprod(1.0 - left / watched)])
    found = np.concatenate([[0.0], np.cumsum(before[:-1] * died / watched)])
    return np.asarray(found[np.searchsorted(times, np.asarray(ages, dtype=float), side="right")])


def drawn_to_half(found: Any, ages: Any, weight: float) -> np.ndarray:
    """Draw a cumulative incidence toward one half by one more agreement of that chance.

    Parameters
    ----------
    found : array (age,)
    ages : array (age,)
        In years.
    weight : float
        Of all agreements that it was estimated from.

    Returns
    -------
    ndarray (age,)
    """
    half = 0.5 * np.minimum(np.asarray(ages, dtype=float), 1.0)
    return np.asarray((weight * np.asarray(found, dtype=float) + half) / (weight + 1.0))


def _rows(entry: Any, stop: np.ndarray) -> np.ndarray:
    return np.broadcast_to(np.asarray(entry, dtype=float), stop.shape)[:, None]
