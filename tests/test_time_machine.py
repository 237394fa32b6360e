"""The time machine: each cutoff sees what was known then, and accounts for its move."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from fitted import narrow_fit
from stepped import outcome, treaty, vote, waiting
from worlds import flagship, happened, history, item

from durability.assembly import ModelData
from durability.cases import Case
from durability.errors import InputError
from durability.replay_report import compose_replay, numbered, replay_lines
from durability.report import record_text, to_html
from durability.time_machine import Moment, cutoffs, replay, replay_record
from durability.weighing import Base, prepare

FIRST, LAST = date(2026, 2, 1), date(2026, 6, 30)


def refit(data: ModelData) -> Base:
    """Stand in for a fit: draws near one another, of whatever is known."""
    fit = narrow_fit(data.case, draws=60, chains=2, seed=6, cutoff=data.cutoff)
    verdict = {"ok": True, "reasons": []}
    base = prepare(fit)
    return replace(base, particles=replace(base.particles, verdict=verdict))


def replayed(case: Case, **how: object) -> tuple[Moment, ...]:
    return replay(case, history(), refit=refit, **{"first": FIRST, "last": LAST, **how})


@pytest.fixture(scope="module")
def moments() -> tuple[Moment, ...]:
    return replayed(flagship())


def test_cutoffs_are_ends_of_months_between_the_days() -> None:
    found = cutoffs(flagship(), every="month", first=FIRST, last=LAST)
    assert [str(day) for day in found] == [
        *("2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31", "2026-06-30")
    ]
    quarters = cutoffs(flagship(), every="quarter", first=None, last=None)
    assert [str(day) for day in quarters] == [
        *("2025-08-31", "2025-11-30", "2026-02-28", "2026-05-31", "2026-06-30")
    ]


def test_no_cutoff_is_an_error() -> None:
    with pytest.raises(InputError, match="no month ends between"):
        cutoffs(flagship(), every="month", first=date(2026, 6, 2), last=date(2026, 6, 20))


def test_the_first_is_fitted_and_later_ones_climb_the_ladder(
    moments: tuple[Moment, ...],
) -> None:
    assert moments[0].method == "fit"
    assert {moment.method for moment in moments[1:]} <= {"weights", "matched", "refit"}


def test_moves_add_up_to_the_change(moments: tuple[Moment, ...]) -> None:
    for before, after in itertools.pairwise(moments):
        change = after.table["breakdown"]["24"]["mean"] - before.table["breakdown"]["24"]["mean"]
        assert sum(each.points for each in after.moved) == pytest.approx(change, abs=1e-10)


def test_the_future_changes_no_earlier_cutoff(moments: tuple[Moment, ...]) -> None:
    """An item, a breakdown and an outcome dated later are put into the case, and seen only then."""
    late = date(2026, 5, 15)
    news = item("N1", late, driver="corridor", ratings=(("a", 3), ("b", 3)))
    leaky = replace(flagship(), news=(*flagship().news, news), happened=(happened("force", late),))
    found = replayed(leaky)
    for one, other in zip(moments, found, strict=True):
        if one.cutoff < late:
            assert one.table == other.table
        else:
            assert one.table != other.table
    plain = replayed(waiting(vote(), treaty()), last=date(2026, 4, 30))
    known = replayed(waiting(vote(outcome=outcome(late)), treaty()), last=date(2026, 4, 30))
    assert [m.table for m in plain] == [m.table for m in known]


def test_a_replay_ends_where_the_agreement_did() -> None:
    case = replace(flagship(), happened=(happened("war", date(2026, 4, 10)),))
    found = replayed(case)
    assert [moment.broken for moment in found] == ["", "", "war"]
    assert found[-1].table["breakdown"]["24"]["mean"] == pytest.approx(1.0, abs=1e-12)


def test_a_record_and_its_page_say_what_moved(moments: tuple[Moment, ...]) -> None:
    record = replay_record(moments)
    record["moments"][2]["moved"][0]["items"] = [
        {"id": "X1", "change": "added", "known": "2026-04-01", "statement": "<script>bad</script>"}
    ]
    record["moments"][2]["moved"][0] |= {"kind": "event", "points": 0.5}
    page = to_html(compose_replay(record))
    assert "<script>bad" not in page
    assert "&lt;script&gt;bad" in page
    assert "Pseudo-out-of-sample" in page
    assert (2, record["moments"][2]["moved"][0]) in numbered(record)
    lines = list(replay_lines(record))
    assert sum(line.startswith("2026-") for line in lines) == len(moments)
    assert "nan" not in record_text(record)


def test_a_failed_fit_is_said_first(moments: tuple[Moment, ...]) -> None:
    record = replay_record(moments)
    record["moments"][1] |= {"ok": False, "reasons": ["R-hat of dyad_sd is 1.2"]}
    assert next(iter(replay_lines(record))).startswith("DO NOT USE")
    report = compose_replay(record)
    assert not report.answer.ok
    assert "R-hat" in report.answer.reasons[0]


def test_what_a_later_cutoff_saw_is_not_in_an_earlier_account(
    moments: tuple[Moment, ...],
) -> None:
    for moment in moments:
        known = [i.known for each in moment.moved for i in each.part.added]
        assert all(day <= moment.cutoff for day in known)
    assert np.isfinite([m.table["breakdown"]["60"]["mcse"] for m in moments]).all()
