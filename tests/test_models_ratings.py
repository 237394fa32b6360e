"""Ratings against SciPy's logistic law, adaptive quadrature and plain loops."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from durability.models import ratings
from scipy import stats
from scipy.integrate import quad

GAPS = np.array([0.4, 1.7, 0.9, 2.3, 0.6])
LOCATION = -0.8
CUTS = LOCATION + ratings.offsets(GAPS, np)


def level_probabilities(predictor: float, cuts: np.ndarray = CUTS) -> np.ndarray:
    return np.asarray(np.exp(ratings.log_probability(predictor, cuts[:-1], cuts[1:], np)))


def by_scipy(predictor: float, cuts: np.ndarray = CUTS) -> np.ndarray:
    inner = stats.logistic.cdf(cuts[1:-1] - predictor)
    return np.diff(np.concatenate([[0.0], inner, [1.0]]))


# ---- one reading ------------------------------------------------------------------------------


def test_cutpoints_keep_their_gaps_around_a_mean_of_zero() -> None:
    offset = ratings.offsets(GAPS, np)
    np.testing.assert_allclose(np.diff(offset[1:-1]), GAPS, rtol=1e-14)
    assert offset[1:-1].mean() == pytest.approx(0.0, abs=1e-15)
    assert (offset[0], offset[-1]) == (-ratings.BEYOND, ratings.BEYOND)
    assert ratings.offsets(np.ones((3, 2, 5)), np).shape == (3, 2, ratings.LEVELS + 1)


@pytest.mark.parametrize("predictor", [-7.3, -0.8, 0.0, 1.9, 12.0])
def test_levels_have_the_probabilities_of_an_ordered_logistic(predictor: float) -> None:
    np.testing.assert_allclose(level_probabilities(predictor), by_scipy(predictor), rtol=1e-9)
    assert level_probabilities(predictor).sum() == pytest.approx(1.0, abs=1e-13)


def test_a_higher_signal_is_rated_higher() -> None:
    mean = [level_probabilities(eta) @ np.arange(-3, 4) for eta in (-4.0, -1.0, 0.5, 3.0)]
    assert np.all(np.diff(mean) > 0.5)


@pytest.mark.parametrize("predictor", [-699.0, -150.0, 150.0, 699.0])
def test_extreme_signals_keep_finite_exact_logarithms(predictor: float) -> None:
    found = ratings.log_probability(predictor, CUTS[:-1], CUTS[1:], np)
    # Far out one side of the logistic law is exponential: log(e^u - e^l) - |eta|.
    edge = CUTS - predictor if predictor > 0 else predictor - CUTS
    high, low = (edge[1:], edge[:-1]) if predictor > 0 else (edge[:-1], edge[1:])
    expected = high + np.log1p(-np.exp(low - high))
    last = -1 if predictor > 0 else 0
    expected[last] = 0.0
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_no_digits_are_lost_between_near_cutpoints() -> None:
    lower, width, eta = 0.7, 1e-9, 30.0
    found = ratings.log_probability(eta, lower, lower + width, np)
    assert found == pytest.approx(stats.logistic.logpdf(lower - eta) + np.log(width), abs=1e-6)


# ---- readings of things -------------------------------------------------------------------------

SIZES = (1, 4, 2, 1, 3)


def readings(seed: int) -> tuple[np.ndarray, ...]:
    """Readings of five things, by three unlike coders on two unlike scales."""
    rng = np.random.default_rng(seed)
    n = sum(SIZES)
    cuts = np.array([[-0.8], [1.5]]) + ratings.offsets(np.array([GAPS, GAPS[::-1] * 1.4]), np)
    scale, level = rng.integers(0, 2, n), rng.integers(0, 7, n)
    kappa = np.array([0.7, 2.4, 5.1])[rng.integers(0, 3, n)]
    thing, last = np.repeat(np.arange(len(SIZES)), SIZES), np.cumsum(SIZES) - 1
    return kappa, cuts[scale, level], cuts[scale, level + 1], thing, last


def test_readings_of_one_thing_are_summed_and_of_others_are_not() -> None:
    values = np.random.default_rng(1).normal(size=(2, sum(SIZES)))
    found = ratings.sum_by_thing(values, np.cumsum(SIZES) - 1, np)
    expected = [part.sum(-1) for part in np.split(values, np.cumsum(SIZES)[:-1], axis=-1)]
    np.testing.assert_allclose(found, np.stack(expected, axis=-1), rtol=1e-12)


def test_the_likelihood_of_readings_is_that_of_a_plain_loop() -> None:
    theta = np.array([0.3, -1.2, 2.0, 0.0, -0.4])
    kappa, lower, upper, thing, last = readings(2)
    expected = np.zeros(len(SIZES))
    for k, l, u, t in zip(kappa, lower, upper, thing, strict=True):  # noqa: E741
        law = stats.logistic(loc=k * theta[t])
        expected[t] += np.log(law.cdf(u) - law.cdf(l))
    found = ratings.readings_likelihood(theta, kappa, lower, upper, thing, last, xp=np)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_the_order_of_a_things_readings_does_not_matter() -> None:
    theta = np.array([0.3, -1.2, 2.0, 0.0, -0.4])
    kappa, lower, upper, thing, last = readings(3)
    order = np.array([0, 3, 1, 4, 2, 6, 5, 7, 10, 8, 9])
    assert np.array_equal(thing[order], thing)
    args = kappa[order], lower[order], upper[order]
    other = kappa, lower, upper
    np.testing.assert_allclose(
        ratings.readings_likelihood(theta, *args, thing, last, xp=np),
        ratings.readings_likelihood(theta, *other, thing, last, xp=np),
        rtol=1e-12,
    )
    np.testing.assert_allclose(
        ratings.marginal_likelihood(theta, np.full(5, 0.7), *args, thing, last),
        ratings.marginal_likelihood(theta, np.full(5, 0.7), *other, thing, last),
        rtol=1e-12,
    )


def test_a_thing_reads_the_same_whatever_else_is_read() -> None:
    theta, sd = np.array([0.3, -1.2, 2.0, 0.0, -0.4]), np.array([0.1, 0.9, 0.4, 1.2, 0.6])
    kappa, lower, upper, thing, last = readings(4)
    together = ratings.marginal_likelihood(theta, sd, kappa, lower, upper, thing, last)
    for t in range(len(SIZES)):
        own = thing == t
        alone = ratings.marginal_likelihood(
            *(theta[[t]], sd[[t]], kappa[own], lower[own], upper[own]),
            *(np.zeros(own.sum(), dtype=int), np.array([own.sum() - 1])),
        )
        np.testing.assert_allclose(alone[0], together[t], rtol=1e-12)


# ---- shared errors integrated out ---------------------------------------------------------------


def test_the_rule_integrates_a_standard_normal() -> None:
    nodes, log_weights = ratings.normal_rule(51, 5.0)
    weights = np.exp(log_weights)
    for power, moment in ((0, 1), (1, 0), (2, 1), (3, 0)):
        assert weights @ nodes**power == pytest.approx(moment, abs=1e-4)
    assert weights @ np.exp(1.3 * nodes) == pytest.approx(np.exp(1.3**2 / 2), rel=1e-3)


def adaptive(signal: float, sd: float, kappa: np.ndarray, cuts: np.ndarray) -> float:
    """Log of the likelihood averaged over the shared error, by adaptive quadrature."""
    lower, upper = cuts

    def log_joint(error: float) -> float:
        each = ratings.log_probability(kappa * (signal + sd * error), lower, upper, np)
        return float(each.sum() - 0.5 * error**2)

    grid = np.linspace(-9.0, 9.0, 181)
    top = max(map(log_joint, grid))
    peak = grid[int(np.argmax([log_joint(x) for x in grid]))]
    edges = sorted({-9.0, max(peak - 0.5, -9.0), peak, min(peak + 0.5, 9.0), 9.0})
    area = sum(
        quad(lambda x: np.exp(log_joint(x) - top), a, b, epsabs=1e-10, epsrel=1e-9, limit=200)[0]
        for a, b in itertools.pairwise(edges)
    )
    return float(top + np.log(area) - 0.5 * np.log(2.0 * np.pi))


def told(rng: np.random.Generator) -> tuple[float, float, np.ndarray, np.ndarray]:
    """Draw an event from the range that the priors find plausible, with its readings."""
    kappa = np.exp(rng.uniform(0.0, np.log(6.0), 2))[np.arange(rng.integers(1, 5)) % 2]
    cuts = rng.normal(0, 2) + ratings.offsets(np.exp(rng.uniform(np.log(0.5), np.log(4.0), 5)), np)
    signal, sd = rng.normal(), rng.uniform(0.0, 1.5)
    seen = kappa * (signal + sd * rng.normal()) + rng.logistic(size=kappa.size)
    level = np.searchsorted(cuts[1:-1], seen)
    return signal, sd, kappa, np.array([cuts[level], cuts[level + 1]])


def test_integrated_errors_are_within_a_hundredth_of_adaptive_quadrature() -> None:
    rng = np.random.default_rng(12)
    for _ in range(60):
        signal, sd, kappa, cuts = told(rng)
        one = np.zeros(kappa.size, dtype=int), np.array([kappa.size - 1])
        # As an event that tells of its driver, and as one that is noise (signal 0, wider).
        for mean, spread in ((signal, sd), (0.0, np.sqrt(1.0 + sd**2))):
            found = ratings.marginal_likelihood(
                np.array([mean]), np.array([spread]), kappa, *cuts, *one
            )
            assert found[0] == pytest.approx(adaptive(mean, spread, kappa, cuts), abs=0.01)


def test_without_error_the_marginal_is_the_plain_likelihood() -> None:
    theta = np.array([0.3, -1.2, 2.0, 0.0, -0.4])
    args = readings(5)
    np.testing.assert_allclose(
        ratings.marginal_likelihood(theta, np.zeros(5), *args),
        ratings.readings_likelihood(theta, *args, xp=np),
        rtol=1e-12,
    )


def many(seed: int, draws: int, things: int, width: float) -> tuple[np.ndarray, ...]:
    """Signals, errors, scales and places of things with one to four readings, at many draws."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 5, things)
    thing, last = np.repeat(np.arange(things), sizes), np.cumsum(sizes) - 1
    cuts = rng.normal(size=(draws, 1)) + ratings.offsets(np.exp(rng.normal(size=(draws, 5))), np)
    level = rng.integers(0, ratings.LEVELS, thing.size)
    kappa = np.exp(0.5 * rng.normal(size=(draws, 3)))[:, rng.integers(0, 3, thing.size)]
    signal, sd = width * rng.normal(size=(draws, things)), rng.uniform(0.0, 2.0, (draws, things))
    return signal, sd, kappa, cuts[:, level], cuts[:, level + 1], thing, last


