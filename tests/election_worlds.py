"""Made-up elections with the real polls' design: worlds drawn from the prior, and their ranks.

What simulation-based calibration needs (Talts et al. 2018, arXiv:1804.06788), for the test and for
the script under tests/benchmarks/.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any, cast

import numpy as np

from durability.catalogue import parameters_of
from durability.election_data import ElectionData, assemble_election
from durability.election_settings import read_election
from durability.inference import Model
from durability.prior_sets import read_priors

DESIGN = date(2026, 5, 31)
"""The cutoff whose polls give the design: who was asked when, by whom, and which lists are told."""

FREE = ("share", "miss")
"""The arrays that a world changes."""


def design(cutoff: date = DESIGN) -> Model:
    """Give the model of votes on the real polls of a cutoff."""
    data = assemble_election(read_election("armenia_azerbaijan"), cutoff=cutoff)
    priors = read_priors("election", expected=parameters_of("election"))
    return Model(name="election", data=cast(Any, data), priors=priors)


def world(model: Model, seed: int) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Draw parameters from the prior, and polls and past misses from them: truth and arrays."""
    rng = np.random.default_rng([seed, 41])
    module, arrays = model.module, model.arrays
    theta = module.prior_draws(model.data, model.priors.parameters, n=1, rng=rng)
    latent = module.latents(theta, arrays, np)
    chance = module.answers(latent, theta["undecided_raw"], arrays, np)[0]
    gathered = (chance[:, :, None] * arrays["collect"]).sum(-2)
    unknown = np.exp(arrays["size_mean"] + arrays["size_sd"] * theta["size_raw"][0])
    n = np.where(arrays["respondents_known"] > 0, arrays["respondents_floor"], unknown)
    share = np.array(arrays["share"])
    for i in np.flatnonzero(arrays["counts"]):
        told = np.flatnonzero(arrays["active"][i])
        alpha = theta["poll_concentration"][0] * np.maximum(gathered[i, told], 1e-9)
        counts = rng.multinomial(round(n[i]), rng.dirichlet(alpha))
        share[i, told] = counts / counts.sum()
    mean, variance = module.miss_law(theta, latent, arrays)
    miss = mean[0] + np.sqrt(variance[0]) * rng.standard_normal(mean[0].shape)
    return theta, {"share": share, "miss": miss}


def with_world(model: Model, arrays: Mapping[str, np.ndarray]) -> Model:
    """Give the model the data of a world."""
    data = cast(ElectionData, model.data)
    changed = replace(data, arrays={**data.arrays, **arrays})
    return replace(model, data=cast(Any, changed))


def quantities(model: Model, theta: Mapping[str, np.ndarray], seed: int) -> dict[str, np.ndarray]:
    """What is ranked, a value a draw: the vote on the day, scales, effects of houses."""
    data = cast(ElectionData, model.data)
    module, arrays = model.module, model.arrays
    latent = module.latents(theta, arrays, np)
    shares, _ = module.votes(
        theta,
        arrays,
        model.priors.parameters,
        weeks=data.weeks_left,
        pieces=1,
        futures=1,
        rng=np.random.default_rng([seed, 42]),
    )
    mpg = data.coords["house"].index("mpg")
    return {
        "vote of the governing list": shares[:, 0, 0],
        "vote of the last list": shares[:, 0, len(data.lists) - 2],
        "walk of the governing list": theta["walk"][:, 0],
        "walk of the others": theta["walk"][:, 1],
        "effect of MPG, governing list": latent["house"][:, mpg, 0],
        "effect of MPG, second list": latent["house"][:, mpg, 1],
        "shared error, governing list": latent["industry"][:, 0],
        "concentration": theta["poll_concentration"],
    }


def ranks(
    model: Model, truth: Mapping[str, np.ndarray], theta: Mapping[str, np.ndarray], seed: int
) -> dict[str, float]:
    """Share of draws below the truth, spread evenly within ties of a rank, by quantity."""
    true = quantities(model, truth, 2 * seed)
    drawn = quantities(model, theta, 2 * seed + 1)
    jitter = np.random.default_rng([seed, 43]).random(len(true))
    return {
        name: float(((drawn[name] < value[0]).sum() + u) / (len(drawn[name]) + 1))
        for u, (name, value) in zip(jitter, true.items(), strict=True)
    }
