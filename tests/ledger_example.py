"""Forecasts for the ledger's tests: whole records of a real case, made without sampling."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from report_example import example_record

from durability.assembly import assemble
from durability.case_folders import find_case
from durability.cases import Case, read_case
from durability.forecast_ledger import append_entry
from durability.ledger_entries import entry_of
from durability.ledger_inputs import Inputs, gather_inputs, store_inputs, store_of
from durability.prior_sets import PriorSet, find_priors, read_priors

CUTOFF = "2026-06-30"


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A forecast about to be recorded."""

    record: dict[str, Any]
    inputs: Inputs


def issued(
    case: Case | None = None, priors: PriorSet | None = None, *, ok: bool = True, **changes: Any
) -> Issued:
    """Give a forecast that names the data and priors it would be made from."""
    case = read_case("armenia_azerbaijan") if case is None else case
    priors = read_priors("default") if priors is None else priors
    record = example_record(ok=ok) | {
        "case": case.name,
        "title": case.title,
        "cutoff": CUTOFF,
        "data_hash": assemble(case, cutoff=date.fromisoformat(CUTOFF)).hash(),
        "prior_set": {"name": priors.name, "hash": priors.hash},
    }
    return Issued(record=record | changes, inputs=gather_inputs(case, priors))


@cache
def _entry() -> Mapping[str, Any]:
    made = issued()
    return entry_of(made.record, made.inputs, fit_key="f" * 64, method={"kind": "fit"})


def example_entry(**changes: Any) -> dict[str, Any]:
    """Give an entry of the shipped case."""
    return copy.deepcopy(dict(_entry())) | changes


def ledger_of(folder: Path, lines: int) -> Path:
    """Write a ledger of so many lines, each with a seed of its own, and its inputs."""
    path = folder / "forecasts" / "ledger.jsonl"
    store_inputs(issued().inputs, store_of(path))
    for number in range(1, lines + 1):
        append_entry(path, example_entry(seed=1000 + number))
    return path


def own_copies(folder: Path) -> tuple[Case, PriorSet]:
    """Give the shipped case and prior set from copies that a test may change."""
    shutil.copytree(find_case("armenia_azerbaijan"), folder / "armenia_azerbaijan")
    priors = folder / "own.toml"
    shutil.copyfile(find_priors("default"), priors)
    return read_case(folder / "armenia_azerbaijan"), read_priors(priors)
