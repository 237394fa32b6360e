"""``elections.csv``: the shipped results against what was compiled, and every problem at once."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from durability.case_folders import find_case
from durability.elections import read_results
from durability.errors import InputError

SHIPPED = find_case("armenia_azerbaijan") / "elections.csv"
HEADER = (
    "election,date,known,type,list,key,kind,votes,share,seats,seats_total,ballots,valid,invalid"
)


def written(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "elections.csv"
    path.write_text("\n".join([HEADER, *lines]) + "\n", encoding="utf-8")
    return path


def test_every_compiled_result_by_list_is_shipped(reference_data: Path) -> None:
    with (reference_data / "case" / "elections.csv").open(encoding="utf-8", newline="") as file:
        raw = [row for row in csv.DictReader(file) if not row["list"].startswith("(")]
    results = read_results(SHIPPED)
    shipped = [
        (election, each.name, each.votes, round(100 * each.share, 3), each.seats)
        for election, result in results.items()
        for each in result.lists.values()
    ]
    assert shipped == [
        (
            row["event_id"],
            row["list"],
            int(row["votes"]) if row["votes"] else None,
            float(row["share_pct"]),
            int(row["seats"]) if row["seats"] else None,
        )
        for row in raw
    ]


def test_the_legal_base_is_ballots_for_lists_and_inaccuracies() -> None:
    results = read_results(SHIPPED)
    assert results["E2026"].legal_base == 1_460_171
    assert results["E2026"].inaccuracies == 3_820
    assert results["E2021"].inaccuracies == 1_211
    # Where the ballots are not told: what the largest list's share is of.
    assert results["E2017"].legal_base == pytest.approx(770_718 / 0.4915)
    assert results["E2017"].inaccuracies is None


def test_a_result_is_known_on_the_day_that_the_file_says_else_two_weeks_later() -> None:
    results = read_results(SHIPPED)
    assert results["E2026"].known.isoformat() == "2026-06-08"
    assert results["E2018"].known.isoformat() == "2018-12-23"


@pytest.mark.parametrize(
    ("second", "said"),
    [
        ("E1,2025-01-06,,parliamentary,B,b,party,10,9.1,1,10,120,110,5", "one election"),
        ("E1,2025-01-05,,parliamentary,B,a,party,10,9.1,1,10,120,110,5", "unique"),
        ("E1,2025-01-05,,parliamentary,B,b,party,90,9.1,1,10,120,110,5", "at least the votes"),
        ("E1,2025-01-05,,parliamentary,B,b,party,10,9.1,9,10,120,110,5", "at least the seats"),
        ("E1,2025-01-05,,parliamentary,B,b,party,10,12,1,10,120,110,5", "from 8.33 to 9.09"),
        ("E1,2025-01-05,,parliamentary,B,b,party,10,0.09,1,10,120,110,5", "line 3, share"),
        ("E1,2025-01-05,,parliamentary,B,b,party,,50,1,10,120,110,5", "come to 104.5 percent"),
        ("E1,2025-01-05,,parliamentary,B,b,party,10,110,1,10,120,110,5", "from 0 to 100"),
    ],
)
def test_what_is_wrong_with_a_result_is_told(tmp_path: Path, second: str, said: str) -> None:
    first = "E1,2025-01-05,,parliamentary,A,a,party,60,54.5,6,10,120,110,5"
    with pytest.raises(InputError, match=said):
        read_results(written(tmp_path, first, second))


@pytest.mark.parametrize("tail", ["60,0.545,6,10,,,", ",0.545,6,10,,,"])
def test_shares_written_as_fractions_are_refused(tmp_path: Path, tail: str) -> None:
    rows = [f"E1,2025-01-05,,parliamentary,A,a,party,{tail}"]
    rows += ["E1,2025-01-05,,parliamentary,B,b,party,,0.454,4,10,,,"]
    with pytest.raises(InputError, match=r"line 2, share: \"0.545\"; must be percent"):
        read_results(written(tmp_path, *rows))


def test_without_ballots_the_legal_base_needs_a_list_with_votes_and_share(tmp_path: Path) -> None:
    rows = [
        "E1,2025-01-05,,parliamentary,A,a,party,60,0,6,10,,,",
        "E2,2025-01-05,,parliamentary,A,a,party,,60,6,10,,,",
        "E2,2025-01-05,,parliamentary,B,b,party,20,25,4,10,,,",
    ]
    results = read_results(written(tmp_path, rows[1], rows[2]))
    assert results["E2"].legal_base == pytest.approx(80.0)
    results = read_results(written(tmp_path, rows[0].replace(",60,", ",0,")))
    assert results["E1"].legal_base is None


def test_all_ballots_invalid_are_refused(tmp_path: Path) -> None:
    row = "E1,2025-01-05,,parliamentary,A,a,party,,60,6,10,120,,120"
    with pytest.raises(InputError, match="fewer than the ballots"):
        read_results(written(tmp_path, row))


def test_all_problems_of_the_file_are_told_at_once(tmp_path: Path) -> None:
    rows = [
        "E1,2025-01-05,2025-01-01,vote,A,a,party,60,60,6,10,100,110,5",
        "E2,2025-13-05,,parliamentary,B,b,party,x,10,1,,,,",
    ]
    with pytest.raises(InputError) as caught:
        read_results(written(tmp_path, *rows))
    told = str(caught.value)
    for part in (
        "line 2, known",
        "line 2, type",
        "line 2, ballots",
        "line 3, date",
        "line 3, votes",
    ):
        assert part in told
