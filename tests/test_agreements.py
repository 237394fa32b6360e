"""The reference class as shipped, and a reader that refuses what makes no sense."""

from __future__ import annotations

import csv
import io
from collections import Counter
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from durability import agreements as module
from durability.agreements import COLUMNS, SHIPPED, DayRange, earlier_wars, read_agreements
from durability.errors import InputError

SHIPPED_ROWS = list(csv.DictReader(SHIPPED.read_text(encoding="utf-8").splitlines()))
AGREEMENTS = read_agreements()
BY_ID = {agreement.id: agreement for agreement in AGREEMENTS}


def written(path: Path, rows: list[dict[str, str]]) -> Path:
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, COLUMNS)
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(buffer.getvalue(), encoding="utf-8")
    return path


def problems_of(path: Path) -> list[str]:
    with pytest.raises(InputError) as caught:
        read_agreements(path)
    return [str(problem) for problem in caught.value.problems]


def changed(**cells: str) -> list[dict[str, str]]:
    rows = [dict(row) for row in SHIPPED_ROWS]
    rows[0] |= cells
    return rows


def test_the_shipped_classes_have_the_sizes_that_the_codebook_states() -> None:
    assert Counter(agreement.set for agreement in AGREEMENTS) == {
        "core": 66,
        "subthreshold": 26,
        "samewar": 11,
        "followup": 6,
        "ww2treaty": 5,
        "target": 2,
    }
    assert [a.id for a in AGREEMENTS if a.set == "target"] == ["R096", "R097"]


def test_one_row_is_read_as_it_stands_in_the_file() -> None:
    first = BY_ID["R001"]
    assert first.start == date(1949, 1, 1)
    assert first.first_war == DayRange(first=date(1965, 8, 5), last=date(1965, 8, 5))
    assert (first.contiguous, first.war_outcome, first.third_party) == (True, "tie", True)
    assert [
        (r.coder, r.trust, r.constitution, r.corridor, r.interference) for r in first.ratings
    ] == [("a", 2, 0, 2, -2), ("b", 2, 1, 2, -2)]
    assert dict(first.sources)["start"] == ("lhr", "fortna", "cow")
    assert first.state_end is None


def test_only_the_years_records_of_vietnam_are_ranges() -> None:
    ranged = {
        (a.id, column)
        for a in AGREEMENTS
        for column in ("first_force", "first_fatal", "first_war", "abrogated")
        if (days := getattr(a, column)) is not None and days.first != days.last
    }
    assert ranged == {("R026", c) for c in ("first_force", "first_fatal", "first_war")}
    assert BY_ID["R026"].first_war == DayRange(first=date(1974, 1, 1), last=date(1974, 12, 31))


def test_a_states_end_is_the_same_day_in_every_row_of_that_state() -> None:
    for state, end in {
        "USSR": date(1991, 12, 25),
        "South Vietnam": date(1975, 4, 30),
        "South Yemen": date(1990, 5, 22),
        "Somalia": date(1991, 1, 26),
        "Libya": date(2011, 10, 20),
        "Afghanistan": date(2021, 8, 15),
    }.items():
        rows = [a for a in AGREEMENTS if state in (a.state_a, a.state_b)]
        assert rows
        assert {a.state_end for a in rows} == {end}


def test_earlier_wars_of_the_flagship_are_the_two_karabakh_wars() -> None:
    for target in ("R096", "R097"):
        assert earlier_wars(BY_ID[target], AGREEMENTS) == 2
    assert earlier_wars(BY_ID["R046"], AGREEMENTS) == 1
    assert earlier_wars(BY_ID["R045"], AGREEMENTS) == 0  # truces of its own war do not count
    assert earlier_wars(BY_ID["R016"], AGREEMENTS) == 4  # 1948, 1956, 1967, 1969-70


def test_earlier_wars_do_not_depend_on_later_or_unwarlike_rows_or_on_order() -> None:
    for agreement in AGREEMENTS:
        known = [a for a in AGREEMENTS if a.start < agreement.start and a.set in module.WAR_SETS]
        assert earlier_wars(agreement, known[::-1]) == earlier_wars(agreement, AGREEMENTS)


