r"""Leaving agreements out one by one without refitting: the draws of one fit, weighed.

For agreement :math:`j` the draws of a fit to all of history stand for those of a fit that was not
shown its outcome :math:`y_j` and read its ratings :math:`r_j` without hindsight. The ratio is

.. math:: \frac{p_0(r_j\mid\theta)}{p_1(r_j, y_j\mid\theta)},

with the agreement's own standing, and frailties that nobody shares, integrated out above and below
at the same points; :math:`p_1` reads the ratings with the mark of hindsight that the fit gave them,
:math:`p_0` without. Ratios are Pareto-smoothed (:mod:`durability.reweighting`), and their
:math:`\hat k` says where a true refit is needed. Vehtari, Gelman & Gabry 2017,
doi:10.1007/s11222-016-9696-4.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from durability.assembly import log_years
from durability.catalogue import marginals
from durability.inference import Fit, thinned_draws
from durability.leaving_out import YEARS, LeftOut, left_out_of
from durability.reweighting import khat_most, smooth
from durability.simulation import incidences
from durability.vocabulary import DRIVERS, RUNGS

DRAWS: Final = 400
POINTS: Final = 32
"""At which what is an agreement's own is integrated out: a power of two."""

POINTS_SEED: Final = 1
EDGES: Final = 8
"""Ages between the first and the last horizon at which streams compete."""

PROPOSAL_SCALE: Final = 1.2
"""Points for a standing are spread wider than its draws, which know the outcome."""

Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True, slots=True, kw_only=True)
class FastLeftOut:
    """Forecasts of agreements by weighed draws, and how far they can be trusted.

    Parameters
    ----------
    left_out : LeftOut
    log_density : ndarray (agreement,)
        Log predictive density of each outcome, with the weight that its row has in the model.
    khat : ndarray (agreement,)
        Of the ratios; see :func:`durability.reweighting.khat_most`.
    khat_most : float
        Above it an agreement's forecast is not to be trusted.
    """

    left_out: LeftOut
    log_density: np.ndarray
    khat: np.ndarray
    khat_most: float

    @property
    def untrusted(self) -> tuple[str, ...]:
        """Agreements whose weights cannot be trusted."""
        return tuple(
            name
            for name, each in zip(self.left_out.agreements, self.khat, strict=True)
            if not each <= self.khat_most
        )


def leave_out_fast(fit: Fit, *, years: Sequence[float] = YEARS, name: str) -> FastLeftOut:
    """Forecast every agreement from its start, by the draws of one fit to all of them.

    Parameters
    ----------
    fit : Fit
        To history without a case (:func:`durability.assemble_history`).
    years : sequence of float
        Ages, rising.
    name : str
        What the forecaster is called.

    Returns
    -------
    FastLeftOut

    Raises
    ------
    ValueError
        The fit is one of a case with news.
    """
    data = fit.model.data
    if "event" in data.coords or data.coords["anchor"]:
        raise ValueError("only a fit to history without a case can be weighed so")
    _, theta = thinned_draws(fit, DRAWS)
    arrays = fit.model.arrays
    latent = fit.model.module.latents(theta, arrays, np)
    reading, ratio, density, chances = _integrated(fit, theta, latent, arrays, years)
    smoothed = [smooth(reading[:, j] - ratio[:, j]) for j in range(ratio.shape[1])]
    weights = np.stack([each.values for each in smoothed], axis=1)
    return FastLeftOut(
        left_out=left_out_of(
            np.einsum("sj,sjrh->jrh", weights, chances),
            data.spells,
            data.agreements,
            by="agreement",
            years=years,
            name=name,
        ),
        log_density=np.log((weights * np.exp(density)).sum(axis=0)),
        khat=np.array([each.khat for each in smoothed]),
        khat_most=khat_most(len(weights)),
    )


def left_out_terms(fit: Fit, *, draws: int) -> tuple[np.ndarray, np.ndarray]:
    r"""Give what leaving out each outcome of history weighs draws by, and its density there.

    Parameters
    ----------
    fit : Fit
        With a case or without.
    draws : int
        About so many, evenly spread.

    Returns
    -------
    ratios : ndarray (draw, agreement)
        :math:`\log p_0(r_j\mid\theta) - \log p_1(r_j, y_j\mid\theta)`.
    densities : ndarray (draw, agreement)
        :math:`\log p_0(y_j\mid r_j,\theta)`.
    """
    _, theta = thinned_draws(fit, draws)
    arrays = fit.model.arrays
    latent = fit.model.module.latents(theta, arrays, np)
    reading, both, density, _ = _integrated(fit, theta, latent, arrays, ())
    return reading - both, density


