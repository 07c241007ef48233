"""What is asked of timm (PyTorch Image Models), an extra: what there is by a name, and its weights.

Names are those of `timm.list_models()`, with a tag where several trainings were published
(resnet18.a1_in1k). A name never leads timm to a host or a folder of its own, as its hf-hub:... would.
"""

from __future__ import annotations

import difflib
import importlib
import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from fieldmark.errors import DataError, UserError
from fieldmark.families import unknown


def library() -> Any:
    """timm. Raises UserError, saying which extra to install, where it is not there."""
    try:
        return importlib.import_module("timm")
    except ModuleNotFoundError as error:
        raise UserError(
            f'timm:NAME needs the extra: pip install "fieldmark[pretrained]" ({error.name} is missing).'
        ) from error
    except Exception as error:  # it imports torchvision, which fails in its own ways beside another torch
        raise UserError(f"timm cannot be imported: {one_line(error)}") from error


def configuration(name: str) -> Any:
    """timm's PretrainedCfg of a network: input_size (C, H, W), mean, std, classifier, fixed_input_size ...

    Raises UserError for a name or a tag that timm does not have, naming the closest.
    """
    timm = library()
    architecture, _, tag = name.partition(".")
    if not re.fullmatch(r"\w+", architecture) or not timm.is_model(architecture):
        close = difflib.get_close_matches(architecture, timm.list_models(), n=3, cutoff=0.5)
        closest = f" Closest: {', '.join(close)}." if close else ""
        raise UserError(f"timm has no network '{architecture}'.{closest} All: timm.list_models() in Python.")
    tagged = timm.list_models(architecture + ".*", include_tags=True)
    if tag and name not in tagged:
        raise UserError(unknown(name, tagged, "training that timm has of it"))
    return timm.get_pretrained_cfg(name) or timm.models.PretrainedCfg()


def published_weights(name: str) -> dict[str, Tensor]:
    """The weights timm publishes for a network, by timm's own names, over the network or from its cache.

    Raises DataError when they cannot be had, for whatever reason timm gives.
    """
    configuration(name)
    try:
        weights: dict[str, Tensor] = library().create_model(name, pretrained=True).state_dict()
    except Exception as error:  # the hub's library raises errors of many libraries
        raise DataError(
            f"timm's weights for {name} cannot be had: {one_line(error)} "
            "Without a network, give a file of them: --pretrained FILE."
        ) from error
    return weights


def without_classifier(weights: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    """What is left of a network's weights by timm's names when its last layer is taken away."""
    layers = configuration(name).classifier or ()
    prefixes = tuple(f"{layer}." for layer in ([layers] if isinstance(layers, str) else layers))
    return {key: tensor for key, tensor in weights.items() if not key.startswith(prefixes)}


def one_line(error: BaseException) -> str:
    """What an error says, on one line of at most 300 characters; its kind where it says nothing."""
    words = " ".join(str(error).split()) or type(error).__name__
    return words if len(words) <= 300 else words[:297] + "..."
