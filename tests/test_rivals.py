"""Rival beliefs: the disagreement between prior sets, their mixture, and the record."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import jsonschema
import numpy as np
import pytest
from fitted import drawn_fit, narrow_fit, with_a_heavier_condition
from hypothesis import given
from hypothesis import strategies as st
from test_rival_fits import shipped

from durability import cache, checks, rivals
from durability.errors import InputError
from durability.inference import Fit
from durability.prior_sets import read_priors
from durability.report import SCHEMA_PATH
from durability.rival_fits import rival_keys
from durability.rival_forecasts import (
    forecast_of,
    shipped_sets,
)
from durability.rivals import (
    check_distinct,
    compare_rivals,
    disagreement,
    kept_rivals,
    rivals_record,
)

HORIZONS = (12, 24)


@pytest.fixture(scope="module")
def wide() -> Fit:
    """A fit whose draws are those of the default priors: what no data would have left."""
    return drawn_fit(draws=1000, chains=2, seed=4)


@pytest.fixture(scope="module")
def narrow() -> Fit:
    return narrow_fit(draws=40)


# ---- disagreement -------------------------------------------------------------------------------


def test_the_disagreement_of_two_sets_is_that_in_closed_form() -> None:
    # Means a distance d apart: between d²/4, within the mean of the variances.
    for apart, first, second in ((0.2, 0.01, 0.03), (0.05, 0.002, 0.0), (0.6, 0.1, 0.02)):
        between, within = apart**2 / 4.0, (first + second) / 2.0
        found = disagreement([0.1, 0.1 + apart], [first, second])
        assert found == pytest.approx(between / (between + within))


def test_the_disagreement_reaches_its_bounds() -> None:
    assert disagreement([0.2, 0.2, 0.2], [0.01, 0.0, 0.3]) == 0.0
    assert disagreement([0.2, 0.2, 0.2], [0.0, 0.0, 0.0]) == 0.0
    assert disagreement([0.2, 0.3], [0.0, 0.0]) == 1.0


@given(st.lists(st.tuples(st.floats(0.0, 1.0), st.floats(0.0, 0.25)), min_size=2, max_size=5))
def test_the_disagreement_is_a_share(told: list[tuple[float, float]]) -> None:
    means, variances = zip(*told, strict=True)
    assert 0.0 <= disagreement(means, variances) <= 1.0


def test_between_and_within_add_up_to_the_variance_of_all_draws() -> None:
    rng = np.random.default_rng(3)
    values = [rng.beta(2, 9, 500), rng.beta(5, 3, 500), rng.beta(1, 1, 500)]
    share = disagreement([v.mean() for v in values], [v.var() for v in values])
    whole = np.concatenate(values).var()
    assert share == pytest.approx(1.0 - np.mean([v.var() for v in values]) / whole)


def test_one_set_alone_has_nothing_to_disagree_with() -> None:
    with pytest.raises(ValueError, match="two sets at least"):
        disagreement([0.1], [0.0])


# ---- the record ---------------------------------------------------------------------------------


def validate(record: dict[str, Any]) -> None:
    schema = json.loads(SCHEMA_PATH.read_text(encoding="utf-8"))
    part = {**schema["properties"]["rivals"], "$defs": schema["$defs"]}
    jsonschema.Draft202012Validator(part).validate(json.loads(json.dumps(record)))


def test_a_set_that_is_there_twice_is_refused_before_any_fit(narrow: Fit) -> None:
    other = read_priors("sceptical")
    with pytest.raises(InputError, match=r'the prior set "sceptical" is there more than once'):
        compare_rivals(narrow, [other, other])
    with pytest.raises(InputError, match=f'"{narrow.model.priors.name}" is there more than once'):
        compare_rivals(narrow, [narrow.model.priors])
    check_distinct([narrow.model.priors, other])


def test_without_other_fits_the_sets_are_weighed_or_left_out(
    wide: Fit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rivals, "known_fits", lambda fit, sets: [None] * len(sets))
    found = rivals_record(wide, HORIZONS)
    validate(found)
    methods = {each["name"]: each["method"] for each in found["sets"]}
    assert methods["default"] == "fitted"
    assert methods["agreements_work"] == "weighed"
    assert found["comparison"] is None
    told = [each["name"] for each in found["sets"] if each["breakdown"]]
    assert found["disagreement"]["sets"] == told
    for rung, by_horizon in found["disagreement"]["rungs"].items():
        for h, each in by_horizon.items():
            means = [s["breakdown"][rung][h]["mean"] for s in found["sets"] if s["breakdown"]]
            assert (each["lowest"], each["highest"]) == pytest.approx((min(means), max(means)))
            assert 0.0 <= each["share"] <= 1.0


def test_fitted_sets_are_compared_and_stacked(narrow: Fit, monkeypatch: pytest.MonkeyPatch) -> None:
    sets = [shipped("agreements_work"), shipped("sceptical")]
    fits = [
        replace(narrow, model=replace(narrow.model, priors=each), key=f"rival{i}")
        for i, each in enumerate(sets)
    ]
    rng = np.random.default_rng(5)
    base = -rng.exponential(1.0, 66) + 0.01 * rng.standard_normal((2, 40, 66))
    better = {narrow.key: 0.0, "rival0": 0.3, "rival1": -0.2}
    monkeypatch.setattr(rivals, "known_fits", lambda fit, asked: fits)

    def terms(fit: Fit, *, draws: int) -> dict[str, np.ndarray]:
        told = base + better[fit.key]
        return {"outcomes": told, "ratios": -told}

    monkeypatch.setattr(checks, "left_out_outcomes", terms)
    monkeypatch.setattr(rivals, "fit_rivals", lambda fit, asked, *, progress: fits)
    made = compare_rivals(narrow, sets)
    validate(made["rivals"])
    compared = made["rivals"]["comparison"]
    assert [each["difference"] for each in compared["sets"]] == pytest.approx([0.0, 19.8, -13.2])
    assert [round(each["weight"], 4) for each in compared["sets"]] == [0.0, 1.0, 0.0]
    assert compared["sets"][1]["largest"] == 1.0
    assert (compared["outcomes"], compared["clusters"]) == (66, len({*_clusters(narrow)}))
    mixed = compared["stacked"]["breakdown"]["24"]
    best = made["rivals"]["sets"][1]["breakdown"]["breakdown"]["24"]
    assert mixed["mean"] == pytest.approx(best["mean"], rel=1e-3)
    assert made["breakdown"] == made["rivals"]["sets"][0]["breakdown"]


def _clusters(fit: Fit) -> list[str]:
    return [each.cluster for each in fit.model.data.agreements]


def test_agreements_stand_in_the_order_of_their_outcomes(narrow: Fit) -> None:
    data = narrow.model.data
    assert [each.id for each in data.agreements] == list(data.coords["agreement"])


def test_the_record_is_kept_until_a_rival_is_fitted(
    narrow: Fit, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: dict[str, Any] = {}
    there: set[str] = set()
    asked: list[int] = []
    monkeypatch.setattr(cache, "read_json", kept.get)
    monkeypatch.setattr(cache, "write_json", kept.__setitem__)
    monkeypatch.setattr(cache, "has_tree", there.__contains__)
    monkeypatch.setattr(
        rivals, "rivals_record", lambda fit, horizons, *, sets: asked.append(1) or len(asked)
    )
    assert [kept_rivals(narrow, HORIZONS) for _ in range(3)] == [1, 1, 1]
    assert kept_rivals(narrow, (12,)) == 2
    there.add(rival_keys(narrow, shipped_sets(narrow.model.priors), narrow.settings)[2])
    assert kept_rivals(narrow, HORIZONS) == 3
    assert kept_rivals(with_a_heavier_condition(narrow), HORIZONS) == 4
    assert kept_rivals(narrow, HORIZONS) == 3


def test_a_probability_stays_one_however_weights_are_rounded(wide: Fit) -> None:
    weights = np.random.default_rng(3).dirichlet(np.ones(2000))
    weights *= (1.0 + 1e-15) / weights.sum()
    found = replace(forecast_of(wide, months=12), weights=weights)
    certain = {rung: np.ones_like(values) for rung, values in found.rungs.items()}
    row = rivals._set_row(replace(found, rungs=certain), HORIZONS[:1])
    assert row["breakdown"]["war"]["12"]["mean"] <= 1.0
    validate(
        {
            "sets": [row],
            "disagreement": {"sets": [], "without": [], "rungs": {}},
            "comparison": None,
        }
    )
