"""Recipe: every setting checked, JSON in and out without loss."""

from __future__ import annotations

import dataclasses
import json
import typing
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldmark.errors import UserError
from fieldmark.recipe import Recipe

KINDS = typing.get_type_hints(Recipe)
share = st.floats(0, 0.45)
positive = st.floats(1e-6, 1e3)
names = st.text(min_size=1, max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-100, 100) | st.floats(-9, 9) | names,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(names, inner, max_size=2),
    max_leaves=4,
)
OWN = {
    "options": st.dictionaries(names, values, max_size=3),
    "augment": st.lists(names | st.dictionaries(names, values, max_size=2), max_size=3).map(tuple),
    "classes": st.none() | st.lists(names, min_size=2, max_size=4, unique=True).map(tuple),
    "image_size": st.none() | st.tuples(st.integers(1, 999), st.integers(1, 999)),
    "learning_rate": positive | st.just("find"),
    **dict.fromkeys(("warmup", "momentum", "label_smoothing", "averaging", "val", "test"), share),
    **dict.fromkeys(("weight_decay", "l1", "l2"), st.floats(0, 1)),
    **dict.fromkeys(("max_minutes", "clip"), st.none() | positive),
    **dict.fromkeys(("patience", "limit"), st.none() | st.integers(1, 9999)),
    "layer_decay": st.floats(0.01, 1),
    **dict.fromkeys(("channels", "mean", "std"), st.none()),  # they go together: see below
}


def setting(name: str) -> st.SearchStrategy[Any]:
    """Allowed values of a field."""
    if name in OWN:
        return OWN[name]
    if typing.get_origin(KINDS[name]) is Literal:
        return st.sampled_from(typing.get_args(KINDS[name]))
    by_kind = {bool: st.booleans(), int: st.integers(1, 9999), str: names}
    return by_kind.get(KINDS[name], st.none() | names)


@settings(deadline=None, max_examples=60)
@given(st.fixed_dictionaries({name: setting(name) for name in KINDS}))
def test_any_recipe_survives_json(chosen):
    recipe = Recipe(**chosen)
    assert Recipe.from_json(recipe.to_json()) == recipe


