"""Forecasts: numbers that add up, carry their error, and stand in the published schema."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from durability.models.breakdown import FORWARD
from fitted import made_fit, narrow_fit, with_a_heavier_condition
from worlds import CUTOFF, bare, flagship, happened, item

from durability import checks, forecasts, summaries
from durability.cases import new_case, read_case
from durability.forecasts import Forecast, forecast, shapley, to_dataframe, to_xarray
from durability.inference import Fit
from durability.report import SCHEMA_PATH, record_text
from durability.simulation import incidences, plan_of, simulate
from durability.vocabulary import DRIVERS, HORIZONS_MONTHS, RUNGS, STREAMS

VALIDATOR = jsonschema.Draft202012Validator(
    json.loads(SCHEMA_PATH.read_text(encoding="utf-8")),
    format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER,
)


def valid(made: Forecast) -> dict[str, Any]:
    """Give the record as it is written, having checked it against the schema."""
    record: dict[str, Any] = json.loads(record_text(made.record))
    VALIDATOR.validate(record)
    return record


def quick(fit: Fit, **how: Any) -> Forecast:
    """Forecast from few draws of the priors."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checks, "PRIOR_DRAWS", 100)
        return forecast(fit, **how)


@pytest.fixture(scope="module")
def narrow() -> Fit:
    return narrow_fit(seed=3)


@pytest.fixture(scope="module")
def made(narrow: Fit) -> Forecast:
    return forecast(narrow)


def test_what_has_become_of_a_condition_is_told_though_the_fit_is_the_same() -> None:
    narrow = narrow_fit(draws=80, seed=3)
    quick(narrow)
    assert quick(narrow, since=narrow.key).record["changes"] is None
    changed = with_a_heavier_condition(narrow)
    record = quick(changed, since=narrow.key).record
    assert record["changes"] is not None
    parts = record["changes"]["parts"]
    assert [part["kind"] for part in parts] == ["conditions"]
    first = next(each for each in plan_of(narrow.model.data).pending if each.driver)
    assert parts[0]["label"] == first.name


# ---- sensitivities ------------------------------------------------------------------------------


