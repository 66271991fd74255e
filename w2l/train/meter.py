"""Training the mouth meter, the instrument that reads opening and width off generated faces."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional

from w2l import models
from w2l.base.device import pick_device
from w2l.data.augment import Augment
from w2l.faces.crop import CROP_SIZE, lower_halves, resized
from w2l.faces.mouths import measure
from w2l.models.mouth_meter import SCALE
from w2l.train.data import TrainingData, open_data
from w2l.train.engine import distributed
from w2l.train.engine.loop import fit
from w2l.train.engine.metadata import training_metadata
from w2l.train.engine.options import RunOptions
from w2l.train.engine.schedule import cosine
from w2l.train.engine.trainer import Batch, PlainTrainer, part_size
from w2l.train.settings import MeterConfig

if TYPE_CHECKING:
    from w2l.talker.photo.people import People


class MeterTrainer(PlainTrainer):
    """Trains the meter: smooth L1 on gap / 4 px and width / 36 px."""

    name = "mouth meter"
    best = ("held_out_opening_r", True)
    uses_sound = False
    config: MeterConfig

    def __init__(self, config: MeterConfig, data: TrainingData, options: RunOptions) -> None:
        super().__init__(config, data, options)
        self.meter = self.add_learner("mouth_meter", models.build("mouth_meter"), self.learning_rate)
        self._scale = torch.tensor(SCALE, device=self.device)

    def learning_rate(self, step: int) -> float:
        """The learning rate at a step."""
        return cosine(step, self.steps, self.config.learning_rate)

    def draw(self, rng: np.random.Generator, step: int, parts: int) -> dict[str, np.ndarray]:
        """Lower halves (B, 3, 48, 96) in [0, 1] and their openings and widths (B, 2) in pixels."""
        faces, truth = [], []
        for which in rng.integers(0, len(self.data.train), part_size(self.config.batch, parts, "frames")):
            clip = self.data.train[which]
            change, at = Augment(rng), int(rng.integers(len(clip)))
            shown = resized(clip.frames[at : at + 1], CROP_SIZE)[0]
            faces.append(lower_halves(change(shown)[None]))
            truth.append(clip.known_truth()[at, :2] * change.scale[::-1])
        return {"faces": np.stack(faces), "truth": np.stack(truth)}

    def main_loss(self, batch: Batch, step: int) -> torch.Tensor:
        """Smooth L1 of a batch, on both numbers scaled to about 1."""
        read = self.meter(batch["faces"])
        return functional.smooth_l1_loss(read / self._scale, batch["truth"] / self._scale, beta=0.1)

    @torch.no_grad()
    def evaluate(self, step: int) -> dict[str, float]:
        """Correlation with the truth, over all frames of the held-out speakers."""
        read = np.concatenate([measure(self.network, clip.frames[:], self.device) for clip in self.data.validation])
        truth = np.concatenate([clip.known_truth()[:, :2] for clip in self.data.validation])
        names = ("held_out_opening_r", "held_out_width_r")
        return {name: float(np.corrcoef(read[:, i], truth[:, i])[0, 1]) for i, name in enumerate(names)}


def train_meter(config: MeterConfig, options: RunOptions, people: People | None = None) -> Path:
    """Trains the meter on the synthetic talker in `options.folder`, or resumes there; writes meter.safetensors.

    people: see `data.open_data`.
    """
    path = options.result("meter")
    distributed.start(pick_device(options.device))
    data = open_data(None, config, 1, options.progress, people)
    trainer = MeterTrainer(config, data, options)
    seconds = fit(trainer)
    if distributed.rank() == 0:
        meta = training_metadata(config, {"data": data.name}, seconds)
        models.save(trainer.network, path, "mouth_meter", 1.0, **meta)
    return path
