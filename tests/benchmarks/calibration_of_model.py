"""Simulation-based calibration of the whole model: truths ranked among the draws of real fits.

    uv run --no-sync python tests/benchmarks/calibration_of_model.py run --jobs 2 --minutes 60
    uv run --no-sync python tests/benchmarks/calibration_of_model.py table

Each world (`made_worlds.py`) is a draw from the priors with everything that follows from it. The
model is fitted to what is seen of it, by the real sampler through one compilation a process, and
every truth is ranked among draws thinned to their effective number. If prior, likelihood, sampler
and forecast agree, ranks are uniform (Talts et al. 2018, arXiv:1804.06788; Modrák et al. 2023,
doi:10.1214/23-BA1404, for quantities that depend on the data: the log-likelihoods here).

Of a probability, what is ranked is the functional of unknowns that a forecast averages: a draw's
parameters, its drivers at the cutoff and one path ahead of them give a chance. The truth's is
computed in the world, along a path of its own; each draw's by the library's forecast. Where a rung
has been reached its chance is one in all draws: nothing is ranked then.

Ranks are uniform on 0 to L, with L as the effective draws of the quantity allow; a random place
inside the rank makes them continuous, so that ranks of different L stand on one scale. Bands that
hold the whole curve of a uniform sample are those of Säilynoja, Bürkner & Vehtari 2022
(doi:10.1007/s11222-022-10090-6), by ArviZ.

Rows are appended to ``calibration_of_model.jsonl`` beside this file, one a world, with the hash of
the code that made it; a run goes on where the last one stopped. Rows of other code are left out of
the table. Exit status 1 where a curve leaves the band that is drawn for all quantities together.
"""

from __future__ import annotations

import argparse
import hashlib
import inspect
import json
import multiprocessing
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import made_worlds
import numpy as np
import page

import durability
from durability import inference
from durability.catalogue import find_model
from durability.inference import Model, Settings
from durability.prior_sets import PriorSet
from durability.simulation import carried, incidences, monthly_normals
from durability.vocabulary import COVARIATES, DRIVERS, GRADES, RUNGS, STREAMS

ROWS = Path(__file__).with_suffix(".jsonl")
FIGURE = page.ROOT / "docs" / "calibration_of_model.png"
WANTED = 300
SETTINGS = Settings(draws=500, tune=300, chains=1, seed=1)
KEPT = (99, 49, 19)
"""Draws that a truth is ranked among: as many as the effective draws allow."""
HORIZONS = (24, 60)
FAMILY_PROBABILITY = 0.95
"""That no quantity of all leaves its band, if all are calibrated (and as if independent)."""
LEVELS = (0.5, 0.8, 0.95)

MACHINE = ("inference", "assembly", "ladder", "simulation", "news_selection", "steps")
MATHEMATICS = (
    *("breakdown", "conditions", "drivers", "hazard", "indicators", "parameters", "ratings"),
)


@cache
def code_hash() -> str:
    """Hash of all code that a row depends on."""
    home = Path(durability.__file__).parent
    models = Path(str(find_model("breakdown").__file__)).parent
    paths = [Path(made_worlds.__file__), home.parent / "priors" / "default.toml"]
    paths += [home / f"{name}.py" for name in MACHINE]
    paths += [models / f"{name}.py" for name in MATHEMATICS]
    makers = (Compiled, fitted, one_world, ranked, values_of, forecast_of, likelihoods_of)
    made = "".join(inspect.getsource(each) for each in makers)
    digest = hashlib.sha256((repr((SETTINGS, KEPT, HORIZONS)) + made).encode())
    for path in paths:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


# ---- quantities -----------------------------------------------------------------------------


def _labelled(name: str, *labels: tuple[str, ...]) -> list[str]:
    found = [name]
    for each in labels:
        found = [f"{before} {label}" for before in found for label in each]
    return found


