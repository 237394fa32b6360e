"""Simulation: each posterior draw carried forward, and what it accumulates.

No coins are flipped: a draw's path of the drivers gives its hazards, and these its probabilities in
closed form. Random numbers belong to a month, so a forecast to 12 months is the same whether or
not one to 60 is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import numpy as np

from durability.assembly import ModelData, log_years
from durability.calendar import add_months
from durability.cases import Case
from durability.catalogue import conditions_law
from durability.conditions import ELECTION
from durability.inference import Fit, Model
from durability.steps import ChanceOf, Plan, draw_chances, plan
from durability.vocabulary import DAYS_PER_YEAR, DRIVERS, LIFE_CYCLE, MARKS, RUNGS, STREAMS


@dataclass(frozen=True, slots=True, kw_only=True)
class Future:
    """Paths of a case after its cutoff.

    Parameters
    ----------
    pressure : ndarray (draw, month, driver)
    increments : ndarray (draw, month, stream)
        Cumulative hazard of each month, given none before the cutoff; zero where the agreement has
        broken down by then.
    unseen : ndarray (draw, stream)
        Cumulative hazard between the day to which a stream is known and the cutoff.
    years : ndarray (month,)
        Length of each month.
    happened : frozenset of str
        Streams that an event before the cutoff has closed.
    ahead : LifeCycle
        The conditions and the life cycle of the deal along the same paths.
    """

    pressure: np.ndarray
    increments: np.ndarray
    unseen: np.ndarray
    years: np.ndarray
    happened: frozenset[str]
    ahead: LifeCycle


@dataclass(frozen=True, slots=True, kw_only=True)
class LifeCycle:
    """What becomes of conditions along paths, and with them of the deal.

    Parameters
    ----------
    plan : Plan
        What was pending at the cutoff.
    course : Course
        What became of it (:class:`durability.models.conditions.Course`).
    reached : ndarray (draw, stage)
        Months after the cutoff at which each stage is reached; infinity for never.
    factors : ndarray (draw, month, stage)
        Share of each month spent in a stage times what the stage makes of the hazard.
    """

    plan: Plan
    course: Any
    reached: np.ndarray
    factors: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What a scenario says of the time after the cutoff.

    Parameters
    ----------
    forced : mapping of int to Forced
        By the place of a pending condition.
    observing : bool
        Whether it is learned (and must be possible), or brought about.
    pins : mapping of int to float
        Drivers held at a value from the first month on.
    shifts : mapping of int to float
        Drivers moved by an amount from the first month on.
    guide : Guide, optional
        How the steps that what is learned hangs on are drawn
        (:class:`durability.models.steering.Guide`); by their own chances where none is given.
    """

    forced: Mapping[int, Any]
    observing: bool
    pins: Mapping[int, float]
    shifts: Mapping[int, float]
    guide: Any = None

    def applied(self, pressure: np.ndarray) -> np.ndarray:
        """Give paths with what is said of drivers."""
        if not (self.pins or self.shifts):
            return pressure
        moved = pressure.copy()
        for driver, amount in self.shifts.items():
            moved[..., driver] += amount
        for driver, value in self.pins.items():
            moved[..., driver] = value
        return moved


def simulate(fit: Fit, *, months: int, seed: int) -> Future:
    """Carry every draw of a fit forward from the cutoff.

    Parameters
    ----------
    fit : Fit
    months : int
        Whole months after the cutoff.
    seed : int

    Returns
    -------
    Future
    """
    theta = fit.theta()
    latent = fit.model.module.latents(theta, fit.model.arrays, np)
    return carried(
        fit.model, theta, latent, monthly_normals(len(fit), months=months, seed=seed), seed=seed
    )


