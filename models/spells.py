r"""The hazard part of the model for any table of spells.

Row :math:`i` was watched over ages :math:`(a_i, b_i]`. Its hazard at age :math:`t`, in units of
:math:`c` (the table's own typical time), is Weibull with proportional effects,

.. math::

    \log\lambda_i(t) = \alpha_{h(i)} + \log s_{h(i)} + (s_{h(i)}-1)\log (t/c) - \log c
        + \gamma^\top x_i + u_{j(i)}, \qquad u_j = \sigma z_j,\ z_j \sim N(0, 1),

with stratum :math:`h`, cluster :math:`j` and covariates :math:`x` centred and scaled; the
exponential is :math:`s=1`. An event is exact, at :math:`b_i`, or fell in :math:`(b_i, c_i]`.

*Grouped.* Rows of equal covariates, cluster and stratum share :math:`\eta_g`. The accumulated
hazard is linear in powers of time, so rows enter only through signed counts :math:`n_{gt}` (the
weight that stops at :math:`t` less the weight that starts there) and events :math:`d_{gt}`:

.. math::

    \sum_{g,t} d_{gt}\,[\eta_g + \log s + (s-1)\log (t/c) - \log c]
        - n_{gt}\, e^{\eta_g} (t/c)^{s}.

Successive rows of a subject that do not differ cancel where they meet, and ties collapse: exact at
every shape. At a fixed shape the powers of a group add up to one number.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from durability.models.hazard import log_happened
from durability.models.parameters import Prior, draws, variable

FAMILIES: Mapping[str, tuple[str, ...]] = {
    "intercept": ("normal",),
    "log_shape": ("normal",),
    "effect": ("normal",),
    "frailty_sd": ("halfnormal", "exponential", "gamma", "lognormal"),
}
"""Parameters that a prior set gives, with the families that each can have."""

GROUPED = (
    *("pattern_design", "pattern_stratum", "pattern_cluster"),
    *("term_pattern", "term_log_time", "term_event", "term_exposure", "log_unit"),
    *("interval_pattern", "interval_log_start", "interval_later", "interval_log_end"),
    "interval_weight",
)
"""Arrays of the grouped likelihood, as :func:`durability.spell_groups.group_spells` makes them."""


def shapes(theta: Mapping[str, Any], xp: Any) -> Any:
    """Weibull shapes by stratum; ones where the shape is fixed."""
    if "log_shape" in theta:
        return xp.exp(theta["log_shape"])
    return xp.ones_like(theta["intercept"])


def linear(theta: Mapping[str, Any], data: Mapping[str, Any]) -> Any:
    r""":math:`\eta = \alpha_h + \gamma^\top x + \sigma z_j`: array (..., pattern)."""
    eta = _of(theta["intercept"], data["pattern_stratum"]) + 0.0 * data["pattern_stratum"]
    if "effect" in theta:
        eta = eta + theta["effect"] @ data["pattern_design"].T
    if "frailty_raw" in theta:
        raw = theta["frailty_raw"][..., data["pattern_cluster"]]
        eta = eta + theta["frailty_sd"][..., None] * raw
    return eta


def term_log_likelihood(theta: Mapping[str, Any], data: Mapping[str, Any], xp: Any) -> Any:
    """Log-likelihood of events and exposures, by pattern and time: array (..., term).

    Parameters
    ----------
    theta : mapping
        ``intercept`` and ``log_shape`` (..., stratum), ``effect`` (..., covariate), and with
        frailty ``frailty_sd`` (...), ``frailty_raw`` (..., cluster).
    data : mapping
        :data:`GROUPED`.
    xp : module
        The namespace to compute in.
    """
    eta, shape = linear(theta, data), _of(shapes(theta, xp), data["pattern_stratum"])
    if _length(data["term_pattern"]) != _length(data["pattern_stratum"]):
        # Terms are sorted by pattern and each has one: as many of both are the same places.
        eta, shape = eta[..., data["term_pattern"]], _of(shape, data["term_pattern"])
    log_time = data["term_log_time"]
    powered = shape * log_time
    density = eta + xp.log(shape) + powered - log_time - data["log_unit"]
    return data["term_event"] * density - data["term_exposure"] * xp.exp(eta + powered)


def interval_log_likelihood(theta: Mapping[str, Any], data: Mapping[str, Any], xp: Any) -> Any:
    """Log-likelihood of events that fell in an interval: array (..., interval)."""
    place = data["interval_pattern"]
    eta = linear(theta, data)[..., place]
    shape = _of(_of(shapes(theta, xp), data["pattern_stratum"]), place)
    before = data["interval_later"] * xp.exp(shape * data["interval_log_start"])
    cumulative = xp.exp(eta) * (xp.exp(shape * data["interval_log_end"]) - before)
    return data["interval_weight"] * log_happened(cumulative, xp)


def log_likelihood(theta: Mapping[str, Any], data: Mapping[str, Any], xp: Any) -> Any:
    """Log-likelihood of all rows together: array (...)."""
    total = term_log_likelihood(theta, data, xp).sum(-1)
    if data["interval_weight"].shape[0]:
        total = total + interval_log_likelihood(theta, data, xp).sum(-1)
    return total


def row_hazards(theta: Mapping[str, Any], rows: Mapping[str, Any], xp: Any) -> tuple[Any, Any, Any]:
    """What each row accumulates while watched and over its event's interval, and its log hazard.

    Parameters
    ----------
    rows : mapping
        ``pattern_design``, ``pattern_stratum``, ``pattern_cluster`` with a pattern a row, and
        ``log_start``, ``later``, ``log_stop``, ``stopped``, ``log_end``, ``log_unit``; ``later``
        and ``stopped`` are 0 where the age is zero.

    Returns
    -------
    watched, event, density : array (..., row)
        The last is the log hazard at the row's stop.
    """
    eta, shape = linear(theta, rows), _of(shapes(theta, xp), rows["pattern_stratum"])
    stop = rows["stopped"] * xp.exp(shape * rows["log_stop"])
    watched = xp.exp(eta) * (stop - rows["later"] * xp.exp(shape * rows["log_start"]))
    event = xp.exp(eta) * (xp.exp(shape * rows["log_end"]) - stop)
    density = eta + xp.log(shape) + (shape - 1.0) * rows["log_stop"] - rows["log_unit"]
    return watched, event, density


def row_log_likelihood(theta: Mapping[str, Any], rows: Mapping[str, Any], xp: Any) -> Any:
    """Log-likelihood of every row by itself: array (..., row); its sum is :func:`log_likelihood`.

    Parameters
    ----------
    rows : mapping
        As in :func:`row_hazards`, with ``exact``, ``within`` (1 where the event is exact, or fell
        in an interval) and ``weight``.
    """
    watched, event, density = row_hazards(theta, rows, xp)
    # An exact event has an interval of length zero, whose logarithm may not be taken.
    inside = xp.where(rows["within"] > 0.0, event, 1.0)
    happened = rows["exact"] * density + rows["within"] * log_happened(inside, xp)
    return rows["weight"] * (happened - watched)


def build(data: Mapping[str, np.ndarray], priors: Mapping[str, Prior], sizes: Any) -> Any:
    """Make the PyMC model.

    Parameters
    ----------
    data : mapping
        :data:`GROUPED`; each enters as ``pm.Data``.
    priors : mapping
        Of :data:`FAMILIES`; without ``log_shape`` the shape is one, without ``frailty_sd`` there
        is no frailty. ``effect`` is of one unit of a scaled covariate.
    sizes : mapping of str to int
        ``stratum``, ``covariate``, ``cluster``.
    """
    import pymc as pm
    import pytensor.tensor as pt

    with pm.Model() as model:
        shared = {name: pm.Data(name, data[name], shape=data[name].shape) for name in GROUPED}
        theta = {
            name: variable(name, [priors[name]], size=sizes[along])
            for name, along in ALONG.items()
            if name in priors
        }
        if "frailty_sd" in priors:
            theta["frailty_sd"] = variable("frailty_sd", [priors["frailty_sd"]])
            theta["frailty_raw"] = pm.Normal("frailty_raw", 0.0, 1.0, shape=sizes["cluster"])
        term = term_log_likelihood(theta, shared, pt)
        pm.CustomDist("events", term, logp=_given, observed=shared["term_event"])
        if data["interval_weight"].shape[0]:
            within = interval_log_likelihood(theta, shared, pt)
            pm.CustomDist("intervals", within, logp=_given, observed=shared["interval_weight"])
    return model


ALONG = {"intercept": "stratum", "log_shape": "stratum", "effect": "covariate"}
"""Parameters that repeat, and along what."""


def prior_draws(
    priors: Mapping[str, Prior], sizes: Mapping[str, int], *, n: int, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Draw the free parameters from their priors: each array (draw, …). NumPy only."""
    found = {
        name: draws(priors[name], rng, (n, sizes[along]))
        for name, along in ALONG.items()
        if name in priors
    }
    if "frailty_sd" in priors:
        found["frailty_sd"] = draws(priors["frailty_sd"], rng, (n,))
        found["frailty_raw"] = rng.normal(size=(n, sizes["cluster"]))
    return found


