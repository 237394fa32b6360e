"""Reading conditions: every contradiction is told, with its line, and all of them at once."""

from __future__ import annotations

import datetime as dt
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from durability.conditions import (
    ELECTION_CHANCES,
    Condition,
    ancestors,
    collect_conditions,
    months_after,
    stage_at,
)
from durability.errors import InputError, Problem, Problems
from durability.steps import plan
from durability.toml_files import toml_of
from durability.toml_tables import TomlTable, subtables, top
from durability.vocabulary import DRIVERS, LIFE_CYCLE

DEAL = dt.date(2025, 8, 8)
BASE = {
    "name": '"vote"',
    "meaning": '"Voters agree"',
    "elicited": "2026-11-22",
    "met_by": "{ 2027-12-31 = 0.3 }",
    "fails": "0.4",
    "why": '"Made up"',
}


def table(**changes: str | None) -> str:
    """A condition as text, each key on its line; None leaves a key out."""
    keys = {**BASE, **changes}
    lines = [f"{key} = {value}" for key, value in keys.items() if value is not None]
    return "\n".join(["[[condition]]", *lines, ""])


def found_in(text: str, stage: str = "initialled") -> tuple[tuple[Condition, ...], Problems]:
    problems = Problems()
    tables = subtables(top(toml_of(Path("case.toml"), text), problems), "condition", text)
    return collect_conditions(tables, deal=DEAL, stage=stage), problems


def read(text: str, stage: str = "initialled") -> tuple[Condition, ...]:
    conditions, problems = found_in(text, stage)
    problems.raise_any()
    return conditions


def wrong(text: str, stage: str = "initialled") -> list[Problem]:
    return list(found_in(text, stage)[1].found)


def only(text: str, stage: str = "initialled") -> str:
    (problem,) = wrong(text, stage)
    return str(problem)


# What is read -------------------------------------------------------------------------------------


def test_a_whole_condition_is_read() -> None:
    text = table(name='"called"') + table(
        driver='"constitution"',
        met='"passed"',
        failed='"rejected"',
        requires='["called"]',
        not_before="2027-01-01",
        stage='"signed"',
        actor='"Armenia"',
        met_by="{ 2028-06-30 = 0.1, 2027-06-30 = 0.05 }",
        fails='{ "0.1" = 0.15, "0.9" = 0.6 }',
        effect='{ "0.05" = 0.1, "0.95" = 0.8 }',
        permanent="true",
        depends_on='["trust", "corridor"]',
        source='"A table"',
    )
    vote = read(text)[1]
    assert (vote.word(met=True), vote.word(met=False)) == ("passed", "rejected")
    assert vote.met_by == {dt.date(2027, 6, 30): 0.05, dt.date(2028, 6, 30): 0.1}
    assert vote.fails_shapes is not None
    assert stats.beta(*vote.fails_shapes).ppf([0.1, 0.9]) == pytest.approx([0.15, 0.6], rel=1e-4)
    assert vote.fails == pytest.approx(stats.beta(*vote.fails_shapes).mean(), rel=1e-6)
    assert vote.effect is not None
    size = stats.lognorm(s=vote.effect[1], scale=math.exp(vote.effect[0]))
    assert size.ppf([0.05, 0.95]) == pytest.approx([0.1, 0.8])
    assert vote.depends_on == ("trust", "corridor")
    assert vote.permanent


def test_what_is_left_out_has_its_default() -> None:
    (vote,) = read(table(driver='"trust"'))
    assert (vote.met_word, vote.failed_word, vote.stage, vote.effect) == ("met", "failed", "", None)
    assert vote.depends_on == ("trust",)
    assert read(table(driver='"trust"', depends_on="[]"))[0].depends_on == ()
    assert read(table())[0].depends_on == ()
    assert not vote.permanent


def test_conditions_come_after_what_they_require_whatever_their_order() -> None:
    names = ("c", "b", "a", "d")
    needs = {"c": '["b", "a"]', "b": '["a"]', "d": '["c"]'}
    text = "".join(table(name=f'"{n}"', requires=needs.get(n)) for n in names)
    assert [each.name for each in read(text)] == ["a", "b", "c", "d"]
    assert ancestors(read(text), "d") == {"a", "b", "c"}


