"""The errors for users are one family, so that the command line has one place to catch them."""

from __future__ import annotations

import inspect

import pytest

from fieldmark import errors
from fieldmark.errors import ClassifierError, DataError, TrainingError, UserError


@pytest.mark.parametrize("kind", [DataError, ClassifierError, TrainingError])
def test_every_error_for_users_is_a_user_error(kind):
    with pytest.raises(UserError, match=r"^what was found, where, what to do$"):
        raise kind("what was found, where, what to do")


def test_a_user_error_is_a_value_error_as_python_programs_expect():
    assert issubclass(UserError, ValueError)


def test_there_is_no_other_family():
    kinds = [
        kind for _, kind in inspect.getmembers(errors, inspect.isclass) if kind.__module__ == errors.__name__
    ]
    assert all(issubclass(kind, UserError) for kind in kinds)
