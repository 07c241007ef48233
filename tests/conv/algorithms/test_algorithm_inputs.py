"""Arrays and tensors as they come: any layout in memory, none of it changed, nothing of it in the result."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from conv.bounds import bound
from conv.problems import EVERY_ALGORITHM, Case, call, case_of, error, refusal, taken
from numpy.lib.stride_tricks import as_strided

from fieldmark import conv
from fieldmark.conv.problem import EXACT_TYPES, Problem

every_algorithm = pytest.mark.parametrize("algorithm", EVERY_ALGORITHM)


def spread(array: np.ndarray) -> np.ndarray:
    """Every second place of an array twice as large on each axis, NaN between."""
    larger = np.full([2 * n for n in array.shape], np.nan, array.dtype)
    view = larger[tuple(slice(None, None, 2) for _ in array.shape)]
    view[...] = array
    return view


def field(array: np.ndarray) -> np.ndarray:
    """A field of records: its numbers lie an odd number of bytes apart."""
    records = np.zeros(array.shape, [("letter", "S1"), ("number", array.dtype)])
    records["number"] = array
    return records["number"]


def misplaced(array: np.ndarray) -> np.ndarray:
    """In memory that begins at an odd address."""
    memory = bytearray(b"x" + np.ascontiguousarray(array).tobytes())
    return np.frombuffer(memory, array.dtype, offset=1).reshape(array.shape)


def read_only(array: np.ndarray) -> np.ndarray:
    array = array.copy()
    array.flags.writeable = False
    return array


ARRAYS = {
    "transposed": lambda a: np.ascontiguousarray(a.T).T,
    "negative strides": lambda a: np.flip(np.flip(a).copy()),
    "one negative stride": lambda a: a[..., ::-1].copy()[..., ::-1],
    "every second": spread,
    "every second, backwards": lambda a: np.flip(spread(np.flip(a))),
    "read-only": read_only,
    "big-endian": lambda a: a.astype(a.dtype.newbyteorder(">")),
    "field of a record": field,
    "odd address": misplaced,
    "Fortran order": np.asfortranarray,
}
TENSORS = {
    "transposed": lambda t: t.mT.contiguous().mT,
    "every second": lambda t: torch.from_numpy(spread(t.numpy())),
    "channels last": lambda t: t.movedim(1, -1).contiguous().movedim(-1, 1),
    "offset": lambda t: torch.cat([torch.full((3,), torch.nan, dtype=t.dtype), t.flatten()])[3:].view(
        t.shape
    ),
    "a parameter": torch.nn.Parameter,
    "lazily conjugated": lambda t: t.conj().resolve_conj().conj(),
    "lazily negated": lambda t: torch.complex(torch.zeros_like(t), -t).conj().imag,
}


@pytest.mark.parametrize("layout", ARRAYS)
def test_arrays_in_any_layout(layout):
    algorithm = "auto"  # all of them see the tensor that the array was copied into
    for dtype in (torch.float64, torch.complex64):
        for case in taken(algorithm, dtype):
            x, w = (ARRAYS[layout](values.numpy()) for values in (case.x, case.w))
            y = call(case, algorithm, x, w)
            assert isinstance(y, np.ndarray)
            assert y.dtype == case.x.numpy().dtype
            assert (error(torch.from_numpy(y), case) <= bound(algorithm, case)).all()


@every_algorithm
@pytest.mark.parametrize("layout", TENSORS)
def test_tensors_in_any_layout(algorithm, layout):
    dtype = torch.complex128 if layout == "lazily conjugated" else torch.float64
    for case in taken(algorithm, dtype):
        x, w = TENSORS[layout](case.x), TENSORS[layout](case.w)
        assert torch.equal(x, case.x)
        y = call(case, algorithm, x, w)
        assert (error(y, case) <= bound(algorithm, case)).all()


@every_algorithm
def test_one_number_seen_many_times(algorithm):
    one = np.full(1, 0.5)
    x, w = as_strided(one, (1, 1, 6, 7), (0,) * 4), as_strided(one, (1, 1, 3, 3), (0,) * 4)
    np.testing.assert_allclose(
        conv.correlate2d(x, w, algorithm=algorithm), np.full((1, 1, 4, 5), 2.25), rtol=1e-14
    )
    one = torch.tensor(0.5)
    y = conv.correlate2d(one.expand(1, 1, 6, 7), one.expand(1, 1, 3, 3), algorithm=algorithm)
    torch.testing.assert_close(y, torch.full((1, 1, 4, 5), 2.25))


@every_algorithm
def test_inputs_stay_as_they_were_and_results_are_their_own(algorithm):
    for dtype in EXACT_TYPES:
        problem = Problem(1, 1, 1, (5, 6), (3, 3), padding=((1, 1), (1, 1)), dtype=dtype)
        tasks = (
            [case_of(problem), *taken_identity(algorithm, dtype)]
            if refusal(algorithm, problem) is None
            else []
        )
        for case in tasks:
            x, w, bias = case.x.clone(), case.w.clone(), case.bias
            y = call(case, algorithm)
            first = y.clone()
            second = call(case, algorithm, x=2 * case.x)
            assert torch.equal(y, first)  # no buffer shared by two calls
            y.fill_(7)  # as many numbers of its own as it shows, to write to
            assert (y == 7).all()
            second.fill_(9)
            assert (y == 7).all()
            assert torch.equal(case.x, x)
            assert torch.equal(case.w, w)
            assert case.bias is bias


def taken_identity(algorithm: str, dtype: torch.dtype) -> list[Case]:
    """The picture itself: a kernel of a single 1."""
    problem = Problem(1, 1, 1, (5, 6), (1, 1), dtype=dtype)
    if refusal(algorithm, problem) is not None:
        return []
    return [replace(case_of(problem), w=torch.ones(1, 1, 1, 1, dtype=dtype))]


@every_algorithm
def test_an_array_result_is_its_own_too(algorithm):
    x, w = np.ones((5, 6)), np.ones((3, 3))
    y = conv.correlate2d(x, w, padding=1, algorithm=algorithm)
    assert y.flags.writeable
    y[...] = 7
    assert (x == 1).all()
    assert (w == 1).all()


@every_algorithm
def test_every_leading_axis_is_a_batch(algorithm):
    for case in taken(algorithm):
        problem = case.problem
        if (problem.in_channels, problem.out_channels) != (1, 1):
            one = replace(problem, batch=6, in_channels=1, out_channels=1, groups=1)
            if refusal(algorithm, one) is not None:
                continue
            case = case_of(one)
        else:
            case = case_of(replace(problem, batch=6))
        y = call(case, algorithm, x=case.x.reshape(2, 1, 3, *problem.size), w=case.w[0, 0])
        assert y.shape == (2, 1, 3, *problem.output)
        assert (error(y.reshape(6, 1, *problem.output), case) <= bound(algorithm, case)).all()
        bare = call(case, algorithm, x=case.x[4, 0], w=case.w[0, 0])
        assert bare.shape == problem.output
        torch.testing.assert_close(bare, y[1, 0, 1], rtol=1e-12, atol=1e-12)
        nothing = torch.empty(2, 0, 3, *problem.size, dtype=torch.float64)
        assert call(case, algorithm, x=nothing, w=case.w[0, 0]).shape == (2, 0, 3, *problem.output)


@every_algorithm
def test_a_picture_without_a_batch_axis(algorithm):
    for case in taken(algorithm):
        y = call(case, algorithm, x=case.x[0])
        assert y.shape == (case.problem.out_channels, *case.problem.output)
        torch.testing.assert_close(y, call(case, algorithm)[0], rtol=1e-12, atol=1e-12)


@every_algorithm
def test_an_empty_batch_has_gradients(algorithm):
    for case in taken(algorithm):
        x = torch.empty(0, *case.x.shape[1:], dtype=torch.float64, requires_grad=True)
        w = case.w.clone().requires_grad_()
        y = call(case, algorithm, x=x, w=w)
        assert y.shape == (0, case.problem.out_channels, *case.problem.output)
        of_x, of_w = torch.autograd.grad(y.sum(), (x, w))
        assert of_x.shape == x.shape
        assert torch.equal(of_w, torch.zeros_like(w))


@every_algorithm
def test_nothing_global_is_changed(algorithm):
    def state():
        return (
            torch.get_rng_state().tolist(),
            str(np.random.get_state()),
            torch.get_num_threads(),
            torch.is_grad_enabled(),
            torch.get_default_dtype(),
            torch.are_deterministic_algorithms_enabled(),
            torch.backends.mkldnn.enabled,
            torch.get_float32_matmul_precision(),
        )

    before = state()
    for case in taken(algorithm):
        call(case, algorithm, x=case.x.clone().requires_grad_()).sum().backward()
    assert state() == before


@every_algorithm
def test_the_same_call_gives_the_same_bits(algorithm):
    for case in taken(algorithm, torch.float32):
        assert torch.equal(call(case, algorithm), call(case, algorithm))
