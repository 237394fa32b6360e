"""The hazard against quadrature, closed forms, SciPy's Weibull and published fits."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from durability.models import breakdown, drivers, hazard
from scipy import stats
from scipy.integrate import quad
from scipy.optimize import minimize
from test_ladder import AGREEMENTS, observations, published
from worlds import data, drawn

from durability.vocabulary import DAYS_PER_YEAR

RHO2, PHI = 0.65, 2.0 ** (-1.0 / 6.0)
DAY = 1.0 / DAYS_PER_YEAR


def accumulated(
    start: float,
    stop: float,
    end: float | None = None,
    *,
    log_scale: float = 0.0,
    shape: float = 0.6,
    pulled: float = 0.0,
    variance: float = 0.0,
    persistence: float = RHO2,
    autoregressive: float = PHI,
) -> tuple[float, float]:
    """Integrate one agreement's one stream with the library."""
    ages = hazard.log_years([start, stop, stop if end is None else end]).reshape(3, 1, 1)
    cell = [np.full((1, 1), x) for x in (log_scale, shape, pulled, variance)]
    process = [np.full((1, 1), x) for x in (persistence, autoregressive)]
    watched, event = hazard.accumulated(ages, *cell, *process, np)
    return float(watched[0, 0]), float(event[0, 0])


def by_quadrature(
    start: float,
    stop: float,
    *,
    log_scale: float = 0.0,
    shape: float = 0.6,
    pulled: float = 0.0,
    variance: float = 0.0,
    persistence: float = RHO2,
    autoregressive: float = PHI,
) -> float:
    """Integrate the log-mean hazard adaptively, over the logarithm of age."""

    def integrand(log_age: float) -> float:
        g = persistence + (1.0 - persistence) * autoregressive ** (12.0 * np.exp(log_age))
        mean = g * pulled + 0.5 * (1.0 - g**2) * variance
        return float(shape * np.exp(log_scale + shape * log_age + mean))

    edges = [x for x in np.arange(-60.0, 6.0, 2.0) if np.log(max(start, 1e-26)) < x < np.log(stop)]
    edges = [np.log(max(start, 1e-26)), *edges, np.log(stop)]
    parts = [quad(integrand, a, b, epsabs=0.0, epsrel=1e-10)[0] for a, b in pairwise(edges)]
    return float(sum(parts))


# ---- the integral over age ----------------------------------------------------------------------

SETTINGS: list[dict[str, float]] = [
    {"shape": 0.3, "pulled": 0.9, "variance": 0.4, "log_scale": -1.2},
    {"shape": 0.5, "pulled": -1.3, "variance": 0.7, "log_scale": 0.4},
    {"shape": 0.8, "pulled": 0.6, "variance": 0.2, "log_scale": -3.0},
    {"shape": 1.0, "pulled": -0.4, "variance": 0.1, "log_scale": -2.0},
    {"shape": 1.3, "pulled": 1.1, "variance": 0.5, "log_scale": -5.0},
]


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("years", [0.01, 1.0, 12.0, 75.0])
def test_the_hazard_accumulates_as_adaptive_quadrature_says(
    setting: dict[str, float], years: float
) -> None:
    found, _ = accumulated(0.0, years, **setting)
    assert found == pytest.approx(by_quadrature(0.0, years, **setting), rel=1e-3)


def test_over_the_priors_the_integral_over_age_is_within_a_ten_thousandth() -> None:
    assembled = data()
    theta, latent = drawn(assembled, n=150, seed=1)

    def watched() -> np.ndarray:
        scale = breakdown.log_scales(theta, latent, assembled.arrays)[..., :-1, :]
        ages = assembled.arrays["history_log_ages"]
        return np.asarray(
            breakdown.history_hazards(theta, latent, assembled.arrays, ages, scale, np)[0]
        )

    found = watched()
    with pytest.MonkeyPatch.context() as patch:
        nodes, weights = hazard.legendre_rule(200)
        patch.setattr(hazard, "AGE_RULE", (nodes**2, 2.0 * nodes * weights))
        exact = watched()
    watching = exact > 0.0
    off = np.abs(found[watching] / exact[watching] - 1.0)
    assert np.quantile(off, 0.99) < 1e-4
    assert off.max() < 5e-3


def test_where_drivers_persist_or_do_nothing_the_integral_is_closed() -> None:
    weibull = 2.5**0.7 - 0.4**0.7
    found, _ = accumulated(
        0.4, 2.5, shape=0.7, log_scale=-1.1, pulled=0.8, variance=0.9, persistence=1.0
    )
    assert found == pytest.approx(np.exp(-1.1 + 0.8) * weibull, rel=1e-13)
    found, _ = accumulated(0.4, 2.5, shape=0.7, log_scale=-1.1)
    assert found == pytest.approx(np.exp(-1.1) * weibull, rel=1e-13)


