"""What a line says of a forecast: its schema, and entries that nobody honest would write."""

from __future__ import annotations

import copy
import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_example import example_entry, ledger_of
from schemas import validator

from durability import ledger_entries
from durability.blocks import printable
from durability.errors import Problems
from durability.forecast_ledger import LedgerLine
from durability.ledger_chain import EARLIER
from durability.ledger_entries import check_entry, differences
from durability.screen import ledger_lines, recorded_lines

VALIDATOR = validator("ledger")
SCHEMA = VALIDATOR.schema


def problems_of(entry: object) -> list[str]:
    problems = Problems()
    check_entry(entry, "line 1", problems)
    return [str(problem) for problem in problems.found]


def line_of(entry: dict[str, Any]) -> dict[str, Any]:
    return {
        "sequence": 1,
        "recorded": "2026-01-01T00:00:00.000000Z",
        "previous": "0" * 64,
        "hash": "1" * 64,
        "entry": entry,
    }


def shown(entry: dict[str, Any]) -> list[str]:
    line = LedgerLine(clock="", **line_of(entry))
    return [*ledger_lines([line]), *recorded_lines(line)]


# The schema ---------------------------------------------------------------------------------


def test_every_line_that_is_written_is_as_the_schema_says(tmp_path: Path) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    path = ledger_of(tmp_path, 2)
    for raw in path.read_bytes().splitlines():
        VALIDATOR.validate(json.loads(raw))


def test_the_schema_knows_the_clocks_note() -> None:
    VALIDATOR.validate(line_of(example_entry()) | {"clock": EARLIER})
    assert not VALIDATOR.is_valid(line_of(example_entry()) | {"clock": "later"})


def test_the_schema_and_the_checks_name_the_same_keys() -> None:
    entry = SCHEMA["properties"]["entry"]
    assert set(entry["properties"]) == set(ledger_entries._ENTRY)
    assert set(entry["properties"]) - set(entry["required"]) == set(ledger_entries.OPTIONAL)
    assert set(ledger_entries._ENTRY) == {*ledger_entries.FROM_THE_RECORD, *ledger_entries.OWN}
    for key in ("inputs", "sources"):
        assert entry["properties"][key]["additionalProperties"] is False
    assert set(entry["properties"]["inputs"]["properties"]) == set(ledger_entries.INPUT_FILES)
    assert entry["properties"]["method"]["properties"]["kind"]["enum"] == list(
        ledger_entries.METHODS
    )


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in an entry."""
    found = [path]
    if isinstance(value, dict):
        for key in value:
            found += places(value[key], (*path, key))
    elif isinstance(value, list):
        for index in range(len(value)):
            found += places(value[index], (*path, index))
    return found


PLACES = places(example_entry())[1:]
ODD = st.sampled_from(
    [
        *(None, True, -1, 0, 1.5, 2, 1e308, 10**400, "", "x", "2026-02-30", "0" * 64, "A" * 64),
        *([], {}, [None], {"x": 1}, {"mean": 1}, "\x1b[2J\u202e", "\ud800", "y" * 20_000),
    ]
)


@settings(max_examples=400, deadline=None)
@given(place=st.sampled_from(PLACES), odd=ODD, act=st.sampled_from(["put", "drop", "add"]))
def test_whatever_stands_in_an_entry_is_refused_or_shown(
    place: tuple[Any, ...], odd: Any, act: str
) -> None:
    entry = example_entry()
    holder: Any = entry
    for key in place[:-1]:
        holder = holder[key]
    if act == "put" or not isinstance(holder, dict):
        holder[place[-1]] = odd
    elif act == "drop":
        del holder[place[-1]]
    else:
        holder["surprise"] = odd
    problems = problems_of(entry)
    assert all(problem.isprintable() for problem in problems)
    if not problems:
        assert VALIDATOR.is_valid(line_of(entry))
        for text in shown(entry):
            assert text == printable(text)


def test_a_whole_entry_has_no_problem() -> None:
    assert problems_of(example_entry()) == []


WRONG = [
    (("breakdown", "war", "24", "mean"), 1.2, 'breakdown.war.24.mean is "1.2"'),
    (("breakdown", "war", "24", "mcse"), -0.1, "from 0 on"),
    (("breakdown", "war", "24", "mean"), True, "must be a number"),
    (
        ("breakdown", "war"),
        {"24": None},
        'is "None"; must have high, interval_probability, low, mcse, mean',
    ),
    (("breakdown", "war", "soon"), {}, "a number of months"),
    (("breakdown", "war"), {"24": {}}, "has no mean"),
    (("cutoff",), "2026-02-30", "a day written YYYY-MM-DD"),
    (("cutoff",), "20260630", "a day written YYYY-MM-DD"),
    (("inputs", "news.csv"), "../../etc/passwd", "a SHA-256"),
    (("inputs", "../x"), "0" * 64, 'has "../x"'),
    (("inputs",), {}, "has no case.toml"),
    (("method",), {}, "one of fit, update"),
    (("format",), True, "reads 1"),
    (("format",), 2, "reads 1"),
    (("seed",), 1.0, "a whole number"),
    (("seed",), 10**30, "a whole number"),
    (("verdict", "ok"), "true", "must be true or false"),
    (("case",), " ", "not empty"),
    (("parties",), [], "must name somebody"),
    (("versions",), {"numpy": "2"}, "the version of durability"),
    (("verdict", "reasons"), ["why?"], "does not fit its reasons"),
    (("settings", "draws"), 0, "a whole number, 1 or more"),
    (("breakdown", "war", "24", "interval_probability"), 0, "from 1e-06 to"),
    (("model",), "x; rm -r", "the name of a module"),
    (("surprise",), 1, 'entry has "surprise"'),
]


@pytest.mark.parametrize(("place", "value", "said"), WRONG)
def test_a_wrong_entry_is_told_with_its_place(
    place: tuple[str, ...], value: object, said: str
) -> None:
    entry = example_entry()
    holder = entry
    for key in place[:-1]:
        holder = holder[key]
    holder[place[-1]] = value
    problems = problems_of(entry)
    assert any(said in problem for problem in problems), problems


def test_a_rung_with_other_horizons_is_refused() -> None:
    entry = example_entry()
    del entry["breakdown"]["war"]["24"]
    (problem,) = problems_of(entry)
    assert "breakdown.war has other horizons" in problem


@pytest.mark.parametrize("entry", [None, 5, [], "text", True])
def test_what_is_no_entry_is_refused(entry: object) -> None:
    (problem,) = problems_of(entry)
    assert problem.startswith("line 1: entry is ")


# What has changed since ---------------------------------------------------------------------


def test_nothing_differs_where_the_forecast_was_just_made() -> None:
    entry = example_entry(versions={"durability": version("durability")})
    assert differences(entry) == []


def test_each_thing_that_differs_is_named() -> None:
    entry = copy.deepcopy(example_entry())
    entry["versions"] = {"numpy": "0.1", "no-such-package": "1", "../x": "2", "": "3"}
    entry["sources"] = {"models": "0" * 64, "library": "1" * 64}
    entry["inputs"]["agreements.csv"] = "2" * 64
    found = differences(entry)
    assert f"numpy {version('numpy')}, then 0.1" in found
    assert "no-such-package none, then 1" in found
    assert [text for text in found if text.startswith("the ")] == [
        "the sources of models/",
        "the sources of the library",
        "the reference class",
    ]
    assert len(found) == 7
