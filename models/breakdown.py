r"""Breakdown: drivers, ratings, indicators and the hazard, joined in one model.

The default model. :func:`latents` turns free parameters into what they mean, and
:func:`log_likelihoods` gives one term an agreement, rated thing, event, window and stream. Both
compute in PyTensor (:func:`build`, for the sampler) and in NumPy (on draws, for the pointwise
log-likelihood, prior predictive draws and forecasts): the mathematics stands once.

Data are the arrays that :func:`durability.assembly.assemble` gives, by the names used here.
Free parameters (``theta``):

===================== ========================= ====================================
name                  shape                     meaning
===================== ========================= ====================================
partial_correlation   6                         canonical, on (0, 1)
persistence           scalar                    ρ²
half_life_months      scalar                    of a deviation from the standing
standing_raw          driver                    the case's own standing, whitened
path_raw              month, driver             the case's innovations, whitened
history_raw           agreement, driver         standings of history, whitened
discrimination        coder                     κ
cutpoint_location     driver × class            history first, then news
cutpoint_gap          5                         between neighbouring cutpoints
level_change          scalar                    ρ_Δ
event_error           3                         σ_A, then steps to σ_B and σ_C
noise                 3                         ε by grade
intercept             stream                    α
shape                 scalar                    typical s of the three marks
shape_raw, _spread    mark; scalar              departures of log s
abrogation_shape      scalar                    not pooled with the marks
effect_mean           driver                    β̄
effect_raw, _spread   stream, driver; scalar    departures of β
covariate_effect      covariate                 γ
cluster_raw, _sd      cluster; scalar           frailty of a family of conflicts
dyad_raw, _sd         dyad; scalar              frailty of a pair of states
coding_error_raw      thing                     δ of an agreement and driver, whitened
indicator_*           indicator                 intercept, slope, dispersion
===================== ========================= ====================================

The errors ξ of single events are integrated out: of a hundred events and more they all but fix
their spread σ, and a sampler that has both hardly moves.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from durability.models import drivers, hazard, indicators, ratings
from durability.models.parameters import (
    FAMILIES,
    Prior,
    draws,
    log_density,
    numbers_of,
    variable,
)

from durability.vocabulary import COVARIATES, DRIVERS, GRADES, STREAMS

GROUPS: Mapping[str, tuple[str, ...]] = {
    "persistence": ("persistence",),
    "half_life_months": ("half_life_months",),
    "discrimination": ("discrimination",),
    "cutpoint_location": ("cutpoint_location",),
    "cutpoint_gap": ("cutpoint_gap",),
    "level_change": ("level_change",),
    "event_error": ("event_error_a", "event_error_step_b", "event_error_step_c"),
    "noise": tuple(f"noise_{grade.lower()}" for grade in GRADES),
    "intercept": tuple(f"intercept_{stream}" for stream in STREAMS),
    "shape": ("shape",),
    "shape_spread": ("shape_spread",),
    "abrogation_shape": ("abrogation_shape",),
    "effect_mean": tuple(f"effect_{driver}" for driver in DRIVERS),
    "effect_spread": ("effect_spread",),
    "covariate_effect": tuple(f"covariate_{covariate}" for covariate in COVARIATES),
    "cluster_sd": ("cluster_sd",),
    "dyad_sd": ("dyad_sd",),
    "indicator_intercept": ("indicator_intercept",),
    "indicator_slope": ("indicator_slope",),
    "indicator_dispersion": ("indicator_dispersion",),
}
"""Free parameters with a prior in the prior file: the names there, by the name here."""

REPEATED: Mapping[str, str] = {
    "discrimination": "coder",
    "cutpoint_location": "location",
    "cutpoint_gap": "gap",
    "indicator_intercept": "indicator",
    "indicator_slope": "indicator",
    "indicator_dispersion": "indicator",
}
"""Parameters that repeat along a dimension with one prior."""

WHITENED: Mapping[str, tuple[str, ...]] = {
    "standing_raw": ("driver",),
    "path_raw": ("month", "driver"),
    "history_raw": ("agreement", "driver"),
    "shape_raw": ("mark",),
    "effect_raw": ("stream", "driver"),
    "cluster_raw": ("cluster",),
    "dyad_raw": ("dyad",),
    "coding_error_raw": ("thing",),
}
"""Standard normal variables and their dimensions."""

FIXED = ("shared_error", "hindsight")
"""Not identified by the data: fixed numbers of the prior file, varied in sensitivities."""

FORWARD: Mapping[str, tuple[str, ...]] = {
    "condition_effect": ("lognormal",),
    "condition_dependence": ("halfnormal", "lognormal", "gamma", "exponential"),
    "stage_signed": ("normal",),
    "stage_ratified": ("normal",),
    "stage_in_force": ("normal",),
}
"""Of what lies ahead alone (:mod:`durability.models.conditions`): drawn, never learned here."""

SHARES = ("persistence", "level_change", "noise")
"""Groups that lie between 0 and 1."""

UNBOUNDED = (
    "cutpoint_location",
    "intercept",
    "effect_mean",
    "covariate_effect",
    "indicator_intercept",
)
"""Groups of either sign; what is neither a share nor unbounded is above 0."""


def _families(group: str) -> tuple[str, ...]:
    """Families of priors that a group can have."""
    if group in SHARES:
        return ("beta",)
    return tuple(each for each in FAMILIES if each != "normal" or group in UNBOUNDED)


PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "correlation": ("lkj",),
    **{name: _families(group) for group, names in GROUPS.items() for name in names},
    **{name: ("fixed",) for name in FIXED},
    **FORWARD,
}
"""Every parameter that a prior file must give, and no other; and its families of priors."""


def latents(theta: Mapping[str, Any], data: Mapping[str, Any], xp: Any) -> dict[str, Any]:
    """What the free parameters mean.

    Parameters
    ----------
    theta : mapping
        Free parameters, each with any leading dimensions.
    data : mapping
        Arrays of :func:`durability.assembly.assemble`.
    xp : namespace
        ``numpy`` or ``pytensor.tensor``.

    Returns
    -------
    dict
        ``cholesky (driver, driver_)``, ``autoregressive``, ``standing (driver)``,
        ``pressure (month, driver)``, ``history_standing (agreement, driver)``,
        ``event_sd (grade)``, ``shapes (stream)``, ``effects (stream, driver)``,
        ``frailty`` (clusters first, then dyads).
    """
    cholesky = drivers.correlation_cholesky(xp, 2.0 * theta["partial_correlation"] - 1.0)
    rho2 = theta["persistence"]
    phi = drivers.autoregression(theta["half_life_months"])
    mu = drivers.standing(rho2, cholesky, theta["standing_raw"], xp)
    raw = theta["path_raw"]
    months = raw.shape[-2] if xp is np else data["months"]
    y = drivers.deviations(rho2, phi, cholesky, raw, xp, months=months)
    log_shape = (
        xp.log(theta["shape"])[..., None] + theta["shape_spread"][..., None] * theta["shape_raw"]
    )
    shapes = xp.concatenate([xp.exp(log_shape), theta["abrogation_shape"][..., None]], axis=-1)
    return {
        "cholesky": cholesky,
        "autoregressive": phi,
        "standing": mu,
        "pressure": mu[..., None, :] + y,
        "history_standing": drivers.correlated(cholesky, theta["history_raw"]),
        "event_sd": xp.cumsum(theta["event_error"], axis=-1),
        "shapes": shapes,
        "effects": effects(theta),
        "frailty": xp.concatenate(
            [
                theta["cluster_sd"][..., None] * theta["cluster_raw"],
                theta["dyad_sd"][..., None] * theta["dyad_raw"],
            ],
            axis=-1,
        ),
    }


def effects(theta: Mapping[str, Any]) -> Any:
    r"""Effects :math:`\beta_k`, partially pooled over streams: array (..., stream, driver)."""
    spread = theta["effect_spread"][..., None, None]
    return theta["effect_mean"][..., None, :] + spread * theta["effect_raw"]


def log_likelihoods(
    theta: Mapping[str, Any], latent: Mapping[str, Any], data: Mapping[str, Any], xp: Any
) -> dict[str, Any]:
    """Log-likelihood of everything observed, a term a unit.

    Returns
    -------
    dict
        ``outcomes (agreement)``, ``codings (thing)``, ``holding (stream)``, and where there are
        any ``events (event)`` and ``counts (window)``.
    """
    terms = {
        "outcomes": outcomes(theta, latent, data, xp),
        "codings": codings(theta, latent, data, xp),
        "holding": holding(theta, latent, data, xp),
    }
    if "event_driver" in data:
        terms["events"] = events(theta, latent, data, xp)
    if "window_count" in data:
        terms["counts"] = counts(theta, latent, data, xp)
    return terms


def log_scales(theta: Mapping[str, Any], latent: Mapping[str, Any], data: Mapping[str, Any]) -> Any:
    r""":math:`\alpha_k + \gamma^\top w + u_{\text{cluster}} + u_{\text{dyad}}` for each row.

    Returns
    -------
    array (..., row, stream)
        Agreements of history first, the case last.
    """
    shift = (theta["covariate_effect"][..., None, :] * data["row_covariates"]).sum(-1)
    shift = shift + latent["frailty"][..., data["row_cluster"]]
    shift = shift + latent["frailty"][..., data["row_dyad"]]
    return theta["intercept"][..., None, :] + shift[..., :, None]


def history_hazards(
    theta: Mapping[str, Any],
    latent: Mapping[str, Any],
    data: Mapping[str, Any],
    log_ages: Any,
    scale: Any,
    xp: Any,
) -> tuple[Any, Any]:
    """Expected hazard of each agreement of history, accumulated between ages.

    Parameters
    ----------
    log_ages : array (edge, agreement, stream)
        Logarithms of the ages where watching starts and stops and where the event's interval
        ends, in years.
    scale : array (..., agreement, stream)
        Of :func:`log_scales`.

    Returns
    -------
    watched, event : array (..., agreement, stream)
    """
    watched, event = hazard.accumulated(
        log_ages,
        scale,
        latent["shapes"][..., None, :],
        hazard.pull(latent["effects"], latent["history_standing"]),
        hazard.effect_variance(latent["effects"], latent["cholesky"])[..., None, :],
        theta["persistence"][..., None, None],
        latent["autoregressive"][..., None, None],
        xp,
    )
    return watched, event


def outcomes(
    theta: Mapping[str, Any], latent: Mapping[str, Any], data: Mapping[str, Any], xp: Any
) -> Any:
    """What became of each agreement of history, over all streams.

    Returns
    -------
    array (..., agreement)
    """
    scale = log_scales(theta, latent, data)[..., :-1, :]
    watched, day = history_hazards(theta, latent, data, data["history_log_ages"], scale, xp)
    event = data["history_event"]
    # A stream without an event has an empty interval, which must not reach log(0).
    safe = event * day + (1.0 - event)
    each = event * hazard.log_happened(safe, xp) - watched
    return data["history_weight"] * each.sum(-1)


def codings(
    theta: Mapping[str, Any], latent: Mapping[str, Any], data: Mapping[str, Any], xp: Any
) -> Any:
    """Ratings of agreements of history and anchors of the case, by their coders.

    Returns
    -------
    array (..., thing)
    """
    seen = coding_signal(latent, data, xp) + data["shared_error"] * theta["coding_error_raw"]
    count = first_of_events(data)
    scales = (each[..., :count] for each in scales_of_readings(theta, data, xp))
    thing, last = data["reading_thing"][:count], data["reading_last"]
    return ratings.readings_likelihood(seen, *scales, thing, last, xp=xp)


def events(
    theta: Mapping[str, Any], latent: Mapping[str, Any], data: Mapping[str, Any], xp: Any
) -> Any:
    """Ratings of events by coders or sources, the event's own error integrated out.

    Returns
    -------
    array (..., event)
    """
    told = event_signal(theta, latent, data, xp)
    sd = latent["event_sd"][..., data["event_grade"]]
    signal = xp.stack([told, 0.0 * told])
    spread = xp.stack([sd, xp.sqrt(1.0 + sd**2)])
    start, found, first = first_of_events(data), [], 0
    table = _cutpoints(theta, xp)
    level = data["reading_location"] * ratings.LEVELS + data["reading_level"]
    scales = (
        theta["discrimination"][..., data["reading_coder"]],
        _flat(xp.exp(table[..., :-1]), xp)[..., level],
        _flat(xp.exp(-table[..., 1:]), xp)[..., level],
    )
    for count, size in events_by_count(data):
        mine = slice(first, first + size)
        stops = [start + size * (place + 1) for place in range(count)]
        tables = (
            xp.stack([each[..., stop - size : stop] for stop in stops], axis=-2) for each in scales
        )
        found.append(
            ratings.averaged_likelihood(signal[..., mine], spread[..., mine], *tables, xp=xp)
        )
        first, start = mine.stop, stops[-1]
    both = xp.concatenate(found, axis=-1)
    noise = theta["noise"][..., data["event_grade"]]
    return ratings.with_noise(both[0], both[1], noise, xp)


def events_by_count(data: Mapping[str, Any]) -> list[tuple[int, int]]:
    """How many events there are with one reading, with two, and so on, in the order of the data."""
    names = [name for name in data if name.startswith(EVENTS_WITH)]
    return sorted((int(name.removeprefix(EVENTS_WITH)), size_of(data[name])) for name in names)


EVENTS_WITH = "events_with_"


def first_of_events(data: Mapping[str, Any]) -> int:
    """Place of the first reading of an event; those of codings stand before."""
    of_events = sum(count * size for count, size in events_by_count(data))
    return size_of(data["reading_level"]) - of_events


def readings_of(
    data: Mapping[str, np.ndarray], things: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Find the readings of some things, one thing after the other. NumPy only.

    Returns
    -------
    places : integer array (reading,)
    count : integer array (thing,)
        How many readings each thing has.
    """
    order = np.argsort(data["reading_thing"], kind="stable")
    ends = np.searchsorted(data["reading_thing"][order], np.append(things, things + 1))
    starts, stops = ends[: len(things)], ends[len(things) :]
    none = np.empty(0, dtype=int)
    places = [order[i:j] for i, j in zip(starts, stops, strict=True)]
    return np.concatenate([none, *places]), stops - starts


