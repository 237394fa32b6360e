"""Backtests: history forecast by the model itself, refitted without what it forecasts.

Every group of agreements (a cluster, a dyad, an agreement) is left out once; a true refit then
forecasts its agreements from their starts. Two versions:

``seen``
    The coders' ratings of the agreements that are left out are shown, as a forecaster at their
    start would have them. But the coders knew the end: their ratings carry hindsight, and a
    score made with them is better than could have been reached at the time.
``hidden``
    Those ratings are hidden too, and only covariates are known of what is left out. The coders'
    hindsight in the ratings of *other* agreements remains, and is modelled.

The frailty of a cluster or dyad of which nothing is shown is drawn anew by the sampler itself, for
its prior is then its posterior. Refits run over processes by joblib, one compilation in each; over
a cluster by any backend of joblib's that the caller has chosen (``joblib.parallel_config``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np

from durability import cache
from durability.assembly import ModelData
from durability.errors import InputError, Problem, one_of, quoted
from durability.hiding import show
from durability.inference import Settings, build
from durability.leaving_out import YEARS, By, LeftOut, group_of, left_out_of
from durability.prior_sets import PriorSet
from durability.refits import (
    Question,
    Reference,
    answer,
    key_of,
    known_answer,
    question_of,
    reference_of,
)
from durability.stacking import Unit, held_out_weights

Ratings = Literal["seen", "hidden"]
RATINGS: Final = ("seen", "hidden")
SETTINGS: Final = Settings(draws=400, tune=300, chains=4, seed=1)
"""Of a refit: its probabilities then have a Monte Carlo error of half a point or less, far under
what scores of so few agreements can tell."""

STACKED: Final[Unit] = "cluster"
"""What stacking mixes: a cluster, by the product of its agreements' densities."""

