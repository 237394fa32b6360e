"""The chain of lines: another implementation agrees, and whatever is done to it is found."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_example import ledger_of

from durability import ledger_chain
from durability.errors import InputError
from durability.forecast_ledger import verify_ledger
from durability.ledger_chain import BEFORE_THE_FIRST, canonical, scan, written

LINES = 6


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger of six lines; tests write what they do to it elsewhere."""
    return ledger_of(tmp_path_factory.mktemp("ledger"), LINES)


def independent_problems(raw: bytes) -> list[int]:
    """Line numbers that are wrong, found as docs/ledger.md tells, without the library."""
    previous, wrong = "0" * 64, []
    for number, text in enumerate(raw.decode().splitlines(), start=1):
        line = json.loads(text)
        stated = line.pop("hash")
        plain = json.dumps(line, sort_keys=True, separators=(",", ":"))
        good = hashlib.sha256(plain.encode()).hexdigest() == stated
        if not (good and line["previous"] == previous and line["sequence"] == number):
            wrong.append(number)
        previous = stated
    return wrong


def told(path: Path, raw: bytes) -> list[str]:
    """Every problem that verifying these bytes tells."""
    path.write_bytes(raw)
    return [str(problem) for problem in verify_ledger(path).problems]


@pytest.fixture
def copy(kept: Path) -> Path:
    """A path beside the kept ledger's inputs, to write altered ledgers to."""
    folder = kept.parent / "copy"
    folder.mkdir(exist_ok=True)
    link = folder / "ledger_inputs"
    if not link.exists():
        link.symlink_to(kept.parent / "ledger_inputs", target_is_directory=True)
    return folder / "ledger.jsonl"


def test_another_implementation_finds_the_same_chain(kept: Path) -> None:
    raw = kept.read_bytes()
    assert independent_problems(raw) == []
    assert verify_ledger(kept).ok
    lines = raw.split(b"\n")
    altered = b"\n".join([*lines[:3], lines[3].replace(b"Azerbaijan", b"Albania", 1), *lines[4:]])
    assert altered != raw
    assert independent_problems(altered) == [4]
    assert [problem.where for problem in scan_of(kept, altered)] == ["line 4"]


def scan_of(kept: Path, raw: bytes) -> list[ledger_chain.Problem]:
    path = kept.with_name("scanned.jsonl")
    path.write_bytes(raw)
    return [
        ledger_chain.Problem(
            where=each.where.removeprefix(f"{path} "), found=each.found, allowed=each.allowed
        )
        for each in scan(path).problems
    ]


