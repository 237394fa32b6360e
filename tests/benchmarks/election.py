"""The forecast of the election against its result, and the model of votes against made-up worlds.

    uv run --no-sync python tests/benchmarks/election.py horizons
    uv run --no-sync python tests/benchmarks/election.py worlds 200
    uv run --no-sync python tests/benchmarks/election.py table

`horizons` forecasts the shipped case's election 12, 6, 3 and 1 months and 1 week before 7 June 2026
and scores it against the result beside naive baselines. `worlds` draws worlds from the prior with
the real polls' design and ranks the truth among the draws of a fit, one compilation for all. Rows
go to election.jsonl and are made once for the code that they were made with; `table` copies what is
there to docs/benchmarks.md.
"""

from __future__ import annotations

import ast
import hashlib
import json
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import page

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
ROWS = Path(__file__).with_suffix(".jsonl")
MODELS = page.ROOT / "models"
CUTOFFS = {
    "12 months": date(2025, 6, 7),
    "6 months": date(2025, 12, 7),
    "3 months": date(2026, 3, 7),
    "1 month": date(2026, 5, 7),
    "1 week": date(2026, 5, 31),
}
GROUPS = ("civil_contract", "armenia_alliance", "prosperous_armenia", "others")
"""What is scored at every horizon alike: lists that polls told of at all of them, and the rest."""

WORLD_DRAWS, WORLD_TUNE, KEPT = 600, 250, 100


def code_hash(*more: Path) -> str:
    """Hash of what decides a row; of code its syntax, so that layout and comments do not count."""
    digest = hashlib.sha256()
    priors = page.ROOT / "priors" / "election.toml"
    for path in (MODELS / "election.py", MODELS / "seats.py", priors, *more):
        text = path.read_text(encoding="utf-8")
        digest.update((ast.unparse(ast.parse(text)) if path.suffix == ".py" else text).encode())
    return digest.hexdigest()[:12]


def case_files() -> list[Path]:
    folder = page.ROOT / "durability" / "data" / "cases" / "armenia_azerbaijan"
    return [folder / name for name in ("polls.csv", "elections.csv", "election.toml")]


def rows(kind: str, code: str) -> list[dict[str, Any]]:
    if not ROWS.exists():
        return []
    found = [json.loads(line) for line in ROWS.read_text(encoding="utf-8").splitlines()]
    return [row for row in found if row["kind"] == kind and row["code"] == code]


def keep(row: dict[str, Any]) -> None:
    with ROWS.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


# Scores -------------------------------------------------------------------------------------


def crps(values: np.ndarray, truth: float) -> float:
    """Continuous ranked probability score of draws (Gneiting & Raftery 2007, §4.2).

    Of whole numbers it is the ranked probability score: the sum of (F(x) - 1[x >= truth])².
    """
    ordered = np.sort(np.asarray(values, dtype=float))
    n = len(ordered)
    spread = ((2 * np.arange(1, n + 1) - n - 1) * ordered).sum() / n**2
    return float(np.abs(ordered - truth).mean() - spread)


def energy(values: np.ndarray, truth: np.ndarray) -> float:
    """Energy score of vectors of draws, the second term over pairs of shuffled halves."""
    rng = np.random.default_rng(5)
    other = values[rng.permutation(len(values))]
    near = np.linalg.norm(values - truth, axis=1).mean()
    return float(near - 0.5 * np.linalg.norm(values - other, axis=1).mean())


def scored(seats: np.ndarray, majority: float, two_thirds: float) -> dict[str, float]:
    """Scores of draws of seats (draw, group) and of two chances, against the result."""
    truth = np.array([64.0, 12.0, 0.0, 29.0])
    found = {f"crps {g}": crps(seats[:, i], truth[i]) for i, g in enumerate(GROUPS)}
    found["energy"] = energy(seats, truth)
    for name, chance, happened in (("majority", majority, 1.0), ("two_thirds", two_thirds, 0.0)):
        found[f"brier {name}"] = (chance - happened) ** 2
        right = chance if happened else 1.0 - chance
        found[f"log {name}"] = -float(np.log(right)) if right > 0.0 else float("inf")
    return found


