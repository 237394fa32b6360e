"""Fitting the hazard part of the model to any table of spells.

:func:`fit_spells` samples the posterior, :func:`maximise_spells` (in
:mod:`durability.spell_maximum`) takes the flat-prior limit of the same likelihood, and
:func:`predict_spells` gives survival under either.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from durability import cache
from durability.catalogue import models_hash, spell_hazard
from durability.errors import InputError, Problem, one_of, quoted
from durability.inference import (
    SAMPLERS,
    Settings,
    compile_model,
    package_version,
    sample_trace,
    sampler_statistics,
)
from durability.prior_sets import Prior, PriorSet, read_priors
from durability.progress import NullProgress, Progress, timed_stage
from durability.reweighting import weighted_quantiles
from durability.spell_groups import SpellGroups, group_spells, log_ages
from durability.spell_tables import SpellTable
from durability.summaries import INTERVAL

if TYPE_CHECKING:
    import xarray as xr

DEFAULT_PRIORS = Path(__file__).parent / "data" / "spell_priors.toml"

Hazard = Literal["weibull", "exponential"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SpellModel:
    """A table with priors; nothing is compiled or sampled yet.

    Parameters
    ----------
    table : SpellTable
    groups : SpellGroups
    priors : PriorSet
    hazard : str
        ``weibull`` or ``exponential``.
    frailty : bool
        Whether clusters differ by a normal term in the log hazard.
    """

    table: SpellTable
    groups: SpellGroups
    priors: PriorSet
    hazard: Hazard
    frailty: bool

    @property
    def arrays(self) -> Mapping[str, np.ndarray]:
        """Everything the likelihood reads."""
        return self.groups.arrays

    @property
    def sizes(self) -> dict[str, int]:
        """Count strata, covariates and clusters."""
        return {
            "stratum": max(len(self.table.strata), 1),
            "covariate": len(self.table.covariates),
            "cluster": len(self.table.clusters),
        }

    @property
    def used_priors(self) -> dict[str, Prior]:
        """The priors of the parameters that this model has."""
        left_out = {
            "log_shape": self.hazard == "exponential",
            "effect": not self.table.covariates,
            "frailty_sd": not self.frailty,
        }
        given = self.priors.parameters.items()
        return {name: prior for name, prior in given if not left_out.get(name, False)}

    def to_pymc(self) -> Any:
        """Give the PyMC model."""
        return spell_hazard().build(self.arrays, self.used_priors, self.sizes)


class Spelled(Protocol):
    """What a prediction needs: a fit, or a maximum with its normal approximation."""

    @property
    def table(self) -> SpellTable:
        """What it was fitted to."""
        ...

    @property
    def groups(self) -> SpellGroups:
        """How the table entered."""
        ...

    def theta(self) -> dict[str, np.ndarray]:
        """Scaled parameters: each array (draw, …)."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SpellFit:
    """A sampled model of spells.

    Parameters
    ----------
    model : SpellModel
    tree : DataTree
        Groups ``posterior`` (``intercept`` and ``shape`` by stratum, ``effect`` by covariate,
        ``frailty_sd`` and ``frailty`` by cluster, all in the table's own units), ``scaled`` (as
        they were sampled) and ``sample_stats``.
    settings : Settings
    key : str
        Hash of data, priors, model, settings and samplers: the name of the cached fit.
    timings : mapping of str to float
        Seconds by stage; empty for a fit read from the cache.
    """

    model: SpellModel
    tree: xr.DataTree
    settings: Settings
    key: str
    timings: Mapping[str, float] = field(default_factory=dict)

    @property
    def table(self) -> SpellTable:
        """What it was fitted to."""
        return self.model.table

    @property
    def groups(self) -> SpellGroups:
        """How the table entered."""
        return self.model.groups

    @property
    def posterior(self) -> xr.Dataset:
        """Parameters in the table's own units, dims ``chain, draw, …``."""
        return self.tree["posterior"].to_dataset()

    def theta(self) -> dict[str, np.ndarray]:
        """Scaled parameters, chains one after another: each array (draw, …)."""
        scaled = self.tree["scaled"].to_dataset()
        return {
            str(name): array.values.reshape((-1, *array.shape[2:]))
            for name, array in scaled.data_vars.items()
        }


