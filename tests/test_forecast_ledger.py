"""Recording forecasts: whole or not at all, by many at once, and so that they can be made again."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ledger_example import CUTOFF, example_entry, issued, ledger_of, own_copies

from durability import forecast_ledger
from durability.assembly import assemble
from durability.cases import read_case
from durability.errors import InputError, WriteError
from durability.forecast_ledger import (
    append_entry,
    check_ledger,
    read_ledger,
    record_forecast,
    restore_forecast,
    verify_ledger,
)
from durability.ledger_chain import EARLIER, written
from durability.prior_sets import read_priors

STRESS = Path(__file__).with_name("ledger_stress.py")


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "forecasts" / "ledger.jsonl"


# Recording and reading ----------------------------------------------------------------------


def test_what_is_recorded_is_read_back(ledger: Path) -> None:
    made = issued(seed=11)
    first = record_forecast(made.record, made.inputs, ledger=ledger, fit_key="abc")
    method = {"kind": "update", "rung": "reweighted", "items": ["T1"], "k_hat": 0.31}
    second = record_forecast(made.record, made.inputs, ledger=ledger, method=method)
    assert [first, second] == list(read_ledger(ledger))
    assert (first.sequence, second.sequence) == (1, 2)
    assert (first.previous, second.previous) == ("0" * 64, first.hash)
    assert first.entry["breakdown"] == made.record["breakdown"]
    assert first.entry["unseen"] == made.record["unseen"]
    assert first.entry["verdict"] == made.record["verdict"]
    assert (first.entry["seed"], first.entry["fit_key"]) == (11, "abc")
    assert (first.entry["method"], second.entry["method"]) == ({"kind": "fit"}, method)
    found = verify_ledger(ledger)
    assert (found.ok, found.count, found.head) == (True, 2, second.hash)


def test_a_forecast_whose_fit_failed_is_recorded_as_such(ledger: Path) -> None:
    made = issued(ok=False)
    line = record_forecast(made.record, made.inputs, ledger=ledger)
    assert not line.entry["verdict"]["ok"]
    assert line.entry["verdict"]["reasons"] == made.record["verdict"]["reasons"]


def test_texts_are_stored_once_however_many_forecasts_use_them(ledger: Path) -> None:
    made = issued()
    for _ in range(3):
        record_forecast(made.record, made.inputs, ledger=ledger)
    stored = sorted(path.name for path in (ledger.parent / "ledger_inputs").iterdir())
    assert stored == sorted(made.inputs.hashes().values())


def test_the_time_is_the_clocks_in_utc(ledger: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    zone = dt.timezone(dt.timedelta(hours=4))
    monkeypatch.setattr(
        forecast_ledger, "_now", lambda: dt.datetime(2026, 7, 1, 2, 30, 0, 5, tzinfo=zone)
    )
    line = append_entry(ledger, example_entry())
    assert line.recorded == "2026-06-30T22:30:00.000005Z"


def test_a_clock_that_goes_backwards_is_noted_and_breaks_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = ledger_of(tmp_path, 1)
    for year in (2099, 2027, 2027, 2028):
        at = dt.datetime(year, 1, 1, tzinfo=dt.UTC)
        monkeypatch.setattr(forecast_ledger, "_now", lambda at=at: at)
        append_entry(path, example_entry())
    lines = list(read_ledger(path))
    assert [line.recorded[:4] for line in lines][1:] == ["2099", "2027", "2027", "2028"]
    assert [line.clock for line in lines] == ["", "", EARLIER, "", ""]
    assert [line.sequence for line in lines] == [1, 2, 3, 4, 5]
    assert verify_ledger(path).ok


def test_a_time_that_goes_backwards_unnoted_is_a_problem(tmp_path: Path) -> None:
    path = ledger_of(tmp_path, 1)
    chain = forecast_ledger.scan(path)
    assert chain.last is not None
    # Recorded as if the line before had been earlier: so no note is written.
    before = replace(chain.last, recorded="1999-01-01T00:00:00.000000Z")
    raw = written(example_entry(), after=before, recorded="2001-01-01T00:00:00.000000Z")
    path.write_bytes(path.read_bytes() + raw)
    (problem,) = verify_ledger(path).problems
    assert problem.where == f"{path} line 2"
    assert EARLIER in problem.allowed


# Refusing -----------------------------------------------------------------------------------


def test_a_record_that_lacks_something_is_refused_with_all_that_it_lacks(ledger: Path) -> None:
    made = issued()
    record = {k: v for k, v in made.record.items() if k not in ("seed", "breakdown")}
    with pytest.raises(InputError) as caught:
        record_forecast(record, made.inputs, ledger=ledger)
    assert [problem.found for problem in caught.value.problems] == ["no seed", "no breakdown"]
    assert not ledger.parent.exists()


@pytest.mark.parametrize(
    ("method", "said"),
    [
        ({"kind": "guess"}, "one of fit, update"),
        ({"kind": "fit", "x": float("nan")}, "numbers are finite"),
        ({"kind": "fit", "x": {1, 2}}, "not JSON"),
        ({"kind": "fit", "x": b"bytes"}, "not JSON"),
    ],
)
def test_a_method_that_is_no_plain_json_is_refused(
    ledger: Path, method: dict[str, Any], said: str
) -> None:
    made = issued()
    with pytest.raises(InputError, match=said):
        record_forecast(made.record, made.inputs, ledger=ledger, method=method)
    assert not ledger.parent.exists()


def test_keys_that_are_numbers_are_written_as_they_are_read_back(ledger: Path) -> None:
    made = issued()
    method = {"kind": "update", "by_month": {10: 0.1, 9: 0.2}}
    line = record_forecast(made.record, made.inputs, ledger=ledger, method=method)
    assert line.entry["method"]["by_month"] == {"10": 0.1, "9": 0.2}
    assert verify_ledger(ledger).ok


def test_files_that_changed_while_the_forecast_was_made_are_refused(
    ledger: Path, tmp_path: Path
) -> None:
    case, priors = own_copies(tmp_path)
    made = issued(case, priors)
    (case.folder / "news.csv").write_text("changed after the copy was taken")
    record_forecast(made.record, made.inputs, ledger=ledger)  # what was read is what is kept
    # A row of the news that was used is gone, with the codings that speak of it.
    rows = made.inputs.files["news.csv"].split(b"\n")
    used = {item.id for item in assemble(case, cutoff=dt.date.fromisoformat(CUTOFF)).used}
    first, *rest = (row for row in rows if row.split(b",")[0].decode() != min(used))
    assert len(rest) == len(rows) - 2
    files = {
        name: data
        for name, data in made.inputs.files.items()
        if name not in ("codings.csv", "reconciliations.csv")
    }
    other = replace(made.inputs, files={**files, "news.csv": b"\n".join([first, *rest])})
    prior = made.inputs.files["priors.toml"].replace(b"mean = ", b"mean = 1", 1)
    other = replace(other, files={**other.files, "priors.toml": prior})
    with pytest.raises(InputError) as caught:
        record_forecast(made.record, other, ledger=ledger)
    assert [problem.where for problem in caught.value.problems] == [
        'case "armenia_azerbaijan"',
        'prior set "own"',
    ]
    half = replace(made.inputs, files={**made.inputs.files, "news.csv": first})
    with pytest.raises(InputError, match=r"as copied: armenia_azerbaijan/codings\.csv line 2"):
        record_forecast(made.record, half, ledger=ledger)
    assert verify_ledger(ledger).count == 1


def test_a_broken_chain_is_never_recorded_in_again(tmp_path: Path) -> None:
    path = ledger_of(tmp_path, 4)
    lines = path.read_bytes().splitlines(keepends=True)
    broken = b"".join([lines[0], lines[2], lines[3]])
    path.write_bytes(broken)
    for record in (lambda: append_entry(path, example_entry()), lambda: check_ledger(path)):
        with pytest.raises(InputError) as caught:
            record()
        told = str(caught.value)
        assert f"{path} line 2: dropped: 1 line of sequence 2" in told
        assert "nothing more is recorded in a broken ledger" in told
    assert path.read_bytes() == broken
    with pytest.raises(InputError, match="line 2: dropped"):
        read_ledger(path)


def test_a_stored_input_that_was_altered_is_found_and_never_overwritten(tmp_path: Path) -> None:
    path = ledger_of(tmp_path, 2)
    made = issued()
    stored = path.parent / "ledger_inputs" / made.inputs.hashes()["news.csv"]
    stored.write_bytes(stored.read_bytes() + b" ")
    (problem,) = verify_ledger(path).problems
    assert problem.where == f"{path} line 1"
    assert f"its news.csv was altered: {stored} has the hash" in problem.found
    with pytest.raises(InputError, match=r"news\.csv was altered"):
        record_forecast(made.record, made.inputs, ledger=path)
    assert stored.read_bytes().endswith(b" ")
    stored.unlink()
    (problem,) = verify_ledger(path).problems
    assert f"its news.csv is missing: there is no {stored}" in problem.found


def test_a_ledger_that_is_a_link_is_the_file_that_it_leads_to(tmp_path: Path) -> None:
    path = ledger_of(tmp_path, 1)
    link = tmp_path / "elsewhere.jsonl"
    link.symlink_to(path)
    made = issued()
    record_forecast(made.record, made.inputs, ledger=link)
    assert verify_ledger(path).count == verify_ledger(link).count == 2
    assert verify_ledger(link).ok
    assert not (tmp_path / "elsewhere_inputs").exists()


@pytest.mark.parametrize("name", ["folder", "pipe"])
def test_a_ledger_that_is_no_file_is_refused_at_once(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name == "folder":
        path.mkdir()
    else:
        os.mkfifo(path)
    with pytest.raises(InputError, match="not a file"):
        append_entry(path, example_entry())


def test_an_entry_longer_than_a_line_may_be_is_refused(ledger: Path) -> None:
    with pytest.raises(InputError, match="a line has at most"):
        append_entry(ledger, example_entry(method={"kind": "fit", "x": "y" * 2**20}))
    assert not ledger.exists()


# Cut short ----------------------------------------------------------------------------------


def test_wherever_the_last_write_was_cut_the_next_one_loses_nothing(tmp_path: Path) -> None:
    path = ledger_of(tmp_path, 3)
    raw = path.read_bytes()
    whole = raw[: raw[:-1].rindex(b"\n") + 1]
    first_two = [line.hash for line in read_ledger(path)][:2]
    third = raw[len(whole) :]
    # Every 97th byte, and each of the last hundred, where the line's own ties stand.
    for size in [*range(1, len(third), 97), *range(len(third) - 100, len(third))]:
        path.write_bytes(whole + third[:size])
        found = verify_ledger(path)
        assert [p.where for p in found.problems] == [f"{path} line 3"]
        assert "an unfinished line" in found.problems[0].found
        assert [line.hash for line in read_ledger(path)] == first_two
        append_entry(path, example_entry(seed=3))
        found = verify_ledger(path)
        assert found.ok, found.problems
        aside = [each.read_bytes() for each in found.set_aside]
        if size == len(third) - 1:  # only the line's end was lacking: it is finished
            assert (found.count, aside) == (4, [])
            assert path.read_bytes().startswith(raw)
        else:
            assert (found.count, aside) == (3, [third[:size]])
        for each in found.set_aside:
            each.unlink()


def test_a_whole_line_that_does_not_follow_is_set_aside_too(tmp_path: Path) -> None:
    path = ledger_of(tmp_path, 3)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines) + lines[1].rstrip(b"\n"))
    append_entry(path, example_entry())
    found = verify_ledger(path)
    assert (found.ok, found.count) == (True, 4)
    assert [each.read_bytes() for each in found.set_aside] == [lines[1].rstrip(b"\n")]


def test_a_write_that_fails_leaves_the_ledger_as_long_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = ledger_of(tmp_path, 2)
    before = path.read_bytes()
    write, fsync = os.write, os.fsync

    def half(handle: int, data: bytes) -> int:
        write(handle, bytes(data)[: len(data) // 2])
        raise OSError(28, "No space left on device")

    def no_sync(handle: int) -> None:
        fsync(handle)
        raise OSError(5, "Input/output error")

    for name, broken in (("write", half), ("fsync", no_sync)):
        with monkeypatch.context() as patch:
            patch.setattr(forecast_ledger.os, name, broken)
            with pytest.raises(WriteError, match="nothing was recorded"):
                append_entry(path, example_entry())
        assert path.read_bytes() == before
    append_entry(path, example_entry())
    assert verify_ledger(path).count == 3


def test_a_lock_that_is_never_given_up_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from filelock import FileLock

    path = ledger_of(tmp_path, 1)
    monkeypatch.setattr(forecast_ledger, "LOCK_SECONDS", 0.1)
    with FileLock(f"{path}.lock"), pytest.raises(WriteError, match="another process has held"):
        append_entry(path, example_entry())
    assert append_entry(path, example_entry()).sequence == 2


def stressed(kind: str, folder: Path, *numbers: int) -> str:
    ran = subprocess.run(
        [sys.executable, "-W", "error", str(STRESS), kind, str(folder), *map(str, numbers)],
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_a_full_disk_leaves_the_ledger_as_it_was(tmp_path: Path) -> None:
    assert "refused 6 times" in stressed("full", tmp_path)


@pytest.mark.slow
def test_processes_killed_while_they_record_lose_no_acknowledged_line(tmp_path: Path) -> None:
    """The whole run: ``uv run python tests/ledger_stress.py kills FOLDER 500``."""
    assert "25 kills" in stressed("kills", tmp_path, 25)


@pytest.mark.slow
def test_processes_that_record_at_once_all_succeed(tmp_path: Path) -> None:
    """The whole run: ``uv run python tests/ledger_stress.py writers FOLDER 8 200``."""
    assert "all 40 there" in stressed("writers", tmp_path, 4, 10)


# Making a forecast again --------------------------------------------------------------------


def test_a_restored_forecast_has_the_same_data_and_priors(ledger: Path, tmp_path: Path) -> None:
    case, priors = own_copies(tmp_path)
    text = priors.path.read_text(encoding="utf-8")
    priors.path.write_text(text.replace("mean = 0.0", "mean = 0.125", 1), encoding="utf-8")
    priors = read_priors(priors.path)
    made = issued(case, priors)
    line = record_forecast(made.record, made.inputs, ledger=ledger)
    for file in (*case.folder.iterdir(), priors.path):
        file.unlink()  # what the ledger keeps is enough
    folder, path = restore_forecast(line, ledger, tmp_path / "again")
    data = assemble(read_case(folder), cutoff=dt.date.fromisoformat(CUTOFF))
    assert data.hash() == made.record["data_hash"]
    assert read_priors(path).hash == made.record["prior_set"]["hash"]
    assert read_priors(path).hash != read_priors("default").hash
    assert (folder.name, path.stem) == (case.name, "own")
    kept = {file.name: file.read_bytes() for file in folder.iterdir()}
    assert kept.items() <= dict(made.inputs.files).items()
    assert (tmp_path / "again" / "agreements.csv").read_bytes() == made.inputs.files[
        "agreements.csv"
    ]


def test_restoring_overwrites_nothing(tmp_path: Path) -> None:
    path = ledger_of(tmp_path, 1)
    (line,) = read_ledger(path)
    with pytest.raises(InputError, match="it exists already"):
        restore_forecast(line, path, tmp_path)


@pytest.mark.parametrize("name", ["../../up", "/etc", "a\nb", ".hidden", "x" * 300, "priors", "–"])
def test_a_hostile_name_becomes_no_path(tmp_path: Path, name: str) -> None:
    path = ledger_of(tmp_path, 1)
    (line,) = read_ledger(path)
    entry = {**line.entry, "case": name, "prior_set": {"name": name, "hash": "0" * 64}}
    folder, priors = restore_forecast(replace(line, entry=entry), path, tmp_path / "again")
    assert folder == tmp_path / "again" / "case"
    assert priors.parent == tmp_path / "again" / "priors"
    assert priors.is_file()
    assert read_case(folder).title


def test_an_altered_input_is_never_restored(tmp_path: Path) -> None:
    path = ledger_of(tmp_path, 1)
    (line,) = read_ledger(path)
    digest = line.entry["inputs"]["case.toml"]
    (path.parent / "ledger_inputs" / digest).write_text("[clock]")
    with pytest.raises(InputError, match=r"case\.toml was altered"):
        restore_forecast(line, path, tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_reading_gives_one_line_at_a_time_and_notices_a_change(tmp_path: Path) -> None:
    path = ledger_of(tmp_path, 3)
    lines = read_ledger(path)
    assert next(lines).sequence == 1
    raw = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(raw[0] + raw[1].replace(b"2026", b"2025", 1) + raw[2])
    with pytest.raises(InputError, match="changed while it was read"):
        list(read_changed(path))


def read_changed(path: Path) -> Any:
    """Read as after a check that the file has passed and then been changed."""
    return forecast_ledger._lines_of(
        path, json.loads(path.read_bytes().splitlines()[2])["sequence"]
    )
