"""Particles: kept as plain arrays, read back as they were, found again for the right case."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fitted import drawn_fit, narrow_fit
from worlds import CUTOFF, flagship, item

from durability import cache
from durability.bases import check_weighable, find_base
from durability.cases import Case
from durability.errors import InputError
from durability.particles import (
    OWN_ERRORS,
    Particles,
    keep,
    kept_particles,
    particles_of,
    read_particles,
)
from durability.simulation import incidences, simulate
from durability.updating import assembled, update
from durability.vocabulary import HORIZONS_MONTHS, RUNGS
from durability.weighing import prepare

NEWS = item("N1", date(2026, 6, 20), driver="corridor", ratings=(("a", 2), ("b", 1)))


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(cache, "folder", lambda: tmp_path / "fits")
    return tmp_path / "fits"


def made(case: Case | None = None, *, ok: bool | None = True, **how: object) -> Particles:
    fit = narrow_fit(case, draws=20, chains=2, **how)  # type: ignore[arg-type]
    return particles_of(fit, verdict={"ok": ok, "reasons": [] if ok else ["R-hat"]})


def test_particles_are_read_back_as_they_were() -> None:
    one = made()
    keep(one)
    back = read_particles(one.key)
    assert back is not None
    for name in ("key", "case", "cutoff", "clock", "reading", "coords", "items", "sources"):
        assert getattr(back, name) == getattr(one, name)
    for mine, other in ((one.theta, back.theta), (one.arrays, back.arrays)):
        assert list(mine) == list(other)
        for name in mine:
            np.testing.assert_array_equal(mine[name], other[name])
    np.testing.assert_array_equal(one.ahead.chances, back.ahead.chances)
    assert {n: p.values for n, p in one.priors.parameters.items()} == {
        n: dict(p.values) for n, p in back.priors.parameters.items()
    }


def test_an_update_from_the_cache_is_that_from_the_fit() -> None:
    fit = narrow_fit(draws=40, chains=4)
    keep(particles_of(fit))
    stored = read_particles(fit.key)
    assert stored is not None
    one = update(prepare(fit), [NEWS], case=flagship())
    other = update(prepare(stored), [NEWS], case=flagship())
    assert one.table == other.table


def test_errors_of_single_units_are_not_kept() -> None:
    assert not set(OWN_ERRORS) & set(made().theta)


def test_the_forecast_of_particles_is_that_of_their_fit() -> None:
    fit = drawn_fit(draws=10)
    rungs = incidences(simulate(fit, months=60, seed=fit.settings.seed).increments)
    found = particles_of(fit).ahead.chances
    for r, rung in enumerate(RUNGS):
        for h, months in enumerate(HORIZONS_MONTHS):
            np.testing.assert_array_equal(found[:, r, h], rungs[rung][:, months - 1])


@pytest.mark.parametrize("spoil", ["cut", "garbage", "gone", "json"])
def test_a_broken_file_counts_as_none(own_cache: Path, spoil: str) -> None:
    one = made()
    keep(one)
    arrays = own_cache / f"{one.key}.particles.npz"
    whole = arrays.read_bytes()
    match spoil:
        case "cut":
            arrays.write_bytes(whole[: len(whole) // 2])
        case "garbage":
            arrays.write_bytes(b"not a zip file")
        case "gone":
            arrays.unlink()
        case "json":
            (own_cache / f"{one.key}.particles.json").write_text('{"case": 1')
    assert read_particles(one.key) is None
    assert find_base(flagship()) is None or spoil != "json"


def test_only_particles_of_the_case_are_listed() -> None:
    keep(made())
    assert len(kept_particles("armenia_azerbaijan")) == 1
    assert kept_particles("another") == ()


# ---- which to start from ------------------------------------------------------------------------


def kept(case: Case | None = None, **how: object) -> Particles:
    one = made(case, **how)
    keep(one)
    return one


def found(case: Case, cutoff: date | None = None) -> str:
    base = find_base(case, cutoff=cutoff)
    return "" if base is None else base.key


def with_news(*items: object) -> Case:
    case = flagship()
    return replace(case, news=(*case.news, *items))


def test_the_latest_fit_is_the_base() -> None:
    kept(cutoff=date(2026, 4, 30))
    late = kept(cutoff=CUTOFF)
    kept(cutoff=date(2026, 5, 31))
    assert found(flagship()) == late.key


def test_a_fit_of_a_later_cutoff_is_never_the_base() -> None:
    early = kept(cutoff=date(2026, 4, 30))
    kept(cutoff=CUTOFF)
    assert found(flagship(), date(2026, 6, 1)) == early.key
    assert found(flagship(), date(2026, 4, 1)) == ""


def test_a_fit_that_knew_what_was_taken_back_is_passed_over() -> None:
    knew_not = kept(cutoff=date(2026, 5, 31))
    knew = kept(with_news(NEWS), cutoff=CUTOFF)
    assert found(with_news(NEWS)) == knew.key
    assert found(flagship()) == knew_not.key
    corrected = replace(NEWS, ratings=(("a", -1), ("b", 1)))
    assert found(with_news(corrected)) == knew_not.key


def test_a_fit_too_many_months_ago_is_worse_than_one_that_must_unlearn() -> None:
    kept(cutoff=date(2025, 12, 31))
    knew = kept(with_news(NEWS), cutoff=CUTOFF)
    assert found(flagship(), CUTOFF) == knew.key


def test_of_fits_of_one_day_the_base_is_that_which_knew_most() -> None:
    knew = kept(with_news(NEWS), cutoff=CUTOFF)
    kept(cutoff=CUTOFF)
    assert found(with_news(NEWS), CUTOFF) == knew.key


def test_of_fits_that_knew_the_same_the_base_is_that_which_was_kept_last(own_cache: Path) -> None:
    one = made(cutoff=CUTOFF)
    pair = [replace(one, key="aaa"), replace(one, key="zzz")]
    for first, last in (pair, pair[::-1]):
        for each in (first, last):
            keep(each)
        os.utime(own_cache / f"{first.key}.particles.json", (1.0, 1.0))
        assert found(flagship()) == last.key


def test_a_fit_to_other_months_is_the_base_only_where_there_is_no_other() -> None:
    other = kept(cutoff=CUTOFF)
    moved = replace(flagship(), grid_start=date(2023, 6, 1))
    assert found(moved) == other.key
    base = prepare(other)
    with pytest.raises(InputError, match="make another first: durability forecast armenia_azer"):
        check_weighable(base, assembled(other, moved, base.rows, cutoff=CUTOFF))
    own = kept(moved, cutoff=date(2026, 5, 31))
    assert found(moved) == own.key


def test_news_of_a_mistyped_year_does_not_lead_an_update_decades_ahead() -> None:
    kept(cutoff=CUTOFF)
    slip = replace(NEWS, id="N9", event="slip", known=date(2062, 7, 5), date=date(2062, 7, 5))
    with pytest.raises(InputError) as told:
        find_base(with_news(slip))
    for part in ("armenia_azerbaijan, N9: known on 2062-07-05", "durability news correct", "--cut"):
        assert part in str(told.value)
    assert find_base(with_news(slip), cutoff=CUTOFF) is not None


def test_a_fit_that_failed_is_worse_than_an_earlier_one_that_passed() -> None:
    passed = kept(cutoff=date(2026, 5, 31))
    kept(cutoff=CUTOFF, ok=False)
    assert found(flagship(), CUTOFF) == passed.key


@pytest.mark.parametrize(
    "how", [{"clock": "deal"}, {"reading": "all"}, {"level_change": (1.0, 1.0)}]
)
def test_a_fit_of_data_read_in_another_way_is_the_base_only_where_asked(how: Any) -> None:
    plain = kept(cutoff=date(2026, 5, 31))
    other = kept(cutoff=CUTOFF, **how)
    assert found(flagship()) == plain.key
    asked = find_base(flagship(), **how)
    assert asked is not None
    assert asked.key == other.key


def test_fits_of_other_code_or_other_priors_are_not_looked_at(tmp_path: Path) -> None:
    one = made()
    keep(replace(one, sources="older"))
    assert found(flagship()) == ""
    keep(replace(one, key="other", priors_text="edited since"))
    assert found(flagship()) == ""
    keep(replace(one, key="mine"))
    assert found(flagship()) == "mine"
