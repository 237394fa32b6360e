"""The command that fits the hazard to any table of spells."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from durability.command_types import (
    DIAGNOSTICS_FAILED,
    FOLDER,
    check_writable,
    sampling,
    sampling_options,
)
from durability.errors import InputError, Problem

if TYPE_CHECKING:
    from durability.spell_sources import SourceTable
    from durability.spell_tables import SpellTable

Command = TypeVar("Command", bound=Callable[..., Any])

SOURCE_NAMES = (
    *("lhr", "lhr_one_row", "fortna", "un_missions", "ucdp_terminations", "ucdp_agreements"),
    *("atop", "gml", "pax"),
)
METHODS = ("posterior", "maximum", "cox-efron", "cox-breslow")
POSTERIOR_ALONE = ("frailty", "priors", "out", "seed", "draws", "tune", "chains", "refit")


def column(name: str, *, told: str) -> Callable[[Command], Command]:
    """Give an option that names a column."""
    return click.option(name, metavar="COLUMN", help=told)


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--source",
    type=click.Choice(SOURCE_NAMES),
    help="Read FILE as this data set, which names its own columns.",
)
@column(
    "--stop", told="Age at which a row stops being watched; a duration where there is no --start."
)
@column("--event", told="1 where the event happened then, 0 where not.")
@column("--start", told="Age from which a row was watched.")
@column("--end", told="Latest age of an event that fell somewhere after --stop.")
@click.option("--covariates", metavar="COLUMNS", help="Columns, separated by commas.")
@column("--subject", told="What several rows tell of.")
@column("--cluster", told="What subjects share: a frailty, or clustered standard errors.")
@column("--weights", told="How often a row counts.")
@column("--strata", told="Groups with a baseline hazard of their own.")
@click.option(
    "--missing",
    type=click.Choice(["refuse", "drop"]),
    default="refuse",
    show_default=True,
    help="What to do with rows that have an empty cell.",
)
@click.option(
    "--method",
    type=click.Choice(METHODS),
    default="posterior",
    show_default=True,
    help="Sample the posterior, maximise the likelihood, or fit Cox's.",
)
@click.option(
    "--hazard",
    type=click.Choice(["weibull", "exponential"]),
    default="weibull",
    show_default=True,
    help="How the hazard moves with age.",
)
@click.option(
    "--frailty/--no-frailty", default=None, help="A frailty by cluster.  [default: with --cluster]"
)
@click.option("--priors", type=click.Path(path_type=Path), help="A prior set, by path.")
@sampling_options(draws=1000)
@click.option("--refit", is_flag=True, help="Sample again even where the fit is cached.")
@click.option("--out", type=FOLDER, help="Folder for report.html, report.md and fit.nc.")
def spells(
    file: Path,
    source: str | None,
    method: str,
    hazard: Any,
    frailty: bool | None,
    priors: Path | None,
    out: Path | None,
    seed: int,
    draws: int,
    tune: int,
    chains: int,
    refit: bool,
    **columns: Any,
) -> int:
    """Fit the hazard to the spells in FILE, a table of yours or a data set of others.

    A spell is a time watched: how long an agreement, a mission or a government lasted, and
    whether it ended. FILE is CSV or Stata. With --source, FILE is a data set that others publish,
    and nothing else need be named; events data sets (gml, pax) are described and not fitted.
    """
    _check_method(method)
    if out is not None:
        check_writable(out)
    table = _table(file, source, columns)
    if table is None:
        return 0
    if method != "posterior":
        return _without_priors(table, method, hazard)
    from durability.spell_checks import check_spells
    from durability.spell_screen import fit_lines
    from durability.spells import fit_spells

    sampler: dict[str, Any] = {
        "seed": seed,
        "draws": draws,
        "tune": tune,
        "chains": chains,
        "refit": refit,
    }
    with sampling() as progress:
        fit = fit_spells(
            table, hazard=hazard, frailty=frailty, priors=priors, progress=progress, **sampler
        )
        check = check_spells(fit)
        progress.done()
    for line in fit_lines(fit, check):
        click.echo(line)
    if out is not None:
        from durability.spell_report import write_spell_report

        for path in write_spell_report(fit, check, out):
            click.echo(path)
    return 0 if check.verdict.ok else DIAGNOSTICS_FAILED


def _check_method(method: str) -> None:
    """Refuse options that the method does not use."""
    unused = () if method == "posterior" else POSTERIOR_ALONE
    if method.startswith("cox"):
        unused = ("hazard", *unused)
    context = click.get_current_context()
    given = [n for n in unused if context.get_parameter_source(n) != ParameterSource.DEFAULT]
    if given:
        found = f"{', '.join(f'--{name}' for name in given)} with --method {method}"
        allowed = "the method does not use them; leave them out, or leave out --method"
        raise InputError([Problem(where="spells", found=found, allowed=allowed)])


def _table(file: Path, source: str | None, columns: dict[str, Any]) -> SpellTable | None:
    """Read the table; of a data set of events tell what it is, and give none."""
    named = columns["covariates"]
    covariates = [part.strip() for part in named.split(",") if part.strip()] if named else []
    if source is None:
        lacking = [f"--{name}" for name in ("stop", "event") if not columns[name]]
        if lacking:
            found = f"{' and '.join(lacking)} not given"
            allowed = "name the columns, or the data set with --source"
            raise InputError([Problem(where=str(file), found=found, allowed=allowed)])
        from durability.spell_tables import read_spells

        return read_spells(file, **{**columns, "covariates": covariates})
    taken = ("stop", "event", "start", "end", "subject", "weights", "strata")
    given = [f"--{name}" for name in taken if columns[name]]
    asked = click.get_current_context().get_parameter_source("missing")
    given += [] if asked == ParameterSource.DEFAULT else ["--missing"]
    if given:
        found = f"{', '.join(given)} with --source"
        allowed = "a data set names its own columns; leave them out, or leave out --source"
        raise InputError([Problem(where=str(file), found=found, allowed=allowed)])
    from durability.spell_screen import source_lines
    from durability.spell_sources import read_source, source_spells

    read = read_source(source, file)
    for line in source_lines(read):
        click.echo(line)
    if read.source.kind == "events":
        _describe(read)
        return None
    click.echo("")
    return source_spells(read, covariates=covariates or None, cluster=columns["cluster"])


def _describe(read: SourceTable) -> None:
    """Say what the columns of a data set of events mean."""
    from durability.wording import table

    click.echo(f"\n{len(read.frame)} rows, with durability.read_source in Python as a DataFrame:")
    rows = [[name, meaning] for name, meaning in read.source.codings.items()]
    for line in table(["column", "meaning"], rows):
        click.echo(line)


def _without_priors(table: SpellTable, method: str, hazard: Any) -> int:
    from durability.spell_screen import cox_lines, maximum_lines

    if method == "maximum":
        from durability.spell_maximum import maximise_spells

        most = maximise_spells(table, hazard=hazard)
        lines, converged = maximum_lines(most), most.converged
    else:
        from durability.cox import fit_cox

        cox = fit_cox(table, ties="efron" if method == "cox-efron" else "breslow")
        lines, converged = cox_lines(cox), cox.converged
    for line in lines:
        click.echo(line)
    return 0 if converged else DIAGNOSTICS_FAILED