@pytest.mark.parametrize(
    ("cells", "column"),
    [
        ({"id": "R1"}, "id"),
        ({"id": "R002"}, "id"),
        ({"set": "kore"}, "set"),
        ({"set": "target"}, "set"),
        ({"set": "samewar"}, "set_reason"),
        ({"start": "1949-13-01"}, "start"),
        ({"start": "1939-09-01"}, "start"),
        ({"start": "1950-06-12"}, "first_force"),
        ({"first_force_last": "1950-06-10"}, "first_force_last"),
        ({"abrogated_last": "1950-06-10"}, "abrogated_last"),
        ({"first_fatal": "1950-06-10", "known_to_fatal": "1950-06-10"}, "first_force"),
        ({"first_force_new": "1950-06-10"}, "first_force_new"),
        ({"first_force_new": "1950-06-12"}, "first_force_new"),
        ({"first_force_residual": "2"}, "first_force_residual"),
        ({"known_to_war": "1965-08-06"}, "known_to_war"),
        ({"known_to_abrogated": "1948-12-31"}, "known_to_abrogated"),
        ({"state_end": "1949-01-01"}, "state_end"),
        ({"status": "holding"}, "status"),
        ({"first_war_basis": ""}, "first_war_basis"),
        ({"first_war_source": "wiki"}, "first_war_source"),
        ({"abrogated_source": "page"}, "abrogated_source"),
        ({"abrogation_type": "suspension"}, "abrogation_type"),
        ({"abrogation_ended": "1"}, "abrogation_ended"),
        ({"contiguous": "yes"}, "contiguous"),
        ({"war_outcome": "draw"}, "war_outcome"),
        ({"coder_a_trust": "4"}, "coder_a_trust"),
        ({"coder_b_corridor": ""}, "coder_b_corridor"),
        ({"coder_a_confidence": "1.2"}, "coder_a_confidence"),
        ({"coder_b_rationale": ""}, "coder_b_rationale"),
        ({"dyad": "770-750"}, "dyad"),
        ({"dyad": "2-770"}, "dyad"),
        ({"iso_a": "India"}, "iso_a"),
        ({"ccode_b": "750"}, "ccode_b"),
        ({"overlaps_with": "R999"}, "overlaps_with"),
        ({"followup_of": "R001"}, "followup_of"),
        ({"confidence": "sure"}, "confidence"),
        ({"breakdown_type": "war"}, "breakdown_type"),
        ({"censor_date": "2025-12-31"}, "censor_date"),
    ],
)
def test_a_cell_that_makes_no_sense_is_told_with_its_line(
    tmp_path: Path, cells: dict[str, str], column: str
) -> None:
    path = written(tmp_path / "a.csv", changed(**cells))
    line = 3 if cells.get("id") == "R002" else 2
    assert any(m.startswith(f"{path} line {line}, {column}: ") for m in problems_of(path))


def test_all_problems_of_all_rows_are_told_at_once(tmp_path: Path) -> None:
    rows = changed(contiguous="yes", coder_a_trust="9")
    rows[50]["start"] = "soon"
    told = problems_of(written(tmp_path / "a.csv", rows))
    assert len(told) == 3
    assert "line 52, start" in told[2]


def test_a_file_with_a_header_alone_is_refused(tmp_path: Path) -> None:
    assert "no rows" in problems_of(written(tmp_path / "a.csv", []))[0]


@given(
    row=st.integers(0, len(SHIPPED_ROWS) - 1),
    mutations=st.dictionaries(
        st.sampled_from(COLUMNS),
        st.sampled_from(["", "0", "1", "-1", "1991-12-25", "R001", "core", "holding", "2-365|"])
        | st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
        min_size=1,
        max_size=4,
    ),
)
def test_a_mutated_row_is_read_or_refused_and_nothing_else(
    row: int, mutations: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    rows = [dict(SHIPPED_ROWS[row]) | mutations, dict(SHIPPED_ROWS[0])]
    path = written(tmp_path_factory.getbasetemp() / "mutated.csv", rows)
    try:
        read = len(read_agreements(path))
    except InputError as error:
        read = 2 if error.problems else 0
    assert read == 2


def test_dates_and_ratings_are_those_of_the_project_data(reference_data: Path) -> None:
    folder = reference_data / "agreements"

    def source(name: str) -> dict[str, dict[str, str]]:
        text = (folder / name).read_text(encoding="utf-8")
        return {row["id"]: row for row in csv.DictReader(text.splitlines())}

    original = source("agreements.csv")
    coders = {coder: source(f"ratings_coder_{coder}.csv") for coder in "ab"}
    assert list(original) == [row["id"] for row in SHIPPED_ROWS]
    same = set(COLUMNS) & set(next(iter(original.values()))) - {"set", "followup_of"}
    assert len(same) > 40
    for row in SHIPPED_ROWS:
        assert {c: row[c] for c in same} == {c: original[row["id"]][c] for c in same}
        assert row["set"] == original[row["id"]]["recommended_set"]
        for coder, ratings in coders.items():
            given_by = {c: v for c, v in ratings[row["id"]].items() if c != "id"}
            assert {c: row[f"coder_{coder}_{c}"] for c in given_by} == given_by
