"""Checkpoints: the whole state of a run on disk, sealed, never half written, the one before kept.

A file is a line with the SHA-256 of all that follows, and then a safetensors file: the tensors, and a JSON
document of everything else. There is no pickle in it, so that nothing can run and that reading takes no more
memory than the file fills.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from fieldmark.errors import ClassifierError, UserError
from fieldmark.files import reason, replacing
from fieldmark.training.state import State

NAME, PREVIOUS = "last.pt", "previous.pt"
SEAL = re.compile(rb"fieldmark checkpoint 1 sha256 ([0-9a-f]{64})\n")
DOCUMENT = "document"  # the tensor, uint8, that holds the JSON text

Document = dict[str, Any]


def save_checkpoint(state: State, folder: Path) -> None:
    """Write the state to folder/last.pt, whole or not at all; what stood there becomes folder/previous.pt.

    Args:
        state: a run between two steps.
        folder: made where it is not there yet.

    Raises:
        UserError: the disk does not take it, or a link is in the way; what was there before is still there.
    """
    content = pack(state.to_document())
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot make {folder}: {reason(error)}") from error
    last = folder / NAME
    with replacing(last, inside=folder.parent) as file:
        file.write(b"fieldmark checkpoint 1 sha256 %s\n" % hashlib.sha256(content).hexdigest().encode())
        file.write(content)
        file.flush()
        os.fsync(file.fileno())  # only when the new one is safe may the last one go
        if last.is_file():
            last.replace(folder / PREVIOUS)


def load_checkpoint(folder: Path, note: Callable[[str], None] = lambda text: None) -> Document:
    """The document that `save_checkpoint` wrote last, or the one before where the last is damaged.

    Args:
        folder: where the checkpoints of a run are.
        note: told when it is the one before.

    Raises:
        ClassifierError: there is none, or none is as it was written.
    """
    found = [folder / name for name in (NAME, PREVIOUS) if (folder / name).is_file()]
    if not found:
        raise ClassifierError(f"{folder} holds no checkpoint ({NAME}); there is nothing to resume.")
    try:
        return read_checkpoint(found[0])
    except ClassifierError as error:
        if len(found) == 1:
            raise
        document = read_checkpoint(found[1])
        note(f"{error} Going on from the one before it, {PREVIOUS}.")
        return document


def read_checkpoint(path: Path) -> Document:
    """The document in one file. Raises ClassifierError when it is not as it was written."""
    try:
        with path.open("rb") as file:
            line, content = file.readline(200), file.read()
    except OSError as error:
        raise ClassifierError(f"{path} cannot be read: {reason(error)}") from error
    if line.startswith(b"PK\x03\x04"):  # what torch.save writes, and earlier versions of fieldmark did
        raise ClassifierError(
            f"{path} has no seal, so damage to it would not be noticed: it is of an earlier version of "
            "fieldmark. Start a new run --from this one."
        )
    seal = SEAL.fullmatch(line)
    if seal is None or hashlib.sha256(content).hexdigest().encode() != seal[1]:
        raise ClassifierError(f"{path} is damaged: it is not what fieldmark wrote.")
    try:
        return unpack(content)
    except (safetensors.SafetensorError, LookupError, TypeError, ValueError, RecursionError) as error:
        raise ClassifierError(f"{path} is not a checkpoint of fieldmark.") from error


def pack(document: Document) -> bytes:
    """Nested dicts, lists and tuples of tensors, numbers and text as bytes; every bit comes back.

    >>> unpack(pack({"step": 3, "rates": (0.1, float("inf")), "weights": {0: torch.ones(2)}}))
    {'step': 3, 'rates': (0.1, inf), 'weights': {0: tensor([1., 1.])}}
    """
    tensors: dict[str, Tensor] = {}

    def plain(value: Any) -> Any:
        if isinstance(value, Tensor):
            dense, order = in_memory_order(value)
            tensors[str(len(tensors))] = dense
            return {"tensor": len(tensors) - 1, "order": order}
        if isinstance(value, dict):
            # Pairs, as JSON would turn the optimiser's whole numbers into text.
            return {"dict": [[key, plain(item)] for key, item in value.items()]}
        if isinstance(value, list | tuple):
            return {type(value).__name__: [plain(item) for item in value]}
        return value

    text = json.dumps(plain(document)).encode()
    tensors[DOCUMENT] = torch.frombuffer(bytearray(text), dtype=torch.uint8)
    return safetensors.torch.save(tensors)


def unpack(content: bytes) -> Document:
    """What `pack` was given. Raises SafetensorError, LookupError, TypeError or ValueError for other bytes."""
    tensors = safetensors.torch.load(content)

    def whole(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        if "tensor" in value:
            order = value["order"]
            return tensors[str(value["tensor"])].permute([order.index(axis) for axis in range(len(order))])
        ((kind, items),) = value.items()
        if kind == "dict":
            return {key: whole(item) for key, item in items}
        return {"list": list, "tuple": tuple}[kind](whole(item) for item in items)

    document = whole(json.loads(tensors[DOCUMENT].numpy().tobytes()))
    if not isinstance(document, dict):
        raise TypeError(f"a checkpoint is a dict, not {type(document).__name__}")
    return document


def in_memory_order(tensor: Tensor) -> tuple[Tensor, list[int]]:
    """A copy on the CPU with its axes in the order in which they lie in memory, and that order.

    Fused optimisers walk through memory: a weight that is stored channels_last needs its averages so, too.

    >>> weight = torch.zeros(8, 4, 3, 3).to(memory_format=torch.channels_last)
    >>> dense, order = in_memory_order(weight)
    >>> dense.shape, order
    (torch.Size([8, 3, 3, 4]), [0, 2, 3, 1])
    """
    order = sorted(range(tensor.dim()), key=tensor.stride, reverse=True)
    return tensor.detach().cpu().permute(order).contiguous().clone(), order
