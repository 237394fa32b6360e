"""From what an expert said to a prior, and how well the prior says it back.

As many quantiles as a family has numbers are solved for exactly. More are matched by PreliZ
(Icazatti et al. 2023, doi:10.21105/joss.05499), by least squares between quantiles. PreliZ takes
long to import, so only that case does.

Its roulette needs a notebook, and compares densities with shares of chips as if every bin were one
unit wide. Chips are therefore read as quantiles at the inner edges of the bins, as SHELF does.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from durability.distributions import (
    PARAMETERS,
    SOLVABLE,
    check_law,
    quantile,
    share_below,
    solve,
)
from durability.errors import InputError, Problem, Problems, one_of, quoted
from durability.judgements import Judgement
from durability.prior_sets import Prior, PriorSet, refuse_revised

TOLD_MISS: Final = 0.01
"""A share of probability: a match that misses by more is told."""

REFUSED_MISS: Final = 0.05
"""A match that misses by more is refused, unless told to keep it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """One quantile as it was stated, and as the prior has it.

    Parameters
    ----------
    probability, stated : float
        As the expert said.
    fitted : float
        The prior's quantile at that probability.
    share : float
        What the prior puts below the stated value.
    """

    probability: float
    stated: float
    fitted: float
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Elicited:
    """A prior made of what an expert said.

    Parameters
    ----------
    prior : Prior
    matches : tuple of Match
    outside : float
        Of chips: what the prior puts outside the bins. Zero for quantiles.
    miss : float
        The worst difference between a share as stated and as the prior has it.
    limit : float
        A miss beyond it is refused: 0.05, or half a chip where chips are coarser.
    method : str
        ``solved`` or ``PreliZ``.
    """

    prior: Prior
    matches: tuple[Match, ...]
    outside: float
    miss: float
    limit: float
    method: str


def elicit_prior(
    base: PriorSet,
    parameter: str,
    judgement: Judgement,
    *,
    why: str,
    families: Sequence[str],
    family: str = "",
    keep: bool = False,
) -> Elicited:
    """Turn what an expert said of a parameter into a prior.

    The family is the base's, if it says within 0.01 what the expert said, else the one of those
    allowed that comes nearest.

    Parameters
    ----------
    base : PriorSet
        Gives the parameter's meaning and unit, and its family.
    parameter : str
    judgement : Judgement
        Of :func:`durability.judgements.from_quantiles` or
        :func:`durability.judgements.from_chips`.
    why : str
        The expert's reason.
    families : sequence of str
        That the parameter can have.
    family : str
        The one to take, instead of the nearest.
    keep : bool
        Whether a bad match is kept.

    Returns
    -------
    Elicited

    Raises
    ------
    InputError
        The base is a posterior, the parameter is not elicited, no family has such quantiles, or
        the match is bad.
    """
    refuse_revised(base, "what is used of it is its joint law")
    known = _checked(base, parameter, why, families, family)
    usual = [known.distribution, *(each for each in families if each != known.distribution)]
    candidates = [family] if family else [each for each in usual if each in families]
    found, reasons = [], {}
    for name in candidates:
        try:
            values, method = _values(name, judgement.stated)
        except ValueError as error:
            reasons[name] = str(error)
            continue
        found.append(_measured(known, name, values, method, judgement, why))
        if found[-1].miss <= TOLD_MISS:
            break
    if not found:
        told = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
        raise _refused(parameter, "no family has what the expert said", told)
    best = min(found, key=lambda each: (each.miss > TOLD_MISS, each.miss))
    if best.miss > best.limit and not keep:
        raise _refused(
            parameter,
            f"{best.prior.distribution} comes nearest, and misses a stated share by "
            f"{best.miss:.2f} ({_told(best)})",
            f"a miss beyond {best.limit:.2f} is refused: ask again, or keep it with --keep",
        )
    return best


def _checked(
    base: PriorSet, parameter: str, why: str, families: Sequence[str], family: str
) -> Prior:
    problems = Problems()
    known = base.parameters.get(parameter)
    if known is None:
        found = f"{quoted(parameter)} is not a parameter of {base.name}"
        problems.add(str(base.path), found, one_of(tuple(base.parameters), parameter))
    elif not set(families) & set(SOLVABLE):
        allowed = f"{' or '.join(families)}, which is set in the file"
        problems.add(parameter, "is not elicited", f"its prior can be {allowed}")
    elif family and family not in families:
        problems.add(parameter, f"cannot be {quoted(family)}", one_of(tuple(families), family))
    if not why.strip():
        problems.add(parameter, "no reason", "say why with --why: a prior has its reason")
    problems.raise_any()
    if known is None:
        raise _refused(parameter, "is not a parameter", "name one of the set")
    return known


