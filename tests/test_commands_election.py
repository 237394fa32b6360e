"""The command ``durability election`` and its screen."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from test_election_forecast import drawn

from durability import election_forecast
from durability.cli import main
from durability.election_screen import CHANCE_WORDS
from durability.election_settings import read_election
from durability.verdict import Check, Verdict


def test_a_known_result_is_shown_at_once(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "election.json"
    assert main(["election", "armenia_azerbaijan", "--record-json", str(path)]) == 0
    lines = capsys.readouterr().out.split("\n")
    assert lines[0] == "The result is known and stands in: nothing is sampled."
    assert any(line.split() == ["Civil", "Contract", "49.9%", "64"] for line in lines)
    record = json.loads(path.read_text(encoding="utf-8"))
    assert record["result_known"]
    assert record["chances"]["two_thirds"]["mean"] == 0.0
    assert record["house"]["median"] == 105
    assert set(record["chances"]) == set(CHANCE_WORDS)


@pytest.mark.parametrize(("ok", "status"), [(True, 0), (False, 3)])
def test_the_verdict_comes_first_and_decides_the_exit_status(
    ok: bool,
    status: int,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    check = Check(name="divergences", value=0.0 if ok else 2.0, limit=0.0, ok=ok, worst="chain 1")
    made = dataclasses.replace(
        drawn(read_election("armenia_azerbaijan")), verdict=Verdict(checks=(check,))
    )
    monkeypatch.setattr(election_forecast, "election_chances", lambda *_, **__: made)
    assert main(["election", "armenia_azerbaijan", "--cutoff", "2026-05-31"]) == status
    told = capsys.readouterr().out
    assert told.startswith("Verdict: the fit passed" if ok else "DO NOT USE THESE NUMBERS")
    assert ("divergences is 2" in told) is not ok
    assert "Strong Armenia" in told
    assert "two thirds for the change of the constitution" in told
    assert "Polls known, used: 15. Past misses of pollsters: 6." in told
    assert "P04: asks which party is closest" in told


def test_a_case_without_an_election_is_bad_input(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["new", str(tmp_path / "plain")]) == 0
    assert main(["election", str(tmp_path / "plain")]) == 2
    assert "election.toml: no such file" in capsys.readouterr().err
