"""Figures in units that suit them, and lines of them that fit 100 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from fieldmark.printable import printable

WIDTH = 100
NOTHING = "-"
Units = Sequence[tuple[str, int]]
BINARY: Units = (("B", 1), ("KiB", 2**10), ("MiB", 2**20), ("GiB", 2**30))
DECIMAL: Units = (("", 1), ("k", 10**3), ("M", 10**6), ("G", 10**9), ("T", 10**12))


def columns(
    head: Sequence[Sequence[str]], body: Sequence[Sequence[str]], foot: Sequence[str] | None, *, left: int
) -> list[str]:
    """Lines of aligned cells, the first `left` columns to the left; names are cut where 100 columns end."""
    # Layers of somebody else's network may have any name.
    head, body = ([[printable(cell) for cell in row] for row in rows] for rows in (head, body))
    every = [*head, *body, *([foot] if foot else [])]
    widths = [max(len(row[i]) for row in every) for i in range(len(head[0]))]
    gaps = len(widths) - 1
    gap = 2 if sum(widths) + 2 * gaps <= WIDTH else 1
    widths[0] = max(12, min(widths[0], WIDTH - sum(widths[1:]) - gap * gaps))

    def line(cells: Sequence[str]) -> str:
        first = cells[0] if len(cells[0]) <= widths[0] else ".." + cells[0][2 - widths[0] :]
        texts = [first, *cells[1:]]
        return (
            (" " * gap)
            .join(
                text.ljust(width) if i < left else text.rjust(width)
                for i, (text, width) in enumerate(zip(texts, widths, strict=True))
            )
            .rstrip()
        )

    rule = "-" * (sum(widths) + gap * gaps)
    lines = [*map(line, head), rule, *map(line, body)]
    return [*lines, rule, line(foot)] if foot else lines


def unit(total: int, units: Units) -> tuple[str, int]:
    """The unit in which a column is told: the largest that leaves its total 1,000 or more.

    >>> unit(222_832 * 1024, BINARY), unit(500, DECIMAL)
    (('KiB', 1024), ('', 1))
    """
    return next(((name, scale) for name, scale in reversed(units) if total >= 1000 * scale), (units[0][0], 1))


def amount(value: int, scale: int) -> str:
    """A number in a unit; one that is not 0 is never shown as 0.

    >>> amount(25_690_112, 1024), amount(512, 1024), amount(1, 1024), amount(0, 1)
    ('25,088', '0.5', '<0.1', '-')
    """
    if value == 0:
        return NOTHING
    number = value / scale
    if scale == 1 or number >= 100:
        return f"{number:,.0f}"
    return f"{number:.1f}" if number >= 0.05 else "<0.1"


def scaled(value: int, units: Units) -> str:
    """A single figure with its unit.

    >>> scaled(3_627_132_928, DECIMAL), scaled(44_765_128, BINARY)
    ('3.63 G', '42.7 MiB')
    """
    name, scale = next((pair for pair in reversed(units) if value >= pair[1]), units[0])
    return f"{value:,} {name}".rstrip() if scale == 1 else f"{value / scale:.3g} {name}"


def size(value: int) -> str:
    return scaled(value, BINARY)


def wrapped(before: str, text: str) -> list[str]:
    """Lines of text behind `before`, the first of them, or behind as much room."""
    return textwrap.wrap(
        printable(text),
        WIDTH,
        initial_indent=before,
        subsequent_indent=" " * len(before),
        break_on_hyphens=False,
    )
