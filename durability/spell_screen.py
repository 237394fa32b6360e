"""Fits of spells as lines on a screen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from durability.blocks import printable
from durability.spell_tables import SpellTable
from durability.summaries import INTERVAL, interval
from durability.wording import counted, number, percent, table

if TYPE_CHECKING:
    from durability.cox import CoxFit
    from durability.spell_checks import SpellCheck
    from durability.spell_maximum import SpellMaximum
    from durability.spell_sources import SourceTable
    from durability.spells import SpellFit

CURVE_LINES = 5


def table_lines(spells: SpellTable) -> Iterator[str]:
    """Say what a table holds."""
    subjects = len(np.unique(spells.subject))
    parts = [counted(len(spells), "row"), counted(subjects, "subject")]
    parts.append(f"{number(spells.events)} events")
    if spells.within.any():
        parts.append(f"{int(spells.within.sum())} of them known to an interval")
    if spells.clusters:
        parts.append(counted(len(np.unique(spells.cluster)), "cluster"))
    if spells.dropped:
        parts.append(f"{counted(spells.dropped, 'row')} left out for an empty cell")
    yield f"{printable(spells.name)}: {', '.join(parts)}."


def caution_lines(fit: SpellFit) -> Iterator[str]:
    """Say what a frailty is the law of, where spells entered late."""
    late = fit.table.late
    if fit.model.frailty and late:
        yield (
            f"{counted(late, 'subject')} entered later than age 0, and only because they had "
            "lasted: the clusters' frailty is that of what entered, and the hazard before entry "
            "is not that of all that began."
        )


def source_lines(source: SourceTable) -> Iterator[str]:
    """Say what a data set of others is, what was left out of it and how to cite it."""
    yield f"{source.source.title}."
    for reason, count in source.left_out.items():
        yield f"  {counted(count, 'row')} left out: {reason}."
    yield f"Cite: {source.source.citation}"
    yield source.source.terms


def fit_lines(fit: SpellFit, check: SpellCheck) -> Iterator[str]:
    """Write a fit: a failed verdict first, then effects, shape, and the data beside it."""
    if not check.verdict.ok:
        yield "DO NOT USE THESE NUMBERS: the diagnostics failed."
        yield from (f"  {reason}" for reason in check.verdict.reasons)
        yield ""
    yield from table_lines(fit.table)
    yield ""
    yield from table(
        ["", "estimate", f"{INTERVAL:.0%} interval", "hazard ratio"], list(effect_rows(fit))
    )
    yield from caution_lines(fit)
    yield ""
    yield from _curve_lines(check)
    for name, found in check.loo.items():
        yield (
            f"Leave one {name} out: {number(found['elpd'])} ± {number(found['se'])}; "
            f"{found['k_over_0_7']} of {len(found['rows'])} with a Pareto k above 0.7."
        )
    yield f"Verdict: diagnostics {'passed' if check.verdict.ok else 'FAILED'}."


def effect_rows(fit: SpellFit) -> Iterator[list[str]]:
    """Give a row a parameter: name, mean, interval, and the hazard ratio of an effect."""
    posterior = fit.posterior
    for name, label in ROWS.items():
        if name not in posterior:
            continue
        values = posterior[name].values
        values = values.reshape((values.shape[0] * values.shape[1], -1))
        dims = [str(d) for d in posterior[name].dims[2:]]
        labels: Sequence[str] = [str(x) for x in posterior[dims[0]].values] if dims else [""]
        for place, which in enumerate(labels):
            told = interval(values[:, place])
            alone = len(labels) == 1 and name != "effect"
            yield [
                label if alone else str(printable(f"{label} {which}".strip())),
                number(told["mean"]),
                f"{number(told['low'])} to {number(told['high'])}",
                number(float(np.exp(np.median(values[:, place])))) if name == "effect" else "",
            ]


ROWS = {
    "effect": "",
    "shape": "shape",
    "intercept": "log hazard accumulated by age 1, covariates at 0",
    "frailty_sd": "sd of the clusters' frailty",
}


def _curve_lines(check: SpellCheck) -> Iterator[str]:
    if not check.curve:
        return
    chosen = np.unique(np.linspace(0, len(check.curve) - 1, CURVE_LINES).astype(int))
    shown = [check.curve[i] for i in chosen]
    yield from table(
        ["survival to age", "Kaplan–Meier", "", "model, same risk sets", "", "at risk"],
        [
            [
                number(row["age"]),
                percent(row["observed"]),
                f"{percent(row['observed_low'])} to {percent(row['observed_high'])}",
                percent(row["mean"]),
                f"{percent(row['low'])} to {percent(row['high'])}",
                number(row["at_risk"]),
            ]
            for row in shown
        ],
    )
    counts = (*check.bands, *check.risks)
    outside = [row for row in counts if not row["low"] <= row["observed"] <= row["high"]]
    yield (
        f"Events by age and by risk: {len(outside)} of {len(counts)} counts "
        f"outside their {INTERVAL:.0%} intervals."
    )


def maximum_lines(found: SpellMaximum) -> Iterator[str]:
    """Write a maximum of the likelihood."""
    yield from table_lines(found.table)
    yield ""
    yield from _error_table(found.names, found.estimates, found.errors, found.clustered_errors)
    yield ""
    yield f"Log-likelihood {found.log_likelihood:.4f}."
    for name in found.unbounded:
        yield (
            f"{printable(name)} separates the events: its likelihood has no finite maximum, and "
            "the number above is only where the search ended. A prior settles it: fit a posterior."
        )
    if not found.converged:
        yield "DO NOT USE THESE NUMBERS: the search did not converge."


def cox_lines(found: CoxFit) -> Iterator[str]:
    """Write a Cox fit."""
    yield from table_lines(found.table)
    yield ""
    yield from _error_table(
        found.table.covariates, found.effects, found.errors, found.clustered_errors
    )
    yield ""
    yield (
        f"Log partial likelihood {found.log_likelihood:.4f}, {found.log_likelihood_null:.4f} "
        f"without covariates; ties by {found.ties.capitalize()}."
    )
    if not found.converged:
        yield "DO NOT USE THESE NUMBERS: the search did not converge."


def _error_table(
    names: Sequence[str], values: np.ndarray, errors: np.ndarray, clustered: np.ndarray | None
) -> Iterator[str]:
    heads = ["", "estimate", "standard error", *(["clustered"] if clustered is not None else [])]
    rows = []
    for i, name in enumerate(names):
        row = [str(printable(name)), number(float(values[i])), number(float(errors[i]))]
        rows.append([*row, number(float(clustered[i]))] if clustered is not None else row)
    yield from table(heads, rows)
