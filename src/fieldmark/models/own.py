"""Networks of the user's own, called: what they give as logits, and what they raise as the user's.

Every pass of fieldmark (training, validation, prediction) calls a network through `logits_of`, so that what
holds in one holds in all. Nothing is remembered of a network: what it ends in is seen each time it runs.
"""

from __future__ import annotations

import copy
import sysconfig
import traceback
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.parameter import UninitializedBuffer, is_lazy
from torch.overrides import TorchFunctionMode

from fieldmark.errors import UserError
from fieldmark.models.misfits import unchanged_modes, unchanged_random_state
from fieldmark.models.network import Network

ENDS = {
    torch.sigmoid: "sigmoid",
    torch.special.expit: "sigmoid",
    Tensor.sigmoid: "sigmoid",
    functional.sigmoid: "sigmoid",
    functional.logsigmoid: "log-sigmoid",
    torch.softmax: "softmax",
    torch.special.softmax: "softmax",
    Tensor.softmax: "softmax",
    functional.softmax: "softmax",
}
"""Functions that turn logits into probabilities (or their logarithms), and their names.

Log-softmax is not among them: cross-entropy of what it gives is the cross-entropy of what it takes.
"""

COPIES = frozenset({Tensor.float, Tensor.to, Tensor.contiguous, Tensor.clone, torch.clone})
"""What may follow one of ENDS, giving the same numbers in other memory."""

LONGEST = 300
"""Characters of a message of the user's own that are shown."""


class Ends(TorchFunctionMode):
    """While entered, keeps the last of ENDS that was called: its name, what it took and what it gave."""

    def __init__(self) -> None:
        super().__init__()
        self.last: tuple[str, Tensor, Tensor] | None = None

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        name = ENDS.get(func)
        if name is not None:
            self.last = name, args[0] if args else (kwargs or {})["input"], result
        elif func in COPIES and self.last is not None and self.end_of(args[0]) is not None:
            self.last = self.last[0], self.last[1].reshape(args[0].shape), result
        return result

    def end_of(self, outputs: object) -> str | None:
        """The name of the function that made `outputs`, reshaped perhaps; None where it was another."""
        if self.last is None or not isinstance(outputs, Tensor):
            return None
        name, _, result = self.last
        reshaped = (
            outputs.numel() == result.numel() > 0
            and outputs.data_ptr() == result.data_ptr()
            and outputs.is_contiguous()
            and result.is_contiguous()
        )
        return name if outputs is result or reshaped else None

    def logits(self, outputs: Any) -> Any:
        """`outputs`, or where they are probabilities what these were made of, in the shape of `outputs`."""
        if self.end_of(outputs) is None:
            return outputs
        assert self.last is not None
        return self.last[1].reshape(outputs.shape)


def logits_of(model: nn.Module, images: Tensor) -> Any:
    """What a network makes of pictures float (N, C, H, W): logits (N, K) or (N, 1), if it is as it should be.

    A network that ends in a sigmoid or softmax gives probabilities. Taken for logits they would train it
    wrongly, so it is what the sigmoid or softmax was given that counts: the same function of the weights,
    without the digits that probabilities lose.

    Raises UserError for whatever a network of the user's own raises, with its kind, message and place.

    >>> probable = nn.Sequential(nn.Flatten(), nn.Linear(4, 2), nn.Softmax(1))
    >>> pictures = torch.ones(1, 1, 2, 2)
    >>> torch.equal(logits_of(probable, pictures), probable[:2](pictures))
    True
    """
    if isinstance(model, Network):
        return model(images)
    try:
        with Ends() as ends:
            return ends.logits(model(images))
    except Exception as error:  # the user's code may raise anything at all
        if out_of_memory(error):
            raise
        raise UserError(
            f"{titled(model)} fails on pictures {tuple(images.shape)}{' in training' * model.training}: "
            f"{told(error)}"
        ) from error


