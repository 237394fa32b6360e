r"""Prospects: what is forecast of a deal's conditions and of its life cycle, as a record.

A path either meets a condition or does not, so the spread of 0 and 1 over draws says nothing of
how sure the forecast is. What a *draw* believes is a chance of its own: :math:`J` continuations of
each of a few hundred draws, with new paths of the drivers, new waits and new marks, estimate it.
What was elicited with doubt (chances of failing, sizes of effects) and what the priors leave open
(dependence, stages) is drawn once a draw and kept.

Most of what a finite number of paths adds to the spread is luck that has nothing to do with the
draw. So each path is set beside a calm one, with the same waits and marks but without drivers,
doubt or breakdown, whose chances are the same in every draw. With any :math:`b`,
:math:`d_{ij} = y_{ij} - b\,c_{ij}` then differs between draws as :math:`y` does; :math:`b` is the
regression of :math:`y` on :math:`c` within draws, which leaves the least noise. What noise remains
is taken out,

.. math::

    \tilde p_i = \bar y + k\,(\bar d_i - \bar d), \qquad
    k^2 = \frac{\mathrm{E}[v \mid v > 0]}{s^2_{\bar d}}, \qquad
    v \sim \mathcal{N}\!\left(s^2_{\bar d} - \frac{\overline{s^2_i}}{J},\;
        \frac{2}{n-1}\,\max\!\left(s^2_{\bar d}, \frac{\overline{s^2_i}}{J}\right)^2\right),

which has the variance :math:`v` of the draws' chances as far as :math:`n` draws tell it;
:math:`\bar y` is the mean over all draws. A variance is not below zero, so where the difference
is no more than its own error the mean of what remains possible is taken, not zero: that no
disagreement can be told from luck is not that there is none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from durability.catalogue import conditions_law
from durability.conditions import Condition
from durability.inference import Fit
from durability.life_cycle import (
    BROKEN,
    STATES,
    day_after,
    decided_by,
    held_until_reached,
    is_broken,
    occupancy,
    quantities,
    reached_by,
)
from durability.possible import Possible, chance_at_most, possible
from durability.reweighting import weighted_quantiles
from durability.simulation import Future, carried, monthly_normals, plan_of
from durability.steps import draw_chances
from durability.summaries import INTERVAL, TAILS, mcse
from durability.vocabulary import DRIVERS, LIFE_CYCLE, RUNGS

BELIEVING: Final = 400
"""Draws whose own chances are estimated."""

CONTINUATIONS: Final = 32
"""Paths by which each is."""

_AT_ONCE: Final = 16
_FIRST_CHILD: Final = 100_000
"""Beyond the continuations that updates use."""

LEAST_PATHS: Final = 20
"""Fewer paths on which something comes say nothing of when."""

Quantities = Mapping[str, np.ndarray]


@dataclass(frozen=True, slots=True, kw_only=True)
class Beliefs:
    """What draws believe, each of the :func:`~durability.life_cycle.quantities` on its own.

    Parameters
    ----------
    low, high : mapping of str to ndarray
        Ends of the interval beside the mean over the draws that were asked: as far below and above.
    """

    low: Mapping[str, np.ndarray]
    high: Mapping[str, np.ndarray]


def beliefs(
    fit: Fit,
    months: Sequence[int],
    *,
    seed: int,
    draws: int = BELIEVING,
    continuations: int = CONTINUATIONS,
) -> Beliefs:
    """Estimate what draws believe of conditions and stages, the noise of estimating taken out.

    Parameters
    ----------
    fit : Fit
    months : sequence of int
        Horizons.
    seed : int
    draws : int
        How many are asked, evenly spread over the chains; all where there are fewer.
    continuations : int
        Paths for each.

    Returns
    -------
    Beliefs
    """
    rows = np.unique(np.linspace(0, len(fit) - 1, min(draws, len(fit))).astype(int))
    theta = {name: values[rows] for name, values in fit.theta().items()}
    latent = fit.model.module.latents(theta, fit.model.arrays, np)
    made = plan_of(fit.model.data)
    parameters = fit.model.priors.parameters
    every = draw_chances(made, parameters, draws=len(fit), seed=seed, uncertain=True)
    sums: dict[str, _Sums] = {}
    for block, first in enumerate(range(0, continuations, _AT_ONCE)):
        copies = min(_AT_ONCE, continuations - first)
        child = _FIRST_CHILD + block
        count = copies * len(rows)
        fresh = draw_chances(made, parameters, draws=count, seed=seed, child=child)
        future = carried(
            fit.model,
            _copied(theta, copies),
            _copied(latent, copies),
            monthly_normals(count, months=max(months), seed=seed, child=child),
            seed=seed,
            made=made,
            chances=_renewed(fresh, every, np.tile(rows, copies)),
        )
        calm = _calm(future, fresh)
        for name, values in quantities(future, months).items():
            shape = copies, len(rows), *values.shape[1:]
            control = _control(calm, months, name, values).reshape(shape)
            sums.setdefault(name, _Sums()).add(values.reshape(shape), control)
    ends = {name: each.ends(continuations) for name, each in sums.items()}
    return Beliefs(
        low={name: low for name, (low, _) in ends.items()},
        high={name: high for name, (_, high) in ends.items()},
    )


def _copied(values: Mapping[str, np.ndarray], copies: int) -> dict[str, np.ndarray]:
    return {name: np.concatenate([each] * copies) for name, each in values.items()}


def _renewed(fresh: Any, believed: Any, rows: np.ndarray) -> Any:
    """Give new waits and marks to what draws believe."""
    return replace(
        fresh,
        fails=believed.fails[rows],
        size=believed.size[rows],
        past_size=believed.past_size[rows],
        dependence=believed.dependence[rows],
        stages=believed.stages[rows],
    )


def _calm(future: Future, fresh: Any) -> Future:
    """Follow the same waits and marks without drivers, doubt or breakdown."""
    law, made = conditions_law(), future.ahead.plan
    steps = tuple(replace(step, driver=-1, depends_on=()) for step in made.steps)
    draws, months = future.increments.shape[:2]
    nothing = np.zeros((draws, months, 1))
    course = law.follow(steps, (), nothing, np.zeros((draws, len(steps))), np.zeros(draws), fresh)
    reached = law.stage_times(steps, course, stages=len(LIFE_CYCLE), now=made.stage)
    return replace(
        future,
        increments=np.zeros_like(future.increments),
        ahead=replace(future.ahead, course=course, reached=reached),
    )


def _control(calm: Future, months: Sequence[int], name: str, values: np.ndarray) -> np.ndarray:
    """Give what a quantity is on the calm paths; nothing where breakdown is what it counts."""
    if name == "reached":
        return reached_by(calm, months)
    if name == "stands":
        return occupancy(calm)[:, np.asarray(months)]
    if name in ("met", "failed"):
        return decided_by(calm, months, met=name == "met")
    return np.zeros_like(values)


@dataclass(slots=True)
class _Sums:
    """Sums over the continuations of each draw: of y, c, and their squares and product."""

    y: Any = 0.0
    c: Any = 0.0
    yy: Any = 0.0
    cc: Any = 0.0
    yc: Any = 0.0

    def add(self, y: np.ndarray, c: np.ndarray) -> None:
        """Add continuations: (copy, draw, …)."""
        for name, values in (("y", y), ("c", c), ("yy", y * y), ("cc", c * c), ("yc", y * c)):
            setattr(self, name, getattr(self, name) + values.sum(axis=0))

    def ends(self, copies: int) -> tuple[np.ndarray, np.ndarray]:
        """Give the ends of the interval of what draws believe, less its mean."""
        y, c = self.y / copies, self.c / copies
        within = [
            each.mean(axis=0)
            for each in (
                self.yy / copies - y * y,
                self.cc / copies - c * c,
                self.yc / copies - y * c,
            )
        ]
        slope = _ratio(within[2], within[1])
        noise = (within[0] - slope * within[2]) / max(copies - 1, 1)
        means = y - slope * c
        seen = means.var(axis=0, ddof=1) if len(means) > 1 else np.zeros(means.shape[1:])
        kept = _ratio(_not_below_zero(seen - noise, _error(seen, noise, len(means))), seen)
        low, high = np.quantile(np.sqrt(kept) * (means - means.mean(axis=0)), TAILS, axis=0)
        return low, high


def _error(seen: np.ndarray, noise: np.ndarray, draws: int) -> np.ndarray:
    """Give the standard error of a variance seen in so many draws, of which some is noise."""
    return np.asarray(np.maximum(seen, noise) * (2.0 / max(draws - 1, 1)) ** 0.5)


def _not_below_zero(mean: np.ndarray, error: np.ndarray) -> np.ndarray:
    """Give the mean of a normal that is known to be above zero."""
    from scipy.special import log_ndtr

    scaled = _ratio(mean, error)
    density = -0.5 * scaled * scaled - 0.5 * np.log(2.0 * np.pi)
    return np.asarray(mean + error * np.exp(density - log_ndtr(scaled)))


def _ratio(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    """Divide, zero by zero being zero."""
    return np.asarray(np.divide(top, bottom, out=np.zeros_like(top), where=bottom > 1e-15))


# The record -----------------------------------------------------------------------------------


def prospects(fit: Fit, future: Future, horizons: Sequence[int]) -> dict[str, Any]:
    """Give what is forecast of conditions and the life cycle: parts of ``forecast.json``.

    Parameters
    ----------
    fit : Fit
    future : Future
        Of all its draws.
    horizons : sequence of int
        Months after the cutoff.

    Returns
    -------
    dict
        ``conditions``, one a condition of the case, and ``life_cycle``, None without any.
    """
    case = fit.model.data.case
    if not case.conditions:
        return {"conditions": [], "life_cycle": None}
    found = quantities(future, horizons)
    believed = beliefs(fit, horizons, seed=fit.settings.seed)
    told = _Told(
        fit=fit,
        horizons=tuple(horizons),
        found=found,
        believed=believed,
        possible=possible(future),
    )
    return {
        "conditions": [_condition(each, future, told) for each in case.conditions],
        "life_cycle": _life_cycle(future, told),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """What the chances of a record are made from."""

    fit: Fit
    horizons: tuple[int, ...]
    found: Quantities
    believed: Beliefs
    possible: Possible

    def chances(self, name: str, place: int) -> dict[str, dict[str, Any]]:
        """Give one quantity's chance by horizon, with what draws believe and its error."""
        return {
            str(months): self._chance(name, (h, place)) for h, months in enumerate(self.horizons)
        }

    def _chance(self, name: str, place: tuple[int, int]) -> dict[str, Any]:
        values = self.found[name][:, place[0], place[1]]
        mean = float(values.mean())
        ends = self.believed.low[name][place], self.believed.high[name][place]
        low, high = np.clip([mean + float(end) for end in ends], 0.0, 1.0)
        asked = name, place[1], self.horizons[place[0]]
        told = {
            "mean": min(max(mean, 0.0), 1.0),
            "low": float(low),
            "high": float(high),
            "interval_probability": INTERVAL,
            "mcse": mcse(values, chains=self.fit.settings.chains),
        }
        if not values.any() and self.possible.can(*asked):
            return _rare(told, len(values))
        if name in ("met", "failed") and values.all() and not self.possible.must(*asked):
            return _common(told, len(values))
        return told


