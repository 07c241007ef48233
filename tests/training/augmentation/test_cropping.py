from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from fieldmark.errors import UserError
from fieldmark.training.augmentation.cropping import (
    CentreCrop,
    PadAndCrop,
    RandomCrop,
    centre_crop,
    crop,
    pad,
    pad_and_crop,
)
from fieldmark.training.augmentation.steps import Context

CONTEXT = Context(torch.arange(0), 0, (4, 5))
MODES = {"reflect": "reflect", "edge": "edge", "zero": "constant"}


def numbered(height: int, width: int) -> torch.Tensor:
    return torch.arange(height * width, dtype=torch.uint8).view(1, 1, height, width)


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_a_crop_is_the_slice(data):
    count, channels = data.draw(st.integers(1, 4)), data.draw(st.sampled_from([1, 3]))
    rows, columns = data.draw(st.integers(1, 7)), data.draw(st.integers(1, 7))
    height, width = data.draw(st.integers(1, rows)), data.draw(st.integers(1, columns))
    top = data.draw(st.lists(st.integers(0, rows - height), min_size=count, max_size=count))
    left = data.draw(st.lists(st.integers(0, columns - width), min_size=count, max_size=count))
    images = torch.randint(0, 256, (count, channels, rows, columns), dtype=torch.uint8)
    result = crop(images, torch.tensor(top), torch.tensor(left), (height, width))
    for n in range(count):
        expected = images[n, :, top[n] : top[n] + height, left[n] : left[n] + width]
        assert torch.equal(result[n], expected)


@pytest.mark.parametrize(("top", "left"), [(-1, 0), (0, -1), (6, 0), (0, 8)])
def test_a_box_that_leaves_the_picture_is_refused(pictures, top, left):
    with pytest.raises(UserError, match=r"box of [45] (row|column)s cannot begin .* pictures of (9|12)"):
        crop(pictures(1), torch.tensor([top]), torch.tensor([left]), (4, 5))


@pytest.mark.parametrize("mode", list(MODES))
@pytest.mark.parametrize("padding", [1, 2, 5])
@pytest.mark.parametrize("channels", [1, 3])
def test_padding_is_numpys(pictures, mode, padding, channels):
    images = pictures(3, channels, 6, 9)
    widths = [(0, 0), (0, 0), (padding, padding), (padding, padding)]
    assert np.array_equal(pad(images, padding, mode), np.pad(images.numpy(), widths, MODES[mode]))


def test_reflecting_further_than_the_picture_is_refused():
    with pytest.raises(UserError, match=r"reflecting 4 pixels needs pictures of at least 5x5.*4x9.*edge"):
        pad(numbered(4, 9), 4, "reflect")


def test_edges_may_be_repeated_further_than_the_picture():
    assert pad(numbered(1, 2), 3, "edge")[0, 0, 0].tolist() == [0, 0, 0, 0, 1, 1, 1, 1]


@pytest.mark.parametrize("mode", list(MODES))
def test_the_offset_of_the_padding_changes_nothing(pictures, mode):
    images, middle = pictures(3), torch.full((3,), 2)
    assert torch.equal(pad_and_crop(images, middle, middle, 2, mode), images)


def test_pad_and_crop_by_hand():
    images = numbered(2, 3)  # 0 1 2 / 3 4 5
    moved = pad_and_crop(images, torch.tensor([0]), torch.tensor([2]), 1, "zero")
    assert moved[0, 0].tolist() == [[0, 0, 0], [1, 2, 0]]


def test_shifts_are_uniform_over_all_places():
    # A picture whose pixels are all different shows by its middle pixel how it was shifted.
    count, images = 20_000, numbered(5, 5).expand(20_000, 1, 5, 5)
    result = PadAndCrop(2)(images, torch.Generator().manual_seed(1), CONTEXT)
    middle = np.bincount(result[:, 0, 2, 2].numpy(), minlength=25)
    assert len(middle) == 25
    assert middle.sum() == count
    assert stats.chisquare(middle).pvalue > 0.001


def test_windows_are_uniform_over_all_places_and_have_the_networks_size():
    images = numbered(6, 8).expand(20_000, 1, 6, 8)
    result = RandomCrop()(images, torch.Generator().manual_seed(1), CONTEXT)
    assert result.shape[2:] == (4, 5)
    corners = np.bincount(result[:, 0, 0, 0].numpy(), minlength=48).reshape(6, 8)
    assert corners[3:].sum() == corners[:, 4:].sum() == 0
    assert stats.chisquare(corners[:3, :4].ravel()).pvalue > 0.001


@pytest.mark.parametrize(("size", "shape"), [(3, (3, 3)), ((2, 6), (2, 6)), (None, (4, 5))])
def test_a_window_has_the_size_it_is_given(pictures, size, shape):
    generator = torch.Generator()
    assert RandomCrop(size)(pictures(2), generator, CONTEXT).shape[2:] == shape
    assert CentreCrop(size)(pictures(2), generator, CONTEXT).shape[2:] == shape


def test_a_window_larger_than_the_pictures_is_refused(pictures):
    with pytest.raises(UserError, match=r"window: 178x178 does not fit into 9x12 pictures.*--image-size"):
        RandomCrop(178)(pictures(2), torch.Generator(), CONTEXT)
    with pytest.raises(UserError, match=r"10x4 does not fit into 9x12"):
        centre_crop(pictures(2), (10, 4))


@pytest.mark.parametrize(
    ("size", "expected"),
    [((2, 2), [[6, 7], [11, 12]]), ((1, 5), [[5, 6, 7, 8, 9]]), ((3, 1), [[2], [7], [12]])],
)
def test_the_centre_by_hand_with_an_odd_row_cut_at_the_bottom(size, expected):
    images = numbered(4, 5)
    assert centre_crop(images, size)[0, 0].tolist() == expected


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: PadAndCrop(0), "crop: padding=0 .* whole number of at least 1"),
        (lambda: PadAndCrop(1.5), "crop: padding=1.5 .* whole number"),
        (lambda: PadAndCrop(2, "mirror"), "crop: mode='mirror' .* 'reflect' or 'zero' or 'edge'"),
        (lambda: RandomCrop(0), "window: size=0 .* pixels"),
        (lambda: RandomCrop((3, 4, 5)), "window: size=.3, 4, 5. .* height and width"),
        (lambda: CentreCrop("big"), "centre: size='big' .* pixels"),
    ],
)
def test_settings_that_do_not_fit_are_refused(make, text):
    with pytest.raises(UserError, match=text):
        make()
