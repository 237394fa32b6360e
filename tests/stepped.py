"""A case for tests that waits for steps: the shipped one with conditions of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from worlds import flagship

from durability.cases import Case
from durability.conditions import Condition, Outcome

ELICITED = date(2026, 6, 30)


def condition(name: str, **changes: Any) -> Condition:
    """Give a condition that may be met by the end of 2027, and acts on the constitution."""
    plain = Condition(
        name=name,
        meaning=f"{name} comes about",
        driver="constitution",
        met_word="met",
        failed_word="failed",
        requires=(),
        requires_any=(),
        not_before=None,
        stage="",
        actor="",
        elicited=ELICITED,
        met_by={date(2027, 12, 31): 0.4},
        met_within_months={},
        decided_on=None,
        fails=0.3,
        fails_shapes=None,
        chance_from="",
        effect=(0.0, 0.3),
        permanent=False,
        depends_on=(),
        outcome=None,
        why="made up",
        source="",
    )
    return replace(plain, **changes)


def outcome(day: date, *, met: bool = True, **changes: Any) -> Outcome:
    """Give an outcome that was known on its day."""
    plain = Outcome(met=met, date=day, known=day, reported_by=(), why="made up")
    return replace(plain, **changes)


def waiting(*conditions: Condition, stage: str = "initialled", case: Case | None = None) -> Case:
    """Give the case with these conditions."""
    return replace(flagship() if case is None else case, conditions=conditions, stage=stage)


def vote(**changes: Any) -> Condition:
    """Give a vote that moves the constitution far and for good."""
    return condition("vote", permanent=True, **changes)


def treaty(**changes: Any) -> Condition:
    """Give the signature, which waits for the vote."""
    values: Mapping[str, Any] = {
        "requires": ("vote",),
        "met_by": {},
        "met_within_months": {3: 0.5, 12: 0.8},
        "driver": "trust",
        "fails": 0.1,
        "stage": "signed",
    }
    return condition("treaty", **{**values, **changes})
