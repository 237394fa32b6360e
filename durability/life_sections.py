"""What a report says of the steps that a deal waits for, and of where it stands.

Only of a case that declares conditions. Their numbers are somebody's judgement: each stands there
with whose it is and why.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from durability import life_charts
from durability.blocks import (
    Block,
    Cell,
    Column,
    Estimate,
    Figure,
    Heading,
    Paragraph,
    Section,
    Table,
    number_columns,
    text_columns,
)
from durability.vocabulary import LIFE_CYCLE
from durability.wording import (
    DRIVER_NAMES,
    RUNG_NAMES,
    STATE_NAMES,
    counted,
    error_points,
    headline_horizon,
    horizons,
    interval_name,
    likely,
    listed,
    long_date,
    number,
    percent,
    percent_range,
    rungs_in,
    verdict_tag,
)

Record = Mapping[str, Any]

RARE = "What can be and no path did is told with what its chance is at most (95%)."


def waiting(record: Record) -> tuple[Section, ...]:
    """Give the section on conditions; none where the case declares none."""
    if not record["conditions"]:
        return ()
    found = record["conditions"]
    counts = {
        status: sum(each["status"] == status for each in found)
        for status in ("met", "failed", "pending", "blocked")
    }
    told = listed([f"{count} {status}" for status, count in counts.items() if count])
    blocks: list[Block] = [
        Paragraph(
            text=f"{counted(len(found), 'condition')} as known on {long_date(record['cutoff'])}: "
            f"{told}. When each is decided and how was elicited: it is assumed, not learned from "
            "history. The chances hold whether or not the agreement does; the next section takes "
            "breakdown first."
        ),
        _conditions(record),
    ]
    if any(each["chances"] for each in found):
        blocks.append(_chances(record))
    blocks += [Heading(text="Where these numbers come from"), _numbers(record)]
    return (Section(name="conditions", title="What it waits for", blocks=tuple(blocks)),)


def _conditions(record: Record) -> Table:
    near, far = headline_horizon(record), horizons(record)[-1]
    shown = [near] if near == far else [near, far]
    rows: list[tuple[Cell, ...]] = []
    for each in record["conditions"]:
        chances = each["chances"] or {"met": {}, "failed": {}}
        rows.append(
            (
                f"{each['meaning']} ({_named(each)})",
                _status(each, record),
                *(_chance(chances["met"].get(h)) for h in shown),
                _chance(chances["failed"].get(far)),
                _date(each["dates"]),
            )
        )
    heads = [f"Met within {h}" for h in shown]
    return Table(
        name="conditions",
        caption="What the agreement waits for: mean chance within so many months, "
        f"{interval_name(record)} of what draws believe, Monte Carlo standard error (±, in "
        f"points). {RARE} When: given that it comes within {far} months, the expected month and "
        f"{interval_name(record)}. {verdict_tag(record)}",
        columns=(
            Column(title="Step, whose", kind="wide"),
            *text_columns("Status"),
            *number_columns(*heads, f"Fails within {far}"),
            Column(title="When", kind="short"),
        ),
        rows=tuple(rows),
    )


def _named(each: Record) -> str:
    return ", ".join(part for part in (each["name"], each["actor"]) if part)


def _numbers(record: Record) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (
            each["name"],
            _reasons(each, record["cutoff"]),
            f"elicited {long_date(each['elicited'])}; {each['source'] or 'assumed'}",
            _moves(each),
            listed([DRIVER_NAMES[driver] for driver in each["depends_on"]]) or "–",
        )
        for each in record["conditions"]
    ]
    return Table(
        name="conditions-numbers",
        caption="Whose numbers these are, and why; what an outcome moves, in units of the driver; "
        "and the drivers whose pressure delays the step and makes it likelier to fail. A surprise "
        "is how far the outcome lies from its chance: what was expected moves nothing.",
        columns=(
            *text_columns("Condition"),
            Column(title="Why", kind="wide"),
            *text_columns("From", "Its outcome moves", "Slowed by"),
        ),
        rows=tuple(rows),
    )


def _status(each: Record, record: Record) -> Cell:
    """Say in the condition's own word what became of it, or what it waits for."""
    names = {other["name"]: other for other in record["conditions"]}
    outcome = each["outcome"]
    if outcome:
        word = each["words"][outcome["result"]]
        notes = [f"on {long_date(outcome['date'])}"]
        if outcome["known"] != outcome["date"]:
            notes.append(f"known {long_date(outcome['known'])}")
        if outcome["reported_by"]:
            notes.append(f"reported by {', '.join(outcome['reported_by'])}")
        return Estimate(main=word, notes=tuple(notes))
    waits = each["waits_for"]
    if each["status"] == "blocked":
        lost = [n for n in waits if names[n]["status"] in ("failed", "blocked")]
        return Estimate(main="blocked", notes=(f"by {listed(lost)}",))
    if not waits:
        return Estimate(main="pending", notes=())
    every = [name for name in waits if name in each["requires"]]
    one = [name for name in waits if name not in every]
    if len(one) == 1:
        every, one = every + one, []
    choice = [f"one of {', '.join(one)}"] if one else []
    told = ", and ".join([*([listed(every)] if every else []), *choice])
    return Estimate(main="pending", notes=(f"waits for {told}",))


