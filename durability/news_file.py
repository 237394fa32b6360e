"""Writing to ``news.csv``: rows are added at its end, and what stands there stays as it is.

One process writes at a time, and the file is always whole: the new text is written beside it, then
put in its place. The bytes of earlier rows are kept, with their quoting, line ends and byte-order
mark; where the header lacks a column, it and a comma for each row are added once.
"""

from __future__ import annotations

import codecs
import contextlib
import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from durability.errors import WriteError
from durability.files import write_whole
from durability.news import LEDGER

WAIT_SECONDS: Final = 30.0
"""How long a writer waits for another: a write takes a fraction of a second."""


@contextlib.contextmanager
def locked(path: Path, *, wait_seconds: float = WAIT_SECONDS) -> Iterator[None]:
    """Keep other writers of a file out; the system lets go of the lock when a process dies.

    Raises
    ------
    WriteError
        The lock cannot be had; it says who may hold it.
    """
    from filelock import FileLock, Timeout

    place = path.parent / f".{path.name}.lock"
    lock = FileLock(place, timeout=wait_seconds, poll_interval=0.01)
    try:
        lock.acquire()
    except Timeout:
        raise WriteError(
            f"{path}: {_holder(place)} has held its lock, {place}, for {wait_seconds:g} seconds; "
            "nothing was changed. Wait for it, or end it, and try again"
        ) from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise WriteError(f"{place}: cannot be locked ({reason}); nothing was changed") from error
    try:
        yield
    finally:
        lock.release()


def _holder(lock: Path) -> str:
    """Say who holds a lock, by number where the system tells."""
    with contextlib.suppress(OSError):
        inode = lock.stat().st_ino
        told = Path("/proc/locks").read_text(encoding="ascii", errors="replace")
        found = re.findall(rf"FLOCK +\S+ +WRITE +(\d+) +\S+:{inode} ", told)
        if found:
            return f"process {found[0]}"
    return "another process, such as another durability news command,"


def remove_leftovers(path: Path) -> None:
    """Remove what writers that were killed have left beside a file; its lock must be held."""
    with contextlib.suppress(OSError):
        for left in path.parent.iterdir():
            if left.name.startswith(f".{path.name}.") and left.name.endswith(".part"):
                left.unlink(missing_ok=True)


def with_rows(data: bytes, rows: Sequence[Mapping[str, str]]) -> bytes:
    """Give a file with rows added at its end.

    Parameters
    ----------
    data : bytes
        A file that the reader accepts.
    rows : sequence of mapping of str to str
        Column to cell; a column without a cell is empty.

    Returns
    -------
    bytes
        `data`, with the columns that the rows need, and the rows.
    """
    mark = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""
    lines = io.StringIO(data[len(mark) :].decode("utf-8"), newline="").readlines()
    records = list(_records(lines))
    header = [cell.strip() for cell in records[0][1]]
    said = {column for row in rows for column, cell in row.items() if cell}
    lacking = [column for column in LEDGER if column not in header]
    lacking += sorted(said - set(header) - set(lacking))
    if lacking:
        for number, (last, _) in enumerate(records):
            added = "," * len(lacking) if number else f",{','.join(lacking)}"
            lines[last] = _bare(lines[last]) + added + _line_end(lines[last])
    end = _line_end(lines[records[0][0]]) or "\n"
    if not _line_end(lines[-1]):
        lines[-1] += end
    written = io.StringIO(newline="")
    writer = csv.writer(written, lineterminator=end)
    writer.writerows([row.get(column, "") for column in (*header, *lacking)] for row in rows)
    return mark + ("".join(lines) + written.getvalue()).encode("utf-8")


def _records(lines: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """Give each record that is not blank, with the index of its last line."""
    reader = csv.reader(lines, strict=True)
    for cells in reader:
        if any(cell.strip() for cell in cells):
            yield reader.line_num - 1, cells


def _line_end(line: str) -> str:
    return line[len(_bare(line)) :]


def _bare(line: str) -> str:
    return line.removesuffix("\n").removesuffix("\r")


def replace_whole(path: Path, old: bytes, new: bytes) -> bool:
    """Put new bytes in the place of the old; False where somebody else has changed the file.

    Programs that know nothing of the lock, such as a spreadsheet, may save at any time. Looking
    once more before the file is replaced leaves them a thousandth of a second to be overlooked.

    Raises
    ------
    WriteError
        The file cannot be written; what stood there still stands.
    """
    try:
        same = path.read_bytes() == old
    except OSError as error:
        reason = error.strerror or str(error)
        raise WriteError(f"{path}: cannot be read ({reason}); nothing was changed") from error
    if same:
        write_whole(path, new)
    return same
