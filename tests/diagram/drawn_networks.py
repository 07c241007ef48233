"""Reading a drawing back: boxes, lines and words with their places, and what is wrong with them."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from fieldmark.figures.lettering import POINTS_PER_INCH, width
from fieldmark.inspection.findings import Inspection, Layer, TrainingMemory

SVG = "{http://www.w3.org/2000/svg}"
MARGIN = 0.5  # units by which things may touch


@dataclass(frozen=True)
class Area:
    """What something covers on the page. what: the words, or the name of the box."""

    left: float
    top: float
    right: float
    bottom: float
    what: str

    def meets(self, other: Area, by: float = MARGIN) -> bool:
        return (
            min(self.right, other.right) - max(self.left, other.left) > by
            and min(self.bottom, other.bottom) - max(self.top, other.top) > by
        )


def layer(name: str, kind: str, inputs: Sequence[int], shape: tuple[int, ...], parameters: int = 0) -> Layer:
    """A layer by hand; receptive field and stride unknown."""
    return Layer(name, kind, tuple(inputs), shape, parameters, 4 * parameters, 0, 0, None, None)


def inspection(layers: Sequence[Layer], picture: tuple[int, int, int] = (3, 32, 32)) -> Inspection:
    memory = TrainingMemory(64, 0, 0, 0, 0)
    return Inspection("by hand", picture, tuple(layers), 0, 0, 0, 0, memory)


def number(element: ElementTree.Element, name: str) -> float:
    return float(element.get(name, 0))


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)


def groups(root: ElementTree.Element, kind: str) -> Iterator[ElementTree.Element]:
    return (group for group in root.iter(f"{SVG}g") if group.get("class", "").split(" ")[0] == kind)


def fronts(root: ElementTree.Element) -> dict[str, ElementTree.Element]:
    """The front of every slab and bar, by the name of its layer."""
    found = {}
    for group in groups(root, "layer"):
        for rectangle in group.iter(f"{SVG}rect"):
            if rectangle.get("class") == "front":
                found[group.get("data-name", "")] = rectangle
    return found


def lines(root: ElementTree.Element) -> dict[tuple[int, int], str]:
    """Every line and arc, from box to box, with its kind: "flow", "branch", "skip" or "dense"."""
    found = {}
    for path in root.iter(f"{SVG}path"):
        if path.get("data-from"):
            ends = int(path.get("data-from", "")), int(path.get("data-to", ""))
            found[ends] = path.get("class", "dense")
    return found


def words(root: ElementTree.Element) -> list[Area]:
    """Every text with the area that it covers in DejaVu Sans."""
    found: list[Area] = []

    def visit(element: ElementTree.Element, right: float, down: float) -> None:
        moved = re.match(r"translate\(([-\d.]+) ([-\d.]+)\)", element.get("transform", ""))
        if moved:
            right, down = right + float(moved[1]), down + float(moved[2])
        if element.tag == f"{SVG}text":
            size = number(element, "font-size")
            bold = element.get("font-weight") == "bold"
            wide = width(element.text or "", size, bold=bold) * POINTS_PER_INCH
            left = number(element, "x") + right - (wide / 2 if element.get("text-anchor") else 0)
            base = number(element, "y") + down
            found.append(Area(left, base - 0.76 * size, left + wide, base + 0.22 * size, element.text or ""))
        for child in element:
            visit(child, right, down)

    visit(root, 0.0, 0.0)
    return found


def boxes(root: ElementTree.Element) -> list[Area]:
    """The fronts of all slabs and bars, and all signs."""
    found = []
    for group in groups(root, "layer"):
        name = group.get("data-box", "")
        for element in group:
            if element.get("class") == "front":
                left, top = number(element, "x"), number(element, "y")
                wide, high = number(element, "width"), number(element, "height")
                found.append(Area(left, top, left + wide, top + high, name))
            elif element.tag == f"{SVG}circle":
                x, y, r = number(element, "cx"), number(element, "cy"), number(element, "r")
                found.append(Area(x - r, y - r, x + r, y + r, name))
    return found


def strokes(root: ElementTree.Element) -> list[Area]:
    """The pieces of all lines; the corners' roundness left out."""
    found = []
    for path in root.iter(f"{SVG}path"):
        if path.get("data-from") and path.get("class"):
            points = [(float(x), float(y)) for x, y in re.findall(r"([-\d.]+) ([-\d.]+)", path.get("d", ""))]
            name = f"{path.get('data-from')} to {path.get('data-to')}"
            for (a, b), (c, d) in pairwise(points):
                found.append(Area(min(a, c), min(b, d), max(a, c), max(b, d), name))
    return found


def summits(root: ElementTree.Element) -> list[Area]:
    """The highest stretch of every arc of a dense block."""
    found = []
    for path in root.iter(f"{SVG}path"):
        if path.get("data-from") and not path.get("class"):
            points = [(float(x), float(y)) for x, y in re.findall(r"([-\d.]+) ([-\d.]+)", path.get("d", ""))]
            xs, top = [x for x, _ in points], min(y for _, y in points)
            name = f"{path.get('data-from')} to {path.get('data-to')}"
            found.append(Area(min(xs), top, max(xs), top + 2, name))
    return found


def faults(svg: str) -> list[str]:
    """One line per overlap, and per word off the page; an empty list for a drawing that can be read."""
    root = parsed(svg)
    wide, high = number(root, "width"), number(root, "height")
    texts = words(root)
    found = [
        f"off the page: {text.what!r}"
        for text in texts
        if text.left < 0 or text.top < 0 or text.right > wide or text.bottom > high
    ]
    solid = sorted([*texts, *boxes(root)], key=lambda area: area.left)
    for place, area in enumerate(solid):
        for other in solid[place + 1 :]:
            if other.left > area.right:
                break
            if area.meets(other):
                found.append(f"overlap: {area.what!r} and {other.what!r}")
    for stroke in (*strokes(root), *summits(root)):
        found += [f"line {stroke.what} through {area.what!r}" for area in solid if _crosses(stroke, area)]
    return found


def _crosses(stroke: Area, area: Area) -> bool:
    inside = 1.4  # a line starts within the side of its box, and ends on its edge
    return (
        stroke.right > area.left + inside
        and stroke.left < area.right - inside
        and stroke.bottom > area.top + inside
        and stroke.top < area.bottom - inside
    )
