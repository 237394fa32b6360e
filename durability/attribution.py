r"""Attribution: what moved a forecast, item by item, adding up to the whole change.

What differs between two states of knowledge is cut into parts: each event that news told of or took
back, each count, the ratings of the agreement itself, history, the months that passed without
breakdown and moved the horizon, and the priors. A part's share is its Shapley value: what it adds
to the probability, averaged over all orders in which the parts could have come (Shapley 1953,
doi:10.1515/9781400881970-018). Shares add up to the change. They are exact where parts are few;
else orders are sampled in pairs, each with its reverse, and every order still adds up.

Each subset of parts weighs the draws of one fit, so its Monte Carlo errors are those of weights.
What moved draws or a refit change beyond them is a part of its own, the remainder.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import combinations

import numpy as np

from durability.assembly import ModelData
from durability.bases import said_by
from durability.catalogue import find_model, prior_ratio
from durability.inference import Model
from durability.news import NewsItem
from durability.particles import Ahead, ahead_of, grown
from durability.prior_sets import PriorSet
from durability.simulation import carried, has_ended, monthly_normals, plan_of
from durability.units import Seen, changed, contents, log_likelihoods
from durability.updating import Update
from durability.vocabulary import DRIVERS, HORIZONS_MONTHS, MARKS, RUNGS
from durability.weighing import (
    Base,
    Reweighted,
    Table,
    cannot_weigh,
    family_weights,
    reweigh,
    seen_now,
)

EXACT_MOST = 8
"""Parts up to which every subset is weighed: 256 of them."""

EVALUATIONS = 2400
"""Subsets that sampled orders weigh, about."""

FEWEST_PAIRS = 6
BATCHES = 20
"""Of draws; each is left out in turn to find the Monte Carlo error of a share."""

NORMAL_90 = 1.6448536269514722

MONTHS, HISTORY, ANCHORS, PRIORS, REMAINDER = "months", "history", "anchors", "priors", "remainder"
CONDITIONS = "conditions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One thing that moved a forecast.

    Parameters
    ----------
    kind : str
        ``event``, ``count``, ``happened``, ``months``, ``conditions``, ``history``, ``anchors``,
        ``priors`` or ``remainder``.
    label : str
        The event's key, the count's window, the stream, the conditions; else the kind.
    driver : str
        Empty where the part belongs to none.
    added, removed, items : tuple of NewsItem
        Of an event: its items that are new, gone, and all it has now.
    changes : mapping
        By rung and horizon: ``mean, low, high, interval_probability, mcse`` of the share.
    """

    kind: str
    label: str
    driver: str
    added: tuple[NewsItem, ...]
    removed: tuple[NewsItem, ...]
    items: tuple[NewsItem, ...]
    changes: Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """Why one forecast differs from another.

    Parameters
    ----------
    before, after : mapping
        The two forecasts, by rung and horizon.
    parts : tuple of Part
        Their changes add up to `after` less `before`.
    exact : bool
        Whether every subset of parts was weighed; otherwise orders were sampled.
    orders : int
        Orders sampled; 0 where exact.
    """

    before: Table
    after: Table
    parts: tuple[Part, ...]
    exact: bool
    orders: int

    def by_driver(self, rung: str, months: int | str) -> dict[str, float]:
        """Sum the shares of each driver's parts."""
        return {
            driver: sum(
                part.changes[rung][str(months)]["mean"]
                for part in self.parts
                if part.driver == driver
            )
            for driver in DRIVERS
        }


def attribute(update: Update) -> Attribution:
    """Say what an update owes to each thing that has become known.

    Parameters
    ----------
    update : Update

    Returns
    -------
    Attribution
        From the forecast of the fit that it started from to the revised one.
    """
    weighed: Reweighted | None = update.weighed
    if update.unmoved is not None:
        # Draws that lie elsewhere for every subset of parts would be moved for each: the weights
        # of the fit's own draws tell what they can.
        weighed = update.unmoved if _tells(update.unmoved) else None
    if update.base is not update.before:
        weighed = weighed_by(update.before, update.weighed.data)
    if weighed is None:
        return unexplained(update.before, update.table)
    return explain(update.before, weighed, after=update.table, priors=update.base.particles.priors)


