"""Sizes: what comes out of a convolution, which padding does it, and how far an output sees."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from typing import Any, Literal, TypeAlias, overload

from fieldmark.errors import UserError

Pair: TypeAlias = tuple[int, int]
Padding: TypeAlias = int | Sequence[int] | Sequence[Pair] | Literal["full", "same", "valid"]
"""One number, one per axis, a pair (before, after) per axis, or a name."""

PADDINGS = ("full", "same", "valid")


def whole(value: Any) -> Any:
    """A whole number as an int, lists, arrays and tensors of them as tuples, a name as it is.

    Raises TypeError for anything else.

    >>> whole([1, (2, 3)]), whole(range(2)), whole("same")
    ((1, (2, 3)), (0, 1), 'same')
    """
    if type(value) is int or isinstance(value, str):
        return value
    if isinstance(value, list | tuple):
        return tuple(map(whole, value))
    try:
        return operator.index(value)
    except TypeError:
        return tuple(map(whole, value))


def settled(value: Any, name: str) -> Any:
    """`whole(value)`. Raises UserError, with `name`, where that is not possible.

    >>> settled([2, 1], "stride")
    (2, 1)
    """
    try:
        return whole(value)
    except TypeError:
        raise UserError(f"{name}={value!r}: whole numbers are needed.") from None


def per_axis(value: int | Sequence[int], axes: int, name: str, least: int) -> tuple[int, ...]:
    """`value` once per axis: a number counts for all axes.

    Raises UserError for anything but whole numbers of at least `least`, and for a wrong count of them.

    >>> per_axis(2, 3, "stride", 1)
    (2, 2, 2)
    """
    numbers = settled(value, name)
    if isinstance(numbers, int):
        numbers = (numbers,) * axes
    if not all(isinstance(number, int) for number in numbers) or min(numbers, default=least) < least:
        raise UserError(f"{name}={value!r}: whole numbers of at least {least} are needed.")
    if len(numbers) != axes:
        raise UserError(
            f"{name}={value!r}: {len(numbers)} numbers for {axes} axes; give one number or {axes}."
        )
    return tuple(numbers)


def pads(padding: Padding, kernel: Sequence[int], dilation: Sequence[int]) -> tuple[Pair, ...]:
    """`padding` as (before, after) per axis.

    full: d(m-1) on both sides; valid: none; same: floor(d(m-1)/2) before and the rest after, so that stride 1
    keeps the size (torch's rule, ONNX's SAME_UPPER). With one axis a bare pair of numbers is (before, after).
    Raises UserError for another name, negative numbers or a wrong count.

    >>> pads("same", (3, 4), (1, 1))
    ((1, 1), (1, 2))
    >>> pads((2, 1), (3,), (1,))
    ((2, 1),)
    """
    axes = len(kernel)
    if isinstance(padding, str):
        return _named(padding, kernel, dilation)
    entries = settled(padding, "padding")
    if isinstance(entries, int):
        entries = (entries,) * axes
    if axes == 1 and len(entries) == 2 and all(isinstance(entry, int) for entry in entries):
        entries = (entries,)
    if len(entries) != axes:
        raise UserError(
            f"padding={padding!r}: {len(entries)} entries for {axes} axes; give one number, {axes} numbers, "
            f"{axes} pairs (before, after), or one of {', '.join(PADDINGS)}."
        )
    pairs = tuple((entry, entry) if isinstance(entry, int) else entry for entry in entries)
    if not all(_is_pair(pair) for pair in pairs):
        raise UserError(
            f"padding={padding!r}: numbers of at least 0, or pairs of them (before, after), are needed."
        )
    return pairs


def _is_pair(pair: Any) -> bool:
    return len(pair) == 2 and all(isinstance(number, int) and number >= 0 for number in pair)


def _named(padding: str, kernel: Sequence[int], dilation: Sequence[int]) -> tuple[Pair, ...]:
    reach = [d * (m - 1) for d, m in zip(dilation, kernel, strict=True)]
    if padding == "full":
        return tuple((r, r) for r in reach)
    if padding == "same":
        return tuple((r // 2, r - r // 2) for r in reach)
    if padding == "valid":
        return tuple((0, 0) for _ in reach)
    raise UserError(f"padding='{padding}' is not known; a number, pairs, or one of {', '.join(PADDINGS)}.")


@overload
def output_size(
    size: int, kernel: int, *, stride: int = 1, padding: Padding = 0, dilation: int = 1
) -> int: ...
@overload
def output_size(
    size: Sequence[int],
    kernel: int | Sequence[int],
    *,
    stride: int | Sequence[int] = 1,
    padding: Padding = 0,
    dilation: int | Sequence[int] = 1,
) -> tuple[int, ...]: ...
def output_size(
    size: int | Sequence[int],
    kernel: int | Sequence[int],
    *,
    stride: int | Sequence[int] = 1,
    padding: Padding = 0,
    dilation: int | Sequence[int] = 1,
) -> int | tuple[int, ...]:
    """How many outputs a convolution or a pooling gives, per axis.

    floor((n + before + after - d(m-1) - 1) / s) + 1 with input n, kernel m, padding before and after, stride
    s and dilation d (Dumoulin & Visin 2016, arXiv 1603.07285, relationship 15).

    Args:
        size: The size of the input: a number, or one per axis.
        kernel: The size of the kernel: a number, or one per axis.
        stride: How far the kernel moves on.
        padding: As in `correlate2d`.
        dilation: How far apart the taps of the kernel lie.

    Returns:
        A number for a number, else one per axis.

    Raises:
        UserError: Not even one output fits.

    >>> output_size(10, 3, padding=2, stride=2)
    6
    >>> output_size((240, 240), (5, 5), padding="same")
    (240, 240)
    """
    numbers = settled(size, "size")
    if isinstance(numbers, int):
        return output_size((numbers,), kernel, stride=stride, padding=padding, dilation=dilation)[0]
    axes = len(numbers)
    sizes, kernels = per_axis(numbers, axes, "size", 0), per_axis(kernel, axes, "kernel", 1)
    dilations = per_axis(dilation, axes, "dilation", 1)
    return outputs(
        sizes, kernels, per_axis(stride, axes, "stride", 1), pads(padding, kernels, dilations), dilations
    )


def outputs(
    size: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[Pair],
    dilation: Sequence[int],
) -> tuple[int, ...]:
    """`output_size` for arguments that are one per axis already.

    >>> outputs((10,), (3,), (2,), ((2, 2),), (1,))
    (6,)
    """
    reach = [d * (m - 1) + 1 for m, d in zip(kernel, dilation, strict=True)]
    padded = [n + before + after for n, (before, after) in zip(size, padding, strict=True)]
    if any(n < r for n, r in zip(padded, reach, strict=True)):
        raise UserError(
            f"a kernel of {spell(kernel)}{_dilated(dilation, reach)} does not fit into an input of "
            f"{spell(size)} with padding ({spell(padded)}): the input and its padding must be at least as "
            "large on every axis. Give padding='same', or a smaller kernel."
        )
    return tuple((n - r) // s + 1 for n, r, s in zip(padded, reach, stride, strict=True))


@overload
def padding_for(mode: str, kernel: int, dilation: int = 1) -> Pair: ...
@overload
def padding_for(mode: str, kernel: Sequence[int], dilation: int | Sequence[int] = 1) -> tuple[Pair, ...]: ...
def padding_for(
    mode: str, kernel: int | Sequence[int], dilation: int | Sequence[int] = 1
) -> Pair | tuple[Pair, ...]:
    """The padding (before, after) that `full`, `same` or `valid` stands for.

    Args:
        mode: `full`, d(m-1) on both sides, so that every input meets every tap; `same`, floor(d(m-1)/2)
            before and the rest after, so that the size stays at stride 1; `valid`, none.
        kernel: m, a number, or one per axis.
        dilation: d, a number, or one per axis.

    Returns:
        One pair for a number, else one per axis.

    Raises:
        UserError: The mode is another.

    >>> padding_for("same", 5), padding_for("same", 4), padding_for("full", (3, 3), dilation=2)
    ((2, 2), (1, 2), ((4, 4), (4, 4)))
    """
    if not isinstance(mode, str):
        raise UserError(f"mode={mode!r}: full, same or valid is needed.")
    numbers = settled(kernel, "kernel")
    if isinstance(numbers, int):
        return padding_for(mode, (numbers,), dilation)[0]
    kernels = per_axis(numbers, len(numbers), "kernel", 1)
    return pads(mode, kernels, per_axis(dilation, len(kernels), "dilation", 1))  # type: ignore[arg-type]


def receptive_field(layers: Iterable[Sequence[int]]) -> int:
    """How many inputs along an axis one output of a chain of layers sees.

    r += d(k-1)j, j *= s, from r = j = 1 (Araujo, Norris & Sim 2019, Distill).

    Args:
        layers: (kernel, stride) or (kernel, stride, dilation) of each convolution or pooling, the first
            layer first.

    Returns:
        The number of inputs along the axis.

    Raises:
        UserError: An entry has another form.

    >>> receptive_field([(3, 1), (2, 2), (3, 1)])  # conv3, pool2, conv3
    8
    """
    field = jump = 1
    if not isinstance(layers, Iterable):
        raise UserError(
            f"layers={layers!r}: one (kernel, stride) or (kernel, stride, dilation) per layer is needed."
        )
    for layer in layers:
        numbers = settled(layer, "layer")
        if not isinstance(numbers, tuple) or len(numbers) not in (2, 3):
            raise UserError(f"layer={layer!r}: (kernel, stride) or (kernel, stride, dilation) is needed.")
        kernel, stride, dilation = per_axis((*numbers, 1)[:3], 3, "layer", 1)
        field += dilation * (kernel - 1) * jump
        jump *= stride
    return field


def refuse_colours_last(shape: Sequence[int], axes: int) -> None:
    """Raises UserError for x (..., rows, columns, 3 or 4): a picture whose colours would count as positions.

    axes: how many of the last axes of x are slid along, where others lead. Each axis just before the colours
    must hold at least 8, as the sides of a picture do.

    >>> refuse_colours_last((3, 32, 32), 2)
    >>> refuse_colours_last((32, 32, 3), 2)
    Traceback (most recent call last):
    fieldmark.errors.UserError: x is 32x32x3: its last axis looks like colours, ...
    """
    lengths = shape[-max(axes, 2) - 1 : -1]
    if len(shape) > max(axes, 2) and shape[-1] in (3, 4) and min(lengths) >= 8:
        what = "the length" if axes == 1 else "the columns"
        raise UserError(
            f"x is {spell(shape)}: its last axis looks like colours, and would be taken for {what}. Put them "
            f"first with np.moveaxis(x, -1, {-axes - 1}) (tensors: x.movedim), and back afterwards. If they "
            f"are positions after all, give x[..., None, {', '.join(':' * axes)}]."
        )


def spell(shape: Sequence[int]) -> str:
    """A shape for an error.

    >>> spell((3, 5)), spell(())
    ('3x5', 'a single number')
    """
    return "x".join(map(str, shape)) or "a single number"


def _dilated(dilation: Sequence[int], reach: Sequence[int]) -> str:
    return f" (dilation {spell(dilation)}, so {spell(reach)})" if any(d > 1 for d in dilation) else ""
