"""News: dated, sourced, graded items about a case, one row of ``news.csv`` at a time.

A row is a :class:`NewsItem`, or a :class:`Retraction` that takes an earlier row back. What rows say
of each other, and which stand on a day, is in :mod:`durability.news_ledger`. Nothing here knows
about cutoffs: which items a forecast may see is decided from ``known`` where data are assembled.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from durability import tables
from durability.errors import Problems, quoted
from durability.tables import Row
from durability.vocabulary import DRIVERS, GRADES, RATING_MAX, RATING_MIN, STATUSES

PRECISIONS: Final = ("day", "month", "year")
"""How exactly the day of an item is known, and so how its date is written."""

RATED_STATUSES: Final = ("occurred", "claimed")
"""What has not happened cannot be rated: its rating would be a guess about the guess."""

NO_GRADE: Final = "-"
"""Grade of an item without a source: it is shown and never used."""

AUTHOR: Final = "author"
"""The coder of a rating that names none."""

LEDGER: Final = ("recorded", "corrects", "retracts", "why")
"""Columns that a file written by hand may lack, and that the library adds when it first writes."""

_REQUIRED: Final = (
    *("id", "date", "precision", "known", "driver", "ratings", "salience", "grade", "event"),
    *("status", "statement", "source"),
)
_OPTIONAL: Final = (
    *("date_end", "known_assumed", "actor", "publisher", "address", "note"),
    *LEDGER,
)
_RETRACTION: Final = ("id", "known", "recorded", "retracts", "why")
COLUMNS: Final = (*_REQUIRED, *_OPTIONAL)
"""Every column that ``news.csv`` may have."""


_DATE_FORMS: Final = {
    "day": (re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII), "", "2025-08-08"),
    "month": (re.compile(r"\d{4}-\d{2}", re.ASCII), "-01", "2025-08"),
    "year": (re.compile(r"\d{4}", re.ASCII), "-01-01", "2025"),
}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_RECORDED = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z", re.ASCII)
_RATING = re.compile(r"(?:(?P<coder>[^=]*)=)?\s*(?P<score>[+-]?\d{1,3})", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewsItem:
    """One row of ``news.csv``: what is said to have happened, by whom, and how it was rated.

    Parameters
    ----------
    id : str
    date : datetime.date
        The day it happened; the first day of the month or year where only that is known.
    date_end : datetime.date or None
        The last day of something that lasted.
    precision : str
        ``day``, ``month`` or ``year``.
    known : datetime.date
        The day it was known; nothing earlier may use it.
    known_assumed : bool
        Whether `known` is assumed and not a day of publication.
    driver : str
    ratings : tuple of (str, int)
        Coder and rating, from -3 to +3, positive toward breakdown; empty where unrated.
    salience : int
        1 routine, 2 notable, 3 landmark; orders the display and weighs nothing.
    grade : str
        ``A``, ``B`` or ``C`` for the source, ``-`` for none.
    event : str
        Items with the same event report one fact.
    actor, status, statement, source, publisher, address, note : str
    line : int
        Where the item begins in the file.
    recorded : datetime.datetime or None
        When the row was written, in UTC; None for a row made by hand.
    corrects : str
        The row that this one replaces; empty for an item of its own.
    why : str
        The reason of a correction.
    """

    id: str
    date: dt.date
    date_end: dt.date | None
    precision: str
    known: dt.date
    known_assumed: bool
    driver: str
    ratings: tuple[tuple[str, int], ...]
    salience: int
    grade: str
    event: str
    actor: str
    status: str
    statement: str
    source: str
    publisher: str
    address: str
    note: str
    line: int
    recorded: dt.datetime | None = None
    corrects: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retraction:
    """A row of ``news.csv`` that takes an earlier row back.

    Parameters
    ----------
    id : str
    retracts : str
        The row that is taken back; where that is a retraction itself, its item stands again.
    known : datetime.date
        The day from which it counts.
    why : str
    recorded : datetime.datetime or None
        When the row was written, in UTC; None for a row made by hand.
    line : int
        Where it begins in the file.
    """

    id: str
    retracts: str
    known: dt.date
    why: str
    recorded: dt.datetime | None
    line: int


NewsRow = NewsItem | Retraction


def rows_of(path: Path, problems: Problems, data: bytes | None = None) -> list[Row]:
    """Read the rows of ``news.csv``, or of `data` that is about to become it."""
    return tables.read_rows(
        path, required=_REQUIRED, optional=_OPTIONAL, problems=problems, data=data
    )


def record_of(row: Row) -> NewsRow:
    """Give what a row says; what is wrong with it is noted."""
    if not row["retracts"]:
        return _item(row)
    for column in COLUMNS:
        if column not in _RETRACTION and row[column]:
            row.problem(column, "must be empty in a row that retracts another")
    return Retraction(
        id=name(row, "id"),
        retracts=row["retracts"],
        known=tables.day(row, "known"),
        why=tables.text(row, "why"),
        recorded=_recorded(row),
        line=row.line,
    )


def _item(row: Row) -> NewsItem:
    before = len(row.problems)
    precision = tables.choice(row, "precision", PRECISIONS)
    date, known = _date(row), tables.day(row, "known")
    date_end = tables.optional_day(row, "date_end")
    dated = len(row.problems) == before
    item = NewsItem(
        id=name(row, "id"),
        date=date,
        date_end=date_end,
        precision=precision,
        known=known,
        known_assumed=bool(tables.optional_flag(row, "known_assumed")),
        driver=tables.choice(row, "driver", DRIVERS),
        ratings=_ratings(row),
        salience=tables.integer(row, "salience", low=1, high=3),
        grade=tables.choice(row, "grade", (*GRADES, NO_GRADE)),
        event=tables.text(row, "event"),
        actor=row["actor"],
        status=tables.choice(row, "status", STATUSES),
        statement=tables.text(row, "statement"),
        source=row["source"],
        publisher=row["publisher"],
        address=_address(row),
        note=row["note"],
        line=row.line,
        recorded=_recorded(row),
        corrects=row["corrects"],
        why=row["why"],
    )
    _check_item(row, item, dated)
    return item


def name(row: Row, column: str) -> str:
    """Give a cell that is a short name: letters, digits, ``_``, ``.`` and ``-``."""
    if not _NAME.fullmatch(row[column]):
        row.problem(column, "must be 1 to 64 letters, digits, _ . or -, a letter or digit first")
    return row[column]


def _date(row: Row) -> dt.date:
    form, rest, example = _DATE_FORMS.get(row["precision"], _DATE_FORMS["day"])
    if row["precision"] not in _DATE_FORMS:
        return dt.date.min
    if form.fullmatch(row["date"]):
        try:
            return dt.date.fromisoformat(row["date"] + rest)
        except ValueError:
            row.problem("date", "no such day in the calendar")
            return dt.date.min
    row.problem("date", f"must be written as its precision, {row['precision']}, says: {example}")
    return dt.date.min


def _ratings(row: Row) -> tuple[tuple[str, int], ...]:
    """Read ``a=2;b=-1``, or one whole number by the author."""
    ratings: dict[str, int] = {}
    for part in tables.words(row, "ratings", separator=";"):
        if not part:
            continue
        match = _RATING.fullmatch(part)
        score = int(match["score"]) if match else RATING_MAX + 1
        coder = (AUTHOR if match["coder"] is None else match["coder"].strip()) if match else ""
        if not RATING_MIN <= score <= RATING_MAX or not _NAME.fullmatch(coder):
            row.problem("ratings", f"each must be a whole number from {_scale()}, or coder=number")
        elif coder in ratings:
            row.problem("ratings", f"coder {quoted(coder)} rates the item twice")
        ratings[coder] = score
    return tuple(ratings.items())


def _scale() -> str:
    return f"{RATING_MIN} to +{RATING_MAX}"


def _address(row: Row) -> str:
    """Give a web address, so that a report never carries a link of another kind."""
    text = row["address"]
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        good = False
    if text and (not good or re.search(r"""[\s<>"`\\]""", text)):
        row.problem("address", "must be an http or https address, or empty")
    return text


