"""Sensitivities: the same forecast with one choice made another way, refitted each time.

One compilation serves them all, for every choice enters as data. The chains are short, so each
answer carries a Monte Carlo error worth reading.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from durability import cache
from durability.assembly import reassemble
from durability.errors import DurabilityError
from durability.inference import Fit, Model, Settings, compile_model, sample
from durability.progress import Progress
from durability.simulation import incidences, simulate
from durability.summaries import mcse

DRAWS, TUNE, CHAINS = 300, 300, 2
HORIZONS = (12, 24, 60)


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
    """Refit under every alternative, or read the same refits from the cache.

    Parameters
    ----------
    fit : Fit
    progress : Progress

    Returns
    -------
    list of dict
        ``name, what, method, breakdown {months: {mean, mcse}}, note``.
    """
    key = f"{fit.key}.sensitivities"
    known = cache.read_json(key)
    if isinstance(known, list) and len(known) == len(ALTERNATIVES):
        return known
    settings = Settings(
        draws=min(DRAWS, fit.settings.draws),
        tune=min(TUNE, fit.settings.tune),
        chains=min(CHAINS, fit.settings.chains),
        seed=fit.settings.seed,
    )
    compiled = fit.compiled
    if compiled is None:
        progress.stage("compile")
        compiled = compile_model(fit.model)
    progress.stage("sensitivities")
    began = time.monotonic()
    rows = []
    for done, alternative in enumerate(ALTERNATIVES):
        rows.append(_refit(alternative, fit, compiled, settings))
        progress.chains([done + 1], len(ALTERNATIVES), 0)
    cache.write_json(key, rows)
    if isinstance(fit.timings, dict):
        fit.timings["sensitivities"] = time.monotonic() - began
    return rows


def _refit(alternative: Alternative, fit: Fit, compiled: Any, settings: Settings) -> dict[str, Any]:
    row: dict[str, Any] = {
        "name": alternative.name,
        "what": alternative.what,
        "method": f"refit, {settings.chains} chains of {settings.draws} draws",
        "breakdown": {},
        "note": "",
    }
    model = alternative.change(fit.model)
    changed = changed_arrays(fit.model.arrays, model.arrays)
    shared = {variable.name for variable in compiled.shared_var_keys}
    try:
        tree = sample(
            compiled.with_data(**{n: a for n, a in changed.items() if n in shared}),
            model,
            settings,
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
    divergences = int(tree["sample_stats"]["diverging"].values.sum())
    if divergences:
        row["note"] = f"{divergences} divergences"
    return row


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
