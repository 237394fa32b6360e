r"""Cox's partial likelihood: a baseline that leaves the hazard's course in time free.

:math:`\lambda_i(t)=\lambda_0(t)\,e^{\gamma^\top x_i}` with any :math:`\lambda_0`, ties by Efron
(1977, doi:10.1080/01621459.1977.10480613) or Breslow, delayed entry, strata, weights, and standard
errors by cluster (Lin & Wei 1989, doi:10.1080/01621459.1989.10478874). Risk sets are differences
of running sums over sorted starts and stops, so time grows with rows times the square of
covariates, never with rows times events.

Small enough to own: the one library for it in Python, lifelines, pins pandas below 3, which the
rest of this library need not. Tests hold it to lifelines and to published fits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from durability.errors import InputError, Problem, one_of, quoted
from durability.spell_groups import scaling
from durability.spell_tables import SpellTable

Ties = Literal["efron", "breslow"]

STEPS_MOST = 100
GAIN_LEAST = 1e-11
"""Relative gain in the log-likelihood at which Newton's steps end."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CoxFit:
    """The most likely effects under Cox's partial likelihood.

    Parameters
    ----------
    table : SpellTable
    ties : str
    effects, errors : ndarray (covariate,)
        Log hazard ratios of one unit, and their standard errors from the information.
    clustered_errors : ndarray (covariate,) or None
    log_likelihood, log_likelihood_null : float
        With the effects, and with all of them zero.
    converged : bool
    """

    table: SpellTable
    ties: Ties
    effects: np.ndarray
    errors: np.ndarray
    clustered_errors: np.ndarray | None
    log_likelihood: float
    log_likelihood_null: float
    converged: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Stratum:
    """Rows of one stratum and where its events stand among its sorted ages."""

    rows: np.ndarray
    start: np.ndarray
    stop: np.ndarray
    weight: np.ndarray
    event: np.ndarray
    design: np.ndarray
    ages: np.ndarray
    place: np.ndarray


def fit_cox(table: SpellTable, *, ties: Ties = "efron") -> CoxFit:
    """Fit Cox's proportional-hazards model.

    Parameters
    ----------
    table : SpellTable
        With at least one covariate. With clusters, standard errors are given by cluster too.
    ties : str
        How events at one age are counted: ``efron`` or ``breslow``.

    Returns
    -------
    CoxFit

    Raises
    ------
    InputError
        No covariate, no event, an event known only to an interval, or covariates that repeat one
        another.
    """
    _check(table, ties)
    centre, scale = scaling(table)
    design = (table.design - centre) / scale
    strata = list(_strata(table, design))
    null = _partial(strata, np.zeros(design.shape[1]), ties)[0]
    effects, converged = _climb(strata, design.shape[1], ties)
    value, _, information = _partial(strata, effects, ties)
    inverse = np.linalg.pinv(information, hermitian=True)
    clustered = None
    if table.clusters:
        scores = np.zeros_like(design)
        for stratum in strata:
            scores[stratum.rows] = _residuals(stratum, effects, ties)
        summed = np.stack(
            [np.bincount(table.cluster, column, len(table.clusters)) for column in scores.T]
        )
        clustered = np.sqrt(np.diag(inverse @ summed @ summed.T @ inverse)) / scale
    return CoxFit(
        table=table,
        ties=ties,
        effects=effects / scale,
        errors=np.sqrt(np.maximum(np.diag(inverse), 0.0)) / scale,
        clustered_errors=clustered,
        log_likelihood=value,
        log_likelihood_null=null,
        converged=converged,
    )


def _check(table: SpellTable, ties: str) -> None:
    problems = []
    if ties not in ("efron", "breslow"):
        problems.append((f"ties {quoted(ties)}", one_of(("efron", "breslow"), ties)))
    if not table.covariates:
        problems.append(("no covariate", "name at least one"))
    if table.within.any():
        problems.append(("events known to an interval", "Cox needs exact ages: leave out the end"))
    if table.events == 0.0:
        problems.append(("no event", "there is nothing to fit"))
    scaled = table.design - table.design.mean(0)
    if scaled.size and np.linalg.matrix_rank(scaled / np.linalg.norm(scaled, axis=0)) < len(
        table.covariates
    ):
        problems.append(("covariates that repeat one another", "leave out the repeated ones"))
    if problems:
        raise InputError([Problem(where=table.name, found=f, allowed=a) for f, a in problems])


def _strata(table: SpellTable, design: np.ndarray) -> Iterator[_Stratum]:
    for code in range(max(len(table.strata), 1)):
        rows = np.flatnonzero(table.stratum == code)
        event = table.event[rows] > 0.0
        ages, place = np.unique(table.stop[rows][event], return_inverse=True)
        full = np.full(len(rows), -1)
        full[event] = place
        yield _Stratum(
            rows=rows,
            start=table.start[rows],
            stop=table.stop[rows],
            weight=table.weight[rows],
            event=event,
            design=design[rows],
            ages=ages,
            place=full,
        )


def _climb(strata: list[_Stratum], size: int, ties: Ties) -> tuple[np.ndarray, bool]:
    """Newton's steps, halved while they do not gain."""
    effects = np.zeros(size)
    value, slope, information = _partial(strata, effects, ties)
    for _ in range(STEPS_MOST):
        step = np.linalg.pinv(information, hermitian=True) @ slope
        for _ in range(30):
            tried = _partial(strata, effects + step, ties)
            if np.isfinite(tried[0]) and tried[0] >= value - abs(value) * GAIN_LEAST:
                break
            step = step / 2.0
        else:
            return effects, False
        gain = tried[0] - value
        effects, (value, slope, information) = effects + step, tried
        if gain <= GAIN_LEAST * (abs(value) + 1.0):
            return effects, True
    return effects, False


