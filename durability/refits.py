"""Refits of history with some of it hidden: one compilation, many questions, each answer kept.

A *question* is what one refit is shown and what it is asked: the chances of every rung for some
agreements from some age on. Its answer depends on nothing else: not on the order of questions, nor
on the number of processes, since its seed is made of its name. An answer is a plain record, kept in
the cache as soon as there is one, whole or not at all.

Compiled functions cannot be sent to another process. What is sent is a :class:`Reference`, plain
arrays and numbers, and every process compiles it once.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from durability import cache
from durability.assembly import ModelData, by_stream, log_years
from durability.catalogue import find_model, models_hash
from durability.hiding import CHANGED
from durability.inference import (
    SAMPLERS,
    Model,
    Settings,
    compile_model,
    package_version,
    sample_trace,
    sampler_statistics,
    with_data,
)
from durability.ladder import Spell
from durability.prior_sets import Prior
from durability.simulation import incidences
from durability.summaries import TAILS
from durability.verdict import judge_probabilities
from durability.vocabulary import DAYS_PER_YEAR, RUNGS

if TYPE_CHECKING:
    import xarray as xr

EDGES: Final = 24
"""Ages between the first and the last horizon at which streams compete, closer together first."""

TRIES: Final = 3
"""Times that a question is sampled while its diagnostics fail, each with twice the draws."""

SOURCES: Final = ("inference", "refits", "simulation", "verdict")

Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What all refits of one model and prior set share, as plain values that can be sent.

    Two are equal when their keys are.

    Parameters
    ----------
    key : str
        Hash of all that decides a compilation.
    name : str
        The model's.
    arrays : mapping of str to ndarray
    coords : mapping of str to tuple of str
    priors : mapping of str to Prior
    """

    key: str
    name: str = field(compare=False)
    arrays: Arrays = field(compare=False)
    coords: Mapping[str, tuple[str, ...]] = field(compare=False)
    priors: Mapping[str, Prior] = field(compare=False)

    @property
    def module(self) -> Any:
        """The submodel's functions."""
        return find_model(self.name)

    def to_pymc(self) -> Any:
        """Give the PyMC model."""
        return self.module.build(self, self.priors)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What one refit is shown, and what it is asked.

    Parameters
    ----------
    name : str
        Of the group that is left out, or of the origin: the refit's seed is made of it.
    shown : mapping of str to ndarray
        The arrays that hiding changes.
    places : tuple of int
        Which agreements are asked about, by their place in the arrays.
    entry_years : tuple of float
        Age from which each is forecast.
    years : tuple of float
        Horizons after that age.
    truth : tuple of Spell
        What became of each: read by the density of the outcome, after sampling, by nothing else.
    settings : Settings
    """

    name: str
    shown: Arrays
    places: tuple[int, ...]
    entry_years: tuple[float, ...]
    years: tuple[float, ...]
    truth: tuple[Spell, ...]
    settings: Settings


def reference_of(model: Model) -> Reference:
    """Take what refits of a model share.

    Parameters
    ----------
    model : Model
        Of history without a case (:func:`durability.history_data.assemble_history`).

    Returns
    -------
    Reference
    """
    arrays = {name: np.array(values) for name, values in model.arrays.items()}
    digest = hashlib.sha256(f"{model.name}|{model.priors.hash}|{models_hash()}".encode())
    for name in sorted(arrays):
        digest.update(f"{name}|{arrays[name].dtype}|{arrays[name].shape}|".encode())
        if name not in CHANGED:
            digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    for package in SAMPLERS:
        digest.update(f"{package}={package_version(package)}|".encode())
    plain = {
        name: replace(prior, values=dict(prior.values), quantiles=None, elicited=None)
        for name, prior in model.priors.parameters.items()
    }
    coords = {name: tuple(labels) for name, labels in model.data.coords.items()}
    return Reference(
        key=digest.hexdigest(), name=model.name, arrays=arrays, coords=coords, priors=plain
    )


def question_of(
    name: str,
    shown: ModelData,
    asked: Sequence[Spell],
    *,
    entry_years: Sequence[float],
    years: Sequence[float],
    settings: Settings,
) -> Question:
    """Put a question to history of which some is hidden.

    Parameters
    ----------
    name : str
    shown : ModelData
        Of :func:`durability.hiding.show`.
    asked : sequence of Spell
        What became of the agreements that are asked about.
    entry_years : sequence of float
        Age from which each is forecast.
    years : sequence of float
    settings : Settings
        Its seed is joined with the name.

    Returns
    -------
    Question
    """
    names = shown.coords["agreement"]
    return Question(
        name=name,
        shown={each: shown.arrays[each] for each in CHANGED},
        places=tuple(names.index(spell.agreement) for spell in asked),
        entry_years=tuple(float(age) for age in entry_years),
        years=tuple(float(year) for year in years),
        truth=tuple(asked),
        settings=replace(settings, seed=seed_of(name, settings.seed)),
    )


def seed_of(name: str, seed: int) -> int:
    """Make a seed of a name: the same whatever else is refitted, and in whatever order."""
    digest = hashlib.sha256(f"{seed}|{name}".encode()).digest()
    return int.from_bytes(digest[:4], "big")


def key_of(reference: Reference, question: Question) -> str:
    """Name an answer by all that decides it."""
    digest = hashlib.sha256(reference.key.encode())
    for name in sorted(question.shown):
        digest.update(f"{name}|".encode())
        digest.update(np.ascontiguousarray(question.shown[name]).tobytes())
    rest = (question.name, question.places, question.entry_years, question.years)
    digest.update(repr((rest, question.truth, question.settings)).encode())
    digest.update(sources_hash().encode())
    return f"backtest-{digest.hexdigest()}"


@functools.cache
def sources_hash() -> str:
    """Hash of the sources that turn arrays into answers, beside ``models/``."""
    digest = hashlib.sha256()
    for module in SOURCES:
        digest.update((Path(__file__).parent / f"{module}.py").read_bytes())
    return digest.hexdigest()


def known_answer(reference: Reference, question: Question) -> dict[str, Any] | None:
    """Give the answer that the cache holds; ``None`` where there is none."""
    found = cache.read_json(key_of(reference, question))
    return found if isinstance(found, dict) else None


def answer(reference: Reference, question: Question) -> dict[str, Any]:
    """Refit, and answer a question; or read the answer from the cache.

    Where the diagnostics fail it is sampled again, with twice the draws; the last verdict stands.

    Parameters
    ----------
    reference : Reference
    question : Question

    Returns
    -------
    dict
        ``mean, low, high, mcse`` (agreement, rung, horizon) as lists, the log predictive densities
        of what became of each agreement, and ``verdict``.

    Raises
    ------
    SamplingError
        The sampler could not start, or its trace is not whole.
    """
    known = known_answer(reference, question)
    if known is not None:
        return known
    compiled = _compiled(reference)
    held = {name: a for name, a in question.shown.items() if name in compiled._shared_data}
    compiled, settings = with_data(compiled, held), question.settings
    for _ in range(TRIES):
        # One chain after another: refits run side by side in processes of their own.
        found = answered(reference, question, sample_trace(compiled, settings, cores=1))
        if found["verdict"]["ok"]:
            break
        settings = replace(settings, draws=2 * settings.draws, tune=2 * settings.tune)
    # As the cache will give it: the same record whether it was sampled now or before.
    record: dict[str, Any] = json.loads(json.dumps(found))
    cache.write_json(key_of(reference, question), record)
    return record


@functools.lru_cache(maxsize=2)
def _compiled(reference: Reference) -> Any:
    """Compile once a process; two, for a run over prior sets goes from one to the next."""
    unread = reference.module.UNREAD | {"covariate_centre"}
    return compile_model(reference, free=set(CHANGED) - unread)


def answered(reference: Reference, question: Question, trace: xr.DataTree) -> dict[str, Any]:
    """Answer a question from draws.

    Parameters
    ----------
    reference : Reference
    question : Question
    trace : DataTree
        Of :func:`durability.inference.sample_trace`.

    Returns
    -------
    dict
        See :func:`answer`.
    """
    module, posterior = reference.module, trace["posterior"].to_dataset()
    theta = {
        name: posterior[name].values.reshape((-1, *posterior[name].shape[2:]))
        for name in module.parameter_names(reference)
    }
    arrays = {**reference.arrays, **question.shown}
    latent = module.latents(theta, arrays, np)
    latent, arrays = _of_places(latent, arrays, question.places)
    chances = _chances(module, theta, latent, arrays, question)
    shape = (posterior.sizes["chain"], posterior.sizes["draw"])
    split = chances.reshape((*shape, *chances.shape[1:]))
    stats = sampler_statistics(trace)
    named = {
        f"{rung} of {spell.agreement} in {years:g} years": split[:, :, j, r, h]
        for j, spell in enumerate(question.truth)
        for r, rung in enumerate(RUNGS)
        for h, years in enumerate(question.years)
    }
    low, high = np.quantile(chances, TAILS, axis=0)
    return {
        "name": question.name,
        "agreements": [spell.agreement for spell in question.truth],
        "entry_years": list(question.entry_years),
        "years": list(question.years),
        "mean": chances.mean(axis=0).tolist(),
        "low": low.tolist(),
        "high": high.tolist(),
        "mcse": _errors(split).tolist(),
        **_densities(module, theta, latent, arrays, question, shape),
        "verdict": judge_probabilities(stats, named).to_record(),
        "settings": {"draws": shape[1], "chains": shape[0], "seed": question.settings.seed},
    }


def _of_places(
    latent: Arrays, arrays: Arrays, places: tuple[int, ...]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Keep the agreements that are asked about; the row of the case stays the last."""
    rows = [*places, -1]
    own = {name: arrays[name][rows] for name in ("row_covariates", "row_cluster", "row_dyad")}
    standing = latent["history_standing"][:, list(places)]
    return {**latent, "history_standing": standing}, {**arrays, **own}


