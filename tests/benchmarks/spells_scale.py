"""The hazard of spells at a thousand to a million rows, beside lifelines and a plain PyMC model.

    uv run --no-sync python tests/benchmarks/spells_scale.py measure --minutes 30
    uv run --no-sync python tests/benchmarks/spells_scale.py table

The same simulated rows, in one run, each fit in a process of its own: seconds from data in memory
to the answer, compilation included, and the peak memory of the process beyond what its imports
took. Rows are simulated with a Weibull hazard, two covariates that vary freely and one that is 0
or 1, and entry after the start for a third; `months` rounds the ages up to whole months and the
covariates to a few values, as most political data have them.

lifelines pins pandas below 3, so it runs in an environment of its own: ``--lifelines PYTHON`` names
its interpreter, for example

    uv venv /tmp/lifelines && uv pip install --python /tmp/lifelines lifelines
    ... spells_scale.py measure --lifelines /tmp/lifelines/bin/python

and without one its rows are left out, which the table says. What does not finish within the limit
is recorded as such. Rows are appended to ``spells_scale.jsonl``, with the hash of the code; a run
goes on where the last one stopped.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ROWS = Path(__file__).with_suffix(".jsonl")
SEED = 20261123
SIZES = (1_000, 10_000, 100_000, 1_000_000)
TRUTH = {"log_shape": -0.4, "x1": 0.5, "x2": -0.3, "z": 0.8}
DRAWS, TUNE, CHAINS = 150, 150, 2
LIFELINES = ("lifelines cox", "lifelines weibull")
MACHINE = ("spell_tables", "spell_groups", "spells", "spell_maximum", "cox", "inference")


def simulated(count: int, kind: str) -> dict[str, np.ndarray]:
    """Simulate spells; `kind` is ``days`` (every row its own) or ``months``."""
    rng = np.random.default_rng([SEED, count])
    x1, x2 = rng.normal(size=(2, count))
    z = (rng.random(count) < 0.4).astype(float)
    if kind == "months":
        x1, x2 = np.clip(np.round(x1), -2, 2), np.clip(np.round(x2), -2, 2)
    shape = np.exp(TRUTH["log_shape"])
    scale = np.exp(-3.0 + TRUTH["x1"] * x1 + TRUTH["x2"] * x2 + TRUTH["z"] * z)
    entry = np.where(rng.random(count) < 0.33, rng.uniform(0.0, 24.0, count), 0.0)
    if kind == "months":
        entry = np.floor(entry)
    # Given that it lasted until it was first watched.
    time_to = (entry**shape + rng.exponential(size=count) / scale) ** (1.0 / shape)
    limit = entry + rng.uniform(1.0, 240.0, count)
    stop, event = np.minimum(time_to, limit), (time_to <= limit).astype(float)
    if kind == "months":
        stop = np.ceil(stop)
    return {"start": entry, "stop": stop, "event": event, "x1": x1, "x2": x2, "z": z}


# ---- one fit, in its own process ---------------------------------------------------------------


def ours(data: dict[str, np.ndarray], method: str) -> Callable[[], dict[str, float]]:
    from durability import cox, spell_maximum, spells
    from durability.inference import _import_samplers
    from durability.spell_tables import read_spells

    _import_samplers()
    import arviz as az

    def run() -> dict[str, float]:
        table = read_spells(
            data, start="start", stop="stop", event="event", covariates=["x1", "x2", "z"]
        )
        if method == "cox":
            return dict(zip(table.covariates, cox.fit_cox(table).effects.tolist(), strict=True))
        if method == "maximum":
            found = spell_maximum.maximise_spells(table)
            return dict(zip(found.names, found.estimates.tolist(), strict=True))
        fit = spells.fit_spells(table, draws=DRAWS, tune=TUNE, chains=CHAINS, refit=True)
        effect = fit.posterior["effect"]
        told = {str(n): float(effect.sel(covariate=n).mean()) for n in table.covariates}
        least = float(az.ess(fit.posterior).to_array().min())
        shape = float(np.log(fit.posterior["shape"].values).mean())
        return {**told, "log_shape": shape, "effective": least, **dict(fit.timings)}

    return run


def plain(data: dict[str, np.ndarray]) -> Callable[[], dict[str, float]]:
    """A Weibull hazard as a user of PyMC would first write it, compiled by its own defaults."""
    import arviz as az
    import nutpie
    import pymc as pm
    import pytensor.tensor as pt

    def run() -> dict[str, float]:
        with pm.Model() as model:
            names = ("x1", "x2", "z")
            design = np.column_stack([data[n] for n in names])
            intercept = pm.Normal("intercept", 0.0, 5.0)
            log_shape = pm.Normal("log_shape", 0.0, 1.0)
            effect = pm.Normal("effect", 0.0, 2.5, shape=3)
            shape = pt.exp(log_shape)
            eta = intercept + pt.dot(design, effect)
            log_hazard = eta + log_shape + (shape - 1.0) * np.log(data["stop"])
            watched = pt.exp(eta) * (data["stop"] ** shape - data["start"] ** shape)
            pm.Potential("rows", (data["event"] * log_hazard - watched).sum())
        tree = nutpie.sample(
            nutpie.compile_pymc_model(model),
            draws=DRAWS,
            tune=TUNE,
            chains=CHAINS,
            seed=1,
            progress_bar=False,
        )
        posterior = tree["posterior"].to_dataset()
        effects = posterior["effect"].values.reshape((-1, 3)).mean(0)
        least = float(az.ess(posterior[["intercept", "log_shape", "effect"]]).to_array().min())
        told = dict(zip(("x1", "x2", "z"), effects.tolist(), strict=True))
        return {**told, "log_shape": float(posterior["log_shape"].mean()), "effective": least}

    return run


def lifelines_fit(data: dict[str, np.ndarray], method: str) -> Callable[[], dict[str, float]]:
    import lifelines
    import pandas as pd

    def run() -> dict[str, float]:
        frame = pd.DataFrame(data)
        if method == "lifelines cox":
            fitter = lifelines.CoxTimeVaryingFitter()
            fitter.fit(
                frame.assign(id=range(len(frame))),
                id_col="id",
                start_col="start",
                stop_col="stop",
                event_col="event",
            )
            return {str(k): float(v) for k, v in fitter.params_.items()}
        aft = lifelines.WeibullAFTFitter()
        aft.fit(frame, duration_col="stop", event_col="event", entry_col="start")
        shape = float(np.exp(aft.params_["rho_"].iloc[0]))
        told = {str(k): float(-v * shape) for k, v in aft.params_["lambda_"].items()}
        return {**told, "log_shape": float(np.log(shape))}

    return run


def one(method: str, path: Path) -> None:
    """Fit the rows of a file and print what it took."""
    data = dict(np.load(path))
    if method in LIFELINES:
        run = lifelines_fit(data, method)
    else:
        run = plain(data) if method == "plain" else ours(data, method)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    told = run()
    seconds = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    row = {"seconds": seconds, "mib": (after - before) / 1024, "told": told}
    sys.stdout.write(f"RESULT {json.dumps(row)}\n")


# ---- all of them -------------------------------------------------------------------------------


def code_hash() -> str:
    import durability
    from durability.catalogue import spell_hazard

    home = Path(durability.__file__).parent
    digest = hashlib.sha256(repr((SEED, DRAWS, TUNE, CHAINS)).encode())
    for path in (*(home / f"{n}.py" for n in MACHINE), Path(str(spell_hazard().__file__))):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def done() -> list[dict[str, Any]]:
    if not ROWS.exists():
        return []
    every = [json.loads(line) for line in ROWS.read_text(encoding="utf-8").splitlines() if line]
    return [row for row in every if row["code"] == code_hash()]


def plan(lifelines_python: str | None) -> list[tuple[int, str, str]]:
    methods = ["posterior", "plain", "maximum", "cox"]
    methods += list(LIFELINES) if lifelines_python else []
    found = [(n, "days", m) for n in SIZES for m in methods]
    return found + [(n, "months", "posterior") for n in SIZES]


def measure(minutes: float, limit: float, lifelines_python: str | None) -> None:
    until = time.monotonic() + 60.0 * minutes
    ready = {(row["rows"], row["kind"], row["method"]) for row in done()}
    gone: set[str] = {r["method"] for r in done() if r["kind"] == "days" and not r["seconds"]}
    with tempfile.TemporaryDirectory() as name:
        for count, kind, method in plan(lifelines_python):
            if (count, kind, method) in ready or time.monotonic() > until:
                continue
            row: dict[str, Any] = {"rows": count, "kind": kind, "method": method}
            if kind == "days" and method in gone:
                found: dict[str, Any] = {"seconds": None, "why": "a smaller table did not finish"}
            else:
                found = timed(count, kind, method, Path(name), limit, lifelines_python)
            if found["seconds"] is None and kind == "days":
                gone.add(method)
            full = {**row, **found, "load": os.getloadavg()[0], "code": code_hash()}
            with ROWS.open("a", encoding="utf-8") as file:
                file.write(json.dumps(full, sort_keys=True) + "\n")
            sys.stdout.write(f"{full}\n")
            sys.stdout.flush()


def timed(
    count: int, kind: str, method: str, folder: Path, limit: float, lifelines_python: str | None
) -> dict[str, Any]:
    path = folder / f"{count}.{kind}.npz"
    if not path.exists():
        np.savez(path, **simulated(count, kind))
    python = str(lifelines_python) if method in LIFELINES else sys.executable
    command = [python, "-W", "ignore", __file__, "one", method, str(path)]
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache")}
    try:
        ran = subprocess.run(
            command, capture_output=True, text=True, timeout=limit, env=environment
        )
    except subprocess.TimeoutExpired:
        return {"seconds": None, "why": f"not done within {limit:.0f} s"}
    told = [line for line in ran.stdout.splitlines() if line.startswith("RESULT ")]
    if ran.returncode or not told:
        lines = ran.stderr.strip().splitlines() or [f"status {ran.returncode}"]
        return {"seconds": None, "why": lines[-1][:120]}
    found: dict[str, Any] = json.loads(told[-1].removeprefix("RESULT "))
    return found


NAMES = {
    "posterior": "posterior, ours",
    "plain": "posterior, plain PyMC",
    "maximum": "maximum likelihood, ours",
    "lifelines weibull": "maximum likelihood, lifelines",
    "cox": "Cox (Efron), ours",
    "lifelines cox": "Cox (Efron), lifelines",
}


def table() -> None:
    import page

    rows = {(r["rows"], r["kind"], r["method"]): r for r in done()}
    heads = " | ".join(f"{n:,}" for n in SIZES)
    lines = [
        f"{page.setting()}",
        "",
        f"Code {code_hash()}, seed {SEED}; posteriors of {CHAINS} chains of {DRAWS} + {TUNE} "
        "draws, compilation included. A cell: seconds, MiB beyond imports.",
        "",
        f"| fit | {heads} | growth of the last tenfold |",
        "|---|" + "---:|" * (len(SIZES) + 1),
    ]
    for method, kind in [(m, "days") for m in NAMES] + [("posterior", "months")]:
        cells = [rows.get((n, kind, method)) for n in SIZES]
        label = NAMES[method] + (", whole months" if kind == "months" else "")
        took = [c["seconds"] for c in cells if c and c["seconds"]]
        growth = f"× {took[-1] / took[-2]:.1f}" if len(took) > 1 else ""
        lines.append(f"| {label} | {' | '.join(map(cell, cells))} | {growth} |")
    off = [f"{NAMES[r['method']]} at {r['rows']:,}: {r['why']}" for r in done() if "why" in r]
    lines += ["", *(f"- {line}" for line in off)]
    missing = [NAMES[m] for m in NAMES if not any(r["method"] == m for r in done())]
    if missing:
        lines.append(f"- Not run: {', '.join(missing)}.")
    lines += ["", largest_difference(rows)]
    page.publish("spells_scale", "\n".join(lines).strip())


def cell(row: dict[str, Any] | None) -> str:
    if row is None:
        return "not run"
    return f"{row['seconds']:.3g} s, {row['mib']:.0f}" if row["seconds"] else "–"


def largest_difference(rows: dict[tuple[int, str, str], dict[str, Any]]) -> str:
    """Say how far fits of the same rows by the same method lie apart."""
    pairs = (("maximum", "lifelines weibull"), ("cox", "lifelines cox"), ("posterior", "plain"))
    told = []
    for one_, other in pairs:
        apart = [
            abs(rows[n, "days", one_]["told"][k] - rows[n, "days", other]["told"][k])
            for n in SIZES
            for k in ("x1", "x2", "z")
            if all((rows.get((n, "days", m)) or {}).get("told") for m in (one_, other))
        ]
        if apart:
            told.append(f"{NAMES[one_]} and {NAMES[other]}: {max(apart):.2g}")
    return f"Largest difference of an effect: {'; '.join(told)}." if told else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=["measure", "table", "one"])
    parser.add_argument("rest", nargs="*")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--limit", type=float, default=420.0, help="seconds of one fit")
    parser.add_argument("--lifelines", help="a Python that has it")
    given = parser.parse_args()
    if given.what == "one":
        one(given.rest[0], Path(given.rest[1]))
    elif given.what == "measure":
        measure(given.minutes, given.limit, given.lifelines)
    else:
        table()


if __name__ == "__main__":
    main()
