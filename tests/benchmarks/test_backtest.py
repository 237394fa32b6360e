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
from durability.stacking import compare_densities

SEEN, HIDDEN = (f"breakdown, default, ratings {which}" for which in ("seen", "hidden"))


@cache
def forecasters(by: str = "cluster") -> dict[str, LeftOut]:
    """Every baseline, and the model in every version, each conflict or dyad left out once."""
    every = [*backtest.baselines(by), *(test.left_out for test in backtest.tests_of(by))]
    return {each.name: each for each in every}


def rows_of(name: str, reference: str, by: str = "cluster") -> list[ScoreRow]:
    """Score one forecaster beside another, of breakdown, at 1, 5 and 10 years."""
    both = [forecasters(by)[reference], forecasters(by)[name]]
    table = score_predictions(both, reference=reference)
    return [row for row in table.rows if row.name == name]


def words(
    name: str, reference: str, years: float, by: str = "cluster"
) -> tuple[str, str, str, str]:
    """Give a mean score, its gain and the ends of that gain's interval, as a page writes them."""
    (row,) = [row for row in rows_of(name, reference, by) if row.years == years]
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


def of_climatology(by: str = "cluster") -> float:
    """Its mean score of breakdown within ten years."""
    table = score_predictions([forecasters(by)["climatology"]])
    (found,) = [row.score.mean for row in table.rows if row.years == 10.0]
    return found


def test_the_page_quotes_the_rows_by_dyad_of_which_every_fit_passed() -> None:
    (test,) = [test for test in backtest.tests_of("dyad") if test.name == SEEN]
    assert len({row["name"] for row in test.answers}) == 45
    assert all(row["verdict"]["ok"] for row in test.answers)
    seen, ratings = (words(name, "climatology", 10.0, "dyad") for name in (SEEN, "ratings"))
    quoted = (
        f"{seen[0]} against {of_climatology('dyad'):.3f} (gain {seen[1]}, 90% {seen[2]} to "
        f"{seen[3]}) and {ratings[0]} of the ratings alone"
    )
    assert quoted in (page.ROOT / "docs" / "backtests.md").read_text(encoding="utf-8")


def test_the_page_quotes_the_rows_from_days_in_the_past() -> None:
    failed = {
        test.name: [row["name"] for row in test.answers if not row["verdict"]["ok"]]
        for test in backtest.tests_of("year")
    }
    assert failed == {SEEN: [], HIDDEN: ["origin 1970-01-01"]}
    seen, hidden = (words(name, "constant", 10.0, "year") for name in (SEEN, HIDDEN))
    table = score_predictions([forecasters("year")["constant"]])
    (plain,) = [row.score.mean for row in table.rows if row.years == 10.0]
    quoted = (
        f"{seen[0]} against {plain:.3f} with ratings shown (gain {seen[1]}, 90% {seen[2]} to "
        f"{seen[3]}), {hidden[0]} with them hidden (gain {hidden[1]}, 90% {hidden[2]} to "
        f"{hidden[3]})"
    )
    assert quoted in (page.ROOT / "docs" / "backtests.md").read_text(encoding="utf-8")


def test_the_page_and_the_readme_quote_the_rows() -> None:
    seen, hidden = (words(name, "climatology", 10.0) for name in (SEEN, HIDDEN))
    plain = of_climatology()
    ratings = words("ratings", "climatology", 10.0)
    quoted = (
        f"{seen[0]} against climatology's {plain:.3f} (gain {seen[1]}, 90% {seen[2]} to {seen[3]})",
        f"the coders' ratings alone reach {ratings[0]}",
        f"{hidden[0]} (gain {hidden[1]}, 90% {hidden[2]} to {hidden[3]})",
    )
    for name in ("README.md", "docs/backtests.md"):
        text = re.sub(r"\s+", " ", (page.ROOT / name).read_text(encoding="utf-8"))
        assert [each for each in quoted if each not in text] == [], name


RIVALS = ("agreements_work", "bargaining_power", "sceptical")


def densities(ratings: str, interval_probability: float) -> dict[str, tuple[float, float, float]]:
    """By how much each rival's density of all outcomes exceeds the default's, with its ends."""
    tests = [test for test in backtest.tests_of("cluster") if test.ratings == ratings]
    assert [test.priors for test in tests] == ["default", *RIVALS]
    found = compare_densities(
        [test.log_densities for test in tests],
        [test.priors for test in tests],
        tests[0].left_out.clusters,
        interval_probability=interval_probability,
    )
    return {
        name: (gain.mean * found.rows, gain.low * found.rows, gain.high * found.rows)
        for name, gain in zip(found.names, found.gains, strict=True)
    }


@pytest.mark.parametrize("ratings", backtest.RATINGS)
def test_no_prior_set_is_distinguishable_by_scores_of_breakdown(ratings: str) -> None:
    tests = [test for test in backtest.tests_of("cluster") if test.ratings == ratings]
    every = [*(test.left_out for test in tests), *backtest.stacks(tests)]
    assert len(every) == 5
    table = score_predictions(every, years=(1.0, 5.0, 10.0), integrated=True)
    gains = [row.gain for row in table.rows if row.gain is not None]
    assert len(gains) == 16
    assert all(gain.low < 0.0 < gain.high for gain in gains)


def test_the_page_quotes_what_densities_say_of_the_prior_sets() -> None:
    seen, hidden = (densities(ratings, 0.9) for ratings in ("seen", "hidden"))

    def short(told: tuple[float, float, float]) -> tuple[str, str, str]:
        return f"{-told[0]:.1f}", f"{-told[2]:.1f}", f"{-told[1]:.1f}"

    work, sceptic = [
        (short(seen[name]), short(hidden[name])) for name in ("agreements_work", "sceptical")
    ]
    power = [
        f"{told[0]:+.1f} ({told[1]:.1f} to {told[2]:.1f})".replace("-", "−")
        for told in (seen["bargaining_power"], hidden["bargaining_power"])
    ]
    quoted = (
        f"by {work[0][0]} (90% {work[0][1]} to {work[0][2]}) with ratings shown and by "
        f"{work[1][0]} ({work[1][1]} to {work[1][2]}) without",
        f"`sceptical` by {sceptic[0][0]} ({sceptic[0][1]} to {sceptic[0][2]}) and by "
        f"{sceptic[1][0]} ({sceptic[1][1]} to {sceptic[1][2]})",
        f"cannot be told from it: {power[0]} and {power[1]}",
    )
    text = (page.ROOT / "docs" / "backtests.md").read_text(encoding="utf-8")
    assert [each for each in quoted if each not in text] == []
    for ratings, excluded in (("seen", False), ("hidden", True)):
        wide = densities(ratings, 1.0 - 0.05 / 3.0)
        for name in ("agreements_work", "sceptical"):
            assert (wide[name][2] < 0.0) is excluded, (ratings, name)


def test_every_report_says_so() -> None:
    assert "not distinguishable from its coders' ratings alone" in SKILL_LIMIT
    assert "without those ratings from climatology" in SKILL_LIMIT
