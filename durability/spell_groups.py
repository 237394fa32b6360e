"""Spells as the likelihood reads them: scaled, centred and collapsed to what differs.

Rows of equal covariates, cluster and stratum are one pattern, and a pattern's rows enter through
signed counts by age (:mod:`durability.models.spells`): exact, and as few terms as the data have
differing patterns and ages.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from durability.spell_tables import SpellTable

EXPANDED = 2.0
"""Terms a pattern below which every term carries its own covariates: the gradient of gathering
them costs more than the few that are repeated."""

REPEATED = 1e-9
"""Share of a covariate's length below which what others do not say is rounding."""

NEGLIGIBLE = 1e-12
"""Weight below which a signed count is the rounding of a zero."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SpellGroups:
    """Sufficient statistics of a table, and how to speak of covariates in its own units.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        What the grouped likelihood reads.
    unit : float
        Time is measured in this many of the table's units: time watched over events.
    centre, scale : ndarray (covariate,)
        A covariate enters as (value − centre) / scale.
    """

    arrays: Mapping[str, np.ndarray]
    unit: float
    centre: np.ndarray
    scale: np.ndarray

    def hash(self) -> str:
        """Hash of everything that decides the likelihood."""
        digest = hashlib.sha256()
        for name, array in sorted(self.arrays.items()):
            digest.update(f"{name}{array.shape}{array.dtype}".encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


def group_spells(table: SpellTable, *, exponential: bool = False) -> SpellGroups:
    """Collapse a table.

    Parameters
    ----------
    table : SpellTable
    exponential : bool
        Whether the shape is fixed at one: then a pattern's ages add up to one number.

    Returns
    -------
    SpellGroups
    """
    unit = time_unit(table)
    centre, scale = scaling(table)
    pattern, first = patterns_of(table)
    place = pattern.astype(np.int64)
    terms = _terms(table, place, unit)
    if exponential:
        terms = _at_shape_one(terms, len(first))
    within = table.within
    if len(terms["term_pattern"]) < EXPANDED * len(first):
        first, place, terms = _expanded(terms, first, place)
    arrays = {
        "pattern_design": (table.design[first] - centre) / scale,
        "pattern_stratum": table.stratum[first],
        "pattern_cluster": table.cluster[first],
        **terms,
        "log_unit": np.array(np.log(unit)),
        "interval_pattern": place[within],
        "interval_log_start": log_ages(table.stop[within], unit),
        "interval_later": (table.stop[within] > 0.0).astype(float),
        "interval_log_end": log_ages(table.end[within], unit),
        "interval_weight": table.weight[within],
    }
    return SpellGroups(arrays=arrays, unit=unit, centre=centre, scale=scale)


def row_arrays(table: SpellTable, groups: SpellGroups) -> dict[str, np.ndarray]:
    """Give every row by itself, for likelihoods of rows and for hazards by age."""
    within = table.within.astype(float)
    return {
        "pattern_design": (table.design - groups.centre) / groups.scale,
        "pattern_stratum": table.stratum,
        "pattern_cluster": table.cluster,
        "log_start": log_ages(table.start, groups.unit),
        "later": (table.start > 0.0).astype(float),
        "log_stop": log_ages(table.stop, groups.unit),
        "stopped": (table.stop > 0.0).astype(float),
        "log_end": log_ages(table.end, groups.unit),
        "log_unit": groups.arrays["log_unit"],
        "exact": table.event * (1.0 - within),
        "within": within,
        "weight": table.weight,
    }


def time_unit(table: SpellTable) -> float:
    """Time watched over events: the mean time to an event at a constant hazard."""
    return float(_watched(table).sum()) / max(table.events, 0.5)


def _watched(table: SpellTable) -> np.ndarray:
    """Weighted time of each row; of an interval that an event fell in, half."""
    until = np.where(table.within, 0.5 * (table.stop + table.end), table.stop)
    return np.asarray(table.weight * (until - table.start))


def scaling(table: SpellTable) -> tuple[np.ndarray, np.ndarray]:
    """Centre and scale of covariates, each subject's rows weighing as long as it was watched.

    A covariate of two values is scaled to their distance, any other to two standard deviations
    (Gelman 2008, doi:10.1002/sim.3107).
    """
    weight = _watched(table)
    weight = weight / weight.sum()
    centre, scale = [], []
    for column in table.design.T:
        low, high = column.min(), column.max()
        middle = float((weight * column).sum())
        two = bool(((column == low) | (column == high)).all())
        spread = float(np.sqrt((weight * (column - middle) ** 2).sum()))
        centre.append(middle)
        scale.append(high - low if two else 2.0 * spread)
    return np.array(centre), np.array(scale)


def repeated(table: SpellTable, rows: np.ndarray | None = None) -> tuple[str, ...]:
    """Name covariates whose effect no data like these can tell.

    Parameters
    ----------
    table : SpellTable
    rows : ndarray of int, optional
        The rows that count.

    Returns
    -------
    tuple of str
        Those that others before them, and the strata, say already.
    """
    design = table.design if rows is None else table.design[rows]
    stratum = table.stratum if rows is None else table.stratum[rows]
    count = np.maximum(np.bincount(stratum), 1)
    basis = np.zeros((len(design), 0))
    found = []
    for name, column in zip(table.covariates, design.T, strict=True):
        left = column - (np.bincount(stratum, column) / count)[stratum]
        for _ in range(2):  # once more, for what rounding left
            left = left - basis @ (basis.T @ left)
        length = float(np.linalg.norm(left))
        if length <= REPEATED * float(np.linalg.norm(column)):
            found.append(name)
        else:
            basis = np.column_stack([basis, left / length])
    return tuple(found)


def patterns_of(table: SpellTable) -> tuple[np.ndarray, np.ndarray]:
    """Number the distinct combinations of covariates, cluster and stratum.

    Returns
    -------
    pattern : ndarray of int (row,)
    first : ndarray of int (pattern,)
        A row that has it.
    """
    return distinct([table.stratum, table.cluster, *table.design.T])


def distinct(columns: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Number distinct rows of columns by one sort a column; see :func:`patterns_of`.

    Examples
    --------
    >>> distinct([np.array([1, 0, 1]), np.array([0.5, 0.5, 0.5])])
    (array([1, 0, 1]), array([1, 0]))
    """
    code = np.zeros(len(columns[0]), dtype=np.int64)
    count = 1
    for column in columns:
        values, own = np.unique(column, return_inverse=True)
        if len(values) > 1:
            joined, code = np.unique(code * len(values) + own, return_inverse=True)
            count = len(joined)
        if count == len(code):
            break
    _, first, code = np.unique(code, return_index=True, return_inverse=True)
    return code, first


