"""Layers that a network of the user's own holds where torch does not see them: in plain lists and dicts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import nn
from torch.nn.modules.dropout import _DropoutNd

BOOKKEEPING = frozenset(vars(nn.Module()))
"""Attributes that every module has: tables of what torch does see, and of hooks."""


def hidden(model: nn.Module) -> dict[str, str]:
    """Attributes that hold layers or weights torch does not see, by dotted name, each with what to use.

    What is in a plain list, tuple, set or dict is no part of the network: it does not learn, is not saved, is
    not moved to a GPU, and dropout in it is never switched off. Layers that are also parts of the
    network in the ordinary way are left out, and so are those that would not be missed (nn.ReLU()).

    >>> net = nn.Module()
    >>> net.blocks = [nn.Linear(2, 2), nn.ReLU()]
    >>> hidden(net)
    {'blocks': 'nn.ModuleList'}
    """
    seen = {id(part) for part in [*model.modules(), *model.parameters(), *model.buffers()]}
    found = {}
    for name, module in model.named_modules():
        for attribute, value in vars(module).items():
            if attribute in BOOKKEEPING or not isinstance(value, list | tuple | set | dict):
                continue
            kinds = {kind(part) for part in held(value, set()) if id(part) not in seen and missed(part)}
            if kinds:
                shelf = "Dict" if isinstance(value, dict) else "List"
                kept = "Module" if "Module" in kinds else "Parameter"
                found[f"{name}.{attribute}" if name else attribute] = f"nn.{kept}{shelf}"
    return found


def held(value: Any, known: set[int]) -> Iterator[nn.Module | nn.Parameter]:
    """The modules and parameters in nested lists, tuples, sets and dicts."""
    if isinstance(value, nn.Module | nn.Parameter):
        yield value
    elif isinstance(value, list | tuple | set | dict) and id(value) not in known:
        known.add(id(value))
        for one in value.values() if isinstance(value, dict) else value:
            yield from held(one, known)


def missed(part: nn.Module | nn.Parameter) -> bool:
    """Whether it matters that torch does not see it."""
    if isinstance(part, nn.Parameter):
        return True
    weights = any(True for _ in part.parameters()) or any(True for _ in part.buffers())
    return weights or any(isinstance(module, _DropoutNd) for module in part.modules())


def kind(part: nn.Module | nn.Parameter) -> str:
    return "Parameter" if isinstance(part, nn.Parameter) else "Module"


def sentence(found: dict[str, str]) -> str:
    """What to know of hidden layers, for a person.

    >>> sentence({"blocks": "nn.ModuleList"})[:66]
    'blocks holds layers in a plain Python list, tuple or dict, where t'
    """
    names = " and ".join(found) if len(found) < 3 else f"{', '.join([*found][:2])} and {len(found) - 2} more"
    holds = "holds layers" if len(found) == 1 else "hold layers"
    return (
        f"{names} {holds} in a plain Python list, tuple or dict, where torch does not see them: they do not "
        f"learn and are not saved. Use {' and '.join(sorted(set(found.values())))}."
    )
