"""The shipped case with steps that it waits for, whatever its own file says of any."""

from __future__ import annotations

import re
import shutil
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import durability
from durability.cases import Case, read_case

SHIPPED = Path(durability.__file__).parent / "data" / "cases" / "armenia_azerbaijan"
TOY = Path(__file__).with_name("toy_conditions.toml")


def without_conditions(text: str) -> str:
    """Cut ``[life_cycle]`` and every ``[[condition]]`` out of a case's settings."""
    kept, inside = [], False
    for line in text.split("\n"):
        if line.lstrip().startswith("["):
            inside = bool(re.match(r"\s*\[+\s*(life_cycle|condition)\b", line))
        if not inside:
            kept.append(line)
    return "\n".join(kept)


def waiting_folder(folder: Path, conditions: str | None = None) -> Path:
    """Copy the shipped case to a folder, with other conditions at its end."""
    shutil.copytree(SHIPPED, folder)
    path = folder / "case.toml"
    own = without_conditions(path.read_text(encoding="utf-8"))
    added = TOY.read_text(encoding="utf-8") if conditions is None else conditions
    path.chmod(0o644)
    path.write_text(f"{own.rstrip()}\n\n{added}", encoding="utf-8")
    return folder


@cache
def waiting(conditions: str | None = None) -> Case:
    """Give the shipped case with the conditions of ``toy_conditions.toml``, or others."""
    with TemporaryDirectory() as folder:
        return read_case(waiting_folder(Path(folder) / "waiting", conditions))
