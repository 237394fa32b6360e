"""Predictions of agreements by forecasters that were not shown what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np

from durability.agreements import Agreement
from durability.ladder import Spell
from durability.outcomes import happened_by
from durability.predictors import Predictor
from durability.vocabulary import RUNGS

By = Literal["cluster", "dyad", "agreement"]
GROUPS: Final = ("cluster", "dyad", "agreement")
YEARS: Final = (1.0, 5.0, 10.0)
"""Ages at which a rung's chances are scored unless others are asked for."""

BETWEEN: Final = (0.1, 0.2, 0.3, 0.5, 0.7)
"""Parts of the last age at which chances are needed too, for a score to be integrated."""


def with_between(years: Sequence[float]) -> tuple[float, ...]:
    """Add to horizons the ages between them by which a score is integrated.

    Parameters
    ----------
    years : sequence of float

    Returns
    -------
    tuple of float
        Rising.

    Examples
    --------
    >>> with_between((1.0, 5.0, 10.0))
    (1.0, 2.0, 3.0, 5.0, 7.0, 10.0)
    """
    last = max(years)
    return tuple(sorted({*map(float, years), *(round(last * part, 6) for part in BETWEEN)}))


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """What a forecaster said of agreements that it had not learned from, and what became of them.

    Parameters
    ----------
    name : str
        What the forecaster is called.
    by : str
        What was left out together: ``cluster``, ``dyad``, ``agreement``, or whatever a ``year``
        had not seen.
    years : tuple of float
        Ages at which chances were given.
    agreements, clusters : tuple of str
        Id and cluster of each.
    probability : ndarray (agreement, rung, horizon)
        Chance that the rung had happened by then, given that the agreement began.
    happened : ndarray (agreement, rung, horizon)
        1, 0, or ``nan`` where it is not known.
    spells : tuple of Spell
        What was seen of each.
    """

    name: str
    by: str
    years: tuple[float, ...]
    agreements: tuple[str, ...]
    clusters: tuple[str, ...]
    probability: np.ndarray
    happened: np.ndarray
    spells: tuple[Spell, ...]


def leave_out(
    predictor: Predictor,
    spells: Sequence[Spell],
    agreements: Sequence[Agreement],
    *,
    by: By = "cluster",
    years: Sequence[float] = YEARS,
    name: str = "",
) -> LeftOut:
    """Predict every agreement by a forecaster that has not seen its group.

    Parameters
    ----------
    predictor : Predictor
        Of :data:`durability.predictors.PREDICTORS`, or one of your own.
    spells : sequence of Spell
        What became of agreements, of :func:`durability.ladder.derive_spells`.
    agreements : sequence of Agreement
        Must hold those of the spells.
    by : {"cluster", "dyad", "agreement"}
        What is left out together. Agreements of one cluster share causes, and sometimes the very
        event: by agreement alone, a forecaster has seen it.
    years : sequence of float
        Ages, rising.
    name : str
        Default the function's.

    Returns
    -------
    LeftOut

    Raises
    ------
    ValueError
        There is no such group, fewer than two of them, or no agreement of a spell.

    Examples
    --------
    >>> from datetime import date
    >>> from durability.agreements import read_agreements
    >>> from durability.ladder import derive_spells
    >>> from durability.predictors import climatology
    >>> agreements = read_agreements()
    >>> spells = derive_spells(agreements, cutoff=date(2026, 6, 30))
    >>> leave_out(climatology, spells, agreements).probability.shape
    (66, 5, 3)
    """
    if by not in GROUPS:
        raise ValueError(f"by must be one of {', '.join(GROUPS)}, not {by!r}")
    rows = _rows_of(spells, agreements)
    groups = [group_of(row, by) for row in rows]
    if len(set(groups)) < 2:
        raise ValueError(f"all agreements are of one {by}: nothing is left to learn from")
    found = np.full((len(rows), len(RUNGS), len(years)), np.nan)
    for group in sorted(set(groups)):
        out = [place for place, each in enumerate(groups) if each == group]
        seen = [place for place, each in enumerate(groups) if each != group]
        found[out] = predictor(
            [spells[i] for i in seen], [rows[i] for i in seen], [rows[i] for i in out], years
        )
    told = name or getattr(predictor, "__name__", "forecaster")
    return left_out_of(found, spells, agreements, by=by, years=years, name=told)


