"""The report as Markdown: the same sections, sentences and tables, plots in words.

Whatever came from a case file is escaped, so that it shows as it was written and does nothing:
no markup, no link, no break out of its cell.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from durability.blocks import (
    Block,
    Bullets,
    Cell,
    Figure,
    Heading,
    Link,
    Paragraph,
    Report,
    Table,
    is_web_address,
)

_SPECIAL = re.compile(r"([\\`*_{}\[\]|~#$])")
_OPENING = re.compile(r"^([-+](?=\s|$)|[-=](?=[-=])|\d+(?=[.)](\s|$)))")
_ADDRESS_UNSAFE = {"(": "%28", ")": "%29", "<": "%3C", ">": "%3E", "|": "%7C", " ": "%20"}


def to_markdown(report: Report) -> str:
    """Write a report as GitHub-flavoured Markdown.

    Parameters
    ----------
    report : Report

    Returns
    -------
    str
        A failed verdict is its first line.
    """
    answer = report.answer
    parts: list[str] = []
    if not answer.ok:
        parts.append(f"**{escaped(answer.verdict)}**")
        parts += _bullets([("", reason) for reason in answer.reasons])
    parts += [f"# {escaped(report.title)}", escaped(report.subtitle)]
    parts.append(escaped(" ".join(answer.sentences)))
    parts += _table(answer.probabilities)
    parts.append(f"**Verdict:** {escaped(answer.verdict)}")
    parts += _figure(answer.fan)
    parts += [escaped(paragraph) for paragraph in answer.knowledge]
    for section in report.sections:
        parts.append(f"## {escaped(section.title)}")
        for block in section.blocks:
            parts += _block(block)
    parts += ["---", escaped(report.colophon)]
    return "\n\n".join(part for part in parts if part) + "\n"


def escaped(text: str) -> str:
    """Make a text mean itself in Markdown.

    Examples
    --------
    >>> escaped("<b>a|b</b> [x](y)")
    '&lt;b&gt;a\\\\|b&lt;/b&gt; \\\\[x\\\\](y)'
    """
    plain = " ".join(text.split())
    plain = plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    plain = _SPECIAL.sub(r"\\\1", plain)
    # Addresses in running text would become links by themselves.
    plain = re.sub(r"(?i)\b(https?|ftp)://", r"\1&#58;//", plain)
    plain = re.sub(r"(?i)\bwww\.", "www&#46;", plain)
    # What would begin a list, a rule or a heading, if the text stood at the start of a line.
    return _OPENING.sub(lambda found: f"&#{ord(found[0][0])};{found[0][1:]}", plain)


def _block(block: Block) -> list[str]:
    match block:
        case Heading():
            return [f"### {escaped(block.text)}"]
        case Paragraph():
            return [escaped(block.text)]
        case Bullets():
            return _bullets(block.items)
        case Table():
            return _table(block)
        case Figure():
            return _figure(block)


def _bullets(items: Sequence[tuple[str, str]]) -> list[str]:
    lines = []
    for lead, text in items:
        lines.append(f"- **{escaped(lead)}.** {escaped(text)}" if lead else f"- {escaped(text)}")
    return ["\n".join(lines)]


def _figure(figure: Figure) -> list[str]:
    parts = [f"*Figure. {escaped(figure.caption)}*"]
    for panel in figure.panels:
        title = f"**{escaped(panel.title)}.** " if panel.title else ""
        parts.append(f"{title}{escaped(panel.alt)}")
        if panel.notes:
            numbered = [f"{i}. {escaped(note)}" for i, note in enumerate(panel.notes, start=1)]
            parts.append("\n".join(numbered))
    return parts + _table(figure.table)


def _table(table: Table) -> list[str]:
    heads = [escaped(column.title) or "&nbsp;" for column in table.columns]
    rules = ["---:" if column.kind == "number" else "---" for column in table.columns]
    lines = [_line(heads), _line(rules)]
    lines += [_line([_cell(value) for value in row]) for row in table.rows]
    return [f"*{escaped(table.caption)}*", "\n".join(lines)]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(value: Cell) -> str:
    if isinstance(value, str):
        return escaped(value)
    if isinstance(value, Link):
        return _link(value)
    notes = f" ({escaped('; '.join(value.notes))})" if value.notes else ""
    return f"{escaped(value.main)}{notes}"


def _link(link: Link) -> str:
    if not is_web_address(link.address):
        return escaped(link.text)
    address = "".join(_ADDRESS_UNSAFE.get(c, c) for c in link.address)
    return f"[{escaped(link.text)}](<{address}>)"
