"""Hub tables against the rules of the hubverse: its schema of tasks, and its checks of values."""

from __future__ import annotations

import csv
import json
import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ledger_example import example_entry, ledger_of

from durability.cli import main
from durability.errors import InputError
from durability.forecast_ledger import append_entry, read_ledger
from durability.hubverse import COLUMNS, SAMPLES, TASK_IDS, export_hub, hub_rows, hub_tasks
from durability.ledger_scores import horizon_end
from durability.vocabulary import HORIZONS_MONTHS, RUNGS

Captured = pytest.CaptureFixture[str]
Rows = list[dict[str, str]]

# ---- the rules of hubverse-org/schemas, v5.0.1, tasks-schema.json, as far as they bear on ours --


def closed(required: Mapping[str, Any], optional: Mapping[str, Any] | None = None) -> Any:
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
        "additionalProperties": False,
    }


def values_of(item: Mapping[str, Any]) -> Any:
    listed = {"type": ["array", "null"], "uniqueItems": True, "items": item}
    return closed({"required": listed, "optional": listed})


TEXT, DAY = {"type": "string"}, {"type": "string", "format": "date"}
WHOLE = {"type": "integer"}
CHANCE = closed({"type": {"const": "double"}, "minimum": {"const": 0}, "maximum": {"const": 1}})


def categories(item: Mapping[str, Any]) -> Any:
    return closed({"required": {"type": "array", "uniqueItems": True, "items": item}})


TARGET = {
    "type": "object",
    "properties": {
        "target_id": {"type": "string", "maxLength": 30},
        "target_name": {"type": "string", "maxLength": 100},
        "target_units": {"type": "string", "maxLength": 100},
        "target_keys": {
            "type": ["object", "null"],
            "minProperties": 1,
            "maxProperties": 1,
            "additionalProperties": TEXT,
        },
        "target_type": {
            "enum": [
                "continuous",
                "discrete",
                "date",
                "binary",
                "nominal",
                "ordinal",
                "compositional",
            ]
        },
        "is_step_ahead": {"type": "boolean"},
        "time_unit": {"enum": ["day", "week", "month"]},
    },
    "required": [
        "target_id",
        "target_name",
        "target_units",
        "target_type",
        "target_keys",
        "is_step_ahead",
    ],
    "if": {"properties": {"is_step_ahead": {"const": True}}},
    "then": {"required": ["time_unit"]},
}
OUTPUT = {
    "type": "object",
    "properties": {
        "cdf": closed(
            {
                "output_type_id": categories({"type": ["number", "string"]}),
                "value": CHANCE,
                "is_required": {"type": "boolean"},
            }
        ),
        "pmf": closed(
            {
                "output_type_id": categories(TEXT),
                "value": CHANCE,
                "is_required": {"type": "boolean"},
            }
        ),
        "sample": closed(
            {
                "output_type_id_params": closed(
                    {
                        "type": {"enum": ["character", "integer"]},
                        "min_samples_per_task": {"type": "integer", "minimum": 1},
                        "max_samples_per_task": {"type": "integer", "minimum": 1},
                    },
                    {"compound_taskid_set": {"type": "array", "uniqueItems": True, "items": TEXT}},
                ),
                "value": closed(
                    {"type": {"enum": ["double", "integer"]}},
                    {"minimum": {"type": "number"}, "maximum": {"type": "number"}},
                ),
                "is_required": {"type": "boolean"},
            }
        ),
    },
    "additionalProperties": False,
}
TASKS = closed(
    {
        "schema_version": {"type": "string", "format": "uri"},
        "rounds": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "round_id_from_variable": {"type": "boolean"},
                    "round_id": TEXT,
                    "model_tasks": {
                        "type": "array",
                        "items": closed(
                            {
                                "task_ids": {
                                    "type": "object",
                                    "properties": {
                                        "origin_date": values_of(DAY),
                                        "target": values_of(TEXT),
                                        "target_end_date": values_of(DAY),
                                        "horizon": values_of({"type": ["integer", "string"]}),
                                    },
                                    "additionalProperties": values_of({}),
                                },
                                "output_type": OUTPUT,
                                "target_metadata": {"type": "array", "items": TARGET},
                            }
                        ),
                    },
                    "submissions_due": closed({"relative_to": TEXT, "start": WHOLE, "end": WHOLE}),
                    "file_format": {
                        "type": "array",
                        "items": {"enum": ["csv", "parquet", "arrow"]},
                    },
                },
                "required": [
                    "round_id_from_variable",
                    "round_id",
                    "model_tasks",
                    "submissions_due",
                ],
            },
        },
    },
    {
        "output_type_id_datatype": {
            "enum": ["auto", "character", "double", "integer", "logical", "Date"]
        },
        "derived_task_ids": {"type": ["array", "null"], "uniqueItems": True, "items": TEXT},
    },
)
VALIDATOR = jsonschema.Draft202012Validator(
    TASKS, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
)


