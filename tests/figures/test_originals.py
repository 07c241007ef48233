"""Pictures from files are shown as the files have them, under names that stay apart."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from figures.overlap import drawn_texts, problems
from PIL import Image

from fieldmark.data.load import load
from fieldmark.figures.mistakes import mistakes
from fieldmark.figures.predictions import predictions_page
from fieldmark.figures.style import DPI
from fieldmark.vocabulary import ImageSet, Predictions

LONG = "a_very_long_file_name_that_a_camera_or_a_website_made_up_{}.png"


@pytest.fixture
def images(tmp_path: Path) -> ImageSet:
    """Eight black pictures in memory whose files are red, 20 high and 90 wide."""
    files = tuple(LONG.format(number) for number in range(8))
    for name in files:
        Image.fromarray(np.full((20, 90, 3), (200, 0, 0), np.uint8)).save(tmp_path / name)
    pixels, labels = torch.zeros(8, 3, 6, 6, dtype=torch.uint8), torch.zeros(8, dtype=torch.int64)
    return ImageSet(pixels, labels, ("cat", "dog"), files, tmp_path)


WRONG = Predictions(torch.tensor([[0.0, 2.0]] * 8), torch.zeros(8, dtype=torch.int64))


def test_mistakes_and_predictions_show_the_files(images: ImageSet) -> None:
    generator = torch.Generator().manual_seed(0)
    for figure in (
        mistakes(images, WRONG, source="test"),
        predictions_page(images, WRONG, source="test", generator=generator),
    ):
        for drawn in figure.axes[0].images:
            pixels = np.asarray(drawn.get_array())
            assert pixels.shape == (20, 90, 3)
            assert pixels[0, 0].tolist() == [200, 0, 0]
        texts = [text for text, _ in drawn_texts(figure)]
        assert "pictures as their files have them; the network gets 6 x 6 pixels" in texts
        assert problems(figure) == []


def test_a_file_that_is_gone_is_shown_as_it_was_read(images: ImageSet) -> None:
    assert images.files is not None
    assert images.root is not None
    (images.root / images.files[3]).unlink()
    (images.root / images.files[4]).write_bytes(b"no picture")
    shown = [np.asarray(image.get_array()) for image in mistakes(images, WRONG, source="x").axes[0].images]
    assert [pixels.shape for pixels in shown[3:6]] == [(6, 6, 3), (6, 6, 3), (20, 90, 3)]


def test_names_of_files_stay_apart(images: ImageSet) -> None:
    boxes = sorted(
        (round(box.y0), box.x0, box.x1)
        for text, box in drawn_texts(mistakes(images, WRONG, source="x"))
        if text.endswith(".png")
    )
    assert len(boxes) == 8
    gaps = [right[1] - left[2] for left, right in pairwise(boxes) if left[0] == right[0]]
    assert min(gaps) > 0.2 * DPI


def test_a_loaded_folder_knows_where_its_files_are(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        for number in range(6):
            pixels = np.full((10, 30, 3), 10 * number + (name == "dog"), np.uint8)
            Image.fromarray(pixels).save(tmp_path / name / f"{number}.png")
    dataset = load(tmp_path, image_size=8)
    for part in (dataset.train, dataset.val):
        assert part.files is not None
        assert part.root is not None
        assert all((part.root / name).is_file() for name in part.files)
    assert load("sample").train.root is None
