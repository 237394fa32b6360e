"""Carrying draws forward: rungs that nest and add up, paths that revert, months on a calendar."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from fitted import drawn_fit, first_draws
from scipy import stats
from worlds import CUTOFF, flagship, happened

from durability.inference import Fit
from durability.sensitivity import baseline_incidences
from durability.simulation import (
    closed_streams,
    edge_ages,
    incidences,
    monthly_normals,
    simulate,
)
from durability.vocabulary import DAYS_PER_YEAR, RUNGS, STREAMS

FORCE, FATAL, WAR, ABROGATION = range(4)


@pytest.fixture(scope="module")
def drawn() -> Fit:
    return drawn_fit(draws=60, seed=4)


@pytest.fixture(scope="module")
def increments() -> np.ndarray:
    """Hazards of very different sizes, some months without any."""
    rng = np.random.default_rng(1)
    made = rng.gamma(0.3, 1.0, (500, 48, 4)) * np.array([0.3, 0.1, 0.04, 0.01])
    return np.asarray(made * (rng.random(made.shape) < 0.9))


# ---- rungs --------------------------------------------------------------------------------------


def test_war_and_abrogation_add_up_to_breakdown_in_every_draw(increments: np.ndarray) -> None:
    rungs = incidences(increments)
    assert set(rungs) == set(RUNGS)
    gap = rungs["war"] + rungs["abrogation"] - rungs["breakdown"]
    assert np.abs(gap).max() < 1e-12


def test_rungs_nest_and_never_fall_in_any_draw(increments: np.ndarray) -> None:
    rungs = incidences(increments)
    assert (rungs["war"] <= rungs["fatal"] + 1e-15).all()
    assert (rungs["fatal"] <= rungs["force"] + 1e-15).all()
    for values in rungs.values():
        assert (np.diff(values, axis=-1) >= -1e-15).all()
        assert values.min() >= 0.0
        assert values.max() <= 1.0 + 1e-12


def test_incidences_are_the_shares_of_racing_clocks() -> None:
    # Four clocks with hazards that change each month; the rung is the first of its clocks, if no
    # denunciation came before it. War and denunciation end the agreement and race each other.
    monthly = np.array(
        [
            [0.10, 0.02, 0.05, 0.01],
            [0.01, 0.15, 0.0, 0.09],
            [0.0, 0.0, 0.2, 0.0],
            [0.3, 0.0, 0.1, 0.3],
        ]
    )
    rng = np.random.default_rng(2)
    n = 400_000
    total = np.vstack([np.zeros(4), monthly.cumsum(axis=0)])
    when = np.column_stack(
        [
            np.interp(rng.exponential(size=n), total[:, k] + 1e-12 * np.arange(5), np.arange(5.0))
            for k in range(4)
        ]
    )
    never = np.column_stack([when[:, k] >= 4.0 for k in range(4)])
    when = np.where(never, np.inf, when)
    rungs = incidences(monthly[None])
    for rung, first in (
        ("force", when[:, :3].min(axis=1)),
        ("fatal", when[:, 1:3].min(axis=1)),
        ("war", when[:, WAR]),
    ):
        for month in range(4):
            share = ((first <= month + 1) & (first < when[:, ABROGATION])).mean()
            assert share == pytest.approx(rungs[rung][0, month], abs=4.5 * np.sqrt(0.25 / n)), rung
    for month in range(4):
        ended = when[:, ABROGATION]
        share = ((ended <= month + 1) & (ended < when[:, WAR])).mean()
        assert share == pytest.approx(rungs["abrogation"][0, month], abs=4.5 * np.sqrt(0.25 / n))
        either = (when[:, 2:].min(axis=1) <= month + 1).mean()
        assert either == pytest.approx(rungs["breakdown"][0, month], abs=4.5 * np.sqrt(0.25 / n))


def test_one_cause_alone_has_the_closed_form() -> None:
    increments = np.zeros((1, 3, 4))
    increments[0, :, WAR] = [0.1, 0.7, 0.05]
    rungs = incidences(increments)
    expected = -np.expm1(-np.cumsum([0.1, 0.7, 0.05]))
    for rung in ("force", "fatal", "war", "breakdown"):
        np.testing.assert_allclose(rungs[rung][0], expected, rtol=1e-14)
    assert not rungs["abrogation"].any()


def test_a_draw_does_not_depend_on_the_others(increments: np.ndarray) -> None:
    whole, alone = incidences(increments), incidences(increments[17:18])
    for rung in RUNGS:
        np.testing.assert_array_equal(whole[rung][17], alone[rung][0])


@pytest.mark.parametrize(
    ("stream", "certain"),
    [
        ("force", {"force"}),
        ("fatal", {"force", "fatal"}),
        ("war", {"force", "fatal", "war", "breakdown"}),
        ("abrogation", {"abrogation", "breakdown"}),
    ],
)
def test_what_has_happened_is_certain_and_the_rest_is_not(stream: str, certain: set[str]) -> None:
    day = date(2026, 2, 3)
    fit = drawn_fit(replace(flagship(), happened=(happened(stream, day),)), draws=10)
    future = simulate(fit, months=6, seed=1)
    rungs = incidences(future.increments, future.happened)
    over = "breakdown" in certain
    for rung in RUNGS:
        assert (rungs[rung] == 1.0).all() == (rung in certain), rung
        # What has broken down is watched no longer: nothing else can come of it.
        assert (rungs[rung] == 0.0).all() == (over and rung not in certain), rung
    late = drawn_fit(fit.model.data.case, draws=10, cutoff=date(2026, 9, 30))
    assert simulate(late, months=1, seed=1).unseen.any() == (not over)
    for by_baseline in baseline_incidences(fit.model.data, months=6, seed=1).values():
        for rung in RUNGS:
            assert (by_baseline[rung] == 0.0).all() == (over and rung not in certain), rung


def test_what_happens_after_the_cutoff_closes_nothing() -> None:
    case = replace(flagship(), happened=(happened("war", CUTOFF + timedelta(days=1)),))
    assert closed_streams(drawn_fit(case, draws=2).model.data) == frozenset()


# ---- months -------------------------------------------------------------------------------------


def test_a_shorter_forecast_is_the_beginning_of_a_longer_one_to_the_bit(drawn: Fit) -> None:
    short, long = (simulate(drawn, months=months, seed=9) for months in (12, 60))
    np.testing.assert_array_equal(short.pressure, long.pressure[:, :12])
    np.testing.assert_array_equal(short.increments, long.increments[:, :12])
    np.testing.assert_array_equal(short.unseen, long.unseen)
    ours, theirs = (incidences(each.increments, each.happened) for each in (short, long))
    for rung in RUNGS:
        np.testing.assert_array_equal(ours[rung], theirs[rung][:, :12])


def test_a_draws_future_does_not_depend_on_how_many_draws_there_are(drawn: Fit) -> None:
    whole, part = (
        simulate(drawn, months=24, seed=9),
        simulate(first_draws(drawn, 7), months=24, seed=9),
    )
    np.testing.assert_array_equal(
        monthly_normals(7, months=3, seed=5), monthly_normals(90, months=3, seed=5)[:7]
    )
    np.testing.assert_array_equal(part.pressure, whole.pressure[:7])
    np.testing.assert_array_equal(part.increments, whole.increments[:7])


def test_another_seed_gives_another_path_and_the_same_seed_the_same(drawn: Fit) -> None:
    first, again, other = (simulate(drawn, months=6, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.pressure, again.pressure)
    assert (first.pressure != other.pressure).all()


def test_shocks_are_standard_normal_and_free_of_each_other() -> None:
    raw = monthly_normals(4000, months=6, seed=1)
    assert stats.kstest(raw.ravel(), "norm").pvalue > 1e-3
    flat = np.corrcoef(raw.reshape(4000, -1).T)
    assert np.abs(flat - np.eye(24)).max() < 5 / np.sqrt(4000)


def test_months_begin_on_the_day_after_the_cutoff_and_follow_the_calendar() -> None:
    ages = edge_ages(date(2026, 6, 30), date(2023, 9, 20), 3)
    edges = [date(2026, 7, 1), date(2026, 8, 1), date(2026, 9, 1), date(2026, 10, 1)]
    np.testing.assert_array_equal(
        ages, [(edge - date(2023, 9, 20)).days / DAYS_PER_YEAR for edge in edges]
    )
    # From a day that some months lack: 31 January, 29 February of a leap year, 31 March.
    leap = edge_ages(date(2028, 1, 30), date(2028, 1, 1), 2) * DAYS_PER_YEAR
    np.testing.assert_allclose(leap, [30, 59, 90])


def test_increments_are_the_hazard_along_the_path_worked_by_hand(drawn: Fit) -> None:
    future = simulate(drawn, months=14, seed=3)
    theta, posterior = drawn.theta(), drawn.tree["posterior"]
    arrays = drawn.model.arrays
    i, month, k = 41, 13, FATAL
    chain, draw = divmod(i, drawn.settings.draws)
    beta = posterior["beta"].values[chain, draw, k]
    shape = posterior["weibull_shape"].values[chain, draw, k]
    frailty = (
        theta["cluster_sd"][i] * theta["cluster_raw"][i, arrays["row_cluster"][-1]]
        + theta["dyad_sd"][i]
        * theta["dyad_raw"][i, arrays["row_dyad"][-1] - theta["cluster_raw"].shape[1]]
    )
    eta = theta["intercept"][i, k] + theta["covariate_effect"][i] @ arrays["row_covariates"][-1]
    eta += frailty + beta @ future.pressure[i, month]
    start = (date(2027, 8, 1) - flagship().clock_start).days / DAYS_PER_YEAR
    stop = (date(2027, 9, 1) - flagship().clock_start).days / DAYS_PER_YEAR
    expected = np.exp(eta) * (stop**shape - start**shape)
    assert future.increments[i, month, k] == pytest.approx(expected, rel=1e-12)


# ---- unseen -------------------------------------------------------------------------------------


def test_at_the_default_cutoff_nothing_can_have_happened_unseen(drawn: Fit) -> None:
    assert not simulate(drawn, months=1, seed=1).unseen.any()


@pytest.mark.parametrize("cutoff", [date(2026, 9, 30), date(2026, 8, 15)])
def test_after_the_watch_ends_the_hazard_unseen_is_summed_month_by_month(cutoff: date) -> None:
    watched = {**dict.fromkeys(STREAMS, CUTOFF), "fatal": date(2026, 7, 10)}
    fit = drawn_fit(replace(flagship(), observed_to=watched), draws=5, cutoff=cutoff)
    found = simulate(fit, months=1, seed=1).unseen
    theta, posterior = fit.theta(), fit.tree["posterior"]
    scale = fit.model.module.log_scales(
        theta, fit.model.module.latents(theta, fit.model.arrays, np), fit.model.arrays
    )[:, -1]
    labels = fit.model.data.coords["month"]
    end = cutoff + timedelta(days=1)
    for i in range(len(fit)):
        chain, draw = divmod(i, 5)
        for k, stream in enumerate(STREAMS):
            total = 0.0
            for day in (date(2026, 7, 1), date(2026, 8, 1), date(2026, 9, 1)):
                following = date(2026, day.month + 1, 1)
                start = max(day, watched[stream] + timedelta(days=1))
                stop = min(following, end)
                if start >= stop:
                    continue
                at = labels.index(f"2026-{day.month:02d}")
                x = posterior["pressure"].values[chain, draw, at]
                eta = scale[i, k] + posterior["beta"].values[chain, draw, k] @ x
                s = posterior["weibull_shape"].values[chain, draw, k]
                age = [
                    (each - flagship().clock_start).days / DAYS_PER_YEAR for each in (start, stop)
                ]
                total += np.exp(eta) * (age[1] ** s - age[0] ** s)
            assert found[i, k] == pytest.approx(total, rel=1e-9), (i, stream)
    assert (found > 0.0).all()


def test_what_is_known_to_have_happened_cannot_happen_unseen() -> None:
    case = replace(flagship(), happened=(happened("fatal", date(2026, 2, 3)),))
    found = simulate(drawn_fit(case, draws=5, cutoff=date(2026, 9, 30)), months=1, seed=1).unseen
    assert not found[:, [FORCE, FATAL]].any()
    assert (found[:, [WAR, ABROGATION]] > 0.0).all()


# ---- paths --------------------------------------------------------------------------------------


def test_without_shocks_a_path_reverts_to_its_standing_geometrically(drawn: Fit) -> None:
    theta = drawn.theta()
    latent = drawn.model.module.latents(theta, drawn.model.arrays, np)
    path = drawn.model.module.extended(theta, latent, np.zeros((len(drawn), 36, 4)))
    phi = 0.5 ** (1.0 / theta["half_life_months"])
    gap = latent["pressure"][:, -1] - latent["standing"]
    for month in (0, 1, 35):
        expected = latent["standing"] + phi[:, None] ** (month + 1) * gap
        np.testing.assert_allclose(path[:, month], expected, rtol=1e-9, atol=1e-12)


def test_a_future_month_is_as_spread_as_any_month(drawn: Fit) -> None:
    # Over the priors every driver of every month is standard normal, before the cutoff and after.
    wide = drawn_fit(draws=2500, seed=6)
    future = simulate(wide, months=60, seed=2).pressure
    for month in (0, 11, 59):
        np.testing.assert_allclose(future[:, month].std(axis=0), 1.0, atol=0.05)
        for d in range(4):
            assert stats.kstest(future[:, month, d], "norm").pvalue > 1e-3
