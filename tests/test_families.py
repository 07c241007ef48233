"""Names that stand for functions, imported on use; an unknown one names the choices."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldmark.errors import UserError
from fieldmark.families import resolve, unknown

FAMILY = {"root": "math:sqrt", "digits": "fieldmark.models.digits:Digits", "later": "a_family_member:make"}


def test_a_name_stands_for_its_function():
    assert resolve(FAMILY, "root", "function")(9.0) == 3.0


def test_a_member_is_imported_when_it_is_used_and_not_before(tmp_path, monkeypatch):
    (tmp_path / "a_family_member.py").write_text("def make():\n    return 'made'\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    resolve(FAMILY, "root", "function")
    assert "a_family_member" not in sys.modules
    assert resolve(FAMILY, "later", "function")() == "made"
    del sys.modules["a_family_member"]


@pytest.mark.parametrize(("name", "closest"), [("digit", "digits"), ("Digits", "digits"), ("rot", "root")])
def test_an_unknown_name_gets_the_closest_and_all(name, closest):
    with pytest.raises(UserError) as caught:
        resolve(FAMILY, name, "model")
    assert str(caught.value) == f"'{name}' is not a model. Closest: {closest}. All: root, digits, later."


def test_nothing_close_is_not_guessed():
    assert unknown("xyzzy", ["crow", "swan"], "class") == "'xyzzy' is not a class. All: crow, swan."
    assert unknown(7, [1, 2], "number") == "'7' is not a number. All: 1, 2."


@settings(deadline=None, max_examples=50)
@given(st.text(min_size=1), st.lists(st.text(min_size=1), min_size=1, max_size=5))
def test_every_choice_is_named_and_only_choices_are_suggested(name, choices):
    sentence = unknown(name, choices, "thing")
    assert sentence.endswith(f"All: {', '.join(choices)}.")
    _, _, rest = sentence.partition("is not a thing.")
    if rest.startswith(" Closest: "):
        assert any(rest.startswith(f" Closest: {choice}. All: ") for choice in choices)


def test_capitals_do_not_hide_the_closest() -> None:
    assert "Closest: mnist." in unknown("MNIST", ["cifar10", "mnist"], "data set")
    assert "Closest: ResNet." in unknown("resnet", ["ResNet", "VGG"], "model")
