"""The antialiased triangle filter, as exact numbers.

Output i of n_out looks at the input n_in around its centre c = (i + 1/2) n_in / n_out (half-pixel centres):

    weight(k)  ~  max(0, 1 - |k + 1/2 - c| / s),    s = max(1, n_in / n_out)

cut at the border and brought to the sum 1: linear interpolation when enlarging, a triangle two output pixels
wide when reducing (Pillow's BILINEAR). Weights are multiples of 2^-16: the running sum of a row is rounded,
and each weight is a difference of it, so that none is negative and every row sums to exactly 1 at any scale.

Exact arithmetic follows. A pixel has 8 bits and a pass adds 16, so one pass over uint8 stays within 24 bits
and is exact in float32, a second one stays within 40 bits and is exact in float64 (it would not be in
float32). No order of summation, no instruction set and no library can then change a result.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

ONE = 2**16
"""What the weights of one output pixel sum to, in the units that `taps` counts in."""

SMALL_PRODUCT = 2**18
"""Multiplications up to which BLAS stays in its caller's thread: several of ours decode side by side."""

ROWS_AT_ONCE = 2**22
"""Pixels of an image that are asked for at once; where an output looks at more, its sum is made in parts."""

MANY = 2**16
"""Inputs from which on the matrices of an axis are made one by one and not remembered."""

Matrix = NDArray[np.float64]
Block = tuple[int, int, Matrix]


