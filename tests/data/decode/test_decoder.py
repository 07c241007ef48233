"""Files of every kind, whole and broken, as people have them."""

from __future__ import annotations

import io
import os
import struct
import sys
import threading
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageFile, ImageOps

from fieldmark.data.decode.decoder import decode, read_image
from fieldmark.data.decode.formats import EXTENSIONS
from fieldmark.data.load import load
from fieldmark.errors import UserError
from fieldmark.vocabulary import Undecodable

FORMATS = ["JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF", "PPM"]
ORIENTATION = 274
RGB = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
GREY = RGB[:, :, 0]


def encoded(name: str, picture: Image.Image | None = None, **settings: Any) -> bytes:
    file = io.BytesIO()
    (picture or Image.fromarray(RGB)).save(file, name, **settings)
    return file.getvalue()


def written(folder: Path, content: bytes, name: str = "picture") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def refused(path: Path) -> Undecodable:
    with pytest.raises(Undecodable) as caught:
        decode(path)
    assert "\n" not in caught.value.reason
    assert str(path) not in caught.value.reason
    return caught.value


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_of(width: int, height: int) -> bytes:
    """A PNG that claims its size and has no pixels."""
    ihdr = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", ihdr) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    )


# Whole pictures


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("kind", ["grey", "rgb"])
def test_every_format_gives_what_pillow_gives(name: str, kind: str, tmp_path: Path) -> None:
    path = written(tmp_path, encoded(name, Image.fromarray(GREY if kind == "grey" else RGB)))
    pixels = decode(path)
    keeps_grey = kind == "grey" and name not in ("WEBP", "GIF")  # these two store colours only
    with Image.open(path) as picture:
        expected = np.asarray(picture.convert("L" if keeps_grey else "RGB")).reshape(pixels.shape)
    assert pixels.shape == (30, 40, 1 if keeps_grey else 3)
    assert pixels.dtype == np.uint8
    assert (pixels == expected).all()


@pytest.mark.parametrize("name", ["PNG", "BMP", "TIFF", "PPM"])
def test_lossless_formats_give_the_pixels(name: str, tmp_path: Path) -> None:
    assert (decode(written(tmp_path, encoded(name), "no.suffix")) == RGB).all()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "late PNG"])
