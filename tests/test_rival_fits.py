"""Fits under several prior sets: one compilation, numbers as data, keys of their own."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from durability.models import parameters
from fitted import model_of, narrow_fit

from durability import cache, rival_fits
from durability.inference import Fit, Model
from durability.prior_sets import Prior, PriorSet, hash_of, read_priors, shipped_path
from durability.progress import NullProgress
from durability.rival_fits import (
    OpenedModel,
    fit_rivals,
    has_fits,
    known_fits,
    numbers_of,
    opened_names,
)
from durability.verdict import Check, Verdict


def shipped(name: str) -> PriorSet:
    return read_priors(shipped_path(name))


def changed(priors: PriorSet, name: str, **how: Any) -> PriorSet:
    """Give a prior set with one parameter changed."""
    every = {**priors.parameters, name: replace(priors.parameters[name], **how)}
    return replace(
        priors, name="changed", parameters=MappingProxyType(every), hash=hash_of(every, None, None)
    )


RIVALS = ("agreements_work", "bargaining_power", "sceptical")


@pytest.fixture(scope="module")
def fit() -> Fit:
    return narrow_fit(draws=10)


@pytest.fixture
def trees(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Replace the cache of fits by an empty one."""
    kept: dict[str, Any] = {}
    monkeypatch.setattr(cache, "read_tree", kept.get)
    monkeypatch.setattr(cache, "write_tree", kept.__setitem__)
    monkeypatch.setattr(cache, "has_tree", kept.__contains__)
    return kept


class Compiler:
    """Stands in for compilation, sampling and judging, and remembers what it was asked."""

    def __init__(self, tree: Any) -> None:
        self.tree, self.compiled, self.given = tree, [], []
        self.drawn: list[tuple[str, int, int]] = []
        self.rhat: dict[tuple[str, int], float] = {}

    def compile(self, model: Any, *, free: Any) -> int:
        self.compiled.append((model, set(free)))
        return len(self.compiled) - 1

    def with_data(self, compiled: int, arrays: Any) -> int:
        assert set(arrays) <= self.compiled[compiled][1]
        self.given.append({name: np.array(values) for name, values in arrays.items()})
        return compiled

    def sample(self, compiled: int, model: Any, settings: Any, *, progress: Any) -> Any:
        progress.chains([settings.draws], settings.draws, 0)
        self.drawn.append((model.priors.name, settings.draws, settings.tune))
        return self.tree

    def judge(self, fit: Fit) -> SimpleNamespace:
        value = self.rhat.get((fit.model.priors.name, fit.settings.draws), 1.0)
        check = Check(
            name="R-hat of parameters", value=value, limit=1.01, ok=value <= 1.01, worst=""
        )
        return SimpleNamespace(verdict=Verdict(checks=(check,)))


@pytest.fixture
def compiler(monkeypatch: pytest.MonkeyPatch, fit: Fit) -> Compiler:
    made = Compiler(fit.tree)
    monkeypatch.setattr(rival_fits, "compile_model", made.compile)
    monkeypatch.setattr(rival_fits, "with_data", made.with_data)
    monkeypatch.setattr(rival_fits, "sample", made.sample)
    monkeypatch.setattr(rival_fits, "judge_fit", made.judge)
    return made


# ---- numbers as data ----------------------------------------------------------------------------


def test_the_numbers_of_two_sets_have_the_same_names_and_shapes() -> None:
    first, second = numbers_of(model_of()), numbers_of(rival_model("sceptical"))
    assert {k: v.shape for k, v in first.items()} == {k: v.shape for k, v in second.items()}


def rival_model(name: str) -> Model:
    return replace(model_of(), priors=shipped(name))


def test_only_what_differs_is_opened() -> None:
    names = opened_names([model_of(), *(rival_model(name) for name in RIVALS)])
    assert names == (
        "prior_covariate_effect_normal_mean",
        "prior_covariate_effect_normal_sd",
        "prior_effect_mean_normal_mean",
        "prior_effect_mean_normal_sd",
        "prior_effect_spread_halfnormal_sd",
    )
    assert opened_names([model_of(), model_of()]) == ()


