"""Batch norm's running statistics when a batch is computed in parts."""

from __future__ import annotations

import torch
from torch import nn

from w2l.train.engine import distributed


class PartStatistics:
    """Updates the running statistics once a step, by the mean change over all parts of all processes.

    Left alone, they would be updated once for each part, and differ between processes. So each part starts from the
    statistics at the start of the step, and its change of them is only added to a sum.
    """

    def __init__(self, network: nn.Module) -> None:
        buffers = list(network.buffers())
        self.floats = [b for b in buffers if b.is_floating_point()]
        self.counts = [b for b in buffers if not b.is_floating_point()]
        self.start = [b.clone() for b in self.floats]
        self.start_counts = [b.clone() for b in self.counts]
        self.total = [torch.zeros_like(b) for b in self.floats]

    @torch.no_grad()
    def collect(self) -> None:
        """After a part: adds its change of the statistics to the sum, and undoes it. A second call does nothing."""
        for total, now, start in zip(self.total, self.floats, self.start, strict=True):
            total += now - start
            now.copy_(start)

    @torch.no_grad()
    def apply(self, parts: int) -> None:
        """After the last part: applies the mean change over `parts` parts, and counts one batch."""
        self.collect()
        distributed.add_up(self.total)
        for total, now, start in zip(self.total, self.floats, self.start, strict=True):
            now.copy_(start + total / parts)
        for count, before in zip(self.counts, self.start_counts, strict=True):
            count.copy_(before + (count > before))
