r"""Rival beliefs: one case forecast under prior sets that disagree.

**Disagreement.** A probability differs between the draws of each set, and its mean between sets.
With the sets equally credible, Draper (1995, doi:10.1111/j.2517-6161.1995.tb02015.x) splits the
variance of the probability over all draws of all :math:`K` sets,

.. math:: \operatorname{Var} p = \underbrace{\frac1K\sum_k (\bar p_k - \bar p)^2}_{\text{between}}
    + \underbrace{\frac1K\sum_k \operatorname{Var}_k p}_{\text{within}} ,

and the disagreement is the share that lies between: 0 where all sets give the same mean, 1 where
each is certain of another.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from durability import cache, checks
from durability.catalogue import library_hash
from durability.errors import InputError, Problem, quoted
from durability.inference import Fit
from durability.judged_fits import forecast_hash
from durability.prior_sets import PriorSet
from durability.progress import NullProgress, Progress
from durability.reweighting import (
    mcse,
    weighted_mean,
    weighted_quantiles,
)
from durability.rival_comparison import average, compare_forecasts
from durability.rival_fits import fit_rivals, has_fits, known_fits
from durability.rival_forecasts import SetForecast, forecast_of, judged, shipped_sets, weighed
from durability.summaries import INTERVAL, TAILS
from durability.vocabulary import HORIZONS_MONTHS, RUNGS

LOO_DRAWS: Final = 1000
"""Behind the densities of left-out outcomes: differences between sets are small beside those
between agreements, so their Monte Carlo error must be too."""


def disagreement(means: Sequence[float], variances: Sequence[float]) -> float:
    """Share of a probability's variance that lies between prior sets, all equally credible.

    Parameters
    ----------
    means, variances : sequence of float
        Of the probability over the draws of each set.

    Returns
    -------
    float
        From 0, where all means are the same, to 1, where every set is certain.

    Raises
    ------
    ValueError
        Fewer than two sets, or lengths that differ.

    Examples
    --------
    >>> disagreement([0.1, 0.3], [0.01, 0.01])
    0.5
    """
    if len(means) != len(variances) or len(means) < 2:
        raise ValueError(f"{len(means)} means and {len(variances)} variances; two sets at least")
    if min(means) == max(means):
        return 0.0
    between, within = float(np.var(means)), float(np.mean(variances))
    # Means so close that the square of their difference is zero are the same.
    return between / (between + within) if between > 0.0 else 0.0


# The record ---------------------------------------------------------------------------------


def compare_rivals(
    fit: Fit, sets: Sequence[PriorSet] | None = None, *, progress: Progress | None = None
) -> dict[str, Any]:
    """Fit a case under rival prior sets, and see whether history can tell them apart.

    Parameters
    ----------
    fit : Fit
        Under the set that the others are held against; they are fitted with its settings.
    sets : sequence of PriorSet, optional
        The shipped ones if not given.
    progress : Progress, optional
        Told what is going on.

    Returns
    -------
    dict
        ``rivals``, as :func:`rivals_record` gives it, and ``breakdown``, what the first set says,
        both as in ``forecast.json``.

    Raises
    ------
    InputError
        A set does not give what the model needs, or is there twice.
    SamplingError
        The sampler could not start, or a trace is not whole.
    """
    progress = NullProgress() if progress is None else progress
    sets = shipped_sets(fit.model.priors) if sets is None else list(sets)
    check_distinct([fit.model.priors, *sets])
    progress.stage("Fitting under rival prior sets")
    found = fit_rivals(fit, sets, progress=progress)
    progress.stage("Leaving outcomes out")
    for each in (fit, *found):
        checks.leave_outcomes_out(each, draws=LOO_DRAWS)
    record = rivals_record(fit, HORIZONS_MONTHS, sets=sets)
    record["sets"][0]["note"] = judged(fit, months=max(HORIZONS_MONTHS)).note
    return {"rivals": record, "breakdown": record["sets"][0]["breakdown"]}


def check_distinct(sets: Sequence[PriorSet]) -> None:
    """Refuse prior sets of which one says the same as an earlier one.

    Parameters
    ----------
    sets : sequence of PriorSet
        The set that the others are held against first.

    Raises
    ------
    InputError
        A set is there more than once.
    """
    hashes = [each.hash for each in sets]
    twice = [
        Problem(
            where="rivals",
            found=f"the prior set {quoted(each.name)} is there more than once",
            allowed=f"sets that differ from each other and from {quoted(sets[0].name)}, "
            "which the others are held against",
        )
        for place, each in enumerate(sets)
        if each.hash in hashes[:place]
    ]
    if twice:
        raise InputError(twice)


def rivals_record(
    fit: Fit,
    horizons: Sequence[int],
    *,
    sets: Sequence[PriorSet] | None = None,
) -> dict[str, Any]:
    """Say what a fit's own set and its rivals say of the case, with what the cache holds.

    Parameters
    ----------
    fit : Fit
    horizons : sequence of int
        In months after the cutoff.
    sets : sequence of PriorSet, optional
        The shipped ones if not given.

    Returns
    -------
    dict
        ``sets``, ``disagreement`` and ``comparison``, as in ``forecast.json``. The verdict on the
        fit itself is not in its note: it stands in the forecast.
    """
    sets = shipped_sets(fit.model.priors) if sets is None else list(sets)
    months = max(horizons)
    fits = known_fits(fit, sets)
    forecasts = [forecast_of(fit, months=months)]
    for priors, known in zip(sets, fits, strict=True):
        forecasts.append(
            weighed(fit, priors, months=months) if known is None else judged(known, months=months)
        )
    fitted = [fit, *(each for each in fits if each is not None)]
    whole = len(fitted) == len(forecasts) > 1
    return {
        "sets": [_set_row(each, horizons) for each in forecasts],
        "disagreement": _disagreements(forecasts, horizons),
        "comparison": _comparison(fitted, forecasts, horizons) if whole else None,
    }


def kept_rivals(fit: Fit, horizons: Sequence[int]) -> dict[str, Any]:
    """Give :func:`rivals_record` of the shipped sets, from the cache where nothing has changed."""
    sets = shipped_sets(fit.model.priors)
    known = has_fits(fit, sets)
    told = repr((library_hash(), [each.hash for each in sets], known, tuple(horizons)))
    key = f"{forecast_hash(fit)}.{hashlib.sha256(told.encode()).hexdigest()[:16]}"
    record: dict[str, Any] = cache.kept_json(key, lambda: rivals_record(fit, horizons, sets=sets))
    return record


def _set_row(found: SetForecast, horizons: Sequence[int]) -> dict[str, Any]:
    khat = found.pareto_k
    return {
        "name": found.priors.name,
        "hash": found.priors.hash,
        "about": found.priors.about,
        "method": found.method,
        "pareto_k": khat if khat is not None and np.isfinite(khat) else None,
        "effective_size": found.effective_size,
        "note": found.note,
        "breakdown": {
            rung: {str(h): _chance(found, values[:, h - 1]) for h in horizons}
            for rung, values in found.rungs.items()
        },
    }


def _chance(found: SetForecast, values: np.ndarray) -> dict[str, float]:
    low, high = weighted_quantiles(values, found.weights, TAILS)
    return {
        "mean": average(values, found.weights),
        "low": float(low),
        "high": float(high),
        "interval_probability": INTERVAL,
        "mcse": mcse(values, found.weights, chains=found.chains),
    }


def _disagreements(forecasts: Sequence[SetForecast], horizons: Sequence[int]) -> dict[str, Any]:
    """Share of variance between sets, and the range of their means, by rung and horizon."""
    told = [each for each in forecasts if each.rungs]
    rungs: dict[str, Any] = {}
    if len(told) > 1:
        for rung in RUNGS:
            rungs[rung] = {str(h): _disagreement_at(told, rung, h) for h in horizons}
    return {
        "sets": [each.priors.name for each in told],
        "without": [each.priors.name for each in forecasts if not each.rungs],
        "rungs": rungs,
    }


def _disagreement_at(told: Sequence[SetForecast], rung: str, horizon: int) -> dict[str, float]:
    values = [each.rungs[rung][:, horizon - 1] for each in told]
    pairs = list(zip(values, told, strict=True))
    means = [average(each, found.weights) for each, found in pairs]
    squares = [float(weighted_mean(each**2, found.weights)) for each, found in pairs]
    spreads = [max(square - mean**2, 0.0) for square, mean in zip(squares, means, strict=True)]
    return {
        "share": disagreement(means, spreads),
        "lowest": min(means),
        "highest": max(means),
    }


def _comparison(
    fits: Sequence[Fit], forecasts: Sequence[SetForecast], horizons: Sequence[int]
) -> dict[str, Any]:
    """Hold the sets against each other by history's outcomes, left out one at a time."""
    data = fits[0].model.data
    found = [checks.leave_outcomes_out(each, draws=LOO_DRAWS) for each in fits]
    return compare_forecasts(
        np.array([[row["elpd"] for row in each["rows"]] for each in found]),
        forecasts,
        [each.cluster for each in data.agreements],
        horizons,
        over=[[row["id"] for row in each["rows"] if not row["pareto_k"] <= 0.7] for each in found],
    )
