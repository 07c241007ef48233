"""What `auto` takes: the fastest by its prices, said in a line, and really what runs."""

from __future__ import annotations

import importlib
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from fieldmark import conv
from fieldmark.conv.algorithms.native import native_work
from fieldmark.conv.auto import choice
from fieldmark.conv.auto.choice import (
    MARGIN,
    Choice,
    algorithm,
    automatic,
    choose,
    fastest,
    parts_for,
    predictions,
)
from fieldmark.conv.auto.parts import Parts
from fieldmark.conv.prices import PRICES, forget_prices
from fieldmark.conv.problem import Problem
from fieldmark.errors import UserError

FOURIER = ("fft", "overlap_add", "overlap_save")
PLANE = Problem(2, 3, 4, (20, 21), (3, 3), padding=((1, 1), (1, 1)))


def favouring(name: str, problem: Problem = PLANE) -> dict[str, object]:
    """Prices by which nothing costs anything but what `name` has no part in."""
    element = "float64" if problem.dtype in (torch.float64, torch.complex128) else "float32"
    own = set(algorithm(name).work(problem))
    units = {unit for prices in PRICES["cpu"].values() for unit in prices}
    for other in conv.ALGORITHMS:
        if algorithm(other).unsupported(problem) is None:
            units |= set(algorithm(other).work(problem))
    return {"prices": {"cpu": {element: {unit: 1e-9 if unit in own else 1e9 for unit in sorted(units)}}}}


@pytest.fixture
def ran(monkeypatch):
    """The names of the algorithms that compute anything, in order."""
    names: list[str] = []

    def spying(member):
        def correlate(x, w, problem):
            names.append(member.name)
            return member.correlate(x, w, problem)

        return replace(member, correlate=correlate)

    for name, place in conv.ALGORITHMS.items():
        module, _, attribute = place.partition(":")
        spy = spying(algorithm(name))
        monkeypatch.setattr(importlib.import_module(module), attribute, spy)
        if name == "torch":
            monkeypatch.setattr(choice, "TORCH", spy)
    return names


TENSORS = torch.ones(2, 3, 20, 21), torch.ones(4, 3, 3, 3)
ONE_CHANNEL = torch.ones(2, 1, 20, 21), torch.ones(1, 1, 3, 3)
"""Where `shifted` needs no product: of several channels it has all the work of im2col, and more."""


@pytest.mark.parametrize("name", ["torch", "channels_last", "im2col", "shifted", "fft"])
def test_what_is_chosen_is_what_runs(name, keep_prices, ran):
    tensors = ONE_CHANNEL if name == "shifted" else TENSORS
    channels = tensors[0].shape[1]
    keep_prices(favouring(name, replace(PLANE, in_channels=channels, out_channels=tensors[1].shape[0])))
    found = choose(*tensors, padding=1)
    assert found.algorithm == name or (name in FOURIER and found.algorithm in FOURIER)
    y = conv.correlate2d(*tensors, padding=1)
    conv.conv2d(*tensors, padding=1)
    assert ran == [found.algorithm] * 2
    torch.testing.assert_close(y, F.conv2d(*tensors, padding=1), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["torch", "channels_last", "im2col", "shifted", "fft"])
def test_with_gradients_the_chosen_parts_are_what_runs(name, keep_prices, ran, monkeypatch):
    keep_prices(favouring(name))
    taken: list[Parts] = []
    with_gradient = choice.with_gradient
    monkeypatch.setattr(choice, "with_gradient", lambda parts: (taken.append(parts), with_gradient(parts))[1])
    found = choose(*TENSORS, padding=1, gradient=True)
    x, w = (each.clone().requires_grad_() for each in TENSORS)
    y = conv.correlate2d(x, w, padding=1)
    assert ran == [found.algorithm]
    parts = Parts(found.algorithm, found.input, found.kernel)
    assert taken == ([] if set(parts.names) == {"torch"} else [parts])
    ours = torch.autograd.grad(y.square().sum(), (x, w))
    theirs = torch.autograd.grad(F.conv2d(x, w, padding=1).square().sum(), (x, w))
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-2)
    assert choose(*TENSORS, padding=1).input is choose(*TENSORS, padding=1).kernel is None


