"""The commands that revise a forecast and say what moved it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from durability.command_types import (
    CASE,
    DAY,
    DIAGNOSTICS_FAILED,
    FOLDER,
    FORECASTS,
    PRIORS,
    check_writable,
    cutoff_option,
    priors_option,
    sample_election,
    sampling,
)
from durability.commands_ledger import begin_recording, finish_recording, record_options

if TYPE_CHECKING:
    from durability.assembly import ModelData
    from durability.cases import Case
    from durability.prior_sets import PriorSet
    from durability.updating import Update
    from durability.weighing import Base


@click.command()
@click.argument("case", type=CASE)
@cutoff_option("the last day that is covered or has rated news")
@priors_option()
@click.option(
    "--refit/--no-refit",
    default=True,
    show_default=True,
    help="Sample again where the weights of the fit's draws cannot be trusted.",
)
@click.option("--out", type=FOLDER, help="Folder for the record.  [default: forecasts/CASE/CUTOFF]")
@record_options("revised forecast")
def update(
    case: str,
    cutoff: date | None,
    priors: str,
    refit: bool,
    out: Path | None,
    record: bool,
    ledger: Path,
) -> int:
    """Revise the forecast of CASE by what has become known since it was fitted.

    Weighs the draws of the last fit by the news that it did not know, and says what the
    probability was, what it is, which item moved it, and how sure that is. It takes a moment;
    where weights will not do, it moves the draws to the news, and where that will not do, it
    refits; it says so.
    """
    from durability.bases import check_weighable, find_base
    from durability.cases import read_case
    from durability.prior_sets import read_priors
    from durability.updating import assembled, revise
    from durability.weighing import prepare

    found = read_case(case)
    inputs = begin_recording(found, read_priors(priors), ledger) if record else None
    start = find_base(found, cutoff=cutoff, priors=priors)
    base = _first_fit(found, cutoff, priors) if start is None else prepare(start)
    fit = base.particles
    data = assembled(fit, found, base.rows, cutoff=cutoff)
    sample_election(data)
    if not refit:
        check_weighable(base, data)
    again = "Weights of the last fit's draws will not do: sampling again."
    revised = revise(base, data, refit=_refit_with(fit.priors, fit.seed, again) if refit else None)
    made = _written(revised, out)
    if inputs is not None:
        finish_recording(made, inputs, ledger, _method(made))
    return 0 if made["verdict"]["ok"] else DIAGNOSTICS_FAILED


def _method(made: Mapping[str, Any]) -> dict[str, Any]:
    """Say how a revised forecast was made, for the ledger."""
    changes = made["changes"]
    return {
        "kind": "update",
        "step": made["method"],
        "since": changes["since"]["fit"],
        "trust": changes["trust"],
        **({} if made["matching"] is None else {"matching": made["matching"]}),
    }


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

        click.echo(why, err=True)
        with sampling() as progress:
            base = refitted(data, priors, seed=seed, progress=progress)
            progress.done()
        return base

    return refit


def _written(revised: Update, out: Path | None, name: str = "update.json") -> dict[str, Any]:
    """Show a revised forecast, and write its record."""
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
    click.echo(write_whole(folder / name, text))
    return record


@click.command()
@click.argument("case", type=CASE)
@click.option("--before-cutoff", type=DAY, help="Cutoff of the earlier forecast.")
@click.option("--after-cutoff", type=DAY, help="Cutoff of the later one.")
@click.option("--before-case", type=CASE, help="The case as it was: another folder of it.")
@click.option("--before-priors", type=PRIORS, default="default", show_default=True)
@click.option("--after-priors", type=PRIORS, default="default", show_default=True)
@click.option("--out", type=FOLDER, help="Folder for the record.  [default: forecasts/CASE/CUTOFF]")
def compare(
    case: str,
    before_cutoff: date | None,
    after_cutoff: date | None,
    before_case: str | None,
    before_priors: str,
    after_priors: str,
    out: Path | None,
) -> int:
    """Say what moved between two forecasts of CASE: two cutoffs, ledgers or prior sets.

    Both are fitted where the cache does not hold them. Cutoffs are by default the day until
    which the case is covered.
    """
    from durability.assembly import assemble
    from durability.cases import read_case
    from durability.errors import InputError, Problem
    from durability.prior_sets import read_priors
    from durability.updating import compare as compare_fits

    later = read_case(case)
    earlier = later if before_case is None else read_case(before_case)
    sets = [read_priors(name) for name in (before_priors, after_priors)]
    known = (assemble(earlier, cutoff=before_cutoff), assemble(later, cutoff=after_cutoff))
    if known[0].cutoff > known[1].cutoff:
        told = f"the earlier forecast is as of {known[0].cutoff}, the later of {known[1].cutoff}"
        raise InputError([Problem(where="compare", found=told, allowed="swap the cutoffs")])
    before, after = (
        _refit_with(priors, 1, f"Fitting as of {data.cutoff}, or reading that fit.")(data)
        for priors, data in zip(sets, known, strict=True)
    )
    made = _written(compare_fits(before, after, known[1]), out, "comparison.json")
    return 0 if made["verdict"]["ok"] else DIAGNOSTICS_FAILED
