r"""Update: a forecast revised at once when news arrives, with a statement of how far to trust it.

Draws of a fit stand for the posterior given what is known now by the ratio of the two likelihoods,
unit by unit (:mod:`durability.units`). Inside the fitted months that is importance sampling on the
exact target. Months beyond them are first drawn from the drivers' own dynamics, several
continuations a draw, and then weighed: consistent in draws times continuations, not exact.

The ladder: Pareto-smoothed weights; where their :math:`\hat k` or effective size say no, or too
many months have passed, a refit, which is the ground truth. Every answer names the step it stands
on. Weights are computed in canonical order and each unit by itself, so the same knowledge gives the
same answer to the bit, whatever the order in which it arrived.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from durability import units
from durability.agreements import Agreement, read_agreements
from durability.assembly import ModelData, assemble
from durability.cases import Case
from durability.catalogue import find_model
from durability.inference import Fit
from durability.news import NewsItem
from durability.news_selection import select_news
from durability.particles import (
    Ahead,
    Particles,
    ahead_of,
    grown,
    new_months,
    particles_of,
)
from durability.reweighting import Weights, khat_most, mcse, smooth, weighted_quantiles
from durability.simulation import carried, monthly_normals
from durability.units import Seen, Unit
from durability.vocabulary import HORIZONS_MONTHS, RUNGS

CHILDREN = 4
"""Continuations of each draw over months that the fit did not cover."""

EFFECTIVE_LEAST = 400.0
"""Effective draws below which weights are not trusted (design §4)."""

MONTHS_MOST = 3
"""Months beyond the fit after which a refit is asked for (design §4)."""

INTERVAL = 0.9
_TAILS = ((1.0 - INTERVAL) / 2.0, (1.0 + INTERVAL) / 2.0)

Table = Mapping[str, Mapping[str, Mapping[str, float]]]
"""By rung and horizon: ``mean, low, high, interval_probability, mcse``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A fit made ready: what is the same for every update that starts from it.

    Parameters
    ----------
    particles : Particles
    seen : Seen
        What the fit saw, with its draws.
    rows : tuple of Agreement
        The reference class.
    contents : mapping of Unit to object
    holding : mapping of Unit to ndarray
    table : mapping
        The fit's own forecast.
    """

    particles: Particles
    seen: Seen
    rows: tuple[Agreement, ...]
    contents: Mapping[Unit, object]
    holding: Mapping[Unit, np.ndarray]
    table: Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Reweighted:
    """Draws of a fit, weighed by what is known now.

    Parameters
    ----------
    data : ModelData
        What is known now.
    months : int
        Passed beyond the fit's.
    contents : mapping of Unit to object
        Of what is known now.
    terms : mapping of Unit to ndarray
        Log-likelihood now less log-likelihood in the fit, (draw, child), of units that differ.
    parents : Weights
        Of the draws, each averaged over its continuations.
    shares : ndarray (draw, child)
        Of each continuation in its draw's weight; each row adds up to one.
    ahead : tuple of Ahead
        A continuation each.
    table : mapping
        By rung and horizon.
    unseen : mapping
        By rung, the same summaries.
    """

    data: ModelData
    months: int
    contents: Mapping[Unit, object]
    terms: Mapping[Unit, np.ndarray]
    parents: Weights
    shares: np.ndarray
    ahead: tuple[Ahead, ...]
    table: Table
    unseen: Mapping[str, Mapping[str, float]]

    @property
    def effective_children(self) -> float:
        """Effective number of draws and continuations together."""
        each = self.parents.values[:, None] * self.shares
        return float(1.0 / (each**2).sum())


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """A forecast revised.

    Parameters
    ----------
    before : Base
        Where it started from.
    base : Base
        What it stands on: the same, or a refit.
    weighed : Reweighted
        The draws of `base`, weighed.
    method : str
        ``unchanged``, ``weights`` or ``refit``; ``fit`` where two fits are compared.
    reasons : tuple of str
        Why weights would not do; empty where they did.
    """

    before: Base
    base: Base
    weighed: Reweighted
    method: str
    reasons: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether the answer can be trusted as far as its errors say; the fit's verdict counts."""
        trusted = self.method in ("refit", "fit") or not self.reasons
        return trusted and self.base.particles.verdict["ok"] is not False

    @property
    def table(self) -> Table:
        """Probabilities by rung and horizon: ``mean, low, high, interval_probability, mcse``."""
        return self.weighed.table


