"""Sensitivities: the same forecast with one choice made another way.

By default the draws are weighted by the ratio of likelihoods, Pareto-smoothed (Vehtari et al. 2024,
arXiv:1507.02646). Where k-hat says that the weights cannot answer, the row says so and is empty.
Asked to, each alternative is refitted with short chains instead: one compilation serves them all,
for every choice enters as data.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from durability import cache
from durability.assembly import reassemble
from durability.catalogue import baselines
from durability.errors import DurabilityError
from durability.inference import (
    Fit,
    Model,
    Settings,
    compile_model,
    package_version,
    sample,
    thinned_draws,
)
from durability.progress import Progress
from durability.simulation import closed_streams, edge_ages, incidences, simulate
from durability.summaries import mcse

DRAWS, TUNE, CHAINS = 300, 300, 2
HORIZONS = (12, 24, 60)

WEIGHTED_DRAWS = 1000
BASELINE_DRAWS = 4000
KHAT_MOST = 0.7
SIZE_LEAST = 200.0
"""Effective draws that a weighted row needs: with few of them a k-hat of 0.5 once let the flagship
move by a third where a refit did not move it."""


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


def run_sensitivities(fit: Fit, *, refit: bool, progress: Progress) -> list[dict[str, Any]]:
    """Forecast under every alternative.

    Parameters
    ----------
    fit : Fit
    refit : bool
        Refit each (or read the same refits from the cache); otherwise weight the draws, unless
        refits are cached.
    progress : Progress

    Returns
    -------
    list of dict
        ``name, what, method, breakdown {months: {mean, mcse}}, note``.
    """
    key = _key(fit, "refitted")
    known = cache.read_json(key)
    # A fit sampled in this process may have been asked for anew: its refits are made anew too.
    if isinstance(known, list) and not (refit and fit.compiled is not None):
        return known
    if not refit:
        return _all_weighted(fit)
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


def _all_weighted(fit: Fit) -> list[dict[str, Any]]:
    key = _key(fit, "weighted")
    known = cache.read_json(key)
    if isinstance(known, list):
        return known
    rows = [_weighted(alternative, fit) for alternative in ALTERNATIVES]
    cache.write_json(key, rows)
    return rows


def _key(fit: Fit, kind: str) -> str:
    """Hash of all that decides the rows beside the fit: the library's version and the settings."""
    rules = (DRAWS, TUNE, CHAINS, HORIZONS, WEIGHTED_DRAWS, KHAT_MOST, SIZE_LEAST)
    named = [(alternative.name, alternative.what) for alternative in ALTERNATIVES]
    told = repr((kind, package_version("durability"), rules, named))
    return f"{fit.key}.{hashlib.sha256(told.encode()).hexdigest()[:16]}"


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
    data = fit.model.data
    ages = edge_ages(data.cutoff, data.clock_start, max(HORIZONS))
    rows = []
    for baseline in baselines().values():
        increments = baseline.cumulative(data, ages, draws=BASELINE_DRAWS, seed=fit.settings.seed)
        broken = incidences(increments, closed_streams(fit))["breakdown"]
        rows.append(
            {
                "name": f"Baseline: {baseline.title}",
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


def _weighted(alternative: Alternative, fit: Fit) -> dict[str, Any]:
    from arviz_stats.base import array_stats

    places, theta = thinned_draws(fit, WEIGHTED_DRAWS)
    model = alternative.change(fit.model)
    ratio = _log_likelihood(model, theta) - _log_likelihood(fit.model, theta)
    log_weights, khat = array_stats.psislw(-ratio)
    weights = np.exp(log_weights - log_weights.max())
    weights /= weights.sum()
    size = float(1.0 / (weights**2).sum())
    row = {
        "name": alternative.name,
        "what": alternative.what,
        "method": f"weighted draws, Pareto k {float(khat):.2f}, worth {size:.0f} draws",
        "breakdown": {},
        "note": "",
    }
    if not (float(khat) <= KHAT_MOST and size >= SIZE_LEAST):
        return {**row, "note": "weights cannot answer; refit with --sensitivities"}
    other = replace(fit, model=model)
    future = simulate(other, months=max(HORIZONS), seed=fit.settings.seed)
    broken = incidences(future.increments, future.happened)["breakdown"]
    broken = broken.reshape((fit.settings.chains, fit.settings.draws, -1))[:, places]
    broken = broken.reshape((-1, broken.shape[-1]))
    row["breakdown"] = {str(h): _weighted_mean(broken[:, h - 1], weights) for h in HORIZONS}
    return row


def _weighted_mean(values: np.ndarray, weights: np.ndarray) -> dict[str, float]:
    mean = float((weights * values).sum())
    return {"mean": mean, "mcse": float(np.sqrt((weights**2 * (values - mean) ** 2).sum()))}


def _log_likelihood(model: Model, theta: Mapping[str, np.ndarray]) -> np.ndarray:
    """Log-likelihood of all the data, by draw."""
    latent = model.module.latents(theta, model.arrays, np)
    terms = model.module.log_likelihoods(theta, latent, model.arrays, np)
    return np.asarray(sum(term.sum(-1) for term in terms.values()))


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
    divergences = int(tree["sample_stats"].to_dataset()["diverging"].values.sum())
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
