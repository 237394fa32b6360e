"""The model of votes: its likelihood against closed forms, its walk, and worlds of its own."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from election_worlds import FREE, design, ranks, with_world, world
from scipy import stats

from durability.catalogue import find_model
from durability.inference import Model, Settings, compile_model, sample, with_data

election = find_model("election")


@pytest.fixture(scope="module")
def model() -> Model:
    return design()


@pytest.fixture(scope="module")
def prior(model: Model) -> dict[str, np.ndarray]:
    return election.prior_draws(
        model.data, model.priors.parameters, n=6000, rng=np.random.default_rng(1)
    )


def one_poll(share: list[float], n: float, *, known: float = 1.0) -> dict[str, Any]:
    width = len(share)
    return {
        "respondents_known": np.array([known]),
        "respondents_floor": np.array([n]),
        "size_mean": np.log(n),
        "size_sd": 0.5,
        "active": np.ones((1, width)),
        "collect": np.eye(width)[None],
        "share": np.array([share]),
        "counts": np.ones(1),
    }


def log_density(share: list[float], n: float, chance: list[float], kappa: float) -> float:
    theta = {"poll_concentration": np.array(kappa), "size_raw": np.zeros(1)}
    made = election.polls(theta, np.array([chance]), one_poll(share, n), np)
    return float(made[0] - (len(share) - 1) * np.log(n))


# Likelihood ---------------------------------------------------------------------------------


def test_a_poll_is_dirichlet_multinomial() -> None:
    chance, kappa = [0.5, 0.3, 0.2], 7.0
    counts = np.array([9, 2, 1])
    ours = log_density((counts / 12).tolist(), 12, chance, kappa)
    theirs = stats.dirichlet_multinomial.logpmf(counts, kappa * np.array(chance), 12)
    assert ours == pytest.approx(float(theirs), abs=1e-10)


def test_the_chances_of_all_outcomes_of_a_poll_add_up_to_one() -> None:
    outcomes = [c for c in itertools.product(range(6), repeat=3) if sum(c) == 5]
    chances = [log_density([x / 5 for x in c], 5, [0.6, 0.3, 0.1], 3.0) for c in outcomes]
    assert np.exp(chances).sum() == pytest.approx(1.0)


def test_categories_that_are_collected_are_one_category() -> None:
    """A Dirichlet-multinomial with categories added up is one of the added chances."""
    data = one_poll([0.5, 0.0, 0.5], 40.0)
    data["collect"][0, 1] = [0.0, 0.0, 1.0]
    data["active"] = np.array([[1.0, 0.0, 1.0]])
    theta = {"poll_concentration": np.array(9.0), "size_raw": np.zeros(1)}
    ours = election.polls(theta, np.array([[0.5, 0.2, 0.3]]), data, np)[0] - np.log(40.0)
    assert ours == pytest.approx(log_density([0.5, 0.5], 40.0, [0.5, 0.5], 9.0))


def test_a_padded_poll_says_nothing(model: Model, prior: dict[str, np.ndarray]) -> None:
    latent = election.latents(prior, model.arrays, np)
    terms = election.log_likelihoods(prior, latent, model.arrays, np)["polls"]
    real = len(model.data.polls)  # type: ignore[attr-defined]
    assert (terms[:, real:] == 0.0).all()
    assert (terms[:, :real] != 0.0).all()
    assert np.isfinite(terms).all()


def test_past_misses_are_normal_with_all_that_scatters_them(
    model: Model, prior: dict[str, np.ndarray]
) -> None:
    """Law of total variance over the prior: what is drawn scatters as the written terms say."""
    arrays = model.arrays
    fixed = {name: values[:1].repeat(6000, 0) for name, values in prior.items()}
    for raw in ("lasting_raw", "past_raw", "lean_raw"):
        fixed[raw] = prior[raw]
    mean, variance = election.miss_law(fixed, election.latents(fixed, arrays, np), arrays)
    scale = fixed["house_error"][0][arrays["house_wide"]][arrays["miss_house"]]
    weight = election.weight_of_undecided(arrays["miss_unnamed"], fixed["undecided_turnout"][0])
    wanted = (
        fixed["industry_error"][0, 0] ** 2
        + scale**2
        + (weight * fixed["undecided_lean"][0]) ** 2
        + arrays["miss_variance"]
        + arrays["miss_weeks"] * fixed["walk"][0, 0] ** 2
    )
    assert mean.var(0) + variance[0] == pytest.approx(wanted, rel=0.08)


# Latent support -----------------------------------------------------------------------------


def test_the_shared_error_keeps_its_law_when_it_is_sampled_with_the_start(
    model: Model, prior: dict[str, np.ndarray]
) -> None:
    """The error and the true level come out independent, each with the variance it should have."""
    fixed = {name: values[:1].repeat(6000, 0) for name, values in prior.items()}
    for raw in ("path_raw", "industry_raw"):
        fixed[raw] = prior[raw]
    latent = election.latents(fixed, model.arrays, np)
    error = latent["industry"]
    true = latent["polled"][:, 0] - error
    kind = model.arrays["list_kind"]
    assert error.std(0) == pytest.approx(fixed["industry_error"][0][kind], rel=0.05)
    first = (model.arrays["steps"][0] * fixed["walk"][0][kind]) ** 2
    assert true.std(0) == pytest.approx(np.sqrt(first + model.arrays["start_sd"] ** 2), rel=0.05)
    correlations = [np.corrcoef(error[:, k], true[:, k])[0, 1] for k in range(len(kind))]
    assert np.abs(correlations).max() < 0.05


def test_the_walk_between_polls_is_the_weekly_walk(
    model: Model, prior: dict[str, np.ndarray]
) -> None:
    fixed = {name: values[:1].repeat(6000, 0) for name, values in prior.items()}
    fixed["path_raw"] = prior["path_raw"]
    polled = election.latents(fixed, model.arrays, np)["polled"]
    moves = np.diff(polled, axis=1)[:, :, 0]
    weeks = model.arrays["steps"][1:, 0] ** 2
    assert moves.std(0) == pytest.approx(fixed["walk"][0, 0] * np.sqrt(weeks), rel=0.05)


def test_answers_add_up_and_the_governing_list_is_off_by_its_errors_exactly(
    model: Model, prior: dict[str, np.ndarray]
) -> None:
    arrays = model.arrays
    latent = election.latents(prior, arrays, np)
    chance = election.answers(latent, prior["undecided_raw"], arrays, np)
    assert np.allclose(chance.sum(-1), 1.0)
    named = 1.0 - chance[..., -1]
    share = chance[..., 0] / named
    true = latent["polled"][..., 0] - latent["industry"][:, None, 0]
    missed = np.log(share / (1.0 - share)) - true
    errors = latent["industry"][:, None, 0] + latent["house"][:, arrays["house_of"], 0]
    assert np.allclose(missed, errors)


def test_the_vote_goes_on_from_the_last_poll_with_the_walk_and_the_undecided(
    model: Model, prior: dict[str, np.ndarray]
) -> None:
    """With every scale but one at zero the vote's log-odds have that one's spread."""
    quiet = {name: np.zeros_like(values[:1]).repeat(4000, 0) for name, values in prior.items()}
    quiet["walk"] = np.tile([0.2, 0.0], (4000, 1))
    how = {"pieces": 3, "futures": 1, "rng": np.random.default_rng(2)}
    shares, base = election.votes(quiet, model.arrays, model.priors.parameters, weeks=9.0, **how)
    odds = np.log(shares[:, 0, 0] / (1.0 - shares[:, 0, 0]))
    assert odds.std() == pytest.approx(0.2 * 3.0, rel=0.05)
    assert np.allclose(shares.sum(-1), 1.0)
    assert (base > 1.0).all()
    quiet["walk"] = np.zeros((4000, 2))
    quiet["undecided_lean"] = np.full(4000, 0.7)
    quiet["undecided_turnout"] = np.full(4000, 0.4)
    shares, _ = election.votes(quiet, model.arrays, model.priors.parameters, weeks=9.0, **how)
    odds = np.log(shares[:, 0, 0] / (1.0 - shares[:, 0, 0]))
    # Half names no list: 0.5 * 0.4 / (0.5 + 0.5 * 0.4) of the votes are theirs.
    assert odds.std() == pytest.approx(0.7 * 0.2 / 0.7, rel=0.05)


# The sampler's own copy, and worlds ---------------------------------------------------------


@pytest.fixture(scope="module")
def compiled(model: Model) -> Any:
    return compile_model(model, free=FREE)


@pytest.mark.slow
def test_pytensor_and_numpy_compute_the_same_likelihood(
    model: Model, prior: dict[str, np.ndarray]
) -> None:
    import pytensor.tensor as pt
    from pytensor import function

    theta = {name: values[0] for name, values in prior.items()}
    inputs = {name: pt.as_tensor_variable(values) for name, values in theta.items()}
    arrays = {name: pt.as_tensor_variable(values) for name, values in model.arrays.items()}
    latent = election.latents(inputs, arrays, pt)
    terms = election.log_likelihoods(inputs, latent, arrays, pt)
    found = function([], [terms["polls"], terms["misses"]], mode="FAST_COMPILE")()
    plain = election.log_likelihoods(
        theta, election.latents(theta, model.arrays, np), model.arrays, np
    )
    assert found[0] == pytest.approx(plain["polls"], rel=1e-9)
    assert found[1] == pytest.approx(plain["misses"], rel=1e-9)


@pytest.mark.slow
def test_truths_of_made_worlds_lie_among_the_draws_of_their_fits(
    model: Model, compiled: Any
) -> None:
    """A few worlds of tests/benchmarks/election.py: ranks neither all low nor all high."""
    found = []
    for seed in range(900, 905):
        truth, arrays = world(model, seed)
        here = with_world(model, arrays)
        settings = Settings(draws=150, tune=150, chains=1, seed=seed)
        tree = sample(with_data(compiled, arrays), here, settings)
        posterior = tree["posterior"].to_dataset()
        theta = {n: posterior[n].values[0] for n in here.module.parameter_names(here.data)}
        found.append(list(ranks(here, truth, theta, seed).values()))
    values = np.array(found)
    # Eight quantities of five worlds, uniform when all is well: the mean of a world's ranks is
    # 0.5 with a standard deviation of at most 0.29, of all worlds of at most 0.13.
    assert 0.2 < values.mean() < 0.8
    assert ((values > 0.02) & (values < 0.98)).mean() > 0.7
