"""The forecast of an election as lines on a screen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from durability.wording import (
    counted,
    error_points,
    failed_tries,
    long_date,
    percent,
    percent_range,
    table,
    verdict_words,
)

CHANCE_WORDS: Mapping[str, str] = {
    "government": "a government for the agreement",
    "majority": "majority of lists for the agreement",
    "three_fifths": "three fifths for the change of the constitution",
    "two_thirds": "two thirds for the change of the constitution",
}


def election_lines(record: Mapping[str, Any]) -> Iterator[str]:
    """Write the forecast of an election: the verdict first, then lists, chances and sources.

    Parameters
    ----------
    record : mapping
        Of :meth:`durability.election_forecast.ElectionForecast.to_record`.

    Yields
    ------
    str
        One line.
    """
    known = record["result_known"]
    if known:
        yield "The result is known and stands in: nothing is sampled."
    elif record["verdict"]["ok"]:
        yield f"Verdict: {verdict_words(record)}."
    else:
        yield f"DO NOT USE THESE NUMBERS: {verdict_words(record)}."
        yield from (f"  {reason}" for reason in record["verdict"]["reasons"])
    yield from failed_tries(record)
    yield ""
    yield f"{record['election']['title']}, as of {long_date(record['cutoff'])}"
    yield ""
    yield from table(*_lists(record))
    yield ""
    yield from table(*_chances(record))
    yield ""
    yield from _sources(record)


def _lists(record: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    if record["result_known"]:
        titles = ["list", "votes", "seats"]
        rows = [
            [
                each["name"],
                f"{100 * each['share']['median']:.1f}%",
                f"{each['seats']['median']:.0f}",
            ]
            for each in record["lists"]
        ]
        return titles, [*rows, ["all", "", f"{record['house']['median']:.0f}"]]
    titles = ["list", "votes, median", "90% interval", "seats, median", "90% interval"]
    rows = [
        [
            each["name"],
            percent(each["share"]["median"]),
            percent_range(each["share"]),
            f"{each['seats']['median']:.0f}",
            f"{each['seats']['low']:.0f}–{each['seats']['high']:.0f}",
        ]
        for each in record["lists"]
    ]
    return titles, rows


def _chances(record: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    rows = [
        [
            CHANCE_WORDS[name],
            percent(chance["mean"]),
            percent_range(chance),
            error_points(chance["mcse"]),
        ]
        for name, chance in record["chances"].items()
    ]
    return ["", "chance", "90% interval", "± MCSE, points"], rows


def _sources(record: Mapping[str, Any]) -> Iterator[str]:
    polls, past = len(record["polls_known"]), len(record["past_polls"])
    used = "" if record["result_known"] else ", used"
    yield f"Polls known{used}: {polls}. Past misses of pollsters: {past}."
    if record["left_out"]:
        yield f"Left out, {counted(len(record['left_out']), 'poll')}:"
        yield from (f"  {each['poll']}: {each['why']}" for each in record["left_out"])
