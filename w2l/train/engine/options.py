"""Where and how fast a training runs, apart from what is learned."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from w2l.base.choices import choice, documented


@documented
@dataclass(frozen=True)
class RunOptions:
    """The run folder of a training, and how it is computed there; nothing here changes what is learned."""

    folder: Path
    device: str = choice("auto", "where it computes: auto, cpu, cuda, mps")
    amp: str = choice("auto", "precision of convolutions: auto, off (float32), bf16 or fp16")
    accumulate: int = choice(
        1, "compute each batch in this many parts, one after the other, to save memory", metavar="N"
    )
    compile: bool = choice(False, "let torch.compile write the kernels")
    workers: int | None = choice(
        None, "processes that draw batches", parse=int, metavar="N", default_help="as many as help"
    )
    save_every: int | None = choice(
        None, "steps between checkpoints", parse=int, metavar="STEPS", default_help="about every 2 minutes"
    )
    keep: int = choice(3, "checkpoints to keep besides the best", metavar="N")
    copy_to: Path | None = choice(
        None,
        "a folder, such as on a mounted Drive, that the run folder is also copied to, and restored from when empty",
        parse=Path,
        metavar="FOLDER",
        default_help="none",
    )
    sanity: bool = choice(
        True,
        "check data, expert and network before a fresh training",
        "--no-sanity",
        option_help="skip the checks before a fresh training",
    )
    progress: bool = choice(True, "show a progress bar", "--quiet", option_help="no progress bar")
