"""Which fits that failed are sampled again."""

from __future__ import annotations

import pytest

from durability.retries import may_pass
from durability.verdict import Check, Verdict

LIMITS = {
    "R-hat of parameters": 1.01,
    "R-hat of latent unknowns": 1.05,
    "bulk ESS of parameters": 400.0,
    "tail ESS of forecast probabilities": 400.0,
    "E-BFMI": 0.3,
    "divergences": 0.0,
    "trees at the depth limit": 0.0,
}


def verdict(**values: float) -> Verdict:
    """Give a verdict with these values, spelt with underscores, and all other checks passed."""
    told = {name.replace("_", " "): value for name, value in values.items()}
    named = {name.replace("-", " "): name for name in LIMITS}
    checks = []
    for plain, name in named.items():
        limit = LIMITS[name]
        value = told.pop(plain, limit)
        ok = value >= limit if "ESS" in name or name == "E-BFMI" else value <= limit
        checks.append(Check(name=name, value=value, limit=limit, ok=ok, worst="noise[1]"))
    assert not told
    return Verdict(checks=tuple(checks))


PASSED = verdict()
NEAR = verdict(R_hat_of_parameters=1.0129)


@pytest.mark.parametrize(
    ("found", "again"),
    [
        (PASSED, False),
        (NEAR, True),
        (verdict(R_hat_of_parameters=1.0201), False),
        (verdict(R_hat_of_latent_unknowns=1.09), True),
        (verdict(R_hat_of_latent_unknowns=1.11), False),
        (verdict(bulk_ESS_of_parameters=201.0), True),
        (verdict(bulk_ESS_of_parameters=199.0), False),
        (verdict(tail_ESS_of_forecast_probabilities=300.0, R_hat_of_parameters=1.015), True),
        (verdict(E_BFMI=0.29), False),
        (verdict(divergences=1.0), False),
        (verdict(divergences=1.0, R_hat_of_parameters=1.0129), False),
        (verdict(trees_at_the_depth_limit=1.0), False),
    ],
)
def test_another_try_is_for_what_twice_the_draws_may_mend(found: Verdict, again: bool) -> None:
    assert may_pass(found) is again
