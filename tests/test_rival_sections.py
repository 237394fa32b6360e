"""The section on rival beliefs and its lines on a screen: said, escaped, honest about gaps."""

from __future__ import annotations

import copy
import json
from typing import Any

import jsonschema
import pytest
from report_example import ExampleForecast, compared_record, example_record, example_tree

from durability import rival_charts, rival_sections
from durability.blocks import Paragraph, Table, tables_of
from durability.report import SCHEMA_PATH, compose, record_text, to_html
from durability.rival_screen import rival_lines
from durability.screen import forecast_lines
from durability.wording import disagreement_sentence

VALIDATOR = jsonschema.Draft202012Validator(json.loads(SCHEMA_PATH.read_text(encoding="utf-8")))


def parts(record: dict[str, Any]) -> tuple[dict[str, Table], str]:
    """The section's tables by name, and its prose."""
    (section,) = rival_sections.rivals(record)
    prose = " ".join(block.text for block in section.blocks if isinstance(block, Paragraph))
    return {table.name: table for table in tables_of(section.blocks)}, prose


def told(cell: Any) -> str:
    return cell if isinstance(cell, str) else " ".join((cell.main, *cell.notes))


@pytest.fixture(scope="module")
def compared() -> dict[str, Any]:
    return json.loads(record_text(compared_record()))  # type: ignore[no-any-return]


def test_a_record_with_a_comparison_is_valid(compared: dict[str, Any]) -> None:
    VALIDATOR.validate(compared)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("rivals", "sets", 0, "method"), "guessed"),
        (("rivals", "sets", 0, "breakdown", "war", "12", "mean"), 1.2),
        (("rivals", "sets"), []),
        (("rivals", "disagreement", "rungs", "war", "24", "share"), -0.1),
        (("rivals", "comparison", "sets", 1, "weight"), 1.2),
        (("rivals", "comparison", "stacked", "peace"), {}),
        (("power_scaling", 0, "kind"), "news"),
        (("power_scaling", 0, "breakdown", "24", "leaning"), -1.0),
        (("power_scaling",), None),
    ],
)
def test_a_wrong_record_is_refused(
    compared: dict[str, Any], path: tuple[str | int, ...], value: Any
) -> None:
    changed: Any = copy.deepcopy(compared)
    place = changed
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    assert not VALIDATOR.is_valid(changed)


# ---- the section --------------------------------------------------------------------------------


def test_every_set_has_a_row_with_how_it_was_found_and_its_pareto_k() -> None:
    tables, prose = parts(example_record())
    rows = {told(row[0]): [told(cell) for cell in row] for row in tables["rivals-table"].rows}
    assert list(rows) == [
        "default fitted",
        "agreements_work weighed",
        "bargaining_power fitted",
        "sceptical not computed",
    ]
    assert rows["agreements_work weighed"][-3:-1] == ["0.62", "216"]
    assert rows["sceptical not computed"][1] == "–"
    assert "Pareto k above 0.7" in rows["sceptical not computed"][-1]
    assert "sceptical; run durability rivals" in prose


def test_the_line_says_how_far_sets_disagree() -> None:
    assert disagreement_sentence(example_record()) == (
        "3 prior sets give breakdown within 24 months 10% to 16%; 3.4% of the variance of the "
        "chance lies between them, the rest within each. Not computed: sceptical; run durability "
        "rivals."
    )


def test_the_line_says_when_no_other_set_was_computed() -> None:
    record = example_record()
    record["rivals"]["disagreement"] = {"sets": ["default"], "without": ["sceptical"], "rungs": {}}
    said = disagreement_sentence(record)
    assert said.startswith("No other prior set was computed. Not computed: scept")
    assert "disagreement-table" not in parts(record)[0]


def test_the_line_stands_in_the_summary_and_the_report() -> None:
    record = example_record()
    assert f"Rival beliefs: {disagreement_sentence(record)}" in list(forecast_lines(record))
    page = to_html(compose(record, example_tree()))
    assert "3.4% of the variance of the chance" in page


