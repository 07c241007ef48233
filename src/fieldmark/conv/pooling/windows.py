"""Which elements of its input each window of a pooling sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fieldmark.conv.geometry import Padding, Pair, pads, per_axis, spell
from fieldmark.errors import UserError


@dataclass(frozen=True)
class Windows:
    """The windows along one axis: `count` of them, window i starts at i*stride - before.

    size: elements of the input; before, after: elements of padding. Positions count from the first element of
    the input, so those of the padding before it are negative.

    >>> [list(Windows(5, 3, 2, 1, 1, 1, count=3).inside(i)) for i in range(3)]
    [[0, 1], [1, 2, 3], [3, 4]]
    """

    size: int
    kernel: int
    stride: int
    dilation: int
    before: int
    after: int
    count: int

    @property
    def reach(self) -> int:
        """How far a window spans: d(m-1) + 1."""
        return self.dilation * (self.kernel - 1) + 1

    def inside(self, i: int) -> range:
        """What window i sees of the input, the padding left out."""
        return self._seen(i, 0, self.size)

    def padded(self, i: int) -> range:
        """What window i sees of the input and its padding; ceil_mode lets the last stand out of both."""
        return self._seen(i, -self.before, self.size + self.after)

    def _seen(self, i: int, low: int, high: int) -> range:
        start, d = i * self.stride - self.before, self.dilation
        first = max(0, -((start - low) // d))  # the first tap at low or above: (low - start) / d, rounded up
        stop = min(self.kernel, -((start - high) // d))
        return range(start + first * d, start + stop * d, d)


def windows_of(
    size: Sequence[int],
    kernel: int | Sequence[int],
    stride: int | Sequence[int] | None,
    padding: Padding,
    dilation: int | Sequence[int],
    ceil_mode: bool,
) -> tuple[Windows, ...]:
    """The windows along every axis of an input of `size`; stride None stands for the kernel.

    Raises UserError where not one window fits, and where a window would see nothing but padding.

    >>> [axis.count for axis in windows_of((5, 6), 3, 2, 0, 1, ceil_mode=True)]
    [2, 3]
    """
    axes = len(size)
    kernels, dilations = per_axis(kernel, axes, "kernel", 1), per_axis(dilation, axes, "dilation", 1)
    strides = kernels if stride is None else per_axis(stride, axes, "stride", 1)
    around = pads(padding, kernels, dilations)
    settings = zip(size, kernels, strides, dilations, around, strict=True)
    windows = tuple(_along(*setting, ceil_mode) for setting in settings)
    if any(axis.count < 1 for axis in windows):
        padded = tuple(axis.before + axis.size + axis.after for axis in windows)
        raise UserError(
            f"{_name(windows)} does not fit into an input of {spell(size)} with padding ({spell(padded)}): "
            "the input and its padding must be at least as large on every axis. Take a smaller kernel."
        )
    if not all(map(_sees_the_input, windows)):
        raise UserError(
            f"with padding {around} around an input of {spell(size)}, {_name(windows)} sees nothing but "
            "padding in some windows: each must hold an element of the input. Pad or dilate less."
        )
    return windows


def _along(size: int, kernel: int, stride: int, dilation: int, around: Pair, ceil_mode: bool) -> Windows:
    before, after = around
    room = before + size + after - dilation * (kernel - 1) - 1  # how far the first window can move
    count = room // stride + 1
    if ceil_mode:
        count = -(-room // stride) + 1
        # PyTorch's rule: the last window must start inside the input or the padding before it.
        if (count - 1) * stride >= before + size:
            count -= 1
    return Windows(size, kernel, stride, dilation, before, after, count)


def _sees_the_input(axis: Windows) -> bool:
    # Of the windows that start inside the input or behind it, the last one is the worst.
    starting_before = range(min(axis.count, axis.before))
    return all(axis.inside(i) for i in (*starting_before, axis.count - 1))


def _name(windows: tuple[Windows, ...]) -> str:
    dilated = any(axis.dilation > 1 for axis in windows)
    spans = f" (with its dilation {spell([axis.reach for axis in windows])})" if dilated else ""
    return f"a pooling kernel of {spell([axis.kernel for axis in windows])}{spans}"
