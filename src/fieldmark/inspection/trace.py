"""One forward pass of any network on shapes alone, with everything that happens in it recorded."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.func import functional_call
from torch.overrides import TorchFunctionMode

from fieldmark.errors import UserError
from fieldmark.inspection.recorder import Frame, Frames, Operation, Recorder, tensors
from fieldmark.models.misfits import (
    Misfit,
    one_line,
    side_that_works,
    unchanged_modes,
    unchanged_random_state,
    where_it_fails,
)

FEW = 2
"""Pictures in the batch of a network that has to be run for real; batch norm needs two."""


@dataclass
class Keeping:
    """What autograd keeps for the backward pass, by storage, each once and weights not at all.

    Attributes:
        frames: Which module is at work.
        recorder: Which operations are done.
        known: Storages that are not counted again, by their address.
        kept: Bytes, with the frame at work and the number of operations done before.
    """

    frames: Frames
    recorder: Recorder
    known: dict[int, torch.UntypedStorage]
    kept: list[tuple[Frame, int, int]] = field(default_factory=list)

    def keep(self, tensor: Tensor) -> None:
        """Count a tensor that autograd saves, unless its storage is known already."""
        storage = tensor.untyped_storage()
        if storage._cdata not in self.known:
            self.known[storage._cdata] = storage
            self.kept.append((self.frames.top, len(self.recorder.operations), storage.nbytes()))


@dataclass(frozen=True)
class Trace:
    """A forward pass in training mode.

    Attributes:
        batch: Pictures in it.
        operations: In the order in which they were done.
        results: Indices of the operations that made what the network gives.
        kept: As of `Keeping`.
    """

    batch: int
    operations: list[Operation]
    results: frozenset[int]
    kept: list[tuple[Frame, int, int]]


class Broken(Exception):  # noqa: N818 - always caught: it carries what is known of the place
    """A pass that failed. where: the operation that did, if it was one outside of modules without parts."""

    def __init__(self, reason: Exception, where: Misfit | None) -> None:
        super().__init__(one_line(reason))
        self.where = where


def trace(model: nn.Module, name: str, input_shape: tuple[int, int, int], batch: int) -> Trace:
    """What happens to a batch of pictures in a network, whose weights stay as they are.

    The pass is run on the meta device, where nothing is computed. A network that needs values (it looks at
    them, or makes tensors of its own on another device) is copied and run for real, on FEW pictures of noise.

    Args:
        model: The network.
        name: What errors call it.
        input_shape: Of one picture, (C, H, W).
        batch: How many pictures.

    Returns:
        The pass, operation by operation.

    Raises:
        UserError: Pictures of this size do not pass; with the layer, the shape that reaches it, and a size
            that works.
    """
    with unchanged_modes(model), warnings.catch_warnings():
        model.train()
        warnings.simplefilter("ignore")  # it is not the results of the network that are wanted
        try:
            return weightlessly(model, input_shape, batch)
        except Exception as error:  # a network of the user's own may do anything at all
            if any(tensor.is_meta for tensor in [*model.parameters(), *model.buffers()]):
                raise refusal(model, name, input_shape, error) from error
        try:
            return for_real(model, input_shape)
        except Exception as error:
            raise refusal(model, name, input_shape, error) from error


def weightlessly(model: nn.Module, input_shape: tuple[int, int, int], batch: int) -> Trace:
    """The pass on the meta device, with copies of the weights that have no values."""
    weights = meta_copies(model)
    with torch.device("meta"):
        images = torch.empty(batch, *input_shape, dtype=dtype_of(model))
        return pass_recorded(model, lambda: functional_call(model, weights, (images,)), images, weights)


def for_real(model: nn.Module, input_shape: tuple[int, int, int]) -> Trace:
    """The pass of a copy of the network, where its weights are."""
    copied = copy.deepcopy(model)
    weights: dict[str, Tensor] = {**dict(copied.named_parameters()), **dict(copied.named_buffers())}
    first = next(iter(weights.values()), torch.empty(0))
    with unchanged_random_state(first.device):
        images = torch.rand(FEW, *input_shape, dtype=dtype_of(copied), device=first.device)
        return pass_recorded(copied, lambda: copied(images), images, weights)


def pass_recorded(
    model: nn.Module, call: Callable[[], object], images: Tensor, weights: dict[str, Tensor]
) -> Trace:
    """Record what happens when a network is called.

    Args:
        model: The network.
        call: Gives the pictures to the network.
        images: The pictures, (N, C, H, W).
        weights: The parameters and buffers that are at work, by name.

    Returns:
        The pass, operation by operation.

    Raises:
        Broken: The network failed.
    """
    frames = Frames(model)
    recorder = Recorder(frames, images, weights)
    known = {storage._cdata: storage for storage in (t.untyped_storage() for t in weights.values())}
    keeping = Keeping(frames, recorder, known)
    hooks = saved_tensors_hooks(keeping.keep, lambda nothing: nothing)
    try:
        with torch.enable_grad(), hooks, frames.following(), recorder:
            given = list(tensors([call()]))
    except Exception as error:
        where = None
        if frames.failed is not None:
            frame, shapes = frames.failed
            where = Misfit(placed(frame), tuple(tuple(shape) for shape in shapes), one_line(error))
        raise Broken(error, where) from error
    results = (recorder.values[id(tensor)].source for tensor in given if id(tensor) in recorder.values)
    return Trace(
        len(images),
        recorder.operations,
        frozenset(index for index in results if index is not None),
        keeping.kept,
    )


def placed(function: Frame) -> str:
    """What an operation is called that is no module: "block:add", or "add" in the network itself."""
    module, operation = function.module().name, function.name.strip("_")
    return f"{module}:{operation}" if module else operation


def dtype_of(model: nn.Module) -> torch.dtype:
    """What the pictures are given as: the dtype of the first weights that are floating-point numbers."""
    floating = (parameter.dtype for parameter in model.parameters() if parameter.is_floating_point())
    return next(floating, torch.float32)


def refusal(model: nn.Module, name: str, input_shape: tuple[int, int, int], error: Exception) -> UserError:
    """The one line for a network that these pictures do not pass."""
    shape = (FEW, *input_shape)
    height, width = input_shape[1:]
    found = where_it_fails(model, shape)
    if found is None:
        return UserError(
            f"{name} cannot be inspected: run in training mode on {FEW} pictures of {height}x{width} "
            f"it fails: {one_line(error)}"
        )
    operation = error.where if isinstance(error, Broken) else None
    if operation is not None and (operation.layer or "").rpartition(":")[0] == found.layer:
        found = operation
    side = side_that_works(model, shape)
    advice = f" It takes {side}x{side}: --image-size {side}." if side is not None else ""
    return UserError(f"{height}x{width} pictures do not fit {name}: {found} ({found.reason}).{advice}")


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
