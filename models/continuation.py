r"""Continuation: the model after a posterior has become the prior.

What :mod:`durability.models.breakdown` learned of a case up to a cutoff is held by a joint law
(:mod:`durability.models.joint`) over its static parameters and the case's state: the standing
:math:`\mu`, and the drivers in the last months. History, earlier news and the time that the case
has held are in that law, so they have no likelihood here. The path goes on from the last month,

.. math:: x_{t+1} = \mu + \varphi\,(x_t - \mu) + \sqrt{(1-\varphi^2)(1-\rho^2)}\,L\epsilon_t ,

and what is new enters by the same terms as before: ratings, counts, and having held. A case's
state is its own, so such a law continues no other case.

Free parameters (``theta``): ``joint_raw`` (unknown), ``path_raw`` (new month, driver), the errors
of new things and events, and the discrimination or the numbers of coders and indicators that the
law does not know, whose priors are still those of the prior set.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from durability.models import breakdown, drivers, joint
from durability.models.parameters import Prior, draws, variable

ABSORBED = ("coder", "location", "gap", "indicator", "month")
"""Dimensions of a joint law; the data have an array of places, ``*_absorbed``, for each."""

FRESH: Mapping[str, str] = {
    "discrimination": "coder",
    "indicator_intercept": "indicator",
    "indicator_slope": "indicator",
    "indicator_dispersion": "indicator",
}
"""Groups that may have newcomers, along the dimension ``new_*``."""

WHITENED: Mapping[str, tuple[str, ...]] = {
    "path_raw": ("new_month", "driver"),
    "coding_error_raw": ("thing",),
}
"""Standard normal variables and their dimensions."""

GROUPS = breakdown.GROUPS
REPEATED = breakdown.REPEATED
FIXED = breakdown.FIXED
OBSERVED = breakdown.OBSERVED
UNREAD = breakdown.UNREAD
effects = breakdown.effects


def _size(array: Any) -> int:
    """Length of an array's first dimension, which is known before anything runs."""
    return int(array.shape[0] if isinstance(array, np.ndarray) else array.type.shape[0])


def _absorbed(data: Mapping[str, Any]) -> dict[str, range]:
    """Places along each dimension of the joint law."""
    return {name: range(_size(data[f"{name}_absorbed"])) for name in ABSORBED}


def meant(theta: Mapping[str, Any], data: Mapping[str, Any], xp: Any) -> dict[str, Any]:
    """Free parameters under the names of :mod:`durability.models.breakdown`, and the state.

    Parameters
    ----------
    theta : mapping
        Of this model.
    data : mapping
        Arrays of :func:`durability.assembly.assemble` with ``after``.
    xp : namespace

    Returns
    -------
    dict
        The static parameters, the state, and the errors of what is new.
    """
    raw = theta["joint_raw"]
    lead = raw.ndim - 1
    unknowns = joint.pushed(raw, data, xp)
    values = joint.bounded(
        unknowns, _absorbed(data), xp, leading=lead, above_zero=data["joint_above_zero"]
    )
    found: dict[str, Any] = joint.told(values, xp)
    for group, dim in FRESH.items():
        parts = [found[group]] if group in found else []
        if f"{group}_new" in theta:
            parts.append(theta[f"{group}_new"])
        if parts and f"{dim}_place" in data:
            whole = parts[0] if len(parts) == 1 else xp.concatenate(parts, axis=-1)
            found[f"whole_{group}"] = whole
            found[group] = whole[..., data[f"{dim}_place"]]
    for name in WHITENED:
        if name in theta:
            found[name] = theta[name]
    if "coding_error_raw" not in found:
        found["coding_error_raw"] = raw[..., :0]
    return found


def latents(theta: Mapping[str, Any], data: Mapping[str, Any], xp: Any) -> dict[str, Any]:
    """What the free parameters mean; as :func:`durability.models.breakdown.latents`.

    Returns
    -------
    dict
        With ``meant``, of :func:`meant`, and ``raw``, the innovations, beside the latents.
    """
    told = meant(theta, data, xp)
    cholesky = drivers.correlation_cholesky(xp, 2.0 * told["partial_correlation"] - 1.0)
    phi = drivers.autoregression(told["half_life_months"])
    steps, months = [told["tail_raw"]], _size(data["month_absorbed"]) - 1
    if "path_raw" in told:
        steps.append(told["path_raw"])
        months += _size(data["month_new"])
    raw = steps[0] if len(steps) == 1 else xp.concatenate(steps, axis=-2)
    first = told["pressure"]
    later = drivers.continued(
        told["standing"], first, told["persistence"], phi, cholesky, raw, xp, months=months
    )
    pressure = xp.concatenate([first[..., None, :], later], axis=-2)
    shift = told["case_shift"][..., None]
    return {
        "meant": told,
        "raw": raw,
        "cholesky": cholesky,
        "autoregressive": phi,
        "standing": told["standing"],
        "pressure": pressure,
        # History is absorbed: it has no rows here.
        "history_standing": pressure[..., :0, :],
        "event_sd": xp.cumsum(told["event_error"], axis=-1),
        "shapes": told["weibull_shape"],
        "effects": breakdown.effects(told),
        # The case's covariates, its cluster's and its dyad's frailty are one number.
        "frailty": xp.concatenate([shift, 0.0 * shift], axis=-1),
    }


