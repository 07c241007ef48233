from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch

from fieldmark.data.pixels.resizing import resize_tensor
from fieldmark.errors import UserError
from fieldmark.training.augmentation import Context, Pipeline, Step, build
from fieldmark.training.augmentation.cropping import PadAndCrop
from fieldmark.training.augmentation.mirroring import Mirror


def run(pipeline: Pipeline, images: torch.Tensor, seed: int = 0, epoch: int = 0):
    count = len(images)
    generator = torch.Generator().manual_seed(seed)
    return pipeline(images, torch.arange(count) % 3, torch.arange(count), epoch, generator, 3)


def test_no_steps_change_nothing(pictures):
    images = pictures(4)
    result, labels = run(build([]), images)
    assert torch.equal(result, images)
    assert labels.tolist() == [0, 1, 2, 0]


def test_steps_follow_each_other_on_one_generator(pictures):
    images = pictures(8)
    generator, context = torch.Generator().manual_seed(3), Context(torch.arange(8), 0, (9, 12))
    expected = PadAndCrop(3)(Mirror()(images, generator, context), generator, context)
    assert torch.equal(run(build(["mirror", {"name": "crop", "padding": 3}]), images, 3)[0], expected)


def test_labels_stay_numbers_without_mixing_and_become_shares_with_it(pictures):
    images = pictures(4)
    assert run(build(["mirror"]), images)[1].dtype == torch.int64
    _, targets = run(build(["mirror", "mixup", "cutmix"]), images)
    assert targets.dtype == torch.float32
    assert targets.shape == (4, 3)
    assert torch.allclose(targets.sum(1), torch.ones(4))


def test_index_and_epoch_reach_the_steps(pictures):
    images, pipeline = pictures(6), build(["alternating_mirror"])
    first, second = run(pipeline, images, epoch=0)[0], run(pipeline, images, epoch=1)[0]
    assert torch.equal(first.flip(3), second)


def test_mixing_before_another_step_is_refused():
    with pytest.raises(UserError, match="mixup must come last, after mirror"):
        build(["crop", "mixup", "mirror"])


def test_the_margin_is_that_of_the_step_that_needs_most():
    assert build([]).margin == build(["mirror", "crop", "mixup"]).margin == 1.0
    assert build(["mirror", "zoom"]).margin == build(["window", "mirror"]).margin == 1.25
    assert build([{"name": "window", "size": 8}]).margin == 1.0


def test_larger_stored_pictures_are_cut_to_the_networks_size(pictures):
    images = pictures(3, 3, 10, 17)
    result, _ = run(build([], (8, 12)), images)
    assert torch.equal(result, images[:, :, 1:9, 2:14])


@pytest.mark.parametrize(
    "step",
    [{"name": "window", "size": [6, 9]}, {"name": "centre", "size": 5}, {"name": "centre", "size": [9, 14]}],
)
def test_a_step_that_gives_another_size_is_followed_by_resizing(pictures, step):
    images = pictures(3, 3, 10, 15)
    pipeline = build([step], (8, 12))
    cut = pipeline.trace(images, torch.arange(3), 0, torch.Generator())[0][1]
    result, _ = run(pipeline, images)
    assert result.shape[2:] == (8, 12)
    if step["name"] == "centre":
        assert torch.equal(result, resize_tensor(cut, (8, 12), "crop"))


def test_smaller_pictures_are_resized(pictures):
    images = pictures(3, 1, 5, 9)
    result, _ = run(build(["mirror"], (8, 8)), images)
    assert result.shape == (3, 1, 8, 8)


@pytest.mark.parametrize("name", ["zoom", "window"])
def test_zoom_and_window_give_the_networks_size_from_the_margin(pictures, name):
    trace = build([name, "mirror"], (8, 12)).trace(
        pictures(3, 3, 10, 15), torch.arange(3), 0, torch.Generator()
    )
    assert [step for step, _ in trace] == [name, "mirror"]
    assert all(images.shape[2:] == (8, 12) for _, images in trace)


def test_the_trace_ends_with_what_a_call_gives(pictures):
    images = pictures(5, 3, 10, 15)
    pipeline = build(["mirror", "rotate", "erase", "cutmix"], (8, 12))
    trace = pipeline.trace(images, torch.arange(5), 0, torch.Generator().manual_seed(4))
    assert [name for name, _ in trace] == ["mirror", "rotate", "erase", "size", "cutmix"]
    assert torch.equal(trace[-1][1], run(pipeline, images, 4)[0])


@pytest.mark.parametrize(
    "images", [torch.zeros(2, 3, 4, 4), torch.zeros(3, 4, 4, dtype=torch.uint8)], ids=["float", "one picture"]
)
def test_what_is_no_batch_of_bytes_is_refused(images):
    with pytest.raises(UserError, match=r"uint8 \(N, C, H, W\); got (float32|uint8) .*Normalise after"):
        run(build(["mirror"]), images)


def test_a_step_of_ones_own_takes_part(pictures):
    @dataclass(frozen=True)
    class Invert(Step):
        def __call__(self, images, generator, context):
            return 255 - images

    images, pipeline = pictures(2), build(["crop", Invert()])
    trace = pipeline.trace(images, torch.arange(2), 0, torch.Generator())
    assert [name for name, _ in trace] == ["crop", "Invert"]
    assert torch.equal(trace[1][1], 255 - trace[0][1])
