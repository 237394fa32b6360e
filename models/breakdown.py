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
covariate             covariate                 γ
cluster_raw, _sd      cluster; scalar           frailty of a family of conflicts
dyad_raw, _sd         dyad; scalar              frailty of a pair of states
indicator_*           indicator                 intercept, slope, dispersion
===================== ========================= ====================================
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from durability.models import drivers, hazard, indicators, ratings
from durability.models.parameters import Prior, draws, variable
from durability.vocabulary import COVARIATES, DRIVERS, GRADES, MARKS, STREAMS

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
    "covariate": tuple(f"covariate_{covariate}" for covariate in COVARIATES),
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
}
"""Standard normal variables and their dimensions."""

FIXED = ("shared_error", "hindsight")
"""Not identified by the data: fixed numbers of the prior file, varied in sensitivities."""

PARAMETERS: tuple[str, ...] = (
    "correlation",
    *(name for names in GROUPS.values() for name in names),
    *FIXED,
)
"""Every parameter that a prior file must give, and no other."""

SHARED_ERROR_RULE = ratings.hermite_rule(5)
EVENT_ERROR_RULE = ratings.hermite_rule(9)
AGE_RULE = hazard.legendre_rule(8)
DAY_RULE = hazard.legendre_rule(1)


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
        ``cluster_frailty``, ``dyad_frailty``.
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
        "effects": theta["effect_mean"][..., None, :]
        + theta["effect_spread"][..., None, None] * theta["effect_raw"],
        "cluster_frailty": theta["cluster_sd"][..., None] * theta["cluster_raw"],
        "dyad_frailty": theta["dyad_sd"][..., None] * theta["dyad_raw"],
    }


def log_likelihoods(
    theta: Mapping[str, Any], latent: Mapping[str, Any], data: Mapping[str, Any], xp: Any
) -> dict[str, Any]:
    """Log-likelihood of everything observed, a term a unit.

    Returns
    -------
    dict
        ``outcomes (agreement)``, ``codings (thing, driver)``, ``events (event)``,
        ``counts (window)`` where there are any, ``holding (stream)``.
    """
    terms = {
        "outcomes": outcomes(theta, latent, data, xp),
        "codings": codings(theta, latent, data, xp),
        "events": events(theta, latent, data, xp),
        "holding": holding(theta, latent, data, xp),
    }
    if "window_count" in data:
        terms["counts"] = counts(theta, latent, data, xp)
    return terms


def log_scales(
    theta: Mapping[str, Any],
    latent: Mapping[str, Any],
    covariates: Any,
    cluster: Any,
    dyad: Any,
) -> Any:
    r""":math:`\alpha_k + \gamma^\top w + u_{\text{cluster}} + u_{\text{dyad}}` for each row.

    Returns
    -------
    array (..., row, stream)
    """
    shift = (theta["covariate"][..., None, :] * covariates).sum(-1)
    shift = shift + latent["cluster_frailty"][..., cluster] + latent["dyad_frailty"][..., dyad]
    return theta["intercept"][..., None, :] + shift[..., :, None]


def history_cumulative(
    theta: Mapping[str, Any],
    latent: Mapping[str, Any],
    data: Mapping[str, Any],
    log_start: Any,
    log_stop: Any,
    xp: Any,
    *,
    rule: tuple[np.ndarray, np.ndarray],
) -> Any:
    """Expected cumulative hazard of each agreement of history between two ages.

    Returns
    -------
    array (..., agreement, stream)
    """
    scale = log_scales(
        theta,
        latent,
        data["history_covariates"],
        data["history_cluster"],
        data["history_dyad"],
    )
    return hazard.cumulative_with_memory(
        log_start,
        log_stop,
        scale,
        latent["shapes"][..., None, :],
        hazard.pull(latent["effects"], latent["history_standing"]),
        hazard.effect_variance(latent["effects"], latent["cholesky"])[..., None, :],
        theta["persistence"][..., None, None],
        latent["autoregressive"][..., None, None],
        rule=rule,
        xp=xp,
    )


def outcomes(
    theta: Mapping[str, Any], latent: Mapping[str, Any], data: Mapping[str, Any], xp: Any
) -> Any:
    """What became of each agreement of history, over all streams.

    Returns
    -------
    array (..., agreement)
    """
    args = (theta, latent, data)
    start, stop, end = (data[f"history_log_{edge}"] for edge in ("start", "stop", "end"))
    event = data["history_event"]
    held = history_cumulative(*args, start, stop, xp, rule=AGE_RULE)
    day = history_cumulative(*args, stop, end, xp, rule=DAY_RULE)
    # A stream without an event has an empty interval; its place must not reach log(0).
    safe = event * day + (1.0 - event)
    each = event * hazard.log_happened(safe, xp) - held
    return data["history_weight"] * each.sum(-1)


def codings(
    theta: Mapping[str, Any], latent: Mapping[str, Any], data: Mapping[str, Any], xp: Any
) -> Any:
    """The coders' ratings of history's agreements and of the case itself.

    Returns
    -------
    array (..., thing, driver)
        Agreements first, then the case's anchors.
    """
    anchors = latent["pressure"][..., data["anchor_month"], :]
    signal = xp.concatenate([latent["history_standing"], anchors], axis=-2)
    signal = signal + (data["hindsight"] * data["coding_broke"])[:, None]
    offset = ratings.offsets(theta["cutpoint_gap"], xp)
    location = theta["cutpoint_location"][..., : len(DRIVERS)][..., None, :, None]
    level = data["coding_level"]
    return ratings.shared_error_likelihood(
        signal,
        data["shared_error"] + 0.0 * signal,
        theta["discrimination"][..., None, None, :] + 0.0 * location,
        location + offset[..., level],
        location + offset[..., level + 1],
        data["coding_mask"],
        rule=SHARED_ERROR_RULE,
        xp=xp,
    )