def size_of(array: Any) -> int:
    """Length of an array's first dimension, which is known before anything runs."""
    return int(array.shape[0] if isinstance(array, np.ndarray) else array.type.shape[0])


def scales_of_readings(
    theta: Mapping[str, Any], data: Mapping[str, Any], xp: Any
) -> tuple[Any, Any, Any]:
    """Discrimination of every reading, and the cutpoints either side of what it says.

    Returns
    -------
    array (..., reading), three times
    """
    flat = _flat(_cutpoints(theta, xp), xp)
    cut = data["reading_location"] * (ratings.LEVELS + 1) + data["reading_level"]
    return (
        theta["discrimination"][..., data["reading_coder"]],
        flat[..., cut],
        flat[..., cut + 1],
    )


def _cutpoints(theta: Mapping[str, Any], xp: Any) -> Any:
    """Cutpoints of every location, (..., location, cutpoint), the outer ones far away."""
    offset = ratings.offsets(theta["cutpoint_gap"], xp)
    return theta["cutpoint_location"][..., :, None] + offset[..., None, :]


def coding_signal(latent: Mapping[str, Any], data: Mapping[str, Any], xp: Any) -> Any:
    """Standing that the coders of an agreement read, hindsight included.

    Returns
    -------
    array (..., thing)
    """
    anchors = latent["pressure"][..., data["anchor_month"], :]
    standing = xp.concatenate([latent["history_standing"], anchors], axis=-2)
    cell = data["coding_row"] * len(DRIVERS) + data["coding_driver"]
    chosen = _flat(standing, xp)[..., cell]
    return chosen + data["hindsight"] * data["coding_broke"]


