"""Several inspections as text that fits 100 columns: totals, of two the rows that differ, notes once."""

from __future__ import annotations

from collections.abc import Sequence

from fieldmark.cli.amounts import DECIMAL, NOTHING, WIDTH, amount, columns, scaled, size, unit, wrapped
from fieldmark.cli.inspect_table import sight
from fieldmark.inspection.findings import Inspection, Pair, Row, differing, fitting_depth, spell_shape
from fieldmark.inspection.notes import notes
from fieldmark.printable import printable


def side_by_side(found: Sequence[Inspection], depth: int | None) -> list[str]:
    """The totals of several networks, of two the rows that differ, and what stands out."""
    lines = totals_tables(found)
    if len(found) == 2:
        left, right = found
        chosen = fitting_depth(found) if depth is None else depth
        pairs, alike = differing(left, right, chosen)
        lines += ["", *difference_table(left, right, pairs)] if pairs else []
        lines += ["", f"{alike} rows are alike in both." if pairs else f"All {alike} rows are alike in both."]
    return [*lines, "", *shared_notes(found)]


def shared_notes(found: Sequence[Inspection]) -> list[str]:
    """Each note once, behind the names of the networks that it is true of.

    Of three and more only what cannot be read from the table of totals: the same remarks on each of them,
    with other numbers, would bury it.
    """
    many = len(found) > 2
    owners: dict[str, list[str]] = {}
    for one in found:
        in_table = set(notes(one)) if many else set()
        for note in one.notes:
            if note not in in_table:
                names = owners.setdefault(note, [])
                names += [] if one.model in names else [one.model]
    lines = []
    for note, names in owners.items():
        lines += wrapped("- ", f"{', '.join(names)}: {note}")
    return [*lines, "What stands out in one of them: fieldmark inspect NAME."] if many else lines


def totals_tables(found: Sequence[Inspection]) -> list[str]:
    """The totals, in as many tables below each other as it takes for every name to be whole."""
    lines: list[str] = []
    rest = list(found)
    while rest:
        table = totals_table(rest[:1])
        shown = 1
        for count in range(2, len(rest) + 1):
            wider = totals_table(rest[:count])
            if max(map(len, wider)) > WIDTH or any(line.startswith("..") for line in wider):
                break
            table, shown = wider, count
        lines += ["", *table] if lines else table
        rest = rest[shown:]
    return lines


def totals_table(found: Sequence[Inspection]) -> list[str]:
    """A column for each network."""
    batch = found[0].memory.batch_size
    figures = [
        ("picture", [spell_shape(one.input_shape) for one in found]),
        ("parameters", [f"{one.parameters:,}" for one in found]),
        ("  of them trained", [f"{one.trainable:,}" for one in found]),
        ("FLOPs for one picture", [scaled(one.flops, DECIMAL) for one in found]),
        ("depth", [str(one.depth) for one in found]),
        ("an output sees at most, pixels", [farthest(one) for one in found]),
        ("largest layer's parameters", [largest(one) for one in found]),
        (f"memory to train, {batch} pictures", [size(one.memory.total) for one in found]),
        ("  weights", [size(one.memory.weights) for one in found]),
        ("  gradients", [size(one.memory.gradients) for one in found]),
        ("  Adam's two means", [size(one.memory.optimiser) for one in found]),
        ("  activations", [size(one.memory.activations) for one in found]),
    ]
    head = [["", *(printable(one.model) for one in found)]]
    return columns(head, [[name, *values] for name, values in figures], None, left=1)


def farthest(found: Inspection) -> str:
    """The largest receptive field of an output of a map, "all" where it covers the picture."""
    fields = [layer.receptive_field for layer in found.layers if layer.receptive_field is not None]
    if not fields:
        return NOTHING
    rows, columns_ = max(fields, key=lambda field: field[0] * field[1])
    _, height, width = found.input_shape
    return "all" if rows >= height and columns_ >= width else spell_shape((rows, columns_))


def largest(found: Inspection) -> str:
    """The share of all parameters that the largest layer holds."""
    most = max((layer.parameters for layer in found.layers), default=0)
    return f"{100 * most / found.parameters:.1f} %" if found.parameters else NOTHING


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
    return [spell_shape(row.last.output_shape), f"{row.total('parameters'):,}", flops, sight(row.last)[0]]
