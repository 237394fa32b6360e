"""Selection: which news and counts of a case may enter a forecast at a cutoff, and why others not.

Here and in :mod:`durability.assembly`, which asks here, the cutoff is applied; nothing heavier
than the standard library is needed to say what a new item will be used for.
"""

from __future__ import annotations

from datetime import date

from durability.calendar import month_label
from durability.cases import Case
from durability.indicators import IndicatorWindow
from durability.news import NewsItem
from durability.news_ledger import as_known, histories, standing, superseded
from durability.vocabulary import GRADES


def select_news(
    case: Case, cutoff: date
) -> tuple[tuple[NewsItem, ...], tuple[tuple[NewsItem, str], ...]]:
    """Split the items known by the cutoff into those that enter and those that do not.

    Returns
    -------
    used : tuple of NewsItem
        As they stand at the cutoff, in the order of the ids under which they were first written,
        whatever the order of the file: a corrected item keeps its place.
    unused : tuple of (NewsItem, str)
        With the reason.
    """
    counted = {window.source: window.indicator for window in known_windows(case, cutoff)}
    used: list[NewsItem] = []
    unused: list[tuple[NewsItem, str]] = []
    for history in histories((*case.news, *case.retractions)):
        known = as_known(history, cutoff)
        unused.extend(superseded(known))
        item = standing(known)
        if item is None:
            continue
        count = next((counted[row.id] for row in history.rows if row.id in counted), "")
        reason = _why_not(item, case, count)
        if reason:
            unused.append((item, reason))
        else:
            used.append(item)
    return tuple(used), tuple(unused)


def _why_not(item: NewsItem, case: Case, count: str) -> str:
    if not item.ratings:
        return f"not rated ({item.status})"
    if item.grade not in GRADES:
        return "no source"
    if item.date < case.grid_start:
        return f"before the driver grid ({month_label(case.grid_start)})"
    if item.precision == "year":
        return "dated only to a year"
    if count:
        return f"the same fact enters as the count {count}"
    return ""


def known_windows(case: Case, cutoff: date) -> tuple[IndicatorWindow, ...]:
    """Give the indicator windows known by the cutoff and inside the grid."""
    return tuple(
        window
        for window in case.indicators
        if window.known <= cutoff and window.first >= case.grid_start and window.last <= cutoff
    )
