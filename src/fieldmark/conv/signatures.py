"""One signature for several functions, written out at the first of them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

First = TypeVar("First")
Rest = ParamSpec("Rest")


def signed(
    model: Callable[Concatenate[First, Rest], Any],
) -> Callable[[Callable[..., Any]], Callable[Concatenate[First, Rest], Any]]:
    """Give a function with `**settings` the keyword arguments of `model`, for type checkers and for help().

    To a type checker its first argument, which may have a name of its own, is positional.

    >>> def pool(images: int, *, stride: int = 1) -> int: ...
    >>> @signed(pool)
    ... def pool_signals(signals: int, **settings: object) -> int: ...
    >>> str(inspect.signature(pool_signals))
    "(signals: 'int', *, stride: 'int' = 1) -> 'int'"
    """
    shared = [each for each in inspect.signature(model).parameters.values() if each.kind is each.KEYWORD_ONLY]

    def sign(function: Callable[..., Any]) -> Callable[Concatenate[First, Rest], Any]:
        own = inspect.signature(function)
        kept = [each for each in own.parameters.values() if each.kind is not each.VAR_KEYWORD]
        function.__signature__ = own.replace(parameters=[*kept, *shared])  # type: ignore[attr-defined]
        return function

    return sign
