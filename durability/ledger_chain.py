"""A chain of JSON lines: how a line is written, how the next one is put after it, what is wrong.

A line is the canonical JSON of ``entry``, ``hash``, ``previous``, ``recorded`` and ``sequence``
(and ``clock`` where the clock went backwards): keys sorted, no blanks, only ASCII, finite numbers.
``hash`` is the SHA-256 of the same JSON without ``hash``, ``previous`` the hash of the line before.
So a line that is altered, dropped, repeated or moved shows; lines dropped at the end do not, unless
somebody kept the hash of the last one.
"""

from __future__ import annotations

import hashlib
import json
import re
import stat
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from durability.errors import InputError, Problem, Problems, quoted
from durability.wording import counted

BEFORE_THE_FIRST: Final = "0" * 64
"""What the first line has as ``previous``."""

EARLIER: Final = "earlier than the line before"
"""What ``clock`` says of a line whose time is; the order is the sequence's."""

MAX_LINE_BYTES: Final = 2**20
"""A forecast takes about 8 KiB; a line that is longer than this is none of ours."""

MAX_BYTES: Final = 2**31
MAX_LINES: Final = 1_000_000
MAX_PROBLEMS: Final = 1000
"""Problems that are told one by one; the others are counted."""

KEYS: Final = ("entry", "hash", "previous", "recorded", "sequence")

_STARTS = (b'{"entry":{', f'{{"clock":"{EARLIER}","entry":{{'.encode())
_HASH_MARK: Final = b',"hash":"'
_HASH_BYTES: Final = len(_HASH_MARK) + 64 + 1
_END = re.compile(
    rb',"hash":"(?P<hash>[0-9a-f]{64})","previous":"(?P<previous>[0-9a-f]{64})",'
    rb'"recorded":"(?P<recorded>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z)",'
    rb'"sequence":(?P<sequence>[1-9][0-9]{0,11})\}'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What ties a line to its neighbours.

    Parameters
    ----------
    number : int
        Its place in the file, from 1.
    sequence : int
    recorded, previous, hash : str
    earlier : bool
        Whether it says that its time is earlier than that of the line before.
    """

    number: int
    sequence: int
    recorded: str
    previous: str
    hash: str
    earlier: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """What stands in a file of lines.

    Parameters
    ----------
    count : int
        Lines that end as lines do.
    last : Link or None
        The last of them that can be read.
    size : int
        Bytes up to the end of the last line.
    tail : bytes
        What follows it and does not end: a line whose writing was cut short.
    hashes : frozenset of str
        Of every line that holds.
    problems : tuple of Problem
    """

    count: int
    last: Link | None
    size: int
    tail: bytes
    hashes: frozenset[str]
    problems: tuple[Problem, ...]

    @property
    def head(self) -> str:
        """Hash of the last line."""
        return self.last.hash if self.last else BEFORE_THE_FIRST


# Writing a line -----------------------------------------------------------------------------


def canonical(value: Any) -> bytes:
    """Write JSON in the one way that is hashed.

    Raises
    ------
    ValueError
        A number is not finite.

    Examples
    --------
    >>> canonical({"b": 1.50, "a": ["–", True]})
    b'{"a":["\\\\u2013",true],"b":1.5}'
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode("ascii")


def written(entry: Mapping[str, Any], *, after: Link | None, recorded: str) -> bytes:
    """Give the line that holds an entry after another line, its end included."""
    line = {
        "entry": entry,
        "previous": after.hash if after else BEFORE_THE_FIRST,
        "recorded": recorded,
        "sequence": after.sequence + 1 if after else 1,
    }
    if after and recorded < after.recorded:
        line["clock"] = EARLIER
    line["hash"] = hashlib.sha256(canonical(line)).hexdigest()
    return canonical(line) + b"\n"


def link_of(raw: bytes, number: int) -> Link | None:
    """Read how a line (without its end) is tied to others; None where it is no line."""
    place = raw.rfind(_HASH_MARK)
    found = _END.fullmatch(raw, place) if place >= 0 and raw.startswith(_STARTS) else None
    if found is None:
        return None
    return Link(
        number=number,
        sequence=int(found["sequence"]),
        recorded=found["recorded"].decode(),
        previous=found["previous"].decode(),
        hash=found["hash"].decode(),
        earlier=raw.startswith(_STARTS[1]),
    )


def hash_of(raw: bytes) -> str:
    """Hash what a line (without its end) says beside its own hash."""
    place = raw.rfind(_HASH_MARK)
    digest = hashlib.sha256(raw[:place])
    digest.update(raw[place + _HASH_BYTES :])
    return digest.hexdigest()


# Reading the file ---------------------------------------------------------------------------


def scan(path: Path, *, look: Callable[[Link, bytes], None] | None = None) -> Chain:
    """Read every line and say all that is wrong with the chain.

    Parameters
    ----------
    path : Path
        A file that is missing is a chain without lines.
    look : callable, optional
        Called with each line that holds, and its bytes without the end.

    Returns
    -------
    Chain

    Raises
    ------
    InputError
        The file cannot be read, or is far larger than any ledger.
    """
    problems, links = Problems(), _Links(path)
    count = size = 0
    last: Link | None = None
    tail = b""
    try:
        for count_so_far, (raw, length, ended) in enumerate(_lines(path), start=1):
            if not ended and length <= MAX_LINE_BYTES:
                tail = raw
                break
            count, size = count_so_far, size + length
            _refuse_lines(path, count)
            link = _held(path, raw, length, count, problems)
            links.add(link)
            if link is not None:
                last = link
                if look is not None:
                    look(link, raw[:-1])
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error), "check its rights") from None
    problems.extend(links.problems())
    return Chain(
        count=count,
        last=last,
        size=size,
        tail=tail,
        hashes=links.hashes(),
        problems=_shortened(path, problems),
    )


