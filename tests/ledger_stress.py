"""Hard treatment of a ledger, in processes of its own: kills, many writers, many lines.

    uv run python tests/ledger_stress.py kills FOLDER 500
    uv run python tests/ledger_stress.py writers FOLDER 8 200
    uv run python tests/ledger_stress.py lines FOLDER 100000
    uv run python tests/ledger_stress.py full FOLDER

Each prints what it did, and fails where anything that was acknowledged is not there.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

# Children are forked, which must not happen beside the threads that NumPy's libraries start.
os.environ |= {"OPENBLAS_NUM_THREADS": "1"}

from ledger_example import Issued, example_entry, issued

from durability.errors import WriteError
from durability.forecast_ledger import append_entry, record_forecast, verify_ledger
from durability.ledger_chain import link_of, written
from durability.ledger_inputs import store_inputs, store_of


def main() -> None:
    kind, folder, *numbers = sys.argv[1:]
    path = Path(folder) / "forecasts" / "ledger.jsonl"
    told = {"kills": kills, "writers": writers, "lines": lines, "full": full}[kind](
        path, *map(int, numbers)
    )
    print(told)


# Killed at any instant ----------------------------------------------------------------------


def kills(path: Path, count: int) -> str:
    """Kill a process that records, again and again; no acknowledged line may be lost."""
    generator = random.Random(20261122)
    made = issued()
    known: list[str] = []
    torn = 0
    for turn in range(count):
        torn += _sometimes_tear(path, generator)
        known += _killed(path, made, turn, generator.uniform(0.0, 0.25))
        found = verify_ledger(path) if path.exists() else None
        if found is None:
            continue
        bad = [problem for problem in found.problems if "unfinished line" not in problem.found]
        assert bad == [], bad
        hashes = _hashes(path)
        assert set(known) <= set(hashes), f"turn {turn}: an acknowledged line is lost"
        known = hashes
    line = record_forecast(made.record, made.inputs, ledger=path)
    found = verify_ledger(path)
    assert found.ok, found.problems
    assert found.count == line.sequence
    assert found.count - len(known) in (1, 2)  # with one whose line end alone was lacking
    aside = len(found.set_aside)
    return (
        f"{count} kills: {len(known)} lines, none lost; {torn} torn beforehand, {aside} set aside"
    )


def _sometimes_tear(path: Path, generator: random.Random) -> int:
    """Leave what a machine that lost its power may leave: a part of a line."""
    if not path.exists() or generator.random() < 0.7:
        return 0
    raw = path.read_bytes()
    if not raw.endswith(b"\n"):
        return 0
    last = link_of(raw.rstrip(b"\n").rpartition(b"\n")[2], 1)
    line = written(example_entry(), after=last, recorded="2026-11-22T00:00:00.000000Z")
    with path.open("ab") as file:
        file.write(line[: generator.randrange(1, len(line))])
    return 1


def _killed(path: Path, made: Issued, turn: int, seconds: float) -> list[str]:
    """Let a child record until it is killed; give the hashes that it acknowledged."""
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reads)
        _record_for_ever(path, made, turn, writes)
    os.close(writes)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with os.fdopen(reads) as acknowledged:
        return [line.strip() for line in acknowledged if line.endswith("\n")]


def _record_for_ever(path: Path, made: Issued, turn: int, writes: int) -> None:
    try:
        for number in range(10**6):
            note = f"{turn}-{number}".encode()
            inputs = replace(made.inputs, files={**made.inputs.files, "README.md": note})
            if turn % 2:
                line = record_forecast(made.record, inputs, ledger=path)
            else:  # no time but for writing
                store_inputs(inputs, store_of(path))
                line = append_entry(path, example_entry(inputs=inputs.hashes()))
            os.write(writes, f"{line.hash}\n".encode())
    except BaseException as error:  # noqa: BLE001
        os.write(2, f"{error}\n".encode())
    os._exit(1)


def _hashes(path: Path) -> list[str]:
    whole = path.read_bytes().rpartition(b"\n")[0]
    return [json.loads(raw)["hash"] for raw in whole.split(b"\n") if raw]


# Many writers -------------------------------------------------------------------------------


def writers(path: Path, processes: int, each: int) -> str:
    """Record from many processes at once, and read meanwhile; all must be there."""
    made = issued()
    began = time.monotonic()
    children = []
    for number in range(processes):
        child = os.fork()
        if child == 0:
            os._exit(_write(path, made, number, each))
        children.append(child)
    reads = 0
    while children:
        found, status = os.waitpid(-1, os.WNOHANG)
        if found:
            assert status == 0, f"a writer failed with {status}"
            children.remove(found)
        elif path.exists():
            check = verify_ledger(path)
            assert check.ok, check.problems
            reads += 1
        time.sleep(0.05)
    took = time.monotonic() - began
    check = verify_ledger(path)
    assert check.ok, check.problems
    assert check.count == processes * each
    seeds = [json.loads(raw)["entry"]["seed"] for raw in path.read_bytes().splitlines()]
    assert sorted(seeds) == list(range(processes * each)), "a record is missing or doubled"
    return (
        f"{processes} processes, {each} records each: all {check.count} there in {took:.0f} s, "
        f"verified {reads} times meanwhile"
    )


def _write(path: Path, made: Issued, number: int, each: int) -> int:
    try:
        for place in range(each):
            record_forecast(made.record | {"seed": number * each + place}, made.inputs, ledger=path)
    except BaseException as error:  # noqa: BLE001
        os.write(2, f"{error}\n".encode())
        return 1
    return 0


# Many lines ---------------------------------------------------------------------------------


def lines(path: Path, count: int) -> str:
    """Time verifying, and one more recording, at a tenth and at the whole of a ledger."""
    told = []
    for size in (count // 10, count):
        _write_lines(path, size)
        began = time.monotonic()
        check = verify_ledger(path)
        verified = time.monotonic() - began
        assert check.ok, check.problems
        began = time.monotonic()
        append_entry(path, example_entry())
        appended = time.monotonic() - began
        size_mib = path.stat().st_size / 2**20
        told.append(
            f"{size:,} lines, {size_mib:.0f} MiB: verified in {verified:.1f} s "
            f"({1e6 * verified / size:.0f} µs a line), one more recorded in {appended:.2f} s"
        )
        path.unlink()
    return "\n".join(told)


def _write_lines(path: Path, count: int) -> None:
    store_inputs(issued().inputs, store_of(path))
    last = None
    entry = example_entry()
    with path.open("wb") as file:
        for number in range(1, count + 1):
            raw = written(entry, after=last, recorded="2026-11-22T00:00:00.000000Z")
            last = link_of(raw[:-1], number)
            file.write(raw)


# A full disk --------------------------------------------------------------------------------


def full(path: Path) -> str:
    """Let the disk be full at many places of a line, and of an input."""
    import resource

    made = issued()
    record_forecast(made.record, made.inputs, ledger=path)
    before = path.read_bytes()
    refused = 0
    for room in (0, 1, 100, 3000, len(before) - 1000):
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + room, resource.RLIM_INFINITY))
        try:
            append_entry(path, example_entry())
        except WriteError as error:
            refused += "nothing was recorded" in str(error)
        assert path.read_bytes() == before
    large = replace(made.inputs, files={**made.inputs.files, "README.md": b"x" * 10**6})
    try:
        record_forecast(made.record, large, ledger=path)
    except WriteError:
        refused += 1
    assert path.read_bytes() == before
    assert refused == 6
    assert list(store_of(path).glob(".*")) == [], "something unfinished was left"
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    append_entry(path, example_entry())
    check = verify_ledger(path)
    assert check.ok, check.problems
    assert check.count == 2
    return f"refused {refused} times on a full disk; the ledger was unchanged, then recorded"


if __name__ == "__main__":
    main()
