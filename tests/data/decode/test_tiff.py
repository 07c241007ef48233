"""Kinds of TIFF that come out right, and those of which the true reason is told."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fieldmark.data.decode.decoder import decode
from fieldmark.vocabulary import Undecodable

RGB, GREY, CMYK, LAB = 2, 1, 5, 8
UNSPECIFIED, ASSOCIATED, UNASSOCIATED = 0, 1, 2
UNSIGNED, SIGNED, FLOAT, COMPLEX = 1, 2, 3, 6


def tiff_of(
    pixels: np.ndarray,
    photometric: int,
    *,
    planar: bool = False,
    extra: tuple[int, ...] = (),
    sample_format: int = UNSIGNED,
    order: str = "<",
    deflated: bool = False,
) -> bytes:
    """A TIFF (H, W, bands) by hand, of one strip per plane, uncompressed unless `deflated`."""
    height, width, bands = pixels.shape
    planes = [pixels[:, :, band] for band in range(bands)] if planar else [pixels]
    strips = [plane.astype(plane.dtype.newbyteorder(order)).tobytes() for plane in planes]
    if deflated:
        strips = [zlib.compress(strip) for strip in strips]
    starts = [8 + sum(map(len, strips[:i])) for i in range(len(strips))]
    tags: dict[int, tuple[int, ...]] = {
        256: (width,),
        257: (height,),
        258: (8 * pixels.itemsize,) * bands,
        262: (photometric,),
        273: tuple(starts),
        277: (bands,),
        278: (height,),
        279: tuple(map(len, strips)),
        259: (8 if deflated else 1,),
        284: (2 if planar else 1,),
        339: (sample_format,) * bands,
        **({338: extra} if extra else {}),
    }
    end = 8 + sum(map(len, strips))
    place, table, values = end + 2 + 12 * len(tags) + 4, b"", b""
    for tag, numbers in sorted(tags.items()):
        packed = struct.pack(f"{order}{len(numbers)}I", *numbers)
        if len(numbers) > 1:
            packed, values = struct.pack(f"{order}I", place + len(values)), values + packed
        table += struct.pack(f"{order}HHI", tag, 4, len(numbers)) + packed
    begin = struct.pack(f"{order}2sHI", b"II" if order == "<" else b"MM", 42, end)
    return begin + b"".join(strips) + struct.pack(f"{order}H", len(tags)) + table + bytes(4) + values


def read(content: bytes, folder: Path) -> np.ndarray | str:
    """Pixels, or the status and the reason."""
    path = folder / "a.tif"
    path.write_bytes(content)
    try:
        return decode(path)
    except Undecodable as error:
        return f"{error.status}: {error.reason}"


def ramp(bands: int, depth: type = np.uint8) -> np.ndarray:
    """(6, 5, bands) of distinct values over the whole range of an unsigned `depth`."""
    steps = np.arange(6 * 5 * bands).reshape(6, 5, bands) * 255 // (6 * 5 * bands - 1)
    return (steps * (np.iinfo(depth).max // 255)).astype(depth)


@pytest.mark.parametrize("order", ["<", ">"])
def test_interleaved_samples_of_8_and_16_bits_are_right(order: str, tmp_path: Path) -> None:
    for depth in (np.uint8, np.uint16):
        assert np.array_equal(read(tiff_of(ramp(3, depth), RGB, order=order), tmp_path), ramp(3))
        assert np.array_equal(read(tiff_of(ramp(1, depth), GREY, order=order), tmp_path), ramp(1))


def test_planes_of_8_bits_are_right(tmp_path: Path) -> None:
    assert np.array_equal(read(tiff_of(ramp(3), RGB, planar=True), tmp_path), ramp(3))
    opaque = np.dstack([ramp(3), np.full((6, 5, 1), 255, np.uint8)])
    content = tiff_of(opaque, RGB, planar=True, extra=(UNASSOCIATED,))
    assert np.array_equal(read(content, tmp_path), ramp(3))
    inks = np.dstack([255 - ramp(3), np.zeros((6, 5, 1), np.uint8)])
    assert np.array_equal(read(tiff_of(inks, CMYK, planar=True), tmp_path), ramp(3))


@pytest.mark.parametrize("order", ["<", ">"])
def test_compressed_planes_of_16_bits_are_right(order: str, tmp_path: Path) -> None:
    content = tiff_of(ramp(3, np.uint16), RGB, planar=True, order=order, deflated=True)
    assert np.array_equal(read(content, tmp_path), ramp(3))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("bands", "photometric", "extra"), [(3, RGB, ()), (4, RGB, (UNASSOCIATED,)), (4, CMYK, ())]
)
def test_planes_of_16_bits_are_refused_not_read_as_noise(
    bands: int, photometric: int, extra: tuple[int, ...], order: str, tmp_path: Path
) -> None:
    content = tiff_of(ramp(bands, np.uint16), photometric, planar=True, extra=extra, order=order)
    assert str(read(content, tmp_path)).startswith(
        f"unsupported: bands in separate planes, uncompressed ({bands} bands of 16 bits"
    )


@pytest.mark.parametrize("deflated", [False, True])
def test_grey_and_transparency_in_planes_is_refused_not_read_as_white(deflated: bool, tmp_path: Path) -> None:
    content = tiff_of(ramp(2), GREY, planar=True, extra=(UNASSOCIATED,), deflated=deflated)
    assert str(read(content, tmp_path)).startswith("unsupported: bands in separate planes")


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("deflated", [False, True])
@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
@pytest.mark.parametrize(("bands", "photometric"), [(1, GREY), (3, RGB)])
def test_signed_pixels_are_refused_not_read_as_white_or_noise(
    bands: int, photometric: int, depth: type, deflated: bool, order: str, tmp_path: Path
) -> None:
    pixels = ramp(bands, depth) // 2  # none is negative
    content = tiff_of(pixels, photometric, sample_format=SIGNED, order=order, deflated=deflated)
    assert str(read(content, tmp_path)).startswith("unsupported: signed pixels")


@pytest.mark.parametrize(("planar", "deflated"), [(False, False), (True, False), (True, True)])
@pytest.mark.parametrize("bands", [3, 5, 13])
def test_bands_without_names_are_refused_by_their_number(
    bands: int, planar: bool, deflated: bool, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    content = tiff_of(ramp(bands), GREY, planar=planar, extra=(UNSPECIFIED,) * (bands - 1), deflated=deflated)
    answer = f"unsupported: {bands} bands, and nothing says which are red, green and blue"
    assert read(content, tmp_path) == answer
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("depth", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize(("bands", "photometric"), [(1, GREY), (3, RGB)])
def test_floating_point_has_no_white(depth: type, bands: int, photometric: int, tmp_path: Path) -> None:
    content = tiff_of(np.ones((6, 5, bands), depth), photometric, sample_format=FLOAT)
    assert read(content, tmp_path) == "unsupported: floating-point pixels, which have no defined white"


def test_whole_files_of_kinds_that_pillow_does_not_know_are_not_called_broken(tmp_path: Path) -> None:
    content = tiff_of(ramp(2, np.uint16), GREY, extra=(UNASSOCIATED,))
    answer = "unsupported: a kind of TIFF that Pillow does not read: 2 bands of 16 bits, grey"
    assert read(content, tmp_path) == answer
    content = tiff_of(np.ones((6, 5, 1), np.complex64), GREY, sample_format=COMPLEX)
    assert str(read(content, tmp_path)).startswith("unsupported: complex numbers")


def test_libtiff_does_not_write_to_the_screen(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 99, (80, 80, 3), np.uint8)).save(
        file, "TIFF", compression="tiff_lzw"
    )
    content = bytearray(file.getvalue())
    content[2000:4000] = b"\xff" * 2000
    assert str(read(bytes(content), tmp_path)).startswith("unreadable: broken TIFF")
    assert capfd.readouterr() == ("", "")
