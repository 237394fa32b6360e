"""Parameters: a prior from a prior set, as a PyMC variable or as NumPy draws.

A prior is anything with ``distribution`` (its family) and ``values`` (its numbers), as
:class:`durability.prior_sets.Prior` has them. Both worlds read the same family here, so that what
the sampler sees and what the prior predictive check draws cannot drift apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np


class Prior(Protocol):
    """What this module needs of a prior."""

    @property
    def distribution(self) -> str:
        """Family: normal, halfnormal, lognormal, beta, gamma, exponential, lkj or fixed."""
        ...

    @property
    def values(self) -> Mapping[str, float]:
        """Numbers of the family, by name."""
        ...


def variable(name: str, prior: Prior, *, dims: str | None = None) -> Any:
    """Make the PyMC variable `name` with `prior`, independent along `dims`.

    Raises
    ------
    ValueError
        The family is not one that a free parameter can have.
    """
    import pymc as pm

    v = prior.values
    match prior.distribution:
        case "normal":
            return pm.Normal(name, v["mean"], v["sd"], dims=dims)
        case "halfnormal":
            return pm.HalfNormal(name, v["sd"], dims=dims)
        case "lognormal":
            return pm.LogNormal(name, v["mu"], v["sigma"], dims=dims)
        case "beta":
            return pm.Beta(name, v["a"], v["b"], dims=dims)
        case "gamma":
            return pm.Gamma(name, v["shape"], v["rate"], dims=dims)
        case "exponential":
            return pm.Exponential(name, v["rate"], dims=dims)
        case family:
            raise ValueError(f"{name}: a free parameter cannot have the family {family}")


def draws(prior: Prior, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Draw from `prior`.

    Returns
    -------
    ndarray of `shape`

    Raises
    ------
    ValueError
        The family has no draws of its own (``lkj``: see :func:`durability.models.drivers`).
    """
    v = prior.values
    match prior.distribution:
        case "normal":
            return rng.normal(v["mean"], v["sd"], shape)
        case "halfnormal":
            return np.abs(rng.normal(0.0, v["sd"], shape))
        case "lognormal":
            return rng.lognormal(v["mu"], v["sigma"], shape)
        case "beta":
            return rng.beta(v["a"], v["b"], shape)
        case "gamma":
            return rng.gamma(v["shape"], 1.0 / v["rate"], shape)
        case "exponential":
            return rng.exponential(1.0 / v["rate"], shape)
        case "fixed":
            return np.full(shape, v["value"])
        case family:
            raise ValueError(f"the family {family} has no draws of its own")
