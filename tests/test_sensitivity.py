"""Sensitivities: each alternative changes what it says and nothing else, by weights or refits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pytest
from fitted import drawn_fit, narrow_fit, with_a_heavier_condition
from worlds import bare

from durability import cache, sensitivity
from durability.errors import SamplingError
from durability.inference import Fit, Settings, sample, with_data
from durability.progress import NullProgress, Progress
from durability.sensitivity import ALTERNATIVES, HORIZONS, Alternative, changed_arrays, read_changes

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


class Recorded(NullProgress):
    """Remembers what it was told of the chains."""

    def __init__(self) -> None:
        self.told: list[tuple[list[int], int]] = []

    def chains(self, finished: Sequence[int], total: int, divergences: int) -> None:
        self.told.append((list(finished), total))


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


# ---- refits -------------------------------------------------------------------------------------


class Compiled:
    """What nutpie compiles a model to, as far as sensitivities use it."""

    _shared_data: ClassVar[dict[str, Any]] = {
        name: np.zeros(1)
        for name in (
            "case_log_start",
            "case_log_stop",
            "hindsight",
            "history_event",
            "history_log_ages",
            "history_weight",
            "level_change_high",
            "level_change_low",
            "shared_error",
        )
    }

    def with_data(self, **arrays: Any) -> Compiled:
        return self


def test_refits_are_kept_and_read_again(
    narrow: Fit, monkeypatch: pytest.MonkeyPatch, no_cache: dict[str, Any]
) -> None:
    models = []

    def again(compiled: Any, model: Any, settings: Settings, *, progress: Progress) -> Any:
        models.append(model)
        progress.chains([settings.draws, settings.draws + 1], 120, 0)
        return narrow.tree

    monkeypatch.setattr(sensitivity, "sample", again)
    monkeypatch.setattr(sensitivity, "compile_model", lambda model, *, free: Compiled())
    monkeypatch.setattr(sensitivity, "DRAWS", 60)
    assert sensitivity.known_sensitivities(narrow) == []
    progress = Recorded()
    rows = sensitivity.run_sensitivities(narrow, progress=progress)
    assert len(models) == len(rows) == len(ALTERNATIVES)
    assert progress.told[0] == ([60, 61], 8 * 120)
    assert progress.told[-1] == ([7 * 120 + 60, 7 * 120 + 61], 8 * 120)
    assert [row["name"] for row in rows] == [each.name for each in ALTERNATIVES]
    for row in rows:
        assert row["method"] == "refit, 2 chains of 60 draws"
        assert set(row["breakdown"]) == {str(months) for months in HORIZONS}
    assert len(no_cache) == 1
    assert sensitivity.known_sensitivities(narrow) == rows
    assert sensitivity.known_sensitivities(with_a_heavier_condition(narrow)) == []


def test_a_refit_that_fails_leaves_its_row_empty_and_says_why(
    narrow: Fit, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise SamplingError("no chain started")

    monkeypatch.setattr(sensitivity, "sample", fail)
    row = sensitivity._refit(
        named("No hindsight"),
        narrow,
        Compiled(),
        Settings(draws=5, tune=5, chains=2),
        progress=QUIET,
    )
    assert row["breakdown"] == {}
    assert "no chain started" in row["note"]


def test_a_refit_whose_chains_disagree_says_so(
    narrow: Fit, monkeypatch: pytest.MonkeyPatch
) -> None:
    apart = narrow.tree.copy(deep=True)
    intercept = apart["posterior"]["intercept"]
    intercept.values[0] += 3.0
    apart["sample_stats"]["diverging"].values[1, :7] = True
    settings = replace(narrow.settings, chains=2)

    def noted(tree: Any) -> Any:
        monkeypatch.setattr(sensitivity, "sample", lambda *_, **__: tree)
        alternative = named("No hindsight")
        return sensitivity._refit(alternative, narrow, Compiled(), settings, progress=QUIET)["note"]

    note = noted(apart)
    assert "7 divergences" in note
    assert "R-hat" in note
    assert noted(narrow.tree) == ""


@pytest.mark.slow
def test_new_data_in_an_old_compilation_count_and_can_be_taken_back(
    brief_fit: Fit, open_compilation: Any
) -> None:
    settings = Settings(draws=5, tune=5, chains=2, seed=4)
    compiled = open_compilation
    last = ALTERNATIVES[-1].change(brief_fit.model)

    def intercepts(compilation: Any) -> np.ndarray:
        tree = sample(compilation, brief_fit.model, settings)
        return np.asarray(tree["posterior"]["intercept"].values)

    swapped = with_data(compiled, read_changes(brief_fit.model, last))
    first = intercepts(compiled)
    assert (intercepts(swapped) != first).any()
    np.testing.assert_array_equal(
        intercepts(with_data(swapped, read_changes(last, brief_fit.model))), first
    )


@pytest.mark.slow
def test_every_alternative_can_be_refitted_from_one_compilation(
    brief_fit: Fit, open_compilation: Any
) -> None:
    for alternative in ALTERNATIVES:
        changes = read_changes(brief_fit.model, alternative.change(brief_fit.model))
        assert changes, alternative.name
        with_data(open_compilation, changes)


@pytest.mark.slow
def test_constants_of_a_compilation_cannot_be_changed(open_compilation: Any) -> None:
    with pytest.raises(ValueError, match="history_years: compiled as constants"):
        with_data(open_compilation, {"history_years": np.zeros(3)})
