"""Stacking: weights in closed form, against ArviZ and against simulated truths."""

from __future__ import annotations

import arviz as az
import numpy as np
import pytest
import xarray as xr
from scipy import stats

from durability import stacking
from durability.skill import mean_score
from durability.stacking import (
    compare_densities,
    held_out_weights,
    solve_stacking,
    stack_densities,
)

HIGH, LOW = 0.9, 0.2
"""Densities of a forecaster where it is right and where it is wrong."""


def two_sided(right_first: int, right_second: int) -> np.ndarray:
    """Two forecasters, each right about some outcomes and wrong about all others."""
    first = [HIGH] * right_first + [LOW] * right_second
    return np.log([first, [HIGH + LOW - each for each in first]])


def best_first(share: np.ndarray | float) -> np.ndarray:
    """Weight of the first of two such forecasters where it is right in a share of outcomes."""
    # n₁ (wb + (1-w)a) = n₂ (wa + (1-w)b), where the slope of the log score is zero.
    return np.clip((share * HIGH - (1.0 - share) * LOW) / (HIGH - LOW), 0.0, 1.0)


def apart(count: int) -> list[str]:
    return [f"c{i}" for i in range(count)]


# ---- weights ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("first", "second"), [(5, 3), (2, 9), (20, 1), (4, 4)])
def test_weights_of_two_forecasters_are_those_in_closed_form(first: int, second: int) -> None:
    found = stack_densities(
        two_sided(first, second), ["one", "two"], apart(first + second), resamples=1
    )
    wanted = best_first(first / (first + second))
    np.testing.assert_allclose(found.weights, [wanted, 1.0 - wanted], atol=1e-4)


def test_resampled_weights_follow_the_beta_law_of_the_counts() -> None:
    # With one outcome a cluster, the share of outcomes that the first told is Beta(5, 3).
    found = stack_densities(two_sided(5, 3), ["one", "two"], apart(8), resamples=4000, seed=3)
    share = stats.beta(5, 3)
    wanted = best_first(share.ppf([0.05, 0.95]))
    np.testing.assert_allclose([found.low[0], found.high[0]], wanted, atol=0.03)
    for weight in (0.3, 0.5, 0.7, 0.9):
        below = share.cdf((weight * (HIGH - LOW) + LOW) / (HIGH + LOW))
        assert (found.resampled[:, 0] < weight).mean() == pytest.approx(below, abs=0.025)


def test_weights_are_those_of_arviz() -> None:
    rng = np.random.default_rng(8)
    truth = rng.normal(0.4, 1.0, 40)
    trees = {
        name: _normal_model(truth, centre, spread, rng)
        for name, centre, spread in (("near", 0.5, 1.1), ("wide", 0.0, 2.0), ("off", -1.0, 0.8))
    }
    theirs = az.compare(trees, method="stacking", round_to="none")["weight"]
    densities = [az.loo(tree, pointwise=True).elpd_i.values for tree in trees.values()]
    ours = stack_densities(densities, list(trees), apart(40), resamples=1)
    np.testing.assert_allclose(ours.weights, [theirs[name] for name in trees], atol=2e-3)
    assert 0.02 < ours.weights.max() < 0.98  # the case is not a trivial one


def _normal_model(
    truth: np.ndarray, centre: float, spread: float, rng: np.random.Generator
) -> xr.DataTree:
    means = rng.normal(centre, 0.05, (2, 300))
    told = stats.norm(means[..., None], spread).logpdf(truth)
    return xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset({"mean": (("chain", "draw"), means)}),
            "log_likelihood": xr.Dataset({"y": (("chain", "draw", "row"), told)}),
        }
    )


@pytest.mark.parametrize("scale", [3.0, 0.1, 1e-4])
def test_no_other_weights_do_better_than_the_gap_says(scale: float) -> None:
    rng = np.random.default_rng(2)
    told = -rng.exponential(1.0, (50, 1)) + scale * rng.standard_normal((50, 4))
    weights, gaps = solve_stacking(told, np.full((1, 50), 1.0 / 50))
    others = rng.dirichlet(np.full(4, 0.3), 4000)
    scores = np.log(np.exp(told) @ np.concatenate([weights, others]).T).mean(axis=0)
    assert scores[1:].max() <= scores[0] + gaps[0] + 1e-12
    assert gaps[0] <= 1e-7


def test_the_forecaster_that_is_right_gets_the_weight() -> None:
    rng = np.random.default_rng(5)
    outcome = rng.random(3000) < 0.3
    told = [np.log(np.where(outcome, p, 1.0 - p)) for p in (0.1, 0.3, 0.7)]
    found = stack_densities(told, ["low", "true", "high"], apart(3000), resamples=1)
    # Mixtures of the two wrong ones can be as good as the right one; its mean is the truth.
    assert found.weights @ [0.1, 0.3, 0.7] == pytest.approx(outcome.mean(), abs=1e-4)


def test_a_forecaster_that_is_always_worse_gets_nothing() -> None:
    rng = np.random.default_rng(6)
    good = -rng.exponential(1.0, 30)
    found = stack_densities([good, good - 0.2], ["good", "bad"], apart(30))
    assert found.weights[1] == pytest.approx(0.0, abs=1e-6)
    assert found.high[1] < 1e-5


