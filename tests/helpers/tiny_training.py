"""Trainings small enough for tests, and processes to run them in that can be killed or joined to a group."""

from __future__ import annotations

import csv
import multiprocessing
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from w2l import models
from w2l.data.clip import Clip
from w2l.train import expert, gan, generator, meter
from w2l.train.data import Data
from w2l.train.engine import distributed, loop
from w2l.train.engine.task import Run, Task

CPU = torch.device("cpu")
KINDS = ("expert", "generator", "gan", "meter")
WIDTH = 0.08
SMALL: dict[str, dict[str, Any]] = {
    "expert": {"steps": 6, "clips": 2, "windows": 3},
    "generator": {"steps": 2, "batch": 2, "sync_steps": 4, "sync_batch": 2, "sync_gate": 9.0, "sync_ramp": 2},
    "gan": {"steps": 6, "ahead": 2, "batch": 2, "disc_width": WIDTH, "sync_gate": 9.0},
    "meter": {"steps": 6, "batch": 4},
}


def clips(count: int = 3, frames: int = 20) -> list[Clip]:
    """Noise that is a clip in shape."""
    rng = np.random.default_rng(0)
    return [
        Clip(
            rng.integers(0, 256, (frames, 96, 96, 3), dtype=np.uint8),
            rng.uniform(-4, 4, (80, round(frames * 3.2) + 1)).astype(np.float32),
            rng.uniform(0, 30, (frames, 3)).astype(np.float32),
        )
        for _ in range(count)
    ]


def judge(frames: int = 5) -> torch.nn.Module:
    """An expert that knows nothing."""
    torch.manual_seed(0)
    return models.build("syncnet", WIDTH, frames=frames).eval()


def make(kind: str, data: list[Clip] | None = None, **settings: Any) -> Task:
    """A task of a kind; settings change `SMALL`."""
    data = data or clips()
    source = Data(data, data[:2], "noise")
    chosen = {"width": WIDTH, "evaluate_every": 2, **SMALL[kind], **settings}
    if kind == "expert":
        return expert.ExpertTask(expert.ExpertConfig(**chosen), source, CPU)
    if kind == "generator":
        return generator.GeneratorTask(generator.GeneratorConfig(**chosen), source, CPU, judge())
    if kind == "gan":
        return gan.GanTask(gan.GanConfig(**chosen), source, CPU, judge())
    del chosen["width"]
    return meter.MeterTask(meter.MeterConfig(**chosen), source, CPU)


def train(kind: str, folder: Path, run: dict[str, Any] | None = None, **settings: Any) -> Task:
    """Trains a task, quietly and without checks unless `run` says otherwise; returns it."""
    task = make(kind, **settings)
    loop.run(task, Run(folder, **{"progress": False, "sanity": False, "save_every": 1, **(run or {})}))
    return task


def weights(task: Task) -> dict[str, torch.Tensor]:
    """All numbers of all networks."""
    return {
        f"{name}.{key}": value
        for name, player in task.players.items()
        for key, value in player.network.state_dict().items()
    }


def read_log(folder: Path) -> list[dict[str, str]]:
    """The rows of a training's log."""
    with open(folder / "log.csv", newline="") as file:
        return list(csv.DictReader(file))


def saved_step(folder: Path) -> int:
    """The step of the newest checkpoint, 0 when there is none."""
    names = [path.stem for path in (folder / "checkpoints").glob("step_*.pt")]
    return max((int(name.removeprefix("step_")) for name in names), default=0)


def process(function: Callable[..., None], *arguments: Any) -> multiprocessing.process.BaseProcess:
    """Starts a function of this module in a process of its own, forked where torch has been imported but not used."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tiny_training"])
    started = context.Process(target=function, args=arguments)
    started.start()
    return started


def train_apart(kind: str, folder: Path, run: dict[str, Any], settings: dict[str, Any]) -> None:
    """Trains and leaves the weights in folder/end.pt."""
    torch.set_num_threads(1)
    torch.save(weights(train(kind, folder, run, **settings)), folder / "end.pt")


def train_as_rank(rank: int, world: int, port: int, kind: str, folder: Path, settings: dict[str, Any]) -> None:
    """Trains as one process of a group, as torchrun would start it."""
    torch.set_num_threads(1)
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": str(world), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    distributed.start(CPU)
    task = train(kind, folder, None, **settings)
    torch.save(weights(task), folder / f"rank{rank}.pt")
    distributed.stop()
