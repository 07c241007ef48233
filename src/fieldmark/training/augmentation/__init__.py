"""Augmentation of whole batches on their device, every picture with its own random values.

`build(["mirror", "crop"])` makes a Pipeline. Each kind is a small frozen dataclass that draws and a public
function that does: mirroring.Mirror and mirroring.mirror, cropping.PadAndCrop and cropping.pad_and_crop, and
so on. Pictures are uint8 (N, C, H, W) in channels_last memory throughout; random numbers come from a
torch.Generator on the CPU and are moved to the pictures' device, so that a seed draws the same everywhere.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fieldmark.training.augmentation.pipeline import Pipeline as Pipeline
    from fieldmark.training.augmentation.steps import Context as Context
    from fieldmark.training.augmentation.steps import Mixing as Mixing
    from fieldmark.training.augmentation.steps import Step as Step

_HERE = "fieldmark.training.augmentation"

AUGMENTATIONS = {
    "mirror": f"{_HERE}.mirroring:Mirror",
    "alternating_mirror": f"{_HERE}.mirroring:AlternatingMirror",
    "flip": f"{_HERE}.mirroring:Flip",
    "crop": f"{_HERE}.cropping:PadAndCrop",
    "window": f"{_HERE}.cropping:RandomCrop",
    "centre": f"{_HERE}.cropping:CentreCrop",
    "zoom": f"{_HERE}.zooming:Zoom",
    "rotate": f"{_HERE}.rotating:Rotate",
    "brightness": f"{_HERE}.colour:Brightness",
    "contrast": f"{_HERE}.colour:Contrast",
    "saturation": f"{_HERE}.colour:Saturation",
    "erase": f"{_HERE}.erasing:Erase",
    "trivial": f"{_HERE}.trivial:Trivial",
    "mixup": f"{_HERE}.mixing:Mixup",
    "cutmix": f"{_HERE}.mixing:CutMix",
}
"""Name to "module:class"; a class is a frozen dataclass whose fields are the settings."""

ABOUT = {
    "mirror": "left to right, half of the pictures at random",
    "alternating_mirror": "left to right, every picture on every other epoch (Jordan 2024)",
    "flip": "upside down, half of the pictures at random",
    "crop": "shifted by up to 2 pixels each way, the border reflected",
    "window": "a random window of the network's size out of a larger stored picture, or of a size you give",
    "centre": "the middle of the picture, of a size you give",
    "zoom": "a random part, 35 to 100 % of the area, at the network's size (Szegedy 2015)",
    "rotate": "turned by up to 10 degrees either way",
    "brightness": "brightness times 0.6 to 1.4",
    "contrast": "contrast times 0.6 to 1.4",
    "saturation": "saturation times 0.6 to 1.4; grey pictures stay as they are",
    "erase": "a box of noise over half of the pictures (Zhong 2017)",
    "trivial": "one of 14 operations of random strength (TrivialAugment, Mueller 2021)",
    "mixup": "pictures and labels blended in pairs (Zhang 2018); comes last",
    "cutmix": "a box from another picture, and as much of its label (Yun 2019); comes last",
}
"""What `fieldmark list augmentations` says of each, with its default settings."""


def build(
    steps: Sequence[str | Mapping[str, Any] | Step | Mixing], image_size: tuple[int, int] | None = None
) -> Pipeline:
    """The steps, in order, as one function of a batch.

    steps: names (with default settings), dicts {"name": ..., setting: value}, or the dataclasses themselves.
    image_size: what the network receives, (height, width); None: whatever size the pictures have.
    Raises UserError for an unknown name or setting, with the closest; for a value that does not fit; and when
    mixup or cutmix is not at the end.

    >>> build(["mirror", {"name": "crop", "padding": 4}]).steps
    (Mirror(probability=0.5), PadAndCrop(padding=4, mode='reflect'))
    """
    from fieldmark.training.augmentation.building import steps_of
    from fieldmark.training.augmentation.pipeline import Pipeline

    return Pipeline(steps_of(steps), image_size)


def describe(step: object) -> dict[str, Any]:
    """A step as the dict that `build` takes, with all its settings, ready for JSON.

    Raises UserError for a step that is not one of AUGMENTATIONS.

    >>> describe(build(["zoom"]).steps[0])
    {'name': 'zoom', 'area': [0.35, 1.0], 'aspect': [0.75, 1.3333333333333333]}
    """
    from fieldmark.training.augmentation.building import spell

    return spell(step)


def __getattr__(name: str) -> Any:
    """The classes by name (Pipeline, Mirror, Zoom, ...), imported on use: they need torch, the tables not."""
    homes = {"Pipeline": f"{_HERE}.pipeline", "Context": f"{_HERE}.steps"}
    homes |= dict.fromkeys(("Step", "Mixing"), f"{_HERE}.steps")
    homes |= {kind: module for module, _, kind in (path.partition(":") for path in AUGMENTATIONS.values())}
    if name not in homes:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(importlib.import_module(homes[name]), name)
