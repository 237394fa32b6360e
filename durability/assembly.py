"""Assembly: everything a model may see of a case and of history, as of a cutoff.

Nothing known after the cutoff passes this module, so no later stage can leak: the same cutoff
gives the same arrays, to the bit, whatever is added to the files with a later date.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from durability.absorption import rows_of, unabsorbed, why_left_out
from durability.agreements import (
    Agreement,
    AgreementRating,
    DayRange,
    earlier_wars,
    read_agreements,
)
from durability.calendar import add_months, first_of_month, month_label, months_between
from durability.cases import Case, Standing
from durability.errors import InputError, Problem
from durability.joint_priors import BENDS, Lineage
from durability.ladder import Reading, Spell, confrontations, derive_spells, standing_abrogation
from durability.news import NewsItem
from durability.news_selection import known_windows, select_news
from durability.prior_sets import PriorSet
from durability.vocabulary import (
    COVARIATES,
    DAYS_PER_YEAR,
    DRIVERS,
    GRADES,
    MARKS,
    RATING_MIN,
    STREAMS,
)

if TYPE_CHECKING:
    import xarray as xr

Clock = Literal["settlement", "deal"]

EARLIEST_YEARS = 1e-30
"""Stands for age zero, whose logarithm is needed: its power is zero beside one day's."""

HINDSIGHT_YEARS = 10.0
"""Coders may have known of a breakdown within so many years (design: hindsight)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelData:
    """What a model sees: named arrays with named dimensions, and what they were made of.

    Parameters
    ----------
    arrays : mapping of str to ndarray
    dims : mapping of str to tuple of str
        Dimensions of each array.
    coords : mapping of str to tuple of str
        Labels along each dimension.
    case : Case
    cutoff : date
    clock : {"settlement", "deal"}
    reading : {"new", "all"}
    spells : tuple of Spell
        Outcomes of the reference class, in the order of dimension ``agreement``.
    agreements : tuple of Agreement
        The same agreements.
    rows : tuple of Agreement
        Every agreement of the file, the case's own and those outside the class included.
    subset : str
        Set of agreements that trains the hazard.
    level_change : tuple of float
        Bounds of ρ_Δ.
    used : tuple of NewsItem
        Items whose ratings enter.
    unused : tuple of (NewsItem, str)
        Items known by the cutoff that do not, and why.
    after : PriorSet or None
        The posterior that these data go on from: what it has absorbed is not among them.
    """

    arrays: Mapping[str, np.ndarray]
    dims: Mapping[str, tuple[str, ...]]
    coords: Mapping[str, tuple[str, ...]]
    case: Case
    cutoff: date
    clock: Clock
    reading: Reading
    spells: tuple[Spell, ...]
    agreements: tuple[Agreement, ...]
    rows: tuple[Agreement, ...]
    subset: str
    level_change: tuple[float, float]
    used: tuple[NewsItem, ...]
    unused: tuple[tuple[NewsItem, str], ...]
    after: PriorSet | None = None

    @property
    def clock_start(self) -> date:
        """Day at which the case's age is zero."""
        return self.case.deal if self.clock == "deal" else self.case.clock_start

    def age_years(self, day: date) -> float:
        """Age of the case at the start of `day`, in years."""
        return (day - self.clock_start).days / DAYS_PER_YEAR

    def hash(self) -> str:
        """SHA-256 over every array and label."""
        digest = hashlib.sha256()
        for name in sorted(self.arrays):
            array = np.ascontiguousarray(self.arrays[name])
            digest.update(f"{name}|{array.dtype}|{array.shape}|".encode())
            digest.update(array.tobytes())
        digest.update(repr(sorted(self.coords.items())).encode())
        return digest.hexdigest()

    def to_dataset(self) -> xr.Dataset:
        """Give the arrays as one xarray dataset."""
        import xarray as xr

        return xr.Dataset(
            {name: (self.dims[name], array) for name, array in self.arrays.items()},
            coords={name: list(labels) for name, labels in self.coords.items()},
        )


