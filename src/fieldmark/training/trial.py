"""A network of the user's own, tried on two pictures before a run is begun with it."""

from __future__ import annotations

import torch
from torch import nn

from fieldmark.errors import TrainingError
from fieldmark.models.misfits import side_that_works, where_it_fails


def try_out(
    model: nn.Module, num_classes: int, channels: int, image_size: tuple[int, int], device: torch.device
) -> None:
    """Give the network two black pictures, float32 (2, C, H, W), in evaluation mode.

    Raises TrainingError when it raises, whatever that is, naming the layer, the shape that reached it and a
    picture size that works where one is found; and when it gives anything but a logit per picture and class
    (or, for two classes, one per picture). The random state stays as it was.

    >>> try_out(nn.Sequential(nn.Flatten(), nn.Linear(12, 5)), 5, 3, (2, 2), torch.device("cpu"))
    """
    name, images = type(model).__name__, torch.zeros(2, channels, *image_size, device=device)
    training = model.training
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            logits = model.eval()(images)
    except Exception as error:  # the user's code may raise anything at all
        what = " ".join(str(error).split())
        raise TrainingError(
            f"your network {name} fails on pictures {tuple(images.shape)}: {type(error).__name__}: {what}."
            + whereabouts(model, tuple(images.shape))
        ) from error
    finally:
        model.train(training)
    wanted = {(2, num_classes)} | ({(2, 1)} if num_classes == 2 else set())
    got = tuple(logits.shape) if isinstance(logits, torch.Tensor) else type(logits).__name__
    if got not in wanted:
        raise TrainingError(
            f"your network {name} makes {got} of pictures {tuple(images.shape)}; "
            f"{(2, num_classes)} is wanted, a logit per picture and class."
        )


def whereabouts(model: nn.Module, images_shape: tuple[int, ...]) -> str:
    """Sentences on which layer fails with which shape, and what size would do; none where they are not known.

    >>> net = nn.Sequential(nn.Flatten(), nn.Linear(48, 5))
    >>> whereabouts(net, (2, 3, 8, 8))
    ' Layer 1 gets 192. The network takes 4x4 pictures: --image-size 4.'
    """
    misfit = where_it_fails(model, images_shape)
    if misfit is None:
        return ""
    where = f" Layer {misfit}." if misfit.layer else ""
    side = side_that_works(model, images_shape)
    return where + (f" The network takes {side}x{side} pictures: --image-size {side}." if side else "")
