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
from w2l.base import files
from w2l.data.clip import Clip
from w2l.data.utterances import Utterance
from w2l.train import expert, gan, generator, hearing, meter
from w2l.train.data import TrainingData
from w2l.train.engine import distributed, loop
from w2l.train.engine.options import RunOptions
from w2l.train.engine.trainer import Trainer

CPU = torch.device("cpu")
WIDTH = 0.08
SMALL: dict[str, dict[str, Any]] = {
    "expert": {"steps": 6, "clips": 2, "windows": 3},
    "generator": {"steps": 2, "batch": 2, "sync_steps": 4, "sync_batch": 2, "sync_gate": 9.0, "sync_ramp": 2},
    "gan": {"steps": 6, "ahead": 2, "batch": 2, "disc_width": WIDTH, "sync_gate": 9.0},
    "meter": {"steps": 6, "batch": 4},
    "hearing": {"steps": 6, "batch": 4},
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


def utterances(count: int = 3, frames: int = 20) -> list[Utterance]:
    """Noise that is an utterance in shape; the louder a window is, the wider the mouth opens."""
    rng = np.random.default_rng(0)
    made = []
    for _ in range(count):
        loud = rng.uniform(0, 1, frames).astype(np.float32)
        columns = np.interp(np.arange(round(frames * 3.2) + 1) / 3.2 - 0.5, np.arange(frames), loud)
        mel = (columns * 6 - 3 + rng.normal(0, 0.3, (80, len(columns)))).clip(-4, 4).astype(np.float16)
        made.append(Utterance(mel, np.stack([loud * k for k in range(1, 8)], axis=1)))
    return made


def judge(frames: int = 5) -> torch.nn.Module:
    """An expert that knows nothing."""
    torch.manual_seed(0)
    return models.build("syncnet", WIDTH, frames=frames).eval()


def options(folder: Path = Path("unused"), **changes: Any) -> RunOptions:
    """Quiet ones without checks, on the CPU in float32, that save every step."""
    quiet = {"device": "cpu", "amp": "off", "progress": False, "sanity": False, "save_every": 1}
    return RunOptions(folder, **{**quiet, **changes})


def make(kind: str, run: RunOptions | None = None, **settings: Any) -> Trainer:
    """A trainer of a kind; settings change `SMALL`."""
    run, noise = run or options(), clips()
    data = TrainingData(noise, noise[:2], "noise")
    chosen = {"width": WIDTH, "evaluate_every": 2, **SMALL[kind], **settings}
    if kind == "expert":
        return expert.ExpertTrainer(expert.ExpertConfig(**chosen), data, run)
    if kind == "generator":
        return generator.GeneratorTrainer(generator.GeneratorConfig(**chosen), data, run, judge())
    if kind == "gan":
        return gan.GanTrainer(gan.GanConfig(**chosen), data, run, judge())
    if kind == "hearing":
        spoken = hearing.HearingData(utterances(), utterances(2), "noise")
        torch.manual_seed(0)
        network = models.build("wav2lip", chosen["width"])
        return hearing.HearingTrainer(hearing.HearingConfig(**chosen), spoken, run, network)
    del chosen["width"]
    return meter.MeterTrainer(meter.MeterConfig(**chosen), data, run)


def train(kind: str, folder: Path, changes: dict[str, Any] | None = None, **settings: Any) -> Trainer:
    """Trains in a folder, with `options` changed as told; returns the trainer."""
    trainer = make(kind, options(folder, **(changes or {})), **settings)
    loop.fit(trainer)
    return trainer


def weights(trainer: Trainer) -> dict[str, torch.Tensor]:
    """All numbers of all networks."""
    return {
        f"{name}.{key}": value
        for name, learner in trainer.learners.items()
        for key, value in learner.network.state_dict().items()
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


def train_apart(kind: str, folder: Path, changes: dict[str, Any], settings: dict[str, Any]) -> None:
    """Trains and leaves the weights in folder/end.pt."""
    torch.set_num_threads(1)
    with files.atomic(folder / "end.pt") as whole:  # the process may be killed while it writes
        torch.save(weights(train(kind, folder, changes, **settings)), whole)


def train_as_rank(rank: int, world: int, port: int, kind: str, folder: Path, settings: dict[str, Any]) -> None:
    """Trains as one process of a group, as torchrun would start it."""
    torch.set_num_threads(1)
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": str(world), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    distributed.start(CPU)
    torch.save(weights(train(kind, folder, None, **settings)), folder / f"rank{rank}.pt")
    distributed.stop()