def carried(
    model: Model,
    theta: Mapping[str, np.ndarray],
    latent: Mapping[str, np.ndarray],
    normals: np.ndarray,
    *,
    seed: int,
    child: int = 0,
    made: Plan | None = None,
    statement: Statement | None = None,
    chances: Any = None,
) -> Future:
    """Carry draws forward from the cutoff of a model's data.

    Parameters
    ----------
    model : Model
    theta, latent : mapping of str to ndarray
        As the model's ``latents`` takes and gives them, each (draw, …).
    normals : ndarray (draw, month, driver)
        Of :func:`monthly_normals`.
    seed, child : int
        Of what is drawn for conditions.
    made : Plan, optional
        The conditions, where they are not to be those of the data.
    statement : Statement, optional
        What a scenario says of conditions and drivers.
    chances : Chances, optional
        What is random about conditions; drawn by `seed` and `child` where not given.

    Returns
    -------
    Future
    """
    made = plan_of(model.data) if made is None else made
    start = outset(model, theta, latent, normals, made, seed=seed, child=child, chances=chances)
    return onward(start, statement)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outset:
    """What all scenarios of the same draws share: drivers without outcomes, and what is random.

    Parameters
    ----------
    model : Model
    theta, latent : mapping of str to ndarray
    pressure : ndarray (draw, month, driver)
        Before any condition moves it.
    plan : Plan
    chances : Chances
        Drawn for the conditions.
    reference : ndarray (draw, step)
        Pressure that each condition's numbers were given at.
    unseen : ndarray (draw, stream)
    """

    model: Model
    theta: Mapping[str, np.ndarray]
    latent: Mapping[str, np.ndarray]
    pressure: np.ndarray
    plan: Plan
    chances: Any
    reference: np.ndarray
    unseen: np.ndarray


def outset(
    model: Model,
    theta: Mapping[str, np.ndarray],
    latent: Mapping[str, np.ndarray],
    normals: np.ndarray,
    made: Plan,
    *,
    seed: int,
    child: int = 0,
    chances: Any = None,
) -> Outset:
    """Draw everything that carrying draws forward needs; arguments as of :func:`carried`."""
    if chances is None:
        parameters = model.priors.parameters
        chances = draw_chances(made, parameters, draws=len(normals), seed=seed, child=child)
    return Outset(
        model=model,
        theta=theta,
        latent=latent,
        pressure=model.module.extended(theta, latent, normals),
        plan=made,
        chances=chances,
        reference=_reference(model, latent, made),
        unseen=_unseen(model, theta, latent),
    )


def onward(start: Outset, statement: Statement | None = None) -> Future:
    """Carry draws forward, as they come or as a scenario says.

    Parameters
    ----------
    start : Outset
    statement : Statement, optional

    Returns
    -------
    Future
    """
    model, pressure = start.model, start.pressure
    if statement is not None:
        pressure = statement.applied(pressure)
    ahead, shift = _life_cycle(start, pressure, statement)
    if shift is not None:
        pressure = pressure + shift
    data = model.data
    ages = edge_ages(data.cutoff, data.clock_start, pressure.shape[1])
    edges = np.repeat(log_years([ages[:-1], ages[1:]])[:, :, None], len(STREAMS), axis=2)
    increments = model.module.case_increments(
        start.theta, start.latent, model.arrays, pressure, edges
    )
    if ahead.factors.shape[-1] > 1:
        increments = increments * ahead.factors.sum(axis=-1)[..., None]
    happened = closed_streams(data)
    if has_ended(happened):
        increments = np.zeros_like(increments)
    return Future(
        pressure=pressure,
        increments=increments,
        unseen=start.unseen,
        years=np.diff(ages),
        happened=happened,
        ahead=ahead,
    )


def plan_of(data: ModelData) -> Plan:
    """Give the conditions of a case as its data have them at their cutoff."""
    case = data.case
    return plan(
        case.conditions,
        deal=case.deal,
        stage=case.stage,
        cutoff=data.cutoff,
        rated=rated_ids(data),
        chance_of=chances_of(case, data.cutoff),
    )


