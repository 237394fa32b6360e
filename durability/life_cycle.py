r"""The life cycle: where a deal stands along every path, and what becomes of its conditions.

Pure functions of a :class:`~durability.simulation.Future`. Stages come when their conditions are
met; breakdown ends any of them, and no coin is flipped for it: what a path gives is the chance that
the deal is still there. Within a month a path passes through its stages one after the other, each
with its own hazard, so that everything below adds up to the last digit.

Conditions run on whether or not the deal has broken down; only where the deal *stands* does
breakdown come first.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Final

import numpy as np

from durability.calendar import add_months
from durability.simulation import Future, has_ended
from durability.vocabulary import LIFE_CYCLE, MARKS, RUNGS, STREAMS

BROKEN: Final = "breakdown"
STATES: Final = (*LIFE_CYCLE, BROKEN)
"""Where a deal can stand: in a stage of its life cycle, or nowhere any more."""

_ENDING = (STREAMS.index("war"), STREAMS.index("abrogation"))
_OWN: Mapping[str, tuple[str, ...]] = {
    **{mark: MARKS[rank:] for rank, mark in enumerate(MARKS)},
    "abrogation": ("abrogation",),
}
_COMPETING: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(MARKS, ("abrogation",)),
    "abrogation": ("war",),
}
"""What a rung is the first of, and what else ends the watch for it."""


def is_broken(future: Future) -> bool:
    """Tell whether the deal had broken down by the cutoff."""
    return has_ended(future.happened)


def occupancy(future: Future) -> np.ndarray:
    """Chance that a deal stands in each stage at every month's end, and that it has broken down.

    Parameters
    ----------
    future : Future

    Returns
    -------
    ndarray (draw, month, state)
        In the order of :data:`STATES`; the first month is the cutoff itself. Adds up to one.
    """
    draws, months = future.increments.shape[:2]
    survival = _survival(future)
    edges = np.arange(months + 1)
    stage = (future.ahead.reached[:, None, :] <= edges[None, :, None]).sum(axis=-1) - 1
    states = np.zeros((draws, months + 1, len(STATES)))
    np.put_along_axis(states, stage[..., None], survival[..., None], axis=-1)
    states[..., -1] = 1.0 - survival
    return states


def _survival(future: Future) -> np.ndarray:
    """Chance of no breakdown by every month's end, the cutoff first: (draw, month + 1)."""
    total = np.cumsum(future.increments[..., _ENDING].sum(axis=-1), axis=1)
    survival = np.exp(-np.pad(total, ((0, 0), (1, 0))))
    return np.zeros_like(survival) if is_broken(future) else survival


def held_until_reached(future: Future) -> np.ndarray:
    """Chance that a deal has not broken down when it reaches each stage.

    Parameters
    ----------
    future : Future

    Returns
    -------
    ndarray (draw, stage)
        Zero for stages that the path does not reach.
    """
    reached, months = future.ahead.reached, future.increments.shape[1]
    month = np.clip(np.nan_to_num(reached, posinf=0.0, neginf=0.0).astype(int), 0, months - 1)
    total = future.increments[..., _ENDING].sum(axis=-1)
    # The part of that month's hazard that falls into the stages before.
    parts = np.cumsum(_stage_parts(future), axis=-1)
    before = np.concatenate([np.zeros_like(parts[..., :1]), parts[..., :-1]], axis=-1)
    rows = np.arange(len(reached))[:, None]
    part = before[rows, month, np.arange(reached.shape[1])]
    held = _survival(future)[rows, month] * np.exp(-total[rows, month] * part)
    held = np.where(np.isneginf(reached), _survival(future)[:, :1], held)
    return np.asarray(np.where(reached <= months, held, 0.0))


def _stage_parts(future: Future) -> np.ndarray:
    """Share of each month's hazard that falls into each stage: (draw, month, stage)."""
    factors = future.ahead.factors
    return np.asarray(factors / factors.sum(axis=-1, keepdims=True))


