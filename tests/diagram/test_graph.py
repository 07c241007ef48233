"""What becomes a box, and what only is part of one."""

from __future__ import annotations

import pytest
from diagram.drawn_networks import inspection, layer

from fieldmark.diagram.graph import Kind, kind_of, layers_in, nodes_of

MAP = (8, 16, 16)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Conv2d", Kind.CONVOLUTION),
        ("ConvTranspose2d", Kind.CONVOLUTION),
        ("convolution", Kind.CONVOLUTION),
        ("MaxPool2d", Kind.POOLING),
        ("adaptive_avg_pool2d", Kind.POOLING),
        ("mean", Kind.POOLING),
        ("BatchNorm2d", Kind.NORMALISATION),
        ("LocalResponseNorm", Kind.NORMALISATION),
        ("ReLU", Kind.ACTIVATION),
        ("relu_", Kind.ACTIVATION),
        ("Sigmoid", Kind.ACTIVATION),
        ("log_softmax", Kind.ACTIVATION),
        ("Linear", Kind.LINEAR),
        ("cat", Kind.CONCATENATION),
        ("add_", Kind.ADDITION),
        ("mul", Kind.PRODUCT),
        ("flatten", Kind.PASSING),
        ("Dropout2d", Kind.PASSING),
        ("StochasticDepth", Kind.PASSING),
        ("Bilinear", Kind.OTHER),
        ("Upsample", Kind.OTHER),
        ("", Kind.OTHER),
    ],
)
def test_kinds_by_name(name: str, kind: Kind) -> None:
    assert kind_of(name) is kind


def test_normalisation_and_activation_join_the_convolution_before_them() -> None:
    found = nodes_of(
        inspection(
            [
                layer("convolution", "Conv2d", [-1], MAP),
                layer("normalisation", "BatchNorm2d", [0], MAP),
                layer("activation", "ReLU", [1], MAP),
                layer("dropout", "Dropout", [2], MAP),
                layer("next", "Conv2d", [3], MAP),
            ]
        )
    )
    assert [node.kind for node in found] == [Kind.PICTURE, Kind.CONVOLUTION, Kind.CONVOLUTION]
    assert layers_in(found[1]) == [0, 1, 2]
    assert found[2].inputs == (1,)
    assert found[2].values == (3,)


def test_they_join_the_convolution_after_them_where_the_map_is_needed_elsewhere() -> None:
    # A pre-activation block: the sum goes on unnormalised beside its own normalisation.
    found = nodes_of(
        inspection(
            [
                layer("stem", "Conv2d", [-1], MAP),
                layer("normalisation", "BatchNorm2d", [0], MAP),
                layer("activation", "ReLU", [1], MAP),
                layer("convolution", "Conv2d", [2], MAP),
                layer("sum", "add", [0, 3], MAP),
            ]
        )
    )
    assert [layers_in(node) for node in found] == [[], [0], [1, 2, 3], [4]]
    assert found[2].before == [1, 2]
    assert found[3].inputs == (1, 2)


def test_an_activation_that_two_layers_take_stands_alone() -> None:
    found = nodes_of(
        inspection(
            [
                layer("convolution", "Conv2d", [-1], MAP),
                layer("activation", "ReLU", [0], MAP),
                layer("raw", "Conv2d", [0], MAP),
                layer("one", "Conv2d", [1], MAP),
                layer("two", "Conv2d", [1], MAP),
            ]
        )
    )
    assert [node.kind for node in found].count(Kind.ACTIVATION) == 1


def test_an_activation_of_the_picture_is_a_box() -> None:
    found = nodes_of(inspection([layer("activation", "ReLU", [-1], (3, 32, 32))]))
    assert [node.kind for node in found] == [Kind.PICTURE, Kind.ACTIVATION]


def test_a_concatenation_of_one_map_is_no_box() -> None:
    found = nodes_of(inspection([layer("one", "cat", [-1], (3, 32, 32)), layer("next", "Conv2d", [0], MAP)]))
    assert [node.kind for node in found] == [Kind.PICTURE, Kind.CONVOLUTION]
    assert found[1].inputs == (0,)
