"""The likelihood of spells: row by row, by numerical integration, and collapsed."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from durability.spell_groups import SpellGroups, group_spells, row_arrays
from durability.spell_tables import SpellTable, read_spells

spells = import_module("durability.models.spells")


def made(*, whole_months: bool = False, count: int = 60) -> SpellTable:
    """A table with everything in it: entry, intervals, weights, clusters, strata, repeated rows."""
    rng = np.random.default_rng(11)
    begin = np.where(rng.random(count) < 0.5, rng.uniform(0.0, 5.0, count), 0.0)
    until = begin + rng.uniform(0.5, 9.0, count)
    if whole_months:
        begin, until = np.floor(begin), np.ceil(until)
    event = (rng.random(count) < 0.6).astype(float)
    last = np.where((event > 0) & (rng.random(count) < 0.5), until + 1.5, until)
    until[0], begin[0], event[0], last[0] = 0.0, 0.0, 1.0, 0.7  # watched for no time at all
    data = {
        "a": begin,
        "b": until,
        "c": last,
        "e": event,
        "x": np.round(rng.normal(size=count), 1 if whole_months else 6),
        "z": (rng.random(count) < 0.3) * 1.0,
        "w": rng.integers(1, 4, count).astype(float),
        "g": rng.integers(0, 7, count),
        "h": np.where(rng.random(count) < 0.5, "one", "two"),
    }
    return read_spells(
        data,
        start="a",
        stop="b",
        end="c",
        event="e",
        covariates=["x", "z"],
        weights="w",
        cluster="g",
        strata="h",
    )


def theta_of(table: SpellTable, draws: int = 3) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(12)
    return {
        "intercept": rng.normal(size=(draws, 2)),
        "log_shape": rng.normal(0.0, 0.4, (draws, 2)),
        "effect": rng.normal(size=(draws, 2)),
        "frailty_sd": rng.uniform(0.3, 1.5, draws),
        "frailty_raw": rng.normal(size=(draws, 7)),
    }


def by_hand(table: SpellTable, groups: SpellGroups, theta: dict[str, np.ndarray]) -> np.ndarray:
    """Log-likelihood of every row for the first draw, its hazard integrated numerically."""
    found = []
    for i in range(len(table)):
        s = np.exp(theta["log_shape"][0, table.stratum[i]])
        x = (table.design[i] - groups.centre) / groups.scale
        eta = theta["intercept"][0, table.stratum[i]] + float(theta["effect"][0] @ x)
        eta += float(theta["frailty_sd"][0] * theta["frailty_raw"][0, table.cluster[i]])

        def hazard(t: float, s: float = s, eta: float = eta) -> float:
            return float(np.exp(eta) * s * (t / groups.unit) ** (s - 1.0) / groups.unit)

        watched = quad(hazard, table.start[i], table.stop[i])[0]
        value = -watched
        if table.within[i]:
            value += np.log(-np.expm1(-quad(hazard, table.stop[i], table.end[i])[0]))
        elif table.event[i]:
            value += np.log(hazard(table.stop[i]))
        found.append(table.weight[i] * value)
    return np.array(found)


def test_every_row_is_its_hazard_integrated() -> None:
    table = made()
    groups, theta = group_spells(table), theta_of(table)
    rows = spells.row_log_likelihood(theta, row_arrays(table, groups), np)
    assert rows[0] == pytest.approx(by_hand(table, groups, theta), rel=2e-5, abs=2e-5)


@pytest.mark.parametrize("whole_months", [False, True])
def test_the_collapsed_likelihood_is_the_sum_of_the_rows(whole_months: bool) -> None:
    table = made(whole_months=whole_months, count=300)
    groups, theta = group_spells(table), theta_of(table)
    rows = spells.row_log_likelihood(theta, row_arrays(table, groups), np).sum(-1)
    assert spells.log_likelihood(theta, groups.arrays, np) == pytest.approx(rows, rel=1e-10)


def test_at_shape_one_the_collapsed_likelihood_is_the_exponential() -> None:
    table = made(whole_months=True, count=300)
    theta = {k: v for k, v in theta_of(table).items() if k != "log_shape"}
    groups = group_spells(table, exponential=True)
    rows = spells.row_log_likelihood(theta, row_arrays(table, groups), np).sum(-1)
    assert spells.log_likelihood(theta, groups.arrays, np) == pytest.approx(rows, rel=1e-10)


def test_the_order_of_rows_and_the_unit_of_time_do_not_matter() -> None:
    table = made(count=80)
    theta = theta_of(table)
    whole = spells.log_likelihood(theta, group_spells(table).arrays, np)
    order = np.random.default_rng(1).permutation(len(table))
    columns = ("start", "stop", "end", "event", "weight", "design", "cluster", "stratum")

    mixed = replace(table, **{n: getattr(table, n)[order] for n in columns})
    assert spells.log_likelihood(theta, group_spells(mixed).arrays, np) == pytest.approx(whole)
    days = replace(table, **{n: 30.0 * getattr(table, n) for n in ("start", "stop", "end")})
    exact = float((table.weight * table.event * ~table.within).sum())
    shifted = spells.log_likelihood(theta, group_spells(days).arrays, np)
    assert shifted == pytest.approx(whole - exact * np.log(30.0))


def test_a_clusters_frailty_is_integrated_as_quadrature_does() -> None:
    table = made(count=40)
    groups, theta = group_spells(table), theta_of(table)
    rows = row_arrays(table, groups)
    found = spells.cluster_log_likelihood(theta, rows)
    for draw, cluster in ((0, 2), (1, 5), (2, 0)):
        scale = theta["frailty_sd"][draw]

        def density(u: float, draw: int = draw, cluster: int = cluster, s: float = scale) -> float:
            own = {n: v[draw : draw + 1] for n, v in theta.items()}
            own["frailty_raw"] = np.full((1, 7), u / s)
            value = spells.row_log_likelihood(own, rows, np)[0][table.cluster == cluster].sum()
            return float(np.exp(value + 40.0) * norm.pdf(u, scale=s))

        wanted = np.log(quad(density, -9.0 * scale, 9.0 * scale, limit=200, points=[0.0])[0])
        assert found[draw, cluster] == pytest.approx(wanted - 40.0, abs=2e-3)


def test_pymc_reads_the_same_likelihood() -> None:
    from durability.spells import build_spells

    model = build_spells(made(count=50))
    theta = {n: v[0] for n, v in theta_of(model.table).items()}
    built: Any = model.to_pymc()
    point = {k: v for k, v in theta.items() if k != "frailty_sd"}
    point["frailty_sd_log__"] = np.log(theta["frailty_sd"])
    events, intervals = built.compile_logp(
        vars=[built["events"], built["intervals"]], sum=False, jacobian=False, mode="FAST_COMPILE"
    )(point)
    own = {n: v[None] for n, v in theta.items()}
    wanted = spells.log_likelihood(own, model.arrays, np)[0]
    assert events.sum() + intervals.sum() == pytest.approx(wanted)
