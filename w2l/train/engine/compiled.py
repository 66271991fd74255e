"""A network called through torch.compile, where that works."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import nn


class Compiled:
    """Calls a network through torch.compile, or directly when the compiler fails on this machine.

    The compiler may fail only in the backward pass, so before the first call both passes are tried.
    """

    def __init__(self, network: nn.Module) -> None:
        self.network = network
        self.call: Callable[..., Any] = torch.compile(network)
        self.tried = False

    def __call__(self, *inputs: torch.Tensor) -> Any:
        """The network's output."""
        if not self.tried:
            self.tried = True
            self._try(inputs)
        return self.call(*inputs)

    def _try(self, inputs: tuple[torch.Tensor, ...]) -> None:
        """One forward and backward pass that leaves no trace: batch norm's statistics are restored too."""
        buffers = [b.clone() for b in self.network.buffers()]
        learned = [p for p in self.network.parameters() if p.requires_grad]
        try:
            with torch.enable_grad():
                out = self.call(*inputs)
                parts = (out,) if isinstance(out, torch.Tensor) else out
                torch.autograd.grad([part.float().sum() for part in parts], learned, allow_unused=True)
        except Exception as error:  # a compiler can fail in any way
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:120]
            print(f"torch.compile does not work here ({reason}); training continues without it.", file=sys.stderr)
            self.call = self.network
        for buffer, before in zip(self.network.buffers(), buffers, strict=True):
            buffer.copy_(before)
