"""The three named parts that every architecture is composed of."""

from __future__ import annotations

from torch import Tensor, nn


class Network(nn.Module):
    """features -> map, embed -> vector, head -> logits.

    `features`: an nn.Sequential of named stages, float (N, C, H, W) to a map (N, D, h, w).
    `embed(maps)`: the map to a vector (N, E); flattening, unless the architecture says otherwise.
    `head`: the last layer, vector to logits (N, K).
    """

    features: nn.Sequential
    head: nn.Module

    def embed(self, maps: Tensor) -> Tensor:
        return maps.flatten(1)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.embed(self.features(images)))
