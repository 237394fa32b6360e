"""Rung times against hand-worked agreements, published curves, SciPy, and the future."""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from durability.agreements import Agreement, DayRange, read_agreements
from durability.ladder import (
    DATA_END,
    Spell,
    derive_spells,
    eligible_shots,
    first_times,
    kaplan_meier,
    survival_at,
)
from durability.vocabulary import DAYS_PER_YEAR, MARKS, RUNGS, STREAMS

AGREEMENTS = read_agreements()
BY_ID = {agreement.id: agreement for agreement in AGREEMENTS}
CUTOFF = date(2026, 6, 30)
SPELLS = {
    reading: {s.agreement: s for s in derive_spells(AGREEMENTS, cutoff=CUTOFF, reading=reading)}
    for reading in ("new", "all")
}

Expected = tuple[int, bool]


def streams(spell: Spell) -> dict[str, Expected]:
    return {name: (int(spell.stop_days[name]), spell.event[name]) for name in STREAMS}


def days(start: str, end: str) -> int:
    return (date.fromisoformat(end) - date.fromisoformat(start)).days


def one(agreement: Agreement, **changes: Any) -> Spell:
    (spell,) = derive_spells([replace(agreement, **changes)], cutoff=CUTOFF)
    return spell


# ---- hand-worked agreements -------------------------------------------------------------------


def test_kashmir_1949_has_its_first_deaths_and_later_its_war() -> None:
    # Force and deaths on 1950-06-11 are one event, fatal; the war of 1965-08-05 is another.
    fatal, war = days("1949-01-01", "1950-06-11"), days("1949-01-01", "1965-08-05")
    assert (fatal, war) == (526, 6060)
    assert streams(SPELLS["new"]["R001"]) == {
        "force": (fatal, False),
        "fatal": (fatal, True),
        "war": (war, True),
        "abrogation": (war, False),
    }


def test_egypt_1949_abrogated_after_its_war_is_that_war() -> None:
    # Declared dead on 1956-11-07, nine days into the war and a day after the next agreement.
    war = days("1949-02-24", "1956-10-29")
    assert streams(SPELLS["new"]["R005"])["war"] == (war, True)
    assert streams(SPELLS["new"]["R005"])["abrogation"] == (war, False)


def test_lebanon_1949_ends_with_its_abrogation_and_the_shots_after_it_are_not_its_own() -> None:
    # Israel declared it void on 1967-06-07; force and deaths are of May 1968.
    end = days("1949-03-23", "1967-06-07")
    assert streams(SPELLS["new"]["R008"]) == {
        "force": (end, False),
        "fatal": (end, False),
        "war": (end, False),
        "abrogation": (end, True),
    }


def test_sinai_1973_is_watched_to_the_treaty_of_1979() -> None:
    # Force on 25 and deaths on 31 October 1973 are one event of 25 October.
    end = days("1973-10-24", "1979-03-26")
    assert streams(SPELLS["new"]["R016"]) == {
        "force": (1, False),
        "fatal": (1, True),
        "war": (end, False),
        "abrogation": (end, False),
    }


def test_korea_1953_outlives_its_denunciation_of_2009() -> None:
    assert streams(SPELLS["new"]["R019"]) == {
        "force": (179, False),
        "fatal": (179, True),
        "war": (days("1953-07-27", "2025-12-31"), False),
        "abrogation": (days("1953-07-27", "2009-05-27"), True),
    }


def test_taiwan_strait_1955_breaks_straight_into_war_unless_leftover_fighting_counts() -> None:
    # New confrontation 1958-07-29, war 25 days later: one event, war, on its first day.
    war = days("1955-04-23", "1958-07-29")
    assert streams(SPELLS["new"]["R021"]) == dict.fromkeys(MARKS, (war, False)) | {
        "war": (war, True),
        "abrogation": (war, False),
    }
    # Leftover: force 1955-05-15 and deaths 1955-06-05 are one event; the war is then 1958-08-23.
    assert streams(SPELLS["all"]["R021"]) == {
        "force": (22, False),
        "fatal": (22, True),
        "war": (days("1955-04-23", "1958-08-23"), True),
        "abrogation": (days("1955-04-23", "1958-08-23"), False),
    }


