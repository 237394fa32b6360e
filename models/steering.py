r"""Steering: paths drawn so that what is learned of a condition happens on them. NumPy only.

What is said of a step is possible only where the steps that it requires are met in time, which few
paths do by themselves. So these steps, and those that must come by a month, are drawn from another
law, and the path is weighed by the exact ratio of the two. Let a step be decided within a month
with chance :math:`p`, and then met with chance :math:`l`, both as they are along the path. With
:math:`u`, :math:`w` and :math:`v` the *outlook* of the statement if the step is met in that month,
fails in it, or waits on, the chances drawn with are

.. math::

    q^* = \frac{p\,g}{p\,g + (1-p)\,v}, \quad g = l\,u + (1-l)\,w, \qquad l^* = \frac{l\,u}{g},

mixed with a small share of :math:`p` and :math:`l` themselves, except where the statement excludes
an outcome of the step itself. The path's weight is multiplied by :math:`p/q` where the step is
decided and by :math:`(1-p)/(1-q)` where it is not, and by :math:`l/l'` or :math:`(1-l)/(1-l')`; the
moment within the month has its own law. So whatever the outlooks are, weighed paths have the law of
the model: they decide only how even the weights are. Were each outlook the chance of the statement
given that state, all weights would be equal (Doob's transform; as a proposal:
doi:10.48550/arXiv.2409.02399).

:mod:`durability.models.outlooks` computes them with drivers that stay where the numbers were given.
Along a path pressure changes a step's hazard by a factor :math:`r`, and so the outlook of waiting:
a chance :math:`c` of still coming in time is then about :math:`1-(1-c)^r`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

CELLS = 2
"""Parts of a month in which it is told when a step's requirements stood."""

OWN_SHARE = 0.05
"""Of a step's own chances in those drawn with: no month's weight exceeds its inverse, twice."""

OPEN, DONE, LOST = range(3)
"""A step that can still be met; is met; failed, or waits for what has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """How likely a statement is if a step is met, fails or waits, month by month.

    Parameters
    ----------
    others : tuple of int
        Steps beside it, on whose states that hangs too. A state's code has a digit of base three
        for each, the first counting most.
    matters : ndarray (state,)
        Whether anything still hangs on the step.
    met, failed : ndarray (state, month)
    waiting : ndarray (state, cell, month)
        On through the month; by the cell in which its requirements stood, where that matters.
    said : tuple of bool and int, or None
        Whether the statement says that it is met, and the last month in which it may be decided.
    """

    others: tuple[int, ...]
    matters: np.ndarray
    met: np.ndarray
    failed: np.ndarray
    waiting: np.ndarray
    said: tuple[bool, int] | None


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Guide:
    """How paths are to be drawn for a statement.

    Parameters
    ----------
    outlooks : mapping of int to Outlook
        Of the steps that are steered.
    requires, requires_any : mapping of int to tuple of int
        Of these and of those that the statement speaks of, in order.
    goals : frozenset of int
        Those that the statement speaks of.
    months : int
        In which paths are steered.
    """

    outlooks: Mapping[int, Outlook]
    requires: Mapping[int, tuple[int, ...]]
    requires_any: Mapping[int, tuple[int, ...]]
    goals: frozenset[int]
    months: int

    def standing(self, time: np.ndarray, met: np.ndarray) -> Standing:
        """Tell where every draw stands.

        Parameters
        ----------
        time, met : ndarray (draw, step)
            As they are when a month begins.

        Returns
        -------
        Standing
        """
        lost: dict[int, np.ndarray] = {}
        for place in self.requires:
            gone = np.isfinite(time[:, place]) & ~met[:, place]
            for other in self.requires[place]:
                gone |= lost[other]
            if ways := self.requires_any[place]:
                gone |= np.logical_and.reduce([lost[way] for way in ways])
            lost[place] = gone
        asked = {place: np.full(len(time), place in self.goals) for place in self.requires}
        for place in reversed(tuple(self.requires)):
            needs, ways = self.requires[place], self.requires_any[place]
            begun = met[:, needs].all(axis=1)
            if ways:
                begun &= met[:, ways].any(axis=1)
            asking = asked[place] & ~begun & ~lost[place]
            for other in (*needs, *ways):
                asked[other] |= asking
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
        pull: np.ndarray,
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
        pull : ndarray (row,)
            What pressure makes of the hazard of failing; that of being met it divides.
        time, met : ndarray (draw, step)
        standing : Standing
            As the month began.

        Returns
        -------
        decided, met : ndarray (row,)
            Strictly between zero and one wherever the step's own chances are and the statement
            does not exclude it. None of a step that is not steered, or not asked for any more.
        """
        if place not in self.outlooks or not (asked := standing.asked[place][rows]).any():
            return None
        outlook = self.outlooks[place]
        state = np.zeros(rows.size, dtype=int)
        for other in outlook.others:
            gone = np.isfinite(time[rows, other]) | standing.lost[other][rows]
            state = 3 * state + np.where(met[rows, other], DONE, np.where(gone, LOST, OPEN))
        cell = np.zeros(1, dtype=int)
        if outlook.waiting.shape[1] > 1:
            cell = np.minimum((begun * CELLS).astype(int), outlook.waiting.shape[1] - 1)  # type: ignore[union-attr]
        matters = outlook.matters[state] & asked
        values = outlook.met[state, month], outlook.failed[state, month]
        waiting = _pulled(outlook, month, state, outlook.waiting[state, cell, month], pull)
        decided, outcome = leaning(
            hazard, likely, tuple(np.where(matters, each, 1.0) for each in (*values, waiting))
        )
        if outlook.said is not None and month <= outlook.said[1]:
            outcome = np.full(rows.size, float(outlook.said[0]))
            if month == outlook.said[1]:
                decided = np.where(hazard > 0.0, 1.0, 0.0)
        return decided, outcome


