"""The three named parts that every architecture is composed of."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from fieldmark.models.stems import Stem


class Network(nn.Module):
    """features -> map, embed -> vector, head -> logits.

    `features`: an nn.Sequential of named stages, float (N, C, H, W) to a map (N, D, h, w).
    `embed(maps)`: the map to a vector (N, E); flattening, unless the architecture says otherwise.
    `head`: the last layer, vector to logits (N, K).
    `stem`: which beginning it has (`stems.py`); "published" for networks that have only one.

    An architecture with public weights says here how their names become its own. All are regular expressions,
    matched against whole names:
    `public_names`: pairs of a pattern of names in a public file and our name as a replacement (with \\1, \\2
    ... for the pattern's groups), tried in order; the first that matches counts.
    `let_go`: names a public file may hold that have no place here (auxiliary heads), and are dropped.
    `not_in_file`: names of ours that a file may lack; they keep the value of a fresh network.
    `public_options`: not patterns but options: those that public weights need, other than the defaults.
    """

    public_names: ClassVar[tuple[tuple[str, str], ...]] = ()
    let_go: ClassVar[tuple[str, ...]] = ()
    not_in_file: ClassVar[tuple[str, ...]] = (r".*num_batches_tracked",)
    public_options: ClassVar[dict[str, object]] = {}

    stem: Stem = "published"
    features: nn.Sequential
    head: nn.Module

    def embed(self, maps: Tensor) -> Tensor:
        return maps.flatten(1)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.embed(self.features(images)))
