from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from fieldmark.training.augmentation.warping import affine, rotations

MATRICES = [
    (1, 0, 0, 0, 1, 0),
    (1, 0.33, 0, 0, 1, 0),
    (1, 0, 0, -0.99, 1, 0),
    (1, 0, 5, 0, 1, 0),
    (1, 0, 0, 0, 1, -40),
    (0.7, 0.4, 1.3, -0.2, 1.1, 2.9),
    (2, 0.001, -7, 0.001, 2, -3),
]


@pytest.mark.parametrize("channels", [1, 3])
def test_affine_moves_are_pillows_to_the_bit(pictures, channels):
    images = pictures(len(MATRICES), channels, 13, 17)
    result = affine(images, torch.tensor(MATRICES, dtype=torch.float64)).permute(0, 2, 3, 1).numpy()
    for n, matrix in enumerate(MATRICES):
        pixels = images[n].permute(1, 2, 0).numpy()
        picture = Image.fromarray(pixels if channels == 3 else pixels[:, :, 0])
        expected = picture.transform(picture.size, Image.Transform.AFFINE, matrix)
        assert np.array_equal(result[n], np.asarray(expected).reshape(pixels.shape)), matrix


@pytest.mark.parametrize("shape", [(13, 17), (16, 16), (15, 15)])
def test_rotations_are_pillows_to_the_bit(pictures, shape):
    degrees = torch.arange(-135, 136, 9)
    images = pictures(len(degrees), 3, *shape)
    result = affine(images, rotations(degrees, *shape)).permute(0, 2, 3, 1).numpy()
    for n, angle in enumerate(degrees.tolist()):
        picture = Image.fromarray(images[n].permute(1, 2, 0).numpy())
        assert np.array_equal(result[n], np.asarray(picture.rotate(angle))), angle
