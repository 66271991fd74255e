"""The training loop: progress, a log, checkpoints, and resuming exactly where it stopped."""

from __future__ import annotations

import csv
import json
import math
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from w2l import paths
from w2l.errors import W2LError


class Task(Protocol):
    """What the loop needs to know of a training.

    `config` is plain numbers and strings, stored in the checkpoint; `steps` is the whole length; `network` is what is
    trained. Every batch is drawn from a generator seeded by (seed, step), so that a resumed run sees the same batches.
    """

    name: str
    config: dict[str, Any]
    network: nn.Module
    steps: int

    def learning_rate(self, step: int) -> float:
        """Learning rate of this step."""

    def loss(self, rng: np.random.Generator, step: int) -> tuple[torch.Tensor, dict[str, float]]:
        """Draws a batch with `rng`; returns the loss to descend and numbers to log."""

    def evaluate(self, step: int) -> dict[str, float]:
        """Numbers on held-out data."""

    def state(self) -> dict[str, Any]:
        """What a checkpoint must keep besides network and optimiser."""

    def restore(self, state: dict[str, Any]) -> None:
        """Takes back what `state` gave."""


def place(network: nn.Module, device: torch.device) -> nn.Module:
    """The network on the device, weights channels-last: on a processor that is up to three times as fast."""
    return network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def cosine(step: int, steps: int, peak: float, warmup: int = 50, floor: float = 0.02) -> float:
    """Learning rate that rises over `warmup` steps to `peak`, then falls along a cosine to `floor * peak`."""
    if step < warmup:
        return peak * (step + 1) / warmup
    done = min(1.0, (step - warmup) / max(1, steps - warmup))
    return peak * (floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * done)))


def run(task: Task, folder: Path, evaluate_every: int = 200, save_every: int = 100, progress: bool = True) -> nn.Module:
    """Trains to the end, or goes on from `folder`/checkpoint.pt when that is there, and returns the network.

    Writes checkpoint.pt (atomically, every `save_every` steps and on Ctrl-C) and log.csv. Ctrl-C saves, says how to go
    on, and raises KeyboardInterrupt. Raises W2LError when the checkpoint belongs to other settings, or the loss is
    no longer a number.
    """
    checkpoint = folder / "checkpoint.pt"
    parameters = [p for p in task.network.parameters() if p.requires_grad]
    optimiser = torch.optim.Adam(parameters, lr=task.learning_rate(0))
    step, seconds = _resume(task, optimiser, checkpoint)
    log = _Log(folder / "log.csv", step)
    bar = tqdm(total=task.steps, initial=step, desc=task.name, unit="step", disable=not progress)
    clock = time.monotonic()
    try:
        while step < task.steps:
            for group in optimiser.param_groups:
                group["lr"] = task.learning_rate(step)
            numbers = _step(task, optimiser, parameters, step)
            step += 1
            bar.update()
            if step % evaluate_every == 0 or step == task.steps:
                numbers |= task.evaluate(step)
                bar.write(f"step {step}: " + ", ".join(f"{key} {value:.4g}" for key, value in numbers.items()))
            log.add(step, numbers)
            if step % save_every == 0 or step == task.steps:
                log.flush()
                _save(task, optimiser, step, seconds + time.monotonic() - clock, checkpoint)
    except KeyboardInterrupt:
        log.flush()
        _save(task, optimiser, step, seconds + time.monotonic() - clock, checkpoint)
        bar.write(f"stopped at step {step} of {task.steps}; run the same command again to go on from {checkpoint}.")
        raise
    finally:
        bar.close()
    return task.network.eval()


def _step(task: Task, optimiser: torch.optim.Optimizer, parameters: list, step: int) -> dict[str, float]:
    task.network.train()
    rng = np.random.default_rng([task.config["seed"], step])
    loss, numbers = task.loss(rng, step)
    if not torch.isfinite(loss):
        raise W2LError(
            f"the loss of {task.name} became {loss.item()} at step {step}; lower the learning rate and start again."
        )
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(parameters, 5.0)
    optimiser.step()
    return numbers


def _save(task: Task, optimiser: torch.optim.Optimizer, step: int, seconds: float, path: Path) -> None:
    state = {
        "name": task.name,
        "config": json.dumps(task.config, sort_keys=True),
        "step": step,
        "seconds": seconds,
        "network": task.network.state_dict(),
        "optimiser": optimiser.state_dict(),
        "task": task.state(),
    }
    with paths.atomic(path) as temporary:
        torch.save(state, temporary)


def _resume(task: Task, optimiser: torch.optim.Optimizer, path: Path) -> tuple[int, float]:
    """Loads the checkpoint, if any, into network, optimiser and task; returns (step, seconds trained so far)."""
    if not path.exists():
        return 0, 0.0
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
        name, config = saved["name"], saved["config"]
    except Exception as error:  # torch raises many kinds for a damaged file
        raise W2LError(f"{path} is not a checkpoint of a training; move it away to start afresh.") from error
    wanted = json.dumps(task.config, sort_keys=True)
    if name != task.name or config != wanted:
        raise W2LError(f"{path} was trained with other settings ({config}, now {wanted}); choose another --out folder.")
    task.network.load_state_dict(saved["network"])
    optimiser.load_state_dict(saved["optimiser"])
    task.restore(saved["task"])
    return saved["step"], saved["seconds"]


def training_facts(config: Any, folder: Path) -> dict[str, Any]:
    """What a weight file tells of its training: settings, minutes (of all resumed runs together), machine, date."""
    seconds = torch.load(folder / "checkpoint.pt", map_location="cpu", weights_only=True)["seconds"]
    today = time.strftime("%Y-%m-%d", time.gmtime())
    return {
        "data": "w2l synthetic talker corpus",
        "training": asdict(config),
        "minutes": round(seconds / 60, 1),
        "machine": paths.machine(),
        "date": today,
    }


class _Log:
    """log.csv with one row a step; rows after the resumed step are cut off, new columns may appear later."""

    def __init__(self, path: Path, step: int) -> None:
        self.path = path
        self.rows: list[dict[str, Any]] = []
        if path.exists():
            with open(path, newline="", encoding="utf8") as file:
                self.rows = [row for row in csv.DictReader(file) if int(row["step"]) <= step]

    def add(self, step: int, numbers: dict[str, float]) -> None:
        self.rows.append({"step": step} | {key: f"{value:.6g}" for key, value in numbers.items()})

    def flush(self) -> None:
        columns = list(dict.fromkeys(key for row in self.rows for key in row))
        with paths.atomic(self.path) as temporary, open(temporary, "w", newline="", encoding="utf8") as file:
            writer = csv.DictWriter(file, columns, restval="")
            writer.writeheader()
            writer.writerows(self.rows)
