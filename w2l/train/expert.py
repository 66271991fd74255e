"""Training the lip-sync expert (SyncNet): do these five mouths belong to this fifth of a second of sound?"""

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
from w2l.data.windows import expert_batch, expert_pairs
from w2l.errors import W2LError
from w2l.sync.curve import pairs_curve
from w2l.train import data as sources
from w2l.train.data import Data
from w2l.train.engine import distributed
from w2l.train.engine.facts import training_facts
from w2l.train.engine.loop import run as train
from w2l.train.engine.precision import Precision
from w2l.train.engine.task import Batch, Player, Run, place, scheduled, share
from w2l.train.judge import Judge, first_frames, to_faces
from w2l.train.losses import pair_scores, sync_bce

_CHANCE = 0.6931  # binary cross-entropy of always saying one half
_SEEN_CLIPS, _SEEN_FRAMES = 12, 29  # held-out clips, and frames of each, whose offset is looked for


@dataclass(frozen=True)
class ExpertConfig:
    """Settings of an expert's training.

    pairs: ``all`` draws `windows` windows of each of `clips` clips and scores each against each of its clip; ``one``
    draws `clips` single pairs, in sync or off, as published, which sits at chance, loss 0.69, for hours where ``all``,
    at the cost of the same forward pass, leaves it within minutes (reference: synthetic-talker, expert). negatives,
    min_distance: see `dataset.draw_starts`. augment: whether looks are changed at random; without it the expert is
    easily gamed. schedule: ``cosine`` or ``constant``. clip: greatest norm of a gradient, 0: any. ema: decay of
    averaged weights, 0: none. voices: those of the synthetic talker; see `talker.make_speaker`.
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
    voices: str = "formant"
    pairs: str = "all"
    negatives: str = "anywhere"
    min_distance: int = 1
    augment: bool = True
    schedule: str = "cosine"
    clip: float = 5.0
    ema: float = 0.0
    evaluate_every: int = 200


class ExpertTask:
    """The expert's training, for `loop.run`. start: weights to begin with."""

    name = "expert"
    looks: tuple[int, ...] = ()
    best = ("held_out_accuracy", True)

    def __init__(
        self,
        config: ExpertConfig,
        data: Data,
        device: torch.device,
        amp: str = "off",
        start: nn.Module | None = None,
        facts: dict[str, Any] | None = None,
    ) -> None:
        if config.pairs not in ("all", "one"):
            raise W2LError(f"pairs cannot be {config.pairs!r}; choose all or one.")
        torch.manual_seed(config.seed)
        self.config: dict[str, Any] = asdict(config) | (facts or {})
        self.settings, self.steps = config, config.steps
        self.data, self.device, self.precision = data, device, Precision(amp, device)
        network = start or models.build("syncnet", config.width, frames=config.frames)
        self.network = place(network, device)
        self.players = {"expert": Player(self.network, self._rate)}

    def _rate(self, step: int) -> float:
        return scheduled(self.settings.schedule, step, self.steps, self.settings.learning_rate)

    def draw(self, rng: np.random.Generator, step: int, parts: int) -> dict[str, np.ndarray]:
        """Windows as `dataset.expert_batch` or `expert_pairs` gives them."""
        s = self.settings
        size, how = share(s.clips, parts, "clips"), (s.augment, s.min_distance, s.negatives)
        if s.pairs == "all":
            mels, faces = expert_batch(self.data.train, rng, size, s.windows, s.frames, *how)
            return {"mels": mels, "faces": faces}
        mels, faces, in_sync = expert_pairs(self.data.train, rng, size, s.frames, *how)
        return {"mels": mels, "faces": faces, "in_sync": in_sync}

    def loss(self, player: str, batch: Batch, step: int) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """BCE of all pairs, those in sync and those off weighted alike; with the share judged right at 0.5."""
        audio, face = self.players["expert"].call(batch["mels"], _channels_last(batch["faces"]))
        if self.settings.pairs == "one":
            cosines, in_sync = (audio * face).sum(1), batch["in_sync"]
            loss = nn.functional.binary_cross_entropy(cosines.clamp(0, 1), in_sync)
            return loss, {"loss": loss, "accuracy": ((cosines > 0.5) == (in_sync > 0.5)).float().mean()}
        same, other = pair_scores(audio, face, self.settings.windows)
        loss = (sync_bce(same, 1.0) + sync_bce(other, 0.0)) / 2
        return loss, {"loss": loss, "accuracy": _accuracy(same, other)}

    @torch.no_grad()
    def evaluate(self, step: int) -> dict[str, float]:
        """Loss and accuracy on held-out speakers, and the share of their clips whose offset is found exactly.

        Always the same windows, up to 8 of each clip, without augmentation.
        """
        rng = np.random.default_rng(0)
        kept: list[tuple[torch.Tensor, torch.Tensor]] = []
        clips = self.data.validation
        windows = min(8, *(clip.starts for clip in clips))
        for at in range(0, len(clips), 16):
            part = clips[at : at + 16]
            drawn = expert_batch(part, rng, len(part), windows, self.settings.frames, augment=False)
            mels, faces = (torch.from_numpy(array).to(self.device) for array in drawn)
            audio, face = self.precision(self.network, mels, _channels_last(faces))
            kept.append(pair_scores(audio, face, windows))
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
        s = self.settings
        usual = 300 if s.pairs == "all" else 20_000
        said = f"loss {numbers['held_out_loss']:.2f} is chance: normal until about step {usual} with pairs={s.pairs}"
        if step < usual:
            return [f"{said}; accuracy, not loss, shows first that it learns."]
        return [f"{said}; now look at whether sound and picture are in sync, at more speakers, at a lower rate."]

    def show(self, path: Path) -> None:
        """Nothing is to be seen."""

    def state(self) -> dict[str, Any]:
        """Nothing besides networks and optimisers."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Takes back what `state` gave."""

    def _offset_exact(self) -> float:
        judge = Judge(self.network, self.device, self.precision)
        offsets = []
        for clip in self.data.validation[:_SEEN_CLIPS]:
            faces = to_faces(first_frames(clip, _SEEN_FRAMES), self.device)
            offsets.append(pairs_curve(judge.scores(faces, clip.mel)).offset)
        return offsets.count(0) / len(offsets)


