"""Training a generator's hearing: its audio encoder learns which mouth makes which sound, before any picture is drawn.

A window of sound costs a twentieth of what a frame costs, and its talkers need not be filmed, so that many more voices
are heard.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from w2l import models, weights
from w2l.audio import N_MELS, TRAINING_FPS, WINDOW, mel_windows
from w2l.base.device import pick_device
from w2l.data.augment import AugmentVoice
from w2l.data.utterances import Utterance, utterances
from w2l.models.wav2lip import Wav2Lip
from w2l.talker.mouth import Mouth
from w2l.train import data as sources
from w2l.train.engine import distributed
from w2l.train.engine.loop import fit
from w2l.train.engine.metadata import training_metadata
from w2l.train.engine.options import RunOptions
from w2l.train.engine.schedule import scheduled
from w2l.train.engine.trainer import Batch, PlainTrainer, part_size
from w2l.train.settings import HearingConfig

_BETA = 1.0  # spreads: below it the loss is a square, so that a sound in doubt gives the mean of its mouths
_STEADY = 0.02  # added to the spreads, so that a number that hardly moves counts little
_SEEN = ("opening", "width")  # the numbers that are reported


@dataclass(frozen=True)
class HearingData:
    """Utterances to train on, utterances of other voices to validate on, and the name of the data."""

    train: Sequence[Utterance]
    validation: Sequence[Utterance]
    name: str


class HearingNetwork(nn.Module):
    """An audio encoder with a linear reading of the mouth."""

    def __init__(self, audio_encoder: nn.Module) -> None:
        super().__init__()
        self.audio_encoder = audio_encoder
        with torch.no_grad():
            heard = audio_encoder.eval()(torch.zeros(1, 1, N_MELS, WINDOW))
        self.head = nn.Linear(heard.shape[1], len(Mouth._fields))

    def forward(self, mels: torch.Tensor) -> torch.Tensor:
        """mels: (B, 1, 80, 16) in [-4, 4]. Returns (B, 7), the mouth in the middle of each window, as in `Mouth`."""
        return self.head(self.audio_encoder(mels).flatten(1))


class HearingTrainer(PlainTrainer):
    """Trains a generator's audio encoder in place: smooth L1 of the seven numbers of the mouth, over their spreads."""

    name = "hearing"
    best = ("held_out_opening_r", True)
    uses_sound = False  # it has no frames with which its sound could be out of sync
    config: HearingConfig

    def __init__(self, config: HearingConfig, data: HearingData, options: RunOptions, generator: Wav2Lip) -> None:
        super().__init__(config, data, options, {"data": data.name})
        self.hearing = self.add_learner("hearing", HearingNetwork(generator.audio_encoder), self.learning_rate)
        mouths = np.concatenate([one.mouths for one in data.train])
        self._spread = torch.from_numpy(mouths.std(0) + _STEADY).to(self.device)

    def learning_rate(self, step: int) -> float:
        """The learning rate at a step."""
        return scheduled(self.config.schedule, step, self.steps, self.config.learning_rate)

    def draw(self, rng: np.random.Generator, step: int, parts: int) -> dict[str, np.ndarray]:
        """Windows of sound (B, 1, 80, 16), each in another voice, and the mouths in their middle (B, 7)."""
        mels, mouths = [], []
        for which in rng.integers(0, len(self.data.train), part_size(self.config.batch, parts, "windows")):
            one = self.data.train[which]
            at = int(rng.integers(len(one.mouths)))
            mels.append(AugmentVoice(rng)(mel_windows(one.mel, TRAINING_FPS, 1, start=at)[0]))
            mouths.append(one.mouths[at])
        return {"mels": np.stack(mels)[:, None], "mouths": np.stack(mouths)}

    def main_loss(self, batch: Batch, step: int) -> torch.Tensor:
        """Smooth L1 of a batch, each number over its spread."""
        heard = self.hearing(batch["mels"])
        return functional.smooth_l1_loss(heard / self._spread, batch["mouths"] / self._spread, beta=_BETA)

    @torch.no_grad()
    def evaluate(self, step: int) -> dict[str, float]:
        """Correlation of opening and width with the truth: medians over the held-out speakers."""
        found = []
        for one in self.data.validation:
            mels = torch.from_numpy(mel_windows(one.mel, TRAINING_FPS, len(one.mouths))[:, None]).to(self.device)
            heard = self.network(mels).cpu().numpy()
            at = [Mouth._fields.index(name) for name in _SEEN]
            found.append([np.corrcoef(heard[:, i], one.mouths[:, i])[0, 1] for i in at])
        return {f"held_out_{name}_r": float(r) for name, r in zip(_SEEN, np.nanmedian(found, axis=0), strict=True)}


def train_hearing(config: HearingConfig, options: RunOptions, start: str | None = None) -> Path:
    """Trains a generator's audio encoder in `options.folder`, or resumes there; writes generator.safetensors.

    The rest of the generator stays as it was: `train_generator` goes on from the result. start: initial weights, whose
    width replaces that of `config`; a bundled or published name, a file or a checkpoint; fresh weights if left out.
    """
    path = options.result("generator", start)
    distributed.start(pick_device(options.device))
    torch.manual_seed(config.seed)
    generator = sources.load(start, "wav2lip") if start else models.build("wav2lip", config.width)
    assert isinstance(generator, Wav2Lip)
    config = replace(config, width=generator.width)
    shown = options.progress and distributed.rank() == 0
    data = HearingData(
        utterances("train", config.train_clips, config.voices, progress=shown),
        utterances("validation", config.validation_clips, config.voices, progress=shown),
        f"{sources.CORPUS}, speech alone",
    )
    trainer = HearingTrainer(config, data, options, generator)
    trainer.metadata |= {"start": weights.called(start)} if start else {}
    seconds = fit(trainer)
    if distributed.rank() == 0:
        meta = training_metadata(config, trainer.metadata, seconds)
        models.save(generator, path, "wav2lip", generator.width, mel_shift=-1.0, **meta)
    return path
