"""Bad input through the command line, as a person meets it: told whole, and nothing done.

Every case is a copy of the shipped one with one thing spoilt; every refusal names the file and the
line, exits 2, and leaves the working folder and the caches as they were.
"""

from __future__ import annotations

import csv
import errno
import io
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fitted import narrow_fit

from durability import cache, commands, files, inference
from durability.cases import copy_case, read_case
from durability.errors import WriteError
from durability.forecasts import forecast
from durability.report import write_report

Text = Callable[[str], str]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a case folder to spoil, below an empty working folder."""
    monkeypatch.chdir(tmp_path)
    return copy_case("armenia_azerbaijan", tmp_path / "spoilt")


@pytest.fixture(autouse=True)
def no_sampling(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here may come as far as the compiler, unless a test says so."""

    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("bad input came as far as the sampler")

    monkeypatch.setattr(inference, "compile_model", refuse)
    monkeypatch.setattr(inference, "sample", refuse)


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Run a command that must be refused; give what it says."""
    before = everything(Path.cwd()), everything(cache.folder().parent)
    assert commands.run(arguments) == 2
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    assert captured.out == ""
    assert (everything(Path.cwd()), everything(cache.folder().parent)) == before
    return captured.err


def everything(folder: Path) -> dict[str, bytes]:
    """Contents of all files below a folder that are small enough to be compared."""
    return {
        str(path): path.read_bytes() if path.stat().st_size < 2**20 else b"large"
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def spoil(folder: Path, name: str, change: Text) -> None:
    path = folder / name
    before = path.read_text(encoding="utf-8")
    after = change(before)
    assert after != before
    path.write_text(after, encoding="utf-8")


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "news.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write_rows(folder: Path, items: list[dict[str, str]]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(items[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(items)
    (folder / "news.csv").write_text(text.getvalue(), encoding="utf-8")


def rated(items: list[dict[str, str]]) -> int:
    """Place of an item that has ratings and a day."""
    return next(i for i, row in enumerate(items) if row["ratings"] and row["precision"] == "day")


def cell(column: str, value: str) -> Callable[[Path], int]:
    """Spoil one cell of the news; gives its line."""

    def change(folder: Path) -> int:
        items = rows(folder)
        at = rated(items)
        items[at][column] = value
        write_rows(folder, items)
        return at + 2

    return change


# ---- news ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["forecast", "check"])
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (cell("driver", "trsut"), 'did you mean "trust"'),
        (cell("ratings", "a=9;b=1"), "9"),
        (cell("ratings", "9"), "-3"),
        (cell("known", "1985-01-01"), "nothing is known before it happens"),
        (cell("date", "2026-02-30"), "2026-02-30"),
        (cell("grade", "Z"), "one of A, B, C"),
        (cell("status", "rumour"), "one of occurred"),
        (cell("address", "javascript:alert(1)"), "http"),
        (cell("salience", "7"), "salience"),
    ],
)
def test_a_spoilt_cell_is_named_with_its_line(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    command: str,
    change: Callable[[Path], int],
    said: str,
) -> None:
    line = change(folder)
    told = refused([command, "spoilt" if command == "check" else str(folder)], capsys)
    assert f"news.csv line {line}, " in told
    assert said in told


def test_an_item_known_before_it_happened_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    items = rows(folder)
    at = rated(items)
    items[at]["date"], items[at]["known"] = "2026-06-29", "2026-06-28"
    write_rows(folder, items)
    told = refused(["forecast", str(folder)], capsys)
    assert f"news.csv line {at + 2}, " in told
    assert "nothing is known before it happens" in told


def test_an_id_used_twice_names_both_lines(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    items = rows(folder)
    items[7]["id"] = items[3]["id"]
    write_rows(folder, items)
    told = refused(["forecast", str(folder)], capsys)
    assert "news.csv line 9, id" in told
    assert "line 5" in told


def test_all_problems_of_all_files_come_in_one_run(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    items = rows(folder)
    items[2]["driver"], items[4]["status"], items[6]["grade"] = "trsut", "rumour", "Q"
    write_rows(folder, items)
    spoil(folder, "case.toml", lambda text: text.replace("covered_until", "coverd_until"))
    indicators = folder / "indicators.csv"
    indicators.write_text(indicators.read_text(encoding="utf-8") + "x,y,z,1,1,q,s,t\n")
    told = refused(["forecast", str(folder), "--priors", "defualt"], capsys)
    for place in ("news.csv line 4", "news.csv line 6", "news.csv line 8"):
        assert place in told
    assert 'did you mean "covered_until"' in told
    assert "indicators.csv line" in told
    assert 'there is no prior set "defualt"' in told
    assert "problems; nothing was done" in told.splitlines()[-1]


@pytest.mark.parametrize("name", ["news.csv", "case.toml", "indicators.csv"])
@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (b"  \n\n", "empty"),
        ("naïve".encode("utf-16"), "UTF-8"),
        ("id,dáte\n1,2\n".encode("latin-1"), "line 1: byte 0xe1 is not UTF-8"),
        (b"\xef\xbb\xbfid,name\n1,Caf\xe9 C\n", "line 2: byte 0xe9 is not UTF-8"),
        (b"a\0b\n", "NUL"),
        (b"\x89PNG\r\n\x1a\n", "UTF-8"),
    ],
)
def test_what_is_no_text_is_refused_by_name(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str, data: bytes, said: str
) -> None:
    (folder / name).write_bytes(data)
    told = refused(["forecast", str(folder)], capsys)
    assert name in told
    assert said in told


@pytest.mark.parametrize(
    ("change", "said"),
    [
        # A quote that is never closed swallows the rest of the file.
        (lambda text: text.replace("\n", '\n"', 2), "news.csv line"),
        (lambda text: text.replace("id,", "", 1), "news.csv"),
        (lambda text: text.split("\n", 1)[1], "news.csv"),
        (lambda text: text + "one,cell,too,few\n", "news.csv line 157"),
        (lambda text: text.replace(",driver,", ",drivr,", 1), 'did you mean "driver"'),
        (lambda text: text.replace(",", ";"), "news.csv"),
    ],
)
def test_a_broken_table_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], change: Text, said: str
) -> None:
    spoil(folder, "news.csv", change)
    assert said in refused(["forecast", str(folder)], capsys)


@pytest.mark.parametrize("name", ["news.csv", "case.toml", "indicators.csv"])
def test_a_file_of_a_hundred_megabytes_is_refused_unread(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    with (folder / name).open("r+b") as file:
        file.truncate(100 * 2**20)
    told = refused(["forecast", str(folder)], capsys)
    assert f"{name}: 100 MiB" in told
    assert f"at most {1 if name == 'case.toml' else 20} MiB is read" in told


def test_a_folder_in_a_files_place_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "news.csv").unlink()
    (folder / "news.csv").mkdir()
    assert "news.csv" in refused(["forecast", str(folder)], capsys)


# ---- what may stand there -----------------------------------------------------------------------


FORMULAS = (
    '=HYPERLINK("http://evil.example","x")',
    "+1+cmd|' /C calc'!A0",
    "@SUM(1)",
)


@pytest.mark.parametrize("statement", FORMULAS)
def test_a_formula_is_refused_before_a_spreadsheet_can_run_it(
    folder: Path, capsys: pytest.CaptureFixture[str], statement: str
) -> None:
    line = cell("statement", statement)(folder)
    told = refused(["forecast", str(folder)], capsys)
    assert f"news.csv line {line}, statement: " in told
    assert "looks like a spreadsheet formula" in told


HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "'; DROP TABLE news; --",
    "{{ 7 * 7 }}",
    "](javascript:alert(1))",
    "Backwards \u202egnp.exe",
)


@pytest.mark.parametrize("statement", HOSTILE)
def test_markup_is_text(folder: Path, capsys: pytest.CaptureFixture[str], statement: str) -> None:
    cell("statement", statement)(folder)
    assert commands.run(["check", str(folder)]) == 0
    assert "Traceback" not in capsys.readouterr().err
    assert statement in {each.statement for each in read_case(folder).news}


def test_hostile_words_are_words_in_the_report(folder: Path, tmp_path: Path) -> None:
    items = rows(folder)
    for row, statement in zip(items[20:], HOSTILE, strict=False):
        row["statement"] = statement
    write_rows(folder, items)
    made = forecast(narrow_fit(read_case(folder)), horizon_months=6)
    write_report(made, tmp_path / "report")
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "{{ 7 * 7 }}" in page
    assert 'href="javascript' not in page
    assert "\u202e" not in page
    text = (tmp_path / "report" / "report.md").read_text(encoding="utf-8")
    assert "<script>alert" not in text
    assert not re.search(r"(?<!\\)\]\(javascript:", text)
    assert "\u202e" not in text


# ---- settings -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text.replace("[clock]", "[clock", 1), "case.toml line"),
        (lambda text: text + "\nextra = 1\n", "case.toml"),
        (lambda text: text.replace("format = 1", "format = 1\ncolour = 3", 1), '"colour"'),
        (lambda text: text.replace("format = 1", "format = 99", 1), "99"),
        (lambda text: text.replace("format = 1", "format = 1\nformat = 1", 1), "case.toml line"),
        (lambda text: text.replace("2023-09-20", "2023-13-20"), "case.toml line"),
        (lambda text: text.replace("2023-09-20", '"soon"'), "case.toml line"),
    ],
)
def test_broken_settings_are_refused_with_their_line(
    folder: Path, capsys: pytest.CaptureFixture[str], change: Text, said: str
) -> None:
    spoil(folder, "case.toml", change)
    told = refused(["forecast", str(folder)], capsys)
    assert "case.toml" in told
    assert said in told


def test_a_clock_that_starts_after_the_cutoff_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = refused(["forecast", str(folder), "--cutoff", "2020-01-01"], capsys)
    assert "case.toml" in told
    assert "the cutoff 2020-01-01 lies before clock.start 2023-09-20" in told
    told = refused(["forecast", str(folder), "--cutoff", "2025-08-07"], capsys)
    assert "the cutoff 2025-08-07 lies before clock.deal 2025-08-08" in told


def test_a_broken_prior_file_is_refused_with_its_line(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from durability.prior_sets import find_priors

    text = find_priors("default").read_text(encoding="utf-8")
    for change, said in (
        (text.replace("[persistence]", "[persistance]"), 'did you mean "persistence"'),
        (text.replace("sd = 2.0", "sd = -2.0"), "sd"),
        (text.replace("a = 8.0", 'a = "eight"'), "persistence"),
        (text.replace("[persistence]", "[persistence", 1), "mine.toml line"),
        ("format = = 1\n", "mine.toml line 1"),
    ):
        assert change != text
        (folder.parent / "mine.toml").write_text(change, encoding="utf-8")
        told = refused(["forecast", str(folder), "--priors", "mine.toml"], capsys)
        assert "mine.toml" in told
        assert said in told


# ---- folders and disks --------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["/proc/forecast", "file/below"])
def test_a_folder_that_cannot_be_written_is_refused_before_sampling(
    folder: Path, capsys: pytest.CaptureFixture[str], place: str
) -> None:
    (folder.parent / "file").write_text("in the way")
    told = refused(["forecast", str(folder), "--out", place], capsys)
    assert "cannot be written" in told
    assert "--out" in told


@pytest.fixture
def full_after(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Let the disk be full when a file of some name is synced, half written."""

    def arrange(name: str) -> None:
        sync = files._sync

        def full(path: Path) -> None:
            if name in path.name and path.name.endswith(".part"):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            sync(path)

        monkeypatch.setattr(files, "_sync", full)

    return arrange


