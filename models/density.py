r"""Density: the joint density of the unknowns, on a scale without bounds. NumPy only.

A share becomes its log odds and a positive number its logarithm, as in the sampler, so that an
unknown can be moved anywhere. With :math:`\theta = b(u)` the density of :math:`u` is

.. math:: \log p(u) = \log p(b(u)) + \log\left|\det b'(u)\right|,

each share adding :math:`\log\theta + \log(1-\theta)` and each positive number :math:`\log\theta`.
The likelihood that belongs to it is that of single units (:mod:`durability.models.marginals`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from durability.models import drivers
from durability.models.breakdown import GROUPS, WHITENED
from durability.models.parameters import HALF_LOG_2PI, Prior, log_density

FREE, POSITIVE, SHARE = "free", "positive", "share"

_PATH = frozenset(
    {"partial_correlation", "persistence", "half_life_months", "standing_raw", "path_raw"}
)
_CODERS = frozenset({"discrimination", "cutpoint_location", "cutpoint_gap"})
_HAZARD = frozenset(
    {
        *("intercept", "shape", "shape_spread", "shape_raw", "abrogation_shape"),
        *("effect_mean", "effect_spread", "effect_raw", "covariate_effect"),
        *("cluster_sd", "cluster_raw", "dyad_sd", "dyad_raw"),
    }
)
_HISTORY = frozenset({"partial_correlation", "history_raw"})

READS: Mapping[str, frozenset[str]] = {
    "agreement": _HISTORY | {"persistence", "half_life_months"} | _HAZARD,
    "thing": _HISTORY | _CODERS,
    "anchor": _PATH | _CODERS,
    "event": _PATH | _CODERS | {"level_change", "event_error", "noise"},
    "window": _PATH | {"indicator_intercept", "indicator_slope", "indicator_dispersion"},
    "stream": _PATH | _HAZARD,
}
"""Unknowns that the likelihood of a kind of unit reads; an anchor is a rated thing of the case."""


def unbounded(
    theta: Mapping[str, np.ndarray], priors: Mapping[str, Prior]
) -> dict[str, np.ndarray]:
    """Give unknowns on the scale without bounds: the same names and shapes."""
    return {name: _columns(name, values, priors, _unbounded_one) for name, values in theta.items()}


def bounded(u: Mapping[str, np.ndarray], priors: Mapping[str, Prior]) -> dict[str, np.ndarray]:
    """Invert :func:`unbounded`."""
    return {name: _columns(name, values, priors, _bounded_one) for name, values in u.items()}


def log_prior(
    u: Mapping[str, np.ndarray],
    priors: Mapping[str, Prior],
    *,
    only: frozenset[str] | None = None,
) -> np.ndarray:
    """Log density of unknowns on the scale without bounds, before any data.

    Parameters
    ----------
    u : mapping of str to ndarray
        Of :func:`unbounded`, each (draw, …).
    priors : mapping of str to Prior
    only : set of str, optional
        Unknowns whose terms are wanted; all that `u` has if not given.

    Returns
    -------
    array (draw,)
    """
    n = len(next(iter(u.values())))
    total = np.zeros(n)
    for name, values in u.items():
        if only is None or name in only:
            each = _log_prior_of(name, values, priors)
            total = total + each.reshape((n, -1)).sum(axis=1)
    return total


def _log_prior_of(name: str, values: np.ndarray, priors: Mapping[str, Prior]) -> np.ndarray:
    if name in WHITENED:
        return np.asarray(-0.5 * values**2 - HALF_LOG_2PI)
    if name == "partial_correlation":
        shape = drivers.lkj_shapes(priors["correlation"].values["eta"])
        # Symmetric beta laws, each with the slope of its log odds.
        inside = -np.logaddexp(0.0, values) - np.logaddexp(0.0, -values)
        return np.asarray(shape * inside - _log_beta(shape))
    terms = np.empty(values.shape)
    for places, prior in _members(name, priors):
        column = values[places]
        terms[places] = log_density(prior, _bounded_one(column, _scale(prior)))
        terms[places] += _log_slope(column, _scale(prior))
    return terms


def _log_beta(shape: np.ndarray) -> np.ndarray:
    return np.array([2.0 * math.lgamma(each) - math.lgamma(2.0 * each) for each in shape])


def _log_slope(u: np.ndarray, scale: str) -> np.ndarray:
    r""":math:`\log|b'(u)|`."""
    if scale == SHARE:
        return np.asarray(-np.logaddexp(0.0, u) - np.logaddexp(0.0, -u))
    return u if scale == POSITIVE else np.zeros_like(u)


def _scale(prior: Prior) -> str:
    return {"normal": FREE, "beta": SHARE}.get(prior.distribution, POSITIVE)


def _members(name: str, priors: Mapping[str, Prior]) -> Iterator[tuple[Any, Prior]]:
    """Priors of a group, each with the places it holds in the last dimension."""
    names = GROUPS[name]
    for place, member in enumerate(names):
        yield ((..., place) if len(names) > 1 else ..., priors[member])


Change = Callable[[np.ndarray, str], np.ndarray]


def _columns(
    name: str, values: np.ndarray, priors: Mapping[str, Prior], change: Change
) -> np.ndarray:
    if name in WHITENED:
        return values
    if name == "partial_correlation":
        return change(values, SHARE)
    found = np.empty(values.shape)
    for places, prior in _members(name, priors):
        found[places] = change(values[places], _scale(prior))
    return found


def _unbounded_one(values: np.ndarray, scale: str) -> np.ndarray:
    if scale == SHARE:
        return np.asarray(np.log(values) - np.log1p(-values))
    return np.log(values) if scale == POSITIVE else values


def _bounded_one(u: np.ndarray, scale: str) -> np.ndarray:
    if scale == SHARE:
        return np.asarray(1.0 / (1.0 + np.exp(-u)))
    return np.exp(u) if scale == POSITIVE else u
