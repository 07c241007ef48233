"""Drawings of networks: to scale, complete, legible, safe, the same every time, for any graph."""

from __future__ import annotations

import functools
import math
import subprocess
import sys
import time

import pytest
from diagram.drawn_networks import (
    SVG,
    boxes,
    faults,
    fronts,
    groups,
    inspection,
    layer,
    lines,
    number,
    parsed,
    words,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldmark.diagram.drawing import WIDE, draw_network
from fieldmark.diagram.labels import is_map
from fieldmark.inspection.findings import Inspection, Layer
from fieldmark.inspection.inspector import inspect

KNOWN = {
    "mlp": 32,
    "residual": 32,
    "deep_residual": 32,
    "lenet": 28,
    "alexnet": 224,
    "vgg16": 224,
    "nin": 224,
    "googlenet": 224,
    "resnet18": 64,
    "resnet50": 224,
    "densenet121": 224,
}


@functools.cache
def found(name: str) -> Inspection:
    return inspect(name, KNOWN[name], in_channels=1 if name == "lenet" else 3)


@functools.cache
def drawn(name: str) -> str:
    return draw_network(found(name))


@pytest.mark.parametrize("name", KNOWN)
def test_nothing_lies_on_anything_else(name: str) -> None:
    assert faults(drawn(name)) == []


@pytest.mark.parametrize("name", KNOWN)
def test_a_page_wide_enough_for_a_screen_has_no_tiny_words(name: str) -> None:
    root = parsed(drawn(name))
    assert number(root, "width") <= WIDE == 1600
    assert min(number(text, "font-size") for text in root.iter(f"{SVG}text")) >= 9
    _, _, wide, high = (float(side) for side in root.get("viewBox", "").split())
    assert (wide, high) == (number(root, "width"), number(root, "height"))


@pytest.mark.parametrize("name", KNOWN)
def test_maps_are_to_scale(name: str) -> None:
    shapes = {one.name: one.output_shape for one in found(name).layers}
    shapes["picture"] = found(name).input_shape
    heights, linear, roots = [], [], []
    for box, front in fronts(parsed(drawn(name))).items():
        if is_map(shapes[box]):
            channels, high, _ = shapes[box]
            heights.append(number(front, "height") / high)
            linear.append(number(front, "width") / channels)
            roots.append(number(front, "width") / math.sqrt(channels))
        else:  # a vector: a bar
            linear.append(number(front, "height") / max(shapes[box]))
            roots.append(number(front, "height") / math.sqrt(max(shapes[box])))
    # Coordinates are hundredths of a unit.
    assert heights == pytest.approx([heights[0]] * len(heights), abs=0.01)
    says_linear = "linear in the count" in drawn(name)
    assert says_linear != ("the square root of the count" in drawn(name))
    scale = linear if says_linear else roots
    assert scale == pytest.approx([scale[0]] * len(scale), abs=0.01)


@pytest.mark.parametrize(
    ("name", "skips", "branches", "arcs"),
    [
        ("vgg16", 0, 0, 0),
        # 8 blocks, of which 3 have a projection: a line to it and one from it.
        ("resnet18", 5, 6, 0),
        # 16 blocks, 4 projections.
        ("resnet50", 12, 8, 0),
        # 9 inceptions with three lanes beside the main one.
        ("googlenet", 0, 54, 0),
        # L (L + 1) / 2 connections in a block of L layers (Huang et al. 2017), for 6, 12, 24 and 16.
        ("densenet121", 0, 0, 21 + 78 + 300 + 136),
        ("deep_residual", 10, 0, 0),
    ],
)
def test_every_skip_and_branch_is_there(name: str, skips: int, branches: int, arcs: int) -> None:
    kinds = list(lines(parsed(drawn(name))).values())
    assert [kinds.count(kind) for kind in ("skip", "branch", "dense")] == [skips, branches, arcs]


def test_four_lanes_lie_side_by_side() -> None:
    root = parsed(drawn("googlenet"))
    lanes = [
        front
        for name, front in fronts(root).items()
        if name.startswith("features.stage3.inception3a") and name.endswith("convolution")
    ]
    assert len({round(number(front, "y") + number(front, "height") / 2) for front in lanes}) == 4


def test_a_skip_is_an_arc_over_what_it_jumps() -> None:
    root = parsed(drawn("deep_residual"))
    top = {area.what: area.top for area in boxes(root)}
    for path in root.iter(f"{SVG}path"):
        if path.get("class") == "skip":
            start, end = int(path.get("data-from", "")), int(path.get("data-to", ""))
            ys = [float(pair.split(" ")[1]) for pair in path.get("d", "")[1:].replace("Q", "L").split("L")]
            assert min(ys) < min(top[str(box)] for box in range(start + 1, end + 1))


def test_words_tell_what_it_is() -> None:
    text = " ".join(area.what for area in words(parsed(drawn("resnet18"))))
    for expected in ("resnet18", "11,173,962 parameters", "features.stage3", "block1", "head", "convolution"):
        assert expected in text


@pytest.mark.parametrize("name", ["lenet", "vgg16", "resnet18", "resnet50", "googlenet"])
def test_every_stage_has_its_name(name: str) -> None:
    stages = {one.name.split(".")[1] for one in found(name).layers if one.name.startswith("features.")}
    text = {word.rpartition(".")[2] for area in words(parsed(drawn(name))) for word in area.what.split(", ")}
    assert {*stages, "head"} <= text


def test_every_layer_can_be_read_off() -> None:
    told = {
        line.split(" (")[0]
        for group in groups(parsed(drawn("resnet18")), "layer")
        for line in (group.findtext(f"{SVG}title") or "").splitlines()
    }
    passing = {"Flatten", "flatten", "Dropout", "Identity", "StochasticDepth"}
    assert {one.name for one in found("resnet18").layers if one.type not in passing} <= told


def test_the_file_needs_nothing_else() -> None:
    svg = drawn("resnet18")
    assert svg.isascii()
    for foreign in ("<script", "<style", "<image", "href", "@font-face", "http://", "https://"):
        assert foreign not in svg.replace("http://www.w3.org/2000/svg", "")


@pytest.mark.parametrize("odd", ['a<b>&"c"', "a'b", "\0\n\t", "\ud800", "\u9ce5" * 80, "x" * 4000, " "])
def test_odd_names_are_escaped(odd: str) -> None:
    layers = [layer(f"features.{odd}.{i}", odd, [i - 1], (8, 16, 16)) for i in range(4)]
    made = inspection([*layers, layer(odd, "Linear", [3], (10,))])
    svg = draw_network(made)
    assert svg.isascii()
    assert len(list(groups(parsed(svg), "layer"))) == 6
    assert faults(svg) == []


def test_names_of_models_are_escaped() -> None:
    made = found("mlp")
    odd = Inspection(**{**vars(made), "model": '<script>"&'})
    root = parsed(draw_network(odd))
    assert root.findtext(f"{SVG}title") == '<script>"&'


def test_no_layers_at_all() -> None:
    assert len(list(groups(parsed(draw_network(inspection([]))), "layer"))) == 1


def test_vectors_only() -> None:
    vectors = [layer("hidden", "Linear", [-1], (512,)), layer("head", "Linear", [0], (10,))]
    bars = fronts(parsed(draw_network(inspection(vectors, (3, 1, 1)))))
    tall, short = (number(bars[name], "height") for name in ("hidden", "head"))
    assert tall > short
    assert number(bars["hidden"], "width") == number(bars["head"], "width")


MAPS = [(16, 32, 32), (3, 64, 64), (512, 1, 7), (64, 1, 1), (0, 4, 4)]
SHAPES = [*MAPS, (10,), (100_000,), (196, 768), (2, 3, 4, 5), ()]
TYPES = ["Conv2d", "Mixer", "add", "mul", "cat", "Linear", "MaxPool2d", "ReLU", "BatchNorm2d", "flatten"]


@st.composite
def graphs(draw: st.DrawFn, types: list[str]) -> list[Layer]:
    """Any graph of layers: forks, joins, long skips, loose pieces, several ends."""
    layers = []
    for index in range(draw(st.integers(1, 25))):
        reach = st.integers(max(-1, index - draw(st.sampled_from([1, 1, 2, 5, 25]))), index - 1)
        taken = draw(st.lists(reach, unique=True, min_size=0 if index % 7 == 3 else 1, max_size=3))
        shape = draw(st.sampled_from(SHAPES))
        name = f"part{index // 5}.layer{index}"
        layers.append(layer(name, draw(st.sampled_from(types)), sorted(taken), shape))
    return layers


def test_a_skip_to_a_sign_passes_above_a_bar_in_the_same_column() -> None:
    layers = [
        layer("stem", "Conv2d", [-1], (16, 32, 32)),
        layer("wide", "Conv2d", [0], (512, 1, 7)),
        layer("vector", "Conv2d", [0, 1], (100000,)),
        layer("sum", "add", [0, 1], (16, 32, 32)),
        layer("end", "Conv2d", [2, 3], (16, 32, 32)),
    ]
    assert faults(draw_network(inspection(layers))) == []


@settings(deadline=None, max_examples=60)
@given(graphs(TYPES))
def test_any_graph_can_be_drawn_and_read(layers: list[Layer]) -> None:
    assert faults(draw_network(inspection(layers))) == []


@settings(deadline=None, max_examples=40)
@given(graphs(["Conv2d", "Mixer", "add"]))
def test_every_line_of_any_graph_is_there(layers: list[Layer]) -> None:
    # None of these types joins another box, so box i + 1 is layer i, and box 0 the picture.
    wanted = {(taken + 1, index + 1) for index, one in enumerate(layers) for taken in one.inputs}
    assert set(lines(parsed(draw_network(inspection(layers))))) == wanted


def residual(blocks: int) -> list[Layer]:
    layers = [layer("stem", "Conv2d", [-1], (32, 16, 16))]
    for block in range(blocks):
        last = len(layers) - 1
        layers.append(layer(f"blocks.{block}.convolution", "Conv2d", [last], (32, 16, 16)))
        layers.append(layer(f"blocks.{block}:add", "add", [last, last + 1], (32, 16, 16)))
    return layers


def dense(layers: int) -> list[Layer]:
    made = [layer("stem", "Conv2d", [-1], (32, 16, 16))]
    for grown in range(1, layers + 1):
        made.append(layer(f"block.layer{grown}", "Conv2d", [len(made) - 1], (8, 16, 16)))
        maps = [0, *range(1, len(made), 2)]
        made.append(layer(f"block:cat#{grown}", "cat", maps, (32 + 8 * grown, 16, 16)))
    return made


@pytest.mark.parametrize("layers", [residual(500), dense(500)], ids=["residual", "dense"])
def test_a_thousand_layers_take_no_time(layers: list[Layer]) -> None:
    started = time.process_time()
    svg = draw_network(inspection(layers))
    assert time.process_time() - started < 2
    assert number(parsed(svg), "width") <= WIDE


def test_where_not_every_arc_of_a_block_is_drawn_the_key_says_so() -> None:
    assert "of long blocks the next 8 are drawn" in draw_network(inspection(dense(100)))
    assert "of long blocks" not in draw_network(inspection(dense(20)))


SCRIPT = """
import hashlib
from fieldmark.diagram.drawing import draw_network
from diagram.drawn_networks import inspection, layer
layers = [layer("a.stem", "Conv2d", [-1], (16, 8, 8))]
layers += [layer(f"{'ab'[i % 2]}.lane{i}", "Conv2d", [0], (8, 8, 8)) for i in range(6)]
layers += [layer("c:cat", "cat", range(7), (64, 8, 8)), layer("c:add", "add", [0, 7], (64, 8, 8))]
print(hashlib.sha256(draw_network(inspection(layers)).encode()).hexdigest())
"""


def test_the_same_inspection_gives_the_same_bytes() -> None:
    sums = set()
    for seed in ("1", "2"):
        environment = {"PYTHONHASHSEED": seed, "PYTHONPATH": next(p for p in sys.path if p.endswith("tests"))}
        ran = subprocess.run(
            [sys.executable, "-c", SCRIPT], env=environment, check=True, capture_output=True, text=True
        )
        sums.add(ran.stdout)
    assert len(sums) == 1
    assert draw_network(found("resnet18")) == drawn("resnet18")


def test_a_long_name_leaves_its_neighbour_room() -> None:
    names = ["the_first_stage_of_all_that_there_are_here", "b", *"cdefghijklmnopqrstuv"]
    layers = [layer(name, "Conv2d", [index - 1], (8, 16, 16)) for index, name in enumerate(names)]
    text = {area.what for area in words(parsed(draw_network(inspection(layers))))}
    assert set(names[1:]) <= text
    assert names[0] not in text
