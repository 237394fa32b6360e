"""Leaving out by weights: the same integrals as cross-validation, and exact where draws allow."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from fitted import drawn_fit, made_fit
from small_history import small_data
from worlds import DEFAULT_PRIORS

from durability import fast_leaving_out
from durability.catalogue import marginals
from durability.fast_leaving_out import leave_out_fast
from durability.inference import Fit, Settings, build
from durability.prior_sets import read_priors
from durability.vocabulary import RUNGS


def fit_of(draws: int = 30, **fixed: Any) -> Fit:
    """Make a fit of prior draws of the small history, some of them set."""
    model = build(small_data(), read_priors(DEFAULT_PRIORS))
    theta = model.module.prior_draws(
        model.data, model.priors.parameters, n=2 * draws, rng=np.random.default_rng(2)
    )
    for name, value in fixed.items():
        theta[name] = np.broadcast_to(np.asarray(value, dtype=float), theta[name].shape).copy()
    return made_fit(model, theta, Settings(draws=draws, tune=1, chains=2, seed=1))


def test_the_density_is_that_of_cross_validation() -> None:
    """The same integral as in :mod:`durability.models.marginals`, where nobody had hindsight."""
    # Where ratings are not sharp, the two rules for the coders' shared error agree.
    fit = fit_of(discrimination=1.0)
    theta = fit.theta()
    arrays = {**fit.model.arrays, "coding_broke": 0.0 * fit.model.arrays["coding_broke"]}
    latent = fit.model.module.latents(theta, arrays, np)
    reading, both, density, chances = fast_leaving_out._integrated(
        fit, theta, latent, arrays, (1.0, 5.0)
    )
    expected = marginals().outcomes(theta, latent, arrays, fast_leaving_out._normals())
    np.testing.assert_allclose(density, expected, rtol=1e-3, atol=0.01)
    np.testing.assert_allclose(both - reading, density, atol=1e-9)
    assert chances.shape == (60, 9, len(RUNGS), 2)
    assert (np.diff(chances, axis=-1) >= -1e-12).all()


def test_with_a_known_hazard_no_weight_is_needed() -> None:
    """Every draw has the same hazard, whatever the standing: weights are even but for ratings."""
    rates = np.array([0.2, 0.1, 0.05, 0.02])
    fit = fit_of(
        effect_mean=0.0,
        effect_spread=0.0,
        covariate_effect=0.0,
        cluster_sd=0.0,
        dyad_sd=0.0,
        shape=1.0,
        shape_spread=0.0,
        abrogation_shape=1.0,
        intercept=np.log(rates),
    )
    found = leave_out_fast(fit, years=(1.0, 5.0), name="weighed")
    expected = 1.0 - np.exp(-rates[2:].sum() * np.array([1.0, 5.0]))
    broken = found.left_out.probability[:, RUNGS.index("breakdown")]
    np.testing.assert_allclose(broken, np.broadcast_to(expected, broken.shape), rtol=1e-9)
    assert found.left_out.by == "agreement"


def test_weights_undo_what_an_outcome_taught() -> None:
    """Draws of two kinds: the kind that a breakdown favours is cut back where it is left out.

    Half the draws have a war rate ten times the other half's. Where an agreement broke at once, the
    likelihood of that is what its weight divides by.
    """
    fit = fit_of(
        effect_mean=0.0,
        effect_spread=0.0,
        covariate_effect=0.0,
        cluster_sd=0.0,
        dyad_sd=0.0,
        shape=1.0,
        shape_spread=0.0,
        abrogation_shape=1.0,
        discrimination=0.01,
    )
    theta = fit.theta()
    n = len(theta["shape"])
    fast = np.arange(n) % 2 == 0
    theta["intercept"] = np.log(
        np.where(fast[:, None], [0.02, 0.02, 0.5, 0.01], [0.02, 0.02, 0.05, 0.01])
    )
    theta = {name: values.copy() for name, values in theta.items()}
    # But for the intercept all draws are the first.
    for name in theta:
        if name != "intercept":
            theta[name] = np.repeat(theta[name][:1], n, axis=0)
    fit = made_fit(fit.model, theta, fit.settings)
    found = leave_out_fast(fit, years=(1.0,), name="weighed")
    war = found.left_out.probability[:, RUNGS.index("war"), 0]
    broke, held = war[[0, 3, 6]], war[[1, 2, 4]]
    # One day's war is ten times as likely of the fast kind: its weight is a tenth.
    slow_chance, fast_chance = (
        (1.0 - np.exp(-(rate + 0.01))) * rate / (rate + 0.01) for rate in (0.05, 0.5)
    )
    np.testing.assert_allclose(broke, (fast_chance + 10.0 * slow_chance) / 11.0, atol=0.02)
    assert (held > fast_chance - 0.01).all()


def test_the_ratio_is_that_of_a_plain_monte_carlo_over_standings() -> None:
    """Ratings of what broke are read with hindsight in the fit, and without where it is left out.

    Standings are drawn from their law and likelihoods averaged: no proposal, no even points.
    """
    plain = fit_of(
        discrimination=1.0,
        effect_mean=0.3,
        effect_spread=0.0,
        covariate_effect=0.0,
        cluster_sd=0.0,
        dyad_sd=0.0,
        shape=1.0,
        shape_spread=0.0,
        abrogation_shape=1.0,
        intercept=np.log([0.01, 0.005, 0.005, 0.002]),
    )
    # All draws are one, but for the standings.
    theta = {
        name: values.copy() if name == "history_raw" else np.repeat(values[7:8], len(values), 0)
        for name, values in plain.theta().items()
    }
    fit = made_fit(plain.model, theta, plain.settings)
    ratios, densities = fast_leaving_out.left_out_terms(fit, draws=60)
    n, arrays = 20_000, fit.model.arrays
    many = {name: np.repeat(values[:1], n, axis=0) for name, values in theta.items()}
    latent = dict(fit.model.module.latents(many, arrays, np))
    normals = np.random.default_rng(3).standard_normal(latent["history_standing"].shape)
    latent["history_standing"] = np.einsum("nde,nje->njd", latent["cholesky"], normals)
    row, signs = arrays["coding_row"], arrays["coding_broke"]
    every = np.arange(row.size)
    of_row = np.eye(row.max() + 1)[row]

    def ratings(broke: np.ndarray) -> np.ndarray:
        read = {**arrays, "coding_broke": broke}
        return np.asarray(marginals().codings(many, latent, read, every) @ of_row)

    def mean(logs: np.ndarray) -> np.ndarray:
        return np.asarray(np.log(np.exp(logs).mean(axis=0)))

    outcome = fit.model.module.outcomes(many, latent, arrays, np)
    blind, aware = ratings(0.0 * signs), ratings(signs)
    np.testing.assert_allclose(ratios[3], mean(blind) - mean(aware + outcome), atol=0.12)
    np.testing.assert_allclose(densities[3], mean(blind + outcome) - mean(blind), atol=0.12)
    broke = np.bincount(row, signs) > 0.0
    # Far more than that tolerance: the mark forgotten, or taken away twice, would be seen.
    assert (np.abs(ratios + densities)[:, broke] > 0.5).all()


def test_only_history_alone_is_weighed() -> None:
    with pytest.raises(ValueError, match="history without a case"):
        leave_out_fast(drawn_fit(draws=4), name="case")
