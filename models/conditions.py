r"""Conditions: the steps that a deal waits for, each met or failed in its time. NumPy only.

A condition whose requirements stand is decided after a time with the distribution
:math:`F`, its hazard constant between the days for which it was elicited, the last one going on.
It ends failed with chance :math:`f`, else met. The pressure of the drivers that it depends on,
:math:`x`, less what it was when the numbers were given, :math:`x_0`, makes it later and likelier
to fail:

.. math::

    \lambda_{\text{met}} = (1-f)\,h(t)\,e^{-\theta (x-x_0)}, \qquad
    \lambda_{\text{failed}} = f\,h(t)\,e^{+\theta (x-x_0)}, \qquad \theta \ge 0.

So with :math:`\theta = 0` the chance of being met by a day is :math:`(1-f)F`, competing risks with
proportional hazards. What is expected is already in the ratings, so outcomes move a driver by their
surprise alone: met by :math:`-\Delta(1-p)`, failed by :math:`+\Delta p`, with
:math:`p = \lambda_{\text{met}} / (\lambda_{\text{met}} + \lambda_{\text{failed}})`. The expected
move of a decision is therefore zero. Moves fade as the driver's own deviations do, unless they are
permanent.

Times are in months after the cutoff. Within a month the drivers stand still; hazards change where
they were elicited to change, and a step whose requirement is met in that month begins at that
moment.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from durability.models.steering import Guide, Standing, drawn, outcome_weight

MET, FAILED, PENDING = "met", "failed", "pending"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A condition that is pending at the cutoff, in numbers.

    Parameters
    ----------
    name : str
    times, cumulative : ndarray (knot,)
        Where the hazard of being decided changes, in months, and what it has accumulated by then;
        it starts at zero and goes on beyond the last knot as between the last two. Months after
        the cutoff, or where `elapsed` months since its requirements were met.
    elapsed : bool
    start : float
        Months after the cutoff at which the requirements that are met already were met; minus
        infinity where there are none.
    not_before : float
        Months after the cutoff; minus infinity where there is no such day.
    decided_at : float
        Months after the cutoff at which it is decided, whatever `times` says; nan where it is not
        decided on a day of its own.
    fails : float
        Chance that it ends failed.
    fails_shapes : tuple of float, or None
        Of the beta distribution of that chance, where it was given with quantiles.
    requires : tuple of int
        Places of pending steps that must all be met first.
    requires_any : tuple of int
        And of which one must be met; empty where there is no such choice, or it is made.
    driver : int
        That its outcome moves; -1 for none.
    depends_on : tuple of int
        Drivers whose pressure makes it later and likelier to fail.
    effect : tuple of float, or None
        Mean and standard deviation of log Δ; of the prior set where None.
    permanent : bool
    stage : int
        Of the life cycle, reached when it is met; -1 for none.
    """

    name: str
    times: np.ndarray
    cumulative: np.ndarray
    elapsed: bool
    start: float
    not_before: float
    decided_at: float
    fails: float
    fails_shapes: tuple[float, float] | None
    requires: tuple[int, ...]
    requires_any: tuple[int, ...]
    driver: int
    depends_on: tuple[int, ...]
    effect: tuple[float, float] | None
    permanent: bool
    stage: int

    def accumulated(self, time: np.ndarray) -> np.ndarray:
        """Hazard of being decided, accumulated to times on its own axis.

        Parameters
        ----------
        time : ndarray (...)

        Returns
        -------
        ndarray (...)
        """
        inside = np.interp(time, self.times, self.cumulative)
        slope = (self.cumulative[-1] - self.cumulative[-2]) / (self.times[-1] - self.times[-2])
        return np.asarray(inside + slope * np.maximum(time - self.times[-1], 0.0))

    def reached(self, hazard: np.ndarray) -> np.ndarray:
        """Time on its own axis at which so much hazard has accumulated: the inverse.

        Parameters
        ----------
        hazard : ndarray (...)

        Returns
        -------
        ndarray (...)
        """
        inside = np.interp(hazard, self.cumulative, self.times)
        slope = (self.cumulative[-1] - self.cumulative[-2]) / (self.times[-1] - self.times[-2])
        beyond = np.maximum(hazard - self.cumulative[-1], 0.0)
        return np.asarray(inside + (beyond / slope if slope > 0.0 else 0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """An outcome known at the cutoff that no rated news item reports.

    Parameters
    ----------
    name : str
    driver : int
    share : float
        Of Δ, signed: :math:`-(1-p)` met, :math:`+p` failed.
    months : float
        Since it happened.
    effect, permanent
        As of :class:`Step`.
    """

    name: str
    driver: int
    share: float
    months: float
    effect: tuple[float, float] | None
    permanent: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Forced:
    """What a scenario says of a step.

    Parameters
    ----------
    result : str
        ``met`` or ``failed`` in the month, or ``pending`` to its end.
    month : int
        The first after the cutoff is 0.
    by : bool
        Whether `result` came in any month up to it. Only to be observed.
    """

    result: str
    month: int
    by: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Chances:
    """What is drawn for every step, once: scenarios share it.

    Parameters
    ----------
    patience : ndarray (draw, step)
        Standard exponential: the hazard at which a step is decided.
    mark : ndarray (draw, step)
        Uniform: met where it lies below the chance of being met.
    fails : ndarray (draw, step)
        Chance of failing.
    size : ndarray (draw, step)
        Δ, in units of the driver.
    past_size : ndarray (draw, past)
    dependence : ndarray (draw,)
        θ.
    stages : ndarray (draw, stage)
        Log hazard of each stage of the life cycle, beside the first.
    """

    patience: np.ndarray
    mark: np.ndarray
    fails: np.ndarray
    size: np.ndarray
    past_size: np.ndarray
    dependence: np.ndarray
    stages: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What became of the steps along every draw's path.

    Parameters
    ----------
    time : ndarray (draw, step)
        Months after the cutoff at which it was decided; infinity where it was not.
    met : ndarray (draw, step)
        Whether it was met; of one that was not decided, false.
    shift : ndarray (draw, month, driver)
        What outcomes add to the pressure, on average over each month.
    log_weight : ndarray (draw,)
        Log chance of what was forced, along the path, times what the path's own chance is of that
        with which it was drawn.
    """

    time: np.ndarray
    met: np.ndarray
    shift: np.ndarray
    log_weight: np.ndarray


@dataclass(slots=True)
class _State:
    """What changes from month to month."""

    time: np.ndarray
    met: np.ndarray
    spent: np.ndarray
    fading: np.ndarray
    lasting: np.ndarray
    log_weight: np.ndarray
    guide: Guide | None = None
    standing: Standing | None = None
    jumps: list[tuple[np.ndarray, int, np.ndarray, np.ndarray, bool]] = field(default_factory=list)


def follow(
    steps: Sequence[Step],
    past: Sequence[Past],
    pressure: np.ndarray,
    reference: np.ndarray,
    autoregressive: np.ndarray,
    chances: Chances,
    *,
    forced: Mapping[int, Forced] | None = None,
    observing: bool = False,
    guide: Guide | None = None,
) -> Course:
    """Follow every step along every draw's path.

    Parameters
    ----------
    steps : sequence of Step
        In an order in which each comes after those that it requires.
    past : sequence of Past
    pressure : ndarray (draw, month, driver)
        After the cutoff, without what outcomes add.
    reference : ndarray (draw, step)
        Pressure, summed over the drivers that a step depends on, when its numbers were given.
    autoregressive : ndarray (draw,)
        What is left of a deviation after a month.
    chances : Chances
    forced : mapping of int to Forced, optional
        Steps of which a scenario says what becomes of them.
    observing : bool
        Whether what is forced is learned, and must be possible, or brought about.
    guide : Guide, optional
        How the steps that what is learned hangs on are drawn; weights make up for it, exactly.
        Where none is given every step is drawn by its own chances.

    Returns
    -------
    Course
    """
    draws, months, _ = pressure.shape
    forced = {} if forced is None else forced
    chances = _by_step(chances)
    state = _State(
        # Columns are read one at a time: they stand together in memory.
        time=np.full((draws, len(steps)), np.inf, order="F"),
        met=np.zeros((draws, len(steps)), dtype=bool, order="F"),
        spent=np.zeros((draws, len(steps)), order="F"),
        fading=np.zeros((draws, pressure.shape[2])),
        lasting=np.zeros((draws, pressure.shape[2])),
        log_weight=np.zeros(draws),
    )
    for place, each in enumerate(past):
        if each.driver >= 0:
            size = each.share * chances.past_size[:, place]
            kept = size if each.permanent else size * autoregressive**each.months
            (state.lasting if each.permanent else state.fading)[:, each.driver] += kept
    shift = np.empty_like(pressure)
    moving = bool(steps) or bool(past)
    for month in range(months):
        state.fading *= autoregressive[:, None]
        shift[:, month] = state.fading + state.lasting
        if not moving:
            continue
        x = pressure[:, month] + shift[:, month]
        state.jumps.clear()
        state.guide = guide if guide is not None and month < guide.months else None
        if state.guide is not None:
            state.standing = state.guide.standing(state.time, state.met)
        for place, step in enumerate(steps):
            rule = forced.get(place)
            _month_of(step, place, month, x, reference, chances, state, rule, observing, steps)
        for rows, driver, amount, left, lasts in state.jumps:
            shift[rows, month, driver] += amount * left
            (state.lasting if lasts else state.fading)[rows, driver] += amount
    _weigh_by(forced, state)
    return Course(time=state.time, met=state.met, shift=shift, log_weight=state.log_weight)


def _by_step(chances: Chances) -> Chances:
    """Give the same chances, each step's together in memory."""
    names = ("patience", "mark", "fails", "size")
    return replace(chances, **{name: np.asfortranarray(getattr(chances, name)) for name in names})


def _weigh_by(forced: Mapping[int, Forced], state: _State) -> None:
    """Leave only the paths on which what is said to have come by a month did come."""
    for place, rule in forced.items():
        if rule.by:
            # The end of a month belongs to it: a vote on its last day came in it.
            there = state.time[:, place] <= rule.month + 1.0
            came = there & (state.met[:, place] == (rule.result == MET))
            state.log_weight[~came] = -np.inf


def _month_of(
    step: Step,
    place: int,
    month: int,
    x: np.ndarray,
    reference: np.ndarray,
    chances: Chances,
    state: _State,
    rule: Forced | None,
    observing: bool,
    steps: Sequence[Step],
) -> None:
    """Decide one step in one month, where it is decided."""
    if rule is not None and rule.by:
        rule = None
    begun = _begun(step, state)
    due = rule is not None and rule.result != PENDING and month == rule.month
    if due and rule is not None:
        _decide_as_said(step, place, month, x, reference, chances, state, begun, rule, observing)
        return
    waiting = rule is not None and (rule.result != PENDING or month <= rule.month)
    if waiting and not observing:
        return
    rows = _open(state, place, month, begun)
    if not rows.size:
        return
    since = begun if isinstance(begun, float) else begun[rows]
    total, likely, first, pull = _hazard(step, place, month, x, reference, chances, rows, since)
    if waiting:
        state.log_weight[rows] -= total
        return
    leant = _leant(place, month, rows, since, (total, likely, pull), state)
    if not math.isnan(step.decided_at):
        now = np.flatnonzero(total > 0.0)
        at = np.full(now.size, max(step.decided_at, 0.0))
    else:
        spent_so_far = state.spent[:, place][rows]
        left = chances.patience[:, place][rows] - spent_so_far
        if leant is None:
            decided = total >= left
            share = np.divide(left, total, out=np.zeros_like(left), where=decided & (total > 0.0))
            spent = total
        else:
            decided, share, spent, weight = drawn(left, total, leant[0])
            state.log_weight[rows] += weight
        state.spent[:, place][rows] = spent_so_far + spent
        now = np.flatnonzero(decided)
        began = since if isinstance(since, float) else since[now]
        at = _moment(step, month, began, first[now], share[now])
    if now.size:
        settled = rows[now]
        met = chances.mark[settled, place] < (likely if leant is None else leant[1])[now]
        if leant is not None:
            state.log_weight[settled] += outcome_weight(met, likely[now], leant[1][now])
        _settle(step, place, month, settled, at, met, likely[now], chances, state)


def _leant(
    place: int,
    month: int,
    rows: np.ndarray,
    since: np.ndarray | float,
    own: tuple[np.ndarray, np.ndarray, np.ndarray],
    state: _State,
) -> tuple[np.ndarray, np.ndarray] | None:
    """Chances of being decided and then met that a step is drawn with, if not its own."""
    if state.guide is None or state.standing is None:
        return None
    hazard, likely, pull = own
    leant: tuple[np.ndarray, np.ndarray] | None = state.guide.chances(
        place,
        month,
        rows=rows,
        begun=since,
        hazard=hazard,
        likely=likely,
        pull=pull,
        time=state.time,
        met=state.met,
        standing=state.standing,
    )
    return leant


def _moment(
    step: Step, month: int, begun: np.ndarray | float, first: np.ndarray, share: np.ndarray
) -> np.ndarray:
    """Give the time within a month at which a share of that month's hazard has accumulated."""
    since = np.asarray(begun if step.elapsed else 0.0)
    start = step.accumulated(first - since)
    stop = step.accumulated(month + 1.0 - since)
    at = since + step.reached(start + share * (stop - start))
    return np.asarray(np.clip(at, first, month + 1.0))


def _open(state: _State, place: int, month: int, begun: np.ndarray | float) -> np.ndarray:
    """Draws in which a step is undecided and can be decided this month."""
    if isinstance(begun, float):
        undecided = state.time[:, place] == np.inf
        return np.flatnonzero(undecided) if begun < month + 1.0 else np.empty(0, dtype=int)
    return np.flatnonzero((state.time[:, place] == np.inf) & (begun < month + 1.0))


def _begun(step: Step, state: _State) -> np.ndarray | float:
    """Months after the cutoff at which a step's requirements stand; infinity where not yet.

    One number for all draws where it requires nothing that is pending.
    """
    begun: np.ndarray | float = step.start
    for other in step.requires:
        begun = np.maximum(begun, np.where(state.met[:, other], state.time[:, other], np.inf))
    if step.requires_any:
        met = [np.where(state.met[:, o], state.time[:, o], np.inf) for o in step.requires_any]
        begun = np.maximum(begun, np.min(met, axis=0))
    return begun


def _hazard(
    step: Step,
    place: int,
    month: int,
    x: np.ndarray,
    reference: np.ndarray,
    chances: Chances,
    rows: np.ndarray,
    begun: np.ndarray | float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Hazard of being decided this month, chance that it is then met, where in it it begins.

    And the pull of the drivers: the factor of the hazard of failing.
    """
    total, first = exposure(step, month, begun)
    if isinstance(begun, float):
        total, first = np.full(rows.size, total), np.full(rows.size, first)
    fails = chances.fails[:, place][rows]
    if not step.depends_on:
        return total, 1.0 - fails, first, np.ones(rows.size)
    away = -reference[:, place][rows]
    for driver in step.depends_on:
        away += x[rows, driver]
    pull = np.exp(np.clip(chances.dependence[rows] * away, -30.0, 30.0))
    met, failed = (1.0 - fails) / pull, fails * pull
    both = met + failed
    # A day of its own does not wait for the drivers; only its outcome depends on them.
    faster = 1.0 if not math.isnan(step.decided_at) else both
    return total * faster, met / both, first, pull


def exposure(step: Step, month: int, begun: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
    """Baseline hazard that a step accumulates in a month, and where in it it begins.

    Parameters
    ----------
    begun : ndarray (draw,) or float
        When its requirements stood.

    Returns
    -------
    total, first : ndarray, as `begun`
        A step that is decided on a day has an infinite hazard in that day's month.
    """
    first = np.minimum(np.maximum(np.maximum(begun, step.not_before), month), month + 1.0)
    if not math.isnan(step.decided_at):
        # The end of a month belongs to it: a forecast to that month has the decision in it.
        due = max(math.ceil(step.decided_at) - 1, 0) == month
        ready = np.less_equal(begun, max(step.decided_at, 0.0))
        return np.where(ready, np.inf if due else 0.0, 0.0), first
    if not step.elapsed:
        total = step.accumulated(np.asarray(month + 1.0)) - step.accumulated(first)
    else:
        total = step.accumulated(np.asarray(month + 1.0 - begun)) - step.accumulated(first - begun)
    return np.maximum(total, 0.0), first


def _settle(
    step: Step,
    place: int,
    month: int,
    rows: np.ndarray,
    at: np.ndarray,
    met: np.ndarray,
    likely: np.ndarray,
    chances: Chances,
    state: _State,
) -> None:
    """Write down that a step is decided, and what its surprise does to its driver."""
    state.time[rows, place] = at
    state.met[rows, place] = met
    if step.driver >= 0:
        surprise = np.where(met, likely - 1.0, likely)
        amount = chances.size[rows, place] * surprise
        left = np.clip(month + 1.0 - at, 0.0, 1.0)
        state.jumps.append((rows, step.driver, amount, left, step.permanent))


def _decide_as_said(
    step: Step,
    place: int,
    month: int,
    x: np.ndarray,
    reference: np.ndarray,
    chances: Chances,
    state: _State,
    begun: np.ndarray | float,
    rule: Forced,
    observing: bool,
) -> None:
    draws = len(state.time)
    possible = np.broadcast_to(np.less(begun, month + 1.0), (draws,))
    # What is brought about does not ask what it requires; only what was so at the cutoff counts.
    since = begun if observing else float(step.start)
    if not isinstance(since, float):
        since = np.where(possible, since, float(month))
    elif since == -math.inf and step.elapsed:
        since = float(month)
    total, likely, first, _ = _hazard(
        step, place, month, x, reference, chances, np.arange(draws), since
    )
    met = np.full(draws, rule.result == MET)
    if observing:
        with np.errstate(divide="ignore"):
            chance = np.log(-np.expm1(-total)) + np.log(np.where(met, likely, 1.0 - likely))
        state.log_weight += np.where(possible, chance, -np.inf)
    if math.isnan(step.decided_at):
        at = (first + month + 1.0) / 2.0
    else:
        at = np.full(draws, max(step.decided_at, 0.0))
    _settle(step, place, month, np.arange(draws), at, met, likely, chances, state)


# The life cycle ------------------------------------------------------------------------------


def stage_times(steps: Sequence[Step], course: Course, *, stages: int, now: int) -> np.ndarray:
    """When each stage of the life cycle is reached.

    Parameters
    ----------
    stages : int
        How many there are.
    now : int
        The stage at the cutoff.

    Returns
    -------
    ndarray (draw, stage)
        Months after the cutoff; minus infinity for stages reached already, infinity for never.
        A later stage is never reached before an earlier one that comes after it on the path.
    """
    reached = np.full((len(course.time), stages), np.inf)
    reached[:, : now + 1] = -np.inf
    for place, step in enumerate(steps):
        if step.stage > now:
            when = np.where(course.met[:, place], course.time[:, place], np.inf)
            reached[:, step.stage] = np.minimum(reached[:, step.stage], when)
    # In force means ratified and signed too, whichever step was left out of the file.
    return np.asarray(np.minimum.accumulate(reached[:, ::-1], axis=1)[:, ::-1])


def stage_shares(reached: np.ndarray, months: int) -> np.ndarray:
    """Share of every month that is spent in each stage.

    Parameters
    ----------
    reached : ndarray (draw, stage)
        Of :func:`stage_times`.

    Returns
    -------
    ndarray (draw, month, stage)
        Adds up to one over stages.
    """
    edges = np.arange(months)
    past = np.clip(edges[None, :, None] + 1.0 - reached[:, None, :], 0.0, 1.0)
    later = np.concatenate([past[..., 1:], np.zeros_like(past[..., :1])], axis=-1)
    return np.asarray(past - later)


def stage_factors(shares: np.ndarray, log_hazards: np.ndarray, now: int) -> np.ndarray:
    """What the stages make of each month's hazard, beside the stage at the cutoff.

    Parameters
    ----------
    shares : ndarray (draw, month, stage)
    log_hazards : ndarray (draw, stage)
    now : int

    Returns
    -------
    ndarray (draw, month, stage)
        Share of the month times the factor of the stage: its sum is the month's factor.
    """
    relative = np.exp(log_hazards - log_hazards[:, [now]])
    return np.asarray(shares * relative[:, None, :])


# Numbers from what was elicited ---------------------------------------------------------------


def knots(
    points: Mapping[float, float], *, start: float, fails: float
) -> tuple[np.ndarray, np.ndarray]:
    r"""Hazard of being decided that gives the elicited chances of being met.

    :math:`F(t) = q(t)/(1-f)` and :math:`H(t) = -\log(1-F(t))`.

    Parameters
    ----------
    points : mapping of float to float
        Months to chance of being met by then; rising, below ``1 - fails``.
    start : float
        Where it begins, before the first point.
    fails : float

    Returns
    -------
    times, cumulative : ndarray (knot,)

    Raises
    ------
    ValueError
        The chances do not rise, or are too high beside the chance of failing.
    """
    times = np.array([start, *sorted(points)])
    chance = np.array([0.0, *(points[time] for time in sorted(points))]) / (1.0 - fails)
    if (np.diff(times) <= 0.0).any() or (np.diff(chance) < 0.0).any() or chance[-1] >= 1.0:
        raise ValueError("chances of being met must rise with time and stay below 1 - fails")
    return times, -np.log1p(-chance)
