"""Compare the library's formulation with the plain one: compilation, sampling, memory.

Each is compiled cold, in a process of its own with empty caches of PyTensor and Numba, and sampled
by nutpie with the same seed, draws and chains. Effective draws are counted on the forecast
probabilities, which both get from the same NumPy code. Run it on a quiet machine:

    uv run python tests/benchmarks/formulations.py

The plain model is slow: draws are few, and sampling stops at a time limit, in which case its
effective draws are counted over the draws made by then. The table it prints is copied into
docs/benchmarks.md between its markers.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from page import publish, setting

PACKAGES = ("pymc", "pytensor", "nutpie", "numba", "jax")
FORMULATIONS = ("ours", "plain")


def main() -> None:
    options = arguments()
    if options.measure:
        print(json.dumps(measure(options)))
        return
    found = {name: in_a_fresh_process(name, options) for name in FORMULATIONS}
    publish("formulations", table(found, options))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--tune", type=int, default=300)
    parser.add_argument("--chains", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--limit", type=float, default=1200.0, help="seconds of sampling, at most")
    parser.add_argument("--measure", choices=FORMULATIONS, help=argparse.SUPPRESS)
    return parser.parse_args()


def in_a_fresh_process(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Measure one formulation with empty caches."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            "PYTENSOR_FLAGS": f"base_compiledir={folder}/pytensor",
            "NUMBA_CACHE_DIR": f"{folder}/numba",
            "XDG_CACHE_HOME": f"{folder}/cache",
        }
        command = [sys.executable, __file__, "--measure", name]
        for option in ("draws", "tune", "chains", "seed", "limit"):
            command += [f"--{option}", str(getattr(options, option))]
        ran = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
    found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return found


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Compile and sample one formulation in this process."""
    sys.path.insert(0, str(Path(__file__).parent))
    import durability
    from durability import inference

    data = durability.assemble(durability.read_case("armenia_azerbaijan"))
    model = durability.build(data, durability.read_priors("default"))
    import nutpie

    began, used = time.monotonic(), time.process_time()
    if options.measure == "ours":
        compiled = inference.compile_model(model)
    else:
        import plain

        compiled = nutpie.compile_pymc_model(plain.build(data, model.priors.parameters))
    compile_wall, compile_cpu = time.monotonic() - began, time.process_time() - used
    trace, seconds, finished = sampled(compiled, options)
    return {
        "compile": compile_wall,
        "compile_cpu": compile_cpu,
        "sample": seconds,
        "finished": finished,
        **effective(trace, model),
        "steps": int(trace["sample_stats"]["n_steps"].sum()),
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }


def sampled(compiled: Any, options: argparse.Namespace) -> tuple[Any, float, bool]:
    """Sample until done or out of time: the trace, seconds, and whether it is whole."""
    import nutpie

    began = time.monotonic()
    sampler = nutpie.sample(
        compiled,
        draws=options.draws,
        tune=options.tune,
        chains=options.chains,
        cores=min(options.chains, os.cpu_count() or 1),
        seed=options.seed,
        save_warmup=False,
        progress_bar=False,
        blocking=False,
    )
    while not (finished := is_finished(sampler)) and time.monotonic() - began < options.limit:
        time.sleep(0.2)
    trace = sampler.wait() if finished else sampler.abort()
    return trace, time.monotonic() - began, finished


def is_finished(sampler: Any) -> bool:
    try:
        return bool(sampler.is_finished)
    except TimeoutError:  # the sampler was busy and did not answer in time
        return False


def effective(trace: Any, model: Any) -> dict[str, Any]:
    """Count effective draws of every forecast probability, and name the slowest."""
    import arviz as az
    import numpy as np
    from durability.models import breakdown

    from durability import simulation
    from durability.assembly import log_years
    from durability.vocabulary import HORIZONS_MONTHS, STREAMS

    posterior = trace["posterior"].to_dataset()
    least = int(posterior["persistence"].notnull().sum("draw").min())
    posterior = posterior.isel(draw=slice(0, least))
    shape = posterior["persistence"].shape
    theta = {
        name: posterior[name].values.reshape((-1, *posterior[name].shape[2:]))
        for name in breakdown.parameter_names(model.data)
    }
    months = max(HORIZONS_MONTHS)
    latent = breakdown.latents(theta, model.arrays, np)
    raw = simulation.monthly_normals(shape[0] * shape[1], months=months, seed=1)
    pressure = breakdown.extended(theta, latent, raw)
    ages = simulation.edge_ages(model.data.cutoff, model.data.clock_start, months)
    edges = np.repeat(log_years([ages[:-1], ages[1:]])[:, :, None], len(STREAMS), axis=2)
    hazards = breakdown.case_increments(theta, latent, model.arrays, pressure, edges)
    found, mean = {}, {}
    for rung, chance in simulation.incidences(hazards).items():
        for horizon in HORIZONS_MONTHS:
            values = chance[:, horizon - 1].reshape(shape)
            found[f"{rung} within {horizon} months"] = float(az.ess(values, method="bulk"))
            mean[f"{rung} within {horizon} months"] = float(values.mean())
    slowest = min(found, key=lambda name: found[name])
    return {
        "kept": least,
        "ess": found[slowest],
        "slowest": slowest,
        "headline": mean["breakdown within 24 months"],
        "headline_ess": found["breakdown within 24 months"],
    }


def table(found: dict[str, dict[str, Any]], options: argparse.Namespace) -> str:
    """Write the comparison, with ratios and targets."""
    ours, plain = found["ours"], found["plain"]

    def per_second(of: dict[str, Any]) -> float:
        return float(of["ess"] / of["sample"])

    rows = [
        ("cold compilation, s", ours["compile"], plain["compile"], "≤ 0.25"),
        ("the same, processor s", ours["compile_cpu"], plain["compile_cpu"], ""),
        ("sampling, s", ours["sample"], plain["sample"], ""),
        ("effective draws, slowest forecast", ours["ess"], plain["ess"], ""),
        ("effective draws a second", per_second(ours), per_second(plain), "≥ 5"),
        ("gradients, thousands", ours["steps"] / 1e3, plain["steps"] / 1e3, ""),
        ("peak memory, GiB", ours["memory"], plain["memory"], "≤ 1"),
        ("P(breakdown within 24 months)", ours["headline"], plain["headline"], ""),
    ]
    lines = [f"| {name} | {a:.4g} | {b:.4g} | {a / b:.3g} | {most} |" for name, a, b, most in rows]
    notes = [
        f"Slowest forecast: {found[name]['slowest']} ({name})."
        + ("" if found[name]["finished"] else f" {name} stopped at the limit, "
           f"after {found[name]['kept']} draws a chain.")
        for name in FORMULATIONS
    ]  # fmt: skip
    head = "| what | ours | plain | ratio | target |\n|---|---:|---:|---:|---:|"
    return "\n\n".join([told(options), "\n".join([head, *lines]), " ".join(notes)])


def told(options: argparse.Namespace) -> str:
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"{setting()}; {packages}; {options.chains} chains of {options.tune} + {options.draws} "
        f"draws, seed {options.seed}, at most {options.limit:.0f} s of sampling."
    )


if __name__ == "__main__":
    main()
