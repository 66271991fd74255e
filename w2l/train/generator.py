"""Training the generator (Wav2Lip): first a mouth, then one that the expert believes."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from w2l import models
from w2l.base.device import pick_device
from w2l.data.clip import FRAMES
from w2l.data.windows import generator_batch
from w2l.train import data as sources
from w2l.train import sheets
from w2l.train.data import Data
from w2l.train.engine import distributed
from w2l.train.engine.facts import training_facts
from w2l.train.engine.loop import run as train
from w2l.train.engine.precision import Precision
from w2l.train.engine.task import Batch, Player, Run, place, scheduled, share
from w2l.train.held_out import HeldOut
from w2l.train.judge import Judge, to_faces
from w2l.train.losses import contrastive, mouth_l1, pull, sync_bce

_PULL_EVERY = 50  # steps between looks at the gradients' ratio
_HARD_PULL = 100.0  # times the pixel losses' gradient; gamed generators saw thousands


@dataclass(frozen=True)
class GeneratorConfig:
    """Settings of a generator's training, in two phases.

    Phase 1, `steps` batches of `batch` single frames: L1 over the face plus `mouth_weight` times L1 in the mouth box.
    Phase 2, `sync_steps` batches of `sync_batch` windows of 5 frames: the same plus `sync_weight` times the expert's
    loss (paper, section 3.3), switched on only while its held-out value is under `sync_gate`, as published, and ramped
    over `sync_ramp` steps; before there is a mouth its gradient would paint a pattern that fools the expert.

    gate_shuts: whether the gate shuts again when the held-out value rises; the published one never does. convex: take
    the weights of the other losses from that of the pixels, as published. expert_trained: let the expert learn beside
    the generator, whose windows it is told are off, at `expert_learning_rate` (the paper's ablation; frozen is
    better). contrastive: LipGAN's loss instead of cross-entropy, for what the expert says and for how it learns.
    beta1: Adam's. schedule: ``cosine`` or ``constant``. clip: greatest norm of a gradient, 0: any. ema: decay of
    averaged weights, 0: none. voices: those of the synthetic talker; see `talker.make_speaker`.
    """

    width: float = 0.25
    steps: int = 2800
    batch: int = 32
    learning_rate: float = 1.5e-3
    mouth_weight: float = 2.0
    sync_steps: int = 900
    sync_batch: int = 8
    sync_learning_rate: float = 7e-4
    sync_weight: float = 0.02
    sync_gate: float = 0.75
    sync_ramp: int = 100
    train_clips: int = 600
    validation_clips: int = 32
    seed: int = 0
    voices: str = "formant"
    gate_shuts: bool = True
    convex: bool = False
    expert_trained: bool = False
    expert_learning_rate: float = 1e-4
    contrastive: bool = False
    augment: bool = True
    beta1: float = 0.9
    schedule: str = "cosine"
    clip: float = 5.0
    ema: float = 0.0
    evaluate_every: int = 200


class GeneratorTask:
    """The generator's training, for `loop.run`. expert: judges in phase 2. start: weights to begin with."""

    name = "generator"
    best = ("held_out_mouth_l1", False)

    def __init__(
        self,
        config: GeneratorConfig,
        data: Data,
        device: torch.device,
        expert: nn.Module,
        amp: str = "off",
        start: nn.Module | None = None,
        facts: dict[str, Any] | None = None,
    ) -> None:
        torch.manual_seed(config.seed)
        self.config: dict[str, Any] = asdict(config) | (facts or {})
        self.settings, self.steps = config, config.steps + config.sync_steps
        self.looks: tuple[int, ...] = (config.steps,) if config.sync_steps else ()  # the gate's first look
        self.data, self.device, self.precision = data, device, Precision(amp, device)
        self.network = place(start or models.build("wav2lip", config.width), device)
        match = contrastive if config.contrastive else sync_bce
        self.judge = Judge(expert, device, self.precision, frozen=not config.expert_trained, match=match)
        self.players = {"generator": Player(self.network, self._rate, (config.beta1, 0.999))}
        if config.expert_trained:
            rate = config.expert_learning_rate
            self.players["expert"] = Player(self.judge.network, lambda step: rate, frozen_norm=True)
        else:
            self.judge.network.requires_grad_(False)
        self.sync_on_since = -1  # the step at which the gate opened
        self.held_out = HeldOut(data.validation, device)

    def _rate(self, step: int) -> float:
        s = self.settings
        if step < s.steps:
            return scheduled(s.schedule, step, s.steps, s.learning_rate, floor=0.1)
        return scheduled(s.schedule, step - s.steps, s.sync_steps, s.sync_learning_rate)

    def draw(self, rng: np.random.Generator, step: int, parts: int) -> dict[str, np.ndarray]:
        """Frames in phase 1, windows in phase 2, as `dataset.generator_batch` gives them."""
        s = self.settings
        windowed = step >= s.steps
        size = share(s.sync_batch, parts, "windows") if windowed else share(s.batch, parts, "frames")
        return generator_batch(self.data.train, rng, size, FRAMES if windowed else 1, s.augment)

    def loss(self, player: str, batch: Batch, step: int) -> tuple[torch.Tensor | None, dict[str, torch.Tensor]]:
        """The generator's loss, with the numbers behind it; the expert's, where it learns too."""
        if player == "expert":
            return self._expert_loss(batch) if step >= self.settings.steps else (None, {})
        generated, target = self.generate(batch)
        batch["generated"], batch["true"] = generated.detach(), target
        extra, weight, numbers = self._sync(generated, batch["window"], step)
        pixels, seen = self._pixels(generated, target)
        share_left = 1 - weight if self.settings.convex else 1.0
        if extra is not None and step % _PULL_EVERY == 0:
            numbers["sync_gradient_ratio"] = pull(extra, share_left * pixels, generated)
        loss = share_left * pixels + (extra if extra is not None else 0.0)
        return loss, seen | numbers

    def _pixels(self, generated: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        whole, mouth = (generated - target).abs().mean(), mouth_l1(generated, target)
        return whole + self.settings.mouth_weight * mouth, {"l1": whole, "mouth_l1": mouth}

    def _sync(
        self, generated: torch.Tensor, window: torch.Tensor, step: int
    ) -> tuple[torch.Tensor | None, float, dict[str, torch.Tensor]]:
        """The expert's loss times its weight at this step, that weight, and numbers; None where it is off."""
        weight = self._sync_weight(step)
        numbers = {"sync_weight": torch.tensor(weight)}
        if not weight:
            return None, 0.0, numbers
        sync = self.judge.loss(generated, window)
        return weight * sync, weight, numbers | {"sync": sync}

    def _sync_weight(self, step: int) -> float:
        s = self.settings
        if step < s.steps or self.sync_on_since < 0:
            return 0.0
        return s.sync_weight * min(1.0, (step - self.sync_on_since + 1) / max(1, s.sync_ramp))

    def _expert_loss(self, batch: Batch) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """True windows are in sync; those of another time (the references), and generated ones, are not."""
        others = to_faces(batch["reference"], self.device)
        same, other, made = (
            self.judge.cosine(batch["window"], self.judge.see(faces))
            for faces in (batch["true"], others, batch["generated"])
        )
        match = self.judge.match
        loss = match(same, 1.0) / 2 + (match(other, 0.0) + match(made, 0.0)) / 4
        return loss, {"expert_loss": loss}

    @torch.no_grad()
    def evaluate(self, step: int) -> dict[str, float]:
        """Pixel errors, the expert's opinion and the mouth's movement on held-out speakers: see `held_out.HeldOut`."""
        judge = self.judge if step >= self.settings.steps else None
        return self.held_out.measure(self.generate, judge)

    def observe(self, step: int, numbers: dict[str, float]) -> list[str]:
        """Opens or shuts the gate, and says why the sync loss is off, or that it pulls too hard."""
        s, value = self.settings, numbers.get("held_out_sync")
        if value is None or step >= self.steps:
            return []
        if value < s.sync_gate and self.sync_on_since < 0:
            self.sync_on_since = step
            return [f"the sync loss is on from here: its held-out value {value:.2f} is under the gate {s.sync_gate:g}."]
        if value >= s.sync_gate and self.sync_on_since >= 0 and s.gate_shuts:
            self.sync_on_since = -1
            return [f"the sync loss is off again: its held-out value {value:.2f} is over the gate {s.sync_gate:g}."]
        if self.sync_on_since < 0:
            return [
                f"the sync loss is not on yet because its held-out value {value:.2f} is over the gate {s.sync_gate:g}: "
                "there must be a mouth first. If it does not fall, train longer on pixels, or look at the expert."
            ]
        return []

    def show(self, path: Path) -> None:
        """A sheet of held-out speakers: reference, input, generated, truth."""
        groups, per_row = self.held_out.samples(self.generate)
        sheets.write(path, groups, per_row)

    def state(self) -> dict[str, Any]:
        """The gate's."""
        return {"sync_on_since": self.sync_on_since}

    def restore(self, state: dict[str, Any]) -> None:
        """Takes back what `state` gave."""
        self.sync_on_since = state["sync_on_since"]

    def generate(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """(generated, target), each float32 (B * T, 3, 96, 96) in [0, 1], sample after sample."""
        target, reference = to_faces(batch["target"], self.device), to_faces(batch["reference"], self.device)
        face = torch.cat([target, reference], dim=1)
        face[:, :3, 48:] = 0
        mel = batch["mels"].flatten(0, 1)[:, None]
        return self.players["generator"].call(mel, face), target


def train_generator(
    config: GeneratorConfig,
    run: Run,
    expert: str = "classroom_expert",
    store: Path | None = None,
    start: str | None = None,
) -> Path:
    """Trains a generator in `run.folder`, or goes on there; writes generator.safetensors and returns its path.

    expert: judges in phase 2. store: a folder of preprocessed clips; without one, the synthetic talker. start: weights
    to begin with, whose width replaces that of `config`. All are bundled or published names, files or checkpoints.
    """
    device = distributed.start(pick_device(run.device))
    judge = sources.load(expert, "syncnet")  # before the data, so that a wrong name is told at once
    network = sources.load(start, "wav2lip") if start else None
    if network is not None:
        config = replace(config, width=network.width)  # type: ignore[arg-type]
    data = sources.open_data(store, config.train_clips, config.validation_clips, FRAMES, run.progress, config.voices)
    facts = {"data": data.name, "expert": sources.called(expert)}
    facts |= {"start": sources.called(start)} if start else {}
    task = GeneratorTask(config, data, device, judge, run.amp, network, facts)
    seconds = train(task, run)
    path = run.folder / "generator.safetensors"
    if distributed.rank() == 0:
        meta = training_facts(config, facts, seconds)
        models.save(task.network, path, "wav2lip", config.width, mel_shift=-1.0, **meta)
    return path
