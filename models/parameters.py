"""Parameters: a prior from a prior set, as a PyMC variable or as NumPy draws.

A prior is anything with ``distribution`` (its family) and ``values`` (its numbers), as
:class:`durability.prior_sets.Prior` has them. Both worlds read the same family here, so that what
the sampler sees and what the prior predictive check draws cannot drift apart.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
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


HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)

FAMILIES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "normal": ("Normal", ("mean", "sd")),
    "halfnormal": ("HalfNormal", ("sd",)),
    "lognormal": ("LogNormal", ("mu", "sigma")),
    "beta": ("Beta", ("a", "b")),
    "gamma": ("Gamma", ("shape", "rate")),
    "exponential": ("Exponential", ("rate",)),
}
"""PyMC's name of each family that a free parameter can have, and its numbers in PyMC's order."""


def variable(
    name: str,
    priors: Sequence[Prior],
    *,
    dims: str | None = None,
    size: int | None = None,
    given: Mapping[str, Any] = MappingProxyType({}),
) -> Any:
    """Make the PyMC variable `name`.

    Parameters
    ----------
    priors : sequence of Prior
        One prior: a scalar, or `size` independent repeats along `dims`. Several: one element each;
        of one family they become one vector variable, which compiles faster than several scalars.
    given : mapping of str to PyTensor variable
        What stands for some of the numbers, by the names of :func:`numbers_of`.

    Raises
    ------
    ValueError
        A family is not one that a free parameter can have.
    """
    import pymc as pm
    import pytensor.tensor as pt

    for prior in priors:
        if prior.distribution not in FAMILIES:
            raise ValueError(f"{name}: a free parameter cannot be {prior.distribution}")
    if _is_mixed(priors):
        parts = [variable(f"{name}_{i}", [prior], given=given) for i, prior in enumerate(priors)]
        return pm.Deterministic(name, pt.stack(parts))
    family, _ = FAMILIES[priors[0].distribution]
    columns = [given.get(key, column) for key, column in numbers_of(name, priors).items()]
    return getattr(pm, family)(name, *columns, dims=dims, shape=size)


def numbers_of(name: str, priors: Sequence[Prior]) -> dict[str, np.ndarray]:
    """Give the numbers of the priors of variable `name`, in PyMC's order.

    Returns
    -------
    dict
        Each a scalar, or a vector with an element a prior; their names tell the family too, so
        that priors of other families have other names.
    """
    if _is_mixed(priors):
        parts = [numbers_of(f"{name}_{i}", [prior]) for i, prior in enumerate(priors)]
        return {key: values for part in parts for key, values in part.items()}
    family = priors[0].distribution
    found = {}
    for number in FAMILIES[family][1]:
        column = np.array([prior.values[number] for prior in priors], dtype=float)
        found[f"prior_{name}_{family}_{number}"] = column[0] if len(priors) == 1 else column
    return {key: np.asarray(values) for key, values in found.items()}


def _is_mixed(priors: Sequence[Prior]) -> bool:
    return len({prior.distribution for prior in priors}) > 1


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


def log_density(prior: Prior, values: np.ndarray) -> np.ndarray:
    """Log density of `prior` at values. NumPy only.

    Raises
    ------
    ValueError
        The family has no density here (``lkj``, ``fixed``).
    """
    v = prior.values
    x = np.asarray(values, dtype=float)
    match prior.distribution:
        case "normal":
            return -0.5 * ((x - v["mean"]) / v["sd"]) ** 2 - math.log(v["sd"]) - HALF_LOG_2PI
        case "halfnormal":
            return -0.5 * (x / v["sd"]) ** 2 - math.log(v["sd"]) - HALF_LOG_2PI + math.log(2.0)
        case "lognormal":
            scaled = (np.log(x) - v["mu"]) / v["sigma"]
            return -0.5 * scaled**2 - np.log(x) - math.log(v["sigma"]) - HALF_LOG_2PI
        case "beta":
            a, b = v["a"], v["b"]
            constant = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
            return (a - 1.0) * np.log(x) + (b - 1.0) * np.log1p(-x) + constant
        case "gamma":
            shape, rate = v["shape"], v["rate"]
            constant = shape * math.log(rate) - math.lgamma(shape)
            return (shape - 1.0) * np.log(x) - rate * x + constant
        case "exponential":
            return -v["rate"] * x + math.log(v["rate"])
        case family:
            raise ValueError(f"the family {family} has no density here")