def _lines(path: Path) -> Iterator[tuple[bytes, int, bool]]:
    """Give each line's bytes (cut where it is too long), its length, and whether it ended."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return
    if not stat.S_ISREG(found.st_mode):
        raise _unreadable(path, "not a file", "give the path of a ledger")
    if found.st_size > MAX_BYTES:
        allowed = f"at most {MAX_BYTES // 2**30} GiB is read; begin another ledger"
        raise _unreadable(path, f"{found.st_size / 2**30:.1f} GiB", allowed)
    with path.open("rb") as file:
        while raw := file.readline(MAX_LINE_BYTES + 1):
            ended = raw.endswith(b"\n")
            length = len(raw) if ended or len(raw) <= MAX_LINE_BYTES else len(raw) + _rest(file)
            yield raw, length, ended


def _rest(file: BinaryIO) -> int:
    """Pass over what is left of a line that is too long."""
    length = 0
    while piece := file.readline(MAX_LINE_BYTES):
        length += len(piece)
        if piece.endswith(b"\n"):
            break
    return length


def _held(path: Path, raw: bytes, length: int, number: int, problems: Problems) -> Link | None:
    """Give a line's link where its hash holds; else say what is wrong with it."""
    where = f"{path} line {number}"
    link = link_of(raw[:-1], number) if length <= MAX_LINE_BYTES else None
    if link is None:
        told = f"{counted(length, 'byte')}, which begin {_told(raw)}"
        problems.add(where, f"not a line of a ledger: {told}", "take the file from a copy")
        return None
    computed = hash_of(raw[:-1])
    if computed != link.hash:
        found = f"altered: its hash is {link.hash[:12]}…, its content's {computed[:12]}…"
        problems.add(where, found, "take the line from a copy; nothing else can mend it")
        return None
    return link


def _told(raw: bytes) -> str:
    return quoted(raw[:40].decode("utf-8", "backslashreplace").rstrip("\n"), limit=48)


def _refuse_lines(path: Path, count: int) -> None:
    if count > MAX_LINES:
        allowed = f"at most {MAX_LINES:,} lines are read; begin another ledger"
        raise _unreadable(path, "more lines than any ledger", allowed)


def _unreadable(path: Path, found: str, allowed: str) -> InputError:
    return InputError([Problem(where=str(path), found=found, allowed=allowed)])


def _shortened(path: Path, problems: Problems) -> tuple[Problem, ...]:
    found = problems.found
    if len(found) <= MAX_PROBLEMS:
        return found
    more = f"{len(found) - MAX_PROBLEMS:,} more problems"
    rest = Problem(where=str(path), found=more, allowed="it is hardly a ledger")
    return (*found[:MAX_PROBLEMS], rest)


# Holding lines against each other -----------------------------------------------------------


class _Links:
    """Every line that holds, to be held against the others when all are known."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._by_sequence: dict[int, Link] = {}
        self._problems = Problems()
        self._gaps: list[tuple[int, int, int, int]] = []
        self._highest = 0
        self._unknown = 0

    def add(self, link: Link | None) -> None:
        """Take the next line; None for one that does not hold and may be any."""
        if link is None:
            self._unknown += 1
            return
        earlier = self._by_sequence.setdefault(link.sequence, link)
        if earlier is not link:
            same = "the same" if earlier.hash == link.hash else "another"
            found = f"repeated: sequence {link.sequence} stands on line {earlier.number}, {same}"
            self._note(link, found, "a sequence stands once; take one of the two out")
        elif link.sequence < self._highest:
            found = f"reordered: sequence {link.sequence} stands after {self._highest}"
            self._note(link, found, "lines stand in the order of their sequence; put it back")
        else:
            if link.sequence > self._highest + 1 + self._unknown:
                gap = (self._highest + 1, link.sequence - 1, self._unknown, link.number)
                self._gaps.append(gap)
            self._highest = link.sequence
        self._unknown = 0

    def hashes(self) -> frozenset[str]:
        return frozenset(link.hash for link in self._by_sequence.values())

    def problems(self) -> Iterator[Problem]:
        """Say what is wrong between lines, once all are known."""
        self._note_gaps()
        for link in self._by_sequence.values():
            self._note_break(link)
        yield from self._problems.found

    def _note_gaps(self) -> None:
        known = sorted(self._by_sequence)
        for first, last, unknown, number in self._gaps:
            elsewhere = bisect_right(known, last) - bisect_left(known, first)
            missing = last - first + 1 - elsewhere - unknown
            if missing > 0:
                lines = counted(missing, "line")
                which = f"sequence {first}" if first == last else f"sequences {first} to {last}"
                found = f"dropped: {lines} of {which} missing before it"
                where = f"{self._path} line {number}"
                self._problems.add(where, found, "take what is missing from a copy")

    def _note_break(self, link: Link) -> None:
        before = self._by_sequence.get(link.sequence - 1)
        if link.sequence == 1 and link.previous != BEFORE_THE_FIRST:
            self._note(link, "not the first line: it names one before it", "take it from a copy")
        if before is None:
            return
        if link.previous != before.hash:
            found = (
                f"does not follow line {before.number}: it names {link.previous[:12]}… as the "
                f"line before, which has {before.hash[:12]}…"
            )
            self._note(link, found, "one of the two was replaced; take both from a copy")
        elif (link.recorded < before.recorded) != link.earlier:
            allowed = f'"clock" says "{EARLIER}" where it is, and nowhere else'
            self._note(link, f"recorded {link.recorded}, after {before.recorded}", allowed)

    def _note(self, link: Link, found: str, allowed: str) -> None:
        self._problems.add(f"{self._path} line {link.number}", found, allowed)
