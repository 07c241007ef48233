"""Any network can be inspected: whatever it calls, shares, writes or looks at, and it stays as it was."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations
from torch.utils.flop_counter import FlopCounterMode

import fieldmark as fm
from fieldmark.errors import UserError


def rows(network: nn.Module, size: int = 16, **settings: Any) -> list[tuple[str, str, tuple[int, ...]]]:
    return [(one.name, one.type, one.inputs) for one in fm.inspect(network, size, **settings).layers]


def check_totals(network: nn.Module, size: int = 16) -> None:
    """FLOPs are torch's, and every parameter is somewhere once.

    In training mode and on the meta device: torch does not count fused attention, as a CPU has it.
    """
    found = fm.inspect(network, size, batch_size=2)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        copy.deepcopy(network).to("meta").train()(torch.zeros(2, 3, size, size, device="meta"))
    assert 2 * found.flops == counter.get_total_flops()
    assert sum(one.parameters for one in found.layers) == found.parameters
    assert found.parameters == sum(parameter.numel() for parameter in network.parameters())


class Functional(nn.Module):
    """No module inside: weights and functions only, one weight made into another before it is used."""

    def __init__(self) -> None:
        super().__init__()
        self.kernel = nn.Parameter(torch.randn(8, 3, 3, 3))
        self.scale = nn.Parameter(torch.ones(8))
        self.matrix = nn.Parameter(torch.randn(10, 8))

    def forward(self, images: Tensor) -> Tensor:
        kernel = self.kernel / self.kernel.norm()
        maps = F.conv2d(images, kernel, padding=1).relu_() * self.scale.view(1, -1, 1, 1)
        maps += images.mean(1, keepdim=True)
        return F.linear(F.max_pool2d(maps, 4).amax((2, 3)), self.matrix)


def test_functions_become_layers_and_take_the_parameters_they_use() -> None:
    found = fm.inspect(Functional(), 16)
    told = [(one.name, one.inputs, one.parameters) for one in found.layers]
    assert told == [
        ("conv2d", (-1,), 216),
        ("relu", (0,), 0),
        ("mul", (1,), 8),
        ("mean", (-1,), 0),
        ("add", (2, 3), 0),
        ("max_pool2d", (4,), 0),
        ("amax", (5,), 0),
        ("linear", (6,), 80),
    ]
    check_totals(Functional())


class Shared(nn.Module):
    """One layer three times, one weight in two layers, a block twice, and a layer nothing uses."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 3, 3, padding=1)
        self.block = nn.Sequential(nn.ReLU(), nn.Conv2d(3, 3, 1))
        self.first, self.second = nn.Linear(3, 3), nn.Linear(3, 3, bias=False)
        self.second.weight = self.first.weight
        self.unused = nn.Linear(100, 10)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.block(self.convolution(images))
        maps = self.block(self.convolution(maps))
        return self.second(self.first(maps.mean((2, 3))))


def test_what_is_called_again_is_numbered_and_its_parameters_are_counted_once() -> None:
    found = fm.inspect(Shared(), 8)
    assert [(one.name, one.parameters) for one in found.layers] == [
        ("convolution", 84),
        ("block.0", 0),
        ("block.1", 12),
        ("convolution#2", 0),
        ("block.0#2", 0),
        ("block.1#2", 0),
        ("mean", 0),
        ("first", 12),
        ("second", 0),
    ]
    assert found.layers[0].flops == found.layers[3].flops == 2 * 8 * 8 * 3 * 27
    assert found.parameters == 84 + 12 + 12 + 1010
    assert "1,010 parameters are in no layer" in found.notes[-1]


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.block = nn.Module()
        self.block.shortcut = nn.Identity()
        self.first = nn.Conv2d(3, 3, 3, padding=1)
        self.activation = nn.ReLU(inplace=True)
        self.dropout = nn.Dropout(0.0)
        self.last = nn.Conv2d(6, 2, 1)

    def forward(self, images: Tensor) -> Tensor:
        branch = self.activation(self.first(images))
        maps = self.block.shortcut(images) + self.dropout(branch)  # type: ignore[operator]
        left, right = torch.cat([maps, branch], 1).chunk(2, 1)
        return self.last(torch.cat((right, left), 1)).flatten(1)


def test_branches_meet_where_they_do_and_what_does_nothing_is_left_out() -> None:
    found = rows(Residual())
    without = [one for one in found if one[0] != "dropout"]  # torch multiplies by 1 at rate 0, or does not
    assert [name for name, _, _ in without] == [
        "first",
        "activation",
        "add",
        "cat",
        "chunk",
        "cat#2",
        "last",
        "flatten",
    ]
    named = {name: [found[i][0] if i >= 0 else "" for i in inputs] for name, _, inputs in found}
    assert named["first"] == [""]
    assert named["add"][0] == ""
    assert named["cat"][0] == "activation"
    assert named["cat#2"] == ["chunk"]


