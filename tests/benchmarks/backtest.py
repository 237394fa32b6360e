"""Backtests of the model on history: every group left out once and refitted, beside baselines.

    uv run --no-sync python tests/benchmarks/backtest.py refits --minutes 60
    uv run --no-sync python tests/benchmarks/backtest.py refits --priors sceptical --minutes 60
    uv run --no-sync python tests/benchmarks/backtest.py refits --by dyad --jobs 2 --minutes 60
    uv run --no-sync python tests/benchmarks/backtest.py refits --by agreement --minutes 300
    uv run --no-sync python tests/benchmarks/backtest.py years --minutes 60
    uv run --no-sync python tests/benchmarks/backtest.py fast
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
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, get_args

import page

import durability
from durability.backtest_screen import density_lines, fast_lines
from durability.backtests import (
    RATINGS,
    SETTINGS,
    Backtest,
    forecaster_name,
    leaving_out_questions,
    left_out_from,
    run,
    stack_backtests,
)
from durability.catalogue import models_hash
from durability.fast_leaving_out import FastLeftOut, leave_out_fast
from durability.inference import build, fit
from durability.leaving_out import YEARS, By, LeftOut, leave_out, with_between
from durability.origins import (
    BY_YEAR,
    baseline_by_year,
    from_origins,
    make_origins,
    origin_question,
)
from durability.predictors import PREDICTORS
from durability.prior_sets import read_priors
from durability.refits import Question, Reference, reference_of, sources_hash
from durability.score_table import SCORES, prediction_lines, score_predictions
from durability.vocabulary import RUNGS
from durability.wording import number, percent, percent_range

ROWS = Path(__file__).with_suffix(".jsonl")
PAGE = page.ROOT / "docs" / "backtests.md"
CUTOFF = date(2026, 6, 30)
OWN_CLUSTER = "KARABAKH"
"""The flagship's conflict, reported by itself."""
AGES = with_between(YEARS)
"""Horizons asked about: those of the table, and ages between by which scores are integrated."""
PRIORS = ("default", "agreements_work", "bargaining_power", "sceptical")
WAYS = (*get_args(By), BY_YEAR)
"""What can be left out."""


@cache
def code_hash() -> str:
    """Hash of all code and data that an answer depends on, prior sets apart."""
    digest = hashlib.sha256(f"{models_hash()}{sources_hash()}{SETTINGS}{AGES}".encode())
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


@cache
def questions(by: str, ratings: str) -> tuple[Question, ...]:
    """Put every question of a kind; the flagship's own cluster first."""
    if by == "year":
        return tuple(
            origin_question(history(), each, ratings=ratings, years=AGES)  # type: ignore[arg-type]
            for each in origins()
        )
    asked = leaving_out_questions(history(), by=by, ratings=ratings, years=AGES)  # type: ignore[arg-type]
    return tuple(sorted(asked, key=lambda each: each.name != f"cluster {OWN_CLUSTER}"))


@cache
def origins() -> Any:
    return make_origins(history())


def run_refits(until: float, by: str, priors: str, ratings: str, jobs: int) -> None:
    """Ask what has not been asked yet, as many questions at a time as there are jobs."""
    chosen = read_priors(priors)
    told = {"kind": "refit", "by": by, "ratings": ratings, "priors": priors, "hash": chosen.hash}
    reference = reference_of(build(history(), chosen))
    refit_all(until, reference, questions(by, ratings), told, jobs)


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


# ---- tables -------------------------------------------------------------------------------------


def shown(by: str, ratings: str, priors: str) -> list[dict[str, Any]]:
    """Rows of one forecaster and one code: the newest that is whole, else that with most."""
    groups: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
    for row in every_row():
        if (row["by"], row["ratings"], row["priors"]) == (by, ratings, priors):
            groups.setdefault((row["code"], row["hash"]), {})[row["name"]] = row
    wanted = len(questions(by, ratings))
    whole = [rows for rows in groups.values() if len(rows) == wanted]
    return list((whole[-1] if whole else max(groups.values(), key=len, default={})).values())


@cache
def tests_of(by: str) -> tuple[Backtest, ...]:
    """Give the forecasters of which every group is there, and at every age."""
    return tuple(
        backtest_of(by, ratings, priors, rows)
        for priors in PRIORS
        for ratings in RATINGS
        for rows in [whole(by, ratings, priors)]
        if rows
    )


def backtest_of(by: str, ratings: str, priors: str, rows: list[dict[str, Any]]) -> Backtest:
    name = forecaster_name("breakdown", priors, ratings)
    order = {question.name: place for place, question in enumerate(questions(by, ratings))}
    rows = sorted(rows, key=lambda row: order[row["name"]])
    if by == "year":
        left = from_origins(origins(), rows, history(), years=AGES, name=name)
    else:
        left = left_out_from(rows, history(), by=by, years=AGES, name=name)  # type: ignore[arg-type]
    return Backtest(
        name=name, by=by, ratings=ratings, priors=priors, answers=tuple(rows), left_out=left
    )


def whole(by: str, ratings: str, priors: str) -> list[dict[str, Any]]:
    """Rows of a forecaster of which every group is there, and at every age; else none."""
    rows = shown(by, ratings, priors)
    there = len(rows) == len(questions(by, ratings))
    return rows if there and all(tuple(row["years"]) == AGES for row in rows) else []


def baselines(by: str) -> list[LeftOut]:
    if by == "year":
        return [
            baseline_by_year(each, origins(), history(), years=AGES, name=name)
            for name, each in PREDICTORS.items()
        ]
    spells, rows = history().spells, history().agreements
    return [
        leave_out(each, spells, rows, by=by, years=AGES, name=name)  # type: ignore[arg-type]
        for name, each in PREDICTORS.items()
    ]


