"""One case fitted under several prior sets, from one compilation.

Sets whose priors are of the same families differ in numbers alone. Those numbers enter the model as
data, so one compiled model serves all of them, as it serves the sensitivities.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from durability import cache
from durability.inference import (
    Fit,
    Model,
    Settings,
    build,
    compile_model,
    fit_key,
    sample,
    with_data,
)
from durability.judged_fits import judge_fit
from durability.prior_sets import PriorSet
from durability.progress import NullProgress, Part, Progress
from durability.retries import REMEDIES, TRIES, may_pass, remedied, remedies
from durability.sensitivity import changed_arrays

if TYPE_CHECKING:
    import xarray as xr


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

    Where a verdict is no by little, the set is sampled again (:mod:`durability.retries`).

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
    compiled: dict[tuple[str, ...], Any] = {}
    models = _models(fit, sets)

    def sampled(model: Model, settings: Settings, part: Progress) -> xr.DataTree:
        lead, names = _batch(fit, models, model)
        kind = tuple(numbers_of(lead))
        opened = OpenedModel(model=lead, names=names)
        if kind not in compiled:
            alike = [each for each in models if tuple(numbers_of(each)) == kind]
            free = {n for each in alike for n in changed_arrays(lead.arrays, each.arrays)}
            compiled[kind] = compile_model(opened, free={*free, *names})
        changes = changed_arrays(opened.arrays, OpenedModel(model=model, names=names).arrays)
        return sample(with_data(compiled[kind], changes), model, settings, progress=part)

    found: list[Fit] = []
    tries = dict(_tries(fit, sets))
    for place, model in enumerate(models):
        settings = fit.settings
        for left in reversed(range(TRIES)):
            key = tries[settings][place]
            tree = cache.read_tree(key)
            if tree is None:
                tree = sampled(model, settings, Part(progress, place, len(models)))
                cache.write_tree(key, tree)
            made = Fit(model=model, tree=tree, settings=settings, key=key)
            verdict = judge_fit(made).verdict
            if not left or not may_pass(verdict):
                break
            settings = remedied(settings, remedies(verdict))
        found.append(made)
    return found


def _tries(fit: Fit, sets: Sequence[PriorSet]) -> Iterator[tuple[Settings, list[str]]]:
    """Give the settings of every try that may be, and the name of each rival's fit in the cache.

    The first try comes first, and no try before one that it may follow.
    """
    settings = [fit.settings]
    for _ in range(TRIES):
        yield from ((each, rival_keys(fit, sets, each)) for each in settings)
        settings = [remedied(each, how) for each in settings for how in REMEDIES]


def known_fits(fit: Fit, sets: Sequence[PriorSet]) -> list[Fit | None]:
    """Give the fits of :func:`fit_rivals` that the cache holds, the last try of each, or None."""
    found: list[Fit | None] = [None] * len(sets)
    for settings, keys in _tries(fit, sets):
        for place, (model, key) in enumerate(zip(_models(fit, sets), keys, strict=True)):
            tree = cache.read_tree(key)
            if tree is not None:
                found[place] = Fit(model=model, tree=tree, settings=settings, key=key)
    return found


def has_fits(fit: Fit, sets: Sequence[PriorSet]) -> list[bool]:
    """Say of every try of every rival whether the cache holds it."""
    return [cache.has_tree(key) for _, keys in _tries(fit, sets) for key in keys]


def rival_keys(fit: Fit, sets: Sequence[PriorSet], settings: Settings) -> list[str]:
    """Name each rival's fit in the cache, by all that decides it.

    What is data and what a constant decides rounding, so a fit from an opened model is not the same
    to the bit as one from a model that was compiled for its set alone.
    """
    models, keys = _models(fit, sets), []
    for model in models:
        _, names = _batch(fit, models, model)
        opened = hashlib.sha256("|".join(names).encode()).hexdigest()[:16]
        keys.append(f"{fit_key(model, settings)}.{opened}")
    return keys


def _models(fit: Fit, sets: Sequence[PriorSet]) -> list[Model]:
    return [build(fit.model.data, each, model=fit.model.name) for each in sets]


def _batch(fit: Fit, models: Sequence[Model], model: Model) -> tuple[Model, tuple[str, ...]]:
    """Give the model that is compiled for all of a model's families, and what it leaves open."""
    kind = tuple(numbers_of(model))
    alike = [each for each in (fit.model, *models) if tuple(numbers_of(each)) == kind]
    return alike[0], opened_names(alike)
