"""The command ``durability election``, a few lines around the library."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import click

from durability.command_types import (
    CASE,
    DIAGNOSTICS_FAILED,
    check_writable,
    cutoff_option,
    priors_option,
    sampling,
    sampling_options,
    tries_option,
)


@click.command()
@click.argument("case", type=CASE)
@cutoff_option()
@priors_option("election", "A prior set for the model of votes, by name or path.")
@sampling_options(draws=1500, tune=700)
@click.option("--refit", is_flag=True, help="Sample again even where the fit is cached.")
@tries_option()
@click.option(
    "--record-json",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write all that is shown to this file.",
)
def election(
    case: str,
    cutoff: date | None,
    priors: str,
    record_json: Path | None,
    **settings: Any,
) -> int:
    """Forecast the election of CASE: votes, seats, and the chances that they carry.

    Before its result is known, from the polls published by the cutoff; after it, the result
    itself. A fit is cached: the second run is quick.
    """
    from durability.cases import read_case
    from durability.election_forecast import election_chances
    from durability.election_screen import election_lines
    from durability.election_settings import read_election

    if record_json is not None:
        check_writable(record_json.parent, "choose another file")
    with sampling() as progress:
        progress.stage("read")
        found = read_election(case)
        when = read_case(case).covered_until if cutoff is None else cutoff
        made = election_chances(found, cutoff=when, priors=priors, progress=progress, **settings)
        progress.done()
    record = made.to_record()
    for line in election_lines(record):
        click.echo(line)
    if record_json is not None:
        from durability.files import write_whole

        written = write_whole(record_json, json.dumps(record, indent=1, ensure_ascii=False) + "\n")
        click.echo(f"\n{written}")
    return 0 if record["verdict"]["ok"] else DIAGNOSTICS_FAILED
