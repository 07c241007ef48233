"""Loss and accuracy on the validation split after an epoch."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from fieldmark.data.normalising import normalise
from fieldmark.evaluation.prediction import two_class_logits
from fieldmark.models.own import no_gradients
from fieldmark.training.losses import CrossEntropy
from fieldmark.training.setting import Setting
from fieldmark.training.setup import on_device
from fieldmark.training.state import State
from fieldmark.training.step import autocast
from fieldmark.vocabulary import Dataset

BATCH_SIZE = 512


class Validation:
    """Called with a state: (loss, accuracy, function that copies the weights they were measured with).

    With weight averaging these are the average's. The loss is plain cross-entropy, whatever the criterion of
    training is: without label smoothing, class weights, augmentation and penalties. So it means the same on
    the screen, in history.csv, in the curves, in metrics.json and in other people's tables. It is computed in
    the training precision, because it is done after every epoch; the figures of a run are measured again at
    the end, in float32.
    """

    def __init__(self, dataset: Dataset, setting: Setting) -> None:
        self.setting = setting
        self.images = on_device(dataset.val.images, setting.device)
        self.labels = dataset.val.labels.to(setting.device)

    def __call__(self, state: State) -> tuple[float, float, Callable[[], dict[str, Tensor]]]:
        model, average = state.model, state.average
        own = None
        if average is not None:
            own = {name: tensor.clone() for name, tensor in model.state_dict().items()}
            model.load_state_dict(average.tensors)
        model.eval()
        with no_gradients(model):
            loss, correct = self.measure(state)
        model.train()
        if own is not None:
            model.load_state_dict(own)
        source = average.tensors if average is not None else model.state_dict()
        return loss, correct, lambda: {name: tensor.detach().clone() for name, tensor in source.items()}

    def measure(self, state: State) -> tuple[float, float]:
        """Mean cross-entropy and accuracy of the model as it is."""
        setting = self.setting
        loss, correct = torch.zeros((), device=setting.device), torch.zeros((), device=setting.device)
        criterion = CrossEntropy()
        for start in range(0, len(self.images), BATCH_SIZE):
            images, labels = self.images[start : start + BATCH_SIZE], self.labels[start : start + BATCH_SIZE]
            inputs = normalise(images, setting.preprocessing.mean, setting.preprocessing.std)
            with autocast(setting):
                logits = setting.logits(state.model, inputs)
            logits = two_class_logits(logits.float())
            loss += criterion(logits, labels) * len(labels)
            correct += (logits.argmax(1) == labels).sum()
        return float(loss) / len(self.images), float(correct) / len(self.images)
