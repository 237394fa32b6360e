"""Replays of the shipped cases: what the forecast would have been, cutoff by cutoff.

    uv run --no-sync python tests/benchmarks/replays.py run --minutes 60
    uv run --no-sync python tests/benchmarks/replays.py table

Three agreements whose ends are known, by quarter, and the flagship by month, each from its deal to
its breakdown or to the day it is covered to, with the settings of ``durability replay``. Fits are
cached, so a run that is stopped goes on where it was. A row a case is put into ``replays.jsonl``
beside this file, with its seed and the hash of the code, data and priors that made it; the table
goes into docs/replay.md and shows the newest row of each case, under its hash.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import page

import durability
from durability.agreements import read_agreements
from durability.assembly import ModelData
from durability.cases import read_case
from durability.catalogue import models_hash
from durability.forecasts import refitted
from durability.markdown import escaped
from durability.prior_sets import read_priors
from durability.replay_report import headline, moved_words
from durability.time_machine import Every, Moment, replay, replay_record
from durability.weighing import Base
from durability.wording import (
    RUNG_NAMES,
    counted,
    error_points,
    percent,
    percent_range,
    shortened,
    signed_points,
)

ROWS = Path(__file__).with_suffix(".jsonl")
PAGE = page.ROOT / "docs" / "replay.md"
CASES: dict[str, Every] = {
    "armenia_azerbaijan_2020": "quarter",
    "ecuador_peru": "quarter",
    "ethiopia_eritrea": "quarter",
    "armenia_azerbaijan": "month",
}
SEED, DRAWS, TUNE, CHAINS = 1, 1000, 600, 4
WORDS = 90
"""Letters of what moved a forecast most."""

MACHINE = (
    *("units", "reweighting", "particles", "weighing", "matching", "updating", "attribution"),
    *("simulation", "steps", "assembly", "ladder", "inference", "news_selection", "verdict"),
    *("judged_fits", "time_machine"),
)


class OutOfTimeError(Exception):
    """The minutes are over; the fits that were made are kept."""


def code_hash(case: str) -> str:
    """Hash of all that decides the replay of a case."""
    home = Path(durability.__file__).parent
    folder = home / "data" / "cases" / case
    paths = [home / f"{name}.py" for name in MACHINE]
    paths += [home.parent / "priors" / "default.toml", home / "data" / "agreements.csv"]
    paths += sorted(path for path in folder.rglob("*") if path.is_file())
    settings = (SEED, DRAWS, TUNE, CHAINS, CASES[case])
    digest = hashlib.sha256(f"{settings}{models_hash()}".encode())
    for path in paths:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def every_row() -> list[dict[str, Any]]:
    """Give all rows, oldest first."""
    if not ROWS.exists():
        return []
    return [json.loads(line) for line in ROWS.read_text(encoding="utf-8").splitlines() if line]


def replayed(case: str, told: Callable[[Moment], None]) -> dict[str, Any]:
    """Replay a case and write it as a row."""
    priors = read_priors("default")
    began = time.perf_counter()

    def refit(data: ModelData) -> Base:
        return refitted(data, priors, seed=SEED, draws=DRAWS, tune=TUNE, chains=CHAINS)

    moments = replay(read_case(case), read_agreements(), refit=refit, every=CASES[case], told=told)
    record = replay_record(moments)
    return {
        "case": case,
        "code": code_hash(case),
        "seed": SEED,
        "every": CASES[case],
        "seconds": round(time.perf_counter() - began, 1),
        "title": record["title"],
        "months": record["headline_months"],
        "happened": record["happened"],
        "moments": [moment_row(record, row) for row in record["moments"]],
    }


def moment_row(record: Mapping[str, Any], row: Mapping[str, Any]) -> dict[str, Any]:
    """Give of one cutoff what the table shows."""
    chance = headline(record, row)
    first = row["moved"][0] if row["moved"] else None
    return {
        "cutoff": row["cutoff"],
        "method": row["method"],
        **{name: round(chance[name], 6) for name in ("mean", "low", "high", "mcse")},
        "ok": row["ok"],
        "broken": row["broken"],
        "points": None if first is None else round(first["points"], 6),
        "what": "" if first is None else shortened(moved_words(first), WORDS),
    }


def run(minutes: float) -> None:
    """Replay what has not been replayed by this code, as far as the minutes go."""
    until = time.monotonic() + 60.0 * minutes
    ready = {(row["case"], row["code"]) for row in every_row()}

    def told(moment: Moment) -> None:
        sys.stdout.write(f"  {moment.cutoff} {moment.method}\n")
        sys.stdout.flush()
        if time.monotonic() > until:
            raise OutOfTimeError

    for case in CASES:
        if (case, code_hash(case)) in ready:
            continue
        sys.stdout.write(f"{case}\n")
        try:
            row = replayed(case, told)
        except OutOfTimeError:
            return
        with ROWS.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row, sort_keys=True) + "\n")


def table_lines(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Write the newest row of each case: one line for all of it, and its cutoffs, folded."""
    newest = {row["case"]: row for row in rows}
    shown = [newest[case] for case in CASES if case in newest]
    yield ("| case | cutoffs | fitted | at first | lowest | highest | at last | what happened |")
    yield "|---|---:|---:|---:|---:|---:|---:|---|"
    yield from (_summary(row) for row in shown)
    for missing in [case for case in CASES if case not in newest]:
        yield f"| `{missing}` | not run yet | | | | | | |"
    for row in shown:
        yield from _details(row)