def _chances(
    module: Any,
    theta: Arrays,
    latent: Arrays,
    arrays: Arrays,
    question: Question,
) -> np.ndarray:
    """Cumulative incidences: ndarray (draw, agreement, rung, horizon)."""
    scale = module.log_scales(theta, latent, arrays)[..., :-1, :]
    at = np.asarray(question.years)
    edges = np.union1d(at.max() * np.linspace(0.0, 1.0, EDGES + 1) ** 2, at)
    entry = np.asarray(question.entry_years)[:, None]
    shape = (len(question.places), scale.shape[-1])
    parts = []
    for start, stop in itertools.pairwise(edges):
        ages = [np.broadcast_to(entry + age, shape) for age in (start, stop, stop)]
        parts.append(module.history_hazards(theta, latent, arrays, log_years(ages), scale, np)[0])
    increments = np.stack(parts, axis=1)
    places = np.searchsorted(edges, at) - 1
    chances = np.stack(
        [
            np.stack([found[rung][:, places] for rung in RUNGS], axis=1)
            for found in (incidences(increments[:, :, j]) for j in range(shape[0]))
        ],
        axis=1,
    )
    return np.asarray(np.clip(chances, 0.0, 1.0))


def _errors(split: np.ndarray) -> np.ndarray:
    """Monte Carlo errors of means of (chain, draw, …): none where all draws are the same."""
    import arviz as az
    import xarray as xr

    dims = ("chain", "draw", *(f"place_{i}" for i in range(split.ndim - 2)))
    with np.errstate(divide="ignore", invalid="ignore"):
        found = az.mcse(xr.Dataset({"value": (dims, split)}), method="mean")["value"].values
    return np.where(np.ptp(split, axis=(0, 1)) == 0.0, 0.0, found)


