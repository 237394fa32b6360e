"""What moved from one prior set to another, and what that implies for survival.

Survival is a prior prediction: no sampler runs. Both sets are drawn with the same uniform numbers,
each pushed through its prior's quantiles, so that the difference between the sets is known much
better than either.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from durability.distributions import mean_sd
from durability.prior_sets import Prior, PriorSet, check_parameters, implied_quantiles
from durability.vocabulary import RUNGS

if TYPE_CHECKING:
    import numpy as np

    from durability.cases import Case
    from durability.inference import Model

PROBABILITIES: Final = (0.05, 0.5, 0.95)
"""Of the quantiles that are compared."""

YEARS: Final = (1, 5, 10)
"""Ages at which survival is compared."""

DRAWS: Final = 4000
SHIPPED_CASE: Final = "armenia_azerbaijan"
TEXTS: Final = ("meaning", "unit", "reason", "source", "status")
_CHUNK = 500
"""Draws computed at a time: an array of all of them would take gigabytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One parameter's prior in one of the sets.

    Parameters
    ----------
    distribution : str
    values : mapping of str to float
    quantiles : tuple of float
        At :data:`PROBABILITIES`; for ``lkj``, of one correlation.
    """

    distribution: str
    values: Mapping[str, float]
    quantiles: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterChange:
    """How the prior of one parameter differs.

    Parameters
    ----------
    name, meaning, unit : str
        In the words of the second set, where it has the parameter.
    before, after : Side or None
        None where the set lacks the parameter.
    moved_sds : float or None
        Distance between the means in standard deviations of the first; None where there is none
        to count in, because the first is fixed or one of the two is missing.
    width_ratio : float or None
        Standard deviation of the second over that of the first.
    texts : mapping of str to tuple of str
        Of each text that changed, as it was and as it is.
    """

    name: str
    meaning: str
    unit: str
    before: Side | None
    after: Side | None
    moved_sds: float | None
    width_ratio: float | None
    texts: Mapping[str, tuple[str, str]]

    @property
    def is_moved(self) -> bool:
        """Whether distribution or numbers differ, not words alone."""
        sides = [side and (side.distribution, dict(side.values)) for side in self.sides]
        return sides[0] != sides[1]

    @property
    def sides(self) -> tuple[Side | None, Side | None]:
        """Before and after."""
        return self.before, self.after


@dataclass(frozen=True, slots=True, kw_only=True)
class SurvivalChange:
    """How the chance that an average agreement survives to an age differs.

    Parameters
    ----------
    rung : str
    years : int
    before, after, difference : float
        Chances of not having reached the rung, and the second less the first.
    before_mcse, after_mcse, difference_mcse : float
        Monte Carlo standard errors; that of the difference knows that both used the same numbers.
    """

    rung: str
    years: int
    before: float
    after: float
    difference: float
    before_mcse: float
    after_mcse: float
    difference_mcse: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PriorDiff:
    """What moved between two prior sets.

    Parameters
    ----------
    before, after : PriorSet
    changes : tuple of ParameterChange
        One for each parameter whose prior or words differ, in the order of the sets.
    unchanged : int
        Parameters that are the same in both, words included.
    survival : tuple of SurvivalChange
        By rung and age, averaged over the agreements of the reference class. Empty where every
        number is the same.
    draws : int
        Behind each chance.
    """

    before: PriorSet
    after: PriorSet
    changes: tuple[ParameterChange, ...]
    unchanged: int
    survival: tuple[SurvivalChange, ...]
    draws: int


def diff_priors(
    before: PriorSet,
    after: PriorSet,
    *,
    case: Case | None = None,
    model: str = "breakdown",
    draws: int = DRAWS,
    seed: int = 1,
) -> PriorDiff:
    r"""Say what moved from one prior set to another, and what that implies for survival.

    The survival of rung :math:`r` to age :math:`t` is the prior expectation of
    :math:`\sum_j w_j e^{-\Lambda_{rj}(t)} / \sum_j w_j` over the agreements :math:`j` of the
    reference class, each with its covariates, and with standing and frailties drawn.

    Parameters
    ----------
    before, after : PriorSet
    case : Case, optional
        Whose reference class is meant: an agreement that is itself the case is left out of it. The
        shipped case if not given.
    model : str
        Model whose parameters the sets give.
    draws : int
        From each set.
    seed : int

    Returns
    -------
    PriorDiff

    Raises
    ------
    InputError
        A set does not fit the model.

    Examples
    --------
    >>> from durability import read_priors
    >>> same = diff_priors(read_priors("default"), read_priors("default"))
    >>> same.changes, same.survival
    ((), ())
    """
    from durability.catalogue import parameters_of

    for priors in (before, after):
        check_parameters(priors, parameters_of(model))
    names = list(dict.fromkeys([*before.parameters, *after.parameters]))
    found = [_change(n, before.parameters.get(n), after.parameters.get(n)) for n in names]
    changes = tuple(change for change in found if change is not None)
    moved = before.hash != after.hash
    return PriorDiff(
        before=before,
        after=after,
        changes=changes,
        unchanged=len(names) - len(changes),
        survival=_survival_changes(before, after, case, model, draws, seed) if moved else (),
        draws=draws,
    )


def _change(name: str, before: Prior | None, after: Prior | None) -> ParameterChange | None:
    told = after or before
    if told is None:
        return None
    texts = {}
    if before is not None and after is not None:
        pairs = {key: (getattr(before, key), getattr(after, key)) for key in TEXTS}
        texts = {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}
    change = ParameterChange(
        name=name,
        meaning=told.meaning,
        unit=told.unit,
        before=_side(before),
        after=_side(after),
        texts=texts,
        **_distance(before, after),
    )
    return change if change.is_moved or texts else None


def _side(prior: Prior | None) -> Side | None:
    if prior is None:
        return None
    return Side(
        distribution=prior.distribution,
        values=prior.values,
        quantiles=implied_quantiles(prior, PROBABILITIES),
    )


def _distance(before: Prior | None, after: Prior | None) -> dict[str, float | None]:
    if before is None or after is None:
        return {"moved_sds": None, "width_ratio": None}
    mean, sd = mean_sd(before.distribution, before.values)
    new_mean, new_sd = mean_sd(after.distribution, after.values)
    if sd == 0.0 or not math.isfinite(sd + new_sd):
        return {"moved_sds": None, "width_ratio": None}
    return {"moved_sds": (new_mean - mean) / sd, "width_ratio": new_sd / sd}


# Survival -----------------------------------------------------------------------------------


class CommonNumbers:
    """Stands in for a NumPy generator, and gives two prior sets the same uniform numbers.

    The k-th array asked for is made of the k-th stream of uniform numbers, whatever its law is, by
    inverting that law. So a prior that did not change gives the same draws, beside any that did.

    Parameters
    ----------
    seed : sequence of int
    """

    def __init__(self, *seed: int) -> None:
        self._seed = seed
        self._asked = 0

    def uniform(self, shape: Any) -> np.ndarray:
        """Give the next uniform numbers."""
        import numpy as np

        self._asked += 1
        drawn: np.ndarray = np.random.default_rng([*self._seed, self._asked]).random(shape)
        return drawn

    def standard_normal(self, shape: Any) -> np.ndarray:
        """Give standard normal numbers."""
        from scipy.special import ndtri

        drawn: np.ndarray = ndtri(self.uniform(shape))
        return drawn

    def normal(self, mean: float, sd: float, shape: Any) -> np.ndarray:
        """Give normal numbers."""
        return mean + sd * self.standard_normal(shape)

    def lognormal(self, mu: float, sigma: float, shape: Any) -> np.ndarray:
        """Give lognormal numbers."""
        import numpy as np

        return np.exp(self.normal(mu, sigma, shape))

    def exponential(self, scale: float, shape: Any) -> np.ndarray:
        """Give exponential numbers."""
        import numpy as np

        return -scale * np.log1p(-self.uniform(shape))

    def gamma(self, form: float, scale: float, shape: Any) -> np.ndarray:
        """Give gamma numbers of shape `form`."""
        from scipy.special import gammaincinv

        drawn: np.ndarray = scale * gammaincinv(form, self.uniform(shape))
        return drawn

    def beta(self, a: Any, b: Any, shape: Any) -> np.ndarray:
        """Give beta numbers."""
        from scipy.special import betaincinv

        drawn: np.ndarray = betaincinv(a, b, self.uniform(shape))
        return drawn


def _survival_changes(
    before: PriorSet, after: PriorSet, case: Case | None, model: str, draws: int, seed: int
) -> tuple[SurvivalChange, ...]:
    import numpy as np

    from durability.assembly import assemble
    from durability.cases import read_case
    from durability.inference import Model

    data = assemble(read_case(SHIPPED_CASE) if case is None else case)
    models = [Model(name=model, data=data, priors=priors) for priors in (before, after)]
    sizes = [min(_CHUNK, draws - start) for start in range(0, draws, _CHUNK)]
    chunks = [[_prior_survival(each, n, (seed, k)) for k, n in enumerate(sizes)] for each in models]
    old, new = ({rung: np.concatenate([c[rung] for c in cs]) for rung in RUNGS} for cs in chunks)
    return tuple(
        _compared(rung, years, old[rung][:, place], new[rung][:, place])
        for rung in RUNGS
        for place, years in enumerate(YEARS)
    )


def _prior_survival(model: Model, draws: int, seed: tuple[int, int]) -> dict[str, np.ndarray]:
    """Survival of every rung for each draw from a prior set: (draw, age)."""
    import numpy as np

    from durability.catalogue import continuation
    from durability.history import mean_survival

    parameters = model.priors.parameters
    theta = model.module.prior_draws(model.data, parameters, n=draws, rng=CommonNumbers(*seed))
    joint = model.priors.joint
    if joint is not None:
        common = CommonNumbers(*seed, 1)
        numbers = common.standard_normal((draws, len(joint.unknowns))), common.uniform(draws)
        sizes = {name: len(labels) for name, labels in joint.coords.items()}
        theta |= continuation().static_draws(*numbers, joint.arrays(), sizes)
    return mean_survival(model, theta, np.array(YEARS, dtype=float))


def _compared(rung: str, years: int, old: np.ndarray, new: np.ndarray) -> SurvivalChange:
    root = len(old) ** 0.5
    return SurvivalChange(
        rung=rung,
        years=years,
        before=float(old.mean()),
        after=float(new.mean()),
        difference=float((new - old).mean()),
        before_mcse=float(old.std(ddof=1)) / root,
        after_mcse=float(new.std(ddof=1)) / root,
        difference_mcse=float((new - old).std(ddof=1)) / root,
    )
