"""Prior sets: one TOML file each, one table a parameter, every number with its reason.

.. code-block:: toml

    format = 1
    about = "What we believed before looking."

    [alpha_war]
    distribution = "normal"
    mean = -3.5
    sd = 1.0
    unit = "log events a year"
    meaning = "War's log hazard at one year of age"
    reason = "…"
    source = "…"
    status = "assumed"

    [rho2]
    distribution = "beta"
    quantiles = { "0.05" = 0.55, "0.95" = 0.95 }   # solved for when the file is read
    …
"""

from __future__ import annotations

import difflib
import hashlib
import json
import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Final

from durability import distributions
from durability.errors import InputError, Problem, Problems, one_of, quoted
from durability.files import NO_CONTROL, holds_control
from durability.joint_priors import TABLES, Joint, Lineage, content_of, read_joint
from durability.judgements import Judgement, read_judgement
from durability.toml_files import TomlFile, read_toml

STATUSES: Final = ("computed", "literature", "assumed", "elicited")
"""Where a prior's numbers come from; only an assumed one may do without a source."""

FORMAT: Final = 1
TEXTS: Final = ("unit", "meaning", "reason", "source", "status")
ELICITED: Final = "elicited"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """What is believed of one parameter before the data, and why.

    Parameters
    ----------
    name, distribution : str
    values : mapping of str to float
        The distribution's parameters, solved for where `quantiles` were given.
    quantiles : mapping of float to float, or None
        Probability to value, as the file has them.
    unit, meaning, reason, source, status : str
        `status` is one of :data:`STATUSES`.
    elicited : Judgement or None
        What an expert said, where the prior was made of that.
    """

    name: str
    distribution: str
    values: Mapping[str, float]
    quantiles: Mapping[float, float] | None
    unit: str
    meaning: str
    reason: str
    source: str
    status: str
    elicited: Judgement | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PriorSet:
    """The priors of every parameter of a model.

    Parameters
    ----------
    name : str
    path : Path
    about : str
        What the set is for, in its author's words.
    parameters : mapping of str to Prior
        In the order of the file.
    hash : str
        Of distributions and numbers alone: rewording a reason changes no fit.
    joint : Joint or None
        The law of all unknowns at once, of a set that was a posterior.
    lineage : Lineage or None
        What it is a posterior of.
    """

    name: str
    path: Path
    about: str
    parameters: Mapping[str, Prior]
    hash: str
    joint: Joint | None = None
    lineage: Lineage | None = None


def read_priors(
    name_or_path: str | Path = "default", *, expected: Mapping[str, Collection[str]] | None = None
) -> PriorSet:
    """Read and check a prior set.

    Parameters
    ----------
    name_or_path : str or Path
        See :func:`find_priors`.
    expected : mapping of str to collection of str, optional
        The parameters of the model and the families that each can have: any other parameter or
        family, and any missing parameter, is an error. Without it this is not checked until a
        model is built.

    Returns
    -------
    PriorSet

    Raises
    ------
    InputError
        With everything that is wrong in the file.
    """
    return priors_of(read_toml(find_priors(name_or_path)), expected=expected)


def priors_of(file: TomlFile, *, expected: Mapping[str, Collection[str]] | None = None) -> PriorSet:
    """Check the prior set that a TOML file holds; see :func:`read_priors`."""
    problems = Problems()
    _check_top(file, problems)
    tables = [
        _Table(file, name, content, problems)
        for name, content in file.content.items()
        if isinstance(content, dict) and name not in TABLES and name.isprintable()
    ]
    priors = {table.name: prior for table in tables if (prior := _prior(table)) is not None}
    if expected is not None:
        _check_names([table.name for table in tables], tuple(expected), file.where, problems)
        _check_families(priors, expected, lambda n: file.where(n, "distribution"), problems)
    joint, lineage = read_joint(file, problems)
    problems.raise_any()
    return PriorSet(
        name=file.path.stem,
        path=file.path,
        about=str(file.content.get("about", "")),
        parameters=MappingProxyType(priors),
        hash=hash_of(priors, joint, lineage),
        joint=joint,
        lineage=lineage,
    )


def check_parameters(priors: PriorSet, expected: Mapping[str, Collection[str]]) -> None:
    """Refuse a prior set that does not fit the model.

    Parameters
    ----------
    priors : PriorSet
    expected : mapping of str to collection of str
        The parameters of the model and the families that each can have.

    Raises
    ------
    InputError
        Naming every parameter that is missing, that the model does not know, or whose family it
        cannot have.
    """
    problems = Problems()
    where = f"{priors.path}"
    _check_names(list(priors.parameters), tuple(expected), lambda _: where, problems)
    _check_families(priors.parameters, expected, lambda _: where, problems)
    problems.raise_any()


