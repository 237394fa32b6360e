"""Inference: the same input and seed give the same draws, whole or not at all."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import xarray as xr
from fitted import BRIEF, drawn_fit, model_of
from test_assembly import FUTURES, later_counts, later_rungs, later_standings, more_news
from worlds import DEFAULT_PRIORS, bare, flagship, history

from durability import cache, inference
from durability.assembly import assemble
from durability.errors import InputError, SamplingError
from durability.forecasts import Forecast, forecast
from durability.inference import Fit, Settings, build, fit, fit_key, sample
from durability.prior_sets import read_priors
from durability.report import record_text

TINY = Settings(draws=20, tune=30, chains=2, seed=11)


# ---- what a fit is ------------------------------------------------------------------------------


def test_nothing_is_compiled_or_sampled_before_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("compiled")

    monkeypatch.setattr(inference, "compile_model", refuse)
    monkeypatch.setattr(inference, "sample", refuse)
    assert model_of().name == "breakdown"


def test_an_unknown_model_is_refused_with_a_hint() -> None:
    with pytest.raises(InputError, match='did you mean "breakdown"'):
        build(assemble(flagship(), history()), read_priors(DEFAULT_PRIORS), model="brakdown")


def test_a_prior_set_that_lacks_a_parameter_is_refused() -> None:
    priors = read_priors(DEFAULT_PRIORS)
    fewer = {name: prior for name, prior in priors.parameters.items() if name != "persistence"}
    with pytest.raises(InputError, match="persistence"):
        build(assemble(flagship(), history()), replace(priors, parameters=fewer))


def test_draws_are_joined_chain_after_chain() -> None:
    made = drawn_fit(draws=6, chains=3)
    stored = made.tree["posterior"]["intercept"].values
    assert stored.shape[:2] == (3, 6)
    np.testing.assert_array_equal(made.theta()["intercept"][6 + 4], stored[1, 4])
    np.testing.assert_array_equal(made.draws_of("beta")[13], made.posterior["beta"].values[2, 1])
    assert len(made) == 18


def test_a_case_without_news_or_counts_has_no_parameters_of_them() -> None:
    names = set(drawn_fit(bare(), draws=2).names())
    assert not {name for name in names if name.startswith("indicator_")}
    assert "history_raw" in names


# ---- the sampler fails --------------------------------------------------------------------------


def failing(monkeypatch: pytest.MonkeyPatch, nutpie: Any) -> None:
    monkeypatch.setattr(inference, "_import_samplers", lambda: nutpie)


def test_a_sampler_that_cannot_start_is_told_and_nothing_is_cached(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def start(*_: Any, **__: Any) -> Any:
        raise RuntimeError("all initialization points failed")

    monkeypatch.setattr(cache, "folder", lambda: tmp_path / "fits")
    monkeypatch.setattr(inference, "compile_model", lambda model: None)
    failing(monkeypatch, SimpleNamespace(sample=start))
    with pytest.raises(SamplingError, match="all initialization points failed"):
        fit(model_of(), draws=5, tune=5, chains=2)
    assert not (tmp_path / "fits").exists()


def test_a_trace_that_is_not_whole_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    made = drawn_fit(draws=5, chains=2)

    class Sampler:
        is_finished = True

        def wait(self) -> xr.DataTree:
            return made.tree.isel(draw=slice(0, 4))

    failing(monkeypatch, SimpleNamespace(sample=lambda *_, **__: Sampler()))
    with pytest.raises(SamplingError, match="2 chains of 4 draws, not 2 of 5"):
        sample(None, made.model, made.settings)


def test_ctrl_c_while_sampling_cancels_the_sampler(monkeypatch: pytest.MonkeyPatch) -> None:
    cancelled = []

    class Sampler:
        is_finished = False

        def cancel(self) -> None:
            cancelled.append(True)

    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    failing(monkeypatch, SimpleNamespace(sample=lambda *_, **__: Sampler()))
    monkeypatch.setattr(inference.time, "sleep", interrupt)
    with pytest.raises(KeyboardInterrupt):
        sample(None, drawn_fit(draws=5).model, TINY)
    assert cancelled == [True]


def test_a_sampler_too_busy_to_answer_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    made = drawn_fit(draws=5, chains=2)
    answers = iter([TimeoutError, False, TimeoutError, True])
    asked = []

    class Sampler:
        @property
        def is_finished(self) -> bool:
            answer = next(answers)
            asked.append(answer)
            if answer is TimeoutError:
                raise TimeoutError
            return bool(answer)

        def wait(self) -> xr.DataTree:
            return made.tree

    def start(*_: Any, progress_callback: Any, **__: Any) -> Sampler:
        progress_callback([SimpleNamespace(finished_draws=n, divergences=1) for n in (3, 4)])
        return Sampler()

    told = []

    class Watching:
        def chains(self, finished: Any, total: int, divergences: int) -> None:
            told.append((list(finished), total, divergences))

    failing(monkeypatch, SimpleNamespace(sample=start))
    monkeypatch.setattr(inference.time, "sleep", lambda seconds: None)
    tree = sample(None, made.model, made.settings, progress=Watching())  # type: ignore[arg-type]
    assert len(asked) == 4
    assert told[0] == ([3, 4], 6, 2)
    assert tree["posterior"].to_dataset()["beta"].shape == (2, 5, 4, 4)


# ---- a real fit ---------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_fit_holds_arvizs_groups_with_named_dimensions(brief_fit: Fit) -> None:
    tree, coords = brief_fit.tree, brief_fit.model.data.coords
    assert {"posterior", "sample_stats", "constant_data", "observed_data"} <= set(tree.children)
    posterior = tree["posterior"].to_dataset()
    assert dict(posterior["beta"].sizes) == {"chain": 2, "draw": 150, "stream": 4, "driver": 4}
    for dim in ("month", "driver", "stream", "agreement", "grade"):
        assert tuple(posterior[dim].values) == coords[dim], dim
    assert set(brief_fit.names()) <= set(posterior)
    for name, values in posterior.items():
        assert np.isfinite(values.values).all(), name
    stats = tree["sample_stats"].to_dataset()
    assert {"diverging", "energy"} <= set(stats)
    assert set(tree["observed_data"].to_dataset()) == {
        "outcomes",
        "codings",
        "events",
        "counts",
        "holding",
    }
    for name, array in brief_fit.model.data.arrays.items():
        np.testing.assert_array_equal(tree["constant_data"].to_dataset()[name].values, array)


@pytest.mark.slow
def test_what_the_draws_mean_is_what_the_model_makes_of_them(brief_fit: Fit) -> None:
    latent = brief_fit.model.module.latents(brief_fit.theta(), brief_fit.model.arrays, np)
    for name, part in (("pressure", "pressure"), ("beta", "effects"), ("standing", "standing")):
        np.testing.assert_array_equal(brief_fit.draws_of(name), latent[part])


@pytest.mark.slow
def test_the_same_seed_gives_the_same_draws_and_another_seed_others(
    brief_fit: Fit, open_compilation: Any
) -> None:
    first, again, other = (
        sample(open_compilation, brief_fit.model, settings)
        for settings in (TINY, TINY, replace(TINY, seed=12))
    )
    for name in brief_fit.names():
        ours, theirs = first["posterior"][name].values, again["posterior"][name].values
        np.testing.assert_array_equal(ours, theirs)
    assert (first["posterior"]["intercept"].values != other["posterior"]["intercept"].values).all()


@pytest.mark.slow
def test_chains_do_not_repeat_each_other(brief_fit: Fit) -> None:
    one, two = brief_fit.posterior["intercept"].values
    assert (one != two).all()


@pytest.mark.slow
def test_the_data_have_told_the_model_something(brief_fit: Fit) -> None:
    # History knows 66 agreements: the hazard of war is far better known than before.
    prior = brief_fit.model.priors.parameters["intercept_war"].values["sd"]
    assert brief_fit.theta()["intercept"][:, 2].std() < 0.5 * prior


# ---- the future ---------------------------------------------------------------------------------


def without_times(made: Forecast) -> str:
    return record_text({key: value for key, value in made.record.items() if key != "timings"})


@pytest.mark.slow
def test_what_is_known_later_changes_no_bit_of_a_forecast(
    brief_fit: Fit, brief_forecast: Forecast, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Items, counts, ratings, rungs, agreements and wars from the day after the cutoff on.
    def refuse(model: Any) -> Any:
        raise AssertionError("the cached fit was not found")

    case, rows = flagship(), history()
    later = case.covered_until.fromordinal(case.covered_until.toordinal() + 1)
    for future in FUTURES:
        case, rows = future(case, rows, later)
    # The file itself says until when it is covered; the cutoff is the old one.
    case = replace(case, covered_until=flagship().covered_until)
    model = build(
        assemble(case, rows, cutoff=flagship().covered_until), read_priors(DEFAULT_PRIORS)
    )
    monkeypatch.setattr(inference, "compile_model", refuse)
    again = fit(model, draws=BRIEF.draws, tune=BRIEF.tune, chains=BRIEF.chains, seed=BRIEF.seed)
    assert again.key == brief_fit.key
    assert without_times(forecast(again)) == without_times(brief_forecast)


def test_the_same_facts_known_in_time_are_another_fit() -> None:
    # The guard guards: the futures above, moved before the cutoff, change the key.
    day = flagship().covered_until.replace(month=3)
    keys = set()
    for future in (more_news, later_standings, later_counts, later_rungs):
        case, rows = future(flagship(), history(), day)
        data = assemble(case, rows, cutoff=flagship().covered_until)
        keys.add(fit_key(build(data, read_priors(DEFAULT_PRIORS)), BRIEF))
    assert fit_key(model_of(), BRIEF) not in keys
    assert len(keys) == 4


@pytest.mark.slow
def test_a_forecast_of_the_same_fit_is_the_same_to_the_bit(
    brief_fit: Fit, brief_forecast: Forecast
) -> None:
    stored = cache.read_tree(brief_fit.key)
    assert stored is not None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = forecast(Fit(**{**fields(brief_fit), "tree": stored}))
    assert without_times(again) == without_times(brief_forecast)


def fields(made: Fit) -> dict[str, Any]:
    return {name: getattr(made, name) for name in ("model", "settings", "key")}
