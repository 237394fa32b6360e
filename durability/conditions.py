"""Conditions: the steps that a deal waits for, as ``case.toml`` declares them.

``[life_cycle]`` says where the deal stands on its day; each ``[[condition]]`` names a step, what it
requires, when it is thought to be met and what became of it. Everything that contradicts itself is
told at once: circles, steps that can never be reached, days in the wrong order.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from types import MappingProxyType
from typing import Any, Final, TypeGuard, cast

from durability import toml_tables as toml
from durability.distributions import mean_sd, solve
from durability.errors import one_of, quoted
from durability.toml_tables import TomlTable
from durability.vocabulary import DRIVERS, LIFE_CYCLE

MET: Final = "met"
FAILED: Final = "failed"
ELECTION: Final = "election:"
ELECTION_CHANCES: Final = (f"{ELECTION}two_thirds", f"{ELECTION}government")
"""Chances that the case's election gives (:mod:`durability.election_forecast`)."""

MAX_MONTHS: Final = 600
FIRST_DAY: Final = dt.date(1900, 1, 1)
LAST_DAY: Final = dt.date(2200, 1, 1)
"""Days beyond are slips of the pen."""

_REQUIRED: Final = ("name", "meaning", "elicited", "why")
_WHEN: Final = ("met_by", "met_within_months", "decided_on")
_OPTIONAL: Final = (
    *("driver", "met", "failed", "requires", "requires_any", "not_before", "stage", "actor"),
    *(*_WHEN, "fails", "chance_from", "effect", "permanent", "depends_on", "source", "outcome"),
)
_OUTCOME: Final = ("result", "date", "why")
_OUTCOME_OPTIONAL: Final = ("known", "reported_by")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a condition.

    Parameters
    ----------
    met : bool
        Or failed.
    date, known : datetime.date
        When it happened, and when it was known.
    reported_by : tuple of str
        News items that report it; the rated ones carry its effect on the driver.
    why : str
    """

    met: bool
    date: dt.date
    known: dt.date
    reported_by: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A step that a deal waits for.

    Parameters
    ----------
    name, meaning : str
    driver : str
        That its outcome moves; empty for none.
    met_word, failed_word : str
        What people call it when it is met or fails: ``passed``, ``rejected``.
    requires, requires_any : tuple of str
        Conditions of which all, and of which one, must be met first.
    not_before : datetime.date or None
    stage : str
        Of the life cycle, reached when it is met; empty for none.
    actor : str
        Whose step it is.
    elicited : datetime.date
        When the numbers were given.
    met_by : mapping of datetime.date to float
        Chance of being met by a day, once its requirements stand.
    met_within_months : mapping of int to float
        The same, counted from the day on which they do.
    decided_on : datetime.date or None
        The day of a vote. One of these three says when.
    fails : float
        Chance that it ends failed.
    fails_shapes : tuple of float, or None
        Of the beta distribution of that chance, where quantiles of it were given.
    chance_from : str
        Where the chance of being met is forecast from; empty where `fails` gives it.
    effect : tuple of float, or None
        Mean and standard deviation of log Δ, units of driver; the prior set's where None.
    permanent : bool
        Whether its effect stays.
    depends_on : tuple of str
        Drivers whose pressure makes it later and likelier to fail.
    outcome : Outcome or None
    why, source : str
    """

    name: str
    meaning: str
    driver: str
    met_word: str
    failed_word: str
    requires: tuple[str, ...]
    requires_any: tuple[str, ...]
    not_before: dt.date | None
    stage: str
    actor: str
    elicited: dt.date
    met_by: Mapping[dt.date, float]
    met_within_months: Mapping[int, float]
    decided_on: dt.date | None
    fails: float
    fails_shapes: tuple[float, float] | None
    chance_from: str
    effect: tuple[float, float] | None
    permanent: bool
    depends_on: tuple[str, ...]
    outcome: Outcome | None
    why: str
    source: str

    def known_at(self, cutoff: dt.date) -> Outcome | None:
        """Give what became of it, where that was known by a day."""
        known = self.outcome is not None and self.outcome.known <= cutoff
        return self.outcome if known else None

    def word(self, *, met: bool) -> str:
        """Say met or failed in this condition's own word."""
        return self.met_word if met else self.failed_word


