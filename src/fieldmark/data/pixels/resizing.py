"""Resizing, defined once: the same numbers from one picture, a whole batch, and the exported ONNX graph.

Two passes of the triangle filter of `interpolation` and one rounding at the end, floor(x + 1/2). The passes
are exact: the first fits float32, the second needs float64. So however a library orders the sums, the pixels
are the same, and this banded numpy version and the dense torch one may both exist.

Rules, for a picture H x W and a wanted size h x w:
- crop: scaled by max(h/H, w/W), so that it covers the size; the centre is kept, from floor((n - size)/2) on;
- pad: scaled by min(h/H, w/W), so that the whole picture fits; centred the same way on black;
- stretch: both sides to the size, whatever that does to the proportions.
The side that does not decide the scale is rounded half up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fieldmark.data.pixels.channels import to_channels
from fieldmark.data.pixels.interpolation import ONE, filter_columns, filter_rows, span, weights
from fieldmark.errors import UserError
from fieldmark.families import unknown
from fieldmark.vocabulary import Pixels, Preprocessing

RULES = ("crop", "pad", "stretch")
CHUNK_BYTES = 2**26

Size = tuple[int, int]


@dataclass(frozen=True)
class Placement:
    """Scale to `resized`, keep `kept` pixels from `start` on, lay them at `offset` in the wanted size.

    All are (rows, columns).
    """

    resized: Size
    start: Size
    kept: Size
    offset: Size


def place(source: Size, size: Size, rule: str) -> Placement:
    """Where a resize rule puts a picture.

    Args:
        source: (height, width) of the picture.
        size: (height, width) that is wanted.
        rule: one of RULES.

    Raises:
        UserError: the rule is none of RULES.

    >>> place((1080, 1920), (224, 224), "crop")
    Placement(resized=(224, 398), start=(0, 87), kept=(224, 224), offset=(0, 0))
    """
    check_rule(rule)
    assert min(*source, *size) > 0, (source, size)
    (high, wide), (height, width) = source, size
    resized = size
    if rule != "stretch" and (height * wide >= width * high) == (rule == "crop"):
        resized = height, max(1, (2 * wide * height + high) // (2 * high))
    elif rule != "stretch":
        resized = max(1, (2 * high * width + wide) // (2 * wide)), width
    kept = min(resized[0], height), min(resized[1], width)
    return Placement(
        resized=resized,
        start=((resized[0] - kept[0]) // 2, (resized[1] - kept[1]) // 2),
        kept=kept,
        offset=((height - kept[0]) // 2, (width - kept[1]) // 2),
    )


def check_rule(rule: str) -> None:
    """Refuse an unknown resize rule.

    Args:
        rule: one of RULES.

    Raises:
        UserError: it is none of RULES.
    """
    if rule not in RULES:
        raise UserError(unknown(rule, RULES, "resize rule"))


def lost_share(source: Size, size: Size, rule: str) -> float:
    """The share of the picture's pixels that `rule` cuts away, 0 to 1.

    >>> lost_share((1080, 1920), (224, 224), "crop")
    0.4375
    """
    check_rule(rule)
    if rule != "crop":
        return 0.0
    covered, covering = sorted((size[0] * source[1], size[1] * source[0]))
    return 1 - covered / covering


def resize(image: Pixels, size: Size, rule: str) -> NDArray[np.uint8]:
    """Resize a picture; only what is kept is computed.

    17 ms for 3000 x 4000 x 3 to 224 x 224 on one core of a 2.6 GHz Zen 5.

    Args:
        image: uint8 (H, W, C), an array, or `modes.Strips`, of which a few rows are taken at a time.
        size: (h, w) in pixels.
        rule: one of RULES.

    Returns:
        uint8 (h, w, C).

    Raises:
        UserError: the rule is none of RULES.

    >>> resize(np.array([[[0], [100]]], np.uint8), (2, 2), "stretch")[:, :, 0].tolist()
    [[0, 100], [0, 100]]
    >>> resize(np.array([[[0], [100]]], np.uint8), (2, 2), "pad")[:, :, 0].tolist()
    [[0, 100], [0, 0]]
    """
    placement = place((image.shape[0], image.shape[1]), size, rule)
    if placement.resized == tuple(image.shape[:2]):
        (top, left), (height, width) = placement.start, placement.kept
        part = image[top : top + height][:, left : left + width]
    else:
        part = _interpolate(image, placement)
    if placement.kept == size:
        return np.ascontiguousarray(part)
    result = np.zeros((*size, image.shape[2]), np.uint8)
    (top, left), (height, width) = placement.offset, placement.kept
    result[top : top + height, left : left + width] = part
    return result


@dataclass(frozen=True)
class Window:
    """Columns `low` to `end` of a picture, as rows of width * C numbers."""

    image: Pixels
    low: int
    end: int

    @property
    def shape(self) -> Size:
        return self.image.shape[0], (self.end - self.low) * self.image.shape[2]

    def __getitem__(self, rows: slice) -> NDArray[np.uint8]:
        part = self.image[rows][:, self.low : self.end]
        return part.reshape(len(part), -1)


def _interpolate(image: Pixels, placement: Placement) -> NDArray[np.uint8]:
    _, wide, channels = image.shape
    (height, width), (top, left) = placement.kept, placement.start
    low, end = span(wide, placement.resized[1], left, width)
    rows = filter_rows(
        Window(image, low, end), placement.resized[0], top, height
    )  # (height, inputs * channels)
    exact = filter_columns(rows, channels, low, wide, placement.resized[1], left, width)
    exact *= 1 / ONE**2
    exact += 0.5
    return exact.astype(np.uint8).reshape(height, width, channels)  # from 0 to 255 1/2, so astype is floor


def resize_tensor(images: Tensor, size: Size, rule: str) -> Tensor:
    """Resize a whole batch to the same numbers as `resize` gives.

    Computed on the images' device, which must know float64 (CPU and CUDA do).

    Args:
        images: uint8 (N, C, H, W).
        size: (h, w) in pixels.
        rule: one of RULES.

    Returns:
        uint8 (N, C, h, w), stored NHWC.

    Raises:
        UserError: the rule is none of RULES.

    >>> resize_tensor(torch.tensor([[[[0, 100]]]], dtype=torch.uint8), (2, 2), "stretch").tolist()
    [[[[0, 100], [0, 100]]]]
    """
    placement = place((images.shape[2], images.shape[3]), size, rule)
    if placement.resized == tuple(images.shape[2:]) == size:
        return images
    down, across = (
        torch.from_numpy(weights(images.shape[axis + 2], *_axis(placement, axis))).to(images.device)
        for axis in (0, 1)
    )
    result = images.new_zeros((len(images), *size, images.shape[1]))
    (top, left), (height, width) = placement.offset, placement.kept
    chunk = max(1, CHUNK_BYTES // max(1, 8 * images[:1].numel()))
    for first in range(0, len(images), chunk):
        # In float64 throughout: the float32 product of torch may be told to round (TF32, bfloat16).
        exact = down @ images[first : first + chunk].double() @ across.T  # (n, C, height, width)
        pixels = (exact + 0.5).to(torch.uint8).permute(0, 2, 3, 1)
        result[first : first + chunk, top : top + height, left : left + width] = pixels
    return result.permute(0, 3, 1, 2)


def _axis(placement: Placement, axis: int) -> tuple[int, int, int]:
    return placement.resized[axis], placement.start[axis], placement.kept[axis]


def prepare(image: Pixels, preprocessing: Preprocessing) -> NDArray[np.uint8]:
    """Bring a decoded picture to what the network receives of it before normalising.

    It is resized with the channels it has, then brought to grey or RGB.

    Args:
        image: uint8 (H, W, C).
        preprocessing: the classifier's.

    Returns:
        uint8 (h, w, channels).

    >>> prepare(np.full((4, 6, 1), 7, np.uint8), Preprocessing((2, 2), 3, (0.5,) * 3, (0.5,) * 3)).shape
    (2, 2, 3)
    """
    return to_channels(resize(image, preprocessing.image_size, preprocessing.resize), preprocessing.channels)
