"""How a run shows its progress, always on stderr: bars on a terminal, plain lines elsewhere, or nothing.

Each follows `fieldmark.runs.watcher.Watcher`; its `stage` fits wherever a progress callable
(what, done, total) is taken. Use it as `with closing(screen()) as display`.
"""

from __future__ import annotations

import importlib.util
import math
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TextIO

from fieldmark.printable import printable
from fieldmark.runs.watcher import Quiet, Watcher

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

STAGE_EVERY = 10.0
"""Seconds between two plain lines about the same stage."""
STEP_EVERY = 60.0
"""Seconds between two plain lines within one epoch."""
DRAW_EVERY = 0.1
"""Seconds between two drawings of a stage's bar."""

HEADER = "epoch  train loss  accuracy   val loss  accuracy       rate  seconds  images/s"


class Screen(Watcher, Protocol):
    """A watcher that gives the screen back in the end."""

    def close(self) -> None:
        """Take the bars away and show nothing more."""


class Lines:
    """Plain lines: one per epoch, one every ten seconds for a long stage."""

    def __init__(self, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream or sys.stderr
        self._clock = clock
        self._total_steps = 0
        self._stage = ""
        self._last = clock()

    def start(self, total_steps: int, epochs: int) -> None:
        self._total_steps = total_steps
        self._last = self._clock()
        self._print(HEADER)

    def step(self, done_steps: int, loss: float | None, images_per_second: float) -> None:
        if self._due(STEP_EVERY):
            self._print(
                f"step {done_steps:,} of {self._total_steps:,}: "
                f"loss {_number(loss)}, {images_per_second:,.0f} images/s"
            )

    def epoch(self, row: dict[str, float]) -> None:
        self._last = self._clock()
        self._print(epoch_line(row))

    def note(self, text: str) -> None:
        self._print(printable(text))

    def stage(self, what: str, done: int, total: int) -> None:
        if what != self._stage:
            self._stage, self._last = what, self._clock()
        elif self._due(STAGE_EVERY):
            self._print(f"{printable(what)}: {done:,}" + (f" of {total:,}" if total else ""))

    def close(self) -> None:
        self._stream.flush()

    def _due(self, seconds: float) -> bool:
        now = self._clock()
        due = now - self._last >= seconds
        if due:
            self._last = now
        return due

    def _print(self, line: str) -> None:
        print(line, file=self._stream, flush=True)


class Bars:
    """A rich progress bar with images/s, loss and time left; a line per epoch stays above it."""

    def __init__(self, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        self._clock = clock
        self._progress: RichProgress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[figures]}", markup=False),
            console=Console(file=stream or sys.stderr, highlight=False),
            # Drawn when something is told: no second thread takes turns with the training.
            auto_refresh=False,
            transient=True,
        )
        self._training: TaskID | None = None
        self._stage: tuple[str, TaskID] | None = None
        self._epochs = self._epoch = 0
        self._began = self._drawn = 0.0
        self._progress.start()

    def start(self, total_steps: int, epochs: int) -> None:
        self._clear()
        self._epochs, self._epoch, self._began = epochs, 0, self._clock()
        self._print(HEADER)
        self._training = self._progress.add_task(self._doing(), total=total_steps, figures="")
        self._progress.refresh()

    def step(self, done_steps: int, loss: float | None, images_per_second: float) -> None:
        assert self._training is not None, "start comes first"
        task = next(task for task in self._progress.tasks if task.id == self._training)
        left = _seconds_left(self._clock() - self._began, done_steps, int(task.total or 0))
        figures = f"loss {_number(loss)}  {images_per_second:,.0f} images/s  {left}"
        self._progress.update(self._training, completed=done_steps, figures=figures, refresh=True)

    def epoch(self, row: dict[str, float]) -> None:
        self._epoch = int(row["epoch"])
        self._print(epoch_line(row))
        if self._training is not None:
            self._progress.update(self._training, description=self._doing(), refresh=True)

    def note(self, text: str) -> None:
        self._print(printable(text))

    def stage(self, what: str, done: int, total: int) -> None:
        if self._stage is None or self._stage[0] != what:
            self._clear()
            task = self._progress.add_task(printable(what), total=total or None, figures="")
            self._stage, self._began, self._drawn = (what, task), self._clock(), 0.0
        now = self._clock()
        if now - self._drawn >= DRAW_EVERY or done == total:
            self._drawn = now
            left = _seconds_left(now - self._began, done, total)
            self._progress.update(
                self._stage[1], completed=done, total=total or None, figures=left, refresh=True
            )

    def close(self) -> None:
        self._progress.stop()

    def _clear(self) -> None:
        for task in self._progress.task_ids:
            self._progress.remove_task(task)
        self._training = self._stage = None

    def _doing(self) -> str:
        return f"epoch {min(self._epoch + 1, self._epochs)}/{self._epochs}"

    def _print(self, line: str) -> None:
        self._progress.console.print(line, markup=False, soft_wrap=True)


class Nothing(Quiet):
    """Shows nothing: for all processes but the first."""

    def close(self) -> None: ...


def screen(stream: TextIO | None = None) -> Screen:
    """The display that fits where stderr goes: bars on a terminal or in a notebook, else lines."""
    from fieldmark import world

    stream = stream or sys.stderr
    if not world.is_main():
        return Nothing()
    return Bars(stream) if stream.isatty() or _in_notebook() else Lines(stream)


def epoch_line(row: dict[str, float]) -> str:
    """The figures of an epoch under HEADER; a dash where there is none."""
    cells = [
        f"{int(row['epoch']):5d}",
        f"{_number(row['train_loss']):>10}",
        f"{_percent(row['train_accuracy']):>8}",
        f"{_number(row['val_loss']):>9}",
        f"{_percent(row['val_accuracy']):>8}",
        f"{row['learning_rate']:9.3g}",
        f"{row['seconds']:7.1f}",
        f"{row['images_per_second']:8,.0f}",
    ]
    return "  ".join(cells)


def _in_notebook() -> bool:
    # rich draws in a notebook through ipywidgets; without them it would only warn.
    return "ipykernel" in sys.modules and importlib.util.find_spec("ipywidgets") is not None


def _number(value: float | None) -> str:
    return "-" if value is None or not math.isfinite(value) else f"{value:.4f}"


def _percent(value: float | None) -> str:
    return "-" if value is None or not math.isfinite(value) else f"{100 * value:.2f} %"


def _seconds_left(elapsed: float, done: int, total: int) -> str:
    if done <= 0 or total <= 0:
        return ""
    minutes, seconds = divmod(round(elapsed / done * (total - done)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d} left" if hours else f"{minutes}:{seconds:02d} left"
