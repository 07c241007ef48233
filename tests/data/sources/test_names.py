"""Names: numbers by value, and what is never a class."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldmark.data.sources.names import is_junk, listed, natural_key, natural_order


def test_folders_named_1_to_64_stand_in_the_order_of_their_numbers():
    names = [str(number) for number in range(1, 65)]
    assert natural_order(sorted(names)) == tuple(names)


@pytest.mark.parametrize(
    "names",
    [
        ["2", "10"],
        ["cat 2", "cat 10", "cat 10 b"],
        ["1.9", "1.10"],
        ["Apple", "banana", "Cherry"],
        ["007", "7", "8"],
        ["A", "a", "B"],
        ["x", "x1", "xy"],
    ],
)
def test_natural_order(names):
    assert list(natural_order(reversed(names))) == names


@settings(deadline=None, max_examples=200)
@given(st.lists(st.text(max_size=12), max_size=12), st.randoms())
def test_any_names_have_one_order(names, random):
    order = natural_order(names)
    random.shuffle(names)
    assert natural_order(names) == order
    assert len(order) == len(set(names))


@settings(deadline=None, max_examples=100)
@given(st.integers(0, 10**12), st.integers(0, 10**12))
def test_numbers_go_by_value(one, two):
    assert (natural_key(f"a{one}") < natural_key(f"a{two}")) == (one < two)


@pytest.mark.parametrize(
    "name", [".DS_Store", ".ipynb_checkpoints", "__MACOSX", "Thumbs.db", "._cat.jpg", ".hidden"]
)
def test_what_systems_leave_behind_is_junk(name):
    assert is_junk(name)


def test_long_lists_are_cut_short():
    assert listed(range(7)) == "0, 1, 2, 3, 4 and 2 more"
    assert listed([]) == ""
