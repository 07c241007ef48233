"""Every operation of a forward pass: whose it is, what it takes, costs, keeps, and sees of the picture."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from fieldmark.models.inspection.frames import Frame, Frames, tensors
from fieldmark.models.inspection.layer import PICTURE
from fieldmark.models.inspection.shapes import shaped
from fieldmark.models.inspection.sight import PICTURE_SIGHT, Seen, Sight
from fieldmark.models.inspection.sight_rules import sights_after

SHAPES_ONLY = frozenset({
    "empty_like", "zeros_like", "ones_like", "full_like", "rand_like", "randn_like", "new_empty",
    "new_zeros", "new_ones", "new_full"
})  # fmt: skip
"""Operations that take a tensor for its shape; what they give does not depend on the picture."""


@dataclass(eq=False)
class Operation:
    """One operation of a forward pass of the whole batch.

    sources: indices of the operations whose results it takes, PICTURE for the pictures. parameters: names of
    those it uses, directly or made into something else before. output: shape of the first result.
    """

    frame: Frame
    name: str
    sources: frozenset[int]
    parameters: frozenset[str]
    flops: int
    output: torch.Size | None
    sight: Sight | None


@dataclass(frozen=True)
class Value:
    """What is known of a tensor. source: the operation that made it; None where no picture had a part in it.

    The tensor is held so that its id stays its own.
    """

    tensor: Tensor
    source: int | None
    parameters: frozenset[str] = frozenset()
    sight: Sight | None = None


class Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch has no annotations here
    """Records the operations while it is entered, whatever runs them.

    weights: parameters and buffers by name.
    """

    def __init__(self, frames: Frames, images: Tensor, weights: dict[str, Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.frames = frames
        self.operations: list[Operation] = []
        self.values = {id(images): Value(images, PICTURE, sight=PICTURE_SIGHT)}
        self.owners: dict[int, Tensor] = {}  # of each storage the first tensor, of which others are views
        for tensor in weights.values():
            self.owners[tensor.untyped_storage()._cdata] = tensor
        own = {name for name, _ in frames.model.named_parameters()}
        for name, tensor in weights.items():
            used = frozenset({name} & own)
            self.values[id(tensor)] = Value(tensor, None, used)
        frames.after_linear = self._keep_axes

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        # Otherwise torch imports its compiler, for 1 s, in order to keep it away from this class.
        return False

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        arguments = named(func, args, kwargs)
        quick = shaped(func, arguments)
        result = func(*args, **kwargs) if quick is None else quick
        count = flop_registry.get(func._overloadpacket)
        flops = int(count(*args, **kwargs, out_val=result)) if count is not None else 0
        outputs = list(tensors([result]))
        for output in outputs:
            self.owners.setdefault(output.untyped_storage()._cdata, output)
        self._record(func, arguments, outputs, flops)
        return result

    def _record(self, func: Any, arguments: dict[str, Any], outputs: list[Tensor], flops: int) -> None:
        name = func._overloadpacket.__name__
        taken = [value for value in map(self._known, tensors(arguments.values())) if value is not None]
        parameters = frozenset[str]().union(*(value.parameters for value in taken))
        taken = [] if name in SHAPES_ONLY else [value for value in taken if value.source is not None]
        sources = frozenset(value.source for value in taken if value.source is not None)
        sights = sights_after(func, Seen(arguments, [(v.tensor, v.sight) for v in taken]), outputs)
        index = len(self.operations)
        for output, sight in zip(outputs, sights, strict=True):
            # What is made of weights and numbers alone counts for whoever uses it.
            value = Value(output, index, sight=sight) if sources else Value(output, None, parameters)
            self.values[id(output)] = value
        if not sources and not flops:
            return
        if sources and outputs and name.endswith("_"):
            self._written(outputs[0])
        shape, sight = (outputs[0].shape, sights[0]) if outputs else (None, None)
        self.operations.append(Operation(self.frames.top, name, sources, parameters, flops, shape, sight))

    def _known(self, tensor: Tensor) -> Value | None:
        """What is known of a tensor, or of the one whose memory it shares (TorchScript wraps them anew)."""
        if id(tensor) in self.values:
            return self.values[id(tensor)]
        owner = self.owners.get(tensor.untyped_storage()._cdata)
        if owner is None or id(owner) not in self.values:
            return None
        value = self.values[id(owner)]
        return replace(value, tensor=tensor, sight=value.sight if owner.shape == tensor.shape else None)

    def _written(self, view: Tensor) -> None:
        """What is written into a view stands in the tensor that it is a view of, too."""
        owner = self.owners[view.untyped_storage()._cdata]
        if owner is not view and id(owner) in self.values:
            old, new = self.values[id(owner)], self.values[id(view)]
            sight = old.sight or (new.sight if owner.dim() == view.dim() else None)
            self.values[id(owner)] = Value(owner, new.source, sight=sight)

    def _keep_axes(self, input: Tensor, output: Tensor) -> None:
        """A linear layer works on the last axis alone, though torch has it as a product of two matrices."""
        before, after = self.values.get(id(input)), self.values.get(id(output))
        if before is None or after is None or before.sight is None or after.source is None:
            return
        if all(axis.dim != input.dim() - 1 for axis in before.sight):
            self.values[id(output)] = Value(output, after.source, sight=before.sight)
            self.operations[after.source].sight = before.sight


def named(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments by the names of the operation's schema, defaults filled in."""
    found = dict(kwargs)
    for i, argument in enumerate(func._schema.arguments):
        if i < len(args):
            found[argument.name] = args[i]
        elif argument.name not in found:
            found[argument.name] = argument.default_value
    return found
