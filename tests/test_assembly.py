"""What a model may see: nothing of the future, all of the past, each fact once, in its place."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from worlds import CUTOFF, bare, data, flagship, happened, history, item, standing, window

from durability.agreements import Agreement, DayRange
from durability.assembly import ModelData, assemble
from durability.cases import Case
from durability.errors import InputError
from durability.news import NewsItem
from durability.vocabulary import COVARIATES, DAYS_PER_YEAR, DRIVERS, GRADES, STREAMS

EARLY = date(2026, 1, 31)
"""A cutoff between the deal and the end of the shipped case's news."""

LATER = EARLY + timedelta(days=1)

Change = Callable[[Case, tuple[Agreement, ...]], tuple[Case, tuple[Agreement, ...]]]


# ---- the future ---------------------------------------------------------------------------------


def more_news(case: Case, rows: Any, day: date = LATER) -> Any:
    known = case.news[60]
    assert known.known <= EARLY
    items = [
        item("F001", day),
        item("F002", day, date=date(2025, 9, 1), driver="corridor", grade="C"),
        # Another report of a known event, by a better source and a third coder.
        item("F003", day, date=known.date, driver=known.driver, event=known.event),
        item("A000", day, ratings=(("stranger", -3),)),
    ]
    return replace(case, news=(*items, *case.news)), rows


def later_agreements(case: Case, rows: Any, day: date = LATER) -> Any:
    new = [
        replace(row, id=f"R9{i:02d}", start=day, first_war=None, abrogated=None)
        for i, row in enumerate(rows[:60])
    ]
    return case, (*new, *rows)


def later_wars(case: Case, rows: Any, day: date = LATER) -> Any:
    struck = [
        replace(
            row,
            first_war=row.first_war or DayRange(first=day, last=day),
            abrogated=row.abrogated or DayRange(first=day, last=day),
            abrogation_ended=True if row.abrogated is None else row.abrogation_ended,
            state_end=row.state_end or day,
            status="breakdown",
            breakdown=row.breakdown or day,
        )
        for row in rows
    ]
    return case, tuple(struck)


def later_standings(case: Case, rows: Any, day: date = LATER) -> Any:
    return replace(case, standings=(standing(day, coder="z"), *case.standings)), rows


def later_counts(case: Case, rows: Any, day: date = LATER) -> Any:
    first = date(2025, 8, 1)
    windows = (
        window(first, date(2025, 8, 31), 900, known=day, source=case.news[60].id),
        window(day - timedelta(days=3), day, 7, indicator="later"),
    )
    return replace(case, indicators=(*windows, *case.indicators)), rows


def later_rungs(case: Case, rows: Any, day: date = LATER) -> Any:
    return replace(case, happened=(happened("war", day), happened("abrogation", day))), rows


def longer_watch(case: Case, rows: Any, day: date = LATER) -> Any:
    seen = dict.fromkeys(STREAMS, day + timedelta(days=700))
    return replace(case, observed_to=seen, covered_until=seen["war"]), rows


FUTURES = [
    more_news,
    later_agreements,
    later_wars,
    later_standings,
    later_counts,
    later_rungs,
    longer_watch,
]


@pytest.mark.parametrize("clock", ["settlement", "deal"])
@pytest.mark.parametrize("future", FUTURES)
def test_what_is_known_later_changes_not_a_bit(future: Any, clock: Any) -> None:
    case, rows = flagship(), history()
    before = assemble(case, rows, cutoff=EARLY, clock=clock)
    told = assemble(*future(case, rows), cutoff=EARLY, clock=clock)
    assert told.hash() == before.hash()
    assert (told.used, told.unused) == (before.used, before.unused)
    assert told.spells == before.spells
    for name, array in before.arrays.items():
        np.testing.assert_array_equal(told.arrays[name], array)


@pytest.mark.parametrize("future", FUTURES)
def test_the_same_facts_known_in_time_do_change_it(future: Any) -> None:
    # The guard guards: none of the futures above is empty.
    case, rows = flagship(), history()
    if future is longer_watch:
        shorter = dict.fromkeys(STREAMS, EARLY - timedelta(days=90))
        changed = replace(case, observed_to=shorter), rows
    else:
        changed = future(case, rows, EARLY - timedelta(days=90))
    before = assemble(case, rows, cutoff=EARLY)
    assert assemble(*changed, cutoff=EARLY).hash() != before.hash()


