r"""Power scaling: how a forecast leans on each component of priors and data.

A component of the posterior, a prior or a likelihood :math:`\ell(\theta)`, is raised to a power
:math:`\alpha` near one. The draws of the fit stand for the posterior that follows with weights
:math:`w_s \propto \ell(\theta_s)^{\alpha-1}`, Pareto-smoothed [1]_. The **leaning** of
a quantity on it, which [1]_ calls sensitivity, is how fast its distribution moves from itself,

.. math:: \frac12\left(\frac{D_{\alpha}}{\log_2\alpha} + \frac{D_{1/\alpha}}{\log_2\alpha}\right),

with :math:`D` the square root of the cumulative Jensen-Shannon divergence between the draws and the
weighted draws, on the scale from 0 to 1. From 0.05 on it deserves attention [1]_. Beside it stand
the speed at which the mean moves, in units of the quantity a doubling of :math:`\alpha`, its Monte
Carlo error, and the Pareto k of the weights, without which none of the others is worth anything.

What a unit alone has is integrated out of its likelihood: an event's errors, a rating's. Standings
and frailties are not, since ratings and outcomes share them. Unknowns whose law no prior set
decides are not scaled.

References
----------
.. [1] N. Kallioinen, T. Paananen, P.-C. Bürkner and A. Vehtari (2024),
   doi:10.1007/s11222-023-10366-5.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from durability import cache
from durability.catalogue import library_hash, prior_terms
from durability.inference import Fit, thinned_draws
from durability.judged_fits import forecast_hash
from durability.reweighting import mcse, smooth, weighted_mean
from durability.units import Seen, Unit, holding, log_likelihoods

POWER: Final = 1.01
"""A component is raised to this power and to one over it: near enough to one to be a slope."""

NOTABLE: Final = 0.05
"""Leaning that deserves attention (Kallioinen et al. 2024, §2.3.3)."""

DRAWS: Final = 2000
"""Of the fit, evenly spread: the likelihood of every unit is wanted at each."""

PRIOR_GROUPS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "effects of drivers": ("effect_mean", "effect_spread"),
        "effects of covariates": ("covariate_effect",),
        "hazard and its shape": ("intercept", "shape", "shape_spread", "abrogation_shape"),
        "frailties": ("cluster_sd", "dyad_sd"),
        "drivers over time": ("partial_correlation", "persistence", "half_life_months"),
        "how coders rate": ("discrimination", "cutpoint_location", "cutpoint_gap"),
        "how news is read": ("level_change", "event_error", "noise"),
        "indicators": ("indicator_intercept", "indicator_slope", "indicator_dispersion"),
    }
)
"""Components of the prior, by the free parameters whose priors they are."""

ALL_PRIORS: Final = "all priors"
ALL_DATA: Final = "all data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaning:
    """How a quantity answers to the power of one component.

    Parameters
    ----------
    leaning : float
        At least 0; see :data:`NOTABLE`.
    slope : float
        By how much the mean moves a doubling of the power.
    slope_mcse : float
        Its Monte Carlo standard error.
    pareto_k : float
        The larger of the two weightings; minus infinity where it is constant.
    """

    leaning: float
    slope: float
    slope_mcse: float
    pareto_k: float


def power_scale(
    values: np.ndarray, log_component: np.ndarray, *, chains: int, power: float = POWER
) -> Leaning:
    """Say how a quantity answers to the power of a component of the posterior.

    Parameters
    ----------
    values : ndarray (draw,)
        The quantity; chains one after another.
    log_component : ndarray (draw,)
        Log of the prior or likelihood that is scaled, up to a constant.
    chains : int
    power : float
        Above 1.

    Returns
    -------
    Leaning
    """
    up, down = (smooth(scale * log_component) for scale in (power - 1.0, 1.0 / power - 1.0))
    doublings = math.log2(power)
    distances = [cumulative_distance(values, each.values) for each in (up, down)]
    moved = float(weighted_mean(values, up.values) - weighted_mean(values, down.values))
    return Leaning(
        leaning=sum(distances) / (2.0 * doublings),
        slope=float(moved / (2.0 * doublings)),
        slope_mcse=_slope_mcse(values, log_component, chains),
        pareto_k=max(up.khat, down.khat),
    )


def _slope_mcse(values: np.ndarray, log_component: np.ndarray, chains: int) -> float:
    """Give the error of the slope, which is in the limit a covariance."""
    product = math.log(2.0) * (values - values.mean()) * (log_component - log_component.mean())
    return mcse(product, np.full(values.size, 1.0 / values.size), chains=chains)


def cumulative_distance(values: np.ndarray, weights: np.ndarray) -> float:
    r"""Measure how far weighted draws lie from the same draws with equal weights.

    The square root of the symmetric cumulative Jensen-Shannon divergence over its bound, so between
    0 and 1; with :math:`P` and :math:`Q` the two distribution functions and :math:`M` their mean,

    .. math:: \frac{\int P \log_2\frac{P}{M} + Q \log_2\frac{Q}{M}\,dx}{\int P + Q\,dx},

    the larger of the quantity's and of its negative's, since the divergence takes one side
    (Kallioinen et al. 2024, eq. 8 to 10).

    Parameters
    ----------
    values, weights : ndarray (draw,)
        The weights add up to one.
    """
    order = np.argsort(values, kind="stable")
    gaps, held = np.diff(values[order]), weights[order]
    equal = np.arange(1, values.size) / values.size
    plain, moved = equal, np.cumsum(held)[:-1]
    below = _divergence(plain, moved, gaps)
    above = _divergence(1.0 - plain, np.clip(1.0 - moved, 0.0, 1.0), gaps)
    return math.sqrt(max(below, above))


def _divergence(first: np.ndarray, second: np.ndarray, gaps: np.ndarray) -> float:
    """Give the divergence of two distribution functions that are constant over each gap."""
    bound = float((gaps * (first + second)).sum())
    if bound <= 0.0:
        return 0.0
    middle = 0.5 * (first + second)
    total = sum(float((gaps * _entropy(each, middle)).sum()) for each in (first, second))
    return min(max(total / bound, 0.0), 1.0)


def _entropy(law: np.ndarray, middle: np.ndarray) -> np.ndarray:
    safe = np.where(law > 0.0, law / np.where(middle > 0.0, middle, 1.0), 1.0)
    return np.asarray(law * np.log2(safe))


# Of a fit -----------------------------------------------------------------------------------


def power_scaling_rows(fit: Fit, chances: Mapping[str, np.ndarray]) -> list[dict[str, Any]]:
    """Say how the headline leans on every component of priors and data.

    Parameters
    ----------
    fit : Fit
    chances : mapping of str to ndarray
        Probability of breakdown of every draw, by horizon in months.

    Returns
    -------
    list of dict
        A row a component: ``component, kind`` (``prior`` or ``data``), ``pareto_k``, which is null
        where it is constant or no tail can be fitted, and ``breakdown {months: {leaning, slope,
        slope_mcse}}``.
    """
    places, theta = thinned_draws(fit, DRAWS)
    thinned = {months: _thinned(values, fit, places) for months, values in chances.items()}
    components = [
        *(("prior", name, values) for name, values in prior_components(fit, theta).items()),
        *(("data", name, values) for name, values in data_components(fit, theta).items()),
    ]
    rows = []
    for kind, name, log_component in components:
        found = {
            months: power_scale(values, log_component, chains=fit.settings.chains)
            for months, values in thinned.items()
        }
        khat = next(iter(found.values())).pareto_k
        rows.append(
            {
                "component": name,
                "kind": kind,
                "pareto_k": khat if np.isfinite(khat) else None,
                "breakdown": {
                    months: {
                        "leaning": each.leaning,
                        "slope": each.slope,
                        "slope_mcse": each.slope_mcse,
                    }
                    for months, each in found.items()
                },
            }
        )
    return rows


def kept_power_scaling(fit: Fit, chances: Mapping[str, np.ndarray]) -> list[dict[str, Any]]:
    """Give :func:`power_scaling_rows`, from the cache where they are there."""
    told = repr((library_hash(), POWER, DRAWS, tuple(chances)))
    key = f"{forecast_hash(fit)}.{hashlib.sha256(told.encode()).hexdigest()[:16]}"
    rows: list[dict[str, Any]] = cache.kept_json(key, lambda: power_scaling_rows(fit, chances))
    return rows


def _thinned(values: np.ndarray, fit: Fit, places: np.ndarray) -> np.ndarray:
    return values.reshape((fit.settings.chains, -1))[:, places].ravel()


def prior_components(fit: Fit, theta: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Give the log prior of every group of parameters, and of all: each (draw,)."""
    terms = prior_terms(theta, fit.model.priors)
    found = {
        group: np.asarray(sum(terms[name] for name in names if name in terms))
        for group, names in PRIOR_GROUPS.items()
        if any(name in terms for name in names)
    }
    return {**found, ALL_PRIORS: np.asarray(sum(terms.values()))}


