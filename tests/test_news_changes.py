"""Changing the news: said once it is there once, what is accepted is read back, nothing is lost.

Sizes of the trials of endurance come from ``DURABILITY_TRIALS``: ``full`` runs 500 kills and eight
writers of 200 items each.
"""

from __future__ import annotations

import datetime as dt
import errno
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import durability
from durability import files, news_changes, news_file
from durability.cases import copy_case, new_case, read_case
from durability.errors import InputError, WriteError
from durability.news import NewsItem
from durability.news_changes import (
    DuplicateNewsError,
    add_news,
    correct_news,
    record_correction,
    record_news,
    record_retraction,
    retract_news,
)
from durability.news_entries import NewsEntry
from durability.news_ledger import histories, read_news, standing

FULL = os.environ.get("DURABILITY_TRIALS") == "full"
KILLS = 500 if FULL else 12
WRITERS = 8 if FULL else 4
EACH = 200 if FULL else 6
COPIED = ("driver", "statement", "source", "publisher", "address", "note")
SHIPPED = Path(durability.__file__).parent / "data" / "cases" / "armenia_azerbaijan"


def said(number: int = 0, **changes: Any) -> dict[str, Any]:
    """Say something that is like nothing else in the skeleton."""
    return {
        "date": "2025-11-20",
        "driver": "corridor",
        "ratings": -2,
        "statement": f"Bridge {number} is opened to lorries.",
        "source": "Bridge opened",
        "grade": "B",
        **changes,
    }


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return new_case(tmp_path / "northland", title="Northland", parties=("North", "South"))


def stands(case: Path) -> dict[str, NewsItem]:
    found = read_case(case)
    items = (standing(history) for history in histories((*found.news, *found.retractions)))
    return {item.id: item for item in items if item is not None}


# ---- adding -------------------------------------------------------------------------------------


def test_an_item_is_added_as_a_row_at_the_end_and_the_rest_stays(case: Path) -> None:
    before = (case / "news.csv").read_text(encoding="utf-8")
    (item,) = add_news(case, [said()])
    after = (case / "news.csv").read_text(encoding="utf-8").splitlines()
    assert [line.removesuffix(",,,,") for line in after[1:-1]] == before.splitlines()[1:]
    assert after[-1].startswith("N009,2025-11-20,,day,2025-11-20,1,corridor,-2,1,B,bridge-0-")
    assert read_case(case).news[-1] == item
    assert item.recorded is not None
    assert abs((dt.datetime.now(dt.UTC) - item.recorded).total_seconds()) < 60


def test_a_second_item_leaves_every_earlier_byte(case: Path) -> None:
    add_news(case, [said(1)])
    before = (case / "news.csv").read_bytes()
    add_news(case, [NewsEntry(**said(2, date="2025-12-24"))])
    assert (case / "news.csv").read_bytes().startswith(before)


@pytest.mark.parametrize("how", ["windows", "mark", "open end", "quoted"])
def test_a_file_that_a_spreadsheet_saved_stays_one(case: Path, how: str) -> None:
    path = case / "news.csv"
    old = path.read_bytes()
    data = {
        "windows": old.replace(b"\n", b"\r\n"),
        "mark": b"\xef\xbb\xbf" + old,
        "open end": old.rstrip(b"\n"),
        "quoted": old.replace(b",trust,", b',"trust",'),
    }[how]
    assert data != old
    path.write_bytes(data)
    before = read_news(path)
    add_news(case, [said()])
    assert read_news(path)[:-1] == before
    assert path.read_bytes().count(b"\r\n") == (10 if how == "windows" else 0)
    assert path.read_bytes().startswith(b"\xef\xbb\xbf") == (how == "mark")


def test_saying_the_same_again_adds_nothing(case: Path) -> None:
    (first,) = add_news(case, [said()])
    before = (case / "news.csv").read_bytes()
    change = record_news(case, [said(), said(new_event=True), said(event=first.event)])
    assert (change.rows, change.added) == ((first, first, first), ())
    assert (case / "news.csv").read_bytes() == before


def test_saying_what_was_retracted_again_does_not_bring_it_back(case: Path) -> None:
    (first,) = add_news(case, [said()])
    retract_news(case, first.id, why="an error")
    change = record_news(case, [said()])
    assert (change.rows, change.added) == ((first,), ())
    assert first.id not in stands(case)


