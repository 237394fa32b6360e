"""What a person sees while a forecast is made: stages, chains, time spent and time left.

Everything goes to standard error, so that standard output holds the answer and nothing else. On a
terminal the display is drawn by rich; elsewhere it is a few plain lines.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Protocol, TextIO

from durability.interrupts import heard

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

STAGES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "read": "Reading the case and history",
        "import": "Loading the sampler",
        "compile": "Compiling the model",
        "sample": "Sampling",
        "judge": "Judging the draws",
        "sensitivities": "Refitting under other assumptions",
        "predict": "Forecasting",
        "report": "Writing the report",
    }
)
"""Stages of a forecast in order, and what a person is told."""

QUIET_SECONDS = 10.0
"""Shortest time between two plain lines about the chains: a log should stay readable."""


class Progress(Protocol):
    """Receives what a long computation is doing."""

    def stage(self, name: str) -> None:
        """Begin a stage, and end the one before.

        Parameters
        ----------
        name : str
            A key of :data:`STAGES`; another name is shown as it is.
        """
        ...

    def chains(self, finished: Sequence[int], total: int, divergences: int) -> None:
        """Tell how far each chain has come.

        Parameters
        ----------
        finished : sequence of int
            Draws done by each chain, warm-up included.
        total : int
            Draws that each chain is to make, warm-up included.
        divergences : int
            Divergent transitions so far, over all chains.
        """
        ...

    def counted(self, done: int, total: int) -> None:
        """Tell how many of several like things are done.

        Parameters
        ----------
        done, total : int
        """
        ...

    def done(self) -> None:
        """End the last stage."""
        ...


class NullProgress:
    """Shows nothing."""

    def stage(self, name: str) -> None:
        """Ignore it."""

    def chains(self, finished: Sequence[int], total: int, divergences: int) -> None:
        """Ignore it."""

    def counted(self, done: int, total: int) -> None:
        """Ignore it."""

    def done(self) -> None:
        """Ignore it."""


class Part(NullProgress):
    """Progress of one of several fits of a stage, told as a part of all of them.

    Parameters
    ----------
    whole : Progress
    done : int
        Fits that came before.
    fits : int
        In all.
    """

    def __init__(self, whole: Progress, done: int, fits: int) -> None:
        self._whole, self._done, self._fits = whole, done, fits

    def chains(self, finished: Sequence[int], total: int, divergences: int) -> None:
        """Tell how far each chain has come, the fits before this one counted."""
        so_far = [self._done * total + each for each in finished]
        self._whole.chains(so_far, self._fits * total, divergences)


@contextmanager
def timed_stage(timings: dict[str, float], name: str, progress: Progress) -> Iterator[None]:
    """Tell of a stage while the block runs, hear Ctrl-C, and write down its seconds by its name."""
    progress.stage(name)
    began = time.monotonic()
    try:
        with heard():
            yield
    finally:
        timings[name] = time.monotonic() - began


@contextmanager
def show_progress(stream: TextIO | None = None) -> Iterator[Progress]:
    """Show progress on a stream until the block ends, however it ends.

    Parameters
    ----------
    stream : text file, optional
        Standard error if not given.

    Yields
    ------
    Progress
        Bars on a terminal, plain lines elsewhere.
    """
    stream = sys.stderr if stream is None else stream
    if not stream.isatty():
        yield PlainProgress(stream)
        return
    shown = TerminalProgress(stream)
    try:
        yield shown
    finally:
        shown.close()


class PlainProgress:
    """A line when a stage begins, one when it ends, and a few while chains run.

    Parameters
    ----------
    stream : text file
    clock : callable
        Seconds; only their differences matter.
    """

    def __init__(self, stream: TextIO, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._name = ""
        self._since = 0.0
        self._told = 0.0
        self._divergences = 0

    def stage(self, name: str) -> None:
        """Begin a stage, and end the one before."""
        self.done()
        self._name, self._since, self._divergences = name, self._clock(), 0
        self._told = self._since
        self._say(f"{STAGES.get(name, name)} …")

    def chains(self, finished: Sequence[int], total: int, divergences: int) -> None:
        """Write a line, unless the last one is younger than :data:`QUIET_SECONDS`."""
        self._divergences = divergences
        now = self._clock()
        if now - self._told < QUIET_SECONDS:
            return
        self._told = now
        done, whole = sum(finished), total * len(finished)
        left = time_left(now - self._since, done, whole)
        ending = f", {spell_seconds(left)} left" if left is not None else ""
        self._say(f"  {done} of {whole} draws{ending}{_divergent(divergences)}")

    def counted(self, done: int, total: int) -> None:
        """Write a line for each, with the time left."""
        left = time_left(self._clock() - self._since, done, total)
        ending = f", {spell_seconds(left)} left" if left is not None else ""
        self._say(f"  {done} of {total}{ending}")

    def done(self) -> None:
        """End the last stage."""
        if self._name:
            took = spell_seconds(self._clock() - self._since)
            self._say(
                f"{STAGES.get(self._name, self._name)}: {took}{_divergent(self._divergences)}"
            )
        self._name = ""

    def _say(self, line: str) -> None:
        self._stream.write(line + "\n")
        self._stream.flush()


class TerminalProgress:
    """A spinner for a stage, a bar for each chain, and a line for each stage that ended.

    Parameters
    ----------
    stream : text file
        A terminal.
    clock : callable
        Seconds; only their differences matter.
    """

    def __init__(self, stream: TextIO, *, clock: Callable[[], float] = time.monotonic) -> None:
        from rich.console import Console

        self._console = Console(file=stream, highlight=False)
        self._clock = clock
        self._bars: Bars | None = None
        self._tasks: list[TaskID] = []
        self._name = ""
        self._since = 0.0
        self._divergences = 0

    def stage(self, name: str) -> None:
        """Begin a stage, and end the one before."""
        self.done()
        self._name, self._since, self._divergences = name, self._clock(), 0
        self._bars = self._new_bars()
        self._tasks = []
        self._bars.add_task(STAGES.get(name, name), total=None, note="")
        self._bars.start()

    def chains(self, finished: Sequence[int], total: int, divergences: int) -> None:
        """Move each chain's bar."""
        if self._bars is None:
            self.stage("sample")
        if self._bars is None:
            return
        self._divergences = divergences
        for chain in range(len(self._tasks), len(finished)):
            task = self._bars.add_task(f"  chain {chain + 1}", total=total, note="")
            self._tasks.append(task)
        left = time_left(self._clock() - self._since, sum(finished), total * len(finished))
        note = f"{spell_seconds(left)} left" if left is not None else ""
        for task, count in zip(self._tasks, finished, strict=True):
            self._bars.update(task, completed=count, note=f"{count}/{total}")
        self._bars.update(self._bars.task_ids[0], note=note + _divergent(divergences))

    def counted(self, done: int, total: int) -> None:
        """Move one bar."""
        if self._bars is None:
            return
        left = time_left(self._clock() - self._since, done, total)
        note = f"{done}/{total}" + (f", {spell_seconds(left)} left" if left is not None else "")
        self._bars.update(self._bars.task_ids[0], completed=done, total=total, note=note)

    def done(self) -> None:
        """End the last stage and leave one line of it on the screen."""
        self.close()
        if self._name:
            took = self._clock() - self._since
            self._console.print(_ended(self._name, took, self._divergences))
        self._name = ""

    def close(self) -> None:
        """Take the display down and give the cursor back; safe to call again."""
        if self._bars is not None:
            self._bars.stop()
            self._bars = None

    def _new_bars(self) -> Bars:
        from rich.progress import (
            BarColumn,
            SpinnerColumn,
            TextColumn,
            TimeElapsedColumn,
        )
        from rich.progress import Progress as NewBars

        return NewBars(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}"),
            console=self._console,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )


