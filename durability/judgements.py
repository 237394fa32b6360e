"""What an expert said of one parameter: quantiles, or chips in bins; with who and when.

.. code-block:: toml

    elicited = { expert = "A. B.", date = 2026-11-22, quantiles = { "0.05" = -0.2, "0.5" = 0.3 } }
    elicited = { expert = "A. B.", date = 2026-11-22, bins = [0, 1, 2, 4], chips = [2, 5, 3] }
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Final

from durability.errors import one_of, quoted

KEYS: Final = ("expert", "date", "quantiles", "bins", "chips")
MAX_STATED = 100
"""Most quantiles, or bins, that are taken: nobody was asked for more."""

MAX_CHIPS = 10_000
"""Most chips that are taken, over all bins: finer shares than theirs are not matched."""

_LINE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What one expert said of one parameter.

    Parameters
    ----------
    expert : str
    date : date
        When they said it.
    stated : mapping of float to float
        Quantiles: probability to value. Of chips, the shares that lie below the inner edges.
    bins : tuple of float
        Edges of the bins, rising; empty where quantiles were given.
    chips : tuple of int
        Chips in each bin.
    """

    expert: str
    date: date
    stated: Mapping[float, float]
    bins: tuple[float, ...] = ()
    chips: tuple[int, ...] = ()

    @property
    def resolution(self) -> float:
        """Half a chip, as a share: finer than that nothing was said."""
        return 0.5 / sum(self.chips) if self.chips else 0.0


def from_quantiles(expert: str, day: date, quantiles: Mapping[float, float]) -> Judgement:
    """Give what an expert said in quantiles.

    Parameters
    ----------
    expert : str
    day : date
    quantiles : mapping of float to float
        Probability to value.

    Returns
    -------
    Judgement

    Raises
    ------
    ValueError
        The message says what quantiles must be.
    """
    _check_expert(expert)
    # Files write probabilities to twelve decimals.
    pairs = sorted((round(float(p), 12), float(value)) for p, value in quantiles.items())
    if not 1 <= len(pairs) <= MAX_STATED:
        raise ValueError(f"give from 1 to {MAX_STATED} quantiles")
    if any(not 0.0 < p < 1.0 for p, _ in pairs):
        raise ValueError("probabilities lie between 0 and 1")
    if any(not math.isfinite(value) for _, value in pairs):
        raise ValueError("values are finite numbers")
    if any(low[1] >= high[1] for low, high in itertools.pairwise(pairs)):
        raise ValueError("values must rise with their probabilities")
    return Judgement(expert=expert.strip(), date=day, stated=MappingProxyType(dict(pairs)))


def from_chips(expert: str, day: date, bins: Sequence[float], chips: Sequence[int]) -> Judgement:
    """Give what an expert said by laying chips into bins (the roulette method).

    The share of the chips below an inner edge is a quantile. Over a stretch of empty bins between
    two full ones the quantile is its middle; edges with no chip, or all, below them are none.

    Parameters
    ----------
    expert : str
    day : date
    bins : sequence of float
        Edges, rising: one more than there are bins.
    chips : sequence of int
        In each bin.

    Returns
    -------
    Judgement

    Raises
    ------
    ValueError
        The message says what bins and chips must be.

    Examples
    --------
    >>> said = from_chips("A. Expert", date(2026, 11, 22), [0, 1, 2, 4], [2, 5, 3])
    >>> dict(said.stated)
    {0.2: 1.0, 0.7: 2.0}
    """
    _check_expert(expert)
    if not 2 <= len(chips) <= MAX_STATED:
        raise ValueError(f"give from 2 to {MAX_STATED} bins")
    if len(bins) != len(chips) + 1:
        raise ValueError(f"{len(chips)} bins have {len(chips) + 1} edges, not {len(bins)}")
    if any(not math.isfinite(edge) for edge in bins):
        raise ValueError("edges are finite numbers")
    if any(low >= high for low, high in itertools.pairwise(bins)):
        raise ValueError("edges must rise")
    if any(not 0 <= count <= MAX_CHIPS or count != int(count) for count in chips):
        raise ValueError(f"a bin has a whole number of chips, from 0 to {MAX_CHIPS}")
    if sum(count > 0 for count in chips) < 2:
        raise ValueError("all chips in one bin say nothing of its inside; lay narrower bins")
    total = sum(chips)
    if total > MAX_CHIPS:
        raise ValueError(f"{total} chips; lay at most {MAX_CHIPS}")
    edges: dict[int, list[float]] = {}
    for edge, below in zip(bins[1:-1], itertools.accumulate(chips), strict=False):
        if 0 < below < total:
            edges.setdefault(below, []).append(float(edge))
    stated = {below / total: (found[0] + found[-1]) / 2.0 for below, found in edges.items()}
    return Judgement(
        expert=expert.strip(),
        date=day,
        stated=MappingProxyType(stated),
        bins=tuple(float(edge) for edge in bins),
        chips=tuple(int(count) for count in chips),
    )


def read_judgement(content: object, refuse: Callable[[str, str], None]) -> Judgement | None:
    """Read the ``elicited`` table of a prior.

    Parameters
    ----------
    content : object
        As TOML gives it.
    refuse : callable
        Told what was found and what is allowed, for each problem.

    Returns
    -------
    Judgement or None
        None after a problem.
    """
    if not isinstance(content, dict):
        refuse(f"elicited = {quoted(content)}", "must be an inline table, { expert = …, … }")
        return None
    unknown = [key for key in content if key not in KEYS]
    for key in unknown:
        refuse(f"elicited has an unknown key {quoted(key)}", one_of(KEYS, key))
    expert, day = content.get("expert"), content.get("date")
    if not isinstance(expert, str):
        refuse("elicited names no expert", "say who was asked")
    if not isinstance(day, date) or isinstance(day, datetime):
        refuse("elicited has no date", "say when, like date = 2026-11-22")
    if unknown or not isinstance(expert, str) or not isinstance(day, date):
        return None
    try:
        return _said(expert, day, content)
    except (ValueError, TypeError) as error:
        refuse("elicited cannot be read", str(error))
        return None


def _said(expert: str, day: date, content: Mapping[str, object]) -> Judgement:
    if ("quantiles" in content) == ("chips" in content):
        raise ValueError("give quantiles, or bins and chips")
    if "quantiles" in content:
        given = content["quantiles"]
        if not isinstance(given, dict):
            raise ValueError('quantiles must be like { "0.05" = -1.0, "0.95" = 2.5 }')
        pairs = {float(key): _number(value) for key, value in given.items()}
        return from_quantiles(expert, day, pairs)
    bins, chips = content.get("bins"), content["chips"]
    if not isinstance(bins, list) or not isinstance(chips, list):
        raise ValueError("bins and chips are lists of numbers")
    counts = [_number(count) for count in chips]
    if any(count != int(count) for count in counts):
        raise ValueError("a bin has a whole number of chips")
    return from_chips(expert, day, [_number(edge) for edge in bins], [int(c) for c in counts])


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{quoted(value)} is not a number")
    try:
        number = float(value)
    except OverflowError:
        raise ValueError("a number is too large") from None
    if not math.isfinite(number):
        raise ValueError(f"{quoted(value)} is not a finite number")
    return number


def _check_expert(expert: str) -> None:
    if not 0 < len(expert.strip()) <= 200 or _LINE.search(expert):
        raise ValueError("an expert's name is one line of 1 to 200 characters")
