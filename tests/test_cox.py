"""Cox's partial likelihood against published fits, lifelines, and its own derivatives.

The numbers of lifelines were printed by lifelines 0.30.3; with it installed
(``uv sync --no-default-groups --group oracles`` in an environment of its own, since it pins
pandas below 3) it is asked again.
"""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from durability import cox
from durability.errors import InputError
from durability.spell_groups import scaling
from durability.spell_sources import read_source, source_spells
from durability.spell_tables import SpellTable, read_spells


def small() -> dict[str, Any]:
    """Sixty spells with ties, delayed entry, clusters and weights."""
    rng = np.random.default_rng(5)
    n = 60
    start = rng.integers(0, 3, n).astype(float)
    return {
        "start": start,
        "stop": start + rng.integers(1, 6, n),
        "event": (rng.random(n) < 0.6).astype(int),
        "x": rng.normal(size=n).round(2),
        "z": rng.integers(0, 2, n),
        "g": rng.integers(0, 9, n),
        "w": rng.integers(1, 4, n),
    }


def read(data: dict[str, Any], **more: Any) -> SpellTable:
    return read_spells(data, stop="stop", event="event", covariates=["x", "z"], **more)


def expected(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "reference" / "expected.json").read_text())
    return found


def test_lo_hashimoto_and_reiters_log_likelihoods_are_reproduced(reference_data: Path) -> None:
    told = expected(reference_data)["lhr2008_model1"]
    table = source_spells(read_source("lhr", reference_data / "reference" / told["file"]))
    breslow, efron = (cox.fit_cox(table, ties=t) for t in ("breslow", "efron"))
    assert breslow.log_likelihood_null == pytest.approx(told["breslow"]["ll_null"], abs=5e-5)
    assert breslow.log_likelihood == pytest.approx(told["breslow"]["ll"], abs=5e-4)
    assert 2.0 * (15 - breslow.log_likelihood) == pytest.approx(told["breslow"]["AIC"], abs=1e-4)
    again = told["computed_efron"]
    assert (len(table), table.events) == (again["n"], again["events"])
    assert efron.log_likelihood == pytest.approx(again["ll"], abs=5e-4)
    effects = dict(zip(table.covariates, efron.effects, strict=True))
    for name in ("index", "battletide", "lndeaths", "stakes", "archigosFIRC", "archigosFIRClnt"):
        assert effects[name] == pytest.approx(again[f"{name}_b"], abs=6e-5), name
    # Printed with the correction for few clusters, g / (g − 1), which R and we leave out.
    assert efron.clustered_errors is not None
    error = efron.clustered_errors[table.covariates.index("index")] * np.sqrt(33 / 32)
    assert len(table.clusters) == 33
    assert error == pytest.approx(again["index_rse"], abs=6e-5)
    assert breslow.converged
    assert efron.converged


def test_fortnas_coefficients_are_reproduced(reference_data: Path) -> None:
    told = expected(reference_data)["zorn_slides_fortna_cox"]
    table = source_spells(read_source("fortna", reference_data / "reference" / told["file"]))
    found = cox.fit_cox(table)
    assert table.covariates == ("tie", "imposed", "lndeaths", "contiguous", "onedem", "twodem")
    assert found.effects == pytest.approx(told["b"], abs=6e-4)
    assert found.errors == pytest.approx(told["se"], abs=6e-4)
    ratio = 2.0 * (found.log_likelihood - found.log_likelihood_null)
    assert ratio == pytest.approx(told["LR"], abs=0.06)
    assert (len(table), table.events) == (told["N"], told["events"])


def test_the_missions_coefficients_are_reproduced(reference_data: Path) -> None:
    told = expected(reference_data)["bsj2004_un"]
    table = source_spells(read_source("un_missions", reference_data / "reference" / told["file"]))
    for ties in ("breslow", "efron"):
        found = cox.fit_cox(table, ties=ties)  # type: ignore[arg-type]
        assert found.effects == pytest.approx(told["computed"][f"cox_{ties}"]["b"], abs=6e-5)


