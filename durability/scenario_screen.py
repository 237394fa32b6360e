"""Scenarios, trees and watch-lists as lines on a screen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from durability.branches import FEW_PATHS
from durability.watch_sections import CALMER, FEW, WORSE, Side, together, watch_name, way_chance
from durability.wording import (
    RUNG_NAMES,
    counted,
    error_points,
    headline_horizon,
    horizons,
    interval_name,
    long_date,
    percent,
    percent_range,
    rungs_in,
    table,
    with_error,
)

Record = Mapping[str, Any]

VERB_WORDS = {
    "observing": "if this were learned, with all that usually goes with it",
    "intervening": "if this were brought about, whatever would have caused it; if β were causal",
}


def _warnings(record: Record) -> Iterator[str]:
    if not record["verdict"]["ok"]:
        yield "DO NOT USE THESE NUMBERS:"
        yield from (f"  {reason}" for reason in record["verdict"]["reasons"])
        yield ""


def _title(record: Record) -> str:
    same = record["since"] == record["cutoff"]
    stands = "the same day" if same else long_date(record["since"])
    return f"{record['title']}, as of {long_date(record['cutoff'])} (last fit: {stands})"


def scenario_lines(record: Record) -> Iterator[str]:
    """Write scenarios beside the forecast as things come.

    Parameters
    ----------
    record : mapping
        As in ``scenarios.json``.

    Yields
    ------
    str
        One line.
    """
    yield from _warnings(record)
    yield _title(record)
    months = headline_horizon(record)
    now = record["breakdown"]["breakdown"][months]
    yield (
        f"Breakdown within {months} months as things come: {percent(now['mean'])} "
        f"({interval_name(record)} {percent_range(now)}, MCSE {error_points(now['mcse'])} points)."
    )
    for answer in record["scenarios"]:
        yield ""
        yield from _answer_lines(record, answer)
    for tree in record["trees"]:
        yield ""
        yield from _tree_lines(tree, months)
    if record["scenarios"]:
        yield ""
        yield (
            "Differences are on the same draws and random numbers; ± is their Monte Carlo error, "
            "not what is unknown."
        )


def _answer_lines(record: Record, answer: Record) -> Iterator[str]:
    said = [*answer["settings"]]
    said += [f"{name} held at {value:+g}" for name, value in answer["pins"].items()]
    said += [f"{name} moved by {value:+g}" for name, value in answer["shifts"].items()]
    yield f"{answer['name']}: {', '.join(said) or 'nothing stated'}"
    yield f"  {answer['verb']}: {VERB_WORDS[answer['verb']]}"
    if answer["chance"] is not None:
        khat = "none" if answer["khat"] is None else f"{answer['khat']:.2f}"
        yield (
            f"  chance of it {percent(answer['chance']['mean'])}; "
            f"{answer['effective_size']:.0f} effective draws, Pareto k {khat}, "
            f"{counted(answer['continuations'], 'continuation')} of each draw"
        )
    if not answer["ok"]:
        yield f"  DO NOT USE: {'; '.join(answer['reasons'])}"
    titles = ["", "months", "as it comes", "scenario", interval_name(record), "difference, points"]
    yield from (f"  {line}" for line in table(titles, list(_rows(answer))))
    if stages := list(_stage_rows(record, answer)):
        months = horizons(record)[-1]
        titles = ["stage", f"as it comes, {months} months", "scenario", "half by", "scenario"]
        yield "  Stages that are reached before any breakdown:"
        yield from (f"  {line}" for line in table(titles, stages))


def _rows(answer: Record) -> Iterator[list[str]]:
    months = headline_horizon(answer)
    for rung in rungs_in(answer["breakdown"]):
        for place, horizon in enumerate(horizons(answer) if rung == "breakdown" else [months]):
            now = answer["breakdown"][rung][horizon]
            yield [
                "" if place else RUNG_NAMES[rung],
                horizon,
                percent(answer["as_things_come"][rung][horizon]["mean"]),
                percent(now["mean"]),
                percent_range(now),
                _points(answer["difference"][rung][horizon]),
            ]


def _stage_rows(record: Record, answer: Record) -> Iterator[list[str]]:
    """When stages are reached, of those that any path reaches."""
    last = horizons(record)[-1]
    for stage, ours in answer["stages"].items():
        theirs = record["stages"][stage]
        if ours["chance"][last]["mean"] or theirs["chance"][last]["mean"]:
            yield [
                stage.replace("_", " "),
                percent(theirs["chance"][last]["mean"]),
                percent(ours["chance"][last]["mean"]),
                theirs["dates"]["0.5"] or "later",
                ours["dates"]["0.5"] or "later",
            ]


def _tree_lines(tree: Record, months: str) -> Iterator[str]:
    yield f"What becomes of {', '.join(tree['conditions'])} by {tree['by']}:"
    rows = [
        [
            *branch["states"].values(),
            percent(branch["chance"]["mean"]),
            percent(branch["breakdown"]["breakdown"][months]["mean"]),
            error_points(branch["breakdown"]["breakdown"][months]["mcse"]),
            FEW if branch["few"] else "",
        ]
        for branch in tree["branches"]
    ]
    titles = [*tree["conditions"], "chance", f"breakdown, {months} months", "± MCSE, points", ""]
    yield from (f"  {line}" for line in table(titles, rows))
    total = tree["total"]["breakdown"][months]
    yield (
        f"  Chances times forecasts add up to {percent(total)}, the forecast as things come on the "
        "tree's own paths."
    )


# What to watch ------------------------------------------------------------------------------


def watch_lines(record: Record, *, most: int = 16) -> Iterator[str]:
    """Write a watch-list on one screen: what, when, how likely, if met, if failed, worth.

    Parameters
    ----------
    record : mapping
        As in ``watch.json``.
    most : int
        Rows at most.

    Yields
    ------
    str
        One line.
    """
    yield from _warnings(record)
    yield _title(record)
    within, now = record["breakdown_within_months"], record["as_things_come"]
    yield (
        f"Breakdown within {within} months as things come: {percent(now['mean'])} "
        f"(MCSE {error_points(now['mcse'])} points). The most worth knowing first:"
    )
    yield ""
    decides = record["cost_ratio"] is not None
    titles = ["what", "when", "met, failed", "if met", "if failed", "worth, mbit"]
    titles += ["decision, points"] if decides else []
    yield from table(titles, [_watch_row(each, decides) for each in record["watched"][:most]])
    if (hidden := len(record["watched"]) - most) > 0:
        yield f"({counted(hidden, 'more row')} in the record)"
    yield ""
    yield from _watch_words(record, decides)


def _watch_row(each: Record, decides: bool) -> list[str]:
    ways = {way["name"]: way for way in each["ways"]}
    worth = with_error(each["worth"]["mean"], each["worth"]["mcse"])
    if each["kind"] == "condition":
        median = each["dates"]["0.5"]
        ends = [each["dates"][p] for p in ("0.05", "0.95")]
        when = f"{median[:7]} ({ends[0][:7]} to {ends[1][:7]})" if median else "beyond the horizon"
        chance = ", ".join(_way_chance(ways[name]) for name in ("met", "failed"))
        row = [each["name"], when, chance, _if(ways["met"]), _if(ways["failed"])]
    else:
        good, bad = (together(each["ways"], side) for side in (CALMER, WORSE))
        chance = ", ".join(_chance(side.chance, side.error) for side in (good, bad))
        row = [
            watch_name(each),
            "next month",
            chance,
            _after(good),
            _after(bad),
        ]
    if decides:
        return [*row, worth, _points(each["decision"])]
    return [*row, worth]


def _if(way: Record) -> str:
    if way["breakdown"] is None:
        return ""
    return FEW if way["few"] else percent(way["breakdown"]["mean"])


def _way_chance(way: Record) -> str:
    return way_chance(way) if way.get("none_of") else _chance(**way["chance"])


def _chance(mean: float, mcse: float) -> str:
    return f"{percent(mean)} ± {error_points(mcse)}"


def _after(side: Side) -> str:
    if side.breakdown is None:
        return ""
    return FEW if side.few else percent(side.breakdown)


def _points(change: Record) -> str:
    """Write a change of a probability in points with its error, signed."""
    told = with_error(100 * change["mean"], 100 * change["mcse"])
    return f"+{told}" if change["mean"] > 0.0 else told


def _watch_words(record: Record, decides: bool) -> Iterator[str]:
    yield (
        f"met, failed: within {counted(record['months'], 'month')}; when: half of what is decided "
        "within 60 months, and 90% of it."
    )
    yield (
        "±: Monte Carlo standard error, points, of news at most; few paths: fewer than "
        f"{FEW_PATHS:.0f} effective ones come out so, too few for a forecast."
    )
    yield (
        "worth: expected gain of the logarithmic score from knowing how it comes out, in "
        "thousandths of a bit."
    )
    if decides:
        yield (
            f"decision: expected gain where one acts above {percent(record['cost_ratio'])}, in "
            "points of the loss that acting avoids."
        )
    if record["coder"]:
        yield (
            f"news: one item of the next month, as coder {record['coder']} would rate it; in place "
            "of met, calmer (-3 to -1), of failed, worse (+1 to +3)."
        )
