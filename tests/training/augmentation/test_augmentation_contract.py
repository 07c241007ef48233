"""What every member of AUGMENTATIONS promises."""

from __future__ import annotations

import dataclasses
import json

import pytest
import torch
from torch import Tensor

from fieldmark.families import resolve
from fieldmark.training import augmentation
from fieldmark.training.augmentation import ABOUT, AUGMENTATIONS, Mixing, Step, build, describe

NAMES = list(AUGMENTATIONS)
DRAWS_NOTHING = {"alternating_mirror", "centre"}


def run(
    name: str, images: Tensor, seed: int = 0, size: tuple[int, int] | None = None
) -> tuple[Tensor, Tensor]:
    count = len(images)
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count, device=images.device) % 3
    return build([name], size)(images, labels, torch.arange(count), 1, generator, 3)


def test_every_augmentation_has_one_line_about_it():
    assert list(ABOUT) == NAMES
    assert all(line and "\n" not in line and line.isascii() for line in ABOUT.values())


@pytest.mark.parametrize("name", NAMES)
def test_is_a_frozen_dataclass_of_one_kind_that_the_package_names(name):
    kind = resolve(AUGMENTATIONS, name, "augmentation")
    assert dataclasses.is_dataclass(kind)
    assert kind.__dataclass_params__.frozen
    assert isinstance(kind(), Step) != isinstance(kind(), Mixing)
    assert getattr(augmentation, kind.__name__) is kind
    assert kind.__doc__ is not None
    assert not kind.__doc__.startswith(f"{kind.__name__}(")  # what dataclass writes where there is none


@pytest.mark.parametrize("name", NAMES)
def test_goes_to_json_and_back(name):
    step = build([name]).steps[0]
    document = json.loads(json.dumps(describe(step)))
    assert document["name"] == name
    assert build([document]).steps[0] == step


@pytest.mark.parametrize("count", [0, 1, 5])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", NAMES)
def test_keeps_type_shape_and_layout_and_leaves_its_input_alone(pictures, name, channels, count):
    images = pictures(count, channels, 9, 12)
    before = images.clone()
    result, _ = run(name, images)
    assert result.dtype == torch.uint8
    assert result.shape == (count, channels, 9, 12)
    assert result.permute(0, 2, 3, 1).is_contiguous()
    assert torch.equal(images, before)


@pytest.mark.parametrize("name", NAMES)
def test_the_memory_layout_of_the_input_does_not_matter(pictures, name):
    images = pictures(5)
    plain, _ = run(name, images.contiguous())
    assert torch.equal(plain, run(name, images)[0])


@pytest.mark.parametrize("name", NAMES)
def test_a_part_of_a_larger_store_is_read_where_it_lies(pictures, name):
    images = pictures(8)
    assert torch.equal(run(name, images[2:7])[0], run(name, images[2:7].clone())[0])


@pytest.mark.parametrize("name", NAMES)
def test_same_seed_same_bits_and_another_seed_others(pictures, name):
    images = pictures(24)
    first, again, other = run(name, images, 7), run(name, images, 7), run(name, images, 8)
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
    size = (7, 7) if name == "window" else None
    first, other = run(name, images, 7, size), run(name, images, 8, size)
    assert torch.equal(first[0], other[0]) == (name in DRAWS_NOTHING)


@pytest.mark.parametrize("name", NAMES)
def test_every_picture_has_its_own_random_values(pictures, name):
    images = pictures(1).expand(24, -1, -1, -1)
    size = (7, 7) if name == "window" else None
    partners = pictures(24) if name in ("mixup", "cutmix") else images
    result, _ = run(name, partners, 0, size)
    if name not in DRAWS_NOTHING:
        assert len(result.unique(dim=0)) > 1


@pytest.mark.parametrize("name", NAMES)
def test_nothing_global_is_drawn_from_or_changed(pictures, name):
    state = torch.get_rng_state()
    run(name, pictures(4))
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("name", NAMES)
def test_everything_happens_on_the_device_of_the_pictures(name):
    # Tensors on "meta" have no values, but mixing them with tensors on the CPU fails as it would on a GPU.
    images = torch.empty(4, 20, 20, 3, dtype=torch.uint8, device="meta").permute(0, 3, 1, 2)
    result, labels = run(name, images, size=(16, 16))
    assert result.device.type == labels.device.type == "meta"
    assert result.shape == (4, 3, 16, 16)


@pytest.mark.parametrize("name", NAMES)
def test_single_pixel_wide_pictures_are_no_special_case(pictures, name):
    step = {"name": "crop", "mode": "edge"} if name == "crop" else name
    images = pictures(3, 3, 1, 4)
    pipeline = build([step])
    result, _ = pipeline(images, torch.zeros(3).long(), torch.arange(3), 0, torch.Generator(), 2)
    assert result.shape == images.shape