def explain(
    before: Base, weighed: Reweighted, *, after: Table, priors: PriorSet | None = None
) -> Attribution:
    """Say what a change owes to each of its parts.

    Parameters
    ----------
    before : Base
        The fit of the earlier forecast.
    weighed : Reweighted
        Its draws, weighed by what the later forecast knows.
    after : mapping
        The later forecast, by rung and horizon.
    priors : PriorSet, optional
        Of the later forecast, where they may differ.

    Returns
    -------
    Attribution
    """
    terms = _terms_by_part(before, weighed, priors)
    names = sorted(terms)
    worth = _worth(before, weighed, terms, names, _chances_by(before, weighed, names, priors))
    shares, spread, orders = _shares(worth, len(names))
    whole = worth((1 << len(names)) - 1)[0] - worth(0)[0]
    parts = [_part(name, before, weighed, shares[i], spread[i]) for i, name in enumerate(names)]
    total = _array(after) - _array(before.table)
    rest = total - whole
    if np.abs(rest).max() > 1e-12:
        error = np.hypot(_array(after, "mcse"), _array(weighed.table, "mcse"))
        parts.append(_part((REMAINDER, REMAINDER), before, weighed, rest, error))
    return Attribution(
        before=before.table, after=after, parts=tuple(parts), exact=orders == 0, orders=orders
    )


def unexplained(before: Base, after: Table) -> Attribution:
    """Give a change as one part, where weights cannot tell its parts."""
    error = np.hypot(_array(before.table, "mcse"), _array(after, "mcse"))
    total = _array(after) - _array(before.table)
    rest = Part(
        kind=REMAINDER,
        label=REMAINDER,
        driver="",
        added=(),
        removed=(),
        items=(),
        changes=_changes(total, error),
    )
    return Attribution(before=before.table, after=after, parts=(rest,), exact=True, orders=0)


def weighed_by(before: Base, data: ModelData) -> Reweighted | None:
    """Weigh a fit by later data; None where no weight can, or too few draws are left of it."""
    if cannot_weigh(before, data):
        return None
    weighed = reweigh(before, data)
    return weighed if _tells(weighed) else None


def _tells(weighed: Reweighted) -> bool:
    return weighed.parents.effective_size >= EFFECTIVE_ROUGH


EFFECTIVE_ROUGH = 100.0
"""Effective draws below which parts are not told at all: they would be those of a few draws."""

Name = tuple[str, str]
Worth = Callable[[int], np.ndarray]


def _terms_by_part(
    before: Base, weighed: Reweighted, priors: PriorSet | None
) -> dict[Name, np.ndarray]:
    """Sum the log-likelihood differences of each part's units: each (draw, child)."""
    old, new = before.particles.arrays, weighed.data.arrays
    streams = weighed.data.coords["stream"]
    agreements = {*before.particles.coords["agreement"], *weighed.data.coords["agreement"]}
    fixed = priors is not None and priors.hash != before.particles.priors.hash
    fresh = {s for k, s in enumerate(streams) if new["case_event"][k] != old["case_event"][k]}
    found: dict[Name, np.ndarray] = {}
    for (kind, label), term in weighed.terms.items():
        if kind == "event":
            name = ("event", label)
        elif kind == "window":
            name = ("count", label)
        elif kind == "stream":
            ended_by = next((s for s in _closing(label) if s in fresh), None)
            name = ("happened", ended_by) if ended_by else (MONTHS, MONTHS)
        elif kind == "thing" and label.rpartition(":")[0] not in agreements:
            name = (ANCHORS, ANCHORS)
        else:
            name = (HISTORY, HISTORY)
        found[name] = found.get(name, 0.0) + term
    nothing = np.zeros_like(weighed.shares)
    if weighed.data.cutoff != before.particles.cutoff:
        found.setdefault((MONTHS, MONTHS), nothing)
    if weighed.conditions:
        found[CONDITIONS, ", ".join(name for name in weighed.conditions if name)] = nothing
    if fixed and priors is not None:
        ratio = prior_ratio(before.particles.theta, before.particles.priors, priors)
        found[PRIORS, PRIORS] = nothing + ratio[:, None] + _of_fixed(before, weighed, priors)
    return found


