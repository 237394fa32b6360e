"""Watching: what to look out for next, and what it would be worth to know.

Pending conditions and possible news items alike come out in one way or another; each way has its
chance, its forecast, and together they have a worth (:mod:`durability.information`). Nothing is
simulated anew: paths are sorted by what became of a condition, or weighed by the chance that a
rating has along them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from durability.branches import FEW_PATHS, states_at
from durability.cases import Case
from durability.catalogue import marginals
from durability.errors import Problems
from durability.inference import Fit
from durability.information import Sums, decision_worth, estimated, score_worth, sums
from durability.paths import (
    MONTHS,
    Followed,
    Present,
    Weighted,
    base_weights,
    begin,
    error_of,
    lengthened,
    own_continuations,
    plain_chance,
    time_quantiles,
)
from durability.possible import chance_at_most, possible_of
from durability.updating import Update
from durability.vocabulary import DRIVERS, GRADES, HORIZONS_MONTHS, RATING_MAX, RATING_MIN, RUNGS
from durability.weighing import Base

CONTINUATIONS = 4
HORIZON = 24
"""Months within which breakdown is asked about: the report's headline."""

WITHIN_MONTHS = 12
DATE_PROBABILITIES = (0.05, 0.5, 0.95)
WAYS = ("met", "failed", "open")


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way in which something can come out.

    Parameters
    ----------
    name : str
        ``met``, ``failed`` or ``open``; a rating from -3 to +3.
    chance : mapping
        ``mean, mcse``.
    breakdown : mapping or None
        Chance of breakdown within the horizon if it comes out so, ``mean, mcse``; None where no
        path does.
    effective_paths : float
        That it stands on.
    none_of : int
        Of so many effective paths none comes out so, though it can; 0 anywhere else.
    """

    name: str
    chance: Mapping[str, float]
    breakdown: Mapping[str, float] | None
    effective_paths: float
    none_of: int = 0

    @property
    def at_most(self) -> float:
        """What the chance is at most, with 95%, where none of the paths comes out so."""
        return chance_at_most(self.none_of)

    @property
    def few(self) -> bool:
        """Whether its own forecast is rough."""
        return self.effective_paths < FEW_PATHS


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """Something to look out for.

    Parameters
    ----------
    kind : str
        ``condition`` or ``news``.
    name : str
        Of the condition, or of the driver.
    grade : str
        Of the news item's source; empty of a condition.
    ways : tuple of Way
    months : mapping of str to (float or None)
        Months after the cutoff by which a condition is decided, given that it is within the longest
        horizon: 5, 50 and 95%. Empty of a news item, which is one of the next month.
    decided : float
        Chance that it is decided within that horizon; one of a news item.
    worth : mapping
        Expected gain of the logarithmic score from knowing it, in millibits: ``mean, mcse``.
    decision : mapping or None
        Expected gain of the decision, as a share of the loss that acting avoids.
    """

    kind: str
    name: str
    grade: str
    ways: tuple[Way, ...]
    months: Mapping[str, float | None]
    decided: float
    worth: Mapping[str, float]
    decision: Mapping[str, float] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchList:
    """What to look out for, the most worth knowing first.

    Parameters
    ----------
    update : Update
    months : int
        Within which conditions are looked at.
    horizon : int
        Months within which breakdown is asked about.
    cost_ratio : float or None
    coder : str
        Whose ratings of news are forecast; empty where nobody has rated any.
    breakdown : mapping
        As things come: ``mean, mcse``.
    watched : tuple of Watched
    """

    update: Update
    months: int
    horizon: int
    cost_ratio: float | None
    coder: str
    breakdown: Mapping[str, float]
    watched: tuple[Watched, ...]


def watch(
    start: Fit | Base | Update,
    *,
    months: int = WITHIN_MONTHS,
    horizon: int = HORIZON,
    cost_ratio: float | None = None,
    case: Case | None = None,
    cutoff: date | None = None,
) -> WatchList:
    r"""Rank what is pending, and what news may come, by what it would be worth to know.

    The worth of learning how something comes out is the expected gain of the logarithmic score of
    breakdown within the horizon, :math:`H(P) - \sum_o p_o H(P_o)`, in thousandths of a bit; with a
    cost ratio :math:`C` also that of the decision to act where :math:`P > C`. Biases of finitely
    many draws are taken off. Of news: one item of the next month, of every driver and grade, rated
    by the coder who has rated most of the case's.

    Parameters
    ----------
    start : Fit, Base or Update
        As :func:`durability.scenarios` takes it.
    months : int
        Within which conditions are looked at.
    horizon : int
        One of the forecast's.
    cost_ratio : float, optional
        Cost of acting over the loss that acting avoids.
    case, cutoff : optional
        As :func:`durability.update` takes them.

    Returns
    -------
    WatchList

    Raises
    ------
    InputError
        A number is out of range.
    """
    _check(months, horizon, cost_ratio)
    present = begin(start, case=case, cutoff=cutoff)
    own = own_continuations(present)
    count = max(own, CONTINUATIONS) // own * own
    present = lengthened(present, count)
    paths, weights = present.as_they_come, base_weights(present, count)
    rung, place = RUNGS.index("breakdown"), HORIZONS_MONTHS.index(horizon)
    chance = np.stack([path.chances[:, rung, place] for path in paths], axis=1)
    asked = _Asked(present=present, weights=weights, chance=chance, cost_ratio=cost_ratio)
    coder = _usual_coder(present)
    found = [*_conditions(asked, paths, months), *(_news(asked, paths, coder) if coder else ())]

    def gain(each: Watched) -> float:
        return -(each.worth if each.decision is None else each.decision)["mean"]

    return WatchList(
        update=present.update,
        months=months,
        horizon=horizon,
        cost_ratio=cost_ratio,
        coder=coder,
        breakdown=plain_chance(chance, weights, present.chains),
        watched=tuple(sorted(found, key=gain)),
    )


def _check(months: int, horizon: int, cost_ratio: float | None) -> None:
    problems = Problems()
    if not 1 <= months <= MONTHS:
        problems.add("months", f"= {months}", f"must be from 1 to {MONTHS}")
    if horizon not in HORIZONS_MONTHS:
        allowed = f"must be one of {', '.join(map(str, HORIZONS_MONTHS))}"
        problems.add("horizon", f"= {horizon}", allowed)
    if cost_ratio is not None and not 0.0 < cost_ratio < 1.0:
        problems.add("cost ratio", f"= {cost_ratio:g}", "must be above 0 and below 1")
    problems.raise_any()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What every worth is computed with."""

    present: Present
    weights: Weighted
    chance: np.ndarray
    cost_ratio: float | None


