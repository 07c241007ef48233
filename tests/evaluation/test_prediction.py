"""One pass over pictures: exact, in order, and without a trace on the network."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from fieldmark.errors import UserError
from fieldmark.evaluation.prediction import (
    SHORTCUTS,
    full_precision,
    padded_batches,
    predict,
    two_class_logits,
)
from fieldmark.models import create
from fieldmark.vocabulary import ImageSet

MEAN, STD = (0.2, 0.4, 0.6), (0.3, 0.2, 0.25)


def pictures(count: int, height: int = 8, width: int = 8, channels: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(count)
    return torch.randint(256, (count, channels, height, width), generator=generator, dtype=torch.uint8)


def plain(images: Tensor) -> Tensor:
    """The definition, (x / 255 - mean) / std, in double precision."""
    mean, std = (torch.tensor(v, dtype=torch.float64).view(1, 3, 1, 1) for v in (MEAN, STD))
    return (images.double() / 255 - mean) / std


class Means(nn.Module):
    """A foreign module whose logits are the channel means of what it is given; it notes the batches."""

    def __init__(self) -> None:
        super().__init__()
        self.shapes: list[tuple[int, ...]] = []
        self.seen_training: list[bool] = []

    def forward(self, images: Tensor) -> Tensor:
        self.shapes.append(tuple(images.shape))
        self.seen_training.append(self.training)
        assert images.dtype == torch.float32
        assert images.is_contiguous(), "a network of one's own may flatten with view"
        return images.mean((2, 3))


def run(model: nn.Module, images: Tensor | ImageSet, **keywords):
    return predict(model, images, mean=MEAN, std=STD, **keywords)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 40), st.integers(1, 50))
def test_every_picture_counts_once_and_in_order_whatever_the_batch(count, batch_size):
    images = pictures(count)
    model = Means()
    predictions = run(model, images, batch_size=batch_size)
    assert predictions.logits.shape == (count, 3)
    assert predictions.index is not None
    assert predictions.index.tolist() == list(range(count))
    assert torch.allclose(predictions.logits.double(), plain(images).mean((2, 3)), atol=1e-5)
    assert len(set(model.shapes)) == 1, "one shape, the last batch too"
    assert model.shapes[0][0] == max(1, min(count, batch_size))


@pytest.mark.parametrize("name", ["baseline", "batch_norm", "smiles"])
def test_a_real_network_does_not_depend_on_the_batch_either(name):
    torch.manual_seed(0)
    model, images = create(name, 3, 3, 8), pictures(21)
    one_by_one = run(model, images, batch_size=1).logits
    for batch_size in (2, 5, 21, 512):
        assert torch.allclose(run(model, images, batch_size=batch_size).logits, one_by_one, atol=1e-5)


def test_the_last_batch_is_padded_with_its_last_picture_and_masked():
    images = pictures(5)
    batches = list(padded_batches(images, torch.arange(5), 3, (8, 8), MEAN, STD, "cpu"))
    assert [batch.mask.tolist() for batch in batches] == [[True] * 3, [True, True, False]]
    assert [batch.index.tolist() for batch in batches] == [[0, 1, 2], [3, 4, 4]]
    assert torch.equal(batches[1].images[2], batches[1].images[1])
    assert batches[1].labels.tolist() == [3, 4, 4]
    unlabelled = next(padded_batches(images, None, 3, (8, 8), MEAN, STD, "cpu"))
    assert unlabelled.labels.tolist() == [-1, -1, -1]


def test_labels_and_types_of_what_comes_back():
    images = ImageSet(pictures(4), torch.tensor([2, 0, 1, 2]), ("a", "b", "c"))
    predictions = run(create("baseline", 3, 3, 8), images, embeddings=True)
    assert predictions.labels is not None
    assert predictions.embeddings is not None
    assert predictions.index is not None
    assert predictions.labels.tolist() == [2, 0, 1, 2]
    assert predictions.embeddings.shape == (4, 32)
    for tensor in (predictions.logits, predictions.embeddings):
        assert tensor.dtype == torch.float32
        assert tensor.device.type == "cpu"
        assert not tensor.requires_grad
        assert not tensor.is_inference(), "may take part in gradients"
    assert predictions.index.dtype == torch.int64


def test_embeddings_are_what_the_head_takes_and_foreign_modules_have_none():
    model = create("baseline", 3, 3, 8)
    predictions = run(model, pictures(4), embeddings=True)
    assert torch.allclose(model.head(predictions.embeddings), predictions.logits, atol=1e-6)
    assert run(model, pictures(4)).embeddings is None
    assert run(Means(), pictures(4), embeddings=True).embeddings is None


def test_no_pictures_give_no_rows_but_the_right_columns():
    predictions = run(create("smiles", 2, 3, 8), pictures(0), embeddings=True)
    assert predictions.logits.shape == (0, 2)
    assert predictions.embeddings is not None
    assert predictions.embeddings.shape == (0, 256)


def test_one_unit_becomes_two_class_logits():
    z = torch.tensor([[-3.0], [0.0], [2.5]])
    logits = two_class_logits(z)
    assert torch.allclose(logits.softmax(1)[:, 1], torch.sigmoid(z[:, 0]))
    assert torch.equal(logits[:, 0], torch.zeros(3))
    many = torch.randn(3, 5, generator=torch.Generator().manual_seed(0))
    assert two_class_logits(many) is many
    assert run(create("smiles", 2, 3, 8), pictures(3)).logits.shape == (3, 2)


def test_tta_averages_the_logits_of_the_picture_and_its_mirror():
    model, images = create("baseline", 3, 3, 8), pictures(7)
    straight, mirrored = run(model, images).logits, run(model, images.flip(3)).logits
    assert not torch.allclose(straight, mirrored, atol=1e-3)
    both = run(model, images, tta=True, embeddings=True)
    assert torch.allclose(both.logits, (straight + mirrored) / 2, atol=1e-6)
    assert torch.allclose(both.embeddings, run(model, images, embeddings=True).embeddings, atol=1e-6)


def test_larger_pictures_are_cut_from_the_centre():
    images = pictures(3, 13, 12)  # 3 rows are too many, 1 above and 2 below; 6 columns, 3 on both sides
    whole = run(Means(), images, image_size=(10, 6)).logits
    cut = run(Means(), images[:, :, 1:11, 3:9]).logits
    assert torch.allclose(whole, cut, atol=1e-6)


def test_every_part_is_in_its_own_mode_again_even_after_an_error():
    model = nn.Sequential(nn.BatchNorm2d(3), Means())
    model.train()
    model[0].eval()  # a frozen batch norm
    before = model[0].running_mean.clone()
    run(model, pictures(4))
    assert (model.training, model[0].training, model[1].training) == (True, False, True)
    assert model[1].seen_training == [False]
    assert torch.equal(model[0].running_mean, before)
    with pytest.raises(UserError):
        run(nn.Sequential(model, nn.Unflatten(1, (3, 1))), pictures(4))
    assert (model.training, model[0].training) == (True, False)


def test_autocast_and_reduced_precision_around_it_change_nothing():
    model, images = create("digits", 3, 3, 8), pictures(6)
    expected = run(model, images).logits
    precision = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("medium")
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert torch.equal(run(model, images).logits, expected)
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision(precision)


def test_full_precision_is_put_back():
    from operator import attrgetter

    settings = [attrgetter(path)(torch.backends) for path in SHORTCUTS]
    before = [setting.fp32_precision for setting in settings]
    try:
        for setting in settings:  # of its own, whatever tests before this one have left
            setting.fp32_precision = "tf32"
        with full_precision(torch.device("cpu")):
            assert [setting.fp32_precision for setting in settings] == ["ieee"] * len(SHORTCUTS)
        assert [setting.fp32_precision for setting in settings] == ["tf32"] * len(SHORTCUTS)
        run(Means(), pictures(1))
        assert [setting.fp32_precision for setting in settings] == ["tf32"] * len(SHORTCUTS)
    finally:
        for setting, value in zip(settings, before, strict=True):
            setting.fp32_precision = value


def test_progress_counts_pictures():
    told: list[tuple[str, int, int]] = []
    run(Means(), pictures(5), batch_size=2, progress=lambda *news: told.append(news))
    assert told == [("predicting", 2, 5), ("predicting", 4, 5), ("predicting", 5, 5)]


@pytest.mark.parametrize(
    ("images", "keywords", "message"),
    [
        (torch.zeros(2, 3, 8, 8), {}, r"must be uint8 \(N, C, H, W\); got float32"),
        (pictures(1)[0], {}, r"got uint8 \(3, 8, 8\)"),
        (pictures(1, channels=1), {}, "1 channel"),
        (pictures(1), {"image_size": (9, 8)}, "8x8, smaller than the 9x8"),
        (pictures(1), {"batch_size": 0}, "batch_size=0"),
    ],
)
def test_what_it_cannot_take_is_said_in_one_line(images, keywords, message):
    with pytest.raises(UserError, match=message) as caught:
        run(Means(), images, **keywords)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("wrong", [nn.Identity(), nn.Flatten(0), nn.Bilinear])
def test_a_module_that_gives_no_logits_is_named(wrong):
    class Pair(nn.Module):
        def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
            return images, images

    model = Pair() if isinstance(wrong, type) else wrong
    with pytest.raises(UserError, match=rf"{type(model).__name__} gives .*\(N, classes\)"):
        run(model, pictures(2))


def test_pictures_of_which_a_network_makes_large_maps_go_in_smaller_batches(monkeypatch):
    from fieldmark.inspection import footprint

    sizes = []

    class Wide(torch.nn.Conv2d):
        def forward(self, images):
            if images.device.type != "meta":
                sizes.append(len(images))
            return super().forward(images).mean((2, 3))

    monkeypatch.setattr(footprint, "AT_ONCE", 3 * 4 * 16 * 8 * 8)
    pictures = torch.zeros(7, 1, 8, 8, dtype=torch.uint8)
    found = predict(Wide(1, 16, 3, padding=1), pictures, mean=[0.5], std=[0.5])
    assert len(found.logits) == 7
    assert sizes == [3, 3, 3]
