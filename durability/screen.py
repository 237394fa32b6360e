"""A forecast, a check and a prior set as lines on a screen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from durability.prior_sets import Prior, PriorSet, implied_quantiles
from durability.vocabulary import DRIVERS, MARKS
from durability.wording import (
    RUNG_MEANINGS,
    RUNG_NAMES,
    columns,
    counted,
    error_points,
    horizons,
    interval_name,
    long_date,
    number,
    percent,
    percent_range,
    rungs_in,
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
    yield from columns(
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
    yield from columns(["item", "known", "driver", "ratings", "used"], list(_item_rows(data)))


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
