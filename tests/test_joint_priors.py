"""The tables of a posterior in a prior file: every mistake is told, none gets through."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from continued import parts, revised

from durability.errors import InputError
from durability.joint_priors import joint_text
from durability.prior_sets import read_priors
from durability.prior_writing import priors_text


@pytest.fixture(scope="module")
def text() -> str:
    joint, lineage = parts(revised())
    return priors_text(revised().about, revised().parameters, more=joint_text(joint, lineage))


def told(folder: Path, text: str) -> list[str]:
    path = folder / "early.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_priors(path)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("pattern", "put", "says"),
    [
        (r"^unknowns = .*$", 'unknowns = ["a", "a"]', "[joint] unknowns"),
        (r"^unknowns = .*$", "unknowns = 3", "must be a list of different texts"),
        (r"^above_zero = .*$", "above_zero = 1", "[joint] above_zero"),
        (r"^scale = \[.*$", "scale = [1.0]", "[joint] scale cannot be read"),
        (r"^scale = \[[0-9.e-]+", "scale = [-1.0", "numbers above 0"),
        (r"^tail = \[[0-9.e-]+", "tail = [0.0", "numbers above 0"),
        (r"^location = \[[0-9.e-]+", "location = [nan", "[joint] location cannot be read"),
        (r"^location = \[-?[0-9.e-]+", "location = [true", "[joint] location cannot be read"),
        (r"^  \[-?[0-9.e-]+\],$", "  [0.1, 0.2],", "[joint] correlation cannot be read"),
        (r"^  \[-?[0-9.e-]+\],$", "  [1.5],", "it must be positive definite"),
        (r"^months = .*$", "", "[joint] months is missing"),
        (r"^weights = .*$", "weights = [0.5, 0.4]", "that add up to 1"),
        (r"^weights = .*$", "weights = [0.5, 0.5]", "[joint] centres cannot be read"),
        (r"^weights = .*$", "weights = [-1.0, 2.0]", "numbers above 0"),
        (r"^months = ", "mnths = []\nmonths = ", "[joint] mnths is unknown"),
        (r"^case = .*$", "case = 3", "[lineage] case"),
        (r"^cutoff = .*$", 'cutoff = "2026-03-31"', "must be a day"),
        (r"^assumptions = .*$", 'assumptions = { clock = "deal" }', "assumptions cannot be read"),
        (r"^observed_to = .*$", "observed_to = { war = 2026-03-31 }", "a day for each of force"),
        (r"^khat = .*$", 'khat = "low"', "[lineage] fidelity cannot be read"),
        (r"^khat = .*$", "khat = 0.1\nmore = 1", "[lineage] fidelity cannot be read"),
        (r'^"R001" = .*$', '"R001" = 7', 'of "R001" = "7"'),
        (r"^\[lineage\.news\]$", "[lineage.nws]", "[lineage] nws is unknown"),
    ],
)
def test_what_is_wrong_is_told(
    tmp_path: Path, text: str, pattern: str, put: str, says: str
) -> None:
    broken, found = re.subn(pattern, lambda _: put, text, count=1, flags=re.M)
    assert found == 1
    problems = told(tmp_path, broken)
    assert any(says in problem for problem in problems), problems
    assert all("early.toml" in problem for problem in problems)


def test_one_table_without_the_other_is_refused(tmp_path: Path, text: str) -> None:
    without = text[: text.index("[lineage]")]
    assert any("[joint] without [lineage]" in each for each in told(tmp_path, without))
    whole = priors_text("", revised().parameters)
    only = text[text.index("[lineage]") :]
    assert any("[lineage] without [joint]" in each for each in told(tmp_path, f"{whole}\n{only}"))
    assert any("is not a table" in each for each in told(tmp_path, f"joint = 3\n{whole}\n{only}"))


def test_numbers_and_rows_are_part_of_the_hash_and_dates_of_making_are_not(
    tmp_path: Path, text: str
) -> None:
    path = tmp_path / "early.toml"

    def hash_with(pattern: str, put: str) -> str:
        changed, found = re.subn(pattern, put, text, count=1, flags=re.M)
        assert found == 1
        path.write_text(changed, encoding="utf-8")
        return read_priors(path).hash

    same = revised().hash
    assert hash_with(r"^made = .*$", "made = 2030-01-01") == same
    assert hash_with(r'^reason = ".*"$', 'reason = "another"') == same
    assert hash_with(r'^"R001" = ".*"$', '"R001" = "0"') != same
    assert hash_with(r"^tail = \[[0-9.e-]+", "tail = [0.5") != same
    assert hash_with(r"^  \[-?[0-9.e-]+\],$", "  [0.0123],") != same


def test_a_set_of_another_layout_is_refused_before_anything_is_sampled(
    tmp_path: Path, text: str
) -> None:
    from worlds import CUTOFF, data

    path = tmp_path / "early.toml"
    path.write_text(text.replace('"persistence"', '"persitence"'), encoding="utf-8")
    with pytest.raises(InputError, match='unknown "persitence"'):
        data(None, cutoff=CUTOFF, after=read_priors(path))
