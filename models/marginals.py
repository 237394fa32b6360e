r"""Marginals: the likelihood of single units, what is their own integrated out. NumPy only.

The sampler keeps the errors of every coded thing as unknowns. A unit that is left out, arrives,
changes or is taken back is judged by what is left of the model without them: an event by its
ratings given the drivers, an agreement's rating by its standing, an outcome by the agreement's
ratings. Every function takes draws as :func:`durability.models.breakdown.latents` does.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from durability.models import breakdown, ratings

PROPOSAL_SCALE = 1.2
"""Points for a standing are spread wider than its draws, which know the outcome."""


def events(
    theta: Mapping[str, np.ndarray],
    latent: Mapping[str, np.ndarray],
    data: Mapping[str, np.ndarray],
    chosen: np.ndarray | None = None,
) -> np.ndarray:
    """Log-likelihood of the ratings of events, given the drivers.

    Parameters
    ----------
    chosen : integer array (event,), optional
        Which events; all if not given.

    Returns
    -------
    array (..., event)
    """
    chosen, some = _some_events(data, chosen)
    told = breakdown.event_signal(theta, latent, some, np)
    return _events_told(theta, latent, data, chosen, told)


def event_slopes(
    theta: Mapping[str, np.ndarray],
    latent: Mapping[str, np.ndarray],
    data: Mapping[str, np.ndarray],
) -> np.ndarray:
    """Slope of each event's log-likelihood in what it tells of: (..., event)."""
    chosen, some = _some_events(data, None)
    told = breakdown.event_signal(theta, latent, some, np)
    up, down = (
        _events_told(theta, latent, data, chosen, told + step) for step in (SLOPE_STEP, -SLOPE_STEP)
    )
    return np.asarray((up - down) / (2.0 * SLOPE_STEP))


SLOPE_STEP = 1e-4
"""Half the width of central differences, in units of driver."""