def _rare(told: dict[str, Any], paths: int) -> dict[str, Any]:
    """Bound the chance of what can be and no path did."""
    most = chance_at_most(paths)
    return {**told, "high": max(told["high"], most), "mcse": 1.0 / paths, "none_of": paths}


def _common(told: dict[str, Any], paths: int) -> dict[str, Any]:
    """Bound the chance of what need not be and every path did."""
    least = 1.0 - chance_at_most(paths)
    return {**told, "low": min(told["low"], least), "mcse": 1.0 / paths, "all_of": paths}


def _condition(each: Condition, future: Future, told: _Told) -> dict[str, Any]:
    data, made = told.fit.model.data, future.ahead.plan
    status = made.status[each.name]
    outcome = each.known_at(data.cutoff)
    pending = status == "pending"
    place = made.place(each.name) if pending else 0
    effect = each.effect or _default_effect(told.fit)
    return {
        "name": each.name,
        "meaning": each.meaning,
        "words": {"met": each.met_word, "failed": each.failed_word},
        "actor": each.actor,
        "stage": each.stage,
        "status": status,
        "requires": list(each.requires),
        "requires_any": list(each.requires_any),
        "waits_for": _waits_for(each, made.status),
        "outcome": outcome
        and {
            "result": "met" if outcome.met else "failed",
            "date": outcome.date.isoformat(),
            "known": outcome.known.isoformat(),
            "reported_by": list(outcome.reported_by),
            "why": outcome.why,
        },
        "elicited": each.elicited.isoformat(),
        "fails": each.fails,
        "effect": {
            "driver": each.driver,
            "low": _size(effect, TAILS[0]),
            "middle": _size(effect, 0.5),
            "high": _size(effect, TAILS[1]),
            "own": each.effect is not None,
            "permanent": each.permanent,
        }
        if each.driver
        else None,
        "depends_on": sorted(each.depends_on, key=DRIVERS.index),
        "why": each.why,
        "source": each.source,
        "chances": {
            "met": told.chances("met", place),
            "failed": told.chances("failed", place),
        }
        if pending
        else None,
        "dates": _dates_of_condition(future, told, place) if pending else None,
    }