# ---- the checks of hubverse-org/hubValidations, each a rule of one kind of output ---------------


def tasks_of(row: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(row[name] for name in TASK_IDS)


def broken_rules(rows: Rows, tasks: Mapping[str, Any]) -> set[str]:
    """Name every rule that a table breaks."""
    return {name for name, rule in RULES.items() if not all(rule(rows, tasks))}


def rows_are_of_a_task(rows: Rows, tasks: Mapping[str, Any]) -> Iterator[bool]:
    for row in rows:
        yield any(is_of(row, task) for task in tasks["rounds"][0]["model_tasks"])


def is_of(row: Mapping[str, str], task: Mapping[str, Any]) -> bool:
    for name, allowed in task["task_ids"].items():
        values = [*(allowed["required"] or []), *(allowed["optional"] or [])] or ["NA"]
        if row[name] not in [str(value) for value in values]:
            return False
    output = task["output_type"].get(row["output_type"])
    if output is None:
        return False
    if row["output_type"] == "sample":
        return row["output_type_id"].isdigit()
    return row["output_type_id"] in [str(v) for v in output["output_type_id"]["required"]]


def values_are_allowed(rows: Rows, tasks: Mapping[str, Any]) -> Iterator[bool]:
    for row in rows:
        value = float(row["value"])
        whole = row["output_type"] != "sample" or row["value"] in ("0", "1")
        yield math.isfinite(value) and 0.0 <= value <= 1.0 and whole


def grouped(rows: Rows, kind: str) -> dict[tuple[str, ...], Rows]:
    found = defaultdict(list)
    for row in rows:
        if row["output_type"] == kind:
            found[tasks_of(row)].append(row)
    return found


def rows_stand_once(rows: Rows, tasks: Mapping[str, Any]) -> Iterator[bool]:
    keys = [(*tasks_of(row), row["output_type"], row["output_type_id"]) for row in rows]
    yield len(keys) == len(set(keys))


def masses_sum_to_one(rows: Rows, tasks: Mapping[str, Any]) -> Iterator[bool]:
    for group in grouped(rows, "pmf").values():
        yield abs(sum(float(row["value"]) for row in group) - 1.0) < 1e-9
        yield {row["output_type_id"] for row in group} == {"no", "yes"}


def distributions_rise(rows: Rows, tasks: Mapping[str, Any]) -> Iterator[bool]:
    for group in grouped(rows, "cdf").values():
        ordered = sorted(group, key=lambda row: float(row["output_type_id"]))
        values = [float(row["value"]) for row in ordered]
        yield values == sorted(values)


def samples_are_as_many(rows: Rows, tasks: Mapping[str, Any]) -> Iterator[bool]:
    wanted = tasks["rounds"][0]["model_tasks"][0]["output_type"]["sample"]["output_type_id_params"]
    for group in grouped(rows, "sample").values():
        low, high = wanted["min_samples_per_task"], wanted["max_samples_per_task"]
        yield low <= len({row["output_type_id"] for row in group}) <= high


def a_sample_is_one_compound_task(rows: Rows, tasks: Mapping[str, Any]) -> Iterator[bool]:
    """One id is one path: the compound task ids are the same all along it."""
    wanted = tasks["rounds"][0]["model_tasks"][0]["output_type"]["sample"]["output_type_id_params"]
    found = defaultdict(set)
    for row in rows:
        if row["output_type"] == "sample":
            key = tuple(row[name] for name in wanted["compound_taskid_set"])
            found[row["output_type_id"]].add(key)
    yield from (len(keys) == 1 for keys in found.values())


def dates_are_iso(rows: Rows, tasks: Mapping[str, Any]) -> Iterator[bool]:
    for row in rows:
        for name in ("origin_date", "target_end_date"):
            if row[name] != "NA":
                yield re.fullmatch(r"\d{4}-\d{2}-\d{2}", row[name]) is not None


def ends_follow_from_horizons(rows: Rows, tasks: Mapping[str, Any]) -> Iterator[bool]:
    for row in rows:
        if row["horizon"] != "NA":
            end = horizon_end(date.fromisoformat(row["origin_date"]), int(row["horizon"]))
            yield row["target_end_date"] == end.isoformat()


Rule = Callable[[Rows, Mapping[str, Any]], Iterator[bool]]
RULES: Mapping[str, Rule] = {
    "rows_are_of_a_task": rows_are_of_a_task,
    "values_are_allowed": values_are_allowed,
    "rows_stand_once": rows_stand_once,
    "masses_sum_to_one": masses_sum_to_one,
    "distributions_rise": distributions_rise,
    "samples_are_as_many": samples_are_as_many,
    "a_sample_is_one_compound_task": a_sample_is_one_compound_task,
    "dates_are_iso": dates_are_iso,
    "ends_follow_from_horizons": ends_follow_from_horizons,
}


def read_rows(path: Path) -> Rows:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def exported(folder: Path, *, samples: int = 20) -> tuple[Rows, dict[str, Any]]:
    found = export_hub(folder / "hub", ledger=ledger_of(folder, 1), samples=samples)
    (table,) = found.tables
    return read_rows(table), json.loads(found.tasks.read_text(encoding="utf-8"))


# ---- tests --------------------------------------------------------------------------------------


def test_the_configuration_is_as_the_schema_says(tmp_path: Path) -> None:
    jsonschema.Draft202012Validator.check_schema(TASKS)
    _, tasks = exported(tmp_path)
    VALIDATOR.validate(tasks)
    assert tasks["schema_version"].endswith("/v5.0.1/tasks-schema.json")
    for task in tasks["rounds"][0]["model_tasks"]:
        targets = {each["target_keys"]["target"] for each in task["target_metadata"]}
        assert targets == set(task["task_ids"]["target"]["optional"])
        assert set(task["task_ids"]) == set(TASK_IDS)


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t["rounds"][0].pop("submissions_due"),
        lambda t: t["rounds"][0]["model_tasks"][0]["target_metadata"][0].pop("time_unit"),
        lambda t: t["rounds"][0]["model_tasks"][0]["task_ids"]["horizon"].pop("required"),
        lambda t: t["rounds"][0]["model_tasks"][0]["output_type"].update(quantile={}),
        lambda t: t["rounds"][0]["model_tasks"][1]["output_type"]["cdf"]["value"].update(maximum=2),
        lambda t: t["rounds"][0]["model_tasks"][0]["task_ids"]["origin_date"].update(
            optional=["June"]
        ),
        lambda t: t.update(author="somebody"),
    ],
)
def test_the_schema_of_this_test_refuses_what_is_wrong(change: Any, tmp_path: Path) -> None:
    _, tasks = exported(tmp_path)
    change(tasks)
    assert not VALIDATOR.is_valid(tasks)


