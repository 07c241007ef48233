"""The flags --device and --threads, checked and put to use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fieldmark.errors import UserError

if TYPE_CHECKING:
    import torch


def check_threads(threads: int | None) -> None:
    """Raises UserError for fewer than one."""
    if threads is not None and threads < 1:
        raise UserError(f"--threads {threads}: at least 1.")


def use(device: str, threads: int | None) -> torch.device:
    """The device of that name, with torch's threads set. Raises UserError for what this machine lacks."""
    import torch

    from fieldmark import world

    check_threads(threads)
    if threads is not None:
        torch.set_num_threads(threads)
    return world.device(device)
