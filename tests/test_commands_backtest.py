"""The command ``durability backtest``: what it prints, keeps and refuses; nothing is sampled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from worlds import DEFAULT_PRIORS

from durability import backtests, fast_leaving_out, inference
from durability.cli import main
from durability.fast_leaving_out import FastLeftOut
from durability.leaving_out import leave_out
from durability.predictors import PREDICTORS
from durability.vocabulary import RUNGS


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Answer each question at once; ``KARABAKH`` fails its diagnostics."""
    questions: list[Any] = []

    def answer(_reference: Any, question: Any) -> dict[str, Any]:
        questions.append(question)
        n = len(question.truth)
        chance = np.broadcast_to(
            np.linspace(0.05, 0.5, len(question.years)), (n, len(RUNGS), len(question.years))
        )
        failed = question.name == "cluster KARABAKH"
        return {
            "name": question.name,
            "agreements": [spell.agreement for spell in question.truth],
            "entry_years": list(question.entry_years),
            "years": list(question.years),
            "mean": chance.tolist(),
            "low": (0.5 * chance).tolist(),
            "high": (1.5 * chance).tolist(),
            "mcse": np.full(chance.shape, 0.004).tolist(),
            "log_density": [-1.5] * n,
            "counted_log_density": [-1.5] * n,
            "verdict": {"ok": not failed, "reasons": ["2 divergences"] if failed else []},
        }

    monkeypatch.setattr(backtests, "answer", answer)
    return questions


def priors() -> list[str]:
    return ["--priors", str(DEFAULT_PRIORS)]


def test_failed_refits_come_first_and_the_status_says_so(
    asked: list[Any], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = tmp_path / "rows.jsonl"
    assert main(["backtest", *priors(), "--ratings", "seen", "--out", str(out)]) == 3
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert lines[0].startswith("DIAGNOSTICS FAILED in 1 of 30 refits")
    assert "without cluster KARABAKH: 2 divergences" in lines[1]
    assert len(asked) == 30
    assert any("breakdown, default, ratings seen" in line and "10" in line for line in lines)
    assert sum("climatology" in line for line in lines) >= 3
    assert "30 of 30" in captured.err
    shown = {line.split()[1] for line in lines if line.startswith("breakdown  ")}
    assert shown == {"1", "5", "10", "0–10"}
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(rows) == 30
    assert {row["by"] for row in rows} == {"cluster"}
    assert rows[0]["rungs"] == list(RUNGS)


def test_answers_are_kept_where_a_horizon_lies_beyond_all_outcomes(
    asked: list[Any], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = tmp_path / "rows.jsonl"
    years = ["--years", "5", "--years", "200"]
    command = ["backtest", *priors(), "--ratings", "seen", *years, "--out", str(out)]
    assert main(command) == 3  # one refit has failed, nothing else
    captured = capsys.readouterr()
    assert str(out) in captured.err
    assert len(out.read_text().splitlines()) == 30
    row = next(line.split() for line in captured.out.splitlines() if "  200  " in line)
    assert row[3:7] == ["0", "0", "–", "–"]


def test_one_group_is_shown_with_its_chances(
    asked: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["backtest", *priors(), "--group", "SUDANS", "--years", "2"]) == 0
    found = capsys.readouterr().out
    assert "The diagnostics of all 2 refits passed." in found
    assert "ratings seen:" in found
    assert "ratings hidden:" in found
    assert found.count("cluster SUDANS") == 2  # the horizon asked for, no other
    assert "MCSE" in found
    assert "climatology" not in found
    assert [each.years for each in asked] == [(0.2, 0.4, 0.6, 1.0, 1.4, 2.0)] * 2


def test_origins_are_scored_beside_baselines_of_the_same_days(
    asked: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["backtest", *priors(), "--by", "year", "--first", "1990", "--every", "15"]
    assert main([*command, "--ratings", "hidden", "--years", "5", "--score", "logarithmic"]) == 0
    assert [each.name for each in asked] == [f"origin {year}-01-01" for year in (1990, 2005, 2020)]
    found = capsys.readouterr().out
    assert "logarithmic score" in found
    assert "breakdown, default, ratings hidden" in found
    assert "weibull" in found


def test_weighed_draws_are_told_with_their_trust(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def weighed(fit: Any, *, years: Any, name: str) -> FastLeftOut:
        data = fit.model.data
        left = leave_out(
            PREDICTORS["weibull"],
            data.spells,
            data.agreements,
            by="agreement",
            years=years,
            name=name,
        )
        khat = np.linspace(0.0, 0.9, 66)
        return FastLeftOut(left_out=left, log_density=np.full(66, -2.0), khat=khat, khat_most=0.7)

    def fitted(model: Any, **_how: Any) -> Any:
        return type("Fitted", (), {"model": model})

    monkeypatch.setattr(fast_leaving_out, "leave_out_fast", weighed)
    monkeypatch.setattr(inference, "fit", fitted)
    assert main(["backtest", *priors(), "--by", "agreement", "--psis"]) == 3
    found = capsys.readouterr().out
    assert "NOT TO BE TRUSTED" in found
    assert "above 0.70" in found
    assert "Log density of all outcomes: -132.0" in found
    assert "breakdown, default, weighed" in found


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--psis"], "use --by agreement"),
        (["--by", "agreement", "--psis", "--group", "R001"], "use --by agreement"),
        (["--by", "year", "--group", "R001"], "use --first"),
        (["--group", "KARABAK"], 'did you mean "KARABAKH"?'),
        (["--by", "year", "--first", "2040"], "begin earlier or later"),
        (["--years", "0"], "--years"),
        (["--priors", "nosuch"], "nosuch"),
        (["--model", "nosuch"], "nosuch"),
        (["--by", "dyads"], "dyads"),
    ],
)
def test_what_cannot_be_done_is_said_at_once(
    arguments: list[str], told: str, asked: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["backtest", *([] if "--priors" in arguments else priors()), *arguments]) == 2
    assert told in capsys.readouterr().err
    assert not asked
