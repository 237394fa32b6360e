"""One case fitted under several prior sets, from one compilation.

Sets whose priors are of the same families differ in numbers alone. Those numbers enter the model as
data, so one compiled model serves all of them, as it serves the sensitivities.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from durability import cache
from durability.inference import Fit, Model, build, compile_model, fit_key, sample, with_data
from durability.prior_sets import PriorSet
from durability.progress import NullProgress, Part, Progress
from durability.sensitivity import changed_arrays


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedModel:
    """A model whose priors' numbers are data, as :func:`~durability.inference.compile_model` takes.

    Parameters
    ----------
    model : Model
    names : tuple of str
        The numbers that can be changed, by the names of the model's ``prior_arrays``.
    """

    model: Model
    names: tuple[str, ...]

    @property
    def arrays(self) -> Mapping[str, np.ndarray]:
        """Everything the likelihood and the opened priors read, by name."""
        numbers = numbers_of(self.model)
        return {**self.model.arrays, **{name: numbers[name] for name in self.names}}

    def to_pymc(self) -> Any:
        """Give the PyMC model."""
        priors = self.model.priors.parameters
        return self.model.module.build(self.model.data, priors, opened=self.names)


def numbers_of(model: Model) -> dict[str, np.ndarray]:
    """Give the numbers of a model's priors, by name; other families have other names."""
    numbers: dict[str, np.ndarray] = model.module.prior_arrays(model.data, model.priors.parameters)
    return numbers


def opened_names(models: Sequence[Model]) -> tuple[str, ...]:
    """Name the numbers in which models of the same families differ."""
    first, *others = (numbers_of(each) for each in models)
    changed = {name for other in others for name in changed_arrays(first, other)}
    return tuple(sorted(changed))


def fit_rivals(
    fit: Fit, sets: Sequence[PriorSet], *, progress: Progress | None = None
) -> list[Fit]:
    """Fit a case under other prior sets, as it was fitted under its own.

    Parameters
    ----------
    fit : Fit
        Whose data and settings they share.
    sets : sequence of PriorSet
        Each fit is read from the cache where it is there.
    progress : Progress, optional
        Told what is going on.

    Returns
    -------
    list of Fit
        In the order of `sets`.

    Raises
    ------
    InputError
        A set does not give what the model needs.
    SamplingError
        The sampler could not start, or a trace is not whole.
    """
    progress = NullProgress() if progress is None else progress
    found = known_fits(fit, sets)
    missing = [place for place, each in enumerate(found) if each is None]
    compiled: dict[tuple[str, ...], Any] = {}
    models, keys = _models(fit, sets), rival_keys(fit, sets)
    for done, place in enumerate(missing):
        model = models[place]
        lead, names = _batch(fit, models, model)
        kind = tuple(numbers_of(lead))
        opened = OpenedModel(model=lead, names=names)
        if kind not in compiled:
            alike = [each for each in models if tuple(numbers_of(each)) == kind]
            free = {n for each in alike for n in changed_arrays(lead.arrays, each.arrays)}
            compiled[kind] = compile_model(opened, free={*free, *names})
        changes = changed_arrays(opened.arrays, OpenedModel(model=model, names=names).arrays)
        tree = sample(
            with_data(compiled[kind], changes),
            model,
            fit.settings,
            progress=Part(progress, done, len(missing)),
        )
        cache.write_tree(keys[place], tree)
        found[place] = Fit(model=model, tree=tree, settings=fit.settings, key=keys[place])
    return [each for each in found if each is not None]


def known_fits(fit: Fit, sets: Sequence[PriorSet]) -> list[Fit | None]:
    """Give the fits of :func:`fit_rivals` that the cache holds, None for the others."""
    found: list[Fit | None] = []
    for model, key in zip(_models(fit, sets), rival_keys(fit, sets), strict=True):
        tree = cache.read_tree(key)
        known = None
        if tree is not None:
            known = Fit(model=model, tree=tree, settings=fit.settings, key=key)
        found.append(known)
    return found


def rival_keys(fit: Fit, sets: Sequence[PriorSet]) -> list[str]:
    """Name each rival's fit in the cache, by all that decides it.

    What is data and what a constant decides rounding, so a fit from an opened model is not the same
    to the bit as one from a model that was compiled for its set alone.
    """
    models, keys = _models(fit, sets), []
    for model in models:
        _, names = _batch(fit, models, model)
        opened = hashlib.sha256("|".join(names).encode()).hexdigest()[:16]
        keys.append(f"{fit_key(model, fit.settings)}.{opened}")
    return keys


def _models(fit: Fit, sets: Sequence[PriorSet]) -> list[Model]:
    return [build(fit.model.data, each, model=fit.model.name) for each in sets]


def _batch(fit: Fit, models: Sequence[Model], model: Model) -> tuple[Model, tuple[str, ...]]:
    """Give the model that is compiled for all of a model's families, and what it leaves open."""
    kind = tuple(numbers_of(model))
    alike = [each for each in (fit.model, *models) if tuple(numbers_of(each)) == kind]
    return alike[0], opened_names(alike)
