"""Batches drawn ahead of time, the same however many processes draw them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from w2l.base.parallel import can_fork, cores, forked
from w2l.train.engine import distributed
from w2l.train.engine.trainer import Batch, Trainer

_MOST_WORKERS = 8


def generator_of(seed: int, step: int, part: int) -> np.random.Generator:
    """The random numbers for one part of one step's batch: the same whenever it is drawn, and in any process."""
    return np.random.default_rng([seed, step, part])


class PartSampler:
    """Draws this process's share of each step's batch: `accumulate` parts."""

    def __init__(self, trainer: Trainer) -> None:
        self.trainer, self.seed = trainer, trainer.config.seed
        count = trainer.options.accumulate
        first = count * distributed.rank()
        self.mine = range(first, first + count)

    def sample(self, step: int) -> list[dict[str, np.ndarray]]:
        """The parts of a step."""
        trainer = self.trainer
        return [trainer.draw(generator_of(self.seed, step, part), step, trainer.parts) for part in self.mine]


def batches(trainer: Trainer, start: int) -> Iterator[list[Batch]]:
    """The parts of the batch of each step from `start` on, on the training's device.

    Raises W2LError when a drawing process dies, for example because shared memory is full.
    """
    device, workers = trainer.device, trainer.options.workers
    workers = _workers(device) if workers is None else workers
    sampler = PartSampler(trainer)
    for parts in forked(sampler.sample, range(start, trainer.steps), workers, pin=device.type == "cuda"):
        yield [batch_to_device(part, device) for part in parts]


def batch_to_device(part: dict[str, Any], device: torch.device) -> Batch:
    """The tensors of a batch on the device; pinned ones are copied without waiting."""
    return {name: value.to(device, non_blocking=True) for name, value in part.items()}


def _workers(device: torch.device) -> int:
    """With a GPU, a few processes draw while it computes; a CPU has no time to spare."""
    if device.type != "cuda" or not can_fork():
        return 0
    return max(1, min(_MOST_WORKERS, cores() - 1))
