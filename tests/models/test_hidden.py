from torch import nn

from fieldmark.models.hidden import hidden, sentence


def test_layers_and_weights_in_lists_and_dicts_are_found_at_any_depth() -> None:
    network = nn.Sequential(nn.Linear(2, 2), nn.Module())
    network[1].stages = {"first": [nn.Conv2d(1, 1, 1)], "second": (nn.ReLU(),)}
    network[1].scales = [nn.Linear(1, 1).weight]
    network.drops = [nn.Dropout()]
    assert hidden(network) == {
        "drops": "nn.ModuleList",
        "1.stages": "nn.ModuleDict",
        "1.scales": "nn.ParameterList",
    }
    assert "drops, 1.stages and 1 more hold layers" in sentence(hidden(network))


def test_what_torch_sees_too_or_would_not_be_missed_is_left_out() -> None:
    network = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    network.order = [network[0], network[1]]
    network.activations = {"relu": nn.ReLU()}
    network.itself = [network]
    network.knot = []
    network.knot.append(network.knot)
    network.sizes = (3, 5)
    assert hidden(network) == {}
