"""Receptive fields: published ones, those of fieldmark.conv, and the reach of the gradient itself."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

import fieldmark as fm
from fieldmark.conv.geometry import receptive_field
from fieldmark.inspection.findings import Inspection, Layer


def layer(found: Inspection, name: str) -> Layer:
    return next(layer for layer in found.layers if layer.name == name)


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("resnet18", (43, 99, 211, 435)),
        ("resnet34", (59, 179, 547, 899)),
        ("resnet50", (35, 91, 267, 427)),
        ("resnet101", (35, 91, 811, 971)),
    ],
)
def test_the_stages_of_resnets_see_what_is_published_of_them(name: str, fields: tuple[int, ...]) -> None:
    """Per stage, of the form public weights have: a table that goes around with torchvision's networks."""
    found = fm.inspect(name, 224)
    ends = {place.split(".")[1]: one for one in found.layers for place in [one.name] if "stage" in place}
    assert [ends[f"stage{i}"].receptive_field for i in (1, 2, 3, 4)] == [(side, side) for side in fields]
    assert [ends[f"stage{i}"].stride for i in (1, 2, 3, 4)] == [(4, 4), (8, 8), (16, 16), (32, 32)]


@pytest.mark.parametrize(
    ("name", "last", "field"),
    [("alexnet", "features.stage5.pool", 195), ("vgg16", "features.stage5.pool", 212)],
)
def test_what_distill_has_for_alexnet_and_vgg(name: str, last: str, field: int) -> None:
    """Araujo, Norris & Sim 2019: alexnet_v2 195, vgg_16 212."""
    assert layer(fm.inspect(name, 224), last).receptive_field == (field, field)


@settings(deadline=None, max_examples=25)
@given(
    st.lists(
        st.tuples(st.integers(1, 5), st.integers(1, 3), st.integers(1, 2), st.booleans()),
        min_size=1,
        max_size=5,
    )
)
def test_chains_are_those_of_the_conv_package(chain: list[tuple[int, int, int, bool]]) -> None:
    steps: list[nn.Module] = []
    for kernel, stride, dilation, pooled in chain:
        steps.append(
            nn.MaxPool2d(kernel, stride, dilation=dilation, ceil_mode=True)
            if pooled
            else nn.Conv2d(1, 1, kernel, stride, dilation=dilation)
        )
    found = fm.inspect(nn.Sequential(*steps), 3000, in_channels=1, batch_size=2)
    for i, one in enumerate(found.layers):
        side = receptive_field([settings[:3] for settings in chain[: i + 1]])
        assert one.receptive_field == (side, side)
        step = torch.tensor([stride for _, stride, _, _ in chain[: i + 1]]).prod().item()
        assert one.stride == (step, step)


class Branches(nn.Module):
    """Dilated and oblong kernels, branches that add and concatenate, functions, slices."""

    def __init__(self) -> None:
        super().__init__()
        self.oblong = nn.Conv2d(3, 4, (3, 5), (1, 2), padding=(1, 2))
        self.dilated = nn.Conv2d(4, 4, 3, dilation=3, padding=3)
        self.short = nn.Conv2d(4, 4, 1)
        self.shrink = nn.Conv2d(8, 4, (2, 4), (2, 2))

    def forward(self, images: Tensor) -> Tensor:
        maps = F.relu(self.oblong(images))
        maps = maps + F.relu(self.dilated(maps))
        both = torch.cat([maps, self.short(maps)], dim=1)
        maps = F.avg_pool2d(self.shrink(both), 2, ceil_mode=True)
        return F.pad(maps, (1, 1))[..., ::2, :]


class Upsampling(nn.Module):
    """Down and up again by transposed convolution, interpolation and pixel shuffling, with a skip."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Conv2d(3, 8, 3, 2, padding=1)
        self.up = nn.ConvTranspose2d(8, 8, 4, 2, padding=1)
        self.wide = nn.ConvTranspose2d(8, 4, 5, 2, padding=2, dilation=1, output_padding=1)
        self.shuffle = nn.PixelShuffle(2)
        self.mix = nn.Conv2d(14, 4, 3, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        low = self.down(images)
        ups = [self.up(low), self.wide(low), self.shuffle(low)]
        maps = self.mix(torch.cat(ups, 1))
        return maps + F.interpolate(low[:, :4], scale_factor=2, mode="bilinear")


class Turned(nn.Module):
    """Rows and columns change places, and back."""

    def __init__(self) -> None:
        super().__init__()
        self.oblong = nn.Conv2d(3, 4, (3, 1), (2, 1))
        self.other = nn.Conv2d(4, 4, (5, 2), (1, 2))

    def forward(self, images: Tensor) -> Tensor:
        turned = self.other(self.oblong(images).transpose(2, 3))
        return F.avg_pool2d(turned, (2, 1)).permute(0, 1, 3, 2)


class ChannelsLast(nn.Module):
    """A block of ConvNeXt's kind: permuted, normalised and mixed by linear layers, added to its input."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 6, 4, 4)
        self.depthwise = nn.Conv2d(6, 6, 7, padding=3, groups=6)
        self.norm = nn.LayerNorm(6)
        self.mix = nn.Sequential(nn.Linear(6, 12), nn.GELU(), nn.Linear(12, 6))

    def forward(self, images: Tensor) -> Tensor:
        maps = self.patches(images)
        mixed = self.mix(self.norm(self.depthwise(maps).permute(0, 2, 3, 1)))
        return maps + mixed.permute(0, 3, 1, 2)


