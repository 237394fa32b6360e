r"""Weighing: the draws of a fit, weighed by what has become known since.

Draws of a fit stand for the posterior given what is known now by the ratio of the two likelihoods,
unit by unit (:mod:`durability.units`). Inside the fitted months that is importance sampling on the
exact target. Months beyond them are first drawn from the drivers' own dynamics, several
continuations a draw, and then weighed: consistent in draws times continuations, not exact.

Weights are computed in canonical order and each unit by itself, so the same knowledge gives the
same answer to the bit, whatever the order in which it arrived.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from durability import units
from durability.agreements import Agreement, read_agreements
from durability.assembly import ModelData
from durability.catalogue import find_model
from durability.errors import InputError, Problem
from durability.inference import Fit
from durability.particles import Ahead, Particles, ahead_of, grown, new_months, particles_of
from durability.reweighting import Weights, mcse, smooth, weighted_quantiles
from durability.simulation import carried, monthly_normals, plan_of, rated_ids
from durability.steps import Plan, chances_taken, plan, said
from durability.units import Seen, Unit
from durability.vocabulary import HORIZONS_MONTHS, RUNGS

CHILDREN = 4
"""Continuations of each draw over months that the fit did not cover."""

INTERVAL = 0.9
_TAILS = ((1.0 - INTERVAL) / 2.0, (1.0 + INTERVAL) / 2.0)

Table = Mapping[str, Mapping[str, Mapping[str, float]]]
"""By rung and horizon: ``mean, low, high, interval_probability, mcse``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A fit made ready: what is the same for every update that starts from it.

    Parameters
    ----------
    particles : Particles
    seen : Seen
        What the fit saw, with its draws.
    rows : tuple of Agreement
        The reference class.
    contents : mapping of Unit to object
    holding : mapping of Unit to ndarray
    table : mapping
        The fit's own forecast.
    """

    particles: Particles
    seen: Seen
    rows: tuple[Agreement, ...]
    contents: Mapping[Unit, object]
    holding: Mapping[Unit, np.ndarray]
    table: Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Reweighted:
    """Draws of a fit, weighed by what is known now.

    Parameters
    ----------
    data : ModelData
        What is known now.
    months : int
        Passed beyond the fit's.
    contents : mapping of Unit to object
        Of what is known now.
    terms : mapping of Unit to ndarray
        Log-likelihood now less log-likelihood in the fit, (draw, child), of units that differ.
    parents : Weights
        Of the draws, each averaged over its continuations.
    shares : ndarray (draw, child)
        Of each continuation in its draw's weight; each row adds up to one.
    ahead : tuple of Ahead
        A continuation each.
    conditions : tuple of str
        Those of which something has changed since the fit.
    ahead_without : tuple of Ahead
        The same continuations had nothing of them changed; `ahead` where nothing has.
    table : mapping
        By rung and horizon.
    unseen : mapping
        By rung, the same summaries.
    moved : int
        Unknowns in which the draws have been moved (:mod:`durability.matching`); `terms` are
        always those of the draws where the fit left them.
    """

    data: ModelData
    months: int
    contents: Mapping[Unit, object]
    terms: Mapping[Unit, np.ndarray]
    parents: Weights
    shares: np.ndarray
    ahead: tuple[Ahead, ...]
    conditions: tuple[str, ...]
    ahead_without: tuple[Ahead, ...]
    table: Table
    unseen: Mapping[str, Mapping[str, float]]
    moved: int = 0

    @property
    def khat_children(self) -> float:
        """Pareto k of draws and continuations together; that of the draws where each has one."""
        return smooth(self.log_ratios.ravel()).khat if self.months else self.parents.khat

    @property
    def log_ratios(self) -> np.ndarray:
        """Log-likelihood now less that in the fit, (draw, child), in canonical order."""
        return sum((self.terms[unit] for unit in sorted(self.terms)), np.zeros_like(self.shares))

    @property
    def effective_children(self) -> float:
        """Effective number of draws and continuations together."""
        each = self.parents.values[:, None] * self.shares
        return float(1.0 / (each**2).sum())


def prepare(start: Fit | Particles, *, rows: Sequence[Agreement] | None = None) -> Base:
    """Make a fit ready for updates: work done once, so that each update takes a blink.

    Parameters
    ----------
    start : Fit or Particles
    rows : sequence of Agreement, optional
        The reference class; the fit's own, or the shipped one, if not given.

    Returns
    -------
    Base

    Raises
    ------
    InputError
        The fit goes on from a revised prior set: what was absorbed is no part of its data.
    """
    if isinstance(start, Fit):
        if start.model.data.after is not None:
            found = f"a fit that goes on from {start.model.data.after.name}"
            allowed = "revise it with durability priors revise, and go on with priors continue"
            raise InputError([Problem(where="update", found=found, allowed=allowed)])
        rows = start.model.data.rows if rows is None else rows
        start = particles_of(start)
    latent = find_model(start.model).latents(start.theta, start.arrays, np)
    seen = Seen(
        model=start.model,
        arrays=start.arrays,
        coords=start.coords,
        theta=start.theta,
        latent=latent,
    )
    equal = np.full(len(start), 1.0 / len(start))
    return Base(
        particles=start,
        seen=seen,
        rows=tuple(read_agreements() if rows is None else rows),
        contents=units.contents(start.arrays, start.coords),
        holding=units.holding(seen),
        table=_table((start.ahead,), equal, np.ones((len(start), 1)), start.chains),
    )


def cannot_weigh(base: Base, data: ModelData) -> tuple[str, ...]:
    """Say what differs between a fit and other data that no weight can mend."""
    mine, other = base.particles.coords["month"], data.coords["month"]
    if mine != other[: len(mine)]:
        return ("the months of the drivers begin or end elsewhere than the fit's",)
    return ()


def reweigh(base: Base, data: ModelData, *, previous: Reweighted | None = None) -> Reweighted:
    """Weigh the draws of a fit by what is known now.

    Parameters
    ----------
    base : Base
    data : ModelData
    previous : Reweighted, optional
        The same draws, weighed for as many months: its terms are taken over.

    Returns
    -------
    Reweighted
    """
    months = new_months(base.particles, data)
    arrays = base.particles.model_of(data).arrays
    contents = units.contents(arrays, data.coords)
    same = data.cutoff == base.particles.cutoff and not _case_changed(base.seen.arrays, arrays)
    now, then = plan_of(data), _plan_then(base.particles, data)
    moved = _changed_conditions(base.particles, data, now)
    known = _known_terms(base, months, contents, previous)
    each, ahead, without = [], [], []
    for child in range(CHILDREN if months else 1):
        seen = seen_now(base, data, arrays, child)
        each.append(_terms(base, seen, contents, {u: t[:, child] for u, t in known.items()}))
        before = base.particles.ahead if same else _ahead(base, data, seen, months, child, then)
        without.append(before)
        ahead.append(_ahead(base, data, seen, months, child, now) if moved else before)
    terms = {unit: np.stack([one[unit] for one in each], axis=1) for unit in each[0]}
    total = sum((terms[unit] for unit in sorted(terms)), np.zeros((len(base.particles), len(each))))
    parents, shares = family_weights(total)
    chains = base.particles.chains
    return Reweighted(
        data=data,
        months=months,
        contents=contents,
        terms=terms,
        parents=parents,
        shares=shares,
        ahead=tuple(ahead),
        conditions=moved,
        ahead_without=tuple(without),
        table=_table(ahead, parents.values, shares, chains),
        unseen=_unseen(ahead, parents.values, shares, chains),
    )


def family_weights(log_ratios: np.ndarray) -> tuple[Weights, np.ndarray]:
    """Smooth the weights of draws, each the mean over its continuations.

    Parameters
    ----------
    log_ratios : ndarray (draw, child)

    Returns
    -------
    parents : Weights
    shares : ndarray (draw, child)
        Of each continuation in its draw's weight.
    """
    largest = log_ratios.max(axis=1, keepdims=True)
    ratios = np.exp(log_ratios - largest)
    total = ratios.sum(axis=1, keepdims=True)
    return smooth((largest + np.log(total))[:, 0]), ratios / total


def moved_to(
    base: Base, weighed: Reweighted, seen: Seen, log_ratios: np.ndarray, *, moved: int
) -> Reweighted:
    """Forecast from draws that have been moved, one continuation each, by weights of their own.

    Parameters
    ----------
    base : Base
    weighed : Reweighted
        The draws where the fit left them.
    seen : Seen
        What is known now, with the draws where they are.
    log_ratios : ndarray (draw,)
    moved : int
        Unknowns in which they were.

    Returns
    -------
    Reweighted
    """
    parents, shares = family_weights(log_ratios[:, None])
    made = plan_of(weighed.data)
    ahead = (_ahead(base, weighed.data, seen, weighed.months, 0, made),)
    chains = base.particles.chains
    return replace(
        weighed,
        parents=parents,
        shares=shares,
        ahead=ahead,
        ahead_without=ahead,
        table=_table(ahead, parents.values, shares, chains),
        unseen=_unseen(ahead, parents.values, shares, chains),
        moved=moved,
    )


def seen_now(base: Base, data: ModelData, arrays: units.Arrays, child: int) -> Seen:
    """Give a fit's draws as other data see them, carried on where those have months more."""
    particles, module = base.particles, find_model(base.particles.model)
    theta = grown(particles, data, child=child)
    months = new_months(particles, data)
    if any(particles.coords[name] != data.coords[name] for name in HISTORY_LABELS):
        latent = module.latents(theta, arrays, np)
    elif months:
        # Just what a forecast from the fit does: the months ahead that have come to pass.
        ahead = module.extended(theta, base.seen.latent, theta["path_raw"][:, -months:])
        paths = [base.seen.latent["pressure"], ahead]
        latent = {**base.seen.latent, "pressure": np.concatenate(paths, axis=1)}
    else:
        latent = base.seen.latent
    return Seen(
        model=particles.model, arrays=arrays, coords=data.coords, theta=theta, latent=latent
    )


