from pathlib import Path

import pytest

from fieldmark.errors import UserError
from fieldmark.models import MODELS, create
from fieldmark.recipe import Recipe
from fieldmark.training.augmentation import build
from fieldmark.training.recipes import PRESETS, RECIPES, find_recipe, preset


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_every_recipe_names_a_model_and_steps_that_exist(name: str) -> None:
    recipe = find_recipe(name)
    assert recipe.model in MODELS
    build(recipe.augment)
    assert Recipe.from_json(recipe.to_json()) == recipe


@pytest.mark.parametrize("model", sorted(MODELS))
def test_every_model_has_a_preset_it_can_be_made_with(model: str) -> None:
    recipe = preset(model)
    assert recipe.model == model
    assert PRESETS[model] in RECIPES
    create(model, 3, 3, 32, init=recipe.init, **recipe.options)


def test_a_model_of_ones_own_takes_the_small_preset() -> None:
    assert preset("my.nets:make").replace(model="baseline") == find_recipe("small")


def test_textbook_recipes_are_as_printed() -> None:
    digits, baseline = find_recipe("textbook-digits"), find_recipe("textbook-baseline")
    assert (digits.optimizer, digits.learning_rate, digits.batch_size, digits.epochs) == (
        "adam",
        0.001,
        64,
        20,
    )
    assert (baseline.optimizer, baseline.learning_rate, baseline.momentum) == ("sgd", 0.01, 0)
    assert (baseline.batch_size, baseline.epochs, baseline.augment) == (64, 100, ())


def test_a_recipe_comes_from_a_file_too(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text(Recipe(model="deep", epochs=3).to_json())
    assert find_recipe(str(path)) == Recipe(model="deep", epochs=3)
    path.write_text("{")
    with pytest.raises(UserError, match=r"mine\.json"):
        find_recipe(str(path))


def test_unknown_names_get_the_closest() -> None:
    with pytest.raises(UserError, match="Closest: digits"):
        find_recipe("digit")
    with pytest.raises(UserError, match="Closest: baseline"):
        preset("baselin")
