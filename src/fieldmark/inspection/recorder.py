"""Every operation of a forward pass: whose it is, what it takes, costs, keeps, and sees of the picture.

Two of torch's modes watch the pass: `Frames` knows which module and which function is at work, `Recorder`
sees each operation that they come down to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from fieldmark.inspection.findings import PICTURE
from fieldmark.inspection.shapes import arguments_by_name, shaped
from fieldmark.inspection.sight import PICTURE_SIGHT, Seen, Sight
from fieldmark.inspection.sight_rules import sights_after


@dataclass(eq=False)
class Frame:
    """A call of a module, or of one of torch's functions outside of modules without parts.

    Attributes:
        parent: The call that this one is in; None for the outermost.
        name: Of a module its place ("features.stem", "" for the network), of a function its own.
        kind: The class of the module, None for a function.
        root: Whether it is the network itself.
        has_parts: Whether the module holds others.
        torchs_own: Whether the module's class is one of torch's.
        calls_parts: Whether it has called any of its parts so far.
        output: The shape of what it gave, the first tensor of several.
    """

    parent: Frame | None
    name: str
    kind: str | None = None
    root: bool = False
    has_parts: bool = False
    torchs_own: bool = False
    calls_parts: bool = False
    output: torch.Size | None = None

    @property
    def closed(self) -> bool:
        """Whether what happens inside belongs to it.

        So it is in a function, in a module without parts, and in one of torch's own that never called its
        parts, as nn.MultiheadAttention.
        """
        if self.calls_parts:
            return False
        if self.kind is None or self.torchs_own:
            return True
        return not self.has_parts and not self.root

    def owner(self) -> Frame | None:
        """The outermost closed frame around this one and itself; None where there is none."""
        found, frame = None, self
        while True:
            if frame.closed:
                found = frame
            if frame.parent is None:
                return found
            frame = frame.parent

    def module(self) -> Frame:
        """This frame, or of a function the module that called it."""
        frame = self
        while frame.kind is None and frame.parent is not None:
            frame = frame.parent
        return frame


class Frames(TorchFunctionMode):
    """Follows the calls while it is entered.

    Attributes:
        model: The network that is followed.
        after_linear: Called with what went into a linear function and what came out.
        failed: The last function outside of modules without parts that raised, and the shapes of the tensors
            that it was given.
        top: The innermost call.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.after_linear: Callable[[Tensor, Tensor], None] = lambda input, output: None
        self.failed: tuple[Frame, list[torch.Size]] | None = None
        self.top = Frame(None, "", type(model).__name__, root=True)

    @contextmanager
    def following(self) -> Iterator[Frames]:
        """Modules are followed by hooks, functions by this mode."""
        handles = []
        for name, module in self.model.named_modules():
            if not isinstance(module, torch.jit.ScriptModule):  # which takes no hooks
                handles += self._follow(name, module)
        try:
            with self:
                yield self
        finally:
            for handle in handles:
                handle.remove()

    def _follow(self, name: str, module: nn.Module) -> list[Any]:
        kind = type(module).__name__
        parts = any(True for _ in module.children())
        own = type(module).__module__.startswith("torch.nn.")

        def enter(*_: Any) -> None:
            frame: Frame | None = self.top
            while frame is not None and not frame.calls_parts:
                frame.calls_parts = True
                frame = frame.parent
            self.top = Frame(self.top, name, kind, name == "", parts, own)

        def leave(_: nn.Module, __: Any, output: Any) -> None:
            while (frame := self.top).name != name or frame.kind != kind:  # those whose error was caught
                assert frame.parent is not None
                self.top = frame.parent
            frame.output = first_shape(output)
            assert frame.parent is not None
            self.top = frame.parent

        return [module.register_forward_pre_hook(enter), module.register_forward_hook(leave)]

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        outside, name = self.top, getattr(func, "__name__", "")
        if outside.kind is None or outside.has_parts or outside.root:
            self.top = Frame(outside, name)
        try:
            output = func(*args, **kwargs)
            if self.top is not outside:
                self.top.output = first_shape(output)
        except Exception:
            if self.top is not outside:
                self.failed = self.top, [tensor.shape for tensor in tensors([*args, *kwargs.values()])]
            raise
        finally:
            self.top = outside
        if name == "linear":
            self.after_linear(args[0] if args else kwargs["input"], output)
        return output


def first_shape(value: Any) -> torch.Size | None:
    """The shape of a tensor, or of the first one in lists, tuples and dicts.

    >>> first_shape({"logits": [torch.zeros(2, 3)], "other": torch.zeros(1)})
    torch.Size([2, 3])
    """
    return next((tensor.shape for tensor in tensors([value])), None)


def tensors(values: Iterable[Any]) -> Iterator[Tensor]:
    """The tensors in nested lists, tuples and dicts."""
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, dict):
            yield from tensors(value.values())
        elif isinstance(value, list | tuple):
            yield from tensors(value)


SHAPES_ONLY = frozenset({
    "empty_like", "zeros_like", "ones_like", "full_like", "rand_like", "randn_like", "new_empty",
    "new_zeros", "new_ones", "new_full"
})  # fmt: skip
"""Operations that take a tensor for its shape; what they give does not depend on the picture."""


@dataclass(eq=False)
class Operation:
    """One operation of a forward pass of the whole batch.

    Attributes:
        frame: The call that it is part of.
        name: Of the operation, as torch has it.
        sources: Indices of the operations whose results it takes, PICTURE for the pictures.
        parameters: Names of those it uses, directly or made into something else before.
        flops: Of the whole batch.
        output: Shape of the first result.
        sight: What the first result sees of the picture.
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
    """What is known of a tensor.

    Attributes:
        tensor: Held so that its id stays its own.
        source: Index of the operation that made it; None where no picture had a part in it.
        parameters: Names of those it was made of.
        sight: What it sees of the picture.
    """

    tensor: Tensor
    source: int | None
    parameters: frozenset[str] = frozenset()
    sight: Sight | None = None


class Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch has no annotations here
    """Records the operations while it is entered, whatever runs them.

    Args:
        frames: Which module is at work.
        images: The pictures, (N, C, H, W).
        weights: Parameters and buffers by name.

    Attributes:
        operations: In the order in which they were done.
        values: What is known of each tensor, by its id.
        owners: Of each storage the first tensor, of which others are views.
    """

    def __init__(self, frames: Frames, images: Tensor, weights: dict[str, Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.frames = frames
        self.operations: list[Operation] = []
        self.values = {id(images): Value(images, PICTURE, sight=PICTURE_SIGHT)}
        self.owners: dict[int, Tensor] = {}
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
        arguments = arguments_by_name(func, args, kwargs)
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