HISTORY_LABELS = ("agreement", "cluster", "dyad")


def _known_terms(
    base: Base, months: int, contents: Mapping[Unit, object], previous: Reweighted | None
) -> dict[Unit, np.ndarray]:
    if previous is None or previous.months != months:
        return {}
    return {
        unit: values
        for unit, values in previous.terms.items()
        if unit[0] != "stream" and previous.contents.get(unit) == contents.get(unit)
    }


def _terms(
    base: Base, seen: Seen, contents: Mapping[Unit, object], known: Mapping[Unit, np.ndarray]
) -> dict[Unit, np.ndarray]:
    """Log-likelihood now less that in the fit, of units that differ, in canonical order."""
    found = {}
    for unit in units.changed(base.contents, contents):
        if unit in known:
            found[unit] = known[unit]
            continue
        # One at a time: what else has changed must not move the last bits.
        after = units.log_likelihoods(seen, (unit,)).get(unit, 0.0)
        before = units.log_likelihoods(base.seen, (unit,)).get(unit, 0.0)
        found[unit] = np.asarray(after - before)
    if seen.latent is base.seen.latent and not _case_changed(base.seen.arrays, seen.arrays):
        return found
    for unit, held in units.holding(seen).items():
        difference = held - base.holding[unit]
        if difference.any():
            found[unit] = difference
    return found


