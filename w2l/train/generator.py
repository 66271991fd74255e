"""Training the generator (Wav2Lip): first a mouth, then one that the expert believes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from w2l import models
from w2l.dataset import FRAMES, Clip, generator_batch
from w2l.train.loop import cosine, place, run, training_facts
from w2l.train.losses import mouth_l1, sync_bce


@dataclass(frozen=True)
class GeneratorConfig:
    """Settings of a generator's training, in two phases.

    Phase 1, `steps` batches of `batch` single frames: L1 over the face plus `mouth_weight` times L1 in the mouth box.
    Phase 2, `sync_steps` batches of `sync_batch` windows of 5 frames: the same plus `sync_weight` times the frozen
    expert's loss (paper, section 3.3), switched on only while its held-out value is under `sync_gate`, as published,
    and ramped over `sync_ramp` steps; before there is a mouth its gradient would paint a pattern that fools the expert.
    """

    width: float = 0.25
    steps: int = 3600
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


class GeneratorTask:
    """The generator's training, for `loop.run`, with a frozen expert for phase 2."""

    name = "generator"

    def __init__(
        self,
        config: GeneratorConfig,
        train: Sequence[Clip],
        validation: Sequence[Clip],
        device: torch.device,
        expert: nn.Module,
    ) -> None:
        torch.manual_seed(config.seed)
        self.config: dict[str, Any] = asdict(config)
        self.settings, self.steps = config, config.steps + config.sync_steps
        self.clips, self.validation, self.device = train, validation, device
        self.network = place(models.build("wav2lip", config.width), device)
        self.expert = place(expert.eval().requires_grad_(False), device)  # the published training forgets eval mode
        self.sync_on_since = -1  # the step at which the gate opened

    def learning_rate(self, step: int) -> float:
        """Learning rate of this step."""
        s = self.settings
        if step < s.steps:
            return cosine(step, s.steps, s.learning_rate, floor=0.1)
        return cosine(step - s.steps, s.sync_steps, s.sync_learning_rate)

    def loss(self, rng: np.random.Generator, step: int) -> tuple[torch.Tensor, dict[str, float]]:
        """L1 over the face and in the mouth box, and in phase 2 the expert's loss; with the numbers behind them."""
        s = self.settings
        windowed = step >= s.steps
        if step == s.steps:
            self.evaluate(step)  # the gate's first look
            self.network.train()
        batch = generator_batch(self.clips, rng, s.sync_batch if windowed else s.batch, FRAMES if windowed else 1)
        generated, target = self.generate(batch)
        whole, mouth = (generated - target).abs().mean(), mouth_l1(generated, target)
        numbers = {"l1": whole.item(), "mouth_l1": mouth.item()}
        loss = whole + s.mouth_weight * mouth
        weight = self._sync_weight(step)
        if weight:
            sync = self.sync_loss(generated, batch["window"])
            if step % 50 == 0:
                numbers["sync_gradient_ratio"] = _gradient_ratio(weight * sync, loss, generated)
            loss = loss + weight * sync
            numbers["sync"] = sync.item()
        return loss, numbers | {"sync_weight": weight}

    @torch.no_grad()
    def evaluate(self, step: int) -> dict[str, float]:
        """L1, mouth L1 and the expert's loss on the same windows of held-out speakers; opens or shuts the gate."""
        self.network.eval()
        rng = np.random.default_rng(0)
        wholes, mouths, syncs = [], [], []
        windowed = step >= self.settings.steps
        for at in range(0, len(self.validation), 16):
            part = self.validation[at : at + 16]
            batch = generator_batch(part, rng, len(part), FRAMES, augment=False)
            generated, target = self.generate(batch)
            wholes.append((generated - target).abs().mean().item())
            mouths.append(mouth_l1(generated, target).item())
            if windowed:
                syncs.append(self.sync_loss(generated, batch["window"]).item())
        numbers = {"held_out_l1": float(np.mean(wholes)), "held_out_mouth_l1": float(np.mean(mouths))}
        if windowed:
            numbers["held_out_sync"] = float(np.mean(syncs))
            is_open = numbers["held_out_sync"] < self.settings.sync_gate
            if is_open and self.sync_on_since < 0:
                self.sync_on_since = step
            elif not is_open:
                self.sync_on_since = -1
        return numbers

    def state(self) -> dict[str, Any]:
        """What a checkpoint must keep besides network and optimiser."""
        return {"sync_on_since": self.sync_on_since}

    def restore(self, state: dict[str, Any]) -> None:
        """Takes back what `state` gave."""
        self.sync_on_since = state["sync_on_since"]

    def generate(self, batch: dict[str, np.ndarray]) -> tuple[torch.Tensor, torch.Tensor]:
        """(generated, target), each float (B * T, 3, 96, 96) in [0, 1], sample after sample."""
        target, reference = (_to_tensor(batch[name], self.device) for name in ("target", "reference"))
        masked = target.clone()
        masked[:, :, 48:] = 0
        face = torch.cat([masked, reference], dim=1).contiguous(memory_format=torch.channels_last)
        mel = torch.from_numpy(batch["mels"]).to(self.device).flatten(0, 1)[:, None]
        return self.network(mel, face), target

    def sync_loss(self, generated: torch.Tensor, window: np.ndarray) -> torch.Tensor:
        """The expert's loss if it is told that the generated windows are in sync: generated (B * 5, 3, 96, 96)."""
        faces = generated[:, :, 48:].reshape(-1, 3 * FRAMES, 48, 96)
        mel = torch.from_numpy(window).to(self.device)[:, None]
        audio, face = self.expert(mel, faces.contiguous(memory_format=torch.channels_last))
        return sync_bce((audio * face).sum(1), 1.0)

    def _sync_weight(self, step: int) -> float:
        s = self.settings
        if step < s.steps or self.sync_on_since < 0:
            return 0.0
        return s.sync_weight * min(1.0, (step - self.sync_on_since + 1) / s.sync_ramp)


def _gradient_ratio(sync: torch.Tensor, other: torch.Tensor, generated: torch.Tensor) -> float:
    """How strongly the sync loss pulls at the picture, relative to the pixel losses; far above 1 it paints patterns."""
    pulls = [torch.autograd.grad(loss, generated, retain_graph=True)[0].norm() for loss in (sync, other)]
    return float(pulls[0] / (pulls[1] + 1e-12))


def _to_tensor(frames: np.ndarray, device: torch.device) -> torch.Tensor:
    """uint8 (B, T, 96, 96, 3) to float (B * T, 3, 96, 96) in [0, 1]."""
    flat = torch.from_numpy(frames).to(device).flatten(0, 1)
    return flat.permute(0, 3, 1, 2).float().div_(255).contiguous(memory_format=torch.channels_last)


def train_generator(
    config: GeneratorConfig, folder: Path, expert: str = "classroom_expert", device: str = "auto", progress: bool = True
) -> Path:
    """Trains a generator on the synthetic corpus in `folder` (resuming there); writes folder/generator.safetensors."""
    from w2l.dataset import corpus
    from w2l.models.inference import pick_device

    judge = models.load(expert, network="syncnet")  # first, so that a wrong name is told before an hour of phase 1
    train = corpus("train", config.train_clips, progress=progress)
    validation = corpus("validation", config.validation_clips, progress=progress)
    task = GeneratorTask(config, train, validation, pick_device(device), judge)
    network = run(task, folder, progress=progress)
    path = folder / "generator.safetensors"
    models.save(network, path, "wav2lip", config.width, mel_shift=-1.0, **training_facts(config, folder))
    return path
