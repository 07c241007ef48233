"""One definition of resizing: the banded and the dense version against exact integers and against Pillow."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from fieldmark.data.pixels.interpolation import ONE, weights
from fieldmark.data.pixels.resizing import (
    RULES,
    lost_share,
    place,
    prepare,
    resize,
    resize_tensor,
)
from fieldmark.errors import UserError
from fieldmark.vocabulary import Preprocessing

Pixels = NDArray[np.uint8]
sides = st.integers(1, 90)
rules = st.sampled_from(RULES)


def noise(height: int, width: int, channels: int, seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)


def reference(image: Pixels, size: tuple[int, int], rule: str) -> Pixels:
    """In 64-bit integers, whole picture, then the window, as the docstring says it."""
    (high, wide), (height, width) = image.shape[:2], size
    scales = Fraction(height, high), Fraction(width, wide)
    if rule != "stretch":
        scales = (max(scales),) * 2 if rule == "crop" else (min(scales),) * 2
    resized = [
        max(1, int(side * scale + Fraction(1, 2))) for side, scale in zip((high, wide), scales, strict=True)
    ]
    down, across = (
        (weights(n, m) * ONE).astype(np.int64) for n, m in zip((high, wide), resized, strict=True)
    )
    exact = np.einsum("ih,hwc,jw->ijc", down, image.astype(np.int64), across, optimize=True)
    pixels = ((exact + ONE**2 // 2) // ONE**2).astype(np.uint8)
    if rule == "crop":
        top, left = (resized[0] - height) // 2, (resized[1] - width) // 2
        return pixels[top : top + height, left : left + width]
    canvas = np.zeros((height, width, image.shape[2]), np.uint8)
    top, left = (height - resized[0]) // 2, (width - resized[1]) // 2
    canvas[top : top + resized[0], left : left + resized[1]] = pixels
    return canvas


@given(sides, sides, sides, sides, st.sampled_from([1, 3]), rules, st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=120)
def test_all_versions_are_the_exact_one(
    high: int, wide: int, height: int, width: int, channels: int, rule: str, seed: int
) -> None:
    image = noise(high, wide, channels, seed)
    expected = reference(image, (height, width), rule)
    assert (resize(image, (height, width), rule) == expected).all()
    batch = torch.from_numpy(np.stack([image, image])).permute(0, 3, 1, 2)
    made = resize_tensor(batch, (height, width), rule).permute(0, 2, 3, 1)
    assert made.shape == (2, height, width, channels)
    assert made.is_contiguous()
    assert (made.numpy() == expected).all()


@pytest.mark.parametrize(
    ("source", "size"), [((300, 400), (64, 64)), ((91, 55), (224, 100)), ((7, 1000), (9, 31))]
)
def test_close_to_pillows_bilinear(source: tuple[int, int], size: tuple[int, int]) -> None:
    image = noise(*source, 3)
    pillow = Image.fromarray(image).resize((size[1], size[0]), Image.Resampling.BILINEAR)
    assert np.abs(resize(image, size, "stretch").astype(int) - np.asarray(pillow)).max() <= 1


@pytest.mark.parametrize("rule", RULES)
def test_the_same_size_is_the_same_picture(rule: str) -> None:
    image = noise(33, 21, 3)
    assert (resize(image, (33, 21), rule) == image).all()
    assert (resize(np.full((9, 40, 1), 200, np.uint8), (9, 40), rule) == 200).all()


def test_a_flat_picture_stays_flat_and_white_stays_white() -> None:
    for value in (0, 1, 254, 255):
        assert (resize(np.full((1000, 3, 1), value, np.uint8), (7, 5), "stretch") == value).all()


def test_float32_products_told_to_round_do_not_matter() -> None:
    image = noise(100, 90, 3)
    batch = torch.from_numpy(image).permute(2, 0, 1)[None]
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        made = resize_tensor(batch, (40, 40), "crop")
    finally:
        torch.set_float32_matmul_precision(before)
    assert (made[0].permute(1, 2, 0).numpy() == resize(image, (40, 40), "crop")).all()


def test_long_batches_go_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    images = torch.from_numpy(noise(20 * 5, 6, 3)).reshape(20, 5, 6, 3).permute(0, 3, 1, 2)
    whole = resize_tensor(images, (4, 4), "pad")
    monkeypatch.setattr("fieldmark.data.pixels.resizing.CHUNK_BYTES", 3000)
    assert torch.equal(resize_tensor(images, (4, 4), "pad"), whole)


def test_an_empty_batch_stays_empty() -> None:
    assert resize_tensor(torch.zeros(0, 3, 5, 6, dtype=torch.uint8), (4, 4), "crop").shape == (0, 3, 4, 4)


@pytest.mark.parametrize(
    ("source", "size", "rule", "resized", "start", "offset"),
    [
        ((480, 640), (224, 224), "crop", (224, 299), (0, 37), (0, 0)),  # 298.67 rounds up
        ((640, 480), (224, 224), "crop", (299, 224), (37, 0), (0, 0)),
        ((4, 5), (2, 2), "crop", (2, 3), (0, 0), (0, 0)),  # 2.5 rounds up, the extra column goes right
        ((480, 640), (224, 224), "pad", (168, 224), (0, 0), (28, 0)),
        ((1, 1000), (8, 8), "pad", (1, 8), (0, 0), (3, 0)),  # never less than one pixel
        ((480, 640), (100, 300), "crop", (225, 300), (62, 0), (0, 0)),
        ((480, 640), (100, 300), "stretch", (100, 300), (0, 0), (0, 0)),
    ],
)
def test_places(
    source: tuple[int, int],
    size: tuple[int, int],
    rule: str,
    resized: tuple[int, int],
    start: tuple[int, int],
    offset: tuple[int, int],
) -> None:
    placed = place(source, size, rule)
    assert (placed.resized, placed.start, placed.offset) == (resized, start, offset)


@given(sides, sides, sides, sides)
@settings(deadline=None, max_examples=100)
def test_lost_share_is_what_crop_leaves_out(high: int, wide: int, height: int, width: int) -> None:
    source, size = (high, wide), (height, width)
    scale = max(Fraction(height, high), Fraction(width, wide))
    shown = Fraction(height, 1) / scale * (Fraction(width, 1) / scale)
    assert lost_share(source, size, "crop") == pytest.approx(float(1 - shown / (high * wide)))
    assert lost_share(source, size, "pad") == lost_share(source, size, "stretch") == 0


def test_an_unknown_rule_lists_the_rules() -> None:
    for call in (
        lambda: resize(noise(2, 2, 1), (1, 1), "corp"),
        lambda: resize_tensor(torch.zeros(1, 1, 2, 2, dtype=torch.uint8), (1, 1), "corp"),
        lambda: lost_share((2, 2), (1, 1), "corp"),
    ):
        with pytest.raises(
            UserError, match=r"'corp' is not a resize rule\. Closest: crop\. All: crop, pad, stretch"
        ):
            call()


def test_a_strip_as_long_as_allowed_is_no_bomb() -> None:
    strip = np.zeros((1, 2_000_000, 1), np.uint8)
    strip[0, 1_000_000:] = 255
    assert resize(strip, (8, 8), "stretch")[0, :, 0].tolist() == [0, 0, 0, 32, 223, 255, 255, 255]
    assert resize(strip, (8, 8), "crop").shape == (8, 8, 1)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("have", [1, 3])
def test_prepare_resizes_then_converts(have: int, channels: int) -> None:
    image = noise(50, 40, have)
    preprocessing = Preprocessing((20, 24), channels, (0.5,) * channels, (0.5,) * channels, "pad")
    made = prepare(image, preprocessing)
    assert made.shape == (20, 24, channels)
    resized = Image.fromarray(resize(image, (20, 24), "pad").squeeze())
    assert (made.squeeze() == np.asarray(resized.convert("L" if channels == 1 else "RGB"))).all()
