"""Steps: the conditions of a case as numbers, as of a cutoff, and the chances drawn for them.

What is known by the cutoff is settled; what is pending goes into the forecast. Random numbers
belong to a condition's name, so adding one changes no other's, and scenarios share them all.
"""

from __future__ import annotations

import datetime as dt
import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from durability.catalogue import conditions_law, draws_from
from durability.conditions import Condition, months_after, stage_at, to_record
from durability.prior_sets import Prior
from durability.vocabulary import DRIVERS, LIFE_CYCLE

STAGE_PARAMETERS = tuple(f"stage_{stage}" for stage in LIFE_CYCLE[1:])
"""Parameters of the prior set: what each stage adds to the log hazard of the one before it."""

BLOCKED = "blocked"
"""What stands of a condition that waits for one that has failed."""

ChanceOf = Callable[[str], float]
"""Gives the chance that a condition's ``chance_from`` names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The conditions of a case as of a cutoff.

    Parameters
    ----------
    pending : tuple of Condition
        Those that can still be met, each after what it requires.
    steps : tuple of Step
        The same, in numbers (:class:`durability.models.conditions.Step`).
    past : tuple of Past
        Known outcomes that no rated news item reports.
    status : mapping of str to str
        Of every condition: ``met``, ``failed``, ``pending`` or ``blocked``.
    stage : int
        Of the life cycle, at the cutoff.
    reference_months : tuple of str
        For each step the month whose pressure its numbers were given at.
    """

    pending: tuple[Condition, ...]
    steps: tuple[Any, ...]
    past: tuple[Any, ...]
    status: Mapping[str, str]
    stage: int
    reference_months: tuple[str, ...]

    def place(self, name: str) -> int:
        """Give the place of a pending condition."""
        return [each.name for each in self.pending].index(name)


def plan(
    conditions: Sequence[Condition],
    *,
    deal: dt.date,
    stage: str,
    cutoff: dt.date,
    known: dt.date | None = None,
    rated: frozenset[str] = frozenset(),
    chance_of: ChanceOf | None = None,
) -> Plan:
    """Settle what is known of conditions at a cutoff, and put the rest into numbers.

    Parameters
    ----------
    conditions : sequence of Condition
        Each after what it requires.
    deal : datetime.date
    stage : str
        Of the life cycle, on the day of the deal.
    cutoff : datetime.date
        From which the months ahead are counted.
    known : datetime.date, optional
        Outcomes known later are hidden; the cutoff if not given.
    rated : frozenset of str
        Ids of the news items whose ratings enter by the cutoff.
    chance_of : callable, optional
        Needed where a pending condition takes its chance from a forecast of its own.

    Returns
    -------
    Plan
    """
    shown = tuple(
        replace(each, outcome=each.known_at(cutoff if known is None else known))
        for each in conditions
    )
    return _planned(shown, deal, stage, cutoff, rated, chance_of)


def _planned(
    conditions: Sequence[Condition],
    deal: dt.date,
    stage: str,
    cutoff: dt.date,
    rated: frozenset[str],
    chance_of: ChanceOf | None,
) -> Plan:
    status = statuses(conditions, cutoff)
    pending = tuple(each for each in conditions if status[each.name] == "pending")
    by_name = {each.name: each for each in conditions}
    places = {each.name: place for place, each in enumerate(pending)}
    return Plan(
        pending=pending,
        steps=tuple(_step(each, by_name, places, deal, cutoff, chance_of) for each in pending),
        past=tuple(_pasts(conditions, cutoff, rated)),
        status=status,
        stage=LIFE_CYCLE.index(stage_at(conditions, stage, cutoff)),
        reference_months=tuple(f"{min(each.elicited, cutoff):%Y-%m}" for each in pending),
    )


def chances_taken(made: Plan) -> dict[str, float]:
    """Give the chances that pending conditions took from forecasts of their own, by their name."""
    return {
        each.chance_from: 1.0 - step.fails
        for each, step in zip(made.pending, made.steps, strict=True)
        if each.chance_from
    }


