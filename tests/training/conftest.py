from dataclasses import replace

import pytest
import torch

from fieldmark.data.load import load
from fieldmark.vocabulary import Dataset


@pytest.fixture(scope="session")
def small_digits() -> Dataset:
    """600 real digits to train on, 200 to validate by."""
    dataset = load("sample", limit=600)
    return replace(dataset, val=dataset.val.select(torch.arange(200)))


@pytest.fixture(autouse=True)
def one_thread():
    """Small nets lose more to waiting for each other than they gain."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