@cache
def parts() -> Mapping[str, tuple[str, ...]]:
    """Names of what is ranked, by the part of the model that they belong to."""
    coords = made_worlds.design_data().coords
    pairs = tuple(f"{a}–{b}" for i, a in enumerate(DRIVERS) for b in DRIVERS[:i])
    terms = ("outcomes", "codings", "events", "counts", "holding", "all")
    found = {
        "effects β": _labelled("β", STREAMS, DRIVERS),
        "effects, pooled": [*_labelled("mean β", DRIVERS), "spread of β"],
        "hazards": [
            *_labelled("intercept", STREAMS),
            *_labelled("shape", STREAMS),
            "typical shape",
            "spread of shapes",
            *_labelled("log hazard of the case", STREAMS),
        ],
        "covariates γ": _labelled("γ", COVARIATES),
        "frailties": ["cluster scale", "dyad scale", "the case's cluster", "the case's dyad"],
        "drivers": [
            *("ρ", "half-life"),
            *_labelled("correlation", pairs),
            *_labelled("last month", DRIVERS),
            *_labelled("standing", DRIVERS),
            *_labelled("first agreement", DRIVERS),
        ],
        "ratings": [
            "ρ_Δ",
            *_labelled("κ", coords["coder"]),
            *_labelled("gap", coords["gap"]),
            *_labelled("location", coords["location"]),
            *_labelled("σ", GRADES),
            *_labelled("noise", GRADES),
        ],
        "indicators": ["count level", "count slope", "count dispersion"],
        "forecast": [f"P({rung}) {h} months" for h in HORIZONS for rung in RUNGS],
        "log-likelihood": _labelled("log-likelihood", terms),
    }
    return {part: tuple(names) for part, names in found.items()}


@cache
def quantities() -> tuple[str, ...]:
    """Names of everything ranked, in the order of :func:`values_of`."""
    return tuple(name for names in parts().values() for name in names)


def values_of(theta: Mapping[str, np.ndarray], meaning: Mapping[str, np.ndarray]) -> np.ndarray:
    """Everything that does not depend on the data: array (draw, quantity).

    Parameters
    ----------
    theta : mapping
        Free parameters, each (draw, …).
    meaning : mapping
        As :class:`made_worlds.World` has it, each (draw, …).
    """
    coords, arrays = made_worlds.design_data().coords, made_worlds.design_data().arrays
    cluster = arrays["row_cluster"][-1]
    dyad = arrays["row_dyad"][-1] - len(coords["cluster"])
    lower = np.tril_indices(4, -1)
    eta = meaning["log_scale"][:, -1] + np.einsum(
        "nkd,nd->nk", meaning["effects"], meaning["path"][:, -1]
    )
    columns = [
        meaning["effects"],
        *(theta["effect_mean"], theta["effect_spread"]),
        *(theta["intercept"], meaning["shapes"], theta["shape"], theta["shape_spread"], eta),
        theta["covariate_effect"],
        *(theta["cluster_sd"], theta["dyad_sd"]),
        theta["cluster_sd"] * theta["cluster_raw"][:, cluster],
        theta["dyad_sd"] * theta["dyad_raw"][:, dyad],
        *(theta["persistence"], theta["half_life_months"]),
        meaning["correlation"][:, lower[0], lower[1]],
        *(meaning["path"][:, -1], meaning["standing"], meaning["standings"][:, 0]),
        *(theta["level_change"], theta["discrimination"], theta["cutpoint_gap"]),
        *(theta["cutpoint_location"], meaning["event_sd"], theta["noise"]),
        *(theta[f"indicator_{name}"] for name in ("intercept", "slope", "dispersion")),
    ]
    return np.concatenate([each.reshape((len(eta), -1)) for each in columns], axis=1)


def forecast_of(
    model: Model, theta: Mapping[str, np.ndarray], latent: Any, seed: int
) -> np.ndarray:
    """The library's chances, draw by draw: array (draw, horizon × rung); reached rungs are NaN."""
    normals = monthly_normals(len(theta["intercept"]), months=max(HORIZONS), seed=seed)
    future = carried(model, theta, latent, normals, seed=seed)
    rungs = incidences(future.increments, future.happened)
    reached = {*future.happened} & set(RUNGS)
    columns = [
        np.full(len(normals), np.nan) if rung in reached else rungs[rung][:, h - 1]
        for h in HORIZONS
        for rung in RUNGS
    ]
    return np.stack(columns, axis=1)


