"""Ctrl-C and SIGTERM on the command line, from the first moment on: one line, never a traceback."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from fieldmark.runs.interruption import Terminated, raised_again

CODES = {signal.SIGINT: (130, b"fieldmark: stopped.\n"), signal.SIGTERM: (143, b"")}
"""Signal to the exit code and the line."""


@contextmanager
def endings() -> Iterator[None]:
    """Within the block SIGINT and SIGTERM end a verb by an exception, so that it can clean up.

    Handlers that somebody else has set stay, and signals that are ignored stay so.
    """
    before = {}
    if threading.current_thread() is threading.main_thread():
        for number, default in (
            (signal.SIGINT, signal.default_int_handler),
            (signal.SIGTERM, signal.SIG_DFL),
        ):
            if signal.getsignal(number) is default:
                before[number] = signal.signal(number, _on_signal)
    try:
        with raised_again():
            yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _on_signal(number: int, frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt or Terminated; while something is being imported, leave at once.

    An exception in the midst of an import is turned into other ones, or told with a traceback and dropped;
    and before a verb has what it needs, it has written nothing.
    """
    while frame is not None:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            code, line = CODES[signal.Signals(number)]
            os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, line)
            os._exit(code)
        frame = frame.f_back
    raise Terminated if number == signal.SIGTERM else KeyboardInterrupt
