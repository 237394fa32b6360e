r"""Pooling: one prior set out of several experts'.

For one parameter, with densities :math:`p_i` and weights :math:`w_i` that add up to one:

* the *linear* pool is the mixture :math:`\sum_i w_i p_i`: what an observer believes who thinks
  one of the experts is right. It is wide where they differ;
* the *logarithmic* pool is :math:`\prod_i p_i^{w_i}`, normalised: what they might settle on. It
  is narrow where any of them is (Genest & Zidek 1986, doi:10.1214/ss/1177013825).

A prior file holds one family, so what is not of the family is projected onto it, mean and variance
kept (the mean alone where a family has one number), and the projection's error is told: the
largest difference between the two cumulative distributions.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

from durability.distributions import mean_sd, quantile, share_below
from durability.elicitation import REFUSED_MISS
from durability.errors import Problems, quoted
from durability.prior_sets import Prior, PriorSet, refuse_revised

if TYPE_CHECKING:
    import numpy as np

Method = Literal["linear", "logarithmic"]

LINEAR: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "gamma": ("shape", "rate"),
        "beta": ("a", "b"),
        "exponential": ("rate",),
        "lkj": ("eta",),
    }
)
"""Families whose logarithmic pool has the weighted means of their numbers."""

_TAIL = 1e-7
_NODES = 4001
"""Quantiles of each expert between which densities are integrated."""

Law = tuple[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pooled:
    """One parameter's pool.

    Parameters
    ----------
    prior : Prior
    voices : tuple of (str, float, Prior)
        Set, weight and prior of each that had a say; weights add up to one.
    error : float
        The largest difference between the cumulative distributions of pool and prior; 0 where the
        pool is of the family.
    """

    prior: Prior
    voices: tuple[tuple[str, float, Prior], ...]
    error: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """A prior set made of several.

    Parameters
    ----------
    parameters : mapping of str to Prior
        Of the whole set.
    pooled : tuple of Pooled
        Those on which the sets that had a say differ.
    asked : mapping of str to tuple of str
        Those in which the sets differ and the ones that were asked do not: who was asked.
    about : str
    """

    parameters: Mapping[str, Prior]
    pooled: tuple[Pooled, ...]
    asked: Mapping[str, tuple[str, ...]]
    about: str


def pool_priors(
    sets: Sequence[PriorSet],
    weights: Sequence[float] = (),
    *,
    method: Method = "linear",
    keep: bool = False,
) -> Pool:
    """Pool several prior sets of the same parameters.

    Where a parameter was elicited in some sets, only these have a say in it; else all have.

    Parameters
    ----------
    sets : sequence of PriorSet
        At least two.
    weights : sequence of float
        One a set, above 0; equal where not given.
    method : {"linear", "logarithmic"}
    keep : bool
        Whether a pool that its family cannot hold is kept.

    Returns
    -------
    Pool

    Raises
    ------
    InputError
        A set is a posterior, the sets differ in their parameters, a fixed number is disputed, or a
        projection moves a share of more than 0.05.
    """
    for each in sets:
        refuse_revised(each, "a pool would lose what it has absorbed")
    shares = _shares(sets, weights)
    _check_same(sets)
    problems = Problems()
    parameters: dict[str, Prior] = {}
    pooled, asked = [], {}
    for name in sets[0].parameters:
        voices = _voices(name, sets, shares)
        laws = [_law(prior) for _, _, prior in voices]
        if all(law == laws[0] for law in laws):
            parameters[name] = _agreed([prior for _, _, prior in voices])
            if any(_law(each.parameters[name]) != laws[0] for each in sets):
                asked[name] = tuple(who for who, _, _ in voices)
            continue
        if "fixed" in {law[0] for law in laws}:
            allowed = "a fixed number is not pooled: agree on one"
            problems.add(name, f"is fixed and differs between {len(voices)} sets", allowed)
            continue
        made = _pooled(name, voices, method)
        if made is None:
            told = ", ".join(dict.fromkeys(prior.distribution for *_, prior in voices))
            found = f"its {method} pool is none of {told}"
            problems.add(name, found, "elicit it in one family that all of them allow")
            continue
        if made.error > REFUSED_MISS and not keep:
            found = f"its {method} pool is no {made.prior.distribution}: it misses {made.error:.2f}"
            problems.add(name, found, f"beyond {REFUSED_MISS} it is refused; keep it with --keep")
        parameters[name] = made.prior
        pooled.append(made)
    problems.raise_any()
    about = f"{method.capitalize()} pool of {', '.join(each.name for each in sets)}"
    return Pool(
        parameters=MappingProxyType(parameters),
        pooled=tuple(pooled),
        asked=MappingProxyType(asked),
        about=about,
    )


def _shares(sets: Sequence[PriorSet], weights: Sequence[float]) -> list[float]:
    given = list(weights) or [1.0] * len(sets)
    problems = Problems()
    if len(sets) < 2:
        problems.add("sets", f"{len(sets)} given", "a pool needs at least two")
    if len(given) != len(sets):
        problems.add("weights", f"{len(given)} given", f"one a set: {len(sets)}")
    if any(not (math.isfinite(weight) and weight > 0.0) for weight in given):
        problems.add("weights", quoted(given), "each is above 0")
    problems.raise_any()
    return [weight / sum(given) for weight in given]


def _check_same(sets: Sequence[PriorSet]) -> None:
    problems = Problems()
    for each in sets[1:]:
        lacking = [name for name in sets[0].parameters if name not in each.parameters]
        more = [name for name in each.parameters if name not in sets[0].parameters]
        if lacking:
            problems.add(str(each.path), f"has no {', '.join(lacking)}", f"{sets[0].path} has")
        if more:
            problems.add(str(each.path), f"has {', '.join(more)}", f"{sets[0].path} has not")
    problems.raise_any()


def _voices(
    name: str, sets: Sequence[PriorSet], shares: Sequence[float]
) -> tuple[tuple[str, float, Prior], ...]:
    every = [
        (each.name, share, each.parameters[name]) for each, share in zip(sets, shares, strict=True)
    ]
    asked = [voice for voice in every if voice[2].status == "elicited"] or every
    total = sum(share for _, share, _ in asked)
    return tuple((who, share / total, prior) for who, share, prior in asked)


def _law(prior: Prior) -> Law:
    return prior.distribution, dict(prior.values)


def _agreed(priors: Sequence[Prior]) -> Prior:
    """Give the law that all have, with the reasons and the sources of each."""
    first = priors[0]
    said = first.elicited if all(each.elicited == first.elicited for each in priors) else None
    return replace(
        first,
        reason="; ".join(dict.fromkeys(prior.reason for prior in priors)),
        source="; ".join(dict.fromkeys(prior.source for prior in priors if prior.source)),
        elicited=said,
    )


def _pooled(name: str, voices: Sequence[tuple[str, float, Prior]], method: Method) -> Pooled | None:
    """Pool a parameter: of the family of most weight that can be what the voices say together."""
    laws = [(prior.distribution, prior.values) for _, _, prior in voices]
    shares = [share for _, share, _ in voices]
    pool = linear_pool if method == "linear" else logarithmic_pool
    for family in _by_weight(laws, shares):
        with contextlib.suppress(ValueError, ZeroDivisionError, OverflowError):
            values, error = pool(laws, shares, family)
            if all(math.isfinite(value) for value in (*values.values(), error)):
                break
    else:
        return None
    told = voices[0][2]
    who = "; ".join(
        f"{set_name} ({share:.2f}): {prior.source}" for set_name, share, prior in voices
    )
    reasons = "; ".join(dict.fromkeys(prior.reason for _, _, prior in voices))
    prior = Prior(
        name=name,
        distribution=family,
        values=MappingProxyType(values),
        quantiles=None,
        unit=told.unit,
        meaning=told.meaning,
        reason=f"{method.capitalize()} pool, projection error {error:.4f}, of: {reasons}",
        source=who,
        status="elicited",
    )
    return Pooled(prior=prior, voices=tuple(voices), error=error)


def _by_weight(laws: Sequence[Law], shares: Sequence[float]) -> list[str]:
    """Families, that which most of the weight is of first."""
    weight: dict[str, float] = {}
    for (family, _), share in zip(laws, shares, strict=True):
        weight[family] = weight.get(family, 0.0) + share
    return sorted(weight, key=lambda family: -weight[family])


# Linear -------------------------------------------------------------------------------------


def linear_pool(
    laws: Sequence[Law], shares: Sequence[float], family: str
) -> tuple[dict[str, float], float]:
    """Mix laws and project the mixture onto a family.

    Parameters
    ----------
    laws : sequence of (str, mapping)
        Family and numbers of each.
    shares : sequence of float
        Adding up to one.
    family : str

    Returns
    -------
    values : dict of str to float
    error : float

    Examples
    --------
    >>> laws = [("normal", {"mean": 0.0, "sd": 1.0}), ("normal", {"mean": 4.0, "sd": 1.0})]
    >>> values, error = linear_pool(laws, [0.75, 0.25], "normal")
    >>> values["mean"], values["sd"], round(error, 2)
    (1.0, 2.0, 0.13)
    """
    moments = [mean_sd(*law) for law in laws]
    mean = sum(w * m for w, (m, _) in zip(shares, moments, strict=True))
    # Around the mean, where nothing cancels.
    pairs = zip(shares, moments, strict=True)
    variance = sum(w * (sd**2 + (m - mean) ** 2) for w, (m, sd) in pairs)
    values = of_moments(family, mean, math.sqrt(variance))

    def mixed(value: float) -> float:
        return sum(w * share_below(*law, value) for w, law in zip(shares, laws, strict=True))

    points = [p / 200 for p in range(1, 200)]
    places = {quantile(*law, p) for law in [*laws, (family, values)] for p in points}
    return values, max(abs(mixed(x) - share_below(family, values, x)) for x in places)


def of_moments(family: str, mean: float, sd: float) -> dict[str, float]:
    """Give the numbers with which a family has a mean and, if it has two numbers, a deviation.

    ``lkj`` has mean zero, and takes the deviation of one correlation.

    Raises
    ------
    ValueError
        The family has no such moments.

    Examples
    --------
    >>> of_moments("gamma", 2.0, 1.0)
    {'shape': 4.0, 'rate': 2.0}
    """
    positive = ("lognormal", "gamma", "beta", "halfnormal", "exponential")
    if family in positive and not mean > 0.0:
        raise ValueError(f"a {family} has no mean of {mean:g}")
    if family == "beta" and not sd**2 < mean * (1.0 - mean):
        raise ValueError(f"a beta has no mean of {mean:g} with a deviation of {sd:g}")
    match family:
        case "normal":
            return {"mean": mean, "sd": sd}
        case "lognormal":
            spread = math.log1p((sd / mean) ** 2)
            return {"mu": math.log(mean) - spread / 2.0, "sigma": math.sqrt(spread)}
        case "gamma":
            return {"shape": (mean / sd) ** 2, "rate": mean / sd**2}
        case "beta":
            total = mean * (1.0 - mean) / sd**2 - 1.0
            return {"a": mean * total, "b": (1.0 - mean) * total}
        case "halfnormal":
            return {"sd": mean * math.sqrt(math.pi / 2.0)}
        case "exponential":
            return {"rate": 1.0 / mean}
        case "lkj":
            unit = mean_sd("lkj", {"eta": 1.0})[1]
            return {"eta": 1.0 + (1.0 / sd**2 - 1.0 / unit**2) / 2.0}
        case _:
            raise ValueError(f"{family} has no moments to match")


# Logarithmic --------------------------------------------------------------------------------


def logarithmic_pool(
    laws: Sequence[Law], shares: Sequence[float], family: str
) -> tuple[dict[str, float], float]:
    """Take the weighted geometric mean of densities, projected onto a family where it must be.

    Of one family it is of that family again, in closed form: precisions add up for normal,
    lognormal and half-normal laws; of the others numbers are averaged.

    Parameters
    ----------
    laws, shares, family
        As :func:`linear_pool` takes them.

    Returns
    -------
    values : dict of str to float
    error : float

    Examples
    --------
    >>> laws = [("normal", {"mean": 0.0, "sd": 1.0}), ("normal", {"mean": 4.0, "sd": 2.0})]
    >>> values, error = logarithmic_pool(laws, [0.5, 0.5], "normal")
    >>> round(values["mean"], 6), error
    (0.8, 0.0)
    """
    if {name for name, _ in laws} != {family}:
        return _numerical_pool(laws, shares, family)
    if family in LINEAR:
        pairs = list(zip(shares, laws, strict=True))
        return {n: sum(w * v[n] for w, (_, v) in pairs) for n in LINEAR[family]}, 0.0
    place, width = {"normal": ("mean", "sd"), "lognormal": ("mu", "sigma")}.get(family, ("", "sd"))
    precisions = [w / v[width] ** 2 for w, (_, v) in zip(shares, laws, strict=True)]
    values = {width: 1.0 / math.sqrt(sum(precisions))}
    if place:
        pulled = sum(p * v[place] for p, (_, v) in zip(precisions, laws, strict=True))
        values = {place: pulled / sum(precisions), **values}
    return values, 0.0


def _numerical_pool(
    laws: Sequence[Law], shares: Sequence[float], family: str
) -> tuple[dict[str, float], float]:
    """Integrate the product of powers of densities of different families."""
    import numpy as np

    inner = np.linspace(_TAIL, 1.0 - _TAIL, _NODES)
    tails = np.geomspace(_TAIL, 1e-3, 200)
    points = np.unique(np.concatenate([inner, tails, 1.0 - tails]))
    x = np.unique(np.concatenate([[quantile(*law, float(p)) for p in points] for law in laws]))
    logs = np.zeros_like(x)
    for (name, values), share in zip(laws, shares, strict=True):
        logs = logs + share * log_density(name, values, x)
    density = np.exp(logs - logs.max())
    steps = np.diff(x)
    mass = np.concatenate([[0.0], np.cumsum(steps * (density[1:] + density[:-1]) / 2.0)])
    below = mass / mass[-1]
    middle, share_of = (x[1:] + x[:-1]) / 2.0, np.diff(below)
    mean = float((share_of * middle).sum())
    sd = float(np.sqrt((share_of * (middle - mean) ** 2).sum()))
    found = of_moments(family, mean, sd)
    fitted = np.array([share_below(family, found, float(each)) for each in x])
    return found, float(np.abs(fitted - below).max())


def log_density(distribution: str, values: Mapping[str, float], x: np.ndarray) -> np.ndarray:
    """Give the logarithm of a density, minus infinity where there is none.

    Parameters
    ----------
    distribution : str
        Of a number that may be elicited.
    values : mapping of str to float
    x : ndarray

    Returns
    -------
    ndarray
        Up to a constant.
    """
    import numpy as np

    with np.errstate(divide="ignore", invalid="ignore"):
        match distribution:
            case "normal":
                found = -0.5 * ((x - values["mean"]) / values["sd"]) ** 2
                return np.asarray(found)
            case "halfnormal":
                found = -0.5 * (x / values["sd"]) ** 2
            case "lognormal":
                found = -0.5 * ((np.log(x) - values["mu"]) / values["sigma"]) ** 2 - np.log(x)
            case "exponential":
                found = -values["rate"] * x
            case "gamma":
                found = (values["shape"] - 1.0) * np.log(x) - values["rate"] * x
            case "beta":
                found = (values["a"] - 1.0) * np.log(x) + (values["b"] - 1.0) * np.log1p(-x)
                found = np.where(x < 1.0, found, -np.inf)
            case _:
                raise ValueError(f"{distribution} is not elicited")
        return np.where(x > 0.0, found, -np.inf)
