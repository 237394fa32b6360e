"""The commands around the forecast ledger."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from durability.command_types import CASE, FOLDER, check_writable
from durability.errors import InputError, Problem
from durability.vocabulary import RUNGS

if TYPE_CHECKING:
    from durability.case_outcomes import CaseOutcome
    from durability.cases import Case
    from durability.forecast_ledger import Inputs, LedgerLine
    from durability.prior_sets import PriorSet

LEDGER = "forecasts/ledger.jsonl"

ledger_option = click.option(
    "--ledger",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    default=LEDGER,
    show_default=True,
    help="The ledger's file.",
)


def record_options(what: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command the options ``--record`` and ``--ledger``."""

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        place = click.option(
            "--ledger",
            type=click.Path(dir_okay=False, path_type=Path),
            default=LEDGER,
            show_default=True,
            help="Where --record records it.",
        )
        asked = click.option("--record", is_flag=True, help=f"Record the {what} in the ledger.")
        return asked(place(command))

    return add


def begin_recording(case: Case, priors: PriorSet, ledger: Path) -> Inputs:
    """Take what a forecast is made from, and refuse a ledger that could not take it later."""
    from durability.forecast_ledger import check_ledger, gather_inputs

    check_ledger(ledger)
    check_writable(ledger.parent, "choose another ledger with --ledger")
    return gather_inputs(case, priors)


def finish_recording(
    record: Mapping[str, Any], inputs: Inputs, ledger: Path, method: Mapping[str, Any] | None = None
) -> None:
    """Record a forecast, and say where and under which hash."""
    from durability.forecast_ledger import record_forecast

    line = record_forecast(record, inputs, ledger=ledger, method=method)
    click.echo(f"{ledger}: recorded as forecast {line.sequence}, hash {line.hash}")


class _Head(click.ParamType[str]):
    """A hash in whole."""

    name = "hash"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value).strip().lower()
        if len(text) == 64 and set(text) <= set("0123456789abcdef"):
            return text
        return self.fail("a hash has 64 hexadecimal digits; copy all of it", param, ctx)


@click.group()
def ledger() -> None:
    """List, show, verify, restore, score and export the forecasts that were recorded."""


@ledger.command("list")
@ledger_option
def list_(path: Path) -> None:
    """List every recorded forecast with its headline probability."""
    from durability.forecast_ledger import read_ledger
    from durability.screen import ledger_lines

    for line in ledger_lines(read_ledger(path)):
        click.echo(line)


@ledger.command()
@click.argument("number", type=click.IntRange(1))
@ledger_option
def show(number: int, path: Path) -> None:
    """Show forecast NUMBER, what it was made from, and how to make it again."""
    from durability.screen import recorded_lines

    line = _line(path, number)
    for text in recorded_lines(line):
        click.echo(text)
    click.echo("")
    option = "" if str(path) == LEDGER else f" --ledger {shlex.quote(str(path))}"
    click.echo(f"To make it again: durability ledger restore {number} PATH{option}")
    _tell_differences(line.entry)


@ledger.command()
@click.argument("number", type=click.IntRange(1))
@click.argument("folder", type=click.Path(path_type=Path), metavar="PATH")
@ledger_option
def restore(number: int, folder: Path, path: Path) -> None:
    """Write what forecast NUMBER was made from to PATH, and say how to make it again."""
    from durability.forecast_ledger import restore_forecast

    line = _line(path, number)
    case, priors = restore_forecast(line, path, folder)
    click.echo(_command(line.entry, case, priors))
    if line.entry["method"]["kind"] != "fit":
        click.echo("It was made by updating; this fits anew, which should agree within the error.")
    _tell_differences(line.entry)


@ledger.command()
@ledger_option
@click.option("--head", type=_Head(), help="A hash that was once the last line's.")
@click.option("--count", type=click.IntRange(0), help="How many lines there were.")
def verify(path: Path, head: str | None, count: int | None) -> int:
    """Check every line, their order, and every input; exit 2 where anything is wrong.

    Lines dropped at the end show only against --head or --count: keep what this prints.
    """
    from durability.forecast_ledger import verify_ledger

    found = verify_ledger(path, head=head, count=count)
    for aside in found.set_aside:
        click.echo(f"{aside}: an unfinished line that was set aside", err=True)
    for problem in found.problems:
        click.echo(str(problem), err=True)
    click.echo(f"{path}: {found.count} lines, {len(found.problems) or 'no'} problems")
    click.echo(f"head {found.head}")
    return 0 if found.ok else InputError.exit_status


