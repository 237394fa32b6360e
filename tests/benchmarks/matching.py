"""How often moved draws save a refit: streams of rising surprise, by weights, moved, and refitted.

    uv run --no-sync python tests/benchmarks/matching.py streams --minutes 60
    uv run --no-sync python tests/benchmarks/matching.py flagship --minutes 60
    uv run --no-sync python tests/benchmarks/matching.py table

Worlds are those of ``contract.py``. To what is known at the start of each, more and more items are
added that two coders rated +3, official and within the last days, of two drivers in turn: inside
the fitted months, or in the month after them. What weights say, what moved draws say and whether
either is trusted is written down; every third world's moved answers are held against a refit with
at least 4,000 effective draws. The flagship gets the same items, and a scatter of items of all
kinds.

Rows are appended to ``matching.jsonl``, as those of ``contract.py`` are to their file.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import contract
import numpy as np
import page

import durability
from durability import matching
from durability.assembly import assemble
from durability.calendar import add_months
from durability.forecasts import refitted
from durability.news import NewsItem
from durability.updating import Update, update
from durability.vocabulary import DRIVERS
from durability.weighing import Base, prepare

ROWS = Path(__file__).with_suffix(".jsonl")
SURPRISES = (1, 2, 3, 4, 6)
WORLDS = 20
REFITTED_EACH = 3
LOUDEST = 6
"""Level of a rating of +3."""


def code_hash() -> str:
    """Hash of all code that a row depends on."""
    home = Path(durability.__file__).parent
    models = Path(str(matching.find_model("breakdown").__file__)).parent
    digest = hashlib.sha256(contract.code_hash().encode())
    for path in (home / "matching.py", models / "density.py"):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def done() -> list[dict[str, Any]]:
    """Rows of this code."""
    if not ROWS.exists():
        return []
    every = [json.loads(line) for line in ROWS.read_text(encoding="utf-8").splitlines() if line]
    return [row for row in every if row["code"] == code_hash()]


def append(row: Mapping[str, Any]) -> None:
    with ROWS.open("a", encoding="utf-8") as file:
        file.write(json.dumps({**row, "code": code_hash()}, sort_keys=True) + "\n")
    print(row, flush=True)


def loud_items(n: int, last: date) -> tuple[NewsItem, ...]:
    """Make up items of the days up to a last one, trust and corridor in turn, official."""
    found = []
    for i in range(n):
        place = 2 * (i % 2)
        made = contract.made_item(f"Z{i}", last - timedelta(days=i), place)
        ratings = tuple((coder, 3) for coder in contract.CODERS)
        found.append(replace(made, ratings=ratings, grade="A"))
    return tuple(found)


def told(revised: Update, seconds: float) -> dict[str, Any]:
    """What is written down of an update that may have been moved."""
    plain = revised.weighed if revised.unmoved is None else revised.unmoved
    row: dict[str, Any] = {"method": revised.method, "seconds": seconds}
    for name, each in (("plain", plain), ("moved", revised.weighed)):
        headline = each.table["breakdown"]["24"]
        row |= {
            f"{name}_khat": each.parents.khat,
            f"{name}_effective": each.parents.effective_size,
            f"{name}_mean": headline["mean"],
            f"{name}_mcse": headline["mcse"],
        }
    return {**row, "months": plain.months, "unknowns": revised.weighed.moved}


def against(row: dict[str, Any], other: Base, seconds: float) -> dict[str, Any]:
    """Add what a refit says."""
    headline = other.table["breakdown"]["24"]
    return {
        **row,
        "refit_mean": headline["mean"],
        "refit_mcse": headline["mcse"],
        "refit_effective": contract.effective_size(other),
        "refit_seconds": seconds,
    }


def run_streams(until: float) -> None:
    compiled = contract.Compiled()
    have = {(r["number"], r["step"], r["items"]) for r in done() if r["kind"] == "stream"}
    for number in range(WORLDS):
        wanted = [
            (number, step, n)
            for step, n in itertools.product((0, 2), SURPRISES)
            if (number, step, n) not in have
        ]
        if not wanted:
            continue
        world = contract.World(number)
        settings = replace(contract.BASE, seed=1000 + number)
        fit = contract.fitted(compiled, world.at(0), settings, world)
        start = prepare(fit, rows=world.agreements)
        for _, step, n in wanted:
            if time.monotonic() > until:
                return
            items = loud_items(n, contract.cutoff_of(step))
            world.said |= {(item.id, c): LOUDEST for item in items for c in contract.CODERS}
            data = world.at(step, items)
            began = time.perf_counter()
            row = told(contract.revise(start, data), time.perf_counter() - began)
            row = {"kind": "stream", "number": number, "step": step, "items": n, **row}
            if number % REFITTED_EACH == 0 and row["method"] == "matched":
                began = time.perf_counter()
                other, _ = contract.gold(compiled, data, world, 70_000 + number)
                row = against(row, other, time.perf_counter() - began)
            append(row)


def scattered_items(n: int, first: date, last: date) -> tuple[NewsItem, ...]:
    """Make up items of any day, driver and rating, of medium grade."""
    rng = np.random.default_rng(1)
    found = []
    for i in range(n):
        made = contract.made_item(
            f"Y{i}", last - timedelta(days=int(rng.integers((last - first).days))), i
        )
        score = int(rng.integers(-2, 3))
        ratings = tuple((coder, score) for coder in contract.CODERS)
        found.append(replace(made, driver=DRIVERS[i % 4], ratings=ratings, grade="B"))
    return tuple(found)


def flagship_streams(last: date, deal: date) -> Iterator[tuple[str, tuple[NewsItem, ...]]]:
    for n in SURPRISES[1:]:
        yield f"{n} loud items in the last month", loud_items(n, last)
    month_after = add_months(last + timedelta(days=1), 1) - timedelta(days=1)
    for n in (2, 3):
        yield f"{n} loud items in the month after", loud_items(n, month_after)
    for n in (16, 24, 40):
        yield f"{n} items of any day and rating", scattered_items(n, deal, last)


def run_flagship(until: float) -> None:
    case, priors = durability.read_case("armenia_azerbaijan"), durability.read_priors("default")
    have = {row["what"] for row in done() if row["kind"] == "flagship"}
    base: Base | None = None
    for what, items in flagship_streams(case.covered_until, case.deal):
        if what in have:
            continue
        if time.monotonic() > until:
            return
        base = refitted(assemble(case), priors) if base is None else base
        began = time.perf_counter()
        revised = update(base, items, case=case)
        row = {"kind": "flagship", "what": what, **told(revised, time.perf_counter() - began)}
        if row["method"] == "matched":
            data = revised.weighed.data
            began = time.perf_counter()
            row = against(row, refitted(data, priors, seed=2), time.perf_counter() - began)
        append(row)


def kept(row: Mapping[str, Any]) -> bool:
    """Whether a moved answer and its refit keep to the contract of updates."""
    apart = abs(row["moved_mean"] - row["refit_mean"])
    error = float(np.hypot(row["moved_mcse"], row["refit_mcse"]))
    return bool(apart <= contract.TOLERANCE + 2.0 * error)


def table_lines() -> Iterator[str]:
    yield f"Code {code_hash()} (rows of it alone), seed {contract.SEED}."
    streams = [row for row in done() if row["kind"] == "stream"]
    flagship = [row for row in done() if row["kind"] == "flagship"]
    if streams:
        yield from stream_lines(streams)
    if flagship:
        yield from flagship_lines(flagship)


def stream_lines(streams: list[dict[str, Any]]) -> Iterator[str]:
    worlds = len({row["number"] for row in streams})
    yield ""
    yield f"{worlds} simulated worlds; loud items inside the fitted months, or in the month after:"
    yield ""
    yield (
        "| where | items | streams | by weights | by moved draws | refit | held against a refit | "
        "kept | largest difference, points |"
    )
    yield "|---|---:|---:|---:|---:|---:|---:|---:|---:|"
    for step, n in itertools.product((0, 2), SURPRISES):
        mine = [row for row in streams if (row["step"], row["items"]) == (step, n)]
        good = [row for row in mine if row["method"] == "weights" and passed(row)]
        moved = [row for row in mine if row["method"] == "matched"]
        held = [row for row in moved if "refit_mean" in row]
        apart = max((abs(r["moved_mean"] - r["refit_mean"]) for r in held), default=np.nan)
        if mine:
            yield (
                f"| {'inside' if step == 0 else 'after'} | {n} | {len(mine)} | {len(good)} | "
                f"{len(moved)} | {len(mine) - len(good) - len(moved)} | {len(held)} | "
                f"{sum(map(kept, held))} | {'–' if not held else f'{100 * apart:.2f}'} |"
            )
    asked = [row for row in streams if not passed(row)]
    saved = [row for row in asked if row["method"] == "matched"]
    yield ""
    yield f"Of {len(asked)} refits that weights would have asked for, {len(saved)} were saved."


def passed(row: Mapping[str, Any]) -> bool:
    """Whether plain weights were trusted."""
    most = matching.khat_most(contract.BASE.draws * contract.BASE.chains)
    enough = row["plain_effective"] >= contract.EFFECTIVE_LEAST
    return bool(row["plain_khat"] <= most and enough)


def flagship_lines(rows: list[dict[str, Any]]) -> Iterator[str]:
    yield ""
    yield "The flagship, breakdown within 24 months in percent, ± MCSE; seconds of the clock:"
    yield ""
    yield (
        "| news | weights: k, effective | weights | moved: k, effective | unknowns | moved | "
        "refit | moved, s | refit, s |"
    )
    yield "|---|---|---:|---|---:|---:|---:|---:|---:|"
    for row in rows:
        cells = [
            f"{row['plain_khat']:.2f}, {row['plain_effective']:.0f}",
            shown(row, "plain"),
            "–",
            "–",
            "–",
            "–",
            f"{row['seconds']:.0f}",
            "–",
        ]
        if row["method"] == "matched":
            cells[2] = f"{row['moved_khat']:.2f}, {row['moved_effective']:.0f}"
            cells[3] = str(row["unknowns"])
            cells[4:6] = shown(row, "moved"), shown(row, "refit")
            cells[7] = f"{row['refit_seconds']:.0f}"
        yield f"| {row['what']} | {' | '.join(cells)} |"


def shown(row: Mapping[str, Any], name: str) -> str:
    return f"{100 * row[f'{name}_mean']:.2f} ± {100 * row[f'{name}_mcse']:.2f}"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=["streams", "flagship", "table"])
    parser.add_argument("--minutes", type=float, default=60.0)
    asked = parser.parse_args(arguments)
    until = time.monotonic() + 60.0 * asked.minutes
    runs = {"streams": run_streams, "flagship": run_flagship, "table": lambda _: None}
    runs[asked.what](until)
    page.publish("matching", f"{page.setting()}\n\n" + "\n".join(table_lines()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
