"""Tables of spells: what is read, what is refused, and where it is said to be wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from durability.errors import InputError
from durability.spell_groups import distinct, group_spells
from durability.spell_tables import SpellTable, read_spells

GOOD: dict[str, Any] = {
    "begin": [0.0, 2.0, 0.0, 1.0],
    "until": [2.0, 5.0, 3.0, 4.0],
    "ended": [0, 1, 1, 0],
    "size": [1.0, 1.5, -2.0, 0.0],
    "kind": ["war", "war", "crisis", "other"],
    "who": ["a", "a", "b", "c"],
    "region": ["north", "north", "south", "south"],
}
COLUMNS = {"start": "begin", "stop": "until", "event": "ended", "subject": "who"}


def read(changes: dict[str, Any] | None = None, **more: Any) -> SpellTable:
    return read_spells({**GOOD, **(changes or {})}, **{**COLUMNS, **more})


def problems_of(changes: dict[str, Any], **more: Any) -> str:
    with pytest.raises(InputError) as told:
        read(changes, **more)
    return str(told.value)


def test_text_becomes_an_indicator_for_each_value_but_the_first() -> None:
    table = read(covariates=["size", "kind"], cluster="region")
    assert table.covariates == ("size", "kind=other", "kind=war")
    assert table.design[:, 2].tolist() == [1.0, 1.0, 0.0, 0.0]
    assert table.clusters == ("north", "south")
    assert table.events == 2.0


@pytest.mark.parametrize("ending", ["csv", "dta"])
def test_a_file_gives_the_same_table_as_a_frame(tmp_path: Path, ending: str) -> None:
    path, frame = tmp_path / f"spells.{ending}", pd.DataFrame(GOOD)
    if ending == "csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_stata(path, write_index=False)
    one = read_spells(path, **COLUMNS, covariates=["size", "kind"])
    two = read_spells(frame, **COLUMNS, covariates=["size", "kind"])
    assert one.covariates == two.covariates
    assert np.array_equal(one.design, two.design)
    assert np.array_equal(one.subject, two.subject)
    assert one.name == path.name


def test_long_numbers_stay_apart_as_names() -> None:
    """A column of whole numbers with an empty cell comes as floats."""
    ids = [1000001.0, 1000002.0, 0.1234567, 0.1234568]
    table = read({"region": ids}, strata="region", cluster="region")
    assert set(table.clusters) == {"1000001", "1000002", "0.1234567", "0.1234568"}
    assert len(set(table.strata)) == 4


def test_everything_wrong_is_told_at_once_with_its_line() -> None:
    told = problems_of(
        {"ended": [0, 2, 1, 0], "size": [1.0, np.inf, 2.0, 3.0], "begin": [0.0, 2.0, 3.0, -1.0]},
        covariates=["size"],
    )
    assert "the table, event, line 3: neither 0 nor 1" in told
    assert 'the table, size, line 3: "inf"; must be a finite number' in told
    assert "the table, stop, line 4: not after the start" in told
    assert "the table, start, line 5: below 0" in told


def test_a_misspelt_column_is_met_with_the_right_one() -> None:
    assert 'no column "szie"' in problems_of({}, covariates=["szie"])
    assert 'did you mean "size"' in problems_of({}, covariates=["szie"])


def test_rows_of_a_subject_may_not_overlap() -> None:
    assert 'two rows of "a" overlap' in problems_of({"begin": [0.0, 1.5, 0.0, 1.0]})


def test_an_empty_cell_is_refused_or_its_row_left_out_and_counted() -> None:
    gap = {"size": [1.0, np.nan, -2.0, 0.0]}
    assert "the table, size, line 3: empty" in problems_of(gap, covariates=["size"])
    table = read(gap, covariates=["size"], missing="drop")
    assert (len(table), table.dropped) == (3, 1)


def test_a_covariate_that_does_not_vary_is_refused() -> None:
    assert "one value alone" in problems_of({"size": [1.0] * 4}, covariates=["size"])


def test_an_event_may_have_fallen_after_a_watch_of_no_length() -> None:
    changes = {"until": [2.0, 5.0, 0.0, 4.0], "last": [np.nan, 5.0, 1.0, np.nan]}
    table = read(changes, end="last")
    assert table.within.tolist() == [False, False, True, False]
    assert "before the stop" in problems_of({"last": [1.0, 5.0, 3.0, 4.0]}, end="last")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "cannot be read"),
        ("until,ended\n", "no rows"),
        ('until\n"1\n', "cannot be read"),
        ('until,ended\n"1,0\n', "line 2: 1 cells; the header has 2"),
    ],
)
def test_a_broken_file_is_an_input_error(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "spells.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=told):
        read_spells(path, stop="until", event="ended")


@pytest.mark.parametrize("row", ["9,3,1", "3", "3,1,", '"a, b",3,1'])
def test_a_row_of_another_length_than_the_header_is_told_with_its_line(
    tmp_path: Path, row: str
) -> None:
    path = tmp_path / "spells.csv"
    path.write_text(f'until,ended\n2,0\n\n"4",1\n{row}\n', encoding="utf-8")
    told = rf"spells.csv line 5: {row.count(',') + 1 - row.count('"') // 2} cells; the header has 2"
    with pytest.raises(InputError, match=told):
        read_spells(path, stop="until", event="ended")


def test_a_header_one_name_short_shifts_no_column(tmp_path: Path) -> None:
    path = tmp_path / "spells.csv"
    rows = "".join(f"{i},{i + 1},1\n" for i in range(10))
    path.write_text("until,ended\n" + rows, encoding="utf-8")
    with pytest.raises(InputError) as told:
        read_spells(path, stop="until", event="ended")
    assert "line 2: 3 cells; the header has 2" in str(told.value)
    assert "7 more rows of another length" in str(told.value)


def test_a_column_named_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "spells.csv"
    path.write_text("until,ended,until\n1,0,2\n", encoding="utf-8")
    with pytest.raises(InputError, match=r'line 1: column "until" stands twice'):
        read_spells(path, stop="until", event="ended")


def test_a_quoted_cell_may_hold_commas_and_lines(tmp_path: Path) -> None:
    path = tmp_path / "spells.csv"
    text = 'until,ended,"note, long"\n1,0,"a, ""b""\nand c"\n2,1, "d, e"\n3,1,5" tall\n'
    path.write_text(text, encoding="utf-8")
    assert read_spells(path, stop="until", event="ended").stop.tolist() == [1.0, 2.0, 3.0]


def test_files_of_other_types_and_missing_ones_are_input_errors(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"must end in .csv or .dta"):
        read_spells(tmp_path / "spells.xlsx", stop="until", event="ended")
    with pytest.raises(InputError, match="no such file"):
        read_spells(tmp_path / "spells.csv", stop="until", event="ended")
    path = tmp_path / "latin.csv"
    path.write_bytes("until,ended,wo\n1,0,K\u00f6ln\n".encode("latin-1"))
    with pytest.raises(InputError, match="not UTF-8"):
        read_spells(path, stop="until", event="ended")


def test_columns_of_different_lengths_are_refused() -> None:
    assert "until has 3" in problems_of({"until": [1.0, 2.0, 3.0]})


# Groups -------------------------------------------------------------------------------------


def test_rows_that_do_not_differ_collapse_and_the_exponential_to_one_term_a_pattern() -> None:
    rng = np.random.default_rng(3)
    months = rng.integers(1, 25, 5000).astype(float)
    data = {"stop": months, "event": (rng.random(5000) < 0.5) * 1, "x": rng.integers(0, 3, 5000)}
    table = read_spells(data, stop="stop", event="event", covariates=["x"])
    groups = group_spells(table).arrays
    assert len(groups["term_event"]) == 3 * 24
    assert groups["term_event"].sum() == table.events
    assert len(group_spells(table, exponential=True).arrays["term_event"]) == 3


def test_successive_rows_of_a_subject_cancel_where_they_meet() -> None:
    cut = read_spells(
        {"a": [0.0, 1.0, 2.5], "b": [1.0, 2.5, 4.0], "e": [0, 0, 1], "s": [1, 1, 1]},
        start="a",
        stop="b",
        event="e",
        subject="s",
    )
    groups = group_spells(cut)
    assert groups.arrays["term_exposure"].tolist() == [1.0]
    assert np.exp(groups.arrays["term_log_time"]) * groups.unit == pytest.approx([4.0])


def test_distinct_rows_are_numbered_alike_whatever_their_order() -> None:
    rng = np.random.default_rng(4)
    columns = [rng.integers(0, 3, 200), rng.integers(0, 2, 200).astype(float)]
    code, first = distinct(columns)
    pairs = list(zip(*columns, strict=True))
    assert len(first) == len(set(pairs))
    assert all(pairs[first[c]] == pair for c, pair in zip(code, pairs, strict=True))
