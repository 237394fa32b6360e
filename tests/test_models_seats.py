"""Seats: published results to the seat, counterfactuals of the law, and its knife edges."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from durability.catalogue import seat_arithmetic
from durability.election_forecast import seats_of_result
from durability.election_settings import Election, read_election

seats = seat_arithmetic()
RULE = seats.SeatRule(
    base_seats=101,
    minority_seats=4,
    thresholds={"party": 4.0, "alliance": 8.0},
    minimum_lists=3,
    bonus=52,
)
CC, SA, AA, PPA, WU = 726_489, 339_993, 144_975, 58_282, 33_524
BASE_2026 = 1_460_171


@pytest.fixture(scope="module")
def election() -> Election:
    return read_election("armenia_azerbaijan")


# Published ----------------------------------------------------------------------------------


@pytest.mark.parametrize("of", ["E2017", "E2018", "E2021", "E2026"])
def test_every_result_is_reproduced_to_the_seat_from_its_votes(election: Election, of: str) -> None:
    result = election.results[of]
    made = seats_of_result(election, result)
    assert made == {key: each.seats or 0 for key, each in result.lists.items()}
    assert sum(made.values()) == result.seats_total


def test_the_published_seats_are_those_of_the_reports(election: Election) -> None:
    told = {
        of: [each.seats for each in election.results[of].lists.values() if each.seats]
        for of in ("E2017", "E2018", "E2021", "E2026")
    }
    assert told == {
        "E2017": [58, 31, 9, 7],
        "E2018": [88, 26, 18],
        "E2021": [71, 29, 7],
        "E2026": [64, 29, 12],
    }


def test_prosperous_armenia_is_over_four_per_cent_of_valid_ballots_and_under_of_the_base(
    election: Election,
) -> None:
    result = election.results["E2026"]
    votes = result.lists["prosperous_armenia"].votes or 0
    assert result.valid is not None
    assert round(100 * votes / result.valid, 3) == 4.002
    assert round(100 * votes / result.legal_base, 3) == 3.991
    made = [
        seats.allocate([CC, SA, AA, PPA], base, [4, 8, 8, 4], RULE).seats.tolist()
        for base in (result.legal_base, result.valid)
    ]
    assert made == [[64, 29, 12, 0], [61, 28, 11, 5]]


# Counterfactuals of electoral_law.md --------------------------------------------------------


@pytest.mark.parametrize(
    ("votes", "wanted"),
    [
        ([CC, SA, AA, PPA], [61, 28, 11, 5]),
        ([CC, SA, PPA], [68, 32, 5]),
        ([CC, SA, AA, PPA, WU], [59, 27, 11, 5, 3]),
    ],
)
def test_other_lists_in_the_house_of_2026(votes: list[int], wanted: list[int]) -> None:
    made = seats.allocate(votes, 1.0, [0] * len(votes), RULE)
    assert made.seats.tolist() == wanted
    assert made.total == 105


@pytest.mark.parametrize(
    ("share", "wanted"),
    [
        (0.4990, [52, 38, 15]),  # no majority, no bonus
        (0.4995, [57, 37, 15]),  # a bare one is brought to 52 %
        (0.58840, [63, 30, 12]),
        (0.65700, [70, 25, 10]),
    ],
)
def test_what_the_leader_needs_of_the_qualifying_vote(share: float, wanted: list[int]) -> None:
    rest = (1.0 - share) / (SA + AA)
    made = seats.allocate([share, rest * SA, rest * AA], 1.0, [0] * 3, RULE)
    assert made.seats.tolist() == wanted


def test_two_thirds_is_not_monotone_in_seats() -> None:
    """Winner's seats before the cap, all seats after it, two thirds or not."""
    winners = np.arange(70, 80)
    rule = seats.SeatRule(
        base_seats=105, minority_seats=0, thresholds={}, minimum_lists=3, bonus=52
    )
    votes = np.stack([winners, 105 - winners - 9, np.full(10, 9)], axis=1)
    made = seats.allocate(votes, np.full(10, 105.0), [0] * 3, rule)
    assert made.base[:, 0].tolist() == winners.tolist()
    assert made.total.tolist() == [105, 107, 108, 110, 111, 113, 114, 116, 117, 119]
    reaches = seats.holds_two_thirds(made.seats[:, 0], made.total)
    assert reaches.tolist() == [True, False] * 5


# Against slow arithmetic --------------------------------------------------------------------


def slow_remainder(weights: list[int], house: int, votes: list[int]) -> list[int]:
    quota = [Fraction(w * house, sum(weights)) for w in weights]
    given = [math.floor(q) for q in quota]
    order = sorted(range(len(votes)), key=lambda i: (given[i] - quota[i], -votes[i], i))
    for i in order[: house - sum(given)]:
        given[i] += 1
    return given


