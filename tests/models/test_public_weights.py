"""torchvision's names in, ours out; strict, and the error says what to do."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
import torch
from models.public_names import PAIRS, SMALL, filled
from torch import Tensor, nn

import fieldmark.models
from fieldmark.errors import UserError
from fieldmark.families import resolve
from fieldmark.models import MODELS, create, load_public_weights

CLASSES = "num_classes=1000 (or load with head=False)"
STEM = {"stem": "small"}

every_family = pytest.mark.parametrize("name", SMALL)


def small(name: str, classes: int = 1000, channels: int = 3, **options: object) -> nn.Module:
    _, size, standard = SMALL[name]
    return create(name, classes, channels, size, **{**standard, **options})


def public(name: str, dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
    return filled(SMALL[name][0], dtype)


def without_heads(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in weights.items() if not name.startswith("aux")}


def test_the_families_tested_here_are_all_that_have_public_names():
    makers = {name: resolve(MODELS, name, "model") for name in MODELS}
    one_each = {getattr(maker, "func", maker): name for name, maker in makers.items()}  # vgg19 for all vgg
    with torch.device("meta"):
        models = [create(name, 10, 3, 224) for name in one_each.values()]
    having = {type(model) for model in models if model.public_names}
    assert having == {type(small(name)) for name in SMALL}


@every_family
def test_every_public_tensor_finds_its_place(name):
    model, weights = small(name), public(name)
    load_public_weights(model, weights)
    state = model.state_dict()
    weights = without_heads(weights)
    assert len(state) == len(weights)
    for theirs, ours in PAIRS[name].items():
        assert torch.equal(state[ours], weights[theirs]), theirs
    found = sorted(tensor.double().sum().item() for tensor in state.values())
    assert found == sorted(tensor.double().sum().item() for tensor in weights.values()), "each of them once"


@every_family
def test_old_files_do_not_count_batches(name):
    model = small(name)
    weights = {theirs: tensor for theirs, tensor in public(name).items() if "num_batches" not in theirs}
    load_public_weights(model, weights)
    for ours, tensor in model.state_dict().items():
        if ours.endswith("num_batches_tracked"):
            assert tensor == 0


def test_old_densenet_files_have_a_dot_before_the_number():
    old = {
        theirs.replace("norm1.", "norm.1.")
        .replace("norm2.", "norm.2.")
        .replace("conv1.", "conv.1.")
        .replace("conv2.", "conv.2."): tensor
        for theirs, tensor in public("densenet121").items()
    }
    assert "features.denseblock1.denselayer1.norm.1.weight" in old
    new_model, old_model = small("densenet121"), small("densenet121")
    load_public_weights(new_model, public("densenet121"))
    load_public_weights(old_model, old)
    for one, two in zip(new_model.state_dict().values(), old_model.state_dict().values(), strict=True):
        assert torch.equal(one, two)


def test_the_names_let_go_are_googlenets_auxiliary_heads():
    weights = public("googlenet")
    heads = {theirs for theirs in weights if theirs.startswith(("aux1.", "aux2."))}
    assert len(heads) == 2 * (6 + 2 + 2)
    assert set(load_public_weights(small("googlenet"), weights)) == heads
    assert load_public_weights(small("googlenet"), without_heads(weights)) == ()


@every_family
def test_nothing_else_is_let_go_or_may_be_missing(name):
    model = small(name)
    assert model.let_go == ((r"aux[12]\..+",) if name == "googlenet" else ())
    assert model.not_in_file == (r".*num_batches_tracked",)
    weights = without_heads(public(name))
    needed = [theirs for theirs in weights if not theirs.endswith("num_batches_tracked")]
    for theirs in {*needed[::9], *needed[-3:]}:
        with pytest.raises(UserError, match="has no match for"):
            load_public_weights(model, {key: weights[key] for key in weights if key != theirs})
    for other in ("aux3.fc1.weight", "main_aux1.fc1.weight", "fc.scale", "head.weight", "features.weight"):
        with pytest.raises(UserError, match=rf"has no place for {other}\."):
            load_public_weights(model, {**weights, other: torch.zeros(1)})


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_are_converted_to_the_networks(dtype):
    model, weights = small("resnet18"), public("resnet18", dtype)
    load_public_weights(model, weights)
    weight = model.features.stem.convolution.weight
    assert weight.dtype == torch.float32
    assert torch.equal(weight, weights["conv1.weight"].float())
    assert weight.requires_grad
    assert weight.data_ptr() != weights["conv1.weight"].data_ptr(), "copied, not shared"


def test_a_double_network_stays_one():
    model = small("resnet18").double()
    load_public_weights(model, public("resnet18"))
    assert {tensor.dtype for tensor in model.parameters()} == {torch.float64}


@every_family
def test_without_its_head_a_network_for_other_classes_takes_the_rest(name):
    model = small(name, classes=7)
    before = {ours: tensor.clone() for ours, tensor in model.state_dict().items()}
    weights = public(name)
    unused = load_public_weights(model, weights, head=False)
    last = {
        "fc.weight",
        "fc.bias",
        "classifier.weight",
        "classifier.bias",
        "classifier.6.weight",
        "classifier.6.bias",
    }
    assert {theirs for theirs in unused if not theirs.startswith("aux")} == last & set(weights)
    for ours, tensor in model.state_dict().items():
        if ours.startswith("head."):
            assert torch.equal(tensor, before[ours])
        else:
            assert not torch.equal(tensor, before[ours]), ours
    bare = {theirs: tensor for theirs, tensor in weights.items() if theirs not in last}
    load_public_weights(model, bare, head=False)


@pytest.mark.parametrize(
    ("name", "options", "example", "remedy"),
    [
        ("resnet18", {"classes": 10}, "fc.weight is 1000x4 in the file and 10x4 here", CLASSES),
        ("alexnet", {"classes": 10}, "classifier.6.weight", CLASSES),
        (
            "googlenet",
            {"kernel5": 5},
            "inception3a.branch3.1.conv.weight is 2x1x3x3 in the file and 2x1x5x5 here (8 more differ)",
            "kernel5=3, transform_input=True",
        ),
        ("resnet18", STEM, "conv1.weight is 2x3x7x7 in the file and 2x3x3x3 here", "stem='published'"),
        ("densenet121", STEM, "features.conv0.weight", "stem='published'"),
        ("googlenet", STEM, "conv1.conv.weight", "stem='published'"),
        ("alexnet", STEM, "features.0.weight is 2x3x11x11 in the file", "stem='published'."),
        ("resnet18", {"channels": 1}, "is 2x3x7x7 in the file and 2x1x7x7 here", "in_channels=3"),
        (
            "resnet18",
            {"channels": 4, "classes": 5, **STEM},
            "conv1.weight",
            f"stem='published', in_channels=3, {CLASSES}",
        ),
        ("resnet18", {"width": 3}, "conv1.weight", "its published width, depth and growth"),
        ("alexnet", {"hidden": 5}, "classifier.1.weight is 3x288", "its published width, depth and growth."),
        ("densenet121", {"growth": 3}, "conv1.weight is 8x6x1x1", "its published width, depth and growth"),
    ],
)
def test_other_shapes_are_named_with_the_options_to_take(name, options, example, remedy):
    model = small(name, **options)
    before = {ours: tensor.clone() for ours, tensor in model.state_dict().items()}
    with pytest.raises(
        UserError, match=rf"{re.escape(example)}.* Make it with {re.escape(remedy)}"
    ) as caught:
        load_public_weights(model, public(name))
    assert "\n" not in str(caught.value)
    for ours, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[ours]), f"{ours} is as it was"


def test_a_first_linear_layer_for_other_pictures_says_which_size():
    model = create("vgg11", 1000, 3, 16, **SMALL["vgg11"][2])
    with pytest.raises(UserError, match=r"classifier\.0\.weight is 3x196 .*Make it with image_size=224\."):
        load_public_weights(model, public("vgg11"))


def test_another_member_of_the_family_is_told_by_its_names():
    with pytest.raises(
        UserError, match=r"this ResNet: the file has no match for .*stage1\.block2.* more\. Take"
    ) as caught:
        load_public_weights(small("resnet18", blocks=(3, 1)), public("resnet18"))
    assert "no place" not in str(caught.value)
    with pytest.raises(UserError, match=r"no place for layer1\.1\.conv1\.weight, .* and 9 more"):
        load_public_weights(small("resnet18", blocks=(1, 1)), public("resnet18"))
    with pytest.raises(
        UserError,
        match=r"this DenseNet: the file has no match for features\..*, and the network has no place for c",
    ):
        load_public_weights(small("densenet121"), public("resnet18"))
    with pytest.raises(UserError, match=r"has no match for .*no place for features"):
        load_public_weights(small("vgg11"), public("vgg11_bn"))


def test_the_same_weight_under_an_old_and_a_new_name_is_refused():
    weights = public("densenet121")
    old, new = (f"features.denseblock1.denselayer1.norm{dot}1.weight" for dot in (".", ""))
    with pytest.raises(UserError, match=rf"'{new}' and '{old}' are the same weight"):
        load_public_weights(small("densenet121"), {**weights, old: weights[new]})


@pytest.mark.parametrize(
    ("state_dict", "message"),
    [
        ([("conv1.weight", torch.zeros(1))], r"a dictionary of names and tensors; got list"),
        (None, r"got NoneType"),
        ({}, r"has no match for features\.stem\.convolution\.weight, .* more"),
        ({"model": {"conv1.weight": torch.zeros(1)}}, r"'model' is a dictionary in it\. If that holds the"),
        ({"conv1.weight": np.zeros(3)}, r"'conv1\.weight' is a ndarray, not a tensor"),
        ({"epoch": 3}, r"'epoch' is a int, not a tensor"),
        ({3: torch.zeros(1)}, r"3 is a Tensor, not a tensor with a name"),
        ({"conv1.weight": torch.zeros(1, device="meta")}, r"'conv1\.weight' holds no plain values"),
        ({"conv1.weight": torch.zeros(2, 2).to_sparse()}, r"holds no plain values"),
    ],
)
def test_what_is_no_dictionary_of_tensors_is_refused(state_dict, message):
    with pytest.raises(UserError, match=message) as caught:
        load_public_weights(small("resnet18"), state_dict)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("dtype", [torch.int64, torch.bool, torch.complex64])
def test_weights_are_real_numbers(dtype):
    weights = public("resnet18")
    weights["fc.bias"] = torch.ones(1000).to(dtype)
    with pytest.raises(UserError, match=rf"'fc\.bias' is {dtype}, not torch\.float32"):
        load_public_weights(small("resnet18"), weights)


@pytest.mark.parametrize(
    "model", [nn.Linear(2, 2), create("baseline", 2, 3, 8), create("nin", 2, 3, 8, width=1)]
)
def test_networks_without_public_weights_say_so(model):
    with pytest.raises(UserError, match=rf"{type(model).__name__} has no public weights; alexnet"):
        load_public_weights(model, public("resnet18"))


def test_a_network_on_the_meta_device_is_refused():
    with torch.device("meta"):
        model = small("resnet18")
    with pytest.raises(UserError, match="meta device"):
        load_public_weights(model, public("resnet18"))


def test_it_is_part_of_the_package():
    assert fieldmark.models.load_public_weights is load_public_weights
    with pytest.raises(AttributeError, match=r"fieldmark\.models.*'load_weights'"):
        _ = fieldmark.models.load_weights


@every_family
def test_loaded_weights_are_what_the_network_computes_with(name):
    """Halving the last layer in the file halves the logits."""
    model, weights = small(name).eval(), public(name)
    weights = {
        theirs: tensor.abs() if theirs.endswith("running_var") else tensor
        for theirs, tensor in weights.items()
    }
    size = SMALL[name][1]
    images = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(0))
    load_public_weights(model, weights)
    with torch.no_grad():
        logits = model(images)
        assert math.isfinite(logits.sum())
        last = [
            theirs
            for theirs in weights
            if theirs.startswith(("fc.", "classifier.6", "classifier.w", "classifier.b"))
        ]
        load_public_weights(model, {**weights, **{theirs: weights[theirs] / 2 for theirs in last}})
        assert torch.allclose(model(images), logits / 2, rtol=1e-5, atol=0)


def test_a_small_stem_of_the_same_shapes_is_refused():
    """A VGG's small stem only leaves out a pool: the weights would fit, and the answers be others."""
    small_stem, published = (
        {name: tensor.shape for name, tensor in small("vgg11", stem=stem).state_dict().items()}
        for stem in ("small", "published")
    )
    assert small_stem == published, "else the test has lost its case"
    with pytest.raises(UserError, match=r"VGG has the small one. Make it with stem='published'"):
        load_public_weights(small("vgg11", stem="small"), public("vgg11"))
