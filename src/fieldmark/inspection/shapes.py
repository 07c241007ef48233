"""The shapes that common operations give, known without asking torch.

torch's meta device answers most operations in Python code that first imports sympy and the compiler, which
takes longer (1.5 s) than inspecting DenseNet-201. What is known here needs neither; whatever is not, or looks
as if it were wrong, is left to torch, and so are the words in which it complains.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

Result = Tensor | tuple[Tensor, ...] | None

ELEMENTWISE = frozenset({
    "relu", "tanh", "sigmoid", "silu", "gelu", "elu", "leaky_relu", "hardtanh", "hardswish", "hardsigmoid",
    "mish", "softplus", "clamp", "add", "sub", "mul", "div", "clone", "empty_like", "bernoulli"
})  # fmt: skip
"""Operations on floating-point tensors whose results have the broadcast shape and the same dtype."""

COMPARISONS = frozenset({"eq", "ne", "lt", "le", "gt", "ge"})


def shaped(operation: torch._ops.OpOverload, arguments: dict[str, Any]) -> Result:
    """What an operation gives on meta tensors.

    Args:
        operation: One of torch's.
        arguments: By the names of its schema.

    Returns:
        Meta tensors of the right shapes; None where torch itself has to answer.

    >>> maps, kernel = torch.empty(2, 3, 8, 8, device="meta"), torch.empty(5, 3, 3, 3, device="meta")
    >>> shaped(torch.ops.aten.relu.default, {"self": maps}).shape
    torch.Size([2, 3, 8, 8])
    """
    name = operation._overloadpacket.__name__
    tensors = [value for value in arguments.values() if isinstance(value, Tensor)]
    tensors += [value for value in arguments.get("tensors", ()) if isinstance(value, Tensor)]
    if not all(tensor.is_meta for tensor in tensors):
        return None
    if name.removesuffix("_") in ELEMENTWISE or name in COMPARISONS:
        return elementwise_shape(name, arguments, tensors)
    rule = RULES.get(name)
    return rule(**arguments) if rule is not None else None


def arguments_by_name(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments by the names of the operation's schema, defaults filled in."""
    found = dict(kwargs)
    for i, argument in enumerate(func._schema.arguments):
        if i < len(args):
            found[argument.name] = args[i]
        elif argument.name not in found:
            found[argument.name] = argument.default_value
    return found


def elementwise_shape(name: str, arguments: dict[str, Any], tensors: Sequence[Tensor]) -> Result:
    first = tensors[0]
    if any(tensor.dtype != first.dtype for tensor in tensors):
        return None
    if any(arguments.get(key) is not None for key in ("dtype", "layout", "memory_format", "out")):
        return None
    if arguments.get("device") is not None and torch.device(arguments["device"]).type != "meta":
        return None
    shape = broadcast([tensor.shape for tensor in tensors])
    if shape is None:
        return None
    if name in COMPARISONS:
        return first.new_empty(shape, dtype=torch.bool)
    if not first.is_floating_point():
        return None
    if name.endswith("_"):
        return first if shape == list(first.shape) else None
    return first.new_empty(shape)


def broadcast(shapes: Sequence[Sequence[int]]) -> list[int] | None:
    """The shape that several are expanded to, by torch's rules of broadcasting.

    Args:
        shapes: At least one.

    Returns:
        The common shape; None where they do not go together.

    >>> broadcast([(2, 3, 1), (4,)]), broadcast([(2, 3), (4,)])
    ([2, 3, 4], None)
    """
    rank = max(len(shape) for shape in shapes)
    result = []
    for sizes in zip(*((1,) * (rank - len(shape)) + tuple(shape) for shape in shapes), strict=True):
        larger = {size for size in sizes if size != 1}
        if len(larger) > 1:
            return None
        result.append(larger.pop() if larger else 1)
    return result


def convolution_shape(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: list[int],
    padding: list[int],
    dilation: list[int],
    transposed: bool,
    output_padding: list[int],
    groups: int,
) -> Result:
    axes = weight.dim() - 2
    if transposed or input.dim() != weight.dim() or any(len(x) != axes for x in (stride, padding, dilation)):
        return None
    if input.shape[1] != weight.shape[1] * groups or input.dtype != weight.dtype:
        return None
    sizes = [
        windows(input.shape[2 + i], weight.shape[2 + i], stride[i], padding[i], dilation[i])
        for i in range(axes)
    ]
    return input.new_empty([len(input), len(weight), *sizes]) if min(sizes) > 0 else None


