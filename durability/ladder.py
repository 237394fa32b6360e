"""The ladder of breakdown: when each rung was first reached, derived from the agreements' dates.

The dated columns of the reference class are not rung times yet. Here

- a *shot* is a dated use of force, fatal clash or war of an agreement. Under the reading ``new``
  shots of fighting that was under way at the start are left out (wars never are); under ``all``
  the columns stand as they are;
- shots at most 60 days after the one before are one *event*, of its highest mark, on the day of
  its first shot;
- the time to rung :math:`k` is :math:`T_{\\ge k}`, the first event whose mark is at least
  :math:`k`. The stream of the exclusive mark :math:`k` is observed on
  :math:`[0, \\min(T_{\\ge k}, C_k)]` and scores an event only where the first event at or above
  :math:`k` is :math:`k` itself;
- :math:`C_k` is fixed by design, never by outcome: the earliest of the end of that rung's data,
  the end of a state, the dyad's next agreement, the cutoff. The ``known_to_*`` columns play no
  part;
- an abrogation within 90 days of a war is that war. Any other is an event of its own stream,
  observed to :math:`\\min(T_{\\text{abrogation}}, T_{\\text{war}}, C)`; where it ended the
  agreement it ends the other streams too. (North Korea's of 2009 did not: the other side holds
  the armistice in force.)

Ages are days since the start. An event on a day is known to that day: it lies in
[day − start, day − start + 1], so that age zero never occurs.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import groupby
from statistics import NormalDist
from types import MappingProxyType
from typing import Final, Literal

from durability.agreements import SETS, Agreement, DayRange
from durability.vocabulary import MARKS, RUNGS, STREAMS

DATA_END: Final[Mapping[str, date]] = MappingProxyType(
    {
        "force": date(2014, 12, 31),
        "fatal": date(2014, 12, 31),
        "war": date(2025, 12, 31),
        "abrogation": date(2025, 12, 31),
    }
)
"""Where the data of each stream end: Militarized Interstate Events stop with 2014; wars and
denunciations are known to the end of 2025."""

CONFRONTATION_DAYS: Final = 60
"""Shots at most so far apart are one event (design §3.5)."""

ABROGATION_DAYS: Final = 90
"""An abrogation at most so far from a war, before or after, is that war (design §3.5)."""

Reading = Literal["new", "all"]
READINGS: Final = ("new", "all")
Shot = tuple[DayRange, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What one stream or rung shows of one agreement.

    Parameters
    ----------
    stop_days : float
        Age at which watching ends: the beginning of the event's interval, or the censoring.
    event : bool
        Whether it ends with the event.
    event_end_days : float
        End of the event's interval; `stop_days` where there is no event.
    """

    stop_days: float
    event: bool
    event_end_days: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Spell:
    """One agreement as the hazard model sees it.

    Parameters
    ----------
    agreement : str
        Its id.
    entry_days : float
        Age from which it is watched.
    streams : tuple of Observed
        In the order of :data:`~durability.vocabulary.STREAMS`: the exclusive marks, abrogation.
    rungs : tuple of Observed
        In the order of :data:`~durability.vocabulary.RUNGS`: first time at or above each mark,
        abrogation, breakdown (war or abrogation).
    limit_days : tuple of float
        Age at which each stream's watching ends by design, event or not; in the order of
        :data:`~durability.vocabulary.STREAMS`.
    weight : float
        1, or one over the number of rows that tell the same event.
    """

    agreement: str
    entry_days: float
    streams: tuple[Observed, ...]
    rungs: tuple[Observed, ...]
    limit_days: tuple[float, ...]
    weight: float

    @property
    def stop_days(self) -> dict[str, float]:
        """Age at which watching ends, by stream."""
        return {name: self.stream(name).stop_days for name in STREAMS}

    @property
    def event(self) -> dict[str, bool]:
        """Whether watching ends with the event, by stream."""
        return {name: self.stream(name).event for name in STREAMS}

    @property
    def event_end_days(self) -> dict[str, float]:
        """End of the event's interval, by stream; the age of censoring where there is none."""
        return {name: self.stream(name).event_end_days for name in STREAMS}

    def stream(self, name: str) -> Observed:
        """Give one stream by its name."""
        return self.streams[STREAMS.index(name)]

    def rung(self, name: str) -> Observed:
        """Give one rung by its name."""
        return self.rungs[RUNGS.index(name)]


