"""Values held against annotations, and annotations in words: what recipes and options are checked with."""

from __future__ import annotations

import types
import typing
from typing import Any, Literal


def fits(value: object, kind: Any) -> bool:
    """Whether `value` is of the annotation `kind`: int, float, str, bool, Literal, tuple, dict,
    or a union of them.

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
    if origin is dict:
        return isinstance(value, dict)
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
    if origin is dict:
        return "an object"
    words = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}
    return words.get(kind, "none")
