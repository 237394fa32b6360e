"""A thousand news items one after another, over years, the ladder left to itself.

    uv run --no-sync python tests/benchmarks/stream.py run --minutes 60
    uv run --no-sync python tests/benchmarks/stream.py table

The flagship goes on from its cutoff for eight years, with as many items a month as its real news
has. Drivers wander by an autoregression of their own; an item's rating is the level of its driver
with an error, rounded: news as it may come, not news that the model made. Every item is weighed on
the day it is known; where weights will not do the draws are moved, and where that will not do the
ladder refits. One row an item is appended to ``stream.jsonl``, with the fit that it stands on, so
a run goes on where the last one stopped. Times in the table are of the processor, all cores
together, so that they tell the same whatever else the machine does; the clock's are told in sum.
A refit that an earlier run had left in the cache counts as a refit, but its time is left out.
"""

from __future__ import annotations

import argparse
import hashlib
import inspect
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import contract
import numpy as np
import page

import durability
from durability.assembly import ModelData, assemble
from durability.calendar import add_months
from durability.cases import Case, read_case
from durability.forecasts import refitted
from durability.news import NewsItem
from durability.particles import kept_particles, read_particles
from durability.updating import Update, update
from durability.vocabulary import DRIVERS, RATING_MAX, RATING_MIN, STREAMS
from durability.weighing import Base, prepare

ROWS = Path(__file__).with_suffix(".jsonl")
SEED = 20261123
ITEMS, MONTHS = 1000, 96
KEPT, ERROR, SCALE = 0.93, 0.8, 1.3
"""Of a driver's level from month to month; of an item's error; ratings to a unit of pressure."""


def code_hash() -> str:
    """Hash of what makes the stream and of the code that answers depend on."""
    makers = "".join(inspect.getsource(each) for each in (stream, case_with, told))
    settings = repr((SEED, ITEMS, MONTHS, KEPT, ERROR, SCALE, contract.code_hash()))
    return hashlib.sha256((settings + makers).encode()).hexdigest()[:16]


def stream(case: Case) -> list[NewsItem]:
    """Make the items, in the order in which they become known."""
    rng = np.random.default_rng(SEED)
    levels = np.empty((MONTHS, len(DRIVERS)))
    now = rng.normal(size=len(DRIVERS))
    for month in range(MONTHS):
        now = KEPT * now + np.sqrt(1.0 - KEPT**2) * rng.normal(size=len(DRIVERS))
        levels[month] = now
    last = [item for item in case.news if item.ratings and item.known <= case.covered_until][-1]
    first = case.covered_until + timedelta(days=1)
    days = sorted(
        int(day) for day in rng.integers(0, (add_months(first, MONTHS) - first).days, ITEMS)
    )
    found = []
    for number, day in enumerate(days):
        when = first + timedelta(days=day)
        month = (when.year - first.year) * 12 + when.month - first.month
        place = int(rng.integers(len(DRIVERS)))
        level = SCALE * (levels[month, place] + ERROR * rng.normal())
        score = int(np.clip(np.rint(level), RATING_MIN, RATING_MAX))
        found.append(
            replace(
                last,
                id=f"M{number:04d}",
                event=f"made-{number}",
                date=when,
                known=when,
                driver=DRIVERS[place],
                ratings=(("a", score),),
                grade="ABC"[int(rng.integers(3))],
            )
        )
    return found


def case_with(case: Case, items: list[NewsItem]) -> Case:
    """Give the case on the day its last item became known: the months before it have held."""
    held = items[-1].known.replace(day=1) - timedelta(days=1)
    held = max(held, case.covered_until)
    return replace(
        case,
        news=(*case.news, *items),
        covered_until=held,
        observed_to=dict.fromkeys(STREAMS, held),
    )


def done() -> list[dict[str, Any]]:
    """Rows of this code, in order."""
    if not ROWS.exists():
        return []
    rows = [json.loads(line) for line in ROWS.read_text(encoding="utf-8").splitlines() if line]
    return [row for row in rows if row["code"] == code_hash()]


def append(row: Mapping[str, Any]) -> None:
    with ROWS.open("a", encoding="utf-8") as file:
        file.write(json.dumps({**row, "code": code_hash()}, sort_keys=True) + "\n")


def run(until: float) -> None:
    case, priors = read_case("armenia_azerbaijan"), durability.read_priors("default")
    known = tuple(item for item in case.news if item.known <= case.covered_until)
    case = replace(case, news=known)
    items, rows = stream(case), done()

    def refit(data: ModelData) -> Base:
        return refitted(data, priors)

    kept = {key for key, _ in kept_particles(case.name)}
    step: Base | Update = started(rows, case, items, refit)
    for number in range(len(rows), ITEMS):
        if time.monotonic() > until:
            return
        now = case_with(case, items[: number + 1])
        began, worked = time.perf_counter(), time.process_time()
        step = update(step, case=now, cutoff=items[number].known, refit=refit)
        row = {
            **told(number, step, time.perf_counter() - began),
            "processor_seconds": time.process_time() - worked,
        }
        row["cached"] = row["method"] == "refit" and row["fit"] in kept
        append(row)
        if step.method != "weights":
            sys.stdout.write(f"{row}\n")
            sys.stdout.flush()


