"""``polls.csv``: the shipped polls against what was compiled, and every problem with its line."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from durability.case_folders import find_case
from durability.errors import InputError
from durability.polls import read_polls

SHIPPED = find_case("armenia_azerbaijan") / "polls.csv"
HEADER = (
    "poll,election,pollster,house,field_start,field_end,published,respondents,basis,exit,"
    "shares,undecided,whole,left_out,source,url,grade"
)
GOOD = (
    "A1,E1,A house,house,2025-01-02,2025-01-06,2025-01-09,1000,all,0,a=40|b=20,refuse=30,1,,s,u,B"
)


def written(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "polls.csv"
    path.write_text("\n".join([HEADER, *lines]) + "\n", encoding="utf-8")
    return path


def test_every_compiled_poll_is_shipped_with_its_source_and_grade(reference_data: Path) -> None:
    with (reference_data / "case" / "polls.csv").open(encoding="utf-8", newline="") as file:
        raw = {row["poll_id"]: row for row in csv.DictReader(file)}
    polls = {poll.id: poll for poll in read_polls(SHIPPED)}
    assert list(polls) == list(raw)
    for name, poll in polls.items():
        assert (poll.source, poll.url) == (raw[name]["source_title"], raw[name]["url"])
        assert (poll.grade, poll.respondents or "") == (raw[name]["grade"], _int(raw[name]["n"]))
        assert (poll.exit, poll.pollster) == (
            raw[name]["series"] == "exit" or name == "H02",
            raw[name]["pollster"],
        )


def _int(cell: str) -> int | str:
    return int(cell) if cell else ""


def test_shares_among_the_named_are_those_of_the_compiled_file(reference_data: Path) -> None:
    with (reference_data / "case" / "polls.csv").open(encoding="utf-8", newline="") as file:
        told = {r["poll_id"]: r["inc_share_of_named"] for r in csv.DictReader(file)}
    checked = 0
    for poll in read_polls(SHIPPED):
        if told[poll.id]:
            governing = next(iter(poll.shares))
            assert 100 * poll.among_named(governing) == pytest.approx(float(told[poll.id]), abs=0.1)
            checked += 1
    assert checked == 18


def test_a_poll_that_does_not_tell_all_answers_has_no_share_of_undecided(tmp_path: Path) -> None:
    part = GOOD.replace("A1", "A2").replace(",1,,s", ",0,,s")
    voters = "A3,E1,A house,house,2025-01-02,2025-01-02,2025-01-09,,voters,1,a=40,,1,,s,u,C"
    whole, open_, exit_ = read_polls(written(tmp_path, GOOD, part, voters))
    assert (whole.unnamed, open_.unnamed, exit_.unnamed) == (0.3, None, 0.0)
    assert whole.among_named("a") == pytest.approx(40 / 70)
    assert open_.among_named("a") == pytest.approx(40 / 60)
    # All who are asked on leaving named a list, whatever else the report leaves out.
    assert exit_.among_named("a") == replace(exit_, whole=False).among_named("a") == 0.4
    assert (exit_.respondents, whole.middle.isoformat()) == (None, "2025-01-04")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("2025-01-06", "2025-01-01"), "is before field_start"),
        (("2025-01-09", "2025-01-05"), "is before the field work ended"),
        (("all", "everyone"), "must be one of"),
        (("a=40", "a=90"), "not come to more than 100"),
        (("a=40", "a:40"), "write name=percent"),
        (("b=20", "a=20"), "twice"),
        (("a=40|b=20", ""), "shares"),
        (("A1,E1", "A1,"), "election"),
        (("all,0", "voters,0"), "undecided"),
        (("all,0", "closeness,0"), "no vote intention"),
        (("1000", "12"), "whole number from 50"),
        (("u,B", "u,Z"), "must be one of"),
    ],
)
def test_what_is_wrong_with_a_poll_is_told_with_its_line(
    tmp_path: Path, change: tuple[str, str], said: str
) -> None:
    bad = (
        GOOD.replace("A1", "A2").replace(*change) if change[0] != "A1,E1" else GOOD.replace(*change)
    )
    first = GOOD if change[0] != "A1,E1" else GOOD.replace("A1", "A0")
    with pytest.raises(InputError) as caught:
        read_polls(written(tmp_path, first, bad))
    assert "line 3" in str(caught.value)
    assert said in str(caught.value)


def test_all_problems_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    rows = [GOOD, GOOD.replace("all", "none"), GOOD.replace("A1", "A3").replace("40", "x")]
    with pytest.raises(InputError) as caught:
        read_polls(written(tmp_path, *rows))
    places = [problem.where for problem in caught.value.problems]
    assert {place.split(",")[0].rpartition(" ")[2] for place in places} == {"3", "4"}
    assert len(places) >= 3
