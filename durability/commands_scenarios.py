"""The commands that ask what would follow, and what to watch."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from durability.command_types import (
    CASE,
    DIAGNOSTICS_FAILED,
    check_writable,
    cutoff_option,
    priors_option,
    sample_election,
)

if TYPE_CHECKING:
    from durability.branches import Tree
    from durability.statements import Scenario
    from durability.updating import Update

FILE = click.Path(dir_okay=False, path_type=Path)

json_option = click.option("--json", "record", type=FILE, help="Write the record to a file.")


@click.command()
@click.argument("case", type=CASE)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=WORD@YYYY-MM",
    help="A condition comes out so in a month: met, failed, its own words, or pending to the end "
    "of it. NAME=by:WORD@YYYY-MM: in any month up to it. NAME=WORD: by the horizon.",
)
@click.option(
    "--observing/--intervening",
    default=True,
    show_default=True,
    help="Whether it is learned, with all that usually goes with it, or brought about, whatever "
    "would have caused it (if β were causal).",
)
@click.option(
    "--pin",
    "pins",
    multiple=True,
    metavar="DRIVER=VALUE",
    help="Hold a driver at a pressure from now on (trust: at a trust); needs --intervening.",
)
@click.option(
    "--shift",
    "shifts",
    multiple=True,
    metavar="DRIVER=AMOUNT",
    help="Move a driver's pressure from now on (trust: its trust); needs --intervening.",
)
@click.option(
    "--file",
    "files",
    multiple=True,
    type=FILE,
    help="Scenarios and trees from a TOML file.",
)
@click.option("--plot", type=FILE, help="Write the differences as a plot, SVG.")
@json_option
@cutoff_option("the last day that is covered or has rated news")
@priors_option()
def scenario(
    case: str,
    settings: tuple[str, ...],
    observing: bool,
    pins: tuple[str, ...],
    shifts: tuple[str, ...],
    files: tuple[Path, ...],
    plot: Path | None,
    record: Path | None,
    cutoff: date | None,
    priors: str,
) -> int:
    """Forecast CASE under scenarios, beside the forecast as things come.

    Starts from the last fit that is kept, weighed by what has become known since; samples nothing.

    Observing asks: if this were learned, what would the forecast be? Paths count by the chance
    that they gave it, so what usually goes with it comes with it. Intervening asks: if it were
    brought about, what would follow? Its causes are cut, and effects learned from history are
    taken as causal. Of a condition that waits for nothing and depends on no driver both say the
    same.
    """
    from durability.comparing import scenarios
    from durability.scenario_records import comparison_record
    from durability.scenario_screen import scenario_lines

    told, trees = _asked(settings, observing, pins, shifts, files)
    for path in (record, plot):
        if path is not None:
            check_writable(path.parent, "choose another file")
    found = scenarios(_present(case, cutoff, priors), told, trees=trees)
    made = comparison_record(found)
    if plot is not None:
        from durability.files import write_whole
        from durability.scenario_charts import differences

        write_whole(plot, differences(made).svg)
    _tell(scenario_lines(made), made, record)
    if plot is not None:
        click.echo(plot)
    return 0 if found.ok else DIAGNOSTICS_FAILED


@click.command()
@click.argument("case", type=CASE)
@click.option(
    "--months",
    type=click.IntRange(1, 60),
    default=12,
    show_default=True,
    help="Within which conditions are looked at.",
)
@click.option(
    "--horizon",
    type=click.Choice(["6", "12", "24", "36", "60"]),
    default="24",
    show_default=True,
    help="Months within which breakdown is asked about.",
)
@click.option(
    "--cost-ratio",
    type=click.FloatRange(0.0, 1.0, min_open=True, max_open=True),
    help="Cost of acting over the loss that acting avoids: rank by what a decision gains.",
)
@json_option
@cutoff_option("the last day that is covered or has rated news")
@priors_option()
def watch(
    case: str,
    months: int,
    horizon: str,
    cost_ratio: float | None,
    record: Path | None,
    cutoff: date | None,
    priors: str,
) -> int:
    """Rank what to look out for in CASE by what it would be worth to know.

    Every pending condition and every kind of news item of the next month: how likely each way is
    in which it may come out, what the forecast would then be, and what knowing it is expected to
    improve. Starts as durability scenario does, and samples nothing.
    """
    from durability.scenario_records import watch_record
    from durability.scenario_screen import watch_lines
    from durability.watching import watch as watched

    if record is not None:
        check_writable(record.parent, "choose another file")
    found = watched(
        _present(case, cutoff, priors), months=months, horizon=int(horizon), cost_ratio=cost_ratio
    )
    made = watch_record(found)
    _tell(watch_lines(made), made, record)
    return 0 if made["verdict"]["ok"] else DIAGNOSTICS_FAILED


def _present(case: str, cutoff: date | None, priors: str) -> Update:
    """Weigh the last fit that is kept by what is known now."""
    from durability.bases import check_weighable, find_base
    from durability.cases import read_case
    from durability.errors import InputError, Problem
    from durability.updating import assembled, update
    from durability.weighing import prepare

    found = read_case(case)
    start = find_base(found, cutoff=cutoff, priors=priors)
    if start is None:
        told = f"no fit of {found.name} with the prior set {priors} is kept"
        again = f"make one first: durability forecast {case}"
        again += "" if priors == "default" else f" --priors {priors}"
        again += "" if cutoff is None else f" --cutoff {cutoff}"
        raise InputError([Problem(where=str(case), found=told, allowed=again)])
    base = prepare(start)
    data = assembled(start, found, base.rows, cutoff=cutoff)
    sample_election(data)
    check_weighable(base, data)
    return update(base, case=found, cutoff=cutoff)


def _asked(
    settings: Sequence[str],
    observing: bool,
    pins: Sequence[str],
    shifts: Sequence[str],
    files: Sequence[Path],
) -> tuple[list[Scenario], list[Tree]]:
    """Join what options say and what files say."""
    from durability.errors import Problems
    from durability.scenario_files import read_scenarios
    from durability.statements import INTERVENING, OBSERVING, Scenario

    problems = Problems()
    moved = [
        _numbers(texts, option, problems)
        for texts, option in ((pins, "--pin"), (shifts, "--shift"))
    ]
    if not (settings or pins or shifts or files):
        problems.add("scenario", "says nothing", "needs --set, --pin, --shift or --file")
    problems.raise_any()
    told: list[Scenario] = []
    trees: list[Tree] = []
    if settings or pins or shifts:
        told.append(
            Scenario(
                name="scenario",
                settings=tuple(settings),
                verb=OBSERVING if observing else INTERVENING,
                pins=moved[0],
                shifts=moved[1],
                where="command line",
            )
        )
    for path in files:
        more = read_scenarios(path)
        told += more[0]
        trees += more[1]
    return told, trees


def _numbers(texts: Sequence[str], option: str, problems: Any) -> dict[str, float]:
    from durability.errors import quoted

    found: dict[str, float] = {}
    for text in texts:
        name, _, value = text.partition("=")
        try:
            number = float(value)
        except ValueError:
            problems.add(f"{option} {quoted(text)}", "has no number", "must be DRIVER=+1.0")
            continue
        if name.strip() in found:
            problems.add(f"{option} {quoted(text)}", f"moves {name} twice", "each driver once")
        found[name.strip()] = number
    return found


def _tell(lines: Iterator[str], made: Mapping[str, Any], record: Path | None) -> None:
    """Write the record where it is asked for, and show lines: whoever reads may stop early."""
    from durability.files import write_whole

    if record is not None:
        text = json.dumps(made, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        write_whole(record, text)
    for line in lines:
        click.echo(line)
    if record is not None:
        click.echo("")
        click.echo(record)
