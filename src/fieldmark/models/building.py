"""Making a network from its class: options checked, sizes checked, weights initialised."""

from __future__ import annotations

import difflib
import importlib
import inspect
from collections.abc import Callable
from typing import Any

from torch import nn

from fieldmark.errors import UserError
from fieldmark.families import unknown
from fieldmark.models.initialisation import INITIALISATIONS, initialise

STANDARD = ("num_classes", "in_channels", "image_size")


def build(
    network: Callable[..., nn.Module],
    name: str,
    smallest: int,
    num_classes: int,
    in_channels: int,
    image_size: tuple[int, int],
    options: dict[str, Any],
) -> nn.Module:
    """What `network` makes; see fieldmark.models.create, which found it by name."""
    options = dict(options)
    init = options.pop("init", "default")
    if init not in INITIALISATIONS:
        raise UserError(unknown(init, INITIALISATIONS, "weight initialisation"))
    allowed = [key for key in inspect.signature(network).parameters if key not in STANDARD]
    for key in options:
        if key not in allowed:
            close = difflib.get_close_matches(key, allowed, n=1)
            hint = f" Closest: {close[0]}." if close else ""
            raise UserError(f"{name} has no option '{key}'.{hint} All: {', '.join([*allowed, 'init'])}.")
    if min(image_size) < smallest:
        height, width = image_size
        raise UserError(
            f"{height}x{width} pictures are too small for {name}: it needs at least {smallest}x{smallest}. "
            f"Try --image-size {smallest} or another model."
        )
    made = network(num_classes=num_classes, in_channels=in_channels, image_size=image_size, **options)
    initialise(made, init)
    return made


def foreign(reference: str) -> Callable[..., nn.Module]:
    """The function or class that "module:function" names, imported from the user's own code.

    Raises UserError when the module or the function is not there.
    """
    module, _, function = reference.partition(":")
    try:
        found = getattr(importlib.import_module(module), function)
    except ModuleNotFoundError as error:
        raise UserError(
            f"model '{reference}': no module named '{error.name}' can be imported from here. "
            "Run from its folder, or put it on PYTHONPATH."
        ) from error
    except AttributeError as error:
        raise UserError(f"model '{reference}': {module} has no '{function}'.") from error
    if not callable(found):
        raise UserError(f"model '{reference}': {function} is not a function or class.")
    return found
