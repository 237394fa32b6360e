"""The time machine: what the forecast would have been, cutoff by cutoff, from what was known then.

The first cutoff is fitted. Each later one climbs the ladder of updates from the fit before it:
weights where they can be trusted, a refit where not. Nothing known after a cutoff enters its
forecast. Ratings that were made later are used at their items' days all the same: such a replay is
pseudo-out-of-sample, and says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

from durability.agreements import Agreement
from durability.assembly import ModelData, assemble
from durability.attribution import Attribution, Part, attribute
from durability.calendar import add_months
from durability.cases import Case
from durability.errors import InputError, Problem
from durability.news import NewsItem
from durability.updating import Update, revise
from durability.vocabulary import HORIZONS_MONTHS, RUNGS
from durability.weighing import Base, Table, cannot_weigh, reweigh

Every = Literal["month", "quarter"]
STEP_MONTHS: dict[str, int] = {"month": 1, "quarter": 3}

HEADLINE = 24
"""Horizon in months whose moves are told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What one part moved the forecast by since the cutoff before.

    Parameters
    ----------
    part : Part
    points : float
        Of the chance of breakdown within ``HEADLINE`` months, as a probability.
    """

    part: Part
    points: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """The forecast at one cutoff.

    Parameters
    ----------
    update : Update
        From the fit before it, or that fit itself.
    method : str
        ``fit`` at the first cutoff, else as :class:`Update` has it.
    moved : tuple of Moved
        Since the cutoff before, largest first; together the whole move.
    broken : str
        The stream whose event had ended the agreement by then; empty while it stands.
    """

    update: Update
    method: str
    moved: tuple[Moved, ...]
    broken: str

    @property
    def cutoff(self) -> date:
        """The day the forecast stands on."""
        return self.update.weighed.data.cutoff

    @property
    def table(self) -> Table:
        """Probabilities by rung and horizon."""
        return self.update.table


def cutoffs(case: Case, *, every: Every, first: date | None, last: date | None) -> list[date]:
    """List the ends of months at which a case is replayed.

    Parameters
    ----------
    case : Case
    every : {"month", "quarter"}
    first, last : datetime.date, optional
        The deal, and the day until which the case is covered, if not given.

    Raises
    ------
    InputError
        There is none between the two.
    """
    first = case.deal if first is None else max(first, case.deal)
    last = case.covered_until if last is None else last
    found, month = [], first.replace(day=1)
    while (end := add_months(month, 1) - timedelta(days=1)) <= last:
        if end >= first:
            found.append(end)
        month = add_months(month, STEP_MONTHS[every])
    if found and found[-1] < last == case.covered_until:
        found.append(last)
    if not found:
        problem = Problem(
            where=f"{case.name}",
            found=f"no month ends between {first} and {last}",
            allowed="choose days on either side of the end of a month after the deal",
        )
        raise InputError([problem])
    return found


def replay(
    case: Case,
    agreements: Sequence[Agreement],
    *,
    refit: Callable[[ModelData], Base],
    every: Every = "month",
    first: date | None = None,
    last: date | None = None,
    told: Callable[[Moment], None] | None = None,
) -> tuple[Moment, ...]:
    """Forecast a case at every cutoff, from what was known then.

    Parameters
    ----------
    case : Case
    agreements : sequence of Agreement
        The reference class.
    refit : callable
        Gives a prepared fit to data; asked at the first cutoff, and where weights will not do.
    every : {"month", "quarter"}
    first, last : datetime.date, optional
        As :func:`cutoffs` takes them.
    told : callable, optional
        Called with each moment as soon as there is one.

    Returns
    -------
    tuple of Moment
        The last is the first at which the agreement had broken down, where it has.

    Raises
    ------
    InputError
        There is no cutoff, or the case cannot be assembled at one.
    """
    found: list[Moment] = []
    account: Attribution | None = None
    for cutoff in cutoffs(case, every=every, first=first, last=last):
        data = assemble(case, agreements, cutoff=cutoff)
        previous = found[-1].update if found else None
        moment, account = _moment(previous, account, data, refit)
        found.append(moment)
        if told is not None:
            told(moment)
        if moment.broken:
            break
    return tuple(found)


def _moment(
    previous: Update | None,
    account: Attribution | None,
    data: ModelData,
    refit: Callable[[ModelData], Base],
) -> tuple[Moment, Attribution | None]:
    """Give the next moment, and the account of what has moved the fit it stands on since."""
    broken = _broken(data)
    base = None if previous is None else previous.base
    if previous is None or base is None or cannot_weigh(base, data):
        base = refit(data)
        fresh = Update(
            before=base, base=base, weighed=reweigh(base, data), method="fit", reasons=()
        )
        return Moment(update=fresh, method="fit", moved=(), broken=broken), None
    known = previous if previous.before is base else None
    update = revise(base, data, previous=known, refit=refit)
    since = attribute(update)
    moment = Moment(
        update=update, method=update.method, moved=_moved(account, since), broken=broken
    )
    return moment, since if update.base is base else None


def _moved(before: Attribution | None, after: Attribution) -> tuple[Moved, ...]:
    """Tell what is new in one account of a base's forecast beside an earlier one."""
    shares = {(part.kind, part.label): part for part in after.parts}
    earlier = {} if before is None else {(part.kind, part.label): part for part in before.parts}
    found = []
    for name in sorted({*shares, *earlier}):
        part = shares.get(name, earlier.get(name))
        if part is None:
            continue
        points = _points(shares.get(name)) - _points(earlier.get(name))
        found.append(Moved(part=part, points=points))
    return tuple(sorted(found, key=lambda each: -abs(each.points)))


