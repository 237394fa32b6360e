"""Changes: what moved between two forecasts of a case, as a record.

The record stands in ``update.json``, and under ``changes`` in ``forecast.json``, where the report
finds it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from durability.assembly import ModelData
from durability.attribution import Attribution, Part, attribute
from durability.identity import identity, knowledge
from durability.inference import Settings
from durability.reweighting import khat_most
from durability.updating import EFFECTIVE_LEAST, MONTHS_MOST, Update, doubts
from durability.vocabulary import HORIZONS_MONTHS
from durability.weighing import Base, Reweighted, Table, cannot_weigh, reweigh


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
    reasons = [] if update.method in ("matched", "refit", "fit") else [*update.reasons]
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
        "method": update.method,
        "refit_because": list(update.reasons) if update.method == "refit" else [],
        "matching": _matching(update),
        "verdict": {"ok": update.ok, "reasons": reasons, "checks": []},
        "fit_ok": passed,
        "breakdown": {rung: dict(by) for rung, by in update.table.items()},
        "unseen": dict(update.weighed.unseen),
        "changes": changes_between(update),
    }


def _matching(update: Update) -> dict[str, Any] | None:
    """Write how draws that were moved are to be trusted, and why they were."""
    if update.method != "matched":
        return None
    weighed = update.weighed
    return {
        "because": list(update.reasons),
        "unknowns": weighed.moved,
        "khat": weighed.parents.khat if math.isfinite(weighed.parents.khat) else None,
        "khat_most": khat_most(len(weighed.shares)),
        "effective_size": weighed.parents.effective_size,
        "effective_least": EFFECTIVE_LEAST,
    }


def changes_between(update: Update) -> dict[str, Any]:
    """Write what an update, or a comparison of two fits, says has changed."""
    data = update.weighed.data
    if update.base is update.before:
        weighed: Reweighted | None = update.unmoved or update.weighed
    else:
        weighed = None if cannot_weigh(update.before, data) else reweigh(update.before, data)
    return _record(update.before, data, weighed, attribute(update))


def _record(
    before: Base, data: ModelData, weighed: Reweighted | None, told: Attribution
) -> dict[str, Any]:
    fit = before.particles
    if weighed is None:
        trust = None
        reasons = list(cannot_weigh(before, data))
    else:
        parents, children = weighed.parents, weighed.khat_children
        trust = {
            "khat": parents.khat if math.isfinite(parents.khat) else None,
            "khat_most": khat_most(len(weighed.shares)),
            "effective_size": parents.effective_size,
            "effective_least": EFFECTIVE_LEAST,
            "effective_children": weighed.effective_children,
            "khat_children": children if math.isfinite(children) else None,
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
