"""Backtests: every group once, each answer kept, and the same whoever computes it, in any order."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from small_history import TINY, small_data
from worlds import DEFAULT_PRIORS

from durability import backtests, cache, refits
from durability.backtests import Backtest, backtest, leaving_out_questions, run
from durability.errors import InputError
from durability.inference import Settings
from durability.leaving_out import GROUPS
from durability.prior_sets import read_priors
from durability.vocabulary import RUNGS

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let nothing be found that another test has computed."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def kept() -> set[str]:
    return {name for name in cache.names(".json") if name.startswith("backtest-")}


def refitted(**how: Any) -> Backtest:
    return backtest(
        small_data(),
        read_priors(DEFAULT_PRIORS),
        **{"by": "cluster", "settings": TINY, "years": (1.0, 5.0), **how},
    )


# ---- stacks -------------------------------------------------------------------------------------


def told(name: str, chance: float, densities: Mapping[str, float]) -> Backtest:
    """Make up a backtest that gives every agreement one chance, and each cluster a density."""
    data = small_data()
    groups: dict[str, list[str]] = {}
    for row in data.agreements:
        groups.setdefault(row.cluster, []).append(row.id)
    answers = tuple(
        {
            "agreements": ids,
            "mean": [[[chance, chance]] * len(RUNGS)] * len(ids),
            "counted_log_density": [densities[cluster] / len(ids)] * len(ids),
        }
        for cluster, ids in groups.items()
    )
    left = backtests.left_out_from(answers, data, by="cluster", years=(1.0, 5.0), name=name)
    return Backtest(
        name=name, by="cluster", ratings="seen", priors=name, answers=answers, left_out=left
    )


def test_a_stack_mixes_each_cluster_by_what_the_other_clusters_say() -> None:
    one = told("one", 0.2, {"A": -0.1, "B": -0.1, "C": -3.0})
    two = told("two", 0.6, {"A": -3.0, "B": -3.0, "C": -0.1})
    found = backtests.stack_backtests([one, two], name="mixed")
    assert (found.name, found.by, found.agreements) == (
        "mixed",
        "cluster",
        one.left_out.agreements,
    )
    by_cluster = dict(zip(found.clusters, found.probability[:, 0, 0], strict=True))
    # Without C the first was right throughout; without A or B both were right once.
    assert by_cluster == pytest.approx({"A": 0.4, "B": 0.4, "C": 0.2}, abs=1e-4)


def test_what_cannot_be_stacked_is_refused() -> None:
    one = told("one", 0.2, dict.fromkeys("ABC", -1.0))
    with pytest.raises(ValueError, match="two backtests or more"):
        backtests.stack_backtests([one])
    other = replace(one, left_out=replace(one.left_out, by="dyad"), by="dyad")
    with pytest.raises(ValueError, match="do not forecast the same"):
        backtests.stack_backtests([one, other])


# ---- without sampling ---------------------------------------------------------------------------


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Answer by the name alone, at once, and write down what was asked."""
    names: list[str] = []

    def answer(reference: Any, question: Any) -> dict[str, Any]:
        names.append(question.name)
        share = question.settings.seed / 2**32
        row = [[share, share]] * len(RUNGS)
        record = {
            "name": question.name,
            "agreements": [spell.agreement for spell in question.truth],
            "mean": [row] * len(question.truth),
            "verdict": {"ok": share < 2.0, "reasons": []},
        }
        cache.write_json(refits.key_of(reference, question), record)
        return record

    monkeypatch.setattr(backtests, "answer", answer)
    return names


@pytest.mark.parametrize("by", GROUPS)
def test_every_group_is_left_out_once_and_forecast_by_what_is_left(by: str, asked: Any) -> None:
    found = refitted(by=by)
    rows = {
        row.id: str(row.id if by == "agreement" else getattr(row, by))
        for row in small_data().agreements
    }
    assert asked == [f"{by} {group}" for group in sorted(set(rows.values()))]
    assert found.left_out.agreements == tuple(rows)
    assert found.left_out.by == by
    for name, chance in zip(found.left_out.agreements, found.left_out.probability, strict=True):
        expected = refits.seed_of(f"{by} {rows[name]}", TINY.seed) / 2**32
        assert chance[0, 0] == pytest.approx(expected)


def test_ratings_of_what_is_left_out_are_seen_or_hidden() -> None:
    seen, hidden = (
        leaving_out_questions(small_data(), by="cluster", ratings=ratings)[0]
        for ratings in ("seen", "hidden")
    )
    last = [len(set(each.shown["reading_last"].tolist())) for each in (seen, hidden)]
    assert last == [36, 24]
    assert seen.places == hidden.places == (0, 3, 6)


def test_what_was_answered_is_not_asked_again(asked: list[str]) -> None:
    first = refitted()
    counts: list[tuple[int, int]] = []
    again = refitted(told=lambda done, total, _: counts.append((done, total)))
    assert len(asked) == 3
    assert counts == [(3, 3)]
    assert again.answers == first.answers
    refitted(ratings="hidden")
    assert len(asked) == 6


