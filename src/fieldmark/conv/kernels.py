"""Hand-set kernels for blurs, edges, shapes and waves: functions that give float64 arrays (rows, columns).

They are meant for correlation, which is what deep learning computes: laid on the picture as they are written.
So `sobel_x`, with rows (-1, 0, 1), is positive where brightness grows to the right, and shows vertical edges.
`conv.correlate2d(picture, kernels.sobel_x(), padding="same")` applies it; `conv.conv2d` would flip it first.

Blurs sum to 1: an even area keeps its brightness. Derivatives and shapes sum to 0: an even area gives 0.

Numpy is imported by the first kernel made, so that the table can be read without waiting for it.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from fieldmark.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Kernel: TypeAlias = NDArray[np.float64]

KERNELS = {
    "mean": "fieldmark.conv.kernels:mean",
    "gaussian": "fieldmark.conv.kernels:gaussian",
    "sharpen": "fieldmark.conv.kernels:sharpen",
    "prewitt_x": "fieldmark.conv.kernels:prewitt_x",
    "prewitt_y": "fieldmark.conv.kernels:prewitt_y",
    "sobel_x": "fieldmark.conv.kernels:sobel_x",
    "sobel_y": "fieldmark.conv.kernels:sobel_y",
    "laplacian": "fieldmark.conv.kernels:laplacian",
    "emboss": "fieldmark.conv.kernels:emboss",
    "diagonal": "fieldmark.conv.kernels:diagonal",
    "antidiagonal": "fieldmark.conv.kernels:antidiagonal",
    "cross": "fieldmark.conv.kernels:cross",
    "checkerboard": "fieldmark.conv.kernels:checkerboard",
    "gabor": "fieldmark.conv.kernels:gabor",
}
"""Name to "module:function". The first line of a function's docstring is its summary."""


def mean(size: int = 3) -> Kernel:
    """Blur: every pixel becomes the mean of its neighbourhood.

    Every tap is 1/size^2; they sum to 1.

    Args:
        size: Rows and columns, at least 1.

    Raises:
        UserError: The size is another.

    >>> mean(2)
    array([[0.25, 0.25],
           [0.25, 0.25]])
    """
    size = _size(size)
    return _array([[1 / size**2] * size] * size)


def gaussian(sigma: float = 1.0, size: int | None = None) -> Kernel:
    """Soft blur: near pixels count more, by the normal distribution.

    exp(-(x^2 + y^2) / (2 sigma^2)) at the pixels, divided by its sum, so that it sums to 1.

    Args:
        sigma: The standard deviation in pixels, above 0.
        size: Rows and columns; None for 2*round(4*sigma) + 1, where scipy.ndimage.gaussian_filter stops too.

    Raises:
        UserError: The sigma or the size is another.

    >>> gaussian(sigma=0.5, size=3).round(3)
    array([[0.011, 0.084, 0.011],
           [0.084, 0.619, 0.084],
           [0.011, 0.084, 0.011]])
    """
    sigma = _positive(sigma, "sigma")
    size = 2 * int(4 * sigma + 0.5) + 1 if size is None else _size(size)
    distances = [(i - (size - 1) / 2) / sigma for i in range(size)]
    bell = [math.exp(-distance * distance / 2) for distance in distances]
    total = sum(bell)
    if total == 0:
        raise UserError(f"sigma={sigma} is too small for size={size}: every tap is 0. Take a larger sigma.")
    return _array([[down / total * across / total for across in bell] for down in bell])


def sharpen() -> Kernel:
    """Sharpen: the picture minus its Laplacian, so that edges overshoot.

    It sums to 1, and leaves the range of the picture at edges.

    >>> sharpen()
    array([[ 0., -1.,  0.],
           [-1.,  5., -1.],
           [ 0., -1.,  0.]])
    """
    return _array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]])


