from pathlib import Path

import pytest
import torch

from fieldmark.errors import UserError
from fieldmark.models import MODELS, create
from fieldmark.recipe import Recipe
from fieldmark.training.augmentation import build
from fieldmark.training.presets import PRESETS, RECIPES, find_recipe, fitted, preset


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
    with torch.device("meta"):
        create(model, 3, 3, 32, init=recipe.init, **recipe.options)


def test_networks_without_batch_norm_get_none_of_its_high_rates() -> None:
    for model in sorted(MODELS):
        recipe = preset(model)
        with torch.device("meta"):
            network = create(model, 3, 3, 32)
        normalised = any(isinstance(layer, torch.nn.BatchNorm2d) for layer in network.modules())
        assert PRESETS[model] != "convolutional" or normalised, model
        assert PRESETS[model] != "plain" or not normalised, model
        assert recipe.optimizer == "adamw" or recipe.learning_rate <= 0.3, model


def test_mirrored_digits_are_other_digits() -> None:
    for model in ("lenet", "digits"):
        assert "mirror" not in str(preset(model).augment)


def test_a_model_of_ones_own_takes_the_careful_preset() -> None:
    assert preset("my.nets:make").replace(model="baseline") == find_recipe("own")


def test_a_small_set_gets_smaller_batches_and_sgd_a_lower_rate() -> None:
    own = preset("deep")
    small = fitted(own, 160)
    assert small.batch_size == 20
    assert small.learning_rate == pytest.approx(own.learning_rate * 20 / own.batch_size, rel=0.01)
    assert fitted(preset("digits"), 160).learning_rate == preset("digits").learning_rate, "not in AdamW"
    assert fitted(own, 100_000) == own
    assert fitted(own, 3).batch_size == 2


def test_what_was_given_is_kept_even_where_it_is_the_presets_value() -> None:
    own = preset("deep")
    assert fitted(own, 160, given={"batch_size"}) == own
    small = fitted(own, 160, given={"learning_rate", "epochs"})
    assert (small.batch_size, small.learning_rate) == (20, own.learning_rate)
    assert fitted(own.replace(learning_rate="find"), 160).learning_rate == "find"


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
