"""Which process of how many this is. One process takes the same path as many."""

from __future__ import annotations

import os

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
