"""What is written below a box: the kind of layer with its kernel, and the shape of its output.

An inspection does not say how large a kernel is; it follows from how far the receptive field and the stride
grow, and from the number of weights.
"""

from __future__ import annotations

from collections.abc import Sequence

from fieldmark.diagram.graph import Kind, Node
from fieldmark.inspection.findings import Inspection, Layer

TIMES = "\N{MULTIPLICATION SIGN}"
_USUAL_SIDES = (1, 3, 5, 7, 11, 2, 4)


def is_map(shape: Sequence[int]) -> bool:
    """Whether this output is drawn as a map with sides: (C, H, W), and more than a single place.

    >>> is_map((64, 7, 7)), is_map((64, 1, 1)), is_map((10,))
    (True, False, False)
    """
    return len(shape) == 3 and shape[1] * shape[2] != 1


def sides_of(node: Node) -> tuple[int, int, int]:
    """(channels, height, width) of a map; a linear layer on a map works on its last axis, (H, W, C)."""
    first, second, third = node.shape
    return (third, first, second) if node.kind is Kind.LINEAR else (first, second, third)


def length_of(node: Node) -> int:
    """The numbers along a vector: D of (D,), C of (C, 1, 1), the last axis of anything else."""
    if len(node.shape) == 3:
        return max(node.shape)
    return node.shape[-1] if node.shape else 1


def kernel_of(layer: Layer, before: Layer | None, channels: int) -> tuple[int, int] | None:
    """The kernel of a layer on maps.

    The receptive field grows by (kernel - 1) x dilation x stride so far; of the pairs that fit, it is the one
    with the smallest dilation that agrees with the number of weights (C_out C_in / groups x rows x columns).

    Args:
        layer: A convolution or pooling.
        before: The layer whose output it takes, None for the picture.
        channels: Of what it takes.

    Returns:
        (rows, columns), None where they cannot be found.
    """
    field, step = (before.receptive_field, before.stride) if before else ((1, 1), (1, 1))
    if layer.receptive_field is None or field is None or step is None or 0 in step:
        return _kernel_from_weights(layer, channels)
    grown = [(a - b) / s for a, b, s in zip(layer.receptive_field, field, step, strict=True)]
    if min(grown) < 0 or any(extent != int(extent) for extent in grown):
        return None
    down, right = int(grown[0]), int(grown[1])
    for dilation in range(1, max(down, right, 1) + 1):
        kernel = down // dilation + 1, right // dilation + 1
        if down % dilation == 0 and right % dilation == 0 and _agrees(layer, kernel, channels):
            return kernel
    return down + 1, right + 1


def _agrees(layer: Layer, kernel: tuple[int, int], channels: int) -> bool:
    """Whether the weights can be those of a convolution with this kernel in some number of groups."""
    made = layer.output_shape[0] * kernel[0] * kernel[1]
    for weights in (layer.parameters, layer.parameters - layer.output_shape[0]):  # without and with bias
        if weights == 0 and layer.parameters == 0:
            return True  # a pooling, or a layer that is called again
        if weights > 0 and weights % made == 0 and channels % (weights // made) == 0:
            return True
    return False


def _kernel_from_weights(layer: Layer, channels: int) -> tuple[int, int] | None:
    made = layer.output_shape[0]
    for groups in (1, channels):  # depthwise last
        for weights in (layer.parameters, layer.parameters - made):
            for side in _USUAL_SIDES:
                if weights == made * (channels // groups) * side * side > 0:
                    return side, side
    return None


def stride_of(layer: Layer, before: Layer | None) -> int:
    """By how much a layer thins out the map, 1 where it does not or where it cannot be told."""
    step = before.stride if before else (1, 1)
    if layer.stride is None or step is None or 0 in step:
        return 1
    down, right = layer.stride[0] / step[0], layer.stride[1] / step[1]
    return int(down) if down == right and down == int(down) else 1


def word_of(node: Node, layers: Sequence[Layer]) -> str:
    """The kind of layer in a word or two: "conv", "max", "mean", "linear", or the type itself."""
    if node.main is None:
        return "picture"
    name = layers[node.main].type
    if node.kind is Kind.CONVOLUTION:
        return "up-conv" if "transpose" in name.lower() else "conv"
    if node.kind is Kind.POOLING:
        known = {"max": "max", "avg": "mean", "average": "mean", "mean": "mean"}
        return next((word for part, word in known.items() if part in name.lower()), name)
    words = {Kind.LINEAR: "linear", Kind.CONCATENATION: "concat"}
    return words.get(node.kind, name)


def kernel_text(node: Node, inspection: Inspection) -> str:
    """Kernel and stride as in "3x3 /2"; "" for what has no kernel, or one that cannot be told."""
    if node.main is None or node.kind not in (Kind.CONVOLUTION, Kind.POOLING):
        return ""
    layers = inspection.layers
    layer = layers[node.main]
    if len(node.values) != 1:
        return ""
    before = layers[node.values[0]] if node.values[0] >= 0 else None
    taken = before.output_shape if before else inspection.input_shape
    if len(layer.output_shape) != 3 or not all((*layer.output_shape, *taken)):
        return ""
    if node.kind is Kind.POOLING and layer.receptive_field is None:
        return ""
    kernel = kernel_of(layer, before, taken[0]) if taken else None
    if kernel is None or (node.kind is Kind.POOLING and kernel == (1, 1)):
        return ""
    stride = stride_of(layer, before)
    return f"{kernel[0]}{TIMES}{kernel[1]}" + (f" /{stride}" if stride > 1 else "")


def size_text(node: Node) -> str:
    """The sides of a map, "56x56"; "" for a vector."""
    if not is_map(node.shape):
        return ""
    _, high, wide = sides_of(node)
    return f"{high}{TIMES}{wide}"


def channels_text(node: Node) -> str:
    """The channels of a map or the numbers of a vector, with thousands apart."""
    return f"{sides_of(node)[0] if is_map(node.shape) else length_of(node):,}"


def shape_text(shape: Sequence[int]) -> str:
    """A whole shape.

    >>> shape_text((64, 7, 7)).replace(TIMES, "x"), shape_text(())
    ('64 x 7 x 7', 'one number')
    """
    return f" {TIMES} ".join(f"{side:,}" for side in shape) if shape else "one number"
