"""The forecast ledger: every forecast issued, append-only, so that none can be forgotten or edited.

Lines and their chain are :mod:`durability.ledger_chain`'s, what a line says of a forecast
:mod:`durability.ledger_entries`', and the files that it was made from
:mod:`durability.ledger_inputs`'. A line is recorded when it is on the disk: killed at any instant
before, the ledger is the old one, perhaps with an unfinished line that the next recording sets
aside.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from glob import escape
from itertools import islice
from pathlib import Path
from typing import Any, Final

from durability.errors import InputError, Problem, Problems, WriteError, quoted
from durability.files import write_whole
from durability.ledger_chain import (
    KEYS,
    MAX_LINE_BYTES,
    Chain,
    Link,
    canonical,
    hash_of,
    link_of,
    scan,
    written,
)
from durability.ledger_entries import check_entry, entry_of, read_entry
from durability.ledger_inputs import (
    Inputs,
    actual,
    check_inputs,
    gather_inputs,
    input_problem,
    read_inputs,
    restore_inputs,
    store_inputs,
    store_of,
)

__all__ = [
    "Inputs",
    "LedgerCheck",
    "LedgerLine",
    "gather_inputs",
    "read_ledger",
    "record_forecast",
    "restore_forecast",
    "verify_ledger",
]

LEDGER: Final = Path("forecasts", "ledger.jsonl")
"""Where forecasts are recorded unless another ledger is named."""

LOCK_SECONDS: Final = 60.0
"""How long one recording waits for others; each takes some milliseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerLine:
    """One forecast as it was recorded.

    Parameters
    ----------
    sequence : int
        Its number, from 1.
    recorded : str
        When, in UTC: ``2026-06-30T12:00:00.000000Z``.
    clock : str
        ``earlier than the line before`` where the machine's clock had gone backwards, else empty.
    previous, hash : str
        Hash of the line before, and its own.
    entry : mapping
        The forecast: what is in ``durability/data/ledger.schema.json``.
    """

    sequence: int
    recorded: str
    clock: str
    previous: str
    hash: str
    entry: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerCheck:
    """What a ledger was found to be.

    Parameters
    ----------
    path : Path
    count : int
        Lines.
    head : str
        Hash of the last one: who keeps it can tell later whether lines were dropped at the end.
    problems : tuple of Problem
        Everything that is wrong; empty where nothing is.
    set_aside : tuple of Path
        Unfinished lines that were moved out of the ledger when it was next recorded to.
    """

    path: Path
    count: int
    head: str
    problems: tuple[Problem, ...]
    set_aside: tuple[Path, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


# Recording ----------------------------------------------------------------------------------


def record_forecast(
    record: Mapping[str, Any],
    inputs: Inputs,
    *,
    ledger: str | Path = LEDGER,
    fit_key: str = "",
    method: Mapping[str, Any] | None = None,
) -> LedgerLine:
    """Record a forecast in a ledger.

    Before anything is written, the inputs are read and assembled again and must give the
    forecast's ``data_hash`` and prior set; and the whole chain is checked.

    Parameters
    ----------
    record : mapping
        The forecast, as ``forecast.json`` has it.
    inputs : Inputs
        Of :func:`durability.gather_inputs`, taken when the case was read.
    ledger : str or Path
        A file of JSON lines; made where it is missing. Inputs go to a folder beside it.
    fit_key : str
        Key of the fit behind the forecast, in the cache of fits.
    method : mapping, optional
        How the forecast was made: ``kind`` is ``fit`` (the default) or ``update``, and whatever
        else is worth keeping stands beside it.

    Returns
    -------
    LedgerLine
        It is on the disk.

    Raises
    ------
    InputError
        The record lacks something, the inputs are not those of the forecast, or the ledger is
        broken: then nothing more is recorded in it, and the message names each line.
    WriteError
        Nothing was recorded.
    """
    path = Path(ledger)
    entry = entry_of(
        record,
        inputs,
        fit_key=fit_key or str(record.get("fit", "")),
        method=method or {"kind": "fit"},
    )
    entry = _plain_json(entry)
    check_inputs(inputs, record)
    store_inputs(inputs, store_of(path))
    return append_entry(path, entry)


def check_ledger(path: Path) -> None:
    """Refuse a ledger that nothing can be recorded in; one that is yet to be made is fine.

    Raises
    ------
    InputError
        It is broken, or no ledger.
    """
    _refuse_broken(path, scan(path))


def append_entry(path: Path, entry: Mapping[str, Any]) -> LedgerLine:
    """Put an entry after the last line of a ledger, alone among all writers.

    Parameters
    ----------
    path : Path
    entry : mapping
        JSON as it is read back: keys are texts.

    Raises
    ------
    InputError, WriteError
        As :func:`record_forecast` raises them.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(path):
            chain = _mended(path, scan(path))
            recorded = _now().astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            raw = written(entry, after=chain.last, recorded=recorded)
            if len(raw) > MAX_LINE_BYTES:
                raise _refused(
                    path, f"{len(raw):,} bytes", f"a line has at most {MAX_LINE_BYTES:,}"
                )
            _append(path, raw, chain.size)
    except OSError as error:
        reason = error.strerror or str(error)
        raise WriteError(f"{path}: cannot be written ({reason}); nothing was recorded") from error
    return _line(json.loads(raw), entry)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Keep every other writer out; the system ends the lock of a process that dies."""
    from filelock import FileLock, Timeout

    path = actual(path)
    lock = FileLock(path.with_name(f"{path.name}.lock"), timeout=LOCK_SECONDS)
    try:
        lock.acquire(poll_interval=0.01)
    except Timeout:
        told = f"another process has held {lock.lock_file} for {LOCK_SECONDS:.0f} seconds"
        raise WriteError(f"{path}: {told}; nothing was recorded") from None
    try:
        yield
    finally:
        lock.release()


def _mended(path: Path, chain: Chain) -> Chain:
    """Refuse a broken chain; finish or set aside a line whose writing was cut short."""
    _refuse_broken(path, chain)
    if not chain.tail:
        return chain
    link = link_of(chain.tail, chain.count + 1)
    if link is not None and _follows(link, chain) and hash_of(chain.tail) == link.hash:
        _append(path, b"\n", chain.size + len(chain.tail))
        whole = chain.size + len(chain.tail) + 1
        return replace(chain, last=link, count=chain.count + 1, size=whole, tail=b"")
    # Its name says its content: killed in between, the next attempt writes the same file again.
    name = hashlib.sha256(chain.tail).hexdigest()[:16]
    write_whole(path.with_name(f"{path.name}.torn-{name}"), chain.tail)
    _cut(path, chain.size)
    return replace(chain, tail=b"")


def _refuse_broken(path: Path, chain: Chain) -> None:
    if chain.problems:
        allowed = "nothing more is recorded in a broken ledger; begin another with --ledger"
        rest = Problem(where=str(path), found="the chain is broken", allowed=allowed)
        raise InputError([*chain.problems, rest])


def _follows(link: Link, chain: Chain) -> bool:
    sequence = chain.last.sequence + 1 if chain.last else 1
    return link.sequence == sequence and link.previous == chain.head


def _append(path: Path, raw: bytes, size: int) -> None:
    """Write at the end and wait for the disk; on failure the file is as long as it was."""
    is_new = not path.exists()
    handle = os.open(
        path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666
    )
    try:
        try:
            left = memoryview(raw)
            while left:
                left = left[os.write(handle, left) :]
            os.fsync(handle)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(handle, size)
                os.fsync(handle)
            raise
    finally:
        os.close(handle)
    if is_new:
        _sync_folder(path.parent)


def _cut(path: Path, size: int) -> None:
    with path.open("r+b") as file:
        file.truncate(size)
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _plain_json(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Give an entry as it will be read back, so that it is written the same for ever."""
    try:
        found = json.loads(canonical(entry))
        if canonical(json.loads(canonical(found))) != canonical(found):
            raise ValueError("it is not read back as it is written")
    except (TypeError, ValueError, RecursionError) as error:
        raise _refused("forecast", f"not JSON: {error}", "numbers are finite, keys texts") from None
    return dict(found)


# Reading ------------------------------------------------------------------------------------


def read_ledger(path: str | Path = LEDGER) -> Iterator[LedgerLine]:
    """Read a ledger, oldest forecast first.

    The whole chain is checked before the first line is given. An unfinished line at the end, which
    a killed process leaves, was never recorded and is left out.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    iterator of LedgerLine
        One at a time: a long ledger needs no more memory than a short one.

    Raises
    ------
    InputError
        There is no such file, or it is broken: every problem with its line. An entry that is not
        one is told when its line is reached.
    """
    file = _existing(path)
    chain = scan(file)
    if chain.problems:
        raise InputError(chain.problems)
    return _lines_of(file, chain.count)


def _lines_of(path: Path, count: int) -> Iterator[LedgerLine]:
    with path.open("rb") as file:
        for number, raw in enumerate(islice(file, count), start=1):
            yield _parsed(raw[:-1], number, f"{path} line {number}")


def _parsed(raw: bytes, number: int, where: str) -> LedgerLine:
    link = link_of(raw, number)
    if link is None or hash_of(raw) != link.hash:
        raise _refused(where, "changed while it was read", "read the ledger again")
    problems = Problems()
    line = _json(raw, where, problems)
    problems.raise_any()
    return _line(line, read_entry(line["entry"], where))


def _line(line: Mapping[str, Any], entry: Mapping[str, Any]) -> LedgerLine:
    return LedgerLine(
        sequence=line["sequence"],
        recorded=line["recorded"],
        clock=line.get("clock", ""),
        previous=line["previous"],
        hash=line["hash"],
        entry=entry,
    )


def _json(raw: bytes, where: str, problems: Problems) -> dict[str, Any]:
    """Parse a line whose link holds, and refuse all but the canonical form."""
    found: Any = None
    try:
        found = json.loads(raw)
        same = canonical(found) == raw
    except (ValueError, RecursionError) as error:
        problems.add(where, f"not JSON: {error}", "take the line from a copy")
        return {}
    if not same:
        allowed = "keys sorted, no blanks, only ASCII, no key twice"
        problems.add(where, "not canonical JSON", allowed)
    unknown = sorted(set(found) - {*KEYS, "clock"})
    if unknown:
        told = ", ".join(quoted(key) for key in unknown)
        problems.add(where, f"unknown {told}", f"a line has {', '.join(KEYS)}, and perhaps clock")
    try:
        dt.datetime.fromisoformat(found["recorded"])
    except ValueError:
        problems.add(where, f"recorded {quoted(found['recorded'])}", "no such time")
    return dict(found)


def _existing(path: str | Path) -> Path:
    found = Path(path)
    if "\0" in str(path) or not found.exists():
        raise _refused(quoted(path), "no such ledger", "record a forecast with --record")
    return found


def _refused(where: object, found: str, allowed: str) -> InputError:
    return InputError([Problem(where=str(where), found=found, allowed=allowed)])


# Verifying ----------------------------------------------------------------------------------


def verify_ledger(
    path: str | Path = LEDGER, *, head: str | None = None, count: int | None = None
) -> LedgerCheck:
    """Check every line of a ledger, how they hang together, and every input that they name.

    Parameters
    ----------
    path : str or Path
    head : str, optional
        A hash that was the last line's at some time, in whole: it must still be in the chain.
    count : int, optional
        How many lines there were at some time: there must be as many.

    Returns
    -------
    LedgerCheck
        With every problem at once.

    Raises
    ------
    InputError
        There is no such file, or it cannot be read.

    Notes
    -----
    A chain cannot show that its last lines were dropped. Keep `head` somewhere else, and it can.
    """
    file = _existing(path)
    found = _verified(file)
    if found.tail:
        # Perhaps another process was just writing it.
        with contextlib.suppress(OSError, WriteError), _locked(file):
            found = _verified(file)
    problems = Problems()
    problems.extend(found.problems)
    if found.tail:
        cut = f"an unfinished line of {len(found.tail):,} bytes"
        allowed = (
            "a recording was cut short, or the last line was; the next recording sets it aside"
        )
        problems.add(f"{file} line {found.count + 1}", cut, allowed)
    if head is not None and head not in found.hashes:
        told = f"no line has the hash {quoted(head, limit=80)}"
        problems.add(str(file), told, "lines were dropped at the end, or all were replaced")
    if count is not None and found.count < count:
        told = f"{found.count:,} lines, not the {count:,} that there were"
        problems.add(str(file), told, "lines were dropped")
    torn = sorted(file.parent.glob(f"{escape(file.name)}.torn-*"))
    return LedgerCheck(
        path=file,
        count=found.count,
        head=found.head,
        problems=problems.found,
        set_aside=tuple(torn),
    )


def _verified(path: Path) -> Chain:
    """Scan a ledger, and check what its lines say and the inputs that they name."""
    problems, store = Problems(), store_of(path)
    known: dict[tuple[str, str], Problem | None] = {}

    def look(link: Link, raw: bytes) -> None:
        where = f"{path} line {link.number}"
        line = _json(raw, where, problems)
        before = len(problems)
        if line:
            check_entry(line["entry"], where, problems)
        if not line or len(problems) > before:
            return
        for name, digest in line["entry"]["inputs"].items():
            if (name, digest) not in known:
                known[name, digest] = input_problem(store, name, digest, where)
                problems.extend(filter(None, [known[name, digest]]))

    chain = scan(path, look=look)
    return replace(chain, problems=(*chain.problems, *problems.found))


# Making a forecast again --------------------------------------------------------------------


def restore_forecast(line: LedgerLine, ledger: str | Path, path: str | Path) -> tuple[Path, Path]:
    """Write the case's folder and the prior file of a recorded forecast, as they were.

    Parameters
    ----------
    line : LedgerLine
        Of :func:`read_ledger`.
    ledger : str or Path
        Where it was read.
    path : str or Path
        A folder to make; nothing may stand there.

    Returns
    -------
    tuple of Path
        The case's folder and the prior file. With the seed and settings of the line, and the same
        versions, a forecast of them gives the same numbers.

    Raises
    ------
    InputError
        An input is missing or altered, or something stands at `path`.
    WriteError
        It cannot be written; nothing is left of it.
    """
    entry = line.entry
    inputs = read_inputs(
        store_of(Path(ledger)),
        entry["inputs"],
        case=entry["case"],
        priors=entry["prior_set"]["name"],
    )
    return restore_inputs(inputs, Path(path))