def _chance(chance: Record | None) -> Cell:
    if chance is None:
        return "–"
    for key, said in (("none_of", "none"), ("all_of", "all")):
        if key in chance:
            return Estimate(main=likely(chance), notes=(f"{said} of {chance[key]:,} paths",))
    notes = (percent_range(chance), f"±{error_points(chance['mcse'])}")
    return Estimate(main=percent(chance["mean"]), notes=notes)


def _date(dates: Record | None) -> Cell:
    if dates is None:
        return "–"
    notes = [f"{dates['low'][:7]} to {dates['high'][:7]}"]
    if dates["median"]:
        notes.append(f"even chance by {dates['median'][:7]}")
    return Estimate(main=dates["expected"][:7], notes=tuple(notes))


def _moves(each: Record) -> Cell:
    effect = each["effect"]
    if effect is None:
        return "–"
    size = f"{number(effect['low'], 2)} to {number(effect['high'], 2)} times the surprise"
    stays = "stays" if effect["permanent"] else "fades"
    whose = "of this case" if effect["own"] else "of the prior set"
    return Estimate(main=DRIVER_NAMES[effect["driver"]], notes=(size, f"{whose}; {stays}"))


def _reasons(each: Record, cutoff: str) -> str:
    """Give the reasons of what was elicited, and say where that was after the cutoff."""
    result, why = each["outcome"], str(each["why"])
    if each["elicited"] > cutoff:
        why = f"Judged after the cutoff, on {long_date(each['elicited'])}: {why}"
    return f"{why} Outcome: {result['why']}" if result else why


def _chances(record: Record) -> Table:
    found = horizons(record)
    rows: list[tuple[Cell, ...]] = [
        (
            each["name"],
            each["words"][result],
            *(_chance(each["chances"][result][h]) for h in found),
        )
        for each in record["conditions"]
        if each["chances"]
        for result in ("met", "failed")
    ]
    return Table(
        name="conditions-chances",
        caption="Chance that each condition is met or fails within so many months: mean, "
        f"{interval_name(record)}, Monte Carlo standard error. {RARE} {verdict_tag(record)}",
        columns=(*text_columns("Condition", "Outcome"), *number_columns(*found)),
        rows=tuple(rows),
        folded=True,
    )


# Where it stands ------------------------------------------------------------------------------