@ledger.command()
@click.argument("target", type=CASE, required=False, metavar="[CASE | LEDGER]")
@ledger_option
@click.option(
    "--outcomes",
    "files",
    type=click.Path(dir_okay=False, path_type=Path),
    multiple=True,
    help="A file that says what happened; may be given more than once.",
)
@click.option("--rung", type=click.Choice(RUNGS), default="breakdown", show_default=True)
@click.option(
    "--baseline",
    type=click.Choice(("constant", "weibull", "table")),
    default="weibull",
    show_default=True,
    help="The baseline beside each forecast.",
)
def score(
    target: str | None, path: Path, files: tuple[Path, ...], rung: str, baseline: str
) -> None:
    """Hold the recorded forecasts of CASE, or of every case, against what happened.

    What happened is what each case says of itself now ([[happened]], [observed_to] and
    covered_until of its case.toml), or what the files of --outcomes say. The ledger is verified
    first.
    """
    from durability.catalogue import baselines
    from durability.ledger_scores import score_ledger
    from durability.score_screen import score_lines

    if target is not None and Path(target).is_file():
        path, target = Path(target), None
    outcomes = _outcomes(target, path, files)
    title = baselines()[baseline].title
    for line in score_lines(score_ledger(outcomes, ledger=path, rung=rung, baseline=title)):
        click.echo(line)


@ledger.command()
@click.argument("folder", type=FOLDER, metavar="PATH")
@ledger_option
@click.option(
    "--format",
    "layout",
    type=click.Choice(("hubverse",)),
    default="hubverse",
    show_default=True,
    help="How the tables are laid out.",
)
@click.option("--team", default="durability", show_default=True, help="First part of a model's id.")
@click.option(
    "--samples",
    type=click.IntRange(1, 10_000),
    default=100,
    show_default=True,
    help="Sampled paths a target.",
)
def export(folder: Path, path: Path, layout: str, team: str, samples: int) -> None:
    """Write the recorded forecasts to PATH as a modeling hub keeps them.

    One table a cutoff under model-output/, and hub-config/tasks.json, which says what the columns
    may hold. Forecasts that failed their checks are left out. The ledger is verified first.
    """
    from durability.hubverse import export_hub

    written = export_hub(folder, ledger=path, team=team, samples=samples)
    for number, why in written.left_out.items():
        click.echo(f"forecast {number} is left out: {why}")
    for table in (*written.tables, written.tasks):
        click.echo(table)


def _outcomes(case: str | None, path: Path, files: tuple[Path, ...]) -> list[CaseOutcome]:
    """Give what is known of one case, or of every case that a ledger has forecasts of."""
    from durability.case_outcomes import outcome_of, read_outcome
    from durability.cases import read_case
    from durability.ledger_scores import verified_lines

    told = {outcome.case: outcome for outcome in map(read_outcome, files)}
    if case is not None:
        name = Path(case).name
        return [told[name]] if name in told else [outcome_of(read_case(case))]
    found: list[CaseOutcome] = []
    problems: list[Problem] = []
    for name in sorted({line.entry["case"] for line in verified_lines(path)}):
        try:
            found.append(told[name] if name in told else outcome_of(read_case(name)))
        except InputError as error:
            problems += error.problems
            click.echo(f"{name} is not scored: {error}", err=True)
            click.echo(f"Say what became of it: --outcomes FILE ({name}).", err=True)
    if problems and not found:
        raise InputError(problems)
    return found


def _line(path: Path, number: int) -> LedgerLine:
    from durability.forecast_ledger import read_ledger

    last = 0
    for line in read_ledger(path):
        if line.sequence == number:
            return line
        last = line.sequence
    allowed = f"it has 1 to {last}" if last else "it has none yet"
    raise InputError([Problem(where=str(path), found=f"no forecast {number}", allowed=allowed)])


def _command(entry: Mapping[str, Any], case: Path, priors: Path) -> str:
    settings = entry["settings"]
    words = ["durability", "forecast", str(case), "--priors", str(priors)]
    words += ["--cutoff", entry["cutoff"], "--model", entry["model"], "--seed", str(entry["seed"])]
    for option, key in (("horizon", "horizon_months"), *((k, k) for k in _SAMPLING)):
        words += [f"--{option}", str(settings[key])]
    return shlex.join(words)


_SAMPLING = ("draws", "tune", "chains")


def _tell_differences(entry: Mapping[str, Any]) -> None:
    from durability.ledger_entries import differences

    found = differences(entry)
    if found:
        click.echo("Here the numbers may differ; not as they were:")
    for text in found:
        click.echo(f"  {text}")
