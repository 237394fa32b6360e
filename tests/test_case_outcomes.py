"""What became of a case: by hand, rung by rung, and as history's ladder resolves it."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from types import MappingProxyType

import pytest

from durability.case_outcomes import CaseOutcome, outcome_of, read_outcome, resolve
from durability.cases import read_case
from durability.errors import InputError
from durability.vocabulary import RUNGS, STREAMS

CUTOFF = date(2026, 6, 30)
YEAR, TWO, FIVE = date(2027, 6, 30), date(2028, 6, 30), date(2031, 6, 30)


def outcome(
    covered: date = date(2028, 12, 31), *, observed: dict[str, date] | None = None, **days: date
) -> CaseOutcome:
    return CaseOutcome(
        case="here",
        where="outcomes.toml",
        deal=None,
        covered_until=covered,
        observed_to=MappingProxyType(dict.fromkeys(STREAMS, covered) | (observed or {})),
        happened=MappingProxyType(days),
    )


def states(found: CaseOutcome, end: date) -> dict[str, str]:
    return {rung: resolve(found, rung, cutoff=CUTOFF, end=end).state for rung in RUNGS}


def test_a_war_is_every_rung_but_abrogation_which_it_rules_out() -> None:
    found = outcome(war=date(2028, 1, 2))
    assert states(found, YEAR) == dict.fromkeys(RUNGS, "held")
    after = dict.fromkeys(RUNGS, "happened") | {"abrogation": "held"}
    assert states(found, TWO) == after
    assert resolve(found, "abrogation", cutoff=CUTOFF, end=TWO).why == "ruled out 2028-01-02"
    assert resolve(found, "breakdown", cutoff=CUTOFF, end=TWO).why == "2028-01-02"


def test_an_abrogation_is_breakdown_and_rules_the_ladder_out() -> None:
    found = outcome(abrogation=date(2027, 3, 1), war=date(2028, 5, 1))
    at = states(found, TWO)
    assert at == {
        "force": "held",
        "fatal": "held",
        "war": "held",
        "abrogation": "happened",
        "breakdown": "happened",
    }


def test_what_happened_before_the_abrogation_happened() -> None:
    found = outcome(force=date(2026, 9, 1), abrogation=date(2027, 3, 1))
    assert (states(found, TWO)["force"], states(found, TWO)["fatal"]) == ("happened", "held")


def test_an_abrogation_close_to_a_war_is_that_war() -> None:
    found = outcome(abrogation=date(2027, 6, 1), war=date(2027, 7, 15))
    assert states(found, YEAR) == dict.fromkeys(RUNGS, "held")
    assert states(found, TWO)["war"] == "happened"
    assert states(found, TWO)["abrogation"] == "held"
    alone = outcome(abrogation=date(2027, 6, 1), war=date(2027, 9, 15))
    assert states(alone, YEAR)["breakdown"] == "happened"


def test_the_last_day_of_a_horizon_is_inside_it_and_the_cutoff_is_not() -> None:
    on_the_day = outcome(war=YEAR)
    assert resolve(on_the_day, "war", cutoff=CUTOFF, end=YEAR).state == "happened"
    day_after = outcome(war=date(2027, 7, 1))
    assert resolve(day_after, "war", cutoff=CUTOFF, end=YEAR).state == "held"
    before = outcome(war=CUTOFF)
    assert states(before, YEAR) == dict.fromkeys(RUNGS, "before")


def test_a_use_of_force_before_the_cutoff_leaves_the_higher_rungs_to_be_forecast() -> None:
    found = outcome(force=date(2026, 1, 5), war=date(2026, 12, 1))
    assert states(found, YEAR) == {
        "force": "before",
        "fatal": "happened",
        "war": "happened",
        "abrogation": "held",
        "breakdown": "happened",
    }


def test_a_horizon_that_is_not_reached_is_pending_and_one_not_watched_is_censored() -> None:
    assert states(outcome(), FIVE) == dict.fromkeys(RUNGS, "pending")
    partly = outcome(observed={"fatal": date(2027, 1, 1)})
    found = states(partly, TWO)
    # Force is fatal or war too: to know that none was, all three must be watched.
    assert found == {
        "force": "censored",
        "fatal": "censored",
        "war": "held",
        "abrogation": "held",
        "breakdown": "held",
    }
    assert resolve(partly, "fatal", cutoff=CUTOFF, end=TWO).why == "observed to 2027-01-01"
    assert resolve(partly, "fatal", cutoff=CUTOFF, end=date(2026, 12, 31)).state == "held"


def test_what_happened_is_known_early_but_not_due() -> None:
    found = outcome(war=date(2028, 1, 2))
    early = resolve(found, "war", cutoff=CUTOFF, end=FIVE)
    assert (early.state, early.is_due) == ("happened", False)
    assert resolve(found, "war", cutoff=CUTOFF, end=TWO).is_due
    assert not resolve(found, "abrogation", cutoff=CUTOFF, end=FIVE).is_due


def test_a_case_says_of_itself_what_its_file_has() -> None:
    case = read_case("armenia_azerbaijan")
    found = outcome_of(case)
    assert (found.case, found.deal) == ("armenia_azerbaijan", case.deal)
    assert found.covered_until == case.covered_until
    assert found.happened == {}


# ---- files of outcomes --------------------------------------------------------------------------

GOOD = """
format = 1
case = "northland"
covered_until = 2028-12-31

[observed_to]
force = 2028-12-31
fatal = 2028-12-31
war = 2028-12-31
abrogation = 2028-06-30

[[happened]]
rung = "force"
date = 2027-02-03
why = "Shots at the bridge."
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "outcomes.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_of_outcomes_is_read(tmp_path: Path) -> None:
    found = read_outcome(written(tmp_path, GOOD))
    assert found.case == "northland"
    assert found.deal is None
    assert found.observed_to["abrogation"] == date(2028, 6, 30)
    assert dict(found.happened) == {"force": date(2027, 2, 3)}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("format = 1", "format = 2", "must be a whole number"),
        ('case = "northland"\n', "", "has no case"),
        ("war = 2028-12-31\n", "", "has no war"),
        ("covered_until = 2028-12-31", 'covered_until = "soon"', "must be a day"),
        ('rung = "force"', 'rung = "forse"', 'did you mean "force"'),
        ("date = 2027-02-03", "date = 2029-02-03", "must not be after observed_to.force"),
        ('why = "Shots at the bridge."', "", "has no why"),
        ('why = "Shots', 'whey = "Shots', "unknown key"),
    ],
)
def test_a_wrong_file_of_outcomes_is_refused_with_its_place(
    old: str, new: str, said: str, tmp_path: Path
) -> None:
    assert old in GOOD
    with pytest.raises(InputError, match=said) as caught:
        read_outcome(written(tmp_path, GOOD.replace(old, new, 1)))
    assert all("outcomes.toml" in problem.where for problem in caught.value.problems)


def test_every_problem_of_a_file_is_told_at_once(tmp_path: Path) -> None:
    bad = GOOD.replace("format = 1", "format = 3").replace("war = 2028-12-31\n", "")
    with pytest.raises(InputError) as caught:
        read_outcome(
            written(tmp_path, bad + GOOD.partition("[[happened]]")[2].join(["[[happened]]", ""]))
        )
    assert len(caught.value.problems) == 3
