"""What a line of the ledger says of a forecast: made from its record, checked when it is read."""

from __future__ import annotations

import hashlib
import math
import platform
import re
from collections.abc import Callable, Mapping
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from durability.agreements import SHIPPED
from durability.blocks import printable
from durability.catalogue import library_hash, models_hash
from durability.errors import InputError, Problems, quoted
from durability.ledger_inputs import AGREEMENTS_FILE, INPUT_FILES, NEEDED, Inputs, is_hash
from durability.vocabulary import RUNGS, STREAMS
from durability.wording import BASELINE_PREFIX

FORMAT: Final = 1
METHODS: Final = ("fit", "update")
"""How a forecast is made: from a fit of its own, or by updating one on news."""

FROM_THE_RECORD: Final = (
    *("case", "title", "parties", "cutoff", "clock_start", "deal", "covered_until", "seed"),
    *("versions", "data_hash", "prior_set", "model", "settings", "verdict", "observed_to"),
    *("happened", "newest_item", "unseen", "breakdown"),
)
"""Keys of ``forecast.json`` that the ledger keeps as they stand."""

OWN: Final = ("format", "fit_key", "inputs", "method", "sources", "baselines")
OPTIONAL: Final = ("baselines",)
"""Keys that an entry may lack: a revised forecast has no baselines beside it."""

CHANCE: Final = ("high", "interval_probability", "low", "mcse", "mean")
SETTINGS: Final = ("chains", "draws", "horizon_months", "tune")
MAX_TEXT: Final = 10_000
MAX_INTEGER: Final = 2**53
"""The largest whole number that every reader of JSON keeps exactly."""

_PACKAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_MODULE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_HEX = re.compile(r"[0-9a-f]{8,128}")
_MONTHS = re.compile(r"[1-9][0-9]{0,3}")


def entry_of(
    record: Mapping[str, Any], inputs: Inputs, *, fit_key: str, method: Mapping[str, Any]
) -> dict[str, Any]:
    """Make the entry of a forecast.

    Raises
    ------
    InputError
        The record lacks something, or has what an entry cannot have.
    """
    problems = Problems()
    for key in FROM_THE_RECORD:
        if key not in record:
            problems.add("forecast", f"no {key}", "the ledger needs it")
    problems.raise_any()
    entry = {
        **{key: record[key] for key in FROM_THE_RECORD},
        "format": FORMAT,
        "fit_key": fit_key,
        "method": dict(method),
        "sources": {"models": models_hash(), "library": library_hash()},
        "inputs": inputs.hashes(),
    }
    baselines = _baselines_of(record)
    if baselines:
        entry["baselines"] = baselines
    check_entry(entry, "forecast", problems)
    problems.raise_any()
    return entry


def _baselines_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """Give what each baseline said of the case, by its title, as the record has it."""
    return {
        row["name"].removeprefix(BASELINE_PREFIX): dict(row["breakdown"])
        for row in record.get("sensitivities", ())
        if row["name"].startswith(BASELINE_PREFIX)
    }


def check_entry(entry: object, where: str, problems: Problems) -> None:
    """Note everything in an entry that is not as an entry must be."""
    _Checked(where, problems).table(entry, "entry", _ENTRY, optional=OPTIONAL)


def read_entry(entry: object, where: str) -> Mapping[str, Any]:
    """Give a checked entry.

    Raises
    ------
    InputError
        With all that is wrong in it.
    """
    problems = Problems()
    check_entry(entry, where, problems)
    problems.raise_any()
    if not isinstance(entry, dict):
        raise InputError(problems.found)
    return entry


def differences(entry: Mapping[str, Any]) -> list[str]:
    """Say what of this installation is not as it was when a forecast was made."""
    found = []
    for name, before in sorted(entry["versions"].items()):
        here = _version(name)
        if here != before:
            found.append(f"{printable(name)} {here}, then {printable(before)}")
    for what, before, here in (
        ("the sources of models/", entry["sources"]["models"], models_hash()),
        ("the sources of the library", entry["sources"]["library"], library_hash()),
        ("the reference class", entry["inputs"][AGREEMENTS_FILE], _hash_of_agreements()),
    ):
        if here != before:
            found.append(what)
    return found


def _version(name: str) -> str:
    if name == "python":
        return platform.python_version()
    try:
        return version(name) if _PACKAGE.fullmatch(name) else "none"
    except PackageNotFoundError:
        return "none"


def _hash_of_agreements() -> str:
    return hashlib.sha256(SHIPPED.read_bytes()).hexdigest()


# Checking -----------------------------------------------------------------------------------


