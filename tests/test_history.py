"""History beside the model: curves, outcomes in words, precedents, and what was learned."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from durability.models.breakdown import FORWARD
from fitted import drawn_fit, made_fit, narrow_fit
from scipy.integrate import quad
from worlds import bare

from durability import history
from durability.inference import Fit
from durability.ladder import Observed, Spell, first_times, kaplan_meier
from durability.summaries import INTERVAL
from durability.vocabulary import DAYS_PER_YEAR, DRIVERS, RUNGS, STREAMS


@pytest.fixture(scope="module")
def drawn() -> Fit:
    return drawn_fit(draws=30, seed=2)


# ---- what became of an agreement ----------------------------------------------------------------


def spell(**reached: float) -> Spell:
    """Give a spell watched for 30 years in which rungs were reached at ages in years."""

    def observed(name: str) -> Observed:
        days = DAYS_PER_YEAR * reached.get(name, 30.0)
        return Observed(stop_days=days, event=name in reached, event_end_days=days + 1)

    ended = {"breakdown": min(reached.get("war", 30.0), reached.get("abrogation", 30.0))}
    if {"war", "abrogation"} & set(reached):
        reached = {**reached, **ended}
    return Spell(
        agreement="R001",
        entry_days=0.0,
        streams=tuple(observed(stream) for stream in STREAMS),
        rungs=tuple(observed(rung) for rung in RUNGS),
        limit_days=(30 * DAYS_PER_YEAR,) * 4,
        weight=1.0,
    )


@pytest.mark.parametrize(
    ("reached", "said"),
    [
        ({}, "no war or abrogation in 30 years watched"),
        ({"force": 2.0}, "force after 2.0 years; no war or abrogation in 30 years watched"),
        (
            {"force": 2.0, "fatal": 3.46},
            "fatal clash after 3.5 years; no war or abrogation in 30 years watched",
        ),
        ({"force": 0.5, "fatal": 0.5, "war": 6.61}, "war after 6.6 years"),
        ({"force": 1.0, "abrogation": 12.0}, "abrogation after 12.0 years"),
    ],
)
def test_an_outcome_is_told_by_its_worst_rung(
    reached: dict[str, float], said: str, drawn: Fit
) -> None:
    assert history.outcome(drawn.model.data.agreements[0], spell(**reached)) == said


# ---- curves -------------------------------------------------------------------------------------


def test_kaplan_meier_is_the_ladders_in_years(drawn: Fit) -> None:
    told = history.compare(drawn, drawn.theta())["kaplan_meier"]
    for rung in RUNGS:
        times, events, weights = first_times(drawn.model.data.spells, rung)
        curve = kaplan_meier(times, events, weights, interval_probability=INTERVAL)
        np.testing.assert_allclose(
            told[rung]["age_years"], np.array(curve.ages) / DAYS_PER_YEAR, rtol=1e-15
        )
        for name in ("survival", "low", "high"):
            assert told[rung][name] == list(getattr(curve, name)), (rung, name)


def test_implied_survival_starts_at_one_never_rises_and_nests(drawn: Fit) -> None:
    theta = drawn.theta()
    told = history.compare(drawn, theta)
    for curves in (told["model"], told["prior_model"]):
        for rung in RUNGS:
            for name in ("mean", "low", "high"):
                values = np.array(curves[rung][name])
                assert values[0] == pytest.approx(1.0, abs=1e-9)
                assert (np.diff(values) <= 1e-12).all(), (rung, name)
                assert values.min() >= 0.0
            assert (np.array(curves[rung]["low"]) <= curves[rung]["high"]).all()
        force, fatal, war, both = (
            np.array(curves[rung]["mean"]) for rung in ("force", "fatal", "war", "breakdown")
        )
        assert (force <= fatal + 1e-12).all()
        assert (fatal <= war + 1e-12).all()
        assert (both <= war + 1e-12).all()


def test_implied_survival_is_the_weighted_mean_of_agreements_worked_by_hand(drawn: Fit) -> None:
    fit = made_fit(
        drawn.model,
        {name: values[:1] for name, values in drawn.theta().items()},
        replace(drawn.settings, draws=1, chains=1),
    )
    theta, data = fit.theta(), fit.model.data
    latent = fit.model.module.latents(theta, fit.model.arrays, np)
    scale = fit.model.module.log_scales(theta, latent, fit.model.arrays)[0]
    rho2 = theta["persistence"][0]
    phi = 0.5 ** (1.0 / theta["half_life_months"][0])
    correlation = latent["cholesky"][0] @ latent["cholesky"][0].T
    years, weights, alive = 3.0, [], []
    for j, each in enumerate(data.spells):
        total = 0.0
        for stream in ("fatal", "war"):
            k = STREAMS.index(stream)
            beta, s = latent["effects"][0, k], latent["shapes"][0, k]
            z = latent["history_standing"][0, j]

            def rate(v: float, beta: np.ndarray = beta, s: float = s, z: np.ndarray = z) -> float:
                g = rho2 + (1 - rho2) * phi ** (12 * v ** (1 / s))
                return float(np.exp(g * beta @ z + 0.5 * (1 - g**2) * (beta @ correlation @ beta)))

            total += np.exp(scale[j, k]) * quad(rate, 0.0, years**s, limit=200)[0]
        weights.append(each.weight)
        alive.append(np.exp(-total))
    expected = np.average(alive, weights=weights)
    told = history.compare(fit, theta)["model"]["fatal"]
    at = told["age_years"].index(years)
    assert told["mean"][at] == pytest.approx(expected, rel=2e-3)


def test_history_is_counted_as_it_trains(drawn: Fit) -> None:
    told = history.compare(drawn, drawn.theta())
    spells = drawn.model.data.spells
    assert told["subset"] == "core"
    assert told["agreements"] == len(spells) == 66
    for stream in STREAMS:
        assert told["events"][stream] == sum(each.stream(stream).event for each in spells)


def test_the_hazard_of_an_age_is_zero_at_none_and_grows(drawn: Fit) -> None:
    found = history.cumulative_by_age(drawn, drawn.theta(), np.array([0.0, 0.5, 10.0]))
    assert found.shape == (60, 3, 66, 4)
    assert np.abs(found[:, 0]).max() < 1e-9
    assert (np.diff(found, axis=1) > 0.0).all()


# ---- precedents ---------------------------------------------------------------------------------


def test_precedents_are_the_nearest_by_mahalanobis_distance() -> None:
    fit = narrow_fit(seed=5)
    posterior = fit.tree["posterior"].to_dataset().mean(("chain", "draw"))
    now = posterior["pressure"].values[-1]
    inverse = np.linalg.inv(posterior["correlation"].values)
    distances = {
        name: float(np.sqrt((z - now) @ inverse @ (z - now)))
        for name, z in zip(
            fit.model.data.coords["agreement"],
            posterior["history_standing"].values,
            strict=True,
        )
    }
    told = history.compare(fit, fit.theta())["precedents"]
    nearest = sorted(distances, key=distances.__getitem__)[: history.PRECEDENTS]
    assert [each["id"] for each in told] == nearest
    for each in told:
        assert each["distance"] == pytest.approx(distances[each["id"]], rel=1e-9)
        row = fit.model.data.agreements[fit.model.data.coords["agreement"].index(each["id"])]
        assert (each["name"], each["start"]) == (row.name, row.start.isoformat())
        assert list(each["ratings"]) == list(DRIVERS)


def test_a_case_of_which_nothing_is_known_is_near_to_none() -> None:
    fit = narrow_fit(bare(), seed=5)
    assert history.compare(fit, fit.theta())["precedents"] == []


def test_the_case_itself_is_no_precedent() -> None:
    fit = narrow_fit(seed=5)
    told = history.compare(fit, fit.theta())["precedents"]
    assert not {each["id"] for each in told} & set(fit.model.data.case.excluded)


# ---- what was learned ---------------------------------------------------------------------------


def test_draws_of_the_prior_have_learned_nothing(drawn: Fit) -> None:
    prior = drawn_fit(draws=4000, chains=1, seed=8).theta()
    fit = drawn_fit(draws=4000, chains=1, seed=9)
    for effect in history.learned(fit, prior)["effects"]:
        assert effect["share_learned"] == pytest.approx(0.0, abs=0.12), effect["parameter"]
        assert effect["prior"]["mean"] == pytest.approx(effect["posterior"]["mean"], abs=0.05)


def test_the_share_learned_is_the_share_of_variance_that_went(drawn: Fit) -> None:
    # Effects half as spread around the same mean: three quarters of the variance are gone.
    prior = drawn.theta()
    mean = prior["effect_mean"].mean(axis=0)
    narrowed = {
        **prior,
        "effect_mean": mean + 0.5 * (prior["effect_mean"] - mean),
        "effect_spread": 0.0 * prior["effect_spread"],
    }
    wide = {**prior, "effect_spread": 0.0 * prior["effect_spread"]}
    fit = made_fit(drawn.model, narrowed, drawn.settings)
    effects = history.learned(fit, wide)["effects"]
    assert [effect["parameter"] for effect in effects] == [
        f"beta[{stream}, {driver}]" for stream in STREAMS for driver in DRIVERS
    ]
    for effect in effects:
        assert effect["share_learned"] == pytest.approx(0.75, abs=1e-9)
        d = DRIVERS.index(effect["driver"])
        low, high = np.quantile(narrowed["effect_mean"][:, d], [0.05, 0.95])
        assert effect["posterior"]["low"] == pytest.approx(low)
        assert effect["posterior"]["high"] == pytest.approx(high)


def test_every_learned_parameter_stands_beside_its_prior_once(drawn: Fit) -> None:
    rows = history.learned(drawn, drawn.theta())["parameters"]
    names = [row["name"] for row in rows]
    assert len(names) == len(set(names))
    priors = drawn.model.priors.parameters
    told = {name.split("[")[0] for name in names}
    fixed = {name for name, prior in priors.items() if prior.distribution == "fixed"}
    assert told == set(priors) - fixed - {"correlation", *FORWARD}
    by_name = {row["name"]: row for row in rows}
    theta, coords = drawn.theta(), drawn.model.data.coords
    second = coords["coder"][1]
    for name, values in (
        ("intercept_war", theta["intercept"][:, STREAMS.index("war")]),
        ("event_error_step_c", theta["event_error"][:, 2]),
        (f"discrimination[{second}]", theta["discrimination"][:, 1]),
        ("persistence", theta["persistence"]),
    ):
        row = by_name[name]
        assert row["posterior"]["mean"] == pytest.approx(values.mean()), name
        assert row["meaning"] == priors[name.split("[")[0]].meaning
        assert row["status"] == priors[name.split("[")[0]].status
