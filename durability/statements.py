"""Statements: what scenarios say of conditions and drivers, checked against a case at its cutoff.

A setting reads ``NAME=WORD@YYYY-MM``: the condition comes out so in that month, or, with the word
``pending``, is still pending at the end of it. ``NAME=by:WORD@YYYY-MM`` says that it came in any
month up to that one, and ``NAME=WORD`` that it came by the horizon. Everything that contradicts
itself, the calendar or what is known already is told at once.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from durability.assembly import ModelData
from durability.calendar import add_months, month_label
from durability.catalogue import conditions_law, outlooks_law
from durability.conditions import FAILED, MET, Condition, months_after
from durability.errors import Problems, one_of, quoted
from durability.simulation import Statement
from durability.steps import BLOCKED, Plan
from durability.vocabulary import DRIVERS

PENDING: Final = "pending"
OBSERVING, INTERVENING = VERBS = ("observing", "intervening")
FURTHEST = 20.0
"""A driver's pressure has unit variance: nobody means a value beyond this."""

_SETTING = re.compile(r"(?P<name>[^=\s]+)\s*=\s*(?P<by>by:)?(?P<word>[^@\s]+?)(?:@(?P<month>\S+))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What somebody asks to be taken as given.

    Parameters
    ----------
    name : str
    settings : tuple of str
        Each ``NAME=WORD@YYYY-MM``, ``NAME=by:WORD@YYYY-MM`` or ``NAME=WORD``, where WORD is
        ``met``, ``failed``, the condition's own word for either, or ``pending``.
    verb : str
        ``observing``: it is learned, and paths count by the chance they gave it.
        ``intervening``: it is brought about, whatever would have caused it.
    pins : mapping of str to float
        Drivers held at a value from the first month on, in the units in which they are reported:
        pressure, and for trust minus its pressure. Only to be brought about.
    shifts : mapping of str to float
        Drivers moved by an amount from the first month on, in the same units.
    why : str
    where : str
        Where it stands, for messages; by default its name.
    """

    name: str
    settings: tuple[str, ...] = ()
    verb: str = OBSERVING
    pins: Mapping[str, float] = field(default_factory=dict)
    shifts: Mapping[str, float] = field(default_factory=dict)
    why: str = ""
    where: str = ""

    @property
    def place(self) -> str:
        """Name the scenario for messages."""
        return self.where or f"scenario {quoted(self.name)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A setting, read.

    Parameters
    ----------
    text, name, word, where : str
    result : str
        ``met``, ``failed`` or ``pending``.
    month : int
        The first after the cutoff is 0.
    by : bool
        Whether it came in any month up to it.
    dated : bool
        Whether a month was given.
    """

    text: str
    name: str
    word: str
    where: str
    result: str
    month: int
    by: bool
    dated: bool


def state(
    told: Sequence[Scenario], data: ModelData, made: Plan, *, months: int
) -> tuple[Statement, ...]:
    """Put scenarios into numbers.

    Parameters
    ----------
    told : sequence of Scenario
    data : ModelData
        The case as of its cutoff.
    made : Plan
        Its conditions.
    months : int
        To the horizon.

    Returns
    -------
    tuple of Statement
        What is known already is left out of them.

    Raises
    ------
    InputError
        With every problem of every scenario.
    """
    problems = Problems()
    names = [each.name for each in told]
    for name in sorted({name for name in names if names.count(name) > 1}):
        problems.add(f"scenario {quoted(name)}", "stands twice", "each name once")
    found = tuple(_statement(each, data, made, months, problems) for each in told)
    problems.raise_any()
    return found


def _statement(
    told: Scenario, data: ModelData, made: Plan, months: int, problems: Problems
) -> Statement:
    if told.verb not in VERBS:
        problems.add(told.place, f"verb = {quoted(told.verb)}", one_of(VERBS, told.verb))
    observing = told.verb == OBSERVING
    read = [_read(text, told, data, months, problems) for text in told.settings]
    settings = [each for each in read if each is not None]
    _check_twice(settings, problems)
    by_name = {each.name: each for each in data.case.conditions}
    live = [
        each
        for each in settings
        if _is_open(each, by_name[each.name], data, made, problems)
        and _check_month(each, by_name[each.name], data, made, observing, problems)
    ]
    if observing:
        _check_order(live, data, made, problems)
    pins, shifts = (_drivers(told, which, observing, problems) for which in ("pins", "shifts"))
    for driver in sorted(set(told.pins) & set(told.shifts)):
        problems.add(told.place, f"both pins and shifts {driver}", "one of the two")
    law = conditions_law()
    forced = {
        made.place(each.name): law.Forced(result=each.result, month=each.month, by=each.by)
        for each in live
    }
    # Contradictions are told by whoever called; nothing can be steered toward them.
    steered = observing and not problems
    return Statement(
        forced=forced,
        observing=observing,
        pins=pins,
        shifts=shifts,
        guide=outlooks_law().guide(made.steps, forced) if steered else None,
    )


def _read(
    text: str, told: Scenario, data: ModelData, months: int, problems: Problems
) -> Setting | None:
    where = f"{told.place}: {quoted(text)}"
    match = _SETTING.fullmatch(text.strip())
    if match is None:
        problems.add(where, "cannot be read", "must be NAME=WORD@YYYY-MM, referendum=met@2027-06")
        return None
    names = [each.name for each in data.case.conditions]
    if match["name"] not in names:
        allowed = one_of(names, match["name"]) if names else "this case waits for none"
        problems.add(where, f"there is no condition {quoted(match['name'])}", allowed)
        return None
    condition = next(each for each in data.case.conditions if each.name == match["name"])
    result = _result(condition, match["word"])
    if not result:
        words = dict.fromkeys((condition.met_word, condition.failed_word, MET, FAILED, PENDING))
        found = f"{condition.name} cannot be {quoted(match['word'])}"
        problems.add(where, found, one_of(tuple(words), match["word"]))
        return None
    dated, month = match["month"] is not None, months - 1
    if dated:
        status = condition.known_at(data.cutoff)
        placed = month_of(match["month"], data.cutoff)
        if placed is None:
            problems.add(where, f"{quoted(match['month'])} is no month", "must be like 2027-06")
            return None
        if not (0 <= placed < months) and status is None:
            first, last = (spelled(place, data.cutoff) for place in (0, months - 1))
            passed = f"is past: the cutoff is {data.cutoff}" if placed < 0 else "is too far ahead"
            problems.add(where, f"{match['month']} {passed}", f"from {first} to {last}")
            return None
        month = placed
    by = bool(match["by"]) or (not dated and result != PENDING)
    if not dated and condition.decided_on and result != PENDING:
        # A vote has its day: it comes then or not at all.
        day = math.ceil(months_after(data.cutoff, condition.decided_on)) - 1
        month, by = min(max(day, 0), months - 1), day >= months
    return Setting(
        text=text,
        name=condition.name,
        word=match["word"],
        where=where,
        result=result,
        month=month,
        by=by,
        dated=dated,
    )


def _result(condition: Condition, word: str) -> str:
    words = {condition.met_word: MET, condition.failed_word: FAILED}
    return {MET: MET, FAILED: FAILED, PENDING: PENDING, **words}.get(word, "")


def month_of(text: str, cutoff: dt.date) -> int | None:
    """Place a calendar month among the months after a cutoff, the first being 0.

    Where the cutoff lies inside a month, months of the forecast begin inside months too; a
    calendar month then stands for the one that holds its middle.
    """
    if not re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])", text) or text.startswith("0000"):
        return None
    year, month = map(int, text.split("-"))
    return math.ceil(months_after(cutoff, dt.date(year, month, 15))) - 1


