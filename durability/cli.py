"""The ``durability`` command: exit statuses, messages, and nothing imported before it is needed.

===== =======================================================================
 0    fine
 2    bad input, or a file that cannot be written
 3    the forecast was made, but its diagnostics failed
130   stopped by Ctrl-C
===== =======================================================================
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType

from durability.interrupts import heard

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    arguments : sequence of str, optional
        Those of the process if not given.

    Returns
    -------
    int
        The exit status.
    """
    before = signal.signal(signal.SIGINT, _stop)
    try:
        with heard():
            from durability.commands import run

            return run(arguments)
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped.\n")
        return INTERRUPTED
    finally:
        signal.signal(signal.SIGINT, before)


def _stop(signal_number: int, frame: FrameType | None) -> None:
    """Stop at the first Ctrl-C, and at once at a second one that comes while stopping."""
    signal.signal(signal.SIGINT, _stop_at_once)
    raise KeyboardInterrupt


def _stop_at_once(signal_number: int, frame: FrameType | None) -> None:
    os._exit(INTERRUPTED)
