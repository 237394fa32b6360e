r"""Seats: the electoral code's own arithmetic, over many draws of votes at once.

One country, closed lists. With votes :math:`v_k`, and :math:`B` ballots for lists *plus
inaccuracies*, the legal base of thresholds:

1. A list passes with :math:`100\,v_k \ge \theta_k B`, :math:`\theta_k` by its kind. Where fewer
   lists pass than the law wants, the next by votes join them.
2. The base seats go to those who passed by largest remainder (Hare): whole quotas of
   :math:`v_k S/\sum v`, then a seat each to the largest remainders.
3. The minority seats, beside the base seats, go to them by d'Hondt.
4. A list that holds more than half of all seats, and less than the bonus level, gets seats up to
   it. Without a majority there is no bonus.
5. The cap: where one list holds more than two thirds, the others get further seats, in proportion
   to their base seats (largest remainder), until they hold a third of all.

Because of step 5 two thirds is not monotone: a winner of 70 of 105 ends at exactly two thirds, a
winner of 71 ends with 71 of 107, one short.

Ties, which the code settles by lot, go to the list with more votes, then to the earlier one.

Sources: the Electoral Code of Armenia, articles 95 and 98, as ``electoral_law.md`` of the shipped
case cites them; Venice Commission and ODIHR, joint urgent opinion CDL-AD(2021)025, §§42–50.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatRule:
    """The numbers of the law, of one election.

    Parameters
    ----------
    base_seats, minority_seats : int
        By largest remainder; by d'Hondt, beside them.
    thresholds : mapping of str to float
        Percent of the legal base that a list needs, by its kind.
    minimum_lists : int
        As many lists take part, whatever the thresholds.
    bonus : int
        Percent of all seats that a list with a majority is brought to.
    """

    base_seats: int
    minority_seats: int
    thresholds: Mapping[str, float]
    minimum_lists: int
    bonus: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Seats:
    """Seats of every list, and what they are made of: integer arrays (…, list).

    Parameters
    ----------
    base, minority, bonus, topped_up : ndarray (…, list)
        By the steps of the law.
    passed : ndarray of bool (…, list)
        Which lists take part.
    """

    base: np.ndarray
    minority: np.ndarray
    bonus: np.ndarray
    topped_up: np.ndarray
    passed: np.ndarray

    @property
    def seats(self) -> np.ndarray:
        """All seats of each list: (…, list)."""
        return np.asarray(self.base + self.minority + self.bonus + self.topped_up)

    @property
    def total(self) -> np.ndarray:
        """Seats of the whole house: (…,)."""
        return np.asarray(self.seats.sum(-1))


def allocate(votes: Any, legal_base: Any, threshold: Any, rule: SeatRule) -> Seats:
    """Turn votes into seats.

    Parameters
    ----------
    votes : array (…, list)
        At least 0; whole numbers or shares.
    legal_base : array (…,)
        Ballots for lists plus inaccuracies, in the unit of `votes`.
    threshold : array (list,)
        Percent of the legal base that each list needs.
    rule : SeatRule

    Returns
    -------
    Seats

    Raises
    ------
    ValueError
        Votes are negative, or nobody voted.

    Examples
    --------
    The law's edge: seventy seats are two thirds, seventy-one are not.

    >>> rule = SeatRule(
    ...     base_seats=105, minority_seats=0, thresholds={}, minimum_lists=3, bonus=52
    ... )
    >>> made = allocate([[70, 25, 10], [71, 24, 10]], [105, 105], [4, 4, 4], rule)
    >>> made.seats.tolist(), made.total.tolist()
    ([[70, 25, 10], [71, 25, 11]], [105, 107])
    """
    votes = np.asarray(votes, dtype=float)
    if (votes < 0.0).any() or (votes.sum(-1) <= 0.0).any():
        raise ValueError("votes must be at least 0, and some above")
    passed = taking_part(votes, np.asarray(legal_base, dtype=float), threshold, rule)
    counted = np.where(passed, votes, 0.0)
    base = largest_remainder(counted, np.full(votes.shape[:-1], rule.base_seats), counted)
    minority = highest_quotients(counted, rule.minority_seats)
    held = base + minority
    bonus = _bonus(held, rule.bonus)
    return Seats(
        base=base,
        minority=minority,
        bonus=bonus,
        topped_up=_topped_up(held + bonus, base, counted),
        passed=passed,
    )


def taking_part(
    votes: np.ndarray, legal_base: np.ndarray, threshold: Any, rule: SeatRule
) -> np.ndarray:
    """Say which lists take part: those over their threshold, and the next up to the minimum."""
    passed = 100.0 * votes >= np.asarray(threshold, dtype=float) * legal_base[..., None]
    # Lists that pass come first, then the others by votes.
    order = np.lexsort((-votes, ~passed), axis=-1)
    place = np.argsort(order, axis=-1, kind="stable")
    return np.asarray((passed | (place < rule.minimum_lists)) & (votes > 0.0))


def largest_remainder(weights: np.ndarray, seats: Any, votes: np.ndarray) -> np.ndarray:
    """Share out `seats` in proportion to `weights`: whole quotas, then the largest remainders.

    Parameters
    ----------
    weights : ndarray (…, list)
    seats : array of int (…,)
    votes : ndarray (…, list)
        Settle ties.

    Returns
    -------
    ndarray of int (…, list)
        All zero where all weights are.
    """
    seats = np.asarray(seats)
    total = weights.sum(-1)
    safe = np.where(total > 0.0, total, 1.0)[..., None]
    # The remainder of a division of floats is exact; that of a rounded quotient is not.
    whole, remainder = np.divmod(weights * seats[..., None], safe)
    left = seats - whole.sum(-1)
    order = np.lexsort((-votes, -remainder), axis=-1)
    place = np.argsort(order, axis=-1, kind="stable")
    given = whole + (place < left[..., None])
    return np.where(total[..., None] > 0.0, given, 0.0).astype(int)


def highest_quotients(votes: np.ndarray, seats: int) -> np.ndarray:
    """Share out a few seats by d'Hondt: the highest of the votes over 1, 2, 3, …

    Returns
    -------
    ndarray of int (…, list)
    """
    if seats == 0:
        return np.zeros(votes.shape, dtype=int)
    lists = votes.shape[-1]
    quotients = votes[..., None] / np.arange(1, seats + 1)
    flat = quotients.reshape((*votes.shape[:-1], lists * seats))
    order = np.lexsort((-np.repeat(votes, seats, axis=-1), -flat), axis=-1)
    won = np.argsort(order, axis=-1, kind="stable") < seats
    return np.asarray(won.reshape(quotients.shape).sum(-1))


def holds_two_thirds(seats: Any, total: Any) -> np.ndarray:
    """Say whether seats are at least two thirds of all, in whole numbers."""
    return np.asarray(3 * np.asarray(seats) >= 2 * np.asarray(total))


def holds_three_fifths(seats: Any, total: Any) -> np.ndarray:
    """Say whether seats are at least three fifths of all, in whole numbers."""
    return np.asarray(5 * np.asarray(seats) >= 3 * np.asarray(total))


def holds_majority(seats: Any, total: Any) -> np.ndarray:
    """Say whether seats are more than half of all."""
    return np.asarray(2 * np.asarray(seats) > np.asarray(total))


def _bonus(held: np.ndarray, level: int) -> np.ndarray:
    """Seats that bring a list with a majority to `level` percent of all, its own included."""
    total = held.sum(-1)[..., None]
    lacking = -(-(level * total - 100 * held) // (100 - level))
    return np.where(holds_majority(held, total), np.maximum(lacking, 0), 0)


def _topped_up(held: np.ndarray, base: np.ndarray, votes: np.ndarray) -> np.ndarray:
    """Seats that bring the others to a third of all, where one list holds more than two."""
    total = held.sum(-1)
    winner = np.argmax(held, axis=-1)[..., None] == np.arange(held.shape[-1])
    most = held.max(-1)
    others = total - most
    capped = (3 * most > 2 * total) & ((votes > 0.0).sum(-1) > 1)
    lacking = np.where(capped, -(-most // 2) - others, 0)
    theirs = np.where(winner, 0, base).astype(float)
    # Too few votes for a single base seat: their votes must do.
    none = theirs.sum(-1, keepdims=True) == 0.0
    weights = np.where(none, np.where(winner, 0.0, votes), theirs)
    return largest_remainder(weights, lacking, votes)