def test_parts_are_computed_apart_only_for_more_than_that_costs(monkeypatch):
    """PyTorch computes both gradients in one call; three calls of our own take some 70 microseconds more."""
    times = {"torch": 100e-6, "im2col": 50e-6}
    monkeypatch.setattr(choice, "predictions", lambda problem: times)
    monkeypatch.setattr(choice, "seconds", lambda work, problem: 100e-6)
    monkeypatch.setattr(choice, "kernel_gradients", lambda problem: {"fft": 100e-6})
    # 50 + 50 + 100 us against 300, but also the 70
    assert fastest(times) == "im2col"
    assert parts_for(PLANE) == Parts("torch", "torch", "torch")
    found = choose(*TENSORS, padding=1, gradient=True)
    assert (found.algorithm, found.input, found.kernel) == ("torch", "torch", "torch")
    times["im2col"] = 20e-6
    assert parts_for(PLANE) == Parts("im2col", "im2col", "torch")


def test_other_prices_change_the_choice(keep_prices):
    keep_prices(favouring("im2col"))
    assert choose((2, 3, 20, 21), (4, 3, 3, 3), padding=1).algorithm == "im2col"
    keep_prices(favouring("channels_last"))
    assert choose((2, 3, 20, 21), (4, 3, 3, 3), padding=1).algorithm == "channels_last"


def test_pytorchs_is_left_only_for_more_than_the_models_error():
    assert fastest({"torch": 1.0, "fft": 1 / MARGIN * 0.999}) == "fft"
    assert fastest({"torch": 1.0, "fft": 1 / MARGIN * 1.001}) == "torch"
    assert fastest({"torch": 1.0, "fft": 1 / 2, "im2col": 1 / 3}, margin=2.9) == "im2col"
    assert fastest({"torch": 1.0, "fft": 1 / 2, "im2col": 1 / 3}, margin=3.1) == "torch"
    assert fastest({"fft": 1.0, "torch": 1.0, "im2col": 1.0}) == fastest({}) == "torch"


def test_the_reason_says_why_the_first_was_not_taken(monkeypatch):
    monkeypatch.setattr(choice, "predictions", lambda problem: {"torch": 1.0, "fft": 0.99, "im2col": 3e-4})
    assert "model's error" not in choose((9, 9), (3, 3)).reason
    monkeypatch.setattr(choice, "predictions", lambda problem: {"torch": 1.0, "fft": 0.99, "im2col": 1.1})
    found = choose((9, 9), (3, 3))
    assert found.algorithm == "torch"
    assert "fft 990 ms, torch 1 s, im2col 1.1 s" in found.reason
    assert "within the model's error" in found.reason


@pytest.mark.parametrize("gradient", [False, True])
@pytest.mark.parametrize(
    "shapes", [((9, 9), (3, 3)), ((2, 300, 300), (31, 31)), ((8, 64, 32, 32), (64, 64, 3, 3))]
)
def test_a_choice_is_a_line_with_a_name_a_reason_and_a_bound(shapes, gradient):
    found = choose(*shapes, gradient=gradient)
    assert str(found) == f"{found.algorithm}: {found.reason}"
    assert "\n" not in str(found)
    assert found.algorithm in found.seconds
    assert set(found.seconds) <= set(conv.ALGORITHMS) - {"reference"}
    assert all(time > 0 for time in found.seconds.values())
    assert ("log2(n)" in found.bound) == (found.algorithm in FOURIER)
    assert (found.input in conv.ALGORITHMS and found.kernel in conv.ALGORITHMS) == gradient


def test_the_choice_is_the_same_every_time():
    first = choose((3, 200, 200), (15, 15), gradient=True)
    forget_prices()
    assert choose((3, 200, 200), (15, 15), gradient=True) == first


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.complex64, torch.complex128])
def test_shapes_tensors_and_arrays_are_one_question(dtype):
    shapes = (2, 3, 20, 21), (4, 3, 3, 3)
    tensors = [torch.ones(shape, dtype=dtype) for shape in shapes]
    arrays = [tensor.numpy() for tensor in tensors]
    found = choose(*tensors, padding=1)
    assert choose(*arrays, padding=1) == found
    assert choose(*shapes, dtype=dtype, padding=1) == found
    assert choose(torch.Size(shapes[0]), tuple(np.array(shapes[1])), dtype=dtype, padding="same") == found
    assert choose(shapes[0], tensors[1], padding=((1, 1), (1, 1))) == found
    assert choose(arrays[0], shapes[1], padding=[1, 1]) == found
    assert (
        choose(tensors[0].double() if not dtype.is_complex else tensors[0], arrays[1], padding=1, dtype=dtype)
        == found
    )


