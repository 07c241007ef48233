"""Every algorithm, on every problem it takes, against the exact result, the facts, PyTorch's and SciPy's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from conv.bounds import bound
from conv.problems import (
    BEYOND,
    EVERY_ALGORITHM,
    LARGER,
    by_torch,
    call,
    case_of,
    cases,
    error,
    exact,
    refusal,
    taken,
    wide,
)
from hypothesis import example, given, settings
from scipy import signal

from fieldmark import conv
from fieldmark.conv.problem import Problem
from fieldmark.errors import UserError
from fieldmark.families import resolve

quick = settings(deadline=None, max_examples=50)
every_algorithm = pytest.mark.parametrize("algorithm", EVERY_ALGORITHM)


@quick
@given(cases())
def test_the_two_oracles_agree(case):
    true = by_torch(case)
    assert true.shape == exact(case)[0].shape
    wide = replace(case, problem=replace(case.problem, dtype=true.dtype))
    assert (error(true, case) <= bound("torch", wide)).all()


@every_algorithm
@quick
@example(case_of(BEYOND[0]))
@example(case_of(BEYOND[1]))
@example(case_of(BEYOND[2]))
@given(cases())
def test_every_result_is_within_its_bound_of_the_exact_one(algorithm, case):
    reason = refusal(algorithm, case.problem)
    if reason is not None:
        with pytest.raises(UserError, match=f"algorithm='{algorithm}' does not support this") as caught:
            call(case, algorithm)
        assert reason in str(caught.value)
        return
    y = call(case, algorithm)
    assert y.dtype == case.problem.dtype
    assert y.shape == by_torch(case).shape
    assert (error(y, case) <= bound(algorithm, case)).all()


@every_algorithm
def test_a_plain_3x3_is_taken_in_both_real_types(algorithm):
    for dtype in (torch.float32, torch.float64):
        assert refusal(algorithm, Problem(2, 3, 4, (8, 9), (3, 3), dtype=dtype)) is None


@pytest.mark.parametrize("algorithm", conv.ALGORITHMS)
def test_members_are_called_by_their_name_and_say_what_they_are(algorithm):
    member = resolve(conv.ALGORITHMS, algorithm, "convolution algorithm")
    assert member.name == algorithm
    assert member.summary
    assert all(amount >= 0 for amount in member.work(Problem(2, 3, 4, (8, 9), (3, 3))).values())


EXAMPLES = [  # facts.md, section 1: function, x, kernel, settings, result
    ("conv1d", [1, 3, 2, 4, 5, 6, 1, 3], [1, 0, 3, 1, 2], {"padding": 2}, [5, 14, 16, 26, 24, 34, 19, 22]),
    ("conv1d", [3, 2, 1, 7, 1, 2, 5, 4], [1 / 2, 3 / 4, 1, 1 / 4], {"stride": 2}, [7, 9, 8]),
    (
        "conv2d",
        [[1, 3, 2, 4], [5, 6, 1, 3], [1, 2, 0, 2], [3, 4, 3, 2]],
        [[1, 0, 3], [1, 2, 1], [0, 1, 1]],
        {"padding": 1},
        [[11, 25, 32, 13], [19, 25, 24, 13], [13, 28, 25, 17], [11, 17, 14, 9]],
    ),
    (
        "conv2d",
        [[2, 1, 2], [5, 0, 1], [1, 7, 3]],
        [[0.5, 0.7, 0.4], [0.3, 0.4, 0.1], [0.5, 1, 0.5]],
        {"padding": 1, "stride": 2},
        [[4.6, 1.6], [7.5, 2.9]],
    ),
    ("correlate2d", [[0, 1, 2], [3, 4, 5], [6, 7, 8]], [[0, 1], [2, 3]], {}, [[19, 25], [37, 43]]),
    (
        "correlate2d",
        [[[0, 1, 2], [3, 4, 5], [6, 7, 8]], [[1, 2, 3], [4, 5, 6], [7, 8, 9]]],
        [[[[0, 1], [2, 3]], [[1, 2], [3, 4]]]],
        {},
        [[[56, 72], [104, 120]]],
    ),
]


@every_algorithm
@pytest.mark.parametrize("example", range(len(EXAMPLES)))
def test_the_worked_examples(algorithm, example):
    function, x, kernel, settings_, expected = EXAMPLES[example]
    try:
        y = getattr(conv, function)(x, kernel, **settings_, algorithm=algorithm)
    except UserError as refused:
        assert f"algorithm='{algorithm}' does not support" in str(refused)  # noqa: PT017 - or else compared below
    else:
        assert isinstance(y, np.ndarray)
        assert y.dtype == np.float64
        np.testing.assert_allclose(y, expected, rtol=0, atol=1e-13)


@every_algorithm
@pytest.mark.parametrize(
    ("boundary", "mode"), [("reflect", "reflect"), ("replicate", "edge"), ("circular", "wrap")]
)
def test_boundaries_are_numpys_padding_before_a_valid_correlation(algorithm, boundary, mode):
    for case in taken(algorithm):
        pads = [(0, 0), (0, 0), *case.problem.padding]
        extended = torch.from_numpy(np.pad(case.x.numpy(), pads, mode=mode))
        none = ((0, 0),) * case.problem.axes
        wider = replace(
            case, x=extended, problem=replace(case.problem, size=tuple(extended.shape[2:]), padding=none)
        )
        y = call(case, algorithm, boundary=boundary)
        assert (error(y, wider) <= bound(algorithm, wider)).all()


@every_algorithm
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.complex128])
def test_larger_ones_are_scipys(algorithm, dtype):
    for case in taken(algorithm, dtype, LARGER):
        problem = case.problem
        x, kernel = wide(case.x).numpy()[:, 0], np.flip(wide(case.w).numpy()[0, 0])
        mode = "full" if problem.axes == 1 else "same" if any(map(any, problem.padding)) else "valid"
        true = np.stack([signal.convolve(picture, kernel, mode, method="direct") for picture in x])
        y = call(case, algorithm)
        scipys = replace(case, problem=replace(problem, dtype=wide(case.x).dtype))
        allowed = bound(algorithm, case) + bound("reference", scipys)
        assert y.dtype == dtype
        assert (np.abs(y.numpy() - true[:, None]) <= allowed).all()
