"""Options, sizes, classes, starts; networks of the user's own."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from fieldmark.annotations import fits
from fieldmark.errors import UserError
from fieldmark.models import create
from fieldmark.models.building import call, foreign


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("resnet1800", 2, 3, 32), {}, r"'resnet1800' is not a model.*All: .*baseline"),
        (("basline", 2, 3, 32), {}, r"Closest: baseline"),
        (("baseline", 1, 3, 32), {}, r"two classes; got 1"),
        (("baseline", 2, 0, 32), {}, r"at least one channel; got 0"),
        (
            ("baseline", 2, 3, 32),
            {"widht": 8},
            r"no option 'widht'. Closest: width. All: .*init",
        ),
        (("baseline", 2, 3, 32), {"width": "8"}, r"width='8' does not fit; it takes a whole number"),
        (("baseline", 2, 3, 32), {"width": True}, r"width=True does not fit"),
        (("baseline", 2, 3, 32), {"width": 8.0}, r"width=8.0 does not fit"),
        (("baseline", 2, 3, 32), {"width": 1}, r"larger width"),
        (("baseline", 2, 3, 32), {"kernel_size": 4}, r"4x4 is even"),
        (("baseline", 2, 3, 32), {"kernel_size": -1}, r"too small"),
        (("baseline", 2, 3, 32), {"kernel_size": [3, 5, 7]}, r"a list of 2 \(a whole number\)"),
        (("baseline", 2, 3, 32), {"init": "zeros"}, r"'zeros' is not a weight initialisation.*xavier"),
        (("dropout", 2, 3, 32), {"rate": 2.0}, r"dropout fails with these options.*between 0 and 1.*got 2"),
        (("alexnet", 2, 3, 32), {"dropout": 1.5, "width": 1}, r"dropout rate is at least 0 and below 1"),
        (("alexnet", 2, 3, 32), {"width": 10**15}, r"alexnet .*with these options"),
        (("alexnet", 2, 3, 32), {"stem": "large"}, r"stem='large' does not fit; it takes published \| small"),
        (("mlp", 2, 3, 32), {"activation": "sine"}, r"activation='sine' does not fit; it takes tanh \| relu"),
        (("mlp", 2, 3, 32), {"hidden": (8, 0)}, r"at least 1"),
        (("deep_residual", 2, 3, 32), {"blocks": 0}, r"1 to 1000 blocks; got blocks=0"),
        (("deep_residual", 2, 3, 32), {"blocks": 10**9}, r"1 to 1000 blocks"),
        (("deep_residual", 2, 3, 32), {"skips": "no"}, r"skips='no' does not fit; it takes true or false"),
    ],
)
def test_wrong_arguments_name_the_value_and_the_way_out(arguments, options, message):
    with pytest.raises(UserError, match=message) as caught:
        create(*arguments, **options)
    assert "\n" not in str(caught.value)


def test_lists_from_json_stand_for_tuples():
    assert create("baseline", 2, 3, 8, kernel_size=[1, 3]).features.stage1.convolution.kernel_size == (1, 3)
    hidden = create("mlp", 2, 1, 8, hidden=[6, 5]).hidden
    assert [hidden.linear1.out_features, hidden.linear2.out_features] == [6, 5]


def test_a_size_is_one_side_or_height_and_width():
    assert create("baseline", 2, 3, 12).hidden.in_features == 8 * 3 * 3
    assert create("baseline", 2, 3, (12, 20)).hidden.in_features == 8 * 3 * 5


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        (3, float, True),
        (True, float, False),
        (0, bool, False),
        (None, int | None, True),
        ((1, 2), tuple[int, ...], True),
        ((1, "2"), tuple[int, ...], False),
        ((), tuple[int, ...], True),
        ("3", int, False),
    ],
)
def test_what_fits_an_annotation(value, kind, expected):
    assert fits(value, kind) is expected


def test_xavier_and_kaiming_have_the_spread_of_their_papers():
    torch.manual_seed(0)
    linear = create("mlp", 10, 3, 32, init="xavier").hidden.linear1
    bound = math.sqrt(6 / (3072 + 512))
    assert linear.weight.abs().max() <= bound
    assert float(linear.weight.detach().std()) == pytest.approx(bound / math.sqrt(3), rel=0.01)
    assert not linear.bias.any()
    linear = create("mlp", 10, 3, 32, init="kaiming").hidden.linear1
    assert float(linear.weight.detach().std()) == pytest.approx(math.sqrt(2 / 3072), rel=0.01)
    assert linear.weight.abs().max() > 1.5 * math.sqrt(6 / 3072), (
        "normal: tails beyond the uniform one's bound"
    )


def test_the_default_start_is_torchs_and_leaves_the_papers_own():
    torch.manual_seed(0)
    network = create("deep_residual", 2, 3, 32)
    stem = network.features.stem.convolution.weight
    assert stem.abs().max() <= 1 / math.sqrt(3 * 9), "uniform within 1 / sqrt(fan_in)"
    for block in network.features.blocks:
        assert float(block.convolution.weight.detach().std()) == pytest.approx(
            math.sqrt(2 / (32 * 9)), rel=0.05
        )
        assert (block.normalisation.weight == 0.5).all()
        assert not block.normalisation.bias.any()
        assert block.convolution.bias is None


@pytest.fixture
def own_code(tmp_path, monkeypatch):
    (tmp_path / "my_nets.py").write_text(
        "from torch import nn\n"
        "answer = 42\n"
        "def small(num_classes, in_channels, image_size, units=4):\n"
        "    pixels = in_channels * image_size[0] * image_size[1]\n"
        "    return nn.Sequential(nn.Flatten(), nn.Linear(pixels, units), nn.Linear(units, num_classes))\n"
    )
    (tmp_path / "my_broken_nets.py").write_text("import torch\nnets = {\n'a' 1}\n")
    (tmp_path / "my_needy_nets.py").write_text("import a_module_that_is_not_there\n")
    (tmp_path / "my_failing_nets.py").write_text("raise RuntimeError('first line\\nsecond line')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_a_function_of_the_users_own_is_found(own_code):
    model = foreign("my_nets:small")(num_classes=3, in_channels=1, image_size=(8, 8), units=5)
    assert model(torch.zeros(2, 1, 8, 8)).shape == (2, 3)
    assert foreign("torch.nn:Flatten") is nn.Flatten


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("my_nets:large", r"my_nets has no 'large'"),
        ("my_nets:answer", r"answer is not a function or class"),
        ("no_such_nets:small", r"no module named 'no_such_nets'.*PYTHONPATH"),
        ("my_needy_nets:small", r"no module named 'a_module_that_is_not_there'"),
        ("my_broken_nets:small", r"importing my_broken_nets fails: SyntaxError"),
        ("my_failing_nets:small", r"importing my_failing_nets fails: RuntimeError: first line second line"),
        ("my_nets", r"named module:function"),
        (":small", r"named module:function"),
        ("my_nets:", r"named module:function"),
        (".my_nets:small", r"named module:function"),
    ],
)
def test_what_cannot_be_found_is_one_line(own_code, reference, message):
    with pytest.raises(UserError, match=message) as caught:
        foreign(reference)
    assert reference in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_network_of_ones_own_that_cannot_be_made_is_named_with_what_it_was_given():
    class Small(nn.Module):
        def __init__(self, num_classes):
            super().__init__()

    with pytest.raises(
        UserError, match=r"Small cannot be made: TypeError: .*'width'.* with num_classes=3, width=5"
    ):
        call(Small, num_classes=3, width=5)
    with pytest.raises(UserError, match="gives a list"):
        call(lambda num_classes: [num_classes], num_classes=3)
