"""The table of scores: its means, its gains and what it refuses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from test_predictors import history

from durability.censored_scores import HAPPENED, ipcw_weights, score_by_age
from durability.leaving_out import LeftOut, leave_out, left_out_of
from durability.outcomes import is_watched, watched_rung
from durability.predictors import PREDICTORS
from durability.score_table import SCORES, prediction_lines, score_predictions
from durability.scores import crps_curve
from durability.vocabulary import DAYS_PER_YEAR, RUNGS

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


AGES = (1.0, 2.0, 3.0, 5.0, 7.0, 10.0)


def at_ages(name: str, ages: Sequence[float] = AGES) -> LeftOut:
    spells, rows = history()
    return leave_out(PREDICTORS[name], spells, rows, years=ages, name=name)


@pytest.mark.parametrize("score", SCORES)
def test_the_integrated_score_is_the_area_under_the_scores_by_age(score: str) -> None:
    pair = [at_ages("climatology"), at_ages("ratings")]
    every = score_predictions(pair, score=score)
    found = score_predictions(pair, score=score, years=(5.0,), integrated=True)
    assert [(row.years, row.integrated) for row in found.rows] == [(5.0, False)] * 2 + [
        (10.0, True)
    ] * 2
    for row in found.rows[2:]:
        means = [each.score.mean for each in every.rows if each.name == row.name]
        area = np.trapezoid([0.0, *means], [0.0, *AGES]) / 10.0
        assert row.score.mean == pytest.approx(area)
        assert np.isnan(row.auc)
        assert (row.known, row.broke) == (62, 18)
    first, second = found.rows[2:]
    assert second.gain is not None
    assert second.gain.mean == pytest.approx(first.score.mean - second.score.mean)
    assert second.gain.low < second.gain.mean < second.gain.high


def test_the_integrated_brier_score_is_the_crps_of_the_time_where_all_is_known() -> None:
    """The other formula goes over the times themselves, and knows nothing of weights."""
    spells, rows = history()
    known = ~np.isnan(left("weibull").happened[:, BREAKDOWN, -1])
    kept = [spell for spell, keep in zip(spells, known, strict=True) if keep]
    ages = np.linspace(0.0, 10.0, 1001)[1:]
    said = 1.0 - np.exp(-np.linspace(0.02, 0.3, len(kept))[:, None] * ages)
    chances = np.repeat(said[:, None], len(RUNGS), axis=1)
    made = left_out_of(chances, kept, rows, by="cluster", years=ages, name="made")
    (row,) = score_predictions([made], years=(10.0,), integrated=True).rows[1:]
    seen = watched_rung(kept, "breakdown")
    times = np.where(seen.ended == HAPPENED, seen.stop, np.inf)
    curves = np.insert(said, 0, 0.0, axis=1)
    wanted = crps_curve(times, np.insert(ages, 0, 0.0), curves, limit=10.0)
    mean = np.average(wanted, weights=seen.weight)
    assert row.score.mean == pytest.approx(mean / 10.0, rel=2e-3)


def test_an_integrated_row_says_over_which_ages() -> None:
    table = score_predictions([at_ages("constant")], years=(1.0, 10.0), integrated=True)
    lines = list(prediction_lines(table))
    assert [line.split()[1] for line in lines[1:4]] == ["1", "10", "0–10"]
    assert "by the trapezoid rule on 0, 1, 2, 3, 5, 7, 10, as far as" in lines[-1]


def test_there_is_no_integral_where_some_were_watched_from_later_on() -> None:
    spells, rows = history()
    days = 2.0 * DAYS_PER_YEAR
    late = [
        replace(spell, entry_days=days) if spell.rung("breakdown").stop_days > days else spell
        for spell in spells
    ]
    made = leave_out(PREDICTORS["constant"], late, rows, years=AGES, name="late")
    with pytest.raises(ValueError, match="watched from later than the first horizon"):
        score_predictions([made], integrated=True)


def test_a_horizon_to_which_nobody_was_watched_has_no_score() -> None:
    ages = (1.0, 5.0, 200.0)
    found = score_predictions(
        [at_ages("constant", ages), at_ages("weibull", ages)], integrated=True
    )
    told = {(row.name, row.years, row.integrated): row for row in found.rows}
    assert set(told) == {
        (name, years, integrated)
        for name in ("constant", "weibull")
        for years, integrated in ((1.0, False), (5.0, False), (200.0, False), (5.0, True))
    }
    row = told["weibull", 200.0, False]
    assert (row.score, row.gain, row.known) == (None, None, 0)
    sooner = score_predictions([at_ages("weibull", (1.0, 5.0))], integrated=True).rows[-1]
    assert told["weibull", 5.0, True].score == sooner.score
    lines = list(prediction_lines(found))
    assert any(line.split()[1:7] == ["200", "weibull", "0", "0", "–", "–"] for line in lines)
    alone = score_predictions([at_ages("constant", (200.0,))], integrated=True)
    assert list(prediction_lines(alone))[-1] == (
        "No outcome is known so long: there is nothing to score."
    )


def test_only_horizons_that_were_forecast_have_a_row() -> None:
    with pytest.raises(ValueError, match="years must be of 1, 5, 10"):
        score_predictions([left("constant")], years=(2.0,))


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
