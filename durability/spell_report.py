"""A fit of spells as a report: the same blocks, page and Markdown as a forecast's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from durability import plots
from durability.blocks import (
    Answer,
    Block,
    Column,
    Figure,
    Panel,
    Paragraph,
    Report,
    Section,
    Table,
    number_columns,
    printable,
)
from durability.files import write_through, write_whole
from durability.inference import package_version
from durability.markdown import to_markdown
from durability.report import FIT_NAME, HTML_NAME, MARKDOWN_NAME, to_html
from durability.spell_checks import SpellCheck
from durability.spell_screen import caution_lines, effect_rows, table_lines
from durability.spells import SpellFit
from durability.summaries import INTERVAL
from durability.wording import counted, number, percent

READ_AGES = 6
"""Ages at which the table beside the curve reads it."""


def write_spell_report(fit: SpellFit, check: SpellCheck, folder: Path) -> list[Path]:
    """Write report.html, report.md and fit.nc of a fit of spells.

    Parameters
    ----------
    fit : SpellFit
    check : SpellCheck
        Of :func:`durability.check_spells`.
    folder : Path
        Made where it is missing; the three files in it are replaced.

    Returns
    -------
    list of Path
        The files, the report first.

    Raises
    ------
    WriteError
        A file could not be written; what stood in its place still stands.
    """
    report = compose_spells(fit, check)
    html, markdown = to_html(report), to_markdown(report)
    return [
        write_whole(folder / HTML_NAME, html),
        write_whole(folder / MARKDOWN_NAME, markdown),
        write_through(folder / FIT_NAME, lambda path: fit.tree.to_netcdf(path, engine="h5netcdf")),
    ]


def compose_spells(fit: SpellFit, check: SpellCheck) -> Report:
    """Make the report's content."""
    verdict = "diagnostics passed" if check.verdict.ok else "diagnostics FAILED: do not use these"
    answer = Answer(
        sentences=tuple(table_lines(fit.table)),
        verdict=verdict,
        reasons=check.verdict.reasons,
        ok=check.verdict.ok,
        probabilities=_effects(fit),
        fan=_curve(check),
        knowledge=(
            "Effects are associations: what went with a longer or shorter spell in these data. "
            f"Intervals are equal-tailed and hold {INTERVAL:.0%} of the draws.",
        ),
    )
    return Report(
        title=f"Spells of {printable(fit.table.name)}",
        subtitle=f"{fit.model.hazard.capitalize()} hazard"
        + (", a frailty by cluster" if fit.model.frailty else ""),
        answer=answer,
        sections=(_assumed(fit), _checked(check), _diagnosed(check)),
        colophon=(
            f"Made by durability {package_version('durability')}: seed {fit.settings.seed}, "
            f"{fit.settings.chains} chains of {fit.settings.draws} draws, fit {fit.key[:12]}."
        ),
    )


def _effects(fit: SpellFit) -> Table:
    columns = (Column(title="", kind="text"), *number_columns("mean", "interval", "hazard ratio"))
    rows = tuple(tuple(row) for row in effect_rows(fit))
    caption = "What each covariate does to the log hazard, a unit of it, and the hazard's own shape"
    return Table(name="effects", caption=caption, columns=columns, rows=rows)


def _curve(check: SpellCheck) -> Figure:
    ages = [0.0, *(row["age"] for row in check.curve)]
    chosen = np.unique(np.linspace(0, len(check.curve) - 1, READ_AGES).astype(int))
    read = [check.curve[i] for i in chosen] if check.curve else []
    rows = tuple(
        (
            number(row["age"]),
            f"{percent(row['observed'])} ({_span(row, 'observed_low', 'observed_high')})",
            f"{percent(row['mean'])} ({_span(row, 'low', 'high')})",
            number(row["at_risk"]),
        )
        for row in read
    )
    with plots.quiet_style():
        figure, axes = plots.canvas(220)
        _draw(axes, ages, check)
        svg = plots.to_svg(figure, "spells-survival")
    told = "; ".join(
        f"at {number(row['age'])} {percent(row['observed'])} seen, {percent(row['mean'])} expected"
        for row in read
    )
    heads = ("age", "Kaplan–Meier", "model", "at risk")
    caption = "Survival: seen, and expected by the model of those who were at risk"
    table = Table(name="survival", caption=caption, columns=number_columns(*heads), rows=rows)
    panel = Panel(title="", svg=svg, alt=f"Survival curves: {told or 'no event was seen'}.")
    return Figure(name="survival-figure", caption=caption, panels=(panel,), table=table)


