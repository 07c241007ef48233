"""Weights out of a network into the bytes of a safetensors file, and back."""

from __future__ import annotations

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from fieldmark.errors import ClassifierError
from fieldmark.shipping.description import shown


def to_bytes(model: nn.Module) -> bytes:
    """All parameters and buffers as a safetensors file: floats as fp32, other types as they are.

    The memory format is lost, as the file knows only row-major tensors. Raises ClassifierError when a weight
    is not finite, and for state that is no tensor.
    """
    tensors = {}
    for name, value in model.state_dict().items():
        if not isinstance(value, Tensor):
            raise ClassifierError(f"{name} of the network is no tensor, so it cannot be saved.")
        if is_lazy(value):
            raise ClassifierError(f"{name} of the network has no shape yet: give it a picture before saving.")
        value = value.detach().float() if value.is_floating_point() else value.detach()
        if not value.isfinite().all():
            raise ClassifierError(f"{name} of the network is not finite: its training diverged.")
        # A copy of its own: safetensors takes no two tensors that share memory.
        tensors[name] = value.cpu().clone(memory_format=torch.contiguous_format)
    return save(tensors)


def tensor_count(content: bytes) -> int:
    """The most tensors that a safetensors file can hold, by its header.

    >>> tensor_count(save({"a": torch.zeros(2), "b": torch.zeros(3)}))
    2
    """
    return content.count(b'"dtype"', 8, 8 + int.from_bytes(content[:8], "little"))


def fill(model: nn.Module, content: bytes) -> None:
    """Put the weights of a safetensors file into `model`, which may be on the meta device.

    Raises ClassifierError when the file is broken, when names, shapes or types are not exactly those of the
    network, and when a number is not finite; the network is untouched then.
    """
    tensors = read(content)
    wanted = model.state_dict()
    for name, value in wanted.items():
        if name not in tensors:
            raise ClassifierError(f"it lacks {name}, which the network needs")
        _check(name, tensors[name], value)
    extra = sorted(tensors.keys() - wanted.keys())
    if extra:
        raise ClassifierError(f"it has {shown(extra[0])}, for which the network has no place")
    model.load_state_dict(tensors, assign=any(value.is_meta for value in wanted.values()))


def read(content: bytes) -> dict[str, Tensor]:
    """Name to tensor. Raises ClassifierError when it is not a whole safetensors file."""
    try:
        return load(content)
    except (SafetensorError, AssertionError, KeyError, RuntimeError, TypeError, ValueError) as error:
        # The reader promises one error of its own, and raises these others for odd types and sizes.
        raise ClassifierError(f"it is not a whole safetensors file ({type(error).__name__})") from error


def filled(model: nn.Module, content: bytes) -> bool:
    """Whether the weights of a safetensors file are in `model` already, to the last bit.

    Raises ClassifierError when the file is broken.
    """
    tensors, state = read(content), model.state_dict()
    return tensors.keys() == state.keys() and all(
        not value.is_meta and torch.equal(value.cpu(), tensors[name]) for name, value in state.items()
    )


def _check(name: str, tensor: Tensor, wanted: Tensor) -> None:
    if tensor.shape != wanted.shape:
        raise ClassifierError(
            f"{name} is {tuple(tensor.shape)}, but the network described needs {tuple(wanted.shape)}"
        )
    kind = torch.float32 if wanted.is_floating_point() else wanted.dtype
    if tensor.dtype != kind:
        found, needed = (str(dtype).removeprefix("torch.") for dtype in (tensor.dtype, kind))
        raise ClassifierError(f"{name} is {found}, but must be {needed}")
    if not tensor.isfinite().all():
        raise ClassifierError(f"{name} holds numbers that are not finite")