def _flat(values: Any, xp: Any) -> Any:
    """Join the last two dimensions: one index where there would be two."""
    return values.reshape((*values.shape[:-2], -1)) if xp is np else values.ravel()


def event_signal(
    theta: Mapping[str, Any], latent: Mapping[str, Any], data: Mapping[str, Any], xp: Any
) -> Any:
    r"""Level or change that an event tells of, :math:`x_t - \rho_\Delta x_{t-1}`.

    Returns
    -------
    array (..., event)
    """
    low, high = data["level_change_low"], data["level_change_high"]
    share = low + (high - low) * theta["level_change"]
    flat = _flat(latent["pressure"], xp)
    cell = data["event_month"] * len(DRIVERS) + data["event_driver"]
    now, before = flat[..., cell], flat[..., cell - len(DRIVERS)]
    return now - share[..., None] * before


def counts(
    theta: Mapping[str, Any], latent: Mapping[str, Any], data: Mapping[str, Any], xp: Any
) -> Any:
    """The count of each indicator's window.

    Returns
    -------
    array (..., window)
    """
    rates = indicators.monthly_rates(
        theta["indicator_intercept"],
        theta["indicator_slope"],
        latent["pressure"][..., data["indicator_driver"]],
        xp,
    )
    mean = indicators.window_mean(rates, data["window_share"], data["window_exposure"])
    dispersion = (theta["indicator_dispersion"][..., None, :] * data["window_of"]).sum(-1)
    return indicators.log_likelihood(data["window_count"], mean, dispersion, _log_gamma(xp), xp)