def prepare(start: Fit | Particles, *, rows: Sequence[Agreement] | None = None) -> Base:
    """Make a fit ready for updates: work done once, so that each update takes a blink.

    Parameters
    ----------
    start : Fit or Particles
    rows : sequence of Agreement, optional
        The reference class; the fit's own, or the shipped one, if not given.

    Returns
    -------
    Base
    """
    if isinstance(start, Fit):
        rows = start.model.data.rows if rows is None else rows
        start = particles_of(start)
    latent = find_model(start.model).latents(start.theta, start.arrays, np)
    seen = Seen(
        model=start.model,
        arrays=start.arrays,
        coords=start.coords,
        theta=start.theta,
        latent=latent,
    )
    equal = np.full(len(start), 1.0 / len(start))
    return Base(
        particles=start,
        seen=seen,
        rows=tuple(read_agreements() if rows is None else rows),
        contents=units.contents(start.arrays, start.coords),
        holding=units.holding(seen),
        table=_table((start.ahead,), equal, np.ones((len(start), 1)), start.chains),
    )


def update(
    start: Fit | Base | Update,
    items: Sequence[NewsItem] = (),
    *,
    case: Case | None = None,
    cutoff: date | None = None,
    refit: Callable[[ModelData], Base] | None = None,
) -> Update:
    """Revise a forecast by what has become known since.

    Parameters
    ----------
    start : Fit, Base or Update
        Where to start from; an update gives the base it stands on, and what it has weighed already
        is not weighed again.
    items : sequence of NewsItem
        News to add to the case.
    case : Case, optional
        The case as it is known now; where not given, that of `start`.
    cutoff : date, optional
        If not given the latest of the fit's, the case's coverage, and the day the newest rated
        item became known.
    refit : callable, optional
        Gives a prepared fit to other data, where weights will not do. Without it the weighted
        answer is given, with the reasons why not to trust it.

    Returns
    -------
    Update

    Raises
    ------
    InputError
        The case cannot be assembled at the cutoff.
    ValueError
        The cutoff lies before the fit's, or no case is given with a base that was read from the
        cache.
    """
    previous = start if isinstance(start, Update) else None
    base = start.base if isinstance(start, Update) else start
    if isinstance(base, Fit):
        case = base.model.data.case if case is None else case
        base = prepare(base)
    if case is None and previous is not None:
        case = previous.weighed.data.case
    if case is None:
        raise ValueError("an update needs the case as it is known now")
    case = replace(case, news=(*case.news, *items))
    data = assembled(base.particles, case, base.rows, cutoff=cutoff)
    return revise(base, data, previous=previous, refit=refit)


def compare(before: Fit | Base, after: Fit | Base, data: ModelData | None = None) -> Update:
    """Put two fits of a case side by side, whatever differs: cutoff, news or priors.

    Parameters
    ----------
    before, after : Fit or Base
        The earlier knowledge and the later.
    data : ModelData, optional
        What the later fit saw; needed where it is given as a base.

    Returns
    -------
    Update
        For :func:`durability.attribute`. Its probabilities are those of the later fit.

    Raises
    ------
    ValueError
        The data are needed, or the earlier fit has the later cutoff.
    """
    if isinstance(after, Fit):
        data, after = after.model.data, prepare(after)
    if data is None:
        raise ValueError("a comparison needs the data that the later fit saw")
    before = prepare(before) if isinstance(before, Fit) else before
    if before.particles.cutoff > data.cutoff:
        raise ValueError("the earlier fit has the later cutoff: swap the two")
    weighed = reweigh(after, data)
    return Update(before=before, base=after, weighed=weighed, method="fit", reasons=())


def assembled(
    particles: Particles, case: Case, rows: Sequence[Agreement], *, cutoff: date | None
) -> ModelData:
    """Assemble a case as it is known now, read as the fit read it.

    Raises
    ------
    ValueError
        The cutoff lies before the fit's.
    """
    cutoff = newest_cutoff(particles, case) if cutoff is None else cutoff
    if cutoff < particles.cutoff:
        raise ValueError(f"the cutoff {cutoff} lies before the fit's, {particles.cutoff}")
    return assemble(
        case,
        rows,
        cutoff=cutoff,
        clock=particles.clock,
        reading=particles.reading,
        subset=particles.subset,
        level_change=particles.level_change,
    )


def newest_cutoff(particles: Particles, case: Case) -> date:
    """Give the latest of a fit's cutoff, the case's coverage, and the days its items were known."""
    used, _ = select_news(case, date.max)
    return max([particles.cutoff, case.covered_until, *(item.known for item in used)])


