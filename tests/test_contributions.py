"""Contributions as a record: they add up, by item, by kind and by actor."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from fitted import narrow_fit
from report_example import example_record
from worlds import bare, item

from durability.contribution_tables import contribution_blocks
from durability.contributions import actor_of, contributions_of
from durability.inference import Fit
from durability.vocabulary import DRIVERS


@pytest.fixture(scope="module")
def fit() -> Fit:
    return narrow_fit(draws=60, chains=2, seed=4)


@pytest.fixture(scope="module")
def told(fit: Fit) -> dict[str, Any]:
    found = contributions_of(fit)
    assert found is not None
    return found


def test_parts_add_up_to_the_total_and_every_item_is_in_one(fit: Fit, told: dict[str, Any]) -> None:
    used = sorted(item.id for item in fit.model.data.used)
    for driver in DRIVERS:
        parts = told[driver]["parts"]
        for key in ("mean", "log_hazard"):
            total = sum(part[key] for part in parts)
            assert total == pytest.approx(told[driver]["total"][key], abs=1e-9)
        assert sorted(name for part in parts for name in part["items"]) == used


def test_actors_share_out_the_drivers_own_events(fit: Fit, told: dict[str, Any]) -> None:
    by_id = {item.id: item for item in fit.model.data.used}
    for driver in DRIVERS:
        own = [
            part
            for part in told[driver]["parts"]
            if part["kind"] == "event" and by_id[part["items"][0]].driver == driver
        ]
        actors = told[driver]["actors"]
        assert sum(actor["events"] for actor in actors) == len(own)
        total = sum(part["mean"] for part in own)
        assert sum(actor["mean"] for actor in actors) == pytest.approx(total, abs=1e-9)
    names = [actor["actor"] for actor in told["interference"]["actors"]]
    assert "Russia" in names
    assert names[-1] == ""


def test_an_event_of_several_actors_names_them_all() -> None:
    day = date(2026, 3, 1)
    items = [item("N1", day, actor="Turkey"), item("N2", day, actor="Iran"), item("N3", day)]
    assert actor_of(items) == "Iran, Turkey"
    assert actor_of(items[2:]) == ""


def test_an_act_that_pushes_toward_breakdown_has_a_positive_part() -> None:
    day = date(2026, 5, 2)
    news = tuple(
        item(name, day, driver="interference", ratings=(("a", rating), ("b", rating)), actor=actor)
        for name, rating, actor in (("N1", 3, "One power"), ("N2", -3, "Another"))
    )
    found = contributions_of(narrow_fit(replace(bare(), news=news), draws=60, chains=2, seed=4))
    assert found is not None
    parts = {each["actor"]: each["mean"] for each in found["interference"]["actors"]}
    assert parts["One power"] > parts["Another"]


def test_the_report_names_actors_and_what_they_add() -> None:
    record = example_record()
    record["contributions"]["interference"]["actors"][0]["actor"] = "<b>Russia</b>"
    table = contribution_blocks(record)[-1]
    assert [row[0] for row in table.rows] == [
        "<b>Russia</b>",
        "United States",
        "News that names nobody",
    ]
    assert table.rows[0][2] == "+0.62 ± 0.02"


def test_a_report_without_actors_has_no_table_of_them() -> None:
    record = example_record()
    for each in record["contributions"]["interference"]["actors"]:
        each["actor"] = ""
    assert [getattr(block, "name", "") for block in contribution_blocks(record)][-1] == (
        "contributions"
    )
