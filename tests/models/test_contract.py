"""What every architecture promises; new members of MODELS are picked up by themselves."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from models.members import DEEPER, DIFFERENT
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from fieldmark.errors import UserError
from fieldmark.evaluation.prediction import predict
from fieldmark.families import resolve
from fieldmark.models import ABOUT, MODELS, create
from fieldmark.models.network import Network
from fieldmark.shipping.classifier import Classifier
from fieldmark.vocabulary import Preprocessing

every_model = pytest.mark.parametrize("name", DIFFERENT)
CLASSES = ("crow", "swan", "wren")


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Maps of a few channels are too small to share among threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


REDUCED = {"width": 8, "hidden": 32, "growth": 4}
"""What makes a published network small without changing how it is built; full widths are for test_counts."""

NARROW = {"googlenet": {"width": 16}}
"""Where a branch would be left with two channels, which all pictures may miss by chance."""


@functools.cache
def options(name: str) -> dict[str, Any]:
    """The reduced widths that `name` takes; the textbooks' networks are small as they are."""
    takes = inspect.signature(resolve(MODELS, name, "model")).parameters
    taken = {key: value for key, value in REDUCED.items() if key in takes and "stem" in takes}
    return taken | NARROW.get(name, {})


def fresh(
    name: str, classes: int = 3, channels: int = 3, size: tuple[int, int] | int | None = None, **more: Any
) -> nn.Module:
    """The network in evaluation mode, the same weights each time, for the smallest pictures it takes."""
    state = torch.random.get_rng_state()
    torch.manual_seed(0)
    made = create(name, classes, channels, size or ABOUT[name].smallest, **options(name), **more).eval()
    torch.random.set_rng_state(state)
    return made


@functools.cache
def shared(name: str) -> nn.Module:
    """`fresh(name)`, made once, for tests that leave it as it is."""
    return fresh(name)


def some(count: int, channels: int, size: tuple[int, int] | int) -> Tensor:
    height, width = (size, size) if isinstance(size, int) else size
    return torch.randn(count, channels, height, width, generator=torch.Generator().manual_seed(1))


def test_what_is_left_out_as_deeper_is_made_by_the_file_of_a_member_that_is_tested():
    files = {name: reference.partition(":")[0] for name, reference in MODELS.items()}
    assert {files[name] for name in DEEPER} <= {files[name] for name in DIFFERENT}


def test_the_tables_speak_of_the_same_networks():
    assert list(MODELS) == sorted(MODELS)
    assert set(ABOUT) == set(MODELS)
    for name, about in ABOUT.items():
        assert callable(resolve(MODELS, name, "model"))
        assert 1 <= about.smallest <= about.published_size
        assert about.summary
        assert "\n" not in about.summary


@every_model
def test_three_named_parts_compose_to_forward(name):
    model, images = shared(name), some(2, 3, ABOUT[name].smallest)
    assert isinstance(model, Network)
    maps = model.features(images)
    vectors = model.embed(maps)
    logits = model.head(vectors)
    assert maps.dim() == 4
    assert maps.shape[0] == 2
    assert vectors.dim() == 2
    assert logits.shape == (2, 3)
    assert torch.equal(model(images), logits)


@every_model
def test_stages_have_names_and_the_head_is_the_last_layer(name):
    model = shared(name)
    assert isinstance(model.features, nn.Sequential)
    stages = [stage for stage, _ in model.features.named_children()]
    assert stages
    assert all(stage.isidentifier() for stage in stages), "names, not numbers"
    assert next(iter(dict(model.named_children()))) == "features"
    last = list(dict(model.named_children()))[-1]
    assert last == "head"
    assert isinstance(model.head, nn.Linear | nn.Conv2d)


@every_model
def test_the_gradient_reaches_every_parameter(name):
    # In evaluation mode: in training batch norm takes away the bias before it, and its gradient with it.
    # Pictures of 24 pixels: on a map of one pixel a whole layer's ReLUs may be shut by chance.
    size = max(ABOUT[name].smallest, 24)
    model, images = fresh(name, size=size), some(6, 3, size)
    cross_entropy(model(images), torch.tensor([0, 1, 2, 0, 1, 2])).backward()
    for parameter_name, parameter in model.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert parameter.grad.abs().sum() > 0, parameter_name
        assert parameter.grad.isfinite().all(), parameter_name


