"""A replay as a page: the curve of what the forecast would have been, and what moved it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from durability import plots
from durability.blocks import (
    Answer,
    Cell,
    Estimate,
    Figure,
    Panel,
    Paragraph,
    Report,
    Section,
    Table,
    number_columns,
    printable,
    text_columns,
)
from durability.vocabulary import RUNGS
from durability.wording import (
    RUNG_NAMES,
    counted,
    error_points,
    long_date,
    one_line,
    part_words,
    percent,
    percent_range,
    shortened,
    signed,
    signed_points,
)

Record = Mapping[str, Any]

NUMBERED = 6
"""Moves that the plot numbers: as many as stay legible at phone width."""

PSEUDO = (
    "Pseudo-out-of-sample: each cutoff sees only what was known then, but the ratings of news and "
    "of the agreement were made afterwards, by coders who knew how it went. It shows how the model "
    "works, not what skill it would have had."
)


def compose_replay(record: Mapping[str, Any]) -> Report:
    """Make the page's content from a record of :func:`durability.time_machine.replay_record`."""
    shown = printable(dict(record))
    moments = shown["moments"]
    wrong = [row for row in moments if not row["ok"]]
    return Report(
        title=f"Replay: {shown['title']}",
        subtitle=f"{' – '.join(shown['parties'])}; {long_date(moments[0]['cutoff'])} to "
        f"{long_date(moments[-1]['cutoff'])}",
        answer=Answer(
            sentences=(_sentence(shown), PSEUDO),
            verdict="Every fit passed its checks."
            if not wrong
            else f"{counted(len(wrong), 'cutoff')} of {len(moments)} stand on a fit that FAILED or "
            "was not judged. Do not rely on them.",
            reasons=tuple(
                f"{row['cutoff']}: {reason}" for row in wrong for reason in row["reasons"]
            ),
            ok=not wrong,
            probabilities=_moments_table(shown),
            fan=_figure(shown),
            knowledge=_ended(shown),
        ),
        sections=(_moves(shown), _method(shown)),
        colophon=f"Made by durability: model {shown['model']}, prior set "
        f"{shown['prior_set']['name']}, seed {shown['seed']}. The numbers are in replay.json.",
    )


def headline(record: Record, row: Record) -> Mapping[str, float]:
    """Give the chance of breakdown within the headline horizon at one cutoff."""
    found: Mapping[str, float] = row["breakdown"]["breakdown"][str(record["headline_months"])]
    return found


def _sentence(record: Record) -> str:
    rows = record["moments"]
    means = [headline(record, row)["mean"] for row in rows]
    low, high = min(means), max(means)
    where = [rows[means.index(value)]["cutoff"] for value in (low, high)]
    return (
        f"Month by month the chance of breakdown within {record['headline_months']} months stood "
        f"between {percent(low)} ({long_date(where[0])}) and {percent(high)} "
        f"({long_date(where[1])}); it began at {percent(means[0])} and ended at "
        f"{percent(means[-1])}."
    )


def _ended(record: Record) -> tuple[str, ...]:
    return tuple(
        f"{RUNG_NAMES[each['rung']]} did happen on {long_date(each['date'])}: {each['why']}"
        for each in record["happened"]
    )


def _moments_table(record: Record) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for row in record["moments"]:
        chance = headline(record, row)
        estimate = Estimate(
            main=percent(chance["mean"]),
            notes=(percent_range(chance), f"±{error_points(chance['mcse'])}"),
        )
        rows.append((row["cutoff"], estimate, row["method"], _largest(row)))
    months = record["headline_months"]
    return Table(
        name="moments",
        caption=f"Chance of breakdown within {months} months at each cutoff: mean, 90% interval, "
        "Monte Carlo standard error (±, in points); how it was made; and what moved it most since "
        "the cutoff before. Pseudo-out-of-sample.",
        columns=(
            *text_columns("Cutoff"),
            *number_columns(f"Within {months} months"),
            *text_columns("Made by", "What moved it most"),
        ),
        rows=tuple(rows),
    )


def _largest(row: Record) -> str:
    if not row["moved"]:
        return ""
    first = row["moved"][0]
    return f"{signed_points(first['points'])}: {shortened(moved_words(first), 90)}"


def moved_words(moved: Record) -> str:
    """Say what moved a forecast, on one line."""
    driver = f"{moved['driver']}: " if moved["driver"] else ""
    return one_line(driver + part_words(moved))


def _figure(record: Record) -> Figure:
    return Figure(
        name="replay",
        caption=f"Chance of breakdown within {record['headline_months']} months, at each cutoff: "
        "mean and 90% interval. Numbers mark the largest moves by news; what they are stands in "
        "the table of moves.",
        panels=(replay_panel(record),),
        table=_rung_table(record),
    )