def spelled(place: int, cutoff: dt.date) -> str:
    """Name a month after a cutoff, 0 being the first, as :func:`month_of` reads it."""
    skipped = 0 if cutoff.day < 15 else 1
    return month_label(add_months(cutoff.replace(day=1), place + skipped))


# Checking -----------------------------------------------------------------------------------


def _check_twice(settings: Sequence[Setting], problems: Problems) -> None:
    seen: dict[str, Setting] = {}
    for each in settings:
        if each.name in seen:
            found = f"{each.name} is set already by {quoted(seen[each.name].text)}"
            problems.add(each.where, found, "each condition once")
        seen.setdefault(each.name, each)


def _is_open(
    each: Setting, condition: Condition, data: ModelData, made: Plan, problems: Problems
) -> bool:
    """Whether a condition is pending; what is known may be said again, and not denied."""
    status = made.status[each.name]
    if status == PENDING:
        return True
    outcome = condition.known_at(data.cutoff)
    if outcome is None:
        if each.result != PENDING:
            found = f"{each.name} is {BLOCKED}: what it requires has failed"
            problems.add(each.where, found, "leave it out")
        return False
    happened = month_of(month_label(outcome.date), data.cutoff) or 0
    agrees = each.result == (MET if outcome.met else FAILED) and (
        not each.dated or each.month == happened or (each.by and each.month > happened)
    )
    if each.result == PENDING:
        agrees = each.dated and each.month < happened
    if not agrees:
        word = condition.word(met=outcome.met)
        found = f"{each.name} is known to be {word} since {outcome.date}"
        problems.add(each.where, found, "say the same, or leave it out")
    return False