def test_vietnam_1973_knows_its_events_only_to_the_year() -> None:
    spell = SPELLS["new"]["R026"]
    assert streams(spell) == {
        "force": (1, False),
        "fatal": (1, True),
        "war": (339, True),
        "abrogation": (339, False),  # Thieu's words of 1974-01-04 are the war
    }
    assert spell.event_end_days["fatal"] == days("1973-01-27", "1974-01-01")
    assert spell.event_end_days["war"] == days("1973-01-27", "1975-01-01")


def test_karabakh_1994_has_its_war_after_the_event_data_end() -> None:
    war = days("1994-05-12", "2020-09-27")
    assert streams(SPELLS["new"]["R045"]) == {
        "force": (300, False),
        "fatal": (300, True),
        "war": (war, True),
        "abrogation": (war, False),
    }


def test_algiers_1975_climbs_the_ladder_a_rung_at_a_time() -> None:
    # 1979-06-04 force, 1980-03-29 deaths, 1980-09-22 war; torn up five days before: the war.
    assert streams(SPELLS["new"]["R053"]) == {
        "force": (1551, True),
        "fatal": (1850, True),
        "war": (2027, True),
        "abrogation": (2027, False),
    }


def test_minsk_2014_has_three_shots_and_two_events() -> None:
    assert streams(SPELLS["new"]["R054"]) == {
        "force": (1, False),
        "fatal": (1, True),
        "war": (130, True),
        "abrogation": (130, False),
    }


def test_damascus_2024_is_an_abrogation_on_its_own() -> None:
    end = days("1982-09-15", "2024-12-08")
    assert streams(SPELLS["new"]["R018"]) == {
        "force": (days("1982-09-15", "1985-06-13"), True),
        "fatal": (days("1982-09-15", "1985-11-19"), True),
        "war": (end, False),
        "abrogation": (end, True),
    }
    assert streams(SPELLS["all"]["R018"])["force"] == (days("1982-09-15", "1983-05-25"), True)


def test_a_state_that_ended_ends_the_watching_whatever_became_of_the_row() -> None:
    for row in ("R011", "R039", "R043", "R105", "R106"):
        agreement = BY_ID[row]
        assert agreement.state_end is not None
        expected = (agreement.state_end - agreement.start).days
        assert streams(SPELLS["new"][row])["war"] == (expected, False)


def test_agreements_after_the_event_data_show_nothing_of_force_and_deaths() -> None:
    late = {"R046", "R055", "R058"}
    for mark in ("force", "fatal"):
        stops = {row for row, spell in SPELLS["new"].items() if spell.stop_days[mark] == 0}
        assert stops == late
    assert all(SPELLS["new"][row].stop_days["war"] > 0 for row in late)


def test_the_parts_of_the_lusaka_agreement_share_weight_one() -> None:
    for spells in SPELLS.values():
        lighter = {row: spell.weight for row, spell in spells.items() if spell.weight != 1.0}
        assert lighter == {row: pytest.approx(1 / 3) for row in ("R059", "R110", "R111")}


def test_rows_that_held_together_keep_their_weight() -> None:
    pair = [replace(BY_ID["R010"], id=f"R9{i}0", dyad=f"{i}-651") for i in (1, 2)]
    assert [s.weight for s in derive_spells(pair, cutoff=CUTOFF)] == [1.0, 1.0]
    assert not any(derive_spells(pair, cutoff=CUTOFF)[0].event.values())


def test_the_core_has_the_events_that_its_codebook_states() -> None:
    counted = {
        reading: {name: sum(s.event[name] for s in spells.values()) for name in STREAMS}
        for reading, spells in SPELLS.items()
    }
    assert counted == {
        "new": {"force": 27, "fatal": 38, "war": 27, "abrogation": 3},
        "all": {"force": 29, "fatal": 46, "war": 27, "abrogation": 3},
    }


# ---- rules, one at a time ---------------------------------------------------------------------

PLAIN = replace(BY_ID["R027"], state_end=None)  # start 1969-07-18, force and deaths in 1976


def test_shots_sixty_days_apart_are_one_event_and_sixty_one_are_two() -> None:
    for gap, expected in ((60, (100, False)), (61, (100, True))):
        force = PLAIN.start + timedelta(days=100)
        fatal = force + timedelta(days=gap)
        spell = one(
            PLAIN,
            first_force=DayRange(first=force, last=force),
            first_force_new=force,
            first_fatal=DayRange(first=fatal, last=fatal),
            first_fatal_new=fatal,
        )
        assert streams(spell)["force"] == expected
        assert streams(spell)["fatal"] == ((100, True) if gap == 60 else (161, True))


