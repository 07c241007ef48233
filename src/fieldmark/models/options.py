"""The options of an architecture, checked against the annotations of its signature."""

from __future__ import annotations

import difflib
import inspect
import types
import typing
from collections.abc import Callable
from typing import Any, Literal

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


def fits(value: object, kind: Any) -> bool:
    """Whether `value` is of the annotation `kind`: int, float, str, bool, Literal, tuple, or a union of them.

    A whole number is a number, but true and false are neither.

    >>> fits(3, int), fits(True, int), fits((3, 5), int | tuple[int, int]), fits("tan", Literal["tanh"])
    (True, False, True, False)
    """
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return any(fits(value, choice) for choice in arguments)
    if origin is Literal:
        return value in arguments
    if origin is tuple:
        if not isinstance(value, tuple):
            return False
        kinds = [arguments[0]] * len(value) if arguments[-1] is ... else arguments
        return len(value) == len(kinds) and all(map(fits, value, kinds))
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


def spell(kind: Any) -> str:
    """The annotation in words.

    >>> spell(int | tuple[int, int])
    'a whole number or a list of 2 (a whole number)'
    """
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(spell(choice) for choice in arguments)
    if origin is Literal:
        return " | ".join(str(choice) for choice in arguments)
    if origin is tuple:
        length = "" if arguments[-1] is ... else f" {len(arguments)}"
        return f"a list of{length} ({spell(arguments[0])})"
    words = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}
    return words.get(kind, "none")