def windows(size: int, kernel: int, stride: int, padding: int, dilation: int, ceil_mode: bool = False) -> int:
    """How many windows of a convolution or pooling fit along one axis.

    Args:
        size: Elements along the axis.
        kernel: Taps of a window.
        stride: Elements from one window to the next.
        padding: Elements added at each end.
        dilation: Elements from one tap to the next.
        ceil_mode: Whether one more window may hang over, if it starts on the input or the padding before.

    Returns:
        The number of windows, which is the size of the output.

    >>> windows(8, 3, 2, 0, 1), windows(8, 3, 2, 0, 1, ceil_mode=True)
    (3, 4)
    """
    room = size + 2 * padding - dilation * (kernel - 1) - 1
    if not ceil_mode:
        return room // stride + 1
    count = -(-room // stride) + 1
    return count - 1 if (count - 1) * stride >= size + padding else count


def pooled(
    input: Tensor, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> list[int] | None:
    if input.dim() != 4:
        return None
    kernel, padding, dilation = both_sides(kernel), both_sides(padding), both_sides(dilation)
    stride = both_sides(stride) if stride else kernel
    if any(2 * padding[i] > kernel[i] for i in (0, 1)):
        return None
    sizes = [
        windows(input.shape[2 + i], kernel[i], stride[i], padding[i], dilation[i], ceil_mode) for i in (0, 1)
    ]
    return [*input.shape[:2], *sizes] if min(sizes) > 0 else None


def max_pool_shape(
    self: Tensor, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> Result:
    shape = pooled(self, kernel_size, stride, padding, dilation, ceil_mode)
    return None if shape is None else (self.new_empty(shape), self.new_empty(shape, dtype=torch.int64))


def average_pool_shape(
    self: Tensor,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None,
) -> Result:
    shape = pooled(self, kernel_size, stride, padding, 1, ceil_mode)
    return None if shape is None else self.new_empty(shape)


def adaptive_average_pool_shape(self: Tensor, output_size: list[int]) -> Result:
    return self.new_empty([*self.shape[:2], *output_size]) if self.dim() == 4 else None


def batch_norm_shape(
    input: Tensor, weight: Any, bias: Any, running_mean: Any, running_var: Any, training: bool, **_: Any
) -> Result:
    if not training or not input.is_floating_point() or input.dim() < 2:
        return None
    given = [x for x in (weight, bias, running_mean, running_var) if x is not None]
    if any(x.shape != input.shape[1:2] or x.dtype != input.dtype for x in given):
        return None
    return input.new_empty(input.shape), input.new_empty(input.shape[1]), input.new_empty(input.shape[1])


def concatenation_shape(tensors: list[Tensor], dim: int) -> Result:
    first = tensors[0]
    dim = dim % first.dim() if first.dim() else 0
    for tensor in tensors:
        if tensor.dtype != first.dtype or tensor.dim() != first.dim() or tensor.dim() == 0:
            return None
        if any(
            one != other
            for i, (one, other) in enumerate(zip(first.shape, tensor.shape, strict=True))
            if i != dim
        ):
            return None
    shape = list(first.shape)
    shape[dim] = sum(tensor.shape[dim] for tensor in tensors)
    return first.new_empty(shape)


def mean_shape(self: Tensor, dim: list[int] | None, keepdim: bool, dtype: Any) -> Result:
    if not dim or dtype is not None or not self.is_floating_point():
        return None
    if any(not -self.dim() <= d < self.dim() for d in dim):
        return None
    dims = {d % self.dim() for d in dim}
    return self.new_empty(
        [1 if i in dims else n for i, n in enumerate(self.shape) if keepdim or i not in dims]
    )


def product_shape(self: Tensor, mat2: Tensor) -> Result:
    if self.dim() != 2 or mat2.dim() != 2 or self.shape[1] != mat2.shape[0] or self.dtype != mat2.dtype:
        return None
    return self.new_empty(self.shape[0], mat2.shape[1])


def linear_shape(self: Tensor, mat1: Tensor, mat2: Tensor, **_: Any) -> Result:
    result = product_shape(mat1, mat2)
    return result if isinstance(result, Tensor) and self.shape == result.shape[1:] else None


def both_sides(value: Any) -> tuple[int, int]:
    """What torch was given for rows and columns, as one number or as a list of one or two.

    >>> both_sides(3), both_sides([3]), both_sides([1, 2])
    ((3, 3), (3, 3), (1, 2))
    """
    values = [value] if isinstance(value, int) else list(value)
    return values[0], values[-1]


RULES: dict[str, Callable[..., Result]] = {
    "convolution": convolution_shape,
    "max_pool2d_with_indices": max_pool_shape,
    "avg_pool2d": average_pool_shape,
    "_adaptive_avg_pool2d": adaptive_average_pool_shape,
    "native_batch_norm": batch_norm_shape,
    "cat": concatenation_shape,
    "mean": mean_shape,
    "mm": product_shape,
    "addmm": linear_shape,
}
