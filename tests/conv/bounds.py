"""How far from the true result rounding may take each algorithm's."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import torch
from conv.problems import Case, by_torch

from fieldmark.conv.algorithms.fourier import BOUND
from fieldmark.conv.algorithms.winograd import error_bound, unsupported

FOURIER = ("fft", "overlap_add", "overlap_save")
WINOGRAD = ("winograd", "winograd4")


def bound(algorithm: str, case: Case) -> np.ndarray:
    """The largest |y - true result| that the algorithm promises, element by element.

    A new algorithm is held to the bound of a plain sum until it is named here; `auto` to the loosest of those
    that it may take, Winograd's filters in double precision among them.
    """
    if algorithm in FOURIER:
        return fourier_bound(case)
    if algorithm in WINOGRAD:
        return winograd_bound(algorithm, case)
    if algorithm == "auto":
        loosest = np.maximum(sum_bound(case), fourier_bound(case))
        double = case.problem.dtype in (torch.float64, torch.complex128)
        if double and unsupported(case.problem) is None:
            loosest = np.maximum(loosest, winograd_bound("winograd4", case))
        return loosest
    return sum_bound(case)


def sum_bound(case: Case) -> np.ndarray:
    """gamma_n * (|x| correlated with |w|), n products to a sum and one more term for the bias."""
    terms = math.prod(case.w.shape[1:]) + (case.bias is not None)
    return rounding(terms, case.problem.dtype) * magnitude(case)


def fourier_bound(case: Case) -> np.ndarray:
    """c * eps * log2(n) * ||x||_2 * ||w||_2 with n points in a transform (`fourier.BOUND` is c).

    The norms are those of the channels of a group of a picture, and of an output channel's kernel. No
    transform is longer than twice the padded input on each axis; a bias is added in one more rounding.
    """
    problem = case.problem
    eps = torch.finfo(problem.dtype).eps
    points = math.prod(2 * n for n in problem.padded)
    x = (
        case.x.abs()
        .double()
        .reshape(problem.batch, problem.groups, 1, math.prod(case.x.shape[1:]) // problem.groups)
    )
    w = case.w.abs().double().reshape(1, problem.groups, problem.out_channels // problem.groups, -1)
    norms = (x.norm(dim=-1) * w.norm(dim=-1)).reshape(
        problem.batch, problem.out_channels, *[1] * problem.axes
    )
    transformed = BOUND * eps * math.log2(points) * norms.numpy()
    return transformed if case.bias is None else transformed + eps * magnitude(case)


def winograd_bound(algorithm: str, case: Case) -> np.ndarray:
    """That of the matrices (`winograd.error_bound`); a bias is added in one more rounding."""
    tile = {"winograd": 2, "winograd4": 4}[algorithm]
    transformed = error_bound(case.x, case.w, case.problem, tile).numpy()
    return (
        transformed
        if case.bias is None
        else transformed + torch.finfo(case.problem.dtype).eps * magnitude(case)
    )


def gamma(n: int, dtype: torch.dtype) -> float:
    """n*u / (1 - n*u) with the unit roundoff u = eps/2 (Higham 2002, section 3.1)."""
    u = torch.finfo(dtype).eps / 2
    return n * u / (1 - n * u)


def rounding(terms: int, dtype: torch.dtype) -> float:
    """What a sum of `terms` products may be off by, in any order, relative to the sum of their magnitudes.

    Real: gamma_n. Complex: each part is a sum of 2n real products, so sqrt(2) * gamma_2n; or three real sums
    (PyTorch: a = xr*wr, b = xi*wi, c = (xr + xi)*(wr + wi), the result a - b and c - a - b), whose parts are
    within gamma_(n+1) and 3 * gamma_(n+4), so sqrt(10) * gamma_(n+4).
    """
    if not dtype.is_complex:
        return gamma(terms, dtype)
    return max(math.sqrt(2) * gamma(2 * terms, dtype), math.sqrt(10) * gamma(terms + 4, dtype))


def magnitude(case: Case) -> np.ndarray:
    """|x| correlated with |w|, plus |bias|."""
    return by_torch(absolute(case)).numpy() * (1 + 1e-9)


def absolute(case: Case) -> Case:
    """The case with the absolute values of its numbers, in float64."""
    return replace(
        case,
        problem=replace(case.problem, dtype=torch.float64),
        x=case.x.detach().abs().double(),
        w=case.w.detach().abs().double(),
        bias=None if case.bias is None else case.bias.abs().double(),
    )