_CASE_ARRAYS = (
    *("case_log_start", "case_log_stop", "case_event"),
    *("case_event_log_start", "case_event_log_stop"),
)


def _case_changed(before: units.Arrays, after: units.Arrays) -> bool:
    """Whether anything differs that the months ahead are computed from, but the draws."""
    rows = ("row_covariates", "row_cluster", "row_dyad")
    return any(not np.array_equal(before[name], after[name]) for name in _CASE_ARRAYS) or any(
        not np.array_equal(before[name][-1], after[name][-1]) for name in rows
    )


def _changed_conditions(particles: Particles, data: ModelData, now: Plan) -> tuple[str, ...]:
    """Name the conditions of which a forecast would now read something else."""
    case = data.case
    before = said(
        particles.conditions,
        stage=particles.stage,
        known=particles.cutoff,
        rated=_rated_then(particles),
        chances=particles.chances,
    )
    after = said(
        case.conditions,
        stage=case.stage,
        known=data.cutoff,
        rated=rated_ids(data),
        chances=chances_taken(now),
    )
    every = sorted({*before, *after})
    return tuple(name for name in every if before.get(name) != after.get(name))


def _plan_then(particles: Particles, data: ModelData) -> Plan:
    """Give the conditions as the fit knew them, seen from a later cutoff."""
    return plan(
        particles.conditions,
        deal=data.case.deal,
        stage=particles.stage,
        cutoff=data.cutoff,
        known=particles.cutoff,
        rated=_rated_then(particles),
        chance_of=particles.chances.__getitem__,
    )


