"""One inspection as text that fits 100 columns: a tree of layers, totals, what stands out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fieldmark.cli.amounts import BINARY, DECIMAL, NOTHING, amount, columns, scaled, size, unit, wrapped
from fieldmark.inspection.findings import Inspection, Layer, Row, fitting_depth, outline, spell_shape
from fieldmark.printable import printable

FIGURES = ("parameters", "parameter_bytes", "flops", "activation_bytes")


def single(found: Inspection, depth: int | None) -> list[str]:
    """The table of layers, totals, and what stands out. depth: see `outline`; None fits it to a screen."""
    rows = outline(found, fitting_depth([found]) if depth is None else depth)
    lines = [f"{printable(found.model)} on pictures of {spell_shape(found.input_shape)}", ""]
    lines += layer_table(found, rows)
    if any(not row.single for row in rows):
        lines += ["", "(n): a block of n layers; --depth 0 shows every layer."]
    lines += ["", *summary(found)]
    return lines + [line for note in found.notes for line in wrapped("- ", note)]


def layer_table(found: Inspection, rows: Sequence[Row]) -> list[str]:
    """A line for each row, and the sums."""
    all_kept = sum(layer.activation_bytes for layer in found.layers)
    weights, flops = unit(found.parameter_bytes, BINARY), unit(found.flops, DECIMAL)
    kept = unit(all_kept, BINARY)
    scales = (1, weights[1], flops[1], kept[1])
    head = [
        ["layer", "type", "output", "parameters", "weights", "FLOPs", "kept", "sees", "step"],
        ["", "", "", "", weights[0], flops[0], kept[0], "px", "px"],
    ]
    body = []
    for names, row in indented(found, rows):
        if row is None:
            body.append([*names, *[""] * 7])
            continue
        figures = [amount(row.total(name), scale) for name, scale in zip(FIGURES, scales, strict=True)]
        body.append([*names, spell_shape(row.last.output_shape), *figures, *sight(row.last)])
    totals = (found.parameters, found.parameter_bytes, found.flops, all_kept)
    foot = [amount(total, scale) for total, scale in zip(totals, scales, strict=True)]
    return columns(head, body, ["total", "", "", *foot, "", ""], left=3)


def indented(found: Inspection, rows: Sequence[Row]) -> Iterator[tuple[tuple[str, str], Row | None]]:
    """Name and type of every line: a tree, with a line of its own for a block whose layers are the rows."""
    above: tuple[str, ...] = ()
    for row in rows:
        inside = row.place[:-1]
        for level in range(len(inside)):
            if inside[: level + 1] != above[: level + 1]:
                kind = found.blocks.get(".".join(inside[: level + 1]), "")
                yield ("  " * level + inside[level], kind), None
        above = row.place
        kind = row.type if row.single else f"{row.type} ({len(row.layers)})"
        yield ("  " * len(inside) + row.place[-1], kind), row


def summary(found: Inspection) -> list[str]:
    """Totals in words."""
    memory = found.memory
    frozen = found.parameters - found.trainable
    trained = "all trained" if not frozen else f"{found.trainable:,} trained, {frozen:,} frozen"
    parts = (
        f"weights {size(memory.weights)} + gradients {size(memory.gradients)} + Adam's two means "
        f"{size(memory.optimiser)} (SGD keeps one or none) + activations {size(memory.activations)}"
    )
    told = {
        "parameters": f"{found.parameters:,} ({size(found.parameter_bytes)}), {trained}",
        "FLOPs": f"{scaled(found.flops, DECIMAL)} for one picture, two per multiplication and addition",
        "depth": f"{found.depth} layers that multiply and add, one after the other",
        "memory to train": f"{size(memory.total)} for {memory.batch_size} pictures at a time, work space "
        f"aside: {parts}",
    }
    explained = (
        "kept: what a layer keeps of each picture for the backward pass; sees, step: the receptive field and "
        "the stride of an output, in pixels of the picture (-: no map, or all of it)."
    )
    lines = [line for name, text in told.items() for line in wrapped(f"{name:<17}", text)]
    return [*lines, "", *wrapped("", explained), ""]


def sight(layer: Layer) -> list[str]:
    """The receptive field and the stride, one number where both sides are alike."""
    return [_square(layer.receptive_field), _square(layer.stride)]


def _square(sides: tuple[int, int] | None) -> str:
    if sides is None:
        return NOTHING
    return str(sides[0]) if sides[0] == sides[1] else spell_shape(sides)
