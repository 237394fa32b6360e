"""Backtests on a screen: densities beside each other, with what clusters leave open."""

from __future__ import annotations

from dataclasses import replace

import pytest
from test_backtests import told

from durability.backtest_screen import density_lines
from durability.skill import mean_score
from durability.stacking import stack_densities

FIRST = {"A": -4.0, "B": -2.5, "C": -7.0}
SECOND = {"A": -3.0, "B": -2.0, "C": -7.5}


def test_differences_are_sums_over_agreements_with_intervals_between_clusters() -> None:
    one, two = told("one", 0.2, FIRST), told("two", 0.6, SECOND)
    head, first, second = density_lines([one, two])
    assert head.split()[:4] == ["forecaster", "log", "density", "of"]
    assert first.split()[:2] == ["one", "−13.5"]
    clusters = one.left_out.clusters
    n = len(clusters)
    apart = [(SECOND[c] - FIRST[c]) / clusters.count(c) for c in clusters]
    gain = mean_score(apart, clusters)
    wanted = [f"{n * each:+.1f}".replace("-", "−") for each in (gain.mean, gain.low, gain.high)]
    cells = second.split()
    assert cells[:6] == ["two", "−12.5", wanted[0], wanted[1], "to", wanted[2]]
    assert cells[6] == f"{n * gain.detectable:.1f}"
    assert wanted[0] == "+1.0"


def test_the_weights_shown_are_those_of_the_mixture_that_is_scored() -> None:
    """Both take a cluster as one outcome: by rows alone the answer would be another."""
    first, second = {"A": -1.0, "B": -6.0, "C": -2.0}, {"A": -4.0, "B": -1.0, "C": -3.0}
    tests = [told("one", 0.2, first), told("two", 0.6, second)]
    clusters = tests[0].left_out.clusters
    densities = [test.log_densities for test in tests]
    whole = stack_densities(densities, ["one", "two"], clusters, unit="cluster").weights
    rows = stack_densities(densities, ["one", "two"], clusters).weights
    assert f"{100 * whole[0]:.0f}%" != f"{100 * rows[0]:.0f}%"
    assert f"  {100 * whole[0]:.0f}%  " in list(density_lines(tests))[1]


def test_sets_are_stacked_within_one_version_of_the_ratings() -> None:
    one, two = told("one", 0.2, FIRST), told("two", 0.6, SECOND)
    hidden = replace(told("three", 0.4, FIRST), ratings="hidden")
    head, *rows = density_lines([one, two, hidden])
    assert "stacking weight" in head
    shares = [row.split("%")[0].split()[-1] for row in rows[:2]]
    assert sum(int(share) for share in shares) == 100
    assert "%" not in rows[2]
    # One set alone of each version has nothing to be mixed with.
    head, *rows = density_lines([one, hidden])
    assert "stacking" not in head
    assert rows[1].split()[1:6] == ["−13.5", "0.0", "0.0", "to", "0.0"]


@pytest.mark.parametrize("alone", [True, False])
def test_without_a_second_forecaster_or_clusters_there_are_sums_alone(alone: bool) -> None:
    one, two = told("one", 0.2, FIRST), told("two", 0.6, SECOND)
    tests = [one] if alone else [replace(each, by="year") for each in (one, two)]
    head, *rows = density_lines(tests)
    assert head.split() == ["forecaster", "log", "density", "of", "outcomes"]
    assert rows[0].split() == ["one", "−13.5"]
