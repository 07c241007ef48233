"""A long chain of residual blocks (Deep Learning with PyTorch, ch. 8): 159,330 parameters with 10 blocks.

The printed `n * [Block()]` repeats ONE block n times, so all depths share its 9,280 weights; here the blocks
are distinct, and 100 of them make 994,530 parameters.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn

from fieldmark.errors import UserError
from fieldmark.models.blocks import convolution, pooled_size, stage, stages
from fieldmark.models.network import Network
from fieldmark.models.stochastic_depth import StochasticDepth, rising

MOST = 1000
"""More blocks than this are a slip of the pen, and would take minutes only to make."""


class Block(nn.Module):
    """relu(norm(conv(x))) + x, or without the `+ x` where `skip` is False.

    The convolution has no bias, since batch norm would take it away again. Its weights start Kaiming-normal
    and batch norm's scale at one half: a chain of 100 blocks starts near the identity and still passes
    signal.
    """

    def __init__(self, channels: int, skip: bool = True, rate: float = 0.0) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.normalisation = nn.BatchNorm2d(channels)
        self.activation = nn.ReLU()
        self.stochastic_depth = StochasticDepth(rate)
        self.skip = skip
        nn.init.kaiming_normal_(self.convolution.weight, nonlinearity="relu")
        nn.init.constant_(self.normalisation.weight, 0.5)
        nn.init.zeros_(self.normalisation.bias)

    def forward(self, maps: Tensor) -> Tensor:
        out = self.activation(self.normalisation(self.convolution(maps)))
        return self.stochastic_depth(out) + maps if self.skip else out


class DeepResidual(Network):
    """conv 3-32, max2, ReLU; `blocks` blocks of 32 channels; max2; linear to 32, ReLU; linear to the classes.

    skips=False leaves the skip connections out, to see what they are for. stochastic_depth: the rate at which
    the last block's branch is dropped in training, rising linearly from 0 (not of the book).
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        image_size: tuple[int, int],
        blocks: int = 10,
        width: int = 32,
        skips: bool = True,
        stochastic_depth: float = 0.0,
    ) -> None:
        super().__init__()
        if not 1 <= blocks <= MOST:
            raise UserError(f"deep_residual takes 1 to {MOST} blocks; got blocks={blocks}.")
        if stochastic_depth and not skips:
            raise UserError(
                "deep_residual: stochastic_depth drops what is added to a skip connection; skips=False."
            )
        height, columns = pooled_size(image_size, 2)
        chain: OrderedDict[str, nn.Module] = OrderedDict(
            (f"block{i + 1}", Block(width, skips, rate))
            for i, rate in enumerate(rising(stochastic_depth, blocks))
        )
        self.features = stages(
            stem=stage(
                convolution=convolution(in_channels, width, 3), pool=nn.MaxPool2d(2), activation=nn.ReLU()
            ),
            blocks=nn.Sequential(chain),
            shrink=nn.MaxPool2d(2),
        )
        self.hidden = nn.Linear(width * height * columns, 32)
        self.activation = nn.ReLU()
        self.head = nn.Linear(32, num_classes)

    def embed(self, maps: Tensor) -> Tensor:
        return self.activation(self.hidden(maps.flatten(1)))  # (N, 32)