def test_a_table_keeps_every_rule(tmp_path: Path) -> None:
    rows, tasks = exported(tmp_path)
    assert list(rows[0]) == list(COLUMNS)
    assert broken_rules(rows, tasks) == set()
    assert {row["output_type"] for row in rows} == {"cdf", "pmf", "sample"}
    assert len(rows) == len(RUNGS) * len(HORIZONS_MONTHS) * (2 + 1 + 20)


BREAKS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "rows_are_of_a_task": ("pmf", {"target": "peace"}),
    "values_are_allowed": ("sample", {"value": "0.5"}),
    "rows_stand_once": ("pmf", {"output_type_id": "no", "value": "0.5"}),
    "masses_sum_to_one": ("pmf", {"value": "0.999"}),
    "distributions_rise": ("cdf", {"value": "0.0000001"}),
    "samples_are_as_many": ("sample", {"output_type_id": "99"}),
    "a_sample_is_one_compound_task": ("sample", {"target": "war"}),
    "dates_are_iso": ("pmf", {"target_end_date": "31/12/2026"}),
    "ends_follow_from_horizons": ("pmf", {"target_end_date": "2026-12-30"}),
}


@pytest.mark.parametrize("name", RULES)
def test_each_rule_is_broken_by_a_table_that_breaks_it(name: str, tmp_path: Path) -> None:
    rows, tasks = exported(tmp_path)
    kind, change = BREAKS[name]
    places = [i for i, row in enumerate(rows) if row["output_type"] == kind]
    rows[places[-1]].update(change)
    assert name in broken_rules(rows, tasks)