def refuse_revised(priors: PriorSet, why: str) -> None:
    """Refuse a set that was a posterior, where only its parameters would be read.

    They are margins for reading, without the joint law; and without the lineage the rows that it
    has absorbed would count twice.

    Raises
    ------
    InputError
        The set has a lineage.
    """
    if priors.lineage is not None:
        found = f"{priors.name} is a posterior of {priors.lineage.case}: {why}"
        allowed = f"use the set that it was revised from, {priors.lineage.parent}"
        raise InputError([Problem(where=str(priors.path), found=found, allowed=allowed)])


def implied_quantiles(prior: Prior, probabilities: Sequence[float]) -> tuple[float, ...]:
    """Give the quantiles that a prior implies, whichever way it was written.

    Parameters
    ----------
    prior : Prior
    probabilities : sequence of float
        Each above 0 and below 1.

    Returns
    -------
    tuple of float
        In the parameter's unit; for ``lkj``, of one correlation between two drivers.
    """
    return tuple(distributions.quantile(prior.distribution, prior.values, p) for p in probabilities)


# Finding ------------------------------------------------------------------------------------


def find_priors(name_or_path: str | Path) -> Path:
    """Find a prior set's file.

    A path is taken as it is. A name is looked for in ``./priors``, then in the user's data
    folder, then among the shipped sets.

    Raises
    ------
    InputError
        There is none.
    """
    if isinstance(name_or_path, Path) or name_or_path.endswith(".toml") or "/" in name_or_path:
        return Path(name_or_path)
    known = list_priors()
    if name_or_path in known:
        return known[name_or_path]
    found = f"there is no prior set {quoted(name_or_path)}"
    allowed = f"{one_of(tuple(known), name_or_path)}; or give the path of a .toml file"
    raise InputError([Problem(where="priors", found=found, allowed=allowed)])


def list_priors() -> Mapping[str, Path]:
    """List the prior sets that have a name, and the file that each name means here."""
    found: dict[str, Path] = {}
    for folder in _folders():
        for path in sorted(folder.glob("*.toml")):
            found.setdefault(path.stem, path)
    return dict(sorted(found.items()))


def shipped_path(name: str) -> Path:
    """Give the file of a shipped set, whatever else has its name here."""
    return _shipped_folder() / f"{name}.toml"


def _folders() -> tuple[Path, ...]:
    import platformdirs

    users = platformdirs.user_data_path("durability") / "priors"
    return (Path("priors"), users, _shipped_folder())


def _shipped_folder() -> Path:
    return Path(str(import_module("durability.priors").__file__)).parent


# Reading ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Table:
    """One parameter's table while it is read, and where to note what is wrong with it."""

    file: TomlFile
    name: str
    content: dict[str, object]
    problems: Problems

    def refuse(self, found: str, allowed: str, *, key: str = "") -> None:
        self.problems.add(self.file.where(self.name, key), f"[{self.name}] {found}", allowed)


def _prior(table: _Table) -> Prior | None:
    texts = {key: _text(table, key) for key in TEXTS}
    distribution = _text(table, "distribution")
    if distribution not in distributions.PARAMETERS:
        if distribution:
            allowed = one_of(tuple(distributions.PARAMETERS), distribution)
            table.refuse(f"distribution {quoted(distribution)}", allowed, key="distribution")
        return None
    names = distributions.PARAMETERS[distribution]
    for key in table.content:
        if key not in ("distribution", "quantiles", ELICITED, *TEXTS, *names):
            known = (*names, "quantiles", "distribution", *TEXTS, ELICITED)
            table.refuse(f"unknown key {quoted(key)}", one_of(known, key), key=key)
    quantiles = _quantiles(table, distribution) if "quantiles" in table.content else None
    if "quantiles" in table.content:
        values = _solved(table, distribution, quantiles)
    else:
        values = _values(table, distribution)
    if values is None:
        return None
    return Prior(
        name=table.name,
        distribution=distribution,
        values=MappingProxyType(values),
        quantiles=None if quantiles is None else MappingProxyType(quantiles),
        elicited=_elicited(table),
        **texts,
    )


def _elicited(table: _Table) -> Judgement | None:
    if ELICITED not in table.content:
        return None
    return read_judgement(
        table.content[ELICITED], lambda found, allowed: table.refuse(found, allowed, key=ELICITED)
    )


def _text(table: _Table, key: str) -> str:
    value = table.content.get(key)
    if key == "source" and value in (None, "") and table.content.get("status") == "assumed":
        return ""
    if value is None:
        table.refuse(f"no {key}", "every parameter has its distribution, " + ", ".join(TEXTS))
    elif not isinstance(value, str):
        table.refuse(f"{key} = {quoted(value)}", "must be text", key=key)
    elif not value.strip():
        table.refuse(f"{key} is empty", "say it in a few words", key=key)
    elif key == "status" and value not in STATUSES:
        table.refuse(f"status {quoted(value)}", one_of(STATUSES, value), key=key)
    elif holds_control(value):
        table.refuse(f"{key} = {quoted(value)}", NO_CONTROL, key=key)
    else:
        return value.strip()
    return ""


