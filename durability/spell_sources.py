"""Other people's data sets, read from the files that their authors publish.

Nothing is bundled: a reader takes the path of a file that the user has, checks that it is that
file, and gives a table with documented codings and the citation. Some give spells, which can be
fitted at once, others events. Dates become years from a spell's start; an event known to the day
is interval-censored over that day, as in :mod:`durability.ladder`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal

import numpy as np

from durability.errors import InputError, Problem, one_of, quoted
from durability.spell_tables import SpellTable, read_columns, read_spells
from durability.vocabulary import DAYS_PER_YEAR


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A data set of others: how to cite it and what its columns mean.

    Parameters
    ----------
    title, citation, address, terms : str
        `terms` says what is known here of the licence.
    kind : str
        ``spells`` or ``events``.
    columns : tuple of str
        That a file must have to be this data set.
    codings : mapping of str to str
        What the columns of the table mean that a reader gives.
    roles : mapping of str to str or tuple of str
        For spells: what :func:`durability.read_spells` takes by default.
    read : callable
        From the file's columns to the table, with a count of rows left out by reason.
    """

    title: str
    citation: str
    address: str
    terms: str
    kind: Literal["spells", "events"]
    columns: tuple[str, ...]
    codings: Mapping[str, str]
    roles: Mapping[str, Any]
    read: Callable[[Any], tuple[Any, Mapping[str, int]]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SourceTable:
    """A file of one of the sources, read.

    Parameters
    ----------
    name : str
        One of :data:`SOURCES`.
    source : Source
    path : Path
    frame : DataFrame
        Its columns are those of ``source.codings``.
    left_out : mapping of str to int
        Rows of the file that could not enter, by reason.
    """

    name: str
    source: Source
    path: Path
    frame: Any
    left_out: Mapping[str, int]


def read_source(name: str, path: Path | str) -> SourceTable:
    """Read a data set of others from a file that you have.

    Parameters
    ----------
    name : str
        ``lhr``, ``lhr_one_row``, ``fortna``, ``un_missions``, ``ucdp_terminations``,
        ``ucdp_agreements``, ``atop``: spells; ``gml``, ``pax``: events.
    path : path
        CSV, or Stata where the authors publish that too.

    Returns
    -------
    SourceTable
        Cite ``source.citation`` where you use it.

    Raises
    ------
    InputError
        There is no such source, or the file is not that data set.
    """
    if name not in SOURCES:
        found = f"no source {quoted(name)}"
        raise InputError(
            [Problem(where="sources", found=found, allowed=one_of(tuple(SOURCES), name))]
        )
    source, where = SOURCES[name], Path(path)
    try:
        frame = read_columns(where, source.columns, where=str(where))
    except InputError as error:
        _tell_which(error, where, name)
        raise
    try:
        table, left_out = source.read(frame)
    except (ValueError, TypeError) as error:
        found = f"not as {source.title} has them: {str(error).splitlines()[0]}"
        allowed = f"get the file from {source.address}"
        raise InputError([Problem(where=str(where), found=found, allowed=allowed)]) from None
    return SourceTable(
        name=name,
        source=source,
        path=where,
        frame=table.reset_index(drop=True),
        left_out=MappingProxyType({k: int(n) for k, n in left_out.items() if n}),
    )


def source_spells(
    table: SourceTable,
    *,
    covariates: Sequence[str] | None = None,
    cluster: str | None = None,
) -> SpellTable:
    """Give the spells of a source, ready to fit.

    Parameters
    ----------
    table : SourceTable
    covariates : sequence of str, optional
        Columns of the table; the source's own selection where they are not given.
    cluster : str, optional
        A column; the source's own where it is not given, none where it is empty.

    Returns
    -------
    SpellTable
        Rows with an empty cell among these are left out and counted.

    Raises
    ------
    InputError
        The source holds events, or lacks a column.
    """
    if table.source.kind != "spells":
        spelled = tuple(name for name, source in SOURCES.items() if source.kind == "spells")
        found = f"{table.source.title} holds events, not spells"
        raise InputError([Problem(where=str(table.path), found=found, allowed=one_of(spelled))])
    roles = dict(table.source.roles)
    if covariates is not None:
        roles["covariates"] = tuple(covariates)
    if cluster is not None:
        roles["cluster"] = cluster or None
    return read_spells(table.frame, missing="drop", name=table.path.name, **roles)


def _tell_which(error: InputError, path: Path, name: str) -> None:
    """Say which data set a file is, where it is another one of them."""
    if not path.is_file() or path.suffix.lower() != ".csv":
        return
    import pandas as pd

    try:
        known = set(pd.read_csv(path, nrows=0, encoding="utf-8-sig").columns)
    except (ValueError, OSError):
        return
    fits = [key for key, source in SOURCES.items() if set(source.columns) <= known]
    if fits and name not in fits:
        found = f"this is not {SOURCES[name].title}"
        allowed = f"it looks like {' or '.join(fits)}"
        raise InputError([Problem(where=str(path), found=found, allowed=allowed)]) from error


# Readers ------------------------------------------------------------------------------------

Made = tuple[Any, Mapping[str, int]]


def _checked(frame: Any, column: str, allowed: Sequence[float]) -> Any:
    """Give a column of codes, all of them known."""
    wrong = sorted(set(frame[column].dropna().unique()) - set(allowed))
    if wrong:
        raise ValueError(f"{column} has {quoted(wrong[0])}, which is no code of it")
    return frame[column]


def _as_it_stands(events: str) -> Callable[[Any], Made]:
    def read(frame: Any) -> Made:
        _checked(frame, events, (0, 1))
        return frame, {}

    return read


def _fortna(frame: Any) -> Made:
    _checked(frame, "uncensor", (0, 1))
    contiguous = frame["contig"].map({"no": 0, "yes": 1})
    if contiguous.isna().any():
        raise ValueError("contig is neither yes nor no")
    return frame.assign(
        contiguous=contiguous,
        base_case=(frame["id"] % 1 == 0).astype(int),
        conflict=np.floor(frame["warnumb"]).astype(int),
    ), {}


def _un_missions(frame: Any) -> Made:
    return frame.assign(ended=1 - _checked(frame, "Censored", (0, 1))), {}


def _ucdp_terminations(frame: Any) -> Made:
    """Quiet after each episode that ended, until the dyad's next one or the end of the data."""
    import pandas as pd

    _checked(frame, "outcome", range(1, 7))
    _checked(frame, "type_of_conflict", range(1, 5))
    last_year = int(frame["year"].max())
    frame = frame.sort_values(["dyad_id", "dyadepisode", "year"])
    # Some numbers of the file hold two episodes: one ends, another begins years later.
    numbered = frame.groupby(["dyad_id", "dyadepisode"])["dyadterm"]
    frame["part"] = numbered.transform(lambda ends: (ends == 1).cumsum().shift(fill_value=0) + 1)
    keys = ["dyad_id", "dyadepisode", "part"]
    episodes = frame.groupby(keys, sort=False)
    last = episodes.tail(1).set_index(keys)
    last["intensity_most"] = episodes["intensity_level"].max()
    last["started"] = _short_dates(episodes["start_date2"].first(), episodes["year"].first())
    last["ended_on"] = _short_dates(last["ependdate"], last["year"])
    last = last.reset_index()
    number = last["dyad_id"].astype(str) + "." + last["dyadepisode"].astype(str)
    following = last.groupby("dyad_id")["started"].shift(-1)
    done = (last["dyadterm"] == 1) & last["outcome"].notna()
    dated = last["ended_on"].notna()
    again = following.notna()
    until = following.where(again, pd.Timestamp(last_year, 12, 31))
    days = (until - last["ended_on"]).dt.days
    kept = done & dated & (days >= 0) & (again | (days > 0))
    made = pd.DataFrame(
        {
            "episode": number.where(last["part"] == 1, number + "." + last["part"].astype(str)),
            "dyad": last["dyad_id"].astype(str),
            "conflict": last["conflict_id"].astype(str),
            "ended_on": last["ended_on"],
            **_years(days, again),
            "resumed": again.astype(int),
            **{word: (last["outcome"] == code).astype(int) for word, code in OUTCOMES.items()},
            "interstate": (last["type_of_conflict"] == 2).astype(int),
            "over_territory": (last["incompatibility"] == 1).astype(int),
            "reached_war": (last["intensity_most"] == 2).astype(int),
        }
    )
    return made[kept], {
        "the episode had not ended, or how it ended is not coded": (~done).sum(),
        "no day of its end": (done & ~dated).sum(),
        "the next episode begins before it ends": (done & dated & again & (days < 0)).sum(),
        "it ends on the last day of the data": (done & dated & ~again & (days <= 0)).sum(),
    }


OUTCOMES: Final = MappingProxyType(
    {
        "peace_agreement": 1,
        "ceasefire": 2,
        "victory_side_a": 3,
        "victory_side_b": 4,
        "low_activity": 5,
        "actor_ceased": 6,
    }
)
"""UCDP's codes of how an episode ended."""


def _short_dates(dates: Any, years: Any) -> Any:
    """Read month/day/yy: in the century that puts it nearest to the year of its row."""
    import pandas as pd

    dates = dates.where(dates != ".")  # Stata's missing value, in the file as text
    parts = dates.str.extract(r"^(\d{1,2})/(\d{1,2})/(\d{2})$").astype(float)
    if (dates.notna() & parts[0].isna()).any():
        raise ValueError(f"{quoted(dates[dates.notna() & parts[0].isna()].iloc[0])} is no date")
    full = parts[2] + 100.0 * np.round((years - parts[2]) / 100.0)
    told = pd.DataFrame({"year": full, "month": parts[0], "day": parts[1]})
    return pd.to_datetime(told, errors="raise")


def _years(days: Any, happened: Any) -> dict[str, Any]:
    """Years watched, and the end of the day on which an event fell."""
    return {
        "years": days / DAYS_PER_YEAR,
        "years_end": (days + happened.astype(int)) / DAYS_PER_YEAR,
    }


def _ucdp_agreements(frame: Any) -> Made:
    import pandas as pd

    _checked(frame, "pa_type", (1, 2, 3))
    signed, ended_on = pd.to_datetime(frame["pa_date"]), pd.to_datetime(frame["duration"])
    ended = frame["ended"].astype(str).str.lower().isin(("true", "1", "1.0"))
    end = pd.Timestamp(int(frame["year"].max()), 12, 31)
    days = (ended_on.where(ended, end) - signed).dt.days
    undated, backwards = ended & ended_on.isna(), days < 0
    made = pd.DataFrame(
        {
            "agreement": frame["paid"].astype(str),
            "name": frame["pa_name"],
            "conflict": frame["conflict_id"].astype(str),
            "signed": signed,
            **_years(days, ended),
            "ended": ended.astype(int),
            "full": (frame["pa_type"] == 1).astype(int),
            "process": (frame["pa_type"] == 3).astype(int),
            **{column: frame[column] for column in PROVISIONS},
        }
    )
    kept = ~undated & ~backwards & (ended | (days > 0))
    return made[kept], {
        "ended on a day that is not given": undated.sum(),
        "ended before it was signed": backwards.sum(),
    }


PROVISIONS: Final = ("cease", "ddr", "withd", "elections", "shagov", "aut", "amn", "pko")


def _atop(frame: Any) -> Made:
    import pandas as pd

    _checked(frame, "ineffect", (0, 1))
    _checked(frame, "term", range(4))
    last_year = int(max(frame["begyr"].max(), frame["endyr"].max()))
    began = _day(frame["begyr"], frame["begmo"], frame["begday"])
    ended = (frame["ineffect"] == 0) & (frame["term"] > 0)
    stop = _day(frame["endyr"], frame["endmo"], frame["endday"])
    # Where no day is given, the alliance ended somewhere in the month.
    month_end = stop + pd.offsets.MonthEnd(0)
    final = (month_end.where(frame["endday"].isna(), stop) - began).dt.days
    censored = stop.where(frame["ineffect"] == 0, pd.Timestamp(last_year, 12, 31))
    days = (censored - began).dt.days
    made = pd.DataFrame(
        {
            "alliance": frame["atopid"].astype(str),
            "began": began,
            "years": days / DAYS_PER_YEAR,
            "years_end": (final.where(ended, days) + ended.astype(int)) / DAYS_PER_YEAR,
            "ended": ended.astype(int),
            "term": frame["term"],
            **{name: frame[name] for name in PLEDGES},
        }
    )
    kept = (days > 0) | (ended & (days == 0))
    return made[kept], {"watched for no time": (~kept).sum()}


PLEDGES: Final = ("defense", "offense", "neutral", "nonagg", "consul", "wartime", "asymm")


def _day(years: Any, months: Any, days: Any) -> Any:
    """Join columns to days, the first of the month where none is given; no year is no day."""
    import pandas as pd

    parts = {"year": years.where(years > 0), "month": months, "day": days.fillna(1).clip(lower=1)}
    return pd.to_datetime(pd.DataFrame(parts), errors="coerce")


def _gml(frame: Any) -> Made:
    """One row a dispute and pair of states, its lower number first."""
    _checked(frame, "hostlev", range(1, 6))
    _checked(frame, "fatality", (-9, *range(7)))
    low = np.minimum(frame["ccode1"], frame["ccode2"])
    high = np.maximum(frame["ccode1"], frame["ccode2"])
    frame = frame.assign(state_a=low, state_b=high)
    grouped = frame.groupby(["dispnum", "state_a", "state_b"], as_index=False)
    made = grouped.agg(
        year=("year", "min"),
        last_year=("year", "max"),
        dispute_month=("stmon", "first"),
        hostility=("hostlev", "first"),
        highest_action=("hiact", "first"),
        fatality=("fatality", "first"),
        outcome=("outcome", "first"),
    )
    return made.assign(fatality=made["fatality"].where(made["fatality"] >= 0)), {}


def _pax(frame: Any) -> Made:
    import pandas as pd

    kinds = {"Inter", "InterIntra", "Intra", "IntraLocal"}
    if wrong := set(frame["Agtp"].dropna()) - kinds:
        raise ValueError(f"Agtp has {quoted(sorted(wrong)[0])}, which is no code of it")
    made = pd.DataFrame(
        {
            "agreement": frame["AgtId"].astype(str),
            "name": frame["Agt"],
            "process": frame["PPName"],
            "date": pd.to_datetime(frame["Dat"]),
            "between_states": (frame["Agtp"] == "Inter").astype(int),
            "kind": frame["Agtp"],
            "stage": frame["Stage"],
            "status": frame["Status"],
            "state_a": frame["Loc1GWNO"],
            "state_b": frame["Loc2GWNO"],
            "cow_war": frame["CowWar"],
        }
    )
    return made, {}


# What each file is ---------------------------------------------------------------------------

NOT_STATED: Final = "No licence stands in the file: ask its authors before passing it on."
SEE_TERMS: Final = (
    "No licence stands in the file: read the terms at the address before passing it on."
)

LHR_MODEL: Final = (
    *("archigosFIRC", "archigosFIRClnt", "capchange", "battletide", "thirdpartycfire", "index"),
    *("onedem5", "twodem5", "twodem5lnt", "tie", "lndeaths", "cfhist", "stakes", "contiguity"),
    "contiguitylnt",
)
"""The covariates of Model 1 of Lo, Hashimoto and Reiter."""

LHR_CITATION: Final = (
    "Lo, N., Hashimoto, B. & Reiter, D. (2008). Ensuring Peace: Foreign-Imposed Regime Change and "
    "Postwar Peace Duration, 1914–2001. International Organization 62(4), 717–736. "
    "doi:10.1017/S0020818308080259"
)

LHR_CODINGS: Final = {
    "archigosFIRC": "1 where one side had its regime changed by the other (Archigos)",
    "thirdpartycfire": "1 where third parties pressed for the ceasefire",
    "index": "strength of the agreement, a sum of its provisions",
    "tie": "1 where the war ended in a draw",
    "lndeaths": "log battle deaths of the war",
    "cfhist": "history of conflict before the war",
    "stakes": "1 where the war was over existence or territory",
    "contiguity": "1 where the states share a border",
    "battletide": "how the tide of battle ran, 0 to 1",
}

SOURCES: Final[Mapping[str, Source]] = MappingProxyType(
    {
        "lhr": Source(
            title="Lo, Hashimoto and Reiter 2008, counting-process rows",
            citation=LHR_CITATION,
            address="https://doi.org/10.1017/S0020818308080259",
            terms=NOT_STATED,
            kind="spells",
            columns=("id", "war", "ccode1", "ccode2", "_t0", "_t", "_d", "LHRcluster", *LHR_MODEL),
            codings={
                "id": "ceasefire between two states",
                "_t0": "days of peace at the start of the row",
                "_t": "days of peace at its end",
                "_d": "1 where a new war between them begins then",
                "LHRcluster": "the authors' clusters of related wars",
                **LHR_CODINGS,
                "capchange": "change of relative capabilities since the war",
                "onedem5": "1 where one state is a democracy (Polity above 5)",
                "twodem5": "1 where both are",
                "archigosFIRClnt": "archigosFIRC times log days, as are the other columns in lnt",
            },
            roles={
                "start": "_t0",
                "stop": "_t",
                "event": "_d",
                "subject": "id",
                "cluster": "LHRcluster",
                "covariates": LHR_MODEL,
            },
            read=_as_it_stands("_d"),
        ),
        "lhr_one_row": Source(
            title="Lo, Hashimoto and Reiter 2008, one row a ceasefire",
            citation=LHR_CITATION,
            address="https://doi.org/10.1017/S0020818308080259",
            terms=NOT_STATED,
            kind="spells",
            columns=("id", "war", "warnumb", "entry", "days", "failed", *LHR_CODINGS),
            codings={
                "id": "ceasefire between two states",
                "warnumb": "the war that it ended (Correlates of War)",
                "entry": "days of peace from which it was watched",
                "days": "days of peace until a new war or the end of the data",
                "failed": "1 where it was a new war",
                **LHR_CODINGS,
            },
            roles={
                "start": "entry",
                "stop": "days",
                "event": "failed",
                "subject": "id",
                "cluster": "warnumb",
                "covariates": (
                    *("tie", "lndeaths", "cfhist", "stakes", "contiguity"),
                    *("thirdpartycfire", "index"),
                ),
            },
            read=_as_it_stands("failed"),
        ),
        "fortna": Source(
            title="Fortna 2004, ceasefires",
            citation=(
                "Fortna, V. P. (2004). Peace Time: Cease-Fire Agreements and the Durability of "
                "Peace. Princeton University Press."
            ),
            address="https://press.princeton.edu/books/paperback/9780691115122/peace-time",
            terms=NOT_STATED,
            kind="spells",
            columns=(
                *("id", "warnumb", "war", "ccode1", "ccode2", "peace", "uncensor", "tie"),
                *("imposed", "lndeaths", "contig", "onedem", "twodem"),
            ),
            codings={
                "id": "ceasefire between two states; .4, .5 and .6 mark agreements that followed",
                "base_case": "1 for the 48 ceasefires themselves",
                "warnumb": "the war (Correlates of War); .2 and so on where it stopped and resumed",
                "conflict": "the war without that part",
                "peace": "months of peace until a new war or the end of the data",
                "uncensor": "1 where it was a new war",
                "tie": "1 where the war ended in a draw",
                "imposed": "1 where the victor imposed the terms",
                "lndeaths": "log battle deaths of the war",
                "contiguous": "1 where the states share a border",
                "onedem": "1 where one state is a democracy",
                "twodem": "1 where both are",
            },
            roles={
                "stop": "peace",
                "event": "uncensor",
                "subject": "id",
                "cluster": "conflict",
                "covariates": ("tie", "imposed", "lndeaths", "contiguous", "onedem", "twodem"),
            },
            read=_fortna,
        ),
        "un_missions": Source(
            title="United Nations missions",
            citation=(
                "Box-Steffensmeier, J. M. & Jones, B. S. (2004). Event History Modeling: A Guide "
                "for Social Scientists. Cambridge University Press. doi:10.1017/CBO9780511790874"
            ),
            address="https://doi.org/10.1017/CBO9780511790874",
            terms=NOT_STATED,
            kind="spells",
            columns=("Name", "Duration", "Censored", "CivilWar", "InterState"),
            codings={
                "Name": "the mission",
                "Duration": "months",
                "ended": "1 where it ended in the data (1 − Censored)",
                "CivilWar": "1 where it answered a civil war",
                "InterState": "1 where it answered a war between states",
            },
            roles={
                "stop": "Duration",
                "event": "ended",
                "covariates": ("CivilWar", "InterState"),
            },
            read=_un_missions,
        ),
        "ucdp_terminations": Source(
            title="UCDP Conflict Termination Dataset, dyads",
            citation=(
                "Kreutz, J. (2010). How and When Armed Conflicts End: Introducing the UCDP "
                "Conflict Termination Dataset. Journal of Peace Research 47(2), 243–250. "
                "doi:10.1177/0022343309353108"
            ),
            address="https://ucdp.uu.se/downloads/",
            terms=SEE_TERMS,
            kind="spells",
            columns=(
                *("dyadepisode", "dyadterm", "ependdate", "outcome", "conflict_id", "dyad_id"),
                *("year", "incompatibility", "intensity_level", "type_of_conflict", "start_date2"),
            ),
            codings={
                "episode": (
                    "dyad and number of the episode of fighting that ended; with .2 the second of "
                    "one number"
                ),
                "dyad": "the two parties",
                "conflict": "the conflict that it belongs to",
                "ended_on": "day on which the episode ended",
                "years": "years of quiet until the dyad's next episode, or the end of the data",
                "years_end": "end of the day on which it began",
                "resumed": "1 where there is a next episode (25 deaths in a year again)",
                **{word: f"outcome {code} of the codebook" for word, code in OUTCOMES.items()},
                "interstate": "1 where both parties are states (type 2)",
                "over_territory": "1 where the fighting was over territory (incompatibility 1)",
                "reached_war": "1 where a year of the episode had 1,000 deaths (intensity 2)",
            },
            roles={
                "stop": "years",
                "end": "years_end",
                "event": "resumed",
                "subject": "episode",
                "cluster": "conflict",
                "covariates": (
                    *("peace_agreement", "ceasefire", "victory_side_a", "victory_side_b"),
                    *("interstate", "over_territory", "reached_war"),
                ),
            },
            read=_ucdp_terminations,
        ),
        "ucdp_agreements": Source(
            title="UCDP Peace Agreement Dataset",
            citation=(
                "Pettersson, T., Högbladh, S. & Öberg, M. (2019). Organized violence, 1989–2018 "
                "and peace agreements. Journal of Peace Research 56(4), 589–603. "
                "doi:10.1177/0022343319856046"
            ),
            address="https://ucdp.uu.se/downloads/",
            terms=SEE_TERMS,
            kind="spells",
            columns=(
                *("paid", "pa_name", "conflict_id", "year", "pa_date", "ended", "duration"),
                *("pa_type", *PROVISIONS),
            ),
            codings={
                "agreement": "its number",
                "name": "its name",
                "conflict": "the conflict that it belongs to",
                "signed": "day of signature",
                "years": "years until it ended, or the end of the data",
                "years_end": "end of the day on which it ended",
                "ended": "1 where the file says that it ended; an empty cell is read as not",
                "full": "1 for a full agreement (pa_type 1); partial ones (2) are neither",
                "process": "1 for an agreement on the peace process (pa_type 3)",
                **{name: "1 where it has the provision of that name" for name in PROVISIONS},
            },
            roles={
                "stop": "years",
                "end": "years_end",
                "event": "ended",
                "subject": "agreement",
                "cluster": "conflict",
                "covariates": ("full", "process", *PROVISIONS),
            },
            read=_ucdp_agreements,
        ),
        "atop": Source(
            title="ATOP, alliances",
            citation=(
                "Leeds, B. A., Ritter, J. M., Mitchell, S. M. & Long, A. G. (2002). Alliance "
                "Treaty Obligations and Provisions, 1815–1944. International Interactions 28, "
                "237–260. doi:10.1080/03050620213653"
            ),
            address="http://www.atopdata.org",
            terms=SEE_TERMS,
            kind="spells",
            columns=(
                *("atopid", "begyr", "begmo", "begday", "endyr", "endmo", "endday", "ineffect"),
                *("term", *PLEDGES),
            ),
            codings={
                "alliance": "its number",
                "began": "day; the first of the month where none is given",
                "years": "years until it ended, or the end of the data",
                "years_end": "latest that it ended: that day, or the month where none is given",
                "ended": "1 where it is not in effect and how it ended is coded",
                "term": "how it ended, the codes as they stand (TERM in the codebook)",
                **{name: "1 where the treaty has it" for name in PLEDGES},
            },
            roles={
                "stop": "years",
                "end": "years_end",
                "event": "ended",
                "subject": "alliance",
                "covariates": PLEDGES,
            },
            read=_atop,
        ),
        "gml": Source(
            title="Gibler, Miller and Little, dyadic disputes",
            citation=(
                "Gibler, D. M., Miller, S. V. & Little, E. K. (2016). An Analysis of the "
                "Militarized Interstate Dispute (MID) Dataset, 1816–2001. International Studies "
                "Quarterly 60(4), 719–730. doi:10.1093/isq/sqw045"
            ),
            address="http://svmiller.com/gml-mid-data/",
            terms=SEE_TERMS,
            kind="events",
            columns=(
                *("dispnum", "ccode1", "ccode2", "year", "stmon", "hostlev", "hiact"),
                *("fatality", "outcome"),
            ),
            codings={
                "dispnum": "the dispute",
                "state_a": "Correlates of War number of one state, the lower",
                "state_b": "of the other",
                "year": "first year in which the pair is in the dispute",
                "last_year": "the last",
                "dispute_month": "month in which the dispute, perhaps of others, began",
                "hostility": "of the dispute: 2 threat, 3 display, 4 use of force, 5 war",
                "highest_action": "of the dispute, the codes as they stand (HIACT)",
                "fatality": "of the dispute, 0 none to 6 more than 999; empty where unknown (−9)",
                "outcome": "of the dispute, the codes as they stand",
            },
            roles={},
            read=_gml,
        ),
        "pax": Source(
            title="PA-X, all agreements",
            citation=(
                "Bell, C. & Badanjak, S. (2019). Introducing PA-X: A new peace agreement database "
                "and dataset. Journal of Peace Research 56(3), 452–466. "
                "doi:10.1177/0022343318819123"
            ),
            address="https://www.peaceagreements.org",
            terms=SEE_TERMS,
            kind="events",
            columns=(
                *("PPName", "AgtId", "Agt", "Dat", "Status", "Agtp", "Stage", "Loc1GWNO"),
                *("Loc2GWNO", "CowWar"),
            ),
            codings={
                "agreement": "its number",
                "name": "its name",
                "process": "the peace process that it belongs to",
                "date": "day of signature; of several, the last",
                "between_states": "1 for an agreement between states on their conflict (Inter)",
                "kind": "Inter, InterIntra, Intra, IntraLocal",
                "stage": "Pre, SubPar, SubComp, Imp, Ren, Cea, Oth",
                "status": "whether the parties agreed",
                "state_a": "Gleditsch–Ward number of the place",
                "state_b": "of a second place",
                "cow_war": "Correlates of War number of the war",
            },
            roles={},
            read=_pax,
        ),
    }
)
"""Every source by its name."""
