"""Making a network from its class: options checked, sizes checked, weights initialised."""

from __future__ import annotations

import importlib
import inspect
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from torch import nn
from torch.nn.modules.module import register_module_module_registration_hook

from fieldmark.errors import UserError
from fieldmark.families import unknown
from fieldmark.models import is_own
from fieldmark.models.initialisation import INITIALISATIONS, initialise
from fieldmark.models.misfits import one_line, refuse_misfit, where_it_fails
from fieldmark.models.options import STANDARD, checked
from fieldmark.models.own import told
from fieldmark.models.stems import chosen

if TYPE_CHECKING:
    from fieldmark.models import About


Maker = Callable[..., nn.Module]
"""What makes a network, given num_classes, in_channels, image_size and its options."""


def build(
    network: Callable[..., nn.Module],
    name: str,
    about: About,
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
    options = checked(network, name, options)

    def make(size: tuple[int, int]) -> nn.Module:
        return network(num_classes=num_classes, in_channels=in_channels, image_size=size, **options)

    def refuse() -> None:
        refuse_misfit(make, name, in_channels, image_size, about.smallest, about.published_size)

    if min(image_size) < about.smallest:
        refuse()
    try:
        made = make(image_size)
    except UserError:
        raise
    except (RuntimeError, ValueError) as error:  # torch's own layers refuse, say, a dropout rate of 2
        refuse()
        raise UserError(f"{name} cannot be made with these options: {one_line(error)}.") from error
    # With standard options the tables know that it fits. Others are tried with a picture of zeros, and not on
    # the meta device, whose first convolution imports for a second.
    unusual = any(option != ("stem", chosen(None, image_size)) for option in options.items())
    small = min(image_size) < about.published_size
    if small and unusual and where_it_fails(made, (1, in_channels, *image_size)) is not None:
        refuse()
    initialise(made, init)
    return made


@contextmanager
def no_more_layers_than(most: int) -> Iterator[None]:
    """Raises UserError inside as soon as more than `most` modules were put into others, however deep.

    >>> with no_more_layers_than(2):
    ...     nn.Sequential(nn.ReLU(), nn.ReLU(), nn.ReLU())
    Traceback (most recent call last):
    fieldmark.errors.UserError: the network would have more than 2 layers.
    """
    count = itertools.count(1)

    def counted(*_: object) -> None:
        if next(count) > most:
            raise UserError(f"the network would have more than {most:,} layers.")

    handle = register_module_module_registration_hook(counted)
    try:
        yield
    finally:
        handle.remove()


def foreign(reference: str) -> Callable[..., nn.Module]:
    """The function or class that "module:function" names, imported from the user's own code.

    Only for a name that the user gave just now: never call it with one that a file gave.
    Raises UserError when the module cannot be imported, or has nothing to call by that name.
    """
    module, _, function = reference.partition(":")
    if not module or not function or module.startswith("."):
        raise UserError(f"model '{reference}': a model of your own is named module:function.")
    try:
        found = importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise UserError(
            f"model '{reference}': no module named '{error.name}' can be imported from here. "
            "Run from its folder, or put it on PYTHONPATH."
        ) from error
    except Exception as error:  # the user's module may raise anything at all
        raise UserError(f"model '{reference}': importing {module} fails: {told(error)}") from error
    if not hasattr(found, function):
        raise UserError(f"model '{reference}': {module} has no '{function}'.")
    made = getattr(found, function)
    if not callable(made):
        raise UserError(f"model '{reference}': {function} is not a function or class.")
    return made


def own_network(named: str, given: nn.Module | Maker | str | None) -> nn.Module | Maker | None:
    """What a network of the user's own, called `named` in a recipe, is made with; None for any other network.

    given: what the caller passed for it: the module, what makes it, or module:function. Only that is ever
    imported; a name that stands in a recipe, which may come from a file of somebody else's, is not.
    Raises UserError when nothing was given for such a name, or another name.

    >>> own_network("resnet18", None), own_network("torch.nn:Flatten", "torch.nn:Flatten")
    (None, <class 'torch.nn.modules.flatten.Flatten'>)
    >>> own_network("torch.hub:load", None)
    Traceback (most recent call last):
    fieldmark.errors.UserError: the recipe names a network of your own, torch.hub:load, and nothing is ...
    """
    if given is not None and not isinstance(given, str):
        return given
    if not is_own(named):
        return None
    if given != named:
        raise UserError(
            f"the recipe names a network of your own, {named}, and nothing is imported because a file says "
            f"so. If you want it: --model {named}, or in Python model={named!r}, or the module itself."
        )
    return foreign(given)


def call(maker: Callable[..., nn.Module], /, **arguments: Any) -> nn.Module:
    """What the user's own function or class makes of num_classes, in_channels, image_size and its options.

    Of the first three it is given those it takes: a network of fixed sizes may take none. Raises UserError
    when it raises, whatever that is, and when it makes no nn.Module.

    >>> call(nn.Linear, in_features=2, out_features=3, num_classes=3)
    Linear(in_features=2, out_features=3, bias=True)
    """
    name = getattr(maker, "__qualname__", type(maker).__qualname__)
    arguments = {key: value for key, value in arguments.items() if key not in STANDARD or takes(maker, key)}
    try:
        made = maker(**arguments)
    except Exception as error:  # the user's code may raise anything at all
        given = ", ".join(f"{key}={value!r}" for key, value in arguments.items()) or "no arguments"
        raise UserError(
            f"your network {name} cannot be made: {told(error)} It is called with {given}."
        ) from error
    if not isinstance(made, nn.Module):
        raise UserError(f"your network {name} gives a {type(made).__name__}; it has to give an nn.Module.")
    return made


def takes(maker: Callable[..., nn.Module], name: str) -> bool:
    """Whether a function or class can be called with an argument `name`; True where that cannot be told.

    >>> takes(nn.Linear, "num_classes"), takes(nn.Linear, "bias")
    (False, True)
    """
    try:
        parameters = inspect.signature(maker).parameters.values()
    except (TypeError, ValueError):
        return True
    return any(
        one.kind is one.VAR_KEYWORD or (one.name == name and one.kind is not one.POSITIONAL_ONLY)
        for one in parameters
    )
