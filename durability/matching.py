r"""Matching: draws moved to where new evidence puts them, and weighed there.

Weights fail where no draw lies where the news says. Then the draws themselves are moved, by an
affine map :math:`u^* = a + s\,(u - \bar u)` of the unknowns on the scale without bounds
(:mod:`durability.models.density`), and each is weighed by

.. math:: \frac{p(u^*)\,\prod_i s_i}{q(u)},

the true joint density of what is known now over that of the fit, with the map's Jacobian: still
importance sampling on the exact target, only from a better place (Paananen, Piironen, Bürkner &
Vehtari 2021, *Implicitly adaptive importance sampling*, doi:10.1007/s11222-020-09982-2). Unknowns
are the fit's own and the whitened innovations of new months, one continuation a draw; the errors of
single units are integrated out.

Two things differ from the paper, since there are some seven hundred unknowns here and few effective
draws. Weighted means of a handful of draws are noise, so the moments that are matched are those of
*tempered* weights :math:`w^\tau`, with the largest :math:`\tau \le 1` that leaves a quarter of the
draws effective; the map is found again from where it led. And moving every unknown by the noise of
its mean would undo what is gained: an unknown is moved only where its weighted mean (or variance)
differs from the plain one by more than :data:`ERRORS_LEAST` of its standard errors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields

import numpy as np

from durability import units
from durability.catalogue import density, find_model
from durability.reweighting import khat_most, smooth
from durability.units import Arrays, Seen, Unit
from durability.weighing import Base, Reweighted, moved_to, seen_now

SHARE_EFFECTIVE = 0.25
"""Of the draws, that tempered weights leave effective: their means then have small errors."""

ERRORS_LEAST = 4.0
"""Standard errors by which a moment must differ: by chance one in 16,000 does."""

STEPS_MOST = 6
"""Moves tried; each evaluates the joint density at every draw."""

Moved = np.ndarray
"""Which unknowns have been moved: boolean, (unknown,)."""

LogRatio = Callable[[np.ndarray, Moved], np.ndarray]
"""From draws that were moved, (draw, unknown), to log density there now less that of the fit at
the draw they were made of: (draw,)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """Draws after they were moved.

    Parameters
    ----------
    draws : ndarray (draw, unknown)
    log_ratios : ndarray (draw,)
        With the map's Jacobian.
    moved : ndarray (unknown,)
        Which unknowns were.
    log_jacobian : float
        Of the map, whose slopes are the same for every draw.
    tried : int
        Moves that were tried.
    """

    draws: np.ndarray
    log_ratios: np.ndarray
    moved: np.ndarray
    log_jacobian: float
    tried: int


def match_draws(
    draws: np.ndarray,
    log_ratio: LogRatio,
    *,
    effective_least: float,
) -> Matched:
    r"""Move draws until their weights can be trusted, or moving them helps no more.

    Parameters
    ----------
    draws : ndarray (draw, unknown)
        Of the density that was sampled, on a scale without bounds.
    log_ratio : callable
        Without the Jacobian, which is added here.
    effective_least : float
        Effective draws from which weights are trusted.

    Returns
    -------
    Matched
        Unmoved where nothing could be gained.
    """
    now = Matched(
        draws=draws,
        log_ratios=log_ratio(draws, np.zeros(draws.shape[1], dtype=bool)),
        moved=np.zeros(draws.shape[1], dtype=bool),
        log_jacobian=0.0,
        tried=0,
    )
    while not trusted(now.log_ratios, effective_least) and now.tried < STEPS_MOST:
        before = reach(now.log_ratios)
        found = _further(now, log_ratio, before)
        if found is None:
            break
        now = found
        after = reach(now.log_ratios)
        if after + (STEPS_MOST - now.tried) * (after - before) < 1.0:
            break  # at this pace never there
    return now


