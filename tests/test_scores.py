"""Scores against closed forms, scoringrules, and forecasters who lie."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from durability.scores import brier, crps_curve, crps_draws, logarithmic, ranked_probability

INF, NAN = float("inf"), float("nan")


def exponential_area(rate: float, time: float, limit: float) -> float:
    """Closed form of the squared distance of an exponential law from a step, up to a limit."""

    def tail(age: float) -> float:
        return float(np.exp(-rate * age))

    end = min(time, limit)
    before = end - 2.0 * (1.0 - tail(end)) / rate + (1.0 - tail(end) ** 2) / (2.0 * rate)
    return before + (tail(end) ** 2 - tail(limit) ** 2) / (2.0 * rate)


# ---- closed forms -------------------------------------------------------------------------------


def test_brier_and_logarithmic_scores_by_hand() -> None:
    np.testing.assert_allclose(brier([1, 0, 1, 0], [0.3, 0.3, 1.0, 1.0]), [0.49, 0.09, 0.0, 1.0])
    found = logarithmic([1, 0, 1, 0, 1], [0.3, 0.3, 1.0, 1.0, 0.0])
    np.testing.assert_allclose(found, [-np.log(0.3), -np.log(0.7), 0.0, INF, INF])
    assert not np.signbit(found).any()


def test_what_is_not_known_has_no_score() -> None:
    for score in (brier, logarithmic):
        np.testing.assert_array_equal(np.isnan(score([NAN, 1.0], [[0.2], [1.0]])), [[1, 0], [1, 0]])
    assert np.isnan(ranked_probability([0.0, NAN], [0.1, 0.2]))
    assert np.isnan(crps_draws([NAN], [[1.0, 2.0]], limit=3.0)).all()
    assert np.isnan(crps_curve([NAN], [0.0, 3.0], [0.0, 1.0], limit=3.0)).all()


@pytest.mark.parametrize("score", [brier, logarithmic, ranked_probability])
@pytest.mark.parametrize("probability", [[0.2, NAN], [0.2, 1.1], [-0.1, 0.5]])
def test_a_forecast_that_is_no_probability_is_refused(score: Any, probability: list[float]) -> None:
    with pytest.raises(ValueError, match="every probability must be a number"):
        score([0.0, 1.0], probability)


@pytest.mark.parametrize("score", [brier, logarithmic, ranked_probability])
def test_an_observation_is_0_or_1_or_not_known(score: Any) -> None:
    with pytest.raises(ValueError, match="0, 1, or nan"):
        score([0.0, 0.5], [0.1, 0.2])


def test_the_ranked_probability_score_refuses_what_cannot_be() -> None:
    with pytest.raises(ValueError, match="fall along horizons"):
        ranked_probability([0, 0, 1], [0.3, 0.2, 0.6])
    with pytest.raises(ValueError, match="has happened by the next"):
        ranked_probability([0, 1, 0], [0.1, 0.2, 0.6])


def test_the_ranked_probability_score_punishes_a_near_miss_less() -> None:
    sure = np.array([[0, 0, 1, 1], [0, 1, 1, 1], [1, 1, 1, 1]], dtype=float)
    np.testing.assert_array_equal(ranked_probability([0, 0, 0, 1], sure), [1.0, 2.0, 3.0])


@pytest.mark.parametrize(("time", "limit"), [(2.0, 10.0), (INF, 10.0), (0.0, 4.0), (17.0, 6.5)])
def test_a_curve_has_the_area_of_the_closed_form(time: float, limit: float) -> None:
    ages = np.linspace(0.0, 20.0, 20_001)
    found = crps_curve([time], ages, -np.expm1(-0.2 * ages), limit=limit)
    assert found[0] == pytest.approx(exponential_area(0.2, time, limit), abs=1e-7)


@pytest.mark.parametrize(("time", "limit"), [(2.0, 10.0), (INF, 10.0), (0.0, 4.0), (17.0, 6.5)])
def test_many_draws_have_the_area_of_the_closed_form(time: float, limit: float) -> None:
    # Evenly spread quantiles: the draws of a perfect sampler.
    draws = -np.log1p(-(np.arange(20_000) + 0.5) / 20_000) / 0.2
    found = crps_draws(time, draws, limit=limit)
    assert found == pytest.approx(exponential_area(0.2, time, limit), abs=1e-3)


def test_draws_and_their_own_step_curve_have_one_score() -> None:
    draws = np.array([0.7, 2.0, 2.9, 6.0, INF])
    ages = np.sort([0.0, *draws[:-1], *(draws[:-1] + 1e-9), 9.0])
    curve = (draws <= ages[:, None]).mean(-1)
    curve[1::2] = curve[0:-1:2]  # flat up to each draw, then a step
    for time, limit in ((1.3, 8.0), (INF, 8.0), (6.5, 4.0)):
        by_draws = crps_draws(time, draws, limit=limit)
        by_curve = crps_curve([time], ages, curve, limit=limit)[0]
        assert by_draws == pytest.approx(by_curve, abs=1e-7)


def test_what_happens_after_the_limit_is_no_matter() -> None:
    draws = np.array([1.0, 3.0, 8.0, 20.0])
    same = crps_draws([5.0, 9.0, INF], draws, limit=5.0)
    assert np.ptp(same) == 0.0
    assert crps_draws(4.0, draws, limit=5.0) == crps_draws(4.0, np.minimum(draws, 5.0), limit=5.0)


def test_a_sure_forecast_has_its_distance_in_years() -> None:
    assert crps_draws(7.5, np.full(9, 3.0), limit=30.0) == pytest.approx(4.5)
    assert crps_draws(7.5, np.full(9, 7.5), limit=30.0) == pytest.approx(0.0)
    assert crps_draws(7.5, np.full(9, INF), limit=30.0) == pytest.approx(22.5)


def test_a_curve_and_a_limit_must_fit() -> None:
    with pytest.raises(ValueError, match="a limit lies after the first"):
        crps_curve([1.0], [0.0, 2.0], [0.0, 0.5], limit=3.0)
    with pytest.raises(ValueError, match="a limit lies after the first"):
        crps_curve([1.0], [1.0, 2.0], [0.0, 0.5], limit=1.0)
    with pytest.raises(ValueError, match="a cumulative distribution rises"):
        crps_curve([1.0], [0.0, 1.0, 2.0], [0.0, 0.6, 0.5], limit=2.0)
    for limit in (0.0, NAN, INF):
        with pytest.raises(ValueError, match="finite and above 0"):
            crps_draws(1.0, [1.0, 2.0], limit=limit)
    for draw in (NAN, -0.5):
        with pytest.raises(ValueError, match="draws of a time"):
            crps_draws(1.0, [1.0, draw], limit=2.0)


# ---- scoringrules -------------------------------------------------------------------------------


@pytest.mark.slow
def test_scores_equal_those_of_scoringrules() -> None:
    rules = pytest.importorskip("scoringrules")
    rng = np.random.default_rng(20)
    happened, chance = rng.integers(0, 2, 40), rng.uniform(0.01, 0.99, 40)
    np.testing.assert_allclose(brier(happened, chance), rules.brier_score(happened, chance))
    np.testing.assert_allclose(logarithmic(happened, chance), rules.log_score(happened, chance))
    # Horizons divide time into categories; its score knows them by their probabilities.
    masses = rng.dirichlet([3.0, 1.0, 2.0, 5.0], 40)
    category = rng.integers(1, 5, 40)
    by_then = (category[:, None] <= np.arange(1, 5)).astype(float)
    cumulative = np.minimum(masses.cumsum(1), 1.0)
    wanted = rules.rps_score(category, masses)
    np.testing.assert_allclose(ranked_probability(by_then, cumulative), wanted)
    time, draws = rng.gamma(1.2, 6.0, 40), rng.gamma(0.8, 9.0, (40, 31))
    for limit in (2.0, 11.0, 60.0):
        weighted = rules.twcrps_ensemble(time, draws, b=limit)
        np.testing.assert_allclose(crps_draws(time, draws, limit=limit), weighted, atol=1e-12)


# ---- propriety ----------------------------------------------------------------------------------


@pytest.mark.parametrize("score", [brier, logarithmic])
@pytest.mark.parametrize("truth", [0.07, 0.31, 0.8])
def test_nobody_expects_more_than_by_saying_what_they_believe(score: Any, truth: float) -> None:
    said = np.linspace(0.01, 0.99, 99)
    expected = truth * score(1.0, said) + (1.0 - truth) * score(0.0, said)
    assert said[expected.argmin()] == pytest.approx(truth, abs=0.006)


def test_the_true_law_of_times_beats_others_under_limits_of_every_length() -> None:
    rng = np.random.default_rng(5)
    ages = np.concatenate([np.linspace(0.0, 2.0, 80), np.linspace(2.1, 30.0, 200)])
    time = 9.0 * rng.weibull(0.6, 3000)
    limit = rng.uniform(0.5, 30.0, 3000)  # set by design: drawn without a look at the time
    laws = {name: 1.0 - np.exp(-((ages / scale) ** shape)) for name, scale, shape in LAWS}
    means = {name: crps_curve(time, ages, law, limit=limit) for name, law in laws.items()}
    for name in set(means) - {"true"}:
        worse = means[name] - means["true"]
        assert worse.mean() > 3.0 * worse.std() / np.sqrt(worse.size), name


LAWS = (
    ("true", 9.0, 0.6),
    ("too soon", 6.0, 0.6),
    ("too late", 14.0, 0.6),
    ("too even", 9.0, 1.0),
    ("too steep", 9.0, 0.4),
)


def test_stopping_at_a_censoring_but_not_after_an_event_would_reward_a_lie() -> None:
    """Why the limit must be of the design: the score that ends where watching did is improper."""
    rng = np.random.default_rng(6)
    ages = np.linspace(0.0, 200.0, 4001)
    time, censoring = rng.exponential(10.0, 1500), rng.uniform(0.0, 12.0, 1500)
    # Watched on after an event, but not after a censoring.
    limit = np.where(time <= censoring, 200.0, np.maximum(censoring, 1e-6))

    def mean(scale: float) -> float:
        return float(crps_curve(time, ages, -np.expm1(-ages / scale), limit=limit).mean())

    assert mean(7.0) < mean(10.0)
