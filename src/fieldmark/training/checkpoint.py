"""Checkpoints: the whole state of a run on disk, never half written."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch

from fieldmark.errors import ClassifierError, TrainingError
from fieldmark.training.state import State

NAME = "last.pt"


def save_checkpoint(state: State, folder: Path) -> None:
    """Write the state to folder/last.pt: beside it first, then renamed, so the old one stays until the new
    is whole.

    Raises TrainingError when the disk does not take it; what was there before is still there.
    """
    target, beside = folder / NAME, folder / (NAME + ".part")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with beside.open("wb") as file:
            torch.save(state.to_document(), file)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)
    except (OSError, RuntimeError) as error:
        beside.unlink(missing_ok=True)
        raise TrainingError(
            f"cannot write the checkpoint {target}: {error}. "
            "Free some disk space, then resume from the last one."
        ) from error


def first_line(error: Exception) -> str:
    """What an error says, without the lines of advice that torch adds; its kind where it says nothing."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def load_checkpoint(folder: Path) -> dict[str, Any]:
    """The document that `save_checkpoint` wrote. Tensors, numbers and text only: nothing in it can run.

    Raises ClassifierError when there is none or it cannot be read.
    """
    path = folder / NAME
    if not path.is_file():
        raise ClassifierError(f"{folder} holds no checkpoint ({NAME}); there is nothing to resume.")
    try:
        document = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a broken file makes torch's reader raise anything, KeyError to UnicodeError
        raise ClassifierError(f"{path} cannot be read: {first_line(error)}") from error
    if not isinstance(document, dict) or "optimizer" not in document:
        raise ClassifierError(f"{path} is not a checkpoint of fieldmark.")
    return document
