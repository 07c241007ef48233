"""Who watches a run besides the screen: nobody, or TensorBoard."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from fieldmark.errors import UserError
from fieldmark.files import refuse_links
from fieldmark.training.display import Display, Silent


class Watcher(Display, Protocol):
    """A display that can also show a stage before or after training."""

    def stage(self, what: str, done: int, total: int) -> None:
        """So many of a stage's items are done; total 0 where nobody knows it."""


class Quiet(Silent):
    """The watcher that shows nothing."""

    def stage(self, what: str, done: int, total: int) -> None: ...


class Board:
    """Passes everything on to another display, and the epochs to TensorBoard as well."""

    def __init__(self, display: Display, folder: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise UserError('--tensorboard needs the extra: pip install "fieldmark[tensorboard]".') from error
        self.display, self.folder = display, folder
        self.maker = SummaryWriter
        self.writer: SummaryWriter | None = None

    def start(self, total_steps: int, epochs: int) -> None:
        # Not earlier: the run folder is only made when training is sure to begin.
        self.writer = self.maker(str(self.folder))
        self.display.start(total_steps, epochs)

    def step(self, done_steps: int, loss: float | None, images_per_second: float) -> None:
        self.display.step(done_steps, loss, images_per_second)

    def epoch(self, row: dict[str, float]) -> None:
        assert self.writer is not None, "start comes first"
        for name, value in row.items():
            if name != "epoch":
                self.writer.add_scalar(name, value, int(row["epoch"]))
        self.writer.flush()
        self.display.epoch(row)

    def note(self, text: str) -> None:
        self.display.note(text)


@contextmanager
def board(wanted: bool, folder: Path, display: Display) -> Iterator[Display]:
    """`display`, with TensorBoard's event files written under `folder` where `wanted`.

    Raises UserError when the extra is not installed, and when the folder is a link.
    """
    if not wanted:
        yield display
        return
    refuse_links(folder)
    both = Board(display, folder)
    try:
        yield both
    finally:
        if both.writer is not None:
            both.writer.close()