def holding(
    theta: Mapping[str, Any], latent: Mapping[str, Any], data: Mapping[str, Any], xp: Any
) -> Any:
    """That the case has held so far, and the rungs that did happen, a term a stream.

    Returns
    -------
    array (..., stream)
    """
    scale = log_scales(theta, latent, data)[..., -1:, :]
    shape = latent["shapes"][..., None, :]
    drive = latent["pressure"][..., data["case_month_index"], :]
    eta = scale + hazard.pull(latent["effects"], drive)
    span = hazard.weibull(data["case_log_start"], data["case_log_stop"], shape, xp)
    held = (xp.exp(eta) * span).sum(-2)
    event = data["case_event"]
    day = xp.exp(eta) * hazard.weibull(
        data["case_event_log_start"], data["case_event_log_stop"], shape, xp
    )
    safe = event * day.sum(-2) + (1.0 - event)
    return event * hazard.log_happened(safe, xp) - held


def build(data: Any, priors: Mapping[str, Prior], *, opened: Collection[str] = frozenset()) -> Any:
    """Make the joint model, ready to sample.

    Parameters
    ----------
    data : ModelData
        From :func:`durability.assembly.assemble`: its ``arrays``, ``dims`` and ``coords``.
    priors : mapping of str to Prior
        One for each of :data:`PARAMETERS`.
    opened : collection of str
        Names of :func:`prior_arrays` that become data too, to be changed without compiling again.

    Returns
    -------
    pymc.Model
        Every array of `data` is a ``pm.Data`` of the same name.
    """
    import pymc as pm
    import pytensor.tensor as pt

    with pm.Model(coords={name: list(values) for name, values in data.coords.items()}) as model:
        shared: dict[str, Any] = {
            name: pm.Data(name, values, shape=values.shape)
            for name, values in all_arrays(data, priors).items()
        }
        shared["months"] = len(data.coords["month"])
        numbers = prior_arrays(data, priors)
        given = {name: pm.Data(name, numbers[name], shape=numbers[name].shape) for name in opened}
        theta = free_parameters(data, priors, given=given)
        latent = latents(theta, shared, pt)
        for name, term in log_likelihoods(theta, latent, shared, pt).items():
            pm.CustomDist(name, term, logp=_given, observed=shared[OBSERVED[name]])
    return model


