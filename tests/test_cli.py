"""The command line: what it prints, where, and with which exit status."""

from __future__ import annotations

import copy
import os
import signal
import subprocess
import sys
import time
import types
from datetime import date
from pathlib import Path
from typing import Any

import pexpect
import pytest

from durability.cli import main
from durability.progress import STAGES
from durability.vocabulary import HORIZONS_MONTHS, RUNGS, STREAMS

CASE = "armenia_azerbaijan"
COMMAND = "import sys; from durability.cli import main; sys.exit(main())"


def estimate(mean: float) -> dict[str, float]:
    return {
        "mean": mean,
        "low": mean / 2,
        "high": min(1.0, 2 * mean),
        "interval_probability": 0.9,
        "mcse": 0.0021,
    }


RECORD: dict[str, Any] = {
    "case": CASE,
    "title": "Armenia–Azerbaijan",
    "cutoff": "2026-06-30",
    "verdict": {
        "ok": True,
        "reasons": [],
        "checks": [{"name": "rhat", "value": 1.0, "limit": 1.01, "ok": True, "worst": "x"}],
    },
    "observed_to": dict.fromkeys(STREAMS, "2026-06-30"),
    "newest_item": {"id": "T145", "known": "2026-06-30", "age_days": 0},
    "timings": {"import": 7.04, "compile": 41.2, "sample": 18.0},
    "unseen": {rung: estimate(0.0) for rung in RUNGS},
    "breakdown": {
        rung: {str(months): estimate(months / 1000) for months in HORIZONS_MONTHS} for rung in RUNGS
    },
}


class Made:
    """A forecast without its draws."""

    def __init__(self, record: dict[str, Any]) -> None:
        self.record = record


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def forecasting(monkeypatch: pytest.MonkeyPatch) -> types.SimpleNamespace:
    """Replace sampling and rendering, to test the command around them.

    ``asked`` holds what ``run`` was asked for; ``record`` is what it answers.
    """
    state = types.SimpleNamespace(asked=None, record=copy.deepcopy(RECORD), fails=None)

    def run(case: object, **asked: object) -> Made:
        state.asked = {"case": case, **asked}
        if state.fails is not None:
            raise state.fails
        return Made(state.record)

    def write_report(made: Made, folder: Path) -> list[Path]:
        folder.mkdir(parents=True, exist_ok=True)
        files = [folder / "report.html", folder / "forecast.json"]
        for file in files:
            file.write_text(made.record["cutoff"])
        return files

    def read_recorded(folder: Path) -> Made:
        return Made({**state.record, "cutoff": (folder / "forecast.json").read_text()})

    forecasts = types.ModuleType("durability.forecasts")
    forecasts.run = run  # type: ignore[attr-defined]
    report = types.ModuleType("durability.report")
    report.write_report = write_report  # type: ignore[attr-defined]
    report.read_recorded = read_recorded  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "durability.forecasts", forecasts)
    monkeypatch.setitem(sys.modules, "durability.report", report)
    return state


# Help, version, speed -----------------------------------------------------------------------


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    from importlib.metadata import version

    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"durability {version('durability')}\n"


@pytest.mark.parametrize(
    "command",
    [
        [],
        ["forecast"],
        ["scenario"],
        ["watch"],
        ["report"],
        ["cases"],
        ["check"],
        ["new"],
        ["copy"],
        ["priors"],
        ["priors", "list"],
        ["priors", "show"],
        ["priors", "check"],
        ["ledger"],
        ["ledger", "list"],
        ["ledger", "show"],
        ["ledger", "verify"],
        ["ledger", "restore"],
        ["completion"],
    ],
)
def test_every_command_explains_itself(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "--help"]) == 0
    assert "Usage: durability" in capsys.readouterr().out


def test_help_imports_nothing_heavy() -> None:
    heavy = {
        "arviz",
        "jax",
        "matplotlib",
        "numba",
        "numpy",
        "pandas",
        "pymc",
        "rich",
        "scipy",
        "xarray",
    }
    code = f"import sys; sys.argv = ['durability', '--help']\ntry:\n  exec({COMMAND!r})\n"
    code += f"except SystemExit:\n  print('LOADED', *sorted({heavy!r} & set(sys.modules)))\n"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "LOADED"


