"""How numbers and names are written for people: one way in every table, plot and sentence."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from durability.vocabulary import MARKS

MINUS = "\N{MINUS SIGN}"

BASELINE_PREFIX = "Baseline: "
"""How a row of the sensitivities that is a baseline begins; its title follows."""

RUNG_ORDER = ("breakdown", "war", "abrogation", "fatal", "force")
"""The headline first, then from the gravest to the mildest."""

RUNG_NAMES = {
    "breakdown": "Breakdown",
    "war": "War",
    "abrogation": "Abrogation",
    "fatal": "Fatal clash",
    "force": "Use of force",
}
RUNG_MEANINGS = {
    "breakdown": "war or abrogation",
    "war": "at least 1,000 battle deaths",
    "abrogation": "formal denunciation",
    "fatal": "a militarised dispute with deaths, or worse",
    "force": "armed force used, with or without deaths",
}
STREAM_NAMES = {
    "force": "Force only",
    "fatal": "Fatal only",
    "war": "War",
    "abrogation": "Abrogation",
}
DRIVER_NAMES = {
    "trust": "Trust",
    "constitution": "Constitution",
    "corridor": "Corridor",
    "interference": "Interference",
}
RISING = {
    "trust": "lack of trust",
    "constitution": "the constitutional dispute",
    "corridor": "the corridor",
    "interference": "outside interference",
}
"""What a driver is called in a sentence when it pushes toward breakdown."""
FALLING = {
    "trust": "trust",
    "constitution": "the state of the constitutional question",
    "corridor": "progress on the corridor",
    "interference": "low outside interference",
}
"""The same when it pushes away from it."""

STATE_NAMES = {
    "initialled": "Initialled",
    "signed": "Signed",
    "ratified": "Ratified",
    "in_force": "In force",
    "breakdown": "Broken down",
}
"""Where a deal can stand: the stages of its life cycle, and nowhere any more."""

MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)

SETTLED = 1e-9
"""What differs from a number by less is that number: the rest is rounding of the computer's."""

Interval = Mapping[str, Any]


def percent(probability: float) -> str:
    """Write a probability: whole per cents, one decimal below 10 and above 99.

    Examples
    --------
    >>> percent(0.1432), percent(0.0432), percent(0.0001), percent(0.9995), percent(1.0 - 1e-12)
    ('14%', '4.3%', '<0.1%', '>99.9%', '100%')
    """
    for settled in (0, 1):
        if abs(probability - settled) < SETTLED:
            return f"{100 * settled}%"
    value = 100 * probability
    written = f"{value:.1f}%"
    if written == "0.0%":
        return "<0.1%"
    if written == "100.0%":
        return ">99.9%"
    return f"{value:.0f}%" if 9.95 <= value < 99 else written


def percent_range(interval: Interval) -> str:
    """Write an interval of probabilities, short: ``5.1–29%``."""
    low, high = percent(interval["low"]), percent(interval["high"])
    return f"{low.removesuffix('%')}–{high}"


def percent_words(interval: Interval) -> str:
    """Write an interval of probabilities in a sentence: ``5.1% to 29%``."""
    return f"{percent(interval['low'])} to {percent(interval['high'])}"


def error_points(mcse: float) -> str:
    """Write a Monte Carlo error of a probability in percentage points.

    Examples
    --------
    >>> error_points(0.0123), error_points(0.0004), error_points(0.00001)
    ('1.2', '0.04', '0.01')
    """
    # The smallest error that is written is 0.01: rounded up, since none at all would be untrue.
    value = max(100 * mcse, 0.01) if mcse >= SETTLED else 0.0
    return f"{value:.2f}" if 0 < value < 0.095 else f"{value:.1f}"


def signed_points(difference: float) -> str:
    """Write a difference of probabilities in percentage points, signed."""
    return signed(100 * difference, 1)


def signed(value: float, decimals: int = 2) -> str:
    """Write a number with its sign, a real minus, and no minus zero."""
    text = f"{value:+.{decimals}f}"
    if float(text) == 0:
        text = text[1:]
    return text.replace("-", MINUS)


def with_error(value: float, error: float, *, least: int = 2) -> str:
    """Write a number with its error, as many decimals as the error has two digits.

    Examples
    --------
    >>> with_error(0.00341, 0.00152), with_error(-4.214, 0.09), with_error(0.0, 0.0)
    ('0.0034 ± 0.0015', '−4.214 ± 0.090', '0.00 ± 0.00')
    """
    decimals = least
    if error > 0.0:
        decimals = min(max(1 - math.floor(math.log10(error)), least), 6)
    told = signed(value, decimals).removeprefix("+")
    return f"{told} ± {error:.{decimals}f}"


