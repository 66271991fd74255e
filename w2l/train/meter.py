"""Training the mouth meter, the instrument that reads opening and width off generated faces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from w2l import models
from w2l.dataset import Augment, Clip, lower_halves
from w2l.models.mouth_meter import SCALE
from w2l.train.loop import cosine, place, run, training_facts


@dataclass(frozen=True)
class MeterConfig:
    """Settings of the meter's training: `batch` single frames a step, each changed as cameras and codecs do."""

    steps: int = 3000
    batch: int = 64
    learning_rate: float = 2e-3
    train_clips: int = 600
    validation_clips: int = 32
    seed: int = 0


class MeterTask:
    """The meter's training, for `loop.run`: smooth L1 on gap / 4 px and width / 36 px."""

    name = "mouth meter"

    def __init__(
        self, config: MeterConfig, train: Sequence[Clip], validation: Sequence[Clip], device: torch.device
    ) -> None:
        torch.manual_seed(config.seed)
        self.config: dict[str, Any] = asdict(config)
        self.settings, self.steps, self.device = config, config.steps, device
        self.clips, self.validation = train, validation
        self.network = place(models.build("mouth_meter"), device)
        self._scale = torch.tensor(SCALE, device=device)

    def learning_rate(self, step: int) -> float:
        """Learning rate of this step."""
        return cosine(step, self.steps, self.settings.learning_rate)

    def loss(self, rng: np.random.Generator, step: int) -> tuple[torch.Tensor, dict[str, float]]:
        """Smooth L1 of a batch, on both numbers scaled to about 1."""
        faces, truth = self._batch(rng)
        loss = functional.smooth_l1_loss(self.network(faces) / self._scale, truth / self._scale, beta=0.1)
        return loss, {"loss": loss.item()}

    @torch.no_grad()
    def evaluate(self, step: int) -> dict[str, float]:
        """Correlation with the truth, over all frames of the held-out speakers."""
        self.network.eval()
        read = np.concatenate([measure(self.network, clip.frames, self.device) for clip in self.validation])
        truth = np.concatenate([clip.known_truth()[:, :2] for clip in self.validation])
        names = ("held_out_opening_r", "held_out_width_r")
        return {name: float(np.corrcoef(read[:, i], truth[:, i])[0, 1]) for i, name in enumerate(names)}

    def state(self) -> dict[str, Any]:
        """What a checkpoint must keep besides network and optimiser."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Takes back what `state` gave."""

    def _batch(self, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        faces, truth = [], []
        for which in rng.integers(0, len(self.clips), self.settings.batch):
            clip = self.clips[which]
            change, at = Augment(rng), int(rng.integers(len(clip)))
            faces.append(lower_halves(change(clip.frames[at])[None]))
            truth.append(clip.known_truth()[at, :2] * change.scale[::-1])
        batch = torch.from_numpy(np.stack(faces)).to(self.device, memory_format=torch.channels_last)
        return batch, torch.from_numpy(np.stack(truth)).to(self.device)


@torch.no_grad()
def measure(meter: torch.nn.Module, frames: np.ndarray, device: torch.device | str = "cpu") -> np.ndarray:
    """Opening and width of each crop: uint8 (n, 96, 96, 3) BGR to float32 (n, 2) pixels."""
    faces = lower_halves(frames).reshape(-1, 3, 48, 96)
    parts = [meter(torch.from_numpy(faces[at : at + 64]).to(device)) for at in range(0, len(faces), 64)]
    return torch.cat(parts).cpu().numpy()


def train_meter(config: MeterConfig, folder: Path, device: str = "auto", progress: bool = True) -> Path:
    """Trains the meter on the synthetic corpus in `folder` (resuming there); writes folder/meter.safetensors."""
    from w2l.dataset import corpus
    from w2l.models.inference import pick_device

    train = corpus("train", config.train_clips, progress=progress)
    validation = corpus("validation", config.validation_clips, progress=progress)
    task = MeterTask(config, train, validation, pick_device(device))
    network = run(task, folder, evaluate_every=500, progress=progress)
    path = folder / "meter.safetensors"
    models.save(network, path, "mouth_meter", 1.0, **training_facts(config, folder))
    return path