def test_a_line_is_plain_ascii_with_sorted_keys_and_no_blanks(kept: Path) -> None:
    for raw in kept.read_bytes().splitlines():
        line = json.loads(raw)
        assert raw.isascii()
        assert list(line) == sorted(line)
        assert raw == json.dumps(line, sort_keys=True, separators=(",", ":")).encode()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_number_that_is_not_finite_is_never_written(value: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        canonical({"x": value})


def test_the_first_line_follows_zeros_and_the_next_its_hash() -> None:
    first = json.loads(written({}, after=None, recorded="2026-01-01T00:00:00.000000Z"))
    assert (first["previous"], first["sequence"]) == ("0" * 64, 1)
    assert BEFORE_THE_FIRST == "0" * 64


# Tampering ----------------------------------------------------------------------------------


def dropped(lines: list[bytes]) -> list[bytes]:
    return [*lines[:2], *lines[3:]]


def dropped_first(lines: list[bytes]) -> list[bytes]:
    return lines[1:]


def dropped_two(lines: list[bytes]) -> list[bytes]:
    return [*lines[:1], *lines[3:]]


def repeated(lines: list[bytes]) -> list[bytes]:
    return [*lines[:4], lines[1], *lines[4:]]


def swapped(lines: list[bytes]) -> list[bytes]:
    return [*lines[:2], lines[3], lines[2], *lines[4:]]


def turned_round(lines: list[bytes]) -> list[bytes]:
    return lines[::-1]


def inserted_text(lines: list[bytes]) -> list[bytes]:
    return [*lines[:2], b"\x1b[2J hello", *lines[2:]]


def inserted_blank(lines: list[bytes]) -> list[bytes]:
    return [*lines[:5], b"", *lines[5:]]


def rewritten(lines: list[bytes]) -> list[bytes]:
    """Line 3 said something else all along, with a hash that fits it."""
    line = json.loads(lines[2])
    del line["hash"]
    line["entry"]["seed"] = 7
    line["hash"] = hashlib.sha256(canonical(line)).hexdigest()
    return [*lines[:2], canonical(line), *lines[3:]]


def forged_twice(lines: list[bytes]) -> list[bytes]:
    return [*lines[:3], rewritten(lines)[2], *lines[3:]]


def respaced(lines: list[bytes]) -> list[bytes]:
    """The same content in other blanks: the bytes are not those that were hashed."""
    return [lines[0], json.dumps(json.loads(lines[1])).encode(), *lines[2:]]


@pytest.mark.parametrize(
    ("tamper", "where", "said"),
    [
        (dropped, 3, "dropped: 1 line of sequence 3 missing before it"),
        (dropped_first, 1, "dropped: 1 line of sequence 1 missing before it"),
        (dropped_two, 2, "dropped: 2 lines of sequences 2 to 3 missing before it"),
        (repeated, 5, "repeated: sequence 2 stands on line 2, the same"),
        (swapped, 4, "reordered: sequence 3 stands after 4"),
        (turned_round, 2, "reordered: sequence 5 stands after 6"),
        (inserted_text, 3, r"not a line of a ledger: 11 bytes, which begin "),
        (inserted_blank, 6, "not a line of a ledger: 1 byte,"),
        (rewritten, 4, "does not follow line 3"),
        (forged_twice, 4, "repeated: sequence 3 stands on line 3, another"),
        (respaced, 2, "not a line of a ledger"),
    ],
)
def test_each_way_of_tampering_is_named_with_its_line(
    kept: Path, copy: Path, tamper: object, where: int, said: str
) -> None:
    lines = kept.read_bytes().splitlines()
    raw = b"\n".join(tamper(lines)) + b"\n"  # type: ignore[operator]
    problems = told(copy, raw)
    assert any(p.startswith(f"{copy} line {where}: {said}") for p in problems), problems
    assert not any("\x1b" in problem for problem in problems)


def test_one_dropped_line_is_one_problem(kept: Path, copy: Path) -> None:
    lines = kept.read_bytes().splitlines(keepends=True)
    for place in range(LINES - 1):
        raw = b"".join(lines[:place] + lines[place + 1 :])
        assert len(told(copy, raw)) == 1, place


def test_every_problem_is_told_at_once(kept: Path, copy: Path) -> None:
    lines = kept.read_bytes().splitlines()
    lines[0] = lines[0].replace(b"breakdown", b"brakedown", 1)
    raw = b"\n".join([lines[0], lines[1], lines[4], lines[3], lines[3]]) + b"\n"
    problems = told(copy, raw)
    for said in ("line 1: altered", "line 4: reordered", "line 5: repeated", "sequences 3 to 4"):
        assert sum(said in problem for problem in problems) == 1, (said, problems)


def test_an_altered_line_is_not_also_called_missing(kept: Path, copy: Path) -> None:
    lines = kept.read_bytes().splitlines(keepends=True)
    lines[2] = lines[2].replace(b'"sequence":3', b'"sequence":9')
    problems = told(copy, b"".join(lines))
    assert len(problems) == 1
    assert f"{copy} line 3: altered" in problems[0]


def test_dropping_the_last_lines_shows_only_against_a_kept_head(kept: Path, copy: Path) -> None:
    whole = verify_ledger(kept)
    lines = kept.read_bytes().splitlines(keepends=True)
    assert told(copy, b"".join(lines[:-2])) == []  # what a chain alone cannot show
    found = verify_ledger(copy, head=whole.head)
    assert [problem.found[:22] for problem in found.problems] == ['no line has the hash "']
    found = verify_ledger(copy, count=whole.count)
    assert [problem.found for problem in found.problems] == ["4 lines, not the 6 that there were"]


def test_a_head_that_was_kept_earlier_still_holds_when_lines_have_come(kept: Path) -> None:
    third = json.loads(kept.read_bytes().splitlines()[2])["hash"]
    assert verify_ledger(kept, head=third, count=3).ok


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_any_byte_that_is_changed_is_found_and_named(data: st.DataObject, kept: Path) -> None:
    raw = bytearray(kept.read_bytes())
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] = data.draw(st.integers(0, 255).filter(lambda byte: byte != raw[place]))
    path = kept.with_name("flipped.jsonl")
    path.write_bytes(raw)
    line = kept.read_bytes().count(b"\n", 0, place) + 1
    chain = scan(path)
    found = [problem.where for problem in chain.problems]
    if chain.tail:  # the last byte of all ended the last line
        found.append(f"{path} line {chain.count + 1}")
    assert f"{path} line {line}" in found


ACTS = st.one_of(
    st.tuples(st.just("drop"), st.integers(0, LINES - 2)),
    st.tuples(st.just("swap"), st.integers(0, LINES - 2)),
    st.tuples(st.just("repeat"), st.integers(0, LINES - 1)),
    st.tuples(st.just("blank"), st.integers(0, LINES - 1)),
    st.tuples(st.just("cut"), st.integers(0, LINES - 1)),
)