def likelihoods_of(model: Model, theta: Mapping[str, np.ndarray], latent: Any) -> np.ndarray:
    """Log-likelihood by kind of data, and of all: array (draw, kind)."""
    terms = model.module.log_likelihoods(theta, latent, model.arrays, np)
    kinds = ("outcomes", "codings", "events", "counts", "holding")
    sums = np.stack([terms[kind].sum(axis=-1) for kind in kinds], axis=1)
    return np.concatenate([sums, sums.sum(axis=1, keepdims=True)], axis=1)


# ---- fits -----------------------------------------------------------------------------------


class Compiled:
    """One compilation for all worlds of one prior set."""

    def __init__(self) -> None:
        self._kept: Any = None

    def __call__(self, model: Model) -> Any:
        if self._kept is None:
            free = set(model.arrays) - model.module.UNREAD
            self._kept = inference.compile_model(model, free=free)
        held = {n: a for n, a in model.arrays.items() if n in self._kept._shared_data}
        return inference.with_data(self._kept, held)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """Draws of a fit: everything ranked, (chain, draw, quantity), and its divergences."""

    values: np.ndarray
    divergences: int


def fitted(compiled: Compiled, model: Model, settings: Settings) -> Drawn:
    """Fit a world and compute everything ranked for every draw."""
    trace = inference.sample_trace(compiled(model), settings)
    posterior = trace["posterior"].to_dataset()
    theta = {}
    for name in model.module.parameter_names(model.data):
        values = posterior[name].values
        theta[name] = values.reshape((-1, *values.shape[2:]))
    latent = model.module.latents(theta, model.arrays, np)
    meaning = {
        "effects": latent["effects"],
        "shapes": latent["shapes"],
        "path": latent["pressure"],
        "standing": latent["standing"],
        "standings": latent["history_standing"],
        "event_sd": latent["event_sd"],
        "log_scale": model.module.log_scales(theta, latent, model.arrays),
        "correlation": model.module.describe(theta, model.arrays)["correlation"][1],
    }
    parts = [
        values_of(theta, meaning),
        forecast_of(model, theta, latent, settings.seed),
        likelihoods_of(model, theta, latent),
    ]
    values = np.concatenate(parts, axis=1)
    return Drawn(
        values=values.reshape((settings.chains, settings.draws, -1)),
        divergences=int(trace["sample_stats"]["diverging"].values.sum()),
    )


def truth_of(world: made_worlds.World, model: Model) -> np.ndarray:
    """Everything ranked, of the truth: array (quantity,)."""
    theta = {name: values[None] for name, values in world.theta.items()}
    meaning = {name: values[None] for name, values in world.meaning.items()}
    latent = model.module.latents(theta, model.arrays, np)
    chances = world.chances[[h - 1 for h in HORIZONS]].ravel()
    likelihoods = likelihoods_of(model, theta, latent)[0]
    return np.concatenate([values_of(theta, meaning)[0], chances, likelihoods])


def ranked(truth: np.ndarray, values: np.ndarray, rng: np.random.Generator) -> dict[str, Any]:
    """Rank truths among draws thinned to their effective number.

    Parameters
    ----------
    truth : array (quantity,)
    values : array (chain, draw, quantity)

    Returns
    -------
    dict
        Lists in the order of the quantities: ``rank``, ``of`` (draws kept, 0 where nothing is
        ranked), ``place`` (random, inside the rank) and ``below`` (share of all draws below the
        truth, in ten thousandths); and ``effective``, the least number of effective draws.
    """
    from arviz_stats.base import array_stats

    flat = values.reshape((-1, values.shape[-1]))
    found: dict[str, Any] = {"rank": [], "of": [], "place": [], "below": []}
    sizes = []
    for q, true in enumerate(truth):
        place = round(float(rng.random()), 4)
        column = values[:, :, q]
        if np.isnan(column).any():
            size, rank, kept, below = 0.0, 0, 0, 0.0
        else:
            size = float(array_stats.ess(column, chain_axis=0, draw_axis=1, method="bulk"))
            sizes.append(size)
            kept = next((n for n in KEPT if n <= size), KEPT[-1])
            chosen = np.linspace(0, len(flat) - 1, kept).round().astype(int)
            rank, below = int((flat[chosen, q] < true).sum()), float((flat[:, q] < true).mean())
        found["rank"].append(rank)
        found["of"].append(kept)
        found["place"].append(place)
        found["below"].append(round(1e4 * below))
    return {**found, "effective": round(min(sizes), 1)}


