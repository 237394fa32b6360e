"""The contract of updates: weighted answers against refits, over many simulated streams of news.

    uv run --no-sync python tests/benchmarks/contract.py streams --minutes 60
    uv run --no-sync python tests/benchmarks/contract.py surprises --minutes 60
    uv run --no-sync python tests/benchmarks/contract.py flagship --minutes 30
    uv run --no-sync python tests/benchmarks/contract.py again --every 10 --minutes 20
    uv run --no-sync python tests/benchmarks/contract.py table

Each stream is a world drawn from the model's own prior: parameters, agreements and what became of
them, ratings, and news of a case that held. A fit to the world's start is then updated step by
step: an item inside the fitted months, a month with two items, an item that comes late, another
month, an item taken back, a third month. At one step, chosen at random, the weighted answer is
held against a refit to the same knowledge with at least 4,000 effective draws.

Surprises are streams whose new items do not come from the world: both coders rate them at one
extreme, toward one side that is drawn for the stream, and in some streams a count far from its
rate, ratings of the agreement by a coder not heard of before, or a rung that is reached come with
them. Weights should fail in many of them, and the ladder should say so.

The contract: of the answers that it calls good, 95 in 100 are kept; of those that are off by more
than the bound, fewer than 5 in 100 were called good. Once there are rows enough, breaking it is
exit status 1.

The flagship's real news is replayed month by month, each month weighed from the fit of the month
before and held against its own fit.

Rows are appended to ``contract.jsonl`` beside this file, one a stream or month, with the hash of
the code that made it; a run goes on where the last one stopped, and ``--every 2 --first 0`` and
``--every 2 --first 1`` can run side by side. Rows of other code stay valid for
the code that they name: the table shows the newest hash of which there are as many rows as wanted,
or else the one with most rows, and names it. Where the code has changed since, `again` makes some
of those streams anew without their refits, and the table tells how far the answers lie apart.
"""

from __future__ import annotations

import argparse
import hashlib
import inspect
import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import page
from scipy import stats

import durability
from durability import inference
from durability.agreements import Agreement, read_agreements
from durability.assembly import ModelData, assemble
from durability.calendar import add_months
from durability.cases import Case, Happened, Standing, read_case
from durability.catalogue import find_model
from durability.indicators import IndicatorWindow
from durability.inference import Fit, Model, Settings
from durability.news import NewsItem
from durability.reweighting import effective_draws, khat_most
from durability.updating import EFFECTIVE_LEAST, MONTHS_MOST, Update, revise
from durability.vocabulary import DAYS_PER_YEAR, DRIVERS, HORIZONS_MONTHS, RUNGS, STREAMS
from durability.weighing import Base, prepare

ROWS = Path(__file__).with_suffix(".jsonl")
SEED = 20261122
STREAMS_WANTED, SURPRISES_WANTED = 200, 100
AGREEMENTS, BASE_MONTHS, BASE_EVENTS = 16, 12, 24
STEPS = 6
GOLD_EFFECTIVE = 4000.0
BASE = Settings(draws=1000, tune=300, chains=4, seed=1)
GOLD = Settings(draws=1100, tune=300, chains=4, seed=2)
START = date(2025, 1, 1)
CODERS = ("a", "b")
TOLERANCE = 0.01

Arrays = dict[str, np.ndarray]


@cache
def code_hash() -> str:
    """Hash of all code that an answer depends on."""
    home = Path(durability.__file__).parent
    paths = [home / f"{name}.py" for name in MACHINE]
    paths += [home.parent / "priors" / "default.toml", home / "data" / "agreements.csv"]
    models = Path(str(find_model("breakdown").__file__)).parent
    paths += [models / f"{name}.py" for name in MATHEMATICS]
    settings = (SEED, AGREEMENTS, BASE_MONTHS, BASE_EVENTS, BASE, GOLD, GOLD_EFFECTIVE)
    made = "".join(inspect.getsource(each) for each in makers())
    digest = hashlib.sha256((repr(settings) + made).encode())
    for path in paths:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def makers() -> tuple[Any, ...]:
    """Give what of this file makes worlds and rows; the rest of it counts and prints."""
    streams = (cutoff_of, items_of, made_item, case_at, rows, World, one_stream)
    return (*streams, Surprise, surprise_of, SurprisedWorld, fitted, gold, compared, trust)


