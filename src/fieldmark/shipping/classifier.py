"""Classifier: the folder you ship, read, written and used."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from fieldmark import world
from fieldmark.errors import ClassifierError, UserError
from fieldmark.evaluation.prediction import Progress, predict
from fieldmark.inspection.footprint import refuse_vast, rows_that_fit
from fieldmark.models import TIMM, create, is_own
from fieldmark.models.building import call, no_more_layers_than
from fieldmark.models.hidden import hidden, sentence
from fieldmark.models.network import Network
from fieldmark.models.own import settle_lazy
from fieldmark.models.timm_library import library
from fieldmark.shipping.description import DESCRIPTION, WEIGHTS, Description
from fieldmark.shipping.inputs import KINDS, Source
from fieldmark.shipping.integrity import FRESH, one_line, seal
from fieldmark.shipping.pictures import read_pictures
from fieldmark.shipping.scores import Prediction, answer
from fieldmark.shipping.unpacking import find, unpack
from fieldmark.shipping.weights import fill, filled, tensor_count, to_bytes
from fieldmark.shipping.writing import write_folder
from fieldmark.vocabulary import Preprocessing

Maker = Callable[..., nn.Module]
LAYERS_PER_TENSOR = 10
"""More layers than this for every tensor no network has; activations and groups of layers have none."""


@dataclass(frozen=True, eq=False, repr=False)
class Classifier:
    """A trained network with all that is needed to use it.

    model: (N, C, H, W) to logits. name: the architecture's name, or module:class of a network of your own.
    options: what it was made with besides classes, channels and size. metrics: headline figures, for JSON.

    Raises ClassifierError for class names or a preprocessing that cannot be.

    >>> colours = Preprocessing((8, 8), 3, mean=(0.5, 0.5, 0.5), std=(0.2, 0.2, 0.2))
    >>> birds = Classifier(create("baseline", 2, 3, 8), "baseline", {}, ("crow", "swan"), colours)
    >>> birds.predict([np.zeros((20, 30, 3), np.uint8)])[0].status
    'ok'
    """

    model: nn.Module
    name: str
    options: dict[str, Any]
    classes: tuple[str, ...]
    preprocessing: Preprocessing
    metrics: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._description(b"")

    def __repr__(self) -> str:
        height, width = self.preprocessing.image_size
        return f"Classifier({self.name}, {len(self.classes)} classes, {height}x{width} pictures)"

    @classmethod
    @world.torch_as_it_comes()
    def load(cls, path: str | Path, model: nn.Module | Maker | None = None) -> Classifier:
        """The classifier in a folder that `save` wrote, or in the run folder around it.

        Nothing in the folder is executed or imported: it is JSON and safetensors. model: needed for a network
        of your own: the module, which is filled in place, or what makes it, called with num_classes,
        in_channels, image_size and the options. The network is in evaluation mode and fp32; channels_last,
        too, unless it is your own.

        Raises ClassifierError, one line naming the file, for anything missing, broken, altered or unknown.
        """
        folder = find(Path(path))
        description, content = unpack(folder)
        network = _network(description, model, folder, tensor_count(content))
        unseen = hidden(network)
        try:
            known = not unseen or filled(network, content)
            fill(network, content)
        except ClassifierError as error:
            raise ClassifierError(f"{folder / WEIGHTS}: {error}. {FRESH}") from error
        if not known:  # only the network that was trained, still at hand in Python, has these layers, too
            raise ClassifierError(
                f"{folder} does not hold all of {description.model!a}: {sentence(unseen)} Then train again."
            )
        if isinstance(network, Network):  # one of the user's own may not take channels_last pictures
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs lack it
        network.eval()
        return cls(
            network,
            description.model,
            description.options,
            description.classes,
            description.preprocessing,
            description.metrics,
        )

    @world.torch_as_it_comes()
    def save(self, folder: str | Path, *, overwrite: bool = False) -> None:
        """Write classifier.json and weights.safetensors into `folder`: whole, or not at all.

        Raises UserError when the folder is there already (unless `overwrite`, and it is a classifier), when
        the disk does not take it, and for weights that are not finite. What was there before is kept then.
        """
        weights = to_bytes(self.model)
        document = seal(self._description(weights).to_json())
        text = json.dumps(document, indent=2, allow_nan=False) + "\n"
        write_folder(Path(folder), {WEIGHTS: weights, DESCRIPTION: text.encode("ascii")}, overwrite)

    @world.torch_as_it_comes()
    def predict(
        self,
        files: Iterable[Source],
        *,
        batch_size: int = 64,
        tta: bool = False,
        top_k: int | None = None,
        device: torch.device | str = "cpu",
        progress: Progress | None = None,
    ) -> list[Prediction]:
        """One row per picture, in the order given; a bad file gets a row with its status and moves no other.

        files: paths, the bytes of files, PIL pictures, arrays uint8 (H, W) or (H, W, C), and tensors uint8
        (H, W) or (C, H, W), C 1, 3 or 4 (alpha is composed on white); anything else in the list gets a row
        that says so. top_k: scores per row, at most one per class; None is all. tta: average the logits of
        the picture and its mirror. progress: called with ("predicting", done, total). A row does not depend
        on the other pictures, beyond the rounding of floats (about 1e-6).

        Raises UserError for a single picture instead of a list, and for top_k below 1.
        """
        if isinstance(files, KINDS) or not isinstance(files, Iterable):
            raise UserError(
                "predict takes a list of pictures: put the one you have in brackets, [picture]; of an array "
                "or a tensor of many make one with list(pictures)."
            )
        files = list(files)
        if top_k is not None and top_k < 1:
            raise UserError(f"top_k={top_k} is too small; at least 1.")
        kept = len(self.classes) if top_k is None else top_k
        takes = self.preprocessing
        batch_size = rows_that_fit(self.model, takes.channels, takes.image_size, min(batch_size, len(files)))
        rows: list[Prediction] = []
        for pictures in read_pictures(files, self.preprocessing, batch_size):
            good = [picture.image for picture in pictures if picture.image is not None]
            logits = iter(self._logits_of(good, batch_size, tta, device))
            for picture in pictures:
                if picture.image is None:
                    rows.append(Prediction(picture.file, picture.status, picture.reason))
                else:
                    rows.append(answer(picture.file, next(logits), self.classes, kept))
            if progress is not None:
                progress("predicting", len(rows), len(files))
        return rows

    @world.torch_as_it_comes()
    def logits(
        self,
        images: Tensor,
        *,
        batch_size: int = 64,
        tta: bool = False,
        device: torch.device | str = "cpu",
    ) -> Tensor:
        """Logits float32 (N, K) of prepared pictures, uint8 (N, C, h, w) of the size the classifier takes.

        Raises UserError for another size or number of channels, and ClassifierError when the network gives
        anything but a finite number per class.
        """
        expected = (self.preprocessing.channels, *self.preprocessing.image_size)
        if tuple(images.shape[1:]) != expected:
            raise UserError(
                f"pictures {tuple(images.shape)} do not fit; the classifier takes (N, *{expected})."
            )
        logits = predict(
            self.model,
            images,
            mean=self.preprocessing.mean,
            std=self.preprocessing.std,
            batch_size=batch_size,
            device=world.device(device) if isinstance(device, str) else device,
            tta=tta,
        ).logits
        if logits.shape[1] != len(self.classes):
            raise ClassifierError(
                f"{self.name} gives {logits.shape[1]} logits for {len(self.classes)} classes. {FRESH}"
            )
        if not logits.isfinite().all():
            raise ClassifierError(f"{self.name} gives logits that are not finite. {FRESH}")
        return logits

    def _logits_of(
        self, pictures: list[np.ndarray], batch_size: int, tta: bool, device: torch.device | str
    ) -> Tensor:
        if not pictures:
            return torch.empty(0, len(self.classes))
        images = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)  # (N, C, h, w), stored NHWC
        return self.logits(images, batch_size=batch_size, tta=tta, device=device)

    def _description(self, weights: bytes) -> Description:
        """What will be written, through the same checks that reading makes."""
        described = Description(self.name, self.options, self.classes, self.preprocessing, self.metrics)
        described = replace(described, files={WEIGHTS: hashlib.sha256(weights).hexdigest()})
        try:
            # Through JSON, as it will come back: tuples become lists, what JSON has no word for is an error.
            return Description.from_json(json.loads(json.dumps(described.to_json(), allow_nan=False)))
        except (TypeError, ValueError, RecursionError) as error:
            raise ClassifierError(f"this classifier cannot be: {one_line(error)}.") from error


def _network(
    description: Description, model: nn.Module | Maker | None, folder: Path, tensors: int
) -> nn.Module:
    """The network described, without its weights: on the meta device, unless it is the user's own.

    tensors: how many weights there are for it at most; one with far more layers is not made to its end.
    """
    name, preprocessing = description.model, description.preprocessing
    if model is None and is_own(name):
        raise ClassifierError(
            f"{folder} holds the weights of your own network {name!a}, and no code. Name the network again: "
            "--model module:function, or in Python Classifier.load(folder, model=...)."
        )
    arguments: dict[str, Any] = {
        "num_classes": len(description.classes),
        "in_channels": preprocessing.channels,
        "image_size": preprocessing.image_size,
    }
    if model is not None:
        if not isinstance(model, nn.Module):
            model = call(model, **{**description.options, **arguments})
        model.float()
        settle_lazy(model, (preprocessing.channels, *preprocessing.image_size))
        return model
    if name.startswith(TIMM):
        library()  # raises, saying which extra to install, where it is missing: the folder is not to blame
    try:
        with torch.device("meta"), no_more_layers_than(LAYERS_PER_TENSOR * (tensors + LAYERS_PER_TENSOR)):
            network = create(name, **arguments, **description.options)
        refuse_vast(network, name, preprocessing.channels, preprocessing.image_size)
        return network
    except (RuntimeError, TypeError, ValueError) as error:  # a UserError, or torch's for odd options
        raise ClassifierError(f"{folder / DESCRIPTION}: {one_line(error)} {FRESH}") from error