def test_a_driver_forgotten_at_once_leaves_its_mean_hazard() -> None:
    found, _ = accumulated(
        1.0, 3.0, pulled=2.0, variance=0.6, persistence=0.0, autoregressive=1e-12
    )
    assert found == pytest.approx(np.exp(0.3) * (3.0**0.6 - 1.0), rel=1e-12)


@pytest.mark.parametrize("setting", SETTINGS)
def test_entering_late_takes_off_what_came_before(setting: dict[str, float]) -> None:
    late, _ = accumulated(1.88, 12.0, **setting)
    difference = accumulated(0.0, 12.0, **setting)[0] - accumulated(0.0, 1.88, **setting)[0]
    assert late == pytest.approx(difference, rel=1e-3)
    assert late == pytest.approx(by_quadrature(1.88, 12.0, **setting), rel=1e-4)


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize(
    ("start", "length", "within"), [(0.0, DAY, 2e-3), (0.5, DAY, 1e-6), (0.0, 339 * DAY, 0.03)]
)
def test_the_interval_of_an_event_takes_one_node(
    setting: dict[str, float], start: float, length: float, within: float
) -> None:
    _, event = accumulated(0.0, start, start + length, **setting)
    assert event == pytest.approx(by_quadrature(start, start + length, **setting), rel=within)


def test_an_empty_interval_accumulates_nothing() -> None:
    assert accumulated(0.0, 0.0) == (0.0, 0.0)
    assert accumulated(0.0, 3.0)[1] == 0.0


def test_streams_rows_and_draws_do_not_touch_each_other() -> None:
    rng = np.random.default_rng(3)
    ages = np.log(np.sort(rng.uniform(0.01, 30.0, (3, 5, 4)), axis=0))
    scale, pulled = rng.normal(-1, 1, (2, 5, 4)), rng.normal(0, 1, (2, 5, 4))
    shape, variance = rng.uniform(0.3, 1.3, (2, 1, 4)), rng.uniform(0.1, 1, (2, 1, 4))
    rho2, phi = rng.uniform(0.5, 0.95, (2, 1, 1)), rng.uniform(0.8, 0.97, (2, 1, 1))
    watched, event = hazard.accumulated(ages, scale, shape, pulled, variance, rho2, phi, np)
    for draw, row, stream in ((0, 0, 0), (1, 3, 2), (0, 4, 3)):
        alone = accumulated(
            *np.exp(ages[:, row, stream]),
            log_scale=scale[draw, row, stream],
            shape=shape[draw, 0, stream],
            pulled=pulled[draw, row, stream],
            variance=variance[draw, 0, stream],
            persistence=rho2[draw, 0, 0],
            autoregressive=phi[draw, 0, 0],
        )
        assert alone == pytest.approx((watched[draw, row, stream], event[draw, row, stream]))


# ---- what drivers do ----------------------------------------------------------------------------

R = np.array([[1, 0.4, -0.2, 0], [0.4, 1, 0.3, 0.1], [-0.2, 0.3, 1, -0.5], [0, 0.1, -0.5, 1]])
EFFECTS = np.array(
    [[0.9, -0.1, 0.2, 0.4], [0.5, 0.3, -0.6, 0.1], [-0.2, 0.8, 0, 0.3], [0, 0, 0.7, -0.9]]
)


def test_the_pull_of_drivers_is_an_inner_product_by_row_and_stream() -> None:
    x = np.random.default_rng(4).normal(size=(3, 6, 4))
    np.testing.assert_allclose(hazard.pull(EFFECTS, x), x @ EFFECTS.T, rtol=1e-13)


def test_the_variance_of_the_pull_is_the_quadratic_form() -> None:
    found = hazard.effect_variance(EFFECTS, np.linalg.cholesky(R))
    np.testing.assert_allclose(found, np.diag(EFFECTS @ R @ EFFECTS.T), rtol=1e-13)