def test_priors_of_another_family_have_other_names() -> None:
    default = shipped("default")
    told = default.parameters["effect_spread"]
    other = changed(
        default, "effect_spread", distribution="exponential", values=MappingProxyType({"rate": 5.0})
    )
    assert told.distribution == "halfnormal"
    names = set(numbers_of(model_of())), set(numbers_of(replace(model_of(), priors=other)))
    assert names[1] - names[0] == {"prior_effect_spread_exponential_rate"}


def test_mixed_families_keep_a_name_each() -> None:
    told = [
        Prior(
            **{key: "" for key in ("name", "unit", "meaning", "reason", "source", "status")},
            distribution=family,
            values=values,
            quantiles=None,
        )
        for family, values in (("halfnormal", {"sd": 0.5}), ("exponential", {"rate": 2.0}))
    ]
    found = parameters.numbers_of("error", told)
    assert {k: float(v) for k, v in found.items()} == {
        "prior_error_0_halfnormal_sd": 0.5,
        "prior_error_1_exponential_rate": 2.0,
    }


def test_an_opened_model_has_the_density_of_the_set_whose_numbers_it_is_given() -> None:
    import pymc as pm

    lead, rival = model_of(), rival_model("sceptical")
    names = (*opened_names([lead, rival]), "prior_partial_correlation_shape")
    model = OpenedModel(model=lead, names=names).to_pymc()
    free = [model[n] for n in ("effect_mean", "effect_spread", "covariate_effect")]
    density = model.compile_logp(free, jacobian=False)
    point = model.initial_point()
    point["effect_mean"] = np.array([0.3, -0.2, 0.5, 0.1])
    point["effect_spread_log__"] = np.array(np.log(0.17))
    point["covariate_effect"] = np.array([0.4, -0.6, 0.2, 0.1, 0.3])
    theta = {
        "partial_correlation": np.full((1, 6), 0.5),
        "effect_mean": point["effect_mean"][None],
        "effect_spread": np.array([0.17]),
        "covariate_effect": point["covariate_effect"][None],
    }
    before = float(density(point))
    with model:
        pm.set_data({name: numbers_of(rival)[name] for name in names})
    after = float(density(point))
    wanted = lead.module.log_prior_ratio(theta, lead.priors.parameters, rival.priors.parameters)
    assert after - before == pytest.approx(float(wanted[0]), rel=1e-9)
    assert abs(after - before) > 1.0


# ---- fits ---------------------------------------------------------------------------------------


def test_one_compilation_serves_all_sets_and_each_gets_its_own_numbers(
    fit: Fit, trees: dict[str, Any], compiler: Compiler
) -> None:
    sets = [shipped(name) for name in RIVALS]
    found = fit_rivals(fit, sets)
    assert len(compiler.compiled) == 1
    assert [each.model.priors.name for each in found] == list(RIVALS)
    opened, free = compiler.compiled[0]
    assert set(opened.names) <= free
    for given, priors in zip(compiler.given, sets, strict=True):
        told = {**opened.arrays, **given}
        wanted = numbers_of(replace(fit.model, priors=priors))
        for name in opened.names:
            np.testing.assert_array_equal(told[name], wanted[name])
    assert len(trees) == len({each.key for each in found}) == 3


def test_fits_are_read_again_and_only_missing_ones_are_sampled(
    fit: Fit, trees: dict[str, Any], compiler: Compiler
) -> None:
    sets = [shipped(name) for name in RIVALS]
    assert known_fits(fit, sets) == [None, None, None]
    found = fit_rivals(fit, sets)
    assert [each and each.key for each in known_fits(fit, sets)] == [each.key for each in found]
    del trees[found[1].key]
    assert [each is None for each in known_fits(fit, sets)] == [False, True, False]
    again = fit_rivals(fit, sets)
    assert (len(compiler.compiled), len(compiler.given)) == (2, 4)
    assert [each.key for each in again] == [each.key for each in found]