def _of(values: Any, places: Any) -> Any:
    """Pick values by place; one alone is broadcast, for gathering it is slow to differentiate."""
    return values if _length(values) == 1 else values[..., places]


def _length(array: Any) -> int:
    """Length of the last axis, known before anything is computed."""
    return int((array.type.shape if hasattr(array, "type") else array.shape)[-1])


def _given(_value: Any, term: Any) -> Any:
    """Log-likelihood of a term whose data are spread over several arrays: computed already."""
    return term


def cluster_log_likelihood(
    theta: Mapping[str, np.ndarray], rows: Mapping[str, np.ndarray], order: int = 15
) -> np.ndarray:
    r"""Log-likelihood of every cluster, its frailty integrated out. NumPy only.

    :math:`\log\int \prod_{i\in j} p(y_i\mid u)\,N(u; 0, \sigma^2)\,du` by Gauss–Hermite nodes
    centred on the mode of :math:`D_j u - H_j e^u - u^2/2\sigma^2` and scaled by its curvature.

    Parameters
    ----------
    theta : mapping
        Draws, each (draw, …); what ``frailty_raw`` they hold is not read.
    rows : mapping
        As in :func:`row_log_likelihood`.
    order : int
        Nodes.

    Returns
    -------
    ndarray (draw, cluster)
    """
    fixed = {name: values for name, values in theta.items() if not name.startswith("frailty")}
    watched, inside, density = row_hazards(fixed, rows, np)
    weight, exact, within = rows["weight"], rows["exact"], rows["within"]
    cluster = rows["pattern_cluster"]
    count = int(cluster.max()) + 1
    events = np.bincount(cluster, weight * exact, count)
    later = np.bincount(cluster, weight * within, count)
    hazard = _by_cluster(weight * watched, cluster, count)
    rough = hazard + 0.5 * _by_cluster(weight * within * inside, cluster, count)
    scale = theta["frailty_sd"][:, None]
    mode = _frailty_modes(events + later, rough, scale)
    spread = 1.0 / np.sqrt(rough * np.exp(mode) + scale**-2.0)
    nodes, weights = np.polynomial.hermite.hermgauss(order)
    told = within > 0.0
    terms = []
    for node, share in zip(nodes, weights, strict=True):
        frailty = mode + np.sqrt(2.0) * spread * node
        value = events * frailty - hazard * np.exp(frailty)
        value = value - 0.5 * (frailty / scale) ** 2 - np.log(scale)
        if told.any():
            cumulative = inside[:, told] * np.exp(frailty[:, cluster[told]])
            value = value + _by_cluster(
                weight[told] * log_happened(cumulative, np), cluster[told], count
            )
        terms.append(value + node**2 + np.log(share))
    total = np.logaddexp.reduce(terms, axis=0) + np.log(spread) - 0.5 * np.log(np.pi)
    return np.asarray(total + _by_cluster(weight * exact * density, cluster, count))


def _frailty_modes(events: np.ndarray, hazard: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Modes of D u − H e^u − u²/2σ², by Newton's steps held to one unit."""
    mode = np.zeros(hazard.shape)
    for _ in range(60):
        grown = hazard * np.exp(mode)
        step = (events - grown - mode / scale**2) / (grown + scale**-2.0)
        mode = mode + np.clip(step, -1.0, 1.0)
        if np.abs(step).max() < 1e-8:
            break
    return mode


def _by_cluster(values: np.ndarray, cluster: np.ndarray, count: int) -> np.ndarray:
    """Add up rows by cluster: array (draw, cluster)."""
    return np.stack([np.bincount(cluster, each, count) for each in values])
