"""The distributions a prior may have: their parameters, quantiles, and quantiles solved for.

Everything here is arithmetic on plain floats. SciPy's special functions are imported only where
a gamma asks for them; the rest has closed forms, or short ones of its own.
"""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Callable, Mapping
from statistics import NormalDist
from types import MappingProxyType
from typing import Final

from durability.vocabulary import DRIVERS

PARAMETERS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "normal": ("mean", "sd"),
        "halfnormal": ("sd",),
        "lognormal": ("mu", "sigma"),
        "beta": ("a", "b"),
        "gamma": ("shape", "rate"),
        "exponential": ("rate",),
        "lkj": ("eta",),
        "fixed": ("value",),
    }
)
"""Each distribution's parameters, in order."""

SOLVABLE: Final = ("normal", "halfnormal", "lognormal", "beta", "gamma", "exponential")
"""Distributions that may be given by quantiles, as many as they have parameters."""

UNBOUNDED: Final = frozenset({"mean", "mu", "value"})
"""Parameters that may be any finite number; all others are above 0."""

SHAPES: Final = frozenset({"a", "b", "shape", "eta"})
SHAPE_RANGE: Final = (1e-12, 1e12)
"""Beyond it a law is a spike, or two, to every digit of a float."""

_STANDARD = NormalDist()
_EXTREME = 1e-12
"""The share beyond an extreme quantile: files give probabilities to twelve decimals."""
_LOG_SMALL, _LOG_LARGE = math.log(1e-3), math.log(1e7)
_LOG_DENSE, _LOGIT_MOST = math.log(1e5), 40.0
_LOG_FLOAT = math.log(sys.float_info.max)
"""Where shapes are looked for: outside, a prior is a spike or two, and its author meant another."""


def quantile(distribution: str, values: Mapping[str, float], probability: float) -> float:
    """Give the value below which a share `probability` of a distribution lies.

    Parameters
    ----------
    distribution : str
        A key of :data:`PARAMETERS`.
    values : mapping of str to float
        Its parameters.
    probability : float
        Above 0 and below 1.

    Returns
    -------
    float
        For ``lkj``, of one correlation between two of the four drivers:
        :math:`(r + 1) / 2 \\sim \\mathrm{Beta}(\\eta - 1 + D/2, \\eta - 1 + D/2)`, D = 4
        (Lewandowski, Kurowicka & Joe 2009, doi:10.1016/j.jmva.2009.04.008).

    Examples
    --------
    >>> round(quantile("normal", {"mean": 1.0, "sd": 2.0}, 0.975), 2)
    4.92
    """
    match distribution:
        case "normal":
            return values["mean"] + values["sd"] * _STANDARD.inv_cdf(probability)
        case "halfnormal":
            return values["sd"] * _STANDARD.inv_cdf((1.0 + probability) / 2.0)
        case "lognormal":
            return math.exp(values["mu"] + values["sigma"] * _STANDARD.inv_cdf(probability))
        case "exponential":
            return -math.log1p(-probability) / values["rate"]
        case "gamma":
            return _gamma_quantile(values["shape"], probability) / values["rate"]
        case "beta":
            return _beta_quantile(values["a"], values["b"], probability)
        case "lkj":
            half = values["eta"] - 1.0 + len(DRIVERS) / 2.0
            return 2.0 * _beta_quantile(half, half, probability) - 1.0
        case "fixed":
            return values["value"]
        case _:
            raise ValueError(f"no distribution {distribution!r}")


