"""A network drawn to scale, from what an inspection found: one SVG file, complete in itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fieldmark.diagram.brackets import brackets_svg
from fieldmark.diagram.chains import Order, order_of
from fieldmark.diagram.graph import (
    DenseRun,
    Group,
    Kind,
    Node,
    dense_runs,
    groups_of,
    layers_in,
    nodes_of,
    path_of,
)
from fieldmark.diagram.labels import is_map, length_of, sides_of
from fieldmark.diagram.lanes import Lanes, lanes_of
from fieldmark.diagram.legend import heading_svg, large, legend_svg
from fieldmark.diagram.routes import Sheet, arcs_svg, path_data, pieces
from fieldmark.diagram.rows import Line, cut_costs, grid_of, lines_of, turns_of
from fieldmark.diagram.sizes import (
    COMPACT,
    MEDIUM,
    SNUG,
    SPACIOUS,
    Scale,
    Style,
    boxes_of,
    scale_of,
)
from fieldmark.diagram.solids import COLOURS, box_svg
from fieldmark.diagram.svg import FONT, element, escaped
from fieldmark.inspection.findings import Inspection
from fieldmark.inspection.notes import pooling_first
from fieldmark.palette import INK, MUTED, PAPER

WIDE = 1600.0
_NARROWEST = 960.0
_MARGIN = 28.0
_BETWEEN_ROWS = 22.0
# The first of these that takes no more than so many rows is taken, else the compact style.
_GENEROUS = ((SPACIOUS, 1), (MEDIUM, 1), (SNUG, 1), (MEDIUM, 2), (SNUG, 2))
_NOTE = (
    "Below each box: kind and kernel (/stride), then channels and sides of its output. Normalisation and "
    "activation are bands of the box they follow or lead to; flatten, dropout and identity are left out. "
    "FLOPs: 2 per multiplication with its addition. Layers: convolutions and linear layers on the longest "
    "way through."
)
_POOLED_FIRST = (
    "Pooling comes before the activation here: the same numbers as after it, since the largest stays the "
    "largest, at less work."
)


@dataclass(frozen=True)
class _Network:
    """What is drawn, whatever it will look like."""

    inspection: Inspection
    nodes: Sequence[Node]
    dense: Sequence[DenseRun]
    order: Order
    groups: Sequence[Group]


@dataclass(frozen=True)
class _Layout:
    """Everything in its place, at one style."""

    scale: Scale
    lanes: Lanes
    lines: Sequence[Line]
    page: Sheet


def draw_network(inspection: Inspection) -> str:
    """A standalone SVG of a network: maps to scale, branches, skips and dense connections, stages, a key.

    Heights follow the sides of maps, widths their channels, vectors are bars; one scale for the whole
    drawing, written below it. The same inspection gives the same text. Long networks wrap into rows.

    Args:
        inspection: What to draw.

    Returns:
        A whole SVG document in ASCII, which needs no other file.

    >>> from fieldmark.inspection.inspector import inspect
    >>> svg = draw_network(inspect("residual", 32))
    >>> svg[:5], svg.count('class="skip"'), svg.isascii()
    ('<svg ', 1, True)
    """
    nodes = nodes_of(inspection)
    dense = dense_runs(nodes)
    order = order_of(nodes, dense)
    names = (None if node.main is None else inspection.layers[node.main].name for node in nodes)
    groups = groups_of([None if name is None else path_of(name) for name in names], order.column)
    network = _Network(inspection, nodes, dense, order, groups)
    layout = _lay_out(network, COMPACT)
    for style, most_rows in _GENEROUS:
        if len(layout.page.grid.rows) > most_rows:
            continue
        roomier = _lay_out(network, style)
        if len(roomier.page.grid.rows) <= most_rows:
            layout = roomier
            break
    return _svg(network, layout)


def _lay_out(network: _Network, style: Style) -> _Layout:
    order, dense = network.order, network.dense
    scale = scale_of(network.nodes, style)
    boxes = boxes_of(network.nodes, network.inspection, scale, style)
    lanes = lanes_of(order, boxes, dense)
    lines = lines_of(order, lanes, boxes)
    turns = turns_of(lines, order, lanes)
    costs = cut_costs(lines, order, dense, network.groups)
    grid = grid_of(order, boxes, turns, costs, style, WIDE, _NARROWEST, _MARGIN)
    return _Layout(scale, lanes, lines, Sheet(order, boxes, lanes, turns, grid, []))


def _svg(network: _Network, layout: _Layout) -> str:
    page = layout.page
    wide = page.grid.page
    note = f"{_NOTE} {_POOLED_FIRST}" if any(pooling_first(network.inspection)) else _NOTE
    heading, y = heading_svg(network.inspection, note, _MARGIN, wide)
    brackets, y = _stack_rows(page, network, y)
    legend, y = legend_svg(network.nodes, network.dense, network.inspection, layout.scale, _MARGIN, wide, y)
    straight = {(line.source, line.target) for line in layout.lines}
    body = [
        element("title", escaped(network.inspection.model)),
        element("defs", _arrow()),
        element("rect", width=wide, height=y, fill=PAPER),
        heading,
        *(arcs_svg(run, straight, page, COLOURS[Kind.CONVOLUTION]) for run in network.dense),
        _boxes_svg(network, page),
        _lines_svg(layout.lines, page),
        *brackets,
        legend,
    ]
    return element(
        "svg",
        *body,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {wide:.0f} {y:.0f}",
        width=round(wide),
        height=round(y),
        font_family=FONT,
    )


def _stack_rows(page: Sheet, network: _Network, y: float) -> tuple[list[str], float]:
    """Give every row its height on the page; returns the brackets below them, and where the last ends."""
    facts = [_facts(group, network) for group in network.groups]
    brackets = []
    baseline: list[float] = []
    page.baseline = baseline
    for row, (first, last) in enumerate(page.grid.rows):
        above, below = page.lanes.profile.most(2 * first - 1, 2 * last + 1)
        baseline.append(y + above + 4)
        y = baseline[-1] + below + 8
        drawn, height = brackets_svg(network.groups, facts, page, row, y, page.grid.page - _MARGIN)
        brackets.append(drawn)
        y += height + _BETWEEN_ROWS
    return brackets, y


def _facts(group: Group, network: _Network) -> str:
    layers = [network.inspection.layers[i] for box in group.members for i in layers_in(network.nodes[box])]
    parameters, flops = sum(layer.parameters for layer in layers), sum(layer.flops for layer in layers)
    known = [f"{large(parameters)} parameters"] if parameters else []
    known += [f"{large(flops)}FLOPs"] if flops else []
    return ", ".join(known)


def _boxes_svg(network: _Network, page: Sheet) -> str:
    nodes = network.nodes
    held = {index: parts for run in network.dense for index, parts in zip(run.nodes, run.parts, strict=True)}
    drawn = []
    for index, node in enumerate(nodes):
        taken = held.get(index, node.inputs) if node.kind is Kind.CONCATENATION else ()
        parts = [float(_amount(nodes[i])) for i in taken]
        axis = page.height(page.row(index), page.lanes.axis[index])
        drawn.append(
            box_svg(node, page.boxes[index], page.left(index), axis, parts, network.inspection, index)
        )
    return element("g", *drawn, class_="layers")


def _amount(node: Node) -> int:
    return max(1, sides_of(node)[0] if is_map(node.shape) else length_of(node))


def _lines_svg(lines: Sequence[Line], page: Sheet) -> str:
    drawn = []
    for line in sorted(lines, key=lambda line: line.kind, reverse=True):  # what flows lies on top
        for piece in pieces(line, page):
            drawn.append(
                element(
                    "path",
                    class_=line.kind,
                    d=path_data(piece),
                    data_from=str(line.source),
                    data_to=str(line.target),
                    stroke=INK if line.kind == "skip" else MUTED,
                )
            )
    return element("g", *drawn, class_="lines", fill="none", stroke_width=1.1, marker_end="url(#arrow)")


def _arrow() -> str:
    return element(
        "marker",
        element("path", d="M0 0L6 2.5L0 5z", fill=MUTED),
        id="arrow",
        orient="auto",
        markerWidth=6,
        markerHeight=5,
        refX=5.6,
        refY=2.5,
        markerUnits="userSpaceOnUse",
    )