def _further(now: Matched, log_ratio: LogRatio, reached: float) -> Matched | None:
    """Make the first move that leads further; None where none does."""
    tried = now.tried
    for there, log_slope, chosen in _moves(now.draws, now.log_ratios, min(reached, 1.0)):
        tried += 1
        moved, log_jacobian = now.moved | chosen, now.log_jacobian + log_slope
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            ratios = log_ratio(there, moved) + log_jacobian
        # Moved beyond what numbers can hold, a draw has no weight.
        ratios = np.where(np.isfinite(ratios), ratios, -np.inf)
        if reach(ratios) > reached:
            return Matched(
                draws=there,
                log_ratios=ratios,
                moved=moved,
                log_jacobian=log_jacobian,
                tried=tried,
            )
    return None


def trusted(log_ratios: np.ndarray, effective_least: float) -> bool:
    """Whether weights pass: by the shape of their tail, and by their effective draws."""
    weights = smooth(log_ratios)
    passed = weights.khat <= khat_most(log_ratios.size)
    return bool(passed and weights.effective_size >= effective_least)


def reach(log_ratios: np.ndarray) -> float:
    r"""How far draws lie toward a density, from 0 to 2.

    Up to 1 the largest exponent :math:`\tau` with which :math:`w^\tau` leaves a quarter of the
    draws effective; beyond it 1 and the share of the draws that is effective.
    """
    share = _effective_share(log_ratios)
    if share >= SHARE_EFFECTIVE:
        return 1.0 + share
    low, high = 0.0, 1.0
    for _ in range(20):
        middle = (low + high) / 2.0
        enough = _effective_share(middle * log_ratios) >= SHARE_EFFECTIVE
        low, high = (middle, high) if enough else (low, middle)
    return low


def _effective_share(log_ratios: np.ndarray) -> float:
    weights = np.exp(log_ratios - log_ratios.max())
    return float(weights.mean() ** 2 / (weights**2).mean())


def _moves(
    draws: np.ndarray, log_ratios: np.ndarray, exponent: float
) -> Iterator[tuple[np.ndarray, float, Moved]]:
    """Moves to try, the plainest first: draws, log Jacobian, and which unknowns they touch."""
    weights = np.exp(exponent * (log_ratios - log_ratios.max()))
    weights /= weights.sum()
    mean, variance = draws.mean(axis=0), draws.var(axis=0)
    wanted = weights @ draws
    squares = (draws - wanted) ** 2
    spread = weights @ squares
    errors = np.sqrt((weights**2) @ squares)
    shifted = np.abs(wanted - mean) > ERRORS_LEAST * errors
    to = np.where(shifted, wanted, mean)
    if shifted.any():
        yield draws + (to - mean), 0.0, shifted
    errors = np.sqrt((weights**2) @ (squares - spread) ** 2)
    scaled = np.abs(spread - variance) > ERRORS_LEAST * errors
    if scaled.any():
        slopes = np.sqrt(np.where(scaled, spread, 1.0) / np.where(scaled, variance, 1.0))
        there = to + slopes * (draws - mean)
        yield there, float(np.log(slopes).sum()), shifted | scaled


# The model's own ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class MovedDraws(Reweighted):
    """Draws that have been moved, and weighed where they are now.

    Parameters
    ----------
    seen : Seen
        The draws there: what goes on from them must go on from these.
    """

    seen: Seen


def match(base: Base, weighed: Reweighted, *, effective_least: float) -> MovedDraws | None:
    """Move a fit's draws to what is known now, where weights alone will not do.

    Parameters
    ----------
    base : Base
    weighed : Reweighted
        Its draws, weighed where they lay.
    effective_least : float

    Returns
    -------
    MovedDraws or None
        None where moving them does not help enough.
    """
    if len(base.particles) <= effective_least:
        return None
    target = _Target(base, weighed)
    found = match_draws(target.draws, target.log_ratio, effective_least=effective_least)
    if not trusted(found.log_ratios, effective_least):
        return None
    there = target.seen(found.draws)
    return there_weighed(base, weighed, there, found.log_ratios, moved=int(found.moved.sum()))


