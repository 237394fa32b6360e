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

from durability.censored_scores import (
    Score,
    Weights,
    auc_by_age,
    contributions,
    ipcw_weights,
)
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
    integrated : bool
        Whether the score is the mean over all ages from 0 to these years.
    known, broke : int
        Agreements whose outcome at the horizon is known, and that had it by then.
    score : MeanScore or None
        Mean score, lower is better; None where no outcome is known, or nobody was watched so long.
    auc : float
        How often the one that broke had the higher chance; ``nan`` where only one outcome was seen,
        and of an integrated score.
    gain : MeanScore or None
        How much lower the score is than the reference's; None for the reference itself, and where
        there is no score.
    """

    name: str
    by: str
    rung: str
    years: float
    integrated: bool
    known: int
    broke: int
    score: MeanScore | None
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
    ages : tuple of float
        By which scores are integrated; empty where none is.
    """

    score: str
    reference: str
    interval_probability: float
    ages: tuple[float, ...]
    rows: tuple[ScoreRow, ...]


def score_predictions(
    predictions: Sequence[LeftOut],
    *,
    reference: str = "",
    score: str = "brier",
    rungs: Sequence[str] = ("breakdown",),
    years: Sequence[float] = (),
    integrated: bool = False,
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
    years : sequence of float
        Horizons that have a row, of those that are forecast; all if empty.
    integrated : bool
        Whether each rung also has the mean score over all ages from 0, where every score is 0, to
        the last horizon to which anybody was watched, by the trapezoid rule on the horizons that
        are forecast: for the Brier score the integrated one, which approximates the censored CRPS
        of the time, a year.
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
    _check(predictions, names, reference, score, rungs, years)
    ages = predictions[0].years
    places: list[int | None] = [ages.index(each) for each in years or ages]
    if integrated:
        places.append(None)
    rows = [
        row
        for rung in rungs
        for place in places
        for row in _rows(
            predictions, names.index(reference), rung, place, SCORES[score], interval_probability
        )
    ]
    return ScoreTable(
        score=score,
        reference=reference,
        interval_probability=interval_probability,
        ages=ages if integrated else (),
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
    found = [row.score for row in table_of.rows if row.score is not None]
    if not found:
        yield "No outcome is known so long: there is nothing to score."
        return
    worth = sorted({round(each.worth, 1) for each in found})
    clusters = max(each.clusters for each in found)
    spread = f"{worth[0]:g}" if len(worth) == 1 else f"{worth[0]:g} to {worth[-1]:g}"
    yield (
        f"Lower scores are better. Intervals are between {counted(clusters, 'cluster')}, which are "
        f"worth {spread} equal ones; a gain under the last column would go unseen more often than "
        f"one time in five."
    )
    if table_of.ages:
        ages = ", ".join(number(age) for age in table_of.ages)
        yield (
            f"From 0 on: the mean over all ages between, by the trapezoid rule on 0, {ages}, as "
            "far as anybody was watched."
        )


def _check(
    predictions: Sequence[LeftOut],
    names: Sequence[str],
    reference: str,
    score: str,
    rungs: Sequence[str],
    years: Sequence[float],
) -> None:
    if not predictions or len(set(names)) < len(names):
        raise ValueError("one or more forecasters are needed, each with a name of its own")
    for found, known in ((reference, names), (score, list(SCORES))):
        if found not in known:
            raise ValueError(f"{found!r} is not one of {', '.join(known)}")
    if not set(rungs) <= set(RUNGS):
        raise ValueError(f"rungs must be of {', '.join(RUNGS)}")
    first = predictions[0]
    if not set(years) <= set(first.years):
        raise ValueError(f"years must be of {', '.join(number(each) for each in first.years)}")
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
    place: int | None,
    score: Score,
    interval_probability: float,
) -> Iterator[ScoreRow]:
    """Score every forecaster of one rung, at one horizon or, with no place, over all of them."""
    first = predictions[0]
    kept, r = is_watched(first.spells, rung), RUNGS.index(rung)
    seen = watched_rung(first.spells, rung)
    ages, places = np.asarray(first.years), np.arange(len(first.years))
    if place is not None:
        ages, places = ages[place : place + 1], places[place : place + 1]
    weights = ipcw_weights(seen, ages)
    scored = _scored(weights)
    if place is None:
        # To the last age to which anybody was watched.
        to = np.flatnonzero(scored).max(initial=-1) + 1
        ages, places = ages[:to], places[:to]
        weights, scored = ipcw_weights(seen, ages), scored[:to]
    if not scored.any():
        at = -1 if place is None else place
        for each in predictions:
            yield _unknown(each, rung, first.years[at], integrated=place is None)
        return
    clusters = [c for c, keep in zip(first.clusters, kept, strict=True) if keep]
    last = first.happened[kept, r, places[-1]]
    forecasts = [each.probability[kept, r][:, places] for each in predictions]
    rows = [_row_scores(weights, each, ages, score, place is None) for each in forecasts]
    entered = weights.entered[:, 0]
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
            years=float(ages[-1]),
            integrated=place is None,
            known=int((~np.isnan(last)).sum()),
            broke=int((last == 1.0).sum()),
            score=mean_score(
                scores, clusters, weight=entered, interval_probability=interval_probability
            ),
            auc=np.nan if place is None else float(auc_by_age(weights, forecast)[0]),
            gain=gain,
        )


