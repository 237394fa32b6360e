"""The commands that revise a forecast and say what moved it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from durability.command_types import (
    CASE,
    DAY,
    DIAGNOSTICS_FAILED,
    FOLDER,
    FORECASTS,
    PRIORS,
    check_writable,
)

if TYPE_CHECKING:
    from durability.assembly import ModelData
    from durability.cases import Case
    from durability.prior_sets import PriorSet
    from durability.update import Base, Update


@click.command()
@click.argument("case", type=CASE)
@click.option(
    "--cutoff",
    type=DAY,
    help="Nothing known later enters.  [default: the day the newest rated item became known]",
)
@click.option(
    "--priors",
    type=PRIORS,
    default="default",
    show_default=True,
    help="A prior set, by name or path.",
)
@click.option(
    "--refit/--no-refit",
    default=True,
    show_default=True,
    help="Sample again where the weights of the fit's draws cannot be trusted.",
)
@click.option("--out", type=FOLDER, help="Folder for the record.  [default: forecasts/CASE/CUTOFF]")
def update(case: str, cutoff: date | None, priors: str, refit: bool, out: Path | None) -> int:
    """Revise the forecast of CASE by what has become known since it was fitted.

    Weighs the draws of the last fit by the news that it did not know, and says what the
    probability was, what it is, which item moved it, and how sure that is. It takes a moment;
    where weights will not do, it refits and says so.
    """
    from durability.bases import find_base
    from durability.cases import read_case
    from durability.update import assembled, prepare, revise

    found = read_case(case)
    start = find_base(found, cutoff=cutoff, priors=priors)
    base = _first_fit(found, cutoff, priors) if start is None else prepare(start)
    fit = base.particles
    data = assembled(fit, found, base.rows, cutoff=cutoff)
    again = "Weights of the last fit's draws will not do: sampling again."
    revised = revise(base, data, refit=_refit_with(fit.priors, fit.seed, again) if refit else None)
    return _show_update(revised, out)


def _first_fit(case: Case, cutoff: date | None, priors: str) -> Base:
    """Fit the case as far as its news is covered: what has come since is then weighed."""
    from durability.assembly import assemble
    from durability.prior_sets import read_priors

    until = case.covered_until if cutoff is None else min(cutoff, case.covered_until)
    told = "No fit of this case and prior set is kept: making one first."
    return _refit_with(read_priors(priors), 1, told)(assemble(case, cutoff=until))


def _refit_with(priors: PriorSet, seed: int, why: str) -> Callable[[ModelData], Base]:
    def refit(data: ModelData) -> Base:
        from durability.forecasts import refitted
        from durability.progress import show_progress

        click.echo(why, err=True)
        with show_progress() as progress:
            base = refitted(data, priors, seed=seed, progress=progress)
            progress.done()
        return base

    return refit


def _show_update(revised: Update, out: Path | None) -> int:
    from durability.changes import update_record
    from durability.files import write_whole
    from durability.update_screen import update_lines

    record = update_record(revised)
    folder = FORECASTS / record["case"] / record["cutoff"] if out is None else out
    check_writable(folder)
    text = json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    for line in update_lines(record):
        click.echo(line)
    click.echo("")
    click.echo(write_whole(folder / "update.json", text))
    return 0 if record["verdict"]["ok"] else DIAGNOSTICS_FAILED
