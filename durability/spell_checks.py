r"""What a fit of spells is held against: its verdict, its data, and each unit left out.

*Curves and counts.* While subjects are watched, events less accumulated hazard are a martingale:
given who was at risk, the events of an age band are expected to number
:math:`\sum_i \Delta\Lambda_i`, with as large a variance. So replications are Poisson counts around
the accumulated hazards of each draw, by age and by risk; and the Kaplan–Meier curve stands beside
:math:`\exp(-\int \sum_i Y_i\lambda_i / \sum_i Y_i)`, the curve that the model expects of the very
risk sets that were seen. Delayed entry and changing covariates need nothing more.

*Units.* Leave-one-out of a subject conditions on its cluster's frailty, which the cluster's other
subjects still inform; of a cluster, its frailty is integrated out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from durability.catalogue import spell_hazard
from durability.cross_validation import leave_one_out
from durability.spell_groups import log_ages, row_arrays
from durability.spell_tables import SpellTable
from durability.spells import SpellFit, predict_spells
from durability.summaries import INTERVAL, interval
from durability.verdict import Verdict, judge

LOO_DRAWS = 400
CURVE_DRAWS = 100
EDGES = 48
BANDS = 6
RISK_GROUPS = 5
MOST_ROWS = 20_000
"""Rows that are checked: of a larger table whole subjects are drawn at random until there are as
many. Estimation always uses all of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpellCheck:
    """What the checks found.

    Parameters
    ----------
    verdict : Verdict
        Of the parameters and of survival at the quartiles of event ages.
    curve : tuple of mapping
        By age: ``age, at_risk, observed, observed_low, observed_high, mean, low, high``.
    bands : tuple of mapping
        By age band: ``begin, end, observed`` events, and replicated ``mean, low, high``.
    risks : tuple of mapping
        The same by groups of equal accumulated risk, the least first: ``group`` in place of ages.
    loo : mapping of str to mapping
        ``subject`` and, with a frailty, ``cluster``, as in ``forecast.json``.
    checked : int
        Rows that curves, counts and leave-one-out were computed from.
    """

    verdict: Verdict
    curve: tuple[Mapping[str, float], ...]
    bands: tuple[Mapping[str, float], ...]
    risks: tuple[Mapping[str, float], ...]
    loo: Mapping[str, Mapping[str, Any]]
    checked: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ProductLimit:
    """A Kaplan–Meier curve with delayed entry; arrays by event age."""

    age: np.ndarray
    at_risk: np.ndarray
    survival: np.ndarray
    low: np.ndarray
    high: np.ndarray


def check_spells(fit: SpellFit) -> SpellCheck:
    """Check a fit of spells.

    Parameters
    ----------
    fit : SpellFit
        From :func:`durability.fit_spells`.

    Returns
    -------
    SpellCheck
    """
    table = sampled_subjects(fit.table, fit.settings.seed)
    rng = np.random.default_rng([fit.settings.seed, 2])
    curve, bands, risks = _against_data(fit, table, rng)
    return SpellCheck(
        verdict=judge_spells(fit),
        curve=curve,
        bands=bands,
        risks=risks,
        loo=_left_out(fit, table),
        checked=len(table),
    )


def judge_spells(fit: SpellFit) -> Verdict:
    """Judge the chains by the rules of every forecast: :mod:`durability.verdict`."""
    ages = fit.table.stop[fit.table.event > 0.0]
    ages = ages if ages.size else fit.table.stop
    quartiles = np.unique(np.quantile(ages, [0.25, 0.5, 0.75]))
    stratum = fit.table.strata[:1] or None
    survival = predict_spells(fit, quartiles, strata=stratum)["survival"].values[:, 0]
    chances = {
        f"survival[{age:g}]": survival[:, i].reshape((fit.settings.chains, -1))
        for i, age in enumerate(quartiles)
    }
    return judge(fit.tree, chances)


def sampled_subjects(table: SpellTable, seed: int) -> SpellTable:
    """Draw whole subjects of a large table at random; a small one is given as it is."""
    if len(table) <= MOST_ROWS:
        return table
    count = int(table.subject.max()) + 1
    order = np.random.default_rng([seed, 3]).permutation(count)
    rows = np.cumsum(np.bincount(table.subject, minlength=count)[order])
    chosen = np.zeros(count, bool)
    chosen[order[: max(int((rows <= MOST_ROWS).sum()), 1)]] = True
    kept = chosen[table.subject]
    columns = ("start", "stop", "end", "event", "weight", "design", "subject", "cluster", "stratum")
    return replace(table, **{name: getattr(table, name)[kept] for name in columns})


