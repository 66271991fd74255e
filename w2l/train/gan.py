"""Training as a GAN: a generator that has a mouth gets a quality discriminator, which makes it sharp."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn
from torch.nn import functional

from w2l import models
from w2l.base.device import pick_device
from w2l.data.clip import FRAMES
from w2l.models.quality_disc import QualityDisc
from w2l.train import data as sources
from w2l.train.data import Data
from w2l.train.engine import distributed
from w2l.train.engine.facts import training_facts
from w2l.train.engine.loop import run as train
from w2l.train.engine.task import Batch, Player, Run, place, scheduled
from w2l.train.generator import GeneratorConfig, GeneratorTask
from w2l.train.losses import pull


@dataclass(frozen=True)
class GanConfig:
    """Settings of a GAN's training: `steps` batches of `batch` windows of 5 frames.

    The generator's loss is that of `GeneratorConfig`'s phase 2 plus `disc_weight` times the cross-entropy of the
    quality discriminator being told that generated lower halves are real (paper, section 3.4), ramped over `disc_ramp`
    steps. For the first `ahead` steps only the discriminator learns, so that it is a critic before it is heard.
    disc_width: its width. The other names are those of `GeneratorConfig`.
    """

    width: float = 0.25
    disc_width: float = 0.25
    steps: int = 600
    ahead: int = 50
    batch: int = 8
    learning_rate: float = 2e-4
    disc_learning_rate: float = 2e-4
    beta1: float = 0.5
    mouth_weight: float = 2.0
    disc_weight: float = 0.02
    disc_ramp: int = 100
    sync_weight: float = 0.02
    sync_gate: float = 0.75
    sync_ramp: int = 1
    gate_shuts: bool = True
    convex: bool = False
    train_clips: int = 600
    validation_clips: int = 32
    seed: int = 0
    voices: str = "formant"
    augment: bool = True
    schedule: str = "cosine"
    clip: float = 5.0
    ema: float = 0.0
    evaluate_every: int = 100

    def as_generator(self) -> GeneratorConfig:
        """The generator's part, as settings of a training that begins with phase 2."""
        alike = {name: value for name, value in asdict(self).items() if name in asdict(GeneratorConfig())}
        phase = {"steps": 0, "sync_steps": self.steps, "sync_batch": self.batch}
        return GeneratorConfig(**(alike | phase | {"sync_learning_rate": self.learning_rate}))


