"""Records of scenarios and watch-lists: days, and what stands where."""

from __future__ import annotations

import json
from datetime import date

import pytest
from conditioned import conditioned, conditioned_fit

from durability.branches import Tree
from durability.comparing import scenarios
from durability.scenario_records import comparison_record, day_of, watch_record
from durability.statements import Scenario
from durability.watching import watch


@pytest.mark.parametrize(
    ("months", "day"),
    [
        (1.0, date(2026, 7, 31)),
        (9.0, date(2027, 3, 31)),
        (7.5, date(2027, 2, 14)),
        (60.0, date(2031, 6, 30)),
    ],
)
def test_months_end_on_days(months: float, day: date) -> None:
    assert day_of(date(2026, 6, 30), months) == day


def test_records_say_what_was_found_and_are_json() -> None:
    fit, case = conditioned_fit(75), conditioned()
    told = [Scenario(name="x", settings=("corridor=open@2028-01",), why="Because.")]
    found = scenarios(fit, told, trees=[Tree(conditions=("vote",), by="2027-06")], case=case)
    record = comparison_record(found)
    answer = record["scenarios"][0]
    assert answer["difference"] == found.answers[0].difference
    assert (answer["why"], answer["khat"], answer["ok"]) == ("Because.", None, True)
    assert answer["conditions"]["corridor"]["met"]["dates"]["0.5"] == "2028-01-16"
    assert [b["states"]["vote"] for b in record["trees"][0]["branches"]] == ["met", "failed"]
    list_ = watch_record(watch(fit, case=case))
    assert list_["as_things_come"]["mean"] == pytest.approx(
        record["trees"][0]["total"]["breakdown"]["24"], abs=1e-12
    )
    for each in (record, list_):
        json.dumps(each, allow_nan=False)
