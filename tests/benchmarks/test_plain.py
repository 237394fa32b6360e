"""The plain formulation has the library's posterior, or the benchmark compares nothing."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]


@pytest.mark.slow
def test_the_plain_formulation_has_the_log_likelihood_of_the_library() -> None:
    import plain
    import pytensor
    from durability.models import breakdown
    from worlds import data, drawn, priors

    assembled = data()
    model = plain.build(assembled, priors())
    assert {variable.name for variable in model.free_RVs} == set(
        breakdown.parameter_names(assembled)
    )
    likelihood = model.logp(vars=[*model.observed_RVs, *model.potentials], jacobian=False)
    values = [model.rvs_to_values[variable] for variable in model.free_RVs]
    mode = pytensor.compile.mode.Mode("py", None)  # rewriting unrolled loops takes minutes
    evaluate = pytensor.function(values, likelihood, mode=mode, on_unused_input="ignore")
    theta, _ = drawn(assembled, n=10, seed=3)
    # The plain model holds the drivers' log-mean over a month of history: where deviations last
    # for centuries that is no approximation.
    theta["half_life_months"][5:] = np.linspace(3000.0, 9000.0, 5)
    latent = breakdown.latents(theta, breakdown.all_arrays(assembled, priors()), np)
    terms = breakdown.log_likelihoods(theta, latent, breakdown.all_arrays(assembled, priors()), np)
    ours = sum(term.sum(-1) for term in terms.values())
    for i in range(10):
        point = [
            unconstrained(theta[variable.name][i], model.rvs_to_transforms[variable])
            for variable in model.free_RVs
        ]
        wrong = 0.5 if i < 5 else 1e-3
        assert float(evaluate(*point)) == pytest.approx(ours[i], abs=wrong)


def unconstrained(value: np.ndarray, transform: object) -> np.ndarray:
    """Map a parameter to where PyMC's densities take it."""
    match type(transform).__name__:
        case "NoneType":
            return value
        case "LogTransform":
            return np.log(value)
        case "LogOddsTransform":
            return np.log(value / (1.0 - value))
        case name:
            raise AssertionError(name)