# Baselines ----------------------------------------------------------------------------------


def baselines(data: Any) -> Iterator[tuple[str, dict[str, float]]]:
    """Shares of valid votes by list, as one would say them without a model."""
    told = [p for p in data.polls if len(p.shares) >= 2]
    if told:
        last = told[-1]
        yield f"last poll ({last.id})", {key: last.among_named(key) for key in last.shares}
        recent = [p for p in told if (told[-1].middle - p.middle).days <= 180]
        keys = {key for p in recent for key in p.shares}
        mean = {
            key: float(np.mean([p.among_named(key) for p in recent if key in p.shares]))
            for key in keys
        }
        total = max(sum(mean.values()), 1.0)
        yield f"average of {len(recent)} polls", {k: v / total for k, v in mean.items()}
    previous = data.election.results[data.election.previous]
    yield "previous election", {key: each.share for key, each in previous.lists.items()}


def seats_of(data: Any, shares: dict[str, float]) -> dict[str, int]:
    from durability.catalogue import seat_arithmetic
    from durability.election_forecast import _seat_rule, _thresholds

    election = data.election
    keys = tuple(shares)
    made = seat_arithmetic().allocate(
        [shares[k] for k in keys], 1.0, _thresholds(election, keys), _seat_rule(election, "E2026")
    )
    return {k: int(n) for k, n in zip(keys, made.seats, strict=True)}


def grouped(seats: dict[str, int]) -> np.ndarray:
    named = [seats.get(key, 0) for key in GROUPS[:-1]]
    return np.array([[*named, sum(seats.values()) - sum(named)]], dtype=float)


def horizons() -> None:
    from durability.election_forecast import election_chances
    from durability.election_settings import read_election

    code = code_hash(*case_files())
    done = {row["horizon"] for row in rows("horizon", code)}
    election = read_election("armenia_azerbaijan")
    for horizon, cutoff in CUTOFFS.items():
        if horizon in done:
            continue
        began = time.monotonic()
        made = election_chances(election, cutoff=cutoff, seed=1)
        flat = made.seats.reshape((-1, made.seats.shape[-1])).astype(float)
        named = [flat[:, made.lists.index(g)] for g in GROUPS[:-1]]
        seats = np.stack([*named, flat.sum(1) - sum(named)], axis=1)
        chance = {name: made.chances[name]["mean"] for name in made.chances}
        base = {"kind": "horizon", "code": code, "horizon": horizon, "cutoff": str(cutoff)}
        keep(
            {
                **base,
                "polls": len(made.data.polls),
                "forecast": "model",
                "government": chance["government"],
                "majority": chance["majority"],
                "two_thirds": chance["two_thirds"],
                "seats": [float(q) for q in np.quantile(seats[:, 0], (0.05, 0.5, 0.95))],
                "verdict": made.verdict.ok,
                "reasons": list(made.verdict.reasons),
                "seconds": time.monotonic() - began,
                **scored(seats[::5], chance["majority"], chance["two_thirds"]),
            }
        )
        for name, shares in baselines(made.data):
            got = seats_of(made.data, shares)
            total, ours = sum(got.values()), got["civil_contract"]
            majority, two_thirds = float(2 * ours > total), float(3 * ours >= 2 * total)
            keep(
                {
                    **base,
                    "polls": len(made.data.polls),
                    "forecast": name,
                    "majority": majority,
                    "two_thirds": two_thirds,
                    "seats": [ours],
                    **scored(grouped(got), majority, two_thirds),
                }
            )
        sys.stdout.write(f"{horizon}: {time.monotonic() - began:.0f} s {made.verdict.reasons}\n")
        sys.stdout.flush()


# Worlds -------------------------------------------------------------------------------------


