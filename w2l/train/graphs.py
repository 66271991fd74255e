"""CUDA graphs: the kernels of a small network take less time than their launching, one by one, from Python."""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any

import torch
from torch import nn

_EAGER = 3  # calls with inputs of the same shapes before they are recorded: an odd one is not worth it


class Graphed:
    """A network whose kernels, forward and backward, are recorded on a GPU and replayed in one go.

    For training only, and for networks that are called once in each backward pass: each replay writes over the results
    of the last. Elsewhere (processors, no gradients, eval mode of a network that trains) it is the network itself.
    """

    def __init__(self, network: nn.Module) -> None:
        self.network = network
        self.recorded: dict[Any, Any] = {}
        self.calls: Counter[Any] = Counter()
        self.works = next(network.parameters()).device.type == "cuda"

    def __call__(self, *inputs: torch.Tensor) -> Any:
        if not self.works or not torch.is_grad_enabled():
            return self.network(*inputs)
        key = (self.network.training, *((one.shape, one.stride(), one.requires_grad) for one in inputs))
        self.calls[key] += 1
        if self.calls[key] <= _EAGER:
            return self.network(*inputs)
        if key not in self.recorded:
            self.recorded[key] = self._record(inputs)
        return self.recorded[key](*inputs)

    def _record(self, inputs: tuple[torch.Tensor, ...]) -> Any:
        """Records the network for inputs like these; warming up must not count in batch norm's statistics."""
        samples = tuple(one.detach().clone().requires_grad_(one.requires_grad) for one in inputs)
        buffers = list(self.network.buffers())
        before = [buffer.clone() for buffer in buffers]
        mixed = torch.is_autocast_enabled("cuda")
        try:
            with torch.autocast("cuda", torch.get_autocast_dtype("cuda"), enabled=mixed, cache_enabled=False):
                return torch.cuda.make_graphed_callables(_Shell(self.network), samples)
        except RuntimeError as error:
            print(f"no CUDA graph can be recorded here ({error}); training goes on without.", file=sys.stderr)
            self.works = False
            return self.network
        finally:
            with torch.no_grad():
                for buffer, value in zip(buffers, before, strict=True):
                    buffer.copy_(value)


class _Shell(nn.Module):
    """Around a network, whose own `forward` stays as it is when that of this one is replaced by a recorded one."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.training = network.training

    def forward(self, *inputs: torch.Tensor) -> Any:
        return self.network(*inputs)
