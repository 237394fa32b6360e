"""Data sets of others: read from their own files, refused when they are something else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from durability.commands_spells import SOURCE_NAMES
from durability.errors import InputError
from durability.spell_sources import SOURCES, read_source, source_spells
from durability.spell_tables import SpellTable

FILES = {
    "lhr": "lhr_2008.csv",
    "lhr_one_row": "lhr_2008_one_row.csv",
    "fortna": "fortna_2004_ceasefires.csv",
    "un_missions": "un_missions.csv",
    "ucdp_terminations": "ucdp-term-dyad-3-2021.csv",
    "ucdp_agreements": "ucdp-peace-agreements-221.csv",
    "atop": "atop_alliance_level.csv",
    "gml": "gml_dyadic_disputes_2.03.csv",
    "pax": "pax_all_agreements.csv",
}


def spells_of(name: str, folder: Path) -> SpellTable:
    return source_spells(read_source(name, folder / "reference" / FILES[name]))


def test_the_command_offers_every_source() -> None:
    assert set(SOURCE_NAMES) == set(SOURCES) == set(FILES)


@pytest.mark.parametrize(
    ("name", "rows", "events"),
    [
        ("lhr", 6368, 54),  # as published
        ("lhr_one_row", 186, 54),
        ("fortna", 63, 23),  # as published
        ("un_missions", 54, 39),  # as published
        ("ucdp_terminations", 848, 269),
        ("ucdp_agreements", 368, 128),
        ("atop", 745, 362),
    ],
)
def test_spells_and_events_are_counted(
    reference_data: Path, name: str, rows: int, events: float
) -> None:
    table = spells_of(name, reference_data)
    assert (len(table), table.events) == (rows, events)


@pytest.mark.parametrize("name", FILES)
def test_every_coding_is_a_column_and_every_source_is_cited(
    reference_data: Path, name: str
) -> None:
    read = read_source(name, reference_data / "reference" / FILES[name])
    assert set(read.source.codings) <= set(read.frame.columns)
    assert read.source.citation
    assert "licence" in read.source.terms
    assert read.source.address.startswith("http")


def test_the_two_files_of_lo_hashimoto_and_reiter_tell_the_same_spells(
    reference_data: Path,
) -> None:
    rows = read_source("lhr", reference_data / "reference" / FILES["lhr"]).frame
    one = read_source("lhr_one_row", reference_data / "reference" / FILES["lhr_one_row"]).frame
    last = rows.groupby("id").agg(days=("_t", "max"), failed=("_d", "max"))
    told = one.set_index("id")
    assert (last["failed"] == told["failed"]).all()
    assert (last["days"] == told["days"]).mean() > 0.95


def test_quiet_after_an_episode_ends_where_the_next_begins(reference_data: Path) -> None:
    frame = read_source(
        "ucdp_terminations", reference_data / "reference" / FILES["ucdp_terminations"]
    ).frame
    # Dyad 406, read in the file: 16 December 1946, then 31 December 1966.
    first = frame[frame["episode"] == "406.1"].iloc[0]
    assert (first["ended_on"], first["resumed"]) == (pd.Timestamp(1946, 12, 16), 1)
    days = (pd.Timestamp(1966, 12, 31) - pd.Timestamp(1946, 12, 16)).days
    assert first["years"] == pytest.approx(days / 365.25)
    assert first["victory_side_a"] == 1
    last = frame[frame["episode"] == "406.8"].iloc[0]
    watched = (pd.Timestamp(2020, 12, 31) - pd.Timestamp(2018, 10, 12)).days
    assert (last["resumed"], last["years"]) == (0, pytest.approx(watched / 365.25))


def test_two_episodes_of_one_number_are_two_spells(tmp_path: Path) -> None:
    """Dyad 674: April to June 1971, then 1989 to 1990, both under the number 1."""
    path = tmp_path / "terminations.csv"
    path.write_text(
        "dyadepisode,dyadterm,ependdate,outcome,conflict_id,dyad_id,year,incompatibility,"
        "intensity_level,type_of_conflict,start_date2\n"
        "1,0,,,13,674,1989,2,1,3,2/13/89\n"
        "1,1,6/9/71,3,13,674,1971,2,2,3,4/30/71\n"
        "1,1,2/23/90,3,13,674,1990,2,1,3,2/13/89\n"
        "1,,,,14,700,2020,2,1,3,1/1/20\n",
        encoding="utf-8",
    )
    read = read_source("ucdp_terminations", path)
    assert read.frame["episode"].tolist() == ["674.1", "674.1.2"]
    assert read.frame["resumed"].tolist() == [1, 0]
    assert read.frame["reached_war"].tolist() == [1, 0]
    days = (pd.Timestamp(1989, 2, 13) - pd.Timestamp(1971, 6, 9)).days
    assert read.frame["years"][0] == pytest.approx(days / 365.25)
    assert len(source_spells(read, covariates=["reached_war"])) == 2


def test_an_alliance_without_a_last_day_ended_somewhere_in_its_month(
    reference_data: Path,
) -> None:
    path = reference_data / "reference" / FILES["atop"]
    raw, table = pd.read_csv(path), spells_of("atop", reference_data)
    unknown = set(raw[raw["endday"].isna() & (raw["term"] > 0)]["atopid"].astype(str))
    wide = np.round(365.25 * (table.end - table.stop))[table.event > 0]
    ids = [table.subjects[i] for i in table.subject[table.event > 0]]
    for label, days in zip(ids, wide, strict=True):
        assert days == 1 if label not in unknown else 28 <= days <= 31


def test_disputes_are_one_row_a_pair_and_unknown_deaths_are_empty(reference_data: Path) -> None:
    path = reference_data / "reference" / FILES["gml"]
    frame, raw = read_source("gml", path).frame, pd.read_csv(path)
    assert not frame.duplicated(["dispnum", "state_a", "state_b"]).any()
    assert len(frame) == len(
        {(d, *sorted(p)) for d, *p in raw[["dispnum", "ccode1", "ccode2"]].itertuples(index=False)}
    )
    unknown = set(raw[raw["fatality"] == -9]["dispnum"])
    assert set(frame[frame["fatality"].isna()]["dispnum"]) == unknown


def test_a_wrong_file_is_told_what_it_is(reference_data: Path) -> None:
    with pytest.raises(InputError, match="it looks like fortna"):
        read_source("lhr", reference_data / "reference" / FILES["fortna"])


def test_a_broken_file_of_the_right_columns_is_told_what_is_broken(tmp_path: Path) -> None:
    path = tmp_path / "missions.csv"
    path.write_text("Name,Duration,Censored,CivilWar,InterState\n1,A,3,1,0,1\n", encoding="utf-8")
    with pytest.raises(InputError, match="line 2: 6 cells; the header has 5"):
        read_source("un_missions", path)


def test_an_unknown_file_is_told_what_it_lacks(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("Name,Duration\nA,3\n", encoding="utf-8")
    with pytest.raises(InputError, match='no column "Censored"'):
        read_source("un_missions", path)
    with pytest.raises(InputError, match='did you mean "fortna"'):
        read_source("fortnna", path)


def test_a_code_that_the_data_set_does_not_have_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "missions.csv"
    path.write_text("Name,Duration,Censored,CivilWar,InterState\nA,3,2,0,1\n", encoding="utf-8")
    with pytest.raises(InputError, match='Censored has "2", which is no code of it'):
        read_source("un_missions", path)


def test_events_are_not_fitted_as_spells(reference_data: Path) -> None:
    with pytest.raises(InputError, match="holds events, not spells"):
        spells_of("gml", reference_data)
