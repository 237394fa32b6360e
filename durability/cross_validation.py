"""Leave-one-out by Pareto-smoothed importance sampling, from likelihoods of single units.

Vehtari, Gelman & Gabry 2017, doi:10.1007/s11222-016-9696-4.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from durability.reweighting import smooth


def leave_one_out(
    values: np.ndarray, labels: Sequence[Any], name: str, *, ratios: np.ndarray | None = None
) -> dict[str, Any]:
    """Estimate how well each unit is predicted by a fit without it.

    Parameters
    ----------
    values : ndarray (chain, draw, unit)
        Log-likelihood of every unit, what is its own integrated out.
    labels : sequence
        Of the units.
    name : str
        What the units are.
    ratios : ndarray (chain, draw, unit), optional
        Log importance ratios that take each unit away from the fit, where that is more than its
        likelihood undone.

    Returns
    -------
    dict
        ``elpd, se, p, pareto_k_max, k_over_0_7`` and ``rows``, one a unit.
    """
    import arviz as az
    import xarray as xr

    pointwise = xr.Dataset({name: (("chain", "draw", "unit"), values)})
    # The relative efficiency of draws thinned evenly is near one; the tree needs a posterior group
    # of the same draws to say so.
    flat = pointwise.rename({name: "log_likelihood"})
    thin = xr.DataTree.from_dict({"posterior": flat, "log_likelihood": pointwise})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # high Pareto k is told in the record
        weights = {} if ratios is None else _weights(ratios)
        found = az.loo(thin, var_name=name, pointwise=True, reff=1.0, **weights)
    elpd, k = found.elpd_i.values, found.pareto_k.values
    return {
        "elpd": float(found.elpd),
        "se": float(found.se),
        "p": float(found.p),
        "pareto_k_max": float(k.max()),
        "k_over_0_7": int((k > 0.7).sum()),
        "rows": [
            {"id": str(label), "elpd": float(e), "pareto_k": float(each)}
            for label, e, each in zip(labels, elpd, k, strict=True)
        ],
    }


def _weights(ratios: np.ndarray) -> dict[str, Any]:
    """Smooth ratios to weights, as `arviz.loo` takes them."""
    import xarray as xr

    smoothed = [smooth(each) for each in ratios.reshape((-1, ratios.shape[-1])).T]
    logs = np.log([each.values for each in smoothed]).T.reshape(ratios.shape)
    return {
        "log_weights": xr.DataArray(logs, dims=("chain", "draw", "unit")),
        "pareto_k": xr.DataArray([each.khat for each in smoothed], dims="unit"),
    }