def test_one_thing_twice_in_a_batch_is_one_item(case: Path) -> None:
    change = record_news(case, [said(), said(), said(7, date="2025-06-01")])
    assert change.added == ("N009", "N010")
    assert [row.id for row in change.rows] == ["N009", "N009", "N010"]


def test_a_batch_is_added_whole_or_not_at_all(case: Path) -> None:
    before = (case / "news.csv").read_bytes()
    with pytest.raises(InputError) as raised:
        add_news(case, [said(1), said(2, driver="x"), said(3, grade=""), {"date": "2025"}])
    told = str(raised.value)
    assert "item 2 of 4, driver" in told
    assert "item 3 of 4, grade" in told
    assert "item 4 of 4, statement" in told
    assert (case / "news.csv").read_bytes() == before


def test_an_id_may_be_given_once(case: Path) -> None:
    (item,) = add_news(case, [said(id="BRIDGE-1")])
    assert item.id == "BRIDGE-1"
    with pytest.raises(InputError, match='id: line 10 has the id "BRIDGE-1"'):
        add_news(case, [said(9, id="BRIDGE-1", date="2025-01-01")])


def test_ids_that_a_batch_gives_are_not_given_to_others(case: Path) -> None:
    items = add_news(case, [said(1), said(2, id="N010", date="2025-01-02")])
    assert [item.id for item in items] == ["N011", "N010"]


def test_a_file_with_a_fault_is_not_added_to(case: Path) -> None:
    path = case / "news.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("corridor", "coridor"))
    before = path.read_bytes()
    with pytest.raises(InputError, match=r"news\.csv line 8, driver"):
        add_news(case, [said()])
    assert path.read_bytes() == before


def test_a_case_object_can_be_added_to(case: Path) -> None:
    (item,) = add_news(read_case(case), [said()])
    assert item.id in stands(case)


# ---- duplicates ---------------------------------------------------------------------------------


def alike(case: Path, **changes: Any) -> DuplicateNewsError:
    before = (case / "news.csv").read_bytes()
    with pytest.raises(DuplicateNewsError) as raised:
        add_news(case, [said(**changes)])
    assert (case / "news.csv").read_bytes() == before
    return raised.value


def test_what_looks_like_an_item_is_asked_about(case: Path) -> None:
    (first,) = add_news(case, [said()])
    error = alike(case, statement="Bridge 0 was opened to lorries!", date="2025-11-22")
    (look,) = error.found
    assert look.likes == (first,)
    told = str(error)
    assert f"--same-event {first.id}" in told
    assert "--new-event" in told


def test_the_name_of_an_event_that_is_there_is_asked_about(case: Path) -> None:
    (look,) = alike(case, event="border-market-opens").found
    assert [item.id for item in look.likes] == ["N007"]


@pytest.mark.parametrize("named", ["N007", "border-market-opens"])
def test_another_report_takes_the_event_of_the_first(case: Path, named: str) -> None:
    (item,) = add_news(case, [said(same_event=named)])
    assert item.event == "border-market-opens"
    counted = {one.event for one in stands(case).values()}
    assert len(counted) == len(stands(case)) - 2  # N005 and N006 share one too


def test_a_new_event_gets_a_name_of_its_own(case: Path) -> None:
    first, second = (
        add_news(case, [said(new_event=True, date=day)])[0] for day in ("2025-11-20", "2025-11-21")
    )
    assert (first.event, second.event) == (
        "bridge-0-opened-lorries",
        "bridge-0-opened-lorries-2",
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"same_event": "N999"}, 'same_event: "N999".*an item that stands'),
        ({"same_event": "border-market-open"}, 'did you mean "border-market-opens"'),
        ({"same_event": "N007", "driver": "trust"}, 'has driver "corridor"; one event has one'),
        ({"same_event": "N007", "new_event": True}, "beside new_event; give one of them"),
        ({"event": "border-market-opens", "new_event": True}, "is there already; leave it out"),
    ],
)
def test_events_that_cannot_be_are_refused(
    case: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message) as raised:
        add_news(case, [said(**changes)])
    assert len(raised.value.problems) == 1


def test_two_items_of_a_batch_that_look_alike_are_asked_about(case: Path) -> None:
    pair = [said(1), said(1, source="Another page")]
    with pytest.raises(DuplicateNewsError):
        add_news(case, pair)
    # Who names one event for both has answered already.
    one, other = add_news(case, [{**each, "event": "bridge"} for each in pair])
    assert one.event == other.event == "bridge"


