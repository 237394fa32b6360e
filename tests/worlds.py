"""Worlds for tests: the shipped case cut down or added to, made-up facts, and drawn parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from durability.models import breakdown

import durability
from durability.agreements import Agreement, read_agreements
from durability.assembly import ModelData, assemble
from durability.cases import Case, Happened, Standing, read_case
from durability.indicators import IndicatorWindow
from durability.news import NewsItem
from durability.prior_sets import Prior, read_priors
from durability.vocabulary import DRIVERS

Arrays = dict[str, np.ndarray]

CUTOFF = date(2026, 6, 30)
"""Last day that the shipped case covers."""

DEFAULT_PRIORS = Path(__file__).resolve().parents[1] / "priors" / "default.toml"


@cache
def flagship() -> Case:
    """Give the shipped case, whatever folders the working directory holds.

    Where it takes a chance from polls it has a number instead: no test samples polls unasked.
    """
    case = read_case(Path(durability.__file__).parent / "data" / "cases" / "armenia_azerbaijan")
    plain = (
        replace(each, chance_from="", fails=0.9) for each in case.conditions if each.chance_from
    )
    given = {each.name: each for each in plain}
    return replace(case, conditions=tuple(given.get(each.name, each) for each in case.conditions))


@cache
def history() -> tuple[Agreement, ...]:
    """Give the shipped reference class."""
    return read_agreements()


@cache
def priors() -> Mapping[str, Prior]:
    """Give the default priors."""
    return read_priors(DEFAULT_PRIORS).parameters


def bare() -> Case:
    """Give the shipped case without a word of news, a count or a rating of itself."""
    return replace(flagship(), news=(), indicators=(), standings=())


def data(case: Case | None = None, **how: Any) -> ModelData:
    """Assemble a case on the shipped history."""
    return assemble(flagship() if case is None else case, history(), **how)


def item(name: str, known: date, **changes: Any) -> NewsItem:
    """Make up a rated news item, alarming and official, of the day it was known."""
    fields: dict[str, Any] = {
        "id": name,
        "date": known,
        "date_end": None,
        "precision": "day",
        "known": known,
        "known_assumed": False,
        "driver": "trust",
        "ratings": (("a", 3), ("b", 3)),
        "salience": 3,
        "grade": "A",
        "event": name,
        "actor": "",
        "status": "occurred",
        "statement": "Something happened.",
        "source": "A source",
        "publisher": "",
        "address": "",
        "note": "",
        "line": 0,
    }
    return NewsItem(**{**fields, **changes})


def window(first: date, last: date, count: int, **changes: Any) -> IndicatorWindow:
    """Make up a count, known on its last day."""
    fields: dict[str, Any] = {
        "indicator": "incidents",
        "driver": "trust",
        "first": first,
        "last": last,
        "count": count,
        "exposure": 1.0,
        "known": last,
        "source": "A count",
        "line": 0,
    }
    return IndicatorWindow(**{**fields, **changes})


def standing(day: date, rating: int = 3, coder: str = "a") -> Standing:
    """Make up a coder's ratings of the case itself, one for all drivers."""
    return Standing(
        date=day,
        coder=coder,
        ratings=dict.fromkeys(DRIVERS, rating),
        reasons=dict.fromkeys(DRIVERS, "made up"),
    )


def happened(rung: str, day: date) -> Happened:
    """Make up a rung that was reached."""
    return Happened(rung=rung, date=day, why="made up")


def full(assembled: ModelData) -> Arrays:
    """Give the arrays of a case and the fixed numbers of the default priors."""
    return breakdown.all_arrays(assembled, priors())


def drawn(assembled: ModelData, *, n: int, seed: int) -> tuple[Arrays, Arrays]:
    """Draw `n` parameters from the default priors, with what they mean."""
    theta = breakdown.prior_draws(assembled, priors(), n=n, rng=np.random.default_rng(seed))
    return theta, breakdown.latents(theta, assembled.arrays, np)


def of_agreements(
    assembled: ModelData, theta: Arrays, rows: Sequence[int]
) -> tuple[Arrays, Arrays]:
    """Give the arrays and parameters of the agreements in `rows`, in that order.

    For outcomes alone: what coders read of the agreements is left as it was.
    """
    index = list(rows)
    arrays = {}
    for name, array in full(assembled).items():
        dims = assembled.dims.get(name, ())
        if "agreement" in dims:
            arrays[name] = np.take(array, index, axis=dims.index("agreement"))
        elif "row" in dims:
            # The agreements, and the case last.
            arrays[name] = np.take(array, [*index, -1], axis=dims.index("row"))
        else:
            arrays[name] = array
    return arrays, {**theta, "history_raw": theta["history_raw"][..., index, :]}
