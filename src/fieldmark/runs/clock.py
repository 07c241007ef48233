"""How long this process has been alive: what "seconds" in a run counts from."""

from __future__ import annotations

import os
import time
from pathlib import Path

_IMPORTED = time.monotonic()


def process_age() -> float:
    """Seconds since this process started; since this module was imported where the system does not tell.

    >>> process_age() > 0
    True
    """
    try:
        ticks = int(Path("/proc/self/stat").read_text(encoding="ascii").rpartition(")")[2].split()[19])
        uptime = float(Path("/proc/uptime").read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return time.monotonic() - _IMPORTED
    return uptime - ticks / os.sysconf("SC_CLK_TCK")
