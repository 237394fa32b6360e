"""Inference: NUTS on a model, watched, cached, and whole or not at all."""

from __future__ import annotations

import hashlib
import os
import signal
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from durability import cache
from durability.absorption import told_rows
from durability.assembly import ModelData, entered_rows
from durability.catalogue import (
    continuation,
    find_model,
    list_models,
    models_hash,
    parameters_of,
)
from durability.errors import InputError, Problem, SamplingError, one_of, quoted
from durability.prior_sets import PriorSet, check_parameters
from durability.progress import NullProgress, Progress, timed_stage

if TYPE_CHECKING:
    from types import FrameType

    import xarray as xr

WATCHED = ("durability", "pymc", "pytensor", "nutpie", "jax", "numpy", "arviz", "xarray")
"""Packages whose versions a forecast names."""

SAMPLERS = ("pymc", "pytensor", "nutpie", "jax", "jaxlib", "numpy")
"""Packages whose versions are part of a fit's identity."""


XLA_FLAG = "--xla_cpu_enable_concurrency_optimized_scheduler=false"
"""The gradient is some 300 kernels of a microsecond: running them side by side costs more than it
gains (0.34 ms a gradient against 0.22 ms without)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model of ``models/`` with its data and priors; nothing is compiled or sampled yet.

    Parameters
    ----------
    name : str
    data : ModelData
    priors : PriorSet
    """

    name: str
    data: ModelData
    priors: PriorSet

    @property
    def module(self) -> Any:
        """The submodel's functions."""
        return find_model(self.name) if self.data.after is None else continuation()

    @property
    def arrays(self) -> Mapping[str, np.ndarray]:
        """Everything the likelihood reads, the fixed numbers of the prior set included."""
        arrays: Mapping[str, np.ndarray] = self.module.all_arrays(self.data, self.priors.parameters)
        return arrays

    def to_pymc(self) -> Any:
        """Give the PyMC model."""
        return self.module.build(self.data, self.priors.parameters)


class Compilable(Protocol):
    """What compiling needs of a model."""

    @property
    def arrays(self) -> Mapping[str, np.ndarray]:
        """Everything the likelihood reads, by name."""
        ...

    def to_pymc(self) -> Any:
        """Give the PyMC model."""
        ...


TARGET_ACCEPT = 0.9
"""Mean acceptance that NUTS steers its step size to, unless a model asks for another. At nutpie's
0.8 one transition in some thousands diverged; at 0.9 none in ten thousand did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How to sample.

    Parameters
    ----------
    draws, tune, chains, seed : int
    target_accept : float
        Mean acceptance that NUTS steers its step size to; see :data:`TARGET_ACCEPT`.
    max_depth : int
        Of a NUTS tree: at most 2 to this power steps a draw.
    """

    draws: int = 1500
    tune: int = 600
    chains: int = 4
    seed: int = 1
    target_accept: float = TARGET_ACCEPT
    max_depth: int = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """A sampled model.

    Parameters
    ----------
    model : Model
    tree : DataTree
        Groups ``posterior`` (free parameters and what they mean; dims ``chain, draw, …``),
        ``sample_stats``, ``constant_data`` and ``observed_data``.
    settings : Settings
    key : str
        Hash of data, priors, model, settings and samplers: the name of the cached fit.
    timings : mapping of str to float
        Seconds by stage; empty for a fit read from the cache.
    """

    model: Model
    tree: xr.DataTree
    settings: Settings
    key: str
    timings: Mapping[str, float] = field(default_factory=dict)

    @property
    def posterior(self) -> xr.Dataset:
        """Free parameters and what they mean, dims ``chain, draw, …``."""
        return self.tree["posterior"].to_dataset()

    def draws_of(self, name: str) -> np.ndarray:
        """Give one variable with chains and draws joined: array (draw, …)."""
        return _joined(self.posterior[name].values)

    def theta(self) -> dict[str, np.ndarray]:
        """Free parameters, chains and draws joined: each array (draw, …)."""
        posterior = self.posterior
        return {name: _joined(posterior[name].values) for name in self.names()}

    def __len__(self) -> int:
        """Count the draws, over all chains."""
        sizes = self.tree["posterior"].sizes
        return int(sizes["chain"] * sizes["draw"])

    def names(self) -> list[str]:
        """Names of the free parameters."""
        return list(self.model.module.parameter_names(self.model.data))


