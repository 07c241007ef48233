"""Numpy arrays, lists and tensors: made into tensors on the way in, and given back as what came."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from fieldmark.conv.geometry import spell
from fieldmark.errors import UserError

_FLOATING = frozenset(np.dtype(name) for name in ("float16", "float32", "float64", "complex64", "complex128"))


def take(x: ArrayLike | Tensor, kernel: ArrayLike | Tensor) -> tuple[Tensor, Tensor, bool]:
    """Both as tensors of one dtype on one device, and whether the result is to be a numpy array.

    Two arrays are promoted as numpy does, integers to float64; beside a tensor an array takes its dtype and
    device; two tensors are promoted as PyTorch does. Raises UserError for what holds no numbers, and for
    tensors on two devices.

    >>> take([1, 2], [0.5])
    (tensor([1., 2.], dtype=torch.float64), tensor([0.5000], dtype=torch.float64), True)
    """
    if isinstance(x, Tensor) or isinstance(kernel, Tensor):
        return *_tensors(x, kernel), False
    first, second = _numbers(x, "x"), _numbers(kernel, "the kernel")
    if first.dtype != second.dtype:
        common = np.result_type(first, second)
        first, second = first.astype(common), second.astype(common)
    return _view(first), _view(second), True


def give_back(y: Tensor, numpy_in: bool) -> Any:
    """`y`, or its numpy array without a copy. Raises UserError for an array that would have a gradient.

    >>> give_back(torch.ones(2), numpy_in=True)
    array([1., 1.], dtype=float32)
    """
    if numpy_in and y.requires_grad:
        raise UserError(
            "x is an array, so the result would be one too, without a gradient, but another argument (the "
            "bias?) is a tensor that wants one; make x a tensor, or .detach() the other."
        )
    return y.resolve_conj().resolve_neg().numpy() if numpy_in else y


def tensor_of(x: ArrayLike | Tensor, what: str) -> Tensor:
    """One array, list or tensor as a tensor of real or complex floating-point numbers.

    what: its name in an error. Raises UserError for what holds no numbers.

    >>> tensor_of([1, 2], "x").dtype
    torch.float64
    """
    return _floating(x) if isinstance(x, Tensor) else _view(_numbers(x, what))


def real_tensor(x: ArrayLike | Tensor, what: str) -> Tensor:
    """`tensor_of` for what is defined on real numbers only.

    what: its name in an error. Raises UserError for complex numbers and for what holds no numbers.

    >>> real_tensor([1, 2], "logits")
    tensor([1., 2.], dtype=torch.float64)
    """
    tensor = tensor_of(x, what)
    if tensor.is_complex():
        raise UserError(f"{what} {spell(tensor.shape)}: complex numbers, where real ones are needed.")
    return tensor


def _tensors(x: ArrayLike | Tensor, kernel: ArrayLike | Tensor) -> tuple[Tensor, Tensor]:
    if isinstance(x, Tensor) and isinstance(kernel, Tensor):
        if x.device != kernel.device:
            raise UserError(
                f"x {spell(x.shape)} is on {x.device} and the kernel {spell(kernel.shape)} on "
                f"{kernel.device}; move one to the other with .to(...)."
            )
        x, kernel = _floating(x), _floating(kernel)
        if x.dtype != kernel.dtype:
            common = torch.promote_types(x.dtype, kernel.dtype)
            x, kernel = x.to(common), kernel.to(common)
        return x, kernel
    if isinstance(x, Tensor):
        x = _floating(x)
        return x, _beside(kernel, x, "the kernel")
    assert isinstance(kernel, Tensor)
    kernel = _floating(kernel)
    return _beside(x, kernel, "x"), kernel


def _beside(array: ArrayLike, tensor: Tensor, what: str) -> Tensor:
    numbers = _view(_numbers(array, what))
    dtype = tensor.dtype
    if numbers.is_complex() and not tensor.is_complex():
        raise UserError(
            f"{what} is complex and the other a tensor of {str(dtype)[6:]}; make that one complex first."
        )
    return numbers.to(tensor.device, dtype)


def _floating(tensor: Tensor) -> Tensor:
    if tensor.layout != torch.strided:
        raise UserError(
            f"a tensor {spell(tensor.shape)} is stored as {str(tensor.layout)[6:]}; make it dense with "
            ".to_dense()."
        )
    if tensor.is_floating_point() or tensor.is_complex():
        return tensor
    return tensor.to(torch.float64)


def _numbers(array: ArrayLike, what: str) -> np.ndarray[Any, Any]:
    if isinstance(array, np.ma.MaskedArray) and np.ma.is_masked(array):
        raise UserError(
            f"{what} has masked numbers, which a sum cannot leave out; give them a value with .filled(...)."
        )
    try:
        result = np.asarray(array)
    except ValueError as error:
        raise UserError(f"{what} is not an array of numbers: its rows differ in length.") from error
    if result.dtype in _FLOATING:
        return result
    if result.dtype.kind in "biu":
        return result.astype(np.float64)
    if result.dtype.kind in "fc" and result.dtype.itemsize <= 16 and result.dtype.char not in "gG":
        return result.astype(result.dtype.newbyteorder("="))
    raise UserError(
        f"{what} holds {result.dtype.name}; whole, real or complex numbers up to 64 bits are needed."
    )


def _view(array: np.ndarray[Any, Any]) -> Tensor:
    # PyTorch takes neither arrays that are read-only, nor numbers stored backwards or at odd addresses.
    flags = array.flags
    if not (flags.writeable and flags.aligned) or any(
        step < 0 or step % array.itemsize for step in array.strides
    ):
        array = array.copy()
    return torch.from_numpy(array)


LARGE = 2**22
"""Bytes from which numpy asks the system for large pages."""

_NUMPY = {
    torch.float32: np.float32,
    torch.float64: np.float64,
    torch.complex64: np.complex64,
    torch.complex128: np.complex128,
}


def empty(shape: Sequence[int], like: Tensor, dtype: torch.dtype | None = None) -> Tensor:
    """An uninitialised tensor of `shape`, on the device of `like`, and of its dtype unless another is told.

    On a processor a large one comes from numpy, which asks Linux for pages of 2 MiB where PyTorch takes
    4 KiB: to fill 128 MiB for the first time then takes 7 ms and not 40.

    >>> empty((2, 3), torch.ones(1)).shape
    torch.Size([2, 3])
    """
    dtype = dtype or like.dtype
    if like.device.type == "cpu" and dtype in _NUMPY and math.prod(shape) * dtype.itemsize >= LARGE:
        return torch.from_numpy(np.empty(tuple(shape), _NUMPY[dtype]))
    return torch.empty(tuple(shape), dtype=dtype, device=like.device)
