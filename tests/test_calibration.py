"""Calibration: decomposition by hand, PAV by brute force, bands and transforms by simulation."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from durability.calibration import Calibration, assess_calibration, pit, pit_histogram

NAN = float("nan")


def parts(found: Calibration) -> tuple[float, float, float]:
    return found.miscalibration, found.discrimination, found.uncertainty


def brute_force(happened: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Best rising step function over all ways to cut sorted outcomes into blocks."""
    values, place = np.unique(levels, return_inverse=True)
    best, found = np.inf, np.zeros(values.size)
    for cuts in itertools.product((0, 1), repeat=values.size - 1):
        block = np.concatenate([[0], np.cumsum(cuts)])[place]
        means = np.bincount(block, happened) / np.bincount(block)
        if (np.diff(means) < 0.0).any():
            continue
        loss = ((happened - means[block]) ** 2).sum()
        if loss < best - 1e-12:
            best, found = loss, means[np.concatenate([[0], np.cumsum(cuts)])]
    return found


def test_the_regression_is_the_best_of_all_that_do_not_fall() -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        levels = rng.choice([0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9], 14)
        happened = (rng.uniform(size=14) < levels**2).astype(float)
        found = assess_calibration(happened, levels, resamples=2)
        np.testing.assert_allclose(found.frequency, brute_force(happened, levels), atol=1e-12)


def test_the_parts_by_hand() -> None:
    """Two levels, 0.2 (3 of 10 happened) and 0.8 (6 of 10): nothing to pool."""
    chance = np.repeat([0.2, 0.8], 10)
    happened = np.repeat([1, 0, 1, 0], [3, 7, 6, 4])
    found = assess_calibration(happened, chance, resamples=50)
    np.testing.assert_allclose(found.frequency, [0.3, 0.6])
    assert found.score == pytest.approx((3 * 0.64 + 7 * 0.04 + 6 * 0.04 + 4 * 0.64) / 20)
    assert parts(found) == pytest.approx((0.025, 0.0225, 0.2475))


def test_the_parts_add_up_to_the_score_and_none_is_negative() -> None:
    rng = np.random.default_rng(4)
    for seed in range(30):
        chance, weight = rng.beta(0.7, 2.0, 50).round(2), rng.uniform(0.0, 3.0, 50)
        happened = (rng.uniform(size=50) < rng.uniform()).astype(float)
        found = assess_calibration(happened, chance, weight=weight, resamples=2, seed=seed)
        wrong, told, spread = parts(found)
        assert found.score == pytest.approx(wrong - told + spread, abs=1e-12)
        assert min(wrong, told, spread) >= -1e-12
        assert (np.diff(found.frequency) >= 0.0).all()


def test_recalibrated_forecasts_have_nothing_left_to_gain() -> None:
    rng = np.random.default_rng(5)
    chance = rng.uniform(size=200)
    happened = (rng.uniform(size=200) < chance**3).astype(float)
    first = assess_calibration(happened, chance, resamples=2)
    better = np.interp(chance, first.probability, first.frequency)
    second = assess_calibration(happened, better, resamples=2)
    assert first.miscalibration > 0.05
    assert second.miscalibration == pytest.approx(0.0, abs=1e-12)
    assert second.discrimination == pytest.approx(first.discrimination)


def test_what_is_not_known_and_what_has_no_weight_are_left_out() -> None:
    chance = np.array([0.1, 0.2, 0.6, 0.7, 0.9])
    found = assess_calibration([0, 1, NAN, 1, 0], chance, weight=[1, 1, 1, 1, 0], resamples=20)
    plain = assess_calibration([0, 1, 1], chance[[0, 1, 3]], resamples=20)
    np.testing.assert_array_equal(found.frequency, plain.frequency)
    assert parts(found) == parts(plain)


def test_a_row_of_weight_two_is_two_rows() -> None:
    chance, happened = np.array([0.1, 0.3, 0.6, 0.8]), np.array([0, 1, 0, 1])
    weighted = assess_calibration(happened, chance, weight=[1, 2, 3, 1], resamples=2)
    repeated = assess_calibration(
        np.repeat(happened, [1, 2, 3, 1]), np.repeat(chance, [1, 2, 3, 1]), resamples=2
    )
    np.testing.assert_allclose(weighted.frequency, repeated.frequency)
    assert parts(weighted) == pytest.approx(parts(repeated))