def build(data: ModelData, priors: PriorSet, *, model: str = "breakdown") -> Model:
    """Join data and priors to a model.

    Parameters
    ----------
    data : ModelData
        From :func:`durability.assemble`.
    priors : PriorSet
        From :func:`durability.read_priors`.
    model : str
        Name of a model in ``models/``.

    Returns
    -------
    Model
        Nothing is compiled or sampled yet.

    Raises
    ------
    InputError
        There is no such model, the prior set lacks one of its parameters or has one too many, or
        it was a posterior and the data hold rows that it has absorbed.
    """
    expected = parameters_of(model)
    if model not in list_models():
        found = f"the model {quoted(model)} is not of breakdown"
        raise InputError(
            [Problem(where="models", found=found, allowed=one_of(list_models(), model))]
        )
    check_parameters(priors, expected)
    check_absorbed(data, priors, model)
    return Model(name=model, data=data, priors=priors)


def check_absorbed(data: ModelData, priors: PriorSet, model: str) -> None:
    """Refuse to count a row twice: data that a posterior has seen, beside that posterior.

    Raises
    ------
    InputError
        Naming the rows.
    """
    where, lineage = str(priors.path), priors.lineage
    if data.after is not None and data.after.hash == priors.hash:
        if model != "breakdown":
            found = f"it is a posterior of the model breakdown, not of {quoted(model)}"
            raise InputError([Problem(where=where, found=found, allowed="use that model")])
        return
    if data.after is not None:
        found = f"the data go on from {data.after.name}, which is another set"
        allowed = f"assemble(case, after=…) with {priors.name}, or build with {data.after.name}"
        raise InputError([Problem(where=where, found=found, allowed=allowed)])
    if lineage is None:
        return
    if data.case.name != lineage.case:
        found = f"it is a posterior of {lineage.case}: its state does not go to {data.case.name}"
        allowed = f"use the set that it was revised from, {lineage.parent}"
        raise InputError([Problem(where=where, found=found, allowed=allowed)])
    held = entered_rows(data)
    twice = {
        kind: [name for name in rows if name in lineage.absorbed[kind]]
        for kind, rows in held.items()
    }
    found = f"the data hold rows that it has absorbed: {told_rows(twice)}"
    allowed = "assemble(case, after=priors) leaves them out, as does durability priors continue"
    raise InputError([Problem(where=where, found=found, allowed=allowed)])


def fit(
    model: Model,
    *,
    draws: int = 1500,
    tune: int = 600,
    chains: int = 4,
    seed: int = 1,
    target_accept: float = TARGET_ACCEPT,
    refit: bool = False,
    progress: Progress | None = None,
) -> Fit:
    """Sample a model, or read the same fit from the cache.

    Parameters
    ----------
    model : Model
    draws, tune, chains : int
        Draws kept of each chain, warm-up draws of each chain, chains.
    seed : int
        The same seed, model and versions give the same draws.
    target_accept : float
        Mean acceptance that NUTS steers its step size to: nearer 1, smaller steps.
    refit : bool
        Sample even where the fit is cached.
    progress : Progress, optional
        Told what is going on.

    Returns
    -------
    Fit

    Raises
    ------
    SamplingError
        The sampler could not start, or its trace is not whole. Nothing is cached then.
    KeyboardInterrupt
        On Ctrl-C, at any stage; nothing is cached.
    """
    progress = NullProgress() if progress is None else progress
    settings = Settings(
        draws=draws, tune=tune, chains=chains, seed=seed, target_accept=target_accept
    )
    key = fit_key(model, settings)
    stored = None if refit else cache.read_tree(key)
    if stored is not None:
        return Fit(model=model, tree=stored, settings=settings, key=key)
    timings: dict[str, float] = {}
    with timed_stage(timings, "import", progress):
        _import_samplers()
    with timed_stage(timings, "compile", progress):
        compiled = compile_model(model)
    with timed_stage(timings, "sample", progress):
        tree = sample(compiled, model, settings, progress=progress)
    cache.write_tree(key, tree)
    return Fit(model=model, tree=tree, settings=settings, key=key, timings=timings)


