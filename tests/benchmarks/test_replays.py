"""Replays of the shipped cases: summed up, stopped and gone on with, each under its hash."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import replays


def moment(cutoff: str, mean: float, method: str, **more: Any) -> dict[str, Any]:
    return {
        "cutoff": cutoff,
        "method": method,
        "mean": mean,
        "low": mean / 2,
        "high": mean * 2,
        "mcse": 0.001,
        "ok": True,
        "broken": "",
        "points": None,
        "what": "",
        **more,
    }


def row(case: str = "ecuador_peru", **more: Any) -> dict[str, Any]:
    moments = [
        moment("1995-03-31", 0.20, "fit"),
        moment("1995-06-30", 0.12, "weights", points=-0.08, what="trust: a | b"),
        moment("1995-09-30", 0.31, "refit"),
        moment("1995-12-31", 0.45, "refit", broken="war"),
    ]
    return {
        "case": case,
        "code": "now",
        "seed": 1,
        "every": "quarter",
        "seconds": 9.0,
        "title": "A case",
        "months": 24,
        "happened": [{"rung": "war", "date": "1995-12-02", "why": "shots"}],
        "moments": moments,
        **more,
    }


def test_a_case_is_summed_up_by_the_cutoffs_at_which_it_stood() -> None:
    lines = list(replays.table_lines([row(code="old"), row()]))
    summary = [line for line in lines if line.startswith("| `ecuador_peru`")]
    assert summary == [
        "| `ecuador_peru` | 4 by quarter | 3 | 20% | 12% (1995-06) | 31% (1995-09) | 31% | "
        "War, 1995-12-02 |"
    ]
    text = "\n".join(lines)
    assert "(code now, seed 1)" in text
    assert "code old" not in text
    assert "every fit passed" in text
    assert "| 1995-06-30 | 12% | 6.0–24% | 0.1 | weights | −8.0: trust: a \\| b |" in text
    assert "refit; it had ended" in text
    assert "| `ethiopia_eritrea` | not run yet | | | | | | |" in lines


def test_a_fit_that_failed_is_named() -> None:
    failed = row(moments=[moment("1995-03-31", 0.2, "fit", ok=False)])
    assert "FAILED or not judged at 1995-03-31" in "\n".join(replays.table_lines([failed]))


def test_what_is_stopped_leaves_no_row_and_goes_on_with_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(replays, "ROWS", tmp_path / "rows.jsonl")
    asked: list[str] = []

    def replayed(case: str, told: Callable[..., None]) -> dict[str, Any]:
        asked.append(case)
        if len(asked) == 3:
            raise replays.OutOfTimeError
        return row(case, code=replays.code_hash(case))

    monkeypatch.setattr(replays, "replayed", replayed)
    replays.run(60.0)
    cases = list(replays.CASES)
    assert [each["case"] for each in replays.every_row()] == cases[:2]
    replays.run(60.0)
    assert asked == [*cases[:3], *cases[2:]]
    assert [json.loads(line)["case"] for line in replays.ROWS.read_text().splitlines()] == cases


def test_every_case_has_a_hash_of_its_own() -> None:
    assert len({replays.code_hash(case) for case in replays.CASES}) == len(replays.CASES)
