"""Training runs in one process; devices are named and checked."""

from __future__ import annotations

import pytest
import torch

from fieldmark import world
from fieldmark.errors import UserError


def test_one_process_alone(monkeypatch):
    for name in ("RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    assert (world.rank(), world.size(), world.is_main()) == (0, 1, True)
    world.refuse_many()


def test_one_of_eight_under_torchrun(monkeypatch):
    monkeypatch.setenv("RANK", "3")
    monkeypatch.setenv("WORLD_SIZE", "8")
    assert (world.rank(), world.size(), world.is_main()) == (3, 8, False)
    with pytest.raises(UserError, match=r"one of 8 processes.*without torchrun"):
        world.refuse_many()


def test_a_launcher_that_sets_nonsense_is_named(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "many")
    with pytest.raises(UserError, match=r"WORLD_SIZE=many"):
        world.size()


@world.torch_as_it_comes()
def _seen_inside() -> None:
    inside = torch.zeros(1)
    assert (inside.dtype, inside.device.type) == (torch.float32, "cpu")
    assert torch.is_grad_enabled()
    assert not torch.is_autocast_enabled("cpu")
    raise KeyError


def test_what_the_program_around_has_set_is_there_again_even_after_an_error():
    torch.set_default_dtype(torch.float64)
    try:
        with torch.no_grad(), torch.device("meta"), torch.autocast("cpu"):
            with pytest.raises(KeyError):
                _seen_inside()
            outside = torch.zeros(1)
            assert (outside.dtype, outside.device.type) == (torch.float64, "meta")
            assert not torch.is_grad_enabled()
            assert torch.is_autocast_enabled("cpu")
    finally:
        torch.set_default_dtype(torch.float32)


def test_the_cpu_is_always_there():
    assert world.device("cpu") == torch.device("cpu")


def test_auto_takes_a_gpu_where_there_is_one(monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert world.device("auto").type == "cpu"
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert world.device("auto").type == "mps"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert world.device("auto") == torch.device("cuda:0")


@pytest.mark.parametrize("name", ["gpu", "", "CPU", "cuda:x", "cuda:-1", "tpu:0"])
def test_a_device_there_is_none_of_is_named_with_the_choices(name):
    with pytest.raises(UserError, match=rf"'{name}' is not a device.*auto, cpu, cuda, mps"):
        world.device(name)


def test_a_device_that_this_machine_lacks_names_the_way_out(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match=r"no cuda device.*--device cpu"):
        world.device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert world.device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(UserError, match=r"no cuda:2: this machine has 2 GPU"):
        world.device("cuda:2")