def said(
    conditions: Sequence[Condition],
    *,
    stage: str,
    known: dt.date,
    rated: frozenset[str],
    chances: Mapping[str, float],
) -> dict[str, object]:
    """Say by name what a forecast reads of each condition: equal values, equal forecasts.

    Parameters
    ----------
    chances : mapping of str to float
        Of :func:`chances_taken`; others are as plans read the rest.
    """
    found: dict[str, object] = {"": stage}
    for each in conditions:
        outcome = each.known_at(known)
        if outcome is None:
            plain = replace(each, outcome=None, meaning="", why="", source="")
            found[each.name] = (repr(to_record(plain)), chances.get(each.chance_from))
            continue
        # What was thought of it before it was decided is read only where no rated item reports it.
        reported = bool(rated & set(outcome.reported_by)) or not each.driver
        moves = None if reported else (each.driver, each.fails, each.effect, each.permanent)
        found[each.name] = (outcome.met, outcome.date, each.stage, moves)
    return found


def statuses(conditions: Sequence[Condition], cutoff: dt.date) -> dict[str, str]:
    """Say of every condition whether it was met, failed, pending or blocked at a cutoff."""
    status: dict[str, str] = {}
    dead = ("failed", BLOCKED)
    for each in conditions:
        outcome = each.known_at(cutoff)
        if outcome is not None:
            status[each.name] = "met" if outcome.met else "failed"
        else:
            lost = any(status[name] in dead for name in each.requires)
            none = each.requires_any and all(status[name] in dead for name in each.requires_any)
            status[each.name] = BLOCKED if lost or none else "pending"
    return status


def _step(
    each: Condition,
    by_name: Mapping[str, Condition],
    places: Mapping[str, int],
    deal: dt.date,
    cutoff: dt.date,
    chance_of: ChanceOf | None,
) -> Any:
    law = conditions_law()
    fails, shapes = each.fails, each.fails_shapes
    if each.chance_from:
        if chance_of is None:
            raise ValueError(f"{each.name} needs the chance {each.chance_from}")
        fails = 1.0 - chance_of(each.chance_from)
    begun = [
        months_after(cutoff, outcome.date)
        for name in each.requires
        if (outcome := by_name[name].known_at(cutoff)) is not None
    ]
    chosen = [
        months_after(cutoff, outcome.date)
        for name in each.requires_any
        if (outcome := by_name[name].known_at(cutoff)) is not None and outcome.met
    ]
    needs_any = () if chosen else tuple(places[n] for n in each.requires_any if n in places)
    start = max([*begun, *([min(chosen)] if chosen else [])], default=-math.inf)
    elapsed = bool(each.met_within_months)
    if elapsed and start == -math.inf and not (each.requires or each.requires_any):
        start = months_after(cutoff, deal)
    times, cumulative = _knots(each, cutoff, fails)
    driver = DRIVERS.index(each.driver) if each.driver else -1
    return law.Step(
        name=each.name,
        times=times,
        cumulative=cumulative,
        elapsed=elapsed,
        start=start,
        not_before=months_after(cutoff, each.not_before - dt.timedelta(days=1))
        if each.not_before
        else -math.inf,
        decided_at=months_after(cutoff, each.decided_on) if each.decided_on else math.nan,
        fails=fails,
        fails_shapes=shapes,
        requires=tuple(places[name] for name in each.requires if name in places),
        requires_any=needs_any,
        driver=driver,
        depends_on=tuple(DRIVERS.index(name) for name in each.depends_on),
        effect=each.effect,
        permanent=each.permanent,
        stage=LIFE_CYCLE.index(each.stage) if each.stage else -1,
    )


def _knots(each: Condition, cutoff: dt.date, fails: float) -> tuple[np.ndarray, np.ndarray]:
    law = conditions_law()
    if each.decided_on:
        return np.array([0.0, 1.0]), np.zeros(2)
    if each.met_within_months:
        points = {float(months): chance for months, chance in each.met_within_months.items()}
        return law.knots(points, start=0.0, fails=fails)  # type: ignore[no-any-return]
    # From the first day on which it could begin: a cutoff before the elicitation asks from there.
    begin = max(each.not_before or dt.date.min, min(each.elicited, cutoff))
    day_before = begin - dt.timedelta(days=1) if begin == each.not_before else begin
    points = {months_after(cutoff, day): chance for day, chance in each.met_by.items()}
    start = months_after(cutoff, day_before)
    points = {time: chance for time, chance in points.items() if time > start}
    return law.knots(points, start=start, fails=fails)  # type: ignore[no-any-return]


