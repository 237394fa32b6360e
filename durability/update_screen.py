"""A revised forecast as lines on a screen: was, is, why, how sure, and what to do next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from durability.screen import unseen_lines
from durability.wording import (
    RUNG_NAMES,
    counted,
    ended_sentence,
    error_points,
    headline_horizon,
    horizons,
    interval_name,
    largest_parts,
    long_date,
    moved_points,
    part_words,
    percent,
    percent_range,
    rungs_in,
    shortened,
    signed,
    table,
)


def update_lines(record: Mapping[str, Any]) -> Iterator[str]:
    """Write a revised forecast on one screen: was, is, why, how sure, and what to do next.

    Parameters
    ----------
    record : mapping
        As in ``update.json``.

    Yields
    ------
    str
        One line.
    """
    verdict, changes = record["verdict"], record["changes"]
    if not verdict["ok"]:
        yield "DO NOT USE THESE NUMBERS:"
        yield from (f"  {reason}" for reason in verdict["reasons"])
        yield ""
    since = changes["since"]["cutoff"]
    stands = "the same day" if since == record["cutoff"] else long_date(since)
    yield f"{record['title']}, as of {long_date(record['cutoff'])} (last fit: {stands})"
    yield from filter(None, [ended_sentence(record)])
    yield _was_is(record)
    yield ""
    yield from table(
        ["", "months", "was", "is", interval_name(record), "± MCSE, points"],
        list(_was_is_rows(record)),
    )
    yield ""
    yield f"What moved breakdown within {headline_horizon(record)} months, in points:"
    yield from _part_lines(record)
    yield ""
    yield from unseen_lines(record)
    yield from _trust_lines(record)
    yield f"Next: {_next_step(record)}"


def _was_is(record: Mapping[str, Any]) -> str:
    months = headline_horizon(record)
    was = record["changes"]["before"]["breakdown"][months]
    now = record["breakdown"]["breakdown"][months]
    moved = now["mean"] - was["mean"]
    # The two share their draws, so their errors are not independent; the parts carry theirs.
    if abs(moved) < 0.0005:
        told = "hardly moved"
    else:
        told = f"{'up' if moved > 0 else 'down'} {abs(100 * moved):.1f} points"
    return (
        f"Breakdown within {months} months was {percent(was['mean'])}, is {percent(now['mean'])} "
        f"({interval_name(record)} {percent_range(now)}, MCSE {error_points(now['mcse'])} "
        f"points): {told}."
    )


def _was_is_rows(record: Mapping[str, Any]) -> Iterator[list[str]]:
    before = record["changes"]["before"]
    months = headline_horizon(record)
    for rung in rungs_in(record["breakdown"]):
        shown = horizons(record) if rung == "breakdown" else [months]
        for place, horizon in enumerate(shown):
            now = record["breakdown"][rung][horizon]
            yield [
                "" if place else RUNG_NAMES[rung],
                horizon,
                percent(before[rung][horizon]["mean"]),
                percent(now["mean"]),
                percent_range(now),
                error_points(now["mcse"]),
            ]


def _part_lines(record: Mapping[str, Any]) -> Iterator[str]:
    months = headline_horizon(record)
    shown, rest = largest_parts(record["changes"], months)
    if not shown:
        yield "  nothing that the fit did not know."
    for part in shown:
        moved = moved_points(part["changes"]["breakdown"][months])
        driver = f"{part['driver']}: " if part["driver"] else ""
        yield f"  {moved:>14}  {shortened(driver + part_words(part), 78)}"
    if rest:
        total = sum(part["changes"]["breakdown"][months]["mean"] for part in rest)
        yield f"  {signed(100 * total):>14}  {counted(len(rest), 'smaller part')} together"
    if record["changes"]["orders"]:
        orders = record["changes"]["orders"]
        yield f"  (averaged over {orders} sampled orders of arrival; they add up to the change)"


def _trust_lines(record: Mapping[str, Any]) -> Iterator[str]:
    trust = record["changes"]["trust"]
    fitted = {True: "passed", False: "FAILED", None: "were not judged"}[record["fit_ok"]]
    if record["method"] == "refit":
        yield f"How sure: refitted, since {'; '.join(record['refit_because'])}."
    elif record["method"] == "matched":
        yield from _matching_lines(record["matching"], trust["draws"])
    elif record["method"] == "fit":
        yield "How sure: both are fits of their own; weights of the earlier one tell the parts."
    elif record["method"] == "unchanged":
        yield "How sure: nothing differs from what the fit saw; its forecast stands."
    else:
        khat = "none" if trust["khat"] is None else f"{trust['khat']:.2f}"
        yield (
            f"How sure: the fit's {trust['draws']} draws, weighed by what is new: Pareto k {khat} "
            f"(at most {trust['khat_most']:.2f}), {trust['effective_size']:.0f} effective draws "
            f"(at least {trust['effective_least']:.0f}), {counted(trust['months'], 'month')} "
            f"beyond the fit (at most {trust['months_most']})."
        )
    yield f"The fit's diagnostics {fitted}."


def _matching_lines(matching: Mapping[str, Any], draws: int) -> Iterator[str]:
    khat = "none" if matching["khat"] is None else f"{matching['khat']:.2f}"
    because = "; ".join(matching["because"])
    yield f"How sure: weights of the fit's draws will not do, since {because}."
    yield (
        f"So the {draws} draws were moved in {counted(matching['unknowns'], 'unknown')} and "
        f"weighed there: Pareto k {khat} (at most {matching['khat_most']:.2f}), "
        f"{matching['effective_size']:.0f} effective draws "
        f"(at least {matching['effective_least']:.0f})."
    )


def _next_step(record: Mapping[str, Any]) -> str:
    case, cutoff = record["case"], record["cutoff"]
    again = f"durability forecast {case} --cutoff {cutoff}"
    if not record["verdict"]["ok"]:
        return f"refit before anybody reads these numbers: {again}"
    quiet = date.fromisoformat(cutoff) - date.fromisoformat(record["covered_until"])
    if quiet.days > 0:
        return (
            f"news was looked for until {record['covered_until']} only; add what else is known, "
            f"or say so in case.toml. For the whole report: {again}"
        )
    return f"for the whole report: {again}"