def test_refits_are_made_when_asked_for_and_not_known_or_sampled_anew(
    narrow: Fit, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[dict[str, Any]] = []
    runs = []

    def refit(fit: Fit, *, progress: Any) -> list[dict[str, Any]]:
        runs.append(fit)
        row = {"name": "Another", "what": "x", "method": "refit", "breakdown": {}, "note": ""}
        kept[:] = [row]
        return list(kept)

    monkeypatch.setattr(forecasts, "run_sensitivities", refit)
    monkeypatch.setattr(forecasts, "known_sensitivities", lambda _: list(kept))

    def names(fit: Fit, **how: Any) -> list[str]:
        return [row["name"] for row in forecast(fit, **how).record["sensitivities"]]

    assert "Another" not in names(narrow)
    assert "Another" in names(narrow, sensitivities=True)
    assert "Another" in names(narrow)
    assert "Another" in names(narrow, sensitivities=True)
    assert len(runs) == 1
    anew = replace(narrow, timings={"sample": 1.0})
    made = forecast(anew, sensitivities=True)
    assert len(runs) == 2
    assert set(made.record["timings"]) == {"sample", "judge", "sensitivities", "predict"}
    forecast(anew)
    assert len(runs) == 2


# ---- Shapley ------------------------------------------------------------------------------------


def by_permutations(values: np.ndarray, players: int) -> np.ndarray:
    """Average what each player adds over every order in which they may come."""
    shares = np.zeros((players, *values.shape[1:]))
    orders = list(itertools.permutations(range(players)))
    for order in orders:
        together = 0
        for player in order:
            shares[player] += values[together | 1 << player] - values[together]
            together |= 1 << player
    return shares / len(orders)


@pytest.mark.parametrize("players", [1, 2, 3, 4])
def test_shapley_values_are_the_average_over_all_orders(players: int) -> None:
    values = np.random.default_rng(players).gamma(1.0, 1.0, (2**players, 5))
    found = shapley(values, players)
    np.testing.assert_allclose(found, by_permutations(values, players), rtol=1e-12)
    np.testing.assert_allclose(found.sum(axis=0), values[-1] - values[0], rtol=1e-12)


def test_a_player_that_adds_nothing_gets_nothing_and_equals_share() -> None:
    # Worth of a coalition: its number of players among 0 and 2; player 1 is idle.
    values = np.array([bin(s & 0b101).count("1") ** 2 for s in range(8)], dtype=float)
    np.testing.assert_allclose(shapley(values, 3), [2.0, 0.0, 2.0])


# ---- adding up ----------------------------------------------------------------------------------


def adds_up(record: dict[str, Any]) -> None:
    parts = record["decomposition"]["probability"]
    shares = sum(each["mean"] for each in parts["drivers"].values())
    assert parts["reference"] + shares == pytest.approx(parts["total"], abs=1e-12)
    headline = record["breakdown"]["breakdown"][str(parts["horizon_months"])]
    assert parts["total"] == pytest.approx(headline["mean"], abs=1e-12)
    for months, both in record["breakdown"]["breakdown"].items():
        war, abrogation = (record["breakdown"][each][months] for each in ("war", "abrogation"))
        assert war["mean"] + abrogation["mean"] == pytest.approx(both["mean"], abs=1e-12)
    for months in record["breakdown"]["force"]:
        force, fatal, war = (record["breakdown"][each][months] for each in STREAMS[:3])
        for name in ("mean", "low", "high"):
            assert force[name] >= fatal[name] >= war[name]


def test_what_drives_a_forecast_adds_up_to_the_headline(made: Forecast) -> None:
    adds_up(made.record)


@pytest.mark.slow
def test_the_sampled_forecast_adds_up(brief_forecast: Forecast) -> None:
    adds_up(brief_forecast.record)


def test_a_drivers_share_of_the_log_hazard_is_effect_times_pressure(
    narrow: Fit, made: Forecast
) -> None:
    future = simulate(narrow, months=1, seed=narrow.settings.seed)
    beta = narrow.draws_of("beta")[:, STREAMS.index("war")]
    for d, driver in enumerate(DRIVERS):
        expected = beta[:, d] * future.pressure[:, 0, d]
        told = made.record["decomposition"]["log_hazard"][driver]
        assert told["mean"] == pytest.approx(expected.mean(), rel=1e-12)
        assert told["low"] == pytest.approx(np.quantile(expected, 0.05), rel=1e-12)


def test_the_reference_is_the_chance_with_every_driver_at_historys_average(narrow: Fit) -> None:
    # Effects of next to nothing: drivers carry nothing and the reference is the headline.
    theta = narrow.theta()
    theta |= {name: 1e-9 * theta[name] for name in ("effect_mean", "effect_spread")}
    record = quick(made_fit(narrow.model, theta, narrow.settings)).record
    parts = record["decomposition"]["probability"]
    assert parts["reference"] == pytest.approx(parts["total"], rel=1e-6)
    assert all(each["mean"] == pytest.approx(0.0, abs=1e-7) for each in parts["drivers"].values())


# ---- numbers ------------------------------------------------------------------------------------


def test_probabilities_are_the_means_of_the_incidences_with_equal_tails(
    narrow: Fit, made: Forecast
) -> None:
    future = simulate(narrow, months=60, seed=narrow.settings.seed)
    rungs = incidences(future.increments, future.happened)
    assert set(made.record["breakdown"]) == set(RUNGS)
    for rung in RUNGS:
        assert list(made.record["breakdown"][rung]) == [str(h) for h in HORIZONS_MONTHS]
        for months, told in made.record["breakdown"][rung].items():
            values = rungs[rung][:, int(months) - 1]
            assert told["mean"] == pytest.approx(values.mean(), rel=1e-12)
            low, high = np.quantile(values, [0.05, 0.95])
            assert (told["low"], told["high"]) == (pytest.approx(low), pytest.approx(high))
            assert told["interval_probability"] == 0.9
            assert told["mcse"] >= 0.0


def test_survival_is_what_has_not_broken_and_begins_at_one(made: Forecast) -> None:
    survival = made.record["survival"]
    assert survival["months"] == list(range(61))
    for rung in RUNGS:
        assert survival[rung]["mean"][0] == 1.0
        for months, told in made.record["breakdown"][rung].items():
            assert survival[rung]["mean"][int(months)] == pytest.approx(1.0 - told["mean"])
            assert survival[rung]["low"][int(months)] == pytest.approx(1.0 - told["high"])


def test_months_kept_are_the_area_under_survival(made: Forecast) -> None:
    mean = np.array(made.record["survival"]["breakdown"]["mean"])
    for months, told in made.record["months_kept"].items():
        area = np.trapezoid(mean[: int(months) + 1])
        assert told["mean"] == pytest.approx(area, rel=1e-12)
        assert told["low"] <= told["mean"] <= told["high"] <= int(months)


def test_hazards_are_a_year_and_of_their_rung(narrow: Fit) -> None:
    future = simulate(narrow, months=24, seed=narrow.settings.seed)
    hazard = quick(narrow, horizon_months=24).record["hazard"]
    assert hazard["months"] == list(range(1, 25))
    yearly = future.increments / future.years[:, None]
    war, abrogation = (STREAMS.index(each) for each in ("war", "abrogation"))
    both = yearly[..., war] + yearly[..., abrogation]
    np.testing.assert_allclose(hazard["breakdown"]["mean"], both.mean(axis=0))
    np.testing.assert_allclose(hazard["fatal"]["mean"], yearly[..., 1:3].sum(-1).mean(axis=0))
    np.testing.assert_allclose(hazard["force"]["mean"], yearly[..., :3].sum(-1).mean(axis=0))
    # July of 31 days, and two years with a leap day.
    assert future.years[0] == pytest.approx(31 / 365.25)
    assert future.years.sum() == pytest.approx(731 / 365.25)


def test_driver_paths_join_what_was_seen_to_what_may_come(narrow: Fit, made: Forecast) -> None:
    future = simulate(narrow, months=60, seed=narrow.settings.seed)
    for d, driver in enumerate(DRIVERS):
        path = made.record["drivers"][driver]
        assert path["months"][0] == "2020-11"
        assert path["months"][path["observed_months"] - 1] == "2026-06"
        assert path["months"][path["observed_months"]] == "2026-07"
        assert path["months"][-1] == "2031-06"
        assert len(path["months"]) == len(path["mean"]) == path["observed_months"] + 60
        assert path["mean"][path["observed_months"] - 1] == pytest.approx(
            narrow.draws_of("pressure")[:, -1, d].mean()
        )
        assert path["mean"][-1] == pytest.approx(future.pressure[:, -1, d].mean())


def test_monte_carlo_errors_grow_with_correlation_within_chains() -> None:
    rng = np.random.default_rng(1)
    free = rng.standard_normal((2, 4000))
    assert summaries.mcse(free.ravel(), chains=2) == pytest.approx(8000**-0.5, rel=0.15)
    sticky = np.empty_like(free)
    sticky[:, 0] = free[:, 0]
    for i in range(1, 4000):
        sticky[:, i] = 0.8 * sticky[:, i - 1] + 0.6 * free[:, i]
    # An AR(1) of 0.8 has nine times the variance of its mean.
    assert summaries.mcse(sticky.ravel(), chains=2) == pytest.approx(3 * 8000**-0.5, rel=0.25)
    assert summaries.mcse(np.full(100, 0.3), chains=2) == 0.0


# ---- horizons -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("months", "told"),
    [
        (1, ["1"]),
        (6, ["6"]),
        (20, ["6", "12", "20"]),
        (72, ["6", "12", "24", "36", "60", "72"]),
    ],
)
def test_any_horizon_states_the_shorter_ones_and_its_own(
    narrow: Fit, made: Forecast, months: int, told: list[str]
) -> None:
    record = valid(quick(narrow, horizon_months=months))
    assert set(record["breakdown"]["war"]) == set(record["months_kept"]) == set(told)
    assert record["decomposition"]["probability"]["horizon_months"] == min(24, months)
    adds_up(record)
    for horizon in set(told) & set(made.record["breakdown"]["war"]):
        for rung in RUNGS:
            assert record["breakdown"][rung][horizon] == made.record["breakdown"][rung][horizon]