def _recorded(row: Row) -> dt.datetime | None:
    """Give the second at which a row was written, in UTC."""
    if not row["recorded"]:
        return None
    if _RECORDED.fullmatch(row["recorded"]):
        try:
            return dt.datetime.fromisoformat(row["recorded"])
        except ValueError:
            row.problem("recorded", "no such time")
            return None
    row.problem("recorded", "must be a time in UTC, written 2026-07-01T09:30:00Z, or empty")
    return None


def _check_item(row: Row, item: NewsItem, dated: bool) -> None:
    """Check what no single cell shows; a cell that was refused is not blamed again."""
    if dated and item.date_end is not None and item.date_end < item.date:
        row.problem("date_end", f"is before the date, {item.date}")
    if dated and item.known < item.date and item.status != "scheduled":
        row.problem(
            "known",
            f"is before the date, {item.date}: nothing is known before it happens; give the day it "
            "was published, or the status scheduled",
        )
    if item.ratings and item.status in STATUSES and item.status not in RATED_STATUSES:
        row.problem("ratings", f"must be empty for the status {item.status}: rate what happened")
    if item.grade in GRADES and not item.source:
        row.problem("source", f"must not be empty: grade {item.grade} is given to a source")
    if item.corrects and not item.why:
        row.problem("why", "must not be empty: say why the row is corrected")
    if item.why and not item.corrects:
        row.problem("why", "must be empty where a row neither corrects nor retracts another")
