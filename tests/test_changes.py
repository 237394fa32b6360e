"""The record of what changed: it holds to its schema, and says what it is made of."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from fitted import drawn_fit, narrow_fit
from schemas import validator
from worlds import flagship, happened, history, item

from durability.assembly import assemble
from durability.changes import changes_between, update_record
from durability.update_screen import update_lines
from durability.updating import compare, update
from durability.vocabulary import RUNGS, STREAMS
from durability.weighing import Base, prepare

NEWS = [
    item("N1", date(2026, 6, 20), driver="corridor", ratings=(("a", 2), ("b", 1))),
    item("N2", date(2026, 7, 5), driver="trust", ratings=(("a", -2), ("b", -3))),
]


def check(record: dict[str, Any]) -> None:
    again = json.loads(json.dumps(record, allow_nan=False))
    problems = sorted(str(error) for error in validator("update").iter_errors(again))
    assert problems == []


@pytest.fixture(scope="module")
def base() -> Base:
    found = prepare(narrow_fit(draws=150, chains=4, seed=5))
    judged = replace(found.particles, verdict={"ok": True, "reasons": []})
    return replace(found, particles=judged)


@pytest.fixture(scope="module")
def record(base: Base) -> dict[str, Any]:
    return update_record(update(base, NEWS, case=flagship()))


def test_the_record_holds_to_its_schema(record: dict[str, Any]) -> None:
    check(record)
    assert record["method"] == "weights"
    assert record["verdict"] == {"ok": True, "reasons": [], "checks": []}


def test_the_schema_refuses_a_record_without_its_errors(record: dict[str, Any]) -> None:
    broken = json.loads(json.dumps(record))
    del broken["breakdown"]["war"]["24"]["mcse"]
    assert not validator("update").is_valid(broken)


def test_parts_of_the_record_add_up(record: dict[str, Any]) -> None:
    changes = record["changes"]
    for rung, by_horizon in record["breakdown"].items():
        for months, now in by_horizon.items():
            moved = sum(part["changes"][rung][months]["mean"] for part in changes["parts"])
            was = changes["before"][rung][months]["mean"]
            assert moved == pytest.approx(now["mean"] - was, abs=1e-10)


def test_an_untrusted_update_says_so_in_its_record() -> None:
    wide = prepare(drawn_fit(draws=60, chains=4))
    loud = [
        item(f"L{i}", date(2026, 6, 1 + i), ratings=(("a", 3), ("b", 3)), driver="corridor")
        for i in range(15)
    ]
    found = update_record(update(wide, loud, case=flagship()))
    check(found)
    assert not found["verdict"]["ok"]
    assert found["verdict"]["reasons"]
    first = next(iter(update_lines(found)))
    assert first == "DO NOT USE THESE NUMBERS:"


def test_a_failed_fit_is_told_with_its_reasons(base: Base) -> None:
    failed = replace(base.particles, verdict={"ok": False, "reasons": ["R-hat is 1.2"]})
    found = update_record(update(replace(base, particles=failed), NEWS, case=flagship()))
    check(found)
    assert found["fit_ok"] is False
    assert found["verdict"]["reasons"] == ["of the fit: R-hat is 1.2"]


def test_a_refit_is_told_with_its_cause(base: Base) -> None:
    def refit(data: Any) -> Base:
        return prepare(narrow_fit(data.case, draws=50, chains=4, cutoff=data.cutoff))

    late = update(base, NEWS, case=flagship(), cutoff=date(2026, 12, 1), refit=refit)
    found = update_record(late)
    check(found)
    assert found["method"] == "refit"
    assert "months have passed" in found["refit_because"][0]
    assert any("refitted" in line for line in update_lines(found))


def test_fits_that_no_weight_can_compare_are_told_whole(base: Base) -> None:
    moved = replace(flagship(), grid_start=date(2021, 1, 1))
    fit = narrow_fit(moved, draws=50, chains=4)
    found = changes_between(compare(base, fit))
    assert found["trust"] is None
    assert [part["kind"] for part in found["parts"]] == ["remainder"]


def test_two_fits_are_compared_part_by_part(base: Base) -> None:
    case = flagship()
    fit = narrow_fit(replace(case, news=(*case.news, NEWS[0])), draws=150, chains=4, seed=5)
    found = changes_between(compare(base, fit))
    kinds = [(part["kind"], part["label"]) for part in found["parts"]]
    assert kinds == [("event", "N1"), ("remainder", "remainder")]


def test_the_comparison_of_two_fits_is_a_record_too(base: Base) -> None:
    case = flagship()
    fit = narrow_fit(replace(case, news=(*case.news, NEWS[0])), draws=100, chains=4, seed=5)
    found = update_record(compare(base, fit))
    check(found)
    assert found["method"] == "fit"
    assert any("fits of their own" in line for line in update_lines(found))


def test_fits_are_compared_from_the_earlier_to_the_later(base: Base) -> None:
    early = prepare(narrow_fit(draws=20, cutoff=date(2026, 5, 31)))
    with pytest.raises(ValueError, match="swap"):
        compare(base, early, assemble(flagship(), history(), cutoff=date(2026, 5, 31)))
    with pytest.raises(ValueError, match="needs the data"):
        compare(early, base)


def test_one_screen_says_was_is_why_how_sure_and_what_next(record: dict[str, Any]) -> None:
    lines = list(update_lines(record))
    assert len(lines) < 40
    text = "\n".join(lines)
    for needed in ("was", "is", "N1", "N2", "Pareto k", "effective draws", "diagnostics passed"):
        assert needed in text
    assert "MCSE" in lines[1]
    assert lines[-1].startswith("Next: ")


def test_what_has_broken_down_is_said_first_and_moves_every_rung(base: Base) -> None:
    day = date(2026, 6, 10)
    case = replace(flagship(), happened=(happened("war", day),))
    found = update_record(update(base, case=case))
    check(found)
    # It closed all four streams: nothing of the change is put down to the months.
    assert {(part["kind"], part["label"]) for part in found["changes"]["parts"]} == {
        ("happened", "war")
    }
    for rung, chance in {**dict.fromkeys(RUNGS, 1.0), "abrogation": 0.0}.items():
        assert found["breakdown"][rung]["24"]["mean"] == pytest.approx(chance, abs=1e-12)
    lines = list(update_lines(found))
    said = next(i for i, line in enumerate(lines) if "had broken down by the cutoff" in line)
    assert "war on 10 June 2026" in lines[said]
    assert said < next(i for i, line in enumerate(lines) if line.startswith("Breakdown within"))


def test_hostile_text_stays_on_its_line(base: Base) -> None:
    bad = replace(NEWS[0], statement="first\nsecond \x1b[31m red \u202e turned <script>")
    lines = list(update_lines(update_record(update(base, [bad], case=flagship()))))
    (line,) = [line for line in lines if "N1" in line]
    assert "\x1b" not in line
    assert "\u202e" not in line
    assert all("\n" not in each for each in lines)


def test_later_cutoffs_tell_what_may_have_happened_unseen(record: dict[str, Any]) -> None:
    assert record["cutoff"] == "2026-07-05"
    assert record["unseen"]["breakdown"]["mean"] > 0.0
    case = replace(flagship(), observed_to=dict.fromkeys(STREAMS, date(2026, 7, 31)))
    data = assemble(case, history(), cutoff=date(2026, 7, 5))
    assert data.cutoff == date(2026, 7, 5)
