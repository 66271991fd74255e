"""Training the generator (Wav2Lip): first to draw a mouth, then to convince the expert."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from w2l import models, weights
from w2l.base.device import pick_device
from w2l.data.clip import FRAMES
from w2l.data.windows import generator_batch
from w2l.train import data as sources
from w2l.train import sheets
from w2l.train.data import TrainingData
from w2l.train.engine import distributed
from w2l.train.engine.learner import Learner
from w2l.train.engine.loop import fit
from w2l.train.engine.metadata import training_metadata
from w2l.train.engine.options import RunOptions
from w2l.train.engine.schedule import scheduled
from w2l.train.engine.trainer import Batch, Numbers, Trainer, mean_of, part_size
from w2l.train.held_out import HeldOut
from w2l.train.judge import Judge, to_faces
from w2l.train.losses import contrastive, gradient_ratio, laplacian_l1, mouth_l1, reading_error, sync_bce
from w2l.train.settings import GeneratorConfig

if TYPE_CHECKING:
    from w2l.talker.photo.people import People

_RATIO_EVERY = 50  # steps: `gradient_ratio` costs two more backward passes


class GeneratorTrainer(Trainer):
    """Trains the generator. expert: the judge in phase 2. start: initial weights."""

    name = "generator"
    best = ("held_out_mouth_l1", False)
    config: GeneratorConfig
    judge: Judge

    def __init__(
        self,
        config: GeneratorConfig,
        data: TrainingData,
        options: RunOptions,
        expert: nn.Module,
        start: nn.Module | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(config, data, options, metadata)
        self.steps = config.steps + config.sync_steps
        self.evaluate_at = (config.steps,) if config.sync_steps else ()  # the gate is first checked there
        network = start or models.build("wav2lip", config.width, size=config.size)
        self.generator = self.add_learner("generator", network, self.learning_rate, (config.beta1, 0.999))
        match = contrastive if config.contrastive else sync_bce
        self.judge = Judge(expert, self.device, self.precision, frozen=not config.expert_trained, match=match)
        self.meter = _meter(config, self.device)
        self.expert: Learner | None = None
        if config.expert_trained:
            rate = config.expert_learning_rate
            self.expert = self.add_learner("expert", self.judge.network, lambda step: rate, frozen_norm=True)
        self.sync_on_since = -1  # the step at which the gate opened
        self.held_out = HeldOut(data.validation, self.device, config.size)

    def learning_rate(self, step: int) -> float:
        """The learning rate at a step; each phase has its own schedule."""
        c = self.config
        if step < c.steps:
            return scheduled(c.schedule, step, c.steps, c.learning_rate, floor=0.1)
        return scheduled(c.schedule, step - c.steps, c.sync_steps, c.sync_learning_rate)

    def draw(self, rng: np.random.Generator, step: int, parts: int) -> dict[str, np.ndarray]:
        """Frames in phase 1, windows in phase 2, as returned by `windows.generator_batch`."""
        c = self.config
        windowed = step >= c.steps
        size = part_size(c.sync_batch, parts, "windows") if windowed else part_size(c.batch, parts, "frames")
        return generator_batch(self.data.train, rng, size, FRAMES if windowed else 1, c.augment)

    def train_step(self, parts: Sequence[Batch], step: int) -> Numbers:
        """One step on a batch from `draw`, whole or in parts, which save memory or run in several processes."""
        numbers = []
        self.begin(step)
        if self.expert:  # the paper's ablation: the expert learns too
            self.expert.zero_grad()
        for batch in parts:
            generated, true = self.generate(batch)  # forward
            loss, found = self.loss(generated, true, batch["window"], step)
            self.generator.backward(loss)
            if self.expert and step >= self.config.steps:
                found["expert_loss"] = self.expert_loss(generated.detach(), true, batch)
                self.expert.backward(found["expert_loss"])
            numbers.append(found)
        self.generator.step(step, clip=self.config.clip)
        if self.expert:
            self.expert.step(step, clip=self.config.clip)
        self.update_ema()
        return mean_of(numbers)

    def begin(self, step: int) -> None:
        """Makes the generator ready for a step; in phase 2 its batch norm keeps its statistics, if asked to."""
        self.generator.frozen_norm = self.config.frozen_norm and step >= self.config.steps
        self.generator.zero_grad()

    def generate(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """(generated, true), each float32 (B * T, 3, size, size) in [0, 1], sample by sample."""
        true, reference = to_faces(batch["target"], self.device), to_faces(batch["reference"], self.device)
        face = torch.cat([true, reference], dim=1)
        face[:, :3, face.shape[2] // 2 :] = 0
        return self.generator(batch["mels"].flatten(0, 1)[:, None], face), true

    def loss(
        self, generated: torch.Tensor, true: torch.Tensor, window: torch.Tensor, step: int
    ) -> tuple[torch.Tensor, Numbers]:
        """L1 of face and mouth box, plus the expert's loss while its gate is open; and its terms, for the log."""
        weight = self.sync_weight(step)
        sync = self.judge.loss(generated, window) if weight else torch.zeros(())
        pixels, numbers = self.pixel_loss(generated, true)
        pixels = (1 - weight if self.config.convex else 1.0) * pixels
        numbers |= {"sync_weight": torch.tensor(weight)} | ({"sync": sync} if weight else {})
        numbers |= self.gradient_ratios(step, generated, pixels, {"sync": weight * sync})
        return pixels + weight * sync, numbers

    def pixel_loss(self, generated: torch.Tensor, true: torch.Tensor) -> tuple[torch.Tensor, Numbers]:
        """L1 of the whole face plus `mouth_weight` times that of the mouth box; where they have a weight, that of
        Laplacian pyramids and what a meter reads; and the terms."""
        whole, mouth = (generated - true).abs().mean(), mouth_l1(generated, true)
        loss, numbers = whole + self.config.mouth_weight * mouth, {"l1": whole, "mouth_l1": mouth}
        if self.config.laplacian_weight:
            numbers["laplacian"] = laplacian_l1(generated, true)
            loss = loss + self.config.laplacian_weight * numbers["laplacian"]
        if self.meter:
            numbers["reading"] = reading_error(self.meter, generated, true)
            loss = loss + self.config.meter_weight * numbers["reading"]
        return loss, numbers

    def gradient_ratios(self, step: int, generated: torch.Tensor, pixels: torch.Tensor, others: Numbers) -> Numbers:
        """Every 50 steps: the norm of each other loss's gradient at the picture, relative to that of the pixel loss."""
        if step % _RATIO_EVERY:
            return {}
        pulling = {name: loss for name, loss in others.items() if loss.requires_grad}  # the others are switched off
        return {f"{name}_gradient_ratio": gradient_ratio(loss, pixels, generated) for name, loss in pulling.items()}

    def sync_weight(self, step: int) -> float:
        """The weight of the expert's loss at a step: 0 while the gate is shut, then it rises."""
        c = self.config
        if step < c.steps or self.sync_on_since < 0:
            return 0.0
        return c.sync_weight * min(1.0, (step - self.sync_on_since + 1) / max(1, c.sync_ramp))

    def expert_loss(self, generated: torch.Tensor, true: torch.Tensor, batch: Batch) -> torch.Tensor:
        """The expert's own loss: true windows are in sync; those of another time (the references) or generated, not."""
        others = to_faces(batch["reference"], self.device)
        same, other, made = (
            self.judge.cosine(batch["window"], self.judge.see(faces)) for faces in (true, others, generated)
        )
        match = self.judge.match
        return match(same, 1.0) / 2 + (match(other, 0.0) + match(made, 0.0)) / 4

    def main_loss(self, batch: Batch, step: int) -> torch.Tensor:
        """The generator's loss of one batch."""
        return self.loss(*self.generate(batch), batch["window"], step)[0]

    @torch.no_grad()
    def evaluate(self, step: int) -> dict[str, float]:
        """Pixel errors, the expert's scores and mouth movement on held-out speakers: see `held_out.HeldOut`."""
        judge = self.judge if step >= self.config.steps else None
        return self.held_out.measure(self.generate, judge)

    def observe(self, step: int, numbers: dict[str, float]) -> list[str]:
        """Opens or shuts the gate, and says why the sync loss is off."""
        c, value = self.config, numbers.get("held_out_sync")
        if value is None or step >= self.steps:
            return []
        if value < c.sync_gate and self.sync_on_since < 0:
            self.sync_on_since = step
            return [f"the sync loss is on from here: its held-out value {value:.2f} is under the gate {c.sync_gate:g}."]
        if value >= c.sync_gate and self.sync_on_since >= 0 and c.gate_shuts:
            self.sync_on_since = -1
            return [f"the sync loss is off again: its held-out value {value:.2f} is over the gate {c.sync_gate:g}."]
        if self.sync_on_since < 0:
            return [
                f"the sync loss is not on yet because its held-out value {value:.2f} is over the gate {c.sync_gate:g}: "
                "the generator must draw a mouth first. If the value does not fall, train longer on pixels, or check "
                "the expert."
            ]
        return []

    def show(self, path: Path) -> None:
        """Writes a sheet of held-out speakers: reference, input, generated, truth."""
        groups, per_row = self.held_out.samples(self.generate)
        sheets.write(path, groups, per_row)

    def state(self) -> dict[str, Any]:
        """The state of the gate."""
        return {"sync_on_since": self.sync_on_since}

    def restore(self, state: dict[str, Any]) -> None:
        """Restores what `state` returned."""
        self.sync_on_since = state["sync_on_since"]