def _span(row: Any, low: str, high: str) -> str:
    return f"{percent(row[low])} to {percent(row[high])}"


def _draw(axes: Any, ages: Sequence[float], check: SpellCheck) -> None:
    def along(name: str) -> list[float]:
        return [1.0, *(row[name] for row in check.curve)]

    axes.fill_between(ages, along("low"), along("high"), color=plots.BLUE, alpha=0.22, linewidth=0)
    axes.plot(ages, along("mean"), color=plots.BLUE, linewidth=2, linestyle=(0, (5, 2)))
    axes.step(ages, along("observed"), where="post", color=plots.INK, linewidth=1.5)
    axes.set_xlim(0, max(ages) or 1.0)
    axes.set_ylim(0, 1)
    axes.set_xlabel("Age, in the table's unit of time", color=plots.MUTED)
    plots.percent_axis(axes.yaxis)
    plots.y_title(axes, "Share without the event")


def _assumed(fit: SpellFit) -> Section:
    rows = tuple(
        (
            prior.meaning,
            f"{prior.distribution} "
            + ", ".join(f"{key} {number(value)}" for key, value in prior.values.items()),
            prior.reason,
        )
        for prior in fit.model.used_priors.values()
    )
    heads = ("parameter", "prior", "reason")
    columns = tuple(Column(title=head, kind="text") for head in heads)
    unit = (
        f"Time is measured in units of {number(fit.groups.unit)}; a covariate of two values is "
        "scaled to their distance, any other to two standard deviations."
    )
    told = tuple(Paragraph(text=text) for text in (unit, *caution_lines(fit)))
    table = Table(name="priors", caption="What was believed before", columns=columns, rows=rows)
    return Section(name="assumed", title="Assumptions", blocks=(*told, table))


def _checked(check: SpellCheck) -> Section:
    heads = ("seen", "expected", "interval")
    by_age = tuple(
        (f"{number(row['begin'])} to {number(row['end'])}", *_counts(row)) for row in check.bands
    )
    by_risk = tuple((f"{row['group']:.0f}", *_counts(row)) for row in check.risks)
    blocks: list[Block] = [
        Table(
            name="events-by-age",
            caption="Events by age, seen and replicated",
            columns=(Column(title="age", kind="short"), *number_columns(*heads)),
            rows=by_age,
        ),
        Table(
            name="events-by-risk",
            caption="Events by groups of equal expected number, the lowest hazard first",
            columns=(Column(title="group", kind="short"), *number_columns(*heads)),
            rows=by_risk,
        ),
    ]
    blocks += [
        Paragraph(
            text=f"Leave one {name} out: log score {number(found['elpd'])} with a standard error "
            f"of {number(found['se'])}; {found['k_over_0_7']} of "
            f"{counted(len(found['rows']), 'unit')} with a Pareto k above 0.7, where it is not to "
            "be trusted."
        )
        for name, found in check.loo.items()
    ]
    return Section(name="checks", title="Against the data", blocks=tuple(blocks))


def _counts(row: Any) -> tuple[str, str, str]:
    return (
        number(row["observed"]),
        number(row["mean"]),
        f"{number(row['low'])} to {number(row['high'])}",
    )


def _diagnosed(check: SpellCheck) -> Section:
    rows = tuple(
        (
            each.name,
            number(each.value),
            number(each.limit),
            "passed" if each.ok else "FAILED",
            str(printable(each.worst)),
        )
        for each in check.verdict.checks
    )
    columns = (
        Column(title="check", kind="text"),
        *number_columns("value", "limit"),
        *(Column(title=title, kind="text") for title in ("", "worst")),
    )
    table = Table(name="verdict", caption="The sampler's diagnostics", columns=columns, rows=rows)
    return Section(name="diagnostics", title="Diagnostics", blocks=(table,))
