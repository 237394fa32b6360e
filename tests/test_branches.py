"""Trees: what is wrong with one is told; what waits for a failure is blocked."""

from __future__ import annotations

import numpy as np
import pytest
from conditioned import conditioned, conditioned_fit
from worlds import data

from durability.branches import STATES, Tree, states_at
from durability.errors import InputError
from durability.paths import begin, lengthened
from durability.simulation import plan_of


def test_what_is_wrong_with_a_tree_is_told_at_once() -> None:
    known = data(conditioned())
    tree = Tree(conditions=("coridor", "talks", "called", "called"), by="2031-07")
    with pytest.raises(InputError) as caught:
        tree.check(known, plan_of(known))
    told = str(caught.value)
    for part in (
        'did you mean "corridor"?',
        "talks is met already",
        'names "called" twice',
        "must be from 2026-07 to 2031-06",
    ):
        assert part in told


@pytest.mark.parametrize("names", [(), ("called", "corridor", "vote", "summit", "relents")])
def test_a_tree_has_one_to_four_conditions(names: tuple[str, ...]) -> None:
    known = data(conditioned())
    with pytest.raises(InputError, match="branches multiply"):
        Tree(conditions=names, by="2028-12").check(known, plan_of(known))


def test_what_waits_for_a_failure_is_blocked_and_one_way_left_is_enough() -> None:
    present = lengthened(begin(conditioned_fit(75), case=conditioned()), 2)
    plan = present.plan
    states = states_at(plan, present.as_they_come, 36.0)
    by_name = {each.name: states[..., place] for place, each in enumerate(plan.pending)}
    pending, met, failed, blocked = (
        STATES.index(s) for s in ("pending", "met", "failed", "blocked")
    )
    lost = by_name["called"] == failed
    assert lost.any()
    assert (by_name["referendum"][lost] == blocked).all()
    assert not (by_name["referendum"][~lost] == blocked).any()
    dead = np.isin(by_name["referendum"], (failed, blocked)) & (by_name["relents"] == failed)
    undecided = by_name["signature"] != met
    assert (
        (by_name["signature"] == blocked) == (dead & np.isin(by_name["signature"], (blocked,)))
    ).all()
    assert (by_name["signature"][dead & undecided] != pending).all()
    open_way = (by_name["relents"] == pending) & undecided
    assert not (by_name["signature"][open_way] == blocked).any()