def chances_of(case: Case, cutoff: date) -> ChanceOf:
    """Give what forecasts of their own say of a case's conditions, as of a cutoff.

    Asked only where a condition that takes its chance from an election is pending; the chance is
    kept on the disk.
    """

    def chance(name: str) -> float:
        from durability.election_forecast import election_chance

        return election_chance(name.removeprefix(ELECTION), case.folder, cutoff=cutoff)

    return chance


def rated_ids(data: ModelData) -> frozenset[str]:
    """Ids under which the rated news goes or went: a corrected item still reports what it did."""
    before = {item.id: item.corrects for item in data.case.news}

    def first(name: str) -> str:
        while before.get(name):
            name = before[name]
        return name

    used = {first(item.id) for item in data.used}
    return frozenset({item.id for item in data.used} | {n for n in before if first(n) in used})


def _life_cycle(
    start: Outset, pressure: np.ndarray, statement: Statement | None
) -> tuple[LifeCycle, np.ndarray | None]:
    """Follow conditions and stages along paths: what becomes of them, and what they add."""
    law, made = conditions_law(), start.plan
    held = {} if statement is None else statement.pins
    course = law.follow(
        [_unmoving(step, held) for step in made.steps],
        [_unmoving(each, held) for each in made.past],
        pressure,
        start.reference,
        start.latent["autoregressive"],
        start.chances,
        forced={} if statement is None else statement.forced,
        observing=statement is not None and statement.observing,
        guide=None if statement is None else statement.guide,
    )
    reached = law.stage_times(made.steps, course, stages=len(LIFE_CYCLE), now=made.stage)
    shares = law.stage_shares(reached, pressure.shape[1])
    factors = law.stage_factors(shares, start.chances.stages, made.stage)
    ahead = LifeCycle(plan=made, course=course, reached=reached, factors=factors)
    return ahead, course.shift if made.steps or made.past else None


def _unmoving(each: Any, held: Mapping[int, float]) -> Any:
    """Give a step or a past outcome that moves no driver that is held."""
    return replace(each, driver=-1) if each.driver in held else each


def _reference(model: Model, latent: Mapping[str, np.ndarray], made: Plan) -> np.ndarray:
    """Pressure that each condition's numbers were given at: (draw, step)."""
    months = model.data.coords["month"]
    found = np.zeros((len(latent["pressure"]), len(made.steps)))
    for place, (step, label) in enumerate(zip(made.steps, made.reference_months, strict=True)):
        month = months.index(label) if label in months else 0
        chosen = latent["pressure"][:, month, list(step.depends_on)]
        found[:, place] = chosen.sum(axis=1)
    return found


def monthly_normals(draws: int, *, months: int, seed: int, child: int = 0) -> np.ndarray:
    """Standard normals for every draw, month and driver, each month from a stream of its own.

    Parameters
    ----------
    child : int
        Which of several continuations of the same draws.

    Returns
    -------
    ndarray (draw, month, driver)
    """
    raw = np.empty((draws, months, len(DRIVERS)))
    of_child = [child] if child else []
    for month in range(months):
        rng = np.random.default_rng([seed, month, *of_child])
        raw[:, month] = rng.standard_normal((draws, len(DRIVERS)))
    return raw


def edge_ages(cutoff: date, clock_start: date, months: int) -> np.ndarray:
    """Ages in years at the edges of the months after a cutoff, which ends with its day.

    Returns
    -------
    ndarray (month + 1,)
    """
    first = cutoff + timedelta(days=1)
    edges = [add_months(first, month) for month in range(months + 1)]
    return np.array([(edge - clock_start).days for edge in edges]) / DAYS_PER_YEAR


def closed_streams(data: ModelData) -> frozenset[str]:
    """Streams that an event of their mark or a worse one has closed before the cutoff."""
    closed = {happened.rung for happened in data.case.happened if happened.date <= data.cutoff}
    for rank, mark in enumerate(MARKS):
        if any(worse in closed for worse in MARKS[rank:]):
            closed.add(mark)
    return frozenset(closed)