def table(seed: int, readings: int) -> tuple[np.ndarray, ...]:
    """Signals, errors and scales of seven things with so many readings each, at three draws."""
    rng = np.random.default_rng(seed)
    shape = (3, readings, 7)
    lower = rng.normal(size=shape) - 1.0
    lower[:, 0, :2] = -ratings.BEYOND
    upper = np.where(lower < -50.0, -1.0, lower + rng.uniform(0.3, 2.0, shape))
    upper[:, -1, 2:4] = ratings.BEYOND
    return (
        rng.normal(size=(3, 7)),
        rng.uniform(0.2, 1.8, (3, 7)),
        rng.uniform(0.5, 6.0, shape),
        lower,
        upper,
    )


@pytest.mark.parametrize("readings", [1, 2, 5])
def test_a_samplers_average_is_that_of_the_marginal_on_its_nodes(readings: int) -> None:
    signal, sd, *scales = table(11, readings)
    lower, upper = scales[1:]
    found = ratings.averaged_likelihood(signal, sd, scales[0], np.exp(lower), np.exp(-upper), xp=np)
    one_by_one = (np.swapaxes(each, -1, -2).reshape(3, -1) for each in scales)
    thing = np.repeat(np.arange(7), readings)
    expected = ratings.marginal_likelihood(
        signal,
        sd,
        *one_by_one,
        thing,
        readings * np.arange(1, 8) - 1,
        rule=ratings.SAMPLER_RULE,
    )
    np.testing.assert_allclose(found, expected, rtol=1e-10)


