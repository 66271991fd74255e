"""Batches drawn ahead of time, the same ones however many processes draw them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from w2l.base.parallel import can_fork, cores, forked
from w2l.train.engine import distributed
from w2l.train.engine.task import Batch, Run, Task

_MOST_WORKERS = 8


def generator_of(seed: int, step: int, part: int) -> np.random.Generator:
    """The random numbers of one part of one step's batch: whoever draws it, and whenever, draws the same."""
    return np.random.default_rng([seed, step, part])


class Draws:
    """What this process computes at a step: a list of `accumulate` batches."""

    def __init__(self, task: Task, accumulate: int) -> None:
        self.task, self.seed = task, task.config["seed"]
        self.parts = accumulate * distributed.world()
        first = accumulate * distributed.rank()
        self.mine = range(first, first + accumulate)

    def draw(self, step: int) -> list[dict[str, np.ndarray]]:
        """The batches of a step."""
        return [self.task.draw(generator_of(self.seed, step, part), step, self.parts) for part in self.mine]


def batches(task: Task, run: Run, start: int) -> Iterator[list[Batch]]:
    """What this process computes at each step from `start` on, on the task's device.

    Raises W2LError when a drawing process dies, which a full shared memory brings about.
    """
    workers = _workers(task.device) if run.workers is None else run.workers
    draws = Draws(task, run.accumulate)
    for parts in forked(draws.draw, range(start, task.steps), workers, pin=task.device.type == "cuda"):
        yield [_to_device(part, task.device) for part in parts]


def _workers(device: torch.device) -> int:
    """On a GPU a few processes draw while it computes; a CPU has nothing to spare."""
    if device.type != "cuda" or not can_fork():
        return 0
    return max(1, min(_MOST_WORKERS, cores() - 1))


def _to_device(part: dict[str, Any], device: torch.device) -> Batch:
    return {name: value.to(device, non_blocking=True) for name, value in part.items()}
