"""The steps of a recipe, one after the other, on whole batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from fieldmark.data.pixels.resizing import resize_tensor
from fieldmark.errors import UserError
from fieldmark.training.augmentation.checks import name_of
from fieldmark.training.augmentation.cropping import centre_crop
from fieldmark.training.augmentation.layout import pictures, pixels
from fieldmark.training.augmentation.steps import Context, Mixing, Step


@dataclass(frozen=True)
class Pipeline:
    """Augmentation of a training batch: steps on pictures, then mixing of pictures and labels.

    image_size: what the network receives, (height, width); None: the size of the pictures given. Pictures
    that leave the steps in another size are brought to it: larger stored ones lose their border where no step
    has changed their size, all others are resized by the rule "crop". Raises UserError when a mixing step
    comes before another step.

    >>> pipeline = Pipeline(())
    >>> images = torch.zeros(2, 3, 4, 4, dtype=torch.uint8)
    >>> images, labels = pipeline(images, torch.tensor([0, 1]), torch.arange(2), 0, torch.Generator(), 2)
    >>> images.shape, labels
    (torch.Size([2, 3, 4, 4]), tensor([0, 1]))
    """

    steps: tuple[Step | Mixing, ...]
    image_size: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        mixing = [isinstance(step, Mixing) for step in self.steps]
        for place, step in enumerate(self.steps[:-1]):
            if mixing[place] and not all(mixing[place:]):
                later = next(name_of(self.steps[k]) for k in range(place, len(mixing)) if not mixing[k])
                raise UserError(
                    f"{name_of(step)} must come last, after {later}: it mixes pictures and their labels."
                )

    @property
    def margin(self) -> float:
        """How many times larger than `image_size` the training pictures should be stored."""
        return max([1.0, *(step.margin for step in self.steps if isinstance(step, Step))])

    def __call__(
        self,
        images: Tensor,
        labels: Tensor,
        index: Tensor,
        epoch: int,
        generator: Generator,
        num_classes: int,
    ) -> tuple[Tensor, Tensor]:
        """The batch as the network is to see it, not yet normalised.

        images uint8 (N, C, H, W); labels int64 (N,); index int64 (N,): positions in the training set; epoch
        from 0; generator: on the CPU. Returns uint8 (N, C, h, w) in channels_last memory, and the labels:
        int64 (N,) as given, or float32 (N, num_classes) where a step mixes. Same generator state, same bits.
        """
        images = pictures(pixels(images))
        for _, changed in self._change(images, index, epoch, generator):
            images = changed
        mixers = [step for step in self.steps if isinstance(step, Mixing)]
        if mixers:
            labels = F.one_hot(labels, num_classes).float()
        for mixer in mixers:
            images, labels = mixer.mix(images, labels, generator)
        return images, labels

    def trace(
        self, images: Tensor, index: Tensor, epoch: int, generator: Generator
    ) -> list[tuple[str, Tensor]]:
        """The name of every step and the pictures after it; last "size", where they had to be brought to it.

        The pictures are those that a call makes of the same generator state; arguments as for a call.
        """
        images = pictures(pixels(images))
        stages = list(self._change(images, index, epoch, generator))
        images = stages[-1][1] if stages else images
        targets = torch.zeros(len(images), 1, device=images.device)
        for step in self.steps:
            if isinstance(step, Mixing):
                images, targets = step.mix(images, targets, generator)
                stages.append((name_of(step), images))
        return stages

    def _change(
        self, images: Tensor, index: Tensor, epoch: int, generator: Generator
    ) -> Iterator[tuple[str, Tensor]]:
        stored = (images.shape[2], images.shape[3])
        context = Context(index, epoch, self.image_size or stored)
        for step in self.steps:
            if isinstance(step, Step):
                images = step(images, generator, context)
                yield name_of(step), images
        found, wanted = (images.shape[2], images.shape[3]), context.size
        if found == wanted:
            return
        if found == stored and found[0] >= wanted[0] and found[1] >= wanted[1]:
            yield "size", centre_crop(images, wanted)
        else:
            yield "size", resize_tensor(images, wanted, "crop")