def _summary(row: Mapping[str, Any]) -> str:
    moments = row["moments"]
    fitted = sum(moment["method"] in ("fit", "refit") for moment in moments)
    # The cutoff that knew of the end forecasts nothing that was to come.
    standing = [moment for moment in moments if not moment["broken"]] or moments
    low, high = (pick(standing, key=lambda m: m["mean"]) for pick in (min, max))
    ends = [f"{RUNG_NAMES[each['rung']]}, {each['date']}" for each in row["happened"]]
    cells = [
        f"`{row['case']}`",
        f"{len(moments)} by {row['every']}",
        str(fitted),
        percent(moments[0]["mean"]),
        f"{percent(low['mean'])} ({low['cutoff'][:7]})",
        f"{percent(high['mean'])} ({high['cutoff'][:7]})",
        percent(standing[-1]["mean"]),
        "; ".join(ends) or "nothing of these",
    ]
    return f"| {' | '.join(cells)} |"


def _details(row: Mapping[str, Any]) -> Iterator[str]:
    wrong = [moment["cutoff"] for moment in row["moments"] if not moment["ok"]]
    verdict = f"FAILED or not judged at {', '.join(wrong)}" if wrong else "every fit passed"
    yield ""
    yield "<details>"
    yield (
        f"<summary>{row['case']}: {counted(len(row['moments']), 'cutoff')}, {verdict} "
        f"(code {row['code']}, seed {row['seed']})</summary>"
    )
    yield ""
    chance = f"breakdown within {row['months']} months"
    yield f"| cutoff | {chance} | 90 % | ± MCSE | by | moved it most, points |"
    yield "|---|---:|---:|---:|---|---|"
    for moment in row["moments"]:
        what = f"{signed_points(moment['points'])}: {moment['what']}" if moment["what"] else ""
        cells = [
            moment["cutoff"],
            percent(moment["mean"]),
            percent_range(moment),
            error_points(moment["mcse"]),
            f"{moment['method']}{'; it had ended' if moment['broken'] else ''}",
            escaped(what),
        ]
        yield f"| {' | '.join(cells)} |"
    yield ""
    yield "</details>"


def main(arguments: list[str] | None = None) -> int:
    """Run the script."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=["run", "table"])
    parser.add_argument("--minutes", type=float, default=60.0)
    asked = parser.parse_args(arguments)
    if asked.what == "run":
        run(asked.minutes)
    lines = [page.setting(), "", *table_lines(every_row())]
    page.publish("replays", "\n".join(lines), PAGE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
