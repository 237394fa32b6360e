"""A table of spells: other people's data, read and checked as one.

A row says from when until when something was watched, whether it ended with the event, and what
is known of it. Several rows may tell of one subject, each from its own start (counting-process
rows), as where covariates change.
"""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from durability.errors import InputError, Problem, Problems, one_of, quoted

Source = Path | str | Mapping[str, Any] | Any
"""A path, a mapping of arrays, or a pandas DataFrame."""

MAX_LEVELS = 20
"""Most values of a covariate of text: beyond, it is likely a name that was taken for one."""

SHOWN = 3
"""Rows that a message names before it counts the rest."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SpellTable:
    """Spells, checked; arrays have one element a row.

    Parameters
    ----------
    name : str
        What messages and reports call the table.
    start, stop, end : ndarray of float
        Watched over ages (start, stop]; an event at stop, or in (stop, end] where end is later.
    event, weight : ndarray of float
    covariates : tuple of str
    design : ndarray (row, covariate)
    subject, cluster, stratum : ndarray of int
        Places in the labels below.
    subjects, clusters, strata : tuple of str
        `clusters` is empty where no cluster was named.
    dropped : int
        Rows left out for a missing value.
    """

    name: str
    start: np.ndarray
    stop: np.ndarray
    end: np.ndarray
    event: np.ndarray
    weight: np.ndarray
    covariates: tuple[str, ...]
    design: np.ndarray
    subject: np.ndarray
    cluster: np.ndarray
    stratum: np.ndarray
    subjects: tuple[str, ...]
    clusters: tuple[str, ...]
    strata: tuple[str, ...]
    dropped: int

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.stop)

    @property
    def within(self) -> np.ndarray:
        """Whether the row's event is known only to have fallen in an interval."""
        return (self.event > 0.0) & (self.end > self.stop)

    @property
    def late(self) -> int:
        """Count subjects that were watched from a later age than 0 only."""
        first = np.full(len(self.subjects), np.inf)
        np.minimum.at(first, self.subject, self.start)
        return int((np.isfinite(first) & (first > 0.0)).sum())

    @property
    def events(self) -> float:
        """Count events, by weight."""
        return float((self.weight * self.event).sum())


def read_spells(
    source: Source,
    *,
    stop: str,
    event: str,
    start: str | None = None,
    end: str | None = None,
    covariates: Sequence[str] = (),
    subject: str | None = None,
    cluster: str | None = None,
    weights: str | None = None,
    strata: str | None = None,
    missing: Literal["refuse", "drop"] = "refuse",
    name: str = "",
) -> SpellTable:
    """Read a table of spells and check all of it.

    Parameters
    ----------
    source : path, DataFrame or mapping of str to array
        A path ends in ``.csv`` or ``.dta`` (Stata); columns that are not named are not read.
    stop : str
        Column with the age at which a row stops being watched: a duration where there is no
        `start`. Any unit of time; forecasts speak the same one.
    event : str
        Column with 1 where the event happened at `stop` (or by `end`), 0 where it did not.
    start : str, optional
        Column with the age from which a row was watched: left truncation, or the later rows of a
        subject. Zero where it is not given.
    end : str, optional
        Column with the latest age of an event that fell somewhere in (stop, end]; empty, or equal
        to stop, where it is exact.
    covariates : sequence of str
        Columns of numbers, or of text with few values: then one indicator for each value but the
        first in the alphabet, named ``column=value``.
    subject : str, optional
        Column that names what several rows tell of; each row its own where it is not given.
    cluster : str, optional
        Column that names what subjects share: a frailty, or clustered standard errors.
    weights : str, optional
        Column with how often a row counts.
    strata : str, optional
        Column that names groups with a baseline hazard of their own.
    missing : str
        ``refuse`` tells rows with an empty cell, ``drop`` leaves them out and counts them.
    name : str
        What reports call the table; the file's name where it is not given.

    Returns
    -------
    SpellTable

    Raises
    ------
    InputError
        With everything that is wrong.

    Examples
    --------
    >>> table = read_spells({"months": [3.0, 8.0], "ended": [1, 0]}, stop="months", event="ended")
    >>> len(table), table.events
    (2, 1.0)
    """
    where = name or (Path(source).name if isinstance(source, str | Path) else "the table")
    named = [n for n in (stop, event, start, *covariates, subject, cluster, weights, strata) if n]
    frame = read_columns(source, [*named, *([end] if end else [])], where=where)
    reader = _Reader(frame, where, named, missing)
    columns = {
        "stop": reader.numbers(stop),
        "event": reader.numbers(event),
        "start": reader.numbers(start, absent=0.0),
        "weight": reader.numbers(weights, absent=1.0),
    }
    columns["end"] = reader.ends(end, columns["stop"])
    _check_times(reader, columns)
    names, design = reader.design(covariates)
    subject_of, subjects = reader.labels(subject, [f"line {row + 2}" for row in reader.rows])
    cluster_of, clusters = reader.labels(cluster, [])
    stratum_of, strata_named = reader.labels(strata, [])
    if subject is not None:
        _check_overlaps(reader, columns, subject_of, subjects)
    reader.problems.raise_any()
    return SpellTable(
        name=where,
        covariates=names,
        design=design,
        subject=subject_of,
        cluster=cluster_of,
        stratum=stratum_of,
        subjects=subjects,
        clusters=clusters,
        strata=strata_named,
        dropped=reader.dropped,
        **columns,
    )


