r"""Cox's partial likelihood: a baseline that leaves the hazard's course in time free.

:math:`\lambda_i(t)=\lambda_0(t)\,e^{\gamma^\top x_i}` with any :math:`\lambda_0`, ties by Efron
(1977, doi:10.1080/01621459.1977.10480613) or Breslow, delayed entry, strata, weights, and standard
errors by cluster (Lin & Wei 1989, doi:10.1080/01621459.1989.10478874). Risk sets are running sums
over the events' ages of those who come less those who go, so time grows with rows times the square
of covariates, never with rows times events.

Small enough to own: the one library for it in Python, lifelines, pins pandas below 3, which the
rest of this library need not. Tests hold it to lifelines and to published fits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from durability.errors import InputError, Problem, one_of, quoted
from durability.spell_groups import repeated, scaling
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
    """Rows of one stratum and where they stand among its event ages.

    Row `i` is at risk at the ages numbered ``first[i]`` to ``last[i] - 1``; the events' ages are
    numbered by `place`, one an event. Columns (moment, row) are ones, the covariates and their
    products.
    """

    rows: np.ndarray
    weight: np.ndarray
    event: np.ndarray
    columns: np.ndarray
    first: np.ndarray
    last: np.ndarray
    place: np.ndarray
    ages: int


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
        No covariate, no event, an event known only to an interval, or a covariate that does not
        vary beside others and the strata among rows watched at an event.
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
    named = repeated(table, _at_risk(table) if table.events else None)
    told = "does not vary beside the covariates before it and the strata"
    problems += [(f"{quoted(name)} {told}", "leave it out") for name in named]
    if problems:
        raise InputError([Problem(where=table.name, found=f, allowed=a) for f, a in problems])


def _at_risk(table: SpellTable) -> np.ndarray:
    """Rows that were watched at an event of their stratum: the likelihood reads no other."""
    found = []
    for code in range(max(len(table.strata), 1)):
        rows = np.flatnonzero(table.stratum == code)
        ages = np.unique(table.stop[rows[table.event[rows] > 0.0]])
        first, last = (
            np.searchsorted(ages, edge[rows], side="right") for edge in (table.start, table.stop)
        )
        found.append(rows[first < last])
    return np.concatenate(found)


def _strata(table: SpellTable, design: np.ndarray) -> Iterator[_Stratum]:
    left, right = np.triu_indices(design.shape[1])
    for code in range(max(len(table.strata), 1)):
        rows = np.flatnonzero(table.stratum == code)
        event = np.flatnonzero(table.event[rows] > 0.0)
        ages, place = np.unique(table.stop[rows][event], return_inverse=True)
        own = np.ascontiguousarray(design[rows].T)
        yield _Stratum(
            rows=rows,
            weight=table.weight[rows],
            event=event,
            columns=np.concatenate([np.ones((1, len(rows))), own, own[left] * own[right]]),
            first=np.searchsorted(ages, table.start[rows], side="right"),
            last=np.searchsorted(ages, table.stop[rows], side="right"),
            place=place,
            ages=len(ages),
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
        if not part.ages:
            continue
        eta, risk = _risks(part, effects)
        at_risk, tied = _sums_at(part, part.weight * risk, part.columns)
        mean_weight, count = _deaths(part)
        weight = part.weight[part.event]
        value += float(weight @ eta[part.event])
        slope = slope + part.columns[1 : size + 1, part.event] @ weight
        for age, share, times in _fractions(count, ties):
            left = at_risk[:, age] - share * tied[:, age]
            weight, first = times * mean_weight[age], left[1 : size + 1] / left[0]
            value -= float(weight @ np.log(left[0]))
            slope = slope - first @ weight
            full = np.zeros((size, size))
            full[upper] = left[size + 1 :] @ (weight / left[0])
            full = full + np.triu(full, 1).T
            information = information + full - (first * weight) @ first.T
    return float(value), slope, information


def _risks(part: _Stratum, effects: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Log hazard ratios of rows, the largest zero, and the ratios."""
    eta: np.ndarray = effects @ part.columns[1 : len(effects) + 1]
    eta = eta - eta.max()
    return eta, np.exp(eta)


def _sums_at(
    part: _Stratum, risk: np.ndarray, columns: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Sums of risk times columns at each event age, over those at risk and those whose it is.

    Returns
    -------
    at_risk, tied : ndarray (moment, age)
    """
    at_risk, tied = np.empty((2, len(columns), part.ages))
    for row, column in enumerate(columns):  # one after another, for they are as long as the table
        moment = risk * column
        change = np.bincount(part.first, moment, part.ages + 1)
        change -= np.bincount(part.last, moment, part.ages + 1)
        np.cumsum(change[:-1], out=at_risk[row])
        tied[row] = np.bincount(part.place, moment[part.event], part.ages)
    return at_risk, tied


def _deaths(part: _Stratum) -> tuple[np.ndarray, np.ndarray]:
    """Mean weight and count of events at each age."""
    count = np.bincount(part.place, minlength=part.ages)
    return np.bincount(part.place, part.weight[part.event], part.ages) / count, count


def _fractions(
    count: np.ndarray, ties: Ties
) -> Iterator[tuple[np.ndarray | slice, np.ndarray, np.ndarray]]:
    """Which ages, with which share of their ties taken out, how many times.

    Breslow takes out none, as many times as there are ties; Efron the shares 0, 1/d, …, (d−1)/d.
    """
    if ties == "breslow":
        yield slice(None), np.zeros(1), count.astype(float)
        return
    yield slice(None), np.zeros(1), np.ones(1)
    for gone in range(1, int(count.max())):
        age = np.flatnonzero(count > gone)
        yield age, gone / count[age], np.ones(1)


def _residuals(part: _Stratum, effects: np.ndarray, ties: Ties) -> np.ndarray:
    """Score residuals of rows: array (row, covariate); they add up to the gradient."""
    size = len(effects)
    design = part.columns[1 : size + 1]
    if not part.ages:
        return np.zeros_like(design.T)
    risk = _risks(part, effects)[1]
    at_risk, tied = _sums_at(part, part.weight * risk, part.columns[: size + 1])
    mean_weight, count = _deaths(part)
    hazard, pulled = np.zeros(part.ages), np.zeros((size, part.ages))
    own_hazard, own_pulled = np.zeros(part.ages), np.zeros((size, part.ages))
    average = np.zeros((size, part.ages))
    for age, share, times in _fractions(count, ties):
        left = at_risk[:, age] - share * tied[:, age]
        mean = left[1:] / left[0]
        jump = times * mean_weight[age] / left[0]
        hazard[age] += jump
        pulled[:, age] += jump * mean
        own_hazard[age] += jump * (1.0 - share)
        own_pulled[:, age] += jump * (1.0 - share) * mean
        average[:, age] += times * mean / count[age]
    whole = np.append(0.0, np.cumsum(hazard))
    drawn = np.concatenate([np.zeros((size, 1)), np.cumsum(pulled, axis=1)], axis=1)
    passed = whole[part.last] - whole[part.first]
    found = -risk * (passed * design - (drawn[:, part.last] - drawn[:, part.first]))
    # An event's own share of its ties was taken out of the risk set only in part.
    event, place = part.event, part.place
    own = design[:, event] * (own_hazard - hazard)[place] - (own_pulled - pulled)[:, place]
    found[:, event] += design[:, event] - average[:, place] - risk[event] * own
    return np.asarray((found * part.weight).T)