class Masked(nn.Module):
    """Whole pictures dropped at random: the mask has its shape from a slice, and its values from nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.first(images)
        mask = torch.empty_like(maps[:, :1, :1, :1].sigmoid()).bernoulli_(0.5)
        return self.last(maps * mask + torch.zeros_like(maps))


def test_what_is_taken_for_its_shape_alone_leads_nowhere() -> None:
    assert rows(Masked()) == [
        ("first", "Conv2d", (-1,)),
        ("mul", "mul", (0,)),
        ("add", "add", (1,)),
        ("last", "Conv2d", (2,)),
    ]


def test_it_is_the_training_mode_that_is_inspected() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Dropout(0.5), nn.BatchNorm2d(4), nn.Flatten())
    assert fm.inspect(network.eval(), 8) == fm.inspect(network.train(), 8)
    assert [kind for _, kind, _ in rows(network.eval())] == ["Conv2d", "Dropout", "BatchNorm2d", "Flatten"]


class Attention(nn.Module):
    """A small vision transformer: tokens, a class token, positions, attention of torch's own."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 16, 4, 4)
        self.token = nn.Parameter(torch.zeros(1, 1, 16))
        self.positions = nn.Parameter(torch.zeros(1, 17, 16))
        self.attention = nn.MultiheadAttention(16, 2, batch_first=True)
        self.encoder = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
        self.head = nn.Linear(16, 10)

    def forward(self, images: Tensor) -> Tensor:
        tokens = self.patches(images).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.token.expand(len(images), -1, -1), tokens], 1) + self.positions
        tokens = tokens + self.attention(tokens, tokens, tokens, need_weights=False)[0]
        return self.head(self.encoder(tokens)[:, 0])


def test_attention_is_one_layer_and_nothing_is_a_map_after_it() -> None:
    found = {one.name: one for one in fm.inspect(Attention(), 16).layers}
    assert found["attention"].type == "MultiheadAttention"
    assert found["attention"].output_shape == (17, 16)
    assert found["attention"].parameters == 4 * 16 * 16 + 4 * 16
    assert found["cat"].parameters == 16
    assert found["add"].parameters == 17 * 16
    assert found["encoder.self_attn"].type == "MultiheadAttention"
    assert found["patches"].receptive_field == (4, 4)
    assert found["attention"].receptive_field is None
    check_totals(Attention())


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rows = nn.LSTM(48, 8, batch_first=True)
        self.head = nn.Linear(8, 2)

    def forward(self, images: Tensor) -> dict[str, list[Tensor]]:
        states, _ = self.rows(images.flatten(1).view(len(images), 16, -1))
        return {"logits": [self.head(states[:, -1])]}


def test_recurrent_layers_and_nested_results() -> None:
    found = fm.inspect(Recurrent(), 16)
    names = [one.name for one in found.layers]
    assert names == ["flatten", "view", "rows", "select", "head"]
    assert found.layers[2].output_shape == (16, 8)
    assert sum(one.parameters for one in found.layers) == found.parameters


class Looking(nn.Module):
    """Looks at values, mixes in a tensor of its own, and keeps count: it can only be run for real."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.mask = torch.ones(1, 3, 16, 16)
        self.register_buffer("calls", torch.zeros(()))
        self.head = nn.Linear(4, 2)

    def forward(self, images: Tensor) -> Tensor:
        self.calls += 1
        maps = self.norm(self.convolution(images * self.mask))
        if maps.sum() < 1e30:
            maps = maps * 2
        return self.head(F.dropout(maps.mean((2, 3)), 0.5))


def test_a_network_that_looks_at_values_is_run_for_real_on_a_copy() -> None:
    network = Looking()
    found = fm.inspect(network, 16, batch_size=10)
    assert {"convolution", "norm", "head"} <= {one.name for one in found.layers}
    assert sum(one.parameters for one in found.layers) == found.parameters
    assert network.calls == 0
    assert found.layers[1].flops == 2 * 4 * 14 * 14 * 27


@pytest.mark.parametrize(
    "network", [Looking(), Attention(), nn.Sequential(nn.Conv2d(3, 2, 3), nn.BatchNorm2d(2))]
)
def test_the_network_and_the_random_state_stay_as_they_were(network: nn.Module) -> None:
    network.eval()
    next(iter(network.children())).train()
    modes = [module.training for module in network.modules()]
    before, state = copy.deepcopy(network.state_dict()), torch.get_rng_state()
    fm.inspect(network, 16)
    assert [module.training for module in network.modules()] == modes
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in network.modules())


class Writing(nn.Module):
    """Puts the picture into the middle of zeros, and a channel of it over another one."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 2, 3)

    def forward(self, images: Tensor) -> Tensor:
        framed = images.new_zeros(len(images), 3, 20, 20)
        framed[:, :, 2:18, 2:18] = images
        framed[:, 0] = framed[:, 1]
        return self.convolution(framed)


