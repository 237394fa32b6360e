"""Rows that a posterior has absorbed: what they are, and what of a case is still news to it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from itertools import zip_longest
from typing import TYPE_CHECKING

from durability.agreements import Agreement
from durability.calendar import add_months, first_of_month
from durability.cases import Case, Standing
from durability.catalogue import joint_law
from durability.errors import Problems, quoted
from durability.indicators import IndicatorWindow
from durability.joint_priors import Joint, Lineage
from durability.news import NewsItem
from durability.vocabulary import STREAMS

if TYPE_CHECKING:
    from durability.prior_sets import PriorSet


MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")


def rows_of(
    case: Case,
    agreements: Iterable[Agreement],
    used: Iterable[NewsItem],
    windows: Iterable[IndicatorWindow],
    cutoff: date,
) -> dict[str, dict[str, str]]:
    """Name every row that enters a model's data at a cutoff, with the hash of its content.

    Returns
    -------
    dict
        By kind (:data:`durability.joint_priors.KINDS`), name to hash.
    """
    return {
        "agreements": {row.id: _hashed(repr(row)) for row in agreements},
        "news": {item.id: news_hash(item) for item in used},
        "windows": {window_name(window): window_hash(window) for window in windows},
        "standings": {
            standing_name(standing): standing_hash(standing)
            for standing in case.standings
            if standing.date <= cutoff
        },
        "happened": {
            f"{each.rung} {each.date}": _hashed(f"{each.rung} {each.date}")
            for each in case.happened
            if each.date <= cutoff
        },
    }


def news_hash(item: NewsItem) -> str:
    """Hash what a model reads of a news item; rewording its statement changes nothing."""
    told = (item.date, item.precision, item.known, item.driver, item.ratings, item.grade)
    return _hashed(repr((item.id, *(str(each) for each in told), item.event, item.status)))


def window_name(window: IndicatorWindow) -> str:
    """Name a window: its indicator and its days."""
    return f"{window.indicator} {window.first}..{window.last}"


def window_hash(window: IndicatorWindow) -> str:
    """Hash what a model reads of a window."""
    told = (window_name(window), window.driver, window.count, window.exposure, str(window.known))
    return _hashed(repr(told))


def standing_name(standing: Standing) -> str:
    """Name a coder's ratings of the agreement itself."""
    return f"{standing.date} {standing.coder}"


def standing_hash(standing: Standing) -> str:
    """Hash the ratings."""
    return _hashed(repr((standing_name(standing), sorted(standing.ratings.items()))))


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


# What is still news --------------------------------------------------------------------------


def unabsorbed(
    case: Case,
    agreements: Sequence[Agreement],
    priors: PriorSet,
    *,
    cutoff: date,
    assumptions: Mapping[str, str],
) -> Case:
    """Leave of a case what a revised prior set has not absorbed.

    Parameters
    ----------
    case : Case
    agreements : sequence of Agreement
        That would train the hazard at the cutoff.
    priors : PriorSet
        With a lineage.
    cutoff : date
    assumptions : mapping of str to str
        How the data are read; must be as they were.

    Returns
    -------
    Case
        Its grid begins where the set's state does.

    Raises
    ------
    InputError
        Another case, an earlier cutoff, another reading of the data, or a row that was absorbed
        and is gone or says something else now: with every such row.
    """
    lineage, joint = priors.lineage, priors.joint
    if lineage is None or joint is None:
        raise ValueError("only a revised prior set has absorbed anything")
    problems = Problems()
    where = str(priors.path)
    if case.name != lineage.case:
        found = f"it is a posterior of {lineage.case}, whose state does not travel to {case.name}"
        problems.add(where, found, "use the set that it was revised from")
        problems.raise_any()
    _check_layout(joint, problems, where)
    if cutoff < lineage.cutoff:
        found = f"it knows all until {lineage.cutoff}, and the cutoff is {cutoff}"
        problems.add(where, found, "choose a cutoff on or after that day, or the set before it")
    for key, value in lineage.assumptions.items():
        if assumptions[key] != value:
            found = f"it was made with {key} {value}, and the data have {key} {assumptions[key]}"
            problems.add(where, found, "read the data in the same way, or fit anew")
    _check_absorbed(case, agreements, lineage, problems, where)
    fresh = _fresh(case, lineage, date.fromisoformat(f"{joint.coords['month'][0]}-01"))
    _check_reach(fresh, problems, where)
    problems.raise_any()
    return fresh


