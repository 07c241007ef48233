"""Which process of how many this is. One process takes the same path as many."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch

from fieldmark.errors import UserError
from fieldmark.families import unknown

DEVICES = ("auto", "cpu", "cuda", "mps")


def rank() -> int:
    """This process's number among those torchrun started, from 0."""
    return int(os.environ.get("RANK", "0"))


def size() -> int:
    """How many processes torchrun started; 1 without it."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_main() -> bool:
    """Whether this process is the one that prints and writes."""
    return rank() == 0


def device(name: str = "auto") -> torch.device:
    """The device called `name`; "auto" takes a GPU where there is one.

    Raises UserError for a name that is none, and for a device this machine lacks.
    """
    kind, _, number = name.partition(":")
    if kind not in DEVICES or (number and (kind != "cuda" or not number.isdigit())):
        raise UserError(unknown(name, DEVICES, "device"))
    has = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if kind == "auto":
        kind = next(choice for choice in ("cuda", "mps", "cpu") if has[choice])
        if kind == "cuda":
            number = os.environ.get("LOCAL_RANK", "0")
    if not has[kind]:
        raise UserError(f"this machine has no {kind} device that torch can use. Try --device cpu.")
    if kind == "cuda" and int(number or 0) >= torch.cuda.device_count():
        raise UserError(f"there is no {name}: this machine has {torch.cuda.device_count()} GPU(s).")
    return torch.device(f"{kind}:{number}" if number else kind)


@contextmanager
def torch_as_it_comes() -> Iterator[None]:
    """Inside, torch is as right after its import, whatever the program around has set; a decorator, too.

    Numbers are float32 and tensors on the CPU where nothing else is said, gradients are recorded, and nothing
    is computed in another precision (autocast). Afterwards everything is as it was.

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
