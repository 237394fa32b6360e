"""Batches: many news items in one file, TOML or CSV, with the line of each in every message.

A CSV batch has the columns of :data:`~durability.news_entries.FIELDS`, those that are needed and
any others; a TOML batch has a table ``[[item]]`` for each, with keys of the same names.
"""

from __future__ import annotations

from pathlib import Path

from durability import tables
from durability.errors import Problems
from durability.files import read_text, text_of
from durability.news_entries import FIELDS, NEEDED, NewsEntry, entry_of
from durability.toml_files import toml_of
from durability.toml_tables import check_keys, subtables, top

STANDARD_INPUT = Path("standard input")


def read_batch(path: Path) -> tuple[NewsEntry, ...]:
    """Read a batch of entries from a file.

    Raises
    ------
    InputError
        With everything that is wrong in the batch, each problem with its line.
    """
    read_text(path)
    return batch_of(path, path.read_bytes())


def batch_of(path: Path, data: bytes) -> tuple[NewsEntry, ...]:
    """Read a batch from its bytes; `path` is what messages call it."""
    problems = Problems()
    text = text_of(path, data)
    found = _from_toml(path, text, problems) if _is_toml(path, text) else None
    if found is None:
        found = _from_csv(path, data, problems)
    if not found and not len(problems):
        problems.add(str(path), "no items", "give at least one row, or one [[item]]")
    problems.raise_any()
    return tuple(entry for entry in found if entry is not None)


def _is_toml(path: Path, text: str) -> bool:
    if path.suffix.lower() in (".toml", ".csv"):
        return path.suffix.lower() == ".toml"
    said = (line.strip() for line in text.split("\n"))
    return next((line for line in said if line and not line.startswith("#")), "").startswith("[[")


def _from_csv(path: Path, data: bytes, problems: Problems) -> list[NewsEntry | None]:
    optional = [name for name in FIELDS if name not in NEEDED]
    rows = tables.read_rows(path, required=NEEDED, optional=optional, problems=problems, data=data)
    return [entry_of(row.cells, row.where(), problems) for row in rows]


def _from_toml(path: Path, text: str, problems: Problems) -> list[NewsEntry | None]:
    whole = top(toml_of(path, text), problems)
    check_keys(whole, ("item",))
    entries = []
    for table in subtables(whole, "item", text):
        line = table.lines.get("")
        place = f"{path} line {line}" if line else str(path)
        entries.append(entry_of(table.content, place, problems))
    return entries
