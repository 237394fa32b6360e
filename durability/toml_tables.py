"""Typed access to the tables of a TOML file, noting every problem with its line.

What :mod:`durability.tables` is to CSV. A getter that meets a bad value notes the problem and
gives a placeholder of the right type; the reader raises at the end, so that none gets out.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from durability.errors import Problems, one_of, quoted
from durability.files import NO_CONTROL, holds_control
from durability.toml_files import TomlFile

_LINES = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TomlTable:
    """One table while it is read.

    Parameters
    ----------
    path : str
        The file's.
    name : str
        Dotted name for messages, empty for the top of the file.
    content : mapping of str to object
    lines : mapping of str to int
        Line of each key, and of the header under the empty key, where they are known.
    problems : Problems
    """

    path: str
    name: str
    content: Mapping[str, object]
    lines: Mapping[str, int]
    problems: Problems

    def refuse(self, key: str, found: str, allowed: str) -> None:
        """Note a problem with a key."""
        line = self.lines.get(key) or self.lines.get("")
        where = f"{self.path} line {line}" if line else self.path
        dotted = ".".join(part for part in (self.name, key) if part)
        self.problems.add(where, f"{dotted} {found}".lstrip(), allowed)


def top(file: TomlFile, problems: Problems) -> TomlTable:
    """Give the top of a file as a table."""
    lines = {key: line for (table, key), line in file.lines.items() if not table and key}
    return TomlTable(
        path=str(file.path), name="", content=file.content, lines=lines, problems=problems
    )


def check_keys(table: TomlTable, required: Sequence[str], optional: Sequence[str] = ()) -> None:
    """Note unknown and missing keys."""
    known = (*required, *optional)
    for key in table.content:
        if key not in known:
            table.refuse("", f"has an unknown key {quoted(key)}", one_of(known, key))
    for key in required:
        if key not in table.content:
            table.refuse("", f"has no {key}", f"it needs {', '.join(required)}")


def subtable(file: TomlFile, parent: TomlTable, key: str) -> TomlTable:
    """Give the table of that name, an empty one where it is missing or not a table."""
    content = parent.content.get(key, {})
    name = ".".join(part for part in (parent.name, key) if part)
    if not isinstance(content, dict):
        parent.refuse(key, "is not a table", f"write it as [{name}]")
        content = {}
    lines = {inner: line for (table, inner), line in file.lines.items() if table == name}
    at = parent.lines.get(key) or parent.lines.get("")
    if "" not in lines and at:
        lines[""] = at
    return TomlTable(
        path=parent.path, name=name, content=content, lines=lines, problems=parent.problems
    )


def subtables(parent: TomlTable, key: str, text: str) -> tuple[TomlTable, ...]:
    """Give the tables of an array, ``[[key]]``, each with the lines it has in `text`."""
    entries = parent.content.get(key, [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        parent.refuse(key, "is not a list of tables", f"write each as [[{key}]]")
        return ()
    places = _array_lines(text, key)
    places += [{}] * (len(entries) - len(places))
    return tuple(
        TomlTable(path=parent.path, name=key, content=entry, lines=lines, problems=parent.problems)
        for entry, lines in zip(cast(list[dict[str, object]], entries), places, strict=False)
    )


def _array_lines(text: str, key: str) -> list[dict[str, int]]:
    """Find the lines of each ``[[key]]`` and of the keys below it; for messages only."""
    header = re.compile(rf"\s*\[\[\s*[\"']?{re.escape(key)}[\"']?\s*\]\]")
    below = re.compile(rf"\s*\[\s*[\"']?{re.escape(key)}[\"']?\s*\.\s*[\"']?([\w-]+)")
    places: list[dict[str, int]] = []
    inside = False
    for number, line in enumerate(text.split("\n"), start=1):
        if header.match(line):
            places.append({"": number})
            inside = True
        elif line.lstrip().startswith("["):
            if places and (match := below.match(line)):
                places[-1].setdefault(match[1], number)
            inside = False
        elif inside and (match := re.match(r"\s*[\"']?([\w.-]+)[\"']?\s*=", line)):
            places[-1].setdefault(match[1], number)
    return places


def inner(table: TomlTable, key: str) -> TomlTable | None:
    """Give an inline table, ``key = { … }``; None, and a problem, where it is none."""
    if key not in table.content:
        return None
    content = table.content[key]
    if not isinstance(content, dict):
        table.refuse(key, f"= {quoted(content)}", "must be an inline table, { … }")
        return None
    line = table.lines.get(key) or table.lines.get("")
    return TomlTable(
        path=table.path,
        name=".".join(part for part in (table.name, key) if part),
        content=content,
        lines={"": line} if line else {},
        problems=table.problems,
    )


def text(table: TomlTable, key: str, *, limit: int = 5000) -> str:
    """Give a text that is not empty; of a missing key nothing is said here."""
    value = table.content.get(key, "")
    if not isinstance(value, str):
        table.refuse(key, f"= {quoted(value)}", "must be text in quotation marks")
    elif key in table.content and not value.strip():
        table.refuse(key, "is empty", "say it in a few words")
    elif len(value) > limit:
        table.refuse(key, f"has {len(value)} characters", f"at most {limit}")
    elif holds_control(value):
        table.refuse(key, f"= {quoted(value)}", NO_CONTROL)
    else:
        return value.strip()
    return ""


def name(table: TomlTable, key: str) -> str:
    """Give a short name: letters, digits, ``_``, ``.`` and ``-``."""
    value = text(table, key)
    if value and not _NAME.fullmatch(value):
        allowed = "must be 1 to 64 letters, digits, _ . or -, a letter or digit first"
        table.refuse(key, f"= {quoted(value)}", allowed)
    return value


def texts(table: TomlTable, key: str, *, count: int | None = None) -> tuple[str, ...]:
    """Give a list of different texts, `count` of them where that is given."""
    value = table.content.get(key, [])
    fine = isinstance(value, list) and all(
        isinstance(entry, str) and entry.strip() and len(entry) <= 200 and not _LINES.search(entry)
        for entry in value
    )
    if not fine:
        table.refuse(key, f"= {quoted(value)}", 'must be a list of texts, ["…", "…"]')
        return ()
    found = tuple(entry.strip() for entry in cast(list[str], value))
    if key in table.content and count is not None and len(found) != count:
        table.refuse(key, f"has {len(found)} entries", f"must have exactly {count}")
    if len(set(found)) != len(found):
        table.refuse(key, "names one thing twice", "each entry once")
    return found


def day(table: TomlTable, key: str) -> dt.date | None:
    """Give a day written without quotation marks, ``2025-08-08``; None where there is none."""
    value = table.content.get(key)
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value
    if key in table.content:
        hint = " without quotation marks" if isinstance(value, str) else ""
        table.refuse(key, f"= {quoted(value)}", f"must be a day, 2025-08-08{hint}")
    return None


def integer(table: TomlTable, key: str, *, low: int, high: int) -> int:
    """Give a whole number in [`low`, `high`]."""
    value = table.content.get(key, low)
    if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
        return value
    allowed = " or ".join(map(str, (low, high))) if high - low == 1 else f"from {low} to {high}"
    table.refuse(key, f"= {quoted(value)}", f"must be a whole number, {allowed}")
    return low


def choice(table: TomlTable, key: str, allowed: Sequence[str]) -> str:
    """Give a word that is one of `allowed`."""
    value = table.content.get(key, allowed[0])
    if isinstance(value, str) and value in allowed:
        return value
    found = value if isinstance(value, str) else ""
    table.refuse(key, f"= {quoted(value)}", one_of(allowed, found))
    return allowed[0]
