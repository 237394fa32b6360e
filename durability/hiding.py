"""History with some of it hidden: what a refit may see, in arrays whose shapes never change.

One compilation serves every refit, so nothing is taken out of the arrays. An agreement whose
outcome is hidden has weight zero, an age of one year and no event; its coders are read as those of
an agreement that is not known to have broken (no hindsight), since the mark would give the outcome
away. Ratings that are hidden stand behind the last one that counts, where no sum reaches them.
Covariates are centred on the agreements whose outcomes are shown, and hidden ones are zero.

Two sets of data that differ only in what is hidden have the same arrays, to the bit.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from durability.agreements import earlier_wars
from durability.assembly import (
    HINDSIGHT_YEARS,
    ModelData,
    broke_within,
    by_stream,
    covariates_of,
    log_years,
)
from durability.ladder import Spell
from durability.vocabulary import DAYS_PER_YEAR, STREAMS

HIDDEN_YEARS: Final = 1.0
"""Age that stands where an outcome is hidden; with weight zero it counts for nothing."""

CHANGED: Final = (
    *("history_log_ages", "history_event", "history_weight", "history_years"),
    *("row_covariates", "covariate_centre"),
    *("coding_row", "coding_driver", "coding_broke", "coding_mean"),
    *("reading_coder", "reading_level", "reading_location", "reading_thing", "reading_last"),
)
"""Arrays that hiding changes: a compilation must leave them free."""


def show(
    data: ModelData,
    spells: Mapping[str, Spell],
    *,
    rated: Collection[str],
    begun: Collection[str] | None = None,
) -> ModelData:
    """Give data in which only some of history is shown.

    Parameters
    ----------
    data : ModelData
        Of :func:`durability.history_data.assemble_history`: it may not hold news of a case.
    spells : mapping of str to Spell
        What is shown of outcomes, by agreement. Of any other agreement nothing is.
    rated : collection of str
        Agreements whose ratings are shown.
    begun : collection of str, optional
        Agreements whose covariates are shown; all if not given.

    Returns
    -------
    ModelData
        With arrays of the same shapes.

    Raises
    ------
    ValueError
        An agreement is not of the data, none is shown or rated, or the data hold news.
    """
    names = data.coords["agreement"]
    begun = names if begun is None else begun
    for asked in (spells, rated, begun):
        if strange := sorted(set(asked) - set(names)):
            raise ValueError(f"no agreement {', '.join(strange)} in the data")
    if not spells or not rated:
        raise ValueError("a refit must be shown an outcome and a rating")
    if "event" in data.coords or data.coords["anchor"]:
        raise ValueError("only history without a case can be hidden in part")
    arrays = dict(data.arrays)
    arrays |= _outcomes(names, spells)
    arrays |= _covariates(data, frozenset(begun), frozenset(spells))
    order = _order(data, frozenset(rated))
    arrays |= _ratings(data, order, frozenset(rated), spells)
    things = tuple(data.coords["thing"][t] for t in order)
    coords = {**data.coords, "thing": things, "read": things}
    return replace(data, arrays=MappingProxyType(arrays), coords=MappingProxyType(coords))


def _outcomes(names: tuple[str, ...], spells: Mapping[str, Spell]) -> dict[str, np.ndarray]:
    shape = (len(names), len(STREAMS))
    stop = np.full(shape, HIDDEN_YEARS)
    end, event, weight = stop.copy(), np.zeros(shape), np.zeros(len(names))
    for place, name in enumerate(names):
        if name in spells:
            spell = spells[name]
            stop[place] = by_stream([spell], "stop_days")[0] / DAYS_PER_YEAR
            end[place] = by_stream([spell], "event_end_days")[0] / DAYS_PER_YEAR
            event[place] = by_stream([spell], "event")[0]
            weight[place] = spell.weight
    return {
        "history_log_ages": log_years([np.zeros(shape), stop, end]),
        "history_event": event,
        "history_weight": weight,
        "history_years": stop.max(axis=1),
    }


def _covariates(
    data: ModelData, begun: frozenset[str], shown: frozenset[str]
) -> dict[str, np.ndarray]:
    raw = {
        row.id: covariates_of(row, earlier_wars(row, data.rows))
        for row in data.agreements
        if row.id in begun
    }
    centre = np.mean([raw[name] for name in raw if name in shown], axis=0)
    rows = np.zeros_like(data.arrays["row_covariates"])
    for place, name in enumerate(data.coords["agreement"]):
        if name in raw:
            rows[place] = np.array(raw[name]) - centre
    return {"row_covariates": rows, "covariate_centre": centre}


def _order(data: ModelData, rated: frozenset[str]) -> np.ndarray:
    """Give the things whose ratings are shown, then the others."""
    hidden = np.array([_agreement_of(data, row) not in rated for row in data.arrays["coding_row"]])
    return np.argsort(hidden, kind="stable")


def _agreement_of(data: ModelData, row: Any) -> str:
    return data.coords["agreement"][int(row)]


def _ratings(
    data: ModelData, order: np.ndarray, rated: frozenset[str], spells: Mapping[str, Spell]
) -> dict[str, np.ndarray]:
    before = data.arrays
    place = np.empty_like(order)
    place[order] = np.arange(order.size)
    thing = place[before["reading_thing"]]
    readings = np.argsort(thing, kind="stable")
    found = {
        name: before[name][readings]
        for name in ("reading_coder", "reading_level", "reading_location")
    }
    found["reading_thing"] = thing[readings]
    last = np.cumsum(np.bincount(thing, minlength=order.size)) - 1
    found |= {name: before[name][order] for name in ("coding_row", "coding_driver", "coding_mean")}
    names = [_agreement_of(data, row) for row in found["coding_row"]]
    visible = np.array([name in rated for name in names])
    found["reading_last"] = np.where(visible, last, last[visible].max())
    found["coding_broke"] = np.array(
        [float(name in spells and broke_within(spells[name], HINDSIGHT_YEARS)) for name in names]
    )
    # What is hidden is the same whatever it was.
    seen = visible[found["reading_thing"]]
    found |= {name: np.where(seen, found[name], 0) for name in ("reading_coder", "reading_level")}
    found["coding_mean"] = np.where(visible, found["coding_mean"], 0.0)
    return found