def test_values_are_those_of_the_ledger(tmp_path: Path) -> None:
    rows, _ = exported(tmp_path)
    said = example_entry()["breakdown"]
    for row in rows:
        if row["output_type"] == "pmf" and row["output_type_id"] == "yes":
            assert float(row["value"]) == pytest.approx(said[row["target"]][row["horizon"]]["mean"])
        if row["output_type"] == "cdf":
            rung = row["target"].removeprefix("months to ")
            assert float(row["value"]) == pytest.approx(said[rung][row["output_type_id"]]["mean"])


@pytest.mark.parametrize("samples", [1, 7, 100])
def test_paths_never_turn_back_and_are_as_frequent_as_the_chances(
    samples: int, tmp_path: Path
) -> None:
    rows, _ = exported(tmp_path, samples=samples)
    said = example_entry()["breakdown"]
    paths: dict[tuple[str, str], dict[int, int]] = defaultdict(dict)
    for row in rows:
        if row["output_type"] == "sample":
            paths[row["target"], row["output_type_id"]][int(row["horizon"])] = int(row["value"])
    for path in paths.values():
        ordered = [path[months] for months in HORIZONS_MONTHS]
        assert ordered == sorted(ordered)
    for rung in RUNGS:
        for months in HORIZONS_MONTHS:
            broke = [path[months] for (target, _), path in paths.items() if target == rung]
            assert len(broke) == samples
            chance = said[rung][str(months)]["mean"]
            assert abs(sum(broke) / samples - chance) <= 0.5 / samples + 1e-12


def test_paths_of_rungs_and_forecasts_are_drawn_in_orders_of_their_own(tmp_path: Path) -> None:
    path = ledger_of(tmp_path, 2)
    one, two = read_ledger(path)

    def order(line: Any, rung: str) -> list[int]:
        return [
            row["value"]
            for row in hub_rows([line], samples=60)
            if (row["output_type"], row["target"], row["horizon"]) == ("sample", rung, 60)
        ]

    assert order(one, "force") == order(one, "force")
    assert order(one, "force") != order(two, "force")
    assert order(one, "war") != order(one, "breakdown")


def test_a_chance_that_falls_by_rounding_is_held_level(tmp_path: Path) -> None:
    path = ledger_of(tmp_path, 1)
    entry = example_entry()
    entry["breakdown"]["war"]["24"]["mean"] = entry["breakdown"]["war"]["12"]["mean"] - 1e-9
    append_entry(path, entry)
    found = export_hub(tmp_path / "hub", ledger=path, samples=10)
    rows = read_rows(found.tables[0])
    assert broken_rules(rows, json.loads(found.tasks.read_text(encoding="utf-8"))) == set()