def slow_dhondt(votes: list[int], house: int) -> list[int]:
    given = [0] * len(votes)
    for _ in range(house):
        best = max(range(len(votes)), key=lambda i: (Fraction(votes[i], given[i] + 1), votes[i]))
        given[best] += 1
    return given


def slow_bonus(held: list[int], level: int) -> list[int]:
    extra = [0] * len(held)
    first = max(range(len(held)), key=lambda i: held[i])
    while (
        2 * held[first] > sum(held)
        and Fraction(held[first] + extra[first], sum(held) + extra[first]) * 100 < level
    ):
        extra[first] += 1
    return extra


def slow_seats(votes: list[int]) -> list[int]:
    base = slow_remainder(votes, 101, votes)
    held = [b + m for b, m in zip(base, slow_dhondt(votes, 4), strict=True)]
    held = [h + b for h, b in zip(held, slow_bonus(held, 52), strict=True)]
    first = max(range(len(held)), key=lambda i: held[i])
    others = sum(held) - held[first]
    lacking = 0
    while 3 * held[first] > 2 * sum(held) and 3 * (others + lacking) < sum(held) + lacking:
        lacking += 1
    weights = [0 if i == first else b for i, b in enumerate(base)]
    top = slow_remainder(weights, lacking, votes) if lacking else [0] * len(held)
    return [h + t for h, t in zip(held, top, strict=True)]


def test_seats_agree_with_slow_exact_arithmetic_over_many_uneven_votes() -> None:
    rng = np.random.default_rng(3)
    heavy = rng.dirichlet([6.0, 2.0, 1.0, 0.7], 400)
    votes = np.maximum((heavy * 1_400_000).astype(int), 30_000)
    made = seats.allocate(votes, votes.sum(1), [0] * 4, RULE)
    wanted = [slow_seats([int(v) for v in row]) for row in votes]
    assert made.seats.tolist() == wanted
    capped, raised = made.topped_up.sum(1) > 0, made.bonus.sum(1) > 0
    assert capped.any()
    assert raised.any()


def test_one_vote_alone_and_many_at_once_give_the_same_seats() -> None:
    rng = np.random.default_rng(4)
    votes = rng.dirichlet([4.0, 2.0, 1.0, 0.5, 0.4], (6, 7))
    base = 1.0 + rng.uniform(0.0, 0.01, (6, 7))
    together = seats.allocate(votes, base, [4, 8, 8, 4, 4], RULE)
    alone = [
        [seats.allocate(votes[i, j], base[i, j], [4, 8, 8, 4, 4], RULE).seats for j in range(7)]
        for i in range(6)
    ]
    assert np.array_equal(together.seats, np.array(alone))


def test_seats_do_not_depend_on_the_order_of_lists_or_the_unit_of_votes() -> None:
    votes, threshold = np.array([CC, SA, AA, PPA, WU], dtype=float), np.array([4, 8, 8, 4, 4])
    order = np.array([3, 0, 4, 2, 1])
    made = seats.allocate(votes, BASE_2026, threshold, RULE).seats
    turned = seats.allocate(votes[order], BASE_2026, threshold[order], RULE).seats
    shares = seats.allocate(votes / BASE_2026, 1.0, threshold, RULE).seats
    assert turned.tolist() == made[order].tolist()
    assert shares.tolist() == made.tolist()


# Thresholds ---------------------------------------------------------------------------------


def test_where_fewer_than_three_pass_the_next_by_votes_take_part() -> None:
    votes = [600.0, 250.0, 30.0, 39.0, 20.0]
    passed = seats.allocate(votes, 1000.0, [4, 8, 4, 4, 4], RULE).passed
    assert passed.tolist() == [True, True, False, True, False]
    # One that passes its own threshold goes before a larger alliance that does not.
    votes = [600.0, 79.0, 45.0, 78.0]
    passed = seats.allocate(votes, 1000.0, [4, 8, 4, 8], RULE).passed
    assert passed.tolist() == [True, True, True, False]


def test_exactly_the_threshold_is_enough() -> None:
    votes = [500.0, 300.0, 100.0, 40.0, 39.0]
    assert seats.allocate(votes, 1000.0, [4, 8, 8, 4, 4], RULE).passed.tolist() == [
        *(True, True, True, True, False)
    ]


def test_a_winner_so_large_that_others_have_no_base_seat_is_still_capped() -> None:
    made = seats.allocate([10_000.0, 3.0, 1.0], 10_004.0, [0] * 3, RULE)
    assert made.base.tolist() == [101, 0, 0]
    assert made.seats.tolist() == [105, 40, 13]
    assert seats.holds_two_thirds(105, made.total - 1)
    assert not seats.holds_two_thirds(105, made.total)


def test_votes_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 0"):
        seats.allocate([-1.0, 2.0], 1.0, [0, 0], RULE)
    with pytest.raises(ValueError, match="at least 0"):
        seats.allocate([0.0, 0.0], 1.0, [0, 0], RULE)
