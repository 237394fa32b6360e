"""The documentation: its code runs, its links lead somewhere, its numbers are the code's.

Parts of ``docs/reference.md`` are generated; ``uv run python tests/test_docs.py`` writes them.
"""

from __future__ import annotations

import inspect
import math
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from itertools import groupby
from pathlib import Path

import click
import pytest

import durability
from durability import (
    case_settings,
    catalogue,
    checks,
    codings,
    commands,
    conditions,
    distributions,
    ladder,
    ledger_chain,
    ledger_entries,
    news,
    news_entries,
    power_scaling,
    prior_sets,
    prospects,
    sensitivity,
    verdict,
)
from durability.agreements import read_agreements
from durability.assembly import HINDSIGHT_YEARS, assemble
from durability.files import MAX_BYTES
from durability.forecasts import DECOMPOSED_MONTHS
from durability.inference import Settings
from durability.summaries import INTERVAL
from durability.vocabulary import (
    DRIVERS,
    GRADES,
    HORIZONS_MONTHS,
    RATING_MAX,
    RATING_MIN,
    RUNGS,
    STATUSES,
    STREAMS,
)
from durability.wording import number, percent

REPOSITORY = Path(__file__).resolve().parents[1]
DOCS = REPOSITORY / "docs"
PAGES = tuple(sorted(DOCS.glob("*.md")))
LINKING = (*PAGES, *(REPOSITORY / f"{name}.md" for name in ("README", "CONTRIBUTING", "CHANGELOG")))


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def named(path: Path) -> str:
    return path.name


# Reading Markdown ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A fenced block, and the comment on the line before it."""

    language: str
    body: str
    note: str


FENCE = re.compile(
    r"(?:^<!-- (?P<note>.*?) -->\n)?^```(?P<lang>\w*)\n(?P<body>.*?)^```$", re.M | re.S
)


def code_of(text: str) -> list[Code]:
    return [
        Code(language=m["lang"], body=m["body"], note=m["note"] or "") for m in FENCE.finditer(text)
    ]


def prose_of(text: str) -> str:
    """Everything but fenced blocks, comments and the list of references."""
    text = text.partition("\n## References\n")[0]
    return re.sub(r"<!--.*?-->", "", FENCE.sub("", text), flags=re.S)


def part(text: str, heading: str) -> str:
    """What stands under a heading, until the next one of its level or above."""
    level = re.match(r"#+", heading)
    assert level is not None
    following = re.compile(rf"^#{{1,{len(level[0])}}} ", re.M)
    assert f"\n{heading}\n" in text, heading
    inside = text.partition(f"\n{heading}\n")[2]
    end = following.search(inside)
    return inside[: end.start()] if end else inside


def rows_of(text: str) -> list[list[str]]:
    """The cells of every table row, heads and rules left out."""
    found, head = [], True
    for line in FENCE.sub("", text).split("\n"):
        if not line.startswith("|"):
            head = True
        elif set(line) <= set("|-: "):
            head = False
        elif not head:
            found.append([cell.strip() for cell in line.strip("|").split("|")])
    return found