@pytest.mark.parametrize("readings", [1, 3])
def test_a_samplers_slopes_are_those_of_the_average(readings: int) -> None:
    signal, sd, kappa, lower, upper = table(12, readings)
    inputs = [signal, sd, kappa, np.exp(lower), np.exp(-upper)]
    _, *slopes = ratings.averaged_with_slopes(inputs, xp=np)
    for place, slope in enumerate(slopes):
        assert slope.shape == inputs[place].shape
        for where in np.ndindex(inputs[place].shape[1:]):
            at = (slice(None), *where)
            step = 1e-5 * np.abs(inputs[place][at])
            if not step.all():
                continue  # outer cutpoints do not move
            sides = []
            for side in (step, -step):
                moved = [each.copy() for each in inputs]
                moved[place][at] += side
                sides.append(ratings.averaged_likelihood(*moved, xp=np)[:, where[-1]])
            found = (sides[0] - sides[1]) / (2.0 * step)
            np.testing.assert_allclose(found, slope[at], rtol=1e-5, atol=1e-6)


def test_a_graph_has_the_average_and_its_slopes() -> None:
    import pytensor
    import pytensor.tensor as pt

    signal, sd, kappa, lower, upper = (each[0] for each in table(13, 2))
    given = [signal, sd, kappa, np.exp(lower), np.exp(-upper)]
    inputs = [pt.tensor(dtype="float64", shape=each.shape) for each in given]
    each = ratings.averaged_likelihood(*inputs, xp=pt)
    weights = np.linspace(-1.0, 2.0, 7)  # every thing counts differently
    outputs = [each, *pt.grad((weights * each).sum(), inputs)]
    value, *found = pytensor.function(inputs, outputs, mode="FAST_COMPILE")(*given)
    expected, *slopes = ratings.averaged_with_slopes(given, xp=np)
    np.testing.assert_allclose(value, expected, rtol=1e-12)
    for one, other in zip(found, slopes, strict=True):
        np.testing.assert_allclose(one, weights * other, rtol=1e-10, atol=1e-13)