def _some_events(
    data: Mapping[str, np.ndarray], chosen: np.ndarray | None
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    n_events = data["event_driver"].size
    chosen = np.arange(n_events) if chosen is None else np.asarray(chosen, dtype=int)
    columns = ("event_driver", "event_month", "event_grade")
    return chosen, {**data, **{name: data[name][chosen] for name in columns}}


def _events_told(
    theta: Mapping[str, np.ndarray],
    latent: Mapping[str, np.ndarray],
    data: Mapping[str, np.ndarray],
    chosen: np.ndarray,
    told: np.ndarray,
) -> np.ndarray:
    """Log-likelihood of the ratings of events that tell of a level or change."""
    things = data["coding_row"].size + chosen
    some = {"event_grade": data["event_grade"][chosen]}
    sd = latent["event_sd"][..., some["event_grade"]]
    term = ratings.marginal_likelihood(
        np.concatenate([told, 0.0 * told], axis=-1),
        np.concatenate([sd, np.sqrt(1.0 + sd**2)], axis=-1),
        *_readings_of(theta, data, np.concatenate([things, things])),
    )
    noise = theta["noise"][..., some["event_grade"]]
    given, unrelated = term[..., : chosen.size], term[..., chosen.size :]
    return np.asarray(ratings.with_noise(given, unrelated, noise, np))


def codings(
    theta: Mapping[str, np.ndarray],
    latent: Mapping[str, np.ndarray],
    data: Mapping[str, np.ndarray],
    chosen: np.ndarray,
) -> np.ndarray:
    """Log-likelihood of the ratings of agreements and anchors, given their standings.

    Parameters
    ----------
    chosen : integer array (thing,)

    Returns
    -------
    array (..., thing)
    """
    signal = _coding_signal(latent, data, chosen)
    return _codings_seen(theta, data, chosen, signal)


def coding_slopes(
    theta: Mapping[str, np.ndarray],
    latent: Mapping[str, np.ndarray],
    data: Mapping[str, np.ndarray],
    chosen: np.ndarray,
) -> np.ndarray:
    """Slope of the log-likelihood of some rated things in what was rated: (..., thing)."""
    signal = _coding_signal(latent, data, chosen)
    up, down = (
        _codings_seen(theta, data, chosen, signal + step) for step in (SLOPE_STEP, -SLOPE_STEP)
    )
    return np.asarray((up - down) / (2.0 * SLOPE_STEP))


def _coding_signal(
    latent: Mapping[str, np.ndarray], data: Mapping[str, np.ndarray], chosen: np.ndarray
) -> np.ndarray:
    columns = ("coding_row", "coding_driver", "coding_broke")
    some = {**data, **{name: data[name][chosen] for name in columns}}
    return np.asarray(breakdown.coding_signal(latent, some, np))


def _codings_seen(
    theta: Mapping[str, np.ndarray],
    data: Mapping[str, np.ndarray],
    chosen: np.ndarray,
    signal: np.ndarray,
) -> np.ndarray:
    return np.asarray(
        ratings.marginal_likelihood(
            signal,
            np.full(signal.shape, float(data["shared_error"])),
            *_readings_of(theta, data, chosen),
        )
    )


def _readings_of(
    theta: Mapping[str, np.ndarray], data: Mapping[str, np.ndarray], things: np.ndarray
) -> tuple[np.ndarray, ...]:
    """Scales, thing and last reading of the readings of some things, numbered anew from zero."""
    mine, length = breakdown.readings_of(data, things)
    own = {name: data[name][mine] for name in READING_COLUMNS}
    scales = breakdown.scales_of_readings(theta, {**data, **own}, np)
    return (*scales, np.repeat(np.arange(len(things)), length), np.cumsum(length) - 1)


READING_COLUMNS = ("reading_coder", "reading_level", "reading_location")


def outcomes(
    theta: Mapping[str, np.ndarray],
    latent: Mapping[str, np.ndarray],
    data: Mapping[str, np.ndarray],
    normals: np.ndarray,
) -> np.ndarray:
    r"""Log-likelihood of each outcome given the agreement's ratings. NumPy only.

    :math:`\int p(y_j \mid z, u)\,p(z \mid r_j)\,p(u)\,dz\,du`, the unit of cross-validation: what
    the outcome of an agreement with those ratings would be, its own unknowns integrated out. The
    standing :math:`z` is always its own; a frailty :math:`u` is, where no other agreement and not
    the case shares its cluster or dyad. By importance sampling, from a normal law around the draws
    of :math:`z_j` and from the law of :math:`u`, at the same points for every draw.

    Parameters
    ----------
    normals : array (point, driver + 2)
        Standard normal points, best spread evenly: for the standing, the cluster and the dyad.

    Returns
    -------
    array (draw, agreement)
    """
    drawn = latent["history_standing"]
    centre = drawn.mean(axis=0)
    apart = PROPOSAL_SCALE * (drawn - centre)
    # Few draws say little of their spread: they are helped by some of unit variance.
    prior = 20.0 * np.eye(drawn.shape[-1])
    spread = (np.einsum("sjd,sje->jde", apart, apart) + prior) / (len(drawn) + 20.0)
    points = centre + np.einsum("jde,pe->pjd", np.linalg.cholesky(spread), normals[:, :-2])
    n_clusters = theta["cluster_raw"].shape[-1]
    shares = np.bincount(np.concatenate([data["row_cluster"], data["row_dyad"]]))
    of_cluster = np.arange(len(shares)) < n_clusters
    sd = np.where(of_cluster, theta["cluster_sd"][:, None], theta["dyad_sd"][:, None])
    whiten = np.linalg.inv(latent["cholesky"])
    told, happened = [], []
    for point, normal in zip(points, normals, strict=True):
        white = np.einsum("sde,je->sjd", whiten, point)
        log_weight = 0.5 * (normal[:-2] ** 2).sum() - 0.5 * (white**2).sum(-1)
        told.append(log_weight + _codings_of_history(theta, point, data))
        own = sd * np.where(of_cluster, normal[-2], normal[-1])
        frailty = np.where(shares == 1, own, latent["frailty"])
        moved = {**latent, "history_standing": point, "frailty": frailty}
        happened.append(breakdown.outcomes(theta, moved, data, np))
    weights = np.array(told)
    return np.asarray(
        np.logaddexp.reduce(weights + np.array(happened), axis=0)
        - np.logaddexp.reduce(weights, axis=0)
    )


def _codings_of_history(
    theta: Mapping[str, np.ndarray], standing: np.ndarray, data: Mapping[str, np.ndarray]
) -> np.ndarray:
    """Log-likelihood of all ratings of each agreement, given its standing: (draw, agreement)."""
    row = data["coding_row"]
    of_history = row < len(standing)
    row, driver = row[of_history], data["coding_driver"][of_history]
    signal = standing[row, driver] + data["hindsight"] * data["coding_broke"][of_history]
    term = ratings.marginal_likelihood(
        signal,
        np.full(signal.shape, data["shared_error"]),
        *_readings_of(theta, data, np.flatnonzero(of_history)),
        rule=ratings.SHORT_RULE,
    )
    total = np.zeros((len(standing), *term.shape[:-1]))
    np.add.at(total, row, np.moveaxis(term, -1, 0))
    return np.moveaxis(total, 0, -1)


def rating_chances(
    theta: Mapping[str, np.ndarray],
    latent: Mapping[str, np.ndarray],
    signal: np.ndarray,
    *,
    location: int,
    coder: int,
    grade: int,
) -> np.ndarray:
    r"""Chance of every rating that one coder may give an event of a grade.

    As :func:`events` has it, for one rating: the event's own error is integrated out, and it may be
    noise. Cumulative, :math:`P(r \le k) = \operatorname{E}\,\operatorname{logit}^{-1}(c_k -
    \kappa(\theta + \xi))`, so seven ratings take six logistic functions a node.

    Parameters
    ----------
    signal : array (draw, ...)
        Level or change that the event tells of.
    location, coder, grade : int
        Places of the cutpoints, of the coder and of the grade.

    Returns
    -------
    array (draw, ..., level)
        From -3 to +3; they add up to one.
    """
    gaps = ratings.offsets(theta["cutpoint_gap"], np)[:, 1:-1]
    cutpoints = theta["cutpoint_location"][:, location, None] + gaps
    discrimination = theta["discrimination"][:, coder]
    sd, noise = latent["event_sd"][:, grade], theta["noise"][:, grade]
    given = ratings.level_chances(signal, sd, discrimination, cutpoints)
    apart = np.sqrt(1.0 + sd**2)
    unrelated = ratings.level_chances(np.zeros(len(sd)), apart, discrimination, cutpoints)
    wide = (slice(None), *(None,) * (signal.ndim - 1))
    noise = noise[(*wide, None)]
    return np.asarray((1.0 - noise) * given + noise * unrelated[(*wide, slice(None))])


def event_told(
    theta: Mapping[str, np.ndarray],
    data: Mapping[str, np.ndarray],
    now: np.ndarray,
    before: np.ndarray,
) -> np.ndarray:
    r"""What an event of a month would tell, :math:`x_t - \rho_\Delta x_{t-1}`.

    Parameters
    ----------
    now, before : array (draw, ...)
        Pressure in that month and in the one before.
    """
    low, high = float(data["level_change_low"]), float(data["level_change_high"])
    share = low + (high - low) * theta["level_change"]
    return np.asarray(now - share[(slice(None), *(None,) * (now.ndim - 1))] * before)