def collect_conditions(
    tables: Sequence[TomlTable], *, deal: dt.date | None, stage: str
) -> tuple[Condition, ...]:
    """Read the conditions of a case, noting what is wrong; in order, each after what it requires.

    Parameters
    ----------
    tables : sequence of TomlTable
        Of ``[[condition]]``.
    deal : datetime.date or None
    stage : str
        Of the life cycle, on the day of the deal.
    """
    names = tuple(str(table.content.get("name", "")) for table in tables)
    found = tuple(_condition(table, names, deal, stage) for table in tables)
    by_name = {each.name: each for each in found}
    for table, each in zip(tables, found, strict=True):
        if names.count(each.name) > 1:
            table.refuse("name", f"= {quoted(each.name)} stands twice", "each name once")
    ordered = _ordered(tables, found)
    if len(ordered) == len(found):
        for table, each in zip(tables, found, strict=True):
            _check_reach(table, each, by_name)
            _check_outcome(table, each, by_name)
            _check_stage(table, each, by_name, stage)
    return ordered


def _condition(
    table: TomlTable, names: Sequence[str], deal: dt.date | None, stage: str
) -> Condition:
    toml.check_keys(table, _REQUIRED, _OPTIONAL)
    name = toml.name(table, "name")
    driver = toml.choice(table, "driver", DRIVERS) if "driver" in table.content else ""
    depends = toml.texts(table, "depends_on") if "depends_on" in table.content else None
    for each in depends or ():
        if each not in DRIVERS:
            table.refuse("depends_on", f"names {quoted(each)}", one_of(DRIVERS, each))
    fails, shapes = _fails(table)
    chance_from = ""
    if "chance_from" in table.content:
        chance_from = toml.choice(table, "chance_from", ELECTION_CHANCES)
        if "decided_on" not in table.content or "fails" in table.content:
            allowed = "it goes with decided_on, and in place of fails"
            table.refuse("chance_from", f"= {quoted(chance_from)}", allowed)
    elif "fails" not in table.content:
        table.refuse("", "has no fails", "the chance that it ends failed, or chance_from")
    later = LIFE_CYCLE[LIFE_CYCLE.index(stage) + 1 :] or LIFE_CYCLE[-1:]
    elicited = _day(table, "elicited")
    when = _when(table, 1.0 - fails, elicited)
    return Condition(
        name=name,
        meaning=toml.text(table, "meaning"),
        driver=driver,
        met_word=toml.name(table, "met") or MET,
        failed_word=toml.name(table, "failed") or FAILED,
        requires=_named(table, "requires", names),
        requires_any=_named(table, "requires_any", names),
        not_before=_day(table, "not_before"),
        stage=toml.choice(table, "stage", later) if "stage" in table.content else "",
        actor=toml.text(table, "actor", limit=100),
        elicited=elicited or dt.date.min,
        met_by=MappingProxyType(when[0]),
        met_within_months=MappingProxyType(when[1]),
        decided_on=_day(table, "decided_on"),
        fails=fails,
        fails_shapes=shapes,
        chance_from=chance_from,
        effect=_effect(table),
        permanent=_flag(table, "permanent"),
        depends_on=tuple(depends) if depends is not None else ((driver,) if driver else ()),
        outcome=_outcome(table, deal),
        why=toml.text(table, "why"),
        source=toml.text(table, "source"),
    )


def _named(table: TomlTable, key: str, names: Sequence[str]) -> tuple[str, ...]:
    found = toml.texts(table, key)
    for each in found:
        if each not in names:
            table.refuse(key, f"names {quoted(each)}", one_of(names, each))
    return tuple(each for each in found if each in names)


def _flag(table: TomlTable, key: str) -> bool:
    value = table.content.get(key, False)
    if not isinstance(value, bool):
        table.refuse(key, f"= {quoted(value)}", "must be true or false")
    return value is True


def _share(value: object) -> float | None:
    """Give a number above 0 and below 1."""
    fine = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if fine and 0.0 < float(value) < 1.0 else None  # type: ignore[arg-type]


def _fails(table: TomlTable) -> tuple[float, tuple[float, float] | None]:
    value = table.content.get("fails", 0.0)
    if isinstance(value, dict):
        solved = _solved(table, "fails", "beta", value)
        if solved is None:
            return 0.0, None
        return mean_sd("beta", solved)[0], (solved["a"], solved["b"])
    if value in (0, 0.0) and not isinstance(value, bool):
        return 0.0, None
    share = _share(value)
    if share is None:
        allowed = 'must be a chance from 0 to below 1, or quantiles of it, { "0.1" = …, "0.9" = … }'
        table.refuse("fails", f"= {quoted(value)}", allowed)
    return share or 0.0, None


