"""The report: what it says, in which order, and that nothing from a case file can act in it."""

from __future__ import annotations

import copy
import html
import itertools
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from report_example import ExampleForecast, example_forecast, example_record, example_tree

from durability import report, sections
from durability.blocks import Figure, Report, is_web_address, linked, printable, tables_of
from durability.errors import InputError, WriteError
from durability.markdown import escaped, to_markdown
from durability.report import compose, read_recorded, record_text, to_html, write_report
from durability.screen import forecast_lines, unseen_lines
from durability.wording import (
    error_points,
    long_date,
    moved_points,
    number,
    percent,
    signed,
    watched_until,
)

SCRIPT = "<script>alert(1)</script>"
HOSTILE = (
    f"{SCRIPT}](javascript:alert(2)) | **x** `y` <!-- $\\frac{{ & \x00\x1b[31m\u202e\ud800\n# z"
)


class Page(HTMLParser):
    """What a browser would see of a page: tags with attributes, in order, and the text."""

    VOID = frozenset({"meta", "link", "br", "image", "path", "use"})

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


@pytest.fixture(scope="module")
def forecast() -> ExampleForecast:
    return example_forecast()


@pytest.fixture(scope="module")
def folder(forecast: ExampleForecast, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("forecast")
    write_report(forecast, folder)
    return folder


@pytest.fixture(scope="module")
def composed(forecast: ExampleForecast) -> Report:
    return compose(json.loads(record_text(forecast.record)), forecast.tree)


@pytest.fixture(scope="module")
def page(folder: Path) -> str:
    return (folder / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def markdown(folder: Path) -> str:
    return (folder / "report.md").read_text(encoding="utf-8")


# Writing and reading


def test_four_files_are_written_and_nothing_else(folder: Path) -> None:
    names = {path.name for path in folder.iterdir()}
    assert names == {"forecast.json", "report.html", "report.md", "fit.nc"}


def test_the_report_stays_below_six_megabytes(folder: Path) -> None:
    assert (folder / "report.html").stat().st_size < 6e6


def test_forecast_json_is_the_record_with_sorted_keys(
    folder: Path, forecast: ExampleForecast
) -> None:
    text = (folder / "forecast.json").read_text(encoding="ascii")
    found = json.loads(text)
    assert found == forecast.record
    assert list(found) == sorted(found)
    jsonschema.Draft202012Validator(json.loads(report.SCHEMA_PATH.read_text())).validate(found)


def test_rendering_twice_gives_the_same_bytes(
    folder: Path, forecast: ExampleForecast, tmp_path: Path
) -> None:
    write_report(forecast, tmp_path)
    for name in ("report.html", "report.md", "forecast.json"):
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()


def test_a_recorded_forecast_renders_to_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    write_report(read_recorded(folder), tmp_path)
    for name in ("report.html", "report.md", "forecast.json"):
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()


def test_the_order_of_keys_in_a_record_does_not_show(
    folder: Path, forecast: ExampleForecast, page: str
) -> None:
    turned = {key: forecast.record[key] for key in reversed(forecast.record)}
    turned["drivers"] = dict(reversed(turned["drivers"].items()))
    assert to_html(compose(turned, forecast.tree)) == page


def test_the_tree_comes_back_as_it_was(folder: Path, forecast: ExampleForecast) -> None:
    tree = read_recorded(folder).tree
    for group in ("posterior", "sample_stats", "observed_data"):
        assert tree[group].to_dataset().identical(forecast.tree[group].to_dataset())


def test_a_number_that_is_not_finite_is_refused_by_name(tmp_path: Path) -> None:
    record = example_record()
    record["breakdown"]["war"]["12"]["mean"] = float("nan")
    record["hazard"]["war"]["high"][3] = float("inf")
    with pytest.raises(ValueError, match=r"breakdown\.war\.12\.mean, hazard\.war\.high\[3\]"):
        write_report(ExampleForecast(record=record, tree=example_tree()), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_leaves_the_old_one(
    forecast: ExampleForecast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "fit.nc").write_bytes(b"old")

    def full(tree: Any, path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(report, "_write_tree", full)
    with pytest.raises(WriteError, match="No space left"):
        write_report(forecast, tmp_path)
    assert (tmp_path / "fit.nc").read_bytes() == b"old"
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("{", "line 1"),
        ("[1]", "not an object"),
        ('{"schema_version": 7}', "schema_version is 7, not 1"),
        ('{"schema_version": 1}', "without assumptions, breakdown"),
        ("[" * 100_000, "json"),
    ],
)
def test_a_broken_record_is_refused_with_what_to_do(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "forecast.json").write_text(text)
    with pytest.raises(InputError, match=re.escape(said)):
        read_recorded(tmp_path)


def test_a_broken_or_missing_fit_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "forecast.json").write_bytes((folder / "forecast.json").read_bytes())
    with pytest.raises(InputError, match="no such file"):
        read_recorded(tmp_path)
    (tmp_path / "fit.nc").write_bytes(b"not a NetCDF file")
    with pytest.raises(InputError, match="not a readable NetCDF file"):
        read_recorded(tmp_path)


# What it says


def test_the_first_sentence_gives_chance_interval_error_and_verdict() -> None:
    sentence = sections.chance_sentence(example_record())
    assert sentence == (
        "The chance that the Armenia–Azerbaijan agreement breaks down (war or abrogation) within "
        "24 months of 31 July 2026 is 10%, about 1 in 10 (90% interval 3.6% to 20%; Monte Carlo "
        "standard error 0.2 points); the fit passed all 6 of its checks."
    )


def test_the_second_sentence_names_what_adds_and_takes_off_most() -> None:
    sentence = sections.carrier_sentence(example_record())
    assert "it would be 7.6%" in sentence
    assert "lack of trust adds most (+2.1 points)" in sentence
    assert "progress on the corridor takes off most (−0.9 points)" in sentence
    assert "no driver’s part is clearly different from none" in sentence


def test_a_driver_that_carries_against_its_level_is_told_with_its_level() -> None:
    """Effects are free in sign: low interference may raise the chance, and is then called low."""
    record = example_record()
    path = record["drivers"]["trust"]
    last = path["observed_months"] - 1
    assert path["mean"][last] > 0.0
    path["mean"][last] = -0.4
    assert "lack of trust, which stands below history’s average, adds most (+2.1 points)" in (
        sections.carrier_sentence(record)
    )


def test_odds_are_told_only_where_a_whole_number_is_near() -> None:
    record = example_record()
    head = record["breakdown"]["breakdown"]["24"]
    for chance in (0.39, 0.2, 0.001):
        head["mean"] = chance
        assert "about 1 in" not in sections.chance_sentence(record)


def test_unseen_counts_each_rung_from_its_own_day() -> None:
    record = example_record()
    record["observed_to"] |= {"force": "2026-07-31", "fatal": "2026-06-15", "war": "2026-07-31"}
    late = watched_until(record)
    # Force is reached by what reaches more; war and what it makes up were watched to the cutoff.
    assert late == {
        "breakdown": "2026-06-30",
        "abrogation": "2026-06-30",
        "fatal": "2026-06-15",
        "force": "2026-06-15",
    }
    sentence = sections.unseen_sentence(record)
    assert "not every rung was watched up to the cutoff" in sentence
    assert "since 15 June 2026" in sentence
    lines = list(unseen_lines(record))
    assert any(line.startswith("  Fatal clash since 2026-06-15: ") for line in lines)
    assert not any("War since" in line for line in lines)
    record["happened"] = [{"rung": "fatal", "date": "2026-06-20", "why": "Shots."}]
    assert set(watched_until(record)) == {"breakdown", "abrogation"}
    record["happened"] = [{"rung": "war", "date": "2026-06-20", "why": "War."}]
    assert watched_until(record) == {}
    record["unseen"] = {}
    assert list(unseen_lines(record)) == []


def test_the_second_sentence_is_silent_on_doubt_where_there_is_none() -> None:
    record = example_record()
    record["decomposition"]["probability"]["drivers"]["trust"]["low"] = 0.004
    assert "clearly different" not in sections.carrier_sentence(record)


def test_drivers_that_move_nothing_are_said_to_move_nothing() -> None:
    record = example_record()
    for part in record["decomposition"]["probability"]["drivers"].values():
        part |= {"mean": 0.0001, "low": -0.01, "high": 0.01}
    assert "no driver moves it by a tenth of a point" in sections.carrier_sentence(record)


def test_a_short_horizon_has_its_own_headline() -> None:
    record = example_record()
    for rung in record["breakdown"].values():
        del rung["24"], rung["36"], rung["60"]
    assert "within 12 months of" in sections.chance_sentence(record)
    assert sections.carrier_sentence(record).startswith("Within 24 months, with all four")


def test_every_probability_of_the_table_is_that_of_the_record() -> None:
    record = example_record()
    table = sections.probability_table(record)
    assert [c.title for c in table.columns] == ["Months", "6", "12", "24", "36", "60"]
    war = next(row for row in table.rows if getattr(row[0], "main", "") == "War")
    chance = record["breakdown"]["war"]["36"]
    assert war[4].main == percent(chance["mean"])  # type: ignore[union-attr]
    assert war[4].notes[1] == f"±{error_points(chance['mcse'])}"  # type: ignore[union-attr]


def test_the_chance_of_an_unseen_break_stands_when_the_cutoff_is_later_than_what_is_seen() -> None:
    record = example_record()
    assert "Unseen: the rungs were last seen not to have happened on 30 June 2026" in (
        sections.unseen_sentence(record)
    )
    record["cutoff"] = "2026-06-30"
    assert sections.unseen_sentence(record) == ""


def test_silence_is_not_called_calm() -> None:
    assert "unknown, not calm" in sections.knowledge(example_record())[0]
    record = example_record()
    record["coverage_age_days"] = 0
    assert "calm" not in sections.knowledge(record)[0]


def test_a_rung_that_did_happen_is_said() -> None:
    record = example_record()
    record["happened"] = [{"rung": "force", "date": "2026-02-03", "why": "Shelling at Kapan."}]
    assert "Use of force did happen on 3 February 2026: Shelling at Kapan." in (
        sections.knowledge(record)
    )


def test_what_has_broken_down_is_no_forecast() -> None:
    record = example_record()
    record["happened"] = [
        {"rung": "force", "date": "2026-02-03", "why": "Shelling at Kapan."},
        {"rung": "abrogation", "date": "2026-03-01", "why": "Denounced in a note."},
    ]
    (sentence,) = sections.answer(record).sentences
    assert "had broken down by the cutoff: abrogation on 1 March 2026" in sentence
    assert sentence in list(forecast_lines(record))[:6]
    record["happened"].pop()
    assert len(sections.answer(record).sentences) == 2
    assert not any("broken down by the cutoff" in line for line in forecast_lines(record))


def test_a_failed_verdict_comes_before_everything_else() -> None:
    failed = compose(example_record(ok=False), example_tree())
    text = to_markdown(failed)
    assert text.splitlines()[0].startswith("**The fit FAILED 2 of its 6 checks.")
    body = to_html(failed).split("<body>")[1]
    assert body.index("FAILED 2 of its 6") < body.index("<h1>")
    assert body.index("41 divergent transitions") < body.index("<h1>")


def test_a_good_verdict_raises_no_banner(page: str) -> None:
    assert 'class="banner"' not in page
    assert "FAILED" not in page


def test_sections_come_in_their_order(page: str) -> None:
    titles = re.findall(r"<h2[^>]*>([^<]+)</h2>", page)
    assert [html.unescape(title) for title in titles] == [
        "The answer",
        "Contents",
        "What changed since the last forecast",
        "What to watch",
        "The forecast over time",
        "What drives it",
        "History",
        "What was assumed and what was learned",
        "Rival beliefs",
        "Diagnostics",
        "Posterior predictive checks",
        "Leave-one-out",
        "Data and sources",
        "Limits",
    ]


def test_every_figure_has_alternative_text_caption_and_table(composed: Report) -> None:
    figures = [b for s in composed.sections for b in s.blocks if isinstance(b, Figure)]
    figures.append(composed.answer.fan)
    assert len(figures) >= 14
    for figure in figures:
        assert figure.caption
        assert figure.table.rows, figure.name
        assert all(len(panel.alt) > 40 for panel in figure.panels), figure.name


def test_every_table_is_rectangular_and_named_once(composed: Report) -> None:
    tables = [t for s in composed.sections for t in tables_of(s.blocks)]
    tables += [composed.answer.probabilities, composed.answer.fan.table]
    assert len({t.name for t in tables}) == len(tables)
    for table in tables:
        assert all(len(row) == len(table.columns) for row in table.rows), table.name


def test_markdown_says_what_the_page_says(page: str, markdown: str) -> None:
    words = " ".join("".join(Page(page).words).split())
    record = example_record()
    for sentence in (sections.chance_sentence(record), sections.carrier_sentence(record)):
        assert sentence in words
        assert sentence in markdown
    for limit in record["limits"]:
        assert limit in words
        assert limit in markdown
    assert markdown.count("\n## ") == len(re.findall(r"<section ", page)) - 1


def test_every_news_item_is_listed_with_its_address(page: str, markdown: str) -> None:
    addresses = {a["href"] for a in Page(page).all("a")}
    for item in example_record()["news"]:
        assert f">{item['id']}<" in page
        assert item["address"] in addresses or item["address"] == ""
        assert f"(<{item['address']}>)" in markdown or item["address"] == ""
        assert item["used"] or item["why_not"] in page


def test_a_case_without_anything_still_makes_a_report() -> None:
    record = example_record()
    record |= {"news": [], "reconciliations": [], "newest_item": None, "unseen": {}}
    record |= {"sensitivities": [], "effects": [], "assumptions": [], "parameters": []}
    record["history"]["precedents"] = []
    record["checks"]["ladder"] = []
    record["checks"]["loo"] = {"outcomes": record["checks"]["loo"]["outcomes"] | {"rows": []}}
    record["verdict"]["checks"] = []
    tree = example_tree().filter(lambda node: node.name != "posterior")
    found = compose(record, tree)
    assert "The case has no news items." in to_html(found)
    assert "The fit has no draws to plot." in to_markdown(found)


# The page asks for nothing and runs nothing


def test_the_page_holds_nothing_that_runs_or_loads(page: str) -> None:
    seen = Page(page)
    forbidden = {"script", "iframe", "object", "embed", "form", "base", "audio", "video", "img"}
    assert not forbidden & {tag for tag, _ in seen.tags}
    for tag, attrs in seen.tags:
        assert not [name for name in attrs if name.startswith("on")], tag
        for name in ("src", "href", "xlink:href", "action", "srcset"):
            value = attrs.get(name) or ""
            allowed = value.startswith(("#", "data:")) or (tag == "a" and is_web_address(value))
            assert not value or allowed, (tag, value)
    assert "@import" not in page
    assert not re.findall(r"url\((?!#)", page)


def test_the_page_forbids_itself_the_network(page: str) -> None:
    policy = next(m for m in Page(page).all("meta") if "http-equiv" in m)
    assert policy["content"] == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def test_links_tell_the_address_nothing_about_the_reader(page: str) -> None:
    for link in Page(page).all("a"):
        if str(link["href"]).startswith("http"):
            assert link["rel"] == "noopener noreferrer nofollow"


def test_the_page_is_built_for_screen_readers(page: str) -> None:
    seen = Page(page)
    names = [tag for tag, _ in seen.tags]
    assert [names.count(tag) for tag in ("main", "nav", "header", "footer", "h1")] == [1] * 5
    assert seen.all("html")[0]["lang"] == "en"
    assert seen.all("a")[0] == {"class": "skip", "href": "#main"}
    assert names.count("table") == names.count("caption")
    assert all("scope" in attrs for attrs in seen.all("th"))
    assert all(d.get("aria-label") for d in seen.all("div") if d.get("role") == "img")
    levels = [int(tag[1]) for tag in names if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(b - a <= 1 for a, b in itertools.pairwise(levels))
    ids = [attrs["id"] for _, attrs in seen.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    targets = [str(a["href"])[1:] for a in seen.all("a") if str(a["href"]).startswith("#")]
    assert set(targets) <= set(ids)


# Hostile text


def _texts(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Give the place of every free text in a record."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(item, (*path, key))
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from _texts(item, (*path, place))
    elif isinstance(value, str) and _is_free(path):
        yield path


FIXED = {"rung", "stream", "driver", "date_precision", "months", "status", "field"}
DAYS = {"cutoff", "clock_start", "deal", "covered_until", "known", "date", "start", "observed_to"}


def _is_free(path: tuple[str | int, ...]) -> bool:
    return not (FIXED | DAYS) & set(path)


def hostile_record(*, ok: bool = True) -> dict[str, Any]:
    """Give a record whose every free text is hostile, and whose coders are too."""
    record = copy.deepcopy(example_record(ok=ok))
    for path in list(_texts(record)):
        place: Any = record
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = HOSTILE
    for item in record["news"]:
        item["ratings"] = {f"{HOSTILE}{c}": score for c, score in item["ratings"].items()}
    record["happened"] = [{"rung": "force", "date": "2026-02-03", "why": HOSTILE}]
    return record


@pytest.fixture(scope="module", params=[True, False], ids=["passed", "failed"])
def hostile(request: pytest.FixtureRequest) -> tuple[str, str]:
    forecast = ExampleForecast(record=hostile_record(ok=request.param), tree=example_tree())
    record = json.loads(record_text(forecast.record))
    made = compose(record, forecast.tree)
    return to_html(made), to_markdown(made)


def test_the_hostile_record_reaches_every_kind_of_text() -> None:
    assert sum(1 for _ in _texts(hostile_record())) > 500


def test_hostile_text_adds_no_tag_and_no_attribute_to_the_page(
    hostile: tuple[str, str], page: str
) -> None:
    seen = Page(hostile[0])
    harmless = {tag for tag, _ in Page(page).tags} | {"ul", "li", "strong"}
    assert {tag for tag, _ in seen.tags} <= harmless
    assert not [n for _, attrs in seen.tags for n in attrs if n.startswith("on")]
    assert "<script" not in hostile[0]
    assert SCRIPT in "".join(seen.words)


def test_hostile_addresses_are_no_links(hostile: tuple[str, str]) -> None:
    links = [str(a["href"]) for a in Page(hostile[0]).all("a")]
    assert all(link.startswith("#") for link in links)


def test_hostile_text_is_only_text_in_markdown(hostile: tuple[str, str]) -> None:
    text = hostile[1]
    assert "<script" not in text
    assert "<!--" not in text
    assert not re.search(r"(?<!\\)\]\(", text)
    assert "\\]\\(" in text or "\\](javascript" in text
    for line in text.splitlines():
        if line.startswith("|"):
            assert len(re.findall(r"(?<!\\)\|", line)) == len(
                re.findall(r"(?<!\\)\|", _head_of(text, line))
            )
    assert not [line for line in text.splitlines() if line.startswith("# z")]


def _head_of(text: str, line: str) -> str:
    """Give the first line of the table that a line stands in."""
    block = next(b for b in text.split("\n\n") if line in b.splitlines())
    return block.splitlines()[0]


def test_no_control_character_or_turning_mark_reaches_a_reader(hostile: tuple[str, str]) -> None:
    for text in hostile:
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", text)
        assert text.encode("utf-8")


def test_the_machines_record_keeps_hostile_text_as_it_is() -> None:
    text = record_text(hostile_record())
    assert text.isascii()
    assert json.loads(text)["news"][0]["statement"] == HOSTILE


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,<script>",
        "vbscript:x",
        "file:///etc/passwd",
        "//evil.example",
        "https:evil.example",
        "https://",
        "http://[::1",
        "https://bank.example@evil.example/",
        " https://a.example",
        "https://a.example/\njavascript:x",
        'https://a.example/"onmouseover="x',
        "https://a.example/\u202e",
        "",
    ],
)
def test_only_plain_web_addresses_become_links(address: str) -> None:
    assert not is_web_address(address)
    assert linked("source", address) == "source"


@pytest.mark.parametrize(
    "address", ["http://a.example", "https://a.example/b_(c)?d=e&f=g#h", "https://հայ.հայ/ä"]
)
def test_plain_web_addresses_do(address: str) -> None:
    assert is_web_address(address)


# Words and numbers


def test_numbers_stay_readable_in_markdown(markdown: str) -> None:
    assert escaped("4.0%") == "4.0%"
    assert escaped("+2.1 points") == "+2.1 points"
    assert "| Breakdown (war or abrogation) | 4.0% (1.4–8.3%; ±0.08) |" in markdown
    assert "&#" not in markdown


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0%"),
        (0.0004, "<0.1%"),
        (0.0994, "9.9%"),
        (0.0996, "10%"),
        (0.5, "50%"),
        (0.9949, "99.5%"),
        (0.9994, "99.9%"),
        (0.9995, ">99.9%"),
        (0.99999, ">99.9%"),
        (0.9999999999999998, "100%"),
        (1.0, "100%"),
        (1.0000000000000002, "100%"),
        (0.0005, "0.1%"),
        (0.00049, "<0.1%"),
        (1e-12, "0%"),
        (-1e-12, "0%"),
    ],
)
def test_probabilities_are_written_no_more_precisely_than_they_are_known(
    value: float, text: str
) -> None:
    assert percent(value) == text


