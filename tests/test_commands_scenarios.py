"""The commands around scenarios and watch-lists: what they print, write, refuse and import."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conditioned import write_conditioned
from fitted import narrow_fit
from schemas import validator

from durability import cache
from durability.cases import read_case
from durability.cli import main
from durability.particles import Particles, keep, particles_of

Captured = pytest.CaptureFixture[str]
CASE = "armenia_azerbaijan"


@pytest.fixture(scope="module")
def cached(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Particles]:
    """Keep the particles of a small fit of the case with the tests' own conditions."""
    folder = tmp_path_factory.mktemp("work")
    write_conditioned(folder / "cases")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        case = read_case(folder / "cases" / CASE)
        fit = narrow_fit(case, draws=120, chains=4, seed=5)
        found = particles_of(fit, verdict={"ok": True, "reasons": []})
        keep(found)
    return folder, found


@pytest.fixture
def passed(cached: tuple[Path, Particles], monkeypatch: pytest.MonkeyPatch) -> Particles:
    """Work where the case and its particles are."""
    folder, found = cached
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    monkeypatch.chdir(folder)
    return found


def validated(path: Path, name: str) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    validator(name).validate(record)
    return record


SCENARIOS = """
[[scenario]]
name = "Opened, if it is learned"
set = ["corridor=open@2028-01", "vote=met"]

[[scenario]]
name = "Signed next year, come what may"
verb = "intervening"
set = ["signature=signed@2027-06"]
pin = { trust = 0.5 }
shift = { interference = -1 }
why = "To see what it would do."

[[tree]]
conditions = ["called", "corridor"]
by = "2028-12"
"""


def test_a_scenario_is_told_on_one_screen(passed: Particles, capsys: Captured) -> None:
    assert main(["scenario", CASE, "--set", "corridor=open@2028-01"]) == 0
    said = capsys.readouterr().out
    assert "corridor=open@2028-01" in said
    assert "observing: if this were learned" in said
    assert "chance of it" in said
    assert "480 effective draws, Pareto k none, 1 continuation of each draw" in said
    assert "as it comes" in said
    assert "signed" in said
    assert len(said.splitlines()) <= 40


def test_an_intervention_is_labelled(passed: Particles, capsys: Captured) -> None:
    how = ["--intervening", "--pin", "trust=+1.0", "--shift", "corridor=-0.5"]
    assert main(["scenario", CASE, *how]) == 0
    said = capsys.readouterr().out
    assert "if β were causal" in said
    assert "trust held at +1" in said
    assert "corridor moved by -0.5" in said
    assert "chance of it" not in said


def test_a_file_of_scenarios_gives_a_record_by_its_schema(
    passed: Particles, tmp_path: Path, capsys: Captured
) -> None:
    path, record, plot = (tmp_path / n for n in ("scenarios.toml", "out.json", "out.svg"))
    path.write_text(SCENARIOS, encoding="utf-8")
    asked = ["--file", str(path), "--json", str(record), "--plot", str(plot)]
    assert main(["scenario", CASE, *asked]) == 0
    said = capsys.readouterr().out
    assert "What becomes of called, corridor by 2028-12:" in said
    assert "the forecast as things come on the tree's own paths" in said
    assert "Stages that are reached before any breakdown:" in said
    made = validated(record, "scenarios")
    assert [each["verb"] for each in made["scenarios"]] == ["observing", "intervening"]
    assert made["scenarios"][1]["pins"] == {"trust": 0.5}
    assert made["fit"] == passed.key
    assert made["stages"].keys() == {"signed", "ratified", "in_force"}
    assert made["scenarios"][1]["stages"]["signed"]["dates"]["0.5"] == "2027-06-15"
    drawn = plot.read_text(encoding="utf-8")
    assert drawn.startswith("<svg")
    assert "Opened, if it is learned (observing)" in drawn


def test_a_record_is_the_same_twice(passed: Particles, tmp_path: Path, capsys: Captured) -> None:
    asked = ["scenario", CASE, "--set", "called=called@2027-06", "--json"]
    paths = [tmp_path / f"{n}.json" for n in (1, 2)]
    for path in paths:
        main([*asked, str(path)])
    assert paths[0].read_bytes() == paths[1].read_bytes()
    capsys.readouterr()


