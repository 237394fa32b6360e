"""What a prior set holds that was a posterior: a joint law, and where it comes from.

The law itself is in ``models/joint.py``; here are its numbers, read from the tables ``[joint]``
and ``[lineage]`` of a prior file and checked, and written to them.
"""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from durability.errors import Problems, quoted
from durability.files import NO_CONTROL, holds_control
from durability.vocabulary import STREAMS

if TYPE_CHECKING:
    import numpy as np

    from durability.toml_files import TomlFile

TABLES: Final = ("joint", "lineage")
"""Tables of a prior file that are no parameters."""

DIMENSIONS: Final = ("coder", "location", "gap", "indicator", "month")
KINDS: Final = ("agreements", "news", "windows", "standings", "happened")
"""Rows that a posterior absorbs: those of history, and those of the case."""

MARGINS: Final = ("location", "scale", "skewness", "tail")
BENDS: Final = ("joint_bow", "joint_tilt", "joint_flare")
MAX_UNKNOWNS = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Joint:
    """A joint law of static parameters and of a case's state.

    Parameters
    ----------
    coords : mapping of str to tuple of str
        Labels along each of :data:`DIMENSIONS`.
    unknowns : tuple of str
        Names of the unknowns, in order.
    margins : mapping of str to tuple of float
        ``location, scale, skewness, tail`` of each unknown.
    correlation : tuple of tuple of float
        Rows of the lower triangle, the diagonal left out.
    weights : tuple of float
        Of the components of a mixture; one for a plain copula.
    centres : tuple of tuple of float
        Of the scores in each component; none for a plain copula.
    widths : tuple of float
        Constant of each unknown's log spread; none where nothing is bent.
    bends : tuple of tuple of float
        Of one unknown by an earlier one: the places of both, bow, tilt and flare.
    above_zero : tuple of str
        Unknowns that may have either sign, and whose prior holds them above 0: the law is of their
        logarithm.
    """

    coords: Mapping[str, tuple[str, ...]]
    unknowns: tuple[str, ...]
    margins: Mapping[str, tuple[float, ...]]
    correlation: tuple[tuple[float, ...], ...]
    weights: tuple[float, ...] = (1.0,)
    centres: tuple[tuple[float, ...], ...] = ()
    widths: tuple[float, ...] = ()
    bends: tuple[tuple[float, ...], ...] = ()
    above_zero: tuple[str, ...] = ()

    def arrays(self) -> dict[str, np.ndarray]:
        """Give what ``models/joint.py`` reads, by its names there."""
        import numpy as np

        found = {f"joint_{name}": np.array(values) for name, values in self.margins.items()}
        centres = np.array(self.centres).reshape((-1, len(self.unknowns)))
        if not len(centres):
            centres = np.zeros((1, len(self.unknowns)))
        weights = np.array(self.weights)
        cholesky = np.linalg.cholesky(self.matrix() - (centres.T * weights) @ centres)
        return {
            **found,
            **self._bends(),
            "joint_cholesky": cholesky,
            "joint_log_weights": np.log(weights),
            "joint_centres": np.linalg.solve(cholesky, centres.T).T,
            "joint_above_zero": self.one_sided(),
        }

    def one_sided(self) -> np.ndarray:
        """Give 1 for an unknown that is in :attr:`above_zero`, else 0."""
        import numpy as np

        return np.array([float(name in self.above_zero) for name in self.unknowns])

    def _bends(self) -> dict[str, np.ndarray]:
        import numpy as np

        size = len(self.unknowns)
        found = {name: np.zeros((size, size)) for name in BENDS}
        for bent, by, *amounts in self.bends:
            for name, amount in zip(BENDS, amounts, strict=True):
                found[name][int(bent), int(by)] = amount
        return {**found, "joint_width": np.array(self.widths or (0.0,) * size)}

    def matrix(self) -> np.ndarray:
        """Give the whole correlation matrix of the scores."""
        import numpy as np

        size = len(self.unknowns)
        whole = np.eye(size)
        for row, values in enumerate(self.correlation, start=1):
            whole[row, :row] = values
            whole[:row, row] = values
        return whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Fidelity:
    """How well a joint law stands for the draws that it was made of.

    Parameters
    ----------
    khat : float
        Pareto k of the weights that would turn the law's draws back into the posterior's; the
        ratio of densities is learned by a classifier.
    draws : int
        Of the posterior.
    points : float
        Largest change of a headline probability, in percentage points.
    where : str
        Which one.
    mcse_points : float
        Monte Carlo error of that change.
    """

    khat: float
    draws: int
    points: float
    where: str
    mcse_points: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """Where a prior set comes from that was a posterior.

    Parameters
    ----------
    parent, parent_hash : str
        The prior set of the fit.
    case : str
    cutoff : datetime.date
        Everything known until then is in it.
    history : datetime.date
        What became of the agreements of history until then is in it: the cutoff of the first
        posterior of the line.
    made : datetime.date
    data : str
        Hash of the arrays that the fit saw.
    assumptions : mapping of str to str
        ``clock``, ``reading``, ``subset`` and ``level_change``: data read otherwise do not go on
        from it.
    observed_to : mapping of str to datetime.date
        For each stream the last day on which the case's having held is absorbed.
    absorbed : mapping of str to mapping of str to str
        By kind, the name of every row absorbed and the hash of its content.
    fidelity : Fidelity
    """

    parent: str
    parent_hash: str
    case: str
    cutoff: dt.date
    history: dt.date
    made: dt.date
    data: str
    assumptions: Mapping[str, str]
    observed_to: Mapping[str, dt.date]
    absorbed: Mapping[str, Mapping[str, str]]
    fidelity: Fidelity


