"""The contract of updates: weighted answers against refits, over many simulated streams of news.

    uv run --no-sync python tests/benchmarks/contract.py streams --minutes 60
    uv run --no-sync python tests/benchmarks/contract.py flagship --minutes 30
    uv run --no-sync python tests/benchmarks/contract.py table

Each stream is a world drawn from the model's own prior: parameters, agreements and what became of
them, ratings, and news of a case that held. A fit to the world's start is then updated step by
step: an item inside the fitted months, a month with two items, an item that comes late, another
month, an item taken back, a third month. At one step, chosen at random, the weighted answer is
held against a refit to the same knowledge with at least 4,000 effective draws.

The flagship's real news is replayed month by month, each month weighed from the fit of the month
before and held against its own fit.

Rows are appended to ``contract.jsonl`` beside this file, one a stream or month, with the hash of
the code that made it; a run goes on where the last one stopped. Rows of other code are left in the
file and out of the table.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import page

import durability
from durability import inference
from durability.agreements import Agreement, read_agreements
from durability.assembly import ModelData, assemble
from durability.calendar import add_months
from durability.cases import Case, Standing, read_case
from durability.catalogue import find_model
from durability.inference import Fit, Model, Settings
from durability.news import NewsItem
from durability.reweighting import effective_draws, khat_most
from durability.updating import EFFECTIVE_LEAST, MONTHS_MOST, Update, revise
from durability.vocabulary import DAYS_PER_YEAR, DRIVERS, HORIZONS_MONTHS, RUNGS, STREAMS
from durability.weighing import Base, prepare

ROWS = Path(__file__).with_suffix(".jsonl")
SEED = 20261122
STREAMS_WANTED = 200
AGREEMENTS, BASE_MONTHS, BASE_EVENTS = 16, 12, 24
STEPS = 6
GOLD_EFFECTIVE = 4000.0
BASE = Settings(draws=1000, tune=300, chains=4, seed=1)
GOLD = Settings(draws=1100, tune=300, chains=4, seed=2)
START = date(2025, 1, 1)
CODERS = ("a", "b")
TOLERANCE = 0.01

Arrays = dict[str, np.ndarray]


def code_hash() -> str:
    """Hash of all code that an answer depends on."""
    home = Path(durability.__file__).parent
    paths = [home / f"{name}.py" for name in MACHINE]
    models = Path(str(find_model("breakdown").__file__)).parent
    paths += [models / f"{name}.py" for name in MATHEMATICS]
    digest = hashlib.sha256(repr((SEED, AGREEMENTS, BASE_MONTHS, BASE_EVENTS, BASE, GOLD)).encode())
    for path in paths:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


MACHINE = ("units", "reweighting", "particles", "weighing", "simulation")
MATHEMATICS = (
    *("breakdown", "drivers", "hazard", "indicators", "marginals", "parameters", "ratings"),
)


# ---- worlds -------------------------------------------------------------------------------------


def cutoff_of(step: int) -> date:
    """Days at which the steps stand: three months pass, at steps 2, 4 and 6."""
    return add_months(START, BASE_MONTHS + step // 2) - timedelta(days=1)


def items_of(step: int) -> list[NewsItem]:
    """The items of the stream's structure known at a step; their ratings are simulated."""
    days = (cutoff_of(0) - START).days
    spread = np.random.default_rng(SEED)
    found = [
        made_item(f"E{i:02d}", START + timedelta(days=int(d)), i)
        for i, d in enumerate(sorted(spread.integers(5, days, BASE_EVENTS)))
    ]
    inside = cutoff_of(0)
    more = {
        1: [made_item("S1", inside - timedelta(days=9), 2)],
        2: [made_item(f"S2{i}", cutoff_of(2) - timedelta(days=10 - 7 * i), i) for i in range(2)],
        3: [made_item("S3", inside - timedelta(days=70), 1, known=cutoff_of(2))],
        4: [made_item(f"S4{i}", cutoff_of(4) - timedelta(days=12 - 8 * i), 3 - i) for i in (0, 1)],
        5: [],
        6: [made_item(f"S6{i}", cutoff_of(6) - timedelta(days=20 - 8 * i), 2 * i) for i in (0, 1)],
    }
    for at in range(1, step + 1):
        found += more[at]
    return [each for each in found if not (step >= 5 and each.id == "E20")]