@pytest.mark.parametrize("command", ["scenario", "watch"])
def test_a_record_is_written_though_nobody_reads_on(
    command: str, passed: Particles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of `durability watch … --json FILE | head -1`."""

    def gone(_: object = "", **how: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr("click.echo", gone)
    record = tmp_path / "out.json"
    asked = ["--set", "corridor=open@2028-01"] if command == "scenario" else []
    with contextlib.suppress(BrokenPipeError, SystemExit):
        main([command, CASE, *asked, "--json", str(record)])
    assert json.loads(record.read_text(encoding="utf-8"))["fit"] == passed.key


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (["--set", "coridor=open@2028-01"], 'did you mean "corridor"?'),
        (["--set", "corridor=open@2028-01", "--pin", "trust=1"], "durability news add"),
        (["--intervening", "--pin", "trust=much"], "must be DRIVER=+1.0"),
        (["--intervening", "--pin", "trust=1", "--pin", "trust=2"], "each driver once"),
        ([], "needs --set, --pin, --shift or --file"),
        (["--file", "missing.toml"], "missing.toml"),
    ],
)
def test_bad_scenarios_exit_2(
    passed: Particles, asked: list[str], told: str, capsys: Captured
) -> None:
    assert main(["scenario", CASE, *asked]) == 2
    assert told in capsys.readouterr().err


def test_few_paths_exit_3_and_say_so(passed: Particles, capsys: Captured) -> None:
    """Three steps within one month, of which paths are drawn one at a time."""
    said = ("called=by:called@2026-07", "referendum=by:passed@2026-07", "signature=failed@2026-07")
    assert main(["scenario", CASE, *(part for each in said for part in ("--set", each))]) == 3
    assert "DO NOT USE: " in capsys.readouterr().out


@pytest.mark.parametrize("command", [["scenario", CASE, "--set", "corridor=met"], ["watch", CASE]])
def test_without_a_fit_it_is_said_what_to_do(
    passed: Particles,
    command: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Captured,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "empty"))
    assert main(command) == 2
    assert f"make one first: durability forecast {CASE}" in capsys.readouterr().err
    assert not cache.folder().exists() or not list(cache.folder().iterdir())


def test_a_failed_fit_is_said_first(
    cached: tuple[Path, Particles],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Captured,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(cached[0])
    fit = narrow_fit(read_case(CASE), draws=110, chains=4)
    keep(particles_of(fit, verdict={"ok": False, "reasons": ["R-hat is 1.2"]}))
    for command in (["scenario", CASE, "--set", "corridor=met"], ["watch", CASE]):
        assert main(command) == 3
        assert capsys.readouterr().out.startswith("DO NOT USE THESE NUMBERS:\n  of the fit: R-hat")


def test_a_watch_list_is_one_screen_and_a_record_by_its_schema(
    passed: Particles, tmp_path: Path, capsys: Captured
) -> None:
    record = tmp_path / "watch.json"
    asked = ["--months", "12", "--cost-ratio", "0.02", "--json", str(record)]
    assert main(["watch", CASE, *asked]) == 0
    said = capsys.readouterr().out
    assert "if met" in said
    assert "thousandths of a bit" in said
    assert "acts above 2.0%" in said
    assert len(said.splitlines()) <= 32
    assert max(map(len, said.splitlines()[:-2])) <= 150
    made = validated(record, "watch")
    assert len(made["watched"]) == 7 + 12
    vote = next(each for each in made["watched"] if each["name"] == "vote")
    assert vote["dates"]["0.5"] == "2027-03-31"
    assert main(["watch", CASE, "--horizon", "60"]) == 0
    assert "Breakdown within 60 months" in capsys.readouterr().out


def test_scenarios_and_watch_lists_import_nothing_heavy(passed: Particles) -> None:
    """Quantiles in case.toml are solved with a part of SciPy; nothing else is needed."""
    code = (
        "import sys\n"
        "from durability.cli import main\n"
        f"main(['scenario', {CASE!r}, '--set', 'corridor=open@2028-01'])\n"
        f"main(['watch', {CASE!r}])\n"
        "heavy = ['scipy.stats', 'xarray', 'pandas', 'pymc', 'pytensor', 'arviz', 'matplotlib',\n"
        "         'jax', 'nutpie', 'jinja2', 'rich']\n"
        "sys.stderr.write(str([name for name in heavy if name in sys.modules]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
