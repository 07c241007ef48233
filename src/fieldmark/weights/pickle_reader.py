"""Turn a file that torch.save wrote into safetensors; `main` is what a process of its own runs.

torch reads with `weights_only`, so that nothing in the file can run. But a file of a few kilobytes may ask
for terabytes, or crash the reader: the process may take only so much memory, and whoever starts it gives it
only so much time (`fieldmark.weights.pickles`). What is wrong is printed in one line, exit code 1.
"""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Sequence
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor

from fieldmark.errors import ClassifierError

TIMES, SLACK = 5, 2**29  # bytes of memory: the tensors as read, as copied, as written, and what is in between
REPEATED, SPARE = 4, 2**20
"""How much more than the file its tensors may take: weights that share memory are told apart."""


def tensors_in(source: Path) -> dict[str, Tensor]:
    """Name to tensor, on the CPU, contiguous, each with memory of its own, from a state_dict file.

    Also one that holds it under "state_dict" or "model", beside other things. Raises ClassifierError for
    anything else, and for tensors that are much larger than the file.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what torch warns of is no reason that the file cannot be read
            document = torch.load(source, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ClassifierError(
            f"{source} holds more than plain weights, and nothing but weights is loaded. "
            "Save it with torch.save(model.state_dict(), file)."
        ) from error
    except Exception as error:  # a broken file makes torch's reader raise anything, KeyError to UnicodeError
        raise ClassifierError(f"{source} cannot be read as weights: {first_line(error)}") from error
    for key in ("state_dict", "model"):
        if isinstance(document, dict) and isinstance(document.get(key), dict):
            document = document[key]
    if not isinstance(document, dict) or not all(map(_plain, document.items())):
        raise ClassifierError(f"{source} is not a state_dict (a dict from parameter names to tensors).")
    if sum(map(_bytes, document.values())) > REPEATED * source.stat().st_size + SPARE:
        raise ClassifierError(f"{source} asks for far more memory than it fills, so it is not read.")
    whole = torch.contiguous_format
    return {name: tensor.detach().clone(memory_format=whole) for name, tensor in document.items()}


def limit_memory(size: int) -> None:
    """Let this process take TIMES * size + SLACK bytes more than it has, where the system has such limits."""
    try:
        import resource

        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except (ImportError, OSError):  # Windows has no resource, macOS no /proc
        return
    most = pages * resource.getpagesize() + TIMES * size + SLACK
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def main(words: Sequence[str]) -> int:
    """Read words[0], write words[1]; the exit code."""
    source, target = Path(words[0]), Path(words[1])
    torch.set_num_threads(1)
    try:
        limit_memory(source.stat().st_size)
        safetensors.torch.save_file(tensors_in(source), target, {"source": str(source.resolve())})
    except (ClassifierError, OSError) as error:
        print(error)
        return 1
    except (MemoryError, RuntimeError, safetensors.SafetensorError) as error:
        print(f"{source} cannot be read as weights: {first_line(error)}")
        return 1
    return 0


def first_line(error: Exception) -> str:
    """What an error says, without the lines of advice that torch adds; its kind where it says nothing."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def _plain(item: tuple[object, object]) -> bool:
    name, tensor = item
    return (
        isinstance(name, str)
        and isinstance(tensor, Tensor)
        and tensor.layout == torch.strided
        and not tensor.is_quantized
    )


def _bytes(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()