@pytest.mark.parametrize("months", [0, -3])
def test_a_horizon_must_reach_a_month(narrow: Fit, months: int) -> None:
    with pytest.raises(ValueError, match="1 or more is allowed"):
        forecast(narrow, horizon_months=months)


# ---- the record ---------------------------------------------------------------------------------


def test_the_record_stands_in_the_published_schema(made: Forecast) -> None:
    record = valid(made)
    assert record["case"] == "armenia_azerbaijan"
    assert record["cutoff"] == "2026-06-30"
    assert record["clock_start"] == "2023-09-20"
    assert record["deal"] == "2025-08-08"
    assert record["unseen"] == {}


@pytest.mark.slow
def test_the_sampled_record_stands_in_the_published_schema(brief_forecast: Forecast) -> None:
    record = valid(brief_forecast)
    assert record["verdict"]["ok"] is False
    assert {"predict"} <= set(record["timings"])
    groups = set(brief_forecast.tree.children)
    assert {
        "posterior",
        "prior",
        "posterior_predictive",
        "log_likelihood",
        "sample_stats",
        "observed_data",
        "constant_data",
    } <= groups


def test_a_new_case_forecasts_from_its_skeleton(tmp_path: Path) -> None:
    folder = new_case(tmp_path / "mine", title="Mine", parties=("Freedonia", "Sylvania"))
    record = valid(quick(narrow_fit(read_case(folder))))
    assert (record["case"], record["parties"]) == ("mine", ["Freedonia", "Sylvania"])
    adds_up(record)