def _closing(stream: str) -> tuple[str, ...]:
    """Give the streams whose events end a stream: its own, and what is worse."""
    return MARKS[MARKS.index(stream) :] if stream in MARKS else (stream, "war")


def _of_fixed(before: Base, weighed: Reweighted, priors: PriorSet) -> np.ndarray:
    """Log-likelihood by the fixed numbers of other priors less that by the fit's: (draw, child).

    Of all ratings that are known now: hindsight and the coders' shared error have no density that
    could be weighed.
    """
    earlier = before.particles.model_of(weighed.data)
    models = earlier, replace(earlier, priors=priors)
    coords = weighed.data.coords
    differing = changed(*(contents(model.arrays, coords) for model in models))
    total = np.zeros_like(weighed.shares)
    for child in range(weighed.shares.shape[1] if differing else 0):
        then, now = (
            sum(log_likelihoods(_seen(before, model, child), differing).values(), total[:, child])
            for model in models
        )
        total[:, child] = now - then
    return total


def _seen(before: Base, model: Model, child: int) -> Seen:
    """What a model sees, with the fit's draws continued to its data."""
    theta = grown(before.particles, model.data, child=child)
    return Seen(
        model=model.name,
        arrays=model.arrays,
        coords=model.data.coords,
        theta=theta,
        latent=model.module.latents(theta, model.arrays, np),
    )


def _ahead_by(before: Base, weighed: Reweighted, priors: PriorSet | None) -> tuple[Ahead, ...]:
    """Carry the draws on by what other priors say of conditions and stages.

    These parameters are drawn for the months ahead and weigh nothing. The same months ahead are
    given where the priors say the same of them.
    """
    particles = before.particles
    forward = getattr(find_model(particles.model), "FORWARD", ())
    mine = particles.priors.parameters
    if priors is None or all(mine[n].values == priors.parameters[n].values for n in forward):
        return weighed.ahead
    model = replace(particles.model_of(weighed.data), priors=priors)
    found, months = [], weighed.months + max(HORIZONS_MONTHS)
    for child in range(weighed.shares.shape[1]):
        seen, seed = _seen(before, model, child), particles.seed
        normals = monthly_normals(len(particles), months=months, seed=seed, child=child)
        ahead = normals[:, weighed.months :]
        future = carried(model, seen.theta, seen.latent, ahead, seed=seed, child=child)
        found.append(ahead_of(future))
    return tuple(found)


def _chances_by(
    before: Base, weighed: Reweighted, names: list[Name], priors: PriorSet | None
) -> Callable[[int], np.ndarray]:
    """Give the function from a subset of parts, as bits, to what its draws would forecast.

    Its values are arrays (draw, child, rung × horizon). Where something has happened, a subset
    without it knows the months ahead as though it had not.
    """
    draws = len(weighed.shares)

    def stacked(ahead: tuple[Ahead, ...]) -> np.ndarray:
        return np.stack([each.chances for each in ahead], axis=1)

    now, without, by_priors = (
        stacked(ahead)
        for ahead in (weighed.ahead, weighed.ahead_without, _ahead_by(before, weighed, priors))
    )
    then = before.particles.ahead.chances[:, None]
    months, happened, steps, others = (
        sum(1 << i for i, name in enumerate(names) if name[0] == kind)
        for kind in (MONTHS, "happened", CONDITIONS, PRIORS)
    )
    closures = _closures(before, weighed, names) if happened else {}
    opened = stacked(_as_though_open(before, weighed)) if happened else now
    fresh = closures.get(happened, frozenset()) ^ closures.get(0, frozenset())
    apart = np.array([has_ended(fresh) or rung in fresh for rung in RUNGS])

    def chances(subset: int) -> np.ndarray:
        ahead = without if steps and not subset & steps else now
        if ahead is now and subset & others:
            ahead = by_priors
        known = subset & happened
        if months and not subset & months:
            found = closed_by(then, closures[known]) if known else then
        elif known == happened:
            found = ahead
        else:
            found = np.where(apart[:, None], closed_by(opened, closures[known]), ahead)
        return np.asarray(found.reshape((draws, found.shape[1], -1)))

    return chances


