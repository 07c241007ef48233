"""The settings that a model, a run to start from, or published weights suggest."""

from __future__ import annotations

from pathlib import Path

from fieldmark.recipe import Recipe
from fieldmark.training.presets import preset
from fieldmark.training.presets.finetuning import finetuned


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
