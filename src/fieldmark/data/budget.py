"""How much memory decoding may take at once, however many threads there are."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager


class Budget:
    """A number of bytes that threads take from and give back; who asks for more than is left waits its turn.

    Turns go in the order of asking, so that a large picture is not overtaken for ever. What is larger than
    the whole budget is let through alone.

    >>> budget = Budget(100)
    >>> with budget.hold(70), budget.hold(30):
    ...     budget.held
    100
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.held = 0
        self._turns: deque[object] = deque()
        self._changed = threading.Condition()

    @contextmanager
    def hold(self, size: int) -> Iterator[None]:
        """Take `size` bytes, waiting until they are there, and give them back at the end."""
        turn = object()
        with self._changed:
            self._turns.append(turn)
            try:
                self._changed.wait_for(lambda: self._turns[0] is turn and self._fits(size))
                self.held += size
            finally:
                self._turns.remove(turn)
                self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self.held -= size
                self._changed.notify_all()

    def _fits(self, size: int) -> bool:
        return self.held == 0 or self.held + size <= self.most