def test_without_other_fits_the_comparison_says_what_to_run() -> None:
    tables, prose = parts(example_record())
    assert "comparison-table" not in tables
    assert "Run durability rivals armenia_azerbaijan" in prose


def test_a_comparison_that_tells_nobody_apart_says_so(compared: dict[str, Any]) -> None:
    tables, prose = parts(compared)
    assert "66 outcomes in 38 clusters of wars cannot tell any of them from default." in prose
    assert "would not be found" in prose
    rows = [[told(cell) for cell in row] for row in tables["comparison-table"].rows]
    assert rows[0][:3] == ["default", "−110.2", "–"]
    assert rows[2][0:2] == ["bargaining_power", "−109.4"]
    assert rows[2][2].startswith("0.8 ")
    assert rows[3][3] == "2 R007, R031"


def test_a_comparison_says_what_to_leave_out_of_account(compared: dict[str, Any]) -> None:
    prose = parts(compared)[1]
    assert "Of 2 outcomes some density is not to be trusted (k above 0.7)" in prose
    assert "FAILED its checks" not in prose
    record = copy.deepcopy(compared)
    record["rivals"]["sets"][2]["note"] = "R-hat is 1.2 at x, limit 1.01"
    assert "Leave bargaining_power out of account: the fit FAILED its checks." in parts(record)[1]


def test_a_set_that_history_tells_apart_is_named(compared: dict[str, Any]) -> None:
    record = copy.deepcopy(compared)
    record["rivals"]["comparison"]["sets"][3] |= {"difference_low": -4.0, "difference_high": -0.5}
    assert "tell sceptical from default." in parts(record)[1]


def test_what_the_forecast_leans_on_is_named_only_beyond_its_error() -> None:
    record = example_record()
    tables, prose = parts(record)
    assert "of the priors: effects of drivers; of the data: history’s outcomes. Where" in prose
    rows = [[told(cell) for cell in row] for row in tables["power-scaling-table"].rows]
    assert rows[2] == ["history’s outcomes", "data", "0.19", "−2.00 ±0.10", "0.18"]
    assert rows[3][-1] == "–"
    for row in record["power_scaling"]:
        for each in row["breakdown"].values():
            each["slope_mcse"] = 0.02
    assert "No single component" in parts(record)[1]


def test_the_chart_has_a_row_a_set_and_the_mixture_last(compared: dict[str, Any]) -> None:
    assert [row[0] for row in rival_charts.set_rows(example_record())] == [
        "default",
        "agreements_work",
        "bargaining_power",
    ]
    rows = rival_charts.set_rows(compared)
    assert [row[1] for row in rows] == ["fitted"] * 4 + ["stacked"]
    panel = rival_charts.chances_by_set(compared)
    assert "all, by stacking weights" in panel.alt


def test_a_whole_report_with_a_comparison_is_made(compared: dict[str, Any]) -> None:
    forecast = ExampleForecast(record=compared, tree=example_tree())
    page = to_html(compose(forecast.record, forecast.tree))
    assert 'id="comparison-table"' in page or "comparison-table" in page


# ---- the screen ---------------------------------------------------------------------------------


def test_the_screen_says_what_each_set_says_and_what_history_says_of_them(
    compared: dict[str, Any],
) -> None:
    lines = list(rival_lines(compared))
    assert lines[0].startswith("prior set")
    assert any(line.startswith("bargaining_power") and "fitted" in line for line in lines)
    assert "sceptical: k above 0.7 for 2 outcomes: R007, R031." in lines
    assert any("cannot tell any of them from default" in line for line in lines)
    assert lines[-1].startswith("Mixed by these weights: ")


def test_the_screen_names_sets_that_were_not_computed() -> None:
    lines = list(rival_lines(example_record()))
    assert "sceptical: Pareto k above 0.7: fit it" in lines
    assert not any(line.startswith("Mixed") for line in lines)
