"""The continuation: the same numbers as the whole model, for draws that mean the same."""

from __future__ import annotations

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from continued import early_fit, later_theta, whole_fit
from durability.models import breakdown, continuation, drivers

from durability.simulation import simulate


@pytest.fixture(scope="module")
def later() -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    model, theta = later_theta()
    return continuation.latents(theta, model.arrays, np), dict(model.arrays)


@pytest.fixture(scope="module")
def whole() -> dict[str, np.ndarray]:
    fit = whole_fit()
    found: dict[str, np.ndarray] = breakdown.latents(fit.theta(), fit.model.arrays, np)
    return found


def test_a_path_that_goes_on_is_the_path_that_never_stopped(later, whole) -> None:
    latent, _ = later
    months = latent["pressure"].shape[1]
    assert months == 5
    assert latent["pressure"] == pytest.approx(whole["pressure"][:, -months:], rel=1e-7, abs=1e-7)
    assert latent["standing"] == pytest.approx(whole["standing"], rel=1e-9)


def test_static_parameters_come_back(later, whole) -> None:
    latent, _ = later
    for name in ("effects", "shapes", "cholesky", "event_sd"):
        assert latent[name] == pytest.approx(whole[name], rel=1e-7, abs=1e-9)
    told, theta = latent["meant"], whole_fit().theta()
    for name in ("intercept", "shape", "covariate_effect", "level_change", "cutpoint_gap"):
        assert told[name] == pytest.approx(theta[name], rel=1e-7, abs=1e-7)


def test_the_hazard_of_the_case_is_the_same(later, whole) -> None:
    latent, arrays = later
    fit = whole_fit()
    mine = breakdown.log_scales(latent["meant"], latent, arrays)[:, -1]
    wanted = breakdown.log_scales(fit.theta(), whole, fit.model.arrays)[:, -1]
    assert mine == pytest.approx(wanted, rel=1e-7, abs=1e-7)


def test_what_is_new_has_the_likelihood_that_the_whole_has_beyond_the_early(later, whole) -> None:
    """log p(all) - log p(early) = log p(new | state), term by term."""
    model, theta = later_theta()
    new = continuation.log_likelihoods(theta, later[0], model.arrays, np)
    fit, early = whole_fit(), early_fit()
    everything = breakdown.log_likelihoods(fit.theta(), whole, fit.model.arrays, np)
    before = breakdown.latents(early.theta(), early.model.arrays, np)
    known = breakdown.log_likelihoods(early.theta(), before, early.model.arrays, np)
    assert new["holding"] == pytest.approx(
        everything["holding"] - known["holding"], rel=1e-6, abs=1e-9
    )
    assert (new["holding"] < 0).all()
    events = fit.model.data.coords["event"]
    places = [events.index(event) for event in model.data.coords["event"]]
    assert len(places) > 10
    assert new["events"] == pytest.approx(everything["events"][:, places], rel=1e-7)
    assert set(new) == {"holding", "events"}


def test_the_future_of_the_same_draws_is_the_same() -> None:
    model, theta = later_theta()
    latent = continuation.latents(theta, model.arrays, np)
    raw = np.random.default_rng(1).standard_normal((len(theta["joint_raw"]), 6, 4))
    mine = continuation.extended(theta, latent, raw)
    fit = whole_fit()
    wanted = simulate(fit, months=6, seed=1)
    own = breakdown.extended(fit.theta(), breakdown.latents(fit.theta(), fit.model.arrays, np), raw)
    assert mine == pytest.approx(own, rel=1e-7, abs=1e-7)
    assert wanted.pressure.shape == mine.shape


def test_paths_go_on_alike_with_and_without_a_loop() -> None:
    rng = np.random.default_rng(2)
    n = 50
    rho2, phi = rng.uniform(0.1, 0.95, n), rng.uniform(0.5, 0.99, n)
    cholesky = drivers.correlation_cholesky(np, rng.uniform(-0.6, 0.6, (n, 6)))
    standing, last = rng.normal(size=(2, n, 4))
    raw = rng.standard_normal((n, 30, 4))
    found = drivers.continued(standing, last, rho2, phi, cholesky, raw, np, months=30)
    wanted = drivers.extend(standing, last, rho2, phi, cholesky, raw)
    assert found == pytest.approx(wanted, rel=1e-9, abs=1e-9)


def test_pytensor_and_numpy_give_the_same_density() -> None:
    model, theta = later_theta()
    one = {name: values[3] for name, values in theta.items()}
    arrays = model.arrays
    latent = continuation.latents(one, arrays, np)
    wanted = continuation.log_likelihoods(one, latent, arrays, np)
    shared = {n: pt.as_tensor(a) if a.ndim else pt.constant(a) for n, a in arrays.items()}
    symbols = {n: pt.as_tensor(a) for n, a in one.items()}
    terms = continuation.log_likelihoods(
        symbols, continuation.latents(symbols, shared, pt), shared, pt
    )
    mode = pytensor.compile.mode.Mode(linker="py", optimizer=None)
    for name, term in terms.items():
        assert term.eval(mode=mode) == pytest.approx(wanted[name], rel=1e-8, abs=1e-10)


def test_the_model_has_the_free_parameters_that_it_names() -> None:
    model, theta = later_theta()
    built = model.to_pymc()
    names = {variable.name for variable in built.free_RVs}
    assert names == set(model.module.parameter_names(model.data)) == set(theta)
    drawn = model.module.prior_draws(
        model.data, model.priors.parameters, n=5, rng=np.random.default_rng(1)
    )
    assert {n: v.shape[1:] for n, v in drawn.items()} == {n: v.shape[1:] for n, v in theta.items()}