def words_in(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def squeezed(text: str) -> str:
    return re.sub(r"\s+", " ", text)


# Links --------------------------------------------------------------------------------------


def anchors_of(text: str) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    heads = re.findall(r"^#+ (.*)$", FENCE.sub("", text), re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def leads_somewhere(link: str, path: Path) -> bool:
    place, _, anchor = link.partition("#")
    if place.startswith(("http://", "https://")):
        return True
    target = (path.parent / place).resolve() if place else path
    if not target.is_relative_to(REPOSITORY) or not target.exists():
        return False
    return not anchor or anchor in anchors_of(target.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", LINKING, ids=named)
def test_every_link_leads_to_a_file_and_a_heading(path: Path) -> None:
    text = FENCE.sub("", path.read_text(encoding="utf-8"))
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert [link for link in links if not leads_somewhere(link, path)] == []


def test_the_index_leads_to_every_page() -> None:
    linked = {link for link in re.findall(r"\]\((\w+\.md)", page("index.md"))}
    assert {path.name for path in PAGES} - {"index.md"} <= linked


@pytest.mark.parametrize("path", PAGES, ids=named)
def test_code_blocks_say_their_language_and_toml_is_toml(path: Path) -> None:
    for code in code_of(path.read_text(encoding="utf-8")):
        assert code.language in {"sh", "console", "python", "text", "toml", "csv", "math"}
        if code.language == "toml":
            tomllib.loads(code.body)


# Numbers ------------------------------------------------------------------------------------


def events_of(reading: ladder.Reading) -> list[int]:
    return [sum(spell.event[stream] for spell in spells(reading)) for stream in STREAMS]


@cache
def spells(reading: ladder.Reading = "new") -> tuple[ladder.Spell, ...]:
    """What the default forecast of the shipped case is fitted to."""
    return assemble(durability.read_case("armenia_azerbaijan"), reading=reading).spells


def table_row(head: str, values: list[str]) -> str:
    return f"| {head} | " + " | ".join(values) + " |"


def kaplan_row(head: str, rung: str) -> str:
    ages, events, weights = ladder.first_times(spells(), rung)
    curve = ladder.kaplan_meier([age / 365.25 for age in ages], events, weights)
    return table_row(head, [f"{ladder.survival_at(curve, y):.0%}" for y in (1, 5, 10, 20)])


def listed(values: list[str]) -> str:
    return f"{', '.join(values[:-1])} or {values[-1]}"


def claims() -> Iterator[tuple[str, str]]:
    """Pages, and what they must say with the numbers of today."""
    models = {name: import_module(f"durability.models.{name}") for name in ("hazard", "ratings")}
    core = [row for row in read_agreements() if row.set == "core"]
    n = len(core)
    wars, abrogations = events_of("new")[2:]
    broke = sum(spell.rung("breakdown").event for spell in spells())
    weight = sum(spell.weight for spell in spells() if spell.event["war"])
    since = min(row.start.year for row in core)
    yield "index.md", f"{n} agreements that ended wars since {since} teach the hazard."
    yield "index.md", f"{broke} of them broke down: {wars} by war and {abrogations} by abrogation"
    since_then = f"ended interstate wars since {since}"
    yield "../README.md", since_then
    yield "../CHANGELOG.md", since_then
    yield "index.md", f"a chance of {INTERVAL:.0%}"
    yield "theory.md", f"equal-tailed and hold {INTERVAL:.0%} of the draws"
    assert interval_probability() == INTERVAL
    asked = f"{prospects.BELIEVING} draws are asked with {prospects.CONTINUATIONS} continuations"
    yield "conditions.md", asked
    yield "conditions.md", f"where fewer than {prospects.LEAST_PATHS} paths have it"
    years = conditions.FIRST_DAY.year, conditions.LAST_DAY.year
    yield "case_files.md", f"Days lie from {years[0]} to {years[1]}."
    yield "index.md", f"{listed([str(months) for months in HORIZONS_MONTHS])} months after"
    yield "theory.md", f"For the {n} agreements of the reference class"
    yield "theory.md", kaplan_row("use of force", "force")
    yield "theory.md", kaplan_row("fatal clash", "fatal")
    yield "theory.md", kaplan_row("breakdown", "breakdown")
    yield "theory.md", f"What remains of the {n} agreements"
    new, every = ([str(count) for count in events_of(reading)] for reading in ("new", "all"))
    yield "theory.md", table_row("`new`, the default: residual fighting left out", new)
    yield "theory.md", table_row("`all`: the columns as they stand", every)
    yield "theory.md", f"share weight one, so wars weigh {weight:.0f}."
    clusters, dyads = len({row.cluster for row in core}), len({row.dyad for row in core})
    yield "theory.md", f"the {n} come from {clusters} conflicts and {dyads} pairs of states"
    yield "theory.md", f"{abrogations} abrogations cannot teach"
    yield "theory.md", f"Shots at most {ladder.CONFRONTATION_DAYS} days after the one before"
    yield "theory.md", f"An abrogation within {ladder.ABROGATION_DAYS} days of a war"
    ends = ladder.DATA_END
    yield "theory.md", f"{ends['fatal']} for force and fatal, {ends['war']} for war and abrogation"
    yield "theory.md", f"war or abrogation within {HINDSIGHT_YEARS:.0f} years"
    yield "glossary.md", f"within {ladder.CONFRONTATION_DAYS} days"
    nodes = len(models["hazard"].AGE_RULE[0])
    yield "theory.md", f"{nodes} Gauss–Legendre nodes are graded"
    yield "architecture.md", f"{nodes} Gauss–Legendre nodes"
    places = models["ratings"].ERROR_RULE[0]
    yield "theory.md", f"the trapezoid rule at {len(places)} equally spaced nodes"
    spaced = f"the trapezoid rule at {len(places)} equally spaced nodes within {places.max():.0f}"
    yield "architecture.md", f"{spaced} standard deviations"
    yield "theory.md", f"an acceptance of {Settings().target_accept}"
    yield "architecture.md", f"A target acceptance of {Settings().target_accept}."
    yield "theory.md", f"at {DECOMPOSED_MONTHS} months"
    short = f"{sensitivity.CHAINS} of {sensitivity.DRAWS} draws after {sensitivity.TUNE} of warm-up"
    yield "theory.md", f"with short chains: {short}"
    yield "theory.md", f"of the probabilities above {sensitivity.RHAT_MOST})"
    yield "theory.md", f"over {checks.OWN_POINTS} evenly spread points"
    yield "architecture.md", f"the logarithm of {models['hazard'].EARLIEST_YEARS:g} years"
    most, setting = MAX_BYTES // 2**20, case_settings.MAX_BYTES // 2**20
    yield "case_files.md", f"at most {most} MiB (`case.toml` {setting} MiB)"
    yield "case_files.md", f"at most {case_settings.MAX_GRID_MONTHS} months before the end"
    yield "case_files.md", f"| `earlier_wars` | 0 to {case_settings.MAX_EARLIER_WARS} |"
    for grade, meaning in news_entries.GRADE_MEANINGS.items():
        yield "adding_news.md", f"`{grade}` is {meaning}."
    yield "case_files.md", f"whole numbers from {RATING_MIN} to {RATING_MAX}"
    sets = list(durability.read_priors("default").parameters.values())
    counts = {s: sum(prior.status == s for prior in sets) for s in prior_sets.STATUSES}
    said = f"{counts['assumed']} of {len(sets)} priors are `assumed`"
    yield "prior_files.md", f"{said} and {counts['literature']} come from `literature`."
    chosen = {option.name: option.default for option in commands.forecast.params}
    runs = f"{chosen['chains']} chains of {chosen['draws']} draws after {chosen['tune']} warm-up"
    yield "tutorial.md", runs
    line, whole = ledger_chain.MAX_LINE_BYTES // 2**20, ledger_chain.MAX_BYTES // 2**30
    most_lines = f"{ledger_chain.MAX_LINES:,} lines and {whole} GiB"
    yield "ledger.md", f"A line has at most {line} MiB, a ledger at most {most_lines}."
    yield "ledger.md", f"`{ledger_chain.EARLIER}`"
    rival = "rival_beliefs.md"
    yield rival, f"From {power_scaling.NOTABLE} on it deserves attention"
    yield rival, f"with {power_scaling.DRAWS:,} draws a likelihood"
    extremes = "error (none, and 0.6), their hindsight (none, and 0.5)"
    yield rival, extremes
    yield rival, "must be below $10^{-7}$"
    covered = durability.read_case("armenia_azerbaijan").covered_until
    yield "tutorial.md", f"`forecasts/armenia_azerbaijan/{covered}/`"


def interval_probability() -> float:
    found = inspect.signature(ladder.kaplan_meier).parameters["interval_probability"].default
    return float(found)


def test_numbers_in_the_pages_are_those_that_the_code_computes() -> None:
    wrong = [f"{name}: {said}" for name, said in claims() if said not in squeezed(page(name))]
    assert wrong == []


def test_the_theory_has_every_limit_of_the_verdict() -> None:
    rows = rows_of(part(page("theory.md"), "## 12. Fitting"))
    both = "of forecast probabilities and of parameters"
    assert {row[0]: row[2] for row in rows} == {
        rf"rank-normalised $\hat R$ {both}": f"at most {verdict.RHAT_MOST}",
        r"$\hat R$ of latent unknowns": f"at most {verdict.RHAT_LATENT_MOST}",
        f"bulk and tail effective sample size {both}": f"at least {verdict.ESS_LEAST:.0f}",
        "divergences": "none",
        "E-BFMI, the worst chain's": f"at least {verdict.BFMI_LEAST}",
        "trees at the depth limit": "none",
    }


def test_the_theory_has_every_sensitivity() -> None:
    section = part(page("theory.md"), "## 14. Checking the model against data")
    wanted_rows = [[each.name, each.what] for each in sensitivity.ALTERNATIVES]
    assert rows_of(section) == wanted_rows


RIVALS = ("agreements_work", "bargaining_power", "sceptical")


@cache
def shipped_set(name: str) -> prior_sets.PriorSet:
    return durability.read_priors(prior_sets.shipped_path(name))


@pytest.mark.parametrize("name", RIVALS)
def test_the_page_has_every_prior_in_which_a_rival_set_differs(name: str) -> None:
    def numbers(prior: prior_sets.Prior) -> str:
        return ", ".join(number(value) for value in prior.values.values())

    default, rival = shipped_set("default").parameters, shipped_set(name).parameters
    wanted_rows = [
        [f"`{each}`", numbers(default[each]), numbers(prior), prior.status]
        for each, prior in rival.items()
        if (prior.distribution, prior.values) != (default[each].distribution, default[each].values)
    ]
    assert rows_of(part(page("rival_beliefs.md"), f"### {name}")) == wanted_rows
    for row in wanted_rows:
        source = rival[words_in(row[0])[0]].source
        assert row[3] == "assumed" or "doi:" in source, row[0]


def test_the_page_has_what_rival_sets_imply_for_survival() -> None:
    every = {
        name: durability.diff_priors(shipped_set("default"), shipped_set(name), draws=1000).survival
        for name in RIVALS
    }
    wanted_rows = [
        [
            f"`{change.rung}`",
            str(change.years),
            percent(change.before),
            *(percent(every[name][place].after) for name in RIVALS),
        ]
        for place, change in enumerate(every["sceptical"])
        if change.rung in ("war", "breakdown")
    ]
    section = part(page("rival_beliefs.md"), "## What they imply before any data")
    assert rows_of(section) == wanted_rows


def test_the_three_wars_of_one_event_weigh_as_one() -> None:
    shared = [spell for spell in spells() if spell.weight != 1.0]
    assert [round(spell.weight, 6) for spell in shared] == [round(1 / 3, 6)] * 3
    assert all(spell.event["war"] for spell in shared)


# Words --------------------------------------------------------------------------------------


def test_the_glossary_has_every_word_of_the_vocabulary() -> None:
    told = set(words_in(page("glossary.md")))
    assert {*DRIVERS, *RUNGS, *GRADES, *STATUSES, *ladder.READINGS} <= told


def test_each_word_of_the_glossary_stands_there_once() -> None:
    words = [row[0] for row in rows_of(page("glossary.md"))]
    assert sorted(words) == sorted(set(words))
    banned = [word for row in rows_of(page("glossary.md")) for word in row[2].split(", ") if word]
    assert set(banned).isdisjoint(words)


@pytest.mark.parametrize(
    "path", [p for p in (*PAGES, REPOSITORY / "README.md") if p.name != "glossary.md"], ids=named
)
def test_no_page_says_a_word_that_the_glossary_bans(path: Path) -> None:
    prose = squeezed(prose_of(path.read_text(encoding="utf-8"))).lower()
    banned = [word for row in rows_of(page("glossary.md")) for word in row[2].split(", ") if word]
    assert len(banned) > 50
    assert [word for word in banned if re.search(rf"\b{re.escape(word)}s?\b", prose)] == []


# Case files ---------------------------------------------------------------------------------


def told_columns(heading: str) -> dict[str, bool]:
    """Keys or columns of a part of the page, and whether they are needed."""
    rows = rows_of(part(page("case_files.md"), heading))
    return {words_in(row[0])[0]: row[-2] == "yes" for row in rows}


def wanted(required: tuple[str, ...], optional: tuple[str, ...] = ()) -> dict[str, bool]:
    return dict.fromkeys(required, True) | dict.fromkeys(optional, False)


SETTINGS_TABLES: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "### [clock]": (("start", "deal", "why"), ()),
    "### [grid]": (("start", "why"), ()),
    "### [coverage]": (("covered_until",), ()),
    "### [observed_to]": ((*STREAMS, "why"), ()),
    "### [[happened]]": (("rung", "date", "why"), ()),
    "### [history]": ((), ("dyad", "cluster", "exclude")),
    "### [covariates]": (case_settings.COVARIATE_KEYS, ()),
    "### [[standing]]": (("date", "coder", *DRIVERS), ()),
    "### [life_cycle]": (("stage", "why"), ()),
    "### [[condition]]": (conditions._REQUIRED, conditions._OPTIONAL),
}


def test_the_page_has_every_column_that_the_readers_know() -> None:
    indicators = import_module("durability.indicators")
    assert told_columns("## news.csv") == wanted(news._REQUIRED, news._OPTIONAL)
    assert told_columns("## indicators.csv") == wanted(indicators._REQUIRED, indicators._OPTIONAL)
    assert told_columns("## codings.csv") == wanted(codings._CODING)
    assert told_columns("## reconciliations.csv") == wanted(codings._RECONCILIATION)


def test_the_page_has_every_key_of_the_settings() -> None:
    top = page("case_files.md").partition("\n## case.toml\n")[2].partition("\n### ")[0]
    told = {words_in(row[0])[0]: row[2] == "yes" for row in rows_of(top)}
    assert told == wanted((*case_settings._TOP, "covariates"), case_settings._TOP_OPTIONAL)
    told_outcome = told_columns("### [condition.outcome]")
    assert told_outcome == wanted(conditions._OUTCOME, conditions._OUTCOME_OPTIONAL)
    for heading, (required, optional) in SETTINGS_TABLES.items():
        assert told_columns(heading) == wanted(required, optional), heading


@pytest.mark.parametrize(
    ("heading", "key"),
    [(heading, key) for heading, (keys, _) in SETTINGS_TABLES.items() for key in keys],
)
def test_a_key_that_the_page_calls_needed_is_missed(heading: str, key: str, tmp_path: Path) -> None:
    folder = write_examples("case_files.md", tmp_path) / "northland_southland"
    path = folder / "case.toml"
    name = heading.strip("# ")
    before, _, after = path.read_text(encoding="utf-8").partition(f"{name}\n")
    inside, mark, rest = after.partition("\n\n")
    kept = "\n".join(line for line in inside.split("\n") if not line.startswith(f"{key} ="))
    assert kept != inside
    path.write_text(before + f"{name}\n" + kept + mark + rest, encoding="utf-8")
    with pytest.raises(durability.InputError, match=key):
        durability.read_case(folder)


def write_examples(name: str, folder: Path) -> Path:
    """Write the blocks of a page that are files."""
    for code in code_of(page(name)):
        if code.note.startswith("file: "):
            path = folder / code.note.removeprefix("file: ")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(code.body, encoding="utf-8")
    return folder


def test_the_whole_case_is_read_and_assembled_as_the_page_says(tmp_path: Path) -> None:
    case = durability.read_case(write_examples("case_files.md", tmp_path) / "northland_southland")
    assert (len(case.codings), len(case.reconciliations), len(case.happened)) == (2, 2, 1)
    data = assemble(case)
    unused = {item.id: why for item, why in data.unused}
    said = f"of the {len(case.news)} items {len(data.used)} are used. N6 is left out"
    assert said in page("case_files.md")
    assert sorted(unused) == ["N6", "N7"]
    assert "violations" in unused["N6"]
    assert "scheduled" in unused["N7"]
    assert len(data.coords["event"]) == len(data.used) - 1  # N4 and N5 tell of one event


def test_the_page_names_the_files_that_a_case_may_have() -> None:
    files = import_module("durability.case_folders").CASE_FILES
    rows = rows_of(page("case_files.md").partition("\n## ")[0])
    told = [words_in(row[0])[0] for row in rows]
    assert told == [name for name in files if name != "README.md"]
    assert [words_in(row[0])[0] for row in rows if row[-1] == "yes"] == ["case.toml", "news.csv"]


# Prior files --------------------------------------------------------------------------------


def test_the_page_has_every_distribution_and_its_numbers() -> None:
    rows = rows_of(part(page("prior_files.md"), "## Distributions"))
    told = {words_in(row[0])[0]: (tuple(words_in(row[1])), row[2]) for row in rows}
    wanted_numbers = {
        name: (numbers, str(len(numbers)) if name in distributions.SOLVABLE else "no")
        for name, numbers in distributions.PARAMETERS.items()
    }
    assert told == wanted_numbers


def test_the_page_has_the_families_that_each_parameter_can_have() -> None:
    *rows, others = rows_of(
        part(page("prior_files.md"), "## Which distribution a parameter may have")
    )
    told = {word: tuple(words_in(row[1])) for row in rows for word in words_in(row[0])}
    starts = {name.removesuffix("…"): can for name, can in told.items() if name.endswith("…")}

    def said(name: str) -> tuple[str, ...]:
        begun = [can for start, can in starts.items() if name.startswith(start)]
        return told.get(name) or (begun[0] if begun else tuple(words_in(others[1])))

    known = catalogue.parameters_of("breakdown")
    assert {name: said(name) for name in known} == dict(known)
    assert {name for name in told if not name.endswith("…")} <= set(known)


def test_the_page_has_every_parameter_with_its_default_family() -> None:
    rows = rows_of(part(page("prior_files.md"), "## What the default model needs"))
    told = {words_in(row[0])[0]: words_in(row[2])[0] for row in rows}
    priors = durability.read_priors("default")
    assert told == {name: prior.distribution for name, prior in priors.parameters.items()}
    assert set(told) == set(catalogue.parameters_of("breakdown"))


def test_the_page_has_every_key_of_a_prior() -> None:
    rows = rows_of(part(page("prior_files.md"), "## The file"))
    told = {word for row in rows for word in words_in(row[0])}
    assert told == {
        *("format", "about", "distribution", "quantiles", prior_sets.ELICITED),
        *prior_sets.TEXTS,
    }
    said = part(page("prior_files.md"), "## The file")
    assert set(prior_sets.STATUSES) <= set(words_in(said))


def test_the_example_of_a_prior_is_read_and_lacks_the_others(tmp_path: Path) -> None:
    path = write_examples("prior_files.md", tmp_path) / "priors" / "trusting.toml"
    (prior,) = durability.read_priors(path).parameters.values()
    assert prior_sets.implied_quantiles(prior, (0.05, 0.95)) == pytest.approx((0.1, 1.1))
    with pytest.raises(durability.InputError) as caught:
        durability.read_priors(path, expected=catalogue.parameters_of("breakdown"))
    assert len(caught.value.problems) == len(catalogue.parameters_of("breakdown")) - 1


def test_what_is_quoted_of_the_default_set_stands_there() -> None:
    quoted = [
        c.body for c in code_of(page("prior_files.md")) if c.language == "toml" and not c.note
    ]
    default = prior_sets.find_priors("default").read_text(encoding="utf-8")
    assert quoted
    assert all(body in default for body in quoted)


def test_every_parameter_has_its_symbol_in_the_theory() -> None:
    names = [
        word for row in rows_of(part(page("theory.md"), "## Symbols")) for word in words_in(row[2])
    ]
    whole = {name for name in names if not name.endswith("…")}
    starts = tuple(name.removesuffix("…") for name in names if name.endswith("…"))
    parameters = set(catalogue.parameters_of("breakdown"))
    assert {p for p in parameters if p not in whole and not p.startswith(starts)} == set()
    assert whole <= parameters


# Architecture -------------------------------------------------------------------------------


def project() -> dict[str, dict[str, dict[str, object]]]:
    return tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))


