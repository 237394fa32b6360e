"""The stream of a thousand items: made the same each time, told by what was answered how."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import stream

import durability
from durability.vocabulary import DRIVERS


@pytest.fixture(scope="module")
def case() -> durability.Case:
    return durability.read_case("armenia_azerbaijan")


def test_items_come_in_order_over_years_and_are_the_same_each_time(case: durability.Case) -> None:
    found = stream.stream(case)
    assert found == stream.stream(case)
    assert len({item.id for item in found}) == len({item.event for item in found}) == stream.ITEMS
    days = [item.known for item in found]
    assert days == sorted(days)
    assert days[0] > case.covered_until
    assert (days[-1] - days[0]).days > 0.95 * 30.4 * stream.MONTHS
    assert {item.driver for item in found} == set(DRIVERS)
    scores = [score for item in found for _, score in item.ratings]
    assert set(scores) == set(range(-3, 4))


def test_the_case_has_held_until_the_month_of_the_last_item(case: durability.Case) -> None:
    found = stream.stream(case)
    now = stream.case_with(case, found[:40])
    assert now.covered_until + timedelta(days=1) == found[39].known.replace(day=1)
    assert now.observed_to.keys() == case.observed_to.keys()
    assert set(now.observed_to.values()) == {now.covered_until}
    assert stream.case_with(case, found[:1]).covered_until == case.covered_until


def row(number: int, method: str, probability: float, fit: str) -> dict[str, Any]:
    return {
        "number": number,
        "cutoff": "2026-09-02",
        "seconds": {"weights": 0.1, "matched": 20.0, "refit": 45.0}[method],
        "processor_seconds": {"weights": 0.05, "matched": 10.0, "refit": 90.0}[method],
        "method": method,
        "khat": 0.2,
        "effective_size": 800.0,
        "probability": probability,
        "mcse": 0.001,
        "fit": fit,
        "fit_ok": fit != "c",
        "cached": False,
        "code": "x",
    }


def test_the_table_counts_what_was_answered_how_and_how_far_refits_jump() -> None:
    rows = [
        row(0, "weights", 0.040, "a"),
        row(1, "matched", 0.041, "a"),
        row(2, "refit", 0.044, "b"),
        row(3, "weights", 0.045, "b"),
        row(4, "refit", 0.065, "c"),
    ]
    assert list(stream.refit_jumps(rows)) == [
        (pytest.approx(0.003), pytest.approx(0.001 * 2**0.5)),
        (pytest.approx(0.02), pytest.approx(0.001 * 2**0.5)),
    ]
    told = "\n".join(stream.table_lines(rows))
    assert "| 1 to 5 | 2026-09 | 2 | 1 | 2 | 50 | 10 | 90 |" in told
    assert "In all 2 refits, 0 of them read from the cache, the others in 3.0 processor" in told
    rows[2] |= {"cached": True, "processor_seconds": 1.0}
    told = "\n".join(stream.table_lines(rows))
    assert "1 of them read from the cache, the others in 1.5 processor minutes (0.8" in told
    assert "| 1 to 5 | 2026-09 | 2 | 1 | 2 | 50 | 10 | 90 |" in told
    assert "failed: 1 of 3" in told
    assert "1 of 2 within one point" in told


def test_the_cost_of_weights_is_split_by_what_came_before_the_fit_and_since() -> None:
    fits, rows = {20: "b", 50: "c"}, []
    fit, fitted = "a", 0
    for number in range(90):
        if number in fits:
            fit, fitted = fits[number], number
        method = "refit" if number in fits else "matched" if number % 7 == 6 else "weights"
        each = row(number, method, 0.04, fit)
        if method == "weights":
            each["processor_seconds"] = (30.0 + 0.5 * (number - fitted) + 0.02 * fitted) / 1000.0
        rows.append(each)
    assert stream.weights_cost(rows) == (
        pytest.approx(30.0),
        pytest.approx(0.5),
        pytest.approx(0.02),
    )
    assert stream.weights_cost(rows[:20]) is None
    told = "\n".join(stream.table_lines(rows))
    assert "Weights take 30 ms, +0.50 ms for every item since the fit and +0.020 ms" in told


def test_a_fit_that_is_gone_is_made_again_from_what_it_knew(
    case: durability.Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = stream.stream(case)
    asked: list[Any] = []

    def refit(data: Any) -> Any:
        asked.append(data)
        return SimpleNamespace(particles=SimpleNamespace(key="b"))

    monkeypatch.setattr(stream, "read_particles", lambda key: None)
    rows = [row(n, "refit" if n == 2 else "weights", 0.04, "a" if n < 2 else "b") for n in range(5)]
    stream.started(rows, case, items, refit)
    (data,) = asked
    assert data.cutoff == items[2].known
    assert {item.id for item in data.used} >= {item.id for item in items[:3]}
    assert items[3].id not in {item.id for item in data.used}
    with pytest.raises(SystemExit, match="a cannot be made again"):
        stream.started(rows[:2], case, items, refit)
    assert asked[1].cutoff == case.covered_until
