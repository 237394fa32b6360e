"""Outlooks: how likely a statement is from where its steps stand, computed backward. NumPy only.

A statement speaks of steps; these wait for others, and so on. The outlook of a state of these is
the chance of the statement given it, in a model of the model: drivers stay where the numbers were
given, and steps that share a child go on beside each other by the hazards that they have on
average. Forward, every step is followed by itself to have those hazards. Backward from the last
month of which anything is said, in parts of months, three outlooks are found for every step: of its
requirements' standing at a time; of states of its requirements; and, of a step that is steered
(:mod:`durability.models.steering`), of its being met, its failing and its waiting, by the states
of the steps beside it. Nothing here has to be exact for the weighed paths to be.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from durability.models.conditions import MET, PENDING
from durability.models.steering import CELLS, DONE, LOST, OPEN, Guide, Outlook

OTHERS_MOST = 5
"""Requirements of a step, and steps beside it, whose states are told apart: these multiply."""


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
    outlooks = {}
    for place in reversed(net.wanted):
        if place in steered:
            outlooks[place] = _outlook(net, place)
        else:
            net.begin[place] = _forced_value(net, place)
        _look_ahead(net, place)
    return Guide(
        outlooks=outlooks,
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
            return int(LOST)
        return int(DONE if set(needs) <= {DONE} and (not ways or DONE in ways) else OPEN)

    def value(self, child: int, states: Mapping[int, int]) -> np.ndarray:
        """Give the outlook of states of a step's requirements at edges: (edge,)."""
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
    stands, blocked = _required(net, place)
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


def _required(net: _Net, place: int) -> tuple[np.ndarray, np.ndarray]:
    """Chances that a step's requirements stand, and that they cannot any more: (edge,) each."""
    step, one = net.steps[place], np.ones((1, net.cells + 1))
    stands = np.prod([*one, *(net.done[other] for other in step.requires)], axis=0)
    alive = np.prod([*one, *(1.0 - net.lost[other] for other in step.requires)], axis=0)
    if ways := step.requires_any:
        stands = stands * (1.0 - np.prod([1.0 - net.done[way] for way in ways], axis=0))
        alive = alive * (1.0 - np.prod([net.lost[way] for way in ways], axis=0))
    return stands, 1.0 - alive


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
    """Tabulate the outlook of states of a step's requirements: (state of each ..., edge)."""
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
            _escape(chance, value, now, cell)
        now[kinds == DONE], now[kinds == LOST] = begin[cell], dead[cell]
        found[..., cell] = now
    net.ahead[place] = found


def _pass(now: np.ndarray, axis: int, settles: float, likely: float) -> None:
    """Go back over a cell in which a step may be settled, on its axis."""
    moved = np.moveaxis(now, axis, 0)
    moved[OPEN] += settles * (likely * moved[DONE] + (1.0 - likely) * moved[LOST] - moved[OPEN])


def _dead_value(net: _Net, place: int) -> np.ndarray:
    """Give the outlook without a step that cannot be met any more: other ways may be left."""
    children = net.children(place)
    if not children or place in _goals(net):
        return np.zeros(net.cells + 1)
    return np.prod([net.value(child, {place: LOST}) for child in children], axis=0)