def test_what_looks_like_a_retracted_item_is_new(case: Path) -> None:
    (first,) = add_news(case, [said()])
    retract_news(case, first.id, why="an error")
    (second,) = add_news(case, [said(source="Another page")])
    assert second.id in stands(case)


# ---- correcting and retracting ------------------------------------------------------------------


def test_a_correction_takes_the_place_and_keeps_what_it_does_not_change(case: Path) -> None:
    old = stands(case)["N004"]
    new = correct_news(case, "N004", {"ratings": "3", "grade": "A"}, why="misread")
    assert new == replace(
        old,
        id="N004.c1",
        ratings=(("author", 3),),
        grade="A",
        corrects="N004",
        why="misread",
        recorded=new.recorded,
        line=10,
    )
    assert {"N004", "N004.c1"} & set(stands(case)) == {"N004.c1"}
    again = correct_news(case, "N004.c1", {"date": "2025-05"}, why="the day is not known")
    assert (again.id, again.corrects, again.precision) == ("N004.c2", "N004.c1", "month")
    assert len(read_case(case).news) == 10


def test_a_correction_that_the_world_learned_of_says_when(case: Path) -> None:
    new = correct_news(case, "N002", {"ratings": 1}, why="a later report", known="2025-04-01")
    assert (new.known, new.known_assumed) == (dt.date(2025, 4, 1), False)
    assert correct_news(case, "N005", {"ratings": 2}, why="misread").known == dt.date(2025, 7, 4)


@pytest.mark.parametrize(
    ("item", "changes", "why", "known", "message"),
    [
        ("N099", {"ratings": 1}, "x", None, 'no row has the id "N099"'),
        ("N004", {"rating": 1}, "x", None, 'unknown field "rating".*did you mean "ratings"'),
        ("N004", {"known": "2025-06-01"}, "x", None, 'unknown field "known"'),
        ("N004", {"ratings": 9}, "x", None, "ratings.*-3 to"),
        ("N004", {"ratings": 1}, "x", None, "changes nothing"),
        ("N004", {"ratings": 2}, " ", None, "the reason.*empty"),
        ("N004", {"ratings": 2}, "=1", None, "the reason.*formula"),
        ("N004", {"ratings": 2}, "x", "2025-05-01", "before the date"),
        ("N002", {"ratings": 2}, "x", "2025-02-10", "must not be before 2025-02-28"),
        ("N005", {"driver": "corridor"}, "x", None, 'event "shots-northern-crossing" has driver'),
    ],
)
def test_a_correction_that_cannot_be_is_refused(
    case: Path, item: str, changes: dict[str, Any], why: str, known: str | None, message: str
) -> None:
    before = (case / "news.csv").read_bytes()
    with pytest.raises(InputError, match=message):
        correct_news(case, item, changes, why=why, known=known)
    assert (case / "news.csv").read_bytes() == before


def test_a_retraction_is_a_short_row_known_with_its_item(case: Path) -> None:
    row = retract_news(case, "N004", why="the source withdrew it")
    assert (row.id, row.retracts, row.known) == ("N004.r1", "N004", dt.date(2025, 5, 14))
    last = (case / "news.csv").read_text(encoding="utf-8").splitlines()[-1]
    assert last.startswith("N004.r1,,,,2025-05-14,,,,,,")
    assert "N004" not in stands(case)
    retract_news(case, "N004.r1", why="it was true after all")
    assert "N004" in stands(case)


def test_a_retraction_can_be_corrected_and_the_item_stands_again(case: Path) -> None:
    retract_news(case, "N004", why="withdrawn", known="2025-06-01")
    new = correct_news(case, "N004.r1", {"grade": "C"}, why="back, in a worse paper")
    assert (new.id, new.grade, new.known) == ("N004.c1", "C", dt.date(2025, 6, 1))
    assert "N004.c1" in stands(case)


