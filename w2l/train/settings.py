"""The settings of each training: what is learned, from how much, and how fast."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any

from w2l.base.choices import choice, documented
from w2l.data.clip import FRAMES
from w2l.faces.crop import CROP_SIZE
from w2l.talker.cast import Cast


@documented
@dataclass(frozen=True)
class TrainingConfig:
    """Settings shared by every kind of training."""

    steps: int = choice(1000, "batches to train on")
    learning_rate: float = choice(1e-3, "Adam's learning rate at its peak")
    train_clips: int = choice(600, "clips of the synthetic talker to train on")
    validation_clips: int = choice(32, "clips of other talkers to validate on")
    seed: int = choice(0, "seed of all random numbers")
    voices: str = choice(
        Cast.voices, "which voices the synthetic talker has: formant, mixed or natural (see `talker.make_speaker`)"
    )
    looks: str = choice(Cast.looks, "what the synthetic talkers look like: drawn, photo, or mixed (one in five drawn)")
    manner: bool = choice(True, "let photographic talkers move their mouths also in ways that the sound does not tell")
    clip: float = choice(5.0, "largest norm of a gradient, 0: no limit")
    ema: float = choice(0.0, "decay of the averaged weights, 0: no averaging")
    evaluate_every: int = choice(200, "steps between measurements on held-out data, 0: only at the end")


def _with_default(cls: type, name: str, default: Any) -> Any:
    """The same choice as the field of another dataclass, with another default."""
    return field(default=default, metadata=next(one.metadata for one in fields(cls) if one.name == name))


@documented
@dataclass(frozen=True)
class ExpertConfig(TrainingConfig):
    """Settings of an expert's training.

    With pairs ``all``, each of a clip's `windows` of mouths is scored against each of its sounds. ``one`` draws `clips`
    single pairs, in sync or off, as published: it stays at chance, loss 0.69, for hours, while ``all``, with the same
    forward pass, leaves it within minutes (reference: synthetic-talker, expert).
    """

    width: float = choice(0.25, "width of the network; 1 is the published one")
    widen: float = choice(0.0, "width to which the initial weights are widened first, 0: they keep theirs")
    frames: int = choice(FRAMES, "frames in a window: 1, 3 or 5")
    steps: int = _with_default(TrainingConfig, "steps", 1600)
    clips: int = choice(16, "clips in a batch")
    windows: int = choice(4, "windows drawn from each clip")
    pairs: str = choice("all", "which pairs are scored: all of a clip's, or one")
    negatives: str = choice(
        "anywhere", "where off-sync windows come from: anywhere, or 'half near' (see `draw_starts`)"
    )
    min_distance: int = choice(1, "fewest frames between two windows of a clip")
    augment: bool = choice(True, "vary the faces at random; without it the expert is easily fooled")
    schedule: str = choice("cosine", "of the learning rate: cosine or constant")


@documented
@dataclass(frozen=True)
class _MouthConfig(TrainingConfig):
    """Settings shared by generator training with and without a discriminator."""

    width: float = choice(0.25, "width of the generator; 1 is the published one")
    size: int = choice(
        CROP_SIZE, "pixels of a side of the faces: 96, as published, or 192; initial weights of 96 grow to it"
    )
    widen: float = _with_default(ExpertConfig, "widen", 0.0)
    batch: int = choice(8, "samples in a batch")
    mouth_weight: float = choice(2.0, "weight of the L1 in the mouth box, in addition to that of the whole face")
    laplacian_weight: float = choice(0.0, "weight of the L1 of Laplacian pyramids, which asks for sharp edges")
    meter_weight: float = choice(0.0, "weight of how far apart a meter reads generated and true mouths")
    meter: str = choice("classroom_meter", "that meter: a name or a file; results are to be measured with another one")
    sync_weight: float = choice(0.02, "weight of the expert's loss (paper, section 3.3)")
    sync_gate: float = choice(0.75, "the expert's loss is on only while its held-out value is below this, as published")
    sync_ramp: int = choice(1, "steps over which the expert's loss rises to its weight")
    gate_shuts: bool = choice(True, "shut the gate when the held-out value rises again; the published one stays open")
    convex: bool = choice(False, "subtract the other losses' weights from that of the pixel loss, as published")
    augment: bool = choice(True, "vary faces and voices at random")
    frozen_norm: bool = choice(
        False, "keep batch norm's statistics while windows are learned: those of a few windows mislead"
    )
    beta1: float = choice(0.9, "Adam's first decay")
    schedule: str = choice("cosine", "of the learning rate: cosine or constant")


@documented
@dataclass(frozen=True)
class GeneratorConfig(_MouthConfig):
    """Settings of a generator's training, in two phases.

    Phase 1, `steps` batches of `batch` single frames: L1 over the face plus `mouth_weight` times L1 in the mouth box.
    Phase 2, `sync_steps` batches of `sync_batch` windows of 5 frames: the same plus `sync_weight` times the expert's
    loss, once its gate is open: before there is a mouth, its gradient would paint a pattern that fools the expert.
    """

    steps: int = _with_default(TrainingConfig, "steps", 2800)
    batch: int = _with_default(_MouthConfig, "batch", 32)
    learning_rate: float = _with_default(TrainingConfig, "learning_rate", 1.5e-3)
    sync_steps: int = choice(900, "batches of phase 2")
    sync_batch: int = choice(8, "windows in a batch in phase 2")
    sync_learning_rate: float = choice(7e-4, "Adam's learning rate at its peak in phase 2")
    sync_ramp: int = _with_default(_MouthConfig, "sync_ramp", 100)
    expert_trained: bool = choice(
        False, "train the expert too, with generated windows as off-sync ones (the paper's ablation; frozen is better)"
    )
    expert_learning_rate: float = choice(1e-4, "the expert's learning rate, where it is trained too")
    contrastive: bool = choice(False, "use LipGAN's loss instead of cross-entropy, to judge and to train the expert")


@documented
@dataclass(frozen=True)
class GanConfig(_MouthConfig):
    """Settings of a GAN's training: `steps` batches of `batch` windows of 5 frames.

    The generator's loss is that of `GeneratorConfig`'s phase 2 plus `disc_weight` times the quality discriminator's
    cross-entropy with generated lower halves labelled as real (paper, section 3.4).
    """

    steps: int = _with_default(TrainingConfig, "steps", 600)
    learning_rate: float = _with_default(TrainingConfig, "learning_rate", 2e-4)
    evaluate_every: int = _with_default(TrainingConfig, "evaluate_every", 100)
    beta1: float = _with_default(_MouthConfig, "beta1", 0.5)
    ahead: int = choice(
        50, "steps at the start in which only the discriminator learns, to be useful when the generator starts"
    )
    disc_width: float = choice(0.25, "width of the discriminator")
    disc_learning_rate: float = choice(2e-4, "the discriminator's learning rate")
    disc_weight: float = choice(0.02, "weight of the realness loss")
    feature_weight: float = choice(
        0.0, "weight of the L1 between the discriminator's features of generated and true faces"
    )
    disc_ramp: int = choice(100, "steps over which that weight rises")

    def as_generator(self) -> GeneratorConfig:
        """The generator's part, as settings of a training that begins with phase 2."""
        alike = {name: value for name, value in asdict(self).items() if name in asdict(GeneratorConfig())}
        phase = {"steps": 0, "sync_steps": self.steps, "sync_batch": self.batch}
        return GeneratorConfig(**(alike | phase | {"sync_learning_rate": self.learning_rate}))


@documented
@dataclass(frozen=True)
class MeterConfig(TrainingConfig):
    """Settings of the meter's training: `batch` single frames a step, each varied as cameras and codecs do."""

    steps: int = _with_default(TrainingConfig, "steps", 3000)
    batch: int = choice(64, "frames in a batch")
    learning_rate: float = _with_default(TrainingConfig, "learning_rate", 2e-3)
    evaluate_every: int = _with_default(TrainingConfig, "evaluate_every", 500)


@documented
@dataclass(frozen=True)
class HearingConfig(TrainingConfig):
    """Settings of the training of a generator's audio encoder on speech alone: `batch` windows a step.

    `train_clips` and `validation_clips` count utterances here, and `looks` changes nothing.
    """

    width: float = choice(0.25, "width of the generator; 1 is the published one")
    steps: int = _with_default(TrainingConfig, "steps", 3000)
    batch: int = choice(256, "windows of sound in a batch")
    learning_rate: float = _with_default(TrainingConfig, "learning_rate", 2e-3)
    train_clips: int = _with_default(TrainingConfig, "train_clips", 4000)
    evaluate_every: int = _with_default(TrainingConfig, "evaluate_every", 500)
    schedule: str = choice("cosine", "of the learning rate: cosine or constant")
