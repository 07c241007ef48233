"""Ctrl-C and SIGTERM: the first asks training to stop after the step at hand, the second stops at once."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fieldmark.training.session import Session

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Terminated(KeyboardInterrupt):
    """SIGTERM came while nothing could be saved. Like Ctrl-C, it passes by every `except Exception`."""


class Interruption:
    """Which signal came, None before one does; calling it tells whether one did.

    gently: whether the first one only asks; outside training there is nothing to save, and it stops at once.
    session: the training that is asked to stop.
    """

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        self.gently = False
        self.session: Session | None = None

    def __call__(self) -> bool:
        return self.signal is not None

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        """The handler."""
        second, self.signal = self.signal is not None, signal.Signals(number)
        if second or not self.gently:
            raise Terminated if number == signal.SIGTERM else KeyboardInterrupt
        if self.session is not None:
            self.session.stop()


@contextmanager
def raised_again() -> Iterator[None]:
    """Within the block, an interrupt that Python drops is sent again a moment later.

    A handler's exception that comes up within a destructor or the callback of a weak reference goes nowhere:
    Python prints "Exception ignored" with a traceback, and runs on.
    """
    before = sys.unraisablehook

    def hook(dropped: sys.UnraisableHookArgs) -> None:
        if isinstance(dropped.exc_value, KeyboardInterrupt):
            number = signal.SIGTERM if isinstance(dropped.exc_value, Terminated) else signal.SIGINT
            again = threading.Timer(0.05, os.kill, (os.getpid(), number))
            again.daemon = True
            again.start()
        else:
            before(dropped)

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = before


@contextmanager
def interruptible() -> Iterator[Interruption]:
    """Within the block SIGINT and SIGTERM are caught; the handlers before are put back at the end.

    SIGTERM is then passed on to its handler before, which by default ends the process: what it was asked for.
    A signal that this process was started to ignore, as nohup does, stays ignored. In a thread other than the
    main one, signals cannot be caught, and none is told.
    """
    interruption, before = Interruption(), {}
    if threading.current_thread() is threading.main_thread():
        for number in SIGNALS:
            handler = signal.getsignal(number)
            # None: set by something that is not Python, and could not be put back.
            if handler is not None and handler is not signal.SIG_IGN:
                before[number] = signal.signal(number, interruption.on_signal)
    try:
        with raised_again():
            yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if interruption.signal == signal.SIGTERM:
            signal.raise_signal(signal.SIGTERM)
