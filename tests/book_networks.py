"""The networks of two textbook chapters, in every form in which they are written there; in our own words.

Layer for layer theirs, with the parameter counts that the books state (or that follow). R14: Raschka, Liu,
Mirjalili, ch. 14; S8: Stevens, Antiga, Viehmann, ch. 8. None of them takes arguments that fieldmark gives:
their sizes are fixed, as in the books.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def digit_net() -> nn.Sequential:
    """R14's digit net, built with add_module."""
    net = nn.Sequential()
    net.add_module("conv1", nn.Conv2d(1, 32, 5, padding=2))
    net.add_module("relu1", nn.ReLU())
    net.add_module("pool1", nn.MaxPool2d(2))
    net.add_module("conv2", nn.Conv2d(32, 64, 5, padding=2))
    net.add_module("relu2", nn.ReLU())
    net.add_module("pool2", nn.MaxPool2d(2))
    net.add_module("flatten", nn.Flatten())
    net.add_module("fc1", nn.Linear(3136, 1024))
    net.add_module("relu3", nn.ReLU())
    net.add_module("dropout", nn.Dropout(0.5))
    net.add_module("fc2", nn.Linear(1024, 10))
    return net


def smile_net() -> nn.Sequential:
    """R14's net with one unit for two classes and a sigmoid behind it, for 64x64 pictures."""
    layers: list[nn.Module] = []
    for before, after, last in ((3, 32, "drop"), (32, 64, "drop"), (64, 128, "pool"), (128, 256, "none")):
        layers += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU()]
        if last != "none":
            layers.append(nn.MaxPool2d(2))
        if last == "drop":
            layers.append(nn.Dropout(0.5))
    return nn.Sequential(*layers, nn.AvgPool2d(8), nn.Flatten(), nn.Linear(256, 1), nn.Sigmoid())


