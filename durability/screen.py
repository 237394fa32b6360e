"""A forecast, a ledger, a check and a prior set as lines on a screen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from durability.blocks import printable
from durability.prior_sets import Prior, PriorSet, implied_quantiles
from durability.vocabulary import DRIVERS, LIFE_CYCLE, MARKS
from durability.wording import (
    RUNG_MEANINGS,
    RUNG_NAMES,
    STATE_NAMES,
    counted,
    disagreement_sentence,
    ended_sentence,
    error_points,
    headline_horizon,
    horizons,
    interval_name,
    likely,
    long_date,
    number,
    percent,
    percent_range,
    rungs_in,
    signed,
    table,
    verdict_words,
    watched_until,
)

if TYPE_CHECKING:
    from durability.assembly import ModelData
    from durability.forecast_ledger import LedgerLine

SHOWN_PROBABILITIES = (0.05, 0.5, 0.95)
LEDGER_COLUMNS = (
    *("number", "recorded (UTC)", "case", "cutoff", "months", "breakdown", "interval"),
    *("± MCSE, points", "verdict"),
)


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
    yield from filter(None, [ended_sentence(record)])
    yield ""
    yield from table(
        ["", "months", "probability", interval_name(record), "± MCSE, points"],
        list(_probability_rows(record)),
    )
    yield ""
    yield from (f"{RUNG_NAMES[rung]}: {RUNG_MEANINGS[rung]}." for rung in RUNG_MEANINGS)
    yield ""
    yield from stage_lines(record)
    yield from unseen_lines(record)
    newest = record.get("newest_item")
    if newest:
        age = counted(int(newest["age_days"]), "day")
        yield f"Newest news item: {newest['id']}, known {newest['known']}, {age} before the cutoff."
    if record.get("rivals"):
        yield f"Rival beliefs: {disagreement_sentence(record)}"
    yield f"Verdict: {verdict_words(record)}."


def stage_lines(record: Mapping[str, Any]) -> Iterator[str]:
    """Say how likely the next stages of the life cycle are, and which condition comes first."""
    cycle = record.get("life_cycle")
    if not cycle or cycle["broken"]:
        return
    months = headline_horizon(record)
    told = [
        f"{STATE_NAMES[stage].lower()} {likely(chance)} ({percent_range(chance)}, "
        f"MCSE {error_points(chance['mcse'])} points)"
        for stage in LIFE_CYCLE
        if stage in cycle["reached"]
        for chance in [cycle["reached"][stage][months]]
    ]
    if told:
        now = STATE_NAMES[cycle["stage"]].lower()
        yield f"Now {now}. Within {months} months, before breakdown: {', '.join(told)}."
    ready = [each for each in record["conditions"] if each["chances"] and not each["waits_for"]]
    if ready:
        first = max(ready, key=lambda each: each["chances"]["met"][months]["mean"])
        chance = first["chances"]["met"][months]
        yield (
            f"Likeliest next condition: {first['name']}, {first['words']['met']} within {months} "
            f"months {likely(chance)} ({percent_range(chance)}; elicited)."
        )
    yield ""


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


def unseen_lines(record: Mapping[str, Any]) -> Iterator[str]:
    """Say what may have happened between the last look and the cutoff."""
    late = watched_until(record)
    if not late:
        return
    yield "Not observed up to the cutoff; the chance that it has already happened unseen:"
    for rung, until in late.items():
        estimate = record["unseen"][rung]
        yield (
            f"  {RUNG_NAMES[rung]} since {until}: {percent(estimate['mean'])} "
            f"({interval_name(record)} {percent_range(estimate)}, "
            f"MCSE {error_points(estimate['mcse'])} points)"
        )
    yield ""


def ledger_lines(lines: Iterable[LedgerLine]) -> Iterator[str]:
    """Write a ledger: a row a forecast, with its headline, interval, error and verdict."""
    yield from table(LEDGER_COLUMNS, [_ledger_row(line) for line in lines])


def _ledger_row(line: LedgerLine) -> list[str]:
    entry = printable(line.entry)
    months = headline_horizon(entry)
    estimate = entry["breakdown"]["breakdown"][months]
    return [
        str(line.sequence),
        f"{line.recorded[:10]} {line.recorded[11:16]}",
        entry["case"][:40],
        entry["cutoff"],
        months,
        percent(estimate["mean"]),
        f"{100 * estimate['interval_probability']:.0f}%: {percent_range(estimate)}",
        error_points(estimate["mcse"]),
        "passed" if entry["verdict"]["ok"] else "FAILED",
    ]


def recorded_lines(line: LedgerLine) -> Iterator[str]:
    """Write one forecast of a ledger, and what it was made from."""
    entry = printable(line.entry)
    clock = f" (clock {line.clock})" if line.clock else ""
    yield f"Forecast {line.sequence}, recorded {line.recorded}{clock}"
    yield f"hash {line.hash}"
    yield ""
    yield from forecast_lines(entry)
    yield ""
    method = {key: value for key, value in entry["method"].items() if key != "kind"}
    settings = entry["settings"]
    yield f"Made by: {entry['method']['kind']}{f' {method}' if method else ''}"
    yield (
        f"Model {entry['model']}, prior set {entry['prior_set']['name']}, seed {entry['seed']}, "
        f"{settings['chains']} chains of {settings['draws']} draws after {settings['tune']}."
    )
    yield "Versions: " + ", ".join(f"{n} {v}" for n, v in sorted(entry["versions"].items())) + "."
    yield f"Data {entry['data_hash'][:16]}, fit {entry['fit_key'][:16] or 'not named'}."
    for name, digest in entry["inputs"].items():
        yield f"  {name}  {digest}"


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
        age = counted((cutoff - until).days, "day")
        known = f"observed until {until}, {age} before the cutoff"
        known = known if until < cutoff else "observed up to the cutoff"
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
    yield from _condition_lines(data)
    yield ""
    yield from table(["item", "known", "driver", "ratings", "used"], list(_item_rows(data)))


def _condition_lines(data: ModelData) -> Iterator[str]:
    """Write where the deal stands, and of each condition what was known of it."""
    from durability.conditions import stage_at
    from durability.steps import statuses

    case, cutoff = data.case, data.cutoff
    if not case.conditions:
        return
    status = statuses(case.conditions, cutoff)
    now = STATE_NAMES[stage_at(case.conditions, case.stage, cutoff)].lower()
    yield f"Life cycle: {now}. Conditions:"
    for each in case.conditions:
        outcome = each.known_at(cutoff)
        if outcome is not None:
            told = f"{each.word(met=outcome.met)} on {outcome.date}, known {outcome.known}"
        else:
            told = status[each.name]
            missing = [name for name in each.requires if status[name] != "met"]
            if not any(status[name] == "met" for name in each.requires_any):
                missing += [name for name in each.requires_any if name not in missing]
            waits = ", ".join(f"{name} ({status[name]})" for name in missing)
            told += f": waits for {waits}" if missing else ""
        yield f"  {each.name}: {told}"


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
    yield printable(f"{priors.name} ({priors.path})")
    if priors.about:
        yield printable(priors.about)
    for prior in priors.parameters.values():
        yield ""
        yield from _prior_lines(prior)


def _prior_lines(prior: Prior) -> Iterator[str]:
    values = ", ".join(f"{name} {number(value, 4)}" for name, value in prior.values.items())
    head = f"{prior.name} ~ {prior.distribution}({values})  [{prior.unit}; {prior.status}]"
    yield printable(head)
    implied = zip(SHOWN_PROBABILITIES, implied_quantiles(prior, SHOWN_PROBABILITIES), strict=True)
    if prior.distribution != "fixed":
        yield "  " + ", ".join(f"{100 * p:.0f}%: {number(value)}" for p, value in implied)
    yield printable(f"  {prior.meaning}.")
    yield printable(f"  Why: {prior.reason}.")
    if prior.source:
        yield printable(f"  Source: {prior.source}.")
