"""The table of published weights against torchvision's own."""

from __future__ import annotations

import pytest

from fieldmark.weights.public_files import ADDRESSES, MEAN, PUBLIC_FILES, SIDE, STD

models = pytest.importorskip("torchvision.models")
pytestmark = pytest.mark.peers


@pytest.mark.parametrize("name", PUBLIC_FILES)
def test_address_and_normalisation_are_torchvisions(name):
    theirs = models.get_model_weights(name).IMAGENET1K_V1
    assert theirs.url == ADDRESSES[0] + PUBLIC_FILES[name]
    preset = theirs.transforms()
    assert (tuple(preset.mean), tuple(preset.std), preset.crop_size) == (MEAN, STD, [SIDE])
