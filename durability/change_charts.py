"""The plot of what moved a forecast: from what it was to what it is, part by part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from durability import plots
from durability.blocks import Panel
from durability.wording import (
    DRIVER_NAMES,
    counted,
    largest_parts,
    long_date,
    moved_points,
    part_words,
    percent,
    shortened,
)

Record = Mapping[str, Any]

ROW = 34


def part_label(part: Record) -> str:
    """Name a part with its driver."""
    name = DRIVER_NAMES.get(part["driver"], part["driver"])
    driver = f"{name}: " if name else ""
    words = part_words(part)
    return driver + (words if driver else words[0].upper() + words[1:])


def waterfall(record: Record, months: str) -> Panel:
    """Draw the chance of breakdown as it was, what each part adds, and as it is."""
    changes = record["changes"]
    was = changes["before"]["breakdown"][months]["mean"]
    now = changes["after"]["breakdown"][months]["mean"]
    shown, rest = largest_parts(changes, months)
    steps = [
        (part_label(part), part["changes"]["breakdown"][months]["mean"], moved)
        for part in shown
        for moved in [moved_points(part["changes"]["breakdown"][months])]
    ]
    if rest:
        total = sum(part["changes"]["breakdown"][months]["mean"] for part in rest)
        steps.append(
            (f"{counted(len(rest), 'smaller part')} together", total, f"{total * 100:+.2f}")
        )
    since = f"Was, as of {long_date(changes['since']['cutoff'])}"
    with plots.quiet_style():
        figure, axes = plots.canvas(60 + ROW * (len(steps) + 2), left=10, right=86, top=12)
        _bars(axes, was, [step[1] for step in steps])
        labels = [
            since,
            *(label for label, _, _ in steps),
            f"Is, as of {long_date(record['cutoff'])}",
        ]
        texts = [percent(was), *(text for _, _, text in steps), percent(now)]
        _label_rows(axes, labels, texts)
        plots.percent_axis(axes.xaxis)
        svg = plots.to_svg(figure, "what-changed")
    told = "; ".join(f"{label} {text} points" for label, _, text in steps)
    alt = (
        f"Waterfall of the chance of breakdown within {months} months, from {percent(was)} "
        f"to {percent(now)}. Largest first: {told or 'nothing moved it'}."
    )
    return Panel(title="", svg=svg, alt=alt)


def _bars(axes: Any, was: float, moves: Sequence[float]) -> None:
    """Draw what was, each step from where the one before it ended, and what is."""
    level, levels = was, [was]
    axes.plot([was], [0.2], "o", color=plots.BLUE, markersize=7)
    for place, move in enumerate(moves, start=1):
        colour = plots.VERMILLION if move > 0 else plots.GREEN
        axes.barh([place + 0.2], [move], left=[level], height=0.34, color=colour)
        axes.plot([level, level], [place - 0.63, place + 0.37], color=plots.MUTED, linewidth=0.8)
        level += move
        levels.append(level)
    last = len(moves) + 1
    axes.plot([level, level], [last - 0.63, last + 0.2], color=plots.MUTED, linewidth=0.8)
    axes.plot([level], [last + 0.2], "o", color=plots.BLUE, markersize=7)
    axes.set_ylim(last + 0.6, -0.5)
    room = 0.08 * (max(levels) - min(levels)) or 0.1 * max(levels)
    axes.set_xlim(max(min(levels) - room, 0.0), max(levels) + room)
    axes.locator_params(axis="x", nbins=5)


def _label_rows(axes: Any, labels: Sequence[str], texts: Sequence[str]) -> None:
    """Name each row above its bar, and write its number at the end."""
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.grid(False, axis="y")
    axes.grid(True, axis="x")
    for place, (label, text) in enumerate(zip(labels, texts, strict=True)):
        for words, x, at, shift in ((shortened(label, 46), 0, -0.18, 2), (text, 1, 0.2, 6)):
            axes.annotate(
                words,
                (x, place + at),
                xycoords=axes.get_yaxis_transform(),
                xytext=(shift, 0),
                textcoords="offset points",
                va="center",
            )
