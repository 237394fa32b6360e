"""Revised prior sets for tests, made of prior draws: nothing is sampled."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import cache
from typing import Any

import numpy as np
from fitted import made_fit, model_of
from worlds import CUTOFF, data

from durability.assembly import ModelData
from durability.catalogue import joint_law
from durability.inference import Fit, Model, Settings, build
from durability.joint_fitting import fit_law
from durability.joint_priors import Joint, Lineage
from durability.prior_sets import PriorSet, hash_of
from durability.revision import _draft, state_of

EARLY = date(2026, 3, 31)
"""Cutoff at which a posterior is taken; later news goes on from it until CUTOFF."""

MADE = date(2026, 11, 22)
DRAWS = 400


def early_model(**how: Any) -> Model:
    """Join the shipped case, as it stood at EARLY, to the default priors."""
    return model_of(None, cutoff=EARLY, **how)


@cache
def whole_fit() -> Fit:
    """Draws from the priors, of the shipped case with all its news."""
    model = model_of()
    rng = np.random.default_rng([3, 7])
    theta = model.module.prior_draws(model.data, model.priors.parameters, n=DRAWS, rng=rng)
    # Priors wander where exponentials overflow; a posterior does not.
    tame = {name: np.clip(values, -3.0, None) for name, values in theta.items()}
    tame["half_life_months"] = np.clip(theta["half_life_months"], 1.0, 60.0)
    return made_fit(model, tame, Settings(draws=DRAWS // 2, tune=1, chains=2, seed=5))


@cache
def early_fit() -> Fit:
    """The same draws, as far as they are of what was known at EARLY."""
    whole, model = whole_fit(), early_model()
    theta = whole.theta()
    later = whole.model.data
    for name, dims in model.module.WHITENED.items():
        for axis, dim in enumerate(dims, start=1):
            places = [later.coords[dim].index(label) for label in model.data.coords[dim]]
            theta[name] = np.take(theta[name], places, axis=axis)
    return made_fit(model, theta, whole.settings)


@cache
def law_of_early() -> dict[str, np.ndarray]:
    """The joint law fitted to the draws of :func:`early_fit`."""
    coords, values = state_of(early_fit())
    return fit_law(joint_law().unbounded(values, coords))


@cache
def revised() -> PriorSet:
    """The early draws as a prior set, whatever its fidelity."""
    coords, values = state_of(early_fit())
    return _draft(early_fit(), "early", MADE, coords, law_of_early(), values)


def with_lineage(priors: PriorSet, **changes: Any) -> PriorSet:
    """A revised set with something else in its lineage."""
    joint, lineage = parts(priors)
    other = replace(lineage, **changes)
    changed = hash_of(priors.parameters, joint, other)
    return replace(priors, lineage=other, hash=changed)


def parts(priors: PriorSet) -> tuple[Joint, Lineage]:
    """The joint law and the lineage that a revised set has."""
    assert priors.joint is not None
    assert priors.lineage is not None
    return priors.joint, priors.lineage


def later_data(**how: Any) -> ModelData:
    """What is new of the shipped case since EARLY."""
    return data(None, **{"cutoff": CUTOFF, "after": revised(), **how})


def later_theta() -> tuple[Model, dict[str, np.ndarray]]:
    """Free parameters of the continuation that mean the very draws of :func:`whole_fit`."""
    made = later_data()
    coords, values = state_of(early_fit())
    whole = whole_fit()
    raw = joint_law().whitened(joint_law().unbounded(values, coords), law_of_early())
    theta = {"joint_raw": raw}
    new = len(made.coords["new_month"])
    theta["path_raw"] = whole.theta()["path_raw"][:, -new:]
    return build(made, revised()), theta
