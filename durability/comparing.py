r"""Comparing: forecasts under scenarios beside the forecast as things come, on the same paths.

*Observing* asks what the forecast would be if this were learned: paths count by the chance that
they gave it, so what usually goes with it comes with it. *Intervening* asks what would follow if it
were brought about, whatever would have caused it: causes are cut, and the effects of drivers on the
hazard are taken as causal, which history alone cannot show. Of a condition that requires nothing
and depends on no driver both say the same, to the bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from durability.branches import Branched, Tree, branched
from durability.cases import Case
from durability.inference import Fit
from durability.paths import (
    MONTHS,
    Followed,
    Present,
    Weighted,
    base_weights,
    begin,
    difference,
    follow,
    lengthened,
    no_path,
    observed_weights,
    own_continuations,
    plain_chance,
    time_quantiles,
)
from durability.reweighting import khat_most
from durability.simulation import Statement
from durability.statements import OBSERVING, Scenario, state
from durability.updating import EFFECTIVE_LEAST, Update
from durability.vocabulary import HORIZONS_MONTHS, LIFE_CYCLE, RUNGS
from durability.weighing import Base, Table, summary

CONTINUATIONS_MOST = 16
"""Continuations of each draw at most, where few paths agree with what is observed."""

DATE_PROBABILITIES = (0.05, 0.5, 0.95)
TREE_CONTINUATIONS = 4

Reached = Mapping[str, Mapping[str, object]]
"""By stage or condition: chances by horizon, and months by which they pass 5, 50 and 95%."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a scenario comes to.

    Parameters
    ----------
    scenario : Scenario
    table, baseline : mapping
        Probabilities by rung and horizon, under the scenario and as things come, on the same
        paths.
    difference : mapping
        The one less the other, by rung and horizon, with the interval of Monte Carlo error.
    chance : mapping or None
        Chance of what is observed, with its Monte Carlo error; None of an intervention.
    weights : Weighted
    continuations : int
        Of each draw.
    reasons : tuple of str
        Why the answer is not to be trusted; empty where it is.
    stages, conditions : mapping
        When stages of the life cycle are reached, before any breakdown; and when conditions are
        met and failed, whether or not the deal holds.
    """

    scenario: Scenario
    table: Table
    baseline: Table
    difference: Table
    chance: Mapping[str, float] | None
    weights: Weighted
    continuations: int
    reasons: tuple[str, ...]
    stages: Reached
    conditions: Reached

    @property
    def ok(self) -> bool:
        """Whether enough paths agree with what is observed."""
        return not self.reasons


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Scenarios of a case side by side.

    Parameters
    ----------
    update : Update
        Where all of them start.
    table : mapping
        Probabilities as things come, by rung and horizon.
    stages, conditions : mapping
    answers : tuple of Answer
    trees : tuple of Branched
    """

    update: Update
    table: Table
    stages: Reached
    conditions: Reached
    answers: tuple[Answer, ...]
    trees: tuple[Branched, ...]

    @property
    def ok(self) -> bool:
        """Whether where they start can be trusted, and each of them."""
        return self.update.ok and all(answer.ok for answer in self.answers)


def scenarios(
    start: Fit | Base | Update,
    told: Sequence[Scenario],
    *,
    trees: Sequence[Tree] = (),
    case: Case | None = None,
    cutoff: date | None = None,
) -> Comparison:
    r"""Forecast a case under scenarios, beside the forecast as things come.

    Every scenario is followed along the same draws with the same random numbers as the forecast
    it is compared with. Observing weighs path :math:`i` by the chance :math:`\ell_i` that it gave
    to what is learned, :math:`F = \sum_i w_i \ell_i F_i / \sum_i w_i \ell_i`, smoothed as every
    weight is (doi:10.48550/arXiv.1507.02646). Steps that what is learned hangs on are drawn so that
    it happens on most paths, and :math:`\ell_i` has the exact ratio of the two laws in it. While
    fewer than 400 effective draws are left, or their weights' tail is too heavy, draws are
    continued again, up to sixteen times. Nothing is sampled.

    Parameters
    ----------
    start : Fit, Base or Update
        Where to start from, as :func:`durability.update` takes it.
    told : sequence of Scenario
    trees : sequence of Tree
    case : Case, optional
        As it is known now; needed with a base that was read from the cache.
    cutoff : date, optional
        As :func:`durability.update` takes it.

    Returns
    -------
    Comparison

    Raises
    ------
    InputError
        What is wrong with the scenarios, all of it; or no path agrees with one of them.
    """
    present = begin(start, case=case, cutoff=cutoff)
    statements = state(told, present.data, present.plan, months=MONTHS)
    for tree in trees:
        tree.check(present.data, present.plan)
    least = own_continuations(present)
    present = lengthened(present, max(least, TREE_CONTINUATIONS) if trees else least)
    weights = base_weights(present, least)
    plain = present.as_they_come[:least]
    table = _table(plain, weights, present.chains)
    answers = []
    for each, statement in zip(told, statements, strict=True):
        present, answer = _answered(present, each, statement, table)
        answers.append(answer)
    every = len(present.as_they_come) // least * least
    return Comparison(
        update=present.update,
        table=table,
        stages=_stages(plain, weights, present),
        conditions=_conditions(plain, weights, present),
        answers=tuple(answers),
        trees=tuple(
            branched(tree, present, present.as_they_come[:every], base_weights(present, every))
            for tree in trees
        ),
    )


