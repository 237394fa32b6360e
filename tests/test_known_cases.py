"""Shipped cases whose end is known: true to their rows, replayable, blind to what follows."""

from __future__ import annotations

import csv
import datetime as dt
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

import durability
from durability.agreements import Agreement, earlier_wars, read_agreements
from durability.assembly import ModelData, assemble
from durability.case_folders import list_cases
from durability.cases import Case, read_case
from durability.ladder import confrontations, eligible_shots
from durability.news import NewsItem
from durability.vocabulary import DRIVERS, MARKS, STREAMS

COMPILED = dt.date(2026, 11, 22)
SHIPPED = Path(durability.__file__).parent / "data"

OWN_ROW: Mapping[str, str] = {
    "ecuador_peru": "R049",
    "armenia_azerbaijan_2020": "R046",
    "ethiopia_eritrea": "R050",
}
"""The row of the reference class that is the agreement itself."""

STANDINGS: Mapping[str, Mapping[str, str]] = {
    "ecuador_peru": {"1995-02-28": "R049", "1998-10-26": "R064"},
    "armenia_azerbaijan_2020": {"2020-11-10": "R046"},
    "ethiopia_eritrea": {"2000-12-12": "R050"},
}
"""The row whose coders' ratings each day's standing repeats."""

CUTOFFS: Mapping[str, tuple[str, ...]] = {
    "ecuador_peru": ("1995-02-28", "1996-03-31", "1997-12-31", "1998-10-25", "1999-05-31"),
    "armenia_azerbaijan_2020": ("2020-11-10", "2021-06-30", "2022-09-30", "2023-09-20"),
    "ethiopia_eritrea": ("2000-12-12", "2002-04-30", "2003-12-31", "2006-12-31", "2008-07-31"),
}


@pytest.mark.parametrize("name", list_cases())
def test_what_is_said_of_an_outcome_was_known_with_it(name: str) -> None:
    """It is printed from that day on: nothing found out later may stand in it."""
    case = read_case(name)
    known = {item.id: item.known for item in case.news}
    outcomes = [each.outcome for each in case.conditions if each.outcome is not None]
    assert outcomes
    for outcome in outcomes:
        named = {*re.findall(r"\b[A-Z]\d{2,3}\b", outcome.why), *outcome.reported_by} & {*known}
        assert [each for each in sorted(named) if known[each] > outcome.known] == []


@pytest.fixture(scope="module", params=sorted(OWN_ROW))
def case(request: pytest.FixtureRequest) -> Case:
    return read_case(SHIPPED / "cases" / request.param)


@pytest.fixture(scope="module")
def replay(case: Case) -> tuple[ModelData, ...]:
    days = [dt.date.fromisoformat(day) for day in CUTOFFS[case.name]]
    return tuple(assemble(case, cutoff=day) for day in days)


@pytest.fixture(scope="module")
def agreements() -> tuple[Agreement, ...]:
    return read_agreements()


@pytest.fixture(scope="module")
def coded() -> dict[str, dict[str, str]]:
    with (SHIPPED / "agreements.csv").open(encoding="utf-8", newline="") as file:
        return {row["id"]: row for row in csv.DictReader(file)}


def items_of(name: str) -> dict[str, NewsItem]:
    return {item.id: item for item in read_case(SHIPPED / "cases" / name).news}


# Against the reference class ----------------------------------------------------------------


def test_they_stand_among_the_shipped_cases() -> None:
    assert set(OWN_ROW) | {"armenia_azerbaijan"} <= set(list_cases())


def test_clock_and_covariates_are_those_of_the_cases_own_row(
    case: Case, agreements: tuple[Agreement, ...], coded: dict[str, dict[str, str]]
) -> None:
    row = coded[OWN_ROW[case.name]]
    (own,) = [a for a in agreements if a.id == OWN_ROW[case.name]]
    assert case.clock_start.isoformat() == case.deal.isoformat() == row["start"]
    assert (case.dyad, case.cluster) == (row["dyad"], row["cluster"])
    assert case.covariates["war_outcome"] == row["war_outcome"]
    for key in ("contiguous", "third_party", "territorial_unresolved"):
        assert case.covariates[key] == int(row[key])
    assert case.covariates["earlier_wars"] == earlier_wars(own, agreements)