def _closures(before: Base, weighed: Reweighted, names: list[Name]) -> dict[int, frozenset[str]]:
    """Give the rungs that are over for every subset of what has happened, as bits."""
    streams = weighed.data.coords["stream"]
    old, new = (
        {s for s, event in zip(streams, arrays["case_event"], strict=True) if event}
        for arrays in (before.particles.arrays, weighed.data.arrays)
    )
    places = [i for i, name in enumerate(names) if name[0] == "happened"]
    found = {}
    for size in range(len(places) + 1):
        for chosen in combinations(places, size):
            labels = {names[i][1] for i in chosen}
            events = (old - labels) | (new & labels)
            # A war ends the watch for abrogation, which has not come about by it.
            found[sum(1 << i for i in chosen)] = frozenset(
                s for s in streams if events & {*(_closing(s) if s in MARKS else (s,))}
            )
    return found


def closed_by(chances: np.ndarray, closed: frozenset[str]) -> np.ndarray:
    """Give chances with some rungs settled.

    Parameters
    ----------
    chances : ndarray (..., rung, horizon)
    closed : frozenset of str
        Streams that are closed.

    Returns
    -------
    ndarray (..., rung, horizon)
        As :func:`durability.simulation.incidences` has them.
    """
    found = chances.copy()
    for place, rung in enumerate(RUNGS):
        if rung in closed or (rung == "breakdown" and has_ended(closed)):
            found[..., place, :] = 1.0
        elif has_ended(closed):
            found[..., place, :] = 0.0
    return found


def _as_though_open(before: Base, weighed: Reweighted) -> tuple[Ahead, ...]:
    """Carry the draws on as though nothing had ever happened to the case."""
    particles, data = before.particles, weighed.data
    model = particles.model_of(replace(data, case=replace(data.case, happened=())))
    made, months, found = plan_of(data), weighed.months, []
    for child in range(weighed.shares.shape[1]):
        seen = seen_now(before, data, model.arrays, child)
        normals = monthly_normals(
            len(particles), months=months + max(HORIZONS_MONTHS), seed=particles.seed, child=child
        )[:, months:]
        future = carried(
            model, seen.theta, seen.latent, normals, seed=particles.seed, child=child, made=made
        )
        found.append(ahead_of(future))
    return tuple(found)


