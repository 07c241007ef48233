"""The books activate and then pool; here pooling comes first. The same function: outputs and gradients."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool2d, relu

from fieldmark.models import create

# double precision, so that a difference is a difference in the function and not in the rounding
SIZE = 20


def book_digits(model: nn.Module, x: Tensor) -> Tensor:
    """Raschka, Liu, Mirjalili, ch. 14: conv, ReLU, pool; conv, ReLU, pool; flatten; linear, ReLU; linear."""
    x = max_pool2d(relu(model.features.stage1.convolution(x)), 2)
    x = max_pool2d(relu(model.features.stage2.convolution(x)), 2)
    return model.head(relu(model.hidden(x.flatten(1))))


def book_smiles(model: nn.Module, x: Tensor) -> Tensor:
    """Raschka, Liu, Mirjalili, ch. 14: thrice conv, ReLU, pool; conv, ReLU; the mean over the map; linear."""
    for stage in ("stage1", "stage2", "stage3"):
        x = max_pool2d(relu(model.features.get_submodule(stage).convolution(x)), 2)
    x = relu(model.features.stage4.convolution(x))
    return model.head(x.mean((2, 3)))


def book_baseline(model: nn.Module, x: Tensor) -> Tensor:
    """Stevens, Antiga, Viehmann, ch. 8, class Net."""
    x = max_pool2d(torch.tanh(model.features.stage1.convolution(x)), 2)
    x = max_pool2d(torch.tanh(model.features.stage2.convolution(x)), 2)
    return model.head(torch.tanh(model.hidden(x.flatten(1))))


def book_batch_norm(model: nn.Module, x: Tensor) -> Tensor:
    """Stevens, Antiga, Viehmann, ch. 8, class NetBatchNorm."""
    for stage in (model.features.stage1, model.features.stage2):
        x = max_pool2d(torch.tanh(stage.normalisation(stage.convolution(x))), 2)
    return model.head(torch.tanh(model.hidden(x.flatten(1))))


def book_deep(model: nn.Module, x: Tensor) -> Tensor:
    """Stevens, Antiga, Viehmann, ch. 8, class NetDepth."""
    for stage in (model.features.stage1, model.features.stage2, model.features.stage3):
        x = max_pool2d(relu(stage.convolution(x)), 2)
    return model.head(relu(model.hidden(x.flatten(1))))


def book_residual(model: nn.Module, x: Tensor) -> Tensor:
    """Stevens, Antiga, Viehmann, ch. 8, class NetRes."""
    x = max_pool2d(relu(model.features.stage1.convolution(x)), 2)
    x = max_pool2d(relu(model.features.stage2.convolution(x)), 2)
    skipped = x
    x = max_pool2d(relu(model.features.stage3.skip.convolution(x)) + skipped, 2)
    return model.head(relu(model.hidden(x.flatten(1))))


def book_deep_residual(model: nn.Module, x: Tensor) -> Tensor:
    """Stevens, Antiga, Viehmann, ch. 8, class NetResDeep with distinct blocks."""
    x = max_pool2d(relu(model.features.stem.convolution(x)), 2)
    for block in model.features.blocks:
        x = relu(block.normalisation(block.convolution(x))) + x
    x = max_pool2d(x, 2)
    return model.head(relu(model.hidden(x.flatten(1))))


BOOKS = {
    "digits": book_digits,
    "smiles": book_smiles,
    "baseline": book_baseline,
    "wide": book_baseline,
    "dropout": book_baseline,  # in evaluation, where dropout is the identity
    "batch_norm": book_batch_norm,
    "deep": book_deep,
    "residual": book_residual,
    "deep_residual": book_deep_residual,
}


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("name", BOOKS)
def test_pooling_first_is_the_books_network(name, training):
    if training and name in ("digits", "smiles", "dropout"):
        options = {"dropout": {"rate": 0.0}}.get(name, {"dropout": 0.0})
    else:
        options = {}
    torch.manual_seed(3)
    model = create(name, 3, 3, SIZE, **options).double().train(training)
    images = torch.randn(4, 3, SIZE, SIZE, dtype=torch.float64, requires_grad=True)
    found = []
    for forward in (model, lambda x: BOOKS[name](model, x)):
        model.zero_grad()
        images.grad = None
        logits = forward(images)
        (logits * torch.arange(12.0).reshape(4, 3)).sum().backward()
        gradients = {key: parameter.grad.clone() for key, parameter in model.named_parameters()}
        found.append((logits.detach(), images.grad.clone(), gradients))
    (logits, pixels, gradients), (book_logits, book_pixels, book_gradients) = found
    assert torch.allclose(logits, book_logits, atol=1e-12)
    assert torch.allclose(pixels, book_pixels, atol=1e-10)
    assert pixels.abs().sum() > 0
    for key, gradient in gradients.items():
        assert torch.allclose(gradient, book_gradients[key], atol=1e-10), key


def test_pooling_first_spares_three_quarters_of_the_activations():
    model, sizes = create("baseline", 2, 3, 32), []
    model.features.stage1.activation.register_forward_hook(
        lambda layer, inputs, maps: sizes.append(maps.shape)
    )
    model(torch.zeros(1, 3, 32, 32))
    assert sizes == [(1, 16, 16, 16)]
