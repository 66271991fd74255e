"""What a training consists of: networks, batches, a training step, and measurements along the way."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from w2l.base.device import pick_device
from w2l.errors import W2LError
from w2l.train.engine import distributed
from w2l.train.engine.learner import Learner, to_device
from w2l.train.engine.options import RunOptions
from w2l.train.engine.precision import Precision
from w2l.train.settings import TrainingConfig

Batch = dict[str, torch.Tensor]
Numbers = dict[str, torch.Tensor]


class Trainer(ABC):
    """A training, for `loop.fit`. A subclass adds its networks, and defines a step and an evaluation.

    config: a dataclass with at least steps, seed, evaluate_every, clip (largest norm of a gradient, 0: no limit) and
    ema (decay of the averaged weights, 0: none). metadata: what else a checkpoint must match, such as the data's name.
    learners: name -> network in training; the first is the main one. parts: how many parts a batch is split into, over
    all processes. evaluate_at: steps before which held-out data is evaluated, besides every `evaluate_every` steps.
    best: the held-out figure that decides which checkpoint is best, and whether more of it is better. uses_sound:
    whether it learns from sound, so that the sync of its clips matters. judge: an expert that it learns from
    (`judge.Judge`), if any.
    """

    name: str
    best: tuple[str, bool]
    evaluate_at: tuple[int, ...] = ()
    uses_sound = True
    judge: Any = None

    def __init__(self, config: Any, data: Any, options: RunOptions, metadata: dict[str, Any] | None = None) -> None:
        torch.manual_seed(config.seed)
        self.config, self.data, self.options, self.metadata = config, data, options, metadata or {}
        self.steps: int = config.steps
        self.device = distributed.start(pick_device(options.device))
        self.precision = Precision(options.amp, self.device)
        self.parts = options.accumulate * distributed.world()
        self.learners: dict[str, Learner] = {}
        self.ema: AveragedModel | None = None

    def add_learner(
        self,
        name: str,
        network: nn.Module,
        schedule: Callable[[int], float],
        betas: tuple[float, float] = (0.9, 0.999),
        frozen_norm: bool = False,
    ) -> Learner:
        """Adds a network to be trained, on the training's device; see `Learner`."""
        network, compiled = to_device(network, self.device), self.options.compile
        learner = Learner(network, schedule, self.precision, self.parts, betas, frozen_norm, compiled)
        if not self.learners and self.config.ema:
            self.ema = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(self.config.ema))
            self.ema.update_parameters(network)  # the first update only copies
        self.learners[name] = learner
        return learner

    @property
    def network(self) -> nn.Module:
        """The main network: the one that the training is for."""
        return next(iter(self.learners.values())).network

    @property
    def chosen(self) -> TrainingConfig:
        """The settings that the training was begun with; `config`, unless a training is built on another's."""
        return self.config

    @property
    def settings(self) -> dict[str, Any]:
        """Plain numbers and strings that identify this training; a checkpoint with other ones is not resumed."""
        return asdict(self.chosen) | self.metadata

    @abstractmethod
    def draw(self, rng: np.random.Generator, step: int, parts: int) -> dict[str, np.ndarray]:
        """One of the `parts` parts of this step's batch. It may run in other processes, so it must change nothing."""

    @abstractmethod
    def train_step(self, parts: Sequence[Batch], step: int) -> Numbers:
        """One step: forward, loss and backward for each part, then optimizer and ema; returns numbers for the log."""

    @abstractmethod
    def main_loss(self, batch: Batch, step: int) -> torch.Tensor:
        """The loss of the main network on one batch, for `sanity`."""

    @abstractmethod
    def evaluate(self, step: int) -> dict[str, float]:
        """Numbers on held-out data, with all networks in eval mode."""

    def observe(self, step: int, numbers: dict[str, float]) -> list[str]:
        """Draws conclusions from an evaluation; returns what the user should know, in plain sentences."""
        return []

    def show(self, path: Path) -> None:  # noqa: B027 (most trainings have nothing to show)
        """Writes a sheet of samples, if there is anything to show."""

    def state(self) -> dict[str, Any]:
        """What a checkpoint must keep besides networks and optimizers."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:  # noqa: B027 (nor anything of their own to keep)
        """Restores what `state` returned."""

    def update_ema(self) -> None:
        """Moves the averaged weights towards the current ones; batch norm's statistics are copied as they are."""
        if self.ema is not None:
            self.ema.update_parameters(self.network)

    @torch.no_grad()
    def swap_ema(self) -> None:
        """Exchanges the averaged weights, if there are any, and the network's own."""
        if self.ema is not None:
            for own, averaged in zip(self.network.parameters(), self.ema.module.parameters(), strict=True):
                kept = own.detach().clone()
                own.copy_(averaged)
                averaged.copy_(kept)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """A context in which the network has its averaged weights, if there are any."""
        self.swap_ema()
        try:
            yield
        finally:
            self.swap_ema()

    def eval(self) -> None:
        """Puts all networks into eval mode."""
        for learner in self.learners.values():
            learner.network.eval()


class PlainTrainer(Trainer):
    """A training of one network with one loss, `main_loss`."""

    def train_step(self, parts: Sequence[Batch], step: int) -> Numbers:
        """One step on a batch from `draw`."""
        (learner,) = self.learners.values()
        numbers = []
        learner.zero_grad()
        for batch in parts:
            loss = self.main_loss(batch, step)
            learner.backward(loss)
            numbers.append({"loss": loss})
        learner.step(step, clip=self.config.clip)
        self.update_ema()
        return mean_of(numbers)


def mean_of(parts: Sequence[Numbers]) -> Numbers:
    """Each number's mean over the parts of a batch."""
    return {name: torch.stack([part[name].detach() for part in parts]).mean() for name in parts[0]}


def part_size(size: int, parts: int, what: str) -> int:
    """The size of one of `parts` equal parts of a batch; W2LError when it cannot be split evenly."""
    if size % parts:
        raise W2LError(
            f"a batch of {size} {what} cannot be split into {parts} equal parts (processes x accumulate); "
            "change one of them."
        )
    return size // parts
