"""The door: what goes in, what comes out, and what is refused, with both shapes and the rule."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from conv.problems import EVERY_ALGORITHM
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from fieldmark import conv
from fieldmark.errors import UserError

quick = settings(deadline=None, max_examples=60)
CORRELATE = {1: conv.correlate1d, 2: conv.correlate2d, 3: conv.correlate3d}
CONVOLVE = {1: conv.conv1d, 2: conv.conv2d, 3: conv.conv3d}


def some(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


# Against NumPy and SciPy


@quick
@given(st.integers(1, 40), st.integers(1, 12), st.integers(0, 99), st.booleans())
def test_one_axis_is_numpys_convolve_and_correlate(n, m, seed, complex_):
    x, w = some(n, seed=seed), some(m, seed=seed + 100)
    if complex_:
        x, w = x + 1j * some(n, seed=seed + 200), w - 1j * some(m, seed=seed + 300)
    close = {"rtol": 1e-12, "atol": 1e-12}
    np.testing.assert_allclose(conv.conv1d(x, w, padding="full"), np.convolve(x, w), **close)
    np.testing.assert_allclose(
        conv.correlate1d(x, w, padding="full"), np.correlate(x, w.conj(), "full"), **close
    )
    if m <= n:
        np.testing.assert_allclose(conv.conv1d(x, w), np.convolve(x, w, "valid"), **close)
        if m % 2:
            np.testing.assert_allclose(conv.conv1d(x, w, padding="same"), np.convolve(x, w, "same"), **close)


@quick
@given(st.integers(5, 12), st.integers(5, 12), st.sampled_from([1, 3, 5]), st.sampled_from([1, 3, 5]))
def test_two_axes_are_scipys_and_same_agrees_on_odd_kernels(height, width, kh, kw):
    x, w = some(height, width), some(kh, kw, seed=1)
    for mode in ("full", "same", "valid"):
        np.testing.assert_allclose(
            conv.conv2d(x, w, padding=mode), signal.convolve2d(x, w, mode), rtol=1e-12, atol=1e-12
        )
        np.testing.assert_allclose(
            conv.correlate2d(x, w, padding=mode), signal.correlate2d(x, w, mode), rtol=1e-12, atol=1e-12
        )
    np.testing.assert_allclose(
        conv.conv2d(x, w, padding="same", boundary="circular"),
        signal.convolve2d(x, w, "same", boundary="wrap"),
        rtol=1e-12,
        atol=1e-12,
    )


def test_three_axes_are_scipys():
    x, w = some(6, 7, 8), some(3, 5, 3, seed=1)
    for mode in ("full", "same", "valid"):
        np.testing.assert_allclose(
            conv.conv3d(x, w, padding=mode),
            signal.convolve(x, w, mode, method="direct"),
            rtol=1e-12,
            atol=1e-12,
        )


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("kernel", [2, 3, 4, 5])
@pytest.mark.parametrize("dilation", [1, 2, 3])
def test_same_is_torchs_for_even_kernels_and_dilation_too(axes, kernel, dilation):
    x, w = some(1, 2, *[13] * axes), some(3, 2, *[kernel] * axes, seed=1)
    pads = [n for _ in range(axes) for n in (dilation * (kernel - 1) // 2, -(-dilation * (kernel - 1) // 2))]
    function = (F.conv1d, F.conv2d, F.conv3d)[axes - 1]
    true = function(F.pad(torch.from_numpy(x), pads), torch.from_numpy(w), dilation=dilation)
    y = CORRELATE[axes](x, w, padding="same", dilation=dilation)
    assert y.shape == (1, 3, *[13] * axes)
    np.testing.assert_allclose(y, true.numpy(), rtol=1e-11, atol=1e-11)


# Types


def test_whole_numbers_are_computed_as_float64_and_do_not_wrap_around():
    bright = np.full((3, 3), 255, np.uint8)
    y = conv.correlate2d(bright, bright)
    assert y.dtype == np.float64
    assert y.tolist() == [[9 * 255 * 255]]
    assert conv.correlate1d([True, True], np.array([True, True])).tolist() == [2.0]
    assert conv.correlate1d(torch.tensor([200, 200], dtype=torch.uint8), torch.tensor([2, 2])).tolist() == [
        800.0
    ]
    assert conv.correlate1d(np.array([2**62], np.uint64), [4]).tolist() == [2.0**64]


@pytest.mark.parametrize("x", ["float32", "float64", "complex64", "complex128", "int16", "bool"])
@pytest.mark.parametrize("w", ["float32", "float64", "complex64", "complex128", "int16", "bool"])
def test_types_are_promoted_as_numpy_does_with_whole_numbers_as_float64(x, w):
    computed = {"int16": "float64", "bool": "float64"}
    expected = np.result_type(computed.get(x, x), computed.get(w, w))
    y = conv.correlate1d(np.ones(4, x), np.ones(2, w), algorithm="torch")
    assert y.dtype == expected
    assert y.tolist() == [2, 2, 2]


def test_arrays_give_arrays_tensors_give_tensors_and_a_tensor_decides():
    assert isinstance(conv.correlate1d(np.ones(3), [1]), np.ndarray)
    assert isinstance(conv.correlate1d((1, 2, 3), [1]), np.ndarray)
    for x, w in ((torch.ones(3), [1, 2]), (torch.ones(3), np.ones(2)), (np.ones(3), torch.ones(2))):
        y = conv.correlate1d(x, w)
        assert isinstance(y, torch.Tensor)
        assert y.dtype == torch.float32
    assert conv.correlate1d(torch.ones(3), torch.ones(2, dtype=torch.float64)).dtype == torch.float64
    assert conv.correlate1d(torch.ones(3), np.array([1, 2]), algorithm="torch").tolist() == [3.0, 3.0]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_pytorchs_alone(dtype):
    x, w = torch.ones(1, 1, 5, 5, dtype=dtype), torch.ones(1, 1, 3, 3, dtype=dtype)
    for algorithm in ("auto", "torch"):
        y = conv.correlate2d(x, w, algorithm=algorithm)
        assert y.dtype == dtype
        assert (y == 9).all()
    with pytest.raises(UserError, match=f"algorithm='reference' does not support.*{str(dtype)[6:]}"):
        conv.correlate2d(x, w, algorithm="reference")


@pytest.mark.parametrize(
    ("x", "names"),
    [
        ("edges.png", "str"),
        (np.array(["a", "b"]), "str"),
        (np.array([None, 1]), "object"),
        (np.ones(3, np.longdouble), "64 bits"),
        ([[1, 2], [3]], "rows differ in length"),
        (None, "object"),
    ],
)
def test_what_holds_no_numbers_is_refused_by_name(x, names):
    with pytest.raises(UserError, match=f"x .*{names}"):
        conv.correlate1d(x, [1, 2])
    with pytest.raises(UserError, match=f"the kernel .*{names}"):
        conv.correlate1d([1.0, 2.0], x)


def test_a_complex_array_beside_a_real_tensor_is_refused():
    with pytest.raises(UserError, match=r"complex.*float32"):
        conv.correlate1d(torch.ones(3), np.array([1j, 2]))
    with pytest.raises(UserError, match=r"complex.*float32"):
        conv.correlate1d(np.array([1j, 2]), torch.ones(2))


# Shapes


@quick
@given(st.integers(1, 3), st.integers(0, 6), st.integers(0, 6))
def test_the_ranks_decide_which_form_it_is(axes, x_rank, w_rank):
    x, w = np.ones((2,) * x_rank), np.ones((2,) * w_rank)
    plain = w_rank == axes and x_rank >= axes
    if plain or (w_rank == axes + 2 and x_rank in (axes + 1, axes + 2)):
        assert CORRELATE[axes](x, w).shape == (2,) * (x_rank - axes) + (1,) * axes
    else:
        shapes = ["x".join("2" * rank) or "a single number" for rank in (x_rank, w_rank)]
        with pytest.raises(UserError) as caught:
            CORRELATE[axes](x, w)
        assert f"x is {shapes[0]} and the kernel {shapes[1]}" in str(caught.value)
        assert "need" in str(caught.value)


@quick
@given(
    st.integers(1, 9),
    st.integers(1, 4),
    st.integers(1, 3),
    st.integers(0, 3),
    st.integers(1, 3),
    st.integers(0, 2),
)
def test_the_result_is_as_large_as_output_size_says(n, kernel, stride, padding, dilation, batch):
    settings_ = {"stride": stride, "padding": padding, "dilation": dilation}
    x, w = np.ones((batch, 2, n, n + 1)), np.ones((3, 2, kernel, kernel))
    try:
        size = conv.output_size((n, n + 1), kernel, **settings_)
    except UserError as refused:
        with pytest.raises(UserError) as caught:
            conv.correlate2d(x, w, **settings_)
        assert str(caught.value) == str(refused)  # noqa: PT017 - or else the sizes are compared below
    else:
        assert conv.correlate2d(x, w, **settings_).shape == (batch, 3, *size)


def test_the_input_may_be_empty_along_an_axis_where_the_padding_makes_up_for_it():
    for algorithm in EVERY_ALGORITHM:
        y = conv.correlate2d(np.ones((0, 4)), np.ones((3, 3)), padding=2, bias=1, algorithm=algorithm)
        np.testing.assert_array_equal(y, np.ones((2, 6)))


# Refusals: one line, what was found, the rule


def one_line(error: pytest.ExceptionInfo[UserError], *words: str) -> None:
    assert "\n" not in str(error.value)
    for word in words:
        assert word in str(error.value)


@pytest.mark.parametrize(
    ("x", "w", "settings_", "words"),
    [
        ((5, 5), (6, 3), {}, ["6x3", "5x5", "at least as large"]),
        ((5, 5), (3, 3), {"dilation": 3}, ["3x3", "7x7", "5x5", "at least as large"]),
        ((4, 4), (7, 7), {"padding": 1}, ["7x7", "4x4", "6x6"]),
        ((2, 3, 5, 5), (4, 2, 3, 3), {}, ["2x3x5x5", "4x2x3x3", "groups=1", "channels"]),
        ((2, 4, 5, 5), (3, 2, 3, 3), {"groups": 2}, ["2x4x5x5", "3x2x3x3", "groups=2", "multiple"]),
        ((3, 5, 5), (4, 2, 3, 3), {}, ["3x5x5", "4x2x3x3"]),
        ((2, 4, 5, 5), (4, 2, 3, 3), {"groups": 0}, ["groups=0"]),
        ((2, 4, 5, 5), (4, 2, 3, 3), {"groups": -2}, ["groups=-2"]),
        ((2, 4, 5, 5), (4, 2, 3, 3), {"groups": 2.0}, ["groups=2.0"]),
        ((5, 5), (3, 3), {"groups": 2}, ["groups=2", "3x3", "C_out"]),
        ((5, 5), (0, 3), {}, ["0x3", "no taps"]),
        ((2, 0, 5, 5), (4, 0, 3, 3), {}, ["4x0x3x3"]),
        ((5, 5), (3, 3), {"stride": 0}, ["stride=0", "at least 1"]),
        ((5, 5), (3, 3), {"stride": 1.0}, ["stride=1.0", "whole"]),
        ((5, 5), (3, 3), {"stride": (1, 1.0)}, ["stride=(1, 1.0)", "whole"]),
        ((5, 5), (3, 3), {"stride": (1, 2, 3)}, ["stride=(1, 2, 3)", "2"]),
        ((5, 5), (3, 3), {"stride": None}, ["stride=None"]),
        ((5, 5), (3, 3), {"dilation": "2"}, ["dilation='2'", "whole"]),
        ((5, 5), (3, 3), {"padding": -1}, ["padding=-1"]),
        ((5, 5), (3, 3), {"padding": 1.0}, ["padding=1.0"]),
        ((5, 5), (3, 3), {"padding": None}, ["padding=None"]),
        ((5, 5), (3, 3), {"padding": "smae"}, ["padding='smae'", "same"]),
        ((5, 5), (3, 3), {"padding": ((1, 2, 3), (1, 2))}, ["padding=((1, 2, 3), (1, 2))"]),
        ((5, 5), (3, 3), {"boundary": "wrap"}, ["'wrap'", "circular"]),
        ((5, 5), (3, 3), {"boundary": None}, ["'None'", "circular"]),
        ((5, 5), (3, 3), {"boundary": ["zeros"]}, ["boundary", "circular"]),
        ((0, 5), (3, 3), {"padding": "full", "boundary": "circular"}, ["nothing", "zeros"]),
        ((5, 5), (3, 3), {"algorithm": "winogard"}, ["'winogard'", "Closest: winograd", "auto"]),
        ((5, 5), (3, 3), {"algorithm": None}, ["'None'", "auto"]),
        ((5, 5), (3, 3), {"algorithm": ["torch"]}, ["algorithm", "auto"]),
        ((2, 4, 5, 5), (4, 4, 3, 3), {"bias": [1, 2, 3]}, ["bias", "3", "4x4x3x3", "4"]),
        ((2, 4, 5, 5), (4, 4, 3, 3), {"bias": 1.0}, ["bias", "4x4x3x3", "4"]),
        ((5, 5), (3, 3), {"bias": [1, 2]}, ["bias", "3x3"]),
        ((5, 5), (3, 3), {"bias": "one"}, ["bias"]),
        ((5, 5), (3, 3), {"bias": [[1], [2, 3]]}, ["bias"]),
        ((5, 5), (3, 3), {"bias": 1j}, ["bias", "complex"]),
        ((5, 5), (3, 3), {"bias": np.array(1j)}, ["bias", "complex"]),
    ],
)
def test_refusals_name_what_was_found_and_the_rule(x, w, settings_, words):
    for again in range(2):  # the second time plans are looked up
        conv.correlate2d(np.ones((5, 5)), np.ones((3, 3)))
        with pytest.raises(UserError) as caught:
            conv.correlate2d(np.ones(x), np.ones(w), **settings_)
        one_line(caught, *words)
        assert again < 2


def test_a_number_that_equals_a_whole_one_is_refused_after_the_whole_one_was_used_too():
    x, w = np.ones((2, 4, 6, 6)), np.ones((4, 2, 3, 3))
    for value, wrong in ((2, 2.0), ((1, 2), (1.0, 2)), ((2, 1), (2, 1.0))):
        for setting in ("stride", "dilation", "padding"):
            conv.correlate2d(x, w, groups=2, **{setting: value})
            with pytest.raises(UserError, match=setting):
                conv.correlate2d(x, w, groups=2, **{setting: wrong})
    with pytest.raises(UserError, match=r"groups=2\.0"):
        conv.correlate2d(x, w, groups=2.0)


# Settings as people write them


@pytest.mark.parametrize(
    "settings_",
    [
        {"stride": [1, 2], "padding": [[2, 1], [0, 3]], "dilation": [2, 1]},
        {"stride": np.array([1, 2]), "padding": np.array([[2, 1], [0, 3]]), "dilation": np.array([2, 1])},
        {"stride": (np.int64(1), np.int32(2)), "padding": [(2, 1), [0, 3]], "dilation": (2, np.uint8(1))},
        {
            "stride": torch.tensor([1, 2]),
            "padding": torch.tensor([[2, 1], [0, 3]]),
            "dilation": range(2, 0, -1),
        },
    ],
)
def test_lists_arrays_and_numpy_integers_are_settings_too(settings_):
    x, w = some(1, 1, 6, 7), some(1, 1, 3, 2, seed=1)
    true = F.conv2d(F.pad(torch.from_numpy(x), (0, 3, 2, 1)), torch.from_numpy(w), None, (1, 2), 0, (2, 1))
    np.testing.assert_allclose(conv.correlate2d(x, w, **settings_), true.numpy(), rtol=1e-12, atol=1e-13)


def test_groups_may_be_a_numpy_integer():
    x, w = some(1, 4, 6, 7), some(4, 1, 3, 2, seed=1)
    expected = conv.correlate2d(x, w, groups=4)
    np.testing.assert_array_equal(conv.correlate2d(x, w, groups=np.int64(4)), expected)


def test_a_setting_changed_in_place_counts():
    x, stride = np.ones((8, 8)), [1, 1]
    assert conv.correlate2d(x, np.ones((3, 3)), stride=stride).shape == (6, 6)
    stride[0] = 2
    assert conv.correlate2d(x, np.ones((3, 3)), stride=stride).shape == (3, 6)
    tensor = torch.tensor([1, 1])
    assert conv.correlate2d(x, np.ones((3, 3)), stride=tensor).shape == (6, 6)
    tensor[0] = 2
    assert conv.correlate2d(x, np.ones((3, 3)), stride=tensor).shape == (3, 6)


def test_one_axis_takes_a_bare_pair():
    assert conv.correlate1d([1, 2, 3], [1, 0, 0], padding=(2, 0)).tolist() == [0, 0, 1]
    assert conv.correlate1d([1, 2, 3], [1, 0, 0], padding=[0, 2]).tolist() == [1, 2, 3]
    assert conv.correlate1d([1, 2, 3], [1, 0, 0], padding=np.array([2, 0])).tolist() == [0, 0, 1]


# The bias

BIASES = {
    "list": [1, -2],
    "tuple of floats": (1.0, -2.0),
    "float32": np.array([1, -2], np.float32),
    "whole": np.array([1, -2]),
    "backwards": np.array([-2.0, 1.0])[::-1],
    "big-endian": np.array([1, -2], ">f8"),
    "tensor": torch.tensor([1.0, -2.0]),
}


@pytest.mark.parametrize("bias", BIASES)
def test_a_bias_is_one_number_per_output_channel(bias):
    x, w = some(2, 3, 5, 5), some(2, 3, 3, 3, seed=1)
    plain = conv.correlate2d(x, w)
    y = conv.correlate2d(x, w, bias=BIASES[bias])
    assert isinstance(y, np.ndarray)
    assert y.dtype == np.float64
    np.testing.assert_allclose(y, plain + np.array([1, -2])[:, None, None], rtol=0, atol=1e-14)
    y = conv.correlate2d(torch.from_numpy(x), torch.from_numpy(w), bias=BIASES[bias])
    np.testing.assert_allclose(y, plain + np.array([1, -2])[:, None, None], rtol=0, atol=1e-14)


def test_a_read_only_bias_is_fine():
    bias = np.array([1.0, -2.0])
    bias.flags.writeable = False
    assert conv.correlate1d(np.zeros((1, 1, 3)), np.ones((2, 1, 3)), bias=bias).ravel().tolist() == [1, -2]


def test_a_kernel_without_channels_takes_one_number():
    for bias in (3, 3.0, [3], np.float32(3), np.array([3]), torch.tensor(3.0)):
        assert conv.correlate1d(np.zeros((2, 4)), [1, 1], bias=bias).tolist() == [[3, 3, 3]] * 2


def test_a_bias_has_a_gradient_and_may_be_complex_beside_complex_numbers():
    bias = torch.zeros(2, requires_grad=True)
    conv.correlate1d(torch.ones(3, 1, 5), torch.ones(2, 1, 2), bias=bias).sum().backward()
    assert bias.grad.tolist() == [12, 12]
    assert conv.correlate1d([1j, 0], [1, 0], bias=1j).tolist() == [2j]
    assert conv.correlate1d([1j, 0], [1, 0], bias=[2]).tolist() == [2 + 1j]


def test_arrays_beside_a_bias_that_wants_a_gradient_give_a_result_or_a_reason():
    bias = torch.zeros(2, requires_grad=True)
    with pytest.raises(UserError, match="bias"):
        conv.correlate1d(np.ones((3, 1, 5)), np.ones((2, 1, 2)), bias=bias)


def test_a_graph_is_made_only_where_one_is_wanted():
    x, w = torch.ones(5, 5), torch.ones(3, 3)
    assert not conv.correlate2d(x, w).requires_grad
    x.requires_grad_()
    assert conv.correlate2d(x, w).requires_grad
    with torch.no_grad():
        assert not conv.correlate2d(x, w).requires_grad
    with torch.inference_mode():
        assert conv.correlate2d(x, w).tolist() == [[9.0] * 3] * 3
    assert conv.correlate2d(x.detach(), w.requires_grad_()).requires_grad