@pytest.fixture(scope="module")
def sampled() -> Any:
    """A fit that stands for a sampled one."""
    return narrow_fit(draws=50)


def with_fit(sampled: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr(inference, "compile_model", lambda model: None)
    monkeypatch.setattr(inference, "sample", lambda *_, **__: sampled.tree)
    settings = sampled.settings
    return ["--draws", str(settings.draws), "--chains", str(settings.chains), "--horizon", "6"]


@pytest.mark.parametrize("name", ["report.html", "forecast.json", "fit.nc"])
def test_a_disk_full_half_way_keeps_what_stood_there_and_leaves_no_halves(
    sampled: Any,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    full_after: Callable[[str], None],
    name: str,
) -> None:
    settings = with_fit(sampled, monkeypatch)
    out = folder.parent / "out"
    out.mkdir()
    for old in ("report.html", "report.md", "forecast.json", "fit.nc"):
        (out / old).write_text(f"old {old}")
    full_after(name)
    assert commands.run(["forecast", str(folder), *settings, "--out", str(out)]) == 2
    captured = capsys.readouterr()
    assert f"{name}: cannot be written (No space left on device)" in captured.err
    assert "Traceback" not in captured.err
    assert (out / name).read_text() == f"old {name}"
    assert {path.name for path in out.iterdir()} == {
        "report.html",
        "report.md",
        "forecast.json",
        "fit.nc",
    }


def test_a_cache_that_cannot_be_written_is_told(
    sampled: Any,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings = with_fit(sampled, monkeypatch)
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert commands.run(["forecast", str(folder), *settings]) == 2
    told = capsys.readouterr().err
    assert "cannot be written" in told
    assert "Traceback" not in told
    assert not (folder.parent / "forecasts").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs the right to mount a small file system")
def test_a_file_system_that_really_is_full_leaves_no_halves(tmp_path: Path) -> None:
    import subprocess

    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(small)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("this machine mounts nothing")
    try:
        (small / "kept").write_bytes(b"old")
        with pytest.raises(WriteError, match="No space left on device"):
            files.write_whole(small / "kept", b"x" * 2**20)
        assert [path.name for path in small.iterdir()] == ["kept"]
        assert (small / "kept").read_bytes() == b"old"
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_ctrl_c_while_sampling_leaves_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Real keys at every stage of a real forecast: tests/test_cli.py.
    from durability import cli

    def interrupt(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    before = everything(folder.parent), everything(cache.folder().parent)
    monkeypatch.setattr(inference, "compile_model", lambda model: None)
    monkeypatch.setattr(inference, "sample", interrupt)
    assert cli.main(["forecast", str(folder), "--seed", "99"]) == 130
    assert capsys.readouterr().err.endswith("Stopped.\n")
    assert (everything(folder.parent), everything(cache.folder().parent)) == before