def compile_model(model: Compilable, *, free: Collection[str] = ()) -> Any:
    """Compile a model for nutpie, on PyTensor's JAX backend.

    With every cache cold it compiles this model in a tenth of the time that the numba backend
    takes, and computes gradients about as fast (docs/benchmarks.md).

    Parameters
    ----------
    model : Model or another that compiles
    free : collection of str
        Arrays that can be changed afterwards (:func:`with_data`). The others become constants,
        which makes a gradient up to a fifth faster.
    """
    nutpie = _import_samplers()
    from pymc.model.transform.optimization import freeze_dims_and_data

    constants = [name for name in model.arrays if name not in free]
    with _remembering_ctrl_c():
        compiled = nutpie.compile_pymc_model(
            freeze_dims_and_data(model.to_pymc(), data=constants),
            backend="jax",
            gradient_backend="pytensor",
            freeze_model=False,
        )
        # JAX compiles at the first call, which belongs here and not to the sampling. A draw of
        # nutpie's would do it too, but swallow Ctrl-C.
        compiled._make_logp_func()(np.zeros(compiled.n_dim), **compiled._shared_data)
    return compiled


@contextmanager
def _remembering_ctrl_c() -> Iterator[None]:
    """Stop at the end of a block in which other libraries swallowed Ctrl-C."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before, pressed = signal.getsignal(signal.SIGINT), []

    def note(number: int, frame: FrameType | None) -> None:
        pressed.append(number)
        if callable(before):
            before(number, frame)

    signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if pressed:
        raise KeyboardInterrupt


def with_data(compiled: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    """Give a compiled model other data, of the same shapes, without compiling again.

    Parameters
    ----------
    compiled : nutpie model
        Of :func:`compile_model`.
    arrays : mapping of str to ndarray
        By the names of :attr:`Model.arrays`, from those that were left free.

    Raises
    ------
    ValueError
        An array was not left free.
    """
    _import_samplers()
    import jax.numpy as jnp

    held = compiled._shared_data  # nutpie has no public name for what a compiled model reads
    if fixed := sorted(set(arrays) - set(held)):
        raise ValueError(f"{', '.join(fixed)}: compiled as constants")
    return compiled.with_data(**{n: jnp.asarray(a, held[n].dtype) for n, a in arrays.items()})


def sample(
    compiled: Any, model: Model, settings: Settings, *, progress: Progress | None = None
) -> xr.DataTree:
    """Sample a compiled model.

    Parameters
    ----------
    compiled : nutpie model
        Perhaps with other data than it was compiled with (:func:`with_data`): those of `model`.
    model : Model
    settings : Settings
    progress : Progress, optional

    Returns
    -------
    DataTree

    Raises
    ------
    SamplingError
        The sampler could not start, or the trace is not whole.
    """
    return _tree(sample_trace(compiled, settings, progress=progress), model)


def sample_trace(
    compiled: Any,
    settings: Settings,
    *,
    cores: int | None = None,
    progress: Progress | None = None,
) -> xr.DataTree:
    """Sample a compiled model of any kind; see :func:`sample`.

    Parameters
    ----------
    compiled : nutpie model
    settings : Settings
    cores : int, optional
        Chains that run side by side; as many as the machine has cores if not given. The draws are
        the same whatever it is.
    progress : Progress, optional

    Returns
    -------
    DataTree
        As nutpie gives it: groups ``posterior`` and ``sample_stats``.

    Raises
    ------
    SamplingError
        The sampler could not start, or the trace is not whole.
    """
    nutpie = _import_samplers()
    progress = NullProgress() if progress is None else progress
    state: list[Any] = []

    def remember(chains: list[Any]) -> None:
        state[:] = chains

    try:
        sampler = nutpie.sample(
            compiled,
            draws=settings.draws,
            tune=settings.tune,
            chains=settings.chains,
            cores=min(settings.chains, cores or os.cpu_count() or 1),
            seed=settings.seed,
            target_accept=settings.target_accept,
            maxdepth=settings.max_depth,
            save_warmup=False,
            progress_bar=False,
            progress_callback=remember,
            progress_rate=200,
            blocking=False,
        )
        trace: xr.DataTree = _waited(sampler, state, settings, progress)
    except RuntimeError as error:
        raise SamplingError(f"the sampler failed: {error}") from error
    sizes = trace["posterior"].sizes
    if (sizes["chain"], sizes["draw"]) != (settings.chains, settings.draws):
        raise SamplingError(
            f"the trace has {sizes['chain']} chains of {sizes['draw']} draws, "
            f"not {settings.chains} of {settings.draws}; nothing was kept"
        )
    return trace


def _waited(sampler: Any, state: list[Any], settings: Settings, progress: Progress) -> Any:
    """Wait in Python, where Ctrl-C is heard: nutpie's own wait swallows it."""
    total = settings.draws + settings.tune
    try:
        while not _is_finished(sampler):
            time.sleep(0.1)
            chains = list(state)
            if chains:
                finished = [chain.finished_draws for chain in chains]
                progress.chains(finished, total, sum(chain.divergences for chain in chains))
    except KeyboardInterrupt:
        sampler.cancel()
        raise
    return sampler.wait()