def planned_modules() -> set[str]:
    """Modules that the layers name."""
    linter: object = project()["tool"]["importlinter"]
    return set(re.findall(r"\w+", " ".join(linter["contracts"][0]["layers"])))  # type: ignore[index]


def test_the_architecture_has_a_row_for_every_module() -> None:
    rows = rows_of(part(page("architecture.md"), "## Modules"))
    told = [words_in(row[0])[0] for row in rows]
    there = {
        path.relative_to(REPOSITORY).as_posix()
        for folder in ("durability", "models")
        for path in (REPOSITORY / folder).glob("*.py")
    } - {"models/__init__.py"}
    planned = {f"durability/{name}.py" for name in planned_modules()}
    assert len(told) == len(set(told))
    assert sorted(there - set(told)) == []
    assert sorted(set(told) - there - planned) == []


def test_the_architecture_has_a_line_for_every_dependency() -> None:
    needed = project()["project"]["dependencies"]
    groups = project()["dependency-groups"].values()
    developed = [each for group in groups for each in group]
    wanted_names = {re.split(r"[><=!~\[ ]", str(each))[0] for each in (*needed, *developed)}
    rows = rows_of(part(page("architecture.md"), "## Dependencies"))
    told = [word for row in rows for word in words_in(row[0])]
    assert sorted(told) == sorted(wanted_names)
    assert all(row[1] and row[2] for row in rows)