def assemble(
    case: Case,
    agreements: Sequence[Agreement] | None = None,
    *,
    cutoff: date | None = None,
    clock: Clock = "settlement",
    reading: Reading = "new",
    subset: str = "core",
    level_change: tuple[float, float] = (0.0, 1.0),
    after: PriorSet | None = None,
) -> ModelData:
    """Gather what was known of a case and of history at a cutoff.

    Parameters
    ----------
    case : Case
    agreements : sequence of Agreement, optional
        The reference class; the shipped one if not given.
    cutoff : date, optional
        Nothing known later enters; the case's ``covered_until`` if not given.
    clock : {"settlement", "deal"}
        Whether the case's age counts from the end of the fighting or from the deal.
    reading : {"new", "all"}
        Whether leftover fighting counts as an event of history.
    subset : str
        Set of agreements that trains the hazard.
    level_change : tuple of float
        Bounds of ρ_Δ; equal bounds fix it.
    after : PriorSet, optional
        A revised prior set, to go on from: rows that it has absorbed are left out. Without a
        lineage it changes nothing.

    Returns
    -------
    ModelData

    Raises
    ------
    InputError
        The cutoff lies before the case's clock or deal; or the data are not those that `after` was
        revised from, with rows added.
    """
    cutoff = case.covered_until if cutoff is None else cutoff
    _check_cutoff(case, cutoff)
    rows = read_agreements() if agreements is None else tuple(agreements)
    # The case's own rows stay: they never train, but they end the watch of those before them.
    spells = derive_spells(rows, cutoff=cutoff, reading=reading, subset=subset)
    spells = tuple(spell for spell in spells if spell.agreement not in case.excluded)
    by_id = {row.id: row for row in rows}
    trained = tuple(by_id[spell.agreement] for spell in spells)
    if after is not None and after.joint is None:
        after = None
    seen = case
    if after is not None:
        how = _assumptions(clock, reading, subset, level_change)
        before = absorbed_history(after, rows, case, reading=reading, subset=subset)
        seen = unabsorbed(case, spells, before, after, cutoff=cutoff, assumptions=how)
    used, unused = select_news(seen, cutoff)
    parts = _Parts()
    months = _month_grid(seen, cutoff)
    parts.coords["month"] = tuple(month_label(month) for month in months)
    if after is not None:
        unused = _left_out(case, cutoff, after, used)
        codings = _add_codings(parts, (), (), seen, cutoff, months)
    else:
        _add_history(parts, spells, trained, rows, case)
        codings = _add_codings(parts, spells, trained, case, cutoff, months)
    events = _add_events(parts, used, months)
    _add_readings(parts, codings, events)
    _add_windows(parts, seen, cutoff, months)
    _add_case(parts, seen, cutoff, clock, months)
    if after is not None:
        _add_joint(parts, after, clock_start=case.deal if clock == "deal" else case.clock_start)
    parts.add("level_change_low", (), level_change[0])
    parts.add("level_change_high", (), level_change[1])
    return ModelData(
        arrays=parts.arrays,
        dims=parts.dims,
        coords=parts.coords,
        case=case,
        cutoff=cutoff,
        clock=clock,
        reading=reading,
        spells=spells,
        agreements=trained,
        rows=rows,
        subset=subset,
        level_change=level_change,
        used=used,
        unused=unused,
        after=after,
    )


def absorbed_history(
    after: PriorSet, rows: Sequence[Agreement], case: Case, *, reading: Reading, subset: str
) -> tuple[tuple[Agreement, Spell], ...]:
    """Give the agreements that a revised set has absorbed, as far as they were watched then."""
    if after.lineage is None:
        return ()
    by_id = {row.id: row for row in rows}
    spells = derive_spells(rows, cutoff=after.lineage.history, reading=reading, subset=subset)
    return tuple((by_id[s.agreement], s) for s in spells if s.agreement not in case.excluded)


