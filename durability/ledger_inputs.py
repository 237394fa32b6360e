"""What a forecast was made from: its files, kept beside the ledger under the hash of their content.

A text is stored once, however many forecasts used it. Names are fixed words (``case.toml``,
``news.csv``, ``priors.toml``, ``agreements.csv``, …), so a hostile ledger cannot name a path.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from durability.agreements import SHIPPED, read_agreements
from durability.assembly import ModelData, assemble
from durability.case_folders import CASE_FILES, whole_folder
from durability.cases import Case, read_case
from durability.errors import InputError, Problem, Problems, quoted
from durability.files import MAX_BYTES, write_whole
from durability.prior_sets import PriorSet, read_priors

PRIORS_FILE: Final = "priors.toml"
AGREEMENTS_FILE: Final = "agreements.csv"
INPUT_FILES: Final = (*CASE_FILES, PRIORS_FILE, AGREEMENTS_FILE)
"""Every file that a forecast may be made from, by the name that the ledger gives it."""

NEEDED: Final = ("case.toml", "news.csv", PRIORS_FILE, AGREEMENTS_FILE)

_HASH = re.compile(r"[0-9a-f]{64}")
_PLAIN = re.compile(r"\w[\w. -]{0,39}")
"""A name that is safe as a file's on every system, however its letters are encoded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """The files that a forecast is made from, as they were when it was begun.

    Parameters
    ----------
    case : str
        Name of the case.
    priors : str
        Name of the prior set.
    files : mapping of str to bytes
        By the names in :data:`INPUT_FILES`.
    """

    case: str
    priors: str
    files: Mapping[str, bytes]

    def hashes(self) -> dict[str, str]:
        """Give the SHA-256 of each file."""
        return {name: hashlib.sha256(data).hexdigest() for name, data in self.files.items()}


def gather_inputs(case: Case, priors: PriorSet) -> Inputs:
    """Take a copy of every file that a forecast is made from.

    Take it when the case is read: files may change while a forecast is being made.

    Parameters
    ----------
    case : Case
    priors : PriorSet

    Returns
    -------
    Inputs
        For :func:`durability.record_forecast`.

    Raises
    ------
    InputError
        A file is gone or cannot be read.
    """
    paths = {name: case.folder / name for name in CASE_FILES if (case.folder / name).is_file()}
    paths |= {PRIORS_FILE: priors.path, AGREEMENTS_FILE: SHIPPED}
    problems, files = Problems(), {}
    for name, path in paths.items():
        try:
            files[name] = path.read_bytes()
        except OSError as error:
            reason = error.strerror or str(error)
            problems.add(str(path), reason, "the ledger keeps what a forecast is made from")
    problems.raise_any()
    return Inputs(case=case.name, priors=priors.name, files=MappingProxyType(files))


def check_inputs(inputs: Inputs, record: Mapping[str, Any]) -> None:
    """Refuse inputs that a forecast was not made from.

    They are read and assembled again, and must give the hashes that the forecast names: what is
    recorded can then be made again.

    Raises
    ------
    InputError
        They give other data or other priors.
    """
    data, priors = assembled_again(inputs, date.fromisoformat(record["cutoff"]))
    problems = Problems()
    for what, found, wanted in (
        (f"case {quoted(inputs.case)}", data.hash(), record["data_hash"]),
        (f"prior set {quoted(inputs.priors)}", priors.hash, record["prior_set"]["hash"]),
    ):
        if found != wanted:
            told = f"hash {found[:12]}…, the forecast's is {str(wanted)[:12]}…"
            allowed = "it was changed while the forecast was made; make the forecast again"
            problems.add(what, told, allowed)
    problems.raise_any()


def assembled_again(inputs: Inputs, cutoff: date) -> tuple[ModelData, PriorSet]:
    """Read and assemble what a forecast was made from.

    Raises
    ------
    InputError
        A file is not what it must be.
    """
    with tempfile.TemporaryDirectory(prefix="durability-") as name:
        folder = Path(name)
        _write(inputs, folder)
        try:
            case = read_case(_case_folder(folder, inputs.case))
            agreements = read_agreements(folder / AGREEMENTS_FILE)
            priors = read_priors(_priors_path(folder, inputs.priors))
            return assemble(case, agreements, cutoff=cutoff), priors
        except InputError as error:
            copied = [replace(p, where=_as_copied(p.where, name)) for p in error.problems]
            raise InputError(copied) from None


def _as_copied(where: str, folder: str) -> str:
    return where.replace(f"{folder}{os.sep}", "as copied: ")


# The store ----------------------------------------------------------------------------------


def store_of(ledger: Path) -> Path:
    """Give the folder that holds the inputs of a ledger.

    Examples
    --------
    >>> store_of(Path("forecasts/ledger.jsonl")).as_posix()
    'forecasts/ledger_inputs'
    """
    ledger = actual(ledger)
    return ledger.with_name(f"{ledger.stem}_inputs")


def actual(ledger: Path) -> Path:
    """Give the file that a ledger's path leads to: one file has one lock and one store."""
    return ledger.resolve() if ledger.is_symlink() else ledger


