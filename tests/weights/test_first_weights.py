"""What a recipe leaves open is taken from the weights that it starts from."""

from __future__ import annotations

import pytest

from fieldmark.errors import UserError
from fieldmark.recipe import Recipe
from fieldmark.vocabulary import Preprocessing
from fieldmark.weights.first_weights import Origin, completed

KNOWN = Preprocessing((48, 40), 1, (0.25,), (0.5,))
ORIGIN = Origin("runs/a", print, KNOWN, "deep", {"width": 8, "stem": "small"})  # type: ignore[arg-type]


def test_the_pictures_are_prepared_as_the_weights_know_them() -> None:
    notes: list[str] = []
    recipe = completed(Recipe(model="deep"), ORIGIN, notes.append)
    assert recipe == Recipe(
        model="deep",
        options={"width": 8, "stem": "small"},
        image_size=(48, 40),
        channels=1,
        mean=(0.25,),
        std=(0.5,),
    )
    assert notes == []
    assert completed(recipe, ORIGIN, notes.append) == recipe, "a recipe written is the one that is read"
    assert notes == []


def test_what_is_said_stays_and_another_normalisation_is_noted() -> None:
    notes: list[str] = []
    own = Recipe(model="deep", options={"width": 9}, image_size=(32, 32), mean=(0.0,), std=(1.0,))
    recipe = completed(own, ORIGIN, notes.append)
    assert (recipe.image_size, recipe.mean, recipe.std) == ((32, 32), (0.0,), (1.0,))
    assert recipe.options == {"width": 9, "stem": "small"}
    assert notes == ["pictures are normalised by other numbers than those of runs/a, as was asked for."]


def test_options_are_those_of_the_same_model_only() -> None:
    assert completed(Recipe(model="wide"), ORIGIN, print).options == {}


def test_other_channels_are_refused() -> None:
    with pytest.raises(UserError, match=r"channels=3: runs/a was trained on pictures with 1\."):
        completed(Recipe(model="deep", channels=3), ORIGIN, print)


def test_a_bare_file_says_nothing_of_its_pictures_and_that_is_said() -> None:
    notes: list[str] = []
    bare = Origin("weights.pth", print)  # type: ignore[arg-type]
    assert completed(Recipe(), bare, notes.append) == Recipe()
    assert len(notes) == 1
    assert "weights.pth does not say" in notes[0]
    assert "--mean and --std" in notes[0]
    completed(Recipe(mean=(0.5,), std=(0.5,)), bare, notes.append)
    assert len(notes) == 1
