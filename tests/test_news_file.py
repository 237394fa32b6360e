"""Writing to the news file: what stands there stays, and one process writes at a time."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from durability.errors import WriteError
from durability.files import write_whole
from durability.news import LEDGER
from durability.news_file import locked, remove_leftovers, replace_whole, with_rows

CELL = st.text(
    st.characters(codec="utf-8", exclude_characters="\r\0"),
    max_size=12,
)


def table(rows: list[list[str]], end: str, quoting: int, mark: bool, closed: bool) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=end, quoting=quoting).writerows(rows)  # type: ignore[arg-type]
    data = text.getvalue() if closed else text.getvalue().removesuffix(end)
    return (b"\xef\xbb\xbf" if mark else b"") + data.encode()


def read(data: bytes) -> list[list[str]]:
    text = io.StringIO(data.decode("utf-8-sig"), newline="")
    return [row for row in csv.reader(text, strict=True) if any(cell.strip() for cell in row)]


@given(
    cells=st.lists(st.tuples(CELL, CELL), max_size=4),
    new=st.lists(st.tuples(CELL, CELL), min_size=1, max_size=3),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    mark=st.booleans(),
    closed=st.booleans(),
)
@settings(max_examples=300, deadline=None)
def test_rows_are_added_and_every_earlier_cell_is_kept(
    cells: list[tuple[str, str]],
    new: list[tuple[str, str]],
    end: str,
    quoting: int,
    mark: bool,
    closed: bool,
) -> None:
    rows = [["id", "statement", "note"], *([f"N{i}", *pair] for i, pair in enumerate(cells))]
    old = table(rows, end, quoting, mark, closed)
    more = [{"id": f"M{i}", "note": a, "statement": b} for i, (a, b) in enumerate(new)]
    once = with_rows(old, more)
    got = read(once)
    assert got[0] == ["id", "statement", "note", *LEDGER]
    assert [row[:3] for row in got[1 : len(rows)]] == rows[1:]
    assert all(row[3:] == [""] * 4 for row in got[1:])
    assert got[len(rows) :] == [[r["id"], r["statement"], r["note"], *[""] * 4] for r in more]
    assert once.startswith(b"\xef\xbb\xbf") == mark
    # The columns are there: from now on the bytes of the file are the beginning of the next one.
    again = with_rows(once, more)
    assert again.startswith(once)
    assert len(read(again)) == len(got) + len(more)


def test_blank_lines_and_quoting_stay_as_they_are() -> None:
    old = b'id,"note"\r\n\r\n"N1" ,a\r\n ,\r\nN2,"two\nlines"\r\n'.replace(b'"N1" ', b"N1 ")
    got = with_rows(old, [{"id": "N3", "why": "x, y"}])
    assert got == (
        b'id,"note",recorded,corrects,retracts,why\r\n\r\nN1 ,a,,,,\r\n ,\r\n'
        b'N2,"two\nlines",,,,\r\nN3,,,,,"x, y"\r\n'
    )


def test_a_column_is_added_only_where_a_row_needs_it() -> None:
    head = b"id," + ",".join(LEDGER).encode() + b"\n"
    assert with_rows(head, [{"id": "N1", "actor": ""}]) == head + b"N1,,,,\n"
    assert with_rows(head, [{"id": "N1", "actor": "X"}]).splitlines() == [
        head.strip() + b",actor",
        b"N1,,,,,X",
    ]


# ---- the lock -----------------------------------------------------------------------------------

HOLD = """
import sys, time
from pathlib import Path
from durability.news_file import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def held(tmp_path: Path) -> object:
    """Give a file whose lock another process holds, and that process."""
    path = tmp_path / "news.csv"
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    yield path, process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_lock_that_cannot_be_had_is_an_error_that_says_who_holds_it(held: object) -> None:
    path, process = held  # type: ignore[misc]
    began = time.monotonic()
    with pytest.raises(WriteError) as raised, locked(path, wait_seconds=0.2):
        pass
    assert time.monotonic() - began < 10
    told = str(raised.value)
    assert ".news.csv.lock" in told
    assert "nothing was changed" in told
    who = f"process {process.pid} " if Path("/proc/locks").exists() else "another process"
    assert who in told


def test_the_lock_of_a_killed_process_is_free_at_once(held: object) -> None:
    path, process = held  # type: ignore[misc]
    process.kill()
    process.wait()
    with locked(path, wait_seconds=5):
        pass


def test_a_lock_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    path = tmp_path / "file" / "news.csv"
    with pytest.raises(WriteError, match="nothing was changed"), locked(path):
        pass


# ---- replacing ----------------------------------------------------------------------------------


def test_a_file_that_somebody_else_has_saved_is_not_replaced(tmp_path: Path) -> None:
    path = write_whole(tmp_path / "news.csv", "by a spreadsheet")
    assert not replace_whole(path, b"as it was read", b"new")
    assert path.read_text() == "by a spreadsheet"
    assert replace_whole(path, b"by a spreadsheet", b"new")
    assert path.read_text() == "new"


def test_what_killed_writers_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    for name in (".news.csv.a1b2.part", ".other.csv.a1b2.part", "news.csv", ".news.csv.lock"):
        (tmp_path / name).write_text("x")
    remove_leftovers(tmp_path / "news.csv")
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {".other.csv.a1b2.part", "news.csv", ".news.csv.lock"}