@settings(max_examples=200, deadline=None)
@given(acts=st.lists(ACTS, min_size=1, max_size=4))
def test_any_mixture_of_dropping_swapping_and_repeating_is_found(
    acts: list[tuple[str, int]], kept: Path
) -> None:
    before = kept.read_bytes().splitlines(keepends=True)
    lines = list(before)
    for act, place in acts:
        place = min(place, len(lines) - 1)
        if act == "drop" and len(lines) > 1:
            del lines[place]
        elif act == "swap" and place + 1 < len(lines):
            lines[place], lines[place + 1] = lines[place + 1], lines[place]
        elif act == "repeat":
            lines.insert(place, lines[place])
        elif act == "blank":
            lines.insert(place, b"\n")
        elif act == "cut":
            lines[place] = lines[place][: len(lines[place]) // 2]
    path = kept.with_name("mixed.jsonl")
    raw = b"".join(lines)
    path.write_bytes(raw)
    chain = scan(path)
    # Whole lines missing at the end are all that a chain cannot show.
    wholes = [b"".join(before[:count]) for count in range(LINES + 1)]
    assert (not chain.problems and not chain.tail) == (raw in wholes)


@settings(max_examples=100, deadline=None)
@given(cut=st.data())
def test_wherever_the_file_is_cut_the_whole_lines_before_hold(
    cut: st.DataObject, kept: Path
) -> None:
    raw = kept.read_bytes()
    size = cut.draw(st.integers(0, len(raw)))
    path = kept.with_name("cut.jsonl")
    path.write_bytes(raw[:size])
    chain = scan(path)
    assert chain.problems == ()
    assert chain.count == raw.count(b"\n", 0, size)
    assert raw[: chain.size] + chain.tail == raw[:size]


# Hostile files ------------------------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(raw=st.one_of(st.binary(max_size=400), st.text(max_size=200).map(str.encode)))
def test_whatever_is_in_the_file_is_told_and_never_run_into(
    raw: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "noise.jsonl"
    path.write_bytes(raw)
    found = verify_ledger(path)
    assert found.ok == (raw == b"")
    assert all(str(problem).isprintable() for problem in found.problems)


def test_a_line_longer_than_any_forecast_is_passed_over(kept: Path, copy: Path) -> None:
    raw = kept.read_bytes() + b"x" * (3 * 2**20) + b"\n"
    (problem,) = told(copy, raw)
    assert f"line {LINES + 1}: not a line of a ledger: 3,145,729 bytes" in problem
    assert scan(copy).size == len(raw)


def test_a_file_of_noise_is_told_in_a_thousand_problems_and_a_count(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(b"no\n" * 5000)
    problems = verify_ledger(path).problems
    assert len(problems) == ledger_chain.MAX_PROBLEMS + 1
    assert problems[-1].found == "4,000 more problems"


def test_a_file_too_large_or_with_too_many_lines_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(b"no\n" * 50)
    monkeypatch.setattr(ledger_chain, "MAX_LINES", 49)
    with pytest.raises(InputError, match="begin another ledger"):
        verify_ledger(path)
    monkeypatch.setattr(ledger_chain, "MAX_BYTES", 100)
    with pytest.raises(InputError, match="begin another ledger"):
        verify_ledger(path)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a file"):
        verify_ledger(tmp_path)
    with pytest.raises(InputError, match="no such ledger"):
        verify_ledger(tmp_path / "none.jsonl")
    with pytest.raises(InputError, match="no such ledger"):
        verify_ledger("a\0b")


def hashed(text: str) -> bytes:
    """Make a line of a chain from an entry's JSON, with a hash that fits its bytes."""
    before = f'{{"entry":{text}'.encode("utf-8", "surrogatepass")
    end = b',"previous":"' + b"0" * 64 + b'","recorded":"2026-01-01T00:00:00.000000Z","sequence":1}'
    digest = hashlib.sha256(before + end).hexdigest().encode()
    return before + b',"hash":"' + digest + b'"' + end + b"\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}", "entry has no case"),
        ('{"a":1,"a":2}', "not canonical"),
        ('{"b":1,"a":2}', "not canonical"),
        ('{"a":NaN}', "not JSON"),
        ('{"a":1e999}', "not JSON"),
        ('{"a":' + "9" * 5000 + "}", "not JSON"),
        ('{"a":' + "[" * 100_000 + "]" * 100_000 + "}", "not JSON"),
        ('{"a":1.0e0}', "not canonical"),
        ('{"a":"–"}', "not canonical"),
        ('{"a": 1}', "not canonical"),
        ('{"a":}', "not JSON"),
        ('{"a":1},"extra":1', "unknown"),
        ('{"a":1},"entry":5', "not canonical"),
        ('{"a":"\ud800"}', "not canonical"),
    ],
)
def test_a_line_whose_hash_fits_is_still_checked(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "ledger.jsonl"
    problems = told(path, hashed(text))
    assert any(said in problem for problem in problems), problems
    assert all(problem.startswith(f"{path} line 1: ") for problem in problems)