def _answered(
    present: Present, told: Scenario, statement: Statement, table: Table
) -> tuple[Present, Answer]:
    """Follow one scenario, along more continuations while few paths agree with it."""
    count, observing = own_continuations(present), told.verb == OBSERVING
    paths = follow(present, statement, count)
    while True:
        before = base_weights(present, count)
        weights = observed_weights(before, paths) if observing else before
        enough = weights is not None and not _doubts(weights)
        if enough or weights is before or 2 * count > CONTINUATIONS_MOST:
            break
        present = lengthened(present, 2 * count)
        paths = [*paths, *follow(present, statement, 2 * count, after=count)]
        count *= 2
    if weights is None:
        raise no_path(told.place, count, len(paths[0].log_weight))
    plain, chains = present.as_they_come[:count], present.chains
    baseline = table if count == own_continuations(present) else _table(plain, before, chains)
    unmoved = weights is before and all(one is two for one, two in zip(paths, plain, strict=True))
    return present, Answer(
        scenario=told,
        table=baseline if unmoved else _table(paths, weights, chains),
        baseline=baseline,
        difference=_differences(paths, weights, plain, before, chains),
        chance=_chance(paths, before, chains) if observing else None,
        weights=weights,
        continuations=count,
        reasons=tuple(_doubts(weights)) if observing and weights is not before else (),
        stages=_stages(paths, weights, present),
        conditions=_conditions(paths, weights, present),
    )


def _doubts(weights: Weighted) -> list[str]:
    """Say why too little is left of the draws; nothing where enough is."""
    found, parents = [], weights.parents
    limit = khat_most(int(np.count_nonzero(parents.values)))
    if not parents.khat <= limit:
        found.append(f"Pareto k {parents.khat:.2f} is above {limit:.2f}")
    if not parents.effective_size >= EFFECTIVE_LEAST:
        size = f"{parents.effective_size:.0f} effective draws"
        found.append(f"{size} are fewer than {EFFECTIVE_LEAST:.0f}")
    return found


def _chance(paths: Sequence[Followed], weights: Weighted, chains: int) -> dict[str, float]:
    values = np.exp(np.stack([path.log_weight for path in paths], axis=1))
    return plain_chance(values, weights, chains)


# Tables -------------------------------------------------------------------------------------


def _chances(paths: Sequence[Followed]) -> np.ndarray:
    """Stack what continuations come to: (draw, continuation, rung, horizon)."""
    return np.stack([path.chances for path in paths], axis=1)


def _table(
    paths: Sequence[Followed], weights: Weighted, chains: int
) -> dict[str, dict[str, dict[str, float]]]:
    chances = _chances(paths)
    return {
        rung: {
            str(months): summary(
                chances[:, :, r, h], weights.parents.values, weights.shares, chains=chains
            )
            for h, months in enumerate(HORIZONS_MONTHS)
        }
        for r, rung in enumerate(RUNGS)
    }


def _differences(
    paths: Sequence[Followed],
    weights: Weighted,
    plain: Sequence[Followed],
    before: Weighted,
    chains: int,
) -> dict[str, dict[str, dict[str, float]]]:
    ours, theirs = _chances(paths), _chances(plain)
    return {
        rung: {
            str(months): difference(ours[:, :, r, h], weights, theirs[:, :, r, h], before, chains)
            for h, months in enumerate(HORIZONS_MONTHS)
        }
        for r, rung in enumerate(RUNGS)
    }


def _stages(paths: Sequence[Followed], weights: Weighted, present: Present) -> Reached:
    times = np.stack([path.reached for path in paths], axis=1)
    held = np.stack([path.held for path in paths], axis=1)
    return {
        stage: _when(times[..., place], weights, present.chains, held=held[..., place])
        for place, stage in enumerate(LIFE_CYCLE)
        if place > present.plan.stage
    }


def _conditions(paths: Sequence[Followed], weights: Weighted, present: Present) -> Reached:
    time = np.stack([path.time for path in paths], axis=1)
    met = np.stack([path.met for path in paths], axis=1)
    return {
        each.name: {
            "met": _when(np.where(met[..., p], time[..., p], np.inf), weights, present.chains),
            "failed": _when(np.where(met[..., p], np.inf, time[..., p]), weights, present.chains),
        }
        for p, each in enumerate(present.plan.pending)
    }


def _when(
    times: np.ndarray, weights: Weighted, chains: int, *, held: np.ndarray | float = 1.0
) -> dict[str, object]:
    """Say when something comes, and that it does, where a path counts as far as it holds then."""
    never = np.full_like(times, np.inf)
    split = np.stack([weights.each * held, weights.each * (1.0 - held)])
    return {
        "chance": {
            str(months): plain_chance((times <= months) * held, weights, chains)
            for months in HORIZONS_MONTHS
        },
        "months": dict(
            zip(
                map(str, DATE_PROBABILITIES),
                time_quantiles(np.stack([times, never]), split, DATE_PROBABILITIES),
                strict=True,
            )
        ),
    }
