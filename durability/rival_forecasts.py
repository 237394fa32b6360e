"""What one prior set says of a case: through a fit of its own, or through another's draws.

A set that was fitted speaks through its own draws. One that was not speaks through the draws of
the main fit, weighed by the ratio of the two priors and Pareto-smoothed (Vehtari et al. 2024,
Journal of Machine Learning Research 25(72)), where the Pareto k says that they can be trusted;
where it does not, nothing is said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from durability.catalogue import prior_ratio
from durability.inference import Fit, build
from durability.judged_fits import judge_fit
from durability.prior_sets import PriorSet, read_priors, shipped_path
from durability.reweighting import khat_most, smooth
from durability.simulation import incidences, simulate

SHIPPED: Final = ("default", "agreements_work", "bargaining_power", "sceptical")
"""The sets that are held against each other unless others are named."""

FITTED, WEIGHED, MISSING = "fitted", "weighed", "not computed"

HOW_TO_FIT: Final = "fit it with durability rivals"


@dataclass(frozen=True, slots=True, kw_only=True)
class SetForecast:
    """What one prior set says of a case.

    Parameters
    ----------
    priors : PriorSet
    method : str
        ``fitted``, ``weighed`` or ``not computed``.
    rungs : mapping of str to ndarray (draw, month)
        Probability of each rung by month along every draw; empty where not computed.
    weights : ndarray (draw,)
        They add up to one.
    chains : int
    pareto_k : float or None
        Of the weights; None for a set that was fitted.
    effective_size : float
        Draws of the main fit that the weighed ones are as good as.
    note : str
        What is wrong with it, or empty.
    """

    priors: PriorSet
    method: str
    rungs: Mapping[str, np.ndarray]
    weights: np.ndarray
    chains: int
    pareto_k: float | None
    effective_size: float
    note: str


def shipped_sets(own: PriorSet) -> list[PriorSet]:
    """Read the shipped rivals of a prior set: all of :data:`SHIPPED` that differ from it."""
    read = [read_priors(shipped_path(name)) for name in SHIPPED]
    return [each for each in read if each.hash != own.hash]


def weighed(fit: Fit, priors: PriorSet, *, months: int) -> SetForecast:
    """Forecast under another prior set from the draws of a fit.

    Parameters
    ----------
    fit : Fit
    priors : PriorSet
    months : int
        After the cutoff.

    Returns
    -------
    SetForecast
        Not computed where the Pareto k of the weights is too large.

    Raises
    ------
    InputError
        The set does not give what the model needs.
    """
    model = build(fit.model.data, priors, model=fit.model.name)
    fixed = [
        name
        for name in fit.model.module.FIXED
        if priors.parameters[name].values != fit.model.priors.parameters[name].values
    ]
    ratio = prior_ratio(fit.theta(), fit.model.priors, priors)
    found = SetForecast(
        priors=priors,
        method=MISSING,
        rungs={},
        weights=np.full(len(fit), 1.0 / len(fit)),
        chains=fit.settings.chains,
        pareto_k=None,
        effective_size=0.0,
        note="",
    )
    if fixed:
        return replace(found, note=f"it fixes {', '.join(fixed)} otherwise: {HOW_TO_FIT}")
    if not np.isfinite(ratio.max()):
        return replace(found, note=f"it rules out every draw of the main fit: {HOW_TO_FIT}")
    weights, most = smooth(ratio), khat_most(len(fit))
    found = replace(found, pareto_k=weights.khat, effective_size=weights.effective_size)
    if not weights.khat <= most:
        return replace(found, note=f"Pareto k above {most:.2g}: {HOW_TO_FIT}")
    future = simulate(replace(fit, model=model), months=months, seed=fit.settings.seed)
    rungs = incidences(future.increments, future.happened)
    return replace(found, method=WEIGHED, rungs=rungs, weights=weights.values)


def forecast_of(fit: Fit, *, months: int) -> SetForecast:
    """Give what a fit's own set says of its case."""
    future = simulate(fit, months=months, seed=fit.settings.seed)
    return _spoken(fit, incidences(future.increments, future.happened))


def _spoken(fit: Fit, rungs: Mapping[str, np.ndarray], note: str = "") -> SetForecast:
    return SetForecast(
        priors=fit.model.priors,
        method=FITTED,
        rungs=rungs,
        weights=np.full(len(fit), 1.0 / len(fit)),
        chains=fit.settings.chains,
        pareto_k=None,
        effective_size=float(len(fit)),
        note=note,
    )


def judged(fit: Fit, *, months: int) -> SetForecast:
    """Give what a fit's own set says, and in the note what its verdict holds against it."""
    found = judge_fit(fit, months=months)
    return _spoken(found.fit, found.rungs, note="; ".join(found.verdict.reasons))