@pytest.mark.parametrize("word", ["met", "passed"])
def test_an_outcome_may_be_said_in_the_conditions_own_word(word: str) -> None:
    outcome = f'{{ result = "{word}", date = 2026-06-07, why = "It was" }}'
    (vote,) = read(table(met='"passed"', failed='"rejected"', outcome=outcome))
    assert vote.outcome is not None
    assert vote.outcome.met
    assert vote.outcome.known == dt.date(2026, 6, 7)
    assert vote.known_at(dt.date(2026, 6, 6)) is None
    assert vote.known_at(dt.date(2026, 6, 7)) is vote.outcome


def test_a_failed_outcome_in_its_own_word_is_failed() -> None:
    outcome = '{ result = "rejected", date = 2026-06-07, why = "It was" }'
    (vote,) = read(table(met='"passed"', failed='"rejected"', outcome=outcome))
    assert vote.outcome is not None
    assert not vote.outcome.met


def test_the_stage_is_that_of_what_was_known_to_be_met() -> None:
    outcome = '{ result = "met", date = 2026-06-07, known = 2026-06-20, why = "It was" }'
    conditions = read(table(stage='"signed"', outcome=outcome))
    assert stage_at(conditions, "initialled", dt.date(2026, 6, 19)) == "initialled"
    assert stage_at(conditions, "initialled", dt.date(2026, 6, 20)) == "signed"
    assert stage_at(conditions, "ratified", dt.date(2026, 6, 20)) == "ratified"


@pytest.mark.parametrize(
    ("day", "months"),
    [
        (dt.date(2026, 6, 30), 0.0),
        (dt.date(2026, 7, 31), 1.0),
        (dt.date(2026, 7, 1), 1 / 31),
        (dt.date(2026, 8, 15), 1 + 15 / 31),
        (dt.date(2026, 6, 15), -0.5),
        (dt.date(2025, 6, 30), -12.0),
    ],
)
def test_months_are_those_of_the_calendar(day: dt.date, months: float) -> None:
    assert months_after(dt.date(2026, 6, 30), day) == pytest.approx(months)


# What is refused ----------------------------------------------------------------------------------