def _watched(
    asked: _Asked, ways: np.ndarray, names: Sequence[str], kind: str, name: str
) -> Watched:
    """Weigh one thing by its ways, (draw, continuation, way)."""
    chains = asked.present.chains
    added = sums(ways, asked.chance, asked.weights.each, chains=chains)
    decision = None
    if asked.cost_ratio is not None:
        decision = decision_worth(added, asked.cost_ratio)
    return Watched(
        kind=kind,
        name=name,
        grade="",
        ways=tuple(
            _way(asked, ways[..., place], each, added, place) for place, each in enumerate(names)
        ),
        months={},
        decided=1.0,
        worth=estimated(added, score_worth),
        decision=decision,
    )


def _way(asked: _Asked, inside: np.ndarray, name: str, added: Sums, place: int) -> Way:
    chains, total = asked.present.chains, float(added.ways[:, place].sum())
    breakdown, effective = None, 0.0
    if total > 0.0:
        effective = total**2 / float(((asked.weights.each * inside) ** 2).sum())
        mean = float(added.broken[:, place].sum()) / total
        of_draw = (asked.weights.shares * inside * (asked.chance - mean)).sum(axis=1) / total
        each = len(of_draw) * asked.weights.parents.values * of_draw
        breakdown = {"mean": mean, "mcse": error_of(each, chains)}
    return Way(
        name=name,
        chance=plain_chance(inside, asked.weights, chains),
        breakdown=breakdown,
        effective_paths=effective,
    )


def _conditions(asked: _Asked, paths: Sequence[Followed], months: int) -> Iterator[Watched]:
    plan = asked.present.plan
    states = states_at(plan, paths, months) if plan.pending else None
    can, every = possible_of(plan), asked.weights.each
    paths_in_all = round(float(every.sum() ** 2 / (every**2).sum()))
    for place, each in enumerate(plan.pending):
        if states is None:
            return
        here = states[..., place]
        ways = np.stack([here == 1, here == 2, (here == 0) | (here == 3)], axis=-1) * 1.0
        found = _watched(asked, ways, WAYS, "condition", each.name)
        told = tuple(
            replace(way, none_of=paths_in_all)
            if way.effective_paths == 0.0
            and way.name in ("met", "failed")
            and can.can(way.name, place, months)
            else way
            for way in found.ways
        )
        time = np.stack([path.time[:, place] for path in paths], axis=1)
        decided = np.isfinite(time) * asked.weights.each
        total = float(decided.sum())
        when: tuple[float | None, ...] = (None, None, None)
        if total > 0.0:
            when = time_quantiles(time, decided, DATE_PROBABILITIES)
        yield replace(
            found,
            ways=told,
            months=dict(zip(map(str, DATE_PROBABILITIES), when, strict=True)),
            decided=min(total, 1.0),
        )


# News ---------------------------------------------------------------------------------------


def _usual_coder(present: Present) -> str:
    """Name the coder who has rated most events of the case."""
    particles = present.update.base.particles
    arrays, coords = particles.model_of(present.data).arrays, present.data.coords
    if "reading_coder" not in arrays:
        return ""
    of_events = arrays["reading_thing"] >= len(coords["thing"])
    counts = np.bincount(arrays["reading_coder"][of_events], minlength=len(coords["coder"]))
    return coords["coder"][int(counts.argmax())] if counts.any() else ""


def _news(asked: _Asked, paths: Sequence[Followed], coder: str) -> Iterator[Watched]:
    """Weigh one item of the next month, for every driver and grade."""
    law, present = marginals(), asked.present
    data = present.data
    arrays = present.update.base.particles.model_of(data).arrays
    levels = [f"{rating:+d}" if rating else "0" for rating in range(RATING_MIN, RATING_MAX + 1)]
    for place, driver in enumerate(DRIVERS):
        for rank, grade in enumerate(GRADES):
            ways = np.stack(
                [
                    law.rating_chances(
                        start.theta,
                        start.latent,
                        law.event_told(
                            start.theta,
                            arrays,
                            path.first[:, place],
                            start.latent["pressure"][:, -1, place],
                        ),
                        location=data.coords["location"].index(f"news:{driver}"),
                        coder=data.coords["coder"].index(coder),
                        grade=rank,
                    )
                    for start, path in zip(present.outsets, paths, strict=True)
                ],
                axis=1,
            )
            yield replace(_watched(asked, ways, levels, "news", driver), grade=grade)