LIFELINES = {
    "entry": ([0.110161, -0.537113], [0.173254, 0.383926], {"start": "start"}),
    "weights": ([-0.032839, -0.325610], [0.118530, 0.257491], {"start": "start", "weights": "w"}),
    "strata": ([0.119760, -0.468891], [0.176025, 0.384995], {"start": "start", "strata": "h"}),
}


@pytest.mark.parametrize("name", LIFELINES)
def test_lifelines_finds_the_same_with_ties_and_delayed_entry(name: str) -> None:
    effects, errors, roles = LIFELINES[name]
    data = small()
    found = cox.fit_cox(read({**data, "h": data["g"] % 2}, **roles))
    assert found.effects == pytest.approx(effects, abs=2e-5)
    assert found.errors == pytest.approx(errors, abs=2e-5)


def test_lifelines_finds_the_same_errors_by_cluster_without_ties() -> None:
    data = small()
    data["stop"] = data["stop"] + np.linspace(0.0, 0.001, 60)
    plain, weighted = (
        cox.fit_cox(read(data, cluster="g")),
        cox.fit_cox(read(data, cluster="g", weights="w")),
    )
    assert plain.clustered_errors == pytest.approx([0.081102, 0.449577], abs=2e-6)
    assert weighted.clustered_errors == pytest.approx([0.084798, 0.467313], abs=2e-6)


def test_an_installed_lifelines_agrees() -> None:
    if find_spec("lifelines") is None:
        pytest.skip("lifelines is not installed: uv sync --no-default-groups --group oracles")
    import pandas as pd
    from lifelines import CoxPHFitter

    data = small()
    frame = pd.DataFrame(data)[["start", "stop", "event", "x", "z"]]
    other = CoxPHFitter().fit(frame, duration_col="stop", entry_col="start", event_col="event")
    found = cox.fit_cox(read(data, start="start"))
    assert found.effects == pytest.approx(other.params_.to_numpy(), abs=1e-4)
    assert found.log_likelihood == pytest.approx(other.log_likelihood_, abs=1e-6)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_scores_of_rows_are_what_their_weight_does_to_the_gradient(ties: Any) -> None:
    data = small()
    table = read(data, start="start", cluster="g")
    centre, scale = scaling(table)
    design, effects, step = (table.design - centre) / scale, np.array([0.3, -0.5]), 1e-5
    (part,) = cox._strata(table, design)
    found = cox._residuals(part, effects, ties)
    for row in (0, 7, 21, 40):

        def slope(by: float, row: int = row) -> np.ndarray:
            weight = table.weight.copy()
            weight[row] += by
            changed = list(cox._strata(replace(table, weight=weight), design))
            return cox._partial(changed, effects, ties)[1]

        assert found[row] == pytest.approx((slope(step) - slope(-step)) / (2 * step), abs=1e-8)
    assert found.sum(0) == pytest.approx(cox._partial([part], effects, ties)[1])


def test_cutting_rows_and_repeating_them_by_weight_changes_nothing() -> None:
    data = small()
    whole = cox.fit_cox(read(data, start="start", weights="w"), ties="breslow")
    often = {n: np.repeat(v, data["w"]) for n, v in data.items()}
    repeated = cox.fit_cox(read(often, start="start"), ties="breslow")
    assert repeated.effects == pytest.approx(whole.effects, abs=1e-8)
    middle = (data["start"] + data["stop"]) / 2.0
    first = {**data, "stop": middle, "event": 0 * data["event"]}
    second = {**data, "start": middle}
    cut = {n: np.concatenate([first[n], second[n]]) for n in data}
    halves = cox.fit_cox(read(cut, start="start"))
    assert halves.effects == pytest.approx(cox.fit_cox(read(data, start="start")).effects)


def test_what_cox_cannot_do_is_told_at_once() -> None:
    data = {**small(), "event": np.zeros(60, int)}
    with pytest.raises(InputError) as told:
        cox.fit_cox(
            read_spells(
                {**data, "y": 2 * data["x"]}, stop="stop", event="event", covariates=["x", "y"]
            ),
            ties="exact",  # type: ignore[arg-type]
        )
    for what in ("must be one of efron, breslow", "no event", "does not vary beside"):
        assert what in str(told.value)
