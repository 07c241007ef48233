"""One colour per kind of layer, from the palette of all figures (Okabe & Ito 2008)."""

from __future__ import annotations

from fieldmark.reporting.network_kinds import Kind
from fieldmark.reporting.style import BLUE, INK, MUTED, PAPER, VERMILLION

GREEN = "#009E73"
ORANGE = "#E69F00"
PURPLE = "#CC79A7"
SKY = "#56B4E9"

COLOURS = {
    Kind.PICTURE: INK,
    Kind.CONVOLUTION: BLUE,
    Kind.POOLING: VERMILLION,
    Kind.LINEAR: GREEN,
    Kind.CONCATENATION: ORANGE,
    Kind.ADDITION: PURPLE,
    Kind.PRODUCT: PURPLE,
    Kind.NORMALISATION: SKY,
    Kind.ACTIVATION: SKY,
    Kind.OTHER: MUTED,
}


def mixed(colour: str, other: str, share: float) -> str:
    """`colour` with so much of `other` in it.

    >>> mixed("#000000", "#FFFFFF", 0.5)
    '#808080'
    """
    channels = (
        round(int(colour[i : i + 2], 16) * (1 - share) + int(other[i : i + 2], 16) * share) for i in (1, 3, 5)
    )
    return "#" + "".join(f"{channel:02X}" for channel in channels)


def front(kind: Kind) -> str:
    return mixed(COLOURS[kind], PAPER, 0.92 if kind is Kind.PICTURE else 0.42)


def top(kind: Kind) -> str:
    return mixed(COLOURS[kind], PAPER, 0.96 if kind is Kind.PICTURE else 0.68)


def side(kind: Kind) -> str:
    return mixed(COLOURS[kind], PAPER, 0.85 if kind is Kind.PICTURE else 0.22)


def edge(kind: Kind) -> str:
    return mixed(COLOURS[kind], INK, 0.45)


def pale(kind: Kind) -> str:
    """Of the band that stands for normalisation."""
    return mixed(COLOURS[kind], PAPER, 0.86)


def dark(kind: Kind) -> str:
    """Of the band that stands for an activation."""
    return mixed(COLOURS[kind], INK, 0.4)
