"""The contract of updates in small: worlds, streams, and weighted answers held against refits."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import contract
import numpy as np
import pytest

from durability.weighing import prepare


def test_a_world_is_the_same_each_time_and_another_by_number() -> None:
    one, again, other = contract.World(3), contract.World(3), contract.World(4)
    assert one.at(6).hash() == again.at(6).hash()
    assert one.at(6).hash() != other.at(6).hash()


def test_what_was_rated_stays_rated_from_step_to_step() -> None:
    world = contract.World(5)
    for step in range(contract.STEPS):
        before, after = (contract.World.at(world, at) for at in (step, step + 1))
        said = []
        for data in (before, after):
            arrays, coords = data.arrays, data.coords
            said.append(
                {
                    (coords["read"][t], coords["coder"][c]): int(level)
                    for t, c, level in zip(
                        arrays["reading_thing"],
                        arrays["reading_coder"],
                        arrays["reading_level"],
                        strict=True,
                    )
                }
            )
        shared = set(said[0]) & set(said[1])
        assert len(shared) > 150
        assert all(said[0][key] == said[1][key] for key in shared)


def test_the_steps_are_what_their_names_say() -> None:
    world = contract.World(6)
    ids = [{item.id for item in world.at(step).used} for step in range(7)]
    assert ids[1] - ids[0] == {"S1"}
    assert ids[3] - ids[2] == {"S3"}
    assert ids[4] - ids[5] == {"E20"}
    assert ids[6] > ids[5]
    months = [len(world.at(step).coords["month"]) for step in range(7)]
    assert months == [13, 13, 14, 14, 15, 15, 16]


def test_simulated_outcomes_have_the_hazard_that_they_were_drawn_from() -> None:
    """Of many agreements, as many break as their accumulated hazards say."""
    broke, expected = 0.0, 0.0
    for number in range(40):
        world = contract.World(100 + number)
        data = world.at(0)
        arrays = {**world.model.arrays, **data.arrays}
        # Of all streams: what was accumulated while watched is the number expected.
        scale = world.module.log_scales(world.theta, world.latent, world.model.arrays)[..., :-1, :]
        watched = world.module.history_hazards(
            world.theta, world.latent, world.model.arrays, arrays["history_log_ages"], scale, np
        )[0]
        broke += arrays["history_event"].sum()
        expected += watched.sum()
    assert broke == pytest.approx(expected, abs=4.0 * np.sqrt(expected))


# ---- surprises ----------------------------------------------------------------------------------


def test_a_surprise_comes_after_the_start_and_from_one_side() -> None:
    every = {number: contract.surprise_of(number) for number in range(40)}
    kinds = {(each.count is None, each.coder, each.rung): number for number, each in every.items()}
    assert len(kinds) == 5
    for number in kinds.values():
        world = contract.SurprisedWorld(number)
        data, told = world.at(contract.STEPS), world.surprise
        arrays, coords = data.arrays, data.coords
        new = [coords["read"][t] for t in arrays["reading_thing"]]
        levels = {
            int(level)
            for label, level in zip(new, arrays["reading_level"], strict=True)
            if label in ("S1", "S3", "S60")
        }
        assert levels == {told.level}
        assert ("incidents" in coords.get("indicator", ())) == (told.count is not None)
        assert (contract.NEW_CODER in coords["coder"]) == told.coder
        assert arrays["case_event"].any() == bool(told.rung)
    assert world.at(0).hash() == contract.World(number).at(0).hash()
    told = [contract.surprise_of(number) for number in range(100)]
    assert 30 < sum(each.level == 6 for each in told) < 70
    assert {each.rung for each in told} == {"", "force", "fatal"}
    assert any(each.coder for each in told)


# ---- what is promised ---------------------------------------------------------------------------


def row(number: int, *, good: bool, kept: bool, gold: float = 5000.0, **more: object) -> dict:
    return {
        "kind": "stream",
        "number": number,
        "step": 1,
        "months": 1,
        "khat": 0.1 if good else 0.9,
        "effective_size": 900.0,
        "kept": kept,
        "weighted": 0.2,
        "gold": 0.2 if kept else 0.3,
        "gold_effective": gold,
        "code": "now",
        **more,
    }


def write(monkeypatch: pytest.MonkeyPatch, folder: Path, rows: list[dict]) -> None:
    monkeypatch.setattr(contract, "ROWS", folder / "rows.jsonl")
    contract.ROWS.write_text("\n".join(json.dumps(each) for each in rows), encoding="utf-8")


def test_promises_are_counted_with_what_they_are_shares_of() -> None:
    rows = [row(i, good=True, kept=i >= 3) for i in range(60)]
    rows += [row(60 + i, good=False, kept=i >= 73) for i in range(80)]
    rows += [row(140 + i, good=True, kept=False, gold=3999.0) for i in range(7)]
    found = contract.criteria(rows)
    assert (found.good, found.kept, found.off, found.missed) == (60, 57, 76, 3)
    assert found.failures() == []
    line = contract.criteria_line(rows)
    assert "57 of 60 (95 %, 95 % interval 86 to 99)" in line
    assert "3 of 76 (4 %, 95 % interval 1 to 11)" in line
    assert "7 rows are left out" in line
    worse = contract.criteria([*rows, row(200, good=True, kept=False)])
    assert worse.failures() == [
        "57 of 61 called good were kept",
        "4 of 77 that were off had been called good",
    ]
    few = contract.criteria([row(i, good=True, kept=False) for i in range(19)])
    assert few.failures() == []


def test_a_step_of_which_nothing_is_trusted_has_dashes() -> None:
    lines = list(contract.stream_lines([row(0, good=False, kept=True)]))
    assert "| all | 1 | 0 | 0 | – | – |" in lines


def test_a_broken_promise_is_the_exit_status(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(contract.page, "publish", lambda _name, _text: None)
    for kept, status in ((True, 0), (False, 1)):
        write(monkeypatch, tmp_path, [row(i, good=True, kept=kept) for i in range(60)])
        assert contract.main(["table"]) == status


def test_rows_of_other_code_stay_under_its_hash(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The newest whole group is shown, or else the largest."""
    old = [row(i, good=True, kept=True, code="old") for i in range(9)]
    new = [row(i, good=True, kept=True, code="new") for i in range(4)]
    write(monkeypatch, tmp_path, old + new)
    assert {each["code"] for each in contract.shown("stream")} == {"old"}
    assert any("code old" in line for line in contract.table_lines())
    monkeypatch.setitem(contract.WANTED, "stream", 4)
    assert {each["code"] for each in contract.shown("stream")} == {"new"}
    assert contract.shown("surprise") == []
    assert contract.done() == []


@pytest.mark.slow
def test_weighted_answers_keep_to_refits(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One stream, followed to its last step, each trusted answer near its refit."""
    monkeypatch.setattr(contract, "ROWS", tmp_path / "rows.jsonl")
    base = replace(contract.BASE, draws=500, tune=200)
    gold = replace(contract.GOLD, draws=500, tune=200)
    compiled = contract.Compiled()
    world = contract.World(0)
    start = prepare(contract.fitted(compiled, world.at(0), base, world), rows=world.agreements)
    update = None
    for step in range(1, contract.STEPS + 1):
        update = contract.revise(start, world.at(step), previous=update, move=False)
    other = prepare(
        contract.fitted(compiled, world.at(contract.STEPS), gold, world), rows=world.agreements
    )
    row = {**contract.trust(update), **contract.compared(update, other, 0.0)}
    assert row["months"] == 3
    assert row["kept"] or not contract.good(row)
    contract.append({"kind": "stream", "number": 0, "step": 6, **row})
    assert len(contract.done()) == 1
    assert any("of 200 simulated streams" in line for line in contract.table_lines())
