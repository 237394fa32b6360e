"""Reading, finding, starting and copying cases."""

from __future__ import annotations

import datetime as dt
import os
import re
import shutil
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from durability import case_folders, cases
from durability.cases import copy_case, find_case, list_cases, new_case, read_case
from durability.errors import InputError, WriteError

SKELETON = Path(cases.__file__).parent / "data" / "cases_skeleton"


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return new_case(tmp_path / "mine", title="A deal", parties=("Aland", "Beland"))


def edit(folder: Path, old: str, new: str) -> None:
    path = folder / "case.toml"
    text = path.read_text(encoding="utf-8")
    assert re.search(old, text, re.M), f"nothing to change: {old}"
    path.write_text(re.sub(old, lambda _: new, text, count=1, flags=re.M), encoding="utf-8")


def refusals(folder: Path) -> list[str]:
    with pytest.raises(InputError) as raised:
        read_case(folder)
    return [str(problem) for problem in raised.value.problems]


# A new case ---------------------------------------------------------------------------------


def test_a_new_case_validates_and_carries_its_words(folder: Path) -> None:
    case = read_case(folder)
    assert (case.name, case.title, case.parties) == ("mine", "A deal", ("Aland", "Beland"))
    assert len(case.standings) == 1
    assert set(case.standings[0].ratings) == {"trust", "constitution", "corridor", "interference"}
    assert {item.driver for item in case.news if item.ratings} == set(case.standings[0].ratings)
    assert case.dyad == case.cluster == "Aland-Beland"


def test_everything_to_replace_in_a_new_case_is_marked(folder: Path) -> None:
    case = read_case(folder)
    assert all(item.statement.startswith("EXAMPLE") for item in case.news)
    assert all(reason.startswith("EXAMPLE") for reason in case.reasons.values())
    assert all(reason.startswith("EXAMPLE") for reason in case.standings[0].reasons.values())


def test_words_of_a_new_case_are_taken_as_they_are(tmp_path: Path) -> None:
    title = 'The "river" deal \\ @PARTY_A@ <script> {0} $x é'
    path = new_case(tmp_path / "x", title=title, parties=('A"B', "C\\D"))
    assert (read_case(path).title, read_case(path).parties) == (title, ('A"B', "C\\D"))


@pytest.mark.parametrize(
    ("title", "parties"),
    [
        ("", ("A", "B")),
        ("two\nlines", ("A", "B")),
        ("\x7f", ("A", "B")),
        ("\ud800", ("A", "B")),
        ("x" * 201, ("A", "B")),
        ("x", ("A", "A")),
        ("x", ("A",)),
        ("x", "AB"),
        ("x", ("A", " ")),
    ],
)
def test_a_new_case_refuses_words_it_cannot_write(
    tmp_path: Path, title: str, parties: tuple[str, ...]
) -> None:
    with pytest.raises(InputError):
        new_case(tmp_path / "x", title=title, parties=parties)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["folder", "file", "link"])
def test_nothing_is_overwritten(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x"
    if kind == "folder":
        path.mkdir()
    elif kind == "file":
        path.write_text("precious")
    else:
        path.symlink_to(tmp_path / "nowhere")
    for attempt in (
        lambda: new_case(path, title="x", parties=("A", "B")),
        lambda: copy_case("armenia_azerbaijan", path),
    ):
        with pytest.raises(InputError, match="exists already"):
            attempt()
    assert os.listdir(tmp_path) == ["x"]
    assert kind != "file" or path.read_text() == "precious"


def test_a_new_case_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, data: str) -> Path:
        if path.name == "news.csv":
            raise WriteError(f"{path}: cannot be written (No space left on device)")
        path.write_text(data)
        return path

    monkeypatch.setattr(cases, "write_whole", full)
    with pytest.raises(WriteError, match="No space left"):
        new_case(tmp_path / "a" / "b", title="x", parties=("A", "B"))
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_copy_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(case_folders.shutil, "copyfile", interrupt)
    with pytest.raises(KeyboardInterrupt):
        copy_case("armenia_azerbaijan", tmp_path / "a" / "b")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_below_a_file_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WriteError, match="nothing was changed"):
        new_case(tmp_path / "file" / "x", title="x", parties=("A", "B"))


# Finding and copying ------------------------------------------------------------------------


def test_a_copy_reads_as_the_original(workspace: Path) -> None:
    path = copy_case("armenia_azerbaijan")
    assert path == Path("cases/armenia_azerbaijan")
    shipped = read_case(Path(cases.__file__).parent / "data/cases/armenia_azerbaijan")
    copied = read_case(path)
    assert (copied.news, copied.codings) == (shipped.news, shipped.codings)
    assert copied.settings == shipped.settings


