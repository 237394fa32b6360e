r"""Maximum likelihood: the flat-prior limit of what :mod:`durability.spells` fits.

The functions of :mod:`durability.models.spells` are differentiated by JAX and maximised by Newton
steps within a trust region. Standard errors come from the observed information, and, where
clusters are named, from the sandwich :math:`A^{-1}BA^{-1}` with :math:`B` the sum over clusters of
the outer products of their scores (Lin & Wei 1989, doi:10.1080/01621459.1989.10478874), without
a correction for few clusters, as R's ``survival`` has it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from durability.catalogue import spell_hazard
from durability.errors import InputError, Problem, quoted
from durability.spell_groups import SpellGroups, group_spells, repeated, row_arrays
from durability.spell_tables import SpellTable
from durability.spells import Hazard, in_own_units

if TYPE_CHECKING:
    import xarray as xr

GRADIENT_MOST = 1e-8
"""Largest slope at a maximum, by parameter, over the number of events."""

RUNAWAY = 15.0
"""Log hazard ratio of a scaled covariate beyond which the likelihood is taken to have no finite
maximum along it: e to the 15 is three million."""

APPROXIMATE_DRAWS = 4000
"""Draws of the normal approximation from which predictions of a maximum are made."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SpellMaximum:
    """The most likely parameters, in the table's own units.

    Parameters
    ----------
    table : SpellTable
    groups : SpellGroups
    names : tuple of str
        ``intercept``, ``log_shape`` (each ``[stratum]`` where there are several) and covariates.
    estimates, errors : ndarray (parameter,)
        Standard errors from the observed information.
    clustered_errors : ndarray (parameter,) or None
        From the sandwich over clusters.
    log_likelihood : float
    converged : bool
    unbounded : tuple of str
        Covariates along which the likelihood has no finite maximum: they separate the events.
    mode, precision : ndarray
        The same in scaled parameters: where it is, and the information there.
    """

    table: SpellTable
    groups: SpellGroups
    names: tuple[str, ...]
    estimates: np.ndarray
    errors: np.ndarray
    clustered_errors: np.ndarray | None
    log_likelihood: float
    converged: bool
    unbounded: tuple[str, ...]
    mode: np.ndarray
    precision: np.ndarray

    @property
    def exponential(self) -> bool:
        """Whether the shape was fixed at one."""
        return not any(name.startswith("log_shape") for name in self.names)

    def theta(self) -> dict[str, np.ndarray]:
        """Draws of scaled parameters from the normal approximation: each array (draw, …)."""
        rng = np.random.default_rng(1)
        spread = np.linalg.pinv(self.precision, hermitian=True)
        drawn = rng.multivariate_normal(self.mode, spread, APPROXIMATE_DRAWS, method="eigh")
        return _theta(drawn, len(self.table.covariates), self.exponential)

    def accelerated(self) -> dict[str, tuple[float, float]]:
        r"""Give the same model as accelerated failure time, with standard errors.

        :math:`\log T = \mu + \beta^\top x + \epsilon/s`: :math:`\mu=-\alpha/s`,
        :math:`\beta=-\gamma/s`; the shape stands as ``log_scale``, :math:`-\log s`. For one
        stratum.
        """
        count = len(self.table.covariates)

        def accelerated(vector: np.ndarray) -> np.ndarray:
            own = _own_vector(vector, count, self.exponential, self.groups)
            shape = 1.0 if self.exponential else np.exp(own[1])
            linear = np.concatenate([own[:1], own[len(own) - count :]])
            return np.append(-linear / shape, -np.log(shape))

        value, slope = accelerated(self.mode), _slopes(accelerated, self.mode)
        spread = slope @ np.linalg.pinv(self.precision, hermitian=True) @ slope.T
        labels = ("intercept", *self.table.covariates, "log_scale")
        errors = np.sqrt(np.maximum(np.diag(spread), 0.0))
        return {n: (float(v), float(e)) for n, v, e in zip(labels, value, errors, strict=True)}

    def to_dataset(self) -> xr.Dataset:
        """Give estimates and standard errors by parameter."""
        import xarray as xr

        columns = {"estimate": self.estimates, "error": self.errors}
        if self.clustered_errors is not None:
            columns["clustered_error"] = self.clustered_errors
        named = {name: (("parameter",), values) for name, values in columns.items()}
        return xr.Dataset(named, coords={"parameter": list(self.names)})