def _rung_table(record: Record) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for row in record["moments"]:
        cells = [row["breakdown"][rung][str(record["headline_months"])] for rung in RUNGS]
        told = [
            Estimate(
                main=percent(cell["mean"]),
                notes=(percent_range(cell), f"±{error_points(cell['mcse'])}"),
            )
            for cell in cells
        ]
        rows.append((row["cutoff"], *told))
    return Table(
        name="rungs",
        caption=f"Every rung within {record['headline_months']} months, at each cutoff: mean, 90% "
        "interval, Monte Carlo standard error (±, in points).",
        columns=(*text_columns("Cutoff"), *number_columns(*(RUNG_NAMES[r] for r in RUNGS))),
        rows=tuple(rows),
        folded=True,
    )


def numbered(record: Record) -> list[tuple[int, Record]]:
    """Choose the moves by news that the plot numbers: place of the cutoff, and the move."""
    every = [
        (place, moved)
        for place, row in enumerate(record["moments"])
        for moved in row["moved"]
        if moved["kind"] in ("event", "conditions", "happened")
    ]
    chosen = sorted(every, key=lambda pair: -abs(pair[1]["points"]))[:NUMBERED]
    return sorted(chosen, key=lambda pair: pair[0])


def replay_panel(record: Record) -> Panel:
    """Draw the curve of a replay."""
    rows = record["moments"]
    places = list(range(len(rows)))
    chances = [headline(record, row) for row in rows]
    with plots.quiet_style():
        figure, axes = plots.canvas(250, right=24, bottom=52)
        axes.fill_between(
            places,
            [c["low"] for c in chances],
            [c["high"] for c in chances],
            color=plots.BLUE,
            alpha=0.2,
            linewidth=0,
        )
        axes.plot(places, [c["mean"] for c in chances], color=plots.BLUE, marker="o", markersize=4)
        for number, (place, _) in enumerate(numbered(record), start=1):
            axes.annotate(
                str(number),
                (place, chances[place]["mean"]),
                xytext=(0, 9 + 11 * (number % 2)),
                textcoords="offset points",
                ha="center",
            )
        ticks = places[:: max(len(places) // 6, 1)]
        axes.set_xticks(ticks, [rows[i]["cutoff"][:7] for i in ticks], rotation=30, ha="right")
        axes.set_ylim(bottom=0)
        plots.percent_axis(axes.yaxis)
        plots.y_title(axes, f"Breakdown within {record['headline_months']} months")
        svg = plots.to_svg(figure, "replay")
    notes = tuple(
        f"{record['moments'][place]['cutoff']}: {signed_points(moved['points'])} points, "
        f"{shortened(moved_words(moved), 140)}"
        for place, moved in numbered(record)
    )
    title = f"Breakdown within {record['headline_months']} months"
    return Panel(title=title, svg=svg, alt=_sentence(record), notes=notes)


def _moves(record: Record) -> Section:
    rows: list[tuple[Cell, ...]] = []
    marks = {(place, id(moved)): n for n, (place, moved) in enumerate(numbered(record), start=1)}
    for place, row in enumerate(record["moments"]):
        for moved in row["moved"]:
            if abs(moved["points"]) < 5e-5:
                continue
            mark = marks.get((place, id(moved)))
            points = signed(100 * moved["points"])
            rows.append(
                (str(mark or ""), row["cutoff"], points, shortened(moved_words(moved), 160))
            )
    table = Table(
        name="moves",
        caption="What moved the chance, in points: each part since the cutoff before. At each "
        "cutoff they add up to the move.",
        columns=(
            *text_columns("Mark", "Cutoff"),
            *number_columns("Points"),
            *text_columns("What"),
        ),
        rows=tuple(rows),
        folded=len(rows) > 30,
    )
    return Section(name="moves", title="What moved it", blocks=(table,))


def _method(record: Record) -> Section:
    ways = {"fit": 0, "refit": 0, "matched": 0, "weights": 0, "unchanged": 0}
    for row in record["moments"]:
        ways[row["method"]] = ways.get(row["method"], 0) + 1
    fits = ways["fit"] + ways["refit"]
    text = (
        f"{counted(len(record['moments']), 'cutoff')}: {fits} fitted, the others from the draws of "
        "the fit before, weighed by what had become known. Where weights could not be trusted the "
        "case was fitted again. Moves are Shapley shares over what was new; what a refit moves "
        "beyond its weights stands as a part of its own."
    )
    return Section(name="method", title="How it was made", blocks=(Paragraph(text=text),))


def replay_lines(record: Record) -> Sequence[str]:
    """Write a replay as lines on a screen: a row a cutoff."""
    months = record["headline_months"]
    lines = []
    wrong = [row["cutoff"] for row in record["moments"] if not row["ok"]]
    if wrong:
        lines += [f"DO NOT USE: the fits at {', '.join(wrong)} failed or were not judged.", ""]
    lines += [f"{record['title']}: breakdown within {months} months, cutoff by cutoff", PSEUDO, ""]
    for row in record["moments"]:
        chance = headline(record, row)
        told = f"{row['cutoff']}  {percent(chance['mean']):>6}  {percent_range(chance):>16}"
        told += f"  ±{error_points(chance['mcse'])}  {row['method']:<9}  "
        lines.append(told + shortened(_largest(row), 60))
    lines += ["", *_ended(record)]
    return lines