def no_gradients(model: nn.Module) -> AbstractContextManager[object]:
    """A context in which a network computes without gradients.

    One of the user's own may replace its buffers while it runs; made in inference mode, they could not be
    trained with or loaded into afterwards.
    """
    return torch.inference_mode() if isinstance(model, Network) else torch.no_grad()


def titled(model: nn.Module) -> str:
    """What errors call a network: one of the user's own, or one of fieldmark's.

    >>> titled(nn.Sequential())
    'your network Sequential'
    """
    return f"{'the' if isinstance(model, Network) else 'your'} network {type(model).__name__}"


def rows(images: Tensor) -> Tensor:
    """Pictures (N, C, H, W) copied to row-major memory, as a network that flattens with `view` needs them.

    A copy even where torch calls them contiguous: of one channel both memory formats are, and the layers
    behind would still go by the strides.

    >>> rows(torch.zeros(2, 5, 5, 1).permute(0, 3, 1, 2)).stride()
    (25, 25, 5, 1)
    """
    return images.clone(memory_format=torch.contiguous_format)


def settle_lazy(model: nn.Module, image_shape: tuple[int, int, int]) -> None:
    """Give lazy layers their shapes, by black pictures (C, H, W) in evaluation mode; others stay.

    Raises UserError for whatever the network raises. Torch's random state stays as it was.

    >>> net = nn.Sequential(nn.Flatten(), nn.LazyLinear(2))
    >>> settle_lazy(net, (1, 4, 4))
    >>> net[1].weight.shape
    torch.Size([2, 16])
    """
    if not has_lazy(model):
        return
    first = next((tensor for tensor in [*model.parameters(), *model.buffers()] if not is_lazy(tensor)), None)
    device = torch.device("cpu") if first is None else first.device
    with unchanged_random_state(device), unchanged_modes(model), torch.no_grad():
        logits_of(model.eval(), torch.zeros(2, *image_shape, device=device))


def copy_of_lazy(model: nn.Module) -> nn.Module:
    """A copy of a network with lazy layers, which are lazy in it, too."""
    # Of what has no shape, torch copies parameters, but not buffers (the statistics of LazyBatchNorm2d).
    made: dict[int, Any] = {
        id(buffer): UninitializedBuffer(device=buffer.device, dtype=buffer.dtype)  # type: ignore[call-arg]
        for buffer in model.buffers()
        if is_lazy(buffer)
    }
    return copy.deepcopy(model, made)


def has_lazy(model: nn.Module) -> bool:
    """Whether weights of the network have no shape yet.

    >>> has_lazy(nn.LazyLinear(2)), has_lazy(nn.Linear(3, 2))
    (True, False)
    """
    return any(is_lazy(tensor) for tensor in [*model.parameters(), *model.buffers()])


def told(error: Exception) -> str:
    """An error of the user's code in one line: kind, message, and where in that code.

    >>> told(ValueError("odd\\n  number"))
    'ValueError: odd number.'
    """
    message = " ".join(str(error).split())
    message = message if len(message) <= LONGEST else message[: LONGEST - 3] + "..."
    where = place(error)
    said = f"{type(error).__name__}: {message}" if message else type(error).__name__
    return f"{said.rstrip('.')}{f' ({where})' if where else ''}."


def place(error: Exception) -> str:
    """FILE:LINE of the innermost line of the user's code that was at work, "" where none was."""
    torchs, ours = Path(torch.__file__).parent, Path(__file__).parents[1]
    standard = Path(sysconfig.get_paths()["stdlib"])
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if path.is_relative_to(ours):
            return ""
        installed = "site-packages" in path.parts or "dist-packages" in path.parts
        library = path.is_relative_to(standard) and not installed
        if not (library or path.is_relative_to(torchs) or frame.filename.startswith("<")):
            here = Path.cwd()
            return f"{path.relative_to(here) if path.is_relative_to(here) else path}:{frame.lineno}"
    return ""


def out_of_memory(error: Exception) -> bool:
    """Whether that is what torch, or Python, says: of the GPU's memory or the machine's."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "DefaultCPUAllocator" in str(error)