def test_the_fields_are_flat_documented_and_in_the_json_in_order():
    assert list(json.loads(Recipe().to_json())) == [field.name for field in dataclasses.fields(Recipe)]
    assert Recipe.from_json("{}") == Recipe()
    with pytest.raises(dataclasses.FrozenInstanceError):
        Recipe().epochs = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[]", "no JSON object but list"),
        ("null", "but NoneType"),
        ('{"epoch": 3}', r"'epoch' is not a setting of a recipe. Closest: epochs"),
        ('{"epochs": "3"}', r"epochs='3' does not fit; it takes a whole number"),
        ('{"epochs": 3.0}', r"epochs=3.0 does not fit"),
        ('{"epochs": true}', r"epochs=True does not fit"),
        ('{"epochs": null}', r"epochs=None does not fit"),
        ('{"optimizer": "sdg"}', r"optimizer='sdg' does not fit; it takes sgd \| adam \| adamw"),
        ('{"learning_rate": "fast"}', r"it takes a number or find"),
        ('{"channels_last": 1}', r"it takes true or false"),
        (
            '{"image_size": [32]}',
            r"image_size=\(32,\) does not fit; it takes a list of 2 \(a whole number\) or none",
        ),
        ('{"classes": "cat"}', r"classes='cat' does not fit; it takes a list of \(text\)"),
        ('{"classes": [1, 2]}', r"classes=\(1, 2\) does not fit"),
        ('{"augment": [3]}', r"augment=\(3,\) does not fit"),
        ('{"options": []}', r"options=\[\] does not fit; it takes an object"),
    ],
)
def test_json_that_is_no_recipe_says_what_would_be(text, message):
    with pytest.raises(UserError, match=message) as caught:
        Recipe.from_json(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 0}, r"epochs=0 is too small; at least 1"),
        ({"batch_size": -3}, r"batch_size=-3 is too small"),
        ({"accumulate": 0}, r"accumulate=0"),
        ({"limit": 0}, r"limit=0"),
        ({"patience": 0}, r"patience=0"),
        ({"seed": -1}, r"seed=-1 is too small; at least 0"),
        ({"momentum": 1.0}, r"momentum=1.0 is outside 0 <= momentum < 1"),
        ({"label_smoothing": -0.1}, r"label_smoothing=-0.1"),
        ({"averaging": float("nan")}, r"averaging=nan"),
        ({"weight_decay": -1e-4}, r"weight_decay=-0.0001 must not be negative"),
        ({"l2": float("inf")}, r"l2=inf"),
        ({"learning_rate": 0.0}, r"learning_rate=0.0 must be above 0"),
        ({"learning_rate": float("nan")}, r"learning_rate=nan"),
        ({"max_minutes": -1.0}, r"max_minutes=-1.0 must be above 0"),
        ({"clip": 0}, r"clip=0 must be above 0"),
        ({"image_size": (0, 32)}, r"image_size=\(0, 32\) must be above 0"),
        ({"val": 0.6, "test": 0.4}, r"val=0.6 and test=0.4 leave nothing to train on"),
        ({"freeze": -1}, r"freeze=-1 is too small; at least 0"),
        ({"layer_decay": 0.0}, r"layer_decay=0.0 is outside 0 < layer_decay <= 1"),
        ({"layer_decay": 1.5}, r"layer_decay=1.5"),
        ({"pretrained": ""}, r"pretrained is empty; it takes public, or a file"),
        ({"channels": 2}, r"channels=2 are neither grey \(1\) nor RGB \(3\)"),
        ({"mean": (0.5,)}, r"give both, or neither"),
        ({"mean": (0.5,), "std": (0.5, 0.5, 0.5)}, r"a number per channel is wanted, 1 or 3 in each"),
        ({"mean": (0.5,), "std": (0.5,), "channels": 3}, r"3 in each"),
        ({"mean": (float("nan"),), "std": (0.5,)}, r"mean=\(nan,\) must be numbers"),
        ({"mean": (0.5,), "std": (0.0,)}, r"std=\(0.0,\) must be above 0"),
        ({"epoch": 3}, r"'epoch' is not a setting of a recipe"),
    ],
)
def test_values_out_of_range_name_the_value_and_the_range(changes, message):
    with pytest.raises(UserError, match=message) as caught:
        Recipe().replace(**changes)
    assert "\n" not in str(caught.value)


def test_a_normalisation_of_its_own_survives_json():
    recipe = Recipe(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), channels=3, pretrained="public")
    assert Recipe.from_json(recipe.to_json()) == recipe


def test_replace_leaves_the_old_recipe_alone():
    old = Recipe()
    assert old.replace(epochs=7).epochs == 7
    assert old == Recipe()


def test_a_recipe_file_is_named_when_it_cannot_be_used(tmp_path):
    path = tmp_path / "recipe.json"
    with pytest.raises(UserError, match=r"recipe\.json cannot be read: No such file"):
        Recipe.load(path)
    path.write_text('{"epochs": 0}')
    with pytest.raises(UserError, match=r"recipe\.json: recipe: epochs=0 is too small"):
        Recipe.load(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match=r"recipe\.json is broken: it is no UTF-8"):
        Recipe.load(path)
    path.write_text(Recipe(epochs=3, classes=("cat", "dog")).to_json())
    assert Recipe.load(path) == Recipe(epochs=3, classes=("cat", "dog"))


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ('{"classes": 5}', "classes=5"),
        ('{"augment": 5}', "augment=5"),
        ('{"classes": ["cat"]}', "at least two"),
        ('{"classes": ["cat", "cat"]}', "at least two different"),
        ('{"model": ""}', "model is empty"),
        ('{"seed": 18446744073709551616}', "seed"),
        ("[" * 100_000, "not JSON"),
        ('{"epochs": ' + "9" * 5000 + "}", "not JSON"),
    ],
)
def test_wrong_documents_get_one_line(document: str, told: str) -> None:
    with pytest.raises(UserError, match=told) as caught:
        Recipe.from_json(document)
    assert "\n" not in str(caught.value)


def test_tuples_inside_come_back_equal() -> None:
    recipe = Recipe(options={"hidden": (32, 16)}, augment=({"name": "zoom", "area": (0.5, 1.0)},))
    assert Recipe.from_json(recipe.to_json()) == recipe


def test_what_json_cannot_hold_is_refused_at_once() -> None:
    with pytest.raises(UserError, match="options"):
        Recipe(options={"net": object()})
