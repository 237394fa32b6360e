"""Do intervals of spells hold the truth as often as they say? Over simulated worlds.

    uv run --no-sync python tests/benchmarks/spells_coverage.py measure --minutes 30
    uv run --no-sync python tests/benchmarks/spells_coverage.py table

The worlds are those of ``tests/test_spells.py``: an asymmetric truth, a third of the spells watched
from a later age, half of the events known to an interval, forty clusters with a frailty. Each is
fitted once; a row says for every parameter whether its 90 % interval held the truth, and where the
truth ranks among the draws. Rows are appended to ``spells_coverage.jsonl`` with the hash of the
code; a run goes on where the last one stopped.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from spells_scale import code_hash
from test_spells import ROLES, TRUTH, world

from durability.spell_tables import read_spells
from durability.spells import fit_spells

ROWS = Path(__file__).with_suffix(".jsonl")
SEED, WORLDS, COUNT = 50_000, 200, 400


def done() -> list[dict[str, Any]]:
    if not ROWS.exists():
        return []
    every = [json.loads(line) for line in ROWS.read_text(encoding="utf-8").splitlines() if line]
    return [row for row in every if row["code"] == code_hash()]


def one(number: int) -> dict[str, Any]:
    table = read_spells(world(SEED + number, COUNT), **ROLES)
    fit = fit_spells(table, draws=400, tune=300, chains=2, seed=number + 1, refit=True)
    posterior = fit.posterior
    found = {
        "shape": posterior["shape"].values.ravel(),
        "x": 3.0 * posterior["effect"].sel(covariate="x").values.ravel(),
        "z": posterior["effect"].sel(covariate="z").values.ravel(),
        "frailty_sd": posterior["frailty_sd"].values.ravel(),
    }
    ranks = {name: float((draws < TRUTH[name]).mean()) for name, draws in found.items()}
    divergences = int(fit.tree["sample_stats"]["diverging"].sum())
    return {"number": number, "ranks": ranks, "divergences": divergences}


def measure(minutes: float) -> None:
    until = time.monotonic() + 60.0 * minutes
    ready = {row["number"] for row in done()}
    for number in range(WORLDS):
        if number in ready or time.monotonic() > until:
            continue
        row = {**one(number), "code": code_hash()}
        with ROWS.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row, sort_keys=True) + "\n")


def table() -> None:
    import page

    rows = done()
    lines = [
        page.setting(),
        "",
        f"Code {code_hash()}, seeds from {SEED}; {len(rows)} of {WORLDS} worlds of {COUNT} spells.",
        "",
        "| parameter | truth | 90 % intervals that hold it | mean rank of the truth |",
        "|---|---:|---:|---:|",
    ]
    for name, truth in TRUTH.items():
        ranks = np.array([row["ranks"][name] for row in rows])
        held = ((ranks >= 0.05) & (ranks <= 0.95)).sum()
        lines.append(f"| {name} | {truth} | {held} of {len(rows)} | {ranks.mean():.2f} |")
    broken = sum(row["divergences"] > 0 for row in rows)
    lines += ["", f"Fits with a divergence: {broken}."]
    page.publish("spells_coverage", "\n".join(lines))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=["measure", "table"])
    parser.add_argument("--minutes", type=float, default=30.0)
    given = parser.parse_args()
    measure(given.minutes) if given.what == "measure" else table()


if __name__ == "__main__":
    main()