def _worth(
    before: Base,
    weighed: Reweighted,
    terms: Mapping[Name, np.ndarray],
    names: list[Name],
    chances: Callable[[int], np.ndarray],
) -> Worth:
    """Give the function from a subset of parts, as bits, to its probabilities.

    The function's values are arrays (1 + batch, rung × horizon): of all draws, and of all but each
    batch.
    """
    draws, children = weighed.shares.shape
    batch = np.tile(
        np.arange(draws // before.particles.chains) * BATCHES // (draws // before.particles.chains),
        before.particles.chains,
    )

    @lru_cache(maxsize=4096)
    def worth(subset: int) -> np.ndarray:
        chosen = [terms[name] for i, name in enumerate(names) if subset >> i & 1]
        ahead = chances(subset)
        if not chosen:
            values, weights = ahead.mean(axis=1), np.full(draws, 1.0 / draws)
        else:
            parents, shares = family_weights(sum(chosen, np.zeros((draws, children))))
            weights = parents.values
            one = ahead.shape[1] == 1
            values = ahead[:, 0] if one else (shares[:, :, None] * ahead).sum(axis=1)
        held = weights[:, None] * values
        parts = np.stack(
            [np.bincount(batch, column, minlength=BATCHES) for column in held.T], axis=1
        )
        of_batch = np.bincount(batch, weights, minlength=BATCHES)[:, None]
        whole = held.sum(axis=0)
        return np.vstack([whole, (whole - parts) / (1.0 - of_batch)])

    return worth


def _shares(worth: Worth, players: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Shapley values (part, probability), their standard errors, and the orders sampled."""
    if players <= EXACT_MOST:
        found, orders = _exact(worth, players), 0
        sampling = np.zeros_like(found[:, 0])
    else:
        found, sampling, orders = _sampled(worth, players)
    batches = found[:, 1:]
    centred = batches - batches.mean(axis=1, keepdims=True)
    jackknife = np.sqrt((BATCHES - 1.0) / BATCHES * (centred**2).sum(axis=1))
    return found[:, 0], np.hypot(jackknife, sampling), orders


def _exact(worth: Worth, players: int) -> np.ndarray:
    from math import factorial

    shares = np.zeros((players, *worth(0).shape))
    for subset in range(2**players):
        size = subset.bit_count()
        for player in range(players):
            if not subset >> player & 1:
                weight = factorial(size) * factorial(players - size - 1) / factorial(players)
                shares[player] += weight * (worth(subset | 1 << player) - worth(subset))
    return shares


def _sampled(worth: Worth, players: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Average over sampled orders and their reverses."""
    pairs = max(EVALUATIONS // (2 * players), FEWEST_PAIRS)
    rng = np.random.default_rng(players)
    found = []
    for _ in range(pairs):
        order = rng.permutation(players)
        found.append((_along(worth, order) + _along(worth, order[::-1])) / 2.0)
    each = np.array(found)
    return each.mean(axis=0), each[:, :, 0].std(axis=0, ddof=1) / np.sqrt(pairs), 2 * pairs


def _along(worth: Worth, order: np.ndarray) -> np.ndarray:
    shares = np.zeros((len(order), *worth(0).shape))
    subset, before = 0, worth(0)
    for player in order:
        subset |= 1 << int(player)
        after = worth(subset)
        shares[player] = after - before
        before = after
    return shares


# Parts --------------------------------------------------------------------------------------


def _part(
    name: Name, before: Base, weighed: Reweighted, share: np.ndarray, error: np.ndarray
) -> Part:
    kind, label = name
    old, new = before.particles.items, weighed.data.used
    mine: dict[str, tuple[NewsItem, ...]] = {"then": (), "now": ()}
    driver = ""
    if kind == "event":
        mine = {
            "then": tuple(item for item in old if (item.event or item.id) == label),
            "now": tuple(item for item in new if (item.event or item.id) == label),
        }
        driver = (*mine["now"], *mine["then"])[0].driver
    if kind == "count":
        driver = _driver_of_window(label, before, weighed)
    known = {said_by(item) for item in mine["then"]}
    kept = {said_by(item) for item in mine["now"]}
    return Part(
        kind=kind,
        label=label,
        driver=driver,
        added=tuple(item for item in mine["now"] if said_by(item) not in known),
        removed=tuple(item for item in mine["then"] if said_by(item) not in kept),
        items=mine["now"],
        changes=_changes(share, error),
    )


def _driver_of_window(label: str, before: Base, weighed: Reweighted) -> str:
    for arrays, coords in (
        (weighed.data.arrays, weighed.data.coords),
        (before.particles.arrays, before.particles.coords),
    ):
        if label in coords.get("window", ()):
            column = arrays["window_of"][coords["window"].index(label)].argmax()
            return DRIVERS[int(arrays["indicator_driver"][column])]
    return ""


def _changes(share: np.ndarray, error: np.ndarray) -> Table:
    places = [(rung, months) for rung in RUNGS for months in HORIZONS_MONTHS]
    table: dict[str, dict[str, dict[str, float]]] = {rung: {} for rung in RUNGS}
    for (rung, months), mean, sd in zip(places, share, error, strict=True):
        table[rung][str(months)] = {
            "mean": float(mean),
            "low": float(mean - NORMAL_90 * sd),
            "high": float(mean + NORMAL_90 * sd),
            "interval_probability": 0.9,
            "mcse": float(sd),
        }
    return table


def _array(table: Table, statistic: str = "mean") -> np.ndarray:
    return np.array(
        [table[rung][str(months)][statistic] for rung in RUNGS for months in HORIZONS_MONTHS]
    )
