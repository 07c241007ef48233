"""Public weights of other shapes than the network's: which options would give it theirs."""

from __future__ import annotations

from dataclasses import dataclass

from fieldmark.errors import UserError
from fieldmark.models.network import Network

HEAD = "head."


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
