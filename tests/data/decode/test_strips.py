"""Large pictures a few rows at a time: the same pixels, and little memory."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fieldmark.data.decode import modes
from fieldmark.data.decode.decoder import decode, opened
from fieldmark.data.decode.modes import Strips, strips, whole
from fieldmark.data.decode.pool import Decoded, decode_one
from fieldmark.data.pixels.resizing import RULES, resize
from fieldmark.vocabulary import Undecodable

STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def pictures() -> list[Image.Image]:
    """One of every mode that files have, 37 x 23."""
    noise = np.random.default_rng(0).integers(0, 256, (37, 23, 4), dtype=np.uint8)
    rgb = Image.fromarray(noise[:, :, :3])
    palette = rgb.quantize(9)
    palette.info["transparency"] = 3
    colour = rgb.copy()
    colour.info["transparency"] = rgb.getpixel((5, 5))
    deep = noise.view(np.uint16)[:, :, 0].copy()
    converted = [rgb.convert(mode) for mode in ("1", "L", "CMYK", "YCbCr", "HSV")]
    alpha = [
        Image.fromarray(noise),
        Image.fromarray(noise).convert("LA"),
        Image.fromarray(noise).convert("PA"),
    ]
    return [
        rgb,
        palette,
        colour,
        *converted,
        *alpha,
        Image.fromarray(deep),
        Image.fromarray(deep.astype(np.int32)),
    ]


@pytest.mark.parametrize("picture", pictures(), ids=lambda picture: picture.mode)
def test_strips_of_every_mode_and_turn_are_the_whole_picture(
    picture: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    for orientation in range(1, 9):
        expected = whole(Strips(picture, orientation))
        with monkeypatch.context() as small:
            small.setattr(modes, "STRIP", 100)
            rows = list(strips(Strips(picture, orientation)))
            assert len(rows) > 5
            assert (np.concatenate(rows) == expected).all()
            assert (whole(Strips(picture, orientation)) == expected).all()


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_resizing_strips_is_resizing_the_array(rule: str, orientation: int) -> None:
    picture = Image.fromarray(np.random.default_rng(1).integers(0, 256, (90, 61, 3), dtype=np.uint8))
    lazy = Strips(picture, orientation)
    for size in ((8, 8), (30, 7), lazy.shape[:2], (120, 130)):
        assert (resize(lazy, size, rule) == resize(whole(lazy), size, rule)).all()


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
def test_hash_and_pixels_do_not_depend_on_the_strips(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation
    noise = np.random.default_rng(2).integers(0, 256, (50, 40, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / name, exif=exif)
    pixels = decode(tmp_path / name)
    assert pixels.shape == (40, 50, 3)
    monkeypatch.setattr(modes, "STRIP", 60)
    one = decode_one(tmp_path, name, (10, 10), "crop")
    assert isinstance(one, Decoded)
    assert one.hash == hashlib.sha256(pixels.data).digest()
    assert (one.pixels == resize(pixels, (10, 10), "crop")).all()


def peak() -> int:
    (line,) = [line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM")]
    return 1024 * int(line.split()[1])


@pytest.mark.skipif(not RESET.exists(), reason="no such file here")
def test_a_large_picture_is_held_once(tmp_path: Path) -> None:
    side = 4000
    path, allowed = tmp_path / "large.png", 4 * side * side + 2**26  # Pillow has 4 bytes a pixel; and strips
    Image.new("RGBA", (side, side), (255, 0, 0, 128)).save(path, compress_level=1)
    RESET.write_text("5")  # the peak starts again from here (man 5 proc)
    before = peak()
    decoded = decode(path)
    assert decoded[0, 0].tolist() == [255, 127, 127]
    assert peak() - before - decoded.nbytes < allowed
    del decoded
    RESET.write_text("5")
    before = peak()
    assert isinstance(decode_one(tmp_path, "large.png", (32, 32), "crop"), Decoded)
    assert peak() - before < allowed


def test_a_refused_picture_does_not_stay_in_memory(tmp_path: Path) -> None:
    Image.new("I", (4, 4), 70_000).save(tmp_path / "a.tif")
    error = decode_one(tmp_path, "a.tif", (2, 2), "crop")
    assert isinstance(error, Undecodable)
    assert "32-bit pixels from 70000 to 70000" in error.reason
    assert error.__traceback__ is None
    assert error.__context__ is None


def test_an_error_of_the_caller_is_not_taken_for_a_broken_picture(tmp_path: Path) -> None:
    Image.new("L", (4, 4)).save(tmp_path / "a.png")
    with pytest.raises(ZeroDivisionError), opened(tmp_path / "a.png"):
        raise ZeroDivisionError
