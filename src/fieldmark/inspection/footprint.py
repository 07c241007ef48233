"""How much memory the maps of a network take, found on shapes alone, before anything is computed."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.parameter import is_lazy
from torch.utils._python_dispatch import TorchDispatchMode

from fieldmark.errors import UserError
from fieldmark.inspection.shapes import arguments_by_name, shaped
from fieldmark.models.misfits import unchanged_modes

FLOAT = 4  # bytes
AT_ONCE = 2**29
"""Bytes that the largest map of all pictures in a batch may take: beyond, batches are not faster."""
MOST = 2**30
"""Bytes that the largest map of one picture may take in a network that a file describes."""


def refuse_vast(model: nn.Module, name: str, in_channels: int, image_size: tuple[int, int]) -> None:
    """Refuse a network in which one picture takes more than MOST bytes in some layer.

    A file of a few kilobytes can describe a network that asks for more memory than there is.

    Args:
        model: The network; it may be on the meta device.
        name: What the error calls it.
        in_channels: Of the picture.
        image_size: (height, width) of the picture in pixels.

    Raises:
        UserError: It takes more, and how much.

    >>> refuse_vast(nn.Conv2d(3, 32, 3), "this network", 3, (10_000, 10_000))
    Traceback (most recent call last):
    fieldmark.errors.UserError: this network on 10000x10000 pictures takes 12.8 GB in one layer for each ...
    """
    size = largest_map(model, in_channels, image_size, enough=MOST)
    if size > MOST:
        height, width = image_size
        raise UserError(
            f"{name} on {height}x{width} pictures takes {size / 1e9:.1f} GB in one layer for each picture; "
            f"{MOST / 1e9:.1f} GB is the most. Smaller pictures need less."
        )


def rows_that_fit(model: nn.Module, in_channels: int, image_size: tuple[int, int], wanted: int) -> int:
    """How many pictures to give a network at once, fewer where their maps are large.

    Args:
        model: The network.
        in_channels: Of the pictures.
        image_size: (height, width) of the pictures in pixels.
        wanted: The most that would be given.

    Returns:
        `wanted`, or as many as keep the largest map within AT_ONCE bytes; at least 1.

    >>> rows_that_fit(nn.Conv2d(3, 8, 3), 3, (32, 32), 512)
    512
    """
    size = largest_map(model, in_channels, image_size, enough=AT_ONCE // max(wanted, 1))
    return max(1, min(wanted, AT_ONCE // max(size, 1)))


def largest_map(model: nn.Module, in_channels: int, image_size: tuple[int, int], enough: int) -> int:
    """The size of the largest tensor that a network makes of one picture, the picture included.

    Args:
        model: The network; it is run on shapes alone, and stays as it is.
        in_channels: Of the picture.
        image_size: (height, width) of the picture in pixels.
        enough: Where no map can be larger than that many bytes, a bound is returned instead, which costs
            nothing.

    Returns:
        Bytes. The bound is the picture's size times the most channels of any layer; for a network that does
        not run on shapes it is all that is known.
    """
    height, width = image_size
    known = [weight for weight in model.parameters() if not is_lazy(weight)]
    channels = [max(weight.shape[:2]) for weight in known if weight.dim() > 2]
    bound = FLOAT * height * width * max([in_channels, *channels])
    if bound <= enough:
        return bound
    shapes = {name: value.to("meta") for name, value in [*model.named_parameters(), *model.named_buffers()]}
    watching = _Sizes(FLOAT * in_channels * height * width, shapes.values())
    try:
        with (
            unchanged_modes(model),
            torch.no_grad(),
            torch.device("meta"),
            warnings.catch_warnings(),
            watching,
        ):
            warnings.simplefilter("ignore")
            functional_call(model.eval(), shapes, (torch.zeros(1, in_channels, height, width),))
    except Exception:  # a network of the user's own may raise anything at all
        return bound
    return watching.largest


class _Sizes(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch has no annotations here
    """Notes the bytes of the largest tensor that any operation makes inside, views of weights apart."""

    def __init__(self, largest: int, weights: Iterable[Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.largest = largest
        self.known = {tensor.untyped_storage()._cdata for tensor in weights}

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # as in the inspection's recorder: torch would import its compiler

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        quick = shaped(func, arguments_by_name(func, args, kwargs or {}))
        made = func(*args, **(kwargs or {})) if quick is None else quick
        for one in made if isinstance(made, tuple | list) else [made]:
            if isinstance(one, Tensor) and one.untyped_storage()._cdata not in self.known:
                self.largest = max(self.largest, one.numel() * one.element_size())
        return made
