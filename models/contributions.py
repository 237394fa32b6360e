r"""Contributions: what each thing observed adds to a driver's value. NumPy only.

Given the parameters :math:`\theta`, the drivers of all months are jointly normal with mean zero and
covariance :math:`C(\theta)`, so integration by parts (Stein 1981, doi:10.1214/aos/1176345632) gives
for the posterior

.. math::

    E[x \mid \text{data}] = E\Big[ C(\theta) \sum_i \nabla_x \log p(\text{datum}_i \mid x, \theta)
    \,\Big|\, \text{data} \Big],

exactly, and the same times anything that depends on :math:`\theta` alone, such as an effect
:math:`\beta`. So a driver's value, and its part of the log hazard, is a sum with a term a datum:
an event, a rating of the agreement, a count, and having held. No refit, no order of arrival.

.. math::

    C_{(t,d),(s,e)} = R_{de}\left(\rho^2 + (1-\rho^2)\varphi^{|t-s|}\right).

Functions take draws as :func:`durability.models.breakdown.latents` does, and give, for one month
and driver, an array (draw, datum) whose mean over draws is the contribution of each datum.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from durability.models import breakdown, hazard, marginals

STEP = 1e-4
"""Half the width of central differences, in units of driver."""

Arrays = Mapping[str, np.ndarray]


def gradients(theta: Arrays, latent: Arrays, data: Arrays) -> dict[str, np.ndarray]:
    """Slopes of the log-likelihood of everything observed of the case, once for all drivers.

    Returns
    -------
    dict
        ``holding (draw, month, stream)`` in the log hazard, and where there are any
        ``events (draw, event)`` and ``anchors (draw, anchored thing)`` in what was rated, and
        ``counts (draw, month, window)`` in the driver of the window's indicator.
    """
    first = latent["history_standing"].shape[1]
    own = np.flatnonzero(data["coding_row"] >= first)
    found = {"holding": _holding_slopes(theta, latent, data)}
    if own.size:
        found["anchors"] = marginals.coding_slopes(theta, latent, data, own)
    if "event_driver" in data:
        found["events"] = marginals.event_slopes(theta, latent, data)
    if "window_count" in data:
        found["counts"] = _count_slopes(theta, latent, data)
    return found


def _holding_slopes(theta: Arrays, latent: Arrays, data: Arrays) -> np.ndarray:
    places = data["case_month_index"]
    scale = breakdown.log_scales(theta, latent, data)[..., -1:, :]
    shape = latent["shapes"][..., None, :]
    eta = scale + hazard.pull(latent["effects"], latent["pressure"][..., places, :])
    held, day = (
        np.exp(eta) * hazard.weibull(data[f"{kind}_log_start"], data[f"{kind}_log_stop"], shape, np)
        for kind in ("case", "case_event")
    )
    total = day.sum(1, keepdims=True)
    rising = np.divide(1.0, np.expm1(total), out=np.zeros_like(total), where=total > 0.0)
    return np.asarray(data["case_event"] * day * rising - held)


def _count_slopes(theta: Arrays, latent: Arrays, data: Arrays) -> np.ndarray:
    pressure = latent["pressure"]
    found = np.zeros((*pressure.shape[:2], data["window_count"].size))
    # Only months that a window covers have a slope; a window has one indicator, so one driver.
    for place in np.flatnonzero(data["window_share"].any(axis=(0, 2))):
        up, down = (
            breakdown.counts(
                theta, {**latent, "pressure": _moved(pressure, int(place), s)}, data, np
            )
            for s in (STEP, -STEP)
        )
        found[:, place] = (up - down) / (2.0 * STEP)
    return found


def _moved(pressure: np.ndarray, month: int, step: float) -> np.ndarray:
    moved = pressure.copy()
    moved[:, month] += step
    return moved


def contributions(
    slopes: Arrays, theta: Arrays, latent: Arrays, data: Arrays, *, month: int, to: int
) -> dict[str, np.ndarray]:
    """Contribution of each thing observed to a driver in a month.

    Parameters
    ----------
    slopes : mapping
        Of :func:`gradients`.
    month : int
        On the grid; beyond its last for months ahead.
    to : int
        The driver.

    Returns
    -------
    dict
        ``events (draw, event)``, ``anchors (draw, anchored thing)``, ``holding (draw, stream)``,
        ``counts (draw, window)``: those that there are.
    """
    reach = _Reach(theta, latent, month, to)
    found = {}
    places, effects = data["case_month_index"], latent["effects"]
    each = [reach(places, np.full(places.size, d)) for d in range(effects.shape[-1])]
    pull = (np.stack(each, axis=-1)[:, :, None, :] * effects[:, None]).sum(-1)
    found["holding"] = (slopes["holding"] * pull).sum(1)
    if "anchors" in slopes:
        first, rows = latent["history_standing"].shape[1], data["coding_row"]
        own = np.flatnonzero(rows >= first)
        where = data["anchor_month"][rows[own] - first]
        found["anchors"] = slopes["anchors"] * reach(where, data["coding_driver"][own])
    if "events" in slopes:
        low, high = data["level_change_low"], data["level_change_high"]
        share = (low + (high - low) * theta["level_change"])[:, None]
        where, of = data["event_month"], data["event_driver"]
        found["events"] = slopes["events"] * (reach(where, of) - share * reach(where - 1, of))
    if "counts" in slopes:
        months = np.arange(latent["pressure"].shape[1])
        of = data["indicator_driver"][data["window_of"].argmax(axis=1)]
        found["counts"] = np.stack(
            [
                (slopes["counts"][..., w] * reach(months, np.full(months.size, d))).sum(1)
                for w, d in enumerate(of)
            ],
            axis=-1,
        )
    return found


class _Reach:
    """Covariance of one driver in one month with others in other months."""

    def __init__(self, theta: Arrays, latent: Arrays, month: int, to: int) -> None:
        self.rho2 = theta["persistence"][:, None]
        self.phi = latent["autoregressive"][:, None]
        cholesky = latent["cholesky"]
        self.correlation = (cholesky[:, [to]] * cholesky).sum(-1)
        self.month = month

    def __call__(self, months: np.ndarray, drivers: np.ndarray) -> np.ndarray:
        faded = self.phi ** np.abs(self.month - months)
        kept = self.rho2 + (1.0 - self.rho2) * faded
        return np.asarray(self.correlation[:, drivers] * kept)
