"""One step from the news as they stand to the news with new rows.

Under the file's lock it is read and checked, the new rows are worked out from what stands there,
the whole new text is checked by the reader, and only then put in place. So what is accepted can be
read, writers at once never lose each other's rows, and a change that is refused or killed leaves
the file as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from durability import news_file
from durability.case_folders import find_case, is_writable, writable_case
from durability.cases import Case
from durability.errors import InputError, Problem, Problems, WriteError
from durability.news import NewsRow
from durability.news_entries import cells_of
from durability.news_ledger import collect_news
from durability.news_placing import Placed

_TRIES: Final = 5
"""How often a change starts anew when a program without the lock saves in between."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a change did.

    Parameters
    ----------
    folder : Path
        The case that was changed.
    copied_from : Path or None
        The case of which `folder` was made a copy first.
    rows : tuple of NewsItem or Retraction
        One for each thing asked for: the new row, or the row that said the same already.
    added : tuple of str
        Ids of the rows that are new.
    """

    folder: Path
    copied_from: Path | None
    rows: tuple[NewsRow, ...]
    added: tuple[str, ...]


def change_news(
    case_or_path: Case | str | Path, place: Callable[[Sequence[NewsRow]], Placed]
) -> Change:
    """Make a change to a case's news in one step.

    Parameters
    ----------
    case_or_path : Case, str or Path
    place : callable
        Given the rows that stand in the file, says which are to be added; called again where
        another program has saved the file in between.

    Raises
    ------
    InputError
        The file has faults, or would have; and what `place` raises.
    WriteError
        The file cannot be written; what stood there still stands.
    """
    found = case_or_path.folder if isinstance(case_or_path, Case) else find_case(case_or_path)
    if not is_writable(found):
        # What is refused, or there already, leaves no copy behind.
        _, _, tried = _worked_out(found / "news.csv", place)
        if not tried.new:
            return Change(folder=found, copied_from=None, rows=tried.rows, added=())
    folder = writable_case(found)
    path = (folder / "news.csv").resolve()
    with news_file.locked(path):
        news_file.remove_leftovers(path)
        for _ in range(_TRIES):
            placed = _written(path, place)
            if placed is not None:
                copied = None if folder == found else found
                added = tuple(row.id for row in placed.new)
                return Change(folder=folder, copied_from=copied, rows=placed.rows, added=added)
    raise WriteError(f"{path}: another program keeps saving it; nothing was changed")


def _written(path: Path, place: Callable[[Sequence[NewsRow]], Placed]) -> Placed | None:
    """Place rows and write the file; None where somebody else has saved it meanwhile."""
    old, new, placed = _worked_out(path, place)
    if placed.new and not news_file.replace_whole(path, old, new):
        return None
    return placed


def _worked_out(
    path: Path, place: Callable[[Sequence[NewsRow]], Placed]
) -> tuple[bytes, bytes, Placed]:
    """Give the file as it stands, as it would be, and its rows as they would be read back."""
    old = _bytes_of(path)
    placed = place(_checked(path, old))
    if not placed.new:
        return old, old, placed
    new = news_file.with_rows(old, [cells_of(row) for row in placed.new])
    after = {row.id: row for row in _checked(Path(f"{path} as it would be"), new)}
    return old, new, replace(placed, rows=tuple(after[row.id] for row in placed.rows))


def _checked(path: Path, data: bytes) -> tuple[NewsRow, ...]:
    problems = Problems()
    rows = collect_news(path, problems, data)
    problems.raise_any()
    return rows


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        found, allowed = "no such file", "a case has its news there"
    except OSError as error:
        found, allowed = error.strerror or "cannot be read", "check its rights"
    raise InputError([Problem(where=str(path), found=found, allowed=allowed)])
