"""Rival prior sets as lines on a screen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from durability.rival_sections import comparison_sentence
from durability.wording import (
    counted,
    disagreement_sentence,
    error_points,
    headline_horizon,
    number,
    percent,
    percent_range,
    table,
)

Record = Mapping[str, Any]


def rival_lines(record: Record) -> Iterator[str]:
    """Write what every prior set says of the headline, and whether history can tell them apart.

    Parameters
    ----------
    record : mapping
        With ``rivals`` and ``breakdown``, as in ``forecast.json``.

    Yields
    ------
    str
        One line.
    """
    told, months = record["rivals"], headline_horizon(record)
    titles = ["prior set", f"breakdown, {months} months", "interval", "± MCSE, points", "method"]
    yield from table(titles, [_row(each, months) for each in told["sets"]])
    yield from (f"{each['name']}: {each['note']}" for each in told["sets"] if each["note"])
    yield ""
    yield disagreement_sentence(record)
    compared = told["comparison"]
    if compared is None:
        return
    yield ""
    heads = ["prior set", "elpd", "difference", "interval", "k > 0.7", "weight", "interval"]
    yield from table(heads, [_compared(each) for each in compared["sets"]])
    for each in compared["sets"]:
        if each["over_0_7"]:
            over = counted(len(each["over_0_7"]), "outcome")
            yield f"{each['name']}: k above 0.7 for {over}: {', '.join(each['over_0_7'])}."
    yield ""
    yield comparison_sentence(told)
    mixed = compared["stacked"]["breakdown"][months]
    span = {"low": mixed["mean_low"], "high": mixed["mean_high"]}
    yield (
        f"Mixed by these weights: {percent(mixed['mean'])} ({percent_range(mixed)}); "
        f"{percent_range(span)} as clusters are resampled."
    )


def _row(each: Record, months: str) -> list[str]:
    method = each["method"]
    if each["pareto_k"] is not None:
        method += f", Pareto k {number(each['pareto_k'], 2)}"
    if not each["breakdown"]:
        return [each["name"], "–", "–", "–", method]
    chance = each["breakdown"]["breakdown"][months]
    return [
        each["name"],
        percent(chance["mean"]),
        percent_range(chance),
        error_points(chance["mcse"]),
        method,
    ]


def _compared(each: Record) -> list[str]:
    told = "–"
    if each["difference_se"]:
        told = f"{number(each['difference_low'], 2)} to {number(each['difference_high'], 2)}"
    weight = {"low": each["weight_low"], "high": each["weight_high"]}
    return [
        each["name"],
        number(each["elpd"], 4),
        number(each["difference"], 2),
        told,
        str(len(each["over_0_7"])),
        percent(each["weight"]),
        percent_range(weight),
    ]
