"""Worth: closed forms of two states, nothing where nothing can be learned, errors that are true."""

from __future__ import annotations

import math

import numpy as np
import pytest

from durability.information import decision_worth, estimated, score_worth, sums


def bits(p: float) -> float:
    return -p * math.log2(p) - (1.0 - p) * math.log2(1.0 - p)


def world(
    draws: int, seed: int, *, likely: float = 0.3, risks: tuple[float, float] = (0.05, 0.4)
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two ways of coming out, each with a risk of its own and noise that has mean zero."""
    rng = np.random.default_rng(seed)
    first = rng.random((draws, 2)) < likely
    ways = np.stack([first, ~first], axis=-1) * 1.0
    chance = np.where(first, *risks) * (1.0 + 0.3 * rng.uniform(-1.0, 1.0, first.shape))
    return ways, chance, np.full((draws, 2), 0.5 / draws)


def test_two_states_have_their_closed_form() -> None:
    ways, chance, weights = world(20_000, 1)
    whole = 0.3 * 0.05 + 0.7 * 0.4
    exact = 1000.0 * (bits(whole) - 0.3 * bits(0.05) - 0.7 * bits(0.4))
    found = estimated(sums(ways, chance, weights, chains=4), score_worth)
    assert abs(found["mean"] - exact) < 4.0 * found["mcse"]
    assert found["mcse"] < 0.03 * exact


@pytest.mark.parametrize(
    ("cost", "exact"),
    [(0.2, 0.2 - 0.3 * 0.05 - 0.7 * 0.2), (0.35, 0.295 - 0.3 * 0.05 - 0.7 * 0.35), (0.5, 0.0)],
)
def test_a_decision_gains_what_its_closed_form_says(cost: float, exact: float) -> None:
    """Act anyway and need not in one way; wait anyway and act in the other; never act."""
    ways, chance, weights = world(20_000, 2)
    found = decision_worth(sums(ways, chance, weights, chains=4), cost)
    assert abs(found["mean"] - exact) <= 4.0 * found["mcse"]
    assert (found["mean"] == 0.0) == (exact == 0.0)


def test_a_coin_that_settles_the_matter_is_worth_a_thousand() -> None:
    first = np.arange(4000) % 2 == 0
    ways = np.stack([first, ~first], axis=-1)[:, None, :] * 1.0
    even = np.full((4000, 1), 1.0 / 4000)
    found = estimated(sums(ways, first[:, None] * 1.0, even, chains=4), score_worth)
    assert found["mean"] == pytest.approx(1000.0)


def test_what_cannot_matter_is_worth_nothing_within_its_error() -> None:
    """Also on average, where the plain estimate is too high."""
    found, plain = [], []
    for seed in range(40):
        ways, chance, weights = world(400, seed, risks=(0.2, 0.2))
        added = sums(ways, chance, weights, chains=4)
        found.append(estimated(added, score_worth))
        total = added.ways.sum(axis=0)
        plain.append(float(score_worth(total, added.broken.sum(axis=0) / total)))
    means = np.array([each["mean"] for each in found])
    error = means.std(ddof=1) / math.sqrt(len(means))
    assert abs(means.mean()) < 3.0 * error
    assert np.mean(plain) > 4.0 * error
    within = [abs(each["mean"]) < 3.0 * each["mcse"] for each in found]
    assert np.mean(within) > 0.9
    assert all(
        decision_worth(sums(*world(400, s, risks=(0.2, 0.2)), chains=4), 0.3)["mean"] == 0.0
        for s in range(5)
    )


def test_errors_are_those_of_other_seeds() -> None:
    for worth in ("score", "decision"):
        found = []
        for seed in range(60):
            added = sums(*world(1000, seed), chains=4)
            score = worth == "score"
            found.append(estimated(added, score_worth) if score else decision_worth(added, 0.2))
        scatter = np.std([each["mean"] for each in found], ddof=1)
        told = np.mean([each["mcse"] for each in found])
        assert told == pytest.approx(scatter, rel=0.3)


def test_near_the_cost_a_decision_is_not_told_to_gain_too_much() -> None:
    """Both ways lie at the cost: the plain estimate gains always, this on average nothing."""
    gains, plain = [], []
    for seed in range(80):
        ways, chance, weights = world(400, seed, risks=(0.2, 0.2))
        added = sums(ways, chance, weights, chains=4)
        gains.append(decision_worth(added, 0.2))
        total, broken = added.ways.sum(axis=0), added.broken.sum(axis=0)
        plain.append(min(broken.sum(), 0.2) - np.minimum(broken, 0.2 * total).sum())
    means = np.array([each["mean"] for each in gains])
    error = means.std(ddof=1) / math.sqrt(len(gains))
    assert means.mean() < 2.0 * error
    assert np.mean([abs(g["mean"]) <= 3.0 * g["mcse"] for g in gains]) > 0.9
    assert min(plain) > -1e-12
    assert np.mean(plain) > 4.0 * np.std(plain, ddof=1) / math.sqrt(len(plain))


def test_blocks_hold_all_that_there_is() -> None:
    ways, chance, weights = world(402, 3)
    added = sums(ways, chance, weights, chains=2)
    assert len(added.ways) == 40
    np.testing.assert_allclose(added.ways.sum(axis=0), (ways * weights[..., None]).sum(axis=(0, 1)))
    few = sums(*world(3, 1), chains=3)
    assert len(few.ways) == 3
