"""Codings: what each coder handed in, and how the coders' differences were reconciled.

A case with several coders keeps their raw codings in ``codings.csv`` and every decision between
them in ``reconciliations.csv``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from durability import tables
from durability.errors import Problems, quoted
from durability.news import NewsItem, name
from durability.tables import Row
from durability.vocabulary import DRIVERS, RATING_MAX, RATING_MIN

RECONCILED: Final = ("event", "driver", "salience")
"""What coders can differ in and a case must decide; their scores are kept side by side."""

_CODING: Final = ("item", "coder", "driver", "score", "salience", "event_key", "confidence", "why")
_RECONCILIATION: Final = ("item", "field", "coder_a", "coder_b", "chosen", "why")


@dataclass(frozen=True, slots=True, kw_only=True)
class Coding:
    """One coder's raw coding of one item, as it was handed in."""

    item: str
    coder: str
    driver: str
    score: int
    salience: int
    event_key: str
    confidence: float
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """One difference between two coders, what was chosen, and why."""

    item: str
    field: str
    coder_a: str
    coder_b: str
    chosen: str
    why: str


def collect_codings(
    path: Path, items: Iterable[NewsItem], problems: Problems
) -> tuple[Coding, ...]:
    """Read ``codings.csv``, noting what is wrong; every item it names must be one of `items`."""
    known = {item.id for item in items}
    rows = tables.read_rows(path, required=_CODING, problems=problems)
    seen: dict[tuple[str, str], int] = {}
    for row in rows:
        _check_reference(row, known)
        earlier = seen.setdefault((row["item"], row["coder"]), row.line)
        if earlier != row.line:
            row.problem("coder", f"has coded item {row['item']} already, on line {earlier}")
    return tuple(
        Coding(
            item=row["item"],
            coder=name(row, "coder"),
            driver=tables.choice(row, "driver", DRIVERS),
            score=tables.integer(row, "score", low=RATING_MIN, high=RATING_MAX),
            salience=tables.integer(row, "salience", low=1, high=3),
            event_key=tables.text(row, "event_key"),
            confidence=tables.number(row, "confidence", low=0.0, high=1.0),
            why=row["why"],
        )
        for row in rows
    )


def collect_reconciliations(
    path: Path, items: Iterable[NewsItem], problems: Problems
) -> tuple[Reconciliation, ...]:
    """Read ``reconciliations.csv``, noting what is wrong, and what ``news.csv`` contradicts."""
    chosen = {item.id: item for item in items}
    rows = tables.read_rows(path, required=_RECONCILIATION, problems=problems)
    for row in rows:
        _check_reference(row, chosen)
        field = tables.choice(row, "field", RECONCILED)
        item = chosen.get(row["item"])
        if item is not None and field in RECONCILED and str(getattr(item, field)) != row["chosen"]:
            news = quoted(getattr(item, field))
            row.problem("chosen", f"{field} of {item.id} in the news is {news}; make them agree")
    return tuple(
        Reconciliation(
            item=row["item"],
            field=row["field"],
            coder_a=row["coder_a"],
            coder_b=row["coder_b"],
            chosen=tables.text(row, "chosen"),
            why=tables.text(row, "why"),
        )
        for row in rows
    )


def _check_reference(row: Row, known: Iterable[str]) -> None:
    if row["item"] not in known:
        row.problem("item", "no such item in the news")
