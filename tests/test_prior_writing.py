"""Writing prior sets: what is read back is what was written, and nobody's work is lost."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
import tomllib
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import MappingProxyType

import pytest
from continued import parts, revised
from hypothesis import given
from hypothesis import strategies as st
from worlds import DEFAULT_PRIORS

from durability import prior_writing
from durability.errors import InputError, WriteError
from durability.joint_priors import joint_text
from durability.judgements import from_chips, from_quantiles
from durability.prior_sets import Prior, PriorSet, read_priors
from durability.prior_writing import priors_text, save_prior, save_text, target_path, toml_text

DAY = date(2026, 11, 22)


def default() -> PriorSet:
    return read_priors(DEFAULT_PRIORS)


def made(name: str = "effect_trust", mean: float = 0.123456789, **changes: object) -> Prior:
    values = MappingProxyType({"mean": mean, "sd": 1e-5})
    prior = replace(
        default().parameters[name],
        distribution="normal",
        values=values,
        quantiles=None,
        source="A",
        status="elicited",
    )
    return replace(prior, **changes)  # type: ignore[arg-type]


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_is_written_as_toml_on_one_line(text: str) -> None:
    written = toml_text(text)
    assert written.isprintable()
    assert tomllib.loads(f"x = {written}")["x"] == text


def test_a_set_is_written_as_it_was_read(tmp_path: Path) -> None:
    chips = from_chips('B "the Elder"', DAY, [0, 1, 2.5], [3, 4])
    priors = {
        **default().parameters,
        "effect_trust": made(elicited=from_quantiles("A", DAY, {0.05: -1.0, 0.123456: 2.0})),
        "effect_corridor": made("effect_corridor", reason='a\nb\\"', elicited=chips),
    }
    found = save_text(tmp_path / "x.toml", priors_text("about", priors))
    assert dict(found.parameters) == priors
    assert found.about == "about"


def test_a_new_file_is_the_base_with_one_prior_changed(tmp_path: Path) -> None:
    found = save_prior(made(), tmp_path / "deep" / "x.toml", base=default())
    assert dict(found.parameters) == {**default().parameters, "effect_trust": made()}


def test_a_posterior_is_no_base_and_is_not_edited(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a set made of it would lose what it has absorbed"):
        save_prior(made(), tmp_path / "new.toml", base=revised())
    assert not (tmp_path / "new.toml").exists()
    path = tmp_path / "early.toml"
    joint, lineage = parts(revised())
    save_text(path, priors_text("x", revised().parameters, more=joint_text(joint, lineage)))
    before = path.read_bytes()
    with pytest.raises(InputError, match="changing one does nothing"):
        save_prior(made(), path, base=default())
    assert path.read_bytes() == before


def test_all_else_in_a_file_is_kept_to_the_letter(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    before = DEFAULT_PRIORS.read_text(encoding="utf-8").replace(
        "[effect_constitution]", "# Mine: keep this.\n\n[effect_constitution]"
    )
    path.write_text(before, encoding="utf-8")
    save_prior(made(), path, base=default())
    after = path.read_text(encoding="utf-8")
    start, end = before.index("[effect_trust]"), before.index("# Mine: keep this.")
    assert after.startswith(before[:start])
    assert after.endswith(before[end:])
    assert read_priors(path).parameters["effect_trust"] == made()
    once = after
    save_prior(made(), path, base=default())
    assert path.read_text(encoding="utf-8") == once


def test_the_last_table_of_a_file_can_be_replaced_and_a_missing_one_added(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    text = priors_text("", {"effect_trust": made(), "effect_corridor": made("effect_corridor")})
    path.write_text(text, encoding="utf-8")
    changed = made("effect_corridor", mean=-2.0)
    save_prior(changed, path, base=default())
    added = made("effect_constitution")
    found = save_prior(added, path, base=default()).parameters
    assert list(found) == ["effect_trust", "effect_corridor", "effect_constitution"]
    assert (found["effect_corridor"], found["effect_constitution"]) == (changed, added)


def test_a_layout_that_cannot_be_followed_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    body = 'distribution = "normal", mean = 0, sd = 1, unit = "u", meaning = "m"'
    inline = f'effect_trust = {{ {body}, reason = "r", status = "assumed" }}'
    path.write_text(f"format = 1\n{inline}\n", encoding="utf-8")
    before = path.read_bytes()
    with pytest.raises((InputError, WriteError)):
        save_prior(made(), path, base=default())
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["x.toml"]


def test_a_file_that_is_no_prior_set_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text("format = 1\nsomething = 2\n", encoding="utf-8")
    with pytest.raises(InputError, match="something"):
        save_prior(made(), path, base=default())
    assert path.read_text(encoding="utf-8") == "format = 1\nsomething = 2\n"


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match="it exists already"):
        save_text(path, priors_text("", default().parameters))
    assert path.read_text(encoding="utf-8") == "mine"


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(WriteError, match="nothing was changed"):
        save_prior(made(), tmp_path / "x.toml", base=default())


def test_a_full_disk_leaves_what_stood_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.toml"
    save_prior(made(), path, base=default())
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WriteError, match="No space left"):
        save_prior(made(mean=9.0), path, base=default())
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["x.toml"]


def _write(path: str, name: str, times: int) -> None:
    for turn in range(times):
        save_prior(made(name, mean=float(turn)), Path(path), base=default())


def test_writers_at_once_all_leave_their_priors(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    names = [name for name in default().parameters if name.startswith("effect_")][:4]
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write, args=(str(path), name, 10)) for name in names]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(120)
    assert [writer.exitcode for writer in writers] == [0] * len(writers)
    found = read_priors(path).parameters
    assert {found[name].values["mean"] for name in names} == {9.0}
    assert os.listdir(tmp_path) == ["x.toml"]


@pytest.mark.slow
def test_a_killed_writer_leaves_the_old_file_or_the_new(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    save_prior(made(), path, base=default())
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\nfrom test_prior_writing import _write\n"
        "print('go', flush=True)\n_write(sys.argv[2], 'effect_trust', 10**6)"
    )
    for turn in range(12):
        writer = subprocess.Popen(
            [sys.executable, "-c", code, str(Path(__file__).parent), str(path)],
            stdout=subprocess.PIPE,
        )
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(0.03 * turn)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        assert len(read_priors(path).parameters) == len(default().parameters)
        save_prior(made("effect_corridor", mean=float(turn)), path, base=default())


@pytest.mark.parametrize(
    "name", ["", "a b", "../x", "x/../../y", "-x", "x" * 65, "a\nb", "x\0.toml"]
)
def test_a_name_is_a_name(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError):
        target_path(name)


def test_a_name_means_a_file_here_and_hides_no_shipped_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert target_path("mine") == prior_writing.WORKSPACE / "mine.toml"
    assert target_path("some/where.toml") == Path("some/where.toml")
    with pytest.raises(InputError, match="hides no other set"):
        target_path("default")
