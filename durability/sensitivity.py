"""Sensitivities: the same forecast with one choice made another way.

Each alternative is refitted with short chains; one compilation serves them all, for every choice
enters as data. Weighting the draws of the fit by the ratio of likelihoods would be quicker, but
most alternatives lie too far away for that (Pareto k above 0.7).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from durability import cache
from durability.assembly import ModelData, reassemble
from durability.catalogue import baselines
from durability.errors import DurabilityError
from durability.inference import (
    Fit,
    Model,
    Settings,
    compile_model,
    package_version,
    sample,
    with_data,
)
from durability.judged_fits import forecast_hash
from durability.progress import Part, Progress
from durability.simulation import closed_streams, edge_ages, incidences, simulate
from durability.summaries import mcse
from durability.wording import BASELINE_PREFIX

DRAWS, TUNE, CHAINS = 150, 120, 2
TARGET_ACCEPT = 0.8
"""Lower than the fit's: half the steps, and a rare divergence is told in the row's note."""

MAX_DEPTH = 6
"""Trees need a depth of 5 or 6 once tuned; deeper ones only make the start of warm-up slow."""

HORIZONS = (12, 24, 60)
RHAT_MOST = 1.05
"""Of a refit's probabilities; chains are short, so the bound is wider than the verdict's."""

BASELINE_DRAWS = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """One choice made another way.

    Parameters
    ----------
    name, what : str
    change : callable
        From a model to the model with the other choice.
    """

    name: str
    what: str
    change: Callable[[Model], Model]


def _data(**changes: Any) -> Callable[[Model], Model]:
    return lambda model: replace(model, data=reassemble(model.data, **changes))


def _fixed(name: str, value: float) -> Callable[[Model], Model]:
    def change(model: Model) -> Model:
        priors = dict(model.priors.parameters)
        priors[name] = replace(priors[name], values=MappingProxyType({"value": value}))
        return replace(model, priors=replace(model.priors, parameters=MappingProxyType(priors)))

    return change


ALTERNATIVES: tuple[Alternative, ...] = (
    Alternative(
        name="Clock from the deal",
        what="age counts from the deal, not from the end of the fighting",
        change=_data(clock="deal"),
    ),
    Alternative(
        name="Leftover fighting counts",
        what="fighting left over from the war counts as an event of history",
        change=_data(reading="all"),
    ),
    Alternative(
        name="News speaks of the level",
        what="ratings of news read the level of a driver alone",
        change=_data(level_change=(0.0, 0.0)),
    ),
    Alternative(
        name="News speaks of the change",
        what="ratings of news read the change over a month alone",
        change=_data(level_change=(1.0, 1.0)),
    ),
    Alternative(
        name="No shared error", what="coders share no error", change=_fixed("shared_error", 0.0)
    ),
    Alternative(
        name="Large shared error",
        what="the coders' shared error has a standard deviation of 0.6",
        change=_fixed("shared_error", 0.6),
    ),
    Alternative(
        name="No hindsight", what="coders knew nothing of the end", change=_fixed("hindsight", 0.0)
    ),
    Alternative(
        name="Strong hindsight",
        what="agreements that broke look 0.5 worse to their coders",
        change=_fixed("hindsight", 0.5),
    ),
)


def run_sensitivities(fit: Fit, *, progress: Progress) -> list[dict[str, Any]]:
    """Forecast under every alternative, by refits, and keep the rows in the cache.

    Parameters
    ----------
    fit : Fit
    progress : Progress

    Returns
    -------
    list of dict
        ``name, what, method, breakdown {months: {mean, mcse}}, note``.
    """
    settings = Settings(
        draws=min(DRAWS, fit.settings.draws),
        tune=min(TUNE, fit.settings.tune),
        chains=min(CHAINS, fit.settings.chains),
        seed=fit.settings.seed,
        target_accept=TARGET_ACCEPT,
        max_depth=MAX_DEPTH,
    )
    free = {n for each in ALTERNATIVES for n in read_changes(fit.model, each.change(fit.model))}
    compiled = compile_model(fit.model, free=free)
    rows = [
        _refit(
            alternative, fit, compiled, settings, progress=Part(progress, done, len(ALTERNATIVES))
        )
        for done, alternative in enumerate(ALTERNATIVES)
    ]
    cache.write_json(_key(fit), rows)
    return rows


def known_sensitivities(fit: Fit) -> list[dict[str, Any]]:
    """Give the rows of :func:`run_sensitivities` that the cache holds: all, or none."""
    known = cache.read_json(_key(fit))
    return known if isinstance(known, list) else []


def _key(fit: Fit) -> str:
    """Hash of all that decides the rows beside the fit: the library's version and the settings."""
    rules = (DRAWS, TUNE, CHAINS, TARGET_ACCEPT, MAX_DEPTH, HORIZONS, RHAT_MOST)
    named = [(alternative.name, alternative.what) for alternative in ALTERNATIVES]
    told = repr((package_version("durability"), rules, named))
    return f"{forecast_hash(fit)}.{hashlib.sha256(told.encode()).hexdigest()[:16]}"


