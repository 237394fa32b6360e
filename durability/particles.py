"""Particles: a fit's draws as plain arrays, ready to be weighted and carried on.

They are kept in the cache beside the fit, so that a forecast can be revised without importing more
than NumPy. What a fit saw is kept with them: its arrays and labels, its news items, its priors and
its verdict.
"""

from __future__ import annotations

import dataclasses
import hashlib
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from durability import cache
from durability.assembly import Clock, ModelData
from durability.calendar import months_between
from durability.catalogue import draws_from, find_model, models_hash
from durability.conditions import Condition, from_record, to_record
from durability.inference import Fit, Model
from durability.ladder import Reading
from durability.news import NewsItem
from durability.prior_sets import Prior, PriorSet
from durability.simulation import Future, incidences, monthly_normals, simulate, unseen
from durability.steps import chances_taken
from durability.vocabulary import HORIZONS_MONTHS, RUNGS

OWN_ERRORS = ("coding_error_raw",)
"""Unknowns of single units, integrated out wherever a unit is weighed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """What each draw says of the time after a cutoff.

    Parameters
    ----------
    chances : ndarray (draw, rung, horizon)
        Of each of ``RUNGS`` within each of ``HORIZONS_MONTHS``.
    unseen : ndarray (draw, rung)
        That a rung has happened between the day it was last observed and the cutoff.
    """

    chances: np.ndarray
    unseen: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class Particles:
    """Draws of a fit, and what it was conditioned on.

    Parameters
    ----------
    key : str
        Of the fit.
    case : str
        Its name.
    cutoff : date
    clock, reading, subset : str
    level_change : tuple of float
    model : str
    priors : PriorSet
    priors_text : str
        SHA-256 of the prior set's file.
    sources : str
        Hash of the models' code.
    chains, tune, seed : int
    arrays : mapping of str to ndarray
        Everything the likelihood read.
    coords : mapping of str to tuple of str
    theta : mapping of str to ndarray
        Free parameters, each (draw, …), chains one after another; without :data:`OWN_ERRORS`.
    ahead : Ahead
        The forecast from the fit's own cutoff.
    items : tuple of NewsItem
        Those whose ratings entered.
    verdict : mapping
        Of the fit: ``ok`` (None where nobody has judged it) and ``reasons``.
    stage : str
        Of the life cycle, on the day of the deal.
    conditions : tuple of Condition
        As the forecast `ahead` read them.
    chances : mapping of str to float
        And what those that were pending took from forecasts of their own
        (:func:`durability.steps.chances_taken`).
    """

    key: str
    case: str
    cutoff: date
    clock: Clock
    reading: Reading
    subset: str
    level_change: tuple[float, float]
    model: str
    priors: PriorSet
    priors_text: str
    sources: str
    chains: int
    tune: int
    seed: int
    arrays: Mapping[str, np.ndarray]
    coords: Mapping[str, tuple[str, ...]]
    theta: Mapping[str, np.ndarray]
    ahead: Ahead
    items: tuple[NewsItem, ...]
    verdict: Mapping[str, Any]
    stage: str
    conditions: tuple[Condition, ...]
    chances: Mapping[str, float]

    def __len__(self) -> int:
        """Count the draws."""
        return len(self.theta["persistence"])

    def model_of(self, data: ModelData) -> Model:
        """Give the same model and priors with other data."""
        return Model(name=self.model, data=data, priors=self.priors)


def particles_of(
    fit: Fit, *, verdict: Mapping[str, Any] | None = None, future: Future | None = None
) -> Particles:
    """Take the particles of a fit.

    Parameters
    ----------
    fit : Fit
    verdict : mapping, optional
        As a forecast's record has it; ``ok`` is None where nobody has judged the fit.
    future : Future, optional
        The fit carried forward by its own seed, where that has been done as far as the last of
        ``HORIZONS_MONTHS``.
    """
    data, priors, settings = fit.model.data, fit.model.priors, fit.settings
    if future is None or len(future.years) < max(HORIZONS_MONTHS):
        future = simulate(fit, months=max(HORIZONS_MONTHS), seed=settings.seed)
    return Particles(
        key=fit.key,
        case=data.case.name,
        cutoff=data.cutoff,
        clock=data.clock,
        reading=data.reading,
        subset=data.subset,
        level_change=data.level_change,
        model=fit.model.name,
        priors=priors,
        priors_text=text_hash(priors.path),
        sources=models_hash(),
        chains=settings.chains,
        tune=settings.tune,
        seed=settings.seed,
        arrays=fit.model.arrays,
        coords=data.coords,
        theta={name: values for name, values in fit.theta().items() if name not in OWN_ERRORS},
        ahead=ahead_of(future),
        items=data.used,
        verdict={"ok": None, "reasons": []} if verdict is None else verdict,
        stage=data.case.stage,
        conditions=data.case.conditions,
        chances=chances_taken(future.ahead.plan),
    )


def ahead_of(future: Future) -> Ahead:
    """Read the chances of every rung off paths carried forward."""
    rungs = incidences(future.increments, future.happened)
    places = np.array(HORIZONS_MONTHS) - 1
    return Ahead(
        chances=np.stack([rungs[rung][:, places] for rung in RUNGS], axis=1),
        unseen=np.stack([unseen(future)[rung] for rung in RUNGS], axis=1),
    )


def text_hash(path: Path) -> str:
    """SHA-256 of a file's bytes; empty where it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


