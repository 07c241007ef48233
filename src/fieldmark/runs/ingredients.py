"""Before a run: its pictures, its weights, and a recipe in which nothing is left open."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from pathlib import Path

from torch import nn

from fieldmark.data.load import load
from fieldmark.data.pixels.channels import dataset_to_channels
from fieldmark.errors import UserError
from fieldmark.models import about, is_own, settled
from fieldmark.models.building import Maker
from fieldmark.models.stems import SMALL_BELOW
from fieldmark.recipe import PUBLIC, Recipe
from fieldmark.runs.watcher import Watcher
from fieldmark.training.augmentation import build
from fieldmark.training.presets import fitted
from fieldmark.vocabulary import Dataset
from fieldmark.weights import origin_of
from fieldmark.weights.first_weights import Origin, completed

DEFAULT_SIZE = 32  # pixels, for a model of the user's own, of which no published size is known

SETTINGS = frozenset(field.name for field in dataclasses.fields(Recipe))


def prepare(
    data: Dataset | str | Path,
    recipe: Recipe,
    given: Collection[str] | None,
    model: nn.Module | Maker | None,
    start_from: Path | None,
    display: Watcher,
) -> tuple[Dataset, Recipe, Origin | None]:
    """The pictures, the recipe as it will be used, and the trained weights to start from, if any.

    What the recipe leaves open is settled, by the weights to start from, the number and the size of the
    pictures, and said in notes. What is `given` (None: everything) is never changed. Raises UserError when
    something given cannot be used.
    """
    given = SETTINGS if given is None else given
    if recipe.pretrained not in (None, PUBLIC):  # another folder may be the current one next time
        recipe = recipe.replace(pretrained=str(Path(str(recipe.pretrained)).expanduser().resolve()))
    origin = origin_of(recipe, start_from, display.note, display.stage)
    if origin is not None:
        recipe = completed(recipe, origin, display.note)
    if isinstance(data, Dataset):
        dataset, recipe = as_loaded(data, recipe, given, display)
    else:
        dataset = load_for(data, recipe, display)
    asked = recipe
    recipe = fitted(recipe, len(dataset.train), given)
    if recipe != asked:
        display.note(
            f"few pictures ({len(dataset.train)} to train on): batches of {recipe.batch_size} instead of the "
            f"preset's {asked.batch_size}, learning rate {recipe.learning_rate}. --batch-size overrides."
        )
    if model is None and not is_own(recipe.model):
        recipe = with_stem(recipe, dataset.image_size, display)
    if origin is not None:
        display.note(starting(recipe, origin))
    return dataset, recipe, origin


def load_for(data: str | Path, recipe: Recipe, display: Watcher) -> Dataset:
    """The data set a recipe trains on: its classes, splits and picture size."""
    return load(
        data,
        classes=recipe.classes,
        label=recipe.label,
        file_column=recipe.file_column,
        split_column=recipe.split_column,
        group=recipe.group,
        allow_unreadable=recipe.allow_unreadable,
        limit=recipe.limit,
        image_size=recipe.image_size,
        default_size=DEFAULT_SIZE if is_own(recipe.model) else about(recipe.model).published_size,
        resize=recipe.resize,
        val=recipe.val,
        test=recipe.test,
        seed=recipe.seed,
        margin=build(recipe.augment).margin,
        channels=recipe.channels,
        progress=display.stage,
    )


def as_loaded(
    dataset: Dataset, recipe: Recipe, given: Collection[str], display: Watcher
) -> tuple[Dataset, Recipe]:
    """A Dataset from memory, with the channels that the recipe wants.

    Its size stays: another one that a preset or trained weights suggest is noted, one that is `given` is
    refused.
    """
    if recipe.channels is not None:
        dataset = dataset_to_channels(dataset, recipe.channels)
    if recipe.image_size not in (None, dataset.image_size):
        assert recipe.image_size is not None
        have, want = ("x".join(map(str, size)) for size in (dataset.image_size, recipe.image_size))
        told = f"the pictures are loaded at {have}, not at {want}: fm.load takes image_size."
        if "image_size" in given:
            raise UserError(told)
        display.note(told)
        recipe = recipe.replace(image_size=dataset.image_size)
    return dataset, recipe


def with_stem(recipe: Recipe, image_size: tuple[int, int], display: Watcher) -> Recipe:
    """The recipe with the stem that suits the pictures, where it leaves it open; a small one is said."""
    options = settled(recipe.model, image_size, recipe.options)
    if options.get("stem") == "small" and recipe.options.get("stem") is None:
        display.note(
            f"stem small: first layer 3x3 stride 1, no early pooling (pictures below {SMALL_BELOW} pixels); "
            "stem=published for the paper's."
        )
    return recipe.replace(options=options)


def starting(recipe: Recipe, origin: Origin) -> str:
    """One line on how a run goes on from trained weights."""
    epochs = "one epoch" if recipe.epochs == 1 else f"{recipe.epochs} epochs"
    steps = [f"{recipe.optimizer} at {recipe.learning_rate}", epochs]
    if recipe.freeze:
        steps.append(f"the head alone for the first {'one' if recipe.freeze == 1 else recipe.freeze}")
    if recipe.layer_decay != 1:
        steps.append(f"each stage at {recipe.layer_decay} of the rate of the one behind it")
    return f"starting from {origin.name}: {', '.join(steps)}. Flags override each."