def table_lines() -> Iterator[str]:
    yield from count_lines()
    for by in WAYS:
        tests = tests_of(by)
        if not tests:
            continue
        yield from (
            "",
            f"### Left out by {by}" if by != "year" else "### From days in the past",
            "",
        )
        yield from ("```text", *density_lines(tests), "```")
        every = [*baselines(by), *(test.left_out for test in tests), *stacks(tests)]
        yield from ("", *score_lines(by, every, "brier", ("breakdown",)))
        for score in SCORES:
            told = f"{score.capitalize()} scores of every rung"
            table = score_lines(by, every, score, RUNGS)
            yield from ("", f"<details><summary>{told}</summary>", "", *table, "", "</details>")
    yield from own_lines()


def score_lines(
    by: str, every: Sequence[LeftOut], score: str, rungs: Sequence[str]
) -> Iterator[str]:
    """Score all forecasters; from days in the past beside the constant hazard (origins.py)."""
    found = score_predictions(
        every,
        reference="constant" if by == "year" else "",
        score=score,
        rungs=rungs,
        years=YEARS,
        integrated=True,
    )
    yield from ("```text", *prediction_lines(found), "```")


def stacks(tests: Sequence[Backtest]) -> Iterator[LeftOut]:
    """Mix the prior sets of each version, each cluster by weights of the others."""
    for ratings in RATINGS:
        mine = [test for test in tests if test.ratings == ratings and test.by != "year"]
        if len(mine) > 1:
            name = f"stack of {len(mine)} prior sets, ratings {ratings}"
            yield stack_backtests(mine, name=name)


def count_lines() -> Iterator[str]:
    """Say how much of each forecaster is there, and of which code."""
    yield "| left out by | prior set | ratings | refits | of | diagnostics failed | code |"
    yield "|---|---|---|---:|---:|---:|---|"
    for by in WAYS:
        for priors in PRIORS:
            for ratings in RATINGS:
                rows = shown(by, ratings, priors)
                if rows or (by, priors) == ("cluster", "default"):
                    failed = sum(not row["verdict"]["ok"] for row in rows)
                    code = rows[0]["code"] if rows else ""
                    yield (
                        f"| {by} | {priors} | {ratings} | {len(rows)} | "
                        f"{len(questions(by, ratings))} | {failed} | {code} |"
                    )


def own_lines() -> Iterator[str]:
    """Report the flagship's own cluster by itself."""
    rows = [
        (priors, ratings, row)
        for priors in PRIORS
        for ratings in RATINGS
        for row in shown("cluster", ratings, priors)
        if row["name"] == f"cluster {OWN_CLUSTER}"
    ]
    if not rows:
        return
    yield from ("", f"### Without {OWN_CLUSTER}", "")
    yield "| prior set | ratings | agreement | years | breakdown | 90% | MCSE, points | verdict |"
    yield "|---|---|---|---:|---:|---|---:|---|"
    place = RUNGS.index("breakdown")
    for priors, ratings, row in rows:
        for j, name in enumerate(row["agreements"]):
            for years in YEARS:
                h = row["years"].index(years)
                ends = {side: row[side][j][place][h] for side in ("low", "high")}
                yield (
                    f"| {priors} | {ratings} | {name} | {number(years)} | "
                    f"{percent(row['mean'][j][place][h])} | {percent_range(ends)} | "
                    f"{100 * row['mcse'][j][place][h]:.2f} | "
                    f"{'passed' if row['verdict']['ok'] else 'FAILED'} |"
                )


def fast_table() -> Iterator[str]:
    """Weigh one fit of every prior set, and hold it against refits where there are any."""
    every = [(priors, weighed(priors)) for priors in PRIORS]
    for priors, found in every:
        yield from (f"{priors}:", *fast_lines(found), "")
        true = {
            name: density
            for row in shown("agreement", "seen", priors)
            for name, density in zip(row["agreements"], row["counted_log_density"], strict=True)
        }
        if true:
            apart = [
                abs(each - true[name])
                for name, each in zip(found.left_out.agreements, found.log_density, strict=True)
                if name in true
            ]
            yield f"Against {len(apart)} refits: log densities differ by at most {max(apart):.2f}."
            yield ""
    every_left = [*baselines("agreement"), *(each.left_out for _, each in every)]
    table = score_predictions(every_left, years=YEARS, integrated=True)
    yield from ("```text", *prediction_lines(table), "```")


def weighed(priors: str) -> FastLeftOut:
    fitted = fit(build(history(), read_priors(priors)), draws=1000, tune=600, chains=4, seed=1)
    return leave_out_fast(fitted, years=AGES, name=f"breakdown, {priors}, weighed")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=["refits", "years", "fast", "table"])
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--by", choices=get_args(By), default="cluster")
    parser.add_argument("--priors", choices=PRIORS, action="append")
    parser.add_argument("--ratings", choices=RATINGS, action="append")
    parser.add_argument("--jobs", type=int, default=1)
    asked = parser.parse_args(arguments)
    until = time.monotonic() + 60.0 * asked.minutes
    if asked.what in ("refits", "years"):
        by = "year" if asked.what == "years" else asked.by
        for priors in asked.priors or ("default",):
            for ratings in asked.ratings or RATINGS:
                run_refits(until, by, priors, ratings, asked.jobs)
    if asked.what == "fast":
        page.publish("fast", f"{page.setting()}\n\n" + "\n".join(fast_table()), PAGE)
    page.publish("backtests", f"{page.setting()}\n\n" + "\n".join(table_lines()), PAGE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