# In the cache -------------------------------------------------------------------------------


def keep(particles: Particles) -> None:
    """Write particles to the cache, in place of what stood under their key.

    Raises
    ------
    WriteError
        The cache folder cannot be written.
    """
    name = f"{particles.key}.particles"
    arrays = {f"theta/{n}": values for n, values in particles.theta.items()}
    arrays |= {f"array/{n}": values for n, values in particles.arrays.items()}
    arrays |= {f"ahead/{n}": getattr(particles.ahead, n) for n in ("chances", "unseen")}
    cache.write_arrays(name, arrays)
    cache.write_json(name, _to_record(particles))


def kept_particles(case: str) -> tuple[tuple[str, Mapping[str, Any]], ...]:
    """List the particles of a case in the cache: key and what they were made of, sorted by key.

    The arrays are not read; see :func:`read_particles`.
    """
    found = []
    for name in cache.names(".particles.json"):
        record = cache.read_json(name)
        if isinstance(record, dict) and record.get("case") == case:
            found.append((str(record["key"]), record))
    return tuple(sorted(found, key=lambda pair: pair[0]))


def read_particles(key: str) -> Particles | None:
    """Read particles from the cache; None where there are none that can be read."""
    record = cache.read_json(f"{key}.particles")
    stored = cache.read_arrays(f"{key}.particles")
    if not isinstance(record, dict) or stored is None:
        return None
    try:
        return _from_record(record, stored)
    except (KeyError, TypeError, ValueError):
        return None


_PLAIN = (
    *("key", "case", "clock", "reading", "subset", "model"),
    *("priors_text", "sources", "chains", "tune", "seed", "stage", "chances"),
)


def _to_record(particles: Particles) -> dict[str, Any]:
    priors = particles.priors
    return {
        **{name: getattr(particles, name) for name in _PLAIN},
        "draws": len(particles),
        "cutoff": particles.cutoff.isoformat(),
        "level_change": list(particles.level_change),
        "coords": {name: list(labels) for name, labels in particles.coords.items()},
        "items": [_item_record(item) for item in particles.items],
        "conditions": [to_record(each) for each in particles.conditions],
        "verdict": {"ok": particles.verdict["ok"], "reasons": list(particles.verdict["reasons"])},
        "priors": {
            "name": priors.name,
            "path": str(priors.path.absolute()),
            "about": priors.about,
            "hash": priors.hash,
            "parameters": [_prior_record(prior) for prior in priors.parameters.values()],
        },
    }


def _item_record(item: NewsItem) -> dict[str, Any]:
    return {
        field.name: value.isoformat() if isinstance(value, date) else value
        for field in dataclasses.fields(item)
        for value in [getattr(item, field.name)]
    }


def _prior_record(prior: Prior) -> dict[str, Any]:
    return {
        "name": prior.name,
        "distribution": prior.distribution,
        "values": dict(prior.values),
        "meaning": prior.meaning,
        "unit": prior.unit,
        "status": prior.status,
    }