def _effect(table: TomlTable) -> tuple[float, float] | None:
    value = table.content.get("effect")
    if value is None:
        return None
    if not isinstance(value, dict):
        allowed = 'must be two quantiles, { "0.05" = 0.1, "0.95" = 0.8 }'
        table.refuse("effect", f"= {quoted(value)}", allowed)
        return None
    solved = _solved(table, "effect", "lognormal", value)
    return None if solved is None else (solved["mu"], solved["sigma"])


def _solved(
    table: TomlTable, key: str, family: str, content: Mapping[str, object]
) -> dict[str, float] | None:
    try:
        quantiles = {float(p): float(str(value)) for p, value in content.items()}
        if len(quantiles) != 2 or not all(0.0 < p < 1.0 for p in quantiles):
            raise ValueError("two probabilities above 0 and below 1, each with its value")
        return solve(family, quantiles)
    except (ValueError, ArithmeticError) as error:
        table.refuse(key, f"= {quoted(dict(content))}", f"must be quantiles of a {family}: {error}")
        return None


def _when(
    table: TomlTable, most: float, elicited: dt.date | None
) -> tuple[dict[dt.date, float], dict[int, float]]:
    """Read the chances of being met by days, or within months."""
    given = [key for key in _WHEN if key in table.content]
    if len(given) != 1:
        found = f"gives {' and '.join(given)}" if given else "does not say when"
        table.refuse("", found, f"exactly one of {', '.join(_WHEN)}")
    by_day: dict[dt.date, float] = {}
    within: dict[int, float] = {}
    for key, value in _chances(table, "met_by").items():
        try:
            by_day[dt.date.fromisoformat(key)] = value
        except ValueError:
            table.refuse("met_by", f"has the key {quoted(key)}", "must be days, 2027-06-30")
    for key, value in _chances(table, "met_within_months").items():
        if key.isascii() and key.isdigit() and 0 < int(key) <= MAX_MONTHS:
            within[int(key)] = value
        else:
            allowed = f"must be whole months, 1 to {MAX_MONTHS}"
            table.refuse("met_within_months", f"has the key {quoted(key)}", allowed)
    _check_rising(table, "met_by", by_day, most)
    _check_rising(table, "met_within_months", within, most)
    given_days = [day for day in (table.content.get("not_before"), elicited) if _is_day(day)]
    earliest = max(given_days, default=None)
    for day in sorted(by_day):
        if not FIRST_DAY <= day <= LAST_DAY:
            table.refuse("met_by", f"asks for {day}", _SANE)
        elif earliest and day <= earliest:
            allowed = f"must be after {earliest}, when it can begin"
            table.refuse("met_by", f"asks for {day}", allowed)
    decided, first = table.content.get("decided_on"), table.content.get("not_before")
    if _is_day(decided) and _is_day(first) and decided < first:
        table.refuse("decided_on", f"= {decided}", f"must not be before not_before, {first}")
    return by_day, within


_SANE = f"must lie from {FIRST_DAY} to {LAST_DAY}"


def _is_day(value: object) -> TypeGuard[dt.date]:
    return isinstance(value, dt.date) and not isinstance(value, dt.datetime)


def _day(table: TomlTable, key: str) -> dt.date | None:
    """Read a day that the calendar of a forecast can reach."""
    found = toml.day(table, key)
    if found and not FIRST_DAY <= found <= LAST_DAY:
        table.refuse(key, f"= {found}", _SANE)
        return None
    return found


def _chances(table: TomlTable, key: str) -> dict[str, float]:
    if key not in table.content:
        return {}
    value = table.content[key]
    if not isinstance(value, dict) or not value:
        table.refuse(key, f"= {quoted(value)}", "must be chances by time, { … = 0.1, … = 0.4 }")
        return {}
    found = {}
    for time, chance in value.items():
        share = _share(chance)
        if share is None:
            table.refuse(
                key, f"gives {quoted(time)} the chance {quoted(chance)}", "above 0, below 1"
            )
        else:
            found[str(time)] = share
    return found


