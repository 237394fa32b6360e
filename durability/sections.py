"""What a report says, first half: the answer, the forecast over time, its drivers, history.

Every sentence is worked out from the record; nothing here is specific to a case.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from durability import charts, check_charts
from durability.blocks import (
    Answer,
    Block,
    Bullets,
    Cell,
    Column,
    Estimate,
    Figure,
    Heading,
    Paragraph,
    Section,
    Table,
    number_columns,
    text_columns,
)
from durability.contribution_tables import contribution_blocks
from durability.vocabulary import DRIVERS, LIFE_CYCLE, STREAMS
from durability.wording import (
    DRIVER_NAMES,
    FALLING,
    RISING,
    RUNG_MEANINGS,
    RUNG_NAMES,
    STATE_NAMES,
    STREAM_NAMES,
    counted,
    decimal_range,
    ended_sentence,
    error_points,
    headline_horizon,
    horizons,
    interval_name,
    likely,
    listed,
    long_date,
    number,
    percent,
    percent_range,
    percent_words,
    rungs_in,
    signed,
    signed_points,
    verdict_tag,
    verdict_words,
    watched_until,
)

Record = Mapping[str, Any]

UNCLEAR = "no driver’s part is clearly different from none"


def answer(record: Record) -> Answer:
    """Give the first screen."""
    verdict = record["verdict"]
    words = verdict_words(record)
    passed = f"{words[0].upper()}{words[1:]}."
    ended = ended_sentence(record)
    return Answer(
        sentences=(ended,) if ended else (chance_sentence(record), carrier_sentence(record)),
        verdict=passed if verdict["ok"] else f"{passed} Do not rely on any number in this report.",
        reasons=tuple(verdict["reasons"]),
        ok=verdict["ok"],
        probabilities=probability_table(record),
        fan=_fan(record),
        knowledge=(*stage_sentences(record), *knowledge(record)),
    )


def chance_sentence(record: Record) -> str:
    """Say the headline probability with its interval, its error and the verdict."""
    months = headline_horizon(record)
    head = record["breakdown"]["breakdown"][months]
    chance = head["mean"]
    odds = f", about 1 in {1 / chance:.0f}" if 0.002 < chance < 0.15 else ""
    return (
        f"The chance that the {'–'.join(record['parties'])} agreement breaks down (war or "
        f"abrogation) within {months} months of {long_date(record['cutoff'])} is "
        f"{percent(chance)}{odds} ({interval_name(record)} {percent_words(head)}; Monte Carlo "
        f"standard error {error_points(head['mcse'])} points); {verdict_words(record)}."
    )


def carrier_sentence(record: Record) -> str:
    """Say what carries the headline: the drivers that add and take off most."""
    chance = record["decomposition"]["probability"]
    parts = {d: v for d, v in chance["drivers"].items() if abs(v["mean"]) >= 0.0005}
    start = f"With all four drivers at history’s average it would be {percent(chance['reference'])}"
    if str(chance["horizon_months"]) != headline_horizon(record):
        start = f"Within {chance['horizon_months']} months, w{start[1:]}"
    if not parts:
        return f"{start}, and no driver moves it by a tenth of a point."
    up = max(parts, key=lambda d: parts[d]["mean"])
    down = min(parts, key=lambda d: parts[d]["mean"])
    said = []
    if parts[up]["mean"] > 0:
        name = _carrying(record, up, RISING[up], above=True)
        said.append(f"{name} adds most ({signed_points(parts[up]['mean'])} points)")
    if parts[down]["mean"] < 0:
        name = _carrying(record, down, FALLING[down], above=False)
        said.append(f"{name} takes off most ({signed_points(parts[down]['mean'])} points)")
    unclear = all(v["low"] <= 0 <= v["high"] for v in chance["drivers"].values())
    return f"{start}; {listed(said)}{f', but {UNCLEAR}' if unclear else ''}."


def _carrying(record: Record, driver: str, name: str, *, above: bool) -> str:
    """Name a driver by where it stands, where its effect runs against what is expected of it."""
    path = record["drivers"][driver]
    level = path["mean"][path["observed_months"] - 1]
    if (level >= 0.0) == above:
        return name
    where = "above" if level >= 0.0 else "below"
    return f"{RISING[driver]}, which stands {where} history’s average,"


def stage_sentences(record: Record) -> tuple[str, ...]:
    """Say how likely the next stages of the life cycle are, where the case says what they need."""
    cycle = record["life_cycle"]
    if cycle is None or cycle["broken"] or not cycle["reached"]:
        return ()
    months = headline_horizon(record)
    reached = [stage for stage in LIFE_CYCLE if stage in cycle["reached"]]
    said = [
        f"{likely(chance)} that it is {STATE_NAMES[stage].lower()} "
        f"({interval_name(record)} {percent_words(chance)}; Monte Carlo standard error "
        f"{error_points(chance['mcse'])} points)"
        for stage in reached
        for chance in [cycle["reached"][stage][months]]
    ]
    return (
        f"It is {STATE_NAMES[cycle['stage']].lower()} now. Within {months} months, and before any "
        f"breakdown, the chance is {listed(said)}. What it waits for decides this, by chances "
        "that were elicited, not learned.",
    )


def probability_table(record: Record) -> Table:
    """Give every rung's probability at every horizon."""
    found, name = horizons(record), interval_name(record)
    rows: list[tuple[Cell, ...]] = []
    for rung in rungs_in(record["breakdown"]):
        label = Estimate(main=RUNG_NAMES[rung], notes=(RUNG_MEANINGS[rung],))
        cells = [chance_cell(record["breakdown"][rung][h]) for h in found]
        rows.append((label, *cells))
    return Table(
        name="probabilities",
        caption=f"Chance that it happens within so many months of {long_date(record['cutoff'])}: "
        f"mean, {name}, Monte Carlo standard error (±, in points). {verdict_tag(record)}",
        columns=(*text_columns("Months"), *number_columns(*found)),
        rows=tuple(rows),
    )


