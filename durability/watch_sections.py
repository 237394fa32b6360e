"""What a report says of what to watch: pending conditions and possible news, by what they tell.

Each row has its chance and the forecast if it comes out one way or another; the most worth knowing
stands first.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from durability.blocks import (
    Block,
    Cell,
    Column,
    Estimate,
    Paragraph,
    Section,
    Table,
    number_columns,
)
from durability.branches import FEW_PATHS
from durability.wording import (
    DRIVER_NAMES,
    counted,
    ended_sentence,
    error_points,
    likely,
    listed,
    percent,
    verdict_tag,
    with_error,
)

Record = Mapping[str, Any]

SHOWN = 10
"""Rows that stand open, and every condition beyond them; more news is folded away."""

CALMER, WORSE = "-", "+"
FEW = "few paths"
"""What stands in place of a forecast that hangs on few paths."""


def watching(record: Record) -> tuple[Section, ...]:
    """Give the section on what to watch.

    None where nothing is pending and nobody rates news, or where the agreement has broken down.
    """
    watch = record["watch"]
    if not watch["watched"] or ended_sentence(record):
        return ()
    first, rest = _parted(watch["watched"])
    blocks: list[Block] = [Paragraph(text=text) for text in _words(record)]
    blocks.append(_table(record, first, "watch", folded=False))
    if rest:
        blocks.append(_table(record, rest, "watch-more", folded=True))
    return (Section(name="watch", title="What to watch", blocks=tuple(blocks)),)


def _parted(watched: Sequence[Record]) -> tuple[list[Record], list[Record]]:
    """Part the rows that stand open from those folded away; both keep their order."""
    first: list[Record] = []
    rest: list[Record] = []
    for place, each in enumerate(watched):
        (first if place < SHOWN or each["kind"] == "condition" else rest).append(each)
    return first, rest


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """News on one side of zero, its ratings taken together.

    Parameters
    ----------
    chance, error : float
        Chance of it, and its Monte Carlo standard error at most: as if those of all ratings went
        together.
    breakdown : float or None
        Chance of breakdown after it; None where no path has it.
    few : bool
        Whether it may stand on few paths.
    """

    chance: float
    error: float
    breakdown: float | None
    few: bool


def together(ways: Sequence[Record], side: str) -> Side:
    """Take the ratings of a news item on one side of zero together.

    Parameters
    ----------
    ways : sequence of mapping
        Of a news item, as in ``watch.json``.
    side : str
        ``CALMER`` or ``WORSE``.
    """
    held = [way for way in ways if way["name"].startswith(side) and way["breakdown"] is not None]
    total = sum(way["chance"]["mean"] for way in held)
    broken = sum(way["chance"]["mean"] * way["breakdown"]["mean"] for way in held)
    # The norm of a sum of weights is at most the sum of their norms.
    norm = sum(way["chance"]["mean"] / math.sqrt(way["effective_paths"]) for way in held)
    return Side(
        chance=total,
        error=sum(way["chance"]["mcse"] for way in held),
        breakdown=broken / total if total else None,
        few=bool(total) and (total / norm) ** 2 < FEW_PATHS,
    )


def watch_name(each: Record) -> str:
    """Name a row of a watch-list."""
    if each["kind"] == "condition":
        return str(each["name"])
    return f"news, {DRIVER_NAMES.get(each['name'], each['name'])}, grade {each['grade']}"


def _words(record: Record) -> list[str]:
    watch = record["watch"]
    now, within = watch["as_things_come"], watch["breakdown_within_months"]
    kinds = {each["kind"] for each in watch["watched"]}
    parts = []
    if "condition" in kinds:
        parts.append(f"what becomes of the pending conditions within {watch['months']} months")
    if "news" in kinds:
        parts.append(f"one news item of the next month, as coder {watch['coder']} would rate it")
    return [
        f"As things come, breakdown within {within} months has a chance of {percent(now['mean'])} "
        f"(MCSE {error_points(now['mcse'])} points). The table says what it would be after "
        f"{listed(parts)}; the most worth knowing stands first.",
        "Worth is how much the logarithmic score of the forecast is expected to gain from knowing, "
        "in thousandths of a bit: little where the outcome is nearly sure already, or would move "
        "little. It is the worth to this model: what the model does not contain is worth nothing "
        "to it.",
    ]


def _table(record: Record, rows: Sequence[Record], name: str, *, folded: bool) -> Table:
    watch = record["watch"]
    months, within = watch["months"], watch["breakdown_within_months"]
    meanings = {each["name"]: each["meaning"] for each in record["conditions"]}
    caption = (
        f"What to watch: chances within {counted(months, 'month')} of a condition, and of an item "
        f"of the next month; breakdown within {within} months after each way, Monte Carlo standard "
        "error (±) in points, of the chance of news the most that it can be; when a condition is "
        f"decided, if it is, even chance and 90%. Few paths: fewer than {FEW_PATHS:.0f} effective "
        "ones come out so, too few for a forecast. "
    )
    if folded:
        caption = f"The {len(rows)} rows that are worth less. " + caption
    return Table(
        name=name,
        caption=caption + verdict_tag(record),
        columns=(
            Column(title="What", kind="wide"),
            Column(title="When", kind="short"),
            *number_columns("Met, or calmer", "Breakdown then", "Failed, or worse"),
            *number_columns("Breakdown then", "Worth, mbit"),
        ),
        rows=tuple(_row(each, meanings) for each in rows),
        folded=folded,
    )


def _row(each: Record, meanings: Mapping[str, str]) -> tuple[Cell, ...]:
    main, error = with_error(each["worth"]["mean"], each["worth"]["mcse"]).split(" ± ")
    worth = Estimate(main=main, notes=(f"±{error}",))
    if each["kind"] == "condition":
        ways = {way["name"]: way for way in each["ways"]}
        sides = [cell for name in ("met", "failed") for cell in _way(ways[name])]
        name = f"{meanings[each['name']]} ({each['name']})"
        return (name, _when(each["dates"]), *sides, worth)
    sides = []
    for side in (CALMER, WORSE):
        found = together(each["ways"], side)
        sides += [_estimate(found.chance, found.error), _after(found)]
    return (watch_name(each), "next month", *sides, worth)


def _way(way: Record) -> tuple[Cell, Cell]:
    chance, then = way["chance"], way["breakdown"]
    if then is None:
        return way_chance(way), "–"
    forecast = FEW if way["few"] else _estimate(then["mean"], then["mcse"])
    return _estimate(chance["mean"], chance["mcse"]), forecast


def way_chance(way: Record) -> str:
    """Write the chance of a way that no path takes: its bound, where the way is open."""
    if "none_of" in way:
        return likely({"none_of": way["none_of"], "high": way["at_most"]})
    return percent(way["chance"]["mean"])


def _after(side: Side) -> Cell:
    if side.breakdown is None:
        return "–"
    return FEW if side.few else percent(side.breakdown)


def _estimate(mean: float, error: float) -> Estimate:
    return Estimate(main=percent(mean), notes=(f"±{error_points(error)}",))


def _when(dates: Record) -> Cell:
    if not dates["0.5"]:
        return "beyond the horizon"
    return Estimate(main=dates["0.5"][:7], notes=(f"{dates['0.05'][:7]} to {dates['0.95'][:7]}",))
