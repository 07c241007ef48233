"""Two pictures in one, and their labels with them: mixup and CutMix."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from fieldmark.training.augmentation import checks, draws
from fieldmark.training.augmentation.erasing import box_mask
from fieldmark.training.augmentation.layout import per_picture, pictures, pixels
from fieldmark.training.augmentation.steps import Mixing


def mixup(images: Tensor, targets: Tensor, partners: Tensor, shares: Tensor) -> tuple[Tensor, Tensor]:
    """Every picture blended with its partner: share x_n + (1 - share) x_partner, and the targets alike.

    images uint8 (N, C, H, W), rounded once; targets float32 (N, K); partners int64 (N,), positions in the
    batch; shares float (N,), from 0 to 1. Zhang et al. 2018, mixup: Beyond Empirical Risk Minimization.

    >>> pair = torch.tensor([0, 100], dtype=torch.uint8).view(2, 1, 1, 1)
    >>> images, targets = mixup(pair, torch.eye(2), torch.tensor([1, 0]), torch.tensor([0.75, 0.75]))
    >>> images.flatten().tolist(), targets.tolist()
    ([25, 75], [[0.75, 0.25], [0.25, 0.75]])
    """
    partners = per_picture(images, partners, "partners")
    shares = per_picture(images, shares, "shares").float()
    source = pixels(images)
    other = source.index_select(0, partners)
    # other + share (source - other): differences of bytes are exact, and so are shares of 0 and 1.
    mixed = source.float().sub_(other).mul_(shares[:, None, None, None]).add_(other)
    return pictures(mixed.round_().to(torch.uint8)), _mix_targets(targets, partners, shares)


def cutmix(images: Tensor, targets: Tensor, partners: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor]:
    """Every picture with a box of its partner's pixels; the targets are mixed by the box's share of the area.

    images uint8 (N, C, H, W); targets float32 (N, K); partners int64 (N,), positions in the batch; boxes
    int64 (N, 4): top, left, height, width, inside the picture. Yun et al. 2019, CutMix, eq. 1.

    >>> pair = torch.tensor([[1, 2], [3, 4]], dtype=torch.uint8).view(2, 1, 1, 2)
    >>> boxes = torch.tensor([[0, 1, 1, 1], [0, 0, 1, 0]])
    >>> images, targets = cutmix(pair, torch.eye(2), torch.tensor([1, 0]), boxes)
    >>> images.flatten().tolist(), targets.tolist()
    ([1, 4, 3, 4], [[0.5, 0.5], [0.0, 1.0]])
    """
    height, width = images.shape[2:]
    partners = per_picture(images, partners, "partners")
    boxes = per_picture(images, boxes, "boxes", 4)
    source = pixels(images)
    inside = box_mask(boxes, *source.shape[1:])
    mixed = torch.where(inside, source.index_select(0, partners), source)
    shares = 1 - boxes[:, 2] * boxes[:, 3] / (height * width)
    return pictures(mixed), _mix_targets(targets, partners, shares)


def _mix_targets(targets: Tensor, partners: Tensor, shares: Tensor) -> Tensor:
    shares = shares.to(targets.device)[:, None]
    return shares * targets + (1 - shares) * targets.index_select(0, partners.to(targets.device))


@dataclass(frozen=True)
class Mixup(Mixing):
    """Blend a picture and its label with another's, the share drawn from Beta(alpha, alpha)."""

    alpha: float = 0.2

    def __post_init__(self) -> None:
        checks.above(self, "alpha", 0)

    def mix(self, images: Tensor, targets: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
        partners = torch.randperm(len(images), generator=generator)
        return mixup(images, targets, partners, draws.beta(len(images), self.alpha, generator))


@dataclass(frozen=True)
class CutMix(Mixing):
    """Paste a box of another picture, and as much of its label; its area is drawn from Beta(alpha, alpha)."""

    alpha: float = 1.0

    def __post_init__(self) -> None:
        checks.above(self, "alpha", 0)

    def mix(self, images: Tensor, targets: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
        count, _, height, width = images.shape
        partners = torch.randperm(count, generator=generator)
        side = (
            1 - draws.beta(count, self.alpha, generator)
        ).sqrt()  # of the box, as a share of the picture's
        top, tall = _interval(height, side, generator)
        left, wide = _interval(width, side, generator)
        return cutmix(images, targets, partners, torch.stack([top, left, tall, wide], dim=1))


def _interval(length: int, share: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
    """Start and length, int64 (N,), of an interval about a random middle, cut off at the picture."""
    middle = draws.whole(len(share), 0, length - 1, generator)
    extent = (share * length).long()
    start = (middle - extent // 2).clamp(min=0)
    end = (middle - extent // 2 + extent).clamp(max=length)
    return start, end - start
