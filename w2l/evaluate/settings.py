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
        "",
        "a generator that all trainings start from",
        metavar="W",
        default_help="one that is trained first, on pixels alone",
    )
    start_steps: int = choice(1000, "training steps of that start", parse=whole_number, metavar="N")
    start_batch: int = choice(16, "frames in a batch of the start", is_option=False)
    expert_start: str = choice(
        "classroom_judge",
        "an expert that those of all windows start from; not the judge",
        metavar="W",
    )
    expert_steps: int = choice(700, "training steps of each expert", parse=whole_number, metavar="N")
    expert_clips: int = choice(8, "clips in a batch of an expert", is_option=False)
    expert_windows: int = choice(6, "windows drawn from each of these", is_option=False)
    sync_steps: int = choice(120, "training steps with the expert", parse=whole_number, metavar="N")
    gan_steps: int = choice(
        160, "training steps as a GAN; the discriminator, which starts from nothing, has the first five eighths alone",
        parse=whole_number, metavar="N",
    )  # fmt: skip
    batch: int = choice(4, "windows in a batch of these two", is_option=False)
    train_clips: int = choice(320, "how many talkers to train on", parse=whole_number, metavar="N")
    validation_clips: int = choice(16, "how many talkers to look at while training", is_option=False)
    trial_clips: int = choice(6, "how many validation talkers to choose settings on", is_option=False)
    test_clips: int = choice(8, "how many talkers to test on", parse=whole_number, metavar="N")
    split: str = choice("test", "which part of the corpus the talkers to test on are from", is_option=False)
    judge: str = choice(
        "classroom_expert",
        "the expert that measures, and that no training learns from; its first layers give the Fréchet features",
        metavar="W",
    )
