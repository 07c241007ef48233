import numpy
import pytest
import torch

from fieldmark.data.normalising import normalise, statistics


def test_statistics_match_numpy_and_ignore_the_order() -> None:
    images = torch.randint(
        0, 256, (5000, 3, 4, 5), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )
    images = images.contiguous(memory_format=torch.channels_last)
    mean, std = statistics(images)
    pixels = images.numpy().astype(numpy.float64) / 255
    assert mean == pytest.approx(pixels.mean((0, 2, 3)), rel=1e-12)
    assert std == pytest.approx(pixels.std((0, 2, 3)), rel=1e-9)
    assert statistics(images.flip(0)) == (mean, std)


def test_a_constant_channel_can_still_be_divided_by() -> None:
    assert statistics(torch.full((2, 1, 3, 3), 7, dtype=torch.uint8))[1] == (1 / 255,)


def test_normalised_training_pixels_have_mean_0_and_deviation_1() -> None:
    images = torch.randint(
        0, 256, (64, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(1)
    )
    images = images.contiguous(memory_format=torch.channels_last)
    out = normalise(images, *statistics(images))
    assert out.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(out.mean((0, 2, 3)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(out.std((0, 2, 3), correction=0), torch.ones(3), atol=1e-5, rtol=0)
    assert normalise(images, *statistics(images), dtype=torch.bfloat16).dtype == torch.bfloat16