def _left_out(
    case: Case, cutoff: date, after: PriorSet, used: tuple[NewsItem, ...]
) -> tuple[tuple[NewsItem, str], ...]:
    """Items that do not enter beside a posterior, and why: as ever, or because they came late."""
    usable, unused = select_news(case, cutoff)
    lineage = after.lineage
    if lineage is None:
        return unused
    entering = {*lineage.absorbed["news"], *(item.id for item in used)}
    late = [item for item in usable if item.id not in entering]
    return (*unused, *((item, why_left_out(item, case, lineage)) for item in late))


def _assumptions(
    clock: Clock, reading: Reading, subset: str, level_change: tuple[float, float]
) -> dict[str, str]:
    low, high = level_change
    bounds = f"{low:g} to {high:g}"
    return {"clock": clock, "reading": reading, "subset": subset, "level_change": bounds}


def assumptions_of(data: ModelData) -> dict[str, str]:
    """Say how data were read, as a revised prior set remembers it."""
    return _assumptions(data.clock, data.reading, data.subset, data.level_change)


def entered_rows(data: ModelData) -> dict[str, dict[str, str]]:
    """Name every row that data hold, with the hash of its content, by kind.

    Of data that go on from a posterior: the rows that are new to it.
    """
    agreements = () if data.after else zip(data.agreements, data.spells, strict=True)
    windows = known_windows(data.case, data.cutoff)
    found = rows_of(data.case, agreements, data.used, windows, data.cutoff)
    if data.after is None or data.after.lineage is None:
        return found
    known = data.after.lineage.absorbed
    return {
        kind: {name: value for name, value in rows.items() if name not in known[kind]}
        for kind, rows in found.items()
    }


def reassemble(
    data: ModelData,
    *,
    clock: Clock | None = None,
    reading: Reading | None = None,
    level_change: tuple[float, float] | None = None,
) -> ModelData:
    """Assemble the same case and cutoff with something read another way.

    Parameters
    ----------
    data : ModelData
    clock, reading, level_change
        As :func:`assemble` takes them; unchanged where not given.

    Returns
    -------
    ModelData
        With arrays of the same shapes.
    """
    return assemble(
        data.case,
        data.rows,
        cutoff=data.cutoff,
        clock=data.clock if clock is None else clock,
        reading=data.reading if reading is None else reading,
        subset=data.subset,
        level_change=data.level_change if level_change is None else level_change,
        after=data.after,
    )


def _check_cutoff(case: Case, cutoff: date) -> None:
    where = f"{case.folder / 'case.toml'}"
    for name, day in (("clock.start", case.clock_start), ("clock.deal", case.deal)):
        if cutoff < day:
            raise InputError(
                [
                    Problem(
                        where=where,
                        found=f"the cutoff {cutoff} lies before {name} {day}",
                        allowed="choose a cutoff on or after both",
                    )
                ]
            )


class _Parts:
    """Arrays while they are gathered."""

    def __init__(self) -> None:
        self.arrays: dict[str, np.ndarray] = {}
        self.dims: dict[str, tuple[str, ...]] = {}
        self.coords: dict[str, tuple[str, ...]] = {
            "driver": DRIVERS,
            "stream": STREAMS,
            "mark": MARKS,
            "covariate": COVARIATES,
            "grade": GRADES,
            "gap": tuple(f"{i}|{i + 1}" for i in range(1, 6)),
            "location": tuple(f"{c}:{d}" for c in ("history", "news") for d in DRIVERS),
        }

    def add(self, name: str, dims: tuple[str, ...], values: Any, dtype: type = float) -> None:
        self.arrays[name] = np.asarray(values, dtype=dtype)
        self.dims[name] = dims


def _month_grid(case: Case, cutoff: date) -> tuple[date, ...]:
    # One month before the grid, so that the first month's news has a level to change from.
    first = add_months(case.grid_start, -1)
    count = months_between(first, first_of_month(cutoff)) + 1
    return tuple(add_months(first, i) for i in range(count))


