from __future__ import annotations

import typing
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldmark.cli.values import Wrong, literal, reader
from fieldmark.recipe import Recipe


def read(kind: Any, *words: str) -> Any:
    found = reader(kind)
    assert found is not None
    return found.read(list(words))


@pytest.mark.parametrize(
    ("kind", "words", "value"),
    [
        (int, ["12"], 12),
        (float, ["1e-3"], 0.001),
        (float | Literal["find"], ["0.01"], 0.01),
        (float | Literal["find"], ["find"], "find"),
        (int | None, ["none"], None),
        (int | None, ["3"], 3),
        (str | None, ["Smiling"], "Smiling"),
        (Path, ["a/b"], Path("a/b")),
        (tuple[int, int] | None, ["64"], (64, 64)),
        (tuple[int, int] | None, ["64x48"], (64, 48)),
        (tuple[str, ...] | None, ["airplane", "bird"], ("airplane", "bird")),
        (tuple[str | dict[str, Any], ...], ["none"], ()),
        (tuple[float, ...] | None, ["0.5", ".25", "1"], (0.5, 0.25, 1.0)),
        (tuple[float, ...] | None, ["none"], None),
        (
            dict[str, Any],
            ["width=32", "init=xavier", "fast=true"],
            {"width": 32, "init": "xavier", "fast": True},
        ),
        (dict[str, Any], ["path=a=b"], {"path": "a=b"}),
    ],
)
def test_words_become_the_value_that_their_flag_means(kind: Any, words: list[str], value: Any) -> None:
    assert read(kind, *words) == value


@pytest.mark.parametrize(
    ("kind", "word", "told"),
    [
        (int, "ten", "a whole number"),
        (int, "1.5", "a whole number"),
        (float | Literal["find"], "fnid", "a number or find; got 'fnid'. Closest: find."),
        (Literal["sgd", "adam"], "adm", "one of sgd, adam; got 'adm'. Closest: adam."),
        (int | None, "x", "a whole number or none"),
        (tuple[int, int], "64x", "64x48"),
        (tuple[int, int], "1x2x3", "64x48"),
        (tuple[int, int], "-3", "64x48"),
        (dict[str, Any], "width", "width=32"),
        (tuple[float, ...] | None, "grey", "numbers or none"),
    ],
)
def test_words_that_do_not_fit_say_what_was_got_and_what_is_taken(kind: Any, word: str, told: str) -> None:
    wrong = read(kind, word)
    assert isinstance(wrong, Wrong)
    sentence = wrong.sentence("--flag")
    assert sentence.startswith("--flag takes ")
    assert told in sentence
    assert f"'{word}'" in sentence


def test_a_flag_for_names_needs_at_least_one() -> None:
    assert isinstance(read(tuple[str, ...]), Wrong)
    wrong = read(tuple[str, ...] | None)
    assert wrong.sentence("--classes") == "--classes takes names, one or more, or none; got ''."


def test_every_setting_of_a_recipe_has_a_reader_or_is_a_switch() -> None:
    hints = typing.get_type_hints(Recipe)
    without = [field.name for field in fields(Recipe) if reader(hints[field.name]) is None]
    assert sorted(without) == ["allow_unreadable", "channels_last"]


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 9999), st.integers(1, 9999))
def test_a_size_is_read_back_as_it_was_shown(height: int, width: int) -> None:
    found = reader(tuple[int, int])
    assert found is not None
    assert found.read(found.show((height, width))) == (height, width)


@settings(deadline=None, max_examples=50)
@given(st.text())
def test_any_text_is_a_literal(text: str) -> None:
    literal(text)
