"""The verdict: may these draws be used?

Rank-normalised R-hat and effective sample sizes (Vehtari et al. 2021, doi:10.1214/20-BA1221) of
the parameters *and of the forecast probabilities themselves*, divergences, E-BFMI
(Betancourt 2016, arXiv:1604.00695) and tree depth.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import xarray as xr

RHAT_MOST = 1.01
ESS_LEAST = 400.0
"""For forecast probabilities and parameters: Vehtari et al. 2021, 100 a chain of four."""

RHAT_LATENT_MOST = 1.05
"""For the paths and standings: at hundreds of them the largest of honest chains exceeds 1.01 by
chance."""

LATENT = (
    *("pressure", "standing", "history_standing"),
    *("support", "undecided", "house_effect", "industry_effect"),
    "frailty",
)
"""Described unknowns that come by the hundred: of a model of breakdown, of votes, of spells."""

BFMI_LEAST = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One diagnostic against its limit.

    Parameters
    ----------
    name : str
    value, limit : float
    ok : bool
    worst : str
        Where the value was found.
    """

    name: str
    value: float
    limit: float
    ok: bool
    worst: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a fit may be used, and why not.

    Parameters
    ----------
    checks : tuple of Check
    """

    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether every check holds."""
        return all(check.ok for check in self.checks)

    @property
    def reasons(self) -> tuple[str, ...]:
        """What failed, in words."""
        return tuple(
            f"{check.name} is {check.value:.4g} at {check.worst}, limit {check.limit:.4g}"
            for check in self.checks
            if not check.ok
        )

    def to_record(self) -> dict[str, Any]:
        """Give the verdict as it stands in ``forecast.json``."""
        from dataclasses import asdict

        checks = [asdict(check) for check in self.checks]
        return {"ok": self.ok, "reasons": list(self.reasons), "checks": checks}


def judge(tree: xr.DataTree, probabilities: Mapping[str, np.ndarray]) -> Verdict:
    """Judge a fit and a forecast made of it.

    Parameters
    ----------
    tree : DataTree
        With groups ``posterior`` and ``sample_stats``.
    probabilities : mapping of str to ndarray (chain, draw)
        Forecast probabilities of every draw, by name.

    Returns
    -------
    Verdict
    """
    posterior = tree["posterior"].to_dataset()
    raw = [name for name in posterior if str(name).endswith("_raw")]
    described = [n for n in LATENT if n in posterior]
    # What the free parameters already cover, with constants among it.
    derived = [n for n in ("event_sd", "correlation") if n in posterior]
    named = posterior.drop_vars([*raw, *described, *derived])
    checks = [
        *_forecast_checks(probabilities),
        *_chain_checks(named, "parameters"),
        *([_latent_check(posterior[described])] if described else []),
        *_sampler_checks(tree["sample_stats"].to_dataset()),
    ]
    return Verdict(checks=tuple(checks))


def judge_probabilities(stats: xr.Dataset, probabilities: Mapping[str, np.ndarray]) -> Verdict:
    """Judge chains by what they forecast and by the sampler alone.

    For the refits of a backtest: many short ones, of which nothing but probabilities is used.

    Parameters
    ----------
    stats : Dataset
        Of the sampler.
    probabilities : mapping of str to ndarray (chain, draw)

    Returns
    -------
    Verdict
    """
    return Verdict(checks=(*_forecast_checks(probabilities), *_sampler_checks(stats)))


def _forecast_checks(probabilities: Mapping[str, np.ndarray]) -> list[Check]:
    import xarray as xr

    forecasts = xr.Dataset({n: (("chain", "draw"), v) for n, v in probabilities.items()})
    varying = [n for n in forecasts if np.ptp(forecasts[n].values) > 0.0]
    return _chain_checks(forecasts[varying], "forecast probabilities")


def _chain_checks(dataset: xr.Dataset, of: str) -> list[Check]:
    import arviz as az

    if not dataset.data_vars:
        return []  # every forecast is certain, and has nothing to diagnose
    rhat, where = _extreme(az.rhat(dataset, method="rank"), largest=True)
    checks = [_at_most(f"R-hat of {of}", rhat, RHAT_MOST, where)]
    for method in ("bulk", "tail"):
        ess, where = _extreme(az.ess(dataset, method=method), largest=False)
        checks.append(_at_least(f"{method} ESS of {of}", ess, ESS_LEAST, where))
    return checks


def _latent_check(dataset: xr.Dataset) -> Check:
    import arviz as az

    rhat, where = _extreme(az.rhat(dataset, method="rank"), largest=True)
    return _at_most("R-hat of latent unknowns", rhat, RHAT_LATENT_MOST, where)


def _sampler_checks(stats: xr.Dataset) -> list[Check]:
    energy = stats["energy"].values
    bfmi = np.square(np.diff(energy, axis=1)).mean(axis=1) / energy.var(axis=1)
    checks = [
        _at_most("divergences", float(stats["diverging"].values.sum()), 0.0, "the sampler"),
        _at_least("E-BFMI", float(bfmi.min()), BFMI_LEAST, f"chain {int(bfmi.argmin())}"),
    ]
    if "maxdepth_reached" in stats:
        deep = float(stats["maxdepth_reached"].values.sum())
        checks.append(_at_most("trees at the depth limit", deep, 0.0, "the sampler"))
    return checks


def _at_most(name: str, value: float, limit: float, where: str) -> Check:
    return Check(name=name, value=value, limit=limit, ok=value <= limit, worst=where)


def _at_least(name: str, value: float, limit: float, where: str) -> Check:
    return Check(name=name, value=value, limit=limit, ok=value >= limit, worst=where)


def _extreme(dataset: Any, *, largest: bool) -> tuple[float, str]:
    """Find the worst value of a diagnostic, and its name spelt like ``beta[war, trust]``.

    A constant element (the diagonal of a correlation) has no diagnostic and is passed over.
    """
    best, where = (-np.inf if largest else np.inf), "nothing"
    for name, array in dataset.data_vars.items():
        values = np.where(np.isnan(array.values), best, array.values)
        place = np.unravel_index(values.argmax() if largest else values.argmin(), values.shape)
        value = float(values[place])
        if (value > best) if largest else (value < best):
            labels = [
                str(array[dim].values[i]) if dim in array.coords else str(i)
                for dim, i in zip(array.dims, place, strict=True)
            ]
            best, where = value, f"{name}[{', '.join(labels)}]" if labels else str(name)
    return best, where
