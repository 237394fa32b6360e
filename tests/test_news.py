"""Reading news: what is accepted, and what is refused with file and line."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from durability.errors import InputError
from durability.news import NewsItem
from durability.news_ledger import read_news

Write = Callable[..., Path]
ROW = {
    "id": "N1",
    "date": "2025-08-08",
    "date_end": "",
    "precision": "day",
    "known": "2025-08-09",
    "known_assumed": "0",
    "driver": "trust",
    "ratings": "a=-3;b=-2",
    "salience": "3",
    "grade": "B",
    "event": "initialled",
    "actor": "",
    "status": "occurred",
    "statement": "The treaty is initialled.",
    "source": "A page",
    "publisher": "A house",
    "address": "https://example.org/a",
    "note": "",
}


def table(*rows: dict[str, str]) -> str:
    file = io.StringIO()
    writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def put(*changes: dict[str, str]) -> Path:
        path = tmp_path / "news.csv"
        path.write_text(table(*[ROW | change for change in changes]), encoding="utf-8")
        return path

    return put


def test_a_good_row_becomes_an_item_with_typed_fields(write: Write) -> None:
    assert read_news(write({})) == (
        NewsItem(
            id="N1",
            date=dt.date(2025, 8, 8),
            date_end=None,
            precision="day",
            known=dt.date(2025, 8, 9),
            known_assumed=False,
            driver="trust",
            ratings=(("a", -3), ("b", -2)),
            salience=3,
            grade="B",
            event="initialled",
            actor="",
            status="occurred",
            statement="The treaty is initialled.",
            source="A page",
            publisher="A house",
            address="https://example.org/a",
            note="",
            line=2,
        ),
    )


@pytest.mark.parametrize(
    ("cell", "ratings"),
    [
        ("", ()),
        ("-2", (("author", -2),)),
        ("+3", (("author", 3),)),
        ("0", (("author", 0),)),
        ("anna=1; ben=-3", (("anna", 1), ("ben", -3))),
    ],
)
def test_ratings_are_read_by_coder(write: Write, cell: str, ratings: object) -> None:
    assert read_news(write({"ratings": cell}))[0].ratings == ratings


@pytest.mark.parametrize(
    ("date", "precision", "first"),
    [
        ("2025-08-31", "day", dt.date(2025, 8, 31)),
        ("2025-08", "month", dt.date(2025, 8, 1)),
        ("2025", "year", dt.date(2025, 1, 1)),
    ],
)
def test_a_date_is_written_as_its_precision_says(
    write: Write, date: str, precision: str, first: dt.date
) -> None:
    item = read_news(write({"date": date, "precision": precision, "known": "2025-12-31"}))[0]
    assert (item.date, item.precision) == (first, precision)


REFUSALS = {
    "misspelled driver": ({"driver": "trsut"}, 'line 2, driver: "trsut".*did you mean "trust"'),
    "rating 9": ({"ratings": "a=9"}, 'line 2, ratings: "a=9".*-3 to \\+3'),
    "rating in words": ({"ratings": "a=high"}, "ratings"),
    "rating in halves": ({"ratings": "1.5"}, "ratings"),
    "rating without coder": ({"ratings": "a=1;=2"}, "ratings"),
    "coder rates twice": ({"ratings": "a=1;a=2"}, 'coder "a" rates the item twice'),
    "no rating between": ({"ratings": "a=1;;b=2"}, "empty word"),
    "future of its knowledge": (
        {"date": "2025-08-10"},
        "line 2, known: .2025-08-09.; is before the date, 2025-08-10",
    ),
    "no such day": ({"date": "2025-02-30"}, "no such day"),
    "day for a month": ({"precision": "month"}, "written as its precision, month, says: 2025-08"),
    "unknown precision": ({"precision": "week"}, "must be one of day, month, year"),
    "ends before it begins": ({"date_end": "2025-08-01"}, "date_end.*before the date"),
    "unknown grade": ({"grade": "D"}, "must be one of A, B, C, -"),
    "unknown status": ({"status": "happened"}, "must be one of occurred"),
    "rated and scheduled": ({"status": "scheduled"}, "must be empty for the status scheduled"),
    "rated and unknown": ({"status": "unknown"}, "must be empty for the status unknown"),
    "salience 4": ({"salience": "4"}, "whole number from 1 to 3"),
    "no event": ({"event": ""}, "line 2, event: empty"),
    "no statement": ({"statement": ""}, "line 2, statement: empty"),
    "graded without source": ({"source": ""}, "source: empty.*grade B"),
    "script address": ({"address": "javascript:alert(1)"}, "http or https"),
    "address with markup": ({"address": 'https://x.org/"><script>'}, "http or https"),
    "broken address": ({"address": "http://[::1"}, "http or https"),
    "formula": ({"note": "=cmd|' /C calc'!A0"}, "line 2, note: .*formula"),
    "bad id": ({"id": "a b"}, "line 2, id"),
}


@pytest.mark.parametrize(("change", "message"), REFUSALS.values(), ids=REFUSALS)
def test_a_bad_cell_is_refused_with_its_line(
    write: Write, change: dict[str, str], message: str
) -> None:
    with pytest.raises(InputError) as raised:
        read_news(write(change))
    assert re.search(message, str(raised.value))
    assert len(raised.value.problems) == 1, "one mistake, one problem"


def test_all_problems_of_a_file_are_told_at_once(write: Write) -> None:
    path = write({"id": "A", "driver": "x"}, {"id": "B", "salience": "7"}, {"id": "A", "grade": ""})
    with pytest.raises(InputError) as raised:
        read_news(path)
    lines = [re.search(r"line (\d+)", p.where) for p in raised.value.problems]
    assert sorted(int(match[1]) for match in lines if match) == [2, 3, 4, 4]


def test_a_duplicate_id_names_the_earlier_line(write: Write) -> None:
    with pytest.raises(InputError, match='line 3, id: "N1"; must be unique; line 2'):
        read_news(write({}, {}))


def test_one_event_has_one_driver(write: Write) -> None:
    with pytest.raises(InputError, match='event "initialled" has driver "trust" on line 2'):
        read_news(write({}, {"id": "N2", "driver": "corridor"}))


def test_a_scheduled_item_may_be_known_before_its_date(write: Write) -> None:
    item = read_news(write({"status": "scheduled", "ratings": "", "date": "2027-01-01"}))[0]
    assert item.known < item.date


def test_an_item_without_grade_needs_no_source(write: Write) -> None:
    assert read_news(write({"grade": "-", "source": ""}))[0].grade == "-"


def test_markup_in_a_statement_is_text(write: Write) -> None:
    text = "<script>alert('x')</script>, said a \"source\""
    assert read_news(write({"statement": text}))[0].statement == text


def test_an_unknown_column_is_refused_with_a_hint(tmp_path: Path) -> None:
    path = tmp_path / "news.csv"
    path.write_text(table({("drivr" if k == "driver" else k): v for k, v in ROW.items()}))
    with pytest.raises(InputError, match=r'unknown column "drivr".*did you mean "driver"'):
        read_news(path)


def test_optional_columns_may_be_left_out(tmp_path: Path) -> None:
    optional = ("date_end", "known_assumed", "actor", "publisher", "address", "note")
    path = tmp_path / "news.csv"
    path.write_text(table({k: v for k, v in ROW.items() if k not in optional}))
    item = read_news(path)[0]
    assert (item.date_end, item.known_assumed, item.note) == (None, False, "")


@pytest.mark.parametrize("data", [b"", b"\xff\xfe\x00", b'id,"date\n', b"\x00"])
def test_what_is_no_table_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "news.csv"
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"news\.csv"):
        read_news(path)


def test_a_huge_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "news.csv"
    with path.open("wb") as file:
        file.truncate(100 * 2**20)
    with pytest.raises(InputError, match="100 MiB"):
        read_news(path)


@given(order=st.permutations(range(6)))
@settings(max_examples=20, deadline=None)
def test_the_order_of_rows_does_not_matter(
    tmp_path_factory: pytest.TempPathFactory, order: list[int]
) -> None:
    rows = [ROW | {"id": f"N{i}", "event": f"e{i // 2}"} for i in range(6)]
    path = tmp_path_factory.mktemp("news") / "news.csv"
    path.write_text(table(*[rows[i] for i in order]))
    items = {item.id: item for item in read_news(path)}
    assert [items[f"N{i}"].event for i in range(6)] == ["e0", "e0", "e1", "e1", "e2", "e2"]
    assert [items[f"N{order[k]}"].line for k in range(6)] == [2, 3, 4, 5, 6, 7]


CELLS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["", "-", "=1+1", "a=9", "2025-13-01", "9999-12-31", "0001-01-01", "1e9", "٣"]),
)


@given(changes=st.dictionaries(st.sampled_from(sorted(ROW)), CELLS, min_size=1, max_size=4))
@settings(max_examples=200, deadline=None)
def test_any_cell_gives_an_item_or_an_input_error(
    tmp_path_factory: pytest.TempPathFactory, changes: dict[str, str]
) -> None:
    path = tmp_path_factory.getbasetemp() / "cells.csv"
    text = table(ROW | changes, ROW | {"id": "N2"})
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with suppress(InputError):
        check_item(read_news(path)[0])


def check_item(item: NewsItem) -> None:
    assert item.driver in ("trust", "constitution", "corridor", "interference")
    assert all(-3 <= score <= 3 for _, score in item.ratings)
    assert item.status == "scheduled" or item.known >= item.date
    assert item.address == "" or item.address.startswith("http")
