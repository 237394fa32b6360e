"""Sensitivities: each alternative changes what it says and nothing else, by weights or refits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from fitted import drawn_fit, narrow_fit
from worlds import bare

from durability import cache, sensitivity
from durability.errors import SamplingError
from durability.inference import Fit, Settings, sample
from durability.progress import NullProgress
from durability.sensitivity import ALTERNATIVES, HORIZONS, Alternative, changed_arrays
from durability.simulation import incidences, simulate

QUIET = NullProgress()


@pytest.fixture(autouse=True)
def no_cache(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Replace the cache of refits by an empty one."""
    kept: dict[str, Any] = {}
    monkeypatch.setattr(cache, "read_json", kept.get)
    monkeypatch.setattr(cache, "write_json", kept.__setitem__)
    return kept


@pytest.fixture(scope="module")
def narrow() -> Fit:
    return narrow_fit(draws=60, seed=3)


def named(name: str) -> Alternative:
    (found,) = [each for each in ALTERNATIVES if each.name == name]
    return found


# ---- what changes -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        (
            "Clock from the deal",
            {"case_log_start", "case_log_stop"},
        ),
        (
            "Leftover fighting counts",
            {"history_event", "history_log_ages", "history_weight"},
        ),
        ("News speaks of the level", {"level_change_high"}),
        ("News speaks of the change", {"level_change_low"}),
        ("No shared error", {"shared_error"}),
        ("Large shared error", {"shared_error"}),
        ("No hindsight", {"hindsight"}),
        ("Strong hindsight", {"hindsight"}),
    ],
)
def test_an_alternative_changes_what_it_says_and_no_shape(
    narrow: Fit, name: str, changes: set[str]
) -> None:
    changed = changed_arrays(narrow.model.arrays, named(name).change(narrow.model).arrays)
    # Weights of rows that tell one event may or may not move with the reading.
    assert changes - {"history_weight"} <= set(changed) <= changes | {"history_years"}


def test_every_alternative_has_a_name_of_its_own_and_is_tested_above() -> None:
    assert len({each.name for each in ALTERNATIVES}) == len(ALTERNATIVES) == 8


def test_alternatives_move_the_fixed_numbers_to_the_ends_of_their_range(narrow: Fit) -> None:
    told = {
        name: {
            float(each.change(narrow.model).arrays[name])
            for each in ALTERNATIVES
            if float(each.change(narrow.model).arrays[name]) != narrow.model.arrays[name]
        }
        for name in ("shared_error", "hindsight")
    }
    assert told == {"shared_error": {0.0, 0.6}, "hindsight": {0.0, 0.5}}


def test_the_fit_itself_is_left_as_it_was(narrow: Fit) -> None:
    before = {name: values.copy() for name, values in narrow.model.arrays.items()}
    for each in ALTERNATIVES:
        each.change(narrow.model)
    for name, values in narrow.model.arrays.items():
        np.testing.assert_array_equal(values, before[name])


def test_an_array_that_changes_its_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="x changes its shape"):
        changed_arrays({"x": np.zeros(3)}, {"x": np.zeros(4)})


def test_alternatives_suit_a_case_without_news_counts_or_ratings() -> None:
    made = drawn_fit(bare(), draws=3)
    for each in ALTERNATIVES:
        changed_arrays(made.model.arrays, each.change(made.model).arrays)


# ---- weights ------------------------------------------------------------------------------------


def weighted(fit: Fit, alternative: Alternative) -> dict[str, Any]:
    return sensitivity._weighted(alternative, fit)


