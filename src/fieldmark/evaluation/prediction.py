"""One pass of a network over pictures, exact to the last one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from operator import attrgetter

import torch
from torch import Tensor, nn

from fieldmark.data.normalising import normalise
from fieldmark.errors import UserError
from fieldmark.inspection.footprint import rows_that_fit
from fieldmark.models.network import Network
from fieldmark.models.own import logits_of, no_gradients, rows
from fieldmark.vocabulary import ImageSet, Predictions
from fieldmark.world import torch_as_it_comes

Progress = Callable[[str, int, int], None]
SHORTCUTS = ("cudnn.conv", "cudnn.rnn", "cuda.matmul", "mkldnn.conv", "mkldnn.matmul")
"""Where torch keeps its permission to compute fp32 in fewer bits, below torch.backends."""


@dataclass(frozen=True)
class Batch:
    """Pictures on the device, ready for the network, and which of them count.

    images float (N, C, H, W), normalised; labels int64 (N,); index int64 (N,):
    positions in the ImageSet; mask bool (N,): False on rows that only pad the last batch.
    """

    images: Tensor
    labels: Tensor
    index: Tensor
    mask: Tensor


@torch_as_it_comes()
def predict(
    model: nn.Module,
    images: ImageSet | Tensor,
    *,
    mean: Sequence[float],
    std: Sequence[float],
    batch_size: int = 512,
    device: torch.device | str = "cpu",
    tta: bool = False,
    embeddings: bool = False,
    image_size: tuple[int, int] | None = None,
    progress: Progress | None = None,
) -> Predictions:
    """The logits of every picture, in the order of the set, always computed in fp32.

    images: an ImageSet, or uint8 (N, C, H, W); N may be 0. mean, std: C numbers on the 0-1 scale. model: to
    logits (N, K), or (N, 1) for two classes; it is moved to `device`, and every part of it is in its own mode
    (training or evaluation) again afterwards. image_size: (height, width) to cut from the centre of larger
    pictures. tta: the mean of the logits of the picture and of its mirror. embeddings: also the vectors
    before the head, of the picture itself; only a Network has them, for another module they are None.
    batch_size: the most at once; fewer where the network makes large maps of them. progress: called with
    ("predicting", done, total).

    Returns logits float32 (N, K), embeddings float32 (N, E) and index int64 (N,), all on the CPU. They do not
    depend on `batch_size` or on the neighbours in a batch, beyond the rounding of floats (about 1e-6).

    Raises UserError for pictures of the wrong type or channels, or smaller than `image_size`, and for a model
    that gives anything but logits.

    >>> from fieldmark.models import create
    >>> pictures = torch.zeros(3, 1, 8, 8, dtype=torch.uint8)
    >>> predict(create("baseline", 2, 1, 8), pictures, mean=[0.1], std=[0.3]).logits.shape
    torch.Size([3, 2])
    """
    pixels, labels = (images.images, images.labels) if isinstance(images, ImageSet) else (images, None)
    size = image_size or (pixels.shape[-2], pixels.shape[-1])
    _check(pixels, mean, std, size, batch_size)
    at_once = rows_that_fit(model, pixels.shape[1], size, max(1, min(batch_size, len(pixels))))
    model.to(device)
    logits, vectors, index = [], [], []
    with evaluating(model), no_gradients(model), full_precision(torch.device(device)):
        for batch in padded_batches(pixels, labels, at_once, size, mean, std, device):
            assert batch.mask is not None
            outputs, vector = _apply(model, batch.images, embeddings)
            if tta:
                outputs = (outputs + _apply(model, batch.images.flip(3), False)[0]) / 2
            logits.append(two_class_logits(outputs)[batch.mask].cpu())
            index.append(batch.index[batch.mask.cpu()])
            if vector is not None:
                vectors.append(vector[batch.mask].cpu())
            if progress is not None:
                progress("predicting", min(len(index) * len(batch.mask), len(pixels)), len(pixels))
    # Joined outside inference mode: these are ordinary tensors, which may take part in gradients.
    return Predictions(
        logits=torch.cat(logits),
        labels=None if labels is None else labels.cpu(),
        embeddings=torch.cat(vectors) if vectors else None,
        index=torch.cat(index),
    )


def two_class_logits(outputs: Tensor) -> Tensor:
    """A single unit z (N, 1) as the logits (0, z) of two classes; more units (N, K) stay as they are.

    softmax(0, z)[1] = sigmoid(z), so nothing downstream needs to know the difference.

    >>> two_class_logits(torch.tensor([[1.5]]))
    tensor([[0.0000, 1.5000]])
    """
    if outputs.shape[1] != 1:
        return outputs
    return torch.cat([torch.zeros_like(outputs), outputs], dim=1)


def padded_batches(
    images: Tensor,
    labels: Tensor | None,
    batch_size: int,
    size: tuple[int, int],
    mean: Sequence[float],
    std: Sequence[float],
    device: torch.device | str,
) -> Iterator[Batch]:
    """Normalised batches of one shape, in order; `mask` is False on rows that repeat the last picture.

    One shape keeps compiled and tuned code paths the same. A set smaller than a batch makes one batch of its
    own size, an empty one a single blank row that does not count. Without labels they are -1.
    """
    count = len(images)
    rows = max(1, min(batch_size, count))
    top, left = (images.shape[2] - size[0]) // 2, (images.shape[3] - size[1]) // 2
    for start in range(0, max(count, 1), rows):
        index = torch.arange(start, start + rows)
        mask = index < count
        index = index.clamp(max=max(count - 1, 0))
        chunk = images[start : start + rows, :, top : top + size[0], left : left + size[1]].to(device)
        missing = rows - len(chunk)
        if missing:
            last = chunk[-1:] if len(chunk) else chunk.new_zeros((1, *chunk.shape[1:]))
            chunk = torch.cat([chunk, last.expand(missing, -1, -1, -1)])
        chunk = chunk.contiguous(memory_format=torch.channels_last)
        truth = torch.full((rows,), -1) if labels is None else labels[index.to(labels.device)]
        yield Batch(normalise(chunk, mean, std), truth, index, mask.to(device))


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode inside; afterwards every module is in the mode it was in, frozen ones too."""
    before = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in before:
            module.training = training