def revise(
    base: Base,
    data: ModelData,
    *,
    previous: Update | None = None,
    refit: Callable[[ModelData], Base] | None = None,
) -> Update:
    """Climb the ladder: weigh, and refit where weights will not do.

    Parameters
    ----------
    base : Base
    data : ModelData
        What is known now.
    previous : Update, optional
        From the same base: terms that it has already are taken from it.
    refit : callable, optional
        As :func:`update` takes it.

    Returns
    -------
    Update
    """
    months = new_months(base.particles, data)
    far = cannot_weigh(base, data)
    if refit is not None and (far or months > MONTHS_MOST):
        reasons = far or (_too_many(months),)
        return _refitted(base, data, refit, reasons)
    if far:
        raise ValueError("; ".join(far))
    weighed = reweigh(base, data, previous=previous)
    reasons = tuple(doubts(weighed))
    if reasons and refit is not None:
        return _refitted(base, data, refit, reasons)
    method = "weights" if weighed.terms or months else "unchanged"
    return Update(before=base, base=base, weighed=weighed, method=method, reasons=reasons)


def cannot_weigh(base: Base, data: ModelData) -> tuple[str, ...]:
    """Say what differs between a fit and other data that no weight can mend."""
    mine, other = base.particles.coords["month"], data.coords["month"]
    if mine != other[: len(mine)]:
        return ("the months of the drivers begin or end elsewhere than the fit's",)
    return ()


def _too_many(months: int) -> str:
    return f"{months} months have passed since the fit; at most {MONTHS_MOST} are bridged"


def doubts(weighed: Reweighted) -> list[str]:
    """Say why weights are not to be trusted; nothing where they are."""
    found = []
    if weighed.months > MONTHS_MOST:
        found.append(_too_many(weighed.months))
    limit = khat_most(len(weighed.shares))
    if not weighed.parents.khat <= limit:
        found.append(f"Pareto k {weighed.parents.khat:.2f} is above {limit:.2f}")
    if not weighed.parents.effective_size >= EFFECTIVE_LEAST:
        size = f"{weighed.parents.effective_size:.0f} effective draws"
        found.append(f"{size} are fewer than {EFFECTIVE_LEAST:.0f}")
    return found


def _refitted(
    base: Base, data: ModelData, refit: Callable[[ModelData], Base], reasons: tuple[str, ...]
) -> Update:
    fresh = refit(data)
    weighed = reweigh(fresh, data)
    return Update(before=base, base=fresh, weighed=weighed, method="refit", reasons=reasons)


# Weights ------------------------------------------------------------------------------------


def reweigh(base: Base, data: ModelData, *, previous: Update | None = None) -> Reweighted:
    """Weigh the draws of a fit by what is known now.

    Parameters
    ----------
    base : Base
    data : ModelData
    previous : Update, optional
        From the same base, to as many months: its terms are taken over.

    Returns
    -------
    Reweighted
    """
    months = new_months(base.particles, data)
    arrays = base.particles.model_of(data).arrays
    contents = units.contents(arrays, data.coords)
    same = data.cutoff == base.particles.cutoff and not _case_changed(base.seen.arrays, arrays)
    known = _known_terms(base, months, contents, previous)
    each, ahead = [], []
    for child in range(CHILDREN if months else 1):
        seen = _seen_now(base, data, arrays, child)
        each.append(_terms(base, seen, contents, {u: t[:, child] for u, t in known.items()}))
        ahead.append(base.particles.ahead if same else _ahead(base, data, seen, months, child))
    terms = {unit: np.stack([one[unit] for one in each], axis=1) for unit in each[0]}
    total = sum((terms[unit] for unit in sorted(terms)), np.zeros((len(base.particles), len(each))))
    parents, shares = family_weights(total)
    chains = base.particles.chains
    return Reweighted(
        data=data,
        months=months,
        contents=contents,
        terms=terms,
        parents=parents,
        shares=shares,
        ahead=tuple(ahead),
        table=_table(ahead, parents.values, shares, chains),
        unseen=_unseen(ahead, parents.values, shares, chains),
    )


def family_weights(log_ratios: np.ndarray) -> tuple[Weights, np.ndarray]:
    """Smooth the weights of draws, each the mean over its continuations.

    Parameters
    ----------
    log_ratios : ndarray (draw, child)

    Returns
    -------
    parents : Weights
    shares : ndarray (draw, child)
        Of each continuation in its draw's weight.
    """
    largest = log_ratios.max(axis=1, keepdims=True)
    ratios = np.exp(log_ratios - largest)
    total = ratios.sum(axis=1, keepdims=True)
    return smooth((largest + np.log(total))[:, 0]), ratios / total


