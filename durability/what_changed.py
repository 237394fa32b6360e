"""What changed since the last forecast: the section that follows the answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from durability.blocks import (
    Block,
    Cell,
    Figure,
    Paragraph,
    Section,
    Table,
    number_columns,
    text_columns,
)
from durability.change_charts import part_label, waterfall
from durability.wording import (
    counted,
    headline_horizon,
    largest_parts,
    long_date,
    moved_points,
    percent,
    shortened,
    signed,
    signed_points,
    verdict_tag,
)

Record = Mapping[str, Any]


def what_changed(record: Record) -> tuple[Section, ...]:
    """Say what moved the forecast since the last one; no section where there was none."""
    changes = record.get("changes")
    if not changes:
        return ()
    months = _headline(record)
    was = changes["before"]["breakdown"][months]["mean"]
    now = changes["after"]["breakdown"][months]["mean"]
    moved = f"{signed_points(now - was)} points"
    since = changes["since"]
    same = since["cutoff"] == record["cutoff"]
    earlier = "the same day" if same else long_date(since["cutoff"])
    blocks: list[Block] = [
        Paragraph(
            text=f"The last forecast, as of {earlier}, gave breakdown within {months} months "
            f"{percent(was)}; this one gives {percent(now)}: {moved}."
        ),
        Paragraph(text=_method(changes)),
    ]
    if changes["parts"]:
        blocks.append(
            Figure(
                name="what-changed",
                caption=f"What moved the chance of breakdown within {months} months, in points "
                "with Monte Carlo errors. The parts add up to the change.",
                panels=(waterfall(record, months),),
                table=_table(record, months),
            )
        )
    return (
        Section(name="changed", title="What changed since the last forecast", blocks=tuple(blocks)),
    )


def _headline(record: Record) -> str:
    """Give the headline's horizon where the change is told at it, else the longest told."""
    told = record["changes"]["after"]["breakdown"]
    months = headline_horizon(record)
    return months if months in told else max(told, key=int)


def _method(changes: Record) -> str:
    trust = changes["trust"]
    if trust is None:
        return f"Its parts cannot be told: {'; '.join(changes['reasons'])}."
    how = (
        "A part’s share is what it adds, averaged over all orders in which the parts could have "
        "come (its Shapley value)"
    )
    if changes["orders"]:
        how += f", here over {changes['orders']} sampled orders"
    weights = (
        f"found by weighing the last fit’s {trust['draws']} draws: "
        f"{trust['effective_size']:.0f} effective draws, "
        f"{counted(trust['months'], 'month')} bridged"
    )
    if not changes["reasons"]:
        return f"{how}, {weights}."
    return (
        f"{how}, {weights}. The parts are rough, since {'; '.join(changes['reasons'])}; what the "
        "weights cannot tell is a part of its own."
    )


def _table(record: Record, months: str) -> Table:
    changes = record["changes"]
    horizons = sorted(changes["after"]["breakdown"], key=int)
    ordered, _ = largest_parts(changes, months, len(changes["parts"]))
    rows: list[tuple[Cell, ...]] = [
        (
            shortened(part_label(part), LABEL_MOST),
            moved_points(part["changes"]["breakdown"][months]),
            *(signed(100 * part["changes"]["breakdown"][h]["mean"]) for h in horizons),
        )
        for part in ordered
    ]
    before, after = changes["before"]["breakdown"], changes["after"]["breakdown"]
    moved = {h: signed(100 * (after[h]["mean"] - before[h]["mean"])) for h in horizons}
    rows.append(("All together", moved[months], *moved.values()))
    heads = [f"{h} months" for h in horizons]
    return Table(
        name="what-changed-table",
        caption="What each part adds to the chance of breakdown, in percentage points, with its "
        f"Monte Carlo standard error at {months} months. {verdict_tag(record)}",
        columns=(*text_columns("Part"), *number_columns(f"{months} months ± error", *heads)),
        rows=tuple(rows),
        folded=True,
    )


LABEL_MOST = 110