def test_nothing_known_is_an_error() -> None:
    with pytest.raises(ValueError, match="no outcome is known"):
        assess_calibration([NAN, NAN], [0.2, 0.4])
    with pytest.raises(ValueError, match="every weight"):
        assess_calibration([1, 0], [0.2, 0.4], weight=[1.0, NAN])


def test_bands_hold_calibrated_forecasts_as_often_as_they_say() -> None:
    rng = np.random.default_rng(6)
    chance = np.repeat([0.1, 0.25, 0.5, 0.8], [30, 20, 25, 15])
    inside = []
    for seed in range(150):
        happened = (rng.uniform(size=90) < chance).astype(float)
        found = assess_calibration(happened, chance, resamples=150, seed=seed)
        inside.append((found.frequency >= found.low) & (found.frequency <= found.high))
    # Frequencies are steps of a 15th to a 30th, so a band holds a little more than it says.
    assert ((np.mean(inside, axis=0) > 0.86) & (np.mean(inside, axis=0) < 0.99)).all()


def test_a_band_shows_forecasts_that_are_far_off() -> None:
    rng = np.random.default_rng(7)
    chance = rng.uniform(0.5, 0.95, 150)
    found = assess_calibration(rng.uniform(size=150) < 0.2, chance, resamples=200)
    assert (found.frequency < found.low).mean() > 0.9


# ---- the probability integral transform ---------------------------------------------------------


def exponential(age: np.ndarray) -> np.ndarray:
    return np.asarray(-np.expm1(-age / 8.0))


def test_the_transform_is_uniform_with_censoring_and_intervals() -> None:
    from scipy import stats

    rng = np.random.default_rng(8)
    time, limit = rng.exponential(8.0, 4000), rng.uniform(0.0, 20.0, 4000)
    seen = time <= limit
    low = exponential(np.where(seen, np.floor(time), limit))
    high = np.where(seen, exponential(np.floor(time) + 1.0), 1.0)
    # An event's year may not reach past the limit: watching stopped there.
    high = np.where(seen, np.minimum(high, exponential(limit)), high)
    found = pit(low, high, seed=1)
    assert stats.kstest(found, "uniform").pvalue > 0.01
    assert (found[~seen] >= low[~seen]).all()
    heights = pit_histogram(low, high)
    np.testing.assert_allclose(heights, 1.0, atol=0.15)
    assert heights.mean() == pytest.approx(1.0)


def test_the_transform_shows_a_forecast_that_is_too_calm() -> None:
    rng = np.random.default_rng(9)
    found = exponential(rng.exponential(4.0, 2000))
    heights = pit_histogram(found, found)
    assert heights[0] > 1.3
    assert heights[-1] < 0.4


def test_the_histogram_is_what_the_transform_has_on_average() -> None:
    low, high = np.array([0.05, 0.4, 0.72, 0.3]), np.array([0.35, 1.0, 0.72, 0.31])
    drawn = [pit(low, high, seed=seed) for seed in range(4000)]
    counts = np.histogram(drawn, bins=5, range=(0.0, 1.0))[0] * 5 / (4 * 4000)
    np.testing.assert_allclose(pit_histogram(low, high, bins=5), counts, atol=0.05)


def test_points_at_the_ends_belong_to_the_first_and_the_last_bin() -> None:
    np.testing.assert_allclose(pit_histogram([0.0], [0.0], bins=4), [4.0, 0.0, 0.0, 0.0])
    np.testing.assert_allclose(pit_histogram([1.0], [1.0], bins=4), [0.0, 0.0, 0.0, 4.0])


def test_ends_that_make_no_interval_are_refused() -> None:
    for low, high in ((0.6, 0.5), (-0.1, 0.5), (0.2, 1.1)):
        with pytest.raises(ValueError, match="both ends"):
            pit([low], [high], seed=1)
    assert np.isnan(pit([NAN], [1.0], seed=1)).all()
    with pytest.raises(ValueError, match="nothing is known"):
        pit_histogram([NAN], [NAN])