def event_signal(
    theta: Mapping[str, Any], latent: Mapping[str, Any], data: Mapping[str, Any]
) -> Any:
    r"""Level or change that an event tells of, :math:`x_t - \rho_\Delta x_{t-1}`.

    Returns
    -------
    array (..., event)
    """
    low, high = data["level_change_low"], data["level_change_high"]
    share = low + (high - low) * theta["level_change"]
    month, driver = data["event_month"], data["event_driver"]
    now = latent["pressure"][..., month, driver]
    before = latent["pressure"][..., month - 1, driver]
    return now - share[..., None] * before


def events(
    theta: Mapping[str, Any], latent: Mapping[str, Any], data: Mapping[str, Any], xp: Any
) -> Any:
    """The ratings of each event in the news.

    Returns
    -------
    array (..., event)
    """
    offset = ratings.offsets(theta["cutpoint_gap"], xp)
    location = theta["cutpoint_location"][..., len(DRIVERS) + data["event_driver"]][..., None]
    level = data["event_level"]
    return ratings.event_likelihood(
        event_signal(theta, latent, data),
        latent["event_sd"][..., data["event_grade"]],
        theta["noise"][..., data["event_grade"]],
        theta["discrimination"][..., data["event_coder"]],
        location + offset[..., level],
        location + offset[..., level + 1],
        data["event_mask"],
        rule=EVENT_ERROR_RULE,
        xp=xp,
    )


def counts(
    theta: Mapping[str, Any], latent: Mapping[str, Any], data: Mapping[str, Any], xp: Any
) -> Any:
    """The count of each indicator's window.

    Returns
    -------
    array (..., window)
    """
    which = data["window_indicator"]
    mean = indicators.window_mean(
        theta["indicator_intercept"][..., which],
        theta["indicator_slope"][..., which],
        latent["pressure"][..., data["window_driver"]],
        data["window_share"],
        data["window_exposure"],
        xp,
    )
    dispersion = theta["indicator_dispersion"][..., which]
    return indicators.log_likelihood(
        data["window_count"], mean, dispersion, _log_gamma(xp), xp
    )


def holding(
    theta: Mapping[str, Any], latent: Mapping[str, Any], data: Mapping[str, Any], xp: Any
) -> Any:
    """That the case has held so far, and the rungs that did happen, a term a stream.

    Returns
    -------
    array (..., stream)
    """
    scale = log_scales(
        theta, latent, data["case_covariates"], data["case_cluster"], data["case_dyad"]
    )
    shape = latent["shapes"][..., None, :]
    eta = scale + hazard.pull(latent["effects"], latent["pressure"][..., data["case_month"], :])
    span = hazard.weibull(data["case_log_start"], data["case_log_stop"], shape, xp)
    held = (xp.exp(eta) * span).sum(-2)
    event = data["case_event"]
    day = xp.exp(eta) * hazard.weibull(
        data["case_event_log_start"], data["case_event_log_stop"], shape, xp
    )
    safe = event * day.sum(-2) + (1.0 - event)
    return event * hazard.log_happened(safe, xp) - held


def build(data: Mapping[str, Any], priors: Mapping[str, Prior]) -> Any:
    """The joint model, ready to sample.

    Parameters
    ----------
    data : ModelData
        From :func:`durability.assembly.assemble`: its ``arrays``, ``dims`` and ``coords``.
    priors : mapping of str to Prior
        One for each of :data:`PARAMETERS`.

    Returns
    -------
    pymc.Model
        Every array of `data` is a ``pm.Data`` of the same name.
    """
    import pymc as pm
    import pytensor.tensor as pt

    with pm.Model(coords={name: list(values) for name, values in data.coords.items()}) as model:
        shared: dict[str, Any] = {
            name: pm.Data(name, values) for name, values in data.arrays.items()
        }
        shared["months"] = len(data.coords["month"])
        theta = _free(priors, data)
        latent = latents(theta, shared, pt)
        for name, term in log_likelihoods(theta, latent, shared, pt).items():
            observed = data.arrays[OBSERVED[name]]
            pm.CustomDist(
                name,
                term,
                logp=_given,
                observed=np.zeros(term.type.ndim * (1,)) if observed is None else observed,
            )
    return model


OBSERVED: Mapping[str, str] = {}


def _given(_value: Any, term: Any) -> Any:
    return term


def _free(priors: Mapping[str, Prior], data: Any) -> dict[str, Any]:
    import pymc as pm

    shapes = drivers.lkj_shapes(priors["correlation"].values["eta"])
    theta = {"partial_correlation": pm.Beta("partial_correlation", shapes, shapes)}
    for name, names in GROUPS.items():
        if name.startswith("indicator_") and "indicator" not in data.coords:
            continue
        theta[name] = _group(name, [priors[each] for each in names])
    for name, dims in WHITENED.items():
        theta[name] = pm.Normal(name, dims=dims)
    return theta


def _group(name: str, priors: list[Prior]) -> Any:
    raise NotImplementedError


def _log_gamma(xp: Any) -> Any:
    if xp is np:
        from scipy.special import gammaln

        return gammaln
    return xp.gammaln


__all__ = ["draws", "variable", "MARKS"]
