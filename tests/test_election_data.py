"""What of an election enters at a cutoff: nothing later, to the bit."""

from __future__ import annotations

import dataclasses
import datetime as dt

import numpy as np
import pytest

from durability.election_data import (
    REMAINDER,
    UNDECIDED,
    UNMEASURED,
    ElectionData,
    assemble_election,
)
from durability.election_settings import Election, read_election
from durability.errors import InputError

DAYS = [dt.date(2024, 1, 1), dt.date(2025, 6, 7), dt.date(2026, 5, 7), dt.date(2026, 6, 7)]


@pytest.fixture(scope="module")
def election() -> Election:
    return read_election("armenia_azerbaijan")


def same(one: ElectionData, other: ElectionData) -> bool:
    return (
        one.hash() == other.hash()
        and one.weeks_left == other.weeks_left
        and one.lists == other.lists
        and [p.id for p in one.polls] == [p.id for p in other.polls]
        and one.left_out == other.left_out
    )


def with_another_future(election: Election, cutoff: dt.date) -> Election:
    """Change every poll published after a cutoff and every result known after it; add one each."""
    later = [p for p in election.polls if p.published > cutoff]
    polls = [p for p in election.polls if p.published <= cutoff]
    for poll in later:
        shares = {key: share / 2.0 for key, share in poll.shares.items()} | {"surprise": 30.0}
        polls.append(dataclasses.replace(poll, shares=shares, respondents=77, house="nobody"))
    if later:
        polls.append(dataclasses.replace(later[0], id="NEW"))
    results = {}
    for name, result in election.results.items():
        if result.known > cutoff:
            lists = {
                key: dataclasses.replace(each, share=each.share / 3.0, seats=1)
                for key, each in result.lists.items()
            }
            results[name] = dataclasses.replace(result, lists=lists)
        else:
            results[name] = result
    return dataclasses.replace(election, polls=tuple(polls), results=results)


@pytest.mark.parametrize("cutoff", DAYS)
def test_what_became_known_later_changes_nothing_to_the_bit(
    election: Election, cutoff: dt.date
) -> None:
    before = assemble_election(election, cutoff=cutoff)
    changed = with_another_future(election, cutoff)
    assert changed.results != election.results
    assert same(before, assemble_election(changed, cutoff=cutoff))


def test_the_same_changes_are_seen_once_they_are_known(election: Election) -> None:
    changed = with_another_future(election, dt.date(2026, 5, 7))
    late = dt.date(2026, 6, 7)
    one, other = (assemble_election(each, cutoff=late) for each in (election, changed))
    assert not same(one, other)


def test_a_poll_enters_on_the_day_it_was_published(election: Election) -> None:
    day = dt.date(2026, 5, 22)
    before = assemble_election(election, cutoff=day - dt.timedelta(days=1))
    after = assemble_election(election, cutoff=day)
    assert {p.id for p in after.polls} - {p.id for p in before.polls} == {"P18"}


def test_exit_polls_are_known_on_the_day_of_the_vote_alone(election: Election) -> None:
    eve = assemble_election(election, cutoff=dt.date(2026, 6, 6))
    day = assemble_election(election, cutoff=dt.date(2026, 6, 7))
    assert not any(p.exit for p in eve.polls)
    assert [p.id for p in day.polls if p.exit] == ["X02"]
    assert ("X01", "the pollster is not named and the channel is partisan") in [
        (p.id, why) for p, why in day.left_out
    ]
    assert day.weeks_left == 0.0


def test_the_result_is_known_the_day_after_the_vote(election: Election) -> None:
    assert election.result_at(dt.date(2026, 6, 7)) is None
    known = election.result_at(dt.date(2026, 6, 8))
    assert known is not None
    assert known.lists["civil_contract"].seats == 64


def test_lists_are_followed_from_the_poll_that_makes_them_known(election: Election) -> None:
    early = assemble_election(election, cutoff=dt.date(2024, 1, 1))
    assert early.lists == ("civil_contract", "armenia_alliance", "ihh_or_rpa", REMAINDER)
    assert early.polls == ()
    spring = assemble_election(election, cutoff=dt.date(2025, 6, 7))
    assert "strong_armenia" not in spring.lists
    autumn = assemble_election(election, cutoff=dt.date(2025, 9, 5))
    assert "strong_armenia" in autumn.lists
    assert "ihh_or_rpa" in autumn.lists
    assert "ihh_or_rpa" not in assemble_election(election, cutoff=dt.date(2026, 5, 31)).lists