def replicated_readings(
    theta: Mapping[str, np.ndarray],
    latent: Mapping[str, np.ndarray],
    data: Mapping[str, np.ndarray],
    rng: np.random.Generator,
) -> np.ndarray:
    """Ratings that the model would give: every reading again, with new errors. NumPy only.

    Returns
    -------
    integer array (draw, reading)
        Levels 0 to 6, of codings and events.
    """
    signal = coding_signal(latent, data, np)
    seen = signal + data["shared_error"] * rng.standard_normal(signal.shape)
    if "event_driver" in data:
        told = event_signal(theta, latent, data, np)
        sd = latent["event_sd"][..., data["event_grade"]]
        noise = rng.random(told.shape) < theta["noise"][..., data["event_grade"]]
        unrelated = np.sqrt(1.0 + sd**2) * rng.standard_normal(told.shape)
        error = sd * rng.standard_normal(told.shape)
        seen = np.concatenate([seen, np.where(noise, unrelated, told + error)], axis=-1)
    offset = ratings.offsets(theta["cutpoint_gap"], np)[..., 1:-1]
    location = theta["cutpoint_location"][..., data["reading_location"]]
    eta = theta["discrimination"][..., data["reading_coder"]]
    eta = eta * seen[..., data["reading_thing"]] + rng.logistic(size=location.shape)
    above = [eta > location + offset[..., k, None] for k in range(ratings.LEVELS - 1)]
    return np.asarray(sum(each.astype(np.int8) for each in above))


