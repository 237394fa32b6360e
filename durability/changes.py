"""Changes: what moved between two forecasts of a case, as a record.

The record stands in ``update.json``, and under ``changes`` in ``forecast.json``, where the report
finds it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from durability.assembly import ModelData
from durability.attribution import Attribution, Part, attribute, explain, unexplained
from durability.identity import identity, knowledge
from durability.inference import Settings
from durability.prior_sets import PriorSet
from durability.reweighting import khat_most
from durability.update import (
    EFFECTIVE_LEAST,
    MONTHS_MOST,
    Base,
    Reweighted,
    Table,
    Update,
    cannot_weigh,
    doubts,
    reweigh,
)
from durability.vocabulary import HORIZONS_MONTHS

EFFECTIVE_ROUGH = 100.0
"""Effective draws below which parts are not told at all: they would be those of a few draws."""


def update_record(update: Update) -> dict[str, Any]:
    """Write an update, with what it owes to each thing that has become known.

    Parameters
    ----------
    update : Update

    Returns
    -------
    dict
        What stands in ``update.json``.
    """
    data, fit = update.weighed.data, update.base.particles
    passed = fit.verdict["ok"]
    reasons = [*update.reasons] if update.rung != "refit" else []
    if passed is False:
        reasons += [f"of the fit: {reason}" for reason in fit.verdict["reasons"]]
    settings = Settings(
        draws=len(fit) // fit.chains, tune=fit.tune, chains=fit.chains, seed=fit.seed
    )
    return {
        **identity(
            data,
            fit.priors,
            settings,
            model=fit.model,
            fit=fit.key,
            horizon_months=max(HORIZONS_MONTHS),
        ),
        **knowledge(data),
        "rung": update.rung,
        "refit_because": list(update.reasons) if update.rung == "refit" else [],
        "verdict": {"ok": update.ok, "fit_ok": passed, "reasons": reasons},
        "breakdown": {rung: dict(by) for rung, by in update.table.items()},
        "unseen": dict(update.weighed.unseen),
        "changes": changes_between(update),
    }


def changes_between(update: Update) -> dict[str, Any]:
    """Write what an update changed."""
    refitted = update.base is not update.before
    data = update.weighed.data
    weighed = _weighed(update.before, data) if refitted else update.weighed
    told = attribute(update) if _tells(weighed) else unexplained(update.before, update.table)
    return _record(update.before, data, weighed, told)


def changes_since(before: Base, after: Base, data: ModelData, priors: PriorSet) -> dict[str, Any]:
    """Write what moved between an earlier fit's forecast and a later one's.

    Parameters
    ----------
    before, after : Base
    data : ModelData
        What the later fit saw.
    priors : PriorSet
        The later fit's.
    """
    weighed = _weighed(before, data)
    if weighed is not None and _tells(weighed):
        told = explain(before, weighed, after=after.table, priors=priors)
    else:
        told = unexplained(before, after.table)
    return _record(before, data, weighed, told)


def _weighed(before: Base, data: ModelData) -> Reweighted | None:
    return None if cannot_weigh(before, data) else reweigh(before, data)


def _tells(weighed: Reweighted | None) -> bool:
    return weighed is not None and weighed.parents.effective_size >= EFFECTIVE_ROUGH


def _record(
    before: Base, data: ModelData, weighed: Reweighted | None, told: Attribution
) -> dict[str, Any]:
    fit = before.particles
    if weighed is None:
        trust = None
        reasons = list(cannot_weigh(before, data))
    else:
        parents = weighed.parents
        trust = {
            "khat": parents.khat if math.isfinite(parents.khat) else None,
            "khat_most": khat_most(len(weighed.shares)),
            "effective_size": parents.effective_size,
            "effective_least": EFFECTIVE_LEAST,
            "effective_children": weighed.effective_children,
            "draws": len(weighed.shares),
            "months": weighed.months,
            "months_most": MONTHS_MOST,
        }
        reasons = doubts(weighed)
    return {
        "since": {
            "cutoff": fit.cutoff.isoformat(),
            "fit": fit.key,
            "prior_set": {"name": fit.priors.name, "hash": fit.priors.hash},
        },
        "trust": trust,
        "reasons": reasons,
        "exact": told.exact,
        "orders": told.orders,
        "before": _plain(told.before),
        "after": _plain(told.after),
        "parts": [_part(part) for part in told.parts],
    }


def _part(part: Part) -> dict[str, Any]:
    return {
        "kind": part.kind,
        "label": part.label,
        "driver": part.driver,
        "items": [*_items(part.added, "added"), *_items(part.removed, "removed")],
        "changes": _plain(part.changes),
    }


def _items(items: Iterable[Any], change: str) -> list[dict[str, Any]]:
    return [
        {
            "id": item.id,
            "change": change,
            "known": item.known.isoformat(),
            "ratings": dict(item.ratings),
            "statement": item.statement,
            "source": item.source,
        }
        for item in items
    ]


def _plain(table: Table) -> dict[str, dict[str, Mapping[str, float]]]:
    return {rung: dict(by_horizon) for rung, by_horizon in table.items()}
