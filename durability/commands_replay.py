"""The command that replays a case, cutoff by cutoff."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from durability.command_types import (
    CASE,
    DAY,
    DIAGNOSTICS_FAILED,
    FOLDER,
    FORECASTS,
    check_writable,
    priors_option,
    sampling,
    sampling_options,
)

if TYPE_CHECKING:
    from durability.assembly import ModelData
    from durability.time_machine import Moment
    from durability.weighing import Base


@click.command()
@click.argument("case", type=CASE)
@click.option(
    "--every",
    type=click.Choice(["month", "quarter"]),
    default="month",
    show_default=True,
    help="How far apart the cutoffs stand.",
)
@click.option("--first", type=DAY, help="No cutoff before it.  [default: the deal]")
@click.option(
    "--last", type=DAY, help="No cutoff after it.  [default: the day the case is covered to]"
)
@priors_option()
@sampling_options()
@click.option("--out", type=FOLDER, help="Folder for the page.  [default: forecasts/CASE/replay]")
def replay(
    case: str,
    every: Literal["month", "quarter"],
    first: date | None,
    last: date | None,
    priors: str,
    seed: int,
    draws: int,
    tune: int,
    chains: int,
    out: Path | None,
) -> int:
    """Forecast CASE at every cutoff since the deal, from what was known then.

    Fits are cached: stopped and started again, it goes on where it was. Ratings made later are
    used at their items' days, so a replay is pseudo-out-of-sample.
    """
    from durability.agreements import read_agreements
    from durability.cases import read_case
    from durability.files import write_whole
    from durability.prior_sets import read_priors
    from durability.time_machine import replay as replay_case
    from durability.time_machine import replay_record

    found, chosen = read_case(case), read_priors(priors)
    folder = FORECASTS / found.name / "replay" if out is None else out
    check_writable(folder)

    def refit(data: ModelData) -> Base:
        from durability.forecasts import refitted

        click.echo(f"Fitting as of {data.cutoff}, or reading that fit.", err=True)
        with sampling() as progress:
            base = refitted(
                data, chosen, seed=seed, draws=draws, tune=tune, chains=chains, progress=progress
            )
            progress.done()
        return base

    def told(moment: Moment) -> None:
        click.echo(f"{moment.cutoff}: {moment.method}", err=True)

    moments = replay_case(
        found, read_agreements(), refit=refit, every=every, first=first, last=last, told=told
    )
    record = replay_record(moments)
    from durability.replay_report import compose_replay, replay_lines
    from durability.report import record_text, to_html

    for line in replay_lines(record):
        click.echo(line)
    click.echo("")
    click.echo(write_whole(folder / "replay.html", to_html(compose_replay(record))))
    click.echo(write_whole(folder / "replay.json", record_text(record)))
    return 0 if all(row["ok"] for row in record["moments"]) else DIAGNOSTICS_FAILED
