"""The errors a person can act on: one line with what was found, where, and what to do."""

from __future__ import annotations


class UserError(ValueError):
    """Something the user gave cannot be used. The command line prints it as one line and exits with 1.

    >>> raise UserError("no such path: photos. Check the spelling.")
    Traceback (most recent call last):
    fieldmark.errors.UserError: no such path: photos. Check the spelling.
    """


class DataError(UserError):
    """The pictures, tables or archives given cannot be used as they are."""


class ClassifierError(UserError):
    """A run or classifier folder is missing, broken or altered."""


class TrainingError(UserError):
    """Training cannot go on: a non-finite loss, no memory, settings that contradict each other."""
