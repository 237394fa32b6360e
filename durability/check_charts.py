"""Plots that hold a forecast against data: history's survival, counts, ratings, and LOO."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from durability import plots
from durability.blocks import Panel
from durability.wording import (
    MINUS,
    RUNG_MEANINGS,
    RUNG_NAMES,
    counted,
    interval_name,
    number,
    percent,
    percent_range,
    rungs_in,
)

Record = Mapping[str, Any]
Source = Literal["model", "prior_model"]

MARKS_YEARS = (1, 5, 10, 20)
"""Ages at which tables and alternative texts read a survival curve."""

PARETO_K_LIMIT = 0.7
"""Above it PSIS-LOO is not to be trusted (doi:10.1007/s11222-016-9696-4)."""


def value_at(curve: Record, years: float, key: str = "mean") -> float | None:
    """Read a curve at an age: the last step at or before it, None past its end."""
    ages = list(curve["age_years"])
    if not ages or years > ages[-1]:
        return None
    before = [i for i, age in enumerate(ages) if age <= years]
    return float(curve[key][before[-1]]) if before else 1.0


def kaplan_meier(record: Record, rung: str, source: Source) -> Panel:
    """Draw history's survival, and what the model or its priors alone make of it."""
    history = record["history"]
    observed, modelled = history["kaplan_meier"][rung], history[source].get(rung)
    colour = plots.BLUE if source == "model" else plots.ORANGE
    with plots.quiet_style():
        figure, axes = plots.canvas(206)
        if modelled:
            _curve(axes, modelled, colour)
        _steps(axes, observed)
        end = modelled["age_years"][-1] if modelled else max(observed["age_years"], default=1)
        axes.set_xlim(0, end)
        axes.set_ylim(0, 1)
        axes.set_xlabel("Years since the agreement began", color=plots.MUTED)
        plots.percent_axis(axes.yaxis)
        plots.y_title(axes, "Share of agreements without it")
        svg = plots.to_svg(figure, f"{'history' if source == 'model' else 'prior'}-{rung}")
    title = f"{RUNG_NAMES[rung]} ({RUNG_MEANINGS[rung]})"
    return Panel(title=title, svg=svg, alt=_kaplan_alt(record, rung, source))


def _curve(axes: Any, curve: Record, colour: str) -> None:
    ages = curve["age_years"]
    axes.fill_between(ages, curve["low"], curve["high"], color=colour, alpha=0.22, linewidth=0)
    axes.plot(ages, curve["mean"], color=colour, linewidth=2, linestyle=(0, (5, 2)))


def _steps(axes: Any, curve: Record) -> None:
    lead = [] if curve["age_years"][:1] == [0] else [0.0]
    start = [1.0] if lead else []
    ages = lead + list(curve["age_years"])
    axes.fill_between(
        ages,
        start + list(curve["low"]),
        start + list(curve["high"]),
        step="post",
        color=plots.MUTED,
        alpha=0.18,
        linewidth=0,
    )
    axes.step(ages, start + list(curve["survival"]), where="post", color=plots.INK, linewidth=1.5)


def _kaplan_alt(record: Record, rung: str, source: Source) -> str:
    history = record["history"]
    observed, modelled = history["kaplan_meier"][rung], history[source].get(rung)
    whose = "model" if source == "model" else "priors alone"
    told = []
    for years in MARKS_YEARS:
        seen = value_at(observed, years, "survival")
        if seen is None:
            continue
        text = f"after {counted(years, 'year')} {percent(seen)} in history"
        if modelled and (mean := value_at(modelled, years)) is not None:
            band = {key: value_at(modelled, years, key) for key in ("low", "high")}
            text += f", {percent(mean)} ({percent_range(band)}) from the {whose}"
        told.append(text)
    return f"Survival curves. Share without {RUNG_NAMES[rung].lower()}: {'; '.join(told)}."


