"""JPEGs, decoded by libjpeg-turbo with its warnings heard, so that a missing part does not come out grey.

JPEG has no checksum. Where its data stop early or make no sense, libjpeg warns and fills up with grey; Pillow
drops the warning, simplejpeg raises it. The pixels are the same: both are libjpeg-turbo at its most exact.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from fieldmark.vocabulary import Undecodable

COLOURS = {"L": "GRAY", "RGB": "RGB"}
"""Pillow's mode of a JPEG to simplejpeg's name."""

MOST_SCANS = 100
MOST_VISITS = 2 * 10**9
"""A progressive file has some ten scans. Each takes a pass over the whole picture, were it empty; as many
visits of a pixel, which are 20 scans of 100 megapixels, take 2.6 s."""

MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])", re.DOTALL)
"""The next marker that is no restart marker; in entropy-coded data FF is followed by 00."""

RESTART = re.compile(rb"\xff[\xd0-\xd7]")

DAMAGE = re.compile(r"Corrupt JPEG data|Premature end of JPEG")
HARMLESS = re.compile(r"extraneous bytes before marker 0xd9")
"""All blocks were there; some cameras and web sites leave bytes between them and the end."""

SOS, EOI, DRI, ALONE = 0xDA, 0xD9, 0xDD, (0x01, 0xD8)
FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})


def check_scans(content: bytes) -> None:
    """Refuse a JPEG of too many passes over the picture, or of passes that end too early.

    A progressive file sends coefficients coarsely first and refines them bit by bit; what was begun must have
    been brought to the last bit, and every component must have its average brightness (coefficient 0).

    Args:
        content: the whole file.

    Raises:
        Undecodable: with the reason.
    """
    components: set[int] = set()
    missing: dict[tuple[int, int], int] = {}  # (component, coefficient): bits not sent yet
    progressive, scans, most = False, 0, MOST_SCANS
    for code, segment in _segments(content):
        if code in FRAMES:
            progressive = code in PROGRESSIVE
            components = set(segment[6::3])
            height, width = int.from_bytes(segment[1:3]), int.from_bytes(segment[3:5])
            most = min(MOST_SCANS, MOST_VISITS // max(1, height * width))
        elif code == SOS:
            scans += 1
            if scans > most:
                raise Undecodable(
                    f"a JPEG of more than {most} scans, each a pass over the whole picture", "too_large"
                )
            count = segment[0] if segment else 0
            if len(segment) < 2 * count + 4:
                return  # libjpeg refuses it
            first, last, bits = segment[2 * count + 1 : 2 * count + 4]
            for component in segment[1 : 2 * count + 1 : 2]:
                for coefficient in range(first, min(last, 63) + 1):
                    missing[component, coefficient] = bits & 15
    if progressive and (any(missing.values()) or any((one, 0) not in missing for one in components)):
        raise Undecodable("broken JPEG: truncated, its last scans are missing", "unreadable")


def decode_jpeg(content: bytes, mode: str) -> NDArray[np.uint8] | None:
    """Decode a whole JPEG, where libjpeg-turbo is not left to Pillow.

    Args:
        content: the whole file.
        mode: as Pillow reports it.

    Returns:
        uint8 (H, W, C); None for what is left to Pillow: CMYK, and rare kinds.

    Raises:
        Undecodable: libjpeg finds that a part is missing or makes no sense.
    """
    try:
        if (
            mode == "CMYK"
        ):  # Pillow knows when it is inverted; an eighth of the size is enough to hear warnings
            simplejpeg.decode_jpeg(content, mode, min_height=1, min_width=1, min_factor=8)
        return simplejpeg.decode_jpeg(content, COLOURS[mode]) if mode in COLOURS else None
    except ValueError as error:
        message = str(error)
    if HARMLESS.search(message) and _has_all_restarts(content):
        return simplejpeg.decode_jpeg(content, COLOURS[mode], strict=False) if mode in COLOURS else None
    if DAMAGE.match(message):
        what = message.removeprefix("Corrupt JPEG data: ")
        raise Undecodable(f"broken JPEG: truncated or damaged ({what})", "unreadable")
    return None


def _has_all_restarts(content: bytes) -> bool:
    """Whether there are as many restart markers as the picture takes; where it has them, they come in the way
    of the end, and bytes before an end that comes too early are reported like those before the right one."""
    interval = units = 0
    for code, segment in _segments(content):
        if code == DRI:
            interval = int.from_bytes(segment[:2])
        elif code in FRAMES:
            height, width = int.from_bytes(segment[1:3]), int.from_bytes(segment[3:5])
            factors = segment[7::3] if len(segment) > 9 else b"\x11"  # horizontal and vertical, 4 bits each
            across, down = max(one >> 4 for one in factors), max(one & 15 for one in factors)
            units = -(-width // (8 * max(1, across))) * -(-height // (8 * max(1, down)))
    return interval == 0 or len(RESTART.findall(content)) >= -(-units // interval) - 1


def _segments(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Markers with what they carry, up to the end of the picture."""
    position, components = 0, 0
    while (found := MARKER.search(content, position)) is not None:
        code, position = found[1][0], found.end()
        if code in ALONE:  # these carry nothing
            continue
        if code == EOI:
            return
        length = int.from_bytes(content[position : position + 2])
        segment = content[position + 2 : position + length]
        yield code, segment
        if code in FRAMES and len(segment) > 5:
            components = 0 if code in PROGRESSIVE else segment[5]
        elif code == SOS and segment and segment[0] == components:
            return  # the only scan; no need to search through all the data after it
        position += length