def average_over_nodes(
    signal: np.ndarray, sd: np.ndarray, *readings: np.ndarray, rule: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    each = [
        log_weight + ratings.readings_likelihood(signal + sd * node, *readings, xp=np)
        for node, log_weight in zip(*rule, strict=True)
    ]
    return np.asarray(np.logaddexp.reduce(each, axis=0))


@pytest.mark.parametrize("rule", [ratings.ERROR_RULE, ratings.SHORT_RULE])
def test_the_marginal_is_the_average_over_the_nodes(
    monkeypatch: pytest.MonkeyPatch, rule: tuple[np.ndarray, np.ndarray]
) -> None:
    args = many(6, 40, 9, 2.0)
    expected = average_over_nodes(*args, rule=rule)
    whole = ratings.marginal_likelihood(*args, rule=rule)
    np.testing.assert_allclose(whole, expected, rtol=1e-9, atol=1e-11)
    # In blocks of three draws, and all by logarithms: the same.
    monkeypatch.setattr(ratings, "BLOCK", 3 * args[-2].size)
    np.testing.assert_array_equal(ratings.marginal_likelihood(*args, rule=rule), whole)
    monkeypatch.setattr(ratings, "LOG_LEAST", np.inf)
    by_logs = ratings.marginal_likelihood(*args, rule=rule)
    assert (by_logs != whole).any()
    np.testing.assert_allclose(by_logs, expected, rtol=1e-9, atol=1e-11)


def test_one_signal_for_all_draws_is_read_at_each() -> None:
    signal, sd, *readings = many(7, 5, 4, 1.0)
    found = ratings.marginal_likelihood(signal[2], sd[2], *readings)
    expected = ratings.marginal_likelihood(
        np.tile(signal[2], (5, 1)), np.tile(sd[2], (5, 1)), *readings
    )
    np.testing.assert_array_equal(found, expected)


def test_what_is_beyond_belief_still_has_a_finite_likelihood() -> None:
    """Two coders, or forty, at the far end from a signal that has no error."""
    for signal, coders in ((4e4, 2), (-4e4, 2), (60.0, 40)):
        edge = 1 if signal > 0.0 else ratings.LEVELS
        lower, upper = np.repeat(CUTS[[edge - 1]], coders), np.repeat(CUTS[[edge]], coders)
        found = ratings.marginal_likelihood(
            *(np.array([signal]), np.array([0.0]), np.full(coders, 1.5), lower, upper),
            *(np.zeros(coders, dtype=int), np.array([coders - 1])),
        )
        law = stats.logistic(loc=1.5 * signal)
        expected = law.logcdf(CUTS[1]) if signal > 0.0 else law.logsf(CUTS[-2])
        assert found[0] < ratings.LOG_LEAST
        assert found[0] == pytest.approx(coders * expected, rel=1e-9)


def test_marginal_probabilities_of_all_levels_sum_to_one() -> None:
    one = np.zeros(1, dtype=int), np.zeros(1, dtype=int)
    total = sum(
        np.exp(
            ratings.marginal_likelihood(
                *(np.array([0.4]), np.array([1.1]), np.array([2.7])),
                *(CUTS[[level]], CUTS[[level + 1]], *one),
            )
        )[0]
        for level in range(ratings.LEVELS)
    )
    assert total == pytest.approx(1.0, abs=1e-12)


# ---- noise ------------------------------------------------------------------------------------


def test_noise_mixes_the_two_likelihoods() -> None:
    told_of, unrelated, noise = np.log([0.3, 0.001]), np.log([0.05, 0.2]), np.array([0.1, 0.4])
    found = np.exp(ratings.with_noise(told_of, unrelated, noise, np))
    np.testing.assert_allclose(found, [0.9 * 0.3 + 0.1 * 0.05, 0.6 * 0.001 + 0.4 * 0.2])


def test_an_event_that_may_be_noise_can_only_tell_so_much() -> None:
    # However unlike its driver an event looks, its likelihood stays above that of noise.
    found = ratings.with_noise(np.array(-5000.0), np.array(-3.0), np.array(0.02), np)
    assert found == pytest.approx(np.log(0.02) - 3.0)
