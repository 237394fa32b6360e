"""Scores of recorded forecasts as lines on a screen."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from durability.blocks import printable
from durability.case_outcomes import BEFORE, CENSORED, PENDING
from durability.ledger_scores import LedgerScores, ScoredHorizon, Told
from durability.wording import RUNG_NAMES, counted, listed, percent, table

COLUMNS = ("number", "case", "cutoff", "months", "to", "came to", "decided")


def score_lines(scores: LedgerScores) -> Iterator[str]:
    """Write every horizon with its score and the baseline's, and how little that says.

    Parameters
    ----------
    scores : LedgerScores

    Yields
    ------
    str
        One line.
    """
    for outcome in scores.outcomes:
        yield f"{printable(outcome.case)}: as {outcome.where} has it, covered until " + str(
            outcome.covered_until
        )
    yield ""
    yield f"{RUNG_NAMES[scores.rung]}, by the forecast and by a baseline: {scores.baseline}"
    yield ""
    titles = [*COLUMNS, "forecast", "Brier", "log", "baseline", "Brier", "log"]
    yield from table(titles, [_row(each) for each in scores.horizons])
    yield ""
    yield from _notes(scores.horizons)
    yield from _summary(scores)


def _row(each: ScoredHorizon) -> list[str]:
    early = "" if each.is_due or each.state == PENDING else ", not due"
    return [
        f"{each.number}{'' if each.passed else ' FAILED'}",
        str(printable(each.case))[:30],
        each.cutoff,
        str(each.months),
        each.end.isoformat(),
        f"{each.state}{early}",
        each.why,
        *_cells(each.forecast, ""),
        *_cells(each.baseline, "" if each.baseline_is_recorded else "*"),
    ]


def _cells(told: Told, mark: str) -> list[str]:
    scores = ["–" if math.isnan(s) else f"{s:.4f}" for s in (told.brier, told.logarithmic)]
    return [f"{percent(told.probability)}{mark}", *scores]


def _notes(horizons: Sequence[ScoredHorizon]) -> Iterator[str]:
    if any(not each.baseline_is_recorded for each in horizons):
        yield "* computed again from the inputs that the ledger keeps; it was not recorded."
    if any(each.state == PENDING for each in horizons):
        yield "pending: the horizon is not reached."
    if any(each.state == CENSORED for each in horizons):
        yield "censored: the horizon is reached, and nobody watched so long; it has no score."
    if any(each.state == BEFORE for each in horizons):
        yield "before: it had happened or been ruled out by the cutoff; nothing was to be forecast."
    if any(not each.is_due and each.state not in (PENDING, BEFORE) for each in horizons):
        yield (
            "not due: decided before its horizon is reached. It enters no mean yet: what breaks "
            "is known early, what holds is not, and a mean would see breakdowns alone."
        )
    if any(not each.passed for each in horizons):
        yield "FAILED: the fit had not passed its checks."


def _summary(scores: LedgerScores) -> Iterator[str]:
    horizons = scores.horizons
    counted_in = [each for each in horizons if each.counts]
    states = {
        "due and known": len(counted_in),
        "pending": sum(each.state == PENDING for each in horizons),
        "censored": sum(each.state == CENSORED for each in horizons),
        "decided early": sum(
            not each.is_due and each.state not in (PENDING, BEFORE) for each in horizons
        ),
        "decided before the cutoff": sum(each.state == BEFORE for each in horizons),
    }
    told = listed([f"{count} {state}" for state, count in states.items() if count])
    forecasts = len({each.number for each in horizons})
    cases = sorted({each.case for each in counted_in})
    yield (
        f"{counted(forecasts, 'forecast')}, {counted(len(horizons), 'horizon')}: {told or 'none'}."
    )
    for case in cases:
        yield _case_line(case, [each for each in counted_in if each.case == case])
    if not counted_in:
        yield "No horizon has come due and is known: there is nothing to judge yet."
        return
    yield (
        f"What is due comes from {counted(len(cases), 'case')}. Forecasts of one case overlap and "
        "share one outcome: these means describe what was said, and are no measure of skill."
    )


def _case_line(case: str, due: Sequence[ScoredHorizon]) -> str:
    def mean(of: Sequence[float]) -> str:
        return f"{sum(of) / len(of):.4f}"

    return (
        f"{printable(case)}: {counted(len(due), 'horizon')} due and known; mean Brier score "
        f"{mean([each.forecast.brier for each in due])}, the baseline's "
        f"{mean([each.baseline.brier for each in due])}; logarithmic "
        f"{mean([each.forecast.logarithmic for each in due])}, the baseline's "
        f"{mean([each.baseline.logarithmic for each in due])}."
    )
