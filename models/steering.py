r"""Steering: paths drawn so that what is learned of a condition happens on them. NumPy only.

What is said of a step is possible only where the steps that it requires are met in time, which few
paths do by themselves. So these steps, and those that must come by a month, are drawn from another
law, and the path is weighed by the exact ratio of the two. Let a step be decided within a month
with chance :math:`p`, and then met with chance :math:`l`, both as they are along the path. With
:math:`u`, :math:`w` and :math:`v` what it is worth to the statement that the step is met in that
month, fails in it, or still waits at its end, the chances drawn with are

.. math::

    q^* = \frac{p\,g}{p\,g + (1-p)\,v}, \quad g = l\,u + (1-l)\,w, \qquad l^* = \frac{l\,u}{g},

mixed with a small share of :math:`p` and :math:`l` themselves. The path's weight is multiplied by
:math:`p/q` where the step is decided and by :math:`(1-p)/(1-q)` where it is not, and by
:math:`l/l'` or :math:`(1-l)/(1-l')`; the moment within the month has its own law. So whatever the
worths are, weighed paths have the law of the model: they decide only how even the weights are.
Were each worth the chance of the statement given that state, all weights would be equal (Doob's
transform; as a proposal: doi:10.48550/arXiv.2409.02399).

Here they are that chance in a model of the model: drivers stay where the numbers were given, and
steps that share a child go on beside each other by the hazards that they have on average. They
are computed backward, in parts of months, from the last month of which anything is said.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from durability.models.conditions import MET, PENDING

CELLS = 4
"""Parts of a month in which worths are computed."""

OWN_SHARE = 0.05
"""Of a step's own chances in those drawn with: no weight of a month exceeds its inverse."""

OTHERS_MOST = 5
"""Steps beside a step whose states its worth tells apart; further ones are taken as met."""

OPEN, DONE, LOST = range(3)
"""A step that can still be met; is met; failed, or waits for what has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """What it is worth to a statement that a step is met, fails or waits, month by month.

    Parameters
    ----------
    others : tuple of int
        Steps whose states decide what it is worth: place 0 counts most in the code of a state.
    children : tuple of int
        Steps for which it is needed.
    goal : bool
        Whether the statement speaks of the step itself.
    matters : ndarray (state,)
        Whether anything still hangs on the step.
    met, failed : ndarray (state, month)
    waiting : ndarray (state, begun, month)
        At the month's end; by the cell in which its requirements stood, where that matters.
    """

    others: tuple[int, ...]
    children: tuple[int, ...]
    goal: bool
    matters: np.ndarray
    met: np.ndarray
    failed: np.ndarray
    waiting: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class Guide:
    """How paths are to be drawn for a statement.

    Parameters
    ----------
    worths : mapping of int to Worth
        Of the steps that are steered.
    requires, requires_any : mapping of int to tuple of int
        Of these and of those that the statement speaks of, in order.
    goals : frozenset of int
    months : int
        Those in which paths are steered.
    """

    worths: Mapping[int, Worth]
    requires: Mapping[int, tuple[int, ...]]
    requires_any: Mapping[int, tuple[int, ...]]
    goals: frozenset[int]
    months: int

    def standing(self, time: np.ndarray, met: np.ndarray) -> Standing:
        """Tell for every draw which steps are lost, and which are still asked for.

        Parameters
        ----------
        time, met : ndarray (draw, step)
            As they are when a month begins.
        """
        done = {place: met[:, place] for place in self.requires}
        lost: dict[int, np.ndarray] = {}
        for place in self.requires:
            gone = np.isfinite(time[:, place]) & ~done[place]
            for other in self.requires[place]:
                gone = gone | lost[other]
            if ways := self.requires_any[place]:
                gone = gone | np.logical_and.reduce([lost[way] for way in ways])
            lost[place] = gone
        asked = {place: np.full(len(time), place in self.goals) for place in self.requires}
        for place in reversed(self.requires):
            begun = np.logical_and.reduce(
                [np.ones(len(time), dtype=bool), *(done[o] for o in self.requires[place])]
            )
            if ways := self.requires_any[place]:
                begun &= np.logical_or.reduce([done[way] for way in ways])
            asking = asked[place] & ~begun & ~lost[place]
            for other in (*self.requires[place], *self.requires_any[place]):
                asked[other] = asked[other] | asking
        return Standing(lost=lost, asked=asked)

    def chances(
        self,
        place: int,
        month: int,
        *,
        rows: np.ndarray,
        begun: np.ndarray | float,
        hazard: np.ndarray,
        likely: np.ndarray,
        time: np.ndarray,
        met: np.ndarray,
        standing: Standing,
    ) -> tuple[np.ndarray, np.ndarray] | None:
        """Give the chances to draw a step's month with.

        Parameters
        ----------
        place, month : int
        rows : ndarray (row,)
            Draws in which it can be decided.
        begun : ndarray (row,) or float
            When its requirements stood.
        hazard, likely : ndarray (row,)
            Of being decided in the month; chance that it is then met.
        time, met : ndarray (draw, step)
        standing : Standing
            As the month began.

        Returns
        -------
        decided, met : ndarray (row,)
            Strictly between zero and one wherever the step's own chances are. None of a step
            that is not steered.
        """
        if place not in self.worths:
            return None
        worths = _looked_up(
            self.worths[place], place, month, rows, begun, time, met, standing
        )
        return leaning(-hazard, likely, worths)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where every draw stands when a month begins.

    Parameters
    ----------
    lost, asked : mapping of int to ndarray (draw,)
        Whether a step cannot be met any more; whether the statement still hangs on it.
    """

    lost: Mapping[int, np.ndarray]
    asked: Mapping[int, np.ndarray]


