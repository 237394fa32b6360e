"""Plots of what a forecast record says: the forecast itself, its drivers and its effects.

Each function takes the record and gives a :class:`~durability.blocks.Panel`: the drawing, and in
words what a person who sees it would take from it, worked out from the same numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from durability import plots
from durability.blocks import Panel
from durability.vocabulary import DRIVERS
from durability.wording import (
    DRIVER_NAMES,
    RUNG_MEANINGS,
    RUNG_NAMES,
    STREAM_NAMES,
    counted,
    dated,
    interval_name,
    long_date,
    number,
    number_range,
    percent,
    percent_range,
    percent_words,
    rungs_in,
    signed,
    signed_points,
)

Record = Mapping[str, Any]

RUNG_COLOURS = {
    "breakdown": plots.BLUE,
    "war": plots.VERMILLION,
    "abrogation": plots.PURPLE,
    "fatal": plots.ORANGE,
    "force": plots.GREEN,
}
PRESSURE_NAMES = {**DRIVER_NAMES, "trust": "Lack of trust"}
"""Effects are of pressure, and the pressure of trust is its lack."""

NUMBERED_ITEMS = 5
"""News items that a driver's plot numbers: as many as stay legible at phone width."""

Marked = tuple[int, float, Mapping[str, Any]]
"""A month's place on the grid, a rating as the plot shows it, and the news item."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of an interval plot."""

    label: str
    mean: float
    low: float
    high: float
    text: str


def survival_fan(record: Record) -> Panel:
    """Draw the chance of no breakdown over the horizon, the other rungs as thin lines."""
    survival, months = record["survival"], record["survival"]["months"]
    with plots.quiet_style():
        figure, axes = plots.canvas(252, right=96)
        head = survival["breakdown"]
        axes.fill_between(
            months, head["low"], head["high"], color=plots.BLUE, alpha=0.2, linewidth=0
        )
        ends = []
        for rung in rungs_in(survival):
            main = rung == "breakdown"
            axes.plot(
                months,
                survival[rung]["mean"],
                color=RUNG_COLOURS[rung],
                linewidth=2.6 if main else 1.3,
                linestyle="-" if main else (0, (5, 2)),
                zorder=3 if main else 2,
            )
            ends.append((rung, survival[rung]["mean"][-1]))
        month_axis(axes, months)
        axes.set_ylim(0, 1.0)
        plots.percent_axis(axes.yaxis)
        plots.y_title(axes, "Chance that it has not happened")
        end_labels(axes, months[-1], [(RUNG_NAMES[r], y, RUNG_COLOURS[r]) for r, y in ends])
        svg = plots.to_svg(figure, "fan")
    return Panel(title="", svg=svg, alt=_fan_alt(record, ends))


def _fan_alt(record: Record, ends: Sequence[tuple[str, float]]) -> str:
    head, months = record["survival"]["breakdown"], record["survival"]["months"]
    last = {"low": head["low"][-1], "high": head["high"][-1]}
    others = ", ".join(f"{RUNG_NAMES[r].lower()} {percent(y)}" for r, y in ends if r != "breakdown")
    return (
        f"Line chart over {months[-1]} months. The chance that no breakdown has happened falls "
        f"from {percent(head['mean'][0])} to {percent(head['mean'][-1])}, {interval_name(record)} "
        f"{percent_words(last)} at the end. "
        + (f"Chance at the end that the others have not happened: {others}." if others else "")
    ).strip()


def rung_survival(record: Record, rung: str) -> Panel:
    """Draw the chance that one rung has not happened, with its interval."""
    months, curve = record["survival"]["months"], record["survival"][rung]
    with plots.quiet_style():
        figure, axes = plots.canvas(190)
        _band(axes, months, curve, RUNG_COLOURS[rung])
        month_axis(axes, months)
        axes.set_ylim(0, 1.0)
        plots.percent_axis(axes.yaxis)
        plots.y_title(axes, "Chance that it has not happened")
        svg = plots.to_svg(figure, f"survival-{rung}")
    last = {"low": curve["low"][-1], "high": curve["high"][-1]}
    alt = (
        f"Line chart. The chance that {RUNG_NAMES[rung].lower()} has not happened falls from "
        f"{percent(curve['mean'][0])} to {percent(curve['mean'][-1])} after {months[-1]} months, "
        f"{interval_name(record)} {percent_words(last)}."
    )
    title = f"{RUNG_NAMES[rung]} ({RUNG_MEANINGS[rung]})"
    return Panel(title=title, svg=svg, alt=alt)