def test_all_of_the_future_at_once_changes_not_a_bit() -> None:
    case, rows = flagship(), history()
    before = assemble(case, rows, cutoff=EARLY)
    for future in FUTURES:
        case, rows = future(case, rows)
    assert assemble(case, rows, cutoff=EARLY).hash() == before.hash()


def test_an_item_enters_on_the_day_it_was_known_and_not_on_the_day_it_happened() -> None:
    secret = item("S001", date(2026, 3, 5), date=date(2025, 9, 1))
    case = replace(flagship(), news=(*flagship().news, secret))
    the_day_before = assemble(case, history(), cutoff=date(2026, 3, 4))
    that_day = assemble(case, history(), cutoff=date(2026, 3, 5))
    assert secret not in the_day_before.used
    assert secret not in [one for one, _ in the_day_before.unused]
    assert secret in that_day.used
    place = that_day.coords["event"].index("S001")
    assert that_day.coords["month"][that_day.arrays["event_month"][place]] == "2025-09"


@pytest.mark.parametrize("day", [flagship().deal - timedelta(days=1), date(2024, 1, 1)])
def test_a_cutoff_before_the_deal_is_refused(day: date) -> None:
    with pytest.raises(InputError, match=r"lies before clock.deal 2025-08-08"):
        data(cutoff=day)


def test_a_cutoff_before_the_clock_is_refused_whatever_the_deal() -> None:
    case = replace(flagship(), deal=flagship().clock_start - timedelta(days=30))
    with pytest.raises(InputError, match=r"lies before clock.start 2023-09-20"):
        data(case, cutoff=case.deal)


def test_a_cutoff_on_the_day_of_the_deal_will_do() -> None:
    assembled = data(cutoff=flagship().deal)
    np.testing.assert_allclose(assembled.arrays["case_years"], 1 / DAYS_PER_YEAR)


def test_the_default_cutoff_is_the_last_covered_day() -> None:
    assert data().cutoff == CUTOFF
    assert data().hash() == data(cutoff=CUTOFF).hash()


def test_an_earlier_cutoff_only_takes_away() -> None:
    cutoffs = [flagship().deal + timedelta(days=n) for n in (0, 20, 100, 200, 326)]
    series = [data(cutoff=cutoff) for cutoff in cutoffs]
    for before, after in itertools.pairwise(series):
        assert {i.id for i in before.used} <= {i.id for i in after.used}
        for name in ("event", "thing", "anchor", "coder", "cluster"):
            assert set(before.coords[name]) <= set(after.coords[name]), name
        months = len(before.coords["month"])
        assert after.coords["month"][:months] == before.coords["month"]
        assert np.all(before.arrays["case_years"] < after.arrays["case_years"])
    assert len(series[0].used) < len(series[-1].used)


def test_history_is_censored_again_at_the_cutoff() -> None:
    # A case of the past, its clock moved there: what was later war was then still peace.
    case = replace(
        bare(),
        clock_start=date(1972, 12, 1),
        deal=date(1973, 1, 1),
        grid_start=date(1972, 12, 1),
        observed_to=dict.fromkeys(STREAMS, date(1973, 6, 1)),
    )
    then = data(case, cutoff=date(1973, 6, 1))
    now = data()
    assert len(then.agreements) == 26
    assert all(row.start < then.cutoff for row in then.agreements)
    # Egypt and Israel after the War of Attrition: the war of October 1973 is still to come.
    assert event_of(now, "R015", "war")
    assert not event_of(then, "R015", "war")
    for row, spell in zip(then.agreements, then.spells, strict=True):
        assert all(stop <= (then.cutoff - row.start).days for stop in spell.stop_days.values())


def event_of(assembled: ModelData, row: str, stream: str) -> bool:
    j = assembled.coords["agreement"].index(row)
    return bool(assembled.arrays["history_event"][j, STREAMS.index(stream)])


# ---- order --------------------------------------------------------------------------------------


