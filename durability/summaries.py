"""Summaries of draws: means, equal-tailed intervals and Monte Carlo standard errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from durability.inference import Fit

INTERVAL = 0.9
"""Probability that every interval of a forecast holds; equal tails."""

TAILS = ((1.0 - INTERVAL) / 2.0, (1.0 + INTERVAL) / 2.0)
"""Probabilities at which an interval ends."""


def chance(values: np.ndarray, fit: Fit) -> dict[str, float]:
    """Summarise a quantity of every draw, with its Monte Carlo error.

    Parameters
    ----------
    values : ndarray (draw,)
        Chains one after another.
    fit : Fit
        Whose chains they are.

    Returns
    -------
    dict
        ``mean, low, high, interval_probability, mcse``.
    """
    return {
        **interval(values),
        "interval_probability": INTERVAL,
        "mcse": mcse(values, chains=fit.settings.chains),
    }


def mcse(values: np.ndarray, *, chains: int) -> float:
    """Monte Carlo standard error of a mean over draws that are correlated within chains."""
    import arviz as az

    shaped = np.asarray(values).reshape((chains, -1))
    if np.ptp(shaped) == 0.0:
        return 0.0
    return float(az.mcse(shaped, method="mean"))


def interval(values: np.ndarray) -> dict[str, float]:
    """Summarise draws by mean and interval: ``mean, low, high``."""
    low, high = np.quantile(values, TAILS)
    return {"mean": float(np.mean(values)), "low": float(low), "high": float(high)}


def curve(values: np.ndarray) -> dict[str, Any]:
    """Summarise curves (draw, place) pointwise: lists ``mean, low, high``."""
    low, high = np.quantile(values, TAILS, axis=0)
    return {"mean": values.mean(axis=0).tolist(), "low": low.tolist(), "high": high.tolist()}
