"""Backtests of the model on history: every group left out once and refitted, beside baselines.

    uv run --no-sync python tests/benchmarks/backtest.py refits --minutes 60
    uv run --no-sync python tests/benchmarks/backtest.py refits --priors sceptical --minutes 60
    uv run --no-sync python tests/benchmarks/backtest.py refits --by agreement --minutes 300
    uv run --no-sync python tests/benchmarks/backtest.py years --minutes 60
    uv run --no-sync python tests/benchmarks/backtest.py fast --minutes 10
    uv run --no-sync python tests/benchmarks/backtest.py table

Rows are appended to ``backtest.jsonl`` beside this file, one a refit, with its seed and the hash of
the code and data that made it; a run goes on where the last one stopped. Each row holds the chances
of every rung with interval and Monte Carlo error, the log predictive density of what became of each
agreement, and the verdict of its diagnostics. Rows of other code stay valid for the code that they
name: a table is made of the newest hash for which every group is there, or else of the one with
most groups, and says so.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import page

import durability
from durability.backtests import RATINGS, SETTINGS, leaving_out_questions, run
from durability.catalogue import models_hash
from durability.inference import build
from durability.prior_sets import read_priors
from durability.refits import Question, Reference, reference_of, sources_hash

ROWS = Path(__file__).with_suffix(".jsonl")
PAGE = page.ROOT / "docs" / "backtests.md"
CUTOFF = date(2026, 6, 30)
PRIORS = ("default", "agreements_work", "bargaining_power", "sceptical")


@cache
def code_hash() -> str:
    """Hash of all code and data that an answer depends on, prior sets apart."""
    digest = hashlib.sha256(f"{models_hash()}{sources_hash()}{SETTINGS}".encode())
    digest.update(history().hash().encode())
    digest.update((Path(durability.__file__).parent / "hiding.py").read_bytes())
    return digest.hexdigest()[:16]


@cache
def history() -> Any:
    return durability.assemble_history(cutoff=CUTOFF)


def every_row() -> list[dict[str, Any]]:
    """Rows of any code, oldest first."""
    if not ROWS.exists():
        return []
    return [json.loads(line) for line in ROWS.read_text(encoding="utf-8").splitlines() if line]


def append(row: Mapping[str, Any]) -> None:
    with ROWS.open("a", encoding="utf-8") as file:
        file.write(json.dumps(rounded({**row, "code": code_hash()}), sort_keys=True) + "\n")


def rounded(value: Any) -> Any:
    """Six significant digits: Monte Carlo errors are a thousand times as large."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, Mapping):
        return {name: rounded(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(each) for each in value]
    return value


def run_refits(until: float, by: str, priors: str, ratings: str, jobs: int) -> None:
    """Leave out what has not been left out yet, as many groups at a time as there are jobs."""
    chosen = read_priors(priors)
    asked = leaving_out_questions(history(), by=by, ratings=ratings)  # type: ignore[arg-type]
    told = {"kind": "refit", "by": by, "ratings": ratings, "priors": priors, "hash": chosen.hash}
    refit_all(until, reference_of(build(history(), chosen)), asked, told, jobs)


def refit_all(
    until: float,
    reference: Reference,
    asked: Sequence[Question],
    told: Mapping[str, Any],
    jobs: int,
) -> None:
    have = {
        row["name"]
        for row in every_row()
        if row["code"] == code_hash() and all(row.get(n) == v for n, v in told.items())
    }
    left = [question for question in asked if question.name not in have]
    for place in range(0, len(left), jobs):
        if time.monotonic() > until:
            return
        for record in run(reference, left[place : place + jobs], jobs=jobs):
            append({**told, **record, "verdict": short(record["verdict"])})
            print(time.strftime("%H:%M"), told, record["name"], flush=True)


def short(verdict: Mapping[str, Any]) -> dict[str, Any]:
    """Keep the verdict and its numbers, without words."""
    values = {check["name"]: check["value"] for check in verdict["checks"]}
    return {"ok": verdict["ok"], "reasons": verdict["reasons"], "values": values}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=["refits"])
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--by", choices=["cluster", "dyad", "agreement"], default="cluster")
    parser.add_argument("--priors", choices=PRIORS, default="default")
    parser.add_argument("--ratings", choices=RATINGS, action="append")
    parser.add_argument("--jobs", type=int, default=1)
    asked = parser.parse_args(arguments)
    until = time.monotonic() + 60.0 * asked.minutes
    for ratings in asked.ratings or RATINGS:
        run_refits(until, asked.by, asked.priors, ratings, asked.jobs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
