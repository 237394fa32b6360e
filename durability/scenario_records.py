"""Scenarios and watch-lists as records: what stands in ``scenarios.json`` and ``watch.json``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from durability.branches import Branched
from durability.calendar import add_months
from durability.comparing import Answer, Comparison, Reached
from durability.identity import identity, knowledge
from durability.inference import Settings
from durability.statements import OBSERVING
from durability.updating import Update
from durability.vocabulary import HORIZONS_MONTHS
from durability.watching import Watched, WatchList


def comparison_record(comparison: Comparison) -> dict[str, Any]:
    """Write scenarios beside the forecast as things come.

    Parameters
    ----------
    comparison : Comparison

    Returns
    -------
    dict
        What stands in ``scenarios.json``.
    """
    cutoff = comparison.update.weighed.data.cutoff
    return {
        **_head(comparison.update),
        "breakdown": _plain(comparison.table),
        "stages": _dated(comparison.stages, cutoff),
        "conditions": {
            name: _dated(each, cutoff)  # type: ignore[arg-type]
            for name, each in comparison.conditions.items()
        },
        "scenarios": [_answer(answer, cutoff) for answer in comparison.answers],
        "trees": [_tree(tree) for tree in comparison.trees],
    }


def watch_record(found: WatchList) -> dict[str, Any]:
    """Write a watch-list.

    Parameters
    ----------
    found : WatchList

    Returns
    -------
    dict
        What stands in ``watch.json``.
    """
    return {
        **_head(found.update),
        "breakdown": _plain(found.update.table),
        **watched_record(found),
    }


def watched_record(found: WatchList) -> dict[str, Any]:
    """Write what is watched, without what it starts from.

    Parameters
    ----------
    found : WatchList

    Returns
    -------
    dict
        What stands under ``watch`` in ``forecast.json``.
    """
    data = found.update.weighed.data
    return {
        "months": found.months,
        "breakdown_within_months": found.horizon,
        "cost_ratio": found.cost_ratio,
        "coder": found.coder,
        "as_things_come": dict(found.breakdown),
        "watched": [_watched(each, data.cutoff) for each in found.watched],
    }


def _head(update: Update) -> dict[str, Any]:
    """Say what all of it starts from, and how far that can be trusted."""
    data, fit = update.weighed.data, update.base.particles
    reasons = [] if update.method in ("matched", "refit", "fit") else [*update.reasons]
    if fit.verdict["ok"] is False:
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
        "since": fit.cutoff.isoformat(),
        "verdict": {"ok": update.ok, "reasons": reasons, "checks": []},
        "fit_ok": fit.verdict["ok"],
    }


def _plain(table: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    return {rung: {months: dict(each) for months, each in by.items()} for rung, by in table.items()}


def _answer(answer: Answer, cutoff: date) -> dict[str, Any]:
    told, parents = answer.scenario, answer.weights.parents
    observing = told.verb == OBSERVING
    return {
        "name": told.name,
        "verb": told.verb,
        "settings": list(told.settings),
        "pins": dict(told.pins),
        "shifts": dict(told.shifts),
        "why": told.why,
        "breakdown": _plain(answer.table),
        "as_things_come": _plain(answer.baseline),
        "difference": _plain(answer.difference),
        "chance": None if answer.chance is None else dict(answer.chance),
        "khat": parents.khat if observing and math.isfinite(parents.khat) else None,
        "effective_size": parents.effective_size,
        "continuations": answer.continuations,
        "ok": answer.ok,
        "reasons": list(answer.reasons),
        "stages": _dated(answer.stages, cutoff),
        "conditions": {
            name: _dated(each, cutoff)  # type: ignore[arg-type]
            for name, each in answer.conditions.items()
        },
    }


def _dated(reached: Reached, cutoff: date) -> dict[str, Any]:
    return {
        name: {
            "chance": each["chance"],
            "dates": _dates(each["months"], cutoff),  # type: ignore[arg-type]
        }
        for name, each in reached.items()
    }


def _dates(months: Mapping[str, float | None], cutoff: date) -> dict[str, str | None]:
    return {
        probability: None if value is None else day_of(cutoff, value).isoformat()
        for probability, value in months.items()
    }


def day_of(cutoff: date, months: float) -> date:
    """Give the day on which so many months have passed since a cutoff.

    Examples
    --------
    >>> day_of(date(2026, 6, 30), 1.0), day_of(date(2026, 6, 30), 0.25)
    (datetime.date(2026, 7, 31), datetime.date(2026, 7, 8))
    """
    first, whole = cutoff + timedelta(days=1), math.floor(months)
    start, stop = add_months(first, whole), add_months(first, whole + 1)
    return start + timedelta(days=math.ceil((months - whole) * (stop - start).days) - 1)


def _tree(found: Branched) -> dict[str, Any]:
    return {
        "name": found.tree.name,
        "conditions": list(found.tree.conditions),
        "by": found.tree.by,
        "total": {rung: dict(by) for rung, by in found.total.items()},
        "branches": [
            {
                "states": dict(branch.states),
                "chance": dict(branch.chance),
                "breakdown": _plain(branch.table),
                "effective_paths": branch.effective_paths,
                "few": branch.few,
            }
            for branch in found.branches
        ],
    }


def _watched(each: Watched, cutoff: date) -> dict[str, Any]:
    return {
        "kind": each.kind,
        "name": each.name,
        "grade": each.grade,
        "ways": [
            {
                "name": way.name,
                "chance": dict(way.chance),
                "breakdown": None if way.breakdown is None else dict(way.breakdown),
                "effective_paths": way.effective_paths,
                "few": way.few,
                **({"none_of": way.none_of, "at_most": way.at_most} if way.none_of else {}),
            }
            for way in each.ways
        ],
        "dates": _dates(each.months, cutoff),
        "decided": each.decided,
        "worth": dict(each.worth),
        "decision": None if each.decision is None else dict(each.decision),
    }
