r"""Ratings: what a coder writes down of a driver, on seven levels from −3 to +3.

A rating is an ordered logistic reading of a signal :math:`\theta`,

.. math:: P(r \le k) = \operatorname{logit}^{-1}(c_k - \kappa\theta),

with the coder's discrimination :math:`\kappa` and cutpoints of common spacing whose location
depends on driver and source class (history or news).

* *History and anchors*: :math:`\theta = z + \delta + h\,1[\text{broke within 10 years}]`, where
  :math:`\delta \sim N(0,\tau_\delta^2)` is shared by the coders of one agreement and driver.
* *News*: :math:`\theta = x_t - \rho_\Delta x_{t-1} + \xi`, where
  :math:`\xi \sim N(0, \sigma_{\text{grade}}^2)` is shared by all ratings of one event; with chance
  :math:`\epsilon_{\text{grade}}` the event is noise, :math:`\theta \sim N(0, 1+\sigma^2)` whatever
  the driver does.

The sampler keeps the shared error of a coded thing, whose spread is given, as a whitened unknown.
An event's, whose spread is learned, is integrated out by quadrature (:func:`averaged_likelihood`):
of many events the spread and the errors mix too slowly together. Where a unit is left out or
predicted its errors are integrated out on more nodes (:func:`marginal_likelihood`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

LEVELS = 7
BEYOND = 1e3
"""Stands for the infinite outer cutpoints; its logistic tail is zero in double precision."""


def normal_rule(n: int, half_width: float) -> tuple[np.ndarray, np.ndarray]:
    """Equally spaced nodes and log weights that integrate against a standard normal.

    The trapezoid rule: for smooth integrands that vanish at both ends its error falls faster than
    any power of the spacing, where Gauss–Hermite needs many more nodes for sharp ratings.

    Returns
    -------
    nodes, log_weights : ndarray, shape (n,)
    """
    nodes = np.linspace(-half_width, half_width, n)
    weights = np.exp(-0.5 * nodes**2)
    return nodes, np.log(weights / weights.sum())


ERROR_RULE = normal_rule(51, 5.0)
"""Nodes for shared errors: within 0.01 of adaptive quadrature a thing (tested)."""

SHORT_RULE = normal_rule(9, 3.5)
"""Nodes for errors narrow beside the logistic law, as the coders' shared one is (tested)."""


SAMPLER_RULE = normal_rule(25, 4.2)
"""Nodes for the errors of events in the sampler: fewer, since each is evaluated at every step. Over
draws of a posterior the error of the sum over all events varies by hundredths (tested)."""


def offsets(gaps: Any, xp: Any) -> Any:
    """Cutpoints around a location of zero, with an outer one far away on either side.

    Parameters
    ----------
    gaps : array (..., 5)
        Positive distances between neighbouring cutpoints.

    Returns
    -------
    array (..., 8)
        ``[-BEYOND, c_1 … c_6, BEYOND]``, the inner six with mean zero.
    """
    zero = gaps[..., :1] * 0.0
    inner = xp.concatenate([zero, xp.cumsum(gaps, axis=-1)], axis=-1)
    inner = inner - inner.mean(-1, keepdims=True)
    return xp.concatenate([zero - BEYOND, inner, zero + BEYOND], axis=-1)


def log_probability(predictor: Any, lower: Any, upper: Any, xp: Any) -> Any:
    r"""Log probability of the level between two cutpoints.

    With :math:`A = e^{\eta-u}` and :math:`B = e^{l-\eta}`,
    :math:`\sigma(u-\eta)-\sigma(l-\eta) = (1-AB)/(1+A+B+AB)`: no difference of nearly equal
    numbers, one exponential and one logarithm a node. Good for :math:`|\eta| < 700`.

    Parameters
    ----------
    predictor : array
        :math:`\eta = \kappa\theta`.
    lower, upper : array
        Cutpoints either side of the rating, lower < upper.
    """
    grown = xp.exp(predictor)
    both = xp.exp(lower - upper)
    return xp.log1p(-both) - xp.log1p(grown * xp.exp(-upper) + xp.exp(lower) / grown + both)


def sum_by_thing(values: Any, last: Any, xp: Any) -> Any:
    """Sum consecutive readings that belong to one thing.

    Parameters
    ----------
    values : array (..., reading)
        Readings of one thing stand together.
    last : integer array (thing,)
        Place of each thing's last reading.

    Returns
    -------
    array (..., thing)
    """
    ends = xp.cumsum(values, axis=-1)[..., last]
    return xp.concatenate([ends[..., :1], ends[..., 1:] - ends[..., :-1]], axis=-1)


