"""The command that fits a case under prior sets that disagree."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import click

from durability.command_types import CASE, DAY, DIAGNOSTICS_FAILED, PRIORS

if TYPE_CHECKING:
    from durability.prior_sets import PriorSet


@click.command()
@click.argument("case", type=CASE)
@click.argument("sets", nargs=-1, type=PRIORS, metavar="[SET]...")
@click.option("--cutoff", type=DAY, help="[default: the day until which the case is covered]")
@click.option(
    "--priors",
    type=PRIORS,
    default="default",
    show_default=True,
    help="The set that the others are held against.",
)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=1, show_default=True)
@click.option("--draws", type=click.IntRange(1), default=1000, show_default=True)
@click.option("--tune", type=click.IntRange(1), default=600, show_default=True)
@click.option("--chains", type=click.IntRange(2), default=4, show_default=True)
def rivals(
    case: str, sets: tuple[str, ...], cutoff: date | None, priors: str, **settings: Any
) -> int:
    """Fit CASE under rival prior sets, and see whether history can tell them apart.

    Without SETs the shipped ones are taken. Each is fitted as the forecast is, which takes minutes;
    fits are cached, and with the shipped sets the next report of CASE shows them.
    """
    from durability.assembly import assemble
    from durability.cases import read_case
    from durability.inference import build, fit
    from durability.prior_sets import read_priors
    from durability.progress import show_progress
    from durability.rival_screen import rival_lines
    from durability.rivals import compare_rivals

    chosen = read_priors(priors)
    others: list[PriorSet] | None = [read_priors(each) for each in sets] or None
    model = build(assemble(read_case(case), cutoff=cutoff), chosen)
    with show_progress() as progress:
        fitted = fit(model, progress=progress, **settings)
        record = compare_rivals(fitted, others, progress=progress)
        progress.done()
    for line in rival_lines(record):
        click.echo(line)
    sound = all(not each["note"] for each in record["rivals"]["sets"])
    return 0 if sound else DIAGNOSTICS_FAILED