def test_the_order_of_news_does_not_matter() -> None:
    case = flagship()
    shuffled = list(case.news)
    np.random.default_rng(1).shuffle(shuffled)
    for news in (case.news[::-1], tuple(shuffled)):
        assert data(replace(case, news=news)).hash() == data(case).hash()


def test_two_assemblies_of_one_case_are_the_same_to_the_bit() -> None:
    assert data().hash() == data().hash()
    assert data().hash() != data(level_change=(0.0, 0.0)).hash()
    assert data().hash() != data(reading="all").hash()


# ---- history ------------------------------------------------------------------------------------


def test_the_case_itself_never_trains() -> None:
    everything = data()
    assert not {"R096", "R097"} & set(everything.coords["agreement"])
    one_less = data(replace(flagship(), excluded=("R096", "R097", "R045")))
    assert set(everything.coords["agreement"]) - set(one_less.coords["agreement"]) == {"R045"}
    assert all(row.set == "core" for row in everything.agreements)
    assert len(everything.agreements) == 66


def test_ages_and_events_of_history_are_those_of_the_spells() -> None:
    assembled = data()
    ages = np.exp(assembled.arrays["history_log_ages"]) * DAYS_PER_YEAR
    for j, spell in enumerate(assembled.spells):
        assert spell.entry_days == 0.0
        for k, stream in enumerate(STREAMS):
            start, stop, end = ages[:, j, k]
            assert (start, stop) == pytest.approx((0.0, spell.stop_days[stream]), abs=1e-9)
            assert end == pytest.approx(spell.event_end_days[stream], abs=1e-9)
            assert assembled.arrays["history_event"][j, k] == spell.event[stream]
    weights = [spell.weight for spell in assembled.spells]
    np.testing.assert_array_equal(assembled.arrays["history_weight"], weights)


def test_covariates_are_centred_on_the_rows_that_train() -> None:
    assembled = data()
    rows, centre = assembled.arrays["row_covariates"], assembled.arrays["covariate_centre"]
    np.testing.assert_allclose(rows[:-1].mean(axis=0), 0.0, atol=1e-14)
    found = dict(zip(COVARIATES, rows[-1] + centre, strict=True))
    assert found == pytest.approx(
        {
            "contiguous": 1.0,
            "war_decisive": 1.0,
            "third_party": 1.0,
            "territorial_unresolved": 0.0,
            "earlier_wars": np.log(3.0),
        }
    )
    ids = assembled.coords["agreement"]
    kashmir = dict(zip(COVARIATES, rows[ids.index("R001")] + centre, strict=True))
    row = assembled.agreements[ids.index("R001")]
    assert kashmir["contiguous"] == float(row.contiguous)
    assert kashmir["war_decisive"] == float(row.war_outcome == "decisive")


def test_every_row_has_its_own_cluster_and_pair_and_the_case_its_own() -> None:
    assembled = data()
    names = (*assembled.coords["cluster"], *assembled.coords["dyad"])
    rows: tuple[Any, ...] = (*assembled.agreements, assembled.case)
    pairs = zip(assembled.arrays["row_cluster"], assembled.arrays["row_dyad"], strict=True)
    for row, (cluster, dyad) in zip(rows, pairs, strict=True):
        assert (names[cluster], names[dyad]) == (row.cluster, row.dyad)
        assert cluster < len(assembled.coords["cluster"]) <= dyad
    stranger = data(replace(flagship(), cluster="OWN", dyad="own"))
    assert stranger.coords["cluster"][-1] == "OWN"
    assert len(stranger.coords["dyad"]) == len(assembled.coords["dyad"]) + 1


# ---- news ---------------------------------------------------------------------------------------


def of_event(assembled: ModelData, event: str) -> dict[str, Any]:
    e = assembled.coords["event"].index(event)
    thing = len(assembled.coords["thing"]) + e
    mine = assembled.arrays["reading_thing"] == thing
    coders = np.array(assembled.coords["coder"])[assembled.arrays["reading_coder"][mine]]
    scores = assembled.arrays["reading_level"][mine] - 3
    location = assembled.arrays["reading_location"][mine]
    return {
        "driver": DRIVERS[assembled.arrays["event_driver"][e]],
        "month": assembled.coords["month"][assembled.arrays["event_month"][e]],
        "grade": GRADES[assembled.arrays["event_grade"][e]],
        "readings": sorted(zip(coders.tolist(), scores.tolist(), strict=True)),
        "location": {assembled.coords["location"][place] for place in location},
    }