@contextmanager
def full_precision(device: torch.device) -> Iterator[None]:
    """True fp32 inside: no autocast, no TF32 and no bf16 shortcuts in convolutions and matrix products."""
    settings = [attrgetter(path)(torch.backends) for path in SHORTCUTS]
    before = [setting.fp32_precision for setting in settings]
    for setting in settings:
        setting.fp32_precision = "ieee"
    try:
        with torch.autocast(device.type, enabled=False):
            yield
    finally:
        for setting, value in zip(settings, before, strict=True):
            setting.fp32_precision = value


def _apply(model: nn.Module, images: Tensor, embeddings: bool) -> tuple[Tensor, Tensor | None]:
    """Outputs (N, K) and, where asked for and there are any, vectors (N, E)."""
    vector = None
    if embeddings and isinstance(model, Network):
        vector = model.embed(model.features(images))
        outputs = model.head(vector)
    else:
        # Of a network of the user's own it is not known whether it takes channels_last pictures.
        outputs = logits_of(model, images if isinstance(model, Network) else rows(images))
    if not isinstance(outputs, Tensor) or outputs.dim() != 2 or len(outputs) != len(images):
        found = f"shape {tuple(outputs.shape)}" if isinstance(outputs, Tensor) else type(outputs).__name__
        raise UserError(
            f"{type(model).__name__} gives {found} for pictures {tuple(images.shape)}; a classifier gives "
            "one row of logits per picture, (N, classes)."
        )
    return outputs.float(), None if vector is None else vector.float()


def _check(
    images: Tensor, mean: Sequence[float], std: Sequence[float], size: tuple[int, int], batch_size: int
) -> None:
    if images.dtype != torch.uint8 or images.dim() != 4:
        raise UserError(
            f"pictures must be uint8 (N, C, H, W); got {str(images.dtype).removeprefix('torch.')} "
            f"{tuple(images.shape)}."
        )
    channels, height, width = images.shape[1:]
    if not channels == len(mean) == len(std):
        raise UserError(
            f"the pictures have {channels} channel(s), but mean has {len(mean)} and std {len(std)} values: "
            "one per channel is needed."
        )
    if height < size[0] or width < size[1]:
        raise UserError(
            f"the pictures are {height}x{width}, smaller than the {size[0]}x{size[1]} asked for. "
            "Load them at that size."
        )
    if batch_size < 1:
        raise UserError(f"batch_size={batch_size} is too small; at least 1.")
