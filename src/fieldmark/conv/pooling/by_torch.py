"""Pooling by PyTorch's own functions, and by a few of its operations where those do not go."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from fieldmark.conv.pooling.windows import Windows

_MAX_POOL = {1: functional.max_pool1d, 2: functional.max_pool2d, 3: functional.max_pool3d}
_MEAN_POOL = {1: functional.avg_pool1d, 2: functional.avg_pool2d, 3: functional.avg_pool3d}
_HALF = (torch.float16, torch.bfloat16)


def maximum(images: Tensor, windows: tuple[Windows, ...]) -> Tensor:
    """The largest element of every window, by torch.nn.functional.max_pool1d, 2d or 3d.

    images (*leading, *size), real -> (*leading, *count). Padding that those functions refuse (unequal on the
    two sides, or more than half of the kernel) is laid around the images first, as minus infinity; a window
    that holds nothing but minus infinity may then hand its gradient to the padding.

    >>> from fieldmark.conv.pooling.windows import windows_of
    >>> maximum(torch.tensor([1.0, 3.0, 2.0, 0.0]), windows_of((4,), 2, 1, 0, 1, False))
    tensor([3., 3., 2.])
    """
    pool = _MAX_POOL[len(windows)]
    kernel, stride, padding, dilation = _settings(windows)
    if _torch_pads(windows):
        batch = _batch(images, len(windows))
        pooled = pool(batch, kernel, stride, padding, dilation, ceil_mode=_stand_out(windows))
    else:
        pooled = pool(_batch(_padded(images, windows, -math.inf), len(windows)), kernel, stride, 0, dilation)
    return pooled.reshape(_pooled_shape(images, windows))


def mean(images: Tensor, windows: tuple[Windows, ...], count_padding: bool) -> Tensor:
    """The mean of every window, by torch.nn.functional.avg_pool1d, 2d or 3d where they have the case.

    images (*leading, *size), real or complex -> (*leading, *count). What those functions refuse (padding that
    is unequal or more than half of the kernel, dilation, complex numbers, some volumes) is summed axis by
    axis and divided by the number of elements.

    >>> from fieldmark.conv.pooling.windows import windows_of
    >>> mean(torch.tensor([1.0, 3.0, 2.0]), windows_of((3,), 2, 2, ((1, 0),), 1, False), count_padding=False)
    tensor([1.0000, 2.5000])
    """
    if not _has_mean(images, windows):
        return _mean_by_sums(images, windows, count_padding)
    kernel, stride, padding, _ = _settings(windows)
    batch = _batch(images, len(windows))
    pooled = _MEAN_POOL[len(windows)](batch, kernel, stride, padding, _stand_out(windows), count_padding)
    return pooled.reshape(_pooled_shape(images, windows))


def global_maximum(images: Tensor, windows: tuple[Windows, ...]) -> Tensor:
    """The largest element of all; windows: one per axis, as large as the input.

    torch.max along an axis gives the first of several, as the windowed function does, and works in parallel.

    >>> from fieldmark.conv.pooling.windows import windows_of
    >>> global_maximum(torch.tensor([1.0, 3.0, 2.0]), windows_of((3,), 3, 1, 0, 1, False))
    tensor([3.])
    """
    return images.flatten(-len(windows)).max(-1).values.reshape(_pooled_shape(images, windows))


def global_mean(images: Tensor, windows: tuple[Windows, ...], _: bool) -> Tensor:
    """The mean of all elements; windows: one per axis, as large as the input.

    torch.mean sums in pairs, so that its error grows with the logarithm of the number of elements only.

    >>> from fieldmark.conv.pooling.windows import windows_of
    >>> global_mean(torch.tensor([1.0, 3.0, 2.0]), windows_of((3,), 3, 1, 0, 1, False), False)
    tensor([2.])
    """
    return images.mean(tuple(range(-len(windows), 0)), keepdim=True)


def _mean_by_sums(images: Tensor, windows: tuple[Windows, ...], count_padding: bool) -> Tensor:
    # Sums of half-precision numbers would be rounded after every axis, and overflow.
    sums = _padded(images.float() if images.dtype in _HALF else images, windows, 0.0)
    for axis, along in enumerate(windows, start=-len(windows)):
        seen = sums.unfold(axis % sums.dim(), along.reach, along.stride)[..., :: along.dilation]
        sums = seen.sum(-1)
    return (sums / _counts(windows, count_padding).to(sums.device, sums.dtype)).to(images.dtype)


def _counts(windows: tuple[Windows, ...], count_padding: bool) -> Tensor:
    """How many elements each window is the mean of, float64 (*count)."""
    counts = torch.ones((), dtype=torch.float64)
    for along in windows:
        numbers = [len(along.padded(i) if count_padding else along.inside(i)) for i in range(along.count)]
        counts = counts.unsqueeze(-1) * torch.tensor(numbers, dtype=torch.float64)
    return counts


def _torch_pads(windows: tuple[Windows, ...]) -> bool:
    return all(axis.before == axis.after and 2 * axis.before <= axis.kernel for axis in windows)


def _has_mean(images: Tensor, windows: tuple[Windows, ...]) -> bool:
    if images.is_complex() or not _torch_pads(windows) or any(axis.dilation > 1 for axis in windows):
        return False
    # avg_pool3d knows no half precision, and refuses an input smaller than the kernel, padded or not.
    return len(windows) < 3 or (
        images.dtype not in _HALF and all(axis.kernel <= axis.size for axis in windows)
    )


def _stand_out(windows: tuple[Windows, ...]) -> bool:
    """Whether ceil_mode has added a window: one that stands out of the input and its padding."""
    return any(_end(axis) > axis.size + axis.after for axis in windows)


def _padded(images: Tensor, windows: tuple[Windows, ...], value: float) -> Tensor:
    """`images` with all that the windows see, and no more: what stands behind the last window is cut off."""
    around = [side for axis in reversed(windows) for side in (axis.before, _end(axis) - axis.size)]
    return functional.pad(images, around, value=value)


def _end(axis: Windows) -> int:
    """Where the last window ends."""
    return (axis.count - 1) * axis.stride - axis.before + axis.reach


def _settings(windows: tuple[Windows, ...]) -> tuple[list[int], list[int], list[int], list[int]]:
    kernel, stride = [axis.kernel for axis in windows], [axis.stride for axis in windows]
    return kernel, stride, [axis.before for axis in windows], [axis.dilation for axis in windows]


def _batch(images: Tensor, axes: int) -> Tensor:
    """(N, C, *size), the form that PyTorch pools; untouched where it has it, to keep its memory format."""
    if images.dim() == axes + 2 and images.numel() > 0:
        return images
    leading = math.prod(images.shape[:-axes])  # with no pictures a -1 would be ambiguous
    return images.reshape(leading, 1, *images.shape[-axes:])


def _pooled_shape(images: Tensor, windows: tuple[Windows, ...]) -> tuple[int, ...]:
    return *images.shape[: -len(windows)], *(axis.count for axis in windows)