def chance_cell(chance: Record) -> Estimate:
    """Give a probability with its interval and Monte Carlo error."""
    return Estimate(
        main=percent(chance["mean"]),
        notes=(percent_range(chance), f"±{error_points(chance['mcse'])}"),
    )


def _fan(record: Record) -> Figure:
    return Figure(
        name="fan",
        caption=f"Chance that it has not happened yet, by month after the cutoff. Band: "
        f"{interval_name(record)} of breakdown. {verdict_tag(record)}",
        panels=(charts.survival_fan(record),),
        table=_curve_table(record, "survival", "fan-table", "Chance that it has not happened"),
    )


def _curve_table(record: Record, curve: str, name: str, caption: str) -> Table:
    found = record[curve]
    rungs, months = rungs_in(found), found["months"]
    kept = [i for i, month in enumerate(months) if month % 6 == 0 or i == len(months) - 1]
    write = percent if curve == "survival" else _rate
    rows: list[tuple[Cell, ...]] = [
        (
            str(months[i]),
            *(
                Estimate(
                    main=write(found[r]["mean"][i]),
                    notes=(f"{write(found[r]['low'][i])} to {write(found[r]['high'][i])}",),
                )
                for r in rungs
            ),
        )
        for i in kept
    ]
    return Table(
        name=name,
        caption=f"{caption}: mean and {interval_name(record)} every six months "
        f"(every month: forecast.json). {verdict_tag(record)}",
        columns=(*text_columns("Month"), *number_columns(*(RUNG_NAMES[r] for r in rungs))),
        rows=tuple(rows),
        folded=True,
    )


def _rate(value: float) -> str:
    return number(value, 2)


def knowledge(record: Record) -> tuple[str, ...]:
    """Say how old what is known is, and what may have happened unseen since."""
    newest = record["newest_item"]
    if newest:
        age = counted(newest["age_days"], "day")
        item = f"The newest news item was known on {long_date(newest['known'])}, {age} before the "
        item += f"cutoff ({newest['id']})."
    else:
        item = "The case has no news items."
    if record["coverage_age_days"] > 0:
        covered = (
            f"News is covered to {long_date(record['covered_until'])}, "
            f"{counted(record['coverage_age_days'], 'day')} before the cutoff. Silence after that "
            "day is unknown, not calm."
        )
    else:
        covered = "News is covered up to the cutoff."
    said = [f"{item} {covered}"]
    said += [
        f"{RUNG_NAMES[h['rung']]} did happen on {long_date(h['date'])}: {h['why']}"
        for h in record.get("happened", [])
    ]
    unseen = unseen_sentence(record)
    return (*said, unseen) if unseen else tuple(said)


def unseen_sentence(record: Record) -> str:
    """Say the chance that a rung has happened unseen, where the cutoff is past what is seen."""
    late = watched_until(record)
    if not late:
        return ""
    days = sorted({*late.values()})
    chances = [
        f"{RUNG_NAMES[r].lower()} {percent(c['mean'])} ({percent_range(c)}, "
        f"±{error_points(c['mcse'])}{f'; since {long_date(day)}' if len(days) > 1 else ''})"
        for r, day in late.items()
        for c in [record["unseen"][r]]
    ]
    last = f"the rungs were last seen not to have happened on {long_date(days[0])}"
    if len(days) > 1:
        last = "not every rung was watched up to the cutoff"
    return (
        f"Unseen: {last}. The chance that one has happened between then and the cutoff without "
        f"being known here: {listed(chances)}. The probabilities above count from the cutoff."
    )


