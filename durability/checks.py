"""Predictive checks: would the fitted model have told what was told? And cross-validation.

Replications are made in NumPy by the model's own functions and written beside the draws. The unit
of PSIS-LOO (Vehtari, Gelman & Gabry 2017, doi:10.1007/s11222-016-9696-4) is an agreement's outcome,
its standing integrated out given its ratings, and an event, its own errors integrated out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from durability import cache
from durability.catalogue import marginals
from durability.cross_validation import leave_one_out
from durability.fast_leaving_out import left_out_terms
from durability.history import cumulative_by_age
from durability.inference import Fit, package_version, thinned_draws
from durability.summaries import curve, interval
from durability.vocabulary import (
    DAYS_PER_YEAR,
    DRIVERS,
    MARKS,
    RATING_MAX,
    RATING_MIN,
    RUNGS,
    STREAMS,
)

if TYPE_CHECKING:
    import xarray as xr

PRIOR_DRAWS = 2000
REPLICATIONS = 500
OUTCOME_REPLICATIONS = 200
LOO_DRAWS = 400
OWN_POINTS, OWN_SEED = 32, 1
"""At which what is an agreement's own is integrated out for cross-validation: a power of two."""

LADDER_YEARS = (1, 5, 10)
INVERSION_YEARS = np.concatenate([[0.0], np.geomspace(1 / DAYS_PER_YEAR, 80.0, 40)])
"""Ages between which an event's time is found by inverting its cumulative hazard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What the checks found.

    Parameters
    ----------
    record : dict
        ``ratings``, ``ladder`` and ``loo``, as in ``forecast.json``.
    tree : DataTree
        The fit's groups and ``prior``, ``posterior_predictive`` and ``log_likelihood``.
    """

    record: dict[str, Any]
    tree: xr.DataTree


def prior_draws(fit: Fit) -> dict[str, np.ndarray]:
    """Draw the free parameters from their priors: each array (draw, …)."""
    rng = np.random.default_rng([fit.settings.seed, 1])
    drawn: dict[str, np.ndarray] = fit.model.module.prior_draws(
        fit.model.data, fit.model.priors.parameters, n=PRIOR_DRAWS, rng=rng
    )
    return drawn


def check(fit: Fit, prior: Mapping[str, np.ndarray]) -> Checked:
    """Replicate ratings and outcomes, and cross-validate both.

    Parameters
    ----------
    fit : Fit
    prior : mapping
        Of :func:`prior_draws`.

    Returns
    -------
    Checked
    """
    rng = np.random.default_rng([fit.settings.seed, 2])
    ratings, levels = _ratings(fit, rng)
    ladder, times = _ladder(fit, rng)
    likelihood = _log_likelihood(fit)
    tree = _tree(fit, prior, levels, times, likelihood)
    held = tree["log_likelihood"].to_dataset()
    loo = {"outcomes": leave_outcomes_out(fit)}
    if "events" in likelihood:
        labels = list(held[UNITS["events"]].values)
        loo["events"] = leave_one_out(likelihood["events"], labels, "events")
    return Checked(record={"ratings": ratings, "ladder": ladder, "loo": loo}, tree=tree)


def _ratings(fit: Fit, rng: np.random.Generator) -> tuple[dict[str, Any], np.ndarray]:
    module, arrays = fit.model.module, fit.model.arrays
    _, theta = thinned_draws(fit, REPLICATIONS)
    levels = module.replicated_readings(theta, module.latents(theta, arrays, np), arrays, rng)
    categories = range(RATING_MAX - RATING_MIN + 1)
    told = arrays["reading_level"][: levels.shape[-1]]
    counts = np.stack([(levels == k).sum(-1) for k in categories], axis=-1)
    predicted = curve(counts)
    record = {
        "category": [k + RATING_MIN for k in categories],
        "observed": [int((told == k).sum()) for k in categories],
        "predicted_mean": predicted["mean"],
        "low": predicted["low"],
        "high": predicted["high"],
    }
    return record, levels