def worlds(count: int) -> None:
    import election_worlds as ew

    from durability.inference import Settings, compile_model, sample, with_data

    code = code_hash(Path(ew.__file__))
    done = {row["seed"] for row in rows("world", code)}
    model = ew.design()
    compiled = compile_model(model, free=ew.FREE)
    for seed in range(count):
        if seed in done:
            continue
        began = time.monotonic()
        truth, arrays = ew.world(model, seed)
        here = ew.with_world(model, arrays)
        settings = Settings(draws=WORLD_DRAWS, tune=WORLD_TUNE, chains=1, seed=seed + 1)
        tree = sample(with_data(compiled, arrays), here, settings)
        posterior = tree["posterior"].to_dataset()
        thin = WORLD_DRAWS // KEPT
        theta = {n: posterior[n].values[0, ::thin] for n in here.module.parameter_names(here.data)}
        diverged = int(tree["sample_stats"]["diverging"].values.sum())
        keep(
            {
                "kind": "world",
                "code": code,
                "seed": seed,
                "ranks": ew.ranks(here, truth, theta, seed),
                "divergences": diverged,
                "seconds": time.monotonic() - began,
            }
        )


# Tables -------------------------------------------------------------------------------------


def horizon_table() -> Iterator[str]:
    found = rows("horizon", code_hash(*case_files()))
    yield (
        "| before | polls known | forecast | governing list's seats | P(majority) | P(two thirds) "
        "| CRPS of its seats | mean CRPS | energy | Brier, majority | Brier, two thirds "
        "| log, majority | log, two thirds | verdict |"
    )
    yield "|---|---:|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---|"
    for row in found:
        mean = np.mean([row[f"crps {g}"] for g in GROUPS])
        seats = row["seats"]
        said = (
            f"{seats[1]:.0f} ({seats[0]:.0f}–{seats[2]:.0f})" if len(seats) == 3 else f"{seats[0]}"
        )
        logs = [row[f"log {n}"] for n in ("majority", "two_thirds")]
        told = ["∞" if value == float("inf") else f"{abs(value):.2f}" for value in logs]
        verdict = {True: "passed", False: "failed"}.get(row.get("verdict"), "")
        yield (
            f"| {row['horizon']} | {row['polls']} | {row['forecast']} | {said} "
            f"| {row['majority']:.2f} | {row['two_thirds']:.2f} "
            f"| {row['crps civil_contract']:.1f} | {mean:.1f} | {row['energy']:.1f} "
            f"| {row['brier majority']:.2f} | {row['brier two_thirds']:.2f} "
            f"| {told[0]} | {told[1]} | {verdict} |"
        )


def world_table() -> Iterator[str]:
    import election_worlds as ew
    from scipy import stats

    found = rows("world", code_hash(Path(ew.__file__)))
    yield f"{len(found)} worlds; divergences in {sum(r['divergences'] > 0 for r in found)} of them."
    yield ""
    yield "| quantity | mean rank | in the central half | Kolmogorov–Smirnov p | ten bins |"
    yield "|---|---:|---:|---:|---|"
    for name in found[0]["ranks"]:
        values = np.array([row["ranks"][name] for row in found])
        central = np.mean(np.abs(values - 0.5) < 0.25)
        p = stats.kstest(values, "uniform").pvalue
        bins = " ".join(map(str, np.histogram(values, bins=10, range=(0, 1))[0]))
        yield f"| {name} | {values.mean():.2f} | {central:.2f} | {p:.2f} | {bins} |"


def main() -> int:
    match sys.argv[1:]:
        case ["horizons"]:
            horizons()
        case ["worlds", count]:
            worlds(int(count))
        case ["table"]:
            page.publish("election", "\n".join([f"{page.setting()}\n", *horizon_table()]))
            page.publish("election_worlds", "\n".join([f"{page.setting()}\n", *world_table()]))
        case _:
            sys.stderr.write(f"{__doc__}\n")
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
