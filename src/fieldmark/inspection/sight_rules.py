"""The rule by which each of torch's operations changes what a tensor sees of the picture.

An operation without a rule is not guessed at: what comes out of it counts as no map. Normalisation counts as
an operation on single elements, as the literature has it, although its statistics come from all of them.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor

from fieldmark.inspection.shapes import both_sides
from fieldmark.inspection.sight import (
    Axis,
    Rule,
    Seen,
    Sight,
    along_dims,
    elementwise,
    same_dims,
)


def sights_after(operation: torch._ops.OpOverload, seen: Seen, outputs: list[Tensor]) -> list[Sight | None]:
    """What each output of an operation sees of the picture.

    Args:
        operation: One of torch's.
        seen: Its arguments, and what they see.
        outputs: What it gives.

    Returns:
        A sight per output, None for one that is no map any more.
    """
    if not seen.inputs or all(sight is None for _, sight in seen.inputs):
        return [None] * len(outputs)
    name = operation._overloadpacket.__name__
    rule = RULES.get(name) or RULES.get(name.removesuffix("_"))
    if rule is None and torch.Tag.pointwise in operation.tags:
        rule = elementwise
    if rule is None and ("dim" in seen.arguments or "dims" in seen.arguments):
        rule = along_dims
    if rule is None or (rule is not elementwise and seen.inputs[0][1] is None):
        return [None] * len(outputs)
    return [rule(seen, output) for output in outputs]


def convolution_sight(seen: Seen, output: Tensor) -> Sight | None:
    tensor, sight = seen.first
    if not _is_map(tensor, sight) or seen.inputs[0][0] is not seen.arguments["input"]:
        return None
    if len(seen.inputs) > 1:  # a kernel that was made of the picture
        return _on_map(tensor, sight, lambda axis, i: axis.whole(steps=True))
    kernel = seen.arguments["weight"].shape[2:]
    stride, dilation = both_sides(seen.arguments["stride"]), both_sides(seen.arguments["dilation"])
    if not seen.arguments["transposed"]:
        return _on_map(
            tensor, sight, lambda axis, i: axis.windowed(dilation[i] * (kernel[i] - 1) + 1, stride[i])
        )

    def spread(axis: Axis, i: int) -> Axis:
        # An output meets every stride-th tap only.
        taps = -(-(dilation[i] * (kernel[i] - 1) + 1) // stride[i])
        return axis.windowed(taps, Fraction(1, stride[i]))

    return _on_map(tensor, sight, spread)


def pooling_sight(seen: Seen, output: Tensor) -> Sight | None:
    tensor, sight = seen.first
    if not _is_map(tensor, sight):
        return None
    kernel, dilation = (
        both_sides(seen.arguments["kernel_size"]),
        both_sides(seen.arguments.get("dilation") or 1),
    )
    stride = both_sides(seen.arguments["stride"] or kernel)
    return _on_map(tensor, sight, lambda axis, i: axis.windowed(dilation[i] * (kernel[i] - 1) + 1, stride[i]))


def adaptive_pooling_sight(seen: Seen, output: Tensor) -> Sight | None:
    """Bins from floor(i n / m) up to ceil((i + 1) n / m), n elements to m bins: the largest one counts."""
    tensor, sight = seen.first
    if not _is_map(tensor, sight):
        return None

    def binned(axis: Axis, i: int) -> Axis:
        elements, bins = tensor.shape[2 + i], output.shape[2 + i]
        if bins == 1 < elements:
            return axis.whole(steps=False)
        largest = max(-(-(b + 1) * elements // bins) - b * elements // bins for b in range(bins))
        even = axis.even and elements % bins == 0
        return replace(axis.windowed(largest, Fraction(elements, bins)), even=even)

    return _on_map(tensor, sight, binned)


def enlarging_sight(taps: int) -> Rule:
    """Interpolation between so many elements along each axis."""

    def rule(seen: Seen, output: Tensor) -> Sight | None:
        tensor, sight = seen.first
        if not _is_map(tensor, sight):
            return None
        steps = [Fraction(tensor.shape[2 + i], output.shape[2 + i]) for i in (0, 1)]
        return _on_map(
            tensor, sight, lambda axis, i: axis if steps[i] == 1 else axis.windowed(taps, steps[i])
        )

    return rule


def sliced_sight(seen: Seen, output: Tensor) -> Sight | None:
    tensor, sight = seen.first
    dim = seen.arguments["dim"] % tensor.dim()
    return _each(sight, lambda axis, i: axis.windowed(1, seen.arguments["step"]) if axis.dim == dim else axis)


def kept_sight(seen: Seen, output: Tensor) -> Sight | None:
    return seen.first[1] if output.dim() == seen.first[0].dim() else None


def permuted_sight(seen: Seen, output: Tensor) -> Sight | None:
    tensor, sight = seen.first
    order = [dim % tensor.dim() for dim in seen.arguments["dims"]]
    return _each(sight, lambda axis, i: replace(axis, dim=order.index(axis.dim)))


def transposed_sight(seen: Seen, output: Tensor) -> Sight | None:
    tensor, sight = seen.first
    one, other = (seen.arguments[name] % tensor.dim() for name in ("dim0", "dim1"))
    swapped = {one: other, other: one}
    return _each(sight, lambda axis, i: replace(axis, dim=swapped.get(axis.dim, axis.dim)))


def stacked_sight(seen: Seen, output: Tensor) -> Sight | None:
    sight = elementwise(seen, seen.first[0])
    dim = seen.arguments["dim"] % output.dim()
    return sight and _each(sight, lambda axis, i: replace(axis, dim=axis.dim + (axis.dim >= dim)))


def repeated_sight(seen: Seen, output: Tensor) -> Sight | None:
    tensor, sight = seen.first
    shift = output.dim() - tensor.dim()
    if any(output.shape[axis.dim + shift] != tensor.shape[axis.dim] for axis in sight):
        return None
    return _each(sight, lambda axis, i: replace(axis, dim=axis.dim + shift))


def depth_to_space_sight(seen: Seen, output: Tensor) -> Sight | None:
    factor = seen.arguments["upscale_factor"]
    return _each(seen.first[1], lambda axis, i: axis.windowed(1, Fraction(1, factor)))


def space_to_depth_sight(seen: Seen, output: Tensor) -> Sight | None:
    factor = seen.arguments["downscale_factor"]
    return _each(seen.first[1], lambda axis, i: axis.windowed(factor, factor))


def _each(sight: Sight, change: Any) -> Sight:
    """Both axes changed; `change` is given 0 with the picture's rows and 1 with its columns."""
    return change(sight[0], 0), change(sight[1], 1)