def hazard(record: Record) -> Panel:
    """Draw the hazard per year of every rung over the horizon."""
    curves, months = record["hazard"], record["hazard"]["months"]
    with plots.quiet_style():
        figure, axes = plots.canvas(230, right=96)
        ends = []
        for rung in rungs_in(curves):
            mean = curves[rung]["mean"]
            axes.plot(
                months,
                mean,
                color=RUNG_COLOURS[rung],
                linewidth=2.6 if rung == "breakdown" else 1.3,
                linestyle="-" if rung == "breakdown" else (0, (5, 2)),
            )
            ends.append((RUNG_NAMES[rung], mean[-1], RUNG_COLOURS[rung]))
        month_axis(axes, months)
        axes.set_ylim(bottom=0)
        plots.y_title(axes, "Hazard per year, mean")
        end_labels(axes, months[-1], ends)
        svg = plots.to_svg(figure, "hazard")
    head = curves["breakdown"]["mean"]
    alt = (
        f"Line chart. The mean hazard of breakdown is {number(head[0], 2)} per year in the first "
        f"month and {number(head[-1], 2)} per year in month {months[-1]}. At the end: "
        + ", ".join(f"{name.lower()} {number(value, 2)}" for name, value, _ in ends)
        + "."
    )
    return Panel(title="", svg=svg, alt=alt)


def shown_path(path: Record, driver: str) -> dict[str, list[float]]:
    """Give a driver's path as it is shown: trust is minus its pressure, its interval turned."""
    if driver != "trust":
        return {key: list(path[key]) for key in ("mean", "low", "high")}
    turned = {"mean": "mean", "low": "high", "high": "low"}
    return {key: [-value for value in path[source]] for key, source in turned.items()}


def marked_items(record: Record, driver: str) -> list[Marked]:
    """Give the used news items of a driver in the order of its plot."""
    months = record["drivers"][driver]["months"]
    place = {month: i for i, month in enumerate(months)}
    sign = -1 if driver == "trust" else 1
    found = []
    for item in record["news"]:
        month = str(item["date"])[:7]
        if item["used"] and item["driver"] == driver and item["ratings"] and month in place:
            scores = list(item["ratings"].values())
            found.append((place[month], sign * sum(scores) / len(scores), item))
    return sorted(found, key=lambda mark: (mark[0], mark[1], str(mark[2]["id"])))


def numbered_items(marks: Sequence[Marked]) -> list[Marked]:
    """Choose the items that the plot numbers: salient and strong ones, far enough apart."""
    ranked = sorted(
        marks,
        key=lambda m: (-(m[2]["salience"] or 0), -abs(m[1]), -m[0], str(m[2]["id"])),
    )
    chosen: list[Marked] = []
    for mark in ranked:
        if len(chosen) < NUMBERED_ITEMS and all(abs(mark[0] - c[0]) >= 4 for c in chosen):
            chosen.append(mark)
    return sorted(chosen, key=lambda m: m[0])


def driver_path(record: Record, driver: str) -> Panel:
    """Draw a driver's path, and below it the news items that inform it."""
    path = record["drivers"][driver]
    months, observed = path["months"], path["observed_months"]
    shown, marks = shown_path(path, driver), marked_items(record, driver)
    chosen = numbered_items(marks)
    stacks = _stacked(marks)
    strip = 14 + 8 * (1 + max((level for _, _, level, _ in stacks), default=0))
    with plots.quiet_style():
        figure, axes = plots.canvas(212 + strip, bottom=38 + strip)
        below = figure.add_axes(
            (46 / 400, 30 / (212 + strip), 340 / 400, strip / (212 + strip)), sharex=axes
        )
        _draw_path(axes, shown, observed)
        axes.tick_params(axis="x", bottom=False, labelbottom=False)
        plots.y_title(axes, _path_title(driver))
        _draw_strip(below, stacks, chosen, strip)
        _year_axis(below, months)
        svg = plots.to_svg(figure, f"driver-{driver}")
    notes = tuple(f"{long_date(dated(m[2]))}: {m[2]['statement']}" for m in chosen)
    alt = _path_alt(record, driver, shown, len(marks))
    return Panel(title=DRIVER_NAMES[driver], svg=svg, alt=alt, notes=notes)


