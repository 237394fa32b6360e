r"""Drivers: four latent monthly processes, a standing that persists and an AR(1) around it.

.. math::

    x_{t,d} = \mu_d + y_{t,d}, \qquad \mu \sim N(0, \rho^2 R), \qquad
    y_t = \varphi\, y_{t-1} + \sqrt{1-\varphi^2}\,\sqrt{1-\rho^2}\, L\epsilon_t,

with :math:`LL^\top = R \sim` LKJ, :math:`\varphi = 2^{-1/h}` for a half-life of :math:`h` months,
and :math:`y_0` stationary. Months and agreements share one correlation, and
:math:`x_t \sim N(0, R)` in every month.

One half-life serves all four drivers. With one each, the innovations that keep the stationary
covariance at :math:`(1-\rho^2)R` need not have a covariance at all:
:math:`R_{ij}(1-\varphi_i\varphi_j)` is not positive definite for every :math:`R`.

Every function takes ``xp``, the namespace to compute in (``numpy`` or ``pytensor.tensor``), and
arrays with any leading dimensions (``chain, draw`` in NumPy, none in PyTensor).
"""

from __future__ import annotations

from typing import Any

import numpy as np

N_DRIVERS = 4


def autoregression(half_life_months: Any) -> Any:
    r""":math:`\varphi = 2^{-1/h}`: what is left of a deviation after a month."""
    return 2.0 ** (-1.0 / half_life_months)


def lkj_shapes(eta: float, *, n: int = N_DRIVERS) -> np.ndarray:
    r"""Shapes of the symmetric beta laws of the canonical partial correlations of LKJ(η).

    Row-major over the lower triangle: column :math:`j` has
    :math:`\eta + (n-2-j)/2` (Lewandowski, Kurowicka & Joe 2009, doi:10.1016/j.jmva.2009.04.008).

    Returns
    -------
    ndarray, shape (n (n - 1) / 2,)
    """
    _, column = np.tril_indices(n, k=-1)
    return np.asarray(eta + (n - 2 - column) / 2.0)


