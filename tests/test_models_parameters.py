"""Priors: their densities against SciPy's."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from durability.models.parameters import FAMILIES, draws, log_density
from scipy import stats

LAWS = {
    "normal": ({"mean": -0.4, "sd": 1.7}, stats.norm(-0.4, 1.7)),
    "halfnormal": ({"sd": 0.6}, stats.halfnorm(scale=0.6)),
    "lognormal": ({"mu": 0.3, "sigma": 0.8}, stats.lognorm(0.8, scale=np.exp(0.3))),
    "beta": ({"a": 2.5, "b": 7.0}, stats.beta(2.5, 7.0)),
    "gamma": ({"shape": 3.0, "rate": 0.7}, stats.gamma(3.0, scale=1 / 0.7)),
    "exponential": ({"rate": 2.2}, stats.expon(scale=1 / 2.2)),
}


def test_every_family_is_here() -> None:
    assert set(LAWS) == set(FAMILIES)


@pytest.mark.parametrize("family", LAWS)
def test_a_log_density_is_that_of_scipy(family: str) -> None:
    values, law = LAWS[family]
    prior = SimpleNamespace(distribution=family, values=values)
    x = law.ppf(np.array([[0.01, 0.3], [0.6, 0.995]]))
    np.testing.assert_allclose(log_density(prior, x), law.logpdf(x), rtol=1e-10)


@pytest.mark.parametrize("family", LAWS)
def test_draws_have_the_law_of_their_density(family: str) -> None:
    values, law = LAWS[family]
    prior = SimpleNamespace(distribution=family, values=values)
    drawn = draws(prior, np.random.default_rng(6), (4000,))
    assert stats.kstest(drawn, law.cdf).pvalue > 1e-3


@pytest.mark.parametrize("family", ["lkj", "fixed"])
def test_what_has_no_density_is_refused(family: str) -> None:
    with pytest.raises(ValueError, match="no density"):
        log_density(SimpleNamespace(distribution=family, values={"value": 1.0}), np.ones(2))