def ratings(record: Record) -> Panel:
    """Draw how often each rating was given, and how often the model expects it."""
    check = record["checks"]["ratings"]
    places = list(range(len(check["category"])))
    with plots.quiet_style():
        figure, axes = plots.canvas(210)
        axes.bar(
            places,
            check["observed"],
            width=0.7,
            color=plots.GRID,
            edgecolor=plots.MUTED,
            linewidth=0.8,
        )
        axes.vlines(places, check["low"], check["high"], color=plots.BLUE, linewidth=2.4)
        axes.plot(places, check["predicted_mean"], "o", color=plots.BLUE, markersize=6)
        axes.set_xticks(
            places, [f"{c:+d}".replace("-", MINUS) if c else "0" for c in check["category"]]
        )
        axes.set_xlabel("Rating (positive: toward breakdown)", color=plots.MUTED)
        axes.set_ylim(bottom=0)
        plots.y_title(axes, "Ratings")
        svg = plots.to_svg(figure, "check-ratings")
    outside = [
        c
        for c, o, low, high in zip(
            check["category"], check["observed"], check["low"], check["high"], strict=True
        )
        if not low <= o <= high
    ]
    alt = f"Bars of observed ratings with predicted intervals. {_inside(len(places), outside)}"
    return Panel(title="", svg=svg, alt=alt)


def _inside(total: int, outside: Sequence[Any]) -> str:
    if not outside:
        return f"All {total} observed values lie inside their intervals."
    named = ", ".join(str(o).replace("-", MINUS) for o in outside)
    return f"{total - len(outside)} of {total} observed values lie inside; outside: {named}."


def ladder(record: Record) -> Panel:
    """Draw how many agreements had reached each rung by 1, 5 and 10 years."""
    found = record["checks"]["ladder"]
    rows = [
        r
        for rung in rungs_in(dict.fromkeys(r["rung"] for r in found))
        for r in found
        if r["rung"] == rung
    ]
    labels = [f"{RUNG_NAMES[r['rung']]}, {number(r['years'])} y" for r in rows]
    with plots.quiet_style():
        figure, axes = plots.canvas(52 + 22 * len(rows), left=126, top=10)
        for place, row in enumerate(rows):
            axes.plot([row["low"], row["high"]], [place] * 2, color=plots.BLUE, linewidth=2.4)
            axes.plot([row["mean"]], [place], "o", color=plots.BLUE, markersize=6)
            axes.plot(
                [row["observed"]],
                [place],
                "D",
                color=plots.PAPER,
                markersize=6.5,
                markeredgecolor=plots.INK,
                markeredgewidth=1.5,
            )
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_yticks(range(len(rows)), labels)
        axes.tick_params(axis="y", labelcolor=plots.INK)
        axes.grid(False, axis="y")
        axes.grid(True, axis="x")
        axes.set_xlim(left=0)
        axes.set_xlabel("Agreements that had reached it", color=plots.MUTED)
        svg = plots.to_svg(figure, "check-ladder")
    outside = [
        label
        for label, r in zip(labels, rows, strict=True)
        if not r["low"] <= r["observed"] <= r["high"]
    ]
    alt = f"Interval plot of predicted counts, {interval_name(record)}, with the observed ones. "
    return Panel(title="", svg=svg, alt=alt + _inside(len(rows), outside))


def pareto_k(record: Record, name: str) -> Panel:
    """Draw the Pareto k of every left-out unit."""
    loo = record["checks"]["loo"][name]
    rows = loo["rows"]
    values = [row["pareto_k"] for row in rows]
    with plots.quiet_style():
        figure, axes = plots.canvas(190)
        axes.plot(
            range(len(rows)),
            values,
            "o",
            color=plots.BLUE,
            markersize=4.5,
            alpha=0.75,
            markeredgewidth=0,
        )
        axes.axhline(PARETO_K_LIMIT, color=plots.VERMILLION, linewidth=1.2, linestyle=(0, (4, 2)))
        for place, row in enumerate(rows):
            if row["pareto_k"] > PARETO_K_LIMIT:
                axes.annotate(
                    str(row["id"])[:20],
                    (place, row["pareto_k"]),
                    xytext=(5, 3),
                    textcoords="offset points",
                )
        axes.set_ylim(
            min([0.0, *(v - 0.05 for v in values)]), max([0.85, *(1.1 * v for v in values)])
        )
        axes.set_xlabel("Left-out unit, in the order of the table", color=plots.MUTED)
        plots.y_title(axes, "Pareto k")
        svg = plots.to_svg(figure, f"loo-{name}")
    alt = (
        f"Scatter plot of Pareto k for {counted(len(rows), 'left-out unit')}. The largest is "
        f"{number(loo['pareto_k_max'], 2)}; {loo['k_over_0_7']} exceed 0.7."
    )
    return Panel(title="", svg=svg, alt=alt)
