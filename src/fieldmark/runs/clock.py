"""When this process started: what "seconds" of a run on the command line count from."""

from __future__ import annotations

import os
import time
from pathlib import Path

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
