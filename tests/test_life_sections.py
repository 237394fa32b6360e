"""The sections on conditions and the life cycle: said, escaped, absent where there is nothing."""

from __future__ import annotations

import copy
import json
from typing import Any

import jsonschema
import pytest
from report_example import ExampleForecast, example_record, example_tree, waiting_record

from durability import life_charts, life_sections, sections
from durability.blocks import Figure, Table, tables_of
from durability.report import SCHEMA_PATH, compose, record_text, to_html
from durability.screen import forecast_lines, stage_lines


@pytest.fixture(scope="module")
def record() -> dict[str, Any]:
    return json.loads(record_text(waiting_record()))  # type: ignore[no-any-return]


def table(record: dict[str, Any], name: str) -> Table:
    found = (*life_sections.waiting(record), *life_sections.standing(record))
    (one,) = [t for s in found for t in tables_of(s.blocks) if t.name == name]
    return one


def told(cell: Any) -> str:
    return cell if isinstance(cell, str) else " ".join((cell.main, *cell.notes))


def test_the_record_of_a_case_that_waits_is_valid(record: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator(json.loads(SCHEMA_PATH.read_text())).validate(record)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("conditions", 0, "status"), "perhaps"),
        (("conditions", 0, "words"), {"met": "yes"}),
        (("conditions", 1, "chances", "met", "12", "mean"), 1.2),
        (("life_cycle", "stage"), "breakdown"),
        (("life_cycle", "occupancy", "signed"), None),
        (("life_cycle", "reached", "breakdown"), {}),
    ],
)
def test_a_wrong_record_is_refused(
    record: dict[str, Any], path: tuple[str | int, ...], value: Any
) -> None:
    changed: Any = copy.deepcopy(record)
    place = changed
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA_PATH.read_text()))
    assert not validator.is_valid(changed)


def test_a_case_without_conditions_has_neither_section_nor_sentence() -> None:
    plain = example_record()
    assert life_sections.waiting(plain) == life_sections.standing(plain) == ()
    assert sections.stage_sentences(plain) == ()
    assert list(stage_lines(plain)) == []


def test_every_condition_says_what_became_of_it(record: dict[str, Any]) -> None:
    status = {told(row[0]): told(row[1]) for row in table(record, "conditions").rows}
    assert status == {
        "What talks means to both sides (talks)": (
            "agreed on 4 May 2026 known 6 May 2026 reported by T140"
        ),
        "What corridor means to both sides (corridor, Armenia)": "pending",
        "What vote means to both sides (vote)": (
            "refused on 4 May 2026 known 6 May 2026 reported by T140"
        ),
        "What treaty means to both sides (treaty)": "blocked by vote",
        "What signature means to both sides (signature)": "pending waits for corridor",
    }


@pytest.mark.parametrize(
    ("every", "ways", "said"),
    [
        ([], ["talks", "corridor"], "waits for one of talks, corridor"),
        (["treaty"], ["corridor"], "waits for treaty and corridor"),
        (["treaty"], ["talks", "corridor"], "waits for treaty, and one of talks, corridor"),
        (
            ["treaty", "vote"],
            ["talks", "corridor"],
            "waits for treaty and vote, and one of talks, corridor",
        ),
    ],
)
def test_what_is_waited_for_can_be_read_in_one_way(
    record: dict[str, Any], every: list[str], ways: list[str], said: str
) -> None:
    changed = copy.deepcopy(record)
    changed["conditions"][4] |= {
        "requires": every,
        "requires_any": [*ways, "vote"],
        "waits_for": every + ways,
    }
    assert told(table(changed, "conditions").rows[4][1]) == f"pending {said}"


def test_chances_carry_their_interval_and_error(record: dict[str, Any]) -> None:
    rows = {told(row[0]): row for row in table(record, "conditions").rows}
    corridor = rows["What corridor means to both sides (corridor, Armenia)"]
    assert told(corridor[2]) == "38% 13–64% ±0.8"
    assert told(corridor[5]) == "2028-03 2026-11 to 2031-01 even chance by 2030-02"
    assert told(rows["What vote means to both sides (vote)"][2]) == "–"


@pytest.mark.parametrize(("paths", "bound"), [(4000, "<0.1%"), (400, "<0.8%"), (20, "<14%")])
def test_what_can_be_and_no_path_did_is_not_told_as_nothing(
    record: dict[str, Any], paths: int, bound: str
) -> None:
    rare = copy.deepcopy(record)
    chance = rare["conditions"][1]["chances"]["met"]["24"]
    none = {"mean": 0.0, "low": 0.0, "high": 1.0 - 0.05 ** (1.0 / paths), "mcse": 1.0 / paths}
    chance |= none | {"none_of": paths}
    rare["life_cycle"]["stands"]["signed"]["60"] |= none | {"none_of": paths}
    assert told(table(rare, "conditions").rows[1][2]) == f"{bound} none of {paths:,} paths"
    (section,) = life_sections.standing(rare)
    assert f"signed ({bound})" in section.blocks[0].text  # type: ignore[union-attr]
    chance |= {"high": 0.0, "mcse": 0.0}
    del chance["none_of"]
    assert told(table(rare, "conditions").rows[1][2]) == "0% 0–0% ±0.0"


