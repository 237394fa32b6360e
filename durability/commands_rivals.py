"""The command that fits a case under prior sets that disagree."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import click

from durability.command_types import (
    CASE,
    DIAGNOSTICS_FAILED,
    PRIORS,
    cutoff_option,
    priors_option,
    sampling,
    sampling_options,
)

if TYPE_CHECKING:
    from durability.prior_sets import PriorSet


@click.command()
@click.argument("case", type=CASE)
@click.argument("sets", nargs=-1, type=PRIORS, metavar="[SET]...")
@cutoff_option()
@priors_option(told="The set that the others are held against.")
@sampling_options()
def rivals(
    case: str, sets: tuple[str, ...], cutoff: date | None, priors: str, **settings: Any
) -> int:
    """Fit CASE under rival prior sets, and see whether history can tell them apart.

    Without SETs the shipped ones are taken. Each is fitted as the forecast is, which takes minutes;
    fits are cached, and with the shipped sets the next report of CASE shows them.
    """
    from durability.assembly import assemble
    from durability.cases import read_case
    from durability.inference import Settings, build
    from durability.judged_fits import fit_and_judge
    from durability.prior_sets import read_priors
    from durability.rival_screen import rival_lines
    from durability.rivals import check_distinct, compare_rivals

    chosen = read_priors(priors)
    others: list[PriorSet] | None = [read_priors(each) for each in sets] or None
    check_distinct([chosen, *(others or ())])
    model = build(assemble(read_case(case), cutoff=cutoff), chosen)
    with sampling() as progress:
        found = fit_and_judge(model, Settings(**settings), progress=progress)
        record = compare_rivals(found.fit, others, progress=progress)
        progress.done()
    for line in rival_lines(record):
        click.echo(line)
    sound = all(not each["note"] for each in record["rivals"]["sets"])
    return 0 if sound else DIAGNOSTICS_FAILED
