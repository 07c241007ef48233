"""Which kinds of TIFF come out right: Pillow reads some that it should not, and calls others broken."""

from __future__ import annotations

from typing import Any, BinaryIO

from PIL.TiffImagePlugin import ImageFileDirectory_v2

from fieldmark.vocabulary import Undecodable

WIDTH, LENGTH, BITS, COMPRESSION, PHOTOMETRIC, SAMPLES = 256, 257, 258, 259, 262, 277
PLANAR, EXTRA, FORMAT = 284, 338, 339

KIND = (WIDTH, LENGTH, BITS, COMPRESSION, PHOTOMETRIC, SAMPLES, PLANAR, EXTRA, FORMAT)
Tags = dict[int, Any]

COLOURS = {0: 1, 1: 1, 2: 3, 3: 1, 4: 1, 5: 4, 6: 3, 8: 3}
"""TIFF 6.0, tag 262, to the samples of a pixel without extra ones."""

NAMES = {0: "grey", 1: "grey", 2: "RGB", 3: "palette", 4: "mask", 5: "CMYK", 6: "YCbCr", 8: "LAB"}
GREY, RGB, CMYK = (0, 1), 2, 5
KNOWN_BITS = {1, 2, 4, 8, 10, 12, 14, 16, 24, 32, 64}
SIGNED, FLOAT, COMPLEX = 2, 3, {5, 6}
SEPARATE, UNCOMPRESSED = 2, 1
ASSOCIATED, UNASSOCIATED = 1, 2


def read_tags(file: BinaryIO) -> Tags:
    """What the first picture of a TIFF says of its pixels; {} where there is no whole table of tags."""
    try:
        file.seek(0)
        start = file.read(8)
        if b"+" in start[2:4]:  # BigTIFF
            start += file.read(8)
        tags = ImageFileDirectory_v2(start)
        file.seek(tags.next)
        tags.load(file)
        return {tag: tags[tag] for tag in KIND if tag in tags}
    except Exception:  # a damaged table raises anything; the reader tells of it
        return {}


def check_kind(tags: Tags) -> None:
    """Refuse pixels that would not come out right.

    Args:
        tags: of a whole TIFF; missing ones have the standard's default.

    Raises:
        Undecodable: with the status "unsupported".
    """
    reason = _unsupported(tags)
    if reason is not None:
        raise Undecodable(reason, "unsupported")


def describe(tags: Tags) -> str | None:
    """The kind of pixels in words, or None if the tags do not make sense.

    >>> describe({256: 4, 257: 3, 258: (16, 16), 277: 2, 262: 1})
    '2 bands of 16 bits, grey'
    """
    samples, bits, photometric = tags.get(SAMPLES, 1), _several(tags, BITS), tags.get(PHOTOMETRIC)
    sizes = tags.get(WIDTH), tags.get(LENGTH), samples
    if not all(isinstance(size, int) and size > 0 for size in sizes) or photometric not in NAMES:
        return None
    if not bits <= KNOWN_BITS:
        return None
    bands = "1 band" if samples == 1 else f"{samples} bands"
    return f"{bands} of {'/'.join(map(str, sorted(bits)))} bits, {NAMES[photometric]}"


def _unsupported(tags: Tags) -> str | None:
    kind = describe(tags)
    if kind is None:
        return None
    samples, bits, photometric = tags.get(SAMPLES, 1), _several(tags, BITS), tags[PHOTOMETRIC]
    formats = _several(tags, FORMAT)
    if FLOAT in formats:
        return "floating-point pixels, which have no defined white"
    if formats & COMPLEX:
        return f"complex numbers as pixels ({kind})"
    if SIGNED in formats and (samples > 1 or min(bits) <= 16):  # 32 bits: `modes` looks at the values
        return f"signed pixels, which have no defined black and white ({kind})"
    extra = samples - COLOURS[photometric]
    if photometric in GREY and extra > 1:
        return f"{samples} bands, and nothing says which are red, green and blue"
    if tags.get(PLANAR) == SEPARATE and samples > 1:
        alpha = _several(tags, EXTRA) & {ASSOCIATED, UNASSOCIATED}
        if photometric not in (*GREY, RGB, CMYK) or (photometric in GREY and alpha):
            return f"bands in separate planes ({kind})"
        # Pillow's own reader takes the first letter of a mode such as "RGB;16L" for the first plane's.
        if tags.get(COMPRESSION, UNCOMPRESSED) == UNCOMPRESSED and (
            bits != {8} or photometric in GREY or (extra > 0 and alpha != {UNASSOCIATED})
        ):
            return f"bands in separate planes, uncompressed ({kind})"
    return None


def _several(tags: Tags, tag: int) -> set[int]:
    """The values of a tag that has one per band; 1 where it is missing, as the standard has it."""
    value = tags.get(tag, 0 if tag == EXTRA else 1)
    return set(value) if isinstance(value, tuple) else {value}
