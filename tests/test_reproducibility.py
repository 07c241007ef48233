"""What fieldmark asks of the libraries that compute, so that the same run gives the same bits."""

import os
import subprocess
import sys

import pytest
import torch

PROGRAM = """
import fieldmark, torch
generator = torch.Generator().manual_seed(0)
weights = torch.randn(10, 64, generator=generator)
values = torch.randn(33, 64, generator=generator)
expected = torch.nn.functional.linear(values, weights)
memory = torch.empty(values.numel() + 16)
for places in range(16):  # of four bytes each: every alignment within 64 bytes
    moved = memory[places : places + values.numel()].view_as(values).copy_(values)
    assert torch.equal(torch.nn.functional.linear(moved, weights), expected), places
"""


@pytest.mark.skipif(not torch.backends.mkl.is_available(), reason="only MKL chooses by alignment")
def test_a_matrix_product_does_not_depend_on_where_its_numbers_lie():
    environment = {name: value for name, value in os.environ.items() if name != "MKL_CBWR"}
    subprocess.run([sys.executable, "-c", PROGRAM], env=environment, check=True)


def test_what_the_user_asks_of_the_matrix_library_stays():
    program = "import os, fieldmark; print(os.environ['MKL_CBWR'])"
    environment = os.environ | {"MKL_CBWR": "COMPATIBLE"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "COMPATIBLE"
