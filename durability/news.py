"""News: dated, sourced, graded items about a case, and how their codings were reconciled.

Three tables of a case's folder are read here. ``news.csv`` holds one row an item; a case with
several coders keeps their raw codings in ``codings.csv`` and every decision between them in
``reconciliations.csv``. Nothing here knows about cutoffs: which items a forecast may see is
decided from :attr:`NewsItem.known` where the data are assembled.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
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

RECONCILED: Final = ("event", "driver", "salience")
"""What coders can differ in and a case must decide; their scores are kept side by side."""

_REQUIRED: Final = (
    *("id", "date", "precision", "known", "driver", "ratings", "salience", "grade", "event"),
    *("status", "statement", "source"),
)
_OPTIONAL: Final = ("date_end", "known_assumed", "actor", "publisher", "address", "note")
_CODING: Final = ("item", "coder", "driver", "score", "salience", "event_key", "confidence", "why")
_RECONCILIATION: Final = ("item", "field", "coder_a", "coder_b", "chosen", "why")

_DATE_FORMS: Final = {
    "day": (re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII), "", "2025-08-08"),
    "month": (re.compile(r"\d{4}-\d{2}", re.ASCII), "-01", "2025-08"),
    "year": (re.compile(r"\d{4}", re.ASCII), "-01-01", "2025"),
}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Coding:
    """One coder's raw coding of one item, as it was handed in."""

    item: str
    coder: str
    driver: str
    score: int
    salience: int
    event_key: str
    confidence: float
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """One difference between two coders, what was chosen, and why."""

    item: str
    field: str
    coder_a: str
    coder_b: str
    chosen: str
    why: str


def read_news(path: Path) -> tuple[NewsItem, ...]:
    """Read and check ``news.csv``.

    Parameters
    ----------
    path : Path

    Returns
    -------
    tuple of NewsItem
        In the order of the file.

    Raises
    ------
    InputError
        With everything that is wrong in the file, each problem with its line.
    """
    problems = Problems()
    items = collect_news(path, problems)
    problems.raise_any()
    return items


def collect_news(path: Path, problems: Problems) -> tuple[NewsItem, ...]:
    """Read ``news.csv``, noting what is wrong instead of raising it."""
    rows = tables.read_rows(path, required=_REQUIRED, optional=_OPTIONAL, problems=problems)
    tables.require_unique(rows, "id")
    items = tuple(_item(row) for row in rows)
    _check_events(rows, items)
    return items


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


def _check_events(rows: Iterable[Row], items: Iterable[NewsItem]) -> None:
    """Refuse an event told of two drivers: it would enter the model as two facts."""
    first: dict[str, NewsItem] = {}
    for row, item in zip(rows, items, strict=True):
        if not item.event or item.driver not in DRIVERS:
            continue
        earlier = first.setdefault(item.event, item)
        if earlier.driver != item.driver:
            row.problem(
                "driver",
                f"event {quoted(item.event)} has driver {quoted(earlier.driver)} on line "
                f"{earlier.line}; one event has one driver",
            )


def collect_codings(
    path: Path, items: Iterable[NewsItem], problems: Problems
) -> tuple[Coding, ...]:
    """Read ``codings.csv``, noting what is wrong; every item it names must be one of `items`."""
    known = {item.id for item in items}
    rows = tables.read_rows(path, required=_CODING, problems=problems)
    seen: dict[tuple[str, str], int] = {}
    for row in rows:
        _check_reference(row, known)
        earlier = seen.setdefault((row["item"], row["coder"]), row.line)
        if earlier != row.line:
            row.problem("coder", f"has coded item {row['item']} already, on line {earlier}")
    return tuple(
        Coding(
            item=row["item"],
            coder=name(row, "coder"),
            driver=tables.choice(row, "driver", DRIVERS),
            score=tables.integer(row, "score", low=RATING_MIN, high=RATING_MAX),
            salience=tables.integer(row, "salience", low=1, high=3),
            event_key=tables.text(row, "event_key"),
            confidence=tables.number(row, "confidence", low=0.0, high=1.0),
            why=row["why"],
        )
        for row in rows
    )


def collect_reconciliations(
    path: Path, items: Iterable[NewsItem], problems: Problems
) -> tuple[Reconciliation, ...]:
    """Read ``reconciliations.csv``, noting what is wrong, and what ``news.csv`` contradicts."""
    chosen = {item.id: item for item in items}
    rows = tables.read_rows(path, required=_RECONCILIATION, problems=problems)
    for row in rows:
        _check_reference(row, chosen)
        field = tables.choice(row, "field", RECONCILED)
        item = chosen.get(row["item"])
        if item is not None and field in RECONCILED and str(getattr(item, field)) != row["chosen"]:
            news = quoted(getattr(item, field))
            row.problem("chosen", f"{field} of {item.id} in the news is {news}; make them agree")
    return tuple(
        Reconciliation(
            item=row["item"],
            field=row["field"],
            coder_a=row["coder_a"],
            coder_b=row["coder_b"],
            chosen=tables.text(row, "chosen"),
            why=tables.text(row, "why"),
        )
        for row in rows
    )


def _check_reference(row: Row, known: Iterable[str]) -> None:
    if row["item"] not in known:
        row.problem("item", "no such item in the news")
