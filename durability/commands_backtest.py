"""The command that forecasts history without what it forecasts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import click

from durability.command_types import (
    DAY,
    DIAGNOSTICS_FAILED,
    MODEL,
    PRIORS,
    check_writable,
    sampling,
    sampling_options,
)

if TYPE_CHECKING:
    from datetime import date

    from durability.assembly import ModelData
    from durability.backtests import Backtest
    from durability.inference import Settings
    from durability.leaving_out import By, LeftOut
    from durability.origins import Origin
    from durability.prior_sets import PriorSet
    from durability.progress import Progress

Ratings = Literal["seen", "hidden"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a command line asks for.

    Parameters
    ----------
    years : tuple of float
        Horizons that are shown; chances are computed at some between too.
    """

    data: ModelData
    by: str
    groups: tuple[str, ...]
    ratings: tuple[Ratings, ...]
    priors: tuple[str, ...]
    model: str
    years: tuple[float, ...]
    first: int
    every: int
    settings: Settings
    jobs: int

    @property
    def ages(self) -> tuple[float, ...]:
        """Horizons, and those between by which scores are integrated."""
        from durability.leaving_out import with_between

        return with_between(self.years)

    def origins(self) -> tuple[Origin, ...]:
        """Days in the past from which is forecast."""
        from durability.origins import make_origins

        return make_origins(self.data, first=self.first, every=self.every)

    def tests(self) -> tuple[Backtest, ...]:
        """Refit for every prior set and version, with progress on standard error."""
        from durability.prior_sets import read_priors

        # Every set is read before minutes are spent on the first.
        chosen = [read_priors(name) for name in self.priors]
        found = []
        with sampling() as progress:
            for each in chosen:
                for ratings in self.ratings:
                    progress.stage(f"Refitting, {each.name}, ratings {ratings}")
                    found.append(self.test(each, ratings, progress))
            progress.done()
        return tuple(found)

    def test(self, priors: PriorSet, ratings: Ratings, progress: Progress) -> Backtest:
        """Refit for one prior set and version."""
        from durability.backtests import backtest as leave_groups_out
        from durability.origins import backtest_by_year

        def told(done: int, total: int, _answer: Mapping[str, Any]) -> None:
            progress.counted(done, total)

        if self.by == "year":
            return backtest_by_year(
                self.data,
                priors,
                self.origins(),
                ratings=ratings,
                years=self.ages,
                model=self.model,
                settings=self.settings,
                jobs=self.jobs,
                told=told,
            )
        return leave_groups_out(
            self.data,
            priors,
            by=cast("By", self.by),
            ratings=ratings,
            groups=self.groups,
            years=self.ages,
            model=self.model,
            settings=self.settings,
            jobs=self.jobs,
            told=told,
        )

    def baselines(self) -> list[LeftOut]:
        """Let every baseline forecast the same."""
        from durability.leaving_out import leave_out
        from durability.origins import baseline_by_year
        from durability.predictors import PREDICTORS

        if self.by == "year":
            origins = self.origins()
            return [
                baseline_by_year(each, origins, self.data, years=self.ages, name=name)
                for name, each in PREDICTORS.items()
            ]
        rows, by = self.data.agreements, cast("By", self.by)
        return [
            leave_out(each, self.data.spells, rows, by=by, years=self.ages, name=name)
            for name, each in PREDICTORS.items()
        ]