def _seen_now(base: Base, data: ModelData, arrays: units.Arrays, child: int) -> Seen:
    particles, module = base.particles, find_model(base.particles.model)
    theta = grown(particles, data, child=child)
    months = new_months(particles, data)
    if any(particles.coords[name] != data.coords[name] for name in HISTORY_LABELS):
        latent = module.latents(theta, arrays, np)
    elif months:
        # Just what a forecast from the fit does: the months ahead that have come to pass.
        ahead = module.extended(theta, base.seen.latent, theta["path_raw"][:, -months:])
        paths = [base.seen.latent["pressure"], ahead]
        latent = {**base.seen.latent, "pressure": np.concatenate(paths, axis=1)}
    else:
        latent = base.seen.latent
    return Seen(
        model=particles.model, arrays=arrays, coords=data.coords, theta=theta, latent=latent
    )


HISTORY_LABELS = ("agreement", "cluster", "dyad")


def _known_terms(
    base: Base, months: int, contents: Mapping[Unit, object], previous: Update | None
) -> dict[Unit, np.ndarray]:
    if previous is None or previous.base is not base or previous.weighed.months != months:
        return {}
    before = previous.weighed
    return {
        unit: values
        for unit, values in before.terms.items()
        if unit[0] != "stream" and before.contents.get(unit) == contents.get(unit)
    }


def _terms(
    base: Base, seen: Seen, contents: Mapping[Unit, object], known: Mapping[Unit, np.ndarray]
) -> dict[Unit, np.ndarray]:
    """Log-likelihood now less that in the fit, of units that differ, in canonical order."""
    found = {}
    for unit in units.changed(base.contents, contents):
        if unit in known:
            found[unit] = known[unit]
            continue
        # One at a time: what else has changed must not move the last bits.
        after = units.log_likelihoods(seen, (unit,)).get(unit, 0.0)
        before = units.log_likelihoods(base.seen, (unit,)).get(unit, 0.0)
        found[unit] = np.asarray(after - before)
    if seen.latent is base.seen.latent and not _case_changed(base.seen.arrays, seen.arrays):
        return found
    for unit, held in units.holding(seen).items():
        difference = held - base.holding[unit]
        if difference.any():
            found[unit] = difference
    return found


_CASE_ARRAYS = (
    *("case_log_start", "case_log_stop", "case_event"),
    *("case_event_log_start", "case_event_log_stop"),
)


def _case_changed(before: units.Arrays, after: units.Arrays) -> bool:
    """Whether anything differs that the months ahead are computed from, but the draws."""
    rows = ("row_covariates", "row_cluster", "row_dyad")
    return any(not np.array_equal(before[name], after[name]) for name in _CASE_ARRAYS) or any(
        not np.array_equal(before[name][-1], after[name][-1]) for name in rows
    )


def _ahead(base: Base, data: ModelData, seen: Seen, months: int, child: int) -> Ahead:
    particles = base.particles
    normals = monthly_normals(
        len(particles), months=months + max(HORIZONS_MONTHS), seed=particles.seed, child=child
    )
    model = particles.model_of(data)
    return ahead_of(carried(model, seen.theta, seen.latent, normals[:, months:]))


# Summaries ----------------------------------------------------------------------------------


def summary(
    values: np.ndarray, parents: np.ndarray, shares: np.ndarray, *, chains: int
) -> dict[str, float]:
    """Summarise a chance that every particle gives.

    Parameters
    ----------
    values : ndarray (draw, child)
    parents : ndarray (draw,)
        Weights of the draws.
    shares : ndarray (draw, child)
    chains : int

    Returns
    -------
    dict
        ``mean, low, high, interval_probability, mcse``.
    """
    of_draw = (values * shares).sum(axis=1)
    each = (parents[:, None] * shares).ravel()
    low, high = weighted_quantiles(values.ravel(), each, _TAILS)
    return {
        "mean": float(parents @ of_draw),
        "low": float(low),
        "high": float(high),
        "interval_probability": INTERVAL,
        "mcse": mcse(of_draw, parents, chains=chains),
    }


def _table(
    ahead: Sequence[Ahead], parents: np.ndarray, shares: np.ndarray, chains: int
) -> dict[str, dict[str, dict[str, float]]]:
    chances = np.stack([each.chances for each in ahead], axis=1)
    return {
        rung: {
            str(months): summary(chances[:, :, r, h], parents, shares, chains=chains)
            for h, months in enumerate(HORIZONS_MONTHS)
        }
        for r, rung in enumerate(RUNGS)
    }


def _unseen(
    ahead: Sequence[Ahead], parents: np.ndarray, shares: np.ndarray, chains: int
) -> dict[str, dict[str, float]]:
    chances = np.stack([each.unseen for each in ahead], axis=1)
    if not chances.any():
        return {}
    return {
        rung: summary(chances[:, :, r], parents, shares, chains=chains)
        for r, rung in enumerate(RUNGS)
    }
