"""Which format a file has, by its first bytes; its name is not asked."""

from __future__ import annotations

from PIL import ImageFile, features
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.PpmImagePlugin import PpmImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from fieldmark.vocabulary import Undecodable

EXTENSIONS = frozenset(
    f".{name}"
    for name in (
        *("jpg", "jpeg", "jpe", "jfif", "png", "apng", "webp", "bmp", "dib", "gif", "tif", "tiff", "avif"),
        *("ppm", "pgm", "pbm", "pnm"),
        *("heic", "heif", "hif"),  # so that they are reported, not overlooked, where the extra is missing
    )
)
"""What folders are searched for; suffixes in lower case."""

READERS: dict[str, type[ImageFile.ImageFile]] = {
    "AVIF": AvifImageFile,
    "BMP": BmpImageFile,
    "GIF": GifImageFile,
    "JPEG": JpegImageFile,
    "PNG": PngImageFile,
    "PPM": PpmImageFile,
    "TIFF": TiffImageFile,
    "WEBP": WebPImageFile,
}
"""Pillow's own readers and no others, whatever plugins have been registered with it."""

LONGEST = 64
"""How many of the first bytes decide."""

STARTS = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"BM": "BMP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",
    b"MM\0+": "TIFF",
    **{b"P%d%c" % (kind, space): "PPM" for kind in range(1, 7) for space in b" \t\n\r"},
    # Recognised so that the answer can name them; not decoded.
    b"%PDF": "PDF",
    b"8BPS": "Photoshop",
    b"\0\0\0\x0cjP  ": "JPEG 2000",
    b"\xff\x4f\xff\x51": "JPEG 2000",
    b"\xff\x0a": "JPEG XL",
    b"\0\0\0\x0cJXL ": "JPEG XL",
    b"\0\0\1\0": "ICO",
    b"qoif": "QOI",
    b"DDS ": "DDS",
    b"P7\n": "PAM",
    b"PF\n": "PFM",
    b"Pf\n": "PFM",
    b"\x76\x2f\x31\x01": "OpenEXR",
    b"#?RADIANCE": "Radiance HDR",
    b"gimp xcf": "GIMP",
    b"<svg": "SVG",
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "ZIP",
    b"\x1aE\xdf\xa3": "Matroska video",
}

HEIF_BRANDS = {
    b"heic",
    b"heix",
    b"heim",
    b"heis",
    b"hevc",
    b"hevx",
    b"hevm",
    b"hevs",
    b"mif1",
    b"msf1",
    b"mif2",
}
AVIF_BRANDS = {b"avif", b"avis"}


def sniff(start: bytes) -> str | None:
    """The format of a file that begins with the bytes `start` (up to LONGEST of them), None if unknown.

    >>> sniff(b"GIF89a..."), sniff(bytes(4) + b"ftypheic"), sniff(b"once upon a time")
    ('GIF', 'HEIF', None)
    """
    if start[:4] == b"RIFF":
        return "WEBP" if start[8:12] == b"WEBP" else "RIFF audio or video"
    if start[4:8] == b"ftyp":
        return _boxed(start)
    return next((name for prefix, name in STARTS.items() if start.startswith(prefix)), None)


def _boxed(start: bytes) -> str:
    # ISO 14496-12: box length (4 bytes), "ftyp", the major brand, a version (4 bytes), compatible brands.
    length = min(int.from_bytes(start[:4], "big"), len(start))
    major = start[8:12]
    compatible = {start[i : i + 4] for i in range(16, length - 3, 4)}
    if major in AVIF_BRANDS or (major in HEIF_BRANDS and compatible & AVIF_BRANDS):
        return "AVIF"
    return "HEIF" if major in HEIF_BRANDS else "MP4 video"


def is_text(start: bytes) -> bool:
    """Whether the bytes read as text: UTF-8 without control characters, if need be cut within a character.

    >>> is_text(b"once upon a time"), is_text(bytes([0, 1, 2]))
    (True, False)
    """
    text = start.decode("utf-8", errors="ignore")
    return len(text.encode()) > len(start) - 4 and all(char.isprintable() or char.isspace() for char in text)


def reader_of(kind: str | None, start: bytes) -> type[ImageFile.ImageFile]:
    """Pillow's reader for a format as `sniff` names it, of a file that begins with the bytes `start`.

    Raises:
        Undecodable: there is none here, with the reason.
    """
    if not start:
        raise Undecodable("the file is empty", "unreadable")
    if kind is None:
        what = "text, not a picture" if is_text(start) else "not a picture: it begins like no known format"
        raise Undecodable(what, "unreadable")
    if kind == "HEIF":
        return _heif_reader()
    if kind not in READERS:
        raise Undecodable(f"{kind}; fieldmark reads {', '.join(sorted(READERS))} and HEIC", "unsupported")
    if kind in ("AVIF", "WEBP") and not features.check(kind.lower()):
        raise Undecodable(
            f"this Pillow was built without {kind}; pip install --upgrade pillow", "unsupported"
        )
    return READERS[kind]


def _heif_reader() -> type[ImageFile.ImageFile]:
    try:
        from pillow_heif import HeifImageFile
    except ImportError as error:
        raise Undecodable('HEIC; to read it: pip install "fieldmark[heif]"', "unsupported") from error
    reader: type[ImageFile.ImageFile] = HeifImageFile
    return reader
