"""Contributions: by Stein's identity they add up to what importance sampling finds."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from durability.models import breakdown, contributions, marginals
from worlds import bare, data, drawn, full, happened, item, standing, window

from durability.assembly import ModelData
from durability.cases import Case
from durability.vocabulary import DRIVERS

DRAWS = 8_000
DAY = date(2026, 3, 10)


def cases() -> dict[str, Case]:
    """One thing observed each, so that all of the driver's value is its."""
    plain = bare()
    return {
        "event": replace(
            plain, news=(item("N1", DAY, driver="corridor", ratings=(("a", 3), ("b", 2))),)
        ),
        "two events": replace(
            plain,
            news=(
                item("N1", DAY, driver="corridor", ratings=(("a", 3),)),
                item("N2", date(2026, 6, 2), driver="trust", ratings=(("a", -3),), grade="C"),
            ),
        ),
        "anchor": replace(plain, standings=(standing(date(2025, 8, 8), 2),)),
        "count": replace(plain, indicators=(window(date(2026, 5, 1), date(2026, 6, 15), 90),)),
        "happened": replace(plain, happened=(happened("fatal", date(2026, 6, 1)),)),
    }


def conditional(assembled: ModelData, seed: int = 3) -> tuple[dict, dict, np.ndarray]:
    """Drivers drawn from their law at one draw of the parameters, and log-likelihoods."""
    one, _ = drawn(assembled, n=1, seed=seed)
    theta = {name: np.repeat(values, DRAWS, axis=0) for name, values in one.items()}
    rng = np.random.default_rng(seed)
    for name in ("standing_raw", "path_raw"):
        theta[name] = rng.standard_normal(theta[name].shape)
    theta["intercept"] = theta["intercept"] * 0.0 - 1.0  # hazards that say something
    theta["level_change"] = theta["level_change"] * 0.0 + 0.2
    theta["event_error"] = theta["event_error"] * 0.3
    arrays = full(assembled)
    latent = breakdown.latents(theta, arrays, np)
    own = np.flatnonzero(arrays["coding_row"] >= latent["history_standing"].shape[1])
    total = breakdown.holding(theta, latent, arrays, np).sum(-1)
    if own.size:
        total = total + marginals.codings(theta, latent, arrays, own).sum(-1)
    if "event_driver" in arrays:
        total = total + marginals.events(theta, latent, arrays).sum(-1)
    if "window_count" in arrays:
        total = total + breakdown.counts(theta, latent, arrays, np).sum(-1)
    return theta, latent, total


@pytest.mark.parametrize("name", list(cases()))
@pytest.mark.parametrize("ahead", [0, -5])
def test_contributions_add_up_to_the_drivers_value(name: str, ahead: int) -> None:
    assembled = data(cases()[name])
    theta, latent, total = conditional(assembled)
    arrays = full(assembled)
    weight = np.exp(total - total.max())
    weight /= weight.sum()
    month = latent["pressure"].shape[1] - 1 + ahead
    slopes = contributions.gradients(theta, latent, arrays)
    for to in range(len(DRIVERS)):
        parts = contributions.contributions(slopes, theta, latent, arrays, month=month, to=to)
        said = sum(values.sum(axis=1) for values in parts.values())
        apart = said - latent["pressure"][:, month, to]
        mean = weight @ apart
        error = np.sqrt((weight**2) @ (apart - mean) ** 2)
        assert abs(mean) < 4.0 * error
        # The bound must be able to fail: what is said is not lost in its error.
        if name == "event" and to == 2:
            assert abs(weight @ said) > 8.0 * error


def test_months_ahead_keep_what_the_process_keeps() -> None:
    """A month on, a contribution has moved toward the standing's part of it by φ."""
    assembled = data(cases()["event"])
    theta, latent, _ = conditional(assembled)
    arrays = full(assembled)
    slopes = contributions.gradients(theta, latent, arrays)
    last = latent["pressure"].shape[1] - 1
    now, later, far = (
        contributions.contributions(slopes, theta, latent, arrays, month=m, to=2)["events"]
        for m in (last, last + 1, last + 100_000)
    )
    phi = latent["autoregressive"][:, None]
    assert np.allclose(later - far, phi * (now - far))


def test_more_alarming_ratings_contribute_more() -> None:
    found = []
    for rating in (-3, 0, 3):
        news = (item("N1", DAY, driver="corridor", ratings=(("a", rating), ("b", rating))),)
        assembled = data(replace(bare(), news=news))
        theta, latent, total = conditional(assembled)
        slopes = contributions.gradients(theta, latent, full(assembled))
        weight = np.exp(total - total.max())
        parts = contributions.contributions(
            slopes, theta, latent, full(assembled), month=latent["pressure"].shape[1] - 1, to=2
        )
        found.append(float(weight @ parts["events"][:, 0] / weight.sum()))
    assert found[0] < found[1] < found[2]