def test_the_order_of_forecasters_and_rows_does_not_matter() -> None:
    rng = np.random.default_rng(7)
    told = -rng.exponential(1.0, (3, 20))
    clusters = [f"c{i % 6}" for i in range(20)]
    rows, sets = rng.permutation(20), [2, 0, 1]
    plain = stack_densities(told, list("abc"), clusters, resamples=1)
    turned = stack_densities(
        told[sets][:, rows], list("cab"), [clusters[i] for i in rows], resamples=1
    )
    np.testing.assert_allclose(turned.weights, plain.weights[sets], atol=1e-6)


def test_what_is_common_to_all_forecasters_cancels() -> None:
    rng = np.random.default_rng(9)
    told = -rng.exponential(1.0, (3, 20))
    far = told - 800.0 * rng.random(20)
    names, clusters = list("abc"), apart(20)
    np.testing.assert_allclose(
        stack_densities(far, names, clusters, resamples=1).weights,
        stack_densities(told, names, clusters, resamples=1).weights,
        atol=1e-6,
    )


def test_a_cluster_as_one_outcome_is_the_sum_of_its_rows() -> None:
    rng = np.random.default_rng(10)
    told = -rng.exponential(1.0, (2, 9))
    clusters = ["a", "b", "a", "c", "b", "a", "d", "d", "e"]
    sums = [[row[np.array(clusters) == c].sum() for c in "abcde"] for row in told]
    whole = stack_densities(told, ["x", "y"], clusters, unit="cluster")
    summed = stack_densities(sums, ["x", "y"], list("abcde"))
    np.testing.assert_allclose(whole.weights, summed.weights)
    np.testing.assert_allclose(whole.resampled, summed.resampled)
    assert (whole.rows, whole.clusters) == (5, 5)


def test_rows_of_one_cluster_are_resampled_together() -> None:
    told = two_sided(5, 3)
    alone = stack_densities(told, ["x", "y"], ["all"] * 8)
    np.testing.assert_allclose(alone.resampled, np.tile(alone.weights, (2000, 1)), atol=1e-4)
    # Ten copies of every row in its own cluster say no more than one copy does.
    again = stack_densities(np.repeat(told, 10, axis=1), ["x", "y"], np.repeat(apart(8), 10))
    once = stack_densities(told, ["x", "y"], apart(8))
    np.testing.assert_allclose(again.resampled, once.resampled, atol=1e-4)


def test_a_problem_that_is_not_solved_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stacking, "STEPS_MOST", 2)
    with pytest.raises(ValueError, match="from the best"):
        stack_densities(two_sided(5, 3), ["one", "two"], apart(8))


# ---- differences --------------------------------------------------------------------------------


def test_a_difference_is_that_of_the_jackknife_over_clusters() -> None:
    rng = np.random.default_rng(11)
    told = -rng.exponential(1.0, (3, 12))
    clusters = [f"c{i // 4}" for i in range(12)]
    found = compare_densities(told, list("abc"), clusters)
    assert found.gains[2] == mean_score(told[2] - told[0], clusters)
    assert found.elpd == pytest.approx(told.sum(axis=1))
    assert (found.gains[0].mean, found.gains[0].standard_error) == (0.0, 0.0)
    assert (found.rows, found.clusters) == (12, 3)


@pytest.mark.parametrize(
    ("told", "names", "clusters", "said"),
    [
        ([[0.1, 0.2]], ["a", "b"], ["x", "y"], "2 names"),
        ([[0.1, 0.2], [0.1, 0.2]], ["a", "b"], ["x"], "1 clusters"),
        ([[0.1, -np.inf], [0.1, 0.2]], ["a", "b"], ["x", "y"], "not finite"),
    ],
)
def test_densities_that_do_not_fit_are_refused(
    told: list[list[float]], names: list[str], clusters: list[str], said: str
) -> None:
    for function in (compare_densities, stack_densities):
        with pytest.raises(ValueError, match=said):
            function(told, names, clusters)


# ---- weights that a cluster had no part in ------------------------------------------------------


@pytest.mark.parametrize("unit", ["agreement", "cluster"])
def test_held_out_weights_are_those_of_the_other_clusters_alone(unit: stacking.Unit) -> None:
    rng = np.random.default_rng(11)
    densities = rng.normal(-1.0, 0.8, (3, 24)) + np.array([[0.0], [0.2], [-0.3]])
    clusters, names = [f"c{i % 5}" for i in range(24)], ["one", "two", "three"]
    found = held_out_weights(densities, names, clusters, unit=unit)
    assert sorted(found) == sorted(set(clusters))
    for cluster, weights in found.items():
        rest = [i for i, each in enumerate(clusters) if each != cluster]
        alone = stack_densities(
            densities[:, rest], names, [clusters[i] for i in rest], unit=unit, resamples=1
        )
        np.testing.assert_allclose(weights, alone.weights, atol=1e-3)


def test_what_a_cluster_says_leaves_its_own_weights_as_they_are() -> None:
    densities, clusters = two_sided(6, 3), apart(9)
    before = held_out_weights(densities, ["one", "two"], clusters)
    changed = densities.copy()
    changed[:, 4] = [-5.0, -0.01]
    after = held_out_weights(changed, ["one", "two"], clusters)
    # All clusters' problems are solved side by side, until the last is: equal but for rounding.
    np.testing.assert_allclose(before["c4"], after["c4"], atol=1e-6)
    assert abs(before["c0"][0] - after["c0"][0]) > 0.01


def test_one_cluster_alone_has_no_others_to_learn_from() -> None:
    with pytest.raises(ValueError, match="one alone leaves nothing to learn from"):
        held_out_weights(two_sided(2, 1), ["one", "two"], ["same"] * 3)
