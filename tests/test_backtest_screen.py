"""Backtests on a screen: densities beside each other, with what clusters leave open."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from test_backtests import told

from durability.backtest_screen import density_lines
from durability.skill import mean_score

FIRST = {"A": -4.0, "B": -2.5, "C": -7.0}
SECOND = {"A": -3.0, "B": -2.0, "C": -7.5}


def test_differences_are_between_clusters_and_sums_of_joint_densities() -> None:
    one, two = told("one", 0.2, FIRST), told("two", 0.6, SECOND)
    head, first, second = density_lines([one, two])
    assert head.split()[:4] == ["forecaster", "log", "density", "of"]
    assert first.split()[:2] == ["one", "−13.5"]
    apart = np.array([1.0, 0.5, -0.5])
    gain = mean_score(apart, ["A", "B", "C"])
    wanted = [f"{3 * each:+.1f}".replace("-", "−") for each in (gain.mean, gain.low, gain.high)]
    cells = second.split()
    assert cells[:6] == ["two", "−12.5", wanted[0], wanted[1], "to", wanted[2]]
    assert cells[6] == f"{3 * gain.detectable:.1f}"
    assert wanted[0] == "+1.0"


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
