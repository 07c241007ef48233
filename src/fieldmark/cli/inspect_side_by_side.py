"""Several inspections as text that fits 100 columns: totals, and of two the rows that differ."""

from __future__ import annotations

from collections.abc import Sequence

from fieldmark.cli.amounts import DECIMAL, NOTHING, amount, columns, scaled, size, unit, wrapped
from fieldmark.cli.inspect_table import sight
from fieldmark.models.inspection.comparison import Pair, differing
from fieldmark.models.inspection.layer import Inspection
from fieldmark.models.inspection.notes import spell
from fieldmark.models.inspection.outline import Row, fitting_depth
from fieldmark.printable import printable


def side_by_side(found: Sequence[Inspection], depth: int | None) -> list[str]:
    """The totals of several networks, and of two the rows that differ."""
    lines = totals_table(found)
    if len(found) == 2:
        left, right = found
        chosen = fitting_depth(found) if depth is None else depth
        pairs, alike = differing(left, right, chosen)
        lines += ["", *difference_table(left, right, pairs)] if pairs else []
        lines += ["", f"{alike} rows are alike in both." if pairs else f"All {alike} rows are alike in both."]
    lines.append("")
    for one in found:
        for note in one.notes:
            lines += wrapped(f"- {printable(one.model)}: ", note)
    return lines


def totals_table(found: Sequence[Inspection]) -> list[str]:
    """A column for each network."""
    batch = found[0].memory.batch_size
    figures = [
        ("picture", [spell(one.input_shape) for one in found]),
        ("parameters", [f"{one.parameters:,}" for one in found]),
        ("  of them trained", [f"{one.trainable:,}" for one in found]),
        ("FLOPs for one picture", [scaled(one.flops, DECIMAL) for one in found]),
        ("depth", [str(one.depth) for one in found]),
        (f"memory to train, {batch} pictures", [size(one.memory.total) for one in found]),
        ("  weights", [size(one.memory.weights) for one in found]),
        ("  gradients", [size(one.memory.gradients) for one in found]),
        ("  Adam's two means", [size(one.memory.optimiser) for one in found]),
        ("  activations", [size(one.memory.activations) for one in found]),
    ]
    head = [["", *(printable(one.model) for one in found)]]
    return columns(head, [[name, *values] for name, values in figures], None, left=1)


def difference_table(left: Inspection, right: Inspection, pairs: Sequence[Pair]) -> list[str]:
    """A line for each pair of rows, the figures of one network beside those of the other."""
    prefix, scale = unit(max(left.flops, right.flops), DECIMAL)
    figures = ["output", "parameters", f"{prefix}FLOPs", "sees"]
    head = [
        ["differing", printable(left.model), "", "", "", printable(right.model), "", "", ""],
        ["", *figures, *figures],
    ]
    body = []
    for one, other in pairs:
        row = one or other
        assert row is not None
        body.append([row.name, *cells(one, scale), *cells(other, scale)])
    return columns(head, body, None, left=1)


def cells(row: Row | None, scale: int) -> list[str]:
    """Output, parameters, FLOPs and receptive field of a row."""
    if row is None:
        return [NOTHING, "", "", ""]
    flops = amount(row.total("flops"), scale)
    return [spell(row.last.output_shape), f"{row.total('parameters'):,}", flops, sight(row.last)[0]]