def _path_title(driver: str) -> str:
    return "↑ more trust" if driver == "trust" else "↑ more pressure toward breakdown"


def _draw_path(axes: Any, shown: Mapping[str, Sequence[float]], observed: int) -> None:
    place = list(range(len(shown["mean"])))
    for part, style, alpha in (
        (slice(0, observed), "-", 0.22),
        (slice(max(observed - 1, 0), None), (0, (3, 2)), 0.11),
    ):
        axes.fill_between(
            place[part],
            shown["low"][part],
            shown["high"][part],
            color=plots.BLUE,
            alpha=alpha,
            linewidth=0,
        )
        axes.plot(place[part], shown["mean"][part], color=plots.BLUE, linestyle=style)
    axes.axhline(0, color=plots.MUTED, linewidth=0.8)
    axes.axvline(observed - 1, color=plots.MUTED, linewidth=0.8, linestyle=(0, (1, 2)))
    axes.annotate(
        "cutoff",
        (observed - 1, 1),
        xycoords=("data", "axes fraction"),
        xytext=(3, -9),
        textcoords="offset points",
        color=plots.MUTED,
        fontsize=10,
    )
    axes.set_xlim(-0.5, len(place) - 0.5)


def _stacked(marks: Sequence[Marked]) -> list[tuple[int, float, int, Any]]:
    """Pile the items of one month on each other."""
    heights: dict[int, int] = {}
    piled = []
    for place, score, item in marks:
        level = heights.get(place, 0)
        heights[place] = level + 1
        piled.append((place, score, level, item))
    return piled


def _draw_strip(axes: Any, stacks: Sequence[Any], chosen: Sequence[Any], strip: float) -> None:
    """Draw every item as a mark that points where it moved the driver."""
    for place, score, level, item in stacks:
        toward = score * (-1 if item["driver"] == "trust" else 1)
        marker = "^" if score > 0 else "v" if score < 0 else "o"
        colour = plots.VERMILLION if toward > 0 else plots.BLUE if toward < 0 else plots.MUTED
        axes.plot([place], [4 + 8 * level], marker, color=colour, markersize=5.5, markeredgewidth=0)
    for label, mark in enumerate(chosen, start=1):
        axes.text(
            mark[0],
            # Above every pile that the figure would touch.
            4 + 8 * (1 + max(level for at, _, level, _ in stacks if abs(at - mark[0]) <= 2)),
            str(label),
            ha="center",
            va="center",
            fontsize=10,
            weight="bold",
        )
    axes.set_ylim(-2, strip)
    axes.set_yticks([])
    axes.grid(False)
    axes.spines["left"].set_visible(False)
    axes.patch.set_visible(False)


def _path_alt(record: Record, driver: str, shown: Mapping[str, Sequence[float]], items: int) -> str:
    path = record["drivers"][driver]
    now = max(path["observed_months"] - 1, 0)
    what = "trust" if driver == "trust" else f"pressure from {DRIVER_NAMES[driver].lower()}"
    last = {"low": shown["low"][now], "high": shown["high"][now]}
    return (
        f"Line chart of {what} by month, {long_date(path['months'][0])} to "
        f"{long_date(path['months'][-1])}. It goes from {signed(shown['mean'][0], 1)} to "
        f"{signed(shown['mean'][now], 1)} ({interval_name(record)} {number_range(last)}) in "
        f"{long_date(path['months'][now])}, and is expected at {signed(shown['mean'][-1], 1)} at "
        f"the end. {counted(items, 'news item')} marked below it."
    )


def decomposition(record: Record) -> tuple[Panel, Panel]:
    """Draw what each driver adds: to the log hazard, and to the probability in points."""
    parts, name = record["decomposition"], interval_name(record)
    chance = parts["probability"]
    months = chance["horizon_months"]
    logs = [
        _row(PRESSURE_NAMES[d], v, signed(v["mean"])) for d, v in _by_driver(parts["log_hazard"])
    ]
    points = [
        _row(
            PRESSURE_NAMES[d],
            {key: 100 * v[key] for key in ("mean", "low", "high")},
            signed_points(v["mean"]),
        )
        for d, v in _by_driver(chance["drivers"])
    ]
    probability = Panel(
        title=f"Points of probability within {months} months",
        svg=interval_plot(points, name="parts-probability", x_title="Percentage points"),
        alt=(
            f"Interval plot. With the drivers at history’s average the chance of breakdown within "
            f"{months} months is {percent(chance['reference'])}; the drivers bring it to "
            f"{percent(chance['total'])}. Points added, mean and {name}: {_rows_alt(points)}."
        ),
    )
    log_hazard = Panel(
        title="Log hazard of war, first month ahead",
        svg=interval_plot(logs, name="parts-log", x_title="Added to the log hazard"),
        alt=f"Interval plot of what each driver adds to the log hazard of war in the first month "
        f"ahead, mean and {name}: {_rows_alt(logs)}.",
    )
    return probability, log_hazard