def test_phone_pictures_stand_upright(name: str, orientation: int, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    if name == "late PNG":  # EXIF after the pixels
        whole = encoded("PNG")
        content = whole[:-12] + chunk(b"eXIf", exif.tobytes()[6:]) + whole[-12:]
    else:
        content = encoded(name, exif=exif)
    path = written(tmp_path, content)
    with Image.open(path) as picture:
        expected = np.asarray(ImageOps.exif_transpose(picture))
    plain = np.asarray(Image.open(io.BytesIO(encoded(name.split()[-1]))))
    assert expected.shape == ((40, 30, 3) if orientation >= 5 else (30, 40, 3))
    assert (orientation == 1) == np.array_equal(expected, plain)  # the oracle did turn it
    assert (decode(path) == expected).all()


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_orientations_that_do_not_exist_are_ignored(orientation: int, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    assert (decode(written(tmp_path, encoded("PNG", exif=exif))) == RGB).all()


@pytest.mark.parametrize(
    "exif", [b"Exif\0\0II*\0\x08\0\0\0\x05\0\x12\x01", b"Exif\0\0nonsense", b"Exif\0\0II*\0\xff\xff\xff\xff"]
)
@pytest.mark.parametrize("name", ["JPEG", "WEBP"])
def test_damaged_exif_costs_nothing_but_itself(name: str, exif: bytes, tmp_path: Path) -> None:
    path = written(tmp_path, encoded(name, exif=exif))
    assert (decode(path) == decode(written(tmp_path, encoded(name), "plain"))).all()


@pytest.mark.parametrize("name", ["GIF", "PNG", "WEBP", "TIFF", "AVIF"])
def test_the_first_frame_of_many(name: str, tmp_path: Path) -> None:
    frames = [Image.new("RGB", (16, 8), colour) for colour in ("red", "lime", "blue")]
    path = written(tmp_path, encoded(name, frames[0], save_all=True, append_images=frames[1:]))
    pixels = decode(path).astype(int)
    assert pixels.shape == (8, 16, 3)
    assert np.abs(pixels - [255, 0, 0]).max() <= 3


def test_sixteen_bit_files_are_scaled_not_clipped(tmp_path: Path) -> None:
    values = np.linspace(0, 65535, 1200).astype(np.uint16).reshape(30, 40)
    deep = Image.fromarray(values)
    for name, settings in (("PNG", {}), ("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"})):
        path = written(tmp_path, encoded(name, deep, **settings))
        assert (decode(path)[:, :, 0] == np.round(values / 257)).all()


def tiff_of(values: np.ndarray, bits: int, photometric: int) -> bytes:
    """A grey TIFF by hand; 12-bit samples are packed."""
    height, width = values.shape
    if bits == 12:
        pairs = values.reshape(-1, 2).astype(int)
        packed = [(a >> 4, (a & 15) << 4 | b >> 8, b & 255) for a, b in pairs]
        strip = bytes(byte for triple in packed for byte in triple)
    else:
        strip = values.astype("<u2").tobytes()
    entries = [
        (256, width),
        (257, height),
        (258, bits),
        (259, 1),
        (262, photometric),
        (273, 8),
        (278, height),
    ]
    entries += [(277, 1), (279, len(strip))]
    ifd = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(entries))
    table = struct.pack("<H", len(entries)) + ifd + bytes(4)
    return struct.pack("<2sHI", b"II", 42, 8 + len(strip)) + strip + table


def test_twelve_bit_and_inverted_tiffs(tmp_path: Path) -> None:
    values = np.arange(4096).reshape(64, 64)
    assert (decode(written(tmp_path, tiff_of(values, 12, 1)))[:, :, 0] == np.round(values * 255 / 4095)).all()
    inverted = decode(written(tmp_path, tiff_of(values * 16, 16, 0)))[:, :, 0]
    assert (inverted == 255 - np.round(values * 16 / 257)).all()


def test_cmyk_is_not_inverted(tmp_path: Path) -> None:
    inks = {(0, 0, 0, 0): (255, 255, 255), (0, 255, 255, 0): (255, 0, 0), (0, 0, 0, 255): (0, 0, 0)}
    for ink, colour in inks.items():
        for name in ("JPEG", "TIFF"):
            path = written(tmp_path, encoded(name, Image.new("CMYK", (16, 16), ink)))
            assert np.abs(decode(path).astype(int) - colour).max() <= 2, (name, ink)


def test_photoshops_ycck_jpegs_are_not_inverted(tmp_path: Path) -> None:
    # Pillow writes plain CMYK (Adobe transform 0); transform 2 says that the first three are Y, Cb, Cr.
    # Stored (200, 128, 128, 255) are then inks of 55, which Adobe's convention inverts to 200: grey 55.
    content = bytearray(encoded("JPEG", Image.new("CMYK", (16, 16), (55, 127, 127, 0)), quality=100))
    transform = content.index(b"Adobe") + 11
    assert content[transform] == 0
    content[transform] = 2
    assert np.abs(decode(written(tmp_path, bytes(content))).astype(int) - 55).max() <= 2


def test_transparent_pixels_are_white_in_every_format_that_has_them(tmp_path: Path) -> None:
    picture = Image.new("RGBA", (8, 8), (255, 0, 0, 255))
    picture.paste((0, 0, 0, 0), (0, 0, 8, 4))
    for name in ("PNG", "WEBP", "GIF", "TIFF", "AVIF"):
        settings = {} if name in ("PNG", "GIF", "TIFF") else {"lossless": True, "quality": 100}
        pixels = decode(written(tmp_path, encoded(name, picture, **settings))).astype(int)
        assert np.abs(pixels[:3] - 255).max() <= 3, name
        assert np.abs(pixels[5:] - [255, 0, 0]).max() <= 3, name


