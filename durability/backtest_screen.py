"""Backtests as lines on a screen, and as rows of a file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from durability.backtests import STACKED, Backtest
from durability.fast_leaving_out import FastLeftOut
from durability.origins import BY_YEAR
from durability.skill import MeanScore
from durability.stacking import compare_densities, stack_densities
from durability.summaries import INTERVAL
from durability.vocabulary import RUNGS
from durability.wording import (
    MINUS,
    error_points,
    number,
    percent,
    percent_range,
    signed,
    table,
)

INTERVAL_WORDS = f"{100 * INTERVAL:.0f}%"


def failure_lines(tests: Sequence[Backtest]) -> Iterator[str]:
    """Name the refits whose diagnostics failed, or say that none did.

    Parameters
    ----------
    tests : sequence of Backtest

    Yields
    ------
    str
        One line.
    """
    failed = [(test, each) for test in tests for each in test.failed]
    total = sum(len(test.answers) for test in tests)
    if not failed:
        yield f"The diagnostics of all {total} refits passed."
        return
    yield f"DIAGNOSTICS FAILED in {len(failed)} of {total} refits; do not use their chances:"
    for test, each in failed:
        yield f"  {test.name}, without {each['name']}: {'; '.join(each['verdict']['reasons'])}"


def chance_lines(
    test: Backtest, rung: str = "breakdown", *, years: Sequence[float] = ()
) -> Iterator[str]:
    """Write the chances of one rung for every agreement that was forecast.

    Parameters
    ----------
    test : Backtest
    rung : str
    years : sequence of float
        Horizons to write; all if empty.

    Yields
    ------
    str
        One line.
    """
    r = RUNGS.index(rung)
    titles = ["without", "agreement", "age", "years", rung, "90%", "MCSE", "log density", "verdict"]
    rows = [
        [
            each["name"],
            agreement,
            number(each["entry_years"][j]),
            number(age),
            percent(each["mean"][j][r][h]),
            percent_range({"low": each["low"][j][r][h], "high": each["high"][j][r][h]}),
            error_points(each["mcse"][j][r][h]),
            f"{each['log_density'][j]:.2f}" if age == (years or each["years"])[0] else "",
            "passed" if each["verdict"]["ok"] else "FAILED",
        ]
        for each in test.answers
        for j, agreement in enumerate(each["agreements"])
        for h, age in enumerate(each["years"])
        if not years or age in years
    ]
    yield f"{test.name}:"
    yield from table(titles, rows)


def density_lines(tests: Sequence[Backtest]) -> Iterator[str]:
    """Hold forecasters against the first by the log predictive densities of what happened.

    Differences have intervals between clusters. Where several prior sets forecast the same version
    of history, the weights that stacking would give them stand beside, with what clusters leave
    open of them. From days in the past an agreement is forecast again and again: sums alone then.

    Parameters
    ----------
    tests : sequence of Backtest
        Of the same agreements.

    Yields
    ------
    str
        One line.
    """
    titles = ["forecaster", "log density of outcomes"]
    if tests[0].by == BY_YEAR:
        sums = [sum(sum(each["counted_log_density"]) for each in test.answers) for test in tests]
        yield from table(
            titles, [[t.name, _sum(each)] for t, each in zip(tests, sums, strict=True)]
        )
        return
    densities = [test.log_densities for test in tests]
    rows = [[test.name, _sum(sum(each))] for test, each in zip(tests, densities, strict=True)]
    clusters = tests[0].left_out.clusters
    if len(set(clusters)) > 1 and len(tests) > 1:
        names = [test.name for test in tests]
        found = compare_densities(densities, names, clusters, interval_probability=INTERVAL)
        titles += ["beyond the first", INTERVAL_WORDS, "not detectable under"]
        for row, gain in zip(rows, found.gains, strict=True):
            row += ["", "", ""] if row is rows[0] else _difference(gain, found.rows)
        weights = _weights(tests, densities, clusters)
        if weights:
            titles += ["stacking weight", INTERVAL_WORDS]
            for row, test in zip(rows, tests, strict=True):
                row += weights.get(test.name, ["", ""])
    yield from table(titles, rows)


def _sum(value: float) -> str:
    return f"{value:.1f}".replace("-", MINUS)


def _difference(gain: MeanScore, rows: int) -> list[str]:
    """Write a mean gain a row as a difference between sums."""
    low, high = (signed(end * rows, 1) for end in (gain.low, gain.high))
    return [signed(gain.mean * rows, 1), f"{low} to {high}", f"{gain.detectable * rows:.1f}"]


def _weights(
    tests: Sequence[Backtest], densities: Sequence[Sequence[float]], clusters: Sequence[str]
) -> dict[str, list[str]]:
    """Stack the prior sets of each version of the ratings, where there are several."""
    told: dict[str, list[str]] = {}
    for ratings in dict.fromkeys(test.ratings for test in tests):
        mine = [i for i, test in enumerate(tests) if test.ratings == ratings]
        if len(mine) > 1:
            names = [tests[i].name for i in mine]
            found = stack_densities(
                [densities[i] for i in mine],
                names,
                clusters,
                unit=STACKED,
                interval_probability=INTERVAL,
            )
            for name, weight, low, high in zip(
                names, found.weights, found.low, found.high, strict=True
            ):
                ends = f"{100 * low:.0f} to {100 * high:.0f}%"
                told[name] = [f"{100 * weight:.0f}%", ends]
    return told


def fast_lines(found: FastLeftOut) -> Iterator[str]:
    """Say how far weighed draws can be trusted.

    Parameters
    ----------
    found : FastLeftOut

    Yields
    ------
    str
        One line.
    """
    order = np.argsort(-found.khat)
    worst = [f"{found.left_out.agreements[j]} {found.khat[j]:.2f}" for j in order[:5]]
    yield (
        f"Pareto k of the weights: {', '.join(worst)} are the largest; above "
        f"{found.khat_most:.2f} an agreement wants a true refit."
    )
    if found.untrusted:
        yield f"NOT TO BE TRUSTED: {', '.join(found.untrusted)}."
    yield f"Log density of all outcomes: {found.log_density.sum():.1f}."


def row_text(tests: Sequence[Backtest]) -> str:
    """Write all answers as lines of JSON, one a refit.

    Parameters
    ----------
    tests : sequence of Backtest

    Returns
    -------
    str
    """
    return "".join(f"{json.dumps(row, sort_keys=True)}\n" for row in _rows(tests))


def _rows(tests: Sequence[Backtest]) -> Iterator[Mapping[str, Any]]:
    for test in tests:
        told = {"by": test.by, "ratings": test.ratings, "priors": test.priors}
        for each in test.answers:
            yield {"forecaster": test.name, **told, "rungs": list(RUNGS), **each}
