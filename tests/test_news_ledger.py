"""The news as a ledger: what points at what, what stands on a day, no trace left."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import bare, data, flagship, item, window

from durability.errors import InputError
from durability.forecasts import _sources
from durability.news import COLUMNS, NewsItem, NewsRow, Retraction
from durability.news_entries import cells_of
from durability.news_ledger import (
    as_known,
    histories,
    items_of,
    read_news,
    retractions_of,
    standing,
    superseded,
)

DAY = date(2025, 12, 1)


def retraction(name: str, target: str, known: date = DAY, why: str = "untrue") -> Retraction:
    return Retraction(id=name, retracts=target, known=known, why=why, recorded=None, line=0)


def correction(name: str, target: str, known: date = DAY, **changes: object) -> NewsItem:
    return replace(item(name, known), corrects=target, why="a slip", **changes)  # type: ignore[arg-type]


def written(path: Path, rows: Sequence[NewsRow | dict[str, str]]) -> Path:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows(row if isinstance(row, dict) else cells_of(row) for row in rows)
    path.write_text(text.getvalue(), encoding="utf-8")
    return path


def stands(*rows: NewsRow, cutoff: date = DAY + timedelta(days=400)) -> list[str]:
    found = (standing(as_known(history, cutoff)) for history in histories(rows))
    return [one.id for one in found if one is not None]


# ---- what stands --------------------------------------------------------------------------------


def test_a_correction_stands_in_the_place_of_what_it_corrects() -> None:
    rows = (item("T1", DAY), correction("T1.c1", "T1"), correction("T1.c2", "T1.c1"))
    assert stands(rows[0]) == ["T1"]
    assert stands(*rows[:2]) == ["T1.c1"]
    assert stands(*rows) == ["T1.c2"]


def test_every_second_retraction_lets_the_item_stand_again() -> None:
    rows: list[NewsRow] = [item("T1", DAY), correction("T1.c1", "T1")]
    for number in range(1, 5):
        target = "T1.c1" if number == 1 else f"T1.r{number - 1}"
        rows.append(retraction(f"T1.r{number}", target))
        assert stands(*rows) == ([] if number % 2 else ["T1.c1"])


def test_a_corrected_retraction_lets_the_item_stand_as_corrected() -> None:
    rows = (item("T1", DAY), retraction("T1.r1", "T1"), correction("T1.c1", "T1.r1"))
    assert stands(*rows) == ["T1.c1"]
    (history,) = histories(rows)
    assert list(superseded(history)) == [(rows[0], "corrected by T1.c1")]


def test_a_row_counts_from_the_day_it_was_known() -> None:
    later, last = DAY + timedelta(days=5), DAY + timedelta(days=9)
    rows = (
        item("T1", DAY),
        correction("T1.c1", "T1", later),
        retraction("T1.r1", "T1.c1", last),
    )
    before = timedelta(days=1)
    assert stands(*rows, cutoff=DAY - before) == []
    assert stands(*rows, cutoff=later - before) == ["T1"]
    assert stands(*rows, cutoff=last - before) == ["T1.c1"]
    assert stands(*rows, cutoff=last) == []


@given(order=st.permutations(range(7)))
@settings(max_examples=50, deadline=None)
def test_histories_do_not_depend_on_the_order_of_rows(order: list[int]) -> None:
    rows = (
        item("T2", DAY),
        item("T1", DAY),
        correction("T1.c1", "T1"),
        retraction("T1.r1", "T1.c1"),
        retraction("T1.r2", "T1.r1"),
        retraction("T2.r1", "T2"),
        item("T10", DAY),
    )
    assert histories([rows[place] for place in order]) == histories(rows)
    assert [history.id for history in histories(rows)] == ["T1", "T10", "T2"]


# ---- reading ------------------------------------------------------------------------------------


def test_retractions_and_corrections_are_read_beside_items(tmp_path: Path) -> None:
    rows = (item("T1", DAY), correction("T1.c1", "T1"), retraction("T1.r1", "T1.c1"))
    path = written(tmp_path / "news.csv", rows)
    assert [row.id for row in read_news(path)] == ["T1", "T1.c1"]
    assert read_news(path)[1].corrects == "T1"


RECORDED = {"recorded": "2026-07-01T09:30:00Z"}
FAULTS = {
    "dangling": ([item("T1", DAY), retraction("R", "T9")], "line 3, retracts.*no row has this id"),
    "itself": ([item("T1", DAY), correction("C", "C")], "line 3, corrects.*point at itself"),
    "forward": (
        [retraction("R", "T1"), item("T1", DAY)],
        "line 2, retracts.*points forward, to line 3",
    ),
    "twice": (
        [item("T1", DAY), correction("C", "T1"), retraction("R", "T1")],
        'line 4, retracts.*line 3 points at it already; point at "C" instead',
    ),
    "earlier": (
        [item("T1", DAY), retraction("R", "T1", DAY - timedelta(days=1))],
        "line 3, known.*is before 2025-12-01, when line 2 was known",
    ),
    "no reason": (
        [item("T1", DAY), retraction("R", "T1", why="")],
        "line 3, why: empty",
    ),
    "uncorrected reason": (
        [cells_of(item("T1", DAY)) | {"why": "x"}],
        "line 2, why.*neither corrects nor retracts",
    ),
    "full retraction": (
        [item("T1", DAY), cells_of(retraction("R", "T1")) | {"driver": "trust"}],
        "line 3, driver.*must be empty in a row that retracts",
    ),
    "both": (
        [item("T1", DAY), cells_of(retraction("R", "T1")) | {"corrects": "T1"}],
        "line 3, corrects.*must be empty",
    ),
    "no time": (
        [cells_of(item("T1", DAY)) | {"recorded": "yesterday"}],
        "line 2, recorded.*2026-07-01T09:30:00Z",
    ),
    "hour 25": (
        [cells_of(item("T1", DAY)) | {"recorded": "2026-07-01T25:30:00Z"}],
        "line 2, recorded.*no such time",
    ),
}


@pytest.mark.parametrize(("rows", "message"), FAULTS.values(), ids=FAULTS)
def test_rows_that_cannot_be_are_refused_with_their_line(
    tmp_path: Path, rows: Sequence[NewsRow], message: str
) -> None:
    with pytest.raises(InputError) as raised:
        read_news(written(tmp_path / "news.csv", rows))
    assert re.search(message, str(raised.value))
    assert len(raised.value.problems) == 1, "one mistake, one problem"


def test_a_circle_of_rows_is_refused_at_the_row_that_points_forward(tmp_path: Path) -> None:
    circle = (correction("A", "C"), correction("B", "A"), correction("C", "B"))
    with pytest.raises(InputError, match=r"line 2, corrects.*points forward, to line 4"):
        read_news(written(tmp_path / "news.csv", circle))


def test_two_rows_of_one_id_in_a_history_are_refused_and_not_followed_forever(
    tmp_path: Path,
) -> None:
    with pytest.raises(InputError, match="must be unique; line 2"):
        read_news(written(tmp_path / "news.csv", (item("X", DAY), correction("X", "X"))))


def test_items_that_no_longer_stand_may_have_told_an_event_of_another_driver(
    tmp_path: Path,
) -> None:
    wrong = item("T1", DAY, event="talks", driver="corridor")
    rows = (wrong, item("T2", DAY, event="talks", driver="trust"))
    path = tmp_path / "news.csv"
    with pytest.raises(InputError, match=r'line 3, driver.*event "talks" has driver "corridor"'):
        read_news(written(path, rows))
    mended = (wrong, correction("T1.c1", "T1", event="talks", driver="trust"), rows[1])
    assert len(read_news(written(path, mended))) == 3
    taken_back = (wrong, retraction("T1.r1", "T1"), rows[1])
    assert len(read_news(written(path, taken_back))) == 2


# ---- no trace in a forecast ---------------------------------------------------------------------


def case_of(*rows: NewsRow, **changes: object) -> object:
    news = (*flagship().news, *items_of(rows))
    return replace(flagship(), news=news, retractions=retractions_of(rows), **changes)  # type: ignore[arg-type]


def test_a_retracted_item_leaves_no_trace() -> None:
    added = item("X1", DAY, driver="corridor", ratings=(("a", 3), ("stranger", -2)))
    without = data(flagship())
    assert data(case_of(added)).hash() != without.hash()
    after = data(case_of(added, retraction("X1.r1", "X1", why="an error")))
    assert after.hash() == without.hash()
    assert after.used == without.used
    assert dict((one.id, why) for one, why in after.unused)["X1"] == (
        'retracted on 2025-12-01: "an error"'
    )
    listed = [news for news in _sources(after)["news"] if news["id"] != "X1"]
    assert listed == _sources(without)["news"]
    (shown,) = [news for news in _sources(after)["news"] if news["id"] == "X1"]
    assert (shown["used"], shown["why_not"]) == (False, 'retracted on 2025-12-01: "an error"')


def test_a_corrected_item_is_as_if_it_had_been_right_from_the_start() -> None:
    old = flagship().news[60]
    right = replace(old, ratings=(("a", -3), ("b", 3)), grade="A")
    fixed = replace(right, id=f"{old.id}.c1", corrects=old.id, why="misread")
    others = tuple(each for each in flagship().news if each is not old)
    wanted = data(replace(flagship(), news=(*others, right)))
    got = data(replace(flagship(), news=(*flagship().news, fixed)))
    assert got.hash() == wanted.hash() != data(flagship()).hash()
    assert dict((one.id, why) for one, why in got.unused)[old.id] == f"corrected by {fixed.id}"


@pytest.mark.parametrize("other", ["X-2", "X10", "X1-b"])
def test_a_corrected_item_keeps_its_place_among_the_reports_of_its_event(other: str) -> None:
    first = item("X1", DAY, event="talks", ratings=(("a", -1),))
    second = item(other, DAY, event="talks", ratings=(("b", 2),))
    fixed = replace(first, ratings=(("a", 3),))
    wanted = data(replace(bare(), news=(fixed, second)))
    rows = (first, second, replace(fixed, id="X1.c1", corrects="X1", why="x"))
    assert data(replace(bare(), news=rows)).hash() == wanted.hash()


def test_one_report_taken_back_leaves_the_event_to_the_others() -> None:
    first = item("X1", DAY, event="talks", grade="A", ratings=(("a", -1),))
    second = item("X2", DAY, event="talks", grade="C", ratings=(("b", 2),))
    alone = data(replace(bare(), news=(second,)))
    both = replace(bare(), news=(first, second), retractions=(retraction("X1.r1", "X1"),))
    assert data(both).hash() == alone.hash()


def test_what_the_world_learned_later_is_seen_by_later_cutoffs_alone() -> None:
    added = item("X1", DAY, driver="corridor")
    learned = DAY + timedelta(days=30)
    case = case_of(added, retraction("X1.r1", "X1", learned))
    before = {"cutoff": learned - timedelta(days=1)}
    assert data(case, **before).hash() == data(case_of(added), **before).hash()
    assert data(case, cutoff=learned).hash() == data(flagship(), cutoff=learned).hash()


def test_a_corrected_item_that_gives_a_count_still_enters_as_the_count_alone() -> None:
    known = date(2025, 12, 31)
    report = item("report", known)
    fixed = replace(report, id="report.c1", corrects="report", why="x", salience=1)
    counts = (window(date(2025, 12, 1), known, 0, source="report"),)
    case = replace(bare(), news=(report, fixed), indicators=counts)
    reasons = {one.id: why for one, why in data(case).unused}
    assert reasons["report.c1"] == "the same fact enters as the count incidents"
    assert data(case).used == ()


def test_the_arrays_are_the_same_to_the_bit_in_any_order_of_rows() -> None:
    rows = (
        item("X1", DAY, event="talks", ratings=(("new", 1),)),
        item("X2", DAY, event="talks", ratings=(("newer", -1), ("a", 2))),
        correction("X1.c1", "X1", event="talks", ratings=(("new", 2),)),
        item("X3", DAY, driver="corridor"),
        retraction("X3.r1", "X3"),
    )
    case = case_of(*rows)
    wanted = data(case).hash()  # type: ignore[arg-type]
    shuffle = np.random.default_rng(3)
    for _ in range(5):
        news = list(case.news)  # type: ignore[attr-defined]
        shuffle.shuffle(news)
        again = data(replace(case, news=tuple(news)))  # type: ignore[type-var]
        assert again.hash() == wanted
        assert again.used == data(case).used  # type: ignore[arg-type]


def test_the_shipped_case_gives_the_arrays_that_cached_fits_were_made_of() -> None:
    # They change with the case's data and with how arrays are laid out, and with nothing else.
    assert data().hash().startswith("7e19ff68c1786938")
    assert data(cutoff=date(2025, 12, 31)).hash().startswith("74e468dd306c6ea3")