def _waits_for(each: Condition, status: Mapping[str, str]) -> list[str]:
    """Name what a pending condition still waits for, or what blocks a blocked one.

    Of ways of which one is enough, a pending condition waits for those that are left.
    """
    missing = [name for name in each.requires if status[name] != "met"]
    ways = [name for name in each.requires_any if name not in missing]
    if len(ways) < len(each.requires_any) or any(status[name] == "met" for name in ways):
        return missing
    if status[each.name] == "pending":
        ways = [name for name in ways if status[name] == "pending"]
    return missing + ways


def _default_effect(fit: Fit) -> tuple[float, float]:
    values = fit.model.priors.parameters["condition_effect"].values
    return values["mu"], values["sigma"]


def _size(effect: tuple[float, float], probability: float) -> float:
    from statistics import NormalDist

    mean, sd = effect
    return float(np.exp(mean + sd * NormalDist().inv_cdf(probability)))


def _dates_of_condition(future: Future, told: _Told, place: int) -> dict[str, Any] | None:
    course = future.ahead.course
    times = np.where(course.met[:, place], course.time[:, place], np.inf)
    return _dates(times, np.ones(len(times)), told)


def _dates(times: np.ndarray, weights: np.ndarray, told: _Told) -> dict[str, Any] | None:
    """Say when something comes, given that it comes within the longest horizon."""
    cutoff, end = told.fit.model.data.cutoff, max(told.horizons)
    came = (times <= end) & (weights > 0.0)
    if came.sum() < LEAST_PATHS:
        return None
    when, weight = times[came], weights[came]
    low, high = weighted_quantiles(when, weight / weight.sum(), TAILS)
    return {
        "expected": day_after(cutoff, float(np.average(when, weights=weight))).isoformat(),
        "low": day_after(cutoff, float(low)).isoformat(),
        "high": day_after(cutoff, float(high)).isoformat(),
        "interval_probability": INTERVAL,
        "median": _median(when, weight, len(times), told),
    }


