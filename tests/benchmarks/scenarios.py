"""How long scenarios and a watch-list take once a fit is loaded, and how that grows.

    uv run --no-sync python tests/benchmarks/scenarios.py

On draws close to each other, as a posterior's are, of the shipped case with the tests' conditions:
eight scenarios of both kinds, a tree, a scenario that few paths agree with, and a watch-list. Times
are of the processor, since other jobs run beside it; growth is told with draws and with months.
Then, on the last fit of the shipped case that is kept, how many draws still speak under scenarios
that few paths agree with: as paths come, and as they are drawn for what is observed.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import page
from conditioned import conditioned, conditioned_fit

from durability.paths import MONTHS

TARGETS = {"scenarios_s": 2.0, "watch_s": 10.0}

UNLIKELY = (
    ("referendum=passed@2027-06", "corridor=open@2028-01"),
    ("signed=met@2027-12",),
    ("in_force=met@2029-06",),
    ("signed=by:met@2028-12",),
    ("referendum=rejected@2028-03",),
    ("in_force=by:met@2031-01", "corridor=by:open@2030-12"),
    ("signed=met@2027-12", "referendum=pending@2030-01"),
    ("called=by:refused@2029-01", "ratified=met@2030-03"),
)
"""Of the shipped case: steps late in their chains, one that failed, several at once."""


def timed(call: Callable[[], object], times: int = 3) -> tuple[float, float]:
    """Median seconds of the processor and of the wall, after one call that is not counted."""
    call()
    found = []
    for _ in range(times):
        began = time.process_time(), time.perf_counter()
        call()
        found.append((time.process_time() - began[0], time.perf_counter() - began[1]))
    return tuple(statistics.median(each) for each in zip(*found, strict=True))  # type: ignore[return-value]


def row(what: str, took: tuple[float, float], target: float | None = None) -> str:
    goal = "" if target is None else f"≤ {target:g}"
    return f"| {what} | {took[0]:.2f} | {took[1]:.2f} | {goal} |"


def lines() -> Iterator[str]:
    import durability
    from durability.paths import begin, lengthened
    from durability.simulation import monthly_normals, onward, outset, plan_of
    from durability.weighing import prepare

    case = conditioned()
    told = [
        durability.Scenario(name=f"{verb} {setting}", verb=verb, settings=(setting,))
        for verb in ("observing", "intervening")
        for setting in (
            "corridor=open@2028-01",
            "called=called@2027-06",
            "called=pending@2029-12",
            "relents=failed@2027-03",
        )
    ]
    rare = durability.Scenario(name="rare", settings=("signature=signed@2027-01",))
    tree = durability.Tree(conditions=("called", "corridor"), by="2028-12")
    yield "| what | processor, s | wall, s | target |"
    yield "|---|---:|---:|---:|"
    for draws in (1000, 2000, 4000):
        started = durability.update(prepare(conditioned_fit(draws // 4)), case=case)
        goals = TARGETS if draws == 4000 else {}
        yield row(
            f"8 scenarios, {draws:,} draws × 60 months, {len(case.conditions) - 1} conditions",
            timed(partial(durability.scenarios, started, told)),
            goals.get("scenarios_s"),
        )
        yield row(
            f"watch-list, {draws:,} draws × 4 continuations",
            timed(partial(durability.watch, started)),
            goals.get("watch_s"),
        )
    trees = timed(partial(durability.scenarios, started, [], trees=[tree]))
    yield row("a tree of two conditions", trees)
    found = durability.scenarios(started, [rare]).answers[0]
    yield row(
        f"a scenario of chance {100 * found.chance['mean']:.2g}% "
        f"({found.continuations} continuations, {found.weights.parents.effective_size:.0f} "
        "effective draws)",
        timed(partial(durability.scenarios, started, [rare])),
    )
    present = lengthened(begin(started), 1)
    first, made = present.outsets[0], plan_of(present.data)
    for months in (15, 30, 60):
        normals = monthly_normals(4000, months=months, seed=1)
        start = outset(first.model, first.theta, first.latent, normals, made, seed=1)
        took = timed(partial(onward, start), 7)
        yield row(f"one continuation, 4,000 draws × {months} months", took)


def speaking() -> Iterator[str]:
    """Effective draws of unlikely scenarios, before and after paths are drawn for them."""
    from durability.bases import find_base
    from durability.cases import read_case
    from durability.comparing import CONTINUATIONS_MOST, scenarios
    from durability.paths import base_weights, begin, follow, lengthened, observed_weights
    from durability.statements import Scenario, state
    from durability.weighing import prepare

    case = read_case("armenia_azerbaijan")
    start = find_base(case, cutoff=None, priors="default")
    if start is None:
        raise SystemExit("no fit is kept: durability forecast armenia_azerbaijan")
    present = lengthened(begin(prepare(start), case=case), CONTINUATIONS_MOST)
    yield (
        f"| observed | chance | as paths come, 1 continuation | {CONTINUATIONS_MOST} | "
        "drawn for it, 1 continuation | Pareto k | processor, s |"
    )
    yield "|---|---:|---:|---:|---:|---:|---:|"
    for settings in UNLIKELY:
        began = time.process_time()
        told = Scenario(name="", settings=settings)
        (said,) = state([told], present.data, present.plan, months=MONTHS)
        steered = follow(present, said, 1)
        took = time.process_time() - began
        plain = follow(present, replace(said, guide=None), CONTINUATIONS_MOST)
        found = observed_weights(base_weights(present, 1), steered)
        sizes = [
            0.0 if each is None else each.parents.effective_size
            for count in (1, CONTINUATIONS_MOST)
            for each in [observed_weights(base_weights(present, count), plain[:count])]
        ]
        chance = np.exp(steered[0].log_weight).mean()
        yield (
            f"| {', '.join(f'`{each}`' for each in settings)} | {100 * chance:.2g}% | "
            f"{sizes[0]:.0f} | {sizes[1]:.0f} | {found.parents.effective_size:.0f} | "
            f"{found.parents.khat:.2f} | {took:.2f} |"
        )
    every = [Scenario(name=", ".join(each), settings=each) for each in UNLIKELY]
    took, _ = timed(partial(scenarios, present.update, every))
    yield f"\nAll {len(every)} together, answered: {took:.2f} s of the processor."


def main() -> int:
    told = "\n".join([*lines(), "", *speaking()])
    page.publish("scenarios", f"{page.setting()}\n\n{told}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
