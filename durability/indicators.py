"""Indicators: counts over windows of days that speak of a driver, such as violations reported.

A window is what a source counted from one day to another, both included. Between windows nothing
was counted: those months are missing, not zero.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from durability import tables
from durability.errors import Problems, quoted
from durability.news import name
from durability.tables import Row
from durability.vocabulary import DRIVERS

_REQUIRED: Final = ("indicator", "driver", "from", "to", "count", "known", "source")
_OPTIONAL: Final = ("exposure",)


@dataclass(frozen=True, slots=True, kw_only=True)
class IndicatorWindow:
    """One row of ``indicators.csv``.

    Parameters
    ----------
    indicator : str
        Name of the series; its windows never overlap.
    driver : str
    first, last : datetime.date
        The window, both days included (columns ``from`` and ``to``).
    count : int
    exposure : float
        What a month of the window counts as: 1 where everything was counted, 0.5 where half was.
    known : datetime.date
    source : str
        The id of the news item that gives the count, or a description.
    line : int
        Where the window stands in the file.
    """

    indicator: str
    driver: str
    first: dt.date
    last: dt.date
    count: int
    exposure: float
    known: dt.date
    source: str
    line: int


def read_indicators(path: Path) -> tuple[IndicatorWindow, ...]:
    """Read and check ``indicators.csv``.

    Parameters
    ----------
    path : Path

    Returns
    -------
    tuple of IndicatorWindow
        In the order of the file.

    Raises
    ------
    InputError
        With everything that is wrong in the file, each problem with its line.
    """
    problems = Problems()
    windows = collect_indicators(path, problems)
    problems.raise_any()
    return windows


def collect_indicators(path: Path, problems: Problems) -> tuple[IndicatorWindow, ...]:
    """Read ``indicators.csv``, noting what is wrong instead of raising it."""
    rows = tables.read_rows(path, required=_REQUIRED, optional=_OPTIONAL, problems=problems)
    windows = tuple(_window(row) for row in rows)
    _check_series(rows, windows)
    return windows


def _window(row: Row) -> IndicatorWindow:
    before = len(row.problems)
    first, last, known = (tables.day(row, column) for column in ("from", "to", "known"))
    if len(row.problems) == before and last < first:
        row.problem("to", f"is before from, {first}")
    if len(row.problems) == before and known < last:
        row.problem("known", f"is before the window's last day, {last}")
    exposure = tables.optional_number(row, "exposure", low=0.001, high=1000.0)
    return IndicatorWindow(
        indicator=name(row, "indicator"),
        driver=tables.choice(row, "driver", DRIVERS),
        first=first,
        last=last,
        count=tables.integer(row, "count", low=0, high=10**9),
        exposure=1.0 if exposure is None else exposure,
        known=known,
        source=tables.text(row, "source"),
        line=row.line,
    )


def _check_series(rows: Sequence[Row], windows: Sequence[IndicatorWindow]) -> None:
    """Refuse a series of two drivers, and a day counted twice."""
    drivers: dict[str, IndicatorWindow] = {}
    latest: dict[str, IndicatorWindow] = {}
    pairs = sorted(zip(rows, windows, strict=True), key=lambda pair: pair[1].first)
    for row, window in pairs:
        if window.driver in DRIVERS:
            other = drivers.setdefault(window.indicator, window)
            if other.driver != window.driver:
                row.problem(
                    "driver",
                    f"is {quoted(other.driver)} for {window.indicator} on line {other.line}",
                )
        before = latest.setdefault(window.indicator, window)
        if before is not window and window.first <= before.last and window.first > dt.date.min:
            row.problem("from", f"overlaps the window on line {before.line}; count a day once")
        if window.last >= before.last:
            latest[window.indicator] = window