def _median(when: np.ndarray, weight: np.ndarray, paths: int, told: _Told) -> str | None:
    """Give the day by which it has come on half of all paths; None where it never has."""
    order = np.argsort(when)
    by_then = np.cumsum(weight[order]) / paths
    if by_then[-1] < 0.5:
        return None
    middle = when[order][np.searchsorted(by_then, 0.5)]
    return day_after(told.fit.model.data.cutoff, float(middle)).isoformat()


def _life_cycle(future: Future, told: _Told) -> dict[str, Any]:
    now = future.ahead.plan.stage
    curves = occupancy(future).mean(axis=0)
    held = held_until_reached(future)
    # Not of a stage that no condition leads to: the file says nothing of when it would come.
    last = max([now, *(step.stage for step in future.ahead.plan.steps)])
    places = {stage: LIFE_CYCLE.index(stage) for stage in LIFE_CYCLE[now + 1 : last + 1]}
    return {
        "stage": LIFE_CYCLE[now],
        "broken": is_broken(future),
        "occupancy": {
            "months": list(range(len(curves))),
            **{state: curves[:, s].tolist() for s, state in enumerate(STATES)},
        },
        "stands": {
            state: told.chances("stands", s)
            for s, state in enumerate(STATES)
            if now <= s <= last or state == BROKEN
        },
        "reached": {stage: told.chances("reached", place) for stage, place in places.items()},
        "dates": {
            stage: _dates(future.ahead.reached[:, place], held[:, place], told)
            for stage, place in places.items()
        },
        "breakdown": {
            stage: {
                rung: told.chances(f"broken {rung}", place)
                for rung in RUNGS
                if f"broken {rung}" in told.found
            }
            for place, stage in enumerate(LIFE_CYCLE)
            if now <= place <= last
        },
    }