def made_item(name: str, day: date, place: int, known: date | None = None) -> NewsItem:
    return NewsItem(
        id=name,
        date=day,
        date_end=None,
        precision="day",
        known=day if known is None else known,
        known_assumed=False,
        driver=DRIVERS[place % 4],
        ratings=tuple((coder, 0) for coder in CODERS),
        salience=1,
        grade="ABC"[place % 3],
        event=name,
        actor="",
        status="occurred",
        statement="",
        source="made",
        publisher="",
        address="",
        note="",
        line=0,
    )


def case_at(step: int) -> Case:
    shipped = read_case("armenia_azerbaijan")
    zero = dict.fromkeys(DRIVERS, 0)
    return replace(
        shipped,
        grid_start=START,
        clock_start=START - timedelta(days=200),
        deal=START,
        covered_until=cutoff_of(0),
        observed_to=dict.fromkeys(STREAMS, cutoff_of(step)),
        happened=(),
        news=tuple(items_of(step)),
        indicators=(),
        standings=tuple(
            Standing(date=START, coder=coder, ratings=zero, reasons=dict.fromkeys(DRIVERS, ""))
            for coder in CODERS
        ),
        dyad="its pair",
        cluster="its own",
        excluded=(),
    )


def rows() -> tuple[Agreement, ...]:
    """Every fourth agreement of the core class lends its covariates, family and pair."""
    core = [row for row in read_agreements() if row.set == "core"]
    return tuple(core[:: len(core) // AGREEMENTS][:AGREEMENTS])


class World:
    """One draw of the prior, and everything simulated from it."""

    def __init__(self, number: int) -> None:
        self.rng = np.random.default_rng([SEED, number])
        self.said: dict[tuple[str, str], int] = {}
        self.priors = durability.read_priors("default")
        self.agreements = rows()
        whole = assemble(case_at(STEPS), self.agreements, cutoff=cutoff_of(STEPS))
        self.model = Model(name="breakdown", data=whole, priors=self.priors)
        self.module = find_model("breakdown")
        while True:  # a case that is to be followed has held
            self.theta = self.module.prior_draws(whole, self.priors.parameters, n=1, rng=self.rng)
            self.latent = self.module.latents(self.theta, self.model.arrays, np)
            held = self.module.holding(self.theta, self.latent, self.model.arrays, np).sum()
            if np.log(self.rng.random()) < held:
                break
        self.history = self._history(whole)
        self._write_ratings(whole)

    def _history(self, whole: ModelData) -> Arrays:
        """Simulate every agreement's outcome by inverting its accumulated hazard."""
        n = len(whole.coords["agreement"])
        ages = np.concatenate([[0.0], np.geomspace(1e-3, 50.0, 300)])
        scale = self.module.log_scales(self.theta, self.latent, self.model.arrays)[..., :-1, :]
        grid = []
        for age in ages:
            edges = np.log(np.maximum(np.array([0.0, age, age]), 1e-30))
            edges = np.broadcast_to(edges[:, None, None], (3, n, len(STREAMS)))
            grid.append(
                self.module.history_hazards(
                    self.theta, self.latent, self.model.arrays, edges, scale, np
                )[0][0]
            )
        total = np.array(grid)
        stop, event = np.zeros((n, 4)), np.zeros((n, 4))
        for j in range(n):
            limit = self.rng.uniform(3.0, 40.0)
            clock = [
                np.interp(self.rng.exponential(), total[:, j, k], ages, right=np.inf)
                for k in range(4)
            ]
            for k in range(4):
                over = [*clock[k:3], clock[3]] if k < 3 else clock[2:]
                first = min(*over, limit)
                stop[j, k] = np.floor(first * DAYS_PER_YEAR) / DAYS_PER_YEAR
                event[j, k] = float(first == clock[k])
        edges = np.array([np.zeros_like(stop), stop, stop + event / DAYS_PER_YEAR])
        broke = (event[:, 2:] * (stop[:, 2:] <= 10.0)).any(axis=1)
        return {
            "history_log_ages": np.log(np.maximum(edges, 1e-30)),
            "history_event": event,
            "history_years": stop.max(axis=1),
            "broke": np.append(broke, np.zeros(8)).astype(float),
        }

    def _write_ratings(self, whole: ModelData) -> None:
        """Simulate what every coder writes of every agreement, anchor and event."""
        arrays = {**self.model.arrays, "coding_broke": self._broke(whole)}
        levels = self.module.replicated_readings(self.theta, self.latent, arrays, self.rng)[0]
        own = arrays["reading_thing"] < len(arrays["coding_row"]) + len(arrays["event_month"])
        things, coders = arrays["reading_thing"][own], arrays["reading_coder"][own]
        for thing, coder, level in zip(things, coders, levels, strict=True):
            self.said[whole.coords["read"][thing], whole.coords["coder"][coder]] = int(level)
        # Items that a later step takes back were rated too.
        gone = {item.id for item in items_of(0)} - {item.id for item in items_of(STEPS)}
        for label in sorted(gone):
            for coder in CODERS:
                self.said[label, coder] = int(self.rng.integers(7))

    def _broke(self, data: ModelData) -> np.ndarray:
        return self.history["broke"][data.arrays["coding_row"]]

    def at(self, step: int, more: tuple[NewsItem, ...] = ()) -> ModelData:
        """What is known of the world at a step, and of more items whose ratings are in `said`."""
        case = case_at(step)
        case = replace(case, news=(*case.news, *more))
        data = assemble(case, self.agreements, cutoff=cutoff_of(step))
        arrays = dict(data.arrays)
        for name in ("history_log_ages", "history_event", "history_years"):
            arrays[name] = self.history[name]
        arrays["coding_broke"] = self._broke(data)
        arrays["reading_level"] = np.array(
            [
                self.said[data.coords["read"][t].removeprefix("noise:"), data.coords["coder"][c]]
                for t, c in zip(arrays["reading_thing"], arrays["reading_coder"], strict=True)
            ]
        )
        return replace(data, arrays=arrays)


# ---- fits ---------------------------------------------------------------------------------------


class Compiled:
    """One compilation for each shape of the data, kept for all worlds."""

    def __init__(self) -> None:
        self._kept: dict[tuple[Any, ...], Any] = {}

    def __call__(self, model: Model) -> Any:
        shape = tuple(sorted((name, array.shape) for name, array in model.arrays.items()))
        free = set(model.arrays) - model.module.UNREAD
        if shape not in self._kept:
            self._kept[shape] = inference.compile_model(model, free=free)
        compiled = self._kept[shape]
        held = {name: a for name, a in model.arrays.items() if name in compiled._shared_data}
        return inference.with_data(compiled, held)


def fitted(compiled: Compiled, data: ModelData, settings: Settings, world: World) -> Fit:
    model = Model(name="breakdown", data=data, priors=world.priors)
    tree = inference.sample(compiled(model), model, settings)
    return Fit(model=model, tree=tree, settings=settings, key="")


def gold(compiled: Compiled, data: ModelData, world: World, seed: int) -> tuple[Base, float]:
    """Refit until the probability has its effective draws."""
    settings = replace(GOLD, seed=seed)
    while True:
        base = prepare(fitted(compiled, data, settings, world), rows=world.agreements)
        size = effective_size(base)
        if size >= GOLD_EFFECTIVE or settings.draws > 8000:
            return base, size
        settings = replace(settings, draws=2 * settings.draws)


def effective_size(base: Base) -> float:
    chances = base.particles.ahead.chances[:, RUNGS.index("breakdown"), MONTHS_PLACE]
    return effective_draws(chances.reshape((base.particles.chains, -1)))


MONTHS_PLACE = HORIZONS_MONTHS.index(24)


def compared(update: Update, other: Base, size: float) -> dict[str, Any]:
    """Hold a weighted answer against a refit."""
    one, two = (table["breakdown"]["24"] for table in (update.table, other.table))
    apart = abs(one["mean"] - two["mean"])
    error = float(np.hypot(one["mcse"], two["mcse"]))
    return {
        "weighted": one["mean"],
        "weighted_mcse": one["mcse"],
        "gold": two["mean"],
        "gold_mcse": two["mcse"],
        "gold_effective": size,
        "before": update.before.table["breakdown"]["24"]["mean"],
        "kept": bool(apart <= TOLERANCE + 2.0 * error),
    }


def trust(update: Update) -> dict[str, Any]:
    parents = update.weighed.parents
    return {
        "months": update.weighed.months,
        "khat": parents.khat if parents.khat > -np.inf else None,
        "effective_size": parents.effective_size,
    }


# ---- runs ---------------------------------------------------------------------------------------


def good(row: Mapping[str, Any]) -> bool:
    """Whether the ladder trusts a row's weights."""
    return (
        row["months"] <= MONTHS_MOST
        and (row["khat"] or -np.inf) <= khat_most(BASE.draws * BASE.chains)
        and row["effective_size"] >= EFFECTIVE_LEAST
    )


def done() -> list[dict[str, Any]]:
    """Rows of this code."""
    if not ROWS.exists():
        return []
    every = [json.loads(line) for line in ROWS.read_text(encoding="utf-8").splitlines() if line]
    return [row for row in every if row["code"] == code_hash()]


def append(row: Mapping[str, Any]) -> None:
    with ROWS.open("a", encoding="utf-8") as file:
        file.write(json.dumps({**row, "code": code_hash()}, sort_keys=True) + "\n")


def one_stream(number: int, compiled: Compiled) -> dict[str, Any]:
    world = World(number)
    step = int(np.random.default_rng([SEED, number, 1]).integers(1, STEPS + 1))
    settings = replace(BASE, seed=1000 + number)
    start = prepare(fitted(compiled, world.at(0), settings, world), rows=world.agreements)
    previous: Update | None = None
    began = time.perf_counter()
    for at in range(1, step + 1):
        previous = revise(start, world.at(at), previous=previous, move=False)
    assert previous is not None
    seconds = time.perf_counter() - began
    row = {"kind": "stream", "number": number, "step": step, **trust(previous)}
    row["update_seconds"] = seconds / step
    # As if the ladder had gone on from what it did not trust: its answer is checked all the same.
    other, size = gold(compiled, world.at(step), world, 50_000 + number)
    return {**row, **compared(previous, other, size)}


def run_streams(until: float, wanted: int) -> None:
    compiled = Compiled()
    have = {row["number"] for row in done() if row["kind"] == "stream"}
    for number in range(wanted):
        if number in have:
            continue
        if time.monotonic() > until:
            return
        row = one_stream(number, compiled)
        append(row)
        told = {name: row[name] for name in ("step", "kept", "weighted", "gold")}
        print(number, told, "good" if good(row) else "refit", flush=True)


def run_flagship(until: float) -> None:
    case, priors = read_case("armenia_azerbaijan"), durability.read_priors("default")
    have = {row["cutoff"] for row in done() if row["kind"] == "flagship"}
    settings: dict[str, Any] = {"draws": 1500, "tune": 600, "chains": 4, "seed": 1}
    previous: Base | None = None
    day = add_months(case.deal.replace(day=1), 1) - timedelta(days=1)
    while day <= case.covered_until:
        following = add_months(day + timedelta(days=1), 1) - timedelta(days=1)
        needed = day.isoformat() not in have or following.isoformat() not in have
        if needed and time.monotonic() > until:
            return
        if needed:
            data = assemble(case, cutoff=day)
            fit = inference.fit(durability.build(data, priors), **settings)
            base = prepare(fit)
            if previous is not None and day.isoformat() not in have:
                update = revise(previous, data, move=False)
                row = {"kind": "flagship", "cutoff": day.isoformat(), **trust(update)}
                row |= compared(update, base, effective_size(base))
                row["items"] = len(data.used) - len(previous.particles.items)
                append(row)
                print(row, flush=True)
            previous = base
        else:
            previous = None
        day = following


def table_lines() -> Iterator[str]:
    found = done()
    streams = [row for row in found if row["kind"] == "stream"]
    months = sorted(
        (row for row in found if row["kind"] == "flagship"), key=lambda row: row["cutoff"]
    )
    yield f"Code {code_hash()} (rows of it alone), seed {SEED}."
    yield ""
    if streams:
        yield from stream_lines(streams)
    if months:
        yield ""
        yield from month_lines(months)


def stream_lines(streams: list[dict[str, Any]]) -> Iterator[str]:
    worlds = f"{AGREEMENTS} agreements, {BASE_EVENTS} events in {BASE_MONTHS} months"
    yield f"{len(streams)} of {STREAMS_WANTED} simulated streams ({worlds}, up to 3 months more):"
    yield ""
    yield "| step | streams | called good | of these kept | largest difference, points | median k |"
    yield "|---|---:|---:|---:|---:|---:|"
    for step in [*range(1, STEPS + 1), None]:
        mine = [row for row in streams if step is None or row["step"] == step]
        trusted = [row for row in mine if good(row)]
        kept = [row for row in trusted if row["kept"]]
        if mine:
            apart = max((abs(r["weighted"] - r["gold"]) for r in trusted), default=0.0)
            khat = np.median([r["khat"] for r in trusted if r["khat"] is not None] or [np.nan])
            yield (
                f"| {STEP_NAMES[step]} | {len(mine)} | {len(trusted)} | {len(kept)} | "
                f"{100 * apart:.2f} | {khat:.2f} |"
            )
    bad = [row for row in streams if not good(row)]
    off = [row for row in bad if not row["kept"]]
    yield ""
    yield f"Of {len(bad)} that the ladder would refit, {len(off)} were off by more than the bound."


STEP_NAMES: Mapping[int | None, str] = {
    1: "an item inside the fitted months",
    2: "a month with two items",
    3: "an item that comes late",
    4: "a second month",
    5: "an item taken back",
    6: "a third month",
    None: "all",
}


def month_lines(months: list[dict[str, Any]]) -> Iterator[str]:
    yield "The flagship's news, each month weighed from the fit of the month before:"
    yield ""
    yield "| month | items | was | weighed | refit | k | effective draws | good | kept |"
    yield "|---|---:|---:|---:|---:|---:|---:|---|---|"
    for row in months:
        one, two = (
            f"{100 * row[name]:.2f} ± {100 * row[name + '_mcse']:.2f}"
            for name in ("weighted", "gold")
        )
        khat = "–" if row["khat"] is None else f"{row['khat']:.2f}"
        yield (
            f"| {row['cutoff'][:7]} | {row['items']} | {100 * row['before']:.2f} | {one} | {two} | "
            f"{khat} | {row['effective_size']:.0f} | {'yes' if good(row) else 'no'} | "
            f"{'yes' if row['kept'] else 'NO'} |"
        )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=["streams", "flagship", "table"])
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--streams", type=int, default=STREAMS_WANTED)
    asked = parser.parse_args(arguments)
    until = time.monotonic() + 60.0 * asked.minutes
    runs: dict[str, Callable[[], None]] = {
        "streams": lambda: run_streams(until, asked.streams),
        "flagship": lambda: run_flagship(until),
        "table": lambda: None,
    }
    runs[asked.what]()
    page.publish("contract", f"{page.setting()}\n\n" + "\n".join(table_lines()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
