"""`fm.train`: training from Python, with the settings as keywords."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from torch import nn

from fieldmark.recipe import PUBLIC, Recipe
from fieldmark.runs import sitting
from fieldmark.runs.run import Run
from fieldmark.runs.screen import screen
from fieldmark.runs.suggestion import suggested
from fieldmark.runs.watcher import Quiet, Watcher
from fieldmark.training.augmentation import describe
from fieldmark.vocabulary import Dataset


def train(
    data: Dataset | str | Path,
    recipe: Recipe | None = None,
    *,
    model: str | nn.Module | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    device: str = "auto",
    start_from: str | Path | None = None,
    pretrained: bool | str | Path | None = None,
    progress: Watcher | bool = True,
    **settings: Any,
) -> Run:
    """Train a classifier and write its run folder.

    data: a name such as "mnist", a path, or a Dataset from fm.load. model: an architecture's name, your own
    nn.Module, float (N, C, H, W) to logits (N, K), or module:function that makes it. recipe: None takes the
    preset of the model, or the one for fine-tuning where trained weights are started from; a recipe that is
    given is taken as it is, while the batch size of a preset shrinks with few pictures. start_from: those of
    a run, a classifier folder or a file; a run brings its model along, but no code: name a network of your
    own again. pretrained: published ones, True by the model's name, or a file of them. settings: fields of
    Recipe that replace the recipe's, e.g. epochs=5, augment=["mirror", "crop"]; augmentation steps may be
    names, dicts or the dataclasses of fieldmark.training.augmentation, and image_size one side or
    (height, width).

    Raises UserError when something given cannot be used; then nothing is written.

    >>> import tempfile, fieldmark as fm
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     small = fm.load("sample", limit=300)
    ...     run = fm.train(small, model="digits", epochs=1, batch_size=64, out=folder + "/run")
    ...     run.evaluate("test")["n"]
    1000
    """
    own, name = (model, None) if isinstance(model, nn.Module) else (None, model)
    if own is not None:
        name = f"{type(own).__module__}:{type(own).__qualname__}"
    start = None if start_from is None else Path(start_from)
    if pretrained is not None:
        settings["pretrained"] = PUBLIC if pretrained is True else str(pretrained) if pretrained else None
    chosen = recipe or suggested(name, start, settings.get("pretrained"))
    given = None if recipe is not None else set(settings)
    if isinstance(name, str):
        settings["model"] = name
    if "augment" in settings:
        settings["augment"] = tuple(
            step if isinstance(step, str | dict) else describe(step) for step in settings["augment"]
        )
    if isinstance(settings.get("image_size"), int):  # one side, as fm.load takes it
        settings["image_size"] = (settings["image_size"],) * 2
    for field in ("classes", "image_size", "mean", "std"):
        if isinstance(settings.get(field), list):
            settings[field] = tuple(settings[field])
    with contextlib.ExitStack() as stack:
        if progress is True:
            progress = stack.enter_context(contextlib.closing(screen()))
        return sitting.train_run(
            data,
            chosen.replace(**settings),
            given=given,
            model=model,
            out=None if out is None else Path(out),
            overwrite=overwrite,
            device=device,
            start_from=start,
            progress=progress or Quiet(),
        )
