"""Training as a GAN: a generator that already draws a mouth is sharpened by a quality discriminator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import nn
from torch.nn import functional

from w2l import models, weights
from w2l.base.device import pick_device
from w2l.data.clip import FRAMES
from w2l.errors import W2LError
from w2l.faces.crop import CROP_SIZE
from w2l.models.quality_disc import QualityDisc
from w2l.train import data as sources
from w2l.train.data import TrainingData
from w2l.train.engine import distributed
from w2l.train.engine.learner import frozen
from w2l.train.engine.loop import fit
from w2l.train.engine.metadata import training_metadata
from w2l.train.engine.options import RunOptions
from w2l.train.engine.schedule import scheduled
from w2l.train.engine.trainer import Batch, Numbers, mean_of
from w2l.train.generator import GeneratorTrainer
from w2l.train.losses import lower_half
from w2l.train.settings import GanConfig

if TYPE_CHECKING:
    from w2l.talker.photo.people import People


class GanTrainer(GeneratorTrainer):
    """Trains a generator and a quality discriminator. disc: the discriminator's initial weights."""

    name = "gan"

    def __init__(
        self,
        config: GanConfig,
        data: TrainingData,
        options: RunOptions,
        expert: nn.Module,
        start: nn.Module | None = None,
        disc: nn.Module | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self.gan = config
        super().__init__(config.as_generator(), data, options, expert, start, metadata)
        network = disc or fresh_disc(config.disc_width, config.size)
        self.disc = self.add_learner("quality_disc", network, self.disc_learning_rate, (config.beta1, 0.999))

    @property
    def chosen(self) -> GanConfig:
        """The settings of the GAN."""
        return self.gan

    def learning_rate(self, step: int) -> float:
        """The generator's learning rate; its schedule starts when the generator starts to learn."""
        c = self.gan
        return scheduled(c.schedule, max(0, step - c.ahead), c.steps - c.ahead, c.learning_rate)

    def disc_learning_rate(self, step: int) -> float:
        """The discriminator's learning rate."""
        return scheduled(self.gan.schedule, step, self.gan.steps, self.gan.disc_learning_rate)

    def train_step(self, parts: Sequence[Batch], step: int) -> Numbers:
        """One step of both networks; in the first `ahead` steps the generator draws but does not learn."""
        numbers, learns = [], step >= self.gan.ahead
        self.begin(step)
        self.disc.zero_grad()
        for batch in parts:
            found: Numbers = {}
            with torch.set_grad_enabled(learns):
                generated, true = self.generate(batch)  # forward
            if learns:
                loss, found = self.loss(generated, true, batch["window"], step)
                self.generator.backward(loss)
            disc_loss, accuracy = self.disc_loss(generated.detach(), true)
            self.disc.backward(disc_loss)
            numbers.append(found | {"disc_loss": disc_loss, "disc_accuracy": accuracy})
        self.generator.step(step, clip=self.gan.clip)
        self.disc.step(step, clip=self.gan.clip)
        self.update_ema()
        return mean_of(numbers)

    def loss(
        self, generated: torch.Tensor, true: torch.Tensor, window: torch.Tensor, step: int
    ) -> tuple[torch.Tensor, Numbers]:
        """The generator's loss: that of `GeneratorTrainer`, plus that of not looking real to the discriminator."""
        sync_weight, disc_weight = self.sync_weight(step), self.disc_weight(step)
        sync = self.judge.loss(generated, window) if sync_weight else torch.zeros(())
        pixels, numbers = self.pixel_loss(generated, true)
        pixels = (1 - sync_weight - disc_weight if self.gan.convex else 1.0) * pixels
        with frozen(self.disc.network):  # it passes gradients on to the picture but gets none itself
            logits = self.quality(generated)
            alike = self.features_apart(generated, true) if self.gan.feature_weight else torch.zeros(())
        realness = functional.binary_cross_entropy_with_logits(logits, torch.ones_like(logits))
        numbers |= {"sync_weight": torch.tensor(sync_weight)} | ({"sync": sync} if sync_weight else {})
        numbers |= {"realness_loss": realness, "disc_weight": torch.tensor(disc_weight)}
        pulling = {"disc": disc_weight * realness, "sync": sync_weight * sync}
        if self.gan.feature_weight:
            pulling["feature"] = self.gan.feature_weight * alike
            numbers["feature_loss"] = alike
        numbers |= self.gradient_ratios(step, generated, pixels, pulling)
        return pixels + disc_weight * realness + sync_weight * sync + self.gan.feature_weight * alike, numbers

    def features_apart(self, generated: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
        """L1 between the discriminator's features of generated and true lower halves, the mean over its blocks but the
        last, each relative to the size of the true one's (Wang et al. 2018, feature matching)."""
        disc = cast(QualityDisc, self.disc.network)
        made, real = (lower_half(faces).contiguous(memory_format=torch.channels_last) for faces in (generated, true))
        apart = []
        for block in list(disc.face_encoder_blocks)[:-1]:
            made = self.precision(block, made)
            with torch.no_grad():
                real = self.precision(block, real)
            apart.append((made - real).abs().mean() / (real.abs().mean() + 1e-6))
        return torch.stack(apart).mean()

    def disc_weight(self, step: int) -> float:
        """The weight of the realness loss at a step; it rises once the generator starts to learn."""
        learned = max(0, step - self.gan.ahead + 1)
        return self.gan.disc_weight * min(1.0, learned / max(1, self.gan.disc_ramp))

    def disc_loss(self, generated: torch.Tensor, true: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """True lower halves count as real, generated ones do not: the sum of both cross-entropies, and the accuracy."""
        logits = self.quality(torch.cat([true, generated]))
        real = torch.arange(len(logits), device=self.device) < len(true)
        loss = 2 * functional.binary_cross_entropy_with_logits(logits, real.float())
        return loss, ((logits > 0) == real).float().mean()

    def quality(self, faces: torch.Tensor) -> torch.Tensor:
        """The discriminator's logits: (N, 3, size, size) in [0, 1] to float32 (N,).

        Not its probabilities: those of a confident discriminator round to 0 or 1, soon in 16 bits, and teach nothing.
        """
        disc = cast(QualityDisc, self.disc.network)
        lower = lower_half(faces).contiguous(memory_format=torch.channels_last)
        return disc.binary_pred[0](self.precision(nn.Sequential(*disc.face_encoder_blocks), lower)).flatten()


def fresh_disc(width: float, size: int = CROP_SIZE) -> nn.Module:
    """A new quality discriminator, initialised so that its output depends on the picture.

    It has fourteen layers and no norm: with the usual initial weights each layer passes on a third of the variance (He
    et al. 2015), so that the output hardly depends on the picture and the loss stays at chance for hundreds of steps.
    """
    disc = models.build("quality_disc", width, size=size)
    for layer in disc.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, a=0.01, nonlinearity="leaky_relu")
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return disc


def train_gan(
    config: GanConfig,
    options: RunOptions,
    start: str | None = "classroom_generator",
    expert: str = "classroom_expert",
    disc: str | None = None,
    store: Path | None = None,
    people: People | None = None,
) -> Path:
    """Trains a generator as a GAN in `options.folder`, or resumes there; returns the path of its generator.safetensors.

    quality_disc.safetensors is written beside it. start: the initial generator; None: new weights, as in the published
    preset. disc: the initial discriminator, whose width replaces that of `config`. Other arguments as in
    `generator.train_generator`.
    """
    path = options.result("generator", start, expert, disc, config.meter)
    disc_path = options.result("quality_disc", start, expert, disc, config.meter)
    distributed.start(pick_device(options.device))
    judge = sources.load(expert, "syncnet")
    network = sources.load_generator(start, config.widen, config.size) if start else None
    critic = sources.load(disc, "quality_disc") if disc else None
    if network is not None:
        config = replace(config, width=network.width, size=network.size)
    if critic is not None:
        config = replace(config, disc_width=critic.width)
        if critic.size != config.size:
            raise W2LError(
                f"{disc} judges faces of {critic.size} pixels and the generator draws {config.size}; leave it out, and "
                "a new discriminator is trained."
            )
    data = sources.open_data(store, config, FRAMES, options.progress, people, config.size)
    metadata = {"data": data.name, "expert": weights.called(expert)}
    metadata |= {name: weights.called(given) for name, given in (("start", start), ("disc", disc)) if given}
    trainer = GanTrainer(config, data, options, judge, network, critic, metadata)
    seconds = fit(trainer)
    if distributed.rank() == 0:
        meta = training_metadata(config, metadata, seconds)
        models.save(trainer.network, path, "wav2lip", config.width, mel_shift=-1.0, **meta)
        models.save(trainer.disc.network, disc_path, "quality_disc", config.disc_width, **meta)
    return path