def test_the_layout_shown_is_that_of_the_project() -> None:
    text = part(page("architecture.md"), "## How the packages are laid out")
    (shown,) = [tomllib.loads(c.body) for c in code_of(text) if c.language == "toml"]
    tools = project()["tool"]["setuptools"]
    assert {key: tools[key] for key in shown["tool"]["setuptools"]} == shown["tool"]["setuptools"]


# Reference ----------------------------------------------------------------------------------


def test_generated_parts_of_the_reference_are_fresh() -> None:
    assert page("reference.md") == regenerated(page("reference.md"))


@pytest.mark.parametrize("name", durability.__all__)
def test_every_public_name_has_its_place_in_the_reference(name: str) -> None:
    assert f"\n#### {name}\n" in page("reference.md")
    if name != "__version__":
        assert signature_of(name) in page("reference.md")


def options_in_help() -> Iterator[tuple[str, str]]:
    for words, command in commands_of(commands.durability, ()):
        shown = click.Context(command, info_name="durability").get_help() if command else ""
        for option in re.findall(r"^  (?:-\w, )?(--[a-z-]+)", shown, re.M):
            yield " ".join(words), option


def test_every_option_that_help_shows_is_in_the_reference() -> None:
    found = list(options_in_help())
    assert len(found) > 20
    text = page("reference.md")
    for words, option in found:
        if option not in ("--help", "--version"):
            assert f"`{option}" in part(text, f"#### durability {words}"), (words, option)