def mean_sd(distribution: str, values: Mapping[str, float]) -> tuple[float, float]:
    """Give the mean and the standard deviation of a distribution.

    For ``lkj``, of one correlation between two of the four drivers, as :func:`quantile`.

    Examples
    --------
    >>> mean_sd("gamma", {"shape": 4.0, "rate": 2.0})
    (2.0, 1.0)
    """
    match distribution:
        case "normal":
            return values["mean"], values["sd"]
        case "halfnormal":
            sd = values["sd"]
            return sd * math.sqrt(2.0 / math.pi), sd * math.sqrt(1.0 - 2.0 / math.pi)
        case "lognormal":
            try:
                mean = math.exp(values["mu"] + values["sigma"] ** 2 / 2.0)
                return mean, mean * math.sqrt(math.expm1(values["sigma"] ** 2))
            except OverflowError:
                return math.inf, math.inf
        case "exponential":
            return 1.0 / values["rate"], 1.0 / values["rate"]
        case "gamma":
            return values["shape"] / values["rate"], math.sqrt(values["shape"]) / values["rate"]
        case "beta":
            a, b = values["a"], values["b"]
            return a / (a + b), math.sqrt(a * b / (a + b + 1.0)) / (a + b)
        case "lkj":
            half = values["eta"] - 1.0 + len(DRIVERS) / 2.0
            return 0.0, 1.0 / math.sqrt(2.0 * half + 1.0)
        case "fixed":
            return values["value"], 0.0
        case _:
            raise ValueError(f"no distribution {distribution!r}")


def check_law(distribution: str, values: Mapping[str, float]) -> None:
    """Refuse a law that cannot be computed with.

    Parameters
    ----------
    distribution : str
    values : mapping of str to float
        Its numbers, in the ranges that :data:`UNBOUNDED` says.

    Raises
    ------
    ValueError
        A number is not finite, a shape lies outside :data:`SHAPE_RANGE`, or quantiles that leave
        1e-12 beyond them are more, or less, than a float holds.

    Examples
    --------
    >>> check_law("lognormal", {"mu": 800.0, "sigma": 1.0})
    Traceback (most recent call last):
    ...
    ValueError: its extreme quantiles must be finite numbers, and not all zero
    """
    if not all(math.isfinite(value) for value in values.values()):
        raise ValueError("its numbers must be finite")
    low, high = SHAPE_RANGE
    for name in SHAPES & values.keys():
        if not low <= values[name] <= high:
            raise ValueError(f"{name} must lie between {low:g} and {high:g}")
    reach = _reach(distribution, values)
    if not (math.isfinite(reach) and (reach > 0.0 or distribution == "fixed")):
        raise ValueError("its extreme quantiles must be finite numbers, and not all zero")


def _reach(distribution: str, values: Mapping[str, float]) -> float:
    """How far from zero the extreme quantiles lie, at most."""
    extreme, log_extreme = -_STANDARD.inv_cdf(_EXTREME / 2.0), -math.log(_EXTREME)
    match distribution:
        case "normal":
            return abs(values["mean"]) + values["sd"] * extreme
        case "halfnormal":
            return values["sd"] * extreme
        case "lognormal":
            log_reach = values["mu"] + values["sigma"] * extreme
            return math.exp(log_reach) if log_reach < _LOG_FLOAT else math.inf
        case "exponential":
            return log_extreme / values["rate"]
        case "gamma":
            # Boucheron, Lugosi & Massart 2013, section 2.4; without SciPy, which reading a set of
            # numbers need not load.
            shape = values["shape"]
            above = shape + math.sqrt(2.0 * shape * log_extreme) + log_extreme
            return above / values["rate"]
        case "fixed":
            return abs(values["value"])
        case _:
            return 1.0


def share_below(distribution: str, values: Mapping[str, float], value: float) -> float:
    """Give the share of a distribution that lies below `value`.

    Examples
    --------
    >>> round(share_below("lognormal", {"mu": 0.0, "sigma": 1.0}, 1.0), 3)
    0.5
    """
    if distribution == "normal":
        return _STANDARD.cdf((value - values["mean"]) / values["sd"])
    if distribution == "lkj":
        half = values["eta"] - 1.0 + len(DRIVERS) / 2.0
        return share_below("beta", {"a": half, "b": half}, (value + 1.0) / 2.0)
    if value <= 0.0:
        return 0.0
    match distribution:
        case "halfnormal":
            return 2.0 * _STANDARD.cdf(value / values["sd"]) - 1.0
        case "lognormal":
            return _STANDARD.cdf((math.log(value) - values["mu"]) / values["sigma"])
        case "exponential":
            return -math.expm1(-values["rate"] * value)
        case "gamma" | "beta":
            from scipy import special

            if distribution == "gamma":
                return float(special.gammainc(values["shape"], values["rate"] * value))
            return float(special.betainc(values["a"], values["b"], min(value, 1.0)))
        case _:
            raise ValueError(f"{distribution} spreads over nothing")