class RowSource(Protocol):
    """A table uint8 (n, columns) whose rows can be had."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __getitem__(self, rows: slice, /) -> NDArray[np.uint8]: ...


def taps(n_in: int, n_out: int, start: int, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The filter of some outputs, each at the inputs that it looks at.

    Args:
        n_in: inputs in all.
        n_out: outputs in all.
        start: the first output wanted.
        count: how many outputs are wanted.

    Returns:
        The first input of each output, int64 (count,), and the weights from there on, int64 (count, width).
        The weights count in 2^-16 and each row sums to `ONE`.

    >>> first, weights = taps(4, 2, 0, 2)
    >>> first.tolist(), weights.tolist()
    ([0, 0], [[28087, 28087, 9362, 0], [0, 9362, 28087, 28087]])
    """
    # Distances are multiplied by 2 n_out, which makes them whole. A picture of 100,000,000 x 1 pixels is
    # allowed, and its positions times its enlarged size need Python's integers.
    kind = np.int64 if n_in * n_out < 2**60 else object
    reach = 2 * max(n_in, n_out)
    width = min(n_in, -(-reach // n_out))
    centre = (2 * np.arange(start, start + count).astype(kind) + 1) * n_in
    first = np.clip((centre - reach - n_out) // (2 * n_out) + 1, 0, n_in - width)
    nearest = ((2 * first + 1) * n_out - centre).astype(np.int64)
    distances = nearest[:, None] + 2 * n_out * np.arange(width)
    running = np.maximum(0, reach - np.abs(distances)).cumsum(1)
    rounded = np.rint(running / running[:, -1:] * ONE).astype(np.int64)
    return first.astype(np.int64), np.diff(rounded, axis=1, prepend=0)


def weights(n_in: int, n_out: int, start: int = 0, count: int | None = None) -> Matrix:
    """The filter of some outputs as a dense matrix.

    Args:
        n_in: inputs in all.
        n_out: outputs in all.
        start: the first output wanted.
        count: how many outputs are wanted; None takes all from `start` on.

    Returns:
        float64 (count, n_in), multiples of 2^-16 from 0 to 1, hence exact in float32 too; each row sums to
        exactly 1.

    >>> weights(2, 4)
    array([[1.  , 0.  ],
           [0.75, 0.25],
           [0.25, 0.75],
           [0.  , 1.  ]])
    """
    count = n_out - start if count is None else count
    first, tap = taps(n_in, n_out, start, count)
    matrix = np.zeros((count, n_in))
    matrix[np.arange(count)[:, None], first[:, None] + np.arange(tap.shape[1])] = tap / ONE
    return matrix


@lru_cache(maxsize=256)
def span(n_in: int, n_out: int, start: int, count: int) -> tuple[int, int]:
    """The inputs [from, to) that outputs start ... start + count - 1 look at.

    >>> span(8, 4, 1, 2)
    (1, 7)
    """
    low, _ = taps(n_in, n_out, start, 1)
    high, last = taps(n_in, n_out, start + count - 1, 1)
    return int(low[0]), int(high[0]) + last.shape[1]


def filter_rows(image: RowSource, n_out: int, start: int, count: int) -> NDArray[np.float32]:
    """First pass, down the rows.

    Args:
        image: uint8 (n_in, columns), an array, or what has a shape and gives its rows from `first` to `end`
            for image[first:end].
        n_out: outputs in all.
        start: the first output wanted.
        count: how many outputs are wanted.

    Returns:
        float32 (count, columns), whole numbers below 2^24.
    """
    n_in, columns = image.shape
    result = np.empty((count, columns), np.float32)
    most = max(1, ROWS_AT_ONCE // columns)
    for output, low, matrix in _blocks(n_in, n_out, start, count, 1):
        down = np.ascontiguousarray(matrix.T, np.float32)  # (outputs, inputs)
        outputs = slice(output, output + len(down))
        for first in range(0, len(matrix), most):
            part = np.ascontiguousarray(down[:, first : first + most])
            inputs = image[low + first : low + first + part.shape[1]]
            step = max(16, SMALL_PRODUCT // part.size)
            for left in range(0, columns, step):
                tile, sums = (
                    inputs[:, left : left + step].astype(np.float32),
                    result[outputs, left : left + step],
                )
                if first == 0:
                    np.matmul(part, tile, out=sums)
                else:
                    sums += part @ tile  # whole numbers below 2^24, so exact in any order
    return result


def filter_columns(
    rows: NDArray[np.float32], channels: int, origin: int, n_in: int, n_out: int, start: int, count: int
) -> NDArray[np.float64]:
    """Second pass, along the rows.

    Args:
        rows: float32 (height, inputs * channels), the inputs from `origin` on, as many of the n_in as are
            needed.
        channels: 1 or 3, interleaved.
        origin: the first input that is there.
        n_in: inputs in all.
        n_out: outputs in all.
        start: the first output wanted.
        count: how many outputs are wanted.

    Returns:
        float64 (height, count * channels), whole numbers below 2^40.
    """
    height = len(rows)
    result = np.empty((height, count * channels))
    for output, low, matrix in _blocks(n_in, n_out, start, count, channels):
        left, first = output * channels, (low - origin) * channels
        outputs, inputs = slice(left, left + matrix.shape[1]), slice(first, first + len(matrix))
        step = max(16, SMALL_PRODUCT // matrix.size)
        for top in range(0, height, step):
            tile = rows[top : top + step, inputs].astype(np.float64)
            np.matmul(tile, matrix, out=result[top : top + step, outputs])
    return result


def _blocks(n_in: int, n_out: int, start: int, count: int, channels: int) -> Iterable[Block]:
    """The filter in pieces (output, low, matrix): outputs from `output` on, which need inputs from `low` on.

    matrix (inputs * channels, outputs * channels): the weights, each repeated down the diagonal of a square
    channels x channels, so that interleaved channels need no transposition.
    """
    if n_in <= MANY:
        return _remembered_blocks(n_in, n_out, start, count, channels)
    return (  # all at once would not fit in memory
        (output, low, matrix)
        for output in range(count)
        for _, low, matrix in _make_blocks(n_in, n_out, start + output, 1, channels)
    )


@lru_cache(maxsize=64)
def _remembered_blocks(n_in: int, n_out: int, start: int, count: int, channels: int) -> list[Block]:
    return _make_blocks(n_in, n_out, start, count, channels)


def _make_blocks(n_in: int, n_out: int, start: int, count: int, channels: int) -> list[Block]:
    first, tap = taps(n_in, n_out, start, count)
    # Eight inputs' worth of outputs together was fast, for 12-megapixel photos as for thumbnails.
    together = min(count, max(4, 8 * n_out // n_in))
    begins = np.arange(0, count, together)
    ends = np.minimum(begins + together, count)
    inputs = int((first[ends - 1] - first[begins]).max()) + tap.shape[1]
    lows = np.minimum(first[begins], first[-1] + tap.shape[1] - inputs)
    block, column = np.divmod(np.arange(count)[:, None], together)
    row = first[:, None] + np.arange(tap.shape[1]) - lows[block]
    matrices = np.zeros((len(begins), inputs, channels, together, channels))
    for channel in range(channels):
        matrices[block, row, channel, column, channel] = tap
    return [
        (begin, low, matrix[:, :, : end - begin].reshape(inputs * channels, -1))
        for begin, end, low, matrix in zip(
            begins.tolist(), ends.tolist(), lows.tolist(), matrices, strict=True
        )
    ]