def test_the_reference_has_every_exit_status() -> None:
    told = [int(row[0]) for row in rows_of(part(page("reference.md"), "## Exit statuses"))]
    cli = import_module("durability.cli")
    errors = import_module("durability.errors")
    wanted_statuses = [0, errors.DurabilityError.exit_status, commands.DIAGNOSTICS_FAILED]
    assert told == [*wanted_statuses, cli.INTERRUPTED]


def test_the_reference_has_every_key_of_the_record() -> None:
    schema = REPOSITORY / "durability" / "data" / "forecast.schema.json"
    keys = import_module("json").loads(schema.read_text(encoding="utf-8"))["properties"]
    rows = rows_of(part(page("reference.md"), "### forecast.json"))
    assert sorted(word for row in rows for word in words_in(row[0])) == sorted(keys)


def test_the_page_of_the_ledger_has_every_key_of_a_line() -> None:
    rows = rows_of(part(page("ledger.md"), "## What is recorded"))
    told = [word for row in rows for word in words_in(row[0])]
    assert sorted(told) == sorted([*ledger_chain.KEYS, "clock", *ledger_entries.OWN])


def test_the_reference_names_the_files_that_a_report_writes() -> None:
    report = import_module("durability.report")
    rows = rows_of(part(page("reference.md"), "## Files written").partition("\n### ")[0])
    told = [words_in(row[0])[0] for row in rows]
    names = (report.HTML_NAME, report.MARKDOWN_NAME, report.RECORD_NAME, report.FIT_NAME)
    assert told == list(names)


