r"""Baselines as predictors: from the agreements they may learn from to chances for others.

A predictor takes what became of some agreements and gives, for other agreements, the chance that
each rung has happened by each age, given that they began: cumulative incidences, one less survival
where nothing competes. Of an agreement that stands at some age it gives the chance that each rung
comes within so many years more, given that it had not: hazards accumulate from that age on, along
every draw, and climatology counts those alone that were watched beyond it. None knows of news; only
the last knows of ratings.

=============  ==================================================================================
`climatology`  how often it happened by that age, drawn to one half by one agreement
               (:mod:`durability.models.climatology`)
`constant`     one rate a stream, gamma prior of half an event in ten years
`weibull`      a rate that moves with age; priors of :func:`durability.models.baselines.weibull`
`table`        a rate for each cell of war outcome × contiguity, drawn to their mean
`ratings`      the Weibull, and the coders' mean rating of each driver; effects
               :math:`N(0, 0.35^2)` (:mod:`durability.models.rated_hazard`)
=============  ==================================================================================

Coders rated with the end in view, so `ratings` is better here than it could have been at the time.
Each fit takes milliseconds, and the same call gives the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Protocol

import numpy as np

from durability import catalogue
from durability.agreements import Agreement
from durability.assembly import log_years
from durability.censored_scores import HAPPENED, RULED_OUT
from durability.ladder import Spell
from durability.outcomes import watched_rung
from durability.simulation import incidences
from durability.vocabulary import COVARIATES, DAYS_PER_YEAR, DRIVERS, RUNGS

DRAWS: Final = 400
"""Draws behind a chance: their error is under half a point where its posterior spreads by 10."""

SEED: Final = 1
AGES: Final = 40
"""Ages between 0 and the longest horizon at which streams compete, closer together when young."""


class Predictor(Protocol):
    """The one signature of all predictors."""

    def __call__(
        self,
        spells: Sequence[Spell],
        agreements: Sequence[Agreement],
        targets: Sequence[Agreement],
        years: Any,
        ages: Any = 0.0,
    ) -> np.ndarray:
        """Give chances for `targets`: ndarray (target, rung, horizon).

        Parameters
        ----------
        spells, agreements : sequence
            What may be learned from: what became of each agreement, and the agreement.
        targets : sequence of Agreement
            Only what was known when they began may be used.
        years : array (horizon,)
            After `ages`, rising.
        ages : array (target,)
            In years, at which each target stands without the rung; 0 at its start.
        """
        ...


def climatology(
    spells: Sequence[Spell],
    agreements: Sequence[Agreement],
    targets: Sequence[Agreement],
    years: Any,
    ages: Any = 0.0,
) -> np.ndarray:
    """Kaplan–Meier climatology: see :class:`Predictor`."""
    model, at = catalogue.climatology(), np.asarray(years, dtype=float)
    watched = [watched_rung(spells, rung) for rung in RUNGS]

    def from_age(age: float) -> np.ndarray:
        rungs = []
        for seen in watched:
            there = seen.stop > age
            weight = seen.weight[there]
            ends = (seen.ended == HAPPENED, seen.ended == RULED_OUT)
            found = model.incidence(
                seen.stop[there],
                *(end[there] for end in ends),
                weight,
                age + at,
                entry=seen.entry[there],
            )
            rungs.append(model.drawn_to_half(found, at, weight.sum()))
        return np.array(rungs)

    return _each_once(_ages_of(ages, targets), from_age)


def constant(
    spells: Sequence[Spell],
    agreements: Sequence[Agreement],
    targets: Sequence[Agreement],
    years: Any,
    ages: Any = 0.0,
) -> np.ndarray:
    """Constant hazard: see :class:`Predictor`; to it, all ages are alike."""
    found = _of_baseline("constant", _Arrays.of(spells, agreements, None), years)
    return np.repeat(found[None], len(targets), axis=0)


def table(
    spells: Sequence[Spell],
    agreements: Sequence[Agreement],
    targets: Sequence[Agreement],
    years: Any,
    ages: Any = 0.0,
) -> np.ndarray:
    """Tie × contiguity table: see :class:`Predictor`; to its rates, all ages are alike."""
    cells = [(target.war_outcome, target.contiguous) for target in targets]
    inside = dict(zip(cells, targets, strict=True))

    def of_cell(cell: tuple[str, bool]) -> np.ndarray:
        return _of_baseline("table", _Arrays.of(spells, agreements, inside[cell]), years)

    return _each_once(cells, of_cell)


def weibull(
    spells: Sequence[Spell],
    agreements: Sequence[Agreement],
    targets: Sequence[Agreement],
    years: Any,
    ages: Any = 0.0,
) -> np.ndarray:
    """Weibull without drivers: see :class:`Predictor`."""
    nothing = np.zeros((len(spells), 0))
    return _regressed(spells, agreements, nothing, np.zeros((len(targets), 0)), years, ages)


def ratings(
    spells: Sequence[Spell],
    agreements: Sequence[Agreement],
    targets: Sequence[Agreement],
    years: Any,
    ages: Any = 0.0,
) -> np.ndarray:
    """Coders' mean ratings alone: see :class:`Predictor`."""
    rated = mean_ratings(agreements)
    centre = rated.mean(0)
    return _regressed(
        spells, agreements, rated - centre, mean_ratings(targets) - centre, years, ages
    )


