"""The commands ``durability priors …``, each a few lines around the library."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, Literal

import click

from durability.command_types import (
    CASE,
    DAY,
    DIAGNOSTICS_FAILED,
    MODEL,
    PRIORS,
    cutoff_option,
    sampling,
    sampling_options,
)
from durability.errors import InputError, Problem, quoted

if TYPE_CHECKING:
    from durability.inference import Model
    from durability.judgements import Judgement


@click.group()
def priors() -> None:
    """List, show, check, compare and make prior sets."""


@priors.command("list")
def list_() -> None:
    """List the prior sets that have a name here."""
    from durability.prior_sets import list_priors

    for name, path in list_priors().items():
        click.echo(f"{name}  {path}")


@priors.command()
@click.argument("name", type=PRIORS, default="default")
def show(name: str) -> None:
    """Show each prior of NAME with its implied quantiles and its reason."""
    from durability.prior_sets import read_priors
    from durability.screen import priors_lines

    for line in priors_lines(read_priors(name)):
        click.echo(line)


@priors.command("check")
@click.argument("name", type=PRIORS, default="default")
@click.option(
    "--model",
    type=MODEL,
    default="breakdown",
    show_default=True,
    help="Whose parameters the set must give.",
)
def check_priors(name: str, model: str) -> None:
    """Check that NAME gives every parameter of the model, and no other."""
    from durability.catalogue import parameters_of
    from durability.prior_sets import read_priors

    found = read_priors(name, expected=parameters_of(model))
    click.echo(f"{found.path}: {len(found.parameters)} priors, all that {model} needs.")


@priors.command()
@click.argument("before", type=PRIORS)
@click.argument("after", type=PRIORS)
@click.option(
    "--case",
    type=CASE,
    help="Whose reference class the survival is of.  [default: the shipped case]",
)
@click.option(
    "--draws",
    type=click.IntRange(100, 100_000),
    default=4000,
    show_default=True,
    help="Draws from each set.",
)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=1, show_default=True)
def diff(before: str, after: str, case: str | None, draws: int, seed: int) -> None:
    """Show what moved from BEFORE to AFTER, and what that implies for survival.

    Nothing is sampled: survival is drawn from the priors alone, of an average agreement.
    """
    from durability.cases import read_case
    from durability.prior_diff import diff_priors
    from durability.prior_screen import diff_lines
    from durability.prior_sets import read_priors

    found = None if case is None else read_case(case)
    made = diff_priors(read_priors(before), read_priors(after), case=found, draws=draws, seed=seed)
    for line in diff_lines(made):
        click.echo(line)


@priors.command()
@click.argument("parameter")
@click.option("--quantiles", help="What the expert said: 0.05=0.3,0.5=1.0,0.95=3.")
@click.option("--bins", help="Edges of the bins that chips were laid into: 0,1,2,3,4.")
@click.option("--chips", help="Chips in each bin: 1,4,3,2.")
@click.option("--expert", required=True, help="Who said it.")
@click.option("--why", required=True, help="The expert's reason.")
@click.option("--date", "day", type=DAY, help="When they said it.  [default: today]")
@click.option("--into", required=True, metavar="NAME|PATH", help="The prior set to write.")
@click.option(
    "--base",
    type=PRIORS,
    default="default",
    show_default=True,
    help="What a new set has of every other parameter.",
)
@click.option("--family", default="", help="Take this family, not the one that comes nearest.")
@click.option("--keep", is_flag=True, help="Keep a bad match.")
def elicit(
    parameter: str,
    quantiles: str | None,
    bins: str | None,
    chips: str | None,
    expert: str,
    why: str,
    day: date | None,
    into: str,
    base: str,
    family: str,
    keep: bool,
) -> None:
    """Turn what an expert said of PARAMETER into a prior, and write it into a set.

    Give either quantiles, or bins and chips. A set that exists already keeps all else to the
    letter.
    """
    from durability.catalogue import parameters_of
    from durability.elicitation import elicit_prior
    from durability.prior_screen import elicited_lines
    from durability.prior_sets import read_priors
    from durability.prior_writing import save_prior, target_path

    path = target_path(into)
    start = read_priors(path if path.exists() else base, expected=parameters_of("breakdown"))
    said = _judgement(expert, day or date.today(), quantiles, bins, chips)
    families = parameters_of("breakdown").get(parameter, ())
    made = elicit_prior(
        start, parameter, said, why=why, families=tuple(families), family=family, keep=keep
    )
    written = save_prior(made.prior, path, base=start)
    for line in elicited_lines(made):
        click.echo(line)
    click.echo(f"Written to {written.path}.")


def _judgement(
    expert: str, day: date, quantiles: str | None, bins: str | None, chips: str | None
) -> Judgement:
    """Read what an expert said from the words of a command line."""
    from durability.judgements import from_chips, from_quantiles

    if (quantiles is None) == (chips is None) or (bins is None) != (chips is None):
        raise click.UsageError("give --quantiles, or --bins with --chips")
    try:
        if quantiles is not None:
            pairs = [part.partition("=") for part in quantiles.split(",")]
            stated = {float(p): float(value) for p, _, value in pairs}
            if len(stated) < len(pairs):
                raise ValueError("a probability is given twice")
            return from_quantiles(expert, day, stated)
        edges = [float(edge) for edge in str(bins).split(",")]
        return from_chips(expert, day, edges, [int(count) for count in str(chips).split(",")])
    except ValueError as error:
        found = quoted(quantiles if quantiles is not None else f"{bins} with {chips}")
        allowed = "like 0.05=0.3,0.95=3" if quantiles is not None else "like 0,1,2,4 with 1,4,3"
        problem = Problem(where="what the expert said", found=f"{found}: {error}", allowed=allowed)
        raise InputError([problem]) from None


@priors.command()
@click.argument("sets", nargs=-1, required=True, type=PRIORS, metavar="SET...")
@click.option("--weights", default="", help="One a set, above 0: 2,1,1.  [default: equal]")
@click.option(
    "--method",
    type=click.Choice(["linear", "logarithmic"]),
    default="linear",
    show_default=True,
    help="The mixture of the experts, or the geometric mean of their densities.",
)
@click.option("--name", required=True, metavar="NAME|PATH", help="The prior set to write.")
@click.option("--keep", is_flag=True, help="Keep a pool that its family cannot hold.")
def pool(
    sets: tuple[str, ...],
    weights: str,
    method: Literal["linear", "logarithmic"],
    name: str,
    keep: bool,
) -> None:
    """Pool several experts' SETs into one.

    Where a parameter was elicited in some of them, only these have a say in it.
    """
    from durability.catalogue import parameters_of
    from durability.pooling import pool_priors
    from durability.prior_screen import pool_lines
    from durability.prior_sets import read_priors
    from durability.prior_writing import priors_text, save_text, target_path

    path = target_path(name)
    expected = parameters_of("breakdown")
    read = [read_priors(each, expected=expected) for each in sets]
    made = pool_priors(read, _numbers(weights, "weights"), method=method, keep=keep)
    written = save_text(path, priors_text(made.about, made.parameters))
    for line in pool_lines(made):
        click.echo(line)
    click.echo(f"Written to {written.path}.")


def _numbers(text: str, what: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")] if text else []
    except ValueError:
        problem = Problem(where=what, found=quoted(text), allowed="numbers, like 2,1,1")
        raise InputError([problem]) from None


@priors.command()
@click.argument("case", type=CASE)
@cutoff_option()
@click.option("--name", required=True, metavar="NAME|PATH", help="The prior set to write.")
@click.option("--priors", "base", type=PRIORS, default="default", show_default=True)
@sampling_options(least=100)
@click.option(
    "--keep",
    is_flag=True,
    help="Write a set that does not stand for the posterior, or whose fit failed its checks.",
)
def revise(
    case: str, cutoff: date | None, name: str, base: str, keep: bool, **settings: Any
) -> int:
    """Write the posterior of CASE as a new prior set, to go on from.

    The fit is read from the cache, or sampled. From a revised set one goes on to the next.
    """
    from durability.inference import Settings
    from durability.joint_priors import joint_text
    from durability.judged_fits import fit_and_judge
    from durability.prior_screen import revised_lines
    from durability.prior_writing import priors_text, save_text, target_path
    from durability.revision import revise_priors

    path = target_path(name)
    if path.exists():
        there = Problem(where=str(path), found="it exists already", allowed="choose another name")
        raise InputError([there])
    model = _model(case, base, cutoff)
    with sampling() as progress:
        found = fit_and_judge(model, Settings(**settings), progress=progress)
    for reason in found.verdict.reasons:
        click.echo(f"DIAGNOSTICS FAILED: {reason}.", err=True)
    if not found.verdict.ok and not keep:
        click.echo("Nothing was written: --keep writes such a set all the same.", err=True)
        return DIAGNOSTICS_FAILED
    made = revise_priors(found.fit, name=path.stem, keep=keep)
    if made.joint is not None and made.lineage is not None:
        more = joint_text(made.joint, made.lineage)
        save_text(path, priors_text(made.about, made.parameters, more=more))
    for line in revised_lines(made):
        click.echo(line)
    click.echo(f"Written to {path}.")
    return 0 if found.verdict.ok else DIAGNOSTICS_FAILED


@priors.command("continue")
@click.argument("case", type=CASE)
@click.argument("name", type=PRIORS)
@cutoff_option()
@sampling_options(least=100)
def continue_(case: str, name: str, cutoff: date | None, **settings: Any) -> int:
    """Go on from the revised prior set NAME with what is new of CASE, and print the chances."""
    from durability.inference import Settings
    from durability.judged_fits import fit_and_judge
    from durability.prior_screen import continued_lines

    model = _model(case, name, cutoff)
    if model.data.after is None:
        found = f"{quoted(name)} is no posterior"
        allowed = "make one with durability priors revise"
        raise InputError([Problem(where=str(model.priors.path), found=found, allowed=allowed)])
    with sampling() as progress:
        made = fit_and_judge(model, Settings(**settings), progress=progress)
    for line in continued_lines(made.fit):
        click.echo(line)
    return 0 if made.verdict.ok else DIAGNOSTICS_FAILED


def _model(case: str, name: str, cutoff: date | None) -> Model:
    """Join a case to a prior set, going on from it where it is a posterior."""
    from durability.assembly import assemble
    from durability.cases import read_case
    from durability.inference import build
    from durability.prior_sets import read_priors

    chosen = read_priors(name)
    return build(assemble(read_case(case), cutoff=cutoff, after=chosen), chosen)
