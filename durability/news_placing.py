"""Placing new items among those that a case has: their ids, their events, and who is there already.

What this decides depends on the rows alone. Nothing is read or written here.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from durability.errors import Problems, one_of, quoted
from durability.news import NewsItem, NewsRow
from durability.news_entries import UNNAMED, NewsEntry
from durability.news_ledger import histories, items_of, standing
from durability.news_likeness import event_name, look_alikes


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """An item to be added that looks like others.

    Parameters
    ----------
    entry : NewsEntry
    draft : NewsItem
    likes : tuple of NewsItem
        Those of its event, or that say nearly the same of about the same day.
    """

    entry: NewsEntry
    draft: NewsItem
    likes: tuple[NewsItem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """Rows for what was asked, those of them that are new, and what must be asked back."""

    rows: tuple[NewsRow, ...]
    new: tuple[NewsRow, ...]
    asked: tuple[Look, ...]


class _Book:
    """The items of a case while new ones are placed among them."""

    def __init__(self, rows: Sequence[NewsRow], given: Collection[str]) -> None:
        self.ids = {row.id: row for row in rows}
        self.events = {item.event for item in items_of(rows)}
        self.standing: list[NewsItem] = []
        self.by_event: dict[str, list[NewsItem]] = {}
        self.current: dict[str, NewsItem] = {}
        self.contents: dict[object, NewsItem] = {}
        self.batch_events: set[str] = set()
        for history in histories(rows):
            item = standing(history)
            for row in items_of(history.rows):
                self.contents.setdefault(_content(row), row)
            if item is not None:
                self._stand(item)
                self.contents[_content(item)] = item
                self.current |= dict.fromkeys((row.id for row in history.rows), item)
        names = (*self.ids, *given)
        numbers = [int(name[1:]) for name in names if re.fullmatch(r"N[0-9]{1,9}", name)]
        self.number = max(numbers, default=0)

    def of_event(self, event: str) -> tuple[NewsItem, ...]:
        return tuple(self.by_event.get(event, ()))

    def add(self, item: NewsItem, *, own_event: bool) -> None:
        self.ids[item.id] = self.current[item.id] = self.contents[_content(item)] = item
        self._stand(item)
        self.events.add(item.event)
        if own_event:
            self.batch_events.add(item.event)

    def _stand(self, item: NewsItem) -> None:
        self.standing.append(item)
        self.by_event.setdefault(item.event, []).append(item)

    def next_id(self) -> str:
        self.number += 1
        return f"N{self.number:03d}"


def _content(item: NewsItem) -> object:
    """Give what makes two items the same; when and under which name it was written does not."""
    return (
        *(item.date, item.date_end, item.precision, item.known, item.driver, item.ratings),
        *(item.salience, item.grade, item.actor, item.status, item.statement, item.source),
        *(item.publisher, item.address, item.note),
    )


def place_entries(
    entries: Sequence[NewsEntry],
    drafts: Sequence[NewsItem],
    rows: Sequence[NewsRow],
    *,
    now: dt.datetime,
    problems: Problems,
) -> Placed:
    """Place drafts among the rows of a file.

    Parameters
    ----------
    entries : sequence of NewsEntry
    drafts : sequence of NewsItem
        What the entries speak of, in the same order.
    rows : sequence of NewsItem or Retraction
        Of the file as it stands.
    now : datetime.datetime
        When the rows are written.
    problems : Problems
        Receives ids that are taken, events that are not there or have another driver.
    """
    book = _Book(rows, given=[entry.id for entry in entries])
    placed: list[NewsRow] = []
    new: list[NewsRow] = []
    asked: list[Look] = []
    for entry, draft in zip(entries, drafts, strict=True):
        there = _already_there(entry, draft, book)
        if there is not None:
            placed.append(there)
            continue
        likes = _doubts(entry, draft, book)
        if likes:
            asked.append(Look(entry=entry, draft=draft, likes=likes))
            continue
        item = _named(entry, draft, book, problems)
        if item is not None:
            item = replace(item, recorded=now)
            book.add(item, own_event=bool(entry.event) and not entry.same_event)
            placed.append(item)
            new.append(item)
    return Placed(rows=tuple(placed), new=tuple(new), asked=tuple(asked))


def _already_there(entry: NewsEntry, draft: NewsItem, book: _Book) -> NewsItem | None:
    """Give the item with the same content, so that saying a thing twice adds it once."""
    same = book.contents.get(_content(draft))
    if same is None or (entry.id and entry.id != same.id and entry.id in book.ids):
        return None
    if entry.event and entry.event != same.event:
        return None
    return same


def _doubts(entry: NewsEntry, draft: NewsItem, book: _Book) -> tuple[NewsItem, ...]:
    """Give the items of which it must be asked whether they report the same event."""
    if entry.same_event or entry.new_event:
        return ()
    # Two entries of one batch that name one event say so themselves.
    if entry.event in book.batch_events:
        return ()
    named = book.of_event(entry.event) if entry.event else ()
    alike = look_alikes(draft, book.standing)
    return tuple(dict.fromkeys((*named, *alike)))


def _named(entry: NewsEntry, draft: NewsItem, book: _Book, problems: Problems) -> NewsItem | None:
    """Give a draft its id and its event."""
    before = len(problems)
    if entry.id and entry.id in book.ids:
        line = book.ids[entry.id].line
        found = f"line {line} has the id {quoted(entry.id)}" if line else "the batch has it twice"
        problems.add(f"{entry.place}, id", found, "choose another, or leave it out to get one")
    event = _event(entry, draft, book, problems)
    drivers = {item.driver for item in book.of_event(event)}
    if drivers and draft.driver not in drivers:
        problems.add(
            f"{entry.place}, driver",
            quoted(draft.driver),
            f"event {quoted(event)} has driver {quoted(min(drivers))}; one event has one driver",
        )
    if len(problems) > before:
        return None
    name = draft.id if entry.id else book.next_id()
    return replace(draft, id=name, event=event)


def _event(entry: NewsEntry, draft: NewsItem, book: _Book, problems: Problems) -> str:
    """Decide which event an item reports."""
    where = f"{entry.place}, same_event"
    if entry.same_event and (entry.new_event or entry.event):
        other = "new_event" if entry.new_event else "event"
        problems.add(where, f"{quoted(entry.same_event)} beside {other}", "give one of them")
    elif entry.same_event:
        named = book.current.get(entry.same_event)
        if named is not None:
            return named.event
        if book.of_event(entry.same_event):
            return entry.same_event
        known = sorted({*book.current, *(item.event for item in book.standing)})
        hint = one_of(known, entry.same_event).partition("; ")[2]
        allowed = "give the event or the id of an item that stands"
        problems.add(where, quoted(entry.same_event), f"{allowed}; {hint}" if hint else allowed)
    elif entry.event:
        if entry.new_event and book.of_event(entry.event):
            found, allowed = quoted(entry.event), "is there already; leave it out, or new_event"
            problems.add(f"{entry.place}, event", found, allowed)
        return draft.event
    else:
        return event_name(draft.statement, book.events)
    return UNNAMED
