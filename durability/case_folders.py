"""Where cases live, and putting a new folder in its place: whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from durability.errors import InputError, Problem, WriteError, one_of, quoted

CASE_FILE: Final = "case.toml"
"""What makes a folder a case."""

CASE_FILES: Final = (
    *(CASE_FILE, "news.csv", "indicators.csv", "codings.csv", "reconciliations.csv"),
    *("election.toml", "polls.csv", "elections.csv", "README.md"),
)
"""The files that a copy of a case takes along, where it has them."""


def find_case(name_or_path: str | Path) -> Path:
    """Find a case's folder.

    A path that holds a case is taken as it is. A name is looked for in ``./cases``, then in the
    user's data folder, then among the shipped cases.

    Parameters
    ----------
    name_or_path : str or Path
        A folder, its ``case.toml``, or a name.

    Returns
    -------
    Path

    Raises
    ------
    InputError
        There is none; the message lists those that have a name.
    """
    path = Path(name_or_path)
    if path.name == CASE_FILE and os.path.isfile(path):
        return path.parent
    if _holds_case(path):
        return path
    known = list_cases()
    name = str(name_or_path)
    if isinstance(name_or_path, str) and name in known:
        return known[name]
    if os.path.isdir(path):
        raise _refused(path, f"no {CASE_FILE} in this folder", "give the folder of a case")
    if isinstance(name_or_path, Path) or os.sep in name:
        raise _refused(path, "no such folder", "give the folder of a case, or the name of one")
    allowed = f"{one_of(tuple(known), name)}; or give the path of a folder"
    raise _refused("cases", f"there is no case {quoted(name)}", allowed)


def list_cases() -> Mapping[str, Path]:
    """List the cases that have a name, and the folder that each name means here."""
    found: dict[str, Path] = {}
    for folder in _folders():
        with contextlib.suppress(OSError):
            for path in sorted(folder.iterdir()):
                if _holds_case(path) and not path.name.startswith("."):
                    found.setdefault(path.name, path)
    return dict(sorted(found.items()))


def copy_case(name_or_path: str | Path, path: str | Path | None = None) -> Path:
    """Copy a case, so that it can be changed.

    Parameters
    ----------
    name_or_path : str or Path
        See :func:`find_case`.
    path : str or Path, optional
        The folder to make; ``cases/NAME`` of the working folder where it is not given.

    Returns
    -------
    Path
        The new folder.

    Raises
    ------
    InputError
        There is no such case, or something stands at `path` already.
    WriteError
        The copy cannot be written; nothing is left of it.
    """
    source = find_case(name_or_path)
    target = Path("cases", source.resolve().name) if path is None else Path(path)
    with whole_folder(target) as folder:
        for name in CASE_FILES:
            if (source / name).is_file():
                shutil.copyfile(source / name, folder / name)
    return target


def writable_case(folder: Path) -> Path:
    """Give a case's folder if it may be written to, else a copy of it in ``./cases``.

    Shipped cases stay as they are. Where two processes copy one case at once, both get the folder
    of the one that was first.

    Parameters
    ----------
    folder : Path
        See :func:`find_case`.

    Returns
    -------
    Path
        `folder` itself, or ``cases/NAME`` of the working folder.

    Raises
    ------
    InputError
        Another case stands where the copy would.
    WriteError
        The copy cannot be written; nothing is left of it.
    """
    if is_writable(folder):
        return folder
    place = folder.resolve()
    target = Path("cases", place.name)
    try:
        return copy_case(place, target)
    except (InputError, WriteError):
        if _same_settings(place, target):
            return target
        if not _holds_case(target):
            raise
    raise _refused(
        folder,
        f"it is not changed in its place, and its copy would be {target}, where another case "
        "stands already",
        f"give {target} if that is the one you mean, or copy it elsewhere with durability copy",
    )


def is_writable(folder: Path) -> bool:
    """Say whether a case may be changed in its place: it is not shipped, and the system allows."""
    place = folder.resolve()
    shipped = place.is_relative_to(_shipped().resolve())
    return not shipped and os.access(place, os.W_OK | os.X_OK)


def _same_settings(one: Path, other: Path) -> bool:
    try:
        return (one / CASE_FILE).read_bytes() == (other / CASE_FILE).read_bytes()
    except OSError:
        return False


@contextlib.contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Give a temporary folder that becomes `path` when the block ends well.

    Raises
    ------
    InputError
        Something stands at `path`; it is never overwritten.
    WriteError
        It cannot be written; what was begun is removed.
    """
    if "\0" in str(path):
        raise _refused("path", quoted(path), "must not hold NUL characters")
    target = Path(os.path.abspath(path))
    _refuse_existing(target, path)
    made = [parent for parent in target.parents if not os.path.exists(parent)]
    part = target.parent / f".{target.name}.{secrets.token_hex(4)}.part"
    placed = False
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        part.mkdir()
        yield part
        _refuse_existing(target, path)
        os.rename(part, target)
        placed = True
    except OSError as error:
        reason = error.strerror or str(error)
        raise WriteError(f"{path}: cannot be written ({reason}); nothing was changed") from error
    finally:
        if not placed:
            shutil.rmtree(part, ignore_errors=True)
            for parent in made:
                with contextlib.suppress(OSError):
                    parent.rmdir()


def _refuse_existing(target: Path, path: Path) -> None:
    if os.path.lexists(target):
        raise _refused(path, "it exists already", "nothing is overwritten; give another path")


def _holds_case(path: Path) -> bool:
    # os.path answers False where pathlib raises: NUL characters, names too long, no right to look.
    return os.path.isfile(path / CASE_FILE)


def _folders() -> tuple[Path, ...]:
    import platformdirs

    users = platformdirs.user_data_path("durability") / "cases"
    return (Path("cases"), users, _shipped())


def _shipped() -> Path:
    return Path(__file__).parent / "data" / "cases"


def _refused(where: Path | str, found: str, allowed: str) -> InputError:
    return InputError([Problem(where=str(where), found=found, allowed=allowed)])
