"""The table of published weights speaks of models there are, in names that carry their checksums."""

from __future__ import annotations

import re

from fieldmark.models import MODELS
from fieldmark.weights.public_files import ADDRESSES, MEAN, PUBLIC_FILES, STD, checksum


def test_every_name_is_a_model_and_every_file_carries_its_checksum():
    assert set(PUBLIC_FILES) <= set(MODELS)
    assert len(set(PUBLIC_FILES.values())) == len(PUBLIC_FILES)
    for name, file in PUBLIC_FILES.items():
        assert re.fullmatch(rf"{name}(-owt)?-[0-9a-f]{{8}}\.pth", file)
        assert checksum(file) == "sha256:" + file[-12:-4]


def test_addresses_are_folders_over_https():
    assert all(address.startswith("https://") and address.endswith("/") for address in ADDRESSES)


def test_the_normalisation_is_that_of_imagenet():
    assert (MEAN, STD) == ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
