"""What only a GPU can show. Skipped, and said so, where there is none."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest
import torch
from training.whole_run import train

from fieldmark.data.load import load
from fieldmark.evaluation.prediction import predict
from fieldmark.models import create
from fieldmark.recipe import Recipe
from fieldmark.training.augmentation import AUGMENTATIONS, build
from fieldmark.training.precision import resolve
from fieldmark.vocabulary import Dataset

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")

RECIPE = Recipe(
    model="digits", epochs=2, batch_size=64, learning_rate=0.002, augment=("crop",), averaging=0.9
)


@pytest.fixture(scope="module")
def small_digits() -> Dataset:
    dataset = load("sample", limit=2000)
    return replace(dataset, val=dataset.val.select(torch.arange(200)))


@pytest.mark.parametrize("precision", ["auto", "fp32"])
def test_real_digits_are_learned_on_the_gpu(small_digits: Dataset, precision: str) -> None:
    trained = train(small_digits, RECIPE.replace(precision=precision), device="cuda")
    assert trained.history.rows[-1]["val_accuracy"] > 0.9
    assert {parameter.device.type for parameter in trained.model.parameters()} == {"cpu"}
    capable = torch.cuda.get_device_capability() >= (8, 0)
    assert resolve("auto", torch.device("cuda")) == ("bf16" if capable else "fp32")


def test_a_run_stopped_on_the_gpu_goes_on_anywhere(small_digits: Dataset) -> None:
    saved: dict[str, Any] = {}
    train(
        small_digits,
        RECIPE,
        device="cuda",
        stop_at=41,
        save=lambda state: saved.update(document=copy.deepcopy(state.to_document())),
    )
    for device in ("cuda", "cpu"):
        rest = train(small_digits, RECIPE, device=device, resume=copy.deepcopy(saved["document"]))
        assert rest.status == "finished"
        assert rest.history.rows[-1]["val_accuracy"] > 0.9


@pytest.mark.parametrize("name", ["digits", "baseline", "batch_norm", "deep_residual", "smiles", "mlp"])
def test_predictions_agree_with_the_cpu(small_digits: Dataset, name: str) -> None:
    torch.manual_seed(0)
    model = create(name, 10, 1, 28)
    images = small_digits.val.images
    on_cpu = predict(model, images, mean=[0.13], std=[0.31]).logits
    on_gpu = predict(model, images, mean=[0.13], std=[0.31], device="cuda", batch_size=64).logits
    # Float32 on both sides, TF32 off: only the order of the sums differs.
    torch.testing.assert_close(on_gpu, on_cpu, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", sorted(AUGMENTATIONS))
def test_augmentation_draws_the_same_on_the_gpu(small_digits: Dataset, name: str) -> None:
    images = small_digits.train.images[:64]
    labels = small_digits.train.labels[:64]
    settings = {"name": name, "size": [20, 20]} if name in ("window", "centre") else name
    made = []
    for device in ("cpu", "cuda"):
        pipeline = build([settings], (28, 28))
        generator = torch.Generator().manual_seed(3)
        out, targets = pipeline(images.to(device), labels.to(device), torch.arange(64), 1, generator, 10)
        made.append((out.cpu().int(), targets.cpu().float()))
    (one, one_labels), (two, two_labels) = made
    assert (one - two).abs().max() <= 1, "at most a grey level of rounding"
    assert ((one - two).abs() > 0).float().mean() < 0.05
    torch.testing.assert_close(one_labels, two_labels, atol=1e-5, rtol=0)


def test_too_large_a_batch_is_one_line(
    tmp_path: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from fieldmark.cli import main

    monkeypatch.chdir(tmp_path)
    torch.cuda.set_per_process_memory_fraction(0.001)  # 140 MB of 140 GB: nothing fits
    try:
        code = main(
            [
                "train",
                "sample",
                "--model",
                "deep_residual",
                "--options",
                "blocks=60",
                "width=512",
                "--batch-size",
                "4096",
                "--device",
                "cuda",
                "--epochs",
                "1",
            ]
        )
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    said = capsys.readouterr().err.strip().splitlines()
    assert code == 1
    assert "--batch-size 2048 --accumulate 2" in said[-1]
    assert not any("Traceback" in line for line in said)
