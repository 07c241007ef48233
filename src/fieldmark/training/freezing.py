"""Fine-tuning in two steps: the head alone first, then everything."""

from __future__ import annotations

from types import TracebackType

from torch import nn

from fieldmark.errors import TrainingError


class Freezing:
    """Holds everything but `model.head` still in the first `epochs` epochs.

    A fresh head starts with random weights, and its first large gradients would undo what the trained layers
    before it know. What is held still takes no gradient and is in evaluation mode: batch norm keeps its
    statistics, dropout drops nothing. As a context it gives the parameters back at the end.

    Raises TrainingError when `epochs` is above 0 and the network has no part `head` that learns.

    >>> net = nn.Sequential()
    >>> net.features, net.head = nn.BatchNorm2d(3), nn.Linear(3, 2)
    >>> freezing = Freezing(net, epochs=1)
    >>> freezing.begin_epoch(net, done=0)
    >>> net.features.training, net.features.weight.requires_grad, net.head.training
    (False, False, True)
    >>> freezing.begin_epoch(net, done=1)
    >>> net.features.training, net.features.weight.requires_grad
    (True, True)
    """

    def __init__(self, model: nn.Module, epochs: int) -> None:
        self.epochs = epochs
        self.parameters: list[nn.Parameter] = []
        if epochs:
            kept = {id(parameter) for parameter in part(model, "head", "freeze").parameters()}
            trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
            self.parameters = [parameter for parameter in trained if id(parameter) not in kept]
            if len(self.parameters) == len(trained):
                raise TrainingError(f"freeze={epochs}: nothing in the head of this network learns.")

    def begin_epoch(self, model: nn.Module, done: int) -> None:
        """Put the model into the mode of the epoch after `done` finished ones."""
        frozen = done < self.epochs
        for parameter in self.parameters:
            parameter.requires_grad_(not frozen)
        model.train(not frozen)
        if frozen:
            part(model, "head", "freeze").train()

    def __enter__(self) -> Freezing:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for parameter in self.parameters:
            parameter.requires_grad_(True)


def part(model: nn.Module, name: str, setting: str) -> nn.Module:
    """The part of a network called `name`: features or head.

    Raises TrainingError, naming the setting that needs it, for a network without that part.
    """
    found = getattr(model, name, None)
    if not isinstance(found, nn.Module):
        raise TrainingError(
            f"{setting} needs a network with a part called '{name}', and {type(model).__name__} has none. "
            f"Name its parts features and head (fieldmark.models.network), or leave {setting} out."
        )
    return found
