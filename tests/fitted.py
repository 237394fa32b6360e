"""Fits for tests: one sampled briefly from the shipped case, and others made of prior draws.

The sampled one is far too short to be used and its verdict says so; what it is made into does not
care. The others cost no compilation: their "chains" are draws from the priors.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr
from worlds import DEFAULT_PRIORS, data

from durability import inference
from durability.cases import Case
from durability.inference import Fit, Model, Settings, build
from durability.prior_sets import read_priors
from durability.simulation import plan_of

_COUNT = itertools.count()

BRIEF = Settings(draws=150, tune=200, chains=2, seed=3)
"""How the sampled fit was sampled."""


def model_of(case: Case | None = None, **how: Any) -> Model:
    """Join a case (the shipped one if not given) to the default priors."""
    return build(data(case, **how), read_priors(DEFAULT_PRIORS))


def sampled_fit() -> Fit:
    """Sample the shipped case briefly; the session fixture ``brief_fit`` keeps it."""
    return inference.fit(
        model_of(), draws=BRIEF.draws, tune=BRIEF.tune, chains=BRIEF.chains, seed=BRIEF.seed
    )


def drawn_fit(
    case: Case | None = None, *, draws: int = 40, chains: int = 2, seed: int = 1, **how: Any
) -> Fit:
    """Give a fit whose draws come from the priors."""
    model = model_of(case, **how)
    settings = Settings(draws=draws, tune=1, chains=chains, seed=seed)
    theta = model.module.prior_draws(
        model.data,
        model.priors.parameters,
        n=chains * draws,
        rng=np.random.default_rng([seed, 77]),
    )
    return made_fit(model, theta, settings)


def narrow_fit(
    case: Case | None = None, *, draws: int = 30, chains: int = 2, seed: int = 1, **how: Any
) -> Fit:
    """Give a fit whose draws lie close to one draw from the priors, as those of a posterior do.

    Draws far apart tell of the data so differently that cross-validation has no finite Pareto k.
    """
    fit = repeated(drawn_fit(case, draws=1, chains=1, seed=seed, **how), chains * draws)
    rng = np.random.default_rng([seed, 78])
    theta = {name: _jittered(name, values, rng) for name, values in fit.theta().items()}
    return made_fit(fit.model, theta, replace(fit.settings, draws=draws, chains=chains))


SHARES = ("partial_correlation", "persistence", "level_change", "noise")
"""Parameters that lie between 0 and 1."""


def _jittered(name: str, values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    noise = rng.standard_normal(values.shape)
    if name.endswith("_raw"):
        return values + 0.05 * noise
    if name in SHARES:
        return 1.0 / (1.0 + (1.0 / values - 1.0) * np.exp(0.02 * noise))
    return values * (1.0 + 0.02 * noise)


def made_fit(model: Model, theta: dict[str, np.ndarray], settings: Settings) -> Fit:
    """Give a fit with draws of one's own, each array (draw, …), chains one after another."""
    lead = (settings.chains, settings.draws)
    posterior = {
        name: (("chain", "draw", *(f"{name}_{i}" for i in range(values.ndim - 1))), shaped)
        for name, values in theta.items()
        for shaped in [values.reshape((*lead, *values.shape[1:]))]
    }
    rng = np.random.default_rng(settings.seed)
    stats = {
        "diverging": (("chain", "draw"), np.zeros(lead, dtype=bool)),
        "maxdepth_reached": (("chain", "draw"), np.zeros(lead, dtype=bool)),
        "energy": (("chain", "draw"), rng.standard_normal(lead)),
    }
    trace = xr.DataTree.from_dict(
        {"posterior": xr.Dataset(posterior), "sample_stats": xr.Dataset(stats)}
    )
    tree = inference._tree(trace, model)
    # What is cached of one made fit must not be found for another.
    return Fit(model=model, tree=tree, settings=settings, key=f"made{next(_COUNT)}")


def first_draws(fit: Fit, n: int) -> Fit:
    """Give the first draws of a fit's first chain, alone."""
    theta = {name: values[:n] for name, values in fit.theta().items()}
    return made_fit(fit.model, theta, replace(fit.settings, draws=n, chains=1))


def repeated(fit: Fit, n: int, *, draw: int = 0) -> Fit:
    """Give one draw of a fit `n` times over."""
    theta = {
        name: np.repeat(values[draw : draw + 1], n, axis=0) for name, values in fit.theta().items()
    }
    return made_fit(fit.model, theta, replace(fit.settings, draws=n, chains=1))


def with_a_heavier_condition(fit: Fit) -> Fit:
    """Give the same fit to a case of which one pending condition moves its driver far, for good."""
    data = fit.model.data
    first = next(each for each in plan_of(data).pending if each.driver)
    heavier = replace(first, effect=(1.0, 0.2), permanent=True)
    others = (heavier if each.name == first.name else each for each in data.case.conditions)
    changed = replace(data, case=replace(data.case, conditions=tuple(others)))
    return replace(fit, model=replace(fit.model, data=changed))
