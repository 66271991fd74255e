"""Mixed precision: convolutions in 16 bits where that is faster, everything that is summed in 32."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from w2l.base.device import cpu_has_bfloat16
from w2l.errors import W2LError

_DTYPES = {"off": None, "bf16": torch.bfloat16, "fp16": torch.float16}


class Precision:
    """Calls a network in the precision of `name`: ``off`` (float32), ``bf16``, ``fp16`` or ``auto``.

    ``auto`` is bf16 on GPUs and CPUs that have instructions for it, fp16 on older GPUs, else float32. fp16 overflows
    above 65504 and loses gradients below 6e-8, so losses are scaled up and gradients down again (see `scaled`); bf16
    does not need this.
    """

    def __init__(self, name: str, device: torch.device) -> None:
        if name not in ("auto", *_DTYPES):
            raise W2LError(f"there is no precision {name!r}; choose auto, off, bf16 or fp16.")
        if name == "fp16" and device.type == "cpu":
            raise W2LError("fp16 cannot be used for training on a CPU; choose --amp auto, off or bf16.")
        self.name = _automatic(device) if name == "auto" else name
        self.device, self.dtype = device, _DTYPES[self.name]

    @property
    def scaled(self) -> bool:
        """Whether losses must be scaled."""
        return self.dtype == torch.float16

    def __call__(self, function: Callable[..., Any], *inputs: torch.Tensor) -> Any:
        """The function's result, a tensor or a tuple of them, in float32."""
        if self.dtype is None:
            return function(*inputs)
        with torch.autocast(self.device.type, self.dtype):
            out = function(*inputs)
        return out.float() if isinstance(out, torch.Tensor) else tuple(part.float() for part in out)


def _automatic(device: torch.device) -> str:
    if device.type == "cuda":
        # torch would emulate bf16 before the Ampere generation, slower than float32
        return "bf16" if torch.cuda.get_device_capability(device)[0] >= 8 else "fp16"
    return "bf16" if device.type == "cpu" and cpu_has_bfloat16() else "off"


def new_scaler(precision: Precision) -> Any:
    """A gradient scaler, which does nothing unless losses must be scaled."""
    if hasattr(torch.amp, "GradScaler"):
        return torch.amp.GradScaler(precision.device.type, enabled=precision.scaled)
    return torch.cuda.amp.GradScaler(enabled=precision.scaled)  # before torch 2.3
