"""Rows at a depth, networks side by side, and what stands out."""

from __future__ import annotations

import pytest
from torch import nn

import fieldmark as fm
from fieldmark.inspection.findings import MOST_ROWS, Inspection, differing, fitting_depth, outline
from fieldmark.inspection.notes import fully_connected
from fieldmark.models import ABOUT, MODELS


@pytest.fixture(scope="module")
def resnet() -> Inspection:
    return fm.inspect("resnet18", 32)


def test_blocks_are_told_by_their_sums_and_their_end(resnet: Inspection) -> None:
    rows = outline(resnet, 2)
    stages = [f"features.stage{i}" for i in (1, 2, 3, 4)]
    assert [row.name for row in rows] == ["features.stem", *stages, "mean", "head"]
    first = rows[1]
    assert first.type == "Sequential"
    assert not first.single
    assert first.total("parameters") == 4 * (64 * 64 * 9 + 2 * 64)
    assert first.total("flops") == 4 * 2 * 64 * 64 * 9 * 32 * 32
    assert first.last.output_shape == (64, 32, 32)
    assert outline(resnet, 3)[3].type == "Basic"


def test_depth_0_is_every_layer_and_no_layer_is_lost_at_any_depth(resnet: Inspection) -> None:
    for depth in range(6):
        rows = outline(resnet, depth)
        assert tuple(layer for row in rows for layer in row.layers) == resnet.layers
        assert sum(row.total("parameters") for row in rows) == resnet.parameters
    assert [row.name for row in outline(resnet, 0)] == [layer.name for layer in resnet.layers]
    assert [row.name for row in outline(resnet, 1)] == ["features", "mean", "head"]


@pytest.mark.parametrize("name", ["densenet201", "resnet152", "googlenet", "lenet", "mlp"])
def test_an_outline_fits_a_screen_and_goes_as_deep_as_that_allows(name: str) -> None:
    found = fm.inspect(name, ABOUT[name].published_size)
    depth = fitting_depth([found])
    rows = outline(found, depth)
    assert len(rows) <= MOST_ROWS
    assert len(outline(found, depth + 1)) > MOST_ROWS or len(rows) == len(found.layers)


def test_a_network_compared_with_itself_and_with_a_wider_one(resnet: Inspection) -> None:
    assert differing(resnet, resnet, 3) == ([], len(outline(resnet, 3)))
    wider = fm.inspect("resnet18", 32, num_classes=4)
    pairs, alike = differing(resnet, wider, 3)
    assert [(one.name, other.name) for one, other in pairs if one and other] == [("head", "head")]
    assert alike == len(outline(resnet, 3)) - 1


def test_a_deeper_network_has_rows_that_the_other_lacks(resnet: Inspection) -> None:
    pairs, _ = differing(resnet, fm.inspect("resnet34", 32), 3)
    added = [other.name for one, other in pairs if one is None and other is not None]
    assert added == [
        f"features.stage{stage}.block{block}"
        for stage, blocks in ((1, [2]), (2, [2, 3]), (3, [2, 3, 4, 5]), (4, [2]))
        for block in blocks
    ]
    both = [(one, other) for one, other in pairs if one is not None and other is not None]
    assert both, "blocks after those added see more"
    assert all(one.total("parameters") == other.total("parameters") for one, other in both)
    assert all(one.last.receptive_field < other.last.receptive_field for one, other in both)


def test_a_convolution_against_the_same_map_fully_connected() -> None:
    found = fm.inspect("alexnet", 224)
    assert fully_connected(found, found.layers[0]) == (3 * 224 * 224 + 1) * (64 * 55 * 55)
    by_type = {layer.type: fully_connected(found, layer) for layer in found.layers}
    assert by_type["MaxPool2d"] is None
    assert by_type["Linear"] is None
    assert "(3x224x224 to 64x55x55) would take 29,142,414,400" in found.notes[0]


def test_alexnets_pile_is_its_first_linear_layer() -> None:
    (note,) = [note for note in fm.inspect("alexnet", 224, num_classes=1000).notes if "holds" in note]
    assert note.startswith("hidden.linear1 holds 37,752,832 of all 61,100,840 parameters (61.8 %).")
    assert note.endswith(
        "mean over each of the 256 maps of 6x6 it would hold 1,052,672."
    )  # 256 * 4096 + 4096


def test_where_the_receptive_field_exceeds_the_picture_is_said() -> None:
    found = fm.inspect("resnet18", 224)
    (note,) = [note for note in found.notes if "sees" in note]
    fields = [(layer.name, layer.receptive_field) for layer in found.layers if layer.receptive_field]
    first, field = next((name, field) for name, field in fields if field[0] > 224)
    assert note.startswith(f"From {first} on, one output sees {field[0]}x{field[1]}")
    small = " ".join(fm.inspect("baseline", 32).notes)
    assert (
        "No output of a map sees the whole picture of 32x32: features.stage2.pool sees most, 10x10." in small
    )


def test_a_network_with_nothing_to_say_of() -> None:
    assert fm.inspect(nn.Sequential(nn.Conv2d(3, 3, 8), nn.Flatten()), 8, in_channels=3).notes[1:] == ()
    assert fm.inspect(nn.Flatten(), 8).notes == ()


@pytest.mark.parametrize("name", [name for name in MODELS if ABOUT[name].published_size <= 64])
def test_notes_are_sentences_on_one_line(name: str) -> None:
    for note in fm.inspect(name, ABOUT[name].published_size).notes:
        assert note.endswith(".")
        assert "\n" not in note
