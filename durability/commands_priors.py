"""The commands ``durability priors …``, each a few lines around the library."""

from __future__ import annotations

import click

from durability.arguments import CASE, MODEL, PRIORS


@click.group()
def priors() -> None:
    """List, show and check prior sets."""


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
