"""Revision: the posterior of a fit as a new prior set.

What is kept is a joint law of the static parameters and of the case's state, with the name and
hash of every row that it has absorbed. What is lost is told: how well draws of the law stand for
those of the fit, and how far the headline probabilities moved.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from types import MappingProxyType

import numpy as np

from durability.absorption import observed_until
from durability.assembly import ModelData, assumptions_of, entered_rows
from durability.calendar import first_of_month, month_label
from durability.catalogue import drivers, joint_law
from durability.distributions import PARAMETERS
from durability.errors import InputError, Problem
from durability.fidelity import KHAT_MOST, POINTS_MOST, is_faithful, measured
from durability.inference import Fit
from durability.joint_fitting import fit_law
from durability.joint_priors import BENDS, DIMENSIONS, KINDS, Fidelity, Joint, Lineage
from durability.pooling import of_moments
from durability.prior_sets import Prior, PriorSet, hash_of

COMPONENTS = (1, 2, 4, 8)
"""A plain law is tried first, then mixtures of so many."""

WIDEST_CORRELATION = 0.57
"""Root mean square beyond which no LKJ law of four drivers goes: at eta = 0 it is 1/√3."""


def revise_priors(
    fit: Fit, *, name: str = "revised", keep: bool = False, made: date | None = None
) -> PriorSet:
    """Turn the posterior of a fit into a prior set.

    Parameters
    ----------
    fit : Fit
        Of the model ``breakdown``, or one that itself goes on from a revised set.
    name : str
        Of the set.
    keep : bool
        Whether a set is given whose fidelity fails.
    made : date, optional
        When; today if not given.

    Returns
    -------
    PriorSet
        Not written yet. Used with ``assemble(case, after=priors)`` and ``build(data, priors)``.

    Raises
    ------
    InputError
        Another model, or neither a law nor a mixture stands for the posterior: Pareto k above 0.7,
        or a headline probability that moved by more than a point.
    """
    if fit.model.name != "breakdown":
        found = f"a fit of the model {fit.model.name}"
        raise InputError([Problem(where="revise", found=found, allowed="a fit of breakdown")])
    coords, values = state_of(fit)
    unknowns = without_bounds(fit, coords, values)
    tried: list[tuple[PriorSet, Fidelity]] = []
    for components in COMPONENTS:
        law = fit_law(unknowns, components=components, seed=fit.settings.seed)
        draft = _draft(fit, name, made or date.today(), coords, law, values)
        tried.append((draft, measured(fit, draft, unknowns, law)))
        if is_faithful(tried[-1][1]):
            break
    draft, fidelity = min(tried, key=lambda each: _shortfall(each[1]))
    if not keep and not is_faithful(fidelity):
        found = (
            f"no joint law stands for the posterior: k {fidelity.khat:.2f}, and "
            f"{fidelity.where} moves by {fidelity.points:+.2f} points"
        )
        allowed = f"at most {KHAT_MOST} and {POINTS_MOST:g} point: fit longer, or keep it as it is"
        raise InputError([Problem(where="revise", found=found, allowed=allowed)])
    if draft.lineage is None:
        raise ValueError("a draft has a lineage")
    return replace(draft, lineage=replace(draft.lineage, fidelity=fidelity))


def _shortfall(fidelity: Fidelity) -> float:
    """How far a law misses its limits, as a multiple of the worse one."""
    return max(fidelity.khat / KHAT_MOST, abs(fidelity.points) / POINTS_MOST)


# What is kept -------------------------------------------------------------------------------


def state_of(fit: Fit) -> tuple[dict[str, tuple[str, ...]], dict[str, np.ndarray]]:
    """Give the static parameters and the case's state of every draw.

    Returns
    -------
    coords : dict
        Labels of what they are of, as ``models/joint.py`` wants them.
    values : dict
        By its names, each (draw, …).
    """
    data, arrays, theta = fit.model.data, fit.model.arrays, fit.theta()
    latent = fit.model.module.latents(theta, arrays, np)
    told = theta if data.after is None else latent["meant"]
    months = tail_months(data)
    coords = {name: tuple(data.coords.get(name, ())) for name in DIMENSIONS}
    coords["month"] = months
    for dim in ("coder", "indicator"):
        known = data.coords.get(f"absorbed_{dim}", ())
        coords[dim] = (*known, *(each for each in coords[dim] if each not in known))
    values: dict[str, np.ndarray] = {
        name: told[f"whole_{name}" if f"whole_{name}" in told else name]
        for name in joint_law().layout(coords)
        if name in told
    }
    raw = theta["path_raw"] if data.after is None else latent["raw"]
    values |= {
        "weibull_shape": latent["shapes"],
        "standing": latent["standing"],
        "pressure": latent["pressure"][:, -len(months)],
        "tail_raw": raw[:, raw.shape[1] - len(months) + 1 :],
    }
    if data.after is None:
        values |= _own_hazard(fit, theta, latent)
    return coords, values


def without_bounds(
    fit: Fit, coords: Mapping[str, tuple[str, ...]], values: Mapping[str, np.ndarray]
) -> np.ndarray:
    """Give what :func:`state_of` gave as numbers without bounds: (draw, unknown)."""
    above = _above_zero(fit, coords)
    marks = np.array([float(name in above) for name in joint_law().labels(coords)])
    unknowns: np.ndarray = joint_law().unbounded(values, coords, above_zero=marks)
    return unknowns


def _above_zero(fit: Fit, coords: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Name the unknowns that only a prior holds above 0.

    What a revised set has absorbed stays as it is there.
    """
    joint = None if fit.model.data.after is None else fit.model.data.after.joint
    known = () if joint is None else joint.unknowns
    kept = () if joint is None else joint.above_zero
    return tuple(
        name
        for name, prior in joint_law().one_sided_if_prior_is(coords).items()
        if name in kept
        or (name not in known and fit.model.priors.parameters[prior].distribution != "normal")
    )


