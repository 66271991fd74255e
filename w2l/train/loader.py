"""Batches drawn ahead of time, the same ones however many processes draw them."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from w2l.errors import W2LError
from w2l.pipeline import one_thread
from w2l.train import distributed
from w2l.train.task import Batch, Run, Task

_MOST_WORKERS = 8


def generator_of(seed: int, step: int, part: int) -> np.random.Generator:
    """The random numbers of one part of one step's batch: whoever draws it, and whenever, draws the same."""
    return np.random.default_rng([seed, step, part])


class Draws(Dataset):
    """A training as a dataset: item s is what this process computes at step s, a list of `accumulate` batches."""

    def __init__(self, task: Task, accumulate: int) -> None:
        self.task, self.seed = task, task.config["seed"]
        self.parts = accumulate * distributed.world()
        first = accumulate * distributed.rank()
        self.mine = range(first, first + accumulate)

    def __getitem__(self, step: int) -> list[dict[str, np.ndarray]]:
        return [self.task.draw(generator_of(self.seed, step, part), step, self.parts) for part in self.mine]


def batches(task: Task, run: Run, start: int) -> Iterator[list[Batch]]:
    """What this process computes at each step from `start` on, on the task's device.

    Raises W2LError when a drawing process dies, which a full shared memory brings about.
    """
    workers = _workers(task.device) if run.workers is None else run.workers
    on_gpu = task.device.type == "cuda"
    loader = DataLoader(
        Draws(task, run.accumulate),
        batch_size=None,
        sampler=range(start, task.steps),  # type: ignore[arg-type]
        num_workers=workers,
        pin_memory=on_gpu,
        prefetch_factor=4 if workers else None,
        multiprocessing_context="fork" if workers else None,  # the clips are not copied
        generator=torch.Generator(),  # or it would take its seed from the training's random numbers
    )
    try:
        with warnings.catch_warnings():
            # from Python 3.12 on a fork beside running threads warns; the children call neither torch's nor CUDA's
            warnings.filterwarnings("ignore", category=DeprecationWarning, message=".*fork.*")
            with one_thread():  # a child would wait for ever for threads of OpenCV that a fork leaves behind
                drawn = iter(loader)
        for parts in drawn:
            yield [_to_device(part, task.device) for part in parts]
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        raise W2LError(f"a process that draws batches died ({error}); try --workers 0.") from error


def _workers(device: torch.device) -> int:
    """On a GPU a few processes draw while it computes; a CPU has nothing to spare, and only Linux forks well."""
    if device.type != "cuda" or sys.platform != "linux":
        return 0
    local = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    return max(1, min(_MOST_WORKERS, (os.cpu_count() or 1) // local - 1))


def _to_device(part: dict[str, Any], device: torch.device) -> Batch:
    return {name: value.to(device, non_blocking=True) for name, value in part.items()}