@dataclass(frozen=True, slots=True, kw_only=True)
class KaplanMeier:
    """A Kaplan–Meier curve: right-continuous steps, the first at age zero.

    Parameters
    ----------
    ages : tuple of float
        0, then each age with an event; in the unit of the times given.
    survival, low, high : tuple of float
        Chance of getting past each age, and its pointwise interval.
    at_risk, events : tuple of float
        Weight watched just before each age, and weight of the events on it.
    interval_probability : float
        Coverage of the interval.
    """

    ages: tuple[float, ...]
    survival: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    at_risk: tuple[float, ...]
    events: tuple[float, ...]
    interval_probability: float


def derive_spells(
    agreements: Sequence[Agreement],
    *,
    cutoff: date,
    reading: Reading = "new",
    subset: str = "core",
) -> tuple[Spell, ...]:
    """Derive what a class of agreements shows, as of a cutoff.

    Parameters
    ----------
    agreements : sequence of Agreement
        The whole file: other classes tell when a dyad's next agreement began.
    cutoff : date
        Nothing on or after it is seen; agreements that begin on or after it are left out.
    reading : {"new", "all"}
        Whether shots of fighting under way at the start count.
    subset : str
        A class of :data:`~durability.agreements.SETS`, but not ``target``, which never trains.

    Returns
    -------
    tuple of Spell
        In the order of `agreements`.

    Examples
    --------
    >>> from datetime import date
    >>> from durability.agreements import read_agreements
    >>> spells = derive_spells(read_agreements(), cutoff=date(2026, 6, 30))
    >>> len(spells), spells[0].agreement, spells[0].stream("fatal")
    (66, 'R001', Observed(stop_days=526.0, event=True, event_end_days=527.0))
    """
    if reading not in READINGS:
        raise ValueError(f"reading must be one of {', '.join(READINGS)}, not {reading!r}")
    if subset not in SETS or subset == "target":
        trainable = [name for name in SETS if name != "target"]
        raise ValueError(f"subset must be one of {', '.join(trainable)}, not {subset!r}")
    chosen = [a for a in agreements if a.set == subset and a.start < cutoff]
    spells = [_spell(a, _limits(a, agreements, cutoff), reading) for a in chosen]
    return tuple(_weighted(chosen, spells))


def first_times(
    spells: Iterable[Spell], rung: str
) -> tuple[tuple[float, ...], tuple[bool, ...], tuple[float, ...]]:
    """Give what :func:`kaplan_meier` needs of one rung.

    Parameters
    ----------
    spells : iterable of Spell
    rung : str
        ``force``, ``fatal``, ``war`` (first time at least so bad), ``abrogation``, ``breakdown``.

    Returns
    -------
    tuple
        Ages in days, whether each ends with the event, weights; one entry a spell.
    """
    pairs = [(spell.rung(rung), spell.weight) for spell in spells]
    return (
        tuple(observed.stop_days for observed, _ in pairs),
        tuple(observed.event for observed, _ in pairs),
        tuple(weight for _, weight in pairs),
    )


def eligible_shots(agreement: Agreement, reading: Reading = "new") -> tuple[Shot, ...]:
    """Give the shots that count under a reading, each with its mark, in order of their days.

    Under ``new`` a mark's shot is its ``_new`` date; where there is none, its first date, unless
    that is known to be leftover fighting. The war always counts.
    """
    shots: list[Shot] = []
    for mark, first, residual, new in (
        ("force", agreement.first_force, agreement.first_force_residual, agreement.first_force_new),
        ("fatal", agreement.first_fatal, agreement.first_fatal_residual, agreement.first_fatal_new),
    ):
        if first is None:
            continue
        if reading == "new" and new is not None and new != first.first:
            shots.append((DayRange(first=new, last=new), mark))
        elif reading == "all" or new is not None or residual is not True:
            shots.append((first, mark))
    if agreement.first_war is not None:
        shots.append((agreement.first_war, "war"))
    return tuple(sorted(shots, key=lambda shot: (shot[0].first, MARKS.index(shot[1]))))


