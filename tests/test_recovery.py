"""Recovery: what the model makes of data simulated from known, asymmetric truths.

The simulation is written anew here, in plain NumPy from the formulas of ``docs/theory.md``; of the
library it takes only which agreement has which covariates and which reading is of what.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from durability.models import breakdown
from scipy import stats
from worlds import DEFAULT_PRIORS, Arrays, flagship, history, item, standing, window

from durability.agreements import Agreement, AgreementRating
from durability.assembly import ModelData, assemble
from durability.calendar import add_months
from durability.cases import Case
from durability.inference import Fit, build, fit
from durability.prior_sets import PriorSet, read_priors
from durability.vocabulary import DAYS_PER_YEAR, DRIVERS, STREAMS

AGREEMENTS, EVENTS, FIRST_MONTH = 240, 320, date(2018, 1, 1)
FORCE, FATAL, WAR, ABROGATION = range(4)

CORRELATION = np.array(
    [
        [1.0, 0.4, 0.25, -0.15],
        [0.4, 1.0, 0.3, 0.1],
        [0.25, 0.3, 1.0, -0.2],
        [-0.15, 0.1, -0.2, 1.0],
    ]
)
EFFECT_MEAN = np.array([0.9, -0.55, 0.4, -0.3])
TRUTH: Arrays = {
    "correlation": CORRELATION,
    "persistence": np.array(0.72),
    "half_life_months": np.array(7.0),
    "effect_mean": EFFECT_MEAN,
    "beta": EFFECT_MEAN
    + np.array(
        [[0.12, -0.1, 0.2, 0.0], [-0.15, 0.1, -0.05, 0.2], [0.1, 0.0, -0.2, -0.15], [0.0] * 4]
    ),
    "weibull_shape": np.array([0.62, 0.78, 0.53, 1.3]),
    "intercept": np.array([-0.7, -1.2, -1.5, -3.4]),
    "covariate_effect": np.array([0.7, -0.6, 0.3, 0.5, -0.35]),
    "cluster_sd": np.array(0.6),
    "dyad_sd": np.array(0.25),
    "discrimination": np.array([3.2, 1.8]),
    "cutpoint_location": np.array([0.6, -0.9, 0.2, -0.4, -0.5, 0.7, -1.1, 1.3]),
    "cutpoint_gap": np.array([1.5, 1.0, 2.1, 1.2, 1.8]),
    "level_change": np.array(0.35),
    "event_sd": np.array([0.35, 0.7, 1.2]),
    "noise": np.array([0.02, 0.05, 0.15]),
    "indicator_intercept": np.array([1.4]),
    "indicator_slope": np.array([0.8]),
    "indicator_dispersion": np.array([3.0]),
}
HINDSIGHT, SHARED_ERROR = 0.25, 0.3
"""What the default prior set fixes."""


# ---- a world ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Simulated data, and the drivers behind them."""

    data: ModelData
    pressure: np.ndarray
    standings: np.ndarray


def agreements(rng: np.random.Generator) -> tuple[Agreement, ...]:
    """Make up agreements in families of six and pairs of two, with mixed covariates."""
    template = next(row for row in history() if row.set == "core")
    zero = {driver: 0 for driver in DRIVERS}
    ratings = tuple(
        AgreementRating(coder=coder, confidence=1.0, rationale="", **zero) for coder in ("a", "b")
    )
    return tuple(
        replace(
            template,
            id=f"S{i:03d}",
            dyad=f"{1000 + i // 2}-{3000 + i // 2}",
            cluster=f"C{i // 6}",
            war=f"COW{i}" if rng.random() < 0.7 else f"M{i}",
            start=date(1950, 1, 1) + timedelta(days=37 * i),
            state_end=None,
            contiguous=bool(rng.random() < 0.6),
            war_outcome="decisive" if rng.random() < 0.4 else "tie",
            third_party=bool(rng.random() < 0.5),
            territorial_unresolved=bool(rng.random() < 0.55),
            ratings=ratings,
        )
        for i in range(AGREEMENTS)
    )


