"""Starting weights: torch's own, Xavier (Glorot & Bengio 2010), Kaiming (He et al. 2015)."""

from __future__ import annotations

from torch import nn

INITIALISATIONS = ("default", "xavier", "kaiming")


def initialise(network: nn.Module, init: str) -> None:
    """Draw the weights of every convolution and linear layer anew, biases to 0; "default" leaves all alone.

    xavier: uniform within sqrt(6 / (fan_in + fan_out)). kaiming: normal, standard deviation sqrt(2 / fan_in).
    "default" is torch's: uniform within 1 / sqrt(fan_in), or what the architecture's paper asked for.
    """
    assert init in INITIALISATIONS, init
    if init == "default":
        return
    for module in network.modules():
        if not isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d | nn.Linear):
            continue
        if init == "xavier":
            nn.init.xavier_uniform_(module.weight)
        else:
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
