"""What arguments of commands may be, and what several commands share."""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from durability.errors import WriteError, quoted

if TYPE_CHECKING:
    from durability.assembly import ModelData
    from durability.progress import Progress

DIAGNOSTICS_FAILED = 3
LAST_YEAR = 2100
FORECASTS = Path("forecasts")

Command = Callable[..., Any]
"""A command, or what is to become one."""


class _Day(click.ParamType[date]):
    """A day, as 2026-06-30 and no other way."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        if isinstance(value, date):
            return value
        with contextlib.suppress(ValueError):
            if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
                day = date.fromisoformat(value)
                if day.year > LAST_YEAR:
                    self.fail(f"{value} lies after {LAST_YEAR}: a slip of the pen?", param, ctx)
                return day
        return self.fail(f"{quoted(value)} is not a day; write it like 2026-06-30", param, ctx)


class _Named(click.ParamType[str]):
    """Something with a name, or the path of one; names complete in the shell."""

    def __init__(self, name: str, kind: str) -> None:
        self.name = name
        self._kind = kind

    def _names(self) -> Sequence[str]:
        if self._kind == "case":
            from durability.cases import list_cases

            return tuple(list_cases())
        if self._kind == "priors":
            from durability.prior_sets import list_priors

            return tuple(list_priors())
        from durability.catalogue import list_models

        return list_models()

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        named = [CompletionItem(n) for n in self._names() if n.startswith(incomplete)]
        if named or self._kind == "model":
            return named
        return [CompletionItem(incomplete, type="dir" if self._kind == "case" else "file")]


DAY = _Day()
CASE = _Named("case", "case")
PRIORS = _Named("name|path", "priors")
MODEL = _Named("name", "model")
FOLDER = click.Path(file_okay=False, path_type=Path)


def priors_option(
    default: str = "default", told: str = "A prior set, by name or path."
) -> Callable[[Command], Command]:
    """Give the option ``--priors``."""
    return click.option("--priors", type=PRIORS, default=default, show_default=True, help=told)


def cutoff_option(
    default: str = "the day until which the case is covered",
) -> Callable[[Command], Command]:
    """Give the option ``--cutoff``."""
    told = f"Nothing known later enters.  [default: {default}]"
    return click.option("--cutoff", type=DAY, help=told)


def sampling_options(
    *, draws: int = 1500, tune: int = 600, least: int = 1
) -> Callable[[Command], Command]:
    """Give the options ``--seed``, ``--draws``, ``--tune`` and ``--chains``.

    Parameters
    ----------
    draws, tune : int
        Defaults.
    least : int
        Draws that a chain must keep.
    """
    options = (
        click.option(
            "--seed",
            type=click.IntRange(0, 2**32 - 1),
            default=1,
            show_default=True,
            help="The same seed and input give the same answer.",
        ),
        _count("--draws", least, draws, "Draws kept of each chain."),
        _count("--tune", 1, tune, "Warm-up draws of each chain."),
        _count("--chains", 2, 4, "Chains, at least two."),
    )

    def with_options(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return with_options


def tries_option() -> Callable[[Command], Command]:
    """Give the option ``--tries``."""
    return click.option(
        "--tries",
        type=click.IntRange(1),
        default=2,
        show_default=True,
        help="Times to sample while diagnostics fail by little, with more draws or shorter steps.",
    )


def _count(name: str, least: int, default: int, told: str) -> Callable[[Command], Command]:
    return click.option(
        name, type=click.IntRange(least), default=default, show_default=True, help=told
    )


@contextlib.contextmanager
def sampling() -> Iterator[Progress]:
    """Show progress of a command that may sample, once it is sure that what it samples can be kept.

    Raises
    ------
    WriteError
        The folder of fits cannot be written.
    """
    from durability import cache
    from durability.progress import show_progress

    check_writable(cache.folder(), "set XDG_CACHE_HOME to another")
    with show_progress() as progress:
        yield progress


def sample_election(data: ModelData) -> None:
    """Sample the election whose chances a case waits for, where none is kept, showing progress."""
    if not any(each.chance_from for each in data.case.conditions):
        return
    from durability.election_forecast import election_chance, unkept_chance

    name = unkept_chance(data)
    if name:
        click.echo("No forecast of its election is kept: sampling that first.", err=True)
        with sampling() as progress:
            election_chance(name, data.case.folder, cutoff=data.cutoff, progress=progress)
            progress.done()


def check_writable(folder: Path, instead: str = "choose another folder with --out") -> None:
    """Refuse a folder that cannot be written before minutes are spent on sampling.

    Parameters
    ----------
    folder : Path
    instead : str
        What to do, for the message.

    Raises
    ------
    WriteError
    """
    nearest = folder
    while not nearest.exists() and nearest != nearest.parent:
        nearest = nearest.parent
    try:
        with tempfile.TemporaryFile(dir=nearest):
            pass
    except OSError as error:
        reason = error.strerror or str(error)
        told = f"{folder}: cannot be written ({reason}); {instead}"
        raise WriteError(told) from None
