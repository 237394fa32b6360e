"""Which fits that failed are sampled again."""

from __future__ import annotations

import pytest
from report_example import example_tree

from durability.inference import Settings
from durability.retries import REMEDIES, may_pass, remedied, remedies
from durability.verdict import Check, Verdict, judge_probabilities

LIMITS = {
    "R-hat of parameters": 1.01,
    "R-hat of latent unknowns": 1.05,
    "bulk ESS of parameters": 400.0,
    "tail ESS of forecast probabilities": 400.0,
    "tail ESS of parameters": 400.0,
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
        (verdict(divergences=1.0), True),
        (verdict(divergences=10.0), True),
        (verdict(divergences=11.0), False),
        (verdict(divergences=1.0, R_hat_of_parameters=1.0129), True),
        (verdict(divergences=1.0, R_hat_of_parameters=1.0201), False),
        (verdict(divergences=1.0, E_BFMI=0.29), False),
        (verdict(trees_at_the_depth_limit=1.0), False),
    ],
)
def test_another_try_is_for_what_it_may_mend(found: Verdict, again: bool) -> None:
    assert may_pass(found) is again


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        (NEAR, Settings(draws=2000, tune=1200, target_accept=0.9)),
        (verdict(divergences=1.0), Settings(draws=1000, tune=600, target_accept=0.95)),
        (
            verdict(divergences=1.0, tail_ESS_of_parameters=395.8),
            Settings(draws=2000, tune=1200, target_accept=0.95),
        ),
    ],
)
def test_the_next_try_has_what_the_last_one_wanted(found: Verdict, wanted: Settings) -> None:
    asked = Settings(draws=1000, tune=600, target_accept=0.9)
    needed = remedies(found)
    assert needed in REMEDIES
    again = remedied(asked, needed)
    assert (again.draws, again.tune, again.seed) == (wanted.draws, wanted.tune, wanted.seed)
    assert again.target_accept == pytest.approx(wanted.target_accept)


@pytest.mark.parametrize("number", [0, 1, 11])
def test_divergences_of_a_trace_are_what_shorter_steps_are_for(number: int) -> None:
    tree = example_tree()
    stats = tree["sample_stats"].to_dataset()
    stats["diverging"].values[:] = False
    stats["diverging"].values.flat[:number] = True
    checks = judge_probabilities(stats, {}).checks
    told = Verdict(checks=tuple(check for check in checks if "diverg" in check.name))
    assert told.ok is (number == 0)
    assert may_pass(told) is (number == 1)
    assert remedies(told) == (("target_accept",) if number else ())