PREDICTORS: Final[Mapping[str, Predictor]] = MappingProxyType(
    {
        "climatology": climatology,
        "constant": constant,
        "weibull": weibull,
        "table": table,
        "ratings": ratings,
    }
)
"""Every predictor by its name."""


def mean_ratings(agreements: Sequence[Agreement]) -> np.ndarray:
    """Average the coders' ratings of each driver: ndarray (agreement, driver)."""
    rows = [
        [np.mean([getattr(rating, driver) for rating in agreement.ratings]) for driver in DRIVERS]
        for agreement in agreements
    ]
    return np.array(rows, dtype=float).reshape((len(agreements), len(DRIVERS)))


def _ages_of(ages: Any, targets: Sequence[Any] | np.ndarray) -> list[float]:
    return [float(age) for age in np.broadcast_to(np.asarray(ages, dtype=float), len(targets))]


def _each_once[Key: Hashable](
    keys: Sequence[Key], answer: Callable[[Key], np.ndarray]
) -> np.ndarray:
    """Answer for every target, asking once for targets that are alike: (target, rung, horizon)."""
    known = {key: answer(key) for key in dict.fromkeys(keys)}
    return np.array([known[key] for key in keys])


def _edges(years: Any) -> np.ndarray:
    """Ages at which streams compete; every horizon is one of them."""
    at = np.asarray(years, dtype=float)
    return np.union1d(at.max() * np.linspace(0.0, 1.0, AGES + 1) ** 2, at)


def _chances(increments: np.ndarray, edges: np.ndarray, years: Any) -> np.ndarray:
    """Average the incidences of draws: ndarray (rung, horizon)."""
    places = np.searchsorted(edges, np.asarray(years, dtype=float)) - 1
    found = incidences(increments)
    chances = [np.where(places < 0, 0.0, found[rung].mean(0)[places]) for rung in RUNGS]
    return np.clip(chances, 0.0, 1.0)


def _of_baseline(name: str, arrays: _Arrays, years: Any) -> np.ndarray:
    edges = _edges(years)
    cumulative = catalogue.baselines()[name].cumulative
    return _chances(cumulative(arrays, edges, draws=DRAWS, seed=SEED), edges, years)


def _regressed(
    spells: Sequence[Spell],
    agreements: Sequence[Agreement],
    covariates: np.ndarray,
    others: np.ndarray,
    years: Any,
    ages: Any,
) -> np.ndarray:
    model, edges = catalogue.rated_hazard(), _edges(years)
    arrays = _Arrays.of(spells, agreements, None).arrays
    drawn = model.draws(
        arrays["history_log_ages"],
        arrays["history_event"],
        arrays["history_weight"],
        covariates,
        draws=DRAWS,
        seed=SEED,
    )

    def of_row(key: tuple[float, ...]) -> np.ndarray:
        age, *row = key
        (found,) = model.increments(*drawn, np.array([row]), age + edges)
        return _chances(found, edges, years)

    keys = [(age, *row) for age, row in zip(_ages_of(ages, others), others.tolist(), strict=True)]
    return _each_once(keys, of_row)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Arrays:
    """Agreements as a baseline reads them, the one it is asked about last."""

    arrays: Mapping[str, np.ndarray]

    @classmethod
    def of(
        cls, spells: Sequence[Spell], agreements: Sequence[Agreement], target: Agreement | None
    ) -> _Arrays:
        days = np.array(
            [
                [[spell.entry_days] * len(spell.streams) for spell in spells],
                [[seen.stop_days for seen in spell.streams] for spell in spells],
                [[seen.event_end_days for seen in spell.streams] for spell in spells],
            ]
        )
        rows = [*agreements, agreements[0] if target is None else target]
        raw = np.zeros((len(rows), len(COVARIATES)))
        for name, value in _CELL.items():
            raw[:, COVARIATES.index(name)] = [value(row) for row in rows]
        return cls(
            arrays={
                "history_log_ages": log_years(days / DAYS_PER_YEAR),
                "history_event": np.array([[e.event for e in s.streams] for s in spells], float),
                "history_weight": np.array([spell.weight for spell in spells]),
                "row_covariates": raw,
                "covariate_centre": np.zeros(len(COVARIATES)),
            }
        )


_CELL: Final[Mapping[str, Callable[[Agreement], float]]] = MappingProxyType(
    {
        "war_decisive": lambda row: float(row.war_outcome == "decisive"),
        "contiguous": lambda row: float(row.contiguous),
    }
)