def test_the_reference_has_every_variable_that_is_read() -> None:
    sources = [*REPOSITORY.glob("durability/*.py"), *REPOSITORY.glob("tests/*.py")]
    read = {
        variable
        for path in sources
        for variable in re.findall(
            r"environ(?:\.get\(|\[)\"(\w+)\"", path.read_text(encoding="utf-8")
        )
    }
    rows = rows_of(part(page("reference.md"), "## Folders and environment"))
    told = {word for row in rows for word in words_in(row[0])}
    assert (read - {"PATH"}) | {commands.COMPLETION_VARIABLE} <= told


# The tutorial -------------------------------------------------------------------------------


@dataclass(slots=True)
class Reader:
    """Somebody who types a page's blocks into a shell and into Python, in a folder."""

    folder: Path
    said: str = ""

    def follow(self, blocks: list[Code], *, sampling: bool) -> None:
        for language, group in groupby(blocks, key=lambda code: code.language):
            codes = [code for code in group if sampling or not code.note.startswith("samples")]
            if language == "sh":
                for code in codes:
                    self.run(["bash", "-e", "-c", code.body], code.note)
            elif language == "python" and codes:
                body = "\n".join(code.body for code in codes)
                self.run([sys.executable, "-W", "ignore", "-c", body], "")
            elif language == "text":
                for code in codes:
                    missing = [
                        line for line in code.body.splitlines() if line.strip() not in self.said
                    ]
                    assert missing == [], self.said

    def run(self, command: list[str], note: str) -> None:
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        ran = subprocess.run(
            command,
            cwd=self.folder,
            env={**os.environ, "PATH": path},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=900,
            check=False,
        )
        self.said = ran.stdout
        expected = re.search(r"status ([\d or]+)", note)
        statuses = [int(n) for n in re.findall(r"\d+", expected[1])] if expected else [0]
        assert ran.returncode in statuses, f"{command[-1]}\n{ran.stdout}"