def correlation_cholesky(xp: Any, partial: Any, *, n: int = N_DRIVERS) -> Any:
    r"""Cholesky factor of a correlation from canonical partial correlations.

    :math:`L_{ij} = p_{ij}\prod_{m<j}\sqrt{1-p_{im}^2}` with :math:`p_{ii}=1`.

    Parameters
    ----------
    partial : array (..., n (n - 1) / 2)
        In (−1, 1), row-major over the lower triangle.

    Returns
    -------
    array (..., n, n)
    """
    row, column = np.tril_indices(n, k=-1)
    place = np.zeros((n * (n - 1) // 2, n, n))
    place[np.arange(row.size), row, column] = 1.0
    below = (partial[..., :, None, None] * place).sum(-3)
    logs = 0.5 * xp.log1p(-(below**2))
    return (below + np.eye(n)) * xp.exp(xp.cumsum(logs, axis=-1) - logs)


def standing(persistence: Any, cholesky: Any, raw: Any, xp: Any) -> Any:
    r"""The case's own standing, :math:`\mu = \rho L \epsilon_\mu`.

    Parameters
    ----------
    persistence : array (...)
        :math:`\rho^2`.
    cholesky : array (..., driver, driver)
    raw : array (..., driver)
        Standard normal.

    Returns
    -------
    array (..., driver)
    """
    return xp.sqrt(persistence)[..., None] * correlated(cholesky, raw[..., None, :])[..., 0, :]


def correlated(cholesky: Any, raw: Any) -> Any:
    """Give independent rows the drivers' correlation: ``raw @ cholesky.T`` without a Dot node.

    Parameters
    ----------
    cholesky : array (..., driver, driver)
    raw : array (..., row, driver)

    Returns
    -------
    array (..., row, driver)
    """
    return (cholesky[..., None, :, :] * raw[..., :, None, :]).sum(-1)


def deviations(
    persistence: Any, autoregressive: Any, cholesky: Any, raw: Any, xp: Any, *, months: int
) -> Any:
    r"""Paths of the AR(1) part :math:`y`, started from its stationary law.

    Written as :math:`y_t = \varphi^t \sum_{s\le t} \varphi^{-s} c_s \epsilon_s`: one cumulative
    sum, linear in months, no scan. Its terms grow, so each partial sum is ruled by its last
    ones and keeps double precision as long as :math:`\varphi^{-T}` does not overflow (85 years at a
    half-life of one month).

    Parameters
    ----------
    raw : array (..., month, driver)
        Standard normal.
    months : int
        Length of the month axis.

    Returns
    -------
    array (..., month, driver)
    """
    age = np.arange(months, dtype=float)[:, None]
    log_phi = xp.log(autoregressive)[..., None, None]
    # The first month is stationary; later ones add innovations of variance 1 - φ².
    first = (np.arange(months) == 0).astype(float)[:, None]
    scale = first + (1.0 - first) * xp.sqrt(1.0 - autoregressive**2)[..., None, None]
    grown = xp.cumsum(correlated(cholesky, raw) * (scale * xp.exp(-age * log_phi)), axis=-2)
    return xp.sqrt(1.0 - persistence)[..., None, None] * xp.exp(age * log_phi) * grown


def continued(
    standing: Any,
    last: Any,
    persistence: Any,
    autoregressive: Any,
    cholesky: Any,
    raw: Any,
    xp: Any,
    *,
    months: int,
) -> Any:
    r"""Paths that go on from a known month; :func:`extend` in either namespace, without a loop.

    :math:`y_t = \varphi^t \left(y_0 + \sum_{s\le t} \varphi^{-s} c_s \epsilon_s\right)`, as in
    :func:`deviations`.

    Parameters
    ----------
    standing, last : array (..., driver)
        μ, and the drivers in the last month known.
    raw : array (..., month, driver)
        Standard normal.
    months : int
        Length of the month axis.

    Returns
    -------
    array (..., month, driver)
    """
    age = np.arange(1.0, months + 1.0)[:, None]
    log_phi = xp.log(autoregressive)[..., None, None]
    scale = xp.sqrt((1.0 - autoregressive**2) * (1.0 - persistence))[..., None, None]
    shocks = correlated(cholesky, raw) * (scale * xp.exp(-age * log_phi))
    away = (last - standing)[..., None, :] + xp.cumsum(shocks, axis=-2)
    return standing[..., None, :] + xp.exp(age * log_phi) * away


def memory(persistence: Any, autoregressive: Any, years: Any, xp: Any) -> Any:
    r"""How much of a start value is expected to remain at an age, in (ρ², 1].

    :math:`g(t) = \rho^2 + (1-\rho^2)\varphi^{12t}`; given :math:`x_0 = z`, the driver at age
    :math:`t` has mean :math:`g z` and covariance :math:`(1-g^2)R`.

    Parameters
    ----------
    years : array
        Ages; `persistence` and `autoregressive` must broadcast against it.
    """
    return persistence + (1.0 - persistence) * xp.exp(12.0 * xp.log(autoregressive) * years)


def extend(
    standing: np.ndarray,
    last: np.ndarray,
    persistence: np.ndarray,
    autoregressive: np.ndarray,
    cholesky: np.ndarray,
    raw: np.ndarray,
) -> np.ndarray:
    r"""Carry paths forward from the last month known. NumPy only.

    :math:`x_{t+1} = \mu + \varphi (x_t - \mu) + \sqrt{(1-\varphi^2)(1-\rho^2)}\,L\epsilon`.

    Parameters
    ----------
    standing, last : array (draw, driver)
        μ, and the drivers in the last month known.
    persistence, autoregressive : array (draw,)
    cholesky : array (draw, driver, driver)
    raw : array (draw, month, driver)
        Standard normal.

    Returns
    -------
    array (draw, month, driver)
    """
    scale = np.sqrt((1.0 - autoregressive**2) * (1.0 - persistence))[:, None, None]
    shocks = scale * correlated(cholesky, raw)
    path: np.ndarray = np.empty_like(shocks)
    now = last - standing
    for month in range(shocks.shape[1]):
        now = autoregressive[:, None] * now + shocks[:, month]
        path[:, month] = standing + now
    return path
