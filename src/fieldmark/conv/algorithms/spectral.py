"""Convolution through the Fourier transform: tiles there, a product per frequency, and back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from fieldmark.conv.algorithms.tiling import CHUNK, TINY, Tiling, chunks, in_one_go, uses_matrices
from fieldmark.conv.arrays import empty
from fieldmark.conv.problem import Problem, unstride
from fieldmark.memory import keep_freed_memory


def correlate_tiles(x: Tensor, w: Tensor, problem: Problem, tiling: Tiling) -> Tensor:
    """Correlation by overlap-save: overlapping tiles go in, the part that did not wrap around comes out.

    x (N, C_in, *size), w (C_out, C_in/groups, *kernel) -> (N, C_out, *output). No gradients: see
    `fourier.py`.

    >>> x, w, problem = torch.arange(5.0), torch.ones(2), Problem(1, 1, 1, (5,), (2,), (1,), ((0, 0),), (1,))
    >>> tiling = Tiling((2,), (2,), (4,))
    >>> correlate_tiles(x.reshape(1, 1, 5), w.reshape(1, 1, 2), problem, tiling).round().tolist()
    [[[1.0, 3.0, 5.0, 7.0]]]
    """
    keep_freed_memory(2**26)
    if in_one_go(problem, tiling):
        return correlate_at_once(x, w, problem, tiling)
    y = empty((problem.batch, problem.groups, problem.out_channels // problem.groups, *problem.output), x)
    x = x.reshape(problem.batch, problem.groups, -1, *problem.size)
    w = w.reshape(problem.groups, problem.out_channels // problem.groups, *w.shape[1:])
    valid = [slice(0, step, s) for step, s in zip(tiling.step, problem.stride, strict=True)]
    for groups, pieces in chunks(problem, tiling):
        kernel = kernel_spectrum(w[groups], problem, tiling)
        for pictures, rows in pieces:
            tiles = spectrum(overlapping(x[pictures, groups], rows, problem, tiling), problem.axes)
            found = inverse(multiply(tiles, kernel, problem), tiling.length, valid, x.is_complex())
            place(found, y[pictures, groups], rows, tiling)
    return y.reshape(problem.batch, problem.out_channels, *problem.output)


def correlate_at_once(x: Tensor, w: Tensor, problem: Problem, tiling: Tiling) -> Tensor:
    """`correlate_tiles` for one tile and a kernel per channel, as the product of two transforms.

    With the kernel turned around the full convolution has output t at sum of x[t - k] w[reach - 1 - k], and
    the wanted ones begin at reach - 1 - before.
    """
    if problem.device == "cpu" and problem.batch * problem.groups * math.prod(tiling.length) <= TINY:
        return _tiny(x, w, problem, tiling)
    dims, there, back = tuple(range(2, 2 + problem.axes)), torch.fft.rfftn, torch.fft.irfftn
    if x.is_complex():
        there, back = torch.fft.fftn, torch.fft.ifftn
    turned = dilated(w[:, 0], problem).flip(tuple(range(1, 1 + problem.axes)))
    spectra = there(x, s=tiling.length, dim=dims).mul_(
        there(turned, s=tiling.length, dim=tuple(d - 1 for d in dims))
    )
    full = back(spectra, s=tiling.length, dim=dims)
    shifts, wanted = _window(problem)
    if any(shifts):  # more padding than the kernel can reach over: the circle is turned so far
        full = full.roll(shifts, dims)
    return full[wanted].contiguous()


@np.errstate(all="ignore")  # PyTorch's transforms do not warn of infinities either
def _tiny(x: Tensor, w: Tensor, problem: Problem, tiling: Tiling) -> Tensor:
    # numpy's transforms stay on one core: to wake a second one would take longer than all of this.
    kernel = dilated(w.detach().resolve_conj().resolve_neg(), problem).numpy()[None, :, 0]
    backwards: Any = (..., *[slice(None, None, -1)] * problem.axes)
    turned = kernel[backwards]
    numbers = _numpy_spectrum(x.detach().resolve_conj().resolve_neg().numpy(), tiling.length)
    numbers *= _numpy_spectrum(turned, tiling.length)
    shifts, (_, *parts) = _window(problem)
    for axis in range(problem.axes, 0, -1):  # of every axis only what is wanted goes through the next
        if axis > 1 or x.is_complex():
            numbers = np.fft.ifft(numbers, axis=-axis)
        else:
            numbers = np.fft.irfft(numbers, tiling.length[-1])
        if shifts[-axis]:
            numbers = np.roll(numbers, shifts[-axis], -axis)
        numbers = numbers[(..., parts[-axis], *[slice(None)] * (axis - 1))]
    return torch.from_numpy(np.ascontiguousarray(numbers))


def _numpy_spectrum(numbers: NDArray[Any], length: Sequence[int]) -> NDArray[Any]:
    """`padded_spectrum` in numpy, the axes left apart."""
    numbers = (np.fft.fft if np.iscomplexobj(numbers) else np.fft.rfft)(numbers, length[-1])
    for axis in range(2, len(length) + 1):
        numbers = np.fft.fft(numbers, length[-axis], -axis)
    return numbers


@lru_cache(maxsize=4096)
def _window(problem: Problem) -> tuple[tuple[int, ...], Any]:
    """How far to turn the full convolution, and which part of it is the result."""
    starts = [reach - 1 - before for reach, (before, _) in zip(problem.reach, problem.padding, strict=True)]
    parts = [
        slice(max(0, start), max(0, start) + out, stride)
        for start, out, stride in zip(starts, problem.unstrided, problem.stride, strict=True)
    ]
    return tuple(max(0, -start) for start in starts), (..., *parts)


def dilated(w: Tensor, problem: Problem) -> Tensor:
    """w (..., *kernel) with the zeros of its dilation between the taps: (..., *reach)."""
    if all(d == 1 for d in problem.dilation):
        return w
    spread = w.new_zeros(*w.shape[: w.ndim - problem.axes], *problem.reach)
    taps: Any = (..., *[slice(None, None, d) for d in problem.dilation])
    spread[taps] = w
    return spread


def kernel_gradient(x: Tensor, gradient: Tensor, problem: Problem, tiling: Tiling) -> Tensor:
    """dL/dw (C_out, C_in/groups, *kernel) from x and gradient = dL/dy: tiles of x correlated with its tiles.

    dL/dw[k] = sum over i of dL/dy[i] conj(x[i + k]), the conjugate of which is a correlation.

    >>> x, problem = torch.arange(5.0), Problem(1, 1, 1, (5,), (2,), (1,), ((0, 0),), (1,))
    >>> tiling = Tiling((2,), (2,), (4,))
    >>> kernel_gradient(x.reshape(1, 1, 5), torch.ones(1, 1, 4), problem, tiling).round().tolist()
    [[[6.0, 10.0]]]
    """
    axes, width = problem.axes, problem.in_channels // problem.groups
    gradient = torch.unflatten(unstride(gradient, problem), 1, (problem.groups, -1))
    x = x.reshape(problem.batch, problem.groups, width, *problem.size)
    taps = [slice(0, r, d) for r, d in zip(problem.reach, problem.dilation, strict=True)]
    parts = []
    for groups, pieces in chunks(problem, tiling):
        total: Tensor | None = None
        for pictures, rows in pieces:
            tiles = spectrum(overlapping(x[pictures, groups], rows, problem, tiling), axes)
            slopes = padded_spectrum(disjoint(gradient[pictures, groups], rows, tiling), tiling.length)
            slopes = slopes.flatten(3, -2)
            products = correlate_spectra(tiles, slopes, problem)
            total = products if total is None else total.add_(products)
        if total is None:
            return x.new_zeros(problem.out_channels, width, *problem.kernel)
        if uses_matrices(problem):
            total = total.permute(1, 3, 2, 0)  # (G, C_out/G, C_in/G, F)
        parts.append(inverse(total, tiling.length, taps, x.is_complex()))
    to_w = torch.cat(parts).flatten(0, 1)
    return to_w.conj().resolve_conj() if x.is_complex() else to_w


def spectrum(numbers: Tensor, axes: int) -> Tensor:
    """(n, G, C, *tiles, *length) -> (n, G, C, T, F): the transform of every tile."""
    dims = tuple(range(-axes, 0))
    transform = torch.fft.fftn if numbers.is_complex() else torch.fft.rfftn
    return transform(numbers, dim=dims).flatten(-axes).flatten(3, -2)


def padded_spectrum(numbers: Tensor, length: Sequence[int]) -> Tensor:
    """(..., *short) -> (..., F): the transform of `numbers` with zeros added up to `length`.

    Axis by axis, so that rows of nothing but zeros are never transformed.
    """
    last = torch.fft.fft if numbers.is_complex() else torch.fft.rfft
    numbers = last(numbers, n=length[-1])
    for axis in range(2, len(length) + 1):
        numbers = torch.fft.fft(numbers, n=length[-axis], dim=-axis)
    return numbers.flatten(-len(length))


def inverse(spectra: Tensor, length: Sequence[int], wanted: Sequence[slice], is_complex: bool) -> Tensor:
    """(..., F) -> (..., *wanted): back from the frequencies, of every axis only the part `wanted`.

    Axis by axis, so that what is not wanted goes through no further transform.
    """
    axes = len(length)
    numbers = torch.unflatten(spectra, -1, (*length[:-1], length[-1] if is_complex else length[-1] // 2 + 1))
    for axis in range(axes, 1, -1):
        part: Any = (..., wanted[-axis], *[slice(None)] * (axis - 1))
        numbers = torch.fft.ifft(numbers, dim=-axis)[part]
    numbers = torch.fft.ifft(numbers) if is_complex else torch.fft.irfft(numbers, n=length[-1])
    return numbers[..., wanted[-1]]


def kernel_spectrum(w: Tensor, problem: Problem, tiling: Tiling) -> Tensor:
    """conj(transform(conj(w))), which makes a product of spectra a correlation.

    w (G, C_out/G, C_in/G, *kernel) -> (G, C_out/G, C_in/G, F), or (F, G, C_in/G, C_out/G) for matrix
    products.
    """
    w = dilated(w, problem)
    if not uses_matrices(problem):
        return padded_spectrum(w.conj(), tiling.length).conj().resolve_conj()
    groups, height, width = w.shape[:3]
    points = math.prod(tiling.length)
    frequencies = points if w.is_complex() else points // tiling.length[-1] * (tiling.length[-1] // 2 + 1)
    spectra = empty((frequencies, groups, width, height), w, w.dtype.to_complex())
    few = max(1, CHUNK // (groups * width * points))
    for first in range(0, height, few):
        part = padded_spectrum(w[:, first : first + few].conj(), tiling.length)
        spectra[..., first : first + few] = part.conj().permute(3, 0, 2, 1)
    return spectra


def multiply(tiles: Tensor, kernel: Tensor, problem: Problem) -> Tensor:
    """Sum over the input channels, frequency by frequency: (n, G, C_in/G, T, F) -> (n, G, C_out/G, T, F)."""
    if uses_matrices(problem):
        n, groups, _, count, frequencies = tiles.shape
        found = torch.bmm(frequency_first(tiles), kernel.flatten(0, 1))  # (F*G, n*T, C_out/G)
        return found.reshape(frequencies, groups, n, count, -1).permute(2, 1, 4, 3, 0)
    if tiles.shape[2] == kernel.shape[1] == 1:
        return tiles.mul_(kernel[:, :, 0, None])
    found = tiles[:, :, None, 0] * kernel[:, :, 0, None]
    for channel in range(1, tiles.shape[2]):
        found.addcmul_(tiles[:, :, None, channel], kernel[:, :, channel, None])
    return found


def correlate_spectra(tiles: Tensor, slopes: Tensor, problem: Problem) -> Tensor:
    """Sum over pictures and tiles of tiles * conj(slopes), in the layout of `kernel_spectrum`."""
    if uses_matrices(problem):
        products = torch.bmm(frequency_first(tiles).mT, frequency_first(slopes).conj())
        return torch.unflatten(products, 0, (tiles.shape[4], -1))  # (F, G, C_in/G, C_out/G)
    slopes = slopes.conj().resolve_conj()
    return torch.stack(
        [(tiles[:, :, None, channel] * slopes).sum((0, 3)) for channel in range(tiles.shape[2])], dim=2
    )


def frequency_first(spectra: Tensor) -> Tensor:
    """(n, G, C, T, F) -> (F*G, n*T, C), a matrix per frequency and group."""
    n, groups, channels, count, frequencies = spectra.shape
    matrices = spectra.permute(4, 1, 0, 3, 2).reshape(frequencies * groups, n * count, channels)
    return matrices.contiguous()  # bmm takes views one matrix at a time


def overlapping(x: Tensor, rows: slice, problem: Problem, tiling: Tiling) -> Tensor:
    """The tiles of x (n, G, C, *size) as a view (n, G, C, *tiles, *length): each as long as its transform."""
    spans = [(0, tiles) for tiles in tiling.tiles]
    spans[0] = (rows.start, rows.stop)
    border: list[int] = []
    for axis, ((first, last), step, length, (before, _), size) in reversed(
        list(enumerate(zip(spans, tiling.step, tiling.length, problem.padding, problem.size, strict=True), 3))
    ):
        start, width = first * step - before, (last - first - 1) * step + length
        low, high = (min(max(edge, 0), size) for edge in (start, start + width))
        x = x.narrow(axis, low, high - low)  # nothing, where the tiles lie in the padding
        left = min(max(-start, 0), width)
        border += [left, width - left - (high - low)]
    seen = F.pad(x, border)
    for axis, (step, length) in enumerate(zip(tiling.step, tiling.length, strict=True), start=3):
        seen = seen.unfold(axis, length, step)
    return seen


def disjoint(numbers: Tensor, rows: slice, tiling: Tiling) -> Tensor:
    """(n, G, C, *size) as (n, G, C, *tiles, *step): side by side, zeros where the last tile is not full."""
    spans = [(0, tiles) for tiles in tiling.tiles]
    spans[0] = (rows.start, rows.stop)
    border: list[int] = []
    for (first, last), step, size in reversed(list(zip(spans, tiling.step, numbers.shape[3:], strict=True))):
        border += [-first * step, last * step - size]
    seen = F.pad(numbers, border)
    for axis, step in enumerate(tiling.step, start=3):
        seen = seen.unfold(axis, step, step)
    return seen


def place(found: Tensor, y: Tensor, rows: slice, tiling: Tiling) -> None:
    """Write tiles (n, G, C, T, *part) side by side into y (n, G, C, *output).

    From row `rows.start` of tiles on.
    """
    parts = found.shape[4:]
    counts = (rows.stop - rows.start, *tiling.tiles[1:])
    y = y[:, :, :, rows.start * parts[0] :]
    found = torch.unflatten(found, 3, counts)
    axes = len(parts)
    for pieces in product(*map(_full_and_rest, counts, parts, y.shape[3:])):
        target, source = y, found
        for axis, (tiles, span, inner) in reversed(list(enumerate(pieces))):
            target = torch.unflatten(target.narrow(3 + axis, *span), 3 + axis, (tiles[1], inner))
            source = source.narrow(3 + axis, *tiles).narrow(3 + axes + axis, 0, inner)
        order = [0, 1, 2, *[3 + offset for axis in range(axes) for offset in (axis, axes + axis)]]
        target.copy_(source.permute(order))


def _full_and_rest(count: int, part: int, room: int) -> list[tuple[tuple[int, int], tuple[int, int], int]]:
    """(first tile, tiles), (first output, outputs), outputs per tile: the full tiles, and the cut one."""
    full = min(count, room // part)
    rest = min(count * part, room) - full * part
    result = [((0, full), (0, full * part), part)] if full else []
    return [*result, ((full, 1), (full * part, rest), rest)] if rest else result