def has_ended(happened: frozenset[str]) -> bool:
    """Tell whether an agreement of which these streams are closed has broken down."""
    return bool({"war", "abrogation"} & happened)


def _unseen(
    model: Model, theta: Mapping[str, np.ndarray], latent: Mapping[str, np.ndarray]
) -> np.ndarray:
    """Hazard accumulated between the day to which each stream is known and the cutoff."""
    data, arrays = model.data, model.arrays
    closed = closed_streams(data)
    closed = frozenset(STREAMS) if has_ended(closed) else closed
    places = arrays["case_month_index"]
    first = date.fromisoformat(f"{data.coords['month'][places[0]]}-01")
    lo, hi = np.zeros((2, len(places), len(STREAMS)))
    end = data.cutoff + timedelta(days=1)
    for k, stream in enumerate(STREAMS):
        known = max(
            min(data.case.observed_to[stream], data.cutoff) + timedelta(days=1), data.case.deal
        )
        for m in range(len(places)):
            month = add_months(first, m)
            start = max(month, known)
            stop = max(start, min(add_months(month, 1), end))
            if stream not in closed:
                lo[m, k], hi[m, k] = data.age_years(start), data.age_years(stop)
    pressure = latent["pressure"][:, places]
    edges = log_years([lo, hi])
    increments = model.module.case_increments(theta, latent, arrays, pressure, edges)
    total: np.ndarray = increments.sum(1)
    return total


def incidences(
    increments: np.ndarray, happened: frozenset[str] = frozenset()
) -> dict[str, np.ndarray]:
    """Cumulative incidence of every rung, by month.

    A rung counts the first event of at least its mark; abrogation ends the agreement, so it
    competes with every rung, and war competes with abrogation. Within a month the streams'
    hazards are taken as proportional, which makes the shares exact.

    Parameters
    ----------
    increments : ndarray (draw, month, stream)
    happened : frozenset of str
        Streams that are closed: their rungs have happened. What has broken down by war or
        abrogation is watched no longer, and nothing else can happen to it.

    Returns
    -------
    dict
        By rung, ndarray (draw, month). ``war`` and ``abrogation`` add up to ``breakdown``, and
        ``war <= fatal <= force``, in every draw.
    """
    if has_ended(happened):
        increments = np.zeros_like(increments)
    by_name = {stream: increments[..., k] for k, stream in enumerate(STREAMS)}
    denounced = by_name["abrogation"]
    rungs = {}
    for rank, mark in enumerate(MARKS):
        at_least = sum(by_name[worse] for worse in MARKS[rank:])
        rungs[mark] = _first(np.asarray(at_least), denounced)
    rungs["abrogation"] = _first(denounced, by_name["war"])
    rungs["breakdown"] = -np.expm1(-np.cumsum(by_name["war"] + denounced, axis=-1))
    for stream in happened:
        rungs[stream] = np.ones_like(rungs[stream])
    if has_ended(happened):
        rungs["breakdown"] = np.ones_like(rungs["breakdown"])
    return rungs


def _first(own: np.ndarray, competing: np.ndarray) -> np.ndarray:
    """Cumulative incidence of one cause beside another, from increments (draw, month)."""
    total = own + competing
    before = np.exp(-(np.cumsum(total, axis=-1) - total))
    share = np.divide(own, total, out=np.zeros_like(own), where=total > 0.0)
    return np.cumsum(before * -np.expm1(-total) * share, axis=-1)


def unseen(future: Future) -> dict[str, np.ndarray]:
    """Chance that each rung has happened since it was last observed: by rung, ndarray (draw,)."""
    by_name = {stream: future.unseen[:, k] for k, stream in enumerate(STREAMS)}
    parts = {mark: MARKS[rank:] for rank, mark in enumerate(MARKS)}
    parts |= {"abrogation": ("abrogation",), "breakdown": ("war", "abrogation")}
    return {
        rung: np.asarray(-np.expm1(-sum(by_name[each] for each in parts[rung]))) for rung in RUNGS
    }