def log_years(years: Any) -> np.ndarray:
    """Logarithm of ages of which some are zero."""
    return np.log(np.maximum(np.asarray(years, dtype=float), EARLIEST_YEARS))


def _add_history(
    parts: _Parts,
    spells: tuple[Spell, ...],
    trained: tuple[Agreement, ...],
    rows: tuple[Agreement, ...],
    case: Case,
) -> None:
    parts.coords["agreement"] = tuple(spell.agreement for spell in spells)
    clusters = tuple(dict.fromkeys([*(row.cluster for row in trained), case.cluster]))
    dyads = tuple(dict.fromkeys([*(row.dyad for row in trained), case.dyad]))
    parts.coords["cluster"], parts.coords["dyad"] = clusters, dyads
    stop = by_stream(spells, "stop_days") / DAYS_PER_YEAR
    end = by_stream(spells, "event_end_days") / DAYS_PER_YEAR
    dims = ("agreement", "stream")
    parts.add("history_years", ("agreement",), stop.max(axis=1))
    start = np.zeros_like(stop)
    parts.coords["edge"] = ("start", "stop", "end")
    parts.add("history_log_ages", ("edge", *dims), log_years([start, stop, end]))
    parts.add("history_event", dims, by_stream(spells, "event"))
    parts.add("history_weight", ("agreement",), [spell.weight for spell in spells])
    cluster = [*(clusters.index(row.cluster) for row in trained), clusters.index(case.cluster)]
    dyad = [len(clusters) + dyads.index(each) for each in (*(r.dyad for r in trained), case.dyad)]
    parts.coords["row"] = (*parts.coords["agreement"], case.name)
    parts.add("row_cluster", ("row",), cluster, int)
    parts.add("row_dyad", ("row",), dyad, int)
    raw = np.array([covariates_of(row, earlier_wars(row, rows)) for row in trained])
    centre = raw.mean(axis=0)
    parts.add("covariate_centre", ("covariate",), centre)
    own = np.array(_case_covariates(case))
    # Its covariates are in the law, with its frailties, as one number.
    parts.add("row_covariates", ("row", "covariate"), np.vstack([raw, own]) - centre)


def by_stream(spells: Sequence[Spell], name: str) -> np.ndarray:
    """Give one of a spell's properties: array (agreement, stream)."""
    return np.array(
        [[getattr(spell, name)[stream] for stream in STREAMS] for spell in spells], dtype=float
    )


def covariates_of(row: Agreement, wars: int) -> list[float]:
    """Give an agreement's covariates as numbers, after so many earlier wars of its pair."""
    return [
        float(row.contiguous),
        float(row.war_outcome == "decisive"),
        float(row.third_party),
        float(row.territorial_unresolved),
        float(np.log1p(wars)),
    ]


def _case_covariates(case: Case) -> list[float]:
    value = case.covariates
    return [
        float(value["contiguous"]),
        float(value["war_outcome"] == "decisive"),
        float(value["third_party"]),
        float(value["territorial_unresolved"]),
        float(np.log1p(float(value["earlier_wars"]))),
    ]