def build_spells(
    table: SpellTable,
    *,
    hazard: Hazard = "weibull",
    frailty: bool | None = None,
    priors: str | Path | None = None,
) -> SpellModel:
    """Join a table and priors to a model; see :func:`fit_spells`."""
    if hazard not in ("weibull", "exponential"):
        allowed = one_of(("weibull", "exponential"), hazard)
        raise InputError([Problem(where="hazard", found=quoted(hazard), allowed=allowed)])
    chosen = bool(table.clusters) if frailty is None else frailty
    if chosen and not table.clusters:
        found = "a frailty, but no cluster is named"
        raise InputError([Problem(where=table.name, found=found, allowed="name a cluster column")])
    return SpellModel(
        table=table,
        groups=group_spells(table, exponential=hazard == "exponential"),
        priors=read_priors(
            DEFAULT_PRIORS if priors is None else priors, expected=spell_hazard().FAMILIES
        ),
        hazard=hazard,
        frailty=chosen,
    )


def fit_spells(
    table: SpellTable,
    *,
    hazard: Hazard = "weibull",
    frailty: bool | None = None,
    priors: str | Path | None = None,
    draws: int = 1000,
    tune: int = 600,
    chains: int = 4,
    seed: int = 1,
    refit: bool = False,
    progress: Progress | None = None,
) -> SpellFit:
    r"""Sample a Weibull or exponential proportional-hazards model of spells.

    :math:`\log\lambda(t) = \alpha + \log s + (s-1)\log t + \gamma^\top x + u_{\text{cluster}}`,
    with the priors of the set. Rows of equal covariates are collapsed exactly.

    Parameters
    ----------
    table : SpellTable
        From :func:`durability.read_spells` or :func:`durability.read_source`.
    hazard : str
        ``weibull``, or ``exponential``: shape one.
    frailty : bool, optional
        A normal term in the log hazard of each cluster; by default where the table has clusters.
    priors : str or path, optional
        A prior set with ``intercept``, ``log_shape``, ``effect`` and ``frailty_sd``; the
        library's weak ones where it is not given (docs/other_data.md).
    draws, tune, chains, seed : int
        As in :func:`durability.fit`.
    refit : bool
        Sample even where the fit is cached.
    progress : Progress, optional
        Told what is going on.

    Returns
    -------
    SpellFit

    Raises
    ------
    InputError
        The prior set does not serve, or a frailty is asked for without clusters.
    SamplingError
        The sampler could not start, or its trace is not whole.
    """
    progress = NullProgress() if progress is None else progress
    model = build_spells(table, hazard=hazard, frailty=frailty, priors=priors)
    settings = Settings(draws=draws, tune=tune, chains=chains, seed=seed)
    key = _fit_key(model, settings)
    stored = None if refit else cache.read_tree(key)
    if stored is not None:
        return SpellFit(model=model, tree=stored, settings=settings, key=key)
    timings: dict[str, float] = {}
    with timed_stage(timings, "compile", progress):
        # As arguments: constants of a million rows would be folded while compiling.
        compiled = compile_model(model, free=set(model.arrays))
    with timed_stage(timings, "sample", progress):
        trace = sample_trace(compiled, settings, progress=progress)
    tree = _tree(model, trace)
    cache.write_tree(key, tree)
    return SpellFit(model=model, tree=tree, settings=settings, key=key, timings=timings)


def _fit_key(model: SpellModel, settings: Settings) -> str:
    digest = hashlib.sha256()
    labels = (model.table.covariates, model.table.clusters, model.table.strata)
    own = (model.hazard, model.frailty, settings, model.sizes, labels)
    used = {n: (p.distribution, sorted(p.values.items())) for n, p in model.used_priors.items()}
    digest.update(f"spells|{model.groups.hash()}|{own}|{used}|{models_hash()}".encode())
    for array in (model.groups.centre, model.groups.scale, np.array(model.groups.unit)):
        digest.update(array.tobytes())
    for package in SAMPLERS:
        digest.update(f"{package}={package_version(package)}|".encode())
    return digest.hexdigest()


def _tree(model: SpellModel, trace: xr.DataTree) -> xr.DataTree:
    """Keep the draws as they were sampled and, beside them, in the table's own units."""
    import xarray as xr

    sampled = trace["posterior"].to_dataset()
    wanted = ("intercept", "log_shape", "effect", "frailty_sd", "frailty_raw")
    theta = {name: sampled[name].values for name in wanted if name in sampled}
    scaled = {
        name: (("chain", "draw", *(f"{name}_{i}" for i in range(values.ndim - 2))), values)
        for name, values in theta.items()
    }
    described = in_own_units(theta, model.groups)
    labels = {
        "stratum": model.table.strata or ("all",),
        "covariate": model.table.covariates,
        "cluster": model.table.clusters,
    }
    dims = {name: ("chain", "draw", *DIMS[name]) for name in described}
    coords = {d: list(labels[d]) for name in described for d in DIMS[name]}
    posterior = xr.Dataset({n: (dims[n], v) for n, v in described.items()}, coords=coords)
    groups = {
        "posterior": posterior,
        "scaled": xr.Dataset(scaled),
        "sample_stats": sampler_statistics(trace).drop_attrs(),
    }
    return xr.DataTree.from_dict(groups)


