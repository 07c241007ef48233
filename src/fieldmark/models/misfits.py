"""Pictures that do not fit a network: where it fails, and the smallest that would do.

Tried on torch's meta device, where tensors have shapes and no values, so that nothing large is computed.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from fieldmark.errors import UserError

SIDES = (1, 2, 4, 8, 12, 16, 24, 28, 32, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256, 299, 384, 512)
"""Sides tried, in pixels, to find one that a network of the user's own takes."""


@dataclass(frozen=True)
class Misfit:
    """Where a forward pass failed.

    layer: the dotted name of the innermost module that was at work, "" for the network itself and None where
    it could not even be made; shapes: of the tensors that reached it, the batch first; reason: what it
    raised, in one line.
    """

    layer: str | None
    shapes: tuple[tuple[int, ...], ...]
    reason: str

    def __str__(self) -> str:
        """The layer and what it gets, or where there is no layer the reason.

        >>> str(Misfit("features.stage2.pool", ((1, 64, 1, 1),), "Output size is too small"))
        'features.stage2.pool gets 64x1x1'
        """
        if self.layer is None:
            return self.reason
        got = " and ".join("x".join(map(str, shape[1:])) or "one number" for shape in self.shapes)
        return f"{self.layer or 'the network itself'} gets {got or 'no picture'}"


def where_it_fails(model: nn.Module, images_shape: tuple[int, ...]) -> Misfit | None:
    """The innermost layer that raises on black pictures float32 (N, C, H, W), or None where none does.

    In evaluation mode, on the device of the model's weights; its modes and the random state stay as they
    were. Layers inside TorchScript cannot be seen, only the script as a whole.

    >>> net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(8, 2))
    >>> where_it_fails(net, (1, 3, 3, 3)) is None
    True
    >>> misfit = where_it_fails(net, (1, 3, 5, 4))
    >>> misfit.layer, misfit.shapes, misfit.reason
    ('2', ((1, 48),), '...mat1 and mat2 shapes cannot be multiplied (1x48 and 8x2)')
    """
    first = next(iter([*model.parameters(), *model.buffers()]), torch.empty(0))
    still = unchanged_random_state(first.device)
    with watched(model) as at_work, unchanged_modes(model), still, torch.no_grad():
        try:
            model.eval()(torch.zeros(images_shape, device=first.device))
        except Exception as error:  # a network of the user's own may raise anything at all
            layer, shapes = at_work[-1] if at_work else ("", (tuple(images_shape),))
            return Misfit(layer, shapes, one_line(error))
    return None


@contextmanager
def watched(model: nn.Module) -> Iterator[list[tuple[str, tuple[tuple[int, ...], ...]]]]:
    """The modules at work, outermost first, each with the shapes of the tensors it was called with."""
    at_work: list[tuple[str, tuple[tuple[int, ...], ...]]] = []
    handles = []

    def follow(name: str, module: nn.Module) -> None:
        def enter(_: nn.Module, arguments: Any, keywords: Any) -> None:
            given = [*arguments, *keywords.values()]
            at_work.append((name, tuple(tuple(value.shape) for value in given if isinstance(value, Tensor))))

        def leave(*_: Any) -> None:
            while at_work.pop()[0] != name:  # those inside whose error it caught
                pass

        handles.append(module.register_forward_pre_hook(enter, with_kwargs=True))
        handles.append(module.register_forward_hook(leave))

    for name, module in model.named_modules():
        if not isinstance(module, torch.jit.ScriptModule):  # which takes no hooks
            follow(name, module)
    try:
        yield at_work
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def unchanged_random_state(device: torch.device) -> Iterator[None]:
    """Whatever is drawn inside, the generators of the CPU and of `device` stand where they stood."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        yield


@contextmanager
def unchanged_modes(model: nn.Module) -> Iterator[None]:
    """Whatever mode is chosen inside, every module is afterwards in the one that it was in.

    >>> net = nn.Sequential(nn.Dropout()).eval()
    >>> with unchanged_modes(net):
    ...     net = net.train()
    >>> net.training, net[0].training
    (False, False)
    """
    modes = [(module, module.training) for module in model.modules()]
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


def one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def refuse_misfit(
    make: Callable[[tuple[int, int]], nn.Module],
    name: str,
    in_channels: int,
    image_size: tuple[int, int],
    likely: int,
    usual: int,
) -> None:
    """Nothing, if the network that `make` makes for `image_size` takes such pictures.

    likely: the smallest side, in pixels, with standard options, tried first; usual: one that it takes unless
    its options forbid it. Raises UserError, in one line: the size, the layer that fails, the shape that
    reaches it, and the smallest square that works.
    """

    def works(side: int) -> bool:
        return tried(make, in_channels, (side, side)) is None

    misfit = tried(make, in_channels, image_size)
    if misfit is None:
        return
    height, width = image_size
    low, high = max(min(image_size), 0), usual
    if low < likely and works(likely):
        high = likely
        low = likely - 1 if not works(likely - 1) else low
    elif (whatever := tried(make, in_channels, (usual, usual))) is not None:
        raise UserError(
            f"{name} fails with these options, on {height}x{width} pictures and on larger ones: {whatever}"
            + (f" ({whatever.reason})." if whatever.layer is not None else ".")
        )
    side = smallest_side(works, low, high)
    where = f": {misfit}" if misfit.layer is not None else ""
    raise UserError(
        f"{height}x{width} pictures are too small for {name}{where}. It needs at least {side}x{side}. "
        f"Try --image-size {side} or another model."
    )


def tried(
    make: Callable[[tuple[int, int]], nn.Module], in_channels: int, image_size: tuple[int, int]
) -> Misfit | None:
    """Make the network for that size and give it one such picture, both on the meta device."""
    if min(image_size) < 1:
        return Misfit(None, (), "no pixels")
    with warnings.catch_warnings(), torch.device("meta"):
        warnings.simplefilter("ignore")  # layers of no units, which is what is being looked for
        try:
            network = make(image_size)
        except UserError:  # options that are wrong for any picture, said already
            raise
        except (RuntimeError, ValueError, ZeroDivisionError) as error:
            return Misfit(None, (), one_line(error))
        return where_it_fails(network, (1, in_channels, *image_size))


def smallest_side(works: Callable[[int], bool], low: int, high: int) -> int:
    """The side where `works` begins to hold, by bisection; it does not at `low` and does at `high`.

    >>> smallest_side(lambda side: side >= 63, 20, 224)
    63
    """
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if works(middle) else (middle, high)
    return high


def side_that_works(model: nn.Module, images_shape: tuple[int, ...]) -> int | None:
    """The side of the smallest square pictures found that a network takes, which fails on (N, C, H, W).

    Some of SIDES are tried, then sizes between. None where no size works, or where the size is not what it
    fails on. The network itself is left alone.

    >>> net = nn.Sequential(nn.Conv2d(3, 4, 7), nn.MaxPool2d(3), nn.Flatten(), nn.Linear(16, 2))
    >>> side_that_works(net, (1, 3, 32, 32))
    12
    """
    try:
        network = copy.deepcopy(model).to("meta")
    except Exception:  # a network of the user's own need not be one that can be copied
        return None

    def works(*size: int) -> bool:
        return where_it_fails(network, (*images_shape[:2], *size)) is None

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if works(*images_shape[2:]):
            return None
        for below, side in zip((0, *SIDES), SIDES, strict=False):
            if works(side, side):
                return smallest_side(lambda side: works(side, side), below, side)
    return None