def _own_hazard(
    fit: Fit, theta: Mapping[str, np.ndarray], latent: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Level, shift and typical shape of a case whose parts the model samples."""
    scale = fit.model.module.log_scales(theta, latent, fit.model.arrays)[:, -1]
    steady = (latent["effects"] * latent["standing"][:, None, :]).sum(-1)
    away = np.log(theta["shape"]) - np.log(latent["shapes"][:, :-1]).mean(-1)
    return {
        "level": scale + steady,
        "case_shift": (scale - theta["intercept"])[:, 0],
        "shape_offset": away / theta["shape_spread"],
    }


def tail_months(data: ModelData) -> tuple[str, ...]:
    """Name the months of a state: the last two, and as many as a stream is behind with.

    A stream that is known to an earlier day than the cutoff will be known to a later one, and its
    hazard in between needs the drivers of those months.
    """
    held = observed_until(data.case, data.cutoff)
    behind = min(held.values()) + timedelta(days=1)
    months = data.coords["month"]
    first = month_label(max(first_of_month(behind), first_of_month(data.case.deal)))
    place = sum(month < first for month in months)
    return months[max(min(place, len(months) - 1) - 1, 0) :]


def _draft(
    fit: Fit,
    name: str,
    made: date,
    coords: Mapping[str, tuple[str, ...]],
    law: Mapping[str, np.ndarray],
    values: Mapping[str, np.ndarray],
) -> PriorSet:
    data, parent = fit.model.data, fit.model.priors
    before = None if data.after is None else data.after.lineage
    size = len(law["joint_location"])
    joint = Joint(
        coords=MappingProxyType(dict(coords)),
        unknowns=tuple(joint_law().labels(coords)),
        margins=MappingProxyType(
            {key: tuple(law[f"joint_{key}"].tolist()) for key in _MARGINS},
        ),
        correlation=tuple(
            tuple(law["joint_correlation"][row, :row].tolist()) for row in range(1, size)
        ),
        weights=tuple(law["joint_weights"].tolist()),
        centres=tuple(tuple(row) for row in law["joint_scores"].tolist())
        if len(law["joint_weights"]) > 1
        else (),
        widths=tuple(law["joint_width"].tolist()),
        bends=_bends(law),
        above_zero=_above_zero(fit, coords),
    )
    lineage = Lineage(
        parent=parent.name,
        parent_hash=parent.hash,
        case=data.case.name,
        cutoff=data.cutoff,
        history=data.cutoff if before is None else before.history,
        made=made,
        data=data.hash(),
        assumptions=MappingProxyType(assumptions_of(data)),
        observed_to=MappingProxyType(observed_until(data.case, data.cutoff)),
        absorbed=MappingProxyType(_absorbed(data)),
        fidelity=Fidelity(khat=0.0, draws=len(fit), points=0.0, where="", mcse_points=0.0),
    )
    parameters = MappingProxyType(_marginals(fit, values))
    return PriorSet(
        name=name,
        path=Path(f"{name}.toml"),
        about=f"Posterior of {data.case.name} at {data.cutoff}, from {parent.name}",
        parameters=parameters,
        hash=hash_of(parameters, joint, lineage),
        joint=joint,
        lineage=lineage,
    )


def _bends(law: Mapping[str, np.ndarray]) -> tuple[tuple[float, ...], ...]:
    """List which unknown is bent by which earlier one, and how far."""
    stacked = np.stack([law[name] for name in BENDS], axis=-1)
    return tuple(
        (float(bent), float(by), *stacked[bent, by].tolist())
        for bent, by in np.argwhere(stacked.any(axis=-1)).tolist()
    )


_MARGINS = ("location", "scale", "skewness", "tail")


def _absorbed(data: ModelData) -> dict[str, Mapping[str, str]]:
    before: Mapping[str, Mapping[str, str]] = {}
    if data.after is not None and data.after.lineage is not None:
        before = data.after.lineage.absorbed
    new = entered_rows(data)
    return {kind: MappingProxyType({**before.get(kind, {}), **new[kind]}) for kind in KINDS}


def _marginals(fit: Fit, values: Mapping[str, np.ndarray]) -> dict[str, Prior]:
    """Give every parameter a prior of its own: its posterior's, told by mean and deviation.

    What repeats keeps the parent's, which is still that of a coder or indicator yet to come.
    """
    parent, module = fit.model.priors, fit.model.module
    found = dict(parent.parameters)
    told = joint_law().told(values, np)
    for group, names in module.GROUPS.items():
        if group in told and group not in module.REPEATED:
            columns = told[group].reshape((len(told[group]), -1))
            for column, each in zip(columns.T, names, strict=True):
                found[each] = _marginal(fit, parent.parameters[each], column)
    spread = _correlation_spread(2.0 * values["partial_correlation"] - 1.0)
    known = parent.parameters["correlation"]
    found["correlation"] = _posterior_of(fit, known, "lkj", of_moments("lkj", 0.0, spread))
    return found


def _correlation_spread(partial: np.ndarray) -> float:
    """Give the root mean square of the correlations between drivers.

    Not of the partial ones, which are wider the later their column.
    """
    cholesky = drivers().correlation_cholesky(np, partial)
    correlation = cholesky @ np.swapaxes(cholesky, -1, -2)
    row, column = np.tril_indices(correlation.shape[-1], k=-1)
    return min(float(np.sqrt((correlation[..., row, column] ** 2).mean())), WIDEST_CORRELATION)


def _marginal(fit: Fit, prior: Prior, draws: np.ndarray) -> Prior:
    if prior.distribution == "lognormal":
        mean, sd = float(np.log(draws).mean()), float(np.log(draws).std())
        return _posterior_of(fit, prior, "lognormal", {"mu": mean, "sigma": sd})
    # Above zero and of one number before: now with two.
    family = "gamma" if prior.distribution in ("halfnormal", "exponential") else prior.distribution
    return _posterior_of(
        fit, prior, family, of_moments(family, float(draws.mean()), float(draws.std()))
    )


def _posterior_of(fit: Fit, prior: Prior, family: str, values: Mapping[str, float]) -> Prior:
    data = fit.model.data
    told = {name: float(f"{values[name]:.6g}") for name in PARAMETERS[family]}
    return replace(
        prior,
        distribution=family,
        values=MappingProxyType(told),
        quantiles=None,
        reason="Marginal of the posterior, for reading: what is used is [joint]",
        source=f"Posterior of {data.case.name} at {data.cutoff}, from {fit.model.priors.name}",
        status="computed",
        elicited=None,
    )