def baseline(kernel: int = 3, width: int = 16) -> nn.Sequential:
    """S8's first convolutional net as nn.Sequential with nn.Flatten."""
    padding = kernel // 2
    return nn.Sequential(
        nn.Conv2d(3, width, kernel, padding=padding),
        nn.Tanh(),
        nn.MaxPool2d(2),
        nn.Conv2d(width, width // 2, kernel, padding=padding),
        nn.Tanh(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(width // 2 * 8 * 8, 32),
        nn.Tanh(),
        nn.Linear(32, 2),
    )


class WithView(nn.Module):
    """S8's baseline as a subclass: a module per step, flattened with `view`."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, kernel_size=3, padding=1)
        self.act1 = nn.Tanh()
        self.pool1 = nn.MaxPool2d(2)
        self.conv2 = nn.Conv2d(16, 8, kernel_size=3, padding=1)
        self.act2 = nn.Tanh()
        self.pool2 = nn.MaxPool2d(2)
        self.fc1 = nn.Linear(8 * 8 * 8, 32)
        self.act3 = nn.Tanh()
        self.fc2 = nn.Linear(32, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool1(self.act1(self.conv1(x)))
        x = self.pool2(self.act2(self.conv2(x)))
        x = x.view(-1, 8 * 8 * 8)
        return self.fc2(self.act3(self.fc1(x)))


class Wide(nn.Module):
    """S8's functional form; the width is an argument of its own."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.width = width
        self.conv1 = nn.Conv2d(3, width, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(width, width // 2, kernel_size=3, padding=1)
        self.fc1 = nn.Linear(8 * 8 * width // 2, 32)
        self.fc2 = nn.Linear(32, 2)

    def after_first(self, x: Tensor) -> Tensor:
        return x

    def after_second(self, x: Tensor) -> Tensor:
        return x

    def forward(self, x: Tensor) -> Tensor:
        x = self.after_first(F.max_pool2d(torch.tanh(self.conv1(x)), 2))
        x = self.after_second(F.max_pool2d(torch.tanh(self.conv2(x)), 2))
        x = x.view(-1, 8 * 8 * self.width // 2)
        return self.fc2(torch.tanh(self.fc1(x)))


class Functional(Wide):
    """S8's baseline in the functional form."""

    def __init__(self) -> None:
        super().__init__(16)


class DropoutModules(Wide):
    """Wide with whole maps dropped by nn.Dropout2d."""

    def __init__(self) -> None:
        super().__init__()
        self.drop1, self.drop2 = nn.Dropout2d(p=0.4), nn.Dropout2d(p=0.4)

    def after_first(self, x: Tensor) -> Tensor:
        return self.drop1(x)

    def after_second(self, x: Tensor) -> Tensor:
        return self.drop2(x)


class DropoutFunctions(Wide):
    """The same by functions, told whether the network trains."""

    def after_first(self, x: Tensor) -> Tensor:
        return F.dropout2d(x, 0.4, training=self.training)

    after_second = after_first


class BatchNorm(nn.Module):
    """Wide with batch norm behind each convolution, whose bias stays."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 32, kernel_size=3, padding=1)
        self.conv1_batchnorm = nn.BatchNorm2d(num_features=32)
        self.conv2 = nn.Conv2d(32, 16, kernel_size=3, padding=1)
        self.conv2_batchnorm = nn.BatchNorm2d(num_features=16)
        self.fc1 = nn.Linear(8 * 8 * 16, 32)
        self.fc2 = nn.Linear(32, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(torch.tanh(self.conv1_batchnorm(self.conv1(x))), 2)
        x = F.max_pool2d(torch.tanh(self.conv2_batchnorm(self.conv2(x))), 2)
        x = x.view(-1, 8 * 8 * 16)
        return self.fc2(torch.tanh(self.fc1(x)))


class Deep(nn.Module):
    """Three convolutions with ReLU."""

    skips = False

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 32, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(32, 16, kernel_size=3, padding=1)
        self.conv3 = nn.Conv2d(16, 16, kernel_size=3, padding=1)
        self.fc1 = nn.Linear(4 * 4 * 16, 32)
        self.fc2 = nn.Linear(32, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(torch.relu(self.conv1(x)), 2)
        x = F.max_pool2d(torch.relu(self.conv2(x)), 2)
        before = x
        x = torch.relu(self.conv3(x))
        x = F.max_pool2d(x + before if self.skips else x, 2)
        x = x.view(-1, 4 * 4 * 16)
        return self.fc2(torch.relu(self.fc1(x)))


class Residual(Deep):
    """Deep with the second pooled map added before the last pool."""

    skips = True


class Block(nn.Module):
    """relu(norm(conv(x))) + x, with the starting weights the book gives it."""

    def __init__(self, channels: int = 32) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, kernel_size=3, padding=1, bias=False)
        self.batch_norm = nn.BatchNorm2d(num_features=channels)
        nn.init.kaiming_normal_(self.conv.weight, nonlinearity="relu")
        nn.init.constant_(self.batch_norm.weight, 0.5)
        nn.init.zeros_(self.batch_norm.bias)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.batch_norm(self.conv(x))) + x


class DeepResidual(nn.Module):
    """Ten blocks in nn.Sequential(*[...]), each of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 32, kernel_size=3, padding=1)
        self.blocks: Any = self.made()
        self.fc1 = nn.Linear(8 * 8 * 32, 32)
        self.fc2 = nn.Linear(32, 2)

    def made(self) -> Any:
        return nn.Sequential(*[Block() for _ in range(10)])

    def through(self, x: Tensor) -> Tensor:
        return self.blocks(x)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(torch.relu(self.conv1(x)), 2)
        x = F.max_pool2d(self.through(x), 2)
        x = x.view(-1, 8 * 8 * 32)
        return self.fc2(torch.relu(self.fc1(x)))


class OneBlockTenTimes(DeepResidual):
    """As the book prints it: n * [Block()] is one block, ten times."""

    def made(self) -> Any:
        return nn.Sequential(*(10 * [Block()]))


class BlocksInModuleList(DeepResidual):
    """The blocks in an nn.ModuleList."""

    def made(self) -> Any:
        return nn.ModuleList([Block() for _ in range(10)])

    def through(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x)
        return x


class BlocksInPlainList(BlocksInModuleList):
    """The slip: a Python list, in which torch sees no blocks."""

    def made(self) -> Any:
        return [Block() for _ in range(10)]


@dataclass(frozen=True)
class Form:
    """A network, the pictures it is for, and its number of parameters."""

    make: Any
    parameters: int
    pictures: str = "32x32"


FORMS = {
    "digit_net": Form(digit_net, 3_274_634, "digits"),
    "smile_net": Form(smile_net, 388_673, "64x64"),
    "baseline": Form(baseline, 18_090),
    "WithView": Form(WithView, 18_090),
    "Functional": Form(Functional, 18_090),
    "Wide": Form(Wide, 38_386),
    "DropoutModules": Form(DropoutModules, 38_386),
    "DropoutFunctions": Form(DropoutFunctions, 38_386),
    "BatchNorm": Form(BatchNorm, 38_482),
    "Deep": Form(Deep, 16_130),
    "Residual": Form(Residual, 16_130),
    "DeepResidual": Form(DeepResidual, 159_330),
    "OneBlockTenTimes": Form(OneBlockTenTimes, 75_810),
    "BlocksInModuleList": Form(BlocksInModuleList, 159_330),
    "BlocksInPlainList": Form(BlocksInPlainList, 159_330 - 10 * (9 * 32 * 32 + 64)),
}
"""By the name that `--model book_networks:NAME` takes."""