def test_whole_numbers_are_computed_and_chosen_as_float64():
    found = choose((20, 21), (3, 3), dtype=torch.float64)
    assert choose(np.ones((20, 21), np.uint8), [[1, 0, 1]] * 3) == found
    assert choose([[1] * 21] * 20, torch.ones(3, 3, dtype=torch.int32)) == found
    assert choose((20, 21), (3, 3), dtype=torch.int64) == found


def test_beside_a_tensor_an_array_has_its_type():
    found = choose((20, 21), (3, 3))
    assert found != choose((20, 21), (3, 3), dtype=torch.float64)
    assert choose(np.ones((20, 21)), torch.ones(3, 3)) == found
    assert choose(torch.ones(20, 21), [[1, 2, 3]] * 3) == found


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_every_number_of_axes(axes):
    x, w = torch.ones(2, *[8] * axes), torch.ones([3] * axes)
    found = choose(x, w, axes=axes, padding="same")
    getattr(conv, f"correlate{axes}d")(x, w, padding="same")
    assert found.algorithm in found.seconds
    assert ("channels_last" in found.seconds) == (axes > 1)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_pytorchs_alone(dtype):
    for gradient in (False, True):
        found = choose((9, 9), (3, 3), dtype=dtype, gradient=gradient)
        assert (found.algorithm, found.seconds) == ("torch", {})
        assert str(dtype)[6:] in found.reason
        assert (found.input, found.kernel) == (("torch", "torch") if gradient else (None, None))
    x = torch.arange(25.0).reshape(5, 5).to(dtype).requires_grad_()
    y = conv.correlate2d(x, torch.ones(3, 3, dtype=dtype))
    assert y.tolist() == [[54, 63, 72], [99, 108, 117], [144, 153, 162]]
    y.sum().backward()
    assert x.grad.tolist()[2] == [3, 6, 9, 6, 3]


@pytest.mark.parametrize("device", ["cuda", "meta"])
def test_without_prices_for_a_device_it_is_pytorchs(device, keep_prices):
    problem = replace(PLANE, device=device)
    assert predictions(problem) == {}
    assert parts_for(problem) == Parts("torch", "torch", "torch")
    assert automatic(problem, gradient=False).name == automatic(problem, gradient=True).name == "torch"


def test_tensors_without_memory_are_chosen_for_and_run():
    x, w = torch.empty(2, 3, 9, 9, device="meta"), torch.empty(4, 3, 3, 3, device="meta")
    found = choose(x, w)
    assert found.algorithm == "torch"
    assert "no costs are known for float32 on meta" in found.reason
    assert "fit_costs" not in found.reason
    assert conv.correlate2d(x, w).shape == (2, 4, 7, 7)


def test_a_device_that_can_be_fitted_is_said(keep_prices, monkeypatch):
    monkeypatch.setattr(choice, "predictions", lambda problem: {})
    monkeypatch.setattr(choice, "priced", lambda problem: False)
    assert "conv.fit_costs('cpu') measures them" in choose((9, 9), (3, 3)).reason


@pytest.mark.parametrize("shape", [(0, 9, 9), (5, 0, 9, 9), (0, 1, 9, 9)])
@pytest.mark.parametrize("gradient", [False, True])
def test_of_nothing_there_is_nothing_to_choose(shape, gradient):
    found = choose(shape, (3, 3), gradient=gradient)
    assert (found.algorithm, found.seconds, found.reason) == ("torch", {}, "there is nothing to compute")
    assert choose((1, 1, 0, 4), (3, 3), padding=2).algorithm == "torch"


