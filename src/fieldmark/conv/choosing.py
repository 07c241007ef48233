"""Which algorithm `auto` takes."""

from __future__ import annotations

from fieldmark.conv.native import TORCH
from fieldmark.conv.problem import Algorithm, Problem


def automatic(problem: Problem, gradient: bool) -> Algorithm:
    """The algorithm for `problem`; gradient: whether a backward pass will follow.

    >>> automatic(Problem(1, 1, 1, (5, 5), (3, 3)), gradient=False).name
    'torch'
    """
    return TORCH
