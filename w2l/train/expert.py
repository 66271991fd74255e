"""Training the lip-sync expert (SyncNet): do these five mouths belong to this fifth of a second of sound?"""

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
from w2l.data.windows import expert_batch, expert_pairs
from w2l.errors import W2LError
from w2l.sync.curve import pairs_curve
from w2l.sync.experts import load_expert
from w2l.sync.scorer import pair_cosines
from w2l.train import data as sources
from w2l.train.data import TrainingData
from w2l.train.engine import distributed
from w2l.train.engine.loop import fit
from w2l.train.engine.metadata import training_metadata
from w2l.train.engine.options import RunOptions
from w2l.train.engine.schedule import scheduled
from w2l.train.engine.trainer import Batch, Numbers, Trainer, mean_of, part_size
from w2l.train.losses import pair_scores, sync_bce
from w2l.train.settings import ExpertConfig

if TYPE_CHECKING:
    from w2l.talker.photo.people import People

_CHANCE = 0.6931  # binary cross-entropy of always predicting one half
_SEEN_CLIPS, _SEEN_FRAMES = 12, 29  # held-out clips whose offset is measured, and how many frames of each


class ExpertTrainer(Trainer):
    """Trains the expert. start: initial weights."""

    name = "expert"
    best = ("held_out_accuracy", True)
    config: ExpertConfig

    def __init__(
        self,
        config: ExpertConfig,
        data: TrainingData,
        options: RunOptions,
        start: nn.Module | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        if config.pairs not in ("all", "one"):
            raise W2LError(f"pairs cannot be {config.pairs!r}; choose all or one.")
        super().__init__(config, data, options, metadata)
        network = start or models.build("syncnet", config.width, frames=config.frames)
        self.expert = self.add_learner("expert", network, self.learning_rate)

    def learning_rate(self, step: int) -> float:
        """The learning rate at a step."""
        return scheduled(self.config.schedule, step, self.steps, self.config.learning_rate)

    def draw(self, rng: np.random.Generator, step: int, parts: int) -> dict[str, np.ndarray]:
        """Windows as returned by `windows.expert_batch` or `expert_pairs`."""
        c = self.config
        size, how = part_size(c.clips, parts, "clips"), (c.augment, c.min_distance, c.negatives)
        if c.pairs == "all":
            mels, faces = expert_batch(self.data.train, rng, size, c.windows, c.frames, *how)
            return {"mels": mels, "faces": faces}
        mels, faces, in_sync = expert_pairs(self.data.train, rng, size, c.frames, *how)
        return {"mels": mels, "faces": faces, "in_sync": in_sync}

    def train_step(self, parts: Sequence[Batch], step: int) -> Numbers:
        """One step on a batch from `draw`, whole or in parts, which save memory or run in several processes."""
        numbers = []
        self.expert.zero_grad()
        for batch in parts:
            sound, mouths = self.expert(batch["mels"], batch["faces"])  # forward
            loss, accuracy = self.loss(sound, mouths, batch.get("in_sync"))
            self.expert.backward(loss)
            numbers.append({"loss": loss, "accuracy": accuracy})
        self.expert.step(step, clip=self.config.clip)
        self.update_ema()
        return mean_of(numbers)

    def loss(
        self, sound: torch.Tensor, mouths: torch.Tensor, in_sync: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """(cross-entropy, share judged right at cosine 0.5) of embeddings (B, D), both kinds of pairs counting half.

        in_sync: 1 or 0 for each pair, where each sound has one window of mouths; None: every sound window of a clip is
        paired with every window of its mouths.
        """
        if in_sync is not None:
            cosines = (sound * mouths).sum(1)
            loss = nn.functional.binary_cross_entropy(cosines.clamp(0, 1), in_sync)
            return loss, ((cosines > 0.5) == (in_sync > 0.5)).float().mean()
        same, other = pair_scores(sound, mouths, self.config.windows)
        return (sync_bce(same, 1.0) + sync_bce(other, 0.0)) / 2, _accuracy(same, other)

    def main_loss(self, batch: Batch, step: int) -> torch.Tensor:
        """The loss of one batch."""
        sound, mouths = self.expert(batch["mels"], batch["faces"])
        return self.loss(sound, mouths, batch.get("in_sync"))[0]

    @torch.no_grad()
    def evaluate(self, step: int) -> dict[str, float]:
        """Loss and accuracy on held-out speakers, and the share of their clips whose offset is found exactly.

        Always uses the same windows, up to 8 of each clip, without augmentation.
        """
        rng = np.random.default_rng(0)
        kept: list[tuple[torch.Tensor, torch.Tensor]] = []
        clips = self.data.validation
        windows = min(8, *(clip.starts for clip in clips))
        for at in range(0, len(clips), 16):
            part = clips[at : at + 16]
            drawn = expert_batch(part, rng, len(part), windows, self.config.frames, augment=False)
            mels, faces = (torch.from_numpy(array).to(self.device) for array in drawn)
            sound, mouths = self.expert(mels, faces)
            kept.append(pair_scores(sound, mouths, windows))
        same, other = torch.cat([k[0] for k in kept]), torch.cat([k[1] for k in kept])
        loss = (sync_bce(same, 1.0) + sync_bce(other, 0.0)) / 2
        return {
            "held_out_loss": loss.item(),
            "held_out_accuracy": _accuracy(same, other).item(),
            "held_out_offset_exact": self._offset_exact(),
        }

    def observe(self, step: int, numbers: dict[str, float]) -> list[str]:
        """Explains a loss at chance."""
        if abs(numbers["held_out_loss"] - _CHANCE) > 0.02:
            return []
        pairs = self.config.pairs
        usual = 300 if pairs == "all" else 20_000
        said = f"loss {numbers['held_out_loss']:.2f} is chance: normal until about step {usual} with pairs={pairs}"
        if step < usual:
            return [f"{said}; learning shows in the accuracy before it shows in the loss."]
        return [
            f"{said}; now check that sound and picture are in sync, then try more speakers or a lower learning rate."
        ]

    def _offset_exact(self) -> float:
        expert = load_expert(self.network, self.device)
        offsets = []
        for clip in self.data.validation[:_SEEN_CLIPS]:
            frames = clip.beginning(_SEEN_FRAMES).frames[:]
            offsets.append(pairs_curve(pair_cosines(expert, frames, clip.mel)).offset)
        return offsets.count(0) / len(offsets)


def _accuracy(same: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Share of pairs judged right at cosine 0.5, in-sync and off-sync pairs counting half each."""
    return ((same > 0.5).float().mean() + (other <= 0.5).float().mean()) / 2


def train_expert(
    config: ExpertConfig,
    options: RunOptions,
    store: Path | None = None,
    start: str | None = None,
    people: People | None = None,
) -> Path:
    """Trains an expert in `options.folder`, or resumes there; returns the path of the expert.safetensors it writes.

    store, people: see `data.open_data`. start: initial weights, whose width (after `config.widen`) replaces that of
    `config`; so does their window, unless `config` has a shorter one: then theirs is cut to it (see `models.shorten`).
    """
    path = options.result("expert", start)
    distributed.start(pick_device(options.device))
    network = sources.load_expert(start, config.widen, config.frames) if start else None
    if network is not None:
        config = replace(config, width=network.width, frames=network.frames)
    data = sources.open_data(store, config, config.windows + 1, options.progress, people)
    metadata = {"data": data.name} | ({"start": weights.called(start)} if start else {})
    trainer = ExpertTrainer(config, data, options, network, metadata)
    seconds = fit(trainer)
    if distributed.rank() == 0:
        meta = training_metadata(config, metadata, seconds)
        models.save(trainer.network, path, "syncnet", config.width, frames=config.frames, **meta)
    return path
