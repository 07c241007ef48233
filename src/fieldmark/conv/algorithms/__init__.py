"""The ways to convolve, a file each: any of them computes every problem that it supports, and says its cost.

`spectral` and `tiling` are what the Fourier ways stand on, `cook_toom` what Winograd's does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fieldmark.families import resolve

if TYPE_CHECKING:
    from fieldmark.conv.problem import Algorithm

ALGORITHMS = {
    "reference": "fieldmark.conv.algorithms.reference:REFERENCE",
    "im2col": "fieldmark.conv.algorithms.im2col:IM2COL",
    "shifted": "fieldmark.conv.algorithms.shifted:SHIFTED",
    "fft": "fieldmark.conv.algorithms.fourier:FFT",
    "overlap_add": "fieldmark.conv.algorithms.fourier:OVERLAP_ADD",
    "overlap_save": "fieldmark.conv.algorithms.fourier:OVERLAP_SAVE",
    "winograd": "fieldmark.conv.algorithms.winograd:WINOGRAD",
    "winograd4": "fieldmark.conv.algorithms.winograd:WINOGRAD4",
    "torch": "fieldmark.conv.algorithms.native:TORCH",
    "channels_last": "fieldmark.conv.algorithms.native:CHANNELS_LAST",
}
"""Name to "module:Algorithm". `auto` is none of them: it picks one (`auto/choice.py`)."""


def algorithm(name: str) -> Algorithm:
    """A member of ALGORITHMS.

    >>> algorithm("fft").summary
    'Fourier transform of the whole picture'
    """
    found: Algorithm = resolve(ALGORITHMS, name, "convolution algorithm")
    return found
