"""Starting from trained weights: a run, a classifier folder, a safetensors file, a state_dict file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import safetensors.torch
from torch import Tensor, nn

from fieldmark.errors import ClassifierError
from fieldmark.models import is_own
from fieldmark.shipping.classifier import Classifier
from fieldmark.shipping.unpacking import check_unaltered, described
from fieldmark.weights.first_weights import Fill, Origin
from fieldmark.weights.pickle_reader import first_line
from fieldmark.weights.pickles import as_safetensors

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

    The latter is read by a process of its own, so nothing in it can run or hurt this one. Raises
    ClassifierError.
    """
    path = weights_file(path)
    file = path if path.suffix == ".safetensors" else as_safetensors(path)
    try:
        weights = safetensors.torch.load_file(file)
    except Exception as error:  # the reader promises one error of its own, and raises others for odd headers
        raise ClassifierError(f"{path} cannot be read as weights: {first_line(error)}") from error
    return {name.removeprefix("module."): tensor for name, tensor in weights.items()}


def start_from(path: Path, note: Callable[[str], None]) -> Fill:
    """A function that puts the weights of `path` into a fresh network, given it and whether its head is new.

    Everything must fit by name and shape, save the head: where its shape differs (other classes), it starts
    fresh, too. A fresh head is said in a note. Raises ClassifierError, naming the first tensors that do not
    fit.
    """
    weights = read_weights(path)

    def fill(model: nn.Module, fresh_head: bool) -> None:
        own = model.state_dict()
        differing = [n for n, tensor in weights.items() if n in own and own[n].shape != tensor.shape]
        head = [name for name in own if name.startswith("head.")]
        fresh = head if fresh_head or any(name in head for name in differing) else []
        missing = [name for name in own if name not in weights and name not in fresh]
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

    return fill


def trained_here(path: Path, note: Callable[[str], None]) -> Origin:
    """The weights of a run, a classifier folder or a file of ours."""
    check_unaltered(path)
    known = described(path)
    if known is not None and not is_own(known.model):
        Classifier.load(path)  # its options fit its weights: they make no network larger than these
    fill = start_from(path, note)
    if known is None:
        return Origin(str(path), fill)
    return Origin(str(path), fill, known.preprocessing, known.model, known.options, known.classes)
