"""Rows that a posterior has absorbed: what they are, and what of a case is still news to it.

A posterior cannot unlearn. So whatever of its rows no longer stands as it was absorbed, a news item
that was corrected or retracted or a breakdown found out late, is refused by name, and never
quietly left as it was.
"""

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
from durability.ladder import Spell
from durability.news import NewsItem
from durability.news_selection import select_news
from durability.vocabulary import DAYS_PER_YEAR, MARKS, STREAMS

if TYPE_CHECKING:
    from durability.prior_sets import PriorSet


MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")


def rows_of(
    case: Case,
    agreements: Iterable[tuple[Agreement, Spell]],
    used: Iterable[NewsItem],
    windows: Iterable[IndicatorWindow],
    cutoff: date,
) -> dict[str, dict[str, str]]:
    """Name every row that enters a model's data at a cutoff, with the hash of its content.

    Of an agreement the content is its row, and how long it was watched and what became of it.

    Returns
    -------
    dict
        By kind (:data:`durability.joint_priors.KINDS`), name to hash.
    """
    return {
        "agreements": {row.id: _hashed(repr((row, spell))) for row, spell in agreements},
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
    spells: Sequence[Spell],
    before: Sequence[tuple[Agreement, Spell]],
    priors: PriorSet,
    *,
    cutoff: date,
    assumptions: Mapping[str, str],
) -> Case:
    """Leave of a case what a revised prior set has not absorbed.

    Parameters
    ----------
    case : Case
    spells : sequence of Spell
        Of the agreements that would train the hazard at the cutoff.
    before : sequence of (Agreement, Spell)
        Those that would train it on the day to which the set has absorbed history, as far as they
        were watched then.
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
        and is gone, says something else or no longer stands, or that should have been absorbed and
        was not: with every such row.
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
    _check_absorbed(case, before, lineage, problems, where)
    _check_standing(case, cutoff, lineage, problems, where)
    _check_held(case, cutoff, lineage, problems, where)
    _check_history(spells, before, lineage, problems, where)
    fresh = _fresh(case, lineage, date.fromisoformat(f"{joint.coords['month'][0]}-01"))
    _check_reach(fresh, lineage, problems, where)
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
    either = joint_law().one_sided_if_prior_is(joint.coords)
    for name in joint.above_zero:
        if name not in either:
            problems.add(where, f"above_zero has {quoted(name)}", f"of {', '.join(either)}")
    months = [month for month in joint.coords["month"] if not MONTH.fullmatch(month)]
    if months or len(joint.coords["month"]) < 2:
        found = f"months {', '.join(map(quoted, joint.coords['month'])) or 'none'}"
        problems.add(where, found, "two or more, like 2026-02")
    problems.raise_any()


def _check_absorbed(
    case: Case,
    agreements: Iterable[tuple[Agreement, Spell]],
    lineage: Lineage,
    problems: Problems,
    where: str,
) -> None:
    """Refuse absorbed rows that are gone or changed."""
    # A later cutoff must not hide what was known at the earlier one.
    now = rows_of(case, agreements, case.news, case.indicators, lineage.cutoff)
    gone, other = "was absorbed and is no longer there", "was absorbed and says something else"
    for kind, rows in lineage.absorbed.items():
        for name, known in rows.items():
            if name not in now[kind]:
                problems.add(where, f"{kind} row {name} {gone}", AGAIN)
            elif now[kind][name] != known:
                problems.add(where, f"{kind} row {name} {other}", AGAIN)


AGAIN = "fit anew from the set that it was revised from"


def _check_standing(
    case: Case, cutoff: date, lineage: Lineage, problems: Problems, where: str
) -> None:
    """Refuse absorbed news that no longer enters: corrected, retracted, or told by a count."""
    used, unused = select_news(case, cutoff)
    standing, reasons = {item.id for item in used}, {item.id: why for item, why in unused}
    written = {item.id for item in case.news}
    for name in lineage.absorbed["news"]:
        if name in written and name not in standing:
            why = reasons.get(name, "it does not enter any more")
            problems.add(where, f"news row {name} was absorbed, and since then: {why}", AGAIN)


def _check_held(case: Case, cutoff: date, lineage: Lineage, problems: Problems, where: str) -> None:
    """Refuse breakdowns of the days on which the case's having held is absorbed."""
    for each in case.happened:
        name = f"{each.rung} {each.date}"
        over = [s for s in _ended_by(each.rung) if each.date <= lineage.observed_to[s]]
        if over and each.date <= cutoff and name not in lineage.absorbed["happened"]:
            found = f"{name} was found out late: that {over[0]} had held was absorbed"
            problems.add(where, f"{found} to {lineage.observed_to[over[0]]}", AGAIN)
    for stream, day in lineage.observed_to.items():
        now = min(case.observed_to[stream], lineage.cutoff)
        if now < day:
            found = f"that {stream} had held was absorbed to {day}, and is now known to {now}"
            problems.add(where, found, AGAIN)


def _ended_by(rung: str) -> tuple[str, ...]:
    """Streams whose watch ends with a rung's event."""
    if rung not in MARKS:
        return (rung,)
    ended = MARKS[: MARKS.index(rung) + 1]
    return (*ended, "abrogation") if rung == "war" else ended


def _check_history(
    spells: Iterable[Spell],
    before: Iterable[tuple[Agreement, Spell]],
    lineage: Lineage,
    problems: Problems,
    where: str,
) -> None:
    """Refuse agreements that began or broke after the history that was absorbed."""
    then = {spell.agreement: spell for _, spell in before}
    for spell in spells:
        name = spell.agreement
        if name not in lineage.absorbed["agreements"]:
            problems.add(where, f"agreement {name} was not absorbed", f"history is: {AGAIN}")
        elif name in then and dict(spell.event) != dict(then[name].event):
            found = f"agreement {name} has broken since the history that was absorbed"
            problems.add(where, found, AGAIN)


def watched_longer(spells: Iterable[Spell], before: Iterable[Spell]) -> tuple[int, float]:
    """Count agreements watched longer than a posterior knows, and the years of the longest watch.

    What they went through since is no part of it: less is known than a fit anew would know.
    """
    then = {spell.agreement: max(spell.stop_days.values()) for spell in before}
    more = [
        max(spell.stop_days.values()) - then[spell.agreement]
        for spell in spells
        if spell.agreement in then
    ]
    longer = [days for days in more if days > 0]
    return len(longer), max(longer, default=0.0) / DAYS_PER_YEAR


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


def _check_reach(case: Case, lineage: Lineage, problems: Problems, where: str) -> None:
    """Refuse counts and ratings of the case that reach back before the state, or into it."""
    first = add_months(case.grid_start, -1)
    rated = {name.split()[0] for name in lineage.absorbed["standings"]}
    again = "leave it out, or fit anew from the set that it was revised from"
    for window in case.indicators:
        if window.first < case.grid_start:
            found = f"the count {window_name(window)} begins before the months that it holds"
            problems.add(where, f"{found} ({first:%Y-%m} on)", again)
    for standing in case.standings:
        if first_of_month(standing.date) < first:
            found = f"the ratings of {standing_name(standing)} are of a month before those it holds"
            problems.add(where, f"{found} ({first:%Y-%m} on)", again)
        elif str(standing.date) in rated:
            found = f"the ratings of {standing_name(standing)} are of a day whose ratings, with the"
            problems.add(where, f"{found} error that coders share, were absorbed", again)


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