Told = Callable[[int, int, Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Backtest:
    """Answers of all refits of one model, prior set and version.

    Parameters
    ----------
    name : str
        What the forecaster is called in a table.
    by : str
        What was left out together.
    ratings : {"seen", "hidden"}
    priors : str
        The prior set's name.
    answers : tuple of dict
        One a group, in the order of their names (:func:`durability.refits.answer`).
    left_out : LeftOut
        The same, as a table of scores takes it.
    """

    name: str
    by: str
    ratings: str
    priors: str
    answers: tuple[Mapping[str, Any], ...]
    left_out: LeftOut

    @property
    def log_densities(self) -> tuple[float, ...]:
        """Log predictive density of what was seen of each agreement, in the order of `left_out`.

        With the weight that its row has in the model. Of agreements that were left out together
        each density is its own, not joint: of fifteen at once no draws of this number could tell.
        """
        told: dict[str, list[float]] = {}
        for record in self.answers:
            counted = record["counted_log_density"]
            for agreement, density in zip(record["agreements"], counted, strict=True):
                told.setdefault(agreement, []).append(density)
        # By year an agreement is forecast from several origins, in the order of the answers.
        each = {agreement: iter(densities) for agreement, densities in told.items()}
        return tuple(next(each[agreement]) for agreement in self.left_out.agreements)

    @property
    def failed(self) -> tuple[Mapping[str, Any], ...]:
        """Answers whose diagnostics failed."""
        return tuple(each for each in self.answers if not each["verdict"]["ok"])


def backtest(
    data: ModelData,
    priors: PriorSet,
    *,
    by: By = "cluster",
    ratings: Ratings = "seen",
    groups: Sequence[str] = (),
    years: Sequence[float] = YEARS,
    model: str = "breakdown",
    settings: Settings = SETTINGS,
    jobs: int | None = None,
    told: Told | None = None,
) -> Backtest:
    """Leave every group of history out once, refit, and forecast it.

    Parameters
    ----------
    data : ModelData
        Of :func:`durability.assemble_history`.
    priors : PriorSet
    by : {"cluster", "dyad", "agreement"}
        What is left out together.
    ratings : {"seen", "hidden"}
        Whether the ratings of what is left out are shown.
    groups : sequence of str
        Only these; all if empty.
    years : sequence of float
        Ages, rising.
    model : str
        Name of a model in ``models/``.
    settings : Settings
    jobs : int, optional
        Processes; by default what joblib's backend is configured to.
    told : callable, optional
        Called with how many refits are done, of how many, and the newest answer.

    Returns
    -------
    Backtest

    Raises
    ------
    InputError
        There is no such group, or the prior set is not of that model.
    SamplingError
        A refit could not be sampled. Those done before it are kept.
    """
    reference = reference_of(build(data, priors, model=model))
    questions = leaving_out_questions(
        data, by=by, ratings=ratings, groups=groups, years=years, settings=settings
    )
    answers = run(reference, questions, jobs=jobs, told=told)
    name = forecaster_name(model, priors.name, ratings)
    return Backtest(
        name=name,
        by=by,
        ratings=ratings,
        priors=priors.name,
        answers=answers,
        left_out=left_out_from(answers, data, by=by, years=years, name=name),
    )


def forecaster_name(model: str, priors: str, ratings: str) -> str:
    """Name a forecaster as tables do, such as ``breakdown, default, ratings hidden``."""
    return f"{model}, {priors}, ratings {ratings}"


def leaving_out_questions(
    data: ModelData,
    *,
    by: By,
    ratings: Ratings,
    groups: Sequence[str] = (),
    years: Sequence[float] = YEARS,
    settings: Settings = SETTINGS,
) -> tuple[Question, ...]:
    """Put the questions of a backtest, a group each.

    Parameters
    ----------
    data, by, ratings, groups, years, settings
        As :func:`backtest` takes them.

    Returns
    -------
    tuple of Question
        In the order of the groups' names.

    Raises
    ------
    InputError
        There is no such group, or fewer than two.
    """
    of = {row.id: group_of(row, by) for row in data.agreements}
    known = sorted(set(of.values()))
    if strange := sorted(set(groups) - set(known)):
        raise InputError(
            [
                Problem(
                    where="history",
                    found=f"there is no {by} {quoted(name)}",
                    allowed=one_of(known, name),
                )
                for name in strange
            ]
        )
    if len(known) < 2:
        found = f"all agreements are of one {by}: nothing is left to learn from"
        raise InputError([Problem(where="history", found=found, allowed="leave out by another")])
    return tuple(
        _question(data, of, group, by=by, ratings=ratings, years=years, settings=settings)
        for group in sorted(set(groups) or known)
    )


def _question(
    data: ModelData,
    of: Mapping[str, str],
    group: str,
    *,
    by: By,
    ratings: Ratings,
    years: Sequence[float],
    settings: Settings,
) -> Question:
    kept = {spell.agreement: spell for spell in data.spells if of[spell.agreement] != group}
    out = [spell for spell in data.spells if of[spell.agreement] == group]
    rated = kept if ratings == "hidden" else of
    return question_of(
        f"{by} {group}",
        show(data, kept, rated=rated),
        out,
        entry_years=[0.0] * len(out),
        years=years,
        settings=settings,
    )


def run(
    reference: Reference,
    questions: Sequence[Question],
    *,
    jobs: int | None = None,
    told: Told | None = None,
) -> tuple[dict[str, Any], ...]:
    """Answer questions over processes; what the cache knows is not asked again.

    Parameters
    ----------
    reference : Reference
    questions : sequence of Question
    jobs : int, optional
    told : callable, optional
        As :func:`backtest` takes them.

    Returns
    -------
    tuple of dict
        In the order of the questions.
    """
    found: dict[int, dict[str, Any]] = {}
    for place, question in enumerate(questions):
        known = known_answer(reference, question)
        if known is not None:
            found[place] = known
    if told is not None and found:
        told(len(found), len(questions), found[max(found)])
    asked = [place for place in range(len(questions)) if place not in found]
    for place, record in _answers(reference, questions, asked, jobs):
        found[place] = record
        _keep(reference, questions[place], record)
        if told is not None:
            told(len(found), len(questions), record)
    return tuple(found[place] for place in range(len(questions)))


def _answers(
    reference: Reference, questions: Sequence[Question], asked: Sequence[int], jobs: int | None
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Give answers as they come, in whatever order."""
    if not asked:
        return
    import joblib

    # One question a task, so that what a lost worker had under way is one refit.
    parallel = joblib.Parallel(n_jobs=jobs, return_as="generator_unordered", batch_size=1)
    yield from parallel(
        joblib.delayed(_numbered)(place, reference, questions[place]) for place in asked
    )


def _numbered(place: int, reference: Reference, question: Question) -> tuple[int, dict[str, Any]]:
    return place, answer(reference, question)


def _keep(reference: Reference, question: Question, record: Mapping[str, Any]) -> None:
    """Keep an answer here too: a worker on another machine has kept it there."""
    if known_answer(reference, question) is None:
        cache.write_json(key_of(reference, question), record)


def stack_backtests(tests: Sequence[Backtest], *, name: str = "stack") -> LeftOut:
    """Mix backtests of the same groups with weights learned from the other clusters.

    The weights with which a cluster is forecast are chosen by the densities of the others alone, so
    the mixture may be scored beside the forecasters that it mixes. The fits that gave those
    densities had seen the cluster, as they had seen every other: for nothing of it to be left, each
    would have to be refitted without both.

    Parameters
    ----------
    tests : sequence of Backtest
        Two or more.
    name : str

    Returns
    -------
    LeftOut

    Raises
    ------
    ValueError
        There are fewer than two, or they do not forecast the same.
    """
    if len(tests) < 2:
        raise ValueError("a stack needs two backtests or more")
    first = tests[0].left_out
    for other in tests[1:]:
        if (other.left_out.agreements, other.by) != (first.agreements, first.by):
            raise ValueError(f"{other.name} and {tests[0].name} do not forecast the same")
    by_cluster = held_out_weights(
        [test.log_densities for test in tests],
        [test.name for test in tests],
        first.clusters,
        unit=STACKED,
    )
    mixed = np.zeros_like(first.probability)
    for row, cluster in enumerate(first.clusters):
        for weight, test in zip(by_cluster[cluster], tests, strict=True):
            mixed[row] += weight * test.left_out.probability[row]
    return replace(first, name=name, probability=np.clip(mixed, 0.0, 1.0))


def left_out_from(
    answers: Sequence[Mapping[str, Any]],
    data: ModelData,
    *,
    by: By,
    years: Sequence[float],
    name: str,
) -> LeftOut:
    """Put answers into the form that tables of scores take.

    Parameters
    ----------
    answers : sequence of dict
        Of all groups, or of some: the others' agreements are then left away.
    data : ModelData
    by : {"cluster", "dyad", "agreement"}
    years : sequence of float
    name : str

    Returns
    -------
    LeftOut
        In the order of the data.
    """
    chances = {
        agreement: record["mean"][place]
        for record in answers
        for place, agreement in enumerate(record["agreements"])
    }
    spells = [spell for spell in data.spells if spell.agreement in chances]
    probability = np.array([chances[spell.agreement] for spell in spells])
    return left_out_of(probability, spells, data.agreements, by=by, years=years, name=name)