def log_likelihoods(
    _theta: Mapping[str, Any], latent: Mapping[str, Any], data: Mapping[str, Any], xp: Any
) -> dict[str, Any]:
    """Log-likelihood of all that is new, a term a unit.

    Returns
    -------
    dict
        ``holding (stream)``, and where there are any ``codings (thing)``, ``events (event)`` and
        ``counts (window)``.
    """
    told = latent["meant"]
    terms = {"holding": breakdown.holding(told, latent, data, xp)}
    if _size(data["coding_row"]):
        terms["codings"] = breakdown.codings(told, latent, data, xp)
    if "event_driver" in data:
        terms["events"] = breakdown.events(told, latent, data, xp)
    if "window_count" in data:
        terms["counts"] = breakdown.counts(told, latent, data, xp)
    return terms


def build(data: Any, priors: Mapping[str, Prior]) -> Any:
    """Make the continued model, ready to sample.

    Parameters
    ----------
    data : ModelData
        From :func:`durability.assembly.assemble` with ``after``.
    priors : mapping of str to Prior
        For what the joint law does not know.

    Returns
    -------
    pymc.Model
    """
    import pymc as pm
    import pytensor.tensor as pt

    with pm.Model(coords={name: list(values) for name, values in data.coords.items()}) as model:
        shared: dict[str, Any] = {
            name: pm.Data(name, values, shape=values.shape)
            for name, values in all_arrays(data, priors).items()
        }
        theta = free_parameters(data, priors)
        latent = latents(theta, shared, pt)
        for name, term in log_likelihoods(theta, latent, shared, pt).items():
            pm.CustomDist(name, term, logp=_given, observed=shared[OBSERVED[name]])
    return model


def _given(_value: Any, term: Any) -> Any:
    """Log-likelihood of a unit whose data are spread over several arrays: computed already."""
    return term


def all_arrays(data: Any, priors: Mapping[str, Prior]) -> dict[str, np.ndarray]:
    """Give the data's arrays and the fixed numbers of the prior set, by name."""
    arrays: dict[str, np.ndarray] = breakdown.all_arrays(data, priors)
    return arrays


def free_parameters(data: Any, priors: Mapping[str, Prior]) -> dict[str, Any]:
    """Make the free variables inside the current PyMC model: ``theta`` of :func:`latents`."""
    import pymc as pm

    theta = {"joint_raw": _joint_raw(data)}
    for name, dim in _fresh_of(data).items():
        prior = [priors[GROUPS[name.removesuffix("_new")][0]]]
        theta[name] = variable(name, prior, dims=dim, size=len(data.coords[dim]))
    for name, dims in _whitened_of(data).items():
        shape = tuple(len(data.coords[dim]) for dim in dims)
        theta[name] = pm.Normal(name, dims=dims, shape=shape)
    return theta


def _joint_raw(data: Any) -> Any:
    """Whitened scores: independent standard normals, or a mixture of them."""
    import pymc as pm
    import pytensor.tensor as pt

    size = len(data.coords["unknown"])
    law = {name: data.arrays[name] for name in ("joint_log_weights", "joint_centres")}
    if len(law["joint_log_weights"]) == 1:
        return pm.Normal("joint_raw", dims="unknown", shape=size)

    def density(value: Any, log_weights: Any, centres: Any) -> Any:
        named = {"joint_log_weights": log_weights, "joint_centres": centres}
        return joint.log_density(value, named, pt)

    return pm.CustomDist(
        "joint_raw",
        law["joint_log_weights"],
        law["joint_centres"],
        logp=density,
        signature="(m),(m,u)->(u)",
        dims="unknown",
        shape=(size,),
    )


