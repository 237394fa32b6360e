"""The commands behind :mod:`durability.cli`, each a few lines around the library.

What a command needs beyond click is imported inside it: ``durability --help`` must be quick.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import get_completion_class

from durability.command_types import (
    CASE,
    DAY,
    DIAGNOSTICS_FAILED,
    FOLDER,
    FORECASTS,
    MODEL,
    check_writable,
    cutoff_option,
    priors_option,
    sampling,
    sampling_options,
    tries_option,
)
from durability.commands_backtest import backtest
from durability.commands_election import election
from durability.commands_ledger import begin_recording, finish_recording, record_options
from durability.commands_ledger import ledger as ledger_commands
from durability.commands_news import news
from durability.commands_priors import priors as priors_commands
from durability.commands_replay import replay
from durability.commands_rivals import rivals
from durability.commands_scenarios import scenario, watch
from durability.commands_spells import spells
from durability.commands_update import compare, update
from durability.errors import DurabilityError, InputError, Problem, Problems, quoted

if TYPE_CHECKING:
    from durability.cases import Case
    from durability.prior_sets import PriorSet

COMPLETION_VARIABLE = "_DURABILITY_COMPLETE"


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and give its exit status; Ctrl-C passes through."""
    try:
        status = durability.main(
            args=None if arguments is None else list(arguments),
            prog_name="durability",
            complete_var=COMPLETION_VARIABLE,
            standalone_mode=False,
        )
    except click.Abort as stopped:
        raise KeyboardInterrupt from stopped
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except DurabilityError as error:
        click.echo(_told(error), err=True)
        return error.exit_status
    return status if isinstance(status, int) else 0


def _told(error: DurabilityError) -> str:
    if isinstance(error, InputError) and len(error.problems) > 1:
        return f"{error}\n{len(error.problems)} problems; nothing was done."
    return str(error)


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit status: 0 fine, 2 bad input, 3 diagnostics failed, 130 stopped.",
)
@click.version_option(package_name="durability", message="%(prog)s %(version)s")
def durability() -> None:
    """Forecast how durable an agreement between states is.

    A CASE is a name (durability cases lists them) or the path of a case folder.
    """


# Forecasts ----------------------------------------------------------------------------------


@durability.command()
@click.argument("case", type=CASE)
@cutoff_option()
@click.option(
    "--horizon",
    type=click.IntRange(1, 600),
    default=60,
    show_default=True,
    help="Months after the cutoff that the curves cover.",
)
@priors_option()
@click.option(
    "--model", type=MODEL, default="breakdown", show_default=True, help="A model of models/."
)
@sampling_options()
@click.option("--out", type=FOLDER, help="Folder for the report.  [default: forecasts/CASE/CUTOFF]")
@click.option("--refit", is_flag=True, help="Sample again even where the fit is cached.")
@tries_option()
@click.option(
    "--sensitivities/--no-sensitivities",
    default=True,
    show_default=True,
    help="Refit, with short chains, under each alternative assumption too.",
)
@record_options("forecast")
def forecast(
    case: str,
    cutoff: date | None,
    horizon: int,
    priors: str,
    out: Path | None,
    record: bool,
    ledger: Path,
    **settings: Any,
) -> int:
    """Forecast CASE and write its report.

    Prints the probability of each rung of breakdown with its interval, its Monte Carlo error
    and the verdict on the fit. A fit is cached: the second run of the same forecast is quick.
    """
    from durability.progress import timing_line

    with sampling() as progress:
        progress.stage("read")
        found, chosen = _read(case, priors)
        cutoff = found.covered_until if cutoff is None else cutoff
        out = FORECASTS / found.name / str(cutoff) if out is None else out
        check_writable(out)
        inputs = begin_recording(found, chosen, ledger) if record else None
        from durability.forecasts import run as run_forecast

        made = run_forecast(
            found,
            cutoff=cutoff,
            horizon_months=horizon,
            priors=chosen,
            since=_last_fit(found.name),
            progress=progress,
            **settings,
        )
        progress.stage("report")
        began = time.monotonic()
        from durability.report import write_report

        written = write_report(made, out)
        progress.done()
    timings = {**made.record["timings"], "report": time.monotonic() - began}
    click.echo(timing_line(timings), err=True)
    status = _show(made.record, written)
    if inputs is not None:
        finish_recording(made.record, inputs, ledger)
    return status


