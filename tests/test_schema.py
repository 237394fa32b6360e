"""The published schema of forecast.json: what it lets through and what it refuses."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from report_example import example_record

from durability.report import SCHEMA_PATH, record_text
from durability.vocabulary import DRIVERS, HORIZONS_MONTHS, RUNGS, STREAMS

SCHEMA = json.loads(SCHEMA_PATH.read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def test_the_schema_is_itself_a_valid_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("ok", [True, False])
def test_a_whole_forecast_is_valid(ok: bool) -> None:
    VALIDATOR.validate(json.loads(record_text(example_record(ok=ok))))


def test_a_case_without_news_or_ratings_is_valid() -> None:
    record = example_record()
    record |= {"news": [], "reconciliations": [], "newest_item": None, "unseen": {}}
    record["history"]["precedents"] = []
    VALIDATOR.validate(record)


def test_the_schema_names_what_the_vocabulary_names() -> None:
    assert SCHEMA["$defs"]["rung"]["enum"] == list(RUNGS)
    assert SCHEMA["$defs"]["stream"]["enum"] == list(STREAMS)
    assert SCHEMA["$defs"]["driver"]["enum"] == list(DRIVERS)
    assert set(example_record()["breakdown"]["war"]) == {str(h) for h in HORIZONS_MONTHS}


def test_every_field_that_the_issue_names_is_required() -> None:
    named = "case cutoff clock_start seed versions data_hash prior_set model verdict breakdown"
    assert {*named.split(), "survival", "drivers"} <= set(SCHEMA["required"])


def _put(*path: str | int, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(record: dict[str, Any]) -> None:
        place: Any = record
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value

    return change


def _drop(*path: str) -> Callable[[dict[str, Any]], None]:
    def change(record: dict[str, Any]) -> None:
        place: Any = record
        for key in path[:-1]:
            place = place[key]
        del place[path[-1]]

    return change


WRONG = {
    "another version": _put("schema_version", value=2),
    "a chance above one": _put("breakdown", "war", "12", "mean", value=1.2),
    "a negative chance": _put("survival", "war", "low", 3, value=-0.01),
    "a chance as text": _put("breakdown", "war", "12", "mean", value="0.2"),
    "a chance without its error": _drop("breakdown", "war", "12", "mcse"),
    "a negative error": _put("breakdown", "war", "12", "mcse", value=-0.1),
    "a missing rung": _drop("breakdown", "abrogation"),
    "an unknown rung": _put("breakdown", "peace", value={}),
    "a horizon that is no number": _put("breakdown", "war", "soon", value=None),
    "no horizon at all": _put("breakdown", "war", value={}),
    "a missing driver": _drop("drivers", "corridor"),
    "an unknown driver in the news": _put("news", 0, "driver", value="trsut"),
    "a rating of nine": _put("news", 0, "ratings", value={"a": 9}),
    "a rating between two": _put("news", 0, "ratings", value={"a": 1.5}),
    "a news item that is nothing": _put("news", 0, value=None),
    "a cutoff that is no day": _put("cutoff", value="June 2026"),
    "a month thirteen": _put("cutoff", value="2026-13-01"),
    "a verdict without reasons": _put("verdict", value={"ok": False, "reasons": [], "checks": []}),
    "a good verdict with reasons": _put("verdict", "reasons", value=["why?"]),
    "an unknown status": _put("parameters", 0, "status", value="guessed"),
    "an unknown key": _put("horoscope", value="good"),
    "an unknown key deep inside": _put("settings", "warmup", value=3),
    "no limits": _put("limits", value=[]),
    "a share learned above one": _put("effects", 0, "share_learned", value=1.5),
    "a hash that is none": _put("data_hash", value="latest"),
    "a missing seed": _drop("seed"),
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_record_is_refused(change: Callable[[dict[str, Any]], None]) -> None:
    record = copy.deepcopy(example_record())
    change(record)
    assert not VALIDATOR.is_valid(record)


def test_an_unused_item_must_say_why() -> None:
    record = example_record()
    item = next(item for item in record["news"] if not item["used"])
    item["why_not"] = ""
    assert not VALIDATOR.is_valid(record)


def test_the_schema_ships_with_the_package() -> None:
    assert Path(SCHEMA_PATH).parent.name == "data"