def kaplan_meier(
    times: Sequence[float],
    events: Sequence[bool],
    weights: Sequence[float] | None = None,
    *,
    interval_probability: float = 0.9,
) -> KaplanMeier:
    r"""Estimate a survival curve from right-censored times.

    :math:`\hat S(t) = \prod_{t_i \le t} (1 - d_i / n_i)`, with :math:`d_i` the weight of events
    at :math:`t_i` and :math:`n_i` the weight still watched there (a time censored at
    :math:`t_i` included). The interval is Greenwood's on the scale of
    :math:`\log(-\log S)` [1]_. With whole weights it equals ``scipy.stats.ecdf``; SciPy takes no
    others.

    Parameters
    ----------
    times : sequence of float
    events : sequence of bool
        False where a time is a censoring.
    weights : sequence of float, optional
        Default one each.
    interval_probability : float

    Returns
    -------
    KaplanMeier

    References
    ----------
    .. [1] J. D. Kalbfleisch and R. L. Prentice, The Statistical Analysis of Failure Time Data,
       2nd ed., 2002, doi:10.1002/9781118032985.

    Examples
    --------
    >>> curve = kaplan_meier([1, 2, 3, 4], [True, False, True, False])
    >>> curve.ages, curve.survival
    ((0.0, 1.0, 3.0), (1.0, 0.75, 0.375))
    """
    weighted = [1.0] * len(times) if weights is None else list(weights)
    watched = sum(weighted)
    entries = sorted(zip(times, events, weighted, strict=True), key=lambda entry: entry[0])
    survival, variance = 1.0, 0.0
    steps = [(0.0, 1.0, 1.0, 1.0, watched, 0.0)]
    for age, group in groupby(entries, key=lambda entry: entry[0]):
        members = list(group)
        died = sum(weight for _, event, weight in members if event)
        left = sum(weight for _, _, weight in members)
        if died:
            # Weights of a third do not sum to whole numbers: the last step must still reach 0.
            staying = watched - died if watched - died > 1e-9 else 0.0
            survival *= staying / watched
            variance += died / (watched * staying) if staying else math.inf
            low, high = _log_log_interval(survival, variance, interval_probability)
            steps.append((float(age), survival, low, high, watched, died))
        watched -= left
    ages, estimates, lows, highs, at_risk, deaths = zip(*steps, strict=True)
    return KaplanMeier(
        ages=ages,
        survival=estimates,
        low=lows,
        high=highs,
        at_risk=at_risk,
        events=deaths,
        interval_probability=interval_probability,
    )


def survival_at(curve: KaplanMeier, age: float) -> float:
    """Give the chance of getting past an age, on a Kaplan–Meier curve."""
    return [s for a, s in zip(curve.ages, curve.survival, strict=True) if a <= age][-1]


def _log_log_interval(survival: float, variance: float, probability: float) -> tuple[float, float]:
    if not 0.0 < survival < 1.0:
        return survival, survival
    z = NormalDist().inv_cdf(0.5 + probability / 2.0)
    width = z * math.sqrt(variance) / abs(math.log(survival))
    return survival ** math.exp(width), survival ** math.exp(-width)


def _limits(agreement: Agreement, agreements: Iterable[Agreement], cutoff: date) -> dict[str, date]:
    """Give the day on which each stream's watching ends by design."""
    ends = [cutoff]
    ends += [
        other.start
        for other in agreements
        if other.dyad == agreement.dyad and other.start > agreement.start
    ]
    if agreement.state_end is not None:
        ends.append(agreement.state_end)
    return {stream: min(*ends, DATA_END[stream]) for stream in STREAMS}


