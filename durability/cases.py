"""Cases: an agreement that is followed live, as its folder tells it.

A folder holds ``case.toml`` and ``news.csv``, and where it has them ``indicators.csv``,
``codings.csv`` and ``reconciliations.csv``. Reading checks everything in all of them before it
says what is wrong. Text is text: a formula in a cell is refused, markup is carried as it stands
and escaped where it is shown.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from durability import toml_tables
from durability.case_folders import CASE_FILE, copy_case, find_case, list_cases, whole_folder
from durability.case_settings import (
    SIGNED,
    CaseSettings,
    Happened,
    Standing,
    collect_settings,
)
from durability.codings import (
    Coding,
    Reconciliation,
    collect_codings,
    collect_reconciliations,
)
from durability.conditions import Condition
from durability.errors import Problems, quoted
from durability.files import write_whole
from durability.indicators import IndicatorWindow, collect_indicators
from durability.news import NewsItem, NewsRow, Retraction
from durability.news_ledger import collect_news, items_of, retractions_of
from durability.toml_files import toml_of

__all__ = [
    "Case",
    "Happened",
    "Standing",
    "copy_case",
    "find_case",
    "list_cases",
    "new_case",
    "read_case",
]

ELECTION_FILE = "election.toml"

_SKELETON = Path(__file__).parent / "data" / "cases_skeleton"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """An agreement that is followed live.

    Parameters
    ----------
    name : str
        Its folder's name.
    folder : Path
    title : str
    parties : tuple of str
        Two.
    clock_start : datetime.date
        Age zero: the day the fighting ended.
    deal : datetime.date
        The day of the agreement; nothing before it counts as breakdown.
    grid_start : datetime.date
        First day of the first month in which the drivers are followed.
    covered_until : datetime.date
        Last day on which news was looked for; the default cutoff.
    observed_to : mapping of str to datetime.date
        For each of ``STREAMS`` the day until which it is known whether it happened.
    happened : tuple of Happened
    dyad, cluster : str
        The pair's and the conflict's names in ``agreements.csv``; a name of its own, which no row
        there has, where the file gives none.
    excluded : tuple of str
        Rows of ``agreements.csv`` that are this case, and never train.
    covariates : mapping of str to int or str
        ``contiguous``, ``third_party`` and ``territorial_unresolved`` 0 or 1, ``war_outcome``
        ``tie`` or ``decisive``, ``earlier_wars`` a count.
    standings : tuple of Standing
        May be empty: the case is then not anchored to history, and its forecast is wider.
    news : tuple of NewsItem
        Every row that is an item, with those that a later row corrects or retracts.
    indicators : tuple of IndicatorWindow
    codings : tuple of Coding
    reconciliations : tuple of Reconciliation
    reasons : mapping of str to str
        What the file gives as ``why``: of ``clock``, ``grid``, ``observed_to`` and each covariate.
    settings : str
        The text of ``case.toml``.
    stage : str
        Of the life cycle, on the day of the deal: one of ``LIFE_CYCLE``.
    conditions : tuple of Condition
        The steps that it waits for, each after what it requires.
    retractions : tuple of Retraction
        The rows of the news that take an earlier one back.
    """

    name: str
    folder: Path
    title: str
    parties: tuple[str, ...]
    clock_start: dt.date
    deal: dt.date
    grid_start: dt.date
    covered_until: dt.date
    observed_to: Mapping[str, dt.date]
    happened: tuple[Happened, ...]
    dyad: str
    cluster: str
    excluded: tuple[str, ...]
    covariates: Mapping[str, int | str]
    standings: tuple[Standing, ...]
    news: tuple[NewsItem, ...]
    indicators: tuple[IndicatorWindow, ...]
    codings: tuple[Coding, ...]
    reconciliations: tuple[Reconciliation, ...]
    reasons: Mapping[str, str]
    settings: str
    stage: str = SIGNED
    conditions: tuple[Condition, ...] = ()
    retractions: tuple[Retraction, ...] = ()


def read_case(name_or_path: str | Path) -> Case:
    """Read and check a case's folder.

    Parameters
    ----------
    name_or_path : str or Path
        A folder, or the name of a case; see :func:`find_case`.

    Returns
    -------
    Case

    Raises
    ------
    InputError
        With everything that is wrong in all files of the folder, each problem with file and line.

    Examples
    --------
    >>> case = read_case("armenia_azerbaijan")
    >>> case.parties
    ('Armenia', 'Azerbaijan')
    """
    folder = find_case(name_or_path)
    problems = Problems()
    settings = collect_settings(folder / CASE_FILE, problems)
    rows = collect_news(folder / "news.csv", problems)
    news = items_of(rows)
    indicators: tuple[IndicatorWindow, ...] = ()
    codings: tuple[Coding, ...] = ()
    reconciliations: tuple[Reconciliation, ...] = ()
    if (path := folder / "indicators.csv").exists():
        indicators = collect_indicators(path, problems)
    if (path := folder / "codings.csv").exists():
        codings = collect_codings(path, news, problems)
    if (path := folder / "reconciliations.csv").exists():
        reconciliations = collect_reconciliations(path, news, problems)
    if settings is not None:
        _check_reports(folder / CASE_FILE, settings, news, problems)
    problems.raise_any()
    # Settings are None only where a problem was noted, which has just been raised.
    settings = cast(CaseSettings, settings)
    return _case(folder, settings, rows, indicators, codings, reconciliations)


def _check_reports(
    path: Path, settings: CaseSettings, news: Sequence[NewsItem], problems: Problems
) -> None:
    """Note what conditions say of other files that is not in them."""
    top = toml_tables.top(toml_of(path, settings.text), problems)
    tables = toml_tables.subtables(top, "condition", settings.text)
    by_name = {table.content.get("name"): table for table in tables}
    ids = {item.id for item in news}
    for each in settings.conditions:
        table = by_name[each.name]
        if each.chance_from and not (path.parent / ELECTION_FILE).exists():
            allowed = f"needs {ELECTION_FILE} beside this file; or give fails instead"
            table.refuse("chance_from", f"= {quoted(each.chance_from)}", allowed)
        for item in each.outcome.reported_by if each.outcome else ():
            outcome = toml_tables.inner(table, "outcome")
            if item not in ids and outcome is not None:
                allowed = "must name items of news.csv by their id"
                outcome.refuse("reported_by", f"names {quoted(item)}", allowed)


def _case(
    folder: Path,
    settings: CaseSettings,
    rows: tuple[NewsRow, ...],
    indicators: tuple[IndicatorWindow, ...],
    codings: tuple[Coding, ...],
    reconciliations: tuple[Reconciliation, ...],
) -> Case:
    return Case(
        name=folder.resolve().name or "case",
        folder=folder,
        title=settings.title,
        parties=settings.parties,
        clock_start=settings.clock_start,
        deal=settings.deal,
        grid_start=settings.grid_start,
        covered_until=settings.covered_until,
        observed_to=settings.observed_to,
        happened=settings.happened,
        dyad=settings.dyad,
        cluster=settings.cluster,
        excluded=settings.excluded,
        covariates=settings.covariates,
        standings=settings.standings,
        news=items_of(rows),
        indicators=indicators,
        codings=codings,
        reconciliations=reconciliations,
        reasons=settings.reasons,
        settings=settings.text,
        stage=settings.stage,
        conditions=settings.conditions,
        retractions=retractions_of(rows),
    )


def new_case(path: str | Path, *, title: str, parties: Sequence[str]) -> Path:
    """Write a case's folder to start from: it validates and forecasts as it stands.

    What must be replaced is marked ``EXAMPLE``: the dates, a few news items and the four ratings
    of the agreement itself.

    Parameters
    ----------
    path : str or Path
        The folder to make; nothing may stand there.
    title : str
    parties : sequence of str
        Two.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    InputError
        Something stands there already, or title or parties cannot be used.
    WriteError
        The folder cannot be written; nothing is left of it.
    """
    words = _words(title, parties)
    with whole_folder(Path(path)) as folder:
        for source in sorted(_SKELETON.iterdir()):
            text = source.read_text(encoding="utf-8")
            # TOML takes a JSON string as it is, once control characters are gone.
            if source.suffix == ".toml":
                filled = {key: json.dumps(word, ensure_ascii=False) for key, word in words.items()}
            else:
                filled = words
            text = re.sub(r"@([A-Z_]+)@", lambda match: filled[match[1]], text)  # noqa: B023
            write_whole(folder / source.name, text)
        read_case(folder)
    return Path(path)


def _words(title: str, parties: Sequence[str]) -> dict[str, str]:
    """Check title and parties, and name their places in the skeleton."""
    problems = Problems()
    if isinstance(parties, str) or len(parties) != 2 or len(set(parties)) != 2:
        problems.add("parties", quoted(parties), "must be two different names")
        problems.raise_any()
    words = {"TITLE": title, "PARTY_A": parties[0], "PARTY_B": parties[1]}
    for key, word in words.items():
        where = "title" if key == "TITLE" else "parties"
        if not word.strip() or len(word) > 200:
            problems.add(where, quoted(word), "must have 1 to 200 characters")
        elif re.search(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]", word):
            problems.add(where, quoted(word), "must be plain text on one line")
    problems.raise_any()
    return {key: word.strip() for key, word in words.items()}
