"""News as lines on a screen: what was added, what a case has, and the whole history of an item.

Every text of a person is escaped: a terminal is given no control characters, and no sign that
turns the direction of writing round.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence

from durability.cases import Case
from durability.errors import InputError, Problem, quoted
from durability.news import NewsItem, NewsRow, Retraction
from durability.news_entries import cells_of, written_ratings
from durability.news_ledger import History, as_known, histories, standing, superseded
from durability.news_selection import select_news
from durability.news_writing import Change
from durability.wording import counted, table

STATEMENT_WIDTH = 60
SHOWN_ADDED = 20
"""Items of a batch that are shown one by one."""


def change_lines(case: Case, change: Change, what: str) -> Iterator[str]:
    """Write what a change did and what a forecast will make of it.

    Parameters
    ----------
    case : Case
        Read after the change.
    change : Change
    what : str
        ``Added``, ``Corrected`` or ``Retracted``.
    """
    if change.copied_from is not None:
        yield f"{change.copied_from} stays as it is; this works on a copy, {change.folder}"
    new = [row for row in change.rows if row.id in change.added]
    there = [row for row in change.rows if row.id not in change.added]
    reasons = _reasons(case)
    for row in there[:SHOWN_ADDED]:
        note = f" ({reasons[row.id]})" if row.id in reasons and _is_gone(case, row) else ""
        yield f"{row.id} says exactly this already{note}; nothing was added"
    if len(there) > SHOWN_ADDED:
        yield f"… and {len(there) - SHOWN_ADDED} more that were there already"
    for row in new[:SHOWN_ADDED]:
        yield f"{what} {_headline(row)}"
        yield f"  {_outlook(case, row, reasons)}"
    if len(new) > SHOWN_ADDED:
        yield f"… and {len(new) - SHOWN_ADDED} more: durability news list {case.folder}"
    late = [row for row in new if row.known > case.covered_until]
    if late:
        yield (
            f"The case is covered until {case.covered_until}, its default cutoff, and "
            f"{counted(len(late), 'row')} {'is' if len(late) == 1 else 'are'} later. To revise the "
            f"forecast at once: durability update {case.folder}"
        )


def _headline(row: NewsRow) -> str:
    if isinstance(row, Retraction):
        return f"{row.retracts} by {row.id}: {quoted(row.why, limit=200)}"
    by = f"{row.corrects} by {row.id}" if row.corrects else row.id
    return (
        f"{by}: {_date(row)}, {row.driver}, rating {_told_rating(row)}, "
        f"grade {row.grade}, event {quoted(row.event)}"
    )


def _told_rating(row: NewsItem) -> str:
    """Write the ratings and which way they point: the sign alone is easily taken for the other."""
    ways = {(score > 0) - (score < 0) for _, score in row.ratings}
    if not ways:
        return "none"
    way = {-1: "calms", 0: "changes nothing", 1: "alarms"}[ways.pop()]
    return f"{written_ratings(row)} ({'its coders differ' if ways else way})"


def _outlook(case: Case, row: NewsRow, reasons: dict[str, str]) -> str:
    """Say what a forecast will make of a row, and from which cutoff on."""
    visible = f"at every cutoff from {row.known} on"
    if isinstance(row, Retraction):
        stands = next((item for item in _used(case) if _about(case, row.id, item)), None)
        done = f"{stands.id} stands again" if stands else "the item leaves no trace"
        return f"{visible[0].upper()}{visible[1:]} {done}."
    assumed = " (assumed: the last day of its date)" if row.known_assumed else ""
    if row.id in reasons:
        return f"Not used: {reasons[row.id]}. Known {row.known}{assumed}."
    return f"Used: informs {row.driver} {visible}{assumed}."


def _about(case: Case, one: str, item: NewsItem) -> bool:
    return any(
        {one, item.id} <= {row.id for row in history.rows}
        for history in histories((*case.news, *case.retractions))
    )


def _last_known(case: Case) -> dt.date:
    items = [item.known for item in case.news]
    retractions = [retraction.known for retraction in case.retractions]
    return max([case.covered_until, *items, *retractions])


def _used(case: Case) -> tuple[NewsItem, ...]:
    return select_news(case, _last_known(case))[0]


def _reasons(case: Case) -> dict[str, str]:
    """Give the reason of every item that no forecast uses, however late."""
    return {item.id: reason for item, reason in select_news(case, _last_known(case))[1]}


def _is_gone(case: Case, row: NewsRow) -> bool:
    every = histories((*case.news, *case.retractions))
    return all(standing(history) != row for history in every)


def list_lines(
    case: Case, *, driver: str | None = None, cutoff: dt.date | None = None, every: bool = False
) -> Iterator[str]:
    """Write the items of a case that stand, and with `every` those that no longer do.

    Parameters
    ----------
    case : Case
    driver : str, optional
        Only items on it.
    cutoff : datetime.date, optional
        As they stood on that day; as the file has them where it is not given.
    every : bool
    """
    rows, stands = [], 0
    for history in histories((*case.news, *case.retractions)):
        known = history if cutoff is None else as_known(history, cutoff)
        now, gone = standing(known), list(superseded(known))
        found = [*(gone if every else ()), *([] if now is None else [(now, "")])]
        found = [(item, why) for item, why in found if driver in (None, item.driver)]
        stands += sum(not why for _, why in found)
        rows += [_item_cells(item, why, every) for item, why in found]
    rows.sort(key=lambda cells: (cells[1], cells[0]))
    titles = ["id", "known", "driver", "ratings", "grade", *(["stands"] if every else [])]
    yield from table([*titles, "statement"], rows)
    when = "" if cutoff is None else f" as of {cutoff}"
    yield f"{counted(stands, 'item')} {'stands' if stands == 1 else 'stand'}{when}."


def _item_cells(item: NewsItem, why: str, every: bool) -> list[str]:
    known = f"{item.known}{' (assumed)' if item.known_assumed else ''}"
    state = [why or "yes"] if every else []
    statement = quoted(item.statement, limit=STATEMENT_WIDTH)
    return [item.id, known, item.driver, written_ratings(item), item.grade, *state, statement]


def show_lines(case: Case, name: str) -> Iterator[str]:
    """Write everything about one item, and all that was ever written about it.

    Parameters
    ----------
    case : Case
    name : str
        Id of the item, or of any row about it.

    Raises
    ------
    InputError
        No row has this id.
    """
    history = _history_of(case, name)
    stands = standing(history)
    row = next(row for row in history.rows if row.id == name)
    yield f"{row.id} ({case.folder / 'news.csv'} line {row.line})"
    yield from _state_lines(case, history, stands)
    yield ""
    for column, cell in cells_of(row).items():
        if cell and column != "id":
            yield f"  {column.ljust(13)} {quoted(cell, limit=len(cell))}"
    yield ""
    yield "History:"
    yield from _history_lines(history.rows)


def _history_of(case: Case, name: str) -> History:
    for history in histories((*case.news, *case.retractions)):
        if any(row.id == name for row in history.rows):
            return history
    where, found = str(case.folder / "news.csv"), f"no row has the id {quoted(name)}"
    allowed = "durability news list --all shows every id"
    raise InputError([Problem(where=where, found=found, allowed=allowed)])


def _state_lines(case: Case, history: History, stands: NewsItem | None) -> Iterator[str]:
    reasons = _reasons(case)
    if stands is None:
        yield f"Retracted: no forecast from {history.rows[-1].known} on sees it."
    else:
        reason = reasons.get(stands.id)
        use = f"not used: {reason}" if reason else f"used at every cutoff from {stands.known} on"
        yield f"{stands.id} stands; {use}."


def _history_lines(rows: Sequence[NewsRow]) -> Iterator[str]:
    for row in rows:
        when = "by hand" if row.recorded is None else f"{row.recorded:%Y-%m-%d %H:%M:%S} UTC"
        if isinstance(row, Retraction):
            done = f"retracts {row.retracts}: {quoted(row.why, limit=len(row.why))}"
        elif row.corrects:
            done = f"corrects {row.corrects}: {quoted(row.why, limit=len(row.why))}"
        else:
            done = "was added"
        yield f"  {row.id} {done} (known {row.known}, written {when}, line {row.line})"


def _date(item: NewsItem) -> str:
    return cells_of(item)["date"]
