r"""Baselines: what a forecast from drivers must beat.

Three hazards that know no driver and no news, each with its posterior in closed form or on a grid:
nothing is compiled and nothing samples. Stream :math:`k` (force only, fatal only, war; abrogation)
of agreement :math:`j` was watched over ages :math:`(a_{jk}, b_{jk}]` in years and its event, where
:math:`e_{jk}=1`, fell in :math:`(b_{jk}, c_{jk}]`; rows that tell one event share weight
:math:`w_j`. With cumulative hazard :math:`\Lambda` the log-likelihood of a stream is

.. math::

    \sum_j w_j\bigl\{-[\Lambda(b_{jk})-\Lambda(a_{jk})]
        + e_{jk}\log\bigl(1-e^{-[\Lambda(c_{jk})-\Lambda(b_{jk})]}\bigr)\bigr\},

as in :mod:`durability.models.hazard`. The case trains none of them.

* :func:`constant`: one rate a stream.
* :func:`weibull`: :math:`\Lambda_k(t)=e^{\alpha_k}t^{s_k}`, a rate that moves with age.
* :func:`table`: one rate a stream and cell of war outcome (tie or decisive) × contiguity, the two
  facts that the literature finds first (Fortna 2004; Lo, Hashimoto & Reiter 2008, International
  Organization 62(4)), cells drawn to their mean.

Their priors are weak, and stand here with their reasons: a baseline is not tuned.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Protocol

import numpy as np
from durability.models import hazard

from durability.vocabulary import COVARIATES

PRIOR_EVENTS: Final = 0.5
"""Shape of the gamma prior of a rate: half an event, Jeffreys' for a Poisson rate."""

PRIOR_YEARS: Final = 10.0
"""Its rate: half an event in ten years watched is one in twenty, outweighed by any real class."""

CELL_EVENTS: Final = 2.0
"""Shape of the law of a cell's rate around the mean of cells: 64 % lie within a factor 2."""

INTERCEPT_PRIOR: Final = (-2.0, 2.5)
"""Mean and sd of α: between one event in 450 and eight in a first year (90 %)."""

LOG_SHAPE_PRIOR: Final = (-0.25, 0.5)
"""Mean and sd of log s: shapes of 0.34 to 1.8 (90 %), a falling hazard a little likelier."""

GRID: Final = 161
"""Points a side of a grid over the posterior."""

NEGLIGIBLE: Final = 14.0
"""Log posterior below its peak that a grid leaves out: odds of one in a million a point."""


class Data(Protocol):
    """What a baseline needs of :class:`durability.assembly.ModelData`."""

    @property
    def arrays(self) -> Mapping[str, np.ndarray]:
        """Arrays by name."""
        ...


