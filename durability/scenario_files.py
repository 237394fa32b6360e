"""Files of scenarios and trees, TOML, every problem with its line."""

from __future__ import annotations

from pathlib import Path

from durability import toml_tables as toml
from durability.branches import Tree
from durability.errors import Problems, quoted
from durability.files import read_text
from durability.statements import OBSERVING, VERBS, Scenario
from durability.toml_files import toml_of
from durability.toml_tables import TomlTable


def read_scenarios(path: Path) -> tuple[tuple[Scenario, ...], tuple[Tree, ...]]:
    """Read scenarios and trees from a file.

    Parameters
    ----------
    path : Path
        With ``[[scenario]]`` (``name``, ``set``, ``verb``, ``pin``, ``shift``, ``why``) and
        ``[[tree]]`` (``conditions``, ``by``, ``name``).

    Returns
    -------
    scenarios : tuple of Scenario
    trees : tuple of Tree

    Raises
    ------
    InputError
        It cannot be read; with every problem and its line.
    """
    text, problems = read_text(path), Problems()
    file = toml.top(toml_of(path, text), problems)
    toml.check_keys(file, (), ("scenario", "tree"))
    told = tuple(_scenario(table) for table in toml.subtables(file, "scenario", text))
    trees = tuple(_tree(table) for table in toml.subtables(file, "tree", text))
    if not told and not trees and not len(problems):
        problems.add(str(path), "says nothing", "it needs [[scenario]] or [[tree]]")
    problems.raise_any()
    return told, trees


def _where(table: TomlTable) -> str:
    line = table.lines.get("")
    return f"{table.path} line {line}" if line else table.path


def _scenario(table: TomlTable) -> Scenario:
    toml.check_keys(table, ("name",), ("set", "verb", "pin", "shift", "why"))
    verb = toml.choice(table, "verb", VERBS) if "verb" in table.content else OBSERVING
    return Scenario(
        name=toml.text(table, "name", limit=100),
        settings=toml.texts(table, "set"),
        verb=verb,
        pins=_numbers(table, "pin"),
        shifts=_numbers(table, "shift"),
        why=toml.text(table, "why"),
        where=_where(table),
    )


def _numbers(table: TomlTable, key: str) -> dict[str, float]:
    cell = toml.inner(table, key)
    found = {}
    for name, value in ({} if cell is None else cell.content).items():
        if isinstance(value, int | float) and not isinstance(value, bool):
            found[name] = float(value)
        else:
            table.refuse(f"{key}.{name}", f"= {quoted(value)}", "must be a number")
    return found


def _tree(table: TomlTable) -> Tree:
    toml.check_keys(table, ("conditions", "by"), ("name",))
    return Tree(
        conditions=toml.texts(table, "conditions"),
        by=toml.text(table, "by"),
        name=toml.text(table, "name", limit=100),
        where=_where(table),
    )
