"""Arrays and tensors, made into tensors and given back as what came."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fieldmark.conv.arrays import give_back, take, tensor_of
from fieldmark.errors import UserError


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_floating_types_stay_in_either_byte_order(dtype, order):
    array = np.array([1, 2.5, -3], np.dtype(dtype).newbyteorder(order))
    tensor = tensor_of(array, "x")
    assert str(tensor.dtype) == f"torch.{dtype}"
    assert tensor.tolist() == array.tolist()


@pytest.mark.parametrize(
    "dtype", ["bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", ">i4"]
)
def test_whole_numbers_become_float64(dtype):
    array = np.array([0, 1, 1]).astype(dtype)
    assert tensor_of(array, "x").dtype == torch.float64
    assert tensor_of(array, "x").tolist() == [0, 1, 1]


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int64])
def test_tensors_of_whole_numbers_too(dtype):
    assert tensor_of(torch.tensor([0, 1], dtype=dtype), "x").dtype == torch.float64


def test_an_array_that_fits_is_not_copied():
    array = np.ones(3)
    assert tensor_of(array, "x").data_ptr() == array.ctypes.data
    tensor = torch.ones(3)
    assert tensor_of(tensor, "x") is tensor


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0)[::-1],
        np.arange(6.0).reshape(2, 3)[:, ::-1],
        np.broadcast_to(1.5, (2, 3)),
        np.frombuffer(b"x" + np.arange(3.0).tobytes(), offset=1),
        np.frombuffer(bytearray(b"x" + np.arange(3.0).tobytes()), offset=1),
        np.zeros(3, [("letter", "S1"), ("number", float)])["number"],
        np.empty((0, 3))[::-1],
        np.float64(2.5),
        np.ma.array([1.0, 2.0]),
    ],
)
def test_layouts_that_pytorch_does_not_take_are_copied(array):
    before = np.array(array)
    tensor = tensor_of(array, "x")
    np.testing.assert_array_equal(tensor.numpy(), before)
    tensor.fill_(9)
    if not np.asarray(array).flags.writeable:
        np.testing.assert_array_equal(array, before)


@pytest.mark.parametrize(
    ("x", "kernel", "dtype"),
    [
        (np.float32, np.float32, torch.float32),
        (np.float32, np.float64, torch.float64),
        (np.float32, np.complex64, torch.complex64),
        (np.float64, np.complex64, torch.complex128),
        (np.float32, np.int64, torch.float64),
        (np.int8, np.uint8, torch.float64),
    ],
)
def test_two_arrays_are_promoted(x, kernel, dtype):
    for one, other in ((x, kernel), (kernel, x)):
        first, second, numpy_in = take(np.ones(3, one), np.ones(2, other))
        assert first.dtype == second.dtype == dtype
        assert numpy_in


def test_beside_a_tensor_an_array_takes_its_type():
    for x, kernel in ((torch.ones(3), [1, 2]), ([1, 2], torch.ones(3)), (torch.ones(3), np.ones(2))):
        first, second, numpy_in = take(x, kernel)
        assert first.dtype == second.dtype == torch.float32
        assert not numpy_in
    first, second, _ = take(torch.ones(3, dtype=torch.complex64), [1j])
    assert second.dtype == torch.complex64


def test_two_tensors_are_promoted_as_torch_does():
    pairs = [
        (torch.float32, torch.float64),
        (torch.float16, torch.float32),
        (torch.bfloat16, torch.float16),
        (torch.float32, torch.complex64),
        (torch.float64, torch.complex64),
    ]
    for one, other in pairs:
        first, second, _ = take(torch.ones(1, dtype=one), torch.ones(1, dtype=other))
        assert first.dtype == second.dtype == torch.promote_types(one, other)


def test_tensors_on_two_devices_are_refused_with_both():
    with pytest.raises(UserError, match=r"x 3 is on meta and the kernel 2 on cpu.*\.to"):
        take(torch.ones(3, device="meta"), torch.ones(2))


@pytest.mark.parametrize(
    "numbers", ["picture.png", [None], [[1], [1, 2]], np.array(["2020"], "datetime64[Y]"), object()]
)
def test_what_holds_no_numbers_is_refused(numbers):
    with pytest.raises(UserError, match=r"the picture .*numbers"):
        tensor_of(numbers, "the picture")


def test_a_masked_array_is_refused_rather_than_unmasked():
    with pytest.raises(UserError, match="mask"):
        tensor_of(np.ma.array([1.0, 2.0], mask=[True, False]), "x")


def test_a_sparse_tensor_is_refused_by_name():
    with pytest.raises(UserError, match="sparse"):
        take(torch.eye(3).to_sparse(), torch.ones(2, 2))


def test_results_are_arrays_or_tensors_without_a_copy():
    y = torch.arange(3.0)
    assert give_back(y, numpy_in=False) is y
    assert give_back(y, numpy_in=True).ctypes.data == y.data_ptr()
    assert give_back(torch.tensor([1 + 2j]).conj(), numpy_in=True).tolist() == [1 - 2j]
    assert give_back(torch.tensor([1 + 2j]).conj().imag, numpy_in=True).tolist() == [-2]


def test_an_array_with_a_gradient_is_refused():
    with pytest.raises(UserError, match=r"gradient.*detach"):
        give_back(torch.ones(2, requires_grad=True) * 2, numpy_in=True)
