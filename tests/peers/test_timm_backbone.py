"""timm's networks in our three parts: the same logits for the same weights, whatever form their maps have."""

from __future__ import annotations

import pytest
import torch

from fieldmark.errors import ClassifierError, UserError
from fieldmark.models import about, create
from fieldmark.models.timm_backbone import load_timm_weights

timm = pytest.importorskip("timm")
pytestmark = pytest.mark.peers

NETWORKS = {
    "test_resnet": "a map, a plain last layer",
    "mobilenetv3_small_050": "a convolution between the mean and the last layer",
    "vgg11": "linear layers before the last one",
    "test_vit": "tokens, a fixed size",
    "swin_tiny_patch4_window7_224": "a map with the channels last",
    "efficientformer_l1": "two last layers",
}


@pytest.mark.parametrize("name", NETWORKS)
def test_the_same_weights_give_the_same_logits(name):
    side = about(f"timm:{name}").published_size
    theirs = timm.create_model(name, num_classes=5).eval()
    ours = create(f"timm:{name}", 5, 3, side).eval()
    load_timm_weights(ours, theirs.state_dict())
    last = theirs.get_classifier()
    images = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        vectors = ours.embed(ours.features(images))
        expected = theirs.forward_head(theirs.forward_features(images), pre_logits=True)
        assert torch.equal(vectors, expected)
        if isinstance(last, torch.nn.Linear):
            ours.head.load_state_dict(last.state_dict())
            assert torch.equal(ours(images), theirs(images))
    assert ours.features(images).dim() == 4


def test_other_channels_classes_and_sizes():
    assert create("timm:test_resnet", 2, 1, (40, 56))(torch.zeros(2, 1, 40, 56)).shape == (2, 2)
    assert create("timm:test_vit", 7, 3, 64)(torch.zeros(2, 3, 64, 64)).shape == (2, 7)


def test_options_reach_timm_and_unknown_ones_are_refused():
    made = create("timm:test_resnet", 3, 3, 64, stochastic_depth=0.3, dropout=0.2)
    assert made.features.trunk.network.drop_rate == 0.2
    with pytest.raises(UserError, match="has no option 'width'"):
        create("timm:test_resnet", 3, 3, 64, width=3)
    with pytest.raises(UserError, match=r"timm:vgg11 cannot be made for .*drop_path_rate"):
        create("timm:vgg11", 3, 3, 64, stochastic_depth=0.3)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("resnt18", r"timm has no network 'resnt18'\. Closest: resnet18"),
        ("resnet18.a1_in1", r"'resnet18\.a1_in1' is not .*Closest: resnet18\.a1_in1k"),
        ("hf-hub:timm/resnet18", "timm has no network"),
        ("coat_mini", "several maps"),
    ],
)
def test_what_cannot_be_made_is_said(name, told):
    with pytest.raises(UserError, match=told) as caught:
        create(f"timm:{name}", 3, 3, 224)
    assert "\n" not in str(caught.value)


def test_weights_of_another_network_are_named():
    ours = create("timm:test_resnet", 3, 3, 64)
    with pytest.raises(ClassifierError, match=r"not the weights of timm:test_resnet: the file lacks"):
        load_timm_weights(ours, timm.create_model("test_vit").state_dict())