def _meter(config: GeneratorConfig, device: torch.device) -> nn.Module | None:
    """The meter of the loss, with fixed weights; None where the loss has no weight."""
    if not config.meter_weight:
        return None
    return sources.load(config.meter, "mouth_meter").eval().requires_grad_(False).to(device)


def train_generator(
    config: GeneratorConfig,
    options: RunOptions,
    expert: str = "classroom_expert",
    store: Path | None = None,
    start: str | None = None,
    people: People | None = None,
) -> Path:
    """Trains a generator in `options.folder`, or resumes there; writes generator.safetensors and returns its path.

    expert: the judge in phase 2. store, people: see `data.open_data`. start: initial weights, whose width (after
    `config.widen`) and size (if larger) replace those of `config`. Expert and start are bundled or published names,
    files or checkpoints.
    """
    path = options.result("generator", start, expert, config.meter)
    distributed.start(pick_device(options.device))
    judge = sources.load(expert, "syncnet")  # before the data, so that a wrong name is reported immediately
    network = sources.load_generator(start, config.widen, config.size) if start else None
    if network is not None:
        config = replace(config, width=network.width, size=network.size)
    data = sources.open_data(store, config, FRAMES, options.progress, people, config.size)
    metadata = {"data": data.name, "expert": weights.called(expert)}
    metadata |= {"start": weights.called(start)} if start else {}
    trainer = GeneratorTrainer(config, data, options, judge, network, metadata)
    seconds = fit(trainer)
    if distributed.rank() == 0:
        meta = training_metadata(config, metadata, seconds)
        models.save(trainer.network, path, "wav2lip", config.width, mel_shift=-1.0, **meta)
    return path
