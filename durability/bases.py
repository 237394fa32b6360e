"""Bases: which fit of a case an update starts from.

The cache holds every fit of a case. The best to start from has the case's own months, knew nothing
that has since been taken back, passed its diagnostics, is the latest, and knew most of what is
known now: then little news is weighed in, and none out. Of several such fits it is the one that was
kept last, so a forecast or a refit is what later updates start from.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from durability import cache
from durability.assembly import Clock, ModelData
from durability.calendar import add_months, first_of_month, month_label, months_between
from durability.cases import Case
from durability.catalogue import models_hash
from durability.errors import InputError, Problem
from durability.ladder import Reading
from durability.news import NewsItem
from durability.news_selection import select_news
from durability.particles import Particles, item_of, kept_particles, read_particles, text_hash
from durability.prior_sets import find_priors
from durability.updating import MONTHS_MOST
from durability.weighing import Base, cannot_weigh

YEARS_MOST = 5
"""After the case's coverage, that news may lead an update on by itself."""


def find_base(
    case: Case,
    *,
    cutoff: date | None = None,
    priors: str = "default",
    model: str = "breakdown",
    clock: Clock = "settlement",
    reading: Reading = "new",
    subset: str = "core",
    level_change: tuple[float, float] = (0.0, 1.0),
) -> Particles | None:
    """Find the particles that an update of a case had best start from.

    Parameters
    ----------
    case : Case
        As it is known now.
    cutoff : date, optional
        Of the update; fits with a later one are not looked at.
    priors : str
        Name or path of the prior set; a fit with another text of it is not looked at.
    model : str
    clock, reading, subset, level_change
        As :func:`durability.assembly.assemble` takes them; a fit that read its data in another
        way, for a sensitivity say, is not looked at.

    Returns
    -------
    Particles or None
        None where the cache holds no fit of the case by this code, model and prior set, of data
        read in this way.

    Raises
    ------
    InputError
        There is no such prior set, or what came last is years after the case's coverage.
    """
    wanted = {
        "model": model,
        "priors_text": text_hash(find_priors(priors)),
        "sources": models_hash(),
        "clock": clock,
        "reading": reading,
        "subset": subset,
        "level_change": list(level_change),
    }
    used, _ = select_news(case, date.max if cutoff is None else cutoff)
    if cutoff is None:
        _check_years(case, used)
    target = max([item.known for item in used], default=date.min) if cutoff is None else cutoff
    ranked = sorted(
        (_rank(key, record, case, used, target), key)
        for key, record in kept_particles(case.name)
        if all(record.get(name) == value for name, value in wanted.items())
        and (cutoff is None or date.fromisoformat(record["cutoff"]) <= cutoff)
    )
    for _, key in reversed(ranked):
        found = read_particles(key)
        if found is not None:
            return found
    return None


def check_weighable(base: Base, data: ModelData) -> None:
    """Refuse data that no weights of a fit's draws can reach.

    Raises
    ------
    InputError
        A fit to other months is needed.
    """
    reasons = cannot_weigh(base, data)
    if reasons:
        name = data.case.name
        found = f"the fit that is kept cannot be weighed: {'; '.join(reasons)}"
        allowed = f"make another first: durability forecast {name}"
        raise InputError([Problem(where=name, found=found, allowed=allowed)])


def _check_years(case: Case, used: tuple[NewsItem, ...]) -> None:
    """Refuse to go on to a day that is years ahead only because one item says so."""
    most = add_months(case.covered_until, 12 * YEARS_MOST)
    problems = [
        Problem(
            where=f"{case.name}, {item.id}",
            found=f"known on {item.known}, more than {YEARS_MOST} years after {case.covered_until},"
            " until which the case is covered",
            allowed="correct the day if it is a slip (durability news correct), "
            "else name the day to forecast from with --cutoff",
        )
        for item in used
        if item.known > most
    ]
    if problems:
        raise InputError(problems)


def _rank(
    key: str, record: Mapping[str, Any], case: Case, used: tuple[NewsItem, ...], target: date
) -> tuple[bool, bool, bool, bool, str, int, float]:
    said = {said_by(item) for item in used}
    known = [said_by(item_of(each)) in said for each in record["items"]]
    own = month_label(add_months(case.grid_start, -1))
    last = date.fromisoformat(f"{record['coords']['month'][-1]}-01")
    months = months_between(last, first_of_month(max(target, last)))
    return (
        record["coords"]["month"][0] == own,
        months <= MONTHS_MOST,
        all(known),
        record["verdict"]["ok"] is not False,
        str(record["cutoff"]),
        sum(known),
        cache.written(f"{key}.particles.json"),
    )


def said_by(item: NewsItem) -> tuple[object, ...]:
    """What of an item the model reads."""
    return (item.id, item.date, item.driver, item.ratings, item.grade, item.event)
