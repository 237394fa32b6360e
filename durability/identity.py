"""Identity: what a forecast is of, what it was made with, and how far the case was known.

The same part of every record, whether a forecast was fitted or revised.
"""

from __future__ import annotations

import platform
from typing import Any

from durability.assembly import ModelData
from durability.inference import WATCHED, Settings, package_version
from durability.prior_sets import PriorSet


def identity(
    data: ModelData,
    priors: PriorSet,
    settings: Settings,
    *,
    model: str,
    fit: str,
    horizon_months: int,
) -> dict[str, Any]:
    """Say what a forecast is of and what it was made with.

    Parameters
    ----------
    data : ModelData
    priors : PriorSet
    settings : Settings
        Of the fit.
    model : str
    fit : str
        Key of the fit.
    horizon_months : int
    """
    versions = {package: package_version(package) for package in WATCHED}
    return {
        "schema_version": 1,
        "case": data.case.name,
        "title": data.case.title,
        "parties": list(data.case.parties),
        "cutoff": data.cutoff.isoformat(),
        "clock_start": data.clock_start.isoformat(),
        "deal": data.case.deal.isoformat(),
        "covered_until": data.case.covered_until.isoformat(),
        "seed": settings.seed,
        "versions": {**versions, "python": platform.python_version()},
        "data_hash": data.hash(),
        "prior_set": {"name": priors.name, "hash": priors.hash},
        "model": model,
        "fit": fit,
        "settings": {
            "draws": settings.draws,
            "tune": settings.tune,
            "chains": settings.chains,
            "horizon_months": horizon_months,
        },
    }


def knowledge(data: ModelData) -> dict[str, Any]:
    """Say until when the case was observed, what has happened, and how old the newest item is."""
    known = [*data.used, *(item for item, _ in data.unused)]
    newest = max(known, key=lambda item: (item.known, item.id), default=None)
    return {
        "observed_to": {
            stream: min(day, data.cutoff).isoformat()
            for stream, day in data.case.observed_to.items()
        },
        "happened": [
            {"rung": each.rung, "date": each.date.isoformat(), "why": each.why}
            for each in data.case.happened
            if each.date <= data.cutoff
        ],
        "newest_item": newest
        and {
            "id": newest.id,
            "known": newest.known.isoformat(),
            "age_days": (data.cutoff - newest.known).days,
        },
        "coverage_age_days": max((data.cutoff - data.case.covered_until).days, 0),
    }