def maximise_spells(table: SpellTable, *, hazard: Hazard = "weibull") -> SpellMaximum:
    """Fit a Weibull or exponential proportional-hazards model by maximum likelihood.

    Parameters
    ----------
    table : SpellTable
        With clusters, standard errors are given by cluster too; there is no frailty here.
    hazard : str
        ``weibull``, or ``exponential``: shape one.

    Returns
    -------
    SpellMaximum

    Raises
    ------
    InputError
        There is no event, or a covariate does not vary beside others and the strata.
    """
    _check(table)
    exponential = hazard == "exponential"
    groups = group_spells(table, exponential=exponential)
    count, strata = len(table.covariates), max(len(table.strata), 1)
    size = strata * (1 if exponential else 2) + count
    value, slope, curvature, scores = _compiled(table, groups, count, exponential)
    mode = _climb(value, slope, curvature, size, table.events)
    precision = -curvature(mode)
    own = _own_vector(mode, count, exponential, groups)
    jacobian = _slopes(lambda v: _own_vector(v, count, exponential, groups), mode)
    inverse = np.linalg.pinv(precision, hermitian=True)
    spread = jacobian @ inverse @ jacobian.T
    clustered = None
    if table.clusters:
        summed = np.stack(
            [np.bincount(table.cluster, column, len(table.clusters)) for column in scores(mode).T]
        )
        sandwich = jacobian @ inverse @ (summed @ summed.T) @ inverse @ jacobian.T
        clustered = np.sqrt(np.maximum(np.diag(sandwich), 0.0))
    far = np.abs(mode[size - count :]) > RUNAWAY
    return SpellMaximum(
        table=table,
        groups=groups,
        names=_names(table, exponential),
        estimates=own,
        errors=np.sqrt(np.maximum(np.diag(spread), 0.0)),
        clustered_errors=clustered,
        log_likelihood=float(value(mode)),
        converged=bool(np.abs(slope(mode)).max() <= GRADIENT_MOST * max(table.events, 1.0)),
        unbounded=tuple(n for n, is_far in zip(table.covariates, far, strict=True) if is_far),
        mode=mode,
        precision=precision,
    )


def _check(table: SpellTable) -> None:
    problems = []
    if table.events == 0.0:
        problems.append(("no event", "a maximum needs one; fit_spells does not"))
    told = "does not vary beside the covariates before it and the strata"
    problems += [(f"{quoted(name)} {told}", "leave it out") for name in repeated(table)]
    if problems:
        raise InputError([Problem(where=table.name, found=f, allowed=a) for f, a in problems])


def _climb(
    value: Callable[..., Any],
    slope: Callable[..., Any],
    curvature: Callable[..., Any],
    size: int,
    events: float,
) -> np.ndarray:
    from scipy.optimize import minimize

    found = minimize(
        lambda v: -value(v),
        np.zeros(size),
        jac=lambda v: -slope(v),
        hess=lambda v: -curvature(v),
        method="trust-exact",
        options={"gtol": 0.1 * GRADIENT_MOST * events, "maxiter": 500},
    )
    # A last Newton step, where the function is too flat to see its own changes.
    step = np.linalg.pinv(curvature(found.x), hermitian=True) @ slope(found.x)
    better = found.x - step
    closer = np.abs(slope(better)).max() <= np.abs(slope(found.x)).max()
    return np.asarray(better if closer else found.x)


def _compiled(
    table: SpellTable, groups: SpellGroups, count: int, exponential: bool
) -> tuple[Callable[..., Any], ...]:
    """Log-likelihood, gradient and Hessian of scaled parameters, and the scores of the rows."""
    from durability.inference import _import_samplers

    _import_samplers()
    import jax
    import jax.numpy as jnp

    module = spell_hazard()
    grouped = {name: jnp.asarray(groups.arrays[name]) for name in module.GROUPED}
    rows = {name: jnp.asarray(array) for name, array in row_arrays(table, groups).items()}

    def total(vector: Any, data: Any) -> Any:
        return module.log_likelihood(_theta(vector, count, exponential), data, jnp)

    def each(vector: Any, data: Any) -> Any:
        return module.row_log_likelihood(_theta(vector, count, exponential), data, jnp)

    made = (jax.jit(total), jax.jit(jax.grad(total)), jax.jit(jax.hessian(total)))
    by_row = jax.jit(jax.jacfwd(each))
    return (
        *(lambda v, f=f: np.asarray(f(jnp.asarray(v), grouped)) for f in made),
        lambda v: np.asarray(by_row(jnp.asarray(v), rows)),
    )


def _theta(vector: Any, covariates: int, exponential: bool) -> dict[str, Any]:
    """Split a vector (..., parameter) into scaled parameters."""
    size = vector.shape[-1]
    strata = (size - covariates) // (1 if exponential else 2)
    theta = {"intercept": vector[..., :strata]}
    if not exponential:
        theta["log_shape"] = vector[..., strata : 2 * strata]
    if covariates:
        theta["effect"] = vector[..., size - covariates :]
    return theta


def _own_vector(
    vector: np.ndarray, covariates: int, exponential: bool, groups: SpellGroups
) -> np.ndarray:
    """Turn a vector of scaled parameters into the table's own units."""
    told = in_own_units(_theta(vector, covariates, exponential), groups)
    parts = [told["intercept"]]
    if not exponential:
        parts.append(np.log(told["shape"]))
    if covariates:
        parts.append(told["effect"])
    return np.concatenate(parts)


def _slopes(function: Callable[[np.ndarray], np.ndarray], at: np.ndarray) -> np.ndarray:
    """Jacobian by central differences; the maps are smooth and of order one."""
    step = 1e-6
    columns = [
        (function(at + step * unit) - function(at - step * unit)) / (2.0 * step)
        for unit in np.eye(len(at))
    ]
    return np.stack(columns, axis=-1)


def _names(table: SpellTable, exponential: bool) -> tuple[str, ...]:
    def along(name: str) -> Sequence[str]:
        return [f"{name}[{s}]" for s in table.strata] if len(table.strata) > 1 else [name]

    shape = [] if exponential else along("log_shape")
    return (*along("intercept"), *shape, *table.covariates)