@click.command()
@click.option(
    "--by",
    type=click.Choice(["cluster", "dyad", "agreement", "year"]),
    default="cluster",
    show_default=True,
    help="What is left out together, or origins by calendar year.",
)
@click.option("--group", "groups", multiple=True, help="Leave out only this one; repeatable.")
@click.option(
    "--ratings",
    type=click.Choice(["seen", "hidden"]),
    multiple=True,
    help="Whether the ratings of what is left out are shown.  [default: each in turn]",
)
@click.option(
    "--priors",
    type=PRIORS,
    multiple=True,
    default=("default",),
    show_default=True,
    help="A prior set, by name or path; repeatable.",
)
@click.option(
    "--model", type=MODEL, default="breakdown", show_default=True, help="A model of models/."
)
@click.option("--cutoff", type=DAY, help="Nothing known later enters.  [default: all of history]")
@click.option(
    "--years",
    type=click.FloatRange(0.0, min_open=True),
    multiple=True,
    help="A horizon; repeatable.  [default: 1, 5, 10]",
)
@click.option(
    "--first", type=int, default=1965, show_default=True, help="Year of the first origin."
)
@click.option(
    "--every", type=click.IntRange(1), default=5, show_default=True, help="Years between origins."
)
@click.option(
    "--rung",
    "rungs",
    type=click.Choice(["force", "fatal", "war", "abrogation", "breakdown"]),
    multiple=True,
    default=("breakdown",),
    show_default=True,
    help="Rung to score; repeatable.",
)
@click.option(
    "--score",
    type=click.Choice(["brier", "logarithmic"]),
    default="brier",
    show_default=True,
    help="Of the table.",
)
@click.option("--chances", is_flag=True, help="Print every agreement's chances as well.")
@click.option("--psis", is_flag=True, help="Weigh one fit's draws; by agreement, no refits.")
@sampling_options(draws=400, tune=300, least=4)
@click.option(
    "--jobs", type=click.IntRange(1), default=1, show_default=True, help="Processes side by side."
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File for all answers, a line of JSON each.",
)
def backtest(
    by: str,
    groups: tuple[str, ...],
    ratings: tuple[Ratings, ...],
    priors: tuple[str, ...],
    model: str,
    cutoff: date | None,
    years: tuple[float, ...],
    first: int,
    every: int,
    rungs: tuple[str, ...],
    score: str,
    chances: bool,
    psis: bool,
    draws: int,
    tune: int,
    chains: int,
    seed: int,
    jobs: int,
    out: Path | None,
) -> int:
    """Forecast history by refits that have not seen what they forecast.

    Answers are kept as soon as there is one: stopped and started again, it goes on where it was.
    Coders rated long after the end was known, so "ratings seen" is better than it could have been.
    """
    if out is not None:
        check_writable(out.parent)
    _check(by, groups, psis)
    from durability.history_data import assemble_history
    from durability.inference import Settings

    asked = Asked(
        data=assemble_history(cutoff=cutoff),
        by=by,
        groups=groups,
        ratings=ratings or ("seen", "hidden"),
        priors=priors,
        model=model,
        years=tuple(sorted(set(years))) or (1.0, 5.0, 10.0),
        first=first,
        every=every,
        settings=Settings(draws=draws, tune=tune, chains=chains, seed=seed),
        jobs=jobs,
    )
    if psis:
        return _weigh(asked, score, rungs)
    tests = asked.tests()
    if out is not None:
        from durability.backtest_screen import row_text
        from durability.files import write_whole

        click.echo(write_whole(out, row_text(tests)), err=True)
    _print(asked, tests, score, rungs, chances=chances or bool(groups))
    return DIAGNOSTICS_FAILED if any(test.failed for test in tests) else 0


def _check(by: str, groups: tuple[str, ...], psis: bool) -> None:
    if psis and (by != "agreement" or groups):
        raise click.UsageError("--psis weighs one fit agreement by agreement: use --by agreement")
    if groups and by == "year":
        raise click.UsageError("--group names what is left out; with --by year use --first")


def _print(
    asked: Asked, tests: tuple[Backtest, ...], score: str, rungs: tuple[str, ...], *, chances: bool
) -> None:
    from durability.backtest_screen import chance_lines, density_lines, failure_lines

    for line in failure_lines(tests):
        click.echo(line)
    for test in tests if chances else ():
        for rung in rungs:
            click.echo("")
            for line in chance_lines(test, rung, years=asked.years):
                click.echo(line)
    click.echo("")
    for line in density_lines(tests):
        click.echo(line)
    # A few groups are no table: scores are means between clusters.
    if not asked.groups:
        _print_scores(
            asked, [*(test.left_out for test in tests), *_stacks(asked, tests)], score, rungs
        )


def _stacks(asked: Asked, tests: tuple[Backtest, ...]) -> Iterator[LeftOut]:
    """Mix the prior sets of each version, where there are several."""
    from durability.backtests import stack_backtests

    for ratings in asked.ratings:
        same = [test for test in tests if test.ratings == ratings]
        if len(same) > 1 and asked.by != "year":
            yield stack_backtests(same, name=f"stack of {len(same)} prior sets, ratings {ratings}")


def _print_scores(
    asked: Asked, left_outs: list[LeftOut], score: str, rungs: tuple[str, ...]
) -> None:
    from durability.score_table import prediction_lines, score_predictions

    click.echo("")
    every = [*asked.baselines(), *left_outs]
    found = score_predictions(
        every,
        reference="constant" if asked.by == "year" else "",
        score=score,
        rungs=rungs,
        years=asked.years,
        integrated=True,
    )
    for line in prediction_lines(found):
        click.echo(line)


def _weigh(asked: Asked, score: str, rungs: tuple[str, ...]) -> int:
    """Leave agreements out by the weighed draws of one fit a prior set."""
    from durability.backtest_screen import fast_lines
    from durability.fast_leaving_out import leave_out_fast
    from durability.inference import build, fit
    from durability.prior_sets import read_priors

    settings, found = asked.settings, []
    for chosen in [read_priors(name) for name in asked.priors]:
        with sampling() as progress:
            fitted = fit(
                build(asked.data, chosen, model=asked.model),
                draws=settings.draws,
                tune=settings.tune,
                chains=settings.chains,
                seed=settings.seed,
                progress=progress,
            )
            progress.stage("predict")
            name = f"{asked.model}, {chosen.name}, weighed"
            found.append(leave_out_fast(fitted, years=asked.ages, name=name))
            progress.done()
        click.echo(f"{name}:")
        for line in fast_lines(found[-1]):
            click.echo(line)
    _print_scores(asked, [each.left_out for each in found], score, rungs)
    return DIAGNOSTICS_FAILED if any(each.untrusted for each in found) else 0