def read_columns(source: Source, names: Sequence[str], *, where: str = "") -> Any:
    """Read named columns of a file, frame or mapping as a pandas DataFrame.

    Raises
    ------
    InputError
        The file cannot be read, or lacks a column.
    """
    import pandas as pd

    if isinstance(source, str | Path):
        frame = _read_file(Path(source))
    elif isinstance(source, Mapping):
        lengths = {str(key): len(np.atleast_1d(values)) for key, values in source.items()}
        if len(set(lengths.values())) > 1:
            found = ", ".join(f"{key} has {n}" for key, n in lengths.items())
            raise InputError([Problem(where=where, found=found, allowed="give equal lengths")])
        frame = pd.DataFrame({key: np.asarray(values) for key, values in source.items()})
    else:
        frame = pd.DataFrame(source)
    known = [str(column) for column in frame.columns]
    problems = Problems()
    for column in dict.fromkeys(names):
        if column not in known:
            problems.add(where, f"no column {quoted(column)}", one_of(known[:60], column))
    problems.raise_any()
    if not len(frame):
        raise InputError([Problem(where=where, found="no rows", allowed="give at least one")])
    return frame[list(dict.fromkeys(names))].reset_index(drop=True)


def _read_file(path: Path) -> Any:
    import pandas as pd

    def refused(found: str, allowed: str) -> InputError:
        return InputError([Problem(where=str(path), found=found, allowed=allowed)])

    if path.suffix.lower() not in (".csv", ".dta"):
        raise refused(f"a file of type {quoted(path.suffix)}", "must end in .csv or .dta")
    if not path.is_file():
        raise refused("no such file", "check the path")
    try:
        if path.suffix.lower() == ".dta":
            return pd.read_stata(path, convert_categoricals=False)
        _check_shape(path)
        return pd.read_csv(path, low_memory=False, encoding=_ENCODING, skipinitialspace=True)
    except UnicodeDecodeError as error:
        raise refused(f"not UTF-8 ({error.reason})", "save the file as UTF-8") from None
    except (OSError, ValueError, OverflowError, csv.Error) as error:
        raise refused(f"cannot be read ({str(error).splitlines()[0]})", "check the file") from None


_ENCODING = "utf-8-sig"


def _check_shape(path: Path) -> None:
    """Refuse a CSV file whose header names a column twice, or whose rows are of another length.

    pandas renames such columns, fills up short rows, and takes the first cells of rows that are
    all one longer than the header for an index, which shifts every column.
    """
    records = _record_lengths(path)
    header = next(records, None)
    if header is None:
        return
    line, count, names = header
    problems = Problems()
    for name in dict.fromkeys(names):
        if name and names.count(name) > 1:
            where = f"{path} line {line}"
            problems.add(where, f"column {quoted(name)} stands twice", "name it once")
    uneven = ((line, cells) for line, cells, _ in records if cells != count)
    for line, cells in itertools.islice(uneven, SHOWN):
        problems.add(
            f"{path} line {line}",
            f"{cells} cells",
            f"the header has {count}; quote a cell that holds a comma or a quote mark",
        )
    if more := sum(1 for _ in uneven):
        problems.add(str(path), f"{more} more rows of another length", "mend them too")
    problems.raise_any()


def _record_lengths(path: Path) -> Iterator[tuple[int, int, Sequence[str]]]:
    """Give the line, the number of cells and, of the header alone, the cells of every record."""
    with path.open(encoding=_ENCODING, newline="") as file:
        number, header = 0, True
        for text in file:
            number += 1
            if text.isspace():
                continue
            if not header and '"' not in text:
                yield number, text.count(",") + 1, ()
                continue
            # A quoted cell may go on over further lines, which the reader takes.
            reader = csv.reader(itertools.chain([text], file), skipinitialspace=True)
            cells = [cell.strip() for cell in next(reader)]
            yield number, len(cells), cells if header else ()
            number += reader.line_num - 1
            header = False


