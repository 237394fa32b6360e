"""What became of agreements, as far as it was watched, in the form that scores take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from durability.censored_scores import CENSORED, HAPPENED, RULED_OUT, Watched, status
from durability.ladder import Spell
from durability.vocabulary import DAYS_PER_YEAR, MARKS, RUNGS


def is_watched(spells: Sequence[Spell], rung: str) -> np.ndarray:
    """Whether a rung was watched for at all: ndarray of bool (agreement,).

    An agreement that began after the data of a rung end was not.
    """
    return np.array([_stop(spell, rung) > spell.entry_days for spell in spells], dtype=bool)


def watched_rung(spells: Sequence[Spell], rung: str) -> Watched:
    """Give what was seen of one rung, in years.

    An event known to an interval counts at its middle. A rung is ruled out where the agreement
    ended otherwise first: any rung but abrogation by an abrogation that ended it, abrogation by a
    war. Only rows of :func:`is_watched`.

    Parameters
    ----------
    spells : sequence of Spell
    rung : str

    Returns
    -------
    Watched

    Examples
    --------
    >>> from datetime import date
    >>> from durability.agreements import read_agreements
    >>> from durability.ladder import derive_spells
    >>> spells = derive_spells(read_agreements(), cutoff=date(2026, 6, 30))
    >>> seen = watched_rung(spells, "breakdown")
    >>> len(seen.stop), int((seen.ended == 1).sum())
    (66, 30)
    """
    kept = [s for s, seen in zip(spells, is_watched(spells, rung), strict=True) if seen]
    return Watched(
        entry=np.array([spell.entry_days for spell in kept]) / DAYS_PER_YEAR,
        stop=np.array([_stop(spell, rung) for spell in kept]) / DAYS_PER_YEAR,
        ended=np.array([_ended(spell, rung) for spell in kept], dtype=int),
        weight=np.array([spell.weight for spell in kept]),
    )


def happened_by(spells: Sequence[Spell], years: Any) -> np.ndarray:
    """Say whether each rung had happened by each horizon.

    Parameters
    ----------
    spells : sequence of Spell
    years : array (horizon,)

    Returns
    -------
    ndarray (agreement, rung, horizon)
        1, 0, or ``nan`` where it is not known; rungs as in
        :data:`~durability.vocabulary.RUNGS`.
    """
    at = np.asarray(years, dtype=float)
    found = np.full((len(spells), len(RUNGS), at.size), np.nan)
    for r, rung in enumerate(RUNGS):
        found[is_watched(spells, rung), r] = status(watched_rung(spells, rung), at)
    return found


def _stop(spell: Spell, rung: str) -> float:
    seen = spell.rung(rung)
    return (seen.stop_days + seen.event_end_days) / 2.0


def _ended(spell: Spell, rung: str) -> int:
    seen = spell.rung(rung)
    if seen.event:
        return HAPPENED
    # Where another end closed a rung, its watching stops on the day of that end and no other.
    if rung == "abrogation":
        other = spell.rung("war")
    elif rung in MARKS:
        other = spell.rung("abrogation")
    else:
        return CENSORED
    return RULED_OUT if other.event and other.stop_days == seen.stop_days else CENSORED
