"""The typed CSV layer: every problem noted with its line, nothing but problems."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from durability import tables
from durability.errors import InputError, Problems


def read(path: Path, content: str | bytes) -> tuple[list[tables.Row], Problems]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    problems = Problems()
    rows = tables.read_rows(path, required=("id", "day"), optional=("note",), problems=problems)
    return rows, problems


def messages(problems: Problems) -> list[str]:
    with pytest.raises(InputError) as caught:
        problems.raise_any()
    return [str(problem) for problem in caught.value.problems]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "x.csv"


def cell(value: str) -> tuple[tables.Row, Problems]:
    problems = Problems()
    return tables.Row(path=Path("x.csv"), line=7, cells={"c": value}, problems=problems), problems


def test_rows_know_their_lines_across_quoted_line_breaks_and_blank_lines(file: Path) -> None:
    rows, problems = read(file, 'day,id\n2020-01-01,"a\nb"\n\n2020-01-02,c\n,\n2020-01-03,d\n')
    assert [(row.line, row["id"], row["note"]) for row in rows] == [
        (2, "a\nb", ""),
        (5, "c", ""),
        (7, "d", ""),
    ]
    assert not len(problems)


def test_a_misspelled_column_is_named_with_the_word_that_was_meant(file: Path) -> None:
    rows, problems = read(file, "id,day,nte\n1,2020-01-01,x\n")
    assert len(rows) == 1
    assert len(messages(problems)) == 1
    assert 'line 1: unknown column "nte"' in messages(problems)[0]
    assert 'did you mean "note"?' in messages(problems)[0]


def test_missing_and_repeated_columns_are_all_told(file: Path) -> None:
    rows, problems = read(file, "id,id\n1,2\n")
    assert rows == []
    assert any("stands twice" in message for message in messages(problems))
    assert any("no column day" in message for message in messages(problems))


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "empty"),
        (b"  \n ", "empty"),
        (b"id,day\nx,\xff\n", "line 2: byte 0xff"),
        (b'id,day\n"x,1\n', "broken CSV"),
        (b'id,day\n"x"y,1\n', "line 2: broken CSV"),
        (b"id,day\n1,2,3\n", "line 2: 3 cells"),
        (b"id,day\n1\n", "line 2: 1 cells"),
        (b"id,day\na\x00b,1\n", "NUL"),
        (b"id,day\na\x1b[31m,1\n", "control characters"),
        (b"id,day\n=1+1,1\n", "formula"),
        (b"id,day\n@SUM(A1),1\n", "formula"),
        (b"id,day\n+cmd|' /C calc'!A0,1\n", "formula"),
        (b"id,day\n-2+3+cmd|' /C calc'!A0,1\n", "formula"),
        (b"id,day\n" + b"x" * 200_000 + b",1\n", "field larger"),
    ],
)
def test_broken_files_are_told_where_they_break(file: Path, content: bytes, found: str) -> None:
    _, problems = read(file, content)
    assert any(found in message for message in messages(problems)), messages(problems)


def test_signs_alone_and_signed_numbers_are_not_formulas(file: Path) -> None:
    rows, problems = read(file, "id,day,note\n-3,-,+2\n")
    assert not len(problems)
    assert rows[0]["id"] == "-3"


def test_a_missing_file_is_a_problem_and_not_an_exception(file: Path) -> None:
    problems = Problems()
    assert tables.read_rows(file, required=("id",), problems=problems) == []
    assert "no such file" in messages(problems)[0]


def test_good_cells_convert_and_note_nothing() -> None:
    for convert, value, expected in (
        (tables.day, "2024-02-29", date(2024, 2, 29)),
        (tables.optional_day, "", None),
        (tables.flag, "1", True),
        (tables.flag, "0", False),
        (tables.optional_flag, "", None),
        (tables.words, "a|b", ("a", "b")),
        (tables.words, "", ()),
        (tables.text, "x", "x"),
        (tables.number, "-1.5e2", -150.0),
        (tables.optional_number, "", None),
    ):
        row, problems = cell(value)
        assert convert(row, "c") == expected  # type: ignore[operator]
        assert not len(problems)
    row, problems = cell("-3")
    assert tables.integer(row, "c", low=-3, high=3) == -3
    assert tables.optional_integer(row, "c", low=-3, high=3) == -3
    assert not len(problems)


@pytest.mark.parametrize(
    "value", ["2023-02-29", "20230201", "2023-W01-1", "2023-2-1", "٢٠٢٣-٠٢-٠١", "yesterday", ""]
)
def test_a_day_that_is_none_is_a_problem_at_its_cell(value: str) -> None:
    row, problems = cell(value)
    tables.day(row, "c")
    assert len(problems) == 1
    assert messages(problems)[0].startswith("x.csv line 7, c: ")


@pytest.mark.parametrize("value", ["4", "-4", "1.0", "1_0", "٣", "9" * 5000, "", "x"])
def test_a_number_out_of_range_or_out_of_script_is_a_problem(value: str) -> None:
    row, problems = cell(value)
    assert tables.integer(row, "c", low=-3, high=3) == -3
    assert len(problems) == 1


@pytest.mark.parametrize("value", ["nan", "inf", "1e999", "1,5", "0x10", "-0.1", "1.1", ""])
def test_a_number_that_is_not_finite_or_not_in_range_is_a_problem(value: str) -> None:
    row, problems = cell(value)
    tables.number(row, "c", low=0, high=1)
    assert len(problems) == 1


def test_a_wrong_choice_is_told_the_right_one() -> None:
    row, problems = cell("trsut")
    tables.choice(row, "c", ("trust", "corridor"))
    assert 'did you mean "trust"?' in messages(problems)[0]


def test_every_repeated_id_names_the_line_that_had_it_first(file: Path) -> None:
    rows, problems = read(file, "id,day\na,1\nb,1\na,1\na,1\n")
    tables.require_unique(rows, "id")
    assert ["line 4" in m and "line 2 has it" in m for m in messages(problems)] == [True, False]
    assert "line 5" in messages(problems)[1]


@given(data=st.binary(max_size=300) | st.text('id,day\n"\r\t-=x', max_size=60).map(str.encode))
def test_any_bytes_give_rows_or_problems_and_nothing_else(
    data: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    rows, problems = read(tmp_path_factory.getbasetemp() / "any.csv", data)
    assert all(set(row.cells) == {"id", "day", "note"} for row in rows if not len(problems))


@given(value=st.text(max_size=30))
def test_any_cell_gives_a_value_or_a_problem_and_nothing_else(value: str) -> None:
    row, problems = cell(value)
    assert isinstance(tables.day(row, "c"), date)
    assert -3 <= tables.integer(row, "c", low=-3, high=3) <= 3
    assert isinstance(tables.number(row, "c"), float)
    assert isinstance(tables.flag(row, "c"), bool)
    for message in messages(problems) if len(problems) else []:
        assert "\n" not in message
