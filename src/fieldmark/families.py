"""Families of interchangeable things, each a plain dict from name to "module:function"."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterable, Mapping
from typing import Any

from fieldmark.errors import UserError


def resolve(family: Mapping[str, str], name: str, kind: str) -> Any:
    """The function that `name` stands for, imported now and not before.

    kind: what to call a member in the error, e.g. "model". Raises UserError for an unknown name.

    >>> resolve({"root": "math:sqrt"}, "root", "function")(9.0)
    3.0
    """
    if name not in family:
        raise UserError(unknown(name, family, kind))
    module, _, function = family[name].partition(":")
    return getattr(importlib.import_module(module), function)


def unknown(name: object, choices: Iterable[str], kind: str) -> str:
    """The sentence for a name that is none of `choices`, with the closest match first.

    >>> unknown("digit", ["digits", "deep"], "model")
    "'digit' is not a model. Closest: digits. All: digits, deep."
    """
    names = [str(choice) for choice in choices]
    spelled = {choice.casefold(): choice for choice in reversed(names)}  # MNIST is meant for mnist
    close = difflib.get_close_matches(str(name).casefold(), spelled, n=1, cutoff=0.5)
    closest = f" Closest: {spelled[close[0]]}." if close else ""
    return f"'{name}' is not a {kind}.{closest} All: {', '.join(names)}."
