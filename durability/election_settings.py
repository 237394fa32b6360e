"""``election.toml`` of a case, and the election as one: its rule, lists, polls and past results."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from durability import toml_tables as toml
from durability.case_folders import find_case
from durability.elections import Result, collect_results
from durability.errors import InputError, Problem, Problems, one_of, quoted
from durability.files import read_text
from durability.polls import Poll, collect_polls
from durability.toml_files import TomlFile, toml_of
from durability.toml_tables import TomlTable

ELECTION_FILE: Final = "election.toml"
POLLS_FILE: Final = "polls.csv"
RESULTS_FILE: Final = "elections.csv"

STANCES: Final = ("for", "against", "unknown")
FORMAT: Final = 1
_ELECTION: Final = (
    *("id", "title", "date", "previous", "incumbent", "followed_from", "unformed_lists"),
    *("why", "source"),
)
_RULE: Final = (
    *("election", "base_seats", "minority_seats", "thresholds", "minimum_lists", "bonus"),
    *("why", "source"),
)
_LIST: Final = ("key", "name", "kind", "agreement", "constitution", "why", "source")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How votes became seats at one election; the fields of ``models.seats.SeatRule``.

    Parameters
    ----------
    base_seats, minority_seats, minimum_lists, bonus : int
    thresholds : mapping of str to float
        Percent of the legal base by kind of list.
    """

    base_seats: int
    minority_seats: int
    thresholds: Mapping[str, float]
    minimum_lists: int
    bonus: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """A list and where it stands.

    Parameters
    ----------
    key, name, kind : str
    agreement, constitution : str
        One of :data:`STANCES`: toward the agreement, and toward the change of the constitution.
    left : datetime.date or None
        The day from which it was known to stand no more.
    why, source : str
    """

    key: str
    name: str
    kind: str
    agreement: str
    constitution: str
    left: dt.date | None
    why: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Election:
    """An election of a case, with all that the files hold of it, later things included.

    Parameters
    ----------
    folder : Path
    id, title : str
    date : datetime.date
    previous, incumbent : str
        The election that support starts from; the key of the governing list.
    followed_from : float
        Percent of all who were asked from which a list is followed by name.
    unformed_lists : int
        Into how many the remainder splits.
    rules : mapping of str to Rule
        By election.
    contenders : mapping of str to Contender
    past : mapping of str to str
        Past elections on which pollsters are measured, and the governing list of each.
    wide : frozenset of str
        Houses whose effects come from the wide class.
    polls : tuple of Poll
    results : mapping of str to Result
    government : str or None
        ``for`` or ``against``: which government formed after a result without a majority.
    """

    folder: Path
    id: str
    title: str
    date: dt.date
    previous: str
    incumbent: str
    followed_from: float
    unformed_lists: int
    rules: Mapping[str, Rule]
    contenders: Mapping[str, Contender]
    past: Mapping[str, str]
    wide: frozenset[str]
    polls: tuple[Poll, ...]
    results: Mapping[str, Result]
    government: str | None = None

    def result_at(self, cutoff: dt.date) -> Result | None:
        """Give the result where it was known at a cutoff."""
        result = self.results.get(self.id)
        return result if result is not None and result.known <= cutoff else None


def read_election(case: str | Path) -> Election:
    """Read the election of a case.

    Parameters
    ----------
    case : str or Path
        Name or folder of a case; it holds ``election.toml``, ``polls.csv`` and ``elections.csv``.

    Returns
    -------
    Election

    Raises
    ------
    InputError
        With everything that is wrong in the three files, or that the case holds no election.
    """
    folder = find_case(case)
    path = folder / ELECTION_FILE
    if not path.is_file():
        allowed = f"an election needs {ELECTION_FILE}, {POLLS_FILE} and {RESULTS_FILE}"
        raise InputError([Problem(where=str(path), found="no such file", allowed=allowed)])
    problems = Problems()
    text = read_text(path)
    file = toml_of(path, text)
    polls = collect_polls(folder / POLLS_FILE, problems)
    results = collect_results(folder / RESULTS_FILE, problems)
    election = _election(folder, file, text, polls, results, problems)
    problems.raise_any()
    return election