def _check_layout(joint: Joint, problems: Problems, where: str) -> None:
    """Refuse a joint law whose unknowns are not, in order, those that its labels call for."""
    wanted = joint_law().labels(joint.coords) if joint.coords["month"] else []
    for found, name in zip_longest(joint.unknowns, wanted, fillvalue="nothing"):
        if found != name:
            allowed = "the order and the names of a law cannot be changed; write it anew"
            problems.add(where, f"unknown {quoted(found)} stands for {quoted(name)}", allowed)
            break
    months = [month for month in joint.coords["month"] if not MONTH.fullmatch(month)]
    if months or len(joint.coords["month"]) < 2:
        found = f"months {', '.join(map(quoted, joint.coords['month'])) or 'none'}"
        problems.add(where, found, "two or more, like 2026-02")
    problems.raise_any()


def _check_absorbed(
    case: Case,
    agreements: Sequence[Agreement],
    lineage: Lineage,
    problems: Problems,
    where: str,
) -> None:
    """Refuse absorbed rows that are gone or changed, and history that was not absorbed."""
    # A later cutoff must not hide what was known at the earlier one.
    now = rows_of(case, agreements, case.news, case.indicators, lineage.cutoff)
    again = "fit anew from the set that it was revised from"
    gone, other = "was absorbed and is no longer there", "was absorbed and says something else"
    for kind, rows in lineage.absorbed.items():
        for name, known in rows.items():
            if name not in now[kind]:
                problems.add(where, f"{kind} row {name} {gone}", again)
            elif now[kind][name] != known:
                problems.add(where, f"{kind} row {name} {other}", again)
    for name in now["agreements"]:
        if name not in lineage.absorbed["agreements"]:
            problems.add(where, f"agreement {name} was not absorbed", f"history is: {again}")


def _fresh(case: Case, lineage: Lineage, first_month: date) -> Case:
    news, windows = lineage.absorbed["news"], lineage.absorbed["windows"]
    events = {item.event or item.id for item in case.news if item.id in news}
    kept = tuple(
        item
        for item in case.news
        # An event's own error is absorbed with it: another report of it is no news.
        if item.id not in news and (item.event or item.id) not in events
    )
    standings = lineage.absorbed["standings"]
    return replace(
        case,
        news=kept,
        indicators=tuple(w for w in case.indicators if window_name(w) not in windows),
        standings=tuple(s for s in case.standings if standing_name(s) not in standings),
        # Ratings read changes, so the grid has one month before its first.
        grid_start=add_months(first_month, 1),
    )


def _check_reach(case: Case, problems: Problems, where: str) -> None:
    """Refuse counts and ratings of the case that reach back before the state."""
    first = add_months(case.grid_start, -1)
    again = "leave it out, or fit anew from the set that it was revised from"
    for window in case.indicators:
        if window.first < case.grid_start:
            found = f"the count {window_name(window)} begins before the months that it holds"
            problems.add(where, f"{found} ({first:%Y-%m} on)", again)
    for standing in case.standings:
        if first_of_month(standing.date) < first:
            found = f"the ratings of {standing_name(standing)} are of a month before those it holds"
            problems.add(where, f"{found} ({first:%Y-%m} on)", again)


def told_rows(rows: Mapping[str, Iterable[str]], *, limit: int = 5) -> str:
    """Say which rows there are: a few of each kind by name."""
    parts = []
    for kind, names in rows.items():
        every = list(names)
        shown = ", ".join(every[:limit])
        more = f" and {len(every) - limit} more" if len(every) > limit else ""
        if every:
            parts.append(f"{kind} {shown}{more}")
    return "; ".join(parts)


def observed_until(case: Case, cutoff: date) -> dict[str, date]:
    """Give for each stream the last day on which a case's having held is known at a cutoff."""
    return {stream: min(case.observed_to[stream], cutoff) for stream in STREAMS}


def why_left_out(item: NewsItem, case: Case, lineage: Lineage) -> str:
    """Say why an item that came late cannot enter beside a posterior of its case."""
    events = {each.event or each.id for each in case.news if each.id in lineage.absorbed["news"]}
    if (item.event or item.id) in events:
        return "another report of an event that the priors have absorbed"
    return "of a month before those that the priors hold"