def test_misses_are_of_the_last_poll_of_each_house_before_each_past_election(
    election: Election,
) -> None:
    data = assemble_election(election, cutoff=dt.date(2026, 5, 31))
    miss = dict(zip(data.coords["past_poll"], data.arrays["miss"], strict=True))
    points = {
        p.id: 100
        * (
            p.among_named(election.past[p.election])
            - election.results[p.election].lists[election.past[p.election]].share
        )
        for p in data.misses
    }
    # constitution.md, section 6: 2017 MPG -16; 2018 IRI -3, MPG +12; 2021 MPG -25, Inter-Action
    # -18; Yerevan 2023 MPG -4.
    told = {"H01": -16.0, "H03": -3.4, "H05": 11.8, "H10": -25.3, "H08": -18.3, "H12": -3.9}
    assert points == pytest.approx(told, abs=0.15)
    assert {name: np.sign(value) for name, value in miss.items()} == {
        name: np.sign(value) for name, value in told.items()
    }


def test_a_past_poll_that_does_not_tell_who_named_no_list_is_left_out_and_told(
    election: Election,
) -> None:
    """Of H10 only the governing list's 25.2 told: among those listed it would have all votes."""
    cutoff = dt.date(2026, 5, 31)
    part = {"shares": {"civil_contract": 25.2}, "undecided": {}, "whole": False}
    polls = [dataclasses.replace(p, **part) if p.id == "H10" else p for p in election.polls]
    found = assemble_election(dataclasses.replace(election, polls=tuple(polls)), cutoff=cutoff)
    assert {p.id for p in found.misses} == {"H01", "H03", "H05", "H08", "H12"}
    assert [(p.id, why) for p, why in found.left_out if p.id == "H10"] == [("H10", UNMEASURED)]
    assert np.isfinite(found.arrays["miss"]).all()
    # An earlier poll of the house that tells it stands in.
    polls = [dataclasses.replace(p, undecided={"no": 40.0}) if p.id == "H09" else p for p in polls]
    polls = [dataclasses.replace(p, whole=True) if p.id == "H09" else p for p in polls]
    other = assemble_election(dataclasses.replace(election, polls=tuple(polls)), cutoff=cutoff)
    assert {p.id for p in other.misses} == {"H01", "H03", "H05", "H08", "H09", "H12"}
    assert "H10" in [p.id for p, _ in other.left_out]


def test_shipped_polls_that_do_not_tell_it_have_a_later_one_of_their_house(
    election: Election,
) -> None:
    data = assemble_election(election, cutoff=dt.date(2026, 5, 31))
    assert [p.id for p in data.misses] == ["H01", "H03", "H05", "H10", "H08", "H12"]
    assert [p.id for p, _ in data.left_out] == ["P04"]


def test_a_miss_is_known_when_the_result_is_not_when_the_poll_is(election: Election) -> None:
    """Yerevan's polls of September 2023 were out before its result."""
    before = assemble_election(election, cutoff=dt.date(2023, 9, 20))
    after = assemble_election(election, cutoff=dt.date(2023, 10, 1))
    assert {p.id for p in after.misses} - {p.id for p in before.misses} == {"H12"}


def test_a_cutoff_before_the_previous_result_is_refused(election: Election) -> None:
    with pytest.raises(InputError, match="the result of E2021 was known on 2021-06-27"):
        assemble_election(election, cutoff=dt.date(2021, 6, 26))


def test_answers_that_a_report_does_not_list_are_collected_with_the_remainder(
    election: Election,
) -> None:
    data = assemble_election(election, cutoff=dt.date(2026, 5, 31))
    names = data.coords["category"]
    row = [p.id for p in data.polls].index("P14")
    share = dict(zip(names, data.arrays["share"][row], strict=True))
    assert share["civil_contract"] == pytest.approx(0.336)
    assert share[UNDECIDED] == pytest.approx(0.37)
    assert share[REMAINDER] == pytest.approx(0.105)
    assert share["dok"] == 0.0
    collected = data.arrays["collect"][row]
    assert collected[names.index("dok"), names.index(REMAINDER)] == 1.0
    assert collected[names.index("strong_armenia"), names.index("strong_armenia")] == 1.0
    # Where the undecided are not told apart they are with the remainder too.
    open_row = [p.id for p in data.polls].index("P11")
    assert data.arrays["collect"][open_row, names.index(UNDECIDED), names.index(REMAINDER)] == 1.0
    assert np.allclose(data.arrays["collect"].sum(-1), 1.0)
    assert np.allclose(data.arrays["share"].sum(-1), 1.0)


def test_steps_are_the_weeks_between_polls(election: Election) -> None:
    data = assemble_election(election, cutoff=dt.date(2026, 5, 31))
    weeks = data.arrays["steps"][:, 0] ** 2
    middle = [p.middle for p in data.polls]
    assert weeks[0] == pytest.approx((middle[0] - dt.date(2021, 6, 20)).days / 7)
    assert weeks[1] == pytest.approx((middle[1] - middle[0]).days / 7)
    assert weeks[len(middle) :].tolist() == [0.0] * (len(weeks) - len(middle))
    assert weeks.sum() + data.weeks_left == pytest.approx(
        (election.date - dt.date(2021, 6, 20)).days / 7
    )
    # A list without a result starts at its first poll, not at the previous election.
    assert data.arrays["steps"][0, data.lists.index("strong_armenia")] == 0.0
