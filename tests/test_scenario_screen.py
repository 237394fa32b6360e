"""What the screens of scenarios say of numbers."""

from __future__ import annotations

import pytest

from durability.scenario_screen import _points
from durability.wording import with_error


@pytest.mark.parametrize(
    ("value", "error", "told"),
    [
        (0.00341, 0.00152, "0.0034 ± 0.0015"),
        (-0.2, 0.013, "−0.200 ± 0.013"),
        (12.0, 3.0, "12.00 ± 3.00"),
        (0.5, 0.0, "0.50 ± 0.00"),
        (1e-9, 1e-9, "0.000000 ± 0.000000"),
    ],
)
def test_as_many_decimals_as_the_error_has_digits(value: float, error: float, told: str) -> None:
    assert with_error(value, error) == told


def test_points_are_signed() -> None:
    assert _points({"mean": 0.0123, "mcse": 0.0011}) == "+1.23 ± 0.11"
    assert _points({"mean": -0.0123, "mcse": 0.0011}) == "−1.23 ± 0.11"
    assert _points({"mean": 0.0, "mcse": 0.0}) == "0.00 ± 0.00"
