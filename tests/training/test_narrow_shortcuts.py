"""A layer on which oneDNN ends the process where there is no AVX-512: trained row by row there."""

import os
import subprocess
import sys

from torch import nn

from fieldmark.training.trainable import breaks_channels_last

PROGRAM = """
import fieldmark as fm
run = fm.train(fm.load("sample", limit=60), model="resnet18", options={"width": 4}, epochs=1, batch_size=20,
               out="run", progress=False)
print(run.document["status"])
"""


def test_a_narrow_residual_network_trains_without_avx512(tmp_path):
    # Under this limit the library takes the code for AVX2 on any processor; channels_last it aborts.
    environment = os.environ | {"ONEDNN_MAX_CPU_ISA": "AVX2", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout.strip()) == (0, "finished"), done.stderr


def test_only_the_layers_that_break_it_are_told():
    def breaks(channels, kernel, stride, **more):
        return breaks_channels_last(nn.Conv2d(channels, 8, kernel, stride, **more), onednn_has_avx512=False)

    assert [breaks(channels, 1, 2) for channels in (1, 2, 7, 8, 64)] == [False, True, True, False, False]
    assert not breaks(4, 1, 1)
    assert not breaks(4, 3, 2)
    assert not breaks_channels_last(nn.Conv2d(4, 8, 1, 2), onednn_has_avx512=True)
