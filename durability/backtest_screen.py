"""Backtests as lines on a screen, and as rows of a file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from durability.backtests import Backtest
from durability.fast_leaving_out import FastLeftOut
from durability.vocabulary import RUNGS
from durability.wording import error_points, number, percent, percent_range, table


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
    """Write the sum of the log predictive densities of each forecaster, and the first's lead.

    Parameters
    ----------
    tests : sequence of Backtest
        Of the same groups.

    Yields
    ------
    str
        One line.
    """
    sums = [sum(sum(each["counted_log_density"]) for each in test.answers) for test in tests]
    rows = [
        [test.name, f"{total:.1f}", f"{total - sums[0]:+.1f}" if i else ""]
        for i, (test, total) in enumerate(zip(tests, sums, strict=True))
    ]
    yield from table(["forecaster", "log density of outcomes", "beyond the first"], rows)


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
