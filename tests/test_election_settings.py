"""``election.toml``: the shipped one, and what is wrong with three files told at once."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from durability.case_folders import find_case
from durability.election_settings import read_election
from durability.errors import InputError

SHIPPED = find_case("armenia_azerbaijan")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "case"
    shutil.copytree(SHIPPED, path)
    return path


def changed(folder: Path, old: str, new: str, *, name: str = "election.toml") -> Path:
    path = folder / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return folder


def test_the_shipped_election_is_read_with_its_law_and_lists() -> None:
    election = read_election("armenia_azerbaijan")
    rule = election.rules["E2026"]
    assert (rule.base_seats, rule.minority_seats, rule.bonus) == (101, 4, 52)
    assert rule.thresholds == {"party": 4.0, "alliance": 8.0, "large_alliance": 10.0}
    assert election.rules["E2018"].bonus == 54
    assert election.contenders["civil_contract"].constitution == "for"
    assert election.contenders["prosperous_armenia"].agreement == "unknown"
    assert list(election.past) == ["E2017", "E2018", "E2021", "Y2023"]
    assert election.wide == {"mpg", "civil_contract_site"}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('previous = "E2021"', 'previous = "E2020"', "elections.csv"),
        ('previous = "E2021"', 'previous = "E2026F"', "earlier election"),
        ('incumbent = "civil_contract"', 'incumbent = "civil"', "result at the previous"),
        ("followed_from = 3.0", 'followed_from = "3"', "must be a number"),
        ('election = "E2026"\nbase', 'election = "E2027"\nbase', r"needs its \[\[rule\]\]"),
        ("party = 4.0, ", "", "no party"),
        ("bonus = 52", "bonus = 90", "from 50 to 66"),
        ('kind = "party"\nagreement', 'kind = "club"\nagreement', "as the thresholds have it"),
        ('agreement = "for"', 'agreement = "yes"', "must be one of"),
        ('source = "Azatutyun, September 2025; GlobalSource', 'source = ""\n#', "needs its source"),
        ('name = "mpg"', 'name = "mgp"', "did you mean"),
        ("wide = true", "wide = 1", "true or false"),
        ('incumbent = "my_step"', 'incumbent = "my_stap"', "did you mean"),
        ("why = ", "wy = ", "unknown key"),
    ],
)
def test_what_is_wrong_is_told_with_file_and_line(
    folder: Path, old: str, new: str, said: str
) -> None:
    with pytest.raises(InputError, match=said) as caught:
        read_election(changed(folder, old, new))
    assert "election.toml line " in str(caught.value)


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("polls.csv", "civil_contract=28.8", "civil_contrct=28.8", "line 18, shares"),
        ("polls.csv", "P02,E2026,", "P02,E2062,", 'line 3, election: "E2062"; must be one of'),
        ("polls.csv", "wings_of_unity=1.5", "wing_of_unity=1.5", 'mean "wings_of_unity"'),
        ("election.toml", 'key = "dok"', 'key = "dokk"', "did you mean"),
        (
            "elections.csv",
            "Strong Armenia,strong_armenia,",
            "Strong Armenia,strong_armenai,",
            'line 3, key: "strong_armenai"; election.toml calls Strong Armenia "strong_armenia"',
        ),
    ],
)
def test_a_misspelt_key_of_a_list_is_told_in_every_file(
    folder: Path, name: str, old: str, new: str, said: str
) -> None:
    with pytest.raises(InputError, match=re.escape(said)) as caught:
        read_election(changed(folder, old, new, name=name))
    assert f"{name} line " in str(caught.value)


def test_a_list_in_no_poll_and_no_result_is_refused(folder: Path) -> None:
    changed(folder, 'key = "strong_armenia"', 'key = "strong_armenian"')
    with pytest.raises(InputError) as caught:
        read_election(folder)
    assert 'list.key = "strong_armenian"; must be one of' in str(caught.value)
    assert 'did you mean "strong_armenia"? (polls.csv, elections.csv)' in str(caught.value)


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("elections.csv", "688761,53.91", ",100", 'share: "100"; a governing list'),
        ("elections.csv", "688761,53.91", ",0", 'share: "0"; a governing list'),
        ("elections.csv", "75494,32.57", ",0", 'share: "0"; a governing list'),
        ("elections.csv", "688761,53.91", "688761,0.5391", "must be that of the 688761 votes"),
        ("polls.csv", "republican_party=22.8", "republican_party=0", "between 0 and the 68.9"),
        (
            "polls.csv",
            "republican_party=22.8|tsarukyan=26.4",
            "republican_party=68.9",
            'line 22, shares: "republican_party=68.9"',
        ),
        (
            "polls.csv",
            "republican_party=22.8|tsarukyan=26.4,refuse=14.1|dont_know=17",
            "republican_party=0,refuse=100",
            "between 0 and the 0 who",
        ),
    ],
)
def test_a_share_of_a_governing_list_has_odds(
    folder: Path, name: str, old: str, new: str, said: str
) -> None:
    with pytest.raises(InputError, match=re.escape(said)) as caught:
        read_election(changed(folder, old, new, name=name))
    assert f"{name} line " in str(caught.value)


def test_problems_of_all_three_files_are_told_at_once(folder: Path) -> None:
    changed(folder, "bonus = 54", "bonus = 5")
    changed(folder, "2024-07-10", "2024-07-32", name="polls.csv")
    changed(folder, "726489", "many", name="elections.csv")
    with pytest.raises(InputError) as caught:
        read_election(folder)
    for name in ("election.toml line", "polls.csv line 2", "elections.csv line 2"):
        assert name in str(caught.value)


def test_a_case_without_an_election_says_what_one_needs(folder: Path) -> None:
    (folder / "election.toml").unlink()
    with pytest.raises(InputError, match=r"polls\.csv and elections\.csv"):
        read_election(folder)
