"""The cache of fits: files named by the hash of all that decides them.

It lies in the user's cache folder, may be deleted at any time, and is never trusted: a file that
cannot be read is as good as none.
"""

from __future__ import annotations

import contextlib
import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from durability.files import write_through, write_whole

if TYPE_CHECKING:
    import xarray as xr


def folder() -> Path:
    """Give the folder of cached fits."""
    import platformdirs

    return platformdirs.user_cache_path("durability") / "fits"


def read_tree(key: str) -> xr.DataTree | None:
    """Read a cached tree into memory; ``None`` where there is none that can be read."""
    path = folder() / f"{key}.nc"
    if not path.is_file():
        return None
    import xarray as xr

    broken = contextlib.suppress(OSError, ValueError, KeyError, RuntimeError)
    with broken, xr.open_datatree(path, engine="h5netcdf") as tree:
        return tree.load()
    return None


def has_tree(key: str) -> bool:
    """Tell whether there is a file for a tree, without reading it."""
    return (folder() / f"{key}.nc").is_file()


def kept_json(key: str, compute: Callable[[], Any]) -> Any:
    """Read a cached record, or compute and keep it."""
    known = read_json(key)
    if known is None:
        known = compute()
        write_json(key, known)
    return known


def write_tree(key: str, tree: xr.DataTree) -> None:
    """Keep a tree, whole or not at all.

    Raises
    ------
    WriteError
        The cache folder cannot be written.
    """
    path = folder() / f"{key}.nc"
    write_through(path, lambda part: tree.to_netcdf(part, engine="h5netcdf"))


def read_json(key: str) -> Any:
    """Read a cached record; ``None`` where there is none that can be read."""
    path = folder() / f"{key}.json"
    with contextlib.suppress(OSError, ValueError):
        return json.loads(path.read_text(encoding="utf-8"))
    return None


def write_json(key: str, record: Any) -> None:
    """Keep a record, whole or not at all.

    Raises
    ------
    WriteError
        The cache folder cannot be written.
    """
    write_whole(folder() / f"{key}.json", json.dumps(record))


def write_arrays(key: str, arrays: Mapping[str, np.ndarray]) -> None:
    """Keep plain arrays, whole or not at all.

    Raises
    ------
    WriteError
        The cache folder cannot be written.
    """

    def write(path: Path) -> None:
        with path.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)

    write_through(folder() / f"{key}.npz", write)


def read_arrays(key: str) -> dict[str, np.ndarray] | None:
    """Read plain arrays; ``None`` where there are none that can be read."""
    broken = contextlib.suppress(OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)
    path = folder() / f"{key}.npz"
    # Opened here: np.load leaves the file open when it does not like what it finds.
    with broken, path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}
    return None


def written(name: str) -> float:
    """Say when something kept was written last, in seconds of the file system's clock; 0 if not."""
    with contextlib.suppress(OSError):
        return (folder() / name).stat().st_mtime
    return 0.0


def names(ending: str) -> tuple[str, ...]:
    """List what is kept under names with an ending, without their last suffix, sorted."""
    try:
        found = [path.name for path in folder().iterdir() if path.name.endswith(ending)]
    except OSError:
        return ()
    return tuple(sorted(name.rpartition(".")[0] for name in found if not name.startswith(".")))