def _escapes(net: _Net, place: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Give chances in each cell that a step is not needed any more, with the outlook then."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Beside:
    """The steps beside a step: all that its children require too.

    Parameters
    ----------
    others : tuple of int
    states : tuple of mapping of int to int
        Each way in which they may stand, by its code.
    asking : tuple of tuple of int
        Children that hang on the step, by the code of the state.
    """

    others: tuple[int, ...]
    states: tuple[Mapping[int, int], ...]
    asking: tuple[tuple[int, ...], ...]


def _beside(net: _Net, place: int) -> _Beside:
    children = net.children(place)
    all_others = {other for child in children for other in net.parents(child)} - {place}
    others = tuple(sorted(all_others)[:OTHERS_MOST])
    states = tuple(
        dict(zip(others, each, strict=True))
        for each in itertools.product(range(3), repeat=len(others))
    )
    asking = tuple(
        tuple(child for child in children if net.settled(child, state) == OPEN) for state in states
    )
    return _Beside(others=others, states=states, asking=asking)


def _outlook(net: _Net, place: int) -> Outlook:
    """Tabulate the outlook of a step that is steered, and of its requirements' standing."""
    beside, rule = _beside(net, place), net.rules.get(place)
    met, failed = (
        np.stack(
            [
                _product(net, [net.value(child, {**state, place: way}) for child in asking])
                for state, asking in zip(beside.states, beside.asking, strict=True)
            ]
        )
        for way in (DONE, LOST)
    )
    met, failed = _as_said(rule, met, failed)
    matters = np.array([bool(each) or place in _goals(net) for each in beside.asking])
    waiting, begun = _waits(net, place, beside, matters, met, failed)
    net.begin[place] = _beginning(net, beside, matters, begun)
    months = (len(matters), -1, CELLS)
    return Outlook(
        others=beside.others,
        matters=matters,
        met=met.reshape(months).mean(axis=2),
        failed=failed.reshape(months).mean(axis=2),
        waiting=waiting,
        said=None if rule is None or rule.result == PENDING else (rule.result == MET, rule.month),
    )


def _waits(
    net: _Net,
    place: int,
    beside: _Beside,
    matters: np.ndarray,
    met: np.ndarray,
    failed: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Go back over the cells with a step that waits.

    Returns
    -------
    waiting : ndarray (state, begun, month)
        Of waiting on through a month. Outcomes have their outlook in the middle of it, others going
        on; so has this, as if the step alone stood still to its end.
    begun : ndarray (state, edge)
        Where its requirements have stood from there.
    """
    chances, likely = _chances(net, place), 1.0 - net.steps[place].fails
    moves = [_moves(net, beside, axis) for axis in range(len(beside.others))]
    moves += [partial(_escape, *each) for each in _needless(net, place)]
    rows = len(chances)
    # The step itself, and as if it stood still to the month's end: both go back together.
    both = np.repeat(np.where(matters, 0.0, 1.0)[:, None], 2 * rows, axis=1)
    now, still = both[:, :rows], both[:, rows:]
    waiting = np.zeros((*now.shape, net.cells // CELLS))
    begun = np.zeros((len(matters), net.cells + 1))
    for cell in reversed(range(net.cells)):
        if (cell + 1) % CELLS == 0:
            still[:] = now
        waiting[:, :, cell // CELLS] += still / (2 * CELLS)
        for move in moves:
            move(both, cell)
        both[~matters] = 1.0
        waiting[:, :, cell // CELLS] += still / (2 * CELLS)
        gain = likely * met[:, cell] + (1.0 - likely) * failed[:, cell]
        now += np.where(matters[:, None], chances[:, cell] * (gain[:, None] - now), 0.0)
        begun[:, cell] = now[:, cell if rows > 1 else 0]
    return waiting, begun


def _needless(net: _Net, place: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Escapes that are not among the steps beside: what makes its only child needless."""
    children = net.children(place)
    return [] if len(children) != 1 or place in _goals(net) else _escapes(net, children[0])


def _escape(chance: np.ndarray, value: np.ndarray, now: np.ndarray, cell: int) -> None:
    """Go back over a cell in which all that is looked at may become needless."""
    now += chance[cell] * (value[cell + 1] - now)


def _product(net: _Net, values: list[np.ndarray]) -> np.ndarray:
    """Multiply the outlook of several children, in cells."""
    return _middle(np.prod([np.ones(net.cells + 1), *values], axis=0))


def _as_said(rule: Any, met: np.ndarray, failed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Leave of the outlook of outcomes that which agrees with what is said of the step."""
    if rule is None:
        return met, failed
    met, failed, end = met.copy(), failed.copy(), (rule.month + 1) * CELLS
    if rule.result == PENDING:
        met[:, :end] = failed[:, :end] = 0.0
    else:
        (failed if rule.result == MET else met)[:] = 0.0
        met[:, end:] = failed[:, end:] = 0.0
    return met, failed


def _moves(net: _Net, beside: _Beside, axis: int) -> Callable[[np.ndarray, int], None]:
    """Give what goes back over a cell in which a step beside may be settled."""
    other, states, asking = beside.others[axis], beside.states, beside.asking
    stride = 3 ** (len(beside.others) - 1 - axis)
    rows = np.array([code for code, state in enumerate(states) if state[other] == OPEN])
    factors = []
    for way in (DONE, LOST):
        # Of children whose requirements that settles, the outlook is from then on what it is there.
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


def _beginning(net: _Net, beside: _Beside, matters: np.ndarray, begun: np.ndarray) -> np.ndarray:
    """Outlook of a step's requirements standing at each edge, over states of steps beside it."""
    found, total = np.zeros((2, net.cells + 1))
    for code in np.flatnonzero(matters):
        state, chance = beside.states[code], np.ones(net.cells + 1)
        for other in beside.others:
            done, lost = net.done[other], net.lost[other]
            chance *= {DONE: done, LOST: lost}.get(state[other], np.maximum(1.0 - done - lost, 0.0))
        found += chance * begun[code]
        total += chance
    return np.asarray(np.divide(found, total, out=np.zeros_like(found), where=total > 0.0))
