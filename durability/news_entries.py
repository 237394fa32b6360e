"""Entries: what a person says of a news item, before it is a row of ``news.csv``.

An entry leaves out what can be said for it: the precision of its date, the day it was known, its
id, the name of its event. What it does say is held to the same rules as a row of the file.
"""

from __future__ import annotations

import calendar
import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from durability import tables
from durability.errors import Problems, one_of, quoted
from durability.news import AUTHOR, COLUMNS, NO_GRADE, NewsItem, NewsRow, Retraction, record_of
from durability.tables import Row

GRADE_MEANINGS: Final = {
    "A": "the text itself, or a record of those who were there or are responsible",
    "B": "a report by a press house or an institute that names where it has it from",
    "C": "hearsay, one side's word about the other, or a summary by others",
}
"""How good a source is, in the words that a person is asked with."""

MAX_CELL: Final = 10_000
"""Most characters of one field: a statement is a sentence or two, and csv reads 131,072."""

UNNAMED: Final = "unnamed"
"""Stands for an id or an event that is chosen when the item is placed in the file."""

_KINDS: Final[Mapping[str, tuple[type, ...]]] = {
    **dict.fromkeys(("date", "known", "date_end"), (str, dt.date, int)),
    **dict.fromkeys(("salience", "precision", "known_assumed"), (str, int)),
    "ratings": (str, int, Mapping),
    "new_event": (bool,),
}
_FORMS: Final = {"day": r"\d{4}-\d{2}-\d{2}", "month": r"\d{4}-\d{2}", "year": r"\d{4}"}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewsEntry:
    """What a person says of a news item; the rest is worked out when it is added.

    Parameters
    ----------
    date : str or datetime.date
        The day, month or year it happened: ``2026-07-01``, ``2026-07`` or ``2026``.
    driver : str
    statement : str
        What is said to have happened.
    ratings : str, int or mapping of str to int
        ``2`` is the author's, ``a=2;b=-1`` names coders; empty where it is not rated.
    source : str
        Title of the page.
    grade : str
        ``A``, ``B`` or ``C``; needed where there is a source.
    known : str or datetime.date
        The day it was known; the last day of `date` where it is not given, and then assumed.
    date_end : str or datetime.date
        The last day of something that lasted.
    salience : str or int
        1 routine, 2 notable, 3 landmark.
    status : str
    event : str
        Items with the same event report one fact; named after the statement where not given.
    same_event : str
        An event, or the id of an item: this is another report of it.
    new_event : bool
        It is an event of its own, whatever it looks like.
    id : str
        The next unused one of N001, N002, … where it is not given.
    precision, known_assumed : str
        As in ``news.csv``; worked out where they are not given.
    actor, publisher, address, note : str
    place : str
        What messages call the entry.
    """

    date: str | dt.date
    driver: str
    statement: str
    ratings: str | int | Mapping[str, int] = ""
    source: str = ""
    grade: str = ""
    known: str | dt.date = ""
    date_end: str | dt.date = ""
    salience: str | int = 1
    status: str = "occurred"
    event: str = ""
    same_event: str = ""
    new_event: bool = False
    id: str = ""
    precision: str = ""
    known_assumed: str = ""
    actor: str = ""
    publisher: str = ""
    address: str = ""
    note: str = ""
    place: str = "the new item"


NEEDED: Final = ("date", "driver", "statement")
FIELDS: Final = tuple(field.name for field in fields(NewsEntry) if field.name != "place")
"""What an entry may say, by name: the columns of a batch."""


def entry_of(said: Mapping[str, object], place: str, problems: Problems) -> NewsEntry | None:
    """Make an entry of a mapping; unknown and missing names are noted, and give None."""
    before = len(problems)
    for key in said:
        if key not in FIELDS:
            problems.add(place, f"unknown field {quoted(key)}", one_of(FIELDS, str(key)))
    for key in NEEDED:
        if not written(said.get(key)):
            problems.add(f"{place}, {key}", "empty", f"an item needs {', '.join(NEEDED)}")
    flag = written(said.get("new_event"))
    if flag not in ("", "0", "1"):
        problems.add(f"{place}, new_event", quoted(flag), "must be true or false, 1 or 0")
    if len(problems) > before:
        return None
    given: dict[str, Any] = {key: value for key, value in said.items() if written(value)}
    return NewsEntry(**{**given, "new_event": flag == "1", "place": place})