def _check_rising(
    table: TomlTable, key: str, points: Mapping[dt.date, float] | Mapping[int, float], most: float
) -> None:
    chances = [chance for _, chance in sorted(points.items())]
    if any(later < earlier for earlier, later in pairwise(chances)):
        table.refuse(key, f"= {chances}", "a later chance must not be lower than an earlier one")
    elif chances and not chances[-1] < most:
        allowed = f"must stay below {most:g}, one less the chance of failing"
        table.refuse(key, f"reaches {chances[-1]:g}", allowed)


def _outcome(table: TomlTable, deal: dt.date | None) -> Outcome | None:
    cell = toml.inner(table, "outcome")
    if cell is None:
        return None
    toml.check_keys(cell, _OUTCOME, _OUTCOME_OPTIONAL)
    words = (MET, FAILED, *(str(table.content.get(key, "")) for key in (MET, FAILED)))
    result = toml.choice(cell, "result", tuple(dict.fromkeys(word for word in words if word)))
    date = _day(cell, "date")
    known = _day(cell, "known") or date
    if date and known and known < date:
        cell.refuse("known", f"= {known}", f"must not be before it happened, {date}")
    if deal and known and (deal - known).days > 366 * 50:
        cell.refuse("known", f"= {known}", f"must not be fifty years before the deal, {deal}")
    return Outcome(
        met=result in (MET, str(table.content.get(MET, MET))),
        date=date or dt.date.min,
        known=known or dt.date.min,
        reported_by=toml.texts(cell, "reported_by"),
        why=toml.text(cell, "why"),
    )


# What conditions say of each other -------------------------------------------------------------


def _ordered(tables: Sequence[TomlTable], found: Sequence[Condition]) -> tuple[Condition, ...]:
    """Put each condition after those that it requires; note circles."""
    by_name = {each.name: each for each in found}
    left = dict(by_name)
    ordered: list[Condition] = []
    while left:
        ready = [
            each for each in left.values() if not {*each.requires, *each.requires_any} & set(left)
        ]
        if not ready:
            circle = _circle(left)
            place = next(i for i, each in enumerate(found) if each.name == circle[0])
            told = " requires ".join(quoted(name) for name in circle)
            tables[place].refuse("requires", f"goes in a circle: {told}", "leave one of them out")
            return tuple(ordered)
        for each in ready:
            ordered.append(each)
            del left[each.name]
    return tuple(ordered)


def _circle(left: Mapping[str, Condition]) -> list[str]:
    walked = [next(iter(left))]
    while True:
        each = left[walked[-1]]
        walked.append(next(name for name in (*each.requires, *each.requires_any) if name in left))
        if walked[-1] in walked[:-1]:
            return walked[walked.index(walked[-1]) :]


def _earliest(each: Condition, by_name: Mapping[str, Condition]) -> dt.date:
    """Give the first day on which a condition could be decided, whatever happens."""
    if each.outcome is not None:
        return each.outcome.date
    needed = [_earliest(by_name[name], by_name) for name in each.requires]
    if each.requires_any:
        needed.append(min(_earliest(by_name[name], by_name) for name in each.requires_any))
    own = each.decided_on or each.not_before or dt.date.min
    return max([own, *needed])


def _check_reach(table: TomlTable, each: Condition, by_name: Mapping[str, Condition]) -> None:
    needed = [*each.requires, *each.requires_any]
    if each.name in needed or each.outcome is not None:
        return
    before = [_earliest(by_name[name], by_name) for name in each.requires]
    if each.requires_any:
        before.append(min(_earliest(by_name[name], by_name) for name in each.requires_any))
    first = max(before, default=dt.date.min)
    if each.decided_on and each.decided_on < first:
        allowed = f"what it requires cannot be met before {first}"
        table.refuse("decided_on", f"= {each.decided_on}, and can never be reached", allowed)
    if each.met_by and max(each.met_by) < first:
        allowed = f"what it requires cannot be met before {first}"
        table.refuse("met_by", f"ends on {max(each.met_by)}, and can never be reached", allowed)