@durability.command()
@click.argument("case", type=CASE)
@click.option("--cutoff", type=DAY, help="Cutoff of the forecast.  [default: the latest]")
@click.option(
    "--out", type=FOLDER, help="Folder of the forecast.  [default: forecasts/CASE/CUTOFF]"
)
def report(case: str, cutoff: date | None, out: Path | None) -> int:
    """Render the report of a forecast of CASE again, without sampling."""
    folder = _recorded(Path(case).resolve().name, cutoff) if out is None else out
    check_writable(folder)
    from durability.report import read_recorded, write_report

    made = read_recorded(folder)
    return _show(made.record, write_report(made, folder))


def _last_fit(case: str) -> str:
    """Find the fit of the forecast of a case that was written last; empty where there is none."""
    import json

    def written(path: Path) -> float:
        return path.stat().st_mtime

    with contextlib.suppress(OSError, ValueError):
        newest = max((FORECASTS / case).glob("*/forecast.json"), key=written, default=None)
        if newest is not None:
            record = json.loads(newest.read_text(encoding="utf-8"))
            return str(record.get("fit", "")) if isinstance(record, dict) else ""
    return ""


def _read(case: str, priors: str) -> tuple[Case, PriorSet]:
    """Read a case and a prior set, and tell what is wrong with both at once."""
    from durability.cases import read_case
    from durability.prior_sets import read_priors

    problems = Problems()
    try:
        found = read_case(case)
    except InputError as error:
        problems.extend(error.problems)
    try:
        chosen = read_priors(priors)
    except InputError as error:
        problems.extend(error.problems)
    problems.raise_any()
    return found, chosen


def _recorded(case: str, cutoff: date | None) -> Path:
    """Find the folder of a recorded forecast: of a cutoff, or the latest."""
    home = FORECASTS / case
    recorded = sorted(path.parent for path in home.glob("*/forecast.json"))
    if cutoff is not None:
        recorded = [folder for folder in recorded if folder.name == str(cutoff)]
    if recorded:
        return recorded[-1]
    of = f" as of {cutoff}" if cutoff else ""
    problem = Problem(
        where=str(home),
        found=f"no forecast of {quoted(case)}{of}",
        allowed=f"make it with durability forecast {case}, or name its folder with --out",
    )
    raise InputError([problem])


def _show(record: dict[str, Any], written: Sequence[Path]) -> int:
    from durability.screen import forecast_lines

    for line in forecast_lines(record):
        click.echo(line)
    click.echo("")
    for path in written:
        click.echo(path)
    return 0 if record["verdict"]["ok"] else DIAGNOSTICS_FAILED


# Cases --------------------------------------------------------------------------------------


@durability.command()
def cases() -> None:
    """List the cases that have a name here."""
    from durability.cases import list_cases

    for name, folder in list_cases().items():
        click.echo(f"{name}  {folder}")


@durability.command()
@click.argument("case", type=CASE)
@cutoff_option()
def check(case: str, cutoff: date | None) -> None:
    """Validate CASE and show what the model would use of it, what not, and why."""
    from durability.assembly import assemble
    from durability.cases import read_case
    from durability.screen import check_lines

    for line in check_lines(assemble(read_case(case), cutoff=cutoff)):
        click.echo(line)


@durability.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--title", help="Title of the case.  [default: the folder's name]")
@click.option(
    "--parties",
    nargs=2,
    default=("First state", "Second state"),
    show_default=True,
    help="The two states.",
)
def new(path: Path, title: str | None, parties: tuple[str, str]) -> None:
    """Write the commented skeleton of a case at PATH; it validates and forecasts."""
    from durability.cases import new_case

    folder = new_case(path, title=title or path.resolve().name, parties=parties)
    click.echo(f"{folder}: replace what is marked EXAMPLE, then: durability check {folder}")


@durability.command()
@click.argument("case", type=CASE)
@click.argument("path", type=click.Path(path_type=Path), required=False)
def copy(case: str, path: Path | None) -> None:
    """Copy CASE to PATH, by default to ./cases, to be changed there."""
    from durability.cases import copy_case

    click.echo(copy_case(case, path))


durability.add_command(priors_commands)


durability.add_command(news)
durability.add_command(election)
durability.add_command(update)
durability.add_command(compare)
durability.add_command(replay)
durability.add_command(backtest)
durability.add_command(scenario)
durability.add_command(rivals)
durability.add_command(watch)
durability.add_command(ledger_commands)
durability.add_command(spells)


# Completion ---------------------------------------------------------------------------------


@durability.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print a script that completes commands and names in SHELL.

    For bash: durability completion bash > ~/.durability-completion, then source it from ~/.bashrc.
    """
    kind = get_completion_class(shell)
    if kind is not None:
        click.echo(kind(durability, {}, "durability", COMPLETION_VARIABLE).source())
