"""The flags --device and --threads, checked and put to use."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from fieldmark.errors import UserError

if TYPE_CHECKING:
    import torch

MOST_THREADS = 256
"""More than this are refused on any machine with fewer processors."""


def check_threads(threads: int | None) -> None:
    """Raises UserError for fewer than one, and for so many that starting them would end the process."""
    if threads is not None and threads < 1:
        raise UserError(f"--threads {threads}: at least 1.")
    processors = os.cpu_count() or 1
    if threads is not None and threads > max(MOST_THREADS, processors):
        raise UserError(f"--threads {threads}: this machine has {processors} processors; take about as many.")


def use(device: str, threads: int | None) -> torch.device:
    """The device of that name, with torch's threads set. Raises UserError for what this machine lacks."""
    import torch

    from fieldmark import world

    check_threads(threads)
    if threads is not None:
        torch.set_num_threads(threads)
    return world.device(device)
