"""Climatology: by hand, against Kaplan–Meier and lifelines, and by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from durability.models.climatology import drawn_to_half, incidence

from durability.ladder import kaplan_meier, survival_at

AGES = np.array([0.0, 0.9, 1.0, 2.0, 2.5, 4.0, 8.0])


def test_two_ends_by_hand() -> None:
    stop = [1.0, 2.0, 2.0, 3.0, 4.0]
    happened, other = [1, 0, 1, 0, 0], [0, 1, 0, 0, 1]
    found = incidence(stop, happened, other, np.ones(5), AGES)
    # At 1: 1/5. At 2: 4/5 × 1/4. At 4 only the other end.
    np.testing.assert_allclose(found, [0.0, 0.0, 0.2, 0.4, 0.4, 0.4, 0.4])
    rest = incidence(stop, other, happened, np.ones(5), AGES)
    np.testing.assert_allclose(rest, [0.0, 0.0, 0.0, 0.2, 0.2, 0.6, 0.6])


def test_without_another_end_it_is_one_less_kaplan_meier() -> None:
    rng = np.random.default_rng(1)
    stop, weight = rng.integers(1, 30, 80) / 3.0, rng.choice([1.0, 0.5, 1.0 / 3.0], 80)
    happened = rng.uniform(size=80) < 0.5
    curve = kaplan_meier(stop.tolist(), happened.tolist(), weight.tolist())
    found = incidence(stop, happened, np.zeros(80, bool), weight, AGES)
    np.testing.assert_allclose(found, [1.0 - survival_at(curve, age) for age in AGES])


def test_it_equals_lifelines_with_another_end() -> None:
    lifelines = pytest.importorskip("lifelines")
    rng = np.random.default_rng(2)
    stop, ended = rng.gamma(1.5, 3.0, 90), rng.integers(0, 3, 90)
    fitted = lifelines.AalenJohansenFitter(calculate_variance=False).fit(stop, ended, 1)
    curve = fitted.cumulative_density_["CIF_1"]
    wanted = [curve[curve.index <= age].iloc[-1] for age in AGES]
    found = incidence(stop, ended == 1, ended == 2, np.ones(90), AGES)
    np.testing.assert_allclose(found, wanted)


def test_rows_that_enter_late_count_only_from_there() -> None:
    rng = np.random.default_rng(3)
    time, limit = rng.exponential(5.0, 3_000), rng.uniform(1.0, 12.0, 3_000)
    entry = rng.uniform(0.0, 6.0, 3_000)
    seen = (np.minimum(time, limit) > entry) & (limit > entry)
    stop = np.minimum(time, limit)[seen]
    found = incidence(
        stop,
        (time <= limit)[seen],
        np.zeros(seen.sum(), bool),
        np.ones(seen.sum()),
        AGES[1:],
        entry=entry[seen],
    )
    np.testing.assert_allclose(found, -np.expm1(-AGES[1:] / 5.0), atol=0.05)


def test_drawing_to_one_half_leaves_nothing_impossible() -> None:
    found = drawn_to_half([0.0, 0.0, 1.0], [0.5, 5.0, 9.0], 9.0)
    np.testing.assert_allclose(found, [0.025, 0.05, 0.95])
    assert (np.diff(drawn_to_half([0.0, 0.1, 0.1], [0.0, 1.0, 2.0], 3.0)) >= 0.0).all()
