"""What training tells while it runs, and to whom."""

from __future__ import annotations

from typing import Protocol


class Display(Protocol):
    """Somebody who watches: a progress bar, plain lines, or nobody."""

    def start(self, total_steps: int, epochs: int) -> None:
        """Training begins; `total_steps` batches in all."""

    def step(self, done_steps: int, loss: float | None, images_per_second: float) -> None:
        """So many batches are done. Called a few times a second."""

    def epoch(self, row: dict[str, float]) -> None:
        """An epoch is done; the columns of vocabulary.History."""

    def note(self, text: str) -> None:
        """Something the user should know."""


class Silent:
    """The display that shows nothing."""

    def start(self, total_steps: int, epochs: int) -> None: ...

    def step(self, done_steps: int, loss: float | None, images_per_second: float) -> None: ...

    def epoch(self, row: dict[str, float]) -> None: ...

    def note(self, text: str) -> None: ...
