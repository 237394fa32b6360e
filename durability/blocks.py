"""What a report is made of, before it becomes HTML or Markdown.

A report is a list of sections, a section a list of blocks. Both renderers walk the same blocks,
so ``report.md`` says what ``report.html`` says.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Text that leads to an address; made by :func:`linked`, so the address is safe."""

    text: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A number with what qualifies it: its interval and its Monte Carlo error."""

    main: str
    notes: tuple[str, ...]


Cell = str | Link | Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """The head of a column; numbers stand flush right, short text stays on one line."""

    title: str
    kind: Literal["text", "short", "wide", "number"] = "number"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table whose first column heads its rows.

    Parameters
    ----------
    name : str
        Identifier, unique in the report.
    caption : str
    columns : tuple of Column
    rows : tuple of tuple of Cell
        Each as long as `columns`.
    folded : bool
        Whether the HTML report shows it only when asked.
    """

    name: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    folded: bool = False

    @property
    def title(self) -> str:
        """The caption as far as its first stop."""
        return self.caption.split(":")[0].split(". ")[0].removesuffix(".")


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One plot: a title, an inline SVG, what it shows in words, and numbered notes."""

    title: str
    svg: str
    alt: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """Plots that share a caption and a table."""

    name: str
    caption: str
    panels: tuple[Panel, ...]
    table: Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """The head of a part of a section."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph:
    """A paragraph of prose."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bullets:
    """A list, each item a lead in bold (may be empty) and a text."""

    items: tuple[tuple[str, str], ...]


Block = Heading | Paragraph | Bullets | Table | Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of the report with its own place in the contents."""

    name: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The first screen: what the forecast says and how far to trust it."""

    sentences: tuple[str, ...]
    verdict: str
    reasons: tuple[str, ...]
    ok: bool
    probabilities: Table
    fan: Figure
    knowledge: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A whole report."""

    title: str
    subtitle: str
    answer: Answer
    sections: tuple[Section, ...]
    colophon: str


def text_columns(*titles: str) -> tuple[Column, ...]:
    """Give columns of text."""
    return tuple(Column(title=title, kind="text") for title in titles)


def number_columns(*titles: str) -> tuple[Column, ...]:
    """Give columns of numbers."""
    return tuple(Column(title=title) for title in titles)


def printable(value: Any) -> Any:
    """Make every text in a record fit to show, at any depth.

    Line breaks and tabs become spaces. Control characters, lone surrogates and the marks that
    turn the direction of writing (which can make a text read as another) become U+FFFD.
    """
    if isinstance(value, str):
        return "".join(map(_shown, value))
    if isinstance(value, dict):
        return {printable(key): printable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [printable(item) for item in value]
    return value


def _shown(character: str) -> str:
    if character in "\n\r\t\v\f\x85\u2028\u2029":
        return " "
    hidden = unicodedata.category(character) in {"Cc", "Cs", "Cn", "Co"}
    turning = unicodedata.bidirectional(character) in _TURNING
    return REPLACEMENT if hidden or turning else character


_TURNING = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})


def linked(text: str, address: str) -> Cell:
    """Give `text` as a link where `address` is a plain web address, else as text."""
    if not is_web_address(address):
        return text
    return Link(text=text or address, address=address)


def is_web_address(address: str) -> bool:
    """Tell whether an address is http or https, names a host, and hides nothing."""
    if any(not c.isprintable() or c.isspace() or c in "<>\"'`\\" for c in address):
        return False
    try:
        parts = urlsplit(address)
        named = bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        return False
    return named and parts.scheme in {"http", "https"}


def tables_of(blocks: Iterable[Block]) -> tuple[Table, ...]:
    """Give the tables of some blocks, those of figures included."""
    found = (b.table if isinstance(b, Figure) else b for b in blocks)
    return tuple(b for b in found if isinstance(b, Table))