def test_shots_chain_from_one_to_the_next() -> None:
    force, fatal, war = (PLAIN.start + timedelta(days=n) for n in (10, 60, 110))
    spell = one(
        PLAIN,
        first_force_new=force,
        first_fatal_new=fatal,
        first_force=DayRange(first=force, last=force),
        first_fatal=DayRange(first=fatal, last=fatal),
        first_war=DayRange(first=war, last=war),
    )
    assert streams(spell) == {
        "force": (10, False),
        "fatal": (10, False),
        "war": (10, True),
        "abrogation": (10, False),
    }


def test_leftover_fighting_counts_only_where_all_shots_do() -> None:
    leftover = replace(
        PLAIN,
        first_force_residual=True,
        first_force_new=None,
        first_fatal=None,
        first_fatal_residual=None,
        first_fatal_new=None,
    )
    assert eligible_shots(leftover, "new") == ()
    assert eligible_shots(leftover, "all") == ((PLAIN.first_force, "force"),)
    unknown = replace(leftover, first_force_residual=None)
    assert eligible_shots(unknown, "new") == ((PLAIN.first_force, "force"),)


@pytest.mark.parametrize(
    ("gap", "stands"), [(-91, True), (-90, False), (0, False), (90, False), (91, False)]
)
def test_an_abrogation_within_ninety_days_of_a_war_is_that_war(gap: int, stands: bool) -> None:
    war = date(1980, 1, 1)
    abrogated = war + timedelta(days=gap)
    spell = one(
        replace(PLAIN, first_force=None, first_force_residual=None, first_force_new=None),
        first_fatal=None,
        first_fatal_residual=None,
        first_fatal_new=None,
        first_war=DayRange(first=war, last=war),
        abrogated=DayRange(first=abrogated, last=abrogated),
        abrogation_ended=True,
    )
    assert spell.event == {"force": False, "fatal": False, "war": not stands, "abrogation": stands}
    first = min(war, abrogated) if stands else war
    assert set(spell.stop_days.values()) == {float((first - PLAIN.start).days)}


def test_an_event_counts_before_its_limit_and_not_on_it() -> None:
    for end, scored in ((date(1976, 7, 1), False), (date(1976, 7, 2), True)):
        spell = one(PLAIN, state_end=end)
        assert spell.rung("force").event is scored
        assert spell.rung("force").stop_days == (date(1976, 7, 1) - PLAIN.start).days


def test_a_war_on_the_day_the_event_data_end_is_a_war_and_no_use_of_force() -> None:
    end = DATA_END["force"]
    spell = one(
        PLAIN,
        first_force=None,
        first_force_residual=None,
        first_force_new=None,
        first_fatal=None,
        first_fatal_residual=None,
        first_fatal_new=None,
        first_war=DayRange(first=end, last=end),
    )
    assert [spell.rung(mark).event for mark in MARKS] == [False, False, True]


def test_a_range_that_reaches_past_the_cutoff_ends_the_watching_on_its_first_day() -> None:
    (spell,) = derive_spells([BY_ID["R026"]], cutoff=date(1974, 6, 30))
    assert streams(spell) == {
        "force": (1, False),
        "fatal": (1, True),
        "war": (339, False),
        "abrogation": (339, False),
    }


def test_unknown_readings_and_the_target_are_refused() -> None:
    with pytest.raises(ValueError, match="reading must be one of new, all"):
        derive_spells(AGREEMENTS, cutoff=CUTOFF, reading="old")  # type: ignore[arg-type]
    for subset in ("target", "kore"):
        with pytest.raises(ValueError, match="subset must be one of core"):
            derive_spells(AGREEMENTS, cutoff=CUTOFF, subset=subset)


# ---- invariants -------------------------------------------------------------------------------


