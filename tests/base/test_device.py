"""The device to compute on, and what is said of this machine."""

import os
import platform

import pytest
import torch

from w2l.base import device
from w2l.base.device import cpu_flags, cpu_has_bfloat16, is_out_of_memory, machine, pick_device
from w2l.errors import W2LError


def test_devices():
    assert pick_device("cpu").type == "cpu"
    assert pick_device().type in {"cuda", "mps", "cpu"}
    assert pick_device(torch.device("cpu")) == torch.device("cpu")
    for name in ("gpu", "cuda:99", "xla"):
        with pytest.raises(W2LError, match="cannot compute on device"):
            pick_device(name)


def test_this_machine_in_a_line():
    assert f", {os.cpu_count()} cores" in machine()
    assert "\n" not in machine()


@pytest.mark.skipif(platform.machine() != "x86_64" or not cpu_flags(), reason="needs Linux on x86")
def test_flags_of_the_processor():
    assert "sse2" in cpu_flags()


@pytest.mark.parametrize(
    ("flags", "has"), [({"avx2"}, False), ({"avx2", "avx512_bf16"}, True), ({"amx_bf16"}, True), (set(), False)]
)
def test_bfloat16_by_the_flags(flags, has, monkeypatch):
    monkeypatch.setattr(device, "cpu_flags", lambda: frozenset(flags))
    assert cpu_has_bfloat16() is has


def test_how_torch_says_that_memory_is_full():
    assert is_out_of_memory(torch.cuda.OutOfMemoryError("CUDA out of memory."))
    assert is_out_of_memory(RuntimeError("MPS backend out of memory (9 GB)"))
    assert is_out_of_memory(RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: 9 bytes"))
    assert not is_out_of_memory(RuntimeError("shapes do not match"))
