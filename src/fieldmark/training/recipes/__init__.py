"""Presets: a recipe per model, chosen on validation pictures, never by data set.

And the textbooks' own recipes.
"""

from __future__ import annotations

from pathlib import Path

from fieldmark.errors import UserError
from fieldmark.families import resolve, unknown
from fieldmark.models import MODELS
from fieldmark.recipe import Recipe

RECIPES = {
    "digits": "fieldmark.training.recipes.digits:digits",
    "textbook-baseline": "fieldmark.training.recipes.textbook:baseline",
    "textbook-digits": "fieldmark.training.recipes.textbook:digits",
    "textbook-mlp": "fieldmark.training.recipes.textbook:mlp",
    "textbook-smiles": "fieldmark.training.recipes.textbook:smiles",
    "smiles": "fieldmark.training.recipes.smiles:smiles",
    "mlp": "fieldmark.training.recipes.mlp:mlp",
    "small": "fieldmark.training.recipes.small:small",
    "deeper": "fieldmark.training.recipes.small:deeper",
    "gentle": "fieldmark.training.recipes.small:gentle",
    "chain": "fieldmark.training.recipes.small:chain",
}
"""Name to "module:function"; the function takes nothing and returns a Recipe."""

PRESETS = dict.fromkeys(MODELS, "small") | {
    "batch_norm": "gentle",
    "deep": "deeper",
    "deep_residual": "chain",
    "digits": "digits",
    "dropout": "gentle",
    "mlp": "mlp",
    "residual": "deeper",
    "smiles": "smiles",
}
"""The recipe each model trains with unless told otherwise."""


def preset(model: str) -> Recipe:
    """The recipe that `model` trains with by default; "small" for a model of the user's own.

    Raises UserError for an unknown model.

    >>> preset("wide").model
    'wide'
    """
    if ":" not in model and model not in MODELS:
        raise UserError(unknown(model, MODELS, "model"))
    made: Recipe = resolve(RECIPES, PRESETS.get(model, "small"), "recipe")()
    return made.replace(model=model)


def find_recipe(name: str) -> Recipe:
    """The recipe called `name`, or in the JSON file `name`.

    Raises UserError when it is neither.
    """
    path = Path(name)
    if path.suffix == ".json" or path.is_file():
        return Recipe.load(path)
    made: Recipe = resolve(RECIPES, name, "recipe")()
    return made
