"""Bases: which fit of a case an update starts from.

The cache holds every fit of a case. The best to start from knew nothing that has since been taken
back, passed its diagnostics, and is the latest: then news is weighed in, and never out.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from durability.assembly import Clock
from durability.calendar import first_of_month, months_between
from durability.cases import Case
from durability.catalogue import models_hash
from durability.ladder import Reading
from durability.news import NewsItem
from durability.news_selection import select_news
from durability.particles import Particles, item_of, kept_particles, read_particles, text_hash
from durability.prior_sets import find_priors
from durability.updating import MONTHS_MOST


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
        There is no such prior set.
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
    target = max([item.known for item in used], default=date.min) if cutoff is None else cutoff
    ranked = sorted(
        (_rank(record, used, target), key)
        for key, record in kept_particles(case.name)
        if all(record.get(name) == value for name, value in wanted.items())
        and (cutoff is None or date.fromisoformat(record["cutoff"]) <= cutoff)
    )
    for _, key in reversed(ranked):
        found = read_particles(key)
        if found is not None:
            return found
    return None


def _rank(
    record: Mapping[str, Any], used: tuple[NewsItem, ...], target: date
) -> tuple[bool, bool, bool, str, int]:
    said = {said_by(item) for item in used}
    gone = any(said_by(item_of(each)) not in said for each in record["items"])
    last = date.fromisoformat(f"{record['coords']['month'][-1]}-01")
    months = months_between(last, first_of_month(max(target, last)))
    return (
        months <= MONTHS_MOST,
        not gone,
        record["verdict"]["ok"] is not False,
        str(record["cutoff"]),
        int(record["draws"]),
    )


def said_by(item: NewsItem) -> tuple[object, ...]:
    """What of an item the model reads."""
    return (item.id, item.date, item.driver, item.ratings, item.grade, item.event)
