"""Fits that are judged, and sampled again where more draws may mend what failed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import jsonschema
import numpy as np
import pytest
from fitted import model_of, narrow_fit
from report_example import ExampleForecast, example_record, example_tree
from test_retries import NEAR, PASSED, verdict

from durability import forecasts, inference, judged_fits
from durability.errors import SamplingError
from durability.inference import Fit, Settings
from durability.judged_fits import fit_and_judge, forecast_hash, horizons_to, judge_fit
from durability.progress import NullProgress
from durability.report import SCHEMA_PATH, compose, to_html
from durability.retries import FailedTry, may_pass
from durability.simulation import incidences, plan_of, simulate
from durability.verdict import Verdict
from durability.wording import failed_tries


class Sampler(NullProgress):
    """Stands in for the sampler and the judge, and remembers what it was asked."""

    def __init__(self, verdicts: list[Verdict]) -> None:
        self.verdicts, self.asked, self.stages = verdicts, [], []
        self.made = narrow_fit(draws=4)

    def fit(self, model: Any, *, refit: bool, progress: Any, **how: Any) -> Fit:
        self.asked.append((Settings(**how), refit))
        settings = replace(self.made.settings, draws=len(self.asked))
        return replace(self.made, settings=settings, timings={"sample": 10.0 * len(self.asked)})

    def judge(self, fit: Fit, *, months: int) -> Any:
        found = self.verdicts[len(self.asked) - 1]
        return judged_fits.JudgedFit(
            fit=fit,
            future=None,
            rungs={},
            verdict=found,
            failed=(),
            seconds=0.5,  # type: ignore[arg-type]
        )

    def stage(self, name: str) -> None:
        self.stages.append(name)


def test_an_election_is_forecast_before_anything_else_is_sampled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[Any] = []

    def refused(name: str, folder: Any, *, cutoff: Any, progress: Any) -> float:
        asked.append((name, cutoff))
        raise SamplingError("the polls cannot be fitted")

    monkeypatch.setattr(judged_fits, "unkept_chance", lambda data: "majority")
    monkeypatch.setattr(judged_fits, "election_chance", refused)
    monkeypatch.setattr(judged_fits, "tried", asked.append)
    model = model_of()
    with pytest.raises(SamplingError, match="polls"):
        fit_and_judge(model, Settings(draws=4, tune=4, chains=2, seed=1), months=12)
    assert asked == [("majority", model.data.cutoff)]


def sampler(monkeypatch: pytest.MonkeyPatch, *verdicts: Verdict) -> Sampler:
    made = Sampler(list(verdicts))
    monkeypatch.setattr(inference, "fit", made.fit)
    monkeypatch.setattr(judged_fits, "judge_fit", made.judge)
    return made


ASKED = Settings(draws=1000, tune=600, chains=3, seed=5)


def test_a_fit_that_passes_is_sampled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made = sampler(monkeypatch, PASSED)
    found = fit_and_judge(model_of(), ASKED)
    assert made.asked == [(ASKED, False)]
    assert found.failed == ()


def test_one_that_fails_by_little_is_sampled_again_with_twice_the_draws(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = sampler(monkeypatch, NEAR, PASSED)
    found = fit_and_judge(model_of(), ASKED, refit=True, progress=made)
    twice = replace(ASKED, draws=2000, tune=1200)
    assert made.asked == [(ASKED, True), (twice, True)]
    assert found.verdict.ok
    told = "R-hat of parameters is 1.013 at noise[1], limit 1.01"
    one = FailedTry(draws=1000, tune=600, target_accept=0.9, reasons=(told,), remedies=("draws",))
    assert found.failed == (one,)
    assert made.stages == ["judge", f"Once more with 2000 draws a chain, since {told}", "judge"]
    assert found.fit.timings == {"sample": 30.0}


def test_a_lone_divergence_is_met_with_shorter_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    made = sampler(monkeypatch, verdict(divergences=1.0), PASSED)
    found = fit_and_judge(model_of(), ASKED, progress=made)
    (_, again) = [settings for settings, _ in made.asked]
    assert again == replace(ASKED, target_accept=again.target_accept)
    assert again.target_accept == pytest.approx(0.95)
    assert found.verdict.ok
    assert [(each.target_accept, each.remedies) for each in found.failed] == [
        (0.9, ("target_accept",))
    ]
    told = "shorter steps (mean acceptance of 0.95), since divergences is 1 at noise[1], limit 0"
    assert made.stages[1] == f"Once more with {told}"


def test_two_tries_unless_others_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    made = sampler(monkeypatch, NEAR, NEAR, PASSED)
    found = fit_and_judge(model_of(), ASKED)
    assert (len(made.asked), found.verdict.ok, len(found.failed)) == (2, False, 1)
    made = sampler(monkeypatch, NEAR, PASSED)
    found = fit_and_judge(model_of(), ASKED, tries=1)
    assert (len(made.asked), found.verdict.ok, found.failed) == (1, False, ())
    made = sampler(monkeypatch, NEAR, NEAR, PASSED)
    found = fit_and_judge(model_of(), ASKED, tries=3)
    assert [asked.draws for asked, _ in made.asked] == [1000, 2000, 4000]
    assert [each.draws for each in found.failed] == [1000, 2000]
    assert found.verdict.ok


def test_chains_that_lie_far_apart_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made = sampler(monkeypatch, verdict(R_hat_of_parameters=1.6))
    found = fit_and_judge(model_of(), ASKED)
    assert (len(made.asked), found.verdict.ok, found.failed) == (1, False, ())


def test_a_fit_is_judged_by_its_chances_at_every_horizon() -> None:
    fit = narrow_fit(draws=40)
    found = judge_fit(fit, months=30)
    wanted = incidences(*_ahead(fit, 30))
    for rung, values in wanted.items():
        np.testing.assert_array_equal(found.rungs[rung], values)
    assert horizons_to(30) == [6, 12, 24, 30]
    assert horizons_to(24) == [6, 12, 24]
    names = {check.name for check in found.verdict.checks}
    assert {"R-hat of forecast probabilities", "R-hat of parameters"} <= names
    assert found.seconds > 0.0


def test_a_chance_that_is_no_number_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    fit = narrow_fit(draws=40)

    def broken(*_: Any) -> dict[str, np.ndarray]:
        rungs = dict(incidences(*_ahead(fit, 30)))
        rungs["war"] = rungs["war"].copy()
        rungs["war"][3, 23] = np.nan
        return rungs

    assert not any("no number" in check.name for check in judge_fit(fit, months=30).verdict.checks)
    monkeypatch.setattr(judged_fits, "incidences", broken)
    found = judge_fit(fit, months=30).verdict
    (reason,) = [each for each in found.reasons if "no number" in each]
    assert reason == "draws whose forecast is no number is 1 at war[24], limit 0"
    assert not may_pass(found)


def test_a_forecast_has_another_name_where_what_it_reads_beside_the_fit_is_another() -> None:
    fit = narrow_fit(draws=20)
    case = fit.model.data.case

    def named(**changes: Any) -> str:
        data = replace(fit.model.data, case=replace(case, **changes))
        return forecast_hash(replace(fit, model=replace(fit.model, data=data)))

    plain = named()
    assert plain == forecast_hash(fit)
    assert plain.startswith(f"{fit.key}.")
    first = plan_of(fit.model.data).pending[0]
    harder = replace(first, fails=0.9 * first.fails)
    other = tuple(harder if each.name == first.name else each for each in case.conditions)
    assert named(conditions=other) != plain
    assert named(conditions=()) != plain
    assert named(title="Another title") == plain
    later = replace(fit.model.data, cutoff=fit.model.data.cutoff - timedelta(days=1))
    assert forecast_hash(replace(fit, model=replace(fit.model, data=later))) != plain


def _ahead(fit: Fit, months: int) -> tuple[np.ndarray, Any]:
    future = simulate(fit, months=months, seed=fit.settings.seed)
    return future.increments, future.happened


def test_the_record_and_the_report_tell_of_tries_that_failed() -> None:
    record = example_record()
    assert record["failed_tries"] == []
    assert failed_tries(record) == ()
    told = FailedTry(
        draws=1000,
        tune=600,
        target_accept=0.9,
        reasons=("R-hat is 1.013 at noise[1]",),
        remedies=("draws", "target_accept"),
    )
    record["failed_tries"] = [told.to_record()]
    jsonschema.validate(record, _schema())
    forecast = ExampleForecast(record=record, tree=example_tree())
    html = to_html(compose(forecast.record, forecast.tree))
    assert "A fit of 1,000 draws a chain failed its checks by little" in html
    assert "sampled again with twice as many and shorter steps: " in html
    assert "R-hat is 1.013 at noise[1]." in html


def _schema() -> Any:
    import json

    return json.loads(SCHEMA_PATH.read_text(encoding="utf-8"))


def test_a_forecast_says_which_tries_came_before(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[Any] = []

    def predict(found: Any, other: Any, since: str) -> Any:
        kept.append(found)
        return forecasts.Forecast(record={}, tree=None)  # type: ignore[arg-type]

    made = sampler(monkeypatch, NEAR, PASSED)
    monkeypatch.setattr(forecasts, "_predict", predict)
    model = model_of()
    found = forecasts.run(model.data.case, priors=model.priors, draws=500, sensitivities=False)
    assert [each.draws for each in kept[0].failed] == [500]
    assert [asked.draws for asked, _ in made.asked] == [500, 1000]
    assert found.record["timings"] == {
        "sample": 30.0,
        "judge": 0.5,
        "predict": pytest.approx(0, abs=1),
    }
    sampler(monkeypatch, NEAR)
    forecasts.run(model.data.case, priors=model.priors, tries=1, sensitivities=False)
    assert kept[1].failed == ()
