"""Scores under censoring: against outcomes seen whole, printed numbers, and other libraries."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from durability.censored_scores import (
    CENSORED,
    HAPPENED,
    RULED_OUT,
    Watched,
    auc_by_age,
    chance_since,
    contributions,
    integrated_score,
    ipcw_weights,
    model_weights,
    score_by_age,
    status,
    watch,
    watched_to,
)
from durability.scores import brier, logarithmic

AGES = np.array([0.5, 1.0, 2.0, 4.0, 7.0, 10.0])


def example() -> tuple[Watched, np.ndarray]:
    """Give 40 rows, 12 of them censored, and forecasts that are good for something."""
    rng = np.random.default_rng(7)
    time, limit = rng.weibull(0.7, 40) * 9.0, rng.uniform(1.0, 15.0, 40)
    scale = np.exp(rng.normal(0.0, 0.4, 40))[:, None]
    forecast = 1.0 - np.exp(-((AGES / 8.0) ** 0.6) * scale)
    return watch(np.minimum(time, limit).round(3), (time <= limit).astype(int)), forecast


def simulated(
    n: int, seed: int, *, truncated: bool = False
) -> tuple[Watched, Watched, np.ndarray, np.ndarray]:
    """Draw rows of two kinds, and their ends as they were seen and as they were in truth.

    Returns
    -------
    seen, whole : Watched
    truth, poor : ndarray (row, age)
        Forecasts given none by the entry: the law that made them, and one that knows no kinds.
    """
    rng = np.random.default_rng(seed)
    rate = np.where(rng.uniform(size=n) < 0.3, 0.25, 0.05)
    entry = rng.uniform(0.0, 3.0, n) if truncated else np.zeros(n)
    time = entry + rng.exponential(1.0 / rate)
    limit = entry + rng.uniform(0.2, 14.0, n)
    seen = watch(np.minimum(time, limit), np.where(time <= limit, HAPPENED, CENSORED), entry=entry)
    whole = watch(time, np.full(n, HAPPENED), entry=entry)
    passed = np.maximum(AGES - entry[:, None], 0.0)
    truth = -np.expm1(-rate[:, None] * passed)
    return seen, whole, truth, -np.expm1(-0.11 * passed)


# ---- what was seen ------------------------------------------------------------------------------


def test_what_is_known_of_an_outcome_by_hand() -> None:
    seen = watch([2.0, 5.0, 3.0, 6.0], [1, 0, 2, 0], entry=[0.0, 0.0, 0.0, 4.0])
    found = status(seen, [2.0, 4.0, 5.0, 5.5])
    wanted = [[1, 1, 1, 1], [0, 0, 0, np.nan], [0, 0, 0, 0], [np.nan, np.nan, 0, 0]]
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"entry": [0.0, 5.0]}, "watched for some time"),
        ({"stop": [2.0, np.inf]}, "not for ever"),
        ({"stop": [2.0, np.nan]}, "watched for some time"),
        ({"ended": [1, 3]}, "ended must be 0"),
        ({"weight": [1.0, 0.0]}, "above 0"),
        ({"ended": [1]}, "one length"),
    ],
)
def test_what_cannot_have_been_seen_is_refused(change: dict[str, Any], said: str) -> None:
    told = {"stop": [2.0, 5.0], "ended": [1, 0], "entry": [0.0, 1.0], "weight": [1.0, 1.0]}
    with pytest.raises(ValueError, match=said):
        watch(**(told | change))


def test_the_chance_of_being_watched_is_kaplan_meiers_with_delayed_entry() -> None:
    seen = watch([1.0, 2.0, 2.0, 3.0, 5.0], [1, 0, 1, 0, 0], entry=[0.0, 0.0, 1.5, 0.0, 2.5])
    # At 2: of those there (2.0 censored and 3.0; the event at 2.0 came first), one left of two.
    # At 3: 3.0 and 5.0, which entered at 2.5: one of two. At 5: the last.
    np.testing.assert_allclose(
        watched_to(seen, [2.0, 2.1, 3.0, 4.0, 5.0, 6.0]), [1, 0.5, 0.5, 0.25, 0.25, 0]
    )
    after = watched_to(seen, [2.0, 3.0, 5.0], before=False)
    np.testing.assert_allclose(after, [0.5, 0.25, 0.0])


def test_rows_of_weight_one_third_three_times_are_one_row() -> None:
    stop, ended = np.array([1.0, 2.0, 3.0, 4.0]), np.array([1, 0, 2, 0])
    split = watch(np.repeat(stop, 3), np.repeat(ended, 3), weight=1.0 / 3.0)
    forecast = np.array([[0.1], [0.3], [0.5], [0.2]])
    for ages in ([1.5], [2.5], [3.9]):
        one = ipcw_weights(watch(stop, ended), ages)
        three = ipcw_weights(split, ages)
        thirds = np.repeat(forecast, 3, axis=0)
        np.testing.assert_allclose(score_by_age(one, forecast), score_by_age(three, thirds))


# ---- closed forms -------------------------------------------------------------------------------


def test_without_censoring_the_mean_is_the_plain_one() -> None:
    _, whole, truth, _ = simulated(200, 1)
    weights = ipcw_weights(whole, AGES)
    for score in (brier, logarithmic):
        plain = score(status(whole, AGES), truth).mean(0)
        np.testing.assert_allclose(score_by_age(weights, truth, score), plain)


def test_a_mean_under_censoring_by_hand() -> None:
    seen = watch([1.0, 2.0, 3.0, 4.0], [1, 0, 2, 0])
    weights = ipcw_weights(seen, [3.5])
    # One censored of the three there at 2: what comes later stands for 3/2.
    np.testing.assert_allclose(weights.happened[:, 0], [1.0, 0.0, 0.0, 0.0])
    np.testing.assert_allclose(weights.held[:, 0], [0.0, 0.0, 1.5, 1.5])
    found = score_by_age(weights, [[0.4], [0.9], [0.2], [0.6]])
    assert found[0] == pytest.approx((0.36 + 1.5 * (0.04 + 0.36)) / 4.0)


def test_a_horizon_to_which_nobody_could_be_watched_has_no_score() -> None:
    seen = watch([1.0, 2.0, 3.0], [1, 0, 0])
    weights = ipcw_weights(seen, [2.5, 3.0, 3.5])
    found = score_by_age(weights, np.full((3, 3), 0.3))
    np.testing.assert_array_equal(np.isnan(found), [False, False, True])
    assert np.isnan(auc_by_age(weights, np.full((3, 3), 0.3))[2])


def test_a_row_counts_only_where_it_had_entered() -> None:
    seen = watch([3.0, 9.0], [1, 0], entry=[0.0, 5.0])
    weights = ipcw_weights(seen, [4.0, 6.0])
    np.testing.assert_array_equal(weights.entered, [[1.0, 1.0], [0.0, 1.0]])
    found = score_by_age(weights, [[0.7, 0.7], [0.1, 0.1]])
    np.testing.assert_allclose(found, [0.09, (0.09 + 0.01) / 2.0])


def test_the_area_under_the_curve_by_hand_with_ties_and_weights() -> None:
    seen = watch([1.0, 2.0, 5.0, 5.0], [1, 1, 0, 0], weight=[1.0, 2.0, 1.0, 3.0])
    found = auc_by_age(ipcw_weights(seen, [3.0]), [[0.5], [0.2], [0.5], [0.1]])
    # Pairs: (0.5, 0.5) half of 1·1, (0.5, 0.1) 1·3, (0.2, 0.5) none of 2·1, (0.2, 0.1) 2·3.
    assert found[0] == pytest.approx((0.5 + 3.0 + 0.0 + 6.0) / (3.0 * 4.0))


def test_a_rising_function_of_the_chances_has_the_same_area() -> None:
    seen, forecast = example()
    weights = ipcw_weights(seen, AGES)
    np.testing.assert_allclose(auc_by_age(weights, forecast**3), auc_by_age(weights, forecast))


def test_a_constant_chance_is_worth_its_own_uncertainty() -> None:
    seen, _ = example()
    found = score_by_age(ipcw_weights(seen, AGES), np.full((40, 6), 0.5))
    assert found[0] == pytest.approx(0.25)  # nobody is censored so early
    np.testing.assert_allclose(auc_by_age(ipcw_weights(seen, AGES), np.full((40, 6), 0.3)), 0.5)


def test_the_integrated_score_is_the_mean_height_of_the_curve() -> None:
    seen, forecast = example()
    weights = ipcw_weights(seen, AGES)
    heights = score_by_age(weights, forecast)
    by_hand = sum(
        (b - a) * (x + y) / 2
        for a, b, x, y in zip(AGES, AGES[1:], heights, heights[1:], strict=False)
    )
    assert integrated_score(weights, forecast, AGES) == pytest.approx(by_hand / 9.5)
    with pytest.raises(ValueError, match="two or more rising ages"):
        integrated_score(weights, forecast, AGES[::-1])


# ---- other libraries ----------------------------------------------------------------------------


def test_numbers_are_those_that_scikit_survival_0_28_printed() -> None:
    """Of brier_score, integrated_brier_score and cumulative_dynamic_auc, on the same rows."""
    seen, forecast = example()
    weights = ipcw_weights(seen, AGES)
    np.testing.assert_allclose(score_by_age(weights, forecast), SURVIVAL_BRIER, atol=5e-9)
    assert integrated_score(weights, forecast, AGES) == pytest.approx(0.18315033974234796)
    np.testing.assert_allclose(auc_by_age(weights, forecast), SURVIVAL_AUC, atol=5e-9)


SURVIVAL_BRIER = [0.09743793, 0.1199833, 0.18026553, 0.20259284, 0.20313993, 0.15952073]
SURVIVAL_AUC = [0.85142857, 0.80392157, 0.79166667, 0.80925902, 0.76694143, 0.72732665]


def test_the_chance_of_being_watched_equals_lifelines() -> None:
    lifelines = pytest.importorskip("lifelines")
    seen, _, _, _ = simulated(60, 11, truncated=True)
    curve = lifelines.KaplanMeierFitter().fit(seen.stop, seen.ended == CENSORED, entry=seen.entry)
    wanted = curve.survival_function_at_times(AGES).to_numpy()
    np.testing.assert_allclose(watched_to(seen, AGES, before=False), wanted)


# ---- truth --------------------------------------------------------------------------------------


@pytest.mark.parametrize("truncated", [False, True])
def test_the_mean_under_censoring_is_that_of_outcomes_seen_whole(truncated: bool) -> None:
    """Whatever the forecast, over many worlds of 120 rows of which half are censored."""
    gaps: dict[str, list[np.ndarray]] = {"truth": [], "poor": [], "area": []}
    for seed in range(200):
        seen, whole, truth, poor = simulated(120, 1000 + seed, truncated=truncated)
        part, every = ipcw_weights(seen, AGES), ipcw_weights(whole, AGES)
        for name, forecast in (("truth", truth), ("poor", poor)):
            gaps[name].append(score_by_age(part, forecast) - score_by_age(every, forecast))
        # Before the second year a small world may have nobody who broke down.
        gaps["area"].append((auc_by_age(part, truth) - auc_by_age(every, truth))[2:])
    for name, found in gaps.items():
        mean = np.mean(found, axis=0)
        error = np.std(found, axis=0) / np.sqrt(len(found))
        assert (np.abs(mean) < 3.5 * error + (2e-3 if name != "area" else 8e-3)).all(), name


def test_leaving_censored_rows_out_would_be_biased() -> None:
    """What the weights are for: known outcomes alone hold too many breakdowns."""
    seen, whole, _, _ = simulated(4000, 3)
    known = status(seen, AGES)
    alone, every = np.nanmean(known, axis=0)[-1], status(whole, AGES).mean(0)[-1]
    weighed = ipcw_weights(seen, AGES).happened.sum(0)[-1] / 4000.0
    assert alone > every + 0.05
    assert weighed == pytest.approx(every, abs=0.03)


@pytest.mark.parametrize("score", [brier, logarithmic])
def test_the_true_forecast_beats_others_under_censoring(score: Any) -> None:
    seen, _, truth, poor = simulated(6000, 4, truncated=True)
    weights = ipcw_weights(seen, AGES[2:])
    honest = contributions(weights, truth[:, 2:], score)
    for other in (poor, np.clip(1.3 * truth, 0.0, 1.0), 0.7 * truth, truth**1.3):
        chances = np.clip(other[:, 2:], 1e-9, 1.0 - 1e-9)
        worse = (contributions(weights, chances, score) - honest).sum(1)
        assert worse.mean() > 2.5 * worse.std() / np.sqrt(worse.size)


# ---- weights from a forecast --------------------------------------------------------------------


def test_chances_since_censoring_by_hand() -> None:
    found = chance_since([[0.2, 0.5, 0.9]], [0.4], [0.1])
    np.testing.assert_allclose(found, [[0.0, 0.2, 1.0]])


def test_a_censored_row_counts_by_the_chance_that_is_given_it() -> None:
    seen = watch([1.0, 2.0, 4.0], [1, 0, 0])
    weights = model_weights(seen, [3.0], [[np.nan], [0.25], [np.nan]])
    np.testing.assert_allclose(weights.happened[:, 0], [1.0, 0.25, 0.0])
    found = score_by_age(weights, [[0.6], [0.5], [0.2]])
    assert found[0] == pytest.approx((0.16 + 0.25 + 0.04) / 3.0)
    with pytest.raises(ValueError, match="chance since censoring"):
        model_weights(seen, [3.0], [[0.1], [1.5], [0.1]])


def test_true_chances_since_censoring_give_the_mean_of_outcomes_seen_whole() -> None:
    seen, whole, truth, poor = simulated(20_000, 8)
    at_stop = 1.0 - np.exp(-_rates(truth) * seen.stop)
    weights = model_weights(seen, AGES, chance_since(truth, at_stop))
    for forecast in (truth, poor):
        part, every = (
            score_by_age(weights, forecast),
            score_by_age(ipcw_weights(whole, AGES), forecast),
        )
        np.testing.assert_allclose(part, every, atol=0.006)


def test_with_ones_own_chances_a_liar_wins() -> None:
    """Stated of model_weights: such scores are not proper, so they may not rank."""
    rng = np.random.default_rng(9)
    time, limit = rng.exponential(10.0, 5000), rng.uniform(0.0, 2.0, 5000)
    seen = watch(np.minimum(time, limit), (time <= limit).astype(int))

    def mean(rate: float) -> float:
        forecast = np.full((5000, 1), -np.expm1(-5.0 * rate))
        own = chance_since(forecast, -np.expm1(-rate * seen.stop))
        return float(score_by_age(model_weights(seen, [5.0], own), forecast)[0])

    assert mean(0.02) < mean(0.1) - 0.05


def _rates(truth: np.ndarray) -> np.ndarray:
    return np.asarray(-np.log1p(-truth[:, -1]) / AGES[-1])


def test_another_end_rules_the_event_out() -> None:
    seen = watch([1.0, 2.0, 4.0, 3.0], [HAPPENED, RULED_OUT, CENSORED, CENSORED])
    weights = ipcw_weights(seen, [2.5])
    np.testing.assert_allclose(weights.held[:, 0], [0.0, 1.0, 1.0, 1.0])
