"""The plot of where a deal stands: its stages and breakdown, month by month."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from durability import plots
from durability.blocks import Panel
from durability.charts import end_labels, month_axis
from durability.vocabulary import LIFE_CYCLE
from durability.wording import STATE_NAMES, percent

Record = Mapping[str, Any]

STATE_COLOURS = {
    "initialled": plots.SKY,
    "signed": plots.BLUE,
    "ratified": plots.GREEN,
    "in_force": plots.PURPLE,
    "breakdown": plots.VERMILLION,
}
ORDER = (*reversed(LIFE_CYCLE), "breakdown")
"""From the bottom: the furthest stage first, so that progress grows up and breakdown down."""


def shown_states(record: Record) -> list[str]:
    """Give the states that a deal stands in at some month, furthest stage first."""
    occupied = record["life_cycle"]["occupancy"]
    return [state for state in ORDER if max(occupied[state], default=0.0) > 0.0]


def occupancy(record: Record) -> Panel:
    """Draw the chance of each state as a band, all together one."""
    occupied = record["life_cycle"]["occupancy"]
    months, states = occupied["months"], shown_states(record)
    with plots.quiet_style():
        figure, axes = plots.canvas(262, right=96)
        axes.stackplot(
            months,
            [occupied[state] for state in states],
            colors=[STATE_COLOURS[state] for state in states],
            edgecolor=plots.PAPER,
            linewidth=0.8,
        )
        month_axis(axes, months)
        axes.set_ylim(0, 1.0)
        axes.grid(False)
        plots.percent_axis(axes.yaxis)
        plots.y_title(axes, "Chance that it stands there")
        end_labels(axes, months[-1], _middles(occupied, states))
        svg = plots.to_svg(figure, "occupancy")
    return Panel(title="", svg=svg, alt=_alt(occupied, states))


def _middles(occupied: Record, states: list[str]) -> list[tuple[str, float, str]]:
    """Name each band in the middle of its end."""
    level, ends = 0.0, []
    for state in states:
        height = occupied[state][-1]
        ends.append((STATE_NAMES[state], level + height / 2.0, STATE_COLOURS[state]))
        level += height
    return ends


def _alt(occupied: Record, states: list[str]) -> str:
    told = ", ".join(
        f"{STATE_NAMES[state].lower()} {percent(occupied[state][-1])}" for state in states
    )
    now = max(states, key=lambda state: occupied[state][0])
    return (
        f"Stacked areas over {occupied['months'][-1]} months: the chance that the deal stands in "
        f"each stage. It begins {STATE_NAMES[now].lower()}. At the end: {told}."
    )