def _add_codings(
    parts: _Parts,
    spells: tuple[Spell, ...],
    trained: tuple[Agreement, ...],
    case: Case,
    cutoff: date,
    months: tuple[date, ...],
) -> list[_Thing]:
    standings = [s for s in case.standings if s.date <= cutoff]
    days = sorted({s.date for s in standings})
    parts.coords["anchor"] = tuple(day.isoformat() for day in days)
    rows: list[tuple[str, bool, list[Any]]] = [
        (row.id, broke_within(spell, HINDSIGHT_YEARS), list(row.ratings))
        for row, spell in zip(trained, spells, strict=True)
    ]
    rows += [(day.isoformat(), False, [s for s in standings if s.date == day]) for day in days]
    things, where = [], []
    for index, (label, broke, coders) in enumerate(rows):
        for d, driver in enumerate(DRIVERS):
            said = [(each.coder, _rating(each, driver)) for each in coders]
            if said:
                things.append(_Thing(f"{label}:{driver}", d, tuple(said)))
                where.append((index, d, float(broke)))
    parts.coords["thing"] = tuple(thing.label for thing in things)
    columns = np.array(where, dtype=float).reshape(-1, 3).T
    parts.add("coding_row", ("thing",), columns[0], int)
    parts.add("coding_driver", ("thing",), columns[1], int)
    parts.add("coding_broke", ("thing",), columns[2])
    parts.add("coding_mean", ("thing",), [thing.mean for thing in things])
    parts.add("anchor_month", ("anchor",), [months_between(months[0], d) for d in days], int)
    return things


def _rating(source: AgreementRating | Standing, driver: str) -> int:
    if isinstance(source, AgreementRating):
        return int(getattr(source, driver))
    return source.ratings[driver]


def broke_within(spell: Spell, years: float) -> bool:
    """Whether an agreement is known to have ended by war or abrogation within so many years."""
    return any(
        spell.event[stream] and spell.stop_days[stream] / DAYS_PER_YEAR <= years
        for stream in ("war", "abrogation")
    )


def _add_events(
    parts: _Parts, used: tuple[NewsItem, ...], months: tuple[date, ...]
) -> list[_Thing]:
    groups: dict[str, list[NewsItem]] = {}
    for item in used:
        groups.setdefault(item.event or item.id, []).append(item)
    if not groups:
        return []
    # Those with equally many readings stand together: a sampler takes these as a table.
    keys = sorted(groups, key=lambda key: (sum(len(i.ratings) for i in groups[key]), key))
    parts.coords["event"] = tuple(keys)
    driver = [DRIVERS.index(groups[key][0].driver) for key in keys]
    first = [min(item.date for item in groups[key]) for key in keys]
    best = [min(GRADES.index(item.grade) for item in groups[key]) for key in keys]
    parts.add("event_driver", ("event",), driver, int)
    parts.add("event_month", ("event",), [months_between(months[0], d) for d in first], int)
    parts.add("event_grade", ("event",), best, int)
    things = [
        _Thing(key, len(DRIVERS) + d, tuple(r for item in groups[key] for r in item.ratings))
        for key, d in zip(keys, driver, strict=True)
    ]
    parts.add("event_mean", ("event",), [thing.mean for thing in things])
    return things


@dataclass(frozen=True, slots=True)
class _Thing:
    """What some readings are of: an agreement or anchor and a driver, or an event."""

    label: str
    location: int
    readings: tuple[tuple[str, int], ...]

    @property
    def mean(self) -> float:
        return sum(value for _, value in self.readings) / len(self.readings)


def _add_readings(parts: _Parts, codings: list[_Thing], events: list[_Thing]) -> None:
    """Write every reading in a row of its own: those of codings, then those of events.

    Of events with equally many readings the first reading of each stands before the second of any.
    """
    things = [*codings, *events]
    coders = tuple(dict.fromkeys(coder for thing in things for coder, _ in thing.readings))
    parts.coords["coder"] = coders
    told = [(t, *each) for t, thing in enumerate(codings) for each in thing.readings]
    counts = np.array([len(event.readings) for event in events], dtype=int)
    for count in np.unique(counts):
        mine = np.flatnonzero(counts == count).tolist()
        parts.coords[f"event_with_{count}"] = tuple(events[e].label for e in mine)
        parts.add(f"events_with_{count}", (f"event_with_{count}",), mine, int)
        told += [(len(codings) + e, *events[e].readings[i]) for i in range(count) for e in mine]
    columns = np.array(
        [(coders.index(who), value - RATING_MIN, things[t].location, t) for t, who, value in told],
        dtype=int,
    )
    parts.coords["reading"] = tuple(str(i) for i in range(len(told)))
    names = ("coder", "level", "location", "thing")
    for name, column in zip(names, columns.reshape(-1, len(names)).T, strict=True):
        parts.add(f"reading_{name}", ("reading",), column, int)
    last = np.cumsum([len(thing.readings) for thing in codings]) - 1
    parts.add("reading_last", ("thing",), last, int)
    parts.coords["read"] = tuple(thing.label for thing in things)