def started(
    rows: list[dict[str, Any]],
    case: Case,
    items: list[NewsItem],
    refit: Callable[[ModelData], Base],
) -> Base:
    """Give the fit that the last row stands on, or the first fit; made again where it is gone."""
    data = assemble(case)
    if not rows:
        return refit(data)
    key = rows[-1]["fit"]
    particles = read_particles(key)
    if particles is not None:
        return prepare(particles, rows=data.rows)
    first = next(row for row in rows if row["fit"] == key)
    if first["method"] == "refit":
        known = items[: first["number"] + 1]
        data = assemble(case_with(case, known), cutoff=known[-1].known)
    again = refit(data)
    if again.particles.key != key:
        sys.exit(f"{key} cannot be made again here; move {ROWS.name} away to begin anew")
    return again


def told(number: int, step: Update, seconds: float) -> dict[str, Any]:
    headline = step.table["breakdown"]["24"]
    parents = step.weighed.parents
    return {
        "number": number,
        "cutoff": step.weighed.data.cutoff.isoformat(),
        "seconds": seconds,
        "method": step.method,
        "khat": parents.khat if np.isfinite(parents.khat) else None,
        "effective_size": parents.effective_size,
        "probability": headline["mean"],
        "mcse": headline["mcse"],
        "fit": step.base.particles.key,
        "fit_ok": step.base.particles.verdict["ok"],
    }


# ---- the table ----------------------------------------------------------------------------------


def table_lines(rows: list[dict[str, Any]]) -> Iterator[str]:
    code = rows[0]["code"]
    yield f"{len(rows)} of {ITEMS} items over {MONTHS} months, code {code}, seed {SEED}."
    yield ""
    yield (
        "| items | to | weights | moved draws | refits | weights, processor ms | moved, s | "
        "refit, s |"
    )
    yield "|---|---|---:|---:|---:|---:|---:|---:|"
    for low in range(0, len(rows), 100):
        part = rows[low : low + 100]
        yield (
            f"| {low + 1} to {low + len(part)} | {part[-1]['cutoff'][:7]} | "
            + " | ".join(str(sum(row["method"] == name for row in part)) for name in METHODS)
            + f" | {_median(part, 'weights', 1000.0)} | {_median(part, 'matched')} | "
            f"{_median(part, 'refit')} |"
        )
    yield ""
    light, heavy = (
        [row for row in rows if (row["method"] == "refit") == refits] for refits in (False, True)
    )
    yield (
        f"In all {len(heavy)} refits, {sum(row['cached'] for row in heavy)} of them read from the "
        f"cache, the others in {_minutes(heavy)}; {len(light)} answers without one in "
        f"{_minutes(light)}. Fits whose own diagnostics "
        f"failed: {len({row['fit'] for row in rows if not row['fit_ok']})} of "
        f"{len({row['fit'] for row in rows})}."
    )
    cost = weights_cost(rows)
    if cost is not None:
        yield ""
        yield (
            f"Weights take {cost[0]:.0f} ms, {cost[1]:+.2f} ms for every item since the fit and "
            f"{cost[2]:+.3f} ms for every item before that (least squares)."
        )
    jumps = list(refit_jumps(rows))
    if jumps:
        kept = sum(abs(moved) <= 0.01 + 2.0 * error for moved, error in jumps)
        yield ""
        yield (
            f"At a refit the answer moves from what weights or moved draws said one item before: "
            f"by {100 * statistics.median(abs(moved) for moved, _ in jumps):.2f} points in the "
            f"median, {100 * max(abs(moved) for moved, _ in jumps):.2f} at most (the item's own "
            f"effect included); {kept} of {len(jumps)} within one point and two combined errors."
        )


def _minutes(rows: list[dict[str, Any]]) -> str:
    processor, clock = (
        sum(row[name] for row in rows if not row["cached"]) / 60.0
        for name in ("processor_seconds", "seconds")
    )
    return f"{processor:.1f} processor minutes ({clock:.1f} by the clock)"


METHODS = ("weights", "matched", "refit")


def weights_cost(rows: list[dict[str, Any]]) -> tuple[float, float, float] | None:
    """Milliseconds of weights: at all, for an item since the fit, for an item absorbed by it."""
    design, found, fitted = [], [], 0
    for before, row in pairwise(rows):
        if row["fit"] != before["fit"]:
            fitted = row["number"]
        if row["method"] == "weights":
            design.append((1.0, row["number"] - fitted, fitted))
            found.append(1000.0 * row["processor_seconds"])
    if not design or np.linalg.matrix_rank(design) < len(design[0]):
        return None
    each = np.linalg.lstsq(np.array(design), np.array(found))[0]
    return float(each[0]), float(each[1]), float(each[2])


def refit_jumps(rows: list[dict[str, Any]]) -> Iterator[tuple[float, float]]:
    """How far a refit lies from the answer one item before, and their combined error."""
    for before, after in pairwise(rows):
        if after["method"] == "refit" and before["method"] != "refit":
            error = float(np.hypot(before["mcse"], after["mcse"]))
            yield after["probability"] - before["probability"], error


def _median(rows: list[dict[str, Any]], method: str, unit: float = 1.0) -> str:
    mine = [row for row in rows if row["method"] == method and not row["cached"]]
    found = [row["processor_seconds"] for row in mine]
    return f"{unit * statistics.median(found):.3g}" if found else "–"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=["run", "table"])
    parser.add_argument("--minutes", type=float, default=60.0)
    asked = parser.parse_args(arguments)
    if asked.what == "run":
        run(time.monotonic() + 60.0 * asked.minutes)
    rows = done()
    if rows:
        page.publish("stream", f"{page.setting()}\n\n" + "\n".join(table_lines(rows)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