def readings_likelihood(
    theta: Any,
    discrimination: Any,
    lower: Any,
    upper: Any,
    thing: Any,
    last: Any,
    *,
    xp: Any,
) -> Any:
    """Log-likelihood of the readings of each thing, given what their readers saw of it.

    Parameters
    ----------
    theta : array (..., thing)
        Signal and shared error.
    discrimination, lower, upper : array (..., reading)
        The coder's discrimination and the cutpoints either side of what they wrote.
    thing : integer array (reading,)
        What each reading is of; readings of one thing stand together.
    last : integer array (thing,)
        Place of each thing's last reading.

    Returns
    -------
    array (..., thing)
    """
    each = log_probability(discrimination * theta[..., thing], lower, upper, xp)
    return sum_by_thing(each, last, xp)


def averaged_likelihood(
    signal: Any,
    error_sd: Any,
    discrimination: Any,
    grown_lower: Any,
    shrunk_upper: Any,
    *,
    xp: Any,
    rule: tuple[np.ndarray, np.ndarray] = SAMPLER_RULE,
) -> Any:
    r"""Log-likelihood of things with equally many readings, their shared error integrated out.

    As :func:`marginal_likelihood`, for a sampler's graph: probabilities
    :math:`(1-AB)/(1+A+B+AB)` are multiplied as they are, so that a node and reading take one
    exponential and no logarithm. Good for :math:`|\eta|` up to some hundred. In a graph its slopes
    are worked out beside it (:func:`averaged_with_slopes`), which is faster than to have the graph
    differentiated.

    Parameters
    ----------
    signal, error_sd : array (..., thing)
    discrimination : array (..., reading, thing)
    grown_lower, shrunk_upper : array (..., reading, thing)
        :math:`e^l` and :math:`e^{-u}` of the cutpoints either side of what was written.
    xp : namespace
    rule : pair of ndarray
        Nodes and log weights of :func:`normal_rule`.

    Returns
    -------
    array (..., thing)
    """
    inputs = (signal, error_sd, discrimination, grown_lower, shrunk_upper)
    if xp is np:
        return averaged_with_slopes(inputs, xp=xp, rule=rule)[0]
    from pytensor.gradient import disconnected_grad

    # To differentiation a line through the value with these slopes; to everything else the value.
    held = [disconnected_grad(each) for each in inputs]
    value, *slopes = averaged_with_slopes(held, xp=xp, rule=rule)
    rises = [s * (each - h) for s, each, h in zip(slopes, inputs, held, strict=True)]
    return value + rises[0] + rises[1] + (rises[2] + rises[3] + rises[4]).sum(-2)


def averaged_with_slopes(
    inputs: Sequence[Any], *, xp: Any, rule: tuple[np.ndarray, np.ndarray] = SAMPLER_RULE
) -> tuple[Any, Any, Any, Any, Any, Any]:
    """Give :func:`averaged_likelihood` and its slopes in each of its five inputs.

    Parameters
    ----------
    inputs : sequence of array
        The five, in its order.

    Returns
    -------
    value, of signal, of error_sd : array (..., thing)
    of discrimination, of grown_lower, of shrunk_upper : array (..., reading, thing)
    """
    signal, error_sd, discrimination, grown_lower, shrunk_upper = inputs
    nodes, log_weights = rule
    at = signal[..., None, :] + error_sd[..., None, :] * nodes[:, None]
    grown = xp.exp(discrimination[..., :, None, :] * at[..., None, :, :])
    shrunk = 1.0 / grown
    both = grown_lower * shrunk_upper
    above = grown * shrunk_upper[..., :, None, :]
    below = shrunk * grown_lower[..., :, None, :]
    each = 1.0 + both[..., :, None, :] + above + below
    product = each[..., 0, :, :]
    for place in range(1, _readings_in(discrimination)):
        product = product * each[..., place, :, :]
    weight = np.exp(log_weights)[:, None] / product
    total = weight.sum(-2)
    value = xp.log(total) + xp.log1p(-both).sum(-2)
    # Over the nodes, given the readings: 1/e, e^η/e and e^-η/e, and the last two by the node.
    share = weight[..., None, :, :] / (each * total[..., None, None, :])
    told, more, less = share.sum(-2), (share * grown).sum(-2), (share * shrunk).sum(-2)
    turned = (share * (below - above) * nodes[:, None]).sum(-2)
    by_eta = less * grown_lower - more * shrunk_upper
    certain = told + 1.0 / (1.0 - both)
    return (
        value,
        (discrimination * by_eta).sum(-2),
        (discrimination * turned).sum(-2),
        signal[..., None, :] * by_eta + error_sd[..., None, :] * turned,
        -certain * shrunk_upper - less,
        -certain * grown_lower - more,
    )


