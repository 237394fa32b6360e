"""Likeness: copies and light rewordings are noticed, different facts are not."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import date, timedelta
from itertools import combinations

import numpy as np
import pytest
from worlds import flagship, item

from durability.news_likeness import (
    CLOSE_DAYS,
    LIKENESS,
    _bare,
    days_apart,
    event_name,
    look_alikes,
)

DAY = date(2025, 12, 1)
SAID = "Yerevan and Baku sign a protocol on the road through Meghri."


@pytest.mark.parametrize(
    "other",
    [
        SAID,
        "yerevan and baku sign a protocol on the road through meghri",
        "Yerevan and Baku sign the protocol on the road through Meghri!",
        "Yerevan and Baku have signed a protocol on the road through Meghri.",
        "Baku: Yerevan and Baku sign a protocol on the Meghri road.",
    ],
)
def test_copies_and_light_rewordings_are_alike(other: str) -> None:
    old = item("T1", DAY, statement=SAID)
    assert look_alikes(item("new", DAY, statement=other), [old]) == (old,)


@pytest.mark.parametrize(
    "changes",
    [
        {"statement": "Tehran objects to the road through Meghri, an adviser says."},
        {"statement": "Yerevan and Ankara open their border for lorries."},
        {"driver": "corridor"},
        {"date": DAY - timedelta(days=CLOSE_DAYS + 1)},
    ],
)
def test_other_facts_drivers_and_days_are_not(changes: dict[str, object]) -> None:
    old = item("T1", DAY, statement=SAID)
    new = replace(item("new", DAY, statement=SAID), **changes)  # type: ignore[arg-type]
    assert look_alikes(new, [old]) == ()


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [
        ({}, {"date": DAY + timedelta(days=3)}, 3),
        ({"precision": "month"}, {"date": date(2025, 12, 30)}, 0),
        ({"precision": "month"}, {"date": date(2026, 1, 2)}, 2),
        ({"precision": "year", "date": date(2025, 1, 1)}, {"date": date(2025, 6, 1)}, 0),
        ({"date_end": date(2025, 12, 20)}, {"date": date(2025, 12, 24)}, 4),
    ],
)
def test_days_apart_count_from_the_end_of_one_to_the_start_of_the_other(
    one: dict[str, object], other: dict[str, object], apart: int
) -> None:
    first = replace(item("A", DAY), **one)  # type: ignore[arg-type]
    second = replace(item("B", DAY), **other)  # type: ignore[arg-type]
    assert days_apart(first, second) == days_apart(second, first) == apart


def test_no_two_items_of_the_shipped_case_are_asked_about() -> None:
    from difflib import SequenceMatcher

    news = flagship().news
    assert [one.id for one in news if look_alikes(one, [n for n in news if n is not one])] == []
    # What the threshold is said to rest on.
    same = [pair for pair in combinations(news, 2) if pair[0].driver == pair[1].driver]
    ratios = [
        (
            SequenceMatcher(
                None, _bare(a.statement)[0], _bare(b.statement)[0], autojunk=False
            ).ratio()
        )
        for a, b in same
        if a.event != b.event and days_apart(a, b) <= 7
    ]
    assert round(max(ratios), 2) == 0.47
    assert max(ratios) < LIKENESS


def test_a_thousand_items_of_one_week_are_compared_in_seconds() -> None:
    draw = np.random.default_rng(4)
    words = ["".join(draw.choice(list("abcdefghijklmnop"), 6)) for _ in range(2000)]
    items = [item(f"T{i}", DAY, statement=" ".join(draw.choice(words, 12))) for i in range(1000)]
    began = time.process_time()
    assert sum(len(look_alikes(one, items)) for one in items[:100]) == 100
    # With difflib alone these hundred thousand pairs took half a minute.
    assert time.process_time() - began < 5


def test_events_are_named_in_plain_letters_and_never_twice() -> None:
    assert event_name("Երևան", ()) == "event"
    assert event_name("Երևան", {"event", "event-2"}) == "event-3"
    assert event_name("Élysée: the “road” of peace", ()) == "elysee-road-peace"
    assert len(event_name("x" * 500, ())) <= 60
