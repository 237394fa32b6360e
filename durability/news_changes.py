"""Adding, correcting and retracting news: every change is rows at the end of ``news.csv``."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from durability.cases import Case
from durability.errors import InputError, Problem, Problems, one_of, quoted
from durability.news import NewsItem, NewsRow, Retraction
from durability.news_entries import (
    FIELDS,
    NewsEntry,
    cells_of,
    draft_of,
    entry_of,
    written,
)
from durability.news_ledger import (
    History,
    histories,
    items_of,
    standing,
)
from durability.news_placing import Look, Placed, place_entries
from durability.news_writing import Change, change_news

CORRECTED: Final = tuple(
    name for name in FIELDS if name not in ("id", "known", "same_event", "new_event")
)
"""What a correction may change."""

_SHOWN: Final = 3
"""Look-alikes that a message shows."""


class DuplicateNewsError(InputError):
    """Items that look like others: whether they report the same event must be said.

    Parameters
    ----------
    found : iterable of Look
        Each item that was asked to be added, with those that it looks like.
    """

    def __init__(self, found: Iterable[Look]) -> None:
        self.found = tuple(found)
        super().__init__(_question(look) for look in self.found)


def _question(look: Look) -> Problem:
    seen = "; ".join(
        f"{item.id} ({item.date}, {item.driver}, event {quoted(item.event)}): "
        f"{quoted(item.statement)}"
        for item in look.likes[:_SHOWN]
    )
    if len(look.likes) > _SHOWN:
        seen += f"; and {len(look.likes) - _SHOWN} more"
    first = look.likes[0]
    return Problem(
        where=look.entry.place,
        found=f"{quoted(look.draft.statement)} looks like {seen}",
        allowed=f"say which: --same-event {first.id} if it is another report of that event, "
        "--new-event if it is an event of its own (in a batch the columns same_event and "
        "new_event), or leave it out",
    )


def add_news(
    case_or_path: Case | str | Path,
    items: Iterable[NewsEntry | Mapping[str, object]],
) -> tuple[NewsItem, ...]:
    """Add news items to a case: all of them, or none.

    A shipped case, and one whose folder cannot be written, is copied to ``./cases`` first.

    Parameters
    ----------
    case_or_path : Case, str or Path
        A case, its name or its folder.
    items : iterable of NewsEntry or mapping
        What is said of each; a mapping has the fields of :class:`NewsEntry` by name.

    Returns
    -------
    tuple of NewsItem
        One for each of `items`, in their order: the new row, or the one that says exactly the
        same and was there already.

    Raises
    ------
    DuplicateNewsError
        An item looks like another, and neither ``same_event`` nor ``new_event`` says what it is.
    InputError
        Something is wrong with an item, or with the file as it stands.
    WriteError
        The file cannot be written; what stood there still stands.
    """
    return items_of(record_news(case_or_path, items).rows)


def record_news(
    case_or_path: Case | str | Path,
    items: Iterable[NewsEntry | Mapping[str, object]],
) -> Change:
    """Add news items; see :func:`add_news`. Tells also where, and which rows are new."""
    problems = Problems()
    entries = _entries(items, problems)
    drafts = [draft_of(entry, problems) for entry in entries]
    problems.raise_any()

    def place(rows: Sequence[NewsRow]) -> Placed:
        found = Problems()
        placed = place_entries(entries, drafts, rows, now=_now(), problems=found)
        found.raise_any()
        if placed.asked:
            raise DuplicateNewsError(placed.asked)
        return placed

    return change_news(case_or_path, place)


def _entries(
    items: Iterable[NewsEntry | Mapping[str, object]], problems: Problems
) -> list[NewsEntry]:
    every = list(items)
    entries = []
    for number, item in enumerate(every, start=1):
        place = f"item {number} of {len(every)}" if len(every) > 1 else "the new item"
        if isinstance(item, NewsEntry):
            numbered = item.place == "the new item" and len(every) > 1
            entries.append(replace(item, place=place) if numbered else item)
        elif (entry := entry_of(item, place, problems)) is not None:
            entries.append(entry)
    return entries


def correct_news(
    case_or_path: Case | str | Path,
    item: str,
    changes: Mapping[str, object],
    *,
    why: str,
    known: dt.date | str | None = None,
) -> NewsItem:
    """Correct a news item: a new row takes its place, and the old one stays to be seen.

    Parameters
    ----------
    case_or_path : Case, str or Path
        A case, its name or its folder.
    item : str
        Id of the row to correct: the latest about its item. Where that is a retraction, the item
        stands again, as corrected.
    changes : mapping of str to object
        Fields of :class:`NewsEntry` and what they should be; an empty text empties a field.
    why : str
        The reason.
    known : datetime.date or str, optional
        The day the world learned of it; earlier cutoffs still see the old row. By default the slip
        was ours and the correction holds at every cutoff.

    Returns
    -------
    NewsItem
        The row that now stands, also where it was there already.

    Raises
    ------
    InputError
        There is no such row, a later one points at it, or something is wrong with the change.
    WriteError
        The file cannot be written; what stood there still stands.
    """
    return items_of(record_correction(case_or_path, item, changes, why=why, known=known).rows)[0]


def record_correction(
    case_or_path: Case | str | Path,
    item: str,
    changes: Mapping[str, object],
    *,
    why: str,
    known: dt.date | str | None = None,
) -> Change:
    """Correct a news item; see :func:`correct_news`. Tells also where."""
    problems = Problems()
    place = f"the correction of {quoted(item)}"
    for key in changes:
        if key not in CORRECTED:
            problems.add(place, f"unknown field {quoted(key)}", one_of(CORRECTED, str(key)))
    reason = _reason(why, problems)
    problems.raise_any()

    def correct(rows: Sequence[NewsRow]) -> Placed:
        history, at = _find(rows, item)
        target, after = history.rows[at], _after(history, at)
        old = items_of(history.rows[: at + 1])[-1]
        draft = _corrected(old, target, changes, known, place)
        draft = replace(draft, corrects=target.id, why=reason)
        if isinstance(after, NewsItem) and _same(after, draft):
            return Placed(rows=(after,), new=(), asked=())
        if after is not None:
            raise _taken(item, after, history)
        if target is old and _same(old, replace(draft, corrects=old.corrects, why=old.why)):
            raise _refused(place, "it changes nothing", "say what should be otherwise")
        _check_known(target, draft.known)
        row = replace(draft, id=_next_id(history.id, "c", rows), recorded=_now())
        return Placed(rows=(row,), new=(row,), asked=())

    return change_news(case_or_path, correct)


def _corrected(
    old: NewsItem,
    target: NewsRow,
    changes: Mapping[str, object],
    known: dt.date | str | None,
    place: str,
) -> NewsItem:
    """Give an item with changes, checked as a new one is."""
    said: dict[str, Any] = {**cells_of(old), "known": target.known}
    if "date" in changes:
        said["precision"] = ""
    if known is not None:
        said |= {"known": known, "known_assumed": ""}
    said |= changes
    problems = Problems()
    entry = NewsEntry(**{key: said[key] for key in FIELDS if key in said}, place=place)
    draft = draft_of(entry, problems)
    problems.raise_any()
    return draft


def retract_news(
    case_or_path: Case | str | Path,
    item: str,
    *,
    why: str,
    known: dt.date | str | None = None,
) -> Retraction:
    """Take a news item back: it leaves no trace in a forecast, and stays in the file to be seen.

    Parameters
    ----------
    case_or_path : Case, str or Path
        A case, its name or its folder.
    item : str
        Id of the row to take back: the latest about its item. Taking back a retraction lets the
        item stand again.
    why : str
        The reason.
    known : datetime.date or str, optional
        The day the world learned of it; earlier cutoffs still see the item. By default the day of
        the item itself: it never was.

    Returns
    -------
    Retraction
        The row that takes it back, also where it was there already.

    Raises
    ------
    InputError
        There is no such row, or a later one points at it.
    WriteError
        The file cannot be written; what stood there still stands.
    """
    change = record_retraction(case_or_path, item, why=why, known=known)
    return next(row for row in change.rows if isinstance(row, Retraction))


def record_retraction(
    case_or_path: Case | str | Path,
    item: str,
    *,
    why: str,
    known: dt.date | str | None = None,
) -> Change:
    """Take a news item back; see :func:`retract_news`. Tells also where."""
    problems = Problems()
    reason = _reason(why, problems)
    day = _day(known, problems)
    problems.raise_any()

    def retract(rows: Sequence[NewsRow]) -> Placed:
        history, at = _find(rows, item)
        target, after = history.rows[at], _after(history, at)
        counted = target.known if day is None else day
        if isinstance(after, Retraction) and (after.why, after.known) == (reason, counted):
            return Placed(rows=(after,), new=(), asked=())
        if after is not None:
            raise _taken(item, after, history)
        _check_known(target, counted)
        row = Retraction(
            id=_next_id(history.id, "r", rows),
            retracts=target.id,
            known=counted,
            why=reason,
            recorded=_now(),
            line=0,
        )
        return Placed(rows=(row,), new=(row,), asked=())

    return change_news(case_or_path, retract)


def _reason(why: str, problems: Problems) -> str:
    """Check a reason by the rules of a statement."""
    entry = NewsEntry(date="2000-01-01", driver="trust", statement=why, place="the reason (why)")
    return draft_of(entry, problems).statement


def _day(known: dt.date | str | None, problems: Problems) -> dt.date | None:
    if known is None:
        return None
    try:
        return dt.date.fromisoformat(written(known))
    except ValueError:
        problems.add("known", quoted(written(known)), "must be a day written YYYY-MM-DD")
        return None


def _find(rows: Sequence[NewsRow], name: str) -> tuple[History, int]:
    """Find the history that has a row of that id, and the row's place in it."""
    for history in histories(rows):
        for at, row in enumerate(history.rows):
            if row.id == name:
                return history, at
    raise _refused("news", f"no row has the id {quoted(name)}", "see durability news list --all")


