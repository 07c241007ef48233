"""Pictures shown as they are, under the right names."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from figures.made_up_runs import class_names, pictures
from figures.overlap import drawn_texts, problems

from fieldmark.data.pixels.resizing import resize
from fieldmark.figures.gallery import augmentation_rows, grid, resize_rules
from fieldmark.figures.page import page, show


def test_each_picture_of_the_grid_stands_above_its_own_class() -> None:
    images = pictures(class_names(4), channels=1, size=(1, 1), n=40)
    images.images[:, 0, 0, 0] = 10 * images.labels.to(torch.uint8)
    sheet = grid(images, source="x", generator=torch.Generator(), rows=2, columns=6).axes[0]
    values = [int(np.asarray(image.get_array())[0, 0, 0]) for image in sheet.images]
    names = [text.get_text() for text in sheet.texts[2:]]
    assert names == [f"class {value // 10}" for value in values]
    assert [names.count(f"class {label}") for label in range(4)] == [3, 3, 3, 3]
    centres = [(extent[0] + extent[1]) / 2 for extent in (image.get_extent() for image in sheet.images)]
    np.testing.assert_allclose(centres, [text.get_position()[0] for text in sheet.texts[2:]])


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (3, 25), (12, 2)])
def test_a_grid_of_any_shape_is_legible(rows: int, columns: int) -> None:
    images = pictures(class_names(10))
    figure = grid(images, source="x", generator=torch.Generator(), rows=rows, columns=columns)
    assert len(figure.axes[0].images) == rows * columns
    assert problems(figure) == []


def test_a_grid_larger_than_the_set_shows_the_set() -> None:
    figure = grid(pictures(class_names(2), n=3), source="x", generator=torch.Generator())
    assert len(figure.axes[0].images) == 3
    assert "x, 3 of n = 3 pictures, 2 classes, 12 x 12 pixels" in [text for text, _ in drawn_texts(figure)]


def test_augmentation_goes_from_left_to_right_and_names_the_sizes() -> None:
    images = torch.arange(2, dtype=torch.uint8).reshape(2, 1, 1, 1).expand(2, 1, 8, 6)
    figure = augmentation_rows(
        [("original", images), ("crop", images[:, :, :4] + 10)], ["a", "b"], source="x"
    )
    shown = {}
    for image in figure.axes[0].images:
        left, _, _, top = image.get_extent()
        shown[round(top, 2), round(left, 2)] = int(np.asarray(image.get_array())[0, 0, 0])
    assert [shown[place] for place in sorted(shown)] == [0, 10, 1, 11]
    assert [text for text, _ in drawn_texts(figure)][3:] == ["original", "8 x 6", "crop", "4 x 6", "a", "b"]


def test_resize_rules_show_what_the_resizer_gives() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (20, 40, 3)).astype(np.uint8)
    figure = resize_rules([picture], (8, 8), source="photos")
    original, crop, pad, stretch = (np.asarray(image.get_array()) for image in figure.axes[0].images)
    np.testing.assert_array_equal(original, picture)
    for rule, shown in (("crop", crop), ("pad", pad), ("stretch", stretch)):
        np.testing.assert_array_equal(shown, resize(picture, (8, 8), rule))
    texts = [text for text, _ in drawn_texts(figure)]
    assert "photos, n = 1 picture, network input 8 x 8 pixels" in texts
    assert "20 x 40 pixels" in texts


@pytest.mark.parametrize(
    ("source", "share"), [((20, 40), (1.0, 0.5)), ((40, 20), (0.5, 1.0)), ((7, 7), (1.0, 1.0))]
)
def test_the_dashed_frame_is_what_crop_keeps(source: tuple[int, int], share: tuple[float, float]) -> None:
    sheet = resize_rules([np.zeros((*source, 3), np.uint8)], (8, 8), source="x").axes[0]
    whole, kept = sheet.patches[0], sheet.patches[1]
    assert kept.get_height() / whole.get_height() == pytest.approx(share[0])
    assert kept.get_width() / whole.get_width() == pytest.approx(share[1])
    for start, extent in (("get_x", "get_width"), ("get_y", "get_height")):
        middles = [getattr(patch, start)() + getattr(patch, extent)() / 2 for patch in (whole, kept)]
        assert middles[0] == pytest.approx(middles[1])


def test_small_pictures_keep_their_pixels_and_large_ones_are_smooth() -> None:
    _, sheet = page(4, 3)
    show(sheet, np.zeros((28, 28, 1), np.uint8), 0, 0, 1, 1)
    show(sheet, np.zeros((100, 80, 3), np.uint8), 1, 0, 1, 1)
    show(sheet, np.zeros((2000, 3000, 3), np.uint8), 2, 0, 1, 1)
    assert [image.get_interpolation() for image in sheet.images] == ["nearest", "hanning", "hanning"]
    assert [np.asarray(image.get_array()).shape for image in sheet.images] == [
        (28, 28, 3),
        (100, 80, 3),
        (100, 150, 3),
    ]