needs_bash = pytest.mark.skipif(shutil.which("bash") is None, reason="the tutorial needs bash")


@needs_bash
def test_the_tutorial_runs_as_far_as_nothing_is_sampled(tmp_path: Path) -> None:
    Reader(folder=tmp_path).follow(code_of(page("tutorial.md")), sampling=False)
    assert durability.read_case(tmp_path / "northland").news[-1].event == "bridge-opens"


@needs_bash
@pytest.mark.slow
def test_the_whole_tutorial_runs(tmp_path: Path) -> None:
    Reader(folder=tmp_path).follow(code_of(page("tutorial.md")), sampling=True)
    for folder in (
        "forecasts/armenia_azerbaijan/2026-06-30",
        "forecasts/northland/2025-12-31",
        "report",
    ):
        told = {path.name for path in (tmp_path / folder).iterdir()}
        assert told == {"report.html", "report.md", "forecast.json", "fit.nc"}


@needs_bash
def test_the_page_about_news_runs_and_says_what_is_printed(tmp_path: Path) -> None:
    Reader(folder=tmp_path).follow(code_of(page("adding_news.md")), sampling=False)
    case = durability.read_case(tmp_path / "northland")
    assert [row.id for row in case.retractions] == ["N009.r1", "N013.r1"]
    assert case.news[-1].corrects == "N013"


@needs_bash
def test_the_page_about_conditions_runs_and_says_what_is_printed(tmp_path: Path) -> None:
    Reader(folder=tmp_path).follow(code_of(page("conditions.md")), sampling=False)
    case = durability.read_case(tmp_path / "riverland")
    assert [each.name for each in case.conditions if each.outcome] == ["court"]
    assert case.stage == "initialled"


