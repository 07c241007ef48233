"""Any backbone of timm (PyTorch Image Models) as a Network, by the name timm:NAME."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from fieldmark.errors import ClassifierError, UserError
from fieldmark.models.blocks import stages
from fieldmark.models.network import Network
from fieldmark.models.timm_library import configuration, library, one_line, without_classifier


class Trunk(nn.Module):
    """A network of timm without its classifier, pictures (N, C, H, W) to a map (N, D, h, w).

    form: what the network itself gives: "NCHW" a map, "NHWC" a map with the channels last, "NLC" the tokens
    (N, T, D) of a transformer, which become a map of T rows and one column.
    """

    def __init__(self, network: nn.Module, form: str) -> None:
        super().__init__()
        self.network, self.form = network, form

    def forward(self, images: Tensor) -> Tensor:
        maps: Tensor = self.network.forward_features(images)  # type: ignore[operator]
        if self.form == "NLC":
            return maps.transpose(1, 2).unsqueeze(3)  # (N, T, D) to (N, D, T, 1)
        return maps.permute(0, 3, 1, 2) if self.form == "NHWC" else maps

    def pooled(self, maps: Tensor) -> Tensor:
        """The vector (N, E) that timm's classifier would get, of a map that `forward` made."""
        if self.form == "NLC":
            maps = maps.squeeze(3).transpose(1, 2)
        elif self.form == "NHWC":
            maps = maps.permute(0, 2, 3, 1)
        vectors: Tensor = self.network.forward_head(maps, pre_logits=True)  # type: ignore[operator]
        return vectors


class TimmBackbone(Network):
    """timm's network up to the vector before its classifier, and a linear layer of ours for the head.

    name: timm's. dropout: its drop_rate, before the head; stochastic_depth: its drop_path_rate. Weights start
    as timm starts them. Raises UserError for a name there is none of, and for a network that does not take
    these pictures or options, or gives several maps at once.
    """

    def __init__(
        self,
        name: str,
        num_classes: int,
        in_channels: int,
        image_size: tuple[int, int],
        dropout: float = 0.0,
        stochastic_depth: float = 0.0,
    ) -> None:
        super().__init__()
        settings: dict[str, Any] = {"num_classes": 0, "in_chans": in_channels}
        settings |= {"drop_rate": dropout} if dropout else {}
        settings |= {"drop_path_rate": stochastic_depth} if stochastic_depth else {}
        settings |= {"img_size": image_size} if configuration(name).fixed_input_size else {}
        form, width = tried(name, settings, (1, in_channels, *image_size))
        network = library().create_model(name, pretrained=False, **settings)
        self.name = name
        self.features = stages(trunk=Trunk(network, form))
        self.head = nn.Linear(width, num_classes)

    def embed(self, maps: Tensor) -> Tensor:
        trunk = self.features.trunk
        assert isinstance(trunk, Trunk)
        return trunk.pooled(maps)


def tried(name: str, settings: dict[str, Any], shape: tuple[int, ...]) -> tuple[str, int]:
    """The form of the network's maps (see `Trunk`) and the width of its vector, found on the meta device."""
    try:
        with torch.device("meta"), torch.no_grad():
            network = library().create_model(name, pretrained=False, **settings).eval()
            maps = network.forward_features(torch.zeros(shape))
            if isinstance(maps, Tensor):
                width = network.forward_head(maps, pre_logits=True).shape[1]
    except Exception as error:  # timm checks little, and leaves the rest to torch
        height, columns = shape[2:]
        raise UserError(
            f"timm:{name} cannot be made for {height}x{columns} pictures: {one_line(error)} "
            f"It was published for {'x'.join(map(str, configuration(name).input_size[1:]))}."
        ) from error
    if not isinstance(maps, Tensor) or maps.dim() not in (3, 4):
        raise UserError(f"timm:{name} makes several maps at once, which a head cannot take. Try another.")
    form = getattr(network, "output_fmt", "NCHW")  # maps say so where their channels come last
    return ("NLC" if maps.dim() == 3 else str(getattr(form, "value", form))), width


def maker(name: str) -> Callable[..., nn.Module]:
    """What makes the network called `name`, with the signature of an architecture of ours."""

    def make(
        num_classes: int,
        in_channels: int,
        image_size: tuple[int, int],
        dropout: float = 0.0,
        stochastic_depth: float = 0.0,
    ) -> TimmBackbone:
        return TimmBackbone(name, num_classes, in_channels, image_size, dropout, stochastic_depth)

    return make


def load_timm_weights(model: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Put weights by timm's own names into a TimmBackbone; the head stays as it is, the file's is let go.

    Raises ClassifierError, naming the first ones, for names that are missing, left over or of another shape.
    """
    assert isinstance(model, TimmBackbone), type(model)
    trunk = model.features.trunk
    assert isinstance(trunk, Trunk)
    found, own = without_classifier(weights, model.name), trunk.network.state_dict()
    for names, what in (
        ([name for name in own if name not in found], "the file lacks"),
        ([name for name in found if name not in own], "the network has no place for"),
        ([name for name in found if name in own and found[name].shape != own[name].shape], "other shapes:"),
    ):
        if names:
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            raise ClassifierError(
                f"these are not the weights of timm:{model.name}: {what} {', '.join(names[:3])}{more}."
            )
    trunk.network.load_state_dict(found)