def test_a_set_that_fails_by_little_is_sampled_once_more_and_known_by_its_last_try(
    fit: Fit, trees: dict[str, Any], compiler: Compiler
) -> None:
    sets = [shipped(name) for name in RIVALS]
    compiler.rhat = {
        ("bargaining_power", 10): 1.013,
        ("sceptical", 10): 1.4,  # no case for more of the same
    }
    found = fit_rivals(fit, sets)
    assert compiler.drawn == [
        ("agreements_work", 10, 1),
        ("bargaining_power", 10, 1),
        ("bargaining_power", 20, 2),
        ("sceptical", 10, 1),
    ]
    assert [each.settings.draws for each in found] == [10, 20, 10]
    assert len(compiler.compiled) == 1
    known = known_fits(fit, sets)
    assert [each and (each.key, each.settings) for each in known] == [
        (each.key, each.settings) for each in found
    ]
    assert has_fits(fit, sets) == [
        *(True, True, True),
        *(False, True, False),  # twice the draws
        *(False, False, False),  # shorter steps
        *(False, False, False),  # both
    ]
    assert [each.key for each in fit_rivals(fit, sets)] == [each.key for each in found]
    assert len(compiler.drawn) == 4


def test_a_set_with_a_lone_divergence_is_sampled_with_shorter_steps(
    fit: Fit, trees: dict[str, Any], compiler: Compiler, monkeypatch: pytest.MonkeyPatch
) -> None:
    def judge(made: Fit) -> SimpleNamespace:
        number = 1.0 if made.settings.target_accept == fit.settings.target_accept else 0.0
        check = Check(name="divergences", value=number, limit=0.0, ok=not number, worst="")
        return SimpleNamespace(verdict=Verdict(checks=(check,)))

    monkeypatch.setattr(rival_fits, "judge_fit", judge)
    sets = [shipped("sceptical")]
    (found,) = fit_rivals(fit, sets)
    again = 0.5 * (1.0 + fit.settings.target_accept)
    assert found.settings == replace(fit.settings, target_accept=again)
    assert len(compiler.drawn) == 2
    (known,) = known_fits(fit, sets)
    assert known is not None
    assert (known.key, known.settings) == (found.key, found.settings)
    assert has_fits(fit, sets) == [True, False, True, False]


def test_there_are_no_more_than_two_tries(
    fit: Fit, trees: dict[str, Any], compiler: Compiler
) -> None:
    compiler.rhat = {("sceptical", 10): 1.013, ("sceptical", 20): 1.012}
    (found,) = fit_rivals(fit, [shipped("sceptical")])
    assert found.settings.draws == 20


def test_another_family_takes_another_compilation(
    fit: Fit, trees: dict[str, Any], compiler: Compiler
) -> None:
    default = shipped("default")
    other = changed(
        default, "effect_spread", distribution="exponential", values=MappingProxyType({"rate": 5.0})
    )
    found = fit_rivals(fit, [shipped("sceptical"), other])
    assert len(compiler.compiled) == 2
    assert compiler.compiled[1][0].model.priors is other
    assert len({each.key for each in found}) == 2


def test_numbers_that_the_likelihood_reads_are_free_too(
    fit: Fit, trees: dict[str, Any], compiler: Compiler
) -> None:
    other = changed(shipped("default"), "hindsight", values=MappingProxyType({"value": 0.5}))
    fit_rivals(fit, [other])
    assert float(compiler.given[0]["hindsight"]) == 0.5


def test_progress_counts_the_fits_before(
    fit: Fit, trees: dict[str, Any], compiler: Compiler
) -> None:
    told: list[tuple[list[int], int]] = []

    class Recorded(NullProgress):
        def chains(self, finished: Any, total: int, divergences: int) -> None:
            told.append((list(finished), total))

    fit_rivals(fit, [shipped(name) for name in RIVALS], progress=Recorded())
    assert told == [([10], 30), ([20], 30), ([30], 30)]


@pytest.mark.slow
def test_a_rival_is_sampled_from_the_opened_model_and_holds_its_belief(brief_fit: Fit) -> None:
    tight = changed(
        brief_fit.model.priors,
        "effect_trust",
        values=MappingProxyType({"mean": -2.0, "sd": 0.01}),
    )
    (found,) = fit_rivals(brief_fit, [tight])
    effect = found.posterior["effect_mean"].values[..., 0]
    np.testing.assert_allclose(effect, -2.0, atol=0.06)
    assert brief_fit.posterior["effect_mean"].values[..., 0].mean() > -1.0
