"""A picture with its colours last is refused, as its rows and colours would be convolved."""

from __future__ import annotations

import numpy as np
import pytest

from fieldmark import conv
from fieldmark.errors import UserError

PICTURE = np.random.default_rng(0).random((20, 30, 3))
OPERATIONS = {
    "correlate1d": lambda x: conv.correlate1d(x, [1, 2, 1], padding="same"),
    "conv2d": lambda x: conv.conv2d(x, conv.kernels.gaussian(2.0), padding="same"),
    "max_pool2d": lambda x: conv.max_pool2d(x, 2),
    "mean_pool2d": lambda x: conv.mean_pool2d(x, 2),
    "global_mean_pool2d": lambda x: conv.global_mean_pool2d(x),
}


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("shape", [(20, 30, 3), (2, 20, 30, 4)])
def test_it_is_refused_with_the_way_out(name, shape):
    with pytest.raises(UserError, match=r"looks like colours.*np\.moveaxis\(x, -1, -[23]\)"):
        OPERATIONS[name](np.ones(shape))


@pytest.mark.parametrize("name", ["correlate1d", "conv2d", "max_pool2d"])
def test_the_ways_out_lead_out(name):
    axes = int(name[-2])
    OPERATIONS[name](np.moveaxis(PICTURE, -1, -axes - 1))
    as_positions = PICTURE[(..., None, *[slice(None)] * axes)]
    assert OPERATIONS[name](as_positions).shape[: -axes - 1] == PICTURE.shape[: 3 - axes]


def test_volumes_too_and_their_ways_out():
    volume = np.ones((8, 9, 10, 3))
    blur = lambda x: conv.correlate3d(x, np.ones((3, 3, 3)), padding="same")  # noqa: E731
    with pytest.raises(UserError, match=r"np\.moveaxis\(x, -1, -4\)"):
        blur(volume)
    assert blur(np.moveaxis(volume, -1, -4)).shape == (3, 8, 9, 10)
    assert blur(volume[..., None, :, :, :]).shape == (8, 1, 9, 10, 3)


@pytest.mark.parametrize("shape", [(20, 3), (3, 20, 30), (20, 7, 3), (64, 8, 3, 3), (16, 1, 9, 3)])
def test_what_can_be_no_picture_with_colours_last_passes(shape):
    assert conv.correlate2d(np.ones(shape), np.ones((2, 2)), padding="same").shape == shape
