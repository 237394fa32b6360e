"""Entries: what is worked out for a person, what must be said, and what is refused."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from durability.errors import InputError, Problems
from durability.news import NewsItem, Retraction
from durability.news_entries import (
    FIELDS,
    GRADE_MEANINGS,
    MAX_CELL,
    UNNAMED,
    NewsEntry,
    cells_of,
    draft_of,
    entry_of,
)
from durability.vocabulary import GRADES

SAID: dict[str, Any] = {
    "date": "2026-07-01",
    "driver": "corridor",
    "ratings": 2,
    "statement": "The road is closed.",
    "source": "A page",
    "grade": "B",
}


def draft(**changes: Any) -> NewsItem:
    problems = Problems()
    said = {**SAID, **changes}
    entry = entry_of({k: v for k, v in said.items() if v is not None}, "the new item", problems)
    problems.raise_any()
    assert entry is not None
    found = draft_of(entry, problems)
    problems.raise_any()
    return found


def told(**changes: Any) -> str:
    with pytest.raises(InputError) as raised:
        draft(**changes)
    assert len(raised.value.problems) == 1, f"one mistake, one problem: {raised.value}"
    return str(raised.value)


def test_what_is_not_said_is_worked_out() -> None:
    found = draft()
    assert (found.id, found.event) == (UNNAMED, UNNAMED)
    assert (found.precision, found.known, found.known_assumed) == (
        "day",
        dt.date(2026, 7, 1),
        True,
    )
    assert (found.salience, found.status, found.ratings) == (1, "occurred", (("author", 2),))


@pytest.mark.parametrize(
    ("date", "precision", "first", "known"),
    [
        ("2026-07-09", "day", dt.date(2026, 7, 9), dt.date(2026, 7, 9)),
        (dt.date(2026, 7, 9), "day", dt.date(2026, 7, 9), dt.date(2026, 7, 9)),
        ("2024-02", "month", dt.date(2024, 2, 1), dt.date(2024, 2, 29)),
        ("2026-12", "month", dt.date(2026, 12, 1), dt.date(2026, 12, 31)),
        ("2026", "year", dt.date(2026, 1, 1), dt.date(2026, 12, 31)),
        (2026, "year", dt.date(2026, 1, 1), dt.date(2026, 12, 31)),
    ],
)
def test_a_date_says_its_precision_and_when_it_was_known_at_the_latest(
    date: Any, precision: str, first: dt.date, known: dt.date
) -> None:
    found = draft(date=date)
    assert (found.date, found.precision, found.known) == (first, precision, known)
    assert found.known_assumed
    given_too = draft(date=date, known="2027-01-05")
    assert (given_too.known, given_too.known_assumed) == (dt.date(2027, 1, 5), False)


@pytest.mark.parametrize(
    ("ratings", "wanted"),
    [
        (-3, (("author", -3),)),
        ("+1", (("author", 1),)),
        ("a=2; b=-1", (("a", 2), ("b", -1))),
        ({"a": 2, "b": -1}, (("a", 2), ("b", -1))),
        ("", ()),
    ],
)
def test_ratings_may_be_a_number_a_text_or_a_mapping(ratings: Any, wanted: object) -> None:
    assert draft(ratings=ratings).ratings == wanted


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "driver": ({"driver": "coridor"}, 'driver: "coridor".*did you mean "corridor"'),
    "no driver": ({"driver": None}, "driver: empty; an item needs date, driver, statement"),
    "rating": ({"ratings": 4}, "ratings.*-3 to \\+3"),
    "half a rating": ({"ratings": 1.5}, "ratings.*type str or int or Mapping"),
    "a true rating": ({"ratings": True}, "ratings.*type"),
    "a list for a text": ({"statement": ["x"]}, "statement.*must be of type str"),
    "a time for a day": ({"date": dt.datetime(2026, 7, 1, 9)}, "date.*must be of type"),
    "unknown field": ({"rating": 2}, 'unknown field "rating".*did you mean "ratings"'),
    "grade": ({"grade": "D"}, "must be one of A, B, C"),
    "date in words": ({"date": "1 July"}, "date.*2026-07-01, 2026-07 or 2026"),
    "no such day": ({"date": "2026-02-30"}, "no such day"),
    "precision": ({"precision": "month"}, "written as its precision, month"),
    "known before": ({"known": "2026-06-30"}, "nothing is known before it happens"),
    "scheduled": (
        {"status": "scheduled", "ratings": "", "date": "2027-01-01"},
        "known.*must be given of what is scheduled",
    ),
    "scheduled and rated": (
        {"status": "scheduled", "known": "2026-06-01"},
        "ratings.*must be empty for the status scheduled",
    ),
    "grade without source": ({"source": ""}, "source.*grade B is given to a source"),
    "address": ({"address": "javascript:alert(1)"}, "http or https"),
    "id": ({"id": "a b"}, "id.*letters, digits"),
    "new or not": ({"new_event": "perhaps"}, "new_event.*true or false"),
}


@pytest.mark.parametrize(("changes", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_wrong_is_told_once(changes: dict[str, Any], message: str) -> None:
    assert re.search(message, told(**changes))


def test_a_source_without_grade_is_asked_how_good_it_is() -> None:
    said = told(grade=None)
    assert tuple(GRADE_MEANINGS) == GRADES
    assert all(f"{grade}: {what}" in said for grade, what in GRADE_MEANINGS.items())
    assert draft(grade=None, source=None).grade == "-"


def test_everything_wrong_with_an_item_is_told_at_once() -> None:
    with pytest.raises(InputError) as raised:
        draft(driver="x", ratings=9, salience=4, grade="Z")
    assert len(raised.value.problems) == 4


HOSTILE = {
    "formula": "=cmd|' /C calc'!A0",
    "sum": "@SUM(A1)",
    "nul": "a\0b",
    "escape": "\x1b[2Jgone",
    "carriage return": "a\rb",
    "c1": "a\x9bb",
    "surrogate": "a\ud800b",
    "long": "x" * (MAX_CELL + 1),
    "megabyte": "x" * 2**20,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize(
    "field", ["statement", "source", "publisher", "actor", "note", "event", "address", "id"]
)
def test_text_that_could_do_harm_is_refused_in_every_field(field: str, text: str) -> None:
    with pytest.raises(InputError) as raised:
        draft(**{field: text})
    said = str(raised.value)
    assert f"the new item, {field}" in said
    assert len(said) < 1000
    assert said.replace("\n", "").isprintable()


@given(
    field=st.sampled_from([name for name in FIELDS if name != "new_event"]),
    text=st.one_of(st.text(max_size=30), st.sampled_from(sorted(HOSTILE.values()))),
)
@settings(max_examples=300, deadline=None)
def test_any_text_gives_an_item_or_an_input_error(field: str, text: str) -> None:
    try:
        found = draft(**{field: text})
    except InputError as error:
        assert str(error).replace("\n", "").isprintable()  # noqa: PT017
    else:
        assert found.statement == found.statement.strip() != ""


def test_fields_are_written_as_the_file_has_them() -> None:
    cells = cells_of(draft(date="2026-07", date_end="2026-08-02", ratings={"a": -1}))
    assert (cells["date"], cells["date_end"]) == ("2026-07", "2026-08-02")
    assert (cells["precision"], cells["known"], cells["known_assumed"]) == (
        "month",
        "2026-07-31",
        "1",
    )
    assert (cells["ratings"], cells["recorded"], cells["retracts"]) == ("a=-1", "", "")
    back = Retraction(
        id="R", retracts="N1", known=dt.date(2026, 7, 1), why="x", recorded=None, line=0
    )
    assert cells_of(back) == {
        "id": "R",
        "known": "2026-07-01",
        "recorded": "",
        "retracts": "N1",
        "why": "x",
    }


def test_an_entry_can_be_made_in_so_many_words() -> None:
    problems = Problems()
    entry = NewsEntry(date=dt.date(2026, 7, 1), driver="trust", statement=" Talks resume. ")
    found = draft_of(entry, problems)
    assert len(problems) == 0
    assert (found.statement, found.grade, found.ratings) == ("Talks resume.", "-", ())
