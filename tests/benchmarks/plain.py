r"""The breakdown model as a competent user of PyMC would first write it.

The same data, priors, free parameters and posterior as :mod:`durability.models.breakdown`, written
the plain way, so that tests/benchmarks/formulations.py can say what the other way gains:

* the AR(1) of the drivers is a Python loop over months;
* history is a table of agreement-months, 19,000 rows, each with the hazard of its own month;
* linear predictors are ``pt.dot``, the driver of a month or reading an index with two places;
* ratings are PyMC's ordered logistic, a reading at a time, cutpoints a row each;
* what is not one of PyMC's distributions is a ``pm.Potential``, and the data are constants.

Two things differ in the numbers. Within a month of history the log-mean of the drivers is held at
its value in the middle of the month, where the library integrates over age by Gauss nodes; the
Weibull part of the month is exact in both. PyMC's ordered logistic takes a difference of two
probabilities, where the library has one expression that does not cancel. Free parameters and their
priors are the library's own, which spares this model the compilation of thirty more of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from durability.models import breakdown, drivers

MONTHS_PER_YEAR = 12.0


def build(data: Any, priors: Mapping[str, Any]) -> pm.Model:
    """Make the joint model, the plain way.

    Parameters
    ----------
    data : ModelData
    priors : mapping of str to Prior
    """
    arrays = breakdown.all_arrays(data, priors)
    with pm.Model(coords={name: list(values) for name, values in data.coords.items()}) as model:
        theta = breakdown.free_parameters(data, priors)
        cholesky = drivers.correlation_cholesky(pt, 2.0 * theta["partial_correlation"] - 1.0)
        phi = 2.0 ** (-1.0 / theta["half_life_months"])
        pressure = driver_paths(theta, cholesky, phi, len(data.coords["month"]))
        standing = pt.dot(theta["history_raw"], cholesky.T)
        spread = theta["effect_spread"] * theta["effect_raw"]
        effects = theta["effect_mean"] + spread
        marks = pt.log(theta["shape"]) + theta["shape_spread"] * theta["shape_raw"]
        shapes = pt.concatenate([pt.exp(marks), theta["abrogation_shape"][None]])
        scale = log_scales(theta, arrays)
        add_history(theta, arrays, cholesky, phi, standing, effects, shapes, scale)
        add_holding(arrays, pressure, effects, shapes, scale)
        add_ratings(theta, arrays, pressure, standing)
        if "window_count" in arrays:
            add_counts(theta, arrays, pressure)
    return model


def driver_paths(theta: Mapping[str, Any], cholesky: Any, phi: Any, months: int) -> Any:
    """Standing and AR(1) of the case's drivers, month by month."""
    rho2 = theta["persistence"]
    mu = pt.sqrt(rho2) * pt.dot(cholesky, theta["standing_raw"])
    path = [pt.dot(cholesky, theta["path_raw"][0])]
    for month in range(1, months):
        shock = pt.dot(cholesky, theta["path_raw"][month])
        path.append(phi * path[-1] + pt.sqrt(1.0 - phi**2) * shock)
    return mu + pt.sqrt(1.0 - rho2) * pt.stack(path)