@every_model
def test_any_number_of_channels_and_classes(name):
    for channels, classes in ((1, 2), (4, 7)):
        logits = fresh(name, classes, channels)(some(2, channels, ABOUT[name].smallest))
        assert logits.shape in {(2, classes)} | ({(2, 1)} if classes == 2 else set())


@every_model
def test_odd_and_oblong_sizes(name):
    smallest = ABOUT[name].smallest
    for grow in ((5, 2), (0, 17)):
        size = (smallest + grow[0], smallest + grow[1])
        assert fresh(name, size=size)(some(2, 3, size)).shape == (2, 3)


@every_model
def test_one_pixel_less_than_the_smallest_is_refused_with_the_size_that_fits(name):
    smallest = ABOUT[name].smallest
    for size in ((smallest - 1, smallest - 1), (3 * smallest, smallest - 1)):
        fits = rf"{size[0]}x{size[1]} .*{name}.* at least {smallest}x{smallest}"
        with pytest.raises(UserError, match=fits):
            create(name, 3, 3, size, **options(name))


@every_model
def test_the_smallest_size_is_not_larger_than_needed(name):
    """Without the check, one pixel less fails by itself (but for the nets that take a single pixel)."""
    smallest = ABOUT[name].smallest
    if smallest == 1:
        return
    network = resolve(MODELS, name, "model")
    size = (smallest - 1, smallest - 1)
    with pytest.raises((RuntimeError, UserWarning)):
        network(num_classes=3, in_channels=3, image_size=size, **options(name))(some(2, 3, size))


@every_model
def test_a_single_picture_and_the_same_one_among_others(name):
    model, images = shared(name), some(5, 3, ABOUT[name].smallest)
    alone = torch.cat([model(image[None]) for image in images])
    assert torch.allclose(model(images), alone, atol=1e-5)


@every_model
def test_channels_last_gives_the_same_logits(name):
    model, images = fresh(name), some(3, 3, ABOUT[name].smallest)
    expected = model(images)
    model.to(memory_format=torch.channels_last)
    assert torch.allclose(model(images.contiguous(memory_format=torch.channels_last)), expected, atol=1e-5)


@every_model
def test_seeded_weights_are_the_same_weights(name):
    one, two = shared(name), fresh(name)
    for (parameter_name, first), second in zip(one.named_parameters(), two.parameters(), strict=True):
        assert torch.equal(first, second), parameter_name


@every_model
def test_the_meta_device_makes_it_without_drawing_or_memory(name):
    before = torch.random.get_rng_state()
    with torch.device("meta"):
        model = create(name, 3, 3, ABOUT[name].published_size)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(tensor.is_meta for tensor in model.state_dict().values())


@every_model
def test_saved_and_loaded_it_predicts_the_same(name, tmp_path):
    side = ABOUT[name].smallest
    preprocessing = Preprocessing((side, side), 3, (0.5,) * 3, (0.25,) * 3)
    pictures = torch.randint(256, (5, 3, side, side), dtype=torch.uint8)
    model = fresh(name).to(memory_format=torch.channels_last)
    expected = predict(model, pictures, mean=preprocessing.mean, std=preprocessing.std).logits
    Classifier(model, name, options(name), CLASSES, preprocessing).save(tmp_path / "net")
    assert torch.equal(Classifier.load(tmp_path / "net").logits(pictures), expected)


@every_model
def test_every_start_gives_finite_logits_and_varied_weights(name):
    for model in (shared(name), fresh(name, init="xavier"), fresh(name, init="kaiming")):
        assert model(some(2, 3, ABOUT[name].smallest)).isfinite().all()
        for parameter_name, parameter in model.named_parameters():
            if parameter.dim() > 1:
                assert parameter.std() > 0, parameter_name