@pytest.mark.parametrize(
    ("item", "known", "message"),
    [
        ("N099", None, "no row has the id"),
        ("N004", "2025-05-13", "must not be before 2025-05-14, when N004 was known"),
        ("N004", "May", 'known: "May"; must be a day'),
    ],
)
def test_a_retraction_that_cannot_be_is_refused(
    case: Path, item: str, known: str | None, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        retract_news(case, item, why="x", known=known)


def test_a_row_that_is_pointed_at_leads_to_the_latest_one(case: Path) -> None:
    correct_news(case, "N004", {"ratings": 3}, why="misread")
    with pytest.raises(
        InputError, match=r"corrected already, by N004.c1 .*correct or retract that"
    ):
        retract_news(case, "N004", why="x")
    retract_news(case, "N004.c1", why="x")
    with pytest.raises(InputError, match=r"retracted already, by N004.r1 .*stands again"):
        correct_news(case, "N004.c1", {"ratings": 1}, why="y")


def test_a_change_made_twice_is_made_once(case: Path) -> None:
    first = record_correction(case, "N004", {"ratings": 3}, why="misread")
    assert record_correction(case, "N004", {"ratings": 3}, why="misread").added == ()
    back = record_retraction(case, "N005", why="an error")
    again = record_retraction(case, "N005", why="an error")
    assert (again.rows, again.added) == (back.rows, ())
    assert len(first.added) == len(back.added) == 1


# ---- shipped cases ------------------------------------------------------------------------------


def test_a_shipped_case_is_copied_before_the_first_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = {path.name: path.read_bytes() for path in SHIPPED.iterdir()}
    change = record_news("armenia_azerbaijan", [said()])
    assert (change.folder, change.copied_from) == (Path("cases/armenia_azerbaijan"), SHIPPED)
    assert {path.name: path.read_bytes() for path in SHIPPED.iterdir()} == before
    second = record_news("armenia_azerbaijan", [said(2, date="2025-06-01")])
    assert second.copied_from is None
    # The path of the shipped folder leads to the same copy.
    third = record_news(SHIPPED, [said(3, date="2025-07-01")])
    assert third.folder == change.folder
    assert len(read_case("armenia_azerbaijan").news) == len(read_case(SHIPPED).news) + 3


def test_what_is_refused_of_a_shipped_case_leaves_no_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    item = read_case(SHIPPED).news[60]
    with pytest.raises(DuplicateNewsError):
        add_news(SHIPPED, [said(event=item.event)])
    with pytest.raises(InputError, match="no row has the id"):
        retract_news(SHIPPED, "T999", why="x")
    with pytest.raises(InputError, match=r"news\.csv as it would be line 157, driver"):
        correct_news("armenia_azerbaijan", "T045", {"event": item.event}, why="x")
    same = {"ratings": "a=3;b=3", "known": "1994-05-12", "salience": 3, "grade": "C"}
    texts = {name: getattr(read_case(SHIPPED).news[0], name) for name in COPIED}
    change = record_news(SHIPPED, [{"date": "1988-02", **same, **texts}])
    assert (change.folder, change.added) == (SHIPPED, ())
    assert list(tmp_path.iterdir()) == []


def test_a_copy_is_not_mistaken_for_another_case_of_its_name(case: Path, tmp_path: Path) -> None:
    other = new_case(tmp_path / "cases" / SHIPPED.name, title="Other", parties=("A", "B"))
    before = (other / "news.csv").read_bytes()
    with pytest.raises(InputError, match="another case stands already"):
        add_news(SHIPPED, [said()])
    assert (other / "news.csv").read_bytes() == before


# ---- what is accepted is read back --------------------------------------------------------------

ODD = st.text(max_size=20) | st.sampled_from(
    [
        '"quoted", and more',
        "two\nlines",
        "a\tb",
        "<script>alert(1)</script>",
        "\u202ereversed\u2066",
        "'; DROP TABLE news; --",
        "=1+1",
        "a\r\nb",
        "\ufeffmark",
        "\u2028",
        "x" * 9000,
        '"',
        ",",
        "\ud800",
    ]
)
ENTRIES = st.fixed_dictionaries(
    {
        "date": st.dates(dt.date(2020, 1, 1), dt.date(2026, 1, 1)),
        "driver": st.sampled_from(["trust", "corridor"]),
        "ratings": st.sampled_from([-3, 0, "+2", "a=1;b=-1", {"ben": 2}, ""]),
        "statement": ODD,
        "source": ODD,
        "grade": st.sampled_from(["A", "C", ""]),
    },
    optional={
        "actor": ODD,
        "publisher": ODD,
        "note": ODD,
        "event": ODD,
        "salience": st.integers(1, 3),
        "known": st.dates(dt.date(2026, 1, 1), dt.date(2027, 1, 1)),
    },
)


@given(entries=st.lists(ENTRIES, min_size=1, max_size=3), end=st.sampled_from(["\n", "\r\n"]))
@settings(max_examples=400 if FULL else 60, deadline=None)
def test_whatever_is_accepted_is_read_back_equal(
    tmp_path_factory: pytest.TempPathFactory, entries: list[dict[str, Any]], end: str
) -> None:
    folder = tmp_path_factory.getbasetemp() / "read-back"
    if not folder.exists():
        new_case(folder, title="x", parties=("A", "B"))
    path = folder / "news.csv"
    skeleton = Path(durability.__file__).parent / "data" / "cases_skeleton" / "news.csv"
    path.write_bytes(skeleton.read_bytes().replace(b"\n", end.encode()))
    before, data = read_news(path), path.read_bytes()
    try:
        change = record_news(folder, [{**entry, "new_event": True} for entry in entries])
    except InputError:
        assert path.read_bytes() == data
        return
    after = read_news(path)
    assert after[: len(before)] == before
    assert len(after) == len(before) + len(change.added)
    assert set(change.rows) <= set(after)
    for entry, row in zip(entries, change.rows, strict=True):
        assert isinstance(row, NewsItem)
        for name in ("statement", "source", "actor", "publisher", "note"):
            assert getattr(row, name) == entry.get(name, "").strip()
        assert row.date == entry["date"]


# ---- nothing lost -------------------------------------------------------------------------------

WRITER = """
import sys
from durability.errors import DurabilityError
from durability.news_changes import add_news
folder, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
for number in range(count):
    add_news(folder, [{
        "date": "2025-11-20", "driver": "corridor", "ratings": -2, "source": "A page",
        "grade": "B", "new_event": True, "statement": f"Writer {name} says word {number}.",
    }])
    print(number, flush=True)
"""


def start(folder: Path | str, name: str, count: int, cwd: Path | None = None) -> Any:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder), name, str(count)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
    )