def extended(
    theta: Mapping[str, np.ndarray], latent: Mapping[str, np.ndarray], raw: np.ndarray
) -> np.ndarray:
    """Carry the case's drivers forward. NumPy only.

    Parameters
    ----------
    raw : array (draw, month, driver)
        Standard normal.

    Returns
    -------
    array (draw, month, driver)
    """
    path: np.ndarray = drivers.extend(
        latent["standing"],
        latent["pressure"][:, -1],
        theta["persistence"],
        latent["autoregressive"],
        latent["cholesky"],
        raw,
    )
    return path


def case_increments(
    theta: Mapping[str, np.ndarray],
    latent: Mapping[str, np.ndarray],
    data: Mapping[str, np.ndarray],
    pressure: np.ndarray,
    log_ages: np.ndarray,
) -> np.ndarray:
    """Hazard that the case accumulates in each month of a path. NumPy only.

    Parameters
    ----------
    pressure : array (draw, month, driver)
    log_ages : array (edge, month, stream)
        Logarithms of the ages in years at which each month begins and ends.

    Returns
    -------
    array (draw, month, stream)
    """
    case = {**data, **{name: data[name][-1:] for name in _ROWS}}
    # A product of matrices for every draw: many times as fast as hazard.pull, which avoids Dot
    # nodes, and a forecast takes many of these.
    pulled = np.matmul(pressure, np.swapaxes(latent["effects"], -1, -2))
    eta = log_scales(theta, latent, case) + pulled
    shape = latent["shapes"][..., None, :]
    return np.asarray(np.exp(eta) * hazard.weibull(log_ages[0], log_ages[1], shape, np))


_ROWS = ("row_covariates", "row_cluster", "row_dyad")


def all_arrays(data: Any, priors: Mapping[str, Prior]) -> dict[str, np.ndarray]:
    """Give the data's arrays and the fixed numbers of the prior set, by name."""
    fixed = {name: np.asarray(priors[name].values["value"], dtype=float) for name in FIXED}
    return {**data.arrays, **fixed}


OBSERVED: Mapping[str, str] = {
    "outcomes": "history_years",
    "codings": "coding_mean",
    "events": "event_mean",
    "counts": "window_count",
    "holding": "case_years",
}
"""The array that stands for each likelihood term among the observed data."""

UNREAD = frozenset(OBSERVED.values()) - {"window_count"}
"""Those of them that no likelihood reads: what they stand for is spread over several arrays."""


def _given(_value: Any, term: Any) -> Any:
    """Log-likelihood of a unit whose data are spread over several arrays: computed already."""
    return term


def parameter_names(data: Any) -> list[str]:
    """Names of the free parameters that the data call for."""
    return ["partial_correlation", *_groups_of(data), *_whitened_of(data)]


def describe(
    theta: Mapping[str, np.ndarray], data: Mapping[str, np.ndarray]
) -> dict[str, tuple[tuple[str, ...], np.ndarray]]:
    """Give what the free parameters mean, under the names that people read.

    Returns
    -------
    dict
        Name to dimensions (after those of the draws) and values: ``pressure``, ``standing``,
        ``history_standing``, ``beta``, ``weibull_shape``, ``correlation``, ``event_sd``.
    """
    latent = latents(theta, data, np)
    cholesky = latent["cholesky"]
    return {
        "pressure": (("month", "driver"), latent["pressure"]),
        "standing": (("driver",), latent["standing"]),
        "history_standing": (("agreement", "driver"), latent["history_standing"]),
        "beta": (("stream", "driver"), latent["effects"]),
        "weibull_shape": (("stream",), latent["shapes"]),
        "correlation": (
            ("driver", "other_driver"),
            (cholesky[..., :, None, :] * cholesky[..., None, :, :]).sum(-1),
        ),
        "event_sd": (("grade",), latent["event_sd"]),
    }