def time_left(elapsed_seconds: float, done: int, whole: int) -> float | None:
    """Estimate the seconds left from the pace so far; None before there is one.

    Examples
    --------
    >>> time_left(10.0, 250, 1000)
    30.0
    """
    if done <= 0 or elapsed_seconds <= 0.0:
        return None
    return elapsed_seconds * max(whole - done, 0) / done


def spell_seconds(seconds: float) -> str:
    """Write a duration for people.

    Examples
    --------
    >>> spell_seconds(0.21), spell_seconds(41.6), spell_seconds(125)
    ('0.2 s', '42 s', '2 min 05 s')
    """
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def timing_line(timings: Mapping[str, float]) -> str:
    """Write the seconds of each stage, and their sum, on one line.

    Examples
    --------
    >>> timing_line({"compile": 41.2, "sample": 18.0})
    'Time: compile 41 s, sample 18 s; 59 s in all.'
    """
    parts = ", ".join(f"{name} {spell_seconds(taken)}" for name, taken in timings.items())
    return f"Time: {parts}; {spell_seconds(sum(timings.values()))} in all."


def _ended(stage: str, seconds: float, divergences: int) -> str:
    return f"{STAGES.get(stage, stage)}: {spell_seconds(seconds)}{_divergent(divergences)}"


def _divergent(count: int) -> str:
    if not count:
        return ""
    return f", {count} divergent transition{'s' if count > 1 else ''}"
