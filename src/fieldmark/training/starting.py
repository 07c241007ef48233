"""Starting from trained weights: a run, a classifier folder, a safetensors file, a state_dict file."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor, nn

from fieldmark.errors import ClassifierError
from fieldmark.training.checkpoint import first_line

WEIGHTS = "weights.safetensors"


def weights_file(path: Path) -> Path:
    """The file that holds the weights of `path`: itself, or inside a run or classifier folder.

    Raises ClassifierError, naming the path, when there is none.
    """
    if path.is_file():
        return path
    for candidate in (path / WEIGHTS, path / "classifier" / WEIGHTS):
        if candidate.is_file():
            return candidate
    if path.exists():
        raise ClassifierError(
            f"{path} holds no {WEIGHTS}; give a run, a classifier folder or a weights file."
        )
    raise ClassifierError(f"no such path: {path}.")


def read_weights(path: Path) -> dict[str, Tensor]:
    """Name to tensor, on the CPU, from .safetensors, or from a state_dict that torch.save wrote.

    The latter goes through `weights_only`, so nothing in it can run. Raises ClassifierError.
    """
    path = weights_file(path)
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        document = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ClassifierError(
            f"{path} holds more than plain weights, and nothing but weights is loaded. "
            "Save it with torch.save(model.state_dict(), file)."
        ) from error
    except Exception as error:  # a broken file makes torch's reader raise anything, KeyError to UnicodeError
        raise ClassifierError(f"{path} cannot be read as weights: {first_line(error)}") from error
    if isinstance(document, dict) and isinstance(document.get("state_dict"), dict):
        document = document["state_dict"]
    if not isinstance(document, dict) or not all(isinstance(value, Tensor) for value in document.values()):
        raise ClassifierError(f"{path} is not a state_dict (a dict from parameter names to tensors).")
    return {name.removeprefix("module."): tensor for name, tensor in document.items()}


def start_from(path: Path, note: Callable[[str], None]) -> Callable[[nn.Module], None]:
    """A function that puts the weights of `path` into a fresh model.

    Everything must fit by name and shape, save the head: where its shape differs (other classes), the head
    stays fresh and a note says so. Raises ClassifierError, naming the first tensors that do not fit.
    """
    weights = read_weights(path)

    def apply(model: nn.Module) -> None:
        own = model.state_dict()
        differing = [n for n, tensor in weights.items() if n in own and own[n].shape != tensor.shape]
        fresh = [name for name in differing if name.startswith("head.")]
        missing = [name for name in own if name not in weights]
        left_over = [name for name in weights if name not in own]
        wrong = [name for name in differing if name not in fresh]
        for names, what in (
            (missing, "lacks"),
            (left_over, "has no place for"),
            (wrong, "has another shape for"),
        ):
            if names:
                raise ClassifierError(
                    f"{path} does not fit this model: it {what} {', '.join(names[:3])}"
                    f"{f' and {len(names) - 3} more' if len(names) > 3 else ''}. "
                    "Use the model and options the weights were trained with."
                )
        if fresh:
            note(f"the head starts fresh: {path} was trained for other classes.")
        model.load_state_dict({n: t for n, t in weights.items() if n not in fresh}, strict=False)

    return apply
