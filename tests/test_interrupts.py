"""Ctrl-C is heard wherever the main thread happens to be."""

from __future__ import annotations

import _imp
import gc
import signal
import sys
import threading
import time
import types
from collections.abc import Callable, Iterator
from importlib.machinery import ExtensionFileLoader
from pathlib import Path
from typing import Any

import pytest
from test_cli import STUB, start, stopped

from durability.interrupts import heard
from durability.progress import STAGES, NullProgress, timed_stage

SLEEP = 20.0
"""Seconds that a block would last if Ctrl-C were lost in it."""


@pytest.fixture(autouse=True)
def _own_handler() -> Iterator[None]:
    before, hook = signal.signal(signal.SIGINT, signal.default_int_handler), sys.unraisablehook
    yield
    sys.unraisablehook = hook
    signal.signal(signal.SIGINT, before)


def in_a_collection() -> None:
    """Press Ctrl-C where JAX's own callback would be hit by it."""

    def callback(phase: str, details: dict[str, int]) -> None:
        gc.callbacks.remove(callback)
        signal.raise_signal(signal.SIGINT)

    gc.callbacks.append(callback)
    gc.collect()


def in_a_destructor() -> None:
    class Held:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGINT)

    Held()


@pytest.mark.parametrize("press", [in_a_collection, in_a_destructor])
@pytest.mark.parametrize("blocks", [1, 3])
def test_a_dropped_ctrl_c_stops_the_block_at_once_and_in_silence(
    press: Callable[[], None], blocks: int, capfd: pytest.CaptureFixture[str]
) -> None:
    def nested(depth: int) -> None:
        with heard():
            if depth > 1:
                nested(depth - 1)
            press()
            time.sleep(SLEEP)

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        nested(blocks)
    assert time.monotonic() - began < SLEEP / 2
    assert "KeyboardInterrupt" not in capfd.readouterr().err


def test_one_that_comes_while_another_is_being_dropped_is_not_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    start_thread = threading.Thread.start

    def slow_start(thread: threading.Thread) -> None:
        start_thread(thread)
        if not waited:
            waited.append(True)
            time.sleep(0.5)  # as on a busy machine; the press comes meanwhile

    def block() -> None:
        with heard():
            in_a_collection()
            time.sleep(SLEEP)

    waited: list[bool] = []
    monkeypatch.setattr(threading.Thread, "start", slow_start)
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        block()
    assert waited
    assert time.monotonic() - began < SLEEP / 2


def test_one_that_comes_while_an_extension_module_loads_waits_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """C++ that meets an exception there aborts the process."""

    def load(module: object) -> None:
        signal.raise_signal(signal.SIGINT)
        time.sleep(0.3)
        loaded.append(module)

    def block() -> None:
        with heard():
            loader.exec_module(module)
            time.sleep(SLEEP)

    loaded: list[object] = []
    module = types.ModuleType("made_up")
    loader = ExtensionFileLoader("made_up", "made_up.so")
    monkeypatch.setattr(_imp, "exec_dynamic", load)
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        block()
    assert loaded == [module]
    assert time.monotonic() - began < SLEEP / 2


def test_without_the_block_it_would_be_lost() -> None:
    said: list[Any] = []
    sys.unraisablehook = said.append
    in_a_collection()
    time.sleep(0.2)
    assert [each.exc_type for each in said] == [KeyboardInterrupt]


def test_one_that_other_code_forgot_is_raised_at_the_end() -> None:
    def forgetful() -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        except BaseException:  # noqa: BLE001 - as libraries do
            return

    def goes_on() -> None:
        with heard():
            forgetful()
            reached.append(True)

    reached: list[bool] = []
    with pytest.raises(KeyboardInterrupt):
        goes_on()
    assert reached


def test_a_stage_hears_it_too() -> None:
    def stage() -> None:
        with timed_stage(timings, "compile", NullProgress()):
            in_a_collection()
            time.sleep(SLEEP)

    timings: dict[str, float] = {}
    with pytest.raises(KeyboardInterrupt):
        stage()
    assert timings["compile"] < SLEEP / 2


def test_what_the_block_changed_is_given_back() -> None:
    def mine(number: int, frame: object) -> None: ...

    def my_hook(dropped: object) -> None: ...

    signal.signal(signal.SIGINT, mine)
    sys.unraisablehook = my_hook
    with heard():
        pass
    assert signal.getsignal(signal.SIGINT) is mine
    assert sys.unraisablehook is my_hook
    with pytest.raises(KeyboardInterrupt), heard():
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is mine
    assert sys.unraisablehook is my_hook


def test_other_dropped_exceptions_go_where_they_went() -> None:
    class Fails:
        def __del__(self) -> None:
            raise LookupError("of no concern")

    said: list[Any] = []
    sys.unraisablehook = lambda dropped: said.append(dropped.exc_type)
    with heard():
        Fails()
    assert said == [LookupError]


def test_outside_the_main_thread_nothing_happens() -> None:
    before, hook = signal.getsignal(signal.SIGINT), sys.unraisablehook
    seen: list[bool] = []

    def work() -> None:
        with heard():
            seen.append(signal.getsignal(signal.SIGINT) is before)
            seen.append(sys.unraisablehook is hook)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [True, True]


def test_the_command_stops_at_a_dropped_ctrl_c_and_says_so_in_one_line(tmp_path: Path) -> None:
    body = "\n    ".join(
        [
            "import gc",
            "gc.callbacks.append(lambda *_: [gc.callbacks.clear(), time.sleep(1)])",
            "gc.collect()",
            "time.sleep(60)",
        ]
    )
    child = start(tmp_path, STUB.format(stage="compile", body=body))
    child.expect_exact(STAGES["compile"])
    time.sleep(0.3)
    began = time.monotonic()
    said = stopped(child)
    assert child.exitstatus == 130
    assert time.monotonic() - began < SLEEP / 2
    assert "Stopped." in said
    assert "Traceback" not in said