def number(value: float, digits: int = 3) -> str:
    """Write a number to so many significant digits."""
    if float(value).is_integer() and abs(value) < 1e6:
        return f"{value:.0f}".replace("-", MINUS)
    text = f"{value:.{digits}g}"
    if "e" in text and 1e-4 <= abs(value) < 1e7:
        text = f"{value:.0f}"
    return text.replace("-", MINUS)


def number_range(interval: Interval) -> str:
    """Write an interval of numbers: ``−0.2 to 1.4``."""
    return f"{number(interval['low'], 2)} to {number(interval['high'], 2)}"


def decimal_range(interval: Interval) -> str:
    """Write an interval of numbers to two decimals each, signed: ``−0.20 to +1.40``."""
    return f"{signed(interval['low'])} to {signed(interval['high'])}"


def long_date(text: str) -> str:
    """Write an ISO day, month or year in words: ``30 June 2026``."""
    parts = text.split("-")
    try:
        numbers = [int(part) for part in parts]
        if len(parts) == 3:
            date(*numbers)
            return f"{numbers[2]} {MONTHS[numbers[1] - 1]} {numbers[0]}"
        if len(parts) == 2 and 1 <= numbers[1] <= 12:
            return f"{MONTHS[numbers[1] - 1]} {numbers[0]}"
    except ValueError:
        return text
    return text


def dated(item: Mapping[str, Any]) -> str:
    """Write the day of a news item no more precisely than it is known."""
    length = {"day": 10, "month": 7, "year": 4}.get(item["date_precision"], 10)
    return str(item["date"])[:length]


def counted(count: int, one: str, many: str = "") -> str:
    """Write a count with its noun."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def listed(parts: list[str]) -> str:
    """Join parts as a sentence does: ``a, b and c``."""
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Write columns as wide as their widest cell, a line for the titles and one a row."""
    every = [titles, *rows]
    widths = [max(len(row[column]) for row in every) for column in range(len(titles))]
    for row in every:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        yield "  ".join(cells).rstrip()


def interval_name(record: Mapping[str, Any]) -> str:
    """Name the intervals of a forecast: ``90% interval``."""
    return f"{100 * interval_probability(record):.0f}% interval"


def interval_probability(record: Mapping[str, Any]) -> float:
    """Give the probability that every interval of a forecast holds."""
    rungs = record["breakdown"]
    return float(rungs["breakdown"][horizons(record)[0]]["interval_probability"])


def horizons(record: Mapping[str, Any]) -> list[str]:
    """Give the horizons of a forecast, nearest first, as the record names them."""
    return sorted(record["breakdown"]["breakdown"], key=int)


def headline_horizon(record: Mapping[str, Any]) -> str:
    """Give the horizon of the headline: 24 months, else the longest there is."""
    found = horizons(record)
    return "24" if "24" in found else found[-1]


def disagreement_sentence(record: Mapping[str, Any]) -> str:
    """Say how far rival prior sets disagree about the headline, and which were not computed."""
    told, months = record["rivals"]["disagreement"], headline_horizon(record)
    without = listed(list(told["without"]))
    left_out = f" Not computed: {without}; run durability rivals." if without else ""
    if not told["rungs"]:
        return f"No other prior set was computed.{left_out}"
    found = told["rungs"]["breakdown"][months]
    span = {"low": found["lowest"], "high": found["highest"]}
    return (
        f"{counted(len(told['sets']), 'prior set')} give breakdown within {months} months "
        f"{percent_words(span)}; {percent(found['share'])} of the variance of the chance lies "
        f"between them, the rest within each.{left_out}"
    )


def rungs_in(mapping: Mapping[str, Any]) -> list[str]:
    """Give the rungs that a mapping has, in the report's order."""
    return [rung for rung in RUNG_ORDER if rung in mapping]


def verdict_tag(record: Mapping[str, Any]) -> str:
    """Say the verdict in a word, to stand beside every probability."""
    return "Verdict: passed." if record["verdict"]["ok"] else "Verdict: FAILED."


def verdict_words(record: Mapping[str, Any]) -> str:
    """Say in a clause whether the fit passed its checks."""
    verdict = record["verdict"]
    checks = verdict["checks"]
    if verdict["ok"]:
        return f"the fit passed all {len(checks)} of its checks" if checks else "the fit passed"
    failed = sum(not check["ok"] for check in checks)
    return f"the fit FAILED {failed} of its {len(checks)} checks" if failed else "the fit FAILED"