ASSUMPTIONS: Final = ("clock", "reading", "subset", "level_change")
_TEXTS = ("parent", "parent_hash", "case", "data")


def content_of(joint: Joint, lineage: Lineage) -> list[Any]:
    """Give all that decides a forecast, for hashing."""
    return [
        {name: list(labels) for name, labels in joint.coords.items()},
        {name: list(values) for name, values in joint.margins.items()},
        [list(row) for row in joint.correlation],
        [list(joint.weights), *(list(row) for row in joint.centres)],
        [list(joint.widths), *(list(row) for row in joint.bends)],
        {kind: dict(rows) for kind, rows in lineage.absorbed.items()},
        [lineage.case, lineage.cutoff.isoformat(), dict(lineage.assumptions)],
        {stream: day.isoformat() for stream, day in lineage.observed_to.items()},
        *([list(joint.above_zero)] if joint.above_zero else []),
    ]


# Reading ------------------------------------------------------------------------------------


def read_joint(file: TomlFile, problems: Problems) -> tuple[Joint, Lineage] | tuple[None, None]:
    """Read the tables of a file that is a posterior; two Nones for any other.

    Parameters
    ----------
    file : TomlFile
    problems : Problems
        Where everything that is wrong is noted.
    """
    present = [name for name in TABLES if name in file.content]
    if not present:
        return None, None
    if len(present) == 1:
        missing = TABLES[present[0] == "joint"]
        problems.add(file.where(present[0]), f"[{present[0]}] without [{missing}]", "give both")
        return None, None
    before = len(problems)
    joint = _joint(_Reader(file, "joint", problems))
    lineage = _lineage(_Reader(file, "lineage", problems))
    if len(problems) > before or joint is None or lineage is None:
        return None, None
    return joint, lineage


class _Reader:
    """A table while it is read."""

    def __init__(self, file: TomlFile, table: str, problems: Problems) -> None:
        self._file, self._table, self._problems = file, table, problems
        content = file.content[table]
        self.content = content if isinstance(content, dict) else {}
        if not isinstance(content, dict):
            self.refuse("", "is not a table", f"write it as [{table}]")

    def refuse(self, key: str, found: str, allowed: str) -> None:
        name = f"[{self._table}] {key}".rstrip()
        self._problems.add(self._file.where(self._table, key), f"{name} {found}", allowed)

    def only(self, known: Sequence[str], *, older: Sequence[str] = ()) -> None:
        """Refuse keys that are unknown or missing; `older` files did not have all of them."""
        for key in self.content:
            if key not in known:
                self.refuse(key, "is unknown", f"it has {', '.join(known)}")
        for key in known:
            if key not in self.content and key not in older:
                self.refuse(key, "is missing", f"it has {', '.join(known)}")

    def texts(self, key: str) -> tuple[str, ...]:
        value = self.content.get(key)
        fine = isinstance(value, list) and all(isinstance(each, str) for each in value)
        if fine and isinstance(value, list) and len(set(value)) == len(value) <= MAX_UNKNOWNS:
            return tuple(value)
        self.refuse(key, f"= {quoted(value)}", "must be a list of different texts")
        return ()

    def numbers(self, key: str, size: int, *, positive: bool = False) -> tuple[float, ...]:
        found = _floats(self.content.get(key))
        if found is None or len(found) != size or (positive and min(found, default=1.0) <= 0.0):
            above = " above 0" if positive else ""
            self.refuse(key, "cannot be read", f"must be a list of {size} numbers{above}")
            return ()
        return found

    def text(self, key: str) -> str:
        value = self.content.get(key)
        if not isinstance(value, str) or not value:
            self.refuse(key, f"= {quoted(value)}", "must be text")
            return ""
        if holds_control(value):
            self.refuse(key, f"= {quoted(value)}", NO_CONTROL)
            return ""
        return value

    def day(self, key: str) -> dt.date:
        value = self.content.get(key)
        if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
            return value
        self.refuse(key, f"= {quoted(value)}", "must be a day, 2026-03-31")
        return dt.date.min

    def table(self, key: str) -> dict[str, Any]:
        value = self.content.get(key)
        if isinstance(value, dict):
            return value
        self.refuse(key, f"= {quoted(value)}", "must be a table")
        return {}