def _looked_up(
    worth: Worth,
    place: int,
    month: int,
    rows: np.ndarray,
    begun: np.ndarray | float,
    time: np.ndarray,
    met: np.ndarray,
    standing: Standing,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Worth of being met, of failing and of waiting: (row,) each, one where nothing hangs on it."""
    state = np.zeros(rows.size, dtype=int)
    for other in worth.others:
        decided = np.isfinite(time[rows, other])
        open_or_lost = np.where(decided | standing.lost[other][rows], LOST, OPEN)
        state = 3 * state + np.where(met[rows, other], DONE, open_or_lost)
    cell: Any = 0
    if worth.waiting.shape[1] > 1:
        cell = np.minimum((np.asarray(begun) * CELLS).astype(int), worth.waiting.shape[1] - 1)
    matters = worth.matters[state] & standing.asked[place][rows]
    return tuple(  # type: ignore[return-value]
        np.where(matters, value, 1.0)
        for value in (
            worth.met[state, month],
            worth.failed[state, month],
            worth.waiting[state, cell, month],
        )
    )


def leaning(
    log_not: np.ndarray, likely: np.ndarray, worths: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Give the chances to draw with.

    Parameters
    ----------
    log_not : ndarray (row,)
        Log chance of not being decided in the month: minus its hazard.
    likely : ndarray (row,)
        Chance of being met where it is decided.
    worths : tuple of ndarray (row,)
        Of being met, of failing, of waiting.

    Returns
    -------
    decided, met : ndarray (row,)
        Strictly between zero and one wherever the step's own chances are.
    """
    met, failed, waiting = worths
    own = -np.expm1(log_not)
    gain = likely * met + (1.0 - likely) * failed
    whole = own * gain + np.exp(log_not) * waiting
    leant = np.divide(own * gain, whole, out=own.copy(), where=whole > 0.0)
    outcome = np.divide(likely * met, gain, out=likely.copy(), where=gain > 0.0)
    return (
        (1.0 - OWN_SHARE) * leant + OWN_SHARE * own,
        (1.0 - OWN_SHARE) * outcome + OWN_SHARE * likely,
    )


# What states are worth --------------------------------------------------------------------------


def guide(steps: Sequence[Any], forced: Mapping[int, Any]) -> Guide | None:
    """Say how paths are to be drawn so that a statement comes true on most of them.

    Parameters
    ----------
    steps : sequence of Step
        In an order in which each comes after those that it requires.
    forced : mapping of int to Forced
        What is observed.

    Returns
    -------
    Guide or None
        None where no step has to be steered.
    """
    goals = {place: rule for place, rule in forced.items() if rule.result != PENDING}
    wanted, waiting = set(goals), list(goals)
    while waiting:
        step = steps[waiting.pop()]
        fresh = {*step.requires, *step.requires_any} - wanted
        wanted |= fresh
        waiting += fresh
    steered = [place for place in sorted(wanted) if place not in goals or goals[place].by]
    if not steered:
        return None
    months = max(rule.month for rule in goals.values()) + 1
    net = _Net(steps=steps, rules=forced, wanted=tuple(sorted(wanted)), cells=months * CELLS)
    for place in net.wanted:
        _run_forward(net, place)
    worths = {}
    for place in reversed(net.wanted):
        if place in steered:
            worths[place] = _worth(net, place)
        else:
            net.begin[place] = _forced_value(net, place)
        _look_ahead(net, place)
    return Guide(
        worths=worths,
        requires={place: steps[place].requires for place in net.wanted},
        requires_any={place: steps[place].requires_any for place in net.wanted},
        goals=frozenset(goals),
        months=months,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Net:
    """The steps that a statement hangs on, and what is known of each so far.

    Edges of cells are months after the cutoff times :data:`CELLS`.
    """

    steps: Sequence[Any]
    rules: Mapping[int, Any]
    wanted: tuple[int, ...]
    cells: int
    # Forward: chance in each cell of being settled, given that it is open; that it is then met.
    settles: dict[int, np.ndarray] = field(default_factory=dict)
    likely: dict[int, np.ndarray] = field(default_factory=dict)
    done: dict[int, np.ndarray] = field(default_factory=dict)
    lost: dict[int, np.ndarray] = field(default_factory=dict)
    # Backward, at edges: of its requirements' standing there; of states of what it requires.
    begin: dict[int, np.ndarray] = field(default_factory=dict)
    ahead: dict[int, np.ndarray] = field(default_factory=dict)

    def parents(self, place: int) -> tuple[int, ...]:
        step = self.steps[place]
        return (*step.requires, *step.requires_any)[:OTHERS_MOST]

    def children(self, place: int) -> tuple[int, ...]:
        return tuple(other for other in self.wanted if place in self.parents(other))

    def settled(self, child: int, states: Mapping[int, int]) -> int:
        """Tell whether what a step requires is met, lost or still open."""
        step, parents = self.steps[child], self.parents(child)
        needs = [states.get(o, OPEN) for o in step.requires if o in parents]
        ways = [states.get(o, OPEN) for o in step.requires_any if o in parents]
        if LOST in needs or (ways and set(ways) == {LOST}):
            return LOST
        return DONE if set(needs) <= {DONE} and (not ways or DONE in ways) else OPEN

    def value(self, child: int, states: Mapping[int, int]) -> np.ndarray:
        """Give what states of a step's requirements are worth at edges: (edge,)."""
        return np.asarray(
            self.ahead[child][tuple(states.get(o, OPEN) for o in self.parents(child))]
        )


def _chances(net: _Net, place: int) -> np.ndarray:
    """Chance of being decided in each cell, given that it is undecided: (begun, cell).

    One row where it does not matter in which cell its requirements stood.
    """
    step = net.steps[place]
    edges = np.arange(net.cells + 1) / CELLS
    if not math.isnan(step.decided_at):
        found = np.zeros((1, net.cells))
        cell = max(math.ceil(step.decided_at * CELLS) - 1, 0)
        found[:, cell : cell + 1] = 1.0
        return found
    opens = np.maximum(edges, step.not_before)
    if not step.elapsed:
        total = np.diff(step.accumulated(opens))[None]
    elif not net.parents(place):
        total = np.diff(step.accumulated(opens - step.start))[None]
    else:
        begun = np.maximum(edges[:, None], step.start)
        total = np.diff(step.accumulated(np.maximum(opens, begun) - begun), axis=1)
    return np.asarray(-np.expm1(-np.maximum(total, 0.0)))


def _run_forward(net: _Net, place: int) -> None:
    """Follow a step by itself, its requirements as independent: chances at edges and in cells."""
    step, rule = net.steps[place], net.rules.get(place)
    ones = np.ones(net.cells + 1)
    stands, blocked = ones.copy(), ones.copy()
    for other in step.requires:
        stands, blocked = stands * net.done[other], blocked * (1.0 - net.lost[other])
    if step.requires_any:
        none, dead = ones.copy(), ones.copy()
        for other in step.requires_any:
            none, dead = none * (1.0 - net.done[other]), dead * net.lost[other]
        stands, blocked = stands * (1.0 - none), blocked * (1.0 - dead)
    blocked = 1.0 - blocked
    if rule is not None and rule.result != PENDING and not rule.by:
        decided = np.zeros(net.cells)
        decided[min(rule.month * CELLS + CELLS // 2, net.cells - 1)] = 1.0
        good, blocked = float(rule.result == MET), np.zeros(net.cells + 1)
    else:
        chances, good = _chances(net, place).copy(), 1.0 - step.fails
        if rule is not None and rule.result == PENDING:
            chances[:, : (rule.month + 1) * CELLS] = 0.0
        decided = _decided(chances, np.diff(stands, prepend=0.0))
    total = np.concatenate([[0.0], np.cumsum(decided)])
    net.done[place] = good * total
    net.lost[place] = np.minimum((1.0 - good) * total + blocked, 1.0)
    left = np.maximum(1.0 - total - blocked, 1e-12)[:-1]
    settled = decided + np.maximum(np.diff(blocked), 0.0)
    net.settles[place] = np.minimum(settled / left, 1.0)
    share = np.divide(decided, settled, out=np.ones(net.cells), where=settled > 0.0)
    net.likely[place] = good * share


def _decided(chances: np.ndarray, begun: np.ndarray) -> np.ndarray:
    """Chance of being decided in each cell, from the chance of beginning at each edge."""
    waiting = np.zeros(len(begun))
    found = np.empty(chances.shape[1])
    for cell in range(chances.shape[1]):
        waiting[cell] += begun[cell]
        now = waiting * (chances[:, cell] if len(chances) > 1 else chances[0, cell])
        found[cell] = now.sum()
        waiting -= now
    return found


def _forced_value(net: _Net, place: int) -> np.ndarray:
    """Chance that a step whose requirements stand at an edge comes out in the month as said."""
    rule, chances = net.rules[place], _chances(net, place)
    found = np.zeros(net.cells + 1)
    start, end = rule.month * CELLS, (rule.month + 1) * CELLS
    for edge in range(end):
        left = 1.0 - chances[edge if len(chances) > 1 else 0]
        found[edge] = left[edge:start].prod() * (1.0 - left[max(edge, start) : end].prod())
    return found


def _middle(values: np.ndarray) -> np.ndarray:
    """Values of cells from those of their edges: the last axis has one less."""
    return np.asarray((values[..., :-1] + values[..., 1:]) / 2.0)


def _look_ahead(net: _Net, place: int) -> None:
    """Tabulate what states of a step's requirements are worth: (state of each ..., edge)."""
    parents, escapes = net.parents(place), _escapes(net, place)
    dead = _dead_value(net, place)
    shape = (3,) * len(parents)
    kinds = np.empty(shape, dtype=int)
    for states in itertools.product(range(3), repeat=len(parents)):
        kinds[states] = net.settled(place, dict(zip(parents, states, strict=True)))
    begin = net.begin[place]
    now = np.zeros(shape)
    found = np.zeros((*shape, net.cells + 1))
    for cell in reversed(range(net.cells)):
        now[kinds == DONE] = (begin[cell] + begin[cell + 1]) / 2.0
        for axis, other in enumerate(parents):
            _pass(now, axis, net.settles[other][cell], net.likely[other][cell])
        for chance, value in escapes:
            now += chance[cell] * (value[cell + 1] - now)
        now[kinds == DONE], now[kinds == LOST] = begin[cell], dead[cell]
        found[..., cell] = now
    net.ahead[place] = found


def _pass(now: np.ndarray, axis: int, settles: float, likely: float) -> None:
    """Go back over a cell in which a step may be settled, on its axis."""
    moved = np.moveaxis(now, axis, 0)
    moved[OPEN] += settles * (likely * moved[DONE] + (1.0 - likely) * moved[LOST] - moved[OPEN])


def _dead_value(net: _Net, place: int) -> np.ndarray:
    """Worth of a step that cannot be met any more: other ways may be left."""
    children = net.children(place)
    if not children or place in _goals(net):
        return np.zeros(net.cells + 1)
    return np.prod([net.value(child, {place: LOST}) for child in children], axis=0)


def _escapes(net: _Net, place: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Give chances in each cell that a step is not needed any more, with the worth of that."""
    children = net.children(place)
    if len(children) != 1 or place in _goals(net):
        return []
    child, found = children[0], []
    ways = net.steps[child].requires_any
    if place in ways:
        for way in ways:
            if way != place and way in net.parents(child):
                found.append((net.settles[way] * net.likely[way], net.value(child, {way: DONE})))
    return found + _escapes(net, child)


def _goals(net: _Net) -> set[int]:
    return {place for place, rule in net.rules.items() if rule.result != PENDING}


def _worth(net: _Net, place: int) -> Worth:
    """Tabulate what a step is worth that is steered, and what its beginning is."""
    children, rule = net.children(place), net.rules.get(place)
    goal = rule is not None and rule.by
    beside = {other for child in children for other in net.parents(child)} - {place}
    others = tuple(sorted(beside)[:OTHERS_MOST])
    states = [
        dict(zip(others, each, strict=True))
        for each in itertools.product(range(3), repeat=len(others))
    ]
    asking = [
        tuple(child for child in children if net.settled(child, state) == OPEN)
        for state in states
    ]
    met, failed = (
        np.stack(
            [
                _product(net, [net.value(c, {**state, place: way}) for c in asking[code]])
                for code, state in enumerate(states)
            ]
        )
        for way in (DONE, LOST)
    )
    met, failed = _as_said(rule, met, failed)
    matters = np.array([bool(each) or goal for each in asking])
    chances, likely = _chances(net, place), 1.0 - net.steps[place].fails
    moves = [_moves(net, other, axis, states, asking) for axis, other in enumerate(others)]
    # Ways beside it are among the steps beside it; what makes its child needless is not.
    escapes = _escapes(net, children[0]) if len(children) == 1 and not goal else []
    now = np.repeat(np.where(matters, 0.0, 1.0)[:, None], len(chances), axis=1)
    waiting = np.zeros((len(states), len(chances), net.cells + 1))
    held = np.zeros((len(states), len(chances), net.cells // CELLS))
    for cell in reversed(range(net.cells)):
        if (cell + 1) % CELLS == 0:
            still = now.copy()
        # Outcomes are told by what they are worth in the middle of a month, others going on. So is
        # waiting: as if the step alone stood still to its end.
        held[:, :, cell // CELLS] += still / (2 * CELLS)
        for each in (now, still):
            for move in moves:
                move(each, cell)
            for chance, value in escapes:
                each += chance[cell] * (value[cell + 1] - each)
            each[~matters] = 1.0
        held[:, :, cell // CELLS] += still / (2 * CELLS)
        gain = likely * met[:, cell] + (1.0 - likely) * failed[:, cell]
        now[matters] += (chances[:, cell] * (gain[:, None] - now))[matters]
        waiting[:, :, cell] = now
    net.begin[place] = _beginning(net, others, states, matters, waiting)
    months = (len(states), -1, CELLS)
    return Worth(
        others=others,
        children=children,
        goal=goal,
        matters=matters,
        met=met.reshape(months).mean(axis=2),
        failed=failed.reshape(months).mean(axis=2),
        waiting=held,
    )


def _product(net: _Net, values: list[np.ndarray]) -> np.ndarray:
    """Multiply what a step's outcome is worth to each child, in cells."""
    return _middle(np.prod([np.ones(net.cells + 1), *values], axis=0))


def _as_said(rule: Any, met: np.ndarray, failed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Leave of what outcomes are worth that which agrees with what is said of the step."""
    if rule is None:
        return met, failed
    met, failed, end = met.copy(), failed.copy(), (rule.month + 1) * CELLS
    if rule.result == PENDING:
        met[:, :end] = failed[:, :end] = 0.0
    else:
        (failed if rule.result == MET else met)[:] = 0.0
        met[:, end:] = failed[:, end:] = 0.0
    return met, failed


def _moves(
    net: _Net,
    other: int,
    axis: int,
    states: Sequence[Mapping[int, int]],
    asking: Sequence[tuple[int, ...]],
) -> Callable[[np.ndarray, int], None]:
    """Give what goes back over a cell in which a step beside may be settled."""
    stride = 3 ** (len(states[0]) - 1 - axis)
    rows = np.array([code for code, state in enumerate(states) if state[other] == OPEN])
    factors = []
    for way in (DONE, LOST):
        # Children whose requirements that settles are worth from then on what they are there.
        left = [[c for c in asking[r] if c not in asking[r + way * stride]] for r in rows]
        values = [
            [net.value(c, states[row + way * stride]) for c in each]
            for row, each in zip(rows, left, strict=True)
        ]
        factors.append(np.stack([_product(net, each) for each in values]))
    settles, likely = net.settles[other], net.likely[other]

    def move(now: np.ndarray, cell: int) -> None:
        done = factors[0][:, cell, None] * now[rows + stride]
        lost = factors[1][:, cell, None] * now[rows + 2 * stride]
        whole = likely[cell] * done + (1.0 - likely[cell]) * lost
        now[rows] += settles[cell] * (whole - now[rows])

    return move


def _beginning(
    net: _Net,
    others: tuple[int, ...],
    states: Sequence[Mapping[int, int]],
    matters: np.ndarray,
    waiting: np.ndarray,
) -> np.ndarray:
    """Worth of a step's requirements standing at each edge, over states of steps beside it."""
    edges = np.arange(net.cells + 1)
    found, total = np.zeros((2, net.cells + 1))
    for code in np.flatnonzero(matters):
        state, chance = states[code], np.ones(net.cells + 1)
        for other in others:
            done, lost = net.done[other], net.lost[other]
            chance *= {DONE: done, LOST: lost}.get(
                state[other], np.maximum(1.0 - done - lost, 0.0)
            )
        rows = edges if waiting.shape[1] > 1 else 0
        found += chance * waiting[code, rows, edges]
        total += chance
    return np.asarray(np.divide(found, total, out=np.zeros_like(found), where=total > 0.0))
