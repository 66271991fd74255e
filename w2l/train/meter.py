"""Training the mouth meter, the instrument that reads opening and width off generated faces."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from w2l import models
from w2l.base.device import pick_device
from w2l.data.augment import Augment
from w2l.data.windows import lower_halves
from w2l.evaluate.metrics.mouth import measure
from w2l.models.mouth_meter import SCALE
from w2l.train.data import Data, open_data
from w2l.train.engine import distributed
from w2l.train.engine.facts import training_facts
from w2l.train.engine.loop import run as train
from w2l.train.engine.precision import Precision
from w2l.train.engine.task import Batch, Player, Run, cosine, place, share


@dataclass(frozen=True)
class MeterConfig:
    """Settings of the meter's training: `batch` single frames a step, each changed as cameras and codecs do."""

    steps: int = 3000
    batch: int = 64
    learning_rate: float = 2e-3
    train_clips: int = 600
    validation_clips: int = 32
    seed: int = 0
    voices: str = "formant"
    clip: float = 5.0
    ema: float = 0.0
    evaluate_every: int = 500


class MeterTask:
    """The meter's training, for `loop.run`: smooth L1 on gap / 4 px and width / 36 px."""

    name = "mouth meter"
    looks: tuple[int, ...] = ()
    best = ("held_out_opening_r", True)

    def __init__(self, config: MeterConfig, data: Data, device: torch.device, amp: str = "off") -> None:
        torch.manual_seed(config.seed)
        self.config: dict[str, Any] = asdict(config)
        self.settings, self.steps = config, config.steps
        self.data, self.device, self.precision = data, device, Precision(amp, device)
        self.network = place(models.build("mouth_meter"), device)
        self.players = {"mouth_meter": Player(self.network, self._rate)}
        self._scale = torch.tensor(SCALE, device=device)

    def _rate(self, step: int) -> float:
        return cosine(step, self.steps, self.settings.learning_rate)

    def draw(self, rng: np.random.Generator, step: int, parts: int) -> dict[str, np.ndarray]:
        """Lower halves (B, 3, 48, 96) in [0, 1] and their openings and widths (B, 2) in pixels."""
        faces, truth = [], []
        for which in rng.integers(0, len(self.data.train), share(self.settings.batch, parts, "frames")):
            clip = self.data.train[which]
            change, at = Augment(rng), int(rng.integers(len(clip)))
            faces.append(lower_halves(change(clip.frames[at])[None]))
            truth.append(clip.known_truth()[at, :2] * change.scale[::-1])
        return {"faces": np.stack(faces), "truth": np.stack(truth)}

    def loss(self, player: str, batch: Batch, step: int) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Smooth L1 of a batch, on both numbers scaled to about 1."""
        faces = batch["faces"].contiguous(memory_format=torch.channels_last)
        read = self.players["mouth_meter"].call(faces)
        loss = functional.smooth_l1_loss(read / self._scale, batch["truth"] / self._scale, beta=0.1)
        return loss, {"loss": loss}

    @torch.no_grad()
    def evaluate(self, step: int) -> dict[str, float]:
        """Correlation with the truth, over all frames of the held-out speakers."""
        read = np.concatenate([measure(self.network, clip.frames, self.device) for clip in self.data.validation])
        truth = np.concatenate([clip.known_truth()[:, :2] for clip in self.data.validation])
        names = ("held_out_opening_r", "held_out_width_r")
        return {name: float(np.corrcoef(read[:, i], truth[:, i])[0, 1]) for i, name in enumerate(names)}

    def observe(self, step: int, numbers: dict[str, float]) -> list[str]:
        """Nothing needs explaining."""
        return []

    def show(self, path: Path) -> None:
        """Nothing is to be seen."""

    def state(self) -> dict[str, Any]:
        """Nothing besides network and optimiser."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Takes back what `state` gave."""


def train_meter(config: MeterConfig, run: Run) -> Path:
    """Trains the meter on the synthetic talker in `run.folder`, or goes on there; writes meter.safetensors."""
    device = distributed.start(pick_device(run.device))
    data = open_data(None, config.train_clips, config.validation_clips, 1, run.progress, config.voices)
    task = MeterTask(config, data, device, run.amp)
    seconds = train(task, run)
    path = run.folder / "meter.safetensors"
    if distributed.rank() == 0:
        models.save(task.network, path, "mouth_meter", 1.0, **training_facts(config, {"data": data.name}, seconds))
    return path