def prewitt_x() -> Kernel:
    """Vertical edges: brightness growing to the right is positive.

    The central difference, summed over three rows; sums to 0; the slope per pixel times 6 (Prewitt 1970,
    "Object enhancement and extraction"; scipy.ndimage.prewitt along the last axis).

    >>> prewitt_x()
    array([[-1.,  0.,  1.],
           [-1.,  0.,  1.],
           [-1.,  0.,  1.]])
    """
    return _array([[-1, 0, 1]] * 3)


def prewitt_y() -> Kernel:
    """Horizontal edges: brightness growing downwards is positive.

    The transpose of `prewitt_x`.

    >>> prewitt_y()
    array([[-1., -1., -1.],
           [ 0.,  0.,  0.],
           [ 1.,  1.,  1.]])
    """
    return _array([[-1] * 3, [0] * 3, [1] * 3])


def sobel_x() -> Kernel:
    """Vertical edges, the middle row counted twice: growing to the right is positive.

    Sums to 0; the slope per pixel times 8 (Sobel & Feldman 1968; scipy.ndimage.sobel along the last axis,
    OpenCV's Sobel with dx=1).

    >>> sobel_x()
    array([[-1.,  0.,  1.],
           [-2.,  0.,  2.],
           [-1.,  0.,  1.]])
    """
    return _array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])


def sobel_y() -> Kernel:
    """Horizontal edges, the middle column counted twice: growing downwards is positive.

    The transpose of `sobel_x`.

    >>> sobel_y()
    array([[-1., -2., -1.],
           [ 0.,  0.,  0.],
           [ 1.,  2.,  1.]])
    """
    return _array([[-1, -2, -1], [0, 0, 0], [1, 2, 1]])


def laplacian() -> Kernel:
    """Edges in all directions: how much brighter the four neighbours are than the pixel.

    The second differences along both axes, summed; sums to 0 (scipy.ndimage.laplace).

    >>> laplacian()
    array([[ 0.,  1.,  0.],
           [ 1., -4.,  1.],
           [ 0.,  1.,  0.]])
    """
    return _array([[0, 1, 0], [1, -4, 1], [0, 1, 0]])


def emboss() -> Kernel:
    """Relief: brightness as height, lit from the upper left.

    The picture plus its slope along the diagonal; sums to 1, and leaves the range of the picture at edges
    (the convolution matrix "emboss" of GIMP's manual).

    >>> emboss()
    array([[-2., -1.,  0.],
           [-1.,  1.,  1.],
           [ 0.,  1.,  2.]])
    """
    return _array([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]])


def diagonal(size: int = 3) -> Kernel:
    r"""Lines that fall to the right, as \ does.

    1 on the shape, elsewhere the one negative number that makes the sum 0. On a picture between 0 and 1
    nothing gives more than the shape itself in white on black: the number of its pixels. At size 3 it is half
    the line detector of Gonzalez & Woods, "Digital Image Processing", section 10.2.

    Args:
        size: Rows and columns, at least 2.

    Raises:
        UserError: The size is another.

    >>> diagonal()
    array([[ 1. , -0.5, -0.5],
           [-0.5,  1. , -0.5],
           [-0.5, -0.5,  1. ]])
    """
    return _shape(_size(size, least=2), lambda row, column: row == column)


def antidiagonal(size: int = 3) -> Kernel:
    """Lines that rise to the right, as / does.

    `diagonal` mirrored.

    >>> antidiagonal()
    array([[-0.5, -0.5,  1. ],
           [-0.5,  1. , -0.5],
           [ 1. , -0.5, -0.5]])
    """
    size = _size(size, least=2)
    return _shape(size, lambda row, column: row + column == size - 1)


