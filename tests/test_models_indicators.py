"""Counts against SciPy's negative binomial and plain sums of months."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from durability.models import breakdown, indicators
from scipy import stats
from scipy.special import gammaln
from worlds import bare, data, drawn, full, window


def test_counts_have_the_negative_binomial_law() -> None:
    count = np.array([0.0, 3.0, 26.0, 400.0, 1.0])
    mean = np.array([0.3, 2.5, 60.0, 390.0, 1e-4])
    dispersion = np.array([0.4, 1.7, 5.0, 0.9, 30.0])
    found = indicators.log_likelihood(count, mean, dispersion, gammaln, np)
    law = stats.nbinom(dispersion, dispersion / (dispersion + mean))
    np.testing.assert_allclose(found, law.logpmf(count), rtol=1e-8)


def test_a_large_dispersion_is_nearly_poisson() -> None:
    found = indicators.log_likelihood(np.arange(9.0), 2.7, 1e8, gammaln, np)
    np.testing.assert_allclose(found, stats.poisson(2.7).logpmf(np.arange(9)), atol=1e-5)


def test_counts_vary_as_their_dispersion_says() -> None:
    count = np.arange(4000.0)
    chance = np.exp(indicators.log_likelihood(count, 12.0, 2.0, gammaln, np))
    mean = chance @ count
    assert (chance.sum(), mean) == pytest.approx((1.0, 12.0))
    assert chance @ count**2 - mean**2 == pytest.approx(12.0 + 12.0**2 / 2.0)


def counted(first: date, last: date, count: int = 4, **changes: object) -> tuple[float, float]:
    """Give the log-likelihood of one made-up window, by the library and by SciPy."""
    case = replace(bare(), indicators=(window(first, last, count, **changes),))
    assembled = data(case)
    theta, latent = drawn(assembled, n=1, seed=2)
    (name,) = assembled.coords["indicator"]
    driver = assembled.coords["driver"].index(case.indicators[0].driver)
    pressure = latent["pressure"][0, :, driver]
    rate = np.exp(theta["indicator_intercept"][0, 0] + theta["indicator_slope"][0, 0] * pressure)
    assert name == case.indicators[0].indicator
    found = breakdown.counts(theta, latent, full(assembled), np)
    mean = rate_of(rate, assembled.coords["month"], case.indicators[0])
    psi = theta["indicator_dispersion"][0, 0]
    assert found.shape == (1, 1)
    return found.item(), float(stats.nbinom(psi, psi / (psi + mean)).logpmf(count))


def rate_of(rate: np.ndarray, months: tuple[str, ...], counts: object) -> float:
    """Sum each day's share of its month's rate."""
    first, last, exposure = (getattr(counts, name) for name in ("first", "last", "exposure"))
    total = 0.0
    for ordinal in range(first.toordinal(), last.toordinal() + 1):
        day = date.fromordinal(ordinal)
        following = date(day.year + day.month // 12, day.month % 12 + 1, 1)
        days = (following - day.replace(day=1)).days
        total += rate[months.index(f"{day:%Y-%m}")] / days
    return float(exposure * total)


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (date(2025, 3, 1), date(2025, 3, 31)),
        (date(2025, 3, 13), date(2025, 4, 15)),
        (date(2024, 10, 15), date(2025, 3, 12)),
        (date(2024, 2, 29), date(2024, 2, 29)),
        (date(2020, 11, 1), date(2026, 6, 30)),
    ],
)
def test_a_window_sums_the_rates_of_its_days(first: date, last: date) -> None:
    found, law = counted(first, last)
    assert found == pytest.approx(law, rel=1e-9)


def test_exposure_scales_the_rate_and_the_driver_is_the_indicators_own() -> None:
    found, law = counted(date(2025, 1, 1), date(2025, 2, 14), exposure=0.3, driver="corridor")
    assert found == pytest.approx(law, rel=1e-9)


def test_two_series_keep_to_their_own_parameters_and_drivers() -> None:
    spring = (date(2025, 3, 1), date(2025, 4, 30))
    both = (window(*spring, 7), window(*spring, 2, indicator="crossings", driver="corridor"))
    assembled = data(replace(bare(), indicators=both))
    theta, latent = drawn(assembled, n=3, seed=4)
    found = breakdown.counts(theta, latent, full(assembled), np)
    for column, one in enumerate(both):
        which = assembled.coords["indicator"].index(one.indicator)
        driver = assembled.coords["driver"].index(one.driver)
        a, b, psi = (
            theta[f"indicator_{name}"][:, which] for name in ("intercept", "slope", "dispersion")
        )
        rate = np.exp(a[:, None] + b[:, None] * latent["pressure"][..., driver])
        mean = np.array([rate_of(each, assembled.coords["month"], one) for each in rate])
        expected = stats.nbinom(psi, psi / (psi + mean)).logpmf(one.count)
        np.testing.assert_allclose(found[:, column], expected, rtol=1e-9)


def test_months_without_a_window_are_missing_and_say_nothing() -> None:
    spring = window(date(2025, 3, 1), date(2025, 3, 31), 7)
    assembled = data(replace(bare(), indicators=(spring,)))
    theta, latent = drawn(assembled, n=2, seed=3)
    before = breakdown.counts(theta, latent, full(assembled), np)
    other = {**latent, "pressure": latent["pressure"].copy()}
    march = assembled.coords["month"].index("2025-03")
    elsewhere = [m for m in range(len(assembled.coords["month"])) if m != march]
    other["pressure"][:, elsewhere] = 3.0
    np.testing.assert_array_equal(before, breakdown.counts(theta, other, full(assembled), np))
    other["pressure"][:, march] += 1.0
    assert np.all(before != breakdown.counts(theta, other, full(assembled), np))


def test_a_count_above_what_is_expected_calls_for_more_pressure() -> None:
    busy = data(replace(bare(), indicators=(window(date(2025, 3, 1), date(2025, 3, 31), 10**7),)))
    theta, latent = drawn(busy, n=20, seed=5)
    higher = {**latent, "pressure": latent["pressure"] + 0.1}
    assert np.all(
        breakdown.counts(theta, higher, full(busy), np)
        > breakdown.counts(theta, latent, full(busy), np)
    )


def test_a_case_without_counts_has_no_parameters_of_counts() -> None:
    theta, latent = drawn(data(bare()), n=1, seed=6)
    assert not [name for name in theta if name.startswith("indicator_")]
    assert "counts" not in breakdown.log_likelihoods(theta, latent, full(data(bare())), np)
