"""Contributions: what each item, rating and count adds to the drivers' present values, as a record.

And, summed over the actors that news items name, what each power carries of a driver and, through
it, of the hazard. Values of :mod:`durability.models.contributions`; effects are the draws' own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from durability.assembly import ModelData
from durability.catalogue import contributions_law
from durability.inference import Fit
from durability.news import NewsItem
from durability.summaries import mcse
from durability.vocabulary import DRIVERS, STREAMS

DRAWS = 1000
"""Draws that contributions are averaged over, evenly chosen from all."""

UNNAMED = ""
"""Actor of events whose items name none."""


def contributions_of(fit: Fit) -> dict[str, Any] | None:
    """Say what everything observed of a case adds to each driver at the cutoff.

    Parameters
    ----------
    fit : Fit

    Returns
    -------
    dict or None
        By driver ``value`` (its posterior mean), ``total`` (what the parts add up to: the same
        within Monte Carlo error), ``parts`` and ``actors``; each with its Monte Carlo error and
        with its part of the log hazard of war. None for a fit that goes on from a revised prior
        set, whose drivers do not start from history's average.
    """
    if fit.model.data.after is not None:
        return None
    law, data, arrays = contributions_law(), fit.model.data, fit.model.arrays
    chains = fit.settings.chains
    places = np.arange(len(fit)).reshape((chains, -1))
    kept = places[:, :: max(len(fit) // DRAWS, 1)].ravel()
    theta = {name: values[kept] for name, values in fit.theta().items()}
    latent = fit.model.module.latents(theta, arrays, np)
    slopes = law.gradients(theta, latent, arrays)
    month = latent["pressure"].shape[1] - 1
    effect = latent["effects"][:, STREAMS.index("war")]
    found = {}
    for to, driver in enumerate(DRIVERS):
        parts = law.contributions(slopes, theta, latent, arrays, month=month, to=to)
        told = _Told(parts, effect[:, to], chains, data)
        found[driver] = {
            "value": float(latent["pressure"][:, month, to].mean()),
            "total": told.summed(sum(each.sum(axis=1) for each in parts.values())),
            "parts": told.parts(),
            "actors": told.actors(driver),
        }
    return found


class _Told:
    """Contributions to one driver, summarised."""

    def __init__(
        self,
        parts: Mapping[str, np.ndarray],
        effect: np.ndarray,
        chains: int,
        data: ModelData,
    ) -> None:
        self.each, self.effect, self.chains, self.data = parts, effect, chains, data
        self.items: dict[str, list[NewsItem]] = {}
        for item in data.used:
            self.items.setdefault(item.event or item.id, []).append(item)

    def summed(self, values: Any) -> dict[str, float]:
        """Give the mean of draws with its error, in units of driver and of log hazard."""
        hazard = values * self.effect
        return {
            "mean": float(np.mean(values)),
            "mcse": mcse(values, chains=self.chains),
            "log_hazard": float(np.mean(hazard)),
            "log_hazard_mcse": mcse(hazard, chains=self.chains),
        }

    def parts(self) -> list[dict[str, Any]]:
        """List every event, then ratings of the agreement, counts and having held, as wholes."""
        coords, found = self.data.coords, []
        for place, label in enumerate(coords.get("event", ())):
            items = self.items.get(label, [])
            found.append(
                {
                    "kind": "event",
                    "label": label,
                    "items": [item.id for item in items],
                    "actor": actor_of(items),
                    **self.summed(self.each["events"][:, place]),
                }
            )
        for kind in ("anchors", "counts", "holding"):
            if kind in self.each:
                whole = self.summed(self.each[kind].sum(axis=1))
                found.append({"kind": kind, "label": kind, "items": [], "actor": "", **whole})
        return found

    def actors(self, driver: str) -> list[dict[str, Any]]:
        """Sum events of the driver by the actors that they name; what names none is last."""
        by_actor: dict[str, list[int]] = {}
        for place, label in enumerate(self.data.coords.get("event", ())):
            items = self.items.get(label, [])
            if items and items[0].driver == driver:
                by_actor.setdefault(actor_of(items), []).append(place)
        ordered = sorted(by_actor, key=lambda name: (name == UNNAMED, name))
        return [
            {
                "actor": name,
                "events": len(by_actor[name]),
                **self.summed(self.each["events"][:, by_actor[name]].sum(axis=1)),
            }
            for name in ordered
        ]


def actor_of(items: list[NewsItem]) -> str:
    """Name who acts in an event: every actor that its items name."""
    return ", ".join(sorted({item.actor for item in items if item.actor}))