def test_winograd_is_taken_in_double_precision_only(keep_prices):
    for dtype in (torch.float64, torch.complex128):
        problem = replace(PLANE, dtype=dtype)
        keep_prices(favouring("winograd", problem))
        assert choose((2, 3, 20, 21), (4, 3, 3, 3), padding=1, dtype=dtype).algorithm.startswith("winograd")
    for dtype in (torch.float32, torch.complex64):
        problem = replace(PLANE, dtype=dtype)
        keep_prices(favouring("winograd", problem))
        found = choose((2, 3, 20, 21), (4, 3, 3, 3), padding=1, dtype=dtype, gradient=True)
        assert not any(name.startswith("winograd") for name in (found.algorithm, found.input, *found.seconds))


REFUSED = [
    (np.ones((9, 9)), np.ones((3, 3)), {"padding": "sam"}),
    (np.ones((9, 9)), np.ones((3, 3)), {"padding": -1}),
    (np.ones((9, 9)), np.ones((3, 3)), {"stride": 0}),
    (np.ones((9, 9)), np.ones((3, 3)), {"stride": 1.0}),
    (np.ones((9, 9)), np.ones((3, 3)), {"dilation": (1, 2, 3)}),
    (np.ones((9, 9)), np.ones((3, 3)), {"boundary": "mirror"}),
    (np.ones((9, 9)), np.ones((3, 3)), {"groups": 2}),
    (np.ones((1, 3, 9, 9)), np.ones((2, 2, 3, 3)), {}),
    (np.ones((1, 4, 9, 9)), np.ones((3, 2, 3, 3)), {"groups": 2}),
    (np.ones((2, 2)), np.ones((3, 3)), {}),
    (np.ones(9), np.ones((3, 3)), {}),
    (np.ones((9, 9)), np.ones((0, 3)), {}),
    (np.ones((9, 9)), np.ones((3, 3, 3)), {}),
    (np.array(["a"]), np.ones((3, 3)), {}),
    (torch.ones(9, 9), np.ones((3, 3)) * 1j, {}),
    (torch.ones(9, 9), torch.ones(3, 3, device="meta"), {}),
]


@pytest.mark.parametrize("case", range(len(REFUSED)))
def test_what_the_call_refuses_the_question_refuses_in_the_same_words(case):
    x, w, settings = REFUSED[case]
    with pytest.raises(UserError) as by_the_call:
        conv.correlate2d(x, w, **settings)
    with pytest.raises(UserError) as by_the_question:
        choose(x, w, **settings)
    assert str(by_the_question.value) == str(by_the_call.value)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"axes": 4}, "axes=4: 1, 2 or 3"),
        ({"axes": "2"}, "axes='2'"),
        ({"dtype": np.float32}, "dtype=.*PyTorch"),
        ({"groups": 1.5}, "groups=1.5: whole numbers"),
    ],
)
def test_settings_of_its_own_are_refused_too(settings, words):
    with pytest.raises(UserError, match=words):
        choose((9, 9), (3, 3), **settings)


def test_a_shape_has_no_negative_sizes():
    with pytest.raises(UserError, match="no shape"):
        choose((-1, 9), (3, 3))


def test_numpys_whole_numbers_are_settings_as_in_the_call():
    plain = choose((1, 4, 9, 9), (2, 2, 3, 3), groups=2, stride=2)
    assert choose((1, 4, 9, 9), (2, 2, 3, 3), groups=np.int64(2), stride=np.array([2, 2])) == plain


def test_a_shape_takes_no_memory():
    found = choose((2**15, 2**15), (5, 5))
    assert isinstance(found, Choice)


@pytest.mark.parametrize("last", [False, True])
def test_gradients_of_pytorchs_are_predicted_as_its_own_work(last, keep_prices):
    units = dict.fromkeys(PRICES["cpu"]["float32"], 1e9)
    for part, dear in (("input", "kernel"), ("kernel", "input")):
        cheap = dict.fromkeys(native_work(PLANE, part, last), 1e-09)
        keep_prices({"prices": {"cpu": {"float32": units | cheap}}})
        found = parts_for(PLANE)
        assert getattr(found, part) == ("channels_last" if last else "torch"), (part, dear)
