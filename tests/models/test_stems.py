"""Which stem a picture size gets, and that it is said."""

from __future__ import annotations

import pytest

from fieldmark.models import MODELS, settled
from fieldmark.models.stems import SMALL_BELOW, chosen


def test_the_short_side_decides_unless_told():
    assert SMALL_BELOW == 96
    assert chosen(None, (95, 400)) == chosen(None, (400, 95)) == "small"
    assert chosen(None, (96, 96)) == "published"
    assert chosen("published", (32, 32)) == "published"
    assert chosen("small", (224, 224)) == "small"


def test_networks_without_stems_keep_their_options_as_they_are():
    options = {"width": 8}
    assert settled("baseline", 32, options) == {"width": 8}
    assert settled("baseline", (32, 32), {}) == {}


@pytest.mark.parametrize("name", sorted(set(MODELS) & {"resnet18", "alexnet", "densenet121", "vgg11_bn"}))
def test_what_depends_on_the_picture_is_made_explicit(name):
    options = {"width": 8}
    assert settled(name, 32, options) == {"width": 8, "stem": "small"}
    assert settled(name, (224, 96), {}) == {"stem": "published"}
    assert settled(name, 32, {"stem": None}) == {"stem": "small"}
    assert settled(name, 32, {"stem": "published"}) == {"stem": "published"}
    assert options == {"width": 8}, "the caller's own are left alone"