def cross(size: int = 3) -> Kernel:
    """Upright crosses, one pixel thick.

    1 on the cross, elsewhere the negative number that makes the sum 0, as in `diagonal`.

    Args:
        size: Rows and columns, odd, at least 3.

    Raises:
        UserError: The size is another.

    >>> cross()
    array([[-1.25,  1.  , -1.25],
           [ 1.  ,  1.  ,  1.  ],
           [-1.25,  1.  , -1.25]])
    """
    size = _size(size, least=3)
    if size % 2 == 0:
        raise UserError(f"a cross of size {size} has no middle row; take an odd size.")
    return _shape(size, lambda row, column: size // 2 in (row, column))


def checkerboard(size: int = 2) -> Kernel:
    """Checkerboards with squares of one pixel, the upper left one white.

    1 on white squares, elsewhere the negative number that makes the sum 0, as in `diagonal`.

    Args:
        size: Rows and columns, at least 2.

    Raises:
        UserError: The size is another.

    >>> checkerboard()
    array([[ 1., -1.],
           [-1.,  1.]])
    """
    return _shape(_size(size, least=2), lambda row, column: (row + column) % 2 == 0)


def gabor(
    sigma: float = 2.0,
    wavelength: float = 4.0,
    degrees: float = 0.0,
    phase: float = 0.0,
    aspect: float = 0.5,
    size: int | None = None,
) -> Kernel:
    """Stripes of one width and direction: a wave under a bell.

    exp(-(u^2 + aspect^2 v^2) / (2 sigma^2)) * cos(2 pi u / wavelength + phase) with u = x cos(degrees) + y
    sin(degrees), v = y cos(degrees) - x sin(degrees): OpenCV's getGaborKernel, which takes radians. As there,
    x runs left and y up from the centre: with phase 90 it is positive where brightness grows to the right.

    The sum is near 0, not 0.

    Args:
        sigma: The standard deviation of the bell across the stripes, in pixels.
        wavelength: From one white stripe to the next, in pixels.
        degrees: How far the direction across the stripes is turned clockwise from the right.
        phase: In degrees: 0 for a white stripe in the middle, 90 for an edge.
        aspect: The standard deviation of the bell along the stripes is sigma/aspect.
        size: Rows and columns; None for three standard deviations each way.

    Raises:
        UserError: A sigma, wavelength or aspect is not above 0, or the size is below 1.

    >>> gabor(sigma=1, wavelength=4, phase=90, aspect=1, size=3).round(3)
    array([[-0.368,  0.   ,  0.368],
           [-0.607,  0.   ,  0.607],
           [-0.368,  0.   ,  0.368]])
    """
    sigma, wavelength = _positive(sigma, "sigma"), _positive(wavelength, "wavelength")
    aspect = _positive(aspect, "aspect")
    angle, shift = math.radians(_finite(degrees, "degrees")), math.radians(_finite(phase, "phase"))
    size = 2 * math.ceil(3 * sigma / min(1.0, aspect)) + 1 if size is None else _size(size)
    cosine, sine = math.cos(angle), math.sin(angle)

    def value(x: float, y: float) -> float:
        u, v = x * cosine + y * sine, y * cosine - x * sine
        across, along = u / sigma, aspect * v / sigma
        bell = math.exp(-(across * across + along * along) / 2)
        return bell * math.cos(2 * math.pi * u / wavelength + shift)

    left_or_up = [(size - 1) / 2 - i for i in range(size)]
    return _array([[value(x, y) for x in left_or_up] for y in left_or_up])


def _shape(size: int, white: Callable[[int, int], bool]) -> Kernel:
    """1 where `white(row, column)`, elsewhere what makes the sum 0."""
    cells = [[white(row, column) for column in range(size)] for row in range(size)]
    inside = sum(map(sum, cells))
    outside = -inside / (size**2 - inside)
    return _array([[1.0 if cell else outside for cell in row] for row in cells])


def _array(rows: Sequence[Sequence[float]]) -> Kernel:
    import numpy as np

    return np.array(rows, dtype=np.float64)


def _size(size: int, least: int = 1) -> int:
    try:
        number = operator.index(size)
    except TypeError:
        number = least - 1
    if number < least:
        raise UserError(f"size={size!r}: a whole number of at least {least} is needed.")
    return number


def _positive(value: float, name: str) -> float:
    if _finite(value, name) <= 0:
        raise UserError(f"{name}={value!r}: a number above 0 is needed.")
    return float(value)


def _finite(value: float, name: str) -> float:
    if not math.isfinite(value):
        raise UserError(f"{name}={value!r}: a finite number is needed.")
    return float(value)
