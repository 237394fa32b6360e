r"""Paths: every draw of an update carried on from the present, again and again where it is needed.

A draw has one continuation or several, each by random numbers of its own; a scenario is followed
along the same ones as the forecast that it is compared with, so what separates the two is the
scenario and not the random numbers. Draw :math:`i` and continuation :math:`c` weigh
:math:`w_i s_{ic}`, with :math:`w` the weights of the update and :math:`\sum_c s_{ic} = 1`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from durability.assembly import ModelData
from durability.cases import Case
from durability.errors import InputError, Problem
from durability.inference import Fit
from durability.life_cycle import held_until_reached
from durability.matching import MovedDraws
from durability.particles import ahead_of
from durability.reweighting import Weights, effective_draws, smooth
from durability.simulation import (
    Future,
    Outset,
    Statement,
    monthly_normals,
    onward,
    outset,
    plan_of,
)
from durability.steps import Plan
from durability.updating import Update, update
from durability.vocabulary import HORIZONS_MONTHS
from durability.weighing import INTERVAL, Base, seen_now

MONTHS = max(HORIZONS_MONTHS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """Where all scenarios of a case start: its draws, weighed by what is known now.

    Parameters
    ----------
    update : Update
    plan : Plan
        The conditions at the cutoff.
    outsets : tuple of Outset
        Continuations drawn so far.
    as_they_come : tuple of Followed
        The same, followed without any scenario.
    """

    update: Update
    plan: Plan
    outsets: tuple[Outset, ...] = ()
    as_they_come: tuple[Followed, ...] = ()

    @property
    def data(self) -> ModelData:
        """The case as of its cutoff."""
        return self.update.weighed.data

    @property
    def chains(self) -> int:
        """Chains of the fit."""
        return self.update.base.particles.chains


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """What one continuation of every draw comes to.

    Parameters
    ----------
    chances : ndarray (draw, rung, horizon)
    time : ndarray (draw, step)
        Months after the cutoff at which each condition is decided; infinity for never.
    met : ndarray (draw, step)
    reached : ndarray (draw, stage)
        Months after the cutoff at which each stage of the life cycle is reached.
    held : ndarray (draw, stage)
        Chance that the deal has not broken down when it reaches each stage.
    log_weight : ndarray (draw,)
        Log chance of what is observed, times what the path's own chance is of that with which it
        was drawn.
    first : ndarray (draw, driver)
        Pressure in the first month.
    """

    chances: np.ndarray
    time: np.ndarray
    met: np.ndarray
    reached: np.ndarray
    held: np.ndarray
    log_weight: np.ndarray
    first: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighted:
    """How much each draw and continuation counts.

    Parameters
    ----------
    parents : Weights
        Of the draws.
    shares : ndarray (draw, continuation)
        Of each continuation in its draw's weight; each row adds up to one.
    """

    parents: Weights
    shares: np.ndarray

    @property
    def each(self) -> np.ndarray:
        """Weight of every draw and continuation; together one."""
        return np.asarray(self.parents.values[:, None] * self.shares)


def begin(
    start: Fit | Base | Update, *, case: Case | None = None, cutoff: date | None = None
) -> Present:
    """Bring a fit to the present, ready for scenarios.

    Parameters
    ----------
    start : Fit, Base or Update
        An update is taken as it stands.
    case : Case, optional
        As :func:`durability.update` takes it.
    cutoff : date, optional

    Returns
    -------
    Present
    """
    if not isinstance(start, Update):
        start = update(start, case=case, cutoff=cutoff)
    return Present(update=start, plan=plan_of(start.weighed.data))


def lengthened(present: Present, continuations: int) -> Present:
    """Draw continuations, and follow them as they come, until there are so many."""
    children = range(len(present.outsets), continuations)
    fresh = tuple(_outset(present, child) for child in children)
    return replace(
        present,
        outsets=(*present.outsets, *fresh),
        as_they_come=(*present.as_they_come, *(path_of(onward(start)) for start in fresh)),
    )


def _outset(present: Present, child: int) -> Outset:
    weighed, base = present.update.weighed, present.update.base
    particles, data, months = base.particles, weighed.data, weighed.months
    model = particles.model_of(data)
    # Months that have passed were continued by the update already; further continuations share
    # them by turns, and go on by random numbers of their own.
    seen = (
        weighed.seen
        if isinstance(weighed, MovedDraws)
        else seen_now(base, data, model.arrays, child % weighed.shares.shape[1])
    )
    normals = monthly_normals(
        len(particles), months=months + MONTHS, seed=particles.seed, child=child
    )[:, months:]
    return outset(
        model, seen.theta, seen.latent, normals, present.plan, seed=particles.seed, child=child
    )


def path_of(future: Future) -> Followed:
    """Keep of a future what scenarios are compared by."""
    course = future.ahead.course
    return Followed(
        chances=ahead_of(future).chances,
        time=course.time,
        met=course.met,
        reached=future.ahead.reached,
        held=held_until_reached(future),
        log_weight=course.log_weight,
        first=future.pressure[:, 0],
    )


def follow(
    present: Present, statement: Statement, continuations: int, *, after: int = 0
) -> list[Followed]:
    """Follow a scenario along the first continuations.

    Parameters
    ----------
    present : Present
        With that many at least.
    statement : Statement
    continuations : int
    after : int
        How many of them are left out at the beginning.

    Returns
    -------
    list of Followed
        Where nothing is stated, those that stand already, to the bit.
    """
    if not (statement.forced or statement.pins or statement.shifts):
        return list(present.as_they_come[after:continuations])
    return [path_of(onward(start, statement)) for start in present.outsets[after:continuations]]


def base_weights(present: Present, continuations: int) -> Weighted:
    """Weights of the update, spread evenly over the continuations of each of its own."""
    weighed = present.update.weighed
    own = weighed.shares.shape[1]
    rounds = continuations // own
    shares = np.tile(weighed.shares, (1, rounds)) / rounds if rounds > 1 else weighed.shares
    return Weighted(parents=weighed.parents, shares=shares)


def own_continuations(present: Present) -> int:
    """Continuations that the update itself has of each draw: their number is the least."""
    return int(present.update.weighed.shares.shape[1])


def observed_weights(weights: Weighted, paths: Sequence[Followed]) -> Weighted | None:
    """Weigh by the chance that each path gave to what is observed, and by how it was drawn.

    Parameters
    ----------
    weights : Weighted
        Before it was observed.
    paths : sequence of Followed

    Returns
    -------
    Weighted or None
        The same weights where every path gave the same chance; None where all gave none. Where
        paths agree or do not, each by the same chance, there is no tail to be smoothed.
    """
    learned = np.stack([path.log_weight for path in paths], axis=1)
    if np.isfinite(learned).all() and np.ptp(learned) == 0.0:
        return weights
    with np.errstate(divide="ignore"):
        ratios = learned + np.log(weights.each)
    largest = ratios.max(axis=1, keepdims=True)
    possible = np.isfinite(largest[:, 0])
    if not possible.any():
        return None
    relative = np.exp(ratios - np.where(np.isfinite(largest), largest, 0.0))
    total = relative.sum(axis=1, keepdims=True)
    log_total = (largest + np.log(np.where(total > 0.0, total, 1.0)))[possible, 0]
    # Only draws that can be so are smoothed: none that cannot may gain weight by it.
    values = np.zeros(len(ratios))
    if np.ptp(learned[np.isfinite(learned)]) == 0.0:
        values[possible], khat = np.exp(log_total - log_total.max()), weights.parents.khat
    else:
        smoothed = smooth(log_total)
        values[possible], khat = smoothed.values, smoothed.khat
    values /= values.sum()
    parents = Weights(values=values, khat=khat, effective_size=float(1.0 / (values**2).sum()))
    even = 1.0 / ratios.shape[1]
    shares = np.where(total > 0.0, relative / np.where(total > 0.0, total, 1.0), even)
    return Weighted(parents=parents, shares=shares)


# Summaries ----------------------------------------------------------------------------------

NORMAL_90 = 1.6448536269514722
"""Half-width in standard errors of the Monte Carlo intervals, which hold 90 in 100."""


def influence(values: np.ndarray, weights: Weighted) -> np.ndarray:
    """What each draw adds to a weighted mean, times their number: zero on average.

    Parameters
    ----------
    values : ndarray (draw, continuation)
    weights : Weighted

    Returns
    -------
    ndarray (draw,)
    """
    of_draw = (values * weights.shares).sum(axis=1)
    mean = weights.parents.values @ of_draw
    return np.asarray(len(values) * weights.parents.values * (of_draw - mean))


def error_of(added: np.ndarray, chains: int) -> float:
    """Monte Carlo standard error of a mean from what each draw adds to it."""
    shaped = added.reshape((chains, -1))
    if np.ptp(shaped) == 0.0:
        return 0.0
    return float(shaped.std(ddof=1) / np.sqrt(effective_draws(shaped)))


def difference(
    ours: np.ndarray,
    our_weights: Weighted,
    theirs: np.ndarray,
    their_weights: Weighted,
    chains: int,
) -> dict[str, float]:
    """Compare two weighted means on the same draws: their errors are paired, and mostly cancel.

    Parameters
    ----------
    ours, theirs : ndarray (draw, continuation)
    our_weights, their_weights : Weighted
    chains : int

    Returns
    -------
    dict
        ``mean, low, high, interval_probability, mcse``; the interval is of Monte Carlo error.
    """
    mean = _mean(ours, our_weights) - _mean(theirs, their_weights)
    error = error_of(influence(ours, our_weights) - influence(theirs, their_weights), chains)
    return {
        "mean": mean,
        "low": mean - NORMAL_90 * error,
        "high": mean + NORMAL_90 * error,
        "interval_probability": INTERVAL,
        "mcse": error,
    }


def _mean(values: np.ndarray, weights: Weighted) -> float:
    return float(weights.parents.values @ (values * weights.shares).sum(axis=1))


def plain_chance(values: np.ndarray, weights: Weighted, chains: int) -> dict[str, float]:
    """Give a chance that a share of the paths tells, with its Monte Carlo error."""
    return {
        "mean": min(_mean(values, weights), 1.0),
        "mcse": error_of(influence(values, weights), chains),
    }


def time_quantiles(
    times: np.ndarray, weights: np.ndarray, probabilities: tuple[float, ...]
) -> tuple[float | None, ...]:
    """Give the month by which the chance that something has come passes each probability.

    Parameters
    ----------
    times : ndarray (...)
        Months after the cutoff; infinity for never.
    weights : ndarray (...)
        They need not add up to one.

    Returns
    -------
    tuple of float or None
        None where it is never passed.
    """
    order = np.argsort(times, axis=None, kind="stable")
    sorted_times = times.ravel()[order]
    passed = np.cumsum(weights.ravel()[order])
    found = np.searchsorted(passed / passed[-1], np.array(probabilities) - 1e-12)
    values = [float(sorted_times[min(place, len(order) - 1)]) for place in found]
    return tuple(value if math.isfinite(value) else None for value in values)


def no_path(where: str, continuations: int, draws: int) -> InputError:
    """Say that nothing simulated agrees with what is to be observed."""
    found = f"none of {continuations * draws:,} simulated paths agrees with what is said"
    allowed = "observe less, or in other months; what is impossible can only be brought about"
    return InputError([Problem(where=where, found=found, allowed=allowed)])
