"""run.json: which command, versions, machine and data made a run, when, and how it ended."""

from __future__ import annotations

import dataclasses
import platform
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy
import PIL
import torch

import fieldmark
from fieldmark.runs import folder as files
from fieldmark.vocabulary import Dataset

FORMAT = 1


@dataclass
class Record:
    """What `run.json` says. `earlier_seconds`: what earlier sittings of a resumed run took.

    `data`: the name or absolute path that was trained on; None for data from memory.
    """

    folder: Path
    data: str | None
    dataset: Dataset
    earlier_seconds: float = 0.0
    started: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    def write(self, status: str, **results: Any) -> dict[str, Any]:
        """Write run.json with this status ("running", "finished", "failed" ...) and what came out so far."""
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
            **results,
        }
        files.write_json(self.folder / files.RUN, document)
        return document
