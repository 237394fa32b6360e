"""Time the README's first command with every cache cold, stage by stage.

A fresh clone, a fresh environment (packages come from uv's cache, already downloaded) and fresh
caches of PyTensor, Numba and the library; then the same command on the cached fit, ``durability
--help`` and ``import durability``. Run it on a quiet machine:

    uv run python tests/benchmarks/first_run.py

The table it prints is copied into docs/benchmarks.md between its markers.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from page import ROOT, publish, setting

DIAGNOSTICS_FAILED = 3
DROPPED = ("VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE")
"""Python keeps the bytecode of what it imports, as it does unless told otherwise."""

DIAGNOSTICS_FAILED = 3
"""Exit status of a forecast whose verdict failed; what it took can be told all the same."""

COMMAND = ["uv", "run", "durability", "forecast", "armenia_azerbaijan"]


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        clone = home / "clone"
        subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
        environment = isolated(home)
        began = time.monotonic()
        subprocess.run(["uv", "sync", "-q"], cwd=clone, env=environment, check=True)
        synced = time.monotonic() - began
        first, stages = timed(COMMAND, clone, environment)
        second, again = timed(COMMAND, clone, environment)
        help_time = min(
            timed(["uv", "run", "durability", "--help"], clone, environment)[0] for _ in range(3)
        )
        python = str(clone / ".venv" / "bin" / "python")
        started = min(timed([python, "-c", "pass"], clone, environment)[0] for _ in range(3))
        imported = min(
            timed([python, "-c", "import durability"], clone, environment)[0] for _ in range(3)
        )
    rows = [
        ("environment (uv sync, packages downloaded)", synced, ""),
        *((f"first run: {stage}", seconds, "") for stage, seconds in stages.items()),
        ("first run, environment included", synced + first, "180"),
        *((f"second run: {stage}", seconds, "") for stage, seconds in again.items()),
        ("second run, on the cached fit", second, "15"),
        ("durability --help", help_time, "0.5"),
        ("import durability, beyond Python itself", imported - started, "0.3"),
    ]
    publish("first_run", table(rows))


def isolated(home: Path) -> dict[str, str]:
    """Give an environment whose caches are all empty, but for uv's downloads."""
    kept = {name: value for name, value in os.environ.items() if name not in DROPPED}
    return {
        **kept,
        "XDG_CACHE_HOME": str(home / "cache"),
        "UV_CACHE_DIR": subprocess.check_output(["uv", "cache", "dir"], text=True).strip(),
        "PYTENSOR_FLAGS": f"base_compiledir={home / 'pytensor'}",
        "NUMBA_CACHE_DIR": str(home / "numba"),
    }


def timed(
    command: list[str], folder: Path, environment: dict[str, str]
) -> tuple[float, dict[str, float]]:
    """Run a command: its seconds, and those of the stages it tells of."""
    began = time.monotonic()
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    seconds = time.monotonic() - began
    if ran.returncode not in (0, DIAGNOSTICS_FAILED):
        sys.exit(f"{' '.join(command)} exited {ran.returncode}:\n{ran.stdout}\n{ran.stderr}")
    told = re.search(r"^Time: (.*?); ", ran.stderr, re.MULTILINE)
    parts = re.findall(r"(\w+) (?:(\d+) min )?([\d.]+) s", told.group(1)) if told else []
    return seconds, {stage: 60.0 * float(m or 0) + float(s) for stage, m, s in parts}


def table(rows: list[tuple[str, float, str]]) -> str:
    head = f"{setting()}, seed 1.\n\n| what | seconds | target |\n|---|---:|---:|\n"
    return head + "\n".join(f"| {name} | {seconds:.2f} | {most} |" for name, seconds, most in rows)


if __name__ == "__main__":
    main()
