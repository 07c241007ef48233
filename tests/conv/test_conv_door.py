"""The door of fieldmark.conv: what it offers, that it costs nothing, and that it says what it has."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
import types

import pytest

from fieldmark import conv
from fieldmark.conv.problem import Algorithm
from fieldmark.families import resolve


def test_importing_it_imports_neither_torch_nor_numpy():
    code = "import sys, fieldmark.conv as c; dir(c); c.ALGORITHMS; print({'torch', 'numpy'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_every_name_is_there_stays_itself_and_is_documented():
    assert conv.__all__ == sorted(set(conv.__all__))
    assert dir(conv) == conv.__all__
    for module in pkgutil.iter_modules(conv.__path__, "fieldmark.conv."):
        importlib.import_module(module.name)  # must hide no function of the same name
    for name in conv.__all__:
        found = getattr(conv, name)
        assert found is getattr(conv, name)
        assert isinstance(found, types.ModuleType) == (name == "kernels")
        assert found.__doc__
        if isinstance(found, types.FunctionType):
            assert found.__name__ == name


def test_a_name_that_is_not_there_lists_those_that_are():
    with pytest.raises(AttributeError, match=r"no attribute 'convolve2d'.*conv2d.*correlate2d.*kernels"):
        conv.convolve2d  # noqa: B018
    assert not hasattr(conv, "__wrapped__")


@pytest.mark.parametrize("name", conv.ALGORITHMS)
def test_algorithms_are_algorithms(name):
    assert isinstance(resolve(conv.ALGORITHMS, name, "convolution algorithm"), Algorithm)


def test_auto_is_no_member():
    assert "auto" not in conv.ALGORITHMS
