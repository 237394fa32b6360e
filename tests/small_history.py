"""A small made-up history: nine agreements of three clusters, of which one always breaks down.

Agreements of cluster A end in war within weeks; those of B and C hold as long as anybody looks. All
are rated alike and have the same covariates, so only the cluster tells them apart.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from worlds import DEFAULT_PRIORS, history

from durability.agreements import Agreement, DayRange
from durability.assembly import ModelData
from durability.history_data import assemble_history
from durability.inference import Settings, build
from durability.prior_sets import read_priors
from durability.refits import Reference, reference_of

TINY = Settings(draws=8, tune=12, chains=2, seed=5, max_depth=4)
"""Far too short to be used: what is tested is that everybody gets the same."""

CUTOFF = date(2000, 1, 1)


def small_rows() -> tuple[Agreement, ...]:
    """Give the rows, every second pair of states its own."""
    core = [row for row in history() if row.set == "core"]
    return tuple(_row(core[i], i) for i in range(9))


def _row(row: Agreement, i: int) -> Agreement:
    start = date(1950 + 3 * i, 3, 1)
    war = start + timedelta(days=20 + i)
    nothing = dict.fromkeys(("first_force", "first_fatal", "abrogated", "abrogation_ended"))
    residual = dict.fromkeys(("first_force_residual", "first_fatal_residual"))
    new = dict.fromkeys(("first_force_new", "first_fatal_new", "state_end"))
    alike = {"trust": 0, "constitution": 0, "corridor": 0, "interference": 0}
    return replace(
        row,
        **nothing,
        **residual,
        **new,
        cluster="ABC"[i % 3],
        dyad=f"pair {i}",
        start=start,
        first_war=DayRange(first=war, last=war) if i % 3 == 0 else None,
        contiguous=True,
        war_outcome="tie",
        third_party=False,
        territorial_unresolved=True,
        ratings=tuple(replace(each, **alike) for each in row.ratings),
    )


def small_data(rows: tuple[Agreement, ...] | None = None) -> ModelData:
    """Assemble the small history."""
    return assemble_history(small_rows() if rows is None else rows, cutoff=CUTOFF)


def small_reference() -> Reference:
    """Give what refits of the small history share."""
    return reference_of(build(small_data(), read_priors(DEFAULT_PRIORS)))