def _floats(value: object) -> tuple[float, ...] | None:
    if not isinstance(value, list) or len(value) > MAX_UNKNOWNS:
        return None
    numbers = []
    for each in value:
        if isinstance(each, bool) or not isinstance(each, int | float):
            return None
        if abs(each) > 1e300 or not math.isfinite(each):
            return None
        numbers.append(float(each))
    return tuple(numbers)


_MIXTURE = ("weights", "centres")
_BENT = ("widths", "bends")
MAX_COMPONENTS = 64


def _joint(reader: _Reader) -> Joint | None:
    import numpy as np

    named = {f"{name}s": name for name in DIMENSIONS}
    known = [*named, "unknowns", "above_zero", *MARGINS, "correlation", *_MIXTURE, *_BENT]
    reader.only(known, older=["above_zero"])
    unknowns = reader.texts("unknowns")
    size = len(unknowns)
    margins = {
        name: reader.numbers(name, size, positive=name in ("scale", "tail")) for name in MARGINS
    }
    rows = reader.content.get("correlation")
    triangle = [_floats(row) for row in rows] if isinstance(rows, list) else []
    fitting = [row is not None and len(row) == i for i, row in enumerate(triangle, start=1)]
    if len(triangle) != max(size - 1, 0) or not all(fitting):
        allowed = f"must be {size - 1} rows of 1 to {size - 1} numbers: the lower triangle"
        reader.refuse("correlation", "cannot be read", allowed)
        return None
    weights = _floats(reader.content.get("weights")) or ()
    given = reader.content.get("centres")
    centres = [_floats(row) for row in given] if isinstance(given, list) else [None]
    whole = 0 < len(weights) <= MAX_COMPONENTS and min(weights) > 0.0
    if not whole or abs(math.fsum(weights) - 1.0) > 1e-6:
        reader.refuse("weights", "cannot be read", "must be numbers above 0 that add up to 1")
        return None
    fitting = [row is not None and len(row) == size for row in centres]
    if not all(fitting) or len(centres) != (len(weights) if len(weights) > 1 else 0):
        allowed = f"must be a list of {size} numbers for each weight, none for one weight"
        reader.refuse("centres", "cannot be read", allowed)
        return None
    bends = _bent(reader, size)
    widths = reader.numbers("widths", size if reader.content.get("widths") else 0)
    found = Joint(
        coords=MappingProxyType({name: reader.texts(key) for key, name in named.items()}),
        unknowns=unknowns,
        margins=MappingProxyType(margins),
        correlation=tuple(row for row in triangle if row is not None),
        weights=weights,
        centres=tuple(row for row in centres if row is not None),
        widths=widths,
        bends=bends,
        above_zero=reader.texts("above_zero") if "above_zero" in reader.content else (),
    )
    complete = all(len(values) == size for values in margins.values())
    try:
        if complete:
            found.arrays()
    except np.linalg.LinAlgError:
        reader.refuse("correlation", "is no correlation", "it must be positive definite")
        return None
    return found


def _bent(reader: _Reader, size: int) -> tuple[tuple[float, ...], ...]:
    """Read which unknown is bent by which earlier one, and how far."""
    given = reader.content.get("bends")
    rows = [_floats(row) for row in given] if isinstance(given, list) else [None]
    fine = [
        row is not None
        and len(row) == 2 + len(BENDS)
        and row[0].is_integer()
        and row[1].is_integer()
        and 0 <= row[1] < row[0] < size
        for row in rows
    ]
    places = {row[:2] for row in rows if row is not None}
    if not all(fine) or len(places) != len(rows):
        allowed = "must be a list of [unknown, earlier unknown, bow, tilt, flare], each pair once"
        reader.refuse("bends", "cannot be read", allowed)
        return ()
    return tuple(row for row in rows if row is not None)