class _Checked:
    """Holds the place in an entry, so that a problem can be told with it."""

    def __init__(self, where: str, problems: Problems) -> None:
        self._where = where
        self._problems = problems

    def __len__(self) -> int:
        return len(self._problems)

    def refuse(self, key: str, found: str, allowed: str) -> None:
        self._problems.add(self._where, f"{key} {found}", allowed)

    def of(self, value: object, key: str, allowed: str, *, holds: bool) -> None:
        if not holds:
            self.refuse(key, f"is {quoted(value)}", allowed)

    def table(
        self,
        value: object,
        key: str,
        kinds: Mapping[str, Kind],
        *,
        needed: bool = True,
        optional: tuple[str, ...] = (),
    ) -> None:
        if not isinstance(value, dict):
            self.refuse(key, f"is {quoted(value)}", f"must have {', '.join(kinds)}")
            return
        for name in value:
            if name not in kinds:
                self.refuse(key, f"has {quoted(name)}", f"may have {', '.join(kinds)}")
        for name, kind in kinds.items():
            if name in value:
                kind(self, value[name], name if key == "entry" else f"{key}.{name}")
            elif needed and name not in optional:
                self.refuse(key, f"has no {name}", "it is needed")


Kind = Callable[[_Checked, Any, str], None]


def _text(check: _Checked, value: object, key: str) -> None:
    holds = isinstance(value, str) and len(value) <= MAX_TEXT
    check.of(value, key, f"must be text of at most {MAX_TEXT:,} characters", holds=holds)


def _name(check: _Checked, value: object, key: str) -> None:
    holds = isinstance(value, str) and 0 < len(value.strip()) <= MAX_TEXT
    check.of(value, key, "must be text and not empty", holds=holds)


def _module(check: _Checked, value: object, key: str) -> None:
    holds = isinstance(value, str) and _MODULE.fullmatch(value) is not None
    check.of(value, key, "must be the name of a module", holds=holds)


def _flag(check: _Checked, value: object, key: str) -> None:
    check.of(value, key, "must be true or false", holds=isinstance(value, bool))


def _day(check: _Checked, value: object, key: str) -> None:
    check.of(value, key, "must be a day written YYYY-MM-DD", holds=_is_day(value))


def _is_day(value: object) -> bool:
    try:
        return isinstance(value, str) and date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def _hex(check: _Checked, value: object, key: str) -> None:
    holds = isinstance(value, str) and _HEX.fullmatch(value) is not None
    check.of(value, key, "must be a hash in hexadecimal digits", holds=holds)


def _hash(check: _Checked, value: object, key: str) -> None:
    check.of(value, key, "must be a SHA-256 in 64 hexadecimal digits", holds=is_hash(value))


def _whole(low: int) -> Kind:
    def kind(check: _Checked, value: object, key: str) -> None:
        holds = isinstance(value, int) and not isinstance(value, bool)
        holds = holds and low <= value <= MAX_INTEGER  # type: ignore[operator]
        check.of(value, key, f"must be a whole number, {low} or more", holds=holds)

    return kind


def _number(low: float = -math.inf, high: float = math.inf) -> Kind:
    bounds = (
        ""
        if math.isinf(low)
        else f" from {low:g}" + (" on" if math.isinf(high) else f" to {high:g}")
    )

    def kind(check: _Checked, value: object, key: str) -> None:
        holds = isinstance(value, int | float) and not isinstance(value, bool)
        holds = holds and abs(value) <= 1e300 and low <= value <= high  # type: ignore[arg-type,operator]
        check.of(value, key, f"must be a number{bounds}", holds=holds)

    return kind


def _table(kinds: Mapping[str, Kind], *, needed: bool = True) -> Kind:
    return lambda check, value, key: check.table(value, key, kinds, needed=needed)


def _list(kind: Kind) -> Kind:
    def kind_of_all(check: _Checked, value: object, key: str) -> None:
        if not isinstance(value, list):
            check.refuse(key, f"is {quoted(value)}", "must be a list")
            return
        for place, each in enumerate(value):
            kind(check, each, f"{key}[{place}]")

    return kind_of_all


def _versions(check: _Checked, value: object, key: str) -> None:
    if not isinstance(value, dict) or "durability" not in value:
        check.refuse(key, f"is {quoted(value)}", "must have the version of durability, and others")
        return
    for name, each in value.items():
        _text(check, each, f"{key}.{name if name.isidentifier() else quoted(name)}")


def _one(allowed: tuple[str, ...]) -> Kind:
    told = f"must be one of {', '.join(allowed)}"
    return lambda check, value, key: check.of(value, key, told, holds=value in allowed)