def _is_finished(sampler: Any) -> bool:
    try:
        return bool(sampler.is_finished)
    except TimeoutError:  # the sampler was busy and did not answer in time
        return False


def _tree(trace: Any, model: Model) -> xr.DataTree:
    """Add to the draws what they mean, and the data they were conditioned on."""
    import xarray as xr

    posterior = trace["posterior"].to_dataset()
    names = list(model.module.parameter_names(model.data))
    posterior = posterior[names]
    theta = {name: posterior[name].values for name in names}
    constant = model.data.to_dataset()
    derived = model.module.describe(theta, model.arrays)
    coords = {name: list(labels) for name, labels in model.data.coords.items()}
    for name, (dims, values) in derived.items():
        variable = xr.DataArray(values, dims=("chain", "draw", *dims))
        known = {dim: coords[dim] for dim in dims if dim in coords}
        posterior[name] = variable.assign_coords(known)
    observed = {
        name: constant[array] for name, array in model.module.OBSERVED.items() if array in constant
    }
    groups = {
        "posterior": posterior,
        "sample_stats": sampler_statistics(trace),
        "constant_data": constant,
        "observed_data": xr.Dataset(observed),
    }
    return xr.DataTree.from_dict({name: _plain(group) for name, group in groups.items()})


def sampler_statistics(trace: xr.DataTree) -> xr.Dataset:
    """Give the statistics of the sampler that are one number a draw."""
    stats = trace["sample_stats"].to_dataset()
    kept = [name for name in stats if stats[name].dtype.kind in "fiub" and stats[name].ndim == 2]
    return stats[kept]


def _plain(dataset: Any) -> Any:
    """Drop attributes that a file need not carry (dates, library settings)."""
    return dataset.drop_attrs()


def fit_key(model: Model, settings: Settings) -> str:
    """Hash of all that decides a fit: data, priors, model, settings and samplers."""
    digest = hashlib.sha256()
    digest.update(model.data.hash().encode())
    digest.update(model.priors.hash.encode())
    digest.update(f"{model.name}|{settings}".encode())
    for package in SAMPLERS:
        digest.update(f"{package}={package_version(package)}|".encode())
    digest.update(models_hash().encode())
    return digest.hexdigest()


def package_version(name: str) -> str:
    """Version of an installed package, ``unknown`` where it has none."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"


def thinned_draws(fit: Fit, n: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Keep about `n` draws of a fit, evenly spread, the same places of every chain.

    Returns
    -------
    places : ndarray
        Of the draws kept, in each chain.
    theta : dict
        Free parameters, each array (draw, …), chains one after another.
    """
    per_chain = max(n // fit.settings.chains, 1)
    places = np.arange(0, fit.settings.draws, max(fit.settings.draws // per_chain, 1))
    posterior = fit.posterior
    return places, {name: _joined(posterior[name].values[:, places]) for name in fit.names()}


def _joined(values: np.ndarray) -> np.ndarray:
    return values.reshape((-1, *values.shape[2:]))


def _import_samplers() -> Any:
    flags = os.environ.get("XLA_FLAGS", "")
    if XLA_FLAG.partition("=")[0] not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} {XLA_FLAG}".strip()  # read once, when JAX starts
    import jax
    import nutpie

    settings = {
        "jax_enable_x64": True,
        # A gradient is awaited as soon as it is asked for: no second thread need compute it.
        "jax_cpu_enable_async_dispatch": False,
    }
    for name, value in settings.items():
        jax.config.update(name, value)  # type: ignore[no-untyped-call]
    return nutpie