def written(value: object) -> str:
    """Write a value as a cell of the file."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, Mapping):
        return ";".join(f"{coder}={score}" for coder, score in value.items())
    return str(value).strip()


def draft_of(entry: NewsEntry, problems: Problems) -> NewsItem:
    """Give the item that an entry speaks of; what is wrong with it is noted.

    Returns
    -------
    NewsItem
        With ``UNNAMED`` for an id or event that is still to be chosen.
    """
    before = len(problems)
    _check_types(entry, problems)
    cells = dict.fromkeys(COLUMNS, "")
    cells |= {key: written(getattr(entry, key)) for key in FIELDS if key in cells}
    row = Row(path=Path(), line=0, cells=cells, problems=problems, place=entry.place)
    if len(problems) > before or not _texts_are_sound(row):
        return _placeholder()
    cells["id"] = cells["id"] or UNNAMED
    cells["event"] = cells["event"] or UNNAMED
    cells["salience"] = cells["salience"] or "1"
    cells["status"] = cells["status"] or "occurred"
    _complete_date(row, cells)
    if not cells["grade"]:
        cells["grade"] = "C" if cells["source"] else NO_GRADE
        if cells["source"]:
            told = "; ".join(f"{grade}: {what}" for grade, what in GRADE_MEANINGS.items())
            problems.add(row.where("grade"), "empty", f"say how good the source is. {told}")
    item = record_of(Row(path=Path(), line=0, cells=cells, problems=problems, place=entry.place))
    return item if isinstance(item, NewsItem) else _placeholder()


def _check_types(entry: NewsEntry, problems: Problems) -> None:
    """Refuse values that would be written as something else than was meant."""
    for key in FIELDS:
        value = getattr(entry, key)
        kinds: tuple[type, ...] = _KINDS.get(key, (str,))
        odd = isinstance(value, dt.datetime) or (isinstance(value, bool) and bool not in kinds)
        if not isinstance(value, kinds) or odd:
            names = " or ".join(kind.__name__ for kind in kinds)
            problems.add(f"{entry.place}, {key}", quoted(value), f"must be of type {names}")


def _texts_are_sound(row: Row) -> bool:
    """Refuse what could not be written, or would not be read back as it was given."""
    before = len(row.problems)
    for column, cell in row.cells.items():
        if len(cell) > MAX_CELL:
            allowed = f"has {len(cell):,} characters; at most {MAX_CELL:,}: say it in a few words"
            row.problem(column, allowed)
        elif any("\ud800" <= character <= "\udfff" for character in cell):
            row.problem(column, "is not text: half of a character stands alone")
    if len(row.problems) == before:
        tables.check_characters(row)
    return len(row.problems) == before


def _complete_date(row: Row, cells: dict[str, str]) -> None:
    """Work out the precision of a date and, where it is not given, the day it was known."""
    date = cells["date"]
    forms = [name for name, form in _FORMS.items() if re.fullmatch(form, date, re.ASCII)]
    if not forms and not cells["precision"]:
        row.problem("date", "must be a day, month or year: 2026-07-01, 2026-07 or 2026")
        # What follows is not blamed for it; the item never leaves.
        cells["date"], forms = "0001-01-01", ["day"]
    cells["precision"] = cells["precision"] or forms[0]
    if cells["known"]:
        cells["known_assumed"] = cells["known_assumed"] or "0"
        return
    if cells["status"] == "scheduled":
        row.problem("known", "must be given of what is scheduled: the day it was announced")
    last = last_day(cells["date"])
    cells["known"] = str(dt.date.max if last is None else last)
    cells["known_assumed"] = "1"


def last_day(date: str) -> dt.date | None:
    """Give the last day of a day, month or year; None where there is no such date.

    Examples
    --------
    >>> last_day("2024-02"), last_day("2026")
    (datetime.date(2024, 2, 29), datetime.date(2026, 12, 31))
    """
    try:
        year, month, day = ([int(part) for part in date.split("-")] + [0, 0])[:3]
        month = month or 12
        return dt.date(year, month, day or calendar.monthrange(year, month)[1])
    except ValueError:
        return None


def _placeholder() -> NewsItem:
    """Stand in for an item of which a problem has been noted."""
    day = dt.date.min
    dates = {"date": day, "date_end": None, "precision": "day", "known": day}
    return NewsItem(
        **dates,  # type: ignore[arg-type]
        **dict.fromkeys(("id", "driver", "grade", "event", "actor", "status"), ""),  # type: ignore[arg-type]
        **dict.fromkeys(("statement", "source", "publisher", "address", "note"), ""),  # type: ignore[arg-type]
        known_assumed=False,
        ratings=(),
        salience=1,
        line=0,
    )


def cells_of(row: NewsRow) -> dict[str, str]:
    """Write a row of ``news.csv``, so that it is read back as the same."""
    recorded = "" if row.recorded is None else f"{row.recorded:%Y-%m-%dT%H:%M:%SZ}"
    if isinstance(row, Retraction):
        return {
            "id": row.id,
            "known": str(row.known),
            "recorded": recorded,
            "retracts": row.retracts,
            "why": row.why,
        }
    cells = {column: str(getattr(row, column, "")) for column in COLUMNS}
    length = {"day": 10, "month": 7, "year": 4}[row.precision]
    return cells | {
        "date": str(row.date)[:length],
        "date_end": "" if row.date_end is None else str(row.date_end),
        "known_assumed": "1" if row.known_assumed else "0",
        "ratings": written_ratings(row),
        "recorded": recorded,
    }


def written_ratings(item: NewsItem) -> str:
    """Write the ratings of an item as the file does: ``2``, or ``a=2;b=-1``."""
    if len(item.ratings) == 1 and item.ratings[0][0] == AUTHOR:
        return str(item.ratings[0][1])
    return ";".join(f"{coder}={score}" for coder, score in item.ratings)