def with_news(*items: NewsItem) -> ModelData:
    return data(replace(bare(), news=items))


def test_several_reports_of_one_event_are_one_event() -> None:
    day = date(2025, 11, 30)
    assembled = with_news(
        item("N2", day, event="talks", driver="corridor", grade="B", ratings=(("a", 2),)),
        item(
            "N1",
            day + timedelta(days=5),
            **{"event": "talks", "driver": "corridor", "grade": "C"},
            ratings=(("a", 1), ("b", -2)),
        ),
        item("N3", day, event="other"),
    )
    assert assembled.coords["event"] == ("other", "talks")
    assert of_event(assembled, "talks") == {
        "driver": "corridor",
        "month": "2025-11",
        "grade": "B",
        "readings": [("a", 1), ("a", 2), ("b", -2)],
        "location": {"news:corridor"},
    }
    assert assembled.arrays["event_mean"][1] == pytest.approx(1 / 3)


def test_readings_of_events_stand_in_tables_behind_those_of_codings() -> None:
    assembled = data()
    arrays, coords = assembled.arrays, assembled.coords
    thing = arrays["reading_thing"]
    events, codings = len(coords["event"]), len(coords["thing"])
    assert coords["read"] == (*coords["thing"], *coords["event"])
    last = arrays["reading_last"]
    np.testing.assert_array_equal(thing[last], np.arange(codings))
    start = int(last[-1]) + 1
    assert np.all(np.diff(thing[:start]) >= 0)
    assert np.all(thing[start:] >= codings)
    assert len(thing) - start == sum(len(i.ratings) for i in assembled.used)
    counts = np.bincount(thing[start:] - codings, minlength=events)
    assert np.all(np.diff(counts) >= 0)
    assert len(set(counts)) > 2
    for count in sorted(set(counts)):
        mine = arrays[f"events_with_{count}"]
        np.testing.assert_array_equal(mine, np.flatnonzero(counts == count))
        stop = start + count * len(mine)
        table = thing[start:stop].reshape(count, len(mine))
        np.testing.assert_array_equal(table, np.broadcast_to(codings + mine, table.shape))
        start = stop
    assert start == len(thing)


def test_what_cannot_enter_is_kept_with_its_reason() -> None:
    day = date(2025, 12, 1)
    reasons = {
        "unrated": (item("unrated", day, ratings=(), status="unknown"), "not rated (unknown)"),
        "sourceless": (item("sourceless", day, grade="-"), "no source"),
        "old": (item("old", day, date=date(2020, 10, 31)), "before the driver grid (2020-11)"),
        "vague": (
            item("vague", day, date=date(2025, 1, 1), precision="year"),
            "dated only to a year",
        ),
    }
    good = item("good", day)
    assembled = with_news(good, *(one for one, _ in reasons.values()))
    assert assembled.used == (good,)
    assert {one.id: why for one, why in assembled.unused} == {
        name: why for name, (_, why) in reasons.items()
    }


def test_a_fact_that_enters_as_a_count_does_not_enter_again_as_news() -> None:
    known = date(2025, 12, 31)
    report = item("report", known)
    counts = (window(date(2025, 12, 1), known, 0, source="report"),)
    case = replace(bare(), news=(report, item("other", known)), indicators=counts)
    assembled = data(case)
    assert [one.id for one in assembled.used] == ["other"]
    assert assembled.unused == ((report, "the same fact enters as the count incidents"),)
    # Before the count is known its report is news like any other.
    later = replace(counts[0], known=date(2026, 2, 1))
    earlier = data(replace(case, indicators=(later,)), cutoff=date(2026, 1, 15))
    assert report in earlier.used
    assert "window" not in earlier.coords


def test_the_grid_begins_a_month_early_so_that_its_first_news_has_a_month_before() -> None:
    assembled = with_news(item("first", date(2020, 11, 10)))
    assert assembled.coords["month"][0] == "2020-10"
    assert assembled.coords["month"][-1] == "2026-06"
    assert assembled.arrays["event_month"].tolist() == [1]


