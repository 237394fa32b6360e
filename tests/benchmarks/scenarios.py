"""How long scenarios and a watch-list take once a fit is loaded, and how that grows.

    uv run --no-sync python tests/benchmarks/scenarios.py

On draws close to each other, as a posterior's are, of the shipped case with the tests' conditions:
eight scenarios of both kinds, a tree, a scenario that few paths agree with, and a watch-list. Times
are of the processor, since other jobs run beside it; growth is told with draws and with months.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import page
from conditioned import conditioned, conditioned_fit

TARGETS = {"scenarios_s": 2.0, "watch_s": 10.0}


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


def main() -> int:
    told = "\n".join(lines())
    page.publish("scenarios", f"{page.setting()}\n\n{told}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