def _add_windows(parts: _Parts, case: Case, cutoff: date, months: tuple[date, ...]) -> None:
    windows = known_windows(case, cutoff)
    if not windows:
        return
    names = tuple(sorted({window.indicator for window in windows}))
    parts.coords["indicator"] = names
    parts.coords["window"] = tuple(f"{w.indicator} {w.first}..{w.last}" for w in windows)
    parts.add("window_count", ("window",), [w.count for w in windows])
    parts.add("window_exposure", ("window",), [w.exposure for w in windows])
    of = np.array([[float(w.indicator == name) for name in names] for w in windows])
    parts.add("window_of", ("window", "indicator"), of)
    share = np.array([[_share(month, w.first, w.last) for month in months] for w in windows])
    dims = ("window", "month", "indicator")
    parts.add("window_share", dims, share[:, :, None] * of[:, None, :])
    driver = {w.indicator: DRIVERS.index(w.driver) for w in windows}
    parts.add("indicator_driver", ("indicator",), [driver[name] for name in names], int)


def _share(month: date, first: date, last: date) -> float:
    """Share of a month's days that lie in [first, last]."""
    following = add_months(month, 1)
    days = min(following, last + timedelta(days=1)) - max(month, first)
    return max(days.days, 0) / (following - month).days


def _add_case(
    parts: _Parts, case: Case, cutoff: date, clock: Clock, months: tuple[date, ...]
) -> None:
    start = case.deal if clock == "deal" else case.clock_start
    happened = {h.rung: h.date for h in case.happened if h.date <= cutoff}
    # A grid that goes on from a posterior may begin after the deal.
    offset = max(months_between(months[0], case.deal), 0)
    lo = np.zeros((len(months) - offset, len(STREAMS)))
    hi, event_lo, event_hi = lo.copy(), lo.copy(), lo.copy()
    event = np.zeros(len(STREAMS))
    observed_to = {stream: min(case.observed_to[stream], cutoff) for stream in STREAMS}
    for k, (until, shot) in enumerate(_case_streams(happened, observed_to).values()):
        event[k] = float(shot)
        for m, month in enumerate(months[offset:]):
            first = max(month, case.deal)
            last = max(first, min(add_months(month, 1), until))
            lo[m, k], hi[m, k] = (first - start).days, (last - start).days
            if shot and month == first_of_month(until):
                event_lo[m, k] = (until - start).days
                event_hi[m, k] = event_lo[m, k] + 1
    dims = ("case_month", "stream")
    parts.coords["case_month"] = parts.coords["month"][offset:]
    parts.add("case_month_index", ("case_month",), np.arange(offset, len(months)), int)
    parts.add("case_log_start", dims, log_years(lo / DAYS_PER_YEAR))
    parts.add("case_log_stop", dims, log_years(hi / DAYS_PER_YEAR))
    parts.add("case_event", ("stream",), event)
    parts.add("case_event_log_start", dims, log_years(event_lo / DAYS_PER_YEAR))
    parts.add("case_event_log_stop", dims, log_years(event_hi / DAYS_PER_YEAR))
    parts.add("case_years", ("stream",), (hi - lo).sum(axis=0) / DAYS_PER_YEAR)


_JOINT_DIMS = {
    **dict.fromkeys(BENDS, ("unknown", "score")),
    "joint_cholesky": ("unknown", "score"),
    "joint_log_weights": ("component",),
    "joint_centres": ("component", "score"),
}


