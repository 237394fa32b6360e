"""Reading indicators: windows of days, counts, and what is refused."""

from __future__ import annotations

import datetime as dt
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from durability.errors import InputError
from durability.indicators import IndicatorWindow, read_indicators

HEADER = "indicator,driver,from,to,count,exposure,known,source\n"
GOOD = "violations,trust,2024-10-15,2025-03-12,3,,2025-04-15,T069\n"


def put(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "indicators.csv"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    return path


def test_a_good_row_becomes_a_window_of_exposure_one(tmp_path: Path) -> None:
    assert read_indicators(put(tmp_path, HEADER + GOOD)) == (
        IndicatorWindow(
            indicator="violations",
            driver="trust",
            first=dt.date(2024, 10, 15),
            last=dt.date(2025, 3, 12),
            count=3,
            exposure=1.0,
            known=dt.date(2025, 4, 15),
            source="T069",
            line=2,
        ),
    )


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("v,trust,2025-02-01,2025-01-31,3,1,2025-04-15,x", "to: .2025-01-31.; is before from"),
        ("v,trust,2025-01-01,2025-01-31,3,1,2025-01-30,x", "known.*before the window's last day"),
        ("v,trust,2025-01-01,2025-01-31,-1,1,2025-02-01,x", "count.*from 0"),
        ("v,trust,2025-01-01,2025-01-31,1.5,1,2025-02-01,x", "count.*whole number"),
        ("v,trust,2025-01-01,2025-01-31,1,0,2025-02-01,x", "exposure.*from 0.001"),
        ("v,trust,2025-01-01,2025-01-31,1,nan,2025-02-01,x", "exposure"),
        ("v,trsut,2025-01-01,2025-01-31,1,1,2025-02-01,x", 'did you mean "trust"'),
        ("v,trust,2025-01-01,2025-01-31,1,1,2025-02-01,", "source: empty"),
        ("v v,trust,2025-01-01,2025-01-31,1,1,2025-02-01,x", "indicator"),
    ],
)
def test_a_bad_row_is_refused_with_its_line(tmp_path: Path, row: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as raised:
        read_indicators(put(tmp_path, HEADER + GOOD + row + "\n"))
    assert [p.where.split(",")[0][-6:] for p in raised.value.problems] == ["line 3"]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_a_day_is_counted_once_in_any_order_of_rows(tmp_path: Path, order: tuple[int, ...]) -> None:
    rows = [
        "v,trust,2025-01-01,2025-12-31,1,1,2026-01-01,x\n",
        "v,trust,2025-02-01,2025-02-28,1,1,2026-01-01,x\n",
        "w,trust,2025-02-01,2025-02-28,1,1,2026-01-01,x\n",
    ]
    with pytest.raises(InputError, match="overlaps") as raised:
        read_indicators(put(tmp_path, HEADER + "".join(rows[i] for i in order)))
    assert len(raised.value.problems) == 1


def test_windows_that_touch_do_not_overlap(tmp_path: Path) -> None:
    later = "violations,trust,2025-03-13,2025-04-15,26,1,2025-04-15,T069\n"
    assert [w.count for w in read_indicators(put(tmp_path, HEADER + later + GOOD))] == [26, 3]


def test_a_series_has_one_driver(tmp_path: Path) -> None:
    other = "violations,corridor,2025-03-13,2025-04-15,26,1,2025-04-15,T069\n"
    with pytest.raises(InputError, match='driver: "corridor"; is "trust" for violations'):
        read_indicators(put(tmp_path, HEADER + GOOD + other))


@given(
    cells=st.lists(
        st.one_of(st.text(max_size=8), st.sampled_from(["v", "trust", "2025-01-01", "1", "1e308"])),
        min_size=8,
        max_size=8,
    )
)
@settings(max_examples=150, deadline=None)
def test_any_row_gives_a_window_or_an_input_error(
    tmp_path_factory: pytest.TempPathFactory, cells: list[str]
) -> None:
    path = put(tmp_path_factory.getbasetemp(), HEADER + GOOD + ",".join(cells) + "\n")
    with suppress(InputError):
        for window in read_indicators(path):
            assert window.first <= window.last <= window.known
            assert window.count >= 0 < window.exposure