REFUSED = {
    "no meaning": (table(meaning=None), "condition has no meaning"),
    "no name": (table(name=None), "condition has no name"),
    "no day of elicitation": (table(elicited=None), "condition has no elicited"),
    "no reason": (table(why=None), "condition has no why"),
    "an unknown key": (table(afects="0.3"), 'unknown key "afects".*did you mean "effect"'),
    "an unknown driver": (table(driver='"trsut"'), 'driver = "trsut".*did you mean "trust"'),
    "dependence on no driver": (
        table(depends_on='["corridr"]'),
        'depends_on names "corridr".*did you mean "corridor"',
    ),
    "a requirement that is none": (
        table(requires='["vot"]'),
        'requires names "vot".*did you mean "vote"',
    ),
    "a choice that is none": (table(requires_any='["x"]'), 'requires_any names "x"'),
    "a name with blanks": (table(name='"a vote"'), "must be 1 to 64 letters"),
    "a day as text": (table(elicited='"2026-11-22"'), "without quotation marks"),
    "flags that are none": (table(permanent="1"), "permanent.*true or false"),
    "a chance above one": (table(met_by="{ 2027-12-31 = 1.2 }"), "above 0, below 1"),
    "a chance of nothing": (table(met_by="{ 2027-12-31 = 0 }"), "above 0, below 1"),
    "a chance as text": (table(met_by='{ 2027-12-31 = "0.2" }'), "above 0, below 1"),
    "a chance that is true": (table(met_by="{ 2027-12-31 = true }"), "above 0, below 1"),
    "a chance that is no number": (table(met_by="{ 2027-12-31 = nan }"), "above 0, below 1"),
    "no table of chances": (table(met_by="0.3"), "chances by time"),
    "an empty table of chances": (table(met_by="{}"), "chances by time"),
    "a day that is none": (table(met_by="{ 2027-13-31 = 0.2 }"), "must be days"),
    "chances that fall": (
        table(met_by="{ 2027-12-31 = 0.3, 2028-12-31 = 0.2 }"),
        "must not be lower than an earlier one",
    ),
    "chances above what does not fail": (table(met_by="{ 2027-12-31 = 0.6 }"), "stay below 0.6"),
    "a day before it can begin": (
        table(met_by="{ 2026-11-22 = 0.3 }"),
        "must be after 2026-11-22",
    ),
    "a day before not_before": (
        table(not_before="2028-01-01"),
        "must be after 2028-01-01",
    ),
    "months that are no number": (
        table(met_by=None, met_within_months="{ soon = 0.2 }"),
        "whole months, 1 to 600",
    ),
    "no months": (table(met_by=None, met_within_months="{ 0 = 0.2 }"), "whole months, 1 to 600"),
    "too many months": (table(met_by=None, met_within_months="{ 601 = 0.2 }"), "1 to 600"),
    "no time at all": (table(met_by=None), "does not say when; exactly one of"),
    "two times": (
        table(met_within_months="{ 3 = 0.2 }"),
        "gives met_by and met_within_months; exactly one of",
    ),
    "a vote before it may be held": (
        table(met_by=None, decided_on="2027-01-01", not_before="2028-01-01"),
        "must not be before not_before",
    ),
    "no chance of failing": (table(fails=None), "has no fails"),
    "sure to fail": (table(fails="1.0"), "from 0 to below 1"),
    "a chance of failing that is text": (table(fails='"0.4"'), "from 0 to below 1"),
    "one quantile": (table(fails='{ "0.5" = 0.4 }'), "quantiles of a beta"),
    "quantiles that fall": (table(fails='{ "0.1" = 0.6, "0.9" = 0.2 }'), "quantiles of a beta"),
    "quantiles beyond one": (table(fails='{ "0.1" = 0.6, "0.9" = 1.2 }'), "quantiles of a beta"),
    "quantiles that are no numbers": (
        table(fails='{ low = 0.2, high = "x" }'),
        "quantiles of a beta",
    ),
    "an effect that is a number": (table(effect="0.3"), "must be two quantiles"),
    "a negative effect": (
        table(effect='{ "0.05" = -0.1, "0.95" = 0.8 }'),
        "quantiles of a lognormal",
    ),
    "a stage that is none": (table(stage='"sigend"'), 'did you mean "signed"'),
    "the stage it has": (table(stage='"initialled"'), "must be one of signed, ratified"),
    "itself": (table(requires='["vote"]'), 'circle: "vote" requires "vote"'),
    "an outcome that is no table": (table(outcome='"met"'), "must be an inline table"),
    "an outcome without a day": (
        table(outcome='{ result = "met", why = "So" }'),
        "condition.outcome has no date",
    ),
    "a word that is none": (
        table(met='"passed"', outcome='{ result = "pased", date = 2026-06-07, why = "So" }'),
        'did you mean "passed"',
    ),
    "known before it happened": (
        table(outcome='{ result = "met", date = 2026-06-07, known = 2026-06-06, why = "So" }'),
        "must not be before it happened, 2026-06-07",
    ),
    "an outcome before its day": (
        table(
            not_before="2027-01-01",
            outcome='{ result = "met", date = 2026-06-07, why = "So" }',
        ),
        "not_before says 2027-01-01",
    ),
    "an outcome of another age": (
        table(outcome='{ result = "met", date = 1926-06-07, why = "So" }'),
        "fifty years before the deal",
    ),
    "an outcome known from nowhere": (
        table(outcome='{ result = "met", date = 2026-06-07, why = "So", reported_by = "T1" }'),
        "must be a list of texts",
    ),
    "a chance by a day before the numbers": (
        table(not_before="2020-01-01", met_by="{ 2026-05-01 = 0.3 }"),
        "must be after 2026-11-22",
    ),
    "a day out of the calendar": (
        table(met_by=None, decided_on="9999-12-31"),
        "must lie from 1900-01-01 to 2200-01-01",
    ),
    "a chance by a day out of the calendar": (
        table(met_by="{ 9999-12-31 = 0.3 }"),
        "must lie from 1900-01-01 to 2200-01-01",
    ),
    "a chance from nowhere": (
        table(met_by=None, decided_on="2026-12-07", fails=None, chance_from='"election:won"'),
        "chance_from.*must be one of election",
    ),
    "a chance from elsewhere, without a day": (
        table(fails=None, chance_from=f'"{ELECTION_CHANCES[0]}"'),
        "it goes with decided_on",
    ),
}


