"""The contract of updates in small: worlds, streams, and weighted answers held against refits."""

from __future__ import annotations

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
        assert len(shared) > 200
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
