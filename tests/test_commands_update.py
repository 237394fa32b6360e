"""The commands that revise and compare forecasts: what they print, write and import."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from fitted import drawn_fit, narrow_fit
from worlds import CUTOFF, flagship

import durability
from durability import cache, forecasts
from durability.assembly import ModelData
from durability.cli import main
from durability.inference import Fit
from durability.particles import Particles, keep, particles_of
from durability.weighing import Base, prepare

Captured = pytest.CaptureFixture[str]
CASE = "armenia_azerbaijan"


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, with an empty cache of one's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    assert not cache.folder().exists()
    return tmp_path


def kept(fit: Fit, *, ok: bool = True) -> Particles:
    found = particles_of(fit, verdict={"ok": ok, "reasons": [] if ok else ["R-hat is 1.2"]})
    keep(found)
    return found


@pytest.fixture
def passed() -> Particles:
    return kept(narrow_fit(draws=150, chains=4, seed=5))


def news(*rows: tuple[str, str, int, str], **more: str) -> None:
    durability.add_news(
        CASE,
        [
            durability.NewsEntry(
                date=day,
                driver=driver,
                ratings=rating,
                statement=statement,
                source="A page",
                grade="B",
                **more,
            )
            for day, driver, rating, statement in rows
        ],
    )


def test_an_added_item_is_told_on_one_screen(passed: Particles, capsys: Captured) -> None:
    news(("2026-06-20", "corridor", 2, "Work on the route is suspended."))
    capsys.readouterr()
    assert main(["update", CASE]) == 0
    said = capsys.readouterr().out
    assert "N001 (2026-06-20): Work on the route is suspended." in said
    assert "Breakdown within 24 months was" in said
    assert "Pareto k" in said
    assert len(said.splitlines()) <= 40
    written = Path("forecasts", CASE, str(CUTOFF), "update.json")
    record = json.loads(written.read_text(encoding="utf-8"))
    assert (record["method"], record["fit"]) == ("weights", passed.key)
    assert said.splitlines()[-1] == str(written)


def test_the_same_knowledge_gives_the_same_words(passed: Particles, capsys: Captured) -> None:
    news(("2026-06-20", "corridor", 2, "Work stops."), ("2026-06-02", "trust", -1, "Posts empty."))
    capsys.readouterr()
    said = []
    for _ in range(2):
        main(["update", CASE])
        said.append(capsys.readouterr().out)
        path = Path("cases", CASE, "news.csv")
        head, *rows = path.read_text(encoding="utf-8").splitlines()
        path.write_text("\n".join([head, *reversed(rows)]) + "\n", encoding="utf-8")
    assert said[0] == said[1]


def test_a_retracted_item_leaves_no_trace(passed: Particles, capsys: Captured) -> None:
    main(["update", CASE])
    before = capsys.readouterr().out
    news(("2026-06-20", "corridor", 2, "Work on the route is suspended."))
    durability.retract_news(CASE, "N001", why="The page is gone.")
    capsys.readouterr()
    main(["update", CASE])
    assert capsys.readouterr().out == before


def test_a_later_item_moves_the_cutoff(passed: Particles, capsys: Captured) -> None:
    news(("2026-07-05", "corridor", 2, "Work on the route is suspended."))
    assert main(["update", CASE]) == 0
    said = capsys.readouterr().out
    assert "as of 5 July 2026 (last fit: 30 June 2026)" in said
    assert "Not observed up to the cutoff" in said
    assert "news was looked for until 2026-06-30 only" in said
    main(["update", CASE, "--cutoff", "2026-06-30"])
    assert "nothing that the fit did not know" in capsys.readouterr().out


def test_a_failed_fit_is_said_first_and_exits_3(capsys: Captured) -> None:
    kept(narrow_fit(draws=150, chains=4), ok=False)
    assert main(["update", CASE]) == 3
    assert capsys.readouterr().out.startswith("DO NOT USE THESE NUMBERS:\n  of the fit: R-hat")


def loud() -> None:
    news(
        *(
            (f"2026-06-{day:02d}", driver, 3, f"Alarm {day} about {driver}, said in its own words")
            for day, driver in zip(range(1, 25), ["corridor", "trust"] * 12, strict=True)
        ),
        new_event=True,  # type: ignore[arg-type]
    )


def test_weights_that_will_not_do_are_said_first_without_a_refit(capsys: Captured) -> None:
    kept(drawn_fit(draws=100, chains=4))
    loud()
    capsys.readouterr()
    assert main(["update", CASE, "--no-refit"]) == 3
    said = capsys.readouterr().out
    assert said.startswith("DO NOT USE THESE NUMBERS:")
    assert "refit before anybody reads these numbers" in said


class Refits:
    """Stands for sampling: remembers the cutoffs it was asked for."""

    def __init__(self) -> None:
        self.asked: list[date] = []

    def __call__(self, data: ModelData, priors: Any, **how: Any) -> Base:
        self.asked.append(data.cutoff)
        fit = narrow_fit(data.case, draws=200, chains=4, cutoff=data.cutoff)
        return prepare(kept(fit), rows=data.rows)


@pytest.fixture
def refits(monkeypatch: pytest.MonkeyPatch) -> Refits:
    found = Refits()
    monkeypatch.setattr(forecasts, "refitted", found)
    return found


def test_weights_that_will_not_do_are_refitted(refits: Refits, capsys: Captured) -> None:
    kept(drawn_fit(draws=100, chains=4))
    loud()
    capsys.readouterr()
    assert main(["update", CASE]) == 0
    told = capsys.readouterr()
    assert refits.asked == [CUTOFF]
    assert "sampling again" in told.err
    assert "How sure: refitted, since" in told.out


def test_without_a_fit_one_is_made_as_far_as_news_is_covered(
    refits: Refits, capsys: Captured
) -> None:
    news(("2026-07-05", "corridor", 2, "Work on the route is suspended."))
    assert main(["update", CASE]) == 0
    assert refits.asked == [CUTOFF]
    told = capsys.readouterr()
    assert "making one first" in told.err
    assert "N001" in told.out


def test_two_forecasts_are_compared(refits: Refits, capsys: Captured) -> None:
    assert main(["compare", CASE, "--before-cutoff", "2026-06-10"]) == 0
    assert refits.asked == [date(2026, 6, 10), CUTOFF]
    said = capsys.readouterr().out
    assert "last fit: 10 June 2026" in said
    assert "fits of their own" in said
    assert Path("forecasts", CASE, str(CUTOFF), "comparison.json").is_file()


def test_a_revised_forecast_is_recorded_with_how_it_was_made(
    passed: Particles, capsys: Captured
) -> None:
    news(("2026-06-20", "corridor", 2, "Work on the route is suspended."))
    assert main(["update", CASE, "--record"]) == 0
    (line,) = durability.read_ledger(Path("forecasts/ledger.jsonl"))
    assert line.entry["method"]["kind"] == "update"
    assert line.entry["method"]["step"] == "weights"
    assert line.entry["fit_key"] == passed.key
    assert line.hash in capsys.readouterr().out.splitlines()[-1]
    assert main(["ledger", "verify"]) == 0


def test_a_case_that_cannot_be_read_is_told_before_anything_is_done(capsys: Captured) -> None:
    assert main(["update", "no_such_case"]) == 2
    assert main(["update", CASE, "--priors", "no_such_set"]) == 2
    assert main(["update", CASE, "--cutoff", "30 June"]) == 2
    assert "there is no case" in capsys.readouterr().err


def test_the_command_imports_numpy_and_nothing_heavier(passed: Particles) -> None:
    news(("2026-06-20", "corridor", 2, "Work on the route is suspended."))
    code = (
        "import sys\n"
        "from durability.cli import main\n"
        f"assert main(['update', '{CASE}']) == 0\n"
        "heavy = ['scipy', 'xarray', 'pandas', 'pymc', 'pytensor', 'arviz', 'matplotlib', 'jax',\n"
        "         'nutpie', 'jinja2', 'rich', 'preliz']\n"
        "print([name for name in heavy if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_case_observed_longer_is_updated_to_its_new_coverage(
    passed: Particles, capsys: Captured
) -> None:
    folder = durability.copy_case(CASE)
    text = (folder / "case.toml").read_text(encoding="utf-8")
    (folder / "case.toml").write_text(text.replace("2026-06-30", "2026-07-31"), encoding="utf-8")
    assert main(["update", CASE]) == 0
    said = capsys.readouterr().out
    assert "as of 31 July 2026" in said
    assert "the time that has passed" in said
    assert "Not observed" not in said
    assert replace(flagship()).covered_until == CUTOFF


def test_cutoffs_the_wrong_way_round_are_told_before_anything_is_fitted(
    refits: Refits, capsys: Captured
) -> None:
    swapped = ["--before-cutoff", "2026-06-30", "--after-cutoff", "2026-06-15"]
    assert main(["compare", CASE, *swapped]) == 2
    told = capsys.readouterr().err
    assert "the earlier forecast is as of 2026-06-30, the later of 2026-06-15" in told
    assert not refits.asked


def test_a_day_beyond_all_forecasts_is_a_slip(capsys: Captured) -> None:
    assert main(["update", CASE, "--cutoff", "9999-12-31"]) == 2
    assert "9999-12-31 lies after 2100: a slip of the pen?" in capsys.readouterr().err