def test_the_hazard_of_history_is_the_mean_over_the_paths_of_its_drivers() -> None:
    months, n = 60, 40_000
    rng = np.random.default_rng(5)
    factor, z = np.linalg.cholesky(R), np.array([1.2, -0.4, 0.6, -1.0])
    # Paths given their start: of a free path, replace what its own start tells of later months.
    each = np.full(n, RHO2), np.full(n, PHI)
    free = drivers.standing(each[0], factor, rng.standard_normal((n, 4)), np)[:, None, :]
    free = free + drivers.deviations(
        *each, factor, rng.standard_normal((n, months, 4)), np, months=months
    )
    g = drivers.memory(RHO2, PHI, np.arange(months) / 12.0, np)[:, None]
    x = free + g * (z - free[:, :1, :])
    ages = np.arange(months + 1) / 12.0
    for beta, shape in zip(EFFECTS, (0.45, 0.6, 0.8, 1.2), strict=True):
        step = np.diff(ages**shape)
        # Drivers in the middle of a month: the mean of its two ends, and the end for the last.
        middle = (x + np.concatenate([x[:, 1:], x[:, -1:]], axis=1)) / 2.0
        simulated = (np.exp(middle @ beta) * step).sum(-1)
        found, _ = accumulated(
            0.0, ages[-1], shape=shape, pulled=float(beta @ z), variance=float(beta @ R @ beta)
        )
        error = 4.0 * simulated.std() / np.sqrt(n)
        assert found == pytest.approx(simulated.mean(), abs=error + 0.01 * found)


def test_pressure_raises_the_hazard_where_its_effect_is_positive() -> None:
    calm = np.zeros((1, 4))
    for driver in range(4):
        pressed = calm.copy()
        pressed[0, driver] = 1.0
        change = hazard.pull(EFFECTS, pressed) - hazard.pull(EFFECTS, calm)
        np.testing.assert_array_equal(np.sign(change[0]), np.sign(EFFECTS[:, driver]))
    assert accumulated(0.0, 5.0, pulled=0.5)[0] > accumulated(0.0, 5.0, pulled=-0.5)[0]
    assert accumulated(0.0, 5.0, log_scale=0.3)[0] > accumulated(0.0, 5.0)[0]


def test_a_bad_start_weighs_more_early_than_late() -> None:
    def times_calm(start: float, stop: float) -> float:
        return accumulated(start, stop, pulled=1.0)[0] / accumulated(start, stop)[0]

    assert np.exp(1.0) > times_calm(0, 0.25) > times_calm(1, 2) > times_calm(10, 20)
    assert times_calm(10, 20) == pytest.approx(np.exp(RHO2), rel=1e-4)


# ---- Weibull ------------------------------------------------------------------------------------

SHAPE, ALPHA = 0.55, -1.4
LAW = stats.weibull_min(SHAPE, scale=np.exp(-ALPHA / SHAPE))


def test_intervals_and_survival_are_those_of_scipys_weibull() -> None:
    for start, end in ((0.0, DAY), (0.02, 0.9), (3.0, 3.0 + DAY), (7.0, 60.0)):
        watched, event = accumulated(0.0, start, end, log_scale=ALPHA, shape=SHAPE)
        chance = np.exp(hazard.log_happened(event, np) - watched)
        assert chance == pytest.approx(LAW.cdf(end) - LAW.cdf(start), rel=1e-9)
        assert np.exp(-watched) == pytest.approx(LAW.sf(start), rel=1e-12)
        powers = hazard.weibull(*hazard.log_years([start, end]), SHAPE, np)
        assert np.exp(ALPHA) * powers == pytest.approx(event, rel=1e-9)


def test_tiny_chances_keep_their_digits() -> None:
    assert hazard.log_happened(1e-300, np) == pytest.approx(np.log(1e-300), rel=1e-15)
    assert hazard.log_happened(1e-9, np) == pytest.approx(np.log(1e-9) - 0.5e-9, rel=1e-14)
    assert hazard.log_happened(50.0, np) == pytest.approx(-np.exp(-50.0), rel=1e-10)


def test_age_zero_weighs_nothing_beside_a_day() -> None:
    assert hazard.weibull(hazard.log_years(0.0), hazard.log_years(DAY), 0.3, np) == pytest.approx(
        DAY**0.3, rel=1e-7
    )


# ---- published fits -----------------------------------------------------------------------------

MOMENT = 1e-6
"""Width of the interval in which an event known to the instant lies: a density, times this."""


def log_likelihood(
    ages: np.ndarray, events: np.ndarray, log_scale: Any, shape: Any, xp: Any = np
) -> Any:
    """Log density of events and chance of censorings by the hazard part alone, drivers at zero."""
    edges = hazard.log_years([np.zeros_like(ages), ages, ages + MOMENT])[..., None]
    zero, one = np.zeros((ages.size, 1)), np.ones((1, 1))
    watched, event = hazard.accumulated(
        *(edges, log_scale, shape * one, zero, 0.0 * one, 0.5 * one, 0.9 * one, xp)
    )
    density = hazard.log_happened(event, xp) - np.log(MOMENT)
    return (events[:, None] * density - watched).sum()


