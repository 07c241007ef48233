"""An inspection as a short table, for `print`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fieldmark.models.inspection.notes import spell
from fieldmark.models.inspection.outline import fitting_depth, outline
from fieldmark.printable import printable

if TYPE_CHECKING:
    from fieldmark.models.inspection.layer import Inspection

ROWS = 24
"""The table goes as deep as so many rows allow."""


def overview(inspection: Inspection) -> str:
    """The totals in a line, and the output, parameters and operations of each block or layer.

    >>> from fieldmark.models.inspection.inspecting import inspect
    >>> print(overview(inspect("mlp", 32, num_classes=2)).splitlines()[0])
    mlp on pictures of 3x32x32: 1,574,402 parameters, 3,147,776 FLOPs, 2 layers deep
    """
    cells: list[tuple[str, ...]] = [("layer", "type", "output", "parameters", "FLOPs")]
    for row in outline(inspection, fitting_depth([inspection], ROWS)):
        kind = row.type if row.single else f"{row.type} ({len(row.layers)})"
        figures = (f"{row.total(name):,}" if row.total(name) else "-" for name in ("parameters", "flops"))
        cells.append((printable(row.name), kind, spell(row.last.output_shape), *figures))
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    table = [
        "  ".join(
            text.ljust(width) if column < 3 else text.rjust(width)
            for column, (text, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in cells
    ]
    rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
    head = (
        f"{printable(inspection.model)} on pictures of {spell(inspection.input_shape)}: "
        f"{inspection.parameters:,} parameters, {inspection.flops:,} FLOPs, {inspection.depth} layers deep"
    )
    return "\n".join([head, "", table[0], rule, *table[1:]])