def _refused(parameter: str, found: str, allowed: str) -> InputError:
    return InputError([Problem(where=parameter, found=found, allowed=allowed)])


def _told(elicited: Elicited) -> str:
    pairs = [f"{m.probability:g}: {m.stated:g} stated, {m.fitted:.3g}" for m in elicited.matches]
    return "; ".join(pairs)


def _measured(
    known: Prior,
    distribution: str,
    values: Mapping[str, float],
    method: str,
    judgement: Judgement,
    why: str,
) -> Elicited:
    matches = tuple(
        Match(
            probability=p,
            stated=value,
            fitted=quantile(distribution, values, p),
            share=share_below(distribution, values, value),
        )
        for p, value in judgement.stated.items()
    )
    outside = 0.0
    if judgement.bins:
        low, high = (share_below(distribution, values, judgement.bins[end]) for end in (0, -1))
        outside = low + 1.0 - high
    misses = [abs(match.share - match.probability) for match in matches]
    prior = Prior(
        name=known.name,
        distribution=distribution,
        values=MappingProxyType(dict(values)),
        quantiles=None,
        unit=known.unit,
        meaning=known.meaning,
        reason=why.strip(),
        source=f"{judgement.expert}, asked on {judgement.date.isoformat()}",
        status="elicited",
        elicited=judgement,
    )
    return Elicited(
        prior=prior,
        matches=matches,
        outside=outside,
        miss=max(*misses, outside),
        limit=max(REFUSED_MISS, judgement.resolution),
        method=method,
    )


# Matching -----------------------------------------------------------------------------------


def _values(distribution: str, stated: Mapping[float, float]) -> tuple[dict[str, float], str]:
    """Find a family's numbers, and say how; ValueError where it has no such quantiles."""
    if distribution not in SOLVABLE:
        raise ValueError("it is not elicited")
    needed = len(PARAMETERS[distribution])
    if len(stated) < needed:
        raise ValueError(f"it needs {needed} quantiles")
    if len(stated) == needed:
        return solve(distribution, stated), "solved"
    values = [value for _, value in sorted(stated.items())]
    if distribution != "normal" and values[0] <= 0.0:
        raise ValueError(f"a {distribution} lies above 0")
    if distribution == "beta" and values[-1] >= 1.0:
        raise ValueError("a beta lies between 0 and 1")
    if not math.isfinite(values[-1] - values[0]):
        raise ValueError("the values lie further apart than a float holds")
    matched = _matched(distribution, sorted(stated), values)
    check_law(distribution, matched)
    return matched, "PreliZ"


def _matched(
    distribution: str, probabilities: Sequence[float], values: Sequence[float]
) -> dict[str, float]:
    """Match more quantiles than a family has numbers, whatever the unit."""
    middle = values[len(values) // 2]
    match distribution:
        case "normal":
            scale = values[-1] - values[0]
            mean, sd = _preliz("Normal", probabilities, [(v - middle) / scale for v in values])
            return {"mean": middle + scale * mean, "sd": scale * sd}
        case "lognormal":
            # On the logarithm, where each quantile counts alike.
            logs = _matched("normal", probabilities, [math.log(v) for v in values])
            return {"mu": logs["mean"], "sigma": logs["sd"]}
        case "beta":
            a, b = _preliz("Beta", probabilities, values)
            return {"a": a, "b": b}
        case "gamma":
            shape, rate = _preliz("Gamma", probabilities, [v / middle for v in values])
            return {"shape": shape, "rate": rate / middle}
        case "halfnormal":
            (sd,) = _preliz("HalfNormal", probabilities, [v / middle for v in values])
            return {"sd": sd * middle}
        case _:
            (rate,) = _preliz("Exponential", probabilities, [v / middle for v in values])
            return {"rate": rate / middle}


_CURVE = 10_001
"""Points of the curve through the stated quantiles that PreliZ is shown: it takes draws or a
distribution, and reads its quantiles off these to better than one part in ten thousand."""


def _preliz(
    name: str, probabilities: Sequence[float], values: Sequence[float]
) -> tuple[float, ...]:
    import numpy as np

    preliz = import_preliz()
    curve = np.interp(np.linspace(0.0, 1.0, _CURVE), probabilities, values)
    law = getattr(preliz, name)()
    with warnings.catch_warnings():
        # Of a mismatch the caller tells, in shares of probability.
        warnings.simplefilter("ignore")
        preliz.match_quantiles(curve, law, quantiles=list(probabilities), plot=False)
    return tuple(float(each) for each in law.params)


def import_preliz() -> Any:
    """Import PreliZ without the plot settings that it would change for everybody."""
    import matplotlib

    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import preliz
    return preliz