@pytest.mark.parametrize("without", ["news", "standings", "indicators", "all"])
def test_a_case_may_lack_news_ratings_of_itself_and_counts(without: str) -> None:
    case = bare() if without == "all" else replace(flagship(), **{without: ()})
    record = valid(quick(narrow_fit(case)))
    adds_up(record)
    untied = any("nothing ties its drivers to history" in limit for limit in record["limits"])
    assert untied == (without in ("standings", "all"))
    if without in ("news", "all"):
        assert record["news"] == []
        assert record["newest_item"] is None


@pytest.mark.parametrize("stream", ["fatal", "war"])
def test_a_case_in_which_something_happened_stands_in_the_schema(stream: str) -> None:
    case = replace(flagship(), happened=(happened(stream, date(2026, 2, 3)),))
    record = valid(quick(narrow_fit(case)))
    assert record["happened"] == [{"rung": stream, "date": "2026-02-03", "why": "made up"}]
    assert record["breakdown"][stream]["6"]["mean"] == 1.0
    assert record["breakdown"][stream]["6"]["mcse"] == 0.0


def test_after_the_watch_the_chance_of_an_unseen_break_stands_on_its_own() -> None:
    record = valid(quick(narrow_fit(cutoff=date(2026, 9, 30)), horizon_months=12))
    assert record["coverage_age_days"] == 92
    assert set(record["unseen"]) == set(RUNGS)
    force, fatal, war, both = (
        record["unseen"][rung]["mean"] for rung in ("force", "fatal", "war", "breakdown")
    )
    assert 0.0 < war < fatal < force < 1.0
    assert war < both
    assert set(record["observed_to"].values()) == {"2026-06-30"}


def test_an_earlier_cutoff_says_that_it_is_not_out_of_sample() -> None:
    record = valid(quick(narrow_fit(cutoff=date(2025, 12, 31)), horizon_months=12))
    assert any("pseudo-out-of-sample" in limit for limit in record["limits"][-1:])
    assert record["coverage_age_days"] == 0
    assert set(record["observed_to"].values()) == {"2025-12-31"}
    assert all(each["known"] <= "2025-12-31" for each in record["news"])


def test_every_item_known_is_told_once_with_why_it_was_not_used(made: Forecast) -> None:
    case = flagship()
    told = {each["id"]: each for each in made.record["news"]}
    assert set(told) == {each.id for each in case.news if each.known <= CUTOFF}
    assert len(made.record["news"]) == len(told)
    for each in told.values():
        assert each["used"] == (each["why_not"] == "")
    newest = max(told.values(), key=lambda each: (each["known"], each["id"]))
    assert made.record["newest_item"]["id"] == newest["id"]
    assert {each["item"] for each in made.record["reconciliations"]} <= set(told)


def test_the_newest_item_may_be_one_that_is_not_used() -> None:
    late = item("Z999", CUTOFF, ratings=(), status="unknown")
    case = replace(flagship(), news=(*flagship().news, late))
    record = quick(narrow_fit(case), horizon_months=6).record
    assert record["newest_item"] == {"id": "Z999", "known": "2026-06-30", "age_days": 0}


def test_what_is_assumed_is_told_with_its_reason(made: Forecast) -> None:
    told = {each["name"]: each["value"] for each in made.record["assumptions"]}
    ahead = {name: told.pop(name) for name in FORWARD}
    assert told == {"shared_error": 0.3, "hindsight": 0.25}
    # What lies ahead is a range, not a number: nothing here can be learned of it.
    assert ahead["stage_signed"] == "0 (90% within −0.41 to 0.41)"
    assert all(each["reason"] for each in made.record["assumptions"])


# ---- tables -------------------------------------------------------------------------------------


def test_a_dataframe_has_a_row_a_rung_and_horizon_and_the_verdict(made: Forecast) -> None:
    table = to_dataframe(made)
    assert len(table) == len(RUNGS) * len(HORIZONS_MONTHS)
    row = table[(table.rung == "war") & (table.horizon_months == 24)].iloc[0]
    told = made.record["breakdown"]["war"]["24"]
    for name in ("mean", "low", "high", "interval_probability", "mcse"):
        assert row[name] == told[name]
    assert set(table.verdict_ok) == {made.record["verdict"]["ok"]}


def test_a_dataset_holds_the_curves_by_name(made: Forecast) -> None:
    curves = to_xarray(made)
    survival = made.record["survival"]
    war = curves["survival"].sel(rung="war", statistic="low")
    np.testing.assert_array_equal(war.values, survival["war"]["low"])
    path = curves["pressure"].sel(driver="corridor", statistic="mean", path_month="2027-01")
    told = made.record["drivers"]["corridor"]
    assert float(path) == told["mean"][told["months"].index("2027-01")]