def maximum(function: Callable[[Any], float], start: list[float]) -> tuple[Any, float]:
    options = {"xatol": 1e-6, "fatol": 1e-7}
    fit = minimize(lambda p: -function(p), start, method="Nelder-Mead", options=options)
    assert fit.success
    return fit.x, -fit.fun


@pytest.fixture(scope="module")
def missions(reference_data: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Months, whether the mission ended, and its covariates: civil, interstate."""
    with (reference_data / "reference" / "un_missions.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 54
    months = np.array([float(row["Duration"]) for row in rows])
    ended = 1.0 - np.array([float(row["Censored"]) for row in rows])
    kinds = np.array([[float(row["CivilWar"]), float(row["InterState"])] for row in rows])
    return months, ended, kinds


def of_missions(missions: tuple[np.ndarray, ...], parameters: np.ndarray) -> float:
    """Log-likelihood of log shape, α and two effects; the unit of age is a month."""
    months, ended, kinds = missions
    log_shape, alpha, *effects = parameters
    scale = alpha + kinds @ np.array(effects)
    return float(log_likelihood(months, ended, scale[:, None], np.exp(log_shape)))


def accelerated(parameters: np.ndarray) -> np.ndarray:
    """Turn log shape, α and effects on the hazard into intercept and effects on log time."""
    return -parameters[..., 1:] / np.exp(parameters[..., :1])


def test_united_nations_missions_have_their_published_weibull_fit(
    missions: tuple[np.ndarray, ...], reference_data: Path
) -> None:
    expected = json.loads((reference_data / "reference" / "expected.json").read_text("utf-8"))
    weibull = expected["bsj2004_un"]["computed"]["weibull"]
    best, top = maximum(lambda p: of_missions(missions, p), [-0.1, -3.0, 0.5, -1.0])
    assert top == pytest.approx(weibull["ll"], abs=5e-4)
    assert top == pytest.approx(-201.153, abs=5e-4)
    np.testing.assert_allclose(accelerated(best), weibull["b"], atol=2e-4)
    np.testing.assert_allclose(accelerated(best), [4.288, -1.100, 1.737], atol=6e-4)
    assert np.exp(best[0]) == pytest.approx(0.807, abs=5e-4)
    assert best[0] == pytest.approx(-weibull["log_scale"], abs=1e-4)


@pytest.mark.slow
def test_under_flat_priors_the_posterior_of_the_missions_lies_on_that_fit(
    missions: tuple[np.ndarray, ...], reference_data: Path
) -> None:
    import nutpie
    import pymc as pm
    import pytensor.tensor as pt

    months, ended, kinds = missions
    with pm.Model() as model:
        parameters = pm.Flat("parameters", shape=4)
        scale = parameters[1] + (parameters[None, 2:] * kinds).sum(-1)
        term = log_likelihood(months, ended, scale[:, None], pt.exp(parameters[0]), pt)
        pm.Potential("likelihood", term)
    compiled = nutpie.compile_pymc_model(model)
    fit = nutpie.sample(compiled, draws=2000, tune=500, chains=4, seed=1, progress_bar=False)
    draws = fit.posterior["parameters"].to_numpy().reshape(-1, 4)
    expected = json.loads((reference_data / "reference" / "expected.json").read_text("utf-8"))
    weibull = expected["bsj2004_un"]["computed"]["weibull"]
    times, shape = accelerated(draws), np.exp(draws[:, 0])
    # Flat on α, effects and log shape: the estimates lie in the middle, by the published errors.
    np.testing.assert_allclose(times.std(axis=0), weibull["se"], rtol=0.15)
    assert np.all(np.abs(times.mean(axis=0) - weibull["b"]) < 0.25 * times.std(axis=0))
    assert abs(shape.mean() - 0.807) < 0.25 * shape.std()


RUNGS = ["first_force", "first_fatal_new", "first_war", "abrogated", "breakdown"]


@pytest.mark.parametrize("rung", RUNGS)
def test_our_own_agreements_have_their_published_weibull_fits(
    rung: str, reference_data: Path
) -> None:
    row = published(reference_data)["core_clean", rung]
    ages, events = observations([a for a in AGREEMENTS if a.set == "core"], rung)
    ages = np.maximum(ages, 0.5 * DAY)

    def function(parameters: np.ndarray) -> float:
        shape, alpha = np.exp(parameters[0]), parameters[1]
        return float(log_likelihood(ages, events, np.full((ages.size, 1), alpha), shape))

    best, _ = maximum(function, [-0.5, -2.0])
    shape = np.exp(best[0])
    assert shape == pytest.approx(float(row["weibull_shape"]), abs=2e-4)
    assert np.exp(-best[1] / shape) == pytest.approx(float(row["weibull_scale_y"]), rel=1e-3)