def _by_driver(parts: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Give a mapping's drivers in their one order: JSON sorts its keys."""
    return [(driver, parts[driver]) for driver in DRIVERS if driver in parts]


def effects(record: Record, stream: str) -> Panel:
    """Draw prior and posterior of every driver's effect on one stream."""
    rows = [e for e in record["effects"] if e["stream"] == stream]
    every = [
        e[which][end]
        for e in record["effects"]
        for which in ("prior", "posterior")
        for end in ("low", "high")
    ]
    with plots.quiet_style():
        figure, axes = plots.canvas(58 + 38 * len(rows), left=104, right=82, top=20)
        for place, effect in enumerate(rows):
            prior, posterior = effect["prior"], effect["posterior"]
            axes.plot([prior["low"], prior["high"]], [place - 0.16] * 2, color=plots.MUTED, lw=1.2)
            axes.plot([prior["mean"]], [place - 0.16], "|", color=plots.MUTED, markersize=7)
            axes.plot(
                [posterior["low"], posterior["high"]], [place + 0.14] * 2, color=plots.BLUE, lw=3
            )
            axes.plot([posterior["mean"]], [place + 0.14], "o", color=plots.BLUE, markersize=6)
        shares = [f"learned {percent(e['share_learned'])}" for e in rows]
        _row_axes(axes, [PRESSURE_NAMES.get(e["driver"], e["driver"]) for e in rows], shares)
        low, high = min(every, default=-1), max(every, default=1)
        axes.set_xlim(low - 0.04 * (high - low), high + 0.04 * (high - low))
        axes.set_xlabel("Effect on the log hazard", color=plots.MUTED)
        svg = plots.to_svg(figure, f"effects-{stream}")
    told = "; ".join(
        f"{PRESSURE_NAMES.get(e['driver'], e['driver']).lower()} "
        f"{number(e['prior']['mean'], 2)} ({number_range(e['prior'])}) to "
        f"{number(e['posterior']['mean'], 2)} ({number_range(e['posterior'])}), "
        f"{percent(e['share_learned'])} learned"
        for e in rows
    )
    alt = f"Interval plot, prior to posterior, mean and {interval_name(record)}: {told}."
    return Panel(title=STREAM_NAMES.get(stream, stream), svg=svg, alt=alt)


def sensitivities(record: Record, horizon: str) -> Panel:
    """Draw the headline probability under every other assumption."""
    rows = [s for s in record["sensitivities"] if horizon in s["breakdown"]]
    head = record["breakdown"]["breakdown"][horizon]
    with plots.quiet_style():
        figure, axes = plots.canvas(66 + 34 * len(rows), left=10, right=44)
        axes.axvspan(head["low"], head["high"], color=plots.BLUE, alpha=0.12, linewidth=0)
        axes.axvline(head["mean"], color=plots.BLUE, linewidth=1.4)
        for place, row in enumerate(rows):
            told = row["breakdown"][horizon]
            error = min(2.0 * told["mcse"], told["mean"])
            axes.errorbar(
                [told["mean"]], [place + 0.2], xerr=[[error], [error]], fmt="o", color=plots.INK
            )
            axes.annotate(
                _cut(row["name"]),
                (0, place - 0.22),
                xycoords=axes.get_yaxis_transform(),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
            )
        values = [percent(row["breakdown"][horizon]["mean"]) for row in rows]
        _row_axes(axes, ["" for _ in rows], values, at=0.2)
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.set_xlim(left=0)
        axes.locator_params(axis="x", nbins=6)
        plots.percent_axis(axes.xaxis)
        axes.annotate(
            f"this forecast {percent(head['mean'])}",
            (head["mean"], 1),
            xycoords=("data", "axes fraction"),
            xytext=(0, 5),
            textcoords="offset points",
            ha="center",
            color=plots.BLUE,
        )
        svg = plots.to_svg(figure, "sensitivities")
    told = "; ".join(f"{r['name']} {percent(r['breakdown'][horizon]['mean'])}" for r in rows)
    alt = (
        f"Dot plot of the chance of breakdown within {horizon} months. This forecast "
        f"{percent(head['mean'])} ({percent_range(head)}). Under other assumptions: {told}."
    )
    return Panel(title="", svg=svg, alt=alt)


def _cut(text: str, limit: int = 58) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _row(label: str, values: Mapping[str, float], text: str) -> Row:
    return Row(label=label, mean=values["mean"], low=values["low"], high=values["high"], text=text)


def _rows_alt(rows: Sequence[Row]) -> str:
    return "; ".join(
        f"{r.label.lower()} {r.text} ({number_range({'low': r.low, 'high': r.high})})" for r in rows
    )


def interval_plot(rows: Sequence[Row], *, name: str, x_title: str) -> str:
    """Draw means with intervals, a line a row, named at the left, numbers at the right."""
    with plots.quiet_style():
        figure, axes = plots.canvas(56 + 32 * len(rows), left=104, right=56, top=14)
        for place, row in enumerate(rows):
            axes.plot([row.low, row.high], [place, place], color=plots.BLUE, linewidth=2)
            axes.plot([row.mean], [place], "o", color=plots.BLUE, markersize=7)
        _row_axes(axes, [row.label for row in rows], [row.text for row in rows])
        axes.set_xlabel(x_title, color=plots.MUTED)
        return plots.to_svg(figure, name)


def _row_axes(axes: Any, labels: Sequence[str], values: Sequence[str], at: float = 0.0) -> None:
    """Make an axis of rows, first on top, with a text at the end of each."""
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.set_yticks(range(len(labels)), labels)
    axes.tick_params(axis="y", labelcolor=plots.INK)
    axes.spines["left"].set_visible(False)
    axes.grid(False, axis="y")
    axes.grid(True, axis="x")
    low, high = axes.get_xlim()
    if low < 0 < high:
        axes.axvline(0, color=plots.MUTED, linewidth=0.8, zorder=1)
    for place, text in enumerate(values):
        axes.annotate(
            text,
            (1, place + at),
            xycoords=axes.get_yaxis_transform(),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
        )


def _band(axes: Any, x: Sequence[float], curve: Record, colour: str) -> None:
    axes.fill_between(x, curve["low"], curve["high"], color=colour, alpha=0.2, linewidth=0)
    axes.plot(x, curve["mean"], color=colour)


def month_axis(axes: Any, months: Sequence[int]) -> None:
    """Make an axis of months after the cutoff."""
    step = 12 if months[-1] > 24 else 6 if months[-1] > 6 else 1
    axes.set_xlim(months[0], months[-1])
    axes.set_xticks(range(0, months[-1] + 1, step))
    axes.set_xlabel("Months after the cutoff", color=plots.MUTED)


def _year_axis(axes: Any, months: Sequence[str]) -> None:
    years = [(i, month[:4]) for i, month in enumerate(months) if month[5:7] == "01"]
    step = 1 + len(years) // 9
    axes.set_xticks([i for i, _ in years[::step]], [year for _, year in years[::step]])


def end_labels(axes: Any, x: float, ends: Sequence[tuple[str, float, str]]) -> None:
    """Name each line where it ends, moved apart where they would touch."""
    low, high = axes.get_ylim()
    box = axes.get_position().height * axes.figure.get_figheight() * 72
    gap = 13.5 * (high - low) / box
    inside = (low + gap / 3, high - gap / 3)
    heights = plots.spread([y for _, y, _ in ends], gap, inside)
    for (name, _, colour), height in zip(ends, heights, strict=True):
        axes.annotate(
            name,
            (x, height),
            xytext=(7, 0),
            textcoords="offset points",
            va="center",
            color=plots.INK,
            weight="bold" if name == RUNG_NAMES["breakdown"] else "normal",
            annotation_clip=False,
        )
        axes.annotate(
            "",
            (x, height),
            xytext=(5, 0),
            textcoords="offset points",
            arrowprops={"arrowstyle": "-", "color": colour, "lw": 2.4, "shrinkA": 0, "shrinkB": 0},
            annotation_clip=False,
        )
