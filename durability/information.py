r"""Information: what it would be worth to learn how something comes out.

Something comes out in one of several ways :math:`o`; path :math:`i`, of weight :math:`w_i`, comes
out so with chance :math:`m_{io}` and breaks down with chance :math:`f_i`. Then
:math:`p_o = \sum_i w_i m_{io}` and :math:`P_o = \sum_i w_i m_{io} f_i / p_o`, and knowing it is
expected to improve the logarithmic score of the forecast :math:`P = \sum_o p_o P_o` by the mutual
information

.. math:: I = H(P) - \sum_o p_o H(P_o), \qquad H(P) = -P\log_2 P - (1-P)\log_2(1-P).

It is told in thousandths of a bit: a coin that settled the matter would be worth a thousand.
Estimated from finitely many paths it is too high, the more so the more ways there are. The bias is
taken off and the error estimated by leaving out one block of draws after another (Quenouille 1956,
Tukey 1958; Efron & Stein 1981, doi:10.1214/aos/1176345462).

Whoever acts where :math:`P > C`, at cost :math:`C` of the loss that acting avoids, loses
:math:`\min(C, P)` as it is and :math:`\sum_o p_o \min(C, P_o)` knowing it; the difference is what
they should pay at most. Where :math:`P_o` lies at :math:`C` that estimate is too high and has no
smooth bias to take off, so what to do is decided from one half of the draws, and what that saves is
added up in the other half, both ways round: on average never too much.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

BLOCKS = 40
"""Blocks of consecutive draws, in all chains together."""

MILLIBITS = 1000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """What worth is computed from, block by block.

    Parameters
    ----------
    ways : ndarray (block, way)
        Weight of each way in each block.
    broken : ndarray (block, way)
        The same, times the chance of breakdown.
    """

    ways: np.ndarray
    broken: np.ndarray


def sums(ways: np.ndarray, chance: np.ndarray, weights: np.ndarray, *, chains: int) -> Sums:
    """Add up by blocks of consecutive draws, so that what is correlated stays together.

    Parameters
    ----------
    ways : ndarray (draw, continuation, way)
        Chance of each way along each path; they add up to one.
    chance : ndarray (draw, continuation)
        Of breakdown.
    weights : ndarray (draw, continuation)
        Together one.
    chains : int

    Returns
    -------
    Sums
    """
    weighed = ways * weights[..., None]
    own = weighed.sum(axis=1)
    broken = (weighed * chance[..., None]).sum(axis=1)
    draws = len(own)
    a_chain = draws // chains
    blocks = max(min(BLOCKS // chains, a_chain // 2), 1)
    starts = [
        chain * a_chain + (block * a_chain) // blocks
        for chain in range(chains)
        for block in range(blocks)
    ]
    return Sums(
        ways=np.add.reduceat(own, starts, axis=0), broken=np.add.reduceat(broken, starts, axis=0)
    )


def estimated(
    found: Sums, worth: Callable[[np.ndarray, np.ndarray], np.ndarray]
) -> dict[str, float]:
    """Estimate a worth, its bias taken off, with its Monte Carlo error.

    Parameters
    ----------
    found : Sums
    worth : callable
        Of chances of the ways and of breakdown in each, (..., way).

    Returns
    -------
    dict
        ``mean, mcse``. The mean may fall below zero, where there is nothing to learn.
    """
    whole = worth(*_chances(found.ways.sum(axis=0), found.broken.sum(axis=0)))
    count = len(found.ways)
    if count < 2:
        return {"mean": float(whole), "mcse": MILLIBITS}
    left = worth(
        *_chances(found.ways.sum(axis=0) - found.ways, found.broken.sum(axis=0) - found.broken)
    )
    mean = count * whole - (count - 1) * left.mean()
    error = np.sqrt((count - 1) / count * ((left - left.mean()) ** 2).sum())
    return {"mean": float(mean), "mcse": float(error)}


def _chances(ways: np.ndarray, broken: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Chance of each way, and of breakdown in it."""
    total = ways.sum(axis=-1, keepdims=True)
    inside = np.divide(broken, ways, out=np.zeros_like(broken), where=ways > 0.0)
    return ways / total, np.clip(inside, 0.0, 1.0)


def entropy(chance: np.ndarray) -> np.ndarray:
    """Expected loss of the logarithmic score, in bits.

    Examples
    --------
    >>> entropy(np.array([0.5, 1.0, 0.0])).tolist()
    [1.0, 0.0, 0.0]
    """
    held = np.clip(chance, 1e-300, 1.0)
    lost = np.clip(1.0 - chance, 1e-300, 1.0)
    return np.asarray(-chance * np.log2(held) - (1.0 - chance) * np.log2(lost))


def score_worth(ways: np.ndarray, broken: np.ndarray) -> np.ndarray:
    """Expected gain of the logarithmic score, in thousandths of a bit.

    Parameters
    ----------
    ways, broken : ndarray (..., way)
        Chance of each way, and of breakdown in it.
    """
    before = (ways * broken).sum(axis=-1)
    return np.asarray(MILLIBITS * (entropy(before) - (ways * entropy(broken)).sum(axis=-1)))


def decision_worth(found: Sums, cost_ratio: float) -> dict[str, float]:
    """Estimate the gain of a decision, as a share of the loss that acting avoids.

    Parameters
    ----------
    found : Sums
    cost_ratio : float
        Cost of acting over that loss; one acts where breakdown is likelier.

    Returns
    -------
    dict
        ``mean, mcse``. Zero where no way changes what to do.
    """
    # Decided from the other half of the blocks, every second one: halves are independent.
    halves = np.arange(len(found.ways)) % 2
    ways, broken = _chances(
        np.stack([found.ways[halves != half].sum(axis=0) for half in (0, 1)])[halves],
        np.stack([found.broken[halves != half].sum(axis=0) for half in (0, 1)])[halves],
    )
    acts_anyway = (ways * broken).sum(axis=-1, keepdims=True) > cost_ratio
    acts = np.where(ways > 0.0, broken > cost_ratio, acts_anyway)
    saved = np.where(acts_anyway, cost_ratio * found.ways, found.broken)
    saved = (saved - np.where(acts, cost_ratio * found.ways, found.broken)).sum(axis=-1)
    count = len(saved)
    error = np.sqrt(count) * saved.std(ddof=1) if count > 1 else 0.0
    return {"mean": float(saved.sum()), "mcse": float(error)}
