"""The choices that a user has about measuring: with what, and how long the trainings of the ablation are."""

from __future__ import annotations

from dataclasses import dataclass

from w2l.base.choices import choice, documented, whole_number


@documented
@dataclass(frozen=True)
class InstrumentSettings:
    """The networks that measure, and where they run."""

    expert: str = choice(
        "auto",
        "what measures the sync: auto (syncnet_v2 if this machine has it, else the bundled expert), a name, or a file",
        metavar="W",
    )
    meter: str = choice("classroom_meter", "what measures mouths: a name or a file", metavar="W")
    device: str = choice("auto", "auto, cpu, cuda, mps")
    inception: bool = choice(False, "also measure the Fréchet distance of Inception features (FID)")


@documented
@dataclass(frozen=True)
class Budget:
    """Steps and clips of the ablation, the same for every variant."""

    start: str = choice(
        "classroom_generator_l1", "the generator, trained on pixels, that all trainings start from", metavar="W"
    )
    expert_steps: int = choice(500, "training steps of each expert", parse=whole_number, metavar="N")
    sync_steps: int = choice(200, "training steps with the expert", parse=whole_number, metavar="N")
    gan_steps: int = choice(150, "training steps as a GAN", parse=whole_number, metavar="N")
    train_clips: int = choice(600, "how many talkers to train on", parse=whole_number, metavar="N")
    validation_clips: int = choice(32, "how many talkers to look at while training", is_option=False)
    test_clips: int = choice(12, "how many talkers to test on", parse=whole_number, metavar="N")
    split: str = choice("test", "which part of the corpus the talkers to test on are from", is_option=False)
    judge: str = choice(
        "classroom_judge",
        "the expert that measures, and that no training learns from; its first layers give the Fréchet features",
        is_option=False,
    )
