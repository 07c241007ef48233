"""Formats by their first bytes."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from fieldmark.data.decode.formats import LONGEST, is_text, sniff


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF"])
def test_what_pillow_writes_is_recognised(name: str) -> None:
    file = io.BytesIO()
    Image.new("RGB", (20, 10)).save(file, name)
    assert sniff(file.getvalue()[:LONGEST]) == name


@pytest.mark.parametrize(
    ("box", "name"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIF"),
        (b"\0\0\0\x18ftypheix\0\0\0\0mif1heix", "HEIF"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0heicmif1", "HEIF"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf", "AVIF"),
        (b"\0\0\0\x10ftypmif1\0\0\0\0avif", "HEIF"),  # the box ends before what follows it
        (b"\0\0\0\x18ftypavis\0\0\0\0avifmiaf", "AVIF"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0isommp42", "MP4 video"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "WEBP"),
        (b"RIFF\0\0\0\0AVI LIST", "RIFF audio or video"),
        (b"%PDF-1.7", "PDF"),
        (b"", None),
        (b"once upon a time", None),
    ],
)
def test_boxes_and_other_formats(box: bytes, name: str | None) -> None:
    assert sniff(box) == name


@given(st.binary(max_size=LONGEST))
def test_any_bytes_have_an_answer(start: bytes) -> None:
    assert sniff(start) is None or isinstance(sniff(start), str)
    is_text(start)


def test_text_is_told_from_noise() -> None:
    assert is_text("Blaumeise, größer als üblich 🐦".encode()[:-1])
    assert not is_text(bytes(range(64)))
    assert not is_text(b"\xff\xfe\xfd\xfc" * 8)