def reached_by(future: Future, months: Sequence[int]) -> np.ndarray:
    """Chance that a deal reaches each stage by a month, and has not broken down before it does.

    Parameters
    ----------
    future : Future
    months : sequence of int
        After the cutoff.

    Returns
    -------
    ndarray (draw, month, stage)
    """
    there = future.ahead.reached[:, None, :] <= np.asarray(months)[None, :, None]
    return np.asarray(there * held_until_reached(future)[:, None, :])


def decided_by(future: Future, months: Sequence[int], *, met: bool) -> np.ndarray:
    """Whether each pending condition is met, or has failed, by a month.

    Parameters
    ----------
    future : Future
    months : sequence of int
    met : bool

    Returns
    -------
    ndarray (draw, month, step)
        0 or 1, whether or not the deal holds.
    """
    course = future.ahead.course
    there = course.time[:, None, :] <= np.asarray(months)[None, :, None]
    return np.asarray(there & (course.met == met)[:, None, :], dtype=float)


def breakdown_by_stage(future: Future) -> dict[str, np.ndarray]:
    """Cumulative incidence of each rung, split by the stage in which it comes.

    Parameters
    ----------
    future : Future

    Returns
    -------
    dict
        By rung, ndarray (draw, month, stage). Adds up over stages to what
        :func:`durability.simulation.incidences` gives. A rung that had happened by the cutoff is
        left out: it lies ahead in no stage.
    """
    found = {
        rung: _incidence_by_stage(future, rung) for rung in _OWN if rung not in future.happened
    }
    if not is_broken(future):
        found[BROKEN] = found["war"] + found["abrogation"]
    return {rung: found[rung] for rung in RUNGS if rung in found}


def _incidence_by_stage(future: Future, rung: str) -> np.ndarray:
    by_name = {stream: future.increments[..., k] for k, stream in enumerate(STREAMS)}
    own = np.asarray(sum(by_name[each] for each in _OWN[rung]))
    total = own + sum(by_name[each] for each in _COMPETING[rung])
    # Stages follow each other within a month: each begins with what those before have left.
    hazard = total[..., None] * _stage_parts(future)
    spent = (np.cumsum(total, axis=-1) - total)[..., None] + np.cumsum(hazard, axis=-1) - hazard
    share = np.divide(own, total, out=np.zeros_like(own), where=total > 0.0)
    return np.asarray(np.cumsum(np.exp(-spent) * -np.expm1(-hazard) * share[..., None], axis=1))


def quantities(future: Future, months: Sequence[int]) -> dict[str, np.ndarray]:
    """Everything that is forecast of conditions and stages by horizon, along every path.

    Parameters
    ----------
    future : Future
    months : sequence of int
        Horizons, none beyond the paths.

    Returns
    -------
    dict
        ``reached`` (draw, horizon, stage), ``stands`` (draw, horizon, state), ``met`` and
        ``failed`` (draw, horizon, step), ``broken RUNG`` (draw, horizon, stage); all in [0, 1].
    """
    places = np.asarray(months)
    return {
        "reached": reached_by(future, months),
        "stands": occupancy(future)[:, places],
        "met": decided_by(future, months, met=True),
        "failed": decided_by(future, months, met=False),
        **{
            f"broken {rung}": values[:, places - 1]
            for rung, values in breakdown_by_stage(future).items()
        },
    }


# Dates ----------------------------------------------------------------------------------------


def day_after(cutoff: date, months: float) -> date:
    """Give the day on which a time after the cutoff ends, counted as the forecast's months are.

    Parameters
    ----------
    cutoff : datetime.date
    months : float

    Returns
    -------
    datetime.date

    Examples
    --------
    >>> day_after(date(2026, 6, 30), 24.0)
    datetime.date(2028, 6, 30)
    """
    first = cutoff + timedelta(days=1)
    whole = int(months)
    start, stop = add_months(first, whole), add_months(first, whole + 1)
    # A day ends where its last moment is; rounding must not carry a whole day into the next.
    into = math.ceil((months - whole) * (stop - start).days - 1e-9)
    return start + timedelta(days=into - 1)
