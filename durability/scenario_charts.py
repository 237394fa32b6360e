"""The plot of scenarios: how far each moves the forecast, with Monte Carlo intervals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from durability import plots
from durability.blocks import Panel
from durability.wording import headline_horizon, moved_points, percent, shortened

Record = Mapping[str, Any]

ROW = 36
COLOURS = {"observing": plots.BLUE, "intervening": plots.VERMILLION}


def differences(record: Record) -> Panel:
    """Draw what each scenario changes of the chance of breakdown, a row each.

    Parameters
    ----------
    record : mapping
        As in ``scenarios.json``, with one scenario at least.

    Returns
    -------
    Panel
    """
    months = headline_horizon(record)
    answers = record["scenarios"]
    rows = [(answer, answer["difference"]["breakdown"][months]) for answer in answers]
    with plots.quiet_style():
        figure, axes = plots.canvas(76 + ROW * max(len(rows), 1), left=10, right=92, top=27)
        for place, (answer, moved) in enumerate(rows):
            colour = COLOURS[answer["verb"]]
            ends = [100 * moved["low"], 100 * moved["high"]]
            axes.plot(ends, [place + 0.2] * 2, color=colour, linewidth=2.0)
            axes.plot([100 * moved["mean"]], [place + 0.2], "o", color=colour, markersize=6)
        axes.axvline(0.0, color=plots.MUTED, linewidth=0.8)
        _label(axes, rows)
        plots.y_title(axes, f"Change of breakdown within {months} months, points")
        svg = plots.to_svg(figure, "scenarios")
    told = "; ".join(f"{answer['name']} {moved_points(moved)} points" for answer, moved in rows)
    now = record["breakdown"]["breakdown"][months]["mean"]
    alt = (
        f"What each scenario changes of the chance of breakdown within {months} months, "
        f"{percent(now)} as things come: {told or 'no scenario'}."
    )
    return Panel(title="", svg=svg, alt=alt)


def _label(axes: Any, rows: list[tuple[Record, Record]]) -> None:
    """Name each scenario above its row, and write its number at the end."""
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.grid(False, axis="y")
    axes.grid(True, axis="x")
    axes.set_ylim(len(rows) - 0.3, -0.5)
    for place, (answer, moved) in enumerate(rows):
        name = shortened(f"{answer['name']} ({answer['verb']})", 50)
        for words, x, at, shift in (
            (name, 0, -0.18, 2),
            (moved_points(moved), 1, 0.2, 6),
        ):
            axes.annotate(
                words,
                (x, place + at),
                xycoords=axes.get_yaxis_transform(),
                xytext=(shift, 0),
                textcoords="offset points",
                va="center",
            )
