"""Backtests by calendar: history forecast from days in the past, with everything later hidden.

At an *origin*, agreements that have not begun are hidden whole, and outcomes are re-censored there
by the rules of :func:`durability.assemble` at a cutoff. Forecast are the agreements then standing,
given that they stand, and those that begin before the next origin, from their starts; they are
scored on what came later. Every origin is a refit through the one compilation: what is hidden
changes no shape.

Ratings were coded long after, by coders who knew the end, and so was the choice of what counts as
an agreement. So this is *pseudo*-out-of-sample.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

import numpy as np

from durability.assembly import ModelData
from durability.backtests import (
    SETTINGS,
    Backtest,
    Ratings,
    Told,
    forecaster_name,
    run,
)
from durability.errors import InputError, Problem
from durability.hiding import show
from durability.inference import Settings, build
from durability.ladder import Observed, Spell, derive_spells
from durability.leaving_out import YEARS, LeftOut, left_out_of
from durability.predictors import Predictor
from durability.prior_sets import PriorSet
from durability.refits import Question, question_of, reference_of
from durability.vocabulary import DAYS_PER_YEAR

BY_YEAR: Final = "year"
FIRST_YEAR: Final = 1965
"""Of the first origin: by then a dozen agreements have begun."""

EVERY_YEARS: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """A day in the past, what was known then, and what is forecast.

    Parameters
    ----------
    day : datetime.date
        Nothing on or after it is known, but how agreements began that are forecast from their
        starts.
    spells : tuple of Spell
        Outcomes as far as they were known.
    asked : tuple of Spell
        What became of the agreements that are forecast, as it is known today.
    entry_days : tuple of float
        Age of each at which it is forecast.
    """

    day: date
    spells: tuple[Spell, ...]
    asked: tuple[Spell, ...]
    entry_days: tuple[float, ...]


def make_origins(
    data: ModelData, *, first: int = FIRST_YEAR, last: int | None = None, every: int = EVERY_YEARS
) -> tuple[Origin, ...]:
    """Choose days in the past, and see what was known on each.

    Parameters
    ----------
    data : ModelData
        Of :func:`durability.assemble_history`.
    first : int
        Year of the first origin, which is its first of January.
    last : int, optional
        No origin later; the year before the data's cutoff if not given. It too forecasts what
        begins in the `every` years after it.
    every : int
        Years between origins.

    Returns
    -------
    tuple of Origin
        Those with something to learn from and something to forecast.

    Raises
    ------
    InputError
        There is none.
    """
    final = data.cutoff.year - 1 if last is None else min(last, data.cutoff.year - 1)
    days = [date(year, 1, 1) for year in range(first, final + every + 1, every)]
    found = [_origin(data, day, min(after, data.cutoff)) for day, after in itertools.pairwise(days)]
    kept = tuple(each for each in found if each.spells and each.asked)
    if not kept:
        told = f"no origin from {first} to {final} has agreements to learn from and to forecast"
        raise InputError([Problem(where="history", found=told, allowed="begin earlier or later")])
    return kept


def _origin(data: ModelData, day: date, following: date) -> Origin:
    spells = derive_spells(data.rows, cutoff=day, reading=data.reading, subset=data.subset)
    start = {row.id: row.start for row in data.agreements}
    age = {spell.agreement: float((day - start[spell.agreement]).days) for spell in spells}
    standing = {
        spell.agreement
        for spell in spells
        if not spell.rung("breakdown").event
        and spell.rung("breakdown").stop_days == age[spell.agreement]
    }
    new = {name for name, began in start.items() if day <= began < following}
    asked = tuple(spell for spell in data.spells if spell.agreement in standing | new)
    return Origin(
        day=day,
        spells=spells,
        asked=asked,
        entry_days=tuple(age.get(spell.agreement, 0.0) for spell in asked),
    )


def backtest_by_year(
    data: ModelData,
    priors: PriorSet,
    origins: Sequence[Origin],
    *,
    ratings: Ratings = "seen",
    years: Sequence[float] = YEARS,
    model: str = "breakdown",
    settings: Settings = SETTINGS,
    jobs: int | None = None,
    told: Told | None = None,
) -> Backtest:
    """Forecast history from every origin, refitted to what was known then.

    Parameters
    ----------
    data : ModelData
        Of :func:`durability.assemble_history`.
    priors : PriorSet
    origins : sequence of Origin
        Of :func:`make_origins`.
    ratings : {"seen", "hidden"}
        Whether the ratings of what is forecast are shown; those of other agreements that had begun
        always are.
    years : sequence of float
        Horizons after the origin, or after the start of what begins later; rising.
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
        With `by` ``year``; an agreement stands in it once for every origin that forecasts it.

    Raises
    ------
    InputError
        The prior set is not of that model.
    SamplingError
        A refit could not be sampled.
    """
    reference = reference_of(build(data, priors, model=model))
    questions = [
        origin_question(data, origin, ratings=ratings, years=years, settings=settings)
        for origin in origins
    ]
    answers = run(reference, questions, jobs=jobs, told=told)
    name = forecaster_name(model, priors.name, ratings)
    return Backtest(
        name=name,
        by=BY_YEAR,
        ratings=ratings,
        priors=priors.name,
        answers=answers,
        left_out=from_origins(origins, answers, data, years=years, name=name),
    )


def origin_question(
    data: ModelData,
    origin: Origin,
    *,
    ratings: Ratings = "seen",
    years: Sequence[float] = YEARS,
    settings: Settings = SETTINGS,
) -> Question:
    """Put the question of one origin; arguments as of :func:`backtest_by_year`."""
    asked = {spell.agreement for spell in origin.asked}
    known = {spell.agreement: spell for spell in origin.spells}
    begun = {*known, *asked}
    return question_of(
        f"origin {origin.day}",
        show(data, known, rated=begun - asked if ratings == "hidden" else begun, begun=begun),
        origin.asked,
        entry_years=[days / DAYS_PER_YEAR for days in origin.entry_days],
        years=years,
        settings=settings,
    )


def from_origins(
    origins: Sequence[Origin],
    answers: Sequence[Mapping[str, Any]],
    data: ModelData,
    *,
    years: Sequence[float],
    name: str,
) -> LeftOut:
    """Put the answers of origins into the form that tables of scores take."""
    chances = [row for record in answers for row in record["mean"]]
    return _left_out(origins, chances, data, years, name)


def baseline_by_year(
    predictor: Predictor,
    origins: Sequence[Origin],
    data: ModelData,
    *,
    years: Sequence[float] = YEARS,
    name: str,
) -> LeftOut:
    """Let a baseline forecast from the same origins, from the same outcomes.

    Of an agreement that stands it says what its own law says given that age, which is what
    :class:`~durability.predictors.Predictor` calls `ages`.

    Parameters
    ----------
    predictor : Predictor
    origins : sequence of Origin
    data : ModelData
    years : sequence of float
    name : str

    Returns
    -------
    LeftOut
    """
    by_id = {row.id: row for row in data.agreements}
    chances: list[np.ndarray] = []
    for origin in origins:
        seen, asked = (
            [by_id[spell.agreement] for spell in each] for each in (origin.spells, origin.asked)
        )
        ages = np.array(origin.entry_days) / DAYS_PER_YEAR
        chances += [*predictor(origin.spells, seen, asked, years, ages)]
    return _left_out(origins, chances, data, years, name)


def _left_out(
    origins: Sequence[Origin],
    chances: Sequence[Any],
    data: ModelData,
    years: Sequence[float],
    name: str,
) -> LeftOut:
    spells = [
        _from_age(spell, days)
        for origin in origins
        for spell, days in zip(origin.asked, origin.entry_days, strict=True)
    ]
    return left_out_of(
        np.array(chances), spells, data.agreements, by=BY_YEAR, years=years, name=name
    )


def _from_age(spell: Spell, days: float) -> Spell:
    """Count a spell's ages from a later day; what ended before it was not watched after it."""
    return replace(
        spell,
        streams=tuple(_later(seen, days) for seen in spell.streams),
        rungs=tuple(_later(seen, days) for seen in spell.rungs),
        limit_days=tuple(limit - days for limit in spell.limit_days),
    )


def _later(seen: Observed, days: float) -> Observed:
    return replace(seen, stop_days=seen.stop_days - days, event_end_days=seen.event_end_days - days)