def log_ages(ages: np.ndarray, unit: float) -> np.ndarray:
    """Logarithms of ages in the table's unit; of zero, zero: a mask says where that counts."""
    return np.log(np.where(ages > 0.0, ages, unit) / unit)


def _terms(table: SpellTable, pattern: np.ndarray, unit: float) -> dict[str, np.ndarray]:
    """Signed counts and events by pattern and age, sorted by both."""
    later = table.start > 0.0
    ages, place = np.unique(np.concatenate([table.stop, table.start[later]]), return_inverse=True)
    keys = np.concatenate([pattern, pattern[later]]) * len(ages) + place
    found, term = np.unique(keys, return_inverse=True)
    weight = np.concatenate([table.weight, -table.weight[later]])
    exact = np.where(table.within, 0.0, table.event) * table.weight
    exposure = np.bincount(term, weight, len(found))
    event = np.bincount(term[: len(table)], exact, len(found))
    age = ages[found % len(ages)]
    kept = (np.abs(exposure) > NEGLIGIBLE * np.abs(weight).max()) | (event > 0.0)
    exposure = np.where(age > 0.0, exposure, 0.0)
    kept = (kept & (age > 0.0)) | _only(found // len(ages), kept & (age > 0.0))
    return {
        "term_pattern": (found // len(ages))[kept],
        "term_log_time": log_ages(age[kept], unit),
        "term_event": event[kept],
        "term_exposure": exposure[kept],
    }


def _only(pattern: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """First terms of patterns that would keep none: what fell in (0, end] was never watched."""
    has = np.isin(pattern, pattern[kept])
    begins = np.append(True, pattern[1:] != pattern[:-1])
    return np.asarray(begins & ~has)


def _expanded(
    terms: Mapping[str, np.ndarray], first: np.ndarray, place: np.ndarray
) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Give every term a pattern of its own, and rows the first of their pattern's terms."""
    pattern = terms["term_pattern"]
    where = np.searchsorted(pattern, np.arange(len(first)))
    return first[pattern], where[place], {**terms, "term_pattern": np.arange(len(pattern))}


def _at_shape_one(terms: Mapping[str, np.ndarray], patterns: int) -> dict[str, np.ndarray]:
    """Add up a pattern's ages, which at shape one enter linearly."""
    pattern = terms["term_pattern"]
    watched = terms["term_exposure"] * np.exp(terms["term_log_time"])
    return {
        "term_pattern": np.arange(patterns),
        "term_log_time": np.zeros(patterns),
        "term_event": np.bincount(pattern, terms["term_event"], patterns),
        "term_exposure": np.bincount(pattern, watched, patterns),
    }
