"""Uncertainty of mean scores: by hand, and by simulation of clusters like history's."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from durability.agreements import read_agreements
from durability.skill import MeanScore, gain_words, mean_score, score_gain

NAN = float("nan")


@cache
def clusters() -> tuple[str, ...]:
    """Give the clusters of the agreements that train: one of 15 and many of 1."""
    return tuple(row.cluster for row in read_agreements() if row.set == "core")


def drawn(rng: np.random.Generator, *, mean: float, shared: float, skewed: bool) -> np.ndarray:
    """Draw scores of which a share of the variance is their cluster's."""
    names, place = np.unique(clusters(), return_inverse=True)

    def noise(n: int) -> np.ndarray:
        return (rng.gamma(1.5, 1.0, n) - 1.5) / 1.5**0.5 if skewed else rng.standard_normal(n)

    inside = np.sqrt(1.0 - shared) * noise(len(place))
    return mean + np.sqrt(shared) * noise(len(names))[place] + inside


def repeated(n: int, *, mean: float, shared: float, skewed: bool = False) -> list[MeanScore]:
    rng = np.random.default_rng(31)
    return [
        mean_score(drawn(rng, mean=mean, shared=shared, skewed=skewed), clusters())
        for _ in range(n)
    ]


def test_a_jackknife_by_hand() -> None:
    found = mean_score([0.1, 0.3, 0.2, 0.6], ["a", "a", "b", "c"])
    without = np.array([0.4, 1.0 / 3.0, 0.2])
    error = np.sqrt(2.0 / 3.0 * ((without - without.mean()) ** 2).sum())
    assert found.standard_error == pytest.approx(error)
    assert (found.rows, found.clusters) == (4, 3)
    assert found.worth == pytest.approx(16.0 / 6.0)
    assert (found.low + found.high) / 2.0 == pytest.approx(0.3)


def test_clusters_of_one_give_the_plain_interval() -> None:
    from scipy import stats

    scores = np.random.default_rng(2).gamma(2.0, size=25)
    found = mean_score(scores, [str(i) for i in range(25)], interval_probability=0.9)
    assert found.standard_error == pytest.approx(scores.std(ddof=1) / 5.0)
    wanted = stats.t.interval(0.9, 24, loc=scores.mean(), scale=scores.std(ddof=1) / 5.0)
    assert (found.low, found.high) == pytest.approx(wanted)


def test_names_of_clusters_and_order_of_rows_do_not_matter() -> None:
    scores = np.random.default_rng(4).normal(size=len(clusters()))
    order = np.random.default_rng(5).permutation(scores.size)
    one = mean_score(scores, clusters())
    other = mean_score(scores[order], [f"x{clusters()[i]}" for i in order])
    assert (one.mean, one.low, one.detectable) == pytest.approx(
        (other.mean, other.low, other.detectable)
    )


def test_a_cluster_written_twice_is_no_more_evidence() -> None:
    scores = np.random.default_rng(6).normal(size=12)
    names = [f"c{i // 2}" for i in range(12)]
    once, twice = mean_score(scores, names), mean_score(np.repeat(scores, 3), np.repeat(names, 3))
    assert once.standard_error == pytest.approx(twice.standard_error)
    assert once.detectable == pytest.approx(twice.detectable)


def test_unknown_scores_are_left_out_with_their_clusters() -> None:
    found = mean_score([0.2, NAN, 0.4, NAN], ["a", "b", "c", "c"])
    assert (found.rows, found.clusters, found.mean) == (2, 2, pytest.approx(0.3))


def test_one_cluster_says_nothing_of_its_uncertainty() -> None:
    found = mean_score([0.2, 0.4], ["a", "a"])
    assert np.isnan([found.low, found.high, found.standard_error]).all()
    assert found.detectable == float("inf")
    assert "no gain would be detectable" in gain_words(found)


def test_equal_forecasters_have_no_difference_to_find() -> None:
    scores = np.linspace(0.1, 0.4, 5)
    found = score_gain(scores, scores, list("abcde"))
    assert (found.mean, found.low, found.high, found.detectable) == (0.0, 0.0, 0.0, 0.0)


def test_what_cannot_be_averaged_is_refused() -> None:
    with pytest.raises(ValueError, match="one a row is needed"):
        mean_score([0.1, 0.2], ["a"])
    with pytest.raises(ValueError, match="infinite"):
        mean_score([0.1, np.inf], ["a", "b"])
    with pytest.raises(ValueError, match="infinite"):
        score_gain([np.inf, 0.1], [np.inf, 0.2], ["a", "b"])
    with pytest.raises(ValueError, match="no score is known"):
        mean_score([NAN, NAN], ["a", "b"])
    with pytest.raises(ValueError, match="the same rows"):
        score_gain([0.1, 0.2], [0.1], ["a", "b"])


def test_the_sign_of_a_gain_is_that_of_the_better_forecaster() -> None:
    assert score_gain([0.4, 0.5, 0.6], [0.1, 0.2, 0.25], list("abc")).low > 0.0
    assert score_gain([0.1, 0.2, 0.25], [0.4, 0.5, 0.6], list("abc")).high < 0.0


# ---- simulation ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shared", "skewed"), [(0.0, False), (0.3, False), (0.8, False), (0.3, True)]
)
def test_intervals_hold_the_truth_as_often_as_they_say(shared: float, skewed: bool) -> None:
    found = repeated(1200, mean=0.4, shared=shared, skewed=skewed)
    held = np.mean([each.low <= 0.4 <= each.high for each in found])
    assert 0.87 < held < 0.93


def test_intervals_without_clusters_would_hold_it_far_less_often() -> None:
    rng = np.random.default_rng(31)
    alone = [str(i) for i in range(len(clusters()))]
    held = [
        each.low <= 0.0 <= each.high
        for each in (
            mean_score(drawn(rng, mean=0.0, shared=0.3, skewed=False), alone) for _ in range(400)
        )
    ]
    assert np.mean(held) < 0.75


@pytest.mark.parametrize("shared", [0.0, 0.3])
def test_the_detectable_difference_is_found_four_times_in_five(shared: float) -> None:
    stated = np.mean([each.detectable for each in repeated(600, mean=0.0, shared=shared)])
    found = repeated(1200, mean=float(stated), shared=shared)
    assert np.mean([each.low > 0.0 for each in found]) == pytest.approx(0.8, abs=0.04)
    half = repeated(600, mean=float(stated) / 2.0, shared=shared)
    assert np.mean([each.low > 0.0 for each in half]) < 0.5


def test_a_difference_that_is_not_there_is_found_as_rarely_as_stated() -> None:
    found = repeated(1200, mean=0.0, shared=0.3)
    assert np.mean([each.low > 0.0 for each in found]) == pytest.approx(0.05, abs=0.02)