def test_a_case_without_news_counts_or_standings_assembles() -> None:
    assembled = data(bare())
    assert not {"event", "window", "indicator"} & set(assembled.coords)
    assert assembled.coords["anchor"] == ()
    assert len(assembled.coords["thing"]) == 4 * 66


def test_anchors_are_read_in_their_month_on_historys_scale() -> None:
    assembled = data()
    assert assembled.coords["anchor"] == ("2023-09-20", "2025-08-08")
    months = [assembled.coords["month"][m] for m in assembled.arrays["anchor_month"]]
    assert months == ["2023-09", "2025-08"]
    t = assembled.coords["thing"].index("2025-08-08:constitution")
    assert assembled.arrays["coding_row"][t] == 66 + 1
    assert assembled.arrays["coding_broke"][t] == 0.0
    mine = assembled.arrays["reading_thing"] == t
    assert (assembled.arrays["reading_level"][mine] - 3).tolist() == [3, 3]
    location = {assembled.coords["location"][i] for i in assembled.arrays["reading_location"][mine]}
    assert location == {"history:constitution"}


def test_hindsight_marks_the_agreements_that_broke_within_ten_years() -> None:
    assembled = data()
    broke = dict(zip(assembled.coords["thing"], assembled.arrays["coding_broke"], strict=True))
    assert broke["R053:trust"] == 1.0  # war after five and a half years
    assert broke["R001:trust"] == 0.0  # war after sixteen
    assert broke["R018:trust"] == 0.0  # abrogated after forty-two
    assert broke["R039:trust"] == 0.0


# ---- the case -----------------------------------------------------------------------------------


def pieces(assembled: ModelData, stream: str = "war") -> tuple[np.ndarray, np.ndarray]:
    k = STREAMS.index(stream)
    return tuple(  # type: ignore[return-value]
        np.exp(assembled.arrays[f"case_log_{edge}"][:, k]) for edge in ("start", "stop")
    )


@pytest.mark.parametrize("clock", ["settlement", "deal"])
def test_the_pieces_of_a_case_add_up_to_its_exposure(clock: Any) -> None:
    assembled = data(clock=clock)
    origin = flagship().deal if clock == "deal" else flagship().clock_start
    assert assembled.clock_start == origin
    for k, stream in enumerate(STREAMS):
        start, stop = pieces(assembled, stream)
        assert start.shape == (11,)
        entry = (flagship().deal - origin).days / DAYS_PER_YEAR
        leave = ((CUTOFF - origin).days + 1) / DAYS_PER_YEAR
        assert (start[0], stop[-1]) == pytest.approx((entry, leave), abs=1e-12)
        np.testing.assert_allclose(start[1:], stop[:-1], rtol=1e-12)
        assert assembled.arrays["case_years"][k] == pytest.approx(leave - entry)
        assert (stop - start).sum() == pytest.approx(leave - entry)
    assert assembled.age_years(flagship().deal) == pytest.approx(entry)
    months = [assembled.coords["month"][m] for m in assembled.arrays["case_month_index"]]
    assert (months[0], months[-1]) == ("2025-08", "2026-06")


def test_what_was_observed_ends_with_its_own_day() -> None:
    seen = dict.fromkeys(STREAMS, CUTOFF) | {"force": date(2025, 12, 31), "fatal": flagship().deal}
    assembled = data(replace(flagship(), observed_to=seen))
    days = np.round(assembled.arrays["case_years"] * DAYS_PER_YEAR).tolist()
    whole = (CUTOFF - flagship().deal).days + 1
    assert days == [(date(2025, 12, 31) - flagship().deal).days + 1, 1, whole, whole]
    start, stop = pieces(assembled, "force")
    assert np.all(stop[5:] == start[5:])


def test_a_later_cutoff_than_the_watch_adds_months_and_no_exposure() -> None:
    assembled = data(cutoff=date(2026, 11, 20))
    assert assembled.coords["month"][-1] == "2026-11"
    np.testing.assert_array_equal(assembled.arrays["case_years"], data().arrays["case_years"])


def days_watched(case: Case, **how: Any) -> dict[str, int]:
    years = data(case, **how).arrays["case_years"]
    return {s: round(y * DAYS_PER_YEAR) for s, y in zip(STREAMS, years, strict=True)}