def _spell(agreement: Agreement, limits: Mapping[str, date], reading: Reading) -> Spell:
    designed = tuple(float(max((limits[stream] - agreement.start).days, 0)) for stream in STREAMS)
    shots = eligible_shots(agreement, reading)
    if agreement.abrogated is not None:
        shots = (*shots, (agreement.abrogated, "abrogation"))
    seen, limits = _seen(shots, limits)
    abrogation = standing_abrogation(seen)
    end = limits["abrogation"]
    if abrogation is not None and agreement.abrogation_ended:
        limits = {stream: min(limits[stream], abrogation.first) for stream in STREAMS}
    events = confrontations(
        shot for shot in seen if shot[1] in MARKS and shot[0].first < limits[shot[1]]
    )
    start = agreement.start
    streams, rungs = [], []
    for rank, mark in enumerate(MARKS):
        first = next((event for event in events if MARKS.index(event[1]) >= rank), None)
        reached = first[0] if first and first[0].first < limits[mark] else None
        rung = _observed(start, reached, limits[mark])
        exclusive = rung.event and first is not None and first[1] == mark
        rungs.append(rung)
        streams.append(rung if exclusive else _censored(rung.stop_days))
    war = rungs[-1]
    abrogated = _observed(start, abrogation, end)
    if war.event and war.stop_days <= abrogated.stop_days:
        abrogated = _censored(war.stop_days)
    breakdown = min(war, abrogated, key=lambda observed: (observed.stop_days, not observed.event))
    return Spell(
        agreement=agreement.id,
        entry_days=0.0,
        streams=(*streams, abrogated),
        rungs=(*rungs, abrogated, breakdown),
        limit_days=designed,
        weight=1.0,
    )


def _seen(shots: Iterable[Shot], limits: Mapping[str, date]) -> tuple[list[Shot], dict[str, date]]:
    """Keep the shots that are over by their limit.

    A shot that may lie on either side of it is neither seen nor ruled out: watching for it, and
    for all that it would end, stops on the first day it may have happened.
    """
    limits = dict(limits)
    begun = [shot for shot in shots if shot[0].first < limits[shot[1]]]
    over = [shot for shot in begun if shot[0].last < limits[shot[1]]]
    for days, mark in begun:
        if (days, mark) not in over:
            ended = MARKS[: MARKS.index(mark) + 1] if mark in ("force", "fatal") else STREAMS
            limits |= {stream: min(limits[stream], days.first) for stream in ended}
    return [shot for shot in over if shot[0].first < limits[shot[1]]], limits


def standing_abrogation(shots: Sequence[Shot]) -> DayRange | None:
    """Give the abrogation, unless a war is so close that the two are one or came before it."""
    days = {mark: when for when, mark in shots}
    abrogation, war = days.get("abrogation"), days.get("war")
    if abrogation is None or war is None:
        return abrogation
    close = timedelta(days=ABROGATION_DAYS)
    return abrogation if abrogation.last < war.first - close else None


def confrontations(shots: Iterable[Shot]) -> list[Shot]:
    """Join shots into events: the first shot's days with the highest mark."""
    events: list[Shot] = []
    previous = date.min
    for days, mark in sorted(shots, key=lambda shot: shot[0].first):
        if events and (days.first - previous).days <= CONFRONTATION_DAYS:
            first, highest = events[-1]
            events[-1] = (first, max(highest, mark, key=MARKS.index))
        else:
            events.append((days, mark))
        previous = days.first
    return events


def _observed(start: date, reached: DayRange | None, limit: date) -> Observed:
    if reached is None or reached.first >= limit:
        return _censored(float(max((limit - start).days, 0)))
    return Observed(
        stop_days=float((reached.first - start).days),
        event=True,
        event_end_days=float((reached.last - start).days + 1),
    )


def _censored(stop_days: float) -> Observed:
    return Observed(stop_days=stop_days, event=False, event_end_days=stop_days)


def _weighted(agreements: Sequence[Agreement], spells: Sequence[Spell]) -> list[Spell]:
    """Let rows of a cluster that began together and tell the same events share weight one.

    Rows without an event share nothing: each is another pair of states that held.
    """
    told = []
    for agreement, spell in zip(agreements, spells, strict=True):
        events = tuple(observed if observed.event else None for observed in spell.streams)
        alone = "" if any(events) else agreement.id
        told.append((agreement.cluster, agreement.start, events, alone))
    counts = Counter(told)
    return [
        replace(spell, weight=1.0 / counts[key]) for key, spell in zip(told, spells, strict=True)
    ]