def _scored(weights: Weights) -> np.ndarray:
    """Whether there is a score at each age: somebody had entered, and was watched so long."""
    hopeless = np.isnan(weights.happened).any(axis=0)
    return np.asarray(~hopeless & (weights.entered > 0.0).any(axis=0))


def _unknown(each: LeftOut, rung: str, years: float, *, integrated: bool) -> ScoreRow:
    return ScoreRow(
        name=each.name,
        by=each.by,
        rung=rung,
        years=years,
        integrated=integrated,
        known=0,
        broke=0,
        score=None,
        auc=np.nan,
        gain=None,
    )


def _row_scores(
    weights: Weights, forecast: np.ndarray, ages: np.ndarray, score: Score, integrated: bool
) -> np.ndarray:
    """Give what a row adds to the mean, as a score of its own: their weighted mean is the mean."""
    entered = weights.entered
    if integrated and (entered != entered[:, :1]).any():
        raise ValueError("some were watched from later than the first horizon on: no integral")
    missing = np.full(entered.shape, np.nan)
    by_age = np.divide(
        contributions(weights, forecast, score), entered, out=missing, where=entered > 0.0
    )
    if not integrated:
        return np.asarray(by_age[:, 0])
    # At age 0 nothing has happened, nobody says it had, and every score is 0.
    ages = np.concatenate([[0.0], ages])
    return np.asarray(np.trapezoid(np.insert(by_age, 0, 0.0, axis=1), ages) / ages[-1])


def _span(years: float) -> str:
    return f"0–{number(years)}"


def _cells(row: ScoreRow) -> list[str]:
    gain = row.gain
    return [
        row.rung,
        _span(row.years) if row.integrated else number(row.years),
        row.name,
        str(row.known),
        str(row.broke),
        "–" if row.score is None else f"{row.score.mean:.4f}",
        "–" if row.score is None else f"{max(row.score.low, 0.0):.4f} to {row.score.high:.4f}",
        "–" if np.isnan(row.auc) else f"{row.auc:.2f}",
        "" if gain is None else f"{gain.mean:+.4f}".replace("-", MINUS),
        "" if gain is None else _range(gain),
        "" if gain is None else f"{gain.detectable:.4f}",
    ]


def _range(found: MeanScore) -> str:
    return f"{found.low:.4f} to {found.high:.4f}".replace("-", MINUS)