def _from_record(record: Mapping[str, Any], stored: Mapping[str, np.ndarray]) -> Particles:
    def under(prefix: str) -> dict[str, np.ndarray]:
        return {n.partition("/")[2]: a for n, a in stored.items() if n.startswith(prefix)}

    low, high = record["level_change"]
    return Particles(
        **{name: record[name] for name in _PLAIN},
        cutoff=date.fromisoformat(record["cutoff"]),
        level_change=(float(low), float(high)),
        coords={name: tuple(labels) for name, labels in record["coords"].items()},
        items=tuple(item_of(each) for each in record["items"]),
        verdict=record["verdict"],
        conditions=tuple(from_record(each) for each in record["conditions"]),
        priors=_priors_of(record["priors"]),
        arrays=under("array/"),
        theta=under("theta/"),
        ahead=Ahead(**under("ahead/")),
    )


def item_of(record: Mapping[str, Any]) -> NewsItem:
    """Read an item as it stands in a record of particles."""
    values = dict(record)
    for name in ("date", "date_end", "known"):
        values[name] = values[name] and date.fromisoformat(values[name])
    values["recorded"] = values["recorded"] and datetime.fromisoformat(values["recorded"])
    values["ratings"] = tuple((str(coder), int(score)) for coder, score in values["ratings"])
    return NewsItem(**values)


def _priors_of(record: Mapping[str, Any]) -> PriorSet:
    parameters = {
        each["name"]: Prior(
            quantiles=None,
            reason="",
            source="",
            **{**each, "values": MappingProxyType(each["values"])},
        )
        for each in record["parameters"]
    }
    return PriorSet(
        name=record["name"],
        path=Path(record["path"]),
        about=record["about"],
        parameters=MappingProxyType(parameters),
        hash=record["hash"],
    )


# Carried on ---------------------------------------------------------------------------------


def new_months(particles: Particles, data: ModelData) -> int:
    """Count the months of `data` beyond those that the particles' paths cover."""
    ends = [date.fromisoformat(f"{c['month'][-1]}-01") for c in (particles.coords, data.coords)]
    return months_between(*ends)


def grown(particles: Particles, data: ModelData, *, child: int = 0) -> dict[str, np.ndarray]:
    """Free parameters for other data: those of the fit, and draws of their priors for new labels.

    A month beyond the fit's is drawn from the drivers' own dynamics, the same that a forecast from
    the fit is carried forward with. A new agreement, cluster, dyad, coder or indicator is drawn
    from its prior, by a stream of its own, so that the order of arrival changes nothing.

    Parameters
    ----------
    child : int
        Which of several continuations of the same draws.

    Returns
    -------
    dict
        ``theta`` of the model's ``latents``, each (draw, …).
    """
    module = particles.model_of(data).module
    theta = {}
    for name, values in particles.theta.items():
        along = module.REPEATED.get(name) or module.WHITENED.get(name, ("",))[0]
        old, new = particles.coords.get(along, ()), data.coords.get(along, ())
        if along == "month":
            months = max(len(new) - len(old), 0)
            normals = monthly_normals(
                len(particles), months=months, seed=particles.seed, child=child
            )
            theta[name] = np.concatenate([values, normals], axis=1)
        elif old == new:
            theta[name] = values
        else:
            theta[name] = _relabelled(particles, name, old, new)
    for name, dim in module.REPEATED.items():
        if name not in theta and dim in data.coords:
            theta[name] = _relabelled(particles, name, (), data.coords[dim])
    return theta


def _relabelled(
    particles: Particles, name: str, old: Iterable[str], new: Iterable[str]
) -> np.ndarray:
    """Put what is known of each label in its new place, and draw the rest."""
    place = {label: index for index, label in enumerate(old)}
    known = particles.theta.get(name)
    columns = [
        known[:, place[label]]
        if known is not None and label in place
        else _drawn(particles, name, label)
        for label in new
    ]
    return np.stack(columns, axis=1)


def _drawn(particles: Particles, name: str, label: str) -> np.ndarray:
    rng = np.random.default_rng([particles.seed, zlib.crc32(f"{name}|{label}".encode())])
    module = find_model(particles.model)
    if name in module.REPEATED:
        prior = particles.priors.parameters[module.GROUPS[name][0]]
        return np.asarray(draws_from(prior, rng, (len(particles),)))
    rest = particles.theta[name].shape[2:]
    return rng.standard_normal((len(particles), *rest))