def _pulled(
    outlook: Outlook, month: int, state: np.ndarray, waiting: np.ndarray, pull: np.ndarray
) -> np.ndarray:
    """Give the outlook of waiting where pressure has changed the hazards of what is waited for."""
    met, failed = outlook.met[state, month], outlook.failed[state, month]
    ahead = np.maximum(outlook.met[:, month:].max(axis=1), outlook.failed[:, month:].max(axis=1))
    worst, best = np.minimum(met, failed), ahead[state]
    room = best - worst
    inside = (waiting > worst) & (waiting < best)
    share = np.divide(waiting - worst, room, out=np.zeros(waiting.shape), where=inside)
    rate = np.where(met >= failed, 1.0 / pull, pull)
    return np.where(inside, worst - room * np.expm1(rate * np.log1p(-share)), waiting)


def leaning(
    hazard: np.ndarray, likely: np.ndarray, outlooks: tuple[np.ndarray, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Give the chances to draw with from a step's own and the outlook of what may become of it.

    Parameters
    ----------
    hazard : ndarray (row,)
        Of being decided in the month.
    likely : ndarray (row,)
        Chance of being met where it is decided.
    outlooks : tuple of ndarray (row,)
        Of being met, of failing, of waiting.

    Returns
    -------
    decided, met : ndarray (row,)
        Strictly between zero and one wherever the step's own chances are.
    """
    met, failed, waiting = outlooks
    own = -np.expm1(-hazard)
    gain = likely * met + (1.0 - likely) * failed
    whole = own * gain + np.exp(-hazard) * waiting
    leant = np.divide(own * gain, whole, out=own.copy(), where=whole > 0.0)
    outcome = np.divide(likely * met, gain, out=likely.copy(), where=gain > 0.0)
    return (
        (1.0 - OWN_SHARE) * leant + OWN_SHARE * own,
        (1.0 - OWN_SHARE) * outcome + OWN_SHARE * likely,
    )


def drawn(
    left: np.ndarray, hazard: np.ndarray, decided: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Decide a step in a month with a chance that is not its own.

    Its patience is spent as if the hazard were the one of that chance. Where within the month's own
    hazard it is decided has its own law, given that it is.

    Parameters
    ----------
    left : ndarray (row,)
        Patience: standard exponential.
    hazard : ndarray (row,)
        Its own, of the month.
    decided : ndarray (row,)
        The chance to draw with.

    Returns
    -------
    now : ndarray (row,)
        Whether it is decided in the month.
    share : ndarray (row,)
        Of the month's own hazard at which it is.
    spent : ndarray (row,)
        Of the patience.
    log_weight : ndarray (row,)
        Its own chance of that over the one it was drawn with.
    """
    with np.errstate(divide="ignore"):
        spent = -np.log1p(-decided)
    now = (spent > 0.0) & (spent >= left)
    own = -np.expm1(-hazard[now])
    within = -np.log1p(own * np.expm1(-left[now]) / decided[now])
    share = np.zeros(left.size)
    share[now] = np.minimum(within / hazard[now], 1.0)
    log_weight = spent - hazard
    log_weight[now] = np.log(own / decided[now])
    return now, share, spent, log_weight


def outcome_weight(met: np.ndarray, likely: np.ndarray, used: np.ndarray) -> np.ndarray:
    """Log of an outcome's own chance over the one it was drawn with, each given of being met."""
    own, drawn_with = np.where(met, likely, 1.0 - likely), np.where(met, used, 1.0 - used)
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(own / drawn_with))
