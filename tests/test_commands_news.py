"""``durability news``: what it prints, where, with which exit status, and what it asks."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pexpect
import pytest

from durability.cases import new_case, read_case
from durability.cli import main
from durability.news_changes import add_news

COMMAND = "import sys; from durability.cli import main; sys.exit(main())"
ADD = [
    *("news", "add", "northland", "--date", "2025-11-20", "--driver", "corridor"),
    *("--rating", "-2", "--source", "Bridge opened", "--grade", "B"),
    *("--statement", "The bridge is opened to lorries from both sides."),
]
ALIKE = [word.replace("is opened", "was opened") for word in ADD]

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return new_case(Path("northland"), title="Northland", parties=("North", "South"))


def said(arguments: list[str], capsys: Captured, status: int = 0) -> str:
    assert main(arguments) == status
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    if status:
        assert captured.out == ""
    return captured.err if status else captured.out


# ---- add ----------------------------------------------------------------------------------------


def test_what_was_added_is_told_with_what_a_forecast_will_make_of_it(
    case: Path, capsys: Captured
) -> None:
    out = said(ADD, capsys)
    assert out.splitlines() == [
        "Added N009: 2025-11-20, corridor, rating -2 (calms), grade B, "
        'event "bridge-opened-lorries-both-sides"',
        "  Used: informs corridor at every cutoff from 2025-11-20 on (assumed: the last day of its "
        "date).",
    ]
    assert said(ADD, capsys) == "N009 says exactly this already; nothing was added\n"


@pytest.mark.parametrize(
    ("rating", "told"),
    [
        ("3", "3 (alarms)"),
        ("-1", "-1 (calms)"),
        ("0", "0 (changes nothing)"),
        ("a=2;b=1", "a=2;b=1 (alarms)"),
        ("a=2;b=-1", "a=2;b=-1 (its coders differ)"),
    ],
)
def test_the_way_a_rating_points_is_told_in_words(
    rating: str, told: str, case: Path, capsys: Captured
) -> None:
    changed = [rating if word == "-2" else word for word in ADD]
    assert f"rating {told}, grade" in said(changed, capsys)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        (["--date", "2025"], "dated only to a year"),
        (["--date", "2020-01-02"], "before the driver grid"),
        (["--rating", ""], "not rated (occurred)"),
        (["--source", "", "--grade", ""], "no source"),
        (
            [
                *("--status", "scheduled", "--date", "2026-12-01", "--rating", ""),
                *("--known", "2025-11-01"),
            ],
            "not rated (scheduled)",
        ),
    ],
)
def test_an_item_that_will_not_be_used_says_why(
    case: Path, capsys: Captured, more: list[str], reason: str
) -> None:
    assert f"  Not used: {reason}" in said([*ADD, *more], capsys)


def test_an_item_later_than_the_coverage_says_which_command_sees_it(
    case: Path, capsys: Captured
) -> None:
    out = said([*ADD, "--date", "2026-02-03"], capsys)
    assert "The case is covered until 2025-12-31, its default cutoff, and 1 row is later." in out
    assert out.endswith("durability update northland\n")


def test_a_shipped_case_is_copied_and_it_is_told_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.chdir(tmp_path)
    ship = [word.replace("northland", "armenia_azerbaijan") for word in ADD]
    assert "stays as it is; this works on a copy, cases/armenia_azerbaijan" in said(ship, capsys)
    assert len(read_case("armenia_azerbaijan").news) == 156


def test_everything_wrong_is_told_at_once_and_nothing_is_done(case: Path, capsys: Captured) -> None:
    before = (case / "news.csv").read_bytes()
    wrong = [*ADD, "--driver", "coridor", "--rating", "9", "--grade", "", "--statement", "=1+1"]
    err = said([w for w in wrong if w != "=1+1"] + ["A road is closed."], capsys, 2)
    for told in ('did you mean "corridor"', "-3 to +3", "A: the text itself", "3 problems"):
        assert told in err
    assert "formula" in said(wrong, capsys, 2)
    assert "an item needs date, driver, statement" in said(["news", "add", "northland"], capsys, 2)
    assert (case / "news.csv").read_bytes() == before


def test_without_a_terminal_a_look_alike_is_refused_with_what_to_say(
    case: Path, capsys: Captured
) -> None:
    said(ADD, capsys)
    err = said(ALIKE, capsys, 2)
    assert "--same-event N009" in err
    assert "--new-event" in err
    assert 'event "bridge-opened-lorries-both-sides"' in said(
        [*ALIKE, "--same-event", "N009"], capsys
    )
    other = [word.replace("was opened", "is open") for word in ALIKE]
    assert 'event "bridge-open-lorries' in said([*other, "--new-event"], capsys)


BATCH = """date,driver,ratings,statement,source,grade
2025-11-20,corridor,-2,The bridge is opened.,A page,B
2025-10,trust,1,"Talks stop, a ministry says.",A page,C
"""


@pytest.mark.parametrize("way", ["file", "standard input"])
def test_a_batch_is_added_whole(
    case: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    Path("items.csv").write_text(BATCH, encoding="utf-8")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(BATCH.encode())))
    name = "items.csv" if way == "file" else "-"
    out = said(["news", "add", "northland", "--from", name], capsys)
    assert "Added N009: 2025-11-20, corridor" in out
    assert "Added N010: 2025-10, trust" in out
    spoilt = BATCH.replace("corridor", "coridor").replace(",C", ",D")
    Path("items.csv").write_text(spoilt, encoding="utf-8")
    err = said(["news", "add", "northland", "--from", "items.csv"], capsys, 2)
    assert "items.csv line 2, driver" in err
    assert "items.csv line 3, grade" in err


def test_a_batch_can_say_of_all_its_look_alikes_what_they_are(case: Path, capsys: Captured) -> None:
    said(ADD, capsys)
    row = "2025-11-20,corridor,-2,The bridge was opened to lorries from both sides.,B page,B\n"
    Path("items.csv").write_text(BATCH.splitlines()[0] + "\n" + row, encoding="utf-8")
    add = ["news", "add", "northland", "--from", "items.csv"]
    assert "items.csv line 2" in said(add, capsys, 2)
    assert "Added N010" in said([*add, "--same-event", "N009"], capsys)
    assert said([*add, "--new-event"], capsys).startswith("N010 says exactly this already")


def test_options_of_one_item_do_not_go_with_a_batch(case: Path, capsys: Captured) -> None:
    assert "leave out --driver, --id" in said(
        ["news", "add", "northland", "--from", "x", "--driver", "trust", "--id", "N1"], capsys, 2
    )


def test_a_long_batch_is_told_in_short(case: Path, capsys: Captured) -> None:
    rows = [
        f"2025-{m:02d}-0{d},trust,1,Word {m} {d} of it.,P,B,1"
        for m in (1, 2, 3)
        for d in range(1, 10)
    ]
    Path("items.csv").write_text("\n".join([BATCH.splitlines()[0] + ",new_event", *rows]) + "\n")
    out = said(["news", "add", "northland", "--from", "items.csv"], capsys)
    assert "… and 7 more: durability news list northland" in out
    again = said(["news", "add", "northland", "--from", "items.csv"], capsys)
    assert "… and 7 more that were there already" in again


# ---- the question -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "items", "events"),
    [("skip", 9, 8), ("same", 10, 8), ("new", 10, 9)],
)
def test_on_a_terminal_a_look_alike_is_asked_about(
    case: Path, answer: str, items: int, events: int
) -> None:
    add_news(
        case,
        [
            dict(
                zip(
                    ("date", "driver", "ratings", "source", "grade", "statement"),
                    ADD[4::2],
                    strict=True,
                )
            )
        ],
    )
    child: Any = pexpect.spawn(
        sys.executable, ["-c", COMMAND, *ALIKE], encoding="utf-8", timeout=60, cwd=str(case.parent)
    )
    child.expect("looks like")
    child.expect("1. N009, 2025-11-20, corridor")
    child.expect("What is it")
    child.sendline("perhaps")
    child.expect("What is it")
    child.sendline(answer)
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    found = read_case(case).news
    assert len(found) == items
    assert len({item.event for item in found}) == events


# ---- correct, retract, list, show ---------------------------------------------------------------


def test_a_correction_and_a_retraction_are_told_and_shown(case: Path, capsys: Captured) -> None:
    correct = ["news", "correct", "northland", "N004", "--rating", "3", "--why", "misread"]
    out = said(correct, capsys)
    assert out.startswith("Corrected N004 by N004.c1: 2025-05-14, constitution, rating 3 (alarms)")
    retract = [
        "news",
        "retract",
        "northland",
        "N004.c1",
        "--why",
        "withdrawn",
        "--known",
        "2025-06-01",
    ]
    out = said(retract, capsys)
    assert 'Retracted N004.c1 by N004.r1: "withdrawn"' in out
    assert "At every cutoff from 2025-06-01 on the item leaves no trace." in out
    shown = said(["news", "show", "northland", "N004"], capsys)
    assert "Retracted: no forecast from 2025-06-01 on sees it." in shown
    assert 'N004.c1 corrects N004: "misread" (known 2025-05-14' in shown
    assert 'N004.r1 retracts N004.c1: "withdrawn" (known 2025-06-01' in shown
    assert 'ratings       "1"' in shown
    assert 'ratings       "3"' in said(["news", "show", "northland", "N004.c1"], capsys)
    back = said(["news", "retract", "northland", "N004.r1", "--why", "back"], capsys)
    assert "N004.c1 stands again" in back
    assert "N004.c1 stands; used" in said(["news", "show", "northland", "N004.r2"], capsys)


def ids(out: str) -> list[str]:
    return [line.split()[0] for line in out.splitlines()[1:-1]]


def test_the_list_has_what_stands_and_on_demand_the_rest(case: Path, capsys: Captured) -> None:
    said(["news", "correct", "northland", "N004", "--rating", "3", "--why", "misread"], capsys)
    said(["news", "retract", "northland", "N007", "--why", "untrue"], capsys)
    out = said(["news", "list", "northland"], capsys)
    assert ids(out) == ["N001", "N002", "N003", "N004.c1", "N005", "N006", "N008"]
    assert out.endswith("7 items stand.\n")
    every = said(["news", "list", "northland", "--all"], capsys)
    assert {"N004", "N007"} <= set(ids(every))
    assert "corrected by N004.c1" in every
    assert ': "untrue"' in every
    assert ids(said(["news", "list", "northland", "--driver", "interference"], capsys)) == ["N002"]
    early = said(["news", "list", "northland", "--cutoff", "2025-03-01"], capsys)
    assert ids(early) == ["N001", "N002"]
    assert early.endswith("2 items stand as of 2025-03-01.\n")
    err = said(["news", "list", "northland", "--driver", "trsut"], capsys, 2)
    assert 'did you mean "trust"' in err


def test_ids_that_are_not_there_are_refused(case: Path, capsys: Captured) -> None:
    for command in (
        ["show"],
        ["correct", "--rating", "1", "--why", "x"],
        ["retract", "--why", "x"],
    ):
        err = said(["news", command[0], "northland", "N0\x1b99", *command[1:]], capsys, 2)
        assert 'no row has the id "N0\\x1b99"' in err
    assert "Missing option '--why'" in said(["news", "retract", "northland", "N001"], capsys, 2)


def test_what_is_shown_cannot_move_the_cursor_or_turn_the_text(
    case: Path, capsys: Captured
) -> None:
    odd = "\u202eevil\u2066 <script>\nsecond line"
    fields = {"date": "2025-11-20", "driver": "trust", "statement": odd, "note": odd, "actor": odd}
    add_news(case, [fields])
    for arguments in (["list", "northland", "--all"], ["show", "northland", "N009"]):
        out = said(["news", *arguments], capsys)
        assert out.replace("\n", "").isprintable()
        assert "\\u202eevil\\u2066 <script>\\nsecond" in out
    out = said(["news", "retract", "northland", "N009", "--why", odd], capsys)
    assert out.replace("\n", "").isprintable()
    assert said(["check", "northland"], capsys).replace("\n", "").isprintable()


def test_bytes_that_are_no_text_are_refused_and_not_written(case: Path) -> None:
    before = (case / "news.csv").read_bytes()
    arguments = [os.fsencode(word) for word in ADD[:-1]]
    ran = subprocess.run(
        [sys.executable, "-c", COMMAND, *arguments, b"a \xff byte"],
        capture_output=True,
        cwd=case.parent,
        check=False,
    )
    assert ran.returncode == 2
    assert b"the new item, statement" in ran.stderr
    assert b"Traceback" not in ran.stderr
    assert (case / "news.csv").read_bytes() == before


def test_the_news_commands_do_without_the_numerical_libraries(case: Path) -> None:
    code = f"import sys\nfrom durability.cli import main\nmain({ADD!r})\nprint(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(ran.stdout.split())
    assert "durability.news_changes" in loaded
    assert not loaded & {"numpy", "pandas", "scipy", "xarray", "pymc", "arviz", "matplotlib", "jax"}
