"""Fits of spells: known truth is recovered, separation is survived, survival is predicted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from durability import spell_checks
from durability.commands import durability as command
from durability.errors import InputError
from durability.ladder import kaplan_meier
from durability.spell_checks import check_spells, product_limit
from durability.spell_report import write_spell_report
from durability.spell_screen import caution_lines, fit_lines
from durability.spell_sources import read_source, source_spells
from durability.spell_tables import SpellTable, read_spells
from durability.spells import SpellFit, build_spells, fit_spells, predict_spells

TRUTH = {"shape": 0.65, "x": 0.7, "z": -1.2, "frailty_sd": 0.6}
"""Asymmetric, so that a sign or a scale cannot be wrong unseen."""

CLUSTERS = 40


def world(seed: int, count: int = 700) -> dict[str, Any]:
    """Spells with a known hazard, a third watched from a later age, half known to an interval."""
    rng = np.random.default_rng(seed)
    cluster = rng.integers(0, CLUSTERS, count)
    x, z = rng.normal(2.0, 3.0, count), (rng.random(count) < 0.25) * 1.0
    frailty = TRUTH["frailty_sd"] * rng.normal(size=CLUSTERS)
    eta = -3.0 + TRUTH["x"] * (x - 2.0) / 3.0 + TRUTH["z"] * z + frailty[cluster]
    begin = np.where(rng.random(count) < 0.33, rng.uniform(0.0, 30.0, count), 0.0)
    shape = TRUTH["shape"]
    age = (begin**shape + rng.exponential(size=count) / np.exp(eta)) ** (1.0 / shape)
    limit = begin + rng.uniform(5.0, 200.0, count)
    event = age <= limit
    coarse = rng.random(count) < 0.5
    until = np.where(event, np.where(coarse, np.maximum(np.floor(age), begin), age), limit)
    last = np.where(event & coarse, np.floor(age) + 1.0, until)
    return {
        "begin": begin,
        "until": until,
        "last": np.where(event, last, np.nan),
        "ended": event * 1,
        "x": x,
        "z": z,
        "cluster": [f"c{i:02d}" for i in cluster],
    }


ROLES: dict[str, Any] = {
    "start": "begin",
    "stop": "until",
    "end": "last",
    "event": "ended",
    "covariates": ["x", "z"],
    "cluster": "cluster",
}


@pytest.fixture(scope="module")
def table() -> SpellTable:
    return read_spells(world(7), **ROLES, name="world")


@pytest.fixture(scope="module")
def fit(table: SpellTable) -> SpellFit:
    return fit_spells(table, draws=1000, tune=400)


@pytest.mark.slow
def test_known_truth_is_recovered_through_entry_intervals_and_clusters(fit: SpellFit) -> None:
    posterior = fit.posterior
    found = {
        "shape": posterior["shape"].values.ravel(),
        "x": 3.0 * posterior["effect"].sel(covariate="x").values.ravel(),
        "z": posterior["effect"].sel(covariate="z").values.ravel(),
        "frailty_sd": posterior["frailty_sd"].values.ravel(),
    }
    for name, draws in found.items():
        # Within three posterior standard deviations, which are small beside the truth.
        assert abs(draws.mean() - TRUTH[name]) < 3.0 * draws.std(), name
        assert draws.std() < 0.35 * abs(TRUTH[name]), name


@pytest.mark.slow
def test_a_fit_is_checked_against_its_own_data(fit: SpellFit) -> None:
    found = check_spells(fit)
    assert found.verdict.ok, found.verdict.reasons
    inside = [r["low"] <= r["observed"] <= r["high"] for r in (*found.bands, *found.risks)]
    assert sum(inside) >= len(inside) - 3
    assert sum(r["observed"] for r in found.bands) == pytest.approx(fit.table.events)
    assert len(found.loo["subject"]["rows"]) == len(fit.table)
    assert len(found.loo["cluster"]["rows"]) == CLUSTERS
    curve = [row for row in found.curve if row["at_risk"] > 50]
    assert all(abs(row["observed"] - row["mean"]) < 0.06 for row in curve)


@pytest.mark.slow
def test_checks_notice_a_shape_that_the_data_do_not_have(fit: SpellFit) -> None:
    tree = fit.tree.copy()
    scaled = tree["scaled"].to_dataset()
    scaled["log_shape"] = scaled["log_shape"] + 1.0
    tree["scaled"] = type(fit.tree)(scaled)
    found = check_spells(replace(fit, tree=tree))
    outside = [r for r in found.bands if not r["low"] <= r["observed"] <= r["high"]]
    assert len(outside) >= 3


@pytest.mark.slow
def test_survival_is_the_closed_form_of_every_draw(fit: SpellFit) -> None:
    known = fit.table.clusters[3]
    found = predict_spells(
        fit, [10.0, 50.0], {"x": [2.0, 5.0], "z": [0.0, 1.0]}, after=4.0, clusters=[known, known]
    )
    posterior = fit.posterior
    one = {n: posterior[n].values.reshape((4000, -1)) for n in ("shape", "intercept", "frailty")}
    effect = posterior["effect"].values.reshape((4000, 2))
    s = one["shape"][:, 0]
    eta = one["intercept"][:, 0] + effect @ np.array([5.0, 1.0]) + one["frailty"][:, 3]
    wanted = np.exp(-np.exp(eta) * (50.0**s - 4.0**s))
    assert found["survival"].values[:, 1, 1] == pytest.approx(wanted, rel=1e-8)
    assert (found["low"] <= found["mean"]).all()
    seen = predict_spells(
        fit, [50.0], {"x": [5.0], "z": [1.0]}, after=4.0, clusters=[known], seen=True
    )
    assert seen["mean"].item() == pytest.approx(wanted.mean(), rel=1e-8)
    new = predict_spells(fit, [50.0], {"x": [5.0], "z": [1.0]}, after=4.0)
    width = float((new["high"] - new["low"]).values.max())
    assert width > float((found["high"] - found["low"]).values[1, 1])


@pytest.mark.slow
def test_a_new_spell_that_has_lasted_is_likely_to_be_a_lasting_one(fit: SpellFit) -> None:
    ages, who = [30.0, 60.0, 90.0], {"x": [2.0, 5.0], "z": [0.0, 1.0]}
    whole = predict_spells(fit, ages, who)
    later = predict_spells(fit, ages[1:], who, after=30.0)
    wanted = whole["mean"].values[:, 1:] / whole["mean"].values[:, :1]
    assert later["mean"].values == pytest.approx(wanted, rel=1e-9)
    assert (whole["effective_draws"] == pytest.approx(4000.0)).all()
    assert (later["effective_draws"] < 4000.0).all()
    plain = later["survival"].mean("draw")
    assert (later["mean"] > plain).all()
    with pytest.raises(InputError, match="of a spell that was seen"):
        predict_spells(fit, ages, who, after=30.0, seen=True)


@pytest.mark.slow
def test_late_entry_under_a_frailty_is_told(fit: SpellFit) -> None:
    (told,) = caution_lines(fit)
    late = int((fit.table.start > 0.0).sum())
    assert told.startswith(f"{late} subjects entered later than age 0")
    assert told in fit_lines(fit, check_spells(fit))
    early = replace(fit.table, start=0.0 * fit.table.start)
    assert not list(caution_lines(replace(fit, model=replace(fit.model, table=early))))


@pytest.mark.slow
def test_a_fit_becomes_a_report(fit: SpellFit, tmp_path: Path) -> None:
    paths = write_spell_report(fit, check_spells(fit), tmp_path)
    assert [path.name for path in paths] == ["report.html", "report.md", "fit.nc"]
    html, markdown = (path.read_text(encoding="utf-8") for path in paths[:2])
    for text in (html, markdown):
        assert "Spells of world" in text
        assert "sd of the clusters" in text
        assert "Events by age" in text
    assert "<svg" in html


@pytest.mark.slow
def test_near_separation_gives_a_sane_posterior(reference_data: Path) -> None:
    # By maximum likelihood the coefficient runs to about -161 (Cox) or -115 (Weibull).
    whole = source_spells(read_source("lhr", reference_data / "reference" / "lhr_2008.csv"))
    found = fit_spells(whole, frailty=False, draws=150, tune=250, chains=2)
    effect = found.posterior["effect"].sel(covariate="archigosFIRC").values
    assert -8.0 < float(effect.mean()) < 0.0
    assert float(effect.std()) < 3.0
    assert int(found.tree["sample_stats"]["diverging"].sum()) == 0
    assert found.model.used_priors["effect"].values["sd"] == 1.5


# Without sampling ---------------------------------------------------------------------------


def test_a_frailty_needs_clusters_and_a_hazard_is_a_known_one(table: SpellTable) -> None:
    alone = replace(table, clusters=())
    with pytest.raises(InputError, match="no cluster is named"):
        build_spells(alone, frailty=True)
    with pytest.raises(InputError, match='did you mean "weibull"'):
        build_spells(table, hazard="weibul")  # type: ignore[arg-type]
    assert not build_spells(alone).frailty
    assert build_spells(table).frailty


def test_the_product_limit_without_entry_is_kaplan_and_meiers() -> None:
    rng = np.random.default_rng(2)
    times, event = rng.integers(1, 12, 80).astype(float), (rng.random(80) < 0.5) * 1
    found = product_limit(read_spells({"t": times, "e": event}, stop="t", event="e"))
    curve = kaplan_meier(times.tolist(), (event == 1).tolist())
    for name in ("survival", "low", "high", "at_risk"):
        ours = getattr(found, name)
        assert ours == pytest.approx(getattr(curve, name)[1:], abs=1e-10), name


def test_the_product_limit_with_entry_counts_only_those_who_were_there() -> None:
    data = {"a": [0.0, 0.0, 3.0], "b": [2.0, 5.0, 6.0], "e": [1, 1, 0]}
    found = product_limit(read_spells(data, start="a", stop="b", event="e"))
    assert found.at_risk.tolist() == [2.0, 2.0]
    assert found.survival.tolist() == [0.5, 0.25]


def test_of_a_large_table_whole_subjects_are_checked(
    table: SpellTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spell_checks, "MOST_ROWS", 100)
    twice = replace(table, subject=table.subject // 2)
    some = spell_checks.sampled_subjects(twice, 1)
    assert 98 <= len(some) <= 100
    assert np.bincount(some.subject)[np.unique(some.subject)].tolist() == [2] * (len(some) // 2)


# The command --------------------------------------------------------------------------------


def test_the_command_maximises_the_likelihood_of_a_source(reference_data: Path) -> None:
    path = reference_data / "reference" / "un_missions.csv"
    words = ["spells", str(path), "--source", "un_missions", "--method", "maximum"]
    ran = CliRunner().invoke(command, words, standalone_mode=False)
    assert ran.exception is None, ran.output
    assert "Log-likelihood -201.1528." in ran.output
    assert "54 rows, 54 subjects, 39 events." in ran.output
    assert "Cite: Box-Steffensmeier" in ran.output


def test_what_a_data_set_settles_itself_is_refused() -> None:
    words = ["spells", "none.csv", "--source", "un_missions", "--method", "maximum"]
    ran = CliRunner().invoke(command, [*words, "--missing", "drop"], standalone_mode=False)
    assert isinstance(ran.exception, InputError)
    assert "--missing with --source" in str(ran.exception)


def test_the_command_fits_cox_to_named_columns(tmp_path: Path) -> None:
    import pandas as pd
    from test_cox import small

    path = tmp_path / "small.csv"
    pd.DataFrame(small()).to_csv(path, index=False)
    words = ["spells", str(path), "--stop", "stop", "--event", "event", "--start", "start"]
    words += ["--covariates", "x, z", "--method", "cox-efron", "--cluster", "g"]
    ran = CliRunner().invoke(command, words, standalone_mode=False)
    assert ran.exception is None, ran.output
    assert "-105.4413" in ran.output
    assert "ties by Efron" in ran.output


@pytest.mark.parametrize(
    ("method", "given", "told"),
    [
        ("maximum", ["--out", "report"], "--out with --method maximum"),
        ("cox-efron", ["--no-frailty", "--hazard", "weibull"], "--hazard, --frailty with"),
        ("cox-breslow", ["--priors", "mine.toml", "--seed", "1"], "--priors, --seed with"),
        ("maximum", ["--draws", "9", "--refit"], "--draws, --refit with"),
    ],
)
def test_the_command_refuses_options_that_the_method_does_not_use(
    method: str, given: list[str], told: str
) -> None:
    words = ["spells", "none.csv", "--stop", "stop", "--event", "event", "--method", method]
    ran = CliRunner().invoke(command, [*words, *given], standalone_mode=False)
    assert isinstance(ran.exception, InputError)
    assert told in str(ran.exception)


def test_the_command_maximises_with_the_hazard_that_was_named(tmp_path: Path) -> None:
    path = tmp_path / "spells.csv"
    path.write_text("stop,event\n1,1\n2,1\n3,0\n4,1\n", encoding="utf-8")
    words = ["spells", str(path), "--stop", "stop", "--event", "event", "--method", "maximum"]
    ran = CliRunner().invoke(command, [*words, "--hazard", "exponential"], standalone_mode=False)
    assert ran.exception is None, ran.output


def test_the_command_describes_events_and_refuses_mixed_columns(reference_data: Path) -> None:
    path = str(reference_data / "reference" / "gml_dyadic_disputes_2.03.csv")
    ran = CliRunner().invoke(command, ["spells", path, "--source", "gml"], standalone_mode=False)
    assert ran.exception is None
    assert "3382 rows" in ran.output
    assert "highest_action" in ran.output
    words = ["spells", path, "--source", "gml", "--stop", "year"]
    ran = CliRunner().invoke(command, words, standalone_mode=False)
    assert isinstance(ran.exception, InputError)
    ran = CliRunner().invoke(command, ["spells", path], standalone_mode=False)
    assert "--stop and --event not given" in str(ran.exception)