def baseline_rows(fit: Fit) -> list[dict[str, Any]]:
    """Say what hazards that know no driver and no news would say of the case.

    Parameters
    ----------
    fit : Fit
        Whose history teaches them, and whose case they are asked about.

    Returns
    -------
    list of dict
        As :func:`run_sensitivities` gives them.
    """
    found = baseline_incidences(fit.model.data, months=max(HORIZONS), seed=fit.settings.seed)
    rows = []
    for title, rungs in found.items():
        broken = rungs["breakdown"]
        rows.append(
            {
                "name": f"{BASELINE_PREFIX}{title}",
                "what": "history alone, without drivers or news",
                "method": f"{BASELINE_DRAWS} independent draws",
                "breakdown": {
                    str(h): {
                        "mean": float(broken[:, h - 1].mean()),
                        "mcse": float(broken[:, h - 1].std() / np.sqrt(BASELINE_DRAWS)),
                    }
                    for h in HORIZONS
                },
                "note": "",
            }
        )
    return rows


def baseline_incidences(
    data: ModelData, *, months: int, seed: int
) -> dict[str, dict[str, np.ndarray]]:
    """Forecast a case by every baseline, which data teach that hold its history.

    Parameters
    ----------
    data : ModelData
    months : int
        After the cutoff.
    seed : int

    Returns
    -------
    dict
        By title and rung, ndarray (draw, month).
    """
    ages = edge_ages(data.cutoff, data.clock_start, months)
    found = {}
    for baseline in baselines().values():
        increments = baseline.cumulative(data, ages, draws=BASELINE_DRAWS, seed=seed)
        found[baseline.title] = incidences(increments, closed_streams(data))
    return found


def _refit(
    alternative: Alternative, fit: Fit, compiled: Any, settings: Settings, *, progress: Progress
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "name": alternative.name,
        "what": alternative.what,
        "method": f"refit, {settings.chains} chains of {settings.draws} draws",
        "breakdown": {},
        "note": "",
    }
    model = alternative.change(fit.model)
    try:
        tree = sample(
            with_data(compiled, read_changes(fit.model, model)),
            model,
            settings,
            progress=progress,
        )
    except DurabilityError as error:
        return {**row, "note": f"could not be refitted: {error}"}
    other = Fit(model=model, tree=tree, settings=settings, key="")
    future = simulate(other, months=max(HORIZONS), seed=settings.seed)
    broken = incidences(future.increments, future.happened)["breakdown"]
    row["breakdown"] = {
        str(h): {
            "mean": float(broken[:, h - 1].mean()),
            "mcse": mcse(broken[:, h - 1], chains=settings.chains),
        }
        for h in HORIZONS
    }
    return {**row, "note": "; ".join(_doubts(tree, broken[:, [h - 1 for h in HORIZONS]], settings))}


def _doubts(tree: Any, probabilities: np.ndarray, settings: Settings) -> list[str]:
    """Say what is wrong with a refit's chains."""
    import arviz as az

    doubts = []
    divergences = int(tree["sample_stats"].to_dataset()["diverging"].values.sum())
    if divergences:
        doubts.append(f"{divergences} divergences")
    chains = probabilities.T.reshape((-1, settings.chains, settings.draws))
    rhat = max(float(az.rhat(each, method="rank")) for each in chains)
    if not rhat <= RHAT_MOST:
        doubts.append(f"R-hat of the probabilities {rhat:.2f}, limit {RHAT_MOST}")
    return doubts


def read_changes(before: Model, after: Model) -> dict[str, np.ndarray]:
    """Give the arrays that an alternative changes and that a likelihood reads."""
    changed = changed_arrays(before.arrays, after.arrays)
    return {name: values for name, values in changed.items() if name not in after.module.UNREAD}


def changed_arrays(
    before: Mapping[str, np.ndarray], after: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Give the arrays that an alternative changes.

    Raises
    ------
    ValueError
        One changes its shape, which a compiled model cannot take.
    """
    changed = {}
    for name, values in after.items():
        if values.shape != before[name].shape:
            raise ValueError(f"{name} changes its shape")
        if not np.array_equal(values, before[name]):
            changed[name] = values
    return changed
