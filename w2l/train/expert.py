"""Training the lip-sync expert (SyncNet): do these five mouths belong to this fifth of a second of sound?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from w2l import models
from w2l.dataset import FRAMES, Clip, expert_batch
from w2l.train.loop import cosine, place, run, training_facts
from w2l.train.losses import pair_scores, sync_bce


@dataclass(frozen=True)
class ExpertConfig:
    """Settings of an expert's training. A batch is `clips` x `windows`; every pair of windows of a clip is scored.

    The published sampling (one random pair per sample) sits at chance, loss 0.69, for hours; scoring all pairs of a
    clip costs the same forward pass and leaves that plateau within minutes (reference: synthetic-talker, expert).
    """

    width: float = 0.25
    frames: int = FRAMES
    steps: int = 1600
    clips: int = 16
    windows: int = 4
    learning_rate: float = 1e-3
    train_clips: int = 600
    validation_clips: int = 32
    seed: int = 0


class ExpertTask:
    """The expert's training, for `loop.run`."""

    name = "expert"

    def __init__(
        self, config: ExpertConfig, train: Sequence[Clip], validation: Sequence[Clip], device: torch.device
    ) -> None:
        torch.manual_seed(config.seed)
        self.config: dict[str, Any] = asdict(config)
        self.settings, self.steps = config, config.steps
        self.clips, self.validation, self.device = train, validation, device
        self.network = place(models.build("syncnet", config.width, frames=config.frames), device)

    def learning_rate(self, step: int) -> float:
        """Learning rate of this step."""
        return cosine(step, self.steps, self.settings.learning_rate)

    def loss(self, rng: np.random.Generator, step: int) -> tuple[torch.Tensor, dict[str, float]]:
        """BCE of all pairs, positives and negatives weighted alike; with the share judged right at 0.5."""
        s = self.settings
        same, other = self._scores(expert_batch(self.clips, rng, s.clips, s.windows, s.frames))
        loss = (sync_bce(same, 1.0) + sync_bce(other, 0.0)) / 2
        return loss, {"loss": loss.item(), "accuracy": _accuracy(same, other)}

    @torch.no_grad()
    def evaluate(self, step: int) -> dict[str, float]:
        """Loss and accuracy on held-out speakers, always on the same windows, without augmentation."""
        self.network.eval()
        rng = np.random.default_rng(0)
        kept: list[tuple[torch.Tensor, torch.Tensor]] = []
        for at in range(0, len(self.validation), 16):
            part = self.validation[at : at + 16]
            batch = expert_batch(part, rng, len(part), 8, self.settings.frames, augment=False)
            kept.append(self._scores(batch, windows=8))
        same, other = torch.cat([k[0] for k in kept]), torch.cat([k[1] for k in kept])
        loss = (sync_bce(same, 1.0) + sync_bce(other, 0.0)) / 2
        return {"held_out_loss": loss.item(), "held_out_accuracy": _accuracy(same, other)}

    def state(self) -> dict[str, Any]:
        """What a checkpoint must keep besides network and optimiser."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Takes back what `state` gave."""

    def _scores(
        self, batch: tuple[np.ndarray, np.ndarray], windows: int | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        mel, faces = (torch.from_numpy(part).to(self.device) for part in batch)
        audio, face = self.network(mel, faces.contiguous(memory_format=torch.channels_last))
        return pair_scores(audio, face, windows or self.settings.windows)


def _accuracy(same: torch.Tensor, other: torch.Tensor) -> float:
    """Share of pairs judged right at cosine 0.5, in-sync and off-sync pairs counting half each."""
    return ((same > 0.5).float().mean() + (other <= 0.5).float().mean()).item() / 2


def train_expert(config: ExpertConfig, folder: Path, device: str = "auto", progress: bool = True) -> Path:
    """Trains an expert on the synthetic corpus in `folder` (resuming there) and writes folder/expert.safetensors."""
    from w2l.dataset import corpus
    from w2l.models.inference import pick_device

    train = corpus("train", config.train_clips, progress=progress)
    validation = corpus("validation", config.validation_clips, progress=progress)
    task = ExpertTask(config, train, validation, pick_device(device))
    network = run(task, folder, progress=progress)
    path = folder / "expert.safetensors"
    models.save(network, path, "syncnet", config.width, frames=config.frames, **training_facts(config, folder))
    return path
