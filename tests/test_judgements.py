"""What an expert said: quantiles and chips, checked, and read from a prior file."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from durability.errors import InputError
from durability.judgements import Judgement, from_chips, from_quantiles
from durability.prior_sets import read_priors

DAY = date(2026, 11, 22)
HEAD = (
    'format = 1\n[effect_trust]\ndistribution = "normal"\nmean = 0.3\nsd = 0.4\nunit = "u"\n'
    'meaning = "m"\nreason = "r"\nsource = "s"\nstatus = "elicited"\n'
)


def read(folder: Path, elicited: str) -> Judgement | None:
    path = folder / "said.toml"
    path.write_text(f"{HEAD}elicited = {elicited}\n", encoding="utf-8")
    return read_priors(path).parameters["effect_trust"].elicited


def test_chips_are_quantiles_at_the_inner_edges() -> None:
    said = from_chips("A", DAY, [0, 1, 2, 3, 4], [1, 4, 3, 2])
    assert dict(said.stated) == {0.1: 1.0, 0.5: 2.0, 0.8: 3.0}
    assert said.resolution == 0.05


def test_empty_bins_at_the_ends_state_nothing_and_inside_their_middle() -> None:
    said = from_chips("A", DAY, [0, 1, 2, 5, 6, 7], [0, 3, 0, 1, 0])
    # Between 2 and 5 lies no chip: three quarters lie below some place in between.
    assert dict(said.stated) == {0.75: 3.5}


def test_uneven_bins_are_taken_as_they_are() -> None:
    said = from_chips("A", DAY, [-5, -1, 0, 10], [5, 4, 1])
    assert dict(said.stated) == {0.5: -1.0, 0.9: 0.0}


@pytest.mark.parametrize(
    ("bins", "chips", "told"),
    [
        ([0, 1, 2], [1, 2, 3], "3 bins have 4 edges, not 3"),
        ([0, 1, 1, 2], [1, 2, 3], "edges must rise"),
        ([0, 1, float("nan"), 2], [1, 2, 3], "finite"),
        ([0, 1, 2, 3], [1, -2, 3], "whole number of chips"),
        ([0, 1, 2, 3], [0, 5, 0], "all chips in one bin"),
        ([0, 1], [5], "from 2 to 100 bins"),
    ],
)
def test_bad_bins_and_chips_are_refused(bins: list[float], chips: list[int], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        from_chips("A", DAY, bins, chips)


@pytest.mark.parametrize(
    ("quantiles", "told"),
    [
        ({0.05: 1.0, 0.95: 1.0}, "must rise"),
        ({0.05: 2.0, 0.95: 1.0}, "must rise"),
        ({0.0: 2.0}, "between 0 and 1"),
        ({1.0: 2.0}, "between 0 and 1"),
        ({0.5: float("inf")}, "finite"),
        ({}, "from 1 to 100"),
        ({(i + 1) / 200: float(i) for i in range(101)}, "from 1 to 100"),
    ],
)
def test_bad_quantiles_are_refused(quantiles: dict[float, float], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        from_quantiles("A", DAY, quantiles)


@pytest.mark.parametrize("expert", ["", "  ", "a\nb", "a\x1b[2J", "x" * 201])
def test_an_expert_has_a_name_of_one_line(expert: str) -> None:
    with pytest.raises(ValueError, match="one line"):
        from_quantiles(expert, DAY, {0.5: 1.0})


def test_a_judgement_in_a_file_is_read(tmp_path: Path) -> None:
    said = read(
        tmp_path, '{ expert = "A", date = 2026-11-22, quantiles = { "0.05" = -1, "0.9" = 2 }}'
    )
    assert said == from_quantiles("A", DAY, {0.05: -1.0, 0.9: 2.0})
    said = read(tmp_path, '{ expert = "A", date = 2026-11-22, bins = [0, 1, 3], chips = [2, 5] }')
    assert said == from_chips("A", DAY, [0, 1, 3], [2, 5])


@pytest.mark.parametrize(
    ("elicited", "told"),
    [
        ('"A"', "must be an inline table"),
        ('{ expert = "A", date = 2026-11-22 }', "give quantiles, or bins and chips"),
        ('{ expert = "A", date = "2026-11-22", quantiles = { "0.5" = 1 } }', "has no date"),
        ('{ date = 2026-11-22, quantiles = { "0.5" = 1 } }', "names no expert"),
        ('{ expert = "A", date = 2026-11-22, quantils = { "0.5" = 1 } }', 'mean "quantiles"'),
        ('{ expert = "A", date = 2026-11-22, quantiles = { "x" = 1 } }', "cannot be read"),
        ('{ expert = "A", date = 2026-11-22, quantiles = { "0.5" = "1" } }', "not a number"),
        ('{ expert = "A", date = 2026-11-22, bins = [0, 1, 2], chips = [1.5, 2] }', "whole number"),
        ('{ expert = "A", date = 2026-11-22, bins = 3, chips = [1, 2] }', "lists of numbers"),
    ],
)
def test_what_is_wrong_with_a_judgement_is_told_with_its_line(
    tmp_path: Path, elicited: str, told: str
) -> None:
    with pytest.raises(InputError, match=told) as caught:
        read(tmp_path, elicited)
    assert "line 11" in str(caught.value)