def _accuracy(same: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Share of pairs judged right at cosine 0.5, in-sync and off-sync pairs counting half each."""
    return ((same > 0.5).float().mean() + (other <= 0.5).float().mean()) / 2


def _channels_last(faces: torch.Tensor) -> torch.Tensor:
    return faces.contiguous(memory_format=torch.channels_last)


def train_expert(config: ExpertConfig, run: Run, store: Path | None = None, start: str | None = None) -> Path:
    """Trains an expert in `run.folder`, or goes on there, and writes expert.safetensors, whose path it returns.

    store: a folder of preprocessed clips; without one, the synthetic talker. start: weights to begin with, whose width
    and window replace those of `config`.
    """
    device = distributed.start(pick_device(run.device))
    network = sources.load(start, "syncnet") if start else None
    if network is not None:
        config = replace(config, width=network.width, frames=network.frames)  # type: ignore[arg-type]
    data = sources.open_data(
        store, config.train_clips, config.validation_clips, config.windows + 1, run.progress, config.voices
    )
    facts = {"data": data.name} | ({"start": sources.called(start)} if start else {})
    task = ExpertTask(config, data, device, run.amp, network, facts)
    seconds = train(task, run)
    path = run.folder / "expert.safetensors"
    if distributed.rank() == 0:
        meta = training_facts(config, facts, seconds)
        models.save(task.network, path, "syncnet", config.width, frames=config.frames, **meta)
    return path