def case(rng: np.random.Generator) -> Case:
    """Make up a case that has hardly been watched, so that nothing selects its path."""
    base = flagship()
    last = base.covered_until
    days = (last - FIRST_MONTH).days
    when = [FIRST_MONTH + timedelta(days=int(d)) for d in rng.integers(40, days, EVENTS)]
    news = tuple(
        item(f"E{i:03d}", day, driver=DRIVERS[i % 4], grade="ABC"[int(rng.integers(3))])
        for i, day in enumerate(when)
    )
    months = [add_months(FIRST_MONTH, m) for m in range(100)]
    windows = tuple(window(m, add_months(m, 1) - timedelta(days=1), 0) for m in months)
    return replace(
        base,
        grid_start=FIRST_MONTH,
        clock_start=last,
        deal=last,
        observed_to=dict.fromkeys(STREAMS, last),
        news=news,
        indicators=windows,
        standings=tuple(standing(last, coder=coder) for coder in ("a", "b")),
        dyad="its pair",
        cluster="its own",
    )


def simulated(seed: int) -> World:
    """Simulate history, ratings, news and counts from :data:`TRUTH`."""
    rng = np.random.default_rng(seed)
    made = assemble(case(rng), agreements(rng))
    chol = np.linalg.cholesky(CORRELATION)
    standings = rng.standard_normal((AGREEMENTS, 4)) @ chol.T
    pressure = driver_path(len(made.coords["month"]), chol, rng)
    ages, event = outcomes(made, standings, frailties(made, rng), rng)
    broke = event[:, [WAR, ABROGATION]].astype(bool) & (ages[1][:, [WAR, ABROGATION]] <= 10.0)
    arrays = dict(made.arrays)
    arrays["history_log_ages"] = np.log(np.maximum(ages, 1e-30))
    arrays["history_event"], arrays["history_years"] = event, ages[1].max(axis=1)
    hindsight = np.append(broke.any(axis=1).astype(float), 0.0)
    arrays["coding_broke"] = hindsight[arrays["coding_row"]]
    arrays["reading_level"] = readings(arrays, standings, pressure, rng)
    arrays["window_count"] = counts(arrays, pressure, rng)
    return World(data=replace(made, arrays=arrays), pressure=pressure, standings=standings)