def log_scales(theta: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Any:
    """Intercept, covariates and frailties of every agreement; the last row is the case."""
    frailty = pt.concatenate(
        [theta["cluster_sd"] * theta["cluster_raw"], theta["dyad_sd"] * theta["dyad_raw"]]
    )
    shift = pt.dot(arrays["row_covariates"], theta["covariate_effect"])
    shift = shift + frailty[arrays["row_cluster"]] + frailty[arrays["row_dyad"]]
    return theta["intercept"][None, :] + shift[:, None]


def agreement_months(arrays: Mapping[str, np.ndarray]) -> tuple[np.ndarray, ...]:
    """Split what was watched of history into rows of a month each.

    Returns
    -------
    agreement : ndarray of int (row,)
    start, stop : ndarray (row, stream)
        Ages in years between which the row watches each stream; equal where it does not.
    middle : ndarray (row, 1)
        Age in the middle of the row's month.
    """
    first, last = np.exp(arrays["history_log_ages"][:2])
    count = np.ceil(last.max(1) * MONTHS_PER_YEAR).astype(int)
    agreement = np.repeat(np.arange(count.size), count)
    month = np.concatenate([np.arange(n) for n in count])[:, None]
    start = np.clip(month / MONTHS_PER_YEAR, first[agreement], last[agreement])
    stop = np.clip((month + 1) / MONTHS_PER_YEAR, first[agreement], last[agreement])
    return agreement, start, stop, (month + 0.5) / MONTHS_PER_YEAR


def add_history(
    theta: Mapping[str, Any],
    arrays: Mapping[str, np.ndarray],
    cholesky: Any,
    phi: Any,
    standing: Any,
    effects: Any,
    shapes: Any,
    scale: Any,
) -> None:
    """What became of the agreements of history."""
    agreement, start, stop, middle = agreement_months(arrays)
    pulled = pt.dot(standing, effects.T)
    variance = (pt.dot(effects, cholesky) ** 2).sum(-1)
    rho2 = theta["persistence"]

    def log_mean(age: np.ndarray, rows: Any) -> Any:
        g = rho2 + (1.0 - rho2) * phi ** (MONTHS_PER_YEAR * age)
        return scale[rows] + g * pulled[rows] + 0.5 * (1.0 - g**2) * variance

    watched = pt.exp(log_mean(middle, agreement)) * (stop**shapes - start**shapes)
    weight = arrays["history_weight"]
    pm.Potential("history_watched", -(weight[agreement][:, None] * watched).sum())
    _, last, end = np.exp(arrays["history_log_ages"])
    rows, streams = np.nonzero(arrays["history_event"])
    age = (last + end)[rows, streams][:, None] / 2.0
    rate = pt.exp(log_mean(age, rows))[np.arange(rows.size), streams]
    shape = shapes[streams]
    day = rate * (end[rows, streams] ** shape - last[rows, streams] ** shape)
    pm.Potential("history_events", (weight[rows] * pt.log(-pt.expm1(-day))).sum())


def add_holding(
    arrays: Mapping[str, np.ndarray], pressure: Any, effects: Any, shapes: Any, scale: Any
) -> None:
    """That the case has held, month by month, and what did happen to it."""
    eta = scale[-1] + pt.dot(pressure[arrays["case_month_index"]], effects.T)
    start, stop = np.exp(arrays["case_log_start"]), np.exp(arrays["case_log_stop"])
    pm.Potential("held", -(pt.exp(eta) * (stop**shapes - start**shapes)).sum())
    first, last = np.exp(arrays["case_event_log_start"]), np.exp(arrays["case_event_log_stop"])
    for stream in np.flatnonzero(arrays["case_event"]):
        shape = shapes[stream]
        span = last[:, stream] ** shape - first[:, stream] ** shape
        happened = (pt.exp(eta[:, stream]) * span).sum()
        pm.Potential(f"happened_{stream}", pt.log(-pt.expm1(-happened)))


def add_ratings(
    theta: Mapping[str, Any], arrays: Mapping[str, np.ndarray], pressure: Any, standing: Any
) -> None:
    """What the coders of agreements wrote, and the coders of news."""
    gap = pt.concatenate([pt.zeros(1), pt.cumsum(theta["cutpoint_gap"])])
    cutpoints = theta["cutpoint_location"][:, None] + (gap - gap.mean())[None, :]
    n_things = arrays["coding_row"].size
    thing = arrays["reading_thing"]
    rated = pt.concatenate([standing, pressure[arrays["anchor_month"]]])
    seen = rated[arrays["coding_row"], arrays["coding_driver"]]
    seen = seen + arrays["hindsight"] * arrays["coding_broke"]
    seen = seen + arrays["shared_error"] * theta["coding_error_raw"]
    own = np.flatnonzero(thing < n_things)
    pm.OrderedLogistic(
        "codings",
        eta=theta["discrimination"][arrays["reading_coder"][own]] * seen[thing[own]],
        cutpoints=cutpoints[arrays["reading_location"][own]],
        observed=arrays["reading_level"][own],
        compute_p=False,
    )
    if "event_driver" in arrays:
        add_events(theta, arrays, pressure, cutpoints)


def add_events(
    theta: Mapping[str, Any], arrays: Mapping[str, np.ndarray], pressure: Any, cutpoints: Any
) -> None:
    """Readings of news: of a driver with the event's own error, or of nothing at all.

    The errors are summed over by the trapezoid rule.
    """
    month, driver = arrays["event_month"], arrays["event_driver"]
    low, high = arrays["level_change_low"], arrays["level_change_high"]
    share = low + (high - low) * theta["level_change"]
    signal = pressure[month, driver] - share * pressure[month - 1, driver]
    sd = pt.cumsum(theta["event_error"])[arrays["event_grade"]]
    n_things, n_events = arrays["coding_row"].size, driver.size
    event = arrays["reading_thing"] - n_things
    own = np.flatnonzero(event >= 0)
    kappa = theta["discrimination"][arrays["reading_coder"][own]]
    cuts = cutpoints[arrays["reading_location"][own]]
    level = arrays["reading_level"][own]

    nodes = np.linspace(-4.2, 4.2, 25)
    weights = np.exp(-0.5 * nodes**2)

    def told(centre: Any, spread: Any) -> Any:
        felt = (centre + spread * nodes[:, None])[:, event[own]]
        dist = pm.OrderedLogistic.dist(eta=kappa * felt, cutpoints=cuts)
        nothing = pt.zeros((len(nodes), n_events))
        each = pt.inc_subtensor(nothing[:, event[own]], pm.logp(dist, level))
        return pt.logsumexp(each + np.log(weights / weights.sum())[:, None], axis=0)

    given = told(signal, sd)
    unrelated = told(0.0 * signal, pt.sqrt(1.0 + sd**2))
    noise = theta["noise"][arrays["event_grade"]]
    mixed = pt.logaddexp(pt.log1p(-noise) + given, pt.log(noise) + unrelated)
    pm.Potential("events", mixed.sum())


def add_counts(theta: Mapping[str, Any], arrays: Mapping[str, np.ndarray], pressure: Any) -> None:
    """Counts of the indicators, a window at a time."""
    rates = pt.exp(
        theta["indicator_intercept"]
        + theta["indicator_slope"] * pressure[:, arrays["indicator_driver"]]
    )
    n_windows = arrays["window_count"].size
    mean = pt.dot(arrays["window_share"].reshape(n_windows, -1), rates.ravel())
    pm.NegativeBinomial(
        "counts",
        mu=arrays["window_exposure"] * mean,
        alpha=pt.dot(arrays["window_of"], theta["indicator_dispersion"]),
        observed=arrays["window_count"].astype(int),
    )
