"""The options of an architecture, checked against the annotations of its signature."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable
from typing import Any

from fieldmark.annotations import fits, spell
from fieldmark.errors import UserError

STANDARD = ("num_classes", "in_channels", "image_size")


def checked(network: Callable[..., Any], name: str, options: dict[str, Any]) -> dict[str, Any]:
    """`options` with lists turned into tuples, as JSON has no tuples.

    Raises UserError for an option that `network` does not take, naming those it does, and for a value of the
    wrong type. name: what the architecture is called.

    >>> def net(num_classes: int, in_channels: int, image_size: tuple[int, int], width: int = 8): ...
    >>> checked(net, "net", {"width": "wide"})
    Traceback (most recent call last):
    fieldmark.errors.UserError: net: width='wide' does not fit; it takes a whole number.
    """
    parameters = inspect.signature(network, eval_str=True).parameters
    kinds = {key: parameter.annotation for key, parameter in parameters.items() if key not in STANDARD}
    result = {}
    for key, value in options.items():
        if key not in kinds:
            close = difflib.get_close_matches(key, kinds, n=1)
            hint = f" Closest: {close[0]}." if close else ""
            raise UserError(f"{name} has no option '{key}'.{hint} All: {', '.join([*kinds, 'init'])}.")
        result[key] = tuple(value) if isinstance(value, list) else value
        if not fits(result[key], kinds[key]):
            raise UserError(f"{name}: {key}={value!r} does not fit; it takes {spell(kinds[key])}.")
    return result
