"""Progress: on standard error only, readable in a log, gone from the terminal when it ends."""

from __future__ import annotations

import contextlib
import io
import os
import pty
import threading
import time
from typing import TextIO

import pytest

from durability.progress import (
    STAGES,
    NullProgress,
    PlainProgress,
    Progress,
    TerminalProgress,
    show_progress,
    spell_seconds,
    time_left,
)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def forecast_on(progress: Progress, clock: Clock) -> None:
    """Run through a forecast of 27 seconds."""
    progress.stage("read")
    clock.now += 0.5
    progress.stage("compile")
    clock.now += 4.0
    progress.stage("sample")
    for step in range(5):
        progress.chains([step * 100, step * 50], 400, 0 if step < 4 else 2)
        clock.now += 5.0
    progress.done()


def test_a_log_gets_a_line_when_each_stage_begins_and_ends() -> None:
    stream, clock = io.StringIO(), Clock()
    forecast_on(PlainProgress(stream, clock=clock), clock)
    assert stream.getvalue().splitlines() == [
        "Reading the case and history …",
        "Reading the case and history: 0.5 s",
        "Compiling the model …",
        "Compiling the model: 4.0 s",
        "Sampling …",
        "  300 of 800 draws, 17 s left",
        "  600 of 800 draws, 6.7 s left, 2 divergent transitions",
        "Sampling: 25 s, 2 divergent transitions",
    ]


def test_done_twice_says_it_once() -> None:
    stream, clock = io.StringIO(), Clock()
    progress = PlainProgress(stream, clock=clock)
    progress.stage("report")
    progress.done()
    progress.done()
    assert stream.getvalue().count("Writing the report: ") == 1


def test_a_stage_without_words_shows_its_name() -> None:
    stream = io.StringIO()
    PlainProgress(stream).stage("simulate")
    assert "simulate" in stream.getvalue()


def test_a_stream_that_is_no_terminal_gets_plain_lines() -> None:
    stream = io.StringIO()
    with show_progress(stream) as progress:
        progress.stage("read")
        progress.done()
    assert "\x1b" not in stream.getvalue()


def test_progress_is_on_standard_error_only(capsys: pytest.CaptureFixture[str]) -> None:
    with show_progress() as progress:
        progress.stage("read")
        progress.done()
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Reading" in captured.err


def shown_on_a_terminal(*, whole: bool) -> str:
    """Give what a terminal receives of a forecast that is interrupted while it samples."""
    controller, terminal = pty.openpty()
    shown: list[bytes] = []
    reader = threading.Thread(target=_read_all, args=(controller, shown))
    reader.start()
    with os.fdopen(terminal, "w") as stream, pytest.MonkeyPatch.context() as patch:
        patch.setenv("TERM", "xterm")
        patch.setenv("COLUMNS", "100")
        for variable in ("NO_COLOR", "TTY_INTERACTIVE", "TTY_COMPATIBLE"):
            patch.delenv(variable, raising=False)
        with pytest.raises(KeyboardInterrupt):
            _interrupted(stream, whole=whole)
    reader.join(timeout=10)
    os.close(controller)
    return b"".join(shown).decode()


def _read_all(controller: int, shown: list[bytes]) -> None:
    with contextlib.suppress(OSError):  # Linux ends a terminal whose other side closed by EIO
        while data := os.read(controller, 65536):
            shown.append(data)


def _interrupted(stream: TextIO, *, whole: bool) -> None:
    with show_progress(stream) as progress:
        assert isinstance(progress, TerminalProgress)
        if whole:
            forecast_on(progress, Clock())
        progress.stage("sample")
        progress.chains([10, 20, 30], 40, 1)
        time.sleep(0.5)  # rich draws ten times a second
        raise KeyboardInterrupt


def test_a_terminal_shows_every_chain_and_every_stage_that_ended() -> None:
    shown = shown_on_a_terminal(whole=True)
    for line in ("Reading the case and history: ", "Compiling the model: ", "Sampling: "):
        assert line in shown
    for part in ("chain 1", "chain 2", "chain 3", "10/40", "20/40", "30/40", "1 divergent"):
        assert part in shown


def test_the_cursor_comes_back_after_an_interrupt() -> None:
    shown = shown_on_a_terminal(whole=False)
    assert shown.rfind("\x1b[?25h") > shown.rfind("\x1b[?25l") > -1


def test_the_null_display_fits_the_protocol(capfd: pytest.CaptureFixture[str]) -> None:
    forecast_on(NullProgress(), Clock())
    assert capfd.readouterr() == ("", "")


def test_the_stages_are_those_of_the_printed_timings() -> None:
    wanted = ["read", "import", "compile", "sample", "judge", "sensitivities", "predict", "report"]
    assert list(STAGES) == wanted


@pytest.mark.parametrize(
    ("elapsed", "done", "whole", "left"),
    [(10.0, 250, 1000, 30.0), (10.0, 0, 1000, None), (0.0, 5, 10, None), (8.0, 10, 10, 0.0)],
)
def test_time_left_follows_the_pace(
    elapsed: float, done: int, whole: int, left: float | None
) -> None:
    assert time_left(elapsed, done, whole) == left


def test_durations_are_rounded_without_sixty_seconds() -> None:
    assert [spell_seconds(s) for s in (0.0, 9.96, 59.6, 119.7)] == [
        "0.0 s",
        "10 s",
        "1 min 00 s",
        "2 min 00 s",
    ]