@pytest.mark.parametrize(("text", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_is_refused_in_words(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read(text)


def test_the_same_name_twice_is_refused_both_times() -> None:
    assert [str(p).count("stands twice") for p in wrong(table() + table())] == [1, 1]


def test_circles_are_named() -> None:
    needs = {"a": '["c"]', "b": '["a"]', "c": '["b"]', "d": '["a"]'}
    text = "".join(table(name=f'"{n}"', requires=needs[n]) for n in needs)
    said = only(text)
    assert "goes in a circle" in said
    assert all(f'"{name}"' in said for name in "abc")
    assert '"d"' not in said


def test_a_circle_through_a_choice_is_one() -> None:
    text = table(name='"a"', requires_any='["b"]') + table(name='"b"', requires='["a"]')
    assert "goes in a circle" in only(text)


def test_a_step_that_can_never_be_reached_is_refused() -> None:
    first = table(name='"first"', not_before="2028-01-01", met_by="{ 2029-01-01 = 0.3 }")
    late = table(requires='["first"]', met_by=None, decided_on="2027-05-01")
    assert "cannot be met before 2028-01-01" in only(first + late)
    ended = table(requires='["first"]', met_by="{ 2027-12-31 = 0.2 }")
    assert "ends on 2027-12-31, and can never be reached" in only(first + ended)
    through = table(name='"middle"', requires='["first"]', met_by="{ 2029-06-30 = 0.2 }")
    assert "can never be reached" in only(
        first + through + table(requires='["middle"]', met_by="{ 2027-12-31 = 0.2 }")
    )
    early = table(name='"early"')
    either = table(requires_any='["first", "early"]', met_by="{ 2027-12-31 = 0.2 }")
    assert wrong(first + early + either) == []


MET = '{{ result = "met", date = {}, why = "So" }}'
FAILED = '{ result = "failed", date = 2026-05-01, why = "So" }'


def test_an_outcome_before_what_it_requires_is_refused() -> None:
    first = table(name='"first"', outcome=MET.format("2026-05-01"))
    assert wrong(first + table(requires='["first"]', outcome=MET.format("2026-05-01"))) == []
    said = only(first + table(requires='["first"]', outcome=MET.format("2026-04-30")))
    assert 'requires "first", which was not met by then' in said


@pytest.mark.parametrize("outcome", [None, FAILED])
def test_an_outcome_of_what_was_never_free_to_start_is_refused(outcome: str | None) -> None:
    first = table(name='"first"', outcome=outcome)
    said = only(first + table(requires='["first"]', outcome=MET.format("2026-06-30")))
    assert "which was not met by then" in said
    said = only(first + table(requires_any='["first"]', outcome=MET.format("2026-06-30")))
    assert "which was not met by then" in said


def test_one_way_that_was_met_is_enough_for_an_outcome() -> None:
    ways = table(name='"one"', outcome=FAILED) + table(
        name='"other"', outcome=MET.format("2026-05-03")
    )
    both = '["one", "other"]'
    assert wrong(ways + table(requires_any=both, outcome=MET.format("2026-05-03"))) == []
    assert "one or other" in only(ways + table(requires_any=both, outcome=MET.format("2026-05-02")))


def test_a_stage_must_wait_for_the_one_before_it() -> None:
    signed = table(name='"signature"', stage='"signed"')
    loose = table(name='"ratification"', stage='"ratified"')
    assert 'stage = "ratified" does not wait for signed' in only(signed + loose)
    bound = table(name='"ratification"', stage='"ratified"', requires='["signature"]')
    assert wrong(signed + bound) == []
    # Nothing reaches it: the file says nothing of when it is signed.
    assert wrong(loose) == []


def test_an_outcome_in_a_table_of_its_own_has_its_line() -> None:
    text = table() + '[condition.outcome]\nresult = "met"\nwhy = "So"\n'
    line = text.split("\n").index("[condition.outcome]") + 1
    assert only(text).startswith(f"case.toml line {line}: condition.outcome has no date")


def test_every_problem_is_told_with_its_line() -> None:
    text = (
        "# a comment\n"
        + table(driver='"trsut"', fails="2.0")
        + table(name='"second"', met_by="{ 2027-12-31 = 0.7 }", permanent='"yes"')
    )
    lines = text.split("\n")
    places = {
        "trsut": next(n for n, line in enumerate(lines, 1) if "trsut" in line),
        "fails": next(n for n, line in enumerate(lines, 1) if line == "fails = 2.0"),
        "reaches 0.7": next(n for n, line in enumerate(lines, 1) if "0.7" in line),
        "permanent": next(n for n, line in enumerate(lines, 1) if "permanent" in line),
    }
    told = {str(problem) for problem in wrong(text)}
    assert len(told) == 4
    for words, line in places.items():
        assert any(f"case.toml line {line}: " in each and words in each for each in told), words


# Anything at all ----------------------------------------------------------------------------------

names = st.sampled_from(["a", "b", "c", "", "é", 3])
days = st.dates(dt.date(1, 1, 1), dt.date(9999, 12, 31))
numbers = st.one_of(st.floats(), st.integers(-3, 3), st.booleans(), st.sampled_from(["0.3", "x"]))
quantiles = st.dictionaries(st.sampled_from(["0.1", "0.9", "0.5", "2", "x", "nan"]), numbers)
texts = st.text(max_size=8)
outcomes = st.dictionaries(
    st.sampled_from(["result", "date", "known", "why", "reported_by", "x"]),
    st.one_of(days, texts, st.sampled_from(["met", "failed", "a"]), st.lists(texts, max_size=2)),
)
TABLES = st.fixed_dictionaries(
    {},
    optional={
        "name": names,
        "meaning": st.one_of(texts, st.just("So")),
        "elicited": st.one_of(days, texts),
        "why": st.one_of(texts, st.just("So")),
        "driver": st.one_of(st.sampled_from(DRIVERS), numbers),
        "met": st.one_of(st.just("passed"), numbers),
        "failed": st.one_of(st.just("lost"), texts),
        "requires": st.one_of(st.lists(names, max_size=3), numbers),
        "requires_any": st.one_of(st.lists(names, max_size=3), texts),
        "not_before": st.one_of(days, numbers),
        "stage": st.one_of(st.sampled_from(LIFE_CYCLE), texts),
        "actor": texts,
        "met_by": st.one_of(st.dictionaries(days.map(str), numbers, max_size=3), numbers),
        "met_within_months": st.dictionaries(
            st.one_of(st.integers(-3, 900).map(str), texts), numbers, max_size=3
        ),
        "decided_on": st.one_of(days, texts),
        "fails": st.one_of(numbers, quantiles),
        "chance_from": st.one_of(st.sampled_from(ELECTION_CHANCES), numbers),
        "effect": st.one_of(numbers, quantiles),
        "permanent": st.one_of(st.booleans(), texts),
        "depends_on": st.lists(st.sampled_from([*DRIVERS, "x"]), max_size=3),
        "outcome": st.one_of(outcomes, numbers),
        "anything": numbers,
    },
)


@given(
    contents=st.lists(TABLES, max_size=4),
    stage=st.sampled_from(LIFE_CYCLE),
    cutoff=st.dates(DEAL, dt.date(2060, 1, 1)),
)
@settings(max_examples=300, deadline=None)
def test_no_tables_break_the_reader(
    contents: list[dict[str, Any]], stage: str, cutoff: dt.date
) -> None:
    """Whatever stands there, it is read or refused; where nothing is refused it can be used."""
    problems = Problems()
    tables = [
        TomlTable(path="case.toml", name="condition", content=each, lines={}, problems=problems)
        for each in contents
    ]
    found = collect_conditions(tables, deal=DEAL, stage=stage)
    if len(problems):
        with pytest.raises(InputError):
            problems.raise_any()
    else:
        assert len(found) == len(contents)
        made = plan(found, deal=DEAL, stage=stage, cutoff=cutoff, chance_of=lambda _: 0.5)
        assert all(np.isfinite(step.cumulative).all() for step in made.steps)
