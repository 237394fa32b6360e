"""The ledger's commands: what they print, and with which exit status."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
import types
from pathlib import Path

import pytest
from ledger_example import Issued, example_entry, issued, ledger_of

from durability.cli import main
from durability.forecast_ledger import append_entry, read_ledger, verify_ledger
from durability.wording import error_points, percent

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Issued:
    """Answer ``durability forecast`` with a made forecast, without sampling or rendering."""
    example = issued()
    example.record["fit"] = "c" * 64
    answer = types.SimpleNamespace(record=example.record, tree=None)
    forecasts = types.ModuleType("durability.forecasts")
    forecasts.run = lambda case, **asked: answer  # type: ignore[attr-defined]
    report = types.ModuleType("durability.report")
    report.write_report = lambda made, folder: []  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "durability.forecasts", forecasts)
    monkeypatch.setitem(sys.modules, "durability.report", report)
    return example


# Recording ----------------------------------------------------------------------------------


def test_a_forecast_says_where_it_was_recorded_and_under_which_hash(
    workspace: Path, made: Issued, capsys: Captured
) -> None:
    assert main(["forecast", "armenia_azerbaijan", "--record"]) == 0
    (line,) = read_ledger(workspace / "forecasts" / "ledger.jsonl")
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == f"forecasts/ledger.jsonl: recorded as forecast 1, hash {line.hash}"
    assert line.entry["fit_key"] == "c" * 64
    assert line.entry["data_hash"] == made.record["data_hash"]


def test_nothing_is_recorded_unless_it_is_asked_for(
    workspace: Path, made: Issued, capsys: Captured
) -> None:
    assert main(["forecast", "armenia_azerbaijan"]) == 0
    assert not (workspace / "forecasts").exists()


def test_a_forecast_with_a_failed_verdict_is_recorded_and_still_exits_3(
    workspace: Path, made: Issued, capsys: Captured
) -> None:
    made.record["verdict"] = issued(ok=False).record["verdict"]
    assert main(["forecast", "armenia_azerbaijan", "--record", "--ledger", "own.jsonl"]) == 3
    (line,) = read_ledger("own.jsonl")
    assert not line.entry["verdict"]["ok"]
    assert main(["ledger", "list", "--ledger", "own.jsonl"]) == 0
    assert "FAILED" in capsys.readouterr().out.splitlines()[-1]


def test_a_broken_ledger_is_refused_before_anything_is_sampled(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    path = ledger_of(workspace, 3)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[2])
    monkeypatch.setitem(sys.modules, "durability.forecasts", None)  # not even imported
    assert main(["forecast", "armenia_azerbaijan", "--record"]) == 2
    assert "line 2: dropped: 1 line of sequence 2" in capsys.readouterr().err


# Listing and showing ------------------------------------------------------------------------


def test_the_list_has_each_forecast_with_interval_error_and_verdict(
    workspace: Path, capsys: Captured
) -> None:
    path = ledger_of(workspace, 3)
    assert main(["ledger", "list"]) == 0
    head, *rows = capsys.readouterr().out.splitlines()
    chance = example_entry()["breakdown"]["breakdown"]["24"]
    assert "± MCSE, points" in head
    assert [row.split()[0] for row in rows] == ["1", "2", "3"]
    for row, line in zip(rows, read_ledger(path), strict=True):
        assert f"{line.recorded[:10]} {line.recorded[11:16]}" in row
        low, high = percent(chance["low"]).removesuffix("%"), percent(chance["high"])
        for part in ("armenia_azerbaijan", "2026-06-30", percent(chance["mean"]), "passed"):
            assert part in row
        assert f"90%: {low}–{high}" in row
        assert f"  {error_points(chance['mcse'])}  " in row


def test_a_forecast_is_shown_with_all_its_probabilities_and_inputs(
    workspace: Path, capsys: Captured
) -> None:
    path = ledger_of(workspace, 2)
    assert main(["ledger", "show", "2"]) == 0
    told = capsys.readouterr().out
    line = list(read_ledger(path))[1]
    assert told.startswith(f"Forecast 2, recorded {line.recorded}\nhash {line.hash}\n")
    for digest in line.entry["inputs"].values():
        assert digest in told
    for part in ("Breakdown", "Use of force", "± MCSE", "Verdict: the fit passed", "seed 1002"):
        assert part in told
    assert "durability ledger restore 2 PATH" in told


@pytest.mark.parametrize("command", ["show", "restore"])
def test_a_number_that_is_not_there_is_answered_with_those_that_are(
    command: str, workspace: Path, capsys: Captured
) -> None:
    ledger_of(workspace, 2)
    assert main(["ledger", command, "3", *(["x"] if command == "restore" else [])]) == 2
    assert "no forecast 3; it has 1 to 2" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["list"], ["show", "1"], ["verify"], ["restore", "1", "x"]])
def test_a_ledger_that_is_not_there_is_told(
    command: list[str], workspace: Path, capsys: Captured
) -> None:
    assert main(["ledger", *command]) == 2
    assert "no such ledger" in capsys.readouterr().err
    assert list(workspace.iterdir()) == []


def test_hostile_text_reaches_the_screen_as_text(workspace: Path, capsys: Captured) -> None:
    path = ledger_of(workspace, 1)
    bad = "\x1b[2J\u202e\x9b31m<script>\r\n=1+1"
    entry = example_entry(case=bad, title=bad, fit_key=bad)
    entry["prior_set"]["name"] = bad
    entry["versions"] = {"durability": bad, bad: bad}
    entry["method"] = {"kind": "fit", bad: [bad, {bad: bad}]}
    entry["verdict"] |= {"ok": False, "reasons": [bad]}
    entry["newest_item"]["id"] = bad
    append_entry(path, entry)
    for command in (["list"], ["show", "2"], ["restore", "2", "again"], ["verify"]):
        assert main(["ledger", *command]) == 0
    captured = capsys.readouterr()
    told = captured.out + captured.err
    for character in "\x1b\u202e\x9b\r":
        assert character not in told


# Restoring ----------------------------------------------------------------------------------


def test_restoring_prints_the_command_that_makes_the_forecast_again(
    workspace: Path, capsys: Captured
) -> None:
    ledger_of(workspace, 2)
    assert main(["ledger", "restore", "2", "it again"]) == 0
    words = shlex.split(capsys.readouterr().out.splitlines()[0])
    assert words[:3] == ["durability", "forecast", "it again/armenia_azerbaijan"]
    options = dict(zip(words[3::2], words[4::2], strict=True))
    assert options == {
        "--priors": "it again/priors/default.toml",
        "--cutoff": "2026-06-30",
        "--model": "breakdown",
        "--seed": "1002",
        "--horizon": "60",
        "--draws": "1000",
        "--tune": "1000",
        "--chains": "4",
    }
    assert main(["check", words[2], "--cutoff", options["--cutoff"]]) == 0


def test_an_update_says_that_making_it_again_is_a_fit(workspace: Path, capsys: Captured) -> None:
    path = ledger_of(workspace, 1)
    append_entry(path, example_entry(method={"kind": "update"}))
    assert main(["ledger", "restore", "2", "again"]) == 0
    assert "this fits anew" in capsys.readouterr().out


# Verifying ----------------------------------------------------------------------------------


def test_verify_prints_what_to_keep_and_takes_it_back(workspace: Path, capsys: Captured) -> None:
    path = ledger_of(workspace, 3)
    assert main(["ledger", "verify"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == "forecasts/ledger.jsonl: 3 lines, no problems"
    head = second.removeprefix("head ")
    assert head == verify_ledger(path).head
    assert main(["ledger", "verify", "--head", head, "--count", "3"]) == 0
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:2]))
    assert main(["ledger", "verify"]) == 0
    assert main(["ledger", "verify", "--head", head]) == 2
    assert main(["ledger", "verify", "--count", "3"]) == 2
    told = capsys.readouterr().err
    assert "lines were dropped at the end" in told
    assert "2 lines, not the 3 that there were" in told


def test_verify_exits_2_and_tells_everything(workspace: Path, capsys: Captured) -> None:
    path = ledger_of(workspace, 4)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[1].replace(b"Arm", b"Aim", 1) + lines[3] + lines[2] + b"{")
    assert main(["ledger", "verify"]) == 2
    captured = capsys.readouterr()
    for said in ("line 2: altered", "line 4: reordered", "line 5: an unfinished line of 1 byte"):
        assert said in captured.err
    assert "4 lines, 3 problems" in captured.out


@pytest.mark.parametrize("head", ["12ab", "g" * 64, "", "1" * 63])
def test_a_head_that_is_no_hash_is_refused(head: str, workspace: Path, capsys: Captured) -> None:
    ledger_of(workspace, 1)
    assert main(["ledger", "verify", "--head", head]) == 2
    assert "64 hexadecimal digits" in capsys.readouterr().err


def blocks(language: str) -> list[str]:
    """The code of docs/ledger.md."""
    page = (Path(__file__).parents[1] / "docs" / "ledger.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


def ran(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_the_page_verifies_a_ledger_in_a_few_lines_of_python(workspace: Path) -> None:
    code = blocks("python")[0]
    command = [sys.executable, "-I", "-W", "ignore", "-c", code]
    path = ledger_of(workspace, 3)
    good = ran(command, workspace)
    assert good.returncode == 0, good.stderr
    assert good.stdout.split()[-1] == verify_ledger(path).head
    lines = path.read_bytes().splitlines(keepends=True)
    altered = lines[1].replace(b'"seed":1002', b'"seed":1003')
    for bad in ([lines[0], altered, lines[2]], [lines[0], lines[2]], lines[::-1]):
        path.write_bytes(b"".join(bad))
        wrong = ran(command, workspace)
        assert wrong.returncode == 1
        assert "is not as it was written" in wrong.stderr


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="needs sha256sum")
def test_the_page_verifies_the_inputs_in_a_line_of_shell(workspace: Path) -> None:
    command = ["sh", "-c", blocks("sh")[1]]
    path = ledger_of(workspace, 1)
    assert ran(command, workspace).returncode == 0
    digest = json.loads(path.read_bytes())["entry"]["inputs"]["news.csv"]
    (path.parent / "ledger_inputs" / digest).write_text("other")
    assert ran(command, workspace).returncode == 1


def test_the_example_of_the_page_reads_a_ledger(workspace: Path) -> None:
    ledger_of(workspace, 2)
    read = ran([sys.executable, "-c", blocks("python")[1]], workspace)
    assert [line.split()[:2] for line in read.stdout.splitlines()] == [
        ["1", "2026-06-30"],
        ["2", "2026-06-30"],
    ], read.stderr


def test_listing_loads_no_numerical_library_but_those_of_the_readers(workspace: Path) -> None:
    ledger_of(workspace, 1)
    code = (
        "import sys; from durability.cli import main; main(['ledger', 'list']);"
        "print(*sorted({n.partition('.')[0] for n in sys.modules}))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(ran.stdout.splitlines()[-1].split())
    assert not loaded & {"scipy", "pandas", "xarray", "pymc", "arviz", "matplotlib", "jax"}