def _check_outcome(table: TomlTable, each: Condition, by_name: Mapping[str, Condition]) -> None:
    """Note an outcome before what it requires, or without it."""
    outcome = each.outcome
    if outcome is None:
        return
    if each.not_before and outcome.date < each.not_before:
        allowed = f"not_before says {each.not_before}"
        table.refuse("outcome", f"has the day {outcome.date}", allowed)
    met = {
        name: other.outcome.date
        for name, other in by_name.items()
        if other.outcome is not None and other.outcome.met
    }
    missing = [name for name in each.requires if met.get(name, dt.date.max) > outcome.date]
    any_met = [name for name in each.requires_any if met.get(name, dt.date.max) <= outcome.date]
    if each.requires_any and not any_met:
        missing.append(" or ".join(each.requires_any))
    for name in missing:
        allowed = f"it requires {quoted(name)}, which was not met by then"
        table.refuse("outcome", f"has the day {outcome.date}", allowed)


def _check_stage(
    table: TomlTable, each: Condition, by_name: Mapping[str, Condition], stage: str
) -> None:
    """Note a stage that does not wait for the stage before it, where a condition reaches that."""
    if not each.stage:
        return
    rank = LIFE_CYCLE.index(each.stage)
    waited = _ancestors(each, by_name)
    for earlier in LIFE_CYCLE[LIFE_CYCLE.index(stage) + 1 : rank]:
        reaching = [other.name for other in by_name.values() if other.stage == earlier]
        if reaching and not set(reaching) & waited:
            allowed = f"it must require {one_of(reaching).removeprefix('must be one of ')}"
            table.refuse("stage", f"= {quoted(each.stage)} does not wait for {earlier}", allowed)


def _ancestors(each: Condition, by_name: Mapping[str, Condition]) -> set[str]:
    found: set[str] = set()
    waiting = [*each.requires, *each.requires_any]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [*by_name[name].requires, *by_name[name].requires_any]
    return found


def ancestors(conditions: Sequence[Condition], name: str) -> set[str]:
    """Name every condition that one waits for, directly or not."""
    by_name = {each.name: each for each in conditions}
    return _ancestors(by_name[name], by_name)


def stage_at(conditions: Sequence[Condition], start: str, cutoff: dt.date) -> str:
    """Give the stage of the life cycle that a deal was known to have reached at a cutoff."""
    reached = [start]
    for each in conditions:
        outcome = each.known_at(cutoff)
        if each.stage and outcome is not None and outcome.met:
            reached.append(each.stage)
    return max(reached, key=LIFE_CYCLE.index)


def to_record(condition: Condition) -> dict[str, Any]:
    """Write a condition in plain values, for :func:`from_record`."""
    record = dataclasses.asdict(replace(condition, met_by={}, met_within_months={}, outcome=None))
    record["met_by"] = {day.isoformat(): chance for day, chance in condition.met_by.items()}
    record["met_within_months"] = {
        str(months): chance for months, chance in condition.met_within_months.items()
    }
    if condition.outcome is not None:
        record["outcome"] = dataclasses.asdict(condition.outcome)
    return cast("dict[str, Any]", _plain(record))


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return value.isoformat() if isinstance(value, dt.date) else value


def from_record(record: Mapping[str, Any]) -> Condition:
    """Read a condition that :func:`to_record` wrote."""
    values = dict(record)
    for key in ("not_before", "elicited", "decided_on"):
        values[key] = values[key] and dt.date.fromisoformat(values[key])
    for key in ("requires", "requires_any", "depends_on"):
        values[key] = tuple(values[key])
    for key in ("fails_shapes", "effect"):
        values[key] = values[key] and tuple(values[key])
    values["met_by"] = {dt.date.fromisoformat(day): c for day, c in values["met_by"].items()}
    within = values["met_within_months"].items()
    values["met_within_months"] = {int(months): chance for months, chance in within}
    if values["outcome"] is not None:
        told = dict(values["outcome"])
        for key in ("date", "known"):
            told[key] = dt.date.fromisoformat(told[key])
        values["outcome"] = Outcome(**{**told, "reported_by": tuple(told["reported_by"])})
    return Condition(**values)


def months_after(cutoff: dt.date, day: dt.date) -> float:
    """Say how many months after the end of a cutoff's day another day ends.

    Whole months are calendar months of the forecast; a part of one is its share of days.
    """
    from durability.calendar import add_months

    first = cutoff + dt.timedelta(days=1)
    end = day + dt.timedelta(days=1)
    whole = (end.year - first.year) * 12 + end.month - first.month
    while add_months(first, whole) > end:
        whole -= 1
    start, stop = add_months(first, whole), add_months(first, whole + 1)
    return whole + (end - start).days / max((stop - start).days, 1)
