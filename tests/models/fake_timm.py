"""A module that answers like timm, with three small networks: a map, a map with the channels last, tokens."""

from __future__ import annotations

import fnmatch
import types
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn


@dataclass
class PretrainedCfg:
    input_size: tuple[int, int, int] = (3, 16, 16)
    mean: tuple[float, ...] = (0.1, 0.2, 0.3)
    std: tuple[float, ...] = (0.4, 0.5, 0.6)
    fixed_input_size: bool = False
    classifier: Any = "fc"


class Plain(nn.Module):
    """A convolution, then another layer between the mean and the classifier, as some of timm's have."""

    def __init__(self, num_classes: int = 1000, in_chans: int = 3, drop_rate: float = 0.0) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_chans, 4, 3, stride=4)
        self.between = nn.Linear(4, 6)
        self.fc = nn.Linear(6, num_classes) if num_classes else nn.Identity()
        self.drop_rate = drop_rate

    def forward_features(self, images: Tensor) -> Tensor:
        return self.conv(images)

    def forward_head(self, maps: Tensor, pre_logits: bool = False) -> Tensor:
        vectors = self.between(maps.mean((2, 3)))
        return vectors if pre_logits else self.fc(vectors)

    def forward(self, images: Tensor) -> Tensor:
        return self.forward_head(self.forward_features(images))


class Last(Plain):
    """The same with the channels last."""

    output_fmt = "NHWC"

    def forward_features(self, images: Tensor) -> Tensor:
        return self.conv(images).permute(0, 2, 3, 1)

    def forward_head(self, maps: Tensor, pre_logits: bool = False) -> Tensor:
        assert maps.shape[3] == 4
        return super().forward_head(maps.permute(0, 3, 1, 2), pre_logits)


class Tokens(Plain):
    """The same as tokens, for one picture size."""

    def __init__(self, img_size: tuple[int, int] = (16, 16), **settings: Any) -> None:
        super().__init__(**settings)
        self.img_size = img_size

    def forward_features(self, images: Tensor) -> Tensor:
        assert tuple(images.shape[2:]) == self.img_size, "Input size doesn't match model"
        return self.conv(images).flatten(2).transpose(1, 2)  # (N, T, 4)

    def forward_head(self, maps: Tensor, pre_logits: bool = False) -> Tensor:
        vectors = self.between(maps.mean(1))
        return vectors if pre_logits else self.fc(vectors)


class Several(Plain):
    """Gives a list of maps."""

    def forward_features(self, images: Tensor) -> Any:
        return [self.conv(images), images]


NETWORKS = {"plain": Plain, "last": Last, "tokens": Tokens, "several": Several}
TAGGED = ["plain.one", "plain.two"]


def create_model(name: str, pretrained: bool = False, **settings: Any) -> nn.Module:
    if pretrained and "tokens" in name:
        raise RuntimeError("We couldn't connect\nto 'https://huggingface.co'")
    made = NETWORKS[name.partition(".")[0]](**settings)
    if pretrained:
        with torch.no_grad():
            for number, tensor in enumerate(made.parameters()):
                tensor.fill_(0.01 * (number + 1))
    return made


def list_models(pattern: str = "*", include_tags: bool = False) -> list[str]:
    return fnmatch.filter([*NETWORKS, *TAGGED] if include_tags else list(NETWORKS), pattern)


def module() -> types.ModuleType:
    made = types.ModuleType("timm")
    made.create_model, made.list_models = create_model, list_models  # type: ignore[attr-defined]
    made.is_model = NETWORKS.__contains__  # type: ignore[attr-defined]
    made.get_pretrained_cfg = lambda name: PretrainedCfg(  # type: ignore[attr-defined]
        fixed_input_size=name == "tokens"
    )
    return made