class _Reader:
    """Turns columns into arrays and notes what is wrong with them."""

    def __init__(self, frame: Any, where: str, needed: Sequence[str], missing: str) -> None:
        self.where, self.problems = where, Problems()
        empty = frame[list(dict.fromkeys(needed))].isna().to_numpy()
        gaps = empty.any(axis=1)
        if missing == "refuse":
            for column, lacking in zip(dict.fromkeys(needed), empty.T, strict=True):
                if lacking.any():
                    allowed = 'fill them, or leave such rows out with missing="drop"'
                    self.note(column, np.flatnonzero(lacking), "empty", allowed)
        self.rows = np.flatnonzero(~gaps)
        self.dropped = int(gaps.sum())
        self._frame = frame.iloc[self.rows]

    def note(self, column: str, rows: np.ndarray, found: str, allowed: str) -> None:
        """Note one thing wrong with a column, and where."""
        named = ", ".join(str(row + 2) for row in rows[:SHOWN])
        more = f" and {len(rows) - SHOWN} more" if len(rows) > SHOWN else ""
        self.problems.add(f"{self.where}, {column}, line {named}{more}", found, allowed)

    def numbers(self, column: str | None, *, absent: float = 0.0) -> np.ndarray:
        """Give a column of finite numbers; `absent` everywhere where none was named."""
        if column is None:
            return np.full(len(self.rows), absent)
        return self._numeric(column, self._frame[column])

    def _numeric(self, column: str, values: Any) -> np.ndarray:
        import pandas as pd

        found: np.ndarray = pd.to_numeric(values, errors="coerce").to_numpy(float, na_value=np.nan)
        wrong = np.flatnonzero(~np.isfinite(found))
        if wrong.size:
            shown = quoted(values.iloc[wrong[0]])
            self.note(column, self.rows[wrong], shown, "must be a finite number")
        return np.where(np.isfinite(found), found, 1.0)

    def ends(self, column: str | None, stop: np.ndarray) -> np.ndarray:
        """Give the latest ages of events; the stop where the cell is empty."""
        if column is None:
            return stop
        told = self._frame[column].notna().to_numpy()
        found = stop.copy()
        found[told] = self._numeric(column, self._frame[column][told])
        before = np.flatnonzero(found < stop)
        if before.size:
            self.note(column, self.rows[before], "before the stop", "must not be earlier")
        return found

    def labels(
        self, column: str | None, absent: Sequence[str]
    ) -> tuple[np.ndarray, tuple[str, ...]]:
        """Give places and labels; without a column each row its own in `absent`, or none."""
        import pandas as pd

        if column is None:
            places = np.arange(len(self.rows)) if absent else np.zeros(len(self.rows), int)
            return places, tuple(absent)
        codes, found = pd.factorize(self._frame[column], sort=True)
        return np.asarray(codes), tuple(_label(value) for value in found)

    def design(self, columns: Sequence[str]) -> tuple[tuple[str, ...], np.ndarray]:
        """Give covariates as numbers; text becomes indicators."""
        import pandas as pd

        names, parts = [], []
        for column in dict.fromkeys(columns):
            values = self._frame[column]
            if pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
                names.append(column)
                parts.append(self._numeric(column, values))
                continue
            levels = sorted({str(value) for value in values})
            if len(levels) > MAX_LEVELS:
                allowed = f"must be numbers, or text with at most {MAX_LEVELS} values"
                self.problems.add(f"{self.where}, {column}", f"{len(levels)} values", allowed)
                continue
            told = values.astype(str).to_numpy()
            names += [f"{column}={level}" for level in levels[1:]]
            parts += [(told == level).astype(float) for level in levels[1:]]
            if len(levels) < 2:
                self.problems.add(f"{self.where}, {column}", "one value alone", "leave it out")
        for name, part in zip(names, parts, strict=True):
            if len(part) and np.ptp(part) == 0.0:
                self.problems.add(f"{self.where}, {name}", "one value alone", "leave it out")
        design = np.column_stack(parts) if parts else np.zeros((len(self.rows), 0))
        return tuple(names), design


def _label(value: Any) -> str:
    # Whole numbers become floats where a cell of their column is missing.
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _check_times(reader: _Reader, columns: Mapping[str, np.ndarray]) -> None:
    start, stop, event, weight = (columns[n] for n in ("start", "stop", "event", "weight"))
    # Of an event in (stop, end] nothing before need have been watched.
    within = (event > 0.0) & (columns["end"] > stop)
    unwatched = (stop < start) | ((stop == start) & ~within)
    found = (
        ("start", start < 0.0, "below 0", "ages begin at 0"),
        ("stop", unwatched, "not after the start", "a row must be watched for some time"),
        ("event", (event != 0.0) & (event != 1.0), "neither 0 nor 1", "must be 0 or 1"),
        ("weights", weight <= 0.0, "not above 0", "leave out rows that do not count"),
    )
    for column, wrong, what, allowed in found:
        rows = np.flatnonzero(wrong)
        if rows.size:
            reader.note(column, reader.rows[rows], what, allowed)
    if not len(stop):
        reader.problems.add(reader.where, "no row is complete", "fill the columns named")


def _check_overlaps(
    reader: _Reader,
    columns: Mapping[str, np.ndarray],
    subject: np.ndarray,
    subjects: Sequence[str],
) -> None:
    """Refuse rows of one subject that were watched at the same age."""
    order = np.lexsort((columns["start"], subject))
    of, start, stop = subject[order], columns["start"][order], columns["stop"][order]
    wrong = np.flatnonzero((of[1:] == of[:-1]) & (start[1:] < stop[:-1]))
    if wrong.size:
        who = quoted(subjects[of[wrong[0]]])
        found = f"two rows of {who} overlap"
        allowed = "rows of a subject follow one another; name a start, or another subject"
        reader.note("subject", reader.rows[order[wrong + 1]], found, allowed)