def _after(history: History, at: int) -> NewsRow | None:
    """Give the row that points at a row of a history."""
    return history.rows[at + 1] if at + 1 < len(history.rows) else None


def _refused(where: str, found: str, allowed: str) -> InputError:
    return InputError([Problem(where=where, found=found, allowed=allowed)])


def _check_known(target: NewsRow, known: dt.date) -> None:
    if known < target.known:
        raise _refused(
            "known",
            str(known),
            f"must not be before {target.known}, when {target.id} was known; where that day itself "
            "is wrong, retract the item and add it again",
        )


def _taken(name: str, after: NewsRow, history: History) -> InputError:
    done = "retracted" if isinstance(after, Retraction) else "corrected"
    last = history.rows[-1]
    gone = standing(history) is None
    advice = f"{last.id} is the latest about it; " + (
        "retract or correct that, and the item stands again" if gone else "correct or retract that"
    )
    found = f"it was {done} already, by {after.id} (line {after.line})"
    return _refused(name, found, advice)


def _same(one: NewsItem, other: NewsItem) -> bool:
    bare = {"id": "", "line": 0, "recorded": None, "known_assumed": False}
    return replace(one, **bare) == replace(other, **bare)  # type: ignore[arg-type]


def _next_id(root: str, letter: str, rows: Sequence[NewsRow]) -> str:
    """Name a row after the item it is about: ``T045.c1``, ``T045.r1``."""
    taken = {row.id for row in rows}
    number = 1
    while (name := f"{root[:50]}.{letter}{number}") in taken:
        number += 1
    return name


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC).replace(microsecond=0)
