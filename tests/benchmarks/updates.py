"""How long an update takes: one item, from the shell, against a refit, and a thousand in a row.

    uv run --no-sync python tests/benchmarks/updates.py

In a cache and a folder of its own it fits the shipped case with as many draws as a fit has by
default, and with the 4,000 that the target is for, adds one item, and times the update in this
process from both and from the shell, each several times, and then the refit to the same knowledge.
A thousand items are then added to the first one by one without refits; where the ladder would first
have asked for one is told.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import page

ITEMS = 1000
DRAWS = 1000  # of each of four chains, where the target for one item is measured
TARGETS = {"in_process_ms": 50.0, "shell_s": 3.0, "refit_ratio": 50.0}


def timed(call: Callable[[], object], times: int) -> list[float]:
    found = []
    for _ in range(times):
        began = time.perf_counter()
        call()
        found.append(time.perf_counter() - began)
    return found


def spread(seconds: list[float], unit: float = 1.0) -> str:
    low, middle, high = min(seconds), statistics.median(seconds), max(seconds)
    return f"{middle * unit:.3g} ({low * unit:.3g}–{high * unit:.3g})"


def lines(folder: Path) -> Iterator[str]:
    import durability
    from durability import updating
    from durability.assembly import assemble
    from durability.forecasts import refitted
    from durability.news import NewsItem

    case = durability.read_case("armenia_azerbaijan")
    priors = durability.read_priors("default")
    base = refitted(assemble(case), priors)
    last = [item for item in case.news if item.ratings and item.known <= case.covered_until][-1]

    def made(number: int, day: date, driver: str, score: int) -> NewsItem:
        return replace(
            last,
            id=f"M{number:04d}",
            event=f"made-{number}",
            date=day,
            known=day,
            driver=driver,
            ratings=(("a", score), ("b", score)),
            grade="B",
        )

    one = made(0, case.covered_until - timedelta(days=10), "corridor", 2)
    few = refitted(assemble(case), priors, draws=DRAWS)
    in_process = []
    for start in (few, base):
        found = durability.update(start, [one], case=case)
        in_process.append(timed(lambda start=start: durability.update(start, [one], case=case), 15))
    after = made(1, case.covered_until + timedelta(days=5), "corridor", 1)
    month_after = timed(lambda: durability.update(base, [after], case=case), 5)
    durability.add_news(
        case,
        [
            durability.NewsEntry(
                date=one.date,
                driver="corridor",
                ratings="a=2;b=2",
                statement="Work on the route is suspended.",
                source="A page",
                grade="B",
            )
        ],
    )
    command = [str(Path(sys.executable).parent / "durability"), "update", case.name]
    subprocess.run(command, check=True, capture_output=True, cwd=folder)
    shell = timed(lambda: subprocess.run(command, check=True, capture_output=True, cwd=folder), 5)
    now = durability.read_case(case.name)
    refit = timed(lambda: refitted(assemble(now), priors), 1)[0]
    yield "| what | measured | target |"
    yield "|---|---:|---:|"
    for start, seconds, target in zip(
        (few, base), in_process, (f"≤ {TARGETS['in_process_ms']:.0f}", ""), strict=True
    ):
        yield (
            f"| one item on {len(start.particles):,} draws, in process, to the revised table, ms | "
            f"{spread(seconds, 1000.0)} | {target} |"
        )
    yield (
        "| one item of the month after, for which every path is carried on and the time ahead "
        f"simulated anew, ms | {spread(month_after, 1000.0)} | |"
    )
    yield f"| `durability update`, fit cached, s | {spread(shell)} | ≤ {TARGETS['shell_s']:.0f} |"
    yield f"| refit to the same knowledge, compiled anew, s | {refit:.3g} | |"
    ratio = refit / statistics.median(in_process[-1])
    yield f"| refit over update | {ratio:.0f} | ≥ {TARGETS['refit_ratio']:.0f} |"
    parents = found.weighed.parents
    yield (
        f"| its Pareto k, effective draws | {parents.khat:.2f}, {parents.effective_size:.0f} | |"
    )
    yield from _many(base, case, made, updating)


def _many(base: object, case: object, made: object, updating: object) -> Iterator[str]:
    """A thousand items, one after another, each weighed from the one before."""
    import durability
    from durability.vocabulary import DRIVERS

    rng = np.random.default_rng(1)
    days = (case.covered_until - case.deal).days  # type: ignore[attr-defined]
    step: object = base
    so_far, asked = case, 0
    seconds = []
    for number in range(1, ITEMS + 1):
        day = case.covered_until - timedelta(days=int(rng.integers(1, days)))  # type: ignore[attr-defined]
        item = made(number, day, DRIVERS[number % 4], int(rng.integers(-2, 3)))  # type: ignore[operator]
        so_far = replace(so_far, news=(*so_far.news, item))  # type: ignore[type-var]
        began = time.perf_counter()
        step = durability.update(step, case=so_far, move=False)  # type: ignore[arg-type]
        seconds.append(time.perf_counter() - began)
        if not asked and updating.doubts(step.weighed):  # type: ignore[attr-defined]
            asked = number
    for low, high in ((0, 50), (450, 500), (950, 1000)):
        mean = 1000.0 * statistics.mean(seconds[low:high])
        yield f"| items {low + 1} to {high} of a stream, ms each | {mean:.0f} | |"
    yield f"| {ITEMS} items one by one, without refits, s | {sum(seconds):.0f} | |"
    yield f"| first item at which the ladder would refit | {asked or 'none'} | |"


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        os.environ["XDG_CACHE_HOME"] = str(Path(name) / "cache")
        os.chdir(name)
        told = "\n".join(lines(Path(name)))
        page.publish("updates", f"{page.setting()}\n\n{told}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
