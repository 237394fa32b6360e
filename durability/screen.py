"""A forecast, a check and a prior set as lines on a screen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from durability.prior_sets import Prior, PriorSet, implied_quantiles
from durability.vocabulary import DRIVERS, MARKS
from durability.wording import (
    RUNG_MEANINGS,
    RUNG_NAMES,
    counted,
    error_points,
    headline_horizon,
    horizons,
    interval_name,
    largest_parts,
    long_date,
    moved_points,
    number,
    part_words,
    percent,
    percent_range,
    rungs_in,
    shortened,
    signed,
    verdict_words,
)

if TYPE_CHECKING:
    from durability.assembly import ModelData

SHOWN_PROBABILITIES = (0.05, 0.5, 0.95)


def forecast_lines(record: Mapping[str, Any]) -> Iterator[str]:
    """Write a forecast: a failed verdict first, then every probability.

    Parameters
    ----------
    record : mapping
        As in ``forecast.json``.

    Yields
    ------
    str
        One line.
    """
    if not record["verdict"]["ok"]:
        yield f"DO NOT USE THESE NUMBERS: {verdict_words(record)}."
        yield from (f"  {reason}" for reason in record["verdict"]["reasons"])
        yield ""
    yield f"{record['title']}, as of {long_date(record['cutoff'])}"
    yield ""
    yield from _table(
        ["", "months", "probability", interval_name(record), "± MCSE, points"],
        list(_probability_rows(record)),
    )
    yield ""
    yield from (f"{RUNG_NAMES[rung]}: {RUNG_MEANINGS[rung]}." for rung in RUNG_MEANINGS)
    yield ""
    yield from _unseen_lines(record)
    newest = record.get("newest_item")
    if newest:
        age = counted(int(newest["age_days"]), "day")
        yield f"Newest news item: {newest['id']}, known {newest['known']}, {age} before the cutoff."
    yield f"Verdict: {verdict_words(record)}."


def _probability_rows(record: Mapping[str, Any]) -> Iterator[list[str]]:
    for rung in rungs_in(record["breakdown"]):
        for place, months in enumerate(horizons(record)):
            estimate = record["breakdown"][rung][months]
            yield [
                "" if place else RUNG_NAMES[rung],
                months,
                percent(estimate["mean"]),
                percent_range(estimate),
                error_points(estimate["mcse"]),
            ]


def _unseen_lines(record: Mapping[str, Any]) -> Iterator[str]:
    """Say what may have happened between the last look and the cutoff."""
    cutoff = date.fromisoformat(record["cutoff"])
    late = {
        rung: until
        for rung, until in record["observed_to"].items()
        if date.fromisoformat(until) < cutoff
    }
    if not late:
        return
    yield "Not observed up to the cutoff; the chance that it has already happened unseen:"
    for rung in rungs_in(record["unseen"]):
        estimate = record["unseen"][rung]
        since = f" since {late[rung]}" if rung in late else ""
        yield (
            f"  {RUNG_NAMES[rung]}{since}: {percent(estimate['mean'])} "
            f"({interval_name(record)} {percent_range(estimate)}, "
            f"MCSE {error_points(estimate['mcse'])} points)"
        )
    yield ""


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
    yield _was_is(record)
    yield ""
    yield from _table(
        ["", "months", "was", "is", interval_name(record), "± MCSE, points"],
        list(_was_is_rows(record)),
    )
    yield ""
    yield f"What moved breakdown within {headline_horizon(record)} months, in points:"
    yield from _part_lines(record)
    yield ""
    yield from _unseen_lines(record)
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
    fitted = {True: "passed", False: "FAILED", None: "were not judged"}[record["verdict"]["fit_ok"]]
    if record["rung"] == "refit":
        yield f"How sure: refitted, since {'; '.join(record['refit_because'])}."
    elif record["rung"] == "unchanged":
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


def check_lines(data: ModelData) -> Iterator[str]:
    """Write what the model would use of a case at a cutoff, what not, and why not."""
    case, cutoff = data.case, data.cutoff
    later = len(case.news) - len(data.used) - len(data.unused)
    yield f"{case.title} ({case.folder})"
    yield f"Cutoff {cutoff}; age counts from {data.clock_start}; deal {case.deal}."
    if cutoff > case.covered_until:
        silent = counted((cutoff - case.covered_until).days, "day")
        yield f"News is covered until {case.covered_until}: the {silent} since are unknown."
    for stream, until in case.observed_to.items():
        age = counted(max((cutoff - until).days, 0), "day")
        known = f"observed until {until}, {age} before the cutoff"
        # A rung has been reached where a higher one has.
        higher = MARKS[MARKS.index(stream) :] if stream in MARKS else (stream,)
        days = [h.date for h in case.happened if h.rung in higher and h.date <= cutoff]
        if days:
            yield f"  {stream} happened on {min(days)}; {known}"
        else:
            yield f"  {stream} has not happened; {known}"
    yield (
        f"News: {counted(len(data.used), 'item')} used, {len(data.unused)} not used, "
        f"{later} known only after the cutoff."
    )
    counts = {driver: sum(item.driver == driver for item in data.used) for driver in DRIVERS}
    yield "  used by driver: " + ", ".join(f"{name} {count}" for name, count in counts.items())
    if data.used:
        newest = max(data.used, key=lambda item: item.known)
        age = counted((cutoff - newest.known).days, "day")
        yield f"  newest used: {newest.id}, known {newest.known}, {age} before the cutoff"
    anchors = sorted({standing.date for standing in case.standings if standing.date <= cutoff})
    told = ", ".join(str(day) for day in anchors) or "none: its drivers will be wider"
    yield f"Ratings of the agreement itself: {told}."
    yield f"Reference class: {counted(len(data.agreements), 'agreement')}."
    yield ""
    yield from _table(["item", "known", "driver", "ratings", "used"], list(_item_rows(data)))


def _item_rows(data: ModelData) -> Iterator[list[str]]:
    used = {item.id for item in data.used}
    reasons = {item.id: reason for item, reason in data.unused}
    for item in sorted(data.case.news, key=lambda item: (item.known, item.id)):
        ratings = " ".join(signed(score, 0) for _, score in item.ratings)
        why = "yes" if item.id in used else f"no: {reasons.get(item.id, 'known after the cutoff')}"
        known = f"{item.known}{' (assumed)' if item.known_assumed else ''}"
        yield [item.id, known, item.driver, ratings, why]


def priors_lines(priors: PriorSet) -> Iterator[str]:
    """Write a prior set: each prior with its implied quantiles and its reason."""
    yield f"{priors.name} ({priors.path})"
    if priors.about:
        yield priors.about
    for prior in priors.parameters.values():
        yield ""
        yield from _prior_lines(prior)


def _prior_lines(prior: Prior) -> Iterator[str]:
    values = ", ".join(f"{name} {number(value, 4)}" for name, value in prior.values.items())
    yield f"{prior.name} ~ {prior.distribution}({values})  [{prior.unit}; {prior.status}]"
    implied = zip(SHOWN_PROBABILITIES, implied_quantiles(prior, SHOWN_PROBABILITIES), strict=True)
    if prior.distribution != "fixed":
        yield "  " + ", ".join(f"{100 * p:.0f}%: {number(value)}" for p, value in implied)
    yield f"  {prior.meaning}."
    yield f"  Why: {prior.reason}."
    if prior.source:
        yield f"  Source: {prior.source}."


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Write columns as wide as their widest cell, numbers to the right."""
    every = [titles, *rows]
    widths = [max(len(row[column]) for row in every) for column in range(len(titles))]
    for row in every:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        yield "  ".join(cells).rstrip()