def test_a_small_error_is_rounded_up_and_never_to_none() -> None:
    assert error_points(1e-7) == "0.01"
    assert error_points(1e-17) == "0.0"
    assert error_points(0.0) == "0.0"


@pytest.mark.parametrize(
    ("mean", "mcse", "told"),
    [
        (0.0062, 0.0005, "+0.62 ± 0.05"),
        (0.0062, 0.00001, "+0.62 ± 0.01"),
        (-0.2, 0.0001, "−20.0 ± 0.1"),
        (0.0062, 1e-17, "+0.62 ± 0.00"),
        (0.0, 0.0, "0.00 ± 0.00"),
    ],
)
def test_a_change_has_no_error_of_none_but_where_it_is_exact(
    mean: float, mcse: float, told: str
) -> None:
    assert moved_points({"mean": mean, "mcse": mcse}) == told


def test_numbers_have_a_real_minus_and_no_minus_zero() -> None:
    assert signed(-0.0001) == "0.00"
    assert number(-1.5) == "−1.5"
    assert signed(-2, 0) == "−2"


def test_dates_are_written_in_words_and_odd_ones_left_alone() -> None:
    assert long_date("2026-06-30") == "30 June 2026"
    assert long_date("2026-06") == "June 2026"
    assert long_date("2026-02-31") == "2026-02-31"
    assert long_date("soon") == "soon"


def test_printable_keeps_what_people_write() -> None:
    kept = "Երևան, Bakı — “peace” 🕊 5 % A\u0301"
    assert printable({"a": [kept, 3, None, True]}) == {"a": [kept, 3, None, True]}


def test_markdown_text_at_the_start_of_a_line_begins_no_list() -> None:
    assert escaped("- a").startswith("&#45;")
    assert escaped("12. a") == "&#49;2. a"
    assert escaped("---").startswith("&#45;")
    assert "://" not in escaped("see https://a.example")
