"""Batches: the same items from TOML and CSV, and every problem with its line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from durability.errors import InputError, Problems
from durability.news_batches import STANDARD_INPUT, batch_of, read_batch
from durability.news_entries import draft_of

CSV = """date,driver,ratings,statement,source,grade,new_event
2026-07-01,corridor,a=2;b=1,"The road, it is said, is closed.",A page,B,1
2026-07,trust,,Talks are told of.,,,
"""
TOML = """
[[item]]
date = 2026-07-01
driver = "corridor"
ratings = { a = 2, b = 1 }
statement = "The road, it is said, is closed."
source = "A page"
grade = "B"
new_event = true

[[item]]
date = "2026-07"
driver = "trust"
statement = "Talks are told of."
"""


def drafts(path: Path, text: str) -> list[object]:
    problems = Problems()
    entries = batch_of(path, text.encode())
    found = [(draft_of(entry, problems), entry.new_event) for entry in entries]
    problems.raise_any()
    return found


def test_a_batch_says_the_same_in_toml_and_csv(tmp_path: Path) -> None:
    wanted = drafts(Path("x.csv"), CSV)
    assert drafts(Path("x.toml"), TOML) == wanted
    # What comes without a name is looked at.
    assert drafts(STANDARD_INPUT, CSV) == drafts(STANDARD_INPUT, f"# items\n{TOML}") == wanted
    path = tmp_path / "items.csv"
    path.write_text(CSV, encoding="utf-8")
    places = [entry.place for entry in read_batch(path)]
    assert places == [f"{path} line 2", f"{path} line 3"]
    named = [replace(entry, place="") for entry in batch_of(Path("x.csv"), CSV.encode())]
    assert [replace(entry, place="") for entry in read_batch(path)] == named


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("x.csv", CSV.replace("2026-07,trust", "2026-07,"), "x.csv line 3, driver: empty"),
        ("x.csv", CSV.replace("grade", "mark"), 'line 1: unknown column "mark"'),
        ("x.csv", CSV.replace("A page", "=1+1"), "x.csv line 2, source.*formula"),
        ("x.csv", CSV.splitlines()[0], "no items"),
        ("x.csv", CSV.replace("\n2026-07,", '\n"2026-07,'), "line 3: broken CSV"),
        ("x.toml", TOML.replace("grade", "mark"), 'x.toml line 2: unknown field "mark"'),
        ("x.toml", TOML.replace("[[item]]", "[item]", 1), "not TOML"),
        ("x.toml", TOML.replace("[[item]]", "[[news]]"), 'unknown key "news".*one of item'),
        ("x.toml", "[item]\nx = 1", "not a list of tables"),
        ("x.toml", TOML.replace('driver = "trust"', ""), "x.toml line 11, driver: empty"),
        ("x.toml", "", "the file is empty"),
        ("x.csv", "", "the file is empty"),
        ("x.csv", "\0", "NUL"),
    ],
)
def test_a_batch_that_is_wrong_is_refused_with_its_line(name: str, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        batch_of(Path(name), text.encode())


def test_all_problems_of_a_batch_are_told_at_once() -> None:
    text = "date,driver,statement\n2026-07-01,,x\n,trust,x\n2026-07-01,trust,\n"
    with pytest.raises(InputError) as raised:
        batch_of(Path("x.csv"), text.encode())
    assert [p.where for p in raised.value.problems] == [
        "x.csv line 2, driver",
        "x.csv line 3, date",
        "x.csv line 4, statement",
    ]


def test_a_batch_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_batch(tmp_path / "none.csv")