def standing(record: Record) -> tuple[Section, ...]:
    """Give the section on the life cycle; none where the case declares no conditions."""
    cycle = record["life_cycle"]
    if cycle is None:
        return ()
    figure = Figure(
        name="occupancy",
        caption="Chance that the agreement stands in each stage at every month’s end, or has "
        f"broken down. {verdict_tag(record)}",
        panels=(life_charts.occupancy(record),),
        table=_occupied(record),
    )
    blocks: list[Block] = [Paragraph(text=_now(record)), figure]
    if cycle["reached"]:
        blocks += [Heading(text="How likely each stage is"), _reached(record)]
    if not cycle["broken"]:
        blocks += [Heading(text="In which stage it would break down"), _broken(record)]
    return (Section(name="stands", title="Where the deal stands", blocks=tuple(blocks)),)


def _now(record: Record) -> str:
    cycle = record["life_cycle"]
    if cycle["broken"]:
        return f"It had broken down by {long_date(record['cutoff'])}; no stage lies ahead of it."
    last = horizons(record)[-1]
    ends = sorted(
        ((by[last]["mean"], state) for state, by in cycle["stands"].items()), reverse=True
    )
    told = listed(
        [
            f"{STATE_NAMES[state].lower()} ({likely(cycle['stands'][state][last])})"
            for _, state in ends
        ]
    )
    return (
        f"On {long_date(record['cutoff'])} it is {STATE_NAMES[cycle['stage']].lower()}. After "
        f"{last} months it stands, by how likely that is: {told}. How a stage changes the hazard "
        "is assumed: see what was assumed and what was learned."
    )


def _occupied(record: Record) -> Table:
    occupied, states = record["life_cycle"]["occupancy"], life_charts.shown_states(record)
    months = occupied["months"]
    kept = [i for i, month in enumerate(months) if month % 6 == 0 or i == len(months) - 1]
    ordered = [state for state in STATE_NAMES if state in states]
    return Table(
        name="occupancy-table",
        caption="Chance that it stands in each stage: mean, every six months; 0% where no "
        f"path stands there (every month: forecast.json). {verdict_tag(record)}",
        columns=(*text_columns("Month"), *number_columns(*(STATE_NAMES[s] for s in ordered))),
        rows=tuple(
            (str(months[i]), *(percent(occupied[state][i]) for state in ordered)) for i in kept
        ),
        folded=True,
    )


def _reached(record: Record) -> Table:
    cycle, found = record["life_cycle"], horizons(record)
    rows: list[tuple[Cell, ...]] = [
        (
            STATE_NAMES[stage],
            *(_chance(cycle["reached"][stage][h]) for h in found),
            _date(cycle["dates"][stage]),
        )
        for stage in LIFE_CYCLE
        if stage in cycle["reached"]
    ]
    return Table(
        name="stages",
        caption="Chance that each stage is reached within so many months, and before any "
        f"breakdown: mean, {interval_name(record)} of what draws believe, Monte Carlo standard "
        f"error. {RARE} When: given that it comes. {verdict_tag(record)}",
        columns=(
            *text_columns("Months"),
            *number_columns(*found),
            Column(title="When", kind="short"),
        ),
        rows=tuple(rows),
    )


def _broken(record: Record) -> Table:
    cycle, months = record["life_cycle"], headline_horizon(record)
    stages = [stage for stage in LIFE_CYCLE if stage in cycle["breakdown"]]
    rungs = rungs_in(cycle["breakdown"][stages[0]])
    rows: list[tuple[Cell, ...]] = [
        (
            RUNG_NAMES[rung],
            *(_chance(cycle["breakdown"][stage][rung][months]) for stage in stages),
            percent(sum(cycle["breakdown"][stage][rung][months]["mean"] for stage in stages)),
        )
        for rung in rungs
    ]
    return Table(
        name="breakdown-by-stage",
        caption=f"Chance of each rung within {months} months by the stage in which it comes; the "
        f"stages add up to the rung (other horizons: forecast.json). {verdict_tag(record)}",
        columns=(
            *text_columns("Rung"),
            *number_columns(*(f"While {STATE_NAMES[s].lower()}" for s in stages), "Together"),
        ),
        rows=tuple(rows),
    )