def there_weighed(
    base: Base, weighed: Reweighted, seen: Seen, log_ratios: np.ndarray, *, moved: int
) -> MovedDraws:
    """As :func:`durability.weighing.moved_to`, with the draws where they are now."""
    told = moved_to(base, weighed, seen, log_ratios, moved=moved)
    return MovedDraws(**{each.name: getattr(told, each.name) for each in fields(told)}, seen=seen)


class _Target:
    """The joint density of what is known now, over that of the fit.

    A draw that stays is weighed by `weighed`'s terms. What is added where it moves is what the
    prior's density and the likelihoods of those units change that read a moved unknown: exact, for
    the others are what they were.
    """

    def __init__(self, base: Base, weighed: Reweighted) -> None:
        self._base, self._data = base, weighed.data
        self._priors = base.particles.priors.parameters
        self._arrays = base.particles.model_of(weighed.data).arrays
        self._start = density().unbounded(
            seen_now(base, weighed.data, self._arrays, 0).theta, self._priors
        )
        self._shapes = {name: values.shape[1:] for name, values in self._start.items()}
        self._names = np.repeat(
            list(self._shapes), [int(np.prod(s, dtype=int)) for s in self._shapes.values()]
        )
        n = len(base.particles)
        self.draws = np.concatenate([v.reshape((n, -1)) for v in self._start.values()], axis=1)
        terms = [weighed.terms[unit][:, 0] for unit in sorted(weighed.terms)]
        self._plain = sum(terms, np.zeros(n))
        self._units = _units_by_kind(weighed, self._arrays)
        self._before: dict[str, np.ndarray] = {}
        self._at_start = self.seen(self.draws)

    def seen(self, draws: np.ndarray) -> Seen:
        """Give draws their names, bounds and meaning."""
        theta = density().bounded(self._named(draws), self._priors)
        return Seen(
            model=self._base.particles.model,
            arrays=self._arrays,
            coords=self._data.coords,
            theta=theta,
            latent=find_model(self._base.particles.model).latents(theta, self._arrays, np),
        )

    def log_ratio(self, draws: np.ndarray, moved: Moved) -> np.ndarray:
        """As :data:`LogRatio`."""
        names = frozenset(str(name) for name in self._names[moved])
        if not names:
            return self._plain
        after = self.seen(draws)
        total = self._plain.copy()
        for kind, read in density().READS.items():
            if read & names:
                if kind not in self._before:
                    self._before[kind] = self._likelihood(self._at_start, kind)
                total += self._likelihood(after, kind) - self._before[kind]
        prior = density().log_prior
        there = prior(self._named(draws), self._priors, only=names)
        return np.asarray(total + there - prior(self._start, self._priors, only=names))

    def _named(self, draws: np.ndarray) -> Arrays:
        return {
            name: draws[:, self._names == name].reshape((-1, *shape))
            for name, shape in self._shapes.items()
        }

    def _likelihood(self, seen: Seen, kind: str) -> np.ndarray:
        if kind == "stream":
            found = units.holding(seen)
        else:
            found = units.log_likelihoods(seen, self._units[kind])
        return sum(found.values(), np.zeros(len(self._plain)))


def _units_by_kind(weighed: Reweighted, arrays: Arrays) -> dict[str, tuple[Unit, ...]]:
    """Units of what is known now, a rated thing of the case itself being an anchor."""
    coords = weighed.data.coords
    of_case = arrays["coding_row"] >= len(coords["agreement"])
    anchors = {label for label, own in zip(coords["thing"], of_case, strict=True) if own}
    found: dict[str, tuple[Unit, ...]] = {kind: () for kind in density().READS}
    for kind, label in sorted(weighed.contents):
        mine = "anchor" if kind == "thing" and label in anchors else kind
        found[mine] = (*found[mine], (kind, label))
    return found