def _pasts(conditions: Sequence[Condition], cutoff: dt.date, rated: frozenset[str]) -> list[Any]:
    """Outcomes that move a driver and are not told by a rated item: one fact counts once."""
    law, found = conditions_law(), []
    for each in conditions:
        outcome = each.known_at(cutoff)
        if outcome is None or not each.driver or rated & set(outcome.reported_by):
            continue
        found.append(
            law.Past(
                name=each.name,
                driver=DRIVERS.index(each.driver),
                share=-each.fails if outcome.met else 1.0 - each.fails,
                months=max(-months_after(cutoff, outcome.date), 0.0),
                effect=each.effect,
                permanent=each.permanent,
            )
        )
    return found


# Chances ------------------------------------------------------------------------------------


def draw_chances(
    made: Plan,
    parameters: Mapping[str, Prior],
    *,
    draws: int,
    seed: int,
    child: int = 0,
    uncertain: bool = False,
) -> Any:
    """Draw what is random about conditions, each by streams of its own.

    Parameters
    ----------
    made : Plan
    parameters : mapping of str to Prior
        Of the prior set.
    draws : int
    seed : int
    child : int
        Which of several continuations of the same draws.
    uncertain : bool
        Whether the chance of failing is drawn from what is believed of it, or its mean.

    Returns
    -------
    Chances
    """
    law = conditions_law()
    shape = draws, len(made.steps)
    patience, mark, fails, size = (np.empty(shape) for _ in range(4))
    for place, step in enumerate(made.steps):
        streams = [_stream(seed, f"{step.name}|{what}", child) for what in _RANDOM]
        patience[:, place] = streams[0].standard_exponential(draws)
        mark[:, place] = streams[1].random(draws)
        size[:, place] = _sizes(step.effect, streams[2].standard_normal(draws), parameters)
        fails[:, place] = step.fails
        if uncertain and step.fails_shapes is not None:
            fails[:, place] = _beta(step.fails_shapes, streams[3].random(draws))
    past = np.empty((draws, len(made.past)))
    for place, each in enumerate(made.past):
        normal = _stream(seed, f"{each.name}|{_RANDOM[2]}", child).standard_normal(draws)
        past[:, place] = _sizes(each.effect, normal, parameters)
    stages = [
        draws_from(parameters[name], _stream(seed, name, 0), (draws,)) for name in STAGE_PARAMETERS
    ]
    return law.Chances(
        patience=patience,
        mark=mark,
        fails=fails,
        size=size,
        past_size=past,
        dependence=draws_from(
            parameters["condition_dependence"], _stream(seed, "condition_dependence", 0), (draws,)
        ),
        stages=np.cumsum(np.stack([np.zeros(draws), *stages], axis=1), axis=1),
    )


_RANDOM = ("patience", "mark", "size", "fails")


def _stream(seed: int, name: str, child: int) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(name.encode()), 7, child])


def _sizes(
    effect: tuple[float, float] | None, normal: np.ndarray, parameters: Mapping[str, Prior]
) -> np.ndarray:
    if effect is None:
        values = parameters["condition_effect"].values
        effect = values["mu"], values["sigma"]
    mean, sd = effect
    return np.asarray(np.exp(mean + sd * normal))


def _beta(shapes: tuple[float, float], uniform: np.ndarray) -> np.ndarray:
    """Quantiles of a beta distribution, read off a table of its distribution function.

    NumPy has no inverse of the incomplete beta function, and SciPy's takes long to import.
    """
    a, b = shapes
    # Fine toward both ends, where a beta with a small shape has its mass.
    grid = (1.0 - np.cos(np.linspace(0.0, np.pi, 4001))) / 2.0
    middle = (grid[1:] + grid[:-1]) / 2.0
    log_density = (a - 1.0) * np.log(middle) + (b - 1.0) * np.log1p(-middle)
    log_top = log_density.max()
    mass = np.exp(log_density - log_top) * np.diff(grid)
    # The outermost cells in closed form: there the density may be infinite.
    mass[0] = np.exp(a * np.log(grid[1]) - np.log(a) - log_top)
    mass[-1] = np.exp(b * np.log1p(-grid[-2]) - np.log(b) - log_top)
    below = np.concatenate([[0.0], np.cumsum(mass)]) / mass.sum()
    return np.asarray(np.interp(uniform, below, grid))
