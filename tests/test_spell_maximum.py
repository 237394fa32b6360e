"""Maximum likelihood of spells against published numbers and lifelines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_cox import small

from durability.cox import fit_cox
from durability.errors import InputError
from durability.spell_groups import scaling, time_unit
from durability.spell_maximum import maximise_spells
from durability.spell_sources import read_source, source_spells
from durability.spell_tables import read_spells
from durability.spells import predict_spells


def test_the_missions_of_box_steffensmeier_and_jones_are_reproduced(reference_data: Path) -> None:
    told = json.loads((reference_data / "reference" / "expected.json").read_text())["bsj2004_un"]
    table = source_spells(read_source("un_missions", reference_data / "reference" / told["file"]))
    for hazard in ("weibull", "exponential"):
        found = maximise_spells(table, hazard=hazard)  # type: ignore[arg-type]
        printed, computed = told[hazard], told["computed"][hazard]
        accelerated = found.accelerated()
        values = [accelerated[n][0] for n in ("intercept", "CivilWar", "InterState")]
        errors = [accelerated[n][1] for n in ("intercept", "CivilWar", "InterState")]
        assert values == pytest.approx(computed["b"], abs=6e-6)
        assert errors == pytest.approx(computed["se"], abs=6e-6)
        assert found.log_likelihood == pytest.approx(computed["ll"], abs=6e-5)
        assert values == pytest.approx(
            [printed[n] for n in ("const", "civil", "interstate")], abs=6e-3
        )
        # Their likelihood is of log time: it differs by the sum of log ages of events.
        logs = float(np.log(table.stop[table.event > 0]).sum())
        assert found.log_likelihood + logs == pytest.approx(printed["lnL_logscale"], abs=6e-3)
        assert found.converged
        if hazard == "weibull":
            assert accelerated["log_scale"][0] == pytest.approx(computed["log_scale"], abs=6e-6)
            assert np.exp(-accelerated["log_scale"][0]) == pytest.approx(printed["p"], abs=6e-4)


def test_lifelines_finds_the_same_with_delayed_entry() -> None:
    roles = {"stop": "stop", "event": "event", "start": "start"}
    found = maximise_spells(read_spells(small(), covariates=["x", "z"], **roles))
    told = found.accelerated()
    wanted = {  # printed by WeibullAFTFitter of lifelines 0.30.3
        "x": (-0.054238, 0.070263),
        "z": (0.245901, 0.158151),
        "intercept": (1.577318, 0.085445),
        "log_scale": (-0.872397, 0.161778),
    }
    for name, pair in wanted.items():
        assert told[name] == pytest.approx(pair, abs=3e-6)
    assert found.log_likelihood == pytest.approx(-79.63244804, abs=1e-7)


def test_lifelines_finds_the_same_where_events_are_known_to_an_interval() -> None:
    data = small()
    data["last"] = np.where(data["event"] == 1, data["stop"] + 1.5, np.nan)
    table = read_spells(data, stop="stop", end="last", event="event", covariates=["x", "z"])
    found = maximise_spells(table)
    told = found.accelerated()
    assert told["x"] == pytest.approx((-0.044404, 0.046947), abs=3e-6)
    assert told["intercept"] == pytest.approx((1.689739, 0.056947), abs=3e-6)
    assert told["log_scale"] == pytest.approx((-1.302728, 0.139423), abs=3e-6)
    assert found.log_likelihood == pytest.approx(-61.67909264, abs=1e-7)


def test_the_exponential_without_covariates_is_events_over_time() -> None:
    data = {"stop": [2.0, 5.0, 7.0], "event": [1, 0, 1], "g": ["a", "b", "b"]}
    table = read_spells(data, stop="stop", event="event", cluster="g")
    found = maximise_spells(table, hazard="exponential")
    assert np.exp(found.estimates[0]) == pytest.approx(2 / 14)
    assert found.errors[0] == pytest.approx(1 / np.sqrt(2))
    # Scores of the clusters are events less expected events: 1 − 2/7 and 1 − 12/7.
    assert found.clustered_errors == pytest.approx([np.sqrt(2) * (5 / 7) / 2])
    survival = predict_spells(found, [7.0])["survival"].values
    assert np.median(survival) == pytest.approx(np.exp(-1.0), abs=0.02)


def test_a_covariate_that_separates_the_events_is_named(reference_data: Path) -> None:
    table = source_spells(read_source("lhr", reference_data / "reference" / "lhr_2008.csv"))
    found = maximise_spells(table)
    assert "archigosFIRC" in found.unbounded
    assert abs(found.estimates[found.names.index("archigosFIRC")]) > 50.0


def test_covariates_that_repeat_one_another_are_refused() -> None:
    data = small()
    data["y"] = 3.0 - data["x"]
    table = read_spells(data, stop="stop", event="event", covariates=["x", "y"])
    with pytest.raises(InputError, match='"y" does not vary beside the covariates before it'):
        maximise_spells(table)


@pytest.mark.parametrize("fit", [maximise_spells, fit_cox])
def test_a_covariate_that_a_stratum_says_is_refused(fit: Any) -> None:
    """The likelihood is flat along it: any answer would be one of rounding."""
    data = small()
    half = np.arange(len(data["x"])) % 2
    data = {**data, "half": half, "side": np.where(half > 0, "a", "b")}
    how: dict[str, Any] = {"stop": "stop", "event": "event", "strata": "side"}
    table = read_spells(data, covariates=["x", "half"], **how)
    with pytest.raises(InputError, match='"half" does not vary beside the'):
        fit(table)
    assert fit(read_spells(data, covariates=["x"], **how)).converged


def test_cox_reads_only_rows_that_were_watched_at_an_event() -> None:
    data = {"stop": [1.0, 2.0, 3.0, 0.5], "event": [1, 0, 1, 0], "x": [0.0, 0.0, 0.0, 1.0]}
    table = read_spells(data, stop="stop", event="event", covariates=["x"])
    with pytest.raises(InputError, match='"x" does not vary'):
        fit_cox(table)
    assert np.isfinite(maximise_spells(table, hazard="exponential").estimates).all()


def test_what_was_never_watched_has_a_unit_and_scales() -> None:
    """Current status: whether it had happened by one look, and nothing else."""
    rng = np.random.default_rng(8)
    x, look = rng.normal(size=300), rng.uniform(1.0, 9.0, 300)
    age = rng.exponential(size=300) / (0.2 * np.exp(0.8 * x))
    happened = age <= look
    data = {
        "stop": np.where(happened, 0.0, look),
        "end": np.where(happened, look, np.nan),
        "event": happened * 1,
        "x": x,
    }
    only = {name: values[happened] for name, values in data.items()}
    how: dict[str, Any] = {"stop": "stop", "end": "end", "event": "event", "covariates": ["x"]}
    table = read_spells(only, **how)
    assert time_unit(table) > 0.0
    assert (scaling(table)[1] > 0.0).all()
    found = maximise_spells(read_spells(data, **how), hazard="exponential")
    assert found.estimates[-1] == pytest.approx(0.8, abs=0.25)
