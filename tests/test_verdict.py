"""The verdict: each diagnostic fails when it should, says where, and is the first thing told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from durability import commands, forecasts
from durability.forecasts import Forecast
from durability.verdict import Verdict, judge

Draws = np.ndarray
SHAPE = (4, 1000)


def posterior(rng: np.random.Generator) -> dict[str, Any]:
    draw = rng.standard_normal
    return {
        "shape": (("chain", "draw"), draw(SHAPE)),
        "beta": (("chain", "draw", "stream", "driver"), draw((*SHAPE, 2, 2))),
        "standing_raw": (("chain", "draw", "driver"), draw((*SHAPE, 2))),
        "pressure": (("chain", "draw", "month", "driver"), draw((*SHAPE, 3, 2))),
        "correlation": (("chain", "draw", "driver", "other"), np.ones((*SHAPE, 2, 2))),
    }


def judged(
    *, probability: Draws | None = None, stats: dict[str, Draws] | None = None, **changed: Draws
) -> Verdict:
    """Judge four honest chains, some variables exchanged."""
    rng = np.random.default_rng(8)
    variables = posterior(rng)
    for name, values in changed.items():
        variables[name] = (variables[name][0], values)
    sampler = {
        "energy": rng.standard_normal(SHAPE),
        "diverging": np.zeros(SHAPE, dtype=bool),
        "maxdepth_reached": np.zeros(SHAPE, dtype=bool),
        **(stats or {}),
    }
    coords = {"stream": ["force", "war"], "driver": ["trust", "corridor"]}
    tree = xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset(variables, coords=coords),
            "sample_stats": xr.Dataset({n: (("chain", "draw"), v) for n, v in sampler.items()}),
        }
    )
    chances = {
        "war[12]": rng.random(SHAPE) if probability is None else probability,
        "fatal[12]": rng.random(SHAPE),
        "force[12]": np.ones(SHAPE),
    }
    return judge(tree, chances)


def shifted(shape: tuple[int, ...] = SHAPE, by: float = 1.0) -> Draws:
    """Give chains of which the last stands elsewhere."""
    values = np.random.default_rng(9).standard_normal(shape)
    values[-1] += by
    return values


def sticky(by: float = 0.97) -> Draws:
    """Give chains of one law that hardly move: AR(1)."""
    noise = np.random.default_rng(10).standard_normal(SHAPE)
    values = np.empty(SHAPE)
    values[:, 0] = noise[:, 0]
    for i in range(1, SHAPE[1]):
        values[:, i] = by * values[:, i - 1] + np.sqrt(1 - by**2) * noise[:, i]
    return values


def failed(verdict: Verdict) -> set[str]:
    return {check.name for check in verdict.checks if not check.ok}


def test_honest_chains_pass_and_constants_are_passed_over() -> None:
    verdict = judged()
    assert verdict.ok
    assert verdict.reasons == ()
    assert len(verdict.checks) >= 9


def test_a_chain_that_stands_elsewhere_fails_r_hat_and_is_named() -> None:
    beta = np.random.default_rng(7).standard_normal((*SHAPE, 2, 2))
    beta[..., 1, 0] = shifted()
    verdict = judged(beta=beta)
    assert "R-hat of parameters" in failed(verdict)
    assert "R-hat of forecast probabilities" not in failed(verdict)
    (reason,) = [reason for reason in verdict.reasons if reason.startswith("R-hat")]
    assert "at beta[war, trust], limit 1.01" in reason


def test_the_forecast_probabilities_are_judged_themselves() -> None:
    verdict = judged(probability=shifted())
    told = {"R-hat of forecast probabilities", "bulk ESS of forecast probabilities"}
    assert told <= failed(verdict)
    assert not any(name.endswith("of parameters") for name in failed(verdict))
    assert any("at war[12]" in reason for reason in verdict.reasons)


def test_chains_that_hardly_move_fail_effective_sample_size() -> None:
    verdict = judged(shape=sticky())
    assert "bulk ESS of parameters" in failed(verdict)
    assert any(r.startswith("bulk ESS of parameters") and "at shape" in r for r in verdict.reasons)


def test_tails_seldom_visited_fail_their_own_effective_sample_size() -> None:
    values = np.random.default_rng(11).standard_normal(SHAPE)
    # The far tail is visited once a chain, for long.
    values[:, 300:360] = 6.0 + 0.01 * values[:, 300:360]
    verdict = judged(shape=values)
    assert "tail ESS of parameters" in failed(verdict)


def test_paths_and_standings_have_a_wider_limit_but_a_limit() -> None:
    paths = np.random.default_rng(12).standard_normal((*SHAPE, 3, 2))
    paths[..., 2, 1] = shifted(by=0.25)
    assert judged(pressure=paths).ok
    paths[..., 2, 1] = shifted(by=1.5)
    verdict = judged(pressure=paths)
    assert len(failed(verdict)) == 1
    assert verdict.reasons[0].startswith("R-hat of ")
    assert "at pressure[2, corridor], limit 1.05" in verdict.reasons[0]


def test_one_divergence_is_one_too_many() -> None:
    diverging = np.zeros(SHAPE, dtype=bool)
    diverging[2, 7] = True
    verdict = judged(stats={"diverging": diverging})
    assert failed(verdict) == {"divergences"}
    assert not verdict.ok
    assert verdict.reasons == ("divergences is 1 at the sampler, limit 0",)


def test_energy_that_wanders_fails_e_bfmi_in_its_chain() -> None:
    energy = np.random.default_rng(13).standard_normal(SHAPE)
    energy[3] = sticky(0.99)[3]
    verdict = judged(stats={"energy": energy})
    assert failed(verdict) == {"E-BFMI"}
    assert "chain 3" in verdict.reasons[0]


def test_a_tree_at_its_depth_limit_fails() -> None:
    deep = np.zeros(SHAPE, dtype=bool)
    deep[0, 0] = True
    assert failed(judged(stats={"maxdepth_reached": deep})) == {"trees at the depth limit"}


def test_a_forecast_that_never_varies_is_not_a_failure() -> None:
    assert judged(probability=np.full(SHAPE, 0.25)).ok


def test_the_record_says_what_was_checked_and_what_failed() -> None:
    record = judged(shape=shifted()).to_record()
    assert record["ok"] is False
    assert len(record["reasons"]) == sum(not check["ok"] for check in record["checks"])
    assert {"name", "value", "limit", "ok", "worst"} == set(record["checks"][0])


@pytest.mark.slow
def test_a_failed_verdict_is_the_first_line_and_the_exit_status_is_3(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    brief_forecast: Forecast,
) -> None:
    # A real forecast of chains that are far too short, through the real command and report.
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(forecasts, "run", lambda *_, **__: brief_forecast)
    assert commands.run(["forecast", "armenia_azerbaijan", "--out", "here"]) == 3
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("DO NOT USE THESE NUMBERS")
    reasons = brief_forecast.record["verdict"]["reasons"]
    assert [line.strip() for line in lines[1 : len(reasons) + 1]] == reasons
    assert any(reason.startswith("bulk ESS of forecast probabilities is ") for reason in reasons)
    text = (tmp_path / "here" / "report.md").read_text(encoding="utf-8")
    assert "FAILED" in text.splitlines()[0]
    assert commands.run(["report", "armenia_azerbaijan", "--out", "here"]) == 3
    assert capsys.readouterr().out.startswith("DO NOT USE THESE NUMBERS")