def test_a_name_is_found_here_before_the_users_folder_before_the_package(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = workspace / "data"
    monkeypatch.setattr("platformdirs.user_data_path", lambda _: data)
    name = "armenia_azerbaijan"
    shipped = find_case(name)
    assert shipped.parent.parent.name == "data"
    users = copy_case(name, data / "cases" / name)
    assert find_case(name) == users
    here = copy_case(name)
    assert find_case(name) == here
    assert find_case(shipped) == shipped
    assert list_cases()[name] == here


def test_a_path_a_file_and_a_name_find_the_same_folder(folder: Path) -> None:
    assert find_case(folder) == find_case(str(folder)) == find_case(folder / "case.toml") == folder


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("armenia_azerbaijn", 'did you mean "armenia_azerbaijan"'),
        ("no/such/folder", "no such folder"),
        ("", r"no case\.toml"),
        ("a\0b", "there is no case"),
        ("x" * 5000, "there is no case"),
    ],
)
def test_what_is_no_case_is_refused(workspace: Path, name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        find_case(name)


# case.toml ----------------------------------------------------------------------------------

MISTAKES = {
    "clock after deal": (
        r"^start = 2024-10-20",
        "start = 2025-03-02",
        r"clock\.start.*after the deal",
    ),
    "deal after coverage": (
        r"^deal = 2025-03-01",
        "deal = 2026-03-01",
        "_until.*before the deal",
    ),
    "observed before deal": (r"^war = 2025-12-31", "war = 2025-02-01", "observed_to.war.*before"),
    "standing off the grid": (r"^date = 2025-03-01", "date = 2024-05-31", "standing.date.*grid"),
    "standing too late": (r"^date = 2025-03-01", "date = 2026-01-01", "standing.date.*grid"),
    "grid after deal": (
        r'^start = "2024-06"',
        'start = "2025-04"',
        "grid.start.*month of",
    ),
    "grid of centuries": (r'^start = "2024-06"', 'start = "1066-10"', "at most 600 months"),
    "grid as a day": (r'^start = "2024-06"', "start = 2024-06-01", "month in quotation marks"),
    "grid of month 13": (r'^start = "2024-06"', 'start = "2024-13"', "month in quotation marks"),
    "day in quotes": (r"^deal = 2025-03-01", 'deal = "2025-03-01"', "without quotation marks"),
    "day with hour": (r"^deal = 2025-03-01", "deal = 2025-03-01T10:00:00", "must be a day"),
    "three parties": (r'"Aland", "Beland"', '"A", "B", "C"', "parties has 3.*exactly 2"),
    "one party twice": (r'"Aland", "Beland"', '"A", "A"', "one thing twice"),
    "unknown key": (r"^deal =", "daal = 2025-01-01\ndeal =", 'unknown key "daal".*mean "deal"'),
    "unknown table": (r"^\[coverage\]", "[covrage]", 'unknown key "covrage".*mean "coverage"'),
    "rating 4": (
        r"trust = \{ rating = 1",
        "trust = { rating = 4",
        r"trust\.rating.*-3 to 3",
    ),
    "rating true": (r"trust = \{ rating = 1", "trust = { rating = true", "whole number"),
    "rating half": (r"trust = \{ rating = 1", "trust = { rating = 0.5", "whole number"),
    "no reason": (r'trust = \{ rating = 1, reason = "[^"]*"', "trust = { rating = 1", "no reason"),
    "misspelled driver": (r"^trust = \{", "trsut = {", 'unknown key "trsut".*mean "trust"'),
    "outcome": (r'value = "tie"', 'value = "draw"', "must be one of tie, decisive"),
    "flag 2": (r"contiguous = \{ value = 1", "contiguous = { value = 2", "0 or 1"),
    "covariate bare": (r"^earlier_wars = .*$", "earlier_wars = 0", "inline table"),
    "format": (r"^format = 1", "format = 2", "format = .2."),
    "title empty": (r'^title = "A deal"', 'title = " "', "title is empty"),
}


@pytest.mark.parametrize(("old", "new", "message"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_in_the_settings_is_refused_with_its_line(
    folder: Path, old: str, new: str, message: str
) -> None:
    edit(folder, old, new)
    said = refusals(folder)
    match = [text for text in said if re.search(message, text)]
    assert match, said
    line = re.search(r"case\.toml line (\d+)", match[0])
    text = (folder / "case.toml").read_text().split("\n")
    if "table" not in new and "unknown" not in message and "reason" not in message:
        assert line, match
        words = re.split(r"\W+", new)
        assert words[0] in text[int(line[1]) - 1] or "covered_until" in text[int(line[1]) - 1]


def test_broken_toml_is_refused_with_line_and_the_other_files_are_still_read(folder: Path) -> None:
    edit(folder, r"^deal = 2025-03-01", "deal = 2025-03-")
    (folder / "news.csv").write_text("id\n")
    said = refusals(folder)
    assert any(re.search(r"case\.toml line \d+: not TOML", text) for text in said)
    assert any("news.csv" in text for text in said)


def test_problems_of_all_files_come_at_once(folder: Path) -> None:
    edit(folder, r"^war = 2025-12-31", "war = 2025-02-01")
    edit(folder, r"^format = 1", "format = 3")
    (folder / "indicators.csv").write_text(
        "indicator,driver,from,to,count,known,source\nv,x,2025-01-01,2025-01-31,1,2025-02-01,s\n"
    )
    news = folder / "news.csv"
    news.write_text(news.read_text().replace("interference,-2", "interference,-9"))
    assert len(refusals(folder)) == 4


def test_a_missing_news_file_is_refused(folder: Path) -> None:
    (folder / "news.csv").unlink()
    assert refusals(folder)[0].endswith("news.csv: no such file; check the path")


def test_a_case_without_standing_or_history_is_read(folder: Path) -> None:
    path = folder / "case.toml"
    text = path.read_text()
    text = text[: text.index("\n[[standing]]")].replace("[history]\nexclude = []", "")
    path.write_text(text)
    case = read_case(folder)
    assert (case.standings, case.excluded, case.dyad) == ((), (), "Aland-Beland")


def test_one_coder_rates_a_day_once_and_several_may(folder: Path) -> None:
    path = folder / "case.toml"
    text = path.read_text()
    block = text[text.index("\n[[standing]]") :]
    path.write_text(text + block.replace('"author"', '"second"'))
    assert [standing.coder for standing in read_case(folder).standings] == ["author", "second"]
    path.write_text(text + block)
    said = refusals(folder)
    assert len(said) == 1
    last = len((text + block).split("\n")) - len(block.split("\n"))
    assert re.search("rates that day twice", said[0])
    assert int(re.search(r"line (\d+)", said[0])[1]) > last  # type: ignore[index]


def happened(folder: Path, *entries: tuple[str, str]) -> None:
    text = "".join(f'[[happened]]\nrung = "{r}"\ndate = {d}\nwhy = "x"\n' for r, d in entries)
    with (folder / "case.toml").open("a") as file:
        file.write(text)


def test_rungs_that_happened_are_read(folder: Path) -> None:
    happened(folder, ("fatal", "2025-10-01"), ("force", "2025-09-14"))
    assert [(h.rung, h.date) for h in read_case(folder).happened] == [
        ("fatal", dt.date(2025, 10, 1)),
        ("force", dt.date(2025, 9, 14)),
    ]


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([("force", "2025-03-01")], "must be after the deal"),
        ([("force", "2026-01-01")], r"not be after observed_to\.force, 2025-12-31"),
        ([("force", "2025-05-01"), ("force", "2025-06-01")], "force stands twice"),
        ([("force", "2025-05-01"), ("war", "2025-05-01")], "highest mark"),
        ([("skirmish", "2025-05-01")], "must be one of force, fatal, war, abrogation"),
    ],
)
def test_rungs_that_cannot_have_happened_are_refused(
    folder: Path, entries: list[tuple[str, str]], message: str
) -> None:
    happened(folder, *entries)
    said = refusals(folder)
    assert len(said) == 1
    assert re.search(rf"case\.toml line \d+: happened.*{message}", said[0])


@pytest.mark.parametrize(
    "data",
    [b"", b"\xff\xfe", b"a = \x00", b"x = " + b"[" * 20000, b"x = " + b"9" * 5000, b"[a]\n[a]\n"],
)
def test_settings_that_are_no_toml_are_refused(folder: Path, data: bytes) -> None:
    (folder / "case.toml").write_bytes(data)
    assert any("case.toml" in text for text in refusals(folder))


def test_huge_settings_are_refused_before_they_are_read(folder: Path) -> None:
    with (folder / "case.toml").open("wb") as file:
        file.truncate(100 * 2**20)
    assert "100 MiB" in refusals(folder)[0]


def line_of(path: Path, start: str, *, after: str) -> int:
    """Line that starts so, the first after a line that holds a text."""
    lines = path.read_text(encoding="utf-8").split("\n")
    first = next(i for i, line in enumerate(lines) if after in line)
    return next(i for i, line in enumerate(lines, 1) if i > first and line.startswith(start))


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    """A copy of the flagship."""
    return Path(shutil.copytree(find_case("armenia_azerbaijan"), tmp_path / "shipped"))


def test_an_outcome_reported_by_no_item_is_refused_at_its_line(shipped: Path) -> None:
    settings = shipped / "case.toml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace('reported_by = ["T140"]', 'reported_by = ["T999"]'))
    line = line_of(settings, "[condition.outcome]", after='name = "two_thirds"')
    assert refusals(shipped) == [
        f'{settings} line {line}: condition.outcome.reported_by names "T999"; '
        "must name items of news.csv by their id"
    ]


def test_a_chance_from_an_election_that_is_not_there_is_refused_at_its_line(shipped: Path) -> None:
    (shipped / "election.toml").unlink()
    line = line_of(shipped / "case.toml", "chance_from", after='name = "two_thirds"')
    assert refusals(shipped) == [
        f'{shipped / "case.toml"} line {line}: condition.chance_from = "election:two_thirds"; '
        "needs election.toml beside this file; or give fails instead"
    ]


# Whatever stands in the files ---------------------------------------------------------------

FILES = ("case.toml", "news.csv", "indicators.csv", "codings.csv", "reconciliations.csv")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A case with a few rows of every file."""
    folder = tmp_path_factory.mktemp("small") / "small"
    shipped = find_case("armenia_azerbaijan")
    folder.mkdir()
    shutil.copy(shipped / "case.toml", folder)
    shutil.copy(shipped / "indicators.csv", folder)
    shutil.copy(shipped / "election.toml", folder)
    for name in ("news.csv", "codings.csv", "reconciliations.csv"):
        lines = (shipped / name).read_text(encoding="utf-8").split("\n")
        kept = lines[: 14 if name == "news.csv" else 8]
        if name == "news.csv":  # what outcomes of conditions are reported by
            kept += [line for line in lines if line[:4] in ("T106", "T138", "T139", "T140")]
        (folder / name).write_text("\n".join(kept) + "\n", encoding="utf-8")
    read_case(folder)
    return folder


def mutate(data: bytes, kind: str, at: float, piece: bytes) -> bytes:
    """Change bytes, a line or a word somewhere in a file."""
    place = int(at * len(data))
    if kind == "insert":
        return data[:place] + piece + data[place:]
    if kind == "overwrite":
        return data[:place] + piece + data[place + len(piece) :]
    if kind == "cut":
        return data[:place]
    lines = data.split(b"\n")
    line = int(at * len(lines))
    if kind == "drop line":
        return b"\n".join(lines[:line] + lines[line + 1 :])
    if kind == "repeat line":
        return b"\n".join(lines[: line + 1] + lines[line:])
    words = re.split(rb"([\w.-]+)", data)
    word = min(2 * int(at * len(words) / 2) + 1, len(words) - 1)
    return b"".join([*words[:word], piece, *words[word + 1 :]])


PIECES = st.one_of(
    st.binary(max_size=6),
    st.text(max_size=6).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.sampled_from(
        [
            *(b'"', b"\n", b",", b"=", b"[", b"]]", b'"""', b"{", b"-1", b"1e999", b"nan", b"true"),
            *(b"0001-01-01", b"9999-12-31", b"2025-08-08T00:00:00", b"[[standing]]", b"9" * 40),
        ]
    ),
)


@given(
    name=st.sampled_from(FILES),
    kind=st.sampled_from(["insert", "overwrite", "cut", "drop line", "repeat line", "word"]),
    at=st.floats(min_value=0.0, max_value=1.0, exclude_max=True),
    piece=PIECES,
)
@settings(max_examples=400, deadline=None)
def test_any_change_to_a_file_gives_a_case_or_an_input_error(
    small: Path, name: str, kind: str, at: float, piece: bytes
) -> None:
    original = (small / name).read_bytes()
    (small / name).write_bytes(mutate(original, kind, at, piece))
    try:
        with suppress(InputError):
            case = read_case(small)
            assert case.clock_start <= case.deal <= case.covered_until
            assert case.grid_start <= case.deal
            assert min(case.observed_to.values()) >= case.deal
            assert all(len(standing.ratings) == 4 for standing in case.standings)
            assert len(case.covariates) == 5
    finally:
        (small / name).write_bytes(original)