def test_what_happened_is_what_the_ladder_makes_of_the_cases_own_row(
    case: Case, agreements: tuple[Agreement, ...]
) -> None:
    # The class itself says nothing of force and deaths after 2014, where its events data end;
    # the row's dates of 2020 come from pages and are the case's to use.
    (own,) = [a for a in agreements if a.id == OWN_ROW[case.name]]
    events = confrontations(eligible_shots(own, "new"))
    derived = {}
    for rank, mark in enumerate(MARKS):
        first = next((e for e in events if MARKS.index(e[1]) >= rank), None)
        if first is not None and first[1] == mark and first[0].first <= case.covered_until:
            derived[mark] = first[0].first
    assert {event.rung: event.date for event in case.happened} == derived
    assert derived
    assert own.abrogated is None
    assert own.first_war is None
    assert set(case.observed_to) == set(STREAMS)
    assert all(day == case.covered_until for day in case.observed_to.values())


def test_standings_repeat_the_two_coders_of_history(
    case: Case, coded: dict[str, dict[str, str]]
) -> None:
    wanted = STANDINGS[case.name]
    assert Counter(s.date.isoformat() for s in case.standings) == dict.fromkeys(wanted, 2)
    for standing in case.standings:
        row = coded[wanted[standing.date.isoformat()]]
        for driver in DRIVERS:
            assert standing.ratings[driver] == int(row[f"coder_{standing.coder}_{driver}"])
            words = standing.reasons[driver].rstrip(".").lower()
            assert words in row[f"coder_{standing.coder}_rationale"].lower()


def test_no_row_that_tells_the_cases_own_story_trains(
    case: Case, replay: tuple[ModelData, ...], agreements: tuple[Agreement, ...]
) -> None:
    later = {a.id for a in agreements if a.dyad == case.dyad and a.start >= case.deal}
    assert later == set(case.excluded)
    for data in replay:
        trained = {agreement.id for agreement in data.agreements}
        assert trained.isdisjoint(later)
        assert all(agreement.start < data.cutoff for agreement in data.agreements)
    within = replace(case, excluded=())
    assert OWN_ROW[case.name] in {a.id for a in assemble(within).agreements}


# Replayed -----------------------------------------------------------------------------------


def test_every_item_lies_on_the_grid_and_was_known_in_time(case: Case) -> None:
    late = {item.id for item in case.news if item.known > case.covered_until}
    told_at_the_end = {"armenia_azerbaijan_2020": {"T027", "T034"}}
    assert late == told_at_the_end.get(case.name, set())
    for item in case.news:
        assert case.grid_start <= item.date <= case.covered_until, item.id
        assert item.known <= COMPILED
        assert item.known >= item.date or item.status == "scheduled", item.id


def test_each_cutoff_sees_what_was_known_by_then_and_nothing_else(
    replay: tuple[ModelData, ...],
) -> None:
    for data in replay:
        assert all(item.known <= data.cutoff for item in data.used)
        assert all(dt.date.fromisoformat(day) <= data.cutoff for day in data.coords["anchor"])
    for before, after in pairwise(replay):
        assert {item.id for item in before.used} < {item.id for item in after.used}
    assert set(replay[-1].coords["coder"]) >= {"a", "b", "c"}


def test_news_after_the_cutoff_changes_nothing(case: Case) -> None:
    middle = dt.date.fromisoformat(CUTOFFS[case.name][1])
    news = tuple(item for item in case.news if item.known <= middle)
    standings = tuple(standing for standing in case.standings if standing.date <= middle)
    short = replace(case, news=news, standings=standings)
    assert len(news) < len(case.news)
    assert assemble(short, cutoff=middle).hash() == assemble(case, cutoff=middle).hash()


def test_the_settlement_anchors_ecuador_and_peru_from_its_own_day_on() -> None:
    case = read_case(SHIPPED / "cases" / "ecuador_peru")
    eve, day = (assemble(case, cutoff=dt.date(1998, 10, d)) for d in (25, 26))
    assert eve.coords["anchor"] == ("1995-02-28",)
    assert day.coords["anchor"] == ("1995-02-28", "1998-10-26")


def test_the_rungs_of_eritrea_and_ethiopia_are_climbed_one_after_the_other() -> None:
    case = read_case(SHIPPED / "cases" / "ethiopia_eritrea")
    events = {
        day: assemble(case, cutoff=dt.date.fromisoformat(day)).arrays["case_event"].tolist()
        for day in ("2002-08-31", "2002-09-30", "2003-10-31", "2003-12-31")
    }
    assert events == {
        "2002-08-31": [0, 0, 0, 0],
        "2002-09-30": [1, 0, 0, 0],
        "2003-10-31": [1, 0, 0, 0],
        "2003-12-31": [1, 1, 0, 0],
    }


