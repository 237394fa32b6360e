"""Leaving out: what a forecaster is shown, and predictions made elsewhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from test_predictors import forecasts, history

from durability.leaving_out import GROUPS, leave_out, left_out_of, stacked
from durability.outcomes import happened_by
from durability.predictors import PREDICTORS
from durability.vocabulary import RUNGS


def recorder(calls: list[tuple[Any, ...]]) -> Any:
    def watched(spells: Any, agreements: Any, targets: Any, years: Any) -> np.ndarray:
        calls.append((spells, agreements, targets))
        return np.full((len(targets), len(RUNGS), len(years)), 0.5)

    return watched


@pytest.mark.parametrize("by", GROUPS)
def test_a_forecaster_never_sees_the_group_that_it_forecasts(by: str) -> None:
    spells, rows = history()
    calls: list[tuple[Any, ...]] = []
    found = leave_out(recorder(calls), spells, rows, by=by)  # type: ignore[arg-type]

    def group(row: Any) -> str:
        return str(row.id if by == "agreement" else getattr(row, by))

    assert len(calls) == len({group(row) for row in rows})
    for shown, agreements, targets in calls:
        assert {group(row) for row in agreements}.isdisjoint(group(row) for row in targets)
        assert [spell.agreement for spell in shown] == [row.id for row in agreements]
        assert len(agreements) + len(targets) == 66
    assert sorted(row.id for *_, targets in calls for row in targets) == sorted(found.agreements)
    assert found.name == "watched"


def test_each_agreement_gets_its_own_forecast() -> None:
    spells, rows = history()

    def numbered(spells: Any, agreements: Any, targets: Any, years: Any) -> np.ndarray:
        own = [int(row.id[1:]) / 1000.0 for row in targets]
        return np.broadcast_to(np.array(own)[:, None, None], (len(own), len(RUNGS), len(years)))

    found = leave_out(numbered, spells, rows)
    assert found.probability[:, 0, 0].tolist() == [
        int(name[1:]) / 1000.0 for name in found.agreements
    ]
    assert found.agreements == tuple(row.id for row in rows)
    assert found.clusters == tuple(row.cluster for row in rows)


def test_leaving_out_moves_a_forecast_away_from_what_became_of_it() -> None:
    spells, rows = history()
    found = leave_out(PREDICTORS["climatology"], spells, rows, by="agreement")
    place = RUNGS.index("breakdown")
    happened, seen = found.happened[:, place, 2], forecasts("climatology")[:, place, 2]
    moved = found.probability[:, place, 2] - seen
    assert moved[happened == 1.0].mean() < 0.0 < moved[happened == 0.0].mean()
    np.testing.assert_array_equal(found.happened, happened_by(spells, (1.0, 5.0, 10.0)))


def test_predictions_from_elsewhere_are_checked() -> None:
    spells, rows = history()
    good = np.tile([0.1, 0.2, 0.3], (66, len(RUNGS), 1))
    assert left_out_of(good, spells, rows, by="cluster", name="big").name == "big"
    wrong: list[tuple[Any, str]] = [
        (good[:, :, :2], "shape"),
        (good + 0.9, "number in"),
        (np.where(good == 0.2, np.nan, good), "none may be left out"),
        (good[:, :, ::-1], "not fall"),
    ]
    for bad, said in wrong:
        with pytest.raises(ValueError, match=said):
            left_out_of(bad, spells, rows, by="cluster", name="big")


def test_what_cannot_be_left_out_is_an_error() -> None:
    spells, rows = history()
    with pytest.raises(ValueError, match="by must be one of"):
        leave_out(PREDICTORS["constant"], spells, rows, by="war")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="nothing is left to learn from"):
        leave_out(PREDICTORS["constant"], spells[:1], rows)
    with pytest.raises(ValueError, match="no agreement R001"):
        leave_out(PREDICTORS["constant"], spells, rows[1:])


# ---- stacks -------------------------------------------------------------------------------------


def test_a_stack_says_the_weighted_mean() -> None:
    spells, rows = history()
    one, two = (
        leave_out(PREDICTORS[name], spells, rows, name=name) for name in ("constant", "weibull")
    )
    mixed = stacked([one, two], [0.25, 0.75], name="both")
    expected = 0.25 * one.probability + 0.75 * two.probability
    np.testing.assert_allclose(mixed.probability, expected)
    assert (mixed.name, mixed.agreements, mixed.by) == ("both", one.agreements, "cluster")


def test_a_stack_of_other_things_is_refused() -> None:
    spells, rows = history()
    one = leave_out(PREDICTORS["climatology"], spells, rows)
    by_dyad = leave_out(PREDICTORS["climatology"], spells, rows, by="dyad", name="dyad")
    with pytest.raises(ValueError, match="dyad and climatology do not forecast the same"):
        stacked([one, by_dyad], [0.5, 0.5])
    for weights in ([0.5, 0.6], [-0.1, 1.1], [float("nan"), 1.0]):
        with pytest.raises(ValueError, match="must add up to one"):
            stacked([one, one], weights)
    with pytest.raises(ValueError, match="1 weights for 2 forecasters"):
        stacked([one, one], [1.0])
    with pytest.raises(ValueError, match="0 weights for 0 forecasters"):
        stacked([], [])