def test_stopped_by_ctrl_c_it_goes_on_where_it_was(
    asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(done: int, _total: int, _answer: Mapping[str, Any]) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        refitted(told=stop)
    assert len(kept()) == 2
    whole = refitted()
    assert sorted(asked) == ["cluster A", "cluster B", "cluster C"]
    assert len(whole.answers) == 3


def test_a_file_that_was_torn_counts_as_none(asked: list[str]) -> None:
    refitted()
    torn = cache.folder() / f"{min(kept())}.json"
    torn.write_text(torn.read_text()[:40])
    refitted()
    assert len(asked) == 4


def test_an_answer_from_elsewhere_is_kept_here(monkeypatch: pytest.MonkeyPatch) -> None:
    def elsewhere(_reference: Any, question: Any) -> dict[str, Any]:
        row = [[0.5, 0.5]] * len(RUNGS)
        return {
            "name": question.name,
            "agreements": [spell.agreement for spell in question.truth],
            "mean": [row] * len(question.truth),
            "verdict": {"ok": True, "reasons": []},
        }

    monkeypatch.setattr(backtests, "answer", elsewhere)
    refitted()
    assert len(kept()) == 3


def test_a_group_that_is_not_there_is_named() -> None:
    with pytest.raises(InputError, match=r'there is no cluster "AA".*must be one of A, B, C'):
        refitted(groups=["AA", "B"])
    rows = tuple(row for row in small_data().agreements if row.cluster == "A")
    with pytest.raises(InputError, match="all agreements are of one cluster"):
        leaving_out_questions(small_data(rows), by="cluster", ratings="seen")


def test_some_groups_alone_make_a_shorter_table(asked: list[str]) -> None:
    found = refitted(groups=["B"])
    assert asked == ["cluster B"]
    assert len(found.left_out.agreements) == 3
    assert set(found.left_out.clusters) == {"B"}


# ---- with sampling ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def serial(tmp_path_factory: pytest.TempPathFactory) -> Backtest:
    """Refit one after another, in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("serial")))
        return refitted(by="agreement")


@pytest.mark.slow
def test_processes_and_order_change_no_bit(serial: Backtest) -> None:
    assert [each["name"] for each in serial.answers] == [
        f"agreement {row.id}" for row in small_data().agreements
    ]
    # Two processes, the last first.
    data = small_data()
    questions = leaving_out_questions(
        data, by="agreement", ratings="seen", years=(1.0, 5.0), settings=TINY
    )
    reference = refits.reference_of(
        backtests.build(data, read_priors(DEFAULT_PRIORS), model="breakdown")
    )
    counts: list[int] = []
    found = run(
        reference, questions[::-1], jobs=2, told=lambda done, _total, _answer: counts.append(done)
    )
    assert found[::-1] == serial.answers
    assert counts == list(range(1, 10))


@pytest.mark.slow
def test_a_dask_worker_that_is_killed_changes_no_bit(serial: Backtest) -> None:
    distributed = pytest.importorskip("distributed", reason="Dask is not installed")
    killed: list[int] = []
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
        joblib.parallel_config(backend="dask"),
    ):

        def kill(_done: int, _total: int, _answer: Mapping[str, Any]) -> None:
            if not killed:
                worker = next(iter(client.run(os.getpid).values()))
                assert worker != os.getpid()
                os.kill(worker, signal.SIGKILL)
                killed.append(worker)

        found = refitted(by="agreement", jobs=None, told=kill)
    assert killed
    assert found.answers == serial.answers


SCRIPT = """
import sys
sys.path.insert(0, {here!r})
from test_backtests import refitted
refitted(by="agreement", told=lambda done, total, answer: print(answer["name"], flush=True))
"""


@pytest.mark.slow
def test_killed_outright_it_goes_on_where_it_was(serial: Backtest) -> None:
    script = SCRIPT.format(here=str(HERE))
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as ran:
        assert ran.stdout is not None
        first = [next(ran.stdout).strip(), next(ran.stdout).strip()]
        ran.kill()
    assert first == [each["name"] for each in serial.answers[:2]]
    before = {name: (cache.folder() / f"{name}.json").stat().st_mtime_ns for name in kept()}
    assert len(before) >= 2
    time.sleep(0.01)
    assert refitted(by="agreement").answers == serial.answers
    assert len(kept()) == 9
    for name, when in before.items():
        assert (cache.folder() / f"{name}.json").stat().st_mtime_ns == when


@pytest.mark.slow
def test_leaving_out_the_cluster_takes_away_what_it_alone_tells() -> None:
    """Cluster A always breaks down: known from its other members, unknown without all of them."""
    settings = Settings(draws=150, tune=150, chains=2, seed=3)
    by = {
        group: backtest(
            small_data(),
            read_priors(DEFAULT_PRIORS),
            by=group,
            groups=(name,),
            settings=settings,
        ).answers[0]
        for group, name in (("agreement", small_data().agreements[0].id), ("cluster", "A"))
    }
    place, year = RUNGS.index("war"), 0
    known, unknown = (by[g]["mean"][0][place][year] for g in ("agreement", "cluster"))
    error = np.hypot(*(by[g]["mcse"][0][place][year] for g in ("agreement", "cluster")))
    assert known > unknown + 4.0 * error
    assert by["agreement"]["log_density"][0] > by["cluster"]["log_density"][0]