class Cumulative(Protocol):
    """The one signature of all baselines."""

    def __call__(self, data: Data, ages_years: Any, *, draws: int, seed: int) -> np.ndarray:
        """Draw the hazard that the case accumulates in each month."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """A baseline and what people call it.

    Parameters
    ----------
    title : str
    cumulative : callable
        One of :func:`constant`, :func:`weibull`, :func:`table`.
    """

    title: str
    cumulative: Cumulative


def constant(data: Data, ages_years: Any, *, draws: int, seed: int) -> np.ndarray:
    r"""Constant hazard: every stream has one rate at all ages, for all agreements.

    With :math:`d_k=\sum_j w_j e_{jk}` events in
    :math:`E_k=\sum_j w_j[b_{jk}-a_{jk}+\tfrac12 e_{jk}(c_{jk}-b_{jk})]` years,

    .. math:: \lambda_k \sim \mathrm{Gamma}(d_k+\tfrac12,\ E_k+10).

    Half the event's interval counts as watched:
    :math:`\log(1-e^{-\lambda\delta})=\log\lambda\delta-\lambda\delta/2+O(\lambda^2\delta^2)`.

    Parameters
    ----------
    data : ModelData
        Its arrays ``history_log_ages``, ``history_event``, ``history_weight``.
    ages_years : array (month + 1,)
        Age of the case at the cutoff and at the end of each month after it, in years.
    draws : int
        Draws from the posterior.
    seed : int

    Returns
    -------
    ndarray (draw, month, stream)
        Cumulative hazard of each month, at least 0; the sum over months is Λ of the horizon.
    """
    events, years = counts(data)
    shape, rate = events.sum(0) + PRIOR_EVENTS, years.sum(0) + PRIOR_YEARS
    rates = np.random.default_rng(seed).gamma(shape, 1.0 / rate, (draws, shape.size))
    return _lengths(ages_years)[:, None] * rates[:, None, :]


def weibull(data: Data, ages_years: Any, *, draws: int, seed: int) -> np.ndarray:
    r"""Weibull without drivers: every stream has its own scale and shape, for all agreements.

    :math:`\Lambda_k(t)=e^{\alpha_k}t^{s_k}` with :math:`\alpha_k\sim N(-2, 2.5^2)` and
    :math:`\log s_k\sim N(-0.25, 0.5^2)`, independent between streams. The posterior is taken on a
    grid over :math:`(\alpha_k, \log s_k)` that spans all but a negligible part of it, and draws
    are spread evenly over a grid cell. Month :math:`m` of the case accumulates
    :math:`e^{\alpha_k}(a_{m+1}^{s_k}-a_m^{s_k})`.

    Parameters
    ----------
    data : ModelData
        Its arrays ``history_log_ages``, ``history_event``, ``history_weight``.
    ages_years : array (month + 1,)
        Age of the case at the cutoff and at the end of each month after it, in years.
    draws : int
        Draws from the posterior.
    seed : int

    Returns
    -------
    ndarray (draw, month, stream)
        Cumulative hazard of each month, at least 0; the sum over months is Λ of the horizon.
    """
    intercept, shape = weibull_draws(data, draws=draws, seed=seed)
    log_ages = hazard.log_years(ages_years)[:, None]
    spans = hazard.weibull(log_ages[:-1], log_ages[1:], shape[:, None, :], np)
    return np.asarray(np.exp(intercept)[:, None, :] * spans)


def table(data: Data, ages_years: Any, *, draws: int, seed: int) -> np.ndarray:
    r"""Tie × contiguity table: every stream has a rate in each of the four cells.

    With :math:`d_{ck}` events in :math:`E_{ck}` years in cell :math:`c`,

    .. math::

        \bar\lambda_k \sim \mathrm{Gamma}(\tfrac12, 10), \quad
        \lambda_{ck} \mid \bar\lambda_k \sim \mathrm{Gamma}(2,\ 2/\bar\lambda_k), \quad
        d_{ck} \mid \lambda_{ck} \sim \mathrm{Poisson}(\lambda_{ck} E_{ck}),

    so an empty cell has the mean of the others and a cell without events is not without hazard.
    The rates :math:`\lambda_{ck}` integrate out in closed form; :math:`\bar\lambda_k` is drawn on
    a grid, and then :math:`\lambda_{ck}\sim\mathrm{Gamma}(2+d_{ck},\ 2/\bar\lambda_k+E_{ck})` for
    the cell of the case.

    Parameters
    ----------
    data : ModelData
        As for :func:`constant`, and ``row_covariates``, ``covariate_centre``; the last row is the
        case.
    ages_years : array (month + 1,)
        Age of the case at the cutoff and at the end of each month after it, in years.
    draws : int
        Draws from the posterior.
    seed : int

    Returns
    -------
    ndarray (draw, month, stream)
        Cumulative hazard of each month, at least 0; the sum over months is Λ of the horizon.
    """
    rng = np.random.default_rng(seed)
    cell = cells(data)
    row_events, row_years = counts(data)
    inside = (cell[:-1, None] == np.arange(4)).astype(float)
    events, years = inside.T @ row_events, inside.T @ row_years
    rates = []
    for k in range(events.shape[1]):
        mean = np.exp(_mean_of_cells(events[:, k], years[:, k], draws, rng))
        shape = CELL_EVENTS + events[cell[-1], k]
        rates.append(rng.gamma(shape, 1.0 / (CELL_EVENTS / mean + years[cell[-1], k])))
    return np.asarray(_lengths(ages_years)[:, None] * np.stack(rates, axis=-1)[:, None, :])


BASELINES: Final[Mapping[str, Baseline]] = MappingProxyType(
    {
        "constant": Baseline(title="Constant hazard", cumulative=constant),
        "weibull": Baseline(title="Weibull without drivers", cumulative=weibull),
        "table": Baseline(title="Tie × contiguity table", cumulative=table),
    }
)
"""Every baseline by its name."""


def counts(data: Data) -> tuple[np.ndarray, np.ndarray]:
    """Count weighted events and years watched.

    Returns
    -------
    events, years : ndarray (agreement, stream)
        Half the interval of an event counts as watched.
    """
    start, stop, end = np.exp(data.arrays["history_log_ages"])
    weight, event = data.arrays["history_weight"][:, None], data.arrays["history_event"]
    years = weight * (stop - start + 0.5 * event * (end - stop))
    return weight * event, years


def cells(data: Data) -> np.ndarray:
    """Find the cell of each row in the tie × contiguity table.

    Returns
    -------
    ndarray of int (row,)
        0 tie and apart, 1 tie and contiguous, 2 decisive and apart, 3 decisive and contiguous;
        the last is the case.
    """
    raw = data.arrays["row_covariates"] + data.arrays["covariate_centre"]
    decisive, contiguous = (
        raw[:, COVARIATES.index(name)] > 0.5 for name in ("war_decisive", "contiguous")
    )
    return np.asarray(2 * decisive.astype(int) + contiguous.astype(int))


def weibull_draws(data: Data, *, draws: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    r"""Draw the parameters of :func:`weibull`.

    Returns
    -------
    intercept, shape : ndarray (draw, stream)
        :math:`\alpha_k` and :math:`s_k`.
    """
    rng = np.random.default_rng(seed)
    log_ages, event = data.arrays["history_log_ages"], data.arrays["history_event"]
    weight = data.arrays["history_weight"]
    pairs = []
    for k in range(event.shape[1]):

        def posterior(axes: list[np.ndarray], k: int = k) -> np.ndarray:
            return _weibull_posterior(axes, log_ages[:, :, k], event[:, k], weight)

        priors = (INTERCEPT_PRIOR, LOG_SHAPE_PRIOR)
        edges = [(mean - 5.0 * sd, mean + 5.0 * sd) for mean, sd in priors]
        pairs.append(_grid_draws(posterior, edges, draws, rng))
    intercept, log_shape = np.moveaxis(np.array(pairs), 0, -1)
    return intercept, np.exp(log_shape)


def _weibull_posterior(
    axes: list[np.ndarray], log_ages: np.ndarray, event: np.ndarray, weight: np.ndarray
) -> np.ndarray:
    """Log posterior density on the grid of intercepts × log shapes, up to a constant."""
    intercept, log_shape = axes
    density = np.empty((intercept.size, log_shape.size))
    scale = np.exp(intercept)
    happened = event > 0.0
    for i, shape in enumerate(np.exp(log_shape)):
        # Large powers overflow only at shapes that no data support; their density is zero.
        start, stop, end = np.exp(np.minimum(shape * log_ages, 300.0))
        day = scale[:, None] * (end - stop)[happened]
        density[:, i] = -scale * (weight * (stop - start)).sum()
        density[:, i] += (weight[happened] * hazard.log_happened(day, np)).sum(-1)
    density += _normal(intercept, *INTERCEPT_PRIOR)[:, None] + _normal(log_shape, *LOG_SHAPE_PRIOR)
    return density


def _mean_of_cells(
    events: np.ndarray, years: np.ndarray, draws: int, rng: np.random.Generator
) -> np.ndarray:
    """Draw the logarithm of the mean rate of cells, their own rates integrated out."""

    def posterior(axes: list[np.ndarray]) -> np.ndarray:
        rate = CELL_EVENTS * np.exp(-axes[0])
        # The Jacobian of the logarithm makes the prior's exponent its shape, not shape − 1.
        density = PRIOR_EVENTS * axes[0] - PRIOR_YEARS * np.exp(axes[0])
        for d, e in zip(events, years, strict=True):
            density += CELL_EVENTS * np.log(rate) - (CELL_EVENTS + d) * np.log(rate + e)
        return np.asarray(density)

    return np.asarray(_grid_draws(posterior, [(-30.0, 5.0)], draws, rng)[0])


def _grid_draws(
    posterior: Callable[[list[np.ndarray]], np.ndarray],
    edges: list[tuple[float, float]],
    draws: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Draw from a density on a grid, laid twice: once to find where it is, once over that.

    Returns
    -------
    ndarray (axis, draw)
    """
    for _ in range(2):
        axes = [np.linspace(low, high, GRID) for low, high in edges]
        density = posterior(axes)
        peak = density.max()
        near = np.argwhere(density > peak - NEGLIGIBLE)
        first, last = np.maximum(near.min(0) - 1, 0), np.minimum(near.max(0) + 1, GRID - 1)
        edges = [(axis[i], axis[j]) for axis, i, j in zip(axes, first, last, strict=True)]
    chance = np.exp(density - peak).ravel()
    chosen = rng.choice(chance.size, size=draws, p=chance / chance.sum())
    places = np.unravel_index(chosen, density.shape)
    spread = rng.uniform(-0.5, 0.5, (len(axes), draws))
    return np.array(
        [axis[i] + u * (axis[1] - axis[0]) for axis, i, u in zip(axes, places, spread, strict=True)]
    )


def _normal(value: np.ndarray, mean: float, sd: float) -> np.ndarray:
    return np.asarray(-0.5 * ((value - mean) / sd) ** 2)


def _lengths(ages_years: Any) -> np.ndarray:
    return np.diff(np.asarray(ages_years, dtype=float))
