"""Reading TOML with the line of every table and key, which tomllib does not tell."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from durability.errors import InputError, Problem
from durability.files import read_text

_HEADER = re.compile(r"""\s*\[\s*(?P<quote>["']?)(?P<name>[^"'\]]*|[^"']*)(?P=quote)\s*\]""")
_KEY = re.compile(r"""\s*(?P<quote>["']?)(?P<key>[\w.\[\],-]+)(?P=quote)\s*=""")


@dataclass(frozen=True, slots=True, kw_only=True)
class TomlFile:
    """A TOML file as read, and where its tables and keys stand.

    Parameters
    ----------
    path : Path
    content : mapping of str to object
    lines : mapping of (str, str) to int
        Line of ``(table, key)``; of ``(table, "")`` for a table's header, and ``("", key)`` for a
        key above every table.
    """

    path: Path
    content: Mapping[str, object]
    lines: Mapping[tuple[str, str], int]

    def where(self, table: str = "", key: str = "") -> str:
        """Name the file, and the line of a key, else of its table, where it is known."""
        line = self.lines.get((table, key)) or self.lines.get((table, ""))
        return f"{self.path} line {line}" if line else str(self.path)


def read_toml(path: Path) -> TomlFile:
    """Read a TOML file.

    Raises
    ------
    InputError
        It cannot be read as text, or is not TOML; with the line where the syntax breaks.
    """
    return toml_of(path, read_text(path))


def toml_of(path: Path, text: str) -> TomlFile:
    """Read the text of a TOML file; see :func:`read_toml`."""
    try:
        content = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        # tomllib says "… (at line 3, column 7)"; a huge number or deep nesting has no place.
        said, _, place = str(error).partition(" (at ")
        line = re.match(r"line (\d+)", place)
        where = f"{path} line {line[1]}" if line else str(path)
        problem = Problem(where=where, found=f"not TOML: {said}", allowed="mend the syntax")
        raise InputError([problem]) from None
    return TomlFile(path=path, content=content, lines=_lines(text))


def _lines(text: str) -> dict[tuple[str, str], int]:
    """Find headers and keys line by line.

    Only messages depend on it; a layout that it cannot follow costs the line number.
    """
    lines: dict[tuple[str, str], int] = {}
    table, inside = "", False
    for number, line in enumerate(text.split("\n"), start=1):
        if not inside:
            if header := _HEADER.match(line):
                table = header["name"].strip()
                lines.setdefault((table, ""), number)
            elif key := _KEY.match(line):
                lines.setdefault((table, key["key"]), number)
        if (line.count('"""') + line.count("'''")) % 2:
            inside = not inside
    return lines