def over_time(record: Record) -> Section:
    """Give the curves of every rung and the months expected to be kept."""
    rungs, name = rungs_in(record["survival"]), interval_name(record)
    survival = Figure(
        name="survival",
        caption=f"Each rung by itself: mean and {name} of the chance that it has not happened. "
        "Force contains fatal clashes, and those contain war.",
        panels=tuple(charts.rung_survival(record, rung) for rung in rungs),
        table=_curve_table(record, "survival", "survival-table", "Chance that it has not happened"),
    )
    rates = Figure(
        name="hazard",
        caption="Mean hazard per year, given none so far: how dangerous each month is by itself.",
        panels=(charts.hazard(record),),
        table=_curve_table(record, "hazard", "hazard-table", "Hazard per year"),
    )
    blocks: tuple[Block, ...] = (survival, rates, _months_kept(record))
    return Section(name="time", title="The forecast over time", blocks=blocks)


def _months_kept(record: Record) -> Table:
    kept = record["months_kept"]
    rows = tuple(
        (
            h,
            number(kept[h]["mean"]),
            f"{number(kept[h]['low'])} to {number(kept[h]['high'])}",
            number(kept[h]["mcse"], 2),
        )
        for h in sorted(kept, key=int)
    )
    return Table(
        name="kept",
        caption="Months without breakdown expected within each horizon (restricted mean). "
        f"{verdict_tag(record)}",
        columns=(
            *text_columns("Horizon, months"),
            *number_columns("Months kept", interval_name(record), "Monte Carlo error"),
        ),
        rows=rows,
    )


def drivers(record: Record) -> Section:
    """Give the drivers' paths with the news that informs them, and what each carries."""
    present = [d for d in DRIVERS if d in record["drivers"]]
    paths = Figure(
        name="drivers",
        caption=f"Each driver by month: mean and {interval_name(record)}; zero is history’s "
        "average, dashed is what is expected after the cutoff. Below, every rated news item, "
        "pointing the way it was rated: red toward breakdown, blue away, grey neither. "
        "Trust is shown as trust, so up is good; the other three as pressure, so up is bad. "
        "The most salient items are numbered.",
        panels=tuple(charts.driver_path(record, driver) for driver in present),
        table=_driver_table(record, present),
    )
    parts = Figure(
        name="parts",
        caption="What each driver carries of the forecast, against all four at history’s average: "
        f"mean and {interval_name(record)}. Left: Shapley shares of the probability, which add up "
        "to the difference. Right: shares of the log hazard of war in the first month ahead, exact "
        "there, and apart from what abrogation adds. They say what goes with "
        "breakdown in history, not what would happen if a driver were changed.",
        panels=charts.decomposition(record),
        table=_parts_table(record),
    )
    blocks: tuple[Block, ...] = (
        Heading(text="The four drivers"),
        paths,
        Heading(text="What each carries"),
        parts,
        *contribution_blocks(record),
    )
    return Section(name="drivers", title="What drives it", blocks=blocks)


def _driver_table(record: Record, present: Sequence[str]) -> Table:
    months = record["drivers"][present[0]]["months"] if present else []
    observed = record["drivers"][present[0]]["observed_months"] if present else 0
    last = len(months) - 1
    kept = [i for i in range(len(months)) if i % 6 == 0 or i in (observed - 1, last)]
    shown = {d: charts.shown_path(record["drivers"][d], d) for d in present}
    rows = []
    for i in kept:
        when = months[i] + (" (cutoff)" if i == observed - 1 else "")
        cells: list[Cell] = [
            Estimate(
                main=signed(shown[d]["mean"][i]),
                notes=(decimal_range({k: shown[d][k][i] for k in ("low", "high")}),),
            )
            for d in present
        ]
        rows.append((when, *cells))
    heads = [DRIVER_NAMES[d] if d == "trust" else f"{DRIVER_NAMES[d]} pressure" for d in present]
    return Table(
        name="drivers-table",
        caption=f"Drivers every six months: mean and {interval_name(record)}.",
        columns=(*text_columns("Month"), *number_columns(*heads)),
        rows=tuple(rows),
        folded=True,
    )