def test_rungs_are_nested_and_streams_add_up_to_them() -> None:
    for spells in SPELLS.values():
        for spell in spells.values():
            force, fatal, war = (spell.rung(mark) for mark in MARKS)
            assert force.stop_days <= fatal.stop_days <= war.stop_days
            for rung in spell.rungs:
                # An event's interval has length and is never wholly at zero.
                assert rung.event == (rung.event_end_days > rung.stop_days)
            first = [m for m in MARKS if spell.event[m] and spell.stop_days[m] == force.stop_days]
            assert len(first) == int(force.event)
            broke = spell.rung("breakdown")
            assert broke.stop_days == min(war.stop_days, spell.stop_days["abrogation"])
            assert broke.event == (spell.event["war"] or spell.event["abrogation"])


def test_the_order_of_rows_changes_the_order_of_spells_and_nothing_else() -> None:
    backwards = derive_spells(AGREEMENTS[::-1], cutoff=CUTOFF)
    assert backwards[::-1] == derive_spells(AGREEMENTS, cutoff=CUTOFF)


CUTOFFS = [date(1950, 1, 1), date(1973, 6, 1), date(1992, 2, 1), date(2015, 1, 1), CUTOFF]


@pytest.mark.parametrize("cutoff", CUTOFFS)
@pytest.mark.parametrize("reading", ["new", "all"])
def test_what_happens_on_or_after_the_cutoff_changes_no_spell(cutoff: date, reading: Any) -> None:
    def blind(days: DayRange | None) -> DayRange | None:
        return None if days is None or days.first >= cutoff else days

    def past(day: date | None) -> date | None:
        return None if day is None or day >= cutoff else day

    known = [
        replace(
            a,
            first_force=blind(a.first_force),
            first_fatal=blind(a.first_fatal),
            first_war=blind(a.first_war),
            abrogated=blind(a.abrogated),
            first_force_new=past(a.first_force_new),
            first_fatal_new=past(a.first_fatal_new),
            state_end=past(a.state_end),
            status="holding",
            known_to_war=cutoff,
        )
        for a in AGREEMENTS
        if a.start < cutoff
    ]
    assert derive_spells(known, cutoff=cutoff, reading=reading) == derive_spells(
        AGREEMENTS, cutoff=cutoff, reading=reading
    )


@pytest.mark.parametrize("cutoff", CUTOFFS[1:])
def test_a_later_agreement_or_event_leaves_no_trace(cutoff: date) -> None:
    later = cutoff + timedelta(days=1)
    followers = [replace(a, id=f"R{900 + i}", start=later) for i, a in enumerate(AGREEMENTS[:60])]
    struck = [
        replace(
            a,
            first_war=a.first_war or DayRange(first=later, last=later),
            abrogated=a.abrogated or DayRange(first=later, last=later),
            abrogation_ended=True if a.abrogated is None else a.abrogation_ended,
            status="breakdown",
        )
        for a in AGREEMENTS
    ]
    expected = derive_spells(AGREEMENTS, cutoff=cutoff)
    assert derive_spells([*struck, *followers], cutoff=cutoff) == expected
    # The guard guards: long before the cutoff the same rows do change something.
    earlier = [replace(a, start=cutoff - timedelta(days=7000)) for a in followers]
    assert derive_spells([*AGREEMENTS, *earlier], cutoff=cutoff)[: len(expected)] != expected


@given(
    cutoff=st.dates(date(1946, 1, 1), date(2026, 12, 31)),
    extra=st.integers(0, 20_000),
)
@example(cutoff=date(1980, 4, 2), extra=57)  # a shot at the cutoff that becomes a war in May
@example(cutoff=date(2014, 9, 7), extra=1)
def test_a_later_cutoff_only_adds(cutoff: date, extra: int) -> None:
    """Nothing is watched for less long, but for what a confrontation under way rises to.

    Its shots are one event of the day of the first, whose mark is the highest that is known: until
    the war is known, war was watched for beyond that day.
    """
    later = date.fromordinal(min(cutoff.toordinal() + extra, date(2026, 12, 31).toordinal()))
    before = {s.agreement: s for s in derive_spells(AGREEMENTS, cutoff=cutoff)}
    after = {s.agreement: s for s in derive_spells(AGREEMENTS, cutoff=later)}
    assert before.keys() <= after.keys()
    for row, spell in before.items():
        for rank, mark in enumerate(MARKS):
            found = after[row].rung(mark)
            if found.stop_days < spell.stop_days[mark]:
                begun = [spell.rung(lower) for lower in MARKS[:rank]]
                assert found.event
                assert any(shot.event and shot.stop_days == found.stop_days for shot in begun)


