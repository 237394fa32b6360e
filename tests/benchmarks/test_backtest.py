"""What the committed rows of the backtest say, and that every page that quotes them is right."""

from __future__ import annotations

import re
from functools import cache

import backtest
import page
import pytest

from durability.forecasts import SKILL_LIMIT
from durability.leaving_out import LeftOut
from durability.score_table import ScoreRow, score_predictions

SEEN, HIDDEN = (f"breakdown, default, ratings {which}" for which in ("seen", "hidden"))


@cache
def forecasters() -> dict[str, LeftOut]:
    """Every baseline, and the model in both versions, each conflict left out once."""
    tests = backtest.tests_of("cluster")
    every = [*backtest.baselines("cluster"), *(test.left_out for test in tests)]
    return {each.name: each for each in every}


def rows_of(name: str, reference: str) -> list[ScoreRow]:
    """Score one forecaster beside another, of breakdown, at 1, 5 and 10 years."""
    both = [forecasters()[reference], forecasters()[name]]
    table = score_predictions(both, reference=reference)
    return [row for row in table.rows if row.name == name]


def words(name: str, reference: str, years: float) -> tuple[str, str, str, str]:
    """Give a mean score, its gain and the ends of that gain's interval, as a page writes them."""
    (row,) = [row for row in rows_of(name, reference) if row.years == years]
    assert row.gain is not None
    gain = (row.gain.mean, row.gain.low, row.gain.high)
    return f"{row.score.mean:.3f}", *(f"{value:.3f}".replace("-", "−") for value in gain)  # type: ignore[return-value]


def test_every_conflict_has_been_left_out_in_both_versions_and_every_fit_passed() -> None:
    found = {test.name: test.answers for test in backtest.tests_of("cluster")}
    assert {SEEN, HIDDEN} <= found.keys()
    for rows in found.values():
        assert len({row["name"] for row in rows}) == 30
        assert all(row["verdict"]["ok"] for row in rows)


def test_the_model_is_not_distinguishable_from_its_coders_ratings() -> None:
    for row in rows_of(SEEN, "ratings"):
        assert row.gain is not None
        assert row.gain.low < 0.0 < row.gain.high, row.years


@pytest.mark.parametrize("reference", ["climatology", "constant", "weibull", "table"])
def test_without_ratings_the_model_is_not_distinguishable_from_tables(reference: str) -> None:
    for row in rows_of(HIDDEN, reference):
        assert row.gain is not None
        assert row.gain.low < 0.0 < row.gain.high, row.years


def test_the_page_and_the_readme_quote_the_rows() -> None:
    seen, hidden = (words(name, "climatology", 10.0) for name in (SEEN, HIDDEN))
    climatology = forecasters()["climatology"]
    (plain,) = [
        row.score.mean for row in score_predictions([climatology]).rows if row.years == 10.0
    ]
    ratings = words("ratings", "climatology", 10.0)
    quoted = (
        f"{seen[0]} against climatology's {plain:.3f} (gain {seen[1]}, 90% {seen[2]} to {seen[3]})",
        f"the coders' ratings alone reach {ratings[0]}",
        f"{hidden[0]} (gain {hidden[1]}, 90% {hidden[2]} to {hidden[3]})",
    )
    for name in ("README.md", "docs/backtests.md"):
        text = re.sub(r"\s+", " ", (page.ROOT / name).read_text(encoding="utf-8"))
        assert [each for each in quoted if each not in text] == [], name


def test_every_report_says_so() -> None:
    assert "not distinguishable from its coders' ratings alone" in SKILL_LIMIT
    assert "without those ratings from climatology" in SKILL_LIMIT
