"""Published weights to start from: by a model's name, or from a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from fieldmark.data.download import Remote, data_folder, fetch
from fieldmark.errors import ClassifierError, UserError
from fieldmark.families import resolve
from fieldmark.models import MODELS, TIMM
from fieldmark.models.public_weights import load_public_weights
from fieldmark.models.timm_backbone import load_timm_weights
from fieldmark.models.timm_library import configuration, published_weights
from fieldmark.recipe import PUBLIC
from fieldmark.vocabulary import Preprocessing, Progress
from fieldmark.weights.first_weights import Origin
from fieldmark.weights.own_files import read_weights
from fieldmark.weights.public_files import ADDRESSES, MEAN, PUBLIC_FILES, SIDE, STD, checksum


def public_origin(model: str, pretrained: str, progress: Progress | None = None) -> Origin:
    """The published weights of `model`: those of its name where `pretrained` is "public", else of that file.

    Files that are fetched lie in the folder weights/ of $FIELDMARK_DATA. All but the head's are taken. Raises
    UserError for a model of which none are published, and its children for weights that cannot be had.
    """
    if model.startswith(TIMM):
        return _of_timm(model, pretrained, progress)
    if model not in PUBLIC_FILES:
        raise UserError(
            f"there are no published weights for '{model}'. There are for {', '.join(PUBLIC_FILES)}, and for "
            f"{TIMM}NAME with the extra. Weights that fieldmark trained: --from."
        )
    path = _fetched(model, progress) if pretrained == PUBLIC else Path(pretrained)
    weights = read_weights(path)

    def fill(network: nn.Module, fresh_head: bool) -> None:
        _refuse_own(path, weights, network)
        try:
            load_public_weights(network, weights, head=False)
        except UserError as error:
            raise ClassifierError(f"{path}: {error}") from error

    special = getattr(resolve(MODELS, model, "model"), "public_options", {})
    return Origin(
        name=path.name,
        fill=fill,
        preprocessing=Preprocessing((SIDE, SIDE), len(MEAN), MEAN, STD),
        model=model,
        options={"stem": "published", **special},
    )


def _of_timm(model: str, pretrained: str, progress: Progress | None) -> Origin:
    name = model.removeprefix(TIMM)
    known = configuration(name)
    if progress is not None and pretrained == PUBLIC:
        progress(f"weights of {model}, fetched and read by timm itself (SECURITY.md)", 0, 0)
    weights = published_weights(name) if pretrained == PUBLIC else read_weights(Path(pretrained))

    def fill(network: nn.Module, fresh_head: bool) -> None:
        _refuse_own(Path(pretrained), weights, network)
        load_timm_weights(network, weights)

    channels, height, width = known.input_size
    return Origin(
        name=model if pretrained == PUBLIC else Path(pretrained).name,
        fill=fill,
        preprocessing=Preprocessing((height, width), channels, tuple(known.mean), tuple(known.std)),
        model=model,
    )


def _fetched(model: str, progress: Progress | None) -> Path:
    file, folder = PUBLIC_FILES[model], data_folder() / "weights"
    fetch(f"the weights of {model}", [Remote(file, checksum(file))], ADDRESSES, folder, progress)
    return folder / file


def _refuse_own(path: Path, weights: Mapping[str, Tensor], network: nn.Module) -> None:
    """Raises ClassifierError for weights by our own names."""
    if "head.weight" in weights and set(weights) == set(network.state_dict()):
        raise ClassifierError(f"{path} holds weights that fieldmark wrote: --from takes them.")
