"""Questions and answers: closed forms, what an answer may depend on, and where it is kept."""

from __future__ import annotations

import pickle
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import xarray as xr
from small_history import TINY, small_data, small_reference, small_rows

from durability.hiding import show
from durability.refits import (
    Question,
    Reference,
    answered,
    key_of,
    question_of,
    seed_of,
)
from durability.vocabulary import DAYS_PER_YEAR, RUNGS

DRAWS, CHAINS = 6, 2


@cache
def reference() -> Reference:
    return small_reference()


def question(
    entry: float = 0.0, years: tuple[float, ...] = (1.0, 5.0, 10.0), out: str = "A", **how: Any
) -> Question:
    data = small_data(how.pop("rows", None))
    of = {row.id: row.cluster for row in data.agreements}
    kept = {s.agreement: s for s in data.spells if of[s.agreement] != out}
    asked = [s for s in data.spells if of[s.agreement] == out]
    shown = show(data, kept, rated=kept)
    entries = [entry] * len(asked)
    made = question_of(
        f"cluster {out}", shown, asked, entry_years=entries, years=years, settings=TINY
    )
    return replace(made, **how)


def draws(**fixed: Any) -> xr.DataTree:
    """Give draws of the prior as a sampler would, some of them set."""
    found, n = reference(), DRAWS * CHAINS
    theta = found.module.prior_draws(found, found.priors, n=n, rng=np.random.default_rng(4))
    for name, value in fixed.items():
        theta[name] = np.broadcast_to(np.asarray(value, dtype=float), theta[name].shape)
    posterior = {
        name: (
            ("chain", "draw", *(f"{name}_{i}" for i in range(values.ndim - 1))),
            values.reshape((CHAINS, DRAWS, *values.shape[1:])),
        )
        for name, values in theta.items()
    }
    rng = np.random.default_rng(5)
    stats = {
        "diverging": (("chain", "draw"), np.zeros((CHAINS, DRAWS), dtype=bool)),
        "energy": (("chain", "draw"), rng.standard_normal((CHAINS, DRAWS))),
    }
    return xr.DataTree.from_dict(
        {"posterior": xr.Dataset(posterior), "sample_stats": xr.Dataset(stats)}
    )


PLAIN: dict[str, Any] = {
    "effect_mean": 0.0,
    "effect_spread": 0.0,
    "covariate_effect": 0.0,
    "cluster_sd": 0.0,
    "dyad_sd": 0.0,
    "shape_spread": 0.0,
}
RATES = np.array([0.2, 0.1, 0.05, 0.02])


def constant_hazards() -> xr.DataTree:
    return draws(**PLAIN, shape=1.0, abrogation_shape=1.0, intercept=np.log(RATES))


def test_constant_hazards_give_exponential_chances_from_any_age() -> None:
    """With hazards that do not move, what is still to come does not depend on the age."""
    force, fatal, war, abrogation = RATES
    years = np.array([1.0, 5.0, 10.0])
    ends = war + abrogation
    for entry in (0.0, 7.3):
        mean = np.array(answered(reference(), question(entry), constant_hazards())["mean"])
        broken = 1.0 - np.exp(-ends * years)
        np.testing.assert_allclose(mean[:, RUNGS.index("breakdown")], [broken] * 3, rtol=1e-9)
        np.testing.assert_allclose(mean[:, RUNGS.index("war")], [broken * war / ends] * 3)
        total = force + fatal + war + abrogation
        first = (1.0 - np.exp(-total * years)) * (total - abrogation) / total
        np.testing.assert_allclose(mean[:, RUNGS.index("force")], [first] * 3, rtol=1e-9)


def test_a_falling_hazard_is_lower_for_what_has_held() -> None:
    shape, scale = 0.5, np.log(RATES)
    tree = draws(**PLAIN, shape=shape, abrogation_shape=shape, intercept=scale)
    ends = RATES[2:].sum()
    for entry in (0.0, 3.0):
        mean = np.array(answered(reference(), question(entry), tree)["mean"])
        grown = (entry + 5.0) ** shape - entry**shape
        expected = 1.0 - np.exp(-ends * grown)
        np.testing.assert_allclose(mean[:, RUNGS.index("breakdown"), 1], expected, rtol=1e-9)