def solve(distribution: str, quantiles: Mapping[float, float]) -> dict[str, float]:
    """Find the parameters with which a distribution has the given quantiles.

    Parameters
    ----------
    distribution : str
        One of :data:`SOLVABLE`.
    quantiles : mapping of float to float
        Probability to value, as many as the distribution has parameters.

    Returns
    -------
    dict of str to float

    Raises
    ------
    ValueError
        No such distribution that can be computed with has these quantiles; the message says what
        they must be.

    Examples
    --------
    >>> solved = solve("lognormal", {0.05: 0.5, 0.95: 2.0})
    >>> round(solved["mu"], 6), round(solved["sigma"], 4)
    (0.0, 0.4214)
    """
    pairs = sorted(quantiles.items())
    needed = len(PARAMETERS[distribution])
    if len(pairs) != needed:
        raise ValueError(f"{distribution} is solved from exactly {needed}")
    if any(low[1] >= high[1] for low, high in itertools.pairwise(pairs)):
        raise ValueError("values must rise with their probabilities")
    if distribution != "normal" and pairs[0][1] <= 0.0:
        raise ValueError(f"a {distribution} lies above 0")
    if distribution == "beta" and pairs[-1][1] >= 1.0:
        raise ValueError("a beta lies between 0 and 1")
    found = _solved(distribution, pairs)
    check_law(distribution, found)
    largest = max(abs(value) for _, value in pairs)
    for probability, value in pairs:
        back = quantile(distribution, found, probability)
        if not math.isclose(back, value, rel_tol=1e-6, abs_tol=1e-9 * largest):
            raise ValueError(f"no {distribution} has them")
    return found


def _solved(distribution: str, pairs: list[tuple[float, float]]) -> dict[str, float]:
    (p, x), (q, y) = pairs[0], pairs[-1]
    match distribution:
        case "normal":
            mean, sd = _location_scale(p, x, q, y)
            return {"mean": mean, "sd": sd}
        case "lognormal":
            mu, sigma = _location_scale(p, math.log(x), q, math.log(y))
            return {"mu": mu, "sigma": sigma}
        case "halfnormal":
            return {"sd": x / _STANDARD.inv_cdf((1.0 + p) / 2.0)}
        case "exponential":
            return {"rate": -math.log1p(-p) / x}
        case "gamma":
            return _solved_gamma(p, x, q, y)
        case "beta":
            return _solved_beta(p, x, q, y)
        case _:
            raise ValueError(f"{distribution} cannot be given by quantiles")


def _location_scale(p: float, x: float, q: float, y: float) -> tuple[float, float]:
    low, high = _STANDARD.inv_cdf(p), _STANDARD.inv_cdf(q)
    scale = (y - x) / (high - low)
    return x - scale * low, scale


def _solved_gamma(p: float, x: float, q: float, y: float) -> dict[str, float]:
    """The ratio of two quantiles falls from infinity to one as the shape grows."""
    wanted = math.log(y / x)

    def excess(log_shape: float) -> float:
        shape = math.exp(log_shape)
        low = _gamma_quantile(shape, p)
        if low == 0.0:  # underflow at tiny shapes: the ratio is beyond every float
            return 1e3
        return math.log(_gamma_quantile(shape, q) / low) - wanted

    shape = math.exp(_root(excess, "gamma"))
    return {"shape": shape, "rate": _gamma_quantile(shape, p) / x}


