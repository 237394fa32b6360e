"""Recorded forecasts held against what happened: scores, baselines, and what is not claimed."""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ledger_example import example_entry, issued, ledger_of, own_copies

from durability.assembly import assemble
from durability.case_outcomes import CaseOutcome, outcome_of, read_outcome
from durability.cases import read_case
from durability.cli import main
from durability.errors import InputError
from durability.forecast_ledger import append_entry, record_forecast
from durability.ledger_scores import BASELINES, LedgerScores, horizon_end, score_ledger
from durability.score_screen import score_lines
from durability.sensitivity import baseline_incidences
from durability.vocabulary import HORIZONS_MONTHS

Captured = pytest.CaptureFixture[str]
CASE = "armenia_azerbaijan"
WAR = """
format = 1
case = "armenia_azerbaijan"
covered_until = 2028-07-31
[observed_to]
force = 2028-07-31
fatal = 2027-12-01
war = 2028-07-31
abrogation = 2028-07-31
[[happened]]
rung = "war"
date = 2028-01-02
why = "Made up."
"""


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "war.toml").write_text(WAR, encoding="utf-8")
    return tmp_path


def war(**changes: str) -> CaseOutcome:
    text = WAR
    for old, new in changes.items():
        text = text.replace(f"{old} = 2028-07-31", f"{old} = {new}")
    path = Path("changed.toml")
    path.write_text(text, encoding="utf-8")
    return read_outcome(path)


def lines_of(found: LedgerScores) -> str:
    return "\n".join(score_lines(found))


# ---- scores -------------------------------------------------------------------------------------


def test_each_horizon_has_the_score_of_what_was_said_of_it(workspace: Path) -> None:
    path = ledger_of(workspace, 1)
    found = score_ledger([war()], ledger=path)
    said = example_entry()["breakdown"]["breakdown"]
    assert [each.months for each in found.horizons] == list(HORIZONS_MONTHS)
    assert [each.state for each in found.horizons] == ["held"] * 2 + ["happened"] * 3
    for each in found.horizons:
        p = said[str(each.months)]["mean"]
        given = p if each.state == "happened" else 1.0 - p
        assert each.forecast.probability == p
        assert each.forecast.brier == pytest.approx((1.0 - given) ** 2)
        assert each.forecast.logarithmic == pytest.approx(-math.log(given))
    assert [each.counts for each in found.horizons] == [True, True, True, False, False]


def test_a_rung_that_was_watched_in_part_is_censored_and_has_no_score(workspace: Path) -> None:
    text = WAR.partition("[[happened]]")[0].replace("war = 2028-07-31", "war = 2026-12-31")
    Path("quiet.toml").write_text(text, encoding="utf-8")
    found = score_ledger([read_outcome("quiet.toml")], ledger=ledger_of(workspace, 1))
    assert [each.state for each in found.horizons] == [
        "held",
        "censored",
        "censored",
        "pending",
        "pending",
    ]
    assert [math.isnan(each.forecast.brier) for each in found.horizons] == [False] + [True] * 4
    assert "nobody watched so long" in lines_of(found)


def test_nothing_is_due_of_a_case_as_it_was_forecast(workspace: Path, capsys: Captured) -> None:
    ledger_of(workspace, 2)
    assert main(["ledger", "score"]) == 0
    told = capsys.readouterr().out
    assert "2 forecasts, 10 horizons: 10 pending." in told
    assert "No horizon has come due and is known: there is nothing to judge yet." in told
    assert "mean" not in told


def test_horizons_end_with_the_months_that_forecasts_count() -> None:
    """The edges of simulation.edge_ages are the day after each end."""
    from durability.simulation import edge_ages

    for cutoff in (date(2026, 6, 30), date(2026, 1, 30), date(2025, 12, 31), date(2024, 2, 28)):
        ages = edge_ages(cutoff, date(2020, 1, 1), 60) * 365.25
        for months in HORIZONS_MONTHS:
            after = (horizon_end(cutoff, months) - date(2020, 1, 1)).days + 1
            assert after == pytest.approx(ages[months])


# ---- the baseline beside it ---------------------------------------------------------------------