def store_inputs(inputs: Inputs, store: Path) -> None:
    """Write the files that the store lacks, each whole or not at all.

    Raises
    ------
    InputError
        A file of the store was altered; it is left as it is.
    WriteError
        One cannot be written.
    """
    problems = Problems()
    for name, digest in inputs.hashes().items():
        path = store / digest
        if not path.exists():
            write_whole(path, inputs.files[name])
        elif (problem := input_problem(store, name, digest, str(path))) is not None:
            problems.extend([problem])
    problems.raise_any()


def input_problem(store: Path, name: str, digest: str, where: str) -> Problem | None:
    """Say what is wrong with a stored file, if anything is."""
    path = store / digest
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        told = f"its {name} is missing: there is no {path}"
        return Problem(where=where, found=told, allowed="take it from a copy")
    except OSError as error:
        told = f"its {name} cannot be read: {path}: {error.strerror or error}"
        return Problem(where=where, found=told, allowed="check its rights")
    if found == digest:
        return None
    told = f"its {name} was altered: {path} has the hash {found[:12]}…"
    return Problem(where=where, found=told, allowed="take it from a copy")


def read_inputs(store: Path, hashes: Mapping[str, str], *, case: str, priors: str) -> Inputs:
    """Read stored files back.

    Raises
    ------
    InputError
        A file is missing, altered or too large, each told.
    """
    problems, files = Problems(), {}
    for name, digest in hashes.items():
        path = store / digest
        found = input_problem(store, name, digest, str(store))
        if found is not None:
            problems.extend([found])
        elif path.stat().st_size > MAX_BYTES:
            problems.add(str(path), f"more than {MAX_BYTES // 2**20} MiB", "no input is so large")
        else:
            files[name] = path.read_bytes()
    problems.raise_any()
    return Inputs(case=case, priors=priors, files=MappingProxyType(files))


def restore_inputs(inputs: Inputs, path: Path) -> tuple[Path, Path]:
    """Write a case's folder and its prior file as they were, below a new folder.

    Returns
    -------
    tuple of Path
        The case's folder and the prior file.

    Raises
    ------
    InputError
        Something stands at `path`.
    WriteError
        It cannot be written; nothing is left of it.
    """
    with whole_folder(path) as folder:
        _write(inputs, folder)
    return _case_folder(path, inputs.case), _priors_path(path, inputs.priors)


def is_hash(value: object) -> bool:
    """Whether a value is a SHA-256 as we write it."""
    return isinstance(value, str) and _HASH.fullmatch(value) is not None


def _write(inputs: Inputs, folder: Path) -> None:
    for name, data in inputs.files.items():
        if name == PRIORS_FILE:
            write_whole(_priors_path(folder, inputs.priors), data)
        elif name == AGREEMENTS_FILE:
            write_whole(folder / AGREEMENTS_FILE, data)
        elif name in CASE_FILES:
            write_whole(_case_folder(folder, inputs.case) / name, data)
        else:
            found, allowed = quoted(name), f"must be one of {', '.join(INPUT_FILES)}"
            raise InputError([Problem(where="inputs", found=found, allowed=allowed)])


def _case_folder(folder: Path, name: str) -> Path:
    # What else stands there when a forecast is restored.
    taken = name.lower() in ("priors", AGREEMENTS_FILE)
    return folder / (name if _PLAIN.fullmatch(name) and not taken else "case")


def _priors_path(folder: Path, name: str) -> Path:
    return folder / "priors" / f"{name if _PLAIN.fullmatch(name) else 'priors'}.toml"