def _solved_beta(p: float, x: float, q: float, y: float) -> dict[str, float]:
    """Among the betas with quantile `x` at `p`, mass below `y` grows as they concentrate."""

    def shapes(log_concentration: float) -> tuple[float, float]:
        total = math.exp(log_concentration)

        def excess(logit: float) -> float:
            mean = 1.0 / (1.0 + math.exp(-logit))
            return p - beta_below(mean * total, total / (1.0 + math.exp(logit)), x)

        logit = _crossing(excess, -_LOGIT_MOST, _LOGIT_MOST)
        return total / (1.0 + math.exp(-logit)), total / (1.0 + math.exp(logit))

    try:
        spread = _crossing(lambda n: beta_below(*shapes(n), y) - q, _LOG_SMALL, _LOG_DENSE)
        a, b = shapes(spread)
    except (ValueError, ArithmeticError):
        raise ValueError("no beta of usable shape has them") from None
    return {"a": a, "b": b}


def _crossing(excess: Callable[[float], float], low: float, high: float) -> float:
    """Find where a function crosses zero: bisection, sped up by secants.

    The Illinois method (Dowell & Jarratt 1971, doi:10.1007/BF01934364), without SciPy.
    """
    below, above = excess(low), excess(high)
    if not below * above < 0.0:
        raise ValueError("no crossing")
    for step in range(200):
        at = (low + high) / 2.0 if step % 3 == 2 else (low * above - high * below) / (above - below)
        value = excess(at)
        if value == 0.0 or high - low < 1e-13:
            return at
        # The end that stays has its value halved, so that it does not stay for ever.
        if value * below > 0.0:
            low, below, above = at, value, above / 2.0
        else:
            high, above, below = at, value, below / 2.0
    return (low + high) / 2.0


def beta_below(a: float, b: float, x: float) -> float:
    """Give the mass of a beta distribution below `x`: the regularised incomplete beta function.

    By its continued fraction (DLMF 8.17.22), from the side on which it converges fast. SciPy has it
    too, and takes seconds to import, which reading a case must not.
    """
    if x <= 0.0 or x >= 1.0:
        return 0.0 if x <= 0.0 else 1.0
    if x > (a + 1.0) / (a + b + 2.0):
        return 1.0 - beta_below(b, a, 1.0 - x)
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    log_front += a * math.log(x) + b * math.log1p(-x)
    if log_front < -745.0:
        return 0.0
    return math.exp(log_front) * _beta_fraction(a, b, x) / a


def _beta_fraction(a: float, b: float, x: float) -> float:
    """The continued fraction of the incomplete beta function, by Lentz's method."""
    tiny = 1e-300
    c, d = 1.0, 1.0 - (a + b) * x / (a + 1.0)
    d = 1.0 / (d if abs(d) > tiny else tiny)
    total = d
    for m in range(1, 10_000):
        even = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
        for term in (even, odd):
            d = 1.0 + term * d
            d = 1.0 / (d if abs(d) > tiny else tiny)
            c = 1.0 + term / c
            c = c if abs(c) > tiny else tiny
            total *= c * d
        if abs(c * d - 1.0) < 1e-15:
            break
    return total


def _root(excess: Callable[[float], float], distribution: str) -> float:
    from scipy import optimize

    try:
        return float(optimize.brentq(excess, _LOG_SMALL, _LOG_LARGE, xtol=1e-13, rtol=1e-14))
    except ValueError:
        raise ValueError(f"no {distribution} of usable shape has them") from None


def _gamma_quantile(shape: float, probability: float) -> float:
    from scipy import special

    return float(special.gammaincinv(shape, probability))


def _beta_quantile(a: float, b: float, probability: float) -> float:
    """Bisection: no step of it can leave the interval, whatever the shapes."""
    low, high = 0.0, 1.0
    for _ in range(200):
        at = (low + high) / 2.0
        if at in (low, high):
            break
        if beta_below(a, b, at) < probability:
            low = at
        else:
            high = at
    return (low + high) / 2.0
