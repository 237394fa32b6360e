"""The shipped case: nothing lost from the raw data, every decision listed, files that agree."""

from __future__ import annotations

import calendar
import csv
import datetime as dt
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from durability.agreements import earlier_wars, read_agreements
from durability.cases import Case, find_case, read_case
from durability.vocabulary import DRIVERS, GRADES, STREAMS

Raw = dict[str, dict[str, str]]
COMPILED = dt.date(2026, 11, 22)

TOGETHER = (
    {"T008", "T009"},
    {"T013", "T016"},
    {"T024", "T026"},
    {"T045", "T052"},
    {"T067", "T068"},
    {"T138", "T139"},
    {"T143", "T145"},
    {"T153", "T154"},
)
"""The items that tell one event, as decided by hand; every other item stands alone."""


ITEMS = {"trust": 34, "constitution": 27, "corridor": 30, "interference": 26}
EVENTS = {"trust": 34, "constitution": 25, "corridor": 30, "interference": 25}
"""What a forecast at 2026-06-30 can use: rated, graded, on the grid, known, counted once."""


@pytest.fixture(scope="module")
def case() -> Case:
    return read_case(find_case("armenia_azerbaijan"))


def raw(path: Path) -> Raw:
    with path.open(encoding="utf-8", newline="") as file:
        return {row["id"]: row for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def timeline(reference_data: Path) -> Raw:
    return raw(reference_data / "case" / "timeline.csv")


@pytest.fixture(scope="module")
def coders(reference_data: Path) -> dict[str, Raw]:
    folder = reference_data / "case"
    return {coder: raw(folder / f"ratings_coder_{coder}.csv") for coder in "ab"}


# Against the raw data -----------------------------------------------------------------------


def test_every_fact_of_the_timeline_is_carried_whole(case: Case, timeline: Raw) -> None:
    assert [item.id for item in case.news] == list(timeline)
    for item in case.news:
        row = timeline[item.id]
        assert item.statement == row["statement"]
        assert (item.source, item.publisher, item.address) == (
            row["source_title"],
            row["publisher"],
            row["url"],
        )
        assert (item.grade, item.status) == (row["source_grade"], row["status"])
        assert item.date.isoformat() == row["date_full"]
        assert (item.date_end.isoformat() if item.date_end else "") == row["date_end"]
        assert row["note"] in item.note
        assert item.precision == {"range": "month"}.get(
            row["date_precision"], row["date_precision"].split()[0]
        )


def test_both_raw_codings_are_kept_whole(case: Case, coders: dict[str, Raw]) -> None:
    kept = {(coding.item, coding.coder): coding for coding in case.codings}
    assert len(kept) == 282
    for coder, rows in coders.items():
        for row in rows.values():
            coding = kept[row["id"], coder]
            assert (coding.driver, coding.score) == (row["driver"], int(row["score"]))
            assert (coding.salience, coding.event_key) == (int(row["salience"]), row["event_key"])
            assert (coding.confidence, coding.why) == (float(row["confidence"]), row["why"])


def test_covariates_and_standings_are_those_of_the_flagships_own_rows(
    case: Case, reference_data: Path
) -> None:
    row = raw(reference_data / "agreements" / "agreements.csv")["R097"]
    flags = ("contiguous", "third_party", "territorial_unresolved")
    assert all(case.covariates[key] == int(row[key]) for key in flags)
    assert case.covariates["war_outcome"] == row["war_outcome"]
    assert (case.dyad, case.cluster) == (row["dyad_id"], row["cluster_id"])
    for stream in STREAMS:
        column = "known_to_abrogated" if stream == "abrogation" else f"known_to_{stream}"
        assert case.observed_to[stream].isoformat() == row[column]
    starts = {"R096": case.clock_start, "R097": case.deal}
    for coder in "ab":
        rows = raw(reference_data / "agreements" / f"ratings_coder_{coder}.csv")
        for name, day in starts.items():
            (standing,) = [s for s in case.standings if (s.date, s.coder) == (day, coder)]
            for driver in DRIVERS:
                assert standing.ratings[driver] == int(rows[name][driver])
                words = standing.reasons[driver].rstrip(".").lower()
                assert words in rows[name]["rationale"].lower()


# In themselves ------------------------------------------------------------------------------


def test_the_pairs_earlier_wars_are_counted_as_historys_are(case: Case) -> None:
    agreements = read_agreements()
    (own,) = [a for a in agreements if a.id == "R097"]
    assert case.covariates["earlier_wars"] == earlier_wars(own, agreements) == 2
    assert set(case.excluded) == {a.id for a in agreements if a.set == "target"}


def test_items_tell_one_event_only_where_it_was_decided_by_hand(case: Case) -> None:
    groups: dict[str, set[str]] = defaultdict(set)
    for item in case.news:
        groups[item.event].add(item.id)
    assert sorted(map(sorted, (g for g in groups.values() if len(g) > 1))) == sorted(
        map(sorted, TOGETHER)
    )


def test_the_election_holds_two_facts_of_opposite_sign(case: Case) -> None:
    items = {item.id: item for item in case.news}
    stays, missed = items["T139"], items["T140"]
    assert items["T138"].event == stays.event != missed.event
    assert all(score < 0 for _, score in stays.ratings)
    assert all(score > 0 for _, score in missed.ratings)


def test_the_day_of_the_deal_holds_four_facts_on_four_drivers(case: Case) -> None:
    day = [item for item in case.news if item.date == case.deal]
    assert [item.id for item in day] == ["T082", "T083", "T084", "T085"]
    assert {item.driver for item in day} == set(DRIVERS)
    assert len({item.event for item in day}) == 4


def test_every_difference_between_the_coders_is_listed_once_and_no_other(case: Case) -> None:
    codings = {(coding.item, coding.coder): coding for coding in case.codings}
    expected = set()
    for item in {coding.item for coding in case.codings}:
        a, b = codings[item, "a"], codings[item, "b"]
        for field, name in (("event", "event_key"), ("driver", "driver"), ("salience", "salience")):
            if getattr(a, name) != getattr(b, name):
                expected.add((item, field, str(getattr(a, name)), str(getattr(b, name))))
    listed = [(r.item, r.field, r.coder_a, r.coder_b) for r in case.reconciliations]
    assert set(listed) == expected
    assert len(listed) == len(expected) == 166
    counts = Counter(r.field for r in case.reconciliations)
    assert counts == {"event": 135, "driver": 5, "salience": 26}


def test_driver_and_salience_were_each_chosen_by_a_coder(case: Case) -> None:
    for decision in case.reconciliations:
        if decision.field != "event":
            assert decision.chosen in (decision.coder_a, decision.coder_b)


def test_a_score_counts_only_for_the_driver_it_was_given_for(case: Case) -> None:
    given = {(c.item, c.coder): c for c in case.codings}
    for item in case.news:
        expected = tuple(
            (coder, given[item.id, coder].score)
            for coder in "ab"
            if (item.id, coder) in given and given[item.id, coder].driver == item.driver
        )
        assert item.ratings == expected
    single = {item.id for item in case.news if len(item.ratings) == 1}
    assert single == {d.item for d in case.reconciliations if d.field == "driver"}


def last_day(date: dt.date, precision: str) -> dt.date:
    if precision == "day":
        return date
    month = 12 if precision == "year" else date.month
    return dt.date(date.year, month, calendar.monthrange(date.year, month)[1])


def test_nothing_is_known_before_it_happened_or_after_the_file_was_compiled(case: Case) -> None:
    for item in case.news:
        assert item.known <= COMPILED
        if item.status in ("occurred", "claimed"):
            end = max(last_day(item.date, item.precision), item.date_end or item.date)
            assert item.known >= min(end, COMPILED), item.id


def test_an_assumed_day_follows_the_rule_or_its_note_says_why(case: Case) -> None:
    for item in case.news:
        end = item.date_end or last_day(item.date, item.precision)
        if item.known_assumed and item.known != min(end, COMPILED):
            assert "known: " in item.note, item.id
        if not item.known_assumed and item.status != "scheduled":
            assert dt.timedelta(0) <= item.known - item.date <= dt.timedelta(days=7), item.id


@pytest.mark.parametrize(
    ("item", "known", "assumed"),
    [
        ("T062", dt.date(2025, 2, 3), False),
        ("T106", dt.date(2026, 1, 14), False),
        ("T086", dt.date(2025, 8, 11), False),
        ("T013", dt.date(2020, 11, 10), True),
        ("T027", dt.date(2023, 9, 30), True),
        ("T081", dt.date(2025, 8, 31), True),
        ("T100", dt.date(2025, 12, 31), True),
        ("T104", COMPILED, True),
    ],
)
def test_days_of_knowledge_set_by_hand(
    case: Case, item: str, known: dt.date, assumed: bool
) -> None:
    (found,) = [news for news in case.news if news.id == item]
    assert (found.known, found.known_assumed) == (known, assumed)


def test_the_indicators_come_from_items_of_the_news_and_are_no_finer(case: Case) -> None:
    items = {item.id: item for item in case.news}
    for window in case.indicators:
        assert window.known == items[window.source].known
        assert window.driver == items[window.source].driver == "trust"
    assert [(w.indicator, w.count) for w in case.indicators] == [
        ("ceasefire_violations", 3),
        ("ceasefire_violations", 26),
        ("border_casualties", 0),
    ]


def test_the_items_that_a_forecast_at_the_default_cutoff_can_use(case: Case) -> None:
    used = [
        item
        for item in case.news
        if item.ratings
        and item.grade in GRADES
        and item.date >= case.grid_start
        and item.known <= case.covered_until
        and item.id not in {window.source for window in case.indicators}
    ]
    assert Counter(item.driver for item in used) == ITEMS
    assert {d: len({i.event for i in used if i.driver == d}) for d in DRIVERS} == EVENTS