def recorded(folder: Path, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> Path:
    """Record a forecast whose record has baselines as real ones do."""
    data = assemble(read_case(CASE), cutoff=date(2026, 6, 30))
    found = baseline_incidences(data, months=60, seed=7)
    rows = [
        {
            "name": f"Baseline: {title}",
            "what": "history alone",
            "method": "4000 draws",
            "breakdown": {
                str(h): {"mean": float(rungs["breakdown"][:, h - 1].mean()), "mcse": 0.001}
                for h in (12, 24, 60)
            },
            "note": "",
        }
        for title, rungs in found.items()
    ]
    made = issued(seed=7, sensitivities=rows, **changes)
    path = folder / "forecasts" / "ledger.jsonl"
    record_forecast(made.record, made.inputs, ledger=path, fit_key="f" * 64)
    return path


def test_a_ledger_keeps_what_the_baselines_said(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = recorded(workspace, monkeypatch)
    kept = json.loads(path.read_bytes())["entry"]["baselines"]
    assert tuple(kept) == tuple(sorted(BASELINES))
    assert set(kept["Weibull without drivers"]) == {"12", "24", "60"}


def test_a_baseline_that_is_not_recorded_is_what_it_would_have_said(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = recorded(workspace, monkeypatch)
    line = json.loads(path.read_bytes())["entry"]["baselines"]
    for title in BASELINES:
        found = score_ledger([war()], ledger=path, baseline=title)
        by_months = {each.months: each for each in found.horizons}
        assert [m for m, each in by_months.items() if each.baseline_is_recorded] == [12, 24, 60]
        data = assemble(read_case(CASE), cutoff=date(2026, 6, 30))
        again = baseline_incidences(data, months=60, seed=7)[title]["breakdown"].mean(0)
        for months, each in by_months.items():
            assert each.baseline.probability == pytest.approx(float(again[months - 1]))
            if each.baseline_is_recorded:
                assert each.baseline.probability == line[title][str(months)]["mean"]
    assert "computed again from the inputs" in lines_of(found)


def test_another_rung_has_its_own_baseline(workspace: Path) -> None:
    path = ledger_of(workspace, 1)
    force = score_ledger([war()], ledger=path, rung="force").horizons
    breakdown = score_ledger([war()], ledger=path).horizons
    for one, other in zip(force, breakdown, strict=True):
        assert one.baseline.probability > other.baseline.probability
        assert not one.baseline_is_recorded


def test_the_baseline_knows_no_more_than_the_inputs_of_the_forecast(workspace: Path) -> None:
    """A case that has changed since changes nothing that was said of it then."""
    case, priors = own_copies(workspace)
    made = issued(case, priors)
    path = workspace / "forecasts" / "ledger.jsonl"
    record_forecast(made.record, made.inputs, ledger=path, fit_key="f" * 64)
    before = score_ledger([war()], ledger=path)
    settings = case.folder / "case.toml"
    text = settings.read_text(encoding="utf-8")
    assert "start = 2023-09-20" in text
    settings.write_text(text.replace("start = 2023-09-20", "start = 2021-09-20"), encoding="utf-8")
    after = score_ledger([war()], ledger=path)
    assert after.horizons == before.horizons


# ---- what is refused and what is not said -------------------------------------------------------


def test_a_ledger_that_was_tampered_with_is_refused_before_anything_is_scored(
    workspace: Path, capsys: Captured
) -> None:
    path = ledger_of(workspace, 2)
    path.write_bytes(path.read_bytes().replace(b'"seed":1002', b'"seed":1003'))
    assert main(["ledger", "score", "--outcomes", "war.toml"]) == 2
    captured = capsys.readouterr()
    assert "line 2: altered" in captured.err
    assert "not as it was written" in captured.err
    assert captured.out == ""


def test_a_case_that_is_not_here_does_not_keep_others_from_being_scored(
    workspace: Path, capsys: Captured
) -> None:
    path = ledger_of(workspace, 1)
    append_entry(path, {**example_entry(seed=2), "case": "elsewhere"})
    assert main(["ledger", "score", "--outcomes", "war.toml"]) == 0
    captured = capsys.readouterr()
    assert "elsewhere is not scored: " in captured.err
    assert "--outcomes FILE (elsewhere)" in captured.err
    assert "1 forecast" in captured.out


def test_an_altered_input_is_refused_too(workspace: Path, capsys: Captured) -> None:
    path = ledger_of(workspace, 1)
    digest = json.loads(path.read_bytes())["entry"]["inputs"]["news.csv"]
    (path.parent / "ledger_inputs" / digest).write_text("other")
    assert main(["ledger", "score"]) == 2
    assert "its news.csv was altered" in capsys.readouterr().err


def test_overlapping_forecasts_of_one_case_are_never_called_skill(
    workspace: Path, capsys: Captured
) -> None:
    ledger_of(workspace, 3)
    assert main(["ledger", "score", CASE, "--outcomes", "war.toml"]) == 0
    told = capsys.readouterr().out
    assert "3 forecasts, 15 horizons: 9 due and known and 6 decided early." in told
    assert "What is due comes from 1 case." in told
    assert "are no measure of skill" in told
    assert "a mean would see breakdowns alone" in told
    for claim in ("better", "beats", "skill score", "outperform"):
        assert claim not in told
    (line,) = [row for row in told.splitlines() if "mean Brier score" in row]
    said = example_entry()["breakdown"]["breakdown"]
    due = [said["6"]["mean"] ** 2, said["12"]["mean"] ** 2, (1.0 - said["24"]["mean"]) ** 2]
    assert f"mean Brier score {np.mean(due):.4f}, the baseline's" in line


def test_a_mean_that_took_what_was_decided_early_would_be_worse(workspace: Path) -> None:
    found = score_ledger([war()], ledger=ledger_of(workspace, 1)).horizons
    due = [each.forecast.brier for each in found if each.counts]
    known = [each.forecast.brier for each in found if not math.isnan(each.forecast.brier)]
    assert np.mean(known) > np.mean(due) + 0.1


def test_a_failed_verdict_is_told_beside_its_scores(workspace: Path) -> None:
    path = ledger_of(workspace, 1)
    append_entry(path, example_entry(verdict=issued(ok=False).record["verdict"]))
    told = lines_of(score_ledger([war()], ledger=path))
    assert "2 FAILED" in told
    assert "FAILED: the fit had not passed its checks." in told


def test_a_case_whose_deal_has_moved_is_not_the_one_that_was_forecast(workspace: Path) -> None:
    path = ledger_of(workspace, 1)
    folder = workspace / CASE
    shutil.copytree(read_case(CASE).folder, folder)
    settings = folder / "case.toml"
    text = settings.read_text(encoding="utf-8").replace("deal = 2025-08-08", "deal = 2025-08-09")
    settings.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="the deal of 2025-08-09, and forecast 1 was of that of"):
        score_ledger([outcome_of(read_case(folder))], ledger=path)


def test_a_case_without_forecasts_and_words_that_are_none_are_told(workspace: Path) -> None:
    path = ledger_of(workspace, 1)
    other = WAR.replace(CASE, "northland")
    Path("other.toml").write_text(other, encoding="utf-8")
    with pytest.raises(InputError, match='no forecast of "northland"'):
        score_ledger([read_outcome("other.toml")], ledger=path)
    with pytest.raises(InputError, match='there is no "peace"') as caught:
        score_ledger([war()], ledger=path, rung="peace", baseline="Weibull")
    assert len(caught.value.problems) == 2


def test_a_ledger_may_be_named_in_the_place_of_the_case(workspace: Path, capsys: Captured) -> None:
    path = ledger_of(workspace, 1).rename(workspace / "own.jsonl")
    (workspace / "forecasts" / "ledger_inputs").rename(workspace / "own_inputs")
    assert main(["ledger", "score", str(path), "--rung", "force", "--baseline", "table"]) == 0
    told = capsys.readouterr().out
    assert "Use of force, by the forecast and by a baseline: Tie × contiguity table" in told


def test_the_screen_shows_no_control_character_of_a_hostile_ledger(workspace: Path) -> None:
    path = ledger_of(workspace, 1)
    bad = "x\u202e\x1b[31m"
    append_entry(path, example_entry(case=bad))
    told = lines_of(score_ledger([war(), replace(war(), case=bad)], ledger=path))
    assert "x\ufffd\ufffd[31m" in told
    for character in "\x1b\u202e":
        assert character not in told


def test_the_titles_of_the_baselines_are_those_of_the_models() -> None:
    from durability.catalogue import baselines

    assert tuple(each.title for each in baselines().values()) == BASELINES