def _lineage(reader: _Reader) -> Lineage | None:
    inner = ("assumptions", "observed_to", *KINDS, "fidelity")
    reader.only([*_TEXTS, "cutoff", "history", "made", *inner])
    told = {key: reader.text(key) for key in _TEXTS}
    absorbed = {kind: _hashes(reader, kind) for kind in KINDS}
    assumptions = reader.table("assumptions")
    if set(assumptions) != set(ASSUMPTIONS):
        reader.refuse("assumptions", "cannot be read", f"it has {', '.join(ASSUMPTIONS)}")
    observed = reader.table("observed_to")
    if set(observed) != set(STREAMS) or not all(type(d) is dt.date for d in observed.values()):
        reader.refuse("observed_to", "cannot be read", f"a day for each of {', '.join(STREAMS)}")
    fidelity = _fidelity(reader)
    if fidelity is None:
        return None
    return Lineage(
        parent=told["parent"],
        parent_hash=told["parent_hash"],
        case=told["case"],
        data=told["data"],
        cutoff=reader.day("cutoff"),
        history=reader.day("history"),
        made=reader.day("made"),
        assumptions=MappingProxyType({key: str(value) for key, value in assumptions.items()}),
        observed_to=MappingProxyType(dict(observed)),
        absorbed=MappingProxyType(absorbed),
        fidelity=fidelity,
    )


def _hashes(reader: _Reader, kind: str) -> Mapping[str, str]:
    found = reader.table(kind)
    for key, value in found.items():
        if not isinstance(value, str):
            reader.refuse(kind, f"of {quoted(key)} = {quoted(value)}", "must be a hash")
    return MappingProxyType({key: str(value) for key, value in found.items()})


def _fidelity(reader: _Reader) -> Fidelity | None:
    found = reader.table("fidelity")
    numbers = _floats([found.get(key) for key in ("khat", "draws", "points", "mcse_points")])
    if numbers is None or not isinstance(found.get("where"), str) or len(found) != 5:
        reader.refuse("fidelity", "cannot be read", "khat, draws, points, mcse_points and where")
        return None
    khat, draws, points, mcse = numbers
    where = str(found["where"])
    return Fidelity(khat=khat, draws=int(draws), points=points, mcse_points=mcse, where=where)


# Writing ------------------------------------------------------------------------------------


def joint_text(joint: Joint, lineage: Lineage) -> str:
    """Write both tables as TOML."""
    lines = ["[joint]"]
    lines += [f"{name}s = {_list(joint.coords[name])}" for name in DIMENSIONS]
    lines.append(f"unknowns = {_list(joint.unknowns)}")
    lines.append(f"above_zero = {_list(joint.above_zero)}")
    lines += [f"{name} = {list(joint.margins[name])!r}" for name in MARGINS]
    rows = ",\n".join(f"  {list(row)!r}" for row in joint.correlation)
    lines += [f"correlation = [\n{rows}\n]"]
    rows = ",\n".join(f"  {list(row)!r}" for row in joint.centres)
    lines += [f"weights = {list(joint.weights)!r}", f"centres = [\n{rows}\n]"]
    rows = ",\n".join(f"  {list(row)!r}" for row in joint.bends)
    lines += [f"widths = {list(joint.widths)!r}", f"bends = [\n{rows}\n]", ""]
    lines.append("[lineage]")
    lines += [f"{key} = {_string(getattr(lineage, key))}" for key in _TEXTS]
    for key in ("cutoff", "history", "made"):
        lines.append(f"{key} = {getattr(lineage, key).isoformat()}")
    lines.append(f"assumptions = {_table(lineage.assumptions)}")
    days = ", ".join(f"{stream} = {d.isoformat()}" for stream, d in lineage.observed_to.items())
    lines.append(f"observed_to = {{ {days} }}")
    told = lineage.fidelity
    lines += ["", "[lineage.fidelity]", f"khat = {told.khat!r}", f"draws = {told.draws}"]
    lines += [f"points = {told.points!r}", f"mcse_points = {told.mcse_points!r}"]
    lines.append(f"where = {_string(told.where)}")
    for kind in KINDS:
        lines += ["", f"[lineage.{kind}]"]
        lines += [f"{_string(k)} = {_string(v)}" for k, v in lineage.absorbed[kind].items()]
    return "\n".join(lines) + "\n"


def _list(values: Sequence[str]) -> str:
    return f"[{', '.join(_string(value) for value in values)}]"


def _table(values: Mapping[str, str]) -> str:
    inside = ", ".join(f"{key} = {_string(value)}" for key, value in values.items())
    return f"{{ {inside} }}"


def _string(value: str) -> str:
    written = json.dumps(value, ensure_ascii=False)
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in written)
