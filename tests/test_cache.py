"""The cache of fits: whole or absent, named by all that decides a fit, and never trusted."""

from __future__ import annotations

import json
import multiprocessing
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
import xarray as xr
from fitted import drawn_fit, model_of
from worlds import flagship, item

from durability import cache, inference
from durability.errors import WriteError
from durability.inference import Fit, Settings, fit, fit_key

SETTINGS = Settings(draws=5, tune=1, chains=2, seed=1)


@pytest.fixture(autouse=True)
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give every test a cache of its own."""
    monkeypatch.setattr(cache, "folder", lambda: tmp_path / "fits")
    return tmp_path / "fits"


@pytest.fixture(scope="module")
def drawn() -> Fit:
    return drawn_fit(draws=5)


@pytest.fixture
def sampled(drawn: Fit, monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """Replace the sampler; gives the settings of every time it was called."""
    calls: list[Settings] = []

    def sample(compiled: Any, model: Any, settings: Settings, *, progress: Any) -> xr.DataTree:
        calls.append(settings)
        return drawn.tree

    monkeypatch.setattr(inference, "compile_model", lambda model: None)
    monkeypatch.setattr(inference, "sample", sample)
    return calls


def run(drawn: Fit, **changes: Any) -> Fit:
    return fit(drawn.model, **{"draws": 5, "tune": 1, "chains": 2, "seed": 1, **changes})


# ---- reading again ------------------------------------------------------------------------------


def test_a_cached_fit_is_read_back_to_the_bit(drawn: Fit, sampled: list[Settings]) -> None:
    first, second = run(drawn), run(drawn)
    assert len(sampled) == 1
    assert second.key == first.key
    assert second.timings == {}
    for group in ("posterior", "sample_stats", "constant_data", "observed_data"):
        assert second.tree[group].to_dataset().identical(first.tree[group].to_dataset()), group
    for name, values in first.theta().items():
        np.testing.assert_array_equal(second.theta()[name], values)


def test_refit_samples_again_and_keeps_the_new_fit(drawn: Fit, sampled: list[Settings]) -> None:
    run(drawn)
    run(drawn, refit=True)
    assert len(sampled) == 2
    run(drawn)
    assert len(sampled) == 2


def test_a_fit_of_other_settings_is_another_fit(drawn: Fit, sampled: list[Settings]) -> None:
    run(drawn)
    run(drawn, seed=2)
    assert len(sampled) == 2


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: b"",
        lambda whole: b"not a fit",
        lambda whole: whole[: len(whole) // 2],
        lambda whole: whole[:-1],
        lambda whole: b"\0" * len(whole),
        lambda whole: whole[:600] + b"\xff" * 600 + whole[1200:],
        lambda whole: whole[:8],
    ],
)
def test_a_damaged_file_is_as_good_as_none(
    drawn: Fit, sampled: list[Settings], empty: Path, damage: Any
) -> None:
    key = run(drawn).key
    path = empty / f"{key}.nc"
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    again = run(drawn)
    assert len(sampled) == 2
    assert again.key == key
    found = cache.read_tree(key)
    assert found is not None
    assert found["posterior"].to_dataset().identical(drawn.tree["posterior"].to_dataset())


def test_a_folder_in_a_files_place_is_no_fit(drawn: Fit, empty: Path) -> None:
    (empty / "key.nc").mkdir(parents=True)
    assert cache.read_tree("key") is None


def test_records_are_read_back_and_damaged_ones_are_not(empty: Path) -> None:
    assert cache.read_json("key") is None
    cache.write_json("key", [{"name": "a", "value": 0.1}])
    assert cache.read_json("key") == [{"name": "a", "value": 0.1}]
    for damaged in (b"", b"[{", b"\xff\xfe"):
        (empty / "key.json").write_bytes(damaged)
        assert cache.read_json("key") is None


# ---- writing ------------------------------------------------------------------------------------


def test_nothing_but_the_fit_is_left_in_the_folder(drawn: Fit, empty: Path) -> None:
    cache.write_tree("key", drawn.tree)
    assert [path.name for path in empty.iterdir()] == ["key.nc"]


def test_a_disk_that_fills_half_way_leaves_the_old_fit(
    drawn: Fit, empty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.write_tree("key", drawn.tree)
    before = (empty / "key.nc").read_bytes()

    def full(self: xr.DataTree, path: Path, **_: Any) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(xr.DataTree, "to_netcdf", full)
    with pytest.raises(WriteError, match="No space left on device"):
        cache.write_tree("key", drawn.tree)
    assert [path.name for path in empty.iterdir()] == ["key.nc"]
    assert (empty / "key.nc").read_bytes() == before


def test_an_interrupted_write_leaves_nothing(
    drawn: Fit, empty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(self: xr.DataTree, path: Path, **_: Any) -> None:
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(xr.DataTree, "to_netcdf", stop)
    with pytest.raises(KeyboardInterrupt):
        cache.write_tree("key", drawn.tree)
    assert list(empty.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_told(
    drawn: Fit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr(cache, "folder", lambda: tmp_path / "file" / "fits")
    assert cache.read_tree("key") is None
    with pytest.raises(WriteError, match="cannot be written"):
        cache.write_tree("key", drawn.tree)
    assert (tmp_path / "file").read_text() == "in the way"


def written(folder: str, worker: int) -> None:
    tree = xr.DataTree.from_dict({"posterior": xr.Dataset({"x": ("draw", np.full(200, worker))})})
    cache.folder = lambda: Path(folder)  # type: ignore[assignment]
    for _ in range(10):
        cache.write_tree("key", tree)


def test_two_processes_that_write_one_fit_leave_one_of_theirs(empty: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=written, args=(str(empty), worker)) for worker in (1, 2)]
    seen = set()
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        found = cache.read_tree("key")
        if found is not None:
            (value,) = set(found["posterior"]["x"].values.tolist())
            seen.add(value)
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    assert seen <= {1, 2}
    assert [path.name for path in empty.iterdir()] == ["key.nc"]
    assert cache.read_tree("key") is not None


def test_two_threads_that_write_one_record_leave_one_of_theirs(empty: Path) -> None:
    def write(worker: int) -> None:
        for _ in range(20):
            cache.write_json("key", [worker] * 50)

    threads = [threading.Thread(target=write, args=(worker,)) for worker in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cache.read_json("key") in ([1] * 50, [2] * 50)
    assert [path.name for path in empty.iterdir()] == ["key.json"]


# ---- the name of a fit --------------------------------------------------------------------------


def test_the_key_of_one_model_is_one_key() -> None:
    assert fit_key(model_of(), SETTINGS) == fit_key(model_of(), SETTINGS)


@pytest.mark.parametrize(
    "changes",
    [{"draws": 6}, {"tune": 2}, {"chains": 3}, {"seed": 2}],
    ids=lambda each: next(iter(each)),
)
def test_the_key_changes_with_every_setting(drawn: Fit, changes: dict[str, int]) -> None:
    assert fit_key(drawn.model, replace(SETTINGS, **changes)) != fit_key(drawn.model, SETTINGS)


def test_the_key_changes_with_the_data(drawn: Fit) -> None:
    case = flagship()
    news = (*case.news, item("X001", case.covered_until))
    keys = {
        fit_key(model_of(changed), SETTINGS)
        for changed in (case, replace(case, news=news), replace(case, standings=()))
    }
    assert len(keys) == 3
    labels = {**drawn.model.data.coords, "agreement": drawn.model.data.coords["agreement"][::-1]}
    renamed = replace(drawn.model, data=replace(drawn.model.data, coords=labels))
    assert fit_key(renamed, SETTINGS) not in keys


@pytest.mark.parametrize("name", ["persistence", "effect_trust", "shared_error", "correlation"])
def test_the_key_changes_with_every_number_of_a_prior(
    drawn: Fit, name: str, tmp_path: Path
) -> None:
    prior = drawn.model.priors.parameters[name]
    for number in prior.values:
        moved = {**prior.values, number: prior.values[number] * 1.001 + 1e-6}
        assert fit_key(with_prior(drawn, name, moved, tmp_path), SETTINGS) != fit_key(
            drawn.model, SETTINGS
        )


def with_prior(drawn: Fit, name: str, values: dict[str, float], folder: Path) -> Any:
    """Read the default prior set again with other numbers for one parameter."""
    from durability.prior_sets import read_priors

    text, inside = [], False
    for line in drawn.model.priors.path.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            inside = line == f"[{name}]"
        number = line.split(" = ")[0]
        if inside and number == "quantiles":
            line = ""
        text.append(f"{number} = {values[number]!r}" if inside and number in values else line)
    path = folder / "changed.toml"
    path.write_text("\n".join(text), encoding="utf-8")
    return replace(drawn.model, priors=read_priors(path))


def test_the_key_does_not_change_with_the_wording_of_a_reason(drawn: Fit) -> None:
    reworded = {
        name: replace(prior, reason="Another reason", meaning="M", source="S")
        for name, prior in drawn.model.priors.parameters.items()
    }
    priors = replace(drawn.model.priors, parameters=MappingProxyType(reworded), about="Other")
    assert fit_key(replace(drawn.model, priors=priors), SETTINGS) == fit_key(drawn.model, SETTINGS)


def test_a_prior_file_reworded_gives_the_same_key(drawn: Fit, tmp_path: Path) -> None:
    from durability.prior_sets import read_priors

    text = drawn.model.priors.path.read_text(encoding="utf-8")
    path = tmp_path / "reworded.toml"
    path.write_text(text.replace('reason = "', 'reason = "In other words: '), encoding="utf-8")
    reworded = replace(drawn.model, priors=read_priors(path))
    assert fit_key(reworded, SETTINGS) == fit_key(drawn.model, SETTINGS)


def test_the_key_does_not_change_with_words_about_the_case(drawn: Fit) -> None:
    case = replace(flagship(), title="Another title", reasons=MappingProxyType({}))
    assert fit_key(model_of(case), SETTINGS) == fit_key(drawn.model, SETTINGS)


def test_the_key_changes_with_the_models_source(
    drawn: Fit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import durability.models

    before = fit_key(drawn.model, SETTINGS)
    source = Path(str(durability.models.__file__)).parent
    for path in source.glob("*.py"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(durability.models, "__file__", str(tmp_path / "__init__.py"))
    assert fit_key(drawn.model, SETTINGS) == before
    changed = tmp_path / "hazard.py"
    changed.write_text(changed.read_text(encoding="utf-8") + "\n# changed\n", encoding="utf-8")
    assert fit_key(drawn.model, SETTINGS) != before


@pytest.mark.parametrize("package", inference.SAMPLERS)
def test_the_key_changes_with_every_package_that_samples(
    drawn: Fit, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = fit_key(drawn.model, SETTINGS)
    known = inference.package_version
    monkeypatch.setattr(
        inference, "package_version", lambda name: "0" if name == package else known(name)
    )
    assert fit_key(drawn.model, SETTINGS) != before


def test_a_package_that_is_not_installed_has_no_version() -> None:
    assert inference.package_version("no-such-package") == "unknown"
    assert json.dumps(inference.package_version("numpy")) != '"unknown"'
