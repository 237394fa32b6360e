"""Writing prior sets: whole files, and one table of a file that keeps all else to the letter."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from durability.errors import InputError, Problem, WriteError, quoted
from durability.files import read_text, text_of, write_through
from durability.judgements import Judgement
from durability.prior_sets import (
    FORMAT,
    TEXTS,
    Prior,
    PriorSet,
    list_priors,
    priors_of,
    read_priors,
    refuse_revised,
)
from durability.toml_files import read_toml, toml_of

WORKSPACE: Final = Path("priors")
"""Where a set that is given by name is written, in the working folder."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


def target_path(name_or_path: str) -> Path:
    """Give the file that a prior set of this name, or at this path, is written to.

    Parameters
    ----------
    name_or_path : str
        A name means ``priors/NAME.toml`` of the working folder.

    Raises
    ------
    InputError
        It is no name, or the name of a shipped set, which the new one would hide.
    """
    if name_or_path.endswith(".toml") or "/" in name_or_path or os.sep in name_or_path:
        path = Path(name_or_path)
        if "\0" not in name_or_path and path.suffix == ".toml":
            return path
        allowed = "the path of a prior set ends in .toml"
        raise _refused(quoted(name_or_path), allowed)
    if not _NAME.fullmatch(name_or_path):
        raise _refused(quoted(name_or_path), "a name has 1 to 64 letters, digits, _ . or -")
    path = WORKSPACE / f"{name_or_path}.toml"
    hidden = list_priors().get(name_or_path)
    if hidden is not None and hidden != path and not path.exists():
        found = f"{quoted(name_or_path)} is the name of {hidden}"
        raise _refused(found, "choose a name that hides no other set, or give a path")
    return path


def _refused(found: str, allowed: str) -> InputError:
    return InputError([Problem(where="prior set", found=found, allowed=allowed)])


# Text ---------------------------------------------------------------------------------------


def toml_text(value: str) -> str:
    """Write a text as a TOML string on one line.

    Examples
    --------
    >>> print(toml_text('a "b"'))
    "a \\"b\\""
    """
    written = json.dumps(value, ensure_ascii=False)
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in written)


def table_text(prior: Prior) -> str:
    """Write one parameter's table.

    Parameters
    ----------
    prior : Prior

    Returns
    -------
    str
        That the reader gives the same prior of.
    """
    lines = [f"[{prior.name}]", f"distribution = {toml_text(prior.distribution)}"]
    if prior.quantiles is not None:
        lines.append(f"quantiles = {_quantiles_text(prior.quantiles)}")
    else:
        lines += [f"{name} = {value!r}" for name, value in prior.values.items()]
    for key in TEXTS:
        if getattr(prior, key):
            lines.append(f"{key} = {toml_text(getattr(prior, key))}")
    if prior.elicited is not None:
        lines.append(f"elicited = {_judgement_text(prior.elicited)}")
    return "\n".join(lines) + "\n"


def _quantiles_text(quantiles: Mapping[float, float]) -> str:
    named = {f"{p:.12f}".rstrip("0"): value for p, value in quantiles.items()}
    return "{ " + ", ".join(f'"{p}" = {value!r}' for p, value in named.items()) + " }"


def _judgement_text(judgement: Judgement) -> str:
    who = f"expert = {toml_text(judgement.expert)}, date = {judgement.date.isoformat()}"
    if not judgement.chips:
        return f"{{ {who}, quantiles = {_quantiles_text(judgement.stated)} }}"
    return f"{{ {who}, bins = {list(judgement.bins)!r}, chips = {list(judgement.chips)!r} }}"


def priors_text(about: str, priors: Mapping[str, Prior], *, more: str = "") -> str:
    """Write a whole prior set.

    Parameters
    ----------
    about : str
    priors : mapping of str to Prior
    more : str
        Tables that stand after the parameters'.
    """
    top = f"format = {FORMAT}\nabout = {toml_text(about)}\n"
    return "\n".join([top, *(table_text(prior) for prior in priors.values()), more]).rstrip() + "\n"