def _fresh_of(data: Any) -> dict[str, str]:
    """Groups with newcomers, and the dimension along which those stand."""
    named = {f"{group}_new": f"new_{dim}" for group, dim in FRESH.items()}
    return {name: dim for name, dim in named.items() if data.coords.get(dim)}


def _whitened_of(data: Any) -> dict[str, tuple[str, ...]]:
    return {
        name: dims for name, dims in WHITENED.items() if all(data.coords.get(dim) for dim in dims)
    }


def parameter_names(data: Any) -> list[str]:
    """Names of the free parameters that the data call for."""
    return ["joint_raw", *_fresh_of(data), *_whitened_of(data)]


def prior_draws(
    data: Any, priors: Mapping[str, Prior], *, n: int, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Draw free parameters from the joint law, and from the priors of what it does not know.

    Returns
    -------
    dict
        ``theta`` of :func:`latents`, each array (n, …).
    """
    normals = rng.standard_normal((n, len(data.coords["unknown"])))
    theta = {"joint_raw": joint.drawn(normals, rng.random(n), data.arrays)}
    for name, dim in _fresh_of(data).items():
        prior = priors[GROUPS[name.removesuffix("_new")][0]]
        theta[name] = draws(prior, rng, (n, len(data.coords[dim])))
    for name, dims in _whitened_of(data).items():
        theta[name] = rng.standard_normal((n, *(len(data.coords[dim]) for dim in dims)))
    return theta


def describe(
    theta: Mapping[str, np.ndarray], data: Mapping[str, np.ndarray]
) -> dict[str, tuple[tuple[str, ...], np.ndarray]]:
    """Give what the free parameters mean, under the names that people read.

    Returns
    -------
    dict
        As :func:`durability.models.breakdown.describe`, without history, and with the static
        parameters.
    """
    latent = latents(theta, data, np)
    cholesky = latent["cholesky"]
    found: dict[str, tuple[tuple[str, ...], np.ndarray]] = {
        "pressure": (("month", "driver"), latent["pressure"]),
        "standing": (("driver",), latent["standing"]),
        "beta": (("stream", "driver"), latent["effects"]),
        "weibull_shape": (("stream",), latent["shapes"]),
        "correlation": (
            ("driver", "other_driver"),
            (cholesky[..., :, None, :] * cholesky[..., None, :, :]).sum(-1),
        ),
        "event_sd": (("grade",), latent["event_sd"]),
    }
    lead = theta["joint_raw"].ndim - 1
    for name in ("partial_correlation", *GROUPS):
        if name in latent["meant"]:
            values = latent["meant"][name]
            found[name] = (tuple(f"{name}_{i}" for i in range(values.ndim - lead)), values)
    return found


def extended(
    theta: Mapping[str, np.ndarray], latent: Mapping[str, Any], raw: np.ndarray
) -> np.ndarray:
    """Carry the case's drivers forward; as :func:`durability.models.breakdown.extended`."""
    del theta
    path: np.ndarray = breakdown.extended(latent["meant"], latent, raw)
    return path


def case_increments(
    theta: Mapping[str, np.ndarray],
    latent: Mapping[str, Any],
    data: Mapping[str, np.ndarray],
    pressure: np.ndarray,
    log_ages: np.ndarray,
) -> np.ndarray:
    """Hazard that the case accumulates in each month of a path.

    As :func:`durability.models.breakdown.case_increments`.
    """
    del theta
    told = latent["meant"]
    increments: np.ndarray = breakdown.case_increments(told, latent, data, pressure, log_ages)
    return increments


def static_draws(
    normals: np.ndarray,
    uniforms: np.ndarray,
    arrays: Mapping[str, np.ndarray],
    sizes: Mapping[str, int],
) -> dict[str, np.ndarray]:
    """Draw the static parameters that say how agreements of history differ. NumPy only.

    Parameters
    ----------
    normals : array (draw, unknown)
    uniforms : array (draw,)
    arrays : mapping
        The joint law's.
    sizes : mapping of str to int
        Labels along each of :data:`ABSORBED`.

    Returns
    -------
    dict
        By the names of :mod:`durability.models.breakdown`.
    """
    coords = {name: range(size) for name, size in sizes.items()}
    raw = joint.drawn(normals, uniforms, arrays)
    unknowns = joint.pushed(raw, arrays, np)
    above = arrays["joint_above_zero"]
    values = joint.bounded(unknowns, coords, np, leading=1, above_zero=above)
    told = joint.told(values, np)
    names = ("partial_correlation", "shape_raw", "effect_raw", *GROUPS)
    return {name: told[name] for name in names if name in told and name not in REPEATED}
