"""The table of scores: its means, its gains and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from test_predictors import history

from durability.censored_scores import ipcw_weights, score_by_age
from durability.leaving_out import LeftOut, leave_out, left_out_of
from durability.outcomes import is_watched, watched_rung
from durability.predictors import PREDICTORS
from durability.score_table import SCORES, prediction_lines, score_predictions
from durability.vocabulary import RUNGS

BREAKDOWN = RUNGS.index("breakdown")


@cache
def left(name: str) -> LeftOut:
    spells, rows = history()
    return leave_out(PREDICTORS[name], spells, rows, name=name)


def oracle(name: str = "oracle", *, blur: float = 0.05) -> LeftOut:
    """A forecaster who knows what became of every agreement, but for a blur."""
    spells, rows = history()
    known = np.nan_to_num(left("climatology").happened, nan=0.5)
    chances = np.maximum.accumulate(blur + (1.0 - 2.0 * blur) * known, axis=-1)
    return left_out_of(chances, spells, rows, by="agreement", name=name)


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("rung", ["force", "breakdown", "war"])
def test_a_mean_of_the_table_is_the_mean_under_censoring(score: str, rung: str) -> None:
    spells, _ = history()
    found = score_predictions([left("constant")], score=score, rungs=[rung])
    kept = is_watched(spells, rung)
    seen = watched_rung(spells, rung)
    chances = left("constant").probability[kept, RUNGS.index(rung)]
    wanted = score_by_age(ipcw_weights(seen, [1.0, 5.0, 10.0]), chances, SCORES[score])
    np.testing.assert_allclose([row.score.mean for row in found.rows], wanted)


def test_a_gain_is_the_difference_of_the_means() -> None:
    found = score_predictions([left("climatology"), left("ratings"), left("table")])
    by = {(row.name, row.years): row for row in found.rows}
    for years in (1.0, 5.0, 10.0):
        reference = by["climatology", years]
        assert reference.gain is None
        for name in ("ratings", "table"):
            row = by[name, years]
            assert row.gain is not None
            assert row.gain.mean == pytest.approx(reference.score.mean - row.score.mean)
            assert row.gain.low < row.gain.mean < row.gain.high


def test_one_who_knows_wins_detectably_and_one_who_guesses_does_not() -> None:
    spells, rows = history()
    guess = np.sort(np.random.default_rng(1).uniform(0.02, 0.98, (66, len(RUNGS), 3)), axis=-1)
    guesser = left_out_of(guess, spells, rows, by="cluster", name="guesser")
    found = score_predictions([left("climatology"), oracle(), guesser])
    late = {row.name: row for row in found.rows if row.years == 10.0}
    knowing, guessing = late["oracle"].gain, late["guesser"].gain
    assert knowing is not None
    assert guessing is not None
    assert knowing.low > 0.0
    assert knowing.mean > knowing.detectable
    assert guessing.mean < 0.0
    assert late["oracle"].auc == pytest.approx(1.0)
    assert late["oracle"].broke == 18


def test_the_table_takes_a_forecast_made_elsewhere_and_writes_it() -> None:
    table = score_predictions(
        [left("weibull"), oracle("the big model")],
        score="logarithmic",
        rungs=["breakdown", "fatal"],
    )
    lines = list(prediction_lines(table))
    assert len(lines) == 1 + 2 * 3 * 2 + 2
    assert "gain on weibull" in lines[0]
    assert "not detectable under" in lines[0]
    assert sum("the big model" in line for line in lines) == 6
    assert "30 clusters" in lines[-1]
    widths = {line.index("known") for line in lines[:1]}
    assert len(widths) == 1


def test_the_reference_is_the_first_or_the_one_named() -> None:
    pair = [left("constant"), left("weibull")]
    assert score_predictions(pair).reference == "constant"
    named = score_predictions(pair, reference="weibull")
    assert [row.gain is None for row in named.rows[:2]] == [False, True]


def test_forecasters_of_different_things_are_not_compared() -> None:
    spells, rows = history()
    fewer = leave_out(PREDICTORS["constant"], spells[:40], rows, name="fewer")
    other = replace(left("weibull"), years=(1.0, 5.0, 9.0))
    for bad in (fewer, other):
        with pytest.raises(ValueError, match="do not forecast the same"):
            score_predictions([left("constant"), bad])
    with pytest.raises(ValueError, match="a name of its own"):
        score_predictions([left("constant"), left("constant")])
    with pytest.raises(ValueError, match="'trend' is not one of"):
        score_predictions([left("constant")], reference="trend")
    with pytest.raises(ValueError, match="'spherical' is not one of"):
        score_predictions([left("constant")], score="spherical")
    with pytest.raises(ValueError, match="rungs must be of"):
        score_predictions([left("constant")], rungs=["peace"])


def test_an_impossible_that_happened_stops_the_mean() -> None:
    spells, rows = history()
    never = left_out_of(np.zeros((66, len(RUNGS), 3)), spells, rows, by="cluster", name="never")
    with pytest.raises(ValueError, match="what was called impossible happened"):
        score_predictions([left("constant"), never], score="logarithmic")