DIMS: Mapping[str, tuple[str, ...]] = {
    "intercept": ("stratum",),
    "shape": ("stratum",),
    "effect": ("covariate",),
    "frailty_sd": (),
    "frailty": ("cluster",),
}
"""Dims of what a fit says, beside ``chain, draw``."""


def in_own_units(theta: Mapping[str, np.ndarray], groups: SpellGroups) -> dict[str, np.ndarray]:
    r"""Turn scaled parameters into the table's own units.

    Returns
    -------
    dict of ndarray
        ``intercept``: log cumulative hazard at age 1 with every covariate at zero; ``shape``;
        ``effect``: log hazard ratio of one unit of a covariate; ``frailty_sd``; ``frailty``.
    """
    shape = spell_hazard().shapes(theta, np)
    intercept = theta["intercept"] - shape * np.log(groups.unit)
    found = {"shape": shape}
    if "effect" in theta:
        found["effect"] = theta["effect"] / groups.scale
        intercept = intercept - (found["effect"] * groups.centre).sum(-1)[..., None]
    found["intercept"] = intercept
    if "frailty_raw" in theta:
        found["frailty_sd"] = theta["frailty_sd"]
        found["frailty"] = theta["frailty_sd"][..., None] * theta["frailty_raw"]
    return found


def predict_spells(
    fit: Spelled,
    times: Sequence[float] | np.ndarray,
    covariates: Mapping[str, Sequence[float]] | Any = None,
    *,
    after: float = 0.0,
    seen: bool = False,
    clusters: Sequence[str] | None = None,
    strata: Sequence[str] | None = None,
    seed: int = 1,
) -> xr.Dataset:
    r"""Survival of spells, :math:`S(t \mid t_0) = e^{-[\Lambda(t)-\Lambda(t_0)]}` in each draw.

    A new spell that has lasted until :math:`t_0` tells something of its frailty: the draws have
    weight :math:`e^{-\Lambda(t_0)}`, so that the means keep to
    :math:`\bar S(t \mid t_0) = \bar S(t)/\bar S(t_0)`. Of a spell of the table the draws know it.

    Parameters
    ----------
    fit : SpellFit or SpellMaximum
    times : sequence of float
        Ages, in the table's unit of time, none before `after`.
    covariates : mapping of str to sequence of float, or DataFrame
        Every covariate of the fit by name, a value a spell; the table's average for those not
        named. Without it, one average spell.
    after : float
        Age until which the spells are known to have lasted.
    seen : bool
        Whether the fit has seen that they lasted: they are rows of its table, each of which needs
        its cluster where there is a frailty.
    clusters : sequence of str, optional
        The cluster of each spell, for its own frailty; a name that the table lacks, or none given,
        draws a new cluster's frailty from its law.
    strata : sequence of str, optional
        The stratum of each spell; needed where the table has several.
    seed : int
        Of new frailties.

    Returns
    -------
    Dataset
        ``survival`` (draw, spell, time) in [0, 1], the draws' ``weight`` (draw, spell), and
        ``mean``, ``low``, ``high`` (spell, time) under it: equal tails that hold 90 %.
        ``effective_draws`` (spell): how many equal weights would tell as much.

    Raises
    ------
    InputError
        A covariate or stratum that the fit does not know, times before `after`, or spells that
        were seen in a cluster that was not.
    """
    import xarray as xr

    ages = np.asarray(times, dtype=float)
    if ages.size == 0 or not np.isfinite(ages).all() or ages.min() < after or after < 0.0:
        found = f"times {quoted(list(times))} after {after:g}"
        allowed = "ages are numbers, none before the age that the spells have reached"
        raise InputError([Problem(where="predict", found=found, allowed=allowed)])
    theta = fit.theta()
    design = new_design(fit, covariates)
    stratum = _places(strata, fit.table.strata, len(design))
    rows = {"pattern_design": design, "pattern_stratum": stratum}
    fixed = {n: v for n, v in theta.items() if not n.startswith("frailty")}
    eta = spell_hazard().linear(fixed, rows)
    if "frailty_raw" in theta:
        eta = eta + _frailties(theta, fit.table, clusters, len(design), seed, seen=seen)
    shape = spell_hazard().shapes(theta, np)[:, stratum][..., None]
    edges = log_ages(np.append(ages, after), fit.groups.unit)
    powers = np.where(np.append(ages, after) > 0.0, np.exp(shape * edges), 0.0)
    hazard = np.exp(eta)[..., None]
    survival = np.exp(-hazard * (powers[..., :-1] - powers[..., -1:]))
    lasted = -(0.0 if seen else 1.0) * (hazard * powers[..., -1:])[..., 0]
    weight = np.exp(lasted - lasted.max(axis=0))
    weight = weight / weight.sum(axis=0)
    tails = ((1.0 - INTERVAL) / 2.0, (1.0 + INTERVAL) / 2.0)
    if seen or after == 0.0:
        low, high = np.quantile(survival, tails, axis=0)  # the weights are equal
    else:
        ends = [
            [weighted_quantiles(survival[:, i, j], weight[:, i], tails) for j in range(ages.size)]
            for i in range(len(design))
        ]
        low, high = np.moveaxis(np.array(ends), -1, 0)
    flat = ("spell", "time")
    return xr.Dataset(
        {
            "survival": (("draw", *flat), survival),
            "weight": (("draw", "spell"), weight),
            "mean": (flat, (weight[..., None] * survival).sum(axis=0)),
            "low": (flat, low),
            "high": (flat, high),
            "effective_draws": ("spell", 1.0 / (weight**2).sum(axis=0)),
        },
        coords={"time": ages, "spell": np.arange(len(design))},
        attrs={"interval_probability": INTERVAL, "after": after},
    )


