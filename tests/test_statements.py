"""What scenarios say: read, placed on the calendar, and refused where it cannot be."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from conditioned import CONDITIONS, changed, conditioned
from worlds import CUTOFF, data

from durability.assembly import ModelData
from durability.errors import InputError
from durability.simulation import Statement, plan_of
from durability.statements import Scenario, month_of, spelled, state


def assembled(text: str = CONDITIONS, cutoff: date = CUTOFF) -> ModelData:
    return data(conditioned(text), cutoff=cutoff)


def said(*settings: str, text: str = CONDITIONS, **how: Any) -> Statement:
    known = assembled(text)
    told = Scenario(name="x", settings=settings, **how)
    return state([told], known, plan_of(known), months=60)[0]


def refused(*settings: str, text: str = CONDITIONS, **how: Any) -> str:
    with pytest.raises(InputError) as caught:
        said(*settings, text=text, **how)
    return str(caught.value)


def rule(statement: Statement, name: str, text: str = CONDITIONS) -> tuple[str, int, bool]:
    found = statement.forced[plan_of(assembled(text)).place(name)]
    return found.result, found.month, found.by


def test_settings_are_read_in_words_and_months() -> None:
    found = said("corridor=open@2028-01", "relents=pending@2026-07", "called=by:dropped@2031-06")
    assert rule(found, "corridor") == ("met", 18, False)
    assert rule(found, "relents") == ("pending", 0, False)
    assert rule(found, "called") == ("failed", 59, True)
    assert rule(said("called=failed"), "called") == ("failed", 59, True)
    assert rule(said("called=pending"), "called") == ("pending", 59, False)


def test_a_vote_has_its_day() -> None:
    """The last day of a month belongs to it."""
    for text in ("vote=met", "vote=met@2027-03"):
        assert rule(said(text), "vote") == ("met", 8, False)
    assert "decided on 2027-03-31; say that month" in refused("vote=met@2027-04")
    assert "cannot be pending then" in refused("vote=pending@2027-03")
    assert rule(said("vote=pending@2027-02"), "vote") == ("pending", 7, False)
    assert rule(said("vote=pending@2027-05", verb="intervening"), "vote")[0] == "pending"


@pytest.mark.parametrize(
    ("cutoff", "month", "place"),
    [
        (date(2026, 6, 30), "2026-07", 0),
        (date(2026, 6, 30), "2026-06", -1),
        (date(2026, 6, 30), "2031-06", 59),
        (date(2026, 6, 5), "2026-06", 0),
        (date(2026, 6, 15), "2026-07", 0),
        (date(2026, 6, 25), "2026-07", 0),
        (date(2026, 6, 25), "2026-08", 1),
    ],
)
def test_a_month_is_placed_by_its_middle_and_named_back(
    cutoff: date, month: str, place: int
) -> None:
    assert month_of(month, cutoff) == place
    assert spelled(place, cutoff) == month


@pytest.mark.parametrize("text", ["2026-13", "2026", "soon", "2026-7", "0000-01"])
def test_what_is_no_month_is_refused(text: str) -> None:
    assert month_of(text, CUTOFF) is None
    assert "must be like 2027-06" in refused(f"corridor=open@{text}")


def test_every_problem_is_told_at_once() -> None:
    told = refused(
        "coridor=open@2028-01",
        "corridor=opened@2028-01",
        "relents=met@2026-05",
        "called=called@2031-07",
        "summit=met@2026-09",
        "whatever",
        pins={"trsut": 1.0, "corridor": float("nan")},
        shifts={"corridor": 1.0},
        verb="intervening",
    )
    for part in (
        'did you mean "corridor"?',
        'corridor cannot be "opened"; must be one of open, abandoned, met, failed, pending',
        "2026-05 is past: the cutoff is 2026-06-30; from 2026-07 to 2031-06",
        "2031-07 is too far ahead",
        "summit cannot come before 2026-10-15",
        "must be NAME=WORD@YYYY-MM",
        'did you mean "trust"?',
        "must be a number from -20 to 20",
        "both pins and shifts corridor",
    ):
        assert part in told
    assert len(told.splitlines()) == 9


def test_the_month_of_not_before_can_be_said() -> None:
    assert rule(said("summit=met@2026-10"), "summit") == ("met", 3, False)


def test_one_condition_is_set_once() -> None:
    assert "is set already by" in refused("corridor=open@2028-01", "corridor=pending@2027-01")


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (("called=dropped@2027-01", "referendum=passed@2027-06"), "lets fail"),
        (("called=dropped@2027-01", "referendum=rejected@2027-06"), "lets fail"),
        (("called=called@2027-07", "referendum=passed@2027-06"), "lets come later"),
        (("called=pending@2027-06", "referendum=passed@2027-06"), "leaves pending"),
        (("called=by:dropped@2027-06", "referendum=passed"), "lets fail"),
        (
            ("referendum=rejected@2027-01", "relents=failed@2027-01", "signature=signed@2027-06"),
            "requires one of referendum, relents",
        ),
    ],
)
def test_what_is_learned_must_be_possible(settings: tuple[str, ...], told: str) -> None:
    assert told in refused(*settings)
    exact = tuple(each for each in settings if "by:" not in each and "@" in each)
    if exact == settings:
        said(*settings, verb="intervening")  # causes are cut: nothing is required


def test_what_may_be_is_not_refused() -> None:
    said("called=called@2027-06", "referendum=passed@2027-06")
    said("called=pending@2027-05", "referendum=passed@2027-06")
    said("called=by:called@2028-06", "referendum=passed@2027-06")
    said("referendum=rejected@2027-01", "signature=signed@2027-06")


def test_what_is_known_may_be_said_again_and_not_denied() -> None:
    for text in ("talks=met", "talks=met@2026-05", "talks=by:met@2026-06", "talks=pending@2026-04"):
        assert said(text).forced == {}
    for text in ("talks=failed", "talks=met@2026-04", "talks=pending", "talks=met@2027-01"):
        assert "talks is known to be met since 2026-05-10" in refused(text)


def test_an_outcome_known_later_is_still_pending() -> None:
    early = assembled(cutoff=date(2026, 4, 30))
    told = Scenario(name="x", settings=("talks=failed@2026-06",))
    assert state([told], early, plan_of(early), months=60)[0].forced


def test_what_waits_for_a_failure_can_no_longer_be_met() -> None:
    outcome = '\n[condition.outcome]\nresult = "failed"\ndate = 2026-06-01\nwhy = "Made up."\n'
    blocks = CONDITIONS.split("[[condition]]")
    blocks = [b + outcome if 'name = "called"' in b else b for b in blocks]
    blocks = [b for b in blocks if 'name = "talks"' not in b]
    text = "[[condition]]".join(blocks)
    assert "referendum is blocked" in refused("referendum=passed@2027-06", text=text)
    assert said("referendum=pending@2027-06", text=text).forced == {}


def test_drivers_are_brought_about_never_learned() -> None:
    told = refused("corridor=open@2028-01", pins={"trust": 1.0})
    assert "durability news add" in told
    assert "--intervening" in told
    found = said(verb="intervening", pins={"trust": 1.0}, shifts={"corridor": -0.5})
    assert found.pins == {0: -1.0}  # trust is minus its pressure
    assert found.shifts == {2: -0.5}


def test_what_is_brought_about_comes_in_a_month() -> None:
    assert "comes in a month" in refused("corridor=open", verb="intervening")
    assert "comes in a month" in refused("corridor=by:open@2028-01", verb="intervening")
    assert rule(said("corridor=pending", verb="intervening"), "corridor")[0] == "pending"


def test_an_unknown_verb_is_refused() -> None:
    assert 'did you mean "observing"?' in refused("corridor=open@2028-01", verb="observeing")


def test_two_scenarios_do_not_share_a_name() -> None:
    known = assembled()
    told = [Scenario(name="x"), Scenario(name="x")]
    with pytest.raises(InputError, match="stands twice"):
        state(told, known, plan_of(known), months=60)


def test_a_case_without_conditions_says_so() -> None:
    known = data(replace(conditioned(), conditions=()))
    with pytest.raises(InputError, match="waits for none"):
        state([Scenario(name="x", settings=("a=met",))], known, plan_of(known), months=60)


def test_texts_of_the_fixture_can_be_changed() -> None:
    text = changed(CONDITIONS, "summit", not_before="2027-01-01", met_by="{ 2028-12-31 = 0.5 }")
    assert "cannot come before 2027-01-01" in refused("summit=met@2026-12", text=text)