def _integrated(
    fit: Fit, theta: Arrays, latent: Arrays, arrays: Arrays, years: Sequence[float]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    r"""Integrate out what is each agreement's own.

    Returns
    -------
    reading : ndarray (draw, agreement)
        :math:`\log p_0(r_j\mid\theta)`.
    both : ndarray (draw, agreement)
        :math:`\log p_1(r_j, y_j\mid\theta)`.
    density : ndarray (draw, agreement)
        :math:`\log p(y_j\mid r_j,\theta)`, the ratings read without hindsight.
    chances : ndarray (draw, agreement, rung, horizon)
        Given the ratings, read without hindsight.
    """
    normals = _normals()
    places, proposal = _proposed(latent["history_standing"], normals)
    whiten = np.linalg.inv(latent["cholesky"])
    log_det = np.log(np.diagonal(latent["cholesky"], axis1=-2, axis2=-1)).sum(-1)[:, None]
    told, informed, happened, chances = [], [], [], []
    for point, log_law, normal in zip(places, proposal, normals, strict=True):
        moved = _moved(theta, latent, arrays, point, normal)
        white = np.einsum("sde,je->sjd", whiten, point)
        # The law of a standing over that of the points; constants cancel.
        law = -0.5 * (white**2).sum(-1) - log_det - log_law
        blind, seen = _read(theta, moved, arrays)
        told.append(law + blind)
        informed.append(law + seen)
        happened.append(fit.model.module.outcomes(theta, moved, arrays, np))
        if len(years):
            chances.append(_chances(fit, theta, moved, arrays, years))
    blindly, aware, outcome = np.array(told), np.array(informed), np.array(happened)
    reading = np.logaddexp.reduce(blindly, axis=0)
    share = np.exp(blindly - reading)
    return (
        reading,
        np.logaddexp.reduce(aware + outcome, axis=0),
        np.logaddexp.reduce(blindly + outcome, axis=0) - reading,
        np.einsum("psj,psjrh->sjrh", share, np.array(chances)) if chances else np.empty(0),
    )


def _normals() -> np.ndarray:
    """Spread standard normal points evenly: (point, driver and the frailties of two kinds)."""
    from scipy.special import ndtri
    from scipy.stats.qmc import Sobol

    rng = np.random.default_rng(POINTS_SEED)
    return np.asarray(ndtri(Sobol(len(DRIVERS) + 2, rng=rng).random(POINTS)))


def _proposed(drawn: np.ndarray, normals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Place points around the draws of each standing: (point, agreement, driver), and log laws."""
    centre = drawn.mean(axis=0)
    apart = PROPOSAL_SCALE * (drawn - centre)
    # Few draws say little of their spread: they are helped by some of unit variance.
    prior = 20.0 * np.eye(drawn.shape[-1])
    spread = (np.einsum("sjd,sje->jde", apart, apart) + prior) / (len(drawn) + 20.0)
    root = np.linalg.cholesky(spread)
    points = centre + np.einsum("jde,pe->pjd", root, normals[:, :-2])
    log_law = -0.5 * (normals[:, :-2] ** 2).sum(-1)[:, None]
    return points, log_law - np.log(np.diagonal(root, axis1=-2, axis2=-1)).sum(-1)


def _moved(
    theta: Arrays, latent: Arrays, arrays: Arrays, point: np.ndarray, normal: np.ndarray
) -> dict[str, np.ndarray]:
    """Put a standing, and frailties that no other row shares, in the place of the draws' own."""
    n_clusters = theta["cluster_raw"].shape[-1]
    shares = np.bincount(np.concatenate([arrays["row_cluster"], arrays["row_dyad"]]))
    of_cluster = np.arange(len(shares)) < n_clusters
    sd = np.where(of_cluster, theta["cluster_sd"][:, None], theta["dyad_sd"][:, None])
    own = sd * np.where(of_cluster, normal[-2], normal[-1])
    standing = np.broadcast_to(point, latent["history_standing"].shape)
    frailty = np.where(shares == 1, own, latent["frailty"])
    return {**latent, "history_standing": standing, "frailty": frailty}


def _read(theta: Arrays, latent: Arrays, arrays: Arrays) -> tuple[np.ndarray, np.ndarray]:
    """Log-likelihood of each agreement's ratings, without hindsight and with it: (draw, row)."""
    count = latent["history_standing"].shape[1]
    own = np.flatnonzero(arrays["coding_row"] < count)  # after them a case has its anchors
    blind = {**arrays, "coding_broke": np.zeros_like(arrays["coding_broke"])}
    without = marginals().codings(theta, latent, blind, own)
    marked = np.flatnonzero(arrays["coding_broke"][own] > 0.0)
    aware = without.copy()
    if marked.size:
        aware[:, marked] = marginals().codings(theta, latent, arrays, own[marked])
    of_row = np.zeros((own.size, count))
    of_row[np.arange(own.size), arrays["coding_row"][own]] = 1.0
    return without @ of_row, aware @ of_row


def _chances(
    fit: Fit, theta: Arrays, latent: Arrays, arrays: Arrays, years: Sequence[float]
) -> np.ndarray:
    """Cumulative incidences from each start: ndarray (draw, agreement, rung, horizon)."""
    module, at = fit.model.module, np.asarray(years, dtype=float)
    scale = module.log_scales(theta, latent, arrays)[..., :-1, :]
    edges = np.union1d(at.max() * np.linspace(0.0, 1.0, EDGES + 1) ** 2, at)
    shape = arrays["history_event"].shape
    parts = []
    for start, stop in itertools.pairwise(edges):
        ages = log_years([np.full(shape, age) for age in (start, stop, stop)])
        parts.append(module.history_hazards(theta, latent, arrays, ages, scale, np)[0])
    # Rungs are found along the second dimension: agreements are draws as well here.
    increments = np.stack(parts, axis=2)
    flat = incidences(increments.reshape((-1, *increments.shape[2:])))
    places = np.searchsorted(edges, at) - 1
    found = np.stack([flat[rung][:, places] for rung in RUNGS], axis=1)
    return np.asarray(np.clip(found, 0.0, 1.0).reshape((*increments.shape[:2], *found.shape[1:])))