def new_design(fit: Spelled, covariates: Any) -> np.ndarray:
    """Scale covariates of new spells as the table's were: array (spell, covariate)."""
    names, centre = fit.table.covariates, fit.groups.centre
    keys = [] if covariates is None else list(covariates)
    given = {str(n): np.atleast_1d(np.asarray(covariates[n], dtype=float)) for n in keys}
    lengths = {len(values) for values in given.values()} or {1}
    problems = [
        Problem(where="covariates", found=f"unknown {quoted(n)}", allowed=one_of(names, n))
        for n in given
        if n not in names
    ]
    if len(lengths) > 1:
        found = "covariates of different lengths"
        problems.append(Problem(where="covariates", found=found, allowed="a value a spell"))
    if any(not np.isfinite(values).all() for values in given.values()):
        found = "a covariate that is not a finite number"
        problems.append(Problem(where="covariates", found=found, allowed="give its value"))
    if problems:
        raise InputError(problems)
    count = min(lengths)
    columns = [given.get(n, np.full(count, centre[i])) for i, n in enumerate(names)]
    raw = np.column_stack(columns) if columns else np.zeros((count, 0))
    return np.asarray((raw - centre) / fit.groups.scale)


def _places(named: Sequence[str] | None, known: tuple[str, ...], n: int) -> np.ndarray:
    if len(known) <= 1:
        return np.zeros(n, int)
    wrong = [name for name in named or [""] if name not in known]
    if wrong or len(named or ()) != n:
        found = f"stratum {quoted(wrong[0])}" if wrong else f"{len(named or ())} for {n} spells"
        raise InputError([Problem(where="strata", found=found, allowed=one_of(known))])
    return np.array([known.index(name) for name in named or ()])


def _frailties(
    theta: Mapping[str, np.ndarray],
    table: SpellTable,
    clusters: Sequence[str] | None,
    n: int,
    seed: int,
    *,
    seen: bool,
) -> np.ndarray:
    """Frailties of new spells: of their cluster where it is known, else of a new one."""
    named = list(clusters or [""] * n)
    if len(named) != n:
        found = f"{len(named)} clusters for {n} spells"
        raise InputError([Problem(where="clusters", found=found, allowed="name one a spell")])
    strange = [name for name in named if name not in table.clusters]
    if seen and strange:
        found = f"cluster {quoted(strange[0])} of a spell that was seen"
        raise InputError([Problem(where="clusters", found=found, allowed=one_of(table.clusters))])
    rng = np.random.default_rng(seed)
    raw = rng.normal(size=(len(theta["frailty_sd"]), n))
    for place, name in enumerate(named):
        if name in table.clusters:
            raw[:, place] = theta["frailty_raw"][:, table.clusters.index(name)]
    return np.asarray(theta["frailty_sd"][:, None] * raw)
