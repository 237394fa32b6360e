"""Writing a forecast for people and machines, and reading a recorded one again.

``forecast.json`` is the record, ``fit.nc`` the draws, ``report.html`` and ``report.md`` say the
same to people. Each is written whole or not at all, and all four are made before the first is
written.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import jinja2
import xarray as xr

from durability import evidence, life_sections, rival_sections, sections, watch_sections
from durability.blocks import Report, printable
from durability.errors import InputError, Problem
from durability.files import read_text, write_through, write_whole
from durability.markdown import to_markdown
from durability.what_changed import what_changed
from durability.wording import long_date

SCHEMA_VERSION = 1
RECORD_NAME, FIT_NAME = "forecast.json", "fit.nc"
HTML_NAME, MARKDOWN_NAME = "report.html", "report.md"
SCHEMA_PATH = Path(__file__).parent / "data" / "forecast.schema.json"


class Forecast(Protocol):
    """What a report is made from."""

    @property
    def record(self) -> dict[str, Any]:
        """The forecast as ``forecast.json`` holds it."""

    @property
    def tree(self) -> xr.DataTree:
        """The fit, in ArviZ's groups."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedForecast:
    """A forecast read back from its folder.

    Parameters
    ----------
    record : dict
        As ``forecast.json`` holds it.
    tree : DataTree
        As ``fit.nc`` holds it, loaded.
    """

    record: dict[str, Any]
    tree: xr.DataTree


def write_report(forecast: Forecast, folder: Path) -> list[Path]:
    """Write forecast.json, report.html, report.md and fit.nc into a folder.

    Parameters
    ----------
    forecast : Forecast
    folder : Path
        Made where it is missing; the four files in it are replaced.

    Returns
    -------
    list of Path
        The files, the report first.

    Raises
    ------
    WriteError
        A file could not be written; what stood in its place still stands.
    ValueError
        The record has a number that is not finite.
    """
    record = record_text(forecast.record)
    report = compose(json.loads(record), forecast.tree)
    html, markdown = to_html(report), to_markdown(report)
    return [
        write_whole(folder / HTML_NAME, html),
        write_whole(folder / MARKDOWN_NAME, markdown),
        write_whole(folder / RECORD_NAME, record),
        write_through(folder / FIT_NAME, lambda path: _write_tree(forecast.tree, path)),
    ]


def record_text(record: dict[str, Any]) -> str:
    """Write a record as JSON: keys sorted, numbers finite, only ASCII.

    Raises
    ------
    ValueError
        Naming every number that is not finite.
    """
    wrong = list(_not_finite(record, ""))
    if wrong:
        raise ValueError(f"the record has numbers that are not finite: {', '.join(wrong)}")
    return json.dumps(record, sort_keys=True, indent=1, allow_nan=False, ensure_ascii=True) + "\n"


def _not_finite(value: Any, where: str) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _not_finite(item, f"{where}.{key}")
    elif isinstance(value, list | tuple):
        for place, item in enumerate(value):
            yield from _not_finite(item, f"{where}[{place}]")
    elif isinstance(value, float) and not math.isfinite(value):
        yield where.removeprefix(".")


def _write_tree(tree: xr.DataTree, path: Path) -> None:
    tree.to_netcdf(path, engine="h5netcdf")


def compose(record: dict[str, Any], tree: xr.DataTree) -> Report:
    """Make the report's content from a record as JSON gives it back.

    Parameters
    ----------
    record : dict
    tree : DataTree
        For the plots of the chains.

    Returns
    -------
    Report
    """
    shown = printable(record)
    return Report(
        title=shown["title"],
        subtitle=f"{' – '.join(shown['parties'])}; forecast as of {long_date(shown['cutoff'])}",
        answer=sections.answer(shown),
        sections=(
            *what_changed(shown),
            *life_sections.waiting(shown),
            *life_sections.standing(shown),
            *watch_sections.watching(shown),
            sections.over_time(shown),
            sections.drivers(shown),
            sections.history(shown),
            evidence.learned(shown),
            *rival_sections.rivals(shown),
            evidence.diagnostics(shown, tree),
            evidence.predictive_checks(shown),
            evidence.leave_one_out(shown),
            evidence.data_and_sources(shown),
            evidence.limits(shown),
        ),
        colophon=_colophon(shown),
    )


def _colophon(record: dict[str, Any]) -> str:
    version = record["versions"].get("durability", "")
    return (
        f"Made by durability {version}: model {record['model']}, prior set "
        f"{record['prior_set']['name']}, seed {record['seed']}, data "
        f"{record['data_hash'][:12]}. The numbers are in {RECORD_NAME}, the draws in {FIT_NAME}."
    )


def to_html(report: Report) -> str:
    """Write a report as one self-contained page that asks the network for nothing."""
    return _environment().get_template("report.html").render(report=report)


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals["kind"] = lambda block: type(block).__name__
    return environment


def read_recorded(folder: Path) -> RecordedForecast:
    """Read a forecast back from the folder it was written to.

    Parameters
    ----------
    folder : Path
        With forecast.json and fit.nc.

    Returns
    -------
    RecordedForecast
        Rendering it again gives the same report, without sampling.

    Raises
    ------
    InputError
        A file is missing, broken, or of another version of the schema.
    """
    path = folder / RECORD_NAME
    record = _parsed(path)
    _check_shape(record, path)
    return RecordedForecast(record=record, tree=_read_tree(folder / FIT_NAME))


def _parsed(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise _unreadable(f"{path} line {error.lineno}", error.msg) from None
    except RecursionError:
        raise _unreadable(str(path), "it is nested too deeply") from None
    if not isinstance(found, dict):
        raise _unreadable(str(path), "it is not an object")
    return found


def _check_shape(record: dict[str, Any], path: Path) -> None:
    """Check what can be told without a validator: the version and the keys at the top."""
    version = record.get("schema_version")
    if version != SCHEMA_VERSION:
        raise _unreadable(str(path), f"schema_version is {version}, not {SCHEMA_VERSION}")
    schema = json.loads(SCHEMA_PATH.read_text(encoding="utf-8"))
    missing = [key for key in schema["required"] if key not in record]
    if missing:
        raise _unreadable(str(path), f"without {', '.join(missing)}")


def _read_tree(path: Path) -> xr.DataTree:
    if not path.is_file():
        raise _unreadable(str(path), "no such file")
    try:
        with xr.open_datatree(path, engine="h5netcdf") as tree:
            return tree.load()
    except (OSError, ValueError, KeyError) as error:
        raise _unreadable(str(path), f"not a readable NetCDF file ({error})") from None


def _unreadable(where: str, found: str) -> InputError:
    what = "make the forecast again with `durability forecast`"
    return InputError([Problem(where=where, found=found, allowed=what)])
