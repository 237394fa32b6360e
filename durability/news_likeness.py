"""Likeness: whether a new item tells what another tells already.

Two reports of one event that enter as two events count one fact twice. So an item that resembles
one in the file is asked about before it is added.
"""

from __future__ import annotations

import datetime as dt
import difflib
import re
import unicodedata
from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import Final

from durability.news import NewsItem
from durability.news_entries import last_day

CLOSE_DAYS: Final = 5
"""Reports of one event are dated so many days apart, or fewer."""

LIKENESS: Final = 0.75
"""Statements at least so alike are asked about (the ratio of difflib on bare words).

No two of the 155 statements of the shipped case are more alike than 0.66, whatever their dates;
of different events on one driver within a week, no two more than 0.47. A sentence of ten words in
which one is changed comes to about 0.9, so copies and light rewordings lie above the line.
"""

_SHARED = 0.4
"""Least share of runs of three characters in common: copies have more, others much less."""

_COMPARED = 400
"""Characters that are compared: difflib takes the square of their number in time."""

_SMALL_WORDS = frozenset(
    (
        *("a", "an", "and", "are", "as", "at", "be", "by", "for", "from", "in", "is", "it", "of"),
        *("on", "or", "s", "that", "the", "their", "to", "was", "were", "with"),
    )
)


def look_alikes(draft: NewsItem, items: Iterable[NewsItem]) -> tuple[NewsItem, ...]:
    """Give the items on the same driver, of about the same day, that say nearly the same."""
    words = _bare(draft.statement)
    return tuple(
        item
        for item in items
        if item.driver == draft.driver
        and days_apart(item, draft) <= CLOSE_DAYS
        and _alike(words, _bare(item.statement))
    )


def days_apart(one: NewsItem, other: NewsItem) -> int:
    """Give the days between the times at which two items happened; 0 where these overlap."""
    (first, last), (begin, end) = _time(one), _time(other)
    return max((begin - last).days, (first - end).days, 0)


def _time(item: NewsItem) -> tuple[dt.date, dt.date]:
    return _span(item.date, item.precision, item.date_end)


@lru_cache(maxsize=4096)
def _span(date: dt.date, precision: str, end: dt.date | None) -> tuple[dt.date, dt.date]:
    length = {"day": 10, "month": 7, "year": 4}[precision]
    last = last_day(str(date)[:length]) or date
    return date, max(last, end or last)


@lru_cache(maxsize=4096)
def _bare(statement: str) -> tuple[str, frozenset[str]]:
    """Give the words of a statement, and the runs of three characters in them."""
    text = unicodedata.normalize("NFKC", statement[:_COMPARED]).casefold()
    words = " ".join(re.findall(r"\w+", text))
    return words, frozenset(words[i : i + 3] for i in range(len(words) - 2))


def _alike(one: tuple[str, frozenset[str]], other: tuple[str, frozenset[str]]) -> bool:
    # difflib takes a thousandth of a second, sets a millionth: a batch of a thousand items of one
    # week is half a million pairs.
    (words, runs), (others, more) = one, other
    if 2 * len(runs & more) < _SHARED * (len(runs) + len(more)):
        return False
    return difflib.SequenceMatcher(None, words, others, autojunk=False).ratio() >= LIKENESS


def event_name(statement: str, taken: Collection[str]) -> str:
    """Name an event after what is said of it.

    Examples
    --------
    >>> event_name("The bridge is opened to lorries from both sides.", ())
    'bridge-opened-lorries-both-sides'
    >>> event_name("The bridge is opened.", {"bridge-opened"})
    'bridge-opened-2'
    """
    plain = unicodedata.normalize("NFKD", statement).encode("ascii", "ignore").decode().lower()
    words = [word for word in re.findall(r"[a-z0-9]+", plain) if word not in _SMALL_WORDS]
    name = "-".join(words[:5])[:60].strip("-") or "event"
    number, tried = 1, name
    while tried in taken:
        number += 1
        tried = f"{name}-{number}"
    return tried