def _add_joint(parts: _Parts, after: PriorSet, clock_start: date) -> None:
    """Put a joint law among the arrays, and count the case's time only from where it ends."""
    joint, lineage = after.joint, after.lineage
    if joint is None or lineage is None:
        raise ValueError("a prior set without a joint law is nothing to go on from")
    parts.coords["unknown"] = joint.unknowns
    parts.coords["score"] = joint.unknowns
    parts.coords["component"] = tuple(str(m) for m in range(len(joint.weights)))
    for name, values in joint.arrays().items():
        parts.add(name, _JOINT_DIMS.get(name, ("unknown",)), values)
    for name, labels in joint.coords.items():
        parts.coords[f"absorbed_{name}"] = labels
        parts.add(f"{name}_absorbed", (f"absorbed_{name}",), np.arange(len(labels)), int)
    new = parts.coords["month"][len(joint.coords["month"]) :]
    parts.coords["new_month"] = new
    parts.add("month_new", ("new_month",), np.arange(len(new)), int)
    for dim in ("coder", "indicator"):
        here = parts.coords.get(dim, ())
        parts.coords[f"new_{dim}"] = tuple(e for e in here if e not in joint.coords[dim])
        every = (*joint.coords[dim], *parts.coords[f"new_{dim}"])
        if dim in parts.coords:
            parts.add(f"{dim}_place", (dim,), [every.index(each) for each in here], int)
    parts.coords["row"] = (lineage.case,)
    parts.add("row_covariates", ("row", "covariate"), np.zeros((1, len(COVARIATES))))
    parts.add("row_cluster", ("row",), [0], int)
    parts.add("row_dyad", ("row",), [1], int)
    _hold_from(parts, lineage, clock_start)


def _hold_from(parts: _Parts, lineage: Lineage, clock_start: date) -> None:
    """Start every stream's watch where its absorbed part ends."""
    ends = [lineage.observed_to[stream] + timedelta(days=1) for stream in STREAMS]
    absorbed = log_years([(end - clock_start).days / DAYS_PER_YEAR for end in ends])
    for before, after in (
        ("case_log_start", "case_log_stop"),
        ("case_event_log_start", "case_event_log_stop"),
    ):
        start = np.maximum(parts.arrays[before], absorbed)
        empty = start >= parts.arrays[after]
        parts.arrays[before] = np.where(empty, parts.arrays[after], start)
    span = parts.arrays["case_event_log_stop"] > parts.arrays["case_event_log_start"]
    parts.arrays["case_event"] = parts.arrays["case_event"] * span.any(axis=0)
    years = np.exp(parts.arrays["case_log_stop"]) - np.exp(parts.arrays["case_log_start"])
    parts.arrays["case_years"] = years.sum(axis=0)


def _case_streams(
    happened: Mapping[str, date], observed_to: Mapping[str, date]
) -> dict[str, tuple[date, bool]]:
    """Until when (that day left out) each stream of the case ran, and whether its event ended it.

    By the rules of history: shots of one confrontation are one event of its highest mark, which
    ends every stream up to that mark; an abrogation close to a war is that war; a war ends the
    watch for abrogation.
    """
    shots = [(DayRange(first=day, last=day), rung) for rung, day in happened.items()]
    events = confrontations(shot for shot in shots if shot[1] in MARKS)
    over = {stream: day + timedelta(days=1) for stream, day in observed_to.items()}
    streams = {}
    for rank, mark in enumerate(MARKS):
        first = next((event for event in events if MARKS.index(event[1]) >= rank), None)
        day = over[mark] if first is None else min(first[0].first, over[mark])
        streams[mark] = day, first is not None and first[1] == mark
    day, warred = streams["war"]
    abrogation = standing_abrogation(shots)
    if abrogation is not None:
        streams["abrogation"] = abrogation.first, True
    else:
        streams["abrogation"] = (
            min(day, over["abrogation"]) if warred else over["abrogation"],
            False,
        )
    return streams