def one_world(
    number: int, compiled: Compiled, priors: PriorSet, settings: Settings = SETTINGS, **how: bool
) -> dict[str, Any]:
    """Make a world, fit it, and rank what is true of it."""
    began, spent = time.perf_counter(), time.process_time()
    world = made_worlds.made_world(number, priors, **how)
    model = Model(name="breakdown", data=world.data, priors=priors)
    own = Settings(
        draws=settings.draws, tune=settings.tune, chains=settings.chains, seed=1000 + number
    )
    drawn = fitted(compiled, model, own)
    truth = truth_of(world, model)
    ahead = [quantities().index(f"P({rung}) 24 months") for rung in RUNGS]
    mean = drawn.values[:, :, ahead].mean(axis=(0, 1))
    return {
        "number": number,
        **ranked(truth, drawn.values, np.random.default_rng([number, 3])),
        "happened": [each.rung for each in world.data.case.happened],
        "drawn": world.drawn,
        "divergences": drawn.divergences,
        "forecast": [None if np.isnan(p) else round(float(p), 5) for p in mean],
        "true_chance": [round(float(p), 5) for p in truth[ahead]],
        "seconds": round(time.perf_counter() - began, 2),
        "processor": round(time.process_time() - spent, 2),
    }


# ---- runs -----------------------------------------------------------------------------------


def every_row() -> list[dict[str, Any]]:
    """Rows of this code, by number."""
    if not ROWS.exists():
        return []
    lines = ROWS.read_text(encoding="utf-8").splitlines()
    found = [json.loads(line) for line in lines if line]
    return sorted((row for row in found if row["code"] == code_hash()), key=_number)


def _number(row: Mapping[str, Any]) -> int:
    return int(row["number"])


def append(row: Mapping[str, Any]) -> None:
    """Add a row in one write, which processes that append at once do not mix."""
    line = json.dumps({**row, "code": code_hash()}, sort_keys=True, separators=(",", ":"))
    with ROWS.open("ab", buffering=0) as file:
        file.write(line.encode() + b"\n")


def run_part(part: int, jobs: int, wanted: int, seconds: float) -> None:
    """Fit every `jobs`-th world that is still missing, until time is up."""
    until = time.monotonic() + seconds
    have = {row["number"] for row in every_row()}
    priors, compiled = durability.read_priors("default"), Compiled()
    for number in range(part, wanted, jobs):
        if number in have:
            continue
        if time.monotonic() > until:
            return
        row = one_world(number, compiled, priors)
        append(row)
        told = f"{number}: {row['seconds']} s, least effective {row['effective']}"
        sys.stdout.write(f"{told}, divergences {row['divergences']}\n")
        sys.stdout.flush()


def run(jobs: int, wanted: int, minutes: float) -> None:
    """Fit worlds in several processes, each with a compilation of its own."""
    # Threads of JAX do not survive a fork.
    context = multiprocessing.get_context("spawn")
    asked = [(part, jobs, wanted, 60.0 * minutes) for part in range(jobs)]
    processes = [context.Process(target=run_part, args=each) for each in asked]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    if any(process.exitcode for process in processes):
        raise SystemExit(2)