@needs_bash
def test_the_page_about_scores_runs_and_says_what_is_printed(tmp_path: Path) -> None:
    text = page("scores.md")
    Reader(folder=tmp_path).follow(code_of(text), sampling=False)
    blocks = [code.language for code in code_of(text)]
    # Each piece of Python is followed by what it prints, so that nothing on the page is unchecked.
    assert blocks == ["python", "text"] * (len(blocks) // 2)


def test_the_page_about_scores_has_every_predictor_and_its_priors() -> None:
    rows = rows_of(part(page("scores.md"), "## What a forecast must beat"))
    told = {words_in(row[0])[0]: row[2] for row in rows}
    predictors = import_module("durability.predictors")
    assert list(told) == list(predictors.PREDICTORS)
    baselines = import_module("durability.models.baselines")
    (scale, spread), (shape, width) = baselines.INTERCEPT_PRIOR, baselines.LOG_SHAPE_PRIOR
    said = f"log scale {scale:g} ± {spread:g}, log shape {shape:g} ± {width:g}"
    assert told["weibull"] == said.replace("-", "−")
    assert (baselines.PRIOR_EVENTS, baselines.PRIOR_YEARS) == (0.5, 10.0)
    factor = math.exp(1.96 * import_module("durability.models.rated_hazard").EFFECT_SD)
    assert f"within a factor {factor:.0f} of the hazard" in told["ratings"]


def test_the_page_of_the_ledger_has_every_state_and_column(tmp_path: Path) -> None:
    outcomes = import_module("durability.case_outcomes")
    rows = rows_of(part(page("ledger.md"), "## Scoring"))
    assert [words_in(row[0])[0] for row in rows] == list(outcomes.STATES)
    rows = rows_of(part(page("ledger.md"), "## Export to a modeling hub"))
    hub = import_module("durability.hubverse")
    assert [word for row in rows for word in words_in(row[0])] == list(hub.COLUMNS)
    found = outcomes.read_outcome(write_examples("ledger.md", tmp_path) / "outcomes.toml")
    assert (found.case, sorted(found.happened)) == ("northland", ["force"])


@needs_bash
def test_the_page_about_other_data_runs(tmp_path: Path) -> None:
    blocks = code_of(page("other_data.md"))
    shown = [code for code in blocks if code.language in ("sh", "python")]
    Reader(folder=tmp_path).follow(shown, sampling=False)


@needs_bash
def test_the_commands_of_the_other_pages_run(tmp_path: Path) -> None:
    for path in PAGES:
        if path.name not in ("tutorial.md", "adding_news.md", "other_data.md"):
            blocks = code_of(path.read_text(encoding="utf-8"))
            shown = [code for code in blocks if code.language == "sh"]
            Reader(folder=tmp_path).follow(shown, sampling=False)


def test_the_reader_notices_what_fails(tmp_path: Path) -> None:
    reader = Reader(folder=tmp_path)
    with pytest.raises(AssertionError):
        reader.follow(code_of("```sh\nfalse\ntrue\n```"), sampling=False)
    with pytest.raises(AssertionError):
        reader.follow(code_of("```sh\necho this\n```\n\n```text\nthat\n```"), sampling=False)
    reader.follow(code_of("<!-- status 0 or 3 -->\n```sh\nexit 3\n```"), sampling=False)


# Generating ---------------------------------------------------------------------------------


class _Plain(str):
    """An annotation that is written as it stands in the source."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def signature_of(name: str) -> str:
    """Write how a name is called, on one line or an argument a line where it is long."""
    thing = getattr(durability, name)
    found = inspect.signature(thing)
    arguments: list[str] = []
    for argument in found.parameters.values():
        if argument.kind is argument.KEYWORD_ONLY and "*" not in arguments:
            arguments.append("*")
        arguments.append(str(argument.replace(annotation=_Plain(argument.annotation))))
    gives = "" if isinstance(thing, type) else f" -> {found.return_annotation}"
    line = f"{name}({', '.join(arguments)}){gives}"
    if len(line) <= 90:
        return line
    inside = "".join(f"    {argument},\n" for argument in arguments)
    return f"{name}(\n{inside}){gives}"


def plain_text(text: str) -> str:
    """Turn reStructuredText roles into Markdown."""
    text = re.sub(r":math:`([^`]+)`", r"$\1$", text)
    text = re.sub(r":\w+:`~?([^`]+)`", r"`\1`", text)
    return text.replace("``", "`")


def docstring_parts(thing: object) -> tuple[str, dict[str, str]]:
    """Split a numpydoc docstring into what stands above its sections, and the sections."""
    text = plain_text(inspect.getdoc(thing) or "")
    heads = list(re.finditer(r"^(\w[\w ]*)\n-{3,}\n", text, re.M))
    above = text[: heads[0].start()] if heads else text
    ends = [*(head.start() for head in heads[1:]), len(text)][: len(heads)]
    parts = {head[1]: text[head.end() : end].strip() for head, end in zip(heads, ends, strict=True)}
    return above.strip(), parts


def entries_of(section: str) -> Iterator[str]:
    """Write the entries of a numpydoc section as a list."""
    for entry in re.split(r"\n(?=\S)", section):
        head, _, rest = entry.partition("\n")
        name, _, kind = head.partition(" : ")
        told = squeezed(rest).strip()
        first = f"`{name}`" + (f" ({kind})" if kind else "")
        yield f"- {first}: {told}" if told else f"- {first}"


def python_reference() -> str:
    lines: list[str] = []
    for name in durability.__all__:
        lines += ["", f"#### {name}", ""]
        if name == "__version__":
            lines.append("The version, a text.")
            continue
        lines += ["```python", signature_of(name), "```", ""]
        above, parts = docstring_parts(getattr(durability, name))
        lines.append(above)
        for section in ("Parameters", "Returns", "Raises"):
            if section in parts:
                lines += ["", f"{section}:", "", *entries_of(parts[section])]
    return "\n".join([*lines, ""])


def commands_of(
    command: click.Command, words: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    if isinstance(command, click.Group):
        for name in sorted(command.commands):
            yield from commands_of(command.commands[name], (*words, name))
    else:
        yield words, command


def command_reference() -> str:
    lines: list[str] = []
    for words, command in commands_of(commands.durability, ()):
        context = click.Context(command, info_name=" ".join(("durability", *words)))
        usage = command.collect_usage_pieces(context)
        lines += ["", f"#### durability {' '.join(words)}", ""]
        lines += ["```console", f"$ {' '.join((context.info_name or '', *usage))}", "```", ""]
        lines.append(squeezed_paragraphs(command.help or ""))
        options = [p for p in command.params if isinstance(p, click.Option)]
        if options:
            lines += ["", "| option | meaning |", "|---|---|"]
            lines += [option_row(option, context) for option in options]
    return "\n".join([*lines, ""])


def squeezed_paragraphs(text: str) -> str:
    paragraphs = inspect.cleandoc(text).split("\n\n")
    return "\n\n".join(squeezed(paragraph) for paragraph in paragraphs)


def option_row(option: click.Option, context: click.Context) -> str:
    written, told = option.get_help_record(context) or ("", "")
    return f"| `{written}` | {squeezed(told).replace('|', chr(92) + '|')} |"


def model_reference() -> str:
    lines = ["", "| model | what it is |", "|---|---|"]
    for name in catalogue.list_models():
        first = (inspect.getdoc(catalogue.find_model(name)) or "").partition("\n")[0]
        lines.append(f"| `{name}` | {plain_text(first)} |")
    return "\n".join([*lines, ""])


GENERATORS: Mapping[str, Callable[[], str]] = {
    "python": python_reference,
    "commands": command_reference,
    "models": model_reference,
}


def regenerated(text: str) -> str:
    """Write the generated parts of a page again."""

    def filled(match: re.Match[str]) -> str:
        return f"<!-- generated: {match[1]} -->\n{GENERATORS[match[1]]()}\n<!-- end -->"

    return re.sub(r"<!-- generated: (\w+) -->\n.*?<!-- end -->", filled, text, flags=re.S)


if __name__ == "__main__":
    place = DOCS / "reference.md"
    place.write_text(regenerated(place.read_text(encoding="utf-8")), encoding="utf-8")
