"""Which process this is, and which device it computes on.

Training runs in one process so far: one of several that a launcher started is told so.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from fieldmark.errors import UserError
from fieldmark.families import unknown

if TYPE_CHECKING:
    import torch

DEVICES = ("auto", "cpu", "cuda", "mps")


def rank() -> int:
    """This process's number among those that a launcher such as torchrun started, from 0."""
    return _number("RANK", 0)


def size() -> int:
    """How many processes the launcher started; 1 without one."""
    return _number("WORLD_SIZE", 1)


def is_main() -> bool:
    """Whether this process is the one that prints."""
    return rank() == 0


def refuse_many() -> None:
    """Raises UserError when this is one of several processes: they would all train the same run."""
    if size() > 1:
        raise UserError(
            f"this is one of {size()} processes (WORLD_SIZE={size()}), and training runs in one so far. "
            "Start it without torchrun, on one GPU or CPU."
        )


def device(name: str = "auto") -> torch.device:
    """The device called `name`; "auto" takes a GPU where there is one.

    Raises UserError for a name that is none, and for a device this machine lacks.
    """
    import torch

    kind, _, number = name.partition(":")
    if kind not in DEVICES or (number and (kind != "cuda" or not number.isdigit())):
        raise UserError(unknown(name, DEVICES, "device"))
    has = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if kind == "auto":
        kind = next(choice for choice in ("cuda", "mps", "cpu") if has[choice])
        if kind == "cuda":
            number = "0"
    if not has[kind]:
        raise UserError(f"this machine has no {kind} device that torch can use. Try --device cpu.")
    if kind == "cuda" and int(number or 0) >= torch.cuda.device_count():
        raise UserError(f"there is no {name}: this machine has {torch.cuda.device_count()} GPU(s).")
    return torch.device(f"{kind}:{number}" if number else kind)


def _number(name: str, default: int) -> int:
    text = os.environ.get(name, str(default))
    if not text.isdecimal():
        raise UserError(f"{name}={text} in the environment is not a number of processes; unset it.")
    return int(text)


@contextmanager
def torch_as_it_comes() -> Iterator[None]:
    """Inside, torch is as right after its import, whatever the program around has set; a decorator, too.

    Numbers are float32 and tensors on the CPU where nothing else is said, gradients are recorded, and nothing
    is computed in another precision (autocast). Afterwards everything is as it was.

    >>> import torch
    >>> with torch.no_grad(), torch_as_it_comes():
    ...     torch.is_grad_enabled()
    True
    """
    import torch

    before = torch.get_default_dtype()
    with ExitStack() as stack:
        if before != torch.float32:
            torch.set_default_dtype(torch.float32)
            stack.callback(torch.set_default_dtype, before)
        if torch.get_default_device().type != "cpu":
            stack.enter_context(torch.device("cpu"))
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        for kind in ("cpu", "cuda"):
            if torch.is_autocast_enabled(kind):
                stack.enter_context(torch.autocast(kind, enabled=False))
        yield