def _election(
    folder: Path,
    file: TomlFile,
    text: str,
    polls: tuple[Poll, ...],
    results: Mapping[str, Result],
    problems: Problems,
) -> Election:
    head = toml.top(file, problems)
    toml.check_keys(head, ("format", "election", "rule", "list"), ("past", "house"))
    toml.integer(head, "format", low=FORMAT, high=FORMAT)
    table = toml.subtable(file, head, "election")
    toml.check_keys(table, _ELECTION, ("government",))
    for key in ("why", "source"):
        toml.text(table, key)
    rules = {toml.name(t, "election"): _rule(t) for t in toml.subtables(head, "rule", text)}
    tables = toml.subtables(head, "list", text)
    lists = [_contender(t) for t in tables]
    past = {
        toml.name(t, "election"): _incumbent_of(t, results)
        for t in toml.subtables(head, "past", text)
    }
    houses = [_house(t, polls) for t in toml.subtables(head, "house", text)]
    election = Election(
        folder=folder,
        id=toml.name(table, "id"),
        title=toml.text(table, "title"),
        date=toml.day(table, "date") or dt.date.min,
        previous=toml.name(table, "previous"),
        incumbent=toml.name(table, "incumbent"),
        followed_from=_number(table, "followed_from", low=0.1, high=50.0),
        unformed_lists=toml.integer(table, "unformed_lists", low=1, high=100),
        rules=rules,
        contenders={each.key: each for each in lists},
        past=past,
        wide=frozenset(house for house, wide in houses if wide),
        polls=polls,
        results=results,
        government=toml.choice(table, "government", STANCES[:2])
        if "government" in table.content
        else None,
    )
    _check(table, election, lists)
    if polls and results:  # One that could not be read has been told.
        _check_keys(election, tables, problems)
        _check_shares(election, problems)
    return election


def _check(table: TomlTable, election: Election, lists: Sequence[Contender]) -> None:
    """Note what does not fit together between the three files."""
    known = tuple(election.results)
    if election.previous and election.previous not in known:
        found = f"= {quoted(election.previous)}"
        table.refuse("previous", found, f"{one_of(known, election.previous)} ({RESULTS_FILE})")
    elif election.previous and election.results[election.previous].date >= election.date:
        table.refuse("previous", "is not before this one", "must be an earlier election")
    elif election.previous and election.incumbent not in election.results[election.previous].lists:
        found = f"= {quoted(election.incumbent)}"
        table.refuse("incumbent", found, "must have a result at the previous election")
    if election.id and election.id not in election.rules:
        table.refuse("id", f"= {quoted(election.id)}", "needs its [[rule]]")
    if len({each.key for each in lists}) != len(lists):
        table.refuse("", "lists: a key stands twice", "name each list once")
    if election.incumbent and election.incumbent not in election.contenders:
        table.refuse("incumbent", f"= {quoted(election.incumbent)}", "needs its [[list]]")
    rule = election.rules.get(election.id)
    for each in lists:
        if rule is not None and each.kind and each.kind not in rule.thresholds:
            table.refuse(
                "",
                f"list {quoted(each.key)} is of kind {quoted(each.kind)}",
                f"{one_of(tuple(rule.thresholds), each.kind)}, as the thresholds have it",
            )


def _check_keys(election: Election, tables: Sequence[TomlTable], problems: Problems) -> None:
    """Note keys of lists that stand in one file alone: most are misspelt."""
    resulted = [each for result in election.results.values() for each in result.lists.values()]
    results = sorted({each.key for each in resulted})
    polled = {key for poll in election.polls for key in poll.shares}
    for table in tables:
        key = table.content.get("key")
        if key in election.contenders and key not in polled and key not in results:
            known = sorted({*polled, *results})
            allowed = f"{one_of(known, str(key))} ({POLLS_FILE}, {RESULTS_FILE})"
            table.refuse("key", f"= {quoted(key)}", allowed)
    known = list(dict.fromkeys([*election.contenders, *results]))
    elections = [election.id, *(each for each in election.results if each != election.id)]
    for poll in election.polls:
        if poll.election and poll.election not in elections:
            where = f"{election.folder / POLLS_FILE} line {poll.line}, election"
            problems.add(where, quoted(poll.election), one_of(elections, poll.election))
        where = f"{election.folder / POLLS_FILE} line {poll.line}, shares"
        for key in poll.shares:
            if key not in known:
                found = f"{quoted(key)} has neither a [[list]] nor a result"
                problems.add(where, found, one_of(known, key))
    keys = {each.name: each.key for each in election.contenders.values()}
    for each in resulted:
        if keys.get(each.name, each.key) != each.key:
            where = f"{election.folder / RESULTS_FILE} line {each.line}, key"
            allowed = f"{ELECTION_FILE} calls {each.name} {quoted(keys[each.name])}"
            problems.add(where, quoted(each.key), allowed)