def test_help_takes_half_a_second_or_a_few_bare_starts_of_python() -> None:
    def shortest(arguments: list[str]) -> float:
        took = []
        for _ in range(4):
            start = time.perf_counter()
            subprocess.run([sys.executable, *arguments], capture_output=True, check=True)
            took.append(time.perf_counter() - start)
        return min(took)

    bare = shortest(["-c", "pass"])
    assert shortest(["-c", COMMAND, "--help"]) < max(0.5, 15 * bare)


# Bad input ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["forcast", CASE], "Did you mean 'forecast'"),
        (["forecast"], "Missing argument 'CASE'"),
        (["forecast", CASE, "--cutof", "2026-06-30"], "No such option"),
        (["forecast", CASE, "--cutoff", "30.06.2026"], "write it like 2026-06-30"),
        (["forecast", CASE, "--cutoff", "2026-6-30"], "write it like 2026-06-30"),
        (["forecast", CASE, "--cutoff", "20260630"], "write it like 2026-06-30"),
        (["forecast", CASE, "--cutoff", "2026-02-30"], "write it like 2026-06-30"),
        (["forecast", CASE, "--cutoff", "today"], "write it like 2026-06-30"),
        (["forecast", CASE, "--horizon", "0"], "--horizon"),
        (["forecast", CASE, "--horizon", "1.5"], "--horizon"),
        (["forecast", CASE, "--seed", "-1"], "--seed"),
        (["forecast", CASE, "--draws", "0"], "--draws"),
        (["forecast", CASE, "--chains", "1"], "--chains"),
        (["forecast", "armenia_azerbaijn"], 'did you mean "armenia_azerbaijan"'),
        (["check", "armenia_azerbaijn"], 'did you mean "armenia_azerbaijan"'),
        (["check", CASE, "--cutoff", "1990-01-01"], "the cutoff 1990-01-01 lies before"),
        (["copy", "armenia_azerbaijn"], 'did you mean "armenia_azerbaijan"'),
        (["forecast", CASE, "--priors", "defualt"], 'did you mean "default"'),
        (["priors", "show", "defualt"], 'did you mean "default"'),
        (["priors", "check", "nowhere.toml"], "nowhere.toml: no such file"),
        (["priors", "check", "--model", "brakdown"], 'did you mean "breakdown"'),
        (["report", CASE], "durability forecast armenia_azerbaijan"),
        (["completion", "tcsh"], "bash"),
    ],
)
def test_bad_input_exits_2_and_says_what_is_allowed(
    arguments: list[str],
    said: str,
    workspace: Path,
    forecasting: types.SimpleNamespace,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert "Traceback" not in captured.err
    assert captured.out == ""
    assert forecasting.asked is None
    assert list(workspace.iterdir()) == []


def test_the_case_and_the_priors_are_checked_in_one_run(
    workspace: Path, forecasting: types.SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["forecast", "nocase", "--priors", "nopriors"]) == 2
    told = capsys.readouterr().err
    assert 'there is no case "nocase"' in told
    assert 'there is no prior set "nopriors"' in told
    assert "2 problems" in told


@pytest.mark.parametrize("command", ["forecast", "report"])
def test_an_unwritable_folder_is_refused_before_anything_is_sampled(
    command: str,
    workspace: Path,
    forecasting: types.SimpleNamespace,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (workspace / "file").write_text("in the way")
    assert main([command, CASE, "--out", str(workspace / "file" / "below")]) == 2
    assert "cannot be written" in capsys.readouterr().err
    assert forecasting.asked is None
    assert (workspace / "file").read_text() == "in the way"


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that refuses root")
def test_a_folder_without_rights_is_refused(
    workspace: Path, forecasting: types.SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["forecast", CASE, "--out", "/proc/forecast"]) == 2
    assert "choose another folder with --out" in capsys.readouterr().err
    assert forecasting.asked is None


def test_a_cache_that_cannot_be_written_is_told_before_anything_is_sampled(
    workspace: Path,
    forecasting: types.SimpleNamespace,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (workspace / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(workspace / "file"))
    assert main(["forecast", CASE]) == 2
    told = capsys.readouterr().err
    assert "cannot be written" in told
    assert "set XDG_CACHE_HOME to another" in told
    assert forecasting.asked is None


# Forecasts ----------------------------------------------------------------------------------


def test_a_forecast_is_asked_for_as_the_options_say(
    workspace: Path, forecasting: types.SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    options = "--cutoff 2026-03-31 --horizon 24 --seed 7 --draws 10 --tune 20 --chains 2"
    flags = ["--refit", "--no-sensitivities", "--tries", "3"]
    assert main(["forecast", CASE, *options.split(), *flags, "--out", "here"]) == 0
    asked = forecasting.asked
    assert (asked["case"].name, asked["priors"].name) == (CASE, "default")
    assert (asked["cutoff"], asked["horizon_months"]) == (date(2026, 3, 31), 24)
    assert asked.pop("progress") is not None
    settings = {
        key: asked[key] for key in set(asked) - {"case", "priors", "cutoff", "horizon_months"}
    }
    assert settings == {
        "model": "breakdown",
        "seed": 7,
        "draws": 10,
        "tune": 20,
        "chains": 2,
        "refit": True,
        "tries": 3,
        "sensitivities": False,
        "since": "",
    }
    assert str(Path("here") / "report.html") in capsys.readouterr().out


def test_the_default_cutoff_is_the_last_covered_day_and_names_the_folder(
    workspace: Path, forecasting: types.SimpleNamespace
) -> None:
    assert main(["forecast", CASE]) == 0
    assert forecasting.asked["cutoff"] == date(2026, 6, 30)
    assert [forecasting.asked[flag] for flag in ("refit", "sensitivities")] == [False, True]
    assert (workspace / "forecasts" / CASE / "2026-06-30" / "forecast.json").is_file()


def test_every_probability_is_printed_with_interval_error_and_verdict(
    workspace: Path, forecasting: types.SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["forecast", CASE]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Armenia–Azerbaijan, as of 30 June 2026"
    rows = [line.split() for line in lines if line.endswith("  0.2")]
    assert len(rows) == len(RUNGS) * len(HORIZONS_MONTHS)
    assert rows[0] == ["Breakdown", "6", "0.6%", "0.3–1.2%", "0.2"]
    assert any("90% interval" in line for line in lines)
    assert any(line == "Verdict: the fit passed all 1 of its checks." for line in lines)
    assert not any("unseen" in line for line in lines)


def test_a_failed_verdict_is_the_first_line_and_exits_3(
    workspace: Path, forecasting: types.SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    verdict = forecasting.record["verdict"]
    verdict["ok"], verdict["checks"][0]["ok"] = False, False
    verdict["reasons"] = ["R-hat 1.21 of beta[war,trust] is above 1.01"]
    assert main(["forecast", CASE]) == 3
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("DO NOT USE THESE NUMBERS")
    assert lines[1].strip() == verdict["reasons"][0]
    assert main(["report", CASE]) == 3
    assert capsys.readouterr().out.startswith("DO NOT USE THESE NUMBERS")


def test_what_may_have_happened_unseen_stands_on_its_own_line(
    workspace: Path, forecasting: types.SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    forecasting.record["cutoff"] = "2026-12-31"
    forecasting.record["unseen"]["force"] = estimate(0.123)
    assert main(["forecast", CASE, "--cutoff", "2026-12-31"]) == 0
    lines = capsys.readouterr().out.splitlines()
    (unseen,) = [line for line in lines if "Use of force since 2026-06-30" in line]
    assert "12% (90% interval 6.2–25%, MCSE 0.2 points)" in unseen


def test_answers_go_to_standard_output_and_progress_to_standard_error(
    workspace: Path, forecasting: types.SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["forecast", CASE])
    captured = capsys.readouterr()
    assert STAGES["read"] in captured.err
    assert STAGES["report"] in captured.err
    assert "Time: import 7.0 s, compile 41 s, sample 18 s, report " in captured.err
    assert not any(words in captured.out for words in STAGES.values())


def test_a_report_is_rendered_again_from_the_latest_or_the_named_forecast(
    workspace: Path, forecasting: types.SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    for cutoff in ("2026-03-31", "2025-12-31"):
        forecasting.record["cutoff"] = cutoff
        assert main(["forecast", CASE, "--cutoff", cutoff]) == 0
    forecasting.asked = None
    capsys.readouterr()
    assert main(["report", CASE]) == 0
    assert "as of 31 March 2026" in capsys.readouterr().out
    assert main(["report", CASE, "--cutoff", "2025-12-31"]) == 0
    assert "as of 31 December 2025" in capsys.readouterr().out
    assert main(["report", CASE, "--out", f"forecasts/{CASE}/2025-12-31"]) == 0
    assert "as of 31 December 2025" in capsys.readouterr().out
    assert main(["report", CASE, "--cutoff", "2024-12-31"]) == 2
    assert forecasting.asked is None


def test_an_error_of_the_library_is_told_in_its_own_words(
    workspace: Path, forecasting: types.SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    from durability.errors import SamplingError

    forecasting.fails = SamplingError("the chains stopped")
    assert main(["forecast", CASE]) == 2
    assert capsys.readouterr().err.endswith("the chains stopped\n")


# Cases and priors ---------------------------------------------------------------------------


def test_the_shipped_case_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cases"]) == 0
    assert CASE in capsys.readouterr().out


def test_check_shows_every_item_and_why_it_is_not_used(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from durability.cases import read_case

    assert main(["check", CASE, "--cutoff", "2026-03-31"]) == 0
    out = capsys.readouterr().out
    table = out[out.index("\nitem ") :].strip().splitlines()[1:]
    assert {line.split()[0] for line in table} == {item.id for item in read_case(CASE).news}
    late = [line for line in table if line.endswith("no: known after the cutoff")]
    known = {item.id: item.known for item in read_case(CASE).news}
    assert {line.split()[0] for line in late} == {
        name for name, day in known.items() if day > date(2026, 3, 31)
    }
    used = sum(line.endswith("yes") for line in table)
    assert f"News: {used} items used, {len(table) - used - len(late)} not used" in out


def test_check_says_how_long_the_silence_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", CASE, "--cutoff", "2026-07-10"]) == 0
    out = capsys.readouterr().out
    assert "covered until 2026-06-30: the 10 days since are unknown" in out
    assert "war has not happened; observed until 2026-06-30, 10 days before the cutoff" in out


def test_a_new_case_validates_and_is_never_overwritten(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["new", "mine", "--parties", "Freedonia", "Sylvania"]) == 0
    assert main(["check", "mine"]) == 0
    assert main(["new", "mine"]) == 2
    assert "exists already" in capsys.readouterr().err
    from durability.cases import read_case

    assert read_case(workspace / "mine").parties == ("Freedonia", "Sylvania")


def test_a_copy_takes_the_name_of_the_shipped_case(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["copy", CASE]) == 0
    assert (workspace / "cases" / CASE / "case.toml").is_file()
    capsys.readouterr()
    assert main(["cases"]) == 0
    assert str(Path("cases") / CASE) in capsys.readouterr().out


def test_priors_are_listed_shown_and_checked(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["priors", "list"]) == 0
    assert "default  " in capsys.readouterr().out
    assert main(["priors", "check"]) == 0
    assert "all that breakdown needs" in capsys.readouterr().out
    path = workspace / "mine.toml"
    path.write_text(
        'format = 1\n[half_life]\ndistribution = "lognormal"\n'
        'quantiles = { "0.05" = 3.0, "0.95" = 24.0 }\n'
        'unit = "months"\nmeaning = "m"\nreason = "r"\nstatus = "assumed"\n'
    )
    assert main(["priors", "show", "mine.toml"]) == 0
    shown = capsys.readouterr().out
    assert "half_life ~ lognormal(mu 2.138, sigma 0.6321)  [months; assumed]" in shown
    assert "5%: 3, 50%: 8.49, 95%: 24" in shown
    assert main(["priors", "check", "mine.toml"]) == 2
    told = capsys.readouterr().err
    assert f"{path.name} line 2: [half_life] is not a parameter of the model" in told


# Completion ---------------------------------------------------------------------------------


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_completion_script_is_printed(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert "_DURABILITY_COMPLETE" in script
    if shell == "bash":
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("durability fore", "plain,forecast"),
        ("durability check arm", f"plain,{CASE}"),
        ("durability forecast x --priors def", "plain,default"),
        ("durability forecast x --model break", "plain,breakdown"),
        ("durability check ./somewhere", "dir,./somewhere"),
    ],
)
def test_commands_and_names_complete(words: str, offered: str) -> None:
    environment = {
        **os.environ,
        "_DURABILITY_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
    }
    ran = subprocess.run(
        [sys.executable, "-c", "import sys; sys.argv[0] = 'durability'; " + COMMAND],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    assert offered in ran.stdout.splitlines()


# Ctrl-C -------------------------------------------------------------------------------------

STUB = """
import sys, time, types
import durability
forecasts = types.ModuleType("durability.forecasts")
def run(case, *, progress, **settings):
    progress.stage({stage!r})
    {body}
forecasts.run = run
sys.modules["durability.forecasts"] = forecasts
"""


def start(folder: Path, code: str, *arguments: str) -> pexpect.spawn[str]:
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache"), "TERM": "xterm"}
    return pexpect.spawn(
        sys.executable,
        ["-c", code + COMMAND, "forecast", CASE, *arguments],
        cwd=str(folder),
        env=environment,
        encoding="utf-8",
        timeout=300,
        dimensions=(40, 120),
    )


def stopped(child: pexpect.spawn[str]) -> str:
    """Press Ctrl-C, wait for the end, and give what was printed after it."""
    child.sendcontrol("c")
    child.expect(pexpect.EOF)
    child.close()
    return str(child.before)


@pytest.mark.parametrize("stage", list(STAGES))
def test_ctrl_c_exits_130_in_every_stage_and_gives_the_cursor_back(
    tmp_path: Path, stage: str
) -> None:
    child = start(tmp_path, STUB.format(stage=stage, body="time.sleep(60)"))
    if stage != "read":
        child.expect_exact(STAGES["read"])
    child.expect_exact(STAGES[stage])
    time.sleep(0.3)
    said = stopped(child)
    assert child.exitstatus == 130
    assert "Stopped." in said
    assert "Traceback" not in said
    assert said.rfind("\x1b[?25h") > said.rfind("\x1b[?25l")
    assert not (tmp_path / "forecasts").exists()


def test_a_second_ctrl_c_ends_what_would_not_stop(tmp_path: Path) -> None:
    body = "\n    ".join(
        [
            "for turn in range(60):",
            "    try: time.sleep(1)",
            "    except BaseException: print('DEAF', flush=True)",
        ]
    )
    child = start(tmp_path, STUB.format(stage="sample", body=body))
    child.expect_exact(STAGES["sample"])
    time.sleep(0.3)
    child.sendcontrol("c")
    child.expect_exact("DEAF")
    stopped(child)
    assert child.exitstatus == 130


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["import", "compile", "sample"])
def test_ctrl_c_stops_a_real_forecast_and_caches_nothing(tmp_path: Path, stage: str) -> None:
    child = start(tmp_path, "", "--draws", "20000", "--tune", "300", "--chains", "2")
    child.expect_exact(STAGES[stage])
    time.sleep(1.5)
    said = stopped(child)
    assert child.exitstatus == 130, said
    assert "Traceback" not in said
    # Other libraries may have kept something of their own there, such as a list of fonts.
    ours = tmp_path / "cache" / "durability"
    assert [path for path in ours.rglob("*") if path.is_file()] == []
    assert not (tmp_path / "forecasts").exists()


def test_ctrl_c_while_modules_load_exits_130() -> None:
    code = "import sys, types, signal, os\nfrom durability import cli\n"
    code += "class Slow:\n  def find_spec(self, name, path=None, target=None):\n"
    code += "    if name == 'click': os.kill(os.getpid(), signal.SIGINT)\n"
    code += "sys.meta_path.insert(0, Slow())\nsys.exit(cli.main(['cases']))\n"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 130
    assert ran.stderr == "\nStopped.\n"


def test_the_handler_of_ctrl_c_is_given_back() -> None:
    def mine(number: int, frame: object) -> None: ...

    before = signal.signal(signal.SIGINT, mine)
    try:
        main(["--version"])
        assert signal.getsignal(signal.SIGINT) is mine
    finally:
        signal.signal(signal.SIGINT, before)