def scored(case: Case, **how: Any) -> set[str]:
    event = data(case, **how).arrays["case_event"]
    return {stream for stream, flag in zip(STREAMS, event, strict=True) if flag}


WHOLE = (CUTOFF - flagship().deal).days + 1


def test_a_rung_that_happened_closes_its_stream_and_the_milder_ones_on_its_day() -> None:
    # As in history: watched up to the day, not over it.
    day = date(2025, 12, 24)
    case = replace(flagship(), happened=(happened("fatal", day),))
    before = (day - flagship().deal).days
    expected = {"force": before, "fatal": before, "war": WHOLE, "abrogation": WHOLE}
    assert days_watched(case) == expected
    assert scored(case) == {"fatal"}
    assembled = data(case)
    spans = np.exp(assembled.arrays["case_event_log_stop"]) - np.exp(
        assembled.arrays["case_event_log_start"]
    )
    assert spans.sum(axis=0) == pytest.approx([0.0, 1 / DAYS_PER_YEAR, 0.0, 0.0], abs=1e-12)
    assert assembled.coords["case_month"][int(spans[:, 1].argmax())] == "2025-12"
    start = np.exp(assembled.arrays["case_event_log_start"][:, 1].max())
    assert start == pytest.approx(assembled.age_years(day))


def test_two_confrontations_far_apart_score_their_own_marks() -> None:
    force, war = date(2025, 9, 1), date(2026, 3, 1)
    case = replace(flagship(), happened=(happened("force", force), happened("war", war)))
    watched = days_watched(case)
    assert scored(case) == {"force", "war"}
    assert watched["force"] == (force - case.deal).days
    assert watched["fatal"] == watched["war"] == (war - case.deal).days


def test_shots_of_one_confrontation_are_one_event_of_the_case_as_of_history() -> None:
    # Force twenty days before the war is the war's first day (design: within sixty days).
    force = date(2025, 10, 1)
    shots = (happened("force", force), happened("war", force + timedelta(days=20)))
    case = replace(flagship(), happened=shots)
    assert scored(case) == {"war"}
    assert {days_watched(case)[mark] for mark in ("force", "fatal", "war")} == {
        (force - case.deal).days
    }


def test_a_milder_rung_is_watched_no_longer_than_it_was_observed() -> None:
    seen = {**flagship().observed_to, "force": date(2025, 10, 1)}
    case = replace(flagship(), observed_to=seen, happened=(happened("war", date(2026, 3, 1)),))
    assert days_watched(case)["force"] == (date(2025, 10, 1) - case.deal).days + 1
    assert days_watched(case)["fatal"] == (date(2026, 3, 1) - case.deal).days


def test_a_war_ends_the_watch_for_abrogation() -> None:
    war = date(2026, 3, 1)
    case = replace(flagship(), happened=(happened("war", war),))
    assert scored(case) == {"war"}
    assert days_watched(case)["abrogation"] == (war - case.deal).days


def test_an_abrogation_close_to_a_war_is_that_war() -> None:
    war = date(2026, 3, 1)
    for gap in (-80, 10):
        shots = (happened("war", war), happened("abrogation", war + timedelta(days=gap)))
        assert scored(replace(flagship(), happened=shots)) == {"war"}


def test_an_abrogation_on_its_own_is_an_event_of_its_stream() -> None:
    day = date(2026, 1, 10)
    case = replace(flagship(), happened=(happened("abrogation", day),))
    assert scored(case) == {"abrogation"}
    assert days_watched(case)["abrogation"] == (day - case.deal).days


# ---- records ------------------------------------------------------------------------------------


def test_every_array_has_dimensions_that_fit_its_labels() -> None:
    for assembled in (data(), data(bare())):
        for name, array in assembled.arrays.items():
            sizes = tuple(len(assembled.coords[dim]) for dim in assembled.dims[name])
            assert array.shape == sizes, name
            assert np.all(np.isfinite(array)), name


def test_the_arrays_make_one_labelled_dataset() -> None:
    dataset = data().to_dataset()
    assert dataset["history_event"].dims == ("agreement", "stream")
    assert dataset["history_event"].sel(agreement="R053", stream="war") == 1.0