# Files --------------------------------------------------------------------------------------


def save_text(path: Path, text: str, *, replacing: bool = False) -> PriorSet:
    """Write a prior set's file whole, once it has been read back without a problem.

    Parameters
    ----------
    path : Path
    text : str
    replacing : bool
        Whether a file that stands at `path` may be replaced.

    Returns
    -------
    PriorSet
        As it stands at `path`.

    Raises
    ------
    InputError
        A file stands there and is not to be replaced, or the text is no prior set.
    WriteError
        It cannot be written; what stood there still stands.
    """
    with locked(path):
        if not replacing and os.path.lexists(path):
            allowed = "nothing is overwritten; choose another name"
            raise InputError([Problem(where=str(path), found="it exists already", allowed=allowed)])
        return _placed(path, text)


def _placed(path: Path, text: str) -> PriorSet:
    def write(temporary: Path) -> None:
        temporary.write_bytes(text.encode("utf-8"))
        _read_back(temporary, path)

    write_through(path, write)
    return read_priors(path)


def _read_back(temporary: Path, path: Path) -> PriorSet:
    """Read what is about to stand at `path`, which its problems name."""
    return priors_of(toml_of(path, text_of(path, temporary.read_bytes())))


def save_prior(prior: Prior, path: Path, *, base: PriorSet) -> PriorSet:
    """Put one prior into a file: into the set that stands there, else into a copy of `base`.

    Whatever else stands in the file, comments included, is kept to the letter. Two writers at once
    both leave their priors in it.

    Parameters
    ----------
    prior : Prior
    path : Path
    base : PriorSet
        What a new file has of all other parameters.

    Returns
    -------
    PriorSet
        As it stands at `path`.

    Raises
    ------
    InputError
        What stands at `path` is no prior set, or it, or `base` where nothing stands there, is a
        posterior.
    WriteError
        It cannot be written; what stood there still stands.
    """
    with locked(path):
        if not path.exists():
            refuse_revised(base, "a set made of it would lose what it has absorbed")
            about = f"{base.name}, with what experts said"
            return _placed(path, priors_text(about, {**base.parameters, prior.name: prior}))
        known = read_priors(path)
        refuse_revised(known, "its parameters are for reading, and changing one does nothing")
        placed = replaced_table(path, prior)
        wanted = {**known.parameters, prior.name: prior}

        def write(temporary: Path) -> None:
            temporary.write_bytes(placed.encode("utf-8"))
            if dict(_read_back(temporary, path).parameters) != wanted:
                told = f"{path}: its layout cannot be followed; give every table a header line"
                raise WriteError(f"{told} of its own, [name]. Nothing was changed")

        write_through(path, write)
        return read_priors(path)


def replaced_table(path: Path, prior: Prior) -> str:
    """Give a file's text with one parameter's table replaced, or added at the end."""
    text, file = read_text(path), read_toml(path)
    lines = text.split("\n")
    header = file.lines.get((prior.name, ""))
    if header is None:
        return f"{text.rstrip()}\n\n{table_text(prior)}"
    later = [n for (_, key), n in file.lines.items() if not key and n > header]
    end = min(later, default=len(lines) + 1)
    # Comments right above a header belong to what follows.
    while end - 2 >= header and (not lines[end - 2].strip() or lines[end - 2].startswith("#")):
        end -= 1
    rest = "\n".join(lines[end - 1 :])
    return "\n".join([*lines[: header - 1], table_text(prior).rstrip(), rest])


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the folder of `path`, so that nobody else changes a prior set in it meanwhile.

    The lock is the system's and ends with the process, however that ends. Where the system has
    none of this kind, writes are still whole, and of two at once the later stays.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path.parent, os.O_RDONLY)
    except OSError as error:
        reason = error.strerror or str(error)
        raise WriteError(f"{path}: cannot be written ({reason}); nothing was changed") from error
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