def test_writers_at_once_lose_nothing_and_double_nothing(case: Path) -> None:
    began = time.monotonic()
    writers = [start(case, str(number), EACH) for number in range(WRITERS)]
    for writer in writers:
        out, err = writer.communicate(timeout=1500)
        assert writer.returncode == 0, err
        assert len(out.splitlines()) == EACH
    took = time.monotonic() - began
    items = read_case(case).news
    statements = [item.statement for item in items]
    for number in range(WRITERS):
        for word in range(EACH):
            assert statements.count(f"Writer {number} says word {word}.") == 1
    assert len(items) == 8 + WRITERS * EACH
    assert len({item.id for item in items}) == len(items)
    sys.stderr.write(f"\n{WRITERS} writers × {EACH}: {took:.0f} s\n")


def test_threads_of_one_process_lose_nothing(case: Path) -> None:
    def write(number: int) -> None:
        for word in range(5):
            add_news(case, [said(100 * number + word, new_event=True)])

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(read_case(case).news) == 8 + 20


def test_two_processes_that_copy_a_shipped_case_at_once_both_succeed(tmp_path: Path) -> None:
    for trial in range(8 if FULL else 2):
        folder = tmp_path / str(trial)
        folder.mkdir()
        writers = [start(SHIPPED.name, name, 1, cwd=folder) for name in "abc"]
        for writer in writers:
            _, err = writer.communicate(timeout=120)
            assert writer.returncode == 0, err
        items = read_case(folder / "cases" / SHIPPED.name).news
        assert len(items) == len(read_case(SHIPPED).news) + 3
        assert {path.name for path in (folder / "cases").iterdir()} == {SHIPPED.name}


def test_a_kill_at_any_moment_loses_nothing_that_was_acknowledged(case: Path) -> None:
    """Writers are killed at random; a row may be there unacknowledged, never the other way."""
    chance = random.Random(5)
    path = case / "news.csv"
    kills = wrote = torn = 0
    while kills < KILLS:
        # One writer at a time, killed somewhere in its loop, some in the middle of a write.
        writer = start(case, f"k{kills}", 10_000)
        assert writer.stdout is not None
        acknowledged = [writer.stdout.readline()]
        time.sleep(chance.random() * 0.08)
        writer.send_signal(signal.SIGKILL)
        out, err = writer.communicate(timeout=60)
        assert writer.returncode == -signal.SIGKILL, err
        acknowledged += [line for line in out.splitlines(keepends=True) if line.endswith("\n")]
        items = read_news(path)
        mine = [item for item in items if item.statement.startswith(f"Writer k{kills} ")]
        told = {f"Writer k{kills} says word {int(line)}." for line in acknowledged}
        assert told <= {item.statement for item in mine}
        assert len(told) <= len(mine) <= len(told) + 1
        wrote += len(mine)
        torn += any(left.name.endswith(".part") for left in case.iterdir()) or len(mine) > len(told)
        kills += 1
        if len(items) > 300:
            # The file is kept short, so that more kills fall into the writing itself.
            assert len({item.id for item in items}) == len(items)
            path.write_text("".join(path.read_text(encoding="utf-8").splitlines(True)[:9]))
    add_news(case, [said()])
    assert [left.name for left in case.iterdir() if left.name.endswith(".part")] == []
    sys.stderr.write(f"\n{kills} kills, {torn} of them within a write; {wrote} rows\n")


