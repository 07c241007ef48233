"""What a run begins with: the settings that a model, a run or published weights suggest, and the weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from fieldmark.errors import UserError
from fieldmark.models import is_own
from fieldmark.recipe import Recipe
from fieldmark.training.recipes import preset
from fieldmark.training.recipes.finetuning import finetuned

if TYPE_CHECKING:
    from fieldmark.training.origin import Origin
    from fieldmark.vocabulary import Progress


def suggested(model: str | None, start_from: Path | None = None, pretrained: str | None = None) -> Recipe:
    """The settings to take where nothing else is said.

    Without trained weights that is the preset of `model`; with them, the one for fine-tuning. A run or
    classifier to start from brings its model, options and resize rule, unless another `model` is named.
    Raises UserError for an unknown model and for a broken run.

    >>> suggested("digits").learning_rate, suggested("digits", pretrained="public").freeze
    (0.003, 1)
    """
    if start_from is None:
        made = preset(model or Recipe.model)
        return made if pretrained is None else finetuned(made.model).replace(pretrained=pretrained)
    trained = _trained(start_from)
    if trained is None or model not in (None, trained.model):
        return finetuned(model or Recipe.model)
    return finetuned(trained.model).replace(options=trained.options, resize=trained.resize)


def _trained(path: Path) -> Recipe | None:
    """What is known of how the network in `path` was made; None for a bare file of weights."""
    from fieldmark.shipping.unpacking import described

    path = path.expanduser()
    recipe = Recipe.load(path / "recipe.json") if (path / "recipe.json").is_file() else None
    description = described(path)
    if description is None:
        return recipe
    resize = description.preprocessing.resize
    return (recipe or Recipe()).replace(model=description.model, options=description.options, resize=resize)


def origin_of(
    recipe: Recipe, start_from: Path | None, note: Callable[[str], None], progress: Progress | None = None
) -> Origin | None:
    """The weights to start from: of a run, a classifier, a file, or published ones; None for fresh ones.

    Raises UserError when both kinds are asked for, and when what is named cannot be used.
    """
    from fieldmark.training.pretrained import public_origin

    if recipe.pretrained is not None:
        if start_from is not None:
            raise UserError(f"start from {start_from}, or from published weights (pretrained): not both.")
        if is_own(recipe.model):
            raise UserError(
                f"published weights go into fieldmark's own networks, not into {recipe.model}. Load them in "
                "your own code, or start from a file of them."
            )
        return public_origin(recipe.model, recipe.pretrained, progress)
    return None if start_from is None else _trained_here(start_from, note)


def _trained_here(path: Path, note: Callable[[str], None]) -> Origin:
    """The weights of a run, a classifier folder or a file of ours."""
    from fieldmark.shipping.classifier import Classifier
    from fieldmark.shipping.unpacking import check_unaltered, described
    from fieldmark.training.origin import Origin
    from fieldmark.training.starting import start_from

    check_unaltered(path)
    known = described(path)
    if known is not None and not is_own(known.model):
        Classifier.load(path)  # its options fit its weights: they make no network larger than these
    fill = start_from(path, note)
    if known is None:
        return Origin(str(path), fill)
    return Origin(str(path), fill, known.preprocessing, known.model, known.options, known.classes)
