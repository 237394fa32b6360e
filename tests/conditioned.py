"""The shipped case with conditions of the tests' own, whichever it ships with."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from fitted import narrow_fit
from worlds import flagship

import durability
from durability import toml_tables as toml
from durability.cases import Case
from durability.conditions import collect_conditions
from durability.errors import Problems
from durability.inference import Fit
from durability.toml_files import toml_of

CONDITIONS = """
[[condition]]
name = "called"
meaning = "The Assembly puts the new constitution to a referendum"
driver = "constitution"
met = "called"
failed = "dropped"
elicited = 2026-11-22
met_by = { 2027-12-31 = 0.2, 2029-12-31 = 0.3, 2031-12-31 = 0.35 }
fails = { "0.1" = 0.3, "0.9" = 0.7 }
why = "Made up."

[[condition]]
name = "referendum"
meaning = "Voters adopt the new constitution"
driver = "constitution"
met = "passed"
failed = "rejected"
requires = ["called"]
elicited = 2026-11-22
met_within_months = { 3 = 0.5, 12 = 0.6 }
fails = { "0.1" = 0.15, "0.9" = 0.6 }
why = "Made up."

[[condition]]
name = "relents"
meaning = "Less than a new constitution is accepted"
driver = "constitution"
elicited = 2026-11-22
met_by = { 2028-06-30 = 0.08, 2031-06-30 = 0.15 }
fails = 0.6
why = "Made up."

[[condition]]
name = "signature"
meaning = "The treaty is signed"
driver = "trust"
met = "signed"
requires_any = ["referendum", "relents"]
stage = "signed"
elicited = 2026-11-22
met_within_months = { 3 = 0.6, 12 = 0.85 }
fails = 0.1
why = "Made up."

[[condition]]
name = "corridor"
meaning = "Transit opens"
driver = "corridor"
met = "open"
failed = "abandoned"
depends_on = []
elicited = 2026-11-22
met_by = { 2027-12-31 = 0.15, 2029-12-31 = 0.45, 2031-06-30 = 0.6 }
fails = 0.25
effect = { "0.05" = 0.4, "0.95" = 1.2 }
permanent = true
why = "Made up."

[[condition]]
name = "summit"
meaning = "Something that moves nothing"
depends_on = []
not_before = 2026-10-15
elicited = 2026-06-30
met_by = { 2027-12-31 = 0.5 }
fails = 0.2
why = "Made up."

[[condition]]
name = "vote"
meaning = "A vote on a day"
driver = "trust"
depends_on = []
elicited = 2026-06-30
decided_on = 2027-03-31
fails = 0.4
why = "Made up."

[[condition]]
name = "talks"
meaning = "Talks have begun"
driver = "trust"
elicited = 2026-01-01
met_by = { 2026-12-31 = 0.5 }
fails = 0.2
why = "Made up."

[condition.outcome]
result = "met"
date = 2026-05-10
why = "Made up."
"""


@cache
def conditioned(text: str = CONDITIONS) -> Case:
    """Give the shipped case, waiting for these conditions and no others."""
    problems = Problems()
    table = toml.top(toml_of(Path("case.toml"), text), problems)
    case = flagship()
    tables = toml.subtables(table, "condition", text)
    found = collect_conditions(tables, deal=case.deal, stage="initialled")
    problems.raise_any()
    return replace(case, conditions=found, stage="initialled")


@cache
def conditioned_fit(draws: int = 300, text: str = CONDITIONS) -> Fit:
    """Give draws that resemble a posterior's, of that case."""
    return narrow_fit(conditioned(text), draws=draws, chains=4, seed=5)


def write_conditioned(folder: Path, text: str = CONDITIONS) -> Path:
    """Write that case to a folder of its name."""
    name = flagship().name
    source = Path(durability.__file__).parent / "data" / "cases" / name
    shutil.copytree(source, folder / name)
    path = folder / name / "case.toml"
    kept, inside = [], False
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            inside = bool(re.match(r"\[+(life_cycle|condition)\b", line))
        if not inside:
            kept.append(line)
    life = '\n[life_cycle]\nstage = "initialled"\nwhy = "Made up."\n'
    path.write_text("\n".join(kept) + life + text, encoding="utf-8")
    return folder / name


def without(text: str, name: str) -> str:
    """Give the conditions without one."""
    blocks = text.split("[[condition]]")
    return "[[condition]]".join(b for b in blocks if f'name = "{name}"' not in b)


def changed(text: str, name: str, **keys: Any) -> str:
    """Give the conditions with lines of one replaced."""
    blocks = text.split("[[condition]]")
    for place, block in enumerate(blocks):
        if f'name = "{name}"' in block:
            for key, value in keys.items():
                block = re.sub(rf"^{key} = .*\n", "", block, flags=re.M)
                block = block.replace("\n", f"\n{key} = {value}\n", 1)
            blocks[place] = block
    return "[[condition]]".join(blocks)