def test_what_is_written_into_a_tensor_is_in_it() -> None:
    *written, last = fm.inspect(Writing(), 16).layers
    assert last.name == "convolution"
    assert last.inputs == (len(written) - 1,)
    assert written[0].inputs == (-1,)


class Parametrized(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = parametrizations.weight_norm(nn.Conv2d(3, 4, 3))
        self.second = parametrizations.spectral_norm(nn.Conv2d(4, 4, 3))

    def forward(self, images: Tensor) -> Tensor:
        return self.second(self.first(images)).flatten(1)


def test_weights_made_of_other_weights() -> None:
    check_totals(Parametrized())
    found = fm.inspect(Parametrized(), 16)
    assert [one.receptive_field for one in found.layers] == [(3, 3), (5, 5), None]


class Square(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, values: Tensor) -> Tensor:
        context.save_for_backward(values)
        return values * values

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        return gradient


class Odd(nn.Module):
    """Functions of one's own, recomputing, module calls from lists, matrix products, random numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = nn.ModuleList([nn.Conv2d(3, 3, 3, padding=1), nn.PReLU(), nn.GroupNorm(3, 3)])

    def forward(self, images: Tensor) -> Tensor:
        for step in self.steps:
            images = step(images)
        maps = Square.apply(images) + torch.rand(1, device=images.device)
        maps = torch.utils.checkpoint.checkpoint(self.steps[0], maps, use_reentrant=False)
        tokens = F.unfold(maps, 2).mT
        return torch.einsum("nld,nmd->nlm", tokens, tokens @ tokens.mT @ tokens).softmax(-1)[:, 0]


def test_odd_ends_do_no_harm() -> None:
    check_totals(Odd())
    assert [one.name for one in fm.inspect(Odd(), 16).layers][:4] == ["steps.0", "steps.1", "steps.2", "mul"]


def test_scripts_frozen_layers_double_precision_and_a_single_module() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is on its way out
        script = torch.jit.trace(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()), torch.zeros(1, 3, 16, 16))
    found = fm.inspect(script, 16)
    assert sum(one.parameters for one in found.layers) == 112
    assert found.layers[-1].receptive_field == (3, 3)

    frozen = nn.Sequential(nn.Conv2d(3, 4, 3).requires_grad_(False), nn.Flatten(), nn.Linear(784, 2)).double()
    found = fm.inspect(frozen, 16, batch_size=4)
    assert (found.parameters, found.trainable) == (112 + 1570, 1570)
    assert found.parameter_bytes == 8 * found.parameters
    assert found.memory.gradients == 8 * 1570
    assert found.layers[0].activation_bytes == 0

    assert rows(nn.Conv2d(3, 4, 3)) == [("Conv2d", "Conv2d", (-1,))]
    assert rows(nn.Identity()) == []


def test_a_batch_of_one_where_batch_norm_takes_two() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 16), nn.BatchNorm2d(4), nn.Flatten())
    one, two = (fm.inspect(network, 16, batch_size=batch) for batch in (1, 2))
    assert one.layers == two.layers
    assert 2 * one.memory.activations == two.memory.activations


class Clash(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.block = nn.Module()
        self.wide, self.narrow = nn.Conv2d(3, 4, 3), nn.Conv2d(3, 4, 5)

    def forward(self, images: Tensor) -> Tensor:
        return self.wide(images) + self.narrow(images)


@pytest.mark.parametrize(
    ("network", "told"),
    [
        (Clash(), r"^16x16 pictures do not fit Clash: add gets 4x14x14 and 4x12x12 \("),
        (nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(5, 4, 3)), r"Sequential: 1 gets 4x14x14 \(.*5 channels"),
        (nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(16, 2)), r"2 gets 784.* takes 4x4"),
        (nn.Sequential(nn.LazyConv2d(3, 17)), r"Sequential fails on pictures \(2, 3, 16, 16\): RuntimeError"),
    ],
)
def test_where_shapes_clash_is_one_line(network: nn.Module, told: str) -> None:
    with pytest.raises(UserError, match=told) as caught:
        fm.inspect(network, 16)
    assert "\n" not in str(caught.value)


def test_a_network_that_trains_only_otherwise_says_so() -> None:
    class Training(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            if self.training:
                raise RuntimeError("needs\nlabels")
            return images

    with pytest.raises(
        UserError, match=r"Training cannot be inspected: run in training mode .* needs labels$"
    ):
        fm.inspect(Training(), 16)
