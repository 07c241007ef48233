"""JPEGs of which a part is missing, and those that only look like it."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import simplejpeg
from PIL import Image

from fieldmark.data.decode.decoder import decode
from fieldmark.data.decode.jpeg import MOST_SCANS, check_scans, decode_jpeg
from fieldmark.vocabulary import Undecodable

EOI = b"\xff\xd9"
KINDS: dict[str, dict[str, Any]] = {
    "baseline": {},
    "progressive": {"progressive": True},
    "restarts": {"restart_marker_blocks": 4},
}


def scene(height: int = 240, width: int = 320) -> np.ndarray:
    """Hills and grain: flat enough for a JPEG to be small, busy enough for every block to take bits."""
    y, x = np.mgrid[:height, :width] / 40
    hills = np.stack([np.sin(x + y), np.cos(x * y / 4), np.sin(y - x / 2)], -1)
    grain = np.random.default_rng(3).normal(0, 6, (height, width, 3))
    return (127 + 100 * hills + grain).clip(0, 255).astype(np.uint8)


def jpeg(picture: np.ndarray | Image.Image | None = None, **settings: Any) -> bytes:
    file = io.BytesIO()
    picture = scene() if picture is None else picture
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    image.save(file, "JPEG", **settings)
    return file.getvalue()


def refused(content: bytes, folder: Path) -> Undecodable:
    path = folder / "picture.jpg"
    path.write_bytes(content)
    with pytest.raises(Undecodable) as caught:
        decode(path)
    return caught.value


def first_half(content: bytes) -> bytes:
    return content[: len(content) // 2] + EOI


def half_and_end(content: bytes) -> bytes:
    return content[: len(content) // 2] + content[-40:]


def zeroed(content: bytes) -> bytes:
    fifth = len(content) // 5
    return content[: 2 * fifth] + bytes(fifth) + content[3 * fifth :]


def cut_out(content: bytes) -> bytes:
    fifth = len(content) // 5
    return content[: 2 * fifth] + content[3 * fifth :]


@pytest.mark.parametrize("damage", [first_half, half_and_end, zeroed, cut_out])
@pytest.mark.parametrize("kind", KINDS)
def test_a_jpeg_without_a_part_of_its_data_is_refused_though_it_has_an_end(
    kind: str, damage: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    whole = jpeg(**KINDS[kind])
    (tmp_path / "whole.jpg").write_bytes(whole)
    assert decode(tmp_path / "whole.jpg").shape == (240, 320, 3)
    error = refused(damage(whole), tmp_path)
    assert error.status == "unreadable"
    assert error.reason.startswith("broken JPEG")


def test_a_damaged_cmyk_jpeg_is_refused_too(tmp_path: Path) -> None:
    content = jpeg(Image.fromarray(scene()).convert("CMYK"))
    assert "truncated or damaged" in refused(first_half(content), tmp_path).reason


@pytest.mark.parametrize("kind", ["baseline", "restarts"])
@pytest.mark.parametrize("rest", [b"\0", b"abc", bytes(300), b"x" * 3000], ids=len)
def test_what_cameras_leave_before_the_end_does_no_harm(rest: bytes, kind: str) -> None:
    content = jpeg(**KINDS[kind])
    pixels = decode_jpeg(content[:-2] + rest + EOI, "RGB")
    assert pixels is not None
    assert (pixels == np.asarray(Image.open(io.BytesIO(content)))).all()


def test_a_missing_half_is_not_taken_for_what_cameras_leave(tmp_path: Path) -> None:
    content = jpeg(restart_marker_rows=1)
    half = content[: content.index(b"\xff\xd6")]
    message = "extraneous bytes before marker 0xd9"
    for rest in (b"abc", b"x" * 300):
        with pytest.raises(ValueError, match=message):
            simplejpeg.decode_jpeg(half + rest + EOI, "RGB")
        assert message in refused(half + rest + EOI, tmp_path).reason


def test_what_follows_the_end_is_not_looked_at() -> None:
    content = jpeg() + b"\0\0\0\x18ftypmp42 the film of a motion photo" + jpeg(progressive=True)
    check_scans(content)
    assert decode_jpeg(content, "RGB") is not None


@pytest.mark.parametrize("shape", [(1, 1), (7, 9), (33, 50), (100, 31)])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sampling", ["4:4:4", "4:2:2", "4:2:0"])
def test_the_pixels_are_pillows(shape: tuple[int, int], kind: str, sampling: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    content = jpeg(noise, subsampling=sampling, quality=90, **KINDS[kind])
    pixels = decode_jpeg(content, "RGB")
    assert pixels is not None
    assert pixels.flags.writeable
    assert (pixels == np.asarray(Image.open(io.BytesIO(content)))).all()


@pytest.mark.parametrize("sampling", ["440", "411"])
def test_the_pixels_are_pillows_in_samplings_that_it_does_not_write(sampling: str) -> None:
    content = simplejpeg.encode_jpeg(scene(50, 70), 90, "RGB", sampling)
    pixels = decode_jpeg(content, "RGB")
    assert pixels is not None
    assert (pixels == np.asarray(Image.open(io.BytesIO(content)))).all()


def test_grey_and_untransformed_rgb_are_pillows_too() -> None:
    for content in (jpeg(scene()[:, :, 0]), jpeg(keep_rgb=True, subsampling="4:4:4")):
        picture = Image.open(io.BytesIO(content))
        pixels = decode_jpeg(content, picture.mode)
        assert pixels is not None
        assert (pixels.reshape(np.asarray(picture).shape) == np.asarray(picture)).all()


def scans_of(content: bytes) -> list[int]:
    """Where the scans of a progressive JPEG begin."""
    positions = [content.index(b"\xff\xda")]
    while (following := content.find(b"\xff\xda", positions[-1] + 1)) > 0:
        positions.append(following)
    return positions


@pytest.mark.parametrize("kept", [1, 4, 6, 9])
def test_a_progressive_jpeg_that_ends_between_two_scans_is_refused(kept: int, tmp_path: Path) -> None:
    content = jpeg(progressive=True)
    positions = scans_of(content)
    assert len(positions) == 10  # libjpeg's usual script
    assert "its last scans are missing" in refused(content[: positions[kept]] + EOI, tmp_path).reason


def test_two_thousand_empty_scans_are_refused_before_any_is_decoded(tmp_path: Path) -> None:
    content = jpeg(np.zeros((2000, 2000, 3), np.uint8), progressive=True)
    last = content[scans_of(content)[-1] :][:10]  # the header of a scan of one component
    begin = time.perf_counter()
    error = refused(content[:-2] + 2000 * last + EOI, tmp_path)
    assert time.perf_counter() - begin < 1  # a pass takes 24 ms
    assert error.status == "too_large"
    assert f"more than {MOST_SCANS} scans" in error.reason


def test_the_larger_the_picture_the_fewer_scans_it_may_have() -> None:
    content = jpeg(np.zeros((16, 16, 3), np.uint8), progressive=True)
    last = content[scans_of(content)[-1] :][:10]
    frame = content.index(b"\xff\xc2") + 5  # marker, length, precision; then height and width
    large = content[:frame] + (10_000).to_bytes(2) * 2 + content[frame + 4 :]
    check_scans(large[:-2] + 10 * last + EOI)
    with pytest.raises(Undecodable, match="more than 20 scans"):
        check_scans(large[:-2] + 11 * last + EOI)


def test_scans_of_a_thumbnail_are_not_counted() -> None:
    thumbnail = b"\xff\xe1" + (2 + 400).to_bytes(2) + b"\xff\xda" * 200
    content = jpeg(progressive=True)
    check_scans(content[:2] + thumbnail + content[2:])