MACHINE = (
    *("units", "reweighting", "particles", "weighing", "updating"),
    *("simulation", "steps", "assembly", "ladder", "inference", "news_selection"),
)
MATHEMATICS = (
    *("breakdown", "conditions", "drivers", "hazard", "indicators", "marginals", "parameters"),
    "ratings",
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
        conditions=(),
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
        things, coders = arrays["reading_thing"], arrays["reading_coder"]
        for thing, coder, level in zip(things, coders, levels, strict=True):
            self.said[whole.coords["read"][thing], whole.coords["coder"][coder]] = int(level)
        # Items that a later step takes back were rated too.
        gone = {item.id for item in items_of(0)} - {item.id for item in items_of(STEPS)}
        for label in sorted(gone):
            for coder in CODERS:
                self.said[label, coder] = int(self.rng.integers(7))

    def _broke(self, data: ModelData) -> np.ndarray:
        return self.history["broke"][data.arrays["coding_row"]]

    def case_at(self, step: int) -> Case:
        """The case at a step."""
        return case_at(step)

    def at(self, step: int, more: tuple[NewsItem, ...] = ()) -> ModelData:
        """What is known of the world at a step, and of more items whose ratings are in `said`."""
        case = self.case_at(step)
        case = replace(case, news=(*case.news, *more))
        data = assemble(case, self.agreements, cutoff=cutoff_of(step))
        arrays = dict(data.arrays)
        for name in ("history_log_ages", "history_event", "history_years"):
            arrays[name] = self.history[name]
        arrays["coding_broke"] = self._broke(data)
        arrays["reading_level"] = np.array(
            [
                self.said[data.coords["read"][t], data.coords["coder"][c]]
                for t, c in zip(arrays["reading_thing"], arrays["reading_coder"], strict=True)
            ]
        )
        return replace(data, arrays=arrays)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surprise:
    """What comes upon a stream that its world did not make.

    Parameters
    ----------
    level : int
        Of every new rating: 0 or 6, the calmest or the most alarming of seven.
    count : int or None
        Of incidents in the last month before the stream's news, where there is such a count.
    coder : bool
        Whether a coder not heard of before rates the agreement.
    rung : str
        That is reached; empty for none.
    """

    level: int
    count: int | None
    coder: bool
    rung: str


def surprise_of(number: int) -> Surprise:
    """Draw a stream's surprise: a side, and with even chances what else comes with it."""
    rng = np.random.default_rng([SEED, number, 9])
    level, what = 6 * int(rng.integers(2)), int(rng.integers(6))
    return Surprise(
        level=level,
        count=(40 if level else 0) if what in (0, 1) else None,
        coder=what == 2,
        rung=("force", "fatal")[number % 2] if what == 3 else "",
    )


class SurprisedWorld(World):
    """A world as it is at the start, and news that did not come from it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.surprise = surprise_of(number)
        first = {item.id for item in items_of(0)}
        for label, coder in list(self.said):
            if label not in first and label.startswith("S"):
                self.said[label, coder] = self.surprise.level
        for driver in DRIVERS:
            self.said[f"{NEW_RATING}:{driver}", NEW_CODER] = self.surprise.level

    def case_at(self, step: int) -> Case:
        """The case with what came upon it; at the start it is that of any stream."""
        case, told = case_at(step), self.surprise
        if not step:
            return case
        if told.count is not None:
            case = replace(case, indicators=(_incidents(told.count),))
        if told.coder:
            zero, none = dict.fromkeys(DRIVERS, 0), dict.fromkeys(DRIVERS, "")
            rated = Standing(date=NEW_RATING, coder=NEW_CODER, ratings=zero, reasons=none)
            case = replace(case, standings=(*case.standings, rated))
        if told.rung:
            reached = Happened(rung=told.rung, date=NEW_RATING, why="made")
            case = replace(case, happened=(reached,))
        return case


NEW_CODER = "newcomer"
NEW_RATING = add_months(START, BASE_MONTHS - 1) + timedelta(days=9)


def _incidents(count: int) -> IndicatorWindow:
    first = add_months(START, BASE_MONTHS - 1)
    return IndicatorWindow(
        indicator="incidents",
        driver="trust",
        first=first,
        last=cutoff_of(0),
        count=count,
        exposure=1.0,
        known=cutoff_of(0),
        source="made",
        line=0,
    )


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


def every_row() -> list[dict[str, Any]]:
    """Rows of any code, oldest first."""
    if not ROWS.exists():
        return []
    return [json.loads(line) for line in ROWS.read_text(encoding="utf-8").splitlines() if line]


def done() -> list[dict[str, Any]]:
    """Rows of this code."""
    return [row for row in every_row() if row["code"] == code_hash()]


def shown(kind: str) -> list[dict[str, Any]]:
    """Rows of one kind and one code: the newest of which all are there, else that with most."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in every_row():
        if row["kind"] == kind:
            groups.setdefault(row["code"], []).append(row)
    whole = [rows for rows in groups.values() if len(rows) >= WANTED[kind]]
    return whole[-1] if whole else max(groups.values(), key=len, default=[])


def append(row: Mapping[str, Any]) -> None:
    with ROWS.open("a", encoding="utf-8") as file:
        file.write(json.dumps({**row, "code": code_hash()}, sort_keys=True) + "\n")


def one_stream(
    number: int, compiled: Compiled, kind: str = "stream", *, refit: bool = True
) -> dict[str, Any]:
    """Weigh a stream to one of its steps, and hold the answer against a refit."""
    world = World(number) if kind == "stream" else SurprisedWorld(number)
    step = int(np.random.default_rng([SEED, number, 1]).integers(1, STEPS + 1))
    settings = replace(BASE, seed=1000 + number)
    start = prepare(fitted(compiled, world.at(0), settings, world), rows=world.agreements)
    previous: Update | None = None
    began = time.perf_counter()
    for at in range(1, step + 1):
        previous = revise(start, world.at(at), previous=previous, move=False)
    assert previous is not None
    seconds = time.perf_counter() - began
    row = {"kind": kind, "number": number, "step": step, **trust(previous)}
    row["update_seconds"] = seconds / step
    if not refit:
        return {**row, "weighted": previous.table["breakdown"]["24"]["mean"]}
    # As if the ladder had gone on from what it did not trust: its answer is checked all the same.
    other, size = gold(compiled, world.at(step), world, 50_000 + number)
    return {**row, **compared(previous, other, size)}


def run_streams(until: float, numbers: Iterable[int], kind: str = "stream") -> None:
    compiled = Compiled()
    have = {row["number"] for row in done() if row["kind"] == kind}
    for number in numbers:
        if number in have:
            continue
        if time.monotonic() > until:
            return
        row = one_stream(number, compiled, kind)
        append(row)
        told = {name: row[name] for name in ("step", "kept", "weighted", "gold")}
        print(number, told, "good" if good(row) else "refit", flush=True)


def run_again(until: float, every: int, first: int) -> None:
    """Make some streams of an earlier code anew, without their refits."""
    compiled = Compiled()
    have = {(row["about"], row["number"]) for row in done() if row["kind"] == "again"}
    rows = [row for kind in ("stream", "surprise") for row in shown(kind)]
    rows.sort(key=lambda row: (row["kind"], row["number"]))
    for row in rows[first::every]:
        told = (row["kind"], row["number"])
        if row["code"] == code_hash() or told in have:
            continue
        if time.monotonic() > until:
            return
        made = one_stream(row["number"], compiled, row["kind"], refit=False)
        apart = {name: _apart(made[name], row[name]) for name in ("weighted", "khat")}
        made |= {"kind": "again", "about": row["kind"], "of": row["code"], "apart": apart}
        append(made)
        print(*told, apart, flush=True)


def _apart(one: float | None, other: float | None) -> float | None:
    """Give the distance of two numbers; none where only one is there."""
    if one is None or other is None:
        return 0.0 if one is other else None
    return abs(one - other)


def run_flagship(until: float) -> None:
    case, priors = read_case("armenia_azerbaijan"), durability.read_priors("default")
    have = {row["cutoff"] for row in done() if row["kind"] == "flagship"}
    previous: Base | None = None
    day = add_months(case.deal.replace(day=1), 1) - timedelta(days=1)
    while day <= case.covered_until:
        following = add_months(day + timedelta(days=1), 1) - timedelta(days=1)
        needed = day.isoformat() not in have or following.isoformat() not in have
        if needed and time.monotonic() > until:
            return
        if needed:
            data = assemble(case, cutoff=day)
            base, size = flagship_gold(durability.build(data, priors))
            if previous is not None and day.isoformat() not in have:
                update = revise(previous, data, move=False)
                row = {"kind": "flagship", "cutoff": day.isoformat(), **trust(update)}
                row |= compared(update, base, size)
                row["items"] = len(data.used) - len(previous.particles.items)
                append(row)
                print(row, flush=True)
            previous = base
        else:
            previous = None
        day = following


def flagship_gold(model: Model) -> tuple[Base, float]:
    """Fit a month of the flagship until the probability has its effective draws."""
    draws = 1500
    while True:
        base = prepare(inference.fit(model, draws=draws, tune=600, chains=4, seed=1))
        size = effective_size(base)
        if size >= GOLD_EFFECTIVE or draws > 6000:
            return base, size
        draws *= 2


def judged(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows whose refit has the effective draws that make it a measure."""
    return [row for row in rows if row["gold_effective"] >= GOLD_EFFECTIVE]


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """What the contract promises, counted over rows that can be judged.

    Parameters
    ----------
    good, kept : int
        Rows called good, and those of them that kept to their refit.
    off, missed : int
        Rows off by more than the bound, and those of them that were called good.
    """

    good: int
    kept: int
    off: int
    missed: int

    def failures(self) -> list[str]:
        """Say which promise is broken, of those that rows enough speak of."""
        found = []
        if self.good >= FEWEST_GOOD and self.kept < KEPT_LEAST * self.good:
            found.append(f"{self.kept} of {self.good} called good were kept")
        if self.off >= FEWEST_OFF and self.missed >= MISSED_BELOW * self.off:
            found.append(f"{self.missed} of {self.off} that were off had been called good")
        return found


KEPT_LEAST, MISSED_BELOW = 0.95, 0.05
FEWEST_GOOD, FEWEST_OFF = 50, 20
"""Rows below which a promise is not yet judged."""


def criteria(rows: list[dict[str, Any]]) -> Criteria:
    """Count what the contract promises."""
    trusted = [row for row in judged(rows) if good(row)]
    off = [row for row in judged(rows) if not row["kept"]]
    return Criteria(
        good=len(trusted),
        kept=sum(row["kept"] for row in trusted),
        off=len(off),
        missed=sum(good(row) for row in off),
    )


def broken() -> list[str]:
    """Say which promises the rows shown break."""
    found = []
    for kind, name in KINDS.items():
        found += [f"{name}: {why}" for why in criteria(shown(kind)).failures()]
    return found


KINDS = {"stream": "streams", "surprise": "surprises", "flagship": "the flagship's months"}
WANTED = {"stream": STREAMS_WANTED, "surprise": SURPRISES_WANTED, "flagship": 10}


def table_lines() -> Iterator[str]:
    for kind in ("stream", "surprise"):
        rows = shown(kind)
        if rows:
            yield from stream_lines(rows, kind)
            yield ""
    months = sorted(shown("flagship"), key=lambda row: row["cutoff"])
    if months:
        yield from month_lines(months)
        yield ""
    yield from again_lines()
    told = "; ".join(broken()) or "nothing that rows enough speak of"
    yield f"Broken of the contract: {told}."


def again_lines() -> Iterator[str]:
    """Say how far answers of the newest code lie from those of the code shown."""
    code = next((row["code"] for row in shown("stream")), "")
    every = [row for row in every_row() if row["kind"] == "again" and row["of"] == code]
    rows = [row for row in every if row["code"] == every[-1]["code"]]
    if not rows:
        return
    answers, khats = (
        "more than any number" if None in values else f"{max(values):.1e}"
        for values in ([row["apart"][name] for row in rows] for name in ("weighted", "khat"))
    )
    yield (
        f"{len(rows)} of these streams made again by code {rows[0]['code']}, without their refits: "
        f"the weighted answers lie at most {answers} apart, the Pareto k {khats}."
    )
    yield ""


def criteria_line(rows: list[dict[str, Any]]) -> str:
    """Tell what the contract promises, each share with what it is a share of."""
    counts, left = criteria(rows), len(rows) - len(judged(rows))
    refit = f"their refit has fewer than {GOLD_EFFECTIVE:.0f} effective draws"
    out = f" {left} rows are left out: {refit}." if left else ""
    return (
        f"Called good: {counts.good}, of these kept {_share(counts.kept, counts.good)}. "
        f"Off by more than the bound: {counts.off}, of these called good (missed alarms) "
        f"{_share(counts.missed, counts.off)}. Called bad and kept (needless refits): "
        f"{sum(row['kept'] and not good(row) for row in judged(rows))}.{out}"
    )


def _share(part: int, whole: int) -> str:
    """Tell a share with its exact interval (Clopper and Pearson)."""
    if not whole:
        return f"{part} of {whole}"
    held = stats.binomtest(part, whole).proportion_ci(0.95)
    return (
        f"{part} of {whole} ({100 * part / whole:.0f} %, 95 % interval {100 * held.low:.0f} to "
        f"{100 * held.high:.0f})"
    )


def stream_lines(every: list[dict[str, Any]], kind: str = "stream") -> Iterator[str]:
    worlds = f"{AGREEMENTS} agreements, {BASE_EVENTS} events in {BASE_MONTHS} months"
    what = {"stream": "simulated streams", "surprise": "streams with a surprise"}[kind]
    told = f"{worlds}, up to 3 months more; code {every[0]['code']}, seed {SEED}"
    yield f"{len(every)} of {WANTED[kind]} {what} ({told}):"
    yield ""
    streams = judged(every)
    yield "| step | streams | called good | of these kept | largest difference, points | median k |"
    yield "|---|---:|---:|---:|---:|---:|"
    for step in [*range(1, STEPS + 1), None]:
        mine = [row for row in streams if step is None or row["step"] == step]
        trusted = [row for row in mine if good(row)]
        kept = [row for row in trusted if row["kept"]]
        if mine:
            apart = [100 * abs(row["weighted"] - row["gold"]) for row in trusted]
            khats = [row["khat"] for row in trusted if row["khat"] is not None]
            yield (
                f"| {STEP_NAMES[step]} | {len(mine)} | {len(trusted)} | {len(kept)} | "
                f"{f'{max(apart):.2f}' if apart else '–'} | "
                f"{f'{np.median(khats):.2f}' if khats else '–'} |"
            )
    yield ""
    yield criteria_line(every)


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
    code = months[0]["code"]
    yield f"The flagship's news, each month weighed from the fit of the month before; code {code}:"
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
    yield ""
    yield criteria_line(months)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=["streams", "surprises", "flagship", "again", "table"])
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--streams", type=int, default=STREAMS_WANTED)
    parser.add_argument("--every", type=int, default=1, help="take one stream in so many")
    parser.add_argument("--first", type=int, default=0, help="the first stream to take")
    asked = parser.parse_args(arguments)
    until = time.monotonic() + 60.0 * asked.minutes

    def numbers(most: int) -> range:
        return range(asked.first, min(asked.streams, most), asked.every)

    runs: dict[str, Callable[[], None]] = {
        "streams": lambda: run_streams(until, numbers(STREAMS_WANTED)),
        "surprises": lambda: run_streams(until, numbers(SURPRISES_WANTED), "surprise"),
        "flagship": lambda: run_flagship(until),
        "again": lambda: run_again(until, asked.every, asked.first),
        "table": lambda: None,
    }
    runs[asked.what]()
    page.publish("contract", f"{page.setting()}\n\n" + "\n".join(table_lines()))
    return 1 if broken() else 0


if __name__ == "__main__":
    sys.exit(main())
