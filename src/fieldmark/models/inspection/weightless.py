"""Networks on torch's meta device: shapes without values, memory or arithmetic."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode


class Undrawn(TorchFunctionMode):
    """Weights are left as they are where they would be drawn: on the meta device they have no values."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        # normal_ on the meta device makes torch import its compiler: 1 s for nothing.
        if getattr(func, "__name__", "") in ("normal_", "uniform_", "trunc_normal_", "kaiming_normal_"):
            return args[0] if args else next(iter((kwargs or {}).values()))
        return func(*args, **(kwargs or {}))


@contextmanager
def weightless() -> Iterator[None]:
    """Inside, networks are made on the meta device and no weights are drawn.

    >>> with weightless():
    ...     nn.Linear(100_000, 100_000).weight.is_meta
    True
    """
    with torch.device("meta"), Undrawn():
        yield


def meta_copies(model: nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers by name, as meta tensors of the same shape, dtype and requires_grad.

    >>> meta_copies(nn.Linear(3, 2))["weight"].is_meta
    True
    """
    copies = {}
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        copy = torch.empty(tensor.shape, dtype=tensor.dtype, device="meta")
        copies[name] = nn.Parameter(copy, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else copy
    return copies