def _check_month(
    each: Setting,
    condition: Condition,
    data: ModelData,
    made: Plan,
    observing: bool,
    problems: Problems,
) -> bool:
    """Check when a pending condition is said to come; whether that can be."""
    before = len(problems)
    decided, first = condition.decided_on, condition.not_before
    if not observing and each.by:
        example = f"{each.name}={each.word}@{spelled(min(each.month, 11), data.cutoff)}"
        allowed = f"what is brought about comes in a month: {example}"
        problems.add(each.where, "does not say when", allowed)
    elif each.result != PENDING and decided is not None:
        day = max(math.ceil(months_after(data.cutoff, decided)) - 1, 0)
        if each.month < day or (each.month > day and not each.by):
            problems.add(each.where, f"{each.name} is decided on {decided}", "say that month")
    elif each.result != PENDING and first is not None:
        opens = months_after(data.cutoff, first - dt.timedelta(days=1))
        if each.month + 1 <= opens:
            problems.add(each.where, f"{each.name} cannot come before {first}", "a later month")
    elif each.result == PENDING and decided is not None and observing:
        step = made.steps[made.place(each.name)]
        held = not step.requires and not step.requires_any
        if held and each.month + 1 >= months_after(data.cutoff, decided):
            found = f"{each.name} is decided on {decided}"
            problems.add(each.where, found, "it cannot be pending then; an earlier month")
    return len(problems) == before


def _check_order(
    settings: Sequence[Setting], data: ModelData, made: Plan, problems: Problems
) -> None:
    """Note outcomes that what they require does not allow; what is learned must be possible."""
    said = {each.name: each for each in settings}
    by_name = {each.name: each for each in data.case.conditions}
    for each in settings:
        if each.result == PENDING:
            continue
        for name in sorted(_needed(data.case.conditions, each.name) & set(said)):
            if reason := _too_late(said[name], each):
                found = f"{each.name} requires {name}, which {quoted(said[name].text)} {reason}"
                problems.add(each.where, found, "set one of them otherwise")
        ways = by_name[each.name].requires_any
        standing = any(made.status[name] == MET for name in ways)
        left = [name for name in ways if made.status[name] == PENDING]
        if not standing and left and all(n in said and _too_late(said[n], each) for n in left):
            found = f"{each.name} requires one of {', '.join(left)}, and none is set to be met"
            problems.add(each.where, found, "leave one of them open, or met in time")


def _needed(conditions: Sequence[Condition], name: str) -> set[str]:
    """Name what a condition cannot do without: requirements that are no choice."""
    by_name = {each.name: each for each in conditions}
    waiting, found = [*by_name[name].requires], set[str]()
    while waiting:
        other = waiting.pop()
        if other not in found:
            found.add(other)
            waiting += by_name[other].requires
    return found


def _too_late(parent: Setting, child: Setting) -> str:
    """Say why a requirement, as it is set, does not allow what is set of its child."""
    if parent.result == FAILED:
        return "lets fail"
    if parent.result == MET and not parent.by and parent.month > child.month:
        return "lets come later"
    if parent.result == PENDING and parent.month >= child.month:
        return "leaves pending"
    return ""


def _drivers(told: Scenario, which: str, observing: bool, problems: Problems) -> dict[int, float]:
    given: Mapping[str, float] = getattr(told, which)
    verb = {"pins": "pin", "shifts": "shift"}[which]
    found = {}
    for name, value in given.items():
        if name not in DRIVERS:
            problems.add(told.place, f"{which} {quoted(name)}", one_of(DRIVERS, name))
        elif not math.isfinite(value) or abs(value) > FURTHEST:
            allowed = f"must be a number from {-FURTHEST:g} to {FURTHEST:g}"
            problems.add(told.place, f"{which} {name} by {value}", allowed)
        else:
            found[DRIVERS.index(name)] = -float(value) if name == "trust" else float(value)
    if given and observing:
        allowed = (
            "a driver is never seen; add what was seen of it as a news item (durability news add), "
            "or ask with --intervening what would follow"
        )
        problems.add(told.place, f"{verb}s {', '.join(given)} while observing", allowed)
    return found
