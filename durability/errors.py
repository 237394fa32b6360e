"""Errors that a person can act on: where, what was found, what is allowed, what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


class DurabilityError(Exception):
    """Any error that the library raises on purpose."""

    exit_status = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing wrong with an input.

    Parameters
    ----------
    where : str
        File, and where it has them line and column: ``cases/x/news.csv line 14``.
    found : str
        What stands there.
    allowed : str
        What may stand there, or what to do.
    """

    where: str
    found: str
    allowed: str

    def __str__(self) -> str:
        return f"{self.where}: {self.found}; {self.allowed}"


class InputError(DurabilityError):
    """Everything wrong with an input, at once.

    Parameters
    ----------
    problems : iterable of Problem
        At least one.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class WriteError(DurabilityError):
    """A file or folder could not be written; what stood there before still stands."""


class SamplingError(DurabilityError):
    """The sampler could not start, or stopped before the trace was whole."""


class Problems:
    """Collects problems while a file is read, so that all are told in one run."""

    def __init__(self) -> None:
        self._found: list[Problem] = []

    def add(self, where: str, found: str, allowed: str) -> None:
        """Note one problem."""
        self._found.append(Problem(where=where, found=found, allowed=allowed))

    def extend(self, problems: Iterable[Problem]) -> None:
        """Note problems found elsewhere."""
        self._found.extend(problems)

    @property
    def found(self) -> tuple[Problem, ...]:
        """Everything noted so far."""
        return tuple(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def raise_any(self) -> None:
        """Raise :class:`InputError` when anything was noted."""
        if self._found:
            raise InputError(self._found)


def quoted(value: object, *, limit: int = 60) -> str:
    """Quote a value from a file on one line, control characters escaped, cut at `limit`."""
    text = str(value)
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    escaped = "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text
    )
    return f'"{escaped}"'


def one_of(allowed: Sequence[str], found: str = "") -> str:
    """Say which words are allowed, and which one was probably meant."""
    close = difflib.get_close_matches(found, allowed, n=1)
    hint = f"; did you mean {quoted(close[0])}?" if close else ""
    return f"must be one of {', '.join(allowed)}{hint}"