def data_components(fit: Fit, theta: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Give the log-likelihood of every kind of data, and of all: each (draw,)."""
    data, module = fit.model.data, fit.model.module
    arrays = fit.model.arrays
    seen = Seen(
        model=fit.model.name,
        arrays=arrays,
        coords=data.coords,
        theta=theta,
        latent=module.latents(theta, arrays, np),
    )
    found = {
        name: np.asarray(sum(terms.values()))
        for name, units in _units(seen).items()
        if (terms := log_likelihoods(seen, units))
    }
    found["that the case has held"] = np.asarray(sum(holding(seen).values()))
    return {**found, ALL_DATA: np.asarray(sum(found.values()))}


def _units(seen: Seen) -> dict[str, tuple[Unit, ...]]:
    """Name the units of each kind of data; ratings of history apart from those of the case."""
    coords, arrays = seen.coords, seen.arrays
    of_history = arrays["coding_row"] < len(coords["agreement"])
    things = coords["thing"]
    return {
        "history’s outcomes": _named("agreement", coords["agreement"]),
        "history’s ratings": _named(
            "thing", [label for label, past in zip(things, of_history, strict=True) if past]
        ),
        "ratings of the agreement": _named(
            "thing", [label for label, past in zip(things, of_history, strict=True) if not past]
        ),
        "news": _named("event", coords.get("event", ())),
        "counts": _named("window", coords.get("window", ())),
    }


def _named(kind: str, labels: Any) -> tuple[Unit, ...]:
    return tuple((kind, str(label)) for label in labels)
