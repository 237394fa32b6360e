"""The plot of rival beliefs: the headline under every prior set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from durability import plots
from durability.blocks import Panel
from durability.wording import headline_horizon, interval_name, percent, percent_range, shortened

Record = Mapping[str, Any]

ROW = 36
COLOURS = {"fitted": plots.BLUE, "weighed": plots.GREEN, "stacked": plots.VERMILLION}
"""How a row was found; its label says it too."""


def set_rows(record: Record) -> list[tuple[str, str, Record]]:
    """Give name, method and chance of breakdown at the headline's horizon, a row a set.

    The mixture by stacking weights comes last, where there is one; sets that were not computed are
    left out.
    """
    months, told = headline_horizon(record), record["rivals"]
    rows = [
        (each["name"], each["method"], each["breakdown"]["breakdown"][months])
        for each in told["sets"]
        if each["breakdown"]
    ]
    if told["comparison"]:
        mixed = told["comparison"]["stacked"]["breakdown"][months]
        rows.append(("all, by stacking weights", "stacked", mixed))
    return rows


def chances_by_set(record: Record) -> Panel:
    """Draw the chance of breakdown under every prior set, with its interval."""
    months, rows = headline_horizon(record), set_rows(record)
    with plots.quiet_style():
        figure, axes = plots.canvas(76 + ROW * max(len(rows), 1), left=10, right=56, top=14)
        for place, (_, method, chance) in enumerate(rows):
            colour = COLOURS.get(method, plots.MUTED)
            ends = [chance["low"], chance["high"]]
            axes.plot(ends, [place + 0.2] * 2, color=colour, linewidth=2.0)
            axes.plot([chance["mean"]], [place + 0.2], "o", color=colour, markersize=6)
        axes.set_xlim(left=0)
        axes.locator_params(axis="x", nbins=6)
        plots.percent_axis(axes.xaxis)
        axes.set_xlabel(f"Chance of breakdown within {months} months", color=plots.MUTED)
        _label(axes, rows)
        svg = plots.to_svg(figure, "rivals")
    told = "; ".join(
        f"{name} ({method}) {percent(chance['mean'])} ({percent_range(chance)})"
        for name, method, chance in rows
    )
    alt = (
        f"Interval plot of the chance of breakdown within {months} months under each prior set, "
        f"mean and {interval_name(record)}: {told}."
    )
    return Panel(title="", svg=svg, alt=alt)


def _label(axes: Any, rows: list[tuple[str, str, Record]]) -> None:
    """Name each set above its row, and write its chance at the end."""
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.grid(False, axis="y")
    axes.grid(True, axis="x")
    axes.set_ylim(len(rows) - 0.3, -0.5)
    for place, (name, method, chance) in enumerate(rows):
        label = shortened(name if method == "stacked" else f"{name} ({method})", 46)
        for words, x, at, shift in ((label, 0, -0.18, 2), (percent(chance["mean"]), 1, 0.2, 6)):
            axes.annotate(
                words,
                (x, place + at),
                xycoords=axes.get_yaxis_transform(),
                xytext=(shift, 0),
                textcoords="offset points",
                va="center",
            )