_PROBABILITY = _number(0.0, 1.0)
_CHANCE = _table(
    {
        **dict.fromkeys(CHANCE, _PROBABILITY),
        "interval_probability": _number(1e-6, 1.0 - 1e-6),
        "mcse": _number(0.0),
    }
)


def _horizons(check: _Checked, value: object, key: str) -> None:
    if not isinstance(value, dict) or not value:
        check.refuse(key, f"is {quoted(value)}", "must have a chance for each horizon")
        return
    for months, chance in value.items():
        if _MONTHS.fullmatch(months):
            _CHANCE(check, chance, f"{key}.{months}")
        else:
            check.refuse(f"a horizon of {key}", f"is {quoted(months)}", "it is a number of months")


def _breakdown(check: _Checked, value: object, key: str) -> None:
    before = len(check)
    check.table(value, key, dict.fromkeys(RUNGS, _horizons))
    if len(check) == before and isinstance(value, dict):
        different = [rung for rung in RUNGS if set(value[rung]) != set(value["breakdown"])]
        for rung in different:
            check.refuse(f"{key}.{rung}", "has other horizons", "every rung has the same")


def _baselines(check: _Checked, value: object, key: str) -> None:
    """Chances of breakdown by title and horizon, each a mean with its error."""
    if not isinstance(value, dict):
        check.refuse(key, f"is {quoted(value)}", "must have a table for each baseline")
        return
    chance = _table({"mean": _PROBABILITY, "mcse": _number(0.0)})
    for title, horizons in value.items():
        _name(check, title, f"a title of {key}")
        if not isinstance(horizons, dict):
            check.refuse(f"{key}.{quoted(title)}", f"is {quoted(horizons)}", "must be a table")
            continue
        for months, each in horizons.items():
            if _MONTHS.fullmatch(months):
                chance(check, each, f"{key}.{quoted(title)}.{months}")
            else:
                check.refuse(f"a horizon of {key}", f"is {quoted(months)}", "must be months")


def _newest(check: _Checked, value: object, key: str) -> None:
    if value is not None:
        kinds = {"id": _text, "known": _day, "age_days": _whole(-MAX_INTEGER)}
        check.table(value, key, kinds)


def _inputs(check: _Checked, value: object, key: str) -> None:
    check.table(value, key, dict.fromkeys(INPUT_FILES, _hash), needed=False)
    for name in NEEDED:
        if isinstance(value, dict) and name not in value:
            check.refuse(key, f"has no {name}", "it is needed")


def _method(check: _Checked, value: object, key: str) -> None:
    """A kind, and what else whoever made the forecast thinks worth keeping."""
    kind = value.get("kind") if isinstance(value, dict) else None
    told = f"must have a kind, one of {', '.join(METHODS)}"
    check.of(value, key, told, holds=kind in METHODS)


def _format(check: _Checked, value: object, key: str) -> None:
    holds = value == FORMAT and isinstance(value, int) and not isinstance(value, bool)
    check.of(value, key, f"this version reads {FORMAT}", holds=holds)


def _parties(check: _Checked, value: object, key: str) -> None:
    _list(_text)(check, value, key)
    check.of(value, key, "must name somebody", holds=value != [])


def _verdict(check: _Checked, value: object, key: str) -> None:
    test = {"name": _text, "value": _number(), "limit": _number(), "ok": _flag, "worst": _text}
    kinds = {"ok": _flag, "reasons": _list(_text), "checks": _list(_table(test))}
    before = len(check)
    check.table(value, key, kinds)
    if len(check) == before and value["ok"] == bool(value["reasons"]):  # type: ignore[index]
        check.refuse(key, "does not fit its reasons", "one that failed has reasons, no other does")


_ENTRY: Mapping[str, Kind] = {
    "format": _format,
    "case": _name,
    "title": _name,
    "parties": _parties,
    "cutoff": _day,
    "clock_start": _day,
    "deal": _day,
    "covered_until": _day,
    "seed": _whole(0),
    "versions": _versions,
    "data_hash": _hex,
    "prior_set": _table({"name": _name, "hash": _hex}),
    "model": _module,
    "settings": _table({**dict.fromkeys(SETTINGS, _whole(1)), "tune": _whole(0)}),
    "verdict": _verdict,
    "observed_to": _table(dict.fromkeys(STREAMS, _day)),
    "happened": _list(_table({"rung": _one(RUNGS), "date": _day, "why": _text})),
    "newest_item": _newest,
    "unseen": _table(dict.fromkeys(RUNGS, _CHANCE), needed=False),
    "breakdown": _breakdown,
    "fit_key": _text,
    "method": _method,
    "sources": _table({"models": _hash, "library": _hash}),
    "inputs": _inputs,
    "baselines": _baselines,
}
