"""Weights that torchvision published, put into our networks, whose parameters have other names."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fieldmark.errors import UserError
from fieldmark.models.network import Network

HEAD = "head."


def load_public_weights(
    model: nn.Module, state_dict: Mapping[str, Tensor], *, head: bool = True
) -> tuple[str, ...]:
    """Put weights under torchvision's names, as its old and new files have them, into the same architecture.

    model: an alexnet, vgg, googlenet, resnet or densenet of `create`, with the published stem. state_dict:
    name to tensor, of any floating dtype and on any device; converted to the network's. head=False leaves
    the network's last layer alone, for other classes. Returns the names in the file that were not used: those
    that the architecture lets go (auxiliary heads), and with head=False the last layer's.

    All is checked before anything changes. Raises UserError for a network that has no public weights, names
    that are missing or left over, and tensors of another shape; it says what to do.

    >>> from fieldmark.models import create
    >>> model = create("resnet18", 10, 3, 224, width=1, blocks=(1,))
    >>> load_public_weights(model, {"conv1.weight": torch.zeros(1, 3, 7, 7)})
    Traceback (most recent call last):
    fieldmark.errors.UserError: these are not the weights of this ResNet: the file has no match for ...
    """
    network = checked_network(model)
    entries = checked_entries(state_dict)
    own = network.state_dict()
    match = matched(network, entries, own, head)
    if match.missing or match.left_over:
        raise UserError(names_differ(network, match))
    values = {ours: entries[match.found[ours]] for ours in own if ours in match.found}
    refuse_other_shapes(
        network,
        [Shapes(match.found[ours], ours, value.shape, own[ours].shape) for ours, value in values.items()],
    )
    if network.stem != "published":  # a VGG's has the same shapes, one pool fewer, and other answers
        raise UserError(
            f"public weights are for the published stem, and this {type(network).__name__} has the "
            f"{network.stem} one. Make it with stem='published'."
        )
    for ours, value in values.items():
        if value.is_floating_point() != own[ours].is_floating_point():
            raise UserError(f"public weights: '{match.found[ours]}' is {value.dtype}, not {own[ours].dtype}.")
    network.load_state_dict(values, strict=False)
    return match.unused


def checked_network(model: nn.Module) -> Network:
    """`model`, when it has public names and holds values."""
    if not isinstance(model, Network) or not model.public_names:
        raise UserError(
            f"{type(model).__name__} has no public weights; alexnet, vgg, googlenet, resnet, densenet have."
        )
    if any(tensor.is_meta for tensor in model.state_dict().values()):
        raise UserError("the network is on the meta device and holds no values: make it outside of it.")
    return model


def checked_entries(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """`state_dict`, when it is one."""
    if not isinstance(state_dict, Mapping):
        raise UserError(
            f"public weights are a dictionary of names and tensors; got {type(state_dict).__name__}."
        )
    for name, tensor in state_dict.items():
        if isinstance(tensor, Mapping):
            raise UserError(
                f"public weights: {name!r} is a dictionary in it. If that holds the weights, take it."
            )
        if not isinstance(name, str) or not isinstance(tensor, Tensor):
            raise UserError(
                f"public weights: {name!r} is a {type(tensor).__name__}, not a tensor with a name."
            )
        if tensor.is_meta or tensor.is_quantized or tensor.layout != torch.strided:
            raise UserError(f"public weights: '{name}' holds no plain values (meta, quantised or sparse).")
    return dict(state_dict)


@dataclass(frozen=True)
class Match:
    """found: our name to the public one; missing: ours without; left_over: theirs without; unused: let go."""

    found: dict[str, str]
    missing: tuple[str, ...]
    left_over: tuple[str, ...]
    unused: tuple[str, ...]


def matched(network: Network, entries: Iterable[str], own: Collection[str], head: bool) -> Match:
    """Which public name in `entries` is which of our names in `own`."""
    found: dict[str, str] = {}
    left_over, unused = [], []
    for theirs in entries:
        ours = renamed(theirs, network.public_names)
        if one_of(theirs, network.let_go) or (ours is not None and ours.startswith(HEAD) and not head):
            unused.append(theirs)
        elif ours is None or ours not in own:
            left_over.append(theirs)
        elif ours in found:
            raise UserError(
                f"public weights: '{found[ours]}' and '{theirs}' are the same weight, given twice."
            )
        else:
            found[ours] = theirs
    missing = [
        name
        for name in own
        if name not in found
        and not one_of(name, network.not_in_file)
        and not (name.startswith(HEAD) and not head)
    ]
    return Match(found, tuple(missing), tuple(left_over), tuple(unused))


def renamed(theirs: str, public_names: tuple[tuple[str, str], ...]) -> str | None:
    """Our name for a public one, or None.

    >>> renamed("fc.bias", ((r"fc\\.(\\w+)", r"head.\\1"),))
    'head.bias'
    """
    for pattern, replacement in public_names:
        match = re.fullmatch(pattern, theirs)
        if match:
            return match.expand(replacement)
    return None


def one_of(name: str, patterns: tuple[str, ...]) -> bool:
    return any(re.fullmatch(pattern, name) for pattern in patterns)


def names_differ(network: Network, match: Match) -> str:
    """The sentence for names that are missing or left over."""
    parts = []
    if match.missing:
        parts.append(f"the file has no match for {some(match.missing)}")
    if match.left_over:
        parts.append(f"the network has no place for {some(match.left_over)}")
    return (
        f"these are not the weights of this {type(network).__name__}: {', and '.join(parts)}. "
        "Take the file of the same member of the family, and make the network with its published depth."
    )


def some(names: tuple[str, ...]) -> str:
    """The first of many names.

    >>> some(("a", "b", "c", "d", "e"))
    'a, b, c and 2 more'
    """
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


@dataclass(frozen=True)
class Shapes:
    """One tensor: its name and shape in the public file, and in the network."""

    theirs: str
    ours: str
    public: tuple[int, ...]
    own: tuple[int, ...]


def refuse_other_shapes(network: Network, tensors: list[Shapes]) -> None:
    """Raises UserError where shapes differ, with a tensor for example and the options to make `network` with.

    tensors: all of the network that are in the file, in the network's order, so that the first is the filters
    of its first convolution.
    """
    differing = [tensor for tensor in tensors if tensor.public != tensor.own]
    if not differing:
        return
    example = differing[0]
    more = f" ({len(differing) - 1} more differ)" if len(differing) > 1 else ""
    remedies = dict.fromkeys(
        remedy for tensor in differing for remedy in remedies_of(network, tensor, tensor is tensors[0])
    )
    raise UserError(
        f"the public weights have other shapes than this {type(network).__name__}: {example.theirs} is "
        f"{by(example.public)} in the file and {by(example.own)} here{more}. "
        f"Make it with {', '.join(remedies)}."
    )


def remedies_of(network: Network, tensor: Shapes, is_first: bool) -> list[str]:
    """What would give this tensor the shape it has in the file; there may be several reasons at once.

    >>> remedies_of(Network(), Shapes("fc.bias", "head.bias", (1000,), (10,)), is_first=False)
    ['num_classes=1000 (or load with head=False)']
    >>> remedies_of(Network(), Shapes("conv1.weight", "x", (64, 3, 7, 7), (64, 1, 3, 3)), is_first=True)
    ["stem='published'", 'in_channels=3']
    """
    public, own = tensor.public, tensor.own
    found = []
    if tensor.ours.startswith(HEAD) and public[:1] != own[:1]:
        found.append(f"num_classes={public[0]} (or load with head=False)")
    if is_first and public[2:] != own[2:]:
        found.append("stem='published'")
    if is_first and public[1:2] != own[1:2]:
        found.append(f"in_channels={public[1]}")
    if not is_first and public[2:] != own[2:]:  # filters of another size
        found.extend(f"{name}={value!r}" for name, value in network.public_options.items())
    if len(public) == 2 and public[0] == own[0] and not tensor.ours.startswith(HEAD):
        found.append("image_size=224")  # the first linear layer takes a map of another size
    return found or ["its published width, depth and growth"]


def by(shape: tuple[int, ...]) -> str:
    """A shape as people write it.

    >>> by((64, 3, 7, 7)), by(())
    ('64x3x7x7', 'a single number')
    """
    return "x".join(map(str, shape)) or "a single number"
