"""The section on what to watch: ranked, with its chances and errors, escaped, as the command."""

from __future__ import annotations

import copy
import json
from typing import Any

import jsonschema
import pytest
from report_example import ExampleForecast, example_record, example_tree, waiting_record

from durability.blocks import Table, tables_of
from durability.report import SCHEMA_PATH, compose, record_text, to_html
from durability.scenario_screen import watch_lines
from durability.watch_sections import CALMER, SHOWN, WORSE, together, watching


@pytest.fixture(scope="module")
def record() -> dict[str, Any]:
    return json.loads(record_text(waiting_record()))  # type: ignore[no-any-return]


def tables(record: dict[str, Any]) -> list[Table]:
    return [table for section in watching(record) for table in tables_of(section.blocks)]


def told(cell: Any) -> str:
    return cell if isinstance(cell, str) else " ".join((cell.main, *cell.notes))


def test_rows_keep_their_order_and_the_rest_is_folded(record: dict[str, Any]) -> None:
    open_rows, more = tables(record)
    assert (open_rows.folded, more.folded) == (False, True)
    assert len(open_rows.rows) == SHOWN
    assert len(open_rows.rows) + len(more.rows) == len(record["watch"]["watched"])
    names = [row[0] for table in (open_rows, more) for row in table.rows]
    assert names[:2] == ["news, Trust, grade A", "What corridor means to both sides (corridor)"]
    assert names[-1] == "news, Interference, grade C"


def test_nothing_is_watched_of_what_has_broken_down(record: dict[str, Any]) -> None:
    broken = copy.deepcopy(record)
    broken["happened"] = [{"rung": "war", "date": "2026-03-05", "why": "War."}]
    assert watching(record) != ()
    assert watching(broken) == ()


def test_no_condition_is_folded_away(record: dict[str, Any]) -> None:
    """One that is worth least of all stands open, last of those that do."""
    late = copy.deepcopy(record)
    watched = late["watch"]["watched"]
    watched.append(watched.pop(1))
    assert watched[-1]["kind"] == "condition"
    open_rows, more = tables(late)
    assert len(open_rows.rows) == SHOWN + 1
    assert open_rows.rows[-1][0] == "What corridor means to both sides (corridor)"
    assert all(str(row[0]).startswith("news") for row in more.rows)


def test_a_condition_has_its_ways_dates_and_errors(record: dict[str, Any]) -> None:
    row = [told(cell) for cell in tables(record)[0].rows[1]]
    assert row == [
        "What corridor means to both sides (corridor)",
        "2027-03 2026-09 to 2030-01",
        "60% ±0.1",
        "5.0% ±0.1",
        "10% ±0.1",
        "9.0% ±0.1",
        "0.450 ±0.031",
    ]


def test_what_no_path_reaches_has_no_forecast(record: dict[str, Any]) -> None:
    row = [told(cell) for cell in tables(record)[0].rows[2]]
    assert row[1] == "beyond the horizon"
    assert row[3] == "–"


def test_ratings_are_taken_together_by_their_side(record: dict[str, Any]) -> None:
    """By hand: -3, -2 and -1 at 0.1 each; +1 and +2 at 0.2, +3 at 0.1."""
    ways = record["watch"]["watched"][0]["ways"]
    calmer, worse = together(ways, CALMER), together(ways, WORSE)
    assert (calmer.chance, calmer.breakdown) == pytest.approx((0.3, 0.05 - 0.004 * 2.0))
    assert (worse.chance, worse.breakdown) == pytest.approx(
        (0.5, 0.05 + 0.004 * (0.2 + 0.4 + 0.3) / 0.5)
    )
    assert calmer.error == pytest.approx(0.003)
    row = [told(cell) for cell in tables(record)[0].rows[0]]
    assert row[2:4] == ["30% ±0.3", "4.2%"]


def test_what_hangs_on_few_paths_has_no_forecast(record: dict[str, Any]) -> None:
    """One path of 16,000: no error can be told, so no number is."""
    rare = copy.deepcopy(record)
    news, condition = rare["watch"]["watched"][:2]
    condition["ways"][1] |= {"effective_paths": 1.0, "few": True}
    condition["ways"][1]["breakdown"]["mcse"] = 0.0
    for way in news["ways"][:3]:
        way |= {"effective_paths": 30.0, "few": True}
    rows = [[told(cell) for cell in row] for row in tables(rare)[0].rows]
    assert rows[1][2:6] == ["60% ±0.1", "5.0% ±0.1", "10% ±0.1", "few paths"]
    assert rows[0][3] == "few paths"
    lines = list(watch_lines(rare | rare["watch"] | {"since": rare["cutoff"]}))
    line = next(line for line in lines if line.startswith("corridor"))
    assert "60% ± 0.1, 10% ± 0.1" in line
    assert "5.0%       few paths" in line


def test_ratings_together_stand_on_as_many_paths_as_they_must(record: dict[str, Any]) -> None:
    """The bound is met where the ratings' paths weigh alike: then it is the number of paths."""
    ways = copy.deepcopy(record["watch"]["watched"][0]["ways"])
    for count, few in ((99.0, True), (101.0, False)):
        for way in ways:
            way["effective_paths"] = count
        assert together(ways, WORSE).few is few


def test_the_words_say_what_it_is_of(record: dict[str, Any]) -> None:
    (section,) = watching(record)
    text = " ".join(getattr(block, "text", "") for block in section.blocks)
    assert "6.1% (MCSE 0.1 points)" in text
    assert "as coder a would rate it" in text
    assert "pending conditions within 12 months" in text
    alone = json.loads(record_text(example_record()))
    told_alone = " ".join(getattr(block, "text", "") for block in watching(alone)[0].blocks)
    assert "pending conditions" not in told_alone


def test_a_failed_verdict_stands_in_every_caption() -> None:
    failed = json.loads(record_text(example_record(ok=False)))
    assert all("Verdict: FAILED" in table.caption for table in tables(failed))


def test_where_nothing_is_to_be_watched_there_is_no_section(record: dict[str, Any]) -> None:
    bare = copy.deepcopy(record)
    bare["watch"]["watched"] = []
    assert watching(bare) == ()


def test_names_are_escaped(record: dict[str, Any]) -> None:
    hostile = copy.deepcopy(record)
    hostile["conditions"][1]["meaning"] = "<script>alert(1)</script>"
    forecast = ExampleForecast(record=hostile, tree=example_tree())
    html = to_html(compose(forecast.record, forecast.tree))
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)" in html


@pytest.mark.parametrize(
    ("key", "value"),
    [("months", 0), ("as_things_come", {"mean": 1.2, "mcse": 0.1}), ("watched", [{}])],
)
def test_a_wrong_record_is_refused(record: dict[str, Any], key: str, value: Any) -> None:
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA_PATH.read_text()))
    validator.validate(record)
    wrong = copy.deepcopy(record)
    wrong["watch"][key] = value
    assert not validator.is_valid(wrong)
