r"""Branches: a forecast taken apart by what becomes of conditions by a month.

Paths simulated as things come are sorted by what became of each condition: met, failed, pending, or
blocked by the failure of what it requires. Branch :math:`b` has chance :math:`p_b` and forecast
:math:`F_b`, and since they are made of the same paths as the forecast :math:`F`,
:math:`\sum_b p_b F_b = F` exactly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from durability.assembly import ModelData
from durability.errors import Problems, one_of, quoted
from durability.paths import MONTHS, Followed, Present, Weighted, error_of, plain_chance
from durability.reweighting import weighted_quantiles
from durability.statements import month_of, spelled
from durability.steps import BLOCKED, Plan
from durability.vocabulary import HORIZONS_MONTHS, RUNGS
from durability.weighing import INTERVAL, Table

STATES = ("pending", "met", "failed", BLOCKED)
CONDITIONS_MOST = 4
FEW_PATHS = 100.0
"""Effective paths below which a branch's own forecast is rough, and marked so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """What a forecast is to be taken apart by.

    Parameters
    ----------
    conditions : tuple of str
    by : str
        The month at whose end it is told what became of them: ``2028-12``.
    name, where : str
    """

    conditions: tuple[str, ...]
    by: str
    name: str = ""
    where: str = ""

    @property
    def place(self) -> str:
        """Name the tree for messages."""
        return self.where or f"tree of {', '.join(self.conditions)}"

    def check(self, data: ModelData, made: Plan) -> None:
        """Refuse conditions that are not pending, and a month that is not ahead.

        Raises
        ------
        InputError
        """
        problems = Problems()
        if not 0 < len(self.conditions) <= CONDITIONS_MOST:
            allowed = f"1 to {CONDITIONS_MOST}: branches multiply"
            problems.add(self.place, f"names {len(self.conditions)} conditions", allowed)
        pending = [each.name for each in made.pending]
        for name in dict.fromkeys(self.conditions):
            if self.conditions.count(name) > 1:
                problems.add(self.place, f"names {quoted(name)} twice", "each condition once")
            if name not in pending:
                status = made.status.get(name)
                told = f"{name} is {status} already" if status else f"names {quoted(name)}"
                allowed = one_of(pending, name) if pending else "nothing is pending in this case"
                problems.add(self.place, told, allowed)
        month = month_of(self.by, data.cutoff)
        if month is None:
            problems.add(self.place, f"by = {quoted(self.by)}", "must be a month, 2028-12")
        elif not 0 <= month < MONTHS:
            first, last = (spelled(place, data.cutoff) for place in (0, MONTHS - 1))
            problems.add(self.place, f"by = {quoted(self.by)}", f"must be from {first} to {last}")
        problems.raise_any()


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """Paths on which the conditions of a tree came out alike.

    Parameters
    ----------
    states : mapping of str to str
        By condition: ``met``, ``failed``, ``pending`` or ``blocked``.
    chance : mapping
        ``mean, mcse``.
    table : mapping
        Probabilities by rung and horizon.
    effective_paths : float
    """

    states: Mapping[str, str]
    chance: Mapping[str, float]
    table: Table
    effective_paths: float

    @property
    def few(self) -> bool:
        """Whether its own forecast is rough."""
        return self.effective_paths < FEW_PATHS


@dataclass(frozen=True, slots=True, kw_only=True)
class Branched:
    """A tree's branches, the likeliest first.

    Parameters
    ----------
    tree : Tree
    branches : tuple of Branch
        Those that any path took.
    total : mapping
        Their mean, weighted by their chances: the forecast as things come, on the same paths.
    """

    tree: Tree
    branches: tuple[Branch, ...]
    total: Mapping[str, Mapping[str, float]]


def branched(
    tree: Tree, present: Present, paths: Sequence[Followed], weights: Weighted
) -> Branched:
    """Sort paths into the branches of a tree.

    Parameters
    ----------
    tree : Tree
        Checked.
    present : Present
    paths : sequence of Followed
        As things come.
    weights : Weighted
        Of them.

    Returns
    -------
    Branched
    """
    month = month_of(tree.by, present.data.cutoff)
    end = MONTHS if month is None else month + 1
    states = states_at(present.plan, paths, end)
    places = [present.plan.place(name) for name in tree.conditions]
    code = np.zeros(states.shape[:2], dtype=int)
    for place in places:
        code = code * len(STATES) + states[..., place]
    chances = np.stack([path.chances for path in paths], axis=1)
    branches = []
    for each in np.unique(code):
        inside = (code == each) * 1.0
        if (weights.each * inside).sum() > 0.0:
            at = tuple(np.argwhere(code == each)[0])
            told = {
                name: STATES[states[(*at, p)]]
                for name, p in zip(tree.conditions, places, strict=True)
            }
            branches.append(_branch(told, inside, chances, weights, present.chains))
    branches.sort(key=lambda branch: -branch.chance["mean"])
    return Branched(tree=tree, branches=tuple(branches), total=_total(chances, weights))


def states_at(made: Plan, paths: Sequence[Followed], end: float) -> np.ndarray:
    """Tell what has become of every pending condition by a time.

    Parameters
    ----------
    end : float
        Months after the cutoff.

    Returns
    -------
    integer array (draw, continuation, step)
        Places in :data:`STATES`.
    """
    pending, met, failed, blocked = range(len(STATES))
    time = np.stack([path.time for path in paths], axis=1)
    came = np.stack([path.met for path in paths], axis=1)
    states = np.where(time <= end, np.where(came, met, failed), pending)
    for place, step in enumerate(made.steps):
        lost = np.zeros(states.shape[:2], dtype=bool)
        for other in step.requires:
            lost |= np.isin(states[..., other], (failed, blocked))
        if step.requires_any:
            dead = [np.isin(states[..., other], (failed, blocked)) for other in step.requires_any]
            # A way that was lost before the cutoff is not among them; a way that is met decides.
            lost |= np.all(dead, axis=0)
        states[..., place] = np.where(
            lost & (states[..., place] == pending), blocked, states[..., place]
        )
    return np.asarray(states)


def _branch(
    states: Mapping[str, str],
    inside: np.ndarray,
    chances: np.ndarray,
    weights: Weighted,
    chains: int,
) -> Branch:
    each = weights.each * inside
    total = float(each.sum())
    effective = total**2 / float((each**2).sum())
    table = {
        rung: {
            str(months): _within(chances[:, :, r, h], inside, each / total, weights, chains)
            for h, months in enumerate(HORIZONS_MONTHS)
        }
        for r, rung in enumerate(RUNGS)
    }
    return Branch(
        states=states,
        chance=plain_chance(inside, weights, chains),
        table=table,
        effective_paths=effective,
    )


def _within(
    values: np.ndarray, inside: np.ndarray, each: np.ndarray, weights: Weighted, chains: int
) -> dict[str, float]:
    """Summarise a chance over the paths of a branch; its error is that of a ratio."""
    mean = float((each * values).sum())
    chance = float((weights.each * inside).sum())
    of_draw = (weights.shares * inside * (values - mean)).sum(axis=1) / chance
    low, high = weighted_quantiles(
        values.ravel(), each.ravel(), ((1.0 - INTERVAL) / 2.0, (1.0 + INTERVAL) / 2.0)
    )
    return {
        "mean": mean,
        "low": float(low),
        "high": float(high),
        "interval_probability": INTERVAL,
        "mcse": error_of(len(values) * weights.parents.values * of_draw, chains),
    }


def _total(chances: np.ndarray, weights: Weighted) -> dict[str, dict[str, float]]:
    mean = np.einsum("i,ic,icrh->rh", weights.parents.values, weights.shares, chances)
    return {
        rung: {str(months): float(mean[r, h]) for h, months in enumerate(HORIZONS_MONTHS)}
        for r, rung in enumerate(RUNGS)
    }
