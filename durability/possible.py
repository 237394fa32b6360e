"""What can come at all, and what must: the calendar of conditions against what no path did, or all.

Where none of many simulated paths did something, it is either impossible, by its dates or because
all is decided, or only rare; where all did, it is certain or only likely. Dates and requirements
say which.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from durability.life_cycle import BROKEN, STATES, is_broken
from durability.simulation import Future
from durability.steps import Plan
from durability.summaries import TAILS


@dataclass(frozen=True, slots=True, kw_only=True)
class Possible:
    """From when on each thing can come, in months after the cutoff; infinity for never.

    Parameters
    ----------
    met, failed : ndarray (step,)
    sure : ndarray (step,)
        By when it is met on every path.
    stage_of : tuple of int
        Stage that each step leads to; -1 for none.
    now : int
        The stage at the cutoff.
    broken : bool
        Whether the deal had broken down by then.
    """

    met: np.ndarray
    failed: np.ndarray
    sure: np.ndarray
    stage_of: tuple[int, ...]
    now: int
    broken: bool

    def must(self, name: str, place: int, months: int) -> bool:
        """Tell whether a step must be ``met`` by a horizon; none must fail (below 1 by its law)."""
        return name == "met" and bool(self.sure[place] <= months)

    def can(self, name: str, place: int, months: int) -> bool:
        """Tell whether one of :func:`durability.life_cycle.quantities` can be above zero.

        Parameters
        ----------
        name : str
        place : int
            Of the step, stage or state.
        months : int
            The horizon.
        """
        if name in ("met", "failed"):
            return bool((self.met if name == "met" else self.failed)[place] <= months)
        if self.broken:
            return name == "stands" and STATES[place] == BROKEN
        stages = np.array(self.stage_of, dtype=int)
        if name == "reached":
            return place <= self.now or _any(self.met[stages >= place] <= months)
        if name == "stands":
            left = _any(self.sure[stages > place] <= months)
            there = place == self.now or _any(self.met[stages == place] <= months)
            return STATES[place] == BROKEN or (there and not left)
        return place == self.now or _any(self.met[stages == place] < months)


def _any(found: np.ndarray) -> bool:
    return bool(found.any())


def chance_at_most(paths: int) -> float:
    """Bound, with 95%, the chance of what none of so many paths did: the rule of three.

    Examples
    --------
    >>> round(chance_at_most(4000), 5)
    0.00075
    """
    return -math.expm1(math.log(TAILS[0]) / paths)


def possible(future: Future) -> Possible:
    """Tell from when on everything can come that a future is asked about.

    Parameters
    ----------
    future : Future

    Returns
    -------
    Possible
    """
    return possible_of(future.ahead.plan, broken=is_broken(future))


def possible_of(made: Plan, *, broken: bool = False) -> Possible:
    """Tell from when on everything can come that a plan allows; see :func:`possible`."""
    met, failed, sure = (np.full(len(made.steps), math.inf) for _ in range(3))
    for place, step in enumerate(made.steps):
        opens = _opens(step, _begun(step, met))
        in_doubt = step.fails_shapes is not None
        met[place] = opens if in_doubt or step.fails < 1.0 else math.inf
        failed[place] = opens if in_doubt or step.fails > 0.0 else math.inf
        on_its_day = not math.isnan(step.decided_at) and failed[place] == math.inf
        if on_its_day and _begun(step, sure) <= opens:
            sure[place] = opens
    return Possible(
        met=met,
        failed=failed,
        sure=sure,
        stage_of=tuple(step.stage for step in made.steps),
        now=made.stage,
        broken=broken,
    )


def _begun(step: Any, met: Sequence[float] | np.ndarray) -> float:
    """First moment at which a step's requirements can stand."""
    begun = [step.start, *(met[other] for other in step.requires)]
    if step.requires_any:
        begun.append(min(met[other] for other in step.requires_any))
    return float(max(begun))


def _opens(step: Any, begun: float) -> float:
    """First moment from which a step can be decided, its requirements having stood so long."""
    if begun == math.inf:
        return math.inf
    if not math.isnan(step.decided_at):
        due = max(step.decided_at, 0.0)
        return due if begun <= due else math.inf
    since = begun if step.elapsed else 0.0
    start = max(begun, step.not_before, 0.0) - since
    # From where the hazard that it accumulates begins to rise.
    later = np.flatnonzero(step.cumulative > step.accumulated(np.asarray(start)))
    if later.size:
        start = max(start, step.times[later[0] - 1])
    elif step.cumulative[-1] <= step.cumulative[-2]:
        return math.inf
    # Just after that moment: at it nothing has accumulated yet.
    return math.nextafter(since + start, math.inf)
