"""What the commands print of a case before anything is sampled."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from worlds import flagship, happened

from durability.assembly import assemble
from durability.screen import check_lines


def test_check_says_up_to_the_cutoff_and_no_later() -> None:
    lines = list(check_lines(assemble(flagship(), cutoff=date(2025, 12, 31))))
    assert any(line.endswith("war has not happened; observed up to the cutoff") for line in lines)
    assert not any("observed until" in line for line in lines)


def test_check_says_what_has_happened() -> None:
    case = replace(flagship(), happened=(happened("fatal", date(2026, 2, 3)),))
    lines = list(check_lines(assemble(case, cutoff=date(2026, 6, 30))))
    assert any("force happened on 2026-02-03; observed up to the cutoff" in line for line in lines)
    assert any("fatal happened on 2026-02-03" in line for line in lines)
    assert any("war has not happened" in line for line in lines)
    before = "\n".join(check_lines(assemble(case, cutoff=date(2026, 2, 2))))
    assert "happened on" not in before
