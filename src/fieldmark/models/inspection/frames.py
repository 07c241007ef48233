"""Which module, and which function called in it, is at work while a network runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode


@dataclass(eq=False)
class Frame:
    """A call of a module, or of one of torch's functions outside of modules without parts.

    name: of a module its place ("features.stem", "" for the network), of a function its own. kind: the class
    of the module, None for a function. root: the network itself. closed: what happens inside belongs to it: a
    module without parts, or one of torch's own that never called its parts (`calls_parts`), as
    nn.MultiheadAttention. output: the shape of what it gave, the first tensor of several.
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
    """Follows the calls while it is entered; `top` is the innermost one.

    after_linear: told what went into a linear function and what came out. failed: the last function outside
    of modules without parts that raised, and the shapes of the tensors it was given.
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
