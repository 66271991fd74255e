"""The device to compute on: which one, what the processor can do, and when its memory is full."""

from __future__ import annotations

import os
import platform
import sys
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from w2l.errors import W2LError

if TYPE_CHECKING:
    import torch


def machine() -> str:
    """One line about this machine for reports: processor, cores, and the GPU when torch is loaded and has one."""
    name = _cpuinfo().get("model name") or platform.processor() or platform.machine()
    torch = sys.modules.get("torch")
    gpu = f", {torch.cuda.get_device_name()}" if torch is not None and torch.cuda.is_available() else ""
    return f"{name}, {os.cpu_count()} cores{gpu}"


def processor() -> str:
    """The processor's model, more exactly than its name: virtual machines call different ones the same."""
    facts = _cpuinfo()
    exact = [facts[key] for key in ("model name", "vendor_id", "cpu family", "model", "stepping") if key in facts]
    return ", ".join(exact) or platform.processor() or platform.machine()


def _cpuinfo() -> dict[str, str]:
    """What Linux says of the first processor; empty elsewhere."""
    with suppress(OSError):
        first = Path("/proc/cpuinfo").read_text(encoding="utf8").split("\n\n")[0]
        pairs = (line.split(":", 1) for line in first.splitlines() if ":" in line)
        return {key.strip(): value.strip() for key, value in pairs}
    return {}


def pick_device(device: str | torch.device = "auto") -> torch.device:
    """The device to compute on: ``auto`` takes CUDA, else Apple's GPU, else the CPU.

    Raises W2LError for a device this machine, or this torch, does not have.
    """
    import torch  # imported here and below, because torch takes seconds to start

    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        picked = torch.device(device)
        torch.empty(1, device=picked)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise W2LError(f"cannot compute on device {str(device)!r} here; choose auto or cpu.") from error
    return picked


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether this error of torch means that the device's memory is full; then a smaller batch may fit."""
    import torch

    return isinstance(error, torch.cuda.OutOfMemoryError) or any(
        words in str(error) for words in ("out of memory", "can't allocate memory")
    )


@lru_cache
def cpu_flags() -> frozenset[str]:
    """The names of the processor's instruction sets; empty on systems other than Linux."""
    cpuinfo = Path("/proc/cpuinfo")
    return frozenset(cpuinfo.read_text().split()) if cpuinfo.exists() else frozenset()


def cpu_has_bfloat16() -> bool:
    """Whether the CPU has bfloat16 instructions; without them torch emulates it, slower than float32."""
    return not cpu_flags().isdisjoint({"avx512_bf16", "amx_bf16"})
