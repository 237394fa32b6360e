"""Forecasters beside each other: mean scores under censoring, and how sure their differences are.

One table for baselines and for any forecast computed elsewhere
(:func:`durability.leaving_out.left_out_of`). Outcomes that were not watched to a horizon are stood
for by those that were (:func:`~durability.censored_scores.ipcw_weights`); intervals are between
clusters (:mod:`durability.skill`) and take these weights as known.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np

from durability.censored_scores import Score, auc_by_age, contributions, ipcw_weights
from durability.leaving_out import LeftOut
from durability.outcomes import is_watched, watched_rung
from durability.scores import brier, logarithmic
from durability.skill import MeanScore, mean_score, score_gain
from durability.vocabulary import RUNGS
from durability.wording import MINUS, counted, number, table

SCORES: Final = MappingProxyType({"brier": brier, "logarithmic": logarithmic})
"""Scores of the table by their names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreRow:
    """One forecaster, rung and horizon.

    Parameters
    ----------
    name, by, rung : str
    years : float
    known, broke : int
        Agreements whose outcome at the horizon is known, and that had it by then.
    score : MeanScore
        Mean score, lower is better.
    auc : float
        How often the one that broke had the higher chance; ``nan`` where only one outcome was seen.
    gain : MeanScore or None
        How much lower the score is than the reference's; None for the reference itself.
    """

    name: str
    by: str
    rung: str
    years: float
    known: int
    broke: int
    score: MeanScore
    auc: float
    gain: MeanScore | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreTable:
    """Forecasters beside a reference.

    Parameters
    ----------
    score, reference : str
    interval_probability : float
    rows : tuple of ScoreRow
        Rung by rung and horizon by horizon, forecasters in the order given.
    """

    score: str
    reference: str
    interval_probability: float
    rows: tuple[ScoreRow, ...]


def score_predictions(
    predictions: Sequence[LeftOut],
    *,
    reference: str = "",
    score: str = "brier",
    rungs: Sequence[str] = ("breakdown",),
    interval_probability: float = 0.9,
) -> ScoreTable:
    """Score forecasters of the same agreements, each beside a reference.

    Parameters
    ----------
    predictions : sequence of LeftOut
        Of :func:`leave_out` and :func:`~durability.leaving_out.left_out_of`, for the same
        agreements, outcomes and horizons.
    reference : str
        Name of the forecaster to beat; default the first.
    score : {"brier", "logarithmic"}
    rungs : sequence of str
    interval_probability : float

    Returns
    -------
    ScoreTable

    Raises
    ------
    ValueError
        They do not forecast the same, a name stands twice, or something of that name is not there.
    """
    names = [each.name for each in predictions]
    reference = reference or (names[0] if names else "")
    _check(predictions, names, reference, score, rungs)
    rows = [
        row
        for rung in rungs
        for place in range(len(predictions[0].years))
        for row in _rows(
            predictions, names.index(reference), rung, place, SCORES[score], interval_probability
        )
    ]
    return ScoreTable(
        score=score,
        reference=reference,
        interval_probability=interval_probability,
        rows=tuple(rows),
    )


def prediction_lines(table_of: ScoreTable) -> Iterator[str]:
    """Write a table of scores, and what it cannot tell.

    Parameters
    ----------
    table_of : ScoreTable

    Yields
    ------
    str
        One line.
    """
    share = f"{100 * table_of.interval_probability:.0f}%"
    titles = ["rung", "years", "forecaster", "known", "broke", f"{table_of.score} score", share]
    titles += ["AUC", f"gain on {table_of.reference}", share, "not detectable under"]
    yield from table(titles, [_cells(row) for row in table_of.rows])
    yield ""
    worth = sorted({round(row.score.worth, 1) for row in table_of.rows})
    clusters = max(row.score.clusters for row in table_of.rows)
    spread = f"{worth[0]:g}" if len(worth) == 1 else f"{worth[0]:g} to {worth[-1]:g}"
    yield (
        f"Lower scores are better. Intervals are between {counted(clusters, 'cluster')}, which are "
        f"worth {spread} equal ones; a gain under the last column would go unseen more often than "
        f"one time in five."
    )


def _check(
    predictions: Sequence[LeftOut],
    names: Sequence[str],
    reference: str,
    score: str,
    rungs: Sequence[str],
) -> None:
    if not predictions or len(set(names)) < len(names):
        raise ValueError("one or more forecasters are needed, each with a name of its own")
    for found, known in ((reference, names), (score, list(SCORES))):
        if found not in known:
            raise ValueError(f"{found!r} is not one of {', '.join(known)}")
    if not set(rungs) <= set(RUNGS):
        raise ValueError(f"rungs must be of {', '.join(RUNGS)}")
    first = predictions[0]
    for other in predictions[1:]:
        if (other.years, other.spells, other.clusters) != (
            first.years,
            first.spells,
            first.clusters,
        ):
            raise ValueError(f"{other.name} and {first.name} do not forecast the same")


def _rows(
    predictions: Sequence[LeftOut],
    reference: int,
    rung: str,
    place: int,
    score: Score,
    interval_probability: float,
) -> Iterator[ScoreRow]:
    """Score every forecaster at one rung and horizon."""
    first = predictions[0]
    kept, r = is_watched(first.spells, rung), RUNGS.index(rung)
    seen = watched_rung(first.spells, rung)
    weights = ipcw_weights(seen, first.years[place : place + 1])
    entered = weights.entered[:, 0]
    clusters = [c for c, keep in zip(first.clusters, kept, strict=True) if keep]
    happened = first.happened[kept, r, place]
    forecasts = [each.probability[kept, r, place : place + 1] for each in predictions]
    # What a row adds to the mean, made a score of the row's own: their weighted mean is the mean.
    rows = [contributions(weights, each, score)[:, 0] / entered for each in forecasts]
    for each, forecast, scores in zip(predictions, forecasts, rows, strict=True):
        gain = None
        if each is not predictions[reference]:
            gain = score_gain(
                rows[reference],
                scores,
                clusters,
                weight=entered,
                interval_probability=interval_probability,
            )
        yield ScoreRow(
            name=each.name,
            by=each.by,
            rung=rung,
            years=first.years[place],
            known=int((~np.isnan(happened)).sum()),
            broke=int((happened == 1.0).sum()),
            score=mean_score(
                scores, clusters, weight=entered, interval_probability=interval_probability
            ),
            auc=float(auc_by_age(weights, forecast)[0]),
            gain=gain,
        )


def _cells(row: ScoreRow) -> list[str]:
    gain = row.gain
    return [
        row.rung,
        number(row.years),
        row.name,
        str(row.known),
        str(row.broke),
        f"{row.score.mean:.4f}",
        f"{max(row.score.low, 0.0):.4f} to {row.score.high:.4f}",
        "–" if np.isnan(row.auc) else f"{row.auc:.2f}",
        "" if gain is None else f"{gain.mean:+.4f}".replace("-", MINUS),
        "" if gain is None else _range(gain),
        "" if gain is None else f"{gain.detectable:.4f}",
    ]


def _range(found: MeanScore) -> str:
    return f"{found.low:.4f} to {found.high:.4f}".replace("-", MINUS)
