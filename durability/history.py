"""History beside the model: survival curves, precedents, and what was learned of each parameter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from durability.agreements import Agreement
from durability.assembly import log_years
from durability.inference import Fit, Model
from durability.ladder import Spell, first_times, kaplan_meier
from durability.summaries import INTERVAL, curve, interval
from durability.vocabulary import DAYS_PER_YEAR, DRIVERS, MARKS, RUNGS, STREAMS

GRID_YEARS = np.concatenate([[0.0, 0.1, 0.25, 0.5, 0.75], np.arange(1.0, 5.0), np.arange(5, 31, 2)])
"""Ages at which survival curves are drawn."""

CURVE_DRAWS = 200
"""Draws behind a survival band: its own Monte Carlo error is well under the line's width."""

PRECEDENTS = 6

Theta = Mapping[str, np.ndarray]


def compare(fit: Fit, prior: Theta) -> dict[str, Any]:
    """Set history's Kaplan–Meier curves beside what model and priors imply.

    Parameters
    ----------
    fit : Fit
    prior : mapping
        Draws of the free parameters from their priors.

    Returns
    -------
    dict
        ``subset, agreements, events, kaplan_meier, model, prior_model, precedents``.
    """
    data = fit.model.data
    return {
        "subset": data.subset,
        "agreements": len(data.spells),
        "events": {s: sum(spell.event[s] for spell in data.spells) for s in STREAMS},
        "kaplan_meier": {rung: _observed(data.spells, rung) for rung in RUNGS},
        "model": _implied(fit, thinned(fit.theta(), CURVE_DRAWS)),
        "prior_model": _implied(fit, thinned(prior, CURVE_DRAWS)),
        "precedents": _precedents(fit),
    }