# ---- judging --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """The distribution of one quantity's ranks.

    Parameters
    ----------
    name : str
    places : ndarray (world,)
        Ranks on (0, 1), uniform where all is well.
    below : ndarray (world,)
        Share of all draws below the truth.
    p : float
        Of ArviZ's test of uniformity (``pot_c``).
    leaves, leaves_family : bool
        Whether the curve leaves the 95 % band of its own, and the band for all quantities.
    """

    name: str
    places: np.ndarray
    below: np.ndarray
    p: float
    leaves: bool
    leaves_family: bool


def curves(rows: Sequence[Mapping[str, Any]]) -> dict[str, Curve]:
    """Give every quantity's curve, by its name; rows in which it was not ranked are left out."""
    from arviz_stats.base import array_stats

    ranks, kept, inside, below = (
        np.array([row[name] for row in rows], dtype=float)
        for name in ("rank", "of", "place", "below")
    )
    found = {}
    family = FAMILY_PROBABILITY ** (1.0 / len(quantities()))
    for q, name in enumerate(quantities()):
        use = kept[:, q] > 0
        places = (ranks[use, q] + inside[use, q]) / (kept[use, q] + 1.0)
        found[name] = Curve(
            name=name,
            places=places,
            below=below[use, q] / 1e4,
            p=float(array_stats.uniformity_test(places, method="pot_c")[0]),
            leaves=_leaves(places, 0.95),
            leaves_family=_leaves(places, family),
        )
    return found


