"""Simulation: each posterior draw carried forward, and what it accumulates.

No coins are flipped: a draw's path of the drivers gives its hazards, and these its probabilities in
closed form. Random numbers belong to a month, so a forecast to 12 months is the same whether or
not one to 60 is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from durability.assembly import ModelData, log_years
from durability.calendar import add_months
from durability.inference import Fit, Model
from durability.vocabulary import DAYS_PER_YEAR, DRIVERS, MARKS, RUNGS, STREAMS


@dataclass(frozen=True, slots=True, kw_only=True)
class Future:
    """Paths of a case after its cutoff.

    Parameters
    ----------
    pressure : ndarray (draw, month, driver)
    increments : ndarray (draw, month, stream)
        Cumulative hazard of each month, given none before the cutoff.
    unseen : ndarray (draw, stream)
        Cumulative hazard between the day to which a stream is known and the cutoff.
    years : ndarray (month,)
        Length of each month.
    happened : frozenset of str
        Streams that an event before the cutoff has closed.
    """

    pressure: np.ndarray
    increments: np.ndarray
    unseen: np.ndarray
    years: np.ndarray
    happened: frozenset[str]


def simulate(fit: Fit, *, months: int, seed: int) -> Future:
    """Carry every draw of a fit forward from the cutoff.

    Parameters
    ----------
    fit : Fit
    months : int
        Whole months after the cutoff.
    seed : int

    Returns
    -------
    Future
    """
    theta = fit.theta()
    latent = fit.model.module.latents(theta, fit.model.arrays, np)
    return carried(fit.model, theta, latent, monthly_normals(len(fit), months=months, seed=seed))


def carried(
    model: Model,
    theta: Mapping[str, np.ndarray],
    latent: Mapping[str, np.ndarray],
    normals: np.ndarray,
) -> Future:
    """Carry draws forward from the cutoff of a model's data.

    Parameters
    ----------
    model : Model
    theta, latent : mapping of str to ndarray
        As the model's ``latents`` takes and gives them, each (draw, …).
    normals : ndarray (draw, month, driver)
        Of :func:`monthly_normals`.

    Returns
    -------
    Future
    """
    data, arrays = model.data, model.arrays
    pressure = model.module.extended(theta, latent, normals)
    ages = edge_ages(data.cutoff, data.clock_start, normals.shape[1])
    edges = np.repeat(log_years([ages[:-1], ages[1:]])[:, :, None], len(STREAMS), axis=2)
    return Future(
        pressure=pressure,
        increments=model.module.case_increments(theta, latent, arrays, pressure, edges),
        unseen=_unseen(model, theta, latent),
        years=np.diff(ages),
        happened=closed_streams(data),
    )


def monthly_normals(draws: int, *, months: int, seed: int, child: int = 0) -> np.ndarray:
    """Standard normals for every draw, month and driver, each month from a stream of its own.

    Parameters
    ----------
    child : int
        Which of several continuations of the same draws.

    Returns
    -------
    ndarray (draw, month, driver)
    """
    raw = np.empty((draws, months, len(DRIVERS)))
    of_child = [child] if child else []
    for month in range(months):
        rng = np.random.default_rng([seed, month, *of_child])
        raw[:, month] = rng.standard_normal((draws, len(DRIVERS)))
    return raw


def edge_ages(cutoff: date, clock_start: date, months: int) -> np.ndarray:
    """Ages in years at the edges of the months after a cutoff, which ends with its day.

    Returns
    -------
    ndarray (month + 1,)
    """
    first = cutoff + timedelta(days=1)
    edges = [add_months(first, month) for month in range(months + 1)]
    return np.array([(edge - clock_start).days for edge in edges]) / DAYS_PER_YEAR


def closed_streams(data: ModelData) -> frozenset[str]:
    """Streams that an event of their mark or a worse one has closed before the cutoff."""
    closed = {happened.rung for happened in data.case.happened if happened.date <= data.cutoff}
    for rank, mark in enumerate(MARKS):
        if any(worse in closed for worse in MARKS[rank:]):
            closed.add(mark)
    return frozenset(closed)


def _unseen(
    model: Model, theta: Mapping[str, np.ndarray], latent: Mapping[str, np.ndarray]
) -> np.ndarray:
    """Hazard accumulated between the day to which each stream is known and the cutoff."""
    data, arrays = model.data, model.arrays
    closed = closed_streams(data)
    places = arrays["case_month_index"]
    first = date.fromisoformat(f"{data.coords['month'][places[0]]}-01")
    lo, hi = np.zeros((2, len(places), len(STREAMS)))
    end = data.cutoff + timedelta(days=1)
    for k, stream in enumerate(STREAMS):
        known = max(
            min(data.case.observed_to[stream], data.cutoff) + timedelta(days=1), data.case.deal
        )
        for m in range(len(places)):
            month = add_months(first, m)
            start = max(month, known)
            stop = max(start, min(add_months(month, 1), end))
            if stream not in closed:
                lo[m, k], hi[m, k] = data.age_years(start), data.age_years(stop)
    pressure = latent["pressure"][:, places]
    edges = log_years([lo, hi])
    increments = model.module.case_increments(theta, latent, arrays, pressure, edges)
    total: np.ndarray = increments.sum(1)
    return total


def incidences(
    increments: np.ndarray, happened: frozenset[str] = frozenset()
) -> dict[str, np.ndarray]:
    """Cumulative incidence of every rung, by month.

    A rung counts the first event of at least its mark; abrogation ends the agreement, so it
    competes with every rung, and war competes with abrogation. Within a month the streams'
    hazards are taken as proportional, which makes the shares exact.

    Parameters
    ----------
    increments : ndarray (draw, month, stream)
    happened : frozenset of str
        Streams that are closed: their rungs have happened.

    Returns
    -------
    dict
        By rung, ndarray (draw, month). ``war`` and ``abrogation`` add up to ``breakdown``, and
        ``war <= fatal <= force``, in every draw.
    """
    by_name = {stream: increments[..., k] for k, stream in enumerate(STREAMS)}
    denounced = by_name["abrogation"]
    rungs = {}
    for rank, mark in enumerate(MARKS):
        at_least = sum(by_name[worse] for worse in MARKS[rank:])
        rungs[mark] = _first(np.asarray(at_least), denounced)
    rungs["abrogation"] = _first(denounced, by_name["war"])
    rungs["breakdown"] = -np.expm1(-np.cumsum(by_name["war"] + denounced, axis=-1))
    for stream in happened:
        rungs[stream] = np.ones_like(rungs[stream])
    if {"war", "abrogation"} & happened:
        rungs["breakdown"] = np.ones_like(rungs["breakdown"])
    return rungs


def _first(own: np.ndarray, competing: np.ndarray) -> np.ndarray:
    """Cumulative incidence of one cause beside another, from increments (draw, month)."""
    total = own + competing
    before = np.exp(-(np.cumsum(total, axis=-1) - total))
    share = np.divide(own, total, out=np.zeros_like(own), where=total > 0.0)
    return np.cumsum(before * -np.expm1(-total) * share, axis=-1)


def unseen(future: Future) -> dict[str, np.ndarray]:
    """Chance that each rung has happened since it was last observed: by rung, ndarray (draw,)."""
    by_name = {stream: future.unseen[:, k] for k, stream in enumerate(STREAMS)}
    parts = {mark: MARKS[rank:] for rank, mark in enumerate(MARKS)}
    parts |= {"abrogation": ("abrogation",), "breakdown": ("war", "abrogation")}
    return {
        rung: np.asarray(-np.expm1(-sum(by_name[each] for each in parts[rung]))) for rung in RUNGS
    }