@pytest.mark.parametrize(
    "name", ["a\nb.png", "\N{BIRD}.png", "one, two.png", '"quoted".png', "no suffix", "%d.gif"]
)
def test_names_do_not_matter(name: str, tmp_path: Path) -> None:
    assert (decode(written(tmp_path, encoded("PNG"), name)) == RGB).all()


@pytest.mark.parametrize(
    ("content", "pixels"),
    [
        (b"P1\n# black is 1\n3 1\n1 0 1\n", [0, 255, 0]),
        (b"P4 3 1\n\xa0", [0, 255, 0]),
        (b"P2\n3 1 255\n0 7 255\n", [0, 7, 255]),
        (b"P5\t3 1 255\n\x00\x07\xff", [0, 7, 255]),
        (b"P5\n3 1\n15\n\x00\x03\x0f", [0, 51, 255]),
        (b"P5\n2 1\n65535\n\x80\x80\xff\xff", [128, 255]),
        (b"P3\n1 1\n255\n1 2 3\n", [[1, 2, 3]]),
        (b"P6\n1 1\n255\n\x01\x02\x03", [[1, 2, 3]]),
        (b"P6\n1 1\n65535\n\x01\x01\x80\x80\xff\xff", [[1, 128, 255]]),
    ],
)
def test_netpbm_pictures(content: bytes, pixels: list[object], tmp_path: Path) -> None:
    path = written(tmp_path, content)
    decoded = decode(path)
    expected = np.array(pixels)
    assert (decoded == expected.reshape(1, len(pixels), -1)).all()
    assert "broken PPM" in refused(written(tmp_path, content[:-4])).reason


def test_pictures_of_netpbm_are_searched_for() -> None:
    assert {".ppm", ".pgm", ".pbm", ".pnm"} <= EXTENSIONS


@pytest.mark.parametrize("kind", [b"iTXt", b"zTXt", b"iCCP"])
def test_a_png_with_megabytes_of_text_or_profile_is_whole(kind: bytes, tmp_path: Path) -> None:
    packed = zlib.compress(b"a workflow, a profile " * 200_000)  # 4.4 MB
    begin = b"note\0\1\0\0\0" if kind == b"iTXt" else b"note\0\0"
    whole = encoded("PNG")
    content = whole[:33] + chunk(kind, begin + packed) + whole[33:]
    assert (decode(written(tmp_path, content)) == RGB).all()


def test_a_png_whose_text_is_a_bomb_is_refused(tmp_path: Path) -> None:
    whole, text = encoded("PNG"), zlib.compress(bytes(2**26 + 1), 1)
    error = refused(written(tmp_path, whole[:33] + chunk(b"zTXt", b"note\0\0" + text) + whole[33:]))
    assert (error.status, error.reason) == ("too_large", "more than 64 MB of text or profile")


# Broken ones


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.97])
@pytest.mark.parametrize("name", [*FORMATS, "LZW"])
def test_truncated_files_are_refused(name: str, share: float, tmp_path: Path) -> None:
    whole = encoded("TIFF", compression="tiff_lzw") if name == "LZW" else encoded(name)
    error = refused(written(tmp_path, whole[: int(len(whole) * share)], "cut.jpg"))
    assert error.status == "unreadable"
    assert error.reason.startswith("broken ")


