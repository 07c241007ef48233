"""run.json: which command, versions, machine and data made a run, when, and how it ended."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import platform
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy
import PIL
import torch

import fieldmark
from fieldmark.errors import UserError
from fieldmark.files import write_json
from fieldmark.runs import run_folder as files
from fieldmark.vocabulary import Dataset

FORMAT = 1

LONGEST = 500  # characters of a reason

_IMPORTED = time.monotonic()


def process_start() -> float:
    """When this process started, by time.monotonic(); when this module was imported where nobody tells.

    >>> process_start() < time.monotonic()
    True
    """
    try:
        ticks = int(Path("/proc/self/stat").read_text(encoding="ascii").rpartition(")")[2].split()[19])
        uptime = float(Path("/proc/uptime").read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return _IMPORTED
    return time.monotonic() - (uptime - ticks / os.sysconf("SC_CLK_TCK"))


@dataclass
class Record:
    """What `run.json` says.

    `data`: the name or absolute path that was trained on; None for data from memory. `began`: when this
    sitting began, by time.monotonic(): on the command line with the process, in Python with the call.
    `earlier_seconds`: what earlier sittings of a resumed run took.
    """

    folder: Path
    data: str | None
    dataset: Dataset
    began: float = field(default_factory=time.monotonic)
    earlier_seconds: float = 0.0
    started: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    def write(self, status: str, **results: Any) -> dict[str, Any]:
        """Write run.json with this status and what came out so far.

        status: "running"; or how it ended: those of training.loop.Trained, or "failed".
        """
        dataset = self.dataset
        document = {
            "format": FORMAT,
            "status": status,
            "command": sys.argv,
            "data": self.data,
            "dataset": {
                "name": dataset.name,
                "fingerprint": dataset.fingerprint,
                "classes": list(dataset.classes),
                "pictures": {
                    split: len(part)
                    for split in ("train", "val", "test")
                    if (part := dataset.split(split)) is not None
                },
                "unreadable": [dataclasses.asdict(one) for one in dataset.unreadable],
                "notes": list(dataset.notes),
            },
            "versions": {
                "fieldmark": fieldmark.__version__,
                "python": platform.python_version(),
                "torch": torch.__version__,
                "numpy": numpy.__version__,
                "pillow": PIL.__version__,
            },
            "host": {
                "system": platform.system(),
                "machine": platform.machine(),
                "threads": torch.get_num_threads(),
                "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
            },
            "started": self.started,
            "written": datetime.now(UTC).isoformat(timespec="seconds"),
            "seconds": round(self.earlier_seconds + time.monotonic() - self.began, 2),
            **results,
        }
        write_json(self.folder / files.RUN, document, inside=self.folder)
        return document

    def write_end(self, error: BaseException) -> None:
        """Write that the run ended by `error`: "stopped" by Ctrl-C or SIGTERM, else "failed", and why."""
        status = "stopped" if isinstance(error, KeyboardInterrupt) else "failed"
        told = " ".join(str(error).split())[:LONGEST]
        why = told if isinstance(error, UserError) else f"{type(error).__name__}: {told}".removesuffix(": ")
        # A disk that does not take this either must not hide the error itself.
        with contextlib.suppress(UserError):
            self.write(status, reason=why)
