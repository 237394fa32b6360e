"""Reading and writing files: whole or not at all.

Every file is read through :func:`read_text` (size, encoding, control characters) and written
through :func:`write_whole` (a temporary file beside it, fsync, rename).
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

from durability.errors import InputError, Problem, WriteError

MAX_BYTES = 20 * 2**20
"""Largest input file that is read: a news file of 20 MiB would hold some 50,000 items."""

NO_CONTROL = "must not hold control characters"
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def read_text(path: Path, *, max_bytes: int = MAX_BYTES) -> str:
    """Read a UTF-8 text file.

    Parameters
    ----------
    path : Path
    max_bytes : int
        Larger files are refused before they are read.

    Returns
    -------
    str
        The text, without a byte-order mark, line ends as ``\\n``.

    Raises
    ------
    InputError
        The file is missing, unreadable, too large, empty, not UTF-8, or has NUL characters.
    """
    try:
        size = path.stat().st_size
        if size > max_bytes:
            raise _too_large(path, size, max_bytes)
        data = path.read_bytes()
    except FileNotFoundError:
        raise _refused(path, "no such file", "check the path") from None
    except OSError as error:
        raise _refused(path, error.strerror or "cannot be read", "check its rights") from None
    return text_of(path, data, max_bytes=max_bytes)


def text_of(path: Path, data: bytes, *, max_bytes: int = MAX_BYTES) -> str:
    """Give the text of a file's bytes, read or about to be written; see :func:`read_text`."""
    if len(data) > max_bytes:
        raise _too_large(path, len(data), max_bytes)
    if not data.strip():
        raise _refused(path, "the file is empty", "it needs at least its header") from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # Of what follows a mark of byte order, where there is one.
        line = error.object.count(b"\n", 0, error.start) + 1
        raise _refused(
            f"{path} line {line}",
            f"byte 0x{error.object[error.start]:02x} is not UTF-8",
            "save the file as UTF-8",
        ) from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise _refused(f"{path} line {line}", "a NUL character", "only text is read")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _too_large(path: Path, size: int, max_bytes: int) -> InputError:
    found, most = f"{size / 2**20:.0f} MiB", f"at most {max_bytes / 2**20:.0f} MiB is read"
    return _refused(path, found, f"{most}; split the file or check its name")


def _refused(where: Path | str, found: str, allowed: str) -> InputError:
    return InputError([Problem(where=str(where), found=found, allowed=allowed)])


def holds_control(text: str) -> bool:
    """Whether a text holds control characters; tabs and breaks of lines are none here."""
    return _CONTROL.search(text) is not None


def write_whole(path: Path, data: bytes | str) -> Path:
    """Write a file whole or not at all.

    Parameters
    ----------
    path : Path
        Its folder is made where it is missing.
    data : bytes or str
        Text is written as UTF-8.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    WriteError
        Nothing was written, and what stood at `path` still stands.
    """
    raw = data.encode("utf-8") if isinstance(data, str) else data
    return write_through(path, lambda temporary: _write_bytes(temporary, raw))


def write_through(path: Path, write: Callable[[Path], None]) -> Path:
    """Let `write` fill a temporary file beside `path`, then put it in place.

    Parameters
    ----------
    path : Path
    write : callable
        Called with the temporary path; whatever it leaves there becomes `path`.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    WriteError
        As :func:`write_whole`.
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        write(temporary)
        _sync(temporary)
        # mkstemp gives 0600; a file people share gets what the umask allows.
        temporary.chmod(0o666 & ~_umask())
        os.replace(temporary, path)
        temporary = None
        _sync(path.parent)
    except OSError as error:
        reason = error.strerror or str(error)
        raise WriteError(f"{path}: cannot be written ({reason}); nothing was changed") from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink()
    return path


def _write_bytes(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