def _points(part: Part | None) -> float:
    return 0.0 if part is None else part.changes["breakdown"][str(HEADLINE)]["mean"]


def _broken(data: ModelData) -> str:
    """Name the stream that has ended the agreement by the cutoff."""
    ended = [
        each
        for each in data.case.happened
        if each.rung in ("war", "abrogation") and each.date <= data.cutoff
    ]
    return min(ended, key=lambda each: each.date).rung if ended else ""


# As a record --------------------------------------------------------------------------------


def replay_record(moments: Sequence[Moment]) -> dict[str, Any]:
    """Write a replay.

    Parameters
    ----------
    moments : sequence of Moment

    Returns
    -------
    dict
        What stands in ``replay.json``: the case, how it was made, and a row a cutoff.
    """
    last = moments[-1].update
    data, fit = last.weighed.data, last.base.particles
    return {
        "schema_version": 1,
        "case": data.case.name,
        "title": data.case.title,
        "parties": list(data.case.parties),
        "deal": data.case.deal.isoformat(),
        "covered_until": data.case.covered_until.isoformat(),
        "prior_set": {"name": fit.priors.name, "hash": fit.priors.hash},
        "model": fit.model,
        "seed": fit.seed,
        "headline_months": HEADLINE,
        "pseudo_out_of_sample": True,
        "happened": [
            {"rung": each.rung, "date": each.date.isoformat(), "why": each.why}
            for each in data.case.happened
        ],
        "moments": [_row(moment) for moment in moments],
    }


def _row(moment: Moment) -> dict[str, Any]:
    update = moment.update
    verdict = update.base.particles.verdict
    return {
        "cutoff": moment.cutoff.isoformat(),
        "method": moment.method,
        "refit_because": list(update.reasons) if moment.method == "refit" else [],
        "fit": update.base.particles.key,
        "fit_cutoff": update.base.particles.cutoff.isoformat(),
        "ok": update.ok and verdict["ok"] is not False,
        "reasons": list(verdict["reasons"]),
        "broken": moment.broken,
        "breakdown": {
            rung: {str(h): dict(moment.table[rung][str(h)]) for h in HORIZONS_MONTHS}
            for rung in RUNGS
        },
        "moved": [
            {
                "kind": each.part.kind,
                "label": each.part.label,
                "driver": each.part.driver,
                "points": each.points,
                "items": [*_items(each.part.added, "added"), *_items(each.part.removed, "removed")],
            }
            for each in moment.moved
        ],
    }


def _items(items: Sequence[NewsItem], change: str) -> list[dict[str, str]]:
    return [
        {
            "id": item.id,
            "change": change,
            "known": item.known.isoformat(),
            "statement": item.statement,
        }
        for item in items
    ]