def test_each_cutoff_has_a_file_and_a_later_forecast_stands_for_an_earlier(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.chdir(tmp_path)
    path = ledger_of(tmp_path, 2)
    append_entry(path, example_entry(cutoff="2026-03-31"))
    append_entry(path, example_entry(case="northland"))
    assert main(["ledger", "export", "hub", "--team", "us", "--samples", "5"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told == [
        "forecast 1 is left out: a later one of the same case and cutoff stands for it",
        "hub/model-output/us-breakdown/2026-03-31-us-breakdown.csv",
        "hub/model-output/us-breakdown/2026-06-30-us-breakdown.csv",
        "hub/hub-config/tasks.json",
    ]
    tasks = json.loads(Path("hub/hub-config/tasks.json").read_text(encoding="utf-8"))
    for table in told[1:3]:
        assert broken_rules(read_rows(Path(table)), tasks) == set()
    rows = read_rows(Path(told[2]))
    assert {row["agreement"] for row in rows} == {"armenia_azerbaijan", "northland"}
    # Rounds are open from the cutoff to the day on which the forecast was recorded.
    late = tasks["rounds"][0]["submissions_due"]["end"]
    days = [
        (date.fromisoformat(line.recorded[:10]) - date.fromisoformat(line.entry["cutoff"])).days
        for line in read_ledger(path)
    ]
    assert late == max(days)


def test_a_failed_forecast_stands_for_none_that_passed(tmp_path: Path) -> None:
    path = ledger_of(tmp_path, 1)
    failed = {"ok": False, "reasons": ["R-hat of tau is 1.2", "3 divergent transitions"]}
    worse = example_entry(verdict={**example_entry()["verdict"], **failed})
    worse["breakdown"]["war"]["24"]["mean"] = 0.9
    append_entry(path, worse)
    append_entry(path, worse | {"cutoff": "2026-03-31"})
    found = export_hub(tmp_path / "hub", ledger=path, samples=5)
    (table,) = found.tables
    said = example_entry()["breakdown"]["war"]["24"]["mean"]
    told = [
        float(row["value"])
        for row in read_rows(table)
        if (row["target"], row["horizon"], row["output_type_id"]) == ("war", "24", "yes")
    ]
    assert told == pytest.approx([said])
    why = "it failed its checks: R-hat of tau is 1.2; 3 divergent transitions"
    assert found.left_out == {2: why, 3: why}
    tasks = json.loads(found.tasks.read_text(encoding="utf-8"))
    origins = tasks["rounds"][0]["model_tasks"][0]["task_ids"]["origin_date"]["optional"]
    assert origins == ["2026-06-30"]


def test_a_ledger_of_failed_forecasts_alone_is_refused(tmp_path: Path) -> None:
    path = ledger_of(tmp_path, 0)
    verdict = {**example_entry()["verdict"], "ok": False, "reasons": ["3 divergent transitions"]}
    append_entry(path, example_entry(verdict=verdict))
    with pytest.raises(InputError, match="no forecast that passed its checks"):
        export_hub(tmp_path / "hub", ledger=path)


def test_names_of_files_are_those_that_a_hub_reads(tmp_path: Path) -> None:
    """<round>-<team>-<model>: a hub divides them by hyphens, dates apart."""
    found = export_hub(tmp_path / "hub", ledger=ledger_of(tmp_path, 1))
    (table,) = found.tables
    pattern = r"(\d{4}-\d{2}-\d{2})-([A-Za-z0-9_]+)-([A-Za-z0-9_]+)\.csv"
    match = re.fullmatch(pattern, table.name)
    assert match is not None
    assert table.parent.name == f"{match[2]}-{match[3]}"


def test_a_broken_or_empty_ledger_and_a_bad_team_are_refused(
    tmp_path: Path, capsys: Captured
) -> None:
    path = ledger_of(tmp_path, 2)
    with pytest.raises(InputError, match="letters, digits and _"):
        export_hub(tmp_path / "hub", ledger=path, team="a-b")
    path.write_bytes(path.read_bytes().replace(b'"seed":1001', b'"seed":1009'))
    with pytest.raises(InputError, match="altered"):
        export_hub(tmp_path / "hub", ledger=path)
    path.write_bytes(b"")
    with pytest.raises(InputError, match="no forecast"):
        export_hub(tmp_path / "hub", ledger=path)
    assert not (tmp_path / "hub").exists()


def test_the_same_ledger_gives_the_same_bytes(tmp_path: Path) -> None:
    path = ledger_of(tmp_path, 1)
    first, second = (export_hub(tmp_path / name, ledger=path) for name in ("a", "b"))
    assert first.tables[0].read_bytes() == second.tables[0].read_bytes()
    assert hub_tasks(list(read_ledger(path)))["rounds"]
    assert SAMPLES == 100