def _on_map(tensor: Tensor, sight: Sight, change: Any) -> Sight:
    """As `_each`, with 0 for the axis along the last dimension but one, and 1 for the one along the last."""
    first = tensor.dim() - 2
    return change(sight[0], sight[0].dim - first), change(sight[1], sight[1].dim - first)


def _is_map(tensor: Tensor, sight: Sight) -> bool:
    """Whether the last two dimensions are the picture's axes, along which torch's operations on maps work."""
    return {sight[0].dim, sight[1].dim} == {tensor.dim() - 2, tensor.dim() - 1}


NORMALISING_AND_COPYING = (
    "cat", "expand", "clone", "detach", "alias", "_to_copy", "native_batch_norm", "native_group_norm",
    "native_layer_norm", "_native_batch_norm_legit", "_batch_norm_with_update", "cudnn_batch_norm",
    "miopen_batch_norm", "_fused_rms_norm", "native_dropout", "constant_pad_nd", "reflection_pad2d",
    "replication_pad2d", "hardswish", "hardsigmoid", "_prelu_kernel", "rrelu_with_noise"
)  # fmt: skip
"""Operations that leave an element what it sees, and do not carry torch's mark for that."""

RULES: dict[str, Rule] = {
    "convolution": convolution_sight,
    "_convolution": convolution_sight,
    "max_pool2d_with_indices": pooling_sight,
    "avg_pool2d": pooling_sight,
    "_adaptive_avg_pool2d": adaptive_pooling_sight,
    "adaptive_max_pool2d": adaptive_pooling_sight,
    "upsample_nearest2d": enlarging_sight(1),
    "_upsample_nearest_exact2d": enlarging_sight(1),
    "upsample_bilinear2d": enlarging_sight(2),
    "upsample_bicubic2d": enlarging_sight(4),
    "pixel_shuffle": depth_to_space_sight,
    "pixel_unshuffle": space_to_depth_sight,
    "slice": sliced_sight,
    "split": kept_sight,
    "split_with_sizes": kept_sight,
    "chunk": kept_sight,
    "channel_shuffle": kept_sight,
    "permute": permuted_sight,
    "transpose": transposed_sight,
    "stack": stacked_sight,
    "repeat": repeated_sight,
    "view": same_dims,
    "_unsafe_view": same_dims,
    "reshape": same_dims,
    "squeeze": same_dims,
    "unsqueeze": same_dims,
    **dict.fromkeys(NORMALISING_AND_COPYING, elementwise),
}