@pytest.mark.parametrize("step", ["_write_bytes", "_sync"])
def test_a_full_disk_leaves_the_file_as_it_was(
    case: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    before = {path.name: path.read_bytes() for path in case.iterdir()}

    def full(path: Path, *_: object) -> None:
        path.write_bytes(b"half of it")
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(files, step, full)
        with pytest.raises(WriteError, match=r"No space left on device.*nothing was changed"):
            add_news(case, [said()])
    after = {path.name: path.read_bytes() for path in case.iterdir()}
    assert after == before | {".news.csv.lock": b""}
    assert len(add_news(case, [said()])) == 1


LIMITED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
from durability.errors import WriteError
from durability.news_changes import add_news
try:
    add_news(sys.argv[1], [{"date": "2025-11-20", "driver": "corridor", "statement": "x" * 500}])
except WriteError as error:
    print(error)
"""


def test_a_file_that_may_not_grow_is_left_as_it_was(case: Path) -> None:
    before = (case / "news.csv").read_bytes()
    limited = [sys.executable, "-c", LIMITED, str(case), str(len(before))]
    told = subprocess.run(limited, capture_output=True, text=True, check=True).stdout
    assert "File too large" in told
    assert "nothing was changed" in told
    assert (case / "news.csv").read_bytes() == before


def test_a_file_grows_no_larger_than_can_be_read(
    case: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = (case / "news.csv").stat().st_size
    monkeypatch.setattr(files, "MAX_BYTES", size + 10)
    monkeypatch.setattr(files.text_of, "__kwdefaults__", {"max_bytes": size + 10})
    before = (case / "news.csv").read_bytes()
    with pytest.raises(InputError, match="split the file"):
        add_news(case, [said()])
    assert (case / "news.csv").read_bytes() == before


def test_a_clock_that_goes_backwards_breaks_nothing(
    case: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(dt.datetime(2026, 7, 9 - day, tzinfo=dt.UTC) for day in range(5))
    monkeypatch.setattr(news_changes, "_now", lambda: next(clock))
    add_news(case, [said()])
    correct_news(case, "N009", {"ratings": 1}, why="misread")
    retract_news(case, "N009.c1", why="an error")
    retract_news(case, "N009.r1", why="none after all")
    recorded = [row.recorded for row in (*read_case(case).news, *read_case(case).retractions)]
    written = [row for row in recorded if row is not None]
    assert written == sorted(written, reverse=True)
    assert "N009.c1" in stands(case)


def test_a_program_that_saves_in_between_loses_nothing(
    case: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = case / "news.csv"
    real, saved = news_file.with_rows, []

    def interrupted(data: bytes, rows: Any) -> bytes:
        if not saved:
            saved.append(1)
            path.write_bytes(path.read_bytes().replace(b"border market", b"frontier market"))
        return real(data, rows)

    monkeypatch.setattr(news_file, "with_rows", interrupted)
    (item,) = add_news(case, [said()])
    assert item.id in stands(case)
    assert "frontier market" in stands(case)["N007"].statement


def test_a_link_to_the_news_stays_a_link(case: Path, tmp_path: Path) -> None:
    real = tmp_path / "elsewhere.csv"
    (case / "news.csv").rename(real)
    (case / "news.csv").symlink_to(real)
    add_news(case, [said()])
    assert (case / "news.csv").is_symlink()
    assert len(read_news(real)) == 9


def test_an_unwritable_case_is_copied(
    case: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # Root may write everywhere, so the system's answer is made up.
    real: Callable[..., bool] = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != case and real(path, mode))
    change = record_news(case, [said()])
    assert (change.folder, change.copied_from) == (Path("cases/northland"), case)
    assert len(read_case(case).news) == 8
    assert len(read_case(tmp_path / "cases" / "northland").news) == 9


def test_a_copied_case_can_be_added_to_by_name(case: Path) -> None:
    copy_case(case, Path("cases/mine"))
    record_news("mine", [said()])
    assert len(read_case("mine").news) == 9