# ---- Kaplan–Meier -----------------------------------------------------------------------------


@settings(deadline=None)  # the first example imports SciPy
@given(
    st.lists(st.tuples(st.integers(1, 12), st.booleans()), min_size=1, max_size=40).filter(
        lambda pairs: any(event for _, event in pairs)
    )
)
def test_kaplan_meier_equals_scipy(pairs: list[tuple[int, bool]]) -> None:
    from scipy.stats import CensoredData, ecdf

    times, events = [t for t, _ in pairs], [e for _, e in pairs]
    censored = CensoredData(
        uncensored=[t for t, e in pairs if e], right=[t for t, e in pairs if not e]
    )
    expected = ecdf(censored).sf
    curve = kaplan_meier(times, events)
    for age in range(14):
        assert survival_at(curve, age) == pytest.approx(float(expected.evaluate(age)), abs=1e-12)


def test_the_interval_of_kaplan_meier_is_scipys() -> None:
    from scipy.stats import CensoredData, ecdf

    times, events = first_times(SPELLS["new"].values(), "war")[:2]
    curve = kaplan_meier(times, events, interval_probability=0.9)
    censored = CensoredData(
        uncensored=[t for t, e in zip(times, events, strict=True) if e],
        right=[t for t, e in zip(times, events, strict=True) if not e],
    )
    sf = ecdf(censored).sf
    interval = sf.confidence_interval(confidence_level=0.9, method="log-log")
    ages = np.array(curve.ages[1:])
    np.testing.assert_allclose(curve.low[1:], interval.low.evaluate(ages), rtol=1e-9)
    np.testing.assert_allclose(curve.high[1:], interval.high.evaluate(ages), rtol=1e-9)


def test_a_weight_of_two_is_the_row_twice() -> None:
    twice = kaplan_meier([1, 1, 2, 3], [True, True, False, True])
    weighted = kaplan_meier([1, 2, 3], [True, False, True], [2, 1, 1])
    assert weighted == twice
    assert weighted.survival == pytest.approx((1.0, 0.5, 0.0))


def test_thirds_of_a_row_reach_zero_exactly() -> None:
    third = 1 / 3
    curve = kaplan_meier([5, 7, 7, 7], [True] * 4, [1, third, third, third])
    assert curve.survival == (1.0, 0.5, 0.0)
    assert curve.at_risk == pytest.approx((2, 2, 1))


# ---- the raw columns against the numbers published with the data -------------------------------

RAW_SETS = {
    "core_orig": lambda a: a.set_original == "core" and int(a.id[1:]) <= 60,
    "core_all": lambda a: a.set_original == "core",
    "core_clean": lambda a: a.set == "core",
}
COW_STRICT = {
    # By the Correlates of War alone: Jordan's part in 1973 was no war of the dyad, the Ogaden
    # fighting of 1980 none at all (watched to Somalia's end), China and Vietnam's began in 1987.
    "R013": (date(1973, 10, 10), False),
    "R032": (date(1991, 1, 26), False),
    "R035": (date(1987, 1, 5), True),
}


def raw(agreement: Agreement, rung: str) -> tuple[date, bool] | None:
    """Read a rung as ``ladder_km.csv`` did: columns as they stand, censored at known_to."""
    war = agreement.first_war
    if rung in ("first_force", "first_fatal", "first_war"):
        found = getattr(agreement, rung)
        known = getattr(agreement, rung.replace("first", "known_to"))
        return (found.first, True) if found else (known, False)
    if rung == "first_war_strict":
        return COW_STRICT.get(agreement.id) or raw(agreement, "first_war")
    if rung == "abrogated":
        found = agreement.abrogated
        if war and not (found and found.first <= war.first):
            return war.first, False
        return (found.first, True) if found else (agreement.known_to_abrogated, False)
    if rung in ("breakdown", "breakdown_strict"):
        strict = rung == "breakdown" or agreement.breakdown_strict
        if agreement.breakdown:
            return agreement.breakdown, bool(strict)
        assert agreement.censor_date is not None
        return agreement.censor_date, False
    return raw_new(agreement, rung.split("_")[1])


