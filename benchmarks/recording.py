"""Results as JSON, with the machine they were measured on."""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import Any

import torch


def record(results: Any, path: Path | None) -> None:
    """Write `results` and what they ran on to `path`; nothing without one."""
    if path is None:
        return
    host = {
        "machine": platform.machine(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }
    path.write_text(json.dumps({"host": host, "results": results}, indent=2) + "\n")