@cache
def band(count: int, probability: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places, and the simultaneous band of the curve of so many uniform numbers."""
    from arviz_stats.ecdf_utils import ecdf_pit

    # Enough simulations that some hundred lie beyond the band.
    simulations = int(min(max(1000, 20 / (1.0 - probability)), 40_000))
    even = np.linspace(0.0, 1.0, count)
    rng = np.random.default_rng(1)
    places, _, low, high = ecdf_pit(even, probability, simulations, rng=rng)
    return places, low, high


def _leaves(places: np.ndarray, probability: float) -> bool:
    from arviz_stats.ecdf_utils import compute_ecdf

    at, low, high = band(len(places), probability)
    curve = compute_ecdf(places, at)
    inner = slice(1, -1)
    return bool(((curve < low - 1e-9) | (curve > high + 1e-9))[inner].any())


def coverage(found: Sequence[Curve], level: float) -> tuple[float, float]:
    """Share of central intervals that hold the truth, and its Monte Carlo error over worlds.

    By ranks: an interval between two of a few draws is short on average, whatever they are draws
    of, and a rank with a random place inside it is not.
    """
    inside = [np.abs(each.places - 0.5) <= level / 2.0 for each in found]
    share = float(np.concatenate(inside).mean())
    # Quantities of one world go together: worlds are what is independent.
    shortest = min(len(each) for each in inside)
    by_world = np.mean([each[:shortest] for each in inside], axis=0)
    return share, float(by_world.std(ddof=1) / np.sqrt(shortest))


# ---- the page -------------------------------------------------------------------------------


def table_lines(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Write what the page says."""
    found = curves(rows)
    processor = np.median([row["processor"] for row in rows])
    diverged = sum(row["divergences"] > 0 for row in rows)
    drawn = np.mean([row["drawn"] for row in rows])
    reached = sum(bool(row["happened"]) for row in rows)
    least = np.min([row["effective"] for row in rows])
    yield (
        f"{len(rows)} of {WANTED} worlds, code {code_hash()}; {made_worlds.AGREEMENTS} agreements, "
        f"{made_worlds.EVENTS} events; {SETTINGS.chains} chain of {SETTINGS.draws} draws after "
        f"{SETTINGS.tune}; {processor:.0f} processor seconds a world (median). Worlds drawn until "
        f"one was kept: {drawn:.1f} on average. A rung had been reached in {reached}; divergences "
        f"in {diverged}; fewest effective draws of any quantity {least:.0f}."
    )
    yield ""
    yield (
        "| part | quantities | outside their 95 % band | least p | 50 % intervals | 80 % | 95 % |"
    )
    yield "|---|---:|---:|---|---:|---:|---:|"
    for part, names in (*parts().items(), ("all", quantities())):
        mine = [found[name] for name in names]
        worst = min(mine, key=lambda each: each.p)
        held = " | ".join(_percent(*coverage(mine, level)) for level in LEVELS)
        outside = sum(each.leaves for each in mine)
        yield f"| {part} | {len(mine)} | {outside} | {worst.p:.3f} ({worst.name}) | {held} |"
    yield ""
    yield from _chance_lines(rows)
    outside = [each for each in found.values() if each.leaves]
    beyond = [each.name for each in found.values() if each.leaves_family]
    yield ""
    told = ", ".join(f"{each.name} (p {each.p:.3f})" for each in outside) or "none"
    yield f"Outside their own 95 % band: {told}. About {0.05 * len(found):.0f} would be by chance."
    yield ""
    yield f"Outside the band for all {len(found)} together: {', '.join(beyond) or 'none'}."


def _percent(share: float, error: float) -> str:
    return f"{100 * share:.1f} ± {100 * error:.1f}"


def _chance_lines(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Hold forecasts against the chances that were true, on average over worlds."""
    yield "| within 24 months | worlds | forecast, mean | true chance, mean | difference |"
    yield "|---|---:|---:|---:|---:|"
    for r, rung in enumerate(RUNGS):
        pairs = [
            (row["forecast"][r], row["true_chance"][r])
            for row in rows
            if row["forecast"][r] is not None
        ]
        said, true = np.array(pairs).T
        apart = said - true
        error = apart.std(ddof=1) / np.sqrt(len(apart))
        told = f"{100 * apart.mean():+.2f} ± {100 * error:.2f} points"
        means = f"{100 * said.mean():.2f} % | {100 * true.mean():.2f} %"
        yield f"| {rung} | {len(pairs)} | {means} | {told} |"


def draw_figure(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draw every curve less the diagonal, a panel a part of the model."""
    from arviz_stats.ecdf_utils import compute_ecdf
    from matplotlib.figure import Figure

    from durability.plots import BLUE, GRID, INK, MUTED, VERMILLION, quiet_style

    found, at = curves(rows), np.linspace(0.0, 1.0, 101)
    family = FAMILY_PROBABILITY ** (1.0 / len(quantities()))
    with quiet_style():
        figure = Figure(figsize=(10.0, 5.2), facecolor="white", layout="constrained")
        axes = figure.subplots(2, 5, sharex=True, sharey=True)
        for axis, (part, names) in zip(axes.ravel(), parts().items(), strict=True):
            for probability, colour in ((family, GRID), (0.95, "#b9c2cc")):
                places, low, high = band(len(rows), probability)
                axis.fill_between(places, low - places, high - places, color=colour, lw=0)
            for name in names:
                curve, colour = found[name], VERMILLION if found[name].leaves_family else BLUE
                away = compute_ecdf(curve.places, at) - at
                axis.plot(at, away, color=colour, lw=0.7, alpha=0.8)
            axis.axhline(0.0, color=INK, lw=0.6)
            axis.set_title(f"{part} ({len(names)})", fontsize=10)
            axis.tick_params(labelsize=8, labelcolor=MUTED)
            axis.set_xticks([0.0, 0.5, 1.0])
        figure.supxlabel("rank of the truth among the draws, as a share", fontsize=10)
        figure.supylabel("share of worlds at or below, less the rank", fontsize=10)
        _save_small(figure, path)


def _save_small(figure: Any, path: Path) -> None:
    """Save a plot with few colours as a small PNG, the same bytes for the same plot."""
    import io

    from PIL import Image

    raw = io.BytesIO()
    figure.savefig(raw, dpi=90, facecolor="white", metadata={"Software": None})
    Image.open(raw).convert("RGB").quantize(colors=24).save(path, optimize=True)


def publish() -> list[str]:
    """Write table and figure; give what leaves the band for all."""
    rows = every_row()
    page.publish("calibration", f"{page.setting()}\n\n" + "\n".join(table_lines(rows)))
    draw_figure(rows, FIGURE)
    return [each.name for each in curves(rows).values() if each.leaves_family]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=["run", "table"])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--worlds", type=int, default=WANTED)
    asked = parser.parse_args(arguments)
    if asked.what == "run":
        run(asked.jobs, asked.worlds, asked.minutes)
    return 1 if publish() else 0


if __name__ == "__main__":
    sys.exit(main())