def _ladder(fit: Fit, rng: np.random.Generator) -> tuple[list[dict[str, Any]], np.ndarray]:
    """Count agreements that climbed to each rung by an age, in history and in replications."""
    _, theta = thinned_draws(fit, OUTCOME_REPLICATIONS)
    cumulative = cumulative_by_age(fit, theta, INVERSION_YEARS)
    times = _rung_times(_event_times(cumulative, rng))
    spells = fit.model.data.spells
    limits = np.array([spell.limit_days for spell in spells]) / DAYS_PER_YEAR
    limit = np.column_stack([limits, limits[:, STREAMS.index("war")]])
    weight = np.array([spell.weight for spell in spells])
    rows = []
    for r, rung in enumerate(RUNGS):
        for years in LADDER_YEARS:
            seen = [
                spell.rung(rung).event and spell.rung(rung).stop_days / DAYS_PER_YEAR <= years
                for spell in spells
            ]
            again = times[..., r] <= np.minimum(limit[:, r], years)
            rows.append(
                {
                    "rung": rung,
                    "years": years,
                    "observed": float((np.array(seen) * weight).sum()),
                    **interval((again * weight).sum(-1)),
                }
            )
    return rows, times


def _event_times(cumulative: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw first-event ages in years by inverting cumulative hazards: (draw, agreement, stream).

    Between two ages of the grid the hazard is taken as constant; beyond it, as never.
    """
    hazard = np.moveaxis(cumulative, 1, -1)
    need = rng.exponential(size=hazard.shape[:-1])[..., None]
    place = (hazard < need).sum(-1)
    inside = np.clip(place, 1, len(INVERSION_YEARS) - 1)[..., None]
    below = np.take_along_axis(hazard, inside - 1, -1)[..., 0]
    above = np.take_along_axis(hazard, inside, -1)[..., 0]
    low, high = INVERSION_YEARS[inside[..., 0] - 1], INVERSION_YEARS[inside[..., 0]]
    share = (need[..., 0] - below) / np.maximum(above - below, 1e-300)
    times = low + np.clip(share, 0.0, 1.0) * (high - low)
    return np.where(place >= len(INVERSION_YEARS), np.inf, times)


def _rung_times(streams: np.ndarray) -> np.ndarray:
    """First age at each rung, abrogation ending the rest: (draw, agreement, rung)."""
    ended = streams[..., STREAMS.index("abrogation")]
    war = streams[..., STREAMS.index("war")]
    rungs = []
    for rank in range(len(MARKS)):
        first = streams[..., rank : len(MARKS)].min(-1)
        rungs.append(np.where(first <= ended, first, np.inf))
    rungs.append(np.where(ended < war, ended, np.inf))
    rungs.append(np.minimum(war, ended))
    return np.stack(rungs, axis=-1)


def _log_likelihood(fit: Fit) -> dict[str, np.ndarray]:
    """Log-likelihood of every unit of cross-validation: each (chain, draw, unit). Cached."""

    def computed() -> dict[str, np.ndarray]:
        module, arrays = fit.model.module, fit.model.arrays
        _, theta = thinned_draws(fit, LOO_DRAWS)
        latent = module.latents(theta, arrays, np)
        terms = {"outcomes": marginals().outcomes(theta, latent, arrays, _own_points())}
        if "event_driver" in arrays:
            terms["events"] = marginals().events(theta, latent, arrays)
        return terms

    return _kept(fit, LOO_DRAWS, "", computed)


def leave_outcomes_out(fit: Fit, *, draws: int = LOO_DRAWS) -> dict[str, Any]:
    """Leave history's outcomes out one by one, with the mark of hindsight that each has put on.

    Parameters
    ----------
    fit : Fit
    draws : int
        About so many, evenly spread.

    Returns
    -------
    dict
        Of :func:`durability.cross_validation.leave_one_out`. The density of an outcome is that
        given the agreement's ratings read without hindsight.
    """
    found = left_out_outcomes(fit, draws=draws)
    labels = list(fit.model.data.coords["agreement"])
    return leave_one_out(found["outcomes"], labels, "outcomes", ratios=found["ratios"])


def left_out_outcomes(fit: Fit, *, draws: int = LOO_DRAWS) -> dict[str, np.ndarray]:
    """Give :func:`durability.fast_leaving_out.left_out_terms` of a fit. Cached.

    Parameters
    ----------
    fit : Fit
    draws : int
        About so many, evenly spread.

    Returns
    -------
    dict
        ``ratios`` and ``outcomes``, the densities: ndarray (chain, draw, agreement).
    """

    def computed() -> dict[str, np.ndarray]:
        return dict(zip(("ratios", "outcomes"), left_out_terms(fit, draws=draws), strict=True))

    return _kept(fit, draws, "left out", computed)


def _own_points() -> np.ndarray:
    """Give normal points for a standing of four drivers and the frailties of cluster and dyad."""
    from scipy.special import ndtri
    from scipy.stats.qmc import Sobol

    uniform = Sobol(len(DRIVERS) + 2, rng=np.random.default_rng(OWN_SEED)).random(OWN_POINTS)
    points: np.ndarray = ndtri(uniform)
    return points


def _kept(
    fit: Fit, draws: int, what: str, compute: Callable[[], dict[str, np.ndarray]]
) -> dict[str, np.ndarray]:
    """Read pointwise likelihoods from the cache, or compute and keep them."""
    import xarray as xr

    rules = (package_version("durability"), draws, OWN_POINTS, OWN_SEED)
    told = repr((*rules, what) if what else rules)
    key = f"{fit.key}.{hashlib.sha256(told.encode()).hexdigest()[:16]}"
    known = cache.read_tree(key)
    if known is not None:
        return {str(name): array.values for name, array in known.data_vars.items()}
    places, _ = thinned_draws(fit, draws)
    shape = (fit.settings.chains, len(places))
    found = {name: values.reshape((*shape, -1)) for name, values in compute().items()}
    named = {name: (("chain", "draw", UNITS[name]), values) for name, values in found.items()}
    cache.write_tree(key, xr.DataTree(xr.Dataset(named)))
    return found


UNITS = {"outcomes": "agreement", "ratios": "agreement", "events": "event"}


def _tree(
    fit: Fit,
    prior: Mapping[str, np.ndarray],
    levels: np.ndarray,
    times: np.ndarray,
    likelihood: Mapping[str, np.ndarray],
) -> xr.DataTree:
    import xarray as xr

    coords = {name: list(labels) for name, labels in fit.model.data.coords.items()}
    chains = fit.settings.chains
    described = fit.model.module.describe(prior, fit.model.arrays)
    before = {
        name: (("chain", "draw", *dims), values[None])
        for name, (dims, values) in described.items()
        if name in ("beta", "weibull_shape", "correlation", "event_sd")
    }
    before |= {
        name: (("chain", "draw", *(f"{name}_{i}" for i in range(values.ndim - 1))), values[None])
        for name, values in prior.items()
        if not name.endswith("_raw")
    }
    replicated = {
        "reading_level": (
            ("chain", "draw", "own_reading"),
            levels.reshape((chains, -1, levels.shape[-1])),
        ),
    }
    outcomes = {
        "rung_years": (
            ("chain", "draw", "agreement", "rung"),
            times.reshape((chains, -1, *times.shape[1:])),
        ),
    }
    pointwise = {
        name: (("chain", "draw", UNITS[name]), values) for name, values in likelihood.items()
    }
    groups = {
        "prior": xr.Dataset(before, coords={k: coords[k] for k in ("stream", "driver", "grade")}),
        "posterior_predictive": xr.Dataset(replicated),
        "outcomes_predictive": xr.Dataset(
            outcomes, coords={"agreement": coords["agreement"], "rung": list(RUNGS)}
        ),
        "log_likelihood": xr.Dataset(
            pointwise, coords={UNITS[name]: coords[UNITS[name]] for name in pointwise}
        ),
    }
    tree = fit.tree.copy()
    for name, dataset in groups.items():
        tree[name] = xr.DataTree(dataset)
    return tree