def test_weights_are_the_ratio_of_likelihoods(narrow: Fit, monkeypatch: pytest.MonkeyPatch) -> None:
    # Without smoothing, the weighted mean is the importance-sampling estimate worked by hand.
    import arviz_stats.base

    def plain(log_likelihood: np.ndarray) -> tuple[np.ndarray, float]:
        return -log_likelihood, 0.1

    monkeypatch.setattr(
        type(arviz_stats.base.array_stats), "psislw", staticmethod(plain), raising=True
    )
    monkeypatch.setattr(sensitivity, "SIZE_LEAST", 0.0)
    alternative = named("Strong hindsight")
    row = weighted(narrow, alternative)
    model = alternative.change(narrow.model)
    theta = narrow.theta()
    latent = narrow.model.module.latents(theta, narrow.model.arrays, np)

    def total(arrays: Any) -> np.ndarray:
        terms = narrow.model.module.log_likelihoods(theta, latent, arrays, np)
        return np.asarray(sum(term.sum(-1) for term in terms.values()))

    ratio = total(model.arrays) - total(narrow.model.arrays)
    weights = np.exp(ratio - ratio.max())
    weights /= weights.sum()
    assert weights.max() < 0.9
    future = simulate(replace(narrow, model=model), months=60, seed=narrow.settings.seed)
    broken = incidences(future.increments)["breakdown"]
    for months in HORIZONS:
        told = row["breakdown"][str(months)]
        assert told["mean"] == pytest.approx(weights @ broken[:, months - 1], rel=1e-9)
        assert told["mcse"] > 0.0


def test_weights_that_cannot_answer_say_so(narrow: Fit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sensitivity, "KHAT_MOST", -np.inf)
    row = weighted(narrow, named("No hindsight"))
    assert row["breakdown"] == {}
    assert "--sensitivities" in row["note"]
    assert "Pareto k" in row["method"]


# ---- refits -------------------------------------------------------------------------------------


class Compiled:
    """What nutpie compiles a model to, as far as sensitivities use it."""

    shared_var_keys = ()

    def with_data(self, **arrays: Any) -> Compiled:
        return self


def test_refits_are_kept_and_read_again(
    narrow: Fit, monkeypatch: pytest.MonkeyPatch, no_cache: dict[str, Any]
) -> None:
    models = []

    def again(compiled: Any, model: Any, settings: Settings) -> Any:
        models.append(model)
        return narrow.tree

    monkeypatch.setattr(sensitivity, "sample", again)
    fit = replace(narrow, compiled=Compiled(), timings={})
    monkeypatch.setattr(sensitivity, "DRAWS", 60)
    rows = sensitivity.run_sensitivities(fit, refit=True, progress=QUIET)
    assert len(models) == len(rows) == len(ALTERNATIVES)
    assert [row["name"] for row in rows] == [each.name for each in ALTERNATIVES]
    for row in rows:
        assert row["method"] == "refit, 2 chains of 60 draws"
        assert set(row["breakdown"]) == {str(months) for months in HORIZONS}
    assert fit.timings["sensitivities"] >= 0.0
    assert len(no_cache) == 1
    assert sensitivity.run_sensitivities(fit, refit=False, progress=QUIET) == rows
    assert len(models) == len(ALTERNATIVES)


def test_a_refit_that_fails_leaves_its_row_empty_and_says_why(
    narrow: Fit, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise SamplingError("no chain started")

    monkeypatch.setattr(sensitivity, "sample", fail)
    row = sensitivity._refit(
        named("No hindsight"), narrow, Compiled(), Settings(draws=5, tune=5, chains=2)
    )
    assert row["breakdown"] == {}
    assert "no chain started" in row["note"]


@pytest.mark.slow
def test_new_data_in_an_old_compilation_count_and_can_be_taken_back(brief_fit: Fit) -> None:
    settings = Settings(draws=5, tune=5, chains=2, seed=4)
    compiled = brief_fit.compiled
    assert compiled is not None
    shared = {variable.name for variable in compiled.shared_var_keys}
    before = {name: brief_fit.model.arrays[name] for name in shared}
    for alternative in ALTERNATIVES:
        model = alternative.change(brief_fit.model)
        # Years watched stand for the outcomes among the observed data; no likelihood reads them.
        changed = set(changed_arrays(brief_fit.model.arrays, model.arrays)) - {"history_years"}
        assert changed <= shared, alternative.name
    after = {name: model.arrays[name] for name in shared}

    def intercepts(compilation: Any) -> np.ndarray:
        tree = sample(compilation, brief_fit.model, settings)
        return np.asarray(tree["posterior"]["intercept"].values)

    swapped = compiled.with_data(**after)
    first = intercepts(compiled)
    assert (intercepts(swapped) != first).any()
    np.testing.assert_array_equal(intercepts(swapped.with_data(**before)), first)