def _densities(
    module: Any,
    theta: Arrays,
    latent: Arrays,
    arrays: Arrays,
    question: Question,
    shape: tuple[int, int],
) -> dict[str, Any]:
    r"""Log predictive density of what was seen of each agreement from its entry on.

    :math:`\log\frac1S\sum_s p(y_j\mid\theta_s)`, as if the row counted whole (``log_density``), and
    with the weight that it has in the model (``counted_log_density``), which is what leave-one-out
    estimates; and of all together (``joint_log_density``).
    """
    weight = np.array([spell.weight for spell in question.truth])
    each = module.outcomes(theta, latent, {**arrays, **_truth(question)}, np)
    return {
        "weight": weight.tolist(),
        "log_density": _log_mean(each).tolist(),
        "log_density_mcse": _log_errors(each, shape).tolist(),
        "counted_log_density": _log_mean(weight * each).tolist(),
        "joint_log_density": float(_log_mean((weight * each).sum(axis=-1))),
    }


def _truth(question: Question) -> dict[str, np.ndarray]:
    """Outcomes from each entry on, every row counting whole."""
    stop = by_stream(question.truth, "stop_days") / DAYS_PER_YEAR
    end = by_stream(question.truth, "event_end_days") / DAYS_PER_YEAR
    event = by_stream(question.truth, "event")
    entry = np.broadcast_to(np.asarray(question.entry_years)[:, None], stop.shape)
    # A stream that closed before the entry is not watched any more.
    over = np.where(event > 0.0, end, stop) <= entry
    start = np.where(over, stop, np.minimum(entry, stop))
    return {
        "history_log_ages": log_years([start, stop, np.where(over, stop, end)]),
        "history_event": np.where(over, 0.0, event),
        "history_weight": np.ones(len(question.truth)),
    }


def _log_mean(logs: np.ndarray) -> np.ndarray:
    return np.asarray(np.logaddexp.reduce(logs, axis=0) - np.log(len(logs)))


def _log_errors(logs: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Monte Carlo error of a log mean: that of the mean, in parts of it."""
    return _errors(np.exp(logs - _log_mean(logs)).reshape((*shape, -1)))