def product_limit(table: SpellTable) -> ProductLimit:
    r"""Estimate survival from rows with delayed entry.

    :math:`\hat S(t)=\prod_{t_i\le t}(1-d_i/n_i)`, with :math:`n_i` the weight of rows with
    start < :math:`t_i` ≤ stop. An event known to an interval stands at its middle. The interval is
    Greenwood's on the scale of :math:`\log(-\log S)`, as :func:`durability.ladder.kaplan_meier`.
    """
    from scipy.special import ndtri

    stop = _middle(table)
    happened = table.event > 0.0
    age, place = np.unique(stop[happened], return_inverse=True)
    died = np.bincount(place, table.weight[happened], len(age))
    at_risk = _weight_at_risk(table, stop, age)
    staying = at_risk - died
    staying = np.where(staying > 1e-9, staying, 0.0)
    survival = np.cumprod(staying / at_risk)
    inside = (survival > 0.0) & (survival < 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = np.cumsum(died / (at_risk * staying))
        error = ndtri(0.5 + INTERVAL / 2.0) * np.sqrt(variance) / np.abs(np.log(survival))
        low, high = survival ** np.exp(error), survival ** np.exp(-error)
    return ProductLimit(
        age=age,
        at_risk=at_risk,
        survival=survival,
        low=np.where(inside, low, survival),
        high=np.where(inside, high, survival),
    )


def _weight_at_risk(table: SpellTable, stop: np.ndarray, ages: np.ndarray) -> np.ndarray:
    """Weight of rows that were being watched just before each age."""

    def below(edge: np.ndarray) -> np.ndarray:
        order = np.argsort(edge, kind="stable")
        total = np.concatenate([[0.0], np.cumsum(table.weight[order])])
        return np.asarray(total[np.searchsorted(edge[order], ages, side="left")])

    return np.asarray(below(table.start) - below(stop))


def _middle(table: SpellTable) -> np.ndarray:
    """Age at which a row stops being watched, or the middle of its event's interval."""
    return np.asarray((table.stop + np.where(table.within, table.end, table.stop)) / 2.0)


def _thinned(fit: SpellFit, count: int) -> dict[str, np.ndarray]:
    """Keep about `count` draws, evenly spread over the chains."""
    theta = fit.theta()
    step = max(len(theta["intercept"]) // count, 1)
    return {name: values[::step] for name, values in theta.items()}


def _against_data(
    fit: SpellFit, table: SpellTable, rng: np.random.Generator
) -> tuple[tuple[Mapping[str, float], ...], ...]:
    """Observed and expected: the survival curve, events by age, events by risk."""
    if table.events == 0.0:
        return (), (), ()
    stop = _middle(table)
    ages = stop[table.event > 0.0]
    edges = _edges(ages, stop)
    expected, by_row = _expected(fit, table, stop, edges)
    observed, _ = np.histogram(ages, edges, weights=table.weight[table.event > 0.0])
    watched = _watched(table, stop, edges)
    means = expected / np.maximum(watched, 1e-300) * np.diff(edges)
    curves = np.exp(-np.cumsum(means, axis=1))
    limit = product_limit(table)
    curve = []
    for i, age in enumerate(edges[1:]):
        at = max(int(np.searchsorted(limit.age, age, side="right")) - 1, 0)
        curve.append(
            {
                "age": float(age),
                "at_risk": float(limit.at_risk[at]),
                "observed": float(limit.survival[at]),
                "observed_low": float(limit.low[at]),
                "observed_high": float(limit.high[at]),
                **interval(curves[:, i]),
            }
        )
    cuts = np.unique(np.linspace(0, len(edges) - 1, BANDS + 1).astype(int))
    bands = [
        {
            "begin": float(edges[a]),
            "end": float(edges[b]),
            "observed": float(observed[a:b].sum()),
            **_again(expected[:, a:b].sum(1), rng),
        }
        for a, b in pairwise(cuts)
    ]
    return tuple(curve), tuple(bands), _risks(table, by_row, rng)


def _edges(ages: np.ndarray, stop: np.ndarray) -> np.ndarray:
    """Give ages to look at: 0, some midway between event ages, and the end of all watching.

    An edge at an event would make every band end with one.
    """
    distinct = np.unique(ages)
    between = (distinct[1:] + distinct[:-1]) / 2.0
    most = max(len(between) - 1, 0)
    chosen = np.unique(np.linspace(0, most, EDGES).astype(int))[: len(between)]
    return np.unique(np.concatenate([[0.0], between[chosen], [stop.max()]]))


def _again(expected: np.ndarray, rng: np.random.Generator) -> dict[str, float]:
    """Summarise replicated counts, several around each draw's expectation."""
    return interval(rng.poisson(expected[:, None], (len(expected), 20)).ravel().astype(float))


def _watched(table: SpellTable, stop: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Weighted time watched within each band."""
    return np.array(
        [
            (
                table.weight * np.clip(np.minimum(stop, b) - np.maximum(table.start, a), 0, None)
            ).sum()
            for a, b in pairwise(edges)
        ]
    )


def _expected(
    fit: SpellFit, table: SpellTable, stop: np.ndarray, edges: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Accumulated hazard by draw and band, and by draw and row."""
    theta, module = _thinned(fit, CURVE_DRAWS), spell_hazard()
    rows = row_arrays(table, fit.groups)
    scale = np.exp(module.linear(theta, rows)) * table.weight
    shape = module.shapes(theta, np)[:, table.stratum]

    def powers(ages: np.ndarray) -> np.ndarray:
        return np.where(ages > 0.0, np.exp(shape * log_ages(ages, fit.groups.unit)), 0.0)

    def between(low: np.ndarray, high: np.ndarray) -> np.ndarray:
        return np.asarray(scale * (powers(high) - powers(low)))

    whole = between(table.start, np.maximum(stop, table.start))
    bands = []
    for begin, end in pairwise(edges):
        low, high = np.clip(table.start, begin, end), np.clip(stop, begin, end)
        some = high > low
        part = scale[:, some] * (
            np.exp(shape[:, some] * log_ages(high[some], fit.groups.unit))
            - np.where(
                low[some] > 0.0, np.exp(shape[:, some] * log_ages(low[some], fit.groups.unit)), 0.0
            )
        )
        bands.append(part.sum(1))
    return np.stack(bands, axis=1), whole


def _risks(
    table: SpellTable, by_row: np.ndarray, rng: np.random.Generator
) -> tuple[Mapping[str, float], ...]:
    """Events by groups of equal expected number, ordered by expected hazard per time watched."""
    mean = by_row.mean(0)
    rate = mean / (table.weight * np.maximum(_middle(table) - table.start, 1e-300))
    order = np.argsort(rate, kind="stable")
    share = np.cumsum(mean[order]) / mean.sum()
    found = []
    for group, places in enumerate(
        np.split(order, np.searchsorted(share, np.arange(1, RISK_GROUPS) / RISK_GROUPS)), start=1
    ):
        if places.size:
            again = _again(by_row[:, places].sum(1), rng)
            seen = float((table.weight * table.event)[places].sum())
            found.append({"group": float(group), "observed": seen, **again})
    return tuple(found)


def _left_out(fit: SpellFit, table: SpellTable) -> dict[str, dict[str, Any]]:
    theta, module = _thinned(fit, LOO_DRAWS), spell_hazard()
    rows = row_arrays(table, fit.groups)
    places, subject = np.unique(table.subject, return_inverse=True)
    by_row = module.row_log_likelihood(theta, rows, np)
    by_subject = np.stack([np.bincount(subject, each, len(places)) for each in by_row])
    found = {"subject": (by_subject, [table.subjects[i] for i in places])}
    if fit.model.frailty:
        places, cluster = np.unique(table.cluster, return_inverse=True)
        own = {**rows, "pattern_cluster": cluster}
        by_cluster = module.cluster_log_likelihood(theta, own)
        found["cluster"] = (by_cluster, [table.clusters[i] for i in places])
    chains = fit.settings.chains
    return {
        name: leave_one_out(values.reshape((chains, -1, values.shape[-1])), labels, name)
        for name, (values, labels) in found.items()
        if len(labels) > 1
    }
