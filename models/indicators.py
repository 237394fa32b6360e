r"""Indicators: counts that a driver raises, such as ceasefire violations.

A window of months :math:`m` with shares :math:`f_m` of each month and exposure :math:`e` holds a
negative binomial count with mean :math:`e\sum_m f_m \exp(a + b\,x_{m,d})`, :math:`b \ge 0`, and
variance :math:`\mu + \mu^2/\psi`. A month that no window covers is missing, not zero.
"""

from __future__ import annotations

from typing import Any


def monthly_rates(intercept: Any, slope: Any, driver: Any, xp: Any) -> Any:
    """Expected count of each indicator in each month of the grid.

    Parameters
    ----------
    intercept, slope : array (..., indicator)
    driver : array (..., month, indicator)
        Value of the indicator's driver.

    Returns
    -------
    array (..., month, indicator)
    """
    return xp.exp(intercept[..., None, :] + slope[..., None, :] * driver)


def window_mean(rates: Any, share: Any, exposure: Any) -> Any:
    """Expected count of each window: the sum of its months' rates.

    Parameters
    ----------
    rates : array (..., month, indicator)
    share : array (window, month, indicator)
        Share of each month inside the window, zero for the other indicators.
    exposure : array (window,)

    Returns
    -------
    array (..., window)
    """
    return exposure * (rates[..., None, :, :] * share).sum((-2, -1))


def log_likelihood(count: Any, mean: Any, dispersion: Any, log_gamma: Any, xp: Any) -> Any:
    """Negative binomial log probability of each count.

    Parameters
    ----------
    dispersion : array (..., window)
        ψ; large is nearly Poisson.
    log_gamma : callable
        ``log Γ`` of the namespace (``scipy.special.gammaln`` or ``pytensor.tensor.gammaln``).
    """
    total = mean + dispersion
    return (
        log_gamma(count + dispersion)
        - log_gamma(dispersion)
        - log_gamma(count + 1.0)
        + dispersion * (xp.log(dispersion) - xp.log(total))
        + count * (xp.log(mean) - xp.log(total))
    )