def _rated_then(particles: Particles) -> frozenset[str]:
    """Ids of the items that the fit used, and of those that they correct."""
    items = particles.items
    return frozenset({item.id for item in items} | {item.corrects for item in items} - {""})


def _ahead(base: Base, data: ModelData, seen: Seen, months: int, child: int, made: Plan) -> Ahead:
    particles = base.particles
    normals = monthly_normals(
        len(particles), months=months + max(HORIZONS_MONTHS), seed=particles.seed, child=child
    )
    model = particles.model_of(data)
    future = carried(
        model,
        seen.theta,
        seen.latent,
        normals[:, months:],
        seed=particles.seed,
        child=child,
        made=made,
    )
    return ahead_of(future)


# Summaries ----------------------------------------------------------------------------------


def summary(
    values: np.ndarray, parents: np.ndarray, shares: np.ndarray, *, chains: int
) -> dict[str, float]:
    """Summarise a chance that every particle gives.

    Parameters
    ----------
    values : ndarray (draw, child)
    parents : ndarray (draw,)
        Weights of the draws.
    shares : ndarray (draw, child)
    chains : int

    Returns
    -------
    dict
        ``mean, low, high, interval_probability, mcse``.
    """
    of_draw = (values * shares).sum(axis=1)
    each = (parents[:, None] * shares).ravel()
    low, high = weighted_quantiles(values.ravel(), each, _TAILS)
    return {
        # Weights add up to one but for rounding, which must not lead beyond all values.
        "mean": float(np.clip(parents @ of_draw, values.min(), values.max())),
        "low": float(low),
        "high": float(high),
        "interval_probability": INTERVAL,
        "mcse": mcse(of_draw, parents, chains=chains),
    }


def _table(
    ahead: Sequence[Ahead], parents: np.ndarray, shares: np.ndarray, chains: int
) -> dict[str, dict[str, dict[str, float]]]:
    chances = np.stack([each.chances for each in ahead], axis=1)
    return {
        rung: {
            str(months): summary(chances[:, :, r, h], parents, shares, chains=chains)
            for h, months in enumerate(HORIZONS_MONTHS)
        }
        for r, rung in enumerate(RUNGS)
    }


def _unseen(
    ahead: Sequence[Ahead], parents: np.ndarray, shares: np.ndarray, chains: int
) -> dict[str, dict[str, float]]:
    chances = np.stack([each.unseen for each in ahead], axis=1)
    if not chances.any():
        return {}
    return {
        rung: summary(chances[:, :, r], parents, shares, chains=chains)
        for r, rung in enumerate(RUNGS)
    }