def test_the_density_is_that_of_what_was_seen() -> None:
    """Of war on the day d of constant hazards: every stream held so long, and war came that day."""
    found = answered(reference(), question(), constant_hazards())
    days = np.array([spell.stop_days["war"] for spell in question().truth])
    watched = days / DAYS_PER_YEAR
    expected = -RATES.sum() * watched + np.log(-np.expm1(-RATES[2] / DAYS_PER_YEAR))
    np.testing.assert_allclose(found["log_density"], expected, rtol=1e-8)
    assert found["log_density_mcse"] == [0.0, 0.0, 0.0]
    assert found["joint_log_density"] == pytest.approx(expected.sum())


def test_a_row_that_shares_its_event_counts_by_its_share() -> None:
    asked = question()
    shared = replace(asked, truth=tuple(replace(s, weight=0.25) for s in asked.truth))
    whole, part = (answered(reference(), each, constant_hazards()) for each in (asked, shared))
    np.testing.assert_allclose(part["counted_log_density"], 0.25 * np.array(whole["log_density"]))
    assert part["log_density"] == whole["log_density"]


def test_the_density_from_an_age_on_is_the_whole_less_what_had_held() -> None:
    held = question(out="B")
    later = question(entry=4.0, out="B")
    whole, part = (answered(reference(), each, constant_hazards()) for each in (held, later))
    np.testing.assert_allclose(
        np.array(part["log_density"]) - np.array(whole["log_density"]),
        RATES.sum() * 4.0,
        rtol=1e-8,
    )
    # What had ended before is not watched any more.
    over = answered(reference(), question(entry=4.0), constant_hazards())
    np.testing.assert_allclose(over["log_density"], 0.0, atol=1e-12)


def test_draws_that_differ_have_intervals_and_errors() -> None:
    found = answered(reference(), question(), draws())
    low, mean, high, mcse = (np.array(found[name]) for name in ("low", "mean", "high", "mcse"))
    assert (low <= mean).all()
    assert (mean <= high).all()
    assert (mcse > 0.0).all()
    assert not found["verdict"]["ok"]
    assert any("ESS" in reason for reason in found["verdict"]["reasons"])


# ---- what an answer depends on ------------------------------------------------------------------


def test_a_seed_belongs_to_a_name() -> None:
    assert seed_of("cluster A", 1) == seed_of("cluster A", 1)
    seeds = {seed_of(name, seed) for name in ("cluster A", "cluster B") for seed in (1, 2)}
    assert len(seeds) == 4
    assert question().settings.seed == seed_of("cluster A", TINY.seed)


def test_an_answer_is_kept_under_all_that_decides_it() -> None:
    asked = question()
    rows = small_rows()
    moved = tuple(replace(row, first_war=None) if row.id == rows[0].id else row for row in rows)
    others = [
        question(years=(1.0, 5.0)),
        question(entry=1.0),
        question(out="B"),
        question(rows=moved),
        replace(asked, settings=replace(asked.settings, draws=9)),
    ]
    keys = {key_of(reference(), each) for each in (asked, *others)}
    assert len(keys) == 1 + len(others)
    assert key_of(reference(), asked) == key_of(small_reference(), question())
    other = replace(reference(), key="another model or prior set")
    assert key_of(other, asked) != key_of(reference(), asked)


def test_how_it_ended_is_no_part_of_what_is_shown() -> None:
    rows = small_rows()
    moved = tuple(replace(row, first_war=None) if row.cluster == "A" else row for row in rows)
    one, two = question(), question(rows=moved)
    assert one.truth != two.truth
    for name in one.shown:
        assert one.shown[name].tobytes() == two.shown[name].tobytes()
    for name in ("mean", "low", "high", "mcse"):
        assert (
            answered(reference(), one, draws())[name] == answered(reference(), two, draws())[name]
        )


def test_what_is_sent_to_a_worker_can_be_sent() -> None:
    sent, asked = pickle.loads(pickle.dumps((reference(), question())))  # noqa: S301
    assert sent == reference()
    assert key_of(sent, asked) == key_of(reference(), question())
    assert hash(sent) == hash(reference())