def _values(table: _Table, distribution: str) -> dict[str, float] | None:
    values: dict[str, float] = {}
    names = distributions.PARAMETERS[distribution]
    for name in names:
        if name not in table.content:
            allowed = f"{distribution} needs {' and '.join(names)}"
            if distribution in distributions.SOLVABLE:
                allowed += ", or quantiles"
            table.refuse(f"no {name}", allowed)
        elif (value := _number(table.content[name])) is None:
            table.refuse(f"{name} = {quoted(table.content[name])}", "must be a number", key=name)
        elif value <= 0.0 and name not in distributions.UNBOUNDED:
            table.refuse(f"{name} = {value:g}", "must be above 0", key=name)
        else:
            values[name] = value
    if len(values) < len(names):
        return None
    try:
        distributions.check_law(distribution, values)
    except ValueError as error:
        told = ", ".join(f"{name} = {value:g}" for name, value in values.items())
        table.refuse(f"{distribution} of {told}", str(error), key=names[0])
        return None
    return values


def _quantiles(table: _Table, distribution: str) -> dict[float, float] | None:
    def refuse(found: str, allowed: str) -> None:
        table.refuse(found, allowed, key="quantiles")

    given = table.content["quantiles"]
    both = [name for name in distributions.PARAMETERS[distribution] if name in table.content]
    if distribution not in distributions.SOLVABLE:
        allowed = f"{distribution} needs {' and '.join(distributions.PARAMETERS[distribution])}"
        refuse("quantiles", f"{allowed} instead")
    elif both:
        refuse(f"quantiles beside {' and '.join(both)}", "give one or the other")
    elif not isinstance(given, dict):
        refuse(f"quantiles = {quoted(given)}", 'must be like { "0.05" = -1.0, "0.95" = 2.5 }')
    else:
        read = {_probability(key): _number(value) for key, value in given.items()}
        good = {p: value for p, value in read.items() if p is not None and value is not None}
        if len(good) == len(given):
            return good
        refuse("a quantile that cannot be read", "each is a probability between 0 and 1 = a number")
    return None


def _solved(
    table: _Table, distribution: str, quantiles: dict[float, float] | None
) -> dict[str, float] | None:
    if quantiles is None:
        return None
    try:
        return distributions.solve(distribution, quantiles)
    except ValueError as error:
        told = ", ".join(f"{p:g} = {value:g}" for p, value in quantiles.items())
        table.refuse(f"quantiles {told}", f"inconsistent: {error}", key="quantiles")
        return None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _probability(key: str) -> float | None:
    if not re.fullmatch(r"0?\.\d{1,12}", key):
        return None
    probability = float(key)
    return probability if 0.0 < probability < 1.0 else None


def _check_top(file: TomlFile, problems: Problems) -> None:
    for key, value in file.content.items():
        where = file.where("", key)
        if not key.isprintable():
            problems.add(file.where(key), f"the name {quoted(key)}", NO_CONTROL)
        elif key == "about":
            if not isinstance(value, str):
                problems.add(where, f"about = {quoted(value)}", "must be text")
            elif holds_control(value):
                problems.add(where, f"about = {quoted(value)}", NO_CONTROL)
        elif key == "format":
            if value != FORMAT or isinstance(value, bool):
                problems.add(where, f"format = {quoted(value)}", f"this version reads {FORMAT}")
        elif not isinstance(value, dict):
            allowed = f"a parameter is a table: [{key}]; above the tables stand format and about"
            problems.add(where, f"{key} = {quoted(value)}", allowed)
    if "format" not in file.content:
        problems.add(f"{file.path} line 1", "no format", f"begin with format = {FORMAT}")


def _check_names(
    found: Sequence[str],
    expected: Sequence[str],
    where: Callable[[str], str],
    problems: Problems,
) -> None:
    missing = [name for name in expected if name not in found]
    for name in found:
        if name not in expected:
            problem = f"[{name}] is not a parameter of the model"
            problems.add(where(name), problem, _meant(name, missing))
    for name in missing:
        problems.add(where(""), f"[{name}] is missing", "the model needs it")


def _check_families(
    priors: Mapping[str, Prior],
    expected: Mapping[str, Collection[str]],
    where: Callable[[str], str],
    problems: Problems,
) -> None:
    for name, prior in priors.items():
        allowed = tuple(expected.get(name, ()))
        if allowed and prior.distribution not in allowed:
            problems.add(where(name), f"[{name}] cannot be {prior.distribution}", one_of(allowed))


def _meant(name: str, missing: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, missing, n=1)
    return f"did you mean {quoted(close[0])}?" if close else "take it out"


def hash_of(priors: Mapping[str, Prior], joint: Joint | None, lineage: Lineage | None) -> str:
    """Hash what decides a fit: distributions and numbers, and the joint law if there is one."""
    numbers: dict[str, object] = {
        name: [prior.distribution, dict(prior.values)] for name, prior in priors.items()
    }
    if joint is not None and lineage is not None:
        numbers["joint"] = content_of(joint, lineage)
    written = json.dumps(numbers, sort_keys=True, allow_nan=False)
    return hashlib.sha256(written.encode()).hexdigest()