def _check_shares(election: Election, problems: Problems) -> None:
    """Note shares of governing lists without odds: misses and support are counted in log-odds."""
    governing = [(election.previous, election.incumbent), *election.past.items()]
    for of, key in dict.fromkeys(governing):
        result = election.results.get(of)
        each = result.lists.get(key) if result is not None else None
        if each is not None and not 0.0 < each.share < 1.0:
            where = f"{election.folder / RESULTS_FILE} line {each.line}, share"
            allowed = "a governing list's must lie between 0 and 100, both excluded"
            problems.add(where, quoted(f"{100.0 * each.share:g}"), allowed)
    for poll in election.polls:
        key = election.past.get(poll.election, "")
        if key not in poll.shares or poll.left_out or poll.exit or poll.unnamed is None:
            continue
        named = 100.0 - sum(poll.undecided.values())
        # Sums of decimals are not exact.
        if not 0.0 < poll.shares[key] < named - 1e-6:
            where = f"{election.folder / POLLS_FILE} line {poll.line}, shares"
            allowed = (
                f"the governing list's must lie between 0 and the {named:g} who named a list, "
                "both excluded, or left_out says why the poll is not used"
            )
            problems.add(where, quoted(f"{key}={poll.shares[key]:g}"), allowed)


def _rule(table: TomlTable) -> Rule:
    toml.check_keys(table, _RULE)
    for key in ("why", "source"):
        toml.text(table, key)
    inner = toml.inner(table, "thresholds")
    thresholds = {}
    if inner is not None:
        thresholds = {key: _number(inner, key, low=0.0, high=100.0) for key in inner.content}
        if "party" not in thresholds:
            table.refuse("thresholds", "has no party", "unformed lists count as parties")
    return Rule(
        base_seats=toml.integer(table, "base_seats", low=1, high=10_000),
        minority_seats=toml.integer(table, "minority_seats", low=0, high=1000),
        thresholds=thresholds,
        minimum_lists=toml.integer(table, "minimum_lists", low=1, high=100),
        bonus=toml.integer(table, "bonus", low=50, high=66),
    )


def _contender(table: TomlTable) -> Contender:
    toml.check_keys(table, _LIST, ("left",))
    agreement, constitution = (
        toml.choice(table, key, STANCES) for key in ("agreement", "constitution")
    )
    source = table.content.get("source")
    stated = agreement != "unknown" or constitution != "unknown"
    if source == "" and stated:
        table.refuse("source", "is empty", "a stance needs its source; without one it is unknown")
    return Contender(
        key=toml.name(table, "key"),
        name=toml.text(table, "name"),
        kind=toml.name(table, "kind"),
        agreement=agreement,
        constitution=constitution,
        left=toml.day(table, "left"),
        why=toml.text(table, "why"),
        source="" if source == "" else toml.text(table, "source"),
    )


def _incumbent_of(table: TomlTable, results: Mapping[str, Result]) -> str:
    toml.check_keys(table, ("election", "incumbent", "why"))
    election, incumbent = toml.name(table, "election"), toml.name(table, "incumbent")
    toml.text(table, "why")
    if election and election not in results:
        allowed = f"{one_of(tuple(results), election)} ({RESULTS_FILE})"
        table.refuse("election", f"= {quoted(election)}", allowed)
    elif election and incumbent not in results[election].lists:
        known = tuple(results[election].lists)
        table.refuse("incumbent", f"= {quoted(incumbent)}", one_of(known, incumbent))
    return incumbent


def _house(table: TomlTable, polls: Sequence[Poll]) -> tuple[str, bool]:
    toml.check_keys(table, ("name", "wide", "why"))
    toml.text(table, "why")
    house, wide = toml.name(table, "name"), table.content.get("wide")
    known = tuple(dict.fromkeys(poll.house for poll in polls))
    if house and known and house not in known:
        table.refuse("name", f"= {quoted(house)}", f"{one_of(known, house)} ({POLLS_FILE})")
    if not isinstance(wide, bool):
        table.refuse("wide", f"= {quoted(wide)}", "must be true or false")
    return house, wide is True


def _number(table: TomlTable, key: str, *, low: float, high: float) -> float:
    value = table.content.get(key, low)
    if isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high:
        return float(value)
    table.refuse(key, f"= {quoted(value)}", f"must be a number from {low:g} to {high:g}")
    return low
