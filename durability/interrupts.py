"""Ctrl-C is never lost.

Python raises :class:`KeyboardInterrupt` wherever the main thread happens to be. Where that is a
callback of the garbage collector (JAX has one), a destructor or a blanket ``except``, the exception
is dropped and the work goes on as if nobody had pressed a key. Where it is an extension module that
is loading, C++ may not expect an exception, and abort (jaxlib does).
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import ExtensionFileLoader
from types import FrameType
from typing import Any

AGAIN_SECONDS = 0.05
"""How soon a dropped Ctrl-C is raised again, and again until it is heard."""

_LOADING = (ExtensionFileLoader.create_module.__code__, ExtensionFileLoader.exec_module.__code__)
"""What is running while an extension module loads."""


@contextmanager
def heard() -> Iterator[None]:
    """Hear every Ctrl-C that is pressed while the block runs.

    One that Python drops is raised again at once, and silently; one that comes while an extension
    module loads is raised when it has loaded; one that other code catches and forgets is raised at
    the end of the block. Blocks can be nested. Outside the main thread, which
    is the only one that hears Ctrl-C, this does nothing.

    Raises
    ------
    KeyboardInterrupt
        Ctrl-C was pressed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handler, hook = signal.getsignal(signal.SIGINT), sys.unraisablehook
    main = threading.get_ident()
    pressed: list[int] = []
    dropping: list[bool] = []
    ended = threading.Event()

    def note(number: int, frame: FrameType | None) -> None:
        pressed.append(number)
        if dropping or _is_loading(frame):  # raised here, it would be dropped too, or abort
            press_later()
        elif callable(handler):
            handler(number, frame)

    def again(dropped: Any) -> None:
        if not issubclass(dropped.exc_type, KeyboardInterrupt):
            hook(dropped)
            return
        dropping.append(True)
        signal.signal(signal.SIGINT, note)  # the handler may have changed it for a second press
        press_later()
        dropping.clear()

    def press_later() -> None:
        threading.Thread(target=press, args=(len(pressed),), daemon=True).start()

    def press(before: int) -> None:
        # A thread about to sleep may miss one press; the next wakes it.
        while not ended.wait(AGAIN_SECONDS) and len(pressed) == before:
            signal.pthread_kill(main, signal.SIGINT)

    signal.signal(signal.SIGINT, note)
    sys.unraisablehook = again
    try:
        yield
    finally:
        ended.set()
        sys.unraisablehook = hook
        if signal.getsignal(signal.SIGINT) is note:
            signal.signal(signal.SIGINT, handler)
    if pressed:
        raise KeyboardInterrupt


def _is_loading(frame: FrameType | None) -> bool:
    """Whether an extension module is being loaded at or above a frame."""
    while frame is not None:
        if frame.f_code in _LOADING:
            return True
        frame = frame.f_back
    return False