def test_it_is_said_that_the_numbers_were_given_and_not_learned(record: dict[str, Any]) -> None:
    (section,) = life_sections.waiting(record)
    assert "assumed, not learned" in section.blocks[0].text  # type: ignore[union-attr]
    numbers = table(record, "conditions-numbers").rows
    assert {told(row[2]) for row in numbers} == {"elicited 30 June 2026; assumed"}
    assert told(numbers[0][1]).endswith("Outcome: Both ministries said so.")
    assert told(numbers[0][3]) == "–"
    assert told(numbers[1][3]) == "Corridor 0.1 to 1 times the surprise of the prior set; fades"
    (sentence,) = sections.stage_sentences(record)
    assert "not learned" in sentence
    assert "23% that it is signed" in sentence


def test_what_was_judged_after_the_cutoff_is_told_as_such(record: dict[str, Any]) -> None:
    later = copy.deepcopy(record)
    later["conditions"][1]["elicited"] = "2026-11-22"
    told_of = [told(row[1]) for row in table(later, "conditions-numbers").rows]
    assert told_of[1].startswith("Judged after the cutoff, on 22 November 2026: ")
    assert not any(each.startswith("Judged") for each in (told_of[0], *told_of[2:]))


def test_a_stage_that_no_path_reached_is_not_called_impossible(record: dict[str, Any]) -> None:
    rare = copy.deepcopy(record)
    for by_horizon in rare["life_cycle"]["reached"].values():
        by_horizon["24"] |= {"mean": 0.0, "low": 0.0, "high": 0.0007, "none_of": 4000}
    (sentence,) = sections.stage_sentences(rare)
    assert "<0.1% that it is signed" in sentence
    assert any("signed <0.1% (" in line for line in stage_lines(rare))


def test_stages_add_up_to_the_rung_in_the_table(record: dict[str, Any]) -> None:
    rows = table(record, "breakdown-by-stage").rows
    head = record["breakdown"]["breakdown"]["24"]["mean"]
    assert told(rows[0][-1]) == f"{100 * head:.0f}%"
    assert next(told(row[0]) for row in rows) == "Breakdown"


def test_the_plot_has_only_states_that_are_reached_and_says_them(record: dict[str, Any]) -> None:
    assert life_charts.shown_states(record) == ["signed", "initialled", "breakdown"]
    panel = life_charts.occupancy(record)
    assert "signed 25%, initialled 60%, broken down 15%" in panel.alt
    assert "In force" not in panel.svg
    assert all(name in panel.svg for name in ("Signed", "Initialled", "Broken down"))
    assert "#0072b2" not in panel.svg
    (section,) = life_sections.standing(record)
    figures = [block for block in section.blocks if isinstance(block, Figure)]
    assert [figure.table.name for figure in figures] == ["occupancy-table"]


def test_a_deal_that_has_broken_down_is_told_as_such(record: dict[str, Any]) -> None:
    broken = copy.deepcopy(record)
    broken["life_cycle"] |= {"broken": True, "reached": {}, "dates": {}}
    (section,) = life_sections.standing(broken)
    assert "had broken down" in section.blocks[0].text  # type: ignore[union-attr]
    assert not any("would break down" in getattr(block, "text", "") for block in section.blocks)
    assert sections.stage_sentences(broken) == ()
    assert list(stage_lines(broken)) == []


def test_what_a_case_says_does_nothing_in_the_report(record: dict[str, Any]) -> None:
    hostile = copy.deepcopy(record)
    for key in ("meaning", "why", "source", "actor"):
        hostile["conditions"][1][key] = "<script>alert(1)</script>"
    hostile["conditions"][0]["outcome"]["why"] = "<img src=x onerror=alert(1)>"
    made = ExampleForecast(record=hostile, tree=example_tree())
    page = to_html(compose(json.loads(record_text(made.record)), made.tree))
    assert "<script>" not in page
    assert "<img src=x" not in page
    assert page.count("&lt;script&gt;") >= 4


def test_the_screen_says_the_next_stage_and_condition(record: dict[str, Any]) -> None:
    lines = list(forecast_lines(record))
    assert any(line.startswith("Now initialled. Within 24 months") for line in lines)
    assert any(
        "Likeliest next condition: corridor, agreed within 24 months 38%" in x for x in lines
    )
