"""Where the drivers' present values come from, as blocks of a report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from durability.blocks import Block, Cell, Heading, Paragraph, Table, number_columns, text_columns
from durability.vocabulary import DRIVERS
from durability.wording import DRIVER_NAMES, counted, one_line, shortened, signed

Record = Mapping[str, Any]

SHOWN = 6
"""Events of each driver that are named; the others are summed."""

KINDS = {
    "anchors": "How the agreement itself was rated",
    "counts": "Counts",
    "holding": "That it has held as far as it was observed",
}


def contribution_blocks(record: Record) -> tuple[Block, ...]:
    """Give the tables of what each item adds to the drivers, and each actor to interference."""
    told = record["contributions"]
    blocks: list[Block] = [
        Heading(text="Where the present values come from"),
        Paragraph(
            text="A driver's value at the cutoff is a sum with a term for everything observed: "
            "zero is history's average, and positive values are pressure toward breakdown. Items "
            "on one driver also say something of the others, as far as drivers move together."
        ),
        _items(record),
    ]
    actors = told["interference"]["actors"]
    if any(each["actor"] for each in actors):
        blocks += [Heading(text="Who carries interference"), _actors(record)]
    return tuple(blocks)


def _items(record: Record) -> Table:
    rows: list[tuple[Cell, ...]] = []
    statements = {item["id"]: item["statement"] for item in record["news"]}
    for driver in DRIVERS:
        told = record["contributions"][driver]
        events = [part for part in told["parts"] if part["kind"] == "event"]
        events.sort(key=lambda part: -abs(part["mean"]))
        name = "Lack of trust" if driver == "trust" else DRIVER_NAMES[driver]
        for part in events[:SHOWN]:
            said = "; ".join(one_line(statements.get(each, each)) for each in part["items"])
            rows.append(
                (name, shortened(f"{', '.join(part['items'])}: {said}", 110), *_cells(part))
            )
            name = ""
        rest = events[SHOWN:]
        if rest:
            total = {key: sum(part[key] for part in rest) for key in ("mean", "log_hazard")}
            rows.append(("", f"{counted(len(rest), 'other event')} together", *_plain(total)))
        for part in told["parts"]:
            if part["kind"] in KINDS:
                rows.append((name, KINDS[part["kind"]], *_cells(part)))
                name = ""
        rows.append(("", "All together", *_cells(told["total"])))
    return Table(
        name="contributions",
        caption="What each thing observed adds to each driver: to its pressure at the cutoff, in "
        "units of driver, and through it to the log hazard of war (± Monte Carlo standard error).",
        columns=(*text_columns("Driver", "What"), *number_columns("Pressure", "Log hazard")),
        rows=tuple(rows),
        folded=True,
    )


def _actors(record: Record) -> Table:
    told = record["contributions"]["interference"]
    ordered = sorted(told["actors"], key=lambda each: (not each["actor"], -each["mean"]))
    rows: list[tuple[Cell, ...]] = [
        (each["actor"] or "News that names nobody", str(each["events"]), *_cells(each))
        for each in ordered
    ]
    return Table(
        name="actors",
        caption="What the news of each power's acts adds to the pressure of interference at the "
        "cutoff, in units of driver, and through it to the log hazard of war (±: Monte Carlo "
        "standard error). Positive values push toward breakdown.",
        columns=(*text_columns("Actor"), *number_columns("Events", "Pressure", "Log hazard")),
        rows=tuple(rows),
    )


def _cells(part: Record) -> tuple[Cell, ...]:
    return (
        f"{signed(part['mean'])} ± {part['mcse']:.2f}",
        f"{signed(part['log_hazard'])} ± {part['log_hazard_mcse']:.2f}",
    )


def _plain(total: Record) -> tuple[Cell, ...]:
    return signed(total["mean"]), signed(total["log_hazard"])