def raw_new(agreement: Agreement, mark: str) -> tuple[date, bool] | None:
    if agreement.id == "R026":  # left out: only its year is known
        return None
    first = getattr(agreement, f"first_{mark}")
    new = getattr(agreement, f"first_{mark}_new")
    # Shots within days of Minsk I and II were read as fighting that had not stopped.
    stopped = agreement.id not in ("R054", "R055")
    if first and stopped and getattr(agreement, f"first_{mark}_residual") is None:
        new = new or first.first
    if agreement.id == "R046":
        # The one date that is in no file: the published shapes and scales (twelve numbers) agree
        # on this day alone, so the fighting of November 2020 was read as leftover there.
        new = date(2021, 10, 14)
    war = agreement.first_war.first if agreement.first_war else None
    seen = [day for day in (new, war) if day]
    if seen:
        return min(seen), True
    return (DATA_END[mark] if first else getattr(agreement, f"known_to_{mark}")), False


def weibull_fit(years: np.ndarray, events: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    """Maximise the likelihood of right-censored Weibull times: shape, scale in years."""
    from scipy.optimize import minimize

    def minus_log_likelihood(parameters: np.ndarray) -> float:
        log_shape, log_scale = parameters
        scaled = math.exp(log_shape) * (np.log(years) - log_scale)
        log_hazard = log_shape + scaled - np.log(years)
        return -float(np.sum(weights * (events * log_hazard - np.exp(scaled))))

    fit = minimize(
        minus_log_likelihood,
        np.zeros(2),
        method="Nelder-Mead",
        options={"xatol": 1e-9, "fatol": 1e-11, "maxiter": 10_000},
    )
    assert fit.success
    return math.exp(fit.x[0]), math.exp(fit.x[1])


def published(folder: Path) -> dict[tuple[str, str], dict[str, str]]:
    found: dict[tuple[str, str], dict[str, str]] = {}
    text = (folder / "agreements" / "ladder_km.csv").read_text(encoding="utf-8")
    for row in csv.DictReader(text.splitlines()):
        found.setdefault((row["set"], row["rung"]), {"n": row["n"], "events": row["events"]})[
            row["quantity"]
        ] = row["estimate"]
    return found


def observations(members: Sequence[Agreement], rung: str) -> tuple[np.ndarray, np.ndarray]:
    pairs = [(a.start, found) for a in members if (found := raw(a, rung)) is not None]
    ages = np.array([(day - start).days for start, (day, _) in pairs], dtype=float)
    return ages / DAYS_PER_YEAR, np.array([event for _, (_, event) in pairs])


def test_raw_columns_reproduce_the_kaplan_meier_and_weibull_numbers(reference_data: Path) -> None:
    compared: Counter[str] = Counter()
    for (name, rung), row in published(reference_data).items():
        members = [a for a in AGREEMENTS if RAW_SETS[name](a)]
        years, events = observations(members, rung)
        where = f"{name} {rung}"
        assert (len(years), int(events.sum())) == (int(row["n"]), int(row["events"])), where
        curve = kaplan_meier(list(years), list(events))
        for horizon in (1, 3, 5, 10, 20):
            expected = float(row[f"S{horizon}"])
            assert survival_at(curve, horizon) == pytest.approx(expected, abs=6e-5), where
            compared["survival"] += 1
        shape, scale = weibull_fit(
            np.maximum(years, 0.5 / DAYS_PER_YEAR), events, np.ones(len(years))
        )
        assert shape == pytest.approx(float(row["weibull_shape"]), abs=2e-4), where
        assert scale == pytest.approx(float(row["weibull_scale_y"]), rel=3e-4), where
        compared["weibull"] += 1
    assert compared == {"survival": 135, "weibull": 27}


@pytest.mark.parametrize("reading", ["new", "all"])
def test_derived_rungs_fall_off_ever_more_slowly(reading: Any) -> None:
    # Raw hazards fall steeply with age (design §3.5: shapes about 0.35-0.5); abrogation does not.
    shapes = {}
    for rung in RUNGS:
        ages, events, weights = first_times(SPELLS[reading].values(), rung)
        watched = np.array(ages) > 0
        middle = np.maximum(np.array(ages), 0.5)[watched] / DAYS_PER_YEAR
        shapes[rung], _ = weibull_fit(middle, np.array(events)[watched], np.array(weights)[watched])
    assert all(0.3 < shapes[rung] < 0.75 for rung in ("force", "fatal", "war", "breakdown"))
    assert shapes["abrogation"] > 1