def _parts_table(record: Record) -> Table:
    chance, logs = record["decomposition"]["probability"], record["decomposition"]["log_hazard"]
    rows: list[tuple[Cell, ...]] = [
        ("All at history’s average", percent(chance["reference"]), "", "", "")
    ]
    for driver in [d for d in DRIVERS if d in chance["drivers"]]:
        points, log = chance["drivers"][driver], logs[driver]
        spread = f"{signed_points(points['low'])} to {signed_points(points['high'])}"
        rows.append(
            (
                charts.PRESSURE_NAMES[driver],
                f"{signed_points(points['mean'])} points",
                spread,
                signed(log["mean"]),
                decimal_range(log),
            )
        )
    rows.append(("This forecast", percent(chance["total"]), "", "", ""))
    name = interval_name(record)
    return Table(
        name="parts-table",
        caption=f"What each driver adds to the chance of breakdown within "
        f"{chance['horizon_months']} months, and to the log hazard of war in the first month "
        f"ahead. {verdict_tag(record)}",
        columns=(
            *text_columns("Driver"),
            *number_columns("Probability", name, "Log hazard of war", name),
        ),
        rows=tuple(rows),
    )


def history(record: Record) -> Section:
    """Give the reference class: its survival beside the model's, and the nearest precedents."""
    told = record["history"]
    events = listed([f"{n} {STREAM_NAMES[s].lower()}" for s, n in _streams(told["events"])])
    blocks: tuple[Block, ...] = (
        Paragraph(
            text=f"{counted(told['agreements'], 'agreement')} of the subset “{told['subset']}” "
            f"teach the hazard. First events counted by their severity: {events}."
        ),
        kaplan_figure(record, "model"),
        Heading(text="Nearest precedents and what became of them"),
        _precedents(told),
    )
    return Section(name="history", title="History", blocks=blocks)


def _streams(events: Mapping[str, int]) -> list[tuple[str, int]]:
    return [(s, events[s]) for s in STREAMS if s in events]


def kaplan_figure(record: Record, source: check_charts.Source) -> Figure:
    """Give history's survival beside the model's, or beside what the priors alone imply."""
    rungs = rungs_in(record["history"]["kaplan_meier"])
    whose = "the fitted model" if source == "model" else "the priors alone, before any data"
    return Figure(
        name="history-survival" if source == "model" else "prior-survival",
        caption=f"History’s agreements (black steps: Kaplan–Meier, grey: its interval) and {whose} "
        f"(dashed with band: mean and {interval_name(record)}).",
        panels=tuple(check_charts.kaplan_meier(record, rung, source) for rung in rungs),
        table=_kaplan_table(record, source, rungs),
    )


def _kaplan_table(record: Record, source: check_charts.Source, rungs: Sequence[str]) -> Table:
    told, rows = record["history"], []
    for rung in rungs:
        observed, modelled = told["kaplan_meier"][rung], told[source].get(rung)
        for years in check_charts.MARKS_YEARS:
            seen, made = (
                _read(observed, years, "survival"),
                _read(modelled, years, "mean") if modelled else "–",
            )
            rows.append((RUNG_NAMES[rung], str(years), seen, made))
    return Table(
        name=f"{'history' if source == 'model' else 'prior'}-table",
        caption=f"Share of agreements without it: history and "
        f"{'model' if source == 'model' else 'priors alone'}, with intervals.",
        columns=(
            *text_columns("Rung"),
            *number_columns("Years", "History", "Model" if source == "model" else "Priors"),
        ),
        rows=tuple(rows),
        folded=True,
    )


def _read(curve: Record, years: float, key: str) -> Cell:
    mean = check_charts.value_at(curve, years, key)
    low, high = (check_charts.value_at(curve, years, end) for end in ("low", "high"))
    if mean is None or low is None or high is None:
        return "–"
    return Estimate(main=percent(mean), notes=(percent_range({"low": low, "high": high}),))


def _precedents(told: Record) -> Table | Bullets:
    if not told["precedents"]:
        return Bullets(items=(("", "The case has nothing to find precedents by."),))
    rows = tuple(
        (
            p["name"],
            long_date(p["start"]),
            p["outcome"],
            number(p["distance"], 2),
            *(_standing(p["ratings"], driver) for driver in DRIVERS),
            p["id"],
        )
        for p in sorted(told["precedents"], key=lambda p: (p["distance"], p["id"]))
    )
    wide = Column(title="What became of it", kind="wide")
    return Table(
        name="precedents",
        caption="Agreements whose drivers at their start, as the model estimates them, lie nearest "
        "to where this one’s stand at the cutoff. Beside them the ratings that these estimates "
        "draw on, from −3 to +3: trust as trust, the others as pressure toward breakdown.",
        columns=(
            Column(title="Agreement", kind="wide"),
            Column(title="Began", kind="short"),
            wide,
            *number_columns("Distance", *(DRIVER_NAMES[d] for d in DRIVERS)),
            Column(title="Id", kind="short"),
        ),
        rows=rows,
    )


def _standing(ratings: Mapping[str, float], driver: str) -> str:
    if driver not in ratings:
        return "–"
    return signed(-ratings[driver] if driver == "trust" else ratings[driver], 1)