def test_truncated_files_are_refused_though_pillow_was_told_to_take_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    whole = encoded("JPEG")
    assert "truncated" in refused(written(tmp_path, whole[: len(whole) // 2])).reason
    assert ImageFile.LOAD_TRUNCATED_IMAGES is True


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"I am a poem about a bird.\n", "text"),
        ("Ein Vögelein".encode(), "text"),
        (bytes(100), "begins like no known format"),
        (b"\xff\xd8\xff" + bytes(100), "broken JPEG"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "broken PNG"),
        (b"BM, he said, and it is text", "broken BMP"),
        (b"GIF89a", "broken GIF"),
        (b"II*\0" + b"\xff" * 40, "broken TIFF"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "broken WEBP"),
        (b"\0\0\0\x18ftypavif\0\0\0\0avifmif1", "broken AVIF"),
    ],
)
def test_files_that_are_no_pictures(content: bytes, reason: str, tmp_path: Path) -> None:
    path = written(tmp_path, content, "picture.jpg")
    error = refused(path)
    assert error.status == "unreadable"
    assert reason in error.reason


def test_damage_in_the_middle_of_a_png_is_refused(tmp_path: Path) -> None:
    content = bytearray(encoded("PNG"))
    content[len(content) // 2] ^= 0xFF
    assert refused(written(tmp_path, bytes(content))).status == "unreadable"


@pytest.mark.parametrize("content", [b"%PDF-1.7 ...", b"8BPS\0\1", b"\0\0\0\x18ftypmp42\0\0\0\0isom"])
def test_other_formats_are_named(content: bytes, tmp_path: Path) -> None:
    error = refused(written(tmp_path, content, "picture.jpg"))
    assert error.status == "unsupported"
    assert "JPEG, PNG" in error.reason


def test_paths_that_are_no_files(tmp_path: Path) -> None:
    assert refused(tmp_path / "no.jpg").status == "missing"
    assert refused(written(tmp_path, b"x") / "below.jpg").status == "missing"
    assert refused(tmp_path / "a\0b.jpg").status == "missing"
    assert refused(tmp_path).status == "unreadable"
    assert "folder" in refused(tmp_path).reason
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")
    assert refused(tmp_path / "nowhere").status == "missing"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    assert refused(tmp_path / "pipe.jpg").status == "unreadable"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_no_permission(tmp_path: Path) -> None:
    path = written(tmp_path, encoded("PNG"))
    path.chmod(0)
    assert "ermission" in refused(path).reason


# Size


def test_more_than_a_hundred_megapixels_are_refused_by_the_header(tmp_path: Path) -> None:
    error = refused(written(tmp_path, png_of(10_001, 10_000)))
    assert error.status == "too_large"
    assert "10001 x 10000" in error.reason
    assert refused(written(tmp_path, png_of(10_000, 10_000))).status == "unreadable"  # for want of pixels


@pytest.mark.parametrize(("width", "height"), [(65_536, 1), (1, 65_536), (100_000_000, 1)])
def test_strips_longer_than_a_jpeg_can_be_are_refused_by_the_header(
    width: int, height: int, tmp_path: Path
) -> None:
    error = refused(written(tmp_path, png_of(width, height)))
    assert error.status == "too_large"
    assert error.reason == f"{width} x {height} pixels, more than 65,535 along one side"
    assert refused(written(tmp_path, png_of(65_535, 1))).status == "unreadable"  # for want of pixels


def test_a_strip_of_a_hundred_megapixels_costs_a_row_and_not_the_training(tmp_path: Path) -> None:
    for name in ("crow", "wren"):
        for i in range(11):
            pixels = np.random.default_rng(i).integers(0, 256, (90, 70, 3), np.uint8)
            (tmp_path / "birds" / name).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(tmp_path / "birds" / name / f"{i}.png")
    written(tmp_path / "birds" / "crow", png_of(100_000_000, 1), "strip.png")
    data = load(tmp_path / "birds", image_size=(8, 8), resize="stretch")
    (row,) = data.unreadable
    assert row.file == "crow/strip.png"
    assert "100000000 x 1 pixels" in row.reason


def test_a_bomb_that_pillow_stops_itself(tmp_path: Path) -> None:
    canvas = (16_383).to_bytes(3, "little") * 2
    chunks = b"VP8X" + struct.pack("<I", 10) + bytes(4) + canvas
    bomb = b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WEBP" + chunks
    assert refused(written(tmp_path, bomb)).status == "too_large"


def test_pictures_that_pillow_warns_of_pass_without_a_word(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    Image.new("1", (9_500, 9_500), 1).save(path)  # 90 megapixels; Pillow warns from 89 up
    pixels = decode(path)
    assert pixels.shape == (9_500, 9_500, 1)
    assert pixels[-1, -1, 0] == 255


# HEIC


HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(64)


def test_heic_says_which_extra_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    error = refused(written(tmp_path, HEIC, "IMG_0001.JPG"))
    assert error.status == "unsupported"
    assert 'pip install "fieldmark[heif]"' in error.reason


@pytest.mark.parametrize("orientation", [1, 6])
def test_heic_is_decoded_with_the_extra(
    orientation: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heif = pytest.importorskip("pillow_heif")
    path = tmp_path / "IMG_0001.HEIC"
    picture = Image.new("RGB", (64, 48), "red")
    picture.paste("blue", (32, 0, 64, 48))
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    for table in ("OPEN", "SAVE", "SAVE_ALL", "MIME", "EXTENSION"):  # what registering changes
        monkeypatch.setattr(Image, table, dict(getattr(Image, table)))
    monkeypatch.setattr(Image, "ID", list(Image.ID))
    heif.register_heif_opener()
    try:
        picture.save(path, "HEIF", quality=90, exif=exif.tobytes())  # makes it write the turn too
    except RuntimeError as error:
        pytest.skip(f"no HEVC encoder here: {error}")
    picture.getexif()[ORIENTATION] = orientation
    expected = np.asarray(ImageOps.exif_transpose(picture)).astype(int)
    pixels = decode(path).astype(int)
    assert pixels.shape == expected.shape
    assert np.abs(pixels - expected).mean() < 8


def test_broken_heic_is_unreadable(tmp_path: Path) -> None:
    pytest.importorskip("pillow_heif")
    error = refused(written(tmp_path, HEIC))
    assert error.status == "unreadable"
    assert "broken HEIF" in error.reason


# Around it


def test_read_image_gives_channels_first(tmp_path: Path) -> None:
    picture = read_image(written(tmp_path, encoded("PNG")))
    assert picture.dtype == torch.uint8
    assert picture.is_contiguous()
    assert (picture.permute(1, 2, 0).numpy() == RGB).all()


def test_read_image_names_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, b"poem", "bird.jpg")
    with pytest.raises(UserError, match="text") as caught:
        read_image(path)
    assert str(path) in str(caught.value)


def test_every_common_suffix_is_searched_for() -> None:
    registered = Image.registered_extensions()
    for name in FORMATS:
        common = {suffix for suffix, format_ in registered.items() if format_ == name}
        assert common & EXTENSIONS
    assert {".heic", ".heif", ".jpg", ".jpeg"} <= EXTENSIONS
    assert all(suffix == suffix.lower() and suffix.startswith(".") for suffix in EXTENSIONS)


def test_third_party_plugins_are_not_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def plugin(*_: object) -> None:
        raise AssertionError("a plugin was run")

    path = written(tmp_path, encoded("PNG"))
    monkeypatch.setitem(Image.OPEN, "PNG", (plugin, None))
    monkeypatch.setitem(Image.OPEN, "STRANGER", (plugin, None))
    assert (decode(path) == RGB).all()


def test_threads_decode_at_once_and_leave_no_trace(tmp_path: Path) -> None:
    filters, limit = list(warnings.filters), Image.MAX_IMAGE_PIXELS
    damaged = written(tmp_path, encoded("JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\x05\0\x12\x01"), "damaged")
    expected, wrong = decode(damaged), []

    def work() -> None:
        wrong.extend(True for _ in range(30) if not np.array_equal(decode(damaged), expected))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert list(warnings.filters) == filters
    assert limit == Image.MAX_IMAGE_PIXELS
