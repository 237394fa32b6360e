"""Hiding: what is hidden changes nothing, and what is shown reads as if the rest were not there."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import Any

import numpy as np
import pytest
from worlds import data as case_data
from worlds import drawn, full, history

from durability.agreements import Agreement, DayRange
from durability.assembly import ModelData
from durability.catalogue import find_model
from durability.hiding import CHANGED, show
from durability.history_data import assemble_history
from durability.ladder import Spell

LEFT_OUT = "INDIA_PAK"


@cache
def whole() -> ModelData:
    return assemble_history()


def others(data: ModelData, cluster: str = LEFT_OUT) -> dict[str, Spell]:
    out = {row.id for row in data.agreements if row.cluster == cluster}
    return {spell.agreement: spell for spell in data.spells if spell.agreement not in out}


def everybody(data: ModelData) -> list[str]:
    return list(data.coords["agreement"])


def likelihood(data: ModelData, theta: Any, latent: Any) -> tuple[Any, Any]:
    model = find_model("breakdown")
    terms = model.log_likelihoods(theta, latent, full(data), np)
    return terms["outcomes"], terms["codings"]


def test_showing_all_changes_nothing_that_a_likelihood_reads() -> None:
    data = whole()
    seen = show(data, {s.agreement: s for s in data.spells}, rated=everybody(data))
    theta, latent = drawn(data, n=4, seed=1)
    for before, after in zip(
        likelihood(data, theta, latent), likelihood(seen, theta, latent), strict=True
    ):
        np.testing.assert_array_equal(before, after)


def test_what_is_hidden_adds_nothing_and_the_rest_is_as_before() -> None:
    data = whole()
    kept = others(data)
    seen = show(data, kept, rated=kept)
    theta, latent = drawn(data, n=4, seed=2)
    # The same unknowns, each with its thing: the order of things is another.
    order = [data.coords["thing"].index(name) for name in seen.coords["thing"]]
    moved = {**theta, "coding_error_raw": theta["coding_error_raw"][:, order]}
    # Covariates are centred on what is shown, so the same outcome needs another intercept.
    shift = seen.arrays["covariate_centre"] - data.arrays["covariate_centre"]
    apart = (theta["covariate_effect"] * shift).sum(-1)
    moved["intercept"] = theta["intercept"] + apart[:, None]
    before, after = likelihood(data, theta, latent), likelihood(seen, moved, latent)
    shown = np.array([name in kept for name in data.coords["agreement"]])
    np.testing.assert_allclose(after[0][:, shown], before[0][:, shown], rtol=1e-10)
    assert not after[0][:, ~shown].any()
    visible = np.array([name.split(":")[0] in kept for name in seen.coords["thing"]])
    np.testing.assert_allclose(
        after[1][:, visible], before[1][:, order][:, visible], rtol=1e-9, atol=1e-12
    )
    assert not after[1][:, ~visible].any()
    assert 0 < visible.sum() < visible.size


def test_shapes_never_change_and_only_named_arrays_do() -> None:
    data = whole()
    seen = show(data, others(data), rated=others(data), begun=list(others(data)))
    for name, array in data.arrays.items():
        assert seen.arrays[name].shape == array.shape
        assert seen.arrays[name].dtype == array.dtype
        if name not in CHANGED:
            assert seen.arrays[name] is array


def ended_otherwise(row: Agreement) -> Agreement:
    """Let what broke hold, and what held break after half a year."""
    if row.first_war is not None:
        return replace(row, first_war=None)
    day = row.start + timedelta(days=182)
    return replace(row, first_war=DayRange(first=day, last=day))


@pytest.mark.parametrize("cluster", ["SUDANS", "KOSOVO", "IRAN_IRAQ"])
def test_how_what_is_left_out_ended_leaves_every_array_as_it_was(cluster: str) -> None:
    """To the bit: the end of a cluster reaches no array that its refit reads."""
    data = whole()
    last = max((row for row in data.agreements if row.cluster == cluster), key=lambda r: r.start)
    rows = tuple(ended_otherwise(row) if row.id == last.id else row for row in history())
    other = assemble_history(rows)
    assert other.spells != data.spells
    arrays = [
        show(each, others(each, cluster), rated=everybody(each)).arrays for each in (data, other)
    ]
    for name in arrays[0]:
        assert arrays[0][name].tobytes() == arrays[1][name].tobytes(), name


def test_hidden_ratings_can_be_anything() -> None:
    data, model = whole(), find_model("breakdown")
    kept = others(data)
    changed = dict(data.arrays)
    things = data.arrays["reading_thing"]
    gone = np.array([data.coords["thing"][t].split(":")[0] not in kept for t in things], dtype=bool)
    changed["reading_level"] = np.where(gone, 6 - data.arrays["reading_level"], 0 * things)
    changed["reading_level"] = np.where(
        gone, changed["reading_level"], data.arrays["reading_level"]
    )
    assert (changed["reading_level"] != data.arrays["reading_level"]).any()
    arrays = [show(each, kept, rated=kept).arrays for each in (data, replace(data, arrays=changed))]
    for name in arrays[0]:
        if name not in model.UNREAD:
            assert arrays[0][name].tobytes() == arrays[1][name].tobytes(), name


def test_the_mark_of_hindsight_is_taken_from_what_is_shown_alone() -> None:
    data = whole()
    seen = show(data, others(data), rated=everybody(data))
    of = {
        name: broke
        for name, broke in zip(seen.coords["thing"], seen.arrays["coding_broke"], strict=True)
    }
    before = {
        name: broke
        for name, broke in zip(data.coords["thing"], data.arrays["coding_broke"], strict=True)
    }
    gone = {row.id for row in data.agreements if row.cluster == LEFT_OUT}
    assert any(before[name] for name in before if name.split(":")[0] in gone)
    for name in of:
        assert of[name] == (0.0 if name.split(":")[0] in gone else before[name])


def test_what_cannot_be_hidden_is_said() -> None:
    data = whole()
    kept = others(data)
    with pytest.raises(ValueError, match="no agreement R999"):
        show(data, kept, rated=["R999"])
    with pytest.raises(ValueError, match="an outcome and a rating"):
        show(data, {}, rated=kept)
    with pytest.raises(ValueError, match="an outcome and a rating"):
        show(data, kept, rated=[])
    with pytest.raises(ValueError, match="only history without a case"):
        show(case_data(), kept, rated=kept)


def test_covariates_are_centred_on_what_is_shown_alone() -> None:
    data = whole()
    kept = others(data)
    seen = show(data, kept, rated=kept)
    shown = np.array([*(name in kept for name in data.coords["agreement"]), False])
    np.testing.assert_allclose(seen.arrays["row_covariates"][shown].mean(axis=0), 0.0, atol=1e-12)
    assert np.abs(seen.arrays["row_covariates"][~shown][:-1].mean(axis=0)).max() > 0.1