def test_force_counts_from_the_day_after_it_happened() -> None:
    case = read_case(SHIPPED / "cases" / "ecuador_peru")
    events = {
        day: assemble(case, cutoff=dt.date.fromisoformat(day)).arrays["case_event"].tolist()
        for day in ("1995-09-19", "1995-09-30")
    }
    assert events == {"1995-09-19": [0, 0, 0, 0], "1995-09-30": [1, 0, 0, 0]}


# Facts --------------------------------------------------------------------------------------


def test_every_source_that_counts_is_named(case: Case) -> None:
    for item in case.news:
        assert item.source or item.grade == "-", item.id
        if item.id[0] in "AES":
            assert item.publisher, item.id
            assert item.address or item.source.startswith("agreements.csv, row R0"), item.id


def test_items_share_no_event_by_accident(case: Case) -> None:
    together = {
        "ecuador_peru": [{"E07", "E08"}, {"E42", "E43"}],
        "armenia_azerbaijan_2020": [{"T013", "T016"}, {"T024", "T026"}, {"S18", "T027"}],
        "ethiopia_eritrea": [],
    }
    groups: dict[str, set[str]] = {}
    for item in case.news:
        groups.setdefault(item.event, set()).add(item.id)
    several = sorted(map(sorted, (group for group in groups.values() if len(group) > 1)))
    assert several == sorted(map(sorted, together[case.name]))


def test_the_flagships_items_are_carried_over_whole() -> None:
    flagship = items_of("armenia_azerbaijan")
    carried = {k: v for k, v in items_of("armenia_azerbaijan_2020").items() if k[0] == "T"}
    assert list(carried) == [f"T{number:03d}" for number in range(12, 35)]
    for name, item in carried.items():
        assert replace(item, line=0) == replace(flagship[name], line=0)


@pytest.mark.parametrize(
    ("name", "item", "date", "known"),
    [
        ("ecuador_peru", "E09", "1995-02-28", "1995-02-28"),
        ("ecuador_peru", "E21", "1996-03-06", "1996-03-06"),
        ("ecuador_peru", "E25", "1996-10-29", "1996-10-30"),
        ("ecuador_peru", "E30", "1997-04-15", "1997-04-15"),
        ("ecuador_peru", "E43", "1998-10-16", "1998-10-16"),
        ("ecuador_peru", "E46", "1998-10-26", "1998-10-26"),
        ("ecuador_peru", "E53", "1999-05-13", "1999-05-13"),
        ("armenia_azerbaijan_2020", "S03", "2020-11-20", "2020-11-20"),
        ("armenia_azerbaijan_2020", "S04", "2020-11-25", "2020-11-25"),
        ("armenia_azerbaijan_2020", "S06", "2020-12-01", "2020-12-01"),
        ("armenia_azerbaijan_2020", "S12", "2021-06-20", "2021-06-27"),
        ("armenia_azerbaijan_2020", "S15", "2022-08-30", "2022-08-30"),
        ("ethiopia_eritrea", "A06", "2001-04-18", "2001-04-18"),
        ("ethiopia_eritrea", "A11", "2002-04-13", "2002-04-15"),
        ("ethiopia_eritrea", "A14", "2002-11-29", "2002-11-29"),
        ("ethiopia_eritrea", "A31", "2007-11-30", "2007-12-01"),
        ("ethiopia_eritrea", "A35", "2008-07-30", "2008-07-30"),
    ],
)
def test_the_days_of_the_steps(name: str, item: str, date: str, known: str) -> None:
    found = items_of(name)[item]
    assert (found.date.isoformat(), found.known.isoformat()) == (date, known)


def test_the_election_of_2021_is_that_of_the_table(reference_data: Path) -> None:
    with (reference_data / "case" / "elections.csv").open(encoding="utf-8", newline="") as file:
        (row,) = [
            row
            for row in csv.DictReader(file)
            if (row["event_id"], row["list"]) == ("E2021", "Civil Contract")
        ]
    found = items_of("armenia_azerbaijan_2020")["S12"]
    assert found.date.isoformat() == row["date"]
    assert f"{row['seats']} of {row['seats_total']} seats" in found.statement
    assert found.address == row["url"]
