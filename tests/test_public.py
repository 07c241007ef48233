"""The public door: what `import fieldmark as fm` offers."""

from __future__ import annotations

import importlib
import pkgutil
import types

import pytest

import fieldmark as fm


def test_every_public_name_stays_itself_after_all_submodules_are_imported() -> None:
    # A package `training` beside a function `train`: importing the one must never hide the other.
    for module in pkgutil.walk_packages(fm.__path__, "fieldmark."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for name in fm.__all__:
        once, again = getattr(fm, name), getattr(fm, name)
        assert once is again
        assert isinstance(once, types.ModuleType) == (name == "conv"), f"fm.{name} turned into a module"


def test_names_are_sorted_and_documented() -> None:
    assert fm.__all__ == sorted(fm.__all__)
    for name in fm.__all__:
        if name != "__version__":
            assert getattr(fm, name).__doc__, name


def test_a_name_that_is_not_there_lists_those_that_are() -> None:
    with pytest.raises(AttributeError, match="train"):
        fm.trian  # noqa: B018
