"""Each kind of pixel against its stated rule, written out in numpy or taken from Pillow's colour tables."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from fieldmark.data.decode.modes import is_grey, to_array
from fieldmark.vocabulary import Undecodable

generator = np.random.default_rng(0)
GREY = generator.integers(0, 256, (9, 7), dtype=np.uint8)
RGB = generator.integers(0, 256, (9, 7, 3), dtype=np.uint8)
ALPHA = np.resize(np.array([0, 1, 127, 128, 254, 255, 51], np.uint8), (9, 7))


def on_white(values: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> NDArray[np.uint8]:
    values, alpha = values.astype(np.float64), alpha.astype(np.float64)
    return np.round((values * alpha + 255 * (255 - alpha)) / 255).astype(np.uint8)


def test_plain_grey_and_rgb_are_untouched_and_writable() -> None:
    assert (to_array(Image.fromarray(GREY)) == GREY[:, :, None]).all()
    pixels = to_array(Image.fromarray(RGB))
    assert (pixels == RGB).all()
    pixels[0, 0] = 0


def test_one_bit_is_black_and_white() -> None:
    bits = Image.fromarray(np.uint8(GREY > 127) * 255).convert("1")
    assert (to_array(bits)[:, :, 0] == np.where(GREY > 127, 255, 0)).all()


def test_alpha_is_composed_on_white() -> None:
    grey = to_array(Image.merge("LA", (Image.fromarray(GREY), Image.fromarray(ALPHA))))
    assert (grey == on_white(GREY, ALPHA)[:, :, None]).all()
    rgba = Image.fromarray(np.dstack([RGB, ALPHA]))
    assert (to_array(rgba) == on_white(RGB, ALPHA[:, :, None])).all()


def test_palettes_become_rgb() -> None:
    palette = Image.fromarray(RGB).quantize(16)
    expected = np.asarray(palette.getpalette(), np.uint8).reshape(-1, 3)[np.asarray(palette)]
    assert (to_array(palette) == expected).all()
    grey = Image.fromarray(GREY % 4)
    grey.putpalette([0, 0, 0, 80, 80, 80, 160, 160, 160, 255, 255, 255])
    assert to_array(grey).shape == (9, 7, 3)


@pytest.mark.parametrize("transparency", [1, bytes([255, 51, 0, 128])])
def test_palettes_with_transparent_entries_are_composed_on_white(transparency: int | bytes) -> None:
    colours = np.array([[10, 20, 30], [200, 100, 0], [0, 0, 0], [90, 90, 90]], np.uint8)
    picture = Image.fromarray(GREY % 4)
    picture.putpalette(colours.flatten().tolist())
    picture.info["transparency"] = transparency
    alphas = np.array([255, 0, 255, 255] if transparency == 1 else list(transparency), np.uint8)
    assert (to_array(picture) == on_white(colours, alphas[:, None])[GREY % 4]).all()


def test_palette_with_an_alpha_channel() -> None:
    palette = Image.fromarray(RGB).quantize(16).convert("PA")
    palette.putalpha(Image.fromarray(ALPHA))
    rgb = np.asarray(palette.convert("RGB"))
    assert (to_array(palette) == on_white(rgb, ALPHA[:, :, None])).all()


def test_one_transparent_colour_becomes_white() -> None:
    grey = Image.fromarray(GREY % 4)
    grey.info["transparency"] = 2
    assert (to_array(grey)[:, :, 0] == np.where(GREY % 4 == 2, 255, GREY % 4)).all()
    rgb = Image.fromarray(np.repeat(GREY[:, :, None] % 4, 3, 2))
    rgb.info["transparency"] = (3, 3, 3)
    assert (to_array(rgb)[:, :, 0] == np.where(GREY % 4 == 3, 255, GREY % 4)).all()


@pytest.mark.parametrize("mode", ["I;16", "I;16B", "I"])
def test_sixteen_bits_are_scaled_over_their_whole_range(mode: str) -> None:
    values = np.arange(65536).reshape(256, 256)
    kind = {"I;16": "<u2", "I;16B": ">u2", "I": "<i4"}[mode]
    picture = Image.frombytes(mode, (256, 256), values.astype(kind).tobytes())
    assert (to_array(picture)[:, :, 0] == np.round(values / 257)).all()


def test_a_transparent_sixteen_bit_value_becomes_white() -> None:
    picture = Image.fromarray(np.array([[500, 600]], np.uint16))
    picture.info["transparency"] = 500
    assert to_array(picture).tolist() == [[[255], [2]]]


@pytest.mark.parametrize("value", [-1, 65536])
def test_integers_beyond_sixteen_bits_are_refused(value: int) -> None:
    with pytest.raises(Undecodable, match=f"{value}") as caught:
        to_array(Image.new("I", (2, 2), value))
    assert caught.value.status == "unsupported"


def test_floating_point_is_refused() -> None:
    with pytest.raises(Undecodable, match="floating-point") as caught:
        to_array(Image.new("F", (2, 2), 0.5))
    assert caught.value.status == "unsupported"


@pytest.mark.parametrize(
    ("mode", "values", "rgb"),
    [
        ("CMYK", (0, 0, 0, 0), (255, 255, 255)),
        ("CMYK", (255, 0, 0, 0), (0, 255, 255)),
        ("CMYK", (0, 255, 0, 0), (255, 0, 255)),
        ("CMYK", (0, 0, 0, 255), (0, 0, 0)),
        ("YCbCr", (76, 85, 255), (254, 0, 0)),  # JFIF: R = Y + 1.402 (Cr - 128)
        ("YCbCr", (90, 128, 128), (90, 90, 90)),
        ("HSV", (0, 255, 255), (255, 0, 0)),
        ("HSV", (85, 255, 255), (0, 255, 0)),
        ("LAB", (255, 128, 128), (255, 255, 255)),
        ("LAB", (0, 128, 128), (0, 0, 0)),
    ],
)
def test_other_colour_spaces(mode: str, values: tuple[int, ...], rgb: tuple[int, int, int]) -> None:
    made = to_array(Image.new(mode, (1, 1), values))
    assert np.abs(made[0, 0].astype(int) - rgb).max() <= 1


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "I;16", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "LAB"]
)
def test_the_header_knows_the_channels(mode: str) -> None:
    picture = Image.new(mode, (3, 2))
    assert (to_array(picture).shape[2] == 1) == is_grey(picture)