class GanTask(GeneratorTask):
    """The training of generator and quality discriminator, for `loop.run`. disc: weights it begins with."""

    name = "gan"

    def __init__(
        self,
        config: GanConfig,
        data: Data,
        device: torch.device,
        expert: nn.Module,
        amp: str = "off",
        start: nn.Module | None = None,
        disc: nn.Module | None = None,
        facts: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(config.as_generator(), data, device, expert, amp, start)
        self.config = asdict(config) | (facts or {})
        self.gan = config
        self.disc = cast(QualityDisc, place(disc or fresh_disc(config.disc_width), device))
        betas = (config.beta1, 0.999)
        self.players["quality_disc"] = Player(self.disc, self._disc_rate, betas)

    def _rate(self, step: int) -> float:
        s, ahead = self.gan, self.gan.ahead
        return scheduled(s.schedule, max(0, step - ahead), s.steps - ahead, s.learning_rate)

    def _disc_rate(self, step: int) -> float:
        return scheduled(self.gan.schedule, step, self.gan.steps, self.gan.disc_learning_rate)

    def loss(self, player: str, batch: Batch, step: int) -> tuple[torch.Tensor | None, dict[str, torch.Tensor]]:
        """Each network's loss in turn; the discriminator sees what the generator has just drawn."""
        if player == "quality_disc":
            return self._disc_loss(batch)
        if step < self.gan.ahead:
            with torch.no_grad():
                generated, batch["true"] = self.generate(batch)
            batch["generated"] = generated
            return None, {}
        return self._generator_loss(batch, step)

    def _generator_loss(self, batch: Batch, step: int) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        s = self.gan
        generated, target = self.generate(batch)
        batch["generated"], batch["true"] = generated.detach(), target
        sync, sync_weight, numbers = self._sync(generated, batch["window"], step)
        pixels, seen = self._pixels(generated, target)
        self.disc.requires_grad_(False)  # it passes gradients on, and keeps none
        realness = functional.binary_cross_entropy_with_logits(
            self.judge_quality(generated), torch.ones(len(generated), device=self.device)
        )
        self.disc.requires_grad_(True)
        disc_weight = s.disc_weight * min(1.0, (step - s.ahead + 1) / max(1, s.disc_ramp))
        quality = disc_weight * realness
        share_left = 1 - sync_weight - disc_weight if s.convex else 1.0
        numbers |= {"realness_loss": realness, "disc_weight": torch.tensor(disc_weight)}
        if step % 50 == 0:
            numbers["disc_gradient_ratio"] = pull(quality, share_left * pixels, generated)
            if sync is not None:
                numbers["sync_gradient_ratio"] = pull(sync, share_left * pixels, generated)
        return share_left * pixels + quality + (sync if sync is not None else 0.0), seen | numbers

    def _disc_loss(self, batch: Batch) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """True lower halves are real, generated ones are not: the sum of both cross-entropies, as published."""
        both = torch.cat([batch["true"], batch["generated"]])
        logits = self.judge_quality(both)
        real = torch.arange(len(both), device=self.device) < len(batch["true"])
        loss = 2 * functional.binary_cross_entropy_with_logits(logits, real.float())
        return loss, {"disc_loss": loss, "disc_accuracy": ((logits > 0) == real).float().mean()}

    def judge_quality(self, faces: torch.Tensor) -> torch.Tensor:
        """The discriminator's logits: (N, 3, 96, 96) in [0, 1] to float32 (N,).

        Not its probabilities: those of a sure discriminator round to 0 or 1, in 16 bits soon, and teach nothing.
        """
        lower = faces[:, :, 48:].contiguous(memory_format=torch.channels_last)
        return self.disc.binary_pred[0](self.precision(nn.Sequential(*self.disc.face_encoder_blocks), lower)).flatten()


def fresh_disc(width: float) -> nn.Module:
    """A quality discriminator to begin with, whose weights let the picture through.

    It has fourteen layers and no norm: with the usual initial weights each layer passes on a third of the variance (He
    et al. 2015), so that the output hardly depends on the picture, and the loss stays at chance for hundreds of steps.
    """
    disc = models.build("quality_disc", width)
    for layer in disc.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, a=0.01, nonlinearity="leaky_relu")
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return disc


def train_gan(
    config: GanConfig,
    run: Run,
    start: str | None = "classroom_generator",
    expert: str = "classroom_expert",
    disc: str | None = None,
    store: Path | None = None,
) -> Path:
    """Trains a generator as a GAN in `run.folder`, or goes on there; returns the path of its generator.safetensors.

    Beside it lies quality_disc.safetensors. start: the generator to begin with, None: fresh weights, as the published
    preset has it; disc: the discriminator; their widths replace those of `config`. expert, store: see
    `generator.train_generator`.
    """
    device = distributed.start(pick_device(run.device))
    judge = sources.load(expert, "syncnet")
    network = sources.load(start, "wav2lip") if start else None
    critic = sources.load(disc, "quality_disc") if disc else None
    if network is not None:
        config = replace(config, width=network.width)  # type: ignore[arg-type]
    if critic is not None:
        config = replace(config, disc_width=critic.width)  # type: ignore[arg-type]
    data = sources.open_data(store, config.train_clips, config.validation_clips, FRAMES, run.progress, config.voices)
    facts = {"data": data.name, "expert": sources.called(expert)}
    facts |= {name: sources.called(given) for name, given in (("start", start), ("disc", disc)) if given}
    task = GanTask(config, data, device, judge, run.amp, network, critic, facts)
    seconds = train(task, run)
    path = run.folder / "generator.safetensors"
    if distributed.rank() == 0:
        meta = training_facts(config, facts, seconds)
        models.save(task.network, path, "wav2lip", config.width, mel_shift=-1.0, **meta)
        models.save(task.disc, path.with_stem("quality_disc"), "quality_disc", config.disc_width, **meta)
    return path
