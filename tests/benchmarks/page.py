"""The page of benchmarks: where a script writes the table that it printed."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "benchmarks.md"


def setting() -> str:
    """Say when and on what a table was measured."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    commit = subprocess.check_output(
        ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"], text=True
    ).strip()
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, commit {commit}, Python {platform.python_version()}, "
        f"{os.cpu_count()} cores, {memory:.0f} GiB, load {os.getloadavg()[0]:.1f} at the end"
    )


def publish(name: str, text: str, page: Path | None = None) -> None:
    """Print a table, and put it between the markers of that name on a page, PAGE if not given."""
    page = PAGE if page is None else page
    sys.stdout.write(f"{text}\n")
    begin, end = (f"<!-- {name} {word} -->" for word in ("begins", "ends"))
    before, rest = page.read_text(encoding="utf-8").split(begin)
    _, after = rest.split(end)
    page.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}", encoding="utf-8")