def watched_until(record: Mapping[str, Any]) -> dict[str, str]:
    """Give the last day on which each rung is known not to have happened, where it is too early.

    A rung counts from the earliest day among what makes it up. Left out are rungs that had happened
    by the cutoff, and those that were watched up to it.

    Returns
    -------
    dict of str to str
        By rung, in their order; empty where nothing can have happened unseen.
    """
    reached = {each["rung"] for each in record.get("happened", ())}
    if reached & {"war", "abrogation"}:
        return {}
    marks = {mark: MARKS[rank:] for rank, mark in enumerate(MARKS)}
    parts = {**marks, "abrogation": ("abrogation",), "breakdown": ("war", "abrogation")}
    found = {}
    for rung in rungs_in(record["unseen"]):
        late = [
            day
            for stream in parts[rung]
            if stream in record["observed_to"]
            for day in [record["observed_to"][stream]]
            if day < record["cutoff"] and not reached & {*marks.get(stream, (stream,))}
        ]
        if late and not reached & {*parts[rung]}:
            found[rung] = min(late)
    return found


def likely(chance: Mapping[str, Any]) -> str:
    """Write a chance; of what no path did, or all, though it is open, its bound, rounded off."""
    if "none_of" in chance:
        most = chance["high"]
        steps = 1000 if most < 0.095 else 100
        return f"<{percent(math.ceil(steps * most) / steps)}"
    if "all_of" in chance:
        least = chance["low"]
        steps = 1000 if least >= 0.99 else 100
        return f">{percent(math.floor(steps * least) / steps)}"
    return percent(chance["mean"])


def ended_sentence(record: Mapping[str, Any]) -> str:
    """Say that a case had broken down by the cutoff, by what and when; empty where it had not."""
    ends = [each for each in record.get("happened", ()) if each["rung"] in ("war", "abrogation")]
    if not ends:
        return ""
    first = min(ends, key=lambda each: each["date"])
    return (
        f"The agreement had broken down by the cutoff: {RUNG_NAMES[first['rung']].lower()} on "
        f"{long_date(first['date'])}. Its chances are settled; nothing below is a forecast of it."
    )


def failed_tries(record: Mapping[str, Any]) -> tuple[str, ...]:
    """Say which shorter fits failed their checks before this one, and why."""
    return tuple(
        f"A fit of {counted(each['draws'], 'draw')} a chain failed its checks by little, so the "
        f"model was sampled again with {_remedies(each)}: {'; '.join(each['reasons'])}."
        for each in record["failed_tries"]
    )


def _remedies(each: Mapping[str, Any]) -> str:
    told = {"draws": "twice as many", "target_accept": "shorter steps"}
    return " and ".join(told[name] for name in each.get("remedies", ["draws"]))


def part_words(part: Mapping[str, Any]) -> str:
    """Say what a part of a change is, on one line."""
    match part["kind"]:
        case "event":
            return _event_words(part)
        case "count":
            return f"the count {part['label']}"
        case "happened":
            return f"what happened: {STREAM_NAMES.get(part['label'], part['label']).lower()}"
        case "conditions":
            return f"conditions: {part['label'] or 'the life cycle'}"
        case kind:
            return PART_NAMES.get(kind, str(part["label"]))


PART_NAMES = {
    "months": "the time that has passed, held as far as it was observed",
    "history": "what has become known of other agreements",
    "anchors": "how the agreement itself was rated",
    "priors": "the prior set",
    "remainder": "what weights cannot tell",
}


def _event_words(part: Mapping[str, Any]) -> str:
    told = "; ".join(
        f"{item['id']}{' taken back' if item['change'] == 'removed' else ''} "
        f"({item['known']}): {one_line(item['statement'])}"
        for item in part["items"]
    )
    return told or part["label"]


def one_line(text: str) -> str:
    """Write text from elsewhere on one line, what cannot be printed escaped."""
    joined = " ".join(text.split())
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in joined
    )


def largest_parts(
    changes: Mapping[str, Any], months: str, most: int = 8
) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
    """Split the parts of a change into those shown one by one, largest first, and the rest."""

    def size(part: Mapping[str, Any]) -> float:
        return -abs(float(part["changes"]["breakdown"][months]["mean"]))

    ordered = sorted(changes["parts"], key=size)
    return ordered[:most], ordered[most:]


def moved_points(change: Interval) -> str:
    """Write a change of a probability in points with its error: ``+0.62 ± 0.05``.

    Examples
    --------
    >>> moved_points({"mean": 0.0031, "mcse": 0.00002}), moved_points({"mean": 0.2, "mcse": 0.0002})
    ('+0.31 ± 0.01', '+20.0 ± 0.1')
    """
    mean, error = 100 * change["mean"], 100 * change["mcse"]
    decimals = 1 if abs(mean) >= 9.95 else 2
    # No error at all is written of none but an exact number; both end in as many decimals.
    least = 10.0**-decimals if change["mcse"] >= SETTLED else 0.0
    return f"{signed(mean, decimals)} ± {max(error, least):.{decimals}f}"


def shortened(text: str, most: int) -> str:
    """Cut text that is longer than `most` characters, and mark the cut."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"
