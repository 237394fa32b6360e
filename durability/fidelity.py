"""Fidelity: how well a joint law stands for the posterior that it was made of."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from durability.assembly import assemble
from durability.catalogue import joint_law
from durability.inference import Fit, Model, Settings, build
from durability.joint_fitting import khat_of_law
from durability.joint_priors import BENDS, Fidelity
from durability.prior_sets import PriorSet
from durability.simulation import incidences, simulate
from durability.summaries import chance, mcse
from durability.vocabulary import HORIZONS_MONTHS

KHAT_MOST = 0.7
"""Vehtari, Simpson, Gelman, Yao & Gabry 2024: beyond it weights cannot mend an approximation."""

POINTS_MOST = 1.0
"""A headline probability may move by so many percentage points."""

LAW_DRAWS = 4
"""Draws of the law for each of the posterior's, when the two are compared."""

HEADLINES = ("breakdown", "war")


def is_faithful(fidelity: Fidelity) -> bool:
    """Whether a joint law may stand for the posterior that it was made of."""
    return fidelity.khat <= KHAT_MOST and abs(fidelity.points) <= POINTS_MOST


def measured(
    fit: Fit, draft: PriorSet, unknowns: np.ndarray, law: Mapping[str, np.ndarray]
) -> Fidelity:
    """Hold a joint law against the draws that it was made of.

    Parameters
    ----------
    fit : Fit
    draft : PriorSet
        With the law.
    unknowns : ndarray (draw, unknown)
    law : mapping

    Returns
    -------
    Fidelity
    """
    seed = fit.settings.seed
    again = drawn_fit(going_on(fit, draft), draws=LAW_DRAWS * len(fit), seed=seed)
    rows = headline_changes(fit, again)
    where, points, error = max(rows, key=lambda row: abs(row[1]))
    if draft.joint is None:
        raise ValueError("a draft has a joint law")
    read = joint_law().read_by_continuation(draft.joint.coords)
    return Fidelity(
        khat=_plain(khat_of_law(unknowns[:, :read], _first(law, read), seed=seed)),
        draws=len(fit),
        points=float(f"{points:.4g}"),
        where=where,
        mcse_points=float(f"{error:.3g}"),
    )


def _first(law: Mapping[str, np.ndarray], n: int) -> dict[str, np.ndarray]:
    """The law of the first `n` unknowns alone: a copula's part is a copula."""
    by_unknown = ("location", "scale", "skewness", "tail")
    return {
        **{f"joint_{name}": law[f"joint_{name}"][:n] for name in by_unknown},
        "joint_width": law["joint_width"][:n],
        **{name: law[name][:n, :n] for name in ("joint_cholesky", *BENDS)},
        "joint_correlation": law["joint_correlation"][:n, :n],
        "joint_log_weights": law["joint_log_weights"],
        # Whitened by a lower triangle, the first scores know nothing of the others.
        "joint_centres": law["joint_centres"][:, :n],
    }


def _plain(khat: float) -> float:
    """A number that a file can hold: no tail at all is told as the lightest."""
    return float(f"{max(khat, -10.0):.4g}")


def going_on(fit: Fit, priors: PriorSet) -> Model:
    """Give the model that goes on from a revised set at the very cutoff it was made at."""
    data = fit.model.data
    again = assemble(
        data.case,
        data.rows,
        cutoff=data.cutoff,
        clock=data.clock,
        reading=data.reading,
        subset=data.subset,
        level_change=data.level_change,
        after=priors,
    )
    return build(again, priors)


def drawn_fit(model: Model, *, draws: int, seed: int) -> Fit:
    """Give draws of a revised set as a fit that has learned nothing new, in one chain."""
    import xarray as xr

    rng = np.random.default_rng([seed, 6])
    theta = model.module.prior_draws(model.data, model.priors.parameters, n=draws, rng=rng)
    named = {
        name: (("chain", "draw", *(f"{name}_{i}" for i in range(values.ndim - 1))), values[None])
        for name, values in theta.items()
    }
    tree = xr.DataTree.from_dict({"posterior": xr.Dataset(named)})
    settings = Settings(draws=draws, tune=0, chains=1, seed=seed)
    return Fit(model=model, tree=tree, settings=settings, key="")


def headline_changes(before: Fit, after: Fit) -> list[tuple[str, float, float]]:
    """Compare the headline probabilities of two fits at every horizon.

    Returns
    -------
    list of (str, float, float)
        Name, change in percentage points, and its Monte Carlo error.
    """
    months = max(HORIZONS_MONTHS)
    made = []
    for each in (before, after):
        future = simulate(each, months=months, seed=each.settings.seed)
        made.append(incidences(future.increments, future.happened))
    rows = []
    for rung in HEADLINES:
        for horizon in HORIZONS_MONTHS:
            old, new = (rungs[rung][:, horizon - 1] for rungs in made)
            errors = (
                mcse(old, chains=before.settings.chains),
                mcse(new, chains=after.settings.chains),
            )
            change = 100.0 * float(new.mean() - old.mean())
            rows.append((f"{rung} at {horizon} months", change, 100.0 * float(np.hypot(*errors))))
    return rows


def probabilities(fit: Fit) -> dict[str, dict[int, dict[str, float]]]:
    """Give the chance of every rung at every horizon, by rung and months, with its error."""
    future = simulate(fit, months=max(HORIZONS_MONTHS), seed=fit.settings.seed)
    rungs = incidences(future.increments, future.happened)
    return {
        rung: {horizon: chance(values[:, horizon - 1], fit) for horizon in HORIZONS_MONTHS}
        for rung, values in rungs.items()
    }
