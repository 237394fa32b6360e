"""The joint density on the scale without bounds: PyMC's own, and the slopes it needs."""

from __future__ import annotations

import numpy as np
import pytest
from durability.models import breakdown, density
from worlds import DEFAULT_PRIORS, data, drawn, priors

from durability.inference import build
from durability.prior_sets import read_priors


def test_bounds_come_back() -> None:
    theta, _ = drawn(data(), n=5, seed=4)
    back = density.bounded(density.unbounded(theta, priors()), priors())
    for name, values in theta.items():
        np.testing.assert_allclose(back[name], values, rtol=1e-12, err_msg=name)


def test_terms_of_some_unknowns_add_up_to_those_of_all() -> None:
    u = density.unbounded(drawn(data(), n=3, seed=4)[0], priors())
    each = [density.log_prior(u, priors(), only=frozenset({name})) for name in u]
    np.testing.assert_allclose(sum(each), density.log_prior(u, priors()), rtol=1e-12)


@pytest.mark.slow
def test_the_joint_density_is_that_of_pymc() -> None:
    """With the errors of single units as unknowns, which are integrated out elsewhere."""
    model = build(data(), read_priors(DEFAULT_PRIORS))
    theta, latent = drawn(model.data, n=3, seed=4)
    u = density.unbounded(theta, priors())
    terms = breakdown.log_likelihoods(theta, latent, model.arrays, np).values()
    found = density.log_prior(u, priors()) + sum(term.sum(-1) for term in terms)
    compiled = model.to_pymc()
    logp = compiled.compile_logp()
    for draw in range(3):
        point = {
            compiled.rvs_to_values[variable].name: u[variable.name][draw]
            for variable in compiled.free_RVs
        }
        assert found[draw] == pytest.approx(float(logp(point)), rel=1e-11)
