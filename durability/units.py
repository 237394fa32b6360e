"""Units: what a likelihood is made of, piece by piece, and how two sets of data differ.

A unit is an event, a rated agreement or anchor, an outcome of history, a counted window, or a
stream of the case that holds. Two sets of data are compared unit by unit, by labels and not by
places, so that what did not change costs nothing and cancels exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from durability.catalogue import find_model, marginals
from durability.vocabulary import DRIVERS

Unit = tuple[str, str]
"""Kind and label: ``("event", "treaty-signed")``."""

KINDS = ("event", "thing", "agreement", "window")
"""The kinds that are compared by content; ``stream`` is always computed."""

Arrays = Mapping[str, np.ndarray]
Labels = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a model saw, with draws of its unknowns.

    Parameters
    ----------
    model : str
    arrays, coords : mapping
    theta, latent : mapping of str to ndarray
        As the model's ``latents`` takes and gives them, each (draw, …).
    """

    model: str
    arrays: Arrays
    coords: Labels
    theta: Arrays
    latent: Arrays


def contents(arrays: Arrays, coords: Labels) -> dict[Unit, object]:
    """Describe every unit by what its likelihood reads, without places.

    Returns
    -------
    dict
        Equal values mean equal likelihoods for equal unknowns.
    """
    read = _readings(arrays, coords)
    return {
        **_events(arrays, coords, read),
        **_things(arrays, coords, read),
        **_agreements(arrays, coords),
        **_windows(arrays, coords),
    }


def _readings(arrays: Arrays, coords: Labels) -> list[tuple[object, ...]]:
    """Give what was read of every thing, codings before events."""
    coders, locations = coords["coder"], coords["location"]
    told: list[list[tuple[str, int, str]]] = [[] for _ in coords["read"]]
    names = ("thing", "coder", "level", "location")
    columns = (arrays[f"reading_{name}"].tolist() for name in names)
    for thing, coder, level, location in zip(*columns, strict=True):
        told[thing].append((coders[coder], level, locations[location]))
    return [tuple(sorted(each)) for each in told]


def _events(arrays: Arrays, coords: Labels, read: list[tuple[object, ...]]) -> dict[Unit, object]:
    bounds = float(arrays["level_change_low"]), float(arrays["level_change_high"])
    n_codings = len(coords["thing"])
    return {
        ("event", label): (
            coords["month"][arrays["event_month"][e]],
            coords["driver"][arrays["event_driver"][e]],
            int(arrays["event_grade"][e]),
            bounds,
            read[n_codings + e],
        )
        for e, label in enumerate(coords.get("event", ()))
    }


def _things(arrays: Arrays, coords: Labels, read: list[tuple[object, ...]]) -> dict[Unit, object]:
    n_agreements = len(coords["agreement"])
    found: dict[Unit, object] = {}
    for t, label in enumerate(coords["thing"]):
        row = int(arrays["coding_row"][t]) - n_agreements
        found["thing", label] = (
            coords["month"][arrays["anchor_month"][row]] if row >= 0 else "",
            float(arrays["coding_broke"][t]) * float(arrays["hindsight"]),
            float(arrays["shared_error"]),
            read[t],
        )
    return found


def _agreements(arrays: Arrays, coords: Labels) -> dict[Unit, object]:
    places = (*coords["cluster"], *coords["dyad"])
    return {
        ("agreement", label): (
            arrays["history_log_ages"][:, j].tobytes(),
            arrays["history_event"][j].tobytes(),
            float(arrays["history_weight"][j]),
            arrays["row_covariates"][j].tobytes(),
            places[arrays["row_cluster"][j]],
            places[arrays["row_dyad"][j]],
        )
        for j, label in enumerate(coords["agreement"])
    }


def _windows(arrays: Arrays, coords: Labels) -> dict[Unit, object]:
    found: dict[Unit, object] = {}
    for w, label in enumerate(coords.get("window", ())):
        share = arrays["window_share"][w]
        month, indicator = np.nonzero(share)
        found["window", label] = (
            float(arrays["window_count"][w]),
            float(arrays["window_exposure"][w]),
            tuple(
                (
                    coords["month"][m],
                    coords["indicator"][i],
                    DRIVERS[arrays["indicator_driver"][i]],
                    float(share[m, i]),
                )
                for m, i in zip(month, indicator, strict=True)
            ),
        )
    return found


def changed(before: Mapping[Unit, object], after: Mapping[Unit, object]) -> tuple[Unit, ...]:
    """List the units that are new, gone or different, in canonical order."""
    every = sorted({*before, *after})
    return tuple(unit for unit in every if before.get(unit) != after.get(unit))


def log_likelihoods(seen: Seen, units: tuple[Unit, ...]) -> dict[Unit, np.ndarray]:
    """Log-likelihood of some units at every draw, their own errors integrated out.

    Parameters
    ----------
    seen : Seen
    units : tuple of Unit
        Those that `seen` does not have are left out.

    Returns
    -------
    dict
        Each (draw,).
    """
    found: dict[Unit, np.ndarray] = {}
    for kind in KINDS:
        labels = seen.coords.get(kind, ())
        place = {label: index for index, label in enumerate(labels)}
        mine = [unit for unit in units if unit[0] == kind and unit[1] in place]
        if mine:
            chosen = np.array([place[label] for _, label in mine])
            values = _TERMS[kind](seen, chosen)
            found |= {unit: values[:, i] for i, unit in enumerate(mine)}
    return found


def holding(seen: Seen) -> dict[Unit, np.ndarray]:
    """Log-likelihood that the case has held, and of what did happen, a unit a stream."""
    module = find_model(seen.model)
    values = module.holding(seen.theta, seen.latent, seen.arrays, np)
    return {("stream", label): values[:, k] for k, label in enumerate(seen.coords["stream"])}


def _event_terms(seen: Seen, chosen: np.ndarray) -> Any:
    return marginals().events(seen.theta, seen.latent, seen.arrays, chosen)


def _thing_terms(seen: Seen, chosen: np.ndarray) -> Any:
    return marginals().codings(seen.theta, seen.latent, seen.arrays, chosen)


def _agreement_terms(seen: Seen, chosen: np.ndarray) -> Any:
    arrays = dict(seen.arrays)
    arrays["history_log_ages"] = arrays["history_log_ages"][:, chosen]
    for name in ("history_event", "history_weight"):
        arrays[name] = arrays[name][chosen]
    rows = np.append(chosen, len(arrays["row_cluster"]) - 1)
    for name in ("row_cluster", "row_dyad", "row_covariates"):
        arrays[name] = arrays[name][rows]
    latent = {**seen.latent, "history_standing": seen.latent["history_standing"][:, chosen]}
    return find_model(seen.model).outcomes(seen.theta, latent, arrays, np)


def _window_terms(seen: Seen, chosen: np.ndarray) -> Any:
    arrays = dict(seen.arrays)
    for name in ("window_count", "window_exposure", "window_of", "window_share"):
        arrays[name] = arrays[name][chosen]
    return find_model(seen.model).counts(seen.theta, seen.latent, arrays, np)


_TERMS = {
    "event": _event_terms,
    "thing": _thing_terms,
    "agreement": _agreement_terms,
    "window": _window_terms,
}
