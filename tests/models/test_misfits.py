"""Where a network fails on a picture, and the smallest that would do."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from fieldmark.errors import UserError
from fieldmark.models import About, create
from fieldmark.models.building import build
from fieldmark.models.misfits import Misfit, refuse_misfit, side_that_works, smallest_side, where_it_fails


class Clash(nn.Module):
    """Adds a convolution of 4 channels to its input of 3: fails on every picture, in its own forward."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, maps: Tensor) -> Tensor:
        return self.convolution(maps) + maps


class Catches(nn.Module):
    """Falls back where its inner layer raises, then goes on to a layer that does."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.last = nn.Linear(7, 7), nn.Linear(5, 5)

    def forward(self, images: Tensor) -> Tensor:
        try:
            return self.inner(images)
        except RuntimeError:
            return self.last(images)


def test_the_innermost_layer_is_named_with_what_reached_it():
    net = create("baseline", 2, 3, 8)
    misfit = where_it_fails(net, (5, 3, 3, 9))
    assert (misfit.layer, misfit.shapes) == ("features.stage2.pool", ((5, 8, 1, 4),))
    assert "too small" in misfit.reason
    assert str(misfit) == "features.stage2.pool gets 8x1x4"


def test_shapes_that_clash_between_layers_are_the_clashing_modules():
    misfit = where_it_fails(nn.Sequential(nn.Identity(), Clash()), (2, 3, 6, 6))
    assert (misfit.layer, misfit.shapes) == ("1", ((2, 3, 6, 6),))
    assert "size of tensor a (4) must match the size of tensor b (3)" in misfit.reason


def test_errors_that_the_network_caught_itself_do_not_count():
    assert where_it_fails(nn.Sequential(Catches(), Clash()), (1, 5)).layer == "1.convolution"
    assert where_it_fails(Catches(), (1, 5)) is None
    assert where_it_fails(Catches(), (1, 6)).layer == "last"


@pytest.mark.filterwarnings("ignore:.*torch.jit.script.*")
def test_what_is_inside_a_script_is_named_as_one():
    script = torch.jit.script(nn.Sequential(nn.Linear(3, 3)))
    assert where_it_fails(nn.Sequential(nn.Flatten(), nn.Sequential(script)), (1, 4)).layer == "1"


def test_looking_changes_nothing():
    net = nn.Sequential(nn.Dropout(), nn.BatchNorm2d(3), nn.Conv2d(3, 2, 5))
    net[0].eval()
    before, state = {k: v.clone() for k, v in net.state_dict().items()}, torch.random.get_rng_state()
    assert where_it_fails(net, (1, 3, 4, 4)).layer == "2"
    assert where_it_fails(net, (1, 3, 5, 5)) is None
    assert [module.training for module in net] == [False, True, True]
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in net.modules())


@pytest.mark.parametrize(("first", "high"), [(1, 1), (63, 224), (224, 224), (100, 101)])
def test_bisection_finds_the_first_that_works_in_few_tries(first, high):
    tries: list[int] = []

    def works(side: int) -> bool:
        tries.append(side)
        return side >= first

    assert smallest_side(works, 0, high) == first
    assert len(tries) <= 8


def test_options_that_ask_for_larger_pictures_are_noticed():
    with pytest.raises(
        UserError, match=r"^7x40 pictures are too small for deep: features\.stage3\.pool"
    ) as caught:
        create("deep", 2, 3, (7, 40), width=8)
    assert "gets 4x1x10. It needs at least 8x8. Try --image-size 8" in str(caught.value)
    assert "\n" not in str(caught.value)


def pooling(num_classes: int, in_channels: int, image_size: tuple[int, int], pools: int = 1) -> nn.Module:
    """A network whose smallest picture depends on an option."""
    layers = [nn.Conv2d(in_channels, 4, 3, padding=1), *(nn.MaxPool2d(2) for _ in range(pools))]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, num_classes))


def test_the_smallest_side_goes_by_the_options():
    about = About(64, 2, "")
    with pytest.raises(UserError, match=r"20x31 .*pooling: 5 gets 4x1x1\. It needs at least 32x32"):
        build(pooling, "pooling", about, 2, 3, (20, 31), {"pools": 5})
    assert isinstance(build(pooling, "pooling", about, 2, 3, (32, 32), {"pools": 5}), nn.Sequential)


def test_options_that_no_picture_fits_are_told_with_the_rule():
    def made(size: tuple[int, int]) -> nn.Module:
        return nn.Sequential(nn.MaxPool2d(2), Clash())

    with pytest.raises(
        UserError, match=r"clashing fails with these options, on 1x1 pictures and on larger"
    ) as caught:
        refuse_misfit(made, "clashing", 3, (1, 1), 4, 64)
    assert "1 gets 3x32x32 (" in str(caught.value)
    assert "broadcast" in str(caught.value), "torch's rule"
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("likely", [2, 17, 18, 19, 40, 64])
def test_a_network_that_cannot_be_made_for_a_size_is_refused_too(likely):
    def made(size: tuple[int, int]) -> nn.Module:
        return nn.Linear(size[0] - 18, 2) if size[0] < 18 else nn.Identity()

    with pytest.raises(UserError, match=r"^5x9 pictures are too small for thin\. It needs at least 18x18"):
        refuse_misfit(made, "thin", 3, (5, 9), likely, 64)
    refuse_misfit(made, "thin", 3, (18, 9), likely, 64)


def test_a_size_that_a_finished_network_takes_is_found():
    fixed = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(2 * 26 * 26, 3))
    assert side_that_works(fixed, (1, 1, 32, 32)) == 28
    grows = nn.Sequential(nn.Conv2d(1, 2, 41), nn.AdaptiveAvgPool2d(1))
    assert side_that_works(grows, (1, 1, 32, 32)) == 41
    assert side_that_works(nn.Sequential(Clash()), (1, 3, 8, 8)) is None
    assert side_that_works(grows, (1, 1, 50, 50)) is None, "the size is not what it fails on"


def test_a_misfit_in_words():
    assert str(Misfit("head", ((1, 3), (1, 4, 2, 2)), "")) == "head gets 3 and 4x2x2"
    assert str(Misfit("", ((2,),), "")) == "the network itself gets one number"
    assert str(Misfit(None, (), "no pixels")) == "no pixels"