def thinned(theta: Theta, n: int) -> dict[str, np.ndarray]:
    """Keep about `n` draws, evenly spread."""
    step = max(len(next(iter(theta.values()))) // n, 1)
    return {name: values[::step] for name, values in theta.items()}


def _observed(spells: tuple[Spell, ...], rung: str) -> dict[str, Any]:
    times, events, weights = first_times(spells, rung)
    found = kaplan_meier(times, events, weights, interval_probability=INTERVAL)
    return {
        "age_years": [age / DAYS_PER_YEAR for age in found.ages],
        "survival": list(found.survival),
        "low": list(found.low),
        "high": list(found.high),
    }


def cumulative_by_age(fit: Fit, theta: Theta, years: np.ndarray) -> np.ndarray:
    """Expected hazard that each agreement of history accumulates to each age.

    Returns
    -------
    ndarray (draw, age, agreement, stream)
    """
    return expected_hazards(fit.model, theta, years)


def expected_hazards(model: Model, theta: Theta, years: np.ndarray) -> np.ndarray:
    """Do the same for draws that belong to no fit, such as those of a prior.

    Returns
    -------
    ndarray (draw, age, agreement, stream)
    """
    module, arrays = model.module, model.arrays
    latent = module.latents(theta, arrays, np)
    scale = module.log_scales(theta, latent, arrays)[..., :-1, :]
    shape = arrays["history_event"].shape
    out = []
    for age in years:
        edges = [np.zeros(shape), np.full(shape, age), np.full(shape, age)]
        out.append(module.history_hazards(theta, latent, arrays, log_years(edges), scale, np)[0])
    return np.stack(out, axis=1)


def mean_survival(model: Model, theta: Theta, years: np.ndarray) -> dict[str, np.ndarray]:
    """Survival of every rung, averaged over history's agreements by weight.

    Returns
    -------
    dict
        By rung, ndarray (draw, age).
    """
    cumulative = expected_hazards(model, theta, years)
    weight = model.arrays["history_weight"]
    by_name = {stream: cumulative[..., k] for k, stream in enumerate(STREAMS)}
    parts = {mark: MARKS[rank:] for rank, mark in enumerate(MARKS)}
    parts |= {"abrogation": ("abrogation",), "breakdown": ("war", "abrogation")}
    survival = {
        rung: np.exp(-np.asarray(sum(by_name[each] for each in parts[rung]))) for rung in RUNGS
    }
    return {rung: (each * weight).sum(-1) / weight.sum() for rung, each in survival.items()}


def _implied(fit: Fit, theta: Theta) -> dict[str, Any]:
    survival = mean_survival(fit.model, theta, GRID_YEARS)
    return {rung: {"age_years": GRID_YEARS.tolist(), **curve(survival[rung])} for rung in RUNGS}


def _precedents(fit: Fit) -> list[dict[str, Any]]:
    """Agreements whose drivers stood nearest at their start to where the case stands now.

    Distance is Mahalanobis in the four drivers, by the posterior means of standings and of their
    correlation. None where nothing is known of the case by which it could be near to any.
    """
    arrays, coords = fit.model.arrays, fit.model.data.coords
    rated = (arrays["coding_row"] >= len(coords["agreement"])).any()
    if not (rated or coords.get("event") or coords.get("window")):
        return []
    posterior = fit.posterior
    mean = {
        name: posterior[name].mean(("chain", "draw")).values
        for name in ("pressure", "history_standing", "correlation")
    }
    away = mean["history_standing"] - mean["pressure"][-1]
    precision = np.linalg.inv(mean["correlation"])
    distance = np.sqrt(np.einsum("ji,ik,jk->j", away, precision, away))
    data = fit.model.data
    return [
        {
            "id": data.agreements[j].id,
            "name": data.agreements[j].name,
            "start": data.agreements[j].start.isoformat(),
            "distance": float(distance[j]),
            "outcome": outcome(data.agreements[j], data.spells[j]),
            "ratings": _mean_ratings(data.agreements[j]),
        }
        for j in np.argsort(distance)[:PRECEDENTS]
    ]


def _mean_ratings(agreement: Agreement) -> dict[str, float]:
    """Mean of the coders' ratings at the start, by driver."""
    return {
        driver: float(np.mean([getattr(rating, driver) for rating in agreement.ratings]))
        for driver in DRIVERS
    }


def outcome(agreement: Agreement, spell: Spell) -> str:
    """Say in a few words what became of an agreement, as far as it was watched.

    Parameters
    ----------
    agreement : Agreement
    spell : Spell

    Returns
    -------
    str
    """
    names = {"war": "war", "abrogation": "abrogation", "fatal": "fatal clash", "force": "force"}
    told = [
        f"{names[rung]} after {spell.rung(rung).stop_days / DAYS_PER_YEAR:.1f} years"
        for rung in ("war", "abrogation", "fatal", "force")
        if spell.rung(rung).event
    ]
    if told and (spell.rung("war").event or spell.rung("abrogation").event):
        return told[0]
    watched = spell.rung("breakdown").stop_days / DAYS_PER_YEAR
    held = f"no war or abrogation in {watched:.0f} years watched"
    return f"{told[0]}; {held}" if told else held


def learned(fit: Fit, prior: Theta) -> dict[str, Any]:
    """Set prior beside posterior, for every effect and every parameter.

    The share learned is the share of the prior variance that the data removed.

    Parameters
    ----------
    fit : Fit
    prior : mapping
        Draws of the free parameters from their priors.

    Returns
    -------
    dict
        ``effects`` and ``parameters``.
    """
    module, posterior = fit.model.module, fit.theta()
    before, after = module.effects(prior), module.effects(posterior)
    effects = [
        {
            "parameter": f"beta[{stream}, {driver}]",
            "stream": stream,
            "driver": driver,
            "prior": interval(before[:, k, d]),
            "posterior": interval(after[:, k, d]),
            "share_learned": float(1.0 - after[:, k, d].var() / before[:, k, d].var()),
        }
        for k, stream in enumerate(STREAMS)
        for d, driver in enumerate(DRIVERS)
    ]
    return {"effects": effects, "parameters": _parameters(fit, prior, posterior)}


def _parameters(fit: Fit, prior: Theta, posterior: Theta) -> list[dict[str, Any]]:
    data, module = fit.model.data, fit.model.module
    rows = []
    for group, names in module.GROUPS.items():
        if group not in posterior:
            continue
        labels = list(names)
        if group in module.REPEATED:
            labels = [f"{names[0]}[{each}]" for each in data.coords[module.REPEATED[group]]]
        before = prior[group].reshape((len(prior[group]), -1))
        after = posterior[group].reshape((len(posterior[group]), -1))
        for i, label in enumerate(labels):
            told = fit.model.priors.parameters[names[min(i, len(names) - 1)]]
            rows.append(
                {
                    "name": label,
                    "meaning": told.meaning,
                    "prior": interval(before[:, i]),
                    "posterior": interval(after[:, i]),
                    "status": told.status,
                }
            )
    return rows