def reach(network: nn.Module, size: tuple[int, int], outputs: int) -> tuple[int, int]:
    """Rows and columns of the picture that a gradient reaches, the most of outputs x outputs in the middle.

    All weights are made positive, so that nothing cancels; max-pools become mean-pools, which reach as far.
    """
    network = network.double().eval()
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.MaxPool2d):
                setattr(module, name, nn.AvgPool2d(child.kernel_size, child.stride, child.padding))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(1 / max(1, parameter[0].numel()))
    images = torch.ones(1, 3, *size, dtype=torch.float64, requires_grad=True)
    maps = network(images)
    middle = [side // 2 for side in maps.shape[2:]]
    found = []
    for row in range(outputs):
        for column in range(outputs):
            one = maps[0, :, middle[0] + row, middle[1] + column].sum()
            (gradient,) = torch.autograd.grad(one, images, retain_graph=True)
            touched = gradient[0].sum(0) != 0
            found.append(
                [
                    int(seen.nonzero().max() - seen.nonzero().min()) + 1
                    for seen in (touched.any(1), touched.any(0))
                ]
            )
    rows, columns = torch.tensor(found).max(0).values.tolist()
    return rows, columns


@pytest.mark.parametrize(
    ("network", "size", "outputs"),
    [
        (Branches(), (60, 90), 2),
        (Upsampling(), (32, 40), 4),
        (nn.Sequential(nn.Conv2d(3, 2, 3, padding=1), nn.AdaptiveAvgPool2d((7, 5))), (40, 31), 2),
        (nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(12, 3, 3), nn.Upsample(scale_factor=3)), (24, 24), 3),
        (nn.Sequential(nn.Conv2d(3, 2, 3, 2), nn.Upsample(scale_factor=2, mode="bilinear")), (24, 24), 2),
        (Turned(), (50, 40), 1),
    ],
    ids=["branches", "upsampling", "adaptive", "shuffled", "bilinear", "turned"],
)
def test_the_gradient_reaches_as_far_as_is_told(
    network: nn.Module, size: tuple[int, int], outputs: int
) -> None:
    told = fm.inspect(network, size).layers[-1].receptive_field
    assert told == reach(network, size, outputs)


def test_strides_are_the_product_of_all_steps_on_the_way() -> None:
    assert fm.inspect(Branches(), (60, 90)).layers[-1].stride == (1 * 2 * 2 * 2, 2 * 2 * 2)  # slice, and pool
    found = fm.inspect(Upsampling(), 32)
    assert [one.stride for one in found.layers[:4]] == [(2, 2), (1, 1), (1, 1), (1, 1)]
    assert fm.inspect(Turned(), (50, 40)).layers[-1].stride == (2 * 2, 1 * 2)


@pytest.mark.parametrize(
    ("name", "side", "options"),
    [
        ("resnet18", 480, {"width": 2, "blocks": (1, 1, 1)}),
        ("densenet121", 200, {"growth": 2, "width": 4, "blocks": (2, 2)}),
        ("deep_residual", 96, {"width": 2, "blocks": 4}),
    ],
)
def test_the_gradient_reaches_as_far_in_networks_of_ours(
    name: str, side: int, options: dict[str, object]
) -> None:
    found = fm.inspect(name, side, **options)
    last = [one for one in found.layers if one.receptive_field is not None][-1]
    features = fm.create(name, 10, 3, side, **options).features
    assert last.receptive_field == reach(features, (side, side), 1)


def test_normalisation_and_linear_layers_along_the_channels_leave_maps_what_they_see() -> None:
    found = fm.inspect(ChannelsLast(), 64)
    assert {layer(found, name).receptive_field for name in ("depthwise", "norm", "mix.2", "add")} == {
        (28, 28)
    }
    assert layer(found, "mix.0").output_shape == (16, 16, 12)
    assert found.layers[-1].stride == (4, 4)


class Gated(nn.Module):
    """Channels weighed by what the whole map has (squeeze and excitation)."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 4, 3)
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(4, 4, 1), nn.Sigmoid())
        self.after = nn.Conv2d(4, 4, 3, 2)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.convolution(images)
        return self.after(maps * self.gate(maps)).mean((2, 3))


def test_what_sees_all_has_no_field_and_keeps_its_stride_while_it_is_a_map() -> None:
    found = fm.inspect(Gated(), 32)
    assert [(one.name, one.receptive_field, one.stride) for one in found.layers] == [
        ("convolution", (3, 3), (1, 1)),
        ("gate.0", None, None),
        ("gate.1", None, None),
        ("gate.2", None, None),
        ("mul", None, (1, 1)),
        ("after", None, (2, 2)),
        ("mean", None, None),
    ]


class Uneven(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fine = nn.Conv2d(3, 2, 3, padding=1)
        self.coarse = nn.Conv2d(3, 2, 2, 2)

    def forward(self, images: Tensor) -> Tensor:
        return self.fine(images)[..., :8, :8] + self.coarse(images)


def test_branches_whose_steps_differ_are_said_to() -> None:
    found = fm.inspect(Uneven(), 16)
    assert found.layers[-1].receptive_field == (3, 3)
    assert found.layers[-1].stride is None
    assert any("1x1 and 2x2 pixels apart" in note for note in found.notes)


def test_what_mixes_a_map_in_unknown_ways_is_not_guessed_at() -> None:
    class Mixing(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return torch.einsum("nchw,ncij->nhwij", images, images).flip(1).cumsum(2)

    assert all(one.receptive_field is None for one in fm.inspect(Mixing(), 8).layers)