def _readings_in(table: Any) -> int:
    return int(table.shape[-2] if isinstance(table, np.ndarray) else table.type.shape[-2])


def marginal_likelihood(
    signal: Any,
    error_sd: Any,
    discrimination: Any,
    lower: Any,
    upper: Any,
    thing: Any,
    last: Any,
    *,
    rule: tuple[np.ndarray, np.ndarray] = ERROR_RULE,
) -> Any:
    """Log-likelihood of the readings of each thing, their shared error integrated out. NumPy only.

    Parameters
    ----------
    signal, error_sd : array (..., thing)
    discrimination, lower, upper, thing, last
        As in :func:`readings_likelihood`.
    rule : pair of ndarray
        Nodes and log weights of :func:`normal_rule`: equally spaced, an odd number.

    Returns
    -------
    array (..., thing)
    """
    lead = np.broadcast_shapes(
        *(np.shape(each)[:-1] for each in (signal, error_sd, discrimination, lower, upper))
    )
    things, readings = len(last), len(thing)
    widths = {"signal": things, "error_sd": things}
    given = {
        name: np.broadcast_to(values, (*lead, widths.get(name, readings))).reshape(
            -1, widths.get(name, readings)
        )
        for name, values in (
            ("signal", signal),
            ("error_sd", error_sd),
            ("discrimination", discrimination),
            ("lower", lower),
            ("upper", upper),
        )
    }
    total = np.empty((len(given["signal"]), things))
    rows = max(BLOCK // max(readings, 1), 1)
    for start in range(0, len(total), rows):
        block = slice(start, start + rows)
        some = {name: values[block] for name, values in given.items()}
        total[block] = _by_products(**some, thing=thing, last=last, rule=rule)
        lost = ~(total[block] > LOG_LEAST).all(axis=-1)
        if lost.any():
            few = {name: values[lost] for name, values in some.items()}
            total[start + np.flatnonzero(lost)] = _by_logs(**few, thing=thing, last=last, rule=rule)
    return total.reshape((*lead, things))


BLOCK = 2**15
"""Readings at draws that are worked on together: few enough to stay near the processor."""

LOG_LEAST = -600.0
"""Log-likelihoods below which products are taken by logarithms."""


def _by_products(
    signal: np.ndarray,
    error_sd: np.ndarray,
    discrimination: np.ndarray,
    lower: np.ndarray,
    upper: np.ndarray,
    *,
    thing: np.ndarray,
    last: np.ndarray,
    rule: tuple[np.ndarray, np.ndarray],
) -> np.ndarray:
    """Log-likelihood of each thing's readings, (draw, thing), without logarithms within.

    The probability of a reading is :math:`(1-AB)/(1+AB+A+B)`, as :func:`log_probability` has it,
    and from a node to the next :math:`A` and :math:`1/B` grow by the same factor. Minus infinity
    or not a number where products are beyond what numbers can hold.
    """
    nodes, log_weights = rule
    order, layers = _layers(last)
    middle, weights = len(nodes) // 2, np.exp(log_weights)
    kappa, low, high = (each.T[order] for each in (discrimination, lower, upper))
    of = thing[order]
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        centre = kappa * (signal + error_sd * nodes[middle]).T[of]
        factor = np.exp(kappa * ((nodes[1] - nodes[0]) * error_sd).T[of])
        both = np.exp(low - high)
        rest, ahead = 1.0 + both, np.log1p(-both)
        above, below = np.exp(centre - high), np.exp(low - centre)
        total = weights[middle] / _products(rest + above + below, layers)
        for growing, shrinking, places in (
            (above.copy(), below.copy(), range(middle + 1, len(nodes))),
            (below, above, range(middle - 1, -1, -1)),
        ):
            each = np.empty_like(rest)
            inverse = 1.0 / factor
            for place in places:
                growing *= factor
                shrinking *= inverse
                np.add(rest, growing, out=each)
                each += shrinking
                total += weights[place] / _products(each, layers)
        sums = _products(ahead, layers, np.add)
        return np.asarray((np.log(total) + sums).T)


def _layers(last: np.ndarray) -> tuple[np.ndarray, list[tuple[np.ndarray, slice]]]:
    """Order readings so that the first ones of all things come first, then the second ones.

    Returns
    -------
    order : integer array (reading,)
    layers : list of (things, places)
        Which things have a reading so late, and where in that order these stand.
    """
    first = np.concatenate([[0], last[:-1] + 1])
    count, order, layers, place = last - first + 1, [], [], 0
    for layer in range(int(count.max(initial=0))):
        mine = np.flatnonzero(count > layer)
        order.append(first[mine] + layer)
        layers.append((mine, slice(place, place + len(mine))))
        place += len(mine)
    return np.concatenate([*order, np.empty(0, dtype=int)]).astype(int), layers


def _products(
    values: np.ndarray, layers: list[tuple[np.ndarray, slice]], combine: np.ufunc = np.multiply
) -> np.ndarray:
    """Combine the readings of each thing: (reading, draw) in order of layers to (thing, draw)."""
    total = values[layers[0][1]].copy() if layers else np.empty((0, values.shape[1]))
    for mine, places in layers[1:]:
        total[mine] = combine(total[mine], values[places])
    return total


def _by_logs(
    signal: np.ndarray,
    error_sd: np.ndarray,
    discrimination: np.ndarray,
    lower: np.ndarray,
    upper: np.ndarray,
    *,
    thing: np.ndarray,
    last: np.ndarray,
    rule: tuple[np.ndarray, np.ndarray],
) -> np.ndarray:
    """Do as :func:`_by_products` for what is very unlikely: slower, over all the numbers' range."""
    total = np.full(signal.shape, -np.inf)
    both = lower - upper
    ahead, rest = np.log1p(-np.exp(both)), np.log1p(np.exp(both))
    for node, log_weight in zip(*rule, strict=True):
        seen = discrimination * (signal + error_sd * node)[:, thing]
        either = np.logaddexp(seen - upper, lower - seen)
        each = sum_by_thing(ahead - np.logaddexp(rest, either), last, np)
        total = np.logaddexp(total, each + log_weight)
    return total


def with_noise(told: Any, unrelated: Any, noise: Any, xp: Any) -> Any:
    r"""Allow that an event is noise: :math:`\log[(1-\epsilon)\,p + \epsilon\,q]`.

    Parameters
    ----------
    told : array (..., event)
        Log-likelihood given the driver.
    unrelated : array (..., event)
        Log-likelihood when the signal is a draw of its own from :math:`N(0, 1+\sigma^2)`.
    noise : array (..., event)
        :math:`\epsilon` of the event's grade.
    """
    return xp.logaddexp(xp.log1p(-noise) + told, xp.log(noise) + unrelated)


def level_chances(
    signal: np.ndarray,
    error_sd: np.ndarray,
    discrimination: np.ndarray,
    cutpoints: np.ndarray,
    *,
    rule: tuple[np.ndarray, np.ndarray] = ERROR_RULE,
) -> np.ndarray:
    """Chance of each level of one reading, its error integrated out. NumPy only.

    Parameters
    ----------
    signal : array (draw, ...)
    error_sd, discrimination : array (draw,)
    cutpoints : array (draw, 6)
        The inner ones.
    rule : pair of ndarray
        Nodes and log weights of :func:`normal_rule`.

    Returns
    -------
    array (draw, ..., level)
    """
    wide = (slice(None), *(None,) * (signal.ndim - 1))
    falls = np.moveaxis(np.exp(-cutpoints)[(*wide, slice(None))], -1, 0)
    below = np.zeros((LEVELS - 1, *signal.shape))
    kappa, sd = discrimination[wide], error_sd[wide]
    for node, log_weight in zip(*rule, strict=True):
        weight, grown = np.exp(log_weight), np.exp(kappa * (signal + sd * node))
        # P(r <= k) = 1 / (1 + e^η e^-c): one exponential a node, whatever the number of levels.
        for k in range(LEVELS - 1):
            below[k] += weight / (1.0 + grown * falls[k])
    edges = np.concatenate([np.zeros((1, *signal.shape)), below, np.ones((1, *signal.shape))])
    return np.asarray(np.moveaxis(np.diff(edges, axis=0), 0, -1))
