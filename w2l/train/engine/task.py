"""What a training is made of: the networks that learn, how they learn, and where and how fast it runs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn

from w2l.errors import W2LError
from w2l.train.engine.precision import Precision

Batch = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Run:
    """Where a training runs and how fast; none of it says what is learned.

    amp: ``auto``, ``off``, ``bf16`` or ``fp16`` (see `precision.Precision`). accumulate: parts a batch is computed in,
    one after the other, where the whole does not fit. compile: let torch.compile write the kernels. workers: processes
    that draw batches, None: as many as help. save_every: steps between checkpoints, None: about every two minutes.
    keep: how many checkpoints stay. copy_to: a folder that everything is copied to in the background, such as one on
    a mounted Drive; a training whose folder is empty goes on from there. sanity: whether a fresh training first checks
    itself (`sanity`).
    """

    folder: Path
    device: str = "auto"
    amp: str = "auto"
    accumulate: int = 1
    compile: bool = False
    workers: int | None = None
    save_every: int | None = None
    keep: int = 3
    copy_to: Path | None = None
    sanity: bool = True
    progress: bool = True


class Player:
    """A network that is trained: its learning rate at each step, Adam's betas, and whether batch norm learns too.

    `call` runs the network in mixed precision, compiled where that was asked for and it trains, with float32 results.
    """

    def __init__(
        self,
        network: nn.Module,
        rate: Callable[[int], float],
        betas: tuple[float, float] = (0.9, 0.999),
        frozen_norm: bool = False,
    ) -> None:
        self.network, self.rate, self.betas, self.frozen_norm = network, rate, betas, frozen_norm
        self.precision = Precision("off", torch.device("cpu"))
        self.runner: Callable[..., Any] = network

    def call(self, *inputs: torch.Tensor) -> Any:
        """What the network makes of the inputs."""
        return self.precision(self.runner if self.network.training else self.network, *inputs)


class Task(Protocol):
    """What the loop needs to know of a training.

    config: plain numbers and strings, kept in the checkpoint, with at least seed, evaluate_every, clip (greatest norm
    of a gradient, 0: any) and ema (decay of the averaged weights, 0: none). players: name -> network, in the order in
    which they are updated; the first is the one that the training is for. looks: steps before which the held-out data
    is looked at besides every `evaluate_every`. best: the held-out figure that tells the best checkpoint, and whether
    more of it is better.
    """

    name: str
    config: dict[str, Any]
    steps: int
    players: dict[str, Player]
    looks: tuple[int, ...]
    best: tuple[str, bool]
    device: torch.device
    precision: Precision

    def draw(self, rng: np.random.Generator, step: int, parts: int) -> dict[str, np.ndarray]:
        """One of the `parts` parts of this step's batch. It runs in other processes: nothing may be changed here."""

    def loss(self, player: str, batch: Batch, step: int) -> tuple[torch.Tensor | None, dict[str, torch.Tensor]]:
        """What this player has to descend (None: it rests at this step), and numbers for the log."""

    def evaluate(self, step: int) -> dict[str, float]:
        """Numbers on held-out data, with all networks in eval mode."""

    def observe(self, step: int, numbers: dict[str, float]) -> list[str]:
        """Draws conclusions from an evaluation; returns what the user should know, in plain sentences."""

    def show(self, path: Path) -> None:
        """Writes a sheet of samples, if there is anything to be seen."""

    def state(self) -> dict[str, Any]:
        """What a checkpoint must keep besides networks and optimisers."""

    def restore(self, state: dict[str, Any]) -> None:
        """Takes back what `state` gave."""


def place(network: nn.Module, device: torch.device) -> nn.Module:
    """The network on the device, weights channels-last: convolutions read them so in less time."""
    return network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def cosine(step: int, steps: int, peak: float, warmup: int = 50, floor: float = 0.02) -> float:
    """Learning rate that rises over `warmup` steps to `peak`, then falls along a cosine to `floor * peak`."""
    if step < warmup:
        return peak * (step + 1) / warmup
    done = min(1.0, (step - warmup) / max(1, steps - warmup))
    return peak * (floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * done)))


def scheduled(schedule: str, step: int, steps: int, peak: float, floor: float = 0.02) -> float:
    """The learning rate of a schedule: ``cosine`` (see above) or ``constant``, as published."""
    if schedule == "constant":
        return peak
    if schedule != "cosine":
        raise W2LError(f"there is no schedule {schedule!r}; choose cosine or constant.")
    return cosine(step, steps, peak, floor=floor)


def share(size: int, parts: int, what: str) -> int:
    """How much of a batch is one of `parts` equal parts; W2LError when it cannot be split so."""
    if size % parts:
        raise W2LError(
            f"a batch of {size} {what} cannot be split into {parts} equal parts (processes x accumulate); "
            "change one of them."
        )
    return size // parts


def evaluating(networks: Sequence[nn.Module]) -> None:
    """Puts networks into eval mode."""
    for network in networks:
        network.eval()