def driver_path(months: int, chol: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    rho2, phi = TRUTH["persistence"], 0.5 ** (1.0 / TRUTH["half_life_months"])
    mean = np.sqrt(rho2) * chol @ rng.standard_normal(4)
    deviation = np.sqrt(1.0 - rho2) * chol @ rng.standard_normal(4)
    path = []
    for _ in range(months):
        path.append(mean + deviation)
        shock = np.sqrt((1.0 - phi**2) * (1.0 - rho2)) * chol @ rng.standard_normal(4)
        deviation = phi * deviation + shock
    return np.array(path)


def frailties(made: ModelData, rng: np.random.Generator) -> dict[str, float]:
    """Draw what clusters and pairs differ by, in the order of the data."""
    clusters = {c: TRUTH["cluster_sd"] * rng.standard_normal() for c in made.coords["cluster"]}
    dyads = {d: TRUTH["dyad_sd"] * rng.standard_normal() for d in made.coords["dyad"]}
    return {name: float(value) for name, value in {**clusters, **dyads}.items()}


def outcomes(
    made: ModelData, standings: np.ndarray, frailty: dict[str, float], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Give ages in years (start, stop, end) and events of every agreement and stream."""
    own = rng.permutation(np.linspace(3.0, 45.0, AGREEMENTS))
    ages, events = np.zeros((3, AGREEMENTS, 4)), np.zeros((AGREEMENTS, 4))
    for j, row in enumerate(made.agreements):
        scale = made.arrays["row_covariates"][j] @ TRUTH["covariate_effect"]
        scale += frailty[row.cluster] + frailty[row.dyad]
        clock = [first_time(k, scale, standings[j], rng) for k in range(4)]
        stops, hits = watched(clock, own[j])
        ages[1, j], ages[2, j] = stops, stops + np.array(hits) / DAYS_PER_YEAR
        events[j] = hits
    return ages, events


def first_time(k: int, scale: float, z: np.ndarray, rng: np.random.Generator) -> float:
    """Draw when a stream would first strike, by inverting its expected hazard."""
    shape, effect = TRUTH["weibull_shape"][k], TRUTH["beta"][k]
    years = np.concatenate([[0.0], np.geomspace(1e-5, 60.0, 1500)])
    rho2 = TRUTH["persistence"]
    g = rho2 + (1.0 - rho2) * 0.5 ** (12.0 * years / TRUTH["half_life_months"])
    mean = np.exp(g * (effect @ z) + 0.5 * (1.0 - g**2) * (effect @ CORRELATION @ effect))
    steps = np.diff(years**shape) * (mean[1:] + mean[:-1]) / 2.0
    total = np.exp(TRUTH["intercept"][k] + scale) * np.concatenate([[0.0], np.cumsum(steps)])
    return float(np.interp(rng.exponential(), total, years, right=np.inf))


def watched(clock: list[float], limit: float) -> tuple[np.ndarray, list[bool]]:
    """Watch each stream to the first event of its mark or worse, a denunciation, or the limit."""
    stops, hits = [], []
    for k in range(4):
        worse = [*clock[k : WAR + 1], clock[ABROGATION]] if k < ABROGATION else clock[WAR:]
        stop = min(*worse, limit)
        hits.append(stop == clock[k])
        stops.append(np.floor(stop * DAYS_PER_YEAR) / DAYS_PER_YEAR)
    return np.array(stops), hits


def readings(
    arrays: Any, standings: np.ndarray, pressure: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Write every reading's level; an event's two copies are one reading."""
    anchors = pressure[arrays["anchor_month"]]
    seen = [
        np.vstack([standings, anchors])[row, driver]
        + HINDSIGHT * broke
        + SHARED_ERROR * rng.standard_normal()
        for row, driver, broke in zip(
            arrays["coding_row"], arrays["coding_driver"], arrays["coding_broke"], strict=True
        )
    ]
    for month, driver, grade in zip(
        arrays["event_month"], arrays["event_driver"], arrays["event_grade"], strict=True
    ):
        sd = TRUTH["event_sd"][grade]
        told = pressure[month, driver] - TRUTH["level_change"] * pressure[month - 1, driver]
        told += sd * rng.standard_normal()
        noise = rng.random() < TRUTH["noise"][grade]
        seen.append(np.sqrt(1.0 + sd**2) * rng.standard_normal() if noise else told)
    gaps = np.concatenate([[0.0], np.cumsum(TRUTH["cutpoint_gap"])])
    inner = gaps - gaps.mean()
    levels, said = [], {}
    events = len(arrays["event_month"])
    for coder, location, thing in zip(
        arrays["reading_coder"], arrays["reading_location"], arrays["reading_thing"], strict=True
    ):
        original = thing if thing < len(seen) else thing - events
        if (original, coder) not in said:
            predictor = TRUTH["discrimination"][coder] * seen[original] + rng.logistic()
            cuts = TRUTH["cutpoint_location"][location] + inner
            said[original, coder] = int(sum(predictor > cut for cut in cuts))
        levels.append(said[original, coder])
    return np.array(levels)


def counts(arrays: Any, pressure: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    driver = arrays["indicator_driver"][0]
    a, b = TRUTH["indicator_intercept"][0], TRUTH["indicator_slope"][0]
    mean = arrays["window_share"][:, :, 0] @ np.exp(a + b * pressure[:, driver])
    size = TRUTH["indicator_dispersion"][0]
    return rng.poisson(rng.gamma(size, mean / size)).astype(float)


def flat_effects() -> PriorSet:
    """Give the default priors with effects that are wide and lean neither way."""
    found = read_priors(DEFAULT_PRIORS)
    wide = MappingProxyType({"mean": 0.0, "sd": 1.0})
    changed = {
        name: replace(prior, values=wide)
        for name, prior in found.parameters.items()
        if name.startswith(("effect_", "covariate_")) and name != "effect_spread"
    }
    return replace(found, parameters=MappingProxyType({**found.parameters, **changed}))


# ---- the score ----------------------------------------------------------------------------------


def test_at_the_truth_the_likelihood_of_outcomes_leans_nowhere() -> None:
    """The score at the truth has mean zero: exact, and no prior or sampler has a say in it."""
    rng = np.random.default_rng(0)
    made = assemble(case(rng), agreements(rng))
    chol = np.linalg.cholesky(CORRELATION)
    scores: dict[tuple[str, tuple[int, ...]], list[float]] = {}
    for _ in range(25):
        standings = rng.standard_normal((AGREEMENTS, 4)) @ chol.T
        frailty = frailties(made, rng)
        ages, event = outcomes(made, standings, frailty, rng)
        arrays = {**made.arrays, "history_event": event}
        arrays["history_log_ages"] = np.log(np.maximum(ages, 1e-30))
        known = (standings, np.array(list(frailty.values())), chol, arrays)
        for name in LEANING:
            for place in np.ndindex(TRUTH[name].shape):
                scores.setdefault((name, place), []).append(score(name, place, *known))
    for (name, place), found in scores.items():
        z = np.mean(found) / np.std(found) * np.sqrt(len(found))
        assert abs(z) < 4.5, (name, place, z)
        # What the lean would move the estimate by, against a standard error of one such world.
        assert abs(np.mean(found)) / np.std(found) < 0.9, (name, place)


LEANING = (
    "intercept",
    "weibull_shape",
    "beta",
    "covariate_effect",
    "persistence",
    "half_life_months",
)


def score(
    name: str,
    place: tuple[int, ...],
    standings: np.ndarray,
    frailty: np.ndarray,
    chol: np.ndarray,
    arrays: Any,
) -> float:
    """Slope of the log-likelihood of the outcomes in one parameter, at the truth."""
    step = np.zeros(TRUTH[name].shape)
    step[place] = 1e-4
    found = []
    for sign in (1.0, -1.0):
        truth = {**TRUTH, name: TRUTH[name] + sign * step}
        theta = {"persistence": truth["persistence"], "intercept": truth["intercept"]}
        theta["covariate_effect"] = truth["covariate_effect"]
        latent = {
            "effects": truth["beta"],
            "shapes": truth["weibull_shape"],
            "cholesky": chol,
            "history_standing": standings,
            "frailty": frailty,
            "autoregressive": 0.5 ** (1.0 / truth["half_life_months"]),
        }
        found.append(float(breakdown.outcomes(theta, latent, arrays, np).sum()))
    return (found[0] - found[1]) / 2e-4


# ---- what comes back ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def world() -> World:
    return simulated(seed=20261122)


@pytest.fixture(scope="module")
def fitted(world: World) -> Fit:
    return fit(build(world.data, flat_effects()), draws=300, tune=300, chains=2, seed=5)


def found(fitted: Fit, name: str) -> np.ndarray:
    values = fitted.draws_of(name)
    return values.reshape((len(values), -1))


def test_the_world_is_as_mixed_as_history(world: World) -> None:
    events = world.data.arrays["history_event"].sum(axis=0)
    assert events.min() >= 10
    assert (events < 0.7 * AGREEMENTS).all()
    levels = np.bincount(world.data.arrays["reading_level"].astype(int), minlength=7)
    assert (levels > 0.02 * levels.sum()).all()


@pytest.mark.slow
def test_every_effect_is_recovered_with_its_sign_and_size(fitted: Fit) -> None:
    draws = fitted.draws_of("effect_mean")
    for d, driver in enumerate(DRIVERS):
        truth = EFFECT_MEAN[d]
        assert np.sign(draws[:, d].mean()) == np.sign(truth), driver
        assert abs(draws[:, d].mean() - truth) < 3.5 * draws[:, d].std(), driver
        assert draws[:, d].std() < 0.25, driver  # a quarter of the prior's


@pytest.mark.slow
def test_every_parameter_is_within_reach_of_its_truth(fitted: Fit) -> None:
    for name, truth in TRUTH.items():
        draws = found(fitted, name)
        spread = np.maximum(draws.std(axis=0), 1e-9)
        z = (draws.mean(axis=0) - truth.ravel()) / spread
        assert np.abs(z).max() < 4.0, (name, z.round(1))


@pytest.mark.slow
def test_intervals_hold_the_truth_as_often_as_they_say(fitted: Fit, world: World) -> None:
    inside = []
    for name, truth in TRUTH.items():
        low, high = np.quantile(found(fitted, name), [0.05, 0.95], axis=0)
        free = high > low
        inside += list(((low <= truth.ravel()) & (truth.ravel() <= high))[free])
    assert np.mean(inside) > 0.78
    low, high = np.quantile(fitted.draws_of("history_standing"), [0.05, 0.95], axis=0)
    assert 0.84 < ((low <= world.standings) & (world.standings <= high)).mean() < 0.95
    # One path of four drivers, each with one level: months are far from independent.
    low, high = np.quantile(fitted.draws_of("pressure"), [0.05, 0.95], axis=0)
    assert ((low <= world.pressure) & (world.pressure <= high)).mean() > 0.6


@pytest.mark.slow
def test_drivers_are_followed_through_news_and_standings_through_ratings(
    fitted: Fit, world: World
) -> None:
    for name, truth, least in (
        ("pressure", world.pressure, 0.8),
        ("history_standing", world.standings, 0.85),
    ):
        mean = fitted.draws_of(name).mean(axis=0)
        assert stats.pearsonr(mean.ravel(), truth.ravel()).statistic > least, name
