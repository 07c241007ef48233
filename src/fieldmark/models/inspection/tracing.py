"""One forward pass of any network, with everything that happens in it recorded."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.func import functional_call

from fieldmark.errors import UserError
from fieldmark.models.inspection.frames import Frame, Frames
from fieldmark.models.inspection.recording import Operation, Recorder
from fieldmark.models.inspection.weightless import meta_copies
from fieldmark.models.misfits import one_line, side_that_works, unchanged_random_state, where_it_fails

FEW = 2
"""Pictures in the batch of a network that has to be run for real; batch norm needs two."""


@dataclass
class Keeping:
    """What autograd keeps for the backward pass, by storage, each once and weights not at all.

    kept: bytes, with the frame at work and the number of operations done before.
    """

    frames: Frames
    recorder: Recorder
    known: dict[int, torch.UntypedStorage]
    kept: list[tuple[Frame, int, int]] = field(default_factory=list)

    def keep(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        if storage._cdata not in self.known:
            self.known[storage._cdata] = storage
            self.kept.append((self.frames.top, len(self.recorder.operations), storage.nbytes()))


@dataclass(frozen=True)
class Trace:
    """A forward pass in training mode. batch: pictures in it. kept: see Keeping."""

    batch: int
    operations: list[Operation]
    kept: list[tuple[Frame, int, int]]


def trace(model: nn.Module, name: str, input_shape: tuple[int, int, int], batch: int) -> Trace:
    """What happens to `batch` pictures (C, H, W) in the network; it is left exactly as it was.

    The pass is run on the meta device, where nothing is computed. A network that needs values (it looks at
    them, or makes tensors of its own on another device) is run for real, on FEW pictures of noise. name: what
    errors call it. Raises UserError when pictures of this size do not pass, naming the layer, the shape that
    reaches it, and a size that works.
    """
    with training(model), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # for once, it is not the network's results that are wanted
        weights = meta_copies(model)
        try:
            with torch.device("meta"):
                return run(model, torch.empty(batch, *input_shape, dtype=dtype_of(model)), weights)
        except Exception:  # a network of the user's own may do anything at all
            if any(tensor.is_meta for tensor in [*model.parameters(), *model.buffers()]):
                raise misfit(model, name, input_shape) from None
        try:
            return for_real(model, input_shape)
        except Exception as error:
            raise misfit(model, name, input_shape, error) from error


def for_real(model: nn.Module, input_shape: tuple[int, int, int]) -> Trace:
    """The pass where the weights are; buffers are copies, so that it does not change them."""
    weights: dict[str, Tensor] = dict(model.named_parameters())
    weights |= {name: buffer.clone() for name, buffer in model.named_buffers()}
    first = next(iter(weights.values()), torch.empty(0))
    with unchanged_random_state(first.device):
        images = torch.rand(FEW, *input_shape, dtype=dtype_of(model), device=first.device)
        return run(model, images, weights)


def run(model: nn.Module, images: Tensor, weights: dict[str, Tensor]) -> Trace:
    """One pass of `images` through the model with these parameters and buffers."""
    frames = Frames(model)
    recorder = Recorder(frames, images, weights)
    known = {storage._cdata: storage for storage in (t.untyped_storage() for t in weights.values())}
    keeping = Keeping(frames, recorder, known)
    with (
        torch.enable_grad(),
        saved_tensors_hooks(keeping.keep, lambda nothing: nothing),
        frames.following(),
        recorder,
    ):
        functional_call(model, weights, (images,))
    return Trace(len(images), recorder.operations, keeping.kept)


@contextmanager
def training(model: nn.Module) -> Iterator[None]:
    """In training mode inside, and as it was afterwards, module by module."""
    modes = {module: module.training for module in model.modules()}
    model.train()
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode


def dtype_of(model: nn.Module) -> torch.dtype:
    """What the pictures are given as: the dtype of the first weights that are floating-point numbers."""
    floating = (parameter.dtype for parameter in model.parameters() if parameter.is_floating_point())
    return next(floating, torch.float32)


def misfit(
    model: nn.Module, name: str, input_shape: tuple[int, int, int], error: Exception | None = None
) -> UserError:
    """The one line for a network that these pictures do not pass."""
    shape = (FEW, *input_shape)
    height, width = input_shape[1:]
    found = where_it_fails(model, shape)
    if found is None:
        why = one_line(error) if error is not None else "it needs values, and its weights have none"
        return UserError(f"{name} cannot be run in training mode on {height}x{width} pictures: {why}.")
    side = side_that_works(model, shape)
    advice = f" It takes {side}x{side}: --image-size {side}." if side is not None else ""
    return UserError(f"{height}x{width} pictures do not fit {name}: {found} ({found.reason}).{advice}")