def free_parameters(
    data: Any, priors: Mapping[str, Prior], *, given: Mapping[str, Any] = MappingProxyType({})
) -> dict[str, Any]:
    """Make the free variables inside the current PyMC model.

    Parameters
    ----------
    given : mapping of str to PyTensor variable
        What stands for some of :func:`prior_arrays`.

    Returns
    -------
    dict
        ``theta`` of :func:`latents`.
    """
    import pymc as pm

    shapes = given.get(LKJ_SHAPES, drivers.lkj_shapes(priors["correlation"].values["eta"]))
    theta = {"partial_correlation": pm.Beta("partial_correlation", shapes, shapes)}
    for name in _groups_of(data):
        members = [priors[each] for each in GROUPS[name]]
        along = REPEATED.get(name)
        size = len(data.coords[along]) if along else None
        theta[name] = variable(name, members, dims=along, size=size, given=given)
    for name, dims in _whitened_of(data).items():
        # A static shape beside the dimensions: half the nodes to compile.
        shape = tuple(len(data.coords[dim]) for dim in dims)
        theta[name] = pm.Normal(name, dims=dims, shape=shape)
    return theta


def prior_arrays(data: Any, priors: Mapping[str, Prior]) -> dict[str, np.ndarray]:
    """Give the numbers of every free parameter's prior, by the names that :func:`build` opens.

    Priors of the same families have the same names and shapes.
    """
    found = {LKJ_SHAPES: drivers.lkj_shapes(priors["correlation"].values["eta"])}
    for name in _groups_of(data):
        found |= numbers_of(name, [priors[each] for each in GROUPS[name]])
    return found


LKJ_SHAPES = "prior_partial_correlation_shape"


def _groups_of(data: Any) -> list[str]:
    counted = "indicator" in data.coords
    return [name for name in GROUPS if counted or not name.startswith("indicator_")]


def _whitened_of(data: Any) -> dict[str, tuple[str, ...]]:
    return {name: dims for name, dims in WHITENED.items() if set(dims) <= set(data.coords)}


def prior_draws(
    data: Any, priors: Mapping[str, Prior], *, n: int, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Draw free parameters from their priors, without a compiled model.

    Parameters
    ----------
    n : int
        Number of draws, the first dimension of every array.

    Returns
    -------
    dict
        ``theta`` of :func:`latents`.
    """
    shapes = drivers.lkj_shapes(priors["correlation"].values["eta"])
    theta = {"partial_correlation": rng.beta(shapes, shapes, (n, shapes.size))}
    for name in _groups_of(data):
        members = [priors[each] for each in GROUPS[name]]
        repeated = (len(data.coords[REPEATED[name]]),) if name in REPEATED else ()
        if len(members) > 1:
            theta[name] = np.stack([draws(prior, rng, (n,)) for prior in members], axis=-1)
        else:
            theta[name] = draws(members[0], rng, (n, *repeated))
    for name, dims in _whitened_of(data).items():
        theta[name] = rng.standard_normal((n, *(len(data.coords[dim]) for dim in dims)))
    return theta


def log_prior_ratio(
    theta: Mapping[str, np.ndarray], before: Mapping[str, Prior], after: Mapping[str, Prior]
) -> np.ndarray:
    """Log prior density of draws under `after` less that under `before`. NumPy only.

    Whitened unknowns have the same density under both.

    Returns
    -------
    array (draw,)
    """
    new, old = log_priors(theta, after), log_priors(theta, before)
    return np.asarray(sum(new[name] - old[name] for name in new))


def log_priors(
    theta: Mapping[str, np.ndarray], priors: Mapping[str, Prior]
) -> dict[str, np.ndarray]:
    """Log prior density of draws, parameter by parameter. NumPy only.

    Whitened unknowns have the same density whatever the prior set says, and are left out; so is
    what is constant in the density of the correlation.

    Returns
    -------
    dict
        By the names of ``theta``, each (draw,).
    """
    shapes = drivers.lkj_shapes(priors["correlation"].values["eta"])
    partial = theta["partial_correlation"]
    found = {"partial_correlation": ((shapes - 1.0) * np.log(partial * (1.0 - partial))).sum(-1)}
    for name, members in GROUPS.items():
        if name not in theta:
            continue
        values = theta[name]
        each = [
            log_density(priors[member], values[..., m] if len(members) > 1 else values)
            for m, member in enumerate(members)
        ]
        found[name] = sum(term.reshape((len(partial), -1)).sum(-1) for term in each)
    return found


def _log_gamma(xp: Any) -> Any:
    # SciPy's takes a second to import, and no more than thousands of values are asked for.
    return np.vectorize(math.lgamma, otypes=[float]) if xp is np else xp.gammaln
