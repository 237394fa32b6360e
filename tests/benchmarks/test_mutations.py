"""Every guard that the mutations break still stands where they break it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import mutations
import pytest


def test_every_text_stands_once_in_its_file_and_every_test_is_there() -> None:
    assert mutations.stale() == []


def test_every_mutation_changes_its_file_and_has_a_name_of_its_own() -> None:
    names = [mutation.name for mutation in mutations.MUTATIONS]
    assert len(set(names)) == len(names) >= 45
    for mutation in mutations.MUTATIONS:
        whole = (mutations.ROOT / mutation.path).read_text(encoding="utf-8")
        assert mutations.broken_text(mutation) != whole
        if mutation.path.endswith(".py"):
            compile(mutations.broken_text(mutation), mutation.path, "exec")


def test_a_text_that_is_gone_or_stands_twice_is_refused() -> None:
    first = mutations.MUTATIONS[0]
    for before, count in (("no such text", 0), ("import", None)):
        with pytest.raises(ValueError, match=f"stands there {count or ''}"):
            mutations.broken_text(replace(first, before=before))


def test_a_test_that_is_gone_is_named() -> None:
    lost = ("test_ladder.py::test_nothing", "test_nowhere.py::test_it")
    assert mutations.lost_tests(replace(mutations.MUTATIONS[0], tests=lost)) == list(lost)


def test_the_page_has_every_mutation_and_calls_none_uncaught() -> None:
    page = mutations.PAGE.read_text(encoding="utf-8")
    inside = page.partition(mutations.MARKERS[0])[2].partition(mutations.MARKERS[1])[0]
    rows = dict(re.findall(r"^\| ([^|]+) \| `[^|]+` \| ([^|]+) \|$", inside, re.M))
    assert set(rows) == {mutation.name for mutation in mutations.MUTATIONS}
    for name, caught in rows.items():
        assert re.search(r"test_\w+\.py::test_", caught), name


@pytest.mark.slow
def test_a_copy_runs_its_own_code_and_a_broken_one_fails(tmp_path: Path) -> None:
    """The machinery itself: whole it passes, broken it is caught, and afterwards it is mended."""
    folder = tmp_path / "copy"
    mutations.copied(folder)
    mutations.from_the_copy(folder)
    mutation = next(m for m in mutations.MUTATIONS if m.path == "durability/skill.py")
    whole = (folder / mutation.path).read_bytes()
    assert mutations.tested(folder, mutation.tests)[0] == mutations.PASSED
    row = mutations.broken_and_tested(mutation, folder)
    assert row["caught"]
    assert set(row["failed"]) <= set(mutation.tests)
    assert (folder / mutation.path).read_bytes() == whole
