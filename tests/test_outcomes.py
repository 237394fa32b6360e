"""Outcomes: what each rung of history's agreements showed, in the form that scores take."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from durability.agreements import read_agreements
from durability.censored_scores import CENSORED, HAPPENED, RULED_OUT
from durability.ladder import Observed, Spell, derive_spells
from durability.outcomes import happened_by, is_watched, watched_rung
from durability.vocabulary import DAYS_PER_YEAR, RUNGS

YEAR = DAYS_PER_YEAR


def seen(stop: float, *, event: bool = False, end: float | None = None) -> Observed:
    last = stop + (1.0 if event and end is None else 0.0) if end is None else end
    return Observed(stop_days=stop, event=event, event_end_days=last)


def spell(
    force: Observed, fatal: Observed, war: Observed, abrogation: Observed, **more: float
) -> Spell:
    breakdown = min(war, abrogation, key=lambda each: (each.stop_days, not each.event))
    return Spell(
        agreement="R001",
        entry_days=more.get("entry", 0.0),
        streams=(force, fatal, war, abrogation),
        rungs=(force, fatal, war, abrogation, breakdown),
        limit_days=(20 * YEAR,) * 4,
        weight=more.get("weight", 1.0),
    )


DENOUNCED = spell(
    seen(2 * YEAR), seen(2 * YEAR), seen(2 * YEAR), seen(2 * YEAR, event=True), weight=0.5
)
"""Ended by an abrogation after two years."""

BY_WAR = spell(
    seen(3 * YEAR, event=True),
    seen(3 * YEAR, event=True),
    seen(3 * YEAR, event=True),
    seen(3 * YEAR),
)
"""Ended by a war after three."""

HELD = spell(seen(0.0), seen(4 * YEAR), seen(9 * YEAR), seen(12 * YEAR))
"""Watched for war for nine years; never for force: its data had ended."""


def test_an_abrogation_that_ends_the_agreement_rules_the_ladder_out() -> None:
    for rung in ("force", "fatal", "war"):
        assert watched_rung([DENOUNCED], rung).ended.tolist() == [RULED_OUT]
    assert watched_rung([DENOUNCED], "abrogation").ended.tolist() == [HAPPENED]
    assert watched_rung([DENOUNCED], "breakdown").ended.tolist() == [HAPPENED]


def test_a_war_rules_abrogation_out_and_nothing_rules_breakdown_out() -> None:
    assert watched_rung([BY_WAR], "abrogation").ended.tolist() == [RULED_OUT]
    assert watched_rung([BY_WAR], "breakdown").ended.tolist() == [HAPPENED]
    assert watched_rung([HELD], "breakdown").ended.tolist() == [CENSORED]


def test_a_rung_that_nobody_watched_for_is_left_out() -> None:
    assert is_watched([DENOUNCED, HELD], "force").tolist() == [True, False]
    assert watched_rung([DENOUNCED, HELD], "force").stop.size == 1


def test_what_had_happened_by_each_horizon_by_hand() -> None:
    found = happened_by([DENOUNCED, BY_WAR, HELD], [1.0, 5.0, 10.0])
    n = np.nan
    by_rung = dict(zip(RUNGS, np.moveaxis(found, 1, 0), strict=True))
    np.testing.assert_array_equal(by_rung["force"], [[0, 0, 0], [0, 1, 1], [n, n, n]])
    np.testing.assert_array_equal(by_rung["fatal"], [[0, 0, 0], [0, 1, 1], [0, n, n]])
    np.testing.assert_array_equal(by_rung["war"], [[0, 0, 0], [0, 1, 1], [0, 0, n]])
    np.testing.assert_array_equal(by_rung["abrogation"], [[0, 1, 1], [0, 0, 0], [0, 0, 0]])
    np.testing.assert_array_equal(by_rung["breakdown"], [[0, 1, 1], [0, 1, 1], [0, 0, n]])


def test_an_event_known_to_a_month_counts_at_its_middle() -> None:
    wide = seen(300.0, event=True, end=330.0)
    found = watched_rung([spell(wide, wide, wide, seen(300.0))], "war")
    assert found.stop[0] == pytest.approx(315.0 / YEAR)


def test_weights_and_entries_are_those_of_the_spells() -> None:
    late = spell(seen(800.0), seen(800.0), seen(800.0), seen(800.0), entry=400.0)
    found = watched_rung([DENOUNCED, late], "war")
    np.testing.assert_allclose(found.weight, [0.5, 1.0])
    np.testing.assert_allclose(found.entry, [0.0, 400.0 / YEAR])


def test_in_history_every_event_of_a_spell_is_one_of_its_outcome() -> None:
    spells = derive_spells(read_agreements(), cutoff=date(2026, 6, 30))
    for rung in RUNGS:
        found = watched_rung(spells, rung)
        assert (found.ended == HAPPENED).sum() == sum(each.rung(rung).event for each in spells)
    by_then = happened_by(spells, [1.0, 5.0, 10.0, 20.0])
    assert (np.diff(by_then, axis=-1) >= 0.0)[~np.isnan(np.diff(by_then, axis=-1))].all()
    force, fatal, war = (by_then[:, RUNGS.index(rung)] for rung in ("force", "fatal", "war"))
    known = ~np.isnan(force + fatal + war)
    assert ((war <= fatal) & (fatal <= force))[known].all()
