"""What pooling takes and gives back, and what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from conv.poolings import every_algorithm, pool, rounding, some

from fieldmark.conv.pooling.pools import max_pool2d, mean_pool1d, mean_pool2d
from fieldmark.errors import UserError


@every_algorithm
@pytest.mark.parametrize("name", ["max", "mean"])
def test_views_of_arrays_and_tensors(algorithm: str, name: str) -> None:
    whole = some((3, 8, 10)).numpy()
    frozen = whole.copy()
    frozen.flags.writeable = False
    for view in (
        whole[:, ::-1, ::-1],
        whole[::-2, 1:, ::3],
        whole.transpose(2, 0, 1),
        np.asfortranarray(whole),
        np.broadcast_to(whole[:1], (3, 8, 10)),
        frozen,
    ):
        plain = np.ascontiguousarray(view)
        before = plain.copy()
        expected = pool(name, torch.from_numpy(plain.copy()), 2, algorithm=algorithm).numpy()
        pooled = pool(name, view, 2, algorithm=algorithm)
        assert isinstance(pooled, np.ndarray)
        assert np.array_equal(pooled, expected)
        assert np.array_equal(view, before)
    tensor = some((8, 3, 10)).transpose(0, 1)[..., ::2]
    expected = pool(name, tensor.contiguous(), 2, algorithm=algorithm)
    assert torch.equal(pool(name, tensor, 2, algorithm=algorithm), expected)


@every_algorithm
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floats_keep_their_type(algorithm: str, dtype: Any) -> None:
    picture = np.ones((4, 4), dtype)
    for name in ("max", "mean"):
        assert pool(name, picture, 2, algorithm=algorithm).dtype == dtype
        tensor = torch.from_numpy(picture)
        assert pool(name, tensor, 2, algorithm=algorithm).dtype == tensor.dtype


@every_algorithm
def test_whole_numbers_are_computed_as_float64(algorithm: str) -> None:
    bright = np.full((4, 4), 255, np.uint8)
    for picture in (bright, bright.tolist(), bright.astype(np.int64)):
        for name in ("max", "mean"):
            pooled = pool(name, picture, 2, algorithm=algorithm)
            assert pooled.dtype == np.float64
            assert (pooled == 255).all()
    assert mean_pool2d(torch.from_numpy(bright), 4, algorithm=algorithm).item() == 255
    assert mean_pool1d([True, False], 2, algorithm=algorithm).tolist() == [0.5]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("axes", [1, 2, 3])
def test_half_precision(dtype: torch.dtype, axes: int) -> None:
    """Within two roundings of the mean, in volumes and with the padding that torch does not have, too."""
    images = (some((2, *[5] * axes)) * 100).to(dtype)
    for padding in (0, 1, "same"):
        choices = {"axes": axes, "stride": 1, "padding": padding}
        assert torch.equal(
            pool("max", images, 2, **choices), pool("max", images.double(), 2, **choices).to(dtype)
        )
        pooled = pool("mean", images, 2, **choices)
        assert pooled.dtype == dtype
        exact = pool("mean", images.double(), 2, **choices)
        size = pool("mean", images.double().abs(), 2, **choices)
        assert ((pooled - exact).abs() <= rounding(2, dtype) * size).all()
    large = torch.full([4] * axes, 60000.0, dtype=torch.float16)
    assert (pool("mean", large, 2, axes=axes, dilation=2) == 60000).all()


@every_algorithm
def test_complex_means(algorithm: str) -> None:
    images = torch.complex(some((4, 5)), some((4, 5), seed=1))
    pooled = mean_pool2d(images.numpy(), 2, stride=1, padding=1, algorithm=algorithm)
    for part in ("real", "imag"):
        expected = mean_pool2d(getattr(images, part), 2, stride=1, padding=1, algorithm=algorithm)
        np.testing.assert_allclose(getattr(pooled, part), expected, rtol=1e-14, atol=1e-15)
    with pytest.raises(UserError, match=r"complex128 .* no order.*mean"):
        max_pool2d(images, 2, algorithm=algorithm)


@every_algorithm
@pytest.mark.parametrize("leading", [(), (0,), (3, 0), (2, 3), (1, 2, 1, 2)])
def test_every_leading_axis_is_a_batch(algorithm: str, leading: tuple[int, ...]) -> None:
    images = some((*leading, 4, 6)).requires_grad_()
    for name in ("max", "mean"):
        pooled = pool(name, images, (2, 3), padding="same", algorithm=algorithm)
        assert pooled.shape == (*leading, 2, 2)
        for image, alone in zip(images.reshape(-1, 4, 6), pooled.reshape(-1, 2, 2), strict=True):
            assert torch.equal(pool(name, image, (2, 3), padding="same", algorithm=algorithm), alone)
        pooled.sum().backward()


def test_memory_format_is_kept() -> None:
    images = some((2, 3, 8, 8)).contiguous(memory_format=torch.channels_last)
    for name in ("max", "mean"):
        assert pool(name, images, 2).is_contiguous(memory_format=torch.channels_last)


@every_algorithm
@pytest.mark.parametrize("name", ["max", "mean"])
def test_errors_name_both_shapes_and_the_rule(algorithm: str, name: str) -> None:
    def refused(images: Any, *arguments: Any, parts: list[str], **choices: Any) -> None:
        with pytest.raises(UserError) as caught:
            pool(name, images, *arguments, algorithm=algorithm, **choices)
        message = str(caught.value)
        assert "\n" not in message
        assert all(part in message for part in parts), message

    picture = np.ones((3, 4))
    large = ["kernel of 5x5", "input of 3x4", "padding (3x6)", "at least as large"]
    refused(picture, 5, padding=(0, 1), parts=large)
    refused(picture, 2, dilation=3, parts=["kernel of 2x2", "dilation 4x4", "input of 3x4"])
    around = ((2, 0), (0, 0))
    refused(
        picture,
        2,
        padding=around,
        parts=["kernel of 2x2", "input of 3x4", str(around), "nothing but padding"],
    )
    refused(picture, 2, stride=1, padding=((0, 0), (0, 2)), parts=["nothing but padding"])
    refused([1, 2], 2, axes=1, stride=1, dilation=4, padding=2, parts=["nothing but padding"])
    refused([1, 2, 3], 2, parts=["shape 3", "2 dimensions", "(..., height, width)"])
    refused(picture, 0, parts=["kernel"])
    refused(picture, 2, stride=0, parts=["stride"])
    refused(picture, 2, padding=-1, parts=["padding"])
    refused(picture, 2, padding="sama", parts=["sama", "same"])
    refused(np.ones((0, 4)), 2, parts=["kernel of 2x2", "input of 0x4"])


def test_an_unknown_algorithm_and_one_that_does_not_support_the_case() -> None:
    for name in ("max", "mean"):
        with pytest.raises(UserError, match=r"'troch' is not a pooling algorithm. Closest: torch. All: ref"):
            pool(name, [[1]], 1, algorithm="troch")
        with pytest.raises(UserError, match=r"'reference' does not pool float16.*'torch'"):
            pool(name, torch.ones(4, 4, dtype=torch.float16), 2, algorithm="reference")
        with pytest.raises(UserError, match=r"float8_e4m3fn cannot be pooled: float16"):
            pool(name, torch.ones(4, 4).to(torch.float8_e4m3fn), 2)