def left_out_of(
    probability: Any,
    spells: Sequence[Spell],
    agreements: Sequence[Agreement],
    *,
    by: str,
    years: Sequence[float] = YEARS,
    name: str,
) -> LeftOut:
    """Take predictions that were computed elsewhere, to be scored beside others.

    Parameters
    ----------
    probability : array (agreement, rung, horizon)
        In the order of `spells`, of :data:`~durability.vocabulary.RUNGS` and of `years`.
    spells : sequence of Spell
    agreements : sequence of Agreement
    by : str
        What was left out together: a group of :func:`leave_out`, or ``year``.
    years : sequence of float
        As for :func:`leave_out`.
    name : str

    Returns
    -------
    LeftOut

    Raises
    ------
    ValueError
        The shape is another, a chance is none, or chances fall along horizons.
    """
    chances, rows = np.asarray(probability, dtype=float), _rows_of(spells, agreements)
    wanted = (len(rows), len(RUNGS), len(years))
    if chances.shape != wanted:
        raise ValueError(f"{name}: shape {chances.shape}, not (agreement, rung, horizon) {wanted}")
    if not ((chances >= 0.0) & (chances <= 1.0)).all():
        raise ValueError(f"{name}: every chance must be a number in [0, 1], none may be left out")
    if (np.diff(years) <= 0.0).any() or (np.diff(chances, axis=-1) < -1e-9).any():
        raise ValueError(f"{name}: horizons must rise, and chances not fall along them")
    return LeftOut(
        name=name,
        by=by,
        years=tuple(float(year) for year in years),
        agreements=tuple(row.id for row in rows),
        clusters=tuple(row.cluster for row in rows),
        probability=chances,
        happened=happened_by(spells, years),
        spells=tuple(spells),
    )


def stacked(
    left_outs: Sequence[LeftOut], weights: Sequence[float], *, name: str = "stacked"
) -> LeftOut:
    """Mix forecasters of the same agreements: the weighted mean of what each says.

    Parameters
    ----------
    left_outs : sequence of LeftOut
        For the same agreements, outcomes and horizons.
    weights : sequence of float
        One each, none below zero, adding up to one. They must not have been chosen on the outcomes
        that the mixture is then scored on.
    name : str

    Returns
    -------
    LeftOut

    Raises
    ------
    ValueError
        The weights are no weights, or the forecasters do not forecast the same.
    """
    shares = np.asarray(weights, dtype=float)
    if shares.shape != (len(left_outs),) or not left_outs:
        raise ValueError(f"{shares.size} weights for {len(left_outs)} forecasters")
    if not (shares >= 0.0).all() or abs(shares.sum() - 1.0) > 1e-6:
        raise ValueError("weights must not be below zero, and must add up to one")
    first = left_outs[0]
    for other in left_outs[1:]:
        if (other.by, other.years, other.spells) != (first.by, first.years, first.spells):
            raise ValueError(f"{other.name} and {first.name} do not forecast the same")
    mixed = sum(w * each.probability for w, each in zip(shares, left_outs, strict=True))
    return replace(first, name=name, probability=np.asarray(mixed))


def _rows_of(spells: Sequence[Spell], agreements: Sequence[Agreement]) -> list[Agreement]:
    by_id = {agreement.id: agreement for agreement in agreements}
    missing = [spell.agreement for spell in spells if spell.agreement not in by_id]
    if missing:
        raise ValueError(f"no agreement {', '.join(missing)}, of which there is a spell")
    return [by_id[spell.agreement] for spell in spells]


def group_of(agreement: Agreement, by: By) -> str:
    """Name the group of an agreement: its cluster, its dyad or itself."""
    return agreement.id if by == "agreement" else str(getattr(agreement, by))
