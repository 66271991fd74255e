"""The settings of each training: what is learned, from how much, and how fast."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any

from w2l.base.choices import choice, documented
from w2l.data.clip import FRAMES


@documented
@dataclass(frozen=True)
class TrainingConfig:
    """Settings that all trainings share."""

    steps: int = choice(1000, "batches to learn from")
    learning_rate: float = choice(1e-3, "Adam's learning rate at its peak")
    train_clips: int = choice(600, "clips of the synthetic talker to learn from")
    validation_clips: int = choice(32, "clips of other talkers to be judged on")
    seed: int = choice(0, "of all random numbers")
    voices: str = choice("formant", "of the synthetic talker: formant, or mixed (see `talker.make_speaker`)")
    clip: float = choice(5.0, "greatest norm of a gradient, 0: any")
    ema: float = choice(0.0, "decay of averaged weights, 0: none")
    evaluate_every: int = choice(200, "steps between measurements on held-out data, 0: only at the end")


def _with_default(cls: type, name: str, default: Any) -> Any:
    """The same choice as the field of another dataclass, with another default."""
    return field(default=default, metadata=next(one.metadata for one in fields(cls) if one.name == name))


@documented
@dataclass(frozen=True)
class ExpertConfig(TrainingConfig):
    """Settings of an expert's training.

    With pairs ``all`` each of the `windows` of a clip is scored against each. ``one`` draws `clips` single pairs, in
    sync or off, as published: it sits at chance, loss 0.69, for hours where ``all``, at the cost of the same forward
    pass, leaves it within minutes (reference: synthetic-talker, expert).
    """

    width: float = choice(0.25, "width of the network, the published one's being 1")
    frames: int = choice(FRAMES, "frames of a window: 1, 3 or 5")
    steps: int = _with_default(TrainingConfig, "steps", 1600)
    clips: int = choice(16, "clips of a batch")
    windows: int = choice(4, "windows drawn from each clip")
    pairs: str = choice("all", "which pairs are scored: all of a clip, or one")
    negatives: str = choice("anywhere", "where off-sync windows are: anywhere, or 'half near' (see `draw_starts`)")
    min_distance: int = choice(1, "least frames between two windows of a clip")
    augment: bool = choice(True, "change looks at random; without it the expert is easily gamed")
    schedule: str = choice("cosine", "of the learning rate: cosine or constant")


@documented
@dataclass(frozen=True)
class _MouthConfig(TrainingConfig):
    """What the trainings of a generator, with and without a discriminator, have in common."""

    width: float = choice(0.25, "width of the generator, the published one's being 1")
    batch: int = choice(8, "samples of a batch")
    mouth_weight: float = choice(2.0, "weight of the L1 in the mouth box, beside that of the whole face")
    sync_weight: float = choice(0.02, "weight of the expert's loss (paper, section 3.3)")
    sync_gate: float = choice(0.75, "the expert's loss is on only while its held-out value is under this, as published")
    sync_ramp: int = choice(1, "steps over which the expert's loss rises to its weight")
    gate_shuts: bool = choice(True, "shut the gate when the held-out value rises again; the published one never does")
    convex: bool = choice(False, "take the weights of the other losses from that of the pixels, as published")
    augment: bool = choice(True, "change looks at random")
    beta1: float = choice(0.9, "Adam's first decay")
    schedule: str = choice("cosine", "of the learning rate: cosine or constant")


@documented
@dataclass(frozen=True)
class GeneratorConfig(_MouthConfig):
    """Settings of a generator's training, in two phases.

    Phase 1, `steps` batches of `batch` single frames: L1 over the face plus `mouth_weight` times L1 in the mouth box.
    Phase 2, `sync_steps` batches of `sync_batch` windows of 5 frames: the same plus `sync_weight` times the expert's
    loss, behind its gate: before there is a mouth its gradient would paint a pattern that fools the expert.
    """

    steps: int = _with_default(TrainingConfig, "steps", 2800)
    batch: int = _with_default(_MouthConfig, "batch", 32)
    learning_rate: float = _with_default(TrainingConfig, "learning_rate", 1.5e-3)
    sync_steps: int = choice(900, "batches of phase 2")
    sync_batch: int = choice(8, "windows of a batch in phase 2")
    sync_learning_rate: float = choice(7e-4, "Adam's learning rate at its peak in phase 2")
    sync_ramp: int = _with_default(_MouthConfig, "sync_ramp", 100)
    expert_trained: bool = choice(
        False, "let the expert learn too, told that generated windows are off (the paper's ablation; frozen is better)"
    )
    expert_learning_rate: float = choice(1e-4, "the expert's, where it learns too")
    contrastive: bool = choice(False, "LipGAN's loss instead of cross-entropy, for what the expert says and learns")


@documented
@dataclass(frozen=True)
class GanConfig(_MouthConfig):
    """Settings of a GAN's training: `steps` batches of `batch` windows of 5 frames.

    The generator's loss is that of `GeneratorConfig`'s phase 2 plus `disc_weight` times the cross-entropy of the
    quality discriminator being told that generated lower halves are real (paper, section 3.4).
    """

    steps: int = _with_default(TrainingConfig, "steps", 600)
    learning_rate: float = _with_default(TrainingConfig, "learning_rate", 2e-4)
    evaluate_every: int = _with_default(TrainingConfig, "evaluate_every", 100)
    beta1: float = _with_default(_MouthConfig, "beta1", 0.5)
    ahead: int = choice(50, "first steps, in which only the discriminator learns, to be a critic before it is heard")
    disc_width: float = choice(0.25, "width of the discriminator")
    disc_learning_rate: float = choice(2e-4, "the discriminator's")
    disc_weight: float = choice(0.02, "weight of being taken for real")
    disc_ramp: int = choice(100, "steps over which that weight rises")

    def as_generator(self) -> GeneratorConfig:
        """The generator's part, as settings of a training that begins with phase 2."""
        alike = {name: value for name, value in asdict(self).items() if name in asdict(GeneratorConfig())}
        phase = {"steps": 0, "sync_steps": self.steps, "sync_batch": self.batch}
        return GeneratorConfig(**(alike | phase | {"sync_learning_rate": self.learning_rate}))


@documented
@dataclass(frozen=True)
class MeterConfig(TrainingConfig):
    """Settings of the meter's training: `batch` single frames a step, each changed as cameras and codecs do."""

    steps: int = _with_default(TrainingConfig, "steps", 3000)
    batch: int = choice(64, "frames of a batch")
    learning_rate: float = _with_default(TrainingConfig, "learning_rate", 2e-3)
    evaluate_every: int = _with_default(TrainingConfig, "evaluate_every", 500)