def _partial(
    strata: list[_Stratum], effects: np.ndarray, ties: Ties
) -> tuple[float, np.ndarray, np.ndarray]:
    """Log partial likelihood, its gradient and the information."""
    size = len(effects)
    value, slope, information = 0.0, np.zeros(size), np.zeros((size, size))
    upper = np.triu_indices(size)
    for part in strata:
        if not len(part.ages):
            continue
        eta = part.design @ effects
        eta = eta - eta.max()
        risk = part.weight * np.exp(eta)
        columns = np.column_stack([np.ones(len(eta)), part.design])
        products = part.design[:, upper[0]] * part.design[:, upper[1]]
        moments = risk[:, None] * np.column_stack([columns, products])
        at_risk = _sums_at(part, moments)
        tied = _tied(part, moments)
        mean_weight, count, observed = _deaths(part, columns, eta)
        value += observed[0]
        slope = slope + observed[1]
        for age, share, times in _fractions(count, ties):
            left = at_risk[age] - share[:, None] * tied[age]
            weight = times * mean_weight[age]
            first = left[:, 1 : size + 1] / left[:, :1]
            second = left[:, size + 1 :] / left[:, :1]
            value -= float((weight * np.log(left[:, 0])).sum())
            slope = slope - weight @ first
            full = np.zeros((size, size))
            full[upper] = weight @ second
            full = full + np.triu(full, 1).T
            information = information + full - (first * weight[:, None]).T @ first
    return float(value), slope, information


def _sums_at(part: _Stratum, moments: np.ndarray) -> np.ndarray:
    """Sums of moments over those at risk at each event age: started before, not yet stopped."""
    order, entry = np.argsort(part.stop, kind="stable"), np.argsort(part.start, kind="stable")
    gone = np.vstack([np.zeros(moments.shape[1]), np.cumsum(moments[order], axis=0)])
    come = np.vstack([np.zeros(moments.shape[1]), np.cumsum(moments[entry], axis=0)])
    before = np.searchsorted(part.stop[order], part.ages, side="left")
    started = np.searchsorted(part.start[entry], part.ages, side="left")
    return np.asarray(come[started] - gone[before])


def _tied(part: _Stratum, moments: np.ndarray) -> np.ndarray:
    """Sums of moments over those whose event falls on each event age."""
    found = np.zeros((len(part.ages), moments.shape[1]))
    np.add.at(found, part.place[part.event], moments[part.event])
    return found


def _deaths(
    part: _Stratum, columns: np.ndarray, eta: np.ndarray
) -> tuple[np.ndarray, np.ndarray, tuple[float, np.ndarray]]:
    """Mean weight and count of events at each age; what events add to value and gradient."""
    place, weight = part.place[part.event], part.weight[part.event]
    count = np.bincount(place, minlength=len(part.ages))
    mean = np.bincount(place, weight, len(part.ages)) / count
    observed = float((weight * eta[part.event]).sum()), weight @ columns[part.event, 1:]
    return mean, count, observed


def _fractions(
    count: np.ndarray, ties: Ties
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Which ages, with which share of their ties taken out, how many times.

    Breslow takes out none, as many times as there are ties; Efron the shares 0, 1/d, …, (d−1)/d.
    """
    if ties == "breslow":
        yield np.arange(len(count)), np.zeros(len(count)), count.astype(float)
        return
    for gone in range(int(count.max())):
        age = np.flatnonzero(count > gone)
        yield age, gone / count[age], np.ones(len(age))


def _residuals(part: _Stratum, effects: np.ndarray, ties: Ties) -> np.ndarray:
    """Score residuals of rows: array (row, covariate); they add up to the gradient."""
    if not len(part.ages):
        return np.zeros_like(part.design)
    eta = part.design @ effects
    risk = np.exp(eta - eta.max())
    moments = (part.weight * risk)[:, None] * np.column_stack([np.ones(len(eta)), part.design])
    at_risk, tied = _sums_at(part, moments), _tied(part, moments)
    place, weight = part.place[part.event], part.weight[part.event]
    count = np.bincount(place, minlength=len(part.ages))
    mean_weight = np.bincount(place, weight, len(part.ages)) / count
    size = len(effects)
    hazard, pulled = np.zeros(len(part.ages)), np.zeros((len(part.ages), size))
    own_hazard, own_pulled = np.zeros(len(part.ages)), np.zeros((len(part.ages), size))
    average = np.zeros((len(part.ages), size))
    for age, share, times in _fractions(count, ties):
        left = at_risk[age] - share[:, None] * tied[age]
        mean = left[:, 1:] / left[:, :1]
        jump = times * mean_weight[age] / left[:, 0]
        hazard[age] += jump
        pulled[age] += jump[:, None] * mean
        own_hazard[age] += jump * (1.0 - share)
        own_pulled[age] += (jump * (1.0 - share))[:, None] * mean
        average[age] += times[:, None] * mean / count[age][:, None]
    first = np.searchsorted(part.ages, part.start, side="right")
    last = np.searchsorted(part.ages, part.stop, side="right")
    whole = np.concatenate([[0.0], np.cumsum(hazard)])
    drawn = np.vstack([np.zeros(size), np.cumsum(pulled, axis=0)])
    passed = whole[last] - whole[first]
    expected = passed[:, None] * part.design - (drawn[last] - drawn[first])
    found = -risk[:, None] * expected
    # An event's own share of its ties was taken out of the risk set only in part.
    rows = np.flatnonzero(part.event)
    own = part.design[rows] * (own_hazard - hazard)[place][:, None] - (own_pulled - pulled)[place]
    found[rows] -= risk[rows][:, None] * own
    found[rows] += part.design[rows] - average[place]
    return np.asarray(found * part.weight[:, None])
